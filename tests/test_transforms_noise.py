"""Noise by its statistics, compression against Pillow."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

import augmentlab
from augmentlab import ISONoise, JPEGCompression, PixelDropout, ShotNoise, SpeckleNoise
from augmentlab.transforms import noise as family
from augmentlab.transforms.color import decode_srgb

PHOTO = np.ascontiguousarray(data.astronaut()[::5, ::5])
GRAY = np.ascontiguousarray(data.camera()[::6, ::6])
SHAPES = [(1, 1), (1, 30), (7, 5, 3), (64, 64), (257, 129, 3), (33, 65, 4), (64, 64, 1)]
SIDE = 200  # a standard deviation of so many pixels is known to 1 in 100, with room


@pytest.mark.parametrize("name", family.__all__)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_size(name, shape):
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for seed, image in enumerate((levels, (levels / 255).astype(np.float32))):
        result = getattr(augmentlab, name).typical()(image, rng=seed)
        assert result.shape == image.shape
        assert result.dtype == image.dtype
        assert 0 <= result.min() <= result.max() <= augmentlab.pixels.full_scale(image.dtype)


@pytest.mark.parametrize("name", [name for name in family.__all__ if name != "JPEGCompression"])
def test_a_seed_is_one_field(name):
    step = getattr(augmentlab, name).typical()
    one, again, other = step.sample(1), step.sample(1), step.sample(2)
    assert one.seed == again.seed != other.seed
    assert np.array_equal(one.apply(PHOTO), again.apply(PHOTO))
    assert not np.array_equal(one.apply(PHOTO), other.apply(PHOTO))


@pytest.mark.parametrize("level", [0.1, 0.5, 0.7])
def test_shot_noise_has_the_variance_of_photons(level):
    noise = ShotNoise(std=0.1, seed=3).apply(np.full((SIDE, SIDE, 3), level)) - level
    assert noise.mean() == pytest.approx(0, abs=2e-3)
    assert noise.std() == pytest.approx(0.1 * np.sqrt(level), rel=0.02)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.03
    counts = (noise + level) * 100  # a hundred photons make white: values are whole counts
    assert np.allclose(counts, np.rint(counts))


def test_shot_noise_leaves_black_and_vanishes_with_many_photons():
    assert not ShotNoise(std=1, seed=0).apply(np.zeros((9, 9), np.uint8)).any()
    for std in (1e-300, 1e-9, 1e-5):
        assert np.array_equal(ShotNoise(std=std, seed=0).apply(PHOTO), PHOTO)


def test_speckle_is_proportional_to_the_value():
    for level in (0.2, 0.5):
        noise = SpeckleNoise(std=0.2, seed=4).apply(np.full((SIDE, SIDE, 3), level)) - level
        assert noise.std() == pytest.approx(0.2 * level, rel=0.02)
        assert np.ptp(noise, axis=2).max() == 0
    noise = SpeckleNoise(std=0.2, seed=4, per_channel=True).apply(np.full((SIDE, SIDE, 3), 0.5)) - 0.5
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.03
    assert not SpeckleNoise(std=5, seed=0).apply(np.zeros((9, 9, 3))).any()


@pytest.mark.parametrize("level", [0.3, 0.6])
def test_iso_noise_grows_with_the_root_of_the_light(level):
    image = np.full((SIDE, SIDE, 3), level)
    light = decode_srgb(np.array(level))
    gray = decode_srgb(ISONoise(luminance=0.04, seed=1).apply(image)) - light
    assert gray.std() == pytest.approx(0.04 * np.sqrt(light), rel=0.02)
    assert np.ptp(gray, axis=2).max() < 1e-6
    tint = decode_srgb(ISONoise(color=0.04, seed=1).apply(image)) - light
    assert tint.std() == pytest.approx(0.04 * np.sqrt(light), rel=0.05)
    assert np.abs(tint.mean(axis=2)).max() < 1e-6
    along = np.corrcoef(tint[:, :-1, 0].ravel(), tint[:, 1:, 0].ravel())[0, 1]
    assert along == pytest.approx(np.exp(-1 / 4), abs=0.05)  # of white noise blurred by sigma 1, one pixel apart


def test_iso_noise_on_gray_is_the_gray_grain():
    both = ISONoise(luminance=0.1, color=0.1, seed=7).apply(GRAY)
    assert np.array_equal(both, ISONoise(luminance=0.1, seed=7).apply(GRAY))
    assert np.array_equal(ISONoise(color=0.1, seed=7).apply(GRAY), GRAY)
    assert np.array_equal(both[..., None], ISONoise(luminance=0.1, color=0.1, seed=7).apply(GRAY[..., None]))


def test_pixel_dropout():
    image = np.full((SIDE, SIDE, 4), 200, np.uint8)
    dropped = PixelDropout(amount=0.1, seed=2).apply(image)
    black = dropped[..., :3] == 0
    assert black.mean() == pytest.approx(0.1, abs=0.01)
    assert (black.all(axis=2) == black.any(axis=2)).all()
    assert set(np.unique(dropped)) == {0, 200}
    assert (dropped[..., 3] == 200).all()
    alone = PixelDropout(amount=0.1, fill=1, per_channel=True, seed=2).apply(image)[..., :3] == 255
    assert alone.mean() == pytest.approx(0.1, abs=0.01)
    assert alone.all(axis=2).mean() < 0.01
    assert (PixelDropout(amount=1, fill=0.25, seed=0).apply(GRAY) == 64).all()


@pytest.mark.parametrize(("quality", "subsampling"), [(1, "4:2:0"), (40, "4:4:4"), (99, "4:2:2")])
@pytest.mark.parametrize("image", [PHOTO, GRAY], ids=["colour", "gray"])
def test_jpeg_is_pillows(image, quality, subsampling):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=quality, subsampling=subsampling)
    expected = np.asarray(Image.open(stream))
    step = JPEGCompression(quality=quality, subsampling=subsampling)
    assert np.array_equal(step.apply(image), expected)
    assert np.array_equal(step.apply((image / 255).astype(np.float32)), (expected / 255).astype(np.float32))


def test_jpeg_loses_more_at_a_lower_quality_and_nothing_at_100():
    def loss(quality, subsampling="4:2:0"):
        step = JPEGCompression(quality=quality, subsampling=subsampling)
        return np.abs(step.apply(PHOTO).astype(float) - PHOTO).mean()

    assert loss(100) == 0
    assert 0 < loss(95) < loss(60) < loss(20) < loss(5)
    assert loss(95, "4:4:4") < loss(95, "4:2:2") < loss(95)
    floats = np.full((3, 3), 0.12345)
    assert np.array_equal(JPEGCompression(quality=100).apply(floats), floats)

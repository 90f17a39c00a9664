"""Noise by its statistics, compression against Pillow."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from skimage import data

import augmentlab
from augmentlab import (
    GaussianNoise,
    ISONoise,
    JPEGCompression,
    PixelDropout,
    SaltAndPepper,
    ShotNoise,
    SpeckleNoise,
)
from augmentlab.engines import reference
from augmentlab.params import SEED_MAX
from augmentlab.transforms import noise as family
from augmentlab.transforms.color import decode_srgb

PHOTO = np.ascontiguousarray(data.astronaut()[::5, ::5])
GRAY = np.ascontiguousarray(data.camera()[::6, ::6])
SIDE = 200  # a standard deviation of so many pixels is known to 1 in 100, with room


@pytest.mark.parametrize("name", [name for name in family.__all__ if name != "JPEGCompression"])
def test_a_seed_is_one_field(name):
    step = getattr(augmentlab, name).typical()
    one, again, other = step.sample(1), step.sample(1), step.sample(2)
    assert one.seed == again.seed != other.seed
    assert np.array_equal(one.apply(PHOTO), again.apply(PHOTO))
    assert not np.array_equal(one.apply(PHOTO), other.apply(PHOTO))


# ---------------------------------------------------------------- the random numbers


def test_words_are_those_of_splitmix64():
    # The generator's first words for the seed 1234567, as published for the checking of implementations
    # (Rosetta Code, "Pseudo-random numbers/Splitmix64"). Its state grows by a constant from word to word.
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    step = 0x9E3779B97F4A7C15
    assert [reference.stream_key((1234567 + k * step) % 2**64) for k in range(5)] == published
    words = reference.random_words(1000, 1234567)
    assert words.dtype == np.uint64
    # The seed's first word is where its stream begins.
    assert words.tolist() == [reference.stream_key((published[0] + k * step) % 2**64) for k in range(1000)]


def test_a_word_is_cut_into_numbers_from_its_lowest_bits():
    words = reference.random_words(3, 8).tolist()
    pieces = [word >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)]
    assert reference.random_integers((2, 5), 16, 8).tolist() == [pieces[:5], pieces[5:10]]
    halves = [word >> shift & 0xFFFFFFFF for word in words for shift in (0, 32)]
    assert reference.random_integers((5,), 32, 8).tolist() == halves[:5]


def test_seeds_and_tuples_of_seeds_are_streams_of_their_own():
    seeds = [*range(2000), SEED_MAX, *((seed, number) for seed in range(100) for number in range(5)), (1, 0, 0)]
    assert len({reference.stream_key(seed) for seed in seeds}) == len(seeds)
    assert reference.stream_key((5,)) == reference.stream_key(np.int64(5)) == reference.stream_key(5)


def test_the_numbers_are_uniform_and_every_bit_is_even():
    numbers = reference.random_integers((2**20,), 16, 3)
    assert stats.chisquare(np.bincount(numbers >> 8, minlength=256)).pvalue > 1e-3
    assert stats.chisquare(np.bincount(numbers & 255, minlength=256)).pvalue > 1e-3
    long = reference.random_integers((2**20,), 32, 4)
    for bit in range(32):
        assert stats.binomtest(int((long >> bit & 1).sum()), long.size).pvalue > 1e-4
    for distance in (1, 2, 3, 4, 5, 64):  # in one word, in the next, and farther
        pairs = (numbers[:-distance] >> 12) * 16 + (numbers[distance:] >> 12)
        assert stats.chisquare(np.bincount(pairs, minlength=256)).pvalue > 1e-4


def test_the_quantiles_are_those_of_the_normal_distribution():
    table = reference.normal_quantiles().astype(float)
    assert np.abs(stats.norm.cdf(table) - (np.arange(65536) + 0.5) / 65536).max() < 1e-7
    assert np.array_equal(table, -table[::-1])  # so the mean is 0
    assert table.std() == pytest.approx(1, abs=2e-4)  # what lies beyond 4.3 is missing
    assert not reference.normal_quantiles().flags.writeable


def test_noise_is_normal():
    noise = reference.normal((1000, 1000), 11).ravel().astype(float)
    assert stats.kstest(noise[:200_000], "norm").pvalue > 1e-3
    error = 1 / np.sqrt(noise.size)
    assert abs(noise.mean()) < 4 * error
    assert noise.std() == pytest.approx(1, abs=4 * error)
    assert abs(stats.skew(noise)) < 4 * np.sqrt(6) * error
    assert abs(stats.kurtosis(noise)) < 4 * np.sqrt(24) * error + 2e-3  # the ends of the table


def test_noise_is_independent():
    """Of neighbours, rows, channels and neighbouring seeds: correlations of the values and of their squares."""
    noise = reference.normal((256, 255, 3), 5).astype(float)
    others = [reference.normal((256, 255, 3), seed).astype(float) for seed in (4, 6, (5, 0), (5, 1), (0, 5))]
    pairs = [
        (noise[:, :-1], noise[:, 1:]),
        (noise[:-1], noise[1:]),
        (noise[:-1, :-1], noise[1:, 1:]),
        (noise[..., 0], noise[..., 1]),
        (noise[..., 0], noise[..., 2]),
        *((noise, other) for other in others),
    ]
    for one, other in pairs:
        for power in (1, 2):
            correlation = np.corrcoef(one.ravel() ** power, other.ravel() ** power)[0, 1]
            assert abs(correlation) < 4 / np.sqrt(one.size)


def test_a_smaller_image_meets_the_beginning_of_the_same_noise():
    # Word by word, so a record of the seed is enough, and no word is drawn for nothing.
    assert np.array_equal(reference.normal((7, 9), 3).ravel(), reference.normal((40, 50), 3).ravel()[:63])


def test_gaussian_noise_on_bytes_is_in_whole_levels():
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    noise = GaussianNoise(std=0.05, seed=3).apply(image).astype(int) - 128
    expected = np.rint(reference.normal(image.shape, 3) * np.float32(0.05 * 255))
    assert np.array_equal(noise, expected)
    # Rounding adds the variance of one even level, 1 / 12.
    assert noise.std() == pytest.approx(np.hypot(0.05 * 255, np.sqrt(1 / 12)), rel=0.01)
    same = GaussianNoise(std=0.05, seed=3, per_channel=False).apply(image).astype(int) - 128
    assert np.ptp(same, axis=2).max() == 0
    assert np.array_equal(same[..., 0], np.rint(reference.normal(image.shape[:2], 3) * np.float32(0.05 * 255)))
    for level in (0, 255):
        clipped = GaussianNoise(std=1, seed=3).apply(np.full((50, 50), level, np.uint8))
        assert {0, 255} == {clipped.min(), clipped.max()}
        assert (clipped == level).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaussian_noise_on_floats(dtype):
    image = np.full((SIDE, SIDE), 0.5, dtype)
    noisy = GaussianNoise(std=0.1, seed=3).apply(image)
    assert noisy.dtype == dtype
    assert np.abs(noisy - (0.5 + 0.1 * reference.normal(image.shape, 3))).max() < 1e-6
    assert GaussianNoise(std=1, seed=3).apply(image).min() == 0
    assert GaussianNoise(std=1, seed=3).apply(image).max() == 1


@pytest.mark.parametrize("amount", [0.001, 0.1, 0.5, 0.97])
def test_shares_are_kept(amount):
    places = reference.chosen((500, 400), amount, 9)
    assert abs(places.mean() - amount) < 4 * np.sqrt(amount * (1 - amount) / places.size)
    fewer = reference.chosen((500, 400), amount / 2, 9)
    assert (places | fewer).sum() == places.sum()  # more is what was, and more
    image = np.full((500, 400, 3), 100, np.uint8)
    noisy = SaltAndPepper(amount=amount, salt=0.3, seed=9).apply(image)
    assert np.array_equal(noisy[..., 0] != 100, places)
    assert np.ptp(noisy, axis=2).max() == 0
    white = (noisy[..., 0] == 255).sum()
    assert abs(white / places.sum() - 0.3) < 4 * np.sqrt(0.21 / places.sum())
    assert np.array_equal(PixelDropout(amount=amount, seed=9).apply(image)[..., 0] == 0, places)


def test_none_and_all():
    assert not reference.chosen((50, 50), 0, 1).any()
    assert reference.chosen((50, 50), 1, 1).all()
    image = np.full((50, 50), 0.5)
    assert (SaltAndPepper(amount=1, salt=1, seed=0).apply(image) == 1).all()
    assert (SaltAndPepper(amount=1, salt=0, seed=0).apply(image) == 0).all()


# ---------------------------------------------------------------- the other noises


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


@pytest.mark.parametrize("step", [ISONoise(luminance=0.1, color=0.05, seed=2), SpeckleNoise(std=0.2, seed=2)])
def test_bytes_get_the_noise_that_floats_get(step):
    image = np.ascontiguousarray(data.astronaut()[:230, :300])  # of several strips
    floats = step.apply(image / 255) * 255
    assert np.abs(step.apply(image) - floats).max() <= 0.5 + 1e-3
    for rows in (slice(0, 1), slice(0, 100)):  # the noise begins at the top, whatever lies below; colours are blurred
        if isinstance(step, SpeckleNoise):
            assert np.array_equal(step.apply(image[rows]), step.apply(image)[rows])


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

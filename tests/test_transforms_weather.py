"""Weather and light: the formulas where they are plain, and what must be seen in the rest."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage
from skimage import data, transform

from augmentlab import Fog, Rain, Shadow, Snow, SunFlare

PHOTO = data.astronaut()
ALL = [
    Fog(density=0.7, seed=1),
    Rain(amount=0.7, slant=15, seed=1),
    Snow(amount=0.6, flakes=0.5, seed=1),
    Shadow(darkness=0.6, seed=1),
    SunFlare(strength=0.8, x=0.3, y=0.2, seed=1),
]
every = pytest.mark.parametrize("step", ALL, ids=lambda step: type(step).__name__)


def shrunk(image, factor):
    height, width = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    return blocks.mean(axis=(1, 3)).astype(np.float64)


@every
def test_a_thumbnail_shows_the_same_weather(step):
    image = PHOTO / 255.0
    small = shrunk(image, 8)
    weather_first = shrunk(step.apply(image), 8)
    difference = np.abs(step.apply(small) - weather_first)
    change = np.abs(weather_first - small)
    # What is finer than a pixel, a drop or an edge, differs; the rest is the same.
    assert difference.mean() < 0.2 * change.mean()


@every
def test_a_gray_image_is_lit_as_a_coloured_one(step):
    gray = PHOTO[:128, :160, 1]
    result = step.apply(gray)
    assert np.array_equal(step.apply(gray[..., None])[..., 0], result)
    coloured = step.apply(np.repeat(gray[..., None], 3, axis=2)).astype(float).mean(axis=2)
    # The sun is not white: for gray its light is averaged before the blend is rounded and clipped.
    assert np.abs(coloured - result).max() <= (12 if isinstance(step, SunFlare) else 0.5)


@every
def test_another_seed_is_another_pattern(step):
    other = dataclasses.replace(step, seed=2)
    assert not np.array_equal(step.apply(PHOTO[:64, :64]), other.apply(PHOTO[:64, :64]))


def test_even_fog_is_a_blend():
    image = np.array([[0, 100, 255]], np.uint8)
    expected = np.rint(image * 0.6 + 0.9 * 255 * 0.4)
    assert np.array_equal(Fog(density=0.4, patchiness=0, level=0.9, seed=0).apply(image), expected)


def test_banks_of_fog_are_smooth_and_within_their_range():
    thickness = Fog(density=0.8, patchiness=0.5, level=1, seed=3).apply(np.zeros((256, 384)))
    assert thickness.min() >= 0.4 - 1e-12
    assert thickness.max() <= 0.8 + 1e-12
    assert np.ptp(thickness) > 0.2
    assert max(np.abs(np.diff(thickness, axis=axis)).max() for axis in (0, 1)) < 0.03
    spread = [np.ptp(Fog(density=1, patchiness=1, level=1, seed=seed).apply(np.zeros((64, 64)))) for seed in range(9)]
    assert np.mean(spread) > 0.7


@pytest.mark.parametrize("slant", [-40, 0, 25])
def test_rain_falls_along_its_slant(slant):
    streaks = Rain(amount=0.6, slant=slant, seed=4).apply(np.zeros((600, 600)))
    down, right = (ndimage.gaussian_filter(streaks, 2, order=order) for order in ((1, 0), (0, 1)))
    # The direction along which the picture changes least, from the structure tensor.
    angle = 0.5 * np.arctan2(2 * (right * down).sum(), (right**2).sum() - (down**2).sum())
    assert np.rad2deg(-angle) == pytest.approx(slant, abs=3)


def test_more_rain_keeps_the_streaks_of_less():
    black = np.zeros((200, 200))
    some, more = (Rain(amount=amount, seed=4).apply(black) for amount in (0.3, 0.9))
    drops = some > np.median(some) + 0.1
    assert 0.002 < drops.mean() < 0.2
    assert (more[drops] > np.median(more) + 0.09).mean() > 0.95


def test_rain_darkens_and_flattens():
    bright = np.where(np.indices((64, 64))[1] < 32, 0.9, 0.5)
    result = Rain(amount=1, seed=0).apply(bright)
    assert result[:, :24].mean() < 0.8
    assert np.median(result[:, :24]) - np.median(result[:, 40:]) < 0.35


def test_snow_lies_on_what_is_bright():
    steps = np.repeat(np.linspace(0, 1, 11), 64)[None].repeat(256, axis=0)
    result = Snow(amount=0.8, seed=2).apply(steps)
    added = (result - steps).reshape(256, 11, 64).mean(axis=(0, 2))
    assert (added[:4] < 0.02).all()  # dark ground
    assert added[7] > 0.1
    assert result.max() <= 1
    assert (result >= steps - 0.031).all()
    flakes = Snow(flakes=1, seed=2).apply(np.zeros((256, 256)))
    assert 0.005 < (flakes > 0.5).mean() < 0.2


def test_a_shadow_takes_its_part_of_the_light_inside_and_nothing_outside():
    white = np.ones((200, 300))
    for seed in range(8):
        shade = Shadow(darkness=0.4, count=2, softness=0.01, seed=seed).apply(white)
        inside, outside = shade < 0.6 + 1e-9, shade > 1 - 1e-9
        assert shade.min() >= 0.6 - 1e-9
        assert inside.sum() + outside.sum() > 0.9 * shade.size
    areas = [(Shadow(darkness=0.5, count=1, seed=seed).apply(white) < 0.75).mean() for seed in range(40)]
    assert 0.05 < np.mean(areas) < 0.4
    assert sum(area > 0.01 for area in areas) >= 32
    soft = [Shadow(darkness=0.5, softness=softness, seed=3).apply(white) for softness in (0, 0.2)]
    steepest = [max(np.abs(np.diff(one, axis=axis)).max() for axis in (0, 1)) for one in soft]
    assert steepest[1] < 0.1 * steepest[0]


def test_the_sun_stands_where_it_is_put_and_never_darkens():
    image = transform.resize(PHOTO, (90, 120), anti_aliasing=True)
    result = SunFlare(strength=1, x=0.25, y=0.5, reflections=0, seed=0).apply(image)
    assert (result >= image - 1e-9).all()
    light = SunFlare(strength=0.4, x=0.25, y=0.5, reflections=0, seed=0).apply(np.zeros((90, 120)))
    row, column = np.unravel_index(light.argmax(), light.shape)
    assert abs(row - 44.5) <= 1
    assert abs(column - 29.5) <= 1
    assert light[0, -1] < 0.05 * light.max()
    reflected = SunFlare(strength=0.4, x=0.25, y=0.5, reflections=6, seed=0).apply(np.zeros((90, 120)))
    assert (reflected >= light - 1e-9).all()
    assert (reflected > light + 0.01).any()

import dataclasses
import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from augmentlab import GaussianBlur, Invert, Rotate, strength
from augmentlab.measures import Strength

SHAPES = [(1, 1), (1, 9), (2, 5), (6, 6), (7, 7, 1), (5, 7, 3), (16, 12, 4), (40, 31, 3)]


def image_of(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_images_do_not_differ(shape):
    image = image_of(shape)
    assert strength(image, image) == Strength(difference=0.0, ssim=1.0, psnr=math.inf)
    assert strength(image, (image / 255).astype(np.float32)).difference < 1e-7


@pytest.mark.parametrize("shape", SHAPES)
def test_numbers_are_in_range_and_both_ways_alike(shape):
    one, other = image_of(shape), image_of(shape, 1)
    found = strength(one, other)
    assert 0 < found.difference < 1
    assert -1 <= found.ssim < 1
    assert 0 < found.psnr < 60
    assert dataclasses.astuple(strength(other, one)) == pytest.approx(dataclasses.astuple(found))


def test_known_values():
    black, gray = np.zeros((8, 8), np.uint8), np.full((8, 8), 51, np.uint8)  # 51 is a fifth of white
    found = strength(black, gray)
    assert found.difference == pytest.approx(0.2)
    assert found.psnr == pytest.approx(-20 * math.log10(0.2))
    # Without variance only the first factor is left: C1 / (0.2^2 + C1) with C1 = 0.01^2.
    assert found.ssim == pytest.approx(1e-4 / (0.04 + 1e-4))
    white = np.full((8, 8), 1.0)
    assert dataclasses.astuple(strength(black, white)) == pytest.approx((1, 1e-4 / (1 + 1e-4), 0))


def test_agreement_with_scikit_image():
    one = image_of((40, 31, 3))
    other = GaussianBlur(sigma=1)(one)
    found = strength(one, other)
    assert found.psnr == pytest.approx(peak_signal_noise_ratio(one, other, data_range=255))
    # scikit-image divides variances by n - 1 unless told: 1/49 of a term that both factors share.
    own = structural_similarity(one, other, channel_axis=2, data_range=255, use_sample_covariance=False)
    assert found.ssim == pytest.approx(own)
    assert found.difference == pytest.approx(np.abs(one.astype(float) - other).mean() / 255)


def test_more_is_more():
    image = GaussianBlur(sigma=2)(image_of((40, 40, 3)))
    weak, strong = (strength(image, Rotate(angle=angle, border="reflect")(image)) for angle in (1, 20))
    assert weak.difference < strong.difference
    assert weak.ssim > strong.ssim
    assert weak.psnr > strong.psnr
    assert strength(image, Invert()(image)).ssim < 0


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (image_of((4, 5)), image_of((5, 4)), "after must have the shape of before, (4, 5); got (5, 4)"),
        (image_of((4, 5)), image_of((4, 5, 1)), "after must have the shape of before, (4, 5); got (4, 5, 1)"),
        (image_of((4, 5)), [[1]], "after must be a NumPy array; got list"),
        (np.full((4, 5), 7.0), image_of((4, 5)), "before must be float in [0, 1]; got values in [7, 7]"),
        (image_of((4, 5)), np.full((4, 5), np.nan), "after must be finite; got NaN or infinity"),
    ],
)
def test_what_cannot_be_compared_gets_one_sentence(before, after, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        strength(before, after)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)

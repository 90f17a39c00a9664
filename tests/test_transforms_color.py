"""Colour and tone against hand-made values, Pillow, scikit-image and OpenCV."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from skimage import color, data, exposure

from augmentlab import (
    CLAHE,
    AutoContrast,
    Brightness,
    BrightnessContrast,
    ChannelDropout,
    ChannelShuffle,
    ColorJitter,
    ColorTemperature,
    Compose,
    Contrast,
    Equalize,
    FancyPCA,
    Grayscale,
    HistogramMatching,
    HueSaturation,
    LogContrast,
    RGBShift,
    Sepia,
    SigmoidContrast,
    choice,
    from_dict,
    uniform,
)
from augmentlab.transforms import color as family
from augmentlab.transforms.color import decode_srgb, encode_srgb

PHOTO = np.ascontiguousarray(data.astronaut()[::5, ::5])
FLOATS = (PHOTO / 255).astype(np.float64)
GRAY = np.ascontiguousarray(data.camera()[::6, ::6])


def levels_apart(one, other):
    return np.abs(one.astype(float) - other.astype(float))


@pytest.mark.parametrize(
    "cls", [ChannelDropout, ChannelShuffle, ColorTemperature, FancyPCA, HueSaturation, RGBShift, Sepia]
)
def test_what_changes_colours_leaves_gray_images(cls):
    for image in (GRAY, GRAY[..., None], (GRAY / 255).astype(np.float32)):
        assert np.array_equal(cls.typical()(image, rng=1), image)


# ---------------------------------------------------------------- curves


def test_brightness_contrast_is_contrast_then_brightness():
    x = np.array([[0.0, 0.25, 0.5, 0.75, 1.0]])
    both = BrightnessContrast(brightness=0.1, contrast=2)
    assert np.allclose(both.apply(x), [[0, 0.1, 0.6, 1, 1]])
    mild = BrightnessContrast(brightness=-0.1, contrast=0.5)
    assert np.allclose(mild.apply(FLOATS), Brightness(delta=-0.1).apply(Contrast(factor=0.5).apply(FLOATS)))


@pytest.mark.parametrize(("gain", "cutoff"), [(2, 0.5), (10, 0.3), (50, 1), (50, 0), (0.01, 0.5)])
def test_sigmoid_contrast_is_scikit_images_rescaled(gain, cutoff):
    x = np.linspace(0, 1, 101)[None]
    sigmoid = exposure.adjust_sigmoid(x, cutoff=cutoff, gain=gain)
    expected = (sigmoid - sigmoid[0, 0]) / (sigmoid[0, -1] - sigmoid[0, 0])
    bent = SigmoidContrast(gain=gain, cutoff=cutoff).apply(x)
    assert np.abs(bent - expected).max() < 1e-9
    assert (bent[0, 0], bent[0, -1]) == (0, 1)


@pytest.mark.parametrize("cls", [SigmoidContrast, LogContrast])
def test_a_weak_curve_is_nearly_straight(cls):
    for gain in (5e-324, 1e-300, 1e-7, 1e-5, 1e-3):
        assert np.abs(cls(gain=gain).apply(FLOATS.astype(np.float32)) - FLOATS).max() < 2e-4


def test_log_contrast_of_gain_one_is_scikit_images():
    assert np.abs(LogContrast(gain=1).apply(FLOATS) - exposure.adjust_log(FLOATS)).max() < 1e-12
    assert levels_apart(LogContrast(gain=1).apply(PHOTO), exposure.adjust_log(PHOTO)).max() <= 1  # it truncates
    # 7 / 255 with gain 254 is log(1 + 254 * 7 / 255) / log(255)
    assert LogContrast(gain=254).apply(np.full((1, 1), 7, np.uint8))[0, 0] == round(
        255 * np.log(1 + 254 * 7 / 255) / np.log(255)
    )


def test_rgb_shift():
    image = np.full((2, 2, 4), 100, np.uint8)
    shifted = RGBShift(red=0.2, green=-1, blue=0.7).apply(image)
    assert shifted[1, 1].tolist() == [151, 0, 255, 100]  # 100 + 51, clipped, clipped, alpha as it was
    floats = RGBShift(red=0.2, green=-1, blue=0.7).apply(image.astype(np.float32) / 255)
    assert np.allclose(floats[0, 0], [100 / 255 + 0.2, 0, 1, 100 / 255])


def test_curves_of_single_channels_join_other_curves():
    steps = [RGBShift(red=0.1), Contrast(factor=1.3), ColorTemperature(kelvin=4000)]
    together = Compose(steps).apply(PHOTO)
    one_by_one = steps[2].apply(steps[1].apply(steps[0].apply(PHOTO)))
    assert np.array_equal(together, one_by_one)


# ---------------------------------------------------------------- colour temperature


def test_srgb_is_the_standards():
    assert decode_srgb(np.array([0.0, 0.04045, 0.5, 1.0])) == pytest.approx([0, 0.0031308, 0.2140411, 1], abs=1e-6)
    x = np.linspace(0, 1, 256)
    assert np.abs(encode_srgb(decode_srgb(x)) - x).max() < 1e-4  # the standard's two pieces meet to 4 digits


@pytest.mark.parametrize(
    ("kelvin", "x", "y"),
    # CIE 15: standard illuminant A; Planckian locus as tabulated in Wyszecki and Stiles, Color Science
    [(2856, 0.4476, 0.4074), (4000, 0.3805, 0.3768), (6500, 0.3135, 0.3237), (10000, 0.2807, 0.2884)],
)
def test_black_bodies_have_the_published_chromaticity(kelvin, x, y):
    xyz = np.linalg.solve(family._RGB_FROM_XYZ, family._black_body(kelvin))
    assert xyz[:2] / xyz.sum() == pytest.approx([x, y], abs=1e-3)


def test_the_locus_has_no_jumps():
    for kelvin in (2222, 4000):
        assert family._black_body(kelvin) == pytest.approx(family._black_body(kelvin + 0.01), abs=2e-3)


def test_low_is_warm_and_high_is_cool_at_equal_luminance():
    gray = np.full((1, 1, 3), 0.4)
    shown = np.array([ColorTemperature(kelvin=kelvin).apply(gray)[0, 0] for kelvin in (2500, 4000, 6500, 9000, 20000)])
    assert (np.diff(shown[:, 0]) < 0).all()
    assert (np.diff(shown[:, 2]) > 0).all()
    assert np.array_equal(shown[2], gray[0, 0])
    assert decode_srgb(shown) @ family._LUMINANCE == pytest.approx(float(decode_srgb(np.array(0.4))), rel=1e-6)
    assert np.array_equal(ColorTemperature(kelvin=3000).apply(np.zeros((2, 2, 3))), np.zeros((2, 2, 3)))


# ---------------------------------------------------------------- histograms


def test_auto_contrast():
    image = np.array([[10, 20], [30, 60]], np.uint8)
    assert AutoContrast(cutoff=0).apply(image).tolist() == [[0, 51], [102, 255]]
    assert np.array_equal(AutoContrast().apply(np.full((3, 3, 3), 7, np.uint8)), np.full((3, 3, 3), 7))
    assert np.array_equal(AutoContrast().apply(np.full((3, 3), 0.3)), np.full((3, 3), 0.3))


@pytest.mark.parametrize("step", [AutoContrast(), CLAHE(clip_limit=0.01), Equalize()])
def test_rounding_errors_are_no_contrast(step):
    flat = 0.3 + np.random.default_rng(0).normal(0, 1e-9, (20, 30, 3))
    assert np.abs(step.apply(flat) - flat).max() < 1e-6
    assert np.ptp(HistogramMatching(blend=1).apply(np.full((4, 4), 0.3) + np.eye(4) * 1e-9)) < 1e-6


def test_auto_contrast_is_pillows():
    dull = (PHOTO * np.array([0.4, 0.5, 0.3]) + [20, 60, 100]).astype(np.uint8)
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(dull)))
    assert levels_apart(AutoContrast(cutoff=0).apply(dull), expected).max() <= 1  # Pillow truncates
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(dull), cutoff=2))
    ours = AutoContrast(cutoff=0.02).apply(dull)
    # Pillow cuts at whole levels, where a quantile may lie between two.
    assert levels_apart(ours, expected).mean() < 1.5


def test_auto_contrast_together_keeps_the_hues():
    dull = FLOATS * [0.5, 0.3, 0.4] + 0.2
    spread = AutoContrast(cutoff=0, channels="together").apply(dull)
    assert np.allclose(spread, (dull - dull.min()) / np.ptp(dull))
    each = AutoContrast(cutoff=0).apply(dull)
    assert np.allclose(each, (dull - dull.min(axis=(0, 1))) / np.ptp(dull, axis=(0, 1)))


@pytest.mark.parametrize("clip_limit", [0.005, 0.02, 1])
def test_clahe_is_scikit_images(clip_limit):
    photo = PHOTO[:96, :80]
    step = CLAHE(clip_limit=clip_limit)
    gray = exposure.equalize_adapthist(GRAY, clip_limit=clip_limit, nbins=256)
    assert np.abs(step.apply(GRAY / 255) - gray).max() < 1e-4  # it rounds uint8 to 16 bits in another way than floats
    expected = exposure.equalize_adapthist(photo / 255, clip_limit=clip_limit, nbins=256)
    assert np.abs(step.apply(photo / 255) - expected).max() < 1e-9
    assert levels_apart(step.apply(photo), expected * 255).max() <= 0.5 + 1e-6


def test_clahe_keeps_hue_and_black():
    photo = PHOTO / 255
    photo[:9, :9] = 0
    equalized = CLAHE(clip_limit=0.01).apply(photo)
    bright = (photo.min(axis=2) > 0.1) & (np.ptp(photo, axis=2) > 0.1)
    before, after = color.rgb2hsv(photo)[bright], color.rgb2hsv(equalized)[bright]
    assert np.abs(before[:, :2] - after[:, :2]).max() < 1e-9
    assert np.ptp(equalized[:9, :9], axis=2).max() == 0
    flat = np.full((20, 30, 3), 90, np.uint8)
    assert np.array_equal(CLAHE(clip_limit=0.01).apply(flat), flat)


def test_histogram_matching_is_scikit_images():
    reference = np.ascontiguousarray(data.coffee()[::8, ::8])
    expected = exposure.match_histograms(PHOTO, reference, channel_axis=2)
    matched = HistogramMatching.fit([reference], steps=255).apply(PHOTO)
    # scikit-image takes the upper end of a level's ranks, we take their middle: they part where a level holds many pixels.
    assert levels_apart(matched, expected).mean() < 1.5
    few = HistogramMatching.fit([reference]).apply(PHOTO)
    assert levels_apart(few, matched).mean() < 1
    for channel in range(3):
        mean, std = few[..., channel].mean(), few[..., channel].std()
        assert mean == pytest.approx(reference[..., channel].mean(), abs=1)
        assert std == pytest.approx(reference[..., channel].std(), abs=1)


def test_an_image_matched_to_itself_stays():
    matched = HistogramMatching.fit([FLOATS], steps=256).apply(FLOATS)
    assert np.abs(matched - FLOATS).mean() < 2e-3


def test_histogram_matching_of_known_values():
    image = np.array([[0.1, 0.2], [0.3, 0.4]])
    # The four ranks are 1/8, 3/8, 5/8 and 7/8; without quantiles the reference's values are the ranks.
    assert np.allclose(HistogramMatching(blend=1).apply(image), [[0.125, 0.375], [0.625, 0.875]])
    assert np.allclose(HistogramMatching(blend=0.5).apply(image), [[0.1125, 0.2875], [0.4625, 0.6375]])
    rgb = np.stack([image] * 3, axis=-1)
    matched = HistogramMatching(blend=1, red=(0.5,), green=(0, 0.4), blue=(0, 0, 1)).apply(rgb)
    assert np.allclose(matched[0, 0], [0.5, 0.05, 0])
    assert np.allclose(matched[1, 1], [0.5, 0.35, 0.75])
    gray = HistogramMatching(blend=1, red=(0.2,), green=(0.4,), blue=(0.9,)).apply(image)
    assert np.allclose(gray, 0.5)


def test_a_fitted_reference_travels_as_json():
    fitted = HistogramMatching.fit([PHOTO, GRAY], blend=uniform(0.2, 1), steps=8)
    assert len(fitted.red) == 9
    assert from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    one, two = (HistogramMatching.fit([image], steps=8) for image in (PHOTO, GRAY))
    assert np.allclose(fitted.blue, (np.array(one.blue) + two.blue) / 2, atol=1e-4)
    assert two.red == two.green == two.blue


def test_histogram_matching_refuses():
    with pytest.raises(ValueError, match=r"images must hold at least one image; got none"):
        HistogramMatching.fit([])
    with pytest.raises(ValueError, match=r"HistogramMatching.green must be in increasing order; got \(0.5, 0.4\)"):
        HistogramMatching(green=(0.5, 0.4))


# ---------------------------------------------------------------- colour


def test_hue_and_saturation_are_those_of_scikit_images_hsv():
    image = np.concatenate([FLOATS, np.repeat(FLOATS[..., :1], 3, axis=2)])
    image[0, :8] = list(itertools.product((0.0, 1.0), repeat=3))  # every tie between channels
    for hue, saturation in ((0, 1.7), (40, 1), (-170, 0.3), (180, 10), (0, 0)):
        hsv = color.rgb2hsv(image)
        hsv[..., 0] = (hsv[..., 0] + hue / 360) % 1
        hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 1)
        ours = HueSaturation(hue=hue, saturation=saturation).apply(image)
        assert np.abs(ours - color.hsv2rgb(hsv)).max() < 1e-12


def test_sepia_is_pillows_matrix():
    (red, green, blue) = family._SEPIA
    expected = np.asarray(Image.fromarray(PHOTO).convert("RGB", (*red, 0, *green, 0, *blue, 0)))
    assert levels_apart(Sepia(amount=1).apply(PHOTO), expected).max() <= 1  # Pillow works in 8 bits
    white = np.full((1, 1, 3), 255, np.uint8)
    assert Sepia(amount=1).apply(white)[0, 0].tolist() == [255, 255, 239]
    assert Sepia(amount=0.5).apply(white)[0, 0].tolist() == [255, 255, 247]


@pytest.mark.parametrize(
    ("field", "enhance"),
    [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast), ("saturation", ImageEnhance.Color)],
)
@pytest.mark.parametrize("factor", [0, 0.4, 1.3, 2.5])
def test_color_jitter_is_pillows_enhancement(field, enhance, factor):
    expected = np.asarray(enhance(Image.fromarray(PHOTO)).enhance(factor))
    ours = ColorJitter(**{field: factor}, order="bcsh").apply(PHOTO)
    # Pillow rounds the gray to 8 bits before it multiplies what is left of it, and truncates the blend.
    assert levels_apart(ours, expected).max() <= 1 + abs(1 - factor)


def test_color_jitter_takes_its_parts_in_order():
    strengths = {"brightness": 1.2, "contrast": 0.8, "saturation": 1.5, "hue": 30.0}
    parts = {name[0]: ColorJitter(**{name: value}) for name, value in strengths.items()}
    results = []
    for order in ("bcsh", "hscb", "cbhs"):
        expected = Compose([parts[letter].sample(0) for letter in order]).apply(FLOATS)
        results.append(ColorJitter(**strengths, order=order).apply(FLOATS))
        assert np.abs(results[-1] - expected).max() < 1e-12
    assert np.abs(results[0] - results[1]).max() > 0.01


@pytest.mark.parametrize("order", ["bcsh", "hscb", "shcb", "cbhs"])
def test_color_jitter_rounds_once(order):
    jitter = ColorJitter(brightness=1.2, contrast=1.3, saturation=1.5, hue=-25, order=order)
    exact = jitter.apply(FLOATS) * 255  # in double precision
    assert levels_apart(jitter.apply(PHOTO), exact).max() <= 0.5 + 1e-3
    single = jitter.apply(FLOATS.astype(np.float32))
    assert single.dtype == np.float32
    assert np.abs(single * 255 - exact).max() <= 1e-3


def test_contrast_is_about_the_mean_gray_of_the_image_as_it_is_then():
    image = np.array([[[0.2, 0.4, 0.6], [0.6, 0.4, 0.0]]])
    mean = (0.299 * 0.8 + 0.587 * 0.8 + 0.114 * 0.6) / 2
    first = ColorJitter(brightness=0.5, contrast=2, order="cbsh").apply(image)
    assert np.allclose(first, np.clip(mean + (image - mean) * 2, 0, 1) / 2)
    then = ColorJitter(brightness=0.5, contrast=2, order="bcsh").apply(image)
    assert np.allclose(then, np.clip(mean / 2 + (image / 2 - mean / 2) * 2, 0, 1))


def test_hue_and_saturation_in_single_precision_are_those_in_double():
    for hue, saturation in ((0, 1.7), (40, 1), (-170, 0.3), (180, 10)):
        step = HueSaturation(hue=hue, saturation=saturation)
        exact = step.apply(FLOATS) * 255
        assert levels_apart(step.apply(PHOTO), exact).max() <= 0.5 + 1e-3
        assert np.abs(step.apply(FLOATS.astype(np.float32)) * 255 - exact).max() <= 1e-3


@pytest.mark.parametrize("weights", ["bt709", "bt601"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_gray_stays_as_it_is_to_the_last_bit(weights, dtype):
    levels = np.random.default_rng(0).random((40, 50)) if dtype != np.uint8 else GRAY[:40, :50]
    gray = np.repeat(levels.astype(dtype)[..., None], 3, axis=2)
    assert np.array_equal(Grayscale(weights=weights).apply(gray), gray)
    assert np.array_equal(HueSaturation(hue=77, saturation=3).apply(gray), gray)
    assert np.array_equal(ColorJitter(saturation=0.3, hue=77, order="shbc").apply(gray), gray)


def test_the_order_is_drawn_and_recorded():
    jitter = ColorJitter.typical()
    drawn = [jitter.sample(seed) for seed in range(400)]
    orders = {one.order for one in drawn}
    assert orders == set(map("".join, itertools.permutations("bcsh")))
    assert f"order='{drawn[0].order}'" in repr(drawn[0])
    assert ColorJitter(order="hbcs").sample(0).order == "hbcs"


def test_color_jitter_on_gray_images_changes_tone_only():
    assert np.array_equal(ColorJitter(saturation=0.2, hue=90).sample(0).apply(GRAY), GRAY)
    rgb = np.repeat(GRAY[..., None], 3, axis=2)
    jitter = ColorJitter(brightness=1.3, contrast=1.2, saturation=2, hue=70, order="cshb")
    assert np.array_equal(jitter.apply(rgb), np.repeat(jitter.apply(GRAY)[..., None], 3, axis=2))


def test_fancy_pca_shifts_as_the_colours_vary():
    quiet = 0.4 + 0.2 * FLOATS
    shifts = np.array([FancyPCA(std=0.5, seed=seed).apply(quiet) - quiet for seed in range(300)])
    assert np.ptp(shifts, axis=(1, 2)).max() < 1e-12
    found = np.cov(shifts[:, 0, 0], rowvar=False)
    expected = 0.25 * np.cov(quiet.reshape(-1, 3), rowvar=False)
    assert np.abs(found - expected).max() < 0.25 * expected.max()  # three standard errors of 300 draws


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_fancy_pca_moves_gray_pixels_along_gray(seed):
    rgb = np.repeat((GRAY / 512 + 0.25)[..., None], 3, axis=2)
    shifted = FancyPCA(std=0.3, seed=seed).apply(rgb)
    # One axis, (1, 1, 1) toward the light; its number is the last of three, whose axes come by growing variance.
    expected = rgb + 0.3 * rgb.std() * np.random.default_rng(seed).standard_normal(3)[2]
    assert np.abs(shifted - np.clip(expected, 0, 1)).max() < 1e-6


def test_channels_are_shuffled():
    image = np.array([[[1, 2, 3, 9]]], np.uint8)
    assert ChannelShuffle(order="gbr").apply(image).tolist() == [[[2, 3, 1, 9]]]
    drawn = {ChannelShuffle().sample(seed).order for seed in range(100)}
    assert drawn == {"rbg", "grb", "gbr", "brg", "bgr"}
    cycle = ChannelShuffle(order="gbr")
    assert np.array_equal(cycle.apply(cycle.apply(cycle.apply(PHOTO))), PHOTO)


def test_channels_are_dropped():
    image = np.array([[[1, 2, 3, 9]]], np.uint8)
    assert ChannelDropout(channel="green", fill=0.5).apply(image).tolist() == [[[1, 128, 3, 9]]]
    assert ChannelDropout(channel="blue").apply(image / np.float32(10))[0, 0] == pytest.approx([0.1, 0.2, 0, 0.9])
    only = ChannelDropout(channel=choice("red", "blue"))
    assert {only.sample(seed).channel for seed in range(40)} == {"red", "blue"}

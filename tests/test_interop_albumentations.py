"""Albumentations: exported text runs there as its grade says, and their pipelines come back as ours."""

import copy
import importlib.util
import json
import random
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from agreement import CATALOG, IMAGES, differences, draws, pipelines, required
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augmentlab import (
    Compose,
    OneOf,
    RandomOrder,
    SomeOf,
    choice,
    engine,
    from_albumentations,
    integers,
    loguniform,
    transforms,
    uniform,
)
from augmentlab import transforms as T  # noqa: N812
from augmentlab.interop import ExportError
from augmentlab.interop.albumentations import TABLE, TARGET
from augmentlab.interop.albumentations.apart import APART
from augmentlab.interop.albumentations.reading import READS
from augmentlab.interop.lowering import lower
from augmentlab.interop.sampling import resampled, sees_beyond_cuts
from augmentlab.study.spaces import combinations, ladder

A = required("albumentations")
cv2 = required("cv2")
IMAGE = IMAGES["chelsea"]
GRAY = IMAGE[..., 0]

# Steps of numbers, where typical draws are none that the target takes, or would not show all.
DRAWN = {
    T.Rotate90: [T.Rotate90(turns=turns) for turns in range(4)],
    T.D4: [T.D4(element=element) for element in range(8)],
    T.Rotate: [
        T.Rotate(angle=12, border=border, fill=0.3) for border in ("constant", "edge", "reflect", "symmetric", "wrap")
    ],
    T.Affine: [
        T.Affine(angle=-20, scale=1.2, border="edge"),
        T.Affine(shear_x=12),
        T.Affine(shear_y=-9, scale=0.9),
        T.Affine(translate_x=0.083, translate_y=-0.04),
        *draws(T.Affine, 3),
    ],
    T.Resize: [
        T.Resize(height=40, width=64),
        T.Resize(height=120, width=160),
        T.Resize(height=40, width=50, method="area"),
        T.Resize(height=64, width=64, keep_aspect=True, fill=0.5),
    ],
    T.LongestMaxSize: [T.LongestMaxSize(size=64), T.LongestMaxSize(size=150)],
    T.SmallestMaxSize: [T.SmallestMaxSize(size=64), T.SmallestMaxSize(size=150)],
    T.LetterBox: [T.LetterBox(multiple=32, border="reflect"), T.LetterBox(size=64, multiple=32)],
    T.Rescale: [T.Rescale(factor=uniform(0.5, 0.9))],
    T.ResizedCrop: [T.ResizedCrop(height=32, width=40, scale=0.3, x=uniform(0, 1), y=uniform(0, 1))],
    T.CropAndPad: [T.CropAndPad(top=uniform(-0.1, 0.2), left=uniform(0, 0.1))],
    T.Pad: [
        T.Pad(height=0.3, width=0.13, border=border, fill=0.3)
        for border in ("constant", "edge", "reflect", "symmetric", "wrap")
    ],
    T.CenterCrop: [T.CenterCrop(height=0.7, width=0.63)],
    T.GridDistortion: [T.GridDistortion(distortion=0.3)],
    T.Solarize: [T.Solarize(threshold=level) for level in (0, 0.3, 128 / 255, 1)],
    T.HueSaturation: [T.HueSaturation(hue=hue) for hue in (-20, -7.3, 3, 11)],
    T.ColorJitter: [
        T.ColorJitter(brightness=1.3, order="bcsh"),
        T.ColorJitter(contrast=1.4, order="bcsh"),
        T.ColorJitter(saturation=1.6, order="bcsh"),
        T.ColorJitter(brightness=1.4, contrast=0.7, saturation=1.6, order="scbh"),
        T.ColorJitter(hue=-20, order="bcsh"),
        *draws(T.ColorJitter, 4),
    ],
    T.Grayscale: [T.Grayscale(), T.Grayscale(weights="bt601")],
    T.Sepia: [T.Sepia(amount=1)],
    T.ChannelShuffle: [T.ChannelShuffle(p=0.5)],
    T.ChannelDropout: [T.ChannelDropout(fill=0.5)],
    T.AutoContrast: [T.AutoContrast(), T.AutoContrast(cutoff=0)],
    T.BoxBlur: [T.BoxBlur(radius=radius) for radius in (1, 4)],
    T.Sharpness: [T.Sharpness(factor=factor) for factor in (1.3, 3)],
    T.UnsharpMask: [T.UnsharpMask(amount=amount, sigma=2) for amount in (0.3, 1)],
    T.Downscale: [T.Downscale(scale=scale, method=method) for scale in (0.4, 0.75) for method in ("nearest", "linear")],
    T.PixelDropout: [T.PixelDropout(amount=0.1, fill=0.5)],
    T.Normalize: [T.Normalize(), T.Normalize(method="minmax")],
    T.Center: [T.Center(mean=(0.4, 0.5, 0.6)), T.Center(mean=(0.5,))],
    T.Standardize: [
        T.Standardize(),
        T.Standardize(per_channel=False),
        T.Standardize(mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3)),
    ],
}


def run(text, image, seed=0):
    return samples(text, image, 1, seed)[0]


def samples(text, image, count, seed=0):
    namespace = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The image is already|HueSaturationValue: hue_shift")  # of gray images
        exec(compile(text, "<exported>", "exec"), namespace)
        # its set_random_seed would give every step the same numbers
        namespace["pipeline"].set_random_state(np.random.default_rng(seed), random.Random(seed))
        return [namespace["pipeline"](image=image)["image"] for _ in range(count)]


def of_numbers(cls):
    return DRAWN.get(cls) or draws(cls, 3)


def images_for(step):
    colored = len(getattr(step, "mean", ())) == 3 or isinstance(step, T.RGBShift | T.ChannelDropout)
    return [*IMAGES.values()] if colored else [*IMAGES.values(), GRAY]


@pytest.mark.parametrize("cls", TABLE, ids=lambda cls: cls.__name__)
def test_each_transform_agrees_as_its_grade_says(cls):
    for step in of_numbers(cls):
        text, grade = TARGET.export(step), TABLE[cls].graded(step)
        assert f": {grade}" in text
        for image in images_for(step):
            got = run(text, image)
            if grade.kind == "distribution":
                assert got.dtype == image.dtype
                continue
            with engine("reference"):
                want = step.apply(image)
            assert got.dtype in {want.dtype, np.dtype(np.float64)}
            worst, _, _ = differences(got.astype(want.dtype), want)
            assert worst <= grade.levels + 0.05, f"{worst} > {grade} for {step}"


@pytest.mark.parametrize("cls", [cls for cls in CATALOG if cls not in TABLE], ids=lambda cls: cls.__name__)
def test_a_transform_without_a_row_is_refused(cls):
    with pytest.raises(ExportError, match=f"- {cls.__name__}\\("):
        cls.typical().export("albumentations")


def test_every_row_says_why_it_differs():
    for row in TABLE.values():
        assert row.call
        assert row.cause or not callable(row.grade)
        assert row.cause or row.grade.kind in {"exact", "distribution"}


# --- random exports --------------------------------------------------------------------------------------------------

# Ranges that are not even about the default, so that a wrong sign, direction or unit moves the means.
RANDOM = [
    T.HorizontalFlip(p=0.3),
    T.VerticalFlip(p=0.7),
    T.Transpose(p=0.4),
    T.Rotate90(turns=integers(0, 3)),
    T.Rotate90(turns=integers(0, 1)),
    T.D4(element=integers(0, 7)),
    T.D4(element=choice(1, 5)),
    T.Rotate(angle=uniform(5, 25), fill=0.2),
    T.Rotate(angle=uniform(-25, -5), border="edge", p=0.8),
    T.Affine(shear_x=uniform(4, 20)),
    T.Affine(shear_y=uniform(4, 20)),
    T.Affine(translate_x=uniform(0.05, 0.3), translate_y=uniform(-0.2, -0.05)),
    T.Affine(scale=loguniform(1.1, 1.6), angle=uniform(3, 12), shear_x=uniform(2, 9), translate_x=0.04),
    T.Perspective(scale=uniform(0.1, 0.3)),
    T.Perspective(scale=0.2, border="edge"),
    T.Pad(height=uniform(0.1, 0.4), width=0.1, fill=0.5),
    T.OpticalDistortion(k=uniform(0.1, 0.3)),
    T.GridDistortion(distortion=0.6),
    T.GridShuffle(tiles=2),
    T.Crop(height=uniform(0.5, 0.8), width=0.6, x=uniform(0.5, 1), y=uniform(0, 0.4)),
    T.CropAndPad(top=uniform(0.1, 0.3), bottom=uniform(-0.2, 0), left=uniform(-0.3, 0), right=uniform(0, 0.1)),
    T.ResizedCrop(
        height=24, width=24, scale=uniform(0.2, 0.5), ratio=loguniform(0.8, 1.25), x=uniform(0, 1), y=uniform(0, 1)
    ),
    T.Rescale(factor=uniform(0.5, 0.9)),
    T.Brightness(delta=uniform(-0.1, 0.3)),
    T.BrightnessContrast(brightness=uniform(0, 0.2), contrast=0.7),
    T.Contrast(factor=choice(0.6, 1.2)),
    T.Gamma(gamma=uniform(0.5, 0.9)),
    T.Gamma(gamma=loguniform(0.5, 2)),
    T.Posterize(bits=integers(1, 4)),
    T.Solarize(threshold=uniform(0.2, 0.6)),
    T.RGBShift(red=uniform(0, 0.2), green=uniform(-0.2, 0), blue=0.002),
    T.HueSaturation(hue=uniform(20, 120)),
    T.ColorJitter(brightness=uniform(0.4, 0.9), contrast=uniform(0.5, 1), saturation=uniform(0.2, 0.9), hue=uniform(0, 60)),
    T.ColorJitter(brightness=uniform(0.4, 0.9)),
    T.ChannelShuffle(p=0.6),
    T.ChannelDropout(fill=0.5, p=0.9),
    T.GaussianBlur(sigma=uniform(0.5, 3)),
    T.BoxBlur(radius=choice(1, 2, 3)),
    T.MedianBlur(radius=integers(1, 3)),
    T.Sharpness(factor=uniform(2, 8)),
    T.UnsharpMask(amount=uniform(0.2, 1), sigma=2),
    T.GaussianNoise(std=uniform(0.1, 0.3)),
    T.GaussianNoise(std=0.2, per_channel=False),
    T.SaltAndPepper(amount=uniform(0.1, 0.4), salt=0.8),
    T.PixelDropout(amount=0.3, fill=0.9),
    T.JPEGCompression(quality=integers(10, 30)),
    T.Downscale(scale=choice(0.25, 0.5), method="linear"),
    T.CoarseDropout(holes=integers(1, 3), height=0.3, width=0.2, fill=0.9),
    T.CoarseDropout(holes=1, height=uniform(0.1, 0.5), width=0.4, content="noise"),
]  # fmt: skip
SMALL = cv2.resize(IMAGES["astronaut"], (48, 48), interpolation=cv2.INTER_AREA)
# In levels: what a grade allows the mean of many pixels to be off. Truncation takes a level from every value.
# The others mirror what augmentlab repeats at the border, and shift by whole pixels, which this image has few of.
BIAS = {
    T.Affine: 4,
    T.BoxBlur: 5,
    T.ColorJitter: 3,
    T.GaussianBlur: 6,
    T.GridDistortion: 4,
    T.JPEGCompression: 3,
    T.OpticalDistortion: 3,
    T.ResizedCrop: 5,
    T.Sharpness: 3,
    T.UnsharpMask: 4,
}


def regions(image):
    """Mean and spread of each colour in 4 x 4 regions, and how rough the image is: a vector for any size."""
    tall = np.array_split(image.astype(float), 4)
    parts = [part for row in tall for part in np.array_split(row, 4, axis=1)]
    rough = [np.abs(np.diff(image.astype(float), axis=axis)).mean() for axis in (0, 1)]
    return np.array([*(value for one in parts for value in one.mean(axis=(0, 1))), *rough])


def alike(ours, theirs, bias):
    """Whether two samples of vectors may have one distribution, by the means and spreads of each entry."""
    ours, theirs = (np.array([regions(image) for image in sample]) for sample in (ours, theirs))
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / len(ours))
    apart = np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / (5 * error + bias)
    spread = [sample.std(axis=0) for sample in (ours, theirs)]
    wider = np.abs(spread[0] - spread[1]) / (0.35 * np.maximum(*spread) + bias)
    return max(apart.max(), wider.max()) <= 1


def check(step, theirs, count=200):
    ours = [step(SMALL, rng=(7, index)) for index in range(count)]
    return alike(ours, theirs, BIAS.get(type(step), 1.5))


@pytest.mark.slow
@pytest.mark.parametrize("step", RANDOM, ids=repr)
def test_a_random_export_has_the_same_distribution(step):
    assert check(step, samples(TARGET.export(step), SMALL, 200))


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        (T.Rotate(angle=uniform(5, 25)), T.Rotate(angle=uniform(-25, -5))),
        (T.Affine(shear_x=uniform(4, 20)), T.Affine(shear_x=uniform(-20, -4))),
        (T.Affine(translate_x=uniform(0.05, 0.3)), T.Affine(translate_y=uniform(0.05, 0.3))),
        (T.Gamma(gamma=uniform(0.5, 0.9)), T.Gamma(gamma=uniform(1.1, 2))),
        (T.Brightness(delta=uniform(-0.1, 0.3)), T.Brightness(delta=uniform(0.0, 0.2))),
        (T.HueSaturation(hue=uniform(20, 120)), T.HueSaturation(hue=uniform(10, 60))),
        (T.GaussianNoise(std=uniform(0.1, 0.3)), T.GaussianNoise(std=uniform(0.1, 0.2))),
        (T.HorizontalFlip(p=0.3), T.HorizontalFlip(p=0.6)),
        (T.Perspective(scale=0.3), T.Perspective(scale=0.2)),
        (T.GridDistortion(distortion=0.6), T.GridDistortion(distortion=0.3)),
    ],
    ids=repr,
)
def test_the_comparison_sees_a_wrong_range_or_sign(step, wrong):
    assert not check(step, samples(TARGET.export(wrong), SMALL, 200))


# --- pipelines -------------------------------------------------------------------------------------------------------

NUMBERED = [cls for cls in CATALOG if cls in TABLE and not issubclass(cls, T.Center | T.Standardize)]


def bound(pipeline, shape):
    """How far apart the results may be: what each step adds, and what it makes of what there was; None if unknown."""
    levels = 0.0
    for step in pipeline.steps:
        grade = TABLE[type(step)].graded(step)
        if grade.kind not in {"exact", "within"}:
            return None
        for part in lower(Compose([step]), shape):
            if isinstance(part, tuple):
                return None
            levels = max([operation.spread(levels) for operation in part.operations], default=levels)
        levels, shape = levels + grade.levels, step.output_shape(shape)
    return levels


def exported(pipeline):
    """The text of what the target takes of a pipeline, and that part."""
    kept = []
    for step in pipeline.steps:
        try:
            TARGET.export(step)
        except ExportError:
            continue
        kept.append(step)
    part = Compose(kept)
    return TARGET.export(part), part


COMPARED = Counter()


@given(pipeline=pipelines(NUMBERED), name=st.sampled_from(list(IMAGES)))
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_drawn_pipelines_run_and_agree_as_their_grades_say(pipeline, name):
    text, part = exported(pipeline)
    got = run(text, IMAGES[name])
    if any(TABLE[type(step)].graded(step).kind == "distribution" for step in part.steps):
        COMPARED["run"] += 1
        return
    with engine("reference"):
        want = part.apply(IMAGES[name])
    worst, _, _ = differences(got.astype(want.dtype), want)
    # Twice interpolated is softer than once, and a crop that is one with a turn cuts nothing off: these are executed only.
    alone = resampled(part) < 2 and not sees_beyond_cuts(part)
    levels = bound(part, IMAGES[name].shape) if alone else None
    for several, told in ((resampled(part) >= 2, "interpolates the pixels anew"), (sees_beyond_cuts(part), "the cut")):
        assert (told in text) == several
    COMPARED["run" if levels is None else "compared"] += 1
    assert worst <= (255 if levels is None else levels + 0.05), f"{worst} > {levels}\n{text}"


def test_enough_of_them_were_compared_by_their_pixels():
    if sum(COMPARED.values()) >= 200:  # not when the test above was left out
        assert COMPARED["compared"] > 60, COMPARED


def outcomes(results):
    """How often each of the known results came."""
    known = {
        "same": IMAGE,
        "flip": IMAGE[:, ::-1],
        "invert": 255 - IMAGE,
        "swap": IMAGE.swapaxes(0, 1),
        "both": 255 - IMAGE[:, ::-1],
    }
    names = {value.tobytes(): name for name, value in known.items()}
    return Counter(names[np.ascontiguousarray(one).tobytes()] for one in results)


CHOICES = [
    OneOf([T.HorizontalFlip(), T.Invert(p=0.3), T.Transpose()], weights=(1, 3, 2), p=0.8),
    OneOf([T.HorizontalFlip(p=0.5), T.Invert()]),
    OneOf([Compose([T.HorizontalFlip(p=0.5), T.Invert(p=0.2)], p=0.5), SomeOf([T.Transpose()], n=1, p=0.5)]),
    SomeOf([T.HorizontalFlip(), T.Invert()], n=1, p=0.6),
    SomeOf([T.HorizontalFlip(p=0.5), T.Invert()], n=2),
    SomeOf([T.HorizontalFlip(), T.Invert()], n=2, replace=True),
    RandomOrder([T.HorizontalFlip(p=0.4), T.Invert(p=0.7)], p=0.9),
    Compose([T.HorizontalFlip(p=0.3), T.Invert()], p=0.5),
]


@pytest.mark.parametrize("pipeline", CHOICES, ids=repr)
def test_choices_keep_their_chances_there_and_back(pipeline):
    count = 400
    text = TARGET.export(pipeline)
    back = from_albumentations(executed(text))
    ours, theirs, again = (
        outcomes([pipeline(IMAGE, rng=(1, index)) for index in range(count)]),
        outcomes(samples(text, IMAGE, count)),
        outcomes([back(IMAGE, rng=(2, index)) for index in range(count)]),
    )
    for name in {*ours, *theirs, *again}:
        share = (ours[name] + theirs[name] + again[name]) / (3 * count)
        error = (2 * share * (1 - share) / count) ** 0.5
        assert abs(ours[name] - theirs[name]) / count <= 4 * error, (name, ours, theirs)
        assert abs(ours[name] - again[name]) / count <= 4 * error, (name, ours, again)


def test_a_step_left_out_of_a_choice_leaves_the_chances_of_the_others():
    text = OneOf([T.Invert(), T.FancyPCA(std=0.3)]).export("albumentations", strict=False)
    assert "# left out: FancyPCA(" in text
    got = outcomes(samples(text, IMAGE, 400))
    assert set(got) == {"same", "invert"}
    assert 150 < got["invert"] < 250


# --- import ----------------------------------------------------------------------------------------------------------

EASED = {"interpolation": cv2.INTER_LINEAR, "area_for_downscale": "image"}
# The classes that most pipelines are made of, as far as they map, with arguments of which none is a default.
THERE = [
    A.HorizontalFlip(p=0.3),
    A.VerticalFlip(p=0.3),
    A.Transpose(p=0.3),
    A.RandomRotate90(p=0.3),
    A.D4(p=0.3),
    A.RandomGridShuffle(grid=(4, 4), p=0.3),
    A.Rotate(limit=(-15, 40), border_mode=cv2.BORDER_CONSTANT, fill=100, p=0.3),
    A.Rotate(limit=(-15, 40), border_mode=cv2.BORDER_REFLECT_101, p=0.3),
    A.Affine(scale=(0.8, 1.3), translate_percent={"x": (-0.1, 0.2), "y": (0, 0.1)}, rotate=(-9, 20), keep_ratio=True, p=0.3),
    A.Affine(shear={"x": (-5, 10), "y": (0, 0)}, keep_ratio=True, border_mode=cv2.BORDER_REPLICATE, p=0.3),
    A.OpticalDistortion(distort_limit=(-0.1, 0.2), mode="fisheye", p=0.3),
    A.GridDistortion(num_steps=4, distort_limit=(-0.2, 0.2), border_mode=cv2.BORDER_REPLICATE, p=0.3),
    A.Resize(64, 48, **EASED),
    A.LongestMaxSize(64, **EASED),
    A.SmallestMaxSize(64, **EASED),
    A.RandomScale((-0.3, 0.2), **EASED, p=0.3),
    A.RandomResizedCrop((64, 48), scale=(0.3, 0.9), ratio=(0.8, 1.2), **EASED),
    A.PadIfNeeded(None, None, 32, 32, border_mode=cv2.BORDER_REFLECT),
    A.CropAndPad(percent=[(-0.1, 0.2), (0, 0.1), (-0.1, 0), (-0.2, -0.1)], keep_size=False, fill=7, p=0.3),
    A.RandomBrightnessContrast(brightness_limit=(-0.1, 0.3), contrast_limit=(0, 0), p=0.3),
    A.RandomBrightnessContrast(brightness_limit=(0, 0), contrast_limit=(-0.2, 0.4), p=0.3),
    A.RandomGamma((70, 150), p=0.3),
    A.Posterize((2, 5), p=0.3),
    A.Solarize((0.3, 0.7), p=0.3),
    A.InvertImg(p=0.3),
    A.RGBShift((-30, 10), (0, 40), (-5, 5), p=0.3),
    A.HueSaturationValue((-30, 10), (0, 0), (0, 0), p=0.3),
    A.ColorJitter((0.7, 1.1), (0.8, 1.3), (0.5, 1.5), (-0.1, 0.2), p=0.3),
    A.ToGray(p=0.3),
    A.ToRGB(),
    A.ToSepia(p=0.3),
    A.ChannelShuffle(p=0.3),
    A.ChannelDropout(fill=9, p=0.3),
    A.Equalize(p=0.3),
    A.AutoContrast(cutoff=2, method="pil", p=0.3),
    A.Blur((3, 9), p=0.3),
    A.GaussianBlur(sigma_limit=(0.3, 2), p=0.3),
    A.MedianBlur((3, 7), p=0.3),
    A.Sharpen(alpha=(0.1, 0.6), lightness=(1, 1), p=0.3),
    A.UnsharpMask((17, 17), sigma_limit=(2, 2), alpha=(0.2, 0.9), threshold=0, p=0.3),
    A.Downscale((0.3, 0.6), {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}, p=0.3),
    A.GaussNoise((0.1, 0.3), per_channel=False, p=0.3),
    A.SaltAndPepper((0.02, 0.08), (0.3, 0.9), p=0.3),
    A.ImageCompression("jpeg", (30, 80), p=0.3),
    A.PixelDropout(0.05, per_channel=True, drop_value=3, p=0.3),
    A.CoarseDropout((2, 5), (0.05, 0.2), (0.1, 0.3), fill=4, fill_mask=0, p=0.3),
    A.CoarseDropout((1, 1), (0.05, 0.2), (0.1, 0.3), fill="random", p=0.3),
    A.Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
    A.Normalize(normalization="image_per_channel"),
    A.OneOf([A.InvertImg(p=1), A.Transpose(p=1)], p=0.3),
    A.SomeOf([A.InvertImg(p=0.2), A.Transpose(p=0.4), A.HorizontalFlip(p=1)], n=2, p=0.3),
    A.RandomOrder([A.InvertImg(p=0.2), A.Transpose(p=0.4)], n=2, p=0.3),
    A.Sequential([A.InvertImg(p=0.2), A.Transpose(p=0.4)], p=0.3),
]  # fmt: skip


def executed(text):
    namespace = {}
    exec(compile(text, "<exported>", "exec"), namespace)
    return namespace["pipeline"]


def quietly(pipeline, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "from_albumentations: not to the pixel")
        return from_albumentations(pipeline, **options)


def numbers(value):
    """A document with lists for tuples, numbers of ten digits, and what does nothing left out."""
    if isinstance(value, dict):
        ignored = {"noise_params"} | ({"fill"} if value.get("border_mode", 0) != 0 else set())
        return {key: numbers(one) for key, one in value.items() if key not in ignored}
    if isinstance(value, tuple | list):
        return [numbers(one) for one in value]
    return round(float(value), 9) if isinstance(value, int | float) and not isinstance(value, bool) else value


@pytest.mark.parametrize("there", THERE, ids=lambda there: type(there).__name__)
def test_there_and_back(there):
    back = executed(TARGET.export(quietly(there)))
    assert len(back.transforms) == 1
    assert numbers(back.transforms[0].to_dict()) == numbers(there.to_dict())


def test_there_and_back_are_forty_classes():
    assert len({type(one) for one in THERE}) >= 40


def test_a_document_is_as_good_as_the_live_pipeline():
    pipeline = A.Compose([*copy.deepcopy(THERE[:8]), A.OneOf(copy.deepcopy(THERE[20:24]))], p=0.9)
    assert quietly(json.loads(json.dumps(A.to_dict(pipeline)))) == quietly(pipeline)
    assert from_albumentations(A.InvertImg(p=1)) == Compose([T.Invert()])


def test_a_document_is_read_without_albumentations():
    document = A.to_dict(A.Compose([A.HorizontalFlip(), A.Normalize()]))
    script = (
        "import sys, augmentlab\n"
        f"print(augmentlab.from_albumentations({document!r}), {{'albumentations', 'cv2'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "Compose([HorizontalFlip(p=0.5), Standardize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))]) set()\n"
    )


class Own(A.ImageOnlyTransform):
    """A person's own."""

    def apply(self, img, **_):
        return img


def same_image(image, **_):
    return image


def test_all_that_does_not_map_is_told_at_once():
    pipeline = A.Compose(
        [A.HorizontalFlip(p=1), Own(p=1), A.OneOf([A.CLAHE(), A.InvertImg()]), A.Lambda(image=same_image)]
    )
    with pytest.raises(ValueError, match="cannot do all of this pipeline") as caught:
        from_albumentations(pipeline)
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(": ")[0] for line in lines] == [
        "- step 1, test_interop_albumentations.Own",
        "- step 2, step 0, CLAHE",
        "- step 3, Lambda",
    ]
    with pytest.warns(UserWarning, match="left out, so that this is another pipeline") as warned:
        part = from_albumentations(pipeline, strict=False)
    assert len(warned) == 1
    assert all(line in str(warned[0].message) for line in lines)
    assert part == Compose([T.HorizontalFlip(), OneOf([Compose([]), T.Invert()], p=0.5)])


def test_what_is_not_to_the_pixel_is_told_once():
    with pytest.warns(UserWarning, match="not to the pixel") as warned:
        step = from_albumentations(A.Rotate(limit=(-9, 9), interpolation=cv2.INTER_CUBIC, fill_mask=3, p=1))
    assert step == Compose([T.Rotate(angle=uniform(-9, 9))])
    assert str(warned[0].message).count("Rotate:") == 2
    assert "interpolation=2 is linear here" in str(warned[0].message)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (A.HueSaturationValue(), "sat_shift_limit"),
        (A.Affine(scale=(0.8, 1.2)), "keep_ratio"),
        (A.Affine(rotate=5, shear={"x": (0, 5), "y": (0, 0)}), "other way round"),
        (A.CenterCrop(10, 10), "shape="),
        (A.GaussianBlur(blur_limit=(3, 5)), "cuts a Gaussian"),
        (A.Rotate(crop_border=True), "crop_border"),
        (A.Rotate(fill=(1, 2, 3)), "no gray level"),
        (A.Sharpen(), "lightness"),
        (A.AutoContrast(), "method"),
        (A.SomeOf([A.InvertImg(), A.Transpose()], n=2, replace=True), "that order"),
        (A.RandomOrder([A.InvertImg(), A.Transpose(), A.D4()], n=2), "that order"),
    ],
)
def test_what_would_be_something_else_is_refused(step, reason):
    with pytest.raises(ValueError, match=reason):
        from_albumentations(step)


@pytest.mark.parametrize(
    "step",
    [
        A.CenterCrop(40, 51),
        A.Crop(3, 5, 50, 60),
        A.Pad((1, 2, 3, 4), border_mode=cv2.BORDER_REFLECT),
        A.PadIfNeeded(100, 120),
        A.PadIfNeeded(min_height=None, pad_height_divisor=32, min_width=130),
        A.Affine(translate_px={"x": 7, "y": -3}, p=1),
    ],
    ids=lambda step: type(step).__name__,
)
def test_pixels_are_shares_where_the_shape_is_given(step):
    pipeline = A.Compose([A.Transpose(p=1), A.Transpose(p=1), step])
    with engine("reference"):
        got = from_albumentations(pipeline, shape=IMAGE.shape)(IMAGE)
    np.testing.assert_array_equal(got, pipeline(image=IMAGE)["image"])
    with pytest.raises(ValueError, match="shape="):  # after a step that may change it
        from_albumentations(A.Compose([A.Transpose(p=0.5), step]), shape=IMAGE.shape)


@pytest.mark.parametrize(
    "before",
    [
        A.Transpose(p=0.01),
        A.Compose([A.Transpose(p=1)], p=0.01),
        A.OneOf([A.Transpose(p=0.001), A.NoOp(p=1)], p=1),
        A.SomeOf([A.Transpose(p=0.01), A.NoOp(p=1)], n=1),
    ],
    ids=lambda one: type(one).__name__,
)
def test_pixels_are_no_shares_behind_a_size_that_is_rarely_another(before):
    with pytest.raises(ValueError, match="its window is in pixels"):
        from_albumentations(A.Compose([before, A.CenterCrop(9, 20)]), shape=(40, 60))


def test_another_interpolation_of_a_resize_is_told():
    with pytest.warns(UserWarning, match="interpolation=0 is linear here"):
        from_albumentations(A.Resize(30, 40, interpolation=cv2.INTER_NEAREST, p=1))


@pytest.mark.parametrize(
    "group",
    [
        {"__class_fullname__": "OneOrOther", "p": 0.5, "transforms": []},
        {"__class_fullname__": "OneOf", "p": 1, "transforms": [{"__class_fullname__": "HorizontalFlip", "p": 0}]},
    ],
)
def test_a_choice_of_nothing_is_refused(group):
    with pytest.raises(ValueError, match="cannot do all of this pipeline"):
        from_albumentations(group)


def test_a_random_crop_in_pixels_is_one_in_shares():
    theirs = A.Compose([A.RandomCrop(30, 20)], seed=0)
    step = from_albumentations(theirs, shape=SMALL.shape)
    assert check(step, [theirs(image=SMALL)["image"] for _ in range(200)])


def test_their_other_classes_are_read_too():
    with pytest.warns(UserWarning, match="special case of Affine"):
        shift = A.ShiftScaleRotate(shift_limit=(-0.1, 0.2), scale_limit=0, rotate_limit=(-5, 9), p=0.3)
    expected = T.Affine(translate_x=uniform(-0.1, 0.2), translate_y=uniform(-0.1, 0.2), angle=uniform(-5, 9), p=0.3)
    assert from_albumentations(shift) == Compose([expected])
    two = A.OneOrOther(A.InvertImg(p=0.1), A.Transpose(p=0.1), p=0.3)
    assert from_albumentations(two) == Compose([OneOf([T.Invert(), T.Transpose()], weights=(0.3, 0.7))])
    assert from_albumentations(A.SquareSymmetry()) == Compose([T.D4(element=integers(0, 7))])
    assert from_albumentations(A.ToFloat()) == Compose([T.Normalize()])
    assert from_albumentations(A.NoOp()) == Compose([])
    assert from_albumentations(A.OneOf([A.NoOp(p=0.5), A.InvertImg(p=1)], p=1)) == Compose(
        [OneOf([Compose([]), T.Invert()], weights=(0.5, 1))]
    )


def test_masks_follow_the_classes_of_the_text():
    mask = (GRAY > 100).astype(np.uint8)
    for step in (
        T.Affine(angle=9, shear_x=12, translate_y=0.07, scale=1.1),
        T.Crop(height=0.5, width=0.6, x=0.1, y=0.9),
        T.Pad(height=0.2, width=0.1),
    ):
        got = executed(TARGET.export(step))(image=IMAGE, mask=mask)["mask"]
        want = step(image=IMAGE, mask=mask)["mask"]
        assert got.shape == want.shape
        assert (got != want).mean() < 0.002  # the nearest pixel, where two are as near


def test_steps_become_arms_in_one_line():
    pipeline = A.Compose([A.HorizontalFlip(), A.Rotate(10, p=1), A.RandomBrightnessContrast(contrast_limit=0)])
    arms = combinations(from_albumentations(pipeline).steps)
    assert [arm.label for arm in arms[:4]] == ["HorizontalFlip", "Rotate", "Brightness", "HorizontalFlip + Rotate"]
    assert len(ladder(from_albumentations(pipeline))) == 4


def test_tensors_are_left_to_what_feeds_the_model():
    steps = [{"__class_fullname__": "ToTensorV2", "p": 1.0, "transpose_mask": False}]
    with pytest.warns(UserWarning, match="ToTensorV2: left to what feeds the model"):
        assert from_albumentations({"__class_fullname__": "Compose", "p": 1.0, "transforms": steps}) == Compose([])


def test_fitted_and_padded_is_one_step():
    pipeline = A.Compose([A.LongestMaxSize(96, **EASED), A.PadIfNeeded(96, 96, fill=9)])
    step = from_albumentations(pipeline)
    assert step == Compose([T.Resize(height=96, width=96, keep_aspect=True, fill=9 / 255)])
    small = IMAGE[:60, :60]
    worst, _, _ = differences(step(small), pipeline(image=small)["image"])
    assert worst <= 1


@pytest.mark.parametrize("wrong", [None, 3, {"transform": {}}, T.Invert()])
def test_what_is_no_pipeline_of_theirs_is_one_sentence(wrong):
    with pytest.raises(TypeError, match=r"^pipeline must be one of Albumentations"):
        from_albumentations(wrong)


def test_the_page_is_that_of_the_table():
    path = Path(__file__).parents[1] / "docs" / "coming_from.py"
    spec = importlib.util.spec_from_file_location("coming_from", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = path.with_name("albumentations.md").read_text()
    assert written == module.page(), "run python docs/coming_from.py"


def test_both_tables_name_classes_that_exist_and_do_not_contradict():
    for name in {*READS, *(theirs for theirs, _, _, _ in APART)}:
        assert issubclass(getattr(A, name), A.BasicTransform)
    assert not {ours for _, ours, _, _ in APART if ours} & set(TABLE)
    assert {theirs for theirs, _, _, _ in APART} & set(READS) <= {"MultiplicativeNoise"}
    assert all(ours is None or ours.__name__ in transforms.__all__ for _, ours, _, _ in APART)


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ({"__class_fullname__": "Compose", "p": 1.0, "transforms": "abc"}, "Compose: transforms must be a list of documents; got 'abc'"),
        ({"__class_fullname__": "Compose", "p": 1.0, "transforms": [5]}, r"Compose: transforms must be a list of documents; got \[5\]"),
        ({"__class_fullname__": "Compose", "p": "a", "transforms": []}, "Compose: "),
        ({"__class_fullname__": "Evil\nimport os", "p": 1.0}, r"'Evil\\nimport os': augmentlab has nothing like it"),
        ({"__class_fullname__": "Rotate", "limit": "x", "p": 1.0}, "Rotate: "),
    ],
)  # fmt: skip
def test_a_broken_document_gets_one_sentence(step, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_albumentations({"__version__": "2.0.8", "transform": step})

"""What is measured: each work as augmentlab does it and as each peer does, side by side, with the ratio to reach.

A maker takes the library that its peer loads and the side of the image in pixels, and gives the transform. Single
transforms are always applied (``p=1``), so that both sides do the work each time; in the pipelines the flip has
``p=0.5`` on all sides and everything else is always applied. Parameters are drawn anew at each call, from the same
ranges on all sides as far as the definitions allow; NOTES says where they do not.
"""

# ruff: noqa: ARG001, ARG005 -- many makers need no side, and all have one signature

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import augmentlab as lab
from augmentlab import choice, integers, loguniform, uniform

Maker = Callable[[Any, int], Any]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green and blue
SIDES = (256, 512)
GROWTH = (64, 128, 256, 512, 1024, 2048)
MANY = 1000  # small images at once
SHARED = 32  # images of 256 px shared by two threads


@dataclass(frozen=True)
class Goal:
    """A line of the ratios to reach: our time over Albumentations' is at most this; for threads, one over two at least."""

    text: str
    limits: Mapping[int, float]  # by side
    with_stringzilla: Mapping[int, float] = field(default_factory=dict)  # where its table look-up is installed

    def limit(self, side: int, *, stringzilla: bool) -> float | None:
        """The ratio to reach at a side; None where there is none."""
        limits = {**self.limits, **self.with_stringzilla} if stringzilla else self.limits
        return limits.get(side)


@dataclass(frozen=True)
class Work:
    """One thing to do with an image, and how each library does it."""

    name: str
    family: str
    ours: Callable[[int], Any]  # from the side to the transform
    peers: Mapping[str, Maker]
    goal: Goal | None = None
    sides: tuple[int, ...] = SIDES
    kind: str = "image"  # or "many", small images at once, or "threads"
    channels: int = 3


def _both(limit: float) -> dict[int, float]:
    return dict.fromkeys(SIDES, limit)


PIPELINE = Goal("Eight-step pipeline, with i.i.d. noise", {128: 0.20, 256: 0.25, 512: 0.35})
POINTS = Goal("Six point transforms", _both(0.35), _both(0.1))
WARPS = Goal("Five geometric transforms", _both(0.15))
MOVES = Goal("Rotate, Affine, Perspective alone", {256: 0.5, 512: 0.75})
BENDS = Goal("Elastic, GridDistortion", _both(0.5))
COLOURS = Goal("HueSaturation, ColorJitter", _both(0.5))
NOISES = Goal("GaussianNoise, SaltAndPepper, CoarseDropout", _both(0.25))
SCALES = Goal("Normalisation by mean and standard deviation", _both(0.5))
SIMPLE = Goal("Flips, posterize, invert, equalize, median, motion blur", _both(1.0))
FILTERS = Goal("Gaussian blur, grayscale, JPEG, resize by local mean", _both(1.3))
TABLES = Goal("One table alone", _both(3.0), _both(1.3))
LOCAL = Goal("CLAHE", _both(1.5))
SMOOTH = Goal("Resize with Gaussian anti-aliasing", _both(6.0))
SMALL = Goal("1,000 images of 32x32x3, five steps", {32: 0.1})
THREADS = Goal("Two threads on whole pipelines, times one", {256: 1.6})
GOALS = (
    PIPELINE,
    POINTS,
    WARPS,
    MOVES,
    BENDS,
    COLOURS,
    NOISES,
    SCALES,
    SIMPLE,
    FILTERS,
    TABLES,
    LOCAL,
    SMOOTH,
    SMALL,
    THREADS,
)  # in the order of the page

NAMES = {
    "albumentations": "Albumentations",
    "torchvision": "torchvision",
    "pillow": "Pillow",
    "opencv": "OpenCV",
    "kornia": "Kornia",
}


def _work(
    name: str,
    family: str,
    ours: Callable[[int], Any],
    *,
    goal: Goal | None = None,
    sides: tuple[int, ...] = SIDES,
    kind: str = "image",
    channels: int = 3,
    **peers: Maker,
) -> Work:
    makers = {NAMES[key]: maker for key, maker in peers.items()}
    makers["scikit-image"] = lambda library, side: ours(side)  # the same transform under the reference engine
    return Work(name, family, ours, makers, goal, sides, kind, channels)


def _float32() -> Any:
    return importlib.import_module("torch").float32


# --- pipelines ---------------------------------------------------------------------------------------------------------


def eight(side: int) -> lab.Compose:
    return lab.Compose(
        [
            lab.HorizontalFlip(p=0.5),
            lab.Affine(
                scale=uniform(0.8, 1.2),
                translate_x=uniform(-0.1, 0.1),
                translate_y=uniform(-0.1, 0.1),
                angle=uniform(-15, 15),
                shear_x=uniform(-10, 10),
                shear_y=uniform(-10, 10),
            ),
            lab.Perspective(scale=uniform(0.08, 0.16)),
            lab.ColorJitter(
                brightness=uniform(0.7, 1.4),
                contrast=uniform(0.7, 1.4),
                saturation=uniform(0.6, 1.6),
                hue=uniform(-20, 20),
            ),
            lab.GaussianBlur(sigma=1.0),
            lab.GaussianNoise(std=uniform(0.02, 0.12)),
            lab.CoarseDropout(holes=1, height=0.25, width=0.25),
            lab.Standardize(mean=MEAN, std=STD),
        ]
    )


def eight_albumentations(a: Any, side: int) -> Any:
    return a.Compose(
        [
            a.HorizontalFlip(p=0.5),
            a.Affine(
                scale=(0.8, 1.2),
                keep_ratio=True,
                translate_percent=(-0.1, 0.1),
                rotate=(-15, 15),
                shear=(-10, 10),
                p=1,
            ),
            a.Perspective(scale=(0.05, 0.1), p=1),
            a.ColorJitter((0.7, 1.4), (0.7, 1.4), (0.6, 1.6), (-20 / 360, 20 / 360), p=1),
            a.GaussianBlur(blur_limit=0, sigma_limit=(1.0, 1.0), p=1),
            a.GaussNoise(std_range=(0.02, 0.12), p=1),
            a.CoarseDropout((1, 1), (0.25, 0.25), (0.25, 0.25), p=1),
            a.Normalize(MEAN, STD),
        ]
    )


def eight_torchvision(v2: Any, side: int) -> Any:
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(p=0.5),
            v2.RandomAffine(
                15,
                translate=(0.1, 0.1),
                scale=(0.8, 1.2),
                shear=(-10, 10, -10, 10),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.RandomPerspective(distortion_scale=0.24, p=1),
            v2.ColorJitter((0.7, 1.4), (0.7, 1.4), (0.6, 1.6), 20 / 360),
            v2.GaussianBlur(9, sigma=1.0),
            v2.GaussianNoise(sigma=0.07),
            v2.RandomErasing(p=1, scale=(1 / 16, 1 / 16), ratio=(1, 1)),
            v2.ToDtype(_float32(), scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )


def eight_kornia(k: Any, side: int) -> Any:
    return k.AugmentationSequential(
        k.RandomHorizontalFlip(p=0.5),
        k.RandomAffine(15.0, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=(-10.0, 10.0, -10.0, 10.0), p=1.0),
        k.RandomPerspective(0.24, p=1.0),
        k.ColorJitter((0.7, 1.4), (0.7, 1.4), (0.6, 1.6), (-20 / 360, 20 / 360), p=1.0),
        k.RandomGaussianBlur((9, 9), (1.0, 1.0), p=1.0),
        k.RandomGaussianNoise(std=0.07, p=1.0),
        k.RandomErasing(scale=(1 / 16, 1 / 16), ratio=(1.0, 1.0), p=1.0),
        k.Normalize(MEAN, STD),
    )


def eight_opencv(cv: Any, side: int) -> Any:
    return cv.sequence(
        cv.chance(cv.flip(1), 0.5),
        cv.affine((0.8, 1.2), 0.1, 15, 10),
        cv.perspective(0.08, 0.16),
        cv.color_jitter((0.7, 1.4), (0.6, 1.6), 20),
        cv.gaussian(1.0, 1.0),
        cv.noise(0.02, 0.12),
        cv.cutout(0.25),
        cv.normalize(MEAN, STD),
    )


PIPELINES = (
    _work(
        "Eight steps",
        "Pipelines",
        eight,
        goal=PIPELINE,
        sides=GROWTH,
        albumentations=eight_albumentations,
        torchvision=eight_torchvision,
        opencv=eight_opencv,
        kornia=eight_kornia,
    ),
    _work(
        "Six point transforms",
        "Pipelines",
        lambda side: lab.Compose(
            [
                lab.BrightnessContrast(brightness=uniform(-0.2, 0.2), contrast=uniform(0.8, 1.2)),
                lab.Gamma(gamma=uniform(0.6, 1.6)),
                lab.Solarize(threshold=uniform(0.5, 0.9)),
                lab.Posterize(bits=integers(3, 6)),
                lab.Invert(),
                lab.BrightnessContrast(brightness=uniform(-0.2, 0.2), contrast=uniform(0.8, 1.2)),
            ]
        ),
        goal=POINTS,
        albumentations=lambda a, side: a.Compose(
            [
                a.RandomBrightnessContrast(0.2, 0.2, p=1),
                a.RandomGamma((60, 160), p=1),
                a.Solarize((0.5, 0.9), p=1),
                a.Posterize((3, 6), p=1),
                a.InvertImg(p=1),
                a.RandomBrightnessContrast(0.2, 0.2, p=1),
            ]
        ),
        pillow=lambda pil, side: pil.sequence(
            pil.brightness_contrast(0.2, (0.8, 1.2)),
            pil.gamma(0.6, 1.6),
            pil.solarize(0.5, 0.9),
            pil.posterize(3, 6),
            pil.invert(),
            pil.brightness_contrast(0.2, (0.8, 1.2)),
        ),
        opencv=lambda cv, side: cv.sequence(
            cv.brightness_contrast(0.2, (0.8, 1.2)),
            cv.gamma(0.6, 1.6),
            cv.solarize(0.5, 0.9),
            cv.posterize(3, 6),
            cv.invert(),
            cv.brightness_contrast(0.2, (0.8, 1.2)),
        ),
    ),
    _work(
        "Five geometric transforms",
        "Pipelines",
        lambda side: lab.Compose(
            [
                lab.HorizontalFlip(p=0.5),
                lab.Rotate(angle=uniform(-30, 30)),
                lab.Affine(scale=uniform(0.8, 1.2), translate_x=uniform(-0.1, 0.1), translate_y=uniform(-0.1, 0.1)),
                lab.Perspective(scale=uniform(0.08, 0.16)),
                lab.ResizedCrop(
                    scale=uniform(0.5, 1), ratio=loguniform(3 / 4, 4 / 3), x=uniform(0, 1), y=uniform(0, 1)
                ),
            ]
        ),
        goal=WARPS,
        albumentations=lambda a, side: a.Compose(
            [
                a.HorizontalFlip(p=0.5),
                a.Rotate(30, p=1),
                a.Affine(scale=(0.8, 1.2), keep_ratio=True, translate_percent=(-0.1, 0.1), p=1),
                a.Perspective(scale=(0.05, 0.1), p=1),
                a.RandomResizedCrop((side, side), scale=(0.5, 1)),
            ]
        ),
        torchvision=lambda v2, side: v2.Compose(
            [
                v2.RandomHorizontalFlip(p=0.5),
                v2.RandomRotation(30, interpolation=v2.InterpolationMode.BILINEAR),
                v2.RandomAffine(0, translate=(0.1, 0.1), scale=(0.8, 1.2), interpolation=v2.InterpolationMode.BILINEAR),
                v2.RandomPerspective(distortion_scale=0.24, p=1),
                v2.RandomResizedCrop(side, scale=(0.5, 1)),
            ]
        ),
        pillow=lambda pil, side: pil.sequence(
            pil.chance(pil.mirror(), 0.5),
            pil.rotate(30),
            pil.affine((0.8, 1.2), 0.1, 0, 0),
            pil.perspective(0.08, 0.16),
            pil.resized_crop(0.5),
        ),
        opencv=lambda cv, side: cv.sequence(
            cv.chance(cv.flip(1), 0.5),
            cv.rotate(30),
            cv.affine((0.8, 1.2), 0.1, 0, 0),
            cv.perspective(0.08, 0.16),
            cv.resized_crop(0.5),
        ),
        kornia=lambda k, side: k.AugmentationSequential(
            k.RandomHorizontalFlip(p=0.5),
            k.RandomRotation(30.0, p=1.0),
            k.RandomAffine(0.0, translate=(0.1, 0.1), scale=(0.8, 1.2), p=1.0),
            k.RandomPerspective(0.24, p=1.0),
            k.RandomResizedCrop((side, side), scale=(0.5, 1.0)),
        ),
    ),
)


# --- many small images -------------------------------------------------------------------------------------------------


def _moments(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return (MEAN, STD) if channels == 3 else ((0.45,), (0.22,))


def _small(name: str, edge: int, channels: int, goal: Goal | None) -> Work:
    mean, std = _moments(channels)
    border = 4
    wide = edge + 2 * border

    def ours(side: int) -> lab.Compose:
        return lab.Compose(
            [
                lab.HorizontalFlip(p=0.5),
                lab.Pad(height=border / side, width=border / side),
                lab.Crop(
                    height=side / (side + 2 * border),
                    width=side / (side + 2 * border),
                    x=uniform(0, 1),
                    y=uniform(0, 1),
                ),
                lab.BrightnessContrast(brightness=uniform(-0.2, 0.2), contrast=uniform(0.8, 1.2)),
                lab.CoarseDropout(holes=1, height=0.25, width=0.25),
                lab.Standardize(mean=mean, std=std),
            ]
        )

    return _work(
        name,
        "Many small images",
        ours,
        goal=goal,
        sides=(edge,),
        kind="many",
        channels=channels,
        albumentations=lambda a, side: a.Compose(
            [
                a.HorizontalFlip(p=0.5),
                a.PadIfNeeded(wide, wide, border_mode=0),
                a.RandomCrop(side, side),
                a.RandomBrightnessContrast(0.2, 0.2, p=1),
                a.CoarseDropout((1, 1), (0.25, 0.25), (0.25, 0.25), p=1),
                a.Normalize(mean, std),
            ]
        ),
        torchvision=lambda v2, side: v2.Compose(
            [
                v2.RandomHorizontalFlip(p=0.5),
                v2.RandomCrop(side, padding=border),
                v2.ColorJitter(brightness=0.2, contrast=0.2),
                v2.RandomErasing(p=1, scale=(1 / 16, 1 / 16), ratio=(1, 1)),
                v2.ToDtype(_float32(), scale=True),
                v2.Normalize(mean, std),
            ]
        ),
        opencv=lambda cv, side: cv.sequence(
            cv.chance(cv.flip(1), 0.5),
            cv.pad(border),
            cv.crop(side),
            cv.brightness_contrast(0.2, (0.8, 1.2)),
            cv.cutout(0.25),
            cv.normalize(mean, std),
        ),
        kornia=lambda k, side: k.AugmentationSequential(
            k.RandomHorizontalFlip(p=0.5),
            k.RandomCrop((side, side), padding=border),
            k.ColorJitter((0.8, 1.2), (0.8, 1.2), p=1.0),
            k.RandomErasing(scale=(1 / 16, 1 / 16), ratio=(1.0, 1.0), p=1.0),
            k.Normalize(mean, std),
        ),
    )


BATCHES = (
    _small("1,000 images of 28x28", 28, 1, None),
    _small("1,000 images of 32x32x3", 32, 3, SMALL),
)

TWO_THREADS = (
    Work(
        "Eight steps, two threads",
        "Threads",
        eight,
        {"Albumentations": eight_albumentations},
        THREADS,
        sides=(256,),
        kind="threads",
    ),
)


# --- geometry ----------------------------------------------------------------------------------------------------------

GEOMETRIC = (
    _work(
        "HorizontalFlip",
        "Geometric",
        lambda side: lab.HorizontalFlip(),
        goal=SIMPLE,
        albumentations=lambda a, side: a.HorizontalFlip(p=1),
        torchvision=lambda v2, side: v2.RandomHorizontalFlip(p=1),
        pillow=lambda pil, side: pil.mirror(),
        opencv=lambda cv, side: cv.flip(1),
        kornia=lambda k, side: k.RandomHorizontalFlip(p=1.0),
    ),
    _work(
        "VerticalFlip",
        "Geometric",
        lambda side: lab.VerticalFlip(),
        goal=SIMPLE,
        albumentations=lambda a, side: a.VerticalFlip(p=1),
        torchvision=lambda v2, side: v2.RandomVerticalFlip(p=1),
        pillow=lambda pil, side: pil.flip(),
        opencv=lambda cv, side: cv.flip(0),
        kornia=lambda k, side: k.RandomVerticalFlip(p=1.0),
    ),
    _work(
        "Transpose",
        "Geometric",
        lambda side: lab.Transpose(),
        albumentations=lambda a, side: a.Transpose(p=1),
        pillow=lambda pil, side: pil.transpose(),
        opencv=lambda cv, side: cv.transpose(),
    ),
    _work(
        "Rotate90",
        "Geometric",
        lambda side: lab.Rotate90(turns=integers(0, 3)),
        albumentations=lambda a, side: a.RandomRotate90(p=1),
        pillow=lambda pil, side: pil.quarter_turn(),
        opencv=lambda cv, side: cv.quarter_turn(),
        kornia=lambda k, side: k.RandomRotation90((0, 3), p=1.0),
    ),
    _work(
        "D4",
        "Geometric",
        lambda side: lab.D4(element=integers(0, 7)),
        albumentations=lambda a, side: a.D4(p=1),
    ),
    _work(
        "Rotate",
        "Geometric",
        lambda side: lab.Rotate(angle=uniform(-30, 30)),
        goal=MOVES,
        albumentations=lambda a, side: a.Rotate(30, p=1),
        torchvision=lambda v2, side: v2.RandomRotation(30, interpolation=v2.InterpolationMode.BILINEAR),
        pillow=lambda pil, side: pil.rotate(30),
        opencv=lambda cv, side: cv.rotate(30),
        kornia=lambda k, side: k.RandomRotation(30.0, p=1.0),
    ),
    _work(
        "Affine",
        "Geometric",
        lambda side: lab.Affine(
            scale=uniform(0.8, 1.2),
            translate_x=uniform(-0.1, 0.1),
            translate_y=uniform(-0.1, 0.1),
            angle=uniform(-15, 15),
            shear_x=uniform(-10, 10),
            shear_y=uniform(-10, 10),
        ),
        goal=MOVES,
        albumentations=lambda a, side: a.Affine(
            scale=(0.8, 1.2), keep_ratio=True, translate_percent=(-0.1, 0.1), rotate=(-15, 15), shear=(-10, 10), p=1
        ),
        torchvision=lambda v2, side: v2.RandomAffine(
            15,
            translate=(0.1, 0.1),
            scale=(0.8, 1.2),
            shear=(-10, 10, -10, 10),
            interpolation=v2.InterpolationMode.BILINEAR,
        ),
        pillow=lambda pil, side: pil.affine((0.8, 1.2), 0.1, 15, 10),
        opencv=lambda cv, side: cv.affine((0.8, 1.2), 0.1, 15, 10),
        kornia=lambda k, side: k.RandomAffine(
            15.0, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=(-10.0, 10.0, -10.0, 10.0), p=1.0
        ),
    ),
    _work(
        "Perspective",
        "Geometric",
        lambda side: lab.Perspective(scale=uniform(0.08, 0.16)),
        goal=MOVES,
        albumentations=lambda a, side: a.Perspective(scale=(0.05, 0.1), p=1),
        torchvision=lambda v2, side: v2.RandomPerspective(distortion_scale=0.24, p=1),
        pillow=lambda pil, side: pil.perspective(0.08, 0.16),
        opencv=lambda cv, side: cv.perspective(0.08, 0.16),
        kornia=lambda k, side: k.RandomPerspective(0.24, p=1.0),
    ),
    _work(
        "GridShuffle",
        "Geometric",
        lambda side: lab.GridShuffle(tiles=4),
        albumentations=lambda a, side: a.RandomGridShuffle((4, 4), p=1),
        kornia=lambda k, side: k.RandomJigsaw((4, 4), p=1.0),
    ),
    _work(
        "ElasticTransform",
        "Distortion",
        lambda side: lab.ElasticTransform(alpha=0.04),
        goal=BENDS,
        albumentations=lambda a, side: a.ElasticTransform(alpha=0.86 * side, sigma=0.087 * side, approximate=True, p=1),
        torchvision=lambda v2, side: v2.ElasticTransform(alpha=0.68 * side),
        opencv=lambda cv, side: cv.elastic(0.02, 8),
    ),
    _work(
        "GridDistortion",
        "Distortion",
        lambda side: lab.GridDistortion(distortion=0.3),
        goal=BENDS,
        albumentations=lambda a, side: a.GridDistortion(num_steps=5, distort_limit=0.3, p=1),
        opencv=lambda cv, side: cv.grid_distortion(5, 0.3),
    ),
    _work(
        "OpticalDistortion",
        "Distortion",
        lambda side: lab.OpticalDistortion(k=uniform(-0.2, 0.2)),
        albumentations=lambda a, side: a.OpticalDistortion(0.2, p=1),
    ),
    _work(
        "PiecewiseAffine",
        "Distortion",
        lambda side: lab.PiecewiseAffine(scale=0.15),
        albumentations=lambda a, side: a.PiecewiseAffine(scale=0.02, p=1),
    ),
    _work(
        "ThinPlateSpline",
        "Distortion",
        lambda side: lab.ThinPlateSpline(scale=0.15),
        albumentations=lambda a, side: a.ThinPlateSpline(scale_range=(0.03, 0.05), p=1),
        kornia=lambda k, side: k.RandomThinPlateSpline(0.05, p=1.0),
    ),
    _work(
        "CenterCrop",
        "Size",
        lambda side: lab.CenterCrop(height=0.75, width=0.75),
        albumentations=lambda a, side: a.CenterCrop(side * 3 // 4, side * 3 // 4),
        torchvision=lambda v2, side: v2.CenterCrop(side * 3 // 4),
        pillow=lambda pil, side: pil.center_crop(side * 3 // 4),
        opencv=lambda cv, side: cv.center_crop(side * 3 // 4),
        kornia=lambda k, side: k.CenterCrop(side * 3 // 4),
    ),
    _work(
        "Crop",
        "Size",
        lambda side: lab.Crop(height=0.75, width=0.75, x=uniform(0, 1), y=uniform(0, 1)),
        albumentations=lambda a, side: a.RandomCrop(side * 3 // 4, side * 3 // 4),
        torchvision=lambda v2, side: v2.RandomCrop(side * 3 // 4),
        pillow=lambda pil, side: pil.crop(side * 3 // 4),
        opencv=lambda cv, side: cv.crop(side * 3 // 4),
        kornia=lambda k, side: k.RandomCrop((side * 3 // 4, side * 3 // 4)),
    ),
    _work(
        "ResizedCrop",
        "Size",
        lambda side: lab.ResizedCrop(
            scale=uniform(0.5, 1), ratio=loguniform(3 / 4, 4 / 3), x=uniform(0, 1), y=uniform(0, 1)
        ),
        albumentations=lambda a, side: a.RandomResizedCrop((side, side), scale=(0.5, 1)),
        torchvision=lambda v2, side: v2.RandomResizedCrop(side, scale=(0.5, 1)),
        pillow=lambda pil, side: pil.resized_crop(0.5),
        opencv=lambda cv, side: cv.resized_crop(0.5),
        kornia=lambda k, side: k.RandomResizedCrop((side, side), scale=(0.5, 1.0)),
    ),
    _work(
        "Resize to 128, local mean",
        "Size",
        lambda side: lab.Resize(height=128, width=128, method="area"),
        goal=FILTERS,
        albumentations=lambda a, side: a.Resize(128, 128, interpolation=_cv2().INTER_AREA),
        pillow=lambda pil, side: pil.resize(128, pil.Image.Resampling.BOX),
        opencv=lambda cv, side: cv.resize(128),
    ),
    _work(
        "Resize to 128, Gaussian",
        "Size",
        lambda side: lab.Resize(height=128, width=128),
        goal=SMOOTH,
        albumentations=lambda a, side: a.Resize(128, 128, interpolation=_cv2().INTER_AREA),
        torchvision=lambda v2, side: v2.Resize((128, 128), antialias=True),
        pillow=lambda pil, side: pil.resize(128, pil.LINEAR),
        opencv=lambda cv, side: cv.resize_gaussian(128),
        kornia=lambda k, side: k.Resize((128, 128), antialias=True),
    ),
    _work(
        "Rescale, growing",
        "Size",
        lambda side: lab.Rescale(factor=uniform(1, 1.5)),
        albumentations=lambda a, side: a.RandomScale((0, 0.5), p=1),
        pillow=lambda pil, side: pil.enlarge(1, 1.5),
        opencv=lambda cv, side: cv.enlarge(1, 1.5),
    ),
    _work(
        "LongestMaxSize, growing",
        "Size",
        lambda side: lab.LongestMaxSize(size=side * 5 // 4),
        albumentations=lambda a, side: a.LongestMaxSize(side * 5 // 4),
    ),
    _work(
        "SmallestMaxSize, growing",
        "Size",
        lambda side: lab.SmallestMaxSize(size=side * 5 // 4),
        albumentations=lambda a, side: a.SmallestMaxSize(side * 5 // 4),
        torchvision=lambda v2, side: v2.Resize(side * 5 // 4),
        kornia=lambda k, side: k.SmallestMaxSize(side * 5 // 4),
    ),
    _work(
        "LetterBox to multiples of 96",
        "Size",
        lambda side: lab.LetterBox(multiple=96),
        albumentations=lambda a, side: a.PadIfNeeded(
            min_height=None, min_width=None, pad_height_divisor=96, pad_width_divisor=96
        ),
    ),
    _work(
        "Pad",
        "Size",
        lambda side: lab.Pad(height=1 / 8, width=1 / 8),
        albumentations=lambda a, side: a.Pad(side // 8),
        torchvision=lambda v2, side: v2.Pad(side // 8),
        pillow=lambda pil, side: pil.pad(side // 8),
        opencv=lambda cv, side: cv.pad(side // 8),
    ),
    _work(
        "CropAndPad",
        "Size",
        lambda side: lab.CropAndPad(
            **{name: uniform(-0.15, 0.15) for name in ("top", "bottom", "left", "right")},
        ),
        albumentations=lambda a, side: a.CropAndPad(percent=(-0.15, 0.15)),
    ),
)


# --- colour and tone ---------------------------------------------------------------------------------------------------

COLOUR = (
    _work(
        "Brightness",
        "Colour and tone",
        lambda side: lab.Brightness(delta=uniform(-0.2, 0.2)),
        goal=TABLES,
        albumentations=lambda a, side: a.RandomBrightnessContrast(0.2, (0, 0), p=1),
        pillow=lambda pil, side: pil.brightness_contrast(0.2, (1, 1)),
        opencv=lambda cv, side: cv.brightness_contrast(0.2, (1, 1)),
    ),
    _work(
        "Contrast",
        "Colour and tone",
        lambda side: lab.Contrast(factor=uniform(0.8, 1.2)),
        goal=TABLES,
        albumentations=lambda a, side: a.RandomBrightnessContrast((0, 0), 0.2, p=1),
        torchvision=lambda v2, side: v2.ColorJitter(contrast=0.2),
        pillow=lambda pil, side: pil.brightness_contrast(0, (0.8, 1.2)),
        opencv=lambda cv, side: cv.brightness_contrast(0, (0.8, 1.2)),
        kornia=lambda k, side: k.RandomContrast((0.8, 1.2)),
    ),
    _work(
        "BrightnessContrast",
        "Colour and tone",
        lambda side: lab.BrightnessContrast(brightness=uniform(-0.2, 0.2), contrast=uniform(0.8, 1.2)),
        goal=TABLES,
        albumentations=lambda a, side: a.RandomBrightnessContrast(0.2, 0.2, p=1),
        torchvision=lambda v2, side: v2.ColorJitter(brightness=0.2, contrast=0.2),
        pillow=lambda pil, side: pil.brightness_contrast(0.2, (0.8, 1.2)),
        opencv=lambda cv, side: cv.brightness_contrast(0.2, (0.8, 1.2)),
        kornia=lambda k, side: k.ColorJitter((0.8, 1.2), (0.8, 1.2), p=1.0),
    ),
    _work(
        "Gamma",
        "Colour and tone",
        lambda side: lab.Gamma(gamma=uniform(0.6, 1.6)),
        goal=TABLES,
        albumentations=lambda a, side: a.RandomGamma((60, 160), p=1),
        pillow=lambda pil, side: pil.gamma(0.6, 1.6),
        opencv=lambda cv, side: cv.gamma(0.6, 1.6),
        kornia=lambda k, side: k.RandomGamma((0.6, 1.6)),
    ),
    _work(
        "Solarize",
        "Colour and tone",
        lambda side: lab.Solarize(threshold=uniform(0.5, 0.9)),
        goal=TABLES,
        albumentations=lambda a, side: a.Solarize((0.5, 0.9), p=1),
        torchvision=lambda v2, side: v2.RandomSolarize(178, p=1),
        pillow=lambda pil, side: pil.solarize(0.5, 0.9),
        opencv=lambda cv, side: cv.solarize(0.5, 0.9),
        kornia=lambda k, side: k.RandomSolarize(thresholds=(0.5, 0.9), additions=0.0, p=1.0),
    ),
    _work(
        "Posterize",
        "Colour and tone",
        lambda side: lab.Posterize(bits=integers(3, 6)),
        goal=SIMPLE,
        albumentations=lambda a, side: a.Posterize((3, 6), p=1),
        torchvision=lambda v2, side: v2.RandomPosterize(4, p=1),
        pillow=lambda pil, side: pil.posterize(3, 6),
        opencv=lambda cv, side: cv.posterize(3, 6),
        kornia=lambda k, side: k.RandomPosterize((3.0, 6.0), p=1.0),
    ),
    _work(
        "Invert",
        "Colour and tone",
        lambda side: lab.Invert(),
        goal=SIMPLE,
        albumentations=lambda a, side: a.InvertImg(p=1),
        torchvision=lambda v2, side: v2.RandomInvert(p=1),
        pillow=lambda pil, side: pil.invert(),
        opencv=lambda cv, side: cv.invert(),
        kornia=lambda k, side: k.RandomInvert(p=1.0),
    ),
    _work(
        "RGBShift",
        "Colour and tone",
        lambda side: lab.RGBShift(red=uniform(-0.1, 0.1), green=uniform(-0.1, 0.1), blue=uniform(-0.1, 0.1)),
        albumentations=lambda a, side: a.RGBShift(25, 25, 25, p=1),
        pillow=lambda pil, side: pil.rgb_shift(0.1),
        opencv=lambda cv, side: cv.rgb_shift(0.1),
        kornia=lambda k, side: k.RandomRGBShift(0.1, 0.1, 0.1, p=1.0),
    ),
    _work(
        "HueSaturation",
        "Colour and tone",
        lambda side: lab.HueSaturation(hue=uniform(-20, 20), saturation=uniform(0.6, 1.6)),
        goal=COLOURS,
        albumentations=lambda a, side: a.HueSaturationValue(10, 40, 0, p=1),
        torchvision=lambda v2, side: v2.ColorJitter(saturation=(0.6, 1.6), hue=20 / 360),
        pillow=lambda pil, side: pil.hue_saturation(20, (0.6, 1.6)),
        opencv=lambda cv, side: cv.hue_saturation(20, (0.6, 1.6)),
        kornia=lambda k, side: k.ColorJitter(saturation=(0.6, 1.6), hue=20 / 360, p=1.0),
    ),
    _work(
        "ColorJitter",
        "Colour and tone",
        lambda side: lab.ColorJitter(
            brightness=uniform(0.7, 1.4),
            contrast=uniform(0.7, 1.4),
            saturation=uniform(0.6, 1.6),
            hue=uniform(-20, 20),
        ),
        goal=COLOURS,
        albumentations=lambda a, side: a.ColorJitter((0.7, 1.4), (0.7, 1.4), (0.6, 1.6), (-20 / 360, 20 / 360), p=1),
        torchvision=lambda v2, side: v2.ColorJitter((0.7, 1.4), (0.7, 1.4), (0.6, 1.6), 20 / 360),
        pillow=lambda pil, side: pil.color_jitter((0.7, 1.4), (0.6, 1.6), 20),
        opencv=lambda cv, side: cv.color_jitter((0.7, 1.4), (0.6, 1.6), 20),
        kornia=lambda k, side: k.ColorJitter((0.7, 1.4), (0.7, 1.4), (0.6, 1.6), (-20 / 360, 20 / 360), p=1.0),
    ),
    _work(
        "Grayscale",
        "Colour and tone",
        lambda side: lab.Grayscale(),
        goal=FILTERS,
        albumentations=lambda a, side: a.ToGray(p=1),
        torchvision=lambda v2, side: v2.Grayscale(3),
        pillow=lambda pil, side: pil.gray(),
        opencv=lambda cv, side: cv.gray(),
        kornia=lambda k, side: k.RandomGrayscale(p=1.0),
    ),
    _work(
        "Equalize",
        "Colour and tone",
        lambda side: lab.Equalize(),
        goal=SIMPLE,
        albumentations=lambda a, side: a.Equalize(p=1),
        torchvision=lambda v2, side: v2.RandomEqualize(p=1),
        pillow=lambda pil, side: pil.equalize(),
        opencv=lambda cv, side: cv.equalize(),
        kornia=lambda k, side: k.RandomEqualize(p=1.0),
    ),
    _work(
        "AutoContrast",
        "Colour and tone",
        lambda side: lab.AutoContrast(cutoff=0.01),
        albumentations=lambda a, side: a.AutoContrast(cutoff=1, method="pil", p=1),
        torchvision=lambda v2, side: v2.RandomAutocontrast(p=1),
        pillow=lambda pil, side: pil.autocontrast(0.01),
        kornia=lambda k, side: k.RandomAutoContrast(p=1.0),
    ),
    _work(
        "CLAHE",
        "Colour and tone",
        lambda side: lab.CLAHE(clip_limit=uniform(0.005, 0.02)),
        goal=LOCAL,
        albumentations=lambda a, side: a.CLAHE((1.3, 5.0), (8, 8), p=1),
        opencv=lambda cv, side: cv.clahe(3.0, 8),
        kornia=lambda k, side: k.RandomClahe((1.3, 5.0), (8, 8), p=1.0),
    ),
    _work(
        "ColorTemperature",
        "Colour and tone",
        lambda side: lab.ColorTemperature(kelvin=uniform(4000, 12000)),
        albumentations=lambda a, side: a.PlanckianJitter("blackbody", (4000, 12000), p=1),
        kornia=lambda k, side: k.RandomPlanckianJitter("blackbody", p=1.0),
    ),
    _work(
        "Sepia",
        "Colour and tone",
        lambda side: lab.Sepia(amount=1),
        albumentations=lambda a, side: a.ToSepia(p=1),
        pillow=lambda pil, side: pil.sepia(),
        opencv=lambda cv, side: cv.sepia(),
    ),
    _work(
        "FancyPCA",
        "Colour and tone",
        lambda side: lab.FancyPCA(std=0.1),
        albumentations=lambda a, side: a.FancyPCA(0.1, p=1),
    ),
    _work(
        "ChannelShuffle",
        "Colour and tone",
        lambda side: lab.ChannelShuffle(),
        albumentations=lambda a, side: a.ChannelShuffle(p=1),
        torchvision=lambda v2, side: v2.RandomChannelPermutation(),
        pillow=lambda pil, side: pil.channel_shuffle(),
        kornia=lambda k, side: k.RandomChannelShuffle(p=1.0),
    ),
    _work(
        "ChannelDropout",
        "Colour and tone",
        lambda side: lab.ChannelDropout(),
        albumentations=lambda a, side: a.ChannelDropout(p=1),
        kornia=lambda k, side: k.RandomChannelDropout(p=1.0),
    ),
    _work(
        "HistogramMatching",
        "Colour and tone",
        lambda side: lab.HistogramMatching.fit([_reference(side)], blend=uniform(0.5, 1)),
        albumentations=lambda a, side: functools.partial(
            a.HistogramMatching(blend_ratio=(0.5, 1), p=1), hm_metadata=[_reference(side)]
        ),
    ),
)


# --- blur, noise, compression, occlusion, weather, preprocessing, policies ---------------------------------------------

OTHERS = (
    _work(
        "GaussianBlur",
        "Blur and detail",
        lambda side: lab.GaussianBlur(sigma=uniform(0.5, 2)),
        goal=FILTERS,
        albumentations=lambda a, side: a.GaussianBlur(blur_limit=0, sigma_limit=(0.5, 2), p=1),
        torchvision=lambda v2, side: v2.GaussianBlur(11, (0.5, 2)),
        pillow=lambda pil, side: pil.gaussian(0.5, 2),
        opencv=lambda cv, side: cv.gaussian(0.5, 2),
        kornia=lambda k, side: k.RandomGaussianBlur((11, 11), (0.5, 2.0), p=1.0),
    ),
    _work(
        "BoxBlur",
        "Blur and detail",
        lambda side: lab.BoxBlur(radius=choice(1.0, 2.0, 3.0)),
        albumentations=lambda a, side: a.Blur((3, 7), p=1),
        pillow=lambda pil, side: pil.box((1, 2, 3)),
        opencv=lambda cv, side: cv.box((1, 2, 3)),
        kornia=lambda k, side: k.RandomBoxBlur((5, 5), p=1.0),
    ),
    _work(
        "MedianBlur",
        "Blur and detail",
        lambda side: lab.MedianBlur(radius=integers(1, 2)),
        goal=SIMPLE,
        albumentations=lambda a, side: a.MedianBlur((3, 5), p=1),
        pillow=lambda pil, side: pil.median((1, 2)),
        opencv=lambda cv, side: cv.median((1, 2)),
        kornia=lambda k, side: k.RandomMedianBlur((3, 3), p=1.0),
    ),
    _work(
        "MotionBlur",
        "Blur and detail",
        lambda side: lab.MotionBlur(length=8 / side),
        goal=SIMPLE,
        albumentations=lambda a, side: a.MotionBlur((9, 9), allow_shifted=False, p=1),
        opencv=lambda cv, side: cv.motion_blur(9),
        kornia=lambda k, side: k.RandomMotionBlur(9, 90.0, 0.0, p=1.0),
    ),
    _work(
        "Defocus",
        "Blur and detail",
        lambda side: lab.Defocus(radius=uniform(3 / side, 5 / side)),
        albumentations=lambda a, side: a.Defocus((3, 5), p=1),
    ),
    _work(
        "ZoomBlur",
        "Blur and detail",
        lambda side: lab.ZoomBlur(zoom=uniform(1.02, 1.15)),
        albumentations=lambda a, side: a.ZoomBlur((1.02, 1.15), (0.01, 0.01), p=1),
    ),
    _work(
        "UnsharpMask",
        "Blur and detail",
        lambda side: lab.UnsharpMask(amount=uniform(0.2, 0.5)),
        albumentations=lambda a, side: a.UnsharpMask((9, 9), (1.0, 1.0), (0.2, 0.5), threshold=0, p=1),
        pillow=lambda pil, side: pil.unsharp_mask(1.0, 0.2, 0.5),
    ),
    _work(
        "Sharpness",
        "Blur and detail",
        lambda side: lab.Sharpness(factor=uniform(1.5, 2.5)),
        albumentations=lambda a, side: a.Sharpen(p=1),
        torchvision=lambda v2, side: v2.RandomAdjustSharpness(2, p=1),
        pillow=lambda pil, side: pil.sharpness(1.5, 2.5),
        kornia=lambda k, side: k.RandomSharpness((1.5, 2.5), p=1.0),
    ),
    _work(
        "Emboss",
        "Blur and detail",
        lambda side: lab.Emboss(amount=uniform(0.2, 0.7)),
        albumentations=lambda a, side: a.Emboss(p=1),
    ),
    _work(
        "Downscale",
        "Blur and detail",
        lambda side: lab.Downscale(scale=uniform(0.25, 0.5)),
        albumentations=lambda a, side: a.Downscale(
            (0.25, 0.5), {"downscale": _cv2().INTER_AREA, "upscale": _cv2().INTER_NEAREST}, p=1
        ),
        pillow=lambda pil, side: pil.downscale(0.25, 0.5),
        opencv=lambda cv, side: cv.downscale(0.25, 0.5),
    ),
    _work(
        "Superpixels",
        "Blur and detail",
        lambda side: lab.Superpixels(amount=1, segments=100),
        albumentations=lambda a, side: a.Superpixels(1.0, 100, max_size=None, p=1),
    ),
    _work(
        "GaussianNoise",
        "Noise and compression",
        lambda side: lab.GaussianNoise(std=uniform(0.02, 0.12)),
        goal=NOISES,
        albumentations=lambda a, side: a.GaussNoise(std_range=(0.02, 0.12), p=1),
        torchvision=lambda v2, side: v2.GaussianNoise(sigma=0.07),
        opencv=lambda cv, side: cv.noise(0.02, 0.12),
        kornia=lambda k, side: k.RandomGaussianNoise(std=0.07, p=1.0),
    ),
    _work(
        "SaltAndPepper",
        "Noise and compression",
        lambda side: lab.SaltAndPepper(amount=uniform(0.01, 0.06)),
        goal=NOISES,
        albumentations=lambda a, side: a.SaltAndPepper((0.01, 0.06), (0.5, 0.5), p=1),
        opencv=lambda cv, side: cv.salt_and_pepper(0.01, 0.06),
        kornia=lambda k, side: k.RandomSaltAndPepperNoise((0.01, 0.06), p=1.0),
    ),
    _work(
        "ShotNoise",
        "Noise and compression",
        lambda side: lab.ShotNoise(std=uniform(0.05, 0.15)),
        albumentations=lambda a, side: a.ShotNoise((0.005, 0.03), p=1),
    ),
    _work(
        "SpeckleNoise",
        "Noise and compression",
        lambda side: lab.SpeckleNoise(std=0.1),
        albumentations=lambda a, side: a.MultiplicativeNoise((0.83, 1.17), elementwise=True, p=1),
    ),
    _work(
        "ISONoise",
        "Noise and compression",
        lambda side: lab.ISONoise(luminance=uniform(0.02, 0.12), color=uniform(0.01, 0.06)),
        albumentations=lambda a, side: a.ISONoise(p=1),
    ),
    _work(
        "PixelDropout",
        "Noise and compression",
        lambda side: lab.PixelDropout(amount=0.05),
        albumentations=lambda a, side: a.PixelDropout(0.05, p=1),
        opencv=lambda cv, side: cv.pixel_dropout(0.05),
    ),
    _work(
        "JPEGCompression",
        "Noise and compression",
        lambda side: lab.JPEGCompression(quality=integers(40, 80)),
        goal=FILTERS,
        albumentations=lambda a, side: a.ImageCompression(quality_range=(40, 80), p=1),
        pillow=lambda pil, side: pil.jpeg(40, 80),
        opencv=lambda cv, side: cv.jpeg(40, 80),
        kornia=lambda k, side: k.RandomJPEG((40.0, 80.0), p=1.0),
    ),
    _work(
        "CoarseDropout",
        "Occlusion",
        lambda side: lab.CoarseDropout(holes=1, height=0.25, width=0.25),
        goal=NOISES,
        albumentations=lambda a, side: a.CoarseDropout((1, 1), (0.25, 0.25), (0.25, 0.25), p=1),
        torchvision=lambda v2, side: v2.RandomErasing(p=1, scale=(1 / 16, 1 / 16), ratio=(1, 1)),
        pillow=lambda pil, side: pil.cutout(0.25),
        opencv=lambda cv, side: cv.cutout(0.25),
        kornia=lambda k, side: k.RandomErasing(scale=(1 / 16, 1 / 16), ratio=(1.0, 1.0), p=1.0),
    ),
    _work(
        "GridDropout",
        "Occlusion",
        lambda side: lab.GridDropout(ratio=0.5, spacing=0.2),
        albumentations=lambda a, side: a.GridDropout(0.5, holes_number_xy=(5, 5), p=1),
    ),
    _work(
        "Fog",
        "Weather",
        lambda side: lab.Fog(density=0.5),
        albumentations=lambda a, side: a.RandomFog(p=1),
    ),
    _work(
        "Rain",
        "Weather",
        lambda side: lab.Rain(amount=0.5),
        albumentations=lambda a, side: a.RandomRain(p=1),
    ),
    _work(
        "Snow",
        "Weather",
        lambda side: lab.Snow(amount=0.5),
        albumentations=lambda a, side: a.RandomSnow(method="texture", p=1),
        kornia=lambda k, side: k.RandomSnow(p=1.0),
    ),
    _work(
        "Shadow",
        "Weather",
        lambda side: lab.Shadow(darkness=0.5),
        albumentations=lambda a, side: a.RandomShadow(p=1),
    ),
    _work(
        "SunFlare",
        "Weather",
        lambda side: lab.SunFlare(strength=0.5),
        albumentations=lambda a, side: a.RandomSunFlare(src_radius=side // 2, method="physics_based", p=1),
    ),
    _work(
        "Standardize",
        "Preprocessing",
        lambda side: lab.Standardize(mean=MEAN, std=STD),
        goal=SCALES,
        albumentations=lambda a, side: a.Normalize(MEAN, STD),
        torchvision=lambda v2, side: v2.Compose([v2.ToDtype(_float32(), scale=True), v2.Normalize(MEAN, STD)]),
        opencv=lambda cv, side: cv.normalize(MEAN, STD),
        kornia=lambda k, side: k.Normalize(MEAN, STD),
    ),
    _work(
        "Normalize to [0, 1]",
        "Preprocessing",
        lambda side: lab.Normalize(),
        albumentations=lambda a, side: a.ToFloat(255),
        torchvision=lambda v2, side: v2.ToDtype(_float32(), scale=True),
        opencv=lambda cv, side: cv.to_float(),
    ),
    _work(
        "RandAugment",
        "Policies",
        lambda side: lab.RandAugment(),
        torchvision=lambda v2, side: v2.RandAugment(interpolation=v2.InterpolationMode.BILINEAR),
    ),
    _work(
        "TrivialAugment",
        "Policies",
        lambda side: lab.TrivialAugment(wide=True),
        torchvision=lambda v2, side: v2.TrivialAugmentWide(interpolation=v2.InterpolationMode.BILINEAR),
    ),
    _work(
        "AutoAugment",
        "Policies",
        lambda side: lab.AutoAugment(),
        torchvision=lambda v2, side: v2.AutoAugment(interpolation=v2.InterpolationMode.BILINEAR),
    ),
    _work(
        "AugMix",
        "Policies",
        lambda side: lab.AugMix(),
        torchvision=lambda v2, side: v2.AugMix(all_ops=False),
    ),
)

WORKS = (*PIPELINES, *BATCHES, *TWO_THREADS, *GEOMETRIC, *COLOUR, *OTHERS)


def _cv2() -> Any:
    return importlib.import_module("cv2")


def _reference(side: int) -> Any:
    """Another picture, whose colours are to be taken over."""
    return np.ascontiguousarray(photo(side)[::-1, ::-1, ::-1] // 2)


# How definitions differ where a library means something else by the same name. It does the work that comes nearest.
NOTES = {
    "Eight steps": "The steps differ as told at each. torchvision and Kornia take one standard deviation of the noise, the middle of the range; torchvision's noise and Albumentations' are rounded to uint8 as ours is, Kornia's stays float.",
    "Six point transforms": "On uint8 augmentlab makes one table of all six. Contrast turns about middle gray in ours, Pillow's and OpenCV's, about black in Albumentations'.",
    "Five geometric transforms": "augmentlab resamples once, the others at each step: the result is sharper, and it is not the same image.",
    "1,000 images of 28x28": "Each image has its own draws. Albumentations, torchvision and OpenCV are called image by image, for given the whole they would use one draw for all; Kornia draws for each image of a batch. The colour jitter of torchvision and Kornia multiplies.",
    "1,000 images of 32x32x3": "As for 28x28.",
    "Eight steps, two threads": "32 images of 256 px; augment_batch with n_jobs=2 beside n_jobs=1, Albumentations mapped by a pool of two threads. By the clock on the wall.",
    "Affine": "Centres differ by half a pixel between the libraries.",
    "Perspective": "Ours, Pillow's and OpenCV's corners move inward by up to 0.08 to 0.16 of the side, uniformly; Albumentations' moves are normal with a mean of the same size; torchvision and Kornia move the content inward, so that a black border is seen.",
    "ElasticTransform": "Displacements have the same standard deviation; ours and OpenCV's by hand are joined from a lattice and smooth, those of Albumentations (by its quicker approximate=True) and torchvision (default sigma) are rougher.",
    "OpticalDistortion": "Ours has a term in r² and a radius of 1 in the corner; Albumentations uses OpenCV's camera model with terms in r² and r⁴.",
    "PiecewiseAffine": "Ours moves nodes and joins triangles; Albumentations blends the moves of all nodes by their distance.",
    "ThinPlateSpline": "Ours evaluates the spline on 65x65 positions and joins them by cubic splines; the others at every pixel.",
    "ResizedCrop": "The window is never larger than the output, so that nothing is anti-aliased.",
    "Resize to 128, Gaussian": "Albumentations has no Gaussian anti-aliasing: beside it stands its area interpolation, which is much less work. Pillow and torchvision use a triangle filter.",
    "Rescale, growing": "Factors between 1 and 1.5, where no anti-aliasing is needed.",
    "Contrast": "Ours turns about middle gray, Albumentations' about black, torchvision's about the mean gray.",
    "BrightnessContrast": "Contrast turns about middle gray in ours, Pillow's and OpenCV's, about black in Albumentations', about the mean gray in the others, whose brightness multiplies.",
    "Solarize": "torchvision has one threshold, the middle of the range.",
    "Posterize": "torchvision has one number of bits, 4.",
    "HueSaturation": "Saturation is multiplied; Albumentations adds to it, within limits of about the same effect. OpenCV and Albumentations hold hue in 180 or 256 steps; torchvision and Kornia blend with gray.",
    "ColorJitter": "OpenCV and Pillow keep one order of the four; the others draw it.",
    "Grayscale": "Ours weighs by ITU-R BT.709 as scikit-image does, the others by BT.601.",
    "Equalize": "OpenCV and Albumentations move the darkest level that occurs to 0, which shows where much of the picture is black.",
    "AutoContrast": "torchvision and Kornia cut off no pixels, so this photo stays as it is.",
    "CLAHE": "Ours equalises the V of HSV in 16384 levels as scikit-image does, the others the L of CIELAB in 256 levels, Kornia each channel; the clip limits were chosen for about the same change.",
    "ColorTemperature": "Ours multiplies in linear light, the others the encoded values.",
    "FancyPCA": "Ours shifts all pixels by one colour, as the paper says; Albumentations moves each along the axes by its distance from the mean.",
    "HistogramMatching": "Ours is given quantiles, taken once from the reference; Albumentations gets the reference image and takes its histogram at each call.",
    "GaussianBlur": "Ours cuts the kernel at four standard deviations, as SciPy does; torchvision and Kornia have a kernel of fixed size 11; Pillow approximates by repeated box blurs. In the eight steps sigma is 1.",
    "BoxBlur": "Kornia has one size, 5x5.",
    "MedianBlur": "Kernels of 3x3 and 5x5; Kornia has 3x3 only.",
    "MotionBlur": "A line of 8 px in ours, drawn with weights between the pixels; a kernel of 9x9 in the others, whose line is one pixel wide.",
    "Defocus": "Albumentations smooths its disk by a Gaussian.",
    "ZoomBlur": "Albumentations averages images enlarged in steps of 0.01.",
    "UnsharpMask": "Albumentations also blurs a mask of where the difference is above its threshold, here 0.",
    "Sharpness": "Albumentations' Sharpen is another 3x3 kernel, of about the same cost.",
    "Emboss": "The kernels differ.",
    "Superpixels": "Ours is scikit-image's SLIC; Albumentations has one of its own, kept from shrinking the image first (max_size=None).",
    "GaussianNoise": "torchvision and Kornia have one standard deviation, the middle of the range. All noise is i.i.d. and fresh at each call.",
    "ShotNoise": "Albumentations draws in linear light; the strength is about the same.",
    "SpeckleNoise": "Ours is normal, Albumentations' uniform, with the same standard deviation; one value for all channels.",
    "ISONoise": "Another model: Albumentations adds Poisson noise to the L of HLS.",
    "JPEGCompression": "Kornia computes a differentiable JPEG. torchvision's needs a compiled operator that its wheel does not always load.",
    "Fog": "Another picture: Albumentations draws circles and blurs.",
    "Rain": "Another picture: ours has streaks of three distances.",
    "Snow": "Another picture; Albumentations by its texture method.",
    "Shadow": "Another picture: ours has soft edges.",
    "SunFlare": "Another picture; Albumentations by its physics_based method.",
    "RandAugment": "The four policies are those of the papers, at default strength, with linear interpolation on both sides; which operations are drawn, and so the time, differs from call to call.",
}

# Why a ratio is what it is, where it could not be reached: (name of the work, side) or name -> what a profile shows.
_CALLS = "Checking the image and calling take a few microseconds more than theirs; the pixels themselves do not."
_WARP = "OpenCV's own warp, which both call: see the column OpenCV, which is that call by hand."

# Why a goal was not reached, by what a profile says; for all sizes of a work or for one.
EXPLANATIONS: dict[str | tuple[str, int], str] = {
    (
        "Eight steps",
        128,
    ): "Drawing and planning eight steps is Python, which costs the same at any size: compare 64 px with 128.",
    ("Eight steps", 256): "Python's part, the same at any size (see 64 px), and OpenCV's own warp, which both call.",
    "Six point transforms": "One table for all six; what is left is drawing six steps and making six tables, the same at any size: compare 256 px with 512.",
    "Five geometric transforms": "One warp for all five (compare Perspective alone), and the drawing of five steps and their maps.",
    "Eight steps, two threads": "Python's part of each image runs under one lock; with larger images there is less of it.",
    "Rotate": _WARP,
    "Affine": _WARP,
    "Perspective": _WARP,
    "GridDistortion": "OpenCV's own remap, which both call (see the column OpenCV); the map is made anew for each draw.",
    "HorizontalFlip": _CALLS,
    "VerticalFlip": _CALLS,
    "Invert": _CALLS,
    "Posterize": "As for Invert; its table is made anew for each draw.",
    "Gamma": "The look-up is as quick; the table is made anew for each draw, 256 powers.",
    "CoarseDropout": "The copy of the image, which both make.",
    "MotionBlur": "Our line is spread between pixels, so that it has more weights.",
    "GaussianBlur": "OpenCV's filter with scikit-image's kernel in floats, which has more weights than theirs.",
    ("Resize to 128, local mean", 256): _CALLS,
    "Resize to 128, Gaussian": "A Gaussian filter before the linear one, which they do not have.",
}


# --- the images --------------------------------------------------------------------------------------------------------


def photo(side: int) -> Any:
    """A square RGB photo of the astronaut, (side, side, 3) uint8: shrunk by local means, or tiled beyond 512 px."""
    from skimage.data import astronaut
    from skimage.transform import resize_local_mean

    image = astronaut()
    if side < len(image):
        image = np.rint(resize_local_mean(image, (side, side), preserve_range=True, channel_axis=2)).astype(np.uint8)
    tiles = -(-side // len(image))
    return np.ascontiguousarray(np.tile(image, (tiles, tiles, 1))[:side, :side])


def small_images(side: int, channels: int, count: int = MANY) -> Any:
    """Windows of the photo, (count, side, side, 3) uint8; of one channel, its green, (count, side, side)."""
    image, rng = photo(512), np.random.default_rng(0)
    corners = rng.integers(0, 512 - side, (count, 2)).tolist()
    windows = np.stack([image[top : top + side, left : left + side] for top, left in corners])
    return np.ascontiguousarray(windows if channels == 3 else windows[..., 1])

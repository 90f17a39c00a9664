"""Blur and detail."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab import engines
from augmentlab.bases import PixelTransform
from augmentlab.params import Typical, Unit, uniform
from augmentlab.pixels import Array, full_scale

__all__ = [
    "BoxBlur",
    "Defocus",
    "Denoise",
    "Downscale",
    "Emboss",
    "GaussianBlur",
    "MedianBlur",
    "MotionBlur",
    "Sharpness",
    "Superpixels",
    "UnsharpMask",
    "ZoomBlur",
]


@dataclass(frozen=True, kw_only=True, repr=False)
class GaussianBlur(PixelTransform):
    """Blur with a Gaussian (`skimage.filters.gaussian`, border ``edge``)."""

    sigma: Annotated[
        float, Interval(ge=0, le=64), Typical(0.3, 3), Unit("px"), "Standard deviation of the Gaussian."
    ] = 0.0

    def apply_image(self, image: Array) -> Array:
        return image if self.sigma == 0 else np.asarray(engines.current().gaussian(image, self.sigma))


@dataclass(frozen=True, kw_only=True, repr=False)
class BoxBlur(PixelTransform):
    """The mean over a square of side 2 * radius + 1 (`scipy.ndimage.uniform_filter`, border ``edge``).

    What a `radius` has beyond a whole number counts as that part of a pixel, as in `PIL.ImageFilter.BoxBlur`.
    """

    radius: Annotated[
        float, Interval(ge=0, le=64), Typical(0.5, 4), Unit("px"), "Pixels from the centre to the edge of the square."
    ] = 0.0

    def apply_image(self, image: Array) -> Array:
        return image if self.radius == 0 else np.asarray(engines.current().box(image, self.radius))


@dataclass(frozen=True, kw_only=True, repr=False)
class MedianBlur(PixelTransform):
    """The median over a square of side 2 * radius + 1 (`scipy.ndimage.median_filter`, border ``edge``).

    The largest radius is slow on floats: the median of 81 values.
    """

    radius: Annotated[
        int, Interval(ge=0, le=4), Typical(1, 3), Unit("px"), "Pixels from the centre to the edge of the square."
    ] = 0

    def apply_image(self, image: Array) -> Array:
        return image if self.radius == 0 else np.asarray(engines.current().median(image, self.radius))


@dataclass(frozen=True, kw_only=True, repr=False)
class MotionBlur(PixelTransform):
    """The mean of the image moved along a straight line: a shaken camera (`scipy.ndimage.correlate`, border ``edge``)."""

    length: Annotated[
        float, Interval(ge=0, le=0.5), Typical(0.01, 0.05), Unit("fraction"), "Of the line, of the longer side."
    ] = 0.0
    angle: Annotated[
        float,
        Interval(ge=-180, le=180),
        Typical(-90, 90, draw=False),
        Unit("deg"),
        "Of the line, counter-clockwise from the rows; drawn anew unless given.",
    ] = uniform(-90, 90)

    def apply_image(self, image: Array) -> Array:
        pixels = self.length * max(image.shape[:2])
        return image if pixels == 0 else _correlate(image, _line(pixels, np.deg2rad(self.angle)))


def _line(length: float, angle: float) -> NDArray[np.float64]:
    """Weights of the pixels by which the image is averaged along a line."""
    reach = math.ceil(length / 2)
    along = _middles(32 * reach + 1) * length / 2
    return _spread(along * np.cos(angle), -along * np.sin(angle), reach)


def _disk(radius: float) -> NDArray[np.float64]:
    """Weights of the pixels by which the image is averaged over a disk."""
    reach = math.ceil(radius)
    x, y = np.meshgrid(*[_middles(8 * reach + 8)] * 2)
    inside = np.hypot(x, y) <= 1
    return _spread(x[inside] * radius, y[inside] * radius, reach)


def _middles(count: int) -> NDArray[np.float64]:
    """The middles of `count` equal parts of [-1, 1]."""
    return (np.arange(count) + 0.5) / count * 2 - 1


def _spread(x: NDArray[np.float64], y: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Points about the middle of a kernel, each shared among its four neighbours: moving by it, interpolated linearly."""
    kernel = np.zeros((2 * reach + 3, 2 * reach + 3))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for column, across in ((left, 1 - (x - left)), (left + 1, x - left)):
        for row, down in ((top, 1 - (y - top)), (top + 1, y - top)):
            np.add.at(kernel, (row + reach + 1, column + reach + 1), across * down / len(x))
    return kernel


@dataclass(frozen=True, kw_only=True, repr=False)
class Defocus(PixelTransform):
    """The mean of the image moved all over a disk: a lens out of focus (`scipy.ndimage.correlate`, border ``edge``)."""

    radius: Annotated[
        float, Interval(ge=0, le=0.2), Typical(0.005, 0.02), Unit("fraction"), "Of the disk, of the longer side."
    ] = 0.0

    def apply_image(self, image: Array) -> Array:
        pixels = self.radius * max(image.shape[:2])
        return image if pixels == 0 else _correlate(image, _disk(pixels))


@dataclass(frozen=True, kw_only=True, repr=False)
class ZoomBlur(PixelTransform):
    """The mean of the image enlarged about its centre by factors from 1 to `zoom` (`skimage.transform.warp`)."""

    zoom: Annotated[float, Interval(ge=1, le=2), Typical(1.02, 1.15), "Largest factor."] = 1.0

    def apply_image(self, image: Array) -> Array:
        return image if self.zoom == 1 else np.asarray(engines.current().zoom_blur(image, self.zoom))


@dataclass(frozen=True, kw_only=True, repr=False)
class UnsharpMask(PixelTransform):
    """Sharpen: x + amount * (x - its Gaussian blur) (`skimage.filters.unsharp_mask`)."""

    amount: Annotated[
        float, Interval(ge=0, le=10), Typical(0.3, 2), "How many times the difference from the blur is added."
    ] = 0.0
    sigma: Annotated[
        float,
        Interval(gt=0, le=64),
        Typical(0.5, 3, draw=False),
        Unit("px"),
        "Standard deviation of the Gaussian: the size of the details.",
    ] = 1.0

    def apply_image(self, image: Array) -> Array:
        if self.amount == 0:
            return image
        unit = image.astype(np.float64) / full_scale(image.dtype)
        return np.asarray(unit + self.amount * (unit - engines.current().gaussian(unit, self.sigma)))


@dataclass(frozen=True, kw_only=True, repr=False)
class Sharpness(PixelTransform):
    """Blend with a slightly smoothed image: below 1 softer, above 1 sharper (`PIL.ImageEnhance.Sharpness`).

    This is the sharpness of AutoAugment and torchvision; the smoothing weighs the pixel 5 and its neighbours 1.
    """

    factor: Annotated[
        float, Interval(ge=0, le=20), Typical(0.3, 3, log=True), "0 is the smoothed image, 1 the image."
    ] = 1.0

    def apply_image(self, image: Array) -> Array:
        if self.factor == 1:
            return image
        # smooth + factor * (image - smooth), as one sum over the neighbours
        kernel = np.full((3, 3), (1 - self.factor) / 13)
        kernel[1, 1] = (5 + 8 * self.factor) / 13
        return _correlate(image, kernel)


@dataclass(frozen=True, kw_only=True, repr=False)
class Emboss(PixelTransform):
    """Add relief: x + amount * (its difference from one side to the other), lit from `angle` (`scipy.ndimage.sobel`)."""

    amount: Annotated[
        float, Interval(ge=0, le=10), Typical(0.3, 2), "How many times the difference over two pixels is added."
    ] = 0.0
    angle: Annotated[
        float,
        Interval(ge=-180, le=180),
        Typical(-180, 180, draw=False),
        Unit("deg"),
        "Where the light comes from, counter-clockwise from the right; drawn anew unless given.",
    ] = uniform(-180, 180)

    def apply_image(self, image: Array) -> Array:
        if self.amount == 0:
            return image
        towards = np.deg2rad(self.angle)
        across = np.outer([1, 2, 1], [-1, 0, 1]) / 4
        # A slope that rises away from the light faces it.
        relief = -self.amount * (np.cos(towards) * across - np.sin(towards) * across.T)
        relief[1, 1] += 1
        return _correlate(image, relief)


def _correlate(image: Array, kernel: NDArray[np.float64]) -> Array:
    return np.asarray(engines.current().correlate(image, kernel))


@dataclass(frozen=True, kw_only=True, repr=False)
class Downscale(PixelTransform):
    """Shrink and enlarge again: detail is lost, the size stays (`skimage.transform.resize_local_mean`)."""

    scale: Annotated[
        float,
        Interval(gt=0, le=1),
        Typical(0.25, 0.75, log=True),
        Unit("fraction"),
        "Sides of the small image, of those of the image.",
    ] = 1.0
    method: Annotated[Literal["nearest", "linear"], "How it is enlarged: into blocks of one colour, or smoothly."] = (
        "nearest"
    )

    def apply_image(self, image: Array) -> Array:
        height, width = image.shape[:2]
        small = max(round(height * self.scale), 1), max(round(width * self.scale), 1)
        if small == (height, width):
            return image
        engine = engines.current()
        shrunk = engine.resize(image, small, method="area")
        if self.method == "linear":
            return np.asarray(engine.resize(shrunk, (height, width), method="linear"))
        # Each pixel shows the small one in which its centre lies.
        rows, columns = (
            (2 * np.arange(side) + 1) * few // (2 * side) for side, few in zip((height, width), small, strict=True)
        )
        return np.asarray(shrunk[rows[:, None], columns])


@dataclass(frozen=True, kw_only=True, repr=False)
class Denoise(PixelTransform):
    """Smooth what is flat and keep edges, by total variation (`skimage.restoration.denoise_tv_chambolle`; Chambolle 2004).

    Slow: it is an iteration over the whole image, of up to 100 rounds.
    """

    weight: Annotated[
        float, Interval(ge=0, le=2), Typical(0.02, 0.12, log=True), "The larger, the smoother, as for skimage."
    ] = 0.0

    def apply_image(self, image: Array) -> Array:
        return image if self.weight == 0 else np.asarray(engines.current().denoise(image, self.weight))


@dataclass(frozen=True, kw_only=True, repr=False)
class Superpixels(PixelTransform):
    """Replace each superpixel by its mean colour (`skimage.segmentation.slic`; Achanta et al. 2012).

    Slow: the superpixels are found by k-means.
    """

    amount: Annotated[
        float, Interval(ge=0, le=1), Typical(0.3, 1), Unit("fraction"), "Share of the way toward the mean colours."
    ] = 0.0
    segments: Annotated[
        int, Interval(ge=1, le=4096), Typical(50, 400, log=True, draw=False), "About how many superpixels there are."
    ] = 150

    def apply_image(self, image: Array) -> Array:
        if self.amount == 0:
            return image
        labels = engines.current().superpixels(image, self.segments)
        planes = image.reshape(-1, 1 if image.ndim == 2 else image.shape[2]) / full_scale(image.dtype)
        flat = labels.ravel()
        count = np.bincount(flat)
        means = np.stack([np.bincount(flat, plane)[flat] / count[flat] for plane in planes.T], axis=-1)
        return np.asarray((planes + self.amount * (means - planes)).reshape(image.shape))

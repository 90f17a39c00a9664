"""Noise, reproducible from an integer seed, and compression."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval

from augmentlab import engines
from augmentlab.bases import PixelTransform, fitting
from augmentlab.params import SEED_MAX, Typical, Unit, integers
from augmentlab.pixels import Array, from_unit, to_unit
from augmentlab.transforms.color import decode_srgb, encode_srgb

__all__ = [
    "GaussianNoise",
    "ISONoise",
    "JPEGCompression",
    "PixelDropout",
    "SaltAndPepper",
    "ShotNoise",
    "SpeckleNoise",
]

Seed = Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all noise fields; drawn anew unless given."]


@dataclass(frozen=True, kw_only=True, repr=False)
class GaussianNoise(PixelTransform):
    """Add normal noise, clipped (`skimage.util.random_noise`, mode ``gaussian``)."""

    std: Annotated[
        float, Interval(ge=0, le=1), Typical(0.02, 0.12), Unit("fraction"), "Standard deviation, of full scale."
    ] = 0.0
    per_channel: Annotated[bool, "Whether each channel gets noise of its own, or all the same."] = True
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        return self.apply_into(image, None)

    def apply_into(self, image: Array, out: Array | None) -> Array:
        if self.std == 0:
            return image
        out = fitting(out, image.shape, image.dtype)
        noisy = engines.current().add_noise(image, self.std, self.seed, per_channel=self.per_channel, out=out)
        return np.asarray(noisy)


@dataclass(frozen=True, kw_only=True, repr=False)
class SaltAndPepper(PixelTransform):
    """Set single pixels to white or black (`skimage.util.random_noise`, mode ``s&p``)."""

    amount: Annotated[
        float, Interval(ge=0, le=1), Typical(0.005, 0.05), Unit("fraction"), "Share of the pixels that are set."
    ] = 0.0
    salt: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1, draw=False), Unit("fraction"), "Share of white among them."
    ] = 0.5
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        return self.apply_into(image, None)

    def apply_into(self, image: Array, out: Array | None) -> Array:
        if self.amount == 0:
            return image
        out = fitting(out, image.shape, image.dtype)
        return np.asarray(engines.current().salt_and_pepper(image, self.amount, self.salt, self.seed, out=out))


@dataclass(frozen=True, kw_only=True, repr=False)
class ShotNoise(PixelTransform):
    """Count photons: each value is drawn from a Poisson distribution (`skimage.util.random_noise`, mode ``poisson``).

    White is 1 / std ** 2 photons; the noise of a value x has the standard deviation std * sqrt(x).
    """

    std: Annotated[
        float,
        Interval(ge=0, le=1),
        Typical(0.02, 0.15),
        Unit("fraction"),
        "Standard deviation at white, of full scale: 0.1 is 100 photons.",
    ] = 0.0
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.std < 1e-9:  # more photons than a computer can count
            return image
        return np.asarray(engines.current().shot_noise(image, self.std**-2, self.seed))


@dataclass(frozen=True, kw_only=True, repr=False)
class SpeckleNoise(PixelTransform):
    """Multiply by normal noise: x * (1 + n) (`skimage.util.random_noise`, mode ``speckle``)."""

    std: Annotated[
        float, Interval(ge=0, le=5), Typical(0.05, 0.25), "Standard deviation of the factor, which is 1 on average."
    ] = 0.0
    per_channel: Annotated[bool, "Whether each channel gets noise of its own, or all the same."] = False
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.std == 0:
            return image
        noise = _normal(image, self.seed, per_channel=self.per_channel)
        return _in_strips(image, lambda rows: to_unit(image[rows]) * (1 + np.float32(self.std) * noise[rows]))


@dataclass(frozen=True, kw_only=True, repr=False)
class ISONoise(PixelTransform):
    """Add the grain of a camera at high ISO, gray and coloured, in linear light.

    As with photons, the standard deviation in linear light is proportional to the square root of the light (Foi et al.
    2008, without the sensor's own noise), which makes the grain of the finished picture rough in shadows as well. The
    coloured part is smooth over a few pixels, as it is after demosaicking. A gray image gets gray grain only.
    """

    luminance: Annotated[
        float, Interval(ge=0, le=1), Typical(0.02, 0.12), Unit("fraction"), "Standard deviation of gray grain at white."
    ] = 0.0
    color: Annotated[
        float,
        Interval(ge=0, le=1),
        Typical(0.01, 0.06),
        Unit("fraction"),
        "Standard deviation of coloured grain at white.",
    ] = 0.0
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        colored = image.ndim == 3 and image.shape[2] == 3
        if self.luminance == 0 and (self.color == 0 or not colored):
            return image
        grain = np.float32(self.luminance) * _normal(image, self.seed, per_channel=False)
        tint = None
        if colored and self.color:
            tint = engines.current().gaussian(_normal(image, (self.seed, 1), per_channel=True), _TINT_SIGMA)
        # A blur by sigma divides the deviation of white noise by 2 * sqrt(pi) * sigma; one mean is taken off three.
        strength = np.float32(self.color * 2 * np.sqrt(np.pi) * _TINT_SIGMA * np.sqrt(1.5))

        def grainy(rows: slice) -> Array:
            noise = grain[rows]
            if tint is not None:
                colors = strength * tint[rows]
                mean = (colors[..., 0] + colors[..., 1] + colors[..., 2]) / 3
                noise = colors + (noise - mean[..., None])  # the luminance is left to the gray part
            light = _light(image[rows])
            return encode_srgb(light + np.sqrt(light) * noise)

        return _in_strips(image, grainy)


_TINT_SIGMA = 1.0  # px


def _light(image: Array) -> Array:
    """Linear light; of uint8 by a table."""
    if image.dtype != np.uint8:
        return decode_srgb(image)
    return np.asarray(engines.current().lookup(image, _light_of_levels()))


@functools.cache
def _light_of_levels() -> Array:
    return decode_srgb(to_unit(np.arange(256, dtype=np.uint8)))[:, None]


def _in_strips(image: Array, changed: Callable[[slice], Array]) -> Array:
    """The image whose rows `changed` gives in [0, 1], some at a time: memory for all would cost more than arithmetic."""
    result = np.empty(image.shape, image.dtype)
    count = max(2**15 * len(image) // image.size, 1)
    for start in range(0, len(image), count):
        rows = slice(start, start + count)
        result[rows] = from_unit(changed(rows), image.dtype)
    return result


def _normal(image: Array, seed: int | tuple[int, int], *, per_channel: bool) -> Array:
    """Standard normal noise, single precision whatever the image has, that broadcasts with it."""
    whole = per_channel or image.ndim == 2
    noise = np.asarray(engines.current().normal(image.shape if whole else image.shape[:2], seed))
    return noise if whole else noise[..., None]


@dataclass(frozen=True, kw_only=True, repr=False)
class PixelDropout(PixelTransform):
    """Replace single pixels by a constant."""

    amount: Annotated[
        float, Interval(ge=0, le=1), Typical(0.01, 0.1), Unit("fraction"), "Share of the pixels that are replaced."
    ] = 0.0
    fill: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1, draw=False), Unit("fraction"), "The constant, of full scale."
    ] = 0.0
    per_channel: Annotated[bool, "Whether each channel loses pixels of its own, or all the same."] = False
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.amount == 0:
            return image
        shape = image.shape if self.per_channel else image.shape[:2]
        dropped = engines.current().chosen(shape, self.amount, self.seed)
        result = image.copy()
        result[dropped] = from_unit(np.asarray(self.fill), image.dtype)
        return result


@dataclass(frozen=True, kw_only=True, repr=False)
class JPEGCompression(PixelTransform):
    """Compress as JPEG and read again (`PIL.Image.Image.save`); floats pass through 8 bits.

    A `quality` of 100 leaves the image as it is, which is better than JPEG can do: its own 100 still rounds.
    """

    quality: Annotated[int, Interval(ge=1, le=100), Typical(15, 80), "Pillow's quality; 100 is no compression."] = 100
    subsampling: Annotated[
        Literal["4:2:0", "4:2:2", "4:4:4"],
        "Resolution of the colours: 4:2:0 halves it along both sides, 4:4:4 keeps it.",
    ] = "4:2:0"

    def apply_image(self, image: Array) -> Array:
        if self.quality == 100:
            return image
        return np.asarray(engines.current().jpeg(image, self.quality, self.subsampling))

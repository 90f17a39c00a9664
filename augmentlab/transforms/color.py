"""Colour and tone: curves on single values, and changes of colour."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval

from augmentlab import engines
from augmentlab.params import Typical, Unit
from augmentlab.pixels import Array
from augmentlab.transform import PixelTransform, PointTransform

__all__ = [
    "Brightness",
    "Contrast",
    "Equalize",
    "Gamma",
    "Grayscale",
    "HueSaturation",
    "Invert",
    "Posterize",
    "Solarize",
]


@dataclass(frozen=True, kw_only=True, repr=False)
class Brightness(PointTransform):
    """Add a constant: x + delta, clipped."""

    delta: Annotated[
        float, Interval(ge=-1, le=1), Typical(-0.2, 0.2), Unit("fraction"), "What is added, of full scale."
    ] = 0.0

    def curve(self, x: Array) -> Array:
        return x + self.delta


@dataclass(frozen=True, kw_only=True, repr=False)
class Contrast(PointTransform):
    """Stretch about middle gray: (x - 0.5) * factor + 0.5, clipped."""

    factor: Annotated[
        float, Interval(ge=0, le=10), Typical(0.7, 1.4, log=True), "Below 1 flatter, above 1 steeper."
    ] = 1.0

    def curve(self, x: Array) -> Array:
        return x if self.factor == 1 else (x - 0.5) * self.factor + 0.5


@dataclass(frozen=True, kw_only=True, repr=False)
class Gamma(PointTransform):
    """Bend the tone curve: x ** gamma (`skimage.exposure.adjust_gamma`)."""

    gamma: Annotated[
        float, Interval(ge=0.05, le=20), Typical(0.6, 1.6, log=True), "Below 1 brighter, above 1 darker."
    ] = 1.0

    def curve(self, x: Array) -> Array:
        return np.clip(x, 0, None) ** self.gamma


@dataclass(frozen=True, kw_only=True, repr=False)
class Posterize(PointTransform):
    """Keep the leading bits of the 8-bit value: fewer tones."""

    bits: Annotated[int, Interval(ge=1, le=8), Typical(3, 6), Unit("bit"), "Bits kept of each value."] = 8

    def curve(self, x: Array) -> Array:
        if self.bits == 8:
            return x
        step = 2 ** (8 - self.bits)
        return np.floor(np.rint(x * 255) / step) * step / 255


@dataclass(frozen=True, kw_only=True, repr=False)
class Solarize(PointTransform):
    """Invert what is brighter than a threshold: 1 - x where x > threshold."""

    threshold: Annotated[
        float, Interval(ge=0, le=1), Typical(0.5, 0.95), Unit("fraction"), "Values above it are inverted."
    ] = 1.0

    def curve(self, x: Array) -> Array:
        return np.where(x > self.threshold, 1 - x, x)


@dataclass(frozen=True, kw_only=True, repr=False)
class Invert(PointTransform):
    """The negative: 1 - x (`skimage.util.invert`)."""

    def curve(self, x: Array) -> Array:
        return 1 - x


@dataclass(frozen=True, kw_only=True, repr=False)
class HueSaturation(PixelTransform):
    """Turn the hue and scale the saturation in HSV (`skimage.color.rgb2hsv`); a gray image has neither and stays."""

    hue: Annotated[float, Interval(ge=-180, le=180), Typical(-20, 20), Unit("deg"), "Turn on the colour circle."] = 0.0
    saturation: Annotated[
        float, Interval(ge=0, le=10), Typical(0.6, 1.6, log=True), "Factor: 0 is gray, above 1 more vivid."
    ] = 1.0

    def apply_image(self, image: Array) -> Array:
        if image.ndim == 2 or image.shape[2] == 1 or (self.hue == 0 and self.saturation == 1):
            return image
        return np.asarray(engines.current().hue_saturation(image, self.hue / 360, self.saturation))


@dataclass(frozen=True, kw_only=True, repr=False)
class Grayscale(PixelTransform):
    """Remove the colour, keeping the three channels (`skimage.color.rgb2gray`); to change their number, `ConvertChannels`."""

    weights: Annotated[
        Literal["bt709", "bt601"], "Weights of red, green, blue: bt709 is scikit-image's, bt601 OpenCV's and Pillow's."
    ] = "bt709"

    def apply_image(self, image: Array) -> Array:
        if image.ndim == 2 or image.shape[2] == 1:
            return image
        return np.repeat(engines.current().gray(image, self.weights)[..., None], 3, axis=2)


@dataclass(frozen=True, kw_only=True, repr=False)
class Equalize(PixelTransform):
    """Spread each channel's histogram evenly (`skimage.exposure.equalize_hist`); a channel of one value stays."""

    def apply_image(self, image: Array) -> Array:
        return np.asarray(engines.current().equalize(image))

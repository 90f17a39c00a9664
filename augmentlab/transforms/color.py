"""Colour and tone: curves on single values, and changes of colour."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab import engines
from augmentlab.bases import PixelTransform, PointTransform, fitting
from augmentlab.params import SEED_MAX, Typical, Unit, choice, integers
from augmentlab.pixels import Array, from_unit, full_scale, rounded, to_unit
from augmentlab.sample import check_image, split_alpha

__all__ = [
    "CLAHE",
    "AutoContrast",
    "Brightness",
    "BrightnessContrast",
    "ChannelDropout",
    "ChannelShuffle",
    "ColorJitter",
    "ColorTemperature",
    "Contrast",
    "Equalize",
    "FancyPCA",
    "Gamma",
    "Grayscale",
    "HistogramMatching",
    "HueSaturation",
    "Invert",
    "LogContrast",
    "Posterize",
    "RGBShift",
    "Sepia",
    "SigmoidContrast",
    "Solarize",
]


@dataclass(frozen=True, kw_only=True, repr=False)
class Brightness(PointTransform):
    """Add a constant: x + delta, clipped."""

    delta: Annotated[
        float, Interval(ge=-1, le=1), Typical(-0.2, 0.2), Unit("fraction"), "What is added, of full scale."
    ] = 0.0

    broadcasts: ClassVar[bool] = True

    def curve(self, x: Array) -> Array:
        return x + self.delta


@dataclass(frozen=True, kw_only=True, repr=False)
class Contrast(PointTransform):
    """Stretch about middle gray: (x - 0.5) * factor + 0.5, clipped."""

    factor: Annotated[
        float, Interval(ge=0, le=10), Typical(0.7, 1.4, log=True), "Below 1 flatter, above 1 steeper."
    ] = 1.0

    broadcasts: ClassVar[bool] = True

    def curve(self, x: Array) -> Array:
        return _steeper(x, self.factor)


@dataclass(frozen=True, kw_only=True, repr=False)
class Gamma(PointTransform):
    """Bend the tone curve: x ** gamma (`skimage.exposure.adjust_gamma`)."""

    gamma: Annotated[
        float, Interval(ge=0.05, le=20), Typical(0.6, 1.6, log=True), "Below 1 brighter, above 1 darker."
    ] = 1.0

    broadcasts: ClassVar[bool] = True

    def curve(self, x: Array) -> Array:
        return np.asarray(np.maximum(x, 0) ** self.gamma)


@dataclass(frozen=True, kw_only=True, repr=False)
class Posterize(PointTransform):
    """Keep the leading bits of the 8-bit value: fewer tones."""

    bits: Annotated[int, Interval(ge=1, le=8), Typical(3, 6), Unit("bit"), "Bits kept of each value."] = 8

    broadcasts: ClassVar[bool] = True

    def curve(self, x: Array) -> Array:
        step = 2 ** (8 - self.bits)
        return np.where(np.equal(self.bits, 8), x, np.floor(np.rint(x * 255) / step) * step / 255)


@dataclass(frozen=True, kw_only=True, repr=False)
class Solarize(PointTransform):
    """Invert what is brighter than a threshold: 1 - x where x > threshold."""

    threshold: Annotated[
        float, Interval(ge=0, le=1), Typical(0.5, 0.95), Unit("fraction"), "Values above it are inverted."
    ] = 1.0

    broadcasts: ClassVar[bool] = True

    def curve(self, x: Array) -> Array:
        return np.where(x > self.threshold, 1 - x, x)


@dataclass(frozen=True, kw_only=True, repr=False)
class Invert(PointTransform):
    """The negative: 1 - x (`skimage.util.invert`)."""

    broadcasts: ClassVar[bool] = True

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
        return self.apply_into(image, None)

    def apply_into(self, image: Array, out: Array | None) -> Array:
        if _is_gray(image) or (self.hue == 0 and self.saturation == 1):
            return image
        out = fitting(out, image.shape, image.dtype)
        return np.asarray(engines.current().hue_saturation(image, self.hue / 360, self.saturation, out=out))


@dataclass(frozen=True, kw_only=True, repr=False)
class Grayscale(PixelTransform):
    """Remove the colour, keeping the three channels (`skimage.color.rgb2gray`); to change their number, `ConvertChannels`."""

    weights: Annotated[
        Literal["bt709", "bt601"], "Weights of red, green, blue: bt709 is scikit-image's, bt601 OpenCV's and Pillow's."
    ] = "bt709"

    def apply_image(self, image: Array) -> Array:
        return self.apply_into(image, None)

    def apply_into(self, image: Array, out: Array | None) -> Array:
        if _is_gray(image):
            return image
        out = fitting(out, image.shape, image.dtype)
        return np.asarray(engines.current().gray(image, self.weights, channels=3, out=out))


@dataclass(frozen=True, kw_only=True, repr=False)
class Equalize(PixelTransform):
    """Spread each channel's histogram evenly (`skimage.exposure.equalize_hist`); a channel of one value stays."""

    def apply_image(self, image: Array) -> Array:
        return np.asarray(engines.current().equalize(image))


@dataclass(frozen=True, kw_only=True, repr=False)
class BrightnessContrast(PointTransform):
    """`Contrast`, then `Brightness`: (x - 0.5) * contrast + 0.5 + brightness, clipped once."""

    brightness: Annotated[
        float, Interval(ge=-1, le=1), Typical(-0.2, 0.2), Unit("fraction"), "What is added, of full scale."
    ] = 0.0
    contrast: Annotated[
        float, Interval(ge=0, le=10), Typical(0.7, 1.4, log=True), "Below 1 flatter, above 1 steeper."
    ] = 1.0

    broadcasts: ClassVar[bool] = True

    def curve(self, x: Array) -> Array:
        return _steeper(x, self.contrast) + self.brightness


def _steeper(x: Array, factor: Any) -> Array:
    """About middle gray; exactly `x` where the factor, a number or an array of them, is 1."""
    return np.where(np.equal(factor, 1), x, (x - 0.5) * factor + 0.5)


@dataclass(frozen=True, kw_only=True, repr=False)
class SigmoidContrast(PointTransform):
    """Steepen the tones about `cutoff` along s(x) = 1 / (1 + exp(gain * (cutoff - x))), rescaled to keep black and white.

    `skimage.exposure.adjust_sigmoid` is s itself, which turns an image gray as the gain goes to 0; rescaled, as
    (s(x) - s(0)) / (s(1) - s(0)), it goes to the identity.
    """

    gain: Annotated[float, Interval(ge=0, le=50), Typical(2, 10), "Steepness: 0 is a straight line."] = 0.0
    cutoff: Annotated[
        float, Interval(ge=0, le=1), Typical(0.3, 0.7, draw=False), Unit("fraction"), "The tone that is spread most."
    ] = 0.5

    def curve(self, x: Array) -> Array:
        if self.gain < 1e-6:  # a straight line to ten digits, and below that 0 / 0
            return x
        # s is a shifted tanh, which keeps its digits where exp would overflow.
        black, white, bent = (
            np.tanh(self.gain / 2 * (np.asarray(tone, np.float64) - self.cutoff)) for tone in (0.0, 1.0, x)
        )
        return np.asarray((bent - black) / (white - black))


@dataclass(frozen=True, kw_only=True, repr=False)
class LogContrast(PointTransform):
    """Brighten the shadows: log(1 + gain * x) / log(1 + gain); a gain of 1 is `skimage.exposure.adjust_log`."""

    gain: Annotated[float, Interval(ge=0, le=1000), Typical(0.5, 10, log=True), "Bend: 0 is a straight line."] = 0.0

    def curve(self, x: Array) -> Array:
        if self.gain < 1e-6:  # a straight line to ten digits, and below that 0 / 0
            return x
        return np.asarray(np.log1p(self.gain * np.asarray(x, np.float64)) / np.log1p(self.gain))


@dataclass(frozen=True, kw_only=True, repr=False)
class AutoContrast(PixelTransform):
    """Spread the values so that the darkest become black and the lightest white (`skimage.exposure.rescale_intensity`).

    As `PIL.ImageOps.autocontrast`, except that a `cutoff` of 0 is for the asking: one lamp in the picture would leave
    nothing to spread. A channel of one value stays.
    """

    cutoff: Annotated[
        float,
        Interval(ge=0, le=0.45),
        Typical(0, 0.05, draw=False),
        Unit("fraction"),
        "Share of the pixels that become black, and of those that become white.",
    ] = 0.01
    channels: Annotated[
        Literal["each", "together"], "Whether each channel is spread by itself, or all alike, which keeps the hues."
    ] = "each"

    def apply_image(self, image: Array) -> Array:
        return np.asarray(engines.current().stretch(image, self.cutoff, together=self.channels == "together"))


@dataclass(frozen=True, kw_only=True, repr=False)
class CLAHE(PixelTransform):
    """Equalise the histogram of each region, with limited contrast (`skimage.exposure.equalize_adapthist`; Zuiderveld 1994).

    A colour image is equalised in the V of HSV. As in scikit-image, the lightest value becomes white, whatever the
    `clip_limit`; up to 0.004 that is about all, and 0 switches the step off (there it would mean no limit, which is 1 here).
    """

    clip_limit: Annotated[
        float,
        Interval(ge=0, le=1),
        Typical(0.005, 0.02, log=True),
        Unit("fraction"),
        "Share of a region's pixels that one of 256 levels may hold: the larger, the more contrast.",
    ] = 0.0
    tiles: Annotated[int, Interval(ge=1, le=32), Typical(4, 16, draw=False), "Number of regions along each side."] = 8

    def apply_image(self, image: Array) -> Array:
        return (
            image if self.clip_limit == 0 else np.asarray(engines.current().clahe(image, self.clip_limit, self.tiles))
        )


_Quantiles = tuple[float, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class HistogramMatching(PixelTransform):
    """Give each channel the histogram of a reference (`skimage.exposure.match_histograms`), which is a few numbers here.

    The reference is held as quantiles, so a record needs no image beside it: `fit` takes them from images. One value
    of the image becomes one value of the result, that of the same rank. A gray image is matched to the mean of the
    three channels. Without quantiles the reference is flat, which is histogram equalisation.

    Examples
    --------
    >>> HistogramMatching.fit([np.array([[0, 51], [102, 255]], np.uint8)], steps=3).red
    (0.0, 0.2, 0.4, 1.0)
    """

    blend: Annotated[
        float, Interval(ge=0, le=1), Typical(0.2, 1), Unit("fraction"), "Share of the way toward the reference."
    ] = 0.0
    red: Annotated[_Quantiles, Interval(ge=0, le=1), "Values of the reference's red at equal steps of rank."] = ()
    green: Annotated[_Quantiles, Interval(ge=0, le=1), "As red, of its green."] = ()
    blue: Annotated[_Quantiles, Interval(ge=0, le=1), "As red, of its blue."] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("red", "green", "blue"):
            values = getattr(self, name)
            if any(after < before for before, after in itertools.pairwise(values)):
                raise ValueError(f"HistogramMatching.{name} must be in increasing order; got {values!r:.80}")

    def apply_image(self, image: Array) -> Array:
        if self.blend == 0:
            return image
        steps = np.linspace(0, 1, max(len(self.red), len(self.green), len(self.blue), 2))
        quantiles = np.stack([_resampled(values, steps) for values in (self.red, self.green, self.blue)])
        if _is_gray(image):
            quantiles = quantiles.mean(axis=0, keepdims=True)
        return np.asarray(engines.current().match_quantiles(image, quantiles, self.blend))

    @classmethod
    def fit(cls, images: Iterable[Array], *, blend: Any = 1.0, steps: int = 32) -> Self:
        """With the quantiles of `images`, gray or RGB, uint8 or in [0, 1]; of several, the mean of each one's.

        Parameters
        ----------
        images : iterable of arrays
            The references.
        blend : float or distribution
            Of the transform.
        steps : int
            Number of equal steps of rank: ``steps + 1`` values a channel are kept.

        Raises
        ------
        ValueError
            When there is no image.
        """
        total, count = np.zeros((3, steps + 1)), 0
        for index, image in enumerate(images):
            check_image(image, f"image {index}")
            color, _ = split_alpha(image)
            values = to_unit(color).reshape(-1, 1 if _is_gray(color) else 3)
            total = total + np.quantile(values.astype(np.float64), np.linspace(0, 1, steps + 1), axis=0).T
            count += 1
        if not count:
            raise ValueError("images must hold at least one image; got none")
        red, green, blue = (tuple(float(f"{value:.4g}") for value in row) for row in total / count)
        return cls(blend=blend, red=red, green=green, blue=blue)


def _resampled(quantiles: _Quantiles, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(steps, np.linspace(0, 1, len(quantiles)), quantiles) if quantiles else steps


@dataclass(frozen=True, kw_only=True, repr=False)
class RGBShift(PointTransform):
    """Add a constant to each of red, green and blue, clipped; a gray image stays."""

    red: Annotated[
        float, Interval(ge=-1, le=1), Typical(-0.1, 0.1), Unit("fraction"), "What is added to red, of full scale."
    ] = 0.0
    green: Annotated[
        float, Interval(ge=-1, le=1), Typical(-0.1, 0.1), Unit("fraction"), "What is added to green, of full scale."
    ] = 0.0
    blue: Annotated[
        float, Interval(ge=-1, le=1), Typical(-0.1, 0.1), Unit("fraction"), "What is added to blue, of full scale."
    ] = 0.0

    def curve(self, x: Array) -> Array:
        return x if x.shape[-1] == 1 else x + np.array([self.red, self.green, self.blue], x.dtype)


@dataclass(frozen=True, kw_only=True, repr=False)
class ColorTemperature(PointTransform):
    """Show what lay under light of 6500 K under light of another colour, from candle (2000 K) to blue sky (12000 K).

    Each channel is multiplied in linear light by what it has of the colour of a black body (Kim et al. 2002, "Design of
    advanced color temperature control system for HDTV applications", J. Korean Phys. Soc. 41, 865-871), at equal
    luminance of white. A gray image stays. The sliders of photo editors go the other way: they say what light to
    correct for.
    """

    kelvin: Annotated[
        float, Interval(ge=1667, le=25000), Typical(4000, 12000, log=True), Unit("K"), "Low is warm, high is cool."
    ] = 6500.0

    def curve(self, x: Array) -> Array:
        if self.kelvin == 6500 or x.shape[-1] == 1:
            return x
        gain = _black_body(self.kelvin) / _black_body(6500)
        gain = gain / (gain @ _LUMINANCE)
        return encode_srgb(decode_srgb(x) * gain.astype(x.dtype))


_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear sRGB, IEC 61966-2-1
_RGB_FROM_XYZ = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


def _black_body(kelvin: float) -> NDArray[np.float64]:
    """Linear sRGB, without the negative, of a black body of luminance 1: Kim's cubic splines for its chromaticity."""
    if kelvin <= 4000:
        x = -0.2661239e9 / kelvin**3 - 0.2343589e6 / kelvin**2 + 0.8776956e3 / kelvin + 0.179910
    else:
        x = -3.0258469e9 / kelvin**3 + 2.1070379e6 / kelvin**2 + 0.2226347e3 / kelvin + 0.240390
    if kelvin <= 2222:
        cubic = (-1.1063814, -1.34811020, 2.18555832, -0.20219683)
    elif kelvin <= 4000:
        cubic = (-0.9549476, -1.37418593, 2.09137015, -0.16748867)
    else:
        cubic = (3.0817580, -5.87338670, 3.75112997, -0.37001483)
    y = np.polyval(cubic, x)
    return np.clip(_RGB_FROM_XYZ @ [x / y, 1, (1 - x - y) / y], 0, None)


def decode_srgb(x: Array) -> Array:
    """Linear light of sRGB values in [0, 1] (IEC 61966-2-1)."""
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def encode_srgb(light: Array) -> Array:
    """The sRGB values of linear light; the inverse of `decode_srgb`."""
    light = np.clip(light, 0, None)
    dark = light <= 0.0031308
    straight = light * 12.92
    # In one place, because new memory takes longer than the arithmetic; and powers of 0 longer than others.
    bent = np.maximum(light, 0.0031308)
    bent **= 1 / 2.4
    bent *= 1.055
    bent -= 0.055
    np.copyto(bent, straight, where=dark)
    return bent


@dataclass(frozen=True, kw_only=True, repr=False)
class Sepia(PixelTransform):
    """Turn toward the brown of old photographs by the usual 3x3 matrix; a gray image stays."""

    amount: Annotated[
        float, Interval(ge=0, le=1), Typical(0.2, 1), Unit("fraction"), "Share of the way toward sepia."
    ] = 0.0

    def apply_image(self, image: Array) -> Array:
        if _is_gray(image) or self.amount == 0:
            return image
        number = np.float64 if image.dtype == np.float64 else np.float32
        planes = [image[..., channel].astype(number) for channel in range(3)]
        result = np.empty(image.shape, image.dtype)
        for channel, weights in enumerate(np.array(_SEPIA, number)):
            brown = sum(weight * plane for weight, plane in zip(weights, planes, strict=True))
            brown = np.minimum(brown, full_scale(image.dtype))
            result[..., channel] = rounded(
                planes[channel] + number(self.amount) * (brown - planes[channel]), image.dtype
            )
        return result


_SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))

_Order = Literal[
    "bcsh", "bchs", "bsch", "bshc", "bhcs", "bhsc", "cbsh", "cbhs", "csbh", "cshb", "chbs", "chsb",
    "sbch", "sbhc", "scbh", "schb", "shbc", "shcb", "hbcs", "hbsc", "hcbs", "hcsb", "hsbc", "hscb",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, repr=False)
class ColorJitter(PixelTransform):
    """Change brightness, contrast, saturation and hue, one after the other in any order.

    The factors are those of `PIL.ImageEnhance` and torchvision's ``ColorJitter``: they blend with black, with the mean
    gray, and with the gray of each pixel (ITU-R BT.601). Hue turns in HSV. On a gray image the last two do nothing.
    """

    brightness: Annotated[float, Interval(ge=0, le=10), Typical(0.7, 1.4, log=True), "Factor: 0 is black."] = 1.0
    contrast: Annotated[float, Interval(ge=0, le=10), Typical(0.7, 1.4, log=True), "Factor: 0 is plain gray."] = 1.0
    saturation: Annotated[float, Interval(ge=0, le=10), Typical(0.6, 1.6, log=True), "Factor: 0 is without colour."] = (
        1.0
    )
    hue: Annotated[float, Interval(ge=-180, le=180), Typical(-20, 20), Unit("deg"), "Turn on the colour circle."] = 0.0
    order: Annotated[_Order, "The four by their first letters, first to last; drawn anew unless given."] = choice(
        *map("".join, itertools.permutations("bcsh"))
    )

    def apply_image(self, image: Array) -> Array:
        return self.apply_into(image, None)

    def apply_into(self, image: Array, out: Array | None) -> Array:
        factors = (self.brightness, self.contrast, self.saturation)
        if (*factors, self.hue) == (1, 1, 1, 0):
            return image
        out = fitting(out, image.shape, image.dtype)
        return np.asarray(engines.current().color_jitter(image, *factors, self.hue / 360, self.order, out=out))


@dataclass(frozen=True, kw_only=True, repr=False)
class FancyPCA(PixelTransform):
    """Shift the colour of the whole image along the principal axes of its colours (Krizhevsky et al. 2012, "AlexNet").

    The shift along each axis is normal, `std` times the standard deviation of the image's colours along it; AlexNet
    takes the axes of a whole data set and multiplies by variances, which depend on the scale of the values. A gray
    image stays.
    """

    std: Annotated[
        float, Interval(ge=0, le=5), Typical(0.1, 0.5), "Standard deviation of the shift, in those of the colours."
    ] = 0.0
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all shifts; drawn anew unless given."] = integers(
        0, SEED_MAX
    )

    def apply_image(self, image: Array) -> Array:
        if _is_gray(image) or self.std == 0:
            return image
        unit = to_unit(image)
        colors = unit.reshape(-1, 3).astype(np.float64)
        variances, axes = np.linalg.eigh(
            np.cov(colors.T, ddof=0)
        )  # of one pixel as well, which older NumPy turns with rowvar
        # An axis has no direction; this makes it point to the light, so that all machines shift the same way.
        axes = axes * np.where(axes.sum(axis=0) < 0, -1, 1)
        steps = np.random.default_rng(self.seed).standard_normal(3) * np.sqrt(np.clip(variances, 0, None))
        return np.asarray(unit + (self.std * (axes @ steps)).astype(unit.dtype))


@dataclass(frozen=True, kw_only=True, repr=False)
class ChannelShuffle(PixelTransform):
    """Put the three colour channels in another order; a gray image stays."""

    order: Annotated[
        Literal["rbg", "grb", "gbr", "brg", "bgr"],
        "Which channels become red, green and blue; drawn anew unless given.",
    ] = choice("rbg", "grb", "gbr", "brg", "bgr")

    def apply_image(self, image: Array) -> Array:
        if _is_gray(image):
            return image
        shuffled = np.empty(image.shape, image.dtype)
        for channel, letter in enumerate(self.order):  # in half the time of one index for all
            shuffled[..., channel] = image[..., "rgb".index(letter)]
        return shuffled


@dataclass(frozen=True, kw_only=True, repr=False)
class ChannelDropout(PixelTransform):
    """Replace one of the three colour channels by a constant; a gray image stays."""

    channel: Annotated[Literal["red", "green", "blue"], "Which one; drawn anew unless given."] = choice(
        "red", "green", "blue"
    )
    fill: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1, draw=False), Unit("fraction"), "The constant, of full scale."
    ] = 0.0

    def apply_image(self, image: Array) -> Array:
        if _is_gray(image):
            return image
        dropped = image.copy()
        dropped[..., ("red", "green", "blue").index(self.channel)] = from_unit(np.asarray(self.fill), image.dtype)
        return dropped


def _is_gray(image: Array) -> bool:
    return image.ndim == 2 or image.shape[2] == 1

"""Preprocessing: what an image goes through at training and at inference alike.

Every class here turns uint8 into float32, except `ConvertChannels`; an alpha channel is scaled to [0, 1] and otherwise
left alone. The other preprocessing steps, `Resize`, `CenterCrop` and `Pad`, are geometric.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab import engines
from augmentlab.bases import PixelTransform, fitting
from augmentlab.params import Typical
from augmentlab.pixels import Array, full_scale, to_unit
from augmentlab.sample import check_image, split_alpha

__all__ = ["Center", "ConvertChannels", "Normalize", "Standardize"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Normalize(PixelTransform):
    """Scale to floats in [0, 1]: by the range of the dtype, or stretch each image's own range."""

    method: Annotated[
        Literal["dtype", "minmax"],
        "dtype divides uint8 by 255; minmax maps each image's least value to 0 and its largest to 1 "
        "(a constant image becomes 0).",
    ] = "dtype"

    preprocessing: ClassVar[bool] = True

    def apply_image(self, image: Array) -> Array:
        return self.apply_into(image, None)

    def apply_into(self, image: Array, out: Array | None) -> Array:
        if self.method == "dtype" and image.dtype == np.uint8:
            return np.asarray(np.divide(image, np.float32(255), out=fitting(out, image.shape, np.float32)))
        unit = to_unit(image)
        if self.method == "dtype":
            return unit
        low, high = unit.min(), unit.max()
        return np.asarray((unit - low) / (high - low if high > low else 1), dtype=unit.dtype)

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        return None if drawn or self.method != "dtype" else _as_one(self, stack)


@dataclass(frozen=True, kw_only=True, repr=False)
class Center(PixelTransform):
    """Subtract the mean: of each image, or of a data set (`Center.fit`). The output lies in [-1, 1]."""

    mean: Annotated[
        tuple[float, ...],
        Interval(ge=0, le=1),
        "One for each colour channel, or one for all, of a data set in [0, 1]; empty for each image's own.",
    ] = ()
    per_channel: Annotated[bool, "Whether an image's own mean is taken channel by channel."] = True

    preprocessing: ClassVar[bool] = True
    bounded: ClassVar[bool] = False

    def apply_image(self, image: Array) -> Array:
        return self.apply_into(image, None)

    def apply_into(self, image: Array, out: Array | None) -> Array:
        if self.mean:
            return _linear(image, _given(self.mean, image, "Center.mean"), (1.0,), out)
        mean = _mean(to_unit(image), self.per_channel)
        return _scaled(image, 1 / full_scale(image.dtype), -mean, out)

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        return None if drawn or not self.mean else _as_one(self, stack)

    @classmethod
    def fit(cls, images: Iterable[Array], *, per_channel: bool = True) -> Self:
        """With the mean of all pixels of `images`, which may differ in size; colour channels only, uint8 or [0, 1].

        To be fitted on training images only.
        """
        mean, _ = _moments(images, per_channel)
        return cls(mean=_short(mean))


@dataclass(frozen=True, kw_only=True, repr=False)
class Standardize(PixelTransform):
    """Subtract the mean and divide by the standard deviation: of each image, or of a data set (`Standardize.fit`).

    An image's own standard deviation is taken to be at least 1 / sqrt(number of values), as in TensorFlow's
    ``per_image_standardization``, so that a constant image becomes 0.

    Examples
    --------
    >>> images = [np.full((4, 4, 3), 51, np.uint8), np.full((4, 4, 3), 153, np.uint8)]
    >>> Standardize.fit(images, per_channel=False)
    Standardize(mean=(0.4,), std=(0.2,))
    """

    mean: Annotated[
        tuple[float, ...],
        Interval(ge=0, le=1),
        "One for each colour channel, or one for all, of a data set in [0, 1]; empty for each image's own.",
    ] = ()
    std: Annotated[
        tuple[float, ...], Interval(ge=1e-6, le=1), "As many as means: the standard deviations of the data set."
    ] = ()
    per_channel: Annotated[bool, "Whether an image's own moments are taken channel by channel."] = True

    preprocessing: ClassVar[bool] = True
    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.mean) != len(self.std):
            raise ValueError(
                f"Standardize.std must have as many values as mean ({len(self.mean)}); got {len(self.std)}"
            )

    def apply_image(self, image: Array) -> Array:
        return self.apply_into(image, None)

    def apply_into(self, image: Array, out: Array | None) -> Array:
        if self.mean:
            return _linear(
                image,
                _given(self.mean, image, "Standardize.mean"),
                _given(self.std, image, "Standardize.std"),
                out,
            )
        unit = to_unit(image)
        mean = _mean(unit, self.per_channel)
        axes = _axes(unit, self.per_channel)
        count = unit.size if axes is None else unit.shape[0] * unit.shape[1]
        std = np.maximum(np.std(unit, axis=axes, dtype=np.float64), 1 / np.sqrt(count))
        return _scaled(image, 1 / (std * full_scale(image.dtype)), -mean / std, out)

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        return None if drawn or not self.mean else _as_one(self, stack)

    @classmethod
    def fit(cls, images: Iterable[Array], *, per_channel: bool = True) -> Self:
        """With the moments of all pixels of `images`, which may differ in size; colour channels only, uint8 or [0, 1].

        To be fitted on training images only.

        Raises
        ------
        ValueError
            When there is no image, they differ in channels, or all pixels are alike.
        """
        mean, variance = _moments(images, per_channel)
        if not (variance > 0).all():
            raise ValueError(
                "Standardize.fit needs images whose values differ in every channel; got a constant channel"
            )
        return cls(mean=_short(mean), std=_short(np.sqrt(variance)))


@dataclass(frozen=True, kw_only=True, repr=False)
class ConvertChannels(PixelTransform):
    """Convert between gray, RGB and RGBA (`skimage.color.rgb2gray`, `gray2rgb`, `rgba2rgb`).

    Alpha is blended over a plain background when it goes and is opaque when it comes. An image (H, W) converted to gray
    stays (H, W); every other result has a channel axis.
    """

    to: Annotated[Literal["gray", "rgb", "rgba"], "What the image becomes."] = "rgb"
    weights: Annotated[
        Literal["bt709", "bt601"], "Weights of red, green, blue: bt709 is scikit-image's, bt601 OpenCV's and Pillow's."
    ] = "bt709"
    background: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1, draw=False), "Gray level behind a transparent image."
    ] = 1.0

    preprocessing: ClassVar[bool] = True
    sees_alpha: ClassVar[bool] = True

    def apply_image(self, image: Array) -> Array:
        color, alpha = split_alpha(image)
        if self.to == "rgba":
            opaque = np.full((*image.shape[:2], 1), full_scale(image.dtype), image.dtype)
            return np.concatenate([_as_rgb(color), opaque if alpha is None else alpha], axis=-1)
        if alpha is not None:
            scale = full_scale(image.dtype)
            share = alpha.astype(np.float64) / scale
            blended = color * share + self.background * scale * (1 - share)
            color = (np.rint(blended) if scale == 255 else blended).astype(image.dtype)
        if self.to == "rgb":
            return _as_rgb(color)
        if color.ndim == 2 or color.shape[2] == 1:
            return color
        return np.asarray(engines.current().gray(color, self.weights))[..., None]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) == 2 and self.to == "gray":
            return shape
        return (*shape[:2], {"gray": 1, "rgb": 3, "rgba": 4}[self.to])


def _as_rgb(color: Array) -> Array:
    planes = color if color.ndim == 3 else color[..., None]
    return planes if planes.shape[2] == 3 else np.repeat(planes, 3, axis=2)


def _linear(image: Array, mean: tuple[float, ...], std: tuple[float, ...], out: Array | None) -> Array:
    """(image - mean) / std with the moments of a data set, in [0, 1] of full scale."""
    return _scaled(image, *_scale_and_shift(mean, std, full_scale(image.dtype)), out)


@functools.lru_cache(maxsize=256)
def _scale_and_shift(
    mean: tuple[float, ...], std: tuple[float, ...], full: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return 1 / (np.asarray(std) * full), -np.asarray(mean) / std


def _scaled(image: Array, scale: Any, shift: Any, out: Array | None) -> Array:
    kept = np.float64 if image.dtype == np.float64 else np.float32
    return np.asarray(engines.current().normalize(image, scale, shift, out=fitting(out, image.shape, kept)))


def _as_one(step: PixelTransform, stack: Array) -> Array:
    """All images as one, for what takes every pixel by itself."""
    return step.apply_image(stack.reshape(-1, *stack.shape[2:])).reshape(stack.shape)


def _axes(unit: Array, per_channel: bool) -> tuple[int, int] | None:
    return (0, 1) if per_channel and unit.ndim == 3 else None


def _mean(unit: Array, per_channel: bool) -> Any:
    return np.mean(unit, axis=_axes(unit, per_channel), dtype=np.float64)


def _given(values: tuple[float, ...], image: Array, name: str) -> tuple[float, ...]:
    channels = image.shape[2] if image.ndim == 3 else 1
    if len(values) not in {1, channels}:
        raise ValueError(f"{name} must have 1 value or one for each of {channels} colour channels; got {len(values)}")
    return values


def _moments(images: Iterable[Array], per_channel: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance over all pixels, image by image, merged as Chan, Golub and LeVeque (1979) do."""
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for index, image in enumerate(images):
        check_image(image, f"image {index}")
        color, _ = split_alpha(image)
        values = to_unit(color).astype(np.float64).reshape(-1, color.shape[2] if color.ndim == 3 and per_channel else 1)
        if count and values.shape[1] != mean.shape[0]:
            raise ValueError(
                f"image {index} must have {mean.shape[0]} colour channels as those before; got {values.shape[1]}"
            )
        here = values.mean(axis=0)
        total = count + len(values)
        shift = here - mean
        squares = squares + ((values - here) ** 2).sum(axis=0) + shift**2 * (count * len(values) / total)
        mean = mean + shift * (len(values) / total)
        count = total
    if not count:
        raise ValueError("images must hold at least one image; got none")
    return mean, squares / count


def _short(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Six digits: enough for any image, and readable in a record."""
    return tuple(float(f"{value:.6g}") for value in values)

"""Transforms that change the size: crops, resizing and padding. Most belong to inference as well."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from augmentlab import engines, geometry
from augmentlab.bases import GeometricTransform
from augmentlab.geometry import Map, Shape
from augmentlab.params import Typical, Unit
from augmentlab.pixels import Array
from augmentlab.transforms.geometric import Border, Fill

__all__ = [
    "CenterCrop",
    "Crop",
    "CropAndPad",
    "LetterBox",
    "LongestMaxSize",
    "Pad",
    "Rescale",
    "Resize",
    "ResizedCrop",
    "SmallestMaxSize",
]

Side = Annotated[
    int, Interval(ge=0, le=16384), Typical(0, 512, draw=False), Unit("px"), "Of the output; 0 means the input's."
]


@dataclass(frozen=True, kw_only=True, repr=False)
class _Cut(GeometricTransform):
    """Keep a window of whole pixels: a subclass says which."""

    preprocessing: ClassVar[bool] = True

    def _window(self, shape: Sequence[int]) -> tuple[int, int, int, int]:
        """Top, left, height and width, for an input of `shape` (H, W, ...)."""
        raise NotImplementedError

    def coordinate_map(self, shape: Shape) -> Map:
        top, left, _, _ = self._window(shape)
        return geometry.shift(left, top)

    def slice_array(self, array: Array) -> Array:
        top, left, height, width = self._window(array.shape)
        return array[top : top + height, left : left + width]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        _, _, height, width = self._window(shape)
        return (height, width, *shape[2:])


@dataclass(frozen=True, kw_only=True, repr=False)
class CenterCrop(_Cut):
    """Keep the middle, bit-exact; both sides rounded, at least one pixel."""

    height: Annotated[
        float, Interval(gt=0, le=1), Typical(0.5, 1, draw=False), Unit("fraction"), "Of the input's height."
    ] = 1.0
    width: Annotated[
        float, Interval(gt=0, le=1), Typical(0.5, 1, draw=False), Unit("fraction"), "Of the input's width."
    ] = 1.0

    def _window(self, shape: Sequence[int]) -> tuple[int, int, int, int]:
        height = max(round(shape[0] * self.height), 1)
        width = max(round(shape[1] * self.width), 1)
        return (shape[0] - height) // 2, (shape[1] - width) // 2, height, width


@dataclass(frozen=True, kw_only=True, repr=False)
class Crop(_Cut):
    """Keep a part, bit-exact; both sides rounded, at least one pixel.

    With ``x=uniform(0, 1), y=uniform(0, 1)`` every place is equally likely: the random crop. In the middle it is
    `CenterCrop`.

    Examples
    --------
    >>> import numpy as np
    >>> Crop(height=0.5, width=0.5, x=1, y=0)(np.arange(16, dtype=np.uint8).reshape(4, 4))
    array([[2, 3],
           [6, 7]], dtype=uint8)
    """

    height: Annotated[float, Interval(gt=0, le=1), Typical(0.6, 1), Unit("fraction"), "Of the input's height."] = 1.0
    width: Annotated[float, Interval(gt=0, le=1), Typical(0.6, 1), Unit("fraction"), "Of the input's width."] = 1.0
    x: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1), Unit("fraction"), "Where the part lies between left and right."
    ] = 0.5
    y: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1), Unit("fraction"), "Where the part lies between top and bottom."
    ] = 0.5

    def _window(self, shape: Sequence[int]) -> tuple[int, int, int, int]:
        height = max(round(shape[0] * self.height), 1)
        width = max(round(shape[1] * self.width), 1)
        return _place(shape[0] - height, self.y), _place(shape[1] - width, self.x), height, width

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        if not drawn or not set(drawn) <= {"x", "y"}:
            return super().apply_stack(stack, drawn)
        _, _, height, width = self._unchecked(x=0.0, y=0.0)._window(stack.shape[1:])  # noqa: SLF001
        count = len(stack)
        tops, lefts = (
            [_place(side - kept, share) for share in drawn[name]]
            if name in drawn
            else [_place(side - kept, at)] * count
            for name, at, side, kept in (("y", self.y, stack.shape[1], height), ("x", self.x, stack.shape[2], width))
        )
        result = np.empty((count, height, width, *stack.shape[3:]), stack.dtype)
        for one, image, top, left in zip(result, stack, tops, lefts, strict=True):
            one[...] = image[top : top + height, left : left + width]
        return result


@dataclass(frozen=True, kw_only=True, repr=False)
class ResizedCrop(GeometricTransform):
    """Cut out a part and resize it to the full frame (Szegedy et al. 2015; "random resized crop").

    The window lies on whole pixels. Where the output is smaller than the window, it is anti-aliased
    (`skimage.transform.resize`).
    """

    scale: Annotated[
        float, Interval(ge=0.01, le=1), Typical(0.5, 1), Unit("fraction"), "Area of the window, of the image."
    ] = 1.0
    ratio: Annotated[
        float,
        Interval(ge=0.1, le=10),
        Typical(0.75, 4 / 3, log=True),
        "Width to height of the window, relative to the image's own; it is cut where it would leave the image.",
    ] = 1.0
    x: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1), Unit("fraction"), "Where the window lies between left and right."
    ] = 0.5
    y: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1), Unit("fraction"), "Where the window lies between top and bottom."
    ] = 0.5
    height: Side = 0
    width: Side = 0

    @property
    def is_identity(self) -> bool:
        """Whether it keeps everything, at the input's size."""
        return super().is_identity and (self.p == 0 or self.height == self.width == 0)

    def _window(self, shape: Sequence[int]) -> tuple[int, int, int, int]:
        side = np.sqrt(self.scale)
        height = min(max(round(shape[0] * side / np.sqrt(self.ratio)), 1), shape[0])
        width = min(max(round(shape[1] * side * np.sqrt(self.ratio)), 1), shape[1])
        return round((shape[0] - height) * self.y), round((shape[1] - width) * self.x), height, width

    def coordinate_map(self, shape: Shape) -> Map:
        top, left, height, width = self._window(shape)
        out_height, out_width = self.output_shape(shape)
        return geometry.shift(left, top) @ geometry.zoom(width / out_width, height / out_height)

    def fuses(self, shape: Shape) -> bool:
        _, _, height, width = self._window(shape)
        out_height, out_width = self.output_shape(shape)
        return out_height >= height and out_width >= width

    def resample(self, array: Array, order: int, fill: float) -> Array | None:
        top, left, height, width = self._window(array.shape)
        cut = array[top : top + height, left : left + width]
        return _resized(cut, self.output_shape(array.shape[:2]), order, "linear")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.height or shape[0], self.width or shape[1], *shape[2:])


@dataclass(frozen=True, kw_only=True, repr=False)
class Resize(GeometricTransform):
    """Resize (`skimage.transform.resize`, anti-aliased, or `skimage.transform.resize_local_mean`).

    With `keep_aspect` the content is fitted into the frame and the rest filled, evenly on both sides; `LetterBox` fills
    only up to a multiple of some pixels.
    Masks take the nearest pixel.
    """

    height: Side = 0
    width: Side = 0
    keep_aspect: Annotated[bool, "Whether to keep the content's proportions and fill the rest."] = False
    method: Annotated[Literal["linear", "area"], "Linear with Gaussian anti-aliasing, or the mean over each area."] = (
        "linear"
    )
    fill: Fill = 0.0

    preprocessing: ClassVar[bool] = True

    def _content(self, shape: Sequence[int]) -> tuple[int, int, int, int]:
        height, width = self.output_shape(tuple(shape[:2]))
        if not self.keep_aspect:
            return 0, 0, height, width
        factor = min(height / shape[0], width / shape[1])
        inner_height = min(max(round(shape[0] * factor), 1), height)
        inner_width = min(max(round(shape[1] * factor), 1), width)
        return (height - inner_height) // 2, (width - inner_width) // 2, inner_height, inner_width

    def coordinate_map(self, shape: Shape) -> Map:
        top, left, height, width = self._content(shape)
        return geometry.zoom(shape[1] / width, shape[0] / height) @ geometry.shift(-left, -top)

    def resample(self, array: Array, order: int, fill: float) -> Array | None:
        top, left, height, width = self._content(array.shape)
        resized = _resized(array, (height, width), order, self.method)
        out_height, out_width = self.output_shape(array.shape[:2])
        around = ((top, out_height - height - top), (left, out_width - width - left))
        return np.asarray(engines.current().pad(resized, around, "constant", fill))

    @property
    def edge(self) -> tuple[str, float] | None:
        """What fills the frame beside the content."""
        return ("constant", self.fill)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.height or shape[0], self.width or shape[1], *shape[2:])


class _Resizing(GeometricTransform):
    """What resizes as a whole to its output shape; linear, anti-aliased where it shrinks, masks by the nearest pixel."""

    preprocessing: ClassVar[bool] = True

    def coordinate_map(self, shape: Shape) -> Map:
        height, width = self.output_shape(shape)
        return geometry.zoom(shape[1] / width, shape[0] / height)

    def resample(self, array: Array, order: int, fill: float) -> Array | None:
        return _resized(array, self.output_shape(array.shape[:2]), order, "linear")


@dataclass(frozen=True, kw_only=True, repr=False)
class Rescale(_Resizing):
    """Resize both sides by one factor (`skimage.transform.resize`); sides rounded, at least one pixel."""

    factor: Annotated[
        float, Interval(ge=0.05, le=8), Typical(0.5, 2, log=True), "Of both sides; above 1 the image grows."
    ] = 1.0

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _scaled(shape, self.factor)


@dataclass(frozen=True, kw_only=True, repr=False)
class LongestMaxSize(_Resizing):
    """Resize so that the longer side has a given length, keeping proportions (`skimage.transform.resize`)."""

    size: Annotated[
        int, Interval(ge=0, le=16384), Typical(0, 512, draw=False), Unit("px"), "Longer side; 0 means the input's."
    ] = 0

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _scaled(shape, self.size / max(shape[:2])) if self.size else shape


@dataclass(frozen=True, kw_only=True, repr=False)
class SmallestMaxSize(_Resizing):
    """Resize so that the shorter side has a given length, keeping proportions (`skimage.transform.resize`)."""

    size: Annotated[
        int, Interval(ge=0, le=4096), Typical(0, 512, draw=False), Unit("px"), "Shorter side; 0 means the input's."
    ] = 0

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _scaled(shape, self.size / min(shape[:2])) if self.size else shape


@dataclass(frozen=True, kw_only=True, repr=False)
class LetterBox(GeometricTransform):
    """Resize so that the longer side has a given length, then pad both sides to multiples of a number of pixels.

    For networks that halve the image several times. Images of different proportions keep different sizes; a frame of
    fixed height and width is `Resize` with `keep_aspect`. Without a size it only pads, bit-exact (`numpy.pad`).
    """

    size: Annotated[
        int, Interval(ge=0, le=16384), Typical(0, 512, draw=False), Unit("px"), "Longer side; 0 means the input's."
    ] = 0
    multiple: Annotated[
        int, Interval(ge=1, le=1024), Typical(1, 64, draw=False), Unit("px"), "Height and width become multiples of it."
    ] = 1
    border: Border = "constant"
    fill: Fill = 0.0

    preprocessing: ClassVar[bool] = True

    def _content(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return LongestMaxSize(size=self.size).output_shape(shape)

    def _around(self, shape: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels added above and below, left and right of content of `shape`."""
        rows, columns = -shape[0] % self.multiple, -shape[1] % self.multiple
        return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)

    def coordinate_map(self, shape: Shape) -> Map:
        height, width = content = self._content(shape)
        (top, _), (left, _) = self._around(content)
        return geometry.zoom(shape[1] / width, shape[0] / height) @ geometry.shift(-left, -top)

    def resample(self, array: Array, order: int, fill: float) -> Array | None:
        content = self._content(array.shape[:2])
        resized = _resized(array, content, order, "linear")
        return np.asarray(engines.current().pad(resized, self._around(content), self.border, fill))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        content = self._content(shape)
        (top, bottom), (left, right) = self._around(content)
        return (content[0] + top + bottom, content[1] + left + right, *shape[2:])


@dataclass(frozen=True, kw_only=True, repr=False)
class Pad(GeometricTransform):
    """Add a border on each side, bit-exact (`numpy.pad`)."""

    height: Annotated[
        float,
        Interval(ge=0, le=2),
        Typical(0, 0.5, draw=False),
        Unit("fraction"),
        "Added above and below, of the height.",
    ] = 0.0
    width: Annotated[
        float,
        Interval(ge=0, le=2),
        Typical(0, 0.5, draw=False),
        Unit("fraction"),
        "Added left and right, of the width.",
    ] = 0.0
    border: Border = "constant"
    fill: Fill = 0.0

    preprocessing: ClassVar[bool] = True

    def _added(self, shape: Sequence[int]) -> tuple[int, int]:
        return round(shape[0] * self.height), round(shape[1] * self.width)

    def coordinate_map(self, shape: Shape) -> Map:
        y, x = self._added(shape)
        return geometry.shift(-x, -y)

    def resample(self, array: Array, order: int, fill: float) -> Array | None:
        y, x = self._added(array.shape)
        return np.asarray(engines.current().pad(array, ((y, y), (x, x)), self.border, fill))

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        if drawn:
            return None
        y, x = self._added(stack.shape[1:])
        fill = self.fill if self.border == "constant" else 0.0
        pad = engines.current().pad
        # Columns for all images as one, then whole rows.
        tall = stack.reshape(-1, *stack.shape[2:])
        wide = pad(tall, ((0, 0), (x, x)), self.border, fill)
        wide = wide.reshape(len(stack), -1, *wide.shape[1:])
        if self.border != "constant":
            return np.take(wide, np.pad(np.arange(stack.shape[1]), y, mode=self.border), axis=1)
        flat = wide.reshape(len(stack), wide.shape[1], -1)
        rows = [(0, 0), (y, y), (0, 0)]
        level = pad(np.zeros((1, 1), stack.dtype), ((1, 0), (0, 0)), "constant", fill)[0, 0]
        padded = np.pad(flat, rows, constant_values=level)
        return np.asarray(padded.reshape(len(stack), -1, *wide.shape[2:]))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        y, x = self._added(shape)
        return (shape[0] + 2 * y, shape[1] + 2 * x, *shape[2:])


@dataclass(frozen=True, kw_only=True, repr=False)
class CropAndPad(GeometricTransform):
    """Add to or cut from each side, and by default resize back to the input's size.

    Pixels are added (`numpy.pad`) before any are cut. Without `keep_size` it is bit-exact.
    """

    top: Annotated[
        float, Interval(ge=-0.49, le=1), Typical(-0.15, 0.15), Unit("fraction"), "Added, of the height; cut below 0."
    ] = 0.0
    bottom: Annotated[
        float, Interval(ge=-0.49, le=1), Typical(-0.15, 0.15), Unit("fraction"), "Added, of the height; cut below 0."
    ] = 0.0
    left: Annotated[
        float, Interval(ge=-0.49, le=1), Typical(-0.15, 0.15), Unit("fraction"), "Added, of the width; cut below 0."
    ] = 0.0
    right: Annotated[
        float, Interval(ge=-0.49, le=1), Typical(-0.15, 0.15), Unit("fraction"), "Added, of the width; cut below 0."
    ] = 0.0
    keep_size: Annotated[bool, "Whether the result is resized to the input's height and width."] = True
    border: Border = "constant"
    fill: Fill = 0.0

    def _added(self, shape: Sequence[int]) -> tuple[tuple[int, int], tuple[int, int]]:
        top, left = round(shape[0] * self.top), round(shape[1] * self.left)
        # Both ends of a side of few pixels may not be rounded so that none is left.
        bottom = max(round(shape[0] * self.bottom), 1 - shape[0] - top)
        right = max(round(shape[1] * self.right), 1 - shape[1] - left)
        return (top, bottom), (left, right)

    def _window(self, shape: Sequence[int]) -> Shape:
        (top, bottom), (left, right) = self._added(shape)
        return shape[0] + top + bottom, shape[1] + left + right

    def coordinate_map(self, shape: Shape) -> Map:
        (top, _), (left, _) = self._added(shape)
        height, width = self._window(shape)
        out_height, out_width = self.output_shape(shape)
        return geometry.shift(-left, -top) @ geometry.zoom(width / out_width, height / out_height)

    def fuses(self, shape: Shape) -> bool:
        height, width = self._window(shape)
        out_height, out_width = self.output_shape(shape)
        return out_height >= height and out_width >= width

    def resample(self, array: Array, order: int, fill: float) -> Array | None:
        rows, columns = self._added(array.shape)
        height, width = self._window(array.shape)
        around = ((max(rows[0], 0), max(rows[1], 0)), (max(columns[0], 0), max(columns[1], 0)))
        padded = engines.current().pad(array, around, self.border, fill)
        top, left = max(-rows[0], 0), max(-columns[0], 0)
        window = padded[top : top + height, left : left + width]
        return _resized(window, self.output_shape(array.shape[:2]), order, "linear")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape if self.keep_size else (*self._window(shape), *shape[2:])


def _place(room: int, share: float) -> int:
    """One of the `room` + 1 places of a window, each for an equal part of the shares in [0, 1]."""
    return max(math.ceil((room + 1) * share) - 1, 0)


def _scaled(shape: tuple[int, ...], factor: float) -> tuple[int, ...]:
    return (max(round(shape[0] * factor), 1), max(round(shape[1] * factor), 1), *shape[2:])


def _resized(array: Array, shape: tuple[int, ...], order: int, method: str) -> Array:
    height, width = shape
    if array.shape[:2] == (height, width):
        return array.copy()
    engine = engines.current()
    if order == 0:
        matrix = geometry.zoom(array.shape[1] / width, array.shape[0] / height)
        return np.asarray(engine.warp(array, matrix, (height, width), order=0, border="edge"))
    return np.asarray(engine.resize(array, (height, width), method=method))

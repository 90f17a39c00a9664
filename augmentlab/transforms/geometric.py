"""Geometric transforms: they say where the pixels come from; the base moves image, masks, boxes and keypoints."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from augmentlab import engines, geometry
from augmentlab.geometry import Map, Shape
from augmentlab.params import SEED_MAX, Typical, Unit, integers
from augmentlab.pixels import Array
from augmentlab.transform import GeometricTransform

__all__ = [
    "Affine",
    "CenterCrop",
    "ElasticTransform",
    "HorizontalFlip",
    "Pad",
    "Perspective",
    "Resize",
    "ResizedCrop",
    "Rotate",
    "Rotate90",
    "VerticalFlip",
]

Border = Annotated[
    Literal["constant", "edge", "reflect", "symmetric", "wrap"],
    "What lies beyond the border, with NumPy's meaning (numpy.pad).",
]
Fill = Annotated[
    float,
    Interval(ge=0, le=1),
    Typical(0, 1, draw=False),
    "Gray level beyond a constant border, from black to white; masks get 0 and alpha is transparent.",
]
Side = Annotated[
    int, Interval(ge=0, le=16384), Typical(0, 512, draw=False), Unit("px"), "Of the output; 0 means the input's."
]


@dataclass(frozen=True, kw_only=True, repr=False)
class HorizontalFlip(GeometricTransform):
    """Mirror left and right, bit-exact (`numpy.fliplr`)."""

    def coordinate_map(self, shape: Shape) -> Map:
        return geometry.shift(shape[1] - 1, 0) @ np.diag([-1.0, 1.0, 1.0])

    def slice_array(self, array: Array) -> Array:
        return array[:, ::-1]


@dataclass(frozen=True, kw_only=True, repr=False)
class VerticalFlip(GeometricTransform):
    """Mirror top and bottom, bit-exact (`numpy.flipud`)."""

    def coordinate_map(self, shape: Shape) -> Map:
        return geometry.shift(0, shape[0] - 1) @ np.diag([1.0, -1.0, 1.0])

    def slice_array(self, array: Array) -> Array:
        return array[::-1]


@dataclass(frozen=True, kw_only=True, repr=False)
class Rotate90(GeometricTransform):
    """Rotate by quarter turns, bit-exact (`numpy.rot90`); an odd number swaps height and width."""

    turns: Annotated[int, Interval(ge=0, le=3), Typical(0, 3), "Quarter turns, counter-clockwise."] = 0

    def coordinate_map(self, shape: Shape) -> Map:
        height, width = shape
        map_ = np.eye(3)
        for _ in range(self.turns):
            # Output (x, y) of a quarter turn shows input (width - 1 - y, x).
            map_ = map_ @ np.array([[0.0, -1.0, width - 1], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
            height, width = width, height
        return map_

    def slice_array(self, array: Array) -> Array:
        return np.rot90(array, self.turns)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[1], shape[0], *shape[2:]) if self.turns % 2 else shape


@dataclass(frozen=True, kw_only=True, repr=False)
class Rotate(GeometricTransform):
    """Rotate about the image centre, keeping the shape (`skimage.transform.rotate`).

    Examples
    --------
    >>> import numpy as np
    >>> Rotate(angle=90)(np.array([[1, 2], [3, 4]], dtype=np.uint8))
    array([[2, 4],
           [1, 3]], dtype=uint8)
    """

    angle: Annotated[float, Interval(ge=-180, le=180), Typical(-45, 45), Unit("deg"), "Counter-clockwise angle."] = 0.0
    border: Border = "constant"
    fill: Fill = 0.0

    def coordinate_map(self, shape: Shape) -> Map:
        return geometry.about_centre(shape, rotation=math.radians(self.angle))


@dataclass(frozen=True, kw_only=True, repr=False)
class Affine(GeometricTransform):
    """Scale, rotate, shear and shift about the image centre, keeping the shape (`skimage.transform.AffineTransform`).

    Also known as ShiftScaleRotate.
    """

    scale: Annotated[
        float, Interval(ge=0.05, le=20), Typical(0.8, 1.25, log=True), "Factor by which the content grows."
    ] = 1.0
    translate_x: Annotated[
        float, Interval(ge=-1, le=1), Typical(-0.1, 0.1), Unit("fraction"), "Shift to the right, of the width."
    ] = 0.0
    translate_y: Annotated[
        float, Interval(ge=-1, le=1), Typical(-0.1, 0.1), Unit("fraction"), "Shift down, of the height."
    ] = 0.0
    angle: Annotated[float, Interval(ge=-180, le=180), Typical(-15, 15), Unit("deg"), "Counter-clockwise angle."] = 0.0
    shear_x: Annotated[
        float, Interval(ge=-80, le=80), Typical(-10, 10), Unit("deg"), "Angle by which rows slide along x."
    ] = 0.0
    shear_y: Annotated[
        float, Interval(ge=-80, le=80), Typical(-10, 10), Unit("deg"), "Angle by which columns slide along y."
    ] = 0.0
    border: Border = "constant"
    fill: Fill = 0.0

    def coordinate_map(self, shape: Shape) -> Map:
        return geometry.about_centre(
            shape,
            rotation=math.radians(self.angle),
            scale=self.scale,
            shear=(math.radians(self.shear_x), math.radians(self.shear_y)),
            translation=(self.translate_x * shape[1], self.translate_y * shape[0]),
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Perspective(GeometricTransform):
    """Look at the image from a random side: each corner moves inward (`skimage.transform.ProjectiveTransform`)."""

    scale: Annotated[
        float,
        Interval(ge=0, le=0.3),  # beyond 1/3 the corners may form no convex quadrilateral
        Typical(0.02, 0.2),
        Unit("fraction"),
        "Largest move of a corner along each side, of that side.",
    ] = 0.0
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all moves; drawn anew unless given."] = integers(
        0, SEED_MAX
    )
    border: Border = "constant"
    fill: Fill = 0.0

    def coordinate_map(self, shape: Shape) -> Map:
        if self.scale == 0:
            return np.eye(3)
        height, width = shape
        inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        moves = np.random.default_rng(self.seed).uniform(0, self.scale, (4, 2)) * inward
        frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        return geometry.quad_to_frame((frame + moves) * [max(width - 1, 1), max(height - 1, 1)], shape)


@dataclass(frozen=True, kw_only=True, repr=False)
class ElasticTransform(GeometricTransform):
    """Displace smoothly at random (Simard, Steinkraus and Platt 2003; pixels by `scipy.ndimage.map_coordinates`).

    Random displacements sit on a lattice of spacing `sigma` and are joined by cubic B-splines, so the same seed bends a
    thumbnail and the full image alike and no pixel moves further than `alpha`.
    """

    alpha: Annotated[
        float,
        Interval(ge=0, le=0.5),
        Typical(0.02, 0.1),
        Unit("fraction"),
        "Largest displacement along each side, of that side.",
    ] = 0.0
    sigma: Annotated[
        float,
        Interval(ge=0.02, le=0.5),
        Typical(0.05, 0.3, draw=False),
        Unit("fraction"),
        "Spacing of the lattice, of each side: the larger, the smoother.",
    ] = 0.15
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all fields; drawn anew unless given."] = integers(
        0, SEED_MAX
    )
    border: Border = "constant"
    fill: Fill = 0.0

    def coordinate_map(self, shape: Shape) -> Map:
        if self.alpha == 0:
            return np.eye(3)
        cells = max(round(1 / self.sigma), 1)
        knots = np.random.default_rng(self.seed).uniform(-self.alpha, self.alpha, (2, cells + 3, cells + 3))
        rows, columns = (_spline_weights(side, cells) for side in shape)
        moves = rows @ knots @ columns.T
        return geometry.pixel_grid(shape) + np.stack([moves[0] * shape[1], moves[1] * shape[0]], axis=-1)


def _spline_weights(side: int, cells: int) -> Map:
    """Uniform cubic B-spline weights (side, cells + 3) of the lattice's knots at each pixel centre."""
    position = (np.arange(side) + 0.5) / side * cells
    first = np.minimum(position.astype(int), cells - 1)
    t = position - first
    basis = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    weights = np.zeros((side, cells + 3))
    np.put_along_axis(weights, first[:, None] + np.arange(4), basis, axis=1)
    return weights


@dataclass(frozen=True, kw_only=True, repr=False)
class CenterCrop(GeometricTransform):
    """Keep the middle, bit-exact; both sides rounded, at least one pixel."""

    height: Annotated[
        float, Interval(gt=0, le=1), Typical(0.5, 1, draw=False), Unit("fraction"), "Of the input's height."
    ] = 1.0
    width: Annotated[
        float, Interval(gt=0, le=1), Typical(0.5, 1, draw=False), Unit("fraction"), "Of the input's width."
    ] = 1.0

    preprocessing: ClassVar[bool] = True

    def _window(self, shape: Sequence[int]) -> tuple[int, int, int, int]:
        height = max(round(shape[0] * self.height), 1)
        width = max(round(shape[1] * self.width), 1)
        return (shape[0] - height) // 2, (shape[1] - width) // 2, height, width

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

    With `keep_aspect` the content is fitted into the frame and the rest filled, evenly on both sides ("letterbox").
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
        return _padded(resized, around, "constant", fill)

    @property
    def edge(self) -> tuple[str, float] | None:
        """What fills the frame beside the content."""
        return ("constant", self.fill)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.height or shape[0], self.width or shape[1], *shape[2:])


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
        return _padded(array, ((y, y), (x, x)), self.border, fill)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        y, x = self._added(shape)
        return (shape[0] + 2 * y, shape[1] + 2 * x, *shape[2:])


def _resized(array: Array, shape: tuple[int, ...], order: int, method: str) -> Array:
    height, width = shape
    if array.shape[:2] == (height, width):
        return array.copy()
    engine = engines.current()
    if order == 0:
        matrix = geometry.zoom(array.shape[1] / width, array.shape[0] / height)
        return np.asarray(engine.warp(array, matrix, (height, width), order=0, border="edge"))
    return np.asarray(engine.resize(array, (height, width), method=method))


def _padded(array: Array, around: tuple[tuple[int, int], tuple[int, int]], border: str, fill: float) -> Array:
    width = (*around, *((0, 0),) * (array.ndim - 2))
    if border != "constant":
        return np.pad(array, width, mode=border)  # type: ignore[call-overload]
    level = np.asarray(np.rint(fill * 255) if array.dtype == np.uint8 else fill).astype(array.dtype)
    return np.pad(array, width, constant_values=level)

"""Geometric transforms: they say where the pixels come from; the base moves image, masks, boxes and keypoints."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab import geometry
from augmentlab.bases import GeometricTransform
from augmentlab.geometry import Map, Shape
from augmentlab.params import SEED_MAX, Typical, Unit, integers
from augmentlab.pixels import Array
from augmentlab.streams import seeded

__all__ = [
    "D4",
    "Affine",
    "GridShuffle",
    "HorizontalFlip",
    "Perspective",
    "Rotate",
    "Rotate90",
    "Transpose",
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


@dataclass(frozen=True, kw_only=True, repr=False)
class HorizontalFlip(GeometricTransform):
    """Mirror left and right, bit-exact (`numpy.fliplr`)."""

    def coordinate_map(self, shape: Shape) -> Map:
        return np.array([[-1.0, 0.0, shape[1] - 1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])

    def slice_array(self, array: Array) -> Array:
        return array[:, ::-1]


@dataclass(frozen=True, kw_only=True, repr=False)
class VerticalFlip(GeometricTransform):
    """Mirror top and bottom, bit-exact (`numpy.flipud`)."""

    def coordinate_map(self, shape: Shape) -> Map:
        return np.array([[1.0, 0.0, 0.0], [0.0, -1.0, shape[0] - 1], [0.0, 0.0, 1.0]])

    def slice_array(self, array: Array) -> Array:
        return array[::-1]


@dataclass(frozen=True, kw_only=True, repr=False)
class Transpose(GeometricTransform):
    """Swap rows and columns, bit-exact (`numpy.swapaxes`): mirror at the diagonal from the top left."""

    def coordinate_map(self, shape: Shape) -> Map:
        return np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

    def slice_array(self, array: Array) -> Array:
        return array.swapaxes(0, 1)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[1], shape[0], *shape[2:])


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
class D4(GeometricTransform):
    """One of the eight symmetries of the square, bit-exact: quarter turns, each with or without a mirror before it.

    For images without an upright, such as those from a microscope or a satellite.
    """

    element: Annotated[
        int,
        Interval(ge=0, le=7),
        Typical(0, 7),
        "0 to 3 are quarter turns counter-clockwise; 4 to 7 mirror left and right, then turn by 0 to 3.",
    ] = 0

    def coordinate_map(self, shape: Shape) -> Map:
        mirror = HorizontalFlip().coordinate_map(shape) if self.element >= 4 else np.eye(3)
        return mirror @ self._turn().coordinate_map(shape)

    def slice_array(self, array: Array) -> Array:
        return self._turn().slice_array(array[:, ::-1] if self.element >= 4 else array)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self._turn().output_shape(shape)

    def _turn(self) -> Rotate90:
        return Rotate90(turns=self.element % 4)


@dataclass(frozen=True, kw_only=True, repr=False)
class GridShuffle(GeometricTransform):
    """Cut the image into tiles and shuffle them, bit-exact (Noroozi and Favaro 2016, "jigsaw puzzles").

    Tiles are of one size; the few rows at the bottom and columns on the right that fill no tile stay. Masks and keypoints
    go with their tile. Boxes cannot: a sample that holds any is refused with a ValueError.
    """

    tiles: Annotated[int, Interval(ge=1, le=32), Typical(2, 5), "Along each side."] = 1
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all orders; drawn anew unless given."] = integers(
        0, SEED_MAX
    )

    tears: ClassVar[bool] = True

    def coordinate_map(self, shape: Shape) -> Map:
        return np.eye(3) if self.tiles == 1 else self.slice_array(geometry.pixel_grid(shape))

    def slice_array(self, array: Array) -> Array:
        if self.tiles == 1:
            return array
        height, width = self._tile(array.shape[:2])
        whole = (slice(height * self.tiles), slice(width * self.tiles))
        grid = (self.tiles, height, self.tiles, width, *array.shape[2:])
        tiles = array[whole].reshape(grid).swapaxes(1, 2)  # (row, column, height, width, ...)
        rows, columns = np.divmod(self._order(), self.tiles)
        shuffled = array.copy()
        shuffled[whole] = tiles[rows, columns].reshape(tiles.shape).swapaxes(1, 2).reshape(array[whole].shape)
        return shuffled

    def move_points(self, points: Map, map_: Map, shape: Shape) -> Map:
        """Each point goes with its tile; one beyond all tiles stays."""
        height, width = self._tile(shape)
        if self.tiles == 1 or height == 0 or width == 0:
            return points
        place = np.floor((points + 0.5) / [width, height]).astype(int)
        inside = ((place >= 0) & (place < self.tiles)).all(axis=1)
        number = place[inside] @ [1, self.tiles]
        seen = np.argsort(self._order())[number]  # where the tile of each number is put
        moved = points.copy()
        moved[inside] += (np.stack([seen % self.tiles, seen // self.tiles], axis=1) - place[inside]) * [width, height]
        return moved

    def fuses(self, shape: Shape) -> bool:
        """Never: between two tiles there is nothing to interpolate."""
        return False

    def _tile(self, shape: tuple[int, ...]) -> Shape:
        return shape[0] // self.tiles, shape[1] // self.tiles

    def _order(self) -> NDArray[np.intp]:
        """Which tile is seen in each place, both counted row by row."""
        return np.random.default_rng(self.seed).permutation(self.tiles**2)


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
        right, bottom = max(width - 1, 1), max(height - 1, 1)
        inward = iter((seeded(self.seed, "Perspective").random(8) * self.scale).tolist())
        corners = [
            (right * abs(x - next(inward)), bottom * abs(y - next(inward)))
            for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))  # clockwise from the top left
        ]
        return geometry.quad_to_frame(corners, shape)

"""Transforms that bend the image: dense maps, given as fractions, so that a thumbnail bends as the full image does.

None folds the image: the hard bounds end before that, so keypoints and boxes can follow. (`ElasticTransform` folds
where `alpha` is above about a quarter of `sigma`.)
"""

import functools
import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab import geometry
from augmentlab.bases import GeometricTransform
from augmentlab.geometry import Map, Shape
from augmentlab.params import SEED_MAX, Typical, Unit, integers
from augmentlab.transforms.geometric import Border, Fill

__all__ = [
    "ElasticTransform",
    "GridDistortion",
    "OpticalDistortion",
    "PiecewiseAffine",
    "Swirl",
    "ThinPlateSpline",
]

_LATTICE = 65  # positions along each side at which a thin-plate spline is evaluated; in between it is a cubic spline


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
        return _displaced(shape, knots * [[[shape[1]]], [[shape[0]]]], rows, columns)


@dataclass(frozen=True, kw_only=True, repr=False)
class GridDistortion(GeometricTransform):
    """Stretch some columns and rows of a grid at random and squeeze the others, inside the frame.

    Cell i of n takes the share w_i / (w_1 + ... + w_n) of the side with w_i = 1 + `distortion` * u_i and u_i uniform in
    [-1, 1]. Lines along the sides stay straight.
    """

    distortion: Annotated[
        float,
        Interval(ge=0, le=0.9),
        Typical(0.1, 0.5),
        Unit("fraction"),
        "Largest change of a cell's width or height, before they are fitted into the frame.",
    ] = 0.0
    cells: Annotated[int, Interval(ge=2, le=32), Typical(2, 12, draw=False), "Columns, and rows, of the grid."] = 5
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all grids; drawn anew unless given."] = integers(
        0, SEED_MAX
    )

    def coordinate_map(self, shape: Shape) -> Map:
        if self.distortion == 0:
            return np.eye(3)
        shares = 1 + self.distortion * np.random.default_rng(self.seed).uniform(-1, 1, (2, self.cells))
        lines = np.concatenate([np.zeros((2, 1)), np.cumsum(shares, axis=1)], axis=1) / shares.sum(axis=1)[:, None]
        even = np.linspace(0, 1, self.cells + 1)
        height, width = shape
        x = np.interp(_fractions(width), even, lines[0]) * (width - 1)
        y = np.interp(_fractions(height), even, lines[1]) * (height - 1)
        return geometry.dense(x, y[:, None], shape)


@dataclass(frozen=True, kw_only=True, repr=False)
class OpticalDistortion(GeometricTransform):
    """Bend straight lines as a lens does: radius r shows radius r * (1 + k * r**2) (Brown 1966), r being 1 in a corner.

    Examples
    --------
    >>> import numpy as np
    >>> OpticalDistortion(k=0.1).coordinate_map((3, 5))[0, 0].round(3)  # the corner, 2 and 1 px from the centre
    array([-0.2, -0.1], dtype=float32)
    """

    k: Annotated[
        float,
        Interval(ge=-0.3, le=1),  # at -1/3 the corners begin to fold
        Typical(-0.25, 0.25),
        "Below 0 the corners are drawn out (pincushion), above 0 pulled in (barrel).",
    ] = 0.0
    border: Border = "constant"
    fill: Fill = 0.0

    def coordinate_map(self, shape: Shape) -> Map:
        if self.k == 0:
            return np.eye(3)
        centre_x, centre_y, x, y = _away(shape)
        longest = max(centre_x**2 + centre_y**2, 1)
        factor = (1 + x**2 * (self.k / longest)) + y**2 * (self.k / longest)
        return geometry.dense(centre_x + x * factor, centre_y + y * factor, shape)


@dataclass(frozen=True, kw_only=True, repr=False)
class Swirl(GeometricTransform):
    """Turn the middle by `strength`, less and less outwards (`skimage.transform.swirl`).

    At the distance d from the centre the content is turned by strength * exp(-d / s), where s is log(2) / 5 of the radius.
    """

    strength: Annotated[
        float, Interval(ge=-10, le=10), Typical(-2, 2), Unit("rad"), "Counter-clockwise angle at the centre."
    ] = 0.0
    radius: Annotated[
        float,
        Interval(ge=0.1, le=4),
        Typical(0.5, 2, draw=False),
        Unit("fraction"),
        "Where next to nothing (1/32) of the turn is left, of the shorter side.",
    ] = 1.0
    border: Border = "constant"
    fill: Fill = 0.0

    def coordinate_map(self, shape: Shape) -> Map:
        if self.strength == 0:
            return np.eye(3)
        centre_x, centre_y, x, y = _away(shape)
        turn = self.strength * np.exp(np.sqrt(x**2 + y**2) / -(self.radius * min(shape) * math.log(2) / 5))
        cos, sin = np.cos(turn), np.sin(turn)
        return geometry.dense(centre_x + (cos * x - sin * y), centre_y + (sin * x + cos * y), shape)


@dataclass(frozen=True, kw_only=True, repr=False)
class PiecewiseAffine(GeometricTransform):
    """Move the nodes of a grid at random; triangles between them follow (`skimage.transform.PiecewiseAffineTransform`).

    Nodes on the frame slide along it and the corners stay, so nothing from outside is seen. A move of a quarter of the
    spacing could fold a triangle; the bound on `scale` lies below that.
    """

    scale: Annotated[
        float,
        Interval(ge=0, le=0.24),
        Typical(0.05, 0.24),
        Unit("fraction"),
        "Largest move of a node along each side, of the spacing of the grid.",
    ] = 0.0
    cells: Annotated[int, Interval(ge=1, le=32), Typical(2, 8, draw=False), "Columns, and rows, of the grid."] = 4
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all moves; drawn anew unless given."] = integers(
        0, SEED_MAX
    )

    def coordinate_map(self, shape: Shape) -> Map:
        if self.scale == 0:
            return np.eye(3)
        moves = np.random.default_rng(self.seed).uniform(-self.scale, self.scale, (self.cells + 1, self.cells + 1, 2))
        moves[:, [0, -1], 0] = 0
        moves[[0, -1], :, 1] = 0
        nodes = geometry.pixel_grid((self.cells + 1, self.cells + 1)) + moves
        height, width = shape
        x, y = _fractions(width) * self.cells, _fractions(height)[:, None] * self.cells
        left, top = np.minimum(x.astype(int), self.cells - 1), np.minimum(y.astype(int), self.cells - 1)
        across, down = (x - left).astype(np.float32), (y - top).astype(np.float32)
        # Each cell is cut from its top left to its bottom right; the third corner is the right or the lower one. Both
        # triangles are planes over the cell: a corner and the slopes along x and y, found by the triangle's number.
        scaled = (nodes * (np.array([width - 1, height - 1]) / self.cells)).astype(np.float32)
        corner, right = scaled[:-1, :-1], scaled[:-1, 1:]
        below, opposite = scaled[1:, :-1], scaled[1:, 1:]
        triangle = 2 * (top * self.cells + left) + (across >= down)
        start, along_x, along_y = (
            np.stack(pair, axis=2).reshape(-1, 2)
            for pair in ((corner, corner), (opposite - below, right - corner), (below - corner, opposite - right))
        )
        x, y = (
            start[triangle, axis] + across * along_x[triangle, axis] + down * along_y[triangle, axis] for axis in (0, 1)
        )
        return geometry.dense(x, y, shape)


@dataclass(frozen=True, kw_only=True, repr=False)
class ThinPlateSpline(GeometricTransform):
    """Move the nodes of a grid at random and bend what lies between as little as possible (Bookstein 1989).

    The thin-plate spline (`skimage.transform.ThinPlateSplineTransform`) is evaluated on 65 x 65 positions and joined by
    cubic splines, which is quicker and agrees to within 1/3000 of the side. Within the bound on `scale` no
    moves whatever can fold the image.
    """

    scale: Annotated[
        float,
        Interval(ge=0, le=0.15),
        Typical(0.03, 0.15),
        Unit("fraction"),
        "Largest move of a node along each side, of the spacing of the grid.",
    ] = 0.0
    cells: Annotated[int, Interval(ge=1, le=7), Typical(1, 5, draw=False), "Columns, and rows, of the grid."] = 3
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all moves; drawn anew unless given."] = integers(
        0, SEED_MAX
    )
    border: Border = "constant"
    fill: Fill = 0.0

    def coordinate_map(self, shape: Shape) -> Map:
        if self.scale == 0:
            return np.eye(3)
        largest = self.scale / self.cells
        moves = np.random.default_rng(self.seed).uniform(-largest, largest, (2, (self.cells + 1) ** 2))
        lattice = np.tensordot(moves, _thin_plates(self.cells), axes=1)
        rows, columns = (_cubic_weights(side) for side in shape)
        return _displaced(shape, lattice * [[[shape[1] - 1]], [[shape[0] - 1]]], rows, columns)


@functools.cache
def _thin_plates(cells: int) -> NDArray[np.float64]:
    """The spline that is 1 at one node of the unit square and 0 at the others, for each node, on the lattice."""
    nodes = geometry.pixel_grid((cells + 1, cells + 1)).reshape(-1, 2) / cells
    places = geometry.pixel_grid((_LATTICE, _LATTICE)).reshape(-1, 2) / (_LATTICE - 1)
    count = len(nodes)
    system = np.zeros((count + 3, count + 3))
    system[:count] = _thin_plate_terms(nodes, nodes)
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.eye(count + 3, count))
    return (_thin_plate_terms(places, nodes) @ weights).T.reshape(count, _LATTICE, _LATTICE)


def _thin_plate_terms(places: Map, nodes: Map) -> NDArray[np.float64]:
    """r**2 log(r**2) of each place (P, 2) to each node (N, 2), then 1, x and y: an array (P, N + 3)."""
    squared = ((places[:, None] - nodes) ** 2).sum(axis=-1)
    bending = squared * np.log(np.where(squared > 0, squared, 1))
    return np.concatenate([bending, np.ones((len(places), 1)), places], axis=1)


@functools.lru_cache(maxsize=64)
def _cubic_weights(side: int) -> NDArray[np.float64]:
    """Weights (side, 65) of the lattice at each pixel centre, by which a cubic spline goes through all of it."""
    from scipy.interpolate import make_interp_spline

    return np.asarray(make_interp_spline(np.linspace(0, 1, _LATTICE), np.eye(_LATTICE))(_fractions(side)))


def _displaced(shape: Shape, lattice: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> Map:
    """The map that moves each pixel by the lattice (2, a, b) of (x, y) with the weights (H, a) of its rows and (W, b)."""
    height, width = shape
    # The pixel's own position is one more term of the product, which so gives the whole map.
    along = np.concatenate([rows @ lattice, np.ones((2, height, 1))], axis=2)
    across = np.concatenate([np.broadcast_to(columns, (2, *columns.shape)), np.zeros((2, width, 1))], axis=2)
    across[0, :, -1] = np.arange(width)
    along[1, :, -1], across[1, :, -1] = np.arange(height), 1
    planes = np.empty((2, height, width), np.float32)
    np.matmul(along.astype(np.float32), across.astype(np.float32).swapaxes(1, 2), out=planes)
    return np.moveaxis(planes, 0, -1)


def _away(shape: Shape) -> tuple[float, float, Map, Map]:
    """The centre (x, y), and how far from it each column (W,) and each row (H, 1) is, in single precision."""
    height, width = shape
    x, y = (width - 1) / 2, (height - 1) / 2
    return (
        x,
        y,
        np.arange(width, dtype=np.float32) - np.float32(x),
        (np.arange(height, dtype=np.float32) - np.float32(y))[:, None],
    )


def _fractions(side: int) -> NDArray[np.float64]:
    """Pixel centres along a side, from 0 for the first to 1 for the last."""
    return np.arange(side) / max(side - 1, 1)


@functools.lru_cache(maxsize=64)
def _spline_weights(side: int, cells: int) -> Map:
    """Uniform cubic B-spline weights (side, cells + 3) of the lattice's knots at each pixel centre."""
    position = (np.arange(side) + 0.5) / side * cells
    first = np.minimum(position.astype(int), cells - 1)
    t = position - first
    basis = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    weights = np.zeros((side, cells + 3))
    np.put_along_axis(weights, first[:, None] + np.arange(4), basis, axis=1)
    return weights

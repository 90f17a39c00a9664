"""Coordinate maps: where each output pixel comes from, and where points and boxes go.

A map says for each position of the *output* which position of the *input* is seen there. It is either a 3x3 matrix on
homogeneous (x, y, 1), or a dense array (H, W, 2) of (x, y) for every output pixel. Points are (x, y) with pixel centres
at integers; box edges lie on pixel borders, so (0, 0, W, H) is the whole image.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int]
Map = NDArray[np.float64]

_EDGE_POINTS = 9  # points per box edge that follow a dense map


def is_matrix(map_: Map) -> bool:
    """Whether a map is a 3x3 matrix, not a dense array."""
    return map_.ndim == 2


def shift(x: float, y: float) -> Map:
    """The matrix that adds (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def zoom(x: float, y: float) -> Map:
    """The matrix that maps pixel borders by the factors (x, y): position 0.0 is the outer border of the first pixel."""
    return shift(-0.5, -0.5) @ np.diag([x, y, 1.0]) @ shift(0.5, 0.5)


def about_centre(
    shape: Shape,
    *,
    rotation: float = 0.0,
    scale: float = 1.0,
    shear: tuple[float, float] = (0.0, 0.0),
    translation: tuple[float, float] = (0.0, 0.0),
) -> Map:
    """The map of an affine change of the content about the image centre.

    Parameters
    ----------
    shape : (height, width)
        Of input and output, in pixels.
    rotation : float
        Counter-clockwise, in radians.
    scale : float
        Above 1 the content grows.
    shear : (x, y)
        Angles in radians: rows slide along x, columns along y.
    translation : (x, y)
        In pixels, to the right and down.
    """
    height, width = shape
    centre = (width - 1) / 2, (height - 1) / 2
    cos, sin = np.cos(rotation), np.sin(rotation)
    # The y axis points down, so this matrix turns the content counter-clockwise as seen.
    turn = np.array([[cos, sin], [-sin, cos]])
    slide = np.array([[1.0, np.tan(shear[0])], [np.tan(shear[1]), 1.0]])
    forward = np.eye(3)
    forward[:2, :2] = scale * turn @ slide
    forward = shift(*centre) @ shift(*translation) @ forward @ shift(-centre[0], -centre[1])
    return _inverse(forward)


def quad_to_frame(corners: NDArray[Any], shape: Shape) -> Map:
    """The projective map under which the output frame shows the quadrilateral `corners` of the input.

    Parameters
    ----------
    corners : (4, 2) array
        Positions (x, y) in the input of the centres of the output's corner pixels, clockwise from the top left.
    shape : (height, width)
        Of the output.
    """
    from skimage.transform import ProjectiveTransform

    height, width = shape
    # A side of one pixel has no extent; any positive one defines the same single row or column.
    right, bottom = max(width - 1, 1), max(height - 1, 1)
    frame = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], dtype=float)
    estimate = ProjectiveTransform.from_estimate(frame, np.asarray(corners, dtype=float))
    return np.asarray(estimate.params, dtype=np.float64)


def pixel_grid(shape: Shape) -> Map:
    """(x, y) of every pixel centre, an array (H, W, 2)."""
    height, width = shape
    grid = np.empty((height, width, 2))
    grid[..., 0] = np.arange(width)
    grid[..., 1] = np.arange(height)[:, None]
    return grid


def look_up(map_: Map, points: NDArray[Any]) -> Map:
    """Where a map sends output positions `points` (..., 2): their positions in its input.

    A dense map is interpolated bilinearly; beyond its frame the displacement of the nearest border pixel holds.
    """
    points = np.asarray(points, dtype=float)
    if is_matrix(map_):
        moved = points @ map_[:2, :2].T + map_[:2, 2]
        if map_[2, 0] == 0 and map_[2, 1] == 0 and map_[2, 2] == 1:
            return np.asarray(moved)
        depth = points @ map_[2, :2] + map_[2, 2]
        # A point at or behind the horizon of a projective map has no image; far away is the honest finite answer.
        depth = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        return np.asarray(moved / depth[..., None])
    height, width = map_.shape[:2]
    inside = np.clip(points, 0, [width - 1, height - 1])
    low = np.minimum(inside.astype(int), [max(width - 2, 0), max(height - 2, 0)])
    high = np.minimum(low + 1, [width - 1, height - 1])
    weight = inside - low
    x0, y0, x1, y1 = low[..., 0], low[..., 1], high[..., 0], high[..., 1]
    wx, wy = weight[..., :1], weight[..., 1:]
    top = map_[y0, x0] * (1 - wx) + map_[y0, x1] * wx
    bottom = map_[y1, x0] * (1 - wx) + map_[y1, x1] * wx
    return np.asarray(top * (1 - wy) + bottom * wy + (points - inside))


def compose(maps: Sequence[Map], output_shape: Shape) -> Map:
    """One map for several applied one after the other; the first acts on the image first."""
    if all(map(is_matrix, maps)):
        total = np.eye(3)
        for map_ in maps:
            total = total @ map_
        return total
    points = maps[-1] if not is_matrix(maps[-1]) else look_up(maps[-1], pixel_grid(output_shape))
    for map_ in reversed(maps[:-1]):
        points = look_up(map_, points)
    return points


def move_points(map_: Map, points: NDArray[Any]) -> Map:
    """Where the content at input positions `points` (N, 2) is seen in the output: the inverse of a map.

    A matrix is inverted. A dense map is inverted by fixed-point iteration, which converges where the displacement
    changes by less than a pixel per pixel; where it does not, the answer is the output pixel that shows the content
    nearest to the point.
    """
    points = np.asarray(points, dtype=float).reshape(-1, 2)
    if is_matrix(map_):
        return look_up(_inverse(map_), points)
    if not len(points):
        return points
    found = points.copy()
    for _ in range(60):
        step = points - look_up(map_, found)
        found += step
        if np.abs(step).max() < 1e-4:
            return found
    lost = np.hypot(*(look_up(map_, found) - points).T) > 0.05
    for index in np.flatnonzero(lost):
        distance = ((map_ - points[index]) ** 2).sum(axis=-1)
        y, x = np.unravel_index(int(distance.argmin()), distance.shape)
        found[index] = x, y
    return found


def move_boxes(map_: Map, boxes: NDArray[Any]) -> Map:
    """The hull (N, 4) of moved boxes, not yet clipped.

    Corners follow a matrix, which keeps edges straight; several points along each edge follow a dense map.
    """
    boxes = np.asarray(boxes, dtype=float).reshape(-1, 4)
    if not len(boxes):
        return boxes
    along = np.linspace(0, 1, 2 if is_matrix(map_) else _EDGE_POINTS)
    zeros, ones = np.zeros_like(along), np.ones_like(along)
    fractions = np.concatenate(
        [np.stack(pair, axis=1) for pair in ((along, zeros), (along, ones), (zeros, along), (ones, along))]
    )
    corners = boxes[:, None, :2] + fractions * (boxes[:, None, 2:] - boxes[:, None, :2])
    # Box edges count from the border of the first pixel, points from its centre.
    moved = move_points(map_, corners.reshape(-1, 2) - 0.5).reshape(corners.shape) + 0.5
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


def clip_boxes(boxes: NDArray[Any], shape: Shape, min_visibility: float) -> tuple[Map, NDArray[np.bool_]]:
    """Boxes cut at the frame, and which of them keep more than nothing and at least `min_visibility` of their area."""
    height, width = shape
    clipped = np.clip(boxes, 0, [width, height, width, height])
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
    return clipped, (left > 0) & (left >= min_visibility * area)


def _inverse(matrix: Map) -> Map:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)

"""Coordinate maps: where each output pixel comes from, and where points and boxes go.

A map says for each position of the *output* which position of the *input* is seen there. It is either a 3x3 matrix on
homogeneous (x, y, 1), or a dense array (H, W, 2) of (x, y) for every output pixel, quickest to resample as `dense` makes
it: a plane of x and one of y, in single precision. Points are (x, y) with pixel centres at integers; box edges lie on
pixel borders, so (0, 0, W, H) is the whole image.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Shape = tuple[int, int]
Map = NDArray[np.floating[Any]]

_EDGE_PIECES = 8  # of each box edge, where a dense map bends it
_HORIZON = 1e-6  # depth at which a line that runs behind the horizon is cut: far outside any frame


def is_matrix(map_: Map) -> bool:
    """Whether a map is a 3x3 matrix, not a dense array."""
    return map_.ndim == 2


def shift(x: float, y: float) -> Map:
    """The matrix that adds (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def zoom(x: float, y: float) -> Map:
    """The matrix that maps pixel borders by the factors (x, y): position 0.0 is the outer border of the first pixel."""
    return np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2], [0.0, 0.0, 1.0]])


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
        Angles in radians: first columns slide along y, then rows along x, so that the area stays.
    translation : (x, y)
        In pixels, to the right and down.
    """
    height, width = shape
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    seen_x, seen_y = centre_x + translation[0], centre_y + translation[1]
    cos, sin = math.cos(rotation), math.sin(rotation)
    along_x, along_y = math.tan(shear[0]), math.tan(shear[1])
    # [[a, b], [c, d]] slides, then turns the content counter-clockwise as seen (the y axis points down). Its
    # determinant is 1, which makes its inverse [[d, -b], [-c, a]].
    b, d = cos * along_x + sin, cos - sin * along_x
    a, c = cos + b * along_y, d * along_y - sin
    a, b, c, d = a / scale, b / scale, c / scale, d / scale
    return np.array(
        [
            [d, -b, centre_x - d * seen_x + b * seen_y],
            [-c, a, centre_y + c * seen_x - a * seen_y],
            [0.0, 0.0, 1.0],
        ]
    )


def quad_to_frame(corners: ArrayLike, shape: Shape) -> Map:
    """The projective map under which the output frame shows the quadrilateral `corners` of the input.

    Parameters
    ----------
    corners : (4, 2) array_like
        Positions (x, y) in the input of the centres of the output's corner pixels, clockwise from the top left.
    shape : (height, width)
        Of the output.
    """
    height, width = shape
    # A side of one pixel has no extent; any positive one defines the same single row or column.
    right, bottom = max(width - 1, 1), max(height - 1, 1)
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = np.asarray(corners, dtype=float).tolist()
    # The unit square's map in closed form (Heckbert 1989): the perspective follows from how far the quadrilateral is
    # from being a parallelogram.
    away_x, away_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    right_x, right_y, down_x, down_y = x1 - x2, y1 - y2, x3 - x2, y3 - y2
    area = right_x * down_y - right_y * down_x
    if area == 0:
        raise ValueError(f"corners must be those of a quadrilateral; got {np.asarray(corners).tolist()}")
    g = (away_x * down_y - away_y * down_x) / area
    h = (right_x * away_y - right_y * away_x) / area
    return np.array(
        [
            [(x1 - x0 + g * x1) / right, (x3 - x0 + h * x3) / bottom, x0],
            [(y1 - y0 + g * y1) / right, (y3 - y0 + h * y3) / bottom, y0],
            [g / right, h / bottom, 1.0],
        ]
    )


def pixel_grid(shape: Shape) -> Map:
    """(x, y) of every pixel centre, an array (H, W, 2)."""
    height, width = shape
    grid = np.empty((height, width, 2))
    grid[..., 0] = np.arange(width)
    grid[..., 1] = np.arange(height)[:, None]
    return grid


def dense(x: NDArray[Any], y: NDArray[Any], shape: Shape) -> Map:
    """The dense map that shows position (x, y) at each pixel; both broadcast to `shape` (H, W)."""
    planes = np.empty((2, *shape), np.float32)
    planes[0] = x
    planes[1] = y
    return np.moveaxis(planes, 0, -1)


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
        return functools.reduce(np.matmul, maps)
    points = maps[-1] if not is_matrix(maps[-1]) else look_up(maps[-1], pixel_grid(output_shape))
    for map_ in reversed(maps[:-1]):
        points = look_up(map_, points)
    return points


def move_points(map_: Map, points: NDArray[Any]) -> Map:
    """Where the content at input positions `points` (N, 2) is seen in the output: the inverse of a map.

    A matrix is inverted. A dense map is inverted by fixed-point iteration, which converges where the displacement
    changes by less than a pixel per pixel; where it does not, the point is looked for between all pixels, and if it is
    nowhere, the map goes on beyond the frame as it does at the pixel that shows what comes nearest.
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
            break
    height, width = map_.shape[:2]
    lost = np.hypot(*(look_up(map_, found) - points).T) > 0.05
    outside = ((found < -1) | (found > [width, height])).any(axis=1)
    amiss = np.flatnonzero(lost | outside)  # a point beyond the frame may be shown within it as well
    if not len(amiss):
        return found
    corners = np.stack([map_[:-1, :-1], map_[:-1, 1:], map_[1:, :-1], map_[1:, 1:]])
    low, high = corners.min(axis=0), corners.max(axis=0)
    row_low, row_high = low.min(axis=1, initial=np.inf), high.max(axis=1, initial=-np.inf)
    for index in amiss:
        point = points[index]
        row = np.flatnonzero(((row_low <= point) & (point <= row_high)).all(axis=1))
        which, column = np.nonzero(((low[row] <= point) & (point <= high[row])).all(axis=-1))
        row = row[which]
        share, residual = _between_pixels(corners[:, row, column], point)
        if len(row) and residual.min() < 1e-3:
            best = residual.argmin()
            found[index] = np.array([column[best], row[best]]) + share[best]
        elif lost[index]:
            found[index] = _beyond(map_, point)
    return found


def _beyond(map_: Map, point: Map) -> Map:
    """Where a point is seen that is not between pixels: outside the frame, as the map goes on from the nearest pixel."""
    height, width = map_.shape[:2]
    y, x = divmod(int(((map_ - point) ** 2).sum(axis=-1).argmin()), width)
    left, top = max(min(x, width - 2), 0), max(min(y, height - 2), 0)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    slopes = np.stack([map_[y, right] - map_[y, left], map_[bottom, x] - map_[top, x]], axis=1)
    if abs(np.linalg.det(slopes)) > 1e-6:
        there = np.array([x, y]) + np.linalg.solve(slopes, point - map_[y, x])
        if (there < 0).any() or (there > [width - 1, height - 1]).any():
            return np.asarray(there)
    # The frame does not show it, so it cannot lie within: one pixel out, where the nearest is on the border.
    return np.array([x + (x == width - 1) - (x == 0), y + (y == height - 1) - (y == 0)], dtype=float)


def _between_pixels(corners: Map, point: Map) -> tuple[Map, Map]:
    """Where between four pixels `corners` (4, N, 2), row by row, a point is seen: shares (N, 2), and what is amiss."""
    here, right, down, opposite = corners
    right, down, twist = right - here, down - here, opposite - right - down + here
    share = np.full(here.shape, 0.5)
    for _ in range(12):  # Newton's steps on here + right * s + down * t + twist * s * t = point
        s, t = share[:, :1], share[:, 1:]
        amiss = here + right * s + down * t + twist * s * t - point
        by_s, by_t = right + twist * t, down + twist * s
        area = _cross(by_s, by_t)
        area = np.where(area == 0, 1, area)
        step = np.stack([_cross(amiss, by_t) / area, _cross(by_s, amiss) / area], axis=1)
        share = np.clip(share - step, 0, 1)
    s, t = share[:, :1], share[:, 1:]
    return share, np.abs(here + right * s + down * t + twist * s * t - point).max(axis=1)


def _cross(a: Map, b: Map) -> Map:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def move_boxes(maps: Sequence[Map], boxes: NDArray[Any]) -> Map:
    """The hull (N, 4) of boxes moved by maps one after the other, not yet clipped; an empty box for one out of sight.

    Matrices keep edges straight; a dense map bends them, so it moves several points along each.
    """
    boxes = np.asarray(boxes, dtype=float).reshape(-1, 4)
    if not len(boxes):
        return boxes
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    # Box edges count from the border of the first pixel, points from its centre.
    lines: Map = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2) - 0.5  # (N, 4 edges, 2 ends, xy)
    if not all(map(is_matrix, maps)):
        share = np.arange(_EDGE_PIECES + 1)[:, None] / _EDGE_PIECES
        points = lines[:, :, :1] * (1 - share) + lines[:, :, 1:] * share
        lines = np.stack([points[:, :, :-1], points[:, :, 1:]], axis=3).reshape(len(boxes), -1, 2, 2)
    seen = np.ones(len(boxes), dtype=bool)
    for map_ in maps:
        if is_matrix(map_) and map_[2, :2].any():
            lines, ahead = _cut_at_horizon(_inverse(map_), lines)
            seen &= ahead
        lines = move_points(map_, lines.reshape(-1, 2)).reshape(lines.shape)
    hull = np.concatenate([lines.min(axis=(1, 2)), lines.max(axis=(1, 2))], axis=1) + 0.5
    return np.where(seen[:, None], hull, 0.0)


def _cut_at_horizon(inverse: Map, lines: Map) -> tuple[Map, NDArray[np.bool_]]:
    """What of `lines` (N, E, 2, 2) a projective map shows, and for which of the N anything is left."""
    depth = lines @ inverse[2, :2] + inverse[2, 2] - _HORIZON  # (N, E, 2), above 0 in front
    behind = depth < 0
    span = np.where(depth[..., :1] == depth[..., 1:], 1, depth[..., :1] - depth[..., 1:])
    share = (depth[..., :1] / span)[..., None]
    crossing = lines[:, :, :1] * (1 - share) + lines[:, :, 1:] * share
    cut = np.where(behind[..., None], crossing, lines)
    # A line wholly behind adds nothing to the hull: it becomes the foremost point of its box.
    flat = lines.reshape(len(lines), -1, 2)
    foremost = flat[np.arange(len(flat)), depth.reshape(len(flat), -1).argmax(axis=1)]
    cut = np.where(behind.all(axis=2)[..., None, None], foremost[:, None, None], cut)
    return cut, ~behind.all(axis=(1, 2))


def mirrors(map_: Map) -> bool:
    """Whether a map turns left into right: its linear part has a negative determinant, where dense at most pixels."""
    if is_matrix(map_):
        return bool(np.linalg.det(map_) * map_[2, 2] < 0)  # the last is the depth at the first pixel
    here = map_[:-1, :-1]
    area = _cross((map_[:-1, 1:] - here).reshape(-1, 2), (map_[1:, :-1] - here).reshape(-1, 2))
    return bool(len(area) and np.median(area) < 0)


def clip_boxes(
    boxes: NDArray[Any], shape: Shape, min_visibility: float, min_area: float = 0.0
) -> tuple[Map, NDArray[np.bool_]]:
    """Boxes cut at the frame, and which keep more than nothing, and at least `min_visibility` of their area and `min_area`."""
    height, width = shape
    clipped = np.clip(boxes, 0, [width, height, width, height])
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
    return clipped, (left > 0) & (left >= min_visibility * area) & (left >= min_area)


def _inverse(matrix: Map) -> Map:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)

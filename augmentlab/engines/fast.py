"""The fast engine: primitives of `reference` on OpenCV.

On uint8 they differ from the reference's by at most one level, on float32 by 1e-4; tables, flips, medians and nearest
neighbours not at all. What is not defined here, and what a function here cannot do as exactly, the reference does.
"""

import functools
import math
import threading
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from augmentlab.engines import reference
from augmentlab.engines.selftest import Case
from augmentlab.geometry import Map, Shape, is_matrix, look_up, pixel_grid, shift
from augmentlab.pixels import Array

_BORDER = {
    "constant": cv2.BORDER_CONSTANT,
    "edge": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT_101,
    "symmetric": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_WRAP,
}
_SAME_BITS = {1: np.uint8, 2: np.uint16, 4: np.int32, 8: np.float64}  # dtypes that OpenCV moves, by size in bytes
_LARGEST_SIDE = 32_000  # OpenCV counts pixels in 16 bits
_LARGEST_SCRATCH = 32 * 2**20  # bytes that a thread keeps for its next image

# OpenCV finds positions in single precision: how far off, in pixels, they may be without breaking the law. The largest
# error seen was 2.2 times the bound that `_error` gives, for an image of black and white pixels.
_ALLOWED_ERROR = {np.dtype(np.uint8): 1e-4, np.dtype(np.float32): 4e-5}
_TILE = {np.dtype(np.uint8): 512, np.dtype(np.float32): 64}  # sides of tiles that keep within it

_memory = threading.local()


def _scratch(name: str, shape: tuple[int, ...], dtype: Any) -> Array:
    """Memory of this thread, under a name, for what nobody sees; its content is anything."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > _LARGEST_SCRATCH:
        return np.empty(shape, dtype)
    block = _memory.__dict__.get(name)
    if block is None or block.nbytes < size:
        block = _memory.__dict__[name] = np.empty(size, np.uint8)
    return np.asarray(block[:size].view(dtype).reshape(shape))


def _flat(array: Array) -> Array:
    """A view without a last axis of one channel, which OpenCV drops."""
    return array[..., 0] if array.shape[2:] == (1,) else array


# --- moving pixels -----------------------------------------------------------------------------------------------------


def warp(
    array: Array, matrix: Map, shape: Shape, *, order: int, border: str, fill: float = 0.0, out: Array | None = None
) -> Array:
    """As `reference.warp`, by `cv2.warpAffine` and `cv2.warpPerspective`."""
    exact = functools.partial(reference.warp, array, matrix, shape, order=order, border=border, fill=fill, out=out)
    small = max(*array.shape[:2], *shape) <= _LARGEST_SIDE
    if order == 0:
        if small and array.dtype.itemsize in _SAME_BITS and _extent(matrix, shape) <= _LARGEST_SIDE:
            return _pick(array, _rounded_positions(matrix, shape), border, fill, out)
        return exact()
    if array.dtype not in _ALLOWED_ERROR:
        return exact()
    result = np.empty((*shape, *array.shape[2:]), array.dtype) if out is None else out
    if small and _error(matrix, shape) <= _ALLOWED_ERROR[array.dtype]:
        _interpolate(array, matrix, border, fill, result)
    elif not _in_tiles(array, matrix, border, fill, result):
        return exact()
    return result


def remap(
    array: Array, positions: Map, *, order: int, border: str, fill: float = 0.0, out: Array | None = None
) -> Array:
    """As `reference.remap`, by `cv2.remap`."""
    exact = functools.partial(reference.remap, array, positions, order=order, border=border, fill=fill, out=out)
    shape = positions.shape[:2]
    small = max(*array.shape[:2], *shape) <= _LARGEST_SIDE
    extent = cv2.norm(positions.reshape(len(positions), -1), cv2.NORM_INF)
    if order == 0:
        if small and array.dtype.itemsize in _SAME_BITS and extent <= _LARGEST_SIDE:
            nearest = positions + _TO_NEAREST
            return _pick(array, np.floor(nearest, out=nearest).astype(np.int16), border, fill, out)
        return exact()
    if array.dtype not in _ALLOWED_ERROR:
        return exact()
    result = np.empty((*shape, *array.shape[2:]), array.dtype) if out is None else out
    if small and extent * 2.0**-24 <= _ALLOWED_ERROR[array.dtype]:
        _interpolate(array, positions, border, fill, result)
    elif not _in_tiles(array, positions, border, fill, result):
        return exact()
    return result


def _is_affine(matrix: Map) -> bool:
    return bool(matrix[2, 0] == 0 and matrix[2, 1] == 0 and matrix[2, 2] == 1)


def _corners(shape: Shape) -> Map:
    height, width = shape
    return np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], dtype=float)


def _extent(matrix: Map, shape: Shape) -> float:
    """The largest coordinate, in absolute terms, that an output of `shape` looks at; infinite beyond the horizon."""
    if reference.shows_horizon(matrix, shape):
        return math.inf
    return float(np.abs(look_up(matrix, _corners(shape))).max())


def _error(matrix: Map, shape: Shape) -> float:
    """A measure of the error, in pixels, of positions that are computed in single precision: of the terms' sizes."""
    sizes = np.abs(matrix) @ (shape[1], shape[0], 1.0)
    across = max(sizes[0], sizes[1])
    if _is_affine(matrix):
        return float(across) * 2.0**-24
    extent = _extent(matrix, shape)
    if extent == math.inf:
        return extent
    depth = np.abs(_corners(shape) @ matrix[2, :2] + matrix[2, 2]).min()
    return float(across + extent * sizes[2]) / depth * 2.0**-24


def _interpolate(array: Array, where: Map, border: str, fill: float, result: Array) -> None:
    """Fill `result` with what is seen at `where`: a matrix or positions."""
    if not is_matrix(where):
        single = _scratch("positions", where.shape, np.float32)
        np.copyto(single, where, casting="same_kind")
        where = single
    value = (reference.fill_level(fill, array.dtype),) * 4
    channels = array.shape[2] if array.ndim == 3 else 1
    if channels in {1, 4}:
        _move(_flat(array), where, border, value, _flat(result))
        return
    # OpenCV moves four channels in half the time of three, and other numbers of channels less exactly.
    source = _scratch("source", (*array.shape[:2], 4), array.dtype)
    moved = _scratch("moved", (*result.shape[:2], 4), array.dtype)
    if channels == 3:
        cv2.cvtColor(array, cv2.COLOR_RGB2RGBA, dst=source)
        _move(source, where, border, value, moved)
        cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB, dst=result)
        return
    for first in range(0, channels, 4):
        count = min(channels - first, 4)
        source[..., :count] = array[..., first : first + count]
        source[..., count:] = 0
        _move(source, where, border, value, moved)
        result[..., first : first + count] = moved[..., :count]


def _move(source: Array, where: Map, border: str, value: tuple[float, ...], out: Array) -> None:
    flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (out.shape[1], out.shape[0])
    mode = _BORDER[border]
    if not is_matrix(where):
        cv2.remap(source, where, None, cv2.INTER_LINEAR, dst=out, borderMode=mode, borderValue=value)
    elif _is_affine(where):
        cv2.warpAffine(source, where[:2], size, dst=out, flags=flags, borderMode=mode, borderValue=value)
    else:
        cv2.warpPerspective(source, where, size, dst=out, flags=flags, borderMode=mode, borderValue=value)


def _in_tiles(array: Array, where: Map, border: str, fill: float, result: Array) -> bool:
    """As `_interpolate`, in tiles that count from their own corner, which keeps numbers small; whether that could be."""
    side = _TILE[array.dtype]
    for top in range(0, result.shape[0], side):
        for left in range(0, result.shape[1], side):
            part = result[top : top + side, left : left + side]
            seen = where @ shift(left, top) if is_matrix(where) else where[top : top + side, left : left + side]
            if not _tile(array, seen, border, fill, part):
                return False
    return True


def _tile(array: Array, where: Map, border: str, fill: float, part: Array) -> bool:
    shape = part.shape[:2]
    points = where
    if is_matrix(where):
        if _extent(where, shape) == math.inf:
            return False
        points = look_up(where, _corners(shape))[None]
    low = np.floor(points.min(axis=(0, 1))) - 1
    high = np.floor(points.max(axis=(0, 1))) + 3
    if border in {"constant", "edge"}:  # all is one beyond the border
        low, high = np.clip([low, high], -2, np.add(array.shape[1::-1], 3))
        high = np.maximum(high, low + 1)
    width, height = (high - low).tolist()
    if not 0 < width * height <= 16 * max(shape[0] * shape[1], 4096) or np.abs([low, high]).max() > 1e9:
        return False
    rows, inside_y = reference.border_index(np.arange(low[1], high[1], dtype=np.int64), array.shape[0], border)
    columns, inside_x = reference.border_index(np.arange(low[0], high[0], dtype=np.int64), array.shape[1], border)
    source = array[rows[:, None], columns]
    if border == "constant":
        source[~(inside_y[:, None] & inside_x)] = reference.fill_level(fill, array.dtype)
    if is_matrix(where):
        near = shift(-low[0], -low[1]) @ where
        if _error(near, shape) > _ALLOWED_ERROR[array.dtype]:
            return False
    else:
        near = np.clip(where - low, 0, [width - 1, height - 1])
    moved = np.empty(part.shape, part.dtype)
    _interpolate(source, near, "edge", 0.0, moved)
    part[...] = moved
    return True


_TO_NEAREST = 0.5 + 1e-9  # as the reference: half-way between two pixels, the right or lower one is taken


def _rounded_positions(matrix: Map, shape: Shape) -> NDArray[np.int16]:
    """The nearest whole positions (H, W, 2) for a matrix, in double precision as the reference has them."""
    columns, rows = np.arange(shape[1]), np.arange(shape[0])[:, None]
    index = _scratch("index", (*shape, 2), np.int16)
    across, down, depth = (a * columns + (b * rows + c) for a, b, c in matrix.tolist())
    for axis, plane in enumerate((across, down)):
        if not _is_affine(matrix):
            plane /= depth  # noqa: PLW2901
        plane += _TO_NEAREST  # noqa: PLW2901
        index[..., axis] = np.floor(plane, out=plane)
    return index


def _pick(array: Array, index: NDArray[np.int16], border: str, fill: float, out: Array | None) -> Array:
    """The pixels at whole positions `index` (H, W, 2), bit by bit."""
    result = np.empty((*index.shape[:2], *array.shape[2:]), array.dtype) if out is None else out
    bits = _SAME_BITS[array.dtype.itemsize]
    value = np.asarray(reference.fill_level(fill, array.dtype)).astype(array.dtype).view(bits).item()
    cv2.remap(
        _flat(array.view(bits)),
        index,
        None,
        cv2.INTER_NEAREST,
        dst=_flat(result.view(bits)),
        borderMode=_BORDER[border],
        borderValue=(value,) * 4,
    )
    return result


def contiguous(view: Array, out: Array | None = None) -> Array:
    """As `reference.contiguous`: NumPy takes ten times as long as OpenCV for flipped or turned RGB."""
    result = np.empty(view.shape, view.dtype) if out is None else out
    down, right = view.strides[:2]
    pixel = view.dtype.itemsize * math.prod(view.shape[2:])
    packed = view.ndim == 2 or view.shape[2] == 1 or view.strides[2] == view.dtype.itemsize
    turned = abs(down) < abs(right)
    known = view.dtype.itemsize in _SAME_BITS and pixel // view.dtype.itemsize <= 4 and packed
    if not known or min(abs(down), abs(right)) != pixel or (right == pixel and not turned) or max(view.shape) > 2**30:
        np.copyto(result, view)
        return result
    bits = _SAME_BITS[view.dtype.itemsize]
    upright = view[:: 1 if down > 0 else -1, :: 1 if right > 0 else -1]
    source, target = _flat(upright.view(bits)), _flat(result.view(bits))
    if not turned:
        cv2.flip(source, 1 if down > 0 else -1, dst=target)
        return result
    source = source.swapaxes(0, 1)
    if down > 0 and right > 0:
        cv2.transpose(source, dst=target)
    elif down > 0:
        cv2.rotate(source, cv2.ROTATE_90_CLOCKWISE, dst=target)
    elif right > 0:
        cv2.rotate(source, cv2.ROTATE_90_COUNTERCLOCKWISE, dst=target)
    else:
        cv2.flip(cv2.transpose(source), -1, dst=target)
    return result


# --- tones -------------------------------------------------------------------------------------------------------------


@functools.cache
def _translate() -> Any:
    """`stringzilla.translate`, which looks bytes up with vector instructions, where it is installed and can."""
    try:
        from stringzilla import translate
    except ImportError:
        return None
    levels = np.arange(256, dtype=np.uint8)
    result = np.empty_like(levels)
    try:
        translate(levels[::-1].copy().data, (levels ^ 1).data, out=result.data)
    except TypeError:  # before it had the argument `out`
        return None
    return translate if np.array_equal(result, levels[::-1] ^ 1) else None


def lookup(image: Array, table: Array, out: Array | None = None) -> Array:
    """As `reference.lookup`, by stringzilla where it is installed, else by `cv2.LUT`."""
    result = np.empty(image.shape, table.dtype) if out is None else out
    one = table.shape[1] == 1 or bool((table == table[:, :1]).all())
    translate = _translate() if table.dtype == np.uint8 else None
    if translate is None:
        levels = np.ascontiguousarray(table[:, 0]) if one else np.ascontiguousarray(table)[None]
        cv2.LUT(_flat(image), levels, dst=_flat(result))
        return result
    if one:
        translate(np.ascontiguousarray(image).data, table[:, 0].tobytes(), out=result.data)
        return result
    # Three planes, taken apart and put together, take a seventh of the time of one table a channel.
    planes = [_scratch(f"plane {index}", image.shape[:2], np.uint8) for index in range(table.shape[1])]
    cv2.split(image, planes)
    for index, plane in enumerate(planes):
        translate(plane.data, table[:, index].tobytes(), out=plane.data)
    cv2.merge(planes, dst=result)
    return result


# --- self-test ---------------------------------------------------------------------------------------------------------


def _cases() -> dict[str, list[Case]]:
    """The inputs on which each primitive of this module must agree with the reference before it is used."""
    rows, columns = np.mgrid[:23, :29]
    gray = ((rows * 37 + columns * columns * 11) % 256).astype(np.uint8)  # no two neighbours alike
    image = np.dstack([gray, gray.T[::-1].ravel()[: gray.size].reshape(gray.shape), 255 - gray])
    single = image.astype(np.float32) / np.float32(255)
    labels = gray.astype(np.int64)
    shape = (25, 27)
    affine = np.array([[0.8, 0.3, -3.3], [-0.35, 0.9, 4.7], [0, 0, 1]])
    projective = np.array([[0.9, 0.2, -2.6], [-0.1, 1.1, 1.3], [2e-3, -3e-3, 1]])
    positions = look_up(projective, pixel_grid(shape))
    borders = [{"border": border, "fill": 0.2} for border in _BORDER]
    moves: list[Case] = [
        ((array, where), {"order": order, **edge})
        for order, arrays in ((1, (image, gray, single)), (0, (image, labels)))
        for array in arrays
        for where in (affine, projective, positions)
        for edge in (borders if array is image else borders[:1])
    ]
    table = np.stack([(np.arange(256) * factor + 3) % 256 for factor in (5, 11, 253)], axis=1)
    return {
        "warp": [((*what, shape), how) for what, how in moves if is_matrix(what[1])],
        "remap": [(what, how) for what, how in moves if not is_matrix(what[1])],
        "contiguous": [
            ((view,), {}) for view in (image[:, ::-1], image[::-1, 2:9], np.rot90(image), labels.T[:, ::-1])
        ],
        "lookup": [
            ((picture, levels.astype(dtype)), {})
            for picture, levels in ((image, table), (image, table[:, :1]), (gray, table[:, 1:2]))
            for dtype in (np.uint8, np.float32)
        ],
    }


CASES = _cases()

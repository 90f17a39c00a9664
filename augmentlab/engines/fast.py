"""The fast engine: primitives of `reference` on OpenCV and, compiled by Numba, of `kernels`.

On uint8 they differ from the reference's by at most one level, on float32 by 1e-4; tables, flips, medians and nearest
neighbours not at all. What is not defined here, and what a function here cannot do as exactly, the reference does.
"""

import functools
import math
import os
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from augmentlab.engines import kernels, reference, selftest
from augmentlab.engines.selftest import Case
from augmentlab.geometry import Map, Shape, is_matrix, look_up, pixel_grid, shift, zoom
from augmentlab.pixels import Array, rounded

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

# OpenCV finds positions in single precision: how far off, in pixels, they may be by what `_error` says. On noise of
# black and white pixels of uint8, 4e-4 changes 1 value in 100 by one level; of float32, 4e-5 is 9e-5 of full scale.
_ALLOWED_ERROR = {np.dtype(np.uint8): 5e-4, np.dtype(np.float32): 4e-5}
_TILE = {np.dtype(np.uint8): 2048, np.dtype(np.float32): 64}  # sides of tiles that keep within it

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


# --- compiled by Numba, or not yet ---------------------------------------------------------------------------------------


def _compiled(name: str) -> Callable[..., Any]:
    """The primitive's kernel as soon as it is compiled and agrees with the reference; until then the reference's."""
    expected = getattr(reference, name)
    trusted: Callable[..., Any] | None = None

    @functools.wraps(expected)
    def primitive(*arguments: Any, **options: Any) -> Any:
        nonlocal trusted
        if trusted is None:
            kernel = kernels.ready(name)
            if kernel is None:
                return expected(*arguments, **options)
            with _late:  # of several threads, one tests and warns
                if trusted is None:
                    wrong = selftest.disagreement(kernel, expected, CASES[name])
                    trusted = kernel if wrong is None else expected
                    if wrong is not None:
                        selftest.warn(f"the compiled {name}", wrong)
        return trusted(*arguments, **options)

    return primitive


_late = threading.RLock()


def _new_lock() -> None:
    global _late  # noqa: PLW0603  (a forked child does not have the thread that may hold it)
    _late = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


# --- moving pixels -----------------------------------------------------------------------------------------------------


def warp(
    array: Array, matrix: Map, shape: Shape, *, order: int, border: str, fill: float = 0.0, out: Array | None = None
) -> Array:
    """As `reference.warp`, by `cv2.warpAffine` and `cv2.warpPerspective`."""
    exact = functools.partial(reference.warp, array, matrix, shape, order=order, border=border, fill=fill, out=out)
    small = max(*array.shape[:2], *shape) <= _LARGEST_SIDE
    if order == 0:
        if small and array.dtype.itemsize in _SAME_BITS and _extent(matrix, shape) <= _LARGEST_SIDE:
            return _pick(array, *_nearest(matrix, shape), border, fill, out)
        return exact()
    if array.dtype not in _ALLOWED_ERROR:
        return exact()
    result = np.empty((*shape, *array.shape[2:]), array.dtype) if out is None else out
    if small and _error(matrix, shape) <= _allowed(array.dtype, shape):
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
    planes = _planes(positions)
    extent = max(cv2.norm(plane, cv2.NORM_INF) for plane in planes)
    if order == 0:
        if small and array.dtype.itemsize in _SAME_BITS and extent <= _LARGEST_SIDE:
            x, y = _scratch("nearest", (2, *shape), np.float32)
            for plane, axis in ((x, 0), (y, 1)):
                places = positions[..., axis] + _TO_NEAREST
                np.copyto(plane, np.floor(places, out=places), casting="same_kind")
            return _pick(array, x, y, border, fill, out)
        return exact()
    if array.dtype not in _ALLOWED_ERROR:
        return exact()
    result = np.empty((*shape, *array.shape[2:]), array.dtype) if out is None else out
    if small and extent * 2.0**-24 <= _allowed(array.dtype, shape):
        _interpolate(array, planes, border, fill, result)
    elif not _in_tiles(array, positions, border, fill, result):
        return exact()
    return result


_Planes = tuple[NDArray[np.float32], NDArray[np.float32]]


def _planes(positions: Map) -> _Planes:
    """The x and the y of a dense map, as OpenCV reads them; `augmentlab.geometry.dense` has made them so."""
    x, y = positions[..., 0], positions[..., 1]
    if positions.dtype == np.float32 and x.flags.c_contiguous and y.flags.c_contiguous:
        return x, y
    x32, y32 = _scratch("positions", (2, *positions.shape[:2]), np.float32)
    np.copyto(x32, x, casting="same_kind")
    np.copyto(y32, y, casting="same_kind")
    return x32, y32


def _allowed(dtype: Any, shape: Shape) -> float:
    """The error that positions may have, in pixels: less where so few pixels are seen that a mean says little."""
    return min(_ALLOWED_ERROR[dtype], 1e-4) if shape[0] * shape[1] < 2**16 else _ALLOWED_ERROR[dtype]


def _is_affine(matrix: Map) -> bool:
    return bool(matrix[2, 0] == 0 and matrix[2, 1] == 0 and matrix[2, 2] == 1)


def _corners(shape: Shape) -> Map:
    height, width = shape
    return np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], dtype=float)


def _extent(matrix: Map, shape: Shape) -> float:
    """The largest coordinate, in absolute terms, that an output of `shape` looks at; infinite beyond the horizon."""
    if reference.shows_horizon(matrix, shape):
        return math.inf
    return max(abs(place) for axis in _seen(matrix, shape) for place in axis)


def _seen(matrix: Map, shape: Shape) -> tuple[list[float], list[float]]:
    """The x and the y at which the corners of an output of `shape` look.

    In Python's own numbers, as below: for four corners NumPy takes longer than the pixels of a small image do.
    """
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    right, down = shape[1] - 1, shape[0] - 1
    x = [c, a * right + c, b * down + c, a * right + b * down + c]
    y = [f, d * right + f, e * down + f, d * right + e * down + f]
    if g == 0 and h == 0 and i == 1:
        return x, y
    z = [i, g * right + i, h * down + i, g * right + h * down + i]
    return [p / r for p, r in zip(x, z, strict=True)], [q / r for q, r in zip(y, z, strict=True)]


def _error(matrix: Map, shape: Shape) -> float:
    """A measure of the error, in pixels, of positions that are computed in single precision: of the terms' sizes."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    height, width = shape
    across = max(abs(a) * width + abs(b) * height + abs(c), abs(d) * width + abs(e) * height + abs(f))
    if g == 0 and h == 0 and i == 1:
        return across * 2.0**-24
    extent = _extent(matrix, shape)
    if extent == math.inf:
        return extent
    sizes = abs(g) * width + abs(h) * height + abs(i)
    depth = min(abs(g * x + h * y + i) for x in (0, width - 1) for y in (0, height - 1))
    return (across + extent * sizes) / depth * 2.0**-24


def _interpolate(array: Array, where: Map | _Planes, border: str, fill: float, result: Array) -> None:
    """Fill `result` with what is seen where a matrix or planes of positions say."""
    value = (reference.fill_level(fill, array.dtype),) * 4
    channels = array.shape[2] if array.ndim == 3 else 1
    if channels in {1, 3, 4}:
        # OpenCV moves four channels in half the time of three.
        around = (0, 0, 0, 0)
        if border != "constant" and not isinstance(where, tuple):
            around = _margins(array.shape[:2], where, result.shape[:2])
        left, top, right, bottom = around
        shape = (array.shape[0] + top + bottom, array.shape[1] + left + right)
        source = array
        if channels == 3:
            source = _scratch("source", (*shape, 4), array.dtype)[top : shape[0] - bottom, left : shape[1] - right]
            cv2.cvtColor(array, cv2.COLOR_RGB2RGBA, dst=source)
        if any(around):
            padded = _scratch("source", (*shape, 4) if channels > 1 else shape, array.dtype)
            cv2.copyMakeBorder(_flat(source), top, bottom, left, right, _BORDER[border], dst=padded)
            source, where = padded, shift(left, top) @ where
        moved = _scratch("moved", (*result.shape[:2], 4), array.dtype) if channels == 3 else _flat(result)
        _move(_flat(source), where, border, value, moved)
        if channels == 3:
            cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB, dst=result)
        return
    source = _scratch("source", (*array.shape[:2], 4), array.dtype)
    moved = _scratch("moved", (*result.shape[:2], 4), array.dtype)
    for first in range(0, channels, 4):  # OpenCV moves other numbers of channels less exactly
        count = min(channels - first, 4)
        source[..., :count] = array[..., first : first + count]
        source[..., count:] = 0
        _move(source, where, border, value, moved)
        result[..., first : first + count] = moved[..., :count]


def _margins(size: Shape, matrix: Map, shape: Shape) -> tuple[int, int, int, int]:
    """How many pixels to add left, above, right and below of an image of `size` before a warp: those that it looks at
    beyond the border, unless they are many. OpenCV copies them sooner than it works them out one by one.
    """
    x, y = _seen(matrix, shape)
    left, top = (math.ceil(max(-min(places), -1)) + 1 for places in (x, y))
    bottom, right = (math.ceil(max(max(places) - side, -2)) + 2 for places, side in zip((y, x), size, strict=True))
    grown = (size[0] + top + bottom) * (size[1] + left + right)
    return (left, top, right, bottom) if grown <= 2 * size[0] * size[1] else (0, 0, 0, 0)


def _move(source: Array, where: Map | _Planes, border: str, value: tuple[float, ...], out: Array) -> None:
    flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (out.shape[1], out.shape[0])
    mode = _BORDER[border]
    if isinstance(where, tuple):
        cv2.remap(source, *where, cv2.INTER_LINEAR, dst=out, borderMode=mode, borderValue=value)
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
    if min(low) >= 0 and high[0] <= array.shape[1] and high[1] <= array.shape[0]:
        source = array[int(low[1]) : int(high[1]), int(low[0]) : int(high[0])]
    else:
        source = _window(array, low, high, border, fill)
    if is_matrix(where):
        matrix = shift(-low[0], -low[1]) @ where
        if _error(matrix, shape) > _allowed(array.dtype, shape):
            return False
        near: Map | _Planes = matrix
    else:
        near = _planes(np.clip(where - low, 0, [width - 1, height - 1]))
    moved = np.empty(part.shape, part.dtype)
    _interpolate(source, near, "edge", 0.0, moved)
    part[...] = moved
    return True


def _window(array: Array, low: Map, high: Map, border: str, fill: float) -> Array:
    """The part from `low` to `high` (x, y), with what lies beyond the border."""
    rows, inside_y = reference.border_index(np.arange(low[1], high[1], dtype=np.int64), array.shape[0], border)
    columns, inside_x = reference.border_index(np.arange(low[0], high[0], dtype=np.int64), array.shape[1], border)
    source = array[rows[:, None], columns]
    if border == "constant":
        source[~(inside_y[:, None] & inside_x)] = reference.fill_level(fill, array.dtype)
    return source


_TO_NEAREST = 0.5 + 1e-9  # as the reference: half-way between two pixels, the right or lower one is taken


def _nearest(matrix: Map, shape: Shape) -> _Planes:
    """The nearest whole x and y for a matrix, reckoned in double precision as the reference does."""
    columns, rows = np.arange(shape[1]), np.arange(shape[0])[:, None]
    x, y = _scratch("nearest", (2, *shape), np.float32)
    places = _scratch("places", shape, np.float64)
    across, down, depth = matrix.tolist()
    for plane, (a, b, c) in ((x, across), (y, down)):
        if _is_affine(matrix):
            np.add(a * columns, b * rows + (c + _TO_NEAREST), out=places)
        else:
            np.add(a * columns, b * rows + c, out=places)
            places /= depth[0] * columns + (depth[1] * rows + depth[2])
            places += _TO_NEAREST
        np.copyto(plane, np.floor(places, out=places), casting="same_kind")
    return x, y


def _pick(array: Array, x: Array, y: Array, border: str, fill: float, out: Array | None) -> Array:
    """The pixels at whole positions, bit by bit."""
    result = np.empty((*x.shape, *array.shape[2:]), array.dtype) if out is None else out
    bits = _SAME_BITS[array.dtype.itemsize]
    value = np.asarray(reference.fill_level(fill, array.dtype)).astype(array.dtype).view(bits).item()
    cv2.remap(
        _flat(array.view(bits)),
        x,
        y,
        cv2.INTER_NEAREST,
        dst=_flat(result.view(bits)),
        borderMode=_BORDER[border],
        borderValue=(value,) * 4,
    )
    return result


def pad(
    array: Array,
    around: tuple[tuple[int, int], tuple[int, int]],
    border: str,
    fill: float = 0.0,
    out: Array | None = None,
) -> Array:
    """As `reference.pad`, by `cv2.copyMakeBorder`."""
    (top, bottom), (left, right) = around
    if array.dtype not in _ALLOWED_ERROR or array.shape[2:] > (4,) or not array.flags.c_contiguous:
        return reference.pad(array, around, border, fill, out=out)
    height, width = array.shape[0] + top + bottom, array.shape[1] + left + right
    result = np.empty((height, width, *array.shape[2:]), array.dtype) if out is None else out
    value = (reference.fill_level(fill, array.dtype),) * 4
    cv2.copyMakeBorder(_flat(array), top, bottom, left, right, _BORDER[border], dst=_flat(result), value=value)
    return result


def contiguous(view: Array, out: Array | None = None) -> Array:
    """As `reference.contiguous`, by OpenCV for what was flipped or turned, over which NumPy goes byte by byte."""
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


# --- size, blur and detail ---------------------------------------------------------------------------------------------

_EDGE = cv2.BORDER_REPLICATE
_MOST_TAPS = 121  # of a kernel; for more than 130 OpenCV goes through Fourier transforms, which take ten times as long
_WORTH_CONVERTING = 10  # weights that are added up sooner in single precision than on uint8
_MANY_TAPS = 500  # for which Fourier transforms are quicker
_PRECISE_SIDE = 1024  # pixels, up to which `cv2.resize` finds positions well enough for float32 images
_EXACT_MEANS = 1000  # pixels: in larger results `cv2.INTER_AREA` leaves out what is covered to less than a thousandth


def resize(array: Array, shape: Shape, *, method: str = "linear", out: Array | None = None) -> Array:
    """As `reference.resize`, by `cv2.resize`, after `cv2.sepFilter2D` against aliasing."""
    exact = method == "linear" or array.dtype == np.uint8 or max(shape) < _EXACT_MEANS
    if array.dtype not in _ALLOWED_ERROR or not exact or max(*array.shape[:2], *shape) > _LARGEST_SIDE:
        return reference.resize(array, shape, method=method, out=out)
    result = np.empty((*shape, *array.shape[2:]), array.dtype) if out is None else out
    source, target, size = _flat(array), _flat(result), (shape[1], shape[0])
    shrinks = [after < before for after, before in zip(shape, array.shape, strict=False)]
    if method == "area":
        grows = [after > before for after, before in zip(shape, array.shape, strict=False)]
        if not any(grows):
            cv2.resize(source, size, dst=target, interpolation=cv2.INTER_AREA)
            return result
        if any(shrinks):
            between = (array.shape[1], shape[0]) if shrinks[0] else (shape[1], array.shape[0])
            source = cv2.resize(source.astype(np.float32), between, interpolation=cv2.INTER_AREA)
        if source.dtype == target.dtype:
            _enlarge(source, target)
        else:
            _round_into(target, source, _enlarge)
        return result
    if any(shrinks):
        down, across = (
            _gaussian_weights(max((before / after - 1) / 2, 0.0))
            for before, after in zip(array.shape[:2], shape, strict=True)
        )
        source = cv2.sepFilter2D(source, cv2.CV_32F, across, down, borderType=_EDGE)
    else:  # on uint8 it takes as long, and halves are rounded up
        source = source.astype(np.float32, copy=False)
    if array.dtype == np.float32 and max(array.shape[:2]) > _PRECISE_SIDE:
        matrix = zoom(array.shape[1] / shape[1], array.shape[0] / shape[0])
        return warp(source.reshape(array.shape), matrix, shape, order=1, border="edge", out=result)
    _round_into(target, source, lambda image, whole: cv2.resize(image, size, dst=whole, interpolation=cv2.INTER_LINEAR))
    return result


def _round_into(target: Array, source: Array, function: Callable[[Array, Array], Any]) -> None:
    """Let `function` write floats into `target`, which are rounded if that is uint8."""
    if target.dtype == np.float32:
        function(source, target)
    else:
        single = _scratch("single", target.shape, np.float32)
        function(source, single)
        cv2.convertScaleAbs(single, dst=target)


def _enlarge(source: Array, target: Array) -> None:
    """Fill `target` with means over the parts of `source` that its pixels cover, none larger than a pixel.

    `cv2.INTER_AREA` would do the same but for rounding: it takes 49 * (2 / 98) for less than 1 and shows another pixel.
    """
    y, x = (_places(many, few) for many, few in zip(target.shape[:2], source.shape[:2], strict=True))
    planes = np.broadcast_to(x, target.shape[:2]).copy(), np.broadcast_to(y[:, None], target.shape[:2]).copy()
    _interpolate(source, planes, "edge", 0.0, target)


def _places(many: int, few: int) -> NDArray[np.float32]:
    """Where between `few` pixels each of `many` that cover the same length lies: its share of the second it covers."""
    starts = np.arange(many) * few
    first = starts // many
    share = np.maximum(starts + few - (first + 1) * many, 0) / few
    return (first + share).astype(np.float32)


@functools.lru_cache(maxsize=256)
def _gaussian_weights(sigma: float) -> NDArray[np.float64]:
    """SciPy's weights of a Gaussian, cut at four standard deviations."""
    reach = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma or 1.0)) ** 2)
    return np.asarray(weights / weights.sum())


def gaussian(image: Array, sigma: float, out: Array | None = None) -> Array:
    """As `reference.gaussian`, by `cv2.sepFilter2D`; `cv2.GaussianBlur` has other weights and rounds in between."""
    result = np.empty(image.shape, image.dtype) if out is None else out
    weights = _gaussian_weights(sigma)  # in double precision for float64, else OpenCV takes them in single
    cv2.sepFilter2D(_flat(image), -1, weights, weights, dst=_flat(result), borderType=_EDGE)
    return result


def box(image: Array, radius: float) -> Array:
    """As `reference.box`, by `cv2.blur` or, for a fraction of a pixel, `cv2.sepFilter2D`."""
    if image.dtype not in _ALLOWED_ERROR:
        return reference.box(image, radius)
    whole = math.floor(radius)
    result = np.empty(image.shape, image.dtype)
    if radius == whole:
        cv2.blur(_flat(image), (2 * whole + 1,) * 2, dst=_flat(result), borderType=_EDGE)
        return result
    weights = np.ones(2 * whole + 3)
    weights[[0, -1]] = radius - whole
    weights /= weights.sum()

    def blur(source: Array, whole: Array) -> None:  # to single precision: on uint8 halves would be rounded up
        cv2.sepFilter2D(source, cv2.CV_32F, weights, weights, dst=whole, borderType=_EDGE)

    _round_into(_flat(result), _flat(image), blur)
    return result


def median(image: Array, radius: int) -> Array:
    """As `reference.median`, by `cv2.medianBlur`."""
    if not (image.dtype == np.uint8 or (image.dtype == np.float32 and radius <= 2)):
        return reference.median(image, radius)
    result = np.empty(image.shape, image.dtype)
    cv2.medianBlur(_flat(image), 2 * radius + 1, dst=_flat(result))
    return result


def correlate(image: Array, kernel: NDArray[np.float64]) -> Array:
    """As `reference.correlate`, by `cv2.filter2D`; where there are many weights, by its Fourier transforms."""
    if image.dtype not in _ALLOWED_ERROR:
        return reference.correlate(image, kernel)
    if np.count_nonzero(kernel) <= _MANY_TAPS:
        return _filtered(image, kernel)
    result = np.empty(image.shape, image.dtype)
    _saturate_into(_flat(result), cv2.filter2D(_flat(image).astype(np.float32), -1, kernel, borderType=_EDGE))
    return result


def _filtered(image: Array, kernel: NDArray[np.float64]) -> Array:
    result = np.empty(image.shape, image.dtype)
    target = _flat(result)
    small, anchor = _without_margins(kernel)
    if small.size <= _MOST_TAPS and np.count_nonzero(small) < _WORTH_CONVERTING:
        cv2.filter2D(_flat(image), -1, small, dst=target, anchor=anchor, borderType=_EDGE)
        return result
    single, total = (_scratch(name, target.shape, np.float32) for name in ("source", "moved"))
    np.copyto(single, _flat(image))
    if small.size <= _MOST_TAPS:
        cv2.filter2D(single, -1, small, dst=total, anchor=anchor, borderType=_EDGE)
        _saturate_into(target, total)
        return result
    # A line or a small disk in a large kernel: in square blocks, most of which are empty.
    down, across = (side // 2 for side in kernel.shape)
    padded = cv2.copyMakeBorder(single, down, down, across, across, _EDGE)
    total[:] = 0
    side = math.isqrt(_MOST_TAPS)
    height, width = image.shape[:2]
    for top in range(0, kernel.shape[0], side):
        for left in range(0, kernel.shape[1], side):
            block = kernel[top : top + side, left : left + side]
            if block.any():
                part = padded[top : top + height + block.shape[0] - 1, left : left + width + block.shape[1] - 1]
                moved = cv2.filter2D(part, -1, block, anchor=(0, 0), borderType=_EDGE)
                total += moved[:height, :width]
    _saturate_into(target, total)
    return result


def _without_margins(kernel: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """What of a kernel holds its weights and its middle, and where (x, y) the middle is therein."""
    middles = (kernel.shape[0] // 2, kernel.shape[1] // 2)
    rows, columns = (
        np.append(np.flatnonzero(kernel.any(axis=1 - axis)), middle) for axis, middle in enumerate(middles)
    )
    held = kernel[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return held, (int(middles[1] - columns.min()), int(middles[0] - rows.min()))


def _saturate_into(target: Array, values: Array) -> None:
    if target.dtype == np.uint8:
        cv2.threshold(values, 0, 0, cv2.THRESH_TOZERO, dst=values)
        cv2.convertScaleAbs(values, dst=target)
    else:
        np.copyto(target, values)


def zoom_blur(image: Array, zoom: float) -> Array:
    """As `reference.zoom_blur`, in single precision."""
    shape = image.shape[:2]
    matrices = reference.zoom_blur_matrices(shape, zoom)
    if (
        image.dtype not in _ALLOWED_ERROR
        or max(_error(matrix, shape) for matrix in matrices) > _ALLOWED_ERROR[image.dtype]
    ):
        return reference.zoom_blur(image, zoom)
    color = image.shape[2:] == (3,)
    blurred = (cv2.cvtColor(image, cv2.COLOR_RGB2RGBA) if color else _flat(image)).astype(np.float32)
    moved = np.empty_like(blurred)
    for matrix in matrices:
        _move(blurred, matrix, "edge", (0.0,) * 4, moved)
        cv2.addWeighted(blurred, 0.5, moved, 0.5, 0, dst=blurred)
    result = np.empty(image.shape, image.dtype)
    _saturate_into(_flat(result), cv2.cvtColor(blurred, cv2.COLOR_RGBA2RGB) if color else blurred)
    return result


def jpeg(image: Array, quality: int, subsampling: str) -> Array:
    """As `reference.jpeg`, by OpenCV, which calls the same library to the same end without a file in between."""
    color = image.shape[2:] == (3,)
    levels = image if image.dtype == np.uint8 else np.rint(image * 255).astype(np.uint8)
    pixels = cv2.cvtColor(levels, cv2.COLOR_RGB2BGR) if color else _flat(levels)
    factor = {"4:4:4": 0x111111, "4:2:2": 0x211111, "4:2:0": 0x221111}[subsampling]
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    _, stream = cv2.imencode(".jpg", pixels, settings)
    decoded = np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR_RGB if color else cv2.IMREAD_GRAYSCALE))
    decoded = decoded.reshape(image.shape)
    return decoded if image.dtype == np.uint8 else np.asarray(decoded / 255, dtype=image.dtype)


# --- tones -------------------------------------------------------------------------------------------------------------


@functools.cache
def _translate() -> Any:
    """`stringzilla.translate`, which looks bytes up with vector instructions, where it is installed and can."""
    levels = np.arange(256, dtype=np.uint8)
    result = np.empty_like(levels)
    try:
        from stringzilla import translate

        translate(levels[::-1].copy().data, (levels ^ 1).data, out=result.data)
    except Exception:  # noqa: BLE001  (not installed, broken, or a version without the argument `out`)
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


def _counts(image: Array) -> NDArray[np.float64]:
    """How many values of each channel of a uint8 image have each level: an array (C, 256)."""
    planes = [_flat(image)] if image.shape[2:] in {(), (1,)} else cv2.split(image)
    if planes[0].size > 2**24:  # more than a float32 counts
        return np.stack([np.bincount(plane.ravel(), minlength=256) for plane in planes]).astype(np.float64)
    counts = [cv2.calcHist([plane], [0], None, [256], [0, 256]).ravel() for plane in planes]
    return np.stack(counts).astype(np.float64)


def equalize(image: Array) -> Array:
    """As `reference.equalize`; on uint8 it is a table."""
    if image.dtype != np.uint8:
        return reference.equalize(image)
    counts = _counts(image)
    sums = counts.cumsum(axis=1)
    curves = sums / sums[:, -1:]
    curves[np.count_nonzero(counts, axis=1) == 1] = np.arange(256) / 255  # one level has no contrast to spread
    return lookup(image, rounded(curves.T * 255, np.uint8))


def stretch(image: Array, cutoff: float, *, together: bool) -> Array:
    """As `reference.stretch`; on uint8 it is a table."""
    if image.dtype != np.uint8:
        return reference.stretch(image, cutoff, together=together)
    counts = _counts(image)
    if together:
        counts = counts.sum(axis=0, keepdims=True)
    low, high = _quantiles(counts, cutoff), _quantiles(counts, 1 - cutoff)
    return lookup(image, reference.spread(np.arange(256)[:, None], low, high, 255.0, np.uint8))


def _quantiles(counts: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """`numpy.quantile` of each row of counted levels, to the last bit."""
    sums = counts.cumsum(axis=1)
    place = (sums[0, -1] - 1) * share
    before = math.floor(place)
    low, high = ((sums <= rank).sum(axis=1) for rank in (before, min(before + 1, sums[0, -1] - 1)))
    part = place - before
    return np.asarray(low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part), dtype=np.float64)


def match_quantiles(image: Array, quantiles: NDArray[np.float64], blend: float) -> Array:
    """As `reference.match_quantiles`; on uint8 it is a table."""
    if image.dtype != np.uint8:
        return reference.match_quantiles(image, quantiles, blend)
    levels = np.arange(256, dtype=np.float64)
    curves = [
        levels + blend * (reference.matched_tones(counts, row) * 255 - levels)
        for counts, row in zip(_counts(image), quantiles, strict=True)
    ]
    return lookup(image, rounded(np.stack(curves, axis=1), np.uint8))


# --- compiled by Numba -------------------------------------------------------------------------------------------------


normalize = _compiled("normalize")
hue_saturation = _compiled("hue_saturation")
color_jitter = _compiled("color_jitter")
gray = _compiled("gray")
add_noise = _compiled("add_noise")
normal = _compiled("normal")
chosen = _compiled("chosen")
salt_and_pepper = _compiled("salt_and_pepper")
clahe = _compiled("clahe")


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
    kernel = [np.array(weights) / 9 for weights in ([-1, 2, 3], [*[0] * 9, 1, 2, *[0] * 4, 3, 2, 1, *[0] * 5])]
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
        "pad": [
            ((picture, around), edge)
            for picture in (image, gray, single)
            for around in (((2, 3), (0, 5)), ((31, 60), (1, 70)))
            for edge in borders
        ],
        "lookup": [
            ((picture, levels.astype(dtype)), {})
            for picture, levels in ((image, table), (image, table[:, :1]), (gray, table[:, 1:2]))
            for dtype in (np.uint8, np.float32)
        ],
        "resize": [
            ((picture, size), {"method": method})
            for picture in (image, gray, single)
            for size in ((11, 15), (9, 29), (40, 31), (12, 44))
            for method in ("linear", "area")
        ],
        "gaussian": [((picture, sigma), {}) for picture in (image, gray, single) for sigma in (0.6, 3.0)],
        "box": [((picture, radius), {}) for picture in (image, gray, single) for radius in (2, 1.3)],
        "median": [((picture, radius), {}) for picture in (image, gray) for radius in (1, 3)] + [((single, 1), {})],
        "correlate": [((picture, np.outer(weights, weights)), {}) for picture in (image, single) for weights in kernel],
        "zoom_blur": [((picture, 1.3), {}) for picture in (image, gray, single)],
        "jpeg": [
            ((picture, quality, subsampling), {})
            for picture, quality in ((image, 40), (gray, 40), (image, 95))
            for subsampling in ("4:4:4", "4:2:2", "4:2:0")
        ],
        "equalize": [((picture // 2 + 20,), {}) for picture in (image, gray)],
        "stretch": [
            ((picture // 2 + 20, 0.03), {"together": together})
            for picture in (image, gray)
            for together in (False, True)
        ],
        "match_quantiles": [((image // 2, np.sqrt(np.linspace([0, 0.1, 0.2], [1, 0.8, 0.9], 33)).T, 0.7), {})],
        "normalize": [((picture, [0.1, 2, 0.003], [1.5, 0, -3]), {}) for picture in (image, single)],
        "hue_saturation": [((picture, 0.2, 1.3), {}) for picture in (image, single)],
        "color_jitter": [((picture, 1.2, 0.7, 1.4, -0.1, "chsb"), {}) for picture in (image, single)],
        "gray": [((picture, weights), {}) for picture in (image, single) for weights in reference.GRAY_WEIGHTS],
        "add_noise": [
            ((picture, 0.1, 5), {"per_channel": apart}) for picture in (image, gray, single) for apart in (True, False)
        ],
        "normal": [((shape, (5, 1)), {})],
        "chosen": [((shape, 0.3, 7), {})],
        "clahe": [((picture, 0.02, 3), {}) for picture in (image, gray)],
        "salt_and_pepper": [((picture, 0.2, 0.4, 5), {}) for picture in (image, gray, single)],
    }


CASES = _cases()

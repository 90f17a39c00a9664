"""One-pass kernels for colour and noise: the primitives of `reference`, bit for bit, compiled by Numba.

Compiling takes seconds, or a fraction of one when a process before has left its work on disk, so it is done in a thread
behind the scenes. `ready` gives a primitive when it is compiled, and until then None: who asks goes on with the reference.

A kernel goes through an image in chunks that stay in the first-level cache and takes their channels apart. Each step is
then a loop over plain float32 arrays, which becomes vector instructions; a loop over triples of bytes would not. Its
operations are those of the reference in the same order, without contracted or reordered arithmetic.

The functions with a `_kernel` above them are compiled. They use nothing of other modules, because what Numba keeps on disk
is renewed when this file changes, and only then.
"""

import atexit
import contextlib
import importlib
import os
import re
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentlab.engines import reference
from augmentlab.pixels import Array, full_scale

_CHUNK = 2048  # pixels: their three channels take 24 KiB
_WORDS = 512  # of 64 random bits
_BLEND, _SATURATE, _TURN = 0, 1, 2  # steps of `_recolor`

_functions: dict[str, tuple[str, ...]] = {}  # what is to be compiled, in this order; no signatures: with its callers


def _kernel(*signatures: str) -> Callable[[Any], Any]:
    """Note a function for compilation; `in` stands for C-contiguous memory that may be read-only."""

    def noted(function: Any) -> Any:
        _functions[function.__name__] = signatures
        return function

    return noted


# --- random words ------------------------------------------------------------------------------------------------------


@_kernel()
def _fill(words: Any, key: Any, first: Any) -> None:
    """Random words from number `first` on."""
    for index in range(words.size):
        word = key + (first + np.uint64(index + 1)) * np.uint64(0x9E3779B97F4A7C15)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        words[index] = word ^ (word >> np.uint64(31))


@_kernel()
def _pick(numbers: Any, table: Any, repeat: Any, picked: Any) -> None:
    """The entry of `table` for each random number, `repeat` times."""
    if repeat == 1:
        for index in range(numbers.size):
            picked[index] = table[numbers[index]]
        return
    for index in range(numbers.size):
        value = table[numbers[index]]
        for channel in range(repeat):
            picked[index * repeat + channel] = value


# --- colours -----------------------------------------------------------------------------------------------------------


@_kernel()
def _take_apart(image: Any, red: Any, green: Any, blue: Any) -> None:
    for index in range(image.size // 3):
        red[index] = image[3 * index]
        green[index] = image[3 * index + 1]
        blue[index] = image[3 * index + 2]


@_kernel()
def _put_together(red: Any, green: Any, blue: Any, out: Any, top: Any) -> None:
    if top == np.float32(255):
        for index in range(out.size // 3):
            out[3 * index] = np.int32(np.rint(red[index]))
            out[3 * index + 1] = np.int32(np.rint(green[index]))
            out[3 * index + 2] = np.int32(np.rint(blue[index]))
    else:
        for index in range(out.size // 3):
            out[3 * index] = red[index]
            out[3 * index + 1] = green[index]
            out[3 * index + 2] = blue[index]


@_kernel()
def _change(red: Any, green: Any, blue: Any, size: Any, step: Any, top: Any) -> None:
    """One step of `reference.color_jitter` on `size` pixels, whose channels are apart."""
    zero, one, four, six = np.float32(0), np.float32(1), np.float32(4), np.float32(6)
    factor = step[1]
    if step[0] == _BLEND:
        centre = step[2]
        for plane in (red, green, blue):
            for index in range(size):
                plane[index] = min(max(centre + (plane[index] - centre) * factor, zero), top)
    elif step[0] == _SATURATE:
        from_red, from_blue = step[2], step[3]
        for index in range(size):
            r, g, b = red[index], green[index], blue[index]
            gray = g + (from_red * (r - g) + from_blue * (b - g))
            red[index] = min(max(gray + (r - gray) * factor, zero), top)
            green[index] = min(max(gray + (g - gray) * factor, zero), top)
            blue[index] = min(max(gray + (b - gray) * factor, zero), top)
    else:
        first, second, third = step[2], step[3], step[4]
        for index in range(size):
            r, g, b = red[index], green[index], blue[index]
            value = max(r, g, b)
            chroma = value - min(r, g, b)
            is_red, is_green = value == r, value == g
            ahead = g - b if is_red else (b - r if is_green else r - g)
            sextant = zero if is_red else (np.float32(2) if is_green else four)
            place = sextant + ahead / (one if chroma == zero else chroma)
            chroma = min(chroma * factor, value)
            away = place + first
            away = away - six if away >= six else away
            red[index] = value - chroma * min(max(min(away, four - away), zero), one)
            away = place + second
            away = away - six if away >= six else away
            green[index] = value - chroma * min(max(min(away, four - away), zero), one)
            away = place + third
            away = away - six if away >= six else away
            blue[index] = value - chroma * min(max(min(away, four - away), zero), one)


# --- what is compiled for its own sake, the most wanted first ----------------------------------------------------------


@_kernel(
    "void(in(uint8, 2), float32[:, ::1], in(float32, 1), in(float32, 1))",
    "void(in(float32, 2), float32[:, ::1], in(float32, 1), in(float32, 1))",
)
def _normalize(rows: Any, out: Any, factors: Any, terms: Any) -> None:
    for row in range(rows.shape[0]):
        for column in range(rows.shape[1]):
            out[row, column] = np.float32(rows[row, column]) * factors[column] + terms[column]


@_kernel("void(in(uint8, 1), uint8[::1], in(float32, 1), float32, uint64, int64)")
def _add_levels(image: Any, out: Any, quantiles: Any, std: Any, key: Any, repeat: Any) -> None:
    most = np.float32(255)
    levels = np.empty(quantiles.size, np.int16)
    for index in range(quantiles.size):
        levels[index] = np.int16(np.rint(min(max(quantiles[index] * std, -most), most)))
    words = np.empty(_WORDS, np.uint64)
    numbers = words.view(np.uint16)
    noise = np.empty(numbers.size * repeat, np.int16)
    for start in range(0, image.size, noise.size):
        part, result = image[start : start + noise.size], out[start : start + noise.size]
        size = part.size // repeat
        _fill(words[: (size + 3) // 4], key, np.uint64(start // (4 * repeat)))
        _pick(numbers[:size], levels, repeat, noise)
        for index in range(part.size):
            result[index] = min(max(np.int16(part[index]) + noise[index], 0), 255)


@_kernel("void(in(float32, 1), float32[::1], in(float32, 1), float32, uint64, int64)")
def _add_floats(image: Any, out: Any, quantiles: Any, std: Any, key: Any, repeat: Any) -> None:
    words = np.empty(_WORDS, np.uint64)
    numbers = words.view(np.uint16)
    noise = np.empty(numbers.size * repeat, np.float32)
    for start in range(0, image.size, noise.size):
        part, result = image[start : start + noise.size], out[start : start + noise.size]
        size = part.size // repeat
        _fill(words[: (size + 3) // 4], key, np.uint64(start // (4 * repeat)))
        _pick(numbers[:size], quantiles, repeat, noise)
        for index in range(part.size):
            result[index] = min(max(part[index] + noise[index] * std, np.float32(0)), np.float32(1))


@_kernel(
    "void(in(uint8, 1), uint8[::1], in(float32, 2), float32)",
    "void(in(float32, 1), float32[::1], in(float32, 2), float32)",
    "void(in(float32, 1), uint8[::1], in(float32, 2), float32)",
)
def _recolor(image: Any, out: Any, steps: Any, top: Any) -> None:
    red, green, blue = np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32)
    for start in range(0, image.size, 3 * _CHUNK):
        part = image[start : start + 3 * _CHUNK]
        _take_apart(part, red, green, blue)
        for index in range(steps.shape[0]):
            _change(red, green, blue, part.size // 3, steps[index], top)
        _put_together(red, green, blue, out[start : start + 3 * _CHUNK], top)


@_kernel(
    "int64(in(uint8, 1), float32[::1], in(float32, 2), float32, float32, float32, float32)",
    "int64(in(float32, 1), float32[::1], in(float32, 2), float32, float32, float32, float32)",
)
def _sum_of_grays(image: Any, kept: Any, steps: Any, top: Any, from_red: Any, from_blue: Any, grain: Any) -> Any:
    """The sum over all pixels, after some steps, of the gray in whole multiples of 1 / `grain`.

    What the steps made, not rounded, is kept where there is room for it.
    """
    red, green, blue = np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32)
    total = np.int64(0)
    for start in range(0, image.size, 3 * _CHUNK):
        part = image[start : start + 3 * _CHUNK]
        _take_apart(part, red, green, blue)
        for index in range(steps.shape[0]):
            _change(red, green, blue, part.size // 3, steps[index], top)
        for index in range(part.size // 3):
            gray = green[index] + (from_red * (red[index] - green[index]) + from_blue * (blue[index] - green[index]))
            total += np.int64(np.int32(np.rint(gray * grain)))
        _put_together(red, green, blue, kept[start : start + 3 * _CHUNK], np.float32(1))
    return total


@_kernel(
    "void(in(uint8, 1), uint8[::1], float32, float32, float32)",
    "void(in(float32, 1), float32[::1], float32, float32, float32)",
)
def _to_gray(image: Any, out: Any, from_red: Any, from_blue: Any, top: Any) -> None:
    """The gray of each pixel, once or, where there is room for it, three times."""
    red, green, blue = np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32)
    channels = out.size // (image.size // 3)
    for start in range(0, image.size // 3, _CHUNK):
        _take_apart(image[3 * start : 3 * (start + _CHUNK)], red, green, blue)
        result = out[channels * start : channels * (start + _CHUNK)]
        size = result.size // channels
        for index in range(size):
            red[index] = green[index] + (
                from_red * (red[index] - green[index]) + from_blue * (blue[index] - green[index])
            )
        if channels == 3:
            _put_together(red, red, red, result, top)
        elif top == np.float32(255):
            for index in range(size):
                result[index] = np.int32(np.rint(red[index]))
        else:
            for index in range(size):
                result[index] = red[index]


@_kernel(
    "void(uint8[:, ::1], uint64, uint64, uint64, float32)", "void(float32[:, ::1], uint64, uint64, uint64, float32)"
)
def _sprinkle(pixels: Any, key: Any, noisy: Any, white: Any, top: Any) -> None:
    words = np.empty(_WORDS, np.uint64)
    numbers = words.view(np.uint32)
    for start in range(0, pixels.shape[0], numbers.size):
        part = pixels[start : start + numbers.size]
        _fill(words[: (part.shape[0] + 1) // 2], key, np.uint64(start // 2))
        for index in range(part.shape[0]):
            number = np.uint64(numbers[index])
            if number < noisy:
                for channel in range(part.shape[1]):
                    part[index, channel] = top if number < white else np.float32(0)


@_kernel("void(boolean[::1], uint64, uint64)")
def _choose(out: Any, key: Any, limit: Any) -> None:
    words = np.empty(_WORDS, np.uint64)
    numbers = words.view(np.uint32)
    for start in range(0, out.size, numbers.size):
        part = out[start : start + numbers.size]
        _fill(words[: (part.size + 1) // 2], key, np.uint64(start // 2))
        for index in range(part.size):
            part[index] = np.uint64(numbers[index]) < limit


@_kernel("void(float32[::1], in(float32, 1), uint64)")
def _draw(out: Any, quantiles: Any, key: Any) -> None:
    words = np.empty(_WORDS, np.uint64)
    numbers = words.view(np.uint16)
    for start in range(0, out.size, numbers.size):
        part = out[start : start + numbers.size]
        _fill(words[: (part.size + 3) // 4], key, np.uint64(start // 4))
        _pick(numbers[: part.size], quantiles, 1, part)


# --- CLAHE -------------------------------------------------------------------------------------------------------------

_GRAYS = 2**14  # levels between black and white in which scikit-image reckons
_BINS = 256


@_kernel("void(in(uint8, 1), uint8[::1])")
def _largest(image: Any, out: Any) -> None:
    """The largest channel of each pixel."""
    for index in range(out.size):
        out[index] = max(image[3 * index], image[3 * index + 1], image[3 * index + 2])


@_kernel()
def _limit(counts: Any, most: Any) -> None:
    """Cut a histogram off at `most` and give what was cut to all its bins, as evenly as scikit-image does."""
    excess = 0
    for level in range(_BINS):
        if counts[level] > most:
            excess += counts[level] - most
            counts[level] = most
    share = excess // _BINS
    for level in range(_BINS):
        if counts[level] < most - share:
            counts[level] += share
            excess -= share
    for level in range(_BINS):
        if most - share <= counts[level] < most:
            excess -= most - counts[level]
            counts[level] = most
    before = excess + 1
    while 0 < excess < before:
        before = excess
        excess = _hand_out(counts, most, excess)


@_kernel()
def _hand_out(counts: Any, most: Any, excess: Any) -> Any:
    """Add one to every so many bins that have room, from each bin on, until `excess` is used up; what is left of it."""
    for first in range(_BINS):
        room = 0
        for level in range(_BINS):
            room += counts[level] < most
        for level in range(first, _BINS, max(room // excess, 1)):
            if counts[level] < most:
                counts[level] += 1
                excess -= 1
        if excess <= 0:
            break
    return excess


@_kernel(
    "void(in(uint8, 2), in(uint8, 1), in(int64, 1), in(int64, 1), int64, int64, int64, float32[:, :, ::1], uint16[:, ::1])"
)
def _equalize_tiles(
    value: Any, bins: Any, rows: Any, columns: Any, height: Any, width: Any, most: Any, maps: Any, out: Any
) -> None:
    """Equalised levels of `value`, whose levels fall into `bins`, by tiles of `height` x `width`.

    `rows` and `columns` name the pixel that is seen at each place of the tiles; `maps` is memory for what each bin of each
    tile becomes.
    """
    counts = np.empty(_BINS, np.int64)
    for down in range(maps.shape[0]):
        for across in range(maps.shape[1]):
            counts[:] = 0
            for row in rows[down * height : (down + 1) * height]:
                for column in columns[across * width : (across + 1) * width]:
                    counts[bins[value[row, column]]] += 1
            _limit(counts, most)
            rank, step = np.int64(0), (_GRAYS - 1) / (height * width)
            for level in range(_BINS):
                rank += counts[level]
                maps[down, across, level] = np.floor(min(rank * step, _GRAYS - 1.0))
    # Each pixel lies between the centres of four tiles, at the border of two or one.
    for row in range(out.shape[0]):
        below = (row + height // 2) // height
        y = ((row + height // 2) % height) / height
        above, below = max(below - 1, 0), min(below, maps.shape[0] - 1)
        for column in range(out.shape[1]):
            right = (column + width // 2) // width
            x = ((column + width // 2) % width) / width
            left, right = max(right - 1, 0), min(right, maps.shape[1] - 1)
            level = bins[value[row, column]]
            gray = np.float32(maps[above, left, level] * ((1 - x) * (1 - y)))
            gray += np.float32(maps[above, right, level] * (x * (1 - y)))
            gray += np.float32(maps[below, left, level] * ((1 - x) * y))
            gray += np.float32(maps[below, right, level] * (x * y))
            out[row, column] = np.int32(gray)


@_kernel("void(in(uint8, 1), in(uint8, 1), in(uint16, 1), float64, float64, uint8[::1])")
def _lighten(image: Any, value: Any, levels: Any, black: Any, span: Any, out: Any) -> None:
    """Multiply RGB so that the largest channel, `value`, becomes its level, 0 being at `black` and 255 a `span` higher.

    In a gray image each value becomes its level.
    """
    if out.size == value.size:
        for index in range(out.size):
            out[index] = np.int32(np.rint(min(max((levels[index] - black) / span, 0.0), 1.0) * 255.0))
        return
    red, green, blue = np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32), np.empty(_CHUNK, np.float32)
    for start in range(0, value.size, _CHUNK):
        largest, light = value[start : start + _CHUNK], levels[start : start + _CHUNK]
        _take_apart(image[3 * start : 3 * (start + _CHUNK)], red, green, blue)
        for index in range(largest.size):
            lighter = min(max((light[index] - black) / span, 0.0), 1.0) * 255.0
            dark = largest[index] == 0
            gain = lighter / (1.0 if dark else np.float64(largest[index]))
            red[index] = np.rint(lighter if dark else red[index] * gain)
            green[index] = np.rint(lighter if dark else green[index] * gain)
            blue[index] = np.rint(lighter if dark else blue[index] * gain)
        _put_together(red, green, blue, out[3 * start : 3 * (start + _CHUNK)], np.float32(255))


# --- the primitives ----------------------------------------------------------------------------------------------------


def _fits(image: Array) -> bool:
    return image.dtype in (np.uint8, np.float32) and image.size > 0


def _is_color(image: Array) -> bool:
    return _fits(image) and image.ndim == 3 and image.shape[2] == 3


def _flat(image: Array) -> Array:
    return np.require(image, requirements=["C", "A"]).reshape(-1)


def normalize(image: Array, scale: Any, shift: Any, out: Array | None = None) -> Array:
    """As `reference.normalize`."""
    if not _fits(image):
        return reference.normalize(image, scale, shift, out)
    result = np.empty(image.shape, np.float32) if out is None else out
    channels = image.shape[2] if image.ndim == 3 else 1
    factors, terms = np.empty((2, image.shape[1], channels), np.float32)
    factors[...], terms[...] = scale, shift
    _normalize(_flat(image).reshape(len(image), -1), result.reshape(len(image), -1), factors.ravel(), terms.ravel())
    return result


def add_noise(image: Array, std: float, seed: reference.Seed, *, per_channel: bool, out: Array | None = None) -> Array:
    """As `reference.add_noise`."""
    if not _fits(image):
        return reference.add_noise(image, std, seed, per_channel=per_channel, out=out)
    result = np.empty(image.shape, image.dtype) if out is None else out
    repeat = 1 if per_channel or image.ndim == 2 else image.shape[2]
    levels = image.dtype == np.uint8
    add, strength = (_add_levels, std * 255) if levels else (_add_floats, std)
    add(_flat(image), result.reshape(-1), reference.normal_quantiles(), strength, reference.stream_key(seed), repeat)
    return result


def normal(shape: tuple[int, ...], seed: reference.Seed) -> Array:
    """As `reference.normal`."""
    result = np.empty(shape, np.float32)
    _draw(result.reshape(-1), reference.normal_quantiles(), reference.stream_key(seed))
    return result


def chosen(shape: tuple[int, ...], share: float, seed: reference.Seed) -> Array:
    """As `reference.chosen`."""
    result = np.empty(shape, np.bool_)
    _choose(result.reshape(-1), reference.stream_key(seed), reference.chance(share))
    return result


def salt_and_pepper(image: Array, amount: float, salt: float, seed: reference.Seed, out: Array | None = None) -> Array:
    """As `reference.salt_and_pepper`."""
    if not _fits(image):
        return reference.salt_and_pepper(image, amount, salt, seed, out)
    result = reference.contiguous(image, out)
    noisy, white = reference.chance(amount), reference.chance(amount * salt)
    pixels = result.reshape(image.shape[0] * image.shape[1], -1)
    _sprinkle(pixels, reference.stream_key(seed), noisy, white, full_scale(image.dtype))
    return result


def gray(image: Array, weights: str, channels: int = 1, out: Array | None = None) -> Array:
    """As `reference.gray`."""
    if not _is_color(image):
        return reference.gray(image, weights, channels, out)
    shape = image.shape if channels == 3 else image.shape[:2]
    result = np.empty(shape, image.dtype) if out is None else out
    from_red, _, from_blue = reference.GRAY_WEIGHTS[weights]
    _to_gray(_flat(image), result.reshape(-1), from_red, from_blue, full_scale(image.dtype))
    return result


def hue_saturation(image: Array, hue: float, saturation: float, out: Array | None = None) -> Array:
    """As `reference.hue_saturation`."""
    if not _is_color(image):
        return reference.hue_saturation(image, hue, saturation, out)
    result = np.empty(image.shape, image.dtype) if out is None else out
    _recolor(_flat(image), result.reshape(-1), _table([_turn(hue, saturation)]), full_scale(image.dtype))
    return result


def color_jitter(
    image: Array,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    order: str,
    out: Array | None = None,
) -> Array:
    """As `reference.color_jitter`."""
    if not _is_color(image):
        return reference.color_jitter(image, brightness, contrast, saturation, hue, order, out)
    top, (from_red, _, from_blue) = full_scale(image.dtype), reference.GRAY_WEIGHTS["bt601"]
    result = np.empty(image.shape, image.dtype) if out is None else out
    values, steps = _flat(image), list[_Step]()
    for letter in order:
        if letter == "b" and brightness != 1:
            steps.append((_BLEND, brightness, 0, 0, 0))
        elif letter == "c" and contrast != 1:
            # The steps before are taken for the mean's sake. A turn is dear enough not to be taken again.
            again = values.size > _MOST_KEPT or all(step[0] != _TURN for step in steps)
            kept = _kept(0 if again else values.size)
            grain = reference.grain(top)
            total = _sum_of_grays(values, kept, _table(steps), top, from_red, from_blue, grain)
            values, steps = (values, steps) if again else (kept, [])
            steps.append((_BLEND, contrast, int(total) / (grain * (values.size // 3)), 0, 0))
        elif letter == "s" and saturation != 1:
            steps.append((_SATURATE, saturation, from_red, from_blue, 0))
        elif letter == "h" and hue != 0:
            steps.append(_turn(hue, 1))
    _recolor(values, result.reshape(-1), _table(steps), top)
    return result


_MOST_KEPT = 2**21  # values, 8 MiB
_memory = threading.local()


def _kept(size: int) -> Array:
    """Memory of this thread; new one would have to be cleared by the system, which takes longer than a turn."""
    block = getattr(_memory, "block", None)
    if block is None or block.size < size:
        block = _memory.block = np.empty(size, np.float32)
    return np.asarray(block[:size])


_Step = tuple[float, float, float, float, float]  # which, its factor, and three numbers of its own


def _turn(hue: float, saturation: float) -> _Step:
    first, second, third = ((6 * hue + start) % 6 for start in (5, 3, 1))
    return (_TURN, saturation, first, second, third)


def _table(steps: list[_Step]) -> Array:
    return np.array(steps, np.float32).reshape(-1, 5)


def clahe(image: Array, clip_limit: float, tiles: int) -> Array:
    """As `reference.clahe`, for uint8: the algorithm of `skimage.exposure.equalize_adapthist` on 256 levels."""
    if image.dtype != np.uint8 or not (image.ndim == 2 or image.shape[2] in {1, 3}):
        return reference.clahe(image, clip_limit, tiles)
    shape, flat = image.shape[:2], _flat(image)
    value = flat
    if _is_color(image):
        value = np.empty(flat.size // 3, np.uint8)
        _largest(flat, value)
    low, high = int(value.min()), int(value.max())
    if low == high:
        return image
    # Levels become 16 bits, of these 14, from the darkest to the lightest, and these 256 bins, of which 253 are used.
    spread = (np.clip(np.arange(256), low, high) - low) * 257 / ((high - low) * 257)
    bins = (np.rint(spread * (_GRAYS - 1)).astype(np.int64) // (1 + _GRAYS // _BINS)).astype(np.uint8)
    height, width = reference.clahe_tile(shape, tiles)
    rows, columns = _seen(shape[0], height), _seen(shape[1], width)
    most = int(max(reference.clahe_limit(clip_limit) * (height * width), 1))
    maps = np.empty((len(rows) // height, len(columns) // width, _BINS), np.float32)
    levels = np.empty(shape, np.uint16)
    _equalize_tiles(value.reshape(shape), bins, rows, columns, height, width, most, maps, levels)
    black, white = int(levels.min()), int(levels.max())
    result = np.empty(image.shape, np.uint8)
    # Where all is one level, scikit-image clips it to [0, 1].
    black, span = (black, white - black) if black < white else (0, 1)
    _lighten(flat, value, levels.reshape(-1), black, span, result.reshape(-1))
    return result


def _seen(side: int, tile: int) -> NDArray[np.int64]:
    """The pixel that is seen at each place of the tiles of a side; what lies beyond it is mirrored."""
    return np.pad(np.arange(side, dtype=np.int64), (0, -side % tile), mode="reflect")


# --- compiling ---------------------------------------------------------------------------------------------------------

_PRIMITIVES: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {  # and the kernels that each needs
    "normalize": (normalize, ("_normalize",)),
    "add_noise": (add_noise, ("_add_levels", "_add_floats")),
    "hue_saturation": (hue_saturation, ("_recolor",)),
    "color_jitter": (color_jitter, ("_recolor", "_sum_of_grays")),
    "gray": (gray, ("_to_gray",)),
    "salt_and_pepper": (salt_and_pepper, ("_sprinkle",)),
    "chosen": (chosen, ("_choose",)),
    "normal": (normal, ("_draw",)),
    "clahe": (clahe, ("_largest", "_equalize_tiles", "_lighten")),
}
NAMES = tuple(_PRIMITIVES)

_ready: dict[str, Callable[..., Any]] = {}
_compiled: set[str] = set()
_failures: list[str] = []  # sentences that nobody was told yet
_thread: threading.Thread | None = None
_done = threading.Event()
_lock = threading.Lock()  # held to start the thread
_busy = threading.RLock()  # held while a kernel is compiled
_leaving = False


def ready(name: str) -> Callable[..., Any] | None:
    """The compiled primitive `name`, with the signature of the reference's; None as long as there is none.

    Never waits. The first call starts a thread that compiles all. Without Numba the answer is None for ever.

    Parameters
    ----------
    name : str
        One of NAMES.

    Warns
    -----
    RuntimeWarning
        Once, when Numba is installed and could not compile.
    """
    function = _ready.get(name)
    if function is None:
        _start()
    if _failures:
        with contextlib.suppress(IndexError):  # another thread was quicker
            warnings.warn(_failures.pop(), RuntimeWarning, stacklevel=2)
    return function


def wait(timeout: float | None = None) -> bool:
    """Block until all kernels are compiled or cannot be, at most `timeout` seconds; whether that is so."""
    _start()
    return _done.wait(timeout)


def _start() -> None:
    global _thread  # noqa: PLW0603
    if _thread is not None or _done.is_set():
        return
    with _lock:
        if _thread is None:
            thread = threading.Thread(target=_compile_all, name="augmentlab-kernels", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # there are no threads here, or no longer
                _done.set()
                return
            _thread = thread


def _compile_all() -> None:
    try:
        with _busy:
            numba = None if _leaving else _import_numba()
        for name, (function, needed) in _PRIMITIVES.items() if numba else ():
            for kernel in needed:
                time.sleep(0.001)  # lets a fork or the end of the process come in between
                with _busy:
                    if _leaving:
                        return
                    _compile(numba, kernel)
            _ready[name] = function
    except Exception as error:  # noqa: BLE001  whatever it is, the reference works
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _failures.append(
            f"kernels of the fast engine could not be compiled, the reference is used instead; {what:.300}"
        )
    _done.set()


def _import_numba() -> Any:
    """The package; None where it is not installed, or is told not to compile."""
    try:
        numba = importlib.import_module("numba")
    except ModuleNotFoundError as error:
        if error.name == "numba":
            return None
        raise
    return None if numba.config.DISABLE_JIT else numba


def _compile(numba: Any, name: str) -> None:
    """Put the compiled function in the place of the plain one, with the small ones that have no signature."""
    # NumPy's x / 0 is infinity; Python's would be asked for before each division.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    for helper, own in _functions.items():
        if not own and helper not in _compiled:
            globals()[helper] = numba.njit(**options)(globals()[helper])
            _compiled.add(helper)
    if name in _compiled:
        return
    kernel = globals()[name]
    signatures = [_INPUT.sub(r'Array(\1, \2, "C", True)', signature) for signature in _functions[name]]
    try:
        compiled = numba.njit(signatures, cache=True, **options)(kernel)
    except Exception:  # noqa: BLE001  no place to write, a full disk or a damaged file
        compiled = numba.njit(signatures, **options)(kernel)
    globals()[name] = compiled
    _compiled.add(name)


_INPUT = re.compile(r"in\((\w+), (\d)\)")


def _leave() -> None:
    """Let the thread finish the kernel at hand: the process must not end while LLVM is at work."""
    global _leaving  # noqa: PLW0603
    _leaving = True
    if _busy.acquire(timeout=30):
        _busy.release()


def _after_fork() -> None:
    """In the child, where the thread is gone and anybody else's lock stays locked."""
    global _thread, _lock, _done  # noqa: PLW0603
    _busy.release()
    _lock = threading.Lock()
    finished = _done.is_set()
    _done = threading.Event()
    if finished:
        _done.set()
    else:
        _thread = None


atexit.register(_leave)
if hasattr(os, "register_at_fork"):
    # A fork waits for the kernel at hand, too: the child would inherit the locks of Numba and of the import system.
    os.register_at_fork(before=_busy.acquire, after_in_parent=_busy.release, after_in_child=_after_fork)

"""The reference engine: scikit-image, SciPy and NumPy, plain and obviously right. It defines every result.

Every function takes and returns arrays of one dtype: ``uint8``, or float32/float64 in [0, 1]. uint8 results are rounded
half to even from float arithmetic. Where there is an argument `out`, it is a C-contiguous array of the shape and dtype of
the result, which is written there and returned; it may not share memory with the input.

Colour and noise are computed in float32 (for float64 images in float64), step by step, so that a compiled kernel that does
the same operations in the same order gives the same bits.
"""

import functools
import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, special
from skimage import exposure, filters, restoration, segmentation, transform

from augmentlab.geometry import Map, Shape, look_up, pixel_grid
from augmentlab.pixels import Array, full_scale, rounded

# One vocabulary, NumPy's; scipy.ndimage calls "mirror" what numpy.pad calls "reflect", and its plain "constant" and
# "wrap" do not interpolate across the border.
_NDIMAGE_MODE = {
    "constant": "grid-constant",
    "edge": "nearest",
    "reflect": "mirror",
    "symmetric": "reflect",
    "wrap": "grid-wrap",
}

GRAY_WEIGHTS = {
    "bt709": (0.2125, 0.7154, 0.0721),  # skimage.color.rgb2gray
    "bt601": (0.299, 0.587, 0.114),  # OpenCV, Pillow
}


_ONE_LEVEL = 1e-6  # of full scale: floats closer than this are one tone, told apart by their rounding errors


def warp(
    array: Array, matrix: Map, shape: Shape, *, order: int, border: str, fill: float = 0.0, out: Array | None = None
) -> Array:
    """Show the input at the positions that `matrix` gives for each pixel of an output of `shape` (H, W).

    Parameters
    ----------
    array : (H, W) or (H, W, C) array
        Any dtype for order 0; uint8 or floats for order 1.
    matrix : (3, 3) array
        From output (x, y, 1) to input.
    order : {0, 1}
        Nearest or linear (`skimage.transform.warp`).
    border : {"constant", "edge", "reflect", "symmetric", "wrap"}
        What lies beyond the border, as in `numpy.pad`.
    fill : float
        The constant, in [0, 1] of full scale.
    """
    if order == 0:
        return _into(out, _nearest(array, look_up(matrix, pixel_grid(shape)), border, fill))
    if shows_horizon(matrix, shape):  # where scikit-image divides by zero
        return remap(array, look_up(matrix, pixel_grid(shape)), order=1, border=border, fill=fill, out=out)
    source = array.astype(np.float64, copy=not array.flags.writeable)  # scikit-image's warp refuses read-only memory
    warped = transform.warp(
        source,
        inverse_map=matrix,
        output_shape=None if shape == array.shape[:2] else shape,  # checking it takes longer than moving a thumbnail
        order=1,
        mode=border,
        cval=fill_level(fill, array.dtype),
        clip=False,
        preserve_range=True,
    )
    return _into(out, rounded(warped, array.dtype))


def remap(
    array: Array, positions: Map, *, order: int, border: str, fill: float = 0.0, out: Array | None = None
) -> Array:
    """As `warp`, with the positions (H, W, 2) of (x, y) given for each pixel (`scipy.ndimage.map_coordinates`)."""
    if order == 0:
        return _into(out, _nearest(array, positions, border, fill))
    coordinates = np.stack([positions[..., 1], positions[..., 0]])
    planes = array.reshape(*array.shape[:2], -1)
    moved = [
        ndimage.map_coordinates(
            planes[..., index].astype(np.float64),
            coordinates,
            order=1,
            mode=_NDIMAGE_MODE[border],
            cval=fill_level(fill, array.dtype),
        )
        for index in range(planes.shape[2])
    ]
    result = np.stack(moved, axis=-1).reshape(*positions.shape[:2], *array.shape[2:])
    return _into(out, rounded(result, array.dtype))


def _into(out: Array | None, result: Array) -> Array:
    if out is None:
        return result
    np.copyto(out, result, casting="no")
    return out


def _nearest(array: Array, positions: Map, border: str, fill: float) -> Array:
    # A position half-way between two pixels takes the right or lower one; the nudge keeps 2.4999999 from deciding.
    index = np.floor(np.clip(positions, -1e9, 1e9) + 0.5 + 1e-9).astype(np.int64)
    x, inside_x = border_index(index[..., 0], array.shape[1], border)
    y, inside_y = border_index(index[..., 1], array.shape[0], border)
    taken = array[y, x]
    if border == "constant":
        outside = ~(inside_x & inside_y)
        taken[outside] = np.asarray(fill_level(fill, array.dtype)).astype(array.dtype)
    return np.asarray(taken)


def shows_horizon(matrix: Map, shape: Shape) -> bool:
    """Whether an output of `shape` meets the horizon of a projective matrix, where positions are infinite."""
    right, down = matrix[2, 0] * (shape[1] - 1), matrix[2, 1] * (shape[0] - 1)
    depths = [matrix[2, 2] + x + y for x in (0.0, right) for y in (0.0, down)]
    return bool(min(depths) <= 0 <= max(depths))


def fill_level(fill: float, dtype: Any) -> float:
    """A fill in [0, 1] on the scale of `dtype`, for uint8 a whole level; nothing is filled into boolean masks."""
    if np.dtype(dtype).kind == "b":
        return 0.0
    return float(np.rint(fill * 255)) if dtype == np.uint8 else float(fill)


def border_index(index: NDArray[np.int64], size: int, border: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which of `size` pixels is seen at each whole position, and whether that lies inside the border."""
    inside = (index >= 0) & (index < size)
    if border in {"constant", "edge"} or size == 1:
        return np.clip(index, 0, size - 1), inside
    if border == "wrap":
        return index % size, inside
    period = 2 * size - 2 if border == "reflect" else 2 * size
    folded = index % period
    mirrored = period - folded if border == "reflect" else period - 1 - folded
    return np.where(folded < size, folded, mirrored), inside


def contiguous(view: Array, out: Array | None = None) -> Array:
    """A C-contiguous copy of a view (H, W) or (H, W, C) that slices, flips and quarter turns made; any dtype."""
    return _into(out, np.array(view, order="C"))


def pad(
    array: Array,
    around: tuple[tuple[int, int], tuple[int, int]],
    border: str,
    fill: float = 0.0,
    out: Array | None = None,
) -> Array:
    """Add rows ``around[0]`` above and below and columns ``around[1]`` left and right (`numpy.pad`); any dtype."""
    width = (*around, *((0, 0),) * (array.ndim - 2))
    if border == "constant":
        level = np.asarray(fill_level(fill, array.dtype)).astype(array.dtype)
        return _into(out, np.pad(array, width, constant_values=level))
    return _into(out, np.pad(array, width, mode=border))  # type: ignore[call-overload]


def lookup(image: Array, table: Array, out: Array | None = None) -> Array:
    """Replace each level of a uint8 image (H, W) or (H, W, C) by its entry of a table (256, C) or, for all channels,
    (256, 1). The table is uint8 or float32, and so is the result.
    """
    if table.shape[1] == 1 or (table == table[:, :1]).all():
        return _into(out, np.asarray(np.take(table[:, 0], image)))
    planes = [table[image[..., channel], channel] for channel in range(table.shape[1])]
    return _into(out, np.stack(planes, axis=-1))


def normalize(image: Array, scale: Any, shift: Any, out: Array | None = None) -> Array:
    """``image * scale + shift`` of an image (H, W) or (H, W, C), as float32; float64 stays float64.

    `scale` and `shift` are numbers or arrays (C,). They are rounded to the dtype of the result, which is that of one
    rounded product and one rounded sum.
    """
    dtype = np.float64 if image.dtype == np.float64 else np.float32
    result = np.empty(image.shape, dtype) if out is None else out
    # NumPy goes along whole rows faster than along three channels.
    channels = image.shape[2] if image.ndim == 3 else 1
    factors, terms = (
        np.tile(np.broadcast_to(np.asarray(value, dtype), channels), image.shape[1]) for value in (scale, shift)
    )
    rows = result.reshape(len(image), -1)
    np.multiply(image.reshape(len(image), -1), factors, out=rows)
    np.add(rows, terms, out=rows)
    return result


def resize(array: Array, shape: Shape, *, method: str = "linear", out: Array | None = None) -> Array:
    """Resize to `shape` (H, W): ``linear`` (`skimage.transform.resize`, Gaussian anti-aliasing where it shrinks) or
    ``area`` (`skimage.transform.resize_local_mean`).
    """
    full = (*shape, *array.shape[2:])
    source = array.astype(np.float64, copy=False)
    if method == "area":
        # channel_axis and a plain 2-D array must agree: a grayscale image has no channel axis.
        axis = 2 if array.ndim == 3 else None
        small = transform.resize_local_mean(source, shape, channel_axis=axis, preserve_range=True)
        return _into(out, np.ascontiguousarray(rounded(small, array.dtype)))
    shrinks = shape[0] < array.shape[0] or shape[1] < array.shape[1]
    resized = transform.resize(
        source, full, order=1, mode="edge", anti_aliasing=shrinks, clip=True, preserve_range=True
    )
    return _into(out, rounded(resized, array.dtype))


def gaussian(image: Array, sigma: float, out: Array | None = None) -> Array:
    """Gaussian blur with `sigma` in pixels (`skimage.filters.gaussian`, border ``edge``)."""
    axis = 2 if image.ndim == 3 else None
    source = image.astype(np.float64, copy=False)
    blurred = filters.gaussian(
        source, sigma=sigma, mode="nearest", truncate=4.0, channel_axis=axis, preserve_range=True
    )
    return _into(out, rounded(blurred, image.dtype))


def hue_saturation(image: Array, hue: float, saturation: float, out: Array | None = None) -> Array:
    """Turn the hue by `hue` in turns and multiply the saturation, in HSV; RGB only.

    The same as `skimage.color.rgb2hsv` there and `hsv2rgb` back, in a tenth of the time: the largest channel stays, the
    chroma (largest less smallest) is scaled, and each channel follows from the hue in closed form.
    """
    return _into(out, _rounded_planes(_turned(_planes(image), hue, saturation), image))


def _turned(planes: list[Array], hue: float, saturation: float) -> list[Array]:
    red, green, blue = planes
    number = red.dtype.type
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    is_red, is_green = value == red, value == green
    ahead = np.where(is_red, green - blue, np.where(is_green, blue - red, red - green))
    sextant = np.where(is_red, number(0), np.where(is_green, number(2), number(4)))
    place = sextant + ahead / np.where(chroma == 0, number(1), chroma)
    chroma = np.minimum(chroma * number(saturation), value)
    turned = []
    for start in (5, 3, 1):
        away = place + number((6 * hue + start) % 6)  # in [-1, 11], and of period 6
        away = np.where(away >= 6, away - 6, away)
        turned.append(value - chroma * np.clip(np.minimum(away, 4 - away), 0, 1))
    return turned


def color_jitter(
    image: Array,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    order: str,
    out: Array | None = None,
) -> Array:
    """Change brightness, contrast, saturation and hue, clipped after each and rounded once; RGB or gray.

    Parameters
    ----------
    image : (H, W), (H, W, 1) or (H, W, 3) array
        A gray one has neither saturation nor hue.
    brightness, contrast, saturation : float
        Factors of the distance from black, from the mean gray of the image as it is then, and from each pixel's gray
        (ITU-R BT.601).
    hue : float
        In turns.
    order : str
        Their first letters, first to last.
    """
    top = full_scale(image.dtype)
    planes = _planes(image)
    number = planes[0].dtype.type
    for letter in order:
        if letter == "b" and brightness != 1:
            planes = [np.clip(plane * number(brightness), 0, top) for plane in planes]
        elif letter == "c" and contrast != 1:
            mean = _mean(_gray(planes, "bt601"), top)
            planes = [np.clip(mean + (plane - mean) * number(contrast), 0, top) for plane in planes]
        elif letter == "s" and saturation != 1 and len(planes) == 3:
            gray = _gray(planes, "bt601")
            planes = [np.clip(gray + (plane - gray) * number(saturation), 0, top) for plane in planes]
        elif letter == "h" and hue != 0 and len(planes) == 3:
            planes = _turned(planes, hue, 1)
    return _into(out, _rounded_planes(planes, image))


def _planes(image: Array) -> list[Array]:
    """The channels (H, W) of an image on its own scale, in the precision in which colour is computed."""
    number = np.float64 if image.dtype == np.float64 else np.float32
    return (
        [image[..., index].astype(number) for index in range(image.shape[2])]
        if image.ndim == 3
        else [image.astype(number)]
    )


def _rounded_planes(planes: list[Array], image: Array) -> Array:
    return rounded(np.stack(planes, axis=-1).reshape(image.shape), image.dtype)


def _mean(plane: Array, top: float) -> Any:
    """The mean, in the plane's precision; in float32 summed in whole numbers, which no order of summing changes."""
    if plane.dtype == np.float64:
        return plane.mean()
    whole = np.rint(plane * np.float32(grain(top))).astype(np.int64)
    return np.float32(int(whole.sum()) / (grain(top) * plane.size))


def grain(top: float) -> float:
    """How many parts of a unit are counted when values up to `top` are summed: all fit into 32 bits."""
    return 2.0**20 if top == 255 else 2.0**28


def gray(image: Array, weights: str, channels: int = 1, out: Array | None = None) -> Array:
    """The weighted sum (H, W) of an RGB image, or with 3 `channels` that sum three times (H, W, 3).

    `weights` names an entry of GRAY_WEIGHTS.
    """
    plane = rounded(_gray(_planes(image), weights), image.dtype)
    return _into(out, plane if channels == 1 else np.repeat(plane[..., None], channels, axis=2))


def _gray(planes: list[Array], weights: str) -> Array:
    if len(planes) == 1:
        return planes[0]
    red, green, blue = planes
    number = red.dtype.type
    from_red, _, from_blue = map(number, GRAY_WEIGHTS[weights])
    # The weights' sum is 1, and written so the gray of gray is itself, to the last bit.
    return np.asarray(green + (from_red * (red - green) + from_blue * (blue - green)))


def equalize(image: Array) -> Array:
    """Histogram equalisation of each channel (`skimage.exposure.equalize_hist`, 256 bins)."""
    planes = image.reshape(*image.shape[:2], -1)
    scale = full_scale(image.dtype)
    flattened = [_equalize_plane(planes[..., index], scale) for index in range(planes.shape[2])]
    return rounded(np.stack(flattened, axis=-1).reshape(image.shape) * scale, image.dtype)


def _equalize_plane(plane: Array, scale: float) -> NDArray[np.float64]:
    if np.ptp(plane) <= _ONE_LEVEL * scale:  # one level has no contrast to spread
        return np.asarray(plane / scale, dtype=np.float64)
    return np.asarray(exposure.equalize_hist(plane, nbins=256))


# --- random numbers ----------------------------------------------------------------------------------------------------

# SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"), whose word of any number can be
# had without those before it: whoever computes it, in whatever order, gets the same picture.
_WORD = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15  # 2 ** 64 over the golden ratio, made odd

Seed = int | tuple[int, ...]


def _mixed(word: Any) -> Any:
    """The output function of SplitMix64, of a Python int or an array of uint64."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def stream_key(seed: Seed) -> int:
    """Where the stream of random words of a seed begins: 64 bits that hash an int or several.

    Of one int it is the first word of SplitMix64 with that seed; of more, each is folded in likewise.
    """
    key = 0
    for part in seed if isinstance(seed, tuple) else (seed,):
        key = _mixed(((key ^ int(part)) + _GOLDEN) & _WORD)
    return key


def random_words(count: int, seed: Seed) -> NDArray[np.uint64]:
    """`count` random words of 64 bits."""
    return np.asarray(_mixed(np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN + stream_key(seed)))


def random_integers(shape: tuple[int, ...], bits: int, seed: Seed) -> Array:
    """Random whole numbers of 16 or 32 bits, four or two to a word, the lowest first."""
    size = math.prod(shape)
    words = random_words(-(-size * bits // 64), seed)
    return words.astype("<u8", copy=False).view(f"<u{bits // 8}")[:size].reshape(shape)


@functools.cache
def normal_quantiles() -> NDArray[np.float32]:
    """The 65,536 values, equally likely, of standard normal noise: quantiles, which end at 4.3."""
    lower = special.ndtri((np.arange(2**15) + 0.5) / 2**16)
    table = np.concatenate([lower, -lower[::-1]]).astype(np.float32)
    table.flags.writeable = False  # every caller gets this one
    return table


def normal(shape: tuple[int, ...], seed: Seed) -> NDArray[np.float32]:
    """Independent standard normal noise, the same for the same `seed`: an int >= 0, or several."""
    return np.asarray(normal_quantiles()[random_integers(shape, 16, seed)])


def add_noise(image: Array, std: float, seed: Seed, *, per_channel: bool, out: Array | None = None) -> Array:
    """Add independent normal noise of standard deviation `std`, as a fraction of full scale.

    On uint8 the noise is rounded to whole levels before it is added; what passes black or white is clipped.
    """
    shape = image.shape if per_channel else image.shape[:2]
    numbers = random_integers(shape, 16, seed)
    if not per_channel and image.ndim == 3:
        numbers = numbers[..., None]
    if image.dtype == np.uint8:
        # More than 255 levels up or down make no difference.
        levels = np.rint(np.clip(normal_quantiles() * np.float32(std * 255), -255, 255)).astype(np.int16)
        return _into(out, np.clip(image + levels[numbers], 0, 255).astype(np.uint8))
    return _into(out, np.clip(image + normal_quantiles()[numbers] * np.float32(std), 0, 1))


def chosen(shape: tuple[int, ...], share: float, seed: Seed) -> NDArray[np.bool_]:
    """True at a `share` of all places, each independent of the others."""
    return np.asarray(random_integers(shape, 32, seed) < chance(share))


def chance(share: float) -> int:
    """How many of the 2 ** 32 equally likely numbers of 32 bits are a `share` of them."""
    return round(share * 2**32)


def salt_and_pepper(image: Array, amount: float, salt: float, seed: Seed, out: Array | None = None) -> Array:
    """Set a share `amount` of the pixels, all channels alike, to white (a share `salt` of them) or black."""
    draws = random_integers(image.shape[:2], 32, seed)
    noisy = contiguous(image, out)
    noisy[draws < chance(amount)] = 0
    noisy[draws < chance(amount * salt)] = full_scale(image.dtype)
    return noisy


# --- tone, detail, noise and compression -------------------------------------------------------------------------------


def stretch(image: Array, cutoff: float, *, together: bool) -> Array:
    """Spread the values from the quantile `cutoff` to the quantile ``1 - cutoff`` over the whole range, per channel or
    all channels `together`; what has one value stays.
    """
    axes = None if together else (0, 1)
    scale = full_scale(image.dtype)
    low, high = np.quantile(image.astype(np.float64), [cutoff, 1 - cutoff], axis=axes)
    return spread(image, low, high, scale, image.dtype)


def spread(values: Array, low: Any, high: Any, scale: float, dtype: Any) -> Array:
    """Values on a `scale` from `low` to `high` spread over all of it; where those are one, values stay."""
    flat = high - low <= _ONE_LEVEL * scale
    shares = (values - np.where(flat, 0, low)) / np.where(flat, scale, high - low)
    return rounded(np.clip(shares, 0, 1) * scale, dtype)


def match_quantiles(image: Array, quantiles: NDArray[np.float64], blend: float) -> Array:
    """Move each value the share `blend` of the way to the reference's value of the same rank (`quantiles`, in [0, 1],
    a row a channel, evenly spaced in rank; compare `skimage.exposure.match_histograms`).
    """
    scale = full_scale(image.dtype)
    planes = image.reshape(*image.shape[:2], -1)
    matched = []
    for index in range(planes.shape[2]):
        plane = planes[..., index].astype(np.float64)
        tones = np.round(plane / (_ONE_LEVEL * scale))
        _, where, counts = np.unique(tones, return_inverse=True, return_counts=True)
        target = matched_tones(counts, quantiles[index]) * scale
        matched.append(plane + blend * (target[where].reshape(plane.shape) - plane))
    return rounded(np.stack(matched, axis=-1).reshape(image.shape), image.dtype)


def matched_tones(counts: NDArray[Any], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """What `quantiles` have at the rank, in the middle of its equals, of each of the tones that `counts` counts."""
    rank = (np.cumsum(counts) - counts / 2) / counts.sum()
    return np.interp(rank, np.linspace(0, 1, len(quantiles)), quantiles)


def clahe(image: Array, clip_limit: float, tiles: int) -> Array:
    """Contrast-limited adaptive histogram equalisation on `tiles` x `tiles` regions (`skimage.exposure.equalize_adapthist`).

    An RGB image is equalised in the V of HSV: all three channels of a pixel are multiplied by the same number, which is
    what going to HSV and back comes to.
    """
    scale = full_scale(image.dtype)
    value = np.asarray(image if image.ndim == 2 else image.max(axis=2), dtype=np.float64)
    if np.ptp(value) <= _ONE_LEVEL * scale:  # one level has no contrast to spread
        return image
    tile, clip_limit = clahe_tile(value.shape, tiles), clahe_limit(clip_limit)
    equalized = exposure.equalize_adapthist(value / scale, kernel_size=tile, clip_limit=clip_limit, nbins=256)
    lighter = np.clip(equalized, 0, 1) * scale
    if image.ndim == 2 or image.shape[2] == 1:
        return rounded(lighter.reshape(image.shape), image.dtype)
    dark = value == 0
    gain = lighter / np.where(dark, 1, value)
    return rounded(np.where(dark[..., None], lighter[..., None], image * gain[..., None]), image.dtype)


def clahe_tile(shape: tuple[int, ...], tiles: int) -> tuple[int, ...]:
    """Height and width of a region, in pixels."""
    return tuple(max(side // tiles, 1) for side in shape[:2])


def clahe_limit(clip_limit: float) -> float:
    """The limit, no lower than makes sense: an even histogram of 256 levels needs 1 / 256, and scikit-image takes long to
    find what exceeds less.
    """
    return max(clip_limit, 0.004)


def box(image: Array, radius: float) -> Array:
    """Mean over a square that reaches `radius` pixels from the centre, a fraction of a pixel counting as one; border
    ``edge`` (`scipy.ndimage.correlate1d`).
    """
    whole = math.floor(radius)
    weights = np.ones(2 * whole + 3)
    weights[[0, -1]] = radius - whole
    blurred = image.astype(np.float64)
    for axis in (0, 1):
        blurred = ndimage.correlate1d(blurred, weights / weights.sum(), axis=axis, mode="nearest")
    return rounded(blurred, image.dtype)


def median(image: Array, radius: int) -> Array:
    """Median over a square of side ``2 * radius + 1``, border ``edge``; equals `scipy.ndimage.median_filter`.

    Whole shifted images are compared with each other, not pixel by pixel: of more than half of them the
    smallest and the largest cannot be the median, so both are dropped and the next image comes in.
    """
    side = 2 * radius + 1
    padded = np.pad(image, [(radius, radius)] * 2 + [(0, 0)] * (image.ndim - 2), mode="edge")
    height, width = image.shape[:2]
    waiting = [padded[top : top + height, left : left + width] for top in range(side) for left in range(side)]
    kept = [waiting.pop() for _ in range(side * side // 2 + 2)]
    while len(kept) > 1:
        for index in range(1, len(kept)):
            kept[0], kept[index] = np.minimum(kept[0], kept[index]), np.maximum(kept[0], kept[index])
        for index in range(1, len(kept) - 1):
            kept[-1], kept[index] = np.maximum(kept[-1], kept[index]), np.minimum(kept[-1], kept[index])
        kept = kept[1:-1] + ([waiting.pop()] if waiting else [])
    return np.ascontiguousarray(kept[0])


def correlate(image: Array, kernel: NDArray[np.float64]) -> Array:
    """Weighted sum of the neighbours, border ``edge`` (`scipy.ndimage.correlate`); floats are not clipped."""
    source = image.astype(np.float64)
    full = kernel.reshape(*kernel.shape, *(1,) * (image.ndim - 2))
    if np.count_nonzero(kernel) <= 100:
        return rounded(ndimage.correlate(source, full, mode="nearest"), image.dtype)
    # The same sum by Fourier transforms, whose cost does not grow with the kernel.
    from scipy import signal  # takes as long to import as all the rest

    padded = np.pad(source, [(side // 2, side // 2) for side in full.shape], mode="edge")
    return rounded(signal.fftconvolve(padded, np.flip(full), mode="valid", axes=(0, 1)), image.dtype)


def zoom_blur(image: Array, zoom: float) -> Array:
    """Mean of the image enlarged about its centre by factors from 1 to `zoom`, equally spaced in the logarithm.

    The mean of 2 ** k enlargements takes k steps: each averages what there is with itself, enlarged twice as far as in
    the step before.
    """
    shape = image.shape[:2]
    blurred = image.astype(np.float64)
    for matrix in zoom_blur_matrices(shape, zoom):
        blurred = (blurred + warp(blurred, matrix, shape, order=1, border="edge")) / 2
    return rounded(blurred, image.dtype)


def zoom_blur_matrices(shape: Shape, zoom: float) -> list[Map]:
    """The enlargement of each step of `zoom_blur`."""
    height, width = shape
    farthest = (zoom - 1) * max(height, width) / 2
    steps = max(math.ceil(math.log2(farthest + 1)), 0) + 1
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    shrinks = [zoom ** -(2.0**step / (2**steps - 1)) for step in range(steps)]
    return [
        np.array([[shrink, 0, centre_x * (1 - shrink)], [0, shrink, centre_y * (1 - shrink)], [0, 0, 1]])
        for shrink in shrinks
    ]


def denoise(image: Array, weight: float) -> Array:
    """Total-variation denoising (`skimage.restoration.denoise_tv_chambolle`), colours together."""
    scale = full_scale(image.dtype)
    axis = 2 if image.ndim == 3 else None
    unit = image.astype(np.float64) / scale
    smooth = restoration.denoise_tv_chambolle(unit, weight=weight, eps=2e-4, max_num_iter=100, channel_axis=axis)
    return rounded(np.clip(smooth, 0, 1) * scale, image.dtype)


def superpixels(image: Array, segments: int) -> NDArray[np.intp]:
    """The number (H, W), from 0, of the superpixel of each pixel (`skimage.segmentation.slic`, in CIE Lab)."""
    unit = np.atleast_3d(image).astype(np.float64) / full_scale(image.dtype)
    # A gray image becomes RGB, because compactness is on the scale of Lab.
    rgb = np.broadcast_to(unit, (*unit.shape[:2], 3))
    labels = segmentation.slic(rgb, n_segments=segments, compactness=10, start_label=0, channel_axis=2)
    return np.asarray(labels, dtype=np.intp)


def shot_noise(image: Array, photons: float, seed: int) -> Array:
    """Poisson noise of a sensor that counts `photons` at white, on average, and independently at every value."""
    scale = full_scale(image.dtype)
    counts = np.random.default_rng(seed).poisson(image.astype(np.float64) * (photons / scale))
    return rounded(np.clip(counts * (scale / photons), 0, scale), image.dtype)


def jpeg(image: Array, quality: int, subsampling: str) -> Array:
    """The image after JPEG (Pillow); floats pass through 8 bits."""
    levels = np.rint(image * (255 / full_scale(image.dtype))).astype(np.uint8)
    stream = io.BytesIO()
    pixels = levels[..., 0] if levels.shape[2:] == (1,) else levels
    Image.fromarray(pixels).save(stream, format="JPEG", quality=quality, subsampling=subsampling)
    decoded = np.asarray(Image.open(stream)).reshape(image.shape)
    return decoded if image.dtype == np.uint8 else np.asarray(decoded / 255, dtype=image.dtype)

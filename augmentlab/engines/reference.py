"""The reference engine: scikit-image, SciPy and NumPy, plain and obviously right. It defines every result.

Every function takes and returns arrays of one dtype: ``uint8``, or float32/float64 in [0, 1]. uint8 results are rounded
half to even from float arithmetic.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import color, exposure, filters, transform

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


def warp(array: Array, matrix: Map, shape: Shape, *, order: int, border: str, fill: float = 0.0) -> Array:
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
        return _nearest(array, look_up(matrix, pixel_grid(shape)), border, fill)
    source = array.astype(np.float64, copy=not array.flags.writeable)  # scikit-image's warp refuses read-only memory
    warped = transform.warp(
        source,
        inverse_map=matrix,
        output_shape=None if shape == array.shape[:2] else shape,  # checking it takes longer than moving a thumbnail
        order=1,
        mode=border,
        cval=fill * full_scale(array.dtype),
        clip=False,
        preserve_range=True,
    )
    return rounded(warped, array.dtype)


def remap(array: Array, positions: Map, *, order: int, border: str, fill: float = 0.0) -> Array:
    """As `warp`, with the positions (H, W, 2) of (x, y) given for each pixel (`scipy.ndimage.map_coordinates`)."""
    if order == 0:
        return _nearest(array, positions, border, fill)
    coordinates = np.stack([positions[..., 1], positions[..., 0]])
    planes = array.reshape(*array.shape[:2], -1)
    moved = [
        ndimage.map_coordinates(
            planes[..., index].astype(np.float64),
            coordinates,
            order=1,
            mode=_NDIMAGE_MODE[border],
            cval=fill * full_scale(array.dtype),
        )
        for index in range(planes.shape[2])
    ]
    return rounded(np.stack(moved, axis=-1).reshape(*positions.shape[:2], *array.shape[2:]), array.dtype)


def _nearest(array: Array, positions: Map, border: str, fill: float) -> Array:
    # A position half-way between two pixels takes the right or lower one; the nudge keeps 2.4999999 from deciding.
    index = np.floor(np.clip(positions, -1e9, 1e9) + 0.5 + 1e-9).astype(np.int64)
    x, inside_x = _border_index(index[..., 0], array.shape[1], border)
    y, inside_y = _border_index(index[..., 1], array.shape[0], border)
    taken = array[y, x]
    if border == "constant":
        outside = ~(inside_x & inside_y)
        value = fill * full_scale(array.dtype) if array.dtype != bool else False
        taken[outside] = np.asarray(value).astype(array.dtype)
    return np.asarray(taken)


def _border_index(index: NDArray[np.int64], size: int, border: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    inside = (index >= 0) & (index < size)
    if border in {"constant", "edge"} or size == 1:
        return np.clip(index, 0, size - 1), inside
    if border == "wrap":
        return index % size, inside
    period = 2 * size - 2 if border == "reflect" else 2 * size
    folded = index % period
    mirrored = period - folded if border == "reflect" else period - 1 - folded
    return np.where(folded < size, folded, mirrored), inside


def lookup(image: Array, table: NDArray[np.uint8]) -> Array:
    """Replace each level of a uint8 image (H, W) or (H, W, C) by its entry of a table (256, C)."""
    if table.shape[1] == 1 or (table == table[:, :1]).all():
        return np.asarray(np.take(table[:, 0], image))
    return np.stack([table[image[..., channel], channel] for channel in range(table.shape[1])], axis=-1)


def resize(array: Array, shape: Shape, *, method: str = "linear") -> Array:
    """Resize to `shape` (H, W): ``linear`` (`skimage.transform.resize`, Gaussian anti-aliasing where it shrinks) or
    ``area`` (`skimage.transform.resize_local_mean`).
    """
    full = (*shape, *array.shape[2:])
    source = array.astype(np.float64, copy=False)
    if method == "area":
        # channel_axis and a plain 2-D array must agree: a grayscale image has no channel axis.
        axis = 2 if array.ndim == 3 else None
        return rounded(transform.resize_local_mean(source, shape, channel_axis=axis, preserve_range=True), array.dtype)
    shrinks = shape[0] < array.shape[0] or shape[1] < array.shape[1]
    resized = transform.resize(
        source, full, order=1, mode="edge", anti_aliasing=shrinks, clip=True, preserve_range=True
    )
    return rounded(resized, array.dtype)


def gaussian(image: Array, sigma: float) -> Array:
    """Gaussian blur with `sigma` in pixels (`skimage.filters.gaussian`, border ``edge``)."""
    axis = 2 if image.ndim == 3 else None
    source = image.astype(np.float64, copy=False)
    return rounded(
        filters.gaussian(source, sigma=sigma, mode="nearest", truncate=4.0, channel_axis=axis, preserve_range=True),
        image.dtype,
    )


def hue_saturation(image: Array, hue: float, saturation: float) -> Array:
    """Turn the hue by `hue` in turns and multiply the saturation, in HSV (`skimage.color.rgb2hsv`); RGB only."""
    scale = full_scale(image.dtype)
    hsv = color.rgb2hsv(image.astype(np.float64) / scale, channel_axis=2)
    hsv[..., 0] = (hsv[..., 0] + hue) % 1.0
    hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 1)
    return rounded(color.hsv2rgb(hsv, channel_axis=2) * scale, image.dtype)


def gray(image: Array, weights: str) -> Array:
    """The weighted sum (H, W) of an RGB image; `weights` names an entry of GRAY_WEIGHTS."""
    return rounded(image.astype(np.float64) @ np.asarray(GRAY_WEIGHTS[weights]), image.dtype)


def equalize(image: Array) -> Array:
    """Histogram equalisation of each channel (`skimage.exposure.equalize_hist`, 256 bins)."""
    planes = image.reshape(*image.shape[:2], -1)
    scale = full_scale(image.dtype)
    flattened = [_equalize_plane(planes[..., index], scale) for index in range(planes.shape[2])]
    return rounded(np.stack(flattened, axis=-1).reshape(image.shape) * scale, image.dtype)


def _equalize_plane(plane: Array, scale: float) -> NDArray[np.float64]:
    if plane.min() == plane.max():  # one level has no contrast to spread
        return np.asarray(plane / scale, dtype=np.float64)
    return np.asarray(exposure.equalize_hist(plane, nbins=256))


def add_noise(image: Array, std: float, seed: int, *, per_channel: bool) -> Array:
    """Add independent normal noise of standard deviation `std`, as a fraction of full scale."""
    rng = np.random.default_rng(seed)
    shape = image.shape if per_channel else image.shape[:2]
    noise = rng.standard_normal(shape, dtype=np.float32)
    if not per_channel and image.ndim == 3:
        noise = noise[..., None]
    scale = full_scale(image.dtype)
    return rounded(np.clip(image + noise * np.float32(std * scale), 0, scale), image.dtype)


def salt_and_pepper(image: Array, amount: float, salt: float, seed: int) -> Array:
    """Set a share `amount` of the pixels, all channels alike, to white (a share `salt` of them) or black."""
    draws = np.random.default_rng(seed).random(image.shape[:2], dtype=np.float32)
    noisy = image.copy()
    noisy[draws < amount] = 0
    noisy[draws < amount * salt] = full_scale(image.dtype)
    return noisy

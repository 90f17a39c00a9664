"""Images become pictures for a screen: thumbnails, overlays, differences and montages, each one RGB array.

Pure functions on NumPy arrays; Pillow does the resizing, the lines and the encoding.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from augmentlab.sample import Sample

RGB = NDArray[np.uint8]

# Okabe and Ito's palette: told apart by colour-blind readers; orange and blue first, since they differ most.
PALETTE = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178)],
    dtype=np.uint8,
)


def to_rgb(image: NDArray[np.generic]) -> tuple[RGB, str]:
    """RGB levels as a screen shows them, and a note where they are not the stored values.

    Parameters
    ----------
    image : ndarray, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        uint8, bool, or float. Floats in [0, 1] are shown as they are; others (a standardised image) are stretched from
        their smallest and largest value, and the note says so. RGBA is laid over a checkerboard.

    Returns
    -------
    tuple of (ndarray of uint8, shape (H, W, 3), str)

    Raises
    ------
    ValueError
        The array is no image.

    Examples
    --------
    >>> to_rgb(np.full((2, 2), 0.5))[0][0, 0].tolist()
    [128, 128, 128]
    >>> to_rgb(np.array([[-1.0, 3.0]]))[1]
    'shown stretched from [-1, 3]'
    """
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., np.newaxis]
    if image.ndim != 3 or image.shape[-1] not in {1, 3, 4} or 0 in image.shape:
        raise ValueError(f"image must have shape (H, W) or (H, W, C) with C in 1, 3, 4; got {np.shape(image)}")
    levels, note = _levels(image)
    if levels.shape[-1] == 4:
        return _over_checkerboard(levels), note
    return np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3))), note


def _levels(image: NDArray[np.generic]) -> tuple[RGB, str]:
    if image.dtype == np.uint8:
        return image.astype(np.uint8, copy=False), ""
    values = image.astype(np.float64)
    note = ""
    half_level = 0.5 / 255
    low, high = float(values.min()), float(values.max())
    if image.dtype.kind != "b" and (low < -half_level or high > 1 + half_level):
        values = (values - low) / ((high - low) or 1.0)
        note = f"shown stretched from [{low:.3g}, {high:.3g}]"
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8), note


def _over_checkerboard(rgba: RGB, square: int = 8) -> RGB:
    rows, columns = np.indices(rgba.shape[:2]) // square
    board = np.where((rows + columns) % 2, 255, 204)[..., np.newaxis]
    alpha = rgba[..., 3:] / 255.0
    return np.rint(alpha * rgba[..., :3] + (1 - alpha) * board).astype(np.uint8)


def resized(image: NDArray[np.generic], height: int, width: int, resample: Image.Resampling) -> NDArray[np.generic]:
    """An array resized by Pillow, in its dtype and the range of its values."""
    if image.dtype == np.uint8 and (image.ndim == 2 or image.shape[-1] in {3, 4}):
        return np.asarray(Image.fromarray(image).resize((width, height), resample))
    planes = image.reshape(*image.shape[:2], -1).astype(np.float32)
    made = np.stack(
        [np.asarray(Image.fromarray(plane).resize((width, height), resample)) for plane in np.moveaxis(planes, -1, 0)],
        axis=-1,
    ).reshape(height, width, *image.shape[2:])
    made = np.clip(made, planes.min(), planes.max())
    return made.astype(image.dtype) if image.dtype.kind == "f" else np.rint(made).astype(image.dtype)


def thumbnail(image: NDArray[np.generic] | Sample, size: int = 128) -> NDArray[np.generic] | Sample:
    """Shrink an image so that its longer side is `size`, antialiased; a smaller one is returned as it is.

    Parameters
    ----------
    image : ndarray or Sample
        An image array, or a Sample, whose mask (nearest neighbour), boxes and keypoints shrink with it.
    size : int
        The longer side of the result in px.

    Returns
    -------
    ndarray or Sample
        Of the same kind and dtype, aspect kept to within a pixel.

    Examples
    --------
    >>> thumbnail(np.zeros((300, 600, 3), np.uint8), 128).shape
    (64, 128, 3)
    """
    array = image.image if isinstance(image, Sample) else image
    longest = max(array.shape[:2])
    if longest <= size:
        return image
    height, width = (max(1, round(side * size / longest)) for side in array.shape[:2])
    small = resized(array, height, width, Image.Resampling.BICUBIC)
    if not isinstance(image, Sample):
        return small
    factors = np.array([width / array.shape[1], height / array.shape[0]])
    rows = np.minimum(((np.arange(height) + 0.5) / factors[1]).astype(int), array.shape[0] - 1)
    columns = np.minimum(((np.arange(width) + 0.5) / factors[0]).astype(int), array.shape[1] - 1)
    return replace(
        image,
        image=small,
        mask=None if image.mask is None else np.asarray(image.mask)[np.ix_(rows, columns)],
        heatmap=None if image.heatmap is None else np.asarray(image.heatmap)[np.ix_(rows, columns)],
        boxes=None if image.boxes is None else np.asarray(image.boxes) * np.tile(factors, 2),
        keypoints=None if image.keypoints is None else (np.asarray(image.keypoints) + 0.5) * factors - 0.5,
    )


def overlay(picture: RGB, sample: Sample) -> RGB:
    """A picture with the mask tinted and outlined, the boxes and the keypoints of its sample drawn on it.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
        The sample's image as shown, at any scale.
    sample : Sample
        Mask labels above 0, boxes and keypoints take the colours of `PALETTE` in turn.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    height, width = picture.shape[:2]
    factors = np.array([width / sample.image.shape[1], height / sample.image.shape[0]])
    if sample.mask is not None:
        picture = _tinted(picture, np.asarray(sample.mask), factors)
    if not _has(sample.boxes) and not _has(sample.keypoints):
        return picture
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    if _has(sample.boxes):
        for index, box in enumerate(np.asarray(sample.boxes, dtype=float) * np.tile(factors, 2)):
            # A box lies on pixel borders, a line on pixels: the last pixel inside is one less than the border.
            left, top = np.floor(box[:2])
            right, bottom = np.maximum(np.ceil(box[2:]) - 1, (left, top))
            pen.rectangle((left, top, right, bottom), outline=_colour(index), width=2)
    if _has(sample.keypoints):
        for x, y in (np.asarray(sample.keypoints, dtype=float) + 0.5) * factors - 0.5:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(255, 255, 255), outline=(0, 0, 0))
            pen.ellipse((x - 1, y - 1, x + 1, y + 1), fill=(213, 94, 0))
    return np.asarray(canvas)


def _has(points: NDArray[np.generic] | None) -> bool:
    return points is not None and len(points) > 0


def _colour(index: int) -> tuple[int, int, int]:
    red, green, blue = PALETTE[index % len(PALETTE)].tolist()
    return red, green, blue


def _tinted(picture: RGB, mask: NDArray[np.generic], factors: NDArray[np.float64]) -> RGB:
    height, width = picture.shape[:2]
    rows = np.minimum(((np.arange(height) + 0.5) / factors[1]).astype(int), mask.shape[0] - 1)
    columns = np.minimum(((np.arange(width) + 0.5) / factors[0]).astype(int), mask.shape[1] - 1)
    labels = mask.reshape(*mask.shape[:2], -1)[..., 0][np.ix_(rows, columns)].astype(int)
    inside = labels > 0
    framed = np.pad(labels, 1, mode="edge")
    neighbours = (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:])
    outline = inside & np.logical_or.reduce([labels != neighbour for neighbour in neighbours])
    colours = PALETTE[(labels - 1) % len(PALETTE)]
    opacity = np.where(outline, 1.0, np.where(inside, 0.35, 0.0))[..., np.newaxis]
    return np.rint(opacity * colours + (1 - opacity) * picture).astype(np.uint8)


def difference(a: NDArray[np.generic], b: NDArray[np.generic], gain: float = 1.0) -> RGB:
    """``min(255, gain |a - b|)`` of two pictures as they are shown.

    Parameters
    ----------
    a, b : ndarray
        Images as `to_rgb` takes them, of one height and width.
    gain : float
        Factor that makes small differences visible.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Raises
    ------
    ValueError
        The heights or widths differ.

    Examples
    --------
    >>> difference(np.zeros((1, 1), np.uint8), np.full((1, 1), 10, np.uint8), gain=3)[0, 0].tolist()
    [30, 30, 30]
    """
    if np.shape(a)[:2] != np.shape(b)[:2]:
        raise ValueError(
            f"difference needs images of one height and width; got {np.shape(a)[:2]} and {np.shape(b)[:2]}"
        )
    first, second = (to_rgb(image)[0].astype(float) for image in (a, b))
    return np.rint(np.minimum(255, gain * np.abs(first - second))).astype(np.uint8)


def histogram(image: NDArray[np.generic], bins: int = 64) -> NDArray[np.float64]:
    """How often each level is seen, as shares of the pixels.

    Parameters
    ----------
    image : ndarray
        An image as `to_rgb` takes it; the levels are those of the picture that is shown, 0 to 255.
    bins : int
        Intervals of equal width.

    Returns
    -------
    ndarray of float64, shape (3, bins) or (1, bins)
        A row for red, green and blue; one row for a picture without colour. Each sums to 1.

    Examples
    --------
    >>> histogram(np.array([[0, 255], [255, 255]], np.uint8), bins=2).tolist()
    [[0.25, 0.75]]
    """
    picture = to_rgb(image)[0].reshape(-1, 3)
    channels = picture.T if np.ptp(picture, axis=1).any() else picture.T[:1]
    counted = [np.histogram(one, bins, range=(0, 256))[0] for one in channels]
    return np.array(counted) / len(picture)


def layout(
    shapes: Sequence[tuple[int, ...]], columns: int, gap: int = 4
) -> tuple[tuple[int, int], list[tuple[int, int, int, int]]]:
    """Where tiles lie in a montage: each centred in a cell as high and wide as the largest tile.

    Parameters
    ----------
    shapes : sequence of tuple
        ``(height, width, ...)`` of each tile.
    columns : int
        Tiles in a row.
    gap : int
        Pixels between two cells.

    Returns
    -------
    tuple of ((height, width), list of (x, y, width, height))
        The montage's size and each tile's place in it.

    Examples
    --------
    >>> layout([(10, 10), (10, 4)], columns=2, gap=2)
    ((10, 22), [(0, 0, 10, 10), (15, 0, 4, 10)])
    """
    if not shapes:
        raise ValueError("a montage needs at least one tile; got none")
    if columns < 1:
        raise ValueError(f"columns must be 1 or more; got {columns}")
    columns = min(columns, len(shapes))
    rows = math.ceil(len(shapes) / columns)
    high, wide = max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)
    places = []
    for index, (height, width, *_) in enumerate(shapes):
        row, column = divmod(index, columns)
        x = column * (wide + gap) + (wide - width) // 2
        y = row * (high + gap) + (high - height) // 2
        places.append((x, y, width, height))
    return (rows * (high + gap) - gap, columns * (wide + gap) - gap), places


def montage(tiles: Sequence[NDArray[np.generic]], columns: int, *, gap: int = 4, background: int = 255) -> RGB:
    """Tiles side by side in one RGB array, row by row.

    Parameters
    ----------
    tiles : sequence of ndarray
        Images as `to_rgb` takes them; where their sizes differ, each is centred in a cell of the largest.
    columns : int
        Tiles in a row.
    gap : int
        Pixels between two cells.
    background : int
        Gray level between and around the tiles.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    ValueError
        No tile, or no column.

    Examples
    --------
    >>> montage([np.zeros((10, 10), np.uint8)] * 3, columns=2, gap=2).shape
    (22, 22, 3)
    """
    pictures = [to_rgb(tile)[0] for tile in tiles]
    size, places = layout([picture.shape for picture in pictures], columns, gap)
    canvas = np.full((*size, 3), background, dtype=np.uint8)
    for picture, (x, y, width, height) in zip(pictures, places, strict=True):
        canvas[y : y + height, x : x + width] = picture
    return canvas


def fitted(picture: RGB, size: int, like: tuple[int, ...]) -> RGB:
    """A picture scaled by the factor that suits an image of shape `like`, so that crops look smaller; never beyond `size`."""
    longest = max(like[:2])
    factor = size // longest if longest <= size else size / longest
    factor = min(factor, size / max(picture.shape[:2]))
    if factor == 1:
        return picture
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    resample = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BICUBIC
    return np.asarray(resized(picture, height, width, resample), dtype=np.uint8)


def encode(array: NDArray[np.generic], format: str = "jpeg", quality: int = 88) -> bytes:
    """An image file's bytes: JPEG with full colour resolution, or lossless PNG.

    Parameters
    ----------
    array : ndarray
        An image as `to_rgb` takes it.
    format : {"jpeg", "png"}
        PNG is written with the quickest compression.
    quality : int
        JPEG quality, 1 to 95.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        Another format.

    Examples
    --------
    >>> encode(np.zeros((8, 8, 3), np.uint8), "png")[1:4]
    b'PNG'
    """
    picture = Image.fromarray(to_rgb(array)[0])
    buffer = io.BytesIO()
    if format == "jpeg":
        # Without subsampling the thin coloured lines of masks and boxes stay crisp.
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    elif format == "png":
        picture.save(buffer, "PNG", compress_level=1)
    else:
        raise ValueError(f"format must be 'jpeg' or 'png'; got {format!r}")
    return buffer.getvalue()

"""Draws become one picture: tiles, overlays, differences and montages, each one RGB array.

Pure functions on NumPy arrays; Pillow does the resizing, the lines and the encoding. What a notebook widget or a
figure shows is what these functions return.
"""

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from augmentlab.compose import Compose
from augmentlab.sample import Sample
from augmentlab.transform import Transform

RGB = NDArray[np.uint8]

# Okabe and Ito's palette: told apart by colour-blind readers; orange and blue first, since they differ most.
PALETTE = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178)],
    dtype=np.uint8,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """One tile of a grid: what it shows and which draw it is.

    Attributes
    ----------
    row : int
        Index of the image.
    column : int
        0 for the original, k for the k-th draw.
    image : ndarray of uint8, shape (height, width, 3)
        The picture, ready for the screen.
    drawn : Transform or None
        The pipeline with its drawn numbers; None for the original.
    note : str
        What has to be said about the display, such as a stretched range; often empty.
    """

    row: int
    column: int
    image: RGB
    drawn: Transform | None
    note: str = ""


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


def _resized(image: NDArray[np.generic], height: int, width: int, resample: Image.Resampling) -> NDArray[np.generic]:
    """Resize with Pillow, keeping dtype and the range of the values."""
    if image.dtype == np.uint8 and (image.ndim == 2 or image.shape[-1] in {3, 4}):
        return np.asarray(Image.fromarray(image).resize((width, height), resample))
    planes = image.reshape(*image.shape[:2], -1).astype(np.float32)
    resized = np.stack(
        [np.asarray(Image.fromarray(plane).resize((width, height), resample)) for plane in np.moveaxis(planes, -1, 0)],
        axis=-1,
    ).reshape(height, width, *image.shape[2:])
    resized = np.clip(resized, planes.min(), planes.max())
    return resized.astype(image.dtype) if image.dtype.kind == "f" else np.rint(resized).astype(image.dtype)


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
    small = _resized(array, height, width, Image.Resampling.BICUBIC)
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


def tiles(
    pipeline: Transform,
    images: NDArray[np.generic] | Sample | Sequence[NDArray[np.generic] | Sample],
    seed: int = 0,
    *,
    draws: int = 5,
    size: int = 128,
    overlays: bool = True,
    gain: float = 0.0,
) -> Iterator[Tile]:
    """Each image and its draws, one tile after the other; a caller may stop between two.

    Draw k of image i is the one of ``rng=(seed, i, k)``, so a new seed is a new set of draws, and a tile can be made again
    from its ``drawn`` alone.

    Parameters
    ----------
    pipeline : Transform
        Any transform; usually a Compose.
    images : ndarray, Sample, or sequence of these
        Drawn on at the resolution they come in.
    seed : int
        Seed of all draws, 0 or more.
    draws : int
        Draws of each image.
    size : int
        The longer side of a tile in px: larger pictures are shrunk, smaller ones enlarged by a whole factor.
    overlays : bool
        Draw masks, boxes and keypoints of Samples on the tiles.
    gain : float
        Above 0, a draw's tile shows `difference` to its original with this gain, without overlays.

    Yields
    ------
    Tile
        Column 0 is the original, without a draw.
    """
    for row, original in enumerate(_listed(images)):
        array = original.image if isinstance(original, Sample) else np.asarray(original)
        shown = to_rgb(array)[0]
        for column in range(draws + 1):
            drawn = None
            result = original
            if column:
                drawn = pipeline.sample(np.random.default_rng((seed, row, column))) or Compose(())
                result = drawn.apply(original)
            picture, note = to_rgb(result.image if isinstance(result, Sample) else result)
            if column and gain > 0:
                height, width = picture.shape[:2]
                fitted = (
                    shown if picture.shape == shown.shape else _resized(shown, height, width, Image.Resampling.BICUBIC)
                )
                picture, note = difference(fitted, picture, gain), f"difference to the original, {gain:g} times"
            picture = _enlarged_or_shrunk(picture, size, like=shown)
            if overlays and isinstance(result, Sample) and not (column and gain > 0):
                picture = overlay(picture, result)
            yield Tile(row=row, column=column, image=picture, drawn=drawn, note=note)


def _listed(
    images: NDArray[np.generic] | Sample | Sequence[NDArray[np.generic] | Sample],
) -> Sequence[NDArray[np.generic] | Sample]:
    if isinstance(images, Sample):
        return [images]
    if isinstance(images, np.ndarray):
        return [images] if images.ndim < 4 else list(images)
    return images


def _enlarged_or_shrunk(picture: RGB, size: int, like: RGB) -> RGB:
    """Scale by the factor that suits the original, so that crops look smaller; never beyond `size`."""
    longest = max(like.shape[:2])
    factor = size // longest if longest <= size else size / longest
    factor = min(factor, size / max(picture.shape[:2]))
    if factor == 1:
        return picture
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    resample = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BICUBIC
    return np.asarray(_resized(picture, height, width, resample), dtype=np.uint8)


def columns_for(images: int, draws: int) -> int:
    """Tiles in a row: several images get one row each; the tiles of one image wrap into a compact block.

    Examples
    --------
    >>> columns_for(3, draws=5), columns_for(1, draws=7), columns_for(1, draws=9)
    (6, 4, 5)
    """
    total = draws + 1
    if images > 1 or total <= 4:
        return total
    return min((4, 5, 3, 6), key=lambda columns: -total % columns)


def grid(
    pipeline: Transform,
    images: NDArray[np.generic] | Sample | Sequence[NDArray[np.generic] | Sample],
    seed: int = 0,
    *,
    draws: int = 5,
    columns: int | None = None,
    size: int = 128,
    gap: int = 4,
    overlays: bool = True,
    gain: float = 0.0,
) -> tuple[RGB, tuple[Tile, ...]]:
    """Originals and draws in one picture, and the record of every draw.

    Parameters
    ----------
    pipeline, images, seed, draws, size, overlays, gain
        As in `tiles`.
    columns : int, optional
        Tiles in a row; by default one row for each image, or a compact block for a single image.
    gap : int
        Pixels between two tiles.

    Returns
    -------
    tuple of (ndarray of uint8, shape (height, width, 3), tuple of Tile)

    Examples
    --------
    >>> from augmentlab import Rotate, uniform
    >>> array, records = grid(Rotate(angle=uniform(-30, 30)), np.zeros((64, 64, 3), np.uint8), draws=3)
    >>> array.shape, records[0].drawn, records[1].drawn is None
    ((128, 524, 3), None, False)
    """
    records = tuple(tiles(pipeline, images, seed, draws=draws, size=size, overlays=overlays, gain=gain))
    columns = columns or columns_for(len(_listed(images)), draws)
    return montage([tile.image for tile in records], columns, gap=gap), records


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

"""Draws become tiles: originals beside what a pipeline made of them, or one transform swept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augmentlab import measures
from augmentlab.compose import Compose
from augmentlab.params import Parameter
from augmentlab.render.pictures import RGB, difference, fitted, montage, overlay, resized, to_rgb
from augmentlab.sample import Sample
from augmentlab.transform import Transform, parameter_named

Picture = NDArray[np.generic] | Sample  # what is drawn on


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """One tile of a grid: what it shows and which draw it is.

    Attributes
    ----------
    row, column : int
        Where it stands; what each means is for the function to say that made it.
    image : ndarray of uint8, shape (height, width, 3)
        The picture, ready for the screen.
    drawn : Transform or None
        The pipeline with its drawn numbers; None for an original.
    source : int
        Index of the image that was drawn on.
    original, result : ndarray or Sample
        Before and after, at the resolution of the draw; one object where the tile is an original.
    label : str
        What the tile is called, such as ``12 deg`` in a sweep; often empty.
    note : str
        What has to be said about the display, such as a stretched range; often empty.
    """

    row: int
    column: int
    image: RGB
    drawn: Transform | None
    source: int
    original: Picture
    result: Picture
    label: str = ""
    note: str = ""

    def strength(self) -> measures.Strength | None:
        """`augmentlab.strength` of the draw; None where there are no two images of one shape in [0, 1] to compare."""
        before, after = _array(self.original), _array(self.result)
        if self.drawn is None or before.shape != after.shape or before.dtype != after.dtype:
            return None
        try:
            return measures.strength(before, after)
        except ValueError:  # such as a standardised image
            return None


@dataclass(frozen=True, kw_only=True)
class _Look:
    """How a tile is shown: see `tiles`."""

    size: int
    overlays: bool
    gain: float

    def tile(
        self, row: int, column: int, source: int, original: Picture, drawn: Transform | None, label: str = ""
    ) -> Tile:
        result = original if drawn is None else drawn.apply(original)
        picture, note = to_rgb(_array(result))
        compared = drawn is not None and self.gain > 0
        if compared:
            before, (height, width) = to_rgb(_array(original))[0], picture.shape[:2]
            if before.shape != picture.shape:
                before = np.asarray(resized(before, height, width, Image.Resampling.BICUBIC), dtype=np.uint8)
            picture, note = difference(before, picture, self.gain), f"difference to the original, {self.gain:g} times"
        picture = fitted(picture, self.size, like=_array(original).shape)
        if self.overlays and isinstance(result, Sample) and not compared:
            picture = overlay(picture, result)
        return Tile(
            row=row,
            column=column,
            image=picture,
            drawn=drawn,
            source=source,
            original=original,
            result=result,
            label=label,
            note=note,
        )


def _array(picture: Picture) -> NDArray[np.generic]:
    return picture.image if isinstance(picture, Sample) else np.asarray(picture)


def tiles(
    pipeline: Transform,
    images: Picture | Sequence[Picture],
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
        Row i is image i; column 0 is the original, column k its k-th draw.
    """
    look = _Look(size=size, overlays=overlays, gain=gain)
    for row, original in enumerate(_listed(images)):
        yield look.tile(row, 0, row, original, None)
        for column in range(1, draws + 1):
            drawn = pipeline.sample(np.random.default_rng((seed, row, column))) or Compose(())
            yield look.tile(row, column, row, original, drawn)


def closer(tile: Tile, original: Picture, *, size: int, overlays: bool = True, gain: float = 0.0) -> RGB:
    """A tile's picture made once more, larger, of the same image at a higher resolution.

    Parameters
    ----------
    tile : Tile
        As `tiles` and `sweep` make them.
    original : ndarray or Sample
        The image of which the tile's `original` is a thumbnail.
    size, overlays, gain
        As in `tiles`.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Examples
    --------
    >>> from augmentlab import HorizontalFlip
    >>> (_, flipped) = tiles(HorizontalFlip(), np.zeros((8, 8), np.uint8), draws=1, size=8)
    >>> closer(flipped, np.zeros((64, 64), np.uint8), size=64).shape
    (64, 64, 3)
    """
    return _Look(size=size, overlays=overlays, gain=gain).tile(0, 0, tile.source, original, tile.drawn).image


def sweep(
    transform: Transform,
    images: Picture | Sequence[Picture],
    x: str,
    y: str | None = None,
    seed: int = 0,
    *,
    count: int = 5,
    rows: int = 5,
    size: int = 128,
    overlays: bool = True,
    gain: float = 0.0,
) -> Iterator[Tile]:
    """One transform with one or two of its parameters swept over their typical ranges.

    What else is random in it is drawn once an image, so that a row differs by the swept parameter alone.

    Parameters
    ----------
    transform : Transform
        The other parameters stay as they are here; it is always applied.
    images : ndarray, Sample, or sequence of these
        As in `tiles`.
    x, y : str
        Parameters across and, optionally, down.
    seed : int
        Of what is drawn once.
    count, rows : int
        How many values of `x`, and of `y`: see `spread`.
    size, overlays, gain
        As in `tiles`.

    Yields
    ------
    Tile
        A row for each image, or for each image and value of `y`; column 0 is the original, the others the values of `x`,
        which ``label`` names.
    """
    across = parameter_named(transform, x)
    down = None if y is None else parameter_named(transform, y)
    lines = [{}] if down is None else [{down.name: value} for value in spread(down, rows)]
    look = _Look(size=size, overlays=overlays, gain=gain)
    row = 0
    for source, original in enumerate(_listed(images)):
        for line in lines:
            label = "" if down is None else f"{down.name} {text_of(down, line[down.name])}"
            yield look.tile(row, 0, source, original, None, label)
            for column, value in enumerate(spread(across, count), start=1):
                drawn = draw_all(transform, line | {across.name: value}, (seed, source))
                yield look.tile(row, column, source, original, drawn, text_of(across, value))
            row += 1


def draw_all(transform: Transform, fields: Mapping[str, Any], rng: Any) -> Transform:
    """A draw of `transform` with some fields set, and applied whatever its probability."""
    drawn = type(transform)(**vars(transform) | dict(fields) | {"p": 1.0}).sample(np.random.default_rng(rng))
    assert drawn is not None  # p is 1
    return drawn


def spread(parameter: Parameter, count: int) -> list[Any]:
    """Values over a parameter's typical range, evenly (by ratio where it is declared so); all of a choice.

    Examples
    --------
    >>> from augmentlab import Rotate
    >>> spread(parameter_named(Rotate, "angle"), 3)
    [-45.0, 0.0, 45.0]

    Raises
    ------
    ValueError
        No value is asked for, or the parameter has no typical range.
    """
    if count < 1:
        raise ValueError(f"values must be 1 or more; got {count}")
    if parameter.kind == "bool":
        return [False, True]
    if parameter.kind == "choice":
        return list(parameter.choices)
    if parameter.typical is None or parameter.kind == "floats":
        raise ValueError(f"{parameter.name} has no typical range to sweep; pass values=[...]")
    low, high = parameter.typical.low, parameter.typical.high
    between = np.geomspace(low, high, count) if parameter.typical.log else np.linspace(low, high, count)
    # Ends are kept exactly: rounding must not leave the bounds.
    inner = [float(f"{value:.3g}") for value in between[1:-1]]
    spaced = [low, *inner, high][:count]
    return sorted({round(value) for value in spaced}) if parameter.kind == "int" else [float(one) for one in spaced]


def text_of(parameter: Parameter, value: Any) -> str:
    """A value with its unit, for people: ``12.5 deg``."""
    number = f"{value:.3g}" if isinstance(value, float) else str(value)
    return number if parameter.unit in {"", "fraction"} else f"{number} {parameter.unit}"


def _listed(images: Picture | Sequence[Picture]) -> Sequence[Picture]:
    if isinstance(images, Sample):
        return [images]
    if isinstance(images, np.ndarray):
        return [images] if images.ndim < 4 else list(images)
    return images


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
    images: Picture | Sequence[Picture],
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

"""Figures of images: what a pipeline draws, what a parameter does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from augmentlab import render
from augmentlab.params import parameters
from augmentlab.pixels import Array
from augmentlab.plots.canvas import GRAY, Canvas
from augmentlab.sample import Sample
from augmentlab.transform import Transform, parameter_named

__all__ = ["grid", "sweep"]

_INCH = 1.25  # side of a tile
_MOST_ROWS = 50  # a figure with more axes takes minutes and shows nothing


def grid(
    pipeline: Transform,
    images: Array | Sample | Sequence[Array | Sample],
    seed: int = 0,
    *,
    draws: int = 5,
    overlays: bool = True,
) -> Figure:
    """Originals and draws: one row an image.

    Parameters
    ----------
    pipeline : Transform
        What is drawn; usually a Compose.
    images : array, Sample, or sequence of these
        Draw k of image i is the one of ``rng=(seed, i, k)``.
    seed : int
        Of all draws.
    draws : int
        Draws of each image.
    overlays : bool
        Whether masks, boxes and keypoints of Samples are drawn over.

    Examples
    --------
    >>> from augmentlab import Rotate
    >>> grid(Rotate.typical(), np.zeros((8, 8), np.uint8), draws=3).axes[1].get_title()
    'draw 1'
    """
    _check_transform(pipeline)
    count = 1 if isinstance(images, Sample) or (isinstance(images, np.ndarray) and images.ndim < 4) else len(images)
    if not 1 <= count <= _MOST_ROWS:
        raise ValueError(f"images must be 1 to {_MOST_ROWS} images, one row each; got {count}")
    tiles = list(render.tiles(pipeline, images, seed, draws=draws, size=256, overlays=overlays))
    titles = ["original", *(f"draw {k}" for k in range(1, draws + 1))]
    lines = [[tile.image for tile in tiles[at : at + draws + 1]] for at in range(0, len(tiles), draws + 1)]
    figure, axes = _tiled(lines)
    for tile in tiles:
        axis = axes[tile.row][tile.column]
        _show(axis, tile.image)
        if tile.row == 0:
            axis.set_title(titles[tile.column], fontsize=9, color=GRAY)
    return figure


def sweep(
    transform: Transform | type[Transform],
    image: Array | Sample,
    names: str | Sequence[str] | None = None,
    *,
    values: int | Sequence[Any] = 7,
    seed: int = 0,
) -> Figure:
    """What each parameter does: one row a parameter, its values across.

    Parameters
    ----------
    transform : Transform or class
        Other parameters stay as they are here; distributions are drawn once.
    image : array or Sample
        What is transformed.
    names : str or sequence of str, optional
        Parameters to sweep; without it, all that ``typical()`` draws.
    values : int or sequence
        How many values over the typical range, or, for one parameter, the values themselves.
    seed : int
        Of what is drawn once.

    Examples
    --------
    >>> from augmentlab import Rotate
    >>> [axis.get_title() for axis in sweep(Rotate, np.zeros((8, 8), np.uint8), "angle", values=3).axes]
    ['-45 deg', '0 deg', '45 deg']
    """
    start = transform() if isinstance(transform, type) else transform
    _check_transform(start)
    if names is None:
        swept = [one for one in parameters(start) if one.drawn]
        if not swept:
            raise ValueError(f"{type(start).__name__} has no parameter with a typical range to sweep")
    else:
        swept = [parameter_named(start, name) for name in ([names] if isinstance(names, str) else names)]
    if not isinstance(values, int) and len(swept) != 1:
        raise ValueError(f"values must be a number of values when {len(swept)} parameters are swept; got {values!r}")
    rows = [(one, render.spread(one, values) if isinstance(values, int) else list(values)) for one in swept]
    pictures = [[_swept(start, one.name, value, image, seed) for value in row] for one, row in rows]
    figure, axes = _tiled(pictures, titles=True)
    for line, (parameter, row), shown in zip(axes, rows, pictures, strict=True):
        line[0].set_ylabel(parameter.name, fontsize=10)
        for axis, value, picture in zip(line, row, shown, strict=False):
            _show(axis, picture)
            axis.set_title(render.text_of(parameter, value), fontsize=9, color=GRAY)
        for axis in line[len(row) :]:
            axis.set_visible(False)
    return figure


def _check_transform(transform: Any) -> None:
    if not isinstance(transform, Transform):
        raise TypeError(f"a Transform is needed; got {transform!r:.80}")


def _swept(start: Transform, name: str, value: Any, image: Array | Sample, seed: int) -> Array:
    result = render.draw_all(start, {name: value}, seed).apply(image)
    if not isinstance(result, Sample):
        return render.to_rgb(result)[0]
    return render.overlay(render.to_rgb(result.image)[0], result)


def _tiled(pictures: Sequence[Sequence[Array]], *, titles: bool = False) -> tuple[Figure, Any]:
    """A figure with one axis a picture; a row is as high as its highest picture."""
    columns = max(len(line) for line in pictures)
    heights = [max(min(picture.shape[0] / picture.shape[1], 3.0) for picture in line) for line in pictures]
    height = sum(heights) * _INCH + (0.25 * len(heights) if titles else 0.25)
    tight = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    figure = Canvas(figsize=(columns * _INCH + 0.4, height), layout=tight, dpi=160)
    return figure, figure.subplots(len(heights), columns, squeeze=False, height_ratios=heights)


def _show(axis: Any, picture: Array) -> None:
    axis.imshow(picture, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)

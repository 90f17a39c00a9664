"""Transforms that libraries have no name for but NumPy can do: whose few numbers are drawn once and written down."""

from typing import Any

import numpy as np

from augmentlab.engines.reference import zoom_blur_matrices
from augmentlab.interop import operations as ops
from augmentlab.interop.explicit import Image, Row, array
from augmentlab.interop.grades import ONE, RefusedError
from augmentlab.transforms import color

FUNCTIONS = {
    "matched": '''
def matched(image, quantiles, blend):
    """Each channel's values moved by the share `blend` toward the reference's of the same rank."""
    planes = image.reshape(*image.shape[:2], -1).copy()
    levels = np.arange(256)
    for channel, reference in enumerate(quantiles):
        plane = planes[..., channel]
        counts = np.bincount(plane.ravel(), minlength=256)
        rank = (np.cumsum(counts) - counts / 2) / plane.size
        there = np.interp(rank, np.linspace(0, 1, len(reference)), reference) * 255
        planes[..., channel] = rounded(levels + blend * (there - levels))[plane]
    return planes.reshape(image.shape)
''',
    "shifted": '''
def shifted(image, steps):
    """Shifted along the principal axes of its colours, by `steps` standard deviations along each."""
    colors = (image.reshape(-1, 3) / np.float32(255)).astype(float)
    variances, axes = np.linalg.eigh(np.cov(colors, rowvar=False, ddof=0))
    axes = axes * np.where(axes.sum(axis=0) < 0, -1, 1)  # toward the light
    return rounded(image + 255 * (axes @ (steps * np.sqrt(np.clip(variances, 0, None)))))
''',
    "lattice": '''
def lattice(shape, spacing, turn, offset, ratio):
    """Where squares of a lattice lie that is turned by `turn` radians about the centre."""
    y, x = ((np.arange(side) - (side - 1) / 2) / spacing for side in shape)
    y = y[:, None]
    across = x * np.cos(turn) - y * np.sin(turn) + offset[0]
    down = x * np.sin(turn) + y * np.cos(turn) + offset[1]
    return (across % 1 < ratio) & (down % 1 < ratio)
''',
}


def _matched(own: ops.Own, image: Image) -> list[str]:
    step: Any = own.step
    bands = (step.red, step.green, step.blue)
    ranks = np.linspace(0, 1, max(*map(len, bands), 2))
    quantiles = np.stack([color._resampled(band, ranks) for band in bands])  # noqa: SLF001
    if image.channels == 1:
        quantiles = quantiles.mean(axis=0, keepdims=True)
    return [f"quantiles = {array(quantiles)}", f"image = matched(image, quantiles, {step.blend!r})"]


def _shifted(own: ops.Own, image: Image) -> list[str]:
    step: Any = own.step
    if image.channels == 1:
        return []
    steps = step.std * np.random.default_rng(step.seed).standard_normal(3)
    return [f"image = shifted(image, {array(steps)})"]


def _lattice(own: ops.Own, image: Image) -> list[str]:
    step: Any = own.step
    if step.content != "constant":
        raise RefusedError(f"what covers is the image's own {step.content}", 'content="constant" can be exported')
    spacing = step.spacing * max(image.shape[:2])
    offset = tuple(np.random.default_rng(step.seed).random(2).tolist())
    turn = float(np.deg2rad(step.angle))
    covered = "covered[..., None]" if len(image.shape) == 3 else "covered"
    return [
        f"covered = lattice({image.shape[:2]}, {spacing!r}, {turn!r}, {offset}, {step.ratio!r})",
        f"image = np.where({covered}, np.uint8({round(step.fill * 255)}), image)",
    ]


NAMED = {
    "HistogramMatching": Row("numpy.bincount, numpy.interp", _matched, ONE, "sums of floats in another order"),
    "FancyPCA": Row("numpy.linalg.eigh", _shifted, ONE, "augmentlab shifts in single precision"),
    "GridDropout": Row("numpy.where", _lattice),
}


def zoomed(*moved: str) -> dict[str, str]:
    """The function that averages enlargements; lines that set `moved` enlarge `mean` about (x, y), by 1 / `shrink`."""
    lines = "\n".join(f"        {line}" for line in moved)
    return {
        "zoomed": f'''
def zoomed(image, shrinks):
    """The mean of the image and of its enlargements about the centre: each step doubles their number."""
    y, x = ((side - 1) / 2 for side in image.shape[:2])
    mean = image.astype(np.float32)
    for shrink in shrinks:
{lines}
        mean = (mean + moved) / 2
    return rounded(mean)
'''
    }


def zoom_blur(call: str, cause: str) -> dict[str, Row]:
    """The row of `zoomed`."""

    def write(own: ops.Own, image: Image) -> list[str]:
        step: Any = own.step
        matrices = zoom_blur_matrices((image.shape[0], image.shape[1]), step.zoom)
        return [f"shrinks = {array([matrix[0, 0] for matrix in matrices])}", "image = zoomed(image, shrinks)"]

    return {"ZoomBlur": Row(call, write, ONE, cause)}

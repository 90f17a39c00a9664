"""The figure that all plots are drawn on, its colours and its texts."""

import io
import textwrap
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

__all__ = [
    "BLUE",
    "GRAY",
    "SILVER",
    "VERMILION",
    "WIDTH",
    "Canvas",
    "canvas",
    "plain",
    "short",
    "wrapped",
    "write_title",
]

GRAY, SILVER = "#444444", "#999999"
# Okabe and Ito's, which differ for colour-blind readers.
BLUE, VERMILION = "#0072B2", "#D55E00"
WIDTH = 7.6  # inches, of what has text on both sides
_FEW_COLOURS = 4096  # a chart with its smoothed edges has fewer, a photograph more


class Canvas(Figure):
    """A figure that a notebook shows by itself, without pyplot and its global state.

    A notebook keeps what it shows, so this is a fraction of what ``savefig`` writes: a chart is a PNG with a palette, a
    figure of photographs a JPEG.
    """

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, bytes | str], dict[str, dict[str, int]]]:
        drawn, shown = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png")
        picture = Image.open(drawn).convert("RGB")
        if picture.getcolors(_FEW_COLOURS) is None:
            mime = "image/jpeg"
            picture.save(shown, "JPEG", quality=85)
        else:
            mime = "image/png"
            picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(shown, "PNG", optimize=True)
        width, height = (round(inches * 96) for inches in self.get_size_inches())
        return {mime: shown.getvalue(), "text/plain": repr(self)}, {mime: {"width": width, "height": height}}


def canvas(width: float, height: float) -> Canvas:
    """An empty figure, in inches."""
    return Canvas(figsize=(width, height), layout="constrained", dpi=160)


def write_title(figure: Canvas, text: str) -> None:
    """Write the title from the left edge, in as few lines as it needs, and these of about one length."""
    width = int(figure.get_figwidth() * 13)
    fewest = len(textwrap.wrap(text, width))
    even = next(
        one for one in range(width * fewest // (fewest + 1), width + 1) if len(textwrap.wrap(text, one)) <= fewest
    )
    figure.suptitle(textwrap.fill(text, even), x=0.01, ha="left", fontsize=10, color=GRAY)


def wrapped(text: Any, width: int, lines: int = 3) -> str:
    """A text on a few lines, what is over left out."""
    return textwrap.fill(str(text), width, max_lines=lines, placeholder=" …")


def short(text: Any, length: int) -> str:
    """A text on one line, what is over left out."""
    text = str(text)
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def plain(axis: Any, grid: str, *hidden: str) -> None:
    """Small ticks, faint lines to read a value by, no box."""
    axis.tick_params(labelsize=8.5)
    if hidden:
        axis.tick_params(axis="y", length=0, labelsize=9)
    axis.grid(axis=grid, color="#E3E3E3", linewidth=0.6, zorder=0)
    axis.set_axisbelow(True)
    for side in ("top", "right", *hidden):
        axis.spines[side].set_visible(False)

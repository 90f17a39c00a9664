"""Matrices of coloured cells with a number in each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from augmentlab.plots.canvas import Canvas

__all__ = ["colorbar", "label_cells", "write_cells"]


def write_cells(
    axis: Any, image: Any, texts: Sequence[Sequence[str]], width: float, height: float, *, bold: Any = None
) -> None:
    """Write the number into each cell of so many inches, dark on light and light on dark."""
    colors = image.cmap(image.norm(image.get_array()))
    longest = max(len(text) for line in texts for text in line) or 1
    size = float(np.clip(72 * min(0.62 * height, width / (0.7 * longest)), 3.5, 8.5))
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            if text:
                light = colors[row, column, :3] @ (0.299, 0.587, 0.114) > 0.55
                weight = "bold" if bold is not None and bold[row, column] else "normal"
                color = "#222222" if light else "white"
                axis.text(column, row, text, ha="center", va="center", fontsize=size, color=color, fontweight=weight)


def label_cells(axis: Any, rows: Sequence[str] | None, columns: Sequence[str], *, slanted: bool = False) -> None:
    """Name the rows, if any are given, and the columns."""
    turn = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axis.set_xticks(range(len(columns)), columns, fontsize=8.5, **turn)
    axis.set_yticks(range(len(rows or [])), rows or [], fontsize=8.5)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def colorbar(figure: Canvas, image: Any, axes: Any, label: str) -> None:
    """Explain the colours at the right."""
    bar = figure.colorbar(image, ax=axes, aspect=7 * figure.get_figheight(), pad=0.02)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8.5)
    bar.outline.set_visible(False)

"""Rows of a dot and its interval below one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from augmentlab.plots.canvas import GRAY, SILVER, WIDTH, canvas, plain, write_title
from augmentlab.plots.frames import Unit

__all__ = ["VERDICT_STYLE", "Row", "forest", "left_out", "write_at_right"]

# Okabe and Ito's blue and vermilion differ for colour-blind readers; marker and fill tell verdicts apart in gray print.
# Hollow is what is not decided, and nothing else.
VERDICT_STYLE: dict[str, dict[str, Any]] = {
    "helps": {"color": "#0072B2", "marker": "o", "markerfacecolor": "#0072B2"},
    "hurts": {"color": "#D55E00", "marker": "s", "markerfacecolor": "#D55E00"},
    "equivalent": {"color": "#555555", "marker": "D", "markerfacecolor": "#BBBBBB"},
    "undecided": {"color": "#777777", "marker": "o", "markerfacecolor": "white"},
    "identical": {"color": "#777777", "marker": "d", "markerfacecolor": "#777777"},
}
_LINE = 0.16  # inches of a line of text


@dataclass(frozen=True)
class Row:
    """A dot with its interval, what is at its left and what at its right."""

    label: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    words: str = ""
    style: Mapping[str, Any] = field(default_factory=lambda: {"color": SILVER})

    @property
    def lines(self) -> int:
        """How many lines of text the label has."""
        return self.label.count("\n") + 1


def left_out(rows: Sequence[Row], unit: Unit) -> Row:
    """What stands for the rows between the first and the last."""
    values = [row.value for row in rows if not np.isnan(row.value)]
    words = f"{unit.change(values[0])} to {unit.change(values[-1])}" if values else ""
    return Row(f"… and {len(rows)} more", words=words)


def forest(groups: Sequence[tuple[str, Sequence[Row]]], label: str, title: str, *, band: float = 0.0) -> Figure:
    """Groups of rows below one another, a thin rule between; y is in inches from the top."""
    groups = [(heading, rows) for heading, rows in groups if rows]
    ticks: list[tuple[float, str]] = []
    rules, places, y = [], [], 0.0
    for heading, rows in groups:
        if y:
            rules.append(y + 0.06)
            y += 0.12
        if heading:
            ticks.append((y + 0.15, heading))
            y += 0.3
        for row in rows:
            height = 0.14 + _LINE * row.lines
            ticks.append((y + height / 2, row.label))
            places.append((y + height / 2, row))
            y += height
    figure = canvas(WIDTH, 1.2 + y)
    axis = figure.subplots()
    axis.axvspan(-band, band, color="#EEEEEE", zorder=0)
    axis.axvline(0, color=GRAY, linewidth=1, zorder=1)
    for place, row in places:
        color = row.style["color"]
        axis.plot([row.low, row.high], [place, place], color=color, linewidth=1.8, solid_capstyle="butt")
        axis.plot(row.value, place, linestyle="none", markersize=6.5, markeredgewidth=1.4, zorder=3, **row.style)
        write_at_right(axis, place, row.words, color)
    for rule in rules:
        axis.axhline(rule, color="#BBBBBB", linewidth=0.8, zorder=0)
    axis.set_yticks([place for place, _ in ticks], [text for _, text in ticks], fontsize=9)
    headings = {heading for heading, _ in groups if heading}
    for tick in axis.get_yticklabels():
        if tick.get_text() in headings or tick.get_text().startswith("… and"):
            tick.set_color(SILVER if tick.get_text() not in headings else GRAY)
            tick.set_fontstyle("italic")
    axis.set_ylim(y + 0.04, -0.04)
    axis.set_xlabel(label, fontsize=9)
    plain(axis, "x", "left")
    write_title(figure, title)
    return figure


def write_at_right(axis: Any, place: float, words: str, color: Any) -> None:
    """Write beside the axis, at the height of a row."""
    axis.annotate(
        words,
        (1.01, place),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8.5,
        color=color,
        annotation_clip=False,
    )

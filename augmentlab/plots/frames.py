"""What the plots of studies read: the tidy frame behind a Study or a table, its unit, the levels of its factors."""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augmentlab.markup import printable
from augmentlab.study import comparison, export

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Unit", "as_text", "draws_text", "factors_of", "frame_of", "joined", "level_order", "level_text", "titled"]

# Columns of compare(), diagnostics() and to_frame(); what else a frame of arms has is a factor.
_DIAGNOSTICS = ["affinity", "affinity_low", "affinity_high", "diversity"]
_KNOWN = {*comparison.COLUMNS, *_DIAGNOSTICS, *export.COLUMNS}
_ABSENT = "\N{EN DASH}"  # a level or a number that there is not


def frame_of(source: Any, method: str, columns: Sequence[str]) -> "pd.DataFrame":
    """The frame to draw: as given, or what this method of a Study returns.

    Raises
    ------
    TypeError
        Neither a frame nor a Study.
    ValueError
        A frame without rows, or without some of the columns.
    """
    import pandas as pd

    frame = source if isinstance(source, pd.DataFrame) else getattr(source, method, lambda: None)()
    wanted = f"study must be a Study or the frame of its {method}()"
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"{wanted}; got {type(source).__name__}")
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ValueError(f"{wanted}, with the columns {', '.join(columns)}; got one without {', '.join(missing)}")
    if frame.empty:
        raise ValueError(f"{wanted}, with one row or more; got an empty one")
    # Names are a person's: they stay text, whatever a figure makes of dollars and an SVG of control characters.
    shown = frame.map(lambda cell: as_text(cell) if isinstance(cell, str) else cell)
    shown.attrs = {key: as_text(one) if isinstance(one, str) else one for key, one in frame.attrs.items()}
    return shown


def as_text(name: str) -> str:
    """A name as matplotlib draws it letter by letter: no mathematics between dollars, no control characters."""
    return printable(name).replace("$", r"\$")


def joined(source: Any, columns: Sequence[str]) -> "pd.DataFrame":
    """The comparison of a Study with the levels of its factors beside; a frame is taken to have them."""
    import pandas as pd

    table = frame_of(source, "compare", columns)
    if isinstance(source, pd.DataFrame):
        return table
    trials = frame_of(source, "to_frame", ["arm"])
    names = [name for name in trials if name not in {*_KNOWN, *table.columns}]
    both = table.join(trials.drop_duplicates("arm").set_index("arm")[names], on="arm")
    both.attrs = dict(table.attrs)
    return both


def factors_of(table: "pd.DataFrame") -> list[str]:
    """Names of the columns that hold levels."""
    return [str(name) for name in table if name not in _KNOWN]


def level_text(level: Any) -> str:
    """A level as a tick shows it."""
    if isinstance(level, (bool, np.bool_)):
        return "on" if level else "off"
    if isinstance(level, numbers.Real):
        return _ABSENT if np.isnan(float(level)) else f"{level:g}".replace("-", "\N{MINUS SIGN}")
    return _ABSENT if level is None else str(level)


def level_order(level: Any) -> tuple[int, float, str]:
    """Key of sorting: what is absent, then numbers by size, then the rest by name."""
    text = level_text(level)
    if text == _ABSENT:
        return 0, 0.0, ""
    return (1, float(level), "") if isinstance(level, numbers.Real) else (2, 0.0, text)


def titled(table: "pd.DataFrame", text: str) -> str:
    """A title that begins with the name of the study."""
    name = table.attrs.get("name", "")
    return f"{name}: {text}" if name else text


def draws_text(draws: Any) -> str:
    """How many draws the rows of a table rest on."""
    counts = sorted({int(count) for count in draws})
    return "-".join(map(str, sorted({counts[0], counts[-1]}))) + (" draw" if counts == [1] else " draws")


@dataclass(frozen=True)
class Unit:
    """How the numbers of a frame are written: accuracies in per cent and their differences in points; others as they are."""

    metric: str
    name: str
    decimals: int = 1  # of a difference

    @classmethod
    def of(cls, frame: "pd.DataFrame", column: str = "difference") -> "Unit":
        """Read from the attributes of a frame; one that has lost them is taken to hold accuracies.

        Differences in this column, if not points, get the decimals that show the largest with three digits.
        """
        metric, name = str(frame.attrs.get("metric", "accuracy")), str(frame.attrs.get("unit", "points"))
        if name == "points" or column not in frame:
            return cls(metric, name)
        largest = frame[column].abs().max()
        decimals = 2 - int(np.floor(np.log10(largest))) if 0 < largest < np.inf else 1
        return cls(metric, name, min(max(decimals, 0), 9))

    @property
    def in_points(self) -> bool:
        """Whether differences are in points of something between 0 and 1."""
        return self.name == "points"

    @property
    def scale(self) -> float:
        """What a mean is multiplied by where it is shown."""
        return 100.0 if self.in_points else 1.0

    @property
    def of_means(self) -> str:
        """Label of an axis of means."""
        if self.in_points:
            return f"{self.metric}, %"
        return f"{self.metric}, {self.name}" if self.name not in {"", self.metric} else self.metric

    @property
    def of_differences(self) -> str:
        """What a difference is measured in."""
        return f"{self.name} of {self.metric}" if self.name not in {"", self.metric} else self.metric

    def mean(self, value: float) -> str:
        """A mean with its unit."""
        if np.isnan(value):
            return _ABSENT
        text = f"{100 * value:.1f} %" if self.in_points else f"{value:.3g}"
        return text.replace("-", "\N{MINUS SIGN}")

    def cell(self, value: float) -> str:
        """A mean as a cell has room for it; nothing where there is none."""
        if np.isnan(value):
            return ""
        text = f"{100 * value:.0f}" if self.in_points else f"{value:.2g}"
        return text.replace("-", "\N{MINUS SIGN}")

    def change(self, value: float) -> str:
        """A difference with its sign."""
        return _ABSENT if np.isnan(value) else f"{value:+.{self.decimals}f}".replace("-", "\N{MINUS SIGN}")

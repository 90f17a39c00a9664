"""Figures along a number: more images, more strength.

Each function takes the Study, or the frame that the method named in its first line returned.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from augmentlab.plots.canvas import (
    BLUE,
    GRAY,
    SILVER,
    canvas,
    plain,
    short,
    wrapped,
    write_title,
)
from augmentlab.plots.cells import colorbar, label_cells, write_cells
from augmentlab.plots.frames import (
    Unit,
    as_text,
    factors_of,
    frame_of,
    joined,
    level_order,
    level_text,
    titled,
)

if TYPE_CHECKING:
    import pandas as pd

    from augmentlab.study import Study


__all__ = ["learning_curve", "robustness", "strength"]

# Okabe and Ito's palette without black and yellow, and a marker each.
_LINES = [
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#56B4E9", "v"), ("#E69F00", "P"),
]  # fmt: skip
_MOST_LINES = 32


def learning_curve(study: "Study | pd.DataFrame") -> Figure:
    """What more images would bring, and the arm beside it (`learning_curve`): how much data it is worth.

    The line from the arm's point runs at its score to the control's curve: there the control has as many images as the
    arm is worth. The thick part is the interval of that reach.

    Parameters
    ----------
    study : Study or DataFrame
        The curve has the control at two sizes or more.

    Notes
    -----
    After Geiping et al., How much data are augmentations worth?, ICLR 2023.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["arm", "n", "mean", "low", "high", "draws"]
    >>> frame = pd.DataFrame([("control", 100, 0.4, 0.38, 0.42, 8), ("control", 200, 0.5, 0.48, 0.52, 8),
    ...                       ("shift", 100, 0.49, 0.47, 0.51, 8)], columns=columns)
    >>> frame.attrs = {"arm": "shift", "n": 100, "rate": 1.9, "rate_low": 1.7, "rate_high": 2.2}
    >>> [text.get_text() for text in learning_curve(frame).axes[0].texts]
    ['worth 1.9\N{MULTIPLICATION SIGN} the data']
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    table = frame_of(study, "learning_curve", ["arm", "n", "mean", "low", "high"])
    unit = Unit.of(table)
    control = table[table["arm"] == "control"].sort_values("n")
    others = table[table["arm"] != "control"]
    figure = canvas(6.4, 4.2)
    axis = figure.subplots()
    axis.set_xscale("log", base=2)
    limits = table["n"].min() / 1.12, table["n"].max() * 1.12
    low, middle, high = (unit.scale * control[name].to_numpy(float) for name in ("low", "mean", "high"))
    axis.fill_between(control["n"], low, high, color=SILVER, alpha=0.3, linewidth=0)
    axis.plot(control["n"], middle, color=GRAY, marker="o", markersize=4.5, linewidth=1.6, label="control")
    for (color, marker), (arm, part) in zip(_LINES * len(others), others.groupby("arm", sort=False), strict=False):
        low, middle, high = (unit.scale * part[name].to_numpy(float) for name in ("low", "mean", "high"))
        axis.vlines(part["n"], low, high, color=color, linewidth=1.8, zorder=4)
        label = wrapped(arm, 36)
        axis.plot(part["n"], middle, color=color, marker=marker, markersize=6.5, linewidth=1.2, label=label, zorder=5)
    _draw_reach(axis, table, unit, limits)
    sizes = sorted(set(table["n"]))
    axis.xaxis.set_major_locator(FixedLocator(sizes[:: -(-len(sizes) // 8)]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:.0f}"))
    axis.set_xlim(limits)
    axis.set_xlabel("training images", fontsize=9)
    axis.set_ylabel(unit.of_means, fontsize=9)
    plain(axis, "y")
    axis.legend(frameon=False, fontsize=8.5, loc="lower right")
    write_title(figure, table.attrs.get("sentence") or titled(table, "what more images would bring"))
    return figure


def strength(study: "Study | pd.DataFrame", factor: str = "strength", by: str | Sequence[str] | None = None) -> Figure:
    """Difference to the control by the level of a numeric factor (`compare`), with the band of the intervals.

    Parameters
    ----------
    study : Study or DataFrame
        A frame has to have a column of the factor, as ``compare()`` joined with the levels from ``to_frame()``.
    factor : str
        What runs along the axis: ``"strength"`` of a ladder, or a parameter such as ``"Rotate.p"``.
    by : str or sequence of str, optional
        Other factors; there is a line for each of their levels.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"arm": ["weak", "strong"], "strength": [0.5, 1.0], "difference": [2.0, 5.0],
    ...                       "low": [1.0, 4.0], "high": [3.0, 6.0]})
    >>> strength(frame).axes[0].get_lines()[1].get_ydata()
    array([2., 5.])
    """
    table = joined(study, ["arm", "difference", "low", "high"])
    unit = Unit.of(table)
    others = [] if by is None else [by] if isinstance(by, str) else list(by)
    for name, column in [("factor", factor), *(("by", column) for column in others)]:
        if column not in factors_of(table):
            known = ", ".join(map(str, factors_of(table))) or "none"
            raise ValueError(f"{name} must be a factor of the study, one of: {known}; got {column!r}")
    for level in table[factor]:
        if level_order(level)[0] == 2 or isinstance(level, (bool, np.bool_)):
            raise ValueError(f"factor must have numbers as levels; {factor!r} has {level!r:.60}")
    table = table[table[factor].notna()].astype({factor: float}).sort_values(factor)
    lines: dict[str, Any] = {}
    keys = [", ".join(f"{name} {level_text(row[name])}" for name in others) for _, row in table.iterrows()]
    order = [tuple(level_order(row[name]) for name in others) for _, row in table.iterrows()]
    for _, key in sorted(set(zip(order, keys, strict=True))):
        lines[key] = table[np.array(keys) == key]
        if (repeated := lines[key][factor].duplicated()).any():
            level = lines[key].loc[repeated, factor].iloc[0]
            rest = ", ".join(name for name in factors_of(table) if name not in {factor, *others})
            raise ValueError(
                f"by must name what else differs where {factor} is {level:g}: {rest or 'its arms differ in no other factor'}"
            )
    if len(lines) > _MOST_LINES:
        raise ValueError(f"by must make {_MOST_LINES} lines or fewer; {', '.join(others)} make {len(lines)}")
    columns = -(-len(lines) // 16) if others else 0
    figure = canvas(5.4 + columns * (0.45 + 0.072 * min(max(map(len, lines), default=0), 40)), 4.0)
    axis = figure.subplots()
    axis.axhline(0, color=GRAY, linewidth=1)
    rope = table.attrs.get("rope", 0.0)
    axis.axhspan(-rope, rope, color="#EEEEEE", zorder=0)
    for (color, marker), (key, part) in zip(_line_styles(len(lines)), lines.items(), strict=True):
        x = part[factor]
        axis.fill_between(x, part["low"], part["high"], color=color, alpha=0.36 / (len(lines) + 1), linewidth=0)
        axis.plot(
            x, part["difference"], color=color, marker=marker, markersize=5.5, linewidth=1.6, label=short(key, 40)
        )
    if columns:
        figure.legend(frameon=False, fontsize=8.5, loc="outside right center", ncols=columns)
    axis.set_xlabel(as_text(factor), fontsize=9)
    axis.set_ylabel(f"difference to the control in\n{unit.of_differences}", fontsize=9)
    plain(axis, "y")
    write_title(figure, titled(table, "difference by " + " and ".join([factor, *others]) + ", 95 % intervals"))
    return figure


def robustness(study: "Study | pd.DataFrame") -> Figure:
    """How each model does on validation images changed more and more (`robustness`), the control beside the chosen.

    All cells have one scale. Transforms are in the order of what they cost the first model, the mildest first.

    Parameters
    ----------
    study : Study or DataFrame
        One panel a model, one row a transform, one column a strength.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"model": "control", "transform": "Rotate", "strength": [0.0, 1.0], "mean": [0.9, 0.5]})
    >>> [text.get_text() for text in robustness(frame).axes[0].texts]
    ['90', '50']
    """
    table = frame_of(study, "robustness", ["model", "transform", "strength", "mean"])
    unit = Unit.of(table)
    models = sorted(dict.fromkeys(table["model"]), key=lambda model: model != "control")  # which comes first
    wide = [
        table[table["model"] == model].pivot_table(index="transform", columns="strength", values="mean", dropna=False)
        for model in models
    ]
    names = list(wide[0].mean(axis=1).sort_values(ascending=False, kind="stable").index)
    names += [name for name in dict.fromkeys(table["transform"]) if name not in names]
    strengths = sorted(set(table["strength"]))
    left = 0.075 * max(map(len, names))
    across, down = max(0.46 * len(strengths), 1.3), max(min(0.26 * len(names), 13.0), 1.0)
    figure = canvas(len(models) * (across + 0.2) + left + 1.3, 1.5 + down)
    axes = figure.subplots(1, len(models), squeeze=False)[0]
    shown = [unit.scale * one.reindex(index=names, columns=strengths).to_numpy(float) for one in wide]
    finite = np.concatenate([values[np.isfinite(values)] for values in shown])
    norm = Normalize(*((finite.min(), finite.max()) if len(finite) else (0.0, 1.0)))
    for axis, model, values in zip(axes, models, shown, strict=True):
        image = axis.imshow(np.ma.masked_invalid(values), cmap="cividis", norm=norm, aspect="auto")
        texts = [[unit.cell(value / unit.scale) for value in line] for line in values]
        write_cells(axis, image, texts, across / len(strengths), down / len(names))
        label_cells(axis, names if axis is axes[0] else None, [f"{one:g}" for one in strengths])
        axis.set_title(wrapped(model, 26), fontsize=9)
    figure.supxlabel("strength", fontsize=9)
    colorbar(figure, image, list(axes), unit.of_means)
    write_title(figure, titled(table, f"{unit.metric} on changed validation images"))
    return figure


def _line_styles(count: int) -> list[tuple[Any, str]]:
    """Colour and marker of each line; of many, colours in order, since a palette of so many cannot be told apart."""
    if count <= len(_LINES):
        return _LINES[:count]
    colors = mpl.colormaps["cividis"](np.linspace(0, 0.9, count))
    return [(color, _LINES[at % len(_LINES)][1]) for at, color in enumerate(colors)]


def _draw_reach(axis: Any, table: "pd.DataFrame", unit: Unit, limits: tuple[float, float]) -> None:
    """Draw the way from the arm's point to the control's curve, as far as the sizes go."""
    start, rate = table.attrs.get("n", np.nan), table.attrs.get("rate", np.nan)
    here = table[(table["arm"] == table.attrs.get("arm")) & (table["n"] == start)]
    if here.empty or np.isnan(rate):
        return
    y = unit.scale * float(here["mean"].iloc[0])
    end = float(np.clip(start * rate, *limits))
    sides = [table.attrs.get(name, np.nan) for name in ("rate_low", "rate_high")]
    if not np.isnan(sides).any():
        axis.plot(np.clip(start * np.array(sides), *limits), [y, y], color=BLUE, linewidth=5, alpha=0.3, zorder=2)
    axis.plot([start, end], [y, y], color=BLUE, linewidth=1.2, linestyle=(0, (4, 3)), zorder=3)
    reached = np.isfinite(rate)
    if reached:
        axis.plot(end, y, color=BLUE, marker="|", markersize=11, markeredgewidth=1.8, linestyle="none", zorder=4)
        words = f"worth {rate:.2g}\N{MULTIPLICATION SIGN} the data"
    else:
        axis.plot(end, y, color=BLUE, marker=">", markersize=6, linestyle="none", zorder=4, clip_on=False)
        words = f"worth more than {table['n'].max() / start:.2g}\N{MULTIPLICATION SIGN} the data"
    axis.annotate(
        words,
        (np.sqrt(start * end), y),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        color=BLUE,
    )

"""Figures of studies, all from the tidy frames that a Study returns.

Each function takes the Study, or the frame that the method named in its first line returned: the figure of a frame that
was kept is that of the study.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from augmentlab.plots.canvas import (
    BLUE,
    GRAY,
    SILVER,
    VERMILION,
    WIDTH,
    Canvas,
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
)
from augmentlab.plots.rows import Row, forest, left_out, write_at_right
from augmentlab.study.inputs import count

if TYPE_CHECKING:
    import pandas as pd

    from augmentlab.study import Study

__all__ = [
    "VERDICT_STYLE",
    "comparison",
    "cost",
    "effects",
    "interactions",
    "learning_curve",
    "parallel",
    "robustness",
    "shapley",
    "strength",
]

# Okabe and Ito's blue and vermilion differ for colour-blind readers; marker and fill tell verdicts apart in gray print.
VERDICT_STYLE: dict[str, dict[str, Any]] = {
    "helps": {"color": "#0072B2", "marker": "o", "markerfacecolor": "#0072B2"},
    "hurts": {"color": "#D55E00", "marker": "s", "markerfacecolor": "#D55E00"},
    "equivalent": {"color": "#555555", "marker": "D", "markerfacecolor": "#BBBBBB"},
    "undecided": {"color": "#777777", "marker": "o", "markerfacecolor": "white"},
    "identical": {"color": "#777777", "marker": "|", "markerfacecolor": "white"},
}
# Okabe and Ito's palette without black and yellow, and a marker each.
_LINES = [
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#56B4E9", "v"), ("#E69F00", "P"),
]  # fmt: skip
_CELLS = LinearSegmentedColormap.from_list("change", [VERMILION, "#F7F7F7", BLUE])
_STRANDS = LinearSegmentedColormap.from_list("strand", [VERMILION, "#D4D4D4", BLUE])  # seen on white too
_ALPHA = 0.05
_MOST_TICKS = 12
_MOST_LINES = 32
_CROWD = 60  # so many arms are drawn smaller


def comparison(study: "Study | pd.DataFrame", *, most: int = 40) -> Figure:
    """Each arm against the control (`compare`): a dot for the difference, a line for its interval, largest first.

    The second control, TrivialAugment, stands below a rule with a hollow marker.

    Parameters
    ----------
    study : Study or DataFrame
        With at least two finished draws of the control and of one arm; also one opened by ``Study.open``.
    most : int
        Of more arms than this, the first and the last are shown, and how many are left out between.

    Notes
    -----
    The verdict shows in colour, in the shape of the marker and in words, so that it survives colour-blindness and gray
    print. The band about zero is the region of practical equivalence.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"arm": "shift", "difference": 13.3, "low": 11.9, "high": 14.8, "verdict": "helps", "draws": 8}
    >>> [text.get_text() for text in comparison(pd.DataFrame([row])).axes[0].texts]
    ['+13.3  helps']
    """
    table = frame_of(study, "compare", ["arm", "difference", "low", "high", "verdict", "draws"])
    unit, half = Unit.of(table), count("most", most, 2) // 2
    table = table.sort_values("difference", ascending=False, kind="stable")
    second = table["role"].eq("control") if "role" in table else np.zeros(len(table), bool)
    arms = [_arm(row, unit) for _, row in table[~second].iterrows()]
    controls = [_arm(row, unit, hollow=True) for _, row in table[second].iterrows()]
    if len(arms) > most:
        arms = [*arms[:half], left_out(arms[half:-half], unit), *arms[-half:]]
    mean = table.attrs.get("control_mean", np.nan)
    label = f"difference to the control in {unit.of_differences}"
    if not np.isnan(mean):  # on a second line where one would be wider than the axis
        label += f"{' ' if len(label) < 52 else chr(10)}(control {unit.mean(mean)})"
    what = f"{_range(table['draws'])}, 95 % intervals"
    return forest([("", arms), ("", controls)], label, _named(table, what), band=table.attrs.get("rope", 0.0))


def effects(study: "Study | pd.DataFrame", *, most: int = 20) -> Figure:
    """Main effects and pair interactions (`effects`): a dot for the effect, a line for its interval, largest first.

    A main effect is what a step adds on average over the other steps' being on and off; an interaction is what a pair
    adds beyond the two (negative: they do the same work, or get in each other's way).

    Parameters
    ----------
    study : Study or DataFrame
        Of an on/off design.
    most : int
        Of more terms than this in a group, the first and the last are shown.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"term": "shift", "kind": "main", "effect": 13.3, "low": 11.9, "high": 14.8, "p": 0.001, "draws": 8}
    >>> [text.get_text() for text in effects(pd.DataFrame([row])).axes[0].texts]
    ['+13.3  (+11.9 to +14.8)']
    """
    table = _effects(study)
    unit, half = Unit.of(table, "effect"), count("most", most, 2) // 2
    groups = []
    for kind, heading in (("main", "main effects"), ("interaction", "interactions")):
        part = table[table["kind"] == kind].sort_values("effect", ascending=False, kind="stable")
        rows = [_term(row, unit) for _, row in part.iterrows()]
        if len(rows) > most:
            rows = [*rows[:half], left_out(rows[half:-half], unit), *rows[-half:]]
        groups.append((heading, rows))
    if not any(rows for _, rows in groups):
        raise ValueError("study must have effects of kind main or interaction to show; got none")
    what = f"{_range(table['draws'])}, 95 % intervals; filled: p < {_ALPHA:g} after Holm"
    return forest(groups, f"effect in {unit.of_differences}", _named(table, what))


def interactions(study: "Study | pd.DataFrame") -> Figure:
    """Pair interactions as a matrix (`effects`), the main effects on the diagonal, one scale with its middle at 0.

    Parameters
    ----------
    study : Study or DataFrame
        Of an on/off design.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["term", "kind", "effect", "low", "high", "p", "draws"]
    >>> rows = [("shift", "main", 13.3, 11.9, 14.8, 0.001, 8), ("rotate", "main", 1.8, 0.9, 2.7, 0.002, 8),
    ...         ("shift:rotate", "interaction", -7.4, -9.1, -5.8, 0.001, 8)]
    >>> [text.get_text() for text in interactions(pd.DataFrame(rows, columns=columns)).axes[0].texts]
    ['+13.3', '\N{MINUS SIGN}7.4', '+1.8']
    """
    table = _effects(study)
    unit = Unit.of(table, "effect")
    mains = table[table["kind"] == "main"]
    if mains.empty:
        raise ValueError("study must have effects of kind main to show; got none")
    names = [str(term) for term in mains["term"]]
    place = {name: at for at, name in enumerate(names)}
    values = np.full((len(names), len(names)), np.nan)
    sure = np.zeros(values.shape, bool)
    for _, row in table[table["kind"].isin(["main", "interaction"])].iterrows():
        pair = [place[name] for name in str(row["term"]).split(":") if name in place]
        if len(pair) == str(row["term"]).count(":") + 1 <= 2:  # a pair, or a main effect: the diagonal
            cell = max(pair), min(pair)
            values[cell], sure[cell] = row["effect"], row["p"] < _ALPHA
    side = min(0.62 * len(names), 11.0)
    labels = [short(name, 24) for name in names]
    left = 0.075 * max(map(len, labels))
    figure = canvas(max(side + left + 1.3, 4.2), max(side + 0.35 * left + 1.2, 2.6))
    axis = figure.subplots()
    most = np.nanmax(np.abs(values), initial=0.0) or 1.0
    image = axis.imshow(np.ma.masked_invalid(values), cmap=_CELLS, norm=Normalize(-most, most))
    texts = [[unit.change(value) if np.isfinite(value) else "" for value in line] for line in values]
    write_cells(axis, image, texts, side / len(names), side / len(names), bold=sure)
    label_cells(axis, labels, labels, slanted=max(map(len, labels)) > 8)
    for at in range(len(names)):
        axis.add_patch(mpl.patches.Rectangle((at - 0.5, at - 0.5), 1, 1, fill=False, edgecolor=GRAY, clip_on=False))
    colorbar(figure, image, axis, unit.of_differences)
    what = f"pair interactions, main effects on the diagonal; bold: p < {_ALPHA:g} after Holm"
    write_title(figure, _named(table, what))
    return figure


def shapley(study: "Study | pd.DataFrame") -> Figure:
    """Each step's fair share of what all steps together bring (`effects`), as bars with intervals.

    Parameters
    ----------
    study : Study or DataFrame
        Of an on/off design in which all combinations were tried.

    Notes
    -----
    A share is what switching the step on adds, averaged over all orders of switching on; the shares sum to the total
    (L. S. Shapley, A value for n-person games, 1953).

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"term": "shift", "kind": "shapley", "effect": 13.3, "low": 11.9, "high": 14.8, "p": 0.001, "draws": 8}
    >>> [text.get_text() for text in shapley(pd.DataFrame([row])).axes[0].texts]
    ['+13.3']
    """
    table = _effects(study)
    unit = Unit.of(table, "effect")
    shares = table[table["kind"] == "shapley"].sort_values("effect", ascending=False, kind="stable")
    if shares.empty:
        raise ValueError("study must have effects of kind shapley to show; got none: all combinations have to be tried")
    figure = canvas(WIDTH, 1.25 + 0.34 * len(shares))
    axis = figure.subplots()
    axis.axvline(0, color=GRAY, linewidth=1, zorder=3)
    for at, (_, row) in enumerate(shares.iterrows()):
        color = BLUE if row["effect"] >= 0 else VERMILION
        axis.barh(at, row["effect"], height=0.62, color=color, alpha=0.45, linewidth=0, zorder=2)
        axis.plot([row["low"], row["high"]], [at, at], color=color, linewidth=1.8, solid_capstyle="butt", zorder=4)
        write_at_right(axis, at, unit.change(row["effect"]), color)
    axis.set_yticks(range(len(shares)), [short(term, 40) for term in shares["term"]], fontsize=9)
    axis.set_ylim(len(shares) - 0.4, -0.6)
    axis.set_xlabel(f"share in {unit.of_differences}", fontsize=9)
    plain(axis, "x", "left")
    total = table.attrs.get("total", shares["effect"].sum())
    write_title(
        figure, _named(table, f"Shapley shares; all steps together bring {unit.change(total)} {unit.of_differences}")
    )
    return figure


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
    write_title(figure, table.attrs.get("sentence") or _named(table, "what more images would bring"))
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
    write_title(figure, _named(table, "difference by " + " and ".join([factor, *others]) + ", 95 % intervals"))
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
    write_title(figure, _named(table, f"{unit.metric} on changed validation images"))
    return figure


def parallel(study: "Study | pd.DataFrame", factors: Sequence[str] | None = None) -> Figure:
    """The whole grid at once (`compare`): one axis a factor, the last the difference, one strand an arm.

    Strands that meet in a level are fanned out by their difference. Blue ones are better than the control, vermilion
    ones worse, gray ones about as good; the best is the thickest.

    Parameters
    ----------
    study : Study or DataFrame
        A frame has to have the columns of the factors, as ``compare()`` joined with the levels from ``to_frame()``.
    factors : sequence of str, optional
        Which, from left to right; without it, all that vary.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"arm": ["a", "b"], "difference": [2.0, -5.0], "shift": [True, False]})
    >>> [label.get_text() for label in parallel(frame).axes[0].get_xticklabels()]
    ['shift', 'difference']
    """
    table = joined(study, ["arm", "difference"])
    unit, known = Unit.of(table), factors_of(table)
    chosen = known if factors is None else list(factors)
    for name in chosen:
        if name not in known:
            raise ValueError(
                f"factors must be factors of the study, some of: {', '.join(map(str, known))}; got {name!r}"
            )
    table = table[table[chosen].notna().any(axis=1)]  # TrivialAugment has no level of anything
    if factors is None:
        chosen = [name for name in chosen if len({level_text(level) for level in table[name]}) > 1] or chosen
    if not chosen:
        raise ValueError("factors must be one or more; got none, and the study has none")
    done = table[table["difference"].notna()].sort_values("difference", kind="stable")
    figure = canvas(min(1.5 * len(chosen) + 2.2, 16.0), 4.4)
    axis = figure.subplots()
    heights = np.column_stack([_fanned(axis, at, done[name]) for at, name in enumerate(chosen)])
    differences = done["difference"].to_numpy(float)
    most = np.abs(differences).max(initial=0.0) or 1.0
    ends = _padded(min(differences.min(initial=0.0), 0.0), max(differences.max(initial=0.0), 0.0))
    heights = np.column_stack([heights, (differences - ends[0]) / (ends[1] - ends[0])])
    thin = 1.2 if len(done) < _CROWD else 0.7
    top = np.argsort(np.abs(differences), kind="stable")  # what stands out lies on top, the best topmost
    top = np.array([*top[top != len(done) - 1], len(done) - 1]) if len(done) else top
    widths = np.where(top == len(done) - 1, 2.8, thin)
    across = np.broadcast_to(np.arange(heights.shape[1]), heights.shape)
    colors = _STRANDS((differences[top] / most + 1) / 2)
    strands = np.stack([across, heights], axis=2)[top]
    axis.add_collection(LineCollection(list(strands), colors=colors, linewidths=widths, alpha=0.9, zorder=3))
    for at in range(len(chosen)):
        axis.axvline(at, color=GRAY, linewidth=1, zorder=6, clip_on=False)
    axis.set_xlim(0, len(chosen))
    axis.set_ylim(-0.06, 1.06)
    axis.set_xticks(
        range(len(chosen) + 1), [*(wrapped(as_text(name), 17, 2) for name in chosen), "difference"], fontsize=9
    )
    axis.set_yticks([])
    right = axis.twinx()
    right.set_ylim(*(ends[0] + at * (ends[1] - ends[0]) for at in (-0.06, 1.06)))
    right.set_ylabel(f"difference to the control in {unit.of_differences}", fontsize=9)
    right.tick_params(labelsize=8.5)
    for part in (axis, right):
        for side in ("top", "bottom", "left"):
            part.spines[side].set_visible(False)
    axis.tick_params(axis="x", length=0)
    lost = len(table) - len(done)
    what = f"{len(done)} arms" if len(done) != 1 else "1 arm"
    what += f"; thick: {done['arm'].iloc[-1]}, {unit.change(differences[-1])}" if len(done) else ""
    write_title(figure, _named(table, what + (f"; {lost} without results left out" if lost else "")))
    return figure


def cost(study: "Study | pd.DataFrame", *, labels: int = 12) -> Figure:
    """What an arm brings against what it takes (`compare`): difference by seconds a trial, intervals, the front.

    The stepped line joins the arms that are better than the control and that no other beats in both: the Pareto front.

    Parameters
    ----------
    study : Study or DataFrame
        ``seconds`` is the mean over an arm's trials.
    labels : int
        At most so many arms are named, those on the front first, then those of the largest difference; a name that
        finds no free place is left out.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["arm", "difference", "low", "high", "verdict", "seconds"]
    >>> rows = [("flip", 1.0, 0.5, 1.5, "helps", 0.1), ("elastic", 0.5, 0.1, 0.9, "helps", 0.9)]
    >>> figure = cost(pd.DataFrame(rows, columns=columns))
    >>> figure.axes[0].get_xlabel()
    'seconds a trial'
    """
    table = frame_of(study, "compare", ["arm", "difference", "low", "high", "verdict", "seconds"])
    unit, labels = Unit.of(table), count("labels", labels, 0)
    done = table[table["difference"].notna() & table["seconds"].notna()]
    done = done.sort_values("difference", ascending=False, kind="stable")
    figure = canvas(6.8, 4.6)
    axis = figure.subplots()
    axis.axhline(0, color=GRAY, linewidth=1, zorder=1)
    rope = table.attrs.get("rope", 0.0)
    axis.axhspan(-rope, rope, color="#EEEEEE", zorder=0)
    seconds, differences = done["seconds"].to_numpy(float), done["difference"].to_numpy(float)
    on_front = np.array([_unbeaten(seconds, differences, at) for at in range(len(done))], bool) & (differences > 0)
    if len(done) and 0 < 20 * seconds.min() < seconds.max():
        axis.set_xscale("log")
    order = np.flatnonzero(on_front)[np.argsort(seconds[on_front], kind="stable")]
    dashes = {"color": GRAY, "linewidth": 1, "linestyle": (0, (4, 3)), "label": "front"}
    axis.step(seconds[order], differences[order], where="post", zorder=2, **dashes)
    size, faint = (6.0, 0.6) if len(done) < _CROWD else (4.0, 0.25)
    second = done["role"].eq("control") if "role" in done else np.zeros(len(done), bool)
    for (verdict, hollow), part in done.groupby([done["verdict"], second]):
        style = VERDICT_STYLE[str(verdict)] | ({"markerfacecolor": "white"} if hollow else {})
        axis.vlines(part["seconds"], part["low"], part["high"], style["color"], linewidth=1, alpha=faint, zorder=3)
        style |= {"linestyle": "none", "markersize": size, "markeredgewidth": size / 4.5}
        axis.plot(part["seconds"], part["difference"], zorder=4, **style)
    axis.margins(x=0.12)
    axis.set_xlabel("seconds a trial", fontsize=9)
    axis.set_ylabel(f"difference to the control in\n{unit.of_differences}", fontsize=9)
    plain(axis, "both")
    write_title(figure, _named(table, "what an arm brings and takes; dashed: no other is both better and quicker"))
    first = [*np.flatnonzero(on_front), *np.flatnonzero(~on_front)][:labels]
    named = [(seconds[at], differences[at], wrapped(done["arm"].iloc[at], 30, 2)) for at in first]
    _name_points(figure, axis, named, np.column_stack([seconds, differences]))
    return figure


def _arm(row: Any, unit: Unit, *, hollow: bool = False) -> Row:
    label = wrapped(row["arm"], 44)
    if np.isnan(row["difference"]):
        return Row(label, words="no result")
    style = {**VERDICT_STYLE[row["verdict"]]}
    if hollow:
        style["markerfacecolor"] = "white"
    words = f"{unit.change(row['difference'])}  {row['verdict']}"
    return Row(label, row["difference"], row["low"], row["high"], words, style)


def _term(row: Any, unit: Unit) -> Row:
    label, word = wrapped(str(row["term"]).replace(":", " \N{MULTIPLICATION SIGN} "), 44), "undecided"
    if np.isnan(row["effect"]):
        return Row(label, words="no result")
    if row["p"] < _ALPHA:
        word = "helps" if row["effect"] > 0 else "hurts"
    elif row["low"] == row["high"] == 0:
        word = "identical"
    words = f"{unit.change(row['effect'])}  ({unit.change(row['low'])} to {unit.change(row['high'])})"
    return Row(label, row["effect"], row["low"], row["high"], words, VERDICT_STYLE[word])


def _named(table: "pd.DataFrame", text: str) -> str:
    name = table.attrs.get("name", "")
    return f"{name}: {text}" if name else text


def _range(draws: Any) -> str:
    counts = sorted({int(count) for count in draws})
    return "-".join(map(str, sorted({counts[0], counts[-1]}))) + (" draw" if counts == [1] else " draws")


def _effects(study: Any) -> "pd.DataFrame":
    return frame_of(study, "effects", ["term", "kind", "effect", "low", "high", "p", "draws"])


def _line_styles(count: int) -> list[tuple[Any, str]]:
    """Colour and marker of each line; of many, colours in order, since a palette of so many cannot be told apart."""
    if count <= len(_LINES):
        return _LINES[:count]
    colors = mpl.colormaps["cividis"](np.linspace(0, 0.9, count))
    return [(color, _LINES[at % len(_LINES)][1]) for at, color in enumerate(colors)]


def _padded(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high > low else (low - 1, high + 1)


# --- single figures ------------------------------------------------------------------------------------------------


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


def _fanned(axis: Any, at: int, levels: Any) -> Any:
    """Heights in [0, 1] of a factor's levels, fanned out where strands meet; their names are written beside the axis.

    ``levels`` are in the order of the difference.
    """
    known = list({level_text(level): level for level in levels}.values())
    known.sort(key=level_order)
    if len(known) > _MOST_TICKS and all(level_order(level)[0] == 1 for level in known):
        values = np.array([float(level) for level in levels])
        ticks = np.linspace(values.min(), values.max(), 5)
        for height, tick in zip(np.linspace(0, 1, 5), ticks, strict=True):
            _write_level(axis, at, height, f"{tick:.3g}")
        return (values - values.min()) / (np.ptp(values) or 1.0)
    middle = np.linspace(0, 1, len(known)) if len(known) != 1 else np.array([0.5])
    texts = np.array([level_text(level) for level in levels])
    heights = np.zeros(len(texts))
    every = -(-len(known) // _MOST_TICKS)
    for place, (level, height) in enumerate(zip(known, middle, strict=True)):
        those = np.flatnonzero(texts == level_text(level))
        spread = 0.4 / max(len(known) - 1, 2)
        fan = np.linspace(-spread / 2, spread / 2, len(those)) if len(those) > 1 else np.zeros(1)
        heights[those] = height * (1 - spread) + spread / 2 + fan
        if place % every == 0:
            _write_level(axis, at, heights[those].mean(), level_text(level))
    return heights


def _write_level(axis: Any, at: int, height: float, text: str) -> None:
    axis.annotate(
        short(text, 20),
        (at, height),
        xytext=(-5 if at == 0 else 5, 0),
        textcoords="offset points",
        ha="right" if at == 0 else "left",
        va="center",
        fontsize=8.5,
        zorder=7,
        annotation_clip=False,
        bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
    )


def _unbeaten(seconds: Any, differences: Any, at: int) -> bool:
    """Whether no arm is as good and as quick, and better in one."""
    as_good = (seconds <= seconds[at]) & (differences >= differences[at])
    return not (as_good & ((seconds < seconds[at]) | (differences > differences[at]))).any()


def _name_points(figure: Canvas, axis: Any, named: Sequence[tuple[float, float, str]], points: Any) -> None:
    """Write each name at the first place beside its point where it covers no other name and no point."""
    from matplotlib.transforms import Bbox

    if not named:
        return
    figure.draw_without_rendering()  # the layout is known after it
    dots = axis.transData.transform(points)
    unit = figure.dpi / 72
    taken: list[Any] = []
    places = [(8, 6), (8, -6), (-8, 6), (-8, -6), (0, 12), (0, -12), (14, 16), (-14, 16), (14, -16), (-14, -16)]
    for x, y, name in named:
        text = axis.annotate(name, (x, y), xytext=places[0], textcoords="offset points", fontsize=8.5, color=GRAY)
        for right, up in places:
            text.set_position((right, up))
            text.set_horizontalalignment("center" if right == 0 else "left" if right > 0 else "right")
            text.set_verticalalignment("bottom" if up > 0 else "top")
            box = text.get_window_extent().padded(unit)
            inside = axis.bbox.contains(*box.min) and axis.bbox.contains(*box.max)
            if inside and not box.count_contains(dots) and not any(Bbox.intersection(box, one) for one in taken):
                taken.append(box)
                break
        else:
            text.remove()

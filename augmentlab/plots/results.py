"""Figures of all arms of a study: their differences, their factors, their times.

Each function takes the Study, or the frame that the method named in its first line returned: the figure of a frame that
was kept is that of the study.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from augmentlab.plots.canvas import (
    BLUE,
    GRAY,
    VERMILION,
    Canvas,
    canvas,
    plain,
    short,
    wrapped,
    write_title,
)
from augmentlab.plots.frames import (
    Unit,
    as_text,
    draws_text,
    factors_of,
    frame_of,
    joined,
    level_order,
    level_text,
    titled,
)
from augmentlab.plots.rows import VERDICT_STYLE, Row, forest, left_out
from augmentlab.study.inputs import count

if TYPE_CHECKING:
    import pandas as pd

    from augmentlab.study import Study

__all__ = ["comparison", "cost", "parallel"]

_STRANDS = LinearSegmentedColormap.from_list("strand", [VERMILION, "#D4D4D4", BLUE])  # seen on white too
_MOST_TICKS = 12
_CROWD = 60  # so many arms are drawn smaller


def comparison(study: "Study | pd.DataFrame", *, most: int = 40) -> Figure:
    """Each arm against the control (`compare`): a dot for the difference, a line for its interval, largest first.

    The second control, TrivialAugment, stands below a rule.

    Parameters
    ----------
    study : Study or DataFrame
        With at least two finished draws of the control and of one arm; also one opened by ``Study.open``.
    most : int
        Of more arms than this, the first and the last are shown, and how many are left out between.

    Notes
    -----
    The verdict shows in colour, in the shape of the marker and in words, so that it survives colour-blindness and gray
    print; a hollow marker is what is undecided. The band about zero is the region of practical equivalence.

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
    controls = [_arm(row, unit) for _, row in table[second].iterrows()]
    if len(arms) > most:
        arms = [*arms[:half], left_out(arms[half:-half], unit), *arms[-half:]]
    mean = table.attrs.get("control_mean", np.nan)
    label = f"difference to the control in {unit.of_differences}"
    if not np.isnan(mean):  # on a second line where one would be wider than the axis
        label += f"{' ' if len(label) < 52 else chr(10)}(control {unit.mean(mean)})"
    what = f"{draws_text(table['draws'])}, 95 % intervals"
    return forest([("", arms), ("", controls)], label, titled(table, what), band=table.attrs.get("rope", 0.0))


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
    write_title(figure, titled(table, what + (f"; {lost} without results left out" if lost else "")))
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
    for verdict, part in done.groupby("verdict"):
        style = VERDICT_STYLE[str(verdict)]
        axis.vlines(part["seconds"], part["low"], part["high"], style["color"], linewidth=1, alpha=faint, zorder=3)
        shape: dict[str, Any] = {"linestyle": "none", "markersize": size, "markeredgewidth": size / 4.5}
        axis.plot(part["seconds"], part["difference"], zorder=4, **style, **shape)
    axis.margins(x=0.12)
    axis.set_xlabel("seconds a trial", fontsize=9)
    axis.set_ylabel(f"difference to the control in\n{unit.of_differences}", fontsize=9)
    plain(axis, "both")
    write_title(figure, titled(table, "what an arm brings and takes; dashed: no other is both better and quicker"))
    first = [*np.flatnonzero(on_front), *np.flatnonzero(~on_front)][:labels]
    named = [(seconds[at], differences[at], wrapped(done["arm"].iloc[at], 30, 2)) for at in first]
    _name_points(figure, axis, named, np.column_stack([seconds, differences]))
    return figure


def _arm(row: Any, unit: Unit) -> Row:
    label = wrapped(row["arm"], 44)
    if np.isnan(row["difference"]):
        return Row(label, words="no result")
    words = f"{unit.change(row['difference'])}  {row['verdict']}"
    return Row(label, row["difference"], row["low"], row["high"], words, VERDICT_STYLE[row["verdict"]])


def _padded(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high > low else (low - 1, high + 1)


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

"""Figures of what each step of an on/off design does.

Each function takes the Study, or the frame that its method `effects` returned.
"""

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from augmentlab.plots.canvas import (
    BLUE,
    GRAY,
    VERMILION,
    WIDTH,
    canvas,
    plain,
    short,
    wrapped,
    write_title,
)
from augmentlab.plots.cells import colorbar, label_cells, write_cells
from augmentlab.plots.frames import (
    Unit,
    draws_text,
    frame_of,
    titled,
)
from augmentlab.plots.rows import VERDICT_STYLE, Row, forest, left_out, write_at_right
from augmentlab.study.inputs import count

if TYPE_CHECKING:
    import pandas as pd

    from augmentlab.study import Study


__all__ = ["effects", "interactions", "shapley"]

_ALPHA = 0.05
_CELLS = LinearSegmentedColormap.from_list("change", [VERMILION, "#F7F7F7", BLUE])


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
    what = f"{draws_text(table['draws'])}, 95 % intervals; filled: p < {_ALPHA:g} after Holm"
    return forest(groups, f"effect in {unit.of_differences}", titled(table, what))


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
    write_title(figure, titled(table, what))
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
        figure, titled(table, f"Shapley shares; all steps together bring {unit.change(total)} {unit.of_differences}")
    )
    return figure


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


def _effects(study: Any) -> "pd.DataFrame":
    return frame_of(study, "effects", ["term", "kind", "effect", "low", "high", "p", "draws"])

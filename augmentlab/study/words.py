"""What came out of a study, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augmentlab.markup import printable
from augmentlab.study import statistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd


def summary(table: pd.DataFrame, over_trivial: dict[str, Any] | None = None) -> str:
    """Say what a comparison says.

    Parameters
    ----------
    table : DataFrame
        Of `Study.compare`.
    over_trivial : dict, optional
        Row that compares the best arm with TrivialAugment.
    """
    arms, controls = table[table["role"] == "arm"], table[table["role"] == "control"]
    without = arms["draws"] == 0
    words = [_sentence(word, arms[(arms["verdict"] == word) & ~without], table.attrs) for word in statistics.VERDICTS]
    lines = [sentence for sentence in words if sentence]
    if without.any():
        have = "1 has" if without.sum() == 1 else f"{without.sum()} have"
        lines.append(f"{have} no result: {listed(arms.loc[without, 'arm'])}.")
    first = "The one arm" if len(arms) == 1 else f"Of {len(arms)} arms,"
    lines[0] = f"{first} {lines[0]}" if len(arms) > 1 else f"{first} {lines[0].removeprefix('1 ')}"
    if not (arms["verdict"] == "helps").any():
        lines.append("Nothing was found to help.")
        lines += _next(arms[arms["verdict"] == "undecided"].dropna(subset="draws_needed"))
    lines += _apart(arms[arms["verdict"] == "undecided"], len(table))
    share = table.attrs["unit"] == "points"
    scores = f"{100 * table.attrs['control_mean']:.1f} %" if share else f"{table.attrs['control_mean']:.3f}"
    lines.append(f"The control, with unchanged copies, scores {scores}.")
    for _, row in controls[controls["draws"] > 0].iterrows():
        lines.append(_second_control(row, over_trivial, table.attrs))
    if table.attrs["note"]:
        lines.append(f"{table.attrs['note'][0].upper()}{table.attrs['note'][1:]}.")
    return printable("\n".join(lines))


def listed(names: Iterable[str]) -> str:
    """Name the first few."""
    shown = list(names)
    if len(shown) > 5:
        shown = [*shown[:4], f"and {len(shown) - 4} more"]
    return printable(", ".join(shown))


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, ..."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def amount(value: float, attrs: Mapping[Any, Any]) -> str:
    """A difference without its sign, as long as its unit needs."""
    return f"{abs(value):.1f}" if attrs["unit"] == "points" else f"{abs(value):.3g}"


def chance(p: float) -> str:
    """A p value, as exact as it is worth."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Return a time in the largest unit that fits."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(1, round(seconds))} seconds"


def _sentence(word: statistics.Verdict, table: pd.DataFrame, attrs: Mapping[Any, Any]) -> str:
    """Say in a line which arms got a verdict."""
    count = len(table)
    if not count:
        return ""
    if word in ("helps", "hurts"):
        table = table.sort_values("difference", ascending=word == "hurts", kind="stable")
        first = table.iloc[0]
        verb = word if count == 1 else word.removesuffix("s")
        most = "" if count == 1 else "most of all "
        others = "" if count == 1 else f"; also {listed(table['arm'].iloc[1:])}"
        return f"{count} {verb}: {most}{first['arm']}, by {_interval(first, attrs)}{others}."
    if word == "equivalent":
        what = f"makes no difference that matters (less than {attrs['rope']:g} {attrs['unit']})"
        what = what if count == 1 else what.replace("makes", "make")
    else:
        what = f"{'is' if count == 1 else 'are'} {word}" + (" to the control" if word == "identical" else "")
    return f"{count} {what}: {listed(table['arm'])}."


def _next(undecided: pd.DataFrame) -> list[str]:
    """Say what would decide the arm that is nearest to it, and which no draws can decide."""
    if undecided.empty:
        return []
    endless = undecided["draws_needed"] == float("inf")
    if endless.all():
        return [f"More draws would not decide {'it' if len(undecided) == 1 else 'them'}, only more images can."]
    nearest = undecided.sort_values("draws_needed", kind="stable").iloc[0]
    need = "needs" if endless.sum() == 1 else "need"
    others = f"; {listed(undecided.loc[endless, 'arm'])} {need} more images" if endless.any() else ""
    return [f"About {nearest['draws_needed']:.0f} draws in all would decide {nearest['arm']}{others}."]


def _apart(undecided: pd.DataFrame, compared: int) -> list[str]:
    """Say why arms stay undecided whose intervals look as if they were not."""
    arms = undecided.loc[(undecided["low"] > 0) | (undecided["high"] < 0), "arm"]
    if arms.empty:
        return []
    has = "has an interval that leaves" if len(arms) == 1 else "have intervals that leave"
    adjusted = f", adjusted for all {compared} comparisons," if compared > 1 else ""
    return [f"{listed(arms)} {has} out 0, but p{adjusted} is not below 5 %."]


def _interval(row: Any, attrs: Mapping[Any, Any]) -> str:
    """The difference and its interval; both ends without a sign where they have the same."""
    if row["low"] * row["high"] >= 0:
        ends = sorted((abs(row["low"]), abs(row["high"])))
        low, high = (amount(end, attrs) for end in ends)
    else:
        low, high = (f"{'-' if end < 0 else ''}{amount(end, attrs)}" for end in (row["low"], row["high"]))
    return f"{amount(row['difference'], attrs)} {attrs['unit']} (95 % interval {low} to {high})"


def _second_control(row: Any, over: dict[str, Any] | None, attrs: Mapping[Any, Any]) -> str:
    """What a random operation of random strength gives, and whether choosing bought anything over it."""
    sign = "gains" if row["difference"] >= 0 else "loses"
    first = f"{row['arm']}, the second control, {sign} {amount(row['difference'], attrs)} {attrs['unit']}"
    if over is None:
        return f"{first}."
    verb = "beats it by" if over["difference"] >= 0 else "stays below it by"
    clear = "" if over["verdict"] in ("helps", "hurts") else ", which is not sure"
    return f"{first}; {over['arm']} {verb} {_interval(over, attrs)}{clear}."

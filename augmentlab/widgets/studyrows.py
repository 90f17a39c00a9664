"""What a view of a study shows, as plain values: a row an arm, which of them in which order, the axis, the words."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from augmentlab.study.words import chance, duration

if TYPE_CHECKING:
    import pandas as pd

    from augmentlab.study import Study

SORTS = ("difference", "name", "p")
_TICKS = 8  # about so many on the axis
_MOST_FAILURES = 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """An arm or a control, ready for a page.

    Attributes
    ----------
    label, code : str
    role : {"arm", "control", "baseline"}
        The baseline is the control that all are compared with.
    tags : tuple of str
        What an arm can be filtered by; see `tags_of`.
    difference, low, high, p : float or None
        None where there is no number yet.
    verdict : str
    draws, failed : int
        How many draws are complete, and how many raised an exception.
    words : dict of str to str
        What the columns say: mean, difference, interval, p, draws.
    """

    label: str
    code: str
    role: str
    tags: tuple[str, ...] = ()
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    verdict: str = ""
    draws: int = 0
    failed: int = 0
    words: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"tags": list(self.tags)}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is known of an arm or a control before any trial."""

    label: str
    code: str
    role: str
    tags: tuple[str, ...] = ()


def candidates_of(study: "Study") -> list[Candidate]:
    """The arms in the order given, then the controls; the one that all are compared with is the last."""
    found = [
        Candidate(
            label=arm["label"], code=arm["code"], role=arm["role"], tags=tags_of(arm) if arm["role"] == "arm" else ()
        )
        for arm in study.spec["arms"]
    ]
    control = study.arm("control")
    return [*found, Candidate(label=control.label, code=control.code, role="baseline")]


def rows_of(
    candidates: Sequence[Candidate], draws: int, table: "pd.DataFrame | None", failed: Mapping[Any, int]
) -> list[Row]:
    """A row for each candidate, those without a result too.

    Parameters
    ----------
    candidates : sequence of Candidate
    draws : int
        Of the study.
    table : DataFrame or None
        Of `Study.compare`.
    failed : dict of str to int
        Number of failed trials by label.
    """
    known = {} if table is None else {row["arm"]: row for row in table.to_dict("records")}
    rows = []
    for one in candidates:
        same: dict[str, Any] = asdict(one) | {"tags": one.tags, "failed": failed.get(one.label, 0)}
        if table is not None and one.role == "baseline":
            mean = unit_of(table).mean(table.attrs["control_mean"])
            rows.append(Row(**same, difference=0.0, words={"mean": mean}))
        elif table is not None and one.label in known:
            rows.append(_row(same, known[one.label], draws, unit_of(table)))
        else:
            rows.append(Row(**same, words={} if one.role == "baseline" else {"draws": f"0/{draws}"}))
    return rows


def tags_of(arm: Mapping[str, Any]) -> tuple[str, ...]:
    """What an arm can be filtered by: the steps that are on in an on/off design, else the classes of its steps.

    Parameters
    ----------
    arm : dict
        As in the `spec` of a study: from there, a transform of the user's own need not be at hand.

    Examples
    --------
    >>> from augmentlab import Compose, HorizontalFlip, Invert, OneOf, Rotate
    >>> pipeline = Compose([Rotate(angle=5), OneOf([Invert(), HorizontalFlip()])])
    >>> tags_of({"transform": pipeline.to_dict(), "levels": []})
    ('Rotate', 'Invert', 'HorizontalFlip')
    >>> tags_of({"transform": pipeline.to_dict(), "levels": [["turn", True], ["flip", False]]})
    ('turn',)
    """
    switches = {factor: level for factor, level in arm["levels"] if isinstance(level, bool)}
    if switches:
        return tuple(factor for factor, level in switches.items() if level)
    return tuple(dict.fromkeys(_leaves(arm["transform"])))


def order_of(rows: Sequence[Row], tags: Mapping[str, bool], search: str, sort: str) -> list[int]:
    """Indices of the rows to show, in order; the controls are always there, last.

    Parameters
    ----------
    rows : sequence of Row
    tags : dict of str to bool
        True for a tag that an arm must have, False for one that it must not have.
    search : str
        Each word must be in the label or in the code.
    sort : {"difference", "name", "p"}
        Largest first, by label, or smallest first; arms without a result come last, in the order given.
    """
    wanted = search.casefold().split()
    arms = [
        index
        for index, row in enumerate(rows)
        if row.role == "arm"
        and all((tag in row.tags) == must for tag, must in tags.items())
        and all(word in f"{row.label} {row.code}".casefold() for word in wanted)
    ]
    if sort == "name":
        arms.sort(key=lambda index: rows[index].label.casefold())
    else:
        values = {index: rows[index].p if sort == "p" else rows[index].difference for index in arms}
        sign = 1 if sort == "p" else -1
        arms.sort(key=lambda index: (values[index] is None, sign * (values[index] or 0.0)))
    return [*arms, *(index for index, row in enumerate(rows) if row.role != "arm")]


def axis_of(rows: Sequence[Row], rope: float, unit: Any) -> dict[str, Any]:
    """Ends of the axis of differences and the ticks on it: round numbers, so that it rests while intervals narrow.

    Examples
    --------
    >>> from augmentlab.plots.frames import Unit
    >>> axis = axis_of([Row(label="a", code="", role="arm", low=-1.2, high=11.0)], 0.5, Unit("accuracy", "points"))
    >>> axis["low"], axis["high"], [tick["text"] for tick in axis["ticks"]][1:]
    (-2.0, 12.0, ['0', '+2', '+4', '+6', '+8', '+10', '+12'])
    """
    ends = [value for row in rows for value in (row.low, row.high, row.difference) if value is not None]
    low, high = min([*ends, -2 * rope]), max([*ends, 2 * rope])
    if low == high:
        low, high = low - 1, high + 1
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = [{"at": place * step, "text": _tick(place * step, digits)} for place in range(first, last + 1)]
    return {"low": first * step, "high": last * step, "rope": rope, "ticks": ticks, "label": unit.of_differences}


def failures_of(trials: "pd.DataFrame") -> tuple[list[dict[str, Any]], int]:
    """Failed trials for a page, the first of each arm first, and how many more there are."""
    bad = trials[trials["state"] == "failed"]
    bad = bad.assign(turn=bad.groupby("params_arm").cumcount()).sort_values("turn", kind="stable")
    shown = [
        {
            "arm": row["params_arm"],
            "draw": int(row["params_draw"]),
            "message": row["message"],
            "traceback": row["traceback"],
        }
        for row in bad.head(_MOST_FAILURES).to_dict("records")
    ]
    return shown, len(bad) - len(shown)


def draws_of(trials: "pd.DataFrame", label: str, unit: Any) -> list[dict[str, Any]]:
    """What each draw gave: the control, an arm, and their difference; nothing for draws that neither has."""
    part = trials[trials["part"] == "validation"]
    found: dict[int, dict[str, Any]] = {}
    for row in part[part["params_arm"].isin(["control", label])].to_dict("records"):
        found.setdefault(int(row["params_draw"]), {})[row["params_arm"]] = row
    lines = []
    for draw, both in sorted(found.items()):
        values = {name: row["value"] for name, row in both.items() if row["state"] == "complete"}
        line = {"draw": str(draw)} | {
            key: unit.mean(values[name]) if name in values else ("failed" if name in both else "")
            for key, name in (("control", "control"), ("arm", label))
        }
        pair = [values.get(name, math.nan) for name in (label, "control")]
        change = unit.scale * (pair[0] - pair[1])
        lines.append(line | {"difference": "" if math.isnan(change) else unit.change(change)})
    return lines


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a study is.

    Attributes
    ----------
    done, failed, total : int
        Trials.
    finished, readonly : bool
        Of the study.
    task : str
        What this process is doing: "run", "confirm" or nothing.
    stopping, elsewhere : bool
        Whether it was told to stop; whether trials come from another process.
    left : float or None
        Seconds that the rest takes.
    """

    done: int
    failed: int
    total: int
    finished: bool
    readonly: bool
    task: str = ""
    stopping: bool = False
    elsewhere: bool = False
    left: float | None = None

    @property
    def action(self) -> str:
        """What the button does: start, resume, retry or stop; empty where it can do nothing."""
        if self.task:
            return "stop"
        if self.readonly or (self.finished and not self.failed):
            return ""
        if self.finished:
            return "retry"
        return "resume" if self.done + self.failed else "start"

    @property
    def words(self) -> str:
        """One line.

        Examples
        --------
        >>> Standing(done=24, failed=1, total=68, finished=False, readonly=False, task="run", left=40.0).words
        'Running: 24 of 68 trials, 1 failed, about 40 seconds left'
        """
        count = f"{self.done} of {self.total} trials" + (f", {self.failed} failed" if self.failed else "")
        if self.task == "confirm":
            return "Confirming on the locked test"
        if self.task or self.elsewhere:
            what = "Stopping" if self.stopping else "Running" if self.task else "Running elsewhere"
            if self.left is None or self.stopping:
                return f"{what}: {count}"
            return f"{what}: {count}, {'a few seconds' if self.left < 10 else f'about {duration(self.left)}'} left"
        if self.finished:
            rest = self.total - self.done - self.failed
            return f"Finished: {count}" + (f", {rest} not needed by the search" if rest else "")
        return f"{'Not finished' if self.done or self.failed else 'Not started'}: {count}"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "words": self.words,
            "action": self.action,
            "done": self.done,
            "total": self.total,
            "busy": bool(self.task),
            "stopping": self.stopping,
            "finished": self.finished,
        }


def unit_of(table: "pd.DataFrame") -> Any:
    """How the numbers of a table are written."""
    from augmentlab.plots.frames import Unit

    return Unit.of(table)


def _row(same: Mapping[str, Any], found: Mapping[Any, Any], draws: int, unit: Any) -> Row:
    numbers: dict[str, Any] = {name: _number(found[name]) for name in ("difference", "low", "high", "p")}
    low, high = numbers["low"], numbers["high"]
    needed = found["draws_needed"]
    words = {
        "mean": unit.mean(found["mean"]),
        "difference": "" if numbers["difference"] is None else unit.change(numbers["difference"]),
        "interval": "" if low is None or high is None else f"{unit.change(low)} to {unit.change(high)}",
        "p": "" if numbers["p"] is None else chance(numbers["p"]),
        "draws": f"{found['draws']}/{draws}",
        "needed": f"about {needed:.0f} draws would decide" if math.isfinite(needed) else "",
    }
    verdict = found["verdict"] if found["draws"] else ""
    return Row(**same, **numbers, verdict=verdict, draws=int(found["draws"]), words=words)


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


def _tick(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}") if abs(value) > 1e-12 else "0"


def _leaves(stored: Mapping[str, Any]) -> Iterator[str]:
    """Names of the classes in a pipeline that was stored."""
    steps = stored.get("steps")
    if not isinstance(steps, list):
        yield stored["transform"].rpartition(":")[2].rpartition(".")[2]
        return
    for step in steps:
        yield from _leaves(step)

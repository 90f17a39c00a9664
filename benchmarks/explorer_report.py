"""What was measured of the explorer: the data, what it says, and how it is told. Nothing here measures."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts import put

SCHEMA_VERSION = 1
PART = "explorer"  # its place on the page of the benchmarks

PIPELINES = {
    "one": "one geometric transform (Rotate)",
    "eight": "eight steps",
    "slow": "Rotate and a step of 20 ms a tile",
}
STAGES = {
    "to the kernel": "the key, the slider's script, the next animation frame, the message",
    "controls and value": "the kernel takes the message, checks the value, asks for a render",
    "thread": "the worker starts",
    "draws": "16 tiles: drawing the parameters, applying them",
    "picture": "montage, JPEG, the message to the page",
    "to the page": "the message on its way, and what else the page does meanwhile",
    "decode and paint": "JupyterLab reads the message, the browser decodes, the canvas is drawn",
    "next frame": "until an animation frame reads the pixels",
}
KEYS_WITHIN = {"one": 100.0, "eight": 200.0}  # ms, the median
FASTER = 5.0  # times, than interact and matplotlib
GAP = 250.0  # ms between two frames of a drag, and one render
LATE = 150.0  # ms from the release to the picture of the last position
GROWTH = 10.0  # percent


# --- data --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """The median and the quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
        return cls(float(median), float(low), float(high))


@dataclass(frozen=True)
class Drag:
    """Five seconds of one slider under the mouse. Times in ms."""

    pipeline: str
    seconds: float
    events: int  # of the slider, in the page
    submitted: int  # to the scheduler in the kernel
    rendered: int
    cancelled: int
    frames: int  # seen between press and release
    longest_gap: float  # without a new frame, between the first event and the release
    render: float  # the longest whole render
    late: float | None  # from the release to the picture of the last position; None where it never came
    stale: int  # frames after the release that still showed an earlier position: a backlog is many
    levels: float  # mean difference between the picture at rest and a fresh one, of 255

    @property
    def gap_limit(self) -> float:
        """The longest gap allowed: 250 ms and one render."""
        return GAP + self.render


@dataclass(frozen=True)
class Cancel:
    """The Cancel button during a render of 1.5 s. Times in ms."""

    shown_after: float
    stopped_after: float | None  # from the click; None where the render went on to its end
    picture_kept: bool


@dataclass(frozen=True)
class Growth:
    """Bytes before and after many changes."""

    before: int
    after: int

    @property
    def percent(self) -> float:
        """Of what there was before."""
        return 100 * (self.after / self.before - 1)


@dataclass(frozen=True)
class Run:
    """All that one command measured, and on what."""

    date: str
    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    keys: Mapping[str, tuple[float, ...]]  # ms from key to pixels, by "one" or "one-interact", one for each round
    received: Mapping[str, tuple[float, ...]]  # bytes that the page received for it
    stages: Mapping[str, Mapping[str, tuple[float, ...]]]  # ms, by pipeline and stage
    drags: tuple[Drag, ...]
    cancel: Cancel | None  # None where the page has no button named Cancel
    changes: int
    warm: int
    memory: Mapping[str, Growth]
    notebook: int | None  # bytes that one displayed explorer adds to the saved file


@dataclass(frozen=True)
class Line:
    """One measure, as it is told."""

    measure: str
    measured: str
    goal: str = ""
    met: bool | None = None  # None where there is no goal

    @property
    def verdict(self) -> str:
        """In words."""
        return {None: "", True: "met", False: "**not met**"}[self.met]


# --- what it says ------------------------------------------------------------------------------------------------------


def ms(spread: Spread) -> str:
    """The median and, in brackets, the quartiles."""
    return f"{spread.median:.0f} ms ({spread.low:.0f} to {spread.high:.0f})"


def times_faster(run: Run, pipeline: str) -> Spread | None:
    """How many times as long interact and matplotlib take, round by round; None where they were not measured."""
    ours, theirs = run.keys.get(pipeline), run.keys.get(f"{pipeline}-interact")
    return Spread.of(np.divide(theirs, ours)) if ours and theirs else None


def lines(run: Run) -> list[Line]:
    """Every measure with its goal, in the order of the issue."""
    return [*_key_lines(run), *_drag_lines(run), *_cancel_lines(run), *_memory_lines(run)]


def _key_lines(run: Run) -> Iterable[Line]:
    for pipeline, limit in KEYS_WITHIN.items():
        if pipeline not in run.keys:
            continue
        spread, name = Spread.of(run.keys[pipeline]), PIPELINES[pipeline]
        yield Line(f"key to pixels, {name}", ms(spread), f"≤ {limit:.0f} ms", spread.median <= limit)
        faster = times_faster(run, pipeline)
        if faster is not None:
            yield Line("the same with interact and matplotlib", ms(Spread.of(run.keys[f"{pipeline}-interact"])))
            text = f"{faster.median:.1f} ({faster.low:.1f} to {faster.high:.1f})"
            # The ratio is asked for one geometric transform; for the others it is only told.
            goal = (f"≥ {FASTER:g}", faster.median >= FASTER) if pipeline == "one" else ("", None)
            yield Line("times as long as the explorer", text, *goal)


def _drag_lines(run: Run) -> Iterable[Line]:
    for pipeline, name in PIPELINES.items():
        drags = [drag for drag in run.drags if drag.pipeline == pipeline]
        if not drags:
            continue
        title = f"drag of {drags[0].seconds:g} s, {name}"
        shown = Spread.of([drag.frames / drag.seconds for drag in drags])
        counts = (
            _median([getattr(drag, field) for drag in drags])
            for field in ("events", "submitted", "rendered", "cancelled")
        )
        told = "events {}, requests {}, rendered {}, cancelled {}".format(*counts)
        yield Line(f"{title}: frames a second", f"{shown.median:.1f} ({told})")
        worst = max(drags, key=lambda drag: drag.longest_gap - drag.gap_limit)
        yield Line(
            f"{title}: longest time without a new frame",
            f"{worst.longest_gap:.0f} ms",
            f"≤ {worst.gap_limit:.0f} ms, of which one render is {worst.render:.0f}",
            worst.longest_gap <= worst.gap_limit,
        )
        late = [drag.late for drag in drags if drag.late is not None]
        if late:
            spread = Spread.of(late)
            yield Line(
                f"{title}: from release to the last position's picture",
                f"{ms(spread)}, at most {max(late):.0f} ms",
                f"≤ {LATE:.0f} ms",
                spread.median <= LATE,
            )
        right = len(late)
        yield Line(
            f"{title}: at rest it is the last position's picture",
            f"{right} of {len(drags)} drags, {max(drag.levels for drag in drags):.2f} levels from a fresh one",
            "always",
            right == len(drags),
        )


def _cancel_lines(run: Run) -> Iterable[Line]:
    title = "Cancel during a render of 1.5 s"
    if run.cancel is None:
        if run.drags:
            yield Line(title, "the page has no button of this name", "stops it", False)
        return
    one = run.cancel
    stopped = (
        "the render went on" if one.stopped_after is None else f"stopped {one.stopped_after:.0f} ms after the click"
    )
    kept = "the previous picture stays" if one.picture_kept else "the picture changed"
    works = one.stopped_after is not None and one.picture_kept
    yield Line(title, f"offered after {one.shown_after:.0f} ms, {stopped}, {kept}", "stops it", works)


def _memory_lines(run: Run) -> Iterable[Line]:
    for name, growth in run.memory.items():
        megabytes = f"{growth.before / 2**20:.1f} to {growth.after / 2**20:.1f} MiB"
        yield Line(
            f"memory over {run.changes:,} changes, {name}",
            f"{growth.percent:+.1f} % ({megabytes})",
            f"≤ {GROWTH:g} %",
            growth.percent <= GROWTH,
        )
    if run.notebook is not None:
        yield Line("one displayed explorer adds to a saved notebook", f"{run.notebook / 1000:.0f} kB")


def _median(values: Sequence[float]) -> str:
    return f"{np.median(values):.0f}"


# --- terminal, JSON, page ----------------------------------------------------------------------------------------------


def table(run: Run) -> str:
    """The measures in aligned columns, for the terminal."""
    rows = [(one.measure, one.measured, one.goal, one.verdict.strip("*")) for one in lines(run)]
    rows.insert(0, ("measure", "measured", "goal", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def stage_table(run: Run) -> str:
    """Where the time between key and pixels goes, for the terminal."""
    rows = [["ms from key to pixels", *run.stages]]
    rows += [[stage, *(_stage(run, pipeline, stage) for pipeline in run.stages)] for stage in STAGES]
    return "\n".join(f"{row[0]:24}" + "".join(f"{cell:>20}" for cell in row[1:]) for row in rows)


def _stage(run: Run, pipeline: str, stage: str) -> str:
    values = run.stages[pipeline].get(stage)
    return f"{np.median(values):.1f}" if values else ""


def to_json(run: Run) -> str:
    """The whole run, each round of it."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(run)}, indent=1)


def from_json(text: str) -> Run:
    """What `to_json` wrote.

    Raises
    ------
    ValueError
        For another version of the schema.
    """
    document = json.loads(text)
    if document.pop("schema_version", None) != SCHEMA_VERSION:
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}: measure again")
    rounds = {name: {key: tuple(values) for key, values in document[name].items()} for name in ("keys", "received")}
    stages = {
        pipeline: {stage: tuple(values) for stage, values in one.items()}
        for pipeline, one in document["stages"].items()
    }
    cancel = document["cancel"]
    return Run(
        **document
        | rounds
        | {
            "stages": stages,
            "drags": tuple(Drag(**one) for one in document["drags"]),
            "cancel": None if cancel is None else Cancel(**cancel),
            "memory": {name: Growth(**one) for name, one in document["memory"].items()},
        }
    )


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table."""
    written = [list(head), *map(list, rows)]
    written.insert(1, ["---"] * len(written[0]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in written)


def part(run: Run) -> str:
    """The explorer's part of the page, in Markdown."""
    told = lines(run)
    judged = [one for one in told if one.met is not None]
    rows = [(one.measure, one.measured, one.goal, one.verdict) for one in told]
    blocks = [
        f"""## The explorer

How the explorer feels, in a real JupyterLab and a real Chromium, with a grid of 4 by 4 tiles of 128 px: an original and 15
draws. This part was written by `{run.command}` on {run.date}; {sum(bool(one.met) for one in judged)} of {len(judged)} goals are met.
Medians, quartiles in brackets.

{markdown(("measure", "measured", "goal", ""), rows)}"""
    ]
    if any(run.stages.values()):
        names = [PIPELINES[name] for name in run.stages]
        stages = [
            (stage, *(_stage(run, pipeline, stage) for pipeline in run.stages), what) for stage, what in STAGES.items()
        ]
        blocks.append(
            f"""### Where the time goes

Medians in ms of the stages between the key and the pixels, of the explorer. They need not add up to the median of the whole.

{markdown(("stage", *names, ""), stages)}"""
        )
    rounds = {len(values) for values in run.keys.values()}
    sent = [
        f"{np.median(run.received[name]) / 1000:.0f} kB by {_side(name)}" for name in run.keys if run.received.get(name)
    ]
    blocks.append(
        f"""### How the explorer is measured

- A generated notebook for each pipeline is opened in JupyterLab on this machine; Chromium is driven by Playwright, headless and without a
  graphics card; one thread for all that computes in the kernel.
- **Key to pixels**: an arrow key on the slider, from the time stamp of the keydown to the first animation frame in which
  the page reads other pixels. {max(rounds, default=0)} rounds, both sides in each round, in an order drawn anew, each from rest.
  Beside it, in the same page: `ipywidgets.interact` with a `FloatSlider`, which draws the same tiles, made by the same
  function, on 16 `imshow` axes of one matplotlib figure of the same size. The page receives for one change {", ".join(sent) or "not counted"}.
- **Drag**: the mouse moves the slider to and fro at up to 60 moves a second and lets go on the way. A frame counts when an
  animation frame first sees its number. The picture is that of the last position when it is nearer to a fresh render of
  that position than to those of the positions beside it. Over several drags the worst gap and the median delay are judged.
  The slow step is a user's own, plain Python that computes for 20 ms and holds the interpreter's lock. Sixteen tiles
  of it take 320 ms at the least, so that its last picture cannot be there after 150; that it is no backlog, the count of
  requests and of renders shows.
- **Memory**: after {run.warm} changes and again after {run.changes:,} more, each waited for; the kernel's and the renderer's
  resident memory, and the page's JavaScript heap after a forced collection. In a browser of its own, driven without
  Playwright, which has it report all that the page receives, and so makes it grow."""
    )
    blocks.append(
        "### Machine and versions of this part\n\n" + markdown(("", ""), [*run.machine.items(), *run.versions.items()])
    )
    return "\n\n".join(blocks)


def _side(name: str) -> str:
    pipeline, _, other = name.partition("-")
    return f"{'interact' if other else 'the explorer'} for {PIPELINES[pipeline]}"


def write(run: Run, folder: Path) -> None:
    """Write the explorer's part of the page of the benchmarks, and leave the rest as it is."""
    path = folder / "benchmarks.md"
    page: Any = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    path.write_text(put(page, PART, part(run)), encoding="utf-8")

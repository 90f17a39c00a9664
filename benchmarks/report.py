"""What was measured as lines in the terminal, as JSON, and as a page with a plot."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measure import FEW, LONG_ROUND, Ratio, Timing, ratio
from benchmarks.parts import kept
from benchmarks.peers import NAMES, OURS
from benchmarks.run import STREAMS, TWO, Result, Run
from benchmarks.works import EXPLANATIONS, GOALS, NOTES, WORKS, Goal, Work

SCHEMA_VERSION = 1
FIRST = "Albumentations"  # the library to which the goals refer
BY_NAME = {work.name: work for work in WORKS}


# --- what a result says ------------------------------------------------------------------------------------------------


def ratio_to(result: Result, name: str) -> Ratio | None:
    """Our time over that of a library, by CPU time; None where it was not measured."""
    return ratio(result.timings[OURS], result.timings[name]) if name in result.timings else None


def judged(result: Result) -> Ratio | None:
    """What is compared with the goal: the ratio to Albumentations, or for threads one over two by the wall clock."""
    if OURS + TWO in result.timings:
        return ratio(result.timings[OURS], result.timings[OURS + TWO], "wall")
    return ratio_to(result, FIRST)


def with_streams(result: Result) -> Ratio | None:
    """The ratio to Albumentations when each of our calls has a stream of its own; None where that is not another thing."""
    name = OURS + STREAMS
    return ratio(result.timings[name], result.timings[FIRST]) if {name, FIRST} <= set(result.timings) else None


def is_met(work: Work, measured: Ratio, limit: float) -> bool:
    """Whether the median reaches the goal; threads have to reach at least it, all else at most."""
    return measured.median >= limit if work.kind == "threads" else measured.median <= limit


def limit_of(result: Result, *, stringzilla: bool) -> float | None:
    """The ratio to reach; None where the work has no goal at this side."""
    goal = BY_NAME[result.work].goal
    return None if goal is None else goal.limit(result.side, stringzilla=stringzilla)


def figure(value: float) -> str:
    """Two digits, about as many as the spread allows to tell."""
    return f"{value:.{max(1 - math.floor(math.log10(float(f'{value:.1e}'))), 0)}f}"


def spread(measured: Ratio) -> str:
    """The quartiles."""
    return f"{figure(measured.low)} to {figure(measured.high)}"


# --- terminal ----------------------------------------------------------------------------------------------------------


def heading() -> str:
    """Over the lines of the results."""
    others = "".join(f"{name:>14}" for name in NAMES[1:])
    return f"{'our time / theirs':30}{'px':>6}{'ours':>12}{FIRST:>16}{'quartiles':>17}{'goal':>11}{others}"


def line(result: Result, *, stringzilla: bool) -> str:
    """One result in one line."""
    work, measured = BY_NAME[result.work], judged(result)
    limit = limit_of(result, stringzilla=stringzilla)
    clock = "wall" if work.kind == "threads" else "cpu"
    goal = ""
    if limit is not None and measured is not None:
        sign = ">=" if work.kind == "threads" else "<="
        goal = f"{sign}{limit:g} {'met' if is_met(work, measured, limit) else 'no'}"
    cells = [f"{result.work:30}{result.side:6}{result.timings[OURS].seconds(clock) * 1e6:9.0f} us"]
    cells.append(f"{'-' if measured is None else figure(measured.median):>16}")
    cells.append(f"{'' if measured is None else spread(measured):>17}{goal:>11}")
    for name in NAMES[1:]:
        other = ratio_to(result, name)
        cells.append(f"{'-' if other is None else figure(other.median):>14}")
    failed = "".join(f"\n    {name} left out: {why}" for name, why in result.left_out.items())
    return "".join(cells) + failed


# --- JSON --------------------------------------------------------------------------------------------------------------


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
    results = tuple(
        Result(**one | {"timings": {name: _timing(value) for name, value in one["timings"].items()}})
        for one in document["results"]
    )
    return Run(**document | {"results": results})


def _timing(value: dict[str, Any]) -> Timing:
    return Timing(value["repeats"], tuple(value["cpu"]), tuple(value["wall"]))


# --- page --------------------------------------------------------------------------------------------------------------


def page(run: Run) -> str:
    """The whole page in Markdown."""
    parts = [
        f"""# Benchmarks

What augmentlab's time is beside that of other libraries: **our time divided by theirs, for the same work in the same
run on one thread; below 1 we are faster.** This page was written by `{run.command}` on {run.date}, and whoever doubts it
can run that command. Where we lose, it says so.""",
        _plot_reference(run),
        _goals(run),
        _works(run),
        _growth(run),
        _threads(run),
        _method(run),
        _differences(run),
        _machine(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _plot_reference(run: Run) -> str:
    if not any(ratio_to(result, FIRST) for result in run.results):
        return ""
    return f"""```{{image}} _static/benchmarks.png
:alt: Our time over that of {FIRST} for each work, with the ratio to reach
:width: 760px
```"""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _goals(run: Run) -> str:
    rows, met = [], 0
    for goal in GOALS:
        for work, result, measured, limit in _judged_by(goal, run):
            reached = is_met(work, measured, limit)
            met += reached
            why = EXPLANATIONS.get((work.name, result.side), EXPLANATIONS.get(work.name, ""))
            note = "" if reached else why
            limit_text = f"{'≥' if work.kind == 'threads' else '≤'} {limit:g}"
            streams = with_streams(result)
            verdict = "met" if reached else "**not met**"
            rows.append(
                (
                    goal.text,
                    work.name,
                    str(result.side),
                    limit_text,
                    figure(measured.median),
                    spread(measured),
                    "" if streams is None else figure(streams.median),
                    verdict,
                    note,
                )
            )
    if not rows:
        return ""
    found = "is installed" if run.stringzilla else "is not installed"
    return f"""## Ratios to reach

To {FIRST}' time; {met} of {len(rows)} are met by the median. The ratio is the median over the rounds, between its
quartiles. It is judged with one random generator for all our calls, as the others have; beside it stands the ratio with
a stream for each image, `rng=(seed, epoch, index)`, which makes every image repeatable and costs more. (stringzilla, whose table look-up {FIRST} uses, {found} here.)

{_table(("goal", "work", "px", "to reach", "measured", "quartiles", "a stream for each image", "", "why"), rows)}"""


def _judged_by(goal: Goal, run: Run) -> Iterable[tuple[Work, Result, Ratio, float]]:
    for result in run.results:
        work, measured = BY_NAME[result.work], judged(result)
        limit = limit_of(result, stringzilla=run.stringzilla)
        if work.goal is goal and measured is not None and limit is not None:
            yield work, result, measured, limit


def _shown(run: Run) -> list[str]:
    """The libraries that were measured."""
    return [name for name in NAMES if any(name in result.timings for result in run.results)]


def _works(run: Run) -> str:
    names, blocks = _shown(run), []
    for family in dict.fromkeys(work.family for work in WORKS):
        rows = []
        for result in run.results:
            work = BY_NAME[result.work]
            if work.family != family or work.kind == "threads":
                continue
            ratios = [ratio_to(result, name) for name in names]
            mark = r"\*" if work.name in NOTES else ""
            rows.append(
                (
                    f"{work.name}{mark}",
                    str(result.side),
                    *("" if one is None else f"{figure(one.median)}" for one in ratios),
                )
            )
        if rows:
            blocks.append(f"### {family}\n\n{_table(('work', 'px', *names), rows)}")
    if not blocks:
        return ""
    gone = [f"{name} ({why})" for name, why in run.left_out.items()]
    gone += [
        f"{name} at {result.work}, {result.side} px ({why})"
        for result in run.results
        for name, why in result.left_out.items()
    ]
    missing = f" Left out: {'; '.join(gone)}." if gone else ""
    text = f"""## Every work

Medians of our time over that of each library. An empty cell: the library has no such work. A star: it is defined
differently there, as told [below](#definitions). "scikit-image" is augmentlab on its reference engine, which
is plain scikit-image, SciPy and NumPy. What mixes several samples (MixUp, CutMix, Mosaic) or needs a mask (MaskDropout) is
not measured.{missing}"""
    return "\n\n".join([text, *blocks])


def _growth(run: Run) -> str:
    results = [result for result in run.results if len(BY_NAME[result.work].sides) > 3]
    if len(results) < 2:
        return ""
    names = _shown(run)
    base = next((one for one in results if one.side == 256), results[0])

    def per_pixel(result: Result) -> float:
        return result.timings[OURS].seconds() / result.side**2

    rows = []
    for result in results:
        ratios = [ratio_to(result, name) for name in names]
        cells = ["" if one is None else f"{figure(one.median)} ({spread(one)})" for one in ratios]
        rows.append((str(result.side), figure(per_pixel(result) / per_pixel(base)), *cells))
    head = ("px", f"our time per pixel, that at {base.side} px being 1", *names)
    return f"""## Growth

The eight-step pipeline on larger and larger images: ratios to the others, with quartiles.

{_table(head, rows)}"""


def _threads(run: Run) -> str:
    rows = []
    for result in run.results:
        for name in (OURS, FIRST):
            if name + TWO in result.timings:
                gained = ratio(result.timings[name], result.timings[name + TWO], "wall")
                rows.append((name, result.work, str(result.side), figure(gained.median), spread(gained)))
    if not rows:
        return ""
    return f"""## Threads

The time of one thread over that of two, by the clock on the wall: 2 would be twice as fast.

{_table(("library", "work", "px", "one over two", "quartiles"), rows)}"""


def _method(run: Run) -> str:
    rounds = sorted({len(result.timings[OURS].cpu) for result in run.results})
    many = f"{rounds[0]} to {rounds[-1]}" if len(rounds) > 1 else f"{rounds[0]}" if rounds else "no"
    return f"""## How it is measured

- All libraries are measured in one process. Each of {many} rounds measures every library once, in an order drawn anew; a
  ratio is formed within a round, and the median and quartiles are taken over the rounds. A work of which a round takes
  longer than {LONG_ROUND:g} s gets fewer rounds, at least {FEW} (or all, if fewer were asked for).
- One measurement repeats the call until it takes about as long as was asked for (10 ms unless told otherwise); a call
  that takes longer is made once. Time is the CPU time of the thread; for two threads, the clock on the wall.
- One thread everywhere: OpenCV, PyTorch, OpenMP, MKL and Numba are set to it before they load.
- First calls, loading and compiling are not counted.
- Drawing the parameters is counted on all sides, each with one random generator for all its calls. How much it takes to
  give each image a stream of its own is measured beside it in the same rounds; batches and threads always do that.
- Each library is used as its documentation shows, on what it works on, which is made once and not counted: arrays for
  {FIRST} (`transform(image=image)["image"]`, `Compose` for pipelines) and OpenCV, uint8 tensors (C, H, W) for
  torchvision v2, float tensors for Kornia, images for Pillow.
- Arrays and tensors that come out are made contiguous on all sides.
- Single transforms are always applied. In pipelines the flip has the probability 0.5 and all else is always applied, on
  all sides.
- The image is scikit-image's photo of an astronaut, RGB, uint8, shrunk by local means or tiled to its side;
  every call gets the same."""


def _differences(run: Run) -> str:
    names = dict.fromkeys(result.work for result in run.results)
    notes = [f"- **{name}**: {NOTES[name]}" for name in names if name in NOTES]
    return "(definitions)=\n## Where definitions differ\n\n" + "\n".join(notes) if notes else ""


def _machine(run: Run) -> str:
    rows = [*run.machine.items(), *run.versions.items()]
    return "## Machine and versions\n\n" + _table(("", ""), rows)


# --- plot --------------------------------------------------------------------------------------------------------------


def plot(run: Run) -> Any:
    """A matplotlib Figure: a line for each work, a dot for each side, with the quartiles and the ratios to reach."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    results = [result for result in run.results if ratio_to(result, FIRST) and BY_NAME[result.work].kind != "threads"]
    names = list(dict.fromkeys(result.work for result in results))
    sides = sorted({result.side for result in results})
    colours = dict(zip(sides, mpl.colormaps["viridis"](_steps(len(sides))), strict=True))
    size = Figure(figsize=(8, 1.6 + 0.2 * (len(names) + _families(names))), layout="constrained")
    axes = size.add_subplot()
    place, ticks, labels = 0.0, [], []
    family = ""
    for name in names:
        if BY_NAME[name].family != family:
            family = BY_NAME[name].family
            ticks.append(place)
            labels.append(family.upper())
            place += 1
        ticks.append(place)
        labels.append(name)
        ours = [result for result in results if result.work == name]
        for index, result in enumerate(ours):
            measured = ratio_to(result, FIRST)
            height = place + (index - (len(ours) - 1) / 2) * min(0.3, 0.8 / len(ours))
            limit = limit_of(result, stringzilla=run.stringzilla)
            axes.plot([measured.low, measured.high], [height, height], color=colours[result.side], lw=1.2)
            axes.plot(measured.median, height, "o", ms=4, color=colours[result.side])
            if limit is not None:
                axes.plot(limit, height, "|", ms=5, mew=1.2, color="crimson")
        place += 1
    axes.set_xscale("log")
    axes.axvline(1, color="black", lw=0.8)
    axes.set_ylim(place - 0.4, -0.6)
    axes.set_yticks(ticks, labels, fontsize=7)
    for label, text in zip(axes.get_yticklabels(), labels, strict=True):
        label.set_fontweight("bold" if text.isupper() and text not in BY_NAME else "normal")
    axes.grid(axis="x", which="both", lw=0.3, alpha=0.6)
    axes.tick_params(axis="x", top=True, labeltop=True)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"our time / {FIRST}' (further left is faster); bars: quartiles")
    handles = [axes.plot([], [], "o", ms=4, color=colours[side], label=f"{side} px")[0] for side in sides]
    handles += axes.plot([], [], "|", ms=7, mew=1.2, color="crimson", label="to reach")
    size.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=7, frameon=False)
    return size


def _steps(count: int) -> list[float]:
    return [0.9 * index / max(count - 1, 1) for index in range(count)]


def _families(names: list[str]) -> int:
    return len({BY_NAME[name].family for name in names})


def write(run: Run, folder: Path) -> None:
    """Write the page and its plot into the folder of the documentation."""
    (folder / "_static").mkdir(parents=True, exist_ok=True)
    path = folder / "benchmarks.md"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    # What `python -m benchmarks.explorer` and `python -m benchmarks.explorer_long` wrote there stays.
    written = kept(kept(page(run), before, "explorer"), before, "explorer-long")
    path.write_text(written, encoding="utf-8")
    if _plot_reference(run):
        plot(run).savefig(folder / "_static" / "benchmarks.png", dpi=110)

"""Does a long study stay as quick and as small as it begins? ``python -m benchmarks.longrun --write-docs``.

A study of 10,000 trials of a model that takes about a millisecond runs in one process. Every 500 trials: the time of
one, the resident memory, open files, threads, and the size of the database. At the end: what it takes to run the finished
study again, to open it, and to look at it.
"""

# ruff: noqa: E402 -- the environment comes first

# One thread for everybody: these are read when the libraries load.
import os

for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM", "NUMEXPR"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"

import argparse
import contextlib
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from augmentlab import Dataset, engines, report, uniform
from augmentlab.study import Study, grid
from benchmarks.run import command, machine, today

DOCS = Path(__file__).parents[1] / "docs"
DRAWS = 10


@dataclass(frozen=True)
class Sample:
    """The process at some point of the run."""

    trials: int
    clock: float
    cpu: float
    megabytes: float
    files: int
    threads: int
    stored: float


class Watch:
    """Notes the state of the process whenever so many models have been trained.

    Parameters
    ----------
    path : Path
        The database.
    every : int
        Trials between two looks.
    """

    def __init__(self, path: Path, every: int) -> None:
        self.path, self.every = path, every
        self.samples: list[Sample] = []
        self.process = psutil.Process()
        self.count = 0

    def trained(self) -> None:
        """Another one begins."""
        if self.count % self.every == 0:
            self.look()
        self.count += 1

    def look(self) -> None:
        """Note what there is."""
        written = sum(one.stat().st_size for one in self.path.parent.glob(f"{self.path.name}*"))
        self.samples.append(
            Sample(
                self.count, time.perf_counter(), time.process_time(), self.process.memory_info().rss / 2**20,
                self.process.num_fds(), self.process.num_threads(), written / 2**20,
            )
        )  # fmt: skip


WATCHES: list[Watch] = []  # here, since a model that a study knows again is a function of a module


def nearest_mean(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Callable[..., Any]:  # noqa: ARG001
    """Train next to nothing."""
    for watch in WATCHES:
        watch.trained()
    means = np.stack([images[labels == label].mean(axis=0) for label in (0, 1)])
    return lambda given: ((given[:, None] - means) ** 2).sum(axis=(2, 3)).argmin(axis=1)


def study(path: Path, trials: int) -> Study:
    """As many trials as wanted, of pictures of noise."""
    rng = np.random.default_rng(0)
    images = Dataset(rng.integers(0, 256, (400, 8, 8)).astype(np.uint8), np.arange(400) % 2, name="noise")
    arms = grid({"Rotate.angle": [uniform(-step / 8, step / 8) for step in range(1, trials // DRAWS)]})
    return Study(images, nearest_mean, arms, draws=DRAWS, train_size=20, copies=1, trivial=False, storage=path)


def measured(folder: Path, trials: int, every: int) -> tuple[list[Sample], dict[str, float]]:
    """Run the study; return the samples, and the seconds of what is done with it afterwards."""
    path = folder / "study.db"
    watch = Watch(path, every)
    WATCHES[:] = [watch]
    engines.wait()
    one = study(path, trials)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        one.run(1)  # the progress bar is part of it
    watch.look()
    assert one.n_complete == watch.count == trials
    finished: dict[str, Callable[[], Any]] = {
        "making the study and running it again, with nothing left to do": lambda: study(path, trials).run(
            1, progress=False
        ),
        "`Study.open` with its counts": lambda: repr(Study.open(path)),
        "`compare()`, the first time": one.compare,
        "`compare()`, once more": one.compare,
        "`summary()`": one.summary,
        "`trials_dataframe()`": one.trials_dataframe,
        "`report.write()`": lambda: report.write(one, folder / "report.html"),
    }
    seconds = {}
    for name, action in finished.items():
        start = time.perf_counter()
        action()
        seconds[name] = time.perf_counter() - start
        print(f"{name}: {seconds[name]:.2f} s", flush=True)
    assert watch.count == trials  # running again computed nothing
    return watch.samples, seconds


def table(samples: list[Sample]) -> str:
    """One row a stretch of the run, as Markdown."""
    lines = [
        "| trials | wall time a trial | CPU time a trial | memory | open files | threads | database |",
        "|---|---|---|---|---|---|---|",
    ]
    for before, after in pairwise(samples):
        count = after.trials - before.trials
        wall, cpu = 1000 * (after.clock - before.clock) / count, 1000 * (after.cpu - before.cpu) / count
        lines.append(
            f"| {after.trials:,} | {wall:.1f} ms | {cpu:.1f} ms | {after.megabytes:.0f} MiB | {after.files} | "
            f"{after.threads} | {after.stored:.1f} MiB |"
        )
    return "\n".join(lines)


def page(samples: list[Sample], seconds: dict[str, float], called: str) -> str:
    """The documentation page, as Markdown."""
    after = "\n".join(f"| {name} | {time:.2f} s |" for name, time in seconds.items())
    trials = samples[-1].trials
    return f"""# A study of {trials:,} trials

Measured on {today()} by `{called}` ({", ".join(f"{name}: {value}" for name, value in machine().items())}).

{trials // DRAWS - 1} arms and the control on {DRAWS} draws, in one process, with a model that takes about a millisecond, so that what
the study itself costs shows: time and memory must not grow with what is stored already. Where other programs were at work
on the machine, all wall times show it, and the CPU times show it less.

{table(samples)}

When all is done:

| what | seconds |
|---|---|
{after}
"""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.longrun", description=__doc__.partition("?")[0])
    parser.add_argument("--trials", type=int, default=10_000, help="10,000 unless given; a multiple of 10")
    parser.add_argument("--every", type=int, default=500, help="trials between two looks; 500 unless given")
    parser.add_argument("--write-docs", action="store_true", help="write the page")
    parser.add_argument("--docs", metavar="FOLDER", type=Path, default=DOCS, help="where --write-docs writes")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        text = page(*measured(Path(folder), arguments.trials, arguments.every), command("benchmarks.longrun"))
    print(text)
    if arguments.write_docs:
        (arguments.docs / "longrun.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

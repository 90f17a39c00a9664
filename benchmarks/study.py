"""What a study costs beside the training of models: ``python -m benchmarks.study --write-docs``.

Four things are measured: the default experiment (that of ``augmentlab demo``) from start to table, what storing costs a
trial, how long a study of 2,000 trials takes to open and to compare, and whether the memory of a process that runs 2,000
trials stays flat.
"""

# ruff: noqa: E402 -- the environment comes first

# One thread for everybody: these are read when the libraries load.
import os

for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM", "NUMEXPR"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"

import argparse
import statistics
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import psutil

from augmentlab import Affine, CoarseDropout, Dataset, GaussianNoise, Rotate, data, models, uniform
from augmentlab.study import Study, combinations, grid
from augmentlab.study.storage import Storage, Trial
from benchmarks.run import command, machine, today

DOCS = Path(__file__).parents[1] / "docs"
TRIALS = 2000


def default_experiment(folder: Path) -> dict[str, float]:
    """Seconds of 16 arms, TrivialAugment among the controls, times 8 draws, by nearest neighbour."""
    steps = {
        "shift": Affine(translate_x=uniform(-3 / 16, 3 / 16), translate_y=uniform(-3 / 16, 3 / 16)),
        "rotate": Rotate(angle=uniform(-20, 20)),
        "noise": GaussianNoise(std=0.1),
        "erase": CoarseDropout(holes=1, height=3 / 16, width=3 / 16),
    }
    start = time.perf_counter()
    study = Study(
        data.scattered_digits(), models.knn(), combinations(steps), draws=8, train_size=300, copies=3, validation=0.4,
        test=0.2, storage=folder / "default.db",
    )  # fmt: skip
    study.run(progress=False)
    study.compare()
    study.effects()
    whole = time.perf_counter() - start
    return {"seconds": whole, "trials": study.n_trials}


def stored_study(path: Path) -> tuple[Study, list[float]]:
    """A study of 2,000 trials with made-up hits, and the milliseconds that each took to claim and store."""
    arms = grid({"Rotate.angle": [uniform(-step / 4, step / 4) for step in range(1, 199)]})
    study = Study(data.digits(), models.knn(), arms, draws=10, storage=path)
    labels = np.array(study.spec["labels"]["validation"])
    rng = np.random.default_rng(0)
    times = []
    with Storage(path, write=True) as store:
        store.save_study(study._key, study.name, study.spec)  # noqa: SLF001
        for (index, draw), key in study._keys("validation").items():  # noqa: SLF001
            hits = rng.random(len(labels)) < 0.8 + 0.0005 * index
            trial = Trial(
                key=key, arm="", draw=draw, part="validation", state="complete", hits=hits, images=len(labels),
                started="2026-01-01T00:00:00.000+00:00", seconds=1.0, value=float(hits.mean()),
                predictions=np.where(hits, labels, (labels + 1) % 10),
            )  # fmt: skip
            start = time.perf_counter()
            store.claim(key)
            store.save_trials([trial])
            times.append(1000 * (time.perf_counter() - start))
    assert study.n_trials == TRIALS
    return study, times


def opened(path: Path, rounds: int) -> dict[str, float]:
    """Median seconds to open the study, with its counts, and to compare all arms."""
    opening, comparing = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        study = Study.open(path)
        repr(study)
        opening.append(time.perf_counter() - start)
        start = time.perf_counter()
        study.compare()
        comparing.append(time.perf_counter() - start)
    return {"open": statistics.median(opening), "compare": statistics.median(comparing)}


def memory(folder: Path) -> dict[str, float]:
    """Resident megabytes of a process that runs 2,000 small trials, after a tenth of them and at the end."""
    rng = np.random.default_rng(0)
    images = Dataset(rng.integers(0, 256, (400, 8, 8)).astype(np.uint8), np.arange(400) % 2, name="noise")
    arms = grid({"Rotate.angle": [uniform(-step / 4, step / 4) for step in range(1, 199)]})
    study = Study(images, models.knn(), arms, draws=10, train_size=20, copies=1, storage=folder / "memory.db")
    process, sizes, done = psutil.Process(), [], threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            sizes.append((study.n_complete, process.memory_info().rss / 2**20))

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    study.run(1, progress=False)
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    early = [size for count, size in sizes if TRIALS * 0.1 <= count <= TRIALS * 0.2]
    late = [size for count, size in sizes if count >= TRIALS * 0.9]
    return {"early": statistics.median(early), "late": statistics.median(late), "seconds": seconds}


def page(run: dict[str, dict[str, float]], called: str) -> str:
    """The documentation page, as Markdown."""
    default, store, read, grown = (run[name] for name in ("default", "store", "read", "memory"))
    change = 100 * (grown["late"] / grown["early"] - 1)
    return f"""# What a study costs

Measured on {today()} by `{called}` ({", ".join(f"{name}: {value}" for name, value in machine().items())}).

| what | measured | goal |
|---|---|---|
| default experiment: 16 arms and TrivialAugment, 8 draws, {default["trials"]:.0f} trials of a nearest neighbour, from start to table and effects | {default["seconds"]:.0f} s | 60 s |
| claiming and storing a trial, median of {TRIALS:,} | {store["median"]:.2f} ms | 1 ms |
| opening a study of {TRIALS:,} trials | {read["open"]:.2f} s | 1 s |
| comparing its {TRIALS // 10 - 1} arms | {read["compare"]:.1f} s | 3 s |
| memory of a process that runs {TRIALS:,} small trials, the last tenth against the second | {change:+.1f} % ({grown["early"]:.0f} to {grown["late"]:.0f} MiB) | flat |

The default experiment is that of `augmentlab demo`. Times of training are the model's; what is stored, opened and compared
here holds 450 validation images. Durable storage (`run(durable=True)`) waits for the disk and costs what the disk does.
"""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of opening and comparing; 5 unless given")
    parser.add_argument("--write-docs", action="store_true", help="write the page")
    parser.add_argument("--docs", metavar="FOLDER", type=Path, default=DOCS, help="where --write-docs writes")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, times = stored_study(folder / "study.db")
        run = {
            "store": {"median": statistics.median(times)},
            "read": opened(folder / "study.db", arguments.rounds),
            "memory": memory(folder),
            "default": default_experiment(folder),
        }
    text = page(run, command("benchmarks.study"))
    print(text)
    if arguments.write_docs:
        (arguments.docs / "studycost.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

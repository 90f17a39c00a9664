"""A study killed at random moments, itself and its workers: what is stored is as if nothing had happened."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from test_kills import MOMENTS, Killer, dask, loky_workers

from augmentlab import Affine, HorizontalFlip, Invert, data, models, uniform
from augmentlab.study import Study, combinations, execution
from augmentlab.study.storage import Storage

pytestmark = pytest.mark.slow

STEPS = {"shift": Affine(translate_x=uniform(-0.2, 0.2)), "flip": HorizontalFlip(), "invert": Invert()}
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[3])
from test_study_kills import execution, the_study

if __name__ == "__main__":
    execution.WORTH_WORKERS = 0.0
    the_study(sys.argv[1]).run(n_jobs=int(sys.argv[2]), progress=False)
"""


def the_study(path):
    arms = combinations(STEPS)
    return Study(data.digits(), models.hog_logistic(), arms, draws=40, train_size=200, copies=2, storage=path)


def stored(path):
    """All that decides a result, by key, and when each was started; empty before there is anything."""
    if not path.exists() or not path.stat().st_size:
        return {}, {}
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            rows = connection.execute(
                "SELECT key, arm, draw, part, state, value, hits, predictions, message, started FROM trial"
            ).fetchall()
        except sqlite3.OperationalError:  # the file is there, its tables are not yet
            return {}, {}
    return {row[0]: row[1:-1] for row in rows}, {row[0]: row[-1] for row in rows}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "study.db"
    the_study(path).run(1, progress=False)
    results, _ = stored(path)
    assert len(results) == 9 * 40
    return results


def started(path, jobs):
    script = path.parent / "run.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(path), str(jobs), str(Path(__file__).parent)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("jobs", [1, 2])
def test_kills_of_the_study_lose_nothing_and_repeat_nothing(tmp_path, undisturbed, jobs):
    path = tmp_path / "study.db"
    rng = np.random.default_rng(jobs)
    kept, clock = {}, time.monotonic()
    for moment in range(MOMENTS):
        process = started(path, jobs)
        while len(stored(path)[0]) <= len(kept):  # something new each time, so that this ends
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.4))
        os.kill(process.pid, signal.SIGKILL)  # its workers are not told
        process.communicate()
        results, times = stored(path)
        assert {key: times[key] for key in kept} == kept, moment  # nothing that was stored is lost or done again
        kept = times
        assert results.items() <= undisturbed.items()
        if len(kept) == 9 * 40:
            break
    assert moment + 1 == MOMENTS
    before = len(kept)
    process = started(path, jobs)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    results, times = stored(path)
    assert results == undisturbed
    assert {key: times[key] for key in kept} == kept
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM claim").fetchone() == (0,)
    print(  # noqa: T201  (the figures of the docs)
        f"n_jobs={jobs}: killed {moment + 1} times with up to {before} of {len(results)} trials stored, "
        f"0 lost, 0 repeated, {time.monotonic() - clock:.0f} s"
    )


@contextlib.contextmanager
def processes():
    yield {"n_jobs": 2}, loky_workers


@pytest.mark.filterwarnings("default")  # of what was open in what is killed
@pytest.mark.timeout(900)
@pytest.mark.parametrize("executor", [processes, dask])
def test_kills_of_workers_lose_nothing(executor, tmp_path, undisturbed, monkeypatch):
    monkeypatch.setattr(execution, "WORTH_WORKERS", 0.0)
    saved, clock = Counter(), time.monotonic()
    keep = Storage.save_trials

    def save(store, trials):
        saved.update(f"{store.path}: {trial.key}" for trial in trials)
        keep(store, trials)

    monkeypatch.setattr(Storage, "save_trials", save)
    killed, number, workers_lost = 0, 0, 0
    while killed < MOMENTS:
        path = tmp_path / f"{number}.db"
        # A cluster of its own each time: Dask does not replace a worker that dies while it starts.
        with (
            executor() as (options, workers),
            Killer(workers, lambda: len(saved), moments=MOMENTS - killed, seed=killed) as killer,
        ):
            try:
                the_study(path).run(progress=False, **options)
            except RuntimeError as error:
                workers_lost += 1
                if "worker" not in str(error) or workers_lost == MOMENTS:
                    raise  # else none is left, and another cluster goes on
        killed += len(killer.killed)
        results, _ = stored(path)
        if len(results) == len(undisturbed):
            assert results == undisturbed
            number += 1
    assert number
    assert set(saved.values()) == {1}
    print(  # noqa: T201  (the figures of the docs)
        f"{executor.__name__}: {killed} kills of workers in {len(saved)} trials, 0 lost, 0 repeated, "
        f"{time.monotonic() - clock:.0f} s"
    )


def test_a_dask_cluster_gives_the_same_bits(tmp_path, undisturbed):
    with dask() as (options, _):
        the_study(tmp_path / "study.db").run(progress=False, **options)
    results, _ = stored(tmp_path / "study.db")
    assert results == undisturbed

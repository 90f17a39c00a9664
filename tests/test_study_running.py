"""Real processes: killed, interrupted, many at once."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from augmentlab import HorizontalFlip, Invert, data, models
from augmentlab.study import Study, execution

SCRIPT = """
import sys
from augmentlab import Affine, HorizontalFlip, Invert, data, models, uniform
from augmentlab.study import Study, combinations, execution
from augmentlab.study.storage import Storage

if __name__ == "__main__":
    execution.WORTH_WORKERS = float(sys.argv[2])
    arms = combinations({"shift": Affine(translate_x=uniform(-0.2, 0.2)), "flip": HorizontalFlip(), "invert": Invert()})
    study = Study(data.digits(), models.knn(), arms, draws=3, train_size=100, copies=2, storage=sys.argv[1],
                  trivial=False)
    saved, keep = [], Storage.save_trials
    Storage.save_trials = lambda store, trials: (saved.extend(trials), keep(store, trials))
    study.run(n_jobs=int(sys.argv[3]))
    print(f"computed {len(saved)}", file=sys.stderr)
    sys.exit(130 if study.interrupted else 0)
"""


def start(path, *, worth=1e9, jobs=1, **options):
    command = [sys.executable, str(path.parent / "study.py"), str(path), str(worth), str(jobs)]
    (path.parent / "study.py").write_text(SCRIPT)
    # A session of its own, so that a signal can go to it and its workers, as from a terminal.
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True, **options)


def finish(process):
    _, errors = process.communicate(timeout=200)
    return process.returncode, errors


def rows(path):
    """Everything of the complete trials but when and how long; and when they started."""
    if not path.exists() or not path.stat().st_size:
        return {}, {}
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT key, arm, draw, part, state, value, hits, message, started FROM trial")
        listed = found.fetchall()
    except sqlite3.OperationalError:  # the file is there, its tables are not yet
        return {}, {}
    finally:
        connection.close()
    return {row[0]: row[1:-1] for row in listed}, {row[0]: row[-1] for row in listed}


def wait_for(path, count, process):
    deadline = time.monotonic() + 120
    while len(rows(path)[0]) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "study.db"
    code, errors = finish(start(path))
    assert code == 0, errors
    results, _ = rows(path)
    assert len(results) == 24
    return results


@pytest.mark.slow
def test_a_study_killed_again_and_again_ends_as_if_nothing_had_happened(tmp_path, uninterrupted):
    path = tmp_path / "study.db"
    for count in (1, 8, 15):
        process = start(path)
        _, already = rows(path)
        wait_for(path, count, process)
        os.killpg(process.pid, signal.SIGKILL)
        finish(process)
        results, times = rows(path)
        assert count <= len(results) < 24
        assert {key: times[key] for key in already} == already
    code, errors = finish(start(path))
    assert code == 0, errors
    final, final_times = rows(path)
    assert final == uninterrupted
    assert {key: final_times[key] for key in times} == times
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["study.db", "study.py"]


def test_workers_give_the_same_bits(tmp_path, uninterrupted):
    path = tmp_path / "study.db"
    code, errors = finish(start(path, worth=0, jobs=2))
    assert code == 0, errors
    assert rows(path)[0] == uninterrupted
    assert "Warning" not in errors


@pytest.mark.parametrize(("worth", "jobs"), [(1e9, 1), (0, 2)])
def test_ctrl_c_keeps_what_is_finished_in_one_sentence(tmp_path, uninterrupted, worth, jobs):
    path = tmp_path / "study.db"
    process = start(path, worth=worth, jobs=jobs)
    wait_for(path, 5, process)
    os.killpg(process.pid, signal.SIGINT)
    code, errors = finish(process)
    assert code == 130, errors
    kept, _ = rows(path)
    assert 5 <= len(kept) < 24
    assert f"Interrupted: {len(kept)} of 24 trials are kept; run again to go on.\n" in errors
    assert "Traceback" not in errors
    assert kept.items() <= uninterrupted.items()
    code, errors = finish(start(path))
    assert code == 0, errors
    assert rows(path)[0] == uninterrupted


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(tmp_path):
    path = tmp_path / "study.db"
    process = start(path, worth=0, jobs=2)
    wait_for(path, 5, process)
    process.kill()  # the workers are not told
    # They hold the other end of the pipe of errors, which is read until all of them are gone.
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_two_processes_may_run_the_same_study_at_once(tmp_path, uninterrupted):
    path = tmp_path / "study.db"
    processes = [start(path), start(path)]
    ends = [finish(process) for process in processes]
    assert [code for code, _ in ends] == [0, 0], ends
    assert rows(path)[0] == uninterrupted
    computed = [int(errors.rpartition("computed ")[2]) for _, errors in ends]
    assert sum(computed) == 24  # none of them twice


def test_threads_of_the_caller_do_not_change_the_bits():
    from threadpoolctl import threadpool_limits

    stored = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            study = Study(
                data.digits(),
                models.hog_logistic(),
                [HorizontalFlip()],
                draws=2,
                train_size=80,
                storage=":memory:",
                trivial=False,
            ).run(progress=False)
        stored.append([trial.hits for trial in study._stored("validation").values()])
    np.testing.assert_array_equal(*stored)


class Fatal(models.HOG):
    """Ends the process that trains it, but not the test's."""

    learns_nothing = False

    def __init__(self, here=0):
        super().__init__()
        self.here = here

    def fit(self, images, y=None):  # noqa: ARG002
        if os.getpid() != self.here:
            os._exit(1)
        return self


@pytest.mark.slow
def test_a_cell_that_kills_its_worker_fails_and_the_rest_goes_on(monkeypatch):
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    monkeypatch.setattr(execution, "WORTH_WORKERS", 0.0)
    model = make_pipeline(Fatal(os.getpid()), KNeighborsClassifier())
    settings = {"draws": 2, "train_size": 50, "copies": 1, "storage": ":memory:", "trivial": False}
    study = Study(data.digits(), model, [Invert()], **settings)
    with pytest.warns(UserWarning, match="3 of 4 trials failed.*a worker process died 3 times while computing this"):
        study.run(n_jobs=2, progress=False)
    assert study.n_complete == 1
    study.run(n_jobs=1, progress=False)
    assert study.n_complete == 4

"""Commands and studies that are told to end, at any point: in order, with one line, and with nothing left behind."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from augmentlab import Invert, Rotate, Study, data, files, models

ROOT = Path(__file__).parents[1]
# A line tells that Python itself has started: before that, nobody can hold back its traceback.
COMMAND = "import augmentlab.__main__ as command; print('begun', flush=True); command.main()"
STUDY = """
import signal, sys
from contextlib import nullcontext
from augmentlab import Affine, HorizontalFlip, Invert, data, models, uniform
from augmentlab.study import Study, combinations, execution

def study(path):
    arms = combinations({"shift": Affine(translate_x=uniform(-0.2, 0.2)), "flip": HorizontalFlip(), "invert": Invert()})
    return Study(data.digits(), models.knn(), arms, draws=20, train_size=100, copies=2, storage=path, trivial=False)

def cluster():
    from distributed import Client, LocalCluster
    return Client(LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None))

if __name__ == "__main__":
    execution.WORTH_WORKERS = 0.0
    dask = sys.argv[2] == "dask"
    one = study(sys.argv[1])
    with cluster() if dask else nullcontext() as client:
        print("begun", flush=True)
        try:
            one.run(**{"client": client} if dask else {"n_jobs": int(sys.argv[2])})
        except KeyboardInterrupt:  # the run itself had not begun, or was over
            one.interrupted = True
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what follows is the test's
        if dask:
            assert client.submit(len, "of use").result(10) == 6
            client.cluster.close()
    sys.exit(130 if one.interrupted else 0)
"""


@dataclass
class Ended:
    """How a process ended, and what it left."""

    status: int
    said: str
    seconds: float
    temporary: list[str]
    parts: list[str]
    processes: list[str] = field(default_factory=list)

    def in_order(self):
        assert not [*self.temporary, *self.parts, *self.processes], self
        assert "Traceback" not in self.said, self.said


def of_session(leader):
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def hear():
    """What is started by nohup, or by a script in the background, inherits that it does not listen."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def told_to_end(arguments, folder, *, after, number=signal.SIGINT, everybody=True, temporary=None):
    """Start Python in a folder, and send a signal so many seconds after it has begun: to its session, or to it alone."""
    if temporary is None:
        temporary = Path(tempfile.mkdtemp(dir=folder))
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "jupyter_server_config.json").write_text(
        '{"ServerApp": {"allow_root": true, "open_browser": false}}'
    )
    environment = os.environ | {
        "TMPDIR": str(temporary),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        start_new_session=True,
        preexec_fn=hear,  # noqa: PLW1509  (no other thread holds a lock that it needs)
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "begun\n", process.communicate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after)
        clock = time.monotonic()
        if process.poll() is None:
            (os.killpg if everybody else os.kill)(process.pid, number)
        _, said = process.communicate(timeout=60)  # the pipes are held by whoever is left
        seconds = time.monotonic() - clock
        while (left := of_session(process.pid)) and time.monotonic() < clock + 60:
            time.sleep(0.05)
    finally:
        for one in of_session(process.pid):
            one.kill()
    shared = [one.name for one in Path("/dev/shm").glob("*") if str(process.pid) in one.name]
    names = [str(one.relative_to(temporary)) for one in temporary.rglob("*")]
    parts = [one.name for one in folder.iterdir() if ".part" in one.name or one.name.endswith(("-wal", "-journal"))]
    return Ended(
        status=process.returncode,
        said=said,
        seconds=seconds,
        temporary=sorted(name for name in names if not name.startswith("dask-scratch-space")) + shared,  # Dask's own
        parts=parts,
        processes=[" ".join(one.cmdline()) for one in left],
    )


def rows(path):
    """What is stored, which must be whole."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return {}
        found = connection.execute("SELECT key, arm, draw, part, state, value, hits, message FROM trial")
        return {key: rest for key, *rest in found}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a stored study and an image."""
    folder = tmp_path_factory.mktemp("exits")
    settings = {"draws": 3, "train_size": 50, "copies": 1, "trivial": False, "storage": folder / "study.db"}
    Study(data.digits(), models.knn(), {"rotate": Rotate(angle=5), "invert": Invert()}, **settings).run(progress=False)
    (folder / "photos").mkdir()
    Image.new("RGB", (32, 32), (90, 20, 10)).save(folder / "photos" / "one.png")
    (folder / "study.py").write_text(STUDY)
    return folder


# What each is called with, and seconds in which it is at work.
COMMANDS = {
    "list": (["list", "study.db"], 2.0),
    "show": (["show", "study.db"], 3.0),
    "report": (["report", "study.db"], 6.0),
    "demo": (["demo"], 15.0),
    "app": (["app", "photos", "--no-browser"], 6.0),
    "lab": (["lab"], 6.0),
}
NEEDS = {"app": "voila", "lab": "jupyterlab"}


def command_told_to_end(name, place, **how):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    ended = told_to_end(["-c", COMMAND, *COMMANDS[name][0]], place, **how)
    ended.in_order()
    number = how.get("number", signal.SIGINT)
    # Loading modules is ended by the signal itself; a server that is told to end has done what it was told.
    assert ended.status in {128 + number, -number, 0}, ended
    own = [line for line in ended.said.splitlines() if line.startswith(("augmentlab: ", "Interrupted: "))]
    assert len(own) == (ended.status == 128 + number), ended
    if name == "demo" and (place / "augmentlab-demo" / "study.db").exists():
        rows(place / "augmentlab-demo" / "study.db")
    rows(place / "study.db")
    return ended


@pytest.mark.parametrize(
    ("name", "after", "number"),
    [
        ("report", 0.5, signal.SIGINT),
        ("demo", 3.0, signal.SIGTERM),
        ("app", 1.0, signal.SIGTERM),
        ("lab", 0.5, signal.SIGINT),
    ],
)
def test_a_command_that_is_told_to_end_leaves_nothing(name, after, number, place):
    command_told_to_end(name, place, after=after, number=number)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_may_be_told_to_end_at_any_point(name, place):
    rng = np.random.default_rng(len(name))
    statuses = []
    for _ in range(5):
        number = signal.Signals(int(rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])))
        after, everybody = rng.uniform(0, COMMANDS[name][1]), bool(rng.integers(2))
        statuses.append(command_told_to_end(name, place, after=after, number=number, everybody=everybody).status)
    assert any(statuses)


def test_a_study_that_is_interrupted_leaves_nothing(place):
    study_told_to_end(place, "2", after=2.5)


def study_told_to_end(place, jobs, path="interrupted.db", **how):
    how.setdefault("everybody", jobs != "dask")  # the cluster is the user's to end
    ended = told_to_end(["study.py", path, jobs], place, **how)
    ended.in_order()
    assert ended.status in {130, 0}, ended
    return ended


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_may_be_interrupted_at_any_point(place):
    told_to_end(["study.py", "whole.db", "1"], place, after=600).in_order()
    whole = rows(place / "whole.db")
    rng = np.random.default_rng(0)
    for jobs in ("1", "2", "dask"):
        if jobs == "dask":
            pytest.importorskip("distributed")
        path, kept = place / f"by {jobs}.db", {}
        for _ in range(8):
            study_told_to_end(place, jobs, path.name, after=rng.uniform(0, 3))
            stored = rows(path) if path.exists() else {}
            assert kept.items() <= stored.items()
            kept = stored
        assert study_told_to_end(place, jobs, path.name, after=600).status == 0
        assert rows(path) == whole


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_study_leaves_is_removed_by_the_next_one(number, place, monkeypatch):
    rng, temporary = np.random.default_rng(int(number)), place / number.name
    temporary.mkdir()
    for trial in range(6):
        path = place / f"{number.name} {trial}.db"
        after = rng.uniform(0.5, 4)
        ended = told_to_end(["study.py", path.name, "2"], place, after=after, number=number, temporary=temporary)
        assert ended.status in {-number, 0}
        assert not ended.processes
        if path.exists():
            rows(path)
    monkeypatch.setattr(files, "_SETTLED", 0.0)
    monkeypatch.setattr(files.tempfile, "tempdir", str(temporary))
    with files.temporary_folder() as mine:
        assert list(temporary.iterdir()) == [mine]
    assert not list(temporary.iterdir())

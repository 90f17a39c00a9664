"""Cells computed here, in worker processes, by an executor and on a cluster: the same results, whatever happens."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from augmentlab.study import execution, pools
from augmentlab.study.execution import Execution

SHARED = {"table": np.random.default_rng(0).normal(size=(200, 64)), "empty": np.zeros(0), "word": "shared"}


def product(shared, cell):
    """Depend on every bit of what is shared."""
    row = shared["table"][cell]
    return cell, float(row @ shared["table"].sum(axis=0)), row.flags.writeable


def who(shared, cell):
    time.sleep(0.05)
    return os.getpid()


def note(folder, cell):
    """Leave a mark in a folder for every beginning of a cell, and die in some."""
    number, word = cell
    (folder / f"{number}-{len(list(folder.glob(f'{number}-*')))}").touch()
    if word == "always" or (word == "once" and len(list(folder.glob(f"{number}-*"))) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.01)
    return number


def nap(shared, cell):
    time.sleep(cell)
    return os.getpid()


def leave(shared, cell):
    raise SystemExit("enough")


def lost(cell, message):
    return cell, message


def times(folder):
    """How often each cell was begun."""
    return Counter(int(path.name.split("-")[0]) for path in folder.iterdir())


def alive(pid):
    """Whether a process runs; one that has ended and that nobody asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def at_once(monkeypatch):
    """Workers from the second cell on."""
    monkeypatch.setattr(execution, "WORTH_WORKERS", 0.0)


@pytest.fixture(scope="module")
def expected():
    with Execution(product, SHARED, failed=lost) as here:
        return [result[:2] for result in here.results(range(200), left=200)]


def test_one_process_goes_in_order_and_takes_a_cell_when_it_computes_it():
    taken = []

    def cells():
        for cell in range(5):
            taken.append(cell)
            yield cell

    with Execution(product, SHARED, failed=lost) as here:
        results = here.results(cells(), left=2)  # an estimate that is too small loses nothing
        assert next(results)[0] == 0
        assert taken == [0]
        assert [result[0] for result in results] == [1, 2, 3, 4]
        assert list(here.results([], left=0)) == []


def test_short_work_starts_no_worker():
    with Execution(who, None, failed=lost, workers=2) as here:
        assert set(here.results(range(4), left=4)) == {os.getpid()}


@pytest.mark.parametrize(
    ("workers", "seconds", "left", "worth"),
    [
        (2, [9.0, 1.0], 21, True),
        (2, [9.0, 1.0], 20, False),
        (1, [9.0, 1.0], 1000, False),
        (2, [], 1000, False),
        (2, [9.0], 1000, False),  # it may all be imports
        (2, [100.0], 10, True),  # it cannot
        (2, [100.0, 100.0], 1, False),
    ],
)
def test_the_rest_decides_whether_workers_are_worth_their_start(workers, seconds, left, worth):
    one = Execution(who, None, failed=lost, workers=workers)
    one._seconds = seconds
    assert one._worth_workers(left) is worth


def test_workers_give_the_same_bits_and_stay_for_the_next_batch(at_once, expected):
    before = set(Path(tempfile.gettempdir()).glob("augmentlab-*"))
    with Execution(product, SHARED, failed=lost, workers=2) as both:
        assert sorted(result[:2] for result in both.results(iter(range(200)), left=200)) == expected
        workers = [worker._process.pid for worker in both._pool._workers]
        assert len(workers) == 2
        again = list(both.results(iter(range(200)), left=200))
        assert sorted(result[:2] for result in again) == expected
        assert not any(writeable for *_, writeable in again)
        assert [worker._process.pid for worker in both._pool._workers] == workers
        (folder,) = set(Path(tempfile.gettempdir()).glob("augmentlab-*")) - before
    assert not any(alive(pid) for pid in workers)
    assert not folder.exists()


@pytest.mark.parametrize(("seconds", "room"), [(0.1, 6), (10.0, 3)])
def test_only_short_cells_wait_in_line(seconds, room):
    with contextlib.closing(pools._Processes(pools.Job(who, None), 3, seconds)) as pool:
        assert pool.room() == room


@pytest.mark.slow
def test_few_cells_are_taken_ahead(at_once):
    taken = itertools.count()
    with Execution(nap, None, failed=lost, workers=2) as both:
        results = both.results((0.01 for _ in taken), left=100)
        for count in range(1, 30):
            next(results)
            assert next(taken) <= count + 2 * count + 5  # each look takes one, too
        results.close()


@pytest.mark.slow
def test_a_worker_that_dies_takes_only_its_own_cell_with_it(at_once, tmp_path):
    cells = [(number, {5: "once", 9: "always"}.get(number, "")) for number in range(30)]
    with Execution(note, tmp_path, failed=lost, workers=2) as both:
        results = list(both.results(cells, left=30))
    message = "a worker process died 3 times while computing this, perhaps for want of memory"
    assert results.count(((9, "always"), message)) == 1
    assert sorted(result for result in results if result != ((9, "always"), message)) == sorted({*range(30)} - {9})
    assert times(tmp_path) == Counter({**dict.fromkeys(range(30), 1), 5: 2, 9: 3})


def test_stop_lets_short_cells_end_and_drops_long_ones(at_once):
    stop = threading.Event()
    with Execution(nap, None, failed=lost, workers=2, stop=stop) as both:
        results = both.results(itertools.chain([0, 0, 0], itertools.repeat(60)), left=100)
        workers = [next(results) for _ in range(3)][1:]
        threading.Timer(0.3, stop.set).start()
        assert list(results) == []
        assert both._pool is not None
    assert not any(alive(pid) for pid in workers)


def test_stop_in_one_process_ends_after_the_cell():
    stop = threading.Event()
    with Execution(nap, None, failed=lost, stop=stop) as here:
        results = here.results(itertools.repeat(0), left=10)
        next(results)
        stop.set()
        assert list(results) == []


def doze(shared, cell):
    for _ in range(int(cell / 0.01)):
        with contextlib.suppress(Exception):  # as a runner does
            time.sleep(0.01)
    return cell


@pytest.mark.parametrize(("cell", "grace", "kept"), [(0.8, 60, [0.8]), (60, 0.2, [])])
def test_stop_lets_a_short_cell_of_this_process_end_and_drops_a_long_one(monkeypatch, cell, grace, kept):
    monkeypatch.setattr(execution, "GRACE", grace)
    stop, found = threading.Event(), []

    def consume():
        with Execution(doze, None, failed=lost, stop=stop) as here:
            found.extend(here.results(itertools.repeat(cell), left=10))

    consumer = threading.Thread(target=consume)
    consumer.start()
    time.sleep(0.2)
    stop.set()
    consumer.join(30)
    assert not consumer.is_alive()
    assert found == kept


def test_what_cannot_be_sent_is_refused_in_one_sentence(at_once):
    lock = threading.Lock()
    with (
        Execution(nap, lock, failed=lost, workers=2) as both,
        pytest.raises(RuntimeError, match=r"cannot be sent to workers \(.*lock.*\); use n_jobs=1$"),
    ):
        list(both.results([0, 0, 0], left=3))
    with (
        Execution(who, None, failed=lost, workers=2) as both,
        pytest.raises(RuntimeError, match=r"cannot be sent to workers \(.*lock.*\); use n_jobs=1$"),
    ):
        list(both.results([lock, lock, lock], left=3))


@pytest.mark.parametrize("client", [3, "tcp://127.0.0.1:8786", Execution])
def test_what_is_no_client_is_refused_in_one_sentence(client):
    sentence = f"client must be a distributed.Client or a concurrent.futures.Executor; got {type(client).__name__}"
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        Execution(who, None, failed=lost, client=client)


def test_an_executor_gives_the_same_bits_and_stays_open(expected):
    with ThreadPoolExecutor(2) as executor:
        with Execution(product, SHARED, failed=lost, workers=2, client=executor) as theirs:
            assert sorted(result[:2] for result in theirs.results(iter(range(200)), left=200)) == expected
        assert executor.submit(int).result() == 0
    with (
        Execution(product, SHARED, failed=lost, client=executor) as theirs,
        pytest.raises(RuntimeError, match="after shutdown"),
    ):
        list(theirs.results([1], left=1))


def test_what_an_executor_cannot_compute_ends_in_one_sentence():
    with (
        ThreadPoolExecutor(1) as executor,
        Execution(product, SHARED, failed=lost, client=executor) as theirs,
        pytest.raises(RuntimeError, match=r"the executor cannot compute this \(IndexError: .*\); what is finished is"),
    ):
        list(theirs.results([1000], left=1))


def test_notebook_classes_and_arrays_of_every_kind_go_to_the_workers(tmp_path):
    class Local:
        images = (np.arange(6, dtype=np.uint8).reshape(2, 3), np.zeros((0, 4)), np.arange(10.0)[::2], np.array("word"))

    pools._write(tmp_path, pools.Job(Local, Local()))
    job = pools._read(str(tmp_path))
    for ours, theirs in zip(Local.images, job.shared.images, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)
        assert type(theirs) is np.ndarray
        assert theirs.ctypes.data % theirs.itemsize == 0


@pytest.mark.slow
def test_what_ends_a_worker_from_within_ends_in_one_sentence(at_once):
    sentence = r"a worker cannot compute this \(SystemExit: enough\); use n_jobs=1"
    with Execution(leave, None, failed=lost, workers=2) as both:
        both._seconds = [1.0, 1.0]  # as if cells had been computed here
        with pytest.raises(RuntimeError, match=sentence):
            list(both.results(range(9), left=9))


SCRIPT = """
import sys, threading
from test_execution import lost, nap
from augmentlab.study import execution

if __name__ == "__main__":
    execution.WORTH_WORKERS = 0
    def main():
        with execution.Execution(nap, None, failed=lost, workers=2) as both:
            for pid in both.results(iter([0.1] * 8 + [60] * 9), left=17):
                print(pid, flush=True)
    if sys.argv[1] == "main":
        main()
    else:
        threading.Thread(target=main, daemon=sys.argv[1] == "daemon").start()
        if sys.argv[1] == "daemon":
            sys.stdin.readline()
"""


def started(tmp_path, how):
    """A script whose workers are at work on long cells; their ids, and the folder of what they share."""
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), how],
        env=environment,
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pids = {int(process.stdout.readline()) for _ in range(8)} - {process.pid}
    assert pids
    assert list(tmp_path.glob("augmentlab-*"))
    time.sleep(0.3)
    return process, pids


def gone(tmp_path, pids):
    """Wait until nothing is left."""
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) or list(tmp_path.glob("augmentlab-*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_ctrl_c_ends_workers_and_their_folder(tmp_path):
    process, pids = started(tmp_path, "main")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)  # cells take 60 seconds
    assert errors.count("Traceback") == 1  # the workers have not seen it
    assert errors.endswith("KeyboardInterrupt\n")
    assert not any(alive(pid) for pid in pids)
    assert not list(tmp_path.glob("augmentlab-*"))


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_workers_and_their_folder_go_with_a_process_that_is_killed(tmp_path, end):
    process, pids = started(tmp_path, "thread")
    process.send_signal(end)
    process.communicate(timeout=20)
    gone(tmp_path, pids)


@pytest.mark.slow
def test_a_run_in_a_forgotten_thread_does_not_keep_the_interpreter(tmp_path):
    process, pids = started(tmp_path, "daemon")
    _, errors = process.communicate("\n", timeout=20)
    assert process.returncode == 0, errors
    gone(tmp_path, pids)


BLOCKED = """
import signal
from augmentlab.study import execution

def blocked(shared, cell):
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])

if __name__ == "__main__":
    execution.WORTH_WORKERS = 0.0
    with execution.Execution(blocked, None, failed=print, workers=2) as one:
        print(*one.results(range(4), left=4))
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="there are no signal masks")
def test_ctrl_c_does_not_reach_the_first_worker_while_it_starts(tmp_path):
    (tmp_path / "blocked.py").write_text(BLOCKED)
    ran = subprocess.run([sys.executable, tmp_path / "blocked.py"], capture_output=True, text=True, check=False)
    assert ran.stdout.split()[1:] == ["True"] * 3, ran.stderr  # the first cell is computed here

"""Workers killed at random moments: nothing is lost, nothing comes twice, and every bit is as if nothing had happened."""

import itertools
import os
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager

import numpy as np
import psutil
import pytest

from augmentlab.study import execution
from augmentlab.study.execution import Execution

pytestmark = pytest.mark.slow

MOMENTS = 20


class Killer(threading.Thread):
    """Kills a random worker at random moments, each time after something has been computed since the last.

    Parameters
    ----------
    workers : callable
        Returns the ids of the processes that compute.
    count : callable
        Returns how many results there are.
    """

    def __init__(self, workers, count, *, moments=MOMENTS, seed=0):
        super().__init__(daemon=True)
        self.workers, self.count, self.moments = workers, count, moments
        self.rng = np.random.default_rng(seed)
        self.killed = []
        self.ended = threading.Event()

    def run(self):
        before = 0
        while len(self.killed) < self.moments and not self.ended.is_set():
            time.sleep(self.rng.uniform(0, 0.5))
            if self.count() > before and (workers := self.workers()):
                pid = int(self.rng.choice(workers))
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.killed.append(pid)
                before = self.count() + 2  # one may be on its way already

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def loky_workers(pid=None):
    """The worker processes that a process (this one by default) has started."""
    try:
        children = psutil.Process(pid).children()
        return [child.pid for child in children if any("popen_loky" in part for part in child.cmdline())]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def table_entry(shared, cell):
    """Leave a mark of the beginning, compute for a moment, and return something that depends on every bit."""
    table, marks = shared
    with (marks / str(cell)).open("ab") as file:
        file.write(b".")
    time.sleep(0.02)
    rng = np.random.default_rng(cell)
    return cell, float(table[cell % len(table)] @ rng.normal(size=table.shape[1]))


def lost(cell, message):
    return cell, message


@contextmanager
def processes():
    yield {"workers": 2}, loky_workers


@contextmanager
def dask():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        cluster.adapt(minimum=2, maximum=2)  # a worker that dies while it starts is not replaced without

        def workers():
            nannies = list(cluster.workers.values())
            ready = len(client.nthreads()) > 1 and all(nanny.status.name == "running" for nanny in nannies)
            return list(client.run(os.getpid, on_error="ignore").values()) if ready else []

        yield {"client": client}, workers


@pytest.mark.filterwarnings("default")  # of what was open in what is killed
@pytest.mark.timeout(600)
@pytest.mark.parametrize("executor", [processes, dask])
def test_kills_of_workers_lose_nothing_and_repeat_nothing(executor, monkeypatch, tmp_path):
    monkeypatch.setattr(execution, "WORTH_WORKERS", 0.0)
    shared = np.random.default_rng(0).normal(size=(100, 1000)), tmp_path
    results = []
    with executor() as (options, workers):
        killer = Killer(workers, lambda: len(results))
        cells = itertools.takewhile(lambda _: len(killer.killed) < MOMENTS, itertools.count())
        start = time.monotonic()
        with Execution(table_entry, shared, failed=lost, **options) as disturbed, killer:
            for result in disturbed.results(cells, left=1000):
                results.append(result)  # noqa: PERF402  (the killer counts them)
    assert len(killer.killed) == MOMENTS
    begun = Counter({int(path.name): path.stat().st_size for path in tmp_path.iterdir()})
    again = sum(times - 1 for times in begun.values())
    print(  # noqa: T201  (the figures of the docs)
        f"{executor.__name__}: {len(results)} cells, {MOMENTS} kills of {len(set(killer.killed))} workers, "
        f"{again} cells begun again, {time.monotonic() - start:.0f} s"
    )
    assert sorted(results) == [table_entry(shared, cell) for cell in range(len(results))]
    if executor is processes:
        assert again <= MOMENTS

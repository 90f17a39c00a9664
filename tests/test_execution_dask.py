"""A cluster of Dask: the same bits as in one process, deaths of workers, and clusters without any."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from augmentlab.study import pools
from augmentlab.study.execution import Execution

distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # of what was open in workers that die

SHARED = {"table": np.random.default_rng(0).normal(size=(200, 64))}


def product(shared, cell):
    return cell, float(shared["table"][cell] @ shared["table"].sum(axis=0))


def deadly(shared, cell):
    time.sleep(0.02)
    if cell == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return cell


def nap(shared, cell):
    time.sleep(cell)
    return cell


def wrong(shared, cell):
    raise OSError("no such disk")


def lost(cell, message):
    return cell, message


@pytest.fixture
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_a_cluster_gives_the_same_bits_and_is_left_as_it_was(client):
    with Execution(product, SHARED, failed=lost) as here:
        expected = list(here.results(range(200), left=200))
    with Execution(product, SHARED, failed=lost, client=client) as theirs:
        for _ in range(2):
            assert sorted(theirs.results(iter(range(200)), left=200)) == expected
        held = {key for keys in client.has_what().values() for key in keys if key.startswith("Job")}
        assert len(held) == 1  # sent once
    assert client.submit(int).result() == 0
    deadline = time.monotonic() + 10
    while any(client.has_what().values()):
        assert time.monotonic() < deadline, client.has_what()
        time.sleep(0.1)


def test_a_cell_that_kills_is_given_up_and_its_neighbours_are_not(client):
    with Execution(deadly, SHARED, failed=lost, client=client) as theirs:
        results = list(theirs.results(iter(range(30)), left=30))
    (given_up,) = [result for result in results if not isinstance(result, int)]
    assert given_up[0] == 7
    assert "times while computing this, perhaps for want of memory" in given_up[1]
    assert sorted(result for result in results if isinstance(result, int)) == sorted({*range(30)} - {7})


def test_stop_drops_long_cells(client):
    stop = threading.Event()
    with Execution(nap, None, failed=lost, client=client, stop=stop) as theirs:
        results = theirs.results(iter([0.0, 0.1, 8.0, 8.0, 8.0]), left=5)
        assert sorted([next(results), next(results)]) == [0.0, 0.1]
        threading.Timer(0.3, stop.set).start()
        assert list(results) == []


def test_what_workers_cannot_compute_ends_in_one_sentence(client):
    with (
        Execution(wrong, None, failed=lost, client=client) as theirs,
        pytest.raises(RuntimeError, match=r"a worker of the cluster cannot compute this \(OSError: no such disk\)"),
    ):
        list(theirs.results([1], left=1))


def test_a_cluster_without_workers_ends_in_one_sentence_and_may_get_them_late(monkeypatch):
    monkeypatch.setattr(pools, "STALLED", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        taken = iter(range(5))
        with (
            Execution(product, SHARED, failed=lost, client=client) as theirs,
            pytest.raises(RuntimeError, match="the cluster has had no worker for 1 seconds; what is finished is kept"),
        ):
            list(theirs.results(taken, left=5))
        assert next(taken) == 0  # nothing was claimed in vain
        monkeypatch.setattr(pools, "STALLED", 60.0)
        with Execution(product, SHARED, failed=lost, client=client) as theirs:
            cluster.scale(1)
            assert len(list(theirs.results(range(5), left=5))) == 5


def test_a_scheduler_that_goes_ends_in_one_sentence(monkeypatch):
    monkeypatch.setattr(pools, "STALLED", 2.0)
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client, Execution(nap, None, failed=lost, client=client) as theirs:
        results = theirs.results(iter([0.0] + [0.1] * 100), left=101)
        assert next(results) == 0.0
        cluster.close()
        with pytest.raises(RuntimeError, match="cluster"):
            list(results)


def test_a_result_that_dask_stopped_waiting_for_is_asked_for_again(client, monkeypatch):
    late, real = [], distributed.Future.result

    def cancelled_at_the_very_end(self, timeout=None):
        if len(late) < 3:
            late.append(self)
            raise UnboundLocalError("result")  # as distributed.utils.sync does then
        return real(self, timeout)

    monkeypatch.setattr(distributed.Future, "result", cancelled_at_the_very_end)
    with Execution(product, SHARED, failed=lost, workers=1, client=client) as execution:
        found = dict(execution.results(range(5), left=5))
    assert found == dict(product(SHARED, cell) for cell in range(5))
    assert len(late) == 3

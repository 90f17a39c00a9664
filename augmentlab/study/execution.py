"""Many cells: in this process first, in worker processes when much remains, or on machines that the user names."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import itertools
import math
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from augmentlab.study import pools
from augmentlab.study.pools import GRACE, ONE_AT_A_TIME, TICK, Job, Pool, portable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

S = TypeVar("S")  # what all cells share
C = TypeVar("C")  # a cell
R = TypeVar("R")  # its result

WORTH_WORKERS = 20.0  # seconds of remaining work that repay the start of worker processes
TRIES = 3  # deaths of workers after which a cell is given up


class Execution(Generic[S, C, R]):
    """Computes cells in one process or many; the results are the same to the bit.

    A context manager: workers, and what they share, live as long as it does.

    Parameters
    ----------
    run : callable
        ``run(shared, cell) -> result``, importable from a module. It turns the exceptions of a cell into a result.
    shared : object
        What all cells need, large or not. It goes to each worker once, where its arrays are read-only.
    failed : callable
        ``failed(cell, message) -> result`` of a cell that kills the workers that compute it.
    workers : int
        How many processes of this machine may compute; of an executor, how many workers it has.
    client : distributed.Client or concurrent.futures.Executor, optional
        Computes all cells instead, and stays open. The workers of an executor must see the folder of temporary files
        of this machine, which `tempfile.tempdir` or ``TMPDIR`` names.
    stop : threading.Event, optional
        Set by another thread to end the results early.

    Examples
    --------
    >>> from augmentlab.study.execution import Execution
    >>> with Execution(pow, 2, failed=lambda cell, message: message) as execution:
    ...     list(execution.results([1, 2, 3], left=3))
    [2, 4, 8]
    """

    def __init__(
        self,
        run: Callable[[S, C], R],
        shared: S,
        *,
        failed: Callable[[C, str], R],
        workers: int = 1,
        client: Any = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._run, self._shared, self._failed = run, shared, failed
        self._workers = workers
        self._client = pools.checked(client)
        self._stop = stop or threading.Event()
        self._seconds: list[float] = []
        self._pool: Pool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def results(self, cells: Iterable[C], *, left: int) -> Generator[R, None, None]:
        """Compute cells, yielding each result when it is there, in any order.

        The first cells are computed in this process and timed; when the rest would take more than `WORTH_WORKERS`
        seconds, it goes to the workers. Those that are there already are used from the first cell on.

        Parameters
        ----------
        cells : iterable
            Small and picklable; one is taken only when it is about to be computed.
        left : int
            How many may come.

        Raises
        ------
        RuntimeError
            When a cell or what they share cannot be sent to the workers, or these cannot compute.
        KeyboardInterrupt
            On Ctrl-C. Running cells are dropped.

        Notes
        -----
        After Stop, cells that run have a second to finish and are dropped then; in this process, as soon as they come
        back to Python. A cell whose worker dies is tried again, alone, so that a neighbour is not blamed.
        """
        remaining = iter(cells)
        yield from self._here(remaining, left)
        if self._pool is not None:
            yield from self._from_pool(self._pool, remaining)

    def _here(self, cells: Iterator[C], left: int) -> Generator[R, None, None]:
        """Compute in this process, until a pool is there."""
        with contextlib.closing(_Interrupter(self._stop)) as interrupter:
            for done in itertools.count():
                if self._stop.is_set():
                    return
                if self._pool is None and self._worth_workers(left - done):
                    job, each = Job(self._run, self._shared), self._seconds[-1] if self._seconds else 0.0
                    self._pool = pools.made(job, self._client, workers=self._workers, seconds=each)
                if self._pool is not None:
                    return
                try:
                    cell = next(cells)
                except StopIteration:
                    return
                try:
                    with ONE_AT_A_TIME:
                        if self._stop.is_set():  # while another study computed
                            return
                        start = time.perf_counter()
                        with interrupter:
                            result = self._run(self._shared, cell)
                        self._seconds.append(time.perf_counter() - start)
                except _DroppedError:
                    return
                yield result

    def _worth_workers(self, left: int) -> bool:
        if self._client is not None:
            return True
        if self._workers < 2 or left < 2 or not self._seconds:
            return False
        # The first cell also pays for imports and caches, though never this much.
        each = self._seconds[1:] or [self._seconds[0] - WORTH_WORKERS]
        return left * sum(each) / len(each) > WORTH_WORKERS

    def _from_pool(self, pool: Pool, cells: Iterator[C]) -> Generator[R, None, None]:
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        flying: dict[Any, _Flight[C]] = {}
        waiting: deque[_Flight[C]] = deque()  # never begun
        suspects: deque[_Flight[C]] = deque()  # begun, and their worker died
        deadline = math.inf
        try:
            while True:
                if self._stop.is_set():
                    more, deadline = False, min(deadline, time.monotonic() + GRACE)
                else:
                    more = self._launch(pool, cells, done, flying, waiting, suspects)
                if not (flying or more) or time.monotonic() > deadline:
                    return
                future = None
                with contextlib.suppress(queue.Empty):
                    future = done.get(timeout=TICK)
                if future is None:
                    pool.check()
                    continue
                try:
                    error, result = pool.outcome(future)
                except TimeoutError:  # it was there, and is lost or slow to come
                    future.add_done_callback(done.put)
                    continue
                flight = flying.pop(future)
                if error is None:
                    yield result
                    continue
                deaths = pool.deaths(error)
                flight = dataclasses.replace(flight, deaths=flight.deaths + deaths)
                if deaths == 0:
                    waiting.append(flight)
                elif flight.alone and flight.deaths >= TRIES:
                    yield self._failed(
                        flight.cell,
                        f"a worker process died {flight.deaths} times while computing this, perhaps for want of memory",
                    )
                else:
                    suspects.append(dataclasses.replace(flight, alone=True))
        finally:
            pool.drop(flying)

    def _launch(
        self,
        pool: Pool,
        cells: Iterator[C],
        done: queue.SimpleQueue[Any],
        flying: dict[Any, _Flight[C]],
        waiting: deque[_Flight[C]],
        suspects: deque[_Flight[C]],
    ) -> bool:
        """Send as many cells as there is room for, a suspect only when nothing else is on its way; say if more may come."""
        while True:
            alone = bool(suspects) or any(one.alone for one in flying.values())
            if len(flying) >= min(pool.room(), 1 if alone else math.inf):
                return True
            if suspects:
                flight = suspects.popleft()
            elif waiting:
                flight = waiting.popleft()
            else:
                try:
                    flight = _Flight(next(cells))
                except StopIteration:
                    return False
            future = pool.submit(portable(flight.cell))
            flying[future] = flight
            future.add_done_callback(done.put)


class _DroppedError(BaseException):
    """Raised in a cell of this process that goes on after Stop; no `Exception`, which the cell would catch."""


class _Interrupter:
    """Ends a cell of this process that goes on after Stop, in any thread, as Ctrl-C ends one in the main thread.

    A context manager around each cell.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._computing: int | None = None  # the thread that does
        self._closed = False
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> None:
        self._computing = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._computing = None
            self._raise(threading.get_ident(), None)  # takes back what has not been raised yet

    def close(self) -> None:
        self._closed = True

    def _watch(self) -> None:
        while not self._stop.wait(TICK):
            if self._closed:
                return
        time.sleep(GRACE)
        with self._lock:
            if self._computing is not None:
                self._raise(self._computing, _DroppedError)

    def _raise(self, thread: int, error: type[BaseException] | None) -> None:
        value = None if error is None else ctypes.py_object(error)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), value)


@dataclasses.dataclass(frozen=True)
class _Flight(Generic[C]):
    """A cell on its way."""

    cell: C
    deaths: int = 0  # of workers that computed it
    alone: bool = False

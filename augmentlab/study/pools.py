"""Where cells are computed if not here: worker processes of this machine, an executor, a cluster of Dask.

Each is a `Pool`: `augmentlab.study.execution` sends cells to it and hears what became of them.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import math
import mmap
import os
import pickle
import shutil
import signal
import sys
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Executor, Future
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from augmentlab import files
from augmentlab.markup import said, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection


GRACE = 1.0  # seconds in which running cells may finish after Stop
TICK = 0.2  # seconds between looks at the Stop button
STALLED = 30.0  # seconds without any worker of a cluster after which waiting ends
SETTLED = 2.0  # seconds after which new workers get work: Dask may not replace one that dies while it starts
SHORT = 1.0  # a worker whose cells take fewer seconds has its next one waiting

# Filters of warnings and the threads of BLAS belong to the process, in which many cells may be run at once: by the threads
# of one of Dask's workers, or by studies in threads of a notebook. A model may run a study of its own.
ONE_AT_A_TIME = threading.RLock()

# One thread for each library that computes: set before the worker loads it.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


@dataclasses.dataclass(frozen=True)
class Job:
    """What goes to each worker once."""

    run: Callable[[Any, Any], Any]
    shared: Any


class Pool(Protocol):
    """What computes cells elsewhere. Its futures are those of `concurrent.futures`, or like them."""

    def room(self) -> int:
        """How many cells may be on their way."""

    def submit(self, cell: bytes) -> Any:
        """Send a cell; return a future."""

    def outcome(self, future: Any) -> tuple[BaseException | None, Any]:
        """Return the error or the result of a future that is done; a TimeoutError where that is slow to come."""

    def deaths(self, error: BaseException) -> int:
        """How many workers died of the cell that ended with this error, 0 if it was not begun; else raise."""

    def check(self) -> None:
        """Raise when nothing more can come."""

    def drop(self, futures: Iterable[Any]) -> None:
        """Forget some cells, those that run too."""

    def close(self) -> None:
        """End what was started."""


def checked(client: Any) -> Any:
    """The client, if it is one that there is a pool for."""
    dask: Any = sys.modules.get("distributed")  # loaded by whoever has a client
    if client is None or isinstance(client, Executor) or (dask and isinstance(client, dask.Client)):
        return client
    raise TypeError(
        f"client must be a distributed.Client or a concurrent.futures.Executor; got {type(client).__name__}"
    )


def made(job: Job, client: Any, *, workers: int, seconds: float) -> Pool:
    """The pool of a client; of this machine's processes without one, for cells that take about so many `seconds`."""
    if client is None:
        return _Processes(job, workers, seconds)
    return _Given(job, client, workers) if isinstance(client, Executor) else _Dask(job, client)


class _Processes:
    """Worker processes of this machine, started when needed. One that dies takes nothing else with it."""

    def __init__(self, job: Job, workers: int, seconds: float) -> None:
        self._workers: list[_Worker] = []
        self._seconds = seconds  # that a cell takes, as long as no worker has computed one
        self._most = workers
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(_written(job))
        atexit.register(self.close)  # of a run in a thread that ends with the interpreter

    def room(self) -> int:
        # The next cell is sent ahead only where the wait for it would count: near the end it may wait in vain.
        return self._most * (2 if self._short() else 1)

    def submit(self, cell: bytes) -> Future[Any]:
        self._workers = [worker for worker in self._workers if worker.alive]
        worker = min(self._workers, key=lambda one: len(one.futures), default=None)
        if worker is None or (worker.futures and len(self._workers) < self._most):
            worker = _Worker(self._folder, self._seconds)
            self._workers.append(worker)  # before it starts, which Ctrl-C may end
            worker.start()
        return worker.submit(cell)

    def outcome(self, future: Future[Any]) -> tuple[BaseException | None, Any]:
        return _outcome(future)

    def deaths(self, error: BaseException) -> int:
        if isinstance(error, _NotBegunError):
            return 0
        if isinstance(error, _DiedError):
            return 1
        raise RuntimeError(f"a worker cannot compute this ({said(error)}); use n_jobs=1")

    def check(self) -> None:
        pass

    def drop(self, futures: Iterable[Any]) -> None:  # noqa: ARG002  (whatever runs)
        for worker in self._workers:
            if worker.futures:
                worker.kill()

    def close(self) -> None:
        atexit.unregister(self.close)
        self.drop([])
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.join()
        self._stack.close()

    def _short(self) -> bool:
        return max((worker.seconds for worker in self._workers), default=self._seconds) < SHORT


class _DiedError(Exception):
    """The worker died while it computed this."""


class _NotBegunError(Exception):
    """The worker died before it came to this."""


class _Worker:
    """A worker process at the other end of a pipe.

    Of its own, and no pool of them: that it died is read there at once, whatever it was doing, and what waited in line
    is known not to have begun.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        from joblib.externals.loky.backend import get_context

        context = get_context("loky")
        self._pipe, self._theirs = context.Pipe()
        arguments = (self._theirs, str(folder), os.getpid())
        self._process = context.Process(target=_serve, args=arguments, env=_ONE_THREAD)
        self.futures: deque[Future[Any]] = deque()  # in the order in which they are computed
        self.alive = True
        self.seconds = seconds  # that the last cell took
        self._lock = threading.Lock()

    def start(self) -> None:
        with _without_interrupts():
            self._process.start()
            self._theirs.close()
            threading.Thread(target=self._read, daemon=True).start()

    def submit(self, cell: bytes) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            if self.alive:
                self.futures.append(future)
                with contextlib.suppress(OSError):  # it just died, which the reader sees
                    self._pipe.send_bytes(cell)
                return future
        future.set_exception(_NotBegunError())
        return future

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                answer = self._pipe.recv_bytes()
                future = self.futures.popleft()
                try:
                    good, result, self.seconds = pickle.loads(answer)  # noqa: S301  (our own worker)  # nosec B301
                except Exception as error:  # noqa: BLE001  (unpickling runs code of any kind)
                    good, result = False, f"{type(error).__name__}: {error}"
                if good:
                    future.set_result(result)
                else:
                    future.set_exception(RuntimeError(result))
        with self._lock:
            self.alive = False
        for place, future in enumerate(self.futures):
            future.set_exception(_NotBegunError() if place else _DiedError())
        self._pipe.close()

    def kill(self) -> None:
        self.alive = False
        if not self._process.is_alive():
            return
        if hasattr(signal, "SIGKILL"):
            os.kill(self._process.pid, signal.SIGKILL)
        else:
            self._process.terminate()  # on Windows it asks no more than a kill does
        self._process.join()

    def end(self) -> None:
        """Tell it to end."""
        with contextlib.suppress(OSError), self._lock:
            self._pipe.send_bytes(b"")

    def join(self) -> None:
        if self._process.pid is not None:  # it was started
            self._process.join(GRACE)
            self.kill()


class _Given:
    """An executor that the user has: Ray, MPI, threads."""

    def __init__(self, job: Job, executor: Executor, workers: int) -> None:
        self._executor = executor
        self._most = 2 * workers
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(_written(job))

    def room(self) -> int:
        return self._most

    def submit(self, cell: bytes) -> Future[Any]:
        return self._executor.submit(_compute_from, str(self._folder), cell)

    def outcome(self, future: Future[Any]) -> tuple[BaseException | None, Any]:
        return _outcome(future)

    def deaths(self, error: BaseException) -> int:
        raise RuntimeError(f"the executor cannot compute this ({told(error)}); what is finished is kept") from error

    def check(self) -> None:
        pass

    def drop(self, futures: Iterable[Future[Any]]) -> None:
        for future in futures:
            future.cancel()

    def close(self) -> None:
        _read.cache_clear()  # threads read it into this process
        self._stack.close()


class _Dask:
    """A cluster of Dask that the user has."""

    def __init__(self, job: Job, client: Any) -> None:
        self._client, self._job = client, job
        self._scattered: Any = None
        self._count = 0  # of workers
        self._asked = self._seen = time.monotonic()
        self._none = -math.inf  # when there was no worker

    def room(self) -> int:
        """Return two cells a worker, so that the next one is there when the last one ends."""
        clock = time.monotonic()
        if not self._count or clock - self._asked > 1:
            self._asked, self._count = clock, self._workers()
        if self._count:
            self._seen = clock
        else:
            self._none = clock
        return 2 * self._count if clock - self._none > SETTLED and self._shared() else 0

    def _workers(self) -> int:
        try:
            return len(self._client.nthreads())
        except Exception:  # noqa: BLE001  (the scheduler is gone, or the client closed: Dask has many words for it)
            return 0

    def _shared(self) -> bool:
        """Say whether the workers have what they share, which is lost with the last of them."""
        if self._scattered is None:
            try:
                # In a list, for else a dictionary is taken apart.
                [self._scattered] = self._client.scatter([self._job], broadcast=True, hash=False, timeout=TICK)
            except TimeoutError:  # they just died
                return False
        return True

    def submit(self, cell: bytes) -> Any:
        try:
            return self._client.submit(_compute, self._scattered, cell, pure=False, retries=0)
        except Exception as error:
            raise RuntimeError(f"the cluster cannot be reached ({error}); what is finished is kept") from error

    def outcome(self, future: Any) -> tuple[BaseException | None, Any]:
        if future.status == "error":
            return future.exception(timeout=TICK), None
        try:
            result = future.result(timeout=TICK)
        except CancelledError as error:
            return error, None
        except UnboundLocalError:  # of Dask, whose own waiting is cancelled just as the time is up
            raise TimeoutError from None
        future.release()  # Dask need not keep it until the garbage collector comes
        return None, result

    def deaths(self, error: BaseException) -> int:
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return int(error.allowed_failures) + 1
        if isinstance(error, CancelledError):  # all workers died, and what they share is lost
            self._count, self._scattered = 0, None
            return 1
        raise RuntimeError(
            f"a worker of the cluster cannot compute this ({told(error)}); "
            "its Python must have the same packages as this one"
        ) from error

    def check(self) -> None:
        if not self.room() and time.monotonic() - self._seen > STALLED:
            raise RuntimeError(
                f"the cluster has had no worker for {STALLED:.0f} seconds; what is finished is kept: "
                "run again to go on when it has"
            )

    def drop(self, futures: Iterable[Any]) -> None:
        with contextlib.suppress(Exception):  # the client is closed, and they are gone with it
            self._client.cancel(list(futures))

    def close(self) -> None:
        self._scattered = None  # the last reference releases it


def _serve(pipe: Connection, folder: str, parent: int) -> None:
    """Compute what comes through a pipe until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal
    threading.Thread(target=_end_with, args=(parent, folder), daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while cell := pipe.recv_bytes():
            start = time.perf_counter()
            try:
                result = _compute_from(folder, cell)
                answer = portable((True, result, time.perf_counter() - start))
            except BaseException as error:  # noqa: BLE001  (what `run` does not catch is told there)
                answer = portable((False, f"{type(error).__name__}: {error}", time.perf_counter() - start))
            pipe.send_bytes(answer)


def _end_with(parent: int, folder: str) -> None:
    """End this process soon after its parent: a killed one tells nobody, and leaves its files."""
    while os.getppid() == parent:  # on Windows the number stays
        time.sleep(1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _compute_from(folder: str, cell: bytes) -> Any:
    return _compute(_read(folder), cell)


def _compute(job: Job, cell: bytes) -> Any:
    import joblib

    with ONE_AT_A_TIME, joblib.parallel_config(backend="sequential"):
        return job.run(job.shared, pickle.loads(cell))  # noqa: S301  (our own bytes)  # nosec B301


def _outcome(future: Future[Any]) -> tuple[BaseException | None, Any]:
    if future.cancelled():
        return CancelledError("cancelled"), None
    error = future.exception()
    return error, None if error else future.result()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that never see Ctrl-C: it goes to this process alone, which stops them in an orderly way.

    A blocked signal is inherited by what is started, and delivered here when the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows has no signal masks
        yield
        return
    from joblib.externals.loky.backend import resource_tracker as of_loky

    for tracker in (resource_tracker, of_loky):  # which the first process would start, and unblock the signal behind it
        tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def portable(value: object, buffers: Callable[[pickle.PickleBuffer], Any] | None = None) -> bytes:
    """Pickle, also what a notebook defines."""
    import cloudpickle

    try:
        return cloudpickle.dumps(value, protocol=5, buffer_callback=buffers)
    except Exception as error:  # noqa: BLE001  (pickling runs code of any kind)
        raise RuntimeError(f"the model or a transform cannot be sent to workers ({error}); use n_jobs=1") from None


@contextlib.contextmanager
def _written(job: Job) -> Iterator[Path]:
    """Write a job to a folder of its own, for any number of readers."""
    with files.temporary_folder() as folder:
        _write(folder, job)
        yield folder


def _write(folder: Path, job: Job) -> None:
    """Write arrays apart from the rest."""
    arrays: list[pickle.PickleBuffer] = []
    rest = portable(job, arrays.append)
    places = []
    with (folder / "arrays").open("wb") as file:
        for array in arrays:
            file.seek(-file.tell() % 64, os.SEEK_CUR)  # aligned as memory is
            raw = array.raw()
            places.append((file.tell(), file.tell() + raw.nbytes))
            file.write(raw)
    (folder / "rest").write_bytes(pickle.dumps((rest, places)))


@functools.lru_cache(maxsize=1)
def _read(folder: str) -> Job:
    """Read what `_write` wrote: the arrays are one file in memory, whose pages all processes share."""
    rest, places = pickle.loads(Path(folder, "rest").read_bytes())  # noqa: S301  (our own file)  # nosec B301
    if not any(stop > start for start, stop in places):
        return pickle.loads(rest, buffers=[b""] * len(places))  # noqa: S301  # nosec B301
    with Path(folder, "arrays").open("rb") as file:
        pages = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads(rest, buffers=[pages[start:stop] for start, stop in places])  # noqa: S301  # nosec B301

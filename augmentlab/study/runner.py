"""One trial, and many: in this process first, in worker processes when much remains."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pickle
import signal
import threading
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augmentlab import engines, models
from augmentlab.study.storage import Trial, now

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from augmentlab.compose import Compose

Images = NDArray[Any] | tuple[NDArray[Any], ...]

WORTH_WORKERS = 20.0  # seconds of remaining work that repay the start of worker processes

# Streams of randomness: the first number after a study's seed. Never 0, which NumPy pads seeds with.
SPLIT, DRAW, COPY, MODEL, BOOTSTRAP = 1, 2, 3, 4, 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """All that a trial needs, small enough to send to a worker.

    Parameters
    ----------
    key, arm, part : str
        As in `Trial`.
    draw : int
        Which draw.
    pipeline : Compose
        What happens to the copies.
    preparation : Compose
        What happens to every image that is not augmented, and is the last part of `pipeline`.
    images : array (N, H, W[, C]) or tuple of images
        Where the training images are.
    rows : ndarray of int
        Where in `images` each training image is.
    places : ndarray of int
        Which image of the data set each of them is: their draws depend on that and on nothing else.
    labels : ndarray of int
        Of the training images.
    targets : array (M, H, W[, C])
        Prepared images to predict.
    answers : ndarray of int, shape (M,)
        Their labels.
    model : classifier
        Takes images, not fitted.
    copies, seed : int
        As in `Study`.
    engine : str
        Which engine computes the transforms.
    """

    key: str
    arm: str
    part: str
    draw: int
    pipeline: Compose
    preparation: Compose
    images: Images
    rows: NDArray[np.intp]
    places: NDArray[np.intp]
    labels: NDArray[np.int64]
    targets: NDArray[Any]
    answers: NDArray[np.int64]
    model: Any
    copies: int
    seed: int
    engine: str


def run_trial(job: Job) -> Trial:
    """Augment, fit, predict. An exception is a result: the trial then is ``failed``.

    Computed with one thread, so that the bits do not depend on how many there are and on who computes.
    """
    from threadpoolctl import threadpool_limits

    started, clock = now(), time.perf_counter()
    hits, message = None, ""
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1), engines.engine(job.engine):
        warnings.simplefilter("always")
        try:
            hits = _hits(job)
        except Exception as error:  # noqa: BLE001  (whatever a user's model or transform raises)
            message = f"{type(error).__name__}: {error}"
    if hits is not None:
        message = "; ".join(dict.fromkeys(f"{one.category.__name__}: {one.message}" for one in caught))
    return Trial(
        key=job.key,
        arm=job.arm,
        draw=job.draw,
        part=job.part,
        state="failed" if hits is None else "complete",
        hits=hits,
        images=len(job.answers),
        started=started,
        seconds=time.perf_counter() - clock,
        message=message,
    )


def prepared(preparation: Compose, images: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Apply the part of a pipeline that is the same for every image."""
    return [preparation.apply(image) for image in images] if preparation.steps else list(images)


def execute(jobs: Sequence[Job], *, workers: int) -> Generator[Trial, None, None]:
    """Compute jobs, yielding each result when it is there.

    The first trials are computed here and timed; when the rest would take more than `WORTH_WORKERS` seconds, it goes
    to `workers` processes, and results come in any order.
    """
    seconds: list[float] = []
    while len(seconds) < len(jobs):
        trial = run_trial(jobs[len(seconds)])
        seconds.append(trial.seconds)
        yield trial
        # The first trial also pays for imports and caches.
        left = len(jobs) - len(seconds)
        if workers > 1 and left > 1 and len(seconds) > 1 and left * float(np.mean(seconds[1:])) > WORTH_WORKERS:
            yield from _in_workers(jobs[len(seconds) :], workers)
            return


def _in_workers(jobs: Sequence[Job], workers: int) -> Generator[Trial, None, None]:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with parallel_config(backend="loky", inner_max_num_threads=1):
        with _without_interrupts():
            results = Parallel(n_jobs=min(workers, len(jobs)), return_as="generator_unordered")(
                delayed(_run_in_worker)(_portable(job), os.getpid()) for job in jobs
            )
        try:
            yield from results
        except TerminatedWorkerError:
            raise RuntimeError(
                "a worker process died, perhaps for want of memory; the finished trials are kept: "
                "run again to go on, with a smaller n_jobs"
            ) from None
        except pickle.PicklingError as error:
            raise RuntimeError(f"the model or a transform cannot be sent to workers ({error}); use n_jobs=1") from None
        finally:
            results.close()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that never see Ctrl-C: it goes to this process alone, which stops them in an orderly way.

    A blocked signal is inherited by what is started, and delivered here when the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows has no signal masks
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run_in_worker(job: Job, parent: int) -> Trial:
    _end_with(parent)
    return run_trial(job)


@functools.cache
def _end_with(parent: int) -> None:
    """End this process soon after its parent: a killed one tells nobody, and idle workers would wait for minutes."""

    def watch() -> None:
        while os.getppid() == parent:  # on Windows the number stays
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _portable(job: Job) -> Job:
    """One array goes to the workers once, through shared memory; of a list of images, only those needed go."""
    if isinstance(job.images, np.ndarray):
        return job
    chosen = tuple(job.images[row] for row in job.rows)
    return dataclasses.replace(job, images=chosen, rows=np.arange(len(chosen)))


def _hits(job: Job) -> NDArray[np.bool_]:
    originals = [job.images[row] for row in job.rows]
    plain = prepared(job.preparation, originals)
    batches = [plain]
    for copy in range(job.copies):
        if job.pipeline.steps:
            seeds = ((job.seed, COPY, job.draw, int(place), copy) for place in job.places)
            batches.append([job.pipeline(image, rng=rng) for image, rng in zip(originals, seeds, strict=True)])
        else:
            batches.append(plain)
    training = [image for batch in batches for image in batch]
    _check_alike(training, job)
    seed = int(np.random.default_rng((job.seed, MODEL, job.draw)).integers(2**31))
    model = models.with_seed(job.model, seed)
    model.fit(np.stack(training), np.tile(job.labels, 1 + job.copies))
    return np.asarray(model.predict(job.targets) == job.answers, dtype=bool)


def _check_alike(training: Sequence[NDArray[Any]], job: Job) -> None:
    shape, dtype = job.targets.shape[1:], job.targets.dtype
    for image in training:
        if image.shape != shape:
            raise ValueError(
                f"the copies must have the shape of the validation images, {shape}; got {image.shape}: "
                f"end {job.arm} with Resize(height={shape[0]}, width={shape[1]})"
            )
        if image.dtype != dtype:
            raise TypeError(f"the copies must have the dtype of the validation images, {dtype}; got {image.dtype}")

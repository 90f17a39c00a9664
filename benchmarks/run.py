"""Measure works: the calls of all sides of one work, warmed up and timed beside each other."""

import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

import augmentlab
from augmentlab import engines
from benchmarks.measure import Timing, interleaved
from benchmarks.peers import OURS, PEERS, Call, call_augmentlab, call_augmentlab_many, call_augmentlab_streams, version
from benchmarks.works import SHARED, Work, photo, small_images

TWO = ", two threads"
STREAMS = ", a stream for each image"


@dataclass(frozen=True)
class Result:
    """One work at one side of the image, timed."""

    work: str
    side: int
    timings: Mapping[str, Timing]  # by the name of the library
    left_out: Mapping[str, str]  # why, of those that the work has


@dataclass(frozen=True)
class Run:
    """All that one command measured, and on what."""

    date: str
    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    left_out: Mapping[str, str]  # libraries that are not installed
    stringzilla: bool
    results: tuple[Result, ...]


def calls_of(work: Work, side: int, libraries: Mapping[str, Any], images: Any = None) -> dict[str, Call]:
    """A call for each library of `libraries` that the work has, ours first; `images` takes the place of the photo."""
    if images is None:
        images = _images(work, side)
    ours = work.ours(side)
    if work.kind == "threads":
        return _calls_of_threads(work, side, libraries, images)
    many = work.kind == "many"
    calls = {OURS: (call_augmentlab_many if many else call_augmentlab)(ours, images)}
    if not many:  # augment_batch gives each image a stream anyway
        calls[OURS + STREAMS] = call_augmentlab_streams(ours, images)
    for peer in PEERS:
        if peer.name in libraries and peer.name in work.peers:
            transform = work.peers[peer.name](libraries[peer.name], side)
            calls[peer.name] = (peer.call_many if many else peer.call)(transform, peer.given(images))
    return calls


def _images(work: Work, side: int) -> Any:
    if work.kind == "many":
        return small_images(side, work.channels)
    return np.stack([photo(side)] * SHARED) if work.kind == "threads" else photo(side)


def _calls_of_threads(work: Work, side: int, libraries: Mapping[str, Any], images: Any) -> dict[str, Call]:
    ours, epoch = work.ours(side), iter(range(2**32))

    def batch(n_jobs: int) -> Call:
        return lambda: augmentlab.augment_batch(images, ours, seed=0, epoch=next(epoch), n_jobs=n_jobs)

    calls = {OURS: batch(1), OURS + TWO: batch(2)}
    for name, make in work.peers.items():
        if name in libraries:
            transform = make(libraries[name], side)

            def apply(image: Any, transform: Any = transform) -> Any:
                return transform(image=image)["image"]

            pool = ThreadPoolExecutor(2)
            calls[name] = lambda apply=apply: np.stack([apply(image) for image in images])
            calls[name + TWO] = lambda apply=apply, pool=pool: np.stack(list(pool.map(apply, images)))
    return calls


def warmed_up(calls: Mapping[str, Call]) -> tuple[dict[str, Call], dict[str, str]]:
    """The calls that work, each called before it is measured, and what the others raised.

    Raises
    ------
    Exception
        What our own call raised.
    """
    working, failed = {}, {}
    for name, call in calls.items():
        try:
            call()
        except Exception as error:  # a peer that cannot do what it says is named, and the others are measured
            if name.startswith(OURS):
                raise
            failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0]:.120}" if str(error) else repr(error)
        else:
            working[name] = call
    # Kernels compile in a background thread, and until they are there the reference engine runs.
    wait = getattr(engines, "wait", None)
    if wait is not None:
        wait()
        for name, call in working.items():
            if name.startswith(OURS):
                call()
    return working, failed


def measured(
    works: Iterable[Work],
    libraries: Mapping[str, Any],
    *,
    rounds: int,
    target: float,
    largest: int,
    told: Callable[[Result], None],
) -> tuple[Result, ...]:
    """Time each work at each of its sides up to `largest`, telling each result as it comes."""
    results, rng = [], np.random.default_rng(0)
    for work in works:
        for side in work.sides:
            if side <= largest:
                calls, failed = warmed_up(calls_of(work, side, libraries))
                results.append(Result(work.name, side, interleaved(calls, rounds, rng, target), failed))
                told(results[-1])
    return tuple(results)


def today() -> str:
    """The date by Greenwich."""
    return datetime.now(UTC).date().isoformat()


def machine() -> dict[str, str]:
    """What the figures depend on, and nothing that names the machine."""
    return {
        "CPU": _cpu(),
        "Cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "RAM": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
        if hasattr(os, "sysconf")
        else "unknown",
        "System": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 -- no path of ours
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown"


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Versions of augmentlab, of what it computes with and of the libraries beside it."""
    wanted = {"augmentlab": augmentlab.__version__, "numpy": np.__version__}
    names = ["opencv-python-headless", "opencv-python", "numba", "scikit-image", "scipy", "stringzilla"]
    names += [package for peer in PEERS if peer.name in libraries for package in peer.packages]
    found = {name: version(name) for name in dict.fromkeys(names)}
    return wanted | {name: value for name, value in found.items() if value is not None}


def command(module: str = "benchmarks") -> str:
    """What was typed, without the paths of files."""
    words = ["python", "-m", module]
    paths = {"--json", "--read", "--docs"}
    before = ""
    for word in sys.argv[1:]:
        if word not in paths and before not in paths and word.partition("=")[0] not in paths:
            words.append(word)
        before = word
    return " ".join(words)

"""Timing of several ways to do one work beside each other, and ratios of what was timed.

Every round measures each side once, in an order drawn anew, so that a disturbance of the machine falls on all sides
alike. What is compared is the ratio within a round; over the rounds its median and quartiles are told.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Call = Callable[[], object]

LONG_ROUND = 2.0  # s: works of which one round takes longer get fewer rounds, though at least FEW
FEW = 5


@dataclass(frozen=True)
class Timing:
    """Seconds for one call of a side, one number for each round."""

    repeats: int  # calls in one measurement
    cpu: tuple[float, ...]  # of the calling thread
    wall: tuple[float, ...]

    def of(self, clock: str) -> tuple[float, ...]:
        """The numbers by ``"cpu"`` or ``"wall"``."""
        return self.cpu if clock == "cpu" else self.wall

    def seconds(self, clock: str = "cpu") -> float:
        """The median over the rounds."""
        return float(np.median(self.of(clock)))


@dataclass(frozen=True)
class Ratio:
    """The median and the quartiles of one ratio for each round."""

    median: float
    low: float
    high: float


def ratio(ours: Timing, theirs: Timing, clock: str = "cpu") -> Ratio:
    """Our time over theirs; below 1 we are faster.

    Raises
    ------
    ValueError
        When the two were not measured in the same rounds.
    """
    if len(ours.of(clock)) != len(theirs.of(clock)):
        raise ValueError(
            f"both sides must have been measured in the same rounds; got {len(ours.of(clock))} and {len(theirs.of(clock))}"
        )
    low, median, high = np.quantile(np.divide(ours.of(clock), theirs.of(clock)), [0.25, 0.5, 0.75])
    return Ratio(float(median), float(low), float(high))


def calibrated(call: Call, target: float) -> int:
    """How many calls take about `target` seconds, at least 1."""
    repeats = 1
    while True:
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        taken = time.perf_counter() - start
        if taken >= target / 4 or repeats >= 2**16:
            return max(round(repeats * target / taken), 1)
        repeats *= 4


def timed(call: Call, repeats: int) -> tuple[float, float]:
    """Seconds of one call, by the thread's CPU clock and by the clock on the wall."""
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(repeats):
        call()
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    return cpu / repeats, wall / repeats


def interleaved(
    calls: Mapping[str, Call], rounds: int, rng: np.random.Generator, target: float = 0.01
) -> dict[str, Timing]:
    """Time the sides in `rounds` rounds, each in a random order.

    Parameters
    ----------
    calls : mapping of str to callable
        The sides; all were called before, so that nothing is loaded or compiled now.
    rounds : int
        At least 1; fewer where a round takes longer than LONG_ROUND seconds.
    rng : numpy.random.Generator
        Draws the orders.
    target : float
        About how many seconds one measurement takes; a call that takes longer is made once.
    """
    repeats = {name: calibrated(call, target) for name, call in calls.items()}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    names, begin = list(calls), time.perf_counter()
    for done in range(rounds):
        if done >= FEW and time.perf_counter() - begin > rounds * LONG_ROUND:
            break
        for index in rng.permutation(len(names)):
            taken[names[index]].append(timed(calls[names[index]], repeats[names[index]]))
    return {
        name: Timing(repeats[name], *(tuple(column) for column in zip(*taken[name], strict=True))) for name in names
    }

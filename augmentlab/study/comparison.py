"""What stored trials say about arms: rows of `Study.compare`, and the same for any weighted sum of arms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from augmentlab.study import statistics
from augmentlab.study.tables import by_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from augmentlab.study.metrics import Metric
    from augmentlab.study.storage import Trial

CELLS = dict[tuple[int, int], "Trial"]  # by arm and draw; the control is arm -1


COLUMNS = [
    "arm", "code", "role", "mean", "difference", "low", "high", "p", "verdict", "draws", "draws_needed", "seconds",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """A difference with its uncertainty, in the unit that is shown.

    Parameters
    ----------
    difference, low, high : float
        The difference and the ends of its 95 % interval.
    test : CrossedTest, or None
        What the p value rests on; None with fewer than two draws.
    table : ndarray of shape (draws, images), or None
        The differences themselves.
    """

    difference: float
    low: float = float("nan")
    high: float = float("nan")
    test: statistics.CrossedTest | None = None
    table: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """How trials of one part become estimates.

    Parameters
    ----------
    metric : Metric
        What is scored.
    labels : ndarray of int
        Classes of the images of the part.
    groups : ndarray of int, or None
        What belongs together among them.
    rng : tuple of int
        Seed of the resampling.
    """

    metric: Metric
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    rng: tuple[int, ...]
    _known: dict[Any, Any] = field(default_factory=dict)

    def scores(self, trial: Trial) -> NDArray[np.float64] | None:
        """Contribution of each image to a trial's value; None where the metric has none."""
        if trial.hits is None:
            return None
        return self.metric.scores(self.labels, trial.hits, trial.predictions, trial.scores)

    def value(self, trial: Trial) -> float:
        """Value of a trial under the metric; nan when it failed, or when what it takes was not stored."""
        scores = self.scores(trial)
        if scores is not None:
            return float(scores.mean())
        return trial.value if self.metric.kind == "scorer" else float("nan")

    def each(self, trial: Trial) -> NDArray[np.float64]:
        """Scores of a trial, or its one value where the metric has no scores."""
        scores = self.scores(trial)
        return np.array([self.value(trial)]) if scores is None else scores

    def grouped(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a table of draws and images with one column a group, where images belong together."""
        return table if self.groups is None else by_group(table, self.groups)

    def estimate(self, trials: Sequence[Sequence[Trial]], weights: Sequence[float]) -> Estimate:
        """Return the weighted sum of some arms' values.

        Parameters
        ----------
        trials : sequence of sequences of Trial
            One sequence an arm, each with the same draws in the same order, all complete.
        weights : sequence of float
            One an arm; 1 and -1 for a difference.
        """
        known = (tuple(tuple(trial.key for trial in arm) for arm in trials), tuple(weights))
        if known not in self._known:
            self._known[known] = self._estimate(trials, weights)
        found: Estimate = self._known[known]
        return found

    def draws_needed(self, estimate: Estimate, rope: float, family: int) -> float:
        """Draws that would decide; nan where only values a draw are known."""
        known = (estimate, rope, family)
        if known not in self._known:
            table = estimate.table
            self._known[known] = (
                float("nan") if table is None else statistics.draws_needed(table, rope=rope, arms=family)
            )
        return float(self._known[known])

    def _estimate(self, trials: Sequence[Sequence[Trial]], weights: Sequence[float]) -> Estimate:
        draws = range(len(trials[0]))
        table = np.array(
            [
                sum(weight * self.each(arm[draw]) for weight, arm in zip(weights, trials, strict=True) if weight)
                for draw in draws
            ]
        )
        table *= self.metric.scale
        difference = float(table.mean()) if table.size else float("nan")
        if len(table) < 2:
            return Estimate(difference=difference)
        if not self.metric.per_image or table.shape[1] < 2:
            over = statistics.draw_test(table[:, 0])
            test = statistics.CrossedTest(difference=difference, error=over.error, df=over.df, p=over.p)
            return Estimate(difference=difference, low=over.low, high=over.high, test=test)
        table = self.grouped(table)
        low, high = statistics.crossed_interval(table, rng=self.rng)
        return Estimate(difference=difference, low=low, high=high, test=statistics.crossed_test(table), table=table)


def paired(trials: CELLS, arms: Iterable[int], draws: int) -> tuple[list[int], list[list[Trial]]]:
    """Return the draws that all of some arms have completed, and each arm's trials of these."""
    listed = list(arms)
    common = [
        draw
        for draw in range(draws)
        if all((trial := trials.get((arm, draw))) and trial.state == "complete" for arm in listed)
    ]
    return common, [[trials[arm, draw] for draw in common] for arm in listed]


def row(judge: Judge, trials: CELLS, arm: int, to: int, *, draws: int, rope: float, family: int) -> dict[str, Any]:
    """Compare one arm with another on the draws that both have."""
    common, (ours, theirs) = paired(trials, (arm, to), draws)
    found: dict[str, Any] = {"draws": len(common), "test": None, "draws_needed": np.nan, "identical": False}
    found |= dict.fromkeys(("mean", "difference", "low", "high", "p", "seconds"), np.nan)
    if not common:
        return found
    estimate = judge.estimate((ours, theirs), (1.0, -1.0))
    found |= {
        "mean": float(np.mean([judge.value(trial) for trial in ours])),
        "difference": estimate.difference,
        "seconds": float(np.mean([trial.seconds for trial in ours])),
    }
    if estimate.test is not None:
        found |= {"low": estimate.low, "high": estimate.high, "p": estimate.test.p, "test": estimate.test}
        found["identical"] = all(
            np.array_equal(judge.each(one), judge.each(other)) for one, other in zip(ours, theirs, strict=True)
        )
        found["draws_needed"] = judge.draws_needed(estimate, rope, family)
    return found


def verdict(found: Mapping[str, Any], p: float, rope: float) -> statistics.Verdict:
    """Return the word for a row, given its adjusted p."""
    if found["test"] is None:
        return "undecided"
    return statistics.verdict((found["low"], found["high"]), p, found["test"], rope=rope, identical=found["identical"])

"""Which trials to compute next.

A search is a value, and its answers are functions of what is known: nothing is remembered between two calls, so that a
study that was interrupted goes on as it would have gone on. A *cell* is a pair of an arm's index (-1 for the control)
and a draw. A study computes the cells of `plan`, asks again with their results, and is done when the plan is empty.

Whoever stops arms early, or lets the scores choose what is tried, bends what the study says about them: `note` says how.

References
----------
Jamieson, K. and Talwalkar, A. (2016). Non-stochastic best arm identification and hyperparameter optimization. AISTATS.
Birattari, M. et al. (2002). A racing algorithm for configuring metaheuristics. GECCO.
Lopez-Ibanez, M. et al. (2016). The irace package: iterated racing for automatic algorithm configuration. Operations
Research Perspectives 3, 43-58.
Bergstra, J. et al. (2011). Algorithms for hyper-parameter optimization. NeurIPS.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args

import numpy as np
from scipy import stats

from augmentlab.study import statistics
from augmentlab.study.spaces import CONTROL, Arm
from augmentlab.study.tables import by_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import ArrayLike, NDArray

    Cell = tuple[int, int]
    Results = Mapping[Cell, NDArray[np.float64]]

Name = Literal["grid", "random", "halving", "race", "tpe", "gp"]

_ASKS = 10  # proposals of an arm that is known already, before the next one in the list is taken
_PACKAGES = {"optuna": "Optuna", "torch": "PyTorch"}


class Search(Protocol):
    """What a study asks."""

    @property
    def note(self) -> str:
        """What a reader of the results must know about this way of searching; empty for a grid."""

    def plan(self, results: Results, failed: AbstractSet[Cell]) -> list[Cell]:
        """The next cells to compute, in order; none when the search is done.

        Parameters
        ----------
        results : dict of (int, int) to ndarray of shape (images,)
            The scores of every finished cell, larger is better; of shape (1,) for a metric without scores.
        failed : set of (int, int)
            Cells that raised in this run; they are not asked for again.
        """

    def stopped(self, results: Results, failed: AbstractSet[Cell]) -> dict[int, str]:
        """Why arms have fewer draws than the others, in a few words each."""


def named(
    name: Name,
    arms: Sequence[Arm],
    draws: int,
    *,
    seed: int = 0,
    always: frozenset[int] = frozenset({-1}),
    n_trials: int | None = None,
    groups: ArrayLike | None = None,
) -> Search:
    """The search of that name.

    Parameters
    ----------
    name : {"grid", "random", "halving", "race", "tpe", "gp"}
        See `Grid`, `Random`, `Halving`, `Race`, and `Proposals` for the last two.
    arms : list of Arm
        All that the study compares.
    draws : int
        Training runs of each.
    seed : int
        Of what is random in the search.
    always : frozenset of int
        Indices of controls: they are never stopped, and get all draws.
    n_trials : int, optional
        Largest number of trials, those of the controls among them; for "random", "tpe" and "gp".
    groups : array_like of shape (images,), optional
        Which images belong together; for "race".

    Raises
    ------
    ValueError
        No such search, an `n_trials` that does not belong to it or is too small.
    ModuleNotFoundError
        Optuna, or PyTorch for "gp", is not installed.

    Examples
    --------
    >>> from augmentlab import HorizontalFlip, Invert
    >>> from augmentlab.study import combinations
    >>> named("grid", combinations([HorizontalFlip(), Invert()]), draws=2).plan({}, set())
    [(-1, 0), (0, 0), (1, 0), (2, 0), (-1, 1), (0, 1), (1, 1), (2, 1)]
    """
    if name not in get_args(Name):
        raise ValueError(f"search must be one of {', '.join(map(repr, get_args(Name)))}; got {name!r}")
    if name in ("random", "tpe", "gp"):
        if name == "random":
            return Random(arms=arms, draws=draws, always=always, seed=seed, n_trials=n_trials)
        return Proposals(arms=arms, draws=draws, always=always, seed=seed, n_trials=n_trials, sampler=name)
    if n_trials is not None:
        raise ValueError(
            f"n_trials must be None unless search is 'random', 'tpe' or 'gp'; got {n_trials!r} with {name!r}"
        )
    if name == "race":
        return Race(arms=arms, draws=draws, always=always, groups=groups)
    return (Grid if name == "grid" else Halving)(arms=arms, draws=draws, always=always)


@dataclass(frozen=True, kw_only=True)
class _Cells:
    arms: Sequence[Arm]
    draws: int
    always: frozenset[int] = frozenset({-1})

    @property
    def _controls(self) -> list[int]:
        return sorted(self.always | {-1})

    @property
    def _candidates(self) -> list[int]:
        return [index for index in range(len(self.arms)) if index not in self.always]

    def _label(self, index: int) -> str:
        return CONTROL if index < 0 else self.arms[index].label


@dataclass(frozen=True, kw_only=True)
class Grid(_Cells):
    """Every arm on every draw; draw by draw, so that an unfinished study has arms of equal length.

    Parameters
    ----------
    arms : list of Arm
        All that the study compares.
    draws : int
        Training runs of each.
    always : frozenset of int
        Indices of controls.
    """

    @property
    def note(self) -> str:
        """Nothing."""
        return ""

    def plan(self, results: Results, failed: AbstractSet[Cell]) -> list[Cell]:
        """All cells that are missing."""
        return _missing(_rounds(sorted([*self._controls, *self._candidates]), self.draws), results, failed)

    def stopped(self, results: Results, failed: AbstractSet[Cell]) -> dict[int, str]:  # noqa: ARG002
        """None."""
        return {}


@dataclass(frozen=True, kw_only=True)
class _Budgeted(_Cells):
    seed: int = 0
    n_trials: int | None = None

    def __post_init__(self) -> None:
        given, least = self.n_trials, (len(self._controls) + 1) * self.draws
        if given is not None and (isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < least):
            controls = "the control" if len(self._controls) == 1 else f"{len(self._controls)} controls"
            raise ValueError(
                f"n_trials must be an int >= {least}, the {self.draws} draws of {controls} and of one arm; got {given!r}"
            )

    @property
    def _affordable(self) -> int:
        """How many arms get their draws."""
        if self.n_trials is None:
            return len(self._candidates)
        return min(len(self._candidates), self.n_trials // self.draws - len(self._controls))

    @property
    def _shuffled(self) -> list[int]:
        order: list[int] = np.random.default_rng(self.seed).permutation(self._candidates).tolist()
        return order


@dataclass(frozen=True, kw_only=True)
class Random(_Budgeted):
    """Some of the arms, drawn at random, each on every draw.

    Nothing that is learned on the way changes what is tried, so that no arm's difference is biased by the search; the
    largest of many is lucky all the same.

    Parameters
    ----------
    arms : list of Arm
        All that the study compares.
    draws : int
        Training runs of each.
    always : frozenset of int
        Indices of controls.
    seed : int
        Of the order.
    n_trials : int, optional
        Largest number of trials, those of the controls among them; all without it.
    """

    @property
    def note(self) -> str:
        """How many arms were drawn, if not all."""
        some, every = self._affordable, len(self._candidates)
        return (
            "" if some == every else f"{some} of {every} arms were drawn at random; nothing is known about the others"
        )

    def plan(self, results: Results, failed: AbstractSet[Cell]) -> list[Cell]:
        """What is missing of the controls and of the arms drawn, arm by arm."""
        chosen = self._shuffled[: self._affordable]
        return _missing(itertools.product([*self._controls, *chosen], range(self.draws)), results, failed)

    def stopped(self, results: Results, failed: AbstractSet[Cell]) -> dict[int, str]:  # noqa: ARG002
        """The arms that were not drawn."""
        return dict.fromkeys(sorted(self._shuffled[self._affordable :]), f"not drawn within {self.n_trials} trials")


@dataclass(frozen=True, kw_only=True)
class _Stopping(_Cells):
    """A search that looks at the arms in between and goes on without some of them."""

    _did: ClassVar[str]

    @property
    def note(self) -> str:
        """What stopping did."""
        return (
            f"{self._did}: their differences may be an unlucky start, those of the arms that were kept are too good, "
            "and confirm() measures the chosen one anew"
        )

    def plan(self, results: Results, failed: AbstractSet[Cell]) -> list[Cell]:
        """What is missing up to the next look."""
        return self._replayed(results, failed)[0]

    def stopped(self, results: Results, failed: AbstractSet[Cell]) -> dict[int, str]:
        """The arms that were stopped, and why."""
        return self._replayed(results, failed)[1]

    def _replayed(self, results: Results, failed: AbstractSet[Cell]) -> tuple[list[Cell], dict[int, str]]:
        """Look at what is known as if it came in just now: what is missing for the next look, and who was stopped."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Halving(_Stopping):
    """All arms on few draws, the better half on twice as many, and so on (successive halving).

    Arms are judged by the mean of their paired differences to the control. There are as many halvings as leave two
    arms, fewer if the draws do not suffice: the last two rungs are `draws` and half of it. Of arms that are equal, or
    that both have no result, those given first are kept; of an odd number, one more than half.

    Parameters
    ----------
    arms : list of Arm
        All that the study compares.
    draws : int
        Training runs of those that are never stopped.
    always : frozenset of int
        Indices of controls.

    Examples
    --------
    >>> from augmentlab import Rotate
    >>> from augmentlab.study.spaces import as_arms
    >>> Halving(arms=as_arms([Rotate(angle=angle) for angle in range(1, 17)]), draws=10).rungs
    [2, 3, 5, 10]
    """

    @property
    def rungs(self) -> list[int]:
        """Numbers of draws after which the worse half is stopped; at the last, all draws, none is."""
        halvings = math.ceil(math.log2(max(2, len(self._candidates)))) - 1
        return sorted({math.ceil(self.draws / 2**halving) for halving in range(halvings + 1)})

    _did: ClassVar[str] = "arms in the worse half were stopped after fewer draws (successive halving)"

    def _replayed(self, results: Results, failed: AbstractSet[Cell]) -> tuple[list[Cell], dict[int, str]]:
        alive, stopped, means = self._candidates, dict[int, str](), _means(results)
        for rung in self.rungs:
            missing = _missing(_rounds([*self._controls, *alive], rung), results, failed)
            if missing or rung == self.draws:
                return missing, stopped
            ranked = sorted(alive, key=lambda index: (-_gain(means, index, rung), index))
            kept = (len(alive) + 1) // 2
            stopped |= {index: f"in the worse half after {_draws(rung)}" for index in sorted(ranked[kept:])}
            alive = sorted(ranked[:kept])
        raise AssertionError("the last rung returns")


@dataclass(frozen=True, kw_only=True)
class Race(_Stopping):
    """All arms draw by draw, without those that are by now clearly worse than the leader (after F-race and irace).

    After each draw from the third on, the arm or control with the best mean difference leads. An arm is stopped when the
    crossed test, over draws and images, of its difference to the leader gives a one-sided p below
    ``alpha / (opponents * looks)``. Whoever leads is one of the opponents and each look is one of the looks, so that by
    Bonferroni's bound the truly best arm is stopped in at most a share `alpha` of all races, as far as the test holds
    its level. The bound is for that one arm: of many equal arms, one or the other is stopped more often. Without scores of images, the test is the paired t test over draws, which forgets the images.

    Parameters
    ----------
    arms : list of Arm
        All that the study compares.
    draws : int
        Training runs of those that are never stopped.
    always : frozenset of int
        Indices of controls.
    groups : array_like of shape (images,), optional
        Which images belong together.
    first : int
        Draws before the first look, at least 2.
    alpha : float
        Probability of stopping the best arm.
    """

    groups: ArrayLike | None = None
    first: int = 3
    alpha: float = 0.05

    _did: ClassVar[str] = "arms that were clearly worse than the leader were stopped early (race)"

    def _replayed(self, results: Results, failed: AbstractSet[Cell]) -> tuple[list[Cell], dict[int, str]]:
        alive, stopped, means = self._candidates, dict[int, str](), _means(results)
        for look in (*range(self.first, self.draws), self.draws):
            missing = _missing(_rounds([*self._controls, *alive], look), results, failed)
            if missing or look == self.draws:
                return missing, stopped
            stopped |= self._worse(alive, look, results, means)
            alive = [index for index in alive if index not in stopped]
        raise AssertionError("the last look returns")

    def _worse(self, alive: Sequence[int], look: int, results: Results, means: Mapping[Cell, float]) -> dict[int, str]:
        contestants = [*self._controls, *alive]
        gains = {index: _gain(means, index, look) for index in contestants}
        leader = max(contestants, key=lambda index: gains[index])
        if gains[leader] == -math.inf:
            return {}
        level = self.alpha / ((len(self._controls) + len(self._candidates) - 1) * (self.draws - self.first))
        worse = {}
        for index in alive:
            if not any((index, draw) in means for draw in range(look)):
                worse[index] = f"no result in {_draws(look)}"
            elif _could_be_worse(_differences(means, index, leader, look), level):
                shared = [draw for draw in range(look) if (index, draw) in means and (leader, draw) in means]
                table = np.stack([results[index, draw] - results[leader, draw] for draw in shared])
                if _p_of_worse(table, self.groups) < level:
                    worse[index] = f"clearly worse than {self._label(leader)} after {_draws(look)}"
        return worse


@dataclass(frozen=True, kw_only=True)
class Proposals(_Budgeted):
    """Arms that a sampler of Optuna proposes, one after the other, each on every draw.

    The sampler is asked for a point of the arms' space, with the factors of their points as categorical parameters;
    where they have none, or not the same ones, the one parameter is the label. What it is told about an arm is the mean
    of its paired differences to the control, so the point at which everything is off is the control and costs nothing.
    A proposal of an arm that is known is told again, and a point that is no arm the worst value so far; after ten of
    these the first arm that was not tried is taken. Finished arms are told in an order that depends on the seed alone,
    and so the next proposal depends on them and on nothing else.

    Both samplers begin at random: with a quarter of the arms that `n_trials` pays for, but 2 to 10, the control counted.

    Parameters
    ----------
    arms : list of Arm
        All that the study compares.
    draws : int
        Training runs of each.
    always : frozenset of int
        Indices of controls.
    seed : int
        Of the proposals.
    n_trials : int, optional
        Largest number of trials, those of the controls among them; all without it.
    sampler : {"tpe", "gp"}
        Tree-structured Parzen estimator, or Gaussian process (which needs PyTorch).
    """

    sampler: Literal["tpe", "gp"] = "tpe"

    def __post_init__(self) -> None:
        super().__post_init__()
        extras = ["optuna"] if self.sampler == "tpe" else ["optuna", "torch"]
        missing = [_PACKAGES[package] for package in extras if importlib.util.find_spec(package) is None]
        if missing:
            raise ModuleNotFoundError(
                f'search "{self.sampler}" needs {" and ".join(missing)}; '
                f'python -m pip install "augmentlab[{",".join(extras)}]" brings what it needs'
            )

    @property
    def note(self) -> str:
        """What choosing by scores did."""
        return (
            f"the arms tried were chosen by the scores of those before ({self.sampler}): the best of them is too good, "
            "and confirm() measures it anew"
        )

    def plan(self, results: Results, failed: AbstractSet[Cell]) -> list[Cell]:
        """What is missing of the controls and of the arm that is next."""
        missing = _missing(itertools.product(self._controls, range(self.draws)), results, failed)
        tried = self._tried(results, failed)
        # Their differences need the control: an arm is only proposed before it where nothing is to be learned yet.
        if len(tried) >= self._affordable or (missing and tried):
            return missing
        left = set(self._candidates) - tried
        # Begun, and interrupted. One draw alone does not tell: a preview may have timed it.
        following = min((index for index, draw in results if index in left and draw), default=None)
        if following is None:
            following = self._proposed(tried, results)
        return missing + _missing(((following, draw) for draw in range(self.draws)), results, failed)

    def stopped(self, results: Results, failed: AbstractSet[Cell]) -> dict[int, str]:
        """When the search is done, the arms that were never proposed."""
        tried = self._tried(results, failed)
        if len(tried) < self._affordable:
            return {}
        return {
            index: f"not proposed within {self.n_trials} trials" for index in self._candidates if index not in tried
        }

    def _tried(self, results: Results, failed: AbstractSet[Cell]) -> set[int]:
        return {
            index
            for index in self._candidates
            if all((index, draw) in results or (index, draw) in failed for draw in range(self.draws))
        }

    def _proposed(self, tried: AbstractSet[int], results: Results) -> int:
        import optuna

        points = self._points()
        places = {tuple(point.values()): index for index, point in points.items()}
        choices = {
            factor: list(dict.fromkeys(point[factor] for point in points.values()))
            for factor in points[self._candidates[0]]
        }
        means = _means(results)
        gains = {index: _gain(means, index, self.draws) for index in points if index in tried or index < 0}
        known = {index: gain for index, gain in gains.items() if gain > -math.inf}
        worst = min(known.values(), default=0.0)
        seed = int(np.random.SeedSequence((self.seed, len(tried))).generate_state(1)[0])
        startup = min(10, max(2, self._affordable // 4))  # Optuna's 10 would be all, or nearly so, in a small study
        with _quiet():
            sampler = (
                optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=startup)
                if self.sampler == "tpe"
                else optuna.samplers.GPSampler(seed=seed, n_startup_trials=startup)
            )
            study = optuna.create_study(direction="maximize", sampler=sampler)
            space: dict[str, Any] = {
                factor: optuna.distributions.CategoricalDistribution(levels) for factor, levels in choices.items()
            }
            # Not by index: Optuna gives the first of many trials less weight, as the oldest.
            for index in [*self._controls, *self._shuffled]:
                if index in known:
                    study.add_trial(optuna.create_trial(params=points[index], distributions=space, value=known[index]))
            for _ in range(_ASKS):
                trial = study.ask(space)
                place = places.get(tuple(trial.params[factor] for factor in choices))
                if place is not None and place >= 0 and place not in tried:
                    return place
                study.tell(trial, worst if place is None else known.get(place, worst))
        return next(index for index in self._candidates if index not in tried)

    def _points(self) -> dict[int, dict[str, Any]]:
        """The arms' places in the space of the search, and the control's if it has one."""
        points: dict[int, dict[str, Any]] = {index: self.arms[index].levels for index in self._candidates}
        factors = {tuple(point) for point in points.values()}
        distinct = {tuple(point.values()) for point in points.values()}
        if len(factors) > 1 or factors == {()} or len(distinct) < len(points):
            return {index: {"arm": self.arms[index].label} for index in self._candidates}
        if all(isinstance(level, bool) for point in points.values() for level in point.values()):
            points[-1] = dict.fromkeys(next(iter(factors)), False)
        return points


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's messages: its sampler's options are experimental in version 4, and it reports each study."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _rounds(indices: Sequence[int], draws: int) -> Iterator[Cell]:
    return ((index, draw) for draw in range(draws) for index in indices)


def _missing(cells: Iterable[Cell], results: Results, failed: AbstractSet[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell not in results and cell not in failed]


def _means(results: Results) -> dict[Cell, float]:
    return {cell: float(scores.mean()) for cell, scores in results.items()}


def _gain(means: Mapping[Cell, float], index: int, draws: int) -> float:
    """Mean difference to the control on the first draws, where both are finished; -inf where none is."""
    shared = _differences(means, index, -1, draws)
    gain = sum(shared) / len(shared) if shared else math.nan
    return -math.inf if math.isnan(gain) else gain


def _differences(means: Mapping[Cell, float], index: int, other: int, draws: int) -> list[float]:
    return [
        means[index, draw] - means[other, draw]
        for draw in range(draws)
        if (index, draw) in means and (other, draw) in means
    ]


def _could_be_worse(differences: Sequence[float], level: float) -> bool:
    """Whether the crossed test can give a p below `level`, by the means of the draws alone, which cost nothing.

    Its standard error is never below that of the draws, and its degrees of freedom are at most twice theirs.
    """
    count, mean = len(differences), sum(differences) / max(1, len(differences))
    if count < 2 or mean >= 0:
        return False
    error = math.sqrt(sum((one - mean) ** 2 for one in differences) / (count - 1) / count)
    return -mean >= _quantile(level, 2 * (count - 1)) * error


@functools.lru_cache
def _quantile(level: float, df: int) -> float:
    return float(stats.t.isf(level, df))


def _p_of_worse(table: NDArray[np.float64], groups: ArrayLike | None) -> float:
    """One-sided p of a mean difference below 0."""
    if groups is not None and table.shape[1] == len(np.asarray(groups)):
        table = by_group(table, groups)
    if table.shape[1] > 1:
        return statistics.crossed_test(table).p / 2
    values = table[:, 0]
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    # Two or three equal numbers say nothing about how much they would vary.
    return 1.0 if np.isclose(error, 0.0) else float(stats.t.cdf(values.mean() / error, len(values) - 1))


def _draws(count: int) -> str:
    return "1 draw" if count == 1 else f"{count} draws"

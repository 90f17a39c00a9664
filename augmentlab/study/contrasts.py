"""Which step does what: effects as weighted sums of arms, and what a pipeline is worth in images.

An on/off design (`combinations`) tries steps alone and together. The effect of a step is then a weighted sum of the scores
of all arms, and so is the interaction of two steps: `contrasts` finds the weights. With ``scores`` of shape
``(cells, draws, images)``, the control first, ``weights @ scores`` (over the first axis) is a table of shape
``(draws, images)`` for `statistics.crossed_test` and `statistics.crossed_interval`.

References
----------
Box, G. E. P., Hunter, J. S., Hunter, W. G. (2005). Statistics for Experimenters, chapters 5 and 6. Wiley.
Shapley, L. S. (1953). A value for n-person games. Contributions to the Theory of Games 2, 307-317.
Geiping, J. et al. (2023). How much data are augmentations worth? ICLR.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from augmentlab.study.statistics import bootstrap_means, crossed_test, normal_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A weighted sum of cells that answers one question.

    Attributes
    ----------
    term : str
        ``"shift"``, ``"shift:rotate"``; where the design cannot tell terms apart, all of them, as in
        ``"shift = rotate:noise"`` (or ``"shift = -rotate:noise"``): what is estimated is then the first one only if the others
        are nil.
    kind : {"main", "interaction", "shapley"}
    weights : tuple of float
        One for each cell, the control first; their sum is 0.
    """

    term: str
    kind: Literal["main", "interaction", "shapley"]
    weights: tuple[float, ...]


def contrasts(points: Sequence[Sequence[tuple[str, Any]]]) -> list[Contrast]:
    """Main effects, pair interactions and Shapley shares that an on/off design can tell.

    - *Main effect* of ``a``: the mean over cells with `a` on, minus that with `a` off, the other factors on and off equally
      often.
    - *Interaction* ``a:b``: by how much `b` changes the effect of `a`, that is, the effect of `a` with `b` on minus the effect
      of `a` with `b` off. (It is the same with `a` and `b` exchanged.)
    - *Shapley share* of ``a``: the gain from switching `a` on, averaged over all orders in which the factors can be switched
      on. The shares add up to "all on" minus "all off". Only a full design has them.

    In a full design, of all 2^k cells, these are plain differences of means. In any other they are least-squares estimates in
    the model of main effects and pair interactions, which takes three factors to do together what their pairs do. Terms
    whose columns in the model are equal are named together. What that model cannot estimate is left out; but a main effect
    is then taken from the model of main effects alone (for steps tried one at a time: the step minus the control), which is
    right if no two factors interact.

    Parameters
    ----------
    points : sequence of sequences of (factor, bool) pairs
        ``Arm.point`` of each cell. The first is the control: everything off, or empty.

    Returns
    -------
    list of Contrast
        Main effects in the order of the factors, then interactions, then Shapley shares.

    Raises
    ------
    ValueError
        If an arm has no on/off factors, or not those of the others, or the first cell has one switched on, or the cells
        are too few to tell any effect.

    Examples
    --------
    >>> design = [(("shift", a), ("flip", b)) for a in (False, True) for b in (False, True)]
    >>> for contrast in contrasts(design):
    ...     print(contrast.kind, contrast.term, contrast.weights)
    main shift (-0.5, -0.5, 0.5, 0.5)
    main flip (-0.5, 0.5, -0.5, 0.5)
    interaction shift:flip (1.0, -1.0, -1.0, 1.0)
    shapley shift (-0.5, -0.5, 0.5, 0.5)
    shapley flip (-0.5, 0.5, -0.5, 0.5)
    """
    factors, levels = _levels(points)
    mains = dict(zip(factors, levels.T, strict=True))
    pairs = {f"{a}:{b}": mains[a] * mains[b] for a, b in itertools.combinations(factors, 2)}
    together, alone = _estimates(mains | pairs), _estimates(mains)
    # With levels of -1 and 1, a coefficient is half of a main effect and a quarter of an interaction.
    found = [
        *(_contrast("main", 2, *(together.get(name) or alone[name])) for name in mains if name in together | alone),
        *(_contrast("interaction", 4, *together[name]) for name in pairs if name in together),
        *_shapley(factors, levels),
    ]
    if not found:
        raise ValueError(f"points must tell the factors apart; {len(levels)} cells of {len(factors)} factors do not")
    return found


def _levels(points: Sequence[Sequence[tuple[str, Any]]]) -> tuple[list[str], NDArray[np.float64]]:
    """Names of the factors, and -1 for off and 1 for on in each cell, of shape (cells, factors)."""
    cells = [dict(point) for point in points]
    if len(cells) < 2:
        raise ValueError(f"points must hold the control and at least one arm; got {len(cells)} cells")
    factors = list(cells[1])
    cells[0] = cells[0] or dict.fromkeys(factors, False)
    for place, cell in enumerate(cells):
        for factor, level in cell.items():
            if not isinstance(level, (bool, np.bool_)):
                raise ValueError(
                    "points must switch factors on and off, as those of combinations() do; "
                    f"cell {place} has {factor!r} at {level!r:.40}"
                )
        if not cell or cell.keys() != cells[1].keys():
            here, wanted = ", ".join(cell) or "none", ", ".join(factors) or "some"
            raise ValueError(
                f"points must have the same on/off factors in all cells; cell {place} has {here}, not {wanted}"
            )
    for factor in factors:
        if ":" in factor or " = " in factor:
            raise ValueError(f"names of factors must be without ':' and ' = ', which join them; got {factor!r}")
    if any(cells[0].values()):
        on = ", ".join(factor for factor, level in cells[0].items() if level)
        raise ValueError(f"points must begin with the control, everything off; it has {on} on")
    return factors, np.array([[1.0 if cell[factor] else -1.0 for factor in factors] for cell in cells])


def _estimates(columns: dict[str, NDArray[np.float64]]) -> dict[str, tuple[str, NDArray[np.float64]]]:
    """Least-squares weights of what can be estimated, with its name and aliases, by its first name."""
    aliases: dict[tuple[float, ...], list[str]] = {}
    for name, column in columns.items():
        known = aliases.setdefault(tuple(column * column[0]), [])
        known.append(f"{'-' if known and column[0] != columns[known[0]][0] else ''}{name}")
    aliases.pop((1.0,) * len(next(iter(columns.values()))), None)  # the mean, which is no effect
    firsts = [names[0] for names in aliases.values()]
    design = np.column_stack([np.ones(len(next(iter(columns.values())))), *(columns[name] for name in firsts)])
    inverse = np.linalg.pinv(design)
    known_by_itself = np.abs(inverse @ design - np.eye(design.shape[1])).max(axis=1) < _TOLERANCE
    return {
        names[0]: (" = ".join(names), weights)
        for names, weights, known in zip(aliases.values(), inverse[1:], known_by_itself[1:], strict=True)
        if known
    }


def _contrast(
    kind: Literal["main", "interaction", "shapley"], scale: float, term: str, weights: NDArray[np.float64]
) -> Contrast:
    clean = np.where(np.abs(weights) < _TOLERANCE, 0.0, scale * weights)
    return Contrast(term=term, kind=kind, weights=tuple(clean.round(12).tolist()))


def _shapley(factors: list[str], levels: NDArray[np.float64]) -> list[Contrast]:
    count = len(factors)
    _, cell, copies = np.unique(levels, axis=0, return_inverse=True, return_counts=True)
    if len(copies) < 2**count:
        return []
    others = (levels > 0).sum(axis=1)[:, None] - (levels > 0)
    orders = np.array([math.factorial(n) * math.factorial(count - n - 1) / math.factorial(count) for n in range(count)])
    shares = levels * orders[others] / copies[cell.ravel()][:, None]
    return [_contrast("shapley", 1, name, weights) for name, weights in zip(factors, shares.T, strict=True)]


@dataclass(frozen=True, kw_only=True)
class ExchangeRate:
    """What an arm is worth: times the training images the control would need for the same score, and its interval."""

    rate: float
    low: float
    high: float


def exchange_rate(
    sizes: ArrayLike,
    baseline: ArrayLike,
    arm: ArrayLike,
    *,
    n: int | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    rng: int | tuple[int, ...] = 0,
) -> ExchangeRate:
    """By how much more data the control would reach the mean of an arm ("this pipeline is worth twice the data").

    The control's means at the sizes are made non-decreasing (isotonic regression) and joined by straight lines over
    log2 of the size; the rate is the smallest size at which that curve reaches the arm's mean, over `n`. The interval
    resamples draws and images together, of the arm and of all sizes alike, at the scale of the crossed test of the
    difference at the size where the two are nearest.

    The curve is not drawn beyond its ends. An arm that is better than the control at the largest size is worth ``inf``
    ("more than" the largest size over n); one that is no better than the control at the smallest is worth the smallest
    size over n, which means "at most" that. A size below `n` shows how much an arm loses.

    Parameters
    ----------
    sizes : array_like of shape (sizes,)
        Numbers of training images of the control, increasing; at least two.
    baseline : array_like of shape (sizes, draws, images)
        Scores of the control.
    arm : array_like of shape (draws, images)
        Scores of the arm, for the same draws and images.
    n : int, optional
        Training images of the arm; the smallest of `sizes` by default.
    level : float
        Nominal coverage of the interval, between 0 and 1.
    resamples : int
        Number of bootstrap tables.
    rng : int or tuple of int
        Seed.

    Raises
    ------
    ValueError
        If sizes do not increase or the shapes do not fit.

    References
    ----------
    Geiping, J. et al. (2023). How much data are augmentations worth? ICLR.

    Examples
    --------
    An arm that is as good at 100 images as the control midway between 200 and 400:

    >>> curve = np.array([0.5, 0.6, 0.7])[:, None, None] * np.ones((3, 4, 10))
    >>> exchange_rate([100, 200, 400], curve, np.full((4, 10), 0.65)).rate  # doctest: +ELLIPSIS
    2.828...
    """
    counts = np.asarray(sizes, dtype=np.float64)
    tables, table = np.asarray(baseline, dtype=np.float64), np.asarray(arm, dtype=np.float64)
    if counts.ndim != 1 or counts.size < 2 or counts[0] <= 0 or (np.diff(counts) <= 0).any():
        raise ValueError(f"sizes must be at least two increasing numbers of images; got {sizes!r}")
    if table.ndim != 2 or tables.shape != (counts.size, *table.shape):
        raise ValueError(
            f"baseline must have shape (sizes, draws, images) and arm (draws, images); got {tables.shape} and {table.shape} "
            f"for {counts.size} sizes"
        )
    own = counts[0] if n is None else n
    means = np.array([*tables.mean(axis=(1, 2)), table.mean()])
    nearest = int(np.abs(means[:-1] - means[-1]).argmin())
    test = crossed_test(table - tables[nearest])
    rate = float(_reached(counts, means[:, None])[0] / own)
    if test.error == 0.0:
        return ExchangeRate(rate=rate, low=rate, high=rate)
    resampled = np.array([bootstrap_means(one, resamples=resamples, rng=rng) for one in (*tables, table)])
    scale = test.error / (resampled[-1] - resampled[nearest]).std()
    rates = np.sort(_reached(counts, means[:, None] + scale * (resampled - means[:, None]))) / own
    tail = normal_tail(level, test.df) * (resamples - 1)
    # Whole places: nothing lies between a number and inf.
    low, high = rates[math.floor(tail)], rates[math.ceil(resamples - 1 - tail)]
    return ExchangeRate(rate=rate, low=min(rate, float(low)), high=max(rate, float(high)))


def _reached(sizes: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size at which each curve reaches its target: `means` of shape (sizes + 1, curves), the targets last."""
    curves, targets = _isotonic(means[:-1]), means[-1]
    after = (curves < targets - _TOLERANCE).sum(axis=0)  # the first place that is as high as the target
    place = np.clip(after, 1, len(sizes) - 1)
    at = np.arange(means.shape[1])
    left, right = curves[place - 1, at], curves[place, at]
    share = np.clip((targets - left) / np.where(right > left, right - left, 1.0), 0.0, 1.0)
    steps = np.log2(sizes)
    inside = 2.0 ** (steps[place - 1] + share * (steps[place] - steps[place - 1]))
    return np.where(after == len(sizes), np.inf, np.where(after == 0, sizes[0], inside))


def _isotonic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Isotonic regression down each column: the largest, over starts, of the smallest, over ends, mean between them."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0)])
    count = len(values)
    return np.array(
        [
            np.max(
                [
                    np.min([(sums[b + 1] - sums[a]) / (b + 1 - a) for b in range(i, count)], axis=0)
                    for a in range(i + 1)
                ],
                axis=0,
            )
            for i in range(count)
        ]
    )

"""What per-image scores say about two arms: pure functions on arrays.

Most functions take *differences*: an array of shape ``(draws, images)`` that holds, for each training draw and each
evaluation image, the score of an arm (for accuracy the hit, 0 or 1) minus that of the control, in any unit (a study
passes points, that is 100 times the hit). Rows and columns are both samples: another training draw and another
evaluation image would give other numbers. A paired t test over draws alone forgets the images and finds "significant"
differences between equal arms too often; the functions here treat the table as a crossed random-effects design.
`augmentlab.study.tables` makes such a table of a metric that is no mean over images, such as macro F1.
``benchmarks/calibration.py`` measures how often all this errs, and the slow tests hold it.

References
----------
Owen, A. B. (2007). The pigeonhole bootstrap. Annals of Applied Statistics 1(2), 386-411.
Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components. Biometrics 2(6), 110-114.
Nadeau, C., Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281.
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6, 65-70.
Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate. J. R. Statist. Soc. B 57(1), 289-300.
Kruschke, J. K. (2018). Rejecting or accepting parameter values in Bayesian estimation. AMPPS 1(2), 270-280.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Verdict = Literal["helps", "hurts", "equivalent", "undecided", "identical"]

_AT_ONCE = 2_000_000  # cells of bootstrap counts that are held as 64-bit numbers

VERDICTS: tuple[Verdict, ...] = ("helps", "hurts", "equivalent", "undecided", "identical")


@dataclass(frozen=True, kw_only=True)
class MeanSquares:
    """Mean squares of a crossed table with one value a cell, and the table's shape."""

    draw: float
    image: float
    residual: float
    draws: int
    images: int


def mean_squares(differences: ArrayLike) -> MeanSquares:
    """Mean squares of draws, images and residual of a two-way table without replication.

    Parameters
    ----------
    differences : array_like of shape (draws, images)
        At least two draws and two images.

    Raises
    ------
    ValueError
        If the table is smaller.

    Examples
    --------
    >>> mean_squares([[1.0, 0.0], [1.0, 2.0]])
    MeanSquares(draw=1.0, image=0.0, residual=1.0, draws=2, images=2)
    """
    table = _table(differences)
    draws, images = table.shape
    rows = table.mean(axis=1, keepdims=True)
    columns = table.mean(axis=0, keepdims=True)
    mean = table.mean()
    return MeanSquares(
        draw=float(images * ((rows - mean) ** 2).sum() / (draws - 1)),
        image=float(draws * ((columns - mean) ** 2).sum() / (images - 1)),
        residual=float(((table - rows - columns + mean) ** 2).sum() / ((draws - 1) * (images - 1))),
        draws=draws,
        images=images,
    )


@dataclass(frozen=True, kw_only=True)
class CrossedTest:
    """Mean difference, its standard error, Satterthwaite's degrees of freedom and the two-sided p of "no difference".

    ``df`` and ``p`` are nan when every value of the table is 0: there is nothing to test.
    """

    difference: float
    error: float
    df: float
    p: float


def crossed_test(differences: ArrayLike) -> CrossedTest:
    """Two-sided t test of a mean difference over draws and images together.

    The variance of the mean is ``(MS_draw + MS_image - MS_residual) / (draws * images)``, which is unbiased under
    crossed random effects; it is never taken below the largest of the three mean squares over the same count, because
    a difference of estimates may come out too small, 0 (where gains and losses cancel in every draw and every image) or
    negative.

    Degrees of freedom after Satterthwaite, but at most twice those of the shorter side of the table: with two or three
    draws their estimate is often far too large, and equal arms come out as "significant" even after Holm's adjustment.

    Parameters
    ----------
    differences : array_like of shape (draws, images)
        Arm minus control, at least two draws and two images.

    Examples
    --------
    >>> crossed_test([[1.0, 0.0], [1.0, 2.0]])  # doctest: +ELLIPSIS
    CrossedTest(difference=1.0, error=0.5, df=1.0, p=0.29...)
    """
    table = _table(differences)
    squares = mean_squares(table)
    difference = float(table.mean())
    variance = max(squares.draw + squares.image - squares.residual, squares.draw, squares.image, squares.residual)
    error = float(np.sqrt(variance / table.size))
    if error == 0.0:
        # Equal in every cell: either nothing differs, or everything does and by the same amount.
        return CrossedTest(difference=difference, error=0.0, df=np.nan, p=np.nan if difference == 0.0 else 0.0)
    spread = (
        squares.draw**2 / (squares.draws - 1)
        + squares.image**2 / (squares.images - 1)
        + squares.residual**2 / ((squares.draws - 1) * (squares.images - 1))
    )
    least = min(squares.draws, squares.images) - 1.0
    df = float(np.clip(variance**2 / spread, least, 2 * least))
    p = float(2 * stats.t.sf(abs(difference) / error, df))
    return CrossedTest(difference=difference, error=error, df=df, p=p)


def crossed_interval(
    differences: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    rng: int | tuple[int, ...] = 0,
) -> tuple[float, float]:
    """Percentile interval of a mean difference by the crossed ("pigeonhole") bootstrap, at the scale of the crossed test.

    Each resample draws rows and columns independently with replacement and averages the cells where they meet. Such
    means count what is peculiar to one draw and one image three times (Owen 2007), and hits mostly consist of that: as
    they are, they would hide differences that are there. They are therefore brought to the standard error of
    `crossed_test`, and their percentiles are those that the t distribution with its degrees of freedom asks for. Few
    draws have no far percentiles, so that neither end lies within the t interval: the bootstrap only widens it, on the
    side to which the differences are skewed.

    Parameters
    ----------
    differences : array_like of shape (draws, images)
        Arm minus control, at least two draws and two images.
    level : float
        Nominal coverage, between 0 and 1.
    resamples : int
        Number of bootstrap tables.
    rng : int or tuple of int
        Seed: equal seeds give equal intervals.

    Returns
    -------
    low, high : float
        Ends of the interval, in the unit of `differences`.

    Examples
    --------
    >>> crossed_interval([[3.0, 3.0], [3.0, 3.0]])
    (3.0, 3.0)
    """
    table = _table(differences)
    test = crossed_test(table)
    if test.error == 0.0:
        return test.difference, test.difference
    means = bootstrap_means(table, resamples=resamples, rng=rng)
    tail = normal_tail(level, test.df)
    low, high = np.quantile(means - means.mean(), [tail, 1 - tail]) / means.std()
    reach = float(stats.t.ppf((1 + level) / 2, test.df))
    below, above = max(reach, -float(low)), max(reach, float(high))
    return test.difference - below * test.error, test.difference + above * test.error


def bootstrap_means(
    differences: ArrayLike, *, resamples: int = 2000, rng: int | tuple[int, ...] = 0
) -> NDArray[np.float64]:
    """Means of the tables of a crossed bootstrap; tables of one shape and one `rng` are resampled alike.

    Parameters
    ----------
    differences : array_like of shape (draws, images)
        At least two draws and two images.
    resamples : int
        Number of bootstrap tables.
    rng : int or tuple of int
        Seed.

    Returns
    -------
    ndarray of shape (resamples,)

    Examples
    --------
    >>> bootstrap_means([[1.0, 1.0], [1.0, 1.0]], resamples=3)
    array([1., 1., 1.])
    """
    table = _table(differences)
    # Images first: what is left to weigh by draws is small.
    sums = [
        np.einsum("bd,bd->b", columns.astype(np.float64) @ table.T, rows)
        for rows, columns in _counts(*table.shape, resamples, rng)
    ]
    return np.concatenate(sums) / table.size


def normal_tail(level: float, df: float) -> float:
    """Share of a normal distribution beyond the ends of a t interval of that level, to cut off from bootstrap means.

    Examples
    --------
    >>> round(normal_tail(0.95, 9.0), 4)
    0.0118
    """
    return float(stats.norm.cdf(stats.t.ppf((1 - level) / 2, df)))


@dataclass(frozen=True, kw_only=True)
class TTest:
    """Mean difference over resamplings, its error, degrees of freedom, two-sided p and the ends of its 95 % interval.

    ``p`` is nan when every difference is 0: there is nothing to test.
    """

    difference: float
    error: float
    df: float
    p: float
    low: float
    high: float


def corrected_t_test(differences: ArrayLike, *, train: int, test: int) -> TTest:
    """Corrected resampled t test: ``t = mean / sqrt((1 / J + test / train) * variance)`` with J - 1 degrees of freedom.

    For repeated random splits and repeated cross-validation, where the J training sets overlap and so do the test sets;
    the usual t test takes them for independent ones.

    Parameters
    ----------
    differences : array_like of shape (resamplings,)
        Score of an arm minus that of the control, one for each split or fold; at least two.
    train, test : int
        Images that one model is trained on and tested on.

    Returns
    -------
    TTest

    Raises
    ------
    ValueError
        If there are fewer than two differences, or a count below 1.

    References
    ----------
    Nadeau, C., Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281.

    Examples
    --------
    >>> corrected_t_test([1.0, 2.0, 3.0], train=80, test=20)  # doctest: +ELLIPSIS
    TTest(difference=2.0, error=0.76..., df=2.0, p=0.12..., low=-1.28..., high=5.28...)
    """
    for name, count in {"train": train, "test": test}.items():
        if count < 1:
            raise ValueError(f"{name} must be a number of images, at least 1; got {count!r}")
    return _t_test(differences, test / train)


def draw_test(differences: ArrayLike) -> TTest:
    """Paired t test over training draws alone, for a metric of which nothing but a value for each draw is known.

    It answers a smaller question, namely what another training draw would give **on these same images**: another
    evaluation part is not considered, so that equal arms come out "significant" far too often (``docs/calibration.md``).
    Whatever shows its p must say "over draws only". Where the predicted classes are known, `tables.pseudo_scores` and
    `crossed_test` are the better answer.

    Parameters
    ----------
    differences : array_like of shape (draws,)
        Value of an arm minus that of the control; at least two.

    Examples
    --------
    >>> draw_test([1.0, 2.0, 3.0])  # doctest: +ELLIPSIS
    TTest(difference=2.0, error=0.57..., df=2.0, p=0.07..., low=-0.48..., high=4.48...)
    """
    return _t_test(differences, 0.0)


def _t_test(differences: ArrayLike, overlap: float) -> TTest:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"differences must have shape (resamplings,), at least (2,); got {values.shape}")
    difference, df = float(values.mean()), values.size - 1.0
    error = float(np.sqrt((1 / values.size + overlap) * values.var(ddof=1)))
    if error == 0.0:
        p = np.nan if difference == 0.0 else 0.0
        return TTest(difference=difference, error=0.0, df=df, p=p, low=difference, high=difference)
    reach = float(stats.t.ppf(0.975, df)) * error
    p = float(2 * stats.t.sf(abs(difference) / error, df))
    return TTest(difference=difference, error=error, df=df, p=p, low=difference - reach, high=difference + reach)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjustment of the p values of one family (from statsmodels).

    A nan, the p of an arm that never differs from the control, counts as a question asked (as p = 1) and stays nan.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, float("nan")])
    array([0.04, 0.09, 0.09,  nan])
    """
    return _adjusted(p_values, "holm")


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Benjamini and Hochberg's adjustment (from statsmodels), for screening.

    Of the arms whose adjusted p is below 5 %, on average at most 5 % are equal to the control. Holm's adjustment is
    stricter: at most 5 % of all studies have even one such arm. A nan is treated as by `holm`.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, float("nan")]).round(4)
    array([0.04  , 0.0533, 0.0533,    nan])
    """
    return _adjusted(p_values, "fdr_bh")


def _adjusted(p_values: ArrayLike, method: str) -> NDArray[np.float64]:
    from statsmodels.stats.multitest import multipletests

    values = np.asarray(p_values, dtype=np.float64)
    if values.size == 0:
        return values
    adjusted = np.array(multipletests(np.where(np.isnan(values), 1.0, values), method=method)[1], dtype=np.float64)
    adjusted[np.isnan(values)] = np.nan
    return adjusted


def verdict(
    interval: tuple[float, float],
    p: float,
    test: CrossedTest | TTest,
    *,
    rope: float,
    alpha: float = 0.05,
    identical: bool = False,
) -> Verdict:
    """Return one word for what is known about an arm; the first that holds, from the top.

    - ``identical``: the arm was right about the same images as the control in every draw, as the caller says.
    - ``equivalent``: the interval lies inside ``[-rope, rope]``, and so does the interval of the crossed t test. The
      difference may be real, but whoever set `rope` said that one so small does not matter.
    - ``helps``: the interval lies above 0 and the adjusted p is below `alpha`.
    - ``hurts``: the interval lies below 0 and the adjusted p is below `alpha`.
    - ``undecided``: everything else, also where the numbers are missing.

    Parameters
    ----------
    interval : tuple of float
        Ends of the interval, of `crossed_interval` or of a `TTest`.
    p : float
        p of the difference, adjusted for the number of arms.
    test : CrossedTest or TTest
        The unadjusted test: nothing is equivalent whose t interval is wide, even if `interval` is of another making.
    rope : float
        Half width of the region of practical equivalence, in the unit of the differences; 0 for none.
    alpha : float
        Level of the tests.
    identical : bool
        Whether all hits are the same. The numbers do not tell: gains and losses may cancel within each group of images.

    Examples
    --------
    >>> test = CrossedTest(difference=2.0, error=0.4, df=30.0, p=0.0)
    >>> verdict((1.2, 2.8), 0.001, test, rope=0.5)
    'helps'
    >>> verdict((1.2, 2.8), 0.2, test, rope=0.5)
    'undecided'
    """
    low, high = interval
    if identical:
        return "identical"
    reach = 0.0 if test.error == 0.0 else float(stats.t.ppf(1 - alpha / 2, test.df)) * test.error
    if -rope <= low and high <= rope and abs(test.difference) + reach <= rope:
        return "equivalent"
    if low > 0 and p < alpha:
        return "helps"
    if high < 0 and p < alpha:
        return "hurts"
    return "undecided"


def draws_needed(
    differences: ArrayLike, *, rope: float, arms: int = 1, alpha: float = 0.05, limit: int = 1000
) -> float:
    """Return the number of draws that would decide, if the difference stayed what it is now.

    The variance components of the crossed table (each floored at 0) give the standard error for any number of draws
    on these images. Decided means that the difference exceeds the t quantile at ``alpha / arms`` times that error, or
    that the interval would fit into ``[-rope, rope]``. A planning value, not a promise: the difference will move.

    Parameters
    ----------
    differences : array_like of shape (draws, images)
        Arm minus control, at least two draws and two images.
    rope : float
        Half width of the region of practical equivalence, in the unit of `differences`.
    arms : int
        Number of arms that are compared with the control.
    alpha : float
        Level of the tests.
    limit : int
        Largest number of draws considered.

    Returns
    -------
    float
        A whole number above the present number of draws, or inf when up to `limit` no number decides: only more
        evaluation images could.

    Examples
    --------
    >>> noisy = [[8.0, -3.0, 1.0, 0.0, 2.0], [-3.0, 5.0, 0.0, 2.0, -1.0], [3.0, 1.0, -2.0, 0.0, 1.0]]
    >>> draws_needed(noisy, rope=0.1)
    14.0
    """
    table = _table(differences)
    squares = mean_squares(table)
    difference = abs(float(table.mean()))
    draw = max(squares.draw - squares.residual, 0.0) / squares.images
    image = max(squares.image - squares.residual, 0.0) / squares.draws
    candidates = np.arange(squares.draws + 1, max(limit, squares.draws + 1) + 1)
    error = np.sqrt(draw / candidates + image / squares.images + squares.residual / (candidates * squares.images))
    differs = difference > stats.t.ppf(1 - alpha / (2 * arms), candidates - 1) * error
    small = difference + stats.t.ppf(1 - alpha / 2, candidates - 1) * error < rope
    decided = np.flatnonzero(differs | small)
    return float(candidates[decided[0]]) if decided.size else float("inf")


@functools.lru_cache(maxsize=1)
def _counts(
    draws: int, images: int, resamples: int, rng: int | tuple[int, ...]
) -> list[tuple[NDArray[np.integer], NDArray[np.integer]]]:
    """How often each bootstrap table holds each row and column, some tables at a time; the same for all arms."""
    generator = np.random.default_rng(rng)
    row_counts = generator.multinomial(draws, np.full(draws, 1 / draws), size=resamples)
    at_once = max(1, _AT_ONCE // images)
    parts: list[tuple[NDArray[np.integer], NDArray[np.integer]]] = []
    for start in range(0, resamples, at_once):
        rows = row_counts[start : start + at_once]
        columns = generator.multinomial(images, np.full(images, 1 / images), size=len(rows))
        # As a rule no image comes more than 20 times, so that a byte holds the count.
        parts.append((rows, columns.astype(np.min_scalar_type(columns.max()))))
    return parts


def _table(differences: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(differences, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(f"differences must have shape (draws, images), at least (2, 2); got {table.shape}")
    return table

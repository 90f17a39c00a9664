import gc
import itertools
import time

import numpy as np
import pytest
from scipy import stats

from augmentlab.study import statistics
from augmentlab.study.statistics import CrossedTest
from augmentlab.study.tables import by_group, pseudo_scores
from benchmarks.calibration import random_effects


def verdicts(tables, *, rope=0.5):
    tests = [statistics.crossed_test(table) for table in tables]
    adjusted = statistics.holm([test.p for test in tests])
    return [
        statistics.verdict(statistics.crossed_interval(table, rng=1), p, test, rope=rope, identical=not table.any())
        for table, test, p in zip(tables, tests, adjusted, strict=True)
    ]


def false_verdicts(studies, **kwargs):
    wrong = 0
    for seed in range(studies):
        tables = random_effects(np.random.default_rng((seed, 7)), **kwargs)
        wrong += bool({"helps", "hurts"} & set(verdicts(tables)))
    return wrong / studies


@pytest.fixture
def quick_holm(monkeypatch):
    """Keep statsmodels from collecting garbage at each call, which takes longer than a simulated study."""
    monkeypatch.setattr(gc, "collect", lambda *_: 0)


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_mean_squares_by_hand():
    # Means of rows 1 and 3, of columns 1, 2 and 3, of all 2; residuals -1 0 1 and 1 0 -1.
    table = [[-1.0, 1.0, 3.0], [3.0, 3.0, 3.0]]
    squares = statistics.mean_squares(table)
    assert squares.draw == pytest.approx(3 * (1 + 1) / 1)
    assert squares.image == pytest.approx(2 * (1 + 0 + 1) / 2)
    assert squares.residual == pytest.approx(4 / 2)
    assert (squares.draws, squares.images) == (2, 3)


def test_mean_squares_agree_with_the_anova_of_statsmodels():
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    table = np.random.default_rng(0).normal(size=(4, 6)) + np.arange(6)
    rows, columns = np.indices(table.shape).reshape(2, -1)
    frame = pd.DataFrame({"y": table.ravel(), "draw": rows, "image": columns})
    theirs = anova_lm(ols("y ~ C(draw) + C(image)", frame).fit())
    theirs = theirs["sum_sq"] / theirs["df"]
    ours = statistics.mean_squares(table)
    np.testing.assert_allclose([ours.draw, ours.image, ours.residual], theirs.to_numpy())


def test_crossed_test_by_hand():
    # MS 6, 2, 2 as above: variance (6 + 2 - 2) / 6 = 1, error 1, t = 2,
    # df = 36 / (6**2 / 1 + 2**2 / 2 + 2**2 / 2) = 0.9, not below the draws' 1.
    test = statistics.crossed_test([[-1.0, 1.0, 3.0], [3.0, 3.0, 3.0]])
    assert test.difference == pytest.approx(2.0)
    assert test.error == pytest.approx(1.0)
    assert test.df == pytest.approx(1.0)
    assert test.p == pytest.approx(2 * stats.t.sf(2.0, 1.0))


def test_crossed_test_has_satterthwaites_degrees_of_freedom():
    table = np.random.default_rng(1).normal(size=(6, 9)) + np.arange(9)
    squares = statistics.mean_squares(table)
    total = squares.draw + squares.image - squares.residual
    assert total > max(squares.draw, squares.image)
    expected = total**2 / (squares.draw**2 / 5 + squares.image**2 / 8 + squares.residual**2 / 40)
    assert 5 < expected < 10
    assert statistics.crossed_test(table).df == pytest.approx(expected)
    assert statistics.crossed_test(table).error == pytest.approx(np.sqrt(total / 54))


def test_the_degrees_of_freedom_are_at_most_twice_those_of_the_shorter_side():
    table = np.random.default_rng(1).normal(size=(3, 90)) + 5 * np.random.default_rng(2).normal(size=90)
    assert statistics.crossed_test(table).df == 4.0
    assert statistics.crossed_test(table.T).df == 4.0


def test_the_variance_is_floored_where_the_components_come_out_negative():
    # Rows and columns all have mean 1: both mean squares are 0 and the residual, 4, is all there is.
    test = statistics.crossed_test([[0.0, 2.0], [2.0, 0.0]])
    assert test.error == 1.0
    assert test.p == pytest.approx(0.5)  # t = 1 with one degree of freedom
    # Only rows differ in the mean, residual larger than the columns' share.
    table = [[0.0, 2.0], [4.0, 2.0]]
    squares = statistics.mean_squares(table)
    assert squares.draw + squares.image - squares.residual < squares.draw
    assert statistics.crossed_test(table).error == pytest.approx(np.sqrt(squares.draw / 4))


@pytest.mark.parametrize("images", [2, 3, 100])
@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_differences_that_cancel_are_still_uncertain(images, mean):
    # Every draw and every image gain as much as they lose; thirds leave rounding errors in the mean squares.
    table = np.zeros((3, 3 * images))
    for draw in range(3):
        table[draw, draw::3] = 100.0
        table[draw, (draw + 1) % 3 :: 3] = -100.0
    test = statistics.crossed_test(table + mean)
    assert test.error > 1.0
    assert test.p > 0.05
    assert verdicts([table + mean]) == ["undecided"]


def test_crossed_test_without_differences_and_with_nothing_else():
    zero = statistics.crossed_test(np.zeros((3, 5)))
    assert (zero.difference, zero.error) == (0.0, 0.0)
    assert np.isnan(zero.p)
    one = statistics.crossed_test(np.ones((3, 5)))
    assert (one.difference, one.error, one.p) == (1.0, 0.0, 0.0)


def test_crossed_test_is_the_paired_t_test_where_images_do_not_differ():
    # Every column is the same, so images add no variance and draws alone decide.
    column = np.array([1.0, 2.0, 4.0, 3.0])
    test = statistics.crossed_test(np.tile(column[:, None], (1, 50)))
    theirs = stats.ttest_1samp(column, 0)
    assert test.p == pytest.approx(theirs.pvalue)
    assert test.df == pytest.approx(theirs.df)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (5,), (2, 2, 2), (0, 0)])
def test_tables_that_are_too_small_are_refused(shape):
    with pytest.raises(ValueError, match=r"differences must have shape \(draws, images\), at least \(2, 2\); got"):
        statistics.crossed_test(np.zeros(shape))


# --- the interval ----------------------------------------------------------------------------------------------------


def test_interval_agrees_with_all_resamples_there_are():
    table = np.random.default_rng(5).normal(size=(3, 3)) + 1
    means = np.array(
        [
            table[np.ix_(rows, columns)].mean()
            for rows in itertools.product(range(3), repeat=3)
            for columns in itertools.product(range(3), repeat=3)
        ]
    )
    test = statistics.crossed_test(table)
    reach = stats.t.ppf(0.75, test.df)
    tail = stats.norm.cdf(-reach)
    low, high = np.quantile(means - table.mean(), [tail, 1 - tail]) / means.std()
    assert -low < reach < high  # so that each end has another reason
    expected = table.mean() - reach * test.error, table.mean() + high * test.error
    np.testing.assert_allclose(statistics.crossed_interval(table, level=0.5, resamples=40_000), expected, atol=0.01)


def test_interval_of_many_draws_and_images_is_that_of_the_crossed_test():
    table = np.random.default_rng(21).normal(0.3, 1.0, size=(20, 300))
    test = statistics.crossed_test(table)
    expected = stats.t.interval(0.95, test.df, loc=test.difference, scale=test.error)
    np.testing.assert_allclose(statistics.crossed_interval(table, resamples=5000), expected, atol=0.15 * test.error)


def test_interval_is_skewed_as_the_differences_are():
    # Five images of 200 are won, in all draws: more would be less surprising than fewer.
    table = np.zeros((10, 200))
    table[:, :5] = 100.0
    low, high = statistics.crossed_interval(table)
    assert high - 2.5 > 1.05 * (2.5 - low) > 0
    mirrored = statistics.crossed_interval(-table)
    np.testing.assert_allclose(mirrored, (-high, -low))


def test_bootstrap_means_vary_as_the_formula_says():
    table = np.random.default_rng(22).normal(size=(4, 9)) + np.arange(9)
    centred = table - table.mean()
    rows, columns = centred.sum(axis=1), centred.sum(axis=0)
    variance = ((centred**2).sum() + 8 / 9 * (rows**2).sum() + 3 / 4 * (columns**2).sum()) / 36**2
    means = statistics.bootstrap_means(table, resamples=100_000)
    assert means.mean() == pytest.approx(table.mean(), abs=0.02)
    assert means.std() == pytest.approx(variance**0.5, rel=0.02)


def test_interval_is_reproducible_ordered_and_moves_with_the_table():
    table = np.random.default_rng(3).exponential(size=(8, 40))
    low, high = statistics.crossed_interval(table, rng=(4, 2))
    assert low < table.mean() < high
    assert statistics.crossed_interval(table, rng=(4, 2)) == (low, high)
    assert statistics.crossed_interval(table, rng=(4, 3)) != (low, high)
    np.testing.assert_allclose(statistics.crossed_interval(table + 5, rng=(4, 2)), (low + 5, high + 5))
    narrow = statistics.crossed_interval(table, rng=(4, 2), level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_interval_of_many_images_is_that_of_all_resamples_at_once(monkeypatch):
    table = 100.0 * np.random.default_rng(5).integers(-1, 2, size=(4, 700))
    expected = statistics.crossed_interval(table, rng=3)
    monkeypatch.setattr(statistics, "_AT_ONCE", 7000)
    assert statistics.crossed_interval(table, rng=3) == expected
    statistics._counts.cache_clear()
    assert statistics.crossed_interval(table, rng=3) == expected


def test_resamples_of_many_images_stay_small():
    import tracemalloc

    table = 100.0 * np.random.default_rng(5).integers(-1, 2, size=(3, 20_000))
    tracemalloc.start()
    statistics.crossed_interval(table, resamples=1000, rng=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # all at once would be 500 MB


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_interval_of_a_constant_is_the_constant(value):
    assert statistics.crossed_interval(np.full((4, 6), value)) == (value, value)


def test_interval_is_wider_than_that_of_draws_alone_when_images_differ():
    table = np.random.default_rng(4).normal(size=(1, 30)) + np.random.default_rng(5).normal(0, 0.1, (6, 30))
    low, high = statistics.crossed_interval(table)
    draws = stats.bootstrap((table.mean(axis=1),), np.mean, rng=0).confidence_interval
    assert high - low > 5 * (draws.high - draws.low)


# --- groups ----------------------------------------------------------------------------------------------------------


def test_groups_keep_the_mean_and_single_groups_change_nothing():
    table = np.random.default_rng(6).normal(size=(3, 7))
    groups = ["a", "b", "a", "c", "c", "c", "b"]
    grouped = by_group(table, groups)
    assert grouped.shape == (3, 3)
    assert grouped.mean() == pytest.approx(table.mean())
    np.testing.assert_allclose(by_group(table, np.arange(7)), table)


def test_copies_of_an_image_in_one_group_count_once():
    table = np.random.default_rng(7).normal(size=(4, 10))
    repeated = np.repeat(table, 5, axis=1)
    grouped = by_group(repeated, np.repeat(np.arange(10), 5))
    np.testing.assert_allclose(grouped, table)
    assert statistics.crossed_test(grouped).p == pytest.approx(statistics.crossed_test(table).p)
    assert statistics.crossed_test(repeated).error < statistics.crossed_test(table).error


def test_groups_must_name_every_image():
    with pytest.raises(ValueError, match="groups must name one group for each of the 3 images; got 2"):
        by_group(np.zeros((2, 3)), ["a", "b"])


# --- resamplings that overlap ----------------------------------------------------------------------------------------


def test_corrected_t_test_by_hand():
    # Mean 2, variance 10 / 4 = 2.5, factor 1 / 5 + 25 / 100 = 0.45, so error sqrt(1.125) and t = 2 / 1.0607 = 1.8856.
    test = statistics.corrected_t_test([0.0, 1.0, 2.0, 3.0, 4.0], train=100, test=25)
    assert (test.difference, test.df) == (2.0, 4.0)
    assert test.error == pytest.approx(1.125**0.5)
    assert test.p == pytest.approx(2 * stats.t.sf(1.885618, 4), rel=1e-6)
    # The 97.5 % quantile of t with 4 degrees of freedom, from any table.
    assert (test.low, test.high) == pytest.approx((2 - 2.776445 * 1.125**0.5, 2 + 2.776445 * 1.125**0.5), rel=1e-6)


def test_corrected_t_test_agrees_with_the_arithmetic_of_scikit_learns_example():
    # Its example "Statistical comparison of models using grid search": 10 times 10 folds of 500 samples, so 450 and 50.
    differences = np.random.default_rng(13).normal(0.003, 0.01, 100)
    std = np.sqrt(np.var(differences, ddof=1) * (1 / 100 + 50 / 450))
    test = statistics.corrected_t_test(differences, train=450, test=50)
    assert test.error == pytest.approx(std)
    assert test.p == pytest.approx(2 * stats.t.sf(abs(differences.mean() / std), 99))
    low, high = stats.t.interval(0.95, 99, loc=differences.mean(), scale=std)
    assert (test.low, test.high) == pytest.approx((low, high))


def test_draw_test_is_the_paired_t_test():
    differences = np.random.default_rng(14).normal(0.5, 1.0, 8)
    test, theirs = statistics.draw_test(differences), stats.ttest_1samp(differences, 0)
    interval = theirs.confidence_interval(0.95)
    assert (test.p, test.df) == pytest.approx((theirs.pvalue, theirs.df))
    assert (test.low, test.high) == pytest.approx((interval.low, interval.high))


def test_tests_of_resamplings_without_variance():
    zero, one = statistics.draw_test([0.0, 0.0]), statistics.corrected_t_test([1.0, 1.0], train=4, test=1)
    assert np.isnan(zero.p)
    assert (zero.low, zero.high) == (0.0, 0.0)
    assert (one.p, one.low, one.high) == (0.0, 1.0, 1.0)


def test_resamplings_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"differences must have shape \(resamplings,\), at least \(2,\); got \(1,\)"):
        statistics.draw_test([1.0])
    with pytest.raises(ValueError, match="train must be a number of images, at least 1; got 0"):
        statistics.corrected_t_test([1.0, 2.0], train=0, test=1)


# --- metrics that are no mean over images ----------------------------------------------------------------------------


def predicted(seed, *, images=90, draws=3, classes=4):
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, images, p=np.arange(1, classes + 1) / sum(range(1, classes + 1)))
    wrong = rng.integers(0, classes, (draws, images))
    return labels, np.where(rng.random((draws, images)) < 0.6, labels, wrong)


def macro_f1(labels, predictions):
    from sklearn.metrics import f1_score

    return f1_score(labels, predictions, average="macro")


def balanced_accuracy(labels, predictions):
    from sklearn.metrics import balanced_accuracy_score

    return balanced_accuracy_score(labels, predictions)


METRICS = {"balanced_accuracy": balanced_accuracy, "macro_f1": macro_f1}


@pytest.mark.parametrize("name", METRICS)
def test_pseudo_scores_have_scikit_learns_metric_as_their_mean(name):
    labels, predictions = predicted(15)
    expected = [METRICS[name](labels, row) for row in predictions]
    for metric in (name, METRICS[name]):
        np.testing.assert_allclose(pseudo_scores(metric, labels, predictions).mean(axis=1), expected)


def test_pseudo_scores_count_a_class_that_is_only_predicted():
    labels, predictions = np.array([0, 0, 1, 1]), np.array([[0, 2, 1, 1]])
    assert pseudo_scores("macro_f1", labels, predictions).mean() == pytest.approx(macro_f1(labels, predictions[0]))


def weighted(name, labels, predictions, weights):
    from sklearn import metrics

    if name == "macro_f1":
        return metrics.f1_score(labels, predictions, average="macro", sample_weight=weights)
    return metrics.balanced_accuracy_score(labels, predictions, sample_weight=weights)


@pytest.mark.parametrize("name", METRICS)
def test_pseudo_scores_are_derivatives_by_the_weight_of_an_image(name):
    labels, predictions = predicted(16, images=40, draws=1)
    ones, step = np.ones(40), 1e-5
    value = weighted(name, labels, predictions[0], ones)
    slopes = [
        (
            weighted(name, labels, predictions[0], ones + step * e)
            - weighted(name, labels, predictions[0], ones - step * e)
        )
        / (2 * step)
        for e in np.eye(40)
    ]
    expected = value + 40 * np.array(slopes)
    np.testing.assert_allclose(pseudo_scores(name, labels, predictions)[0], expected, atol=1e-6)


def test_pseudo_scores_of_a_mean_are_the_scores():
    labels, predictions = predicted(17)
    hits = (labels == predictions).astype(float)
    accuracy = pseudo_scores(lambda a, b: float(np.mean(a == b)), labels, predictions)
    np.testing.assert_allclose(accuracy, hits, atol=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_leaving_out_images_and_the_derivative_nearly_agree(name):
    labels, predictions = predicted(18, images=400)
    theirs = pseudo_scores(METRICS[name], labels, predictions)
    np.testing.assert_allclose(pseudo_scores(name, labels, predictions), theirs, atol=0.05)


def test_a_function_is_called_once_for_each_pair_of_label_and_prediction():
    labels, predictions = predicted(19, images=300, draws=1)
    called = []

    def metric(labels, predictions):
        called.append(labels.size)
        return 0.5

    pseudo_scores(metric, labels, predictions)
    pairs = len(set(zip(labels.tolist(), predictions[0].tolist(), strict=True)))
    assert sorted(called) == [299] * pairs + [300]


def test_pseudo_scores_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match=r"predictions must have shape \(draws, images\).*got \(3,\) and \(3,\)"):
        pseudo_scores("macro_f1", [0, 1, 1], [0, 1, 1])
    with pytest.raises(ValueError, match="metric must be 'balanced_accuracy' or 'macro_f1', or a function; got 'f1'"):
        pseudo_scores("f1", [0, 1], [[0, 1]])


# --- Holm and the words ----------------------------------------------------------------------------------------------


def test_holm_by_hand():
    np.testing.assert_allclose(statistics.holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(statistics.holm([0.5]), [0.5])
    np.testing.assert_allclose(statistics.holm([0.02, np.nan]), [0.04, np.nan])
    assert statistics.holm([]).size == 0


def test_benjamini_hochberg_by_hand():
    # 3/1 * 0.01, 3/2 * 0.02, 3/3 * 0.03, and never above the next.
    np.testing.assert_allclose(statistics.benjamini_hochberg([0.03, 0.01, 0.02]), [0.03, 0.03, 0.03])
    np.testing.assert_allclose(statistics.benjamini_hochberg([0.01, 0.5, 0.04]), [0.03, 0.5, 0.06])
    np.testing.assert_allclose(statistics.benjamini_hochberg([0.02, np.nan]), [0.04, np.nan])
    assert statistics.benjamini_hochberg([]).size == 0


SURE = CrossedTest(difference=2.0, error=0.1, df=50.0, p=0.0)
SMALL = CrossedTest(difference=0.1, error=0.1, df=50.0, p=0.3)
ZERO = CrossedTest(difference=0.0, error=0.0, df=np.nan, p=np.nan)


@pytest.mark.parametrize(
    ("interval", "p", "test", "rope", "word"),
    [
        ((1.0, 3.0), 0.01, SURE, 0.5, "helps"),
        ((0.0, 3.0), 0.01, SURE, 0.5, "undecided"),  # the interval touches 0
        ((1.0, 3.0), 0.05, SURE, 0.5, "undecided"),  # the adjusted p is not below 0.05
        ((-3.0, -1.0), 0.01, SURE, 0.5, "hurts"),
        ((-3.0, 0.0), 0.01, SURE, 0.5, "undecided"),
        ((-3.0, -1.0), 0.5, SURE, 0.5, "undecided"),
        ((-0.3, 0.4), 0.5, SMALL, 0.5, "equivalent"),
        ((0.1, 0.4), 0.001, SMALL, 0.5, "equivalent"),  # real, and too small to matter
        ((0.1, 0.4), 0.001, SMALL, 0.0, "helps"),  # without a region everything that is real matters
        ((-0.3, 0.6), 0.5, SMALL, 0.5, "undecided"),
        ((-0.6, 0.3), 0.5, SMALL, 0.5, "undecided"),
        ((-0.3, 0.4), 0.5, CrossedTest(difference=0.1, error=0.1, df=1.0, p=0.5), 0.5, "undecided"),  # luck of two
        ((0.0, 0.0), np.nan, ZERO, 0.5, "equivalent"),  # of groups, in which gains and losses cancel
        ((np.nan, np.nan), np.nan, SURE, 0.5, "undecided"),
    ],
)
def test_words(interval, p, test, rope, word):
    assert statistics.verdict(interval, p, test, rope=rope) == word
    assert word in statistics.VERDICTS


def test_identical_is_said_of_hits_and_not_of_means():
    assert statistics.verdict((0.0, 0.0), np.nan, ZERO, rope=0.5, identical=True) == "identical"
    cancelling = by_group([[100, -100, 0, 0]] * 2, list("aabb"))
    assert statistics.verdict((0.0, 0.0), np.nan, statistics.crossed_test(cancelling), rope=0.5) == "equivalent"


def test_a_difference_in_every_cell_helps():
    table = np.full((2, 4), 100.0)
    assert verdicts([table, -table, np.zeros((2, 4))]) == ["helps", "hurts", "identical"]


# --- planning --------------------------------------------------------------------------------------------------------


def test_draws_needed_by_trying_every_number():
    table = np.random.default_rng(8).normal(0.9, 3.0, size=(4, 200))
    squares = statistics.mean_squares(table)
    draw = max(squares.draw - squares.residual, 0) / 200
    image = max(squares.image - squares.residual, 0) / 4

    def decided(draws):
        error = np.sqrt(draw / draws + image / 200 + squares.residual / (200 * draws))
        return abs(table.mean()) > stats.t.ppf(1 - 0.025 / 3, draws - 1) * error

    needed = statistics.draws_needed(table, rope=0.01, arms=3)
    assert needed > 4
    assert decided(needed)
    assert not any(decided(draws) for draws in range(5, int(needed)))


def test_draws_needed_for_a_small_difference_fits_it_into_the_rope():
    table = np.random.default_rng(9).normal(0.0, 9.0, size=(4, 400))
    table -= table.mean()
    assert 4 < statistics.draws_needed(table, rope=0.2) < 200
    assert statistics.draws_needed(table, rope=0.2) > statistics.draws_needed(table, rope=0.4)


def test_no_number_of_draws_decides_what_only_images_can():
    image = np.random.default_rng(10).normal(0.0, 30.0, size=(1, 50))
    table = np.repeat(image - image.mean() + 1.0, 3, axis=0) + np.random.default_rng(11).normal(0, 0.1, (3, 50))
    assert statistics.draws_needed(table, rope=0.5) == np.inf


# --- calibration -----------------------------------------------------------------------------------------------------


def test_equal_arms_are_rarely_told_apart(quick_holm):
    # A glance, with room for chance; tests/test_calibration.py looks closely.
    assert false_verdicts(100, draws=5) <= 0.11
    assert false_verdicts(50, draws=5, arms=3) <= 0.13


def test_a_paired_t_test_over_draws_would_be_wrong_far_more_often():
    wrong = 0
    for seed in range(200):
        table = random_effects(np.random.default_rng((seed, 7)), draws=30, draw=0.0)[0]
        wrong += stats.ttest_1samp(table.mean(axis=1), 0).pvalue < 0.05
    assert wrong / 200 > 0.2


def test_a_large_difference_is_found():
    rng = np.random.default_rng(12)
    tables = random_effects(rng, draws=6, arms=2)
    better = np.where((tables[0] < 100) & (rng.random(tables[0].shape) < 0.15), tables[0] + 100, tables[0])
    worse = np.where((tables[1] > -100) & (rng.random(tables[1].shape) < 0.15), tables[1] - 100, tables[1])
    assert verdicts([better, worse]) == ["helps", "hurts"]


@pytest.mark.slow
def test_the_statistics_of_two_thousand_trials_take_two_seconds_at_most():
    rng = np.random.default_rng(23)
    tables = [100.0 * rng.choice([-1, 0, 1], p=[0.1, 0.8, 0.1], size=(10, 450)) for _ in range(199)]
    start = time.process_time()
    for table in tables:
        statistics.crossed_test(table)
        statistics.crossed_interval(table)
        statistics.draws_needed(table, rope=0.5, arms=199)
    assert time.process_time() - start < 2.0

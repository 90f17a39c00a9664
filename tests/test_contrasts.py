import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augmentlab.study import statistics
from augmentlab.study.contrasts import Contrast, ExchangeRate, _isotonic, contrasts, exchange_rate


def full(*factors):
    """All cells, everything off first."""
    return [
        tuple(zip(factors, levels, strict=True)) for levels in itertools.product((False, True), repeat=len(factors))
    ]


def of_kind(found, kind):
    return {contrast.term: np.array(contrast.weights) for contrast in found if contrast.kind == kind}


def sizes_up_to(factors, largest):
    return [point for point in full(*factors) if sum(level for _, level in point) <= largest]


# --- full designs ----------------------------------------------------------------------------------------------------


def test_two_factors_by_hand():
    # Off 50, flip 53, shift 60, both 58: shift gains 10 without flip and 5 with it.
    scores = np.array([50.0, 53.0, 60.0, 58.0])
    found = contrasts(full("shift", "flip"))
    values = {(one.kind, one.term): float(np.array(one.weights) @ scores) for one in found}
    assert values == {
        ("main", "shift"): (10 + 5) / 2,
        ("main", "flip"): (3 - 2) / 2,
        ("interaction", "shift:flip"): 5 - 10,
        ("shapley", "shift"): (10 + 5) / 2,  # half of the orders add it first, half second
        ("shapley", "flip"): (3 - 2) / 2,
    }


def test_one_factor_is_its_difference_to_the_control():
    assert contrasts([(), (("shift", True),)]) == [
        Contrast(term="shift", kind="main", weights=(-1.0, 1.0)),
        Contrast(term="shift", kind="shapley", weights=(-1.0, 1.0)),
    ]


def test_the_order_of_cells_and_of_the_pairs_in_them_does_not_matter():
    design = full("a", "b", "c")
    order = [0, 5, 2, 7, 1, 3, 6, 4]
    shuffled = [tuple(reversed(design[cell])) if cell == 3 else design[cell] for cell in order]
    scores = np.random.default_rng(0).normal(size=8)
    for one, other in zip(contrasts(design), contrasts(shuffled), strict=True):
        assert (one.term, one.kind) == (other.term, other.kind)
        assert np.array(one.weights) @ scores == pytest.approx(np.array(other.weights) @ scores[order])


def test_effects_agree_with_the_regression_of_statsmodels():
    import pandas as pd
    from statsmodels.formula.api import ols

    design = full("a", "b", "c", "d")
    scores = np.random.default_rng(1).normal(size=16)
    frame = pd.DataFrame([{name: level - 0.5 for name, level in point} for point in design]).assign(y=scores)
    theirs = ols("y ~ (a + b + c + d)**2", frame).fit().params
    found = contrasts(design)
    for term, weights in (of_kind(found, "main") | of_kind(found, "interaction")).items():
        assert weights @ scores == pytest.approx(theirs[term])


def test_shapley_shares_are_averages_over_all_orders():
    factors = ("a", "b", "c")
    design = [frozenset(name for name, level in point if level) for point in full(*factors)]
    scores = np.random.default_rng(2).normal(size=8)
    value = dict(zip(design, scores, strict=True))
    shares = of_kind(contrasts(full(*factors)), "shapley")
    for name in factors:
        gains = []
        for order in itertools.permutations(factors):
            before = frozenset(order[: order.index(name)])
            gains.append(value[before | {name}] - value[before])
        assert shares[name] @ scores == pytest.approx(np.mean(gains))


@given(st.integers(1, 6))
def test_laws_of_full_designs(count):
    design = full(*(f"f{place}" for place in range(count)))
    found = contrasts(design)
    assert len(found) == 2 * count + math.comb(count, 2)
    assert all(abs(sum(one.weights)) < 1e-9 for one in found)
    effects = np.array([one.weights for one in found if one.kind != "shapley"])
    products = effects @ effects.T
    assert np.allclose(products, np.diag(np.diag(products)))
    total = sum(of_kind(found, "shapley").values())
    assert np.allclose(total, [-1.0, *[0.0] * (len(design) - 2), 1.0])


@given(st.lists(st.floats(-9, 9), min_size=10, max_size=10), st.integers(0, 3))
def test_scores_without_interactions_give_back_what_made_them(numbers, dropped):
    mains = np.array(numbers[:4])
    mains[dropped] = 0.0
    design = full("a", "b", "c", "d")
    scores = np.array([sum(m for m, (_, level) in zip(mains, point, strict=True) if level) for point in design])
    found = contrasts(design)
    for kind in ("main", "shapley"):
        assert np.allclose([weights @ scores for weights in of_kind(found, kind).values()], mains)
    assert np.allclose([weights @ scores for weights in of_kind(found, "interaction").values()], 0.0)


def test_weights_make_a_table_for_the_crossed_test():
    rng = np.random.default_rng(3)
    scores = rng.normal(0, 0.1, (4, 6, 50)) + np.array([0.0, 0.0, 1.0, 1.0])[:, None, None]
    shift = of_kind(contrasts(full("shift", "flip")), "main")["shift"]
    test = statistics.crossed_test(np.tensordot(shift, scores, 1))
    assert test.difference == pytest.approx(1.0, abs=0.05)
    assert test.p < 1e-6


# --- other designs ---------------------------------------------------------------------------------------------------


def test_steps_tried_one_at_a_time_are_compared_with_the_control():
    found = contrasts(sizes_up_to("abc", 1))
    assert {one.kind for one in found} == {"main"}
    # Cells: off, c, b, a.
    expected = {"a": [-1, 0, 0, 1], "b": [-1, 0, 1, 0], "c": [-1, 1, 0, 0]}
    assert {term: weights.tolist() for term, weights in of_kind(found, "main").items()} == expected


def test_pairs_of_four_tell_all_pair_interactions():
    design = sizes_up_to("abcd", 2)
    found = contrasts(design)
    assert of_kind(found, "shapley") == {}
    interactions = of_kind(found, "interaction")
    assert len(interactions) == 6
    for term, weights in interactions.items():
        on = [set(term.split(":")), *({name} for name in term.split(":")), set()]
        expected = [0.0] * len(design)
        for cell, sign in zip(on, (1.0, -1.0, -1.0, 1.0), strict=True):
            expected[[{name for name, level in point if level} for point in design].index(cell)] = sign
        np.testing.assert_allclose(weights, expected, atol=1e-9)
    # Main effects are those of the full design, if three factors do what their pairs do.
    rng = np.random.default_rng(4)
    effect = {name: rng.normal() for name in "abcd"} | {term: rng.normal() for term in interactions}

    def score(point):
        on = [name for name, level in point if level]
        return sum(effect[name] for name in on) + sum(effect[f"{a}:{b}"] for a, b in itertools.combinations(on, 2))

    small, whole = (np.array([score(point) for point in cells]) for cells in (design, full(*"abcd")))
    theirs = of_kind(contrasts(full(*"abcd")), "main")
    for term, weights in of_kind(found, "main").items():
        assert weights @ small == pytest.approx(theirs[term] @ whole)


def test_a_half_fraction_names_what_it_cannot_tell_apart():
    # Everything off and every pair on: a * b * c = -1 in all cells.
    design = [point for point in full("a", "b", "c") if sum(level for _, level in point) % 2 == 0]
    found = contrasts(design)
    assert [(one.kind, one.term) for one in found] == [
        ("main", "a = -b:c"),
        ("main", "b = -a:c"),
        ("main", "c = -a:b"),
    ]
    np.testing.assert_allclose(found[0].weights, [-0.5, -0.5, 0.5, 0.5])


def test_a_half_fraction_of_four_factors_keeps_main_effects_clear():
    design = [point for point in full(*"abcd") if sum(level for _, level in point) % 2 == 0]
    found = contrasts(design)
    assert list(of_kind(found, "main")) == ["a", "b", "c", "d"]
    assert list(of_kind(found, "interaction")) == ["a:b = c:d", "a:c = b:d", "a:d = b:c"]
    # The estimate is the sum of the two.
    both = of_kind(found, "interaction")["a:b = c:d"]
    scores = np.array([dict(point)["a"] and dict(point)["b"] for point in design], dtype=float)
    assert both @ scores == pytest.approx(1.0)


def test_factors_that_are_always_on_together_are_one_term():
    found = contrasts([(), (("a", True), ("b", True), ("c", False)), (("a", False), ("b", False), ("c", True))])
    assert [(one.kind, one.term) for one in found] == [("main", "a = b"), ("main", "c")]


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ([()], "points must hold the control and at least one arm; got 1 cells"),
        ([(), ()], "same on/off factors in all cells; cell 0 has none, not some"),
        ([(), (("strength", 0.5),)], r"those of combinations\(\) do; cell 1 has 'strength' at 0.5"),
        ([(), (("a", True),), (("b", True),)], "cell 2 has b, not a"),
        ([(("a", True),), (("a", False),)], "points must begin with the control, everything off; it has a on"),
        (
            [(), (("a", True), ("b", True), ("c", False)), (("a", False), ("b", True), ("c", True))],
            "points must tell the factors apart; 3 cells of 3 factors do not",
        ),
    ],
)
def test_designs_that_are_none_are_refused(points, sentence):
    with pytest.raises(ValueError, match=sentence):
        contrasts(points)


# --- what a pipeline is worth ----------------------------------------------------------------------------------------


def flat(*means, draws=4, images=20):
    return np.array(means)[:, None, None] * np.ones((len(means), draws, images))


@pytest.mark.parametrize(
    ("mean", "rate"),
    [
        (0.50, 1.0),
        (0.55, 2**0.5),
        (0.60, 2.0),
        (0.65, 2 * 2**0.5),
        (0.70, 4.0),
        (0.71, math.inf),
        (0.40, 1.0),  # no better than the smallest size: at most 1
    ],
)
def test_rates_on_a_straight_curve(mean, rate):
    found = exchange_rate([100, 200, 400], flat(0.5, 0.6, 0.7), flat(mean)[0])
    assert found.rate == pytest.approx(rate)
    assert found == ExchangeRate(rate=found.rate, low=found.rate, high=found.rate)


def test_an_arm_that_loses_is_worth_less_than_its_images():
    found = exchange_rate([50, 100, 200], flat(0.5, 0.6, 0.7), flat(0.55)[0], n=100)
    assert found.rate == pytest.approx(2**-0.5)
    assert exchange_rate([50, 100], flat(0.5, 0.6), flat(0.3)[0], n=100).rate == 0.5


def test_a_curve_that_dips_is_levelled_first():
    # 0.6 and 0.5 become 0.55 twice, which is reached at the first of them.
    assert exchange_rate([100, 200, 400], flat(0.6, 0.5, 0.7), flat(0.55)[0]).rate == 1.0
    assert exchange_rate([100, 200, 400], flat(0.4, 0.6, 0.6), flat(0.6)[0]).rate == pytest.approx(2.0)


def test_levelling_agrees_with_scikit_learn():
    from sklearn.isotonic import isotonic_regression

    values = np.random.default_rng(5).normal(size=(6, 40))
    expected = np.array([isotonic_regression(column) for column in values.T]).T
    np.testing.assert_allclose(_isotonic(values), expected)


def test_the_interval_holds_the_rate_and_narrows_with_images():
    rng = np.random.default_rng(6)

    def found(images, **kwargs):
        image = rng.normal(0, 1, images)
        hits = np.array([rng.normal(0.1 * size, 1, (8, images)) + image for size in range(4)])
        return exchange_rate([100, 200, 400, 800], hits, rng.normal(0.15, 1, (8, images)) + image, **kwargs)

    wide, narrow = found(300), found(6_000)
    assert wide.low <= wide.rate <= wide.high
    assert narrow.low < 2 * 2**0.5 < narrow.high < 2 * narrow.low
    assert wide.high / wide.low > narrow.high / narrow.low
    assert found(300, level=0.5, rng=(1, 2)).high < math.inf


def test_the_interval_ends_at_infinity_where_the_curve_may_not_be_reached():
    rng = np.random.default_rng(7)
    baseline = rng.normal(0, 1, (2, 6, 100)) + np.array([0.0, 0.1])[:, None, None]
    found = exchange_rate([100, 200], baseline, rng.normal(0.1, 1, (6, 100)))
    assert 1.0 <= found.low < 2.0
    assert found.high == math.inf


@pytest.mark.parametrize(
    ("sizes", "baseline", "arm", "sentence"),
    [
        ([100], flat(0.5), flat(0.5)[0], r"sizes must be at least two increasing numbers of images; got \[100\]"),
        ([200, 100], flat(0.5, 0.6), flat(0.5)[0], r"increasing numbers of images; got \[200, 100\]"),
        ([1, 2], flat(0.5), flat(0.5)[0], r"got \(1, 4, 20\) and \(4, 20\) for 2 sizes"),
        ([1, 2], flat(0.5, 0.6), flat(0.5), r"got \(2, 4, 20\) and \(1, 4, 20\) for 2 sizes"),
    ],
)
def test_curves_that_are_none_are_refused(sizes, baseline, arm, sentence):
    with pytest.raises(ValueError, match=sentence):
        exchange_rate(sizes, baseline, arm)


@pytest.mark.slow
@pytest.mark.parametrize(("own", "draw", "rate"), [(0.3, 0.15, 2.8), (0.5, 0.0, 1.4), (0.0, 0.3, 3.0)])
def test_intervals_hold_the_true_rate(own, draw, rate):
    # Hits of a control that gains as much by each doubling, and of an arm; images and draws suit each of them differently.
    held = 0
    for seed in range(500):
        rng = np.random.default_rng((seed, 9))
        difficulty = rng.normal(0, 1, 300)

        def hits(doublings, rng=rng, difficulty=difficulty):
            suits = difficulty + rng.normal(0, own, 300) + rng.normal(0, draw, (6, 1))
            return 0.2 + 0.25 * doublings + suits + rng.normal(0, 1, (6, 300)) > 0

        curve = np.array([hits(doublings) for doublings in range(4)])
        found = exchange_rate([100, 200, 400, 800], curve, hits(np.log2(rate)))
        held += found.low <= rate <= found.high
    assert held / 500 >= 0.94


def test_names_that_read_as_two_factors_are_refused():
    with pytest.raises(ValueError, match=r"names of factors must be without ':' and ' = ', which join them; got 'a:b'"):
        contrasts([(), (("a:b", True),)])

import importlib.util
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentlab import Rotate
from augmentlab.study import combinations, search
from augmentlab.study.search import Halving, Proposals, Race
from augmentlab.study.spaces import Arm, as_arms, grid
from benchmarks.search import TRUTHS, hits, outcome

OPTUNA = importlib.util.find_spec("optuna") is not None
NAMES = ["grid", "random", "halving", "race", *(["tpe"] if OPTUNA else [])]
needs_optuna = pytest.mark.skipif(not OPTUNA, reason="Optuna is an extra")


def some_arms(number):
    return as_arms([Rotate(angle=place + 1) for place in range(number)])


def table_of(means, draws=8, images=40, seed=0):
    """Scores (arms + 1, draws, images), the control last and at 0.5; the noise is small beside differences of 0.1."""
    noise = np.random.default_rng(seed).normal(0, 0.05, (len(means) + 1, draws, images))
    return np.append(means, 0.5)[:, None, None] + noise


def run(seeker, table, broken=()):
    """Compute what is asked for until nothing is; each cell at most once."""
    results, failed, batches = {}, set(), []
    while cells := seeker.plan(results, failed):
        assert not set(cells) & (results.keys() | failed)
        assert len(set(cells)) == len(cells)
        failed |= {cell for cell in cells if cell in broken}
        results |= {cell: table[cell] for cell in cells if cell not in broken}
        batches.append(cells)
    return results, failed, batches


def draws_of(results, arms):
    return [sum(index == arm for index, _ in results) for arm in range(-1, arms)]


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_study_whose_cells_all_fail_ends(name):
    cells = {(arm, draw) for arm in range(-1, 5) for draw in range(6)}
    results, failed, _ = run(search.named(name, some_arms(5), 6), None, broken=cells)
    assert not results
    assert failed <= cells
    assert {(-1, draw) for draw in range(6)} <= failed


@pytest.mark.parametrize("name", NAMES)
def test_controls_get_all_draws(name):
    table = table_of([0.9, 0.1, 0.5, 0.2, 0.5, 0.3])
    results, _, _ = run(search.named(name, some_arms(6), 8, always=frozenset({-1, 1})), table)
    counts = draws_of(results, 6)
    assert counts[0] == counts[2] == 8
    assert counts[1] == 8  # the best arm, too


@settings(deadline=None, max_examples=40)
@given(data=st.data())
@pytest.mark.parametrize("name", NAMES)
def test_a_search_ends_and_one_that_is_resumed_ends_with_the_same_cells(name, data):
    arms, draws = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 7))
    always = data.draw(st.sampled_from([frozenset({-1}), frozenset({-1, 0})])) if arms > 1 else frozenset({-1})
    seed = data.draw(st.integers(0, 99))
    n_trials = data.draw(st.none() | st.integers((len(always) + 1) * draws, 80)) if name in ("random", "tpe") else None
    means = data.draw(st.lists(st.sampled_from([0.2, 0.4, 0.5, 0.6, 0.9]), min_size=arms, max_size=arms))
    every = [(arm, draw) for arm in range(-1, arms) for draw in range(draws)]
    broken = data.draw(st.sets(st.sampled_from(every), max_size=8))
    table = table_of(means, draws, images=data.draw(st.sampled_from([1, 12])), seed=seed)

    def seeker():
        return search.named(name, some_arms(arms), draws, always=always, seed=seed, n_trials=n_trials)

    results, failed, _ = run(seeker(), table, broken)
    assert results.keys() | failed <= set(every)
    assert n_trials is None or len(results) + len(failed) <= n_trials
    stopped = seeker().stopped(results, failed)
    short = {arm for arm in range(arms) if {(arm, draw) for draw in range(draws)} - results.keys() - failed}
    assert set(stopped) == short
    assert not set(stopped) & always

    known, lost = {}, set()
    for _ in range(1000):
        cells = seeker().plan(known, lost)  # a new one: nothing is remembered
        if not cells:
            break
        done = data.draw(st.sets(st.sampled_from(cells), min_size=1)) if len(known) < 30 else cells
        lost |= {cell for cell in done if cell in broken}
        known |= {cell: table[cell] for cell in done if cell not in broken}
    assert known.keys() == results.keys()
    assert lost == failed


@pytest.mark.parametrize("name", NAMES)
def test_a_search_says_what_it_does_to_the_results(name):
    note = search.named(name, some_arms(4), 5, n_trials=15 if name in ("random", "tpe") else None).note
    assert (note == "") is (name == "grid")
    assert ("confirm()" in note) is (name in ("halving", "race", "tpe"))


def test_names_and_numbers_that_will_not_do():
    with pytest.raises(
        ValueError, match="search must be one of 'grid', 'random', 'halving', 'race', 'tpe', 'gp'; got 'x'"
    ):
        search.named("x", some_arms(3), 5)
    with pytest.raises(
        ValueError, match="n_trials must be None unless search is 'random', 'tpe' or 'gp'; got 9 with 'race'"
    ):
        search.named("race", some_arms(3), 5, n_trials=9)
    with pytest.raises(
        ValueError, match="n_trials must be an int >= 10, the 5 draws of the control and of one arm; got 9"
    ):
        search.named("random", some_arms(3), 5, n_trials=9)
    with pytest.raises(
        ValueError, match="n_trials must be an int >= 15, the 5 draws of 2 controls and of one arm; got 14"
    ):
        search.named("random", some_arms(3), 5, n_trials=14, always=frozenset({-1, 2}))
    with pytest.raises(ValueError, match=r"n_trials must be an int >= 10.*; got True"):
        search.named("random", some_arms(3), 5, n_trials=True)


# --- grid and random -------------------------------------------------------------------------------------------------


def test_a_grid_is_all_cells_that_are_missing():
    seeker = search.named("grid", some_arms(2), 2)
    assert seeker.plan({}, set()) == [(-1, 0), (0, 0), (1, 0), (-1, 1), (0, 1), (1, 1)]
    assert seeker.plan({(0, 0): np.zeros(1)}, {(1, 1)}) == [(-1, 0), (1, 0), (-1, 1), (0, 1)]
    assert seeker.stopped({}, set()) == {}


def test_random_arms_come_in_an_order_of_the_seed_until_the_trials_are_spent():
    seeker = search.named("random", some_arms(6), 3, n_trials=11, seed=4)
    cells = seeker.plan({}, set())
    assert cells[:3] == [(-1, 0), (-1, 1), (-1, 2)]
    assert len(cells) == 9  # of 11: an arm is not begun that could not be finished
    first, second = cells[3][0], cells[6][0]
    assert seeker.note == "2 of 6 arms were drawn at random; nothing is known about the others"
    assert seeker.stopped({}, set()) == dict.fromkeys(
        sorted({0, 1, 2, 3, 4, 5} - {first, second}), "not drawn within 11 trials"
    )
    orders = {tuple(dict(search.named("random", some_arms(6), 3, seed=seed).plan({}, set()))) for seed in range(10)}
    assert len(orders) > 5
    assert {len(order) for order in orders} == {7}


# --- halving ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arms", "draws", "rungs"),
    [
        (16, 8, [1, 2, 4, 8]),
        (16, 10, [2, 3, 5, 10]),
        (4, 8, [4, 8]),
        (3, 8, [4, 8]),
        (2, 8, [8]),
        (1, 8, [8]),
        (64, 2, [1, 2]),
    ],
)
def test_the_rungs_of_halving(arms, draws, rungs):
    assert Halving(arms=some_arms(arms), draws=draws).rungs == rungs


def test_halving_keeps_the_better_half_at_each_rung():
    results, failed, batches = run(Halving(arms=some_arms(7), draws=8), table_of([0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.6]))
    assert draws_of(results, 7) == [8, 2, 8, 2, 8, 2, 4, 4]
    assert [len(cells) for cells in batches] == [16, 10, 12]
    assert Halving(arms=some_arms(7), draws=8).stopped(results, failed) == {
        0: "in the worse half after 2 draws",
        2: "in the worse half after 2 draws",
        4: "in the worse half after 2 draws",
        5: "in the worse half after 4 draws",
        6: "in the worse half after 4 draws",
    }


def test_halving_keeps_the_first_of_equals_and_stops_what_never_worked():
    table = np.zeros((6, 8, 1))
    assert draws_of(run(Halving(arms=some_arms(5), draws=8), table)[0], 5) == [8, 8, 8, 4, 2, 2]
    broken = {(0, draw) for draw in range(8)}
    results, failed, _ = run(Halving(arms=some_arms(5), draws=8), table, broken)
    assert draws_of(results, 5) == [8, 0, 8, 8, 4, 2]
    assert failed == {(0, 0), (0, 1)}


def test_halving_compares_on_the_draws_that_an_arm_shares_with_the_control():
    # Draw 1 is hard for all. Arm 0 failed there, and is no better for it: its one difference is 0, those of arm 1 are 0.1.
    table = np.full((5, 4, 1), 0.5)
    table[1] = 0.6
    table[:, 1] -= 0.4
    table[[2, 3]] -= 0.2
    results, _, _ = run(Halving(arms=some_arms(4), draws=4), table, broken={(0, 1)})
    assert draws_of(results, 4) == [4, 3, 4, 2, 2]
    results, _, _ = run(Halving(arms=some_arms(3), draws=2), table[[0, 1, 2, 4]], broken={(0, 0)})
    assert draws_of(results, 3) == [2, 0, 2, 2]


# --- race ------------------------------------------------------------------------------------------------------------


def test_a_race_stops_what_is_clearly_worse_and_never_a_control():
    seeker = Race(arms=some_arms(4), draws=8, always=frozenset({-1, 3}))
    table = table_of([0.9, 0.89, 0.1, 0.1])
    table[1] = table[0] + np.random.default_rng(1).normal(0, 0.05, table[0].shape)
    results, failed, batches = run(seeker, table)
    counts = draws_of(results, 4)
    assert counts[:3] == [8, 8, 8]
    assert counts[4] == 8
    assert 3 <= counts[3] < 6
    assert seeker.stopped(results, failed) == {2: f"clearly worse than Rotate(angle=1.0) after {counts[3]} draws"}
    assert len(batches[0]) == 15  # three draws of all, then one by one
    assert [len(cells) for cells in batches[-2:]] == [4, 4]


def test_a_race_stops_what_is_clearly_worse_than_the_control():
    seeker = Race(arms=some_arms(2), draws=9)
    results, failed, _ = run(seeker, table_of([0.1, 0.4], draws=9))
    assert seeker.stopped(results, failed)[0].startswith("clearly worse than control after ")


def test_a_race_of_equal_arms_stops_none():
    table = np.repeat(table_of([]), 4, axis=0)
    results, failed, _ = run(Race(arms=some_arms(3), draws=8), table)
    assert len(results) == 32
    assert Race(arms=some_arms(3), draws=8).stopped(results, failed) == {}


def test_a_race_of_few_draws_is_a_grid():
    results, _, batches = run(Race(arms=some_arms(2), draws=3), table_of([0.1, 0.9], draws=3))
    assert len(results) == 9
    assert len(batches) == 1


def test_a_race_without_scores_of_images_tests_over_draws():
    means = table_of([0.9, 0.1, 0.9]).mean(axis=2, keepdims=True)
    counts = draws_of(run(Race(arms=some_arms(3), draws=8), means)[0], 3)
    assert counts[:2] == [8, 8]
    assert counts[2] < 8
    assert counts[3] == 8
    # The same difference in three draws might be chance, whatever its size: there is no spread to set it against.
    constant = np.repeat(np.array([0.9, 0.8, 0.5])[:, None, None], 8, axis=1)
    assert len(run(Race(arms=some_arms(2), draws=8), constant)[0]) == 24


def test_a_race_takes_images_of_one_group_as_one():
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(4), 25)
    table = np.zeros((2, 12, 100))
    table[0] = -0.1 + rng.normal(0, 0.2, 4)[groups] + rng.normal(0, 0.01, (12, 100))
    images, by_group = (
        draws_of(run(Race(arms=some_arms(1), draws=12, groups=given), table)[0], 1)[1] for given in (None, groups)
    )
    assert images < 12
    assert by_group == 12


def test_a_race_drops_an_arm_that_never_worked_and_goes_on_with_one_that_failed_once():
    broken = {(0, draw) for draw in range(8)} | {(1, 0), (1, 1)}
    seeker = Race(arms=some_arms(3), draws=8)
    results, failed, _ = run(seeker, table_of([0.9, 0.9, 0.9]), broken)
    assert failed == {(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)}
    assert draws_of(results, 3) == [8, 0, 6, 8]
    assert seeker.stopped(results, failed) == {0: "no result in 3 draws"}


@settings(deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 10_000),
    draws=st.integers(2, 9),
    images=st.integers(1, 12),
    shift=st.floats(-3, 0.5),
    by_draw=st.sampled_from([0.0, 0.1, 2.0]),
    by_image=st.sampled_from([0.0, 0.3]),
)
def test_what_is_not_tested_would_not_have_been_stopped(seed, draws, images, shift, by_draw, by_image):
    rng = np.random.default_rng(seed)
    table = shift + by_draw * rng.normal(size=(draws, 1)) + by_image * rng.normal(size=(draws, images))
    level, groups = float(rng.choice([0.05, 1e-3])), rng.integers(0, 4, images) if seed % 2 else None
    if table.mean() < 0 and search._p_of_worse(table, groups) < level:
        assert search._could_be_worse(table.mean(axis=1).tolist(), level)


@pytest.mark.slow
@pytest.mark.parametrize("truth", TRUTHS)
def test_a_race_keeps_the_best_arm(truth):
    outcomes = [outcome("race", seed, TRUTHS[truth]) for seed in range(500)]
    assert np.mean([not one.kept for one in outcomes]) <= 0.05
    if truth == "equal":  # each of them is a best arm
        assert np.mean([one.stopped for one in outcomes]) / len(TRUTHS[truth]) <= 0.05
    if truth.startswith("one step"):
        assert np.mean([one.cells for one in outcomes]) < 120


def test_the_simulated_arms_differ_by_what_is_said():
    means = hits(np.random.default_rng(0), np.array([4.0, -3.0]), draws=40, images=20_000).mean(axis=(1, 2))
    np.testing.assert_allclose(100 * (means[:2] - means[2]), [4, -3], atol=1)


# --- Optuna ----------------------------------------------------------------------------------------------------------


@needs_optuna
def test_proposals_go_where_the_scores_are_good():
    arms = combinations({f"s{place}": Rotate(angle=place + 1) for place in range(5)})
    gains = np.array([0.5 + 0.1 * point["s1"] - 0.1 * point["s3"] for point in (arm.levels for arm in arms)])
    seeker = Proposals(arms=arms, draws=2, n_trials=32)
    results, failed, batches = run(seeker, table_of(gains, draws=2))
    assert len(results) == 32
    assert batches[0][:2] == [(-1, 0), (-1, 1)]
    assert all(len(cells) == 2 for cells in batches[1:])
    tried = {index for index, _ in results if index >= 0}
    stopped = seeker.stopped(results, failed)
    assert set(stopped) == set(range(31)) - tried
    assert set(stopped.values()) == {"not proposed within 32 trials"}
    assert seeker.stopped({}, set()) == {}

    def found(name):  # how many of the 8 best arms in five studies
        tables = ((seed, table_of(gains, draws=2, seed=seed)) for seed in range(5))
        runs = [run(search.named(name, arms, 2, n_trials=32, seed=seed), table)[0] for seed, table in tables]
        return sum(gains[index] == gains.max() for results in runs for index, draw in results if index >= 0 == draw)

    assert found("tpe") > found("random") > 0


@needs_optuna
def test_proposals_try_all_arms_in_the_end():
    arms = grid({"Rotate.angle": [5, 10, 15], "Rotate.p": [0.25, 0.5]})
    for some in (
        arms,
        some_arms(4),
        [*arms, *some_arms(2)],
        [Arm(label=str(n), transform=arm.transform, point=(("a", 1),)) for n, arm in enumerate(arms)],
    ):
        results, _, _ = run(Proposals(arms=some, draws=2), table_of(np.full(len(some), 0.5), draws=2))
        assert draws_of(results, len(some)) == [2] * (len(some) + 1)


@needs_optuna
def test_points_that_are_no_arms_cost_nothing():
    arms = combinations({f"s{place}": Rotate(angle=place + 1) for place in range(5)}, max_size=1)
    results, _, batches = run(Proposals(arms=arms, draws=2), table_of(np.linspace(0.4, 0.6, 5), draws=2))
    assert len(results) == 12
    assert len(batches) == 5


@needs_optuna
def test_an_arm_that_was_begun_is_finished_first():
    begun = {(-1, 0): np.zeros(3), (-1, 1): np.zeros(3), (2, 1): np.zeros(3)}
    assert Proposals(arms=some_arms(4), draws=2).plan(begun, set()) == [(2, 0)]


@needs_optuna
def test_optuna_is_quiet_and_stays_as_talkative_as_it_was(capfd):
    import optuna

    before = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(Proposals(arms=some_arms(3), draws=2), table_of([0.5] * 3, draws=2))
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


@needs_optuna
def test_the_gaussian_process_proposes():
    pytest.importorskip("torch")
    arms = combinations({f"s{place}": Rotate(angle=place + 1) for place in range(3)})
    gains = np.array([0.5 + 0.1 * arm.levels["s1"] for arm in arms])
    first, second = (
        run(search.named("gp", arms, 2, n_trials=10, seed=1), table_of(gains, draws=2))[2] for _ in range(2)
    )
    assert first == second
    assert sum(map(len, first)) == 10


@pytest.mark.parametrize(
    ("name", "absent", "message"),
    [
        ("tpe", "optuna", r'search "tpe" needs Optuna; python -m pip install "augmentlab\[optuna\]"'),
        ("gp", "torch", r'search "gp" needs PyTorch; python -m pip install "augmentlab\[optuna,torch\]"'),
    ],
)
def test_what_is_not_installed_is_named(monkeypatch, name, absent, message):
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None if module == absent else object())
    with pytest.raises(ModuleNotFoundError, match=message):
        search.named(name, some_arms(2), 2)

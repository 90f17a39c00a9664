"""Draws follow their distributions, do not depend on each other, and repeat only where they are asked to.

All seeds are fixed, so a test passes always or never. LEVEL is the chance with which one test would have failed at a
seed taken at random; a fault such as two steps on one stream leaves p-values below 1e-100.
"""

import itertools
import multiprocessing
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from scipy import stats

from augmentlab import (
    Brightness,
    Compose,
    Contrast,
    Gamma,
    GaussianNoise,
    HorizontalFlip,
    Invert,
    OneOf,
    Posterize,
    RandomOrder,
    Rotate,
    SomeOf,
    choice,
    integers,
    loguniform,
    uniform,
)
from augmentlab.streams import generator

LEVEL = 1e-3
ITEMS = 2000


def item_streams(count=ITEMS, seed=7, epoch=0):
    return [(seed, epoch, index) for index in range(count)]


def draws_of(transform, name, streams):
    return np.array([getattr(transform.sample(stream), name) for stream in streams])


# ---------------------------------------------------------------- goodness of fit


def from_one_generator(distribution):
    rng = np.random.default_rng(1)
    return np.array([distribution.sample(rng) for _ in range(ITEMS)])


def from_item_streams(distribution):
    """As in training: the first draw of each of many streams with neighbouring seeds."""
    return np.array([distribution.sample(generator(stream)) for stream in item_streams()])


def from_a_step(distribution):
    """The value of a step that stands in a pipeline, at neighbouring seeds."""
    names = {"Integers": (Posterize, "bits"), "LogUniform": (Gamma, "gamma")}
    cls, name = names.get(type(distribution).__name__, (Rotate, "angle"))
    pipeline = Compose([Brightness(delta=uniform(0.1, 0.2)), cls(**{name: distribution}), HorizontalFlip(p=0.5)])
    return np.array(
        [
            next(getattr(step, name) for step in pipeline.sample(stream).steps if type(step) is cls)
            for stream in item_streams()
        ]
    )


every_source = pytest.mark.parametrize("source", [from_one_generator, from_item_streams, from_a_step])


@every_source
@pytest.mark.parametrize(("low", "high"), [(-15, 15), (0.001, 0.002), (-180, -90)])
def test_uniform(source, low, high):
    drawn = source(uniform(low, high))
    assert stats.kstest(drawn, stats.uniform(low, high - low).cdf).pvalue > LEVEL


@every_source
@pytest.mark.parametrize(("low", "high"), [(0.5, 2), (0.1, 5)])
def test_loguniform(source, low, high):
    drawn = source(loguniform(low, high))
    assert stats.kstest(drawn, stats.loguniform(low, high).cdf).pvalue > LEVEL
    # The test would see it if the draws were uniform instead.
    assert stats.kstest(drawn, stats.uniform(low, high - low).cdf).pvalue < LEVEL


@every_source
@pytest.mark.parametrize(("low", "high"), [(1, 7), (2, 3)])
def test_integers(source, low, high):
    drawn = source(integers(low, high))
    counts = np.bincount(drawn - low, minlength=high - low + 1)
    assert len(counts) == high - low + 1
    assert stats.chisquare(counts).pvalue > LEVEL


@every_source
def test_choice(source):
    values = [-20.0, -1.5, 3.0, 40.0, 90.0]
    drawn = source(choice(*values))
    counts = [np.count_nonzero(drawn == value) for value in values]
    assert sum(counts) == ITEMS
    assert stats.chisquare(counts).pvalue > LEVEL


def test_all_seeds_are_drawn_alike():
    drawn = draws_of(GaussianNoise(std=0.1), "seed", item_streams())
    assert stats.kstest(drawn, stats.uniform(0, 2**31).cdf).pvalue > LEVEL


# ---------------------------------------------------------------- probability and choices


def assert_share(count, trials, probability):
    low, high = stats.binom.interval(1 - LEVEL, trials, probability)
    assert low <= count <= high


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.9])
def test_p_is_the_share_of_applications(p):
    alone = Rotate(angle=uniform(1, 9), p=p)
    inside = Compose([Invert(), Rotate(angle=uniform(1, 9), p=p), Invert()])
    whole = Compose([Rotate(angle=uniform(1, 9))], p=p)
    assert_share(sum(alone.sample(stream) is not None for stream in item_streams()), ITEMS, p)
    assert_share(sum(len(inside.sample(stream).steps) == 3 for stream in item_streams()), ITEMS, p)
    assert_share(sum(whole.sample(stream) is not None for stream in item_streams()), ITEMS, p)


def test_one_of_follows_its_weights():
    weights = np.array([5, 1, 0, 3])
    steps = [Invert(), HorizontalFlip(), Posterize(bits=1), Rotate(angle=9)]
    drawn = [type(OneOf(steps, weights=weights).sample(stream)) for stream in item_streams()]
    counts = np.array([drawn.count(type(step)) for step in steps])
    assert counts[2] == 0
    possible = weights > 0
    assert stats.chisquare(counts[possible], ITEMS * weights[possible] / weights.sum()).pvalue > LEVEL


FOUR = [Rotate(angle=uniform(1, 9)), Brightness(delta=uniform(0.1, 0.2)), Invert(), Gamma(gamma=uniform(0.5, 0.9))]


def chosen(group):
    classes = [type(step) for step in group.steps]
    return [tuple(classes.index(type(step)) for step in group.sample(stream).steps) for stream in item_streams()]


def test_some_of_draws_every_combination_alike():
    for n in (1, 2, 3):
        drawn = chosen(SomeOf(FOUR, n=n))
        combinations = list(itertools.combinations(range(4), n))
        assert stats.chisquare([drawn.count(one) for one in combinations]).pvalue > LEVEL
        assert set(drawn) == set(combinations)


def test_some_of_draws_every_count_alike():
    lengths = [len(drawn) for drawn in chosen(SomeOf(FOUR, n=integers(0, 4)))]
    assert stats.chisquare(np.bincount(lengths, minlength=5)).pvalue > LEVEL
    assert max(lengths) == 4


def test_some_of_with_replacement_draws_every_sequence_alike():
    drawn = chosen(SomeOf(FOUR, n=2, replace=True))
    counts = [drawn.count(pair) for pair in itertools.product(range(4), repeat=2)]
    assert sum(counts) == ITEMS
    assert stats.chisquare(counts).pvalue > LEVEL


def test_random_order_draws_every_order_alike():
    drawn = chosen(RandomOrder(FOUR))
    counts = [drawn.count(order) for order in itertools.permutations(range(4))]
    assert sum(counts) == ITEMS
    assert stats.chisquare(counts).pvalue > LEVEL


# ---------------------------------------------------------------- independence


def assert_independent(one, other):
    """A chi-square test on the table of two lists of draws, each cut into at most six bins of equal counts."""
    places = [stats.rankdata(values, method="dense" if len(set(values)) < 7 else "ordinal") for values in (one, other)]
    table = np.zeros((6, 6))
    for row, column in zip(*((place - 1) * min(6, place.max()) // place.max() for place in places), strict=True):
        table[int(row), int(column)] += 1
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    assert min(table.shape) >= 2
    assert stats.chi2_contingency(table).pvalue > LEVEL


FIELDS = [
    (Rotate(angle=uniform(-45, 45)), "angle"),
    (Rotate(angle=uniform(-45, 45)), "angle"),
    (Brightness(delta=uniform(-0.2, 0.2)), "delta"),
    (Gamma(gamma=loguniform(0.5, 2)), "gamma"),
    (Posterize(bits=integers(1, 6)), "bits"),
    (GaussianNoise(std=0.1), "seed"),
]


def test_steps_of_one_pipeline_are_independent():
    pipeline = Compose([step for step, _ in FIELDS])
    drawn = [pipeline.sample(stream).steps for stream in item_streams()]
    columns = [[getattr(steps[place], name) for steps in drawn] for place, (_, name) in enumerate(FIELDS)]
    for one, other in itertools.combinations(columns, 2):
        assert_independent(one, other)


def test_a_shared_stream_would_be_seen():
    # The same table on what must not happen: both steps seeded alike.
    step = Rotate(angle=uniform(-45, 45))
    one = draws_of(step, "angle", item_streams())
    with pytest.raises(AssertionError):
        assert_independent(one, one**3)


def test_fields_of_one_step_are_independent():
    step = Contrast(factor=uniform(0.5, 1.5), p=0.5)
    noise = GaussianNoise(std=uniform(0.01, 0.1))
    assert_independent(*(draws_of(noise, name, item_streams()) for name in ("std", "seed")))
    # Whether a step is applied says nothing about the values of the next.
    pipeline = Compose([step, Rotate(angle=uniform(-45, 45))])
    drawn = [pipeline.sample(stream).steps for stream in item_streams()]
    assert_independent([len(steps) for steps in drawn], [steps[-1].angle for steps in drawn])


def test_coins_are_independent():
    pipeline = Compose([HorizontalFlip(p=0.5), Invert(p=0.3), Posterize(bits=3), HorizontalFlip(p=0.5)])
    drawn = [[type(step) for step in pipeline.sample(stream).steps] for stream in item_streams()]
    first, inverted, last = np.array(
        [(steps[0] is HorizontalFlip, Invert in steps, steps[-1] is HorizontalFlip) for steps in drawn]
    ).T
    for one, other in itertools.combinations([first, inverted, last], 2):
        assert_independent(one, other)


def test_what_is_chosen_says_nothing_about_its_values():
    either = OneOf([Rotate(angle=uniform(1, 9)), Brightness(delta=uniform(1 / 16, 9 / 16))])
    drawn = [either.sample(stream) for stream in item_streams()]
    values = [step.angle if isinstance(step, Rotate) else step.delta * 16 for step in drawn]
    assert_independent([isinstance(step, Rotate) for step in drawn], values)
    order = RandomOrder(FOUR)
    drawn = [order.sample(stream).steps for stream in item_streams()]
    place = [[type(step) for step in steps].index(Rotate) for steps in drawn]
    assert_independent(place, [steps[index].angle for steps, index in zip(drawn, place, strict=True)])


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["seed", "epoch", "index"])
def test_neighbouring_items_are_independent(axis):
    pipeline = Compose([Rotate(angle=uniform(-45, 45)), Brightness(delta=uniform(-0.2, 0.2))])
    streams = np.array(item_streams())
    streams[:, axis] *= 2  # no item is the neighbour of two

    def drawn(items):
        return np.array(
            [(rotate.angle, brightness.delta) for rotate, brightness in (pipeline.sample(i).steps for i in items)]
        )

    one, other = drawn(streams), drawn(streams + np.eye(3, dtype=int)[axis])
    assert (one == other).mean() < 0.01
    for column in (0, 1):
        assert_independent(one[:, column], other[:, column])


# ---------------------------------------------------------------- item streams


def test_ten_thousand_items_never_repeat():
    grid = itertools.product(range(5), range(20), range(100))  # seed, epoch, index
    first = {item: int(generator(item).integers(2**63)) for item in grid}
    assert len(first) == len(set(first.values())) == 10_000  # two of 2**63 would be alike once in 2e11 such tests
    # Not even where two numbers of a tuple change places, or their digits run together.
    assert first[1, 0, 2] != first[0, 1, 2]
    assert first[1, 10, 1] != first[1, 1, 1]


def test_pipelines_of_ten_thousand_items_never_repeat():
    pipeline = Compose([Rotate(angle=uniform(-45, 45)), GaussianNoise(std=0.1)])
    assert len({pipeline.sample(item) for item in item_streams(10_000)}) == 10_000


def test_an_item_is_the_same_whatever_was_drawn_before():
    pipeline = Compose([Rotate(angle=uniform(-45, 45)), GaussianNoise(std=0.1)])
    forwards = [pipeline.sample(item) for item in item_streams(50)]
    backwards = [pipeline.sample(item) for item in item_streams(50)[::-1]]
    assert forwards == backwards[::-1]


# ---------------------------------------------------------------- adding, removing, moving steps

FIVE = [
    Rotate(angle=uniform(1, 45)),
    Brightness(delta=uniform(0.1, 0.2), p=0.8),
    Gamma(gamma=loguniform(0.5, 0.9)),
    GaussianNoise(std=uniform(0.01, 0.1)),
    HorizontalFlip(p=0.5),
]


def drawn_by_class(steps, seed):
    return {type(step): step for step in Compose(steps).sample(seed).steps}


@pytest.mark.parametrize("seed", [0, 1, (3, 0, 17)])
def test_adding_removing_and_moving_a_step_changes_no_other(seed):
    whole = drawn_by_class(FIVE, seed)
    assert len(whole) >= 3
    for order in itertools.permutations(FIVE):
        assert drawn_by_class(order, seed) == whole
    for index, step in enumerate(FIVE):
        others = [*FIVE[:index], *FIVE[index + 1 :]]
        assert drawn_by_class(others, seed) == {cls: one for cls, one in whole.items() if cls is not type(step)}
    for place in range(len(FIVE) + 1):
        for new in (Contrast(factor=uniform(1.1, 1.5)), OneOf([Invert(), Posterize(bits=integers(1, 3))])):
            more = drawn_by_class([*FIVE[:place], new, *FIVE[place:]], seed)
            assert len(more) == len(whole) + 1
            assert more.items() >= whole.items()


@pytest.mark.parametrize("seed", [0, 1, (3, 0, 17)])
def test_steps_of_one_class_draw_by_their_occurrence(seed):
    low, high = Rotate(angle=uniform(0, 1)), Rotate(angle=uniform(10, 11))

    def shares(*steps):
        """Where in its range each rotation was drawn, which the occurrence alone decides."""
        drawn = [step for step in Compose(steps).sample(seed).steps if type(step) is Rotate]
        return [step.angle % 10 for step in drawn]

    first, second, third = shares(low, low, low)
    assert len({first, second, third}) == 3
    assert shares(low) == [first]
    assert np.allclose(shares(low, high), [first, second], rtol=0, atol=1e-4)  # both with six digits
    assert np.allclose(shares(high, low), [first, second], rtol=0, atol=1e-4)
    assert shares(Invert(), low, Posterize(bits=2), low) == [first, second]
    assert shares(low, Gamma(gamma=2), low, HorizontalFlip(), low) == [first, second, third]
    # A step switched off still counts, so the others of its class keep theirs.
    assert shares(Rotate(angle=uniform(0, 1), p=0), low, low) == [second, third]


def test_other_ranges_and_probabilities_change_no_other_step():
    def tail(first, seed):
        return Compose([first, *FIVE[1:]]).sample(seed).steps[1:]

    for seed in range(20):
        wide = tail(Rotate(angle=uniform(50, 90)), seed)
        assert wide == tail(Rotate(angle=3), seed) == tail(Rotate(angle=choice(2, 3, 4), border="edge"), seed)


# ---------------------------------------------------------------- workers

WORKERS = """
    import multiprocessing, os, sys
    from augmentlab import Compose, GaussianNoise, Rotate, uniform

    pipeline = Compose([Rotate(angle=uniform(-45, 45)), GaussianNoise(std=0.1)])

    def draw(rng):
        return os.getpid(), repr(pipeline.sample()), repr(pipeline.sample(rng))

    if __name__ == "__main__":
        with multiprocessing.get_context(sys.argv[1]).Pool(2, maxtasksperchild=1) as pool:
            rows = [draw((7, 0, 3)), *pool.map(draw, [(7, 0, 3)] * 3, chunksize=1)]
        for row in rows:
            print(*row, sep="|")
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_differ_unless_they_draw_the_same_item(tmp_path, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    script = tmp_path / "workers.py"
    script.write_text(textwrap.dedent(WORKERS))
    run = subprocess.run([sys.executable, script, method], capture_output=True, text=True, check=True)
    processes, fresh, items = zip(*(line.split("|") for line in run.stdout.splitlines()), strict=True)
    assert len(set(processes)) == 4  # the parent and one worker for each draw
    assert len(set(fresh)) == 4
    expected = Compose([Rotate(angle=uniform(-45, 45)), GaussianNoise(std=0.1)]).sample((7, 0, 3))
    assert set(items) == {repr(expected)}

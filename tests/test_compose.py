import dataclasses
import json
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_laws import CLASSES, GEOMETRIC, assert_boxes_contain, assert_keypoints_follow, image_of, movers, rectangles

import augmentlab
from augmentlab import (
    Affine,
    Blend,
    Brightness,
    Center,
    CenterCrop,
    Compose,
    Contrast,
    ElasticTransform,
    Gamma,
    GaussianNoise,
    GeometricTransform,
    Grayscale,
    HorizontalFlip,
    Invert,
    MixUp,
    Normalize,
    OneOf,
    Pad,
    Perspective,
    PointTransform,
    Posterize,
    RandomOrder,
    Resize,
    ResizedCrop,
    Rotate,
    Rotate90,
    Sample,
    Solarize,
    SomeOf,
    Standardize,
    VerticalFlip,
    choice,
    engines,
    from_dict,
    geometry,
    integers,
    uniform,
)
from augmentlab.compose import plan

IMAGE = np.random.default_rng(0).integers(0, 256, (21, 30, 3)).astype(np.uint8)
AUGMENTING = [cls for cls in CLASSES if not cls.preprocessing]
STRAIGHT = [cls for cls in GEOMETRIC if geometry.is_matrix(cls.typical().sample(0).coordinate_map((9, 9)))]


def one_after_the_other(steps, data):
    for step in steps:
        data = step.apply(data)
    return data


# ---------------------------------------------------------------- fused geometric runs


def test_a_geometric_run_is_one_resampling_of_the_composed_map():
    steps = [Rotate(angle=20), Affine(scale=1.2, translate_x=0.1), HorizontalFlip(), Rotate(angle=-35)]
    shape = IMAGE.shape[:2]
    total = geometry.compose([step.coordinate_map(shape) for step in steps], shape)
    expected = engines.current().warp(IMAGE, total, shape, order=1, border="constant")
    assert np.array_equal(Compose(steps).apply(IMAGE), expected)
    assert len(plan(Compose(steps), shape)) == 1


def test_turning_there_and_back_loses_nothing_inside():
    there_and_back = Compose([Rotate(angle=17), Rotate(angle=-17)])
    assert np.array_equal(there_and_back.apply(IMAGE), IMAGE)
    assert (
        np.abs(one_after_the_other(there_and_back.steps, IMAGE)[5:-5, 8:-8].astype(int) - IMAGE[5:-5, 8:-8]).max() > 20
    )


def test_a_run_of_slices_is_exact():
    steps = [HorizontalFlip(), Rotate90(turns=1), CenterCrop(height=0.5, width=0.7), VerticalFlip()]
    sample = Sample(IMAGE, mask=IMAGE[..., 0], keypoints=[[3, 4]], boxes=[[9, 6, 20, 15]])
    together, apart = Compose(steps).apply(sample), one_after_the_other(steps, sample)
    assert np.array_equal(together.image, apart.image)
    assert np.array_equal(together.mask, apart.mask)
    assert np.allclose(together.keypoints, apart.keypoints)
    assert np.allclose(together.boxes, apart.boxes)


def test_steps_that_disagree_on_the_border_are_not_fused():
    shape = (9, 9)

    def runs(*steps):
        return [len(run) for run, _ in plan(Compose(steps), shape)]

    white, black = Rotate(angle=9, fill=1), Rotate(angle=9)
    edge, other_edge = Rotate(angle=9, border="edge"), Affine(angle=9, border="edge", fill=0.5)
    assert runs(black, black) == [2]
    assert runs(black, white) == [1, 1]
    assert runs(black, edge) == [1, 1]
    assert runs(edge, other_edge) == [2]  # without a constant border its fill is not seen
    assert runs(black, HorizontalFlip(), black) == [3]
    assert runs(black, Brightness(delta=0.1), black) == [1, 1, 1]
    assert runs(black, Resize(height=4, width=4), black) == [1, 1, 1]
    assert runs(black, ResizedCrop(scale=0.5), black) == [3]
    assert runs(black, ResizedCrop(scale=0.5, height=3, width=3), black) == [1, 1, 1]  # it shrinks: anti-aliased
    assert runs(Brightness(delta=0.1), Invert(), Gamma(gamma=2)) == [3]
    assert runs(Brightness(delta=0.1), Grayscale(), Gamma(gamma=2)) == [1, 1, 1]


def test_the_plan_knows_the_shape_before_each_run():
    steps = [
        Resize(height=10, width=8),
        Rotate90(turns=1),
        Brightness(delta=0.1),
        Pad(height=0.5),
        CenterCrop(width=0.5),
    ]
    assert [shape for _, shape in plan(Compose(steps), (30, 40))] == [(30, 40), (10, 8), (8, 10), (8, 10), (16, 10)]
    assert Compose(steps).output_shape((30, 40, 3)) == (16, 5, 3)
    assert Compose(steps).apply(IMAGE).shape == (16, 5, 3)


def test_a_bent_run_is_the_composition_of_its_maps():
    steps = [Rotate(angle=30), ElasticTransform(alpha=0.05, seed=3), Affine(scale=1.3)]
    shape = IMAGE.shape[:2]
    total = geometry.compose([step.coordinate_map(shape) for step in steps], shape)
    expected = engines.current().remap(IMAGE, total, order=1, border="constant")
    assert np.array_equal(Compose(steps).apply(IMAGE), expected)


@st.composite
def runs(draw):
    steps = draw(st.lists(st.sampled_from(STRAIGHT).flatmap(movers), min_size=2, max_size=4))
    steps = [dataclasses.replace(step, fill=0.0) if hasattr(step, "fill") else step for step in steps]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some drawn steps are identities
        return Compose(steps)


def calm(pipeline, shape):
    """Whether no step resamples in a way of its own, which smooths what the test reads."""
    return all(type(step).resample is GeometricTransform.resample for run, _ in plan(pipeline, shape) for step in run)


@given(pipeline=runs(), shape=st.tuples(st.integers(4, 40), st.integers(4, 40)), seed=st.integers(0, 9))
@settings(max_examples=150)
def test_keypoints_follow_the_pixels_through_a_run(pipeline, shape, seed):
    if calm(pipeline, shape):
        assert_keypoints_follow(pipeline, shape, seed)


@given(pipeline=runs(), rectangle=rectangles())
@settings(max_examples=200)
def test_boxes_contain_what_they_held_after_a_run(pipeline, rectangle):
    shape, corners = rectangle
    if calm(pipeline, shape):  # a mask that is sampled twice is rounded twice
        assert_boxes_contain(pipeline, shape, corners, 1e-6)


# ---------------------------------------------------------------- point runs


POINTS = [
    Brightness(delta=0.13),
    Contrast(factor=1.7),
    Gamma(gamma=0.6),
    Posterize(bits=5),
    Solarize(threshold=0.7),
    Invert(),
]


@given(
    steps=st.lists(st.sampled_from(POINTS), min_size=1, max_size=5), channels=st.sampled_from([(), (1,), (3,), (4,)])
)
@settings(max_examples=60)
def test_a_point_run_is_bit_identical_to_one_after_the_other(steps, channels):
    for dtype in (np.uint8, np.float32):
        image = image_of((6, 7, *channels), dtype, 1)
        assert Compose(steps).apply(image).tobytes() == one_after_the_other(steps, image).tobytes()
    assert len(plan(Compose(steps), (6, 7))) == 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Warm(PointTransform):
    """Each channel has a curve of its own."""

    def curve(self, x):
        return x * [1.0, 0.8, 0.5] if x.shape[-1] == 3 else x


def test_curves_of_single_channels_in_a_run():
    steps = [Warm(), Invert(), Warm()]
    assert np.array_equal(Compose(steps).apply(IMAGE), one_after_the_other(steps, IMAGE))
    assert np.array_equal(Warm()(IMAGE), np.rint(IMAGE * [1.0, 0.8, 0.5]))
    rgba = np.dstack([IMAGE, IMAGE[..., 0]])
    assert np.array_equal(Warm()(rgba), np.dstack([Warm()(IMAGE), IMAGE[..., 0]]))


# ---------------------------------------------------------------- drawing


def test_a_drawn_sequence_is_flat_and_of_numbers():
    pipeline = Compose(
        [HorizontalFlip(), Compose([Rotate(angle=uniform(1, 9)), OneOf([Compose([Invert(), Gamma(gamma=2)])])])]
    )
    drawn = pipeline.sample(0)
    assert [type(step) for step in drawn.steps] == [HorizontalFlip, Rotate, Invert, Gamma]
    assert not drawn.is_random
    assert drawn.sample(7) is drawn
    assert np.array_equal(drawn.apply(IMAGE), pipeline(IMAGE, rng=0))
    assert eval(repr(drawn), vars(augmentlab)) == from_dict(json.loads(json.dumps(drawn.to_dict()))) == drawn


def test_a_draw_that_changes_nothing_leaves_no_step_behind():
    # Its record would warn, when it is read again, that the step leaves every image as it is.
    pipeline = Compose([Rotate90(turns=integers(0, 1)), Invert(p=0.5)])
    draws = {pipeline.sample(seed) for seed in range(60)}
    assert draws == {
        Compose([]),
        Compose([Rotate90(turns=1)]),
        Compose([Invert()]),
        Compose([Rotate90(turns=1), Invert()]),
    }
    assert all(from_dict(drawn.to_dict()) == drawn for drawn in draws)
    # A crop to another size is none of these, even where it keeps everything.
    assert Compose([ResizedCrop(scale=choice(1.0), height=8, width=8)]).sample(0).apply(IMAGE).shape == (8, 8, 3)


@given(
    picked=st.lists(st.sampled_from(AUGMENTING), min_size=2, max_size=6, unique=True),
    seed=st.integers(0, 99),
    data=st.data(),
)
@settings(max_examples=60)
def test_removing_a_step_leaves_the_draws_of_the_others(picked, seed, data):
    steps = [cls.typical(p=0.8) for cls in picked]
    gone = data.draw(st.integers(0, len(steps) - 1))

    def drawn(some):
        return {type(step): step for step in Compose(some).sample(seed).steps}

    everything = drawn(steps)
    everything.pop(picked[gone], None)
    assert drawn(steps[:gone] + steps[gone + 1 :]) == everything
    assert drawn(steps[::-1]) == drawn(steps)


def test_switching_a_step_off_leaves_the_draws_of_its_namesakes():
    first, second = Rotate(angle=uniform(1, 9)), Rotate(angle=uniform(1, 9))
    both = Compose([first, second]).sample(4)
    assert both.steps[0] != both.steps[1]
    assert Compose([dataclasses.replace(first, p=0), second]).sample(4).steps == both.steps[1:]


def test_p_of_a_sequence():
    pipeline = Compose([Invert()], p=0.3)
    applied = [pipeline.sample(seed) is not None for seed in range(400)]
    assert abs(np.mean(applied) - 0.3) < 4 * (0.21 / 400) ** 0.5
    assert Compose([Invert()], p=0).sample(0) is None
    assert np.array_equal(Compose([Invert()], p=0)(IMAGE), IMAGE)


def test_the_empty_sequence_is_the_identity():
    empty = Compose([])
    assert empty.is_identity
    assert not empty.is_random
    assert np.array_equal(empty(IMAGE), IMAGE)
    sample = Sample(IMAGE, boxes=[[0, 0, 3, 4]])
    assert np.array_equal(empty(sample).boxes, sample.boxes)
    assert empty(image=IMAGE, mask=None)["mask"] is None
    assert eval(repr(empty)) == from_dict(empty.to_dict()) == empty
    assert empty.code() == "from augmentlab import Compose\n\npipeline = Compose([])"


# ---------------------------------------------------------------- OneOf


def test_one_of_draws_by_weight():
    either = OneOf([Invert(), HorizontalFlip(), VerticalFlip()], weights=[1, 0, 3])
    drawn = [type(either.sample(seed)) for seed in range(800)]
    assert HorizontalFlip not in drawn
    assert abs(np.mean([cls is VerticalFlip for cls in drawn]) - 0.75) < 4 * (0.1875 / 800) ** 0.5
    plain = [type(OneOf([Invert(), HorizontalFlip()]).sample(seed)) for seed in range(800)]
    assert abs(np.mean([cls is Invert for cls in plain]) - 0.5) < 4 * (0.25 / 800) ** 0.5


def test_choices_may_be_nested_and_drawn_to_nothing():
    nested = OneOf([OneOf([Invert(), Gamma(gamma=uniform(0.5, 2))]), Compose([Invert(), HorizontalFlip(p=0.5)])], p=0.8)
    draws = [nested.sample(seed) for seed in range(80)]
    assert {type(one).__name__ for one in draws} == {"NoneType", "Invert", "Gamma", "Compose"}
    assert not any(one is not None and one.is_random for one in draws)
    assert np.array_equal(nested(IMAGE, rng=3), nested(IMAGE, rng=3))


def test_adding_a_choice_after_another_leaves_its_values():
    # Same coin, same index (the first of any number at a draw below 1/3), same values.
    short, long = (OneOf([Gamma(gamma=uniform(0.5, 2)), Invert(), HorizontalFlip()][:count]) for count in (2, 3))
    pairs = [(short.sample(seed), long.sample(seed)) for seed in range(60)]
    both = [(one, other) for one, other in pairs if isinstance(one, Gamma) and isinstance(other, Gamma)]
    assert len(both) > 10
    assert all(one == other for one, other in both)


def test_the_shape_after_a_choice():
    assert OneOf([Invert(), HorizontalFlip()]).output_shape((5, 7)) == (5, 7)
    with pytest.raises(ValueError, match=r"depends on the draw: \[\(3, 4\), \(5, 7\)\]"):
        OneOf([Resize(height=3, width=4), HorizontalFlip()]).output_shape((5, 7))


# ---------------------------------------------------------------- SomeOf and RandomOrder

THREE = [Gamma(gamma=uniform(0.5, 2)), Invert(), HorizontalFlip()]


def names(drawn):
    return [type(step).__name__ for step in drawn.steps]


def test_some_of_draws_different_steps_in_their_order():
    draws = [tuple(names(SomeOf(THREE, n=2).sample(seed))) for seed in range(900)]
    pairs = [("Gamma", "Invert"), ("Gamma", "HorizontalFlip"), ("Invert", "HorizontalFlip")]
    assert set(draws) == set(pairs)
    # Chi-square with 2 degrees of freedom is below 13.8 in 999 of 1000 cases.
    assert sum((draws.count(pair) - 300) ** 2 / 300 for pair in pairs) < 13.8


def test_some_of_with_replacement_is_as_many_independent_draws():
    draws = [tuple(names(SomeOf(THREE, n=2, replace=True).sample(seed))) for seed in range(900)]
    pairs = {
        (one, other) for one in ("Gamma", "Invert", "HorizontalFlip") for other in ("Gamma", "Invert", "HorizontalFlip")
    }
    assert set(draws) == pairs
    assert sum((draws.count(pair) - 100) ** 2 / 100 for pair in pairs) < 26.1  # 8 degrees of freedom
    twice = [
        drawn.steps
        for seed in range(200)
        if names(drawn := SomeOf(THREE, n=2, replace=True).sample(seed)) == ["Gamma"] * 2
    ]
    assert len(twice) > 10
    assert all(first != second for first, second in twice)
    assert len(SomeOf([Gamma(gamma=uniform(0.5, 2))], n=7, replace=True).sample(0).steps) == 7


@pytest.mark.parametrize(("n", "counts"), [(integers(0, 2), {0, 1, 2}), (choice(1, 3), {1, 3}), (0, {0}), (3, {3})])
def test_how_many_are_drawn(n, counts):
    assert {len(SomeOf(THREE, n=n).sample(seed).steps) for seed in range(60)} == counts
    assert SomeOf(THREE, n=n).is_identity == (counts == {0})


def test_random_order_applies_all_in_every_order():
    draws = [tuple(names(RandomOrder(THREE).sample(seed))) for seed in range(1200)]
    assert len(set(draws)) == 6
    assert all(sorted(drawn) == ["Gamma", "HorizontalFlip", "Invert"] for drawn in draws)
    assert sum((draws.count(order) - 200) ** 2 / 200 for order in set(draws)) < 20.5  # 5 degrees of freedom


def test_values_do_not_depend_on_the_other_steps():
    gamma = THREE[0]

    def values(group):
        drawn = {seed: group.sample(seed).steps for seed in range(40)}
        return {seed: step for seed, steps in drawn.items() for step in steps if isinstance(step, Gamma)}

    whole = values(RandomOrder([gamma]))
    assert len(whole) == 40
    assert len(set(whole.values())) > 30
    for group in (RandomOrder(THREE), RandomOrder([VerticalFlip(), *THREE[::-1]])):
        assert values(group) == whole
    for group in (
        SomeOf(THREE, n=2),
        SomeOf([*THREE, VerticalFlip()], n=integers(1, 3)),
        SomeOf(THREE, n=1, replace=True),
    ):
        some = values(group)
        assert 5 < len(some) < 40
        assert some.items() <= whole.items()


def test_choices_and_orders_are_sampled_to_flat_sequences():
    inner = Compose([Invert(), Rotate(angle=uniform(1, 9))])
    for group in (SomeOf([inner, Gamma()], n=2), RandomOrder([inner, Gamma(), HorizontalFlip(p=0)])):
        drawn = group.sample(0)
        assert type(drawn) is Compose
        assert names(drawn) == ["Invert", "Rotate"]
        assert not drawn.is_random
        assert drawn.sample(5) is drawn
        assert group.is_random
        assert np.array_equal(drawn.apply(IMAGE), group(IMAGE, rng=0))
        assert [type(step) for step in Compose([group, Posterize(bits=3)]).sample(0).steps] == [
            Invert,
            Rotate,
            Posterize,
        ]
        with pytest.raises(ValueError, match="is not drawn yet"):
            group.apply(IMAGE)
    assert SomeOf(THREE, p=0).sample(0) is RandomOrder(THREE, p=0).sample(0) is None
    assert RandomOrder([]).sample(0) == Compose([])
    assert RandomOrder([]).is_identity


def test_the_shape_after_some_or_in_any_order():
    small = Resize(height=3, width=4)
    assert SomeOf(THREE, n=integers(0, 3)).output_shape((5, 7, 3)) == (5, 7, 3)
    assert SomeOf([small, Invert()], n=2).output_shape((5, 7)) == (3, 4)
    assert SomeOf([small], n=3, replace=True).output_shape((5, 7)) == (3, 4)
    assert SomeOf([Rotate90(turns=1)], n=2, replace=True).output_shape((5, 7)) == (5, 7)
    assert RandomOrder([small, Rotate(angle=3), Invert()]).output_shape((5, 7)) == (3, 4)
    assert RandomOrder([Rotate90(turns=1), Rotate90(turns=1)]).output_shape((5, 7)) == (5, 7)
    for group in (
        SomeOf([small, Invert()]),
        SomeOf([Rotate90(turns=1)], n=integers(1, 2), replace=True),
        RandomOrder([small, Rotate90(turns=1)]),
    ):
        with pytest.raises(ValueError, match=r"depends on the draw: \[\("):
            group.output_shape((5, 7))


# ---------------------------------------------------------------- Blend


def test_a_blend_is_the_weighted_sum():
    blend = Blend([Invert(), Compose([Posterize(bits=2), HorizontalFlip()])], seed=3)
    shares = blend.shares()
    assert shares.shape == (2,)
    assert (shares > 0).all()
    assert shares.sum() < 1
    seen = [step.apply(IMAGE).astype(float) for step in blend.steps]
    expected = (1 - shares.sum()) * IMAGE + shares[0] * seen[0] + shares[1] * seen[1]
    assert np.array_equal(blend.apply(IMAGE), np.rint(expected))
    unit = (IMAGE / 255).astype(np.float32)
    assert blend.apply(unit).dtype == np.float32
    assert np.abs(blend.apply(unit) - expected / 255).max() < 0.5 / 255
    assert np.array_equal(Compose([HorizontalFlip(), blend]).apply(IMAGE), blend.apply(HorizontalFlip()(IMAGE)))


def test_the_shares_of_a_blend_follow_beta_and_dirichlet():
    for alpha in (0.5, 1.0, 4.0):
        shares = np.array([Blend(THREE, alpha=alpha, seed=seed).shares() for seed in range(2000)])
        kept = 1 - shares.sum(axis=1)  # Beta(alpha, alpha): mean 1/2, variance 1 / (4 (2 alpha + 1))
        assert abs(kept.mean() - 0.5) < 0.03
        assert abs(kept.var() * 4 * (2 * alpha + 1) - 1) < 0.12
        among = shares / shares.sum(axis=1, keepdims=True)  # each mean 1/3, variance 2 / (9 (3 alpha + 1))
        assert np.abs(among.mean(axis=0) - 1 / 3).max() < 0.03
        assert np.abs(among.var(axis=0) * 9 * (3 * alpha + 1) / 2 - 1).max() < 0.12


def test_a_drawn_blend_is_numbers():
    blend = Blend([Gamma(gamma=uniform(0.5, 2), p=0.5), SomeOf(THREE, n=2)], alpha=uniform(0.5, 2), p=0.9)
    assert blend.is_random
    assert Blend([Invert()]).is_random
    assert not Blend([Invert()], seed=1).is_random
    draws = [blend.sample(seed) for seed in range(60)]
    assert None in draws
    assert any(drawn.steps[0] == Compose([]) for drawn in draws if drawn)
    for drawn in filter(None, draws):
        assert not drawn.is_random
        assert drawn.sample(1) is drawn
        assert from_dict(json.loads(json.dumps(drawn.to_dict()))) == drawn
        assert eval(repr(drawn), vars(augmentlab)) == drawn
    assert blend.output_shape((5, 7)) == (5, 7)
    assert Blend([Gamma(), Compose([])]).is_identity
    rgba = np.dstack([IMAGE, IMAGE[..., 0]])
    assert all(np.array_equal(Blend([Invert()], seed=seed).apply(rgba)[..., 3], rgba[..., 3]) for seed in range(9))


def test_a_blend_shows_things_in_several_places():
    sample = Sample(IMAGE, mask=IMAGE[..., 0], keypoints=[[1, 2]], label="cat")
    moved = Blend([Invert()], seed=1).apply(sample)
    assert np.array_equal(moved.mask, sample.mask)
    assert moved.label == "cat"
    assert Blend([Rotate(angle=9)], seed=1).apply(Sample(IMAGE, label=3)).label == 3
    with pytest.raises(ValueError, match="Blend shows what Rotate moves in several places, so mask cannot follow"):
        Blend([Invert(), Compose([Rotate(angle=9)])], seed=1).apply(sample)
    with pytest.raises(ValueError, match=r"Blend.steps must keep shape \(21, 30, 3\) and dtype uint8; got \(3, 4, 3\)"):
        Blend([Resize(height=3, width=4)], seed=1).apply(IMAGE)
    with pytest.raises(ValueError, match=r"Blend.steps must keep shape \(21, 30\); got \(3, 4\) from Resize\("):
        Compose([Blend([Resize(height=3, width=4)], seed=1), Invert()]).apply(IMAGE)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SomeOf(THREE, n=4), "SomeOf.n must be at most the number of steps, 3; got 4"),
        (
            lambda: SomeOf(THREE, n=integers(1, 4)),
            "SomeOf.n must be at most the number of steps, 3; got integers(1, 4)",
        ),
        (lambda: SomeOf([], replace=True), "SomeOf.n must be at most the number of steps, 0; got 1"),
        (lambda: SomeOf(THREE, n=1.5), "SomeOf.n must be int in [0, 64]; got 1.5"),
        (lambda: SomeOf(THREE, n=-1), "SomeOf.n must be int in [0, 64]; got -1"),
        (lambda: SomeOf(THREE, replace=choice(True, False)), "SomeOf.replace must be bool; got choice(True, False)"),
        (lambda: RandomOrder(Invert()), "RandomOrder.steps must be a list of transforms; got Invert()"),
        (lambda: Blend([]), "Blend.steps must hold at least one transform; got none"),
        (lambda: Blend([MixUp()]), "Blend.steps must each take a single sample; got (MixUp(),)"),
        (lambda: Blend([Invert()], alpha=0), "Blend.alpha must be float in (0, 32]; got 0"),
        (lambda: Compose(Invert()), "Compose.steps must be a list of transforms; got Invert()"),
        (lambda: Compose("flip"), "Compose.steps must be a list of transforms; got 'flip'"),
        (lambda: Compose([Invert(), Invert]), "Compose.steps[1] must be a Transform; got <class"),
        (
            lambda: Compose(Invert(), Gamma(gamma=2)),
            "Compose takes its fields by name (p, steps); got Gamma(gamma=2.0) without",
        ),
        (lambda: Compose([], p=2), "Compose.p must be float in [0, 1]; got 2"),
        (lambda: Compose([], p=uniform(0, 1)), "Compose.p must be float in [0, 1]; got uniform(0, 1)"),
        (lambda: Compose([]).scaled(2), "strength must be float in [0, 1]; got 2"),
        (lambda: OneOf([]), "OneOf.steps must hold at least one transform; got none"),
        (
            lambda: OneOf([Invert()], weights=[1, 2]),
            "OneOf.weights must be 1 numbers >= 0, not all 0, one for each step",
        ),
        (lambda: OneOf([Invert()], weights=[0]), "OneOf.weights must be 1 numbers >= 0, not all 0"),
        (lambda: OneOf([Invert()], weights=[-1]), "OneOf.weights must be 1 numbers >= 0, not all 0"),
        (lambda: OneOf([Invert()], weights=[float("nan")]), "OneOf.weights must be 1 numbers >= 0, not all 0"),
        (lambda: OneOf([Invert()], weights=["a"]), "OneOf.weights must be numbers; got ['a']"),
        (lambda: OneOf([Invert()], weights=3), "OneOf.weights must be numbers; got 3"),
    ],
)
def test_a_bad_group_gets_one_sentence(make, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        make()
    assert str(error.value).startswith(sentence)


# ---------------------------------------------------------------- what may follow what


def test_nothing_but_geometry_follows_what_leaves_0_to_1():
    sentence = "Brightness cannot follow Center, whose output is not in \\[0, 1\\]; put Center last"
    for steps in (
        [Center(), Brightness(delta=0.1)],
        [Compose([Center()]), Brightness(delta=0.1)],
        [Center(), Compose([Brightness(delta=0.1)])],
        [OneOf([Center(), Invert()]), Brightness(delta=0.1)],
        [Center(), OneOf([HorizontalFlip(), Brightness(delta=0.1)])],
    ):
        with pytest.raises(ValueError, match=sentence):
            Compose(steps)
    Compose([OneOf([Center(), Brightness(delta=0.1)])])  # one or the other, never both
    SomeOf([Brightness(delta=0.1), Center()], n=2)
    SomeOf([Center(), Brightness(delta=0.1)], n=1)
    RandomOrder([Center(), Rotate(angle=3)])
    for make in (
        lambda: SomeOf([Center(), Brightness(delta=0.1)], n=integers(0, 2)),
        lambda: SomeOf([Brightness(delta=0.1), Center()], n=2, replace=True),
        lambda: RandomOrder([Brightness(delta=0.1), Center()]),
        lambda: Compose([SomeOf([Center(), Rotate(angle=3)]), Brightness(delta=0.1)]),
        lambda: Compose([RandomOrder([Rotate(angle=3), Center()]), Brightness(delta=0.1)]),
    ):
        with pytest.raises(ValueError, match=sentence):
            make()
    result = Compose([Standardize(), Rotate(angle=10), Resize(height=5, width=5)])(IMAGE)
    assert result.dtype == np.float32
    assert result.min() < 0


def test_a_step_that_does_nothing_warns():
    with pytest.warns(
        UserWarning, match=r"step 1, Gamma\(\), leaves every image as it is; Gamma.typical\(\) has useful"
    ):
        Compose([Invert(), Gamma()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Compose([Resize(), Rotate(angle=3, p=0), Compose([]), Rotate.typical()])


# ---------------------------------------------------------------- written down


def test_groups_round_trip():
    pipeline = Compose(
        [
            HorizontalFlip(p=0.5),
            OneOf([Rotate(angle=uniform(-9, 9)), Compose([Invert(), Gamma.typical()], p=0.5)], weights=[1, 2], p=0.9),
            GaussianNoise.typical(),
            SomeOf([Invert(), RandomOrder([Rotate.typical()], p=0.5)], n=integers(0, 5), replace=True),
            Blend([Invert(), SomeOf([Invert()], n=0)], alpha=uniform(1, 2), seed=choice(3, 4)),
            Standardize(mean=[0.5], std=[0.25]),
        ]
    )
    assert eval(repr(pipeline), vars(augmentlab)) == pipeline
    assert from_dict(json.loads(json.dumps(pipeline.to_dict()))) == pipeline
    scope = {}
    exec(pipeline.code(), scope)
    assert scope["pipeline"] == pipeline
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    assert len({pipeline, from_dict(pipeline.to_dict())}) == 1
    assert [type(step).__name__ for step in pipeline.walk()][:4] == ["Compose", "HorizontalFlip", "OneOf", "Rotate"]


def test_scaling_a_group_scales_its_steps():
    pipeline = Compose([Rotate(angle=uniform(-20, 20)), OneOf([Invert(), Gamma(gamma=4)])])
    assert pipeline.scaled(0.5).steps[0] == Rotate(angle=uniform(-10, 10))
    assert pipeline.scaled(0.5).steps[1] == OneOf([Invert(p=0.5), Gamma(gamma=2)])
    assert pipeline.scaled(0).is_identity
    assert np.array_equal(pipeline.scaled(0)(IMAGE, rng=1), IMAGE)


def test_the_inference_time_part_of_a_sequence():
    pipeline = Compose(
        [Resize(height=8, width=8), Compose([Rotate.typical(), Normalize()]), OneOf([Normalize()]), Center(p=0.5)]
    )
    assert pipeline.deterministic() == Compose([Resize(height=8, width=8), Normalize()])
    assert Compose([Normalize()], p=0.5).deterministic() == Compose([])
    assert Compose([Invert()]).deterministic() == Compose([])
    assert not pipeline.deterministic().is_random


# ---------------------------------------------------------------- the same draw at every size


@pytest.mark.parametrize(
    "cls", [Affine, ElasticTransform, Perspective, Rotate, ResizedCrop], ids=lambda cls: cls.__name__
)
def test_a_draw_moves_a_thumbnail_as_the_full_image(cls):
    for seed in range(5):
        drawn = cls.typical().sample(seed)
        small, large = np.zeros((64, 64), np.uint8), np.zeros((256, 256), np.uint8)
        spots = np.random.default_rng(seed).uniform(0.2, 0.8, (20, 2))  # in sides, counted from the border
        seen = [drawn(Sample(image, keypoints=spots * len(image) - 0.5)).keypoints for image in (small, large)]
        assert np.abs((seen[0] + 0.5) / 64 - (seen[1] + 0.5) / 256).max() < 0.01  # of the side: 0.6 px of the thumbnail

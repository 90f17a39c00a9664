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
    Normalize,
    OneOf,
    Pad,
    Perspective,
    PointTransform,
    Posterize,
    Resize,
    ResizedCrop,
    Rotate,
    Rotate90,
    Sample,
    Solarize,
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


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
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

import itertools
import json

import numpy as np
import pytest

from augmentlab import (
    Brightness,
    Compose,
    Gamma,
    GaussianNoise,
    HorizontalFlip,
    Invert,
    MaskDropout,
    MixUp,
    OneOf,
    Posterize,
    Rotate,
    VerticalFlip,
    uniform,
)
from augmentlab.policies import RandAugment
from augmentlab.study import Arm, combinations, grid
from augmentlab.study.spaces import as_arms, fractional, ladder, randaugment

ROTATE = Rotate(angle=uniform(-10, 10))


def test_combinations_are_all_on_off_choices_in_the_given_order():
    arms = combinations({"a": HorizontalFlip(), "b": VerticalFlip(), "c": Invert()})
    assert [arm.label for arm in arms] == ["a", "b", "c", "a + b", "a + c", "b + c", "a + b + c"]
    assert arms[0].transform == HorizontalFlip()
    assert arms[4].transform == Compose((HorizontalFlip(), Invert()))
    assert arms[4].code == "Compose([HorizontalFlip(), Invert()])"


def test_combinations_up_to_a_size():
    steps = [HorizontalFlip(), VerticalFlip(), Invert()]
    assert len(combinations(steps, max_size=1)) == 3
    assert len(combinations(steps, max_size=2)) == 6
    assert len(combinations(steps, max_size=9)) == 7


def test_combinations_are_called_by_class_and_by_code_where_a_class_comes_twice():
    arms = combinations([ROTATE, Invert()])
    assert [arm.label for arm in arms] == ["Rotate", "Invert", "Rotate + Invert"]
    arms = combinations([Rotate(angle=5), Rotate(angle=-5)])
    assert [arm.label for arm in arms][:2] == ["Rotate(angle=5.0)", "Rotate(angle=-5.0)"]


def test_a_step_meets_the_same_draws_alone_and_beside_others():
    noise = GaussianNoise(std=uniform(0, 0.2))
    alone, both = [arm.pipeline for arm in combinations([ROTATE, noise])][1:]
    for seed in range(5):
        assert alone.sample((seed, 1)).steps == both.sample((seed, 1)).steps[1:]


@pytest.mark.parametrize(
    "step",
    [
        Compose((ROTATE,)),
        Compose((Compose((ROTATE,)),)),
        Compose((ROTATE, HorizontalFlip(p=0.5))),
        Compose((ROTATE, HorizontalFlip(p=0.5)), p=0.5),
    ],
)
def test_a_pipeline_meets_the_same_draws_alone_and_beside_others(step):
    alone, _, both = (arm.pipeline for arm in combinations({"a": step, "b": Invert()}))
    for seed in range(8):
        assert both.sample((seed, 1)).steps == (*alone.sample((seed, 1)).steps, Invert())


def test_combinations_of_things_that_will_not_do():
    with pytest.raises(ValueError, match="arms must hold at least one transform; got none"):
        combinations([])
    with pytest.raises(ValueError, match="max_size must be an int >= 1; got 0"):
        combinations([Invert()], max_size=0)
    with pytest.raises(ValueError, match="combinations of 17 steps are 131,071 arms; give a max_size"):
        combinations([Rotate(angle=angle) for angle in range(1, 18)])
    assert len(combinations([Rotate(angle=angle) for angle in range(1, 18)], max_size=1)) == 17
    with pytest.raises(ValueError, match=r"arms must differ; 'Invert\(\)' and 'Invert\(\)' are both Invert\(\)"):
        combinations([Invert(), Invert()])
    with pytest.raises(TypeError, match="arms must be transforms; got 3"):
        combinations([3])


def test_grid_varies_fields_of_a_pipeline():
    pipeline = Compose((ROTATE, HorizontalFlip(p=0.5), Gamma(gamma=1.2)))
    arms = grid(pipeline, {"Rotate.angle": [5, uniform(-15, 15)], "HorizontalFlip.p": [0.25, 0.75]})
    assert [arm.label for arm in arms] == [
        "Rotate.angle=5, HorizontalFlip.p=0.25",
        "Rotate.angle=5, HorizontalFlip.p=0.75",
        "Rotate.angle=uniform(-15, 15), HorizontalFlip.p=0.25",
        "Rotate.angle=uniform(-15, 15), HorizontalFlip.p=0.75",
    ]
    assert arms[3].transform == Compose((Rotate(angle=uniform(-15, 15)), HorizontalFlip(p=0.75), Gamma(gamma=1.2)))
    assert pipeline.steps[0] == ROTATE


def test_grid_of_one_transform_and_of_the_second_of_two():
    assert [arm.transform.p for arm in grid(ROTATE, {"Rotate.p": [0.1, 0.2]})] == [0.1, 0.2]
    pipeline = Compose((Rotate(angle=1), Invert(), Rotate(angle=2)))
    (arm,) = grid(pipeline, {"Rotate[1].angle": [9]})
    assert [step.angle for step in arm.transform.steps if isinstance(step, Rotate)] == [1, 9]


def test_grid_builds_what_is_named():
    arms = grid({"Rotate.angle": [5, 10], "Brightness.delta": [0.1], "Rotate.p": [0.5]})
    assert [arm.transform for arm in arms] == [
        Compose((Rotate(angle=5, p=0.5), Brightness(delta=0.1))),
        Compose((Rotate(angle=10, p=0.5), Brightness(delta=0.1))),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ROTATE,), "grid needs the values to try"),
        (([ROTATE], {}), "grid takes a pipeline and a dict, or a dict alone; got list"),
        (({},), "grid needs at least one parameter"),
        (({"Rotate.angle": []},), "grid needs at least one value for 'Rotate.angle'; got none"),
        (({"Rotate.angle": 5},), "grid needs a list of values for 'Rotate.angle'; got 5"),
        (({"Rotate.angle": "5"},), "grid needs a list of values for 'Rotate.angle'; got '5'"),
        (({"Rotate": [5]},), "grid keys must look like 'Rotate.angle'; got 'Rotate'"),
        (({"Rotation.angle": [5]},), "grid without a pipeline needs names of augmentlab.transforms"),
        (({"Rotate[0].angle": [5]},), "grid without a pipeline needs names of augmentlab.transforms"),
        (({"Rotate.degrees": [5]},), "Rotate has no field 'degrees'; its fields are"),
        (({"Rotate.angle": [200]},), r"Rotate.angle must be float in \[-180, 180\] deg; got 200"),
        ((ROTATE, {"Invert.p": [1]}), "grid finds no Invert in the pipeline, which has Rotate"),
        ((ROTATE, {"Rotate[1].p": [1]}), r"grid finds no Rotate\[1\] in the pipeline, which has Rotate"),
        (
            (Compose((Rotate(angle=1), Rotate(angle=2))), {"Rotate.p": [1]}),
            r"grid finds 2 Rotate steps in the pipeline; write Rotate\[0\] for the first",
        ),
    ],
)
def test_grid_says_what_is_wrong(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        grid(*arguments)


def test_arms_are_labelled():
    arms = as_arms([Invert(), Compose((ROTATE, Invert())), OneOf((ROTATE, Invert())), Arm(label="x", transform=ROTATE)])
    assert [arm.label for arm in arms] == ["Invert", "Rotate + Invert", "Rotate | Invert", "x"]
    assert [arm.label for arm in as_arms({"mirror": HorizontalFlip()})] == ["mirror"]
    assert as_arms(combinations([Invert()])) == combinations([Invert()])


@pytest.mark.parametrize(
    ("arms", "error", "message"),
    [
        (Invert(), TypeError, "arms must be a list of transforms, or a dict of label to transform; got Invert"),
        (5, TypeError, "arms must be a list of transforms"),
        ({"a": 1}, TypeError, "arms must be transforms; 'a' is 1$"),
        (
            [("a", Invert()), ("b", ROTATE)],
            TypeError,
            r"arms must be transforms; got a tuple: names stand in a dict, as in {'a': ...}$",
        ),
        ([("a", 1)], TypeError, r"arms must be transforms; got \('a', 1\)$"),
        ({"a": Invert(), "b": Invert()}, ValueError, "arms must differ; 'a' and 'b' are both Invert"),
        ({"a": Invert(), "b": Compose((Invert(),))}, ValueError, "arms must differ; 'a' and 'b' are both"),
        ({"control": Invert()}, ValueError, "arms must not be called 'control'"),
        (
            {"a": OneOf([Invert(), MixUp()])},
            ValueError,
            "one image at a time; 'a' holds MixUp, which needs several images",
        ),
        ([MaskDropout()], ValueError, "holds MaskDropout, which needs a mask"),
        (
            [Arm(label="a", transform=Invert()), Arm(label="a", transform=ROTATE)],
            ValueError,
            "arms must have different labels; 'a' comes 2 times",
        ),
        ({"\udcff": Invert()}, ValueError, r"arms must have labels and levels that are whole text; got '\\udcff'"),
        (
            [Arm(label="a", transform=Invert(), point=(("name", "\udcff"),))],
            ValueError,
            r"arms must have labels and levels that are whole text; got '\\udcff'",
        ),
    ],
)
def test_arms_that_will_not_do(arms, error, message):
    with pytest.raises(error, match=message):
        as_arms(arms)


def test_an_arm_is_the_same_in_a_sequence_of_one():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    arm, sequence = Arm(label="a", transform=ROTATE), Arm(label="b", transform=Compose((ROTATE,)))
    assert arm.identity == sequence.identity
    np.testing.assert_array_equal(arm.pipeline(image, rng=(1, 2)), sequence.pipeline(image, rng=(1, 2)))


def test_combinations_say_which_steps_are_on():
    arms = combinations({"a": HorizontalFlip(), "b": VerticalFlip(), "c": Invert()})
    assert arms[0].point == (("a", True), ("b", False), ("c", False))
    assert arms[4].point == (("a", True), ("b", False), ("c", True))
    assert arms[4].levels == {"a": True, "b": False, "c": True}


def test_a_grid_says_the_values_of_its_axes():
    first, last = grid({"Rotate.angle": [np.float64(5), uniform(-15, 15)], "Rotate.p": [0.5]})
    assert first.point == (("Rotate.angle", 5.0), ("Rotate.p", 0.5))
    assert first.label == "Rotate.angle=5.0, Rotate.p=0.5"
    assert last.point == (("Rotate.angle", uniform(-15, 15)), ("Rotate.p", 0.5))
    assert last.levels == {"Rotate.angle": "uniform(-15, 15)", "Rotate.p": 0.5}


def test_levels_are_json():
    levels = (True, 3, 0.5, "x", np.int64(2), np.bool_(False), (1, 2), None, float("inf"))
    arm = Arm(label="a", transform=ROTATE, point=tuple((str(place), level) for place, level in enumerate(levels)))
    assert json.dumps(arm.levels, allow_nan=False) == (
        '{"0": true, "1": 3, "2": 0.5, "3": "x", "4": 2, "5": false, "6": "(1, 2)", "7": "None", "8": "inf"}'
    )


def test_the_point_is_no_part_of_what_an_arm_does():
    arm, other = Arm(label="a", transform=ROTATE, point=(("x", [1]),)), Arm(label="a", transform=ROTATE)
    assert arm == other
    assert hash(arm) == hash(other)
    assert arm.identity == other.identity
    assert as_arms([arm])[0].point == (("x", [1]),)


def runs(arms):
    """The on/off design with its control, as +1 and -1."""
    return 2.0 * np.array([[False] * len(arms[0].point), *([on for _, on in arm.point] for arm in arms)]) - 1


def steps(number):
    return {f"s{place}": Rotate(angle=place + 1) for place in range(number)}


def shortest_word(design):
    """Resolution of a design: how many columns it takes at least to make a constant product."""
    factors = design.shape[1]
    for size in range(1, factors + 1):
        for chosen in itertools.combinations(range(factors), size):
            if abs(design[:, chosen].prod(axis=1).sum()) == len(design):
                return size
    return factors + 1


@pytest.mark.parametrize("resolution", [3, 4, 5])
@pytest.mark.parametrize("factors", [1, 2, 3, 4, 5, 6, 7, 8, 10])
def test_a_fraction_has_the_resolution_that_was_asked_for(factors, resolution):
    arms = fractional(steps(factors), resolution)
    design = runs(arms)
    assert shortest_word(design) >= min(resolution, factors + 1)
    assert len(np.unique(design, axis=0)) == len(design) == len(arms) + 1
    np.testing.assert_array_equal(design.sum(axis=0), 0)  # each step is on in half of the runs


def test_a_fraction_takes_the_published_smallest_number_of_runs():
    # Box, Hunter and Hunter, Statistics for Experimenters; 11 and more factors at 5: Montgomery, Design and Analysis.
    smallest = {
        3: {2: 4, 3: 4, 4: 8, 7: 8, 8: 16, 15: 16},
        4: {3: 8, 4: 8, 5: 16, 8: 16, 9: 32, 16: 32},
        5: {4: 16, 5: 16, 6: 32, 7: 64, 8: 64, 9: 128, 11: 128, 12: 256, 17: 256},
    }
    for resolution, table in smallest.items():
        for factors, size in table.items():
            assert len(fractional(steps(factors), resolution)) + 1 == size, (factors, resolution)


@pytest.mark.parametrize(("resolution", "pairs"), [(4, False), (5, True)])
def test_what_a_fraction_keeps_apart_is_estimated_exactly(resolution, pairs):
    design = runs(fractional(steps(6), resolution))
    rng = np.random.default_rng(3)
    both = list(itertools.combinations(range(6), 2))
    mains, interactions = rng.normal(size=6), rng.normal(size=len(both))
    products = np.column_stack([design[:, one] * design[:, other] for one, other in both])
    scores = design @ mains + products @ interactions
    np.testing.assert_allclose(design.T @ scores / len(design), mains)
    assert np.allclose(products.T @ scores / len(design), interactions) is pairs


def test_a_fraction_of_few_steps_is_the_whole_and_its_arms_are_those_of_combinations():
    three = {"a": HorizontalFlip(), "b": VerticalFlip(), "c": Invert()}
    assert fractional(three) == combinations(three)
    assert [arm.point for arm in fractional(three)] == [arm.point for arm in combinations(three)]
    half = fractional({**three, "d": ROTATE})
    assert [arm.label for arm in half] == ["a + b", "a + c", "a + d", "b + c", "b + d", "c + d", "a + b + c + d"]
    every = {arm.label: arm for arm in combinations({**three, "d": ROTATE})}
    assert all(arm == every[arm.label] for arm in half)
    with pytest.raises(ValueError, match="resolution must be 3, 4 or 5; got 2"):
        fractional(three, 2)
    with pytest.raises(ValueError, match="arms must hold at least one transform; got none"):
        fractional([])


def test_a_ladder_scales_a_pipeline():
    arms = ladder(Compose((ROTATE, HorizontalFlip(p=0.5))), [0.5, np.float64(1)])
    assert [arm.label for arm in arms] == ["strength 0.5", "strength 1"]
    assert arms[0].transform == Compose((Rotate(angle=uniform(-5, 5)), HorizontalFlip(p=0.25)))
    assert arms[1].transform == Compose((ROTATE, HorizontalFlip(p=0.5)))
    assert [arm.levels for arm in arms] == [{"strength": 0.5}, {"strength": 1.0}]
    assert len(ladder(ROTATE)) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([ROTATE],), "ladder needs a transform; got "),
        ((ROTATE, []), "ladder needs at least one value for 'strength'; got none"),
        ((ROTATE, 0.5), "ladder needs a list of values for 'strength'; got 0.5"),
        ((ROTATE, [0.0, 1.0]), r"strengths must be above 0 \(the control\) and up to 1; got 0.0"),
        ((ROTATE, [True]), "strengths must be above 0"),
        ((Posterize(bits=7), [0.8, 0.9]), "arms must differ; 'strength 0.8' and 'strength 0.9' are both"),
    ],
)
def test_a_ladder_says_what_is_wrong(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ladder(*arguments)


def test_the_grid_of_randaugment():
    arms = randaugment()
    assert len(arms) == 9
    assert arms[1].label == "RandAugment(n=1, strength=0.3)"
    assert arms[1].transform == RandAugment(1, 0.3)
    assert [arm.levels for arm in arms[:2]] == [{"n": 1, "strength": 0.1}, {"n": 1, "strength": 0.3}]
    with pytest.raises(ValueError, match="n must hold whole numbers of operations, at least 1; got 0"):
        randaugment(n=[0])
    with pytest.raises(ValueError, match="randaugment needs at least one value for 'strength'; got none"):
        randaugment(strength=[])
    with pytest.raises(ValueError, match=r"strength must be float in \[0, 1\]; got 2"):
        randaugment(strength=[2])


def test_a_field_that_two_keys_name_is_refused():
    with pytest.raises(ValueError, match=r"grid must name each field once; Rotate.angle is named by two of its keys"):
        grid(Rotate(angle=1), {"Rotate.angle": [5], "Rotate[0].angle": [7]})

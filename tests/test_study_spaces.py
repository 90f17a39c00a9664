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
    Rotate,
    VerticalFlip,
    uniform,
)
from augmentlab.study import Arm, combinations, grid
from augmentlab.study.spaces import as_arms

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
        ({"a": 1}, TypeError, "arms must be transforms; 'a' is 1"),
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

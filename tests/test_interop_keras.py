"""Text for Keras runs in Keras and gives the pixels within the grade that it states, or the same distribution."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from agreement import CATALOG, IMAGES, RARER, differences, draws, exportable, pipelines, required
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from augmentlab import Compose, OneOf, RandomOrder, SomeOf, choice, engine, integers, loguniform, transforms, uniform
from augmentlab import transforms as T  # noqa: N812
from augmentlab.interop import ExportError, export, target
from augmentlab.interop.lowering import lower
from augmentlab.interop.running import run

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = required("keras")
tf = required("tensorflow")

IMAGE = IMAGES["chelsea"]
TARGET = target("keras")
FLOATS = (transforms.Normalize, transforms.Center, transforms.Standardize)


# numbers that are whole, and what lies beyond typical ranges
WHOLE = [
    T.BoxBlur(radius=2), T.GaussianBlur(sigma=1), T.UnsharpMask(amount=1, sigma=1), T.Sharpness(factor=0), T.Gamma(gamma=2),
    T.Emboss(amount=1, angle=90), T.Affine(scale=2), T.Affine(scale=0.5, angle=90, translate_x=1), T.Affine(shear_y=45),
    T.SigmoidContrast(gain=5, cutoff=0), T.LogContrast(gain=0), T.LogContrast(gain=1), T.Sepia(amount=1), T.Sepia(amount=0),
    T.HueSaturation(hue=-180, saturation=2), T.ResizedCrop(scale=1, height=20), T.Crop(height=0.5, width=1, x=1, y=0),
    T.ColorJitter(brightness=1, contrast=0, saturation=2, hue=180, order="hsbc"), T.RGBShift(red=1), T.Contrast(factor=0),
]  # fmt: skip


def _grade(step):
    return TARGET.row(step).graded(step)


def _by_numbers():
    """The classes whose drawn transforms give the same pixels there."""
    return [cls for cls in exportable("keras") if _grade(draws(cls, 1)[0]).kind != "distribution"]


# one of each class that Keras takes, with ranges that lie to one side, so that a wrong sign shows
RANDOM = [
    T.HorizontalFlip(p=0.5),
    T.HorizontalFlip(p=0.2),
    T.VerticalFlip(p=0.8),
    T.Rotate90(turns=choice(0, 2)),
    T.D4(element=choice(2, 4, 6)),
    T.Rotate(angle=uniform(5, 40), border="edge", p=0.7),
    T.Affine(translate_x=uniform(0.05, 0.3), translate_y=uniform(-0.2, -0.1), p=0.7),
    T.Affine(scale=loguniform(0.8, 1.6), angle=uniform(0, 20), shear_x=uniform(0, 15), shear_y=uniform(-9, -3)),
    T.Affine(scale=uniform(0.6, 0.9), border="symmetric"),
    T.Perspective(scale=uniform(0.1, 0.3)),
    T.Crop(height=0.5, width=0.6, x=uniform(0.2, 1), y=uniform(0, 0.5)),
    T.ResizedCrop(scale=uniform(0.3, 0.8), ratio=loguniform(0.7, 1.2), x=uniform(0.5, 1), y=0.2),
    T.ResizedCrop(scale=uniform(0.3, 0.8), height=10, width=9, x=uniform(0, 1), y=uniform(0, 1)),
    T.Brightness(delta=uniform(0, 0.3), p=0.7),
    T.Brightness(delta=loguniform(0.01, 0.3)),
    T.BrightnessContrast(brightness=uniform(-0.2, 0), contrast=loguniform(0.8, 2)),
    T.Contrast(factor=loguniform(0.5, 1)),
    T.Gamma(gamma=loguniform(0.5, 3)),
    T.Posterize(bits=integers(1, 4)),
    T.Solarize(threshold=uniform(0.3, 0.6)),
    T.Invert(p=0.3),
    T.SigmoidContrast(gain=uniform(3, 9), cutoff=uniform(0.3, 0.5)),
    T.LogContrast(gain=loguniform(0.5, 10)),
    T.RGBShift(red=uniform(0, 0.2), blue=uniform(-0.3, 0)),
    T.HueSaturation(hue=uniform(10, 60), saturation=loguniform(0.3, 1)),
    T.ColorJitter(
        brightness=uniform(0.5, 1), contrast=loguniform(0.5, 1), saturation=uniform(0, 1), hue=uniform(0, 30)
    ),
    T.ColorJitter(contrast=3, brightness=2, order="cbsh"),
    T.Grayscale(p=0.4),
    T.Grayscale(weights="bt601", p=0.4),
    T.Sepia(amount=uniform(0.2, 1)),
    T.ChannelShuffle(),
    T.ChannelDropout(fill=0.3),
    T.AutoContrast(cutoff=0.1, p=0.5),
    T.Equalize(p=0.5),
    T.GaussianBlur(sigma=uniform(0, 3)),
    T.BoxBlur(radius=uniform(0, 3)),
    T.MedianBlur(radius=integers(0, 1)),
    T.UnsharpMask(amount=uniform(0, 2)),
    T.Sharpness(factor=loguniform(0.3, 3)),
    T.Emboss(amount=uniform(0, 2), angle=uniform(0, 90)),
    T.GaussianNoise(std=uniform(0.05, 0.2)),
    T.GaussianNoise(std=0.1, per_channel=False),
    T.SpeckleNoise(std=uniform(0.1, 0.4)),
    T.SaltAndPepper(amount=uniform(0.1, 0.3), salt=0.2),
    T.PixelDropout(amount=uniform(0.1, 0.3), fill=0.6, per_channel=True),
    T.CoarseDropout(holes=integers(1, 3), height=uniform(0.3, 0.6), width=0.1),
    T.CoarseDropout(holes=2, content="mean"),
    T.CoarseDropout(holes=2, content="noise"),
    T.GridDropout(ratio=uniform(0.3, 0.7), spacing=0.3, angle=20),
    OneOf([T.Invert(), T.Brightness(delta=0.2), T.VerticalFlip(p=0.5)], weights=[1, 2, 3], p=0.8),
    SomeOf([T.Invert(), T.Brightness(delta=uniform(0, 0.3)), T.HorizontalFlip()], n=integers(1, 2), p=0.9),
    SomeOf([T.Brightness(delta=0.1), T.Brightness(delta=-0.2)], n=2, replace=True),
    SomeOf([T.Brightness(delta=0.1), T.VerticalFlip()], n=integers(0, 2), replace=True),
    RandomOrder([T.Invert(), T.Solarize(threshold=0.3), T.Gamma(gamma=3)], p=0.8),
    Compose([T.HorizontalFlip(), T.Gamma(gamma=uniform(0.5, 1))], p=0.4),
]
ALWAYS = {"Transpose", "CenterCrop", "Resize", "Rescale", "LongestMaxSize", "SmallestMaxSize", "Pad", "ConvertChannels"}


@pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.__name__)
def test_each_transform_agrees_as_its_grade_says(cls):
    if cls not in exportable("keras"):
        with pytest.raises(ExportError, match=cls.__name__):
            export(draws(cls, 1)[0], "keras")
        return
    one, other = draws(cls, 2)
    for step, image in ((one, IMAGE), (other, IMAGES["astronaut"]), (one, IMAGE[..., 0]), (other, IMAGE[..., :1])):
        got = run(export(step, "keras"), "keras", image)
        with engine("reference"):
            want = step.apply(image)
        worst, _, _ = differences(got, want)
        grade = _grade(step)
        # floats of unit range are compared to a tenth of a level more: single precision of up to a hundred units
        assert grade.kind == "distribution" or worst <= grade.levels + (0.1 if want.dtype != np.uint8 else 0)


@pytest.mark.parametrize("step", [*RARER, *WHOLE], ids=repr)
def test_rarer_ones_agree_as_their_grade_says(step):
    try:
        text = export(step, "keras")
    except ExportError:
        assert (
            isinstance(step, Compose)
            or type(step) not in {type(one) for one in WHOLE}
            or step.border in {"reflect", "wrap"}
        )
        return
    for image in (IMAGE, np.full((2, 3, 3), 7, np.uint8)):
        got = run(text, "keras", image)
        with engine("reference"):
            want = step.apply(image)
        worst, _, _ = differences(got, want)
        drawn = any(hasattr(one, "seed") for one in step.walk())
        assert drawn or worst <= 1 + (0.1 if want.dtype != np.uint8 else 0)


@given(data=st.data())
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_drawn_pipelines_stay_within_what_their_steps_make_of_a_level(data):
    # Two levels a step: one is its grade, one the rounding here of what there stays a fraction; what is before is
    # spread by what follows. Step by step, for Keras resamples adjacent geometric steps one after the other.
    pipeline = data.draw(pipelines([cls for cls in _by_numbers() if cls not in FLOATS], most=3))
    want, bound = IMAGE, 0.0
    with engine("reference"):
        for step in pipeline.steps:
            (part,) = lower(step, want.shape)
            for operation in part.operations:
                bound = min(operation.spread(bound) + 1 + _grade(step).levels, 255)
            want = step.apply(want)
    assume(pipeline.steps)
    worst, mean, _ = differences(run(export(pipeline, "keras"), "keras", IMAGE), want)
    assert worst <= bound
    assert mean <= max(bound / 4, 1)


def _statistics(images):
    """Of each image, the means of 3 x 3 regions of each colour, of the roughness there and the whole spread."""
    values = images.astype(float) / 255
    rough = np.abs(np.diff(values, axis=2, append=values[:, :, -1:])) + np.abs(
        np.diff(values, axis=1, append=values[:, -1:])
    )
    blocks = [
        np.stack([part.mean(axis=(1, 2)) for rows in np.array_split(kind, 3, 1) for part in np.array_split(rows, 3, 2)])
        for kind in (values, rough)
    ]
    means = np.concatenate(blocks).transpose(1, 0, 2).reshape(len(images), -1)
    return np.concatenate([means, values.std((1, 2))], axis=1)


def _same_distribution(got, want):
    """Means, and means of the squares about one mean: 4.5 standard errors, as there are thousands of them, and half a
    level that one of the two may round.
    """
    middle = want.mean(axis=0)
    for here, there in ((got, want), ((got - middle) ** 2, (want - middle) ** 2)):
        error = np.sqrt((here.var(axis=0) + there.var(axis=0)) / len(got))
        assert (np.abs(here.mean(axis=0) - there.mean(axis=0)) <= 4.5 * error + 0.5 / 255).all()


@pytest.mark.parametrize("step", RANDOM, ids=lambda step: f"{step!r:.60}")
def test_random_exports_have_the_same_distribution(step):
    keras.utils.set_random_seed(7)
    image = np.ascontiguousarray(IMAGES["astronaut"][10:70:2, 20:74:2])
    count = 800
    got = _statistics(TARGET.batch(export(step, "keras"), np.repeat(image[None], count, axis=0)))
    drawn = [step.sample((3, index)) for index in range(count)]
    want = _statistics(np.stack([image if one is None else one.apply(image) for one in drawn]))
    _same_distribution(got, want)


def test_the_random_ones_are_all_that_keras_takes():
    named = {type(step).__name__ for step in RANDOM}
    taken = {cls.__name__ for cls in exportable("keras")} - ALWAYS - {cls.__name__ for cls in FLOATS}
    assert taken <= named


def _pipeline(step):
    namespace = {}
    exec(export(step, "keras"), namespace)
    return namespace["pipeline"]


def test_it_runs_inside_tf_data_on_single_images_and_on_batches():
    steps = [
        OneOf([T.Rotate(angle=uniform(-9, 9)), T.Equalize()]),
        SomeOf([T.Gamma(gamma=uniform(0.5, 2)), T.BoxBlur(radius=uniform(0, 1)), T.Invert()], n=2),
        T.CoarseDropout(holes=2),
        T.ResizedCrop(scale=uniform(0.3, 1), height=20, width=24),
        T.GaussianNoise(std=0.1),
        T.Standardize(),
    ]
    pipeline = _pipeline(Compose(steps))
    images = tf.data.Dataset.from_tensors(IMAGE).repeat(6)
    singles = np.stack(list(images.map(pipeline).as_numpy_iterator()))
    batches = np.concatenate(list(images.batch(3).map(pipeline).as_numpy_iterator()))
    for seen in (singles, batches):
        assert seen.shape == (6, 20, 24, 3)
        assert len({one.tobytes() for one in seen}) == 6


def test_only_preprocessing_acts_at_inference():
    batch = np.repeat(IMAGE[None], 2, axis=0)
    changing = [T.Rotate(angle=9), T.Gamma(gamma=2), T.Brightness(delta=0.3), T.Invert(p=0.5), T.CoarseDropout(holes=2)]
    groups = [OneOf(changing), SomeOf(changing, n=2)]
    still = _pipeline(Compose([*changing, *groups]))
    np.testing.assert_array_equal(still(batch, training=False), batch)
    always = _pipeline(Compose([*changing, T.Resize(height=20, width=30), T.Normalize()]))
    want = Compose([T.Resize(height=20, width=30), T.Normalize()]).apply(IMAGE)
    np.testing.assert_allclose(always(batch, training=False)[1], want, atol=1.01 / 255)
    model = keras.Sequential([keras.Input(IMAGE.shape), still, keras.layers.Flatten()])
    np.testing.assert_array_equal(model.predict(batch, verbose=0), batch.reshape(2, -1))


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (T.Rotate(angle=3, border="reflect"), 'no border "reflect"; border="symmetric", "edge" or "constant"'),
        (T.Crop(height=uniform(0.5, 1), width=0.5), "cannot draw height"),
        (T.Resize(height=9, width=9, keep_aspect=True), "no keep_aspect"),
        (T.Normalize(p=0.5), "at inference what it does in training"),
        (T.CenterCrop(height=0.5, p=0.5), "at inference what it does in training"),
        (T.ConvertChannels(to="rgba"), "without alpha"),
        (Compose([T.Normalize(), T.Rotate(angle=3)]), "put that step last"),
        (OneOf([T.Fog(density=0.1)]), "nothing like it"),
        (T.MixUp(), "sees no labels"),
    ],
)
def test_what_it_cannot_do_is_refused(step, reason):
    with pytest.raises(ExportError) as caught:
        export(step, "keras")
    assert reason in str(caught.value)


PAGE = (Path(__file__).parents[1] / "docs" / "keras.md").read_text()


def test_code_on_the_page_runs():
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)


@pytest.mark.parametrize(("theirs", "ours"), re.findall(r"^\| `(\w+\(.*)` \| `(.*)` \|$", PAGE, re.MULTILINE))
def test_layers_on_the_page_do_the_same(theirs, ours):
    keras.utils.set_random_seed(5)
    step = eval(ours, vars(T) | {"uniform": uniform, "integers": integers})
    image, count = np.ascontiguousarray(IMAGES["astronaut"][10:70:2, 20:74:2]), 400
    layer = eval(theirs, vars(keras.layers))
    got = np.asarray(layer(np.repeat(image[None], count, axis=0).astype(np.float32), training=True))
    drawn = [step.sample((3, index)) for index in range(count)]
    want = np.stack([image if one is None else one.apply(image) for one in drawn])
    if want.dtype != np.uint8:
        got, want = got * 255, want * 255
    _same_distribution(_statistics(got), _statistics(want))


def test_what_is_left_out_of_a_choice_leaves_the_others_their_chances():
    text = export(OneOf([T.Fog(density=0.1), T.Invert()], weights=[9, 1]), "keras", strict=False)
    images = np.repeat(IMAGE[None, :9, :9], 400, axis=0)
    keras.utils.set_random_seed(5)
    inverted = (TARGET.batch(text, images) != images).any(axis=(1, 2, 3)).mean()
    assert 0.05 < inverted < 0.15


def test_a_text_of_which_all_is_left_out_runs():
    text = export(transforms.Rotate(angle=9, border="wrap"), "keras", strict=False)
    np.testing.assert_array_equal(run(text, "keras", IMAGE), IMAGE)


def test_what_is_left_out_stays_a_comment():
    class Own(T.Invert):
        def __repr__(self):
            return "Own(\nraise SystemExit\n)"

    text = export(Own(), "keras", strict=False)
    assert "# left out: Own( raise SystemExit )" in text
    compile(text, "text", "exec")

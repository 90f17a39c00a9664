"""Whole batches: each image gets what the pipeline makes of it alone."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augmentlab import (
    Affine,
    BrightnessContrast,
    CenterCrop,
    CoarseDropout,
    Compose,
    Crop,
    Gamma,
    GaussianNoise,
    GridShuffle,
    HorizontalFlip,
    HueSaturation,
    Invert,
    MaskDropout,
    MixUp,
    Normalize,
    OneOf,
    Pad,
    PointTransform,
    Posterize,
    Resize,
    RGBShift,
    Rotate,
    Rotate90,
    Sample,
    Solarize,
    SomeOf,
    Standardize,
    Transpose,
    VerticalFlip,
    augment_batch,
    batch,
    choice,
    engine,
    engines,
    transforms,
    uniform,
)

RECIPE = Compose(
    [
        HorizontalFlip(p=0.5),
        Pad(height=0.125, width=0.125, border="reflect"),
        Crop(height=0.8, width=0.8, x=uniform(0, 1), y=uniform(0, 1)),
        BrightnessContrast(brightness=uniform(-0.2, 0.2), contrast=uniform(0.8, 1.25)),
        CoarseDropout(holes=1, height=0.25, width=0.25),
        Standardize(mean=(0.5,), std=(0.25,)),
    ]
)
PIPELINES = [
    RECIPE,
    HorizontalFlip(p=0.5),
    Compose([Posterize.typical(p=0.7), Solarize.typical(), HorizontalFlip(p=0.3), Gamma.typical(p=0.5)]),
    Compose([RGBShift.typical(), VerticalFlip(p=0.5)], p=0.6),
    Compose(
        [
            HorizontalFlip(p=0.5),
            Rotate.typical(p=0.5),
            VerticalFlip(p=0.5),
            Rotate.typical(),
            GaussianNoise.typical(p=0.5),
        ]
    ),
    Compose([Transpose(p=0.5), Rotate90.typical(), GridShuffle.typical()]),
    Compose([CoarseDropout.typical(content="noise", p=0.5), CoarseDropout.typical(fill=0.4), Normalize()]),
    Compose([OneOf([HorizontalFlip(), Gamma.typical()]), SomeOf([VerticalFlip(), Affine.typical()], n=1)]),
    Compose([Rotate(angle=20), CenterCrop(height=0.5, width=0.5)]),
    Compose([]),
    # What lies between two geometric steps is not always there, and they are then resampled once.
    Compose([Rotate(angle=20), Invert(p=0.5), Rotate(angle=20)]),
    Compose([Rotate.typical(), Posterize(bits=choice(8, 4)), Affine.typical(), GaussianNoise.typical(p=0.4), Rotate.typical()]),
]  # fmt: skip


def images(shape, count=13, dtype=np.uint8, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
    return values if dtype == np.uint8 else (values / 255).astype(dtype)


def alone(batch_, pipeline, seed, epoch, numbers):
    return [pipeline(image, rng=(seed, epoch, number)) for image, number in zip(batch_, numbers, strict=True)]


def assert_same(ours, expected):
    assert len(ours) == len(expected)
    for one, other in zip(ours, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", engines.NAMES)
@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda one: repr(one)[:40])
@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 3), (8, 8, 4), (80, 80, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_image_of_a_batch_is_as_it_is_alone(pipeline, shape, dtype, name):
    if name == "fast":
        pytest.importorskip("cv2")
    given_ = images(shape, dtype=dtype, count=13 if shape[0] == 8 else 3)
    numbers = range(100, 100 + len(given_))
    before = given_.copy()
    with engine(name):
        expected = alone(given_, pipeline, 5, 2, numbers)
        assert_same(augment_batch(given_, pipeline, seed=5, epoch=2, indices=numbers), expected)
        assert_same(augment_batch(list(given_), pipeline, seed=5, epoch=2, indices=numbers), expected)
        assert_same(augment_batch(given_, pipeline, seed=5, epoch=2, indices=numbers, n_jobs=3), expected)
    assert np.array_equal(given_, before)


@pytest.mark.parametrize("name", sorted(transforms.__all__))
def test_every_transform_of_the_catalog(name):
    cls = getattr(transforms, name)
    if cls.needs != "image":
        pytest.skip("needs more than an image")
    pipeline = Compose([cls.typical(p=0.6), HorizontalFlip(p=0.5)]) if cls.bounded else cls.typical()
    given_ = images((12, 12, 3), count=5)
    expected = alone(given_, pipeline, 1, 0, range(5))
    if len({(one.shape, one.dtype) for one in expected}) > 1:
        with pytest.raises(ValueError, match="must come out alike"):
            augment_batch(given_, pipeline, seed=1)
    else:
        assert_same(augment_batch(given_, pipeline, seed=1), expected)
    assert_same(augment_batch(list(given_), pipeline, seed=1), expected)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([HorizontalFlip(p=0.5), Gamma.typical(p=0.5), Rotate.typical(p=0.5), CoarseDropout.typical(p=0.5),
                              Posterize.typical(), Transpose(p=0.5), BrightnessContrast.typical(), Crop.typical(height=0.5, width=0.5)]), max_size=6),
    st.integers(0, 2**40), st.integers(0, 9), st.integers(0, 2**32 - 20),
)  # fmt: skip
def test_any_sequence(steps, seed, epoch, first):
    pipeline = Compose(steps)
    given_ = images((9, 9, 3), count=7)
    numbers = range(first, first + 7)
    expected = alone(given_, pipeline, seed, epoch, numbers)
    if len({one.shape for one in expected}) == 1:
        assert_same(augment_batch(given_, pipeline, seed, epoch, indices=numbers), expected)


CURVES = [
    cls
    for cls in map(transforms.__dict__.get, transforms.__all__)
    if issubclass(cls, PointTransform) and cls.broadcasts
]


@pytest.mark.parametrize("cls", CURVES)
def test_a_curve_that_broadcasts_is_one_for_each_image(cls):
    typical = cls.typical()
    drawn = [typical.sample(seed) for seed in range(5)]
    fields = {name: [vars(one)[name] for one in drawn] for name in ("p", *vars(typical)) if vars(typical)[name] != 1}
    tables = typical._tables(1, fields) if fields else np.stack([typical.table(1)] * 5)
    assert np.array_equal(tables, [one.table(1) for one in drawn])


def test_many_small_images_go_all_at_once(monkeypatch):
    # The one-by-one way must not be what makes the other tests pass.
    monkeypatch.setattr(batch, "_one_by_one", lambda *_: pytest.fail("image by image"))
    monkeypatch.setattr(batch, "_one", lambda *_: pytest.fail("image by image"))
    assert augment_batch(images((32, 32, 3), 20), RECIPE, seed=0).shape == (20, 32, 32, 3)


def test_chunks_join(monkeypatch):
    given_ = images((32, 32, 3), 25)
    whole = augment_batch(given_, RECIPE, seed=0)
    monkeypatch.setattr(batch, "_CHUNK", 7 * given_[0].nbytes)
    assert np.array_equal(augment_batch(given_, RECIPE, seed=0), whole)
    assert np.array_equal(augment_batch(given_, RECIPE, seed=0, n_jobs=-1), whole)


def test_samples_keep_what_belongs_to_them():
    samples = [Sample(image, boxes=[[1, 1, 5, 5]], label=index) for index, image in enumerate(images((8, 8, 3), 4))]
    ours = augment_batch(samples, HorizontalFlip(p=0.5), seed=3)
    for index, (one, sample) in enumerate(zip(ours, samples, strict=True)):
        other = HorizontalFlip(p=0.5)(sample, rng=(3, 0, index))
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.boxes, other.boxes)
        assert one.label == index


def test_nothing_comes_of_nothing():
    assert augment_batch(np.zeros((0, 8, 8), np.uint8), RECIPE, seed=0).shape == (0, 8, 8)
    assert augment_batch([], RECIPE, seed=0) == []


def test_epochs_differ():
    given_ = images((8, 8, 3), 20)
    one, other = (augment_batch(given_, RECIPE, seed=0, epoch=epoch) for epoch in (0, 1))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("error", "sentence", "arguments"),
    [
        (TypeError, "pipeline must be a Transform; got int", (np.zeros((2, 8, 8), np.uint8), 3, 0)),
        (TypeError, "pipeline must not mix samples", ([np.zeros((8, 8), np.uint8)], MixUp.typical(), 0)),
        (ValueError, r"images must have shape \(N, H, W\) or \(N, H, W, C\); got \(8, 8\)", (np.zeros((8, 8), np.uint8), RECIPE, 0)),
        (TypeError, "images must be an array or a list of images or Samples; got str", ("photo.png", RECIPE, 0)),
        (TypeError, "seed must be an int >= 0; got -1", ([], RECIPE, -1)),
        (TypeError, "seed must be an int >= 0; got True", ([], RECIPE, True)),
        (TypeError, "epoch must be an int >= 0; got 0.5", ([], RECIPE, 0, 0.5)),
        (ValueError, "n_jobs must be an int >= 1, or -1 for all cores; got 0", ([], RECIPE, 0, 0, 0)),
        (TypeError, "image must be uint8", (np.zeros((2, 8, 8), int), RECIPE, 0)),
        (ValueError, "image must be float in", (np.full((2, 8, 8), 2.0), RECIPE, 0)),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence(error, sentence, arguments):
    with pytest.raises(error, match=sentence):
        augment_batch(*arguments)


def test_indices_must_fit():
    given_ = images((8, 8), 3)
    with pytest.raises(ValueError, match=r"indices must be 3 ints below 2 \*\* 32, one for each image; got \[0, 1\]"):
        augment_batch(given_, RECIPE, 0, indices=[0, 1])
    with pytest.raises(ValueError, match=r"indices must be 3 ints below"):
        augment_batch(given_, RECIPE, 0, indices=[0, 1, 2**32])
    for wrong in ([0, -1, 2], np.array([0.0, 1, 2]), 5):
        with pytest.raises(TypeError, match="indices must be ints >= 0, one for each image; got"):
            augment_batch(given_, RECIPE, 0, indices=wrong)


def test_an_error_names_the_image():
    given_ = images((8, 8, 3), 3, np.float32)
    given_[2, 0, 0] = np.nan
    for form in (given_, list(given_)):
        with pytest.raises(ValueError, match="NaN") as caught:
            augment_batch(form, RECIPE, 0, indices=[4, 5, 6])
        assert caught.value.__notes__ == ["in image 6 of the batch"]
    with pytest.raises(ValueError, match="needs a mask") as caught:
        augment_batch(images((8, 8)), MaskDropout(share=0.5, seed=1), 0, n_jobs=2)
    assert caught.value.__notes__ == ["in image 0 of the batch"]


def test_threads_use_the_callers_engine():
    seen = []

    class Spy(HorizontalFlip):
        def slice_array(self, array):
            seen.append(engines.current_name())
            return super().slice_array(array)

    with engine("reference"):
        augment_batch(list(images((8, 8), 6)), Spy(), 0, n_jobs=3)
    assert set(seen) == {"reference"}


def test_only_what_comes_out_must_be_alike():
    given_ = np.random.default_rng(0).integers(0, 256, (12, 12, 8), np.uint8)
    for first in (Transpose(p=0.5), Rotate90.typical()):
        pipeline = Compose([first, Invert(), Resize(height=8, width=8), GaussianNoise.typical()])
        assert_same(augment_batch(given_, pipeline, 0), alone(given_, pipeline, 0, 0, range(12)))
    with pytest.raises(ValueError, match="must come out alike"):
        augment_batch(given_, Transpose(p=0.5), 0)


class Darker(BrightnessContrast):
    def curve(self, x):
        return x / 2 if self.brightness < 0 else super().curve(x)


class Tabled(Gamma):
    def table(self, channels):
        return 255 - super().table(channels)


class Shifted(HorizontalFlip):
    def resample(self, array, order, fill):  # noqa: ARG002
        return np.roll(array, 1, axis=1)


class Negative(HueSaturation):
    def apply_image(self, image):
        return 255 - image


class Twice(Compose):
    def sample(self, rng=None):
        drawn = super().sample(rng)
        return None if drawn is None else Compose([*drawn.steps, *drawn.steps])


@pytest.mark.parametrize(
    "step",
    [
        Darker(brightness=uniform(-0.3, 0.3), contrast=1.1),
        Tabled(gamma=uniform(0.5, 2)),
        Shifted(p=0.5),
        Negative(hue=uniform(5, 20)),
        Twice([VerticalFlip(p=0.5), Gamma(gamma=uniform(0.5, 2))]),
    ],
    ids=lambda step: type(step).__name__,
)
def test_what_a_subclass_changes_is_changed_in_a_batch(step):
    given_ = images((8, 8, 3), 12)
    for pipeline in (step, Compose([HorizontalFlip(p=0.5), step])):
        assert_same(augment_batch(given_, pipeline, 3), alone(given_, pipeline, 3, 0, range(12)))


def test_an_overridden_apply_image_is_what_is_applied():
    image = images((8, 8, 3), 1)[0]
    assert np.array_equal(Negative(hue=10)(image), 255 - image)


def test_images_without_pixels_are_refused_as_alone():
    with pytest.raises(ValueError, match="image"):
        augment_batch(np.zeros((3, 0, 4), np.uint8), HorizontalFlip(), 0)

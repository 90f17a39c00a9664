"""What holds for every transform of the catalog, whatever its parameters: a new class is covered by being exported.

Strategies are made from the declarations alone. The plan of a run: drawing and writing down; applying to every kind of
image; the identity; strength; bad values; targets that follow the pixels.
"""

import copy
import dataclasses
import itertools
import json
import math
import pickle
import re
import warnings

import numpy as np
import pytest
import skimage.data
from hypothesis import example, given, settings
from hypothesis import strategies as st

import augmentlab
from augmentlab import (
    BatchTransform,
    Compose,
    GeometricTransform,
    Invert,
    PointTransform,
    Sample,
    choice,
    engine,
    engines,
    from_dict,
    integers,
    loguniform,
    uniform,
)
from augmentlab import transforms as catalog
from augmentlab.bases import PixelTransform
from augmentlab.compose import plan
from augmentlab.geometry import is_matrix, look_up
from augmentlab.params import SEED_MAX, Distribution, parameters

CLASSES = [getattr(catalog, name) for name in catalog.__all__]
GEOMETRIC = [cls for cls in CLASSES if issubclass(cls, GeometricTransform)]
SINGLE = [cls for cls in CLASSES if cls.needs != "batch"]  # what takes one image or sample
BATCH = [cls for cls in CLASSES if cls.needs == "batch"]
STRENGTHS = [cls for cls in SINGLE if any(one.drawn for one in parameters(cls))]
FIELDS = [(cls, one) for cls in CLASSES for one in parameters(cls)]

# Where hard bounds allow an answer that no test can wait for, or that no map can invert.
LARGEST_SIDE = 24  # px, of the output
INVERTIBLE = {
    "ElasticTransform": lambda t: dataclasses.replace(t, alpha=min(t.alpha, t.sigma / 4)),
}

needs_fast = pytest.mark.skipif(engines.current_name() != "fast", reason="the fast engine needs OpenCV 5")
every = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
every_single = pytest.mark.parametrize("cls", SINGLE, ids=lambda cls: cls.__name__)
every_batch = pytest.mark.parametrize("cls", BATCH, ids=lambda cls: cls.__name__)
every_geometric = pytest.mark.parametrize("cls", GEOMETRIC, ids=lambda cls: cls.__name__)
every_untorn = pytest.mark.parametrize("cls", [cls for cls in GEOMETRIC if not cls.tears], ids=lambda cls: cls.__name__)
every_field = pytest.mark.parametrize(
    ("cls", "parameter"), FIELDS, ids=[f"{cls.__name__}.{one.name}" for cls, one in FIELDS]
)


# ---------------------------------------------------------------- strategies, from the declarations


def numbers(parameter):
    high = parameter.high
    if parameter.kind == "int":
        if parameter.unit == "px" and not parameter.drawn:
            high = min(high, LARGEST_SIDE)
        return st.integers(int(parameter.low), int(high))
    return st.floats(
        parameter.low,
        high,
        exclude_min=parameter.interval.gt is not None,
        exclude_max=parameter.interval.lt is not None,
        allow_subnormal=False,
    )


def values(parameter, length):
    if parameter.kind == "bool":
        return st.booleans()
    if parameter.kind == "choice":
        return st.sampled_from(parameter.choices)
    if parameter.kind == "floats":
        return st.lists(numbers(parameter), min_size=length, max_size=length).map(tuple)
    return numbers(parameter)


def distributions(parameter):
    if parameter.kind == "floats" or parameter.name == "p":
        return st.nothing()
    one = values(parameter, 0)
    some = [st.lists(one, min_size=1, max_size=4).map(lambda drawn: choice(*drawn))]
    if parameter.kind in {"float", "int"}:
        kinds = [integers] if parameter.kind == "int" else [uniform]
        if parameter.kind == "float" and parameter.low > 0:
            kinds.append(loguniform)
        ends = st.tuples(one, one).map(sorted)
        some += [ends.map(lambda pair, kind=kind: kind(*pair)) for kind in kinds]
    return st.one_of(some)


@st.composite
def transforms(draw, cls, *, drawn=False):
    """A transform with any allowed values; with distributions among them unless `drawn`."""
    length = draw(st.integers(0, 1))  # of every tuple of numbers alike; one number fits every image
    fields = {}
    for parameter in parameters(cls):
        if parameter.name == "p" and drawn:
            continue
        options = values(parameter, length)
        if not drawn:
            options = st.one_of(options, distributions(parameter))
        if drawn or parameter.kind == "floats" or draw(st.booleans()):
            fields[parameter.name] = draw(options)
    return cls(**fields)


SHAPES = {"gray": (), "gray channel": (1,), "RGB": (3,), "RGBA": (4,)}


@st.composite
def images(draw, *, kinds=tuple(SHAPES), smallest=1):
    side = st.integers(smallest, 13)
    shape = (draw(side), draw(side), *SHAPES[draw(st.sampled_from(kinds))])
    return image_of(shape, draw(st.sampled_from([np.uint8, np.float32])), draw(st.integers(0, 9)))


def image_of(shape, dtype, seed):
    levels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    image = levels if dtype == np.uint8 else (levels / 255).astype(dtype)
    image.flags.writeable = False  # whoever writes to it fails at once
    return image


def sample_of(image):
    """The image with one of each target, none of which may be written to."""
    height, width = image.shape[:2]
    rng = np.random.default_rng(height * width)
    sample = Sample(
        image,
        mask=rng.choice(np.array([0, 1, 7], np.int16), (height, width)),
        heatmap=rng.random((height, width, 2)),
        boxes=[[0, 0, width, height], [0, 0, 1, 1], [width / 4, height / 3, width, height]],
        box_labels=["all", "corner", "part"],
        keypoints=[[0, 0], [width - 1, height - 1], [width / 2, height / 3], [-3, height + 5]],
        label="label",
    )
    for name in ("mask", "heatmap", "boxes", "keypoints"):
        getattr(sample, name).flags.writeable = False
    return sample


def after(transform, image, rng=0):
    """The image after a transform, which gets the image alone or, where its class needs more, a whole sample."""
    if transform.needs == "image":
        return transform(image, rng=rng)
    return transform(sample_of(image), rng=rng).image


# ---------------------------------------------------------------- drawing, and writing down


def assert_written_down(transform):
    assert from_dict(json.loads(json.dumps(transform.to_dict(), allow_nan=False))) == transform
    assert eval(repr(transform), vars(augmentlab) | {"__builtins__": {}} | NAMES) == transform
    scope = {}
    exec(transform.code(), scope)
    assert scope["pipeline"] == transform
    assert hash(scope["pipeline"]) == hash(transform)
    assert pickle.loads(pickle.dumps(transform)) == transform
    assert copy.deepcopy(transform) == transform


NAMES = {name: getattr(augmentlab, name) for name in augmentlab.__all__}


@every
@given(data=st.data(), seed=st.integers(0, SEED_MAX))
@settings(max_examples=25)
def test_a_draw_is_a_transform_of_numbers(cls, data, seed):
    transform = data.draw(transforms(cls))
    drawn = transform.sample(seed)
    assert drawn == transform.sample(seed)
    assert_written_down(transform)
    if drawn is None:
        assert transform.p < 1
        return
    assert type(drawn) is cls
    assert not drawn.is_random
    assert drawn.sample(seed + 1) is drawn
    assert dataclasses.replace(drawn) == drawn  # every value passes the check
    assert_written_down(drawn)
    for parameter in parameters(cls):
        held, value = getattr(transform, parameter.name), getattr(drawn, parameter.name)
        if isinstance(held, Distribution) and parameter.kind in {"float", "int"}:
            assert min(held.support) <= value <= max(held.support)
        elif isinstance(held, Distribution):
            assert value in held.support
        elif parameter.name != "p":
            assert value == held


@every
def test_probability(cls):
    always, never, half = (cls.typical(p=p) for p in (1, 0, 0.5))
    assert all(never.sample(seed) is None for seed in range(20))
    assert never.is_identity
    applied = [half.sample(seed) for seed in range(60)]
    assert 15 <= sum(one is not None for one in applied) <= 45
    # The coin is tossed first, so p changes no value.
    assert all(one is None or one == always.sample(seed) for seed, one in enumerate(applied))


# ---------------------------------------------------------------- applying


@every_single
@given(data=st.data(), image=images())
@settings(max_examples=50)
@example(data=None, image=image_of((1, 1), np.uint8, 0))
@example(data=None, image=image_of((1, 9, 3), np.float32, 0))
@example(data=None, image=image_of((9, 1, 4), np.uint8, 0))
def test_images_stay_images(cls, data, image):
    transform = cls.typical().sample(0) if data is None else data.draw(transforms(cls, drawn=True))
    assert_stays_an_image(transform, image)


def assert_stays_an_image(transform, image):
    before = image.copy()
    result = after(transform, image)
    again = after(transform, image)
    assert np.array_equal(image, before)
    assert result.dtype == again.dtype
    assert result.tobytes() == again.tobytes()
    assert result.shape == transform.output_shape(image.shape)
    assert np.isfinite(result).all()
    cls = type(transform)
    if cls.preprocessing:
        assert result.dtype in {image.dtype, np.dtype(np.float32)}
    else:
        assert result.dtype == image.dtype
    if cls.bounded:
        assert result.dtype == np.uint8 or (result.min() >= -1e-6 and result.max() <= 1 + 1e-6)
    if not issubclass(cls, GeometricTransform) and not getattr(cls, "sees_alpha", False) and image.shape[2:] == (4,):
        alpha = image[..., 3] if result.dtype == image.dtype else image[..., 3] / np.float32(255)
        assert np.array_equal(result[..., 3], alpha)


SIZES = [(1, 1), (1, 8), (8, 1), (7, 5), (64, 64), (257, 129)]


def typical_ends(cls):
    """A typical draw, and each far end of the typical ranges."""
    yield cls.typical().sample(0)
    for end in (0, 1):
        drawn = {one.name: one.typical_value().support[end] for one in parameters(cls) if one.drawn}
        yield cls(**drawn).sample(1)


def layouts(size, *, slow):
    """Channels and dtypes to try; of what is slow only one at the largest size."""
    every = itertools.product(SHAPES.values(), (np.uint8, np.float32))
    return [((3,), np.uint8)] if slow and size == max(SIZES) else every


@every_single
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_every_size_and_layout(cls, size):
    for channels, dtype in layouts(size, slow="slow" in cls.__doc__.lower()):
        image = image_of((*size, *channels), dtype, 0)
        for transform in typical_ends(cls):
            assert_stays_an_image(transform, image)
    for transform in typical_ends(cls):  # targets move alike whatever the channels are
        assert_targets_keep_their_form(transform, image_of((*size, 3), np.uint8, 0))


@every_single
@given(data=st.data(), image=images())
@settings(max_examples=50)
def test_targets_keep_their_form(cls, data, image):
    assert_targets_keep_their_form(data.draw(transforms(cls, drawn=True)), image)


def assert_targets_keep_their_form(transform, image):
    cls, sample = type(transform), sample_of(image)
    if getattr(cls, "tears", False):
        with pytest.raises(ValueError, match=f"{cls.__name__} tears the image apart, so boxes cannot follow; got 3"):
            transform.apply(sample)
        sample = dataclasses.replace(sample, boxes=(), box_labels=())
    before = copy.deepcopy(sample)
    moved = transform.apply(sample)
    for field in dataclasses.fields(Sample):
        assert np.array_equal(getattr(sample, field.name), getattr(before, field.name))
    assert moved.image.tobytes() == after(transform, image).tobytes()
    height, width = moved.image.shape[:2]
    assert moved.mask.shape == (height, width)
    assert moved.mask.dtype == sample.mask.dtype
    assert set(np.unique(moved.mask)) <= {0, *np.unique(sample.mask)}
    assert moved.heatmap.shape == (height, width, 2)
    assert moved.heatmap.dtype == sample.heatmap.dtype
    assert moved.heatmap.min() >= -1e-9
    assert moved.heatmap.max() <= 1 + 1e-9
    if getattr(transform, "keypoints", "keep") == "keep":
        assert moved.keypoints.shape == sample.keypoints.shape
    else:
        assert {*map(tuple, moved.keypoints)} <= {*map(tuple, sample.keypoints)}
    assert np.isfinite(moved.keypoints).all()
    assert len(moved.boxes) == len(moved.box_labels)
    assert moved.label == "label"
    assert (moved.boxes[:, :2] >= 0).all()
    assert (moved.boxes[:, 2:] <= [width, height]).all()
    assert (moved.boxes[:, 2:] > moved.boxes[:, :2]).all()
    if not issubclass(cls, GeometricTransform):
        if getattr(transform, "boxes", "keep") == "keep":
            assert np.array_equal(moved.boxes, sample.boxes)
        else:
            kept = [sample.box_labels.index(label) for label in moved.box_labels]
            assert np.array_equal(moved.boxes, sample.boxes[kept])
        if getattr(transform, "keypoints", "keep") == "keep":
            assert np.array_equal(moved.keypoints, sample.keypoints)
        assert np.array_equal(moved.heatmap, sample.heatmap)
        assert np.array_equal(moved.mask[moved.mask != 0], sample.mask[moved.mask != 0])


@every_single
def test_layout_of_the_memory_does_not_matter(cls):
    transform = cls.typical().sample(3)
    image = image_of((9, 8, 3), np.uint8, 1)
    expected = after(transform, image)
    for other in (np.asfortranarray(image), image[::-1, ::-1].copy()[::-1, ::-1], image.repeat(2, axis=1)[:, ::2]):
        assert np.array_equal(after(transform, other), expected)


@every_single
def test_double_precision_stays(cls):
    image = image_of((9, 8, 3), np.float64, 1)
    transform = cls.typical().sample(3)
    single = after(transform, image.astype(np.float32))
    result = after(transform, image)
    assert result.dtype == np.float64
    assert single.dtype == np.float32
    # Levels and bins are the same in both; noise is drawn in single precision.
    assert np.abs(result - single).max() < 1e-4


# ---------------------------------------------------------------- identity and strength


@pytest.mark.parametrize("cls", STRENGTHS, ids=lambda cls: cls.__name__)
@given(image=images())
@settings(max_examples=20)
def test_defaults_leave_every_image_as_it_is(cls, image):
    assert cls().is_identity
    for seed in (0, 1):
        assert np.array_equal(after(cls().sample(seed), image), image)
        assert np.array_equal(after(cls.typical().scaled(0).sample(seed), image), image)


@every_single
@given(data=st.data(), image=images(), strength=st.floats(0, 1))
@settings(max_examples=20)
def test_an_identity_is_one_and_scaled_values_are_allowed(cls, data, image, strength):
    transform = data.draw(transforms(cls))
    scaled = transform.scaled(strength)
    assert dataclasses.replace(scaled) == scaled
    assert transform.scaled(1) == transform
    if scaled.is_identity and (drawn := scaled.sample(0)) is not None:
        assert np.array_equal(after(drawn, image), image)


def picture():
    """A colour image with structure at several scales, most levels in use, neither black nor white."""
    y, x = np.mgrid[:24, :24] / 23
    planes = [np.sin(5 * x + 2 * y), np.cos(4 * y - x), np.sin(9 * x * y + 1)]
    rough = np.random.default_rng(0).normal(0, 0.15, (24, 24, 3))
    return np.clip((np.stack(planes, axis=-1) + 1) / 2 + rough, 0.01, 0.99).astype(np.float32)


@every_single
def test_more_strength_changes_more(cls):
    image = picture()
    typical = cls.typical()
    if typical.scaled(0) == typical:
        assert cls.preprocessing
        return

    def difference(other):
        return 1.0 if other.shape != image.shape else np.abs(other - image).mean()

    def change(strength):
        transform = typical.scaled(strength)
        return np.mean([difference(after(transform, image, seed)) for seed in range(25)])

    none, some, full = change(0), change(0.3), change(1)
    assert none == 0
    assert some > 0 or full > 0
    assert full >= some


# ---------------------------------------------------------------- declarations and their errors


@every_field
def test_every_field_is_declared_in_full(cls, parameter):
    assert parameter.doc.endswith(".")
    assert parameter.name in cls.__doc__
    if parameter.kind in {"float", "int", "floats"}:
        assert math.isfinite(parameter.low)
        assert math.isfinite(parameter.high)
        assert parameter.low < parameter.high
    typical = parameter.typical
    if parameter.kind in {"float", "int"} and parameter.name != "seed":
        assert typical is not None
    if typical is not None:
        assert parameter.low <= typical.low < typical.high <= parameter.high
        assert typical.low > 0 or not typical.log
    held = parameter.default
    assert parameter.check(cls.__name__, held) == held


def wrong_values(parameter):
    if parameter.kind in {"bool", "choice"}:
        return ["no such value", 3, None, 0.5, uniform(0, 1)]
    wide = max(abs(parameter.low), abs(parameter.high)) + 1
    step = 1 if parameter.kind == "int" else 1e-3
    outside = [parameter.low - step, parameter.high + step, -(10**400), 10**400, wide * 2]
    if parameter.interval.gt is not None:
        outside.append(parameter.low)
    if parameter.interval.lt is not None:
        outside.append(parameter.high)
    if parameter.kind == "int":
        return [*map(int, outside), 0.5, "1", None, True, math.nan, uniform(0, 1), choice(0, "a")]
    scalars = [*outside, math.nan, math.inf, -math.inf, "1", None, True, 1j, b"1"]
    if parameter.kind == "floats":
        return [*((0.5, value) for value in scalars), 0.5, "ab", uniform(0.1, 0.2)]
    return [*scalars, uniform(0, wide), loguniform(1e-3, wide), integers(0, int(wide) + 1), choice(0.5, None)]


@every_field
def test_a_bad_value_gets_one_sentence(cls, parameter):
    sentence = re.escape(f"{cls.__name__}.{parameter.name} must be ") + ".+; got .+"
    for value in wrong_values(parameter):
        with pytest.raises((TypeError, ValueError)) as error:
            cls(**{parameter.name: value})
        assert re.fullmatch(sentence, str(error.value)), (value, error.value)
        assert len(str(error.value)) < 300
    for value in ("no such value", {"uniform": [0, 1e9]}, {"choice": []}, {"normal": [0, 1]}, {}, None, [None], "nan"):
        with pytest.raises(
            (TypeError, ValueError), match=f"{cls.__name__}.{parameter.name}|must have at least one value"
        ):
            from_dict({"schema_version": 1, "transform": cls.__name__, parameter.name: value})


@every
def test_unknown_fields_are_errors(cls):
    with pytest.raises(TypeError, match=f"{cls.__name__} has no field 'strenght'; its fields are p"):
        cls(strenght=1)
    with pytest.raises(TypeError, match=f"{cls.__name__} has no field 'strenght'"):
        from_dict({"schema_version": 1, "transform": cls.__name__, "strenght": 1})
    with pytest.raises(TypeError, match=f"{cls.__name__} takes its fields by name"):
        cls(1)


@every
def test_every_class_has_a_documented_purpose(cls):
    first = cls.__doc__.splitlines()[0]
    assert 10 < len(first) < 130
    assert cls.__doc__.count("Parameters\n----------") == 1
    assert issubclass(cls, (GeometricTransform, PointTransform, PixelTransform, BatchTransform))
    assert cls.needs in {"image", "mask", "batch"}


# ---------------------------------------------------------------- targets follow the pixels


@st.composite
def movers(draw, cls):
    """A drawn geometric transform that can be inverted, with nothing mirrored at the border."""
    transform = draw(transforms(cls, drawn=True))
    if hasattr(transform, "border"):
        transform = dataclasses.replace(transform, border="constant")
    if getattr(transform, "method", None) == "area":  # the mean over an area makes steps where it grows
        transform = dataclasses.replace(transform, method="linear")
    return INVERTIBLE.get(cls.__name__, lambda one: one)(transform)


def reach(transform, shape):
    """How many output pixels from the edge of the content a resampler of its own may still see the edge."""
    if type(transform).resample is GeometricTransform.resample:
        return 0
    # Half an input pixel is clamped where it grows; the anti-aliasing filter spans two output pixels where it shrinks.
    return 3 + math.ceil(0.5 / np.abs(np.diag(transform.coordinate_map(shape))[:2]).min())


def folds(map_):
    """Whether a dense map turns over between some pixels: a strong swirl does where pixels are too few to show it."""
    if is_matrix(map_):
        return False
    across, down = np.diff(map_, axis=1), np.diff(map_, axis=0)
    corners = [(across[rows], down[:, columns]) for rows in np.s_[:-1, 1:] for columns in np.s_[:-1, 1:]]
    return any((a[..., 0] * b[..., 1] <= a[..., 1] * b[..., 0]).any() for a, b in corners)


def assert_keypoints_follow(pipeline, shape, seed, reach=0):
    # The image holds its own coordinates: what is seen at a moved keypoint says where it came from.
    y, x = np.mgrid[: shape[0], : shape[1]]
    points = np.random.default_rng(seed).uniform(0, 1, (30, 2)) * [shape[1] - 1, shape[0] - 1]
    if getattr(pipeline, "tears", False):  # between pixels that part there is nothing to be seen
        points = np.rint(points)
    sample = Sample(
        np.zeros(shape, np.uint8), heatmap=np.stack([x, y, np.ones(shape)], axis=-1).astype(float), keypoints=points
    )
    moved = pipeline.apply(sample)
    height, width = moved.image.shape[:2]
    low = np.floor(moved.keypoints).astype(int)
    inside = ((low >= reach) & (low < [width - 1 - reach, height - 1 - reach])).all(axis=1)
    for point, (left, top), seen in zip(points[inside], low[inside], moved.keypoints[inside], strict=True):
        patch = moved.heatmap[top : top + 2, left : left + 2]
        around = moved.heatmap[top - reach : top + 2 + reach, left - reach : left + 2 + reach, 2]
        if around.min() < 1 - 1e-9:  # part of what is seen here lies beyond the border
            continue
        (across, down) = seen - (left, top)
        weights = np.outer([1 - down, down], [1 - across, across])
        found = (patch[..., :2] * weights[..., None]).sum(axis=(0, 1))
        # Linear interpolation returns coordinates exactly where the map is affine; a bent one differs in between.
        bend = np.ptp(patch[..., :2], axis=(0, 1)).max()
        assert np.abs(found - point).max() <= max(1e-6, 0.15 * bend)


@every_geometric
@given(data=st.data(), height=st.integers(2, 40), width=st.integers(2, 40), seed=st.integers(0, 9))
@settings(max_examples=60)
def test_keypoints_follow_pixels(cls, data, height, width, seed):
    transform, shape = data.draw(movers(cls)), (height, width)
    if cls.tears or not folds(transform.coordinate_map(shape)):
        assert_keypoints_follow(transform, shape, seed, reach(transform, shape))


@every_untorn
def test_keypoints_follow_a_bright_dot(cls):
    checked = 0
    y, x = np.mgrid[:48, :64]
    for seed in range(12):
        point = np.random.default_rng(seed).uniform([12, 12], [52, 36])
        dot = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * 1.5**2))
        moved = cls.typical()(Sample(dot, keypoints=[point]), rng=seed)
        height, width = moved.image.shape[:2]
        (seen_x, seen_y), weight = moved.keypoints[0], moved.image.sum()
        if 6 <= seen_x < width - 6 and 6 <= seen_y < height - 6:
            rows, columns = np.indices((height, width))
            assert abs((columns * moved.image).sum() / weight - seen_x) < 0.5
            assert abs((rows * moved.image).sum() / weight - seen_y) < 0.5
            checked += 1
    assert checked >= 6


def assert_boxes_contain(pipeline, shape, corners, tolerance):
    (left, right), (top, bottom) = corners
    mask = np.zeros(shape, np.uint8)
    mask[top:bottom, left:right] = 9
    moved = pipeline.apply(Sample(mask, mask=mask, boxes=[[left, top, right, bottom]]))
    rows, columns = np.nonzero(moved.mask)
    if len(rows) and len(moved.boxes):
        x_min, y_min, x_max, y_max = moved.boxes[0]
        assert columns.min() + 0.5 >= x_min - tolerance
        assert rows.min() + 0.5 >= y_min - tolerance
        assert columns.max() + 0.5 <= x_max + tolerance
        assert rows.max() + 0.5 <= y_max + tolerance
    assert len(moved.boxes) or not len(rows)


@st.composite
def rectangles(draw):
    shape = draw(st.integers(2, 30)), draw(st.integers(2, 30))
    (top, bottom), (left, right) = (
        sorted(draw(st.lists(st.integers(0, side), min_size=2, max_size=2, unique=True))) for side in shape
    )
    return shape, ((left, right), (top, bottom))


@every_untorn
@given(data=st.data(), rectangle=rectangles())
@settings(max_examples=60)
def test_boxes_contain_what_they_held(cls, data, rectangle):
    transform = data.draw(movers(cls))
    shape, corners = rectangle
    exact = is_matrix(transform.coordinate_map(shape))  # the edges of a bent box are followed at a few points
    assert_boxes_contain(transform, shape, corners, 1e-6 if exact else 1.0)


@every_geometric
@given(data=st.data(), shape=st.tuples(st.integers(1, 20), st.integers(1, 20)))
@settings(max_examples=30)
def test_a_map_says_where_the_pixels_come_from(cls, data, shape):
    transform = data.draw(movers(cls))
    map_ = transform.coordinate_map(shape)
    assert map_.dtype == np.float64 or (map_.dtype == np.float32 and map_.ndim == 3)
    assert map_.shape in {(3, 3), (*transform.output_shape(shape), 2)}
    assert np.isfinite(map_).all()
    if (sliced := transform.slice_array(np.arange(shape[0] * shape[1]).reshape(shape))) is not None:
        assert sliced.shape == transform.output_shape(shape)
        height, width = sliced.shape
        for x, y in {(0, 0), (width - 1, 0), (width - 1, height - 1), (width // 2, height // 3)}:
            column, row = look_up(map_, [x, y])
            assert sliced[y, x] == round(row) * shape[1] + round(column)


@pytest.mark.parametrize("cls", [cls for cls in GEOMETRIC if hasattr(cls, "fill")], ids=lambda cls: cls.__name__)
@given(data=st.data(), image=images(kinds=("RGBA",)))
@settings(max_examples=20)
def test_what_lies_beyond_the_border_is_transparent(cls, data, image):
    transform = data.draw(movers(cls))
    black = dataclasses.replace(transform, fill=0.0)
    # OpenCV sums three channels in another order than four.
    last = 1 if image.dtype == np.uint8 else 1e-6
    for one, other in (
        (transform.apply(image)[..., 3], black.apply(image)[..., 3]),
        (transform.apply(image[..., :3]), transform.apply(image)[..., :3]),
    ):
        assert np.abs(one.astype(float) - other).max() <= last


# ---------------------------------------------------------------- several samples are mixed


@st.composite
def batches(draw):
    """Samples of one size with one of each target but masks, and classes as labels."""
    image = draw(images())
    seeds = draw(st.lists(st.integers(0, 99), max_size=6))
    return [
        dataclasses.replace(sample_of(image_of(image.shape, image.dtype, seed)), mask=None, label=seed % 4)
        for seed in seeds
    ]


@every_batch
@given(data=st.data(), samples=batches())
@settings(max_examples=50)
def test_mixtures_are_samples_and_the_input_stays(cls, data, samples):
    assert_mixtures_are_samples(data.draw(transforms(cls, drawn=True)), samples)


@every_batch
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_mixtures_of_every_size_and_layout(cls, size):
    for channels, dtype in layouts(size, slow=True):
        images_ = [image_of((*size, *channels), dtype, seed) for seed in range(4)]
        samples = [dataclasses.replace(sample_of(one), mask=None, label=2) for one in images_]
        for transform in typical_ends(cls):
            assert_mixtures_are_samples(transform, samples)


def assert_mixtures_are_samples(transform, samples):
    transform = dataclasses.replace(transform, num_classes=4)
    before = copy.deepcopy(samples)
    mixed, again = transform.apply(samples), transform(samples, rng=1)
    for one, other in zip(samples, before, strict=True):
        assert all(
            np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(Sample)
        )
    assert len(mixed) == len(samples)
    for own, one, other in zip(samples, mixed, again, strict=True):
        assert one.image.tobytes() == other.image.tobytes()
        assert one.image.shape == own.image.shape
        assert one.image.dtype == own.image.dtype
        assert one.label.tobytes() == other.label.tobytes()
        assert one.label.dtype == np.float64
        assert one.label.shape == (4,)
        assert one.label.min() >= 0
        assert abs(one.label.sum() - 1) < 1e-12
        assert dataclasses.replace(one).min_visibility == own.min_visibility  # every target passes the check
        height, width = own.image.shape[:2]
        assert (one.boxes[:, :2] >= 0).all()
        assert (one.boxes[:, 2:] <= [width, height]).all()
        assert len(one.boxes) == len(one.box_labels)
        assert one.heatmap.shape == own.heatmap.shape
        assert one.heatmap.min() >= 0
        assert one.heatmap.max() <= 1


@every_batch
def test_a_mixture_needs_a_list(cls):
    image = picture()
    sentence = "{} mixes several samples and must be called with a list of them; got one alone"
    for transform in (cls.typical(), cls.typical(p=0), cls.typical().sample(0)):
        with pytest.raises(TypeError, match=sentence.format(cls.__name__)):
            transform(image, rng=0)
        with pytest.raises(TypeError, match=sentence.format("Compose")):
            Compose([Invert(), transform])(Sample(image), rng=0)
    with pytest.raises(TypeError, match=sentence.format(cls.__name__)):
        Compose([Invert(), cls.typical()]).sample(0).apply(image)
    with pytest.raises(TypeError, match=f"{cls.__name__} takes a list of Samples; got ndarray at index 0"):
        cls.typical()([image, image], rng=0)


@pytest.mark.parametrize(
    "cls", [cls for cls in BATCH if any(one.drawn for one in parameters(cls))], ids=lambda cls: cls.__name__
)
@given(samples=batches())
@settings(max_examples=20)
def test_defaults_mix_nothing(cls, samples):
    assert cls().is_identity
    for own, one in zip(samples, cls(num_classes=4)(samples, rng=0), strict=True):
        assert np.array_equal(one.image, own.image)
        assert np.array_equal(one.label, np.eye(4)[own.label])
        assert np.array_equal(one.boxes, own.boxes)


# ---------------------------------------------------------------- both engines agree


RESIZING = {*catalog.FAMILIES["Size"], "Downscale"}


def runs_of(pipeline, sample):
    """Each run of a pipeline's plan with the sample that it is given, computed by the reference."""
    runs = []
    with engine("reference"):
        for run, _ in plan(pipeline, sample.image.shape[:2]):
            runs.append((run, sample))
            sample = run[0].apply_run(run, sample)
    return runs


def assert_engines_agree(run, sample):
    results = []
    for name in ("fast", "reference"):
        with engine(name):
            results.append(run[0].apply_run(run, sample))
    ours, theirs = results
    assert ours.image.shape == theirs.image.shape
    assert ours.image.dtype == theirs.image.dtype
    difference = np.abs(ours.image.astype(np.float64) - theirs.image)
    if all(isinstance(step, PointTransform) for step in run):
        assert not difference.any()
    elif ours.image.dtype == np.uint8:
        assert difference.max() <= 1
        mean = 0.2 if any(type(step).__name__ in RESIZING for step in run) else 0.02
        assert difference.sum() <= max(mean * difference.size, 2)  # of few values, two may tip
    else:
        # What gets any scale is compared on it; a uint8 image may have tipped by one level before it became floats.
        scale = max(np.abs(theirs.image).max(), 1)
        assert difference.max() <= 1e-4 * scale
    for name in ("mask", "heatmap", "boxes", "keypoints"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one is None) == (other is None)
        if one is not None and name == "mask":
            assert (one != other).mean() <= 0.01  # half-way between two pixels
        elif one is not None:
            assert one.shape == other.shape
            assert np.allclose(one, other, atol=1e-4)


@needs_fast
@every_single
@settings(max_examples=15, deadline=None)
@given(data=st.data(), image=images())
def test_both_engines_agree(cls, data, image):
    transform = INVERTIBLE.get(cls.__name__, lambda one: one)(data.draw(transforms(cls, drawn=True)))
    drawn = transform.sample(0)
    sample = sample_of(image)
    if getattr(cls, "tears", False):
        sample = sample.moved(boxes=None, box_labels=None)
    for run, given_ in runs_of(drawn, sample):
        assert_engines_agree(run, given_)


CONTENTS = {
    "noise": np.random.default_rng(1).integers(0, 256, (96, 96, 4)).astype(np.uint8),
    "photo": np.dstack([skimage.data.astronaut()[40:136, 170:266], skimage.data.camera()[:96, :96]]),
    "ramp": np.linspace(0, 255, 96 * 96 * 4).reshape(96, 96, 4).astype(np.uint8),
}


@needs_fast
@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([cls for cls in SINGLE if cls.needs == "image" and cls.bounded]), min_size=1, max_size=8),
    st.sampled_from(sorted(CONTENTS)),
    st.sampled_from([(96, 96), (41, 96), (96, 1), (1, 41), (1, 1)]),
    st.sampled_from([None, 1, 3, 4]),
    st.sampled_from([np.uint8, np.float32]),
    st.integers(0, 2**20),
)
def test_both_engines_agree_on_every_run_of_a_pipeline(classes, content, shape, channels, dtype, seed):
    image = CONTENTS[content][: shape[0], : shape[1], : channels or 1]
    image = np.ascontiguousarray(image[..., 0] if channels is None else image)
    image = image if dtype == np.uint8 else (image / 255).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of identities
        pipeline = Compose([cls.typical() for cls in classes]).sample(seed)
    for run, given_ in runs_of(pipeline, Sample(image)):
        assert_engines_agree(run, given_)

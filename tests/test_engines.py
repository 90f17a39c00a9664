"""The primitives against OpenCV, an independent implementation; the engines' agreement; and the choice of engine."""

import inspect
import itertools
import multiprocessing
import subprocess
import sys
import textwrap
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage
from hypothesis import example, given, settings
from hypothesis import strategies as st

from augmentlab import Rotate, engines, geometry
from augmentlab.engines import kernels, reference, selftest

cv2 = pytest.importorskip("cv2")

PHOTO = skimage.data.astronaut()[100:221, 150:303]  # odd sides: 121 x 153
BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "edge": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT_101,
    "symmetric": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_WRAP,
}
every_border = pytest.mark.parametrize("border", BORDERS)
INVERSE_LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

needs_exact_opencv = pytest.mark.skipif(
    int(cv2.__version__.split(".")[0]) < 5, reason="OpenCV below 5 interpolates at 1/32 of a pixel"
)

if engines.current_name() == "fast":
    from augmentlab.engines import fast
else:
    fast = None
needs_fast = pytest.mark.skipif(fast is None, reason="the fast engine needs OpenCV 5")


def assert_alike(ours, theirs):
    # Both interpolate linearly; OpenCV in single precision, which tips a value at a half to the next level.
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.005


@needs_exact_opencv
@every_border
@pytest.mark.parametrize("image", [PHOTO, PHOTO[..., 0]], ids=["RGB", "gray"])
def test_affine_warps_are_opencvs(image, border):
    height, width = image.shape[:2]
    for angle, scale in [(17.3, 1.0), (-120, 0.6), (45, 1.8)]:
        matrix = geometry.about_centre(
            (height, width), rotation=np.deg2rad(angle), scale=scale, translation=(3.3, -7.1)
        )
        ours = reference.warp(image, matrix, (height, width), order=1, border=border, fill=0.2)
        theirs = cv2.warpAffine(
            image, matrix[:2], (width, height), flags=INVERSE_LINEAR, borderMode=BORDERS[border], borderValue=(51,) * 4
        )
        assert_alike(ours, theirs)


@needs_exact_opencv
@every_border
def test_projective_warps_are_opencvs(border):
    height, width = PHOTO.shape[:2]
    matrix = geometry.quad_to_frame([[-9, 5], [140, -12], [160, 100], [12, 118]], (height, width))
    ours = reference.warp(PHOTO, matrix, (height, width), order=1, border=border, fill=0.2)
    theirs = cv2.warpPerspective(
        PHOTO, matrix, (width, height), flags=INVERSE_LINEAR, borderMode=BORDERS[border], borderValue=(51,) * 4
    )
    assert_alike(ours, theirs)


@needs_exact_opencv
@every_border
def test_remaps_are_opencvs(border):
    height, width = PHOTO.shape[:2]
    positions = geometry.pixel_grid((height, width))
    x, y = positions[..., 0].copy(), positions[..., 1].copy()
    positions += np.stack([9 * np.sin(y / 11), 7 * np.cos(x / 13)], axis=-1)
    ours = reference.remap(PHOTO, positions, order=1, border=border, fill=0.2)
    theirs = cv2.remap(
        PHOTO,
        positions[..., 0].astype(np.float32),
        positions[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=BORDERS[border],
        borderValue=(51,) * 4,
    )
    assert_alike(ours, theirs)


@every_border
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("shape", [(9, 13), (1, 13), (9, 1), (1, 1)])
def test_warp_and_remap_agree(border, order, shape):
    image = PHOTO[: shape[0], : shape[1]]
    matrix = geometry.about_centre(shape, rotation=0.7, scale=0.6, translation=(1.3, -2.2))
    positions = geometry.look_up(matrix, geometry.pixel_grid(shape))
    warped = reference.warp(image, matrix, shape, order=order, border=border, fill=0.2)
    mapped = reference.remap(image, positions, order=order, border=border, fill=0.2)
    assert np.abs(warped.astype(int) - mapped).max() <= 1  # at a half, rounding may go either way
    floats = [
        function(image / 255, where, order=order, border=border, fill=0.2, **extra)
        for function, where, extra in ((reference.warp, matrix, {"shape": shape}), (reference.remap, positions, {}))
    ]
    assert np.abs(floats[0] - floats[1]).max() < 1e-9


@every_border
def test_nearest_takes_whole_pixels_as_numpy_pads_them(border):
    image = np.arange(20).reshape(4, 5) + 1
    for x, y in [(-7, 3), (6, -9), (0, 0), (2, 2)]:
        moved = reference.warp(image, geometry.shift(x, y), (4, 5), order=0, border=border)
        padded = np.pad(image, 12, mode=border)
        assert np.array_equal(moved, padded[12 + y : 16 + y, 12 + x : 17 + x])
    assert reference.warp(image > 3, geometry.shift(9, 0), (4, 5), order=0, border="constant", fill=1).dtype == bool


def test_half_way_takes_the_right_and_lower_pixel():
    image = np.arange(12).reshape(3, 4)
    moved = reference.warp(image, geometry.shift(0.5, 0.5), (2, 3), order=0, border="edge")
    assert np.array_equal(moved, image[1:, 1:])
    nearly = reference.warp(image, geometry.shift(0.5 - 1e-12, 0.5), (2, 3), order=0, border="edge")
    assert np.array_equal(nearly, moved)


def test_read_only_and_strided_memory():
    image = np.asfortranarray(PHOTO / 255)
    expected = reference.warp(PHOTO / 255, geometry.shift(0.5, 0), (121, 153), order=1, border="edge")
    assert np.array_equal(reference.warp(image, geometry.shift(0.5, 0), (121, 153), order=1, border="edge"), expected)
    image.flags.writeable = False
    assert np.array_equal(reference.warp(image, geometry.shift(0.5, 0), (121, 153), order=1, border="edge"), expected)


def test_tables():
    table = np.arange(256, dtype=np.uint8)[::-1, None]
    assert np.array_equal(reference.lookup(PHOTO, table), 255 - PHOTO)
    assert np.array_equal(reference.lookup(PHOTO, np.repeat(table, 3, axis=1)), 255 - PHOTO)
    own = np.stack([table[:, 0], np.arange(256), np.zeros(256)], axis=1).astype(np.uint8)
    assert np.array_equal(
        reference.lookup(PHOTO, own), np.dstack([255 - PHOTO[..., 0], PHOTO[..., 1], PHOTO[..., 2] * 0])
    )


# ---------------------------------------------------------------- agreement of the engines

NOISE = np.random.default_rng(3).integers(0, 256, (300, 300, 4)).astype(np.uint8)
RAMP = np.indices((300, 300)).sum(axis=0)[..., None].repeat(4, axis=2) * 255 // 598
BIG_PHOTO = np.concatenate([skimage.data.astronaut()[:300, :300], NOISE[..., 3:]], axis=2)
CONTENTS = {"noise": NOISE, "ramp": RAMP.astype(np.uint8), "photo": BIG_PHOTO, "black and white": NOISE // 128 * 255}
SIDES = st.one_of(st.sampled_from([1, 2, 3]), st.integers(4, 90))


@st.composite
def images(draw, dtypes=("uint8", "float32", "float64")):
    """Photo, noise, ramp and black and white; (H, W), (H, W, 1), RGB, RGBA; from one pixel to 90 on a side."""
    content = CONTENTS[draw(st.sampled_from(sorted(CONTENTS)))]
    channels = draw(st.sampled_from([None, 1, 3, 4]))
    image = content[: draw(SIDES), : draw(SIDES), : channels or 1]
    image = image[..., 0] if channels is None else image
    dtype = draw(st.sampled_from(dtypes))
    return np.ascontiguousarray(image) if dtype == "uint8" else (image / 255).astype(dtype)


@st.composite
def matrices(draw, shape):
    """Affine and projective maps: near and far, with and without the horizon in view."""
    height, width = shape
    far = draw(st.sampled_from([0.2, 3, 100]))
    matrix = geometry.about_centre(
        shape,
        rotation=draw(st.floats(-3.2, 3.2)),
        scale=draw(st.sampled_from([1, 0.2, 0.7, 3])),
        shear=(draw(st.floats(-0.5, 0.5)), 0.0),
        translation=(draw(st.floats(-far, far)) * width, draw(st.floats(-far, far)) * height),
    )
    tilt = draw(st.sampled_from([0, 0.3, 1.2]))
    towards = [draw(st.floats(-tilt, tilt)) / width, draw(st.floats(-tilt, tilt)) / height, 1]
    return matrix @ np.array([[1, 0, 0], [0, 1, 0], towards])


edges = st.fixed_dictionaries(
    {"border": st.sampled_from(sorted(BORDERS)), "fill": st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))}
)


def assert_law(name, *arguments, mean=0.02, levels=1, **options):
    """Both engines' results, which must agree as the design says; `levels` 0 asks for the same bytes."""
    ours, theirs = getattr(fast, name)(*arguments, **options), getattr(reference, name)(*arguments, **options)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    assert ours.flags.c_contiguous
    if levels == 0:
        assert np.array_equal(ours, theirs)
    elif ours.dtype == np.uint8:
        difference = np.abs(ours.astype(int) - theirs)
        assert difference.max() <= levels
        if difference.size >= 1000:  # of few values, some may be at a half
            assert difference.mean() <= mean
    else:
        scale = 255 if arguments[0].dtype == np.uint8 else 1
        assert np.abs(ours - theirs).max() <= (1e-9 if ours.dtype == np.float64 else 1e-4) * scale
    if "out" in inspect.signature(getattr(fast, name)).parameters:
        for engine in (fast, reference):
            out = np.zeros_like(ours)
            assert getattr(engine, name)(*arguments, **options, out=out) is out
            assert np.array_equal(out, ours if engine is fast else theirs)


@needs_fast
@settings(max_examples=300)
@given(data=st.data(), image=images(), edge=edges)
def test_warps_agree(data, image, edge):
    shape = data.draw(st.one_of(st.just(image.shape[:2]), st.tuples(SIDES, SIDES)))
    assert_law("warp", image, data.draw(matrices(image.shape[:2])), shape, order=1, **edge)


@needs_fast
@settings(max_examples=200)
@given(data=st.data(), image=images(), edge=edges)
def test_remaps_agree(data, image, edge):
    matrix = data.draw(matrices(image.shape[:2]))
    positions = geometry.look_up(matrix, geometry.pixel_grid(data.draw(st.tuples(SIDES, SIDES))))
    positions += data.draw(st.sampled_from([0, 5])) * np.sin(positions[..., ::-1] / 7)
    if data.draw(st.booleans()):
        positions = geometry.dense(positions[..., 0], positions[..., 1], positions.shape[:2])
    assert_law("remap", image, positions, order=1, **edge)


@needs_fast
@settings(max_examples=200)
@given(
    data=st.data(),
    shape=st.tuples(SIDES, SIDES),
    dtype=st.sampled_from(["bool", "uint8", "int16", "int32", "int64", "uint64", "float16", "float32", "float64"]),
    edge=edges,
)
def test_masks_move_the_same(data, shape, dtype, edge):
    """Labels of any dtype, at whole positions too, where half-way is common."""
    channels = data.draw(st.sampled_from([None, 1, 3, 7]))
    full = shape if channels is None else (*shape, channels)
    labels = (np.arange(np.prod(full)).reshape(full) * 7919 % 251).astype(dtype)
    matrix = data.draw(matrices(shape))
    matrix = data.draw(st.sampled_from([matrix, np.rint(matrix * 2) / 2]))
    assert_law("warp", labels, matrix, shape, order=0, levels=0, **edge)
    positions = geometry.look_up(matrix, geometry.pixel_grid(shape))
    assert_law("remap", labels, positions, order=0, levels=0, **edge)
    positions = geometry.dense(positions[..., 0], positions[..., 1], shape)
    assert_law("remap", labels, positions, order=0, levels=0, **edge)


@needs_fast
@every_border
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [2, 3, 5])
def test_what_is_too_large_for_single_precision_is_moved_in_tiles(border, dtype, channels, monkeypatch):
    image = NOISE[..., [0, 1, 2, 3, 1]][..., :channels]
    image = image if dtype == "uint8" else (image / 255).astype(dtype)
    monkeypatch.setitem(fast._ALLOWED_ERROR, np.dtype(dtype), 1.2e-5)  # some 200 pixels
    monkeypatch.setitem(fast._TILE, np.dtype(dtype), 50)
    tiles = []
    whole = fast._tile
    monkeypatch.setattr(fast, "_tile", lambda *arguments: tiles.append(whole(*arguments)) or tiles[-1])
    matrix = geometry.about_centre((300, 300), rotation=0.4, scale=1.2, translation=(40.2, 9.9))
    for where in (matrix, matrix @ np.array([[1, 0, 0], [0, 1, 0], [3e-4, 2e-4, 1]])):
        assert_law("warp", image, where, (300, 280), order=1, border=border, fill=0.3)
        assert_law("remap", image, geometry.look_up(where, geometry.pixel_grid((300, 280))), order=1, border=border)
    assert len(tiles) > 100
    assert all(tiles)


@needs_fast
def test_sides_longer_than_opencv_counts():
    long = np.arange(40_000, dtype=np.uint16).astype(np.uint8)[None, :, None].repeat(3, axis=2)
    for order in (0, 1):
        assert_law("warp", long, geometry.shift(-0.3, 0), (1, 40_000), order=order, border="edge")
        assert_law("warp", long, geometry.shift(39_000, 0), (1, 500), order=order, border="edge", levels=order)
        assert_law("remap", long, geometry.pixel_grid((1, 40_000)), order=order, border="wrap", levels=order)


def views(image):
    """What slices, flips and quarter turns make of an image."""
    crops = [image, image[1:, 2:], image[:-1, ::2], image[:1], image[:, :1]]
    for crop, turn, down, right in itertools.product(crops, (False, True), (1, -1), (1, -1)):
        turned = crop.swapaxes(0, 1) if turn else crop
        yield turned[::down, ::right]


@needs_fast
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float32", "float64", "complex128"])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4, 6])
def test_flipped_and_turned_views_are_copied_exactly(dtype, channels):
    full = (7, 9) if channels is None else (7, 9, channels)
    image = (np.arange(np.prod(full)).reshape(full) * 37 % 251).astype(dtype)
    for view in views(image):
        assert_law("contiguous", view, levels=0)
        assert not np.shares_memory(fast.contiguous(view), image)
    assert_law("contiguous", np.broadcast_to(image[:1], full), levels=0)
    if channels:
        assert_law("contiguous", image[..., ::-1][:, ::-1], levels=0)


@needs_fast
@pytest.mark.parametrize("without_stringzilla", [False, True])
@settings(max_examples=60)
@given(data=st.data(), image=images(dtypes=("uint8",)), dtype=st.sampled_from(["uint8", "float32"]))
def test_tables_are_exact(data, image, dtype, without_stringzilla):
    channels = image.shape[2] if image.ndim == 3 else 1
    seed = data.draw(st.integers(0, 99))
    table = np.random.default_rng(seed).integers(0, 256, (256, data.draw(st.sampled_from([1, channels])))).astype(dtype)
    if data.draw(st.booleans()):
        table = np.repeat(table[:, :1], channels, axis=1)
    with pytest.MonkeyPatch.context() as patch:
        if without_stringzilla:
            patch.setattr(fast, "_translate", lambda: None)
        for view in (image, image[::-1, ::-1], image[:, ::2]):
            assert_law("lookup", view, table, levels=0)


@given(image=images(dtypes=("uint8", "float32", "float64")), scale=st.floats(-9, 9), shift=st.floats(-9, 9))
@example(image=NOISE[:5, :7, :3], scale=np.array([1.0, 0.1, 1e-3]), shift=np.array([0.0, -0.3, 7.0]))
def test_normalisation_is_one_product_and_one_sum(image, scale, shift):
    dtype = np.float64 if image.dtype == np.float64 else np.float32
    expected = image.astype(dtype) * np.asarray(scale, dtype)
    expected += np.asarray(shift, dtype)
    for view, whole in ((image, expected), (image[::-1, ::2], expected[::-1, ::2])):
        for function in (reference.normalize, engines.current().normalize):
            result = function(view, scale, shift)
            assert result.dtype == dtype
            assert np.array_equal(result, whole)
            out = np.empty_like(result)
            assert function(view, scale, shift, out=out) is out
            assert np.array_equal(out, whole)


@needs_fast
@settings(max_examples=300)
@given(data=st.data(), image=images(), method=st.sampled_from(["linear", "area"]))
def test_resizes_agree(data, image, method):
    height, width = image.shape[:2]
    shape = data.draw(
        st.one_of(
            st.tuples(SIDES, SIDES),
            st.sampled_from([(max(height // 2, 1), max(width // 4, 1)), (2 * height, 3 * width), (height, 2 * width)]),
        )
    )
    assert_law("resize", image, shape, method=method, mean=0.2)


@needs_fast
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_whole_pixels_are_enlarged_whole(dtype):
    """Where an output pixel begins at an input pixel, reckoned with fractions it may seem to begin before."""
    image = (NOISE[:1, :90, :1] / (1 if dtype == "uint8" else 255)).astype(dtype)
    for few, many in itertools.product([1, 2, 3, 5, 16, 33, 64, 90], range(1, 130)):
        assert_law("resize", image[:, :few], (2, many), method="area", mean=0.2)


@needs_fast
def test_large_float_images_are_resized_as_exactly():
    image = NOISE[:20, :200, 0].reshape(1, -1) // 128
    for method, length in itertools.product(["linear", "area"], [3333, 999, 5001]):
        assert_law("resize", image.astype(np.float32), (1, length), method=method)
        assert_law("resize", image * 255, (1, length), method=method, mean=0.2)
    assert_law("resize", NOISE[:40, :40, [0, 1, 2, 3, 0, 1]].astype(np.float32) / 255, (30, 50))  # heatmaps


@needs_fast
@settings(max_examples=200)
@given(image=images(), size=st.one_of(st.floats(0.05, 3), st.integers(0, 12)))
def test_blurs_agree(image, size):
    assert_law("gaussian", image, size + 0.01)
    assert_law("box", image, size)
    assert_law("zoom_blur", image, 1 + size / 12)


@needs_fast
@settings(max_examples=100)
@given(image=images(), radius=st.integers(1, 4))
def test_medians_are_exact(image, radius):
    assert_law("median", image, radius, levels=0)


@needs_fast
@settings(max_examples=200)
@given(data=st.data(), image=images())
def test_weighted_sums_agree(data, image):
    """Small kernels, and large ones with few weights, in one corner too, or with many."""
    height, width = (2 * data.draw(st.integers(0, 15)) + 1 for _ in range(2))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    kernel = random.uniform(-0.3, 1, (height, width)) * (random.random((height, width)) < data.draw(st.floats(0, 1)))
    kernel[height // 2 :, : width // 2] *= data.draw(st.sampled_from([0, 1]))
    assert_law("correlate", image, kernel / max(np.abs(kernel).sum(), 1e-3))


@needs_fast
@settings(max_examples=100)
@given(image=images(), quality=st.integers(1, 100), subsampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]))
def test_jpegs_are_the_same(image, quality, subsampling):
    color = image if image.ndim == 2 else image[..., : min(image.shape[2], 3)]
    assert_law("jpeg", color, quality, subsampling)


@needs_fast
@settings(max_examples=200)
@given(data=st.data(), image=images(), cutoff=st.floats(0, 0.49))
def test_curves_from_histograms_are_exact(data, image, cutoff):
    low, high = sorted(data.draw(st.tuples(st.integers(0, 255), st.integers(0, 255))))
    scale = 255 if image.dtype == np.uint8 else 1
    image = np.clip(image, image.dtype.type(low / 255 * scale), image.dtype.type(high / 255 * scale))
    channels = image.shape[2] if image.ndim == 3 else 1
    quantiles = np.sort(np.random.default_rng(low).random((channels, data.draw(st.integers(2, 60)))), axis=1)
    assert_law("equalize", image, levels=0)
    assert_law("stretch", image, cutoff, together=data.draw(st.booleans()), levels=0)
    assert_law("match_quantiles", image, quantiles, data.draw(st.floats(0, 1)), levels=0)


@needs_fast
def test_more_pixels_of_a_level_than_a_float32_counts():
    image = np.zeros((4097, 4097), np.uint8)
    image[0, :3] = 9
    assert fast._counts(image)[0, [0, 9]].tolist() == [4097**2 - 3, 3]
    assert_law("equalize", image, levels=0)


@needs_fast
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("shape", [(7, 9), (1, 9), (7, 1, 1), (7, 9, 3), (7, 9, 4), (7, 9, 6), (1, 1, 3)], ids=str)
@every_border
def test_borders_are_added_exactly(shape, dtype, border):
    image = (np.arange(np.prod(shape)).reshape(shape) * 37 % 251).astype(dtype)
    for around in (((0, 0), (0, 0)), ((1, 2), (3, 0)), ((20, 33), (41, 5))):
        for fill in (0.0, 0.3):
            assert_law("pad", image, around, border, fill, levels=0)


@needs_fast
def test_inputs_may_be_read_only_and_strided():
    matrix = geometry.about_centre((121, 153), rotation=0.3)
    positions = geometry.look_up(matrix, geometry.pixel_grid((121, 153)))
    table = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
    flipped = PHOTO[::-1, ::-1].copy()[::-1, ::-1]
    for strided in (flipped, np.asfortranarray(PHOTO), np.dstack([PHOTO, PHOTO])[..., :3], PHOTO):
        frozen = strided.view()
        frozen.flags.writeable = False
        for name, arguments, options in (
            ("warp", (matrix, (121, 153)), {"order": 1, "border": "edge"}),
            ("warp", (matrix, (121, 153)), {"order": 0, "border": "edge"}),
            ("remap", (positions,), {"order": 1, "border": "edge"}),
            ("lookup", (table,), {}),
            ("contiguous", (), {}),
            ("pad", (((3, 40), (5, 0)), "reflect"), {}),
            ("resize", ((60, 70),), {}),
            ("resize", ((200, 210),), {"method": "area"}),
            ("gaussian", (1.5,), {}),
            ("box", (2,), {}),
            ("median", (2,), {}),
            ("correlate", (np.eye(15) / 15,), {}),
            ("zoom_blur", (1.2,), {}),
            ("jpeg", (50, "4:2:0"), {}),
            ("equalize", (), {}),
            ("stretch", (0.1,), {"together": True}),
        ):
            function = getattr(fast, name)
            assert np.array_equal(function(frozen, *arguments, **options), function(PHOTO, *arguments, **options))


# ---------------------------------------------------------------- the self-test


def in_a_fresh_process(script):
    """What a new interpreter prints, by lines; warnings are errors there as well."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.fixture
def fresh(monkeypatch):
    """A fast engine that has tested nothing yet."""
    monkeypatch.setattr(engines, "_loaded", {})
    with engines.engine("fast"):
        yield engines.current()


@needs_fast
def test_every_fast_primitive_is_tested_and_has_the_reference_signature():
    own = {
        name
        for name, value in vars(fast).items()
        if inspect.isfunction(value) and not name.startswith("_")
        if value.__module__ == fast.__name__ or hasattr(value, "__wrapped__")
    }
    assert own == set(fast.CASES)
    assert own >= set(kernels.NAMES)
    for name in own:
        assert fast.CASES[name]
        ours, theirs = (inspect.signature(getattr(engine, name)) for engine in (fast, reference))
        assert [(one.name, one.kind, one.default) for one in ours.parameters.values()] == [
            (one.name, one.kind, one.default) for one in theirs.parameters.values()
        ]


@needs_fast
def test_all_primitives_pass_their_self_test(fresh):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in fast.CASES:
            assert getattr(fresh, name) is getattr(fast, name)
    assert fresh.superpixels is reference.superpixels  # not in fast
    assert fresh.GRAY_WEIGHTS is reference.GRAY_WEIGHTS
    assert not hasattr(fresh, "cv2")
    with pytest.raises(AttributeError, match="no attribute 'wrap'"):
        _ = fresh.wrap


@needs_fast
@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lambda image, table: reference.lookup(image, table) + 2, r"was off by \d+ levels"),
        (
            lambda image, table: reference.lookup(image, table) * 1.0,
            r"gave float64 \(23, 29, 3\) instead of uint8",
        ),
        (lambda image, _: image[0], r"gave uint8 \(29, 3\) instead of uint8 \(23, 29, 3\)"),
        (lambda *_: 1 / 0, r"raised ZeroDivisionError: division by zero"),
        (
            lambda image, table: reference.lookup(image, table).astype(table.dtype) * table.dtype.type(1.01),
            r"was off by [\d.]+ of full scale",
        ),
    ],
)
def test_a_broken_primitive_is_the_references_with_one_warning(fresh, monkeypatch, broken, complaint):
    monkeypatch.setattr(fast, "lookup", broken)
    if "full scale" in complaint:  # wrong on floats alone
        monkeypatch.setitem(fast.CASES, "lookup", fast.CASES["lookup"][1::2])
    expected = f"lookup of the fast engine {complaint}.* with OpenCV {cv2.__version__}; the reference's is used instead"
    with pytest.warns(RuntimeWarning, match=expected) as caught:
        assert fresh.lookup is reference.lookup
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fresh.lookup is reference.lookup
        assert engines.current() is fresh
        assert fresh.warp is fast.warp


@needs_fast
def test_a_kernel_is_used_from_when_it_is_compiled(monkeypatch):
    compiled = {}
    monkeypatch.setattr(kernels, "ready", compiled.get)
    image = PHOTO[:9, :9]
    expected = reference.hue_saturation(image, 0.1, 1.5)
    function = fast._compiled("hue_saturation")
    assert inspect.signature(function) == inspect.signature(reference.hue_saturation)
    assert np.array_equal(function(image, 0.1, 1.5), expected)
    calls = []

    def kernel(*arguments, **options):
        calls.append(arguments)
        return reference.hue_saturation(*arguments, **options)

    compiled["hue_saturation"] = kernel
    assert np.array_equal(function(image, 0.1, saturation=1.5), expected)
    assert len(calls) == len(fast.CASES["hue_saturation"]) + 1
    function(image, 0.1, 1.5)
    assert len(calls) == len(fast.CASES["hue_saturation"]) + 2


@needs_fast
def test_a_kernel_that_disagrees_is_not_used(monkeypatch):
    monkeypatch.setattr(kernels, "ready", lambda _: lambda image, *_: image)
    function = fast._compiled("hue_saturation")
    expected = r"the compiled hue_saturation of the fast engine was off by \d+ levels; the reference's is used instead"
    with pytest.warns(RuntimeWarning, match=expected) as caught:
        found = function(PHOTO, 0.2, 1.5)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert np.array_equal(found, reference.hue_saturation(PHOTO, 0.2, 1.5))
    assert np.array_equal(function(PHOTO, 0.2, 1.5), found)


def test_one_can_wait_for_the_kernels():
    assert in_a_fresh_process("""
        from augmentlab import engines
        from augmentlab.engines import kernels
        engines.wait()
        try:
            import numba
            print(all(map(kernels.ready, kernels.NAMES)))
        except ImportError:
            print(True)
    """) == ["True"]


@needs_fast
def test_opencv_alone_is_enough():
    assert in_a_fresh_process("""
        import sys
        sys.modules["numba"] = sys.modules["stringzilla"] = None
        from augmentlab import engines
        from augmentlab.engines import fast, reference, selftest
        engines.wait()
        for name, cases in fast.CASES.items():
            primitive = getattr(engines.current(), name)
            assert primitive is getattr(fast, name)
            assert selftest.disagreement(primitive, getattr(reference, name), cases) is None
        print(engines.current_name(), fast._translate())
    """) == ["fast None"]


def test_labels_must_not_differ_at_all():
    cases = [((np.arange(6).reshape(2, 3),), {})]
    assert selftest.disagreement(np.copy, np.copy, cases) is None
    assert selftest.disagreement(lambda a: a + (a == 2), np.copy, cases) == "was off at 16.7% of the values"
    assert selftest.disagreement(lambda a: a * np.nan, lambda a: a * 1.0, cases).startswith("was off by nan")


@needs_fast
def test_threads_that_come_together_test_once(monkeypatch):
    monkeypatch.setattr(engines, "_loaded", {})
    runs = []
    monkeypatch.setattr(selftest, "disagreement", lambda *_: runs.append(threading.get_ident()))
    start = threading.Barrier(8)

    def ask(_):
        start.wait()
        return engines.current(), engines.current().warp

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ask, range(8)))
    assert len(found) == 1
    assert len(runs) == 1


# ---------------------------------------------------------------- the choice


def test_the_engine_is_chosen_for_a_block_and_a_thread():
    default = engines.current_name()
    with engines.engine("reference"):
        assert engines.current() is reference
        assert engines.current_name() == "reference"
        seen = []
        thread = threading.Thread(target=lambda: seen.append(engines.current_name()))
        thread.start()
        thread.join()
        assert seen == [default]
        assert Rotate(angle=3)(PHOTO).shape == PHOTO.shape
    assert engines.current_name() == default


def test_the_default_is_the_fast_engine_where_opencv_is_new_enough():
    assert engines.current_name() == ("fast" if int(cv2.__version__.split(".")[0]) >= 5 else "reference")


@needs_fast
def test_blocks_nest():
    with engines.engine("reference"), engines.engine("fast"):
        assert engines.current().warp is fast.warp
        with engines.engine("reference"):
            assert engines.current() is reference
        assert engines.current_name() == "fast"


def test_an_unknown_engine_gets_one_sentence():
    with (
        pytest.raises(ValueError, match=r"engine must be one of 'reference', 'fast'; got 'warp9'"),
        engines.engine("warp9"),
    ):
        pass


def test_the_engine_is_restored_after_an_error():
    default = engines.current_name()
    with pytest.raises(ZeroDivisionError), engines.engine("reference"):
        1 / 0  # noqa: B018
    assert engines.current_name() == default


@pytest.mark.parametrize(
    ("opencv", "found"),
    [
        ("sys.modules['cv2'] = None", "no OpenCV"),
        ("sys.modules['cv2'] = types.SimpleNamespace(__version__='4.11.0-dev')", "OpenCV 4.11.0-dev"),
    ],
)
def test_without_opencv_5_the_reference_is_the_default(opencv, found):
    lines = in_a_fresh_process(f"""
        import sys, types
        {opencv}
        import numpy as np
        from augmentlab import Gamma, Rotate, engines
        print(engines.current_name(), engines.current().__name__)
        image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
        assert Gamma(gamma=2)(Rotate(angle=20)(image)).shape == image.shape
        try:
            with engines.engine("fast"):
                pass
        except ImportError as error:
            print(error)
        print("augmentlab.engines.fast" in sys.modules)
    """)
    assert lines == [
        "reference augmentlab.engines.reference",
        'engine "fast" needs OpenCV 5 or later: python -m pip install "augmentlab[fast]"; found ' + found,
        "False",
    ]


def _turned(seed):
    return Rotate(angle=seed)(BIG_PHOTO[..., :3]), engines.current_name()


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_give_the_same(method):
    expected = [_turned(seed) for seed in range(4)]  # OpenCV has started its threads before the fork
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map_async(_turned, range(4)).get(timeout=60)
    for (ours, name), (theirs, default) in zip(found, expected, strict=True):
        assert np.array_equal(ours, theirs)
        assert name == default


def test_threads_give_the_same():
    expected = [_turned(seed)[0] for seed in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(_turned, range(40)))
    assert all(np.array_equal(ours, theirs) for (ours, _), theirs in zip(found, expected, strict=True))


# ---------------------------------------------------------------- what came with an OpenCV that is none


@pytest.mark.parametrize(
    "module",
    ["", "raise RuntimeError('broken')", "__version__ = '5.0.0'", "__version__ = 'unknown'"],
    ids=["empty", "raising", "hollow", "no number"],
)
def test_a_broken_opencv_leaves_the_reference(module, tmp_path):
    (tmp_path / "cv2.py").write_text(module)
    (name,) = in_a_fresh_process(f"""
        import sys, warnings
        sys.path.insert(0, {str(tmp_path)!r})
        import numpy as np
        from augmentlab import Rotate, engines
        warnings.simplefilter("ignore")
        Rotate(angle=5)(np.zeros((8, 8, 3), np.uint8))
        print(engines.current_name())
    """)
    assert name == "reference"

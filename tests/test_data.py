import copy
import hashlib
import io
import os
import pickle
import re
import socket
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from augmentlab import Sample, data
from augmentlab.data import Dataset, bundled, decode, folder

# ---------------------------------------------------------------- Dataset


def images(count=6, shape=(8, 10), dtype=np.uint8):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (count, *shape))
    return values.astype(np.uint8) if dtype == np.uint8 else (values / 255).astype(dtype)


def test_a_dataset_holds_what_it_was_given():
    X = images()
    ds = Dataset(X, ["b", "a", "b", "b", "a", "b"], groups=[1, 1, 2, 2, 3, 3], name="letters")
    assert len(ds) == 6
    assert ds.classes == ("a", "b")
    assert ds.labels.tolist() == [1, 0, 1, 1, 0, 1]
    assert ds.labels.dtype == np.int64
    assert ds.groups.tolist() == ["1", "1", "2", "2", "3", "3"]
    assert ds.counts == {"a": 2, "b": 4}
    assert np.shares_memory(ds.images, X)
    assert repr(ds) == "Dataset('letters': 6 images 8x10, uint8; 2 classes: a 2, b 4; 3 groups)"


def test_items_are_samples_with_an_integer_label():
    X = images()
    ds = Dataset(X, list("bababa"))
    sample = ds[2]
    assert isinstance(sample, Sample)
    assert np.array_equal(sample.image, X[2])
    assert sample.label == 1
    assert type(sample.label) is int
    assert [s.label for s in ds] == [1, 0, 1, 0, 1, 0]
    assert np.array_equal(ds[-1].image, X[5])


def test_images_cannot_be_written_through_the_dataset():
    X = images()
    for ds in (Dataset(X, range(6)), Dataset(list(X), range(6))):
        with pytest.raises(ValueError, match="read-only"):
            ds.images[0][0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            ds[0].image[0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            ds.labels[0] = 1
        with pytest.raises(AttributeError):
            ds.name = "other"
    X[0, 0, 0] = 7  # the caller's own array stays his


def test_a_list_may_mix_sizes_and_is_kept_as_it_is():
    mixed = [images(1, (4, 5))[0], images(1, (9, 3, 3), np.float32)[0]]
    ds = Dataset(mixed, [0, 1])
    assert [image.shape for image in ds.images] == [(4, 5), (9, 3, 3)]
    assert all(np.shares_memory(held, given) for held, given in zip(ds.images, mixed, strict=True))
    assert "4x5 to 9x3, float32/uint8" in repr(ds)


@pytest.mark.parametrize(
    ("shapes", "sizes"),
    [
        ([(5, 5, 3), (8, 8), (4, 5)], "4x5 to 8x8"),  # not the bytes decide
        ([(4, 5, 3), (4, 5)], "4x5"),
        ([(2, 6), (3, 4)], "2x6 to 3x4"),
        ([(4, 5, 3), (4, 5, 3)], "4x5x3"),
    ],
)
def test_the_range_of_sizes_is_of_pixels(shapes, sizes):
    ds = Dataset([np.zeros(shape, np.uint8) for shape in shapes], range(len(shapes)))
    assert f"images {sizes}, uint8;" in repr(ds)


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        ([3, 10, 3], None, ("3", "10")),
        (np.array([3, 10, 3], np.uint8), None, ("3", "10")),
        (["b", "a", "b"], None, ("a", "b")),
        ([True, False, True], None, ("False", "True")),
        ([(1, 2), "x", (1, 2)], None, ("(1, 2)", "x")),
        ([1, 0, 1], ["zero", "one", "two"], ("zero", "one", "two")),
        (["one", "zero", "one"], ["zero", "one", "two"], ("zero", "one", "two")),
    ],
)
def test_labels_become_indices_into_classes(labels, classes, expected):
    ds = Dataset(images(3), labels, classes)
    assert ds.classes == expected
    names = [ds.classes[code] for code in ds.labels]
    assert names[0] == names[2] != names[1]
    if classes is None:
        assert names == [str(label) for label in list(labels)]
    else:
        assert ds.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"images": np.zeros((0, 4, 4), np.uint8), "labels": []}, ValueError, "at least one image; got none"),
        ({"images": [], "labels": []}, ValueError, "at least one image; got none"),
        ({"images": np.zeros((4, 4), np.uint8)}, ValueError, r"\(N, H, W\).*got an array of shape \(4, 4\)"),
        ({"images": np.zeros((3, 4, 4), np.int32)}, TypeError, r"image 0 must be uint8.*int32.*as_image"),
        ({"images": np.zeros((3, 3, 8, 8), np.uint8)}, ValueError, r"image 0 .*\(C, H, W\)"),
        ({"images": [np.zeros((4, 4))] * 2 + [np.full((4, 4), 255.0)]}, ValueError, r"image 2 .*\[0, 1\].*255"),
        (
            {"images": np.stack([np.zeros((4, 4)), np.full((4, 4), np.nan), np.ones((4, 4))])},
            ValueError,
            "image 1 .*NaN",
        ),
        ({"images": [[1, 2], [3, 4], [5, 6]]}, TypeError, "image 0 must be a NumPy array; got list"),
        ({"images": None}, TypeError, r"images must be an array .* or a list of images; got None"),
        ({"images": 5}, TypeError, r"images must be an array .* or a list of images; got 5"),
        ({"labels": [0, 1]}, ValueError, "labels must have one entry for each of the 3 images; got 2"),
        ({"labels": "abc"}, TypeError, "labels must be a sequence .* got 'abc'"),
        ({"labels": np.eye(3)}, ValueError, r"labels must have shape \(3,\); got shape \(3, 3\).*argmax"),
        ({"labels": [[1], [2], [3]]}, TypeError, r"labels\[0\] must be a number or a string; got \[1\]"),
        ({"labels": ["a", None, "b"]}, ValueError, r"labels\[1\] is missing \(None\)"),
        ({"labels": [0.0, float("nan"), 1.0]}, ValueError, r"labels\[1\] is missing \(nan\)"),
        ({"labels": pd.Series(["a", None, "b"], dtype="category")}, ValueError, r"labels\[1\] is missing"),
        ({"labels": pd.array([1, 2, None], dtype="Int64")}, ValueError, r"labels\[2\] is missing \(<NA>\)"),
        ({"classes": ["a", "b"], "labels": [0, 1, 2]}, ValueError, r"labels\[2\] .* 2 classes, in \[0, 1\]; got 2"),
        ({"classes": ["a", "b"], "labels": ["a", "b", "c"]}, ValueError, r"labels\[2\] .*'a', 'b'; got 'c'"),
        ({"classes": ["a", "a"]}, ValueError, "classes must be different names"),
        ({"groups": ["p", "q"]}, ValueError, "groups must have one entry for each of the 3 images; got 2"),
        ({"masks": [None]}, ValueError, "masks must have one entry for each of the 3 images; got 1"),
        ({"masks": [None, None, np.zeros((9, 9), np.uint8)]}, ValueError, r"image 2: mask .*\(9, 9\)"),
        ({"boxes": [None, [[5, 5, 1, 1]], None]}, ValueError, "image 1: boxes must be x_min"),
        ({"keypoints": [[[0, 0, 0]], None, None]}, ValueError, r"image 0: keypoints must have shape \(N, 2\)"),
    ],
)
def test_a_bad_dataset_gets_one_sentence(change, error, sentence):
    given = {"images": images(3), "labels": [0, 1, 0]} | change
    with pytest.raises(error, match=sentence) as caught:
        Dataset(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("index", "error", "sentence"),
    [
        (6, IndexError, r"index must be in \[0, 5\]; got 6"),
        (slice(2), TypeError, "use subset"),
        ("a", TypeError, "one integer; got 'a'"),
    ],
)
def test_a_bad_index_gets_one_sentence(index, error, sentence):
    with pytest.raises(error, match=sentence):
        Dataset(images(), range(6))[index]


def test_a_subset_keeps_classes_order_groups_and_targets():
    X = images()
    ds = Dataset(
        X,
        list("abcabc"),
        groups=range(6),
        masks=list(X > 100),
        boxes=[[[0, 0, i + 1, 1]] for i in range(6)],
        box_labels=[[f"box {i}"] for i in range(6)],
        keypoints=[[[i, 0]] for i in range(6)],
    )
    for part in (
        ds.subset([4, 0]),
        ds.subset(np.array([-2, -6])),
        Dataset(**ds._fields() | {"images": list(X)}).subset([4, 0]),
    ):
        assert part.classes == ds.classes
        assert part.labels.tolist() == [1, 0]
        assert part.groups.tolist() == ["4", "0"]
        assert np.array_equal(part[0].image, X[4])
        assert np.array_equal(part[0].mask, X[4] > 100)
        assert part[0].boxes.tolist() == [[0, 0, 5, 1]]
        assert list(part[0].box_labels) == ["box 4"]
        assert part[0].keypoints.tolist() == [[4, 0]]
    assert ds.subset(ds.labels == 2).groups.tolist() == ["2", "5"]


@pytest.mark.parametrize(
    ("indices", "error", "sentence"),
    [
        ([], ValueError, "at least one index; got none"),
        ([6], IndexError, r"\[0, 5\]; got 6"),
        ([-7], IndexError, r"\[0, 5\]; got -7"),
        ([0.5], TypeError, "integers or bools; got float64"),
        ([True, False], IndexError, r"each of the 6 images; got shape \(2,\)"),
        ([False] * 6, ValueError, "at least one image; got only False"),
    ],
)
def test_a_bad_subset_gets_one_sentence(indices, error, sentence):
    with pytest.raises(error, match=sentence):
        Dataset(images(), range(6)).subset(indices)


# ---------------------------------------------------------------- fingerprint


def test_the_fingerprint_is_the_content_and_not_the_container():
    X = images()
    ds = Dataset(X, list("ababab"))
    assert re.fullmatch("[0-9a-f]{64}", ds.fingerprint)
    assert Dataset(list(X), list("ababab"), name="other").fingerprint == ds.fingerprint
    assert Dataset(np.asfortranarray(X), [0, 1, 0, 1, 0, 1], ["a", "b"]).fingerprint == ds.fingerprint
    masks = [image.astype(np.int16) for image in X]
    big_endian = [mask.astype(">i2") for mask in masks]
    assert Dataset(X, range(6), masks=masks).fingerprint == Dataset(X, range(6), masks=big_endian).fingerprint


def test_every_part_of_the_content_changes_the_fingerprint():
    X = images()
    other = X.copy()
    other[5, 7, 9] ^= 1
    labels = list("ababab")
    points = [[[1.0, 2.0]]] * 6
    box = [[[0, 0, 4, 4]]] * 6
    sets = [
        Dataset(X, labels),
        Dataset(other, labels),
        Dataset(X.reshape(6, 10, 8), labels),
        Dataset(X[..., None], labels),
        Dataset((X / np.float32(255)).astype(np.float32), labels),
        Dataset((X / 255), labels),
        Dataset(X[:5], labels[:5]),
        Dataset(X, list("ababba")),
        Dataset(X, list("xbxbxb"), ["x", "b"]),
        Dataset(X, labels, groups=range(6)),
        Dataset(X, labels, groups=[0, 0, 1, 1, 2, 2]),
        Dataset(X, labels, keypoints=points),
        Dataset(X, labels, keypoints=[*points[:5], None]),
        Dataset(X, labels, keypoints=[None, *points[:5]]),
        Dataset(X, labels, masks=list(X)),
        Dataset(X, labels, boxes=box),
        Dataset(X, labels, boxes=[np.zeros((0, 4))] * 6),
        Dataset(X, labels, boxes=box, box_labels=[["a"]] * 6),
        Dataset(X, labels, boxes=box, box_labels=[["b"]] * 6),
    ]
    assert len({ds.fingerprint for ds in sets}) == len(sets)


def test_the_fingerprint_is_the_same_in_another_process():
    code = (
        "import numpy as np; from augmentlab.data import Dataset;"
        "print(Dataset(np.arange(96, dtype=np.uint8).reshape(2, 6, 8), ['b', 'a'], groups=['p', 'q']).fingerprint)"
    )
    here = Dataset(np.arange(96, dtype=np.uint8).reshape(2, 6, 8), ["b", "a"], groups=["p", "q"]).fingerprint
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here
    assert here == "b10efa868557f30aa234aae20e7efb1d9f0dc0fc859795996464674b88402186"


def test_pickle_and_copy_keep_content_and_stay_read_only():
    ds = Dataset(list(images()), list("ababab"), groups=range(6), masks=list(images()), unreadable=[("x", "broken")])
    for again in (pickle.loads(pickle.dumps(ds)), copy.deepcopy(ds)):
        assert again.fingerprint == ds.fingerprint
        assert again.name == ds.name
        assert again.unreadable == (("x", "broken"),)
        assert not again.images[0].flags.writeable
        assert not again.labels.flags.writeable
        assert not again.masks[0].flags.writeable


# ---------------------------------------------------------------- bundled


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    ds = data.digits()
    original = load_digits()
    assert ds.images.shape == (1797, 8, 8)
    assert ds.images.dtype == np.uint8
    assert (ds.images.min(), ds.images.max()) == (0, 255)
    assert np.abs(ds.images - original.images * 255 / 16).max() <= 0.5
    assert np.array_equal(ds.labels, original.target)
    assert ds.classes == tuple("0123456789")


def test_scattered_digits_are_these_bytes():
    ds = data.scattered_digits()
    assert ds.images.shape == (1797, 16, 16)
    assert ds.images.dtype == np.uint8
    assert hashlib.sha256(ds.images.tobytes()).hexdigest() == bundled.SCATTERED_DIGITS_SHA256
    assert np.array_equal(ds.labels, data.digits().labels)
    assert np.array_equal(ds.images, data.scattered_digits(seed=0).images)
    assert not np.array_equal(ds.images, data.scattered_digits(seed=1).images)


def test_no_scattered_pixel_is_near_a_rounding_tie():
    # 1e-6 is ten thousand times what the last bits of a platform's arithmetic could move a value of 255.
    values = bundled._scatter(data.digits().images, 0)
    assert np.abs(values - np.floor(values) - 0.5).min() > 1e-6


def test_scattering_is_a_rotation_and_a_shift_within_the_stated_ranges():
    square = np.zeros((200, 8, 8), np.uint8)
    square[:, 2:6, 3:5] = 240
    scattered = bundled._scatter(square, 5)
    rows, columns = np.mgrid[:16, :16]
    weights = scattered / scattered.sum(axis=(1, 2), keepdims=True)
    y, x = (weights * rows).sum(axis=(1, 2)) - 7.5, (weights * columns).sum(axis=(1, 2)) - 7.5
    covariance = (weights * (rows - 7.5 - y[:, None, None]) * (columns - 7.5 - x[:, None, None])).sum(axis=(1, 2))
    spread_y = (weights * (rows - 7.5 - y[:, None, None]) ** 2).sum(axis=(1, 2))
    spread_x = (weights * (columns - 7.5 - x[:, None, None]) ** 2).sum(axis=(1, 2))
    angle = np.rad2deg(np.arctan2(2 * covariance, spread_y - spread_x) / 2)
    assert np.allclose(scattered.sum(axis=(1, 2)), square[0].sum(), rtol=0.05)
    for shift in (y, x):
        assert 2.5 < shift.max() < 3.1
        assert -3.1 < shift.min() < -2.5
    assert 17 < angle.max() < 22
    assert -22 < angle.min() < -17


@pytest.fixture(scope="module")
def letters():
    return data.glyphs(n=546)


def test_glyphs_meet_every_letter_in_every_font(letters):
    assert letters.images.shape == (546, 32, 32, 3)
    assert letters.images.dtype == np.uint8
    assert letters.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert "synthetic" in letters.name
    assert len(set(zip(letters.labels.tolist(), letters.groups.tolist(), strict=True))) == 26 * 21


def test_mask_box_and_keypoints_of_a_glyph_agree_exactly(letters):
    for sample in letters:
        mask = sample.mask
        assert mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 1}
        x_min, y_min, x_max, y_max = sample.boxes[0].astype(int)
        assert sample.boxes.shape == (1, 4)
        assert mask[y_min:y_max, x_min:x_max].sum() == mask.sum()
        assert mask[y_min].any()
        assert mask[y_max - 1].any()
        assert mask[:, x_min].any()
        assert mask[:, x_max - 1].any()
        left, top, right, bottom = sample.keypoints.astype(int)
        assert (left[0], top[1], right[0] + 1, bottom[1] + 1) == (x_min, y_min, x_max, y_max)
        assert all(mask[y, x] == 1 for x, y in (left, top, right, bottom))
        assert list(sample.box_labels) == [letters.classes[sample.label]]


def test_every_glyph_stands_out_and_is_large_enough_to_read(letters):
    luminance = letters.images @ np.array([0.299, 0.587, 0.114])
    for gray, sample in zip(luminance, letters, strict=True):
        inside = sample.mask.astype(bool)
        near = np.zeros_like(inside)
        x_min, y_min, x_max, y_max = sample.boxes[0].astype(int)
        near[y_min:y_max, x_min:x_max] = True
        outside = gray[near & ~inside] if (near & ~inside).any() else gray[~inside]
        assert abs(np.median(gray[inside]) - np.median(outside)) > 30
        assert y_max - y_min >= 14


def test_the_mask_is_where_the_letter_covers_half_of_a_pixel(monkeypatch):
    monkeypatch.setattr(bundled, "_crop", lambda _picture, size, _rng: np.zeros((size, size, 3)))
    monkeypatch.setattr(bundled, "_contrasting", lambda _ground, _rng: np.full(3, 255.0))
    for sample in data.glyphs(n=52):
        assert np.array_equal(sample.mask == 1, sample.image[..., 0] >= 128)


@pytest.mark.parametrize("level", [0, 100, 127, 128, 160, 255])
def test_the_paint_of_a_letter_is_a_colour_far_from_any_background(level):
    ground = np.full((4, 4, 3), float(level))
    for seed in range(200):
        paint = bundled._contrasting(ground, np.random.default_rng(seed))
        assert paint.min() >= 0
        assert paint.max() <= 255
        assert abs(paint @ np.array([0.299, 0.587, 0.114]) - level) > 85


def test_glyphs_depend_on_the_seed_alone_and_grow_at_the_end(letters):
    few = data.glyphs(n=30)
    assert np.array_equal(few.images, letters.images[:30])
    assert few.fingerprint == letters.subset(range(30)).fingerprint
    assert not np.array_equal(few.images, data.glyphs(n=30, seed=1).images)
    assert data.glyphs(n=3, size=64).images.shape == (3, 64, 64, 3)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: data.glyphs(n=0), ValueError, r"n must be int in \[1, 100000\]; got 0"),
        (lambda: data.glyphs(n=2.5), TypeError, "n must be int .* got 2.5"),
        (lambda: data.glyphs(n=2, size=4), ValueError, r"size must be int in \[16, 512\]; got 4"),
        (lambda: data.glyphs(n=2, seed=-1), ValueError, "seed must be int .* got -1"),
        (lambda: data.scattered_digits(seed="a"), TypeError, "seed must be int .* got 'a'"),
    ],
)
def test_bad_parameters_of_bundled_sets_get_one_sentence(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a bundled data set opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_photos_are_scikit_images_own(no_network):
    import skimage.data

    ds = data.photos()
    assert set(ds.classes) == set(bundled._PICTURES)
    for name, image in zip(ds.classes, ds.images, strict=True):
        assert image.dtype == np.uint8
        if name != "motorcycle":
            assert np.array_equal(image, getattr(skimage.data, name)()), name
    assert ds.counts["astronaut"] == 1


def test_bundled_sets_need_no_network(no_network):
    assert len(data.digits()) == len(data.scattered_digits()) == 1797
    assert len(data.glyphs(n=9)) == 9


def test_pictures_that_are_not_shipped_are_left_out(monkeypatch):
    monkeypatch.setattr(bundled, "_PICTURES", {"camera": "camera.png", "gone": "gone.png"})
    assert data.photos().classes == ("camera",)
    monkeypatch.setattr(bundled, "_PICTURES", {"gone": "gone.png"})
    with pytest.raises(FileNotFoundError, match="ships none of the pictures"):
        data.photos()


# ---------------------------------------------------------------- from_folder


def picture(shape=(6, 9), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)


def test_one_folder_is_one_class(tmp_path):
    save(tmp_path / "dog" / "2.png", picture((4, 5, 3), 2))
    save(tmp_path / "dog" / "1.PNG", picture((6, 7), 1))
    save(tmp_path / "cat" / "deep" / "er" / "3.bmp", picture((5, 5, 3), 3))
    (tmp_path / "cat" / "notes.txt").write_text("not an image, and not named as one")
    (tmp_path / ".hidden").mkdir()
    save(tmp_path / ".hidden" / "4.png", picture())
    save(tmp_path / "cat" / ".hidden.png", picture())
    save(tmp_path / "cat" / ".ipynb_checkpoints" / "5.png", picture())
    ds = data.from_folder(tmp_path)
    assert ds.classes == ("cat", "dog")
    assert ds.labels.tolist() == [0, 1, 1]
    assert ds.name == tmp_path.name
    assert ds.groups is None
    assert ds.unreadable == ()
    for image, expected in zip(
        ds.images, [picture((5, 5, 3), 3), picture((6, 7), 1), picture((4, 5, 3), 2)], strict=True
    ):
        assert np.array_equal(image, expected)
    assert data.from_folder(str(tmp_path), name="pets").name == "pets"


@pytest.mark.parametrize(
    ("suffix", "options"),
    [("png", {}), ("tif", {}), ("tiff", {"compression": "tiff_lzw"}), ("bmp", {}), ("webp", {"lossless": True})],
)
@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 3)])
def test_lossless_formats_come_back_bit_for_bit(tmp_path, suffix, options, shape):
    save(tmp_path / "a" / f"x.{suffix}", picture(shape), **options)
    expected = np.repeat(picture(shape)[..., None], 3, 2) if suffix == "webp" and len(shape) == 2 else picture(shape)
    assert np.array_equal(data.from_folder(tmp_path).images[0], expected)


def test_jpeg_comes_back_nearly(tmp_path):
    smooth = np.tile(np.linspace(20, 230, 32).astype(np.uint8), (24, 1))
    save(tmp_path / "a" / "gray.jpg", smooth, quality=95)
    save(tmp_path / "a" / "rgb.jpeg", np.dstack([smooth, smooth[::-1], 255 - smooth]), quality=95)
    gray, rgb = data.from_folder(tmp_path).images
    assert np.abs(gray.astype(int) - smooth).max() <= 4
    assert rgb.shape == (24, 32, 3)
    assert np.abs(rgb[..., 0].astype(int) - smooth).max() <= 8


def one(tmp_path, image, suffix="png", *, loading=None, **options):
    save(tmp_path / "a" / f"x.{suffix}", image, **options)
    return data.from_folder(tmp_path, **loading or {}).images[0]


def test_one_bit_becomes_black_and_white(tmp_path):
    bits = picture() > 127
    assert np.array_equal(one(tmp_path, Image.fromarray(bits)), np.where(bits, 255, 0))


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    deep = np.array([[0, 257, 32768, 65535]], np.uint16)
    image = one(tmp_path, deep)
    assert image.dtype == np.uint8
    assert image.tolist() == [[0, 1, 128, 255]]
    assert one(tmp_path / "tiff", deep, "tif").tolist() == [[0, 1, 128, 255]]
    assert one(tmp_path / "rgb", deep, loading={"mode": "RGB"}).tolist() == [[[0] * 3, [1] * 3, [128] * 3, [255] * 3]]


def test_big_endian_tiff_means_the_same(tmp_path):
    from tifffile import imwrite

    (tmp_path / "a").mkdir()
    imwrite(tmp_path / "a" / "x.tif", np.array([[0, 257, 65535]], ">u2"), byteorder=">")
    assert data.from_folder(tmp_path).images[0].tolist() == [[0, 1, 255]]


def test_a_range_says_what_is_white_in_deep_files(tmp_path):
    image = one(tmp_path, np.array([[0, 1024, 4096, 65535]], np.uint16), loading={"range": (0, 4096)})
    assert image.dtype == np.float32
    assert image.tolist() == [[0, 0.25, 1, 1]]
    assert one(tmp_path / "eight", picture(), loading={"range": (0, 4096)}).dtype == np.uint8
    with pytest.raises(ValueError, match=r"range must be \(low, high\), finite, with low < high"):
        data.from_folder(tmp_path, range=(9, 1))


def test_sixteen_bit_colour_tiff_is_read(tmp_path):
    from tifffile import imwrite

    (tmp_path / "a").mkdir()
    colour = np.arange(4 * 5 * 3, dtype=np.uint16).reshape(4, 5, 3) * 257
    imwrite(tmp_path / "a" / "x.tif", colour, photometric="rgb")
    assert np.array_equal(data.from_folder(tmp_path).images[0], colour // 257)


def test_a_file_may_come_as_bytes_and_its_name_is_only_a_name(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "a" / "x.jpg", picture((6, 9, 3)), exif=exif)
    whole = (tmp_path / "a" / "x.jpg").read_bytes()
    assert np.array_equal(folder.read_bytes(whole, "../x.jpg"), data.from_folder(tmp_path).images[0])
    assert folder.read_bytes(whole, "x").shape == (9, 6, 3)
    deep = io.BytesIO()
    tifffile.imwrite(deep, np.full((4, 5, 3), 257, np.uint16), photometric="rgb")
    assert (folder.read_bytes(deep.getvalue(), "deep.png") == 1).all()
    for wrong in (b"hello", b"", whole[:200], deep.getvalue()[:40]):
        with pytest.raises(ValueError, match=r"^/etc/x\.png cannot be read: \w"):
            folder.read_bytes(wrong, "/etc/x.png")


def test_deep_colour_has_one_page_and_a_limit_as_well(tmp_path, monkeypatch):
    deep = io.BytesIO()
    tifffile.imwrite(deep, np.zeros((3, 40, 50, 3), np.uint16), photometric="rgb")
    with pytest.raises(ValueError, match="it has several pages"):
        folder.read_bytes(deep.getvalue(), "deep.tif")
    deep = io.BytesIO()
    tifffile.imwrite(deep, np.zeros((40, 50, 3), np.uint16), photometric="rgb")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40 * 50 - 1)
    with pytest.raises(ValueError, match="too large to be decoded safely"):
        folder.read_bytes(deep.getvalue(), "deep.tif")


def test_float_and_integer_tiff_need_to_say_their_range(tmp_path):
    unit = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(one(tmp_path / "unit", Image.fromarray(unit), "tif"), unit)
    for kind, values in (("float", unit * 1000), ("int", (unit * 1000).astype(np.int32))):
        with pytest.raises(OSError, match=r"none of the 1 images .*pass range=\(black, white\)"):
            one(tmp_path / kind, Image.fromarray(values), "tif")
        assert np.allclose(data.from_folder(tmp_path / kind, range=(0, 1000)).images[0], unit, atol=1e-3)


def test_older_pillow_widens_sixteen_bit_png():
    wide = Image.fromarray(np.array([[0, 257, 65535]], np.int32))
    assert decode._deep(wide, "PNG", None).tolist() == [[0, 1, 255]]


def test_palettes_become_colours(tmp_path):
    indexed = Image.new("P", (3, 1))
    indexed.putdata([0, 1, 2])
    indexed.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    assert one(tmp_path, indexed).tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    see_through = one(tmp_path / "t", indexed, transparency=1)
    assert see_through.tolist() == [[[255, 0, 0, 255], [0, 255, 0, 0], [0, 0, 255, 255]]]


def test_transparency_is_kept_as_a_fourth_channel(tmp_path):
    rgba = picture((4, 5, 4))
    assert np.array_equal(one(tmp_path / "rgba", rgba), rgba)
    gray_alpha = Image.fromarray(picture((4, 5, 2)))
    assert gray_alpha.mode == "LA"
    image = one(tmp_path / "la", gray_alpha)
    assert np.array_equal(image, picture((4, 5, 2))[..., [0, 0, 0, 1]])


def test_cmyk_becomes_rgb(tmp_path):
    image = one(tmp_path, Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "jpg", quality=95)
    assert image.shape == (16, 16, 3)
    assert image[8, 8, 0] > 240
    assert image[8, 8, 1:].max() < 15


def test_a_phones_photo_with_a_preview_is_one_image(tmp_path):
    photo, preview = (Image.fromarray(np.full((h, w, 3), 120, np.uint8)) for h, w in ((16, 24), (8, 12)))
    save(tmp_path / "a" / "x.jpg", photo, format="MPO", save_all=True, append_images=[preview])
    with Image.open(tmp_path / "a" / "x.jpg") as stored:
        assert (stored.format, stored.n_frames) == ("MPO", 2)
    assert data.from_folder(tmp_path).images[0].shape == (16, 24, 3)


def test_a_mode_makes_all_images_alike(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (255, 0, 0, 255)
    rgba[0, 1] = (255, 0, 0, 0)
    save(tmp_path / "a" / "1.png", rgba)
    save(tmp_path / "a" / "2.png", picture((4, 5)))
    save(tmp_path / "a" / "3.png", picture((4, 5, 3)))
    colour = data.from_folder(tmp_path, mode="RGB").images
    assert [image.shape[2:] for image in colour] == [(3,)] * 3
    assert colour[0][0].tolist() == [[255, 0, 0], [255, 255, 255]]
    assert np.array_equal(colour[1], np.repeat(picture((4, 5))[..., None], 3, 2))
    assert np.array_equal(colour[2], picture((4, 5, 3)))
    gray = data.from_folder(tmp_path, mode="L").images
    assert [image.ndim for image in gray] == [2] * 3
    assert gray[0][0].tolist() == [76, 255]
    pillow = np.asarray(Image.fromarray(picture((4, 5, 3))).convert("L")).astype(int)
    assert np.abs(gray[2] - pillow).max() <= 1
    with pytest.raises(ValueError, match="mode must be 'L', 'RGB' or None; got 'CMYK'"):
        data.from_folder(tmp_path, mode="CMYK")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_the_cameras_orientation_is_applied(tmp_path, orientation, suffix):
    upright = picture((6, 9, 3))
    # What a camera stores so that a viewer, following the tag, shows `upright`.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    image = one(tmp_path, np.ascontiguousarray(stored), suffix, exif=exif, **options)
    assert np.array_equal(image, upright)


def test_files_that_cannot_be_read_are_named_once_and_the_rest_is_read(tmp_path):
    save(tmp_path / "a" / "good.png", picture())
    save(tmp_path / "b" / "good.png", picture())
    (tmp_path / "a" / "text.png").write_text("hello")
    save(tmp_path / "a" / "another_format.png", picture(), format="GIF")
    (tmp_path / "a" / "empty.jpg").write_bytes(b"")
    save(tmp_path / "full.png", picture((64, 64, 3)))
    whole = (tmp_path / "full.png").read_bytes()
    (tmp_path / "b" / "cut.png").write_bytes(whole[: len(whole) // 2])
    frames = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    frames[0].save(tmp_path / "b" / "pages.tif", save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="left out 6 of the files") as caught:
        ds = data.from_folder(tmp_path)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    reasons = {os.path.relpath(path, tmp_path): reason for path, reason in ds.unreadable}
    assert set(reasons) == {"a/text.png", "a/another_format.png", "a/empty.jpg", "b/cut.png", "b/pages.tif", "full.png"}
    assert all(path in str(caught[0].message) for path in reasons)
    assert "not a PNG" in reasons["a/text.png"]
    assert "not a PNG" in reasons["a/another_format.png"]
    assert "truncated" in reasons["b/cut.png"]
    assert "several pages" in reasons["b/pages.tif"]
    assert "outside the class folders" in reasons["full.png"]
    assert ds.counts == {"a": 1, "b": 1}


def test_a_class_that_vanishes_is_named(tmp_path):
    save(tmp_path / "a" / "good.png", picture())
    save(tmp_path / "a" / "further.gif", picture(), format="GIF")
    for name in ("1.HEIC", "2.heic", "sub/3.heic", "4.avif", "notes.txt"):
        (tmp_path / "phone" / "sub").mkdir(parents=True, exist_ok=True)
        (tmp_path / "phone" / name).write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").mkdir()
    with pytest.warns(UserWarning, match="left out 3 of the files and folders") as caught:
        ds = data.from_folder(tmp_path)
    assert ds.classes == ("a",)
    assert {os.path.relpath(path, tmp_path): reason for path, reason in ds.unreadable} == {
        "a": "1 .gif file in it is not read",
        "empty": "no image in it can be read",
        "phone": "no image in it can be read: it has 1 .avif file and 3 .heic files",
    }
    assert all(f"{name}: " in str(caught[0].message) for name in ("a", "phone", "empty"))


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    save(tmp_path / "a" / "good.png", picture())
    save(tmp_path / "a" / "large.png", picture((20, 20)))
    save(tmp_path / "a" / "huge.png", picture((90, 90)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)  # Pillow only warns of 400 and raises at 8100
    with pytest.warns(UserWarning, match="left out 2 of the files"):
        ds = data.from_folder(tmp_path)
    assert len(ds) == 1
    assert all("too large to be decoded safely" in reason for _, reason in ds.unreadable)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipes_and_links_out_of_the_folder_are_not_followed(tmp_path):
    save(tmp_path / "outside" / "secret.png", picture())
    root = tmp_path / "root"
    save(root / "a" / "good.png", picture(seed=1))
    (root / "a" / "out.png").symlink_to(tmp_path / "outside" / "secret.png")
    (root / "a" / "within.png").symlink_to(root / "a" / "good.png")
    (root / "a" / "gone.png").symlink_to(root / "a" / "nowhere.png")
    (root / "a" / "loop").symlink_to(root)
    (root / "b").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "a" / "pipe.png")
    with pytest.warns(UserWarning, match="left out 5"):
        ds = data.from_folder(root)
    reasons = {os.path.relpath(path, root): reason for path, reason in ds.unreadable}
    assert "leads out of the folder" in reasons.pop("a/out.png")
    assert reasons == {
        "a/gone.png": "it is not a file",
        "a/pipe.png": "it is not a file",
        "a/loop": "links to folders are not followed",
        "b": "links to folders are not followed",
    }
    assert len(ds) == 2
    assert all(np.array_equal(image, picture(seed=1)) for image in ds.images)


def test_a_folder_that_cannot_be_a_data_set_gets_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*nowhere'"):
        data.from_folder(tmp_path / "nowhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=re.escape(f"there is no folder 'nowhere' in {str(tmp_path)!r}")):
        data.from_folder("nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match="must be a folder; it is a file"):
        data.from_folder(tmp_path / "file")
    with pytest.raises(
        FileNotFoundError, match=r"no images in .*one sub-folder a class, or name them in a labels.csv$"
    ):
        data.from_folder(tmp_path)
    for index in range(5):
        save(tmp_path / f"{index}.png", picture())
    with pytest.raises(
        FileNotFoundError, match=r"no images in .*0.png: it lies outside the class folders.*and 2 more\)$"
    ):
        data.from_folder(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bad.png").write_text("x")
    with pytest.raises(OSError, match=r"none of the 1 images in .* could be read: .*bad.png.*not a PNG"):
        data.from_folder(tmp_path)


def test_many_files_show_a_bar_and_few_do_not(tmp_path, capsys):
    for index in range(501):
        save(tmp_path / "a" / f"{index}.bmp", picture((2, 2)))
    assert len(data.from_folder(tmp_path)) == 501
    assert "reading images: 100%" in capsys.readouterr().err
    (tmp_path / "a" / "0.bmp").unlink()
    assert len(data.from_folder(tmp_path)) == 500
    assert capsys.readouterr().err == ""


def labels_csv(tmp_path, text, files=("x.png", "sub/y.png")):
    for seed, file in enumerate(files):
        save(tmp_path / file, picture(seed=seed))
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_labels_csv_names_files_labels_and_groups(tmp_path):
    text = "\ufefflabel, filename ,group,remark\nzebra,x.png,herd 1,\nantelope,sub/y.png,herd 2,ok\n"
    ds = data.from_folder(labels_csv(tmp_path, text))
    assert ds.classes == ("antelope", "zebra")
    assert ds.labels.tolist() == [1, 0]
    assert ds.groups.tolist() == ["herd 1", "herd 2"]
    assert np.array_equal(ds.images[0], picture(seed=0))
    assert np.array_equal(ds.images[1], picture(seed=1))


def test_a_labels_csv_may_have_commas_at_the_ends_and_in_quotes(tmp_path):
    ds = data.from_folder(labels_csv(tmp_path, 'filename,label\nx.png,"cat, black",,\nsub/y.png,dog\n'))
    assert ds.classes == ("cat, black", "dog")


def test_a_labels_csv_goes_on_after_a_broken_file(tmp_path):
    labels_csv(tmp_path, "filename,label\nbad.png,a\nx.png,b\n")
    (tmp_path / "bad.png").write_text("x")
    with pytest.warns(UserWarning, match="bad.png: it is not a PNG"):
        ds = data.from_folder(tmp_path)
    assert (ds.classes, ds.groups, len(ds)) == (("b",), None, 1)


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        (
            "file,class\nx.png,a\n",
            ValueError,
            "must have the columns filename and label; it lacks filename and label and has file, class",
        ),
        ("filename\nx.png\n", ValueError, "it lacks label and has filename"),
        ("", ValueError, "it lacks filename and label and has none"),
        ("filename,label\n", FileNotFoundError, "no images in"),
        ("filename,label\nx.png,a\nx.png,b\n", ValueError, "must name each file once; got 'x.png' twice"),
        ("filename,label\n./x.png,a\nsub/../x.png,b\n", ValueError, "must name each file once; got 'x.png' twice"),
        ("filename,label\nx.png,\n", ValueError, "line 2 of .* has no label"),
        ("filename,label\nx.png\n", ValueError, "line 2 of .* has no label"),
        ("filename,label,group\nx.png,a,g\nsub/y.png,b, \n", ValueError, "line 3 of .* has no group"),
        ("filename,label\nx.png,cat, black\n", ValueError, "line 2 of .* has more values than columns"),
        ("filename,label,group\nx.png,a,g\nsub/y.png,b,g,h\n", ValueError, "line 3 of .* more values than columns"),
        ("filename,label\n../x.png,a\n", ValueError, "line 2 .* inside the folder; got '../x.png'"),
        ("filename,label\n/etc/x.png,a\n", ValueError, "line 2 .* inside the folder; got '/etc/x.png'"),
        (
            "filename,label\nx.png,a\n1.png,a\n2.png,b\n",
            FileNotFoundError,
            "names files which are not there: 1.png, 2.png$",
        ),
        (
            "filename,label\n" + "".join(f"{i}.png,a\n" for i in range(9)),
            FileNotFoundError,
            "0.png, 1.png, 2.png, 3.png, 4.png and 4 more$",
        ),
    ],
)
def test_a_bad_labels_csv_gets_one_sentence(tmp_path, text, error, sentence):
    with pytest.raises(error, match=sentence):
        data.from_folder(labels_csv(tmp_path, text))


def test_a_labels_csv_that_is_no_text_gets_one_sentence(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"filename,label\n\xff\xfe.png,a\n")
    with pytest.raises(ValueError, match="comma-separated table in UTF-8"):
        data.from_folder(tmp_path)


# ---------------------------------------------------------------- from_arrays


def test_arrays_that_hold_images_are_not_copied():
    for X in (images(), images(dtype=np.float32), images(shape=(4, 5, 3), dtype=np.float64)):
        ds = data.from_arrays(X, range(6))
        assert np.shares_memory(ds.images, X)
        assert ds.images.shape == X.shape


def test_arrays_are_converted_all_alike():
    X = np.zeros((2, 2, 2), np.uint16)
    X[1] = 65535
    assert data.from_arrays(X, "ab".__iter__()).images.tolist() == [[[0, 0], [0, 0]], [[255, 255], [255, 255]]]
    assert data.from_arrays(images() > 9, range(6)).images.max() == 255
    assert data.from_arrays(images().astype(np.int64), range(6)).images.dtype == np.uint8
    # The first image alone would pass as one in [0, 1].
    floats = np.stack([np.full((4, 4), 1.0), np.full((4, 4), 200.0)])
    with pytest.raises(ValueError, match=r"X must be float in \[0, 1\].*range=\(0, 255\)"):
        data.from_arrays(floats, [0, 1])
    scaled = data.from_arrays(floats, [0, 1], range=(0, 200)).images
    assert scaled.dtype == np.float32
    assert np.allclose(scaled[:, 0, 0], [0.005, 1])


def test_channels_first_is_turned_round():
    X = images(shape=(3, 8, 10))
    assert np.array_equal(data.from_arrays(X, range(6), channels_first=True).images, X.transpose(0, 2, 3, 1))
    assert np.array_equal(data.from_arrays(list(X), range(6), channels_first=True).images[2], X[2].transpose(1, 2, 0))


def test_lists_are_converted_one_by_one():
    ds = data.from_arrays(
        [images(1)[0] > 9, Image.fromarray(picture((3, 4, 3)))], ["a", "b"], groups=[1, 2], name="mix"
    )
    assert [image.shape for image in ds.images] == [(8, 10), (3, 4, 3)]
    assert ds.groups.tolist() == ["1", "2"]
    assert ds.name == "mix"


@pytest.mark.parametrize(
    ("arrays", "options", "error", "sentence"),
    [
        (np.zeros((5, 64)), {}, ValueError, r"X must have shape .*got \(5, 64\); X.reshape"),
        (np.zeros(5), {}, ValueError, r"X must have shape .*got \(5,\)$"),
        (np.zeros((5, 3, 8, 8)), {}, ValueError, r"each image of X .*channels_first=True"),
        (np.zeros((5, 8, 8)), {"channels_first": True}, ValueError, r"X must have shape \(N, C, H, W\)"),
        (np.zeros((5, 8, 8, 2)), {}, ValueError, r"each image of X must have shape .*\(8, 8, 2\)"),
        (np.full((5, 8, 8), np.nan), {}, ValueError, "X must be finite"),
        (np.full((5, 8, 8), 300), {}, ValueError, r"X must be integers in 0..255 or uint16"),
        (np.zeros((0, 8, 8)), {}, ValueError, "labels must have one entry|at least one image"),
        ([np.zeros((8, 8))] * 4 + [np.full((8, 8), 9.0)], {}, ValueError, r"image 4 must be float in \[0, 1\]"),
        ([np.zeros((8, 8))] * 4 + ["x"], {}, TypeError, "image 4 must hold numbers"),
    ],
)
def test_bad_arrays_get_one_sentence(arrays, options, error, sentence):
    with pytest.raises(error, match=sentence):
        data.from_arrays(arrays, range(5), **options)


# ---------------------------------------------------------------- import


def test_importing_data_loads_no_heavy_package():
    code = (
        "import sys, augmentlab.data;"
        "print(sorted({'matplotlib', 'sklearn', 'pandas', 'PIL', 'tqdm', 'ipywidgets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_leaves_the_warning_filters_as_they_were(tmp_path):
    before = list(warnings.filters)
    one(tmp_path, picture())
    assert warnings.filters == before

import numpy as np
import pytest
from PIL import Image

from augmentlab import (
    D4,
    CenterCrop,
    CoarseDropout,
    Compose,
    CutMix,
    ElasticTransform,
    GridShuffle,
    HorizontalFlip,
    Invert,
    MixUp,
    Mosaic,
    Pad,
    Perspective,
    Resize,
    Rotate,
    Rotate90,
    Sample,
    Transpose,
    VerticalFlip,
    as_image,
)
from augmentlab.sample import check_image, from_boxes, split_alpha, to_boxes

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)

# ---------------------------------------------------------------- what is an image


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4), (3, 7, 3), (4, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_images(shape, dtype):
    check_image(np.ones(shape, dtype))
    assert as_image(np.ones(shape, dtype)).dtype == dtype


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ([[1, 2]], "image must be a NumPy array; got list (numpy.asarray converts most)"),
        (RGB.astype(np.int32), "image must be uint8, or float32 or float64 in [0, 1]; got int32 (augmentlab.as_image"),
        (RGB.astype(">f4"), "image must be uint8, or float32 or float64 in [0, 1]; got >f4 (augmentlab.as_image"),
        (RGB.astype(np.float16), "image must be uint8, or float32 or float64 in [0, 1]; got float16"),
        (RGB > 3, "image must be uint8, or float32 or float64 in [0, 1]; got bool"),
        (
            RGB.astype(np.float32),
            "image must be float in [0, 1]; got values in [0, 255] (augmentlab.as_image converts)",
        ),
        (RGB / 255 - 0.5, "image must be float in [0, 1]; got values in [-0.5, 0.5]"),
        (np.full((2, 2), np.nan), "image must be finite; got NaN or infinity"),
        (np.full((2, 2), np.inf), "image must be finite; got NaN or infinity"),
        (
            np.zeros((3, 5, 7), np.uint8),
            "image must have shape (H, W) or (H, W, C) with C in 1, 3, 4; got (3, 5, 7), whi",
        ),
        (np.zeros((5, 7, 2), np.uint8), "image must have shape (H, W) or (H, W, C) with C in 1, 3, 4; got (5, 7, 2)"),
        (
            np.zeros((2, 5, 7, 3), np.uint8),
            "image must have shape (H, W) or (H, W, C) with C in 1, 3, 4; got (2, 5, 7, 3)",
        ),
        (np.zeros(5, np.uint8), "image must have shape (H, W) or (H, W, C) with C in 1, 3, 4; got (5,)"),
        (np.zeros((0, 7), np.uint8), "image must have at least one pixel; got shape (0, 7)"),
    ],
)
def test_what_is_no_image_gets_one_sentence(image, sentence):
    for use in (check_image, Rotate(angle=3), HorizontalFlip(p=0), Rotate(angle=3).apply):
        with pytest.raises((TypeError, ValueError)) as error:
            use(image)
        assert str(error.value).startswith(sentence)
        assert "\n" not in str(error.value)
    with pytest.raises((TypeError, ValueError)) as error:
        HorizontalFlip(p=0)(image=image)
    assert str(error.value).startswith(sentence)


def test_a_rounding_error_beyond_white_is_no_error():
    check_image(np.full((2, 2), 1 + 1e-7))
    check_image(np.full((2, 2), 1.2), bounded=False)
    with pytest.raises(ValueError, match="image 17 must be float"):
        check_image(np.full((2, 2), 1.2), "image 17")


# ---------------------------------------------------------------- as_image


@pytest.mark.parametrize(
    ("array", "image"),
    [
        ([[0, 128], [255, 3]], np.array([[0, 128], [255, 3]], np.uint8)),
        (np.array([[True, False]]), np.array([[255, 0]], np.uint8)),
        (np.array([[0, 257, 65535]], np.uint16), np.array([[0, 1, 255]], np.uint8)),
        (np.array([[0, 257, 65535]], ">u2"), np.array([[0, 1, 255]], np.uint8)),
        (np.array([[0, 255]], np.int64), np.array([[0, 255]], np.uint8)),
        (np.array([[0, 0.5]], np.float16), np.array([[0, 0.5]], np.float32)),
        (np.array([[0, 0.5]], ">f8"), np.array([[0, 0.5]], np.float32)),
    ],
)
def test_conversions(array, image):
    converted = as_image(array)
    assert converted.dtype == image.dtype
    assert np.array_equal(converted, image)
    check_image(converted)


def test_an_image_is_passed_on_as_it_is():
    assert as_image(RGB) is RGB
    half = np.full((2, 2), 0.5)
    assert as_image(half) is half


def test_a_given_range_is_mapped_and_clipped():
    array = np.array([[-1000, 0, 400, 1000]], np.int16)
    assert np.allclose(as_image(array, range=(0, 400)), [[0, 0, 1, 1]])
    assert as_image(np.array([[0.0, 255.0]]), range=(0, 255)).dtype == np.float32
    with pytest.raises(ValueError, match=r"range must be \(low, high\), finite, with low < high; got \(1, 1\)"):
        as_image(array, range=(1, 1))


def test_a_window_between_percentiles():
    array = np.arange(100, 201, dtype=np.uint16).reshape(1, -1)  # percentile p is 100 + p
    array[0, -1] = 65535  # an outlier that a range from least to largest would follow
    windowed = as_image(array, percentiles=(10, 90))
    assert windowed.dtype == np.float32
    assert np.allclose(windowed[0, :91], np.clip((np.arange(91) - 10) / 80, 0, 1))
    assert (windowed[0, 90:] == 1).all()
    check_image(windowed)
    for scaled in (array * 3.5 - 1000, array.astype(np.int32) - 500):
        assert np.allclose(as_image(scaled, percentiles=(10, 90)), windowed, atol=1e-6)
    assert np.allclose(as_image(array, range=(110, 190)), windowed)
    assert as_image(RGB, percentiles=(0, 100)).shape == RGB.shape


@pytest.mark.parametrize(
    ("array", "arguments", "sentence"),
    [
        (RGB, {"percentiles": (99, 1)}, "percentiles must be (low, high) with 0 <= low < high <= 100; got (99, 1)"),
        (RGB, {"percentiles": (1, 101)}, "percentiles must be (low, high) with 0 <= low < high <= 100; got (1, 101)"),
        (RGB, {"percentiles": 99}, "percentiles must be (low, high) with 0 <= low < high <= 100; got 99"),
        (
            RGB,
            {"percentiles": (1, 99), "range": (0, 9)},
            "range and percentiles must not both be given; got (0, 9) and (1, 99)",
        ),
        (
            np.full((3, 3), 7.5),
            {"percentiles": (1, 99)},
            "image must have different values at its percentiles 1 and 99; got 7.5 at both; pass range=(black, white)",
        ),
        (np.array([[np.nan, 1]]), {"percentiles": (1, 99)}, "image must be finite; got NaN or infinity"),
    ],
)
def test_a_window_that_cannot_be_found_gets_one_sentence(array, arguments, sentence):
    with pytest.raises(ValueError) as error:
        as_image(array, **arguments)
    assert str(error.value) == sentence


def test_channels_first():
    assert np.array_equal(as_image(np.moveaxis(RGB, -1, 0), channels_first=True), RGB)
    with pytest.raises(ValueError, match=r"must have shape \(C, H, W\) when channels_first is set; got \(5, 7\)"):
        as_image(RGB[..., 0], channels_first=True)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16", "I"])
def test_pillow_images_of_plain_modes(mode):
    picture = (
        Image.fromarray(RGB).convert("L").convert("I").convert(mode)
        if mode[0] == "I"
        else Image.fromarray(RGB).convert(mode)
    )
    check_image(as_image(picture))


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr", "HSV", "LAB"])
def test_pillow_images_whose_numbers_are_no_colours(mode):
    with pytest.raises(ValueError, match=f"must be gray, RGB or RGBA; got a Pillow image of mode {mode}"):
        as_image(Image.new(mode, (4, 4)))


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.array([["a"]]), "photo must hold numbers; got <U1"),
        (np.array([[1j]]), "photo must hold numbers; got complex128"),
        (np.array([[-1]]), "photo must be integers in 0..255 or uint16; got int64 in [-1, -1]; pass range="),
        (np.array([[0, 256]]), "photo must be integers in 0..255 or uint16; got int64 in [0, 256]; pass range="),
        (np.array([[0, 255.0]]), "photo must be float in [0, 1]; got values in [0, 255]; pass range=(black, white)"),
        (np.array([[np.nan]]), "photo must be finite; got NaN or infinity"),
        (
            np.zeros((3, 9, 9)),
            "photo must have shape (H, W) or (H, W, C) with C in 1, 3, 4; got (3, 9, 9), which looks",
        ),
    ],
)
def test_what_cannot_be_converted_gets_one_sentence(array, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        as_image(array, name="photo")
    assert str(error.value).startswith(sentence)


def test_alpha_is_split_off():
    rgba = np.dstack([RGB, RGB[..., :1]])
    color, alpha = split_alpha(rgba)
    assert np.array_equal(color, RGB)
    assert alpha.shape == (5, 7, 1)
    assert split_alpha(RGB)[1] is None
    assert split_alpha(RGB[..., 0])[1] is None


# ---------------------------------------------------------------- Sample


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ({"mask": np.zeros((5, 6), int)}, "mask must have the image's height and width (5, 7); got shape (5, 6)"),
        ({"mask": np.zeros((5, 7))}, "mask must hold bool or integers (floats go in heatmap); got float64"),
        ({"heatmap": np.zeros((5, 7), int)}, "heatmap must hold floats; got int64"),
        ({"heatmap": np.zeros(5)}, "heatmap must have the image's height and width (5, 7); got shape (5,)"),
        ({"boxes": [[0, 0, 1]]}, "boxes must have shape (N, 4); got (1, 3)"),
        ({"boxes": [0, 0, 1, 1]}, "boxes must have shape (N, 4); got (4,)"),
        (
            {"boxes": [[0, 0, 0, 1]]},
            "boxes must be x_min, y_min, x_max, y_max with x_min < x_max and y_min < y_max; got [",
        ),
        ({"boxes": [[0, 0, 1, np.nan]]}, "boxes must be finite; got NaN or infinity"),
        ({"boxes": "none"}, "boxes must be numbers of shape (N, 4); got str"),
        ({"boxes": [[0, 0, 1, 1]], "box_labels": []}, "box_labels must be one for each of 1 boxes; got 0"),
        ({"box_labels": ["cat"]}, "box_labels must be one for each of 0 boxes; got 1"),
        ({"keypoints": [[1, 2, 3]]}, "keypoints must have shape (N, 2); got (1, 3)"),
        ({"min_visibility": 1.5}, "min_visibility must be float in [0, 1]; got 1.5"),
        ({"min_visibility": np.nan}, "min_visibility must be float in [0, 1]; got nan"),
        ({"min_visibility": "all"}, "min_visibility must be float in [0, 1]; got 'all'"),
        ({"min_area": -1}, "min_area must be a number of pixels, at least 0; got -1"),
        ({"min_area": np.inf}, "min_area must be a number of pixels, at least 0; got inf"),
        ({"min_area": "all"}, "min_area must be a number of pixels, at least 0; got 'all'"),
        ({"keypoint_labels": ["nose"]}, "keypoint_labels must be one for each of 0 keypoints; got 1"),
        ({"keypoints": [[1, 2]], "keypoint_labels": []}, "keypoint_labels must be one for each of 1 keypoints; got 0"),
        ({"keypoint_swaps": [("l", "r")]}, "keypoint_swaps must come with keypoint_labels; got none"),
        ({"keypoint_swaps": ("left", "right")}, "keypoint_swaps must be pairs of labels; got ('left', 'right')"),
        ({"keypoint_swaps": {"l": "r"}}, "keypoint_swaps must be pairs of labels; got {'l': 'r'}"),
        ({"keypoint_swaps": [("l", "r"), ("r", "x")]}, "keypoint_swaps must name each label once; got 'r' 2 times"),
    ],
)
def test_a_target_that_does_not_fit_gets_one_sentence(targets, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        Sample(RGB, **targets)
    assert str(error.value).startswith(sentence)


def test_lists_become_arrays():
    sample = Sample(RGB, mask=[[1] * 7] * 5, boxes=[[0, 0, 7, 5]], keypoints=[(1, 2)])
    assert sample.mask.shape == (5, 7)
    assert sample.boxes.dtype == sample.keypoints.dtype == np.float64
    assert Sample(RGB, boxes=[], keypoints=[]).boxes.shape == (0, 4)
    assert Sample(RGB, boxes=[], keypoints=[]).visible.tolist() == []


def test_visible_keypoints_lie_on_a_pixel():
    sample = Sample(RGB, keypoints=[[-0.5, -0.5], [6.49, 4.49], [-0.51, 0], [6.5, 0], [0, 4.5]])
    assert sample.visible.tolist() == [True, True, False, False, False]
    assert Sample(RGB).visible is None


def test_empty_targets_move():
    moved = Rotate(angle=30)(Sample(RGB, boxes=[], box_labels=[], keypoints=[]))
    assert moved.boxes.shape == (0, 4)
    assert moved.box_labels == []
    assert moved.keypoints.shape == (0, 2)
    assert moved.mask is moved.heatmap is None


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.int64, np.uint16, ">i4"])
def test_masks_of_every_integer_type(dtype):
    mask = (RGB[..., 0] > 100).astype(dtype)
    moved = Rotate(angle=180)(Sample(RGB, mask=mask)).mask
    assert moved.dtype == np.dtype(dtype)
    assert np.array_equal(moved, mask[::-1, ::-1])


def test_several_masks_and_heatmaps_at_once():
    heat = np.random.default_rng(0).random((5, 7, 6))
    moved = HorizontalFlip()(Sample(RGB, mask=np.stack([RGB[..., 0]] * 5, axis=-1), heatmap=heat))
    assert np.array_equal(moved.heatmap, heat[:, ::-1])
    assert moved.mask.shape == (5, 7, 5)
    assert Rotate(angle=10)(Sample(RGB, heatmap=heat)).heatmap.shape == (5, 7, 6)


# ---------------------------------------------------------------- box formats


@pytest.mark.parametrize(
    ("format", "box"),
    [
        ("xyxy", [10, 20, 40, 60]),
        ("voc", [10, 20, 40, 60]),
        ("coco", [10, 20, 30, 40]),
        ("yolo", [0.25, 0.8, 0.3, 0.8]),
    ],
)
def test_box_formats_there_and_back(format, box):
    assert np.allclose(from_boxes([box], format, (50, 100, 3)), [[10, 20, 40, 60]])
    assert np.allclose(to_boxes([[10, 20, 40, 60]], format, (50, 100)), [box])
    assert to_boxes([], format, (50, 100)).shape == from_boxes([], format, (50, 100)).shape == (0, 4)


def test_an_unknown_box_format():
    for convert in (from_boxes, to_boxes):
        with pytest.raises(ValueError, match="format must be one of 'xyxy', 'voc', 'coco', 'yolo'; got 'pascal'"):
            convert([[0, 0, 1, 1]], "pascal", (5, 5))


# ---------------------------------------------------------------- boxes that are too small


def test_a_box_with_too_little_area_is_dropped():
    boxes = [[0, 0, 4, 4], [0, 0, 6, 4], [3, 1, 7, 4]]  # of which the crop leaves 2, 6 and 9 pixels
    sample = Sample(RGB, boxes=boxes, box_labels=["a", "b", "c"])
    crop = CenterCrop(height=0.6, width=0.6)  # of 5 x 7: rows 1 to 3 and columns 2 or 1 to 5

    def left(min_area, **also):
        moved = crop(Sample(RGB, boxes=boxes, box_labels=["a", "b", "c"], min_area=min_area, **also))
        assert len(moved.boxes) == len(moved.box_labels)
        return moved

    areas = np.prod(np.diff(left(0).boxes.reshape(-1, 2, 2), axis=1)[:, 0], axis=1)
    assert len(set(areas)) == 3
    for area in areas:
        assert left(area).box_labels == [name for name, one in zip("abc", areas, strict=True) if one >= area]
        assert len(left(area + 1e-6).boxes) == len(left(area).boxes) - 1
    assert left(1, min_visibility=0.99).box_labels == []
    assert Resize(height=10, width=14)(Sample(RGB, boxes=boxes, min_area=60)).boxes.tolist() == [
        [0, 0, 8, 8],
        [0, 0, 12, 8],
    ]
    assert np.array_equal(Invert()(sample).boxes, boxes)


def test_what_covers_or_mixes_heeds_the_least_area():
    image = np.zeros((10, 10), np.uint8)
    half = CoarseDropout(holes=1, height=0.5, width=1, boxes="drop", seed=4)
    covered = np.flatnonzero(half.covered(image.shape).any(axis=1))
    boxes = [[0, covered[0], 4, covered[-1] + 1], [0, 0, 10, 10], [0, 0, 4, 10]]  # 0, 50 and 20 pixels are left
    for area, count in ((0, 2), (20, 2), (21, 1), (51, 0)):
        assert len(half(Sample(image, boxes=boxes, min_area=area)).boxes) == count
    samples = [Sample(image, boxes=[[0, 0, 10, 10]], label=k, min_area=30) for k in range(4)]
    for mixed in Mosaic(spread=0.4, num_classes=4)(samples, rng=1):
        sizes = np.prod(mixed.boxes[:, 2:] - mixed.boxes[:, :2], axis=1)
        assert 0 < len(sizes) < 4
        assert (sizes >= 30).all()
    for mixed in CutMix(alpha=1, num_classes=4)(samples, rng=2):
        sizes = np.prod(mixed.boxes[:, 2:] - mixed.boxes[:, :2], axis=1)
        assert (sizes >= 30).all()


# ---------------------------------------------------------------- left and right

FACE = {
    "keypoints": [[1, 1], [5, 1], [3, 3], [2, 4]],
    "keypoint_labels": ["left eye", "right eye", "nose", "mole"],
    "keypoint_swaps": [("right eye", "left eye")],
}
SWAPPED = ["right eye", "left eye", "nose", "mole"]


@pytest.mark.parametrize(
    ("step", "mirrors"),
    [
        (HorizontalFlip(), True),
        (VerticalFlip(), True),
        (Transpose(), True),
        (D4(element=5), True),
        (D4(element=3), False),
        (Rotate90(turns=1), False),
        (Rotate(angle=180), False),
        (Perspective(scale=0.2, seed=1), False),
        (ElasticTransform(alpha=0.1, seed=1), False),
        (GridShuffle(tiles=2, seed=3), False),
        (Pad(height=0.5), False),
        (Resize(height=3, width=9), False),
        (Invert(), False),
        (Compose([HorizontalFlip(), VerticalFlip()]), False),
        (Compose([HorizontalFlip(), Rotate(angle=30), Invert(), ElasticTransform(alpha=0.1, seed=1)]), True),
        (Compose([VerticalFlip(), Resize(height=9, width=9), HorizontalFlip()]), False),
        (Compose([Perspective(scale=0.2, seed=1), HorizontalFlip()]), True),
    ],
    ids=str,
)
def test_labels_of_a_pair_change_places_when_the_image_is_mirrored(step, mirrors):
    sample = Sample(RGB, **FACE)
    moved = step(sample, rng=0)
    assert moved.keypoint_labels == (SWAPPED if mirrors else FACE["keypoint_labels"])
    assert sample.keypoint_labels == FACE["keypoint_labels"]
    unpaired = step(Sample(RGB, keypoints=FACE["keypoints"], keypoint_labels=FACE["keypoint_labels"]), rng=0)
    assert unpaired.keypoint_labels == FACE["keypoint_labels"]
    assert np.array_equal(unpaired.keypoints, moved.keypoints)


def test_a_mirror_of_a_face_still_has_its_left_eye_on_the_left():
    eyes = {
        "keypoints": [[1, 2], [5, 2]],
        "keypoint_labels": np.array(["left", "right"]),
        "keypoint_swaps": [("left", "right")],
    }
    moved = HorizontalFlip()(Sample(RGB, **eyes))
    seen = dict(zip(moved.keypoint_labels, moved.keypoints[:, 0].tolist(), strict=True))
    assert seen == {"left": 1, "right": 5}  # as in the image before


def test_labels_stay_with_their_points_in_mixtures():
    image = np.zeros((8, 8), np.uint8)
    grid = [[x, y] for x in range(8) for y in range(8)]
    samples = [
        Sample(image, keypoints=grid, keypoint_labels=[(k, *point) for point in grid], label=k) for k in range(3)
    ]
    for step in (MixUp(alpha=1, num_classes=3), CutMix(alpha=1, num_classes=3), Mosaic(num_classes=3)):
        for mixed in step(samples, rng=1):
            assert len(mixed.keypoints) == len(mixed.keypoint_labels)
            assert len({label[0] for label in mixed.keypoint_labels}) > 1
            if not isinstance(step, Mosaic):  # nothing moves
                assert mixed.keypoints.tolist() == [list(label[1:]) for label in mixed.keypoint_labels]


# ---------------------------------------------------------------- a call with keywords


@pytest.mark.parametrize("box_format", ["xyxy", "voc", "coco", "yolo"])
def test_boxes_come_and_go_in_their_format(box_format):
    boxes = np.array([[1.0, 1, 3, 4], [4, 0, 7, 5]])
    given = to_boxes(boxes, box_format, RGB.shape)
    step = Compose([HorizontalFlip(), Resize(height=10, width=7)])
    found = step(image=RGB, bboxes=given, bbox_labels=["a", "b"], bbox_format=box_format)
    assert set(found) == {"image", "bboxes", "bbox_labels"}
    expected = step(Sample(RGB, boxes=boxes)).boxes
    assert np.allclose(found["bboxes"], to_boxes(expected, box_format, (10, 7)))
    assert np.allclose(HorizontalFlip(p=0)(image=RGB, bboxes=given, bbox_format=box_format)["bboxes"], given)
    assert step(image=RGB, bboxes=None, bbox_format=box_format)["bboxes"] is None
    assert step(image=RGB, bboxes=[], bbox_format=box_format)["bboxes"].shape == (0, 4)


def test_options_of_the_sample_are_keywords_too():
    crop = CenterCrop(height=0.6, width=0.6)
    boxes = [[0, 0, 2, 2], [1, 1, 6, 5]]
    assert len(crop(image=RGB, bboxes=boxes)["bboxes"]) == 2
    assert len(crop(image=RGB, bboxes=boxes, min_area=3)["bboxes"]) == 1
    assert len(crop(image=RGB, bboxes=boxes, min_visibility=0.5)["bboxes"]) == 1
    assert HorizontalFlip()(image=RGB, **FACE)["keypoint_labels"] == SWAPPED


def test_several_masks_come_and_go_as_they_are():
    rng = np.random.default_rng(0)
    masks = {
        "organ": rng.integers(0, 9, (5, 7)).astype(np.uint8),
        "lesion": rng.integers(0, 2, (5, 7)).astype(bool),
        "object": rng.integers(-1, 70000, (5, 7)),
    }
    step = Compose([HorizontalFlip(), Rotate(angle=30)])
    found = step(image=RGB, masks=masks)
    assert set(found) == {"image", "masks"}
    assert list(found["masks"]) == list(masks)
    for name, mask in masks.items():
        alone = step(image=RGB, mask=mask)["mask"]
        assert found["masks"][name].dtype == mask.dtype
        assert np.array_equal(found["masks"][name], alone)
    listed = step(image=RGB, masks=list(masks.values()))["masks"]
    assert isinstance(listed, list)
    assert all(np.array_equal(one, other) for one, other in zip(listed, found["masks"].values(), strict=True))
    assert step(image=RGB, masks={})["masks"] == {}
    assert step(image=RGB, masks=None)["masks"] is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"masks": np.zeros((2, 5, 7), int)}, "masks must be a dict or a list of arrays (H, W); got ndarray"),
        (
            {"masks": [np.zeros((5, 6), int)]},
            "masks must each have the image's height and width (5, 7); got shape (5, 6)",
        ),
        ({"masks": [np.zeros((5, 7))]}, "masks must hold bool or integers (floats go in heatmap); got float64"),
        (
            {"masks": [np.zeros((5, 7), np.uint64), np.zeros((5, 7), np.int64)]},
            "masks must be of types that fit into one; got int64, uint64",
        ),
        (
            {"masks": [np.zeros((5, 7), int)], "mask": np.zeros((5, 7), int)},
            "mask and masks must not both be given; one of several masks goes in masks",
        ),
        (
            {"bboxes": [[0, 0, 1, 1]], "bbox_format": "pascal"},
            "bbox_format must be one of 'xyxy', 'voc', 'coco', 'yolo'",
        ),
        ({"min_area": -1}, "min_area must be a number of pixels"),
        ({"boxes": [[0, 0, 1, 1]]}, "HorizontalFlip takes the keywords image, mask, heatmap, bboxes, "),
    ],
)
def test_a_bad_keyword_gets_one_sentence(given, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        HorizontalFlip()(image=RGB, **given)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_pixels_given_as_yolo_are_refused():
    with pytest.raises(ValueError, match=r"boxes must be fractions of the sides in yolo format; got \[30\.0, 40\.0"):
        from_boxes([[30, 40, 20, 20]], "yolo", (60, 90))


@pytest.mark.parametrize("limits", [(-np.inf, 5), (0, np.inf), 5, "ab", (1, 2, 3), (2, 1)])
def test_a_range_that_is_none_is_one_sentence(limits):
    with pytest.raises(ValueError, match=r"range must be \(low, high\), finite, with low < high; got"):
        as_image(np.array([[1.0, 2.0]]), range=limits)


def test_a_format_without_hash_is_one_sentence():
    with pytest.raises(ValueError, match="format must be one of"):
        from_boxes([[1, 2, 3, 4]], ["coco"], (9, 9))

import numpy as np
import pytest
from PIL import Image

from augmentlab import HorizontalFlip, Rotate, Sample, as_image
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
    with pytest.raises(ValueError, match=r"range must be \(low, high\) with low < high; got \(1, 1\)"):
        as_image(array, range=(1, 1))


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

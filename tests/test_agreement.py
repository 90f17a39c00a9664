"""The geometric transforms against NumPy, OpenCV, Pillow and Albumentations, each of which was written by others.

Whole pixels agree bit for bit, interpolated ones within one level, boxes and keypoints to 1e-3 px. Where a library
means something else by a parameter, the test says what, and holds that nothing but that differs.
"""

import os

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageOps

from augmentlab import (
    D4,
    Affine,
    CenterCrop,
    Compose,
    Crop,
    CropAndPad,
    HorizontalFlip,
    Pad,
    Perspective,
    Rotate,
    Rotate90,
    Sample,
    Transpose,
    VerticalFlip,
)

cv2 = pytest.importorskip("cv2")

PHOTO = skimage.data.astronaut()[100:221, 150:303]  # odd sides: 121 x 153, RGB
HEIGHT, WIDTH = PHOTO.shape[:2]
LAYOUTS = {
    "gray": PHOTO[..., 1],
    "RGB": PHOTO,
    "RGBA": np.concatenate([PHOTO, PHOTO[..., :1]], axis=-1),
    "one row": PHOTO[60:61],
    "one column": PHOTO[:, 60:61, 0],
}

every_layout = pytest.mark.parametrize("image", LAYOUTS.values(), ids=list(LAYOUTS))
every_dtype = pytest.mark.parametrize("dtype", [np.uint8, np.float32], ids=["uint8", "float32"])
needs_exact_opencv = pytest.mark.skipif(
    int(cv2.__version__.split(".")[0]) < 5, reason="OpenCV below 5 interpolates at 1/32 of a pixel"
)


def as_dtype(image, dtype):
    return image if dtype == np.uint8 else (image / 255).astype(dtype)


def levels(ours, theirs):
    """The largest difference, in levels of 8 bits."""
    scale = 1 if ours.dtype == np.uint8 else 255
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    return np.abs(ours.astype(float) - theirs).max() * scale


# ---------------------------------------------------------------- whole pixels

TURN = cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE
WHOLE = [
    (HorizontalFlip(), np.fliplr, lambda a: cv2.flip(a, 1), "FLIP_LEFT_RIGHT"),
    (VerticalFlip(), np.flipud, lambda a: cv2.flip(a, 0), "FLIP_TOP_BOTTOM"),
    (Transpose(), lambda a: a.swapaxes(0, 1), cv2.transpose, "TRANSPOSE"),
    (Rotate90(turns=1), np.rot90, lambda a: cv2.rotate(a, TURN[0]), "ROTATE_90"),
    (Rotate90(turns=2), lambda a: np.rot90(a, 2), lambda a: cv2.rotate(a, TURN[1]), "ROTATE_180"),
    (Rotate90(turns=3), lambda a: np.rot90(a, 3), lambda a: cv2.rotate(a, TURN[2]), "ROTATE_270"),
    (D4(element=1), np.rot90, lambda a: cv2.rotate(a, TURN[0]), "ROTATE_90"),
    (D4(element=2), lambda a: a[::-1, ::-1], lambda a: cv2.flip(a, -1), "ROTATE_180"),
    (D4(element=3), lambda a: np.rot90(a, -1), lambda a: cv2.rotate(a, TURN[2]), "ROTATE_270"),
    (D4(element=4), np.fliplr, lambda a: cv2.flip(a, 1), "FLIP_LEFT_RIGHT"),
    (D4(element=5), lambda a: np.rot90(np.fliplr(a)), cv2.transpose, "TRANSPOSE"),
    (D4(element=6), np.flipud, lambda a: cv2.flip(a, 0), "FLIP_TOP_BOTTOM"),
    (D4(element=7), lambda a: np.rot90(np.fliplr(a), 3), lambda a: cv2.flip(cv2.transpose(a), -1), "TRANSVERSE"),
]


@every_layout
@every_dtype
@pytest.mark.parametrize(("transform", "numpy", "opencv", "pillow"), WHOLE, ids=[repr(row[0]) for row in WHOLE])
def test_symmetries_are_exact(transform, numpy, opencv, pillow, image, dtype):
    image = as_dtype(image, dtype)
    result = transform(image)
    assert result.dtype == dtype
    assert np.array_equal(result, numpy(image))
    assert np.array_equal(result, opencv(image))
    if dtype == np.uint8 or image.ndim == 2:  # Pillow has floats in a single channel only
        assert np.array_equal(result, np.asarray(Image.fromarray(image).transpose(Image.Transpose[pillow])))


@every_dtype
@pytest.mark.parametrize(
    ("transform", "window"),
    [
        (Crop(height=40 / 121, width=50 / 153, x=0.25, y=0.6), (25, 49, 50, 40)),
        (Crop(height=1 / 121, width=1 / 153, x=1.0, y=0.0), (152, 0, 1, 1)),
        (CenterCrop(height=61 / 121, width=51 / 153), (51, 30, 51, 61)),
        (CropAndPad(top=-20 / 121, bottom=-1 / 121, left=-33 / 153, right=-40 / 153, keep_size=False), (33, 20, 80, 100)),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "p") else "",
)  # fmt: skip
def test_crops_are_exact(transform, window, dtype):
    left, top, width, height = window
    for image in (as_dtype(PHOTO, dtype), as_dtype(PHOTO[..., 0], dtype)):
        result = transform(image)
        assert np.array_equal(result, image[top : top + height, left : left + width])
        centre = (left + (width - 1) / 2, top + (height - 1) / 2)
        assert np.array_equal(result, cv2.getRectSubPix(image, (width, height), centre))
        if dtype == np.uint8 or image.ndim == 2:
            pillow = Image.fromarray(image).crop((left, top, left + width, top + height))
            assert np.array_equal(result, np.asarray(pillow))


def test_padding_is_exact():
    padded = Pad(height=20 / 121, width=10 / 153, fill=0.2)(PHOTO)
    assert np.array_equal(padded, cv2.copyMakeBorder(PHOTO, 20, 20, 10, 10, cv2.BORDER_CONSTANT, value=(51,) * 4))
    assert np.array_equal(padded, np.asarray(ImageOps.expand(Image.fromarray(PHOTO), (10, 20), (51, 51, 51))))
    for border, theirs in [("edge", cv2.BORDER_REPLICATE), ("reflect", cv2.BORDER_REFLECT_101)]:
        padded = Pad(height=20 / 121, width=10 / 153, border=border)(PHOTO)
        assert np.array_equal(padded, cv2.copyMakeBorder(PHOTO, 20, 20, 10, 10, theirs))


# ---------------------------------------------------------------- interpolated pixels, against OpenCV


def opencv_matrix(angle=0.0, scale=1.0, shift=(0.0, 0.0)):
    """Input to output, by OpenCV's own function; pixel centres are integers, so the image centre is half a pixel less."""
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), angle, scale)
    matrix[:, 2] += shift
    return matrix


CENTRE = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
SLIDE = np.tan(np.deg2rad(12))
LINEAR = [
    (Rotate(angle=17.3), opencv_matrix(17.3)),
    (Rotate(angle=-120), opencv_matrix(-120)),
    (Affine(angle=33, scale=0.6), opencv_matrix(33, 0.6)),
    (Affine(scale=1.8, translate_x=0.1, translate_y=-0.2), opencv_matrix(0, 1.8, (15.3, -24.2))),
    (Affine(angle=-8, scale=1.1, translate_x=-0.3), opencv_matrix(-8, 1.1, (-45.9, 0))),
    (Affine(shear_x=12), np.array([[1, SLIDE, -SLIDE * CENTRE[1]], [0, 1, 0]])),
    (Affine(shear_y=-12), np.array([[1, 0, 0], [-SLIDE, 1, SLIDE * CENTRE[0]]])),
]


@needs_exact_opencv
@every_dtype
@pytest.mark.parametrize(("transform", "matrix"), LINEAR, ids=[repr(row[0]) for row in LINEAR])
def test_affine_transforms_are_opencvs(transform, matrix, dtype):
    for image in (as_dtype(PHOTO, dtype), as_dtype(PHOTO[..., 0], dtype)):
        # No border is left out: with the same one, both blend it in alike.
        theirs = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        assert levels(transform(image), theirs) <= (1 if dtype == np.uint8 else 0.05)
    sample = transform.apply(Sample(PHOTO, keypoints=[[0, 0], [31.5, 70.25], [152, 120]]))
    theirs = cv2.transform(np.array([[[0, 0], [31.5, 70.25], [152, 120]]]), matrix)[0]
    assert np.abs(sample.keypoints - theirs).max() < 1e-9


@needs_exact_opencv
@every_dtype
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [0.05, 0.2, 0.3])
def test_perspective_is_opencvs(scale, seed, dtype):
    transform = Perspective(scale=scale, seed=seed)
    frame = np.array([[0, 0], [WIDTH - 1, 0], [WIDTH - 1, HEIGHT - 1], [0, HEIGHT - 1]], np.float32)
    # Which corners were drawn is read off the transform; OpenCV solves for the map between them on its own.
    ends = np.c_[frame, np.ones(4)] @ transform.coordinate_map((HEIGHT, WIDTH)).T
    corners = (ends[:, :2] / ends[:, 2:]).astype(np.float32)
    moves = np.abs(corners - frame) / [WIDTH - 1, HEIGHT - 1]
    assert 0 <= moves.min() < moves.max() <= scale + 1e-6
    matrix = cv2.getPerspectiveTransform(corners, frame)
    image = as_dtype(PHOTO, dtype)
    theirs = cv2.warpPerspective(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    # The outermost pixels lie on the edge itself, where rounding decides between the image and what is beyond it.
    inside = np.s_[1:-1, 1:-1]
    assert levels(transform(image)[inside], theirs[inside]) <= (1 if dtype == np.uint8 else 0.1)
    points = np.array([[40.5, 30.25], [76, 60], [100, 99.75]])
    moved = transform.apply(Sample(PHOTO, keypoints=points)).keypoints
    assert np.abs(moved - cv2.perspectiveTransform(points[None], matrix)[0]).max() < 1e-3


# ---------------------------------------------------------------- boxes and keypoints, against Albumentations


@pytest.fixture(scope="module")
def albumentations():
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for a newer version
    return pytest.importorskip("albumentations", minversion="2.0.8")


BOXES = np.array([[10, 12, 40, 50], [60.5, 30.25, 100, 70], [0, 0, 153, 121], [120, 90, 153, 121], [70, 55, 80, 65]])
POINTS = np.array([[3, 4], [60, 44.5], [110.25, 80.5], [0, 0], [152, 120], [76, 60]])


def theirs(library, *transforms, seed=0):
    pipeline = library.Compose(
        transforms,
        bbox_params=library.BboxParams(format="pascal_voc", label_fields=["box_labels"]),
        keypoint_params=library.KeypointParams(format="xy", remove_invisible=False),
        seed=seed,
    )
    result = pipeline(image=PHOTO, bboxes=BOXES, box_labels=list(range(len(BOXES))), keypoints=POINTS)
    return Sample(
        result["image"],
        boxes=result["bboxes"],
        box_labels=[int(label) for label in result["box_labels"]],
        keypoints=result["keypoints"],
    )


def ours(transform):
    return transform.apply(Sample(PHOTO, boxes=BOXES, box_labels=list(range(len(BOXES))), keypoints=POINTS))


def assert_alike(one, other, tolerance=1e-3):
    assert one.box_labels == other.box_labels
    assert np.abs(one.boxes - other.boxes).max() < tolerance
    assert np.abs(one.keypoints - other.keypoints).max() < tolerance


@pytest.mark.parametrize(
    ("transform", "name"),
    [(HorizontalFlip(), "HorizontalFlip"), (VerticalFlip(), "VerticalFlip"), (Transpose(), "Transpose")],
)
def test_flips_are_those_of_albumentations(albumentations, transform, name):
    expected = theirs(albumentations, getattr(albumentations, name)(p=1))
    assert np.array_equal(ours(transform).image, expected.image)
    assert_alike(ours(transform), expected)


def test_the_square_symmetries_are_those_of_albumentations(albumentations):
    # Both draw one of the eight; which one it drew is found among ours by its image.
    candidates = [ours(D4(element=element)) for element in range(8)]
    found = set()
    for seed in range(40):
        expected = theirs(albumentations, albumentations.D4(p=1), seed=seed)
        (element,) = (index for index, one in enumerate(candidates) if np.array_equal(one.image, expected.image))
        assert_alike(candidates[element], expected)
        found.add(element)
    assert found == set(range(8))


def test_crops_are_those_of_albumentations(albumentations):
    crop = Crop(height=80 / 121, width=100 / 153, x=20 / 53, y=30 / 41)
    expected = theirs(albumentations, albumentations.Crop(x_min=20, y_min=30, x_max=120, y_max=110, p=1))
    assert np.array_equal(ours(crop).image, expected.image)
    assert expected.box_labels == [0, 1, 2, 4]  # the fourth begins at the column where the crop ends
    assert_alike(ours(crop), expected)


@needs_exact_opencv
@pytest.mark.parametrize("angle", [20, -45, 90, 130, -180])
def test_rotation_is_that_of_albumentations(albumentations, angle):
    expected = theirs(albumentations, albumentations.Rotate(limit=(angle, angle), p=1))
    assert levels(ours(Rotate(angle=angle)).image, expected.image) <= 1
    assert_alike(ours(Rotate(angle=angle)), expected)


@needs_exact_opencv
@pytest.mark.parametrize(
    ("fields", "arguments"),
    [
        ({"scale": 1.3}, {"scale": (1.3, 1.3)}),
        ({"scale": 0.4, "angle": 15}, {"scale": (0.4, 0.4), "rotate": (15, 15)}),
        ({"translate_x": 12 / 153, "translate_y": -9 / 121}, {"translate_px": {"x": (12, 12), "y": (-9, -9)}}),
        (
            {"scale": 0.8, "angle": -25, "translate_x": -30 / 153, "translate_y": 12 / 121},
            {"scale": (0.8, 0.8), "rotate": (-25, -25), "translate_px": {"x": (-30, -30), "y": (12, 12)}},
        ),
    ],
)
def test_affine_is_that_of_albumentations(albumentations, fields, arguments):
    expected = theirs(albumentations, albumentations.Affine(**arguments, p=1))
    assert levels(ours(Affine(**fields)).image, expected.image) <= 1
    assert_alike(ours(Affine(**fields)), expected)


@needs_exact_opencv
@pytest.mark.parametrize(
    ("fields", "angles"),
    [({"shear_x": 10}, {"x": (-10, -10), "y": (0, 0)}), ({"shear_y": 10}, {"x": (0, 0), "y": (-10, -10)})],
)
def test_shear_is_that_of_albumentations_with_the_other_sign(albumentations, fields, angles):
    # Ours slides to the right (down) what is further down (right), as scikit-image does; theirs to the left (up).
    expected = theirs(albumentations, albumentations.Affine(shear=angles, p=1))
    assert levels(ours(Affine(**fields)).image, expected.image) <= 1
    assert_alike(ours(Affine(**fields)), expected)


@needs_exact_opencv
def test_albumentations_turns_before_it_slides(albumentations):
    # One Affine of ours slides first, so that the area stays whatever both angles are; two steps do it their way.
    expected = theirs(albumentations, albumentations.Affine(rotate=(15, 15), shear={"x": (-10, -10), "y": (0, 0)}, p=1))
    two = Compose([Rotate(angle=15), Affine(shear_x=10)])
    assert levels(two.apply(PHOTO), expected.image) <= 1
    assert_alike(ours(two), expected)
    assert np.abs(ours(Affine(angle=15, shear_x=10)).keypoints - expected.keypoints).max() > 1


def test_albumentations_slides_along_both_sides_at_once(albumentations):
    # Its matrix [[1, tan a], [tan b, 1]] changes the area by the factor 1 - tan a tan b; ours keeps it.
    angles = {"x": (-20, -20), "y": (-20, -20)}
    expected = theirs(albumentations, albumentations.Affine(shear=angles, p=1)).keypoints
    both = ours(Affine(shear_x=20, shear_y=20)).keypoints
    tangent = np.tan(np.deg2rad(20))
    assert np.abs(expected - (CENTRE + (POINTS - CENTRE) @ [[1, tangent], [tangent, 1]])).max() < 1e-3
    assert np.abs(both - (CENTRE + (POINTS - CENTRE) @ [[1 + tangent**2, tangent], [tangent, 1]])).max() < 1e-9


def test_albumentations_shifts_by_whole_pixels(albumentations):
    # A tenth of 153 columns is 15.3 pixels; theirs moves by 15.
    expected = theirs(albumentations, albumentations.Affine(translate_percent={"x": (0.1, 0.1), "y": (0, 0)}, p=1))
    assert np.abs(expected.keypoints - (POINTS + np.array([15, 0]))).max() < 1e-3
    assert np.abs(ours(Affine(translate_x=0.1)).keypoints - (POINTS + np.array([15.3, 0]))).max() < 1e-9
    assert_alike(ours(Affine(translate_x=15 / 153)), expected)


def test_albumentations_has_a_smaller_box_for_what_fills_an_ellipse(albumentations):
    # Its default is the hull of the turned corners, as ours is; the other method lies inside.
    expected = theirs(albumentations, albumentations.Rotate(limit=(30, 30), rotate_method="ellipse", p=1))
    hull = ours(Rotate(angle=30))
    assert hull.box_labels == expected.box_labels
    inside = np.abs(
        np.concatenate([expected.boxes[:, :2] - hull.boxes[:, :2], hull.boxes[:, 2:] - expected.boxes[:, 2:]])
    )
    assert (expected.boxes[:, :2] >= hull.boxes[:, :2] - 1e-3).all()
    assert (expected.boxes[:, 2:] <= hull.boxes[:, 2:] + 1e-3).all()
    assert inside.max() > 1
    assert np.abs(hull.keypoints - expected.keypoints).max() < 1e-3

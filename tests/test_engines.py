"""The primitives against OpenCV, an independent implementation, and the choice of engine."""

import threading

import numpy as np
import pytest
import skimage

from augmentlab import Rotate, engines, geometry
from augmentlab.engines import reference

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


# ---------------------------------------------------------------- the choice


def test_the_engine_is_chosen_for_a_block_and_a_thread():
    assert engines.current() is reference
    with engines.engine("reference"):
        assert engines.current_name() == "reference"
        seen = []
        thread = threading.Thread(target=lambda: seen.append(engines.current_name()))
        thread.start()
        thread.join()
        assert seen == ["reference"]
        assert Rotate(angle=3)(PHOTO).shape == PHOTO.shape


def test_an_unknown_engine_gets_one_sentence():
    with pytest.raises(ValueError, match=r"engine must be one of 'reference'; got 'warp9'"), engines.engine("warp9"):
        pass
    assert engines.current_name() == "reference"


def test_the_engine_is_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), engines.engine("reference"):
        1 / 0  # noqa: B018
    assert engines.current_name() == "reference"

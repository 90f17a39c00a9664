"""Blur and detail against hand-made values, SciPy, Pillow, scikit-image and OpenCV."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from scipy import ndimage
from skimage import data, filters, restoration, transform

import augmentlab
from augmentlab import (
    BoxBlur,
    Defocus,
    Denoise,
    Downscale,
    Emboss,
    MedianBlur,
    MotionBlur,
    Sharpness,
    Superpixels,
    UnsharpMask,
    ZoomBlur,
)
from augmentlab.engines import reference
from augmentlab.transforms import blur as family

PHOTO = np.ascontiguousarray(data.astronaut()[::5, ::5])
GRAY = np.ascontiguousarray(data.camera()[::6, ::6])


def levels_apart(one, other):
    return np.abs(one.astype(float) - other.astype(float))


def dot(side):
    image = np.zeros((side, side))
    image[side // 2, side // 2] = 1
    return image


@pytest.mark.parametrize("name", family.__all__)
def test_what_is_flat_stays_flat(name):
    for image in (np.full((20, 30, 3), 77, np.uint8), np.full((31, 17), 0.3), np.full((9, 9, 3), 1, np.float32)):
        result = getattr(augmentlab, name).typical()(image, rng=5)
        assert np.abs(result - image.astype(float)).max() < 1e-6


# ---------------------------------------------------------------- blur


def test_box_blur_is_scipys_and_pillows():
    for radius in (1, 3):
        expected = ndimage.uniform_filter(PHOTO / 255, size=(2 * radius + 1,) * 2, mode="nearest", axes=(0, 1))
        assert np.abs(BoxBlur(radius=radius).apply(PHOTO / 255) - expected).max() < 1e-12
    for radius in (0.3, 1, 2.6):
        expected = np.asarray(Image.fromarray(PHOTO).filter(ImageFilter.BoxBlur(radius)))
        # Pillow rounds to 8 bits between rows and columns.
        assert levels_apart(BoxBlur(radius=radius).apply(PHOTO), expected).max() <= 1


def test_filters_are_opencvs():
    cv2 = pytest.importorskip("cv2")
    image = (PHOTO / 255).astype(np.float32)
    expected = cv2.blur(image, (5, 5), borderType=cv2.BORDER_REPLICATE)
    assert np.abs(BoxBlur(radius=2).apply(image) - expected).max() < 1e-5  # it adds in single precision
    for step, kernel in (
        (Defocus(radius=4.2 / max(PHOTO.shape)), family._disk(4.2)),
        (MotionBlur(length=9 / max(PHOTO.shape), angle=25), family._line(9, np.deg2rad(25))),
    ):
        expected = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        assert np.abs(step.apply(image) - expected).max() < 1e-5


def test_box_blur_of_a_dot():
    blurred = BoxBlur(radius=0.5).apply(dot(5))
    assert np.allclose(blurred[2], [0, 0.125, 0.25, 0.125, 0])
    assert np.allclose(blurred[1, 1], 0.0625)


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "image", [PHOTO, GRAY, GRAY[:3, :1], (PHOTO / 255).astype(np.float32), GRAY[:5, :4, None] / 255]
)
def test_median_blur_is_scipys(image, radius):
    size = (2 * radius + 1, 2 * radius + 1, 1)[: image.ndim]
    expected = ndimage.median_filter(image, size=size, mode="nearest")
    assert np.array_equal(MedianBlur(radius=radius).apply(image), expected)


def test_median_blur_is_opencvs():
    cv2 = pytest.importorskip("cv2")
    for radius in (1, 2, 4):
        assert np.array_equal(MedianBlur(radius=radius).apply(PHOTO), cv2.medianBlur(PHOTO, 2 * radius + 1))


def test_motion_blur_of_a_dot():
    # The mean, over shifts from -1.5 to 1.5 px, of the triangle by which linear interpolation spreads a dot.
    side = 31
    row = MotionBlur(length=3 / side, angle=0).apply(dot(side))[side // 2]
    assert row[12:19] == pytest.approx([0, 0.125 / 3, 0.875 / 3, 1 / 3, 0.875 / 3, 0.125 / 3, 0], abs=2e-3)
    flat = MotionBlur(length=3 / side, angle=0).apply(dot(side))
    assert np.allclose(MotionBlur(length=3 / side, angle=90).apply(dot(side)), flat.T)
    assert np.allclose(MotionBlur(length=3 / side, angle=-180).apply(dot(side)), flat)


def test_motion_blur_turns_counter_clockwise():
    side = 31
    rows, columns = np.nonzero(MotionBlur(length=0.4, angle=30).apply(dot(side)) > 0.01)
    slope = np.polyfit(columns, rows, 1)[0]
    assert slope == pytest.approx(-np.tan(np.deg2rad(30)), abs=0.05)  # rows count downwards
    assert np.hypot(np.ptp(rows), np.ptp(columns)) == pytest.approx(0.4 * side, abs=2)


def test_motion_blur_is_the_mean_of_moved_images():
    length, angle = 6.0, np.deg2rad(20)
    along = (np.arange(400) + 0.5) / 400 - 0.5
    moved = [
        ndimage.shift(GRAY / 255, (-np.sin(angle) * s * length, np.cos(angle) * s * length), order=1, mode="nearest")
        for s in along
    ]
    ours = MotionBlur(length=length / max(GRAY.shape), angle=20).apply(GRAY / 255)
    assert np.abs(ours - np.mean(moved, axis=0)).max() < 2e-3


def test_defocus_of_a_dot():
    side = 41
    disk = Defocus(radius=5 / side).apply(dot(side))
    assert disk.sum() == pytest.approx(1)
    assert np.allclose(disk, disk.T)
    assert disk.max() == pytest.approx(1 / (np.pi * 25), rel=0.05)
    y, x = np.indices(disk.shape) - side // 2
    distance = np.hypot(x, y)
    assert np.ptp(disk[distance < 3.5]) < 0.1 * disk.max()
    assert disk[distance > 6.5].max() < 1e-12
    # Second moments add: of a disk r**2 / 4 along each axis, of linear interpolation 1 / 6 on average.
    assert (disk * x**2).sum() == pytest.approx(25 / 4 + 1 / 6, rel=0.01)
    small = Defocus(radius=0.5 / side).apply(dot(side))
    assert np.allclose(small, small.T)
    assert 0 < small[side // 2, side // 2 + 1] < 0.15 < small[side // 2, side // 2] < 1


def test_large_kernels_are_summed_the_same():
    rng = np.random.default_rng(0)
    kernel = rng.random((15, 13)) / 97.5
    for image in (PHOTO, GRAY[..., None], GRAY / 255):
        planes = image.reshape(*image.shape[:2], -1).astype(float)
        expected = [ndimage.correlate(plane, kernel, mode="nearest") for plane in np.moveaxis(planes, 2, 0)]
        ours = reference.correlate(image, kernel).reshape(planes.shape)
        tolerance = 0.5 + 1e-9 if image.dtype == np.uint8 else 1e-12  # levels are whole
        assert np.abs(ours - np.stack(expected, axis=-1)).max() <= tolerance


def test_zoom_blur_is_the_mean_of_enlargements():
    image = filters.gaussian(GRAY / 255, sigma=1.5)
    height, width = image.shape
    enlarged = []
    for factor in 1.15 ** np.linspace(0, 1, 64):
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        map_ = transform.AffineTransform(scale=1 / factor, translation=centre * (1 - 1 / factor))
        enlarged.append(transform.warp(image, map_, order=1, mode="edge"))
    # Ours interpolates what is interpolated already.
    assert np.abs(ZoomBlur(zoom=1.15).apply(image) - np.mean(enlarged, axis=0)).max() < 0.02
    assert np.abs(ZoomBlur(zoom=1.15).apply(image) - image).max() > 0.1


def test_zoom_blur_is_sharp_in_the_middle_and_even():
    rough = np.random.default_rng(0).random((61, 61))
    change = np.abs(ZoomBlur(zoom=1.1).apply(rough) - rough)
    assert change[30, 30] < 1e-9
    assert change[28:33, 28:33].mean() < change[:5, :5].mean() / 2
    assert np.allclose(ZoomBlur(zoom=1.1).apply(rough[::-1, ::-1]), ZoomBlur(zoom=1.1).apply(rough)[::-1, ::-1])


# ---------------------------------------------------------------- detail


def test_unsharp_mask_is_scikit_images():
    for image, axis in ((PHOTO / 255, 2), (GRAY / 255, None)):
        expected = filters.unsharp_mask(image, radius=2, amount=1.5, channel_axis=axis)
        # Its Gaussian mirrors the border, ours repeats it.
        ours = UnsharpMask(sigma=2, amount=1.5).apply(image)
        assert np.abs(ours - expected)[9:-9, 9:-9].max() < 1e-9
    assert levels_apart(UnsharpMask(sigma=2, amount=1.5).apply(GRAY), ours * 255).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("factor", [0, 0.5, 1.8, 3])
def test_sharpness_is_pillows(factor):
    expected = np.asarray(ImageEnhance.Sharpness(Image.fromarray(PHOTO)).enhance(factor))
    ours = Sharpness(factor=factor).apply(PHOTO)
    # Pillow rounds the smoothed image to 8 bits, truncates the blend, and leaves the outermost pixels unsmoothed.
    assert levels_apart(ours, expected)[1:-1, 1:-1].max() <= 1 + abs(1 - factor) / 2


def test_emboss_shows_slopes_that_face_the_light():
    y, x = np.mgrid[:9, :9] / 100
    for angle, across, down in ((0, -1, 0), (180, 1, 0), (90, 0, 1), (-90, 0, -1), (45, -np.sqrt(0.5), np.sqrt(0.5))):
        lit = Emboss(amount=2, angle=angle).apply(0.3 + 3 * x + y)
        # The difference over two pixels is 0.06 along the rows and 0.02 down the columns.
        expected = 0.3 + 3 * x + y + 2 * (across * 0.06 + down * 0.02)
        assert np.allclose(lit[1:-1, 1:-1], expected[1:-1, 1:-1])


def test_emboss_is_a_sobel_filter():
    image = GRAY / 255
    expected = np.clip(image - 0.7 * ndimage.sobel(image, axis=1, mode="nearest") / 4, 0, 1)
    assert np.allclose(Emboss(amount=0.7, angle=0).apply(image), expected)


def test_downscale_of_known_values():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4) * 2
    blocks = Downscale(scale=0.5).apply(image)
    assert blocks.tolist() == [[5, 5, 9, 9]] * 2 + [[21, 21, 25, 25]] * 2
    smooth = Downscale(scale=0.5, method="linear").apply(image / 255) * 255
    assert np.allclose(smooth[0], [5, 6, 8, 9])
    assert np.allclose(smooth[:, 0], [5, 9, 17, 21])
    assert np.array_equal(Downscale(scale=0.99).apply(image), image)
    assert np.array_equal(Downscale(scale=0.01).apply(image), np.full((4, 4), 15))


def test_downscale_is_pillows():
    height, width = 50, 40
    photo = np.ascontiguousarray(PHOTO[:100, :80])
    picture = Image.fromarray(photo)
    expected = picture.resize((width, height), Image.Resampling.BOX).resize((80, 100), Image.Resampling.NEAREST)
    assert levels_apart(Downscale(scale=0.5).apply(photo), np.asarray(expected)).max() <= 1  # Pillow rounds halves up
    small = transform.resize_local_mean(photo, (33, 26), channel_axis=2, preserve_range=True)
    blocks = Image.fromarray(np.rint(small).astype(np.uint8)).resize((80, 100), Image.Resampling.NEAREST)
    assert levels_apart(Downscale(scale=0.33).apply(photo), np.asarray(blocks)).max() <= 1


def test_denoise_is_scikit_images_and_removes_noise():
    clean = np.where(np.arange(60) < 30, 0.2, 0.8) * np.ones((60, 60))
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 0.08, clean.shape), 0, 1)
    smooth = Denoise(weight=0.15).apply(noisy)
    expected = restoration.denoise_tv_chambolle(noisy, weight=0.15, max_num_iter=100)
    assert np.allclose(smooth, expected)
    assert np.abs(smooth - clean).mean() < np.abs(noisy - clean).mean() / 4
    assert smooth[:, 33].mean() - smooth[:, 26].mean() > 0.5  # the edge is still one
    assert np.ptp(Denoise(weight=0.1).apply(PHOTO).astype(float) - PHOTO) > 20


def test_superpixels_are_flat_and_keep_the_mean():
    photo = PHOTO / 255
    flat = Superpixels(amount=1, segments=40).apply(photo)
    colours, counts = np.unique(flat.reshape(-1, 3).round(9), axis=0, return_counts=True)
    assert 15 <= len(colours) <= 60  # small ones were joined to their neighbours
    assert counts.min() > 10
    assert flat.mean(axis=(0, 1)) == pytest.approx(photo.mean(axis=(0, 1)))
    half = Superpixels(amount=0.5, segments=40).apply(photo)
    assert np.allclose(half, (photo + flat) / 2)
    more = Superpixels(amount=1, segments=400).apply(photo)
    assert np.abs(more - photo).mean() < np.abs(flat - photo).mean()
    assert np.allclose(Superpixels(amount=1, segments=1).apply(GRAY / 255), GRAY.mean() / 255)

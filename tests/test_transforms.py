"""Known values by hand, and independent references: NumPy, scikit-image's own functions, Pillow."""

import numpy as np
import pytest
import skimage
from PIL import Image, ImageOps
from skimage import color, exposure, filters, util
from skimage import transform as sk

from augmentlab import (
    Affine,
    Brightness,
    Center,
    CenterCrop,
    CoarseDropout,
    Contrast,
    ConvertChannels,
    ElasticTransform,
    Equalize,
    Gamma,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    HorizontalFlip,
    HueSaturation,
    Invert,
    Normalize,
    Pad,
    Perspective,
    Posterize,
    Resize,
    ResizedCrop,
    Rotate,
    Rotate90,
    SaltAndPepper,
    Sample,
    Solarize,
    Standardize,
    VerticalFlip,
    transforms,
)

NUMBERS = np.arange(16, dtype=np.uint8).reshape(4, 4)
PHOTO = skimage.data.astronaut()[100:228, 150:310]  # 128 x 160, RGB
GRAY = PHOTO[..., 1]
FLOAT = PHOTO.astype(np.float32) / 255


def levels(result, expected):
    """Largest difference in levels of 255."""
    scale = 1 if result.dtype == np.uint8 else 255
    return np.abs(result.astype(float) - np.asarray(expected, dtype=float)).max() * scale


def test_the_catalog_is_sorted_into_families():
    names = [name for family in transforms.FAMILIES.values() for name in family]
    assert names == transforms.__all__
    assert len(set(names)) == len(names)
    assert all(getattr(transforms, name).__name__ == name for name in names)


# ---------------------------------------------------------------- geometry, by hand


def test_flips_and_turns_by_hand():
    assert HorizontalFlip()(NUMBERS)[0].tolist() == [3, 2, 1, 0]
    assert VerticalFlip()(NUMBERS)[:, 0].tolist() == [12, 8, 4, 0]
    assert Rotate90(turns=1)(NUMBERS)[0].tolist() == [3, 7, 11, 15]
    assert Rotate(angle=90)(NUMBERS).tolist() == Rotate90(turns=1)(NUMBERS).tolist()
    assert Rotate(angle=180)(NUMBERS).tolist() == NUMBERS[::-1, ::-1].tolist()
    assert Rotate(angle=-90)(NUMBERS).tolist() == Rotate90(turns=3)(NUMBERS).tolist()


@pytest.mark.parametrize("image", [PHOTO, GRAY, FLOAT, np.dstack([PHOTO, GRAY])], ids=["RGB", "gray", "float", "RGBA"])
def test_exact_steps_are_numpys(image):
    assert np.array_equal(HorizontalFlip()(image), np.fliplr(image))
    assert np.array_equal(VerticalFlip()(image), np.flipud(image))
    for turns in range(4):
        assert np.array_equal(Rotate90(turns=turns)(image), np.rot90(image, turns))
    assert np.array_equal(CenterCrop(height=0.5, width=0.25)(image), image[32:96, 60:100])
    around = ((32, 32), (16, 16), (0, 0))[: image.ndim]
    for border in ("edge", "reflect", "symmetric", "wrap"):
        assert np.array_equal(Pad(height=0.25, width=0.1, border=border)(image), np.pad(image, around, mode=border))


def test_a_shift_by_whole_pixels():
    moved = Affine(translate_x=0.25, translate_y=-0.25, fill=1)(NUMBERS)
    assert moved.tolist() == [[255, 4, 5, 6], [255, 8, 9, 10], [255, 12, 13, 14], [255, 255, 255, 255]]
    sample = Affine(translate_x=0.25)(
        Sample(NUMBERS, mask=NUMBERS, boxes=[[0, 0, 2, 2], [3, 3, 4, 4]], keypoints=[[3, 0]])
    )
    assert sample.mask[0].tolist() == [0, 0, 1, 2]
    assert sample.boxes.tolist() == [[1, 0, 3, 2]]  # the other left the image
    assert sample.keypoints.tolist() == [[4, 0]]
    assert sample.visible.tolist() == [False]


@pytest.mark.parametrize(
    ("border", "row"),
    [
        ("constant", [255, 255, 0, 1]),
        ("edge", [0, 0, 0, 1]),
        ("reflect", [2, 1, 0, 1]),
        ("symmetric", [1, 0, 0, 1]),
        ("wrap", [2, 3, 0, 1]),
    ],
)
def test_borders_mean_what_numpy_means(border, row):
    sample = Sample(NUMBERS, mask=NUMBERS.astype(int))
    moved = Affine(translate_x=0.5, border=border, fill=1)(sample)
    assert moved.image[0].tolist() == row
    assert moved.mask[0].tolist() == [0 if value == 255 else value for value in row]
    if border != "constant":
        assert row == np.pad(NUMBERS[0], (2, 0), mode=border)[:4].tolist()


def test_half_a_pixel_is_the_mean_of_two():
    moved = Affine(translate_x=0.125)(NUMBERS * 10)
    assert moved[0].tolist() == [0, 5, 15, 25]
    assert Affine(translate_x=0.125)(Sample(NUMBERS, mask=NUMBERS)).mask.max() <= 15


def test_a_box_is_dropped_when_too_little_of_it_is_left():
    boxes, names = [[0, 0, 2, 4], [1, 0, 3, 4], [2, 0, 4, 4]], ["all", "half", "none"]
    for visibility, left in [(0.0, ["all", "half"]), (0.5, ["all", "half"]), (0.51, ["all"]), (1.0, ["all"])]:
        sample = Sample(NUMBERS, boxes=boxes, box_labels=names, min_visibility=visibility)
        moved = Affine(translate_x=0.5)(sample)
        assert moved.box_labels == left
        assert len(moved.boxes) == len(left)
    assert Affine(translate_x=0.25)(sample).min_visibility == 1.0


def test_a_letterbox():
    sample = Sample(np.full((4, 8), 200, np.uint8), mask=np.ones((4, 8), int), boxes=[[0, 0, 8, 4]], keypoints=[[0, 0]])
    boxed = Resize(height=8, width=8, keep_aspect=True, fill=1)(sample)
    assert boxed.image[:, 0].tolist() == [255, 255, 200, 200, 200, 200, 255, 255]
    assert boxed.mask[:, 0].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert boxed.boxes.tolist() == [[0, 2, 8, 6]]
    assert boxed.keypoints.tolist() == [[0, 2]]


def test_a_crop_of_a_quarter():
    crop = ResizedCrop(scale=0.25, x=1, y=0)(
        Sample(PHOTO, mask=GRAY, boxes=[[80, 0, 160, 64]], keypoints=[[79.5, -0.5]])
    )
    assert crop.image.shape == PHOTO.shape
    assert np.array_equal(crop.mask[::2, ::2], GRAY[:64, 80:])
    assert np.allclose(crop.boxes, [[0, 0, 160, 128]])
    assert np.allclose(crop.keypoints, [[-0.5, -0.5]])
    whole = ResizedCrop(height=64, width=80)(PHOTO)
    assert np.array_equal(whole, Resize(height=64, width=80)(PHOTO))


# ---------------------------------------------------------------- geometry, against scikit-image


@pytest.mark.parametrize("border", ["constant", "edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("image", [PHOTO, GRAY], ids=["RGB", "gray"])
def test_rotate_is_scikit_images(image, border):
    for angle in (-137.5, 3, 45):
        expected = sk.rotate(image, angle, order=1, mode=border, cval=0.25 * 255, preserve_range=True, clip=False)
        # The matrices differ by rounding, which may tip a value at a half to the next level.
        assert levels(Rotate(angle=angle, border=border, fill=0.25)(image), np.rint(expected)) <= 1
        assert levels(Rotate(angle=angle, border=border, fill=0.25)(image / 255), expected / 255) < 1e-6


def test_affine_is_scikit_images():
    ours = Affine(scale=1.3, angle=20, translate_x=0.1, translate_y=-0.05, border="edge")
    centre = (np.array(GRAY.shape[::-1]) - 1) / 2
    theirs = (
        sk.AffineTransform(translation=-centre)
        + sk.AffineTransform(scale=1.3, rotation=-np.deg2rad(20))
        + sk.AffineTransform(translation=centre + np.array([16, -6.4]))
    )
    expected = sk.warp(GRAY / 255, theirs.inverse, order=1, mode="edge")
    assert levels(ours(GRAY / 255), expected) < 1e-6


@pytest.mark.parametrize("shape", [(64, 80), (50, 333), (256, 320), (1, 1), (300, 40)])
@pytest.mark.parametrize("image", [PHOTO, GRAY], ids=["RGB", "gray"])
def test_resize_is_scikit_images(image, shape):
    height, width = shape
    unit = image / 255
    shrinks = height < 128 or width < 160
    expected = sk.resize(unit, shape, order=1, mode="edge", anti_aliasing=shrinks)
    assert levels(Resize(height=height, width=width)(unit), expected) < 1e-6
    assert levels(Resize(height=height, width=width)(image), np.rint(expected * 255)) <= 1
    axis = 2 if image.ndim == 3 else None
    area = sk.resize_local_mean(unit, shape, channel_axis=axis)
    assert levels(Resize(height=height, width=width, method="area")(unit), area) < 1e-6


def test_perspective_shows_the_quadrilateral_it_drew():
    drawn = Perspective(scale=0.3, seed=4)
    corners = drawn.coordinate_map((128, 160)) @ [[0, 159, 159, 0], [0, 0, 127, 127], [1, 1, 1, 1]]
    corners = (corners[:2] / corners[2]).T / [159, 127]
    inward = np.abs(corners - [[0, 0], [1, 0], [1, 1], [0, 1]])
    assert (inward >= 0).all()
    assert (inward <= 0.3).all()
    assert inward.max() > 0.1
    estimate = sk.ProjectiveTransform.from_estimate([[0, 0], [159, 0], [159, 127], [0, 127]], corners * [159, 127])
    assert levels(drawn(GRAY / 255), sk.warp(GRAY / 255, estimate, order=1)) < 1e-4


@pytest.mark.parametrize("scale", [0.1, 0.3])
def test_perspective_keeps_the_whole_frame_in_view(scale):
    # Corners move inward, so the frame is filled with content, and the box of all content is the whole frame.
    for seed in range(200):
        moved = Perspective(scale=scale, seed=seed)(Sample(np.full((24, 32), 255, np.uint8), boxes=[[0, 0, 32, 24]]))
        assert moved.image.min() == 255
        assert np.allclose(moved.boxes, [[0, 0, 32, 24]])


def test_elastic_displacements_are_bounded_and_smooth():
    for seed in range(5):
        map_ = ElasticTransform(alpha=0.1, sigma=0.25, seed=seed).coordinate_map((128, 160))
        moves = map_ - np.stack(np.meshgrid(np.arange(160), np.arange(128)), axis=-1)
        share = np.abs(moves) / [160, 128]
        assert share.max() <= 0.1
        assert share.max() > 0.03
        assert (
            max(np.abs(np.diff(share, axis=0)).max() * 128, np.abs(np.diff(share, axis=1)).max() * 160)
            <= 2 * 0.1 / 0.25
        )


def test_elastic_keypoints_find_their_pixel():
    y, x = np.mgrid[:128, :160].astype(float)
    points = np.random.default_rng(0).uniform([20, 20], [140, 108], (40, 2))
    for seed in range(5):
        elastic = ElasticTransform(alpha=0.05, sigma=0.25, seed=seed)
        moved = elastic(Sample(GRAY, heatmap=np.stack([x, y], axis=-1), keypoints=points))
        rows, columns = np.rint(moved.keypoints[:, 1]).astype(int), np.rint(moved.keypoints[:, 0]).astype(int)
        assert np.abs(moved.heatmap[rows, columns] - points).max() < 1  # half an output pixel, stretched at most twice


# ---------------------------------------------------------------- tone, by hand and against others


def test_curves_by_hand():
    row = np.array([[0, 51, 128, 255]], np.uint8)
    assert Brightness(delta=0.2)(row).tolist() == [[51, 102, 179, 255]]
    assert Brightness(delta=-0.2)(row).tolist() == [[0, 0, 77, 204]]
    assert Contrast(factor=2)(row).tolist() == [[0, 0, 128, 255]]
    assert Contrast(factor=0)(row).tolist() == [[128, 128, 128, 128]]
    assert Gamma(gamma=2)(row).tolist() == [[0, 10, 64, 255]]
    assert Posterize(bits=1)(row).tolist() == [[0, 0, 128, 128]]
    assert Solarize(threshold=0.5)(row).tolist() == [[0, 51, 127, 0]]
    assert Invert()(row).tolist() == [[255, 204, 127, 0]]


@pytest.mark.parametrize("bits", range(1, 9))
def test_posterize_is_pillows(bits):
    assert np.array_equal(Posterize(bits=bits)(PHOTO), ImageOps.posterize(Image.fromarray(PHOTO), bits))


def test_solarize_and_invert_are_pillows():
    picture = Image.fromarray(PHOTO)
    # Pillow inverts from its threshold on, we above ours.
    assert np.array_equal(Solarize(threshold=127 / 255)(PHOTO), ImageOps.solarize(picture, 128))
    assert np.array_equal(Invert()(PHOTO), ImageOps.invert(picture))
    assert np.array_equal(Invert()(PHOTO), util.invert(PHOTO))


def test_flips_and_turns_are_pillows():
    picture = Image.fromarray(PHOTO)
    assert np.array_equal(HorizontalFlip()(PHOTO), ImageOps.mirror(picture))
    assert np.array_equal(VerticalFlip()(PHOTO), ImageOps.flip(picture))
    assert np.array_equal(Rotate90(turns=1)(PHOTO), picture.transpose(Image.Transpose.ROTATE_90))


@pytest.mark.parametrize("gamma", [0.3, 0.7, 2.2])
def test_gamma_is_scikit_images(gamma):
    assert levels(Gamma(gamma=gamma)(FLOAT), exposure.adjust_gamma(FLOAT, gamma)) < 1e-3
    # scikit-image truncates its table, we round.
    assert levels(Gamma(gamma=gamma)(PHOTO), exposure.adjust_gamma(PHOTO, gamma)) <= 1


def test_equalize_is_scikit_images_channel_by_channel():
    expected = np.stack([exposure.equalize_hist(FLOAT[..., channel]) for channel in range(3)], axis=-1)
    assert levels(Equalize()(FLOAT), expected) < 1e-3
    flat = np.full((4, 4, 3), 77, np.uint8)
    assert np.array_equal(Equalize()(flat), flat)


def test_hue_and_saturation_are_scikit_images():
    hsv = color.rgb2hsv(PHOTO, channel_axis=2)
    turned = color.hsv2rgb(np.dstack([(hsv[..., 0] + 0.25) % 1, np.clip(hsv[..., 1] * 1.5, 0, 1), hsv[..., 2]]))
    assert levels(HueSaturation(hue=90, saturation=1.5)(PHOTO), np.rint(turned * 255)) <= 1
    red = np.array([[[255, 0, 0]]], np.uint8)
    assert HueSaturation(hue=120)(red).tolist() == [[[0, 255, 0]]]
    assert HueSaturation(saturation=0)(red).tolist() == [[[255, 255, 255]]]
    assert np.array_equal(HueSaturation(hue=120)(GRAY), GRAY)


def test_gray_weights():
    assert levels(Grayscale()(PHOTO)[..., 0], np.rint(color.rgb2gray(PHOTO) * 255)) <= 1
    assert (
        levels(Grayscale(weights="bt601")(PHOTO)[..., 0], Image.fromarray(PHOTO).convert("L")) <= 1
    )  # Pillow truncates
    gray = Grayscale()(PHOTO)
    assert gray.shape == PHOTO.shape
    assert (gray == gray[..., :1]).all()
    assert np.array_equal(Grayscale()(GRAY), GRAY)


# ---------------------------------------------------------------- blur, noise, occlusion


@pytest.mark.parametrize("image", [PHOTO, GRAY], ids=["RGB", "gray"])
def test_blur_is_scikit_images_and_mixes_no_channels(image):
    axis = 2 if image.ndim == 3 else None
    expected = filters.gaussian(image / 255, sigma=2, mode="nearest", truncate=4, channel_axis=axis)
    assert levels(GaussianBlur(sigma=2)(image / 255), expected) < 1e-6
    assert levels(GaussianBlur(sigma=2)(image), np.rint(expected * 255)) <= 1
    red = np.zeros((9, 9, 3), np.uint8)
    red[4, 4, 0] = 255
    assert GaussianBlur(sigma=1)(red)[..., 1:].max() == 0


def test_noise_has_the_moments_it_says():
    flat = np.full((200, 200, 3), 0.5)
    noise = GaussianNoise(std=0.1, seed=1)(flat) - 0.5
    # Four standard errors of the mean and of the standard deviation of 120 000 normal values, and a little for clipping.
    assert abs(noise.mean()) < 4 * 0.1 / 120_000**0.5
    assert abs(noise.std() - 0.1) < 4 * 0.1 / 240_000**0.5 + 1e-5
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02
    same = GaussianNoise(std=0.1, seed=1, per_channel=False)(flat)
    assert (same == same[..., :1]).all()
    assert abs(GaussianNoise(std=0.1, seed=1)(np.full((200, 200), 128, np.uint8)).astype(float).std() - 25.5) < 0.5


def test_salt_and_pepper_sets_the_share_it_says():
    flat = np.full((200, 200, 3), 128, np.uint8)
    noisy = SaltAndPepper(amount=0.1, salt=0.25, seed=1)(flat)
    white, black = (noisy == 255).all(axis=2), (noisy == 0).all(axis=2)
    assert abs(white.mean() - 0.025) < 4 * (0.025 / 40_000) ** 0.5
    assert abs(black.mean() - 0.075) < 4 * (0.075 / 40_000) ** 0.5
    assert (noisy[~white & ~black] == 128).all()


def test_dropout_covers_whole_rectangles_inside():
    white = np.full((100, 50), 255, np.uint8)
    one = CoarseDropout(holes=1, height=0.2, width=0.5, seed=3)
    rows, columns = np.nonzero(one(white) == 0)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 25)
    assert len(rows) == 500
    mask = np.ones((100, 50), int)
    assert one(Sample(white, mask=mask)).mask.min() == 1
    cleared = CoarseDropout(holes=1, height=0.2, width=0.5, seed=3, mask="clear")(Sample(white, mask=mask))
    assert np.array_equal(cleared.mask == 0, cleared.image == 0)
    small = one(np.full((25, 26), 255, np.uint8))
    top, left = (np.nonzero(small == 0)[axis].min() for axis in (0, 1))
    assert abs(top / 20 - rows.min() / 80) < 0.05  # of the room there is
    assert abs(left / 13 - columns.min() / 25) < 0.08
    assert (CoarseDropout(holes=1, height=1, width=1, fill=0.5)(white) == 128).all()


# ---------------------------------------------------------------- preprocessing


def test_normalize():
    assert np.array_equal(Normalize()(PHOTO), FLOAT)
    assert Normalize()(FLOAT) is FLOAT
    stretched = Normalize(method="minmax")(np.array([[10, 20, 60]], np.uint8))
    assert np.allclose(stretched, [[0, 0.2, 1]])
    assert not Normalize(method="minmax")(np.full((3, 3), 9, np.uint8)).any()


def test_center_and_standardize_an_image():
    centred, standard = Center()(PHOTO), Standardize()(PHOTO)
    assert np.abs(centred.mean(axis=(0, 1), dtype=float)).max() < 1e-6
    assert np.abs(standard.mean(axis=(0, 1), dtype=float)).max() < 1e-5
    assert np.abs(standard.std(axis=(0, 1)) - 1).max() < 1e-5
    assert abs(Center(per_channel=False)(PHOTO).mean(dtype=float)) < 1e-6
    assert abs(Standardize(per_channel=False)(PHOTO).std() - 1) < 1e-5
    assert not Standardize()(np.full((5, 5, 3), 9, np.uint8)).any()


def test_moments_of_a_data_set():
    images = [PHOTO, PHOTO[:40, :30], np.dstack([PHOTO, GRAY])[:70], PHOTO[3:9] / 255]
    pixels = np.concatenate(
        [image[..., :3].reshape(-1, 3) / (255 if image.dtype == np.uint8 else 1) for image in images]
    )
    fitted = Standardize.fit(iter(images))
    assert np.allclose(fitted.mean, pixels.mean(axis=0), rtol=1e-5)
    assert np.allclose(fitted.std, pixels.std(axis=0), rtol=1e-5)
    assert np.allclose(Center.fit(images, per_channel=False).mean, [pixels.mean()], rtol=1e-5)
    assert np.allclose(fitted(PHOTO), (FLOAT - pixels.mean(axis=0)) / pixels.std(axis=0), atol=1e-4)
    assert eval(repr(fitted)) == fitted


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Standardize.fit([]), "images must hold at least one image; got none"),
        (lambda: Standardize.fit([PHOTO, GRAY]), "image 1 must have 3 colour channels as those before; got 1"),
        (lambda: Standardize.fit([np.full((3, 3), 7, np.uint8)]), "Standardize.fit needs images whose values differ"),
        (lambda: Standardize.fit([PHOTO, PHOTO.astype(int)]), "image 1 must be uint8, or float32"),
        (lambda: Standardize(mean=[0.5]), "Standardize.std must have as many values as mean (1); got 0"),
        (
            lambda: Standardize(mean=[0.5] * 3, std=[0.5] * 3)(GRAY),
            "Standardize.mean must have 1 value or one for each of 1",
        ),
        (
            lambda: Center(mean=[0.5, 0.5])(PHOTO),
            "Center.mean must have 1 value or one for each of 3 colour channels; got 2",
        ),
    ],
)
def test_bad_moments_get_one_sentence(call, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        call()
    assert str(error.value).startswith(sentence)


def test_channels_there_and_back():
    rgba = ConvertChannels(to="rgba")(PHOTO)
    assert rgba.shape == (128, 160, 4)
    assert (rgba[..., 3] == 255).all()
    assert np.array_equal(ConvertChannels(to="rgb")(rgba), PHOTO)
    assert np.array_equal(ConvertChannels(to="rgb")(GRAY), np.dstack([GRAY] * 3))
    assert np.array_equal(ConvertChannels(to="gray")(GRAY), GRAY)
    assert ConvertChannels(to="gray")(PHOTO).shape == (128, 160, 1)
    assert levels(ConvertChannels(to="gray")(PHOTO)[..., 0], np.rint(color.rgb2gray(PHOTO) * 255)) <= 1
    half = np.dstack([PHOTO, np.full_like(GRAY, 128)])
    expected = color.rgba2rgb(half, background=(1, 1, 1))
    assert levels(ConvertChannels(to="rgb")(half), np.rint(expected * 255)) <= 1
    dark = ConvertChannels(to="rgb", background=0)(half)
    assert levels(dark, np.rint(PHOTO * (128 / 255))) <= 1

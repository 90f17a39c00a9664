"""Known values of the geometric family, and its agreement with NumPy, OpenCV, Pillow and scikit-image."""

import numpy as np
import pytest
import skimage.data
import skimage.transform
from PIL import Image
from scipy import stats

from augmentlab import (
    D4,
    CenterCrop,
    Compose,
    Crop,
    CropAndPad,
    ElasticTransform,
    GridDistortion,
    GridShuffle,
    HorizontalFlip,
    LetterBox,
    LongestMaxSize,
    OpticalDistortion,
    Pad,
    PiecewiseAffine,
    Rescale,
    Resize,
    Rotate,
    Rotate90,
    Sample,
    SmallestMaxSize,
    Swirl,
    ThinPlateSpline,
    Transpose,
    VerticalFlip,
    engines,
    geometry,
    uniform,
)
from augmentlab.compose import plan
from augmentlab.transform import parameter_named
from augmentlab.transforms import distort

cv2 = pytest.importorskip("cv2")

PHOTO = skimage.data.astronaut()[100:228, 150:310]  # 128 x 160, RGB
SHAPE = PHOTO.shape[:2]
DENSE = [ElasticTransform, GridDistortion, OpticalDistortion, PiecewiseAffine, Swirl, ThinPlateSpline]
STRONGEST = [
    GridDistortion(distortion=0.9, cells=12),
    OpticalDistortion(k=1.0),
    OpticalDistortion(k=-0.3),
    PiecewiseAffine(scale=0.24, cells=8),
    Swirl(strength=10),
    ThinPlateSpline(scale=0.15, cells=7),
]

every_dense = pytest.mark.parametrize("cls", DENSE, ids=lambda cls: cls.__name__)


def levels(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max()


# ---------------------------------------------------------------- whole pixels, against three libraries


@pytest.mark.parametrize(
    ("transform", "numpy", "opencv", "pillow"),
    [
        (HorizontalFlip(), np.fliplr, lambda a: cv2.flip(a, 1), Image.Transpose.FLIP_LEFT_RIGHT),
        (VerticalFlip(), np.flipud, lambda a: cv2.flip(a, 0), Image.Transpose.FLIP_TOP_BOTTOM),
        (Transpose(), lambda a: a.swapaxes(0, 1), cv2.transpose, Image.Transpose.TRANSPOSE),
        (Rotate90(turns=1), np.rot90, lambda a: cv2.rotate(a, cv2.ROTATE_90_COUNTERCLOCKWISE), Image.Transpose.ROTATE_90),
        (Rotate90(turns=2), lambda a: np.rot90(a, 2), lambda a: cv2.rotate(a, cv2.ROTATE_180), Image.Transpose.ROTATE_180),
        (
            Rotate90(turns=3),
            lambda a: np.rot90(a, 3),
            lambda a: cv2.rotate(a, cv2.ROTATE_90_CLOCKWISE),
            Image.Transpose.ROTATE_270,
        ),
    ],
    ids=lambda value: repr(value) if hasattr(value, "p") else "",
)  # fmt: skip
def test_flips_and_turns_are_those_of_numpy_opencv_and_pillow(transform, numpy, opencv, pillow):
    result = transform(PHOTO)
    assert np.array_equal(result, numpy(PHOTO))
    assert np.array_equal(result, opencv(PHOTO))
    assert np.array_equal(result, np.asarray(Image.fromarray(PHOTO).transpose(pillow)))


@pytest.mark.parametrize(
    ("element", "pillow"),
    [
        (0, None),
        (1, Image.Transpose.ROTATE_90),
        (2, Image.Transpose.ROTATE_180),
        (3, Image.Transpose.ROTATE_270),
        (4, Image.Transpose.FLIP_LEFT_RIGHT),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.FLIP_TOP_BOTTOM),
        (7, Image.Transpose.TRANSVERSE),
    ],
)
def test_d4_is_pillows_eight_transpositions(element, pillow):
    expected = PHOTO if pillow is None else np.asarray(Image.fromarray(PHOTO).transpose(pillow))
    sample = Sample(PHOTO, mask=PHOTO[..., 0], keypoints=[[30, 40]], boxes=[[20, 35, 50, 41]])
    moved = D4(element=element).apply(sample)
    assert np.array_equal(moved.image, expected)
    assert np.array_equal(moved.mask, expected[..., 0])
    (x, y), ((left, top, right, bottom),) = np.rint(moved.keypoints[0]).astype(int), moved.boxes
    assert np.array_equal(expected[y, x], PHOTO[40, 30])
    assert (left <= x < right, top <= y < bottom) == (True, True)
    assert sorted([right - left, bottom - top]) == [6, 30]


def test_d4_is_a_group():
    image = np.arange(9, dtype=np.uint8).reshape(3, 3)
    all_of_them = {D4(element=element)(image).tobytes() for element in range(8)}
    assert len(all_of_them) == 8
    for first in range(8):
        turned = D4(element=first)(image)
        assert {D4(element=then)(turned).tobytes() for then in range(8)} == all_of_them


@pytest.mark.filterwarnings("ignore:step .* leaves every image as it is")
@pytest.mark.parametrize(
    ("x", "y", "left", "top"), [(0, 0, 0, 0), (1, 1, 120, 64), (0.5, 0.5, 60, 32), (0.25, 0, 30, 0)]
)
def test_crop_is_a_slice(x, y, left, top):
    sample = Sample(PHOTO, keypoints=[[70, 50]], boxes=[[0, 0, 160, 128]])
    result = Crop(height=0.5, width=0.25, x=x, y=y).apply(sample)
    assert np.array_equal(result.image, PHOTO[top : top + 64, left : left + 40])
    assert np.array_equal(result.image, np.asarray(Image.fromarray(PHOTO).crop((left, top, left + 40, top + 64))))
    assert np.array_equal(result.keypoints, [[70 - left, 50 - top]])
    assert np.array_equal(result.boxes, [[0, 0, 40, 64]])


def test_crop_in_the_middle_is_the_center_crop():
    for height in range(1, 12):
        for share in (0.2, 0.5, 0.75, 1.0):
            image = np.arange(height * 7, dtype=np.uint8).reshape(height, 7)
            assert np.array_equal(Crop(height=share, width=share)(image), CenterCrop(height=share, width=share)(image))


def test_a_random_crop_takes_every_place_equally_often():
    image = np.tile(np.arange(10, dtype=np.uint8), (3, 1))
    crop = Crop(width=0.6, x=uniform(0, 1))
    places = [int(crop(image, rng=seed)[0, 0]) for seed in range(2000)]
    assert stats.chisquare(np.bincount(places, minlength=5)).pvalue > 0.01  # 5 places: 0 to 4
    assert max(places) == 4


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("border", ["constant", "edge", "reflect", "symmetric", "wrap"])
def test_crop_and_pad_without_resizing_is_numpy_pad_and_a_slice(border):
    transform = CropAndPad(top=0.25, bottom=-0.125, left=-0.1, right=0.2, keep_size=False, border=border, fill=1.0)
    options = {"constant_values": 255} if border == "constant" else {}
    padded = np.pad(PHOTO, ((32, 0), (0, 32), (0, 0)), mode=border, **options)
    sample = Sample(PHOTO, keypoints=[[20, 5]], boxes=[[0, 0, 160, 128]])
    result = transform.apply(sample)
    assert np.array_equal(result.image, padded[:144, 16:])
    assert np.array_equal(result.keypoints, [[4, 37]])
    assert np.array_equal(result.boxes, [[0, 32, 144, 144]])
    assert transform.output_shape(PHOTO.shape) == (144, 176, 3)


def test_crop_and_pad_keeps_the_size_by_resizing():
    sides = {"top": 0.1, "bottom": 0.2, "left": -0.1, "right": 0.05}
    window = CropAndPad(**sides, keep_size=False)(PHOTO)
    assert np.array_equal(CropAndPad(**sides)(PHOTO), Resize(height=128, width=160)(window))
    cut = CropAndPad(top=-0.25, bottom=-0.25, left=-0.25, right=-0.25)(PHOTO)
    # OpenCV's linear interpolation agrees where the image grows; it rounds half up.
    assert levels(cut, cv2.resize(PHOTO[32:96, 40:120], (160, 128), interpolation=cv2.INTER_LINEAR)) <= 1


def test_crop_and_pad_leaves_at_least_a_pixel():
    for side in (1, 2, 3, 50):
        assert CropAndPad(top=-0.49, bottom=-0.49, keep_size=False).output_shape((side, 1))[0] >= 1


def test_crop_and_pad_agrees_with_pad():
    assert np.array_equal(
        CropAndPad(top=0.1, bottom=0.1, left=0.3, right=0.3, keep_size=False)(PHOTO), Pad(height=0.1, width=0.3)(PHOTO)
    )


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        (Rescale(factor=0.5), (64, 80)),
        (Rescale(factor=2), (256, 320)),
        (Rescale(factor=0.05), (6, 8)),
        (LongestMaxSize(size=80), (64, 80)),
        (LongestMaxSize(size=240), (192, 240)),
        (SmallestMaxSize(size=80), (80, 100)),
        (SmallestMaxSize(size=1), (1, 1)),
        (LongestMaxSize(), (128, 160)),
    ],
    ids=repr,
)
def test_sizes_keep_proportions(transform, shape):
    result = transform(PHOTO)
    assert result.shape == (*shape, 3)
    assert np.array_equal(result, Resize(height=shape[0], width=shape[1])(PHOTO))
    smooth = shape[0] < 128
    expected = skimage.transform.resize(PHOTO / 255, result.shape, order=1, mode="edge", anti_aliasing=smooth)
    assert levels(result, np.rint(expected * 255)) <= 1  # a sum in another order may round the other way
    turned = transform(PHOTO.swapaxes(0, 1))
    assert turned.shape == (*shape[::-1], 3)


def test_growing_agrees_with_opencv():
    assert levels(Rescale(factor=2)(PHOTO), cv2.resize(PHOTO, (320, 256), interpolation=cv2.INTER_LINEAR)) <= 1


def test_a_letter_box_pads_to_multiples():
    image = PHOTO[:100, :150]
    padded = LetterBox(multiple=32, fill=1.0)(image)
    assert np.array_equal(padded, np.pad(image, ((14, 14), (5, 5), (0, 0)), constant_values=255))
    assert np.array_equal(
        LetterBox(multiple=32, border="reflect")(image), np.pad(image, ((14, 14), (5, 5), (0, 0)), "reflect")
    )
    sample = LetterBox(size=75, multiple=16).apply(Sample(image, boxes=[[0, 0, 150, 100]], keypoints=[[-0.5, -0.5]]))
    assert sample.image.shape == (64, 80, 3)
    assert np.allclose(sample.boxes, [[2, 7, 77, 57]])
    assert np.allclose(sample.keypoints, [[1.5, 6.5]])
    assert np.array_equal(sample.image[7:57, 2:77], LongestMaxSize(size=75)(image))


def test_a_letter_box_of_one_multiple_is_a_resize_that_keeps_aspect():
    for size in (40, 57, 96, 200):
        boxed = LetterBox(size=size, multiple=size, fill=0.5)(PHOTO)
        assert np.array_equal(boxed, Resize(height=size, width=size, keep_aspect=True, fill=0.5)(PHOTO))


def test_sizes_are_preprocessing_unless_they_are_drawn():
    pipeline = Compose(
        [LongestMaxSize(size=64), Crop(height=0.5, x=uniform(0, 1)), CropAndPad(top=-0.1), LetterBox(multiple=8)]
    )
    assert pipeline.deterministic() == Compose([LongestMaxSize(size=64), LetterBox(multiple=8)])


# ---------------------------------------------------------------- shuffled tiles


def test_shuffled_tiles_keep_every_pixel():
    image = np.arange(11 * 14, dtype=np.uint8).reshape(11, 14)  # three rows and two columns fill no tile
    for seed in range(20):
        shuffled = GridShuffle(tiles=4, seed=seed)(image)
        assert sorted(shuffled.ravel()) == sorted(image.ravel())
        assert np.array_equal(shuffled[8:], image[8:])
        assert np.array_equal(shuffled[:, 12:], image[:, 12:])
        tiles = {image[top : top + 2, left : left + 3].tobytes() for top in range(0, 8, 2) for left in range(0, 12, 3)}
        assert {
            shuffled[top : top + 2, left : left + 3].tobytes() for top in range(0, 8, 2) for left in range(0, 12, 3)
        } == tiles


def test_masks_and_keypoints_go_with_their_tile():
    labels = np.arange(13 * 17, dtype=np.int32).reshape(13, 17)
    points = np.stack(np.meshgrid(np.arange(17), np.arange(13)), axis=-1).reshape(-1, 2)
    for seed in range(10):
        moved = GridShuffle(tiles=3, seed=seed).apply(Sample(labels.astype(np.uint8), mask=labels, keypoints=points))
        x, y = moved.keypoints.astype(int).T
        assert np.array_equal(moved.mask[y, x], labels.ravel())
        assert np.array_equal(moved.image, moved.mask.astype(np.uint8))
    aside = GridShuffle(tiles=2, seed=1).apply(Sample(labels.astype(np.uint8), keypoints=[[-4, 3], [0.4, 0.4]]))
    assert np.array_equal(aside.keypoints[0], [-4, 3])
    assert np.allclose(aside.keypoints[1] % 1, 0.4)


def test_shuffled_tiles_are_those_of_the_thumbnail():
    small = np.arange(16, dtype=np.uint8).reshape(4, 4)
    large = small.repeat(8, axis=0).repeat(8, axis=1)
    for seed in range(5):
        shuffle = GridShuffle(tiles=4, seed=seed)
        assert np.array_equal(shuffle(large), shuffle(small).repeat(8, axis=0).repeat(8, axis=1))


def test_shuffled_tiles_carry_no_boxes():
    sample = Sample(PHOTO, boxes=[[0, 0, 5, 5]])
    for pipeline in (GridShuffle(tiles=2), Compose([HorizontalFlip(), GridShuffle(tiles=2)])):
        with pytest.raises(ValueError, match=r"^GridShuffle tears the image apart, so boxes cannot follow; got 1$"):
            pipeline(sample, rng=0)
    assert GridShuffle(tiles=2)(Sample(PHOTO, boxes=[]), rng=0).boxes.shape == (0, 4)


def test_shuffled_tiles_are_never_interpolated():
    steps = [Rotate(angle=10), GridShuffle(tiles=3, seed=1), Rotate(angle=5)]
    assert [len(run) for run, _ in plan(Compose(steps), SHAPE)] == [1, 1, 1]
    assert np.array_equal(Compose(steps[:2]).apply(PHOTO), steps[1].apply(steps[0].apply(PHOTO)))


# ---------------------------------------------------------------- dense maps, against other libraries and formulas


def test_optical_distortion_is_opencvs_lens_model():
    for k in (-0.25, 0.1, 0.8):
        height, width = SHAPE
        x, y = (width - 1) / 2, (height - 1) / 2
        camera = np.array([[np.hypot(x, y), 0, x], [0, np.hypot(x, y), y], [0, 0, 1]])
        expected = cv2.initUndistortRectifyMap(
            camera, np.array([k, 0, 0, 0]), None, camera, (width, height), cv2.CV_32FC1
        )
        # OpenCV returns float32: 24 bits of up to 200 px
        assert np.abs(OpticalDistortion(k=k).coordinate_map(SHAPE) - np.stack(expected, axis=-1)).max() < 1e-4


def test_optical_distortion_by_hand():
    map_ = OpticalDistortion(k=0.5).coordinate_map((101, 201))
    reach = np.hypot(100, 50)
    assert np.allclose(map_[50, 100], [100, 50])
    assert np.allclose(map_[50, 140], [100 + 40 * (1 + 0.5 * (40 / reach) ** 2), 50])
    assert np.allclose(map_[0, 0], [100 - 150, 50 - 75])


@pytest.mark.parametrize(("strength", "radius"), [(3, 1.0), (-10, 0.5), (0.7, 3.0)])
def test_swirl_is_scikit_images(strength, radius):
    expected = skimage.transform.swirl(
        PHOTO,
        center=(79.5, 63.5),
        strength=strength,
        radius=radius * 128,
        order=1,
        mode="constant",
        cval=0,
        preserve_range=True,
    )
    # Both are linear interpolation of the same positions: no more than the rounding differs.
    assert levels(Swirl(strength=strength, radius=radius)(PHOTO), np.rint(expected)) <= 1


@pytest.mark.parametrize("cells", [1, 2, 4, 7])
def test_piecewise_affine_is_scikit_images(cells):
    transform = PiecewiseAffine(scale=0.24, cells=cells, seed=5)
    side, spacing = np.array([SHAPE[1] - 1, SHAPE[0] - 1]), 8
    nodes = geometry.pixel_grid((cells + 1, cells + 1)).reshape(-1, 2) / cells
    at_nodes = transform.coordinate_map((cells * spacing + 1, cells * spacing + 1))[::spacing, ::spacing]
    # A square has two triangulations alike; a slide makes the diagonals of ours the shorter ones.
    slide = np.array([[1, 0], [-0.3, 1]])
    reference = skimage.transform.PiecewiseAffineTransform.from_estimate(
        nodes @ slide, at_nodes.reshape(-1, 2) / (cells * spacing)
    )
    inside = geometry.pixel_grid(SHAPE)[1:-1, 1:-1]  # on the frame itself a point may be taken to lie in no triangle
    expected = reference(inside.reshape(-1, 2) / side @ slide) * side
    # Positions have single precision.
    assert np.abs(expected - transform.coordinate_map(SHAPE)[1:-1, 1:-1].reshape(-1, 2)).max() < 4e-5


# scikit-image's use of SciPy 1.18
@pytest.mark.filterwarnings("ignore:`(distance_matrix|minkowski_distance.*)` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("cells", [1, 3, 7])
def test_thin_plate_spline_is_scikit_images(cells):
    transform = ThinPlateSpline(scale=0.15, cells=cells, seed=2)
    largest = transform.scale / cells
    moves = np.random.default_rng(2).uniform(-largest, largest, (2, (cells + 1) ** 2)).T
    nodes = geometry.pixel_grid((cells + 1, cells + 1)).reshape(-1, 2) / cells
    reference = skimage.transform.ThinPlateSplineTransform.from_estimate(nodes, nodes + moves)
    side = np.array([SHAPE[1] - 1, SHAPE[0] - 1])
    expected = reference(geometry.pixel_grid(SHAPE).reshape(-1, 2) / side)
    share = transform.coordinate_map(SHAPE).reshape(-1, 2) / side
    assert np.abs(share - expected).max() < 1 / 3000


def test_grid_distortion_keeps_lines_straight_and_the_frame_filled():
    for seed in range(10):
        map_ = GridDistortion(distortion=0.9, cells=7, seed=seed).coordinate_map(SHAPE)
        assert np.ptp(map_[..., 0], axis=0).max() == 0
        assert np.ptp(map_[..., 1], axis=1).max() == 0
        assert np.allclose(map_[[0, -1], [0, -1]], [[0, 0], [159, 127]])
        slopes = np.diff(map_[0, :, 0])
        assert slopes.min() > 0


def test_grid_distortion_by_hand():
    shares = 1 + 0.5 * np.random.default_rng(4).uniform(-1, 1, (2, 2))
    map_ = GridDistortion(distortion=0.5, cells=2, seed=4).coordinate_map((5, 9))
    assert np.allclose(map_[2, 4], [8, 4] * shares[:, 0] / shares.sum(axis=1))
    assert np.allclose(map_[1, 6], [(map_[0, 4, 0] + 8) / 2, map_[2, 0, 1] / 2])


# ---------------------------------------------------------------- dense maps, what they promise


@every_dense
def test_a_thumbnail_bends_as_the_full_image(cls):
    for seed in range(5):
        drawn = cls.typical().sample(seed)
        large, small = drawn.coordinate_map((129, 193)), drawn.coordinate_map((65, 97))
        # Frames that are measured from pixel border to pixel border differ by a part of a pixel.
        assert np.abs(large[::2, ::2] / 2 - small).max() < 0.5


@pytest.mark.parametrize("transform", STRONGEST, ids=repr)
def test_the_strongest_do_not_fold(transform):
    for seed in range(20):
        map_ = transform.sample(seed).coordinate_map((257, 200))
        across, down = np.diff(map_, axis=1)[:-1], np.diff(map_, axis=0)[:, :-1]
        assert (across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]).min() > 0


@pytest.mark.parametrize("cells", range(1, 8))
def test_no_moves_of_a_thin_plate_spline_could_fold(cells):
    # The determinant of the map is at least 1 - 2 m s: m the largest move, s the slopes of all nodes' splines together.
    plates = distort._thin_plates(cells)
    slopes = [np.abs(np.diff(plates, axis=axis)).sum(axis=0).max() * 64 for axis in (1, 2)]
    assert 2 * 0.15 / cells * max(slopes) < 1


def test_the_worst_moves_of_a_piecewise_affine_do_not_fold():
    # Both legs of a triangle shrink by 2 m and slant by 2 m of the spacing: determinant (1 - 2 m)**2 - (2 m)**2.
    bound = parameter_named(PiecewiseAffine, "scale").high
    assert (1 - 2 * bound) ** 2 - (2 * bound) ** 2 > 0


@every_dense
def test_keypoints_go_there_and_back(cls):
    inner = np.random.default_rng(0).uniform([30, 30], [129, 97], (40, 2))
    for seed in range(10):
        drawn = cls.typical().sample(seed)
        map_ = drawn.coordinate_map(SHAPE)
        moved = drawn.apply(Sample(PHOTO, keypoints=inner)).keypoints
        assert np.abs(geometry.look_up(map_, moved) - inner).max() < 0.05


@pytest.mark.parametrize("transform", STRONGEST, ids=repr)
def test_the_strongest_can_still_be_inverted(transform):
    points = np.random.default_rng(0).uniform([5, 5], [154, 122], (60, 2))
    for seed in range(5):
        map_ = transform.sample(seed).coordinate_map(SHAPE)
        moved = geometry.move_points(map_, points)
        within = ((moved >= 0) & (moved <= [159, 127])).all(axis=1)
        assert within.any()
        assert np.abs(geometry.look_up(map_, moved) - points)[within].max() < 0.05


def test_what_leaves_the_frame_is_not_seen():
    corners = [[2, 2], [157, 2], [157, 125], [2, 125], [80, 64]]
    moved = OpticalDistortion(k=-0.3).apply(Sample(PHOTO, keypoints=corners))
    assert moved.visible.tolist() == [False, False, False, False, True]


@every_dense
def test_boxes_are_tight(cls):
    mask = np.zeros(SHAPE, np.uint8)
    mask[40:90, 50:110] = 1
    for seed in range(8):
        moved = cls.typical()(Sample(PHOTO, mask=mask, boxes=[[50, 40, 110, 90]]), rng=seed)
        rows, columns = np.nonzero(moved.mask)
        hull = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(moved.boxes[0] - hull).max() < 1.5


@every_dense
def test_a_dense_step_among_matrices_is_resampled_once(cls):
    drawn = cls.typical().sample(3)
    border = getattr(drawn, "border", "constant")
    steps = [Rotate(angle=20, border=border), drawn, HorizontalFlip()]
    total = geometry.compose([step.coordinate_map(SHAPE) for step in steps], SHAPE)
    assert len(plan(Compose(steps), SHAPE)) == 1
    expected = engines.current().remap(PHOTO, total, order=1, border=border)
    assert np.array_equal(Compose(steps).apply(PHOTO), expected)


@pytest.mark.parametrize("cls", [GridDistortion, PiecewiseAffine], ids=lambda cls: cls.__name__)
def test_a_step_that_fills_the_frame_looks_at_nothing_beyond_it(cls):
    white = np.full((40, 50, 3), 255, np.uint8)
    for seed in range(10):
        assert (cls.typical()(white, rng=seed) == 255).all()
        drawn = cls.typical().sample(seed)
        (box,) = drawn.apply(Sample(white, boxes=[[0, 0, 50, 40]])).boxes
        assert np.allclose(box, [0, 0, 50, 40])

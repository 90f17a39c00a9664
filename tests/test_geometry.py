import numpy as np
import pytest
from skimage.transform import AffineTransform, ProjectiveTransform

from augmentlab import geometry

GRID = np.array([[x, y] for x in (-3.0, 0.0, 4.5, 19.0) for y in (-2.0, 0.0, 7.25, 11.0)])


def turned(degrees, shape=(12, 20), **options):
    return geometry.about_centre(shape, rotation=np.deg2rad(degrees), **options)


# ---------------------------------------------------------------- matrices


@pytest.mark.parametrize(
    ("options", "reference"),
    [
        ({"rotation": 0.4}, {"rotation": -0.4}),
        ({"rotation": -2.5, "scale": 1.7}, {"rotation": 2.5, "scale": 1.7}),
        ({"shear": (0.3, 0.0)}, {"shear": (-0.3, 0)}),
        ({"shear": (0.0, 0.3)}, {"shear": (0, -0.3)}),
        ({"translation": (3.0, -2.0)}, {"translation": (3.0, -2.0)}),
    ],
)
def test_about_centre_is_scikit_images_affine_transform(options, reference):
    # scikit-image turns and slides the other way, and about the origin.
    height, width = 12, 20
    to_origin = AffineTransform(translation=(-(width - 1) / 2, -(height - 1) / 2))
    forward = to_origin + AffineTransform(**reference) + to_origin.inverse
    moved = geometry.move_points(geometry.about_centre((height, width), **options), GRID)
    assert np.allclose(moved, forward(GRID), atol=1e-9)


def test_about_centre_slides_then_turns_then_shifts():
    shape, steps = (12, 20), {"rotation": 0.4, "scale": 1.5, "shear": (0.3, -0.2), "translation": (3.0, -2.0)}
    maps = [
        geometry.about_centre(shape, shear=(0.0, -0.2)),
        geometry.about_centre(shape, shear=(0.3, 0.0)),
        geometry.about_centre(shape, rotation=0.4),
        geometry.about_centre(shape, scale=1.5),
        geometry.about_centre(shape, translation=(3.0, -2.0)),
    ]
    assert np.allclose(geometry.about_centre(shape, **steps), geometry.compose(maps, shape), atol=1e-12)


def test_shears_keep_the_area_and_never_fold():
    for along_x in np.deg2rad([-80, -45, 0, 45, 80]):
        for along_y in np.deg2rad([-80, -45, 0, 45, 80]):
            map_ = geometry.about_centre((9, 9), shear=(along_x, along_y))
            assert np.linalg.det(map_) == pytest.approx(1)


def test_nothing_is_the_identity_to_the_last_bit():
    assert np.array_equal(geometry.about_centre((7, 10)), np.eye(3))


def test_the_centre_stays():
    centre = np.array([[(20 - 1) / 2, (12 - 1) / 2]])
    map_ = geometry.about_centre((12, 20), rotation=1.0, scale=0.3, shear=(0.5, 0.4))
    assert np.allclose(geometry.look_up(map_, centre), centre)


def test_zoom_keeps_the_borders():
    # Output of twice the size: border -0.5 stays, border 9.5 goes to 19.5.
    map_ = geometry.zoom(0.5, 0.5)
    assert np.allclose(geometry.look_up(map_, [[-0.5, -0.5], [19.5, 9.5]]), [[-0.5, -0.5], [9.5, 4.5]])


def test_quad_to_frame_is_scikit_images_projective_transform():
    corners = np.array([[2, 1], [17, 3], [15, 10], [1, 9]])
    map_ = geometry.quad_to_frame(corners, (12, 20))
    frame = np.array([[0, 0], [19, 0], [19, 11], [0, 11]])
    assert np.allclose(geometry.look_up(map_, frame), corners)
    assert np.allclose(geometry.move_points(map_, corners), frame, atol=1e-9)
    assert np.allclose(geometry.look_up(map_, GRID), ProjectiveTransform(map_)(GRID))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_quad_to_frame_of_a_single_row_or_column(shape):
    map_ = geometry.quad_to_frame([[0, 0], [1, 0], [1, 1], [0, 1]], shape)
    assert np.isfinite(map_).all()
    assert abs(np.linalg.det(map_)) > 1e-9


# ---------------------------------------------------------------- dense maps


def bent(shape, amplitude=0.8):
    height, width = shape
    grid = geometry.pixel_grid(shape)
    x, y = grid[..., 0], grid[..., 1]
    return grid + amplitude * np.stack([np.sin(4 * y / height), np.cos(3 * x / width)], axis=-1)


def test_looking_up_a_dense_map():
    map_ = bent((12, 20))
    assert np.array_equal(geometry.look_up(map_, geometry.pixel_grid((12, 20))), map_)
    half = geometry.look_up(map_, [[3.5, 4.0]])
    assert np.allclose(half, (map_[4, 3] + map_[4, 4]) / 2)
    outside = geometry.look_up(map_, [[-5.0, 30.0]])
    assert np.allclose(outside - [-5, 30], map_[11, 0] - [0, 11])


def test_points_through_a_dense_map_and_back():
    map_ = bent((40, 50), amplitude=3)
    points = np.random.default_rng(0).uniform([5, 5], [44, 34], (50, 2))
    there = geometry.move_points(map_, points)
    assert np.abs(geometry.look_up(map_, there) - points).max() < 1e-3


def test_points_that_no_iteration_finds_are_found_between_the_pixels():
    mirrored = geometry.pixel_grid((10, 10))
    mirrored[..., 0] = 9 - mirrored[..., 0]  # a mirror is no small displacement
    moved = geometry.move_points(mirrored, [[2.0, 5.0], [8.2, 1.1], [30.0, 5.0]])
    assert np.allclose(moved[:2], [[7, 5], [0.8, 1.1]], atol=1e-9)
    assert not -0.5 <= moved[2, 0] < 9.5  # seen nowhere


def test_no_points_and_no_boxes():
    for map_ in (np.eye(3), bent((8, 8))):
        assert geometry.move_points(map_, np.zeros((0, 2))).shape == (0, 2)
        assert geometry.move_boxes([map_], np.zeros((0, 4))).shape == (0, 4)


def test_composition_applies_the_first_map_first():
    maps = [turned(30), geometry.shift(3, -1), geometry.zoom(2, 0.5)]
    together = geometry.compose(maps, (12, 20))
    one_by_one = GRID
    for map_ in reversed(maps):
        one_by_one = geometry.look_up(map_, one_by_one)
    assert np.allclose(geometry.look_up(together, GRID), one_by_one)
    dense = geometry.compose([turned(30), bent((12, 20)), geometry.shift(3, -1)], (12, 20))
    expected = geometry.look_up(
        turned(30), geometry.look_up(bent((12, 20)), geometry.pixel_grid((12, 20)) + np.array([3, -1]))
    )
    assert np.allclose(dense, expected)


# ---------------------------------------------------------------- boxes


def test_a_quarter_turn_moves_box_edges_to_pixel_borders():
    (box,) = geometry.move_boxes([turned(90, (10, 10))], [[1, 2, 4, 8]])
    assert np.allclose(box, [2, 6, 8, 9])


def test_the_hull_of_a_turned_square_is_its_diagonal():
    (box,) = geometry.move_boxes([turned(45, (20, 20))], [[5, 5, 15, 15]])
    assert np.allclose(box, [10 - 50**0.5, 10 - 50**0.5, 10 + 50**0.5, 10 + 50**0.5])


def test_boxes_go_through_a_bent_map_as_through_what_it_bends():
    # The two maps cancel out; pixel-wise inversion of the composed map would lose half a pixel.
    maps = [turned(90, (30, 30)), bent((30, 30), 1e-9), turned(-90, (30, 30))]
    assert np.allclose(geometry.move_boxes(maps, [[3, 4, 11, 20]]), [[3, 4, 11, 20]], atol=1e-3)


def test_a_box_that_reaches_behind_the_horizon_keeps_what_is_before_it():
    # The sides of this quadrilateral meet at (10, 5): what lies above row 5 is behind the viewer.
    map_ = geometry.quad_to_frame([[8, 9], [12, 9], [17, 19], [3, 19]], (20, 20))
    ahead, across, behind = geometry.move_boxes([map_], [[2, 11, 8, 16], [2, 0, 8, 16], [2, 0, 8, 4]])
    points = geometry.move_points(map_, np.array([[x, y] for x in (1.5, 7.5) for y in (10.5, 15.5)])) + 0.5
    assert np.allclose(ahead, [*points.min(axis=0), *points.max(axis=0)])
    assert across[3] == pytest.approx(ahead[3])
    assert (across[:2] < -1000).all()
    assert np.array_equal(behind, np.zeros(4))


def test_clipping_and_visibility():
    boxes = np.array([[-5, 0, 5, 10], [0, 0, 4, 4], [12, 0, 14, 2], [9, 9, 11, 11]], dtype=float)
    clipped, kept = geometry.clip_boxes(boxes, (10, 10), 0.0)
    assert kept.tolist() == [True, True, False, True]
    assert clipped[0].tolist() == [0, 0, 5, 10]
    assert geometry.clip_boxes(boxes, (10, 10), 0.5)[1].tolist() == [True, True, False, False]
    assert geometry.clip_boxes(boxes, (10, 10), 1.0)[1].tolist() == [False, True, False, False]


# ---------------------------------------------------------------- mirrors


@pytest.mark.parametrize("shape", [(2, 2), (5, 9)])
def test_whether_a_map_mirrors(shape):
    rng = np.random.default_rng(0)
    for _ in range(50):
        matrix = np.vstack([rng.normal(size=(2, 3)), [0, 0, 1]])
        x, y = geometry.look_up(matrix, [[1, 0], [0, 1]]) - geometry.look_up(matrix, [0, 0])
        mirrored = x[0] * y[1] < x[1] * y[0]
        assert geometry.mirrors(matrix) == geometry.mirrors(-3 * matrix) == mirrored  # a factor is of no account
        assert geometry.mirrors(geometry.look_up(matrix, geometry.pixel_grid(shape))) == mirrored


def test_a_line_of_pixels_has_no_sides():
    assert not geometry.mirrors(geometry.pixel_grid((1, 5))[:, ::-1])

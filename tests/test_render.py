"""Pictures made of draws: pure functions, checked at known pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from augmentlab import CenterCrop, Compose, HorizontalFlip, Invert, Pad, Rotate, Sample, Standardize, render, uniform

RAMP = np.linspace(0, 255, 40 * 60 * 3).astype(np.uint8).reshape(40, 60, 3)


def test_gray_bool_float_and_rgba_are_shown_as_rgb():
    gray = np.array([[0, 255]], np.uint8)
    for image in (gray, gray[..., None], gray / 255.0, (gray / 255).astype(np.float32), gray.astype(bool)):
        picture, note = render.to_rgb(image)
        assert picture.dtype == np.uint8
        assert picture.tolist() == [[[0] * 3, [255] * 3]]
        assert note == ""


def test_a_float_is_rounded_not_truncated():
    assert render.to_rgb(np.full((1, 1), 0.999))[0][0, 0, 0] == 255


def test_transparent_pixels_show_a_checkerboard_and_opaque_ones_themselves():
    image = np.zeros((16, 16, 4), np.uint8)
    image[:8, :8] = (10, 20, 30, 255)
    picture, _ = render.to_rgb(image)
    assert picture[0, 0].tolist() == [10, 20, 30]
    assert picture[0, 15].tolist() == [255] * 3
    assert picture[15, 15].tolist() == [204] * 3


def test_values_outside_the_unit_range_are_stretched_and_the_note_says_so():
    picture, note = render.to_rgb(np.array([[-2.0, 0.0, 2.0]]))
    assert picture[0, :, 0].tolist() == [0, 128, 255]
    assert note == "shown stretched from [-2, 2]"
    assert render.to_rgb(np.full((2, 2), 7.0))[0].max() == 0


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (0, 4), (1, 2, 3, 3)])
def test_what_is_no_image_gets_one_sentence(shape):
    with pytest.raises(ValueError, match=r"image must have shape .* got \("):
        render.to_rgb(np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_thumbnails_keep_dtype_channels_aspect_and_range(dtype, channels):
    image = np.random.default_rng(0).random((90, 300, *channels))
    image = (image * 255).astype(dtype) if dtype == np.uint8 else image.astype(dtype)
    before = image.copy()
    small = render.thumbnail(image, 100)
    assert small.shape == (30, 100, *channels)
    assert small.dtype == dtype
    assert small.min() >= image.min()
    assert small.max() <= image.max()
    assert np.array_equal(image, before)


def test_thumbnails_are_antialiased():
    stripes = np.tile(np.array([0, 255], np.uint8), (100, 100))
    assert np.abs(render.thumbnail(stripes, 50)[5:-5, 5:-5].astype(int) - 128).max() < 20


def test_a_small_image_is_its_own_thumbnail():
    assert render.thumbnail(RAMP, 60) is RAMP


def test_a_sample_shrinks_as_a_whole():
    mask = np.zeros((100, 200), np.uint8)
    mask[:50, :100] = 3
    sample = Sample(
        np.zeros((100, 200), np.uint8),
        mask=mask,
        heatmap=mask / 3.0,
        boxes=np.array([[0, 0, 100, 50.0]]),
        keypoints=np.array([[-0.5, -0.5], [199.5, 99.5]]),
    )
    small = render.thumbnail(sample, 20)
    assert small.image.shape == small.mask.shape == (10, 20)
    assert small.mask[:5, :10].min() == 3
    assert small.mask.sum() == 3 * 50
    assert small.heatmap.sum() == 50
    assert small.boxes.tolist() == [[0, 0, 10, 5]]
    # The outer corners of the image stay its outer corners.
    assert np.allclose(small.keypoints, [[-0.5, -0.5], [19.5, 9.5]])


def test_a_montage_puts_every_tile_in_its_place():
    tiles = [np.full((6, 8), value, np.uint8) for value in (10, 20, 30, 40, 50)]
    picture = render.montage(tiles, 2, gap=3, background=200)
    assert picture.shape == (3 * 6 + 2 * 3, 2 * 8 + 3, 3)
    for index, value in enumerate((10, 20, 30, 40, 50)):
        row, column = divmod(index, 2)
        assert np.all(picture[row * 9 : row * 9 + 6, column * 11 : column * 11 + 8] == value)
    assert np.all(picture[6:9] == 200)
    assert np.all(picture[:, 8:11] == 200)
    assert np.all(picture[18:, 11:] == 200)


def test_smaller_tiles_are_centred():
    picture = render.montage([np.zeros((10, 10)), np.ones((4, 6))], 2, gap=0, background=99)
    assert np.all(picture[3:7, 12:18] == 255)
    assert np.all(picture[:3, 10:] == 99)
    assert np.all(picture[3:7, 10:12] == 99)


def test_a_montage_of_nothing_gets_one_sentence():
    with pytest.raises(ValueError, match="at least one tile; got none"):
        render.montage([], 2)
    with pytest.raises(ValueError, match="columns must be 1 or more; got 0"):
        render.montage([RAMP], 0)


def test_the_grid_is_a_function_of_pipeline_images_and_seed():
    pipeline = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-40, 40))])
    first, records = render.grid(pipeline, [RAMP, RAMP[::-1]], seed=3, draws=3)
    again, _ = render.grid(pipeline, [RAMP, RAMP[::-1]], seed=3, draws=3)
    other, _ = render.grid(pipeline, [RAMP, RAMP[::-1]], seed=4, draws=3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert [(tile.row, tile.column) for tile in records] == [(row, column) for row in range(2) for column in range(4)]


def test_a_tile_can_be_made_again_from_its_record():
    pipeline = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-40, 40), p=0.5), Invert(p=0.5)])
    for tile in render.tiles(pipeline, RAMP, seed=1, draws=6, size=60):
        expected = RAMP if tile.drawn is None else tile.drawn.apply(RAMP)
        assert np.array_equal(tile.image, expected)
        if tile.drawn is not None:
            assert not tile.drawn.is_random
            assert np.array_equal(expected, pipeline(RAMP, rng=(1, 0, tile.column)))


def test_a_step_that_is_never_applied_shows_the_original():
    tiles = list(render.tiles(Invert(p=0), RAMP, draws=2, size=60))
    assert all(np.array_equal(tile.image, RAMP) for tile in tiles)
    assert tiles[1].drawn == Compose([])


def test_tiles_are_made_one_at_a_time():
    made = []

    class Watched(list):
        def __iter__(self):
            for item in super().__iter__():
                made.append(1)
                yield item

    tiles = render.tiles(Invert(), Watched([RAMP, RAMP]), draws=1)
    next(tiles)
    assert len(made) == 1


def test_crops_look_smaller_and_what_grew_is_shrunk_to_fit():
    cropped = list(render.tiles(CenterCrop(height=0.5, width=0.5), RAMP, draws=1, size=120))
    assert [tile.image.shape[:2] for tile in cropped] == [(80, 120), (40, 60)]
    padded = list(render.tiles(Pad(width=0.5), RAMP, draws=1, size=120))
    assert max(padded[1].image.shape) == 120


def test_small_images_are_enlarged_by_a_whole_factor_without_blur():
    tile = next(render.tiles(Compose([]), np.eye(8), draws=0, size=30))
    assert tile.image.shape == (24, 24, 3)
    assert set(np.unique(tile.image)) == {0, 255}


def test_standardised_draws_say_how_they_are_shown():
    tiles = list(render.tiles(Standardize(), RAMP, draws=1))
    assert tiles[0].note == ""
    assert tiles[1].note.startswith("shown stretched from [-")


def test_differences():
    a, b = np.array([[10, 200]], np.uint8), np.array([[13, 100]], np.uint8)
    assert render.difference(a, b)[0, :, 0].tolist() == [3, 100]
    assert render.difference(a, b, gain=3)[0, :, 0].tolist() == [9, 255]
    with pytest.raises(ValueError, match=r"one height and width; got \(1, 2\) and \(2, 1\)"):
        render.difference(a, b.T)


def test_the_difference_view_is_black_where_nothing_changed():
    same = list(render.tiles(Compose([]), RAMP, draws=1, size=60, gain=3))[1]
    assert same.image.max() == 0
    cropped = list(render.tiles(CenterCrop(height=0.5, width=0.5), RAMP, draws=1, size=60, gain=3))[1]
    assert cropped.image.shape == (20, 30, 3)
    assert cropped.note == "difference to the original, 3 times"


def test_overlays_lie_on_known_pixels():
    mask = np.zeros((20, 20), np.uint8)
    mask[5:10, 5:10] = 1
    sample = Sample(
        np.zeros((20, 20, 3), np.uint8),
        mask=mask,
        boxes=np.array([[12, 12, 18, 18.0]]),
        keypoints=np.array([[15.0, 3.0]]),
    )
    picture = render.overlay(render.to_rgb(sample.image)[0], sample)
    first = render.PALETTE[0].tolist()
    assert picture[5, 5].tolist() == first  # outline
    assert picture[7, 7].tolist() == [round(0.35 * level) for level in first]  # tint
    assert picture[4, 4].tolist() == [0, 0, 0]
    # The box covers pixels 12 to 17: its border is drawn inside it.
    assert picture[12, 12].tolist() == picture[17, 17].tolist() == first
    assert picture[11, 12].tolist() == picture[18, 18].tolist() == [0, 0, 0]
    assert picture[3, 15].tolist() == [213, 94, 0]
    assert sample.image.max() == 0


def test_overlays_follow_the_draw_at_any_scale():
    mask = np.zeros((10, 10), np.uint8)
    mask[:, :3] = 1
    sample = Sample(np.zeros((10, 10), np.uint8), mask=mask)
    original, flipped = render.tiles(HorizontalFlip(), sample, draws=1, size=40)
    assert original.image[20, 5].any()
    assert not original.image[20, 35].any()
    assert np.array_equal(original.image[:, ::-1], flipped.image)
    plain = list(render.tiles(HorizontalFlip(), sample, draws=1, size=40, overlays=False))
    assert not plain[1].image.any()


def test_encoded_bytes_are_image_files():
    png = np.asarray(Image.open(io.BytesIO(render.encode(RAMP, "png"))))
    assert np.array_equal(png, RAMP)
    jpeg = Image.open(io.BytesIO(render.encode(RAMP)))
    assert jpeg.format == "JPEG"
    assert np.abs(np.asarray(jpeg).astype(int) - RAMP).mean() < 4
    with pytest.raises(ValueError, match="format must be 'jpeg' or 'png'; got 'gif'"):
        render.encode(RAMP, "gif")


def test_a_sweep_differs_by_the_swept_parameter_alone():
    step = Rotate(angle=uniform(-40, 40), border="edge", p=0.1)
    made = list(render.sweep(step, [RAMP, RAMP[::-1]], "angle", "border", seed=3, count=3, rows=9))
    assert [tile.column for tile in made[:4]] == [0, 1, 2, 3]
    assert [tile.label for tile in made[:4]] == ["border constant", "-45 deg", "0 deg", "45 deg"]
    assert (len(made), made[-1].row, made[-1].source) == (2 * 5 * 4, 9, 1)
    assert {tile.drawn.border for tile in made[1:4]} == {"constant"}
    assert np.array_equal(made[2].result, RAMP)
    assert made[2].strength().difference == 0
    assert made[1].strength().difference > 0
    assert made[0].strength() is None


def test_strength_needs_two_images_of_one_shape_in_range():
    cropped = list(render.tiles(CenterCrop(height=0.5, width=0.5), RAMP, draws=1))[1]
    assert cropped.strength() is None
    assert list(render.tiles(Standardize(), RAMP / 255, draws=1))[1].strength() is None

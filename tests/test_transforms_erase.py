"""Occlusion: what covers, where, and what happens to the targets below, against hand computation."""

import dataclasses

import numpy as np
import pytest

from augmentlab import CoarseDropout, GridDropout, MaskDropout, Sample

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
MASK = np.zeros((40, 60), np.int32)
MASK[2:8, 3:13] = 1
MASK[20:30, 5:15] = 1
MASK[10:20, 30:50] = 7


def test_a_constant_covers_as_many_pixels_as_the_rectangle_has():
    hole = CoarseDropout(holes=1, height=0.25, width=0.5, fill=0.5, seed=3)
    covered = hole.covered(IMAGE.shape)
    assert covered.sum() == 10 * 30
    result = hole.apply(IMAGE)
    assert (result[covered] == 128).all()  # 127.5 to even
    assert np.array_equal(result[~covered], IMAGE[~covered])


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_the_mean_is_that_of_each_channel(dtype):
    image = IMAGE if dtype == np.uint8 else IMAGE / 255
    hole = CoarseDropout(holes=2, content="mean", seed=1)
    mean = image.reshape(-1, 3).mean(axis=0)
    expected = np.rint(mean) if dtype == np.uint8 else mean
    assert np.abs(hole.apply(image)[hole.covered(image.shape)] - expected).max() < 1e-12


def test_noise_has_every_level_alike_and_is_the_same_in_all_dtypes():
    hole = CoarseDropout(holes=1, height=1, width=1, content="noise", seed=5)
    large = np.zeros((256, 256, 3), np.uint8)
    counts = np.bincount(hole.apply(large).ravel(), minlength=256)
    expected = large.size / 256
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 330.5  # the 0.999 quantile for 255 degrees of freedom
    assert np.abs(hole.apply(large / 255.0) * 255 - hole.apply(large)).max() < 1e-9
    assert not np.array_equal(hole.apply(large), dataclasses.replace(hole, seed=6).apply(large))


def test_a_thumbnail_is_covered_where_the_image_is():
    for hole in (CoarseDropout(holes=3, seed=2), GridDropout(ratio=0.5, spacing=0.4, angle=20, seed=2)):
        full, small = hole.covered((400, 600)), hole.covered((40, 60))
        agree = full.reshape(40, 10, 60, 10).mean(axis=(1, 3)).round() == small
        assert agree.mean() > 0.93  # they differ by less than a pixel, along the edges


def test_the_lattice_repeats_and_covers_the_square_of_its_ratio():
    for angle in (0, 30, -90):
        covered = GridDropout(ratio=0.4, spacing=0.1, angle=angle, seed=4).covered((300, 300))
        assert covered.mean() == pytest.approx(0.16, abs=0.005)
    upright = GridDropout(ratio=0.4, spacing=0.1, seed=4).covered((200, 300))
    assert np.array_equal(upright[:, 30:], upright[:, :-30])
    assert np.array_equal(upright[30:], upright[:-30])
    assert GridDropout(ratio=1, seed=0).covered((5, 7)).all()


def test_objects_are_covered_in_their_shape():
    sample = Sample(IMAGE, mask=MASK)
    for objects, parts in (("regions", 3), ("labels", 2)):
        seen = set()
        for seed in range(40):
            step = MaskDropout(share=0.5, objects=objects, fill=1, seed=seed)
            covered = step.covered(MASK)
            assert not covered[MASK == 0].any()
            result = step.apply(sample)
            assert (result.image[covered] == 255).all()
            assert np.array_equal(result.image[~covered], IMAGE[~covered])
            assert np.array_equal(result.mask, np.where(covered, 0, MASK))
            assert (dataclasses.replace(step, share=0.8).covered(MASK) >= covered).all()
            seen.add(covered.tobytes())
        assert len(seen) == 2**parts
    assert np.array_equal(MaskDropout(share=1, seed=0).covered(MASK), MASK != 0)
    planes = np.stack([MASK == 1, MASK == 7], axis=-1)
    assert np.array_equal(MaskDropout(share=1, seed=0).covered(planes), MASK != 0)


def test_objects_need_a_mask():
    for data in (IMAGE, Sample(IMAGE)):
        with pytest.raises(ValueError, match=r"MaskDropout needs a mask: apply it to Sample\(image, mask=...\); got"):
            MaskDropout(share=0.5)(data, rng=0)


def test_objects_leave_alpha_alone():
    image = np.dstack([IMAGE, IMAGE[..., :1]])
    result = MaskDropout(share=1, content="mean", seed=0).apply(Sample(image, mask=MASK)).image
    assert np.array_equal(result[..., 3], image[..., 3])
    assert not np.array_equal(result[..., :3], image[..., :3])


def whole_width(**fields):
    """Covers the upper half of an image 10 pixels high."""
    for seed in range(1000):
        step = CoarseDropout(holes=1, height=0.5, width=1, seed=seed, **fields)
        if step.covered((10, 8))[:5].all():
            return step
    raise AssertionError


def test_boxes_are_dropped_by_the_share_that_is_left():
    boxes = [[0, 0, 8, 10], [1, 0, 3, 5], [2, 4.5, 6, 6.5], [2, 5, 6, 9]]  # a half, nothing, 3 of 4, all is left
    sample = Sample(np.zeros((10, 8), np.uint8), boxes=boxes, box_labels=list("abcd"), keypoints=[[1, 1], [-4, 3]])
    for limit, kept in ((0.0, "acd"), (0.5, "acd"), (0.51, "cd"), (0.76, "d"), (1.0, "d")):
        result = whole_width(boxes="drop").apply(dataclasses.replace(sample, min_visibility=limit))
        assert "".join(result.box_labels) == kept
        assert np.array_equal(result.boxes, sample.boxes[["abcd".index(label) for label in kept]])
        assert np.array_equal(result.keypoints, sample.keypoints)
    assert whole_width().apply(sample).box_labels == list("abcd")


def test_a_mask_under_a_hole_is_kept_or_cleared():
    mask = np.full((10, 8), 3, np.uint8)
    sample = Sample(np.zeros((10, 8), np.uint8), mask=mask)
    assert np.array_equal(whole_width().apply(sample).mask, mask)
    cleared = whole_width(mask="clear").apply(sample).mask
    assert (cleared[:5] == 0).all()
    assert (cleared[5:] == 3).all()


def test_the_box_of_a_covered_object_goes_with_it():
    boxes = [[3, 2, 13, 8], [4, 18, 16, 32], [28, 8, 52, 22], [52, 30, 58, 38]]
    sample = Sample(IMAGE, mask=MASK, boxes=boxes, box_labels=["first", "second", "third", "without an object"])
    for seed in range(20):
        step = MaskDropout(share=0.5, seed=seed)
        covered = step.covered(MASK)
        places = {"first": (2, 3), "second": (20, 5), "third": (10, 30)}
        left = [name for name, place in places.items() if not covered[place]]
        assert step.apply(sample).box_labels == [*left, "without an object"]
        assert dataclasses.replace(step, boxes="keep").apply(sample).box_labels == sample.box_labels


def test_keypoints_on_a_covered_pixel_are_dropped_with_their_labels_where_asked():
    step = whole_width(keypoints="drop")
    covered = step.covered((10, 8))
    row = int(np.flatnonzero(covered[:, 0])[0])
    free = int(np.flatnonzero(~covered[:, 0])[0])
    points = [[3, row], [3.4, row - 0.4], [2, free], [-4, row], [3, 40]]
    sample = Sample(np.zeros((10, 8), np.uint8), keypoints=points, keypoint_labels=list("abcde"))
    result = step.apply(sample)
    assert result.keypoints.tolist() == [[2, free], [-4, row], [3, 40]]
    assert result.keypoint_labels == list("cde")
    assert np.array_equal(whole_width().apply(sample).keypoints, sample.keypoints)

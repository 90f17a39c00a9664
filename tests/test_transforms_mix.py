"""Mixing: labels, pixels and targets against hand computation; lists of samples through pipelines."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

import augmentlab
from augmentlab import (
    BatchTransform,
    Brightness,
    Compose,
    CutMix,
    GaussianNoise,
    HorizontalFlip,
    MixUp,
    Mosaic,
    OneOf,
    Rotate,
    Sample,
    uniform,
)

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (5, 12, 16, 3)).astype(np.uint8)
SAMPLES = [Sample(image, label=index) for index, image in enumerate(PHOTOS)]
PLAIN = [Sample(np.full((23, 31), 50 * index, np.uint8), label=index) for index in range(5)]
every_pairing = pytest.mark.parametrize("cls", [MixUp, CutMix])


# ---------------------------------------------------------------- pairs and shares


@every_pairing
def test_partners_are_others_and_each_is_used_once(cls):
    seen = np.zeros((5, 5), int)
    for seed in range(400):
        partners = cls(alpha=1, seed=seed).partners(5)
        assert sorted(partners) == [0, 1, 2, 3, 4]
        seen[np.arange(5), partners] += 1
    assert (np.diag(seen) == 0).all()
    assert stats.chisquare(seen[~np.eye(5, dtype=bool)]).pvalue > 1e-3
    assert cls(alpha=1, seed=0).partners(1).tolist() == [0]
    assert cls(alpha=1, seed=0).partners(0).tolist() == []


@every_pairing
@pytest.mark.parametrize("alpha", [0.2, 1, 5])
def test_shares_follow_the_folded_beta(cls, alpha):
    shares = cls(alpha=alpha, seed=3).shares(4000)
    folded = stats.beta(alpha, alpha)
    assert stats.kstest(shares, lambda share: folded.cdf(share) + folded.sf(1 - share)).pvalue > 1e-3


# ---------------------------------------------------------------- MixUp


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_mixup_is_the_weighted_mean(dtype):
    samples = [
        one.moved(
            image=one.image if dtype == np.uint8 else (one.image / 255).astype(dtype), heatmap=RNG.random((12, 16))
        )
        for one in SAMPLES
    ]
    step = MixUp(alpha=1, num_classes=5, seed=7)
    for index, (partner, share, mixed) in enumerate(
        zip(step.partners(5), step.shares(5), step.apply(samples), strict=True)
    ):
        own, other = samples[index], samples[partner]
        expected = (1 - share) * own.image.astype(float) + share * other.image.astype(float)
        tolerance = {np.uint8: 0.5, np.float32: 1e-7, np.float64: 0}[dtype]  # what rounding to the dtype may do
        assert np.abs(mixed.image - expected).max() <= tolerance
        assert mixed.image.dtype == dtype
        label = np.zeros(5)
        label[index], label[partner] = 1 - share, share
        assert np.array_equal(mixed.label, label)
        assert np.array_equal(mixed.heatmap, (1 - share) * own.heatmap + share * other.heatmap)


def test_mixup_keeps_what_is_seen_of_both():
    samples = [
        Sample(
            PHOTOS[index], boxes=[[index, 0, 9, 9]], box_labels=[index], keypoints=[[index, index]], min_visibility=0.3
        )
        for index in (0, 1)
    ]
    seen = set()
    for seed in range(20):
        step = MixUp(alpha=1, seed=seed)
        for own, share, mixed in zip(samples, step.shares(2), step.apply(samples), strict=True):
            other = samples[own is samples[0]]
            both = [*own.box_labels, *other.box_labels]
            assert mixed.box_labels == (both if share >= 0.3 else own.box_labels)
            assert np.array_equal(mixed.keypoints, np.concatenate([own.keypoints, other.keypoints]))
            seen.add(len(mixed.boxes))
    assert seen == {1, 2}


def test_mixup_refuses_class_numbers():
    with pytest.raises(TypeError, match="MixUp cannot blend masks of class numbers: give a heatmap with one plane"):
        MixUp(alpha=1)([Sample(PHOTOS[0], mask=PHOTOS[0, ..., 0])] * 2, rng=0)


# ---------------------------------------------------------------- CutMix and Mosaic


def counted(mixed):
    """The share of the pixels that each sample of PLAIN has in a mixture."""
    return np.bincount(mixed.image.ravel() // 50, minlength=5) / mixed.image.size


@pytest.mark.parametrize("step", [CutMix(alpha=1, num_classes=5), Mosaic(num_classes=5)], ids=["CutMix", "Mosaic"])
def test_labels_are_weighed_by_the_pixels_that_are_seen(step):
    for seed in range(30):
        for own, mixed in zip(PLAIN, step(PLAIN, rng=seed), strict=True):
            assert set(np.unique(mixed.image)) <= {0, 50, 100, 150, 200}
            assert np.abs(mixed.label - counted(mixed)).max() < 1e-15
            assert mixed.label[own.label] > 0


def test_cutmix_pastes_the_same_place():
    step = CutMix(alpha=1, num_classes=5, seed=2)
    patches = step.patches(5, (12, 16))
    for index, ((top, left, height, width), partner) in enumerate(zip(patches, step.partners(5), strict=True)):
        expected = PHOTOS[index].copy()
        expected[top : top + height, left : left + width] = PHOTOS[partner][top : top + height, left : left + width]
        mixed = step.apply(SAMPLES)[index]
        assert np.array_equal(mixed.image, expected)
        share = height * width / (12 * 16)
        label = np.zeros(5)
        label[index], label[partner] = 1 - share, share
        assert np.array_equal(mixed.label, label)
        assert abs(share - step.shares(5)[index]) < 0.12  # sides are whole pixels
        assert 0 <= top <= 12 - height
        assert 0 <= left <= 16 - width


def test_cutmix_targets_by_hand():
    own = Sample(
        np.zeros((10, 10), np.uint8),
        mask=np.ones((10, 10), np.uint8),
        heatmap=np.zeros((10, 10)),
        boxes=[[0, 0, 10, 10], [0, 0, 5, 5], [0, 0, 1, 1]],
        box_labels=["all", "corner", "pixel"],
        keypoints=[[0, 0], [9, 9], [4, 4], [30, 0]],
    )
    other = dataclasses.replace(own, mask=own.mask + 1, heatmap=own.heatmap + 1, image=own.image + 255)
    for seed in range(60):
        step = CutMix(alpha=1, seed=seed)
        top, left, height, width = step.patches(2, (10, 10))[0]
        mixed = step.apply([dataclasses.replace(own, min_visibility=0.4), other])[0]
        inside = np.zeros((10, 10), bool)
        inside[top : top + height, left : left + width] = True
        assert np.array_equal(mixed.image == 255, inside)
        assert np.array_equal(mixed.mask == 2, inside)
        assert np.array_equal(mixed.heatmap == 1, inside)
        points = [point for point in own.keypoints[:3].tolist() if not inside[int(point[1]), int(point[0])]]
        points += [[30, 0]]  # beyond the frame before, and still
        points += [point for point in own.keypoints[:3].tolist() if inside[int(point[1]), int(point[0])]]
        assert mixed.keypoints.tolist() == points
        names, boxes = [], []
        for of_patch in (False, True):
            for name, (x0, y0, x1, y1) in zip(own.box_labels, own.boxes.astype(int), strict=True):
                shown = inside[y0:y1, x0:x1] == of_patch
                if shown.mean() < 0.4:
                    continue
                rows, columns = np.nonzero(shown)
                clipped = [columns.min() + x0, rows.min() + y0, columns.max() + x0 + 1, rows.max() + y0 + 1]
                names.append(name)
                boxes.append(clipped if of_patch else [x0, y0, x1, y1])
        assert mixed.box_labels == names
        assert np.array_equal(mixed.boxes, np.reshape(boxes, (-1, 4)))


def framed(index, shape):
    """A sample with an object whose gray level, label and box agree, and its four corners as keypoints."""
    image, (height, width) = np.zeros(shape, np.uint8), shape
    top, left, bottom, right = height // 4, width // 5, height - height // 5, width - width // 4
    image[top:bottom, left:right] = level = 40 * (index + 1)
    corners = [[left, top], [right - 1, top], [left, bottom - 1], [right - 1, bottom - 1]]
    return Sample(image, mask=image, boxes=[[left, top, right, bottom]], box_labels=[level], keypoints=corners)


def test_mosaic_targets_follow_the_pixels():
    shapes = [(60, 80), (90, 50), (64, 64), (40, 120), (75, 75), (60, 80)]
    samples = [framed(index, shape) for index, shape in enumerate(shapes)]
    dropped = 0
    for seed in range(25):
        for own, mixed in zip(samples, Mosaic(seed=seed)(samples), strict=True):
            assert mixed.image.shape == own.image.shape
            sharp = (mixed.image == mixed.mask).mean()
            assert sharp > 0.85  # they differ where the image is interpolated, at the edges of the objects
            assert len(mixed.boxes) <= 4
            for level, box in zip(mixed.box_labels, mixed.boxes, strict=True):
                x0, y0, x1, y1 = np.rint(box).astype(int)
                rows, columns = np.nonzero(mixed.mask == level)
                seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                assert np.abs(box - seen).max() <= 1.01  # nearest pixels of a resized mask
                assert (mixed.mask[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1] == level).all()
            for x, y in mixed.keypoints:
                around = mixed.mask[max(int(y) - 2, 0) : int(y) + 3, max(int(x) - 2, 0) : int(x) + 3]
                assert around.any()
            dropped += 16 - len(mixed.keypoints)
    assert dropped > 0


def test_mosaic_shows_four_different_samples_and_its_own():
    order = np.array([Mosaic(seed=seed).partners(5) for seed in range(200)])
    assert order.shape == (200, 5, 4)
    for index in range(5):
        own = order[:, index] == index
        assert (own.sum(axis=1) == 1).all()
        assert stats.chisquare(own.sum(axis=0)).pvalue > 1e-3  # in each quarter alike
    assert (np.sort(order, axis=2)[..., 1:] > np.sort(order, axis=2)[..., :-1]).all()
    assert sorted(Mosaic(seed=0).partners(2)[1].tolist()) == [0, 0, 1, 1]
    assert Mosaic(seed=0).partners(1).tolist() == [[0, 0, 0, 0]]


def test_mosaic_crosses_in_the_middle_without_spread():
    mixed = Mosaic(spread=0, seed=1)([one.moved(label=None) for one in PLAIN])[0].image
    assert all(len(np.unique(part)) == 1 for half in (mixed[:12], mixed[12:]) for part in (half[:, :16], half[:, 16:]))
    assert mixed.size == 23 * 31


# ---------------------------------------------------------------- labels and errors


def test_vectors_are_mixed_as_integers_are():
    soft = [one.moved(label=np.eye(5)[one.label]) for one in SAMPLES]
    for cls in (MixUp, CutMix):
        of_integers = cls(alpha=1, num_classes=5, seed=4)(SAMPLES)
        of_vectors = cls(alpha=1, seed=4)(soft)
        assert all(np.array_equal(a.label, b.label) for a, b in zip(of_integers, of_vectors, strict=True))
    assert all(one.label is None for one in MixUp(alpha=1, seed=0)([one.moved(label=None) for one in SAMPLES]))


def test_labels_are_vectors_whether_mixed_or_not():
    for pipeline in (MixUp(alpha=1, num_classes=5, p=0.5), Compose([CutMix(alpha=1, num_classes=5, p=0.5)])):
        kinds = {(one.label.shape, one.label.dtype) for seed in range(9) for one in pipeline(SAMPLES, rng=seed)}
        assert kinds == {((5,), np.dtype(np.float64))}


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0, 7], "label of sample 1 must be in 0..4; got 7"),
        ([-1, 0], "label of sample 0 must be in 0..4; got -1"),
        (["cat", "dog"], "label of sample 0 must be an integer class or a vector of class probabilities that sum to 1"),
        ([[0.5, 0.6], [0, 1]], "label of sample 0 must be an integer class or a vector .* got "),
        ([[1.5, -0.5], [0, 1]], "label of sample 0 must be an integer class or a vector .* got "),
        ([[np.nan, 1], [0, 1]], "label of sample 0 must be an integer class or a vector .* got "),
        ([True, False], "label of sample 0 must be an integer class or a vector .* got True"),
        ([[0.5, 0.5], 1], "label of sample 0 must have 5 class probabilities; got 2"),
        ([1, None], "MixUp mixes samples that all have label or none of which has; got label in sample 0 and none in"),
        ([None, 1], "MixUp mixes samples that all have label or none .*; got label in sample 1 and none in sample 0"),
    ],
)
def test_a_label_that_cannot_be_mixed_is_named(labels, sentence):
    samples = [Sample(PHOTOS[0], label=label) for label in labels]
    with pytest.raises(ValueError, match=sentence):
        MixUp(alpha=1, num_classes=5)(samples, rng=0)


def test_integers_need_the_number_of_classes():
    with pytest.raises(
        ValueError, match=r"CutMix\.num_classes must be given to mix integer labels; got label 0 of samp"
    ):
        CutMix(alpha=1)(SAMPLES, rng=0)
    uneven = [Sample(PHOTOS[0], label=[1.0]), Sample(PHOTOS[0], label=[0.5, 0.5])]
    with pytest.raises(ValueError, match="label of sample 1 must have 1 class probabilities as others do; got 2"):
        CutMix(alpha=1)(uneven, rng=0)


def test_samples_that_do_not_fit_are_named():
    small, gray = Sample(PHOTOS[0, :5]), Sample(PHOTOS[0, ..., 0])
    for cls in (MixUp, CutMix):
        with pytest.raises(
            ValueError, match=f"{cls.__name__} mixes samples whose image has one dtype and one shape; got"
        ):
            cls(alpha=1)([Sample(PHOTOS[0]), small], rng=0)
    assert Mosaic()([Sample(PHOTOS[0]), small], rng=0)[1].image.shape == small.image.shape
    with pytest.raises(ValueError, match="Mosaic mixes samples whose image has one dtype and one number of channels"):
        Mosaic()([Sample(PHOTOS[0]), gray], rng=0)
    with pytest.raises(ValueError, match=r"image 1 must be float in \[0, 1\]"):
        Mosaic()([Sample(PHOTOS[0]), Sample(PHOTOS[0] / 255.0).moved(image=PHOTOS[0] / 1.0)], rng=0)


def test_one_sample_and_none():
    for step in (MixUp(alpha=1, seed=0), CutMix(alpha=1, seed=0), Mosaic(seed=0)):
        assert step([]) == []
    assert np.array_equal(CutMix(alpha=1, seed=0)([Sample(PHOTOS[0])])[0].image, PHOTOS[0])
    assert np.array_equal(MixUp(alpha=1, seed=0)([Sample(PHOTOS[0])])[0].image, PHOTOS[0])


# ---------------------------------------------------------------- lists through pipelines


def images(samples):
    return [sample.image.tobytes() for sample in samples]


def test_a_list_draws_for_each_sample_anew():
    pipeline = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-30, 30)), GaussianNoise(std=0.1)])
    same = [SAMPLES[0]] * 30
    first = images(pipeline(same, rng=3))
    assert first == images(pipeline(same, rng=3))
    assert len(set(first)) == 30
    assert len(set(images(HorizontalFlip(p=0.5)(same, rng=0)))) == 2
    assert images(pipeline(same[:7], rng=3)) == first[:7]


def test_the_steps_around_a_mixture_keep_their_draws():
    around = [Rotate(angle=uniform(-30, 30), border="reflect"), Brightness(delta=uniform(-0.2, 0.2))]
    rotated = Compose([around[0], MixUp(alpha=1, num_classes=5, p=0)])(SAMPLES, rng=5)
    longer = Compose([around[0], MixUp(alpha=1, num_classes=5, p=0), HorizontalFlip(p=0)])(SAMPLES, rng=5)
    assert images(rotated) == images(longer)
    mixed = Compose([around[0], MixUp(alpha=1, num_classes=5)])(SAMPLES, rng=5)
    again = Compose([*around, MixUp(alpha=1, num_classes=5)])(SAMPLES, rng=5)
    assert all(np.array_equal(a.label, b.label) for a, b in zip(mixed, again, strict=True))
    assert images(mixed) != images(rotated)


def test_a_mixture_sees_what_came_before_and_is_seen_by_what_follows():
    step = CutMix(alpha=1, num_classes=5, seed=1)
    pipeline = Compose([HorizontalFlip(), Compose([step, Brightness(delta=0.1)])])
    by_hand = [Brightness(delta=0.1)(one) for one in step([HorizontalFlip()(one) for one in SAMPLES])]
    assert images(pipeline(SAMPLES, rng=0)) == images(by_hand)
    assert images(pipeline.sample(0).apply(SAMPLES)) == images(by_hand)


def test_a_record_of_numbers_is_applied_again():
    pipeline = Compose([Rotate(angle=uniform(-30, 30)), MixUp.typical(num_classes=5), HorizontalFlip(p=0.5)])
    record = pipeline.sample(4)
    assert not record.is_random
    assert images(record.apply(SAMPLES)) == images(record.apply(SAMPLES)) == images(record(SAMPLES, rng=9))
    with pytest.raises(ValueError, match="is not drawn yet"):
        pipeline.apply(SAMPLES)


def test_a_choice_among_mixtures_is_drawn_once_for_all():
    pipeline = OneOf([MixUp(alpha=1, num_classes=5), CutMix(alpha=1, num_classes=5)])
    smooth = set()
    for seed in range(12):
        mixed = pipeline(PLAIN, rng=seed)
        smooth.add(all(len(np.unique(one.image)) == 1 for one in mixed))
    assert smooth == {True, False}


@dataclass(frozen=True, kw_only=True)
class Turn(BatchTransform):
    """Hand each sample to its neighbour."""

    def apply_batch(self, samples: Sequence[Sample]):
        return [*samples[1:], *samples[:1]]


def test_an_own_mixture_is_a_class_with_one_method():
    assert images(Compose([Turn(), HorizontalFlip()])(SAMPLES)) == images(
        [HorizontalFlip()(one) for one in (*SAMPLES[1:], SAMPLES[0])]
    )
    assert images(Turn(p=0)(SAMPLES, rng=0)) == images(SAMPLES)
    with pytest.raises(NotImplementedError, match=r"BatchTransform must define apply_batch\(samples\)"):
        BatchTransform()(SAMPLES)
    with pytest.raises(TypeError, match="HorizontalFlip takes a list of Samples; got ndarray at index 1"):
        HorizontalFlip()([SAMPLES[0], PHOTOS[0]])


@pytest.mark.parametrize("cls", [MixUp, CutMix])
def test_one_sample_alone_in_its_batch_stays_as_it_is(cls):
    sample = Sample(np.arange(64, dtype=np.uint8).reshape(8, 8), boxes=[[1, 1, 6, 7]], keypoints=[[2, 3]], label=1)
    (result,) = cls(alpha=1.0, num_classes=3)([sample], rng=1)
    assert np.array_equal(result.image, sample.image)
    assert np.array_equal(result.boxes, sample.boxes)
    assert np.array_equal(result.keypoints, sample.keypoints)
    assert result.label.tolist() == [0, 1, 0]


@pytest.mark.parametrize("group", ["OneOf", "SomeOf", "Compose"])
def test_labels_are_vectors_whatever_a_group_draws(group):
    mix = MixUp(alpha=1.0, num_classes=3)
    pipeline = {
        "OneOf": augmentlab.OneOf([mix, augmentlab.HorizontalFlip()]),
        "SomeOf": augmentlab.SomeOf([mix, augmentlab.HorizontalFlip()], n=1),
        "Compose": augmentlab.Compose([mix], p=0.5),
    }[group]
    batch = [Sample(np.zeros((4, 4), np.uint8), label=label) for label in range(2)]
    for seed in range(12):
        for result in pipeline(batch, rng=seed):
            assert result.label.shape == (3,)
            assert result.label.sum() == pytest.approx(1)

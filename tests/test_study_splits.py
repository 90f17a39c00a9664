import numpy as np
import pytest

from augmentlab.study.splits import split, training_draw

LABELS = np.repeat([0, 1, 2], [40, 80, 8])
CLASSES = ("a", "b", "c")


def test_parts_are_disjoint_complete_stratified_and_as_large_as_asked():
    parts = split(LABELS, classes=CLASSES, validation=0.25, test=0.125)
    places = np.concatenate([parts.pool, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(places), np.arange(len(LABELS)))
    np.testing.assert_array_equal(np.bincount(LABELS[parts.validation]), [10, 20, 2])
    np.testing.assert_array_equal(np.bincount(LABELS[parts.test]), [5, 10, 1])
    for part in (parts.pool, parts.validation, parts.test):
        assert (np.diff(part) > 0).all()


def test_the_split_depends_on_the_seed_alone():
    first, again, other = (split(LABELS, classes=CLASSES, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.validation, again.validation)
    assert set(first.validation) != set(other.validation)


def test_three_images_of_a_class_go_to_three_parts():
    labels = np.repeat([0, 1], [3, 50])
    for seed in range(5):
        parts = split(labels, classes=("rare", "common"), validation=0.4, test=0.4, seed=seed)
        assert [int((labels[part] == 0).sum()) for part in (parts.pool, parts.validation, parts.test)] == [1, 1, 1]


@pytest.mark.parametrize(("count", "images"), [(0, "0 images"), (1, "1 image"), (2, "2 images")])
def test_a_class_with_too_few_images_is_named(count, images):
    labels = np.repeat([0, 1], [10, count])
    with pytest.raises(ValueError, match=f"class 'few' has {images}; a study needs at least 3 of each class, one for"):
        split(labels, classes=("many", "few"))


def test_shares_and_classes_that_will_not_do():
    with pytest.raises(ValueError, match="validation must be a share between 0 and 1; got 25"):
        split(LABELS, classes=CLASSES, validation=25)
    with pytest.raises(ValueError, match="test must be a share between 0 and 1; got 0"):
        split(LABELS, classes=CLASSES, test=0)
    with pytest.raises(ValueError, match=r"validation and test must leave images for training; got 0\.5 and 0\.5"):
        split(LABELS, classes=CLASSES, validation=0.5, test=0.5)
    with pytest.raises(ValueError, match="a study needs at least 2 classes to tell apart; got 1"):
        split(np.zeros(9, int), classes=("one",))


@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_together(seed):
    labels = np.tile([0, 1], 60)
    groups = np.array([f"patient {number // 6}" for number in range(120)])
    parts = split(labels, classes=("a", "b"), groups=groups, seed=seed)
    held = [set(groups[part]) for part in (parts.pool, parts.validation, parts.test)]
    assert sum(map(len, held)) == len(set(groups))
    assert set().union(*held) == set(groups)
    assert [len(part) for part in (parts.pool, parts.validation, parts.test)] == [60, 30, 30]
    again = split(labels, classes=("a", "b"), groups=groups, seed=seed)
    np.testing.assert_array_equal(parts.test, again.test)


def test_classes_in_few_groups_are_in_every_part_all_the_same():
    labels = np.repeat([0, 1], 30)
    groups = np.repeat(np.arange(6), 10)
    parts = split(labels, classes=("a", "b"), groups=groups)
    for part in (parts.pool, parts.validation, parts.test):
        assert set(labels[part]) == {0, 1}


def test_a_class_in_too_few_groups_is_named():
    labels = np.repeat([0, 1], 30)
    groups = np.repeat(np.arange(6), 10)
    groups[labels == 1] = 7
    with pytest.raises(ValueError, match="class 'b' is in 1 group; a study needs each class in at least 3"):
        split(labels, classes=("a", "b"), groups=groups)
    groups[-1] = 8
    with pytest.raises(ValueError, match="class 'b' is in 2 groups; a study needs each class in at least 3"):
        split(labels, classes=("a", "b"), groups=groups)


def test_parts_of_one_group_are_refused_since_groups_are_what_is_resampled():
    labels = np.tile([0, 1], 15)
    groups = np.repeat(np.arange(3), 10)
    with pytest.raises(ValueError, match="groups must be more or smaller: the validation part has 1, and needs 2"):
        split(labels, classes=("a", "b"), groups=groups)


def test_training_draws_are_stratified_subsets_of_the_pool():
    parts = split(LABELS, classes=CLASSES)
    places = training_draw(LABELS, parts.pool, size=32, rng=(0, 5))
    assert set(places) <= set(parts.pool)
    assert len(set(places)) == 32
    np.testing.assert_array_equal(np.bincount(LABELS[places]), [10, 20, 2])
    np.testing.assert_array_equal(places, training_draw(LABELS, parts.pool, size=32, rng=(0, 5)))
    assert set(places) != set(training_draw(LABELS, parts.pool, size=32, rng=(0, 6)))


@pytest.mark.parametrize("size", [3, 4, 5, 11, 33, 63, 64])
def test_training_draws_have_any_size_and_every_class(size):
    parts = split(LABELS, classes=CLASSES)
    places = training_draw(LABELS, parts.pool, size=size, rng=0)
    counts = np.bincount(LABELS[places], minlength=3)
    assert counts.sum() == size
    assert counts.min() >= 1
    assert (counts <= np.bincount(LABELS[parts.pool])).all()


@pytest.mark.parametrize("size", [2, 65])
def test_training_draws_that_cannot_be(size):
    parts = split(LABELS, classes=CLASSES)
    with pytest.raises(ValueError, match=rf"train_size must be in \[3, 64\], .*; got {size}"):
        training_draw(LABELS, parts.pool, size=size, rng=0)

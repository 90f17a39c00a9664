import pickle

import numpy as np
import pytest
from frameworks import required
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from augmentlab import (
    CenterCrop,
    Compose,
    Gamma,
    HorizontalFlip,
    MixUp,
    Normalize,
    OneOf,
    Resize,
    Rotate,
    Standardize,
    augment_batch,
    data,
    uniform,
)
from augmentlab.sklearn import AugmentingSampler, Preprocessor

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 10)).astype(np.uint8)
LABELS = np.array(["a", "b", "a", "b", "a", "b"])
ROTATE = Rotate(angle=uniform(-20, 20))
PREPARE = Compose([Resize(height=4, width=5), Normalize()])


# --- the sampler ------------------------------------------------------------------------------------------------------


def test_copies_come_after_the_originals_with_their_labels():
    sampler = AugmentingSampler(ROTATE, copies=2, random_state=3)
    images, labels = sampler.fit_resample(IMAGES, LABELS)
    want = [IMAGES, augment_batch(IMAGES, ROTATE, 3, 0), augment_batch(IMAGES, ROTATE, 3, 1)]
    assert np.array_equal(images, np.concatenate(want))
    assert np.array_equal(labels, np.tile(LABELS, 3))
    assert np.array_equal(sampler.sample_indices_, np.tile(np.arange(6), 3))
    alone, _ = sampler.set_params(originals=False).fit_resample(IMAGES, LABELS)
    assert np.array_equal(alone, images[6:])


def test_flat_rows_are_images_of_the_given_shape():
    images, labels = AugmentingSampler(ROTATE, random_state=0).fit_resample(IMAGES, LABELS)
    flat = AugmentingSampler(ROTATE, random_state=0, image_shape=(8, 10), n_jobs=2)
    rows, same = flat.fit_resample(IMAGES.reshape(6, -1), LABELS.tolist())
    assert np.array_equal(rows, images.reshape(12, -1))
    assert np.array_equal(same, labels)
    colour, _ = AugmentingSampler(ROTATE, image_shape=(4, 5, 4)).fit_resample(IMAGES.reshape(6, -1), LABELS)
    assert colour.shape == (12, 80)


def test_without_a_seed_each_call_draws_anew():
    sampler = AugmentingSampler(ROTATE, originals=False)
    one, other = (sampler.fit_resample(IMAGES, LABELS)[0] for _ in range(2))
    assert not np.array_equal(one, other)


def test_labels_of_several_outputs_follow():
    labels = np.arange(12).reshape(6, 2)
    assert np.array_equal(AugmentingSampler(ROTATE).fit_resample(IMAGES, labels)[1], np.tile(labels, (2, 1)))
    images, none = AugmentingSampler(ROTATE, copies=0, originals=False).fit_resample(IMAGES, labels)
    assert (images.shape, none.shape) == ((0, 8, 10), (0, 2))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"copies": -1}, "copies must be an int >= 0; got -1"),
        ({"random_state": 1.5}, "random_state must be an int >= 0; got 1.5"),
        ({"pipeline": "flip"}, "pipeline must be a Transform; got str"),
        (
            {"pipeline": PREPARE},
            r"pipeline must keep shape and dtype of the images, \(8, 10\) uint8; got \(4, 5\) float32",
        ),
        ({"pipeline": MixUp(alpha=1, num_classes=2)}, "pipeline must not mix samples"),
        ({"image_shape": (8, 10)}, r"X must have rows of 80 values, an image of \(8, 10\) each; got \(6, 8, 10\)"),
        ({"image_shape": 8}, r"image_shape must be \(H, W\) or \(H, W, C\); got 8"),
    ],
)
def test_a_wrong_argument_of_the_sampler_gets_one_sentence(arguments, error):
    with pytest.raises((TypeError, ValueError), match=error):
        AugmentingSampler(**{"pipeline": ROTATE} | arguments).fit_resample(IMAGES, LABELS)


def test_data_that_are_no_images_get_one_sentence():
    sampler = AugmentingSampler(ROTATE)
    with pytest.raises(ValueError, match=r"X must have shape \(N, H, W\) or .* flat rows with image_shape given"):
        sampler.fit(IMAGES.reshape(6, -1))
    with pytest.raises(TypeError, match=r"X must be uint8, or float32 or float64 in .*; got int64"):
        sampler.fit(IMAGES.astype(int))
    with pytest.raises(ValueError, match="X must be finite; got NaN or infinity"):
        Preprocessor(PREPARE).fit(np.full((2, 4, 4), np.nan))
    with pytest.raises(ValueError, match="image must be float in"):
        sampler.fit_resample(IMAGES * 1.0, LABELS)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        sampler.fit_resample(IMAGES, LABELS[:5])


def test_a_pipeline_of_imbalanced_learn_augments_training_folds_alone():
    imblearn = required("imblearn.pipeline")
    digits = data.digits()
    images, labels = digits.images[:200], digits.labels[:200]
    steps = [
        AugmentingSampler(Rotate(angle=uniform(-15, 15)), copies=2, random_state=0),
        Preprocessor(Normalize(), flatten=True),
        KNeighborsClassifier(1),
    ]
    pipeline = imblearn.make_pipeline(*steps)
    assert cross_val_score(pipeline, images, labels, cv=3).min() > 0.8
    pipeline.fit(images, labels)
    assert len(pipeline[0].sample_indices_) == pipeline[-1].n_samples_fit_ == 600
    assert pipeline.predict(images).tolist() == labels.tolist()  # each is its own neighbour, and unchanged
    more, theirs = AugmentingSampler(steps[0].pipeline, copies=2, random_state=0).fit_resample(images, labels)
    model = KNeighborsClassifier(1).fit(more.reshape(600, -1) / np.float32(255), theirs)
    new = digits.images[200:300]
    assert np.array_equal(model.predict(new.reshape(100, -1) / np.float32(255)), pipeline.predict(new))
    names = {"augmentingsampler__copies": 1, "augmentingsampler__random_state": 7}
    assert clone(pipeline).set_params(**names).get_params()["augmentingsampler__copies"] == 1


def test_it_is_taken_by_imbalanced_learn_as_a_sampler():
    imblearn = required("imblearn.pipeline")
    flat = AugmentingSampler(ROTATE, image_shape=(8, 10), random_state=0)
    rows, labels = imblearn.Pipeline([("a", flat), ("b", clone(flat))]).fit_resample(IMAGES.reshape(6, -1), LABELS)
    assert rows.shape == (24, 80)
    assert len(labels) == 24


# --- the transformer --------------------------------------------------------------------------------------------------


def test_preprocessing_is_what_the_package_does():
    made = Preprocessor(PREPARE).fit_transform(IMAGES)
    assert np.array_equal(made, augment_batch(IMAGES, PREPARE, 0))
    flat = Preprocessor(PREPARE, image_shape=(8, 10), flatten=True, n_jobs=2).fit(IMAGES.reshape(6, -1), LABELS)
    assert np.array_equal(flat.transform(IMAGES.reshape(6, -1)), made.reshape(6, -1))
    colour = np.repeat(IMAGES[..., None], 3, axis=3)
    assert Preprocessor(CenterCrop(height=0.5, width=0.4), flatten=True).fit_transform(colour).shape == (6, 48)


@pytest.mark.parametrize(
    ("pipeline", "named"),
    [
        (ROTATE, "Rotate"),
        (Compose([Resize(height=4, width=4), Gamma(gamma=0.8)]), "Gamma"),
        (Resize(height=4, width=4, p=0.5), "Resize"),
        (Compose([Compose([Normalize()], p=0.5)]), "Compose"),
        (OneOf([Normalize(), Standardize()]), "OneOf"),
        (MixUp(alpha=1), "MixUp"),
    ],
)
def test_what_is_random_or_no_preprocessing_is_refused(pipeline, named):
    with pytest.raises(ValueError, match=f"must hold preprocessing without randomness alone; got {named}"):
        Preprocessor(pipeline).fit(IMAGES)
    with pytest.raises(ValueError, match="is that part"):
        Preprocessor(pipeline).transform(IMAGES)


def test_the_deterministic_part_of_any_pipeline_is_taken():
    pipeline = Compose([Resize(height=4, width=5), ROTATE, HorizontalFlip(p=0.5), Normalize()])
    made = Preprocessor(pipeline.deterministic()).fit_transform(IMAGES)
    assert np.array_equal(made, Preprocessor(PREPARE).fit_transform(IMAGES))
    assert Preprocessor(Compose([])).fit_transform(IMAGES).shape == IMAGES.shape
    with pytest.raises(TypeError, match="pipeline must be a Transform; got list"):
        Preprocessor([PREPARE]).fit(IMAGES)


def test_it_is_a_step_of_scikit_learns_pipeline():
    digits = data.digits()
    model = make_pipeline(Preprocessor(Normalize(), flatten=True), KNeighborsClassifier(1))
    assert cross_val_score(model, digits.images[:400], digits.labels[:400], cv=3).min() > 0.8
    assert not hasattr(Preprocessor(PREPARE), "fit_resample")
    assert not hasattr(AugmentingSampler(ROTATE), "transform")


# --- the contract of estimators ---------------------------------------------------------------------------------------

ESTIMATORS = [
    AugmentingSampler(ROTATE, copies=3, image_shape=(8, 10), random_state=1),
    Preprocessor(PREPARE, image_shape=(8, 10), flatten=True),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_an_estimator_is_cloned_pickled_and_shown(estimator):
    for other in (clone(estimator), pickle.loads(pickle.dumps(estimator))):
        assert other.get_params() == estimator.get_params()
    assert repr(estimator.pipeline).replace(" ", "") in repr(estimator).replace(" ", "").replace("\n", "")
    assert clone(estimator).set_params(pipeline=Normalize()).pipeline == Normalize()
    with pytest.raises(ValueError, match="Invalid parameter 'copy'"):
        clone(estimator).set_params(copy=1)
    estimator._repr_html_()


# scikit-learn's checks that draw data give rows of any length with values beyond [0, 1], which are no images and are
# refused; these are about the object alone.
CHECKS = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_the_checks_of_scikit_learn_that_need_no_data(estimator, check):
    if not hasattr(estimator_checks, check):
        pytest.skip("another version of scikit-learn has it")
    getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))

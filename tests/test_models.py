import functools
import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from skimage.feature import hog
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone, is_classifier
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from augmentlab import data, models
from augmentlab.models import features


def pictures(shape, dtype=np.float64, seed=0):
    values = np.random.default_rng(seed).random(shape)
    return (values * 255).astype(np.uint8) if dtype == np.uint8 else values.astype(dtype)


def two_classes():
    """Forty images of two classes that any model tells apart, and their labels."""
    labels = np.arange(40) % 2
    images = pictures((40, 8, 8)) * 0.2
    images[labels == 1, :, 4:] += 0.7
    return images, labels


def nearest_mean(images, labels, rng, *, power=2):
    """A model as a function: the class whose mean image is nearest."""
    classes = np.unique(labels)
    means = np.stack([images[labels == label].mean(axis=0) for label in classes])

    def predictor(new):
        axes = tuple(range(2, means.ndim + 1))
        return classes[(abs(new[:, np.newaxis] - means) ** power).sum(axis=axes).argmin(axis=1)]

    return predictor


def random_guesses(images, labels, rng):
    answers = rng.choice(labels, 1000)
    return lambda new: answers[: len(new)]


def gaussian(images, labels, rng):
    return GaussianNB().fit(images.reshape(len(images), -1), labels)


class Doubled(TransformerMixin, BaseEstimator):
    """Says that it learns nothing, and nothing to scikit-learn about whether it is fitted."""

    takes_images = True
    learns_nothing = True

    def fit(self, images, y=None):  # noqa: ARG002
        return self

    def transform(self, images):
        return 2 * images


class Noisy(Doubled):
    def __init__(self, random_state=None):
        self.random_state = random_state


def two(a, b):
    return a, b


@pytest.mark.parametrize("shape", [(16, 16), (8, 8), (17, 30), (33, 5), (3, 2), (16, 16, 3), (20, 12, 1)])
@pytest.mark.parametrize("parameters", [{}, {"orientations": 8, "cells": 5, "block": 1}, {"cells": 6, "block": 2}])
def test_hog_agrees_with_scikit_image(shape, parameters):
    images = pictures((3, *shape))
    ours = models.HOG(**parameters)
    features = ours.transform(images)
    for image, row in zip(images, features, strict=True):
        theirs = hog(
            image,
            orientations=ours.orientations,
            pixels_per_cell=tuple(max(1, side // ours.cells) for side in shape[:2]),
            cells_per_block=(ours.block, ours.block),
            block_norm="L2-Hys",
            channel_axis=-1 if len(shape) == 3 else None,
        )
        np.testing.assert_allclose(row, theirs, rtol=1e-5, atol=1e-6)  # scikit-image sums in single precision


def test_hog_of_flat_and_of_stepped_images_agrees_with_scikit_image():
    steps = np.zeros((4, 16, 16))
    steps[1, 8:] = 1  # gradients exactly on the edge between two bins
    steps[2, :, 8:] = 1
    steps[3] = np.tri(16)
    for image, row in zip(steps, models.HOG().transform(steps), strict=True):
        theirs = hog(image, 9, (4, 4), (2, 2), block_norm="L2-Hys")
        np.testing.assert_allclose(row, theirs, rtol=1e-5, atol=1e-6)  # scikit-image sums in single precision


def test_hog_does_not_depend_on_how_a_batch_is_cut(monkeypatch):
    images = pictures((7, 16, 16), np.uint8)
    whole = models.HOG().transform(images)
    monkeypatch.setattr(features, "_CHUNK", 600)
    np.testing.assert_array_equal(models.HOG().transform(images), whole)


def test_hog_takes_bytes_as_fractions_of_255():
    images = pictures((2, 16, 16), np.uint8)
    np.testing.assert_array_equal(models.HOG().transform(images), models.HOG().transform(images / 255.0))


def test_hog_names_images_that_are_too_small():
    with pytest.raises(ValueError, match="images must be at least 2 pixels high and wide for HOG; got 1x9"):
        models.HOG().transform(np.zeros((2, 1, 9)))


@pytest.mark.parametrize("shape", [(16, 16), (17, 30, 3), (5, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("make", [models.HOG, models.Flatten])
def test_features_of_an_image_do_not_depend_on_the_others(make, dtype, shape):
    images = pictures((500, *shape), dtype)
    together = make().transform(images)
    for batch in (1, 7, 499):
        parts = [make().transform(images[start : start + batch]) for start in range(0, 500, batch)]
        assert np.concatenate(parts).tobytes() == together.tobytes()


def test_flatten_gives_rows_in_the_unit_range():
    images = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    rows = models.Flatten().fit(images).transform(images)
    np.testing.assert_array_equal(rows, np.arange(24).reshape(2, 12) / 255)
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(models.Flatten().transform(pictures((2, 3, 3), np.float32)).shape, (2, 9))


@pytest.mark.parametrize("make", [models.hog_logistic, models.knn, models.svm])
def test_baselines_learn_pickle_and_print(make):
    images, labels = two_classes()
    model = make().fit(images[:30], labels[:30])
    assert (model.predict(images[30:]) == labels[30:]).all()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(images), model.predict(images))
    assert repr(make()) == repr(make())
    assert models.description(make()) == models.description(make())


def test_baselines_pass_their_parameters_on():
    model = models.hog_logistic(C=2.0, orientations=8, cells=3)
    assert model[-1].C == 2.0
    assert (model[0].orientations, model[0].cells) == (8, 3)
    assert models.knn(5)[-1].n_neighbors == 5
    assert (models.svm(C=2.0, gamma=0.5)[-1].C, models.svm(C=2.0, gamma=0.5)[-1].gamma) == (2.0, 0.5)


def test_unchanged_copies_hardly_change_the_support_vector_machine():
    scattered = data.scattered_digits()
    images, labels, others = scattered.images[:300], scattered.labels[:300], scattered.images[300:900]
    changed = []
    for model in (models.svm(), models.svm(C=1.0)):
        once = clone(model).fit(images, labels).predict(others)
        five = clone(model).fit(np.tile(images, (5, 1, 1)), np.tile(labels, 5)).predict(others)
        changed.append((once != five).mean())
    assert changed[0] < 0.02
    assert changed[1] > 0.2


def test_plain_estimators_are_flattened_and_image_models_are_not():
    assert [name for name, _ in models.for_images(GaussianNB()).steps] == ["flatten", "gaussiannb"]
    assert [name for name, _ in models.for_images(models.knn()).steps] == ["flatten", "kneighborsclassifier"]
    nested = models.for_images(make_pipeline(FunctionTransformer(), GaussianNB()))
    assert [name for name, _ in nested.steps] == ["flatten", "pipeline"]

    class Own(LogisticRegression):
        takes_images = True

    assert type(models.for_images(Own())) is Own


def test_for_images_leaves_the_given_model_alone():
    model = models.knn()
    assert models.for_images(model) is not model
    fitted = GaussianNB().fit([[0.0], [1.0]], [0, 1])
    assert not hasattr(models.for_images(fitted)[-1], "theta_")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Ridge(), r"model must be a classifier: a study scores hits and misses; got Ridge\(\)"),
        (GaussianNB, r"model must be an estimator, not a class; got GaussianNB: write GaussianNB\(\)"),
        ("svm", r"model must be a scikit-learn classifier .*, or a function fit\(images, labels, rng\); got 'svm'"),
        (None, r"model must be a scikit-learn classifier .*, or a function fit\(images, labels, rng\); got None"),
        (two, r"model must be a scikit-learn classifier or a function fit\(images, labels, rng\); got two\(a, b\)"),
    ],
)
def test_other_things_are_refused(model, message):
    with pytest.raises(TypeError, match=message):
        models.for_images(model)


def test_a_seed_reaches_every_random_state():
    model = models.with_seed(make_pipeline(models.Flatten(), BaggingClassifier(RandomForestClassifier())), 7)
    assert model[-1].random_state == 7
    assert model[-1].estimator.random_state == 7
    assert models.with_seed(GaussianNB(), 7).get_params() == GaussianNB().get_params()


def test_description_tells_models_apart_and_forgets_the_seed():
    texts = [
        models.description(model)
        for model in (
            SVC(),
            SVC(C=2),
            SVC(kernel="linear"),
            models.knn(),
            models.hog_logistic(),
            GaussianNB(priors=np.array([0.5, 0.5])),
            GaussianNB(priors=np.array([0.4, 0.6])),
            FunctionTransformer(np.sqrt),
            FunctionTransformer(np.square),
            FunctionTransformer(np.mean),
            SVC(class_weight={0: 1.0}),
            SVC(class_weight={0: 2.0}),
        )
    ]
    assert len(set(texts)) == len(texts)
    assert models.description(RandomForestClassifier(random_state=1)) == models.description(RandomForestClassifier())
    assert json.loads(models.description(SVC(C=2)))["params"]["C"] == 2


def test_description_is_whole_where_the_repr_of_scikit_learn_is_cut():
    long = [FunctionTransformer(kw_args={f"name{i}": i for i in range(200)} | {"last": last}) for last in (1, 2)]
    assert models.description(long[0]) != models.description(long[1])


def test_description_refuses_what_it_cannot_know_again():
    with pytest.raises(TypeError, match=r"model\.func must be a plain value, an estimator or a named function"):
        models.description(FunctionTransformer(lambda x: x))
    with pytest.raises(TypeError, match=r"model\.kw_args\['a'\] must be a plain value"):
        models.description(FunctionTransformer(kw_args={"a": threading.Lock()}))


def test_description_is_the_same_in_another_process():
    code = (
        "from augmentlab import models\n"
        "from test_models import nearest_mean\n"
        "for model in (models.hog_logistic(), models.svm(), models.TorchCNN(steps=3), models.for_images(nearest_mean)):\n"
        "    print(models.description(model))"
    )
    here = Path(__file__).parent
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here)
    ours = (models.hog_logistic(), models.svm(), models.TorchCNN(steps=3), models.for_images(nearest_mean))
    assert run.stdout.splitlines() == [models.description(model) for model in ours]


def test_description_knows_functions_again():
    functions = [
        nearest_mean,
        random_guesses,
        functools.partial(nearest_mean, power=1),
        functools.partial(nearest_mean, power=3),
    ]
    texts = [models.description(models.for_images(function)) for function in functions]
    assert len(set(texts)) == len(texts)
    assert models.description(models.FunctionClassifier(nearest_mean, random_state=3)) == texts[0]


def test_description_of_a_method_knows_whose_it_is():
    texts = [models.description(models.FunctionClassifier(SVC(C=cost).score)) for cost in (1.0, 1.0, 2.0)]
    assert texts[0] == texts[1] != texts[2]


def test_description_says_what_to_do_about_a_function_without_a_name():
    def local(images, labels, rng):
        return None

    for function in (local, lambda *given: given):
        message = r"model\.function must be .* a named function, .*; define it with def outside of any function"
        with pytest.raises(TypeError, match=message):
            models.description(models.for_images(function))


def test_a_function_is_a_classifier_of_images():
    model = models.for_images(nearest_mean)
    assert is_classifier(model)
    assert model.takes_images
    assert repr(model).startswith("FunctionClassifier(function=<function nearest_mean")
    images, labels = two_classes()
    fitted = clone(model).fit(images[:30], labels[:30])
    np.testing.assert_array_equal(fitted.predict(images[30:]), labels[30:])
    np.testing.assert_array_equal(fitted.classes_, [0, 1])
    assert not hasattr(fitted, "predict_proba")
    with pytest.raises(NotFittedError):
        model.predict(images)


def test_the_seed_of_a_function_is_its_generator():
    images, labels = two_classes()
    model = models.for_images(random_guesses)
    guesses = [models.with_seed(model, seed).fit(images, labels).predict(images) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(guesses[0], guesses[1])
    assert (guesses[0] != guesses[2]).any()
    np.testing.assert_array_equal(guesses[0], np.random.default_rng(1).choice(labels, 1000)[: len(images)])


def test_a_function_may_return_an_object_that_predicts():
    images, labels = two_classes()
    model = models.FunctionClassifier(gaussian)
    assert not hasattr(model, "predict_proba")
    model.fit(images, labels + 5)
    rows = images.reshape(len(images), -1)
    theirs = GaussianNB().fit(rows, labels + 5)
    np.testing.assert_array_equal(model.predict(rows), theirs.predict(rows))
    np.testing.assert_array_equal(model.predict_proba(rows), theirs.predict_proba(rows))
    np.testing.assert_array_equal(model.classes_, [5, 6])


@pytest.mark.parametrize("answer", [None, 3, GaussianNB])
def test_a_function_that_returns_no_predictor_is_told_so(answer):
    def fit(images, labels, rng):
        return answer

    message = r"^fit\(images, labels, rng\) must return a function predictor\(images\), or an object with predict; got "
    with pytest.raises(TypeError, match=message):
        models.FunctionClassifier(fit).fit(*two_classes())


def test_a_predictor_gives_one_label_an_image():
    def fit(images, labels, rng):
        return lambda new: np.zeros((len(new), 2))

    images, labels = two_classes()
    message = r"the predictor of fit must return one label for each of the 40 images; got an array of shape \(40, 2\)"
    with pytest.raises(ValueError, match=message):
        models.FunctionClassifier(fit).fit(images, labels).predict(images)


@pytest.mark.parametrize(
    ("model", "steps"),
    [
        (models.hog_logistic(), ["HOG"]),
        (models.knn(), ["Flatten"]),
        (models.for_images(GaussianNB()), ["Flatten"]),
        (models.for_images(make_pipeline(StandardScaler(), GaussianNB())), ["Flatten"]),
        (make_pipeline(Doubled(), models.HOG(), StandardScaler(), SVC()), ["Doubled", "HOG"]),
        (make_pipeline(make_pipeline(Doubled(), models.Flatten()), GaussianNB()), ["Doubled", "Flatten"]),
        (make_pipeline(models.Flatten(), make_pipeline(StandardScaler(), SVC())), ["Flatten"]),
        (make_pipeline(models.Flatten(), BaggingClassifier(RandomForestClassifier(5), 3)), ["Flatten"]),
        (Pipeline([("a", models.Flatten()), ("b", "passthrough"), ("c", SVC())]), ["Flatten"]),
    ],
    ids=str,
)
def test_features_then_the_rest_is_the_whole_model(model, steps, tmp_path):
    digits = data.digits()
    images, labels, others = digits.images[:150], digits.labels[:150], digits.images[150:400]
    first, rest = models.split_features(model)
    assert [type(step).__name__ for step in first.steps] == steps
    whole = models.with_seed(model, 3).fit(images, labels)
    rest = models.with_seed(rest, 3).fit(first.transform(images), labels)
    np.testing.assert_array_equal(rest.predict(first.transform(others)), whole.predict(others))
    if hasattr(whole, "predict_proba"):
        ours = rest.predict_proba(first.transform(others))
        assert ours.tobytes() == whole.predict_proba(others).tobytes()
    cached = clone(model).set_params(memory=str(tmp_path))
    assert models.split_features(cached)[1].memory == str(tmp_path)
    parts = models.split_features(models.with_seed(cached, 3))
    again = parts[1].fit(parts[0].transform(images), labels)
    np.testing.assert_array_equal(again.predict(first.transform(others)), whole.predict(others))


@pytest.mark.parametrize(
    "model",
    [
        SVC(),
        models.FunctionClassifier(nearest_mean),
        make_pipeline(StandardScaler(), SVC()),
        make_pipeline(Noisy(), models.Flatten(), SVC()),  # what depends on the seed differs between draws
        make_pipeline(make_pipeline(models.Flatten(), StandardScaler()), SVC()),
    ],
    ids=["one", "function", "statistics first", "seeded first", "statistics in the first"],
)
def test_a_model_that_learns_from_its_first_step_on_is_not_split(model):
    first, rest = models.split_features(model)
    assert first is None
    assert models.description(rest) == models.description(model)


def test_the_parts_of_a_model_are_not_fitted():
    model = models.hog_logistic().fit(*two_classes())
    first, rest = models.split_features(model)
    assert not hasattr(rest[-1], "coef_")
    assert first.steps[0] is not model[0]
    assert hasattr(model[-1], "coef_")


def test_without_torch_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    message = r'^torch_cnn needs PyTorch: python -m pip install "augmentlab\[torch\]"$'
    with pytest.raises(ModuleNotFoundError, match=message):
        models.torch_cnn()
    with pytest.raises(ModuleNotFoundError, match=message):
        models.TorchCNN().fit(*two_classes())


def test_a_network_is_known_and_seeded_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    texts = {models.description(models.TorchCNN(steps=steps, random_state=steps)) for steps in (3, 4)}
    assert len(texts) == 2
    model = models.with_seed(models.for_images(models.TorchCNN()), 7)
    assert model.random_state == 7
    assert model.augments
    assert not hasattr(models.knn(), "augments")


class Vague:
    """Its repr leaves out what it holds."""

    def __init__(self, number):
        self.number = number

    def __repr__(self):
        return "Vague()"


def test_what_a_repr_leaves_out_tells_two_models_apart():
    texts = [models.description(Held(held)) for held in (Vague(1), Vague(2), Vague(1), {3, 1, 2})]
    assert texts[0] == texts[2] != texts[1]


class Held(BaseEstimator, ClassifierMixin):
    def __init__(self, held=None):
        self.held = held

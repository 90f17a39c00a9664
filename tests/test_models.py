import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from skimage.feature import hog
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from augmentlab import models


def pictures(shape, dtype=np.float64, seed=0):
    values = np.random.default_rng(seed).random(shape)
    return (values * 255).astype(np.uint8) if dtype == np.uint8 else values.astype(dtype)


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
    monkeypatch.setattr(models, "_CHUNK", 600)
    np.testing.assert_array_equal(models.HOG().transform(images), whole)


def test_hog_takes_bytes_as_fractions_of_255():
    images = pictures((2, 16, 16), np.uint8)
    np.testing.assert_array_equal(models.HOG().transform(images), models.HOG().transform(images / 255.0))


def test_hog_names_images_that_are_too_small():
    with pytest.raises(ValueError, match="images must be at least 2 pixels high and wide for HOG; got 1x9"):
        models.HOG().transform(np.zeros((2, 1, 9)))


def test_flatten_gives_rows_in_the_unit_range():
    images = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    rows = models.Flatten().fit(images).transform(images)
    np.testing.assert_array_equal(rows, np.arange(24).reshape(2, 12) / 255)
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(models.Flatten().transform(pictures((2, 3, 3), np.float32)).shape, (2, 9))


@pytest.mark.parametrize("make", [models.hog_logistic, models.knn])
def test_baselines_learn_pickle_and_print(make):
    labels = np.arange(40) % 2
    images = pictures((40, 8, 8)) * 0.2
    images[labels == 1, :, 4:] += 0.7
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
        ("svm", "model must be a scikit-learn classifier with fit and predict; got 'svm'"),
        (None, "model must be a scikit-learn classifier with fit and predict; got None"),
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
        models.description(FunctionTransformer(kw_args={"a": object()}))


def test_description_is_the_same_in_another_process():
    code = "from augmentlab import models; print(models.description(models.hog_logistic()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == models.description(models.hog_logistic())

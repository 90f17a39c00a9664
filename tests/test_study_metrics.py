"""Scores of trials, against scikit-learn."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss
from sklearn.svm import LinearSVC

from augmentlab import Affine, Dataset, Invert, data, models, uniform
from augmentlab.study import Study
from augmentlab.study.metrics import as_metric, log_scores

ARMS = {"shift": Affine(translate_x=uniform(-0.2, 0.2)), "invert": Invert()}


def unbalanced():
    digits = data.digits()
    chosen = np.concatenate([np.flatnonzero(digits.labels == one)[: 20 + 30 * one] for one in range(4)])
    return Dataset(np.asarray(digits.images)[chosen], digits.labels[chosen], classes=list("0123"), name="few digits")


DATA = unbalanced()
SETTINGS = {"draws": 3, "train_size": 30, "copies": 1, "trivial": False}


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    path = tmp_path_factory.mktemp("metrics") / "study.db"
    Study(DATA, models.knn(), ARMS, storage=path, **SETTINGS).run(progress=False)
    return path


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        ("balanced_accuracy", balanced_accuracy_score),
        ("f1_macro", lambda labels, predictions: f1_score(labels, predictions, average="macro")),
    ],
)
def test_a_finished_study_is_judged_by_another_metric_at_no_cost(storage, metric, function):
    study = Study(DATA, models.knn(), ARMS, metric=metric, storage=storage, **SETTINGS)
    assert study.n_complete == study.n_trials == 9
    table = study.compare().set_index("arm")
    stored = study._stored("validation")
    labels = np.array(study.spec["labels"]["validation"])
    values = {arm: [function(labels, stored[arm, draw].predictions) for draw in range(3)] for arm in (-1, 0, 1)}
    for index, label in enumerate(study.labels):
        assert table.loc[label, "mean"] == pytest.approx(np.mean(values[index]))
        assert table.loc[label, "difference"] == pytest.approx(100 * np.mean(np.subtract(values[index], values[-1])))
        assert table.loc[label, "low"] <= table.loc[label, "difference"] <= table.loc[label, "high"]
    assert study.compare().attrs["metric"] == metric
    assert study.compare().attrs["unit"] == "points"


def test_the_log_loss_is_stored_image_by_image():
    model = LogisticRegression(max_iter=500)
    study = Study(DATA, model, ARMS, metric="neg_log_loss", storage=":memory:", **SETTINGS).run(progress=False)
    trial = study._stored("validation")[0, 1]
    work = study._work("validation", (30,), 3)
    from augmentlab.study.runner import _trained, training_draw

    cell = study._cell(0, 1)
    rows = training_draw(work.labels, work.pool, size=30, rng=(0, 2, 1))
    fitted, _ = _trained(work, cell, rows)
    places = work.parts["validation"]
    expected = -log_loss(work.labels[places], fitted.predict_proba(work.ready(places)), labels=fitted.classes_)
    assert trial.value == pytest.approx(expected, rel=1e-6)
    assert trial.scores.mean() == pytest.approx(expected, rel=1e-6)
    table = study.compare()
    assert (table.attrs["metric"], table.attrs["unit"], table.attrs["rope"]) == ("neg_log_loss", "neg_log_loss", 0.005)
    assert table["low"].notna().all()
    assert "scores -" in study.summary()


def test_a_scorer_gives_intervals_over_draws_only_and_says_so():
    study = Study(DATA, LogisticRegression(), ARMS, metric="roc_auc_ovr", storage=":memory:", **SETTINGS)
    study.run(progress=False)
    with pytest.warns(UserWarning, match="roc_auc_ovr gives one number a trial: intervals are over draws only"):
        table = study.compare()
    assert table["mean"].between(0.4, 1).all()
    assert table["low"].notna().all()
    assert table["draws_needed"].isna().all()


def certainty(model, images, labels):
    """Mean of the largest probability."""
    return float(model.predict_proba(images).max(axis=1).mean())


def test_a_named_function_is_a_metric_and_its_name_is_in_the_key():
    study = Study(DATA, LogisticRegression(), ARMS, metric=certainty, storage=":memory:", **SETTINGS).run(
        progress=False
    )
    assert 0 < study._stored("validation")[-1, 0].value <= 1
    assert study.spec["context"]["metric"].endswith(":certainty")
    with pytest.warns(UserWarning, match="certainty gives one number"):
        assert study.compare().attrs["unit"].endswith(":certainty")


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        (
            "accurate",
            ValueError,
            "metric must be accuracy, balanced_accuracy, f1_macro, neg_log_loss or a scikit-learn",
        ),
        (3, TypeError, r"metric must be a name or a scorer\(model, X, labels\); got 3"),
        (lambda *_: 1.0, ValueError, "metric must be a named function, to be known again; got <function"),
    ],
)
def test_metrics_that_will_not_do(metric, error, message):
    with pytest.raises(error, match=message):
        as_metric(metric)


def undefined(model, images, labels):
    """Not a number."""
    return float("nan")


def test_a_score_that_is_no_number_is_a_failed_trial():
    study = Study(DATA, LogisticRegression(), ARMS, metric=undefined, storage=":memory:", **SETTINGS)
    with pytest.warns(UserWarning, match="9 of 9 trials failed.*undefined must be a finite number; got nan"):
        study.run(progress=False)


class Wrong(ClassifierMixin, BaseEstimator):
    """Predict what a classifier of these labels must not."""

    def __init__(self, answer=None):
        self.answer = answer

    def fit(self, images, labels):  # noqa: ARG002
        self.classes_ = np.unique(labels)
        return self

    def predict(self, images):
        return self.answer[: len(images)]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            np.zeros((900, 1), int),
            r"predict must give one class number for each image, .* got int64 of shape \(\d+, 1\)",
        ),
        (np.zeros(1, int), r"predict must give one class number for each image, .* got int64 of shape \(1,\)"),
        (np.full(900, 0.7), r"predict must give one class number for each image, .* got float64 of shape"),
        (np.full(900, -1), r"predict must give class numbers in 0\.\.3; got -1"),
        (np.full(900, 70000), r"predict must give class numbers in 0\.\.3; got 70000"),
    ],
)
def test_predictions_that_are_no_classes_are_failed_trials(answer, message):
    study = Study(DATA, Wrong(answer), {"invert": Invert()}, storage=":memory:", **SETTINGS)
    with pytest.warns(UserWarning, match=f"6 of 6 trials failed.*{message}"):
        study.run(progress=False)


def test_the_log_loss_needs_probabilities():
    with pytest.raises(TypeError, match="metric neg_log_loss needs a model with predict_proba; got LinearSVC"):
        Study(DATA, LinearSVC(), ARMS, metric="neg_log_loss", storage=":memory:", **SETTINGS)


def test_a_class_that_the_model_never_saw_has_probability_zero():
    scores = log_scores(np.array([0, 2]), [0, 1], np.array([[0.25, 0.75], [0.5, 0.5]]))
    np.testing.assert_allclose(scores, [np.log(0.25), np.log(np.finfo(float).eps)], rtol=1e-6)

import itertools
import json
import sqlite3
import threading
import time
import warnings
from dataclasses import dataclass
from typing import ClassVar

import joblib
import numpy as np
import pytest
from bars import bars
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from augmentlab import (
    Affine,
    CenterCrop,
    CoarseDropout,
    Compose,
    Dataset,
    HorizontalFlip,
    Invert,
    PixelTransform,
    Resize,
    Rotate,
    Standardize,
    data,
    models,
    uniform,
)
from augmentlab.study import Arm, Study, combinations, runner, statistics, storage, words
from augmentlab.study.execution import Execution
from augmentlab.study.storage import Storage

SHIFT = Affine(translate_x=uniform(-0.5, 0.5), border="wrap")


MIRRORED = Compose((HorizontalFlip(), SHIFT))  # a mirrored bar is one of the other class: labelled wrongly


DATA = bars(240)


def study(arms=None, **changes):
    arms = {"shift": SHIFT, "flip": MIRRORED, "invert": Invert()} if arms is None else arms
    settings = {"draws": 4, "train_size": 12, "copies": 3, "storage": ":memory:", "trivial": False} | changes
    return Study(settings.pop("data", DATA), settings.pop("model", models.knn()), arms, **settings)


@pytest.fixture(scope="module")
def finished():
    return study().run(progress=False)


@dataclass(frozen=True, kw_only=True, repr=False)
class Broken(PixelTransform):
    """Raise for every image."""

    def apply_image(self, image):
        raise RuntimeError(f"no luck with {image.shape}")


# --- what a study finds ----------------------------------------------------------------------------------------------


def test_what_helps_helps_and_what_hurts_hurts(finished):
    table = finished.compare().set_index("arm")
    assert table.loc["shift", "verdict"] == "helps"
    assert table.loc["flip", "verdict"] == "hurts"
    assert finished.best.label == "shift"


def test_the_table_has_all_that_is_promised(finished):
    table = finished.compare()
    columns = [
        "arm",
        "code",
        "role",
        "mean",
        "difference",
        "low",
        "high",
        "p",
        "verdict",
        "draws",
        "draws_needed",
        "seconds",
    ]
    assert list(table.columns) == columns
    assert table["difference"].is_monotonic_decreasing
    assert (table["low"] <= table["difference"]).all()
    assert (table["difference"] <= table["high"]).all()
    assert table["p"].between(0, 1).all()
    assert (table["draws"] == 4).all()
    assert (table["draws_needed"].isna() == (table["verdict"] != "undecided")).all()
    assert table.attrs["rope"] == 0.5
    assert table.attrs["note"] == ""
    np.testing.assert_allclose(100 * (table["mean"] - table.attrs["control_mean"]), table["difference"])
    assert dict(zip(table["arm"], table["code"], strict=True))["invert"] == "Invert()"


def test_the_numbers_follow_from_the_stored_hits(finished):
    stored = finished._stored("validation")
    hits = {index: np.array([stored[index, draw].hits for draw in range(4)], float) for index in (-1, 0, 1, 2)}
    tests = [statistics.crossed_test(100 * (hits[index] - hits[-1])) for index in range(3)]
    adjusted = statistics.holm([test.p for test in tests])
    table = finished.compare().set_index("arm")
    for index, label in enumerate(finished.labels):
        assert table.loc[label, "mean"] == pytest.approx(hits[index].mean())
        assert table.loc[label, "difference"] == pytest.approx(tests[index].difference)
        assert table.loc[label, "p"] == pytest.approx(adjusted[index])


def test_an_interval_is_computed_once(monkeypatch, tmp_path):
    calls = []

    def interval(table, compute=statistics.crossed_interval, **options):
        calls.append(table.shape)
        return compute(table, **options)

    monkeypatch.setattr(statistics, "crossed_interval", interval)
    one = study(storage=tmp_path / "study.db", draws=3)
    with monkeypatch.context() as patch:
        interrupted_after(patch, 8)
        one.run(progress=False, n_jobs=1)
    assert "undecided" in one.summary()
    partial = len(calls)
    assert partial == 3
    one.run(progress=False)
    table = one.compare()
    assert (one.summary(), one.best.label) == (one.summary(), "shift")
    assert one.compare().equals(table)
    assert table.equals(study(storage=tmp_path / "study.db", draws=3).compare())
    # Two draws of each arm and then three; the fresh study computes its own.
    assert calls[partial:] == [(3, 60)] * 6


@pytest.mark.parametrize("search", ["grid", "halving"])
def test_a_run_reads_each_trial_a_few_times_however_many_there_are(monkeypatch, search):
    reads = []
    read = storage._trial
    monkeypatch.setattr(storage, "_trial", lambda row: (reads.append(row[0]), read(row))[1])
    arms = {f"shift {step}": Affine(translate_x=step / 100) for step in range(1, 31)}
    one = study(arms, draws=2).run(progress=False, n_jobs=1, search=search)
    assert len(reads) <= 3 * one.n_trials
    reads.clear()
    one.run(progress=False, n_jobs=1, search=search)
    assert len(reads) <= 3 * one.n_trials


def test_trials_are_a_tidy_table(finished):
    trials = finished.trials_dataframe()
    assert list(trials.columns) == [
        "number", "value", "state", "params_arm", "params_draw", "part", "datetime_start", "seconds", "message",
        "traceback", "code",
    ]  # fmt: skip
    assert trials["number"].to_list() == list(range(16))
    assert trials["params_arm"].to_list()[:4] == ["control", "shift", "flip", "invert"]
    assert (trials["state"] == "complete").all()
    assert (trials["part"] == "validation").all()
    assert (trials["seconds"] > 0).all()
    means = trials.groupby("params_arm")["value"].mean()
    assert means["shift"] == pytest.approx(finished.compare().set_index("arm").loc["shift", "mean"])


def test_a_study_describes_itself(finished):
    assert repr(finished) == "<Study 'bars': 3 arms and the control x 4 draws, 16 of 16 trials complete>"
    assert (finished.n_trials, finished.n_complete) == (16, 16)
    assert finished.labels == ["shift", "flip", "invert"]
    assert [arm.transform for arm in finished.arms] == [SHIFT, MIRRORED, Invert()]


# --- fair play -------------------------------------------------------------------------------------------------------


class Recorder(ClassifierMixin, BaseEstimator):
    """Note what it is trained on and what it predicts, and say that all is of class 0."""

    takes_images = True
    seen: ClassVar = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, images, labels):
        self.classes_ = np.unique(labels)
        self.seen.append({"images": images, "labels": labels, "random_state": self.random_state})
        return self

    def predict(self, images):
        self.seen[-1]["predicted"] = images
        return np.zeros(len(images), int)


@pytest.fixture
def seen():
    Recorder.seen.clear()
    yield Recorder.seen
    Recorder.seen.clear()


def test_all_arms_meet_the_same_draws_rows_and_steps(seen):
    study({"shift": SHIFT, "invert": Invert()}, model=Recorder(), draws=2).run(progress=False, n_jobs=1)
    control, shift, invert = seen[:3]
    again, *_ = seen[3:]
    for arm in (shift, invert):
        assert arm["images"].shape == control["images"].shape == (12 * 4, 8, 8)
        np.testing.assert_array_equal(arm["labels"], control["labels"])
        np.testing.assert_array_equal(arm["images"][:12], control["images"][:12])
        assert arm["random_state"] == control["random_state"]
    np.testing.assert_array_equal(control["images"], np.tile(control["images"][:12], (4, 1, 1)))
    np.testing.assert_array_equal(invert["images"][12:], 255 - control["images"][12:])
    assert not (shift["images"][12:24] == shift["images"][24:36]).all()
    assert again["random_state"] != control["random_state"]
    assert not (again["images"] == control["images"]).all()


def test_a_step_draws_the_same_alone_and_beside_others(seen):
    study(
        {"shift": SHIFT, "shift, inverted": Compose((SHIFT, Invert()))}, model=Recorder(), draws=2
    ).run(progress=False)  # fmt: skip
    _, alone, beside = seen[:3]
    np.testing.assert_array_equal(beside["images"][12:], 255 - alone["images"][12:])


class Streaming(Recorder):
    """Ask for fresh images of each epoch, as a network does."""

    augments = True

    def fit(self, images, labels, augment=None):
        rows = np.arange(len(images))
        self.seen.append(
            {
                "images": images,
                "epochs": [augment(epoch, rows) for epoch in (0, 1, 0)],
                "few": augment(1, rows[[7, 2]]),
            }
        )
        self.classes_ = np.unique(labels)
        return self


def test_a_model_that_augments_gets_fresh_images_in_each_epoch(seen):
    study({"shift": SHIFT, "invert": Invert()}, model=Streaming(), draws=2).run(progress=False, n_jobs=1)
    control, shift, invert, *_ = seen
    for run in (control, shift, invert):
        assert run["images"].shape == (12, 8, 8)  # no copies: what is fresh comes from the streams
        np.testing.assert_array_equal(run["images"], control["images"])
        np.testing.assert_array_equal(run["epochs"][0], run["epochs"][2])
        np.testing.assert_array_equal(run["few"], run["epochs"][1][[7, 2]])
    np.testing.assert_array_equal(control["epochs"][0], control["images"])
    np.testing.assert_array_equal(invert["epochs"][1], 255 - control["images"])
    assert (shift["epochs"][0] != shift["epochs"][1]).any(axis=(1, 2)).mean() > 0.5


def test_features_that_learn_nothing_are_computed_once_and_change_no_bit():
    class Plain(models.HOG):
        learns_nothing = False

    digits = data.digits().subset(np.arange(300))
    values = []
    for features in (models.HOG(), Plain()):
        model = make_pipeline(features, LogisticRegression(max_iter=200))
        one = study(model=model, data=digits, draws=2, train_size=40)
        work = one._work("validation", (40,), 2)
        assert (work.features is None) == isinstance(features, Plain)
        one.run(progress=False, n_jobs=1)
        values.append([trial.predictions for trial in one._stored("validation").values()])
    np.testing.assert_array_equal(*values)


def test_only_training_images_are_augmented_and_the_parts_do_not_meet(seen):
    one = study({"shift": SHIFT}, model=Recorder(), draws=2).run(progress=False)
    one.confirm("shift", progress=False)
    everything = {image.tobytes(): place for place, image in enumerate(DATA.images)}
    assert len(everything) == len(DATA)
    parts = {name: set(getattr(one._split, name)) for name in ("pool", "validation", "test")}
    for run, part in zip(seen, ["validation"] * 4 + ["test"] * 4, strict=True):
        assert {everything[image.tobytes()] for image in run["images"][:12]} <= parts["pool"]
        assert {everything[image.tobytes()] for image in run["predicted"]} == parts[part]
    assert not parts["pool"] & parts["validation"]
    assert not (parts["pool"] | parts["validation"]) & parts["test"]


def test_the_seed_reaches_the_model_and_decides_everything():
    forest = RandomForestClassifier(n_estimators=3)
    values = [
        study({"invert": Invert()}, model=forest, seed=seed, draws=3)
        .run(progress=False)
        .trials_dataframe()["value"]
        .to_list()
        for seed in (1, 1, 2)
    ]
    assert values[0] == values[1]
    assert values[0] != values[2]


def test_an_arm_that_does_nothing_is_identical():
    # One training image a copy more or less is all the same to a nearest neighbour.
    table = study({"nothing": Compose(()), "shift": SHIFT}).run(progress=False).compare().set_index("arm")
    assert table.loc["nothing", "verdict"] == "identical"
    assert table.loc["nothing", "difference"] == 0.0
    assert np.isnan(table.loc["nothing", "p"])
    assert np.isnan(table.loc["nothing", "draws_needed"])


class Alternating(ClassifierMixin, BaseEstimator):
    """Control and arm are right about other halves of the images, and change halves with each draw."""

    takes_images = True
    fits: ClassVar = []

    def fit(self, images, labels):  # noqa: ARG002
        self.classes_ = np.unique(labels)
        draw, arm = divmod(len(self.fits), 2)
        self.start_ = draw + arm
        self.fits.append(self.start_)
        return self

    def predict(self, images):
        return (np.arange(len(images)) + self.start_) % 2


@pytest.mark.parametrize("groups", [None, np.arange(240) // 4])
def test_an_arm_that_loses_what_it_gains_is_not_identical(groups):
    halves = Dataset(DATA.images, np.repeat([0, 1], 120), groups=groups)
    Alternating.fits.clear()
    one = study({"invert": Invert()}, data=halves, model=Alternating()).run(1, progress=False)
    hits = [one._stored("validation")[arm, 0].hits for arm in (-1, 0)]
    np.testing.assert_array_equal(hits[0], ~hits[1])
    table = one.compare()
    assert table["difference"].item() == 0.0
    assert table["verdict"].item() == ("undecided" if groups is None else "equivalent")


# --- preprocessing ---------------------------------------------------------------------------------------------------


def test_preprocess_comes_first_for_all_images(seen):
    one = study({"shift": SHIFT}, model=Recorder(), preprocess=Resize(height=4, width=6), draws=2)
    one.run(progress=False)
    for run in seen:
        assert run["images"].shape == (48, 4, 6)
        assert run["predicted"].shape == (60, 4, 6)


def test_preprocessing_at_the_end_of_the_arms_is_for_validation_and_control_too(seen):
    arms = {
        "invert": Compose((Invert(), Standardize())),
        "shift": Compose((SHIFT, Standardize())),
    }
    study(arms, model=Recorder(), draws=2).run(progress=False)
    standardize = Compose((Standardize(),))
    for run in seen:
        np.testing.assert_allclose(run["predicted"].mean(axis=(1, 2)), 0, atol=1e-6)
        np.testing.assert_allclose(run["images"][:12].mean(axis=(1, 2)), 0, atol=1e-6)
    control, invert, _ = seen[:3]
    np.testing.assert_array_equal(control["images"][12:24], control["images"][:12])
    np.testing.assert_allclose(invert["images"][12:24], -control["images"][:12], atol=1e-5)
    assert standardize.deterministic() == standardize


def test_images_of_mixed_sizes_become_equal(seen):
    images = [np.full((8 + index % 3, 9), index, np.uint8) for index in range(60)]
    mixed = Dataset(images, np.arange(60) % 2, name="mixed")
    with pytest.raises(
        ValueError, match=r"images must have one shape for a model; got \(8, 9\) and \(9, 9\) among"
    ) as told:
        study({"flip": HorizontalFlip()}, data=mixed, model=Recorder())
    assert "Resize(" in str(told.value)
    assert "ConvertChannels" not in str(told.value)
    size = Resize(height=6, width=6)
    coloured = Dataset(
        [np.dstack([image] * 3) if index % 7 else image for index, image in enumerate(images)], mixed.labels
    )
    with pytest.raises(
        ValueError, match=r"got \(6, 6\) and \(6, 6, 3\): ConvertChannels in preprocess, or .*mode='RGB'"
    ):
        study({"flip": HorizontalFlip()}, data=coloured, model=Recorder(), preprocess=size)
    study({"a": HorizontalFlip()}, data=mixed, model=Recorder(), preprocess=size, draws=2).run(progress=False)
    study({"a": Compose((HorizontalFlip(), size))}, data=mixed, model=Recorder(), draws=2).run(progress=False)
    assert {run["images"].shape for run in seen} == {(48, 6, 6)}
    assert {run["predicted"].shape for run in seen} == {(16, 6, 6)}


# --- keeping and going on --------------------------------------------------------------------------------------------


def started(path):
    connection = sqlite3.connect(path)
    rows = dict(connection.execute("SELECT key, started FROM trial WHERE state = 'complete'").fetchall())
    connection.close()
    return rows


def test_nothing_is_computed_twice(tmp_path):
    path = tmp_path / "study.db"
    one = study(storage=path).run(progress=False)
    before = started(path)
    assert len(before) == 16
    study(storage=path).run(progress=False)
    assert started(path) == before
    table = one.compare()
    more = study(storage=path, draws=5).run(progress=False)
    after = started(path)
    assert len(after) == 20
    assert {key: after[key] for key in before} == before
    assert (more.compare()["draws"] == 5).all()
    assert table.equals(one.compare())


def test_a_further_arm_costs_its_own_trials_only(tmp_path):
    path = tmp_path / "study.db"
    study({"shift": SHIFT}, storage=path).run(progress=False)
    study({"moved": SHIFT, "invert": Invert()}, storage=path, name="more").run(progress=False)
    assert len(started(path)) == 12
    assert Study.open(path).labels == ["moved", "invert"]
    assert Study.open(path, "bars").labels == ["shift"]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"copies": 2},
        {"train_size": 14},
        {"model": models.knn(3)},
        {"data": bars(240, seed=1)},
        {"validation": 0.3},
        {"preprocess": Resize(height=7, width=7)},
    ],
)
def test_whatever_changes_results_changes_the_keys(change):
    arms = {"shift": SHIFT}
    keys = [study(arms, **settings)._key_of(0, 0, "validation") for settings in ({}, change)]
    assert keys[0] != keys[1]


def test_keys_do_not_depend_on_what_does_not_matter():
    one = study({"shift": SHIFT})
    other = study({"x": Compose((SHIFT,)), "y": Invert()}, draws=7, rope=1.0, name="other")
    assert one._key_of(0, 0, "validation") == other._key_of(0, 0, "validation")
    assert one._key_of(-1, 0, "validation") == other._key_of(-1, 0, "validation")
    keys = {one._key_of(*place) for place in itertools.product((-1, 0), (0, 1), ("validation", "test"))}
    assert len(keys) == 8


def test_a_stored_study_is_read_without_its_data(tmp_path):
    path = tmp_path / "study.db"
    one = study(storage=path).run(progress=False)
    loaded = Study.open(path)
    assert loaded.compare().equals(one.compare())
    assert loaded.trials_dataframe().equals(one.trials_dataframe())
    assert loaded.best.pipeline == Compose((SHIFT,))
    assert loaded.summary() == one.summary()
    assert repr(loaded) == repr(one)
    with pytest.raises(RuntimeError, match="a loaded study has no data to run with; make it with Study"):
        loaded.run()
    with pytest.raises(RuntimeError, match="a loaded study has no data to confirm with; make it with Study"):
        loaded.confirm("shift")


def test_the_arms_of_a_stored_study_are_those_that_were_given(tmp_path):
    arms = {"shift": SHIFT, "in a list": Compose((Invert(),)), "rarely": Compose((Invert(),), p=0.5)}
    one = study(arms, storage=tmp_path / "study.db", draws=2).run(progress=False)
    assert Study.open(tmp_path / "study.db").arms == one.arms == [Arm(label=k, transform=v) for k, v in arms.items()]


def test_a_storage_without_tables_is_gone_on_with(tmp_path):
    path = tmp_path / "study.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")  # killed just after
    connection.close()
    one = study({"shift": SHIFT}, storage=path, draws=2)
    assert one.n_complete == 0
    assert one.trials_dataframe().empty
    assert one.run(progress=False).n_complete == 4


def test_loading_says_what_there_is(tmp_path):
    path = tmp_path / "study.db"
    Storage(path, write=True).close()
    with pytest.raises(ValueError, match=r"storage '.*study.db' must hold a study; it holds none"):
        Study.open(path)
    study({"shift": SHIFT}, storage=path, name="first").run(progress=False)
    with pytest.raises(ValueError, match="must hold a study named 'second'; it holds 'first'"):
        Study.open(path, "second")
    with pytest.raises(FileNotFoundError, match="storage must be an existing file of studies; there is none at"):
        Study.open(tmp_path / "none.db")


# --- unfinished and failing studies ----------------------------------------------------------------------------------


def interrupted_after(monkeypatch, trials, error=KeyboardInterrupt):
    """Raise KeyboardInterrupt, as Ctrl-C does, inside the next trial."""
    count = itertools.count()

    def trials_(work, cell, started, compute=runner._trials):
        if next(count) == trials:
            raise error
        return compute(work, cell, started)

    monkeypatch.setattr(runner, "_trials", trials_)


def test_an_interrupt_keeps_what_is_finished(monkeypatch, capsys):
    one = study()
    with monkeypatch.context() as patch:
        interrupted_after(patch, 10)
        assert one.run(progress=False, n_jobs=1) is one
    assert one.interrupted
    assert capsys.readouterr().err == "Interrupted: 10 of 16 trials are kept; run again to go on.\n"
    with pytest.warns(UserWarning, match="6 of 16 trials are missing; each arm is compared on the draws that it and"):
        table = one.compare()
    assert dict(zip(table["arm"], table["draws"], strict=True)) == {"shift": 3, "flip": 2, "invert": 2}
    assert table.attrs["note"].startswith("6 of 16 trials are missing")
    assert one.summary().endswith("6 of 16 trials are missing; each arm is compared on the draws that it and the "
                                  "control have completed.")  # fmt: skip
    one.run(progress=False)
    assert not one.interrupted
    fresh = study().run(progress=False).compare()
    assert one.compare().drop(columns="seconds").equals(fresh.drop(columns="seconds"))


def test_with_fewer_than_two_draws_nothing_is_decided(monkeypatch):
    one = study()
    with pytest.raises(RuntimeError, match=r"the study has no complete trial of the control yet; call run\(\) first"):
        one.compare()
    with monkeypatch.context() as patch:
        interrupted_after(patch, 3)
        one.run(progress=False, n_jobs=1)
    with pytest.warns(UserWarning, match="13 of 16 trials are missing"):
        table = one.compare()
    assert (table["verdict"] == "undecided").all()
    assert table[["low", "high", "p", "draws_needed"]].isna().all(axis=None)
    assert dict(zip(table["arm"], table["draws"], strict=True)) == {"shift": 1, "flip": 1, "invert": 0}
    assert one.best is None


def test_an_exception_is_a_result_and_is_tried_again():
    one = study({"shift": SHIFT, "broken": Broken()})
    with pytest.warns(
        UserWarning,
        match=r"4 of 12 trials failed, the first \(Broken\(\), draw 0\) with RuntimeError: no luck with \(8, 8\); run",
    ):
        one.run(progress=False)
    trials = one.trials_dataframe().set_index("params_arm")
    assert (trials.loc["broken", "state"] == "failed").all()
    assert trials.loc["broken", "value"].isna().all()
    assert (trials.loc["broken", "message"] == "RuntimeError: no luck with (8, 8)").all()
    assert (trials.loc["shift", "state"] == "complete").all()
    told = trials.loc["broken", "traceback"].iloc[0]
    assert "in apply_image" in told
    assert "RuntimeError: no luck with (8, 8)" in told
    with pytest.warns(UserWarning, match="4 of 12 trials are missing, 4 of them failed"):
        table = one.compare()
    assert table["arm"].to_list() == ["shift", "broken"]
    assert table["verdict"].to_list() == ["helps", "undecided"]
    before = one.trials_dataframe()
    with pytest.warns(UserWarning, match="4 of 12 trials failed"):
        one.run(progress=False)
    after = one.trials_dataframe()
    fresh = before["datetime_start"] != after["datetime_start"]
    assert (after.loc[fresh, "params_arm"] == "broken").all()
    assert fresh.sum() == 4


def test_an_arm_without_a_result_is_not_called_undecided():
    one = study({"shift": SHIFT, "broken": Broken()})
    with pytest.warns(UserWarning, match="4 of 12 trials failed"):
        one.run(progress=False)
    with pytest.warns(UserWarning, match=r"4 of them failed; .*; broken failed in every draw with RuntimeError: no lu"):
        one.compare()
    lines = one.summary().splitlines()
    assert lines[0].startswith("Of 2 arms, 1 helps: shift")
    assert lines[1] == "1 has no result: broken."
    assert "undecided" not in one.summary()
    assert lines[-1].endswith("; broken failed in every draw with RuntimeError: no luck with (8, 8).")


def test_when_nothing_succeeds_the_error_is_named():
    one = study({"shift": SHIFT}, model=Unfit())
    with pytest.warns(UserWarning, match="8 of 8 trials failed"):
        one.run(progress=False)
    with pytest.raises(RuntimeError, match="every trial of the control failed, the first with ValueError: not today"):
        one.compare()


class Unfit(Recorder):
    """Cannot be trained."""

    def fit(self, images, labels):  # noqa: ARG002
        raise ValueError("not today")


def test_an_arm_that_changes_the_shape_says_how_to_mend_it():
    one = study({"crop": CenterCrop(height=0.5, width=0.5, p=0.5)})
    with pytest.warns(
        UserWarning, match=r"ValueError: the copies must have the shape of the validation images, \(8, 8\)"
    ):
        one.run(progress=False)
    assert one.trials_dataframe()["message"].str.contains("with Resize(height=8, width=8)", regex=False).sum() == 4


def test_warnings_of_a_model_are_kept_and_not_shown():
    one = study({"invert": Invert()}, model=LogisticRegression(max_iter=1), draws=2).run(progress=False)
    messages = one.trials_dataframe()["message"]
    assert messages.str.startswith(f"{ConvergenceWarning.__name__}: ").all()
    assert (one.trials_dataframe()["state"] == "complete").all()


def test_the_baselines_converge():
    one = Study(
        data.scattered_digits(), models.hog_logistic(), [Invert()], draws=2, train_size=100, storage=":memory:"
    ).run(progress=False)
    assert (one.trials_dataframe()["message"] == "").all()


# --- the locked test -------------------------------------------------------------------------------------------------


def test_confirming_opens_the_locked_test_once(tmp_path):
    path = tmp_path / "study.db"
    one = study(storage=path).run(progress=False)
    validation = one.compare().set_index("arm")["difference"]
    result = one.confirm(progress=False)
    assert len(result) == 1
    row = result.iloc[0]
    assert (row["arm"], row["verdict"], row["draws"], row["openings"]) == ("shift", "helps", 4, 1)
    assert row["validation_difference"] == validation["shift"]
    assert row["difference"] != row["validation_difference"]
    trials = one.trials_dataframe()
    assert (trials["part"] == "test").sum() == 8
    assert trials["number"].is_unique
    before = started(path)
    # Looking again at what was confirmed is no further opening.
    assert study(storage=path).confirm("shift", progress=False).equals(result)
    assert started(path) == before
    with pytest.warns(UserWarning, match="the locked test of these data is opened for the 2nd time"):
        second = one.confirm("flip", progress=False)
    assert second["openings"].item() == 2
    assert second["difference"].item() < 0
    other = study(storage=path, model=models.knn(3), name="another study of the same test").run(progress=False)
    with pytest.warns(UserWarning, match="3rd time"):
        other.confirm(other.arms[2], progress=False)
    assert one.confirm("shift", progress=False)["openings"].item() == 1


def test_confirming_needs_an_arm():
    one = study({"invert": Invert(), "nothing": Compose(())}).run(progress=False)
    with pytest.raises(ValueError, match="no arm helps, so there is none to choose; name one of invert, nothing"):
        one.confirm()
    with pytest.raises(ValueError, match="arm must be one of invert, nothing; got 'shift'"):
        one.confirm("shift")


def test_confirming_needs_a_finished_search(monkeypatch):
    one = study()
    with monkeypatch.context() as patch:
        interrupted_after(patch, 10)
        one.run(progress=False, n_jobs=1)
    for arm in (None, "flip"):
        with pytest.raises(
            RuntimeError, match=r"6 of 16 trials are not run yet; call run\(\) before the locked test is op"
        ):
            one.confirm(arm, progress=False)
    assert not one._stored("test")
    one.run(progress=False)
    assert one.confirm(progress=False)["openings"].item() == 1


def test_confirming_goes_on_beside_an_arm_that_fails():
    one = study({"shift": SHIFT, "broken": Broken()})
    with pytest.warns(UserWarning, match="4 of 12 trials failed"):
        one.run(progress=False)
    assert one.confirm(progress=False)["verdict"].item() == "helps"


def test_an_interrupted_confirmation_is_not_given_out(monkeypatch):
    one = study({"shift": SHIFT}).run(progress=False)
    with monkeypatch.context() as patch:
        interrupted_after(patch, 5)
        with pytest.raises(RuntimeError, match="the confirmation is not finished; call confirm again to go on"):
            one.confirm("shift", progress=False, n_jobs=1)
    assert one.confirm("shift", progress=False)["openings"].item() == 1


# --- groups ----------------------------------------------------------------------------------------------------------


def test_images_of_a_group_are_resampled_together():
    # Each image five times: as one group they are one piece of evidence.
    few = bars(120)
    places = np.repeat(np.arange(120), 5)
    settings = {"draws": 3, "train_size": 20, "copies": 1, "storage": ":memory:", "trivial": False}
    repeated = Dataset(few.images[places], few.labels[places], classes=few.classes, groups=places)
    one = Study(repeated, models.knn(), {"shift": SHIFT}, **settings).run(progress=False)
    row = one.compare().iloc[0]
    stored = one._stored("validation")
    differences = 100 * np.array([stored[0, draw].hits * 1.0 - stored[-1, draw].hits for draw in range(3)])
    assert row["p"] == pytest.approx(statistics.crossed_test(differences[:, ::5]).p)
    assert statistics.crossed_test(differences).error < statistics.crossed_test(differences[:, ::5]).error
    assert json.dumps(one._spec["groups"])


# --- words -----------------------------------------------------------------------------------------------------------


def test_summaries_in_words(finished):
    lines = finished.summary().splitlines()
    assert lines[0].startswith("Of 3 arms, 1 helps: shift, by ")
    assert lines[1].startswith("1 hurts: flip, by ")
    assert lines[2] == "1 is undecided: invert."
    assert lines[3].startswith("The control, with unchanged copies, scores ")
    assert lines[3].endswith(" %.")


def summary(*verdicts, names="abcdefgh", needed=np.nan, wide=9.0):
    import pandas as pd

    rows = [
        {
            "arm": name,
            "difference": sign * (index + 1.0),
            "low": sign * (index + 1) - half,
            "high": sign * (index + 1) + half,
        }
        for index, (name, verdict) in enumerate(zip(names, verdicts, strict=False))
        for sign in [-1 if verdict == "hurts" else 1]
        for half in [wide if verdict == "undecided" else 0.5]
    ]
    table = pd.DataFrame(rows).assign(verdict=verdicts, draws=4, role="arm", draws_needed=needed)
    table.attrs = {"control_mean": 0.5, "rope": 0.5, "note": "", "unit": "points"}
    return words.summary(table).splitlines()[:-1]


def test_summaries_have_grammar_for_one_and_many():
    assert summary("helps") == ["The one arm helps: a, by 1.0 points (95 % interval 0.5 to 1.5)."]
    assert summary("identical") == [
        "The one arm is identical to the control: a.",
        "Nothing was found to help.",
    ]
    assert summary("helps", "helps", "hurts", "hurts", "equivalent", "undecided") == [
        "Of 6 arms, 2 help: most of all b, by 2.0 points (95 % interval 1.5 to 2.5); also a.",
        "2 hurt: most of all d, by 4.0 points (95 % interval 3.5 to 4.5); also c.",
        "1 makes no difference that matters (less than 0.5 points): e.",
        "1 is undecided: f.",
    ]
    assert summary("equivalent", "equivalent", "undecided", "undecided", "identical", "identical") == [
        "Of 6 arms, 2 make no difference that matters (less than 0.5 points): a, b.",
        "2 are undecided: c, d.",
        "2 are identical to the control: e, f.",
        "Nothing was found to help.",
    ]
    assert summary("undecided", "undecided", needed=[np.inf, 31.4])[1:] == [
        "Nothing was found to help.",
        "About 31 draws in all would decide b; a needs more images.",
    ]
    assert summary(*["undecided"] * 3, needed=[np.inf, 31.4, np.inf])[-1] == (
        "About 31 draws in all would decide b; a, c need more images."
    )
    assert summary("undecided", "undecided", needed=[50.0, 31.4])[-1] == "About 31 draws in all would decide b."
    assert (
        summary("undecided", "undecided", needed=np.inf)[-1]
        == "More draws would not decide them, only more images can."
    )
    assert summary("undecided", needed=np.inf)[-1] == "More draws would not decide it, only more images can."
    assert summary("helps", "undecided", needed=20.0)[-1] == "1 is undecided: b."
    assert summary("helps", "undecided", wide=0.5)[-1] == (
        "b has an interval that leaves out 0, but p, adjusted for all 2 comparisons, is not below 5 %."
    )
    assert summary("undecided", "undecided", "undecided", wide=1.5)[-1] == (
        "b, c have intervals that leave out 0, but p, adjusted for all 3 comparisons, is not below 5 %."
    )
    assert summary("undecided", wide=0.5)[-1] == "a has an interval that leaves out 0, but p is not below 5 %."
    assert summary(*["undecided"] * 8)[0] == "Of 8 arms, 8 are undecided: a, b, c, d, and 4 more."


# --- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"data": np.zeros((9, 8, 8))}, TypeError, "data must be an augmentlab Dataset; got ndarray: make one with Da"),
        ({"data": "photos"}, TypeError, r"got str: .* or data.from_folder\(path\)$"),
        ({"model": Ridge()}, TypeError, "model must be a classifier"),
        ({"arms": []}, ValueError, "arms must hold at least one transform; got none"),
        ({"arms": [Rotate(angle=5), Rotate(angle=5)]}, ValueError, "arms must differ"),
        ({"draws": 1}, ValueError, "draws must be an int >= 2; got 1"),
        ({"draws": 2.5}, TypeError, "draws must be an int >= 2; got 2.5"),
        ({"copies": 0}, ValueError, "copies must be an int >= 1; got 0"),
        ({"copies": True}, TypeError, "copies must be an int >= 1; got True"),
        ({"seed": -1}, ValueError, "seed must be an int >= 0; got -1"),
        (
            {"train_size": 121},
            ValueError,
            r"train_size must be in \[2, 120\], from one image a class to the whole pool",
        ),
        ({"train_size": 1}, ValueError, r"train_size must be in \[2, 120\]"),
        ({"train_size": "all"}, TypeError, "train_size must be an int >= 1; got 'all'"),
        ({"rope": -1}, ValueError, r"rope must be a number of points in \[0, 100\); got -1"),
        ({"rope": "no"}, ValueError, r"rope must be a number of points in \[0, 100\); got 'no'"),
        ({"validation": "a"}, TypeError, "validation must be a share between 0 and 1; got 'a'"),
        ({"test": None}, TypeError, "test must be a share between 0 and 1; got None"),
        ({"storage": 5}, TypeError, "storage must be a path, as str or os.PathLike; got 5"),
        ({"storage": None}, TypeError, "storage must be a path, as str or os.PathLike; got None"),
        ({"preprocess": 4}, TypeError, "preprocess must be a Transform; got 4"),
        (
            {"preprocess": Standardize()},
            ValueError,
            r"preprocess must keep images in \[0, 1\], since the arms come after",
        ),
        ({"preprocess": HorizontalFlip(p=0.5)}, ValueError, "preprocess must be the same for every image"),
        ({"validation": 1.5}, ValueError, "validation must be a share between 0 and 1; got 1.5"),
        (
            {"arms": {"a": Invert(), "b": Compose((Invert(), Resize(height=4, width=4)))}},
            ValueError,
            "arms must have the same preprocessing steps; 'a' has .* and 'b' has .*: give them as preprocess=",
        ),
    ],
)
def test_arguments_that_will_not_do(changes, error, message):
    with pytest.raises(error, match=message):
        study(**changes)


@pytest.mark.parametrize(
    ("idle", "code"),
    [
        (CoarseDropout(), "CoarseDropout()"),
        (Rotate(angle=20, p=0), "Rotate(angle=20.0, p=0.0)"),
        (Compose((Rotate(angle=20, p=0), Invert(p=0))), "Compose([Rotate(angle=20.0, p=0.0), Invert(p=0.0)])"),
    ],
)
def test_an_arm_that_does_nothing_is_named(idle, code):
    with pytest.warns(UserWarning, match="arms should") as caught:
        study({"shift": SHIFT, "erase": idle})
    said = f"arms should change images; 'erase' does nothing that the control does not: {code}"
    assert [(str(one.message), one.filename) for one in caught] == [(said, __file__)]


def test_preprocessing_alone_does_nothing_more_than_the_control():
    size = Resize(height=4, width=4)
    with pytest.warns(UserWarning, match="'size' does nothing that"):
        study({"shift": Compose((SHIFT, size)), "size": size})


def test_a_level_of_nothing_is_asked_for():
    study([Arm(label="0", transform=Rotate(), point=(("Rotate.angle", 0.0),))])  # any warning is an error here
    with pytest.warns(UserWarning, match="'erase' does nothing that"):
        study(combinations({"erase": CoarseDropout()}))


def test_numbers_of_numpy_are_numbers(tmp_path):
    whole = {"draws": 2, "train_size": 12, "copies": 2, "seed": 3}
    shares = {"validation": 0.25, "test": 0.5, "rope": 1.5}
    theirs = {name: np.int64(value) for name, value in whole.items()}
    theirs |= {name: np.float32(value) for name, value in shares.items()}
    one = study({"shift": SHIFT}, **whole, **shares, storage=tmp_path / "study.db").run(np.int64(1), progress=False)
    same = study({"shift": SHIFT}, **theirs, storage=tmp_path / "study.db")
    assert same._key == one._key
    assert same.compare().equals(one.compare())


def test_a_small_class_is_named_and_not_taken_for_a_measurement():
    few = Dataset(DATA.images[:5], list("aabbc"))
    with pytest.raises(ValueError, match="class 'a' has 2 images; a study needs at least 3 of each class"):
        study(data=few)
    names = Dataset(DATA.images[:40], [f"cat {number}" for number in range(30)] + ["dog"] * 10)
    with pytest.raises(ValueError, match="class 'cat 0' has 1 image; a study needs at least 3 of each class"):
        study(data=names)
    with pytest.raises(ValueError, match="labels must be classes; got 21 different values for 21 images"):
        study(data=Dataset(DATA.images[:21], np.arange(21) * 1.5))


def test_the_pool_is_what_statistics_may_be_computed_from():
    one = study({"shift": SHIFT}, preprocess=Resize(height=4, width=4))
    pool = one.pool
    assert isinstance(pool, Dataset)
    assert pool.name == "bars"
    assert pool.classes == DATA.classes
    np.testing.assert_array_equal(pool.labels, DATA.labels[one._split.pool])
    expected = [Resize(height=4, width=4)(DATA.images[place]) for place in one._split.pool]
    np.testing.assert_array_equal(np.stack(list(pool.images)), expected)
    fitted = Standardize.fit(study({"shift": SHIFT}).pool.images)
    assert study({"shift": Compose((SHIFT, fitted))}, draws=2).run(progress=False).n_complete == 4


def test_a_stored_study_has_no_pool(tmp_path):
    study({"shift": SHIFT}, storage=tmp_path / "study.db", draws=2).run(progress=False)
    with pytest.raises(RuntimeError, match="a loaded study has no data to take the pool from; make it with Study"):
        _ = Study.open(tmp_path / "study.db").pool


def test_data_that_will_not_do():
    images = np.zeros((40, 8, 8), np.uint8)
    with pytest.raises(ValueError, match="labels must be classes; got 40 different values for 40 images, which looks"):
        study(data=Dataset(images, np.linspace(0, 1, 40)))
    with pytest.raises(ValueError, match="class 'rare' has 1 image; a study needs at least 3 of each class"):
        study(data=Dataset(images, ["common"] * 39 + ["rare"]))


def test_a_storage_that_will_not_do_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(FileNotFoundError, match="storage must be a file in an existing folder; there is no folder"):
        study(storage=tmp_path / "no" / "study.db")
    (tmp_path / "notes.txt").write_text("some text that is not a database at all, at some length" * 5)
    with pytest.raises(ValueError, match="storage must be a file of augmentlab studies"):
        study(storage=tmp_path / "notes.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
    study(storage=tmp_path / "study.db")
    assert not (tmp_path / "study.db").exists()


def test_images_of_mixed_dtypes_are_refused_since_their_ranges_differ():
    images = [np.zeros((8, 8), np.uint8 if index % 2 else np.float32) for index in range(40)]
    with pytest.raises(TypeError, match="images must have one dtype for a model; got float32 and uint8: convert them"):
        study({"flip": HorizontalFlip()}, data=Dataset(images, np.arange(40) // 20))


def test_a_stop_ends_the_run_that_is_about_to_begin_and_no_later_one():
    one = study()
    one.stop()
    assert one.run(progress=False).interrupted
    assert one.n_complete == 0
    assert not one.run(progress=False).interrupted
    assert one.n_complete == one.n_trials


def test_a_relative_path_is_the_same_file_wherever_the_process_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = study(storage="study.db", draws=2).run(progress=False)
    loaded = Study.open("study.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert one.n_complete == loaded.n_complete == 8
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_cell_of_which_another_process_holds_a_part_is_computed_in_full(tmp_path):
    one = study(storage=tmp_path / "study.db", draws=2)
    cell = one._cell(-1, 0, targets={"": None, "turned": Compose((Rotate(angle=180),))})
    first, second = (target.key for target in cell.targets)
    with Storage(tmp_path / "study.db", write=True) as other:
        assert other.claim(first)  # another process computes the plain trial, and knows of no other target

        def finish():
            time.sleep(0.5)
            plain = one._cell(-1, 0)
            other_study = study(storage=":memory:", draws=2)
            with Storage(tmp_path / "study.db", write=True) as store:
                store.save_trials(runner.run_cell(other_study._work("validation", (12,), 2), plain))

        thread = threading.Thread(target=finish)
        thread.start()
        trials = one._trials_of([cell], "a test", progress=False)
        thread.join()
    assert {first, second} <= set(trials)


def test_what_a_search_stopped_is_known_to_every_study_of_its_trials(tmp_path):
    arms = {"shift": SHIFT, "flip": MIRRORED, "invert": Invert(), "turn": Rotate(angle=180)}
    path = tmp_path / "study.db"
    one = study(arms, storage=path, draws=8).run(search="halving", progress=False)
    other = study(arms, storage=path, draws=8, rope=2.0)
    for each in (one, other, Study.open(path)):
        with pytest.warns(UserWarning, match="were stopped early by the search 'halving'"):
            note = each.compare().attrs["note"]
        assert "trials are missing" not in note


def test_more_draws_are_not_finished_because_fewer_were(tmp_path):
    arms = {"flip": MIRRORED, "invert": Invert()}
    study(arms, storage=tmp_path / "study.db", draws=3).run(progress=False)
    more = study(arms, storage=tmp_path / "study.db", draws=6)
    assert not more.finished
    with pytest.raises(RuntimeError, match="9 of 18 trials are not run yet"):
        more.confirm("flip", progress=False)
    assert more.openings().empty


class Killed(BaseException):
    """What ends a process without a word."""


def test_what_was_stopped_is_told_after_a_kill_and_after_another_search(tmp_path, monkeypatch):
    arms = {"shift": SHIFT, "flip": MIRRORED, "invert": Invert(), "turn": Rotate(angle=180)}
    one = study(arms, storage=tmp_path / "study.db", draws=8)
    with monkeypatch.context() as patch:
        interrupted_after(patch, 22, Killed)
        with pytest.raises(Killed):
            one.run(search="halving", progress=False, n_jobs=1)
    assert not one.finished
    with pytest.warns(UserWarning, match="were stopped early by the search 'halving'.*confirm"):
        Study.open(tmp_path / "study.db").compare()
    with monkeypatch.context() as patch:
        interrupted_after(patch, 2)
        one.run(search="grid", progress=False, n_jobs=1)
    with pytest.warns(UserWarning, match="stopped early by the search 'halving'"):
        one.compare()
    one.run(progress=False)
    assert one.compare().attrs["note"] == ""


def test_an_interrupted_preview_is_no_preview(monkeypatch):
    one = study()
    with monkeypatch.context() as patch:
        interrupted_after(patch, 1)
        with pytest.raises(RuntimeError, match="the preview is not finished; call it again to go on"):
            one.preview(progress=False)
    assert one.preview(progress=False)["trials"].sum() == 13


def test_an_interrupt_while_a_search_thinks_is_an_interrupt(monkeypatch, capsys):
    def plan(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("augmentlab.study.search.Grid.plan", plan)
    assert study().run(progress=False).interrupted
    assert "Interrupted: 0 of 16 trials are kept" in capsys.readouterr().err


def test_searches_in_small_batches_start_workers_for_all_that_is_left(monkeypatch):
    told = []

    class Noted(Execution):
        def results(self, cells, *, left):
            told.append(left)
            yield from super().results(cells, left=left)

    monkeypatch.setattr("augmentlab.study.study.Execution", Noted)
    study(draws=8).run(1, search="race", progress=False)
    assert len(told) > 2
    assert told[1] > 4 * 1  # more than the four cells of the round


def test_minus_one_is_all_cores(monkeypatch):
    given = []

    class Noted(Execution):
        def __init__(self, *arguments, workers, **options):
            given.append(workers)
            super().__init__(*arguments, workers=1, **options)

    monkeypatch.setattr("augmentlab.study.study.Execution", Noted)
    for n_jobs in (-1, None, 3):
        study({"invert": Invert()}, draws=2).run(n_jobs, progress=False)
    assert given == [joblib.cpu_count(), joblib.cpu_count(), 3]


def test_n_jobs_is_checked():
    with pytest.raises(ValueError, match="n_jobs must be an int >= 1; got 0"):
        study().run(n_jobs=0)


def test_nothing_is_shown_when_all_is_well(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study(draws=2).run(progress=False).compare()
    assert capfd.readouterr() == ("", "")


def test_the_progress_bar_counts_what_was_there_before(tmp_path, capsys):
    path = tmp_path / "study.db"
    study(storage=path, draws=2).run(progress=False)
    study(storage=path, draws=4).run()
    assert "16/16" in capsys.readouterr().err


def test_a_study_whose_place_is_gone_still_has_its_images(tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    one = Study(data.digits(), models.knn(), {"dark": Invert()}, storage=folder / "study.db", draws=2)
    folder.rmdir()
    assert len(one.pool)
    assert len(one.validation)


@pytest.mark.parametrize("setting", [{"draws": 600_000}, {"copies": 2**70}])
def test_what_could_not_be_read_back_is_refused_before_it_is_stored(setting):
    with pytest.raises(ValueError, match=f"a study must be .* {next(iter(setting.values()))}$"):
        Study(
            data.digits(), models.knn(), {"dark": Invert()}, storage=":memory:", trivial=False, **{"draws": 2} | setting
        )

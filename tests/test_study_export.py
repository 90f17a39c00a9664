"""A study in the forms of others says what it says itself."""

import json
import shutil
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from bars import bars

from augmentlab import (
    Affine,
    Compose,
    HorizontalFlip,
    Invert,
    PixelTransform,
    VerticalFlip,
    from_dict,
    models,
    study,
    uniform,
)
from augmentlab.study import Arm, Study, export
from augmentlab.study.storage import Storage

STEPS = {"shift": Affine(translate_x=uniform(-0.5, 0.5), border="wrap"), "flip": HorizontalFlip(p=0.5)}


def made(arms, **changes):
    settings = {"draws": 3, "train_size": 12, "copies": 2, "storage": ":memory:"} | changes
    return Study(bars(), models.knn(), arms, **settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    one = made(study.combinations(STEPS), storage=tmp_path_factory.mktemp("study") / "study.db").run(progress=False)
    one.confirm("shift", progress=False)
    return one


@pytest.fixture(scope="module")
def broken():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # which says so
        return made({"broken": Broken(), "shift": STEPS["shift"]}, trivial=False).run(progress=False)


@dataclass(frozen=True, kw_only=True, repr=False)
class Broken(PixelTransform):
    """Raise for every image."""

    def apply_image(self, image):  # noqa: ARG002
        raise RuntimeError("no luck")


# --- tables ----------------------------------------------------------------------------------------------------------


def test_the_frame_has_one_row_a_trial_with_its_levels(finished):
    frame = finished.to_frame()
    fixed = ["arm", "role", "draw", "part", "state", "value", "seconds", "started", "message", "traceback", "code"]
    assert list(frame.columns) == [*fixed, "shift", "flip"]
    assert len(frame) == 5 * 3 + 2 * 3
    assert frame["part"].value_counts().to_dict() == {"validation": 15, "test": 6}
    assert str(frame["started"].dtype).endswith("UTC]")
    levels = frame.drop_duplicates("arm").set_index("arm")[["shift", "flip"]]
    assert levels.loc["shift"].tolist() == [True, False]
    assert levels.loc["shift + flip"].tolist() == [True, True]
    assert levels.loc[["control", "TrivialAugment"]].isna().all(axis=None)
    assert set(frame.loc[frame["role"] == "control", "arm"]) == {"control", "TrivialAugment"}


def test_the_frame_agrees_with_the_comparison(finished):
    frame, table = finished.to_frame(), finished.compare().set_index("arm")
    means = frame[frame["part"] == "validation"].groupby("arm")["value"].mean()
    assert means["control"] == pytest.approx(table.attrs["control_mean"])
    for arm in table.index:
        assert means[arm] == pytest.approx(table.loc[arm, "mean"])


def test_a_loaded_study_gives_the_same(finished):
    loaded = Study.open(finished._storage)
    pd.testing.assert_frame_equal(loaded.to_frame(), finished.to_frame())
    assert pd.DataFrame(loaded.cv_results_).equals(pd.DataFrame(finished.cv_results_))


def test_the_trials_dataframe_has_the_same_rows_under_optunas_names(finished):
    frame, trials = finished.to_frame(), finished.trials_dataframe()
    assert trials["number"].is_unique
    assert trials["params_arm"].tolist() == frame["arm"].tolist()
    assert trials["datetime_start"].tolist() == frame["started"].tolist()
    assert trials["number"].tolist()[:6] == [0, 1, 2, 3, 4, 5]
    assert trials["number"].min() == 0
    assert (trials.loc[trials["part"] == "test", "number"] >= finished.n_trials).all()


def test_before_anything_is_run_tables_are_empty_with_all_columns():
    one = made(study.combinations(STEPS))
    assert one.to_frame().empty
    assert list(one.to_frame().columns)[-2:] == ["shift", "flip"]
    assert one.trials_dataframe().empty
    assert one.openings().empty
    assert np.isnan(one.cv_results_["mean_test_score"]).all()


def test_a_factor_that_is_called_as_a_column_gets_a_suffix():
    point = (("p", 0.5), ("seconds", 3), ("seconds_factor", "a"), ("angle", 4.0))
    one = made([Arm(label="shift", transform=STEPS["shift"], point=point)], draws=2).run(progress=False)
    frame = one.to_frame()
    names = ["p_factor", "seconds_factor_factor", "seconds_factor", "angle"]
    assert list(frame.columns)[-4:] == names
    assert frame.loc[frame["arm"] == "shift", names].iloc[0].tolist() == [0.5, 3, "a", 4.0]


def test_a_failed_trial_is_a_row_with_its_error(broken):
    frame = broken.to_frame()
    failed = frame[frame["arm"] == "broken"]
    assert (failed["state"] == "failed").all()
    assert failed["value"].isna().all()
    assert failed["message"].str.contains("no luck").all()


def test_cv_results_are_those_of_the_trials(finished):
    found, frame = finished.cv_results_, finished.to_frame()
    assert found["arm"].tolist() == ["control", "shift", "flip", "shift + flip", "TrivialAugment"]
    for place, arm in enumerate(found["arm"]):
        rows = frame[(frame["arm"] == arm) & (frame["part"] == "validation")].sort_values("draw")
        splits = [found[f"split{draw}_test_score"][place] for draw in range(3)]
        assert splits == rows["value"].tolist()
        assert found["mean_test_score"][place] == pytest.approx(np.mean(splits))
        assert found["std_test_score"][place] == pytest.approx(np.std(splits))
        assert found["mean_fit_time"][place] == pytest.approx(rows["seconds"].mean())
    assert found["rank_test_score"][np.argmax(found["mean_test_score"])] == 1
    assert found["params"][1] == {"shift": True, "flip": False}
    assert found["param_shift"].mask.tolist() == [True, False, False, False, True]
    assert len(pd.DataFrame(found)) == 5


def test_an_arm_that_failed_has_the_last_rank(broken):
    found = broken.cv_results_
    place = found["arm"].tolist().index("broken")
    assert np.isnan(found["mean_test_score"][place])
    assert found["rank_test_score"][place] == 3
    assert "param_shift" not in found


def test_openings_name_who_opened_the_locked_test(finished):
    opened = finished.openings()
    assert opened[["study", "arm"]].to_numpy().tolist() == [["bars", "shift"]]
    assert str(opened["opened"].dtype).endswith("UTC]")


def test_as_stored_computes_nothing(finished):
    stored = finished.as_stored()
    with pytest.raises(RuntimeError, match="a loaded study has no data to compute the label check with"):
        stored.label_safety()
    assert stored.compare().equals(finished.compare())
    assert finished.data is not None
    assert finished.pool


def test_all_studies_of_a_file_are_opened_the_last_first(tmp_path):
    for name in ("first", "second"):
        made({"shift": STEPS["shift"]}, name=name, draws=2, storage=tmp_path / "study.db").run(progress=False)
    assert [one.name for one in Study.open_all(tmp_path / "study.db")] == ["second", "first"]


# --- JSON Lines ------------------------------------------------------------------------------------------------------


def test_lines_hold_what_everything_can_be_computed_from(finished, tmp_path):
    path = finished.to_jsonl(tmp_path / "study.jsonl")
    head, *lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert (head["type"], head["schema_version"], head["name"]) == ("study", export.SCHEMA_VERSION, "bars")
    assert [one["arm"] for one in head["openings"]] == ["shift"]
    assert [from_dict(arm["transform"]) for arm in head["spec"]["arms"][:3]] == [arm.transform for arm in finished.arms]
    frame = finished.to_frame()
    assert len(lines) == len(frame)
    for line, (_, row) in zip(lines, frame.iterrows(), strict=True):
        assert (line["arm"], line["draw"], line["part"]) == (row["arm"], row["draw"], row["part"])
        hits = np.array([int(digit) for digit in line["hits"]])
        assert line["value"] == hits.mean() == row["value"]
        assert (hits == (np.array(line["predictions"]) == head["spec"]["labels"][line["part"]])).all()
        assert pd.Timestamp(line["started"]) == row["started"]
    assert lines[1]["levels"] == {"shift": True, "flip": False}


def test_lines_of_failed_trials_hold_null(broken, tmp_path):
    text = broken.to_jsonl(tmp_path / "study.jsonl").read_text(encoding="utf-8")
    assert "NaN" not in text
    line = next(one for one in map(json.loads, text.splitlines()[1:]) if one["state"] == "failed")
    assert [line[key] for key in ("value", "hits", "predictions", "scores", "loss")] == [None] * 5
    assert "no luck" in line["message"]


def test_lines_are_written_whole_or_not_at_all(finished, tmp_path):
    with pytest.raises(FileNotFoundError, match="path must lie in a folder that is there"):
        finished.to_jsonl(tmp_path / "nowhere" / "study.jsonl")
    finished.to_jsonl(tmp_path / "study.jsonl")
    finished.to_jsonl(tmp_path / "study.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["study.jsonl"]


# --- other trackers --------------------------------------------------------------------------------------------------


def test_optuna_gets_one_trial_an_arm(finished):
    optuna = pytest.importorskip("optuna")
    there = finished.to_optuna()
    table = finished.compare().set_index("arm")
    assert [trial.user_attrs["arm"] for trial in there.trials] == ["shift", "flip", "shift + flip"]
    for trial in there.trials:
        row = table.loc[trial.user_attrs["arm"]]
        assert trial.state == optuna.trial.TrialState.COMPLETE
        assert trial.value == pytest.approx(row["difference"])
        assert np.mean(list(trial.intermediate_values.values())) == pytest.approx(trial.value)
        assert trial.user_attrs["verdict"] == row["verdict"]
        assert trial.datetime_complete > trial.datetime_start
    assert there.best_trial.params == {"shift": True, "flip": False}
    assert there.best_trial.distributions["shift"].choices == (True, False)
    assert there.user_attrs["control_mean"] == pytest.approx(table.attrs["control_mean"])
    assert [one["arm"] for one in there.user_attrs["controls"]] == ["TrivialAugment"]


@pytest.mark.slow
def test_exporting_to_optuna_again_replaces_and_never_takes_another_study(finished, tmp_path):
    optuna = pytest.importorskip("optuna")
    storage = optuna.storages.InMemoryStorage()
    finished.to_optuna(storage)
    assert len(finished.to_optuna(storage).trials) == 3
    assert len(optuna.get_all_study_summaries(storage)) == 1
    optuna.create_study(study_name="mine", storage=storage)
    with pytest.raises(ValueError, match=r"name must be free in the storage .* 'mine' is another study"):
        finished.to_optuna(storage, name="mine")
    assert finished.to_optuna(storage, name="free").study_name == "free"


@pytest.mark.filterwarnings("ignore")  # of MLflow's libraries
@pytest.mark.parametrize("export", ["to_optuna", "to_mlflow"])
def test_a_file_of_studies_into_which_another_library_wrote_still_opens(finished, tmp_path, monkeypatch, export):
    monkeypatch.chdir(tmp_path)  # artifacts go there
    pytest.importorskip(export.removeprefix("to_"))
    path = tmp_path / "study.db"
    shutil.copyfile(finished._storage, path)
    study = Study.open(path)
    getattr(study, export)(**{"storage" if export == "to_optuna" else "tracking_uri": f"sqlite:///{path}"})
    assert Study.open(path).summary() == finished.summary()
    with Storage(path, write=True) as store:
        assert store.claim("k")


def test_optuna_is_told_of_arms_without_a_point_and_of_failed_ones(broken):
    optuna = pytest.importorskip("optuna")
    failed, complete = broken.to_optuna().trials
    assert (failed.state, complete.state) == (optuna.trial.TrialState.FAIL, optuna.trial.TrialState.COMPLETE)
    assert (failed.value, failed.params, complete.params) == (None, {"arm": "broken"}, {"arm": "shift"})


def test_an_arm_that_was_stopped_early_is_pruned():
    optuna = pytest.importorskip("optuna")
    arms = {
        "shift": STEPS["shift"],
        "invert": Invert(),
        "flip": VerticalFlip(),
        "both": Compose((Invert(), VerticalFlip())),
    }
    one = made(arms, draws=8, trivial=False)
    one.run(search="halving", progress=False)
    draws = one.compare(warn=False).set_index("arm")["draws"]
    assert draws.min() < 8 == draws.max()
    for trial in one.to_optuna().trials:
        pruned = draws[trial.user_attrs["arm"]] < 8
        assert trial.state == (optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE)
        assert len(trial.intermediate_values) == draws[trial.user_attrs["arm"]]
        assert bool(trial.user_attrs["stopped"]) == pruned


@pytest.mark.parametrize("method", ["to_optuna", "to_mlflow"])
def test_what_a_tracker_needs_is_said_in_one_sentence(finished, method, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda _: None)
    extra = method.removeprefix("to_")
    with pytest.raises(ModuleNotFoundError, match=rf'{method} needs .* pip install "augmentlab\[{extra}\]"'):
        getattr(finished, method)()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_mlflow_gets_one_run_an_arm_and_control(finished, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)  # artifacts go beside it
    place = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(tracking_uri=place)
    other = client.create_run(client.create_experiment("bars"), run_name="another's").info.run_id
    finished.to_mlflow(tracking_uri=place)
    runs = finished.to_mlflow(tracking_uri=place)  # in place of those before
    experiment = client.get_experiment_by_name("bars").experiment_id
    assert {run.info.run_id for run in client.search_runs([experiment])} == {*runs, other}
    found = {run.info.run_name: run for run in map(client.get_run, runs)}
    assert list(found) == ["control", "shift", "flip", "shift + flip", "TrivialAugment"]
    table, values = finished.compare().set_index("arm"), finished.cv_results_
    run = found["shift"]
    assert run.info.status == "FINISHED"
    assert (run.data.params["shift"], run.data.params["copies"]) == ("True", "2")
    assert run.data.tags["augmentlab.verdict"] == table.loc["shift", "verdict"]
    assert run.data.metrics["mean"] == pytest.approx(table.loc["shift", "mean"])
    steps = {one.step: one.value for one in client.get_metric_history(run.info.run_id, "accuracy")}
    assert steps == {draw: values[f"split{draw}_test_score"][1] for draw in range(3)}
    gains = [one.value for one in client.get_metric_history(run.info.run_id, "difference")]
    assert np.mean(gains) == pytest.approx(table.loc["shift", "difference"])
    document = json.loads((tmp_path / client.download_artifacts(run.info.run_id, "pipeline.json")).read_text())
    assert from_dict(document) == STEPS["shift"]


def test_names_for_mlflow_are_those_that_it_takes():
    assert export._plain("Rotate[1].angle") == "Rotate_1_.angle"
    assert export._text("a" * 9000) == f"{'a' * 4999}…"


def test_an_export_that_comes_too_early_leaves_the_name_free():
    optuna = pytest.importorskip("optuna")
    storage = optuna.storages.InMemoryStorage()
    one = made({"shift": STEPS["shift"]}, trivial=False)
    with pytest.raises(RuntimeError, match="no complete trial of the control"):
        one.to_optuna(storage)
    assert len(one.run(progress=False).to_optuna(storage).trials) == 1

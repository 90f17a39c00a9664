"""The view of a study without a browser: it follows the study, runs and stops it, filters, and leaves no thread behind."""

import math
import threading
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from bars import bars
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from augmentlab import Affine, Compose, HorizontalFlip, Invert, PixelTransform, StudyView, models, uniform
from augmentlab.plots import VERDICT_STYLE
from augmentlab.plots.frames import Unit
from augmentlab.study import Study, combinations
from augmentlab.widgets import studypictures, studyrows, studyview
from augmentlab.widgets.studyrows import Candidate, Row, Standing
from augmentlab.widgets.watch import Pace, Watcher

SHIFT = Affine(translate_x=uniform(-0.5, 0.5), border="wrap")
UNIT = Unit("accuracy", "points")


DATA = bars()


def made(arms=None, **changes):
    arms = {"shift": SHIFT, "flip": HorizontalFlip()} if arms is None else arms
    settings = {"draws": 3, "train_size": 12, "copies": 2, "storage": ":memory:", "trivial": False} | changes
    return Study(DATA, settings.pop("model", models.knn()), arms, **settings)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("augmentlab-")]
        if not left:
            return
        time.sleep(0.01)
    pytest.fail(f"threads are left: {left}")


@pytest.fixture(scope="module")
def finished():
    return made().run(n_jobs=1, progress=False)


@dataclass(frozen=True, kw_only=True, repr=False)
class Broken(PixelTransform):
    """Raise for every image."""

    def apply_image(self, image):
        raise RuntimeError(f"no luck with {image.shape}")


@dataclass(frozen=True, kw_only=True, repr=False)
class Gate(PixelTransform):
    """Wait until the test says so."""

    def apply_image(self, image):
        GATE.wait(20)
        return image


GATE = threading.Event()


def row(view, label):
    return next(row for row in view.rows if row["label"] == label)


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- it follows the study --------------------------------------------------------------------------------------------


def test_a_finished_study_is_shown_with_the_numbers_of_its_comparison(finished):
    view = StudyView(finished)
    view.refresh()
    table = finished.compare().set_index("arm")
    assert view.shown == list(table.index)
    for label, numbers in table.iterrows():
        shown = row(view, label)
        assert (shown["difference"], shown["low"], shown["high"]) == tuple(numbers[["difference", "low", "high"]])
        assert shown["verdict"] == numbers["verdict"]
        assert shown["words"]["difference"] == UNIT.change(numbers["difference"])
        assert shown["words"]["draws"] == "3/3"
    assert row(view, "control")["words"]["mean"] == UNIT.mean(
        table.attrs.get("control_mean", finished.compare().attrs["control_mean"])
    )
    assert view.order[-1] == len(view.rows) - 1  # the control is the last
    assert view.words == finished.summary()
    assert view.status["words"] == "Finished: 9 of 9 trials"
    assert view.status["action"] == ""
    assert view.about["verdicts"] == VERDICT_STYLE
    low, high = view.axis["low"], view.axis["high"]
    assert all(low <= value <= high for one in view.rows for value in (one["low"], one["high"]) if value is not None)


def test_arms_are_there_before_any_trial_and_fill_while_it_runs(monkeypatch):
    monkeypatch.setattr(studyview, "_LOOK_S", 0.02)
    GATE.clear()
    view = StudyView(made({"flip": HorizontalFlip(), "gate": Gate()}))
    view.refresh()
    assert view.shown == ["flip", "gate"]
    assert (view.status["words"], view.status["action"]) == ("Not started: 0 of 9 trials", "start")
    assert all(one["verdict"] == "" for one in view.rows)
    assert view.run(n_jobs=1) is view
    until(lambda: view.status["words"].startswith("Running: 2 of 9 trials"))
    until(lambda: row(view, "flip")["draws"] == 1)
    assert view.status["action"] == "stop"
    assert row(view, "gate")["draws"] == 0
    with pytest.raises(RuntimeError, match="this study is running already; stop it first"):
        view.run()
    GATE.set()
    view.wait()
    assert view.status["words"] == "Finished: 9 of 9 trials"
    assert row(view, "gate")["verdict"] == "identical"


def test_it_stops_keeps_what_is_finished_and_goes_on(capsys):
    GATE.clear()
    study = made({"gate": Gate()})
    view, other = StudyView(study), StudyView(study)
    view.run(n_jobs=1)
    until(lambda: study.n_complete == 1)
    other._on_message({"stop": True})  # whichever view it is
    GATE.set()
    until(lambda: view._task is None, seconds=5)  # two seconds where nothing else runs
    view.wait()
    kept = study.n_complete
    assert 1 <= kept < 6
    assert view.status["words"] == f"Not finished: {kept} of 6 trials"
    assert view.status["action"] == "resume"
    view._on_message({"run": True})  # with the options given before
    view.wait()
    assert view.status["words"] == "Finished: 6 of 6 trials"
    other.refresh()
    assert other.status == view.status
    assert "Interrupted" in capsys.readouterr().err


def test_a_stop_that_comes_before_the_run_has_begun_counts(capsys):
    GATE.clear()
    view = StudyView(made({"gate": Gate()}))
    view.run(n_jobs=1)
    view.stop()
    GATE.set()
    view.wait()
    assert not view.status["finished"]
    assert view.study.n_complete < 6
    capsys.readouterr()


class Leaving(models.HOG):
    """End the thread that trains it."""

    learns_nothing = False

    def fit(self, images, y=None):  # noqa: ARG002
        raise SystemExit("gone")


def test_a_model_that_ends_its_thread_does_not_leave_the_study_running_for_ever(monkeypatch):
    monkeypatch.setattr(studyview, "_LOOK_S", 0.02)
    view = StudyView(made({"flip": HorizontalFlip()}, model=make_pipeline(Leaving(), KNeighborsClassifier())))
    view.run(n_jobs=1)
    with pytest.raises(SystemExit, match="gone"):
        view.wait()
    assert not view.status["busy"]
    assert view.status["action"] == "start"


def test_what_another_process_stores_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(studyview, "_LOOK_S", 0.02)
    path = tmp_path / "study.db"
    mine = made(storage=path)
    view = StudyView(mine)
    view._on_message({"seen": "page", "now": True})
    made(storage=path).run(n_jobs=1, progress=False)
    until(lambda: view.status["done"] == 9)
    until(lambda: row(view, "shift")["draws"] == 3)
    view._on_message({"seen": "page", "now": False})
    view.close()


def test_what_is_not_seen_is_not_looked_at():
    view = StudyView(made())
    view._on_message({"seen": "page", "now": True})
    assert view._watcher._thread is not None
    view._on_message({"seen": "page", "now": False})
    view._watcher.join(5)
    assert view._watcher._thread is None


def test_a_failed_trial_shows_its_traceback_and_the_rest_goes_on():
    view = StudyView(made({"broken": Broken(), "flip": HorizontalFlip()})).run(n_jobs=1)
    view.wait()
    assert view.status["words"] == "Finished: 6 of 9 trials, 3 failed"
    assert view.status["action"] == "retry"
    assert row(view, "flip")["draws"] == 3
    assert (row(view, "broken")["failed"], row(view, "broken")["verdict"]) == (3, "")
    first = view.failures["shown"][0]
    assert (first["arm"], first["draw"]) == ("broken", 0)
    assert first["message"].startswith("RuntimeError: no luck with")
    assert "in apply_image" in first["traceback"]
    assert "broken failed in every draw" in view.words
    view.chosen = "broken"
    view.refresh()
    assert view.pictures["error"].startswith("RuntimeError: no luck with")
    assert view.detail["draws"][0]["arm"] == "failed"


def test_what_a_run_raises_is_shown_and_raised_by_wait():
    view = StudyView(made()).run(n_jobs=0)
    with pytest.raises(ValueError, match="n_jobs must be"):
        view.wait()
    assert "n_jobs must be" in view.error
    view.run(n_jobs=1).wait()
    assert view.error == ""


def test_a_look_that_fails_says_so_and_the_next_one_mends_it(monkeypatch, finished):
    view = StudyView(finished)
    with monkeypatch.context() as patch:
        patch.setattr(Study, "compare", lambda *_, **__: math.sqrt(-1))
        view._look()
        assert view.error == "ValueError: math domain error"
    view._look()
    assert view.error == ""
    assert row(view, "shift")["draws"] == 3


# --- an arm ----------------------------------------------------------------------------------------------------------


def test_a_chosen_arm_shows_code_pictures_and_numbers(finished):
    view = StudyView(finished)
    view.refresh()
    view._on_message({"choose": "flip"})
    assert (view.detail["label"], view.detail["code"]) == ("flip", "HorizontalFlip()")  # before any look
    view.refresh()
    trials = finished.trials_dataframe().set_index(["params_arm", "params_draw"])["value"]
    assert [line["arm"] for line in view.detail["draws"]] == [UNIT.mean(trials["flip", draw]) for draw in range(3)]
    assert [line["difference"] for line in view.detail["draws"]] == [
        UNIT.change(100 * (trials["flip", draw] - trials["control", draw])) for draw in range(3)
    ]
    assert view.pictures["grid"].startswith("data:image/jpeg;base64,")
    assert len(view.pictures["hardest"]) == 12
    assert {one["truth"] for one in view.pictures["hardest"]} <= {"light left", "light right"}
    shares = [int(one["share"].split()[2]) for one in view.pictures["hardest"]]
    assert shares == sorted(shares, reverse=True)
    view._on_message({"choose": ""})
    view.refresh()
    assert view.detail == {} == view.pictures


def test_the_control_can_be_opened_too(finished):
    view = StudyView(finished)
    view.chosen = "control"
    view.refresh()
    assert view.detail["confirm"] == ""
    assert view.pictures["grid"]
    assert view.detail["draws"][0]["arm"] == view.detail["draws"][0]["control"]


def test_confirming_asks_counts_and_is_kept():
    study = made().run(n_jobs=1, progress=False)
    view = StudyView(study)
    view.chosen = "shift"
    view.refresh()
    assert (view.detail["confirm"], view.detail["openings"]) == ("ask", 0)
    for other in ("flip", "no arm", "control"):  # which the page did not offer
        view._on_message({"confirm": other})
    assert view._task is None
    view._on_message({"confirm": "shift"})
    view.wait()
    assert view.detail["confirm"] == "done"
    assert view.detail["confirmed"].startswith("On the locked test (opened for the first time): ")
    assert study.n_openings == 1
    view.chosen = "flip"
    view.refresh()
    assert (view.detail["confirm"], view.detail["openings"]) == ("ask", 1)


# --- filters ---------------------------------------------------------------------------------------------------------


def test_arms_are_filtered_by_their_steps_and_by_words():
    view = StudyView(made(combinations({"shift": SHIFT, "flip": HorizontalFlip(), "invert": Invert()})))
    assert view.steps == ["shift", "flip", "invert"]
    assert len(view.shown) == 7
    view._on_message({"tag": "shift", "must": True})
    view._on_message({"tag": "flip", "must": False})
    view._on_message({"tag": "unknown", "must": True})
    assert view.shown == ["shift", "shift + invert"]
    assert view.rows[view.order[-1]]["label"] == "control"
    view._on_message({"search": "INV aff"})
    assert view.shown == ["shift + invert"]
    view._on_message({"tag": "shift", "must": None})
    assert view.tags == {"flip": False}
    view._on_message({"clear": True})
    assert len(view.shown) == 7
    view.sort = "name"
    assert view.shown[:2] == ["flip", "flip + invert"]


def test_without_an_on_off_design_the_classes_are_the_steps():
    view = StudyView(made([Compose([SHIFT, Invert()]), HorizontalFlip()]))
    assert view.steps == ["Affine", "Invert", "HorizontalFlip"]


ROWS = [
    Row(label="b", code="B()", role="arm", difference=1.0, p=0.5),
    Row(label="a", code="A()", role="arm"),
    Row(label="c", code="C()", role="arm", difference=-2.0, p=0.01),
    Row(label="second", code="T()", role="control", difference=9.0),
    Row(label="control", code="", role="baseline"),
]


@pytest.mark.parametrize(
    ("sort", "order"), [("difference", [0, 2, 1, 3, 4]), ("name", [1, 0, 2, 3, 4]), ("p", [2, 0, 1, 3, 4])]
)
def test_rows_are_sorted_and_those_without_a_number_come_last(sort, order):
    assert studyrows.order_of(ROWS, {}, "", sort) == order


# --- stored, and without a kernel ------------------------------------------------------------------------------------


def test_a_stored_study_is_read_only(tmp_path):
    path = tmp_path / "study.db"
    made(storage=path, name="first").run(n_jobs=1, progress=False)
    before = path.read_bytes()
    view = StudyView.load(path, name="first")
    view.chosen = "shift"
    view.refresh()
    assert (view.status["action"], view.status["words"]) == ("", "Finished: 9 of 9 trials")
    assert view.pictures["grid"]
    assert view.pictures["hardest"]
    assert view.detail["confirm"] == ""
    with pytest.raises(RuntimeError, match="a loaded study has no data to run with"):
        view.run()
    for message in ({"run": True}, {"confirm": "shift"}, {"confirm": "no arm"}, {"stop": True}):
        view._on_message(message)
    assert view._task is None
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="it holds 'first'"):
        StudyView.load(path, name="other")


def test_a_stored_study_is_shown_where_its_own_transforms_are_not_at_hand(tmp_path, monkeypatch):
    path = tmp_path / "study.db"
    GATE.set()
    made({"gate": Gate(), "shift": SHIFT}, storage=path).run(n_jobs=1, progress=False)
    monkeypatch.delattr(f"{__name__}.Gate")
    view = StudyView.load(path)
    view.chosen = "gate"
    view.refresh()
    assert view.steps == ["Gate", "Affine"]
    assert row(view, "gate")["verdict"] == "identical"
    assert "loaded subclass of Transform" in view.pictures["error"]
    assert view.words


def test_the_static_picture_has_the_numbers(finished, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    monkeypatch.setattr("IPython.display.update_display", lambda data, **_: shown.append(data))
    view = StudyView(finished)
    view._ipython_display_()
    content = shown[0]["text/html"]
    assert view.twin in content
    assert "data:image/png;base64," in content
    assert "Finished: 9 of 9 trials" in content
    assert "<td>helps</td>" in content
    assert finished.summary().splitlines()[0] in content
    assert "application/vnd.jupyter.widget-view+json" in shown[1]


def test_the_static_picture_of_many_arms_is_small():
    rng = np.random.default_rng(0)
    label = [f"arm {number} {'of a long name ' * 20}" for number in range(400)]
    middle = rng.normal(size=400)
    table = pd.DataFrame(
        {
            "arm": label, "code": "C()", "role": "arm", "mean": 0.5, "difference": middle, "low": middle - 1,
            "high": middle + 1, "p": 0.5, "verdict": "undecided", "draws": 3, "draws_needed": 9.0, "seconds": 1.0,
        }
    )  # fmt: skip
    table.attrs = {"name": "many", "control_mean": 0.5, "rope": 0.5, "unit": "points", "metric": "accuracy"}
    candidates = [Candidate(label=one, code="C()", role="arm") for one in label]
    rows = studyrows.rows_of([*candidates, Candidate(label="control", code="", role="baseline")], 3, table, {})
    content = studypictures.still(rows, studyrows.order_of(rows, {}, "", "difference"), table, "", "", "many")
    assert len(content) < 150_000
    assert content.count("<tr>") == 42
    assert "360 more arms are not shown here" in content


# --- the parts -------------------------------------------------------------------------------------------------------


def test_a_study_is_asked_for():
    with pytest.raises(
        TypeError, match=r"study must be a Study, or StudyView.load\(path\) for a stored one; got 'a.db'"
    ):
        StudyView("a.db")


@pytest.mark.parametrize(
    ("changes", "action", "words"),
    [
        ({}, "start", "Not started: 0 of 9 trials"),
        ({"done": 4}, "resume", "Not finished: 4 of 9 trials"),
        ({"done": 4, "readonly": True}, "", "Not finished: 4 of 9 trials"),
        ({"done": 4, "task": "run", "left": 3.0}, "stop", "Running: 4 of 9 trials, a few seconds left"),
        ({"done": 4, "task": "run", "stopping": True, "left": 3.0}, "stop", "Stopping: 4 of 9 trials"),
        ({"done": 4, "elsewhere": True}, "resume", "Running elsewhere: 4 of 9 trials"),
        ({"done": 4, "finished": True}, "", "Finished: 4 of 9 trials, 5 not needed by the search"),
        ({"done": 8, "failed": 1, "finished": True}, "retry", "Finished: 8 of 9 trials, 1 failed"),
        ({"done": 9, "finished": True, "task": "confirm"}, "stop", "Confirming on the locked test"),
    ],
)
def test_how_far_it_is_is_said_in_words(changes, action, words):
    nothing = {"done": 0, "failed": 0, "total": 9, "finished": False, "readonly": False}
    standing = Standing(**nothing | changes)
    assert (standing.action, standing.words) == (action, words)


def test_the_axis_keeps_round_ends_while_intervals_narrow():
    wide, narrow = (Row(label="a", code="", role="arm", low=-0.9, high=high) for high in (11.9, 10.6))
    assert studyrows.axis_of([wide], 0.5, UNIT) == studyrows.axis_of([narrow], 0.5, UNIT)
    assert studyrows.axis_of([Row(label="a", code="", role="arm")], 0.0, UNIT)["high"] > 0


def test_the_pace_tells_the_time_left():
    now = [0.0]
    pace = Pace(lambda: now[0])
    pace.see(0)
    assert pace.left(10) is None
    now[0] = 4.0
    pace.see(2)
    assert pace.left(10) == 20.0
    assert pace.moving
    now[0] = 30.0
    pace.see(2)
    assert not pace.moving
    pace.forget()
    assert pace.left(10) is None


def test_a_watcher_looks_when_asked_and_while_there_is_reason():
    looks = []
    watcher = Watcher(lambda: looks.append(threading.current_thread()) or len(looks) < 4, 0.001)
    watcher.ask()
    watcher.join(5)
    assert len(looks) == 4
    assert threading.main_thread() not in looks
    watcher.ask()
    watcher.join(5)
    assert len(looks) == 5
    watcher.end()
    watcher.ask()
    watcher.join(5)
    assert len(looks) == 5

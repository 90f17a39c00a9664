"""Messages of a page that make no sense: nothing changes, or the page gets a sentence; what makes sense works afterwards."""

import numpy as np
import pytest
import traitlets

from augmentlab import Compose, HorizontalFlip, Invert, OneOf, Posterize, Rotate, uniform
from augmentlab.params import SEED_MAX
from augmentlab.widgets import Controls, Explorer

PHOTO = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
NONE = [None, True, 5, "up", [], [[0]], {}, {"no": 1}]  # no message at all


# --- the list of steps ---------------------------------------------------------------------------------------------------

PATHS = ["x", 5, None, True, 0.5, [], ["x"], [None], [0.0], [True], [[0]], {"0": 0}, [0, "x"], [0] * 10**5]
ON_A_STEP = ("up", "down", "remove", "duplicate", "toggle", "select", "unwrap")
STEPS = [
    *NONE,
    *({action: path} for action in ON_A_STEP for path in PATHS),
    *({"move": path, "to": [0]} for path in PATHS),
    *({"move": [0], "to": path} for path in PATHS),
    *({"weigh": path, "weight": "1"} for path in PATHS),
    *({"wrap": path, "name": "OneOf"} for path in PATHS),
    {"weigh": [0, 0], "weight": 2}, {"wrap": [0], "name": 3}, {"add": 3}, {"add": ["Invert"]}, {"move": [0]},
]  # fmt: skip
WRONG = [
    *({action: path} for action in ON_A_STEP for path in ([9], [-1], [0, 9], [10**400], [0, 0, 0, 0])),
    {"move": [9], "to": [0]}, {"move": [0], "to": [9, 9]}, {"weigh": [1], "weight": "2"}, {"wrap": [0], "name": "os"},
    {"add": "os.system"}, {"unwrap": [1]},
]  # fmt: skip


@pytest.fixture(scope="module")
def explorer():
    return Explorer(PHOTO, OneOf([Rotate(angle=uniform(-9, 9)), Invert()]), draws=1, size=16)


@pytest.mark.parametrize("message", STEPS, ids=lambda message: repr(message)[:40])
def test_a_message_that_is_none_changes_no_step(explorer, message):
    before = explorer.draft
    for send in (explorer._on_step, explorer._on_view, explorer.save._on_message, explorer.palette._on_message):
        send(message)
    assert explorer.draft == before
    assert explorer.view.error == ""


@pytest.mark.parametrize("message", WRONG, ids=lambda message: repr(message)[:40])
def test_a_message_on_no_step_gets_a_sentence_and_the_next_one_works(message):
    explorer = Explorer(PHOTO, Compose([OneOf([Rotate(angle=5), Invert()]), HorizontalFlip()]), draws=1, size=16)
    before = explorer.draft
    explorer._on_step(message)
    assert explorer.draft == before
    said = explorer.view.error or "".join(one["error"] for one in explorer.steps.steps)
    assert said
    assert said.isprintable()
    assert len(said) < 300
    explorer._on_step({"toggle": [1]})
    assert not explorer.draft[(1,)].on


@pytest.mark.parametrize("seed", [10**40, SEED_MAX + 1, -1, 1.5, "1", None])
def test_a_seed_is_one_that_a_label_check_takes(explorer, seed):
    with pytest.raises(traitlets.TraitError):
        explorer.seed = seed
    explorer.seed = SEED_MAX
    assert explorer.label_check(rows=1, columns=1, size=8).deck.seed == SEED_MAX


# --- the controls --------------------------------------------------------------------------------------------------------

EDITS = [
    5, None, "x", [], {}, {"n": 1}, {"state": {}}, {"n": "1", "state": {"mode": "fixed", "value": 3}},
    {"n": None, "state": {"mode": "fixed", "value": 3}},
    *({"n": 9, "state": state} for state in (
        5, None, [], {}, {"mode": "fixed"}, {"value": 5}, {"mode": "uniform"}, {"mode": "uniform", "low": 1}, {"mode": []},
        {"mode": {}, "value": 3}, {"mode": "choice"}, {"mode": "choice", "values": 5}, {"mode": "choice", "text": 5},
        {"mode": "fixed", "text": None, "value": 3}, {"mode": "normal", "low": 1, "high": 2}, {"mode": "choice", "value": 3},
    )),
]  # fmt: skip
VALUES = [
    {"mode": "fixed", "value": None}, {"mode": "fixed", "value": {}}, {"mode": "fixed", "value": 10**400},
    {"mode": "fixed", "value": float("nan")}, {"mode": "choice", "values": []}, {"mode": "choice", "values": [[1]]},
    {"mode": "uniform", "low": [], "high": {}}, {"mode": "choice", "text": "import os"}, {"mode": "choice", "text": "{[]}"},
    {"mode": "choice", "text": "(" * 10**5}, {"mode": "choice", "text": "-" * 10**5 + "1"}, {"mode": "choice", "text": "\0"},
    {"mode": "fixed", "text": "\x1b[2J"},
]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: repr(edit)[:60])
def test_an_edit_that_is_none_is_not_heeded_and_the_next_one_is(edit):
    controls = Controls(Rotate(angle=uniform(-9, 9)))
    before = controls.state
    controls.edits = {"angle": edit, "p": {"n": 1, "state": {"mode": "fixed", "value": 0.5}}}
    assert controls.value == Rotate(angle=uniform(-9, 9), p=0.5)
    assert controls.errors == {}
    assert controls.state["angle"] == before["angle"]
    controls.edits = {"angle": {"n": 10, "state": {"mode": "fixed", "value": 3}}}
    assert controls.value == Rotate(angle=3, p=0.5)


@pytest.mark.parametrize("state", VALUES, ids=lambda state: ascii(state)[:60])
def test_a_value_that_is_none_gets_its_sentence_and_the_next_one_is_taken(state):
    controls = Controls(Rotate(angle=uniform(-9, 9)))
    controls.edits = {"angle": {"n": 1, "state": state}}
    assert controls.value == Rotate(angle=uniform(-9, 9))
    said = controls.errors["angle"]
    assert said.isprintable()
    assert len(said) < 300
    controls.edits = {"angle": {"n": 2, "state": {"mode": "fixed", "value": 3}}}
    assert (controls.value, controls.errors) == (Rotate(angle=3), {})


@pytest.mark.parametrize("seen", [{"angle": "x"}, {"angle": None}, {"angle": 10**9}, {"angle": []}])
def test_what_a_page_says_was_seen_ends_no_later_edit(seen):
    controls = Controls(Rotate())
    controls.seen = seen
    controls.edits = {"angle": {"n": 1, "state": {"mode": "fixed", "value": 3}}}
    assert controls.value == Rotate(angle=3)
    assert controls.seen == {"angle": 1}


@pytest.mark.parametrize(
    "message",
    [
        *NONE,
        {"switch": "nope"},
        {"switch": "p"},
        {"switch": 3},
        {"reroll": "bits"},
        {"reroll": "p"},
        {"reroll": "nope"},
        {"reset": "nope"},
        {"reset": None},
    ],
    ids=repr,
)
def test_a_message_that_is_none_changes_no_value(message):
    controls = Controls(Posterize(bits=3))
    controls._on_message(None, message, None)
    assert (controls.value, controls.errors) == (Posterize(bits=3), {})
    controls._on_message(None, {"reset": "identity"}, [])
    assert controls.value == Posterize()


def test_a_message_to_controls_of_nothing_changes_nothing():
    controls = Controls()
    for message in ({"switch": "p"}, {"reroll": "seed"}, {"reset": "typical"}):
        controls._on_message(None, message, [])
    controls.edits = {"angle": {"n": 1, "state": {"mode": "fixed", "value": 3}}}
    assert controls.value is None
    controls.value = HorizontalFlip()
    assert controls.value == HorizontalFlip()

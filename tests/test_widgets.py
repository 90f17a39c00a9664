"""The notebook instrument without a browser: its Python objects, and the scheduling of renders."""

import asyncio
import io
import json
import threading
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
import traitlets
from annotated_types import Interval
from PIL import Image

import augmentlab
from augmentlab import (
    Blend,
    Brightness,
    CenterCrop,
    CoarseDropout,
    Compose,
    Gamma,
    HorizontalFlip,
    Invert,
    OneOf,
    PixelTransform,
    Rotate,
    Sample,
    SomeOf,
    Standardize,
    Swirl,
    choice,
    integers,
    loguniform,
    render,
    transforms,
    uniform,
)
from augmentlab.params import Distribution, parameters
from augmentlab.widgets import Controls, Explorer, GridView, LatestWins, explore, frames
from augmentlab.widgets.controls import spec_of, state_of, value_of
from augmentlab.widgets.frames import Frame
from augmentlab.widgets.schedule import Trailing

PHOTO = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
MASKED = Sample(PHOTO, mask=PHOTO[..., 0] // 64)
CATALOG = [getattr(transforms, name) for name in transforms.__all__]
catalog = pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.__name__)


def variants(cls):
    """A default, a typical, a drawn one, and one with every switch turned."""
    yield cls()
    yield cls.typical(p=0.25)
    yield cls.typical().sample(0)
    controls = Controls(cls())
    for parameter in parameters(cls):
        if spec_of(parameter)["switch"]:
            controls.switch(parameter.name)
    yield controls.value


def through_json(value):
    return json.loads(json.dumps(value))


# --- Controls ------------------------------------------------------------------------------------------------------------


@catalog
def test_controls_round_trip(cls):
    for transform in variants(cls):
        controls = Controls(transform)
        assert controls.value == transform
        assert controls.errors == {}
        state = through_json(controls.state)
        assert list(state) == [parameter.name for parameter in parameters(cls)]
        fresh = Controls(cls())
        fresh.edits = {name: {"n": 1, "state": one} for name, one in state.items()}
        assert fresh.value == transform
        assert fresh.state == controls.state
        for parameter in parameters(cls):
            assert value_of(parameter, state[parameter.name]) == getattr(transform, parameter.name)


@catalog
def test_every_row_is_declared_in_plain_json(cls):
    specs = through_json(Controls(cls()).spec)
    for spec, parameter in zip(specs, parameters(cls), strict=True):
        assert spec["label"]
        assert parameter.doc in spec["tip"]
        assert parameter.allowed in spec["tip"]
        if parameter.kind in {"float", "int"}:
            assert parameter.low <= spec["low"] < spec["high"] <= parameter.high


@catalog
def test_switching_twice_changes_nothing(cls):
    for transform in (cls(), cls.typical(), cls.typical().sample(0)):
        for parameter in parameters(cls):
            controls = Controls(transform)
            if not spec_of(parameter)["switch"]:
                continue
            was_drawn = isinstance(getattr(transform, parameter.name), Distribution)
            controls.switch(parameter.name)
            assert isinstance(getattr(controls.value, parameter.name), Distribution) is not was_drawn
            controls.switch(parameter.name)
            assert controls.value == transform


def test_the_slider_spans_the_typical_range_and_the_identity():
    spec = spec_of(parameters(Rotate)[0])
    assert (spec["low"], spec["high"], spec["unit"], spec["log"]) == (-45, 45, "deg", False)
    assert spec_of(parameters(Gamma)[0])["log"] is True


def test_an_edit_makes_a_new_frozen_value_and_tells_observers():
    controls = Controls(Rotate())
    seen = []
    controls.observe(lambda change: seen.append(change["new"]), "value")
    controls.edits = {"angle": {"n": 1, "state": {"mode": "fixed", "value": 12}}}
    assert seen == [Rotate(angle=12.0)]
    assert controls.state["angle"] == {"mode": "fixed", "value": 12.0}
    assert isinstance(controls.value.angle, float)
    assert controls.seen == {"angle": 1}


def test_an_old_edit_is_not_taken_over_again():
    controls = Controls(Rotate())
    controls.edits = {"angle": {"n": 1, "state": {"mode": "fixed", "value": 12}}}
    controls.value = Rotate(angle=30)
    controls.edits = {
        "angle": {"n": 1, "state": {"mode": "fixed", "value": 12}},
        "p": {"n": 2, "state": {"mode": "fixed", "value": 0.5}},
    }
    assert controls.value == Rotate(angle=30, p=0.5)


def test_assigning_a_value_moves_the_inputs():
    controls = Controls(Rotate())
    controls.value = Rotate(angle=uniform(-5, 8))
    assert controls.state["angle"] == {"mode": "uniform", "low": -5, "high": 8}
    controls.value = Gamma(gamma=loguniform(0.5, 2))
    assert controls.title == "Gamma"
    assert [spec["name"] for spec in controls.spec] == ["gamma", "p"]
    controls.value = None
    assert (controls.title, controls.spec, controls.state) == ("", [], {})


@pytest.mark.parametrize(
    ("name", "state", "sentence"),
    [
        ("angle", {"mode": "fixed", "value": 200}, "Rotate.angle must be float in [-180, 180] deg; got 200"),
        ("angle", {"mode": "fixed", "value": "far"}, "Rotate.angle must be float in [-180, 180] deg; got 'far'"),
        ("angle", {"mode": "uniform", "low": 5, "high": -5}, "uniform must have low <= high; got 5 and -5"),
        ("border", {"mode": "choice", "values": []}, "choice must have at least one value; got ()"),
        ("p", {"mode": "fixed", "value": 1.5}, "Rotate.p must be float in [0, 1]; got 1.5"),
    ],
)
def test_what_is_not_allowed_gets_its_sentence_and_changes_nothing(name, state, sentence):
    controls = Controls(Rotate(angle=3))
    controls.edits = {name: {"n": 1, "state": state}}
    assert controls.value == Rotate(angle=3)
    assert list(controls.errors) == [name]
    assert sentence in controls.errors[name]
    assert controls.state[name] == state  # what was typed stays to be mended
    other = "p" if name != "p" else "angle"
    controls.edits = {**controls.edits, other: {"n": 2, "state": {"mode": "fixed", "value": 0.5}}}
    assert getattr(controls.value, other) == 0.5
    assert list(controls.errors) == [name]
    controls.value = Rotate(angle=7, border="wrap", p=0.25)
    assert controls.errors == {}
    assert controls.state[name] == state_of(
        next(p for p in parameters(Rotate) if p.name == name), getattr(controls.value, name)
    )


def test_switch_takes_the_typical_range_and_the_middle():
    controls = Controls(Rotate(angle=5))
    controls.switch("angle")
    assert controls.value == Rotate.typical()
    drawn = Controls(Gamma(gamma=loguniform(0.5, 2)))
    drawn.switch("gamma")
    assert drawn.value == Gamma(gamma=1.0)
    drawn.switch("gamma")
    assert drawn.value == Gamma(gamma=loguniform(0.5, 2))


def test_reset_to_identity_and_to_typical_keeps_the_probability():
    controls = Controls(Rotate(angle=5, border="wrap", p=0.3))
    controls.edit("angle", {"mode": "fixed", "value": 999})
    controls.reset("identity")
    assert controls.value == Rotate(p=0.3)
    assert controls.errors == {}
    assert controls.state["angle"] == {"mode": "fixed", "value": 0.0}
    controls.reset("typical")
    assert controls.value == Rotate.typical(p=0.3)
    with pytest.raises(ValueError, match="to must be 'identity' or 'typical'; got 'best'"):
        controls.reset("best")


def test_a_seed_is_rerolled():
    controls = Controls(CoarseDropout(seed=3))
    assert next(spec for spec in controls.spec if spec["name"] == "seed")["seed"] is True
    seeds = set()
    for _ in range(3):
        controls._on_message(controls, {"reroll": "seed"}, [])
        seeds.add(controls.value.seed)
    assert len(seeds) == 3


def test_numbers_drawn_from_a_choice_are_text():
    controls = Controls(Rotate(angle=choice(0, 90, 180)))
    assert controls.state["angle"] == {"mode": "choice", "text": "0, 90, 180"}
    controls.edit("angle", {"mode": "choice", "text": "0, 45"})
    assert controls.value == Rotate(angle=choice(0.0, 45.0))
    controls.edit("angle", {"mode": "choice", "text": "0; 45"})
    assert controls.errors == {"angle": "angle must be numbers with commas between; got '0; 45'"}


def test_a_group_shows_what_it_declares():
    assert [spec["name"] for spec in Controls(OneOf([Invert(), HorizontalFlip()])).spec] == ["p"]


# --- LatestWins -----------------------------------------------------------------------------------------------------------


class Recorder:
    """A render that waits for leave, and what was published."""

    def __init__(self, **options):
        self.shown, self.errors, self.started = [], [], []
        self.leave = threading.Semaphore(0)
        self.schedule = LatestWins(
            self.render, lambda request, result: self.shown.append((request, result)), self.errors.append, **options
        )

    def render(self, request, stop):
        self.started.append(request)
        assert self.leave.acquire(timeout=60)
        if stop():
            return None
        if request == "bad":
            raise ZeroDivisionError(request)
        return f"picture of {request}"

    async def until_started(self, count):
        while len(self.started) < count:  # noqa: ASYNC110 - the worker thread knows nothing of asyncio
            await asyncio.sleep(0.001)


def test_without_an_event_loop_a_render_runs_at_once():
    recorder = Recorder()
    recorder.leave.release()
    recorder.schedule.submit("a")
    assert recorder.shown == [("a", "picture of a")]
    recorder.leave.release()
    with pytest.raises(ZeroDivisionError):
        recorder.schedule.submit("bad")
    assert [type(error) for error in recorder.errors] == [ZeroDivisionError]


def test_of_waiting_requests_only_the_newest_is_rendered():
    async def drag():
        recorder = Recorder()
        recorder.schedule.submit(0)
        await recorder.until_started(1)
        for request in range(1, 10):
            recorder.schedule.submit(request)
        recorder.leave.release(2)
        await recorder.schedule.wait_idle()
        return recorder

    recorder = asyncio.run(drag())
    assert recorder.started == [0, 9]
    # Nothing was on the screen yet, so that the first, though stale, was finished and shown.
    assert recorder.shown == [(0, "picture of 0"), (9, "picture of 9")]
    assert recorder.schedule.submitted == 10


@pytest.mark.parametrize(("seconds", "expected"), [(0.1, [0, 2]), (0.3, [0, 1, 2])])
def test_a_stale_render_stops_unless_the_last_picture_is_old(seconds, expected):
    now = [0.0]

    async def drag():
        recorder = Recorder(clock=lambda: now[0])
        recorder.leave.release()
        recorder.schedule.submit(0)
        await recorder.schedule.wait_idle()
        recorder.schedule.submit(1)
        await recorder.until_started(2)
        recorder.schedule.submit(2)
        now[0] += seconds
        recorder.leave.release(2)
        await recorder.schedule.wait_idle()
        return recorder

    recorder = asyncio.run(drag())
    assert [request for request, _ in recorder.shown] == expected
    assert recorder.schedule.cancelled == 3 - len(expected)


def test_an_error_is_shown_and_raised_by_wait_idle_once():
    async def fail():
        recorder = Recorder()
        recorder.leave.release(2)
        recorder.schedule.submit("bad")
        with pytest.raises(ZeroDivisionError):
            await recorder.schedule.wait_idle()
        await recorder.schedule.wait_idle()
        recorder.schedule.submit("good")
        await recorder.schedule.wait_idle()
        return recorder

    recorder = asyncio.run(fail())
    assert len(recorder.errors) == 1
    assert recorder.shown == [("good", "picture of good")]


def test_an_error_that_a_newer_request_mends_is_not_raised():
    async def mend():
        recorder = Recorder()
        recorder.schedule.submit("bad")
        await recorder.until_started(1)
        recorder.schedule.submit("good")
        recorder.leave.release(2)
        await recorder.schedule.wait_idle()
        return recorder

    assert asyncio.run(mend()).errors == []


def test_what_was_cancelled_or_overtaken_is_not_shown():
    async def overtake():
        recorder = Recorder()
        recorder.schedule.submit("old")
        await recorder.until_started(1)
        recorder.leave.release(2)
        recorder.schedule.run_now("new")
        await recorder.schedule.wait_idle()
        return recorder

    assert [request for request, _ in asyncio.run(overtake()).shown] == ["new"]


def test_cancel_stops_at_once_and_the_next_request_does_not_wait():
    async def stuck():
        recorder = Recorder()
        recorder.schedule.submit("endless")
        await recorder.until_started(1)
        assert recorder.schedule.busy
        recorder.schedule.cancel()
        assert not recorder.schedule.busy
        recorder.schedule.submit("next")
        await recorder.until_started(2)  # although the first is still at work
        recorder.leave.release(2)
        await recorder.schedule.wait_idle()
        return recorder

    recorder = asyncio.run(stuck())
    assert [request for request, _ in recorder.shown] == ["next"]
    assert recorder.schedule.cancelled == 1


def test_what_is_delayed_waits_for_rest():
    async def restless():
        recorder = Recorder(delay=0.05)
        recorder.leave.release(9)
        for request in range(5):
            recorder.schedule.submit(request)
            await asyncio.sleep(0.01)
        await recorder.schedule.wait_idle()
        recorder.schedule.submit("never")
        await asyncio.sleep(0)
        recorder.schedule.cancel()
        await asyncio.sleep(0.1)
        return recorder

    assert asyncio.run(restless()).started == [4]


def test_a_stop_iteration_is_an_error_like_others():
    async def stop():
        def render(request, stop):
            raise StopIteration

        schedule = LatestWins(render, lambda *_: None)
        schedule.submit("a")
        with pytest.raises(RuntimeError, match="StopIteration"):
            await schedule.wait_idle()

    asyncio.run(stop())


def test_what_may_follow_later_comes_once_for_all_that_asked_and_at_once_without_a_loop():
    called = []
    words = Trailing(lambda: called.append(len(called)), 0.01)
    words.ask()
    assert called == [0]

    async def session():
        for _ in range(3):
            words.ask()
        assert len(called) == 1
        await asyncio.sleep(0.1)
        assert len(called) == 2
        words.ask()
        words.flush()
        words.flush()
        assert len(called) == 3
        words.ask()  # and the loop ends before it comes

    async def another():
        words.ask()
        await asyncio.sleep(0.1)
        assert len(called) == 4

    asyncio.run(session())
    asyncio.run(another())


# --- GridView -------------------------------------------------------------------------------------------------------------


def frame_of(shapes, columns, **given):
    """A frame of black tiles."""
    (height, width), places = render.layout(shapes, columns, 6)
    words = {"mime": "image/jpeg", "data": b"", "density": 1.0, "labels": [], "origins": [], "alt": ""}
    return Frame(size=(width, height), places=places, columns=columns, **words | given)


def test_the_view_gets_one_frame_and_where_its_tiles_are():
    view = GridView()
    view.selected, view.error, view.progress = 2, "wrong", 0.5
    view.show(frame_of([(4, 6), (2, 6)], 2, alt="two"), "below")
    assert view.shown["number"] == 1
    assert (view.shown["size"], view.shown["places"]) == ((18, 4), [(0, 0, 6, 4), (12, 1, 6, 2)])
    assert (view.selected, view.error, view.progress, view.caption) == (-1, "", 0, "below")
    view.sharpen(frame_of([(4, 6)], 1, mime="image/png"))
    assert (view.shown["mime"], view.shown["number"], view.caption) == ("image/png", 2, "below")


def test_the_next_frame_waits_for_a_page_that_paints_but_not_for_one_that_is_gone():
    async def session():
        view = GridView()
        await view.ready()  # no page has said anything
        frame = frame_of([(4, 6)], 1)
        for _ in range(5):
            view.show(frame, "")
        await view.ready()
        view._handle_custom_msg({"painted": 1}, [])  # four are on their way
        waiting = asyncio.create_task(view.ready())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        view._handle_custom_msg({"painted": 2}, [])
        await asyncio.wait_for(waiting, 30)
        view.show(frame, "")
        await asyncio.wait_for(view.ready(), 30)  # nobody says more: after a while it goes on
        await view.ready()

    asyncio.run(session())


# --- Explorer -------------------------------------------------------------------------------------------------------------


def test_the_value_is_a_compose_that_can_be_assigned_and_observed():
    explorer = Explorer(PHOTO)
    assert explorer.value == Compose([])
    seen = []
    explorer.observe(lambda change: seen.append(change["new"]), "value")
    explorer.value = Rotate(angle=uniform(-9, 9))
    assert seen == [Compose([Rotate(angle=uniform(-9, 9))])]
    assert explorer.controls.value == Rotate(angle=uniform(-9, 9))
    assert [step["name"] for step in explorer.steps.steps] == ["Rotate"]
    with pytest.raises(traitlets.TraitError):
        explorer.value = "Rotate"


def test_moving_a_slider_changes_value_grid_and_code():
    explorer = Explorer(PHOTO, Compose([Rotate(angle=uniform(-9, 9)), Invert(p=0.5)]))
    before = explorer.view.frame.data
    explorer.controls.edits = {"angle": {"n": 1, "state": {"mode": "fixed", "value": 25}}}
    assert explorer.value == Compose([Rotate(angle=25.0), Invert(p=0.5)])
    assert explorer.view.frame.data != before
    assert "Rotate(angle=25.0)" in dict(explorer.code.texts)["Pipeline"]
    assert augmentlab.from_dict(json.loads(dict(explorer.code.texts)["JSON"])) == explorer.value
    assert all(tile.drawn.steps[0] == Rotate(angle=25.0) for tile in explorer.tiles if tile.column)


def test_the_code_runs_and_is_the_value():
    explorer = Explorer(
        PHOTO, Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-9, 9)), CoarseDropout(holes=integers(1, 3))])
    )
    names = {}
    exec(dict(explorer.code.texts)["Pipeline"], names)
    assert names["pipeline"] == explorer.value


@pytest.mark.parametrize("cls", [cls for cls in CATALOG if cls.needs != "batch"], ids=lambda cls: cls.__name__)
def test_every_transform_can_be_added_and_drawn(cls):
    explorer = Explorer(PHOTO if cls.needs == "image" else MASKED, draws=2, size=40)
    explorer.add(cls.__name__)
    assert [type(step) for step in explorer.value.steps] == [cls]
    assert explorer.controls.title == cls.__name__
    assert len(explorer.tiles) == 3
    assert explorer.view.error == ""


def test_the_catalog_is_grouped_and_whole():
    for images, met in ((PHOTO, {"image"}), (MASKED, {"image", "mask"}), ([PHOTO, MASKED], {"image"})):
        names = [name for _, names in Explorer(images).palette.catalog for name, *_ in names]
        assert sorted(names) == sorted(cls.__name__ for cls in CATALOG if cls.needs in met)


def test_a_step_that_mixes_samples_says_that_one_is_not_enough():
    explorer = Explorer(PHOTO, draws=2, size=40)
    with pytest.raises(TypeError, match="MixUp mixes several samples and must be called with a list"):
        explorer.add("MixUp")


def test_steps_are_added_selected_moved_switched_and_removed_from_the_page():
    explorer = Explorer(PHOTO, Compose([Rotate(angle=5), Invert(), HorizontalFlip()]))

    def click(message):
        explorer._on_step(message)
        return [type(step).__name__ for step in explorer.value.steps]

    assert click({"add": "Brightness"}) == ["Rotate", "Invert", "HorizontalFlip", "Brightness"]
    assert explorer.controls.value == Brightness.typical()
    assert click({"up": [3]}) == ["Rotate", "Invert", "Brightness", "HorizontalFlip"]
    assert (explorer.steps.selected, explorer.controls.title) == ([2], "Brightness")
    assert click({"down": [0]}) == ["Invert", "Rotate", "Brightness", "HorizontalFlip"]
    assert click({"toggle": [1]}) == ["Invert", "Brightness", "HorizontalFlip"]
    assert [step["on"] for step in explorer.steps.steps] == [True, False, True, True]
    assert click({"select": [1]}) == ["Invert", "Brightness", "HorizontalFlip"]
    explorer.controls.edit("angle", {"mode": "fixed", "value": 7})  # a step that is off can be edited
    assert click({"toggle": [1]}) == ["Invert", "Rotate", "Brightness", "HorizontalFlip"]
    assert explorer.value.steps[1] == Rotate(angle=7.0)
    for left in (3, 2, 1, 0):
        assert len(click({"remove": [0]})) == left
    assert explorer.controls.value is None
    assert explorer.value == Compose([])


def test_switching_a_step_off_leaves_the_draws_of_the_others():
    explorer = Explorer(PHOTO, Compose([Rotate(angle=uniform(-9, 9)), Brightness(delta=uniform(-0.2, 0.2))]))
    before = [tile.drawn.steps[1] for tile in explorer.tiles if tile.column]
    explorer.toggle(0)
    assert [tile.drawn.steps[0] for tile in explorer.tiles if tile.column] == before


def test_an_order_that_is_not_allowed_is_said_and_changes_nothing():
    explorer = Explorer(PHOTO, Compose([Invert(p=0.5), Standardize()]))
    explorer._on_step({"down": [0]})
    assert explorer.value == Compose([Invert(p=0.5), Standardize()])
    assert "Invert cannot follow Standardize" in explorer.view.error
    explorer.add("Gamma")  # goes to where it is allowed
    assert [type(step) for step in explorer.value.steps] == [Invert, Gamma, Standardize]
    assert explorer.view.error == ""
    assert "shown stretched from" in explorer.view.caption


def test_reroll_draws_anew_and_a_seed_brings_the_draws_back():
    explorer = Explorer(PHOTO, Rotate(angle=uniform(-40, 40)))
    first = [tile.drawn for tile in explorer.tiles]
    while explorer.seed == 0:
        explorer.reroll()
    assert [tile.drawn for tile in explorer.tiles] != first
    explorer.seed = 0
    assert [tile.drawn for tile in explorer.tiles] == first


def test_difference_draws_rows_and_images_change_the_grid():
    explorer = Explorer({"one": PHOTO, "two": PHOTO[::-1], "three": PHOTO[:, ::-1]}, Invert(), draws=3)
    assert len(explorer.tiles) == 4
    explorer.draws = 5
    assert len(explorer.tiles) == 6
    explorer.rows = 2
    assert (len(explorer.tiles), explorer.view.frame.columns) == (12, 6)
    explorer.index = 2
    assert [name for _, name in explorer.view.frame.labels] == ["three", "one"]
    assert np.array_equal(explorer.tiles[0].image[:, ::-1], explorer.tiles[6].image)
    plain = explorer.view.frame.data
    explorer.difference = True
    assert explorer.view.frame.data != plain
    assert "difference to the original" in explorer.view.caption


@pytest.mark.parametrize(
    ("given", "answered"),
    [
        ({}, True),
        ({"tile": 9}, False),
        ({"tile": -1}, False),
        ({"zoom": 0}, False),
        ({"zoom": float("nan")}, False),
        ({"zoom": float("inf")}, False),
        ({"zoom": 1e9}, True),  # as large as is allowed
        ({"box": [0, 0, 0, 1]}, False),
        ({"box": [-1, 0, 2, 1]}, False),
        ({"box": [0, 0, 1, "a"]}, False),
        ({"box": [0, 0, 1]}, False),
    ],
)
def test_a_tile_is_sent_enlarged_as_a_page_may_ask_for_it(monkeypatch, given, answered):
    explorer = Explorer(PHOTO, Invert(), draws=1)
    sent = []
    monkeypatch.setattr(explorer.view, "send", lambda message, buffers: sent.append((message, buffers)))
    asked = {"closer": 1, "tile": 1, "zoom": 4.0, "box": [0.5, 0.5, 0.75, 0.75]} | given
    explorer.view._handle_custom_msg(asked, [])
    assert len(sent) == answered
    if answered:
        ((message, parts),) = sent
        assert message == {"closer": asked}
        tile, original = (np.asarray(Image.open(io.BytesIO(part))) for part in parts)
        assert np.array_equal(tile, 255 - original)
    assert explorer.view.error == ""


def test_clicking_a_tile_shows_its_draw_as_code():
    explorer = Explorer(PHOTO, Rotate(angle=uniform(-40, 40)))
    others = ["Albumentations", "torchvision", "Kornia", "Keras"]
    assert [name for name, _ in explorer.code.texts] == ["Pipeline", "JSON", "Study", *others]
    explorer.view.selected = 2
    names = {}
    exec(dict(explorer.code.texts)["This draw"], names)
    assert names["pipeline"] == explorer.tiles[2].drawn
    assert explorer.code.shown == "This draw"


def test_the_pipeline_is_shown_in_the_words_of_other_libraries():
    explorer = Explorer(PHOTO, Compose([Rotate(angle=uniform(-40, 40)), Swirl(strength=uniform(0, 1))]))
    text = dict(explorer.code.texts)["Albumentations"]
    assert "A.Rotate(limit=(-40, 40)" in text
    assert "# left out: Swirl(" in text


def test_previews_are_made_of_thumbnails_and_originals_are_left_alone():
    photo = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), dtype=np.uint8)
    before = photo.copy()
    explorer = Explorer(photo, Invert(), size=100)
    assert explorer.tiles[0].image.shape == (75, 100, 3)
    assert np.array_equal(photo, before)


def test_samples_and_datasets_are_explored_with_their_targets():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 10:20] = 1
    sample = Sample(PHOTO, mask=mask, boxes=np.array([[10, 10, 20, 20.0]]))
    explorer = Explorer(sample, CenterCrop(height=0.5, width=0.5))
    shown = explorer.view.frame.data
    explorer.overlays = False
    assert explorer.view.frame.data != shown
    dataset = augmentlab.Dataset(np.stack([PHOTO, PHOTO, PHOTO]), ["cat", "dog", "cat"])
    explorer = explore(dataset, Invert(), rows=2, draws=1)
    assert [name for _, name in explorer.view.frame.labels] == ["0 · cat", "1 · dog"]
    explorer.only = "cat"
    assert [name for _, name in explorer.view.frame.labels] == ["0 · cat", "2 · cat"]


@pytest.mark.parametrize(
    ("images", "error", "sentence"),
    [
        ([], ValueError, "images must hold at least one image; got none"),
        (
            3,
            TypeError,
            "images must be an image, a Sample, a Dataset, the path of a folder, or several images; got int",
        ),
        ([PHOTO.astype(float)], ValueError, r"image 0 must be float in \[0, 1\]; got values in"),
        (np.zeros((5, 4, 7)), ValueError, "must have shape"),
    ],
)
def test_what_is_no_image_is_named(images, error, sentence):
    with pytest.raises(error, match=sentence):
        Explorer(images)


@dataclass(frozen=True, kw_only=True, repr=False)
class Fragile(PixelTransform):
    """A user's own transform that fails for some values."""

    strength: Annotated[float, Interval(ge=0, le=1), "How much; above 0.5 it fails."] = 0.0

    def apply_image(self, image):
        if self.strength > 0.5:
            raise ArithmeticError("too strong")
        return image


def test_an_error_in_a_users_transform_is_shown_and_raised_and_the_picture_stays():
    async def session():
        explorer = Explorer(PHOTO, Fragile())
        frame = explorer.view.frame.data
        explorer.controls.edits = {"strength": {"n": 1, "state": {"mode": "fixed", "value": 0.9}}}
        with pytest.raises(ArithmeticError, match="too strong"):
            await explorer.wait_idle()
        assert explorer.view.error == "ArithmeticError: too strong"
        assert explorer.view.frame.data == frame
        explorer.controls.edits = {"strength": {"n": 2, "state": {"mode": "fixed", "value": 0.1}}}
        await explorer.wait_idle()
        assert explorer.view.error == ""
        assert explorer.value == Compose([Fragile(strength=0.1)])

    asyncio.run(session())


def test_an_error_stands_beside_the_step_that_raised_it_also_inside_a_group():
    explorer = Explorer(PHOTO, Compose([Rotate(angle=uniform(-9, 9)), OneOf([Fragile(strength=0.1)])]))
    with pytest.raises(ArithmeticError):
        explorer.value = Compose([Rotate(angle=uniform(-9, 9)), OneOf([Fragile(strength=0.9)])])
    errors = {tuple(step["path"]): step["error"] for step in explorer.steps.steps}
    assert errors == {(0,): "", (1,): "", (1, 0): "ArithmeticError: too strong"}
    explorer.undo()
    assert {step["error"] for step in explorer.steps.steps} == {""}


@dataclass(frozen=True, kw_only=True, repr=False)
class Foreign(PixelTransform):
    """A user's own transform that goes wrong in its own way."""

    how: Annotated[float, Interval(ge=0, le=9), "In which way."] = 0.0

    def sample(self, rng=None):
        if self.how == uniform(0, 9):
            raise ArithmeticError("in sample")
        return super().sample(rng)

    def apply_image(self, image):
        if self.how == 1:
            return 3
        if self.how == 2:
            return Rotate(angle=5)(image[..., :2])
        if self.how == 3:
            raise SystemExit(3)
        if self.how == 4:
            raise ValueError("no")
        return image


@pytest.mark.parametrize("how", [uniform(0, 9), 1, 2, 3, 4])
def test_whatever_goes_wrong_in_a_step_is_shown_beside_it_until_it_is_mended(how):
    async def session():
        explorer = Explorer(PHOTO, Rotate(angle=5), draws=1)
        explorer.value = Compose([Rotate(angle=5), OneOf([Foreign(how=how)])])
        with pytest.raises(Exception, match=r".") as caught:
            await explorer.wait_idle()
        sentence = f"{type(caught.value).__name__}: {caught.value}"
        assert explorer.view.error == sentence
        explorer.select((1, 0))  # to mend it
        assert [step["error"] for step in explorer.steps.steps] == ["", "", sentence]
        explorer.toggle((1, 0))
        await explorer.wait_idle()
        assert {step["error"] for step in explorer.steps.steps} == {""}

    asyncio.run(session())


def test_a_step_that_fails_is_added_once_and_last():
    explorer = Explorer(PHOTO, Compose([Invert(), Rotate(angle=4)]), draws=1)
    with pytest.raises(ValueError, match="no"):
        explorer.add(Foreign(how=4))
    assert explorer.value == Compose([Invert(), Rotate(angle=4), Foreign(how=4)])
    explorer.undo()
    assert explorer.value == Compose([Invert(), Rotate(angle=4)])


def test_the_code_is_that_of_the_value_also_when_drawing_is_cancelled():
    async def session():
        explorer = Explorer(PHOTO, Rotate(angle=1), draws=1)
        explorer.value = Rotate(angle=2)
        explorer.cancel()
        assert "Rotate(angle=2" in dict(explorer.code.texts)["Pipeline"]

    asyncio.run(session())


def test_waiting_ends_when_what_is_waited_for_is_cancelled():
    async def session():
        recorder = Recorder()
        recorder.schedule.submit("endless")
        await recorder.until_started(1)
        waiting = asyncio.create_task(recorder.schedule.wait_idle())
        await asyncio.sleep(0)
        recorder.schedule.cancel()
        await asyncio.wait_for(waiting, 30)
        recorder.leave.release()

    asyncio.run(session())


def test_no_sharper_picture_of_an_older_grid_is_sent(monkeypatch):
    explorer = Explorer(PHOTO, Rotate(angle=1), draws=1)
    sent, started, leave = [], [], threading.Event()
    monkeypatch.setattr(explorer.view, "sharpen", lambda frame: sent.append(frame.mime))
    finish = frames.sharp

    def slow(given, stop):
        started.append(given)
        assert leave.wait(60)
        return finish(given, lambda: False)  # it is past the last place where it could stop

    monkeypatch.setattr(explorer._rest, "_render", slow)

    async def session():
        explorer.value = Rotate(angle=20)
        while not started:  # noqa: ASYNC110 - the worker thread knows nothing of asyncio
            await asyncio.sleep(0.001)
        request = explorer._request()
        explorer._publish(request, explorer._draw(request, lambda: False))
        leave.set()
        await explorer.wait_idle()

    asyncio.run(session())
    assert (len(started), sent) == (2, ["image/jpeg"] * 2 + ["image/png"])


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("x", "foo", r"x must be a parameter of the selected step \(angle, .*\); got 'foo'"),
        ("y", "p", r"y must be a parameter of the selected step \(angle, .*\); got 'p'"),
        ("index", 7, "index must be below the number of images, 2; got 7"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_changes_nothing(name, value, sentence):
    explorer = Explorer([PHOTO, PHOTO], Rotate(angle=5), draws=1)
    before = getattr(explorer, name)
    with pytest.raises(ValueError, match=sentence):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    explorer.draws = 2
    assert len(explorer.tiles) == 3


def test_a_group_is_swept_with_what_is_on_in_it_and_only_over_what_it_allows():
    explorer = Explorer(PHOTO, Blend([Invert(), Brightness(delta=0.2)]), draws=1)
    explorer.toggle((0, 0))
    explorer.select(0)
    explorer.x = "alpha"
    assert explorer.tiles[1].drawn.steps == (Brightness(delta=0.2),)
    some = Explorer(PHOTO, SomeOf([Invert(), HorizontalFlip()]), draws=1)
    assert "n" not in some._sweepable()
    some.controls._on_message(some.controls, {"switch": "n"}, [])
    assert "SomeOf.n must be at most the number of steps, 2" in some.controls.errors["n"]


def test_a_broken_file_hides_no_other(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_text("no image")
    for name in "bc":
        Image.fromarray(PHOTO).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path.parent)
    explorer = Explorer(tmp_path.name, Invert(), rows=3, draws=1)
    monkeypatch.chdir("/")
    assert explorer.index == 1
    assert [name for _, name in explorer.view.frame.labels] == ["b.png", "c.png"]
    assert "a.png cannot be read" in explorer.view.caption


def test_a_picture_of_another_state_than_the_one_asked_for_is_dimmed_until_it_is_drawn(tmp_path):
    (tmp_path / "b.png").write_text("no image")
    for name in "ac":
        Image.fromarray(PHOTO).save(tmp_path / f"{name}.png")
    explorer = Explorer(tmp_path, Invert(), draws=1)
    assert not explorer.view.stale
    with pytest.raises(ValueError, match=r"b.png cannot be read"):
        explorer.index = 1
    assert explorer.view.stale
    explorer.index = 2
    assert not explorer.view.stale
    explorer._on_step({"add": "nothing"})  # the picture is still that of the pipeline
    assert explorer.view.error
    assert not explorer.view.stale


def test_a_pipeline_that_fails_is_displayed_with_its_error(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))

    async def cell():
        explorer = Explorer(PHOTO, Fragile())
        explorer.value = Fragile(strength=0.9)
        explorer._ipython_display_()
        assert explorer.view.error == "ArithmeticError: too strong"
        with pytest.raises(ArithmeticError, match="too strong"):
            await explorer.wait_idle()

    asyncio.run(cell())
    assert len(shown) == 2


def test_at_rest_the_grid_is_that_of_the_last_of_many_moves():
    async def drag():
        explorer = Explorer(PHOTO, Rotate(angle=1))
        for angle in range(2, 60):
            explorer.controls.edits = {"angle": {"n": angle, "state": {"mode": "fixed", "value": angle}}}
            await asyncio.sleep(0)
        await explorer.wait_idle()
        return explorer

    explorer = asyncio.run(drag())
    assert explorer.tiles[1].drawn == Compose([Rotate(angle=59.0)])
    assert explorer._schedule.rendered < 58


def test_at_rest_the_picture_is_sent_without_loss_and_the_twin_follows(monkeypatch):
    updated = []
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: None)
    monkeypatch.setattr("IPython.display.update_display", lambda data, **options: updated.append((data, options)))

    async def session():
        explorer = Explorer(PHOTO, Rotate(angle=uniform(-9, 9)))
        explorer._ipython_display_()
        explorer.value = Rotate(angle=uniform(-40, 40))
        await explorer.wait_idle()
        return explorer

    explorer = asyncio.run(session())
    shown = np.asarray(Image.open(io.BytesIO(explorer.view.frame.data)))
    assert explorer.view.frame.mime == "image/png"
    assert np.array_equal(shown, render.montage([tile.image for tile in explorer.tiles], 5, gap=6))
    data, options = updated[-1]
    assert "Rotate(angle=uniform(-40, 40))" in data["text/html"]
    assert options["display_id"] == explorer.view.twin


def test_cancel_keeps_the_last_picture_and_the_next_move_draws():
    async def session():
        explorer = Explorer(PHOTO, Rotate(angle=1))
        before = explorer.tiles
        explorer.value = Rotate(angle=2)
        explorer.view._handle_custom_msg({"cancel": True}, [])
        await explorer.wait_idle()
        assert explorer.tiles is before
        explorer.value = Rotate(angle=3)
        await explorer.wait_idle()
        assert explorer.tiles[1].drawn == Compose([Rotate(angle=3)])

    asyncio.run(session())


def test_a_folder_is_read_as_it_is_shown(tmp_path):
    for name in ("cat/a", "cat/b", "dog/c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(PHOTO).save(tmp_path / f"{name}.png")
    (tmp_path / "cat" / "b.png").write_text("no image")
    explorer = Explorer(tmp_path, Invert(), draws=1)
    assert explorer.view.frame.labels == [(0, "cat/a.png")]
    explorer.only = "dog"
    assert [name for _, name in explorer.view.frame.labels] == ["dog/c.png"]
    with pytest.raises(ValueError, match=r"only must be a class of the images \(cat, dog\); got 'cow'"):
        explorer.only = "cow"
    assert explorer.only == "dog"
    explorer.only = ""
    with pytest.raises(ValueError, match=r"cat/b.png cannot be read: it is not a PNG"):
        explorer.index = 1
    assert "cat/b.png cannot be read" in explorer.view.error
    flat = Explorer(str(tmp_path / "dog"))
    assert flat.view.frame.labels == [(0, "c.png")]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Explorer(tmp_path / "none")


def test_one_parameter_is_swept_across_and_another_down():
    explorer = Explorer([PHOTO, PHOTO[::-1]], Compose([Invert(p=0.5), Rotate(angle=uniform(-9, 9))]), rows=2)
    explorer.select(1)
    explorer.x = "angle"
    assert (len(explorer.tiles), explorer.view.frame.columns) == (16, 8)
    assert [tile.drawn.angle for tile in explorer.tiles[1:8]] == render.spread(parameters(Rotate)[0], 7)
    assert explorer.view.frame.origins == [0] * 8 + [8] * 8
    labels = dict(explorer.view.frame.labels)
    assert (labels[0], labels[8]) == ("image 0", "image 1")
    assert labels[4].startswith("0 deg · Δ 0.00\nSSIM 1.00")
    explorer.y = "border"
    assert len(explorer.tiles) == 2 * 5 * 8
    explorer.select(0)  # has neither
    assert (explorer.x, explorer.y) == ("", "")
    assert len(explorer.tiles) == 20


def test_groups_are_edited_and_every_change_can_be_undone():
    explorer = Explorer(PHOTO, Compose([Rotate(angle=uniform(-9, 9)), HorizontalFlip(p=0.5)]))
    values = [explorer.value]

    def click(message):
        explorer._on_step(message)
        values.append(explorer.value)
        return explorer.value

    turn, flip = values[0].steps
    assert click({"wrap": [0], "name": "OneOf"}) == Compose([OneOf([turn]), flip])
    assert click({"add": "Invert"}) == Compose([OneOf([turn, Invert(p=0.5)]), flip])
    assert click({"up": [1]}) == Compose([OneOf([turn, Invert(p=0.5), flip])])
    assert click({"duplicate": [0, 2]}).steps[0].steps == (turn, Invert(p=0.5), flip, flip)
    assert click({"toggle": [0, 0]}) == Compose([OneOf([Invert(p=0.5), flip, flip])])
    assert click({"remove": [0, 3]}) == Compose([OneOf([Invert(p=0.5), flip])])
    assert click({"unwrap": [0]}) == Compose([Invert(p=0.5), flip])
    assert explorer.steps.can == [True, False]
    for value in values[-2::-1]:
        explorer._on_step({"undo": True})
        assert explorer.value == value
    assert explorer.steps.can == [False, True]
    for value in values[1:]:
        explorer._on_step({"redo": True})
        assert explorer.value == value
    explorer._on_step({"remove": [7]})
    assert "path must lead to a step" in explorer.view.error
    assert explorer.value == values[-1]


def test_a_group_is_drawn_as_many_of_as_it_holds():
    explorer = Explorer(PHOTO, Rotate(angle=uniform(-9, 9)))
    explorer.wrap(0, "SomeOf")
    explorer.add("Invert")
    explorer.select(0)
    explorer.controls.edit("n", {"mode": "fixed", "value": 2})
    assert explorer.value.steps[0].n == 2
    explorer._on_step({"remove": [0, 1]})
    assert "SomeOf.n must be at most the number of steps, 1; got 2" in explorer.view.error
    assert len(explorer.value.steps[0].steps) == 2


def test_a_drag_of_a_slider_is_one_step_back():
    explorer = Explorer(PHOTO, Rotate(angle=0.5))
    for angle in range(1, 9):
        explorer.controls.edits = {"angle": {"n": angle, "state": {"mode": "fixed", "value": angle}}}
    explorer.undo()
    assert explorer.value == Compose([Rotate(angle=0.5)])
    assert explorer.controls.value == Rotate(angle=0.5)
    explorer.redo()
    assert explorer.value == Compose([Rotate(angle=8)])


def test_the_twin_is_shown_before_the_live_widget(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    explorer = Explorer(PHOTO, Rotate(angle=uniform(-40, 40)))
    explorer._ipython_display_()
    twin, live = shown
    assert explorer.view.twin in twin["text/html"]
    assert 'src="data:image/jpeg;base64,' in twin["text/html"]
    assert "original and 9 draws" in twin["text/html"]
    assert "Rotate(angle=uniform(-40, 40))" in twin["text/html"]
    assert len(twin["text/html"]) < 150_000
    assert "application/vnd.jupyter.widget-view+json" in live
    assert live["text/plain"] == ""
    assert twin["text/plain"] == repr(explorer) == "Explorer(Compose([Rotate(angle=uniform(-40, 40))]))"


def test_controls_have_a_twin_as_well(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    controls = Controls(Rotate(angle=uniform(-40, 40)))
    controls._ipython_display_()
    twin, _ = shown
    assert controls.twin in twin["text/html"]
    assert "<th>angle</th><td><code>uniform(-40, 40)</code></td>" in twin["text/html"]
    assert twin["text/plain"] == "Controls(Rotate(angle=uniform(-40, 40)))"


def test_what_is_known_of_the_chosen_tile_is_shown_and_goes_with_it():
    explorer = Explorer({"cat": PHOTO}, Compose([Compose([Rotate(angle=20)]), Invert()]), draws=1)
    assert explorer.detail.title == ""
    explorer.view.selected = 1
    assert explorer.detail.title == "cat, draw 1"
    assert explorer.detail.steps == [["Rotate", "angle=20.0"], ["Invert", ""]]
    assert explorer.detail.strength.startswith("Δ 0.")
    assert [len(one) for one in explorer.detail.before] == [64] * 3
    assert explorer.detail.before != explorer.detail.after
    explorer.view.selected = 0
    assert explorer.detail.title == "cat, the original"
    assert explorer.detail.steps == []
    assert explorer.detail.before == explorer.detail.after
    explorer.view.selected = -1
    assert explorer.detail.title == ""

"""The pipeline while it is edited: frozen trees, paths, and what was before."""

import pytest

from augmentlab import (
    Blend,
    Brightness,
    Compose,
    HorizontalFlip,
    Invert,
    OneOf,
    RandomOrder,
    Rotate,
    SomeOf,
    choice,
    integers,
    policies,
    uniform,
)
from augmentlab.widgets.draft import GROUPS, Draft, History, node_of

TURN, FLIP, LIGHT = Rotate(angle=uniform(-9, 9)), HorizontalFlip(p=0.5), Brightness(delta=uniform(-0.2, 0.2))
NESTED = Compose(
    [TURN, OneOf([FLIP, LIGHT], weights=(1, 3)), SomeOf([Invert(p=0.5), TURN, FLIP], n=integers(1, 2), p=0.5)]
)


def draft_of(pipeline, selected=None):
    return Draft(tuple(node_of(step) for step in pipeline.steps), selected)


@pytest.mark.parametrize(
    "pipeline",
    [
        NESTED,
        Compose([]),
        Compose([Blend([Compose([TURN, FLIP]), LIGHT]), RandomOrder([FLIP, LIGHT])]),
        Compose([policies.RandAugment(), policies.TrivialAugment()]),
    ],
    ids=["nested", "empty", "blend", "policies"],
)
def test_a_pipeline_becomes_a_draft_and_back(pipeline):
    assert draft_of(pipeline).built() == pipeline


def test_steps_are_found_by_path_in_reading_order():
    draft = draft_of(NESTED)
    assert [path for path, _ in draft.walk()] == [(0,), (1,), (1, 0), (1, 1), (2,), (2, 0), (2, 1), (2, 2)]
    assert draft[1, 1].transform == LIGHT
    for path in [(), (3,), (0, 0), (-1,), (1, 2)]:
        with pytest.raises(IndexError, match="path must lead to a step"):
            draft[path]


def test_what_is_off_is_left_out_with_its_weight_and_a_group_of_nothing_is_nothing():
    draft = draft_of(NESTED)
    off = draft.replace((1, 0), node_of(FLIP, on=False, weight=1.0))
    assert off.built().steps[1] == OneOf([LIGHT], weights=(3,))
    off = off.replace((1, 1), node_of(LIGHT, on=False, weight=3.0))
    assert [type(step) for step in off.built().steps] == [Rotate, SomeOf]


def test_insert_replace_and_what_is_selected_then():
    draft = draft_of(NESTED)
    more = draft.insert((1, 2), node_of(Invert()))
    assert more.selected == (1, 2)
    assert more.built().steps[1] == OneOf([FLIP, LIGHT, Invert()], weights=(1, 3, 1))
    assert more.replace((1, 2)).built() == NESTED
    assert more.replace((1, 2)).selected == (1, 1)
    assert draft_of(Compose([TURN])).replace((0,)) == Draft()
    assert draft == draft_of(NESTED)  # a draft never changes
    with pytest.raises(IndexError, match="must lead into a group; got"):
        draft.insert((0, 0), node_of(FLIP))
    with pytest.raises(IndexError, match="the place after the last"):
        draft.insert((4,), node_of(FLIP))


def names(draft):
    return [f"{'.' * len(path)}{type(node.transform).__name__}" for path, node in draft.walk()]


def test_moving_by_one_place_goes_into_groups_and_out_of_them():
    draft = draft_of(Compose([TURN, OneOf([FLIP]), LIGHT]), (0,))
    into = draft.shift((0,), 1)
    assert (names(into), into.selected) == ([".OneOf", "..Rotate", "..HorizontalFlip", ".Brightness"], (0, 0))
    over = into.shift((0, 0), 1)
    assert (names(over), over.selected) == ([".OneOf", "..HorizontalFlip", "..Rotate", ".Brightness"], (0, 1))
    out = over.shift((0, 1), 1)
    assert (names(out), out.selected) == ([".OneOf", "..HorizontalFlip", ".Rotate", ".Brightness"], (1,))
    assert names(out.shift((1,), -1)) == names(over)
    first = into.shift((0, 0), -1)
    assert (names(first), first.selected) == ([".Rotate", ".OneOf", "..HorizontalFlip", ".Brightness"], (0,))
    assert first.shift((0,), -1) == first
    assert names(draft.shift((2,), -1)) == [".Rotate", ".OneOf", "..HorizontalFlip", "..Brightness"]


@pytest.mark.parametrize("path", [path for path, _ in draft_of(NESTED).walk()])
@pytest.mark.parametrize("to", [(0,), (3,), (1, 0), (1, 2), (2, 0), (2, 3)])
def test_a_move_keeps_every_step_and_selects_the_moved_one(path, to):
    draft = draft_of(NESTED)
    moved = draft.move(path, to)
    kept = [type(node.transform).__name__ for _, node in draft.walk()]
    assert sorted(kept) == sorted(type(node.transform).__name__ for _, node in moved.walk())
    if to[: len(path)] != path:
        assert type(moved[moved.selected].transform) is type(draft[path].transform)


@pytest.mark.parametrize("name", GROUPS)
def test_wrapped_and_unwrapped_is_as_before(name):
    draft = draft_of(NESTED)
    wrapped = draft.wrap((0,), name)
    assert wrapped.built().steps[0] == GROUPS[name]([TURN])
    assert wrapped.unwrap((0,)).built() == NESTED
    with pytest.raises(ValueError, match=r"name must be one of OneOf, .*; got 'AllOf'"):
        draft.wrap((0,), "AllOf")


def test_more_of_a_group_than_it_holds_is_refused_when_it_is_built():
    draft = draft_of(Compose([SomeOf([FLIP, LIGHT], n=2)])).replace((0, 1))
    with pytest.raises(ValueError, match=r"SomeOf.n must be at most the number of steps, 1; got 2"):
        draft.built()


def test_the_step_that_gave_a_draw_is_found():
    draft = draft_of(Compose([Rotate(angle=5), OneOf([Rotate(angle=uniform(10, 20)), Rotate(angle=choice(30, 40))])]))
    assert draft.that_drew(Rotate(angle=5)) == (0,)
    assert draft.that_drew(Rotate(angle=12.5)) == (1, 0)
    assert draft.that_drew(Rotate(angle=40)) == (1, 1)
    assert draft.that_drew(Rotate(angle=41)) is None
    assert draft.that_drew(Invert()) is None


def test_undo_and_redo_and_what_counts_as_one_change():
    history = History(Draft())
    one, two, three = (draft_of(Compose([Rotate(angle=angle)]), (0,)) for angle in (1, 2, 3))
    history.push(one)
    history.push(two, key="drag")
    history.push(three, key="drag")
    assert (history.now, history.can_undo, history.can_redo) == (three, True, False)
    assert history.undo() == one
    assert history.can_redo
    history.push(one.select(None))  # to look at another step is no change, and forgets nothing
    assert history.redo() == three
    assert history.undo().built() == one.built()
    assert history.undo() == history.undo() == Draft()
    history.push(two)
    assert not history.can_redo
    assert history.redo() == two


def test_the_history_is_bounded():
    history = History(Draft(), most=3)
    for angle in range(1, 10):
        history.push(draft_of(Compose([Rotate(angle=angle)])))
    steps = [history.undo().built().steps[0].angle for _ in range(5)]
    assert steps == [8, 7, 7, 7, 7]


def test_only_a_group_is_unwrapped_and_off_stays_off():
    draft = draft_of(Compose([TURN]))
    with pytest.raises(ValueError, match="only a group has steps to take out; got Rotate"):
        draft.unwrap((0,))
    off = draft.replace((0,), node_of(TURN, on=False))
    assert off.wrap((0,), "OneOf").unwrap((0,)).built() == Compose([])
    weighted = draft_of(NESTED).wrap((1, 1), "Compose")
    assert weighted.unwrap((1, 1)).built() == NESTED


def test_what_is_off_does_not_decide_how_many_of_a_group_may_be_drawn():
    draft = draft_of(Compose([SomeOf([FLIP, LIGHT])]))
    off = draft.replace((0, 0), node_of(FLIP, on=False)).insert((0, 2), node_of(TURN))
    assert off[0,].transform.steps == (LIGHT, TURN)


def test_a_step_inside_what_is_off_drew_nothing_and_an_undrawn_one_is_itself():
    draft = draft_of(Compose([OneOf([TURN]), Rotate(angle=uniform(-8, 8))]))
    assert draft.that_drew(Rotate(angle=3)) == (0, 0)
    assert draft.that_drew(TURN) == (0, 0)
    off = Draft((node_of(OneOf([TURN]), on=False), draft.nodes[1]))
    assert off.that_drew(Rotate(angle=3)) == (1,)


def test_a_step_of_a_one_of_is_weighed():
    draft = draft_of(Compose([TURN, OneOf([FLIP, LIGHT])]), (0,))
    assert [path for path, _ in draft.walk() if draft.has_weights(path)] == [(1, 0), (1, 1)]
    assert draft.share((1, 0)) == 0.5
    heavier = draft.weigh((1, 0), "3")
    assert heavier.built().steps[1] == OneOf([FLIP, LIGHT], weights=(3, 1))
    assert (heavier.selected, heavier.share((1, 0)), heavier.share((1, 1))) == ((0,), 0.75, 0.25)
    assert heavier.weigh((1, 0), 1) == draft  # alike again: no weights are written down
    off = heavier.replace((1, 1), node_of(LIGHT, on=False))
    assert (off.share((1, 0)), off.share((1, 1))) == (1, 0)
    assert draft.weigh((1, 0), 0).share((1, 0)) == 0
    for nonsense in ("much", "-1", "inf", "nan", ""):
        with pytest.raises(ValueError, match=f"weight must be a number >= 0; got '{nonsense}'"):
            draft.weigh((1, 0), nonsense)
    with pytest.raises(ValueError, match=r"weight needs a step of a OneOf; got Rotate at \(0,\)"):
        draft.weigh((0,), 2)
    nothing = draft.weigh((1, 0), 0).weigh((1, 1), 0)
    assert nothing.share((1, 0)) == 0
    with pytest.raises(ValueError, match=r"OneOf\.weights must be 2 numbers >= 0, not all 0"):
        nothing.built()


def test_a_drag_there_and_back_is_nothing_to_undo():
    here, there = (Draft((node_of(Rotate(angle=angle)),), (0,)) for angle in (5.0, 9.0))
    history = History(here)
    history.push(there, "drag")
    history.push(here, "drag")
    assert not history.can_undo
    history.push(there, "drag")  # the same drag goes on
    assert history.undo() == here
    assert history.redo() == there

"""The label check without a page: which draw a number is, what marks say, and marks written down."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentlab import (
    AugMix,
    Blend,
    Brightness,
    Compose,
    FancyPCA,
    GaussianBlur,
    HorizontalFlip,
    Invert,
    MixUp,
    OneOf,
    RandAugment,
    RandomOrder,
    Rotate,
    SomeOf,
    choice,
    uniform,
)
from augmentlab import labelcheck as check
from augmentlab.compose import flatten
from augmentlab.labelcheck import Deck, Marks, report, rows, wilson

TURN = Rotate(angle=uniform(-180, 180))
NAMES = tuple(f"image {k}" for k in range(6))
CLASSES = ("6", "9", "1", "6", "9", "1")


def deck(pipeline=TURN, **options):
    return Deck(pipeline=pipeline, names=NAMES, classes=CLASSES, **options)


def row_of(made, step):
    return next(row for row in made if row.step == step)


# --- draws ---------------------------------------------------------------------------------------------------------------

STEPS = st.sampled_from(
    [TURN, Rotate(angle=uniform(-9, 9), p=0.5), HorizontalFlip(p=0.3), Invert(), Brightness.typical()]
)
PIPELINES = st.recursive(
    STEPS,
    lambda inner: st.builds(
        lambda group, steps, p: group(tuple(steps), p=p),
        st.sampled_from([Compose, OneOf, SomeOf, RandomOrder]),
        st.lists(inner, min_size=1, max_size=4),
        st.sampled_from([1.0, 0.6]),
    ),
    max_leaves=8,
)


@given(pipeline=PIPELINES, seed=st.integers(0, 9), number=st.integers(0, 10**6 - 1))
@settings(deadline=None)
def test_a_draw_is_that_of_the_pipeline_and_each_part_is_put_down_to_its_own_step(pipeline, seed, number):
    made = deck(pipeline, seed=seed)
    draw = made.draw(number)
    assert draw.drawn == (pipeline.sample((seed, number, 1)) or Compose(()))
    assert [part for _, part in draw.active] == [one for one in flatten(draw.drawn) if not one.is_identity]
    for place, part in draw.active:
        step = made.steps[place]
        assert type(part) is type(step)
        assert all(
            abs(getattr(part, name)) <= value.high if hasattr(value, "high") else getattr(part, name) == value
            for name, value in vars(step).items()
            if name != "p"
        )
    assert "_place" not in "".join(map(repr, map(vars, draw.drawn.walk())))
    assert deck(pipeline, seed=seed).draw(number) == draw


def test_of_two_alike_the_one_that_was_drawn_is_named():
    made = deck(OneOf([Rotate(angle=uniform(0, 9)), Rotate(angle=uniform(0, 10))]))
    assert made.labels == ("Rotate", "Rotate (2)")
    places = [made.draw(number).active[0][0] for number in range(200)]
    assert 60 < places.count(1) < 140
    sure = [made.draw(number) for number in range(200) if made.draw(number).active[0][1].angle > 9]
    assert {draw.active[0][0] for draw in sure} == {1}


def test_steps_inside_blends_and_policies_are_traced():
    made = deck(Compose([AugMix(width=2), RandAugment(n=1, strength=1.0)]))
    draw = made.draw(1)
    inner = [part for part in draw.drawn.walk() if not isinstance(part, (Compose, Blend))]
    assert [part for _, part in draw.active] == inner
    assert len(made.steps) == 2 * 9 + 13


def test_every_image_comes_once_before_any_comes_again():
    images = [deck(seed=4).draw(number).image for number in range(24)]
    turns = [images[start : start + 6] for start in range(0, 24, 6)]
    assert all(sorted(turn) == list(range(6)) for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1
    assert images != [deck(seed=5).draw(number).image for number in range(24)]
    draw = deck(seed=4).draw(3)
    assert (draw.name, draw.label) == (NAMES[draw.image], CLASSES[draw.image])


def test_alone_the_steps_take_turns_and_are_always_applied():
    made = deck(Compose([OneOf([TURN, Invert()], p=0.1), HorizontalFlip(p=0.01)]), alone=True)
    for number in range(12):
        ((place, part),) = made.draw(number).active
        assert place == number % 3
        assert made.draw(number).drawn == part
        assert type(part) is [Rotate, Invert, HorizontalFlip][place]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"pipeline": "Rotate"}, "pipeline must be a Transform; got str"),
        ({"pipeline": MixUp()}, "pipeline must take one image at a time; got MixUp"),
        ({"pipeline": Compose(()), "alone": True}, "pipeline must hold at least one step to draw alone; got none"),
        ({"seed": -1}, r"seed must be int in \[0, 2147483647\]; got -1"),
        ({"seed": True}, r"seed must be int in \[0, 2147483647\]; got True"),
        ({"names": ()}, "names and classes must name one image or more alike; got 0 and 6"),
    ],
)
def test_a_deck_says_what_it_needs(options, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        Deck(**{"pipeline": TURN, "names": NAMES, "classes": CLASSES} | options)


@pytest.mark.parametrize("number", [-1, 10**6, 1.0, True, None])
def test_only_numbers_name_draws(number):
    made = deck()
    made.draw(1)
    with pytest.raises(ValueError, match=r"number must be int in \[0, 1000000\)"):
        made.draw(number)


# --- marks ---------------------------------------------------------------------------------------------------------------


@given(numbers=st.lists(st.integers(0, 30)), pages=st.lists(st.integers(0, 5)))
def test_marking_twice_changes_nothing_and_pages_only_add(numbers, pages):
    marks = Marks()
    for number in numbers:
        marks = marks.toggled(number)
        assert marks.toggled(number).toggled(number) == marks
    assert marks.lost == {number for number in numbers if numbers.count(number) % 2}
    for page in pages:
        more = marks.confirmed(range(5 * page, 5 * page + 5))
        assert marks.seen <= more.seen
        assert more.lost == marks.lost
        marks = more
    assert len(marks.seen) == 5 * len(set(pages))


@given(seen=st.integers(1, 300), share=st.floats(0, 1))
def test_wilsons_interval_holds_the_share(seen, share):
    lost = round(share * seen)
    value, low, high = wilson(lost, seen)
    assert value == lost / seen
    assert 0 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1
    n, z = seen, 1.959963984540054  # the closed form, written out
    centre, half = value + z**2 / 2 / n, z * math.sqrt(value * (1 - value) / n + z**2 / 4 / n**2)
    assert (low, high) == pytest.approx(((centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)), abs=1e-9)


def test_without_a_draw_there_is_no_share():
    assert all(math.isnan(value) for value in wilson(0, 0))


@given(lost=st.sets(st.integers(0, 39)), pages=st.sets(st.integers(0, 3)), alone=st.booleans(), pipeline=PIPELINES)
@settings(deadline=None, max_examples=30)
def test_counts_add_up(lost, pages, alone, pipeline):
    made = deck(pipeline, alone=alone)
    marks = Marks(lost=frozenset(lost)).confirmed(
        number for page in pages for number in range(10 * page, 10 * page + 10)
    )
    whole, *steps = rows(made, marks)
    assert (whole.seen, whole.lost, whole.waiting) == (
        len(marks.seen),
        len(marks.lost & marks.seen),
        len(marks.lost - marks.seen),
    )
    for row in steps:
        assert row.lost <= row.seen
        if alone:
            assert row.seen_without == row.lost_without == 0
        else:
            assert (row.seen + row.seen_without, row.lost + row.lost_without) == (whole.seen, whole.lost)
    if alone:
        assert sum(row.seen for row in steps) == whole.seen
        assert sum(row.lost for row in steps) == whole.lost


def test_what_was_not_looked_at_says_nothing():
    (whole, turn) = rows(deck(), Marks(lost=frozenset({1, 50})).confirmed(range(10)))
    assert (whole.seen, whole.lost, whole.waiting) == (10, 1, 1)
    assert turn == check.rows(deck(), Marks(lost=frozenset({1, 50})).confirmed(range(10)))[1]
    assert "kept" not in turn.lost_values


def test_the_angle_that_loses_the_label_is_found():
    made = deck(Compose([GaussianBlur(sigma=uniform(0, 2), p=0.5), TURN]))
    marks = Marks().confirmed(range(96))
    for number in range(96):
        if abs(made.draw(number).active[-1][1].angle) > 120:
            marks = marks.toggled(number)
    turn = row_of(rows(made, marks), "Rotate")
    words, border = turn.rule.split(" above ")
    assert words == "|angle|"
    assert 110 < float(border.split()[0]) < 130
    assert turn.rule.endswith(f"deg: {turn.lost} of {turn.lost} lost, else 0 of {turn.seen - turn.lost}")
    assert float(turn.kept_values.split(" to ")[1].removesuffix(" deg")) <= 120
    assert row_of(rows(made, marks), "GaussianBlur").rule == ""  # it had no part in it


def test_a_class_or_a_choice_that_loses_the_label_is_found():
    made = deck(Rotate(angle=90, border=choice("wrap", "edge")))
    marks = Marks().confirmed(range(60))
    for number in range(60):
        if made.draw(number).label == "6":
            marks = marks.toggled(number)
    whole, turn = rows(made, marks)
    assert whole.rule == turn.rule == "class 6: 20 of 20 lost, else 0 of 40"
    wrapped = {number for number in range(60) if made.draw(number).drawn.border == "wrap"}
    turn = rows(made, Marks(lost=frozenset(wrapped), seen=marks.seen))[1]
    assert turn.rule == f"border wrap: {len(wrapped)} of {len(wrapped)} lost, else 0 of {60 - len(wrapped)}"
    assert (turn.lost_values, turn.kept_values) == ("border wrap", "border edge")


def test_marks_at_random_rarely_give_a_rule():
    made, rng = deck(Compose([TURN, Brightness.typical()])), np.random.default_rng(0)
    told = 0
    for _ in range(100):
        marks = Marks(lost=frozenset(np.flatnonzero(rng.random(48) < 0.2).tolist()), seen=frozenset(range(48)))
        told += bool(row_of(rows(made, marks), "Rotate").rule)
    assert told <= 8  # 5 of 100 at most are allowed, and chance


def test_the_report_is_a_table():
    made = deck(Compose([TURN, HorizontalFlip(p=0.5)]))
    table = report(made, Marks(lost=frozenset({2}), seen=frozenset(range(20))))
    assert list(table.index) == ["whole pipeline", "Rotate", "HorizontalFlip"]
    assert list(table)[:6] == ["seen", "lost", "waiting", "share", "low", "high"]
    assert table.loc["Rotate", "share"] == 0.05
    assert np.isnan(table.loc["Rotate", "share_without"])  # it is never left out
    flip = table.loc["HorizontalFlip"]
    assert flip["share_without"] == flip["lost_without"] / flip["seen_without"]
    assert table.loc["HorizontalFlip", "code"] == "HorizontalFlip(p=0.5)"
    assert list(report(deck(alone=True), Marks()).index) == ["all steps, each alone", "Rotate"]


def test_the_more_steps_the_fewer_draws_are_counted():
    assert [deck(Compose([TURN] * count)).most for count in (1, 20, 50, 1000)] == [10_000, 10_000, 4000, 200]
    made = deck(Compose([TURN] * 1000))
    assert made.labels[998:] == ("Rotate (999)", "Rotate (1000)")
    assert check.within(made, Marks(lost=frozenset({500}), seen=frozenset(range(199)))).lost == {500}
    with pytest.raises(ValueError, match="marks must be of at most 200 draws of this pipeline; got 201"):
        check.within(made, Marks(lost=frozenset({500}), seen=frozenset(range(200))))
    with pytest.raises(ValueError, match="pipeline must hold at most 1,000 steps; got 1,001"):
        deck(Compose([TURN] * 1001))


def test_a_mark_draws_no_draw_again(monkeypatch):
    made, marks = deck(Compose([TURN, HorizontalFlip(p=0.5)])), Marks(seen=frozenset(range(50)))
    before = rows(made, marks)
    drawn = []
    monkeypatch.setattr(type(made), "_active", lambda _, number: drawn.append(number) or ())
    assert rows(made, marks.toggled(7))[1].lost == 1
    assert rows(made, marks) == before
    assert drawn == []
    rows(made, marks.toggled(60))
    assert drawn == [60]


# --- written down --------------------------------------------------------------------------------------------------------


@given(
    pipeline=PIPELINES,
    seed=st.integers(0, 99),
    alone=st.booleans(),
    lost=st.sets(st.integers(0, 99)),
    seen=st.sets(st.integers(0, 99)),
)
@settings(deadline=None, max_examples=40)
def test_what_is_written_is_read(pipeline, seed, alone, lost, seen):
    made, marks = deck(pipeline, seed=seed, alone=alone), Marks(lost=frozenset(lost), seen=frozenset(seen))
    assert check.from_json(check.to_json(made, marks), NAMES, CLASSES) == (made, marks)


def test_records_with_several_numbers_in_one_field_are_read():
    made = deck(Compose([AugMix(), FancyPCA.typical()]))
    marks = Marks(lost=frozenset(range(9)))
    assert check.from_json(check.to_json(made, marks), NAMES, CLASSES) == (made, marks)


def written(**changes):
    made = deck()
    return json.dumps(json.loads(check.to_json(made, Marks(lost=frozenset({3}), seen=frozenset(range(8))))) | changes)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import os", "marks must be JSON as to_json writes it; got 'import os'"),
        ("[" * 100_000, "marks must be JSON as to_json writes it"),
        ("[]", r"marks must have schema_version 1; got \[\]"),
        (written(schema_version=2), "marks must have schema_version 1; got 2"),
        (written(more=1), "marks must have the keys .* and no other; look at 'more'"),
        (written(**{"\x1b[2J" + "x" * 100_000: 1}), r"and no other; look at '\\x1b\[2Jxxx"),
        (written(schema_version=True), "marks must have schema_version 1; got True"),
        (written(schema_version=1.0), "marks must have schema_version 1; got 1.0"),
        (None, "text must be JSON as to_json writes it; got None"),
        ({}, "text must be JSON as to_json writes it; got {}"),
        (b"\xff\xfe{", "marks must be JSON as to_json writes it; got b'"),
        (written(alone=1), "alone must be true or false; got 1"),
        (written(seed="0"), "seed must be int in .*; got '0'"),
        (written(images={"count": 6, "sha256": "0"}), "marks must be of the 6 images at hand; got those of"),
        (written(pipeline={"schema_version": 1, "transform": "os:system"}), "os:system"),
        (written(seen=[[0, 10**12]]), r"seen must be pairs \[first, end\] that follow each other, up to 1000000"),
        (written(seen=[[4, 6], [5, 9]]), "seen must be pairs"),
        (written(seen=[[0, 10**6]]), "seen must hold at most 10,000 draws of this pipeline; got more"),
        (written(seen=[[0, 5000], [5001, 10_002]]), "seen must hold at most 10,000 draws of this pipeline; got more"),
        (written(seen=[[4, 10_004]]), "marks must be of at most 10,000 draws of this pipeline; got 10,001"),
        (written(lost=[{}] * 10_001), "lost must hold at most 10,000 draws of this pipeline; got 10,001"),
        (written(lost=json.loads(written())["lost"] * 2), "lost must hold each draw once; got draw 3 again"),
        (
            written(pipeline=Compose([Invert()] * 33_000).to_dict()),
            "pipeline must hold at most 1,000 steps; got 33,000",
        ),
        (written(seen=[[0, True]]), "seen must be pairs"),
        (written(seen={"0": 1}), "seen must be pairs"),
        (written(lost=3), "lost must be a list of draws; got 3"),
        (written(lost=[{"number": 3}]), "lost must hold draws as this version makes them"),
        (written(lost=[3]), "lost must hold draws as this version makes them"),
        (written(lost=[{"number": -3}]), "number must be int in"),
    ],
)
def test_what_is_not_as_it_was_written_gets_one_sentence(text, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence) as caught:
        check.from_json(text, NAMES, CLASSES)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_draw_that_this_version_would_not_make_is_refused():
    document = json.loads(written())
    document["lost"][0]["drawn"]["steps" if "steps" in document["lost"][0]["drawn"] else "angle"] = 12.0
    with pytest.raises(ValueError, match="lost must hold draws as this version makes them"):
        check.from_json(json.dumps(document), NAMES, CLASSES)


def test_marks_of_other_images_are_refused():
    with pytest.raises(ValueError, match="marks must be of the 6 images at hand"):
        check.from_json(written(), NAMES, CLASSES[::-1])


def test_marks_of_a_file_whose_name_is_no_text_can_be_written():
    names, classes = ("caf\udce9.png",), ("",)  # as Linux gives a name whose bytes are no UTF-8
    marks = Marks(lost=frozenset({0}))
    text = check.to_json(Deck(pipeline=Rotate(angle=uniform(-9, 9)), names=names, classes=classes), marks)
    assert check.from_json(text.encode("utf-8").decode("utf-8"), names, classes)[1] == marks


def test_a_long_seed_is_not_echoed_whole():
    with pytest.raises(ValueError, match=r"seed must be int in \[0, \d+\]; got 1000") as caught:
        Deck(pipeline=Rotate(angle=5), names=("a",), classes=("",), seed=10**400)
    assert len(str(caught.value)) < 200

"""The exported page, read as a parser reads it."""

import base64
import hashlib
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augmentlab import Compose, Rotate, from_dict, render, uniform
from augmentlab.widgets.page import Frame, page

NASTY = "</script><script>alert('1')</script>\"'&<!-- ]]> <b>"
PIPELINE = Compose((Rotate(angle=uniform(-20, 20)),))


class Reader(HTMLParser):
    """Tags with their attributes, and the text of each kind of element."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "input"}:
            self.open.append(tag)
            self.texts.append((tag, ""))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if self.texts and self.open and self.texts[-1][0] == self.open[-1]:
            self.texts[-1] = (self.open[-1], self.texts[-1][1] + data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag):
        return [text for name, text in self.texts if name == tag]


def frames(count=5, **given):
    return [
        Frame(**{"label": f"{index} deg", "picture": picture(50 * index), "alt": f"a square at {index}"} | given)
        for index in range(count)
    ]


def picture(level, format="jpeg"):
    return render.encode(np.full((12, 16, 3), level, np.uint8), format)


def made(frames, **given):
    words = {"title": "Rotate on digits", "slider": "Rotate angle", "caption": "seed 0", "code": PIPELINE.code()}
    return page(frames, **(words | {"document": PIPELINE.to_dict()} | given))


def test_every_frame_is_in_the_page_with_its_words():
    read = Reader(made(frames(5)))
    pictures = read.all("img")
    assert [one["alt"] for one in pictures] == [f"a square at {index}" for index in range(5)]
    for index, one in enumerate(pictures):
        kind, data = one["src"].split(",")
        assert kind == "data:image/jpeg;base64"
        assert base64.b64decode(data, validate=True) == picture(50 * index)
    assert read.open == []
    assert "Rotate on digits" in read.text("title") + read.text("h1")
    assert read.text("figcaption") == ["seed 0"]


def test_the_slider_has_a_name_and_words():
    read = Reader(made(frames(5)))
    (slider,) = read.all("input")
    assert slider["type"] == "range"
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "4", "0")
    assert slider["aria-valuetext"] == "0 deg"
    assert read.all("label") == [{"for": slider["id"]}]
    assert read.text("label") == ["Rotate angle"]
    assert read.all("output")[0]["for"] == slider["id"]
    assert read.text("output") == ["0 deg"]


def test_the_frame_of_the_start_is_shown_whatever_else_there_is_of_it():
    read = Reader(made(frames(5, code="x"), start=3))
    shown = [place for place, (_, one) in enumerate(read.tags) if one.get("class") == "shown"]
    assert len(shown) == 3  # picture, label and code
    assert read.tags[shown[0] + 1][1]["alt"] == "a square at 3"
    (slider,) = read.all("input")
    assert (slider["value"], slider["aria-valuetext"]) == ("3", "3 deg")
    assert read.text("output") == ["3 deg"]
    for start in (-1, 5):
        with pytest.raises(ValueError, match=f"start must be a frame, below 5; got {start}"):
            made(frames(5), start=start)


def test_the_code_and_the_json_are_the_pipeline():
    read = Reader(made(frames(2)))
    code, document = read.text("code")
    assert code == PIPELINE.code()
    assert from_dict(json.loads(document)) == PIPELINE


def test_a_frame_may_have_code_of_its_own():
    steps = [
        Frame(label=f"{angle} deg", picture=picture(angle), alt="", code=Rotate(angle=angle).code())
        for angle in (5.0, 10.0)
    ]
    read = Reader(made(steps))
    assert read.text("code")[:2] == [step.code for step in steps]
    assert len(read.text("code")) == 4


def test_one_frame_needs_no_slider():
    read = Reader(made(frames(1)))
    assert read.all("input") == []
    assert len(read.all("img")) == 1


def test_nothing_comes_from_elsewhere():
    text = made(frames(3))
    read = Reader(text)
    for tag, attributes in read.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form", "a"}
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} has {name}"
            assert name not in {"href", "srcset", "action", "style", "background", "poster", "data"}
            if name == "src":
                assert tag == "img"
                assert value.startswith("data:image/jpeg;base64,")
    assert "http:" not in text
    assert "https:" not in text
    assert "//" not in "".join(read.text("style"))
    assert "@import" not in text
    assert "url(" not in text


def test_the_policy_admits_the_page_itself_and_nothing_else():
    read = Reader(made(frames(3)))
    (policy,) = [one["content"] for one in read.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("script", "style"):
        (inside,) = read.text(tag)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    assert set(rules) == {"default-src", "img-src", "script-src", "style-src", "base-uri", "form-action"}


def test_words_from_outside_stay_words():
    text = made(
        [Frame(label=NASTY, picture=picture(9), alt=NASTY, code=NASTY)] * 3,
        title=NASTY,
        slider=NASTY,
        caption=NASTY,
        code=NASTY,
        document={NASTY: NASTY},
    )
    read, plain = Reader(text), Reader(made(frames(3, code="x")))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert {frozenset(attributes) for _, attributes in read.tags} == {
        frozenset(attributes) for _, attributes in plain.tags
    }
    assert [one["alt"] for one in read.all("img")] == [NASTY] * 3
    assert read.text("title") == read.text("h1") == read.text("figcaption") == read.text("label") == [NASTY]
    assert read.text("code")[:4] == [NASTY] * 4
    assert json.loads(read.text("code")[4]) == {NASTY: NASTY}


@given(st.text())
def test_any_text_makes_a_page_that_utf8_holds(text):
    made([Frame(label=text, picture=b"x", alt=text)] * 2, title=text, caption=text, code=text).encode("utf-8")


def test_a_file_name_that_is_no_text_and_a_nul_are_replaced():
    text = made(frames(1), title="caf\udce9\0.png")
    assert text.encode("utf-8")
    assert Reader(text).text("h1") == ["caf?\N{REPLACEMENT CHARACTER}.png"]


def test_what_cannot_be_shown_is_one_sentence():
    with pytest.raises(ValueError, match="at least one frame; got none"):
        made([])
    with pytest.raises(ValueError, match=r"mime must be one of .*; got 'image/svg\+xml'"):
        made(frames(2, mime="image/svg+xml"))

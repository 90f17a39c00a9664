"""The palette without a browser: what it offers, its pictures, when they are made; steps moved and weighed from the page."""

import asyncio
import io
import json

import numpy as np
import pytest
from PIL import Image

from augmentlab import (
    Brightness,
    Compose,
    Gamma,
    HorizontalFlip,
    Invert,
    OneOf,
    Rotate,
    Sample,
    Standardize,
    transforms,
)
from augmentlab import uniform as between
from augmentlab.widgets import Explorer, palette
from augmentlab.widgets.palette import Palette, previews

y, x = np.mgrid[:60, :90]
PHOTO = np.stack([2 * x, 3 * y, 255 * (((x - 40) ** 2 + (y - 25) ** 2) < 300)], axis=-1).astype(np.uint8)
MASKED = Sample(PHOTO, mask=PHOTO[..., 2] // 255, boxes=[[20, 5, 60, 45]])
NAMES = [name for name in transforms.__all__ if getattr(transforms, name).needs == "image"]


def opened(images, **traits):
    """A palette on an image, or on what `images` gives, after it was opened."""
    made = Palette({"image"}, images if callable(images) else lambda: images)
    made._on_message({"open": True})
    return made


def pictures_of(shown):
    """The pictures by name, as the page cuts them out."""
    sprite = np.asarray(Image.open(io.BytesIO(shown.sprite)))
    return {name: sprite[y : y + h, x : x + w] for name, (x, y, w, h) in shown.places.items()}


# --- The cards -----------------------------------------------------------------------------------------------------------


def test_cards_are_grouped_and_say_what_a_transform_does():
    offered = dict(palette.catalog({"image"}))
    assert list(offered) == [family for family in transforms.FAMILIES if family != "Mixing"]
    assert [name for name, *_ in offered["Colour and tone"]] == transforms.FAMILIES["Colour and tone"]
    cards = {name: (sentence, also) for family in offered.values() for name, sentence, also in family}
    assert sorted(cards) == sorted(NAMES)
    assert cards["HorizontalFlip"] == ("Mirror left and right, bit-exact (numpy.fliplr)", "")
    assert "Cutout" in cards["CoarseDropout"][0]  # found by its name elsewhere
    assert cards["ColorJitter"][1] == "brightness contrast saturation hue order"
    assert json.loads(json.dumps(list(offered.items()))) == [[name, found] for name, found in offered.items()]


@pytest.mark.parametrize(("met", "offered"), [({"image"}, False), ({"image", "mask"}, True)])
def test_what_cannot_be_applied_is_not_offered(met, offered):
    names = [name for _, cards in palette.catalog(met) for name, *_ in cards]
    assert ("MaskDropout" in names) is offered
    assert "MixUp" not in names


# --- The pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "image",
    [PHOTO, (PHOTO / 255).astype(np.float32), np.dstack([PHOTO, PHOTO[..., :1]]), MASKED],
    ids=["rgb", "float", "rgba", "sample"],
)
def test_every_transform_gets_its_picture(image):
    made = dict(previews([*NAMES, *["MaskDropout"] * isinstance(image, Sample)], image))
    assert [name for name, picture in made.items() if picture is None] == []
    before = made.pop("")
    assert before.shape == (60, 60, 3)
    alike = [name for name, picture in made.items() if np.array_equal(picture, before)]
    # What it does is not seen at this size or on these values.
    assert set(alike) <= {
        "LetterBox",
        "LongestMaxSize",
        "ConvertChannels",
        "Normalize",
        "AutoContrast",
        "ChannelDropout",
    }


def test_pictures_are_the_same_each_time_and_show_the_middle():
    names = ["Rotate", "GaussianNoise", "CoarseDropout", "CenterCrop"]
    first, second = dict(previews(names, PHOTO)), dict(previews(names, PHOTO))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert np.array_equal(first[""], PHOTO[:, 15:75])
    assert first["CenterCrop"].shape == (30, 30, 3)  # smaller than the image, as it is
    large = dict(previews(["Invert"], np.full((300, 500), 64, np.uint8)))
    assert large["Invert"].shape == (72, 72, 3)
    assert np.all(large["Invert"] == 191)
    tiny = dict(previews(["HorizontalFlip"], np.arange(64, dtype=np.uint8).reshape(8, 8)))
    assert tiny["HorizontalFlip"].shape == (72, 72, 3)  # enlarged by a whole factor


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9), np.uint8), np.ones((1, 1, 3), np.float32)], ids=["black", "one pixel"]
)
def test_an_image_on_which_nothing_is_seen_stops_nothing(image):
    made = dict(previews(NAMES, image))
    assert list(made) == ["", *NAMES]
    assert made["Invert"] is not None


def test_a_transform_that_fails_has_no_picture_and_the_others_have(monkeypatch):
    def fail(*_arguments):
        raise RuntimeError("no")

    monkeypatch.setattr(transforms.Invert, "curve", fail)
    shown = opened(PHOTO)
    assert "Invert" not in shown.places
    assert set(shown.places) == {"", *NAMES} - {"Invert"}
    pictures = pictures_of(shown)
    assert np.abs(pictures[""].astype(int) - PHOTO[:, 15:75]).mean() < 6
    assert np.abs(pictures["HorizontalFlip"].astype(int) - PHOTO[:, 15:75][:, ::-1]).mean() < 6


def test_pictures_are_made_when_it_is_opened_and_once_an_image():
    asked, now = [], [PHOTO]

    def image():
        asked.append(True)
        return now[0]

    shown = Palette({"image"}, image)
    shown.refresh()
    assert (asked, shown.sprite) == ([], b"")
    shown._on_message({"open": True})
    first = shown.sprite
    assert len(first) > 10_000
    sent = []
    shown.observe(sent.append, ["sprite", "places"])
    shown._on_message({"open": False})
    shown._on_message({"open": True})
    assert sent == []
    now[0] = PHOTO[::-1].copy()
    shown.refresh()
    assert shown.sprite != first
    shown._on_message({"open": False})
    sent.clear()
    now[0] = PHOTO
    shown.refresh()
    assert sent == []
    shown._on_message({"open": True})
    assert shown.sprite == first


def test_without_a_readable_image_the_cards_have_no_pictures():
    def broken():
        raise ValueError("a.png is no image")

    shown = opened(broken)
    assert (shown.sprite, shown.places) == (b"", {})
    assert shown.catalog


def test_the_loop_stays_free_and_closing_stops_the_work(monkeypatch):
    made = []

    async def use():
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def watched(names, image):
            for name, picture in previews(names, image):
                made.append(name)
                loop.call_soon_threadsafe(begun.set)
                yield name, picture

        monkeypatch.setattr(palette, "previews", watched)
        shown = opened(PHOTO)
        assert shown.sprite == b""  # not yet: the cards are there before
        await begun.wait()
        shown._on_message({"open": False})
        await asyncio.sleep(0.3)
        stopped = len(made)
        shown._on_message({"open": True})
        await shown.wait_idle()
        return stopped, shown

    stopped, shown = asyncio.run(use())
    assert stopped < len(NAMES)
    assert set(shown.places) == {"", *NAMES}


def test_what_takes_long_is_shown_as_it_comes(monkeypatch):
    monkeypatch.setattr(palette, "_EVERY_S", 0.0)

    async def use():
        shown, counts = opened(PHOTO), []
        shown.observe(lambda change: counts.append(len(change["new"])), "places")
        await shown.wait_idle()
        return counts

    counts = asyncio.run(use())
    assert counts == sorted(counts)
    assert len(counts) > 3
    assert counts[-1] == len(NAMES) + 1


# --- In the explorer -----------------------------------------------------------------------------------------------------


def pipeline_of(explorer):
    return [type(step).__name__ for step in explorer.value.steps]


def test_a_card_adds_its_step_and_says_where_and_the_pictures_follow_the_image():
    explorer = Explorer({"one": PHOTO, "two": PHOTO[::-1].copy()}, OneOf([Invert()]), draws=1, size=40)
    click = explorer.palette._handle_custom_msg
    click({"open": True}, [])
    first = explorer.palette.sprite
    assert first
    click({"add": "Gamma"}, [])
    assert explorer.palette.said == "Gamma is step 1.2."
    assert explorer.value.steps[0].steps[1] == Gamma.typical()
    explorer.index = 1
    assert explorer.palette.sprite != first
    click({"add": "MixUp"}, [])  # the page does not offer it
    assert explorer.palette.said == "Gamma is step 1.2."


def test_a_step_is_dragged_into_a_group_and_out_and_what_is_not_allowed_is_said():
    flip, light, turn = HorizontalFlip(p=0.5), Brightness(delta=between(-0.2, 0.2)), Rotate(angle=between(-9, 9))
    explorer = Explorer(PHOTO, Compose([turn, OneOf([light], weights=(2,)), flip, Standardize()]), draws=1, size=40)
    explorer._on_step({"move": [2], "to": [0]})
    assert pipeline_of(explorer) == ["HorizontalFlip", "Rotate", "OneOf", "Standardize"]
    explorer._on_step({"move": [0], "to": [2, 1]})
    assert explorer.value.steps[1] == OneOf([light, flip], weights=(2, 1))
    explorer._on_step({"move": [1, 0], "to": [0]})
    assert explorer.value == Compose([light, turn, OneOf([flip]), Standardize()])
    explorer._on_step({"move": [3], "to": [0]})
    assert "Brightness cannot follow Standardize" in explorer.view.error
    assert pipeline_of(explorer) == ["Brightness", "Rotate", "OneOf", "Standardize"]
    for _ in range(3):
        explorer.undo()
    assert pipeline_of(explorer) == ["Rotate", "OneOf", "HorizontalFlip", "Standardize"]


def row(explorer, path):
    return next(step for step in explorer.steps.steps if step["path"] == path)


def test_weights_are_typed_shown_as_shares_and_undone():
    explorer = Explorer(PHOTO, Compose([OneOf([Invert(), HorizontalFlip()]), Rotate(angle=5)]), draws=1, size=40)
    explorer.select(1)
    assert [row(explorer, [0, k])["weight"] for k in (0, 1)] == ["1", "1"]
    assert "weight" not in row(explorer, [0])
    explorer._on_step({"weigh": [0, 1], "weight": "3"})
    assert explorer.value.steps[0].weights == (1, 3)
    assert [row(explorer, [0, k])["share"] for k in (0, 1)] == ["25%", "75%"]
    assert explorer.steps.selected == [1]  # nothing else changes
    explorer._on_step({"weigh": [0, 1], "weight": "much"})
    assert row(explorer, [0, 1])["error"] == "weight must be a number >= 0; got 'much'"
    assert row(explorer, [0, 0])["error"] == ""
    explorer._on_step({"weigh": [0, 1], "weight": "0"})
    assert row(explorer, [0, 1])["error"] == ""
    explorer._on_step({"weigh": [0, 0], "weight": "0"})
    assert "not all 0" in row(explorer, [0, 0])["error"]
    assert explorer.value.steps[0].weights == (1, 0)
    explorer.undo()
    explorer.undo()
    assert explorer.value.steps[0].weights is None

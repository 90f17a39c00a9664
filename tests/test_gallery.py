"""The label check without a browser: its Python object, its pages, and its files."""

import asyncio
import contextlib
import io
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import traitlets
from PIL import Image

import augmentlab
from augmentlab import (
    Compose,
    Dataset,
    GaussianBlur,
    HorizontalFlip,
    Invert,
    LabelCheck,
    PixelTransform,
    Rotate,
    Sample,
    label_check,
    uniform,
)
from augmentlab.widgets import gallery

PHOTOS = np.random.default_rng(0).integers(0, 256, (20, 24, 32, 3), dtype=np.uint8)
DATA = Dataset(PHOTOS, ["cat", "dog"] * 10)
PIPELINE = Compose([Rotate(angle=uniform(-180, 180)), HorizontalFlip(p=0.5)])


def checked(images=DATA, pipeline=PIPELINE, **options):
    return label_check(images, pipeline, **{"rows": 2, "columns": 3, "size": 32} | options)


def frame_of(check):
    return np.asarray(Image.open(io.BytesIO(check.view.frame)))


def cut(array, place):
    x, y, width, height = place
    return array[y : y + height, x : x + width].astype(float)


def said(check):
    """Seen, lost and waiting of the first line of the table."""
    row = check.view.report[0]
    return row["seen"], row["lost"], row["waiting"]


def test_a_page_shows_draws_their_originals_and_their_classes():
    check = checked()
    tiles, frame = check.view.tiles, frame_of(check)
    assert [tile["number"] for tile in tiles] == list(range(6))
    assert check.view.size == [3 * 32 + 2 * 6, 2 * 24 + 6]
    assert frame.shape[0] > check.view.size[1]  # the originals lie below
    for tile in tiles:
        draw = check.deck.draw(tile["number"])
        assert tile["label"] == draw.label == DATA.classes[DATA.labels[draw.image]]
        assert np.abs(cut(frame, tile["original"]) - PHOTOS[draw.image]).mean() < 12  # JPEG of noise
        assert np.abs(cut(frame, tile["place"]) - draw.drawn.apply(PHOTOS[draw.image])).mean() < 12
        assert tile["steps"] == [repr(step) for step in draw.drawn.steps]


def test_an_image_drawn_often_is_sent_once():
    check = checked(PHOTOS[0])
    assert len({tuple(tile["original"]) for tile in check.view.tiles}) == 1
    assert check.view.tiles[0]["label"] == "original"


def test_only_pages_that_were_done_count():
    check = checked()
    check.mark(2)
    assert said(check) == (0, 0, 1)
    assert check.report().loc["whole pipeline", "seen"] == 0
    check.page_done()
    assert said(check) == (6, 1, 0)
    check.next_page()
    assert (check.page, [tile["number"] for tile in check.view.tiles]) == (6, list(range(6, 12)))
    assert said(check) == (6, 1, 0)  # the new page is not done
    check.previous_page()
    assert (check.page, check.view.lost) == (0, [2])
    assert "1 marked, done" in check.view.status
    check.next_page()
    assert said(check) == (6, 1, 0)  # going on from a page twice counts it once
    assert "not done yet" in check.view.status
    check.next_page()
    assert said(check) == (12, 1, 0)
    check.mark(2)
    assert said(check) == (12, 0, 0)


def test_the_first_page_has_none_before_it():
    check = checked()
    check.previous_page()
    assert check.page == 0


def test_marks_are_undone_where_they_were_made():
    check = checked()
    check.mark(1)
    check.next_page()
    check.mark(7)
    check.undo()
    assert (check.page, check.marks.lost) == (6, {1})
    check.undo()
    assert (check.page, check.marks.lost) == (0, set())
    check.undo()
    assert check.marks.seen == set(range(6))


def test_messages_of_the_page_do_the_same_and_old_ones_nothing():
    check = checked()
    send = check._on_message
    send({"mark": 3})
    send({"next": 0})
    send({"next": 0})  # a second click before the new page was seen
    assert (check.page, check.marks.seen) == (6, set(range(6)))
    send({"done": 6})
    assert len(check.marks.seen) == 12
    send({"previous": 6})
    assert check.page == 0
    send({"undo": True})
    assert check.lost == ()
    send({"nothing": 1})


@pytest.mark.parametrize(
    "message", [None, [], "undo", 5, {}, {"mark": "1"}, {"mark": None}, {"done": []}, {"next": {}}, {"previous": -1}]
)
def test_a_message_that_is_none_is_not_heeded(message):
    check = checked()
    check._on_message(message)
    assert (check.page, check.marks, check.view.error) == (0, augmentlab.labelcheck.Marks(), "")


@pytest.mark.parametrize("number", [-1, 10**6, 10**400, True])
def test_a_mark_on_no_draw_gets_its_sentence_and_the_next_one_is_set(number):
    check = checked()
    check._on_message({"mark": number})
    assert check.view.error.startswith("number must be int in [0, 1000000); got ")
    check._on_message({"mark": 3})
    check._on_message({"undo": True})
    check._on_message({"mark": 2})
    assert check.view.lost == [2]


def test_more_than_a_person_looks_at_is_not_counted(tmp_path):
    check = checked(pipeline=Compose([Invert()] * 1000))
    check.marks = check.marks.confirmed(range(50, 245))
    check._on_message({"done": 0})
    assert check.view.error == "marks must be of at most 200 draws of this pipeline; got 201"
    check.mark(1)
    assert (len(check.marks.seen), check.marks.lost) == (195, {1})
    check.save(tmp_path / "marks.json")
    assert LabelCheck.load(tmp_path / "marks.json", DATA).marks == check.marks


def test_the_size_of_a_page_does_not_change_which_draw_is_which():
    check = checked()
    check.next_page()
    check.next_page()
    first = {tile["number"]: tile["steps"] for tile in check.view.tiles}
    check.columns = 5
    again = {tile["number"]: tile["steps"] for tile in check.view.tiles}
    assert check.page == 10
    assert {number: again[number] for number in first if number in again} == {
        number: steps for number, steps in first.items() if number in again
    }
    assert 12 in again
    assert check.marks.seen == set(range(12))
    for name, value in (("rows", 0), ("columns", 13)):
        with pytest.raises(traitlets.TraitError):
            setattr(check, name, value)


def test_lost_draws_tell_how_to_make_them_again():
    check = checked()
    check.mark(4)
    (lost,) = check.lost
    assert (lost.number, lost.seed, lost.label) == (4, 0, check.view.tiles[4]["label"])
    names = {}
    exec(lost.drawn.code(), names)
    assert names["pipeline"] == lost.drawn == check.deck.draw(4).drawn
    assert lost == checked(columns=4).deck.draw(4)


def test_one_step_alone():
    check = checked(alone=True)
    assert [tile["steps"][0].partition("(")[0] for tile in check.view.tiles] == ["Rotate", "HorizontalFlip"] * 3
    check.mark(0)
    check.page_done()
    table = check.report()
    assert table.loc["Rotate", ["seen", "lost"]].tolist() == [3, 1]
    assert table.loc["HorizontalFlip", ["seen", "lost"]].tolist() == [3, 0]
    assert "due to that step" in check.view.footnote


def test_marks_are_saved_and_taken_up_again(tmp_path):
    check = checked(seed=5)
    check.mark(2)
    check.next_page()
    check.mark(8)
    path = tmp_path / "marks.json"
    path.write_text("old")
    check.save(path)
    assert [one.name for one in tmp_path.iterdir()] == ["marks.json"]
    again = LabelCheck.load(path, DATA, rows=2, columns=3, size=32)
    assert (again.deck, again.marks) == (check.deck, check.marks)
    assert again.page == 6  # where it was left
    assert again.lost == check.lost
    assert said(again) == said(check)
    with pytest.raises(ValueError, match="marks must be of the 1 images at hand"):
        LabelCheck.load(path, PHOTOS[0])


@pytest.mark.skipif(os.name != "posix", reason="devices of POSIX")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"marks must be JSON .* at most 16 MB"),
        (b"\xff\xfe{", "marks must be JSON as to_json writes it; got b'"),
        (b" " * (16 * 2**20 + 1), "at most 16 MB"),
        (b"", "marks must be JSON"),
    ],
    ids=["a device without end", "no text", "too long", "empty"],
)
def test_a_file_that_holds_no_marks_ends_in_one_sentence(tmp_path, content, sentence):
    path = Path("/dev/zero") if content is None else tmp_path / "marks.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as caught:
        LabelCheck.load(path, DATA)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert not isinstance(caught.value, UnicodeError)


def test_marks_are_read_from_where_they_were_written(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    checked(seed=7).save("~/marks.json")
    assert LabelCheck.load("~/marks.json", DATA).deck.seed == 7


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    check, path = checked(), tmp_path / "marks.json"
    check.save(path)
    before = path.read_text()
    check.mark(1)

    def full(_descriptor):
        raise OSError("no space left")

    monkeypatch.setattr(gallery.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        check.save(path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_file_is_left_out_with_a_sentence_and_counts_nowhere(tmp_path):
    for name in ("a", "b", "c"):
        Image.fromarray(PHOTOS[0]).save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_text("no picture")
    check = checked(tmp_path, Invert())
    assert len(check.view.tiles) == 4
    assert check.view.error.count("is left out") == 2
    assert "b.png" in check.view.error
    check.page_done()
    assert said(check)[0] == 4
    broken = [number for number in range(6) if check.deck.draw(number).name == "b.png"]
    assert not check.marks.seen & set(broken)


@dataclass(frozen=True, kw_only=True)
class Moody(PixelTransform):
    """Raises on dark images."""

    def apply_image(self, image):
        if image.mean() < 127.5:
            raise ZeroDivisionError("too dark")
        return image


def test_a_step_that_fails_on_some_images_hides_no_other():
    check = checked(pipeline=Moody(), rows=4, columns=5)
    dark = sum(image.mean() < 127.5 for image in PHOTOS)
    assert 3 < dark < 20
    assert len(check.view.tiles) == 20 - dark
    assert "is left out: ZeroDivisionError: too dark" in check.view.error
    assert f"So are {dark - 3} others." in check.view.error
    with pytest.raises(ZeroDivisionError, match="too dark"):
        checked(np.zeros((8, 8, 3), np.uint8), Moody())


def test_in_a_notebook_pages_are_drawn_beside_it_and_a_cancelled_one_is_not_shown():
    async def used():
        check = checked()
        started, leave = threading.Event(), threading.Event()
        tiles = check._images.thumbnail

        def slow(*arguments):
            started.set()
            assert leave.wait(60)
            return tiles(*arguments)

        check._images.thumbnail = slow
        check.next_page()
        while not started.is_set():  # noqa: ASYNC110 - the worker thread knows nothing of asyncio
            await asyncio.sleep(0.001)
        check._on_message({"next": 0})  # the page on the screen is still the first
        assert check.marks.seen == set(range(6))
        check._on_message({"cancel": True})
        leave.set()
        await check.wait_idle()
        assert check.page == check.view.page == 0
        check.next_page()
        await check.wait_idle()
        assert check.page == check.view.page == 6

    asyncio.run(used())


def test_without_a_kernel_the_crossed_page_and_its_table_are_seen():
    check = checked()
    before = check._static(check._shown, check.marks, ())
    check.mark(1)
    check.page_done()
    rows = augmentlab.labelcheck.rows(check.deck, check.marks)
    content = check._static(check._shown, check.marks, rows)
    assert content.partition('style="')[0] != before.partition('style="')[0]  # the picture
    assert "<td>whole pipeline</td><td>6</td><td>1</td><td>17% (3% to 56%)</td>" in content
    assert "from augmentlab import" in content
    assert "Draws 0 to 5, 1 marked, done" in content
    crossed = gallery._crossed(np.zeros((20, 30, 3), np.uint8))
    assert crossed[0, 0, 0] > 0
    assert crossed[10, 15, 0] > 0
    assert not crossed[10, 5].any()


def test_displaying_gives_the_twin_and_then_the_page(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    monkeypatch.setattr("IPython.display.update_display", lambda data, **_: shown.append(data))
    check = checked()
    check._ipython_display_()
    assert check.view.twin in shown[0]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in shown[1]
    check.mark(1)
    assert len(shown) == 3
    assert shown[2]["text/html"] != shown[0]["text/html"]


def test_targets_are_drawn_on_the_tiles_on_request():
    boxed = Sample(np.zeros((32, 32, 3), np.uint8), boxes=np.array([[4.0, 4, 20, 20]]))
    plain, drawn = (frame_of(checked(boxed, Compose(()), overlays=overlays)) for overlays in (False, True))
    assert plain[:32, :32].max() < 20
    assert drawn[:32, :32].max() > 200


def test_an_explorer_opens_one_on_its_images_and_pipeline():
    explorer = augmentlab.explore(DATA, PIPELINE, seed=7, draws=2, size=32)
    explorer.add("Invert")
    check = explorer.label_check(rows=1, columns=4, size=32)
    assert check.deck.pipeline == explorer.value
    assert (check.deck.seed, check.deck.classes, len(check.view.tiles)) == (7, tuple(explorer._images.classes), 4)


def test_what_cannot_be_checked_gets_its_sentence():
    with pytest.raises(TypeError, match="pipeline must be a Transform; got str"):
        label_check(DATA, "Rotate")
    with pytest.raises(TypeError, match="images must be an image"):
        label_check(3, PIPELINE)
    assert repr(checked(pipeline=GaussianBlur(sigma=1))) == "LabelCheck(GaussianBlur(sigma=1.0), 0 seen, 0 lost)"


def test_next_goes_on_past_a_page_of_which_nothing_can_be_drawn(tmp_path):
    for name in "abc":
        Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "d.png").write_text("no image")
    check = LabelCheck(tmp_path, Invert(), rows=1, columns=1)
    for _ in range(8):  # each image comes twice
        with contextlib.suppress(ValueError):  # of the broken one, shown as well
            check.next_page()
    assert check.page == 8
    assert len(check.marks.seen) == 6
    again = LabelCheck.from_json(check.to_json(), tmp_path, rows=1, columns=1)
    assert again.page == 8

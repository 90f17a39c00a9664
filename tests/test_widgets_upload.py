"""Uploads without a browser: the pieces, the decoding in a thread, the names; and the images that an explorer gains."""

import asyncio
import io
import threading

import numpy as np
import pytest
from PIL import Image

from augmentlab import Compose, Invert, Sample, data, explore
from augmentlab.data import folder
from augmentlab.widgets import Explorer
from augmentlab.widgets.images import _KEPT_SMALL, Images
from augmentlab.widgets.upload import LIMIT, PIECE, Incoming, Upload

PHOTO = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def encoded(image=PHOTO, format="png", **options):
    file = io.BytesIO()
    Image.fromarray(image).save(file, format, **options)
    return file.getvalue()


class Page:
    """What upload.js does, and what it is answered."""

    def __init__(self, upload):
        self.upload, self.answers = upload, []
        upload.send = self.answers.append

    def begin(self, size, key="k", name="a.png"):
        self.upload._on_message(None, {"begin": key, "name": name, "size": size}, [])
        return self.answers[-1]

    def piece(self, at, data, key="k"):
        self.upload._on_message(None, {"piece": key, "at": at}, [memoryview(data)])
        return self.answers[-1] if self.answers else None

    async def whole(self, data, key="k", name="a.png"):
        self.begin(len(data), key, name)
        for at in range(0, len(data), PIECE):
            self.piece(at, data[at : at + PIECE], key)
        await asyncio.gather(*self.upload._decoding.values())
        return self.answers[-1]


@pytest.fixture
def page():
    got = []
    page = Page(Upload(got.append, inviting=True))
    page.got = got
    return page


# --- the pieces ----------------------------------------------------------------------------------------------------------


def test_a_file_is_the_pieces_that_follow_each_other():
    file = Incoming("k", "a.png", PIECE + 2)
    parts = [b"x" * PIECE, b"yz"]
    for part in parts:
        assert file.at < file.size
        file = file.and_then(file.at, part)
    assert file.at == file.size
    assert b"".join(file.pieces) == b"".join(parts)
    assert Incoming("k", "a.png", LIMIT).at == 0


@pytest.mark.parametrize(
    ("at", "piece", "sentence"),
    [
        (PIECE + 2, b"ab", f"a.png did not arrive in order: byte {PIECE} was next; got byte {PIECE + 2}"),
        (0, b"abcd", f"a.png did not arrive in order: byte {PIECE} was next; got byte 0"),
        (-1, b"abcd", f"a.png did not arrive in order: byte {PIECE} was next; got byte -1"),
        (10**400, b"abcd", f"a.png did not arrive in order: byte {PIECE} was next; got byte 1000"),
        (PIECE, b"abcde", "a.png must come in a piece of 4 bytes here; got 5"),
        (PIECE, b"a", "a.png must come in a piece of 4 bytes here; got 1"),
        (PIECE, b"", "a.png must come in a piece of 4 bytes here; got 0"),
    ],
)
def test_a_piece_that_does_not_follow_gets_one_sentence_and_nothing_is_kept(page, at, piece, sentence):
    assert page.begin(PIECE + 4) == {"next": "k", "at": 0}
    assert page.piece(0, bytes(PIECE)) == {"next": "k", "at": PIECE}
    said = page.piece(at, piece)
    assert said.keys() == {"wrong", "sentence"}
    assert said["sentence"].startswith(sentence)
    assert len(said["sentence"]) < 160
    assert page.upload._incoming is None
    assert page.piece(PIECE, b"cdef") == {"wrong": "k", "sentence": "this file is no longer awaited; upload it again"}


@pytest.mark.parametrize("size", [1, PIECE - 1, PIECE + 1])
def test_a_piece_of_another_size_than_a_message_has_is_refused(page, size):
    page.begin(3 * PIECE)
    assert f"in a piece of {PIECE} bytes here; got {size}" in page.piece(0, bytes(size))["sentence"]


@pytest.mark.parametrize(
    ("size", "has"), [(LIMIT + 1, "200 MB"), (10**15, "1000000000 MB"), (10**400, "1000"), (0, "none"), (-1, "none")]
)
def test_a_file_too_large_or_empty_is_refused_before_a_byte_is_sent(page, size, has):
    said = page.begin(size)["sentence"]
    assert said.startswith(f"a.png must have bytes, and 200 MB at most; it has {has}")
    assert len(said) < 160
    assert page.upload._incoming is None


def test_a_cancelled_file_is_forgotten_and_a_new_one_takes_the_place_of_an_old_one(page):
    page.begin(PIECE + 3)
    page.piece(0, bytes(PIECE))
    page.upload._on_message(None, {"cancel": "other"}, [])
    assert page.upload._incoming.at == PIECE
    page.upload._on_message(None, {"cancel": "k"}, [])
    assert page.upload._incoming is None
    page.begin(PIECE + 3, "left")  # by a page that was closed
    page.begin(PIECE + 3, "new")
    assert page.piece(0, bytes(PIECE), "left")["wrong"] == "left"
    assert page.piece(0, bytes(PIECE), "new") == {"next": "new", "at": PIECE}


def test_a_message_that_is_none_of_these_is_not_heeded(page):
    for message in ({}, {"begin": 1}, {"piece": "k"}, {"begin": "k", "name": "a", "size": "9"}, {"cancel": None}):
        page.upload._on_message(None, message, [])
    for buffers in ([b"a", b"b"], [], None):
        page.upload._on_message(None, {"piece": "k", "at": 0}, buffers)
    for message in (None, [], "begin", 5):
        page.upload._on_message(None, message, [])
    assert page.answers == []


# --- decoding ------------------------------------------------------------------------------------------------------------


def test_what_arrived_is_decoded_and_only_its_bytes_are_kept(page):
    upright = encoded(PHOTO, "jpeg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(np.ascontiguousarray(np.rot90(PHOTO)), "jpeg", quality=95, exif=exif)
    asyncio.run(page.whole(encoded(), name="../../x\n.png"))
    asyncio.run(page.whole(turned, name=""))
    assert [message for message in page.answers if "done" in message] == [{"done": "k"}] * 2
    first, second = page.got
    assert (first.names, first.classes, first.in_memory) == (["../../x.png"], [""], False)
    assert np.array_equal(first.get(0), PHOTO)
    assert second.names == ["image"]
    assert np.abs(second.get(0).astype(int) - folder.read_bytes(upright, "")).mean() < 6
    assert page.upload.inviting is False
    assert page.upload._incoming is None
    assert page.upload._decoding == {}


def test_what_is_no_image_gets_one_sentence_and_the_next_file_arrives(page):
    async def session():
        answer = await page.whole(b"hello", name="<b>notes</b>.png")
        assert answer["sentence"] == "<b>notes</b>.png cannot be read: it is not a PNG, JPEG, TIFF, WebP or BMP image"
        assert page.got == []
        assert await page.whole(encoded(), "next") == {"done": "next"}

    asyncio.run(session())
    assert len(page.got) == 1


def test_the_loop_is_alive_while_a_file_is_decoded_and_one_cancelled_then_is_not_shown(page, monkeypatch):
    threads, may_end = [], threading.Event()

    def read(data, name):
        threads.append(threading.current_thread())
        assert may_end.wait(60)
        return PHOTO

    monkeypatch.setattr(folder, "read_bytes", read)

    async def session(cancel):
        may_end.clear()
        page.begin(3)
        page.piece(0, b"abc")
        tasks = list(page.upload._decoding.values())
        await asyncio.sleep(0.01)  # a loop that is held would never come back here, and the decoding never end
        if cancel:
            page.upload._on_message(None, {"cancel": "k"}, [])
        may_end.set()
        await asyncio.gather(*tasks)

    asyncio.run(session(cancel=True))
    assert page.got == []
    assert {"done": "k"} not in page.answers
    asyncio.run(session(cancel=False))
    assert len(page.got) == 1
    assert threading.main_thread() not in threads


def test_sixty_megapixels_leave_the_loop_alive():
    large = encoded(np.full((6000, 10_000), 77, np.uint8), "jpeg")

    async def session():
        explorer = Explorer(PHOTO, Invert(), draws=1)
        page = Page(explorer.upload)
        done = asyncio.ensure_future(page.whole(large))
        turns = 0
        while not done.done():
            await asyncio.sleep(0.001)
            turns += 1
        await explorer.wait_idle()
        return explorer, done.result(), turns

    explorer, answer, turns = asyncio.run(session())
    assert answer == {"done": "k"}
    assert turns > 10
    assert explorer.tiles[0].image.shape == (86, 144, 3)
    assert (explorer.tiles[1].image == 255 - 77).all()


# --- the explorer --------------------------------------------------------------------------------------------------------


def test_an_upload_is_shown_at_once_whatever_class_was_chosen(tmp_path):
    for name in ("cat/a", "dog/b"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(PHOTO).save(tmp_path / f"{name}.png")
    explorer = Explorer(tmp_path, Invert(), draws=1)
    explorer.only = "dog"

    async def session():
        page = Page(explorer.upload)
        for name in ("a.png", "a.png", "cat/a.png"):
            await page.whole(encoded(255 - PHOTO), name=name)
        await explorer.wait_idle()

    asyncio.run(session())
    assert explorer.only == ""
    assert explorer.view.frame.labels[0][1] == "cat/a.png (2)"
    assert [name for name, _ in explorer.picker._menu.options[2:]] == ["a.png", "a.png (2)", "cat/a.png (2)"]
    assert explorer.picker._menu.value == explorer.index == 4
    small = explorer._images.thumbnail(4, 144)
    assert np.array_equal(small, 255 - PHOTO)


def test_the_picker_comes_with_the_second_image_and_names_give_way_to_numbers():
    explorer = Explorer(PHOTO, Invert(), draws=1)
    assert explorer.picker.children == ()
    explorer.add_images({"b": PHOTO[::-1]})
    menu = explorer.picker.children[0].children[0]
    assert menu.options == (("original", 0), ("b", 1))
    assert explorer.index == menu.value == 1
    menu.value = 0
    assert explorer.index == 0
    assert explorer.view.frame.labels == [(0, "original")]
    explorer.picker._step(1)
    assert explorer.index == 1
    explorer.picker._rows.value = 2
    assert len(explorer.tiles) == 4
    explorer.add_images([PHOTO] * 99)
    number = explorer.picker.children[0].children[0]
    assert number.value == explorer.index == 100
    assert number.max == 100
    number.value = 3
    assert explorer.index == 3


def test_what_can_be_done_follows_the_images():
    explorer = Explorer(Sample(PHOTO, mask=PHOTO[..., 0] // 64), draws=1)
    assert "MaskDropout" in str(explorer.palette.catalog)
    assert explorer._overlays.layout.display != "none"
    explorer.add_images(PHOTO)
    assert "MaskDropout" not in str(explorer.palette.catalog)
    plain = Explorer(PHOTO, draws=1)
    assert plain._overlays.layout.display == "none"
    plain.add_images(Sample(PHOTO, boxes=[[1, 1, 9, 9]]))
    assert plain._overlays.layout.display != "none"
    with pytest.raises(TypeError, match="images must be an image"):
        plain.add_images(3)
    assert len(plain._images) == 2


def test_without_images_a_photograph_is_shown_and_it_asks_for_them():
    explorer = explore(draws=1)
    assert explorer.upload.inviting
    assert explorer.value == Compose(())
    assert explorer.view.frame.labels == [(0, "astronaut")]
    assert np.array_equal(explorer._images.full(0), data.photos().images[0])
    assert not explore(PHOTO, draws=1).upload.inviting


def test_thumbnails_and_whole_images_of_files_are_kept_in_bounds():
    images = Images(np.zeros((3 * _KEPT_SMALL, 4, 4), np.uint8).reshape(-1, 4, 4, 1))
    for index in range(len(images)):
        images.thumbnail(index, 2)
    assert images.thumbnail.cache_info().currsize == _KEPT_SMALL


def test_names_stay_unlike():
    images = Images({"a": PHOTO, "a (2)": PHOTO})
    assert images.add({"a": PHOTO}) == 2
    images.add([PHOTO, PHOTO])
    images.add(PHOTO)
    images.add(PHOTO)
    assert images.names == ["a", "a (2)", "a (3)", "image 0", "image 1", "original", "original (2)"]

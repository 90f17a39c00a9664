"""What an explorer leaves behind: a page, a picture at full resolution, an arm and code for a study, files to download."""

import asyncio
import io
import json

import numpy as np
import pytest
from PIL import Image

from augmentlab import Compose, HorizontalFlip, Invert, OneOf, Rotate, Sample, Standardize, study, uniform
from augmentlab.widgets import Explorer, export
from augmentlab.widgets.save import File, Save

PHOTO = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("pipeline", "over", "name", "first", "last"),
    [
        (Rotate(angle=uniform(-9, 9)), None, "Rotate angle", "-45 deg", "45 deg"),
        (Compose([Invert(p=0.5), Rotate(angle=uniform(-9, 9))]), "Rotate.angle", "Rotate angle", "-45 deg", "45 deg"),
        (Compose([Rotate(angle=5), Rotate(angle=9)]), "Rotate[1].border", "Rotate[1] border", "constant", "wrap"),
        (Rotate(angle=uniform(-9, 9)), "strength", "Strength", "0%", "100%"),
        (HorizontalFlip(p=0.5), "seed", "Seed", "0", "4"),
    ],
)
def test_the_slider_runs_over_a_parameter_the_strength_or_seeds(pipeline, over, name, first, last):
    explorer = Explorer(PHOTO, pipeline, draws=1)
    called, positions, start = export.ladder(explorer._request(), over, 5)
    assert called == name
    assert (positions[0][0], positions[-1][0]) == (first, last)
    assert 0 <= start < len(positions)
    assert len({(repr(one.pipeline), one.seed) for _, one in positions}) == len(positions)


def test_what_a_page_cannot_run_over_is_named():
    explorer = Explorer(PHOTO, Rotate(angle=5), draws=1)
    with pytest.raises(ValueError, match=r"over must be one of .*; got \[.x.\]"):
        explorer.export_html("x.html", ["x"])
    with pytest.raises(ValueError, match=r"over must be one of Rotate\.angle, .*, strength, seed; got 'Rotate\.p'"):
        explorer.export_html("x.html", "Rotate.p")
    for count in (1, 51):
        with pytest.raises(ValueError, match=rf"frames must be an int in \[2, 50\]; got {count}"):
            explorer.export_html("x.html", frames=count)
    with pytest.raises(TypeError, match="frames must be an int"):
        explorer.export_html("x.html", frames=2.5)


def test_a_page_holds_its_frames_and_their_code_and_is_not_large(tmp_path):
    explorer = Explorer({"<b>": PHOTO, "b": PHOTO[::-1]}, Rotate(angle=uniform(-9, 9)), draws=5, rows=2)
    path = explorer.export_html(tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 11
    assert "pipeline = Compose([Rotate(angle=45.0)])" in text
    assert "<b>" not in text
    assert "&lt;b&gt;" in text
    assert path.stat().st_size < 1_500_000
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_a_file_that_is_there_stays_when_the_new_one_fails(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("before")
    explorer = Explorer(PHOTO, Rotate(angle=5), draws=1)
    with pytest.raises(ValueError, match="over must be"):
        explorer.export_html(path, "nothing")
    assert path.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_the_picture_is_drawn_at_full_resolution(tmp_path):
    explorer = Explorer(PHOTO, Invert(), draws=1, columns=2)
    saved = np.asarray(Image.open(explorer.save_png(tmp_path / "grid.png")))
    assert saved.shape == (300, 2 * 400 + 6, 3)
    assert np.array_equal(saved[:, :400], PHOTO)
    assert np.array_equal(saved[:, 406:], 255 - PHOTO)


def test_a_picture_that_would_be_too_large_is_smaller_and_says_so(tmp_path):
    explorer = Explorer(PHOTO, Invert(), draws=1, columns=2)
    with pytest.warns(UserWarning, match="the longer side of a tile is .* px instead of 400"):
        path = explorer.save_png(tmp_path / "grid.png", megapixels=0.1)
    height, width = np.asarray(Image.open(path)).shape[:2]
    assert 80_000 < height * width < 105_000
    with pytest.raises(ValueError, match="megapixels must be a number above 0; got 0"):
        explorer.save_png(path, 0)


def test_targets_and_sweeps_are_in_the_picture(tmp_path):
    sample = Sample(PHOTO, boxes=[[100, 100, 300, 200]])
    explorer = Explorer(sample, Rotate(angle=5), draws=1, columns=2)
    saved = np.asarray(Image.open(explorer.save_png(tmp_path / "grid.png")))
    assert not np.array_equal(saved[:, :400], PHOTO)  # the box
    explorer.x = "angle"
    assert np.asarray(Image.open(explorer.save_png(tmp_path / "sweep.png"))).shape[1] == 8 * 400 + 7 * 6


def test_the_pipeline_is_an_arm_of_a_study():
    explorer = Explorer(PHOTO, Compose([Rotate(angle=uniform(-9, 9)), OneOf([Invert(), HorizontalFlip()])]))
    assert explorer.arm() == study.Arm(label="Rotate + OneOf", transform=explorer.value)
    assert explorer.arm("mine").label == "mine"
    code = dict(explorer.code.texts)["Study"]
    compile(code, "study", "exec")
    names = {}
    exec(code[: code.index("images =")], names)
    assert names["pipeline"] == explorer.value
    assert "Study(images, models.hog_logistic(), [pipeline]" in code


def test_the_study_of_a_folder_reads_it_and_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for label, invert in (("it's", False), ("dark", True)):
        folder = tmp_path / "my 'photos'" / label
        folder.mkdir(parents=True)
        for number in range(16):
            tile = PHOTO[5 * number : 60 + 6 * number, 3 * number : 90]
            Image.fromarray(255 - tile if invert else tile).save(folder / f"{number}.png")
    explorer = Explorer("my 'photos'", Rotate(angle=uniform(-9, 9)), draws=1)
    names = {}
    exec(dict(explorer.code.texts)["Study"].replace("[pipeline]", "[pipeline], draws=2, trivial=False"), names)
    assert names["study"].arms[0].transform == explorer.value
    assert names["study"].n_complete == names["study"].n_trials == 4
    explorer = Explorer("my 'photos'/dark", Rotate(), draws=1)  # no classes: nothing to study
    assert "scattered_digits" in dict(explorer.code.texts)["Study"]


def test_what_a_library_cannot_do_at_all_is_said_in_the_place_of_its_text():
    explorer = Explorer(PHOTO, Compose([Standardize(), HorizontalFlip()]), draws=1)
    code = dict(explorer.code.texts)
    assert all(line.startswith("#") for line in code["Keras"].splitlines())
    assert "put that step last" in code["Keras"]
    assert "HorizontalFlip" in code["Albumentations"]


def sent(widget, monkeypatch):
    """The files that the page gets."""
    got = []
    monkeypatch.setattr(widget, "send", lambda message, buffers: got.append((message, *buffers)))
    return got


def test_a_click_makes_the_file_in_a_thread_and_sends_it(monkeypatch):
    explorer = Explorer(PHOTO, Invert(), draws=1, columns=2)
    got = sent(explorer.save, monkeypatch)

    async def session():
        explorer.save._handle_custom_msg({"save": "PNG"}, [])
        assert explorer.save.progress == 0
        explorer.draws = 3  # the file is that of the click
        await explorer.save.wait_idle()
        explorer.save._handle_custom_msg({"save": "page"}, [])
        await explorer.save.wait_idle()
        await explorer.wait_idle()

    asyncio.run(session())
    (picture, png), (page, text) = got
    assert picture == {"file": "augmentlab.png", "mime": "image/png"}
    assert Image.open(io.BytesIO(png)).size == (806, 300)
    assert page["mime"] == "text/html"
    assert text.startswith(b"<!DOCTYPE html>")
    assert explorer.save.progress == -1


def test_what_goes_wrong_while_a_file_is_made_is_said(monkeypatch):
    def broken(_stop, _progress):
        raise OSError("no room")

    save = Save(
        {"a": lambda: broken, "b": lambda: lambda _stop, _progress: File(name="b", mime="c", data=b"d", note="e")}
    )
    got = sent(save, monkeypatch)

    async def session():
        save._handle_custom_msg({"save": "a"}, [])
        with pytest.raises(OSError, match="no room"):
            await save.wait_idle()
        assert (save.said, save.progress) == ("OSError: no room", -1)
        save._handle_custom_msg({"save": "b"}, [])
        await save.wait_idle()

    asyncio.run(session())
    assert got == [({"file": "b", "mime": "c"}, b"d")]
    assert save.said == "e"
    assert json.dumps(save.names) == '["a", "b"]'


def test_a_cancelled_file_is_not_sent(monkeypatch):
    def endless(stop, _progress):
        while not stop():
            pass

    save = Save({"a": lambda: endless})
    got = sent(save, monkeypatch)

    async def session():
        save._handle_custom_msg({"save": "a"}, [])
        await asyncio.sleep(0.01)
        save._handle_custom_msg({"cancel": True}, [])
        await save.wait_idle()

    asyncio.run(session())
    assert got == []
    assert save.progress == -1

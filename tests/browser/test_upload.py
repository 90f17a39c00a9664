"""Files chosen and dropped in a real page: pieces, progress, Cancel, and the pixels that arrive."""

import io

import numpy as np
import pytest
from instrument import Instrument, run
from PIL import Image
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]

RED, BLUE = (230, 20, 30), (10, 40, 220)


def png(colour, noisy=False):
    """A square whose left half has a colour; with noise on the right it has megabytes."""
    image = np.zeros((1000, 1000, 3), np.uint8)
    if noisy:
        image[:] = np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8)
    image[:, :500] = colour
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png", compress_level=1)
    return file.getvalue()


def upload(name, data):
    return {"name": name, "mimeType": "image/png", "buffer": data}


@pytest.fixture(scope="module")
def explorer(lab, page):
    lab.open(page, lab.write("upload.ipynb", "import augmentlab\nexplorer = augmentlab.explore(draws=2)\nexplorer"))
    lab.run_all(page)
    page.locator("canvas.al-grid[data-frame]").first.wait_for()
    return Instrument(page)


def first_colour(explorer):
    return tuple(explorer.painted()[70, 20, :3])


def test_several_files_arrive_and_the_one_that_is_no_image_is_named(explorer, screenshot):
    part = explorer.root.locator(".al-upload")
    expect(part).to_contain_text("or drop them here")
    screenshot(explorer.root, "upload_invites.png")
    run(
        explorer.page,
        "asked = []; explorer.upload.on_msg(lambda _, message, buffers: asked.append((*message, *map(len, buffers))))",
    )
    files = [
        upload("red.png", png(RED, noisy=True)),
        upload("<i>notes</i>.png", b"These are words."),
        upload("blue.png", png(BLUE)),
    ]
    with explorer.page.expect_file_chooser() as chooser:
        part.get_by_role("button", name="Upload").click()
    explorer.changes(lambda: chooser.value.set_files(files))
    expect(part.get_by_role("status")).to_have_text("2 images added")
    expect(part.get_by_role("alert")).to_have_text(
        "<i>notes</i>.png cannot be read: it is not a PNG, JPEG, TIFF, WebP or BMP image"
    )
    pieces = [
        int(size) for size in run(explorer.page, "print(*[one[2] for one in asked if one[0] == 'piece'])").split()
    ]
    assert len(pieces) > 4
    assert max(pieces) == 2**19
    assert sum(pieces) == sum(len(one["buffer"]) for one in files)
    explorer.at_rest()
    assert first_colour(explorer) == BLUE
    expect(explorer.root.locator(".al-label")).to_have_text("blue.png")
    screenshot(explorer.root, "upload.png")
    menu = explorer.root.get_by_label("image", exact=True)
    assert menu.locator("option").all_text_contents() == ["astronaut", "red.png", "blue.png"]
    explorer.changes(lambda: menu.select_option("red.png"))
    assert first_colour(explorer) == RED


def test_a_file_is_dropped_on_the_explorer(explorer):
    give = """(node, [name, bytes]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
        for (const kind of ["dragenter", "dragover", "drop"]) {
            const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true, composed: true });
            node.dispatchEvent(event);
            if (kind === "dragover" && !(event.defaultPrevented && node.closest(".al-explorer.al-dropping"))) throw new Error(kind);
        }
    }"""
    explorer.changes(lambda: explorer.grid.evaluate(give, ["blue.png", list(png(BLUE))]))
    assert first_colour(explorer) == BLUE
    expect(explorer.root.locator(".al-label")).to_have_text("blue.png (2)")
    assert explorer.root.locator(".al-dropping").count() == 0
    assert explorer.page.locator(".al-dropping").count() == 0


def test_an_upload_is_cancelled_and_a_large_file_is_not_even_begun(explorer, screenshot):
    page, part = explorer.page, explorer.root.locator(".al-upload")
    run(page, "send, explorer.upload.send = explorer.upload.send, lambda *_: None")  # a kernel that answers nothing
    files = part.locator("input[type=file]")
    files.set_input_files([upload("never.png", png(RED)), upload("nor.png", png(RED))])
    expect(part.get_by_role("progressbar", name="upload")).to_be_visible()
    expect(part).to_contain_text("never.png (1 of 2)")
    screenshot(explorer.root.locator(".al-bar"), "upload_waits.png")
    part.get_by_role("button", name="cancel the upload").click()
    expect(part.get_by_role("progressbar")).to_have_count(0)
    expect(part.get_by_role("button", name="Upload")).to_be_focused()
    assert run(page, "print(explorer.upload._incoming, len(explorer.picker._menu.options))") == "None 4"
    run(page, "explorer.upload.send = send; explorer.upload.limit = 1_000_000; asked.clear()")
    files.set_input_files([upload("large.png", bytes(2_000_000)), upload("red.png", png(RED))])
    expect(part.get_by_role("alert")).to_have_text("large.png must have bytes, and 1 MB at most; it has 2 MB")
    expect(part.get_by_role("status")).to_have_text("1 image added")
    assert run(page, "print(*[kind for kind, *_ in asked])") == "begin piece"
    explorer.at_rest()
    assert first_colour(explorer) == RED
    assert page.problems == []

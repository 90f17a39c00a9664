"""The grid in a real JupyterLab: compared, enlarged, on a screen with more pixels, and what is known of a tile."""

import re

import numpy as np
import pytest
from instrument import Instrument
from PIL import Image
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]

SIZE, GAP = 96, 6
# Left half red, right half blue; the draw is the negative: left half cyan, right half yellow.
EXPLORE = f"""import numpy as np
from augmentlab import Compose, Invert, explore

image = np.zeros((1200, 1200, 3), np.uint8)
image[:, :600, 0] = image[:, 600:, 2] = 255
image[599:601] = 255
image[1190:, 1190:] = 90
shown = explore(image, Compose([Invert()]), draws=3, columns=2, size={SIZE})
shown"""
NAMES = """import numpy as np
from augmentlab import Compose, explore

widths = {"buildings/IMG_12345.jpg": 144, "buildings/IMG_23456.jpg": 100, "buildings/IMG_34567.jpg": 84, "a/IMG_45678.jpg": 45}
images = {name: np.full((144, width), 200, np.uint8) for name, width in widths.items()}
shown = explore(images, Compose([]), draws=1, rows=4)
shown"""
RED, BLUE, CYAN, YELLOW = (255, 0, 0), (0, 0, 255), (0, 255, 255), (255, 255, 0)


@pytest.fixture(scope="module")
def notebook(lab, page):
    lab.open(page, lab.write("grid.ipynb", EXPLORE))
    lab.run_all(page)
    page.locator("canvas.al-grid[data-frame]").first.wait_for()
    return page


@pytest.fixture
def explorer(notebook):
    explorer = Instrument(notebook)
    explorer.at_rest()
    yield explorer
    explorer.grid.press("Escape")
    explorer.grid.press("0")


def colours(explorer):
    """The picture on the canvas, tile by tile: an array of (rows, columns, height, width, 3)."""
    width, height, data = explorer.grid.evaluate(
        """(canvas) => {
            const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [width, height, [...data]];
        }"""
    )
    picture = np.array(data, np.uint8).reshape(height, width, 4)[..., :3]
    side = (width - GAP * width // (2 * SIZE + GAP)) // 2
    step = width - side
    return np.array([[picture[y : y + side, x : x + side] for x in (0, step)] for y in (0, step)])


def assert_is(pixel, colour):
    assert np.abs(pixel.astype(int) - colour).max() <= 2


def test_columns_are_chosen_and_the_tiles_lie_there(explorer):
    tiles = colours(explorer)
    assert tiles.shape == (2, 2, SIZE, SIZE, 3)
    assert_is(tiles[0, 0, 10, 10], RED)
    for row, column in ((0, 1), (1, 0), (1, 1)):
        assert_is(tiles[row, column, 10, 10], CYAN)
        assert_is(tiles[row, column, 10, -10], YELLOW)


def test_behind_the_curtain_is_the_original_left_of_the_pointer_in_every_tile(explorer, screenshot):
    curtain = explorer.root.get_by_role("button", name="compare behind a curtain")
    curtain.click()
    expect(curtain).to_have_attribute("aria-pressed", "true")
    box = explorer.grid.bounding_box()
    explorer.page.mouse.move(box["x"] + 0.75 * SIZE, box["y"] + 20)
    tiles = colours(explorer)
    for tile in tiles.reshape(4, SIZE, SIZE, 3)[1:]:
        assert_is(tile[10, 10], RED)
        assert_is(tile[10, 60], BLUE)
        assert_is(tile[10, 85], YELLOW)
    screenshot(explorer.root, "curtain.png")
    explorer.grid.press("c")
    expect(curtain).to_have_attribute("aria-pressed", "false")
    assert_is(colours(explorer)[1, 1, 10, 10], CYAN)


def test_the_originals_are_shown_while_the_button_is_down(explorer):
    before = explorer.pixels()
    button = explorer.root.get_by_role("button", name="show the originals")
    button.click()
    assert_is(colours(explorer)[1, 1, 10, 10], RED)
    button.click()
    assert explorer.pixels() == before


def test_all_tiles_are_enlarged_and_moved_alike_and_the_chosen_one_comes_at_full_resolution(explorer, screenshot):
    larger = explorer.root.get_by_role("button", name="larger")
    explorer.grid.click(position={"x": SIZE + GAP + 20, "y": 20})  # the tile in the upper right corner
    for _ in range(3):
        larger.click()
    expect(larger).to_be_disabled()
    expect(explorer.root.get_by_role("button", name="whole tiles")).to_have_text("8×")
    box = explorer.grid.bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + 50, box["y"] + 50)
    mouse.down()
    for step in range(1, 11):  # to the lower right corner of each tile, with room to spare
        mouse.move(box["x"] + 50 - 60 * step, box["y"] + 50 - 60 * step)
    mouse.up()
    tiles = colours(explorer)
    assert_is(tiles[0, 0, 10, 10], BLUE)
    assert_is(tiles[1, 1, 10, 10], YELLOW)
    explorer.page.wait_for_function("(canvas) => canvas.dataset.closer === '1 8'", arg=explorer.grid.element_handle())
    tiles = colours(explorer)
    # Its gray corner of 10 px is less than a pixel of the thumbnail, and 1/15 of the part of the image that is seen.
    assert_is(tiles[0, 1, -3, -3], (165, 165, 165))
    assert_is(tiles[0, 1, -9, -9], YELLOW)
    assert tiles[1, 1, -3, -3].tolist() != [165, 165, 165]
    screenshot(explorer.root, "zoom.png")
    explorer.grid.press("0")
    assert_is(colours(explorer)[0, 0, 10, 10], RED)
    # What was dragged was no click: the same tile is chosen.
    expect(explorer.root.locator(".al-detail h4")).to_have_text("original, draw 1")


def test_the_wheel_enlarges_about_the_pointer_with_ctrl_alone(explorer):
    box = explorer.grid.bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + 2, box["y"] + 2)
    explorer.page.keyboard.down("Control")
    mouse.wheel(0, -300)
    explorer.page.keyboard.up("Control")
    expect(explorer.root.get_by_role("button", name="whole tiles")).to_have_text(re.compile("4.5×"))
    assert_is(colours(explorer)[1, 1, 10, -3], CYAN)  # the left part alone is seen
    explorer.grid.press("Shift+ArrowRight")
    assert explorer.root.get_by_role("button", name="smaller").is_enabled()
    explorer.grid.press("-")
    expect(explorer.root.get_by_role("button", name="whole tiles")).to_have_text(re.compile("2.2×"))


def test_what_is_known_of_the_chosen_tile_is_beside_its_levels(explorer, screenshot):
    detail = explorer.root.locator(".al-detail")
    expect(detail).to_be_hidden()
    explorer.grid.click(position={"x": 20, "y": SIZE + GAP + 20})
    expect(detail.locator("h4")).to_have_text("original, draw 2")
    expect(detail.locator("th")).to_have_text("Invert")
    expect(detail).to_contain_text("SSIM")
    expect(detail.get_by_role("img", name="histogram")).to_be_visible()
    assert detail.locator("path").count() == 6
    explorer.at_rest()
    screenshot(explorer.root, "detail.png")


def test_the_grid_is_downloaded_at_full_resolution(explorer):
    with explorer.page.expect_download() as download:
        explorer.root.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "augmentlab.png"
    with Image.open(download.value.path()) as picture:
        assert picture.size == (2 * 1200 + GAP, 2 * 1200 + GAP)
        assert picture.getpixel((100, 100)) == RED
        assert picture.getpixel((1300, 100)) == CYAN
    expect(explorer.root.get_by_role("button", name="Save PNG")).to_be_enabled()


def test_a_screen_with_more_pixels_gets_more_and_the_layout_stays(browser, lab, notebook, screenshot):
    width = Instrument(notebook).grid.bounding_box()["width"]
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, device_scale_factor=2)
    page = context.new_page()
    lab.open(page, lab.write("dense.ipynb", EXPLORE))
    lab.run_all(page)
    explorer = Instrument(page)
    page.wait_for_function("(canvas) => canvas.width > 300", arg=explorer.grid.element_handle())
    explorer.at_rest()
    assert explorer.grid.bounding_box()["width"] == pytest.approx(width)
    assert explorer.grid.evaluate("(canvas) => canvas.width") == 2 * (2 * SIZE + GAP)
    screenshot(explorer.root, "dense.png")
    context.close()


def test_a_name_that_is_too_wide_for_its_tile_is_cut_with_a_sign_of_it(lab, notebook, screenshot):
    lab.open(notebook, lab.write("names.ipynb", NAMES))
    lab.run_all(notebook)
    explorer = Instrument(notebook)
    expect(explorer.root.locator(".al-label")).to_have_count(4)
    explorer.at_rest()
    screenshot(explorer.root, "names.png")
    labels = explorer.root.locator(".al-label").all()
    for label, end in zip(labels, ("12345.jpg", "23456.jpg", "34567.jpg", ".jpg"), strict=True):
        name = label.locator(".al-cut")
        assert "…" in name.inner_text()
        assert name.inner_text().endswith(end)
        assert label.evaluate("(label) => label.scrollWidth <= label.clientWidth")
    assert labels[0].inner_text().startswith("bui")
    assert labels[3].inner_text().startswith("…")

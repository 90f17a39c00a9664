"""The label check in a real JupyterLab: marks by mouse and by keyboard, pages, the table, and a theme in the dark."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

SOURCE = """
from augmentlab import Compose, GaussianBlur, Rotate, data, label_check, uniform
digits = data.digits()
pipeline = Compose([Rotate(angle=uniform(-180, 180), p=0.7), GaussianBlur(sigma=uniform(0, 2), p=0.5)])
check = label_check(digits, pipeline, rows=4, columns=8)
check
"""
# The mean level in the middle of a tile of the canvas, as the browser shows it.
LEVEL = """([canvas, tile]) => {
    const [box, place] = [canvas.getBoundingClientRect(), tile.getBoundingClientRect()], scale = canvas.width / box.width;
    const at = [(place.x - box.x) * scale, (place.y - box.y) * scale, place.width * scale, place.height * scale];
    const {data} = canvas.getContext('2d').getImageData(...at.map(Math.round));
    return data.reduce((sum, level) => sum + level, 0);
}"""


@pytest.fixture(scope="module")
def notebook(lab, page):
    cell = {
        "cell_type": "code",
        "id": "check",
        "metadata": {},
        "source": SOURCE,
        "outputs": [],
        "execution_count": None,
    }
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    document = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (lab.root / "check.ipynb").write_text(json.dumps(document), encoding="utf-8")
    lab.open(page, "check.ipynb")
    lab.run_all(page)
    page.locator(".al-gallery canvas.al-grid[data-frame]").wait_for()
    return page


@pytest.fixture
def gallery(notebook):
    return notebook.locator(".al-gallery")


def row_of(gallery, name):
    """seen, lost and the rest of a row of the table."""
    return gallery.locator(".al-report tbody tr", has=gallery.page.locator("th", has_text=re.compile(f"^{name}$")))


def level(gallery, tile):
    canvas = gallery.locator("canvas.al-grid")
    return gallery.page.evaluate(LEVEL, [canvas.element_handle(), tile.element_handle()])


def test_marks_by_mouse_are_seen_and_counted_when_the_page_is_done(gallery, screenshot):
    tiles = gallery.locator(".al-tile")
    expect(tiles).to_have_count(32)
    for index in (3, 9):
        tiles.nth(index).click()
        expect(tiles.nth(index)).to_have_attribute("aria-pressed", "true")
        expect(tiles.nth(index)).to_contain_text("lost")
    cells = row_of(gallery, "whole pipeline").locator("td")
    expect(cells.nth(0)).to_have_text("0")
    expect(cells.nth(1)).to_have_text("0 +2")
    gallery.get_by_role("button", name="Page done").click()
    expect(cells.nth(0)).to_have_text("32")
    expect(cells.nth(1)).to_have_text("2")
    expect(cells.nth(2)).to_have_text("6 % (2 % to 20 %)")
    expect(gallery.get_by_role("status")).to_contain_text("done")
    tiles.nth(9).click()
    expect(cells.nth(1)).to_have_text("1")
    gallery.get_by_role("button", name="Undo mark").click()
    expect(cells.nth(1)).to_have_text("2")
    screenshot(gallery, "gallery.png")


def test_by_keyboard_one_walks_marks_compares_and_goes_on(gallery, notebook):
    tiles, keys = gallery.locator(".al-tile"), notebook.keyboard
    tiles.nth(0).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft"):
        keys.press(key)
    expect(tiles.nth(16)).to_be_focused()
    keys.press("Space")
    expect(tiles.nth(16)).to_have_attribute("aria-pressed", "true")
    drawn = level(gallery, tiles.nth(3))
    keys.down("o")
    original = level(gallery, tiles.nth(3))
    keys.up("o")
    assert original != drawn
    assert level(gallery, tiles.nth(3)) == drawn
    keys.press("n")
    expect(gallery.get_by_role("status")).to_have_text(re.compile("Draws 32 to 63, 0 marked, not done yet"))
    expect(tiles.nth(16)).to_be_focused()
    expect(tiles.nth(16)).to_have_attribute("aria-label", re.compile("draw 48"))
    assert level(gallery, tiles.nth(3)) != drawn
    expect(row_of(gallery, "whole pipeline").locator("td").nth(1)).to_have_text("3")
    keys.press("p")
    expect(tiles.nth(16)).to_have_attribute("aria-pressed", "true")
    assert level(gallery, tiles.nth(3)) == drawn


def test_everything_is_named_and_the_dark_theme_is_readable(gallery, notebook, screenshot):
    nameless = re.findall(r"^\s*- (?:button|img|table|toolbar|group)(?::|$)", gallery.aria_snapshot(), re.MULTILINE)
    assert [line for line in nameless if "table" not in line] == []
    notebook.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    notebook.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    screenshot(gallery, "gallery-dark.png")
    assert notebook.problems == []

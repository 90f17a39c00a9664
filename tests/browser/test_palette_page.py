"""Steps added from the palette, dragged and weighed in a real JupyterLab, with mouse and keyboard."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]

CODE = """\
from augmentlab import Brightness, Compose, HorizontalFlip, Invert, OneOf, Rotate, Standardize, explore, uniform
from augmentlab.data import photos

explorer = explore(
    photos(),
    Compose([
        Rotate(angle=uniform(-20, 20)),
        OneOf([Brightness(delta=uniform(-0.2, 0.2)), Invert()]),
        HorizontalFlip(p=0.5),
        Standardize(),
    ]),
    draws=2,
)
explorer"""
# Mean difference of the picture before and the one after, and of the one after and the negative of the one before.
COMPARED = """(canvas) => {
    const context = canvas.getContext('2d'), side = canvas.height;
    const [before, after] = [0, canvas.width - side].map((x) => context.getImageData(x, 0, side, side).data);
    let difference = 0, negative = 0;
    before.forEach((value, k) => {
        if (k % 4 === 3) return;
        difference += Math.abs(value - after[k]);
        negative += Math.abs(255 - value - after[k]);
    });
    return [difference, negative].map((sum) => sum / (3 * side * side));
}"""


@pytest.fixture(scope="module")
def root(lab, page):
    """The explorer of a notebook of its own."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": CODE, "outputs": [], "execution_count": None}
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (lab.root / "palette.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    lab.open(page, "palette.ipynb")
    lab.run_all(page)
    page.locator("canvas.al-grid[data-frame]").first.wait_for()
    return page.locator(".al-explorer").first


def code(root):
    return root.locator(".al-code textarea")


def steps(root):
    return [line.strip() for line in root.locator(".al-steps li[data-path] .al-step > :first-child").all_inner_texts()]


def active(root):
    """The card on which Enter acts, as the search field names it to a screen reader."""
    name = root.get_by_label("search transforms").get_attribute("aria-activedescendant")
    return root.locator(f"#{name}")


def test_the_palette_opens_with_pictures_and_escape_closes_it(page, root, screenshot):
    button = root.get_by_role("button", name="Add a transform")
    button.click()
    search = root.get_by_label("search transforms")
    expect(search).to_be_focused()
    cards = root.locator(".al-card")
    count = cards.count()
    assert count > 70
    expect(root.get_by_role("group", name="Colour and tone").get_by_role("option").first).to_be_attached()
    expect(root.locator(".al-card canvas.al-drawn")).to_have_count(count)  # also those that are scrolled out
    difference, negative = root.locator(".al-card[id$='-Invert'] canvas").evaluate(COMPARED)
    assert negative < 5  # the negative, by name and by look
    assert difference > 30
    panel, output = root.locator(".al-panel").bounding_box(), page.locator(".jp-OutputArea-output").last.bounding_box()
    assert panel["y"] + panel["height"] <= output["y"] + output["height"]  # nothing is cut off
    screenshot(root, "palette.png")
    page.keyboard.press("Escape")
    expect(search).to_be_hidden()
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_a_transform_is_found_and_added_by_keyboard_and_another_by_mouse(page, root, screenshot):
    root.get_by_role("button", name="Add a transform").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("cutout")
    expect(active(root)).to_contain_text("CoarseDropout")
    expect(root.locator(".al-card")).to_have_count(1)
    search = root.get_by_label("search transforms")
    search.fill("no such thing")
    expect(root.locator(".al-none")).to_contain_text("No transform matches “no such thing”.")
    page.keyboard.press("Enter")  # adds nothing
    search.fill("Colour-jit")
    expect(active(root)).to_contain_text("ColorJitter")
    search.fill("blur")
    expect(active(root)).to_contain_text("BoxBlur")
    page.keyboard.press("ArrowDown")
    expect(active(root)).to_contain_text("GaussianBlur")
    expect(active(root)).to_have_attribute("aria-selected", "true")
    screenshot(root, "palette-search.png")
    page.keyboard.press("Enter")
    expect(code(root)).to_have_value(re.compile(r"GaussianBlur\(sigma=uniform"))
    # Before the step that only few may follow; the palette is still there, and tells.
    expect(root.locator(".al-said")).to_have_text("GaussianBlur is step 4.")
    assert steps(root)[-2:] == ["GaussianBlur", "Standardize"]
    search.fill("gamma")
    root.locator(".al-card", has_text="Gamma").first.click()
    expect(root.get_by_role("group", name="Gamma parameters")).to_be_visible()
    expect(search).to_be_focused()
    page.keyboard.press("Escape")
    for _ in range(2):
        root.get_by_role("button", name="undo").click()
    expect(root.locator(".al-steps li[data-path]")).to_have_count(6)


def drag(page, root, step, path, part, *, shift=0):
    """Press on a step and move to a part of the row at `path`, from 0 at its top to 1 at its bottom."""
    rows = root.locator(".al-steps li[data-path]")
    begin = rows.filter(has_text=step).locator(".al-grip").bounding_box()
    end = root.locator(f".al-steps li[data-path='{path}']").bounding_box()
    x, y = begin["x"] + begin["width"] / 2, begin["y"] + begin["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + shift, end["y"] + part * end["height"], steps=6)


def test_a_step_is_dragged_before_another_into_a_group_and_out(page, root, screenshot):
    assert steps(root) == ["Rotate", "OneOf", "Brightness", "Invert", "HorizontalFlip", "Standardize"]
    line, rows = root.locator(".al-line"), root.locator(".al-steps li[data-path]")
    drag(page, root, "HorizontalFlip", "0", 0.2)
    expect(line).to_be_visible()
    page.keyboard.press("Escape")  # not after all
    expect(line).to_have_count(0)
    page.mouse.up()
    drag(page, root, "HorizontalFlip", "0", 0.2)
    page.mouse.up()
    expect(rows.first).to_contain_text("HorizontalFlip")
    drag(page, root, "HorizontalFlip", "2-1", 0.8)
    expect(root.locator("li.al-into")).to_contain_text("OneOf")
    screenshot(root, "drag.png")
    page.mouse.up()
    expect(code(root)).to_have_value(re.compile(r"Invert\(\),\s+HorizontalFlip\(p=0.5\),\s+\]"))
    expect(rows.filter(has_text="HorizontalFlip")).to_have_attribute("data-path", "1-2")
    # A row itself can be dragged as well, and the click that ends this selects nothing.
    expect(rows.filter(has_text="HorizontalFlip")).to_have_class("al-selected")
    drag(page, root, "HorizontalFlip", "1-2", 0.8, shift=-20)  # to the left: out of the group
    page.mouse.up()
    expect(rows.filter(has_text="HorizontalFlip")).to_have_attribute("data-path", "2")
    name = rows.filter(has_text="Rotate").locator(".al-step").bounding_box()
    last = rows.filter(has_text="Standardize").bounding_box()
    page.mouse.move(name["x"] + 30, name["y"] + 10)
    page.mouse.down()
    page.mouse.move(name["x"] + 30, last["y"] + 0.2 * last["height"], steps=6)
    page.mouse.up()
    expect(rows.filter(has_text="Rotate")).to_have_attribute("data-path", "2")
    drag(page, root, "Standardize", "0", 0.2)
    page.mouse.up()
    expect(root.get_by_role("alert").filter(has_text="cannot follow Standardize").first).to_be_visible()
    assert steps(root)[-1] == "Standardize"


def test_a_weight_is_typed_and_undone(page, root):
    weight = root.get_by_label("weight of Invert")
    expect(weight).to_have_value("1")
    weight.fill("3")
    weight.press("Enter")
    expect(code(root)).to_have_value(re.compile(r"weights=\(1.0, 3.0\)"))
    row = root.locator(".al-steps li[data-path]").filter(has_text="Invert")
    expect(row.locator(".al-share")).to_have_text("75%")
    expect(root.get_by_label("weight of Invert")).to_be_focused()
    weight.fill("much")
    weight.press("Enter")
    expect(row.locator(".al-error")).to_have_text("weight must be a number >= 0; got 'much'")
    expect(weight).to_have_value("3")
    root.get_by_role("button", name="undo").click()
    expect(code(root)).not_to_have_value(re.compile("weights"))
    expect(row.locator(".al-share")).to_have_text("50%")
    assert page.problems == []

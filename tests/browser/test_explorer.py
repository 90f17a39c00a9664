"""The explorer notebook in a real JupyterLab, used as a person uses it: with mouse and keyboard."""

import re
import secrets

import pytest
from instrument import Instrument
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def notebook(lab, page):
    """The notebook of the repository, open and run."""
    lab.open(page, lab.copy("01_explore.ipynb"))
    lab.run_all(page)
    page.locator("canvas.al-grid[data-frame]").first.wait_for()
    return page


@pytest.fixture
def explorer(notebook):
    return Instrument(notebook)


def test_every_cell_ran_and_the_live_view_hides_its_static_twin(notebook, explorer, screenshot):
    assert notebook.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert notebook.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    twins = notebook.locator("[class^='al-static']")
    assert twins.count() == 4
    for index in range(4):
        expect(twins.nth(index)).to_be_hidden()
    explorer.select("Rotate")
    explorer.at_rest()
    screenshot(explorer.root, "explorer.png")


def test_a_slider_moved_by_keyboard_changes_the_pixels_and_the_code(explorer):
    explorer.select("Rotate")
    slider = explorer.root.get_by_role("slider", name="angle high")
    slider.focus()

    def press():
        for _ in range(5):
            explorer.page.keyboard.press("ArrowLeft")

    before, after = explorer.changes(press)
    assert before != after
    expect(explorer.code).to_have_value(re.compile(r"Rotate\(angle=uniform\(-20, 1\d"))
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^1\d(\.\d)? deg$"))
    back, same = explorer.changes(lambda: explorer.page.keyboard.press("Home"))
    assert back == after
    assert same != after


def test_a_slider_dragged_by_mouse_changes_the_pixels_and_the_last_position_stays(explorer):
    explorer.select("HueSaturation")
    box = explorer.root.get_by_role("slider", name="hue low").bounding_box()
    y = box["y"] + box["height"] / 2

    def drag():
        mouse = explorer.page.mouse
        mouse.move(box["x"] + box["width"] * 0.12, y)
        mouse.move(box["x"] + 7 + (box["width"] - 14) * 0.125, y)
        mouse.down()
        for step in range(30):
            mouse.move(box["x"] + box["width"] * (0.125 + 0.01 * step), y)
        mouse.up()

    before, after = explorer.changes(drag)
    assert before != after
    low = float(explorer.root.get_by_label("hue low value").input_value())
    assert -12 < low < 0
    expect(explorer.code).to_have_value(re.compile(rf"hue=uniform\({re.escape(f'{low:g}')}(\.0)?, 15\)"))


def test_a_typed_value_out_of_range_gets_its_sentence_and_the_pixels_stay(explorer):
    explorer.select("Rotate")
    before = explorer.pixels()
    number = explorer.root.get_by_label("angle low value")
    number.fill("-200")
    number.press("Enter")
    alert = explorer.root.locator(".al-row[data-name=angle] .al-error")
    expect(alert).to_contain_text("Rotate.angle must be float in [-180, 180] deg; got uniform(-200")
    expect(number).to_have_attribute("aria-invalid", "true")
    assert explorer.pixels() == before
    number.fill("-45")
    number.press("Enter")
    expect(alert).to_be_empty()
    expect(explorer.code).to_have_value(re.compile(r"Rotate\(angle=uniform\(-45"))
    explorer.at_rest()
    assert explorer.pixels() != before


def test_the_switch_holds_a_parameter_fixed(explorer):
    explorer.select("Rotate")
    switch = explorer.root.get_by_role("switch", name="angle random")
    expect(switch).to_have_attribute("aria-checked", "true")
    before, after = explorer.changes(switch.click)
    assert before != after
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(explorer.root.get_by_role("slider", name="angle", exact=True)).to_be_visible()
    expect(explorer.code).not_to_have_value(re.compile(r"angle=uniform"))
    explorer.changes(switch.click)
    expect(explorer.code).to_have_value(re.compile(r"angle=uniform"))


def test_steps_are_added_switched_off_and_removed(explorer):
    steps = explorer.root.locator(".al-steps li")
    assert steps.count() == 4
    before, after = explorer.changes(lambda: explorer.add("Posterize"))
    assert before != after
    expect(steps).to_have_count(5)
    expect(explorer.root.get_by_role("group", name="Posterize parameters")).to_be_visible()
    _, off = explorer.changes(explorer.root.get_by_role("checkbox", name="Posterize on").click)
    assert off == before  # the draws of the other steps stayed
    explorer.root.get_by_role("button", name="remove Posterize").click()
    expect(steps).to_have_count(4)


def test_a_step_is_grouped_and_it_is_undone_by_keyboard(explorer, screenshot):
    explorer.select("Rotate")
    before = explorer.code.input_value()
    explorer.root.get_by_label("put Rotate into").select_option("OneOf")
    expect(explorer.root.get_by_role("group", name="OneOf parameters")).to_be_visible()
    explorer.add("Swirl")
    expect(explorer.code).to_have_value(re.compile(r"OneOf\(\["))
    explorer.root.get_by_role("button", name="duplicate Swirl").click()
    steps = explorer.root.locator(".al-steps li")
    expect(steps).to_have_count(7)
    explorer.at_rest()
    screenshot(explorer.root, "groups.png")
    explorer.root.locator(".al-step", has_text="Swirl").first.focus()
    for left in (6, 5, 4):
        explorer.page.keyboard.press("Control+z")
        expect(steps).to_have_count(left)  # and the focus is still in the list
    expect(explorer.code).to_have_value(before)
    expect(explorer.root.get_by_role("button", name="redo")).to_be_enabled()


def test_a_sweep_names_its_values_and_their_strength(explorer, screenshot):
    explorer.select("Rotate")
    before, after = explorer.changes(lambda: explorer.root.get_by_label("sweep", exact=True).select_option("angle"))
    assert before != after
    label = explorer.root.locator(".al-label", has_text="45 deg").last
    expect(label).to_contain_text("SSIM")
    screenshot(explorer.root, "sweep.png")
    _, back = explorer.changes(lambda: explorer.root.get_by_label("sweep", exact=True).select_option("off"))
    assert back == before


def test_o_shows_the_originals_while_it_is_held(explorer):
    before = explorer.pixels()
    explorer.grid.focus()
    explorer.page.keyboard.down("o")
    held = explorer.pixels()
    explorer.page.keyboard.up("o")
    assert held != before
    assert explorer.pixels() == before


def test_reroll_and_difference(explorer):
    before, after = explorer.changes(explorer.root.locator(".al-bar").get_by_role("button", name="Re-roll").click)
    assert before != after
    toggle = explorer.root.get_by_role("button", name="Difference")
    shown, difference = explorer.changes(toggle.click)
    assert shown == after
    assert difference != after
    _, back = explorer.changes(toggle.click)
    assert back == after


def test_a_clicked_tile_shows_its_draw_and_the_code_is_copied(explorer):
    explorer.grid.click(position={"x": 200, "y": 60})
    tab = explorer.root.get_by_role("tab", name="This draw")
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(explorer.code).not_to_have_value(re.compile("uniform"))
    explorer.root.get_by_role("button", name="Copy").click()
    expect(explorer.root.locator(".al-code").get_by_role("status")).to_have_text("Copied")
    assert explorer.page.evaluate("() => navigator.clipboard.readText()") == explorer.code.input_value()
    explorer.root.get_by_role("tab", name="JSON").click()
    expect(explorer.code).to_have_value(re.compile(r'"schema_version": 1'))
    explorer.grid.press("ArrowRight")
    expect(tab).to_be_visible()
    explorer.grid.press("Escape")
    expect(tab).to_have_count(0)
    explorer.root.get_by_role("tab", name="Pipeline").click()
    expect(explorer.code).to_have_value(re.compile("uniform"))


def test_everything_has_an_accessible_name(explorer):
    explorer.select("CoarseDropout")
    snapshot = explorer.root.aria_snapshot()
    roles = ("slider", "button", "checkbox", "textbox", "combobox", "spinbutton", "switch", "tab", "img")
    nameless = [line for line in snapshot.splitlines() if re.match(rf"\s*- ({'|'.join(roles)})(:|$| \[)", line)]
    assert nameless == []
    for name in ("holes low", "holes high", "height", "probability"):
        assert f'slider "{name}"' in snapshot
    assert "original and 9 draws" in explorer.grid.get_attribute("aria-label")


def test_the_kernel_stayed_free_and_the_console_silent(notebook, lab):
    assert notebook.problems == []


def test_without_its_kernel_a_saved_notebook_shows_the_picture(lab, page):
    name = f"saved-{secrets.token_hex(3)}.ipynb"
    (lab.root / name).write_text(
        (lab.root / lab.copy("01_explore.ipynb")).read_text(encoding="utf-8"), encoding="utf-8"
    )
    lab.open(page, name)
    picture = page.locator("[class^='al-static'] img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.complete && image.naturalWidth") > 300
    assert "original and 9 draws" in picture.get_attribute("alt")
    expect(page.locator("[class^='al-static'] pre").first).to_contain_text("from augmentlab import")

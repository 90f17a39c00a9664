"""Every kind of control moved once, overlays at known pixels, the dark theme, the keyboard alone, the saved notebook."""

import json
import re
import secrets

import numpy as np
import pytest
from instrument import Instrument, run
from playwright.sync_api import expect

from augmentlab.render import PALETTE

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]

CONTROLS = """import augmentlab
from augmentlab import *
from augmentlab import explore
explorer = explore(augmentlab.data.photos().images[1], Rotate(), draws=2, size=100)
explorer"""
# Gray, with all targets on one side; its thumbnail and its tiles have its own size.
OVERLAYS = """import numpy as np
sample = Sample(np.full((80, 100, 3), 100, np.uint8), mask=np.zeros((80, 100), np.uint8), boxes=[[10, 20, 40, 50]], keypoints=[[70, 30]])
sample.mask[60:76, 5:25] = 1
overlaid = explore(sample, HorizontalFlip(p=1), draws=1, size=100)
overlaid"""
LARGEST_OUTPUT = 200_000  # bytes that one explorer may add to a saved notebook


@pytest.fixture(scope="module")
def notebook(lab, page):
    lab.open(page, lab.write("controls.ipynb", CONTROLS, OVERLAYS, "explore(augmentlab.data.photos())"))
    lab.run_all(page)
    for index in range(3):
        page.locator("canvas.al-grid").nth(index).and_(page.locator("[data-frame]")).wait_for()
    return page


@pytest.fixture
def explorer(notebook):
    return Instrument(notebook)


def settled(explorer):
    """The value in the kernel, once the page shows it without loss."""
    for _ in range(60):
        value, frame = run(
            explorer.page, "await explorer.wait_idle(); print(explorer.value, explorer.view.shown['number'], sep='|')"
        ).split("|")
        try:
            expect(explorer.grid).to_have_attribute("data-frame", frame, timeout=2000)
        except AssertionError:
            continue  # what the page said meanwhile has made a further frame
        return value
    raise AssertionError(f"the page never shows the frame of the kernel, {frame}")


def settles(explorer, expected):
    """The value once it matches: what the page has to say may wait for the kernel's answer to what it said before."""
    for _ in range(200):
        value = settled(explorer)
        if re.search(expected, value):
            return value
        explorer.page.wait_for_timeout(50)
    raise AssertionError(f"{value} is not {expected}")


def show(explorer, step):
    run(explorer.page, f"explorer.value = Compose([{step}]); explorer.select(0)")
    name = step.partition("(")[0]
    expect(explorer.root.get_by_role("group", name=f"{name} parameters")).to_be_visible()
    assert settled(explorer) == run(explorer.page, f"print(Compose([{step}]))")


def at(explorer, name, share, role="slider"):
    """Where on the page a thumb stands that is at a share of its slider."""
    box = explorer.root.get_by_role(role, name=name, exact=True).bounding_box()
    return box["x"] + 7 + share * (box["width"] - 14), box["y"] + box["height"] / 2


def press(name, key, times=1, role="slider"):
    def act(explorer):
        explorer.root.get_by_role(role, name=name, exact=True).focus()
        for _ in range(times):
            explorer.page.keyboard.press(key)

    return act


def click(name, role, share=None):
    def act(explorer):
        if share is None:
            explorer.root.get_by_role(role, name=name, exact=True).click()
        else:
            explorer.page.mouse.click(*at(explorer, name, share))

    return act


def drag(name, start, end):
    def act(explorer):
        mouse = explorer.page.mouse
        mouse.move(*at(explorer, name, start))
        mouse.down()
        mouse.move(*at(explorer, name, end), steps=5)
        mouse.up()

    return act


def enter(label, text):
    def act(explorer):
        field = explorer.root.get_by_label(label, exact=True)
        field.fill(text)
        field.press("Enter")
        field.blur()

    return act


# Each kind of row in controls.js: what is done to a step, and what the kernel then holds.
MOVES = {
    "slider": ("Rotate(angle=0)", press("angle", "ArrowRight", 5), r"Rotate\(angle=5\.0\)"),
    # The middle of a logarithmic slider is the geometric mean, 0.98; of a linear one it would be 1.1.
    "log slider": ("Gamma(gamma=0.6)", click("gamma", "slider", 0.5), r"Gamma\(gamma=0\.(97|98|99)\d*\)"),
    "int slider": ("GridShuffle(tiles=2, seed=1)", press("tiles", "ArrowRight"), r"GridShuffle\(tiles=3, seed=1\)"),
    "range": ("Rotate(angle=uniform(-9, 9))", drag("angle high", 0.6, 1), r"Rotate\(angle=uniform\(-9, 45(\.0)?\)\)"),
    "log range": (
        "Gamma(gamma=loguniform(0.6, 1.6))",
        press("gamma high", "Home"),
        r"Gamma\(gamma=loguniform\(0\.6, 0\.6\)\)",
    ),
    "int range": (
        "GridShuffle(tiles=integers(2, 3), seed=1)",
        press("tiles low", "End"),
        r"GridShuffle\(tiles=integers\(3, 3\), seed=1\)",
    ),
    "random switch": (
        "Rotate(angle=uniform(20, 30))",
        click("angle random", "switch"),
        r"Rotate\(angle=25\.0\)",
    ),
    "fixed switch": ("Swirl(strength=3)", click("strength random", "switch"), r"Swirl\(strength=uniform\("),
    "dropdown": (
        "Rotate(angle=30, border='constant')",
        press("border", "ArrowDown", role="combobox"),
        r"Rotate\(angle=30(\.0)?, border='edge'\)",
    ),
    "chips": (
        "ChannelShuffle(order=choice('rbg', 'bgr'))",
        press("order rbg", "Space", role="checkbox"),
        r"ChannelShuffle\(order=choice\('bgr'\)\)",
    ),
    "checkbox": (
        "GaussianNoise(std=0.3, seed=1)",
        click("per channel", "checkbox"),
        r"GaussianNoise\(std=0\.3, per_channel=False, seed=1\)",
    ),
    "numbers": (
        "Standardize(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))",
        enter("std", "0.2, 0.2, 0.9"),
        r"Standardize\(mean=\(0\.5, 0\.5, 0\.5\), std=\(0\.2, 0\.2, 0\.9\)\)",
    ),
    "choice of numbers": (
        "Rotate(angle=choice(10, 20))",
        enter("angle", "30, 40"),
        r"Rotate\(angle=choice\(30(\.0)?, 40(\.0)?\)\)",
    ),
    "number": ("Rotate(angle=0)", enter("angle value", "33"), r"Rotate\(angle=33(\.0)?\)"),
    "seed": ("GridShuffle(tiles=4, seed=1)", click("re-roll seed", "button"), r"tiles=4, seed=(?!1\))\d+\)"),
    "probability": ("Invert(p=1)", press("probability", "Home"), r"Invert\(p=0(\.0)?\)"),
    "typical": ("Rotate(angle=0)", click("Typical", "button"), r"Rotate\(angle=uniform\(-45, 45\)\)"),
    "identity": ("Rotate(angle=30)", click("Identity", "button"), r"Rotate\(\)"),
}


@pytest.mark.parametrize("kind", MOVES)
def test_a_control_changes_the_pixels_and_the_value(explorer, kind):
    step, act, expected = MOVES[kind]
    show(explorer, step)
    before = explorer.pixels()
    act(explorer)
    settles(explorer, expected)
    assert explorer.pixels() != before
    assert explorer.root.locator(".al-row .al-error:not(:empty)").count() == 0


@pytest.mark.parametrize(
    ("step", "label", "text", "sentence"),
    [
        ("Rotate(angle=5)", "angle value", "500", r"Rotate\.angle must be .*\[-180, 180\] deg; got 500"),
        ("GridShuffle(tiles=2, seed=1)", "tiles value", "two", r"GridShuffle\.tiles must be .*; got 'two'"),
        (
            "Standardize(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))",
            "std",
            "0.2, 0.2, x",
            r"std must be numbers with commas between; got",
        ),
    ],
)
def test_what_is_not_allowed_gets_one_sentence_beside_its_field(explorer, step, label, text, sentence):
    show(explorer, step)
    before, value = explorer.pixels(), settled(explorer)
    enter(label, text)(explorer)
    field = explorer.root.get_by_label(label, exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    alert = explorer.root.locator(".al-row .al-error:not(:empty)")
    expect(alert).to_have_text(re.compile(sentence))
    assert field.get_attribute("aria-describedby") == alert.get_attribute("id")
    assert settled(explorer) == value
    assert explorer.pixels() == before
    field.press("Escape")


def test_overlays_are_drawn_where_the_flip_put_them(notebook, screenshot):
    overlaid = Instrument(notebook, 1)
    run(notebook, "await overlaid.wait_idle()")
    overlaid.at_rest()
    picture = overlaid.painted()[..., :3].astype(int)
    assert picture.shape == (80, 206, 3)
    original, flipped = picture[:, :100], picture[:, 106:]
    orange = PALETTE[0].astype(int)
    gray = np.full(3, 100)
    tint = np.rint(0.35 * orange + 0.65 * gray).astype(int)
    seen = {
        (20, 25): orange,  # the upper side of the box,
        (49, 25): orange,  # its lower,
        (35, 10): orange,  # left
        (35, 39): orange,  # and right side,
        (35, 25): gray,  # and its inside
        (35, 42): gray,
        (30, 70): (213, 94, 0),  # the keypoint,
        (30, 73): (0, 0, 0),  # its rim,
        (30, 78): gray,
        (68, 15): tint,  # the mask
        (60, 15): orange,  # and its outline
        (58, 15): gray,
    }
    for (row, column), colour in seen.items():
        assert tuple(original[row, column]) == tuple(colour), (row, column)
        assert tuple(flipped[row, 99 - column]) == tuple(colour), (row, column)
    assert tuple(flipped[35, 10]) == tuple(flipped[68, 15]) == tuple(gray)
    screenshot(overlaid.grid, "overlays.png")
    overlaid.changes(overlaid.root.get_by_role("button", name="Overlays").click)
    assert (overlaid.painted()[:, :100, :3] == 100).all()
    overlaid.changes(overlaid.root.get_by_role("button", name="Overlays").click)


CONTRASTS = """(root) => {
    const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { rgb: [r, g, b], a }; };
    const over = (top, a, below) => top.map((v, k) => a * v + (1 - a) * below[k]);
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (node) => {
        if (!node) return [255, 255, 255];
        const { rgb, a } = parse(getComputedStyle(node).backgroundColor);
        return a === 1 ? rgb : over(rgb, a, behind(node.parentElement));
    };
    const opacity = (node) => (node ? +getComputedStyle(node).opacity * opacity(node.parentElement) : 1);
    const said = (node) => node.matches("input:not([type=checkbox], [type=range]), select, textarea")
        || [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    return [...root.querySelectorAll("*:not(option, optgroup, style)")]
        .filter((node) => said(node) && node.checkVisibility() && !node.closest(":disabled, .al-off"))
        .map((node) => {
            const below = behind(node), { rgb, a } = parse(getComputedStyle(node).color);
            const [x, y] = [light(over(rgb, a * opacity(node), below)), light(below)].sort((p, q) => q - p);
            return [(x + 0.05) / (y + 0.05), `${node.tagName}.${node.className}: ${(node.value ?? node.textContent).slice(0, 40)}`];
        });
}"""


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_everything_can_be_read_and_the_gaps_are_the_page(explorer, screenshot, theme):
    page = explorer.page
    page.evaluate(
        "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", f"JupyterLab {theme}"
    )
    expect(page.locator(f"body[data-jp-theme-light={'true' if theme == 'Light' else 'false'}]")).to_be_attached()
    show(explorer, "CoarseDropout()")
    run(page, "explorer.add(HueSaturation(hue=5)); explorer.add('Rotate')")
    enter("angle low value", "-500")(explorer)
    expect(explorer.root.locator(".al-row .al-error:not(:empty)")).to_be_visible()
    settled(explorer)
    found = explorer.root.evaluate(CONTRASTS)
    assert len(found) > 30
    assert [(round(ratio, 2), what) for ratio, what in found if ratio < 4.5] == []
    assert (explorer.painted()[:, 100:106, 3] == 0).all()
    assert explorer.grid.evaluate("(canvas) => getComputedStyle(canvas).backgroundColor") == "rgba(0, 0, 0, 0)"
    screenshot(explorer.root, f"theme_{theme.lower()}.png")


def test_the_keyboard_is_enough(explorer):
    page, root = explorer.page, explorer.root
    show(explorer, "Rotate(angle=0)")

    def tab_to(target):
        """Go there as the Tab key goes."""
        for _ in range(60):
            if target.evaluate("(node) => node === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError("no Tab leads there")

    root.get_by_role("button", name="Add a transform").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("zoomblur")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(root.get_by_role("group", name="ZoomBlur parameters")).to_be_visible()
    assert re.search(r"ZoomBlur\(zoom=", settled(explorer))
    before = explorer.pixels()
    slider = root.locator(".al-row[data-name=zoom]").get_by_role("slider").first
    tab_to(slider)
    page.keyboard.press("End")
    moved = settles(explorer, r"ZoomBlur\(zoom=uniform\(1\.15, 1\.15\)\)")
    assert explorer.pixels() != before
    page.keyboard.press("Shift+Tab")
    for _ in range(60):
        if root.get_by_role("checkbox", name="ZoomBlur on").evaluate("(node) => node === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(root.get_by_role("checkbox", name="ZoomBlur on")).not_to_be_checked()
    settles(explorer, r"^Compose\(\[Rotate\(\)\]\)$")
    page.keyboard.press("Control+z")
    expect(root.get_by_role("checkbox", name="ZoomBlur on")).to_be_checked()
    assert settled(explorer) == moved
    tab_to(explorer.grid)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(root.get_by_role("tab", name="This draw")).to_have_attribute("aria-selected", "true")
    expect(explorer.code).to_have_value(re.compile(r"Compose\(\[ZoomBlur\(zoom=[\d.]+\)\]\)"))
    page.keyboard.press("Escape")
    expect(root.get_by_role("tab", name="This draw")).to_have_count(0)


def test_a_saved_notebook_is_small_and_shows_its_pictures_without_a_kernel(notebook, lab):
    value = settled(Instrument(notebook))
    notebook.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = json.loads((lab.root / "controls.ipynb").read_text(encoding="utf-8"))
    assert "widgets" not in saved["metadata"]
    sizes = [len(json.dumps(cell["outputs"])) for cell in saved["cells"]]
    assert all(1000 < size < LARGEST_OUTPUT for size in sizes), sizes
    assert notebook.problems == []
    name = f"saved-{secrets.token_hex(3)}.ipynb"
    (lab.root / name).write_text(json.dumps(saved), encoding="utf-8")
    lab.open(notebook, name)
    twins = notebook.locator("[class^='al-static']")
    expect(twins).to_have_count(3)
    for picture in twins.locator("img").all():
        expect(picture).to_be_visible()
        assert picture.evaluate("(image) => image.complete && image.naturalWidth") > 100
    expect(twins.first.locator("pre")).to_contain_text("ZoomBlur")
    assert "ZoomBlur" in value
    assert notebook.locator("canvas.al-grid").count() == 0

"""The exported page in a real Chromium, opened from the disk as a reader opens it."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from augmentlab import Compose, Explorer, HorizontalFlip, Rotate, data, uniform

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(300)]

ANGLES = (-45.0, -22.5, 0.0, 22.5, 45.0)
NAME = "a “photo” </script>"


def pipeline(angle):
    return Compose((HorizontalFlip(p=0.5), Rotate(angle=angle)))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A page on the disk, as an explorer writes it."""
    explorer = Explorer({NAME: np.asarray(data.photos().images[0])}, pipeline(uniform(-10, 10)), draws=2, size=96)
    explorer.select(1)
    return explorer.export_html(tmp_path_factory.mktemp("page") / "page.html", frames=len(ANGLES))


@pytest.fixture
def reader(browser, exported):
    """Opens the page in a fresh context, and notes what it asks for and complains of."""
    contexts = []

    def opened(**options):
        context = browser.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.requests, tab.problems = [], []
        tab.on("request", lambda request: tab.requests.append(request.url))
        tab.on("console", lambda message: tab.problems.append(message.text))
        tab.on("pageerror", lambda error: tab.problems.append(str(error)))
        tab.goto(exported.as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()


def pixels(tab):
    return tab.locator("figure .stack").screenshot()


@pytest.mark.filterwarnings("ignore:step 1, Rotate")  # one position turns by nothing
def test_the_slider_moved_by_keyboard_changes_the_picture_and_the_words(reader, exported, screenshot):
    tab = reader()
    slider = tab.get_by_role("slider", name="Rotate angle")
    expect(slider).to_have_attribute("aria-valuetext", "22.5 deg")
    begin, height = pixels(tab), tab.evaluate("document.documentElement.scrollHeight")
    slider.press("Home")
    seen = []
    for angle in ANGLES:
        expect(slider).to_have_attribute("aria-valuetext", f"{angle:.3g} deg")
        expect(tab.locator("output")).to_have_text(f"{angle:.3g} deg")
        expect(tab.get_by_role("img")).to_have_accessible_name(
            f"{NAME}: original and 2 draws of {pipeline(angle)!r}, seed 0"
        )
        expect(tab.locator("section").first).to_contain_text(f"Rotate(angle={angle})" if angle else "Rotate()")
        seen.append(pixels(tab))
        slider.press("ArrowRight")
    assert len(set(seen)) == len(ANGLES)
    assert seen.index(begin) == 3
    assert tab.evaluate("document.documentElement.scrollHeight") == height
    screenshot(tab.locator("main"), "page.png")
    assert tab.problems == []
    assert tab.requests == [exported.as_uri()]


def test_play_goes_on_by_itself_until_it_is_paused(reader):
    tab = reader()
    tab.get_by_role("button", name="Play").click()
    expect(tab.locator("output")).not_to_have_text("22.5 deg")
    tab.get_by_role("button", name="Pause").click()
    expect(tab.get_by_role("button", name="Play")).to_be_visible()


def test_what_is_copied_is_what_is_shown(reader):
    tab = reader(permissions=["clipboard-read", "clipboard-write"])
    slider = tab.get_by_role("slider")
    slider.focus()
    slider.press("End")
    expected = {"Rotate angle": pipeline(45.0).code(), "Pipeline": pipeline(uniform(-10, 10)).code()}
    for name, code in expected.items():
        tab.get_by_role("button", name=f"Copy {name}").click()
        expect(tab.get_by_text("Copied")).to_have_count(1)
        assert tab.evaluate("navigator.clipboard.readText()") == code
        expect(tab.get_by_text("Copied")).to_have_count(0)
    tab.get_by_role("button", name="Copy JSON").click()
    expect(tab.get_by_text("Copied")).to_have_count(1)
    assert '"schema_version": 1' in tab.evaluate("navigator.clipboard.readText()")


def test_without_javascript_one_frame_is_there(reader):
    tab = reader(java_script_enabled=False)
    expect(tab.get_by_role("img")).to_have_accessible_name(re.compile(r"Rotate\(angle=22\.5\)"))
    expect(tab.get_by_text("Rotate angle: 22.5 deg").first).to_be_visible()
    expect(tab.locator("noscript p")).to_be_visible()
    expect(tab.locator("button").first).to_be_hidden()
    expect(tab.locator("section").first).to_contain_text("from augmentlab import")


@pytest.mark.parametrize("javascript", [True, False])
def test_the_frame_that_is_shown_is_printed_with_its_code(reader, javascript):
    tab = reader(java_script_enabled=javascript)
    angle = 22.5
    if javascript:
        tab.get_by_role("slider").press("End")
        angle = 45
    tab.emulate_media(media="print")
    expect(tab.get_by_role("img")).to_have_accessible_name(re.compile(rf"Rotate\(angle={angle}"))
    expect(tab.get_by_role("heading", name=f"Rotate angle: {angle} deg")).to_be_visible()
    for part in ("input", "button"):
        expect(tab.locator(part).first).to_be_hidden()
    assert tab.locator("pre:visible").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_on_a_phone_in_light_and_dark(reader, scheme, screenshot):
    tab = reader(viewport={"width": 360, "height": 720}, color_scheme=scheme, has_touch=True, is_mobile=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    for query in ("h1", ".quiet", "button", ".ends"):
        text, ground = tab.evaluate(
            """(query) => {
                const colour = (element, name) => getComputedStyle(element)[name].match(/[\\d.]+/g).slice(0, 3).map(Number);
                return [colour(document.querySelector(query), "color"), colour(document.body, "backgroundColor")];
            }""",
            query,
        )
        assert contrast(text, ground) >= 4.5, f"{query} on {ground}"  # WCAG 2, level AA
    assert (sum(ground) > 382) == (scheme == "light")
    expect(tab).to_have_title(re.compile("</script>"))
    screenshot(tab.locator("main"), f"page_phone_{scheme}.png")


def contrast(one, other):
    """The contrast ratio of WCAG 2."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour):
    levels = np.asarray(colour) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))

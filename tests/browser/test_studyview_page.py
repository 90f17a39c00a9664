"""A study in a real JupyterLab: it runs, stops and goes on; an arm is opened; arms are filtered; in the light and in the dark."""

import json
import re
from itertools import pairwise

import pytest
from instrument import run
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]

SETUP = """
import time
from dataclasses import dataclass
from augmentlab import Affine, GaussianNoise, PixelTransform, Rotate, Study, StudyView, data, models, uniform
from augmentlab.study import Arm, combinations

@dataclass(frozen=True, kw_only=True, repr=False)
class Slow(PixelTransform):
    def apply_image(self, image):
        time.sleep(0.0003)  # the test has time to look
        return image

@dataclass(frozen=True, kw_only=True, repr=False)
class Broken(PixelTransform):
    def apply_image(self, image):
        raise RuntimeError("no luck with this image")

steps = {"shift": Affine(translate_x=uniform(-0.2, 0.2), translate_y=uniform(-0.2, 0.2)),
         "rotate": Rotate(angle=uniform(-25, 25)), "noise": GaussianNoise(std=0.1), "slow": Slow()}
arms = [*combinations(steps), Arm(label="broken", transform=Broken(), point=(("broken", True),))]
study = Study(data.scattered_digits(), models.knn(), arms, draws=6, train_size=100, copies=3,
              storage="study.db", name="scattered digits")
view = StudyView(study)
view
"""
SEEN = """
from augmentlab import StudyView
stored = StudyView.load("study.db")
stored
"""


@pytest.fixture(scope="module")
def notebook(lab, page):
    lab.write("study.ipynb", SETUP, "1 + 1")
    lab.open(page, "study.ipynb")
    lab.run_all(page)
    page.locator(".al-study").wait_for()
    return page


@pytest.fixture
def view(notebook):
    return notebook.locator(".al-study").first


def arm(view, label):
    return view.locator(f'tr[data-arm="{label}"]')


def done(view):
    return int(view.locator("progress").first.evaluate("(bar) => bar.value"))


def theme(page, name):
    page.evaluate(
        "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", f"JupyterLab {name}"
    )
    page.wait_for_function(
        "(light) => document.body.dataset.jpThemeLight === light", arg="true" if name == "Light" else "false"
    )


def test_it_runs_while_the_kernel_is_free_and_stops(view, notebook, screenshot):
    expect(view.locator("tbody tr")).to_have_count(18)
    expect(view.get_by_role("status").first).to_have_text("Not started: 0 of 108 trials")
    screenshot(view, "study-before.png")
    rows = view.locator("tbody").bounding_box()
    view.get_by_role("button", name="Start").click()
    expect(arm(view, "shift").locator(".al-c-difference")).to_have_text(re.compile(r"\+\d"))
    expect(view.locator(".al-interval:visible").first).to_be_visible()
    assert view.locator("tbody").bounding_box() == rows  # nothing jumped
    assert run(notebook, "1 + 1") == ""
    screenshot(view, "study-running.png")
    view.get_by_role("button", name="Stop").click()
    expect(view.get_by_role("button", name="Resume")).to_be_visible(timeout=15_000)
    kept = done(view)
    assert 0 < kept < 102
    assert run(notebook, "print(study.n_complete)") == str(kept)


def test_a_cell_that_runs_it_is_followed_and_an_interrupt_ends_that_alone(view, notebook):
    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    before = done(view)
    notebook.evaluate(f"() => {{ {kernel}.requestExecute({{code: 'study.run(n_jobs=1, progress=False)'}}); }}")
    expect(view.get_by_role("status").first).to_have_text(re.compile("Running elsewhere"))
    notebook.wait_for_function(
        "([bar, before]) => bar.value > before + 2", arg=[view.locator("progress").element_handle(), before]
    )
    notebook.evaluate(f"() => {kernel}.interrupt()")
    expect(view.get_by_role("button", name="Resume")).to_be_visible()
    assert run(notebook, "print(study.interrupted)") == "True"


def test_it_goes_on_and_says_what_failed(view, notebook, screenshot):
    run(notebook, "view._options = {'n_jobs': 1}")
    view.get_by_role("button", name="Resume").click()
    expect(view.get_by_role("status").first).to_have_text(
        re.compile("Finished: 102 of 108 trials, 6 failed"), timeout=120_000
    )
    expect(arm(view, "shift").locator(".al-c-verdict")).to_have_text("helps")
    expect(arm(view, "broken").locator(".al-c-draws")).to_contain_text("6 failed")
    view.get_by_text("6 trials failed").click()
    view.get_by_text("broken, draw 0").click()
    expect(view.locator(".al-failures pre").first).to_contain_text("RuntimeError: no luck with this image")
    screenshot(view, "study-failed.png")
    view.get_by_text("6 trials failed").click()
    screenshot(view, "study-finished.png")


def test_an_arm_is_opened_by_keyboard(view, notebook, screenshot):
    first = view.locator(".al-arm-name").first
    first.focus()
    notebook.keyboard.press("ArrowDown")
    notebook.keyboard.press("ArrowUp")
    expect(first).to_be_focused()
    notebook.keyboard.press("Enter")
    detail = view.locator(".al-arm-detail")
    expect(detail.locator("h4")).to_have_text(first.inner_text())
    expect(detail.locator("figure img").first).to_have_attribute("alt", re.compile("training images"))
    expect(detail.locator(".al-hard figure")).to_have_count(12)
    expect(detail.locator(".al-draws tr").first.locator("th")).to_have_count(7)
    detail.get_by_role("button", name="Copy code").click()
    assert notebook.evaluate("() => navigator.clipboard.readText()").startswith(("Affine(", "Compose("))
    screenshot(view, "study-arm.png")
    detail.get_by_role("button", name="Confirm on the locked test").click()
    screenshot(detail, "study-ask.png")
    detail.get_by_role("button", name="Open the locked test").click()
    expect(detail.locator(".al-confirmed")).to_contain_text("On the locked test (opened for the first time): helps")
    screenshot(detail, "study-confirmed.png")
    notebook.keyboard.press("Escape")


def test_arms_are_filtered_and_sorted(view, notebook, screenshot):
    view.get_by_role("button", name=re.compile("^shift: with or without")).click()
    view.get_by_role("button", name=re.compile("^noise: with or without")).click()
    view.get_by_role("button", name=re.compile("^noise: only with$")).click()
    expect(view.locator("tbody tr.al-arm")).to_have_count(4)
    view.get_by_label("search arms").fill("rot")
    expect(view.locator("tbody tr.al-arm")).to_have_count(2)
    notebook.wait_for_timeout(500)  # rows glide
    screenshot(view, "study-filtered.png")
    view.get_by_role("button", name="Clear").click()
    expect(view.locator("tbody tr")).to_have_count(18)
    view.get_by_role("button", name="Arm", exact=True).click()
    expect(view.locator("tbody tr").first).to_have_attribute("data-arm", "broken")
    view.get_by_role("button", name="Difference").click()
    expect(view.locator("tbody tr").first).not_to_have_attribute("data-arm", "broken")


def test_the_numbers_of_the_axis_stand_apart_at_any_width(view, notebook):
    before = notebook.viewport_size
    for width in (1920, 1440, 1100):
        notebook.set_viewport_size({"width": width, "height": before["height"]})
        notebook.wait_for_timeout(300)
        ticks = [tick for tick in view.locator(".al-tick").all() if tick.is_visible()]
        boxes = [tick.bounding_box() for tick in ticks]
        assert all(one["x"] + one["width"] < other["x"] for one, other in pairwise(boxes)), width
        assert "0" in [tick.text_content() for tick in ticks]
    notebook.set_viewport_size(before)


def test_everything_is_named_and_the_dark_theme_is_readable(view, notebook, screenshot):
    theme(notebook, "Dark")
    view.locator(".al-arm-name").first.click()
    expect(view.locator(".al-hard figure")).to_have_count(12)
    screenshot(view, "study-dark.png")
    nameless = re.findall(
        r"^\s*- (?:button|img|table|toolbar|group|progressbar)(?::|$)", view.aria_snapshot(), re.MULTILINE
    )
    assert nameless == []
    theme(notebook, "Light")
    assert notebook.problems == []


def test_a_saved_notebook_shows_it_without_a_kernel_and_a_stored_study_is_read_only(lab, notebook, screenshot):
    notebook.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = json.loads((lab.root / "study.ipynb").read_text())
    (twin,) = [output for output in saved["cells"][0]["outputs"] if "al-static" in str(output["data"].get("text/html"))]
    content = "".join(twin["data"]["text/html"])
    assert "Finished: 102 of 108 trials" in content
    assert "data:image/png;base64" in content
    assert len(content) < 300_000
    lab.write("stored.ipynb", SEEN)
    lab.open(notebook, "stored.ipynb")
    lab.run_all(notebook)
    stored = notebook.locator(".al-study").first
    expect(stored.locator(".al-act")).to_be_hidden()
    stored.locator(".al-arm-name").first.click()
    expect(stored.locator(".al-hard figure")).to_have_count(12)
    expect(stored.locator(".al-looks img").first).to_be_visible()
    screenshot(stored, "study-stored.png")
    assert notebook.problems == []

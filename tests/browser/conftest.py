"""A real JupyterLab in a real Chromium, driven by plain Playwright.

Environment:

- ``AUGMENTLAB_CHROMIUM``: the browser, by default the ``chromium`` on the path;
- ``AUGMENTLAB_REQUIRE_BROWSER=1``: a missing browser fails instead of skipping;
- ``AUGMENTLAB_SCREENSHOTS``: a directory for screenshots; without it none is written.
"""

import importlib.util
import os
from pathlib import Path

import pytest

from benchmarks.lab import CHROMIUM_ARGS, TIMEOUT_S, jupyterlab
from benchmarks.lab import chromium as chromium_on_this_machine


def missing(what):
    if os.environ.get("AUGMENTLAB_REQUIRE_BROWSER", "") not in {"", "0"}:
        pytest.fail(f"AUGMENTLAB_REQUIRE_BROWSER is set, and there is no {what}", pytrace=False)
    pytest.skip(f"no {what}")


@pytest.fixture(scope="session")
def chromium():
    """Path of the browser."""
    if importlib.util.find_spec("playwright") is None:
        missing("playwright")
    path = chromium_on_this_machine()
    if path is None:
        missing("Chromium on the path or under AUGMENTLAB_CHROMIUM")
    return path


@pytest.fixture(scope="session")
def lab(chromium, tmp_path_factory):
    """JupyterLab on a free port, with settings of its own; one for all tests."""
    with jupyterlab(tmp_path_factory.mktemp("lab")) as running:
        yield running


# Of module scope, since Playwright keeps an event loop running in this thread for as long as it lives, and code that
# asks for a running loop would see it in tests that have nothing to do with a browser.
@pytest.fixture(scope="module")
def browser(chromium):
    """A headless Chromium."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * TIMEOUT_S)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser):
    """One page for the tests of a module; ``page.problems`` collects what the console reports as an error."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(1000 * TIMEOUT_S)
    page.problems = []
    page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    context.close()


@pytest.fixture
def screenshot():
    """Save a picture of an element, if ``AUGMENTLAB_SCREENSHOTS`` names a directory."""

    def save(element, name):
        directory = os.environ.get("AUGMENTLAB_SCREENSHOTS")
        if directory:
            Path(directory).mkdir(parents=True, exist_ok=True)
            element.screenshot(path=str(Path(directory) / name))

    return save

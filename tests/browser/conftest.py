"""A real JupyterLab in a real Chromium, driven by plain Playwright.

Environment:

- ``AUGMENTLAB_CHROMIUM``: the browser, by default the ``chromium`` on the path;
- ``AUGMENTLAB_REQUIRE_BROWSER=1``: a missing browser fails instead of skipping;
- ``AUGMENTLAB_SCREENSHOTS``: a directory for screenshots; without it none is written.
"""

import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

TIMEOUT_S = 120  # generous: such machines are slow and shared
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Idle as the application itself says, which depends on no toolbar and no theme.
KERNEL_IDLE = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.sessionContext?.session?.kernel?.status === 'idle';
}"""
ALL_CELLS_RAN = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = [...panel.content.widgets].filter((cell) => cell.model.type === 'code');
    return cells.every((cell) => cell.model.executionCount) && panel.sessionContext.session.kernel.status === 'idle';
}"""


def missing(what):
    if os.environ.get("AUGMENTLAB_REQUIRE_BROWSER", "") not in {"", "0"}:
        pytest.fail(f"AUGMENTLAB_REQUIRE_BROWSER is set, and there is no {what}", pytrace=False)
    pytest.skip(f"no {what}")


@pytest.fixture(scope="session")
def chromium():
    """Path of the browser."""
    if importlib.util.find_spec("playwright") is None:
        missing("playwright")
    path = os.environ.get("AUGMENTLAB_CHROMIUM") or shutil.which("chromium")
    if path is None or not Path(path).exists():
        missing("Chromium on the path or under AUGMENTLAB_CHROMIUM")
    return path


class Lab:
    """A running JupyterLab."""

    def __init__(self, root, url, token):
        self.root, self.url, self.token = root, url, token

    def copy(self, name):
        """Copy a notebook of the repository to where the server finds it."""
        text = (NOTEBOOKS / name).read_text(encoding="utf-8")
        (self.root / name).write_text(text, encoding="utf-8")
        return name

    def open(self, page, name):
        """Open a notebook in a fresh workspace of its own and wait for its kernel."""
        workspace = f"auto-{secrets.token_hex(3)}"
        page.goto(f"{self.url}/doc/workspaces/{workspace}/tree/{name}?reset&token={self.token}")
        page.wait_for_function("() => !!window.jupyterapp")
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
        page.wait_for_function(KERNEL_IDLE)

    def run_all(self, page):
        """Run all cells and wait until all ran."""
        page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function(ALL_CELLS_RAN)


@pytest.fixture(scope="session")
def lab(chromium, tmp_path_factory):
    """JupyterLab on a free port, with settings of its own; one for all tests."""
    base = tmp_path_factory.mktemp("lab")
    root = base / "root"
    settings = base / "settings" / "@jupyterlab" / "notebook-extension"
    page_config = base / "config" / "labconfig"
    for directory in (root, settings, page_config):
        directory.mkdir(parents=True)
    page_config.joinpath("page_config.json").write_text(
        json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}})
    )
    # Every cell is in the page, also those far below.
    settings.joinpath("tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(base / "config"),
        "JUPYTER_DATA_DIR": str(base / "data"),
        "JUPYTER_RUNTIME_DIR": str(base / "runtime"),
        "IPYTHONDIR": str(base / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(base / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(base / "workspaces"),
        # The kernel finds the package where these tests found it, whether or not it is installed.
        "PYTHONPATH": os.pathsep.join([str(NOTEBOOKS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    log = base / "lab.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=root)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/api/status?token={token}", process, log)
        yield Lab(root, url, token)
    finally:
        # The server shuts its kernels down before it ends.
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(address, process, log):
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                answer.read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("JupyterLab did not start:\n" + log.read_text(errors="replace")[-3000:], pytrace=False)


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

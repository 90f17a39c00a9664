"""``augmentlab app FOLDER``, started as a person starts it, in a real Chromium."""

import http.client
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from test_explorer import Instrument

from augmentlab import Compose, HorizontalFlip, Rotate, data, uniform

# Voila gives every visitor a kernel of his own, which takes its time on a busy machine.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

psutil = pytest.importorskip("psutil")
NAME = 'it\'s <i>"{{7*7}}" & ü'
TRAP = "open({!r}, 'a').close()"


class App:
    """A running app."""

    def __init__(self, process, url, log, trap, temporary):
        self.process, self.url, self.log, self.trap, self.temporary = process, url, log, trap, temporary
        self.address, self.token = url.split("?token=")

    def get(self, path, token=None):
        """The status of a request, where it sends one to, and the text."""
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.url).port, timeout=120)
        connection.request("GET", path, headers={"Authorization": f"token {token}"} if token else {})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, answer.headers.get("Location", ""), text

    def kernels(self):
        return [
            child for child in psutil.Process(self.process.pid).children() if "ipykernel_launcher" in command(child)
        ]


def command(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


@pytest.fixture(scope="module")
def app(chromium, tmp_path_factory):
    """The app on a folder with a wicked name, which is the working directory too and holds traps."""
    if importlib.util.find_spec("voila") is None:
        pytest.skip("no voila")
    base = tmp_path_factory.mktemp("app")
    folder, temporary, trap = base / NAME, base / "temporary", base / "trapped"
    for index, image in enumerate(data.photos().images):
        path = folder / f"class-{index % 2}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(image)).save(path)
    for name in ("voila", "ipykernel_launcher", "numpy", "sitecustomize", "jupyter_config", "voila_config"):
        (folder / f"{name}.py").write_text(TRAP.format(str(trap)))
    (folder / "voila.json").write_text(json.dumps({"Voila": {"ip": "0.0.0.0", "token": ""}}))
    temporary.mkdir()
    pipeline = base / "pipeline.json"
    pipeline.write_text(
        json.dumps(Compose((HorizontalFlip(p=0.5), Rotate(angle=uniform(-45, 45)))).to_dict()), encoding="utf-8"
    )
    paths = filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")])
    log = base / "app.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            # -P is what the installed command does: nothing is imported from the working directory.
            [sys.executable, "-P", "-m", "augmentlab.cli", "app", ".", "--no-browser", "--pipeline", str(pipeline)],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(paths)},
        )
    try:
        wait_until(lambda: "token=" in log.read_text() or process.poll() is not None, 120)
        found = re.search(r"http://\S+", log.read_text())
        assert found, "the app did not start:\n" + log.read_text()
        yield App(process, found[0], log, trap, temporary)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture(scope="module")
def explorer(app, page):
    page.elsewhere = []
    page.on(
        "request",
        lambda request: request.url.startswith((app.address, "data:", "blob:")) or page.elsewhere.append(request.url),
    )
    page.goto(app.url)
    page.locator("canvas.al-grid[data-frame]").first.wait_for()
    return Instrument(page)


def test_every_page_needs_the_token(app):
    assert len(app.token) >= 32
    assert app.get("/")[:2] == (302, "/login?next=%2F")
    assert app.get("/", "0" * len(app.token))[0] == 302
    assert app.get("/api/kernels/00000000-0000-0000-0000-000000000000")[0] == 403
    assert app.kernels() == []
    status, _, text = app.get("/", app.token)
    assert status == 200
    assert 'id="rendered_cells"' in text


def test_it_listens_on_this_machine_alone(app):
    (at,) = {
        (one.laddr.ip, one.laddr.port)
        for one in psutil.Process(app.process.pid).net_connections(kind="inet")
        if one.status == psutil.CONN_LISTEN
    }
    assert at == ("127.0.0.1", urlsplit(app.url).port)


@pytest.mark.parametrize("path", ["class-0/0.png", "voila.py", "app.ipynb", "../kernels/augmentlab/kernel.json"])
def test_no_file_is_served(app, path):
    for before in ("/voila/files/", "/files/", "/voila/render/", "/"):
        status, to, text = app.get(before + path, app.token)
        for _ in range(3):
            if status == 302:
                status, to, text = app.get(to, app.token)
        assert status in {403, 404}
        assert "ipykernel_launcher" not in text
        assert "\x89PNG" not in text


def test_the_explorer_is_there_and_nothing_comes_from_elsewhere(app, explorer, page, screenshot):
    expect(page).to_have_title(f"{NAME} · augmentlab")
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(explorer.code).to_have_value(re.compile("HorizontalFlip.*Rotate", re.DOTALL))
    expect(page.locator(".jp-InputArea-editor")).to_have_count(0)
    screenshot(page, "app.png")
    assert page.elsewhere == []
    assert page.problems == []


def test_a_slider_changes_the_pixels(explorer, page):
    explorer.select("Rotate")
    slider = explorer.root.get_by_role("slider", name="angle high")
    slider.focus()

    def press():
        for _ in range(5):
            page.keyboard.press("ArrowLeft")

    before, after = explorer.changes(press)
    assert before != after
    expect(explorer.code).to_have_value(re.compile(r"Rotate\(angle=uniform\(-45, [34]\d"))


def test_it_is_dark_where_the_browser_is(app, browser, screenshot):
    context = browser.new_context(color_scheme="dark", viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    tab.goto(app.url)
    tab.locator("canvas.al-grid[data-frame]").first.wait_for()
    ground, text = (
        tab.evaluate(
            "([query, name]) => getComputedStyle(document.querySelector(query))[name].match(/[\\d.]+/g).slice(0, 3)",
            one,
        )
        for one in (["body", "backgroundColor"], [".al-explorer", "color"])
    )
    assert sum(map(float, ground)) < 200
    assert sum(map(float, text)) > 500
    screenshot(tab, "app_dark.png")
    context.close()


def test_a_closed_page_ends_its_kernel(app, browser):
    before = len(app.kernels())
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(app.url)
    tab.locator("canvas.al-grid[data-frame]").first.wait_for()
    assert len(app.kernels()) == before + 1
    tab.close(run_before_unload=True)
    wait_until(lambda: len(app.kernels()) == before)
    context.close()


def test_ctrl_c_ends_it_and_leaves_nothing(app, explorer):
    processes = psutil.Process(app.process.pid).children(recursive=True)
    assert any("ipykernel_launcher" in command(process) for process in processes)
    assert list(app.temporary.iterdir())
    os.kill(app.process.pid, signal.SIGINT)
    assert app.process.wait(60) == 0
    _, alive = psutil.wait_procs(processes, timeout=30)  # orphans are forgotten when init has time for it
    assert alive == []
    assert list(app.temporary.iterdir()) == []
    said = app.log.read_text(encoding="utf-8")
    assert said.count(app.token) == 1
    assert "Traceback" not in said
    assert "WARNING" not in said
    assert not app.trap.exists(), "a file of the folder was run"


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)

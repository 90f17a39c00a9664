"""A real JupyterLab with settings of its own, for whoever drives it with a browser: the benchmark and the tests."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 120  # generous: such machines are slow and shared
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


def chromium() -> str | None:
    """Path of the browser: ``AUGMENTLAB_CHROMIUM`` or the ``chromium`` on the path; None where there is none."""
    path = os.environ.get("AUGMENTLAB_CHROMIUM") or shutil.which("chromium")
    return path if path is not None and Path(path).exists() else None


class Lab:
    """A running JupyterLab.

    Attributes
    ----------
    root : Path
        The folder that it serves.
    url, token : str
    """

    def __init__(self, root: Path, url: str, token: str) -> None:
        self.root, self.url, self.token = root, url, token

    def copy(self, name):
        """Copy a notebook of the repository to where the server finds it."""
        text = (ROOT / "notebooks" / name).read_text(encoding="utf-8")
        (self.root / name).write_text(text, encoding="utf-8")
        return name

    def write(self, name, *cells):
        """Write a notebook of these cells to where the server finds it."""
        made = [
            {
                "cell_type": "code",
                "id": f"cell-{place}",
                "metadata": {},
                "source": one,
                "outputs": [],
                "execution_count": None,
            }
            for place, one in enumerate(cells)
        ]
        spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
        document = {"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
        (self.root / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
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


@contextlib.contextmanager
def jupyterlab(base: Path, environment: Mapping[str, str] | None = None) -> Iterator[Lab]:
    """JupyterLab on a free port, with its settings, runtime files and notebooks below `base`, for as long as it is needed.

    Parameters
    ----------
    base : Path
        An empty folder.
    environment : mapping of str to str, optional
        For the server and its kernels, instead of this process's.

    Raises
    ------
    RuntimeError
        It did not start; the end of its log is told.
    """
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
    environment = dict(os.environ if environment is None else environment)
    environment |= {
        "JUPYTER_CONFIG_DIR": str(base / "config"),
        "JUPYTER_DATA_DIR": str(base / "data"),
        "JUPYTER_RUNTIME_DIR": str(base / "runtime"),
        "IPYTHONDIR": str(base / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(base / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(base / "workspaces"),
        # The kernel finds the package where this module was found, whether or not it is installed.
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    log = base / "lab.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=root)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/api/status?token={token}", process, log)
        yield Lab(root, url, token)
    finally:
        # The server shuts its kernels down before it ends.
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                answer.read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("JupyterLab did not start:\n" + log.read_text(errors="replace")[-3000:])

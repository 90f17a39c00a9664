"""The explorer as a stand-alone app: ``augmentlab app FOLDER``.

Voila runs a notebook of one cell, written here, and shows what it displays. The page is served to this machine only and
to those who have the token; the folder's files are read by the kernel and served to nobody.
"""

import json
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

from augmentlab import files
from augmentlab.documents import from_dict, parse, read
from augmentlab.markup import element, printable
from augmentlab.transform import Transform

_HOST = "127.0.0.1"
_TEMPLATE = Path(__file__).parent / "template"
# What the explorer is made of; whatever else is installed for JupyterLab has no business in this page.
_EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
_IDLE_S = 600  # a kernel whose page is gone ends after this, if the page could not say good-bye
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def serve(folder: Path, *, pipeline: Path | None = None, port: int = 0, browser: bool = True) -> int:
    """Serve the explorer of a folder until it is interrupted.

    Parameters
    ----------
    folder : Path
        Of images.
    pipeline : Path, optional
        A JSON file as `Transform.to_dict` describes it, to begin with.
    port : int
        0 for a free one.
    browser : bool
        Open the page in a browser.

    Returns
    -------
    int
        0 once it was told to end, by Ctrl-C or another signal.

    Raises
    ------
    OSError, ValueError, TypeError
        With one sentence, before anything is served: no such folder, no image in it, a pipeline that is none, a port
        that cannot be had.
    ModuleNotFoundError
        Voila is not installed.
    """
    if find_spec("voila") is None:
        raise ModuleNotFoundError('app needs Voila; python -m pip install "augmentlab[app]" brings it')
    begin = None if pipeline is None else _read_pipeline(pipeline)
    folder = files.home(folder).resolve()
    from augmentlab.widgets import explore

    explore(folder, begin)  # what the page's kernel will do: where it fails, it fails here, with its sentence
    with _listening(port) as listening, files.temporary_folder() as made:
        token = secrets.token_hex(24)
        address = f"http://{_HOST}:{listening.getsockname()[1]}/?token={token}"
        _prepare(made, notebook(folder, begin))

        def announce() -> None:
            # Browsers that Ubuntu installs as snaps see no file of ours.
            other = " If the browser finds no page, give it this address." if browser else ""
            print(f"{printable(str(folder))} is open at\n\n    {address}\n\nCtrl-C ends it.{other}", flush=True)
            if browser:
                webbrowser.open(_leading_to(address, made).as_uri())

        _run(made, token, listening, announce)
    return 0


def notebook(folder: Path, pipeline: Transform | None) -> dict[str, Any]:
    """The notebook that is served: one cell, with the names in it as literals.

    >>> print(notebook(Path("it's here"), None)["cells"][0]["source"])
    from augmentlab import explore
    <BLANKLINE>
    explore("it's here")
    """
    name = printable(folder.name or str(folder))
    # ascii() of a string is a literal that evaluates to it, whatever it holds.
    imports, names, arguments = "", "explore", ascii(str(folder))
    if pipeline is not None:
        imports = "import json\n\n"
        names += ", from_dict"
        arguments += f", from_dict(json.loads({json.dumps(pipeline.to_dict())!a}))"
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "title": f"{name} · augmentlab",
            "augmentlab": {"folder": name},
            "kernelspec": {"name": "augmentlab", "display_name": "augmentlab", "language": "python"},
        },
        "cells": [
            {
                "id": "explorer",
                "cell_type": "code",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": f"{imports}from augmentlab import {names}\n\nexplore({arguments})",
            }
        ],
    }


def _leading_to(address: str, made: Path) -> Path:
    """A page in a folder of this user alone that leads to the address.

    What a browser is started with is in the list of processes, which other users of the machine may read; whoever has
    the token runs what he likes.
    """
    page = made / "open.html"
    moved = element("meta", http_equiv="refresh", content=f"0; url={address}")
    page.write_text(f"<!DOCTYPE html>{moved}{element('a', 'augmentlab', href=address)}", encoding="utf-8")
    return page


def _read_pipeline(path: Path) -> Transform:
    try:
        return from_dict(parse(read(path)))
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"--pipeline must be a JSON file of a pipeline; {path} is not: {reason}") from None


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket of this machine alone, held from now on, so that nobody else takes the port meanwhile."""
    with socket.socket() as listening:
        if os.name == "posix":  # there it only means: do not wait for the last server's connections to be forgotten
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OSError(f"--port must be one that can be had; got {port}: {reason}") from None
        listening.listen(128)
        listening.setblocking(False)
        yield listening


def _prepare(made: Path, document: dict[str, Any]) -> None:
    """What Voila reads, in a folder of its own: notebook, template, and a kernel that is this very Python."""
    pages = made / "pages"
    pages.mkdir()
    (pages / "app.ipynb").write_text(json.dumps(document), encoding="utf-8")
    shutil.copytree(_TEMPLATE, made / "nbconvert" / "templates" / "augmentlab")
    kernel = made / "kernels" / "augmentlab"
    kernel.mkdir(parents=True)
    # A kernel called python3 may be anybody's. -P: modules do not come from the working directory.
    command = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
    spec = {"argv": command, "display_name": "augmentlab", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def _remember(handler: Any, **_: Any) -> None:
    """Give the visitor the cookie with which his page, when it is closed, may end its kernel."""
    handler.xsrf_token  # noqa: B018  (asking for it sets the cookie)


def _run(made: Path, token: str, listening: socket.socket, announce: Callable[[], None]) -> None:
    """Run Voila on a socket until a signal comes; its kernels end with it."""
    paths = filter(None, [str(made), os.environ.get("JUPYTER_PATH")])
    os.environ |= {
        "JUPYTER_PATH": os.pathsep.join(paths),
        # Nobody's settings but those below; and what Jupyter writes is gone with the folder.
        "JUPYTER_CONFIG_DIR": str(made / "config"),
        "JUPYTER_RUNTIME_DIR": str(made / "runtime"),
        "IPYTHONDIR": str(made / "ipython"),
    }
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from traitlets.config import Config
    from voila.app import Voila

    class Server(Voila):
        def listen(self) -> None:
            self.ioloop = IOLoop.current()
            for number in _SIGNALS:
                signal.signal(number, self._end)
            server = HTTPServer(self.app)
            server.add_socket(listening)
            try:
                announce()
                self.ioloop.start()
            finally:
                server.stop()
                self.stop()

        def _end(self, _number: int, _frame: FrameType | None) -> None:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)  # the second time is meant
            self.ioloop.add_callback_from_signal(self.ioloop.stop)

    settings = {
        "Voila": {
            "config_file_paths": [],  # else a voila.py in the working directory would be run
            "connection_dir_root": str(made),
            "notebook_path": str(made / "pages" / "app.ipynb"),
            "root_dir": str(made / "pages"),
            "ip": _HOST,
            "token": token,
            "log_level": logging.ERROR,
            # A page elsewhere whose name was bent to this machine asks in that name: refused, as JupyterLab does.
            "tornado_settings": {"allow_remote_access": False},
        },
        "VoilaConfiguration": {
            "template": "augmentlab",
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "extension_allowlist": _EXTENSIONS,
            "file_allowlist": [],
            "prelaunch_hook": _remember,
        },
        "MappingKernelManager": {"cull_idle_timeout": _IDLE_S, "cull_interval": 60, "cull_connected": False},
    }
    logging.getLogger("tornado").setLevel(logging.ERROR)  # a wrong token is the visitor's trouble
    Server.launch_instance(argv=[], config=Config(settings))

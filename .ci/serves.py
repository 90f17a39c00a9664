"""``augmentlab lab`` as a person has it: ``serves.py FOLDER`` starts it, asks for its pages and stops it.

The notebooks that it copied stay in the folder. Whoever has no token must get nothing.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_S = 120


def answer(address: str, token: str = "") -> tuple[int, bytes]:
    """Status and text of a page."""
    request = urllib.request.Request(address, headers={"Authorization": f"token {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as page:
            return page.status, page.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def running(runtime: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """What the server wrote down about itself, as soon as it answers."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                server: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
                answer(server["url"] + "api", server["token"])
            except (ValueError, urllib.error.URLError):
                continue  # half written, or not listening yet
            return server
        time.sleep(0.5)
    sys.exit(f"augmentlab lab must answer within {PATIENCE_S} s; it did not (exit status {process.poll()})")


def main(folder: Path) -> None:
    """Start, look, stop."""
    with tempfile.TemporaryDirectory() as kept:
        settings = {"ServerApp": {"allow_root": True, "open_browser": False}, "ExtensionApp": {"open_browser": False}}
        config, runtime = Path(kept, "config"), Path(kept, "runtime")
        config.mkdir()
        for name in ("jupyter_server_config.json", "jupyter_lab_config.json"):
            (config / name).write_text(json.dumps(settings | {"LabApp": {"open_browser": False}}), encoding="utf-8")
        environment = os.environ | {"JUPYTER_CONFIG_DIR": str(config), "JUPYTER_RUNTIME_DIR": str(runtime)}
        command = [str(Path(sys.executable).with_name("augmentlab")), "lab", "--dir", str(folder)]
        with subprocess.Popen(
            command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                server = running(runtime, process)
                listing = answer(server["url"] + "api/contents", server["token"])[1]
                served = sorted(one["name"] for one in json.loads(listing)["content"])
                copied = sorted(path.name for path in folder.iterdir())
                assert served, "no notebook is served"
                assert served == copied, f"served must be {copied}; got {served}"
                status, page = answer(f"{server['url']}lab/tree/{served[0]}?token={server['token']}")
                assert status == 200, f"the page must be there; got {status}"
                assert b"jupyter-config-data" in page, "the page must be JupyterLab's; it is another one"
                status, _ = answer(server["url"] + "api/contents")
                assert status == 403, f"without the token nothing must be told; got {status}"
            finally:
                process.send_signal(signal.SIGINT)  # as Ctrl-C
                try:
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    raise
        try:
            answer(server["url"] + "api")
        except urllib.error.URLError:
            pass
        else:
            sys.exit("a server that was ended must not answer; it does")
    print(f"augmentlab lab serves {', '.join(served)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

"""Measure an explorer over thousands of changes: ``python -m benchmarks.explorer_long --help``.

What kernel and browser hold, and how long a change takes, from time to time. The browser is driven by bare messages of its
own protocol and not by Playwright, which has Chromium report all that a page receives: with such reports (``--recorded``)
the page's process grows with every picture, whatever the page does with it.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.explorer_report import GROWTH, Growth, markdown
from benchmarks.lab import ALL_CELLS_RAN, CHROMIUM_ARGS, KERNEL_IDLE, ROOT, TIMEOUT_S, Lab, chromium, jupyterlab
from benchmarks.parts import put
from benchmarks.run import command, machine, today

# One thread for all that computes in the kernel: these are read when the libraries load.
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM", "NUMEXPR")}
SCRIPT = Path(__file__).with_name("explorer.js")
PART = "explorer-long"  # its place on the page of the benchmarks
REST = 600  # ms without a new frame; longer than what a lossless picture waits for
LIMIT = 30_000  # ms for one picture
START = """from augmentlab import engines
from benchmarks import explorer_kernel as bench

bench.one_thread()
engines.wait()"""
SHOW = 'one = bench.explorer("one")\none'
SHOWN = "() => !!document.querySelector('.bench-one canvas.al-grid[data-frame]')"
SLIDER = """() => {
    const step = [...document.querySelectorAll('.bench-one .al-step')].find((one) => one.textContent.includes('Rotate'));
    step?.click();
    return !!document.querySelector('.bench-one input[aria-label="angle high"]');
}"""
CHANGE = """(from, to, limit) => alBench.change(
    document.querySelector('.bench-one'), document.querySelector('.bench-one input[aria-label="angle high"]'), from, to, limit
)"""


@dataclass(frozen=True)
class Point:
    """What is held after so many changes, in bytes, and what the changes since the point before took."""

    changes: int
    kernel: int
    renderer: int
    heap: int  # of JavaScript, in the renderer
    nodes: int  # of the page, those included that nobody shows any more
    milliseconds: float  # the median; 0 for the first point

    def grown(self, before: "Point") -> dict[str, Growth]:
        """Since an earlier point."""
        return {
            "kernel": Growth(before.kernel, self.kernel),
            "browser's renderer": Growth(before.renderer, self.renderer),
            "JavaScript heap": Growth(before.heap, self.heap),
        }


class Bare:
    """A page in a browser of its own that records nothing.

    Parameters
    ----------
    socket : websocket.WebSocket
        Of the page.
    process : psutil.Process
        The browser.
    """

    def __init__(self, socket: Any, process: psutil.Process) -> None:
        self._socket, self._process, self._number = socket, process, 0

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; what it returns."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """What a function of the page returns, once it is known."""
        expression = f"({function})({', '.join(map(json.dumps, arguments))})"
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", "the page failed"))
        return answer["result"].get("value")

    def wait_for(self, function: str) -> None:
        """Return when a function of the page says yes."""
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            # A page that is still being loaded has not all that is asked for.
            with contextlib.suppress(RuntimeError):
                if self.evaluate(function):
                    return
            time.sleep(0.2)
        raise RuntimeError(f"within {TIMEOUT_S} s the page never said yes to {function}")

    def open(self, lab: Lab, name: str) -> None:
        """Open a notebook with one explorer, run it, and choose its step."""
        self.send("Page.navigate", url=f"{lab.url}/doc/workspaces/long/tree/{name}?reset&token={lab.token}")
        self.wait_for(KERNEL_IDLE)
        self.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        self.wait_for(ALL_CELLS_RAN)
        self.wait_for(SHOWN)
        self.wait_for(SLIDER)
        self.rest()

    def rest(self) -> None:
        """Wait until nothing changes any more."""
        self.evaluate("(quiet) => alBench.rest(document.querySelector('.bench-one'), quiet)", REST)

    def change(self, changes: range) -> list[float]:
        """Move the slider, 20 steps down and 20 up again, and wait for the picture each time; the ms that each took."""
        return self.evaluate(CHANGE, changes.start, changes.stop, LIMIT)

    def held(self, changes: int, taken: list[float]) -> Point:
        """What kernel and browser hold when the garbage is gone."""
        for _ in range(3):
            self.send("HeapProfiler.collectGarbage")
            time.sleep(0.5)
        metrics = {one["name"]: one["value"] for one in self.send("Performance.getMetrics")["metrics"]}
        answer = self.evaluate("() => alBench.ask('', 'bench.memory()')")["user_expressions"]["answer"]
        renderers = [one for one in self._process.children(recursive=True) if "--type=renderer" in one.cmdline()]
        return Point(
            changes=changes,
            kernel=int(answer["data"]["text/plain"]),
            renderer=max(one.memory_info().rss for one in renderers),
            heap=int(metrics["JSHeapUsedSize"]),
            nodes=int(metrics["Nodes"]),
            milliseconds=float(np.median(taken)) if taken else 0.0,
        )


@contextlib.contextmanager
def bare(base: Path, *, recorded: bool = False) -> Iterator[Bare]:
    """A browser with one page, for as long as it is needed."""
    import websocket

    profile = base / "chromium"
    given = ["--headless=new", "--remote-debugging-port=0", "--remote-allow-origins=*", "--window-size=1440,1000"]
    process = psutil.Popen(
        [chromium(), *CHROMIUM_ARGS, *given, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        socket = websocket.create_connection(_address(profile / "DevToolsActivePort"), timeout=10 * TIMEOUT_S)
        page = Bare(socket, process)
        # Without a focus JupyterLab has no current notebook.
        page.send("Emulation.setFocusEmulationEnabled", enabled=True)
        page.send("Performance.enable")
        page.send("Page.enable")
        page.send("Page.addScriptToEvaluateOnNewDocument", source=SCRIPT.read_text(encoding="utf-8"))
        if recorded:
            page.send("Network.enable")
        yield page
        socket.close()
    finally:
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


def _address(port_file: Path) -> str:
    """Of the page, once the browser listens."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError, IndexError, StopIteration):
            port = port_file.read_text().split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:
                return next(one for one in json.load(answer) if one["type"] == "page")["webSocketDebuggerUrl"]
        time.sleep(0.1)
    raise RuntimeError(f"Chromium did not listen within {TIMEOUT_S} s")


def measured(page: Bare, stops: list[int]) -> list[Point]:
    """What is held after each of these numbers of changes, of one explorer in a notebook of its own."""
    points, done, began = [], 0, time.monotonic()
    for stop in stops:
        taken = page.change(range(done, stop))
        page.rest()
        points.append(page.held(stop, taken))
        done = stop
        print(
            f"{stop:,} changes: renderer {points[-1].renderer / 2**20:.1f} MiB, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    return points


# --- told --------------------------------------------------------------------------------------------------------------


def rows(points: list[Point]) -> list[tuple[str, ...]]:
    """Each point, beside the first one."""
    first, second = points[0], points[min(1, len(points) - 1)]

    def beside(now: int, before: int) -> str:
        return f"{now / 2**20:.1f} MiB ({100 * (now / before - 1):+.1f} %)"

    return [
        (
            f"{one.changes:,}",
            beside(one.kernel, first.kernel),
            beside(one.renderer, first.renderer),
            beside(one.heap, first.heap),
            f"{one.nodes:,}",
            "" if one is first else f"{one.milliseconds / second.milliseconds:.2f}",
        )
        for one in points
    ]


HEAD = ("changes", "kernel", "browser's renderer", "JavaScript heap", "DOM nodes", "time of a change, as a ratio")


def part(points: list[Point], given: str, date: str, on: Mapping[str, str]) -> str:
    """The part of the page, in Markdown."""
    first, last = points[0], points[-1]
    grown = last.grown(first)
    kept = all(one.percent <= GROWTH for one in grown.values())
    every = points[1].changes - first.changes
    return f"""### {last.changes:,} changes

One explorer, one slider, moved {last.changes:,} times, each move waited for. Written by `{given}` on {date}, on
{on["CPU"]}, {on["Cores"]} cores. Between the first line and the last, {"nothing" if kept else "something"} grows by more than {GROWTH:g} %{"" if kept else " (**not met**)"}.

{markdown(HEAD, rows(points))}

The time is the median of the changes since the line above, over that of the first {every} after the first line: on a
machine that others use as well, it follows their work too. The browser is driven without Playwright, which has it
report all that the page receives, and so makes it grow; `--recorded` shows by how much."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explorer_long", description=__doc__.partition(":")[0])
    parser.add_argument("--changes", type=int, default=5000, help="5000 unless given")
    parser.add_argument("--every", type=int, default=500, help="changes between two readings; 500 unless given")
    parser.add_argument("--warm", type=int, default=100, help="changes before the first reading; 100 unless given")
    parser.add_argument("--recorded", action="store_true", help="while the browser reports all that it receives")
    parser.add_argument("--write-docs", action="store_true", help="write this part of the page")
    parser.add_argument("--docs", metavar="FOLDER", type=Path, default=ROOT / "docs", help="where --write-docs writes")
    return parser


def main() -> int:
    """Measure and report."""
    arguments = _parser().parse_args()
    for name in ("changes", "every", "warm"):
        if getattr(arguments, name) < 1:
            raise SystemExit(f"--{name} must be at least 1; got {getattr(arguments, name)}")
    if chromium() is None:
        raise SystemExit("there must be a Chromium on the path or under AUGMENTLAB_CHROMIUM; found none")
    stops = [arguments.warm + done for done in range(0, arguments.changes + 1, arguments.every)]
    with contextlib.ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        lab = stack.enter_context(jupyterlab(base, os.environ | ONE_THREAD))
        page = stack.enter_context(bare(base, recorded=arguments.recorded))
        lab.write("long.ipynb", START, SHOW)
        page.open(lab, "long.ipynb")
        points = measured(page, stops)
    print("\n" + "\n".join("  ".join(f"{cell:24}" for cell in row) for row in [HEAD, *rows(points)]))
    if arguments.write_docs:
        path = arguments.docs / "benchmarks.md"
        text = part(points, command("benchmarks.explorer_long"), today(), machine())
        path.write_text(put(path.read_text(encoding="utf-8"), PART, text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

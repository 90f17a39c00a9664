"""Measure how the explorer feels in a real JupyterLab and Chromium: ``python -m benchmarks.explorer --help``."""

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import explorer_kernel as kernel
from benchmarks import explorer_long
from benchmarks import explorer_report as report
from benchmarks.explorer_long import LIMIT, ONE_THREAD, REST, SCRIPT
from benchmarks.explorer_report import Cancel, Drag, Run
from benchmarks.lab import CHROMIUM_ARGS, ROOT, TIMEOUT_S, Lab, chromium, jupyterlab
from benchmarks.peers import version
from benchmarks.run import command, machine, today, versions

PARTS = ("keys", "drags", "memory")
PACKAGES = ("ipywidgets", "anywidget", "ipykernel", "jupyterlab", "matplotlib", "playwright")
START = f"%matplotlib inline\n{explorer_long.START}"
VIEWS = {
    **{name: f'{name} = bench.watch(bench.explorer("{name}"))\n{name}' for name in kernel.PIPELINES},
    **{f"{name}-interact": f'bench.interact("{name}")' for name in report.KEYS_WITHIN},
}


class View:
    """One explorer, or one grid of interact and matplotlib, on the page."""

    def __init__(self, page: Any, name: str) -> None:
        self.page, self.name, self.ours = page, name, name in kernel.PIPELINES
        self.selector = f".bench-{name}"
        self.root = page.locator(self.selector).first
        self.slider = self._row() if self.ours else self.root.locator(".noUi-handle")

    def _row(self) -> Any:
        """The slider "angle high" of the step that turns."""
        turns = next(step for step in kernel.pipeline(self.name).steps if hasattr(step, "angle"))
        self.root.locator(".al-step", has_text=type(turns).__name__).first.click()
        slider = self.root.get_by_role("slider", name="angle high", exact=True)
        slider.wait_for()
        return slider

    def call(self, function: str, *arguments: Any) -> Any:
        """A function of the page's script, given the element of this view."""
        return self.page.evaluate(
            f"([selector, ...more]) => alBench.{function}(document.querySelector(selector), ...more)",
            [self.selector, *arguments],
        )

    def rest(self) -> None:
        """Wait until nothing changes any more."""
        self.call("rest", REST)

    def key(self, name: str) -> dict[str, Any]:
        """Press a key on the slider; when was it heard, and when were other pixels seen."""
        self.slider.scroll_into_view_if_needed()
        self.slider.focus()
        self.rest()
        self.call("arm", LIMIT)
        self.page.keyboard.press(name)
        found = self.page.evaluate("() => alBench.found()")
        if found["key"] is None or found["shown"] is None:
            raise RuntimeError(f"{name} on the slider of {self.name} brought no new pixels within {LIMIT / 1000:g} s")
        return found


def ask(page: Any, expression: str, code: str = "") -> Any:
    """Run code in the kernel of the page, and the value of an expression that gives JSON."""
    reply = page.evaluate("([code, expression]) => alBench.ask(code, expression)", [code, expression])
    if reply["status"] != "ok":
        raise RuntimeError(f"the kernel said {reply.get('ename')}: {reply.get('evalue')}")
    answer = reply["user_expressions"]["answer"]
    if answer["status"] != "ok":
        raise RuntimeError(f"the kernel said {answer.get('ename')}: {answer.get('evalue')}")
    value = ast.literal_eval(answer["data"]["text/plain"])
    return json.loads(value) if isinstance(value, str) else value


def in_a_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function called where no event loop runs; Playwright keeps one in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


# --- key to pixels -----------------------------------------------------------------------------------------------------


def stages_of(found: Mapping[str, Any], noted: list[tuple[str, float]]) -> dict[str, float]:
    """The ms of each stage between a key and its pixels, from what page and kernel noted; those that are known."""
    times: dict[str, float | None] = {"key": found["key"], "painted": found["painted"], "shown": found["shown"]}
    for what, at in noted:
        if at >= found["key"]:
            times.setdefault(what, at)
    sent = times.get("sent") or times.get("published")
    # The picture is the first large message after it was made.
    rendered = times.get("rendered")
    if rendered is not None:
        times["arrived"] = next((at for at, size in found["messages"] if size > 5000 and at >= rendered), None)
    ends = [times.get(name) for name in ("key", "received", "handled", "render", "rendered")]
    ends += [sent, times.get("arrived"), times["painted"], times["shown"]]
    pairs = zip(report.STAGES, ends[:-1], ends[1:], strict=True)
    return {stage: end - begin for stage, begin, end in pairs if begin is not None and end is not None}


def measure_keys(page: Any, views: Mapping[str, View], rounds: int) -> dict[str, Any]:
    """Key to pixels of each view in each round, in an order drawn anew."""
    names, rng = list(views), np.random.default_rng(0)
    keys: dict[str, list[float]] = {name: [] for name in names}
    received: dict[str, list[float]] = {name: [] for name in names}
    stages: dict[str, dict[str, list[float]]] = {
        name: {stage: [] for stage in report.STAGES} for name in names if views[name].ours
    }
    page.mouse.move(2, 2)
    for index in range(-2, rounds):  # two rounds to get warm
        for place in rng.permutation(len(names)):
            name = names[place]
            ask(page, "bench.taken()")
            found = views[name].key("ArrowLeft" if index % 2 else "ArrowRight")
            if index < 0:
                continue
            keys[name].append(found["shown"] - found["key"])
            received[name].append(sum(size for at, size in found["messages"] if at <= found["shown"]))
            if views[name].ours:
                views[name].rest()
                for stage, taken in stages_of(found, ask(page, "bench.taken()")).items():
                    stages[name][stage].append(taken)
    return {
        "keys": {name: tuple(values) for name, values in keys.items()},
        "received": {name: tuple(values) for name, values in received.items()},
        "stages": {name: {stage: tuple(v) for stage, v in one.items() if v} for name, one in stages.items()},
    }


# --- drags -------------------------------------------------------------------------------------------------------------


def decoded(address: str) -> np.ndarray:
    """The RGB of a picture that the page gave as a data URL."""
    data = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def levels_between(picture: np.ndarray, tiles: list[np.ndarray]) -> float:
    """Mean absolute difference between the tiles in a picture of the grid and these tiles."""
    rows = -(-len(tiles) // kernel.COLUMNS)
    gaps = [
        (side - count * kernel.SIZE) // max(count - 1, 1)
        for side, count in zip(picture.shape[:2], (rows, kernel.COLUMNS), strict=True)
    ]
    found = []
    for index, tile in enumerate(tiles):
        y, x = ((kernel.SIZE + gap) * place for gap, place in zip(gaps, divmod(index, kernel.COLUMNS), strict=True))
        shown = picture[y : y + kernel.SIZE, x : x + kernel.SIZE]
        if shown.shape != tile.shape:
            raise RuntimeError(f"the canvas holds {picture.shape[1]} x {picture.shape[0]} px, which are no such tiles")
        found.append(np.abs(shown.astype(float) - tile).mean())
    return float(np.mean(found))


def judged(pictures: list[tuple[float, str]], released: float, name: str, value: float, step: float) -> tuple[Any, ...]:
    """Which pictures after a release are those of the last position: delay, how many were not, levels at rest.

    The delay is None when the picture at rest is nearer to that of a position beside it.
    """
    fresh = [in_a_thread(kernel.pictures, name, high) for high in (value, value - step, value + step)]
    right, levels = [], 0.0
    for _, address in pictures:
        levels, *beside = (levels_between(decoded(address), tiles) for tiles in fresh)
        right.append(levels < min(beside))
    if not right[-1]:
        return None, right.count(False), levels
    first = max((index + 1 for index, one in enumerate(right) if not one), default=0)
    return pictures[first][0] - released, sum(not one for one in right[1:]), levels


def position(share: float, now: float) -> float:
    """Where the mouse is: to and fro between 0.45 and 0.95 of the slider every 1.7 s, beginning at `share`."""
    low, high, period = 0.45, 0.95, 1.7
    phase = 2 * now / period + (share - low) / (high - low)
    return low + (high - low) * abs((phase + 1) % 2 - 1)


def measure_drag(page: Any, view: View, seconds: float) -> Drag:
    """Hold the slider for so long and move it; what was seen meanwhile and afterwards."""
    view.slider.scroll_into_view_if_needed()
    view.slider.focus()
    view.rest()
    ask(page, "bench.taken()")
    before = ask(page, f"bench.counted({view.name})")
    box = view.slider.bounding_box()
    low, high, value, step = view.slider.evaluate("(s) => [+s.min, +s.max, +s.value, +s.step]")
    share, y, mouse = (value - low) / (high - low), box["y"] + box["height"] / 2, page.mouse

    def x(at: float) -> float:
        return box["x"] + 7 + at * (box["width"] - 14)

    mouse.move(x(share), y)
    view.call("startDrag")
    mouse.down()
    begin = time.perf_counter()
    moves = 0
    while (now := time.perf_counter() - begin) < seconds:
        mouse.move(x(position(share, now)), y)
        moves += 1
        time.sleep(max(0.0, begin + moves / 60 - time.perf_counter()))
    mouse.up()
    view.rest()
    found = page.evaluate("() => alBench.stopDrag()")
    after = ask(page, f"bench.counted({view.name})")
    renders = whole_renders(ask(page, "bench.taken()"))
    value = float(view.slider.input_value())
    late, stale, levels = judged(found["pictures"], found["released"], view.name, value, step)
    shown = [at for at in found["frames"] if at <= found["released"]]
    return Drag(
        pipeline=view.name,
        seconds=seconds,
        events=found["events"],
        **{name: after.get(name, 0) - before.get(name, 0) for name in ("submitted", "rendered", "cancelled")},
        frames=len(shown),
        longest_gap=float(np.diff([found["first"], *shown, found["released"]]).max()),
        render=max(renders, default=0.0),
        late=None if late is None else max(late, 0.0),
        stale=stale,
        levels=levels,
    )


def whole_renders(noted: list[tuple[str, float]]) -> list[float]:
    """The ms of each render that went to its end."""
    taken, begun = [], None
    for what, at in noted:
        if what == "render":
            begun = at
        elif what == "rendered" and begun is not None:
            taken.append(at - begun)
    return taken


def measure_cancel(page: Any, view: View) -> Cancel | None:
    """Click the button named Cancel during a render of 1.5 s; None where there is none."""
    ask(page, "True", f"{view.name}.value = bench.slower({view.name}.value, 100)")
    view.rest()
    button = view.root.get_by_role("button", name=re.compile("^cancel", re.IGNORECASE)).first
    view.slider.focus()
    frame = view.call("frame")
    ask(page, "bench.taken()")
    page.keyboard.press("ArrowLeft")
    begin = time.perf_counter()
    while not (button.is_visible() and button.is_enabled()):
        if time.perf_counter() - begin > 1.2:
            view.rest()
            return None
    shown_after = 1000 * (time.perf_counter() - begin)
    page.evaluate("() => { window.alClick = alBench.firstClick(); }")
    button.click()
    clicked = page.evaluate("() => window.alClick")
    time.sleep(2)
    stopped = [at for what, at in ask(page, "bench.taken()") if what == "stopped" and at >= clicked]
    return Cancel(shown_after, stopped[0] - clicked if stopped else None, view.call("frame") == frame)


# --- memory and the saved file -----------------------------------------------------------------------------------------


def added_bytes(path: Path, cell: int) -> int:
    """What the output of one cell, and what widgets leave in the metadata, add to a saved notebook."""
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    whole = len(json.dumps(document, indent=1, ensure_ascii=False).encode())
    document["cells"][cell]["outputs"] = []
    document["metadata"].pop("widgets", None)
    return whole - len(json.dumps(document, indent=1, ensure_ascii=False).encode())


def measure_memory(base: Path, lab: Lab, warm: int, changes: int) -> dict[str, Any]:
    """Growth over many changes of one explorer in a notebook of its own, and what it adds to the file."""
    lab.write("memory.ipynb", explorer_long.START, explorer_long.SHOW)
    with explorer_long.bare(base) as page:
        page.open(lab, "memory.ipynb")
        page.evaluate("() => { window.jupyterapp.commands.execute('docmanager:save'); }")
        page.wait_for("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
        saved = added_bytes(lab.root / "memory.ipynb", 1)
        before, after = explorer_long.measured(page, [warm, warm + changes])
    return {"memory": after.grown(before), "notebook": saved}


# --- all of it ---------------------------------------------------------------------------------------------------------


def opened(page: Any, lab: Lab, file: str, names: list[str]) -> None:
    """Open a generated notebook that shows these views, and run it."""
    lab.write(file, START, *(VIEWS[name] for name in names))
    lab.open(page, file)
    lab.run_all(page)
    failed = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']")
    if failed.count():
        raise RuntimeError(f"a cell of the notebook failed:\n{failed.first.inner_text()}")
    for name in names:
        seen = "canvas.al-grid[data-frame]" if name in kernel.PIPELINES else "img"
        page.locator(f".bench-{name} {seen}").first.wait_for()


@contextlib.contextmanager
def new_page(browser: Any) -> Iterator[Any]:
    """A page with the script that measures."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.add_init_script(path=str(SCRIPT))
    page = context.new_page()
    page.set_default_timeout(1000 * TIMEOUT_S)
    yield page
    context.close()


def measured(arguments: argparse.Namespace) -> Run:
    """Start everything, measure, and stop it."""
    from playwright.sync_api import sync_playwright

    executable = chromium()
    if executable is None:
        raise SystemExit("there must be a Chromium on the path or under AUGMENTLAB_CHROMIUM; found none")
    load = f"{os.getloadavg()[0]:.1f}"
    # A backend set for scripts would leave interact without a picture.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"} | ONE_THREAD
    found: dict[str, Any] = {"keys": {}, "received": {}, "stages": {}, "memory": {}, "notebook": None}
    drags, cancel = [], None
    with contextlib.ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(jupyterlab(base, environment))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        stack.callback(browser.close)
        found_versions = browser_versions(browser)
        for name in kernel.PIPELINES:
            keys, times = "keys" in arguments.only, arguments.drags if "drags" in arguments.only else 0
            names = [one for one in VIEWS if one.partition("-")[0] == name]
            if not times and not (keys and name in report.KEYS_WITHIN):
                continue
            # A page for each pipeline: what else is on a page slows all that is on it.
            with new_page(browser) as page:
                opened(page, lab, f"{name}.ipynb", names)
                views = {one: View(page, one) for one in names}
                if keys and name in report.KEYS_WITHIN:
                    print(f"key to pixels, {report.PIPELINES[name]}, {arguments.rounds} rounds", flush=True)
                    for field, values in measure_keys(page, views, arguments.rounds).items():
                        found[field] |= values
                if times:
                    print(f"drags, {report.PIPELINES[name]}, {times}", flush=True)
                    drags += [measure_drag(page, views[name], arguments.seconds) for _ in range(times)]
                    if name == "slow":
                        cancel = measure_cancel(page, views[name])
        if "memory" in arguments.only:
            print(f"memory, {arguments.changes:,} changes", flush=True)
            found |= measure_memory(base, lab, arguments.warm, arguments.changes)
    return Run(
        date=today(),
        command=command("benchmarks.explorer"),
        machine=machine() | {"Load before": load},
        versions=found_versions,
        drags=tuple(drags),
        cancel=cancel,
        changes=arguments.changes,
        warm=arguments.warm,
        **found,
    )


def browser_versions(browser: Any) -> dict[str, str]:
    """Versions of all that takes part."""
    packages = {name: version(name) for name in PACKAGES}
    return versions(()) | {name: one for name, one in packages.items() if one} | {"Chromium": browser.version}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explorer", description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=int, default=31, help="keys pressed on each side; 31 unless given")
    parser.add_argument("--drags", type=int, default=5, help="drags of each pipeline; 5 unless given")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one drag; 5 unless given")
    parser.add_argument("--warm", type=int, default=100, help="changes before memory is first read; 100 unless given")
    parser.add_argument("--changes", type=int, default=1000, help="changes until it is read again; 1000 unless given")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="these parts only")
    parser.add_argument("--json", metavar="PATH", type=Path, help="write all that was measured")
    parser.add_argument("--read", metavar="PATH", type=Path, help="report what --json wrote instead of measuring")
    parser.add_argument("--write-docs", action="store_true", help="write the explorer's part of the page")
    parser.add_argument("--docs", metavar="FOLDER", type=Path, default=ROOT / "docs", help="where --write-docs writes")
    return parser


def main() -> int:
    """Measure or read, and report."""
    arguments = _parser().parse_args()
    for name in ("rounds", "drags", "warm", "changes", "seconds"):
        if getattr(arguments, name) < 1:
            raise SystemExit(f"--{name} must be at least 1; got {getattr(arguments, name)}")
    warnings.simplefilter("ignore")
    if arguments.read is None:
        run = measured(arguments)
    else:
        run = report.from_json(arguments.read.read_text(encoding="utf-8"))
    print(f"\n{report.table(run)}\n\n{report.stage_table(run)}")
    if arguments.json is not None:
        arguments.json.write_text(report.to_json(run), encoding="utf-8")
    if arguments.write_docs:
        report.write(run, arguments.docs)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the notebook of ``python -m benchmarks.explorer`` shows, and what its kernel notes on the way.

The pictures are made here and nowhere else, so that the explorer, the grid beside it and the check of what was on
screen mean the same tiles.
"""

import dataclasses
import importlib.util
import json
import time
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval

import augmentlab as lab
from augmentlab import render, uniform
from augmentlab.params import Typical, Unit
from augmentlab.widgets import Explorer
from benchmarks.works import eight, photo

SIZE = 128  # px of a tile
COLUMNS = 4
DRAWS = 15
TILES = {"rows": 1, "draws": DRAWS, "columns": COLUMNS}  # an original and 15 draws
HIGH = {"one": 20.0, "eight": 5.0, "slow": 20.0}  # upper end of the angle at the beginning


def one_thread() -> None:
    """Keep OpenCV to one thread; all else reads the environment."""
    if importlib.util.find_spec("cv2"):
        importlib.import_module("cv2").setNumThreads(1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slow(lab.PixelTransform):
    """A user's own step in plain Python: it computes for so long, and leaves the image as it is."""

    milliseconds: Annotated[float, Interval(ge=0, le=1000), Typical(0, 100), Unit("ms"), "Time of one tile."] = 0.0

    def apply_image(self, image: Any) -> Any:
        """A copy of the image, after a while."""
        end = time.thread_time() + self.milliseconds / 1000
        while time.thread_time() < end:
            pass
        return image.copy()


def _rotate() -> lab.Compose:
    return lab.Compose([lab.Rotate(angle=uniform(-45, 45))])


def _slow() -> lab.Compose:
    return lab.Compose([*_rotate().steps, Slow(milliseconds=20)])


PIPELINES = {"one": _rotate, "eight": lambda: eight(SIZE), "slow": _slow}


def pipeline(name: str, high: float | None = None) -> lab.Compose:
    """A pipeline after the slider "angle high" of its only step that turns was moved to `high`."""
    high = HIGH[name] if high is None else high
    steps = PIPELINES[name]().steps
    return lab.Compose([_turned(step, high) if hasattr(step, "angle") else step for step in steps])


def _turned(step: Any, high: float) -> Any:
    return dataclasses.replace(step, angle=uniform(step.angle.low, high))


def explorer(name: str) -> Explorer:
    """The explorer of a pipeline."""
    return Explorer(photo(512), pipeline(name), size=SIZE, **TILES).add_class(f"bench-{name}")


def pictures(name: str, high: float) -> list[np.ndarray]:
    """What an explorer shows whose slider stands at `high`: its tiles, made afresh."""
    return [tile.image for tile in Explorer(photo(512), slower(pipeline(name, high), 0), size=SIZE, **TILES).tiles]


def slower(pipeline: lab.Compose, milliseconds: float) -> lab.Compose:
    """The slow pipeline with another time for a tile."""
    return lab.Compose(
        [
            dataclasses.replace(one, milliseconds=milliseconds) if isinstance(one, Slow) else one
            for one in pipeline.steps
        ]
    )


def _low(name: str) -> float:
    return next(step.angle.low for step in PIPELINES[name]().steps if hasattr(step, "angle"))


def interact(name: str) -> None:
    """Display the same tiles as one draws them without augmentlab's widgets: `ipywidgets.interact` and 16 axes of matplotlib."""
    import ipywidgets
    import matplotlib.pyplot as plt

    image, low = render.thumbnail(photo(512), SIZE), _low(name)
    inches, space = (COLUMNS * SIZE + (COLUMNS - 1) * 6) / 100, 6 / SIZE

    def draw(angle: float) -> None:
        tiles = render.tiles(pipeline(name, angle), image, draws=DRAWS, size=SIZE)
        room = {"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": space, "hspace": space}
        _, axes = plt.subplots(COLUMNS, COLUMNS, figsize=(inches, inches), dpi=100, gridspec_kw=room)
        for place, tile in zip(axes.flat, tiles, strict=True):
            place.imshow(tile.image)
            place.axis("off")
        plt.show()

    slider = ipywidgets.FloatSlider(value=HIGH[name], min=low, max=-low, step=1)
    ipywidgets.interact(draw, angle=slider).widget.add_class(f"bench-{name}-interact")


# --- what the kernel notes -----------------------------------------------------------------------------------------------

_log: list[tuple[str, float]] = []


def _note(what: str) -> None:
    _log.append((what, 1000 * time.time()))


def watch(shown: Explorer) -> Explorer:
    """Note when the explorer hears of a change, renders and publishes. Where its inside has changed, less is noted."""
    schedule, controls, view = (getattr(shown, name, None) for name in ("_schedule", "controls", "view"))

    def noted(of: Any, name: str, before: str, after: str, stopped: str = "") -> None:
        function = getattr(of, name, None)
        if function is None:
            return

        def call(*arguments: Any, **options: Any) -> Any:
            _note(before)
            result = function(*arguments, **options)
            _note(stopped if stopped and result is None else after)
            return result

        setattr(of, name, call)

    noted(controls, "set_state", "received", "handled")
    noted(schedule, "_render", "render", "rendered", "stopped")
    noted(view, "show", "show", "sent")
    noted(schedule, "_publish", "publish", "published")
    return shown


def taken() -> str:
    """What was noted since the last time, as JSON: pairs of a word and ms since 1970."""
    noted, _log[:] = list(_log), []
    return json.dumps(noted)


def counted(shown: Explorer) -> str:
    """The counters of an explorer as JSON; empty where it has none."""
    schedule = getattr(shown, "_schedule", None)
    names = [name for name in ("submitted", "rendered", "cancelled") if hasattr(schedule, name)]
    return json.dumps({name: getattr(schedule, name) for name in names})


def memory() -> int:
    """Bytes of this process in memory, after the garbage is gone."""
    import gc

    import psutil

    gc.collect()
    return psutil.Process().memory_info().rss

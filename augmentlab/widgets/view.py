"""The small widgets that the Explorer is made of: one canvas, what is known of a tile, a list of steps, text to copy."""

import asyncio
import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from augmentlab import render
from augmentlab.widgets.controls import STYLE
from augmentlab.widgets.frames import Frame

_AHEAD = 4  # frames on their way to a page: fewer would hold up the last one after a drag
_PATIENCE_S = 0.5  # with a page that does not say that it has painted: it may be closed
_HERE = Path(__file__).parent


class GridView(anywidget.AnyWidget):
    """A grid of tiles on one canvas, fed one encoded picture a frame.

    The canvas copies tile by tile, so that the gaps take the colour of the page, and the page itself compares tiles with
    their originals and enlarges them. Clicking a tile, or walking there with the arrow keys, sets `selected`.

    Attributes
    ----------
    frame : Frame or None
        What is shown.
    selected : int
        Index of the chosen tile; -1 for none.
    error, caption : str
        What is said above and below the grid.
    stale : bool
        Whether the picture is not the one that was asked for last, which could not be drawn; it is dimmed then.
    progress : float
        Of a slow picture, with a button that sends ``{"cancel": true}``; 0 hides both.
    density : float
        Pixels of the screen to one px of the page, as the page says.
    twin : str
        CSS class of elements that are hidden while this view lives: the static picture for readers without a kernel.

    Notes
    -----
    A page that shows a tile enlarged asks for it with ``{"closer": frame, "tile": index, "zoom": factor, "box": [x0, y0,
    x1, y1]}``, the part of it in [0, 1]; `answer` sends it.
    """

    shown = traitlets.Dict().tag(sync=True)
    caption = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    stale = traitlets.Bool(False).tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)
    progress = traitlets.Float(0.0).tag(sync=True)
    density = traitlets.Float(1.0, min=0.5, max=4.0).tag(sync=True)
    twin = traitlets.Unicode("").tag(sync=True)
    _esm = (_HERE / "grid.js").read_text(encoding="utf-8")
    _css = STYLE

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.frame: Frame | None = None
        self._number = 0
        self._painted: int | None = None  # the newest frame on a page; None where no page has said so
        self._heard: asyncio.Event | None = None
        self.on_msg(lambda _widget, message, _buffers: self._on_message(message))

    def show(self, frame: Frame, caption: str) -> None:
        """Show a picture, and what is said below it, as one message to the page."""
        with self.hold_sync():
            self.caption = caption
            self.progress = 0.0
            self.error, self.stale = "", False
            if self.selected >= len(frame.places):
                self.selected = -1
            self.sharpen(frame)

    def sharpen(self, frame: Frame) -> None:
        """Show the same picture once more, better."""
        self.frame = frame
        self._number += 1
        # The number comes first: it alone tells two of these apart at once.
        self.shown = {"number": self._number, **dataclasses.asdict(frame)}

    def answer(self, question: dict[str, Any], tile: render.RGB, original: render.RGB) -> None:
        """The part of a tile and of its original that a page asked for."""
        self.send({"closer": question}, [render.encode(one, "png") for one in (tile, original)])

    async def ready(self) -> None:
        """Return when the page has painted all but the newest frames, or does not say so for a while."""
        while self._painted is not None and self._number - self._painted >= _AHEAD:
            self._heard = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), _PATIENCE_S)
                continue
            self._painted = None

    def _on_message(self, message: dict[str, Any]) -> None:
        match message:
            case {"painted": int(number)}:
                self._painted = max(number, self._painted or 0)
                if self._heard is not None:
                    self._heard.set()


class DetailView(anywidget.AnyWidget):
    """What is known of the chosen tile: the numbers that were drawn, how strong it is, and its levels before and after.

    Attributes
    ----------
    title : str
        Nothing is shown where it is empty.
    steps : list of [name, arguments]
    strength : str
    before, after : list of list of float
        Histograms as `render.histogram` gives them; empty where there is nothing to compare.
    """

    title = traitlets.Unicode("").tag(sync=True)
    steps = traitlets.List().tag(sync=True)
    strength = traitlets.Unicode("").tag(sync=True)
    before = traitlets.List().tag(sync=True)
    after = traitlets.List().tag(sync=True)
    _esm = (_HERE / "detail.js").read_text(encoding="utf-8")
    _css = STYLE


class StepList(anywidget.AnyWidget):
    """The steps of a pipeline; what the user does arrives as a message ``{action: path}``.

    Attributes
    ----------
    steps : list of dict
        As they are read, those of a group below it: path, name, note, code, error, and whether it is on and a group; of a
        step of a OneOf also its weight and its share.
    selected : list of int
        Path of the selected one; empty for none.
    groups : list of str
        What a step can be put into.
    can : [bool, bool]
        Whether there is something to undo, and to redo.
    """

    steps = traitlets.List().tag(sync=True)
    selected = traitlets.List().tag(sync=True)
    groups = traitlets.List().tag(sync=True)
    can = traitlets.List([False, False]).tag(sync=True)
    _esm = (_HERE / "steps.js").read_text(encoding="utf-8")
    _css = STYLE


class CodeView(anywidget.AnyWidget):
    """Named texts under tabs, with a copy button.

    Attributes
    ----------
    texts : list of [name, text]
    shown : str
        Name of the text on top.
    """

    texts = traitlets.List().tag(sync=True)
    shown = traitlets.Unicode("").tag(sync=True)
    _esm = (_HERE / "code.js").read_text(encoding="utf-8")
    _css = STYLE

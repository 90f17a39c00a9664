"""Buttons that make a file in the kernel, in a worker thread, and hand it to the browser as a download."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from augmentlab.markup import told
from augmentlab.widgets.controls import STYLE
from augmentlab.widgets.schedule import LatestWins

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class File:
    """What is saved, and a sentence about it, if there is something to say."""

    name: str
    mime: str
    data: bytes
    note: str = ""


Work = Callable[[Callable[[], bool], Callable[[float], None]], File | None]


class Save(anywidget.AnyWidget):
    """A button for each kind of file.

    Parameters
    ----------
    kinds : mapping of str to callable
        What stands on the buttons. ``kinds[kind]()``, called at once, gives the work for a thread: ``work(stop, progress)``
        makes the file, or returns None where ``stop()`` said so.

    Attributes
    ----------
    progress : float
        Of the file that is being made; below 0 where there is none.
    said : str
        What became of the last one.
    """

    names = traitlets.List().tag(sync=True)
    progress = traitlets.Float(-1.0).tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    _esm = (_HERE / "save.js").read_text(encoding="utf-8")
    _css = STYLE

    def __init__(self, kinds: Mapping[str, Callable[[], Work]]) -> None:
        super().__init__(names=list(kinds))
        self._kinds = kinds
        self._schedule = LatestWins(self._make, self._publish, self._show_error, min_interval=math.inf)
        self.on_msg(lambda _widget, message, _buffers: self._on_message(message))

    async def wait_idle(self) -> None:
        """Return when nothing is being made; raise what making it raised."""
        await self._schedule.wait_idle()

    def _on_message(self, message: dict[str, Any]) -> None:
        match message:
            case {"save": str(kind)} if kind in self._kinds:
                self.said, self.progress = "", 0.0
                self._schedule.submit(self._kinds[kind]())
            case {"cancel": True}:
                self._schedule.cancel()
                self.progress = -1.0

    def _make(self, work: Work, stop: Callable[[], bool]) -> File | None:
        return work(stop, lambda share: self._schedule.post(self._show_progress, share))

    def _show_progress(self, share: float) -> None:
        if self._schedule.busy:
            self.progress = share

    def _publish(self, _work: Work, file: File | None) -> None:
        self.progress = -1.0
        if file is not None:
            self.said = file.note
            self.send({"file": file.name, "mime": file.mime}, [file.data])

    def _show_error(self, error: BaseException) -> None:
        self.progress, self.said = -1.0, told(error)

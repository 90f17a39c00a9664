"""The small widgets that the Explorer is made of: one canvas, a list of steps, and text to copy."""

from collections.abc import Sequence
from pathlib import Path

import anywidget
import traitlets

from augmentlab import render
from augmentlab.widgets.controls import STYLE

_GAP = 6  # px between two tiles
_HERE = Path(__file__).parent


class GridView(anywidget.AnyWidget):
    """A grid of tiles on one canvas, fed one encoded picture a frame.

    The canvas copies tile by tile, so that the gaps take the colour of the page. Clicking a tile, or walking there with
    the arrow keys, sets `selected`.

    Attributes
    ----------
    selected : int
        Index of the chosen tile; -1 for none.
    error, caption : str
        What is said above and below the grid.
    origins : list of int
        For each tile, the one that shows its original: seen while O is held down.
    progress : float
        Of a slow picture, with a button that sends ``{"cancel": true}``; 0 hides both.
    twin : str
        CSS class of elements that are hidden while this view lives: the static picture for readers without a kernel.
    """

    frame = traitlets.Bytes(b"").tag(sync=True)
    frame_id = traitlets.Int(0).tag(sync=True)
    mime = traitlets.Unicode("image/jpeg").tag(sync=True)
    size = traitlets.List([1, 1]).tag(sync=True)
    places = traitlets.List().tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)
    caption = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)
    origins = traitlets.List().tag(sync=True)
    progress = traitlets.Float(0.0).tag(sync=True)
    twin = traitlets.Unicode("").tag(sync=True)
    _esm = (_HERE / "grid.js").read_text(encoding="utf-8")
    _css = STYLE

    def show(
        self,
        tiles: Sequence[render.RGB],
        columns: int,
        *,
        alt: str = "",
        caption: str = "",
        labels: Sequence[tuple[int, str]] = (),
        origins: Sequence[int] = (),
    ) -> None:
        """Show tiles, `columns` in a row, as one message to the page; `labels` name tiles by their index."""
        (height, width), places = render.layout([tile.shape for tile in tiles], columns, _GAP)
        frame = self.picture(tiles, columns, "jpeg")
        with self.hold_sync():
            self.size = [width, height]
            self.places = [list(place) for place in places]
            self.columns = min(columns, len(tiles))
            self.mime = "image/jpeg"
            self.alt = alt
            self.caption = caption
            self.labels = [list(label) for label in labels]
            self.origins = list(origins)
            self.progress = 0.0
            self.error = ""
            if self.selected >= len(tiles):
                self.selected = -1
            self.frame = frame
            self.frame_id += 1

    @staticmethod
    def picture(tiles: Sequence[render.RGB], columns: int, format: str) -> bytes:
        """The frame of these tiles as an image file."""
        return render.encode(render.montage(tiles, columns, gap=_GAP), format)

    def sharpen(self, png: bytes, labels: Sequence[tuple[int, str]]) -> None:
        """The same tiles once more without loss, and with what is known of them by now."""
        with self.hold_sync():
            self.mime = "image/png"
            self.labels = [list(label) for label in labels]
            self.frame = png
            self.frame_id += 1


class StepList(anywidget.AnyWidget):
    """The steps of a pipeline; what the user does arrives as a message ``{action: path or name}``.

    Attributes
    ----------
    steps : list of dict
        As they are read, those of a group below it: path, name, note, code, error, and whether it is on and a group.
    selected : list of int
        Path of the selected one; empty for none.
    catalog : list of [family, names]
        What can be added.
    groups : list of str
        What a step can be put into.
    can : [bool, bool]
        Whether there is something to undo, and to redo.
    """

    steps = traitlets.List().tag(sync=True)
    selected = traitlets.List().tag(sync=True)
    catalog = traitlets.List().tag(sync=True)
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

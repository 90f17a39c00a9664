"""LabelCheck: pages of draws on which a person marks those that lost their label, and what the marks say of each step."""

import contextlib
import dataclasses
import html
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import numpy as np
import traitlets

from augmentlab import documents, files, labelcheck, render
from augmentlab.compose import flatten
from augmentlab.labelcheck import Deck, Draw, Marks, Row
from augmentlab.markup import said, told
from augmentlab.transform import Transform
from augmentlab.widgets import twin
from augmentlab.widgets.controls import STYLE
from augmentlab.widgets.images import Images
from augmentlab.widgets.schedule import LatestWins

if TYPE_CHECKING:
    import pandas as pd

_GAP = 6  # px between two tiles
_SLOW_S = 0.3  # a page that takes longer shows how far it is
_REST_S = 0.5  # without a mark, before the static picture follows
_SAID = 3  # draws that could not be made, and are named
_LOST_COLOUR = np.array((198, 40, 40), dtype=np.uint8)
_HERE = Path(__file__).parent
_ASSOCIATION = (
    "The whole pipeline is drawn, so a lost label counts for every step that was at work: compare the share with that of the "
    "draws without the step. alone=True draws one step at a time."
)
_EXACT = "Each tile shows one step alone, whatever its probability: a lost label is due to that step."


class GalleryView(anywidget.AnyWidget):
    """One page of draws on one canvas, a button over each tile, and the table of what the marks say.

    What the user does arrives as a message: ``{"mark": number}``, ``{"done": page}``, ``{"next": page}``,
    ``{"previous": page}``, ``{"undo": true}`` or ``{"cancel": true}``; `page` is the one that was on the screen.

    Attributes
    ----------
    tiles : list of dict
        number, label, name and steps of each draw, and its place and its original's in the frame: x, y, width, height.
    size : [int, int]
        Of the part of the frame that is shown; the originals lie below it.
    lost : list of int
        Numbers of the marked draws, on all pages.
    report : list of dict
        `augmentlab.labelcheck.Row`, with None for nan.
    """

    frame = traitlets.Bytes(b"").tag(sync=True)
    frame_id = traitlets.Int(0).tag(sync=True)
    size = traitlets.List([1, 1]).tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    tiles = traitlets.List().tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    lost = traitlets.List().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    question = traitlets.Unicode("").tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    report = traitlets.List().tag(sync=True)
    footnote = traitlets.Unicode("").tag(sync=True)
    progress = traitlets.Float(0.0).tag(sync=True)
    twin = traitlets.Unicode("").tag(sync=True)
    _esm = (_HERE / "gallery.js").read_text(encoding="utf-8")
    _css = STYLE


@dataclass(frozen=True)
class _Shown:
    """One draw and the pictures of it and of its original."""

    draw: Draw
    picture: render.RGB
    original: render.RGB


@dataclass(frozen=True)
class _Page:
    """Draws from `start` on, without those that could not be made."""

    start: int
    shown: tuple[_Shown, ...]
    broken: tuple[str, ...]

    def numbers(self) -> list[int]:
        return [one.draw.number for one in self.shown]


class LabelCheck(ipywidgets.VBox):
    """Does the augmentation keep the label? Look at page after page of draws and mark those that lost it.

    A draw counts when its page was done: by going on to the next one, or by saying so. What was never looked at counts
    neither as lost nor as kept.

    Parameters
    ----------
    images : ndarray, Sample, Dataset, path of a folder, mapping of names to images, or sequence of images
        What to augment; each is drawn on once, in random order, before any comes again.
    pipeline : Transform
        What is checked.
    alone : bool
        Draw one step at a time, in turn and whatever its probability, so that a lost label is due to that step. Otherwise
        the whole pipeline is drawn, and a lost label counts for each step that was at work.
    seed : int
        With it, a number says which draw it is, whatever was shown before and however many are on a page.
    rows, columns : int
        Tiles on a page, 1 to 12 each.
    size : int
        Longer side of a tile in px.
    overlays : bool
        Draw masks, boxes and keypoints on the tiles.

    Attributes
    ----------
    marks : augmentlab.labelcheck.Marks
        Which draws were lost and which were seen, by number.
    deck : augmentlab.labelcheck.Deck
        ``deck.draw(number)`` is a draw.
    page : int
        The first number on the page.

    Raises
    ------
    TypeError, ValueError
        No image, no step or more than 1,000, or a step that mixes images; the sentence names it. Later, a mark or a page
        beyond 10,000 draws (of a pipeline of more than 20 steps, 200,000 divided by them).

    Examples
    --------
    >>> import numpy as np
    >>> from augmentlab import Rotate, uniform
    >>> check = LabelCheck(np.zeros((9, 16, 16), np.uint8)[..., None], Rotate(angle=uniform(-180, 180)), rows=1, columns=3)
    >>> check.mark(1)
    >>> check.next_page()
    >>> check.report()[["seen", "lost"]].loc["Rotate"].tolist(), check.lost[0].number
    ([3, 1], 1)
    """

    rows = traitlets.Int(6, min=1, max=12)
    columns = traitlets.Int(8, min=1, max=12)

    def __init__(
        self,
        images: Any,
        pipeline: Transform,
        *,
        alone: bool = False,
        seed: int = 0,
        rows: int = 6,
        columns: int = 8,
        size: int = 96,
        overlays: bool = False,
    ) -> None:
        self._images = images if isinstance(images, Images) else Images(images)
        names, classes = tuple(self._images.names), tuple(self._images.classes)
        self.deck = Deck(pipeline=pipeline, names=names, classes=classes, seed=seed, alone=alone)
        self.marks = Marks()
        self.page = 0
        self._size, self._overlays = size, overlays
        self._toggled: list[int] = []
        self._shown: _Page | None = None
        self._displayed = False
        self._failed: int | None = None  # the page of which nothing could be drawn
        self.view = GalleryView(
            twin=twin.new_name(),
            question="Is the label still right? Mark the draws that lost it.",
            footnote=_EXACT if alone else _ASSOCIATION,
        )
        self._schedule = LatestWins(self._render, self._publish, self._show_error)
        self._rest = LatestWins(
            lambda request, _stop: self._static(*request), self._publish_rest, delay=_REST_S, min_interval=math.inf
        )
        super().__init__([self.view], rows=rows, columns=columns)
        self.view.on_msg(lambda _widget, message, _buffers: self._on_message(message))
        self.observe(lambda _: self._go(self.page), ["rows", "columns"])
        self._schedule.run_now(self._request())

    # --- what a person does ------------------------------------------------------------------------------------------

    def mark(self, number: int) -> None:
        """Mark a draw as one that lost its label, or take its mark away."""
        self.deck.draw(number)
        self.marks = labelcheck.within(self.deck, self.marks.toggled(number))
        self._toggled.append(number)
        self._show_marks()

    def undo(self) -> None:
        """The last change of a mark back; the page is shown on which it was."""
        if self._toggled:
            number = self._toggled.pop()
            self.marks = self.marks.toggled(number)
            self._show_marks()
            if not 0 <= number - self.page < self._count():
                self._go(number)

    def page_done(self) -> None:
        """Say that the page on the screen was looked at to its end: what is not marked there kept its label."""
        if self._shown is not None:
            self.marks = labelcheck.within(self.deck, self.marks.confirmed(self._shown.numbers()))
            self._show_marks()

    def next_page(self) -> None:
        """The page is done; show new draws."""
        self.page_done()
        # A page of which nothing could be drawn is behind us too, though the one before it is still on the screen.
        here = self.page if self._shown is None else self._shown.start
        self._go((here if self._failed is None else max(here, self._failed)) + self._count())

    def previous_page(self) -> None:
        """Show the draws before these once more, with their marks."""
        self._go(max(0, self.page - self._count()))

    def cancel(self) -> None:
        """Stop drawing; the page that was shown last stays."""
        self._schedule.cancel()
        self.view.progress = 0.0
        if self._shown is not None:
            self.page = self._shown.start

    async def wait_idle(self) -> None:
        """Return when the page is shown; raise what drawing it raised."""
        await self._schedule.wait_idle()
        await self._rest.wait_idle()

    def _on_message(self, message: Any) -> None:
        try:
            self._follow(message)
        except ValueError as error:  # no such draw, or more of them than a person looks at
            self.view.error = str(error)

    def _follow(self, message: Any) -> None:
        on_screen = None if self._shown is None else self._shown.start
        match message:
            case {"mark": int(number)}:
                self.mark(number)
            # Of a page that is not on the screen any more nothing is said: the second click was faster than the picture.
            case {"done": int(page)} if page == on_screen:
                self.page_done()
            case {"next": int(page)} if page == on_screen:
                self.next_page()
            case {"previous": int(page)} if page == on_screen:
                self.previous_page()
            case {"undo": _}:
                self.undo()
            case {"cancel": _}:
                self.cancel()

    # --- what it says ------------------------------------------------------------------------------------------------

    @property
    def lost(self) -> tuple[Draw, ...]:
        """The marked draws, also those of a page that is not done: image, class, and the drawn pipeline."""
        return tuple(self.deck.draw(number) for number in sorted(self.marks.lost))

    def report(self) -> "pd.DataFrame":
        """A row for all draws, then one for each step; only draws of pages that are done count.

        Returns
        -------
        DataFrame
            Indexed by step. ``seen``, ``lost`` and ``share``, with its 95 % interval ``low`` to ``high`` (Wilson);
            ``waiting`` marks of pages that are not done; ``share_without``, that of the draws in which the step was not at
            work; ``rule``, the border that tells lost from kept where one does; what was drawn in the lost and in the kept
            ones; the step as ``code``. See `augmentlab.labelcheck.Row`.
        """
        return labelcheck.report(self.deck, self.marks)

    def to_json(self) -> str:
        """The pipeline, the seed and the marks as JSON, without the images."""
        return labelcheck.to_json(self.deck, self.marks)

    @classmethod
    def from_json(cls, text: str | bytes, images: Any, **options: Any) -> "LabelCheck":
        """Take a check up again.

        Parameters
        ----------
        text : str
            As `to_json` wrote it; nothing in it is executed.
        images
            The same images, as for `LabelCheck`.
        **options
            ``rows``, ``columns``, ``size``, ``overlays``.

        Raises
        ------
        ValueError, TypeError
            No such document, or one of other images; one sentence.
        """
        held = images if isinstance(images, Images) else Images(images)
        deck, marks = labelcheck.from_json(text, held.names, held.classes)
        check = cls(held, deck.pipeline, alone=deck.alone, seed=deck.seed, **options)
        check.marks = marks
        # On where it was left: past what was looked at. What could not be drawn was not seen, and does not hold one back.
        check._go(max(marks.seen, default=-1) + 1)
        return check

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `to_json` to a file, which is the old one or the whole new one whatever happens meanwhile."""
        files.write(path, lambda part: part.write_text(self.to_json(), encoding="utf-8"))

    @classmethod
    def load(cls, path: str | os.PathLike[str], images: Any, **options: Any) -> "LabelCheck":
        """Take up what `save` wrote; see `from_json`."""
        return cls.from_json(documents.read(path), images, **options)

    def __repr__(self) -> str:
        return f"LabelCheck({self.deck.pipeline!r}, {len(self.marks.seen)} seen, {len(self.marks.lost)} lost)"

    # --- the page ----------------------------------------------------------------------------------------------------

    def _count(self) -> int:
        return int(self.rows * self.columns)

    def _go(self, number: int) -> None:
        """Show the page on which a draw is."""
        self.page = number - number % self._count()
        self._schedule.submit(self._request())

    def _request(self) -> tuple[int, int]:
        return self.page, self._count()

    def _render(self, request: tuple[int, int], stop: Callable[[], bool]) -> _Page | None:
        (start, count), began = request, time.monotonic()
        shown, broken = [], []
        for number in range(start, start + count):
            if stop():
                return None
            draw = self.deck.draw(number)
            try:
                image = self._images.thumbnail(draw.image, self._size)
                original, made = render.tiles(draw.drawn, image, draws=1, size=self._size, overlays=self._overlays)
            except Exception as error:  # noqa: BLE001 - one broken file or failing draw of many hides no other
                broken.append((draw, error))
            else:
                shown.append(_Shown(draw, made.image, original.image))
            if time.monotonic() - began > _SLOW_S:
                self._schedule.post(self._show_progress, (number - start) / count)
        if not shown:
            raise broken[0][1]
        return _Page(start, tuple(shown), tuple(_sentences(broken)))

    def _show_progress(self, share: float) -> None:
        if self._schedule.busy:
            self.view.progress = share

    def _publish(self, _request: tuple[int, int], page: _Page) -> None:
        self._shown, self._failed = page, None
        view, count = self.view, len(page.shown)
        originals = {one.draw.image: one.original for one in reversed(page.shown)}
        pictures = [*(one.picture for one in page.shown), *originals.values()]
        _, places = render.layout([picture.shape for picture in pictures], self.columns, _GAP)
        where = dict(zip(originals, places[count:], strict=True))
        high, wide = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
        frame = render.encode(render.montage(pictures, self.columns, gap=_GAP))
        with view.hold_sync():
            view.size = [
                min(self.columns, count) * (wide + _GAP) - _GAP,
                math.ceil(count / self.columns) * (high + _GAP) - _GAP,
            ]
            view.tiles = [
                {
                    "number": one.draw.number,
                    "label": one.draw.label or one.draw.name,
                    "name": one.draw.name,
                    "steps": [repr(step) for step in flatten(one.draw.drawn)],
                    "place": list(place),
                    "original": list(where[one.draw.image]),
                }
                for one, place in zip(page.shown, places, strict=False)
            ]
            view.page, view.columns = page.start, self.columns
            view.alt = f"{count} draws of {self.deck.pipeline!r}, seed {self.deck.seed}"
            view.error = "\n".join(page.broken)
            view.progress = 0.0
            view.frame = frame
            view.frame_id += 1
            self._show_marks()

    def _show_marks(self) -> None:
        page, view, marks = self._shown, self.view, self.marks
        assert page is not None  # the first one is shown before a check can be used
        numbers = set(page.numbers())
        here = len(marks.lost & numbers)
        state = "done" if numbers <= marks.seen else "not done yet"
        rows = labelcheck.rows(self.deck, marks)
        with view.hold_sync():
            view.lost = sorted(marks.lost)
            view.status = f"Draws {min(numbers)} to {max(numbers)}, {here} marked, {state}"
            view.report = [_plain(row) for row in rows]
        if self._displayed:
            self._rest.submit((page, marks, rows))

    def _show_error(self, error: BaseException) -> None:
        self._failed = self.page
        self.view.progress = 0.0
        self.view.error = told(error)

    # --- without a kernel --------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        with contextlib.suppress(Exception):  # it is said above the page, and by wait_idle
            self._schedule.run_now(self._request())
        assert self._shown is not None
        rows = labelcheck.rows(self.deck, self.marks)
        twin.show(self, self.view.twin, self._static(self._shown, self.marks, rows))
        self._displayed = True

    def _static(self, page: _Page, marks: Marks, rows: Sequence[Row]) -> str:
        """The page as a picture with its marks, and the table: what is seen where no kernel runs."""
        pictures = [_crossed(one.picture) if one.draw.number in marks.lost else one.picture for one in page.shown]
        grid = render.encode(render.montage(pictures, self.columns, gap=_GAP), quality=75)
        caption = f"{self.view.status}. Crossed out: the label is lost (seed {self.deck.seed})."
        return twin.picture(self.view.alt, grid, caption, self.deck.pipeline.code()) + _table(rows, self.view.footnote)

    def _publish_rest(self, _request: Any, content: str) -> None:
        twin.update(self, self.view.twin, content)


def label_check(images: Any, pipeline: Transform, **options: Any) -> LabelCheck:
    """Check by eye, in a notebook, whether a pipeline keeps the labels of the images.

    Parameters
    ----------
    images : ndarray, Sample, Dataset, path of a folder, mapping of names to images, or sequence of images
        What to augment.
    pipeline : Transform
        What is checked.
    **options
        As in `LabelCheck`: ``alone``, ``seed``, ``rows``, ``columns``, ``size``, ``overlays``.

    Returns
    -------
    LabelCheck
        Its ``report()`` tells the share of lost labels of each step.
    """
    return LabelCheck(images, pipeline, **options)


def _sentences(broken: Sequence[tuple[Draw, Exception]]) -> Iterator[str]:
    for draw, error in broken[:_SAID]:
        why = said(error) if isinstance(error, ValueError) else told(error)
        yield f"Draw {draw.number} of {draw.name} is left out: {why}"
    if len(broken) > _SAID:
        yield f"So are {len(broken) - _SAID} others."


def _plain(row: Row) -> dict[str, Any]:
    """A row as JSON has it, which knows no nan."""
    values = dataclasses.asdict(row)
    return {name: None if isinstance(one, float) and math.isnan(one) else one for name, one in values.items()}


def _crossed(picture: render.RGB) -> render.RGB:
    """A picture with a frame and a cross over it."""
    height, width = picture.shape[:2]
    down, across = np.mgrid[0:height, 0:width] / np.array([max(height - 1, 1), max(width - 1, 1)])[:, None, None]
    thick = 2.5 / min(height, width)
    cross = np.minimum(np.abs(down - across), np.abs(down + across - 1)) < thick
    edge = np.minimum.reduce([down, 1 - down, across, 1 - across]) < thick
    return np.where((cross | edge)[..., np.newaxis], _LOST_COLOUR, picture)


def _table(rows: Sequence[Row], footnote: str) -> str:
    heads = ("step", "seen", "lost", "share (95 %)", "without it", "what tells lost from kept")
    head = "".join(f"<th>{one}</th>" for one in heads)
    lines = ""
    for row in rows:
        share = "" if not row.seen else f"{row.share:.0%} ({row.low:.0%} to {row.high:.0%})"
        without = "" if not row.seen_without else f"{row.lost_without / row.seen_without:.0%} of {row.seen_without}"
        cells = (row.step, row.seen, row.lost, share, without, row.rule)
        lines += f"<tr>{''.join(f'<td>{html.escape(str(one))}</td>' for one in cells)}</tr>"
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
        f'<div style="font-size: 90%; opacity: 0.75">{html.escape(footnote)}</div>'
    )

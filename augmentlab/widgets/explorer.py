"""Explorer: a pipeline, its controls, and a grid of originals and draws that follows every move."""

import contextlib
import dataclasses
import functools
import json
import math
import os
import pathlib
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import traitlets

from augmentlab import files, render, transforms
from augmentlab.compose import Compose, flatten
from augmentlab.data.bundled import first_photo
from augmentlab.distributions import shown
from augmentlab.markup import told
from augmentlab.params import SEED_MAX, parameters
from augmentlab.sample import Sample
from augmentlab.transform import Transform
from augmentlab.widgets import export, frames, twin
from augmentlab.widgets.controls import Controls
from augmentlab.widgets.draft import GROUPS, Draft, History, Node, Path, node_of
from augmentlab.widgets.frames import Drawn, Frame, Request
from augmentlab.widgets.gallery import LabelCheck
from augmentlab.widgets.images import Images
from augmentlab.widgets.palette import Palette
from augmentlab.widgets.picker import Picker
from augmentlab.widgets.save import File, Save, Work
from augmentlab.widgets.schedule import LatestWins, Trailing
from augmentlab.widgets.toolbar import MOST_COLUMNS, linked, toggle, toolbar
from augmentlab.widgets.upload import Upload
from augmentlab.widgets.view import CodeView, DetailView, GridView, StepList

if TYPE_CHECKING:
    from augmentlab.study import Arm

_GAIN = 3.0  # of the difference view: a change of a few levels is seen
_ON_A_STEP = {"remove", "duplicate", "toggle", "select", "unwrap"}  # messages of the list, named as the methods
_WITH_PATHS = _ON_A_STEP | {"up", "down", "move", "to", "weigh", "wrap"}
_DEEPEST = 100  # groups in groups; a message with a longer path is none
_ROWS = 6  # images shown at once at most
_SLOW_S = 0.3  # a picture that takes longer shows how far it is
_REST_S = 0.3  # without a change, before the picture is sent without loss
_WORDS_S = 0.1  # that the code and the list may be behind a slider that moves: the picture goes first
_ONE_EDIT_S = 1.0  # moves of one slider with shorter pauses are one step back


class _Pipeline(traitlets.Instance):
    """A Compose that is always applied; any other transform becomes its only step."""

    def validate(self, obj: Any, value: Any) -> Any:
        if isinstance(value, Transform) and not (isinstance(value, Compose) and value.p == 1):
            value = Draft((node_of(value),)).built()
        return super().validate(obj, value)


class Explorer(ipywidgets.VBox):
    """Build a pipeline by hand and see at once what it does to real images.

    Its whole state is `value`, a Compose: every move of a slider replaces it, assigning it updates everything.
    The pictures are drawn on thumbnails by a worker thread, of which the newest request wins.

    Parameters
    ----------
    images : ndarray, Sample, Dataset, path of a folder, mapping of names to images, or sequence of images, optional
        What to augment, by default a photograph; more can be uploaded in the page. Masks, boxes and keypoints of Samples
        (and Datasets that have them) are drawn on the tiles. The files of a folder, in sub-folders named as their classes
        or without, are read when they are shown.
    pipeline : Transform, optional
        Where to begin; by default a Compose without steps.
    seed : int
        Seed of the draws shown.
    draws : int
        Draws of each image, 1 to 24.
    rows : int
        Images shown at once, 1 to 6.
    columns : int
        Tiles in a row, 1 to 25; 0 for as many as suit.
    size : int
        Longer side of the thumbnails in px.

    Attributes
    ----------
    value : Compose
        The pipeline of the steps that are switched on.
    only : str
        The class whose images are shown; all of them when empty.
    x, y : str
        Parameters of the selected step to sweep across and down; without `x`, the grid shows draws of the pipeline.
    tiles : tuple of render.Tile
        What the grid shows, with the drawn pipeline of each tile.

    Notes
    -----
    A step is named by its place: 2 is the third one, (2, 0) the first of the group that stands third.

    Raises
    ------
    TypeError, ValueError
        Something that is no image, or no image at all; the sentence names it.
    traitlets.TraitError
        A seed or a count that is out of its range, here or when it is assigned.

    Examples
    --------
    >>> import numpy as np
    >>> from augmentlab import Rotate, uniform
    >>> explorer = Explorer(np.zeros((64, 64, 3), np.uint8), Rotate(angle=uniform(-30, 30)))
    >>> explorer.add("HorizontalFlip")
    >>> explorer.value
    Compose([Rotate(angle=uniform(-30, 30)), HorizontalFlip(p=0.5)])
    """

    value: Any = _Pipeline(Compose)
    seed = traitlets.Int(0, min=0, max=SEED_MAX)
    draws = traitlets.Int(9, min=1, max=24)
    rows = traitlets.Int(1, min=1, max=_ROWS)
    columns = traitlets.Int(0, min=0, max=MOST_COLUMNS)
    index = traitlets.Int(0, min=0)
    only = traitlets.Unicode("")
    difference = traitlets.Bool(False)
    overlays = traitlets.Bool(True)
    x = traitlets.Unicode("")
    y = traitlets.Unicode("")

    def __init__(
        self,
        images: Any = None,
        pipeline: Transform | None = None,
        *,
        seed: int = 0,
        draws: int = 9,
        rows: int = 1,
        columns: int = 0,
        size: int = 144,
    ) -> None:
        self._images = Images(dict([first_photo()]) if images is None else images)
        self._size = size
        self._history = History(Draft())
        self._edited: Any = None
        self._edited_at, self._edits = 0.0, 0
        self._quiet = False
        self._failed: dict[Path, str] = {}
        self._displayed = False
        self._drawn: Drawn | None = None
        self.controls = Controls()
        self.palette = Palette(
            self._images.met(), lambda: self._images.thumbnail(self._request().chosen[0], self._size)
        )
        self.steps = StepList(groups=list(GROUPS))
        self.view = GridView(twin=twin.new_name())
        self.detail = DetailView()
        self.code = CodeView(shown="Pipeline")
        self._words = Trailing(self._show_words, _WORDS_S)
        self._schedule = LatestWins(self._draw, self._publish, self._not_drawn, ready=self.view.ready)
        self._rest = LatestWins(
            frames.sharp, self._publish_rest, self._show_error, delay=_REST_S, min_interval=math.inf
        )
        self._near = LatestWins(self._closer, self._publish_closer, self._show_error, min_interval=math.inf)
        # Of the last two tiles that were enlarged, so that panning does not draw again.
        self._enlarged = functools.lru_cache(2)(frames.closer)
        super().__init__(
            seed=seed, draws=draws, rows=min(rows, len(self._images)), columns=columns, index=self._images.first()
        )
        self.add_class("al-explorer")
        self.picker = Picker(self._images, _ROWS, index=self.index, rows=self.rows)
        self.upload = Upload(self.add_images, inviting=images is None)
        self.save = Save({"PNG": self._png_file, "page": self._html_file})
        self.children = self._assembled()
        self._fit_images()
        self.steps.on_msg(lambda _widget, message, _buffers: self._on_step(message))
        self.palette.on_msg(lambda _widget, message, _buffers: self._on_step(message))
        self.observe(lambda _: self.palette.refresh(), ["index", "only"])
        self.view.on_msg(lambda _widget, message, _buffers: self._on_view(message))
        self.observe(self._on_value, "value")
        self.controls.observe(self._on_controls, "value")
        self.view.observe(lambda _: self._on_selected(), "selected")
        self.view.observe(lambda _: self._refresh(), "density")
        self.observe(
            lambda _: self._refresh(),
            ["seed", "draws", "rows", "columns", "index", "only", "difference", "overlays", "x", "y"],
        )
        self._quiet = True
        self.value = Compose(()) if pipeline is None else pipeline
        self._history = History(self.draft)
        self._words.now()
        self._quiet = False
        self._schedule.run_now(self._request())

    @traitlets.validate("only", "index", "x", "y")  # type: ignore[untyped-decorator]
    def _known(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "only":
            self._images.of_class(value)
        elif name == "index":
            if value >= len(self._images):
                raise ValueError(f"index must be below the number of images, {len(self._images)}; got {value}")
        elif value and value not in (names := self._sweepable()):
            raise ValueError(f"{name} must be a parameter of the selected step ({', '.join(names)}); got {value!r}")
        return value

    @property
    def tiles(self) -> tuple[render.Tile, ...]:
        """What the grid shows."""
        return () if self._drawn is None else self._drawn.tiles

    # --- the pipeline ------------------------------------------------------------------------------------------------

    @property
    def draft(self) -> Draft:
        """The steps, those that are switched off included, and which is selected."""
        return self._history.now

    def add(self, step: Transform | str) -> None:
        """Append a step, or by its name a catalog transform over its typical ranges, and select it.

        It goes to the end of the group that is selected, or in which a step is. After a step whose output leaves [0, 1],
        such as Standardize, few others may follow: then the new one goes before.
        """
        node = node_of(_typical(step) if isinstance(step, str) else step)
        draft, selected = self.draft, self.draft.selected
        inside: Path = ()
        if selected is not None:
            inside = selected if draft[selected].is_group else selected[:-1]
        for place in range(len(draft[inside].children if inside else draft.nodes), -1, -1):
            changed = draft.insert((*inside, place), node)
            try:
                changed.built()
            except ValueError:
                if not place:
                    raise
            else:
                self._commit(changed)
                return

    def remove(self, at: int | Path) -> None:
        """Take a step out."""
        self._commit(self.draft.replace(_path(at)))

    def duplicate(self, at: int | Path) -> None:
        """Put the same step once more behind it."""
        path = _path(at)
        self._commit(self.draft.insert((*path[:-1], path[-1] + 1), self.draft[path]))

    def move(self, at: int | Path, to: int | Path) -> None:
        """Take a step out and put it before the one that stands at another place, or behind the last."""
        self._commit(self.draft.move(_path(at), _path(to)))

    def toggle(self, at: int | Path) -> None:
        """Switch a step off, or on again. The draws of the other steps stay as they were."""
        node = self.draft[_path(at)]
        changed = self.draft.replace(_path(at), dataclasses.replace(node, on=not node.on))
        self._commit(changed.select(self.draft.selected))

    def weigh(self, at: Path, weight: float | str) -> None:
        """Give a step of a OneOf another chance: in proportion to the weights of the others, which are 1 at first."""
        self._commit(self.draft.weigh(_path(at), weight))

    def wrap(self, at: int | Path, name: str) -> None:
        """Put a step into a new group: ``OneOf``, ``SomeOf``, ``RandomOrder``, ``Compose`` or ``Blend``."""
        self._commit(self.draft.wrap(_path(at), name))

    def unwrap(self, at: int | Path) -> None:
        """Put the steps of a group in its place."""
        self._commit(self.draft.unwrap(_path(at)))

    def select(self, at: int | Path) -> None:
        """Show the controls of a step."""
        self._commit(self.draft.select(_path(at)))

    def undo(self) -> None:
        """One change of the pipeline back."""
        self._history.undo()
        self._apply()

    def redo(self) -> None:
        """Take one undone change of the pipeline up again."""
        self._history.redo()
        self._apply()

    def label_check(self, **options: Any) -> LabelCheck:
        """Pages of draws of the present pipeline, to mark those that lost their label; `options` are those of `LabelCheck`."""
        return LabelCheck(self._images, self.value, **{"seed": self.seed} | options)

    def reroll(self) -> None:
        """Draw anew: another seed."""
        self.seed = int(np.random.default_rng().integers(10_000))

    def cancel(self) -> None:
        """Stop drawing; the grid keeps the last picture."""
        self._schedule.cancel()
        self._rest.cancel()
        self.view.progress = 0.0

    async def wait_idle(self) -> None:
        """Return when the grid shows the newest state, without loss; raise what drawing it raised."""
        self._words.flush()
        await self._schedule.wait_idle()
        await self._rest.wait_idle()
        await self._near.wait_idle()

    def _commit(self, draft: Draft, key: Any = None) -> None:
        """Make `draft` the state. One that is not allowed raises and changes nothing."""
        draft.built()
        self._history.push(draft, key)
        self._apply(slider=key is not None)

    def _apply(self, *, slider: bool = False) -> None:
        """Bring value, controls and list to the present draft; the words later where a slider moves."""
        draft, value = self.draft, self.draft.built()
        self.controls.value = None if draft.selected is None else draft[draft.selected].transform
        self._fit_sweep()
        same = self.value == value
        if not same:
            self._failed = {}
        self.value = value
        if same and self.x:  # only what is selected changed, and that is swept
            self._refresh()
        if not slider:
            self._words.now()

    def _on_value(self, _change: Any) -> None:
        # Assigned from outside, not by a step of this list: it becomes the list.
        if self.value != self.draft.built():
            nodes = tuple(node_of(step) for step in self.value.steps)
            selected = self.draft.selected
            if selected is None or selected[0] >= len(nodes):
                selected = (0,) if nodes else None
            self._commit(Draft(nodes, None if selected is None else selected[:1]))
        self._words.ask()
        self._refresh()

    def _on_controls(self, change: Any) -> None:
        draft, new = self.draft, change["new"]
        if draft.selected is None or new is None or new == draft[draft.selected].transform:
            return
        old = draft[draft.selected]
        changed = tuple(one for one, value in vars(new).items() if value != vars(old.transform).get(one))
        what, now = (draft.selected, changed), time.monotonic()
        if what != self._edited or now - self._edited_at > _ONE_EDIT_S:
            self._edits += 1
        self._edited, self._edited_at = what, now
        edited = draft.replace(draft.selected, dataclasses.replace(old, transform=new))
        try:
            edited.built()
        except ValueError as error:  # such as more of a SomeOf than are on
            self.controls.value = old.transform
            self.view.error = str(error)
        else:
            self._commit(edited, (what, self._edits))

    def _on_step(self, message: Any) -> None:
        if not isinstance(message, dict) or not all(_is_path(message[key]) for key in _WITH_PATHS & message.keys()):
            return
        try:
            match message:
                case {"add": str(name)}:
                    self.add(name)
                    self.palette.said = f"{name} is step {_spoken(self.draft.selected or ())}."
                case {"up": [*path]}:
                    self._commit(self.draft.shift(tuple(path), -1))
                case {"down": [*path]}:
                    self._commit(self.draft.shift(tuple(path), 1))
                case {"move": [*path], "to": [*to]}:
                    self.move(tuple(path), tuple(to))
                case {"weigh": [*path], "weight": str(weight)}:
                    self._weigh(tuple(path), weight)
                case {"wrap": [*path], "name": str(name)}:
                    self.wrap(tuple(path), name)
                case {"undo": _}:
                    self.undo()
                case {"redo": _}:
                    self.redo()
                case _:
                    for action in _ON_A_STEP & message.keys():
                        getattr(self, action)(tuple(message[action]))
        except (ValueError, IndexError) as error:
            self.view.error = str(error)  # such as of an order that is not allowed: the list stays as it was

    def _weigh(self, path: Path, weight: str) -> None:
        self._failed.pop(path, None)
        try:
            self.weigh(path, weight)
        except ValueError as error:
            self._failed[path] = str(error)
        self._show_steps()

    # --- the images --------------------------------------------------------------------------------------------------

    def add_images(self, images: Any) -> None:
        """Add images, given as the first ones were, and show the last of them. One whose name is taken is ``name (2)``."""
        self._images.add(images)
        self._fit_images()
        self.only = ""
        self.index = len(self._images) - 1

    def _fit_images(self) -> None:
        self.picker.fit()
        self.palette.offer(self._images.met())
        self._overlays.layout.display = "" if self._images.have_targets() else "none"

    # --- the sweep ---------------------------------------------------------------------------------------------------

    def _sweepable(self) -> list[str]:
        step = self.draft.step
        return [] if step is None else [one.name for one in frames.sweepable(step)]

    def _fit_sweep(self) -> None:
        """Offer the parameters of the selected step; a sweep of what it does not have ends."""
        names = self._sweepable()
        for box, trait, none in ((self._across, "x", "off"), (self._down, "y", "images")):
            options = [(none, ""), *((name.replace("_", " "), name) for name in names)]
            if tuple(options) != tuple(box.options):
                chosen = getattr(self, trait)
                box.options = options  # a menu with other lines forgets what was chosen
                box.value = chosen if chosen in names else ""

    # --- the picture -------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if not self._quiet:
            self._rest.cancel()
            self._schedule.submit(self._request())

    def _request(self) -> Request:
        among = self._images.of_class(self.only)
        # The first shown is the chosen one, or the next of the class.
        start = next((place for place, index in enumerate(among) if index >= self.index), 0)
        swept = tuple(name for name in (self.x, self.y if self.y != self.x else "") if name) if self.x else ()
        return Request(
            draft=self.draft,
            pipeline=self.value,
            chosen=tuple(among[(start + offset) % len(among)] for offset in range(min(self.rows, len(among)))),
            seed=self.seed,
            draws=self.draws,
            columns=self.columns,
            size=self._size,
            density=self.view.density,
            gain=_GAIN if self.difference else 0.0,
            overlays=self.overlays,
            swept=swept,
        )

    def _draw(self, request: Request, stop: Callable[[], bool]) -> Drawn | None:
        began = time.monotonic()

        def progress(share: float) -> None:
            if time.monotonic() - began > _SLOW_S:
                self._schedule.post(self._show_progress, share)

        return frames.draw(request, self._images, stop, progress)

    def _show_progress(self, share: float) -> None:
        if self._schedule.busy:
            self.view.progress = share

    def _not_drawn(self, error: BaseException) -> None:
        self.view.stale = True
        self._show_error(error)

    def _publish(self, _asked: Request, drawn: Drawn) -> None:
        self._drawn, failed, self._failed = drawn, self._failed, {}
        self.view.show(drawn.frame, drawn.caption)
        if failed or self.view.selected >= 0:  # an error is over; another draw stands there
            self._words.ask()
        self._rest.cancel()  # what it had of an older picture
        self._rest.submit(drawn)

    def _publish_rest(self, drawn: Drawn, frame: Frame) -> None:
        self.view.sharpen(frame)
        self._show_detail()
        if self._displayed:
            twin.update(self, self.view.twin, self._static(drawn.request))

    def _closer(self, asked: tuple[Drawn, dict[str, Any]], _stop: Callable[[], bool]) -> list[render.RGB]:
        drawn, question = asked
        pictures = self._enlarged(drawn, question["tile"], self._images, question["zoom"])
        return [frames.part(one, question["box"]) for one in pictures]

    def _publish_closer(self, asked: tuple[Drawn, dict[str, Any]], parts: list[render.RGB]) -> None:
        self.view.answer(asked[1], *parts)

    def _on_view(self, message: dict[str, Any]) -> None:
        match message:
            case {"cancel": True}:
                self.cancel()
            case {"closer": _, "tile": int(tile), "zoom": float() | int() as zoom, "box": [_, _, _, _] as box}:
                known = self._drawn is not None and 0 <= tile < len(self.tiles)
                if known and 1 <= zoom < math.inf and frames.is_part(box):
                    self._near.submit((self._drawn, message))

    def _show_error(self, error: BaseException) -> None:
        sentence = told(error)
        self.view.progress = 0.0
        self.view.error = sentence
        path = frames.raised_in(self.draft, error)
        self._failed = {} if path is None else {path: sentence}
        self._words.now()

    def _show_words(self) -> None:
        self._show_steps()
        self._show_code()

    def _show_steps(self) -> None:
        draft = self.draft
        with self.steps.hold_sync():  # one message, of what changed
            self.steps.steps = [
                {
                    "path": list(path),
                    "name": type(node.transform).__name__,
                    "on": node.on,
                    "group": node.is_group,
                    "note": _arguments(node),
                    "code": repr(node.transform),
                    "error": self._failed.get(path, ""),
                }
                | _chance(draft, path)
                for path, node in draft.walk()
            ]
            self.steps.selected = list(draft.selected or ())
            self.steps.can = [self._history.can_undo, self._history.can_redo]

    def _show_code(self) -> None:
        texts = [
            ["Pipeline", self.value.code()],
            ["JSON", json.dumps(self.value.to_dict(), indent=2)],
            ["Study", export.study_code(self.value, self._images.folder)],
        ]
        texts += export.in_other_libraries(self.value)
        chosen = self._chosen()
        if chosen is not None:
            texts.append(["This draw", (chosen.drawn or Compose(())).code()])
        if chosen is not None and len(self.code.texts) == len(texts) - 1:
            self.code.shown = "This draw"
        self.code.texts = texts

    def _chosen(self) -> render.Tile | None:
        return self.tiles[self.view.selected] if 0 <= self.view.selected < len(self.tiles) else None

    def _on_selected(self) -> None:
        self._show_code()
        self._show_detail()

    def _show_detail(self) -> None:
        tile, detail = self._chosen(), self.detail
        with detail.hold_sync():
            detail.title = "" if tile is None or self._drawn is None else _title(tile, self._drawn)
            if tile is None:
                return
            before, after = (one.image if isinstance(one, Sample) else one for one in (tile.original, tile.result))
            detail.steps = (
                [] if tile.drawn is None else [[type(one).__name__, _given(one)] for one in flatten(tile.drawn)]
            )
            detail.strength = frames.strength_of(tile)
            detail.before, detail.after = (
                render.histogram(one).round(5).tolist() for one in (np.asarray(before), np.asarray(after))
            )

    # --- the way out -------------------------------------------------------------------------------------------------

    def export_html(self, path: str | os.PathLike[str], over: str | None = None, frames: int = 11) -> pathlib.Path:
        """Write one HTML page with a slider over grids that are drawn now, for readers without a notebook.

        The page holds all that it shows and loads nothing from elsewhere.

        Parameters
        ----------
        path : path
            The file; one that is there stays until the new one is whole.
        over : str, optional
            What the slider changes: ``"Rotate.angle"`` for a parameter of a step that is on (``"Rotate[1].angle"`` for
            the second Rotate), ``"strength"`` for that of the whole pipeline, from the identity to itself, or ``"seed"``
            for other draws. By default `x`, or the first parameter of the selected step, or what there is of the others.
        frames : int
            Positions of the slider, 2 to 50; a choice has as many as it has values.

        Returns
        -------
        pathlib.Path
            Where the page is. It has at most about 130 kB a frame.

        Raises
        ------
        ValueError, TypeError, OSError
            Another `over` or `frames`, or a file that cannot be written; whatever a step raises.
        """
        text = export.html(self._request(), self._images, over, frames)
        assert text is not None  # nobody stopped it
        return files.write(path, lambda part: part.write_text(text, encoding="utf-8"))

    def save_png(self, path: str | os.PathLike[str], megapixels: float = export.MOST_MEGAPIXELS) -> pathlib.Path:
        """Write the grid as a PNG, with every tile drawn again on the image at full resolution.

        Parameters
        ----------
        path : path
            The file; one that is there stays until the new one is whole.
        megapixels : float
            Of the picture at most, for memory: tiles are shrunk to keep it, and a warning says so.

        Returns
        -------
        pathlib.Path
            Where the picture is.

        Raises
        ------
        ValueError, OSError
            No number of megapixels, or a file that cannot be written; whatever a step raises.
        """
        made = export.png(self._request(), self._images, megapixels)
        assert made is not None  # nobody stopped it
        data, said = made
        if said:
            warnings.warn(said, stacklevel=2)
        return files.write(path, lambda part: part.write_bytes(data))

    def arm(self, label: str | None = None) -> "Arm":
        """The pipeline as an arm of a `Study`.

        Parameters
        ----------
        label : str, optional
            What the study's tables call it; by default the names of its steps.

        Examples
        --------
        >>> import numpy as np
        >>> from augmentlab import Rotate, uniform
        >>> Explorer(np.zeros((8, 8), np.uint8), Rotate(angle=uniform(-9, 9))).arm()
        Arm(label='Rotate', transform=Compose([Rotate(angle=uniform(-9, 9))]))
        """
        from augmentlab.study import Arm  # brings pandas and statsmodels, which looking at images does not need

        return Arm(label=export.name_of(self.value) if label is None else label, transform=self.value)

    def _png_file(self) -> Work:
        request = self._request()

        def work(stop: Callable[[], bool], progress: Callable[[float], None]) -> File | None:
            made = export.png(request, self._images, stop=stop, progress=progress)
            return None if made is None else File(name="augmentlab.png", mime="image/png", data=made[0], note=made[1])

        return work

    def _html_file(self) -> Work:
        request = self._request()

        def work(stop: Callable[[], bool], progress: Callable[[float], None]) -> File | None:
            text = export.html(request, self._images, stop=stop, progress=progress)
            return None if text is None else File(name="augmentlab.html", mime="text/html", data=text.encode())

        return work

    # --- layout ------------------------------------------------------------------------------------------------------

    def _assembled(self) -> list[ipywidgets.Widget]:
        over = "the typical range of a parameter of the chosen step, whatever range the step draws from"
        self._across = ipywidgets.Dropdown(
            options=[("off", "")], description="sweep", tooltip=f"across: {over}", layout={"width": "170px"}
        )
        self._down = ipywidgets.Dropdown(
            options=[("images", "")], description="by", tooltip=f"down: {over}", layout={"width": "130px"}
        )
        swept = [linked(self, "x", self._across), linked(self, "y", self._down)]
        self._overlays = toggle(self, "overlays", "masks, boxes and keypoints")
        for name in ("index", "only", "rows"):
            traitlets.link((self, name), (self.picker, name))
        bar = ipywidgets.HBox([self.picker, *toolbar(self), self._overlays, *swept, self.upload]).add_class("al-bar")
        left = ipywidgets.VBox([self.palette, self.steps, self.controls]).add_class("al-left")
        right = ipywidgets.VBox([bar, self.view, self.detail]).add_class("al-right")
        return [ipywidgets.HBox([left, right]).add_class("al-main"), self.code, self.save]

    def _ipython_display_(self) -> None:
        # The worker may still be drawing what this very cell changed. An error is said above the grid, and by wait_idle.
        with contextlib.suppress(Exception):
            self._schedule.run_now(self._request())
        twin.show(self, self.view.twin, self._static(self._request()))
        self._displayed = True

    def _static(self, request: Request) -> str:
        """The grid as a picture, with its code: what is seen where no kernel runs."""
        shown = self.view.frame
        grid = render.montage([tile.image for tile in self.tiles], 1 if shown is None else shown.columns)
        first = "The first tile is the original" if len(request.chosen) == 1 else "Each row begins with an original"
        others = "a sweep of one step over its typical range" if request.swept else "draws"
        caption = f"{first}, the others are {others} of the pipeline below (seed {request.seed})."
        return twin.picture(
            "" if shown is None else shown.alt, render.encode(grid, quality=75), caption, self.value.code()
        )

    def __repr__(self) -> str:
        return f"Explorer({self.value!r})"


def explore(images: Any = None, pipeline: Transform | None = None, **options: Any) -> Explorer:
    """Explore what a pipeline does to images, in a notebook.

    Parameters
    ----------
    images : ndarray, Sample, Dataset, path of a folder, mapping of names to images, or sequence of images, optional
        What to augment, by default a photograph, until images are uploaded in the page.
    pipeline : Transform, optional
        Where to begin.
    **options
        As in `Explorer`: ``seed``, ``draws``, ``rows``, ``columns``, ``size``.

    Returns
    -------
    Explorer
        Its ``value`` is the pipeline.
    """
    return Explorer(images, pipeline, **options)


def _typical(name: str) -> Transform:
    if name not in transforms.__all__:
        raise ValueError(f"name must be a transform of the catalog; got {shown(name)}")
    cls = getattr(transforms, name)
    step = cls.typical()
    # What has no strength, such as a flip, shows its effect best where it is applied now and then.
    return dataclasses.replace(step, p=0.5) if not step.is_random and not step.preprocessing else step


def _is_path(sent: Any) -> bool:
    """Whether a page may name a step so."""
    return isinstance(sent, list) and 0 < len(sent) <= _DEEPEST and all(type(place) is int for place in sent)


def _path(at: int | Path) -> Path:
    path = (at,) if isinstance(at, int) else tuple(at)
    if not path:
        raise IndexError("path must lead to a step; got ()")
    return path


def _title(tile: render.Tile, drawn: Drawn) -> str:
    """Which tile that is."""
    name = drawn.names[tile.source]
    if tile.drawn is None:
        return f"{name}, the original"
    return f"{name}, {tile.label}" if drawn.request.swept else f"{name}, draw {tile.column}"


def _given(transform: Transform) -> str:
    """What stands between the brackets of a step's code."""
    return repr(transform).partition("(")[2].removesuffix(")")


def _spoken(path: Path) -> str:
    """A path as people count: 2.1 is the first step of the second."""
    return ".".join(str(place + 1) for place in path)


def _chance(draft: Draft, path: Path) -> dict[str, str]:
    """What the list shows of a step of a OneOf besides: its weight, and its share of those that are on."""
    if not draft.has_weights(path):
        return {}
    weight = draft[path].weight
    return {"weight": "1" if weight is None else f"{weight:g}", "share": f"{draft.share(path):.0%}"}


def _arguments(node: Node) -> str:
    """What stands between the brackets of a step's code; of a group, what it declares."""
    if not node.is_group:
        return _given(node.transform)
    given = {one.name: getattr(node.transform, one.name) for one in parameters(node.transform)}
    shown = [f"{one.name}={given[one.name]!r}" for one in parameters(node.transform) if given[one.name] != one.default]
    return ", ".join(shown) or ("" if node.children else "empty")

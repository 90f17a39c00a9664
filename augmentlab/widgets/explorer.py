"""Explorer: a pipeline, its controls, and a grid of originals and draws that follows every move."""

import contextlib
import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from augmentlab import render, transforms
from augmentlab.compose import Compose
from augmentlab.params import Parameter, parameters
from augmentlab.transform import Transform
from augmentlab.widgets import twin
from augmentlab.widgets.controls import Controls
from augmentlab.widgets.draft import GROUPS, Draft, History, Node, Path, node_of
from augmentlab.widgets.images import Image, Images
from augmentlab.widgets.schedule import LatestWins
from augmentlab.widgets.view import CodeView, GridView, StepList

_GAIN = 3.0  # of the difference view: a change of a few levels is seen
_ROWS = 6  # images shown at once at most
_SLOW_S = 0.3  # a picture that takes longer shows how far it is
_REST_S = 0.3  # without a change, before the picture is sent without loss
_SWEPT, _SWEPT_ROWS = 7, 5  # values of a parameter across and down
_ONE_EDIT_S = 1.0  # moves of one slider with shorter pauses are one step back


@dataclass(frozen=True)
class _Request:
    """What one frame is made of."""

    draft: Draft
    pipeline: Compose
    chosen: tuple[int, ...]
    seed: int
    draws: int
    gain: float
    overlays: bool
    swept: tuple[str, ...] = ()


_Rest = tuple[_Request, tuple[render.Tile, ...], int]  # what was drawn, and the tiles in a row


_Drawn = tuple[_Request, tuple[render.Tile, ...], list[str]]  # also what could not be read


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
    images : ndarray, Sample, Dataset, path of a folder, mapping of names to images, or sequence of images
        What to augment. Masks, boxes and keypoints of Samples (and Datasets that have them) are drawn on the tiles. The
        files of a folder, in sub-folders named as their classes or without, are read when they are shown.
    pipeline : Transform, optional
        Where to begin; by default a Compose without steps.
    seed : int
        Seed of the draws shown.
    draws : int
        Draws of each image, 1 to 24.
    rows : int
        Images shown at once, 1 to 6.
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
    seed = traitlets.Int(0, min=0)
    draws = traitlets.Int(9, min=1, max=24)
    rows = traitlets.Int(1, min=1, max=_ROWS)
    index = traitlets.Int(0, min=0)
    only = traitlets.Unicode("")
    difference = traitlets.Bool(False)
    overlays = traitlets.Bool(True)
    x = traitlets.Unicode("")
    y = traitlets.Unicode("")

    def __init__(
        self,
        images: Any,
        pipeline: Transform | None = None,
        *,
        seed: int = 0,
        draws: int = 9,
        rows: int = 1,
        size: int = 144,
    ) -> None:
        self._images = Images(images)
        self._size = size
        self._history = History(Draft())
        self._edited: Any = None
        self._edited_at, self._edits = 0.0, 0
        self._quiet = False
        self._failed: dict[Path, str] = {}
        self._displayed = False
        self.tiles: tuple[render.Tile, ...] = ()
        self.controls = Controls()
        self.steps = StepList(catalog=_catalog(self._images), groups=list(GROUPS))
        self.view = GridView(twin=twin.new_name())
        self.code = CodeView(shown="Pipeline")
        self._schedule = LatestWins(self._render, self._publish, self._show_error)
        self._rest = LatestWins(
            self._at_rest, self._publish_rest, self._show_error, delay=_REST_S, min_interval=math.inf
        )
        super().__init__(seed=seed, draws=draws, rows=min(rows, len(self._images)), index=self._images.first())
        self.add_class("al-explorer")
        self.children = self._assembled()
        self.steps.on_msg(lambda _widget, message, _buffers: self._on_step(message))
        self.view.on_msg(lambda _widget, message, _buffers: self.cancel() if message == {"cancel": True} else None)
        self.observe(self._on_value, "value")
        self.controls.observe(self._on_controls, "value")
        self.view.observe(lambda _: self._show_code(), "selected")
        self.observe(
            lambda _: self._refresh(), ["seed", "draws", "rows", "index", "only", "difference", "overlays", "x", "y"]
        )
        self._quiet = True
        self.value = Compose(()) if pipeline is None else pipeline
        self._history = History(self.draft)
        self._show_steps()
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
        await self._schedule.wait_idle()
        await self._rest.wait_idle()

    def _commit(self, draft: Draft, key: Any = None) -> None:
        """Make `draft` the state. One that is not allowed raises and changes nothing."""
        draft.built()
        self._history.push(draft, key)
        self._apply()

    def _apply(self) -> None:
        """Bring value, controls and list to the present draft."""
        draft, value = self.draft, self.draft.built()
        self.controls.value = None if draft.selected is None else draft[draft.selected].transform
        self._fit_sweep()
        same = self.value == value
        if not same:
            self._failed = {}
        self.value = value
        if same and self.x:  # only what is selected changed, and that is swept
            self._refresh()
        self._show_steps()

    def _on_value(self, _change: Any) -> None:
        # Assigned from outside, not by a step of this list: it becomes the list.
        if self.value != self.draft.built():
            nodes = tuple(node_of(step) for step in self.value.steps)
            selected = self.draft.selected
            if selected is None or selected[0] >= len(nodes):
                selected = (0,) if nodes else None
            self._commit(Draft(nodes, None if selected is None else selected[:1]))
        self._show_code()
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

    def _on_step(self, message: dict[str, Any]) -> None:
        try:
            match message:
                case {"add": str(name)}:
                    self.add(name)
                case {"remove": [*path]}:
                    self.remove(tuple(path))
                case {"duplicate": [*path]}:
                    self.duplicate(tuple(path))
                case {"toggle": [*path]}:
                    self.toggle(tuple(path))
                case {"select": [*path]}:
                    self.select(tuple(path))
                case {"up": [*path]}:
                    self._commit(self.draft.shift(tuple(path), -1))
                case {"down": [*path]}:
                    self._commit(self.draft.shift(tuple(path), 1))
                case {"wrap": [*path], "name": str(name)}:
                    self.wrap(tuple(path), name)
                case {"unwrap": [*path]}:
                    self.unwrap(tuple(path))
                case {"undo": _}:
                    self.undo()
                case {"redo": _}:
                    self.redo()
        except (ValueError, IndexError) as error:
            # An order that is not allowed: the list stays as it was, and the page must show it so.
            self.view.error = str(error)
            self.steps.send_state("steps")

    # --- the sweep ---------------------------------------------------------------------------------------------------

    def _sweepable(self) -> list[str]:
        step = _selected(self.draft)
        return [] if step is None else [one.name for one in parameters(step) if _can_sweep(step, one)]

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

    def _request(self) -> _Request:
        among = self._images.of_class(self.only)
        # The first shown is the chosen one, or the next of the class.
        start = next((place for place, index in enumerate(among) if index >= self.index), 0)
        swept = tuple(name for name in (self.x, self.y if self.y != self.x else "") if name) if self.x else ()
        return _Request(
            self.draft,
            self.value,
            tuple(among[(start + offset) % len(among)] for offset in range(min(self.rows, len(among)))),
            self.seed,
            self.draws,
            _GAIN if self.difference else 0.0,
            self.overlays,
            swept,
        )

    def _tiles_of(self, request: _Request, images: Sequence[Image], size: int) -> Iterator[render.Tile]:
        options: dict[str, Any] = {"size": size, "overlays": request.overlays, "gain": request.gain}
        step = _selected(request.draft)
        if not request.swept or step is None:
            return render.tiles(request.pipeline, images, request.seed, draws=request.draws, **options)
        return render.sweep(
            step,
            images,
            request.swept[0],
            next(iter(request.swept[1:]), None),
            request.seed,
            count=_SWEPT,
            rows=_SWEPT_ROWS,
            **options,
        )

    def _render(self, request: _Request, stop: Callable[[], bool]) -> _Drawn | None:
        began, made = time.monotonic(), []
        images, chosen, broken = [], [], []
        for index in request.chosen:
            try:
                images.append(self._images.thumbnail(index, self._size))
            except ValueError as error:  # one broken file of several hides no other
                broken.append(str(error))
            else:
                chosen.append(index)
        if not images:
            raise ValueError(broken[0])
        request = dataclasses.replace(request, chosen=tuple(chosen))
        swept = (_SWEPT + 1) * _SWEPT_ROWS ** (len(request.swept) - 1) if request.swept else 0
        total = len(images) * (swept or request.draws + 1)
        for tile in self._tiles_of(request, images, self._size):
            if stop():
                return None
            made.append(tile)
            if time.monotonic() - began > _SLOW_S:
                self._schedule.post(self._show_progress, min(len(made) / total, 1.0))
        return request, tuple(made), broken

    def _show_progress(self, share: float) -> None:
        if self._schedule.busy:
            self.view.progress = share

    def _publish(self, _asked: _Request, drawn: _Drawn) -> None:
        request, tiles, broken = drawn
        self.tiles, self._failed = tiles, {}
        self._show_steps()
        names = [self._images.names[index] for index in request.chosen]
        notes = sorted({tile.note for tile in tiles if tile.note})
        said = [f"seed {request.seed}", "click a tile for its draw", *notes[:1]]
        if len(notes) > 1:
            said[-1] += ", the others likewise"
        said += broken
        swept = bool(request.swept)
        self.view.show(
            [tile.image for tile in tiles],
            1 + max(tile.column for tile in tiles) if swept else render.columns_for(len(names), request.draws),
            alt=f"{', '.join(names)}: {_content(request)}, seed {request.seed}",
            caption=" · ".join(said),
            labels=_labels(request, tiles, self._images.names, []),
            origins=_origins(tiles),
        )
        if self.view.selected >= 0:
            self._show_code()  # of its draw
        self._rest.cancel()  # what it had of an older picture
        self._rest.submit((request, tiles, self.view.columns))

    def _at_rest(self, given: _Rest, stop: Callable[[], bool]) -> tuple[bytes, list[str]] | None:
        request, tiles, columns = given
        said = []
        for tile in tiles:
            if stop():
                return None
            strength = tile.strength() if request.swept else None
            said.append("" if strength is None else f"Δ {strength.difference:.2f}\nSSIM {strength.ssim:.2f}")
        return self.view.picture([tile.image for tile in tiles], columns, "png"), said

    def _publish_rest(self, given: _Rest, result: tuple[bytes, list[str]]) -> None:
        (request, tiles, _), (png, said) = given, result
        self.view.sharpen(png, _labels(request, tiles, self._images.names, said))
        if self._displayed:
            twin.update(self, self.view.twin, self._static(request))

    def _show_error(self, error: BaseException) -> None:
        sentence = f"{type(error).__name__}: {error}"
        self.view.progress = 0.0
        self.view.error = sentence
        path = _raised_in(self.draft, error)
        self._failed = {} if path is None else {path: sentence}
        self._show_steps()

    def _show_steps(self) -> None:
        draft = self.draft
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
            for path, node in draft.walk()
        ]
        self.steps.selected = list(draft.selected or ())
        self.steps.can = [self._history.can_undo, self._history.can_redo]

    def _show_code(self) -> None:
        texts = [["Pipeline", self.value.code()], ["JSON", json.dumps(self.value.to_dict(), indent=2)]]
        chosen = self.tiles[self.view.selected] if 0 <= self.view.selected < len(self.tiles) else None
        if chosen is not None:
            texts.append(["This draw", (chosen.drawn or Compose(())).code()])
        if chosen is not None and len(self.code.texts) == 2:
            self.code.shown = "This draw"
        self.code.texts = texts

    # --- layout ------------------------------------------------------------------------------------------------------

    def _assembled(self) -> list[ipywidgets.Widget]:
        def linked(widget: ipywidgets.Widget, name: str) -> ipywidgets.Widget:
            traitlets.link((self, name), (widget, "value"))
            return widget

        def button(text: str, tip: str, action: Callable[[], None], icon: str = "") -> ipywidgets.Button:
            made = ipywidgets.Button(description=text, tooltip=tip, icon=icon, layout={"width": "auto"})
            made.on_click(lambda _: action())
            return made

        def step(offset: int) -> Callable[[], None]:
            def go() -> None:
                among = self._images.of_class(self.only)
                place = next((k for k, index in enumerate(among) if index >= self.index), 0)
                self.index = among[(place + offset) % len(among)]

            return go

        def any_image() -> None:
            self.index = int(np.random.default_rng().choice(self._images.of_class(self.only)))

        def number(name: str, low: int, high: int, width: str) -> ipywidgets.Widget:
            box = ipywidgets.BoundedIntText(min=low, max=high, description=name, layout={"width": width})
            return linked(box, name)

        count = len(self._images)
        bar = []
        if count > 1:
            if count <= 100:
                options = [(name, index) for index, name in enumerate(self._images.names)]
                picker = ipywidgets.Dropdown(options=options, description="image", layout={"width": "175px"})
            else:
                picker = ipywidgets.BoundedIntText(min=0, max=count - 1, description="image", layout={"width": "130px"})
            bar.append(
                ipywidgets.HBox(
                    [
                        linked(picker, "index"),
                        button("", "previous image", step(-1), "chevron-left"),
                        button("", "next image", step(1), "chevron-right"),
                        button("", "any image", any_image, "random"),
                    ]
                )
            )
            classes = sorted({one for one in self._images.classes if one})
            if len(classes) > 1:
                named = [("all classes", ""), *((one, one) for one in classes)]
                bar.append(linked(ipywidgets.Dropdown(options=named, layout={"width": "130px"}), "only"))
            bar.append(number("rows", 1, min(_ROWS, count), "84px"))
        bar.append(number("draws", 1, 24, "88px"))
        bar.append(
            ipywidgets.HBox(
                [number("seed", 0, 2**31 - 1, "115px"), button("Re-roll", "draw anew with another seed", self.reroll)]
            )
        )
        difference = ipywidgets.ToggleButton(
            description="Difference", tooltip="show what changed, three times as strong", layout={"width": "auto"}
        )
        bar.append(linked(difference, "difference"))
        if self._images.have_targets():
            overlays = ipywidgets.ToggleButton(
                description="Overlays", tooltip="masks, boxes and keypoints", layout={"width": "auto"}
            )
            bar.append(linked(overlays, "overlays"))
        self._across = ipywidgets.Dropdown(options=[("off", "")], description="sweep", layout={"width": "170px"})
        self._down = ipywidgets.Dropdown(options=[("images", "")], description="by", layout={"width": "130px"})
        bar += [linked(self._across, "x"), linked(self._down, "y")]
        left = ipywidgets.VBox([self.steps, self.controls]).add_class("al-left")
        right = ipywidgets.VBox([ipywidgets.HBox(bar).add_class("al-bar"), self.view]).add_class("al-right")
        return [ipywidgets.HBox([left, right]).add_class("al-main"), self.code]

    def _ipython_display_(self) -> None:
        # The worker may still be drawing what this very cell changed. An error is said above the grid, and by wait_idle.
        with contextlib.suppress(Exception):
            self._schedule.run_now(self._request())
        twin.show(self, self.view.twin, self._static(self._request()))
        self._displayed = True

    def _static(self, request: _Request) -> str:
        """The grid as a picture, with its code: what is seen where no kernel runs."""
        grid = render.montage([tile.image for tile in self.tiles], self.view.columns)
        first = "The first tile is the original" if len(request.chosen) == 1 else "Each row begins with an original"
        others = "a sweep of one step" if request.swept else "draws"
        caption = f"{first}, the others are {others} of the pipeline below (seed {request.seed})."
        return twin.picture(self.view.alt, render.encode(grid, quality=75), caption, self.value.code())

    def __repr__(self) -> str:
        return f"Explorer({self.value!r})"


def explore(images: Any, pipeline: Transform | None = None, **options: Any) -> Explorer:
    """Explore what a pipeline does to images, in a notebook.

    Parameters
    ----------
    images : ndarray, Sample, Dataset, path of a folder, mapping of names to images, or sequence of images
        What to augment.
    pipeline : Transform, optional
        Where to begin.
    **options
        As in `Explorer`: ``seed``, ``draws``, ``rows``, ``size``.

    Returns
    -------
    Explorer
        Its ``value`` is the pipeline.
    """
    return Explorer(images, pipeline, **options)


def _typical(name: str) -> Transform:
    if name not in transforms.__all__:
        raise ValueError(f"name must be a transform of the catalog; got {name!r}")
    cls = getattr(transforms, name)
    step = cls.typical()
    # What has no strength, such as a flip, shows its effect best where it is applied now and then.
    return dataclasses.replace(step, p=0.5) if not step.is_random and not step.preprocessing else step


def _catalog(images: Images) -> list[list[Any]]:
    """The families, with what can be applied to these images one by one."""
    met = images.met()
    families = [
        [family, [name for name in names if getattr(transforms, name).needs in met]]
        for family, names in transforms.FAMILIES.items()
    ]
    return [family for family in families if family[1]]


def _path(at: int | Path) -> Path:
    path = (at,) if isinstance(at, int) else tuple(at)
    if not path:
        raise IndexError("path must lead to a step; got ()")
    return path


def _selected(draft: Draft) -> Transform | None:
    """The selected step with what is on in it, itself on or off; None where there is none, or nothing in it."""
    return None if draft.selected is None else dataclasses.replace(draft[draft.selected], on=True).built()


def _arguments(node: Node) -> str:
    """What stands between the brackets of a step's code; of a group, what it declares."""
    if not node.is_group:
        return repr(node.transform).partition("(")[2].removesuffix(")")
    given = {one.name: getattr(node.transform, one.name) for one in parameters(node.transform)}
    shown = [f"{one.name}={given[one.name]!r}" for one in parameters(node.transform) if given[one.name] != one.default]
    return ", ".join(shown) or ("" if node.children else "empty")


def _can_sweep(step: Transform, parameter: Parameter) -> bool:
    numbers = parameter.kind in {"float", "int"} and parameter.typical is not None
    if parameter.name == "p" or not (numbers or parameter.kind in {"choice", "bool"}):
        return False
    if type(step) in GROUPS.values():  # what it may be depends on the steps
        try:
            for value in render.spread(parameter, _SWEPT):
                dataclasses.replace(step, **{parameter.name: value})
        except (TypeError, ValueError):
            return False
    return True


def _content(request: _Request) -> str:
    """What a grid shows, for those who do not see it."""
    if not request.swept:
        return f"original and {request.draws} draws of {request.pipeline!r}"
    return f"sweep of {' and '.join(request.swept)} of {_selected(request.draft)!r}"


def _origins(tiles: Sequence[render.Tile]) -> list[int]:
    """For each tile, which one shows the image that it was drawn on."""
    first = {tile.source: place for place, tile in reversed(list(enumerate(tiles))) if tile.drawn is None}
    return [first.get(tile.source, place) for place, tile in enumerate(tiles)]


def _labels(
    request: _Request, tiles: Sequence[render.Tile], names: Sequence[str], strengths: Sequence[str]
) -> list[tuple[int, str]]:
    """What is written on tiles: the image's name on its first original, a sweep's values, how strong they are."""
    said: list[tuple[int, str]] = []
    named: set[int] = set()
    for place, tile in enumerate(tiles):
        parts = [tile.label]
        if tile.drawn is None and tile.source not in named:
            named.add(tile.source)
            parts.insert(0, names[request.chosen[tile.source]])
        if strengths:
            parts.append(strengths[place])
        if text := " · ".join(filter(None, parts)):
            said.append((place, text))
    return said


def _raised_in(draft: Draft, error: BaseException) -> Path | None:
    """Where the step stands at which an exception was raised: the outermost at work that is one of the draft's.

    What a step of one's own calls inside is no step of the pipeline, and a Compose only passes on what its steps raise.
    """
    group, trace = None, error.__traceback__
    while trace is not None:
        names = trace.tb_frame.f_locals
        run = names.get("run")
        alone = run[0] if isinstance(run, tuple) and len(run) == 1 else None
        for seen in (alone, names.get("step"), names.get("self")):
            if isinstance(seen, Transform) and type(seen) is not Compose:
                path = draft.that_drew(seen)
                if path is not None and not draft[path].is_group:
                    return path
                group = path or group
        trace = trace.tb_next
    return group

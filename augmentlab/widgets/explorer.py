"""Explorer: a pipeline, its controls, and a grid of originals and draws that follows every move."""

import contextlib
import dataclasses
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
import traitlets
from numpy.typing import NDArray

from augmentlab import render, transforms
from augmentlab.compose import Compose
from augmentlab.sample import Sample, as_image
from augmentlab.transform import Transform
from augmentlab.widgets import twin
from augmentlab.widgets.controls import Controls
from augmentlab.widgets.schedule import LatestWins
from augmentlab.widgets.view import CodeView, GridView, StepList

Image = NDArray[np.generic] | Sample

_GAIN = 3.0  # of the difference view: a change of a few levels is seen
_ROWS = 6  # images shown at once at most


@dataclass(frozen=True)
class _Request:
    """What one frame is made of."""

    pipeline: Compose
    images: tuple[Image, ...]
    names: tuple[str, ...]
    seed: int
    draws: int
    gain: float
    overlays: bool


class _Pipeline(traitlets.Instance):
    """A Compose that is always applied; any other transform becomes its only step."""

    def validate(self, obj: Any, value: Any) -> Any:
        if isinstance(value, Transform) and not (isinstance(value, Compose) and value.p == 1):
            value = _composed([value])
        return super().validate(obj, value)


class Explorer(ipywidgets.VBox):
    """Build a pipeline by hand and see at once what it does to real images.

    Its whole state is `value`, a Compose: every move of a slider replaces it, assigning it updates everything.
    The pictures are drawn on thumbnails by a worker thread, of which the newest request wins.

    Parameters
    ----------
    images : ndarray, Sample, Dataset, mapping of names to images, or sequence of images
        What to augment. Masks, boxes and keypoints of Samples (and Datasets that have them) are drawn on the tiles.
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
    tiles : tuple of render.Tile
        What the grid shows, with the drawn pipeline of each tile.

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
    difference = traitlets.Bool(False)
    overlays = traitlets.Bool(True)

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
        self._images, self._names = _collected(images)
        self._size = size
        self._thumbnails: dict[int, Image] = {}
        self._steps: list[tuple[Transform, bool]] = []
        self._selected = -1
        self._quiet = False
        self.tiles: tuple[render.Tile, ...] = ()
        self.controls = Controls()
        self.steps = StepList(catalog=_catalog(self._images))
        self.view = GridView(twin=twin.new_name())
        self.code = CodeView(shown="Pipeline")
        self._schedule = LatestWins(self._render, self._publish, self._show_error)
        super().__init__(seed=seed, draws=draws, rows=min(rows, len(self._images)))
        self.add_class("al-explorer")
        self.children = self._assembled()
        self.steps.on_msg(lambda _widget, message, _buffers: self._on_step(message))
        self.observe(self._on_value, "value")
        self.controls.observe(self._on_controls, "value")
        self.view.observe(lambda _: self._show_code(), "selected")
        self.observe(lambda _: self._refresh(), ["seed", "draws", "rows", "index", "difference", "overlays"])
        self._quiet = True
        self.value = Compose(()) if pipeline is None else pipeline
        self._quiet = False
        self._schedule.run_now(self._request())

    # --- the pipeline ------------------------------------------------------------------------------------------------

    def add(self, step: Transform | str) -> None:
        """Append a step, or by its name a catalog transform over its typical ranges, and select it.

        After a step whose output leaves [0, 1], such as Standardize, few others may follow: then the new one goes before.
        """
        step = _typical(step) if isinstance(step, str) else step
        for place in range(len(self._steps), -1, -1):
            try:
                self._commit([*self._steps[:place], (step, True), *self._steps[place:]], place)
            except ValueError:
                if not place:
                    raise
            else:
                return

    def remove(self, index: int) -> None:
        """Take a step out."""
        self._commit(
            [step for place, step in enumerate(self._steps) if place != index],
            min(self._selected, len(self._steps) - 2),
        )

    def move(self, index: int, to: int) -> None:
        """Take a step out and put it back at another place."""
        steps = list(self._steps)
        steps.insert(to, steps.pop(index))
        self._commit(steps, to if self._selected == index else self._selected)

    def toggle(self, index: int) -> None:
        """Switch a step off, or on again. The draws of the other steps stay as they were."""
        steps = list(self._steps)
        transform, on = steps[index]
        steps[index] = transform, not on
        self._commit(steps, self._selected)

    def select(self, index: int) -> None:
        """Show the controls of a step."""
        self._commit(self._steps, index)

    def reroll(self) -> None:
        """Draw anew: another seed."""
        self.seed = int(np.random.default_rng().integers(10_000))

    async def wait_idle(self) -> None:
        """Return when the grid shows the newest state; raise what drawing it raised."""
        await self._schedule.wait_idle()

    def _commit(self, steps: Sequence[tuple[Transform, bool]], selected: int) -> None:
        """Make `steps` the state. A sequence that is not allowed raises and changes nothing."""
        value = _composed(transform for transform, on in steps if on)
        self._steps = list(steps)
        self._selected = min(max(selected, 0), len(self._steps) - 1)
        self.controls.value = self._steps[self._selected][0] if self._steps else None
        self.value = value
        self._show_steps()

    def _on_value(self, _change: Any) -> None:
        # Assigned from outside, not by a step of this list: it becomes the list.
        if self.value != _composed(step for step, on in self._steps if on):
            self._commit([(step, True) for step in self.value.steps], self._selected)
        self._refresh()

    def _on_controls(self, change: Any) -> None:
        if not self._steps or change["new"] in (None, self._steps[self._selected][0]):
            return
        steps = list(self._steps)
        steps[self._selected] = change["new"], steps[self._selected][1]
        self._commit(steps, self._selected)

    def _on_step(self, message: dict[str, Any]) -> None:
        try:
            match message:
                case {"add": str(name)}:
                    self.add(name)
                case {"remove": int(index)}:
                    self.remove(index)
                case {"toggle": int(index)}:
                    self.toggle(index)
                case {"select": int(index)}:
                    self.select(index)
                case {"up": int(index)}:
                    self.move(index, index - 1)
                case {"down": int(index)}:
                    self.move(index, index + 1)
        except ValueError as error:
            # An order that is not allowed: the list stays as it was, and the page must show it so.
            self.view.error = str(error)
            self.steps.send_state("steps")

    # --- the picture -------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if not self._quiet:
            self._schedule.submit(self._request())

    def _request(self) -> _Request:
        count = len(self._images)
        chosen = [(self.index + offset) % count for offset in range(min(self.rows, count))]
        return _Request(
            self.value,
            tuple(self._thumbnail(index) for index in chosen),
            tuple(self._names[index] for index in chosen),
            self.seed,
            self.draws,
            _GAIN if self.difference else 0.0,
            self.overlays,
        )

    def _thumbnail(self, index: int) -> Image:
        if index not in self._thumbnails:
            image = self._images[index]
            if not isinstance(image, Sample):
                image = as_image(image, name=self._names[index])
            self._thumbnails[index] = render.thumbnail(image, self._size)
        return self._thumbnails[index]

    def _render(self, request: _Request, stop: Callable[[], bool]) -> tuple[render.Tile, ...] | None:
        made = []
        for tile in render.tiles(
            request.pipeline,
            request.images,
            request.seed,
            draws=request.draws,
            size=self._size,
            overlays=request.overlays,
            gain=request.gain,
        ):
            if stop():
                return None
            made.append(tile)
        return tuple(made)

    def _publish(self, request: _Request, tiles: tuple[render.Tile, ...]) -> None:
        self.tiles = tiles
        originals = [index for index, tile in enumerate(tiles) if not tile.column]
        notes = sorted({tile.note for tile in tiles if tile.note})
        said = [f"seed {request.seed}", "click a tile for its draw", *notes[:1]]
        if len(notes) > 1:
            said[-1] += ", the others likewise"
        self.view.show(
            [tile.image for tile in tiles],
            render.columns_for(len(request.images), request.draws),
            alt=f"{', '.join(request.names)}: original and {request.draws} draws of {request.pipeline!r}, seed {request.seed}",
            caption=" · ".join(said),
            labels=[(index, name) for index, name in zip(originals, request.names, strict=True)],
        )
        self._show_code()

    def _show_error(self, error: BaseException) -> None:
        self.view.error = f"{type(error).__name__}: {error}"

    def _show_steps(self) -> None:
        self.steps.steps = [
            {"name": type(step).__name__, "on": on, "note": _arguments(step), "code": repr(step)}
            for step, on in self._steps
        ]
        self.steps.selected = self._selected

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
            return lambda: setattr(self, "index", (self.index + offset) % len(self._images))

        def number(name: str, low: int, high: int, width: str) -> ipywidgets.Widget:
            box = ipywidgets.BoundedIntText(min=low, max=high, description=name, layout={"width": width})
            return linked(box, name)

        count = len(self._images)
        bar = []
        if count > 1:
            if count <= 100:
                options = [(name, index) for index, name in enumerate(self._names)]
                picker = ipywidgets.Dropdown(options=options, description="image", layout={"width": "175px"})
            else:
                picker = ipywidgets.BoundedIntText(min=0, max=count - 1, description="image", layout={"width": "130px"})
            bar.append(
                ipywidgets.HBox(
                    [
                        linked(picker, "index"),
                        button("", "previous image", step(-1), "chevron-left"),
                        button("", "next image", step(1), "chevron-right"),
                    ]
                )
            )
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
        if any(_has_targets(self._images[index]) for index in range(min(count, 100))):
            overlays = ipywidgets.ToggleButton(
                description="Overlays", tooltip="masks, boxes and keypoints", layout={"width": "auto"}
            )
            bar.append(linked(overlays, "overlays"))
        left = ipywidgets.VBox([self.steps, self.controls]).add_class("al-left")
        right = ipywidgets.VBox([ipywidgets.HBox(bar).add_class("al-bar"), self.view]).add_class("al-right")
        return [ipywidgets.HBox([left, right]).add_class("al-main"), self.code]

    def _ipython_display_(self) -> None:
        # The worker may still be drawing what this very cell changed. An error is said above the grid, and by wait_idle.
        with contextlib.suppress(Exception):
            self._schedule.run_now(self._request())
        grid = render.montage([tile.image for tile in self.tiles], self.view.columns)
        first = "The first tile is the original" if self.rows == 1 else "The first tile of each row is the original"
        caption = f"{first}, the others are draws of the pipeline below (seed {self.seed})."
        jpeg = render.encode(grid, quality=75)
        twin.show(self, self.view.twin, twin.picture(self.view.alt, jpeg, caption, self.value.code()))

    def __repr__(self) -> str:
        return f"Explorer({self.value!r})"


def explore(images: Any, pipeline: Transform | None = None, **options: Any) -> Explorer:
    """Explore what a pipeline does to images, in a notebook.

    Parameters
    ----------
    images : ndarray, Sample, Dataset, mapping of names to images, or sequence of images
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


def _composed(steps: Iterable[Transform]) -> Compose:
    with warnings.catch_warnings():
        # A step on its way through zero is no mistake while a slider moves.
        warnings.simplefilter("ignore", UserWarning)
        return Compose(tuple(steps))


def _typical(name: str) -> Transform:
    if name not in transforms.__all__:
        raise ValueError(f"name must be a transform of the catalog; got {name!r}")
    cls = getattr(transforms, name)
    step = cls.typical()
    # What has no strength, such as a flip, shows its effect best where it is applied now and then.
    return dataclasses.replace(step, p=0.5) if not step.is_random and not step.preprocessing else step


def _catalog(images: Sequence[Any]) -> list[list[Any]]:
    """The families, with what can be applied to these images one by one."""
    masked = all(isinstance(image, Sample) and image.mask is not None for image in images)
    met = {"image", "mask"} if masked else {"image"}
    families = [
        [family, [name for name in names if getattr(transforms, name).needs in met]]
        for family, names in transforms.FAMILIES.items()
    ]
    return [family for family in families if family[1]]


def _arguments(step: Transform) -> str:
    """What stands between the brackets of a step's code."""
    return repr(step).partition("(")[2].removesuffix(")")


def _has_targets(image: Any) -> bool:
    return isinstance(image, Sample) and any(part is not None for part in (image.mask, image.boxes, image.keypoints))


def _collected(images: Any) -> tuple[Sequence[Any], list[str]]:
    """The images, without copying them, and what each is called."""
    if isinstance(images, Sample) or (isinstance(images, np.ndarray) and images.ndim < 4):
        return [images], ["original"]
    if isinstance(images, dict):
        names, images = [str(name) for name in images], list(images.values())
    elif hasattr(images, "classes") and hasattr(images, "labels"):
        classes = [images.classes[label] for label in images.labels]
        unique = len(set(classes)) == len(classes)
        names = classes if unique else [f"{index} · {name}" for index, name in enumerate(classes)]
    elif isinstance(images, Sequence) or (isinstance(images, np.ndarray) and images.ndim == 4):
        names = [f"image {index}" for index in range(len(images))]
    else:
        raise TypeError(
            f"images must be an image, a Sample, a Dataset, or several of these; got {type(images).__name__}"
        )
    if not images:
        raise ValueError("images must hold at least one image; got none")
    return images, names

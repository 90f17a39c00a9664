"""What one picture of an explorer is made of, how it is made, and what is written on it: values alone, no widgets."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from augmentlab import render
from augmentlab.compose import Compose
from augmentlab.params import Parameter, parameters
from augmentlab.transform import Transform
from augmentlab.widgets.draft import GROUPS, Draft, Path
from augmentlab.widgets.images import Image, Images

GAP = 6  # px between two tiles
CLOSEST = 4096  # px of the longer side of a picture of which a part is shown
_ROUNDING = 1e-6  # of what a page computes
SWEPT, SWEPT_ROWS = 7, 5  # values of a parameter across and down


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one picture shall show.

    Attributes
    ----------
    draft, pipeline : Draft, Compose
        The steps, and what is built of those that are on.
    chosen : tuple of int
        Indexes of the images.
    seed, draws : int
        As in `render.tiles`.
    columns : int
        Tiles in a row; 0 for as many as suit.
    size : int
        Longer side of a tile, in px of a page.
    density : float
        Pixels of the screen to one of the page.
    gain : float
        Of the difference view; 0 shows the draws.
    overlays : bool
        Whether masks, boxes and keypoints are drawn.
    swept : tuple of str
        Parameters of the selected step that are swept, across and down; without any, draws of the pipeline are shown.
    """

    draft: Draft
    pipeline: Compose
    chosen: tuple[int, ...]
    seed: int
    draws: int
    columns: int
    size: int
    density: float
    gain: float
    overlays: bool
    swept: tuple[str, ...] = ()

    def scaled(self, length: float) -> int:
        """So many px of the page in pixels of the screen."""
        return max(1, round(length * self.density))

    @property
    def look(self) -> dict[str, Any]:
        """How a tile is shown, in the words of `render.tiles`."""
        return {"size": self.scaled(self.size), "overlays": self.overlays, "gain": self.gain}

    @property
    def count(self) -> int:
        """How many tiles there will be."""
        lines = SWEPT_ROWS ** (len(self.swept) - 1) if self.swept else 1
        return len(self.chosen) * lines * (1 + (SWEPT if self.swept else self.draws))

    def tiles(self, images: Sequence[Image]) -> Iterator[render.Tile]:
        """The tiles, drawn one after the other on the chosen images' thumbnails."""
        step = self.draft.step
        if not self.swept or step is None:
            return render.tiles(self.pipeline, images, self.seed, draws=self.draws, **self.look)
        x, y = self.swept[0], next(iter(self.swept[1:]), None)
        return render.sweep(step, images, x, y, self.seed, count=SWEPT, rows=SWEPT_ROWS, **self.look)


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One picture, as it is sent to the page.

    Attributes
    ----------
    mime, data : str, bytes
        An image file of all tiles.
    size : tuple of int
        Its width and height in pixels.
    density : float
        Pixels of it to one px of the page.
    places : list of (x, y, width, height)
        Where each tile lies in it.
    columns : int
        Tiles in a row.
    labels : list of (int, str)
        What is written on which tile.
    origins : list of int
        For each tile, the one that shows its original.
    alt : str
        What is seen, in words.
    """

    mime: str
    data: bytes
    size: tuple[int, int]
    density: float
    places: list[tuple[int, int, int, int]]
    columns: int
    labels: list[tuple[int, str]]
    origins: list[int]
    alt: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """What became of a request.

    Attributes
    ----------
    request : Request
        With those images chosen that could be read.
    tiles : tuple of render.Tile
    names : tuple of str
        Of the chosen images.
    broken : tuple of str
        A sentence for each image that could not be read.
    frame : Frame
    """

    request: Request
    tiles: tuple[render.Tile, ...]
    names: tuple[str, ...]
    broken: tuple[str, ...]
    frame: Frame

    @property
    def caption(self) -> str:
        """What has to be said below the picture."""
        notes = sorted({tile.note for tile in self.tiles if tile.note})
        said = [f"seed {self.request.seed}", "click a tile for its draw", *notes[:1]]
        if len(notes) > 1:
            said[-1] += ", the others likewise"
        return " · ".join([*said, *self.broken])


def draw(request: Request, images: Images, stop: Callable[[], bool], progress: Callable[[float], None]) -> Drawn | None:
    """Draw what is asked for; None where `stop` said so between two tiles.

    Raises
    ------
    ValueError
        None of the images can be read; one broken file of several hides no other.
    """
    thumbnails, chosen, broken, made = [], [], [], []
    for index in request.chosen:
        try:
            thumbnails.append(images.thumbnail(index, request.look["size"]))
        except ValueError as error:
            broken.append(str(error))
        else:
            chosen.append(index)
    if not thumbnails:
        raise ValueError(broken[0])
    request = dataclasses.replace(request, chosen=tuple(chosen))
    for tile in request.tiles(thumbnails):
        if stop():
            return None
        made.append(tile)
        progress(min(len(made) / request.count, 1.0))
    names = tuple(images.names[index] for index in chosen)
    frame = _frame(request, made, names)
    return Drawn(request=request, tiles=tuple(made), names=names, broken=tuple(broken), frame=frame)


def sharp(drawn: Drawn, stop: Callable[[], bool]) -> Frame | None:
    """The same picture without loss; of a sweep, with the strength of each tile."""
    said = []
    for tile in drawn.tiles:
        if stop():
            return None
        said.append(strength_of(tile) if drawn.request.swept else "")
    labels = _labels(drawn.tiles, drawn.names, said)
    data = _encoded(drawn.request, drawn.tiles, drawn.frame.columns, "png")
    return dataclasses.replace(drawn.frame, mime="image/png", data=data, labels=labels)


def closer(drawn: Drawn, index: int, images: Images, zoom: float) -> tuple[render.RGB, render.RGB]:
    """A tile and its original, `zoom` times as large, made of the image at full resolution."""
    tile, origin = drawn.tiles[index], drawn.tiles[drawn.frame.origins[index]]
    full = images.full(drawn.request.chosen[tile.source])
    look = drawn.request.look | {"size": min(round(zoom * drawn.request.look["size"]), CLOSEST)}
    return render.closer(tile, full, **look), render.closer(origin, full, **look)


def is_part(box: Sequence[Any]) -> bool:
    """Whether a page may ask for it: see `part`."""
    if not all(isinstance(edge, (int, float)) for edge in box):
        return False
    left, top, right, bottom = box
    return bool(0 <= left < right < 1 + _ROUNDING and 0 <= top < bottom < 1 + _ROUNDING)


def part(picture: render.RGB, box: Sequence[float]) -> render.RGB:
    """The pixels that lie in a box of [0, 1]: left, top, right, bottom."""
    height, width = picture.shape[:2]
    left, top, right, bottom = box
    rows = slice(math.floor(top * height), math.ceil(bottom * height))
    return picture[rows, math.floor(left * width) : math.ceil(right * width)]


def strength_of(tile: render.Tile) -> str:
    """How much a draw changed its image, for people; empty where that cannot be said."""
    strength = tile.strength()
    return "" if strength is None else f"Δ {strength.difference:.2f}\nSSIM {strength.ssim:.2f}"


def _frame(request: Request, tiles: Sequence[render.Tile], names: Sequence[str]) -> Frame:
    columns = request.columns or render.columns_for(len(names), request.draws)
    if request.swept:
        columns = 1 + max(tile.column for tile in tiles)
    shapes = [tile.image.shape for tile in tiles]
    (height, width), places = render.layout(shapes, columns, request.scaled(GAP))
    return Frame(
        mime="image/jpeg",
        data=_encoded(request, tiles, columns, "jpeg"),
        size=(width, height),
        density=request.density,
        places=places,
        columns=min(columns, len(tiles)),
        labels=_labels(tiles, names),
        origins=_origins(tiles),
        alt=f"{', '.join(names)}: {_content(request)}, seed {request.seed}",
    )


def _encoded(request: Request, tiles: Sequence[render.Tile], columns: int, format: str) -> bytes:
    return render.encode(render.montage([tile.image for tile in tiles], columns, gap=request.scaled(GAP)), format)


def _content(request: Request) -> str:
    """What a grid shows, for those who do not see it."""
    if not request.swept:
        return f"original and {request.draws} draws of {request.pipeline!r}"
    return f"sweep of {' and '.join(request.swept)} of {request.draft.step!r}"


def _origins(tiles: Sequence[render.Tile]) -> list[int]:
    """For each tile, which one shows the image that it was drawn on."""
    first = {tile.source: place for place, tile in reversed(list(enumerate(tiles))) if tile.drawn is None}
    return [first.get(tile.source, place) for place, tile in enumerate(tiles)]


def _labels(tiles: Sequence[render.Tile], names: Sequence[str], strengths: Sequence[str] = ()) -> list[tuple[int, str]]:
    """What is written on tiles: the image's name on its first original, a sweep's values, how strong they are."""
    said: list[tuple[int, str]] = []
    named: set[int] = set()
    for place, tile in enumerate(tiles):
        parts = [tile.label]
        if tile.drawn is None and tile.source not in named:
            named.add(tile.source)
            parts.insert(0, names[tile.source])
        if strengths:
            parts.append(strengths[place])
        if text := " · ".join(filter(None, parts)):
            said.append((place, text))
    return said


def raised_in(draft: Draft, error: BaseException) -> Path | None:
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


def sweepable(step: Transform) -> list[Parameter]:
    """The parameters of a step that can be swept: numbers with a typical range, choices and switches, not its chance."""
    return [parameter for parameter in parameters(step) if _can_sweep(step, parameter)]


def _can_sweep(step: Transform, parameter: Parameter) -> bool:
    numbers = parameter.kind in {"float", "int"} and parameter.typical is not None
    if parameter.name == "p" or not (numbers or parameter.kind in {"choice", "bool"}):
        return False
    if type(step) in GROUPS.values():  # what it may be depends on the steps
        try:
            for value in render.spread(parameter, SWEPT):
                dataclasses.replace(step, **{parameter.name: value})
        except (TypeError, ValueError):
            return False
    return True

"""What an explorer leaves behind: a page with a slider, a picture at full resolution, code for a study. No widgets.

The first two take their time, so they ask ``stop()`` between two tiles and return None where it said so, and say by
``progress(share)`` how far they are.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from augmentlab import interop, render
from augmentlab.compose import Compose
from augmentlab.params import Parameter
from augmentlab.sample import Sample
from augmentlab.transform import Transform
from augmentlab.widgets import frames
from augmentlab.widgets.draft import Draft, Path
from augmentlab.widgets.frames import GAP, Request, sweepable
from augmentlab.widgets.images import Image, Images
from augmentlab.widgets.page import Frame, page

MOST_MEGAPIXELS = 24.0  # of a picture: about 72 MB while it is made
MOST_FRAMES = 50
_FRAME_BYTES = 95_000  # of a page's frame, on average: 11 of them in base64 are 1.4 MB
_FRAME_PX = 1440  # of its longer side
_GRAY = 128  # between the tiles: a page is light or dark
_QUALITIES = (88, 75, 60)

Stop = Callable[[], bool]
Progress = Callable[[float], None]


def never() -> bool:
    """Do not stop."""
    return False


def silent(_share: float) -> None:
    """Do not say how far it is."""


# --- a page ----------------------------------------------------------------------------------------------------------


def html(
    request: Request,
    images: Images,
    over: str | None = None,
    count: int = 11,
    stop: Stop = never,
    progress: Progress = silent,
) -> str | None:
    """A page with a slider over grids as `request` describes one.

    Parameters
    ----------
    request : Request
        What the explorer shows.
    images : Images
    over : str, optional
        What the slider changes: see `ladder`.
    count : int
        Its positions, 2 to 50; a choice has as many as it has values.
    stop, progress : callable
        See above.

    Returns
    -------
    str or None
        HTML, at most about 130 kB a frame.

    Raises
    ------
    ValueError, TypeError
        Something else to run over, a count out of bounds, or no image that can be read.
    """
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"frames must be an int in [2, {MOST_FRAMES}]; got {count!r}")
    if not 2 <= count <= MOST_FRAMES:
        raise ValueError(f"frames must be an int in [2, {MOST_FRAMES}]; got {count}")
    slider, positions, start = ladder(request, over, count)
    drawn = []
    for place, (_, one) in enumerate(positions):
        made = frames.draw(
            dataclasses.replace(one, density=1.0, swept=()),
            images,
            stop,
            lambda share, place=place: progress((place + share) / len(positions)),  # type: ignore[misc]
        )
        if made is None:
            return None
        drawn.append(made)
    pictures = [
        _shrunk(
            render.montage([tile.image for tile in one.tiles], one.frame.columns, gap=GAP, background=_GRAY), _FRAME_PX
        )
        for one in drawn
    ]
    differ = len({repr(one.request.pipeline) for one in drawn}) > 1
    names = drawn[0].names
    first = "The first tile is the original" if len(names) == 1 else "Each row begins with an original"
    seed = [] if len({one.request.seed for one in drawn}) > 1 else [f"seed {request.seed}"]
    notes = sorted({tile.note for one in drawn for tile in one.tiles if tile.note})
    return page(
        [
            Frame(label=label, picture=jpeg, alt=one.frame.alt, code=one.request.pipeline.code() if differ else "")
            for (label, _), one, jpeg in zip(positions, drawn, _encoded(pictures), strict=True)
        ],
        title=f"{name_of(request.pipeline)} on {', '.join(names) if len(names) < 4 else f'{len(names)} images'}",
        slider=slider,
        caption=" · ".join([f"{first}, the others are draws", *seed, *notes[:1]]),
        code=request.pipeline.code(),
        document=request.pipeline.to_dict(),
        start=start,
    )


def ladder(request: Request, over: str | None, count: int) -> tuple[str, list[tuple[str, Request]], int]:
    """What the slider of a page is called, a label and what is shown for each of its positions, and where it stands.

    Parameters
    ----------
    request : Request
    over : str, optional
        ``"Rotate.angle"`` for a parameter of a step that is on (``"Rotate[1].angle"`` for the second Rotate);
        ``"strength"`` for the whole pipeline's, from the identity to itself; ``"seed"`` for other draws. By default the
        parameter that is swept or else the first of the selected step; where there is none the strength, and where
        nothing has one, seeds.
    count : int
        How many positions; fewer where there are not so many values.

    Raises
    ------
    ValueError
        Another `over`; the sentence says what it may be.
    """
    axes = dict(_axes(request.draft))
    if over is None:
        over = _first_choice(request, axes)
    if isinstance(over, str) and over in axes:
        path, parameter = axes[over]
        node = request.draft[path]
        positions = []
        for value in render.spread(parameter, count):
            step = dataclasses.replace(node.transform, **{parameter.name: value})
            draft = request.draft.replace(path, dataclasses.replace(node, transform=step))
            changed = dataclasses.replace(request, draft=draft, pipeline=draft.built())
            positions.append((render.text_of(parameter, value), changed))
        return (
            over.replace(".", " ").replace("_", " "),
            positions,
            len(positions) * 3 // 4,
        )  # the middle is often the identity
    if over == "strength":
        shares = [round(float(share), 4) for share in np.linspace(0, 1, count)]
        scaled = [dataclasses.replace(request, pipeline=request.pipeline.scaled(share)) for share in shares]
        return "Strength", [(f"{share:.0%}", one) for share, one in zip(shares, scaled, strict=True)], count - 1
    if over == "seed":
        seeds = range(request.seed, request.seed + (count if request.pipeline.is_random else 1))
        return "Seed", [(str(seed), dataclasses.replace(request, seed=seed)) for seed in seeds], 0
    raise ValueError(f"over must be one of {', '.join([*axes, 'strength', 'seed'])}; got {over!r}")


def _axes(draft: Draft) -> Iterator[tuple[str, tuple[Path, Parameter]]]:
    """The parameters of the steps that are on, as `augmentlab.study.grid` calls them."""
    on = [
        (path, node)
        for path, node in draft.walk()
        if all(draft[path[:end]].on for end in range(1, len(path) + 1)) and node.built() is not None
    ]
    classes = [type(node.transform).__name__ for _, node in on]
    for place, (path, node) in enumerate(on):
        name = classes[place]
        index = f"[{classes[:place].count(name)}]" if classes.count(name) > 1 else ""
        for parameter in sweepable(node.transform):
            yield f"{name}{index}.{parameter.name}", (path, parameter)


def _first_choice(request: Request, axes: dict[str, tuple[Path, Parameter]]) -> str:
    mine = {name: parameter for name, (path, parameter) in axes.items() if path == request.draft.selected}
    swept = [name for name, parameter in mine.items() if parameter.name in request.swept[:1]]
    strengths = [name for name, parameter in mine.items() if parameter.drawn]
    if best := [*swept, *strengths, *mine]:
        return best[0]
    return "strength" if request.pipeline.scaled(0.0) != request.pipeline else "seed"


def _encoded(pictures: list[render.RGB]) -> list[bytes]:
    """JPEGs that are not too large together: of lower quality first, then smaller."""
    for quality in _QUALITIES:
        files = [render.encode(picture, quality=quality) for picture in pictures]
        if sum(map(len, files)) <= _FRAME_BYTES * len(pictures):
            return files
    longest = max(pictures[0].shape[:2])
    return _encoded([_shrunk(picture, longest * 3 // 4) for picture in pictures])


def _shrunk(picture: render.RGB, longest: int) -> render.RGB:
    return np.asarray(render.thumbnail(picture, longest), dtype=np.uint8)


def name_of(transform: Transform) -> str:
    """A pipeline in a few words."""
    if isinstance(transform, Compose):
        names = [type(step).__name__ for step in transform.steps]
        return " + ".join(names[:3]) + (f" + {len(names) - 3} more" if len(names) > 3 else "") or "No step"
    return type(transform).__name__


# --- a picture -------------------------------------------------------------------------------------------------------


class _Full(Sequence[Image]):
    """Images at full resolution, of which only the one that is asked for is held."""

    def __init__(self, images: Images, chosen: Sequence[int]) -> None:
        self._images, self._chosen = images, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, place: Any) -> Any:
        return self._images.full(self._chosen[place])


def png(
    request: Request,
    images: Images,
    megapixels: float = MOST_MEGAPIXELS,
    stop: Stop = never,
    progress: Progress = silent,
) -> tuple[bytes, str] | None:
    """The grid with every tile drawn again on the image at full resolution.

    Parameters
    ----------
    request : Request
        What the explorer shows.
    images : Images
    megapixels : float
        Of the whole picture at most, above 0; tiles are shrunk to keep it.
    stop, progress : callable
        See above.

    Returns
    -------
    tuple of (bytes, str) or None
        A PNG file, and a sentence where tiles were shrunk. Images smaller than on the screen are enlarged as there.

    Raises
    ------
    ValueError
        Another number of megapixels, or no image that can be read.
    """
    if not 0 < megapixels < math.inf:
        raise ValueError(f"megapixels must be a number above 0; got {megapixels!r}")
    drawn = frames.draw(request, images, stop, silent)  # which images can be read, and what is drawn on each
    if drawn is None:
        return None
    request = drawn.request
    full = _Full(images, request.chosen)
    shapes = [np.shape(one.image if isinstance(one, Sample) else one)[:2] for one in full]
    for tile in drawn.tiles:
        if tile.drawn is not None:
            shapes.append(tile.drawn.output_shape(shapes[tile.source])[:2])
    high, wide = (max(sides) for sides in zip(*shapes, strict=True))
    longest = max(high, wide)
    fits = math.sqrt(megapixels * 1e6 / (len(drawn.tiles) * high * wide)) * longest
    size = max(1, min(max(longest, request.size), int(fits)))
    pictures = []
    for tile in dataclasses.replace(request, size=size, density=1.0).tiles(full):
        if stop():
            return None
        pictures.append(tile.image)
        progress(len(pictures) / request.count)
    said = ""
    if size < longest:
        whole = len(drawn.tiles) * high * wide / 1e6
        said = (
            f"the longer side of a tile is {size} px instead of {longest}: "
            f"the picture would have {whole:.0f} megapixels, above {megapixels:g}"
        )
    return render.encode(render.montage(pictures, drawn.frame.columns, gap=GAP), "png"), said


# --- text ---------------------------------------------------------------------------------------------------------------

DRAWING = ("albumentations", "torchvision", "kornia", "keras")  # the libraries that take distributions as they are


def in_other_libraries(pipeline: Transform) -> list[list[str]]:
    """Title and text of a pipeline for each library that draws for itself; what one cannot do is left out, and said."""
    return [[interop.target(name).title, _exported(pipeline, name)] for name in DRAWING]


def _exported(pipeline: Transform, name: str) -> str:
    try:
        return pipeline.export(name, strict=False)
    except interop.ExportError as error:  # nothing that could be left out would help
        return "\n".join(f"# {line}" for line in str(error).splitlines())


# --- a study ---------------------------------------------------------------------------------------------------------


def study_code(pipeline: Transform, photos: str = "") -> str:
    """Code that runs as it is: a study with the pipeline as its arm, on a folder of photos or else on bundled images.

    Examples
    --------
    >>> from augmentlab import HorizontalFlip
    >>> print(study_code(HorizontalFlip()))
    from augmentlab import Study, data, models
    from augmentlab import HorizontalFlip
    <BLANKLINE>
    pipeline = HorizontalFlip()
    <BLANKLINE>
    images = data.scattered_digits()  # yours: data.from_folder("photos"), with a folder for each class
    study = Study(images, models.hog_logistic(), [pipeline], storage="study.db")
    study.run()
    study.compare()
    """
    images, names, more = (
        'data.scattered_digits()  # yours: data.from_folder("photos"), with a folder for each class',
        "",
        "",
    )
    if photos:
        images, names = f'data.from_folder({photos!r}, mode="RGB")', "Resize, "
        more = ", preprocess=Resize(height=32, width=32, keep_aspect=True)"  # a model takes one shape
    return f"""from augmentlab import {names}Study, data, models
{pipeline.code()}

images = {images}
study = Study(images, models.hog_logistic(), [pipeline]{more}, storage="study.db")
study.run()
study.compare()"""

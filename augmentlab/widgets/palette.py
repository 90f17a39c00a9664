"""The palette: what can be added to a pipeline, by family, with a search field and a picture before and after each."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from augmentlab import render, transforms
from augmentlab.params import parameters
from augmentlab.render.pictures import fitted
from augmentlab.sample import Sample
from augmentlab.transform import Transform
from augmentlab.widgets.controls import STYLE, summary
from augmentlab.widgets.schedule import LatestWins

_SIDE = 72  # px of a picture; the page shows it smaller, which is sharp on dense screens too
_IN_A_ROW = 10
_TRIED = 4  # draws of one transform, until one is seen
_SEEN = 0.05  # mean absolute difference of full scale that is seen at this size
_EVERY_S = 0.7  # what is ready is shown: the first time, libraries are loaded on the way
_HERE = Path(__file__).parent

_Image = NDArray[np.generic] | Sample


def catalog(met: Iterable[str]) -> list[list[Any]]:
    """What can be added, by family: ``[family, [[name, sentence, names of its parameters], ...]]``.

    Parameters
    ----------
    met : collection of str
        What the images come with, of what transforms need: see `Images.met`. What needs something else is left out.
    """
    met = set(met)
    families = []
    for family, names in transforms.FAMILIES.items():
        classes = [cls for name in names if (cls := getattr(transforms, name)).needs in met]
        cards = [[cls.__name__, summary(cls), _searched(cls)] for cls in classes]
        if cards:
            families.append([family, cards])
    return families


def _searched(cls: type[Transform]) -> str:
    return " ".join(one.name.replace("_", " ") for one in parameters(cls) if one.name != "p")


def previews(names: Iterable[str], image: _Image) -> Iterator[tuple[str, render.RGB | None]]:
    """The image, under an empty name, then what each transform of the catalog makes of it; a caller may stop between two.

    Parameters
    ----------
    names : iterable of str
        Transforms of the catalog.
    image : ndarray or Sample
        Its middle is used, as large as fits; of the targets the mask alone.

    Yields
    ------
    tuple of (str, ndarray of uint8, shape (height, width, 3), or None)
        Sides of 72 px at most; None where the transform cannot be applied to this image.
    """
    before = _middle(image)
    yield "", _shown(before, before)
    for name in names:
        try:
            picture = _shown(_telling(getattr(transforms, name), before), before)
        except Exception:  # noqa: BLE001 - a card without picture; whoever adds the step is told what is wrong
            picture = None
        yield name, picture


def _middle(image: _Image) -> Sample:
    given = image if isinstance(image, Sample) else Sample(image)
    height, width = given.image.shape[:2]
    side = min(height, width)
    window = transforms.CenterCrop(height=side / height, width=side / width)
    small = render.thumbnail(window.apply(Sample(given.image, mask=given.mask)), _SIDE)
    assert isinstance(small, Sample)
    return small


def _telling(cls: type[Transform], before: Sample) -> Sample:
    """The first draw over typical ranges that is seen, else the strongest of a few; always the same for one image."""
    best, most = before, 0.0
    for seed in range(_TRIED):
        step = cls.typical()
        result = step(before, rng=seed)
        change = _change(before, result)
        if change > most:
            best, most = result, change
        if most > _SEEN or not step.is_random:
            break
    return best if most else _changing(cls)(before, rng=0)


def _changing(cls: type[Transform]) -> Transform:
    """A transform whose defaults leave the image as it is, such as a crop or a size, with values that do not."""
    ends: dict[str, Any] = {}
    for one in parameters(cls):
        if one.typical is not None and one.unit == "fraction":
            low, high = one.typical.low, one.typical.high
            ends[one.name] = low if abs(low - one.default) > abs(high - one.default) else high
        elif one.typical is not None and one.unit == "px":
            ends[one.name] = _SIDE // 2
    return cls(**ends)


def _change(before: Sample, after: Sample) -> float:
    """Mean absolute difference of two pictures as they are shown, of full scale; 1 where their shapes differ."""
    first, second = (render.to_rgb(one.image)[0].astype(float) for one in (before, after))
    return float(np.abs(first - second).mean()) / 255 if first.shape == second.shape else 1.0


def _shown(sample: Sample, before: Sample) -> render.RGB:
    return fitted(render.to_rgb(sample.image)[0], _SIDE, like=before.image.shape)


class Palette(anywidget.AnyWidget):
    """Every transform that can be added, as a card with its name, its sentence, and a picture before and after.

    A click or Enter sends ``{"add": name}``. The pictures are made on the image now shown when the palette is opened, by a
    worker thread, and reach the page as one JPEG file, sent again where they take long; the cards can be used before.

    Parameters
    ----------
    met : collection of str
        What the images come with: see `catalog`.
    image : callable
        ``image()`` gives the image now shown; it is called in the worker thread. A ValueError leaves cards without pictures.

    Attributes
    ----------
    catalog : list of [family, cards]
        As `catalog` returns it.
    sprite : bytes
        All pictures as one JPEG file.
    places : dict of str to [x, y, width, height]
        Where each transform's lies in it, and under an empty name the image's.
    said : str
        What was last added.
    """

    catalog = traitlets.List().tag(sync=True)
    sprite = traitlets.Bytes(b"").tag(sync=True)
    places = traitlets.Dict().tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    _esm = (_HERE / "palette.js").read_text(encoding="utf-8")
    _css = STYLE

    def __init__(self, met: Iterable[str], image: Callable[[], _Image]) -> None:
        super().__init__(catalog=catalog(met))
        self._image = image
        self._open = False
        self._drawn_on: _Image | None = None
        self._schedule = LatestWins(self._render, self._publish)
        self.on_msg(lambda _widget, message, _buffers: self._on_message(message))

    def offer(self, met: Iterable[str]) -> None:
        """Show what can be added to images that come with this."""
        self.catalog = catalog(met)

    def refresh(self) -> None:
        """Another image is shown: make its pictures, if the palette is open."""
        self._schedule.cancel()
        if self._open:
            self._schedule.submit([name for _, cards in self.catalog for name, *_ in cards])

    async def wait_idle(self) -> None:
        """Return when the pictures are those of the image now shown."""
        await self._schedule.wait_idle()

    def _on_message(self, message: dict[str, Any]) -> None:
        match message:
            case {"open": bool(now)}:
                self._open = now
                self.refresh()

    def _render(self, names: list[str], stop: Callable[[], bool]) -> tuple[_Image | None, dict[str, render.RGB]] | None:
        try:
            image = self._image()
        except ValueError:  # such as a broken file, which the grid says
            return None, {}
        if image is self._drawn_on:
            return None
        made, sent_at = dict[str, render.RGB](), time.monotonic()
        for name, picture in previews(names, image):
            if stop():
                return None
            if picture is not None:
                made[name] = picture
            if time.monotonic() - sent_at > _EVERY_S:
                self._schedule.post(self._show_some, dict(made))
                sent_at = time.monotonic()
        return image, made

    def _publish(self, _names: list[str], result: tuple[_Image | None, dict[str, render.RGB]] | None) -> None:
        if result is not None:  # else they are there already
            self._drawn_on, pictures = result
            self._show(pictures)

    def _show_some(self, pictures: dict[str, render.RGB]) -> None:
        if self._schedule.busy:
            self._drawn_on = None  # some are of another image now
            self._show(pictures)

    def _show(self, pictures: dict[str, render.RGB]) -> None:
        tiles = list(pictures.values())
        with self.hold_sync():
            if tiles:
                _, places = render.layout([tile.shape for tile in tiles], _IN_A_ROW, gap=0)
                self.places = dict(zip(pictures, map(list, places), strict=True))
                self.sprite = render.encode(render.montage(tiles, _IN_A_ROW, gap=0), quality=80)
            else:
                self.places, self.sprite = {}, b""

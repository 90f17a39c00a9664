"""The images of an explorer: named, perhaps with classes, read when they are shown, each shrunk once."""

import functools
import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentlab import files, render
from augmentlab.data import folder
from augmentlab.markup import printable
from augmentlab.sample import Sample, as_image

Image = NDArray[np.generic] | Sample

_KEPT = 2  # images of files that are held at full resolution
_KEPT_SMALL = 512  # thumbnails; 32 MB of 144 px


@dataclass(frozen=True)
class Source:
    """Images of one origin.

    Attributes
    ----------
    names, classes : list of str
        What each is called, and its class; an empty string where it has none.
    get : callable
        ``get(index)`` gives an image; a ValueError names one that cannot be used.
    in_memory : bool
        Whether they are there already, unlike those that are decoded from files.
    """

    names: list[str]
    classes: list[str]
    get: Callable[[int], Any]
    in_memory: bool = True


class Images:
    """What can be shown, by index.

    Parameters
    ----------
    images : ndarray, Sample, Dataset, path of a folder, mapping of names to images, or sequence of images
        They are not copied. The files of a folder are read when they are shown.

    Attributes
    ----------
    names, classes : list of str
        What each is called, and its class; an empty string where it has none.
    folder : str
        Where the first ones come from, if that is a folder with one for each class; else empty.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError, NotADirectoryError
        No images; the sentence says what is allowed and what came.
    """

    def __init__(self, images: Any) -> None:
        self.names: list[str] = []
        self.classes: list[str] = []
        self._places: list[tuple[Source, int]] = []
        # What was read is kept a while; what could not be read is tried again.
        self._read = functools.lru_cache(_KEPT)(self._get)
        self.thumbnail = functools.lru_cache(_KEPT_SMALL)(self._thumbnail)
        self.add(images)
        self.folder = str(images) if isinstance(images, (str, os.PathLike)) and any(self.classes) else ""

    def __len__(self) -> int:
        return len(self.names)

    def add(self, images: Any) -> int:
        """Append images, given as the first ones were, or a `Source`; the index of the first of them.

        One whose name is taken is called ``name (2)``.
        """
        source, first = images if isinstance(images, Source) else source_of(images), len(self)
        taken = set(self.names)
        for name in source.names:
            taken.add(free := _free(name, taken))
            self.names.append(free)
        self.classes += source.classes
        self._places += [(source, place) for place in range(len(source.names))]
        return first

    def full(self, index: int) -> Image:
        """An image at full resolution; a ValueError names one that cannot be used."""
        image = self._get(index) if self._places[index][0].in_memory else self._read(index)
        return image if isinstance(image, Sample) else as_image(image, name=self.names[index])

    def of_class(self, name: str) -> list[int]:
        """The indexes of the images of a class; all of them for an empty name."""
        if not name:
            return list(range(len(self)))
        found = [index for index, one in enumerate(self.classes) if one == name]
        if not found:
            known = ", ".join(sorted({one for one in self.classes if one})) or "there are none"
            raise ValueError(f"only must be a class of the images ({printable(known)}); got {name!r}")
        return found

    def first(self) -> int:
        """The first image that can be used; 0 where no file can, for what is wrong to be said of it."""
        for index, (source, _) in enumerate(self._places):
            if source.in_memory:
                return index
            try:
                self.full(index)
            except ValueError:
                continue
            return index
        return 0

    def met(self) -> set[str]:
        """What every image comes with, of what transforms need: ``image``, and ``mask`` where each has one."""
        masked = all(source.in_memory for source, _ in self._places) and all(
            isinstance(one, Sample) and one.mask is not None for one in self._held()
        )
        return {"image", "mask"} if masked else {"image"}

    def have_targets(self) -> bool:
        """Whether one has a mask, boxes or keypoints."""
        return any(_has_targets(one) for one in self._held())

    def _get(self, index: int) -> Any:
        source, place = self._places[index]
        return source.get(place)

    def _thumbnail(self, index: int, size: int) -> Image:
        """An image with `size` px as its longer side at most; made once while it is of use."""
        return render.thumbnail(self.full(index), size)

    def _held(self) -> list[Any]:
        """The images in memory; what files hold is images alone."""
        return [source.get(place) for source, place in self._places if source.in_memory]


def source_of(images: Any) -> Source:
    """The images, without copying them, what each is called, and its class."""
    if isinstance(images, (str, os.PathLike)):
        found = folder.image_files(images)
        path = files.home(images).resolve()
        names, classes = [folder.shown(name) for name, _ in found], [label for _, label in found]
        return Source(names, classes, lambda place: folder.read_from(path, found[place][0]), in_memory=False)
    if isinstance(images, Sample) or (isinstance(images, np.ndarray) and images.ndim < 4):
        return Source(["original"], [""], [images].__getitem__)
    if isinstance(images, dict):
        names, images = [str(name) for name in images], list(images.values())
        classes = [""] * len(names)
    elif hasattr(images, "classes") and hasattr(images, "labels"):
        classes = [str(images.classes[label]) for label in images.labels]
        if len(set(classes)) == len(classes):  # each names its image already
            return Source(classes, [""] * len(classes), images.__getitem__)
        names = [f"{index} · {name}" for index, name in enumerate(classes)]
    elif isinstance(images, Sequence) or (isinstance(images, np.ndarray) and images.ndim == 4):
        names = [f"image {index}" for index in range(len(images))]
        classes = [""] * len(names)
    else:
        raise TypeError(
            f"images must be an image, a Sample, a Dataset, the path of a folder, or several images; "
            f"got {type(images).__name__}"
        )
    if not names:
        raise ValueError("images must hold at least one image; got none")
    return Source(names, classes, images.__getitem__)


def _free(name: str, taken: set[str]) -> str:
    others = (f"{name} ({number})" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], others) if one not in taken)


def _has_targets(image: Any) -> bool:
    return isinstance(image, Sample) and any(part is not None for part in (image.mask, image.boxes, image.keypoints))

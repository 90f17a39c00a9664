"""The images of an explorer: named, perhaps with classes, read when they are shown, each shrunk once."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentlab import render
from augmentlab.data import folder
from augmentlab.sample import Sample, as_image

Image = NDArray[np.generic] | Sample

_KEPT = 2  # images of a folder that are held at full resolution


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

    Raises
    ------
    TypeError, ValueError, FileNotFoundError, NotADirectoryError
        No images; the sentence says what is allowed and what came.
    """

    def __init__(self, images: Any) -> None:
        self._get: Callable[[int], Any]
        self._thumbnails: dict[tuple[int, int], Image] = {}
        self._is_folder = isinstance(images, (str, os.PathLike))
        if self._is_folder:
            files = folder.image_files(images)
            path = Path(images).expanduser().resolve()
            self.names = [name for name, _ in files]
            self.classes = [label for _, label in files]
            # What was read is kept a while; what could not be read is tried again.
            self._get = functools.lru_cache(_KEPT)(lambda index: folder.read_from(path, files[index][0]))
            return
        listed, self.names, self.classes = _collected(images)
        self._get = listed.__getitem__

    def __len__(self) -> int:
        return len(self.names)

    def full(self, index: int) -> Image:
        """An image at full resolution; a ValueError names one that cannot be used."""
        image = self._get(index)
        return image if isinstance(image, Sample) else as_image(image, name=self.names[index])

    def thumbnail(self, index: int, size: int) -> Image:
        """An image with `size` px as its longer side at most; made once."""
        if (index, size) not in self._thumbnails:
            self._thumbnails[index, size] = render.thumbnail(self.full(index), size)
        return self._thumbnails[index, size]

    def of_class(self, name: str) -> list[int]:
        """The indexes of the images of a class; all of them for an empty name."""
        if not name:
            return list(range(len(self)))
        found = [index for index, one in enumerate(self.classes) if one == name]
        if not found:
            known = ", ".join(sorted({one for one in self.classes if one})) or "there are none"
            raise ValueError(f"only must be a class of the images ({known}); got {name!r}")
        return found

    def first(self) -> int:
        """The first image that can be used; 0 where none of a folder's can, for what is wrong to be said of it."""
        for index in range(len(self) if self._is_folder else 0):
            try:
                self.full(index)
            except ValueError:
                continue
            return index
        return 0

    def met(self) -> set[str]:
        """What every image comes with, of what transforms need: ``image``, and ``mask`` where each has one."""
        held = self._held()
        masked = bool(held) and all(isinstance(one, Sample) and one.mask is not None for one in held)
        return {"image", "mask"} if masked else {"image"}

    def have_targets(self) -> bool:
        """Whether one has a mask, boxes or keypoints."""
        return any(_has_targets(one) for one in self._held())

    def _held(self) -> list[Any]:
        """The images in memory; the files of a folder are images alone."""
        return [] if self._is_folder else [self._get(index) for index in range(len(self))]


def _has_targets(image: Any) -> bool:
    return isinstance(image, Sample) and any(part is not None for part in (image.mask, image.boxes, image.keypoints))


def _collected(images: Any) -> tuple[Sequence[Any], list[str], list[str]]:
    """The images, without copying them, what each is called, and its class."""
    if isinstance(images, Sample) or (isinstance(images, np.ndarray) and images.ndim < 4):
        return [images], ["original"], [""]
    if isinstance(images, dict):
        names, images = [str(name) for name in images], list(images.values())
        classes = [""] * len(names)
    elif hasattr(images, "classes") and hasattr(images, "labels"):
        classes = [str(images.classes[label]) for label in images.labels]
        if len(set(classes)) == len(classes):  # each names its image already
            return images, classes, [""] * len(classes)
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
    return images, names, classes

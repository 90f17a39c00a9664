"""The data of a study: images, their labels and, where there are any, masks, boxes and keypoints."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentlab.distributions import shown
from augmentlab.markup import printable
from augmentlab.sample import Sample, check_image

Array = NDArray[Any]

# Each per-image target, and what one image's is called in a Sample.
_TARGETS = {"masks": "mask", "boxes": "boxes", "box_labels": "box_labels", "keypoints": "keypoints"}


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Dataset:
    """Images with one label each, held as given and never written to.

    Parameters
    ----------
    images : array of shape (N, H, W) or (N, H, W, C), or sequence of N images
        Images (H, W) or (H, W, C) with C in {1, 3, 4}, ``uint8``, or ``float32``/``float64`` in [0, 1]; a sequence
        may mix sizes. They are not copied: what is kept is a read-only view, so leave the arrays alone afterwards.
    labels : sequence of N integers, strings or other hashable values
        Encoded to indices into ``classes``.
    classes : sequence of str, optional
        Names of the classes. Integer labels are then indices into it, other labels are looked up in it. Without it
        the classes are the different labels, sorted.
    groups : sequence of N values, optional
        What must stay together when the images are split: the patient, the font, the recording.
    name : str
        Shown wherever results are.
    masks : sequence of N arrays (H, W) of integers, optional
        A label per pixel; an entry may be None.
    boxes : sequence of N arrays (K, 4), optional
        ``x_min, y_min, x_max, y_max`` in pixels; (0, 0, W, H) is the whole image. An entry may be None.
    box_labels : sequence of N sequences of K labels, optional
        The labels of the boxes.
    keypoints : sequence of N arrays (K, 2), optional
        (x, y) in pixels, pixel centres at integers. An entry may be None.
    unreadable : sequence of (path, reason)
        The files that a loader had to leave out.

    Attributes
    ----------
    images : read-only array (N, H, W[, C]), or tuple of N read-only arrays
        As they were given.
    labels : read-only array (N,) of int64
        Indices into ``classes``.
    classes : tuple of str
        Names of the classes.
    groups : read-only array (N,) of str, or None
        The group of each image.

    Raises
    ------
    ValueError
        No image, an image outside the ranges above (the message names it: ``image 17``), another number of labels,
        groups or targets than of images, a label that is missing or not in ``classes``.
    TypeError
        An image that is no array or of another dtype, labels that cannot be hashed.

    Examples
    --------
    >>> import numpy as np
    >>> flowers = Dataset(np.zeros((4, 8, 8), np.uint8), ["rose", "tulip", "rose", "rose"], name="flowers")
    >>> flowers
    Dataset('flowers': 4 images 8x8, uint8; 2 classes: rose 3, tulip 1)
    >>> flowers.labels
    array([0, 1, 0, 0])
    >>> flowers[1].label
    1
    """

    images: Array | tuple[Array, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: NDArray[np.str_] | None
    name: str
    masks: tuple[Array | None, ...] | None
    boxes: tuple[Array | None, ...] | None
    box_labels: tuple[Any, ...] | None
    keypoints: tuple[Array | None, ...] | None
    unreadable: tuple[tuple[str, str], ...]

    def __init__(
        self,
        images: Array | Sequence[Array],
        labels: Iterable[Hashable],
        classes: Sequence[Any] | None = None,
        groups: Iterable[Hashable] | None = None,
        name: str = "data",
        *,
        masks: Sequence[Any] | None = None,
        boxes: Sequence[Any] | None = None,
        box_labels: Sequence[Any] | None = None,
        keypoints: Sequence[Any] | None = None,
        unreadable: Sequence[tuple[str, str]] = (),
    ) -> None:
        held = _images(images)
        count = len(held)
        codes, names = _encode(_one_each("labels", labels, count), classes)
        object.__setattr__(self, "images", held)
        object.__setattr__(self, "labels", _read_only(codes))
        object.__setattr__(self, "classes", names)
        object.__setattr__(self, "groups", None if groups is None else _groups(_one_each("groups", groups, count)))
        object.__setattr__(self, "name", str(name))
        object.__setattr__(self, "unreadable", tuple((str(path), str(reason)) for path, reason in unreadable))
        given = {"masks": masks, "boxes": boxes, "box_labels": box_labels, "keypoints": keypoints}
        for key, target in given.items():
            object.__setattr__(self, key, _as_tuple(key, target, count))
        if any(target is not None for target in given.values()):
            # A Sample checks its targets against its image, and brings them into one form.
            samples = [self._checked(index) for index in range(count)]
            for key, in_sample in _TARGETS.items():
                if given[key] is not None:
                    held_targets = tuple(_read_only(getattr(sample, in_sample)) for sample in samples)
                    object.__setattr__(self, key, held_targets)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        """Return image ``index`` with its label and targets."""
        if not isinstance(index, (int, np.integer)):
            raise TypeError(f"a Dataset is indexed by one integer; got {index!r}: use subset(...) for several")
        if not -len(self) <= index < len(self):
            raise IndexError(f"index must be in [0, {len(self) - 1}]; got {index}")
        return Sample(
            image=self.images[index],
            mask=None if self.masks is None else self.masks[index],
            boxes=None if self.boxes is None else self.boxes[index],
            box_labels=None if self.box_labels is None else self.box_labels[index],
            keypoints=None if self.keypoints is None else self.keypoints[index],
            label=int(self.labels[index]),
        )

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        shown = [f"{name} {count}" for name, count in list(self.counts.items())[:10]]
        more = ", ..." if len(self.classes) > len(shown) else ""
        groups = "" if self.groups is None else f"; {_count(len(set(self.groups.tolist())), 'group')}"
        return printable(
            f"Dataset({self.name!r}: {_count(len(self), 'image')} {_sizes(self.images)}; "
            f"{_count(len(self.classes), 'class', 'classes')}: {', '.join(shown)}{more}{groups})"
        )

    def __reduce__(self) -> tuple[Callable[[], Dataset], tuple[()]]:
        """Rebuild through the constructor: NumPy forgets in a pickle that an array is read-only."""
        return functools.partial(type(self), **self._fields()), ()

    def _checked(self, index: int) -> Sample:
        try:
            return self[index]
        except (TypeError, ValueError) as error:
            raise type(error)(f"image {index}: {error}") from None

    def _fields(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def counts(self) -> dict[str, int]:
        """Number of images of each class, in the order of ``classes``."""
        numbers = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, numbers.tolist(), strict=True))

    def subset(self, indices: Sequence[int] | Array) -> Dataset:
        """Return the images at some places, in that order, with all classes kept.

        Parameters
        ----------
        indices : sequence of int, or of N bool
            Places in this data set, or a yes or no for each image.

        Returns
        -------
        Dataset
            With the same classes, so that the labels mean the same.

        Raises
        ------
        IndexError
            An index outside the data set, or another number of bools than of images.
        ValueError
            No index at all.
        """
        places = _places(indices, len(self))
        values = self._fields() | {"unreadable": ()}
        values["images"] = self.images[places] if isinstance(self.images, np.ndarray) else _take(self.images, places)
        values["labels"] = self.labels[places]
        values["groups"] = None if self.groups is None else self.groups[places]
        for key in _TARGETS:
            values[key] = None if values[key] is None else _take(values[key], places)
        return Dataset(**values)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of what the data is: shapes, dtypes, pixels, labels, classes, groups and targets.

        The name does not count, nor does whether equal-sized images were given as one array or as a list. It is the
        same on every machine and is computed once.
        """
        digest = hashlib.sha256()
        _update_json(digest, {"format": 1, "count": len(self), "classes": self.classes})
        for image in self.images:
            _update_array(digest, image)
        _update_array(digest, self.labels)
        if self.groups is not None:
            _update_json(digest, {"groups": self.groups.tolist()})
        for key in _TARGETS:
            for index, value in enumerate(getattr(self, key) or ()):
                if value is not None:
                    _update_json(digest, [key, index])
                    if isinstance(value, np.ndarray) and value.dtype.kind in "buif":
                        _update_array(digest, value)
                    else:
                        _update_json(digest, [str(label) for label in value])
        return digest.hexdigest()


def _images(images: Any) -> Array | tuple[Array, ...]:
    """Check every image and keep read-only views."""
    held: Array | tuple[Array, ...]
    checked: Array | tuple[Array, ...]
    if isinstance(images, np.ndarray) and images.dtype != object:
        if images.ndim not in (3, 4):
            raise ValueError(
                "images must be an array (N, H, W) or (N, H, W, C), or a list of images; "
                f"got an array of shape {images.shape}"
            )
        held = _read_only(images)
        # The images of one uint8 array stand or fall together; only floats have a range to look at one by one.
        checked = images[:1] if images.dtype == np.uint8 else images
    else:
        try:
            each = iter(images)
        except TypeError:
            raise TypeError(
                f"images must be an array (N, H, W) or (N, H, W, C), or a list of images; got {images!r:.80}"
            ) from None
        checked = held = tuple(_read_only(image) for image in each)
    for index, image in enumerate(checked):
        check_image(image, name=f"image {index}")
    if len(held) == 0:
        raise ValueError("a Dataset needs at least one image; got none")
    return held


def _read_only(array: Any) -> Any:
    """Return a view that cannot be written through; what is no array is left to the checks that follow."""
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def _one_each(name: str, values: Any, count: int) -> list[Any]:
    """Return the values as a list of Python objects, one for each image."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence with one entry for each of the {count} images; got {shown(values)}")
    dimensions = getattr(values, "ndim", 1)
    if dimensions != 1:
        hint = " (for one-hot labels pass labels.argmax(axis=1))" if name == "labels" and dimensions == 2 else ""
        raise ValueError(f"{name} must have shape ({count},); got shape {getattr(values, 'shape', None)}{hint}")
    listed = [value.item() if isinstance(value, np.generic) else value for value in values]
    if len(listed) != count:
        raise ValueError(f"{name} must have one entry for each of the {count} images; got {len(listed)}")
    for index, value in enumerate(listed):
        try:
            hash(value)
            text = value if isinstance(value, str) else str(value)
        except Exception:  # noqa: BLE001  (an int of thousands of digits, or whatever a user's class raises)
            raise TypeError(f"{name}[{index}] must be a number or a string; got {shown(value)}") from None
        if value is None or (not isinstance(value, str) and text in {"nan", "NaT", "<NA>"}):
            raise ValueError(f"{name}[{index}] is missing ({shown(value)}); every image needs one")
    return listed


def _encode(labels: list[Any], classes: Sequence[Any] | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Turn labels into indices into the names of the classes."""
    if classes is None:
        written: dict[Hashable, str] = {}  # labels that are equal, such as 1 and 1.0, are one class
        for label in labels:
            written.setdefault(label, str(label))
        try:
            ordered = sorted(written)  # type: ignore[type-var]
        except TypeError:
            ordered = sorted(written, key=str)
        names = tuple(dict.fromkeys(written[value] for value in ordered))
        places = {name: place for place, name in enumerate(names)}
        return np.array([places[written[label]] for label in labels], dtype=np.int64), names
    if isinstance(classes, (str, bytes)) or not isinstance(classes, Iterable):
        raise TypeError(f"classes must be a sequence of names; got {shown(classes)}")
    names = tuple(str(value) for value in classes)
    if len(set(names)) != len(names) or not names:
        raise ValueError(f"classes must be different names, at least one; got {shown(names)}")
    if all(isinstance(label, int) for label in labels):
        for index, label in enumerate(labels):
            if not 0 <= label < len(names):
                raise ValueError(
                    f"labels[{index}] must be an index into the {_count(len(names), 'class', 'classes')}, "
                    f"in [0, {len(names) - 1}]; got {shown(label)}"
                )
        return np.array(labels, dtype=np.int64), names
    codes = {name: code for code, name in enumerate(names)}
    for index, label in enumerate(labels):
        if str(label) not in codes:
            raise ValueError(f"labels[{index}] must be one of the classes {_few(names)}; got {shown(label)}")
    return np.array([codes[str(label)] for label in labels], dtype=np.int64), names


def _groups(groups: list[Any]) -> NDArray[np.str_]:
    held: NDArray[np.str_] = _read_only(np.array([str(group) for group in groups], dtype=np.str_))
    return held


def _as_tuple(name: str, values: Any, count: int) -> tuple[Any, ...] | None:
    """Return one target for each image, if there are any."""
    if values is None:
        return None
    if not hasattr(values, "__len__"):
        raise TypeError(f"{name} must be a sequence with one entry for each of the {count} images; got {shown(values)}")
    if len(values) != count:
        raise ValueError(f"{name} must have one entry for each of the {count} images; got {len(values)}")
    return tuple(values)


def _places(indices: Sequence[int] | Array, count: int) -> NDArray[np.intp]:
    """Return non-negative integer places."""
    asked = np.asarray(indices)
    if asked.size == 0:
        raise ValueError("a subset needs at least one index; got none")
    if asked.dtype == bool:
        if asked.shape != (count,):
            raise IndexError(f"a subset by bools needs one for each of the {count} images; got shape {asked.shape}")
        if not asked.any():
            raise ValueError("a subset needs at least one image; got only False")
        return np.flatnonzero(asked)
    if asked.ndim != 1 or not np.issubdtype(asked.dtype, np.integer):
        raise TypeError(f"indices must be a sequence of integers or bools; got {asked.dtype} of shape {asked.shape}")
    outside = asked[(asked < -count) | (asked >= count)]
    if outside.size:
        raise IndexError(f"indices must be in [0, {count - 1}]; got {outside[0]}")
    return np.where(asked < 0, asked + count, asked).astype(np.intp)


def _take(values: Sequence[Any], places: NDArray[np.intp]) -> tuple[Any, ...]:
    return tuple(values[place] for place in places)


def _update_json(digest: Any, value: Any) -> None:
    digest.update(json.dumps(value, separators=(",", ":")).encode("utf-8"))


def _update_array(digest: Any, array: Array) -> None:
    """Hash shape, dtype and values; little-endian, so that every machine agrees."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    _update_json(digest, [little.dtype.name, array.shape])
    digest.update(little.reshape(-1).view(np.uint8))


def _sizes(images: Array | tuple[Array, ...]) -> str:
    shapes = {image.shape for image in images} if isinstance(images, tuple) else {images.shape[1:]}
    dtypes = {image.dtype.name for image in images} if isinstance(images, tuple) else {images.dtype.name}
    sides = sorted({shape[:2] for shape in shapes}, key=lambda side: (math.prod(side), side))
    ends = [next(iter(shapes))] if len(shapes) == 1 else sides[:: max(len(sides) - 1, 1)]
    size = " to ".join("x".join(map(str, one)) for one in ends)
    return f"{size}, {'/'.join(sorted(dtypes))}"


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names[:5])) + (", ..." if len(names) > 5 else "")

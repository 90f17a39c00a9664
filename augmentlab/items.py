"""Items of a training run: what is read from one, and what a pipeline makes of it, wherever it is loaded.

The adapters for training (`augmentlab.torch`, `augmentlab.keras`, `augmentlab.huggingface`) share this and nothing else.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augmentlab import engines
from augmentlab.pixels import Array, from_unit, to_unit
from augmentlab.sample import KEYWORDS, OPTIONS, Sample, as_image, from_keywords, to_keywords
from augmentlab.transform import Transform

Path = tuple[Any, ...]
Write = Callable[[str, Any, Any], Any]  # of a keyword, its new value and what came

_SETTINGS = tuple(name for name in OPTIONS if name != "masks")
_PLACES = (*KEYWORDS, "masks")


@dataclass(frozen=True)
class Stream:
    """A pipeline with the streams of its items: what it draws depends on seed, epoch and index alone.

    The engine is that in use where the stream was made: a worker, or a thread of another framework, knows no other.
    """

    pipeline: Transform
    seed: int = 0
    engine: str = field(default_factory=engines.current_name)

    def __post_init__(self) -> None:
        if not isinstance(self.pipeline, Transform):
            raise TypeError(f"pipeline must be a Transform; got {type(self.pipeline).__name__}")
        count("seed", self.seed)

    def one(self, sample: Sample, epoch: int, index: int | None) -> Sample:
        """The sample with what stream (seed, epoch, index) draws; with fresh entropy where there is no index."""
        rng = None if index is None else (self.seed, epoch, index)
        with engines.engine(self.engine), _noted(index):
            return self.pipeline(sample, rng=rng)

    def many(self, samples: Sequence[Sample], epoch: int, indices: Sequence[int] | None) -> list[Sample]:
        """The samples of a batch; where the pipeline mixes them, with what stream (seed, epoch, *indices, 1) draws."""
        if not self.pipeline.mixes:
            named = [None] * len(samples) if indices is None else indices
            return [self.one(sample, epoch, index) for sample, index in zip(samples, named, strict=True)]
        # The 1 keeps a batch apart from the items, and from itself with item 0 added: zeros at the end name no stream.
        rng = None if indices is None else (self.seed, epoch, *indices, 1)
        with engines.engine(self.engine):
            return self.pipeline(list(samples), rng=rng)


@dataclass(frozen=True)
class Layout:
    """Where the items of a data set hold the image and what must follow it."""

    places: Mapping[str, Path | list[Path]]
    options: Mapping[str, Any]

    @classmethod
    def named(cls, owner: str, given: Mapping[str, Any]) -> "Layout":
        """From the keywords that are left over in a call of `owner`.

        Raises
        ------
        TypeError, ValueError
            For one that is neither a place nor an option, and for several places, or one from the end, where one is taken.
        """
        for name, place in given.items():
            if name not in _PLACES and name not in _SETTINGS:
                raise TypeError(f"{owner} takes the keywords {', '.join((*_PLACES, *_SETTINGS))}; got {name!r}")
            if name not in _PLACES:
                continue
            if isinstance(place, list) and name not in {"label", "bbox_labels"}:
                raise TypeError(f"{name} must be one place (several go in label and bbox_labels alone); got {place!r}")
            if any(
                isinstance(key, int) and key < 0 for key in (place if isinstance(place, (list, tuple)) else [place])
            ):
                raise ValueError(f"{name} must be a key, or a place counted from 0; got {place!r}")
        places = {name: _paths(place) for name, place in given.items() if name in _PLACES}
        return cls(places, {name: value for name, value in given.items() if name in _SETTINGS})

    def read(self, item: Any, index: int | None, *, label: bool) -> tuple[Sample, dict[str, Path], dict[str, Any]]:
        """The sample of an item, where its parts come from, and what was read there; `label` says whether labels are.

        Raises
        ------
        TypeError, ValueError
            When there is no image, or something else that seems to belong to its pixels is not named.
        """
        if isinstance(item, Sample):
            found = {name: getattr(item, one) for name, one in KEYWORDS.items() if getattr(item, one) is not None}
            return item, {name: (name,) for name in found}, found
        item_name = "item" if index is None else f"item {index}"
        paths = self._paths(item, item_name)
        targets = {}
        for name, path in paths.items():
            if name == "label" and not label:
                continue
            try:
                value = _at(item, path)
            except (KeyError, IndexError, TypeError):
                raise ValueError(f"{name} must be at {_shown(path)} of {item_name}; got {_described(item)}") from None
            if value is not None:
                targets[name] = _read(name, value, f"{name} of {item_name}")
        if label:
            self._check_mixed(item, paths, item_name)
        if isinstance(columns := self.places.get("bbox_labels"), list):
            if label:
                raise TypeError(f"bbox_labels must be one place for a pipeline that mixes samples; got {columns!r}")
            if "bboxes" not in paths:
                raise ValueError(f"bboxes must be named where bbox_labels are; got {columns!r} alone")
            if "bboxes" in targets:
                targets["bbox_labels"] = _rows(item, columns, len(targets["bboxes"]), item_name)
        if "image" not in targets:
            raise TypeError(f"image of {item_name} must be an image; got None")
        self._check_rest(item, paths, targets["image"].shape[:2], item_name)
        given = dict(targets) | dict(self.options)
        with _noted(index):
            sample = from_keywords(given)
        return sample, {name: path for name, path in paths.items() if name in targets}, given

    def _paths(self, item: Any, item_name: str) -> dict[str, Path]:
        paths: dict[str, Path]
        if isinstance(item, Mapping):
            paths = {name: (name,) for name in _PLACES if name in item}
        elif isinstance(item, (tuple, list)):
            taken = {path[0] for path in self._all_named()}
            defaults = {"image": 0} if len(item) < 2 or 1 in taken else {"image": 0, "label": 1}
            paths = {name: (place,) for name, place in defaults.items()}
        else:
            paths = {"image": ()}
        paths |= {name: path for name, path in self.places.items() if not isinstance(path, list)}
        if isinstance(self.places.get("bbox_labels"), list):
            paths.pop("bbox_labels", None)
        if "image" not in paths:
            raise ValueError(
                f"image must be named, such as image='img', where {item_name} has none; got {_described(item)}"
            )
        return paths

    def _all_named(self) -> list[Path]:
        return [path for one in self.places.values() for path in (one if isinstance(one, list) else [one]) if path]

    def _check_mixed(self, item: Any, paths: Mapping[str, Path], item_name: str) -> None:
        """Refuse what may be a label and would stay that of one image."""
        parts: Any = item if isinstance(item, Mapping) else range(len(item)) if isinstance(item, (tuple, list)) else ()
        rest = set(parts) - {path[0] for path in paths.values() if path}
        if rest and set(paths) == {"image"} and "label" not in self.places:
            raise TypeError(
                f"label must be named for a pipeline that mixes samples, such as label={min(rest, key=str)!r}, or label=[] "
                f"where there is none; got {item_name}, {_described(item)}"
            )

    def _check_rest(self, item: Any, paths: Mapping[str, Path], size: tuple[int, ...], item_name: str) -> None:
        """Refuse what was not named and may have to move with the pixels."""
        named = {path[0] for path in self._all_named()}
        named |= {path[0] for name, path in paths.items() if path and name != "label"}
        parts: Any = item.items() if isinstance(item, Mapping) else enumerate(item) if () not in paths.values() else ()
        for place, value in parts:
            what = "" if place in named else _may_move(value, size)
            if what:
                raise TypeError(
                    f"what must follow the image is to be named: {item_name} holds {what} at {place!r}; pass for example "
                    f"mask={place!r}, bboxes=({place!r}, 'boxes'), or label={place!r} where it stays as it is"
                )

    def written(
        self, item: Any, paths: Mapping[str, Path], given: Mapping[str, Any], sample: Sample, write: Write
    ) -> Any:
        """The item with what has become of its parts; a Sample as a dict of them."""
        if isinstance(item, Sample):
            return {name: write(name, getattr(sample, KEYWORDS[name]), given[name]) for name in paths}
        moved = to_keywords(sample, given)
        for name, path in paths.items():
            came, value = _at(item, path), moved[name]
            if name == "masks" and hasattr(came, "dtype"):  # one array (N, H, W)
                value = np.stack(value) if value else np.zeros((0, *sample.image.shape[:2]), as_array(came).dtype)
            item = _put(item, path, write(name, value, came))
        if "bbox_labels" in given and "bbox_labels" not in paths:
            for path in self.places["bbox_labels"]:
                came = _at(item, path)
                item = _put(item, path, write("bbox_labels", _taken(came, list(sample.box_labels or ())), came))
        return item


@contextlib.contextmanager
def _noted(index: int | None) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if index is not None:
            error.add_note(f"in item {index}")
        raise


def count(name: str, number: Any) -> int:
    """`number` as an int; a TypeError unless it is one, and at least 0."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
        raise TypeError(f"{name} must be an int >= 0; got {number!r}")
    return int(number)


def check_dtype(dtype: Any, pipeline: Transform) -> str:
    """The name of the dtype in which images are handed out: "float32" or "uint8".

    Raises
    ------
    ValueError
        For another one, or for uint8 where the pipeline's output is not in [0, 1].
    """
    name = str(dtype).removeprefix("torch.")
    if name not in {"float32", "uint8"}:
        raise ValueError(f"dtype must be 'float32' or 'uint8'; got {dtype!r}")
    beyond = next((step for step in pipeline.walk() if not step.bounded), None)
    if name == "uint8" and beyond is not None:
        raise ValueError(
            f"dtype must be 'float32' for a pipeline that leaves [0, 1], as {beyond!r:.80} does; got 'uint8'"
        )
    return name


def as_dtype(image: Array, dtype: str) -> Array:
    """An image as float32, uint8 then meaning [0, 1], or as uint8, rounded."""
    if dtype == "uint8":
        return image if image.dtype == np.uint8 else from_unit(image, np.uint8)
    return to_unit(image).astype(np.float32, copy=False)


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor of PyTorch, which need not be loaded to know that it is none."""
    return hasattr(value, "detach") and hasattr(value, "numpy")


def as_array(value: Any) -> Any:
    """A tensor as an array, all else as it is."""
    return value.detach().cpu().numpy() if is_tensor(value) else value


def _read(name: str, value: Any, where: str) -> Any:
    """What a call with keywords takes; tensors have their channels first, as everything of PyTorch has."""
    array = as_array(value)
    if name == "image":
        if is_tensor(value) and array.ndim == 3 and array.shape[0] not in {1, 3, 4}:
            raise ValueError(f"{where} must be (H, W) or (C, H, W) as a tensor, with C in 1, 3, 4; got {array.shape}")
        return as_image(array, channels_first=is_tensor(value) and array.ndim == 3, name=where)
    if name == "masks":
        return (
            {key: np.asarray(as_array(one)) for key, one in value.items()}
            if isinstance(value, Mapping)
            else [np.asarray(as_array(one)) for one in value]
        )
    if name in {"mask", "heatmap"}:
        array = np.asarray(array)
        return np.moveaxis(array, 0, -1) if is_tensor(value) and array.ndim == 3 else array
    if name == "label" and isinstance(array, np.ndarray) and array.ndim == 0:
        return array.item()
    return array


def _rows(item: Any, places: list[Path], boxes: int, item_name: str) -> list[int]:
    """The numbers of the boxes in place of their labels: they tell which are left in each of several places."""
    for path in places:
        try:
            length = len(_at(item, path))
        except (KeyError, IndexError, TypeError):
            length = 0
        if length != boxes:
            raise ValueError(
                f"bbox_labels must be one for each of {boxes} boxes at {_shown(path)} of {item_name}; got {length}"
            )
    return list(range(boxes))


def _taken(values: Any, rows: Sequence[int]) -> Any:
    return as_array(values)[rows] if hasattr(values, "dtype") else [values[row] for row in rows]


def _may_move(value: Any, size: tuple[int, ...]) -> str:
    """What `value` seems to be, if it belongs to the pixels of an image of `size` (H, W)."""
    if hasattr(value, "getexif"):
        return "a Pillow image"
    if isinstance(value, Mapping) or (
        isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value)
    ):
        return "annotations"
    shape = tuple(getattr(value, "shape", ()))
    return f"an array of shape {shape}" if len(shape) > 1 and size in {shape[:2], shape[-2:]} else ""


def _paths(place: Any) -> Path | list[Path]:
    if isinstance(place, list):
        return [one if isinstance(one, tuple) else (one,) for one in place]
    return place if isinstance(place, tuple) else (place,)


def _at(item: Any, path: Path) -> Any:
    for key in path:
        item = item[key]
    return item


def _put(item: Any, path: Path, value: Any) -> Any:
    """A copy of `item` with another value at a path."""
    if not path:
        return value
    changed = _put(item[path[0]], path[1:], value)
    if isinstance(item, Mapping):
        return {**item, path[0]: changed}
    parts = list(item)
    parts[path[0]] = changed
    return type(item)(*parts) if hasattr(item, "_fields") else type(item)(parts)


def _shown(path: Path) -> str:
    return " of ".join(map(repr, path[::-1])) or "the whole"


def _described(item: Any) -> str:
    if isinstance(item, Mapping):
        return f"a dict with {', '.join(map(repr, item)) or 'nothing'}"
    return f"{type(item).__name__} of {len(item)}" if isinstance(item, (tuple, list)) else type(item).__name__

"""A few small pictures kept with a study, so that a report or a view shows images where the data are not at hand."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from augmentlab.markup import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from augmentlab.study.record import Record
    from augmentlab.study.storage import Storage, Trial
    from augmentlab.study.study import Study

_IMAGES = 8  # from the pool, for grids of augmentations
_HARDEST = 12  # of the validation part, for each arm
_SIDE = 128  # pixels: larger images become thumbnails


def save_images(store: Storage, study: Study) -> None:
    """Keep some images of the pool, one of each class in turn; those of the first run stay."""
    key = study._key
    if store.artifacts(key, "sample"):
        return
    pool = study.pool
    order = np.argsort(_rank_within(pool.labels), kind="stable")[:_IMAGES]
    for number, place in enumerate(order):
        store.save_artifact(
            key, "sample", f"{number}: {printable(pool.classes[pool.labels[place]])}", _png(pool.images[place])
        )


def save_hardest(store: Storage, study: Study) -> None:
    """Keep the images of the validation part that each arm gets wrong most often."""
    there = store.artifacts(study._key, "validation")
    arms: dict[int, list[Trial]] = {}
    for (arm, _), trial in study._stored("validation").items():
        arms.setdefault(arm, []).append(trial)
    wanted = {place for trials in arms.values() for place, _ in _missed(trials) if str(place) not in there}
    if wanted:
        validation = study.validation
        for place in sorted(wanted):
            store.save_artifact(study._key, "validation", str(place), _png(validation.images[place]))


def hardest(study: Record, label: str) -> list[tuple[int, float]]:
    """Places in the validation part that an arm gets wrong most often, with the share of its draws; none that is never wrong."""
    arm, keys = study._place(label), study._keys("validation")
    return _missed(study._read([keys[arm, draw] for draw in range(study.draws)]).values())


def _missed(trials: Iterable[Trial]) -> list[tuple[int, float]]:
    hits = [trial.hits for trial in trials if trial.hits is not None]
    if not hits:
        return []
    misses = 1 - np.mean(hits, axis=0)
    order = np.argsort(-misses, kind="stable")[:_HARDEST]
    return [(int(place), float(misses[place])) for place in order if misses[place] > 0]


def images(study: Record, kind: str) -> dict[str, NDArray[Any]]:
    """Pictures that are kept: ``"sample"`` (named by number and class) or ``"validation"`` (named by place)."""
    if study._is_blank():
        return {}
    with study._open(write=False) as store:
        return {name: _array(content) for name, content in store.artifacts(study._key, kind).items()}


def _rank_within(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the same class come before each image."""
    ranks = np.zeros(len(labels), dtype=np.int64)
    for one in np.unique(labels):
        places = np.flatnonzero(labels == one)
        ranks[places] = np.arange(len(places))
    return ranks


def _png(image: NDArray[Any]) -> bytes:
    """A picture as PNG, no larger than a thumbnail; what goes beyond [0, 1] is cut."""
    levels = image if image.dtype == np.uint8 else np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(levels[..., 0] if levels.shape[2:] == (1,) else levels)
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    stream = io.BytesIO()
    picture.save(stream, format="png")
    return stream.getvalue()


def _array(content: bytes) -> NDArray[Any]:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:  # looks at its header alone
            if max(picture.size) <= _SIDE:
                return np.asarray(picture)
    except (OSError, SyntaxError, TypeError, ValueError):
        pass
    raise ValueError(f"a picture that a study keeps must be a PNG of at most {_SIDE} pixels a side; one is not")

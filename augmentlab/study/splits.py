"""Who is trained on, who decides, and who is kept for the end: one split for a whole study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Indices = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Places of the images of the three parts, each sorted, none in two of them.

    Parameters
    ----------
    pool : ndarray of int
        Training draws come from here.
    validation : ndarray of int
        Scores every trial.
    test : ndarray of int
        The locked test: scores nothing but a confirmation.
    """

    pool: Indices
    validation: Indices
    test: Indices


def split(
    labels: NDArray[np.integer],
    *,
    classes: Sequence[str],
    groups: NDArray[np.generic] | None = None,
    validation: float = 0.25,
    test: float = 0.25,
    seed: int = 0,
) -> Split:
    """Split into pool, validation and locked test, stratified by class, groups kept together.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
        Indices into `classes`.
    classes : sequence of str
        Names of the classes, for messages.
    groups : ndarray of shape (N,), optional
        Images of one group go to one part. The shares are then met as nearly as the groups allow.
    validation, test : float
        Shares of the images, between 0 and 1, together below 1.
    seed : int
        Of the split.

    Raises
    ------
    ValueError
        If a share is outside its range, or a class cannot be in all three parts; the sentence names it.
    TypeError
        If a share is no number.

    Examples
    --------
    >>> split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), classes=("cat", "dog")).pool.size
    4
    """
    for name, share in (("validation", validation), ("test", test)):
        if not isinstance(share, (int, float, np.integer, np.floating)):
            raise TypeError(f"{name} must be a share between 0 and 1; got {share!r}")
        if not 0 < share < 1:
            raise ValueError(f"{name} must be a share between 0 and 1; got {share!r}")
    if validation + test >= 1:
        raise ValueError(f"validation and test must leave images for training; got {validation!r} and {test!r}")
    _check_counts(labels, classes, groups)
    if groups is None:
        parts = _by_class(labels, validation, test, seed)
    else:
        parts = _by_group(labels, groups, validation, test, seed)
    for name, part in zip(("pool", "validation", "locked test"), parts, strict=True):
        missing = set(range(len(classes))) - set(labels[part].tolist())
        if missing:
            raise ValueError(
                f"class {classes[min(missing)]!r} has no image in the {name}, because its groups are few or large; "
                "use finer groups, other shares or another seed"
            )
        if groups is not None and name != "pool" and len(np.unique(groups[part])) < 2:
            raise ValueError(
                f"groups must be more or smaller: the {name} part has 1, and needs 2 for a measure of uncertainty"
            )
    return Split(pool=parts[0], validation=parts[1], test=parts[2])


def training_draw(labels: NDArray[np.integer], pool: Indices, *, size: int, rng: int | tuple[int, ...]) -> Indices:
    """Draw a stratified subset of the pool, every class at least once.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
        Of all images.
    pool : ndarray of int
        Places to draw from.
    size : int
        Number of images to draw, from the number of classes to the size of the pool.
    rng : int or tuple of int
        Seed of the draw.

    Returns
    -------
    ndarray of int, shape (size,)
        Sorted places.
    """
    generator = np.random.default_rng(rng)
    classes, counts = np.unique(labels[pool], return_counts=True)
    if not len(classes) <= size <= len(pool):
        raise ValueError(
            f"train_size must be in [{len(classes)}, {len(pool)}], from one image a class to the whole pool; got {size}"
        )
    chosen = [
        generator.permutation(pool[labels[pool] == one])[:quota]
        for one, quota in zip(classes, _quotas(counts, size), strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _quotas(counts: NDArray[np.integer], size: int) -> NDArray[np.integer]:
    """Share `size` out in proportion to `counts`, each at least 1, by largest remainders."""
    exact = counts * (size / counts.sum())
    quotas = np.maximum(np.floor(exact).astype(np.intp), 1)
    while quotas.sum() < size:
        quotas[np.argmax(np.where(quotas < counts, exact - quotas, -np.inf))] += 1
    while quotas.sum() > size:
        quotas[np.argmin(np.where(quotas > 1, exact - quotas, np.inf))] -= 1
    return quotas


def _check_counts(labels: NDArray[np.integer], classes: Sequence[str], groups: NDArray[np.generic] | None) -> None:
    if len(classes) < 2:
        raise ValueError(f"a study needs at least 2 classes to tell apart; got {len(classes)}")
    for index, name in enumerate(classes):
        count = int((labels == index).sum())
        if count < 3:
            images = f"{count} image{'' if count == 1 else 's'}"
            raise ValueError(
                f"class {name!r} has {images}; a study needs at least 3 of each class, "
                "one for each of pool, validation and locked test"
            )
        count = 3 if groups is None else len(np.unique(groups[labels == index]))
        if count < 3:
            raise ValueError(
                f"class {name!r} is in {count} group{'' if count == 1 else 's'}; a study needs each class in at least "
                "3, one for each of pool, validation and locked test"
            )


def _by_class(
    labels: NDArray[np.integer], validation: float, test: float, seed: int
) -> tuple[Indices, Indices, Indices]:
    """Cut a shuffle of each class by itself, so that a class of three is in all three parts."""
    generator = np.random.default_rng(seed)
    parts: tuple[list[Indices], list[Indices], list[Indices]] = ([], [], [])
    for one in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == one))
        first = min(max(1, round(validation * len(places))), len(places) - 2)
        second = first + min(max(1, round(test * len(places))), len(places) - first - 1)
        for part, piece in zip(parts, (places[second:], places[:first], places[first:second]), strict=True):
            part.append(piece)
    pool, validated, tested = (np.sort(np.concatenate(part)) for part in parts)
    return pool, validated, tested


def _by_group(
    labels: NDArray[np.integer], groups: NDArray[np.generic], validation: float, test: float, seed: int
) -> tuple[Indices, Indices, Indices]:
    everything = np.arange(len(labels))
    rest, tested = _fold(everything, labels, groups, test, seed)
    pool, validated = _fold(rest, labels, groups, validation / (1 - test), seed + 1)
    return pool, validated, tested


def _fold(
    places: Indices, labels: NDArray[np.integer], groups: NDArray[np.generic], share: float, seed: int
) -> tuple[Indices, Indices]:
    """Separate one stratified fold of whole groups from the rest."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = max(2, round(1 / share))
    scarcest = min(len(np.unique(groups[places][labels[places] == one])) for one in np.unique(labels[places]))
    # With more folds than groups of a class, some fold would have to go without that class.
    cut = StratifiedGroupKFold(n_splits=max(2, min(folds, scarcest)), shuffle=True, random_state=seed % 2**32)
    rest, fold = next(iter(cut.split(places, labels[places], groups[places])))
    return np.sort(places[rest]), np.sort(places[fold])

"""Mixing: several samples become as many new ones, their labels vectors of class probabilities.

The transforms here are called with a list of Samples, ``MixUp(alpha=0.4, num_classes=10)(samples, rng=0)``, as is a
Compose that holds one. Only whole samples go in: all have masks (boxes, keypoints, labels ...) or none has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab import geometry
from augmentlab.bases import BatchTransform
from augmentlab.params import SEED_MAX, Typical, Unit, integers
from augmentlab.pixels import Array, rounded
from augmentlab.sample import Sample
from augmentlab.transforms.size import Resize

__all__ = ["CutMix", "MixUp", "Mosaic"]

Classes = Annotated[
    int,
    Interval(ge=0, le=2**20),
    Typical(0, 1000, draw=False),
    "How many classes there are, which integer labels need to become vectors; 0 where labels are vectors or absent.",
]
Seed = Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all mixtures; drawn anew unless given."]


@dataclass(frozen=True, kw_only=True, repr=False)
class _Mixing(BatchTransform):
    """Labels are vectors after a call, also where the step is not applied this time."""

    def _settled(self, samples: list[Sample]) -> list[Sample]:
        return _with_vectors(self, samples)


@dataclass(frozen=True, kw_only=True, repr=False)
class _Pairing(_Mixing):
    """Each sample gets a share of one other."""

    alpha: Annotated[
        float,
        Interval(ge=0, le=32),
        Typical(0.1, 1),
        "Of Beta(alpha, alpha), which the weights follow: near 0 hardly anything is mixed, at 1 all weights are alike.",
    ] = 0.0
    num_classes: Classes = 0
    seed: Seed = integers(0, SEED_MAX)

    def partners(self, count: int) -> NDArray[np.intp]:
        """Which other sample each of `count` samples is mixed with, once the transform is drawn; each is used once."""
        order = np.random.default_rng((self.seed, 0)).permutation(count)
        partners = np.empty(count, dtype=np.intp)
        partners[order] = np.roll(order, 1)
        return partners

    def shares(self, count: int) -> NDArray[np.float64]:
        """The partner's share, in [0, 0.5], for each of `count` samples, once the transform is drawn."""
        if self.alpha == 0 or count < 2:  # nobody is mixed with itself
            return np.zeros(count)
        weights = np.random.default_rng((self.seed, 1)).beta(self.alpha, self.alpha, count)
        return np.minimum(weights, 1 - weights)


@dataclass(frozen=True, kw_only=True, repr=False)
class MixUp(_Pairing):
    """Blend each image and label with another's: (1 - share) * own + share * other (Zhang et al. 2018, "mixup").

    The share is min(w, 1 - w) for w from Beta(alpha, alpha), so that a sample's own part is the larger one: these are
    the paper's pairs. Heatmaps are blended. Boxes and keypoints of both are kept, the own ones first; the other's boxes
    are dropped where their share is below `Sample.min_visibility`. Masks of class numbers cannot be blended and are
    refused.

    Examples
    --------
    >>> import numpy as np
    >>> from augmentlab import Sample
    >>> black, white = (Sample(np.full((2, 2), level, np.uint8), label=level // 255) for level in (0, 255))
    >>> mixed = MixUp(alpha=1, num_classes=2, seed=1)([black, white])
    >>> mixed[0].image[0, 0], mixed[0].label.round(3).tolist()
    (np.uint8(90), [0.648, 0.352])
    """

    def apply_batch(self, samples: Sequence[Sample]) -> list[Sample]:
        samples = _alike(self, samples, same_size=True)
        if any(sample.mask is not None for sample in samples):
            raise TypeError(
                "MixUp cannot blend masks of class numbers: give a heatmap with one plane for each class, "
                "or use CutMix or Mosaic"
            )
        pairs = zip(samples, self.partners(len(samples)), self.shares(len(samples)), strict=True)
        return [_blended(own, samples[partner], float(share)) for own, partner, share in pairs]


@dataclass(frozen=True, kw_only=True, repr=False)
class CutMix(_Pairing):
    """Paste a rectangle of another image over each, and weigh the labels by area (Yun et al. 2019).

    The rectangle covers min(w, 1 - w) of the image, for w from Beta(alpha, alpha), has the image's proportions and lies
    wholly inside, at the same place in both. Masks and heatmaps are pasted too. The other's boxes are clipped at the
    rectangle, the own ones stay as they are; both are dropped when less than `Sample.min_visibility` of their area, or
    nothing, is seen. Keypoints under the rectangle are dropped, and the other's inside it stand last.
    """

    def apply_batch(self, samples: Sequence[Sample]) -> list[Sample]:
        samples = _alike(self, samples, same_size=True)
        if not samples:
            return []
        patches = self.patches(len(samples), samples[0].image.shape)
        pairs = zip(samples, self.partners(len(samples)), patches.tolist(), strict=True)
        return [_pasted(own, samples[partner], *patch) for own, partner, patch in pairs]

    def patches(self, count: int, shape: tuple[int, ...]) -> NDArray[np.intp]:
        """Top, left, height and width in pixels of the rectangles on images of `shape` (H, W, ...): (count, 4)."""
        sides = np.rint(np.sqrt(self.shares(count))[:, None] * shape[:2]).astype(np.intp)
        # Places are fractions of the room there is, so they are the same on a thumbnail.
        corners = np.random.default_rng((self.seed, 2)).random((count, 2)) * (np.array(shape[:2]) - sides)
        return np.concatenate([np.rint(corners).astype(np.intp), sides], axis=1)


@dataclass(frozen=True, kw_only=True, repr=False)
class Mosaic(_Mixing):
    """Show four samples in the quarters of one image, and weigh the labels by area (Bochkovskiy et al. 2020, "YOLOv4").

    Each image becomes one of the four in a new image of its own size; the other three are drawn. The lines between them
    cross near the middle. Each quarter is filled by cutting its sample at a random place to the proportions of the
    quarter and resizing it. Masks and heatmaps follow; boxes are clipped and dropped when less than
    `Sample.min_visibility` of their area, or nothing, is left; keypoints that are not seen are dropped. Boxes and
    keypoints come quarter by quarter: top left, top right, bottom left, bottom right. Images may differ in size.
    """

    spread: Annotated[
        float,
        Interval(ge=0, le=0.5),
        Typical(0, 0.3, draw=False),
        Unit("fraction"),
        "How far the crossing may lie from the middle, of each side.",
    ] = 0.2
    num_classes: Classes = 0
    seed: Seed = integers(0, SEED_MAX)

    def partners(self, count: int) -> NDArray[np.intp]:
        """Which of `count` samples are seen in the four quarters of each new image, once drawn: (count, 4)."""
        return np.array([self._order(index, count) for index in range(count)], dtype=np.intp).reshape(count, 4)

    def _order(self, index: int, count: int) -> list[int]:
        rng = np.random.default_rng((self.seed, 0, index))
        others = rng.permutation(np.delete(np.arange(count), index))
        return rng.permutation(np.resize([index, *others], max(count, 4))[:4]).tolist()

    def apply_batch(self, samples: Sequence[Sample]) -> list[Sample]:
        samples = _alike(self, samples, same_size=False)
        return [
            self._mosaic(own, [samples[one] for one in four], np.random.default_rng((self.seed, 1, index)))
            for index, (own, four) in enumerate(zip(samples, self.partners(len(samples)), strict=True))
        ]

    def _mosaic(self, own: Sample, four: list[Sample], rng: np.random.Generator) -> Sample:
        height, width = own.image.shape[:2]
        cross_y, cross_x = (
            min(max(round(side * place), 1), max(side - 1, 1))
            for side, place in zip((height, width), 0.5 + self.spread * rng.uniform(-1, 1, 2), strict=True)
        )
        tops, lefts = [(0, cross_y), (cross_y, height - cross_y)], [(0, cross_x), (cross_x, width - cross_x)]
        frames = [(top, left, rows, columns) for top, rows in tops for left, columns in lefts]
        parts = [
            (
                _filling(sample.moved(min_visibility=own.min_visibility, min_area=own.min_area), rows, columns, place),
                top,
                left,
            )
            for sample, (top, left, rows, columns), place in zip(four, frames, rng.random((4, 2)), strict=True)
            if rows and columns  # an image one pixel wide has no right half
        ]
        changes: dict[str, Any] = {}
        for name in ("image", "mask", "heatmap"):
            if getattr(own, name) is not None:
                whole = np.zeros((height, width, *getattr(own, name).shape[2:]), getattr(own, name).dtype)
                for part, top, left in parts:
                    piece = getattr(part, name)
                    whole[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
                changes[name] = whole
        changes |= _joined([_shifted(part, top, left) for part, top, left in parts])
        if own.label is not None:
            areas = np.array([part.image.shape[0] * part.image.shape[1] for part, _, _ in parts])
            changes["label"] = areas @ np.stack([part.label for part, _, _ in parts]) / (height * width)
        return own.moved(**changes)


def _blended(own: Sample, other: Sample, share: float) -> Sample:
    changes: dict[str, Any] = {}
    for name in ("image", "heatmap", "label"):
        ours, theirs = getattr(own, name), getattr(other, name)
        if ours is not None:
            changes[name] = rounded((1 - share) * ours.astype(np.float64) + share * theirs, ours.dtype)
    unseen = share == 0 or share < own.min_visibility
    if other.boxes is not None and unseen:
        other = other.only_boxes(np.zeros(len(other.boxes), bool))
    if other.keypoints is not None and share == 0:
        other = other.only_keypoints(np.zeros(len(other.keypoints), bool))
    return own.moved(**changes, **_joined([own, other]))


def _pasted(own: Sample, other: Sample, top: int, left: int, height: int, width: int) -> Sample:
    if not height or not width:
        return own
    patch = _cut(other.moved(min_visibility=own.min_visibility, min_area=own.min_area), top, left, height, width)
    changes: dict[str, Any] = {}
    for name in ("image", "mask", "heatmap"):
        if getattr(own, name) is not None:
            changes[name] = getattr(own, name).copy()
            changes[name][top : top + height, left : left + width] = getattr(patch, name)
    share = height * width / (own.image.shape[0] * own.image.shape[1])
    if own.label is not None:
        changes["label"] = (1 - share) * own.label + share * other.label
    window = np.array([left, top, left + width, top + height], dtype=float)
    if own.boxes is not None:
        hidden = np.prod(
            np.clip(np.minimum(own.boxes[:, 2:], window[2:]) - np.maximum(own.boxes[:, :2], window[:2]), 0, None),
            axis=1,
        )
        area = np.prod(own.boxes[:, 2:] - own.boxes[:, :2], axis=1)
        seen = 1 - hidden / area
        own = own.only_boxes((seen > 1e-9) & (seen >= own.min_visibility) & (seen * area >= own.min_area))
    if own.keypoints is not None:
        covered = ((own.keypoints >= window[:2] - 0.5) & (own.keypoints < window[2:] - 0.5)).all(axis=1)
        own = own.only_keypoints(np.asarray(~covered))
    return own.moved(**changes, **_joined([own, _shifted(patch, top, left)]))


def _filling(sample: Sample, rows: int, columns: int, place: NDArray[np.float64]) -> Sample:
    """The largest part of a sample that has the proportions of `rows` x `columns`, resized to them."""
    height, width = sample.image.shape[:2]
    scale = max(rows / height, columns / width)
    tall, wide = min(max(round(rows / scale), 1), height), min(max(round(columns / scale), 1), width)
    # The least area counts in pixels of the result.
    part = sample.moved(min_area=sample.min_area * tall * wide / (rows * columns))
    part = _cut(part, round((height - tall) * place[0]), round((width - wide) * place[1]), tall, wide)
    part = part.moved(min_area=0.0)
    return part if (tall, wide) == (rows, columns) else Resize(height=rows, width=columns).apply(part)


def _cut(sample: Sample, top: int, left: int, height: int, width: int) -> Sample:
    """A window of a sample, with the boxes that are left and the keypoints that are seen."""
    changes: dict[str, Any] = {
        name: getattr(sample, name)[top : top + height, left : left + width]
        for name in ("image", "mask", "heatmap")
        if getattr(sample, name) is not None
    }
    part = _shifted(sample.moved(**changes), -top, -left)
    if part.boxes is not None:
        boxes, kept = geometry.clip_boxes(part.boxes, (height, width), sample.min_visibility, sample.min_area)
        part = part.moved(boxes=boxes).only_boxes(kept)
    return part if part.visible is None else part.only_keypoints(part.visible)


def _shifted(sample: Sample, top: int, left: int) -> Sample:
    boxes = None if sample.boxes is None else sample.boxes + np.array([left, top, left, top])
    keypoints = None if sample.keypoints is None else sample.keypoints + np.array([left, top])
    return sample.moved(boxes=boxes, keypoints=keypoints)


def _joined(samples: Sequence[Sample]) -> dict[str, Any]:
    """Boxes and keypoints of all samples with their labels, one after the other."""
    changes: dict[str, Any] = {}
    for name in ("boxes", "keypoints"):
        if getattr(samples[0], name) is not None:
            changes[name] = np.concatenate([getattr(sample, name) for sample in samples])
    for name in ("box_labels", "keypoint_labels"):
        if getattr(samples[0], name) is not None:
            changes[name] = [label for sample in samples for label in getattr(sample, name)]
    return changes


def _alike(transform: _Mixing, samples: Sequence[Sample], *, same_size: bool) -> list[Sample]:
    """The samples with labels as vectors; one sentence where they cannot be mixed."""
    owner, samples = type(transform).__name__, _with_vectors(transform, samples)
    for index, sample in enumerate(samples):
        for name in ("image", "mask", "heatmap", "boxes", "box_labels", "keypoints", "keypoint_labels", "label"):
            first, one = getattr(samples[0], name), getattr(sample, name)
            if (first is None) != (one is None):
                with_it, without = (0, index) if one is None else (index, 0)
                raise ValueError(
                    f"{owner} mixes samples that all have {name} or none of which has; "
                    f"got {name} in sample {with_it} and none in sample {without}"
                )
            if name in {"image", "mask", "heatmap"} and one is not None:
                kept = 0 if same_size else 2
                if one.dtype != first.dtype or one.ndim != first.ndim or one.shape[kept:] != first.shape[kept:]:
                    what = "shape" if same_size else "number of channels"
                    raise ValueError(
                        f"{owner} mixes samples whose {name} has one dtype and one {what}; got {first.dtype} "
                        f"{first.shape} in sample 0 and {one.dtype} {one.shape} in sample {index}"
                    )
    return samples


def _with_vectors(transform: Any, samples: Sequence[Sample]) -> list[Sample]:
    vectors = [_vector(transform, sample.label, index) for index, sample in enumerate(samples)]
    sizes = [None if vector is None else vector.size for vector in vectors]
    known = next((size for size in sizes if size is not None), None)
    for index, size in enumerate(sizes):
        if size is not None and size != known:
            raise ValueError(f"label of sample {index} must have {known} class probabilities as others do; got {size}")
    return [sample.moved(label=vector) for sample, vector in zip(samples, vectors, strict=True)]


def _vector(transform: Any, label: Any, index: int) -> Array | None:
    if label is None:
        return None
    owner, classes = type(transform).__name__, transform.num_classes
    if isinstance(label, (int, np.integer)) and not isinstance(label, bool):
        if not classes:
            raise ValueError(
                f"{owner}.num_classes must be given to mix integer labels; got label {label} of sample {index}"
            )
        if not 0 <= label < classes:
            raise ValueError(f"label of sample {index} must be in 0..{classes - 1}; got {label}")
        return np.eye(1, classes, int(label))[0]
    try:
        vector = np.array(label, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.zeros(0)
    if vector.ndim != 1 or not vector.size or not (vector >= 0).all() or not abs(vector.sum() - 1) < 1e-6:
        raise ValueError(
            f"label of sample {index} must be an integer class or a vector of class probabilities that sum to 1; "
            f"got {label!r:.80}"
        )
    if classes and vector.size != classes:
        raise ValueError(f"label of sample {index} must have {classes} class probabilities; got {vector.size}")
    return vector

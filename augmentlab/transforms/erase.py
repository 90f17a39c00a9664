"""Occlusion: parts of the image are covered.

What happens to what lies under a hole is said by each transform: ``mask`` keeps its labels there or gets 0, ``boxes`` are
kept or dropped when too little of them is left, ``keypoints`` are kept, so that an index keeps its meaning, or dropped with
their labels. `covered` says which pixels a drawn transform covers.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab.bases import PixelTransform
from augmentlab.params import SEED_MAX, Typical, Unit, integers
from augmentlab.pixels import Array, full_scale, rounded
from augmentlab.sample import Sample, split_alpha
from augmentlab.streams import all_seeded, seeded

__all__ = ["CoarseDropout", "GridDropout", "MaskDropout"]

Content = Annotated[
    Literal["constant", "mean", "noise"],
    "What covers: the gray level of fill, the mean colour of the image, or a random colour at every pixel.",
]
Fill = Annotated[
    float, Interval(ge=0, le=1), Typical(0, 1, draw=False), "Gray level of a constant content, from black to white."
]
Under = Annotated[
    Literal["keep", "clear"], "Whether a mask keeps its labels where the image is covered or gets 0 there."
]
Boxes = Annotated[
    Literal["keep", "drop"],
    "Whether boxes stay, or are dropped when less than the sample's min_visibility of their area or its min_area, or nothing, is left.",
]
Keypoints = Annotated[
    Literal["keep", "drop"], "Whether keypoints on a covered pixel stay or are dropped, with their labels."
]
Seed = Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all places; drawn anew unless given."]


@dataclass(frozen=True, kw_only=True, repr=False)
class CoarseDropout(PixelTransform):
    """Cover the image with rectangles (DeVries and Taylor 2017, "Cutout"; Zhong et al. 2020, "Random Erasing").

    Rectangles lie wholly inside the image and may overlap. Cutout is one hole of constant content, Random Erasing one
    of noise.
    """

    holes: Annotated[int, Interval(ge=0, le=256), Typical(1, 6), "Number of rectangles."] = 0
    height: Annotated[
        float, Interval(gt=0, le=1), Typical(0.05, 0.3, draw=False), Unit("fraction"), "Of one, of the image's height."
    ] = 0.2
    width: Annotated[
        float, Interval(gt=0, le=1), Typical(0.05, 0.3, draw=False), Unit("fraction"), "Of one, of the image's width."
    ] = 0.2
    content: Content = "constant"
    fill: Fill = 0.0
    mask: Under = "keep"
    boxes: Boxes = "keep"
    keypoints: Keypoints = "keep"
    seed: Seed = integers(0, SEED_MAX)

    def covered(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Which pixels of an image of `shape` (H, W, ...) a drawn transform covers: (H, W) bool."""
        covered = np.zeros(shape[:2], dtype=bool)
        for hole in self._places(shape):
            covered[hole] = True
        return covered

    def _size(self, shape: tuple[int, ...]) -> tuple[int, int]:
        return max(round(shape[0] * self.height), 1), max(round(shape[1] * self.width), 1)

    def _places(self, shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
        height, width = self._size(shape)
        # Places are fractions of the room there is, so a thumbnail is covered where the full image is.
        shares = seeded(self.seed, "CoarseDropout").random(2 * self.holes).tolist()
        tops = [round(share * (shape[0] - height)) for share in shares[::2]]
        lefts = [round(share * (shape[1] - width)) for share in shares[1::2]]
        return [(slice(top, top + height), slice(left, left + width)) for top, left in zip(tops, lefts, strict=True)]

    def apply_image(self, image: Array) -> Array:
        if self.holes == 0:
            return image
        if self.content == "noise":  # each covered pixel gets a colour of its own, also where rectangles overlap
            return _cover(self, image, self.covered(image.shape))
        result, colour = image.copy(), _colour(self, image)
        for hole in self._places(image.shape):
            result[hole] = colour
        return result

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        if set(drawn) != {"seed"} or self.content != "constant":
            return None
        result, colour = stack.copy(), _colour(self, stack)
        height, width = self._size(stack.shape[1:])
        streams = all_seeded(np.array(drawn["seed"]), "CoarseDropout")
        for _ in range(self.holes):
            tops, lefts = (
                np.rint(streams.random() * room).astype(int).tolist()
                for room in (stack.shape[1] - height, stack.shape[2] - width)
            )
            for image, top, left in zip(result, tops, lefts, strict=True):
                image[top : top + height, left : left + width] = colour
        return result

    def apply_targets(self, sample: Sample) -> Sample:
        if self.holes == 0 or not _concerns(self, sample):
            return sample
        return _follow(self, sample, self.covered(sample.image.shape))


@dataclass(frozen=True, kw_only=True, repr=False)
class GridDropout(PixelTransform):
    """Cover the image with a lattice of squares (Chen et al. 2020, "GridMask").

    The lattice is turned by an angle about the centre and lies at a random offset.
    """

    ratio: Annotated[
        float, Interval(ge=0, le=1), Typical(0.2, 0.6), Unit("fraction"), "Side of a square, of the lattice's spacing."
    ] = 0.0
    spacing: Annotated[
        float,
        Interval(ge=0.01, le=1),
        Typical(0.1, 0.4, draw=False),
        Unit("fraction"),
        "From square to square, of the image's longer side.",
    ] = 0.2
    angle: Annotated[
        float, Interval(ge=-180, le=180), Typical(-45, 45, draw=False), Unit("deg"), "Counter-clockwise turn."
    ] = 0.0
    content: Content = "constant"
    fill: Fill = 0.0
    mask: Under = "keep"
    boxes: Boxes = "keep"
    keypoints: Keypoints = "keep"
    seed: Seed = integers(0, SEED_MAX)

    def covered(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Which pixels of an image of `shape` (H, W, ...) a drawn transform covers: (H, W) bool."""
        height, width = shape[:2]
        step = self.spacing * max(height, width)
        x = (np.arange(width) - (width - 1) / 2) / step
        y = ((np.arange(height) - (height - 1) / 2) / step)[:, None]
        turn = np.deg2rad(self.angle)
        offset_x, offset_y = np.random.default_rng(self.seed).random(2)
        across = x * np.cos(turn) - y * np.sin(turn) + offset_x
        down = x * np.sin(turn) + y * np.cos(turn) + offset_y
        return np.asarray((across % 1 < self.ratio) & (down % 1 < self.ratio))

    def apply_image(self, image: Array) -> Array:
        return image if self.ratio == 0 else _cover(self, image, self.covered(image.shape))

    def apply_targets(self, sample: Sample) -> Sample:
        if self.ratio == 0 or not _concerns(self, sample):
            return sample
        return _follow(self, sample, self.covered(sample.image.shape))


@dataclass(frozen=True, kw_only=True, repr=False)
class MaskDropout(PixelTransform):
    """Cover some of the objects that a mask shows, exactly in their shape (`skimage.measure.label`).

    It needs a Sample with a mask, whose label 0 is the background. The area of a box is counted in the pixels of objects
    that it holds.
    """

    share: Annotated[
        float,
        Interval(ge=0, le=1),
        Typical(0.2, 0.8),
        Unit("fraction"),
        "Of the objects, each covered with this chance.",
    ] = 0.0
    objects: Annotated[
        Literal["regions", "labels"],
        "What one object is: a connected region of one label, or all pixels of a label.",
    ] = "regions"
    content: Content = "constant"
    fill: Fill = 0.0
    mask: Under = "clear"
    boxes: Boxes = "drop"
    keypoints: Keypoints = "keep"
    seed: Seed = integers(0, SEED_MAX)

    needs: ClassVar[str] = "mask"

    def covered(self, mask: Array) -> NDArray[np.bool_]:
        """Which pixels a drawn transform covers where the mask is `mask` (H, W) or (H, W, K): (H, W) bool."""
        from skimage.measure import label

        planes = mask.astype(np.int64).reshape(*mask.shape[:2], -1)
        covered = np.zeros(mask.shape[:2], dtype=bool)
        rng = np.random.default_rng(self.seed)
        for plane in np.moveaxis(planes, 2, 0):
            if self.objects == "regions":
                numbers = label(plane, background=0, connectivity=2)
            else:
                numbers = np.searchsorted(np.unique(plane[plane != 0]), plane, side="right") * (plane != 0)
            # Every object draws, so that a larger share covers what a smaller one does and more.
            chosen = rng.random(int(numbers.max())) < self.share
            covered |= np.concatenate([[False], chosen])[numbers]
        return covered

    @classmethod
    def apply_run(cls, run: Any, sample: Sample, out: Array | None = None) -> Sample:  # noqa: ARG003
        """Cover the objects of the sample's mask."""
        (step,) = run
        if sample.mask is None:
            raise ValueError(f"{cls.__name__} needs a mask: apply it to Sample(image, mask=...); got an image without")
        if step.share == 0:
            return sample
        covered = step.covered(sample.mask)
        color, alpha = split_alpha(sample.image)
        image = _cover(step, color, covered)
        image = image if alpha is None else np.concatenate([image, alpha], axis=-1)
        planes = sample.mask.reshape(*sample.mask.shape[:2], -1)
        return _follow(step, sample.moved(image=image), covered, (planes != 0).any(axis=2))


def _cover(step: Any, image: Array, covered: NDArray[np.bool_]) -> Array:
    result = image.copy()
    if step.content == "noise":
        levels = np.random.default_rng((step.seed, 1)).integers(0, 256, result[covered].shape)
        result[covered] = rounded(levels / 255 * full_scale(image.dtype), image.dtype)
    else:
        result[covered] = _colour(step, image)
    return result


def _colour(step: Any, image: Array) -> Array:
    """What a constant or mean content covers `image` with: one value, or one for each channel."""
    if step.content == "mean":
        return rounded(image.mean(axis=(0, 1), dtype=np.float64), image.dtype)
    return rounded(np.asarray(step.fill * full_scale(image.dtype)), image.dtype)


def _concerns(step: Any, sample: Sample) -> bool:
    """Whether the sample holds anything that does not stay as it is."""
    return (
        (step.mask == "clear" and sample.mask is not None)
        or (step.boxes == "drop" and sample.boxes is not None)
        or (step.keypoints == "drop" and sample.keypoints is not None)
    )


def _follow(step: Any, sample: Sample, covered: NDArray[np.bool_], counted: NDArray[np.bool_] | None = None) -> Sample:
    """Mask, boxes and keypoints under what is covered; the area of a box is the pixels of `counted` in it, all without."""
    changes: dict[str, Any] = {}
    if step.mask == "clear" and sample.mask is not None:
        changes["mask"] = sample.mask.copy()
        changes["mask"][covered] = 0
    if step.boxes == "drop" and sample.boxes is not None:
        area = np.ones(covered.shape) if counted is None else counted.astype(float)
        whole, hidden = (_within(one, sample.boxes) for one in (area, area * covered))
        left = 1 - hidden / np.where(whole > 0, whole, 1)
        area = left * np.prod(sample.boxes[:, 2:] - sample.boxes[:, :2], axis=1)
        sample = sample.only_boxes((left > 1e-9) & (left >= sample.min_visibility) & (area >= sample.min_area))
    if step.keypoints == "drop" and sample.keypoints is not None:
        column, row = np.floor(sample.keypoints + 0.5).astype(int).T
        inside = (row >= 0) & (row < covered.shape[0]) & (column >= 0) & (column < covered.shape[1])
        hit = covered[np.where(inside, row, 0), np.where(inside, column, 0)]
        sample = sample.only_keypoints(~(inside & hit))
    return sample.moved(**changes)


def _within(area: NDArray[np.float64], boxes: Array) -> NDArray[np.float64]:
    """The sum of `area` (H, W) in each box; a pixel that a box cuts counts by the part inside."""
    height, width = area.shape
    across = np.clip(
        np.minimum(boxes[:, [2]], np.arange(width) + 1) - np.maximum(boxes[:, [0]], np.arange(width)), 0, 1
    )
    down = np.clip(
        np.minimum(boxes[:, [3]], np.arange(height) + 1) - np.maximum(boxes[:, [1]], np.arange(height)), 0, 1
    )
    return np.asarray(((down @ area) * across).sum(axis=1))

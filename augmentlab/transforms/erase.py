"""Occlusion: parts of the image are covered."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval

from augmentlab.params import SEED_MAX, Typical, Unit, integers
from augmentlab.pixels import Array, full_scale
from augmentlab.sample import Sample
from augmentlab.transform import PixelTransform

__all__ = ["CoarseDropout"]


@dataclass(frozen=True, kw_only=True, repr=False)
class CoarseDropout(PixelTransform):
    """Cover the image with rectangles (DeVries and Taylor 2017, "Cutout"; Zhong et al. 2020, "Random Erasing").

    Rectangles lie wholly inside the image and may overlap. Boxes and keypoints stay: the object is still there.
    """

    holes: Annotated[int, Interval(ge=0, le=256), Typical(1, 6), "Number of rectangles."] = 0
    height: Annotated[
        float, Interval(gt=0, le=1), Typical(0.05, 0.3, draw=False), Unit("fraction"), "Of one, of the image's height."
    ] = 0.2
    width: Annotated[
        float, Interval(gt=0, le=1), Typical(0.05, 0.3, draw=False), Unit("fraction"), "Of one, of the image's width."
    ] = 0.2
    fill: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1, draw=False), "Gray level that covers, from black to white."
    ] = 0.0
    mask: Annotated[Literal["keep", "clear"], "Whether a mask keeps its labels under a rectangle or gets 0 there."] = (
        "keep"
    )
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all places; drawn anew unless given."] = integers(
        0, SEED_MAX
    )

    def _covered(self, shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
        height = max(round(shape[0] * self.height), 1)
        width = max(round(shape[1] * self.width), 1)
        # Places are fractions of the room there is, so a thumbnail is covered where the full image is.
        places = np.random.default_rng(self.seed).random((self.holes, 2)) * [shape[0] - height, shape[1] - width]
        return [
            (slice(top, top + height), slice(left, left + width)) for top, left in np.rint(places).astype(int).tolist()
        ]

    def apply_image(self, image: Array) -> Array:
        if self.holes == 0:
            return image
        covered = image.copy()
        for hole in self._covered(image.shape):
            covered[hole] = np.rint(self.fill * 255) if full_scale(image.dtype) == 255 else self.fill
        return covered

    def apply_targets(self, sample: Sample) -> Sample:
        if self.mask == "keep" or sample.mask is None:
            return sample
        mask = sample.mask.copy()
        for hole in self._covered(mask.shape):
            mask[hole] = 0
        return sample.moved(mask=mask)

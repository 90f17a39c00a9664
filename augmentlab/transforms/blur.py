"""Blur and detail."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from augmentlab import engines
from augmentlab.params import Typical, Unit
from augmentlab.pixels import Array
from augmentlab.transform import PixelTransform

__all__ = ["GaussianBlur"]


@dataclass(frozen=True, kw_only=True, repr=False)
class GaussianBlur(PixelTransform):
    """Blur with a Gaussian (`skimage.filters.gaussian`, border ``edge``)."""

    sigma: Annotated[
        float, Interval(ge=0, le=64), Typical(0.3, 3), Unit("px"), "Standard deviation of the Gaussian."
    ] = 0.0

    def apply_image(self, image: Array) -> Array:
        return image if self.sigma == 0 else np.asarray(engines.current().gaussian(image, self.sigma))

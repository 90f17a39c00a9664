"""Noise: independent at every pixel, reproducible from an integer seed."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from augmentlab import engines
from augmentlab.params import SEED_MAX, Typical, Unit, integers
from augmentlab.pixels import Array
from augmentlab.transform import PixelTransform

__all__ = ["GaussianNoise", "SaltAndPepper"]

Seed = Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all noise fields; drawn anew unless given."]


@dataclass(frozen=True, kw_only=True, repr=False)
class GaussianNoise(PixelTransform):
    """Add normal noise, clipped (`skimage.util.random_noise`, mode ``gaussian``)."""

    std: Annotated[
        float, Interval(ge=0, le=1), Typical(0.02, 0.12), Unit("fraction"), "Standard deviation, of full scale."
    ] = 0.0
    per_channel: Annotated[bool, "Whether each channel gets noise of its own, or all the same."] = True
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.std == 0:
            return image
        noisy = engines.current().add_noise(image, self.std, self.seed, per_channel=self.per_channel)
        return np.asarray(noisy)


@dataclass(frozen=True, kw_only=True, repr=False)
class SaltAndPepper(PixelTransform):
    """Set single pixels to white or black (`skimage.util.random_noise`, mode ``s&p``)."""

    amount: Annotated[
        float, Interval(ge=0, le=1), Typical(0.005, 0.05), Unit("fraction"), "Share of the pixels that are set."
    ] = 0.0
    salt: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1, draw=False), Unit("fraction"), "Share of white among them."
    ] = 0.5
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.amount == 0:
            return image
        return np.asarray(engines.current().salt_and_pepper(image, self.amount, self.salt, self.seed))

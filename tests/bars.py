"""Images that a nearest neighbour learns from few, and that take no time: the data of the tests of studies."""

import numpy as np

from augmentlab import Dataset


def bars(count=160, size=8, seed=0, **about):
    """Two classes: a dark bar to the right or to the left of a bright one, anywhere in the image, under noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.integers(80, 140, (count, size, size))
    for image, label, place in zip(images, labels, rng.integers(0, size, count), strict=True):
        image[:, (place + label) % size] += 60
        image[:, (place + 1 - label) % size] -= 60
    named = {"classes": ("light left", "light right"), "name": "bars"} | about
    return Dataset(images.astype(np.uint8), labels, **named)

"""What the numbers of an image mean: the scale of each dtype, and the one way between them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def full_scale(dtype: Any) -> float:
    """The value that means white: 255 for uint8, 1 for floats."""
    return 255.0 if np.dtype(dtype) == np.uint8 else 1.0


def to_unit(image: Array) -> Array:
    """A uint8 image as float32 in [0, 1]; a float image as it is."""
    return image.astype(np.float32) / np.float32(255) if image.dtype == np.uint8 else image


def from_unit(values: Array, dtype: Any) -> Array:
    """Float values, meant in [0, 1], as an image of `dtype`: clipped and, for uint8, rounded."""
    if np.dtype(dtype) == np.uint8:
        # Two ufuncs: for a table, numpy.clip takes longer to begin than to clip.
        return np.rint(np.maximum(np.minimum(values, 1), 0) * 255).astype(np.uint8)
    return np.clip(values, 0, 1).astype(dtype, copy=False)


def rounded(values: Array, dtype: Any) -> Array:
    """Float values on the scale of `dtype` as that dtype; for uint8 clipped and rounded half to even."""
    if np.dtype(dtype) == np.uint8:
        return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return np.asarray(values).astype(dtype, copy=False)

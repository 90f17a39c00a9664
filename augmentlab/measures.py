"""How much a transform changed an image, in numbers."""

import math
from dataclasses import dataclass

import numpy as np

from augmentlab.pixels import Array, to_unit
from augmentlab.sample import check_image

_WINDOW = 7  # px: scikit-image's side of the window in which structure is compared


@dataclass(frozen=True)
class Strength:
    """What `strength` returns.

    Attributes
    ----------
    difference : float
        Mean absolute difference of the values, in [0, 1]; 0 for equal images.
    ssim : float
        Structural similarity, in [-1, 1]; 1 for equal images.
    psnr : float
        Peak signal-to-noise ratio in dB; infinite for equal images.
    """

    difference: float
    ssim: float
    psnr: float


def strength(before: Array, after: Array) -> Strength:
    """How strongly `after` differs from `before` (`skimage.metrics`; SSIM by Wang et al. 2004).

    The three say different things: a shift by one pixel changes the structure much and the values little, a brighter
    image the other way round.

    Parameters
    ----------
    before, after : (H, W) or (H, W, C) arrays
        Two images of one shape, ``uint8`` or float in [0, 1]; alpha counts as the colours do. Images with a side below 7
        pixels are compared in the largest odd window that fits; in a window of one pixel, only values are.

    Returns
    -------
    Strength
        With ``difference``, ``ssim`` and ``psnr``.

    Raises
    ------
    ValueError
        When the shapes differ: an image that was cut or resized has no pixel to compare each pixel with.

    Examples
    --------
    >>> from augmentlab import Invert
    >>> image = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    >>> strength(image, image)
    Strength(difference=0.0, ssim=1.0, psnr=inf)
    >>> round(strength(image, Invert()(image)).difference, 3)
    0.502
    """
    from skimage.metrics import mean_squared_error, structural_similarity

    for image, name in ((before, "before"), (after, "after")):
        check_image(image, name)
    if before.shape != after.shape:
        raise ValueError(f"after must have the shape of before, {before.shape}; got {after.shape}")
    one, other = (np.clip(to_unit(image).astype(np.float64), 0, 1) for image in (before, after))
    side = min(*one.shape[:2], _WINDOW)
    ssim = structural_similarity(
        one,
        other,
        win_size=side - (side % 2 == 0),
        data_range=1.0,
        channel_axis=2 if one.ndim == 3 else None,
        gaussian_weights=False,
        use_sample_covariance=False,  # which has no meaning in a window of one pixel
    )
    error = float(mean_squared_error(one, other))
    return Strength(
        difference=float(np.abs(one - other).mean()),
        ssim=float(ssim),
        psnr=-10 * math.log10(error) if error else math.inf,  # skimage's would warn of the division by zero
    )

"""What a model learns from: numbers that follow from an image alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK = 1 << 21  # pixels at a time in HOG: bounds the memory for a batch of any size


class _Fixed(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Features that follow from an image alone, so that nothing is fitted."""

    takes_images = True
    learns_nothing = True

    def fit(self, images: NDArray[Any], y: Any = None) -> Self:  # noqa: ARG002
        """Return the transformer itself: there is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Flatten(_Fixed):
    """Images to rows of numbers in [0, 1]: (N, H, W[, C]) to (N, H * W * C), float64; uint8 is divided by 255."""

    def transform(self, images: NDArray[Any]) -> NDArray[np.float64]:
        """Return one row of floats for each image.

        Parameters
        ----------
        images : array (N, H, W) or (N, H, W, C)
            ``uint8``, or float in [0, 1].

        Returns
        -------
        ndarray of shape (N, H * W * C), float64
        """
        images = np.asarray(images)
        return as_unit_floats(images).reshape(len(images), -1)


class HOG(_Fixed):
    """Histograms of oriented gradients, for a whole batch at once.

    The same numbers as `skimage.feature.hog` with ``block_norm="L2-Hys"``, without its work for each image. The
    size of a cell follows from the image, ``max(1, side // cells)`` pixels, so that images of any size give about the
    same number of features. Colour images use, at each pixel, the channel with the largest gradient.

    Parameters
    ----------
    orientations : int
        Number of bins for directions in [0, 180) degrees.
    cells : int
        Number of cells along each side, at least; pixels left over make further cells where a whole one fits.
    block : int
        Cells along each side of a block, within which histograms are normalised.

    References
    ----------
    Dalal, N. and Triggs, B. (2005). Histograms of oriented gradients for human detection. CVPR.

    Examples
    --------
    >>> HOG().transform(np.zeros((5, 16, 16), np.uint8)).shape
    (5, 324)
    """

    def __init__(self, orientations: int = 9, cells: int = 4, block: int = 2) -> None:
        self.orientations = orientations
        self.cells = cells
        self.block = block

    def transform(self, images: NDArray[Any]) -> NDArray[np.float64]:
        """Return the features of each image.

        Parameters
        ----------
        images : array (N, H, W) or (N, H, W, C)
            ``uint8``, or float in [0, 1]; at least ``block`` pixels high and wide.

        Returns
        -------
        ndarray of shape (N, features), float64

        Raises
        ------
        ValueError
            If the images are smaller than one block.
        """
        images = np.asarray(images)
        height, width = images.shape[1:3]
        if min(height, width) < self.block:
            raise ValueError(f"images must be at least {self.block} pixels high and wide for HOG; got {height}x{width}")
        step = max(1, _CHUNK // int(np.prod(images.shape[1:])))
        return np.concatenate([self._features(images[start : start + step]) for start in range(0, len(images), step)])

    def _features(self, images: NDArray[Any]) -> NDArray[np.float64]:
        pixels = as_unit_floats(images)
        if pixels.ndim == 3:
            pixels = pixels[..., np.newaxis]
        across_rows, across_columns = np.zeros_like(pixels), np.zeros_like(pixels)
        across_rows[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
        across_columns[:, :, 1:-1] = pixels[:, :, 2:] - pixels[:, :, :-2]
        magnitude = np.hypot(across_rows, across_columns)
        strongest = magnitude.argmax(axis=-1, keepdims=True)
        gradients = [
            np.take_along_axis(g, strongest, axis=-1)[..., 0] for g in (across_rows, across_columns, magnitude)
        ]
        return self._blocks(self._cell_histograms(*gradients))

    def _cell_histograms(
        self, across_rows: NDArray[np.float64], across_columns: NDArray[np.float64], magnitude: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Mean gradient magnitude by direction: (N, cells down, cells across, orientations)."""
        count, height, width = magnitude.shape
        cell_height, cell_width = max(1, height // self.cells), max(1, width // self.cells)
        down, across = height // cell_height, width // cell_width
        inside = np.s_[:, : down * cell_height, : across * cell_width]
        degrees = np.rad2deg(np.arctan2(across_rows[inside], across_columns[inside])) % 180
        edges = 180.0 / self.orientations * np.arange(1, self.orientations)
        cell = (np.arange(down * cell_height) // cell_height)[:, np.newaxis] * across
        cell = cell + np.arange(across * cell_width) // cell_width + down * across * np.arange(count)[:, None, None]
        index = cell * self.orientations + np.searchsorted(edges, degrees, side="right")
        total = count * down * across * self.orientations
        sums = np.bincount(index.ravel(), magnitude[inside].ravel(), minlength=total)
        return np.asarray(sums.reshape(count, down, across, self.orientations) / (cell_height * cell_width))

    def _blocks(self, histograms: NDArray[np.float64]) -> NDArray[np.float64]:
        """L2-Hys: every block of neighbouring cells to length 1, clipped at 0.2, to length 1 again."""
        windows = np.lib.stride_tricks.sliding_window_view(histograms, (self.block, self.block), axis=(1, 2))
        blocks = np.moveaxis(windows, 3, -1).reshape(*windows.shape[:3], -1)
        epsilon = 1e-5
        blocks = blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + epsilon**2)
        blocks = np.minimum(blocks, 0.2)
        blocks = blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + epsilon**2)
        return np.asarray(blocks.reshape(len(blocks), -1))


def as_unit_floats(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return images as float64 in [0, 1]; uint8 is divided by 255."""
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    return np.asarray(images / scale, dtype=np.float64)

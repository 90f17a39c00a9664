"""Baseline classifiers for studies, and what makes any scikit-learn classifier ready for images.

The rule: a model gets the images as one array ``(N, H, W)`` or ``(N, H, W, C)`` if it, or the first step of its
Pipeline, has an attribute ``takes_images`` that is true; before any other model comes `Flatten`.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK = 1 << 21  # pixels at a time in HOG: bounds the memory for a batch of any size


class Flatten(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Images to rows of numbers in [0, 1]: (N, H, W[, C]) to (N, H * W * C), float64; uint8 is divided by 255."""

    takes_images = True

    def fit(self, images: NDArray[Any], y: Any = None) -> Self:  # noqa: ARG002
        """Return the transformer itself: there is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

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


class HOG(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
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

    takes_images = True

    def __init__(self, orientations: int = 9, cells: int = 4, block: int = 2) -> None:
        self.orientations = orientations
        self.cells = cells
        self.block = block

    def fit(self, images: NDArray[Any], y: Any = None) -> Self:  # noqa: ARG002
        """Return the transformer itself: there is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

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


def hog_logistic(*, C: float = 10.0, orientations: int = 9, cells: int = 4) -> Pipeline:  # noqa: N803  (scikit-learn's)
    """`HOG` features and multinomial logistic regression.

    Parameters
    ----------
    C : float
        Inverse strength of the regularisation, as in scikit-learn. HOG features are small, so that scikit-learn's own
        default of 1 leaves little room for what augmented copies add.
    orientations, cells : int
        Passed to `HOG`.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Not fitted; for images of one size, at least 2 by 2 pixels.

    Examples
    --------
    >>> hog_logistic()
    Pipeline(steps=[('hog', HOG()),
                    ('logisticregression',
                     LogisticRegression(C=10.0, solver='newton-cg'))])
    """
    # Newton's method comes closer to the optimum in fewer steps than the default here: less that differs by chance.
    return make_pipeline(HOG(orientations=orientations, cells=cells), LogisticRegression(C=C, solver="newton-cg"))


def knn(neighbors: int = 1) -> Pipeline:
    """Nearest neighbours on the pixels, by Euclidean distance.

    Parameters
    ----------
    neighbors : int
        How many vote. With more than one, the unchanged copies of a study's control vote for their original.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Not fitted; for images of one size.

    Examples
    --------
    >>> knn()
    Pipeline(steps=[('flatten', Flatten()),
                    ('kneighborsclassifier', KNeighborsClassifier(n_neighbors=1))])
    """
    return make_pipeline(Flatten(), KNeighborsClassifier(n_neighbors=neighbors))


def for_images(model: Any) -> Any:
    """Return an unfitted copy of a classifier that takes images.

    Parameters
    ----------
    model : scikit-learn classifier
        Anything with ``fit``, ``predict``, ``get_params`` and the tag of a classifier.

    Returns
    -------
    classifier
        A clone; `Flatten` comes before it unless it (or the first step of a Pipeline) ``takes_images``.

    Raises
    ------
    TypeError
        If the model is a class, a regressor or no estimator at all.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> for_images(GaussianNB())
    Pipeline(steps=[('flatten', Flatten()), ('gaussiannb', GaussianNB())])
    """
    if inspect.isclass(model):
        raise TypeError(f"model must be an estimator, not a class; got {model.__name__}: write {model.__name__}()")
    if not all(hasattr(model, name) for name in ("fit", "predict", "get_params", "set_params")):
        raise TypeError(f"model must be a scikit-learn classifier with fit and predict; got {model!r}")
    if not is_classifier(model):
        raise TypeError(f"model must be a classifier: a study scores hits and misses; got {model!r}")
    first = model.steps[0][1] if isinstance(model, Pipeline) else model
    copy = clone(model)
    return copy if getattr(first, "takes_images", False) else make_pipeline(Flatten(), copy)


def with_seed(model: Any, seed: int) -> Any:
    """Return an unfitted copy of a model, with every ``random_state`` in it, however deep, set to a seed."""
    copy = clone(model)
    return copy.set_params(**dict.fromkeys(_random_states(copy), seed))


def description(model: Any) -> str:
    """Return JSON text that is equal for equal models, in every process; a study's trials are keyed by it.

    Holds the class and every parameter of the model and of the estimators inside, except ``random_state``, which
    each draw sets. The code of the classes does not count.

    Raises
    ------
    TypeError
        If a parameter cannot be told apart from others by its value, such as a lambda.
    """
    return json.dumps(_described(model, "model"), sort_keys=True)


def as_unit_floats(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return images as float64 in [0, 1]; uint8 is divided by 255."""
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    return np.asarray(images / scale, dtype=np.float64)


def _random_states(model: Any) -> list[str]:
    return [name for name in model.get_params(deep=True) if name.split("__")[-1] == "random_state"]


def _described(value: Any, where: str) -> Any:  # noqa: PLR0911
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": digest, "shape": value.shape, "dtype": str(value.dtype)}
    if isinstance(value, dict):
        return {
            "dict": [[_described(key, where), _described(item, f"{where}[{key!r}]")] for key, item in value.items()]
        }
    if isinstance(value, (list, tuple)):
        return [_described(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if callable(value) and hasattr(value, "__qualname__"):
        if "<" not in value.__qualname__:
            return f"{value.__module__}:{value.__qualname__}"
    elif hasattr(value, "get_params"):
        params = {
            k: _described(v, f"{where}.{k}") for k, v in value.get_params(deep=False).items() if k != "random_state"
        }
        return {"class": f"{type(value).__module__}:{type(value).__qualname__}", "params": params}
    elif " at 0x" not in repr(value):
        return {"class": f"{type(value).__module__}:{type(value).__qualname__}", "repr": repr(value)}
    raise TypeError(
        f"{where} must be a plain value, an estimator or a named function, to be known again; got {value!r}"
    )

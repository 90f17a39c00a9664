"""A plain function as a model."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def _gives_probabilities(model: FunctionClassifier) -> bool:
    return hasattr(model, "predictor_") and hasattr(model.predictor_, "predict_proba")


class FunctionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A function that trains something, as a scikit-learn classifier of images.

    `for_images` makes one of any function that it is given, so that a study takes ``model=fit``.

    Parameters
    ----------
    function : callable
        ``fit(images, labels, rng) -> predictor``. Images are (N, H, W) or (N, H, W, C) as in the data, labels (N,)
        integers, `rng` is a `numpy.random.Generator`: the only source of randomness that a study seeds. The predictor
        is a function ``predictor(images) -> labels``, or an object with ``predict`` and perhaps ``predict_proba``
        (one column for each class, in the order of its ``classes_`` or, without these, sorted).
    random_state : int, optional
        Seed of `rng`.

    Attributes
    ----------
    classes_ : ndarray (classes,)
        Those of the predictor, or the different training labels, sorted.
    predictor_ : callable or object with predict
        What the function returned.

    Examples
    --------
    >>> def fit(images, labels, rng):
    ...     centres = np.stack([images[labels == label].mean(axis=0) for label in (0, 1)])
    ...     return lambda new: ((new[:, None] - centres) ** 2).sum(axis=(2, 3)).argmin(axis=1)
    >>> images = np.linspace(0, 1, 6).reshape(6, 1, 1)
    >>> FunctionClassifier(fit).fit(images, np.array([0, 0, 0, 1, 1, 1])).predict(images)
    array([0, 0, 0, 1, 1, 1])
    """

    takes_images = True

    def __init__(self, function: Callable[..., Any], random_state: int | None = None) -> None:
        self.function = function
        self.random_state = random_state

    def fit(self, images: NDArray[Any], labels: NDArray[Any]) -> Self:
        """Call the function.

        Raises
        ------
        TypeError
            If it returns neither a function nor an object with ``predict``.
        """
        predictor = self.function(images, labels, np.random.default_rng(self.random_state))
        if inspect.isclass(predictor) or not (callable(predictor) or hasattr(predictor, "predict")):
            raise TypeError(
                f"{_name(self.function)}(images, labels, rng) must return a function predictor(images), "
                f"or an object with predict; got {predictor!r:.80}"
            )
        self.predictor_ = predictor
        self.classes_ = np.asarray(getattr(predictor, "classes_", np.unique(labels)))
        return self

    def predict(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return what the predictor says of each image: labels (N,).

        Raises
        ------
        ValueError
            If that is not one label for each image.
        """
        check_is_fitted(self)
        labels = np.asarray(getattr(self.predictor_, "predict", self.predictor_)(images))
        if labels.shape != (len(images),):
            raise ValueError(
                f"the predictor of {_name(self.function)} must return one label for each of the {len(images)} images; "
                f"got an array of shape {labels.shape}"
            )
        return labels

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]  # scikit-learn has no types
    def predict_proba(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of each class (N, classes), where the predictor has ``predict_proba``."""
        return np.asarray(self.predictor_.predict_proba(images))


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__

"""Tables of what each image contributes, as the tests and intervals of `augmentlab.study.statistics` take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray


def pseudo_scores(
    metric: Literal["balanced_accuracy", "macro_f1"] | Callable[[NDArray[Any], NDArray[Any]], float],
    labels: ArrayLike,
    predictions: ArrayLike,
) -> NDArray[np.float64]:
    """What each image contributes to a metric that is no mean over images: ``value + n * d value / d weight of the image``.

    The mean over a row is the metric of that draw, exactly, and differences of such tables are what `crossed_test`,
    `crossed_interval` and the rest take. To first order a value on other images moves as the mean of these numbers does.
    Names have the derivative in closed form (the infinitesimal jackknife). For a function, each image is left out in
    turn and the pseudo-values are moved to the right mean; images of equal label and prediction are alike, so that it
    is called once for each pair that comes, not once for each image.

    Parameters
    ----------
    metric : {"balanced_accuracy", "macro_f1"} or callable
        The names mean scikit-learn's metrics (for macro F1, of the classes in the labels or the draw's predictions). A
        function takes labels and predictions, both of shape (images,), in whose order it must not take an interest.
    labels : array_like of shape (images,)
        True classes.
    predictions : array_like of shape (draws, images)
        Predicted classes.

    Returns
    -------
    ndarray of shape (draws, images)

    Raises
    ------
    ValueError
        If the name is not known or the shapes do not fit.

    References
    ----------
    Efron, B. (1982). The Jackknife, the Bootstrap and Other Resampling Plans, chapters 2 and 6. SIAM.

    Examples
    --------
    The one image of class 1 counts as much as the three of class 0:

    >>> pseudo_scores("balanced_accuracy", [0, 0, 0, 1], [[0, 0, 0, 1], [0, 0, 0, 0]])
    array([[1. , 1. , 1. , 1. ],
           [0.5, 0.5, 0.5, 0.5]])
    >>> pseudo_scores("macro_f1", ["a", "a", "b", "b"], [["a", "a", "b", "a"]]).mean().round(4)
    np.float64(0.7333)
    """
    truth, predicted = np.asarray(labels), np.asarray(predictions)
    if truth.ndim != 1 or predicted.ndim != 2 or predicted.shape[1:] != truth.shape or truth.size < 2:
        raise ValueError(
            "predictions must have shape (draws, images) for labels of shape (images,), at least 2 images; "
            f"got {predicted.shape} and {truth.shape}"
        )
    if callable(metric):
        rows = [_left_out(metric, truth, row) for row in predicted]
    elif metric in _LINEARISED:
        rows = [_LINEARISED[metric](truth, row) for row in predicted]
    else:
        raise ValueError(f"metric must be {' or '.join(map(repr, _LINEARISED))}, or a function; got {metric!r}")
    return np.array(rows, dtype=np.float64).reshape(predicted.shape)


def _balanced_accuracy(labels: NDArray[Any], predictions: NDArray[Any]) -> NDArray[np.float64]:
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    hits = (labels == predictions).astype(np.float64)
    recall = np.bincount(codes, hits) / counts
    return recall.mean() + labels.size / (counts.size * counts[codes]) * (hits - recall[codes])


def _macro_f1(labels: NDArray[Any], predictions: NDArray[Any]) -> NDArray[np.float64]:
    classes = np.unique(np.concatenate([labels, predictions]))
    true, said = labels[:, None] == classes, predictions[:, None] == classes
    both = (true & said).astype(np.float64)
    either = true.astype(np.float64) + said
    f1 = 2 * both.sum(axis=0) / either.sum(axis=0)
    return f1.mean() + labels.size * ((2 * both - f1 * either) / either.sum(axis=0)).mean(axis=1)


_LINEARISED = {"balanced_accuracy": _balanced_accuracy, "macro_f1": _macro_f1}


def _left_out(
    metric: Callable[[NDArray[Any], NDArray[Any]], float], labels: NDArray[Any], predictions: NDArray[Any]
) -> NDArray[np.float64]:
    codes = [np.unique(side, return_inverse=True)[1] for side in (labels, predictions)]
    _, first, alike = np.unique(np.stack(codes), axis=1, return_index=True, return_inverse=True)
    without = np.array([metric(np.delete(labels, image), np.delete(predictions, image)) for image in first])
    moved = (labels.size - 1) * -without[alike.ravel()]
    return float(metric(labels, predictions)) + moved - moved.mean()


def by_group(differences: ArrayLike, groups: ArrayLike) -> NDArray[np.float64]:
    """One column a group of images instead of one an image, with the same mean.

    Images of one group (of one patient, say) are not independent, so groups are what must be resampled. Column ``g``
    holds ``mean + (G / N) * sum(difference - mean over the images of g)``, the linearisation of the mean difference,
    with G groups and N images.

    Parameters
    ----------
    differences : array_like of shape (draws, images)
        Arm minus control.
    groups : array_like of shape (images,)
        What each image belongs to.

    Returns
    -------
    ndarray of shape (draws, number of groups)

    Examples
    --------
    >>> by_group([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]], ["a", "a", "b", "b"])
    array([[0.5, 0. ],
           [1. , 0. ]])
    """
    table = np.asarray(differences, dtype=np.float64)
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    if codes.shape != table.shape[1:]:
        raise ValueError(f"groups must name one group for each of the {table.shape[1]} images; got {codes.size}")
    membership = np.eye(len(names))[codes]
    mean = table.mean()
    return np.asarray(mean + (len(names) / len(codes)) * ((table - mean) @ membership))

"""What a trial is scored by. Larger is better in all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scorer = Callable[[Any, Any, Any], float]

# Names of scikit-learn's scorers begin so when they are for classes; others are for regression and clusters.
_CLASSES = (
    "accuracy", "average_precision", "balanced", "d2_brier", "d2_log", "f1", "jaccard", "matthews", "neg_brier",
    "neg_negative_likelihood", "positive_likelihood", "precision", "recall", "roc_auc", "top_k",
)  # fmt: skip
_SHARES = ("accuracy", "average_precision", "f1", "jaccard", "precision", "recall", "roc_auc", "top_k")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How a trial is scored, and in which unit differences are shown.

    Parameters
    ----------
    name : str
        As scikit-learn calls it.
    kind : {"hits", "balanced", "f1", "loss", "scorer"}
        What it rests on. The first three follow from the predicted classes, so that the trials of a study can be
        scored by any of them without being run again.
    scale : float
        Shown differences are this many times the metric's: 100 for shares, 1 for others.
    scorer : callable, optional
        ``scorer(model, X, labels) -> float`` of a metric that is none of the others.
    """

    name: str
    kind: Literal["hits", "balanced", "f1", "loss", "scorer"]
    scale: float = 100.0
    scorer: Scorer | None = None

    @property
    def unit(self) -> str:
        """What differences are counted in: points are hundredths of a share."""
        return "points" if self.scale == 100 else self.name

    @property
    def per_image(self) -> bool:
        """Whether a trial's value is a mean (or a linearised one) over images, so that images count as a source of chance."""
        return self.kind != "scorer"

    @property
    def stored(self) -> str:
        """What has to be in the key of a trial: nothing where the metric follows from the predictions."""
        return self.name if self.kind in ("loss", "scorer") else ""

    def scores(
        self,
        labels: NDArray[np.integer],
        hits: NDArray[np.bool_],
        predictions: NDArray[np.integer] | None,
        stored: NDArray[np.float32] | None,
    ) -> NDArray[np.float64] | None:
        """Return what each image contributes, shape (images,): the mean is the value; None where there is no such thing."""
        from augmentlab.study.tables import pseudo_scores

        if self.kind == "hits":
            return hits.astype(np.float64)
        if self.kind == "loss":
            return None if stored is None else stored.astype(np.float64)
        if self.kind == "scorer" or predictions is None:
            return None
        each = pseudo_scores("balanced_accuracy" if self.kind == "balanced" else "macro_f1", labels, predictions[None])
        return np.asarray(each[0])


def as_metric(metric: Any) -> Metric:
    """Return the metric of a name, or of a scikit-learn scorer.

    Parameters
    ----------
    metric : str or callable
        ``"accuracy"``, ``"balanced_accuracy"``, ``"f1_macro"``, ``"neg_log_loss"``; any other name of scikit-learn's
        `get_scorer_names` for classifiers, or a named function ``scorer(model, X, labels) -> float``. `X` is what the
        learning part of the model takes: the features where the model's first steps learn nothing.

    Raises
    ------
    ValueError
        A name that nobody knows, or a function without a name.
    TypeError
        Neither name nor function.

    Examples
    --------
    >>> as_metric("balanced_accuracy").kind
    'balanced'
    >>> as_metric("cohen_kappa")
    Traceback (most recent call last):
    ValueError: metric must be accuracy, balanced_accuracy, f1_macro, neg_log_loss or a scikit-learn scorer of classes; got 'cohen_kappa'
    """
    kinds: dict[str, Literal["hits", "balanced", "f1"]] = {
        "accuracy": "hits", "balanced_accuracy": "balanced", "f1_macro": "f1",
    }  # fmt: skip
    if isinstance(metric, Metric):
        return metric
    if callable(metric):
        name = getattr(metric, "__qualname__", "") or repr(metric)
        if "<" in name or " at 0x" in name:
            raise ValueError(f"metric must be a named function, to be known again; got {metric!r}")
        return Metric(name=f"{getattr(metric, '__module__', '')}:{name}", kind="scorer", scale=1.0, scorer=metric)
    if not isinstance(metric, str):
        raise TypeError(f"metric must be a name or a scorer(model, X, labels); got {metric!r:.80}")
    if metric in kinds:
        return Metric(name=metric, kind=kinds[metric])
    if metric == "neg_log_loss":
        return Metric(name=metric, kind="loss", scale=1.0)
    from sklearn.metrics import get_scorer, get_scorer_names

    if metric not in get_scorer_names() or not metric.startswith(_CLASSES):
        raise ValueError(
            f"metric must be {', '.join(kinds)}, neg_log_loss or a scikit-learn scorer of classes; got {metric!r}"
        )
    scale = 100.0 if metric.startswith(_SHARES) else 1.0
    return Metric(name=metric, kind="scorer", scale=scale, scorer=get_scorer(metric))


def log_scores(labels: NDArray[np.integer], classes: Any, probabilities: NDArray[Any]) -> NDArray[np.float32]:
    """Log of the probability that a model gave to each image's own class, in nats, clipped as in scikit-learn."""
    places = {int(one): place for place, one in enumerate(classes)}
    columns = np.array([places.get(int(label), -1) for label in labels])
    given = np.where(columns < 0, 0.0, probabilities[np.arange(len(labels)), columns]).astype(np.float64)
    return np.asarray(np.log(np.maximum(given, np.finfo(np.float64).eps)), dtype=np.float32)

"""What a study asks of a model."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline, make_pipeline

from augmentlab.models.features import Flatten
from augmentlab.models.functions import FunctionClassifier

if TYPE_CHECKING:
    from numpy.typing import NDArray


def for_images(model: Any) -> Any:
    """Return an unfitted copy of a classifier that takes images.

    Parameters
    ----------
    model : scikit-learn classifier, or function
        Anything with ``fit``, ``predict``, ``get_params`` and the tag of a classifier; or a function
        ``fit(images, labels, rng) -> predictor``, see `FunctionClassifier`. A study knows a function again by its
        module and name, not by its code: a new version needs a new name.

    Returns
    -------
    classifier
        A clone; `Flatten` comes before it unless it (or the first step of a Pipeline) ``takes_images``. A
        `FunctionClassifier` for a function.

    Raises
    ------
    TypeError
        If the model is a class, a regressor, a function of other arguments, or no estimator at all.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> for_images(GaussianNB())
    Pipeline(steps=[('flatten', Flatten()), ('gaussiannb', GaussianNB())])
    """
    if inspect.isclass(model):
        raise TypeError(f"model must be an estimator, not a class; got {model.__name__}: write {model.__name__}()")
    if callable(model) and not hasattr(model, "fit"):
        return FunctionClassifier(_taking_three(model))
    if not all(hasattr(model, name) for name in ("fit", "predict", "get_params", "set_params")):
        raise TypeError(
            "model must be a scikit-learn classifier with fit and predict, or a function fit(images, labels, rng); "
            f"got {model!r}"
        )
    if not is_classifier(model):
        raise TypeError(f"model must be a classifier: a study scores hits and misses; got {model!r}")
    first = model.steps[0][1] if isinstance(model, Pipeline) else model
    copy = clone(model)
    return copy if getattr(first, "takes_images", False) else make_pipeline(Flatten(), copy)


def with_seed(model: Any, seed: int) -> Any:
    """Return an unfitted copy of a model, with every ``random_state`` in it, however deep, set to a seed."""
    copy = clone(model)
    return copy.set_params(**dict.fromkeys(_random_states(copy), seed))


@dataclass(frozen=True)
class Features:
    """Transformers that learn nothing, one after the other: ``transform`` needs no ``fit``.

    Parameters
    ----------
    steps : tuple of transformers
        At least one.
    """

    steps: tuple[Any, ...]

    def transform(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return what the last one makes of what those before it made of the images."""
        for step in self.steps:
            images = step.transform(images)
        return images


def split_features(model: Any) -> tuple[Features | None, Any]:
    """Split a model into what can be computed of an image once and for all, and what learns.

    Parameters
    ----------
    model : classifier
        As from `for_images`.

    Returns
    -------
    features : Features or None
        The first steps of a Pipeline as long as each has ``learns_nothing`` and no ``random_state`` in it, a nested
        Pipeline of such steps among them; None where there are none or the model is no Pipeline.
    rest : classifier
        What comes after them, not fitted. Fitted on ``features.transform(images)``, it predicts the same bits from
        ``features.transform(others)`` as the whole model, fitted on the images, does from the others.

    Examples
    --------
    >>> from augmentlab.models import hog_logistic
    >>> features, rest = split_features(hog_logistic())
    >>> features
    Features(steps=(HOG(),))
    >>> rest
    Pipeline(steps=[('logisticregression',
                     LogisticRegression(C=10.0, solver='newton-cg'))])
    """
    if not isinstance(model, Pipeline):
        return None, clone(model)
    steps: list[Any] = []
    count = 0
    for _, step in model.steps[:-1]:
        parts = _parts(step)
        if not all(getattr(part, "learns_nothing", False) and not _random_states(part) for part in parts):
            break
        steps += parts
        count += 1
    return (Features(tuple(map(clone, steps))) if steps else None), clone(model[count:])


def description(model: Any) -> str:
    """Return JSON text that is equal for equal models, in every process; a study's trials are keyed by it.

    Holds the class and every parameter of the model and of the estimators inside, except ``random_state``, which
    each draw sets. The code of the classes and functions does not count.

    Raises
    ------
    TypeError
        If a parameter cannot be told apart from others by its value, such as a lambda.
    """
    return json.dumps(_described(model, "model"), sort_keys=True)


def _parts(step: Any) -> list[Any]:
    """The steps of a Pipeline within Pipelines, one after the other."""
    return [part for _, inner in step.steps for part in _parts(inner)] if isinstance(step, Pipeline) else [step]


def _taking_three(function: Any) -> Any:
    """Return the function, if it can be called as a model is."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions in C have none to look at
        return function
    try:
        signature.bind("images", "labels", "rng")
    except TypeError:
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(
            f"model must be a scikit-learn classifier or a function fit(images, labels, rng); got {name}{signature}"
        ) from None
    return function


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
    if isinstance(value, functools.partial):
        parts = {"func": value.func, "args": value.args, "keywords": value.keywords}
        return {"partial": {name: _described(part, f"{where}.{name}") for name, part in parts.items()}}
    if inspect.ismethod(value):
        return {"method": value.__name__, "of": _described(value.__self__, f"{where}.__self__")}
    if callable(value) and hasattr(value, "__qualname__"):
        if "<" not in value.__qualname__:
            return f"{value.__module__}:{value.__qualname__}"
    elif hasattr(value, "get_params"):
        params = {
            k: _described(v, f"{where}.{k}") for k, v in value.get_params(deep=False).items() if k != "random_state"
        }
        return {"class": f"{type(value).__module__}:{type(value).__qualname__}", "params": params}
    else:
        import joblib

        try:  # of what is pickled: a repr may leave out what tells two values apart
            return {"class": f"{type(value).__module__}:{type(value).__qualname__}", "hash": joblib.hash(value)}
        except Exception:  # noqa: BLE001, S110  (pickling runs code of any kind; the sentence below names the parameter)  # nosec B110
            pass
    advice = "; define it with def outside of any function, or with functools.partial" if callable(value) else ""
    raise TypeError(
        f"{where} must be a plain value, an estimator or a named function, to be known again; got {value!r}{advice}"
    )

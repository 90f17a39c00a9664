"""What a description of a study must look like when it comes from a file, which anybody may have written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from augmentlab.distributions import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_TRIALS = 1_000_000  # of one study; each has a key that is computed when the study is read

_MISSING = object()
_NUMBER = (int, float)
_LABELS = {"validation": [int], "test": [int]}
_GROUPS = {"validation": ([int], None), "test": ([int], None)}
_ARM = {"label": str, "role": str, "code": str, "identity": str, "levels": [list], "transform": dict}
_SPEC = {
    "name": str,
    "draws": int,
    "rope": _NUMBER,
    "model": str,
    "classes": [str],
    "images": dict,
    "metric": {"name": str, "kind": str, "scale": _NUMBER},
    "context": {"data": str, "seed": int, "split": dict, "train_size": int, "preparation": dict},
    "arms": [_ARM],
    "labels": _LABELS,
    "groups": _GROUPS,
}
_SEARCH = {"name": str, "note": str, "finished": bool, "stopped": dict}


def check_spec(spec: Any, where: str) -> None:
    """Raise a ValueError unless `spec`, of the newest version, describes a study; `where` is what the sentence begins with.

    Examples
    --------
    >>> check_spec({"name": "digits", "draws": "8"}, "the study")
    Traceback (most recent call last):
    ValueError: the study must be as augmentlab writes it; its draws is '8'
    """
    wrong = _odd(spec, _SPEC, "spec")
    if wrong is None:
        arms, draws, metric = spec["arms"], spec["draws"], spec["metric"]
        allowed = {
            "draws": draws >= 1 and (len(arms) + 1) * draws <= MOST_TRIALS,
            "rope": 0 <= spec["rope"] < math.inf,
            "metric.kind": metric["kind"] in {"hits", "balanced", "f1", "loss", "scorer"},
            "metric.scale": 0 < metric["scale"] < math.inf,
            "metric": metric.keys() == {"name", "kind", "scale"},
            "labels": all(0 <= one < 2**16 for part in _LABELS for one in spec["labels"][part]),
            "arms.role": all(arm["role"] in {"arm", "control"} for arm in arms),
            "arms.levels": all(
                len(level) == 2 and isinstance(level[0], str) for arm in arms for level in arm["levels"]
            ),
            "context.seed": spec["context"]["seed"] >= 0,
            "groups": all(
                not groups or not labels or len(groups) == len(labels)
                for groups, labels in ((spec["groups"][part], spec["labels"][part]) for part in _LABELS)
            ),
        }
        wrong = next(((name, _at(spec, name)) for name, good in allowed.items() if not good), None)
    if wrong is not None:
        name, value = wrong
        raise ValueError(f"{where} must be as augmentlab writes it; its {name} is {_shown(value)}")


def check_search(outcome: Any, where: str) -> None:
    """Raise a ValueError unless `outcome` is what a search stores."""
    wrong = _odd(outcome, _SEARCH, "search")
    if wrong is None and not all(isinstance(why, str) for why in outcome["stopped"].values()):
        wrong = "stopped", outcome["stopped"]
    if wrong is not None:
        raise ValueError(f"{where} must be as augmentlab writes it; its {wrong[0]} is {_shown(wrong[1])}")


def _odd(value: Any, shape: Any, name: str) -> tuple[str, Any] | None:
    """Name and value of the first part that is not of its shape; a list's shape is that of each entry."""
    found: Iterable[tuple[str, Any] | None]
    match shape:
        case tuple():
            found = [None if any(_odd(value, one, name) is None for one in shape) else (name, value)]
        case dict() if isinstance(value, dict):
            parts = (
                (value.get(key, _MISSING), one, key if name == "spec" else f"{name}.{key}")
                for key, one in shape.items()
            )
            found = (_odd(*part) for part in parts)
        case [each] if isinstance(value, list):
            found = (_odd(one, each, name) for one in value)
        case type():
            good = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
            found = [None if good else (name, value)]
        case _:  # None, or another kind than the dict or list that it should be
            found = [None if shape is None and value is None else (name, value)]
    return next(filter(None, found), None)


def _shown(value: Any) -> str:
    return "missing" if value is _MISSING else shown(value)


def _at(spec: dict[str, Any], name: str) -> Any:
    first, _, second = name.partition(".")
    value = spec[first]
    return value[second] if isinstance(value, dict) and second else value

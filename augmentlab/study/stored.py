"""What a description of a study must look like when it comes from a file, which anybody may have written."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from augmentlab.compose import quietly
from augmentlab.distributions import shown
from augmentlab.documents import from_dict
from augmentlab.study.spaces import CONTROL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augmentlab.transform import Transform

MOST_TRIALS = 1_000_000  # of one study; each has a key that is computed when the study is read
_LARGEST = 2**63 - 1  # of a whole number that tables and trackers hold

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
    "context": {
        "data": str,
        "split": {"validation": _NUMBER, "test": _NUMBER, "seed": int},
        "seed": int,
        "train_size": int,
        "copies": int,
        "preprocess": dict,
        "preparation": dict,
        "engine": str,
        "versions": dict,
    },
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
        arms, draws, metric, context = spec["arms"], spec["draws"], spec["metric"], spec["context"]
        labels = [arm["label"] for arm in arms]
        allowed = {
            "draws": draws >= 1 and (len(arms) + 1) * draws <= MOST_TRIALS,
            "rope": 0 <= spec["rope"] < 100,
            "metric.kind": metric["kind"] in {"hits", "balanced", "f1", "loss", "scorer"},
            "metric.scale": metric["scale"] in {1, 100},
            "metric": metric.keys() == {"name", "kind", "scale"},
            "labels": all(0 <= one < 2**16 for part in _LABELS for one in spec["labels"][part]),
            "classes": all(one < len(spec["classes"]) for part in _LABELS for one in spec["labels"][part]),
            "arms": bool(arms),
            "arms.label": len({CONTROL, *labels}) == 1 + len(labels),
            "images": all(type(count) is int and 0 <= count <= _LARGEST for count in spec["images"].values()),
            "arms.role": all(arm["role"] in {"arm", "control"} for arm in arms),
            "arms.levels": all(
                len(level) == 2 and isinstance(level[0], str) and _is_level(level[1])
                for arm in arms
                for level in arm["levels"]
            )
            and all(len({factor for factor, _ in arm["levels"]}) == len(arm["levels"]) for arm in arms),
            "context.seed": context["seed"] >= 0,
            "context.train_size": 1 <= context["train_size"] <= _LARGEST,
            "context.copies": 1 <= context["copies"] <= _LARGEST,
            "context.split": all(0 < context["split"][part] < 1 for part in _LABELS),
            "context.versions": all(isinstance(version, str) for version in context["versions"].values()),
            "groups": all(
                not groups or not labels or len(groups) == len(labels)
                for groups, labels in ((spec["groups"][part], spec["labels"][part]) for part in _LABELS)
            ),
        }
        wrong = next(((name, _at(spec, name)) for name, good in allowed.items() if not good), None)
    if wrong is not None:
        name, value = wrong
        raise ValueError(f"{where} must be as augmentlab writes it; its {name} is {_shown(value)}")


def check_key(key: Any, name: Any, where: str) -> None:
    """Raise a ValueError unless these are the key and the name of a study."""
    good = {
        "key": (key, isinstance(key, str) and re.fullmatch("[0-9a-f]{64}", key)),
        "name": (name, isinstance(name, str)),
    }
    for what, (value, right) in good.items():
        if not right:
            raise ValueError(f"{where} must be as augmentlab writes it; its {what} is {shown(value)}")


def check_search(outcome: Any, where: str) -> None:
    """Raise a ValueError unless `outcome` is what a search stores."""
    wrong = _odd(outcome, _SEARCH, "search")
    if wrong is None and not all(isinstance(why, str) for why in outcome["stopped"].values()):
        wrong = "stopped", outcome["stopped"]
    if wrong is not None:
        raise ValueError(f"{where} must be as augmentlab writes it; its {wrong[0]} is {_shown(wrong[1])}")


def transform_of(document: dict[str, Any]) -> Transform | None:
    """A stored pipeline; None where it cannot be made here, as when a class of it is not loaded."""
    try:
        with quietly():
            return from_dict(document)
    except Exception:  # noqa: BLE001  (a user's own transform may raise anything, and the numbers are worth reading)
        return None


def code_of(document: dict[str, Any]) -> str:
    """A stored pipeline as one line of Python, or as JSON where it cannot be made.

    It is made from what the pipeline does: people run code, and the text beside it in a file may be anybody's.
    """
    transform = transform_of(document)
    return json.dumps(document) if transform is None else repr(transform)


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


def _is_level(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, _NUMBER) and abs(value) <= sys.float_info.max)


def _shown(value: Any) -> str:
    return "missing" if value is _MISSING else shown(value)


def _at(spec: dict[str, Any], name: str) -> Any:
    first, _, second = name.partition(".")
    value = spec[first]
    if not second:
        return value
    return value[second] if isinstance(value, dict) else [one[second] for one in value]

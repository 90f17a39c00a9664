"""Transforms as JSON-ready documents, read back: nothing is ever imported or executed because a document says so."""

import functools
import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, cast

from augmentlab import files
from augmentlab.distributions import shown
from augmentlab.transform import SCHEMA_VERSION, Transform, check_fields, is_ours

# What is beyond these is nothing that a person wrote.
_MAX_DEPTH = 32  # of pipelines in pipelines
_MAX_NESTING = 100  # of lists and dicts in a document
_MAX_VALUES = 100_000  # in a document
MAX_BYTES = 16 * 2**20  # of a document as text


def from_dict(document: dict[str, Any], classes: Sequence[type[Transform]] = ()) -> Transform:
    """The transform that `Transform.to_dict` described.

    Parameters
    ----------
    document : dict
        As read from JSON.
    classes : sequence of Transform subclasses
        Transforms from outside this package. Without them, a foreign class (``"module:QualName"``) is accepted only if
        its module is already loaded; nothing is ever imported because a document says so.

    Raises
    ------
    ValueError, TypeError
        With one sentence: an unknown class or field, a value out of bounds, or a newer schema.
    """
    if not isinstance(document, dict):
        raise TypeError(f"document must be a dict; got {type(document).__name__}")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION or type(version) is not int:
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}; got {shown(version)}")
    check_size(document)
    known = {f"{cls.__module__}:{cls.__qualname__}": cls for cls in classes}
    rest = {key: value for key, value in document.items() if key != "schema_version"}
    return build(rest, known, 0)


def read(path: str | os.PathLike[str]) -> bytes:
    """What a file holds, no further than a document goes: a device has no end."""
    with files.home(path).open("rb") as file:
        return file.read(MAX_BYTES + 1)


def parse(text: str | bytes) -> Any:
    """What JSON holds; a ValueError where it is none, or is larger or nested deeper than any document of ours."""
    if len(text) > MAX_BYTES:
        raise ValueError(f"a document must have at most {MAX_BYTES // 2**20} MB; got {len(text) / 2**20:,.1f} MB")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"a document must be nested at most {_MAX_NESTING} deep; got more") from None


def check_size(document: Any) -> None:
    """Look at the whole of a document without recursion, so that whatever reads it may recurse and print."""
    level, count = [document], 0
    for _ in range(_MAX_NESTING):
        inner = [part for part in level if isinstance(part, (Mapping, list, tuple))]
        level = []
        for one in inner:
            count += len(one)  # before they are laid out: in Python, one list may stand in many places
            if count > _MAX_VALUES:
                raise ValueError(f"a document must hold at most {_MAX_VALUES:,} values; got more")
            level += one.values() if isinstance(one, Mapping) else one
        if not level:
            return
    raise ValueError(f"a document must be nested at most {_MAX_NESTING} deep; got more")


def build(document: Any, classes: dict[str, type[Transform]], depth: int) -> Transform:
    """The transform of one (nested) document, without a schema version."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"a pipeline must be nested at most {_MAX_DEPTH} deep; got more")
    if not isinstance(document, dict) or not isinstance(document.get("transform"), str):
        raise TypeError(
            f"a transform must be a dict with the name of its class under 'transform'; got {shown(document)}"
        )
    fields = {key: value for key, value in document.items() if key != "transform"}
    cls = _class_named(document["transform"], classes)
    check_fields(cls, fields)  # before a name that anybody may have written is said as if it were ours
    return cls._from_document(fields, classes, depth)


def _class_named(name: str, classes: dict[str, type[Transform]]) -> type[Transform]:
    if name in classes:
        return classes[name]
    if ":" in name:
        module, _, path = name.partition(":")
        found: Any = sys.modules.get(module)
        for part in path.split("."):
            found = _held_by(found).get(part)
    else:
        found = _catalog().get(name)
    # The type, not isinstance, which asks an object for its __class__.
    is_one = issubclass(type(found), type) and issubclass(found, Transform)
    if not is_one or (is_ours(found) and found not in _catalog().values()):
        base = ", which other classes derive from" if is_one else ""
        raise ValueError(
            "transform must be a class of augmentlab.transforms, or module:QualName of a loaded subclass of Transform; "
            f"got {shown(name)}{base}"
        )
    return cast("type[Transform]", found)


def _held_by(owner: Any) -> Mapping[str, Any]:
    """What a module or a class holds, read so that no code of it runs: a lazy module would load at any other way."""
    held: Mapping[str, Any] = {}
    for kind in (ModuleType, type):
        if issubclass(type(owner), kind):
            held = vars(kind)["__dict__"].__get__(owner)
    return held


@functools.cache
def _catalog() -> dict[str, Any]:
    homes = importlib.import_module("augmentlab.compose"), importlib.import_module("augmentlab.transforms")
    return {name: getattr(home, name) for home in homes for name in home.__all__}

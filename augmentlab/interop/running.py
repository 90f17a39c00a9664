"""Exported text, run by its library on an image."""

import importlib.util
from typing import Any

import numpy as np

from augmentlab.interop import target
from augmentlab.pixels import Array


def is_installed(name: str) -> bool:
    """Whether a target can be run on this machine."""
    one = target(name)
    if (ready := getattr(one, "is_installed", None)) is not None:
        return bool(ready())
    return all(importlib.util.find_spec(package) is not None for package in one.packages)


def run(text: str, name: str, image: Array) -> Array:
    """What the exported `text` makes of `image`, (H, W) or (H, W, C) uint8, in its own process or language.

    Only text that `export` wrote: it is executed.
    """
    one = target(name)
    own = getattr(one, "run", None)
    if own is not None:
        return np.asarray(own(text, image))
    namespace: dict[str, Any] = {}
    exec(compile(text, f"<{name}>", "exec"), namespace)  # noqa: S102  (our own text)
    return np.asarray(namespace["pipeline"](image))

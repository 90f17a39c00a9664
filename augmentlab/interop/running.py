"""Exported text, run by its library on an image."""

import importlib.util
import sys
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

    Raises
    ------
    RuntimeError
        Where PyTorch, loaded after TensorFlow, would crash.
    """
    one = target(name)
    _in_order(one.packages)
    own = getattr(one, "run", None)
    if own is not None:
        return np.asarray(own(text, image))
    namespace: dict[str, Any] = {}
    exec(compile(text, f"<{name}>", "exec"), namespace)  # noqa: S102  (our own text)  # nosec B102
    return np.asarray(namespace["pipeline"](image))


def _in_order(packages: tuple[str, ...]) -> None:
    """Load what crashes the process when TensorFlow is there before it: triton, which PyTorch loads late."""
    if "triton" in sys.modules or importlib.util.find_spec("triton") is None:
        return
    if {"tensorflow", "keras"} & set(packages) and "tensorflow" not in sys.modules:
        importlib.import_module("triton")
    if {"torch", "torchvision", "kornia"} & set(packages) and "tensorflow" in sys.modules:
        raise RuntimeError(
            "PyTorch's triton crashes when TensorFlow is loaded before it; import triton first, in a new session"
        )

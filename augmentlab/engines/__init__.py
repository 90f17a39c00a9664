"""The pixel primitives, behind one choice of engine.

An engine is a module of the same few functions (`warp`, `remap`, `resize`, `gaussian`, ...). Transforms call
``engines.current()`` for it; only engine modules know the packages that move pixels. ``reference`` (scikit-image, SciPy,
NumPy) defines every result.
"""

import contextlib
import contextvars
import importlib
from collections.abc import Iterator
from typing import Any

NAMES = ("reference",)

_engine: contextvars.ContextVar[str] = contextvars.ContextVar("augmentlab_engine", default="reference")


def current() -> Any:
    """The module of primitives in use."""
    return importlib.import_module(f"augmentlab.engines.{_engine.get()}")


def current_name() -> str:
    """The name of the engine in use, as a study records it."""
    return _engine.get()


@contextlib.contextmanager
def engine(name: str) -> Iterator[None]:
    """Use the named engine inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    name : {"reference"}
        Which engine.

    Raises
    ------
    ValueError
        For a name that is not an engine.
    """
    if name not in NAMES:
        raise ValueError(f"engine must be one of {', '.join(map(repr, NAMES))}; got {name!r}")
    token = _engine.set(name)
    try:
        yield
    finally:
        _engine.reset(token)

"""The pixel primitives, behind one choice of engine.

An engine has the same few functions (`warp`, `remap`, `resize`, `gaussian`, ...). Transforms call
``engines.current()`` for it; only engine modules know the packages that move pixels. ``reference`` (scikit-image, SciPy,
NumPy) defines every result. ``fast`` (OpenCV and Numba) gives the same, to one level of uint8, and is the default where
OpenCV 5 or later is installed: older ones interpolate at 1/32 of a pixel.
"""

import contextlib
import contextvars
import functools
import importlib
import os
import threading
import warnings
from collections.abc import Iterator
from typing import Any

NAMES = ("reference", "fast")

_engine: contextvars.ContextVar[str | None] = contextvars.ContextVar("augmentlab_engine", default=None)
_loaded: dict[str, Any] = {}


class _Fast:
    """The fast engine: a primitive becomes an attribute when it is first asked for and agrees with the reference.

    One that does not agree is the reference's from then on, with one warning, as is what `fast` does not define.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        if hasattr(os, "register_at_fork"):  # the lock may be held by a thread that a forked child does not have
            os.register_at_fork(after_in_child=self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from augmentlab.engines import fast, reference, selftest

        with self._lock:
            if name in self.__dict__:  # while this thread waited
                return self.__dict__[name]
            value = getattr(reference, name)
            wrong = None
            if name in fast.CASES:
                candidate = getattr(fast, name)
                wrong = selftest.disagreement(candidate, value, fast.CASES[name])
                value = candidate if wrong is None else value
            self.__dict__[name] = value
        if wrong is not None:
            selftest.warn(name, f"{wrong} with OpenCV {_opencv()}")
        return value


def current() -> Any:
    """The engine in use: an object whose attributes are the primitives."""
    name = _engine.get()
    try:
        return _loaded[name]  # type: ignore[index]
    except KeyError:
        pass
    chosen = name or _default()
    engine = _loaded.get(chosen)
    if engine is None:
        # Two threads that come first together must get one object, for the sake of its one warning.
        made = _Fast() if chosen == "fast" else importlib.import_module(f"augmentlab.engines.{chosen}")
        engine = _loaded.setdefault(chosen, made)
    if name is None:
        _loaded[None] = engine  # type: ignore[index]
    return engine


def current_name() -> str:
    """The name of the engine in use, as a study records it."""
    return _engine.get() or _default()


@contextlib.contextmanager
def engine(name: str) -> Iterator[None]:
    """Use the named engine inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    name : {"reference", "fast"}
        Which engine.

    Raises
    ------
    ValueError
        For a name that is not an engine.
    ImportError
        For ``"fast"`` without OpenCV 5 or later.
    """
    if name not in NAMES:
        raise ValueError(f"engine must be one of {', '.join(map(repr, NAMES))}; got {name!r}")
    if name == "fast" and _default() != "fast":
        found = _opencv()
        raise ImportError(
            'engine "fast" needs OpenCV 5 or later: python -m pip install "augmentlab[fast]"; '
            f"found {'no OpenCV' if found is None else f'OpenCV {found}'}"
        )
    token = _engine.set(name)
    try:
        yield
    finally:
        _engine.reset(token)


def wait(timeout: float | None = None) -> None:
    """Block until the Numba kernels of the fast engine are compiled, at most `timeout` seconds.

    They compile in a background thread and the reference's functions run until then, so nobody needs to wait for a
    result. A benchmark does, to time what it means to time. Without Numba there is nothing to wait for.
    """
    from augmentlab.engines import kernels

    kernels.wait(timeout)


@functools.cache
def _opencv() -> str | None:
    """The version of the OpenCV that is installed and works, or None."""
    try:
        import cv2

        version = str(cv2.__version__)
        if int(version.split(".", maxsplit=1)[0]) >= 5:
            importlib.import_module("augmentlab.engines.fast")
    except ImportError:  # also when a library that it needs is missing
        return None
    except Exception as error:  # noqa: BLE001  (half of it was uninstalled)
        warnings.warn(
            f"the OpenCV that is installed does not work ({type(error).__name__}: {error}); "
            "the reference engine is used instead",
            RuntimeWarning,
            stacklevel=3,
        )
        return None
    return version


@functools.cache
def _default() -> str:
    version = _opencv()
    return "fast" if version is not None and int(version.split(".")[0]) >= 5 else "reference"

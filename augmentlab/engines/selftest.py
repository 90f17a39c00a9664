"""Whether a fast primitive may stand in for the reference's: both are run on a few tiny inputs."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from augmentlab.pixels import full_scale

Case = tuple[tuple[Any, ...], dict[str, Any]]  # positional and keyword arguments; the first is the image

LEVELS = 1  # of uint8
TOLERANCE = 1e-4  # of floats, as a share of full scale


def disagreement(function: Callable[..., Any], expected: Callable[..., Any], cases: Iterable[Case]) -> str | None:
    """What is wrong with `function`, as the end of a sentence; None when it agrees with `expected` in all `cases`.

    They agree when uint8 results differ by at most one level, floats by 1e-4 of full scale, and all else not at all.
    """
    for arguments, options in cases:
        try:
            ours = function(*arguments, **options)
        except Exception as error:  # noqa: BLE001  whatever it is, the reference works
            return f"raised {type(error).__name__}: {' '.join(str(error).split())}"
        theirs = expected(*arguments, **options)
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            return f"gave {ours.dtype} {ours.shape} instead of {theirs.dtype} {theirs.shape}"
        if ours.dtype == np.uint8:
            levels = int(np.abs(ours.astype(np.int16) - theirs).max())
            if levels > LEVELS:
                return f"was off by {levels} levels"
        elif ours.dtype.kind == "f":
            whole = full_scale(arguments[0].dtype) if isinstance(arguments[0], np.ndarray) else 1.0
            share = float(np.abs(ours - theirs).max()) / whole
            if not share <= TOLERANCE:  # NaN as well
                return f"was off by {share:.2g} of full scale"
        elif not np.array_equal(ours, theirs):
            return f"was off at {np.mean(ours != theirs):.1%} of the values"
    return None


def warn(what: str, wrong: str) -> None:
    """Say what will not be used, and why, to the caller's caller."""
    sentence = f"{what} of the fast engine {wrong}; the reference's is used instead"
    warnings.warn(sentence, RuntimeWarning, stacklevel=3)

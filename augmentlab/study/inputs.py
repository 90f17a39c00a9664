"""What a study is given: checked, in one sentence where it will not do."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import numpy as np

import augmentlab
from augmentlab.compose import Compose
from augmentlab.data import Dataset
from augmentlab.policies import TrivialAugment
from augmentlab.study.spaces import Arm
from augmentlab.transform import Transform

if TYPE_CHECKING:
    from collections.abc import Sequence

TRIVIAL = "TrivialAugment"
_PACKAGES = ("numpy", "scipy", "scikit-image", "scikit-learn")  # whose versions can change a result


def check_data(data: Any) -> None:
    """Raise for what is no set of images with one class each."""
    if not isinstance(data, Dataset):
        raise TypeError(
            f"data must be an augmentlab Dataset; got {type(data).__name__}: make one with Dataset(images, labels) "
            "or data.from_folder(path)"
        )
    if len(data) > 20 and len(data.classes) > len(data) / 2 and all(map(_is_number, data.classes)):
        raise ValueError(
            f"labels must be classes; got {len(data.classes)} different values for {len(data)} images, "
            "which looks like a measurement (regression is not supported)"
        )


def preprocessing(preprocess: Transform | None) -> Compose:
    """Return the preprocessing as a Compose; it must be the same for every image."""
    if preprocess is None:
        return Compose(())
    if not isinstance(preprocess, Transform):
        raise TypeError(f"preprocess must be a Transform; got {preprocess!r:.80}")
    if preprocess.is_random:
        raise ValueError(
            f"preprocess must be the same for every image, without p and distributions; got {preprocess!r}"
        )
    for step in preprocess.walk():
        if not step.bounded:
            raise ValueError(
                f"preprocess must keep images in [0, 1], since the arms come after it; got {step!r}: "
                "put it at the end of each arm"
            )
    return preprocess if isinstance(preprocess, Compose) else Compose((preprocess,))


def common_preparation(arms: Sequence[Arm]) -> Compose:
    """Return the preprocessing that is part of the arms' pipelines, which validation and control need as well."""
    parts = [arm.pipeline.deterministic() for arm in arms]
    for arm, part in zip(arms, parts, strict=True):
        if part != parts[0]:
            raise ValueError(
                f"arms must have the same preprocessing steps; {arms[0].label!r} has {parts[0]!r} and {arm.label!r} "
                f"has {part!r}: give them as preprocess=..."
            )
    return parts[0]


def idle(arms: Sequence[Arm]) -> list[Arm]:
    """Return the arms that do nothing beside the preprocessing, which the control has as well.

    Nothing that is asked for is not among them: ``Compose([])``, and a level of 0 among others, as in a grid.
    """
    return [
        arm
        for arm in arms
        if arm.pipeline.steps
        and all(step.is_identity or step.deterministic() == step for step in arm.pipeline.steps)
        and all(isinstance(level, bool) for _, level in arm.point)
    ]


def second_control(arms: Sequence[Arm], preparation: Compose) -> list[Arm]:
    """Return TrivialAugment as an arm of its own; nothing when it is among the arms already."""
    arm = Arm(label=TRIVIAL, transform=Compose((TrivialAugment(), *preparation.steps)))
    if any(one.identity == arm.identity for one in arms):
        return []
    if any(one.label == TRIVIAL for one in arms):
        raise ValueError(f"arms must not be called {TRIVIAL!r}: a study adds that one itself; give trivial=False")
    return [arm]


def region(rope: Any, scale: float) -> float:
    """Return the half width of the region of practical equivalence; half a point, or as much of another metric."""
    if rope is None:
        return 0.005 * scale
    if isinstance(rope, bool) or not isinstance(rope, (int, float, np.integer, np.floating)) or not 0 <= rope < 100:
        raise ValueError(f"rope must be a number of points in [0, 100); got {rope!r}")
    return float(rope)


def count(name: str, value: Any, low: int) -> int:
    """Return a whole number that is at least `low`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int >= {low}; got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be an int >= {low}; got {value}")
    return int(value)


def seed_of(seed: int, stream: int) -> int:
    """Return one number for a stream of a study's seed."""
    return int(np.random.default_rng((seed, stream)).integers(2**31))


def versions() -> dict[str, str]:
    """Return the versions of the packages that can change a result."""
    found = {package: importlib.metadata.version(package) for package in _PACKAGES}
    return {"augmentlab": augmentlab.__version__, **found}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

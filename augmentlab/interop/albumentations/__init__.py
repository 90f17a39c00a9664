"""Albumentations 2.0.8 (MIT): draws for itself; boxes, masks and keypoints follow there too."""

import os
from typing import Any

import numpy as np

from augmentlab.compose import Compose, OneOf, RandomOrder, SomeOf
from augmentlab.distributions import Distribution
from augmentlab.interop.albumentations.apart import APART
from augmentlab.interop.albumentations.both import Both
from augmentlab.interop.albumentations.classes import CLASSES
from augmentlab.interop.albumentations.colors import COLORS
from augmentlab.interop.albumentations.geometry import GEOMETRY
from augmentlab.interop.albumentations.pixels import PIXELS
from augmentlab.interop.albumentations.sizes import SIZES
from augmentlab.interop.grades import RefusedError
from augmentlab.interop.sampling import Groups, Lines, Sampling, indented, number
from augmentlab.transform import Transform

TABLE: dict[type[Transform], Both] = GEOMETRY | SIZES | COLORS | PIXELS


def _run(text: str, image: Any) -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version
    namespace: dict[str, Any] = {}
    exec(compile(text, "<albumentations>", "exec"), namespace)  # noqa: S102  (our own text)  # nosec B102
    return np.asarray(namespace["pipeline"](image=image)["image"])


def _sequence(children: Lines, step: Compose) -> Lines:
    return ["A.Sequential([", *children, f"], p={number(step.p)})"]


def _one_of(children: Lines, step: OneOf) -> Lines:
    return ["A.OneOf([", *children, f"], p={number(step.p)})"]


def _weighted(lines: Lines, step: Transform, weight: float) -> Lines:
    # It takes the steps' own p for weights, and always applies the one that it draws.
    if step.p == weight == 1:
        return lines
    return ["A.Sequential([", *indented(lines), f"], p={number(weight)}),"]


def _some_of(children: Lines, step: SomeOf) -> Lines:
    if isinstance(step.n, Distribution):
        raise RefusedError("it does not draw how many", "n as a number can be exported")
    # Its SomeOf sorts what it draws, also where a step may come twice; its RandomOrder does not.
    name, replace = ("RandomOrder", ", replace=True") if step.replace else ("SomeOf", "")
    return [f"A.{name}([", *children, f"], n={step.n}{replace}, p={number(step.p)})"]


def _any_order(children: Lines, step: RandomOrder) -> Lines:
    return ["A.RandomOrder([", *children, f"], n={len(step.steps)}, p={number(step.p)})"]


TARGET = Sampling(
    "albumentations",
    "Albumentations",
    ("albumentations",),
    ("import albumentations as A", "import cv2"),
    rows=TABLE,
    groups=Groups(_sequence, _one_of, _some_of, _any_order, weighted=_weighted, nothing="A.NoOp(p=1)"),
    top=lambda lines: ["pipeline = A.Compose([", *indented(lines), "])"],
    run=_run,
    refusals={
        ours: RefusedError(
            f"its {theirs} computes otherwise: {reason}", f"the nearest that can be exported is {nearest}"
        )
        for theirs, ours, reason, nearest in APART
        if ours is not None
    },
    functions=CLASSES,
    usage='Use: pipeline(image=image)["image"], image being (H, W, 3) or (H, W) uint8. Give A.Compose no seed: in\n'
    "Albumentations 2.0.8 every step then draws the same numbers as all others.",
)

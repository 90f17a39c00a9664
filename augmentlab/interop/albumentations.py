"""Albumentations 2.0.8 (MIT): draws for itself; boxes, masks and keypoints follow there too."""

import os
from typing import Any

import numpy as np

from augmentlab import transforms as T  # noqa: N812
from augmentlab.compose import Compose, OneOf
from augmentlab.interop.grades import EXACT, ONE
from augmentlab.interop.sampling import Groups, Lines, Row, Sampling, fixed, indented, number, pair, span

_BORDERS = {
    "constant": "cv2.BORDER_CONSTANT",
    "edge": "cv2.BORDER_REPLICATE",
    "reflect": "cv2.BORDER_REFLECT_101",
    "symmetric": "cv2.BORDER_REFLECT",
    "wrap": "cv2.BORDER_WRAP",
}


def _border(step: Any) -> str:
    border, fill = fixed(step, "border", "fill")
    return f"border_mode={_BORDERS[border]}, fill={number(fill * 255)}"


def _run(text: str, image: Any) -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    namespace: dict[str, Any] = {}
    exec(compile(text, "<albumentations>", "exec"), namespace)  # noqa: S102  (our own text)
    return np.asarray(namespace["pipeline"](image=image)["image"])


def _sequence(children: Lines, step: Compose) -> Lines:
    return ["A.Sequential([", *children, f"], p={number(step.p)})"]


def _one_of(children: Lines, step: OneOf) -> Lines:
    return ["A.OneOf([", *children, f"], p={number(step.p)})"]


ROWS: dict[type[T.HorizontalFlip] | type[Any], Row] = {
    T.HorizontalFlip: Row("A.HorizontalFlip", lambda step: f"A.HorizontalFlip(p={number(step.p)})"),
    T.Rotate: Row(
        "A.Rotate",
        lambda step: f"A.Rotate(limit={pair(span(step.angle))}, {_border(step)}, p={number(step.p)})",
        ONE,
        "OpenCV interpolates in single precision",
    ),
    T.Invert: Row("A.InvertImg", lambda step: f"A.InvertImg(p={number(step.p)})", EXACT),
}

TARGET = Sampling(
    "albumentations",
    "Albumentations",
    ("albumentations",),
    ("import albumentations as A", "import cv2"),
    rows=ROWS,
    groups=Groups(_sequence, _one_of),
    top=lambda lines: ["pipeline = A.Compose([", *indented(lines), "])"],
    run=_run,
    usage='Use: pipeline(image=image)["image"], image being (H, W, 3) or (H, W) uint8.',
)

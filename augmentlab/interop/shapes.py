"""The shape of an image behind a step that is not drawn yet."""

import dataclasses

from augmentlab.compose import Compose, OneOf, RandomOrder, SomeOf
from augmentlab.transform import Transform

_DRAWS = 16  # of what draws its own size: a choice of few

Shape = tuple[int, ...]


def after(step: Transform, shape: Shape | None) -> Shape | None:
    """The shape behind a step, if it is the same whatever is drawn, however rarely; else None."""
    if shape is None:
        return None
    sizes = {_applied(step, shape)}
    if step.p < 1:
        sizes.add(shape)
    return sizes.pop() if len(sizes) == 1 else None


def _applied(step: Transform, shape: Shape) -> Shape | None:
    """As `after`, where its p has come true."""
    match step:
        case Compose():
            reached: Shape | None = shape
            for one in step.steps:
                reached = after(one, reached)
            return reached
        case OneOf():
            weights = step.weights or [1] * len(step.steps)
            sizes = {after(one, shape) for one, weight in zip(step.steps, weights, strict=True) if weight > 0}
            return sizes.pop() if len(sizes) == 1 else None
        case SomeOf() | RandomOrder():  # which of them come, and when, is drawn
            return shape if all(after(one, shape) == shape for one in step.steps) else None
    drawn = [dataclasses.replace(step, p=1.0).sample(seed) for seed in range(_DRAWS)]
    sizes = {shape if one is None else one.output_shape(shape) for one in drawn}
    return sizes.pop() if len(sizes) == 1 else None

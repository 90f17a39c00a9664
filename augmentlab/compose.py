"""Sequences and choices of transforms, each used as a transform is; and the plan by which a sequence is computed."""

import itertools
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from augmentlab.geometry import Shape
from augmentlab.sample import Sample
from augmentlab.transform import (
    GeometricTransform,
    Rng,
    Transform,
    build,
    check_strength,
    child_seeds,
    generator,
)

__all__ = ["Compose", "OneOf"]


@dataclass(frozen=True, kw_only=True, repr=False)
class _Group(Transform):
    """What sequences and choices share: they hold steps."""

    steps: tuple[Transform, ...] = field(kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        owner = type(self).__name__
        if isinstance(self.steps, Transform) or not isinstance(self.steps, Sequence) or isinstance(self.steps, str):
            raise TypeError(f"{owner}.steps must be a list of transforms; got {self.steps!r:.80}")
        object.__setattr__(self, "steps", tuple(self.steps))
        for index, step in enumerate(self.steps):
            if not isinstance(step, Transform):
                raise TypeError(f"{owner}.steps[{index}] must be a Transform; got {step!r:.80}")

    @property
    def is_random(self) -> bool:
        """Whether any step is, or `p` is below 1."""
        return self.p < 1 or any(step.is_random for step in self.steps)

    @property
    def is_identity(self) -> bool:
        """Whether every step is, or `p` is 0."""
        return self.p == 0 or all(step.is_identity for step in self.steps)

    def scaled(self, strength: float) -> Self:
        """The same with every step scaled."""
        check_strength(strength)
        return self._unchecked(steps=tuple(step.scaled(strength) for step in self.steps))

    def walk(self) -> Iterator[Transform]:
        """This transform and all that it is made of."""
        yield self
        for step in self.steps:
            yield from step.walk()

    def _arguments(self) -> list[str]:
        return [f"p={self.p!r}"] if self.p != 1 else []

    def __repr__(self) -> str:
        steps = f"[{', '.join(map(repr, self.steps))}]"
        return f"{type(self).__name__}({', '.join([steps, *self._arguments()])})"

    def _layout(self) -> str:
        if len(self.steps) < 2 and len(repr(self)) < 100:
            return repr(self)
        steps = textwrap.indent("".join(f"{step._layout()},\n" for step in self.steps), "    ")  # noqa: SLF001
        return f"{type(self).__name__}([\n{steps}]{''.join(f', {one}' for one in self._arguments())})"

    def _document(self) -> dict[str, Any]:
        steps = [step._document() for step in self.steps]  # noqa: SLF001
        return {"transform": type(self).__name__, "steps": steps, **({"p": self.p} if self.p != 1 else {})}

    @classmethod
    def _from_document(cls, fields: dict[str, Any], classes: dict[str, type[Transform]], depth: int) -> Self:
        steps = fields.get("steps")
        if not isinstance(steps, list):
            raise TypeError(f"{cls.__name__}.steps must be a list of transforms; got {steps!r:.80}")
        return cls(**fields | {"steps": [build(step, classes, depth + 1) for step in steps]})


@dataclass(frozen=True, kw_only=True, repr=False)
class Compose(_Group):
    """Several transforms, one after the other.

    Adjacent geometric steps are composed into one coordinate map and the pixels interpolated once; adjacent point steps
    on uint8 become one table. Each step draws from a stream of its own, so that removing one leaves the draws of all
    others as they were. A sampled Compose is a flat Compose of numbers. Called with a list of Samples, it draws each
    step for each sample anew, and a step that mixes samples once for all.

    Parameters
    ----------
    steps : sequence of Transform
        May be empty: then it is the identity.

    Warns
    -----
    UserWarning
        When a step leaves every image as it is.

    Raises
    ------
    ValueError
        When a step that needs values in [0, 1] follows one whose output leaves that range.

    Examples
    --------
    >>> from augmentlab import Compose, HorizontalFlip, Rotate, uniform
    >>> pipeline = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-15, 15))])
    >>> pipeline.sample(rng=1)
    Compose([Rotate(angle=-11.6119)])
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        _last_unbounded(self, None)
        for index, step in enumerate(self.steps):
            if step.p > 0 and step.is_identity and not step.preprocessing and not isinstance(step, _Group):
                warnings.warn(
                    f"step {index}, {step!r}, leaves every image as it is; "
                    f"{type(step).__name__}.typical() has useful values",
                    UserWarning,
                    stacklevel=3,
                )

    def sample(self, rng: Rng = None) -> "Compose | None":
        """A flat Compose of the drawn steps that change the image; None when the whole is not applied."""
        if not self.is_random:
            return self
        rng = generator(rng)
        if rng.random() >= self.p:
            return None
        seeds = child_seeds([type(step).__name__ for step in self.steps], rng)
        drawn = [step.sample(seed) for step, seed in zip(self.steps, seeds, strict=True)]
        flat = (part for step in drawn if step is not None for part in flatten(step))
        return self._unchecked(steps=tuple(step for step in flat if not step.is_identity), p=1.0)

    def deterministic(self) -> "Compose":
        """The inference-time part: the preprocessing steps, without what is random."""
        steps = self.steps if self.p == 1 else ()
        kept = [part for step in steps if (one := step.deterministic()) is not None for part in flatten(one)]
        return self._unchecked(steps=tuple(kept), p=1.0)

    def apply_batch(self, samples: Sequence[Sample]) -> list[Sample]:
        """Apply a drawn sequence to several samples: to each alike, and the steps that mix them to all together."""
        for mixes, steps in itertools.groupby(flatten(self), lambda step: step.mixes):
            if mixes:
                for step in steps:
                    samples = step.apply_batch(samples)
            else:
                part = self._unchecked(steps=tuple(steps))
                samples = [part._apply(sample) for sample in samples]  # noqa: SLF001
        return list(samples)

    def _call_batch(self, samples: list[Sample], rng: np.random.Generator) -> list[Sample]:
        if not self.mixes:
            return super()._call_batch(samples, rng)
        if rng.random() >= self.p:
            return samples
        seeds = child_seeds([type(step).__name__ for step in self.steps], rng)
        for mixes, pairs in itertools.groupby(zip(self.steps, seeds, strict=True), lambda pair: pair[0].mixes):
            if mixes:
                for step, seed in pairs:
                    samples = step._call_batch(samples, generator(seed))  # noqa: SLF001
            else:
                run = list(pairs)
                draws = [[step.sample((*seed, index)) for step, seed in run] for index in range(len(samples))]
                parts = [self._unchecked(steps=tuple(one for one in drawn if one), p=1.0) for drawn in draws]
                samples = [part._apply(sample) for part, sample in zip(parts, samples, strict=True)]  # noqa: SLF001
        return samples

    def _apply(self, sample: Sample) -> Sample:
        for run, _shape in plan(self, sample.image.shape[:2]):
            sample = run[0].apply_run(run, sample)
        return sample

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape after all steps."""
        for step in self.steps:
            shape = step.output_shape(shape)
        return shape


@dataclass(frozen=True, kw_only=True, repr=False)
class OneOf(_Group):
    """One of several transforms, drawn anew each time.

    Parameters
    ----------
    steps : sequence of Transform
        At least one.
    weights : sequence of float, optional
        Relative chances, one for each step; equal without them.

    Examples
    --------
    >>> from augmentlab import Brightness, Gamma, OneOf, uniform
    >>> OneOf([Brightness(delta=uniform(-0.2, 0.2)), Gamma(gamma=uniform(0.7, 1.4))]).sample(rng=0)
    Brightness(delta=0.0772984)
    """

    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.steps:
            raise ValueError("OneOf.steps must hold at least one transform; got none")
        if self.weights is None:
            return
        try:
            weights = tuple(float(weight) for weight in self.weights)
        except (TypeError, ValueError):
            raise TypeError(f"OneOf.weights must be numbers; got {self.weights!r:.80}") from None
        if len(weights) != len(self.steps) or not all(0 <= one < float("inf") for one in weights) or sum(weights) <= 0:
            raise ValueError(
                f"OneOf.weights must be {len(self.steps)} numbers >= 0, not all 0, one for each step; got {self.weights!r:.80}"
            )
        object.__setattr__(self, "weights", weights)

    @property
    def is_random(self) -> bool:
        """Always: which step is applied is drawn."""
        return True

    def sample(self, rng: Rng = None) -> Transform | None:
        """The draw of one step; None when nothing is applied."""
        rng = generator(rng)
        if rng.random() >= self.p:
            return None
        weights = np.ones(len(self.steps)) if self.weights is None else np.asarray(self.weights)
        edges = np.cumsum(weights / weights.sum())
        index = min(int(np.searchsorted(edges, rng.random(), side="right")), len(self.steps) - 1)
        return self.steps[index].sample(child_seeds([type(step).__name__ for step in self.steps], rng)[index])

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output, where all steps agree on it; else a ValueError."""
        shapes = {step.output_shape(shape) for step in self.steps}
        if len(shapes) > 1:
            raise ValueError(f"the output shape of {self!r:.80} depends on the draw: {sorted(shapes)}")
        return shapes.pop()

    def _arguments(self) -> list[str]:
        weights = [f"weights={self.weights!r}"] if self.weights is not None else []
        return weights + super()._arguments()

    def _document(self) -> dict[str, Any]:
        return super()._document() | ({"weights": list(self.weights)} if self.weights is not None else {})


def _last_unbounded(step: Transform, before: Transform | None) -> Transform | None:
    """What left [0, 1] last, `step` included, when `before` had left it; an error where a step cannot take that."""
    if isinstance(step, OneOf):
        left = [_last_unbounded(one, before) for one in step.steps]
        return next((one for one in left if one is not None), None)
    if isinstance(step, Compose):
        for one in step.steps:
            before = _last_unbounded(one, before)
        return before
    if before is not None and not isinstance(step, GeometricTransform):
        raise ValueError(
            f"{type(step).__name__} cannot follow {type(before).__name__}, whose output is not in [0, 1]; "
            f"put {type(before).__name__} last"
        )
    return before if step.bounded else step


def flatten(step: Transform) -> Iterator[Transform]:
    """The steps of nested sequences that are always applied, in order; a step that is no sequence is itself."""
    if isinstance(step, Compose) and step.p == 1:
        for part in step.steps:
            yield from flatten(part)
    else:
        yield step


def plan(pipeline: Transform, shape: Shape) -> list[tuple[tuple[Transform, ...], Shape]]:
    """How a drawn pipeline is computed on an image of `shape` (H, W): runs of steps, each with its input shape."""
    runs: list[tuple[tuple[Transform, ...], Shape]] = []
    joinable = False
    for step in flatten(pipeline):
        if runs and joinable and step.joins(runs[-1][0], shape):
            runs[-1] = ((*runs[-1][0], step), runs[-1][1])
        else:
            runs.append(((step,), shape))
        # A step that computes its pixels in a way of its own cannot be the start of a run either.
        joinable = not isinstance(step, GeometricTransform) or step.fuses(shape)
        height, width = step.output_shape(shape)[:2]
        shape = height, width
    return runs

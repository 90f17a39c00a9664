"""Sequences, choices and blends of transforms, each used as a transform is; and how a sequence is computed."""

import itertools
import math
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab.bases import GeometricTransform
from augmentlab.distributions import Choice, Distribution, Integers, from_json, integers, shown, to_json
from augmentlab.documents import build
from augmentlab.geometry import Shape
from augmentlab.params import SEED_MAX, Typical, parameters
from augmentlab.pixels import Array, rounded
from augmentlab.sample import Sample
from augmentlab.streams import Rng, Root, generator, numbered
from augmentlab.transform import Transform, check_strength

_quiet = ContextVar("_quiet", default=False)
_MOST_ORDERS = 10_000  # combinations of steps and shapes that are looked at
STRUCTURE = {"structure": True}  # marks the fields of a group that are written down by the group itself

__all__ = ["Blend", "Compose", "OneOf", "RandomOrder", "SomeOf"]


@contextmanager
def quietly() -> Iterator[None]:
    """Make pipelines without a warning of what they hold, in this thread or task only.

    Filters of warnings are those of the whole process, and a study that runs in another thread may have set its own.
    """
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


@dataclass(frozen=True, kw_only=True, repr=False)
class _Group(Transform):
    """What sequences and choices share: they hold steps."""

    steps: Sequence[Transform] = field(kw_only=False, metadata=STRUCTURE)

    def __post_init__(self) -> None:
        super().__post_init__()
        owner = type(self).__name__
        if isinstance(self.steps, Transform) or not isinstance(self.steps, Sequence) or isinstance(self.steps, str):
            raise TypeError(f"{owner}.steps must be a list of transforms; got {shown(self.steps)}")
        object.__setattr__(self, "steps", tuple(self.steps))
        for index, step in enumerate(self.steps):
            if not isinstance(step, Transform):
                raise TypeError(f"{owner}.steps[{index}] must be a Transform; got {shown(step)}")

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

    def may_follow(self, index: int, other: int) -> bool:  # noqa: ARG002
        """Whether step `index` may be applied to what step `other` returned, where the order is not that of the steps."""
        return False

    def names(self) -> list[tuple[str, int]]:
        """The names of the steps' streams: class and occurrence, the same whatever the other steps are."""
        return numbered([type(step).__name__ for step in self.steps])

    def _streams(self, rng: np.random.Generator) -> list[np.random.Generator]:
        return Root(rng).children([type(step).__name__ for step in self.steps])

    def _given(self) -> dict[str, Any]:
        """The fields besides the steps that differ from their defaults."""
        values = {one.name: (getattr(self, one.name), one.default) for one in parameters(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    def _arguments(self) -> list[str]:
        return [f"{name}={value!r}" for name, value in self._given().items()]

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
        given = {name: to_json(value) for name, value in self._given().items()}
        return {"transform": type(self).__name__, "steps": steps, **given}

    @classmethod
    def _from_document(cls, fields: dict[str, Any], classes: dict[str, type[Transform]], depth: int) -> Self:
        steps = fields.get("steps")
        if not isinstance(steps, list):
            raise TypeError(f"{cls.__name__}.steps must be a list of transforms; got {shown(steps)}")
        others = {name: from_json(f"{cls.__name__}.{name}", value) for name, value in fields.items()}
        return cls(**others | {"steps": [build(step, classes, depth + 1) for step in steps]})


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
    Compose([Rotate(angle=-13.7632)])
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        _last_unbounded(self, None)
        for index, step in enumerate(() if _quiet.get() else self.steps):
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
        root = Root(rng)
        drawn = [
            step.sample(root.child(*name)) if step.is_random else step
            for step, name in zip(self.steps, self.names(), strict=True)
        ]
        return self._unchecked(steps=_changing(drawn), p=1.0)

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
        root = Root(rng)
        for mixes, pairs in itertools.groupby(zip(self.steps, self.names(), strict=True), lambda pair: pair[0].mixes):
            if mixes:
                for step, name in pairs:
                    samples = step._call_batch(samples, root.child(*name))  # noqa: SLF001
            else:
                run = list(pairs)
                draws = [[step.sample(root.child(*name, index)) for step, name in run] for index in range(len(samples))]
                parts = [self._unchecked(steps=tuple(one for one in drawn if one), p=1.0) for drawn in draws]
                samples = [part._apply(sample) for part, sample in zip(parts, samples, strict=True)]  # noqa: SLF001
        return samples

    def _apply(self, sample: Sample, out: Array | None = None) -> Sample:
        runs = plan(self, sample.image.shape[:2])
        for place, (run, _shape) in enumerate(runs, start=1):
            sample = run[0].apply_run(run, sample, out if place == len(runs) else None)
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
    Brightness(delta=-0.070636)
    """

    weights: Sequence[float] | None = field(default=None, metadata=STRUCTURE)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.steps:
            raise ValueError("OneOf.steps must hold at least one transform; got none")
        if self.weights is None:
            return
        try:
            if any(isinstance(weight, (str, bool)) for weight in self.weights):
                raise TypeError  # noqa: TRY301  (float takes them)
            weights = tuple(float(weight) for weight in self.weights)
        except (TypeError, ValueError, OverflowError):
            raise TypeError(f"OneOf.weights must be numbers; got {shown(self.weights)}") from None
        if len(weights) != len(self.steps) or not all(one >= 0 for one in weights) or not 0 < sum(weights) < math.inf:
            raise ValueError(
                f"OneOf.weights must be {len(self.steps)} numbers >= 0, not all 0, one for each step; got {shown(self.weights)}"
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
        return self.steps[index].sample(Root(rng).child(*self.names()[index]))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output, where all steps agree on it; else a ValueError."""
        return _only(self, {step.output_shape(shape) for step in self.steps})

    def _given(self) -> dict[str, Any]:
        return ({"weights": self.weights} if self.weights is not None else {}) | super()._given()


@dataclass(frozen=True, kw_only=True, repr=False)
class SomeOf(_Group):
    """Some of several transforms, drawn anew each time.

    Without `replace`, those that are drawn are different ones and keep their order. With it, each of the `n` draws is
    among all, and they are applied as they were drawn. What a step draws does not depend on which others there are. A
    sampled SomeOf is a flat Compose of numbers.

    Parameters
    ----------
    steps : sequence of Transform
        At least as many as are drawn at most, unless with `replace`.

    Raises
    ------
    ValueError
        When `n` may be more than there are steps; or when a step that needs values in [0, 1] may follow one whose
        output leaves that range.

    Examples
    --------
    >>> from augmentlab import Brightness, Gamma, HorizontalFlip, SomeOf, integers, uniform
    >>> some = SomeOf([HorizontalFlip(), Brightness(delta=uniform(0, 0.2)), Gamma(gamma=uniform(0.7, 1.4))], n=2)
    >>> some.sample(rng=1)
    Compose([Brightness(delta=0.068329), Gamma(gamma=1.31242)])
    """

    n: Annotated[int, Interval(ge=0, le=64), Typical(1, 4, draw=False), "How many are drawn."] = 1
    replace: Annotated[bool, "Whether a step may be drawn more than once."] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.replace, Distribution):
            raise TypeError(f"SomeOf.replace must be bool; got {shown(self.replace)}")
        most = max(self._counts())
        if most > len(self.steps) and not (self.replace and self.steps):
            raise ValueError(f"SomeOf.n must be at most the number of steps, {len(self.steps)}; got {shown(self.n)}")
        _last_unbounded(self, None)

    @property
    def is_random(self) -> bool:
        """Always: which steps are applied is drawn."""
        return True

    @property
    def is_identity(self) -> bool:
        """Whether every step is, `n` is 0, or `p` is 0."""
        return super().is_identity or max(self._counts()) == 0

    def sample(self, rng: Rng = None) -> Compose | None:
        """A flat Compose of the drawn steps that change the image; None when the whole is not applied."""
        rng = generator(rng)
        if rng.random() >= self.p:
            return None
        root, names = Root(rng), self.names()
        n = self.n.sample(rng) if isinstance(self.n, Distribution) else self.n
        if self.replace:
            chosen = (rng.random(n) * len(self.steps)).astype(int).tolist()
        else:  # one number for each step, so that one more step at the end leaves those of the others
            chosen = sorted(np.argsort(rng.random(len(self.steps)))[:n].tolist())
        times = [chosen[:place].count(index) for place, index in enumerate(chosen)]
        drawn = [
            self.steps[index].sample(root.child(*names[index], *[time][:time]))
            for index, time in zip(chosen, times, strict=True)
        ]
        return _sequence(_changing(drawn))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output, where all draws agree on it; else a ValueError."""
        reached = {(0, shape)}  # by how many steps, and to which shape
        if self.replace:
            for count in range(max(self._counts())):
                reached |= {
                    (count + 1, step.output_shape(one)) for k, one in reached if k == count for step in self.steps
                }
        else:
            for step in self.steps:
                reached |= {(count + 1, step.output_shape(one)) for count, one in reached}
        return _only(self, {one for count, one in reached if count in self._counts()})

    @property
    def keeps_order(self) -> bool:
        """Whether what is drawn is applied in the order of the steps, and more than one may be."""
        return not self.replace and max(self._counts()) > 1

    def may_follow(self, index: int, other: int) -> bool:  # noqa: ARG002
        """With `replace`, any may follow any."""
        return self.replace and max(self._counts()) > 1

    def _counts(self) -> Sequence[int]:
        """Every number of steps that may be drawn."""
        if isinstance(self.n, Choice):
            return self.n.values
        return range(self.n.low, self.n.high + 1) if isinstance(self.n, Integers) else (self.n,)


@dataclass(frozen=True, kw_only=True, repr=False)
class RandomOrder(_Group):
    """Several transforms one after the other, in an order drawn anew each time.

    What a step draws does not depend on the order or on which others there are. A sampled RandomOrder is a flat Compose
    of numbers.

    Parameters
    ----------
    steps : sequence of Transform
        May be empty: then it is the identity.

    Raises
    ------
    ValueError
        When a step that needs values in [0, 1] may follow one whose output leaves that range.

    Examples
    --------
    >>> from augmentlab import Brightness, HorizontalFlip, Invert, RandomOrder, uniform
    >>> RandomOrder([HorizontalFlip(), Brightness(delta=uniform(0, 0.2)), Invert()]).sample(rng=1)
    Compose([Brightness(delta=0.068329), Invert(), HorizontalFlip()])
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        _last_unbounded(self, None)

    @property
    def is_random(self) -> bool:
        """Always: the order is drawn."""
        return True

    def sample(self, rng: Rng = None) -> Compose | None:
        """A flat Compose of the drawn steps that change the image; None when the whole is not applied."""
        rng = generator(rng)
        if rng.random() >= self.p:
            return None
        drawn = [step.sample(stream) for step, stream in zip(self.steps, self._streams(rng), strict=True)]
        order = np.argsort(rng.random(len(drawn))).tolist()
        return _sequence(_changing(drawn[index] for index in order))

    def may_follow(self, index: int, other: int) -> bool:
        """Any may follow any other."""
        return index != other

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output, where all orders agree on it; else a ValueError."""
        if all(step.output_shape(shape) == shape for step in self.steps):
            return shape
        reached = {(frozenset[int](), shape)}  # by which steps, and to which shape
        for _ in self.steps:
            reached = {
                (done | {index}, step.output_shape(one))
                for done, one in reached
                for index, step in enumerate(self.steps)
                if index not in done
            }
            if len(reached) > _MOST_ORDERS:
                raise ValueError(
                    f"RandomOrder.steps must be few where they change the shape; the orders of {len(self.steps)} cannot "
                    "all be looked at"
                )
        return _only(self, {one for _, one in reached})


@dataclass(frozen=True, kw_only=True, repr=False)
class Blend(_Group):
    """The image blended with what each of several transforms makes of it (Hendrycks et al. 2020, "AugMix").

    ``(1 - m) * x + m * (w_1 * t_1(x) + ... + w_k * t_k(x))``, with m from Beta(alpha, alpha) and the weights w from
    Dirichlet(alpha, ..., alpha), both given by `seed`. A sampled Blend is a Blend of drawn steps. Masks, boxes and
    keypoints stay where they are, and are refused when a step moves pixels, for the result shows them in several places.

    Parameters
    ----------
    steps : sequence of Transform
        At least one; each may be a Compose, a chain of several. All keep shape and dtype of the image.

    Raises
    ------
    ValueError
        When a step mixes samples; when applied, if a step changes the shape or the dtype, or moves pixels of a sample
        with a mask, a heatmap, boxes or keypoints.

    Examples
    --------
    >>> import numpy as np
    >>> from augmentlab import Blend, Invert
    >>> Blend([Invert()], seed=1).apply(np.zeros((1, 1), np.uint8))
    array([[108]], dtype=uint8)
    """

    alpha: Annotated[
        float, Interval(gt=0, le=32), Typical(0.5, 4, draw=False), "Of the distributions: larger is more evenly mixed."
    ] = 1.0
    seed: Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all weights; drawn anew unless given."] = integers(
        0, SEED_MAX
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.steps:
            raise ValueError("Blend.steps must hold at least one transform; got none")
        if self.mixes:
            raise ValueError(f"Blend.steps must each take a single sample; got {shown(self.steps)}")

    @property
    def is_random(self) -> bool:
        """Whether a step is, `p` is below 1, or the weights are not drawn yet."""
        return super().is_random or isinstance(self.seed, Distribution) or isinstance(self.alpha, Distribution)

    def sample(self, rng: Rng = None) -> "Blend | None":
        """A Blend of the drawn steps with its weights drawn; None when it is not applied."""
        if not self.is_random:
            return self
        rng = generator(rng)
        if rng.random() >= self.p:
            return None
        streams = self._streams(rng)
        drawn = {one.name: getattr(self, one.name) for one in parameters(self)}
        drawn = {name: value.sample(rng) if isinstance(value, Distribution) else value for name, value in drawn.items()}
        steps = [step.sample(stream) for step, stream in zip(self.steps, streams, strict=True)]
        return self._unchecked(
            **drawn | {"steps": tuple(_sequence(()) if step is None else step for step in steps), "p": 1.0}
        )

    def shares(self) -> NDArray[np.float64]:
        """The share of each step's image in the result of a drawn Blend, (number of steps,); the rest is the image's."""
        rng = np.random.default_rng(self.seed)
        return np.asarray(rng.beta(self.alpha, self.alpha) * rng.dirichlet([self.alpha] * len(self.steps)))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output, which is that of the input; a ValueError where a step does not keep it."""
        for step in self.steps:
            if (other := step.output_shape(shape)) != shape:
                raise ValueError(f"Blend.steps must keep shape {shape}; got {other} from {step!r:.80}")
        return shape

    @classmethod
    def apply_run(cls, run: Sequence[Any], sample: Sample, out: Array | None = None) -> Sample:  # noqa: ARG003
        """Blend what each step makes of the image."""
        (blend,) = run
        moving = [part for part in blend.walk() if isinstance(part, GeometricTransform)]
        for name in ("mask", "heatmap", "boxes", "keypoints"):
            if moving and getattr(sample, name) is not None:
                raise ValueError(
                    f"Blend shows what {type(moving[0]).__name__} moves in several places, so {name} cannot follow"
                )
        image = sample.image
        # The differences are summed, not the images: what no step changes, such as alpha, stays bit for bit.
        total = image.astype(np.float64)
        for step, weight in zip(blend.steps, blend.shares(), strict=True):
            seen = step._apply(sample.moved(image=image)).image  # noqa: SLF001
            if seen.shape != image.shape or seen.dtype != image.dtype:
                raise ValueError(
                    f"Blend.steps must keep shape {image.shape} and dtype {image.dtype}; "
                    f"got {seen.shape} and {seen.dtype} from {shown(step)}"
                )
            total += weight * (seen.astype(np.float64) - image)
        return sample.moved(image=rounded(total, image.dtype))


def _changing(drawn: Iterable[Transform | None]) -> tuple[Transform, ...]:
    """What is left of drawn steps, flat: those that are applied and change the image."""
    flat: list[Transform] = []
    for step in drawn:
        if isinstance(step, Compose):
            flat.extend(flatten(step))
        elif step is not None:
            flat.append(step)
    return tuple(step for step in flat if not step.is_identity)


def _sequence(steps: tuple[Transform, ...]) -> Compose:
    """A Compose of what is known to be allowed."""
    return Compose(())._unchecked(steps=steps)  # noqa: SLF001


def _only(step: Transform, shapes: set[tuple[int, ...]]) -> tuple[int, ...]:
    if len(shapes) > 1:
        raise ValueError(f"the output shape of {shown(step)} depends on the draw: {sorted(shapes)}")
    return shapes.pop()


def _last_unbounded(step: Transform, before: Transform | None) -> Transform | None:
    """What left [0, 1] last, `step` included, when `before` had left it; an error where a step cannot take that."""
    if isinstance(step, Compose) or (isinstance(step, SomeOf) and step.keeps_order):
        for one in step.steps:
            before = _last_unbounded(one, before)
        return before
    if isinstance(step, _Group):
        left = [_last_unbounded(one, before) for one in step.steps]
        for other, culprit in enumerate(left):
            if culprit is None or culprit is before:  # what came before has been held against each step above
                continue
            for index, follower in enumerate(step.steps):
                if step.may_follow(index, other):
                    _last_unbounded(follower, culprit)
        return next((one for one in left if one is not None), None)
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
    steps = pipeline.steps if isinstance(pipeline, Compose) and pipeline.p == 1 else (pipeline,)
    if any(isinstance(step, Compose) for step in steps):
        steps = tuple(flatten(pipeline))
    for step in steps:
        if runs and joinable and step.joins(runs[-1][0], shape):
            runs[-1] = ((*runs[-1][0], step), runs[-1][1])
        else:
            runs.append(((step,), shape))
        # A step that computes its pixels in a way of its own cannot be the start of a run either.
        joinable = not isinstance(step, GeometricTransform) or step.fuses(shape)
        height, width = step.output_shape(shape)[:2]
        shape = height, width
    return runs

"""Whole batches: many images through a pipeline, each with a stream of its own."""

import contextvars
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentlab.bases import GeometricTransform, PixelTransform, PointTransform
from augmentlab.compose import Compose
from augmentlab.distributions import Distribution
from augmentlab.params import parameters
from augmentlab.pixels import Array
from augmentlab.sample import Sample, check_image
from augmentlab.streams import Items, Streams, numbered
from augmentlab.transform import Transform

_SMALL = 64 * 64 * 3  # bytes of an image up to which going image by image costs more than the pixels
_CHUNK = 2**20  # bytes of small images that go through a pipeline together: what a core's cache holds


def augment_batch(
    images: Any,
    pipeline: Transform,
    seed: int,
    epoch: int = 0,
    n_jobs: int | None = None,
    *,
    indices: Sequence[int] | None = None,
) -> Any:
    """Draw and apply a pipeline to each of many images.

    Image i gets what ``pipeline(image, rng=(seed, epoch, i))`` returns, bit for bit, whatever the number of workers and
    whatever else is in the batch. Many small images of one shape go through steps that allow it all at once.

    Parameters
    ----------
    images : (N, H, W) or (N, H, W, C) array, or list of arrays or Samples
        Images as everywhere: ``uint8`` or float in [0, 1]; those of a list may differ in shape.
    pipeline : Transform
        One that does not mix samples.
    seed : int
        At least 0.
    epoch : int
        At least 0; a new one means new draws.
    n_jobs : int, optional
        Threads: 1 unless given, -1 for one on each core. All that is heavy releases Python's lock.
    indices : sequence of int, optional
        The number of each image in its data set, from 0 and below 2 ** 32, which names its stream; 0 to N - 1 unless
        given.

    Returns
    -------
    (N, H', W') or (N, H', W', C') array, or list
        An array for an array, a list for a list; ``np.stack`` makes one array of a list whose images are of one shape.

    Raises
    ------
    ValueError, TypeError
        With one sentence; for an image, with its number. An array of images that come out in different shapes or dtypes
        is refused: a list takes them.

    Examples
    --------
    >>> import numpy as np
    >>> from augmentlab import Compose, HorizontalFlip, Rotate, augment_batch, uniform
    >>> images = np.zeros((1000, 28, 28), np.uint8)
    >>> pipeline = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-15, 15))])
    >>> augment_batch(images, pipeline, seed=0, epoch=3).shape
    (1000, 28, 28)
    """
    if not isinstance(pipeline, Transform):
        raise TypeError(f"pipeline must be a Transform; got {type(pipeline).__name__}")
    if pipeline.mixes:
        raise TypeError("pipeline must not mix samples here: call it with a list of them; got " + repr(pipeline)[:80])
    prefix = _count("seed", seed), _count("epoch", epoch)
    _check_images(images)
    numbers = _numbers(indices, len(images))
    if isinstance(images, np.ndarray):
        return _array(images, pipeline, prefix, numbers, _threads(n_jobs))

    def one(place: int) -> Any:
        return _noted(numbers[place], lambda: pipeline(images[place], rng=(*prefix, numbers[place])))

    return _mapped(one, range(len(images)), _threads(n_jobs))


def _array(images: Array, pipeline: Transform, prefix: tuple[int, int], numbers: list[int], threads: int) -> Array:
    small = bool(images.size) and images[0].nbytes <= _SMALL and images.shape[3:] != (4,)
    steps = _stackable(pipeline) if small else None
    size = max(_CHUNK // images[0].nbytes, 1) if steps is not None else 1
    columns = [] if steps is None else _columns(pipeline, steps, prefix, np.array(numbers))
    result: Array | None = None

    def made(start: int) -> Array:
        part = images[start : start + size]
        if steps is not None:
            _check_stack(part, numbers[start : start + size])
            return _stacked(part, [column.part(start, start + size) for column in columns], numbers[start:])
        room = None if result is None else result[start]
        image, number = part[0], numbers[start]
        return np.asarray(_noted(number, lambda: _one(pipeline, image, (*prefix, number), room)))[None]

    def put(start: int) -> None:
        part = made(start)
        assert result is not None
        _check_alike(result[0], part[0])
        if not np.may_share_memory(part, result):
            result[start : start + size] = part

    if not len(images):
        return images.copy()
    first = made(0)
    result = np.empty((len(images), *first.shape[1:]), first.dtype)
    result[:size] = first
    _mapped(put, range(size, len(images), size), threads)
    return result


def _one(pipeline: Transform, image: Array, rng: tuple[int, ...], out: Array | None) -> Array:
    """What the pipeline makes of one image, in `out` where that fits it and a step can write there."""
    check_image(image)
    drawn = pipeline.sample(rng)
    return image if drawn is None else drawn._apply(Sample.moved(_EMPTY, image=image), out).image  # noqa: SLF001


# --- many at once ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """One step with what was drawn for each of several images."""

    step: Transform
    applied: NDArray[np.bool_]
    drawn: dict[str, list[Any]]

    def at(self, index: int) -> Transform:
        """The drawn step of one image."""
        return self.step._unchecked(**{name: values[index] for name, values in self.drawn.items()}, p=1.0)  # noqa: SLF001

    def identity(self) -> NDArray[np.bool_]:
        """For which images the step, when applied, leaves everything as it is."""
        if not self.drawn:
            return np.full(len(self.applied), self.at(0).is_identity)
        if type(self.step).is_identity is not Transform.is_identity:
            return np.array([self.at(index).is_identity for index in range(len(self.applied))])
        strengths = [(one.name, one.default) for one in parameters(self.step) if one.drawn]
        same = np.full(len(self.applied), bool(strengths))
        for name, default in strengths:
            same &= (
                np.array([value == default for value in self.drawn[name]])
                if name in self.drawn
                else (getattr(self.step, name) == default)
            )
        return same

    def part(self, start: int, stop: int) -> "_Column":
        """The same for some of the images."""
        drawn = {name: values[start:stop] for name, values in self.drawn.items()}
        return _Column(self.step, self.applied[start:stop], drawn)

    def of(self, chosen: list[int]) -> "_Column":
        """The same for images to all of which it is applied."""
        drawn = {name: [values[index] for index in chosen] for name, values in self.drawn.items()}
        return _Column(self.step, np.ones(len(chosen), bool), drawn)


def _stackable(pipeline: Transform) -> tuple[Transform, ...] | None:
    """The steps of a pipeline whose draws can be made for many images at once; None for any other."""
    if isinstance(pipeline, Compose) and type(pipeline) is not Compose:
        return None
    steps = pipeline.steps if isinstance(pipeline, Compose) else (pipeline,)
    for step in steps:
        home = next(
            (base for base in (GeometricTransform, PointTransform, PixelTransform) if isinstance(step, base)), None
        )
        changed = home is None or any(
            _function(type(step), name) is not _function(base, name)
            for base, names in ((Transform, ("sample", "_apply", "__call__", "apply")), (home, ("apply_run", "joins")))
            for name in names
        )
        if changed:
            return None
    return tuple(steps)


def _function(cls: type, name: str) -> Any:
    method = getattr(cls, name)
    return getattr(method, "__func__", method)


def _stacks(step: Transform) -> bool:
    """Whether `apply_stack` speaks for the class: a subclass elsewhere may have changed what it does to one image."""
    cls = type(step)
    return cls.__module__.split(".")[0] == "augmentlab" or "apply_stack" in vars(cls)


def _columns(
    pipeline: Transform, steps: tuple[Transform, ...], prefix: tuple[int, int], numbers: NDArray[Any]
) -> list[_Column]:
    """What ``pipeline.sample((*prefix, number))`` draws for each number."""
    items = Items(prefix, numbers)
    every = np.ones(len(numbers), bool)
    if not isinstance(pipeline, Compose):
        return [_column(pipeline, items, every)]
    if not pipeline.is_random:
        return [_Column(step, every, {}) for step in steps]
    whole = items.random() < pipeline.p
    roots = items.roots()
    columns = []
    for step, name in zip(steps, numbered([type(one).__name__ for one in steps]), strict=True):
        column = _column(step, roots.child(*name), whole) if step.is_random else _Column(step, whole, {})
        # A sampled Compose holds no step that leaves the image as it is.
        columns.append(_Column(step, column.applied & ~column.identity(), column.drawn))
    return columns


def _column(step: Transform, streams: Items | Streams, whole: NDArray[np.bool_]) -> _Column:
    if not step.is_random:
        return _Column(step, whole, {})
    applied = whole & (streams.random() < step.p)
    drawn = {
        name: value.many(streams.random()) for name, value in vars(step).items() if isinstance(value, Distribution)
    }
    return _Column(step, applied, drawn)


def _stacked(stack: Array, columns: list[_Column], numbers: list[int]) -> Array:
    """Small images through a pipeline: step by step, or those to which the same steps are applied together."""
    # Only steps that interpolate are computed in another way when they meet because none came between them.
    if not any(_interpolates(column.step) for column in columns):
        done = _step_by_step(stack, columns)
        if done is not None:
            return done
    applied = np.array([column.applied for column in columns], bool).reshape(len(columns), len(stack)).T
    patterns, which = np.unique(applied, axis=0, return_inverse=True)
    result: Array | None = None
    for index, pattern in enumerate(patterns):
        chosen = np.flatnonzero(which.ravel() == index).tolist()
        used = [column.of(chosen) for column, given in zip(columns, pattern, strict=True) if given]
        part = _alike(stack[chosen], used, [numbers[place] for place in chosen])
        if result is None:
            result = np.empty((len(stack), *part.shape[1:]), part.dtype)
        _check_alike(result[0], part[0])
        result[chosen] = part
    assert result is not None
    return result


def _interpolates(step: Transform) -> bool:
    if not isinstance(step, GeometricTransform):
        return False
    cls = type(step)
    return cls.slice_array is GeometricTransform.slice_array and cls.apply_stack is GeometricTransform.apply_stack


def _step_by_step(stack: Array, columns: list[_Column]) -> Array | None:
    """Each step on the images to which it is applied; None where a step cannot do that."""
    before = stack
    for column in columns:
        chosen = np.flatnonzero(column.applied).tolist()
        if not chosen:
            continue
        if not _stacks(column.step):
            return None
        whole = len(chosen) == len(stack)
        part = column.step.apply_stack(*((stack, column.drawn) if whole else (stack[chosen], column.of(chosen).drawn)))
        if part is None:
            return None
        if whole:
            stack = part
        elif part.shape[1:] != stack.shape[1:] or part.dtype != stack.dtype:
            return None
        else:
            stack = stack.copy() if stack is before else stack
            stack[chosen] = part
    return stack


def _alike(stack: Array, columns: list[_Column], numbers: list[int]) -> Array:
    """Images to all of which the same steps are applied."""
    # Steps of one kind side by side are computed together (`Transform.joins`), others never are.
    runs = [list(alike) for _, alike in itertools.groupby(columns, lambda column: _kind(column.step))]
    for place, run in enumerate(runs):
        after: Array | None = stack
        for column in run:
            if after is not None:
                after = column.step.apply_stack(after, column.drawn) if _stacks(column.step) else None
        if after is None:  # image by image, from the beginning of the run
            results = _one_by_one(stack, run, numbers)
            if len({(one.shape, one.dtype) for one in results}) > 1:
                rest = [column for later in runs[place + 1 :] for column in later]
                results = [
                    _one_by_one(one[None], [column.of([index]) for column in rest], [numbers[index]])[0]
                    for index, one in enumerate(results)
                ]
                for one in results:
                    _check_alike(results[0], one)
                return np.stack(results)
            after = np.stack(results)
        stack = after
    return stack


def _kind(step: Transform) -> type | int:
    return next((base for base in (GeometricTransform, PointTransform) if isinstance(step, base)), id(step))


def _one_by_one(stack: Array, columns: list[_Column], numbers: list[int]) -> list[Array]:
    results = []
    for index, image in enumerate(stack):
        drawn = Compose(())._unchecked(steps=tuple(column.at(index) for column in columns))  # noqa: SLF001
        sample = Sample.moved(_EMPTY, image=image)
        results.append(_noted(numbers[index], lambda drawn=drawn, sample=sample: drawn._apply(sample).image))  # type: ignore[misc]  # noqa: SLF001
    return results


def _check_alike(one: Array, other: Array) -> None:
    if one.shape != other.shape or one.dtype != other.dtype:
        raise ValueError(
            f"images must come out alike to be one array; got {one.shape} {one.dtype} and {other.shape} {other.dtype}: "
            "pass a list to get a list"
        )


_EMPTY = Sample(np.zeros((1, 1), np.uint8))


# --- arguments ---------------------------------------------------------------------------------------------------------


def _check_images(images: Any) -> None:
    if isinstance(images, np.ndarray):
        if images.ndim not in {3, 4}:
            raise ValueError(f"images must have shape (N, H, W) or (N, H, W, C); got {images.shape}")
    elif not isinstance(images, (list, tuple)):
        raise TypeError(f"images must be an array or a list of images or Samples; got {type(images).__name__}")


def _check_stack(stack: Array, numbers: list[int]) -> None:
    """As `check_image` of each, which is asked for only where one is amiss."""
    try:
        check_image(stack.reshape(-1, *stack.shape[2:]))
    except (TypeError, ValueError):
        for image, number in zip(stack, numbers, strict=True):
            _noted(number, lambda image=image: check_image(image))  # type: ignore[misc]
        raise


def _count(name: str, number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
        raise TypeError(f"{name} must be an int >= 0; got {number!r}")
    return int(number)


def _numbers(indices: Any, length: int) -> list[int]:
    if indices is None:
        return list(range(length))
    try:
        numbers = [_count("indices", one) for one in indices]
    except TypeError:
        raise TypeError(f"indices must be ints >= 0, one for each image; got {indices!r:.80}") from None
    if len(numbers) != length or any(one >= 2**32 for one in numbers):
        raise ValueError(f"indices must be {length} ints below 2 ** 32, one for each image; got {numbers!r:.80}")
    return numbers


def _threads(n_jobs: Any) -> int:
    if n_jobs is None:
        return 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, (int, np.integer)) or (n_jobs < 1 and n_jobs != -1):
        raise ValueError(f"n_jobs must be an int >= 1, or -1 for all cores; got {n_jobs!r}")
    if n_jobs > 0:
        return int(n_jobs)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mapped(function: Callable[[int], Any], places: range, threads: int) -> list[Any]:
    """The function of each place, in order; with several threads, in their pool and under the caller's engine."""
    if threads == 1 or len(places) < 2:
        return [function(place) for place in places]
    contexts = [contextvars.copy_context() for _ in places]
    with ThreadPoolExecutor(min(threads, len(places))) as pool:
        futures = [pool.submit(context.run, function, place) for context, place in zip(contexts, places, strict=True)]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()


def _noted(number: int, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:
        error.add_note(f"in image {number} of the batch")
        raise

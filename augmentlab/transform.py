"""Transform and its bases: a subclass says what it is, the base does the rest.

A transform is a frozen dataclass of declared parameters (see `augmentlab.params`) and a pure function on a `Sample`.
Sampling a transform gives a transform: every distribution is replaced by a number, so a record of what happened is a
pipeline that can be printed, stored and applied again.
"""

import dataclasses
import functools
import importlib
import inspect
import json
import math
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from annotated_types import Interval

from augmentlab import engines, geometry
from augmentlab.geometry import Map, Shape
from augmentlab.params import DISTRIBUTIONS, Distribution, Parameter, Typical, documented, parameters, shown
from augmentlab.pixels import Array, from_unit, to_unit
from augmentlab.sample import KEYWORDS, OPTIONS, Sample, check_image, from_keywords, split_alpha, to_keywords
from augmentlab.streams import Root

SCHEMA_VERSION = 1
# What is beyond these is nothing that a person wrote.
_MAX_DEPTH = 32  # of pipelines in pipelines
_MAX_NESTING = 100  # of lists and dicts in a document
_MAX_VALUES = 100_000  # in a document
MAX_BYTES = 16 * 2**20  # of a document as text

Rng = int | Sequence[int] | np.random.Generator | None


class _Signature:
    """What help and completion show: the fields, which ``__new__`` would hide from them."""

    def __get__(self, _: Any, cls: type) -> inspect.Signature:
        fields = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
        return inspect.Signature([field.replace(annotation=inspect.Parameter.empty) for field in fields])


@dataclass(frozen=True, kw_only=True, repr=False)
class Transform:
    """A named, declared, pure function on images and what belongs to them.

    Subclass one of `GeometricTransform`, `PointTransform`, `PixelTransform` and `BatchTransform`, decorate the class
    with ``@dataclass(frozen=True, kw_only=True)`` and declare each parameter as an annotated field. Nothing needs to be
    registered.
    """

    p: Annotated[float, Interval(ge=0, le=1), Typical(0, 1, draw=False), "Probability of applying the step."] = 1.0

    __slots__ = ("__dict__", "__weakref__", "_held")  # vars() holds the fields and nothing else

    preprocessing: ClassVar[bool] = False  # belongs to inference as well, where nothing in it is random
    needs: ClassVar[str] = "image"  # "mask": a Sample that has one; "batch": a list of Samples, which are mixed
    __signature__: ClassVar[_Signature] = _Signature()
    bounded: ClassVar[bool] = True  # whether the output of a bounded image stays in [0, 1]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__repr__ = cls.__repr__  # type: ignore[method-assign]  # dataclass makes one only where the class has none
        if cls.__doc__:
            cls.__doc__ = documented(cls)

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Self:
        """Refuse an unknown field in one sentence, before dataclasses do it in another."""
        fields = dataclasses.fields(cls)
        names = [field.name for field in fields]
        declared = [parameter.name for parameter in parameters(cls)]
        bare = [field.name for field in fields if field.name not in declared and not field.metadata.get("structure")]
        if bare:  # it would be in no record, so that two different transforms would count as one
            raise TypeError(
                f"{cls.__name__}.{bare[0]} must be declared as "
                "Annotated[float, Interval(ge=..., le=...), 'one sentence'] (or int, bool, Literal, tuple[float, ...])"
            )
        missing = [name for name in declared if name not in names]
        if missing:
            raise TypeError(
                f"{cls.__name__} must be decorated with @dataclass(frozen=True, kw_only=True); "
                f"{', '.join(missing)} is declared but is no field"
            )
        if len(args) > sum(not field.kw_only for field in fields):
            raise TypeError(
                f"{cls.__name__} takes its fields by name ({', '.join(names)}); got {shown(args[-1])} without"
            )
        _check_fields(cls, kwargs)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for parameter in parameters(self):
            value = parameter.check(owner, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)
        if isinstance(self.p, Distribution):
            raise TypeError(f"{owner}.p must be float in [0, 1]; got {shown(self.p)}")

    # --- drawing -----------------------------------------------------------------------------------------------------

    @property
    def is_random(self) -> bool:
        """Whether two applications may differ: a field holds a distribution, or `p` is below 1."""
        return self.p < 1 or bool(self._distributions())

    def _distributions(self) -> tuple[tuple[str, Distribution], ...]:
        """The fields that hold a distribution; looked for once, for every draw asks."""
        try:
            return self._held  # type: ignore[attr-defined]
        except AttributeError:
            held = tuple((name, value) for name, value in vars(self).items() if isinstance(value, Distribution))
            object.__setattr__(self, "_held", held)
            return held

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self))

    @property
    def is_identity(self) -> bool:
        """Whether the step certainly leaves every image as it is: `p` is 0, or all strengths have their defaults."""
        if self.p == 0:
            return True
        cls: Any = type(self)
        strengths = _strengths(cls)
        return bool(strengths) and all(getattr(self, name) == default for name, default in strengths)

    def sample(self, rng: Rng = None) -> "Transform | None":
        """Draw: the same transform with numbers in place of distributions, or None when it is not applied this time.

        Parameters
        ----------
        rng : int, sequence of ints, numpy.random.Generator or None
            The source of randomness; ints seed a fresh generator, None takes fresh entropy from the system.
        """
        held = self._distributions()
        if not held and self.p == 1:
            return self
        rng = generator(rng)
        # The coin is tossed even where p is 1, so that changing p leaves the values of the fields as they were.
        applied = rng.random() < self.p
        drawn = {name: value.at(rng.random()) for name, value in held}
        if not applied:
            return None
        step = self._unchecked(**drawn, p=1.0)
        object.__setattr__(step, "_held", ())
        return step

    def _unchecked(self, **values: Any) -> Self:
        """A copy with values that are known to be allowed."""
        copy = object.__new__(type(self))
        fields = vars(copy)
        fields.update(vars(self))
        fields.update(values)
        return copy

    @classmethod
    def typical(cls, **fields: Any) -> Self:
        """The transform with each strength drawn from its typical range, and `fields` as given.

        >>> from augmentlab import Rotate
        >>> Rotate.typical(p=0.5)
        Rotate(angle=uniform(-45, 45), p=0.5)
        """
        drawn = {one.name: one.typical_value() for one in parameters(cls) if one.drawn}
        return cls(**drawn | fields)

    def scaled(self, strength: float) -> Self:
        """The transform with every strength moved toward its default: 0 is the identity, 1 the transform itself.

        A transform without strengths, such as a flip, is applied with the probability ``strength * p``.

        >>> from augmentlab import Rotate
        >>> Rotate.typical().scaled(0.5)
        Rotate(angle=uniform(-22.5, 22.5))
        """
        check_strength(strength)
        strengths = [parameter for parameter in parameters(self) if parameter.drawn]
        if not strengths:
            return self if self.preprocessing else dataclasses.replace(self, p=self.p * strength)
        return dataclasses.replace(
            self, **{one.name: one.scaled_value(getattr(self, one.name), strength) for one in strengths}
        )

    def deterministic(self) -> "Transform | None":
        """The step as inference needs it: itself if it is preprocessing without randomness, else None."""
        return self if self.preprocessing and not self.is_random else None

    # --- applying ----------------------------------------------------------------------------------------------------

    def __call__(self, data: Any = None, /, *more: Any, rng: Rng = None, **targets: Any) -> Any:
        """Draw and apply.

        Parameters
        ----------
        data : array, Sample or list of Samples, positional
            An image, or a Sample; the same kind comes back. A list of Samples is a batch: each draws from a stream of
            its own, and a step that mixes samples is drawn once for all.
        rng : int, sequence of ints, numpy.random.Generator or None
            As for `sample`; an item of a training run uses ``(seed, epoch, index)``. Use tuples of one length: NumPy
            pads seeds with zeros, so that 5 and (5, 0) are the same stream.
        **targets
            Instead of `data`: ``image`` and any of ``mask``, ``heatmap``, ``bboxes``, ``bbox_labels``, ``keypoints``,
            ``keypoint_labels``, ``label``, or ``masks``, a dict or list of several; a dict with the same keys comes
            back. ``bbox_format`` is that of the boxes that come and go: ``xyxy`` unless given, ``voc``, ``coco`` or
            ``yolo``. ``min_visibility``, ``min_area`` and ``keypoint_swaps`` are those of `Sample`.
        """
        if more:
            raise TypeError(
                f"{type(self).__name__} takes one image or Sample, and rng by name; got {shown(more[0])} as well"
            )
        if data is not None and targets:
            raise TypeError(
                f"{type(self).__name__} takes an image or keywords, not both; got {', '.join(targets)} as well"
            )
        if data is None:
            return self._call_with_keywords(targets, rng)
        if self._is_batch(data):
            samples = list(data)
            for part in self.walk():
                samples = part._settled(samples)  # noqa: SLF001
            return self._call_batch(samples, generator(rng))
        if self.mixes:
            raise TypeError(_ALONE.format(type(self).__name__))
        check_image(data.image if isinstance(data, Sample) else data)
        drawn = self.sample(rng)
        if drawn is None:
            return data
        return drawn._apply(data) if isinstance(data, Sample) else drawn._apply(Sample.moved(_EMPTY, image=data)).image  # noqa: SLF001

    def _call_with_keywords(self, targets: dict[str, Any], rng: Rng) -> dict[str, Any]:
        owner, allowed = type(self).__name__, (*KEYWORDS, *OPTIONS)
        for name in targets:
            if name not in allowed:
                raise TypeError(f"{owner} takes the keywords {', '.join(allowed)}; got {name!r}")
        if "image" not in targets:
            raise TypeError(f"{owner} must be called with an image, a Sample, or image=...; got no image")
        return to_keywords(self(from_keywords(targets), rng=rng), targets)

    def apply(self, data: Any, *, out: Array | None = None) -> Any:
        """Apply a drawn transform; the same kind comes back, the input is never written to.

        Parameters
        ----------
        data : array, Sample or list of Samples
            An image (H, W) or (H, W, C), ``uint8`` or float in [0, 1], a Sample, or a batch of them.
        out : array, optional
            Where the resulting image goes, and what is returned, when `data` is an image: C-contiguous, of the result's
            shape and dtype, and no part of `data`. Many steps write there what they compute, without a copy.

        Raises
        ------
        ValueError
            When the transform still holds a distribution, or `out` does not fit.
        TypeError
            When the transform mixes several samples and gets one.
        """
        if self.is_random:
            raise ValueError(f"{self!r} is not drawn yet: call it, or apply what its sample(rng) returns")
        if isinstance(data, np.ndarray):
            check_image(data)
            if out is not None:
                _check_out(out, data)
            return _into(out, self._apply(Sample.moved(_EMPTY, image=data), out).image)
        if out is not None:
            raise TypeError(f"out must go with an image, an array; got {type(data).__name__}")
        if self._is_batch(data):
            return self.apply_batch(data)
        check_image(data.image if isinstance(data, Sample) else data)
        return self._apply(data)

    def _apply(self, sample: Sample, out: Array | None = None) -> Sample:
        return self.apply_run((self,), sample, out)

    @property
    def mixes(self) -> bool:
        """Whether this transform, or one that it is made of, mixes several samples."""
        return any(part.needs == "batch" for part in self.walk())

    def apply_batch(self, samples: Sequence[Sample]) -> list[Sample]:
        """Apply a drawn transform to several samples: to each alike, unless it mixes them."""
        return [self._apply(sample) for sample in samples]

    def _call_batch(self, samples: list[Sample], rng: np.random.Generator) -> list[Sample]:
        if self.mixes:
            drawn = self.sample(rng)
            return samples if drawn is None else drawn.apply_batch(samples)
        draws = [self.sample(stream) for stream in Root(rng).children(["sample"] * len(samples))]
        return [
            sample if one is None else one.apply_batch([sample])[0] for sample, one in zip(samples, draws, strict=True)
        ]

    def _settled(self, samples: list[Sample]) -> list[Sample]:
        """What a batch needs before anything is drawn, so that the result is of one kind whatever is drawn."""
        return samples

    def _is_batch(self, data: Any) -> bool:
        """Whether `data` is a list of Samples; an error where it is meant to be and is not."""
        if not isinstance(data, (list, tuple)):
            return False
        if data and not self.mixes and not any(isinstance(one, Sample) for one in data):
            return False
        for index, sample in enumerate(data):
            if not isinstance(sample, Sample):
                raise TypeError(
                    f"{type(self).__name__} takes a list of Samples; got {type(sample).__name__} at index {index}"
                )
            check_image(sample.image, f"image {index}")
        return True

    def joins(self, run: "Sequence[Transform]", shape: Shape) -> bool:  # noqa: ARG002
        """Whether this step can be computed together with the adjacent steps of `run` on an image of `shape` (H, W)."""
        return False

    @classmethod
    def apply_run(cls, run: "Sequence[Any]", sample: Sample, out: Array | None = None) -> Sample:  # noqa: ARG003
        """Apply steps that were found to belong together; the new image may be written to `out`, if that fits it."""
        raise TypeError(
            f"{cls.__name__} must subclass GeometricTransform, PointTransform or PixelTransform, "
            "or BatchTransform where it mixes samples"
        )

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:  # noqa: ARG002
        """The step on many small images at once, or None where it is not quicker than one by one.

        Parameters
        ----------
        stack : (N, H, W) or (N, H, W, C) array
            Images without alpha, which must not be written to.
        drawn : dict of lists
            For each field that holds a distribution, the value for each image.

        Returns
        -------
        (N, H', W') or (N, H', W', C') array
            A new one, bit for bit what `apply` makes of each image.
        """
        return None

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output for an image of `shape`: (H, W) or (H, W, C)."""
        return shape

    # --- text --------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        fields = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in parameters(self)
            if getattr(self, one.name) != one.default
        ]
        return f"{type(self).__name__}({', '.join(fields)})"

    def code(self) -> str:
        """Runnable Python with its import, the last line an assignment to ``pipeline``.

        >>> from augmentlab import Gamma, uniform
        >>> print(Gamma(gamma=uniform(0.8, 1.2)).code())
        from augmentlab import Gamma, uniform
        <BLANKLINE>
        pipeline = Gamma(gamma=uniform(0.8, 1.2))
        """
        ours: set[str] = set()
        foreign: set[tuple[str, str]] = set()
        for part in self.walk():
            if _is_ours(type(part)):
                ours.add(type(part).__name__)
            else:
                foreign.add((type(part).__module__, type(part).__qualname__.split(".")[0]))
            printed = (getattr(part, one.name) for one in parameters(part) if getattr(part, one.name) != one.default)
            ours |= {type(value).__name__.lower() for value in printed if isinstance(value, Distribution)}
        imports = [f"from augmentlab import {', '.join(sorted(ours))}"] if ours else []
        imports += [f"from {home} import {name}" for home, name in sorted(foreign)]
        if ours and len(imports[0]) > 100:
            names = textwrap.fill(", ".join(sorted(ours)), 96, initial_indent="    ", subsequent_indent="    ")
            imports[0] = f"from augmentlab import (\n{names},\n)"
        return "\n".join(imports) + f"\n\npipeline = {self._layout()}"

    def export(self, target: str, *, shape: "tuple[int, ...] | None" = None, strict: bool = True) -> str:
        """The transform as source text for another library, with the grade of its agreement on each line.

        Parameters
        ----------
        target : str
            ``albumentations``, ``torchvision``, ``kornia`` and ``keras`` draw for themselves: distributions stay
            distributions. ``opencv``, ``pillow``, ``scipy``, ``scikit-image``, ``tensorflow``, ``matlab`` and ``pgmagick`` take
            a drawn transform as explicit numbers: windows, matrices, taps and tables. All define ``pipeline``.
        shape : tuple of int, optional
            Of the uint8 images for a target that takes numbers: (H, W), (H, W, 1) or (H, W, 3).
        strict : bool
            Whether a step that the target cannot do is an error; if not, it is left out, and the text says so.

        Raises
        ------
        augmentlab.interop.ExportError
            A ValueError that lists every step that cannot be exported, why, and the nearest one that can.

        Examples
        --------
        >>> from augmentlab import HorizontalFlip
        >>> for line in HorizontalFlip(p=0.5).export("albumentations").splitlines()[-4:]:
        ...     print(line)
        pipeline = A.Compose([
            # HorizontalFlip(p=0.5): exact
            A.HorizontalFlip(p=0.5),
        ])
        """
        return str(importlib.import_module("augmentlab.interop").export(self, target, shape=shape, strict=strict))

    def _layout(self) -> str:
        """The repr, over several lines where that reads better."""
        return repr(self)

    def walk(self) -> "Iterator[Transform]":
        """This transform and all that it is made of."""
        yield self

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready document; `from_dict` reads it back.

        >>> from augmentlab import Rotate, uniform
        >>> Rotate(angle=uniform(-15, 15)).to_dict()
        {'schema_version': 1, 'transform': 'Rotate', 'angle': {'uniform': [-15, 15]}}
        """
        return {"schema_version": SCHEMA_VERSION, **self._document()}

    def _document(self) -> dict[str, Any]:
        name = type(self).__name__ if _is_ours(type(self)) else f"{type(self).__module__}:{type(self).__qualname__}"
        fields = {
            one.name: to_json(getattr(self, one.name))
            for one in parameters(self)
            if getattr(self, one.name) != one.default
        }
        return {"transform": name, **fields}

    @classmethod
    def _from_document(cls, fields: dict[str, Any], classes: "dict[str, type[Transform]]", depth: int) -> Self:  # noqa: ARG003
        return cls(**{name: from_json(f"{cls.__name__}.{name}", value) for name, value in fields.items()})


@dataclass(frozen=True, kw_only=True, repr=False)
class GeometricTransform(Transform):
    """Moves pixels, and with them masks, heatmaps, boxes and keypoints.

    A subclass gives `coordinate_map`, and `output_shape` where the size changes. Adjacent geometric steps are composed
    into one map and resampled once, as long as they agree on what lies beyond the border. A subclass that looks beyond
    the border declares the fields ``border`` and ``fill``; one that moves whole pixels overrides `slice_array`.
    """

    tears: ClassVar[bool] = False  # whether neighbouring pixels part: then no box can follow

    def coordinate_map(self, shape: Shape) -> Map:
        """Which input position each output pixel shows, for an input of `shape` (H, W).

        Returns
        -------
        (3, 3) matrix on (x, y, 1), or (H, W, 2) array of (x, y) for each pixel of the output
        """
        raise NotImplementedError(f"{type(self).__name__} must define coordinate_map(shape)")

    def move_points(self, points: Map, map_: Map, shape: Shape) -> Map:  # noqa: ARG002
        """Where the content at `points` (N, 2) of an input of `shape` is seen; `map_` is what `coordinate_map` gave."""
        return geometry.move_points(map_, points)

    def slice_array(self, array: Array) -> Array | None:  # noqa: ARG002
        """The result by moving whole pixels, bit-exact, for any array (H, W, ...); None where that cannot be done."""
        return None

    def resample(self, array: Array, order: int, fill: float) -> Array | None:  # noqa: ARG002
        """The result by a way of its own, such as an anti-aliased resize; None to be resampled by the map.

        `order` is 0 for masks (nearest) and 1 for images and heatmaps, `fill` what lies beyond a constant border, in
        [0, 1] of full scale. A step with its own way is not fused unless `fuses` says so.
        """
        return None

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        """The images moved by whole pixels; None where that cannot be done."""
        if not drawn:  # height and width first, so that what is sliced are all images at once
            sliced = self.slice_array(np.moveaxis(stack, 0, -1))
            if sliced is None:
                return None
            rows = np.moveaxis(sliced, -1, 0)
            if rows.strides[0] != rows.shape[1] * rows.strides[1]:
                return np.ascontiguousarray(rows)
            tall = rows.reshape(-1, *rows.shape[2:])  # one picture, all below each other
            return np.asarray(engines.current().contiguous(tall)).reshape(rows.shape)
        result: Array | None = None
        for index, (image, values) in enumerate(zip(stack, zip(*drawn.values(), strict=True), strict=True)):
            moved = self._unchecked(**dict(zip(drawn, values, strict=True))).slice_array(image)
            if moved is None or (result is not None and moved.shape != result.shape[1:]):
                return None
            if result is None:
                result = np.empty((len(stack), *moved.shape), moved.dtype)
            result[index] = moved
        return result

    def fuses(self, shape: Shape) -> bool:  # noqa: ARG002
        """Whether the step may be resampled together with its neighbours, for an input of `shape` (H, W)."""
        return type(self).resample is GeometricTransform.resample

    @property
    def edge(self) -> tuple[str, float] | None:
        """Border and fill; None for a step that never looks beyond the border and so agrees with any neighbour."""
        border = getattr(self, "border", None)
        return None if border is None else (border, getattr(self, "fill", 0.0) if border == "constant" else 0.0)

    def joins(self, run: Sequence[Transform], shape: Shape) -> bool:
        """Whether one resampling can do this step and the run before it."""
        if not self.fuses(shape) or not all(isinstance(step, GeometricTransform) for step in run):
            return False
        return len({step.edge for step in (*run, self)} - {None}) <= 1  # type: ignore[attr-defined]

    @classmethod
    def apply_run(cls, run: "Sequence[GeometricTransform]", sample: Sample, out: Array | None = None) -> Sample:
        """Compose the maps of a run, interpolate the pixels once, and move every target along."""
        image = sample.image
        if sample.is_bare and (sliced := _sliced(run, image)) is not None:  # no map needs to be known
            return sample.moved(
                image=np.asarray(engines.current().contiguous(sliced, out=fitting(out, sliced.shape, sliced.dtype)))
            )
        maps, shape, points = [], sample.image.shape[:2], sample.keypoints
        for step in run:
            if step.tears and sample.boxes is not None and len(sample.boxes):
                raise ValueError(
                    f"{type(step).__name__} tears the image apart, so boxes cannot follow; got {len(sample.boxes)}"
                )
            maps.append(step.coordinate_map(shape))
            _check_map(step, maps[-1], shape)
            if points is not None:
                points = step.move_points(points, maps[-1], shape)
            shape = step.output_shape(shape)
        edge = next((step.edge for step in run if step.edge is not None), ("edge", 0.0))
        total = geometry.compose(maps, shape)

        def move(array: Array, order: int, fill: float = 0.0, out: Array | None = None) -> Array:
            if len(run) == 1 and (own := run[0].resample(array, order, fill)) is not None:
                return own
            if (sliced := _sliced(run, array)) is not None:
                return np.asarray(engines.current().contiguous(sliced, out=out))
            return _warp(array, total, shape, order, edge[0], fill, out)

        color, alpha = split_alpha(sample.image)
        if alpha is None or edge[1] == 0:
            image = move(sample.image, 1, edge[1], fitting(out, (*shape, *sample.image.shape[2:]), sample.image.dtype))
        else:  # what lies beyond the border is transparent, whatever its colour
            image = np.concatenate([move(color, 1, edge[1]), move(alpha, 1)], axis=-1)
        changes: dict[str, Any] = {"image": image}
        if sample.mask is not None:
            changes["mask"] = move(sample.mask, 0)
        if sample.heatmap is not None:
            changes["heatmap"] = move(sample.heatmap, 1)
        if points is not None:
            changes["keypoints"] = points
        if sample.keypoint_swaps and sum(map(geometry.mirrors, maps)) % 2:
            changes["keypoint_labels"] = sample.mirrored_labels()
        if sample.boxes is None:
            return sample.moved(**changes)
        boxes = geometry.move_boxes(maps, sample.boxes)
        changes["boxes"], kept = geometry.clip_boxes(boxes, shape, sample.min_visibility, sample.min_area)
        return sample.moved(**changes).only_boxes(kept)


def _sliced(run: Sequence[GeometricTransform], array: Array) -> Array | None:
    """The view that a run of whole-pixel moves makes of an array; None where a step is none."""
    view: Array | None = array
    for step in run:
        if type(step).resample is not GeometricTransform.resample:
            return None
        view = step.slice_array(view) if view is not None else None
    return view


def _warp(
    array: Array, map_: Map, shape: Shape, order: int, border: str, fill: float, out: Array | None = None
) -> Array:
    engine = engines.current()
    if geometry.is_matrix(map_):
        return np.asarray(engine.warp(array, map_, shape, order=order, border=border, fill=fill, out=out))
    return np.asarray(engine.remap(array, map_, order=order, border=border, fill=fill, out=out))


@dataclass(frozen=True, kw_only=True, repr=False)
class PointTransform(Transform):
    """Changes each value by itself, whatever its neighbours are; alpha is left alone.

    A subclass gives `curve`. On uint8 the curve becomes a table of 256 entries, and a run of adjacent steps one table,
    bit-identical to one step after the other.
    """

    __slots__ = ("_made",)  # tables by the number of channels: a step of numbers makes each once

    broadcasts: ClassVar[bool] = False  # whether curve treats all channels alike and takes arrays in place of fields

    def curve(self, x: Array) -> Array:
        """New values for the values `x` in [0, 1], an array (..., C) of the C colour channels; clipped afterwards."""
        raise NotImplementedError(f"{type(self).__name__} must define curve(x)")

    def table(self, channels: int) -> Array:
        """The curve on the 8-bit grid: a uint8 array (256, channels), or (256, 1) for all channels alike."""
        if self.broadcasts:
            return from_unit(self.curve(_LEVELS), np.uint8)
        return from_unit(self._curved(np.repeat(_LEVELS, channels, axis=1)), np.uint8)

    def _curved(self, x: Array) -> Array:
        """The curve for all channels of `x`, which one of the user's can neither write to nor leave without numbers."""
        y = self.curve(_guarded(type(self), x))
        if not _is_ours(type(self)):
            try:
                y = np.broadcast_to(y, x.shape)
            except ValueError:
                raise ValueError(
                    f"{type(self).__name__}.curve must keep the shape {x.shape} of x; got {np.shape(y)}"
                ) from None
            _check_numbers(f"{type(self).__name__}.curve", y)
        return np.broadcast_to(y, x.shape)

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        """The images of uint8, each through a table of its own."""
        if stack.dtype != np.uint8:
            return None
        channels = stack.shape[3] if stack.ndim == 4 else 1
        result = np.empty_like(stack)
        lookup = engines.current().lookup
        if not drawn:
            return np.asarray(lookup(stack.reshape(-1, *stack.shape[2:]), self._table(channels))).reshape(stack.shape)
        for image, table, out in zip(stack, self._tables(channels, drawn), result, strict=True):
            lookup(image, table, out=out)
        return result

    def _table(self, channels: int) -> Array:
        made: dict[int, Array]
        try:
            made = self._made  # type: ignore[attr-defined]
        except AttributeError:
            made = {}
            object.__setattr__(self, "_made", made)
        if channels not in made:
            made[channels] = self.table(channels)
        return made[channels]

    def _tables(self, channels: int, drawn: dict[str, list[Any]]) -> Array:
        """A table for each image: (N, 256, C)."""
        if self.broadcasts:
            columns = {name: np.array(values)[:, None, None] for name, values in drawn.items()}
            return from_unit(self._unchecked(**columns).curve(_LEVELS), np.uint8)
        rows = zip(*drawn.values(), strict=True)
        return np.stack([self._unchecked(**dict(zip(drawn, row, strict=True))).table(channels) for row in rows])

    def joins(self, run: Sequence[Transform], shape: Shape) -> bool:  # noqa: ARG002
        """Whether the run before is of curves as well."""
        return all(isinstance(step, PointTransform) for step in run)

    @classmethod
    def apply_run(cls, run: "Sequence[PointTransform]", sample: Sample, out: Array | None = None) -> Sample:
        """Apply the curves, on uint8 as one table."""
        color, alpha = split_alpha(sample.image)
        channels = color.shape[2] if color.ndim == 3 else 1
        if color.dtype == np.uint8:
            table = run[0]._table(channels)  # noqa: SLF001
            for step in run[1:]:
                after = step._table(channels)  # noqa: SLF001
                if after.shape[1] == 1:
                    table = after[:, 0][table]
                else:
                    table = np.take_along_axis(after, np.broadcast_to(table, after.shape).astype(np.intp), axis=0)
            result = engines.current().lookup(color, table, out=fitting(out, color.shape, color.dtype))
        else:
            result = color if color.ndim == 3 else color[..., None]
            for step in run:
                result = from_unit(step._curved(result), color.dtype)  # noqa: SLF001
            result = result.reshape(color.shape)
        return sample.moved(image=_with_alpha(result, alpha))


@dataclass(frozen=True, kw_only=True, repr=False)
class PixelTransform(Transform):
    """Computes a new image from the whole image: blur, noise, hue, erasing. Alpha and targets are left alone.

    A subclass gives `apply_image`, which may return floats for a uint8 image, 1 being white: the base clips floats to
    [0, 1] and rounds them back.
    """

    sees_alpha: ClassVar[bool] = False  # whether apply_image gets all channels, alpha included

    def apply_image(self, image: Array) -> Array:
        """The new image for `image` (H, W) or (H, W, C), C in {1, 3}; the input must not be written to."""
        raise NotImplementedError(f"{type(self).__name__} must define apply_image(image)")

    def apply_into(self, image: Array, out: Array | None) -> Array:  # noqa: ARG002
        """As `apply_image`; a subclass that can writes the result to `out`, where that fits it."""
        return self.apply_image(image)

    def apply_targets(self, sample: Sample) -> Sample:
        """What happens to masks, boxes and keypoints; nothing unless overridden."""
        return sample

    @classmethod
    def apply_run(cls, run: "Sequence[PixelTransform]", sample: Sample, out: Array | None = None) -> Sample:
        """Apply one step to the colour channels, then to the targets."""
        (step,) = run
        color, alpha = (sample.image, None) if step.sees_alpha else split_alpha(sample.image)
        kind: Any = cls
        free = out if alpha is None else None
        given = _guarded(kind, color)
        result = step.apply_into(given, free) if _writes(kind) else step.apply_image(given)
        if not isinstance(result, np.ndarray):
            raise TypeError(f"{type(step).__name__}.apply_image must return an array; got {type(result).__name__}")
        if given is not color:
            _check_numbers(f"{type(step).__name__}.apply_image", result)
            result = color if result is given else result if result.flags.writeable else result.copy()
        if step.bounded and not step.preprocessing and result.dtype.kind == "f":
            result = from_unit(result, color.dtype)
        if not step.preprocessing and (result.shape != color.shape or result.dtype != color.dtype):
            raise ValueError(
                f"{type(step).__name__}.apply_image must keep shape {color.shape} and dtype {color.dtype}; "
                f"got {result.shape} and {result.dtype}"
            )
        return step.apply_targets(sample.moved(image=_with_alpha(result, alpha)))


@dataclass(frozen=True, kw_only=True, repr=False)
class BatchTransform(Transform):
    """Mixes several samples into as many new ones: images, targets and labels.

    A subclass gives `apply_batch`. It is called with a list of Samples, as is a pipeline that holds it.
    """

    needs: ClassVar[str] = "batch"

    def apply_batch(self, samples: Sequence[Sample]) -> list[Sample]:
        """As many new samples as came; none of the inputs may be written to."""
        raise NotImplementedError(f"{type(self).__name__} must define apply_batch(samples)")

    @classmethod
    def apply_run(cls, run: Sequence[Any], sample: Sample, out: Array | None = None) -> Sample:  # noqa: ARG003
        """Refuse a single sample."""
        raise TypeError(_ALONE.format(cls.__name__))


def fitting(out: Array | None, shape: tuple[int, ...], dtype: Any) -> Array | None:
    """`out` where it has that shape and dtype, else None."""
    return out if out is not None and out.shape == shape and out.dtype == dtype else None


def _guarded(cls: type, array: Array) -> Array:
    """What a user's class is given in place of `array`: a view of it that cannot be written to."""
    if _is_ours(cls):  # held by the tests
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def _check_numbers(name: str, array: Array) -> None:
    if array.dtype.kind not in "buif" or (array.dtype.kind == "f" and np.isnan(array).any()):
        raise ValueError(f"{name} must return real numbers without NaN; got {array.dtype} of shape {array.shape}")


def _check_map(step: Any, map_: Any, shape: Shape) -> None:
    """Raise unless what a user's step says of positions is a map to its own output."""
    if _is_ours(type(step)):
        return
    height, width = step.output_shape(shape)[:2]
    fits = isinstance(map_, np.ndarray) and map_.shape in {(3, 3), (height, width, 2)} and map_.dtype.kind in "buif"
    if not fits or not np.isfinite(map_).all():
        got = f"{map_.dtype} of shape {map_.shape}" if isinstance(map_, np.ndarray) else type(map_).__name__
        raise ValueError(
            f"{type(step).__name__}.coordinate_map must return finite numbers, (3, 3) or ({height}, {width}, 2); got {got}"
        )


def _check_out(out: Any, image: Array) -> None:
    if not isinstance(out, np.ndarray) or not out.flags.c_contiguous or not out.flags.writeable:
        raise TypeError(f"out must be a writable C-contiguous array; got {type(out).__name__}")
    if np.may_share_memory(out, image):
        raise ValueError("out must not share memory with the image")


def _into(out: Array | None, result: Array) -> Array:
    if out is None or result is out:
        return result
    if out.shape != result.shape or out.dtype != result.dtype:
        raise ValueError(
            f"out must have the result's shape {result.shape} and dtype {result.dtype}; got {out.shape} and {out.dtype}"
        )
    np.copyto(out, result)
    return out


def _with_alpha(color: Array, alpha: Array | None) -> Array:
    if alpha is None:
        return color
    if color.dtype != alpha.dtype:  # preprocessing turned uint8 into floats
        alpha = to_unit(alpha)
    return np.concatenate([color, alpha], axis=-1)


@functools.cache
def _writes(cls: Any) -> bool:
    """Whether `apply_into` is to be used: it does what `apply_image` does unless a subclass overrides that alone."""
    return _giver(cls, "apply_into") <= _giver(cls, "apply_image")


def _giver(cls: type, name: str) -> int:
    """How many classes up the one is that defines a method."""
    return next(place for place, one in enumerate(cls.__mro__) if name in vars(one))


@functools.cache
def _strengths(cls: Any) -> tuple[tuple[str, Any], ...]:
    """Name and default of each drawn parameter."""
    return tuple((one.name, one.default) for one in parameters(cls) if one.drawn)


def check_strength(strength: Any) -> None:
    """Raise one sentence unless `strength` is a number in [0, 1]."""
    if isinstance(strength, bool) or not isinstance(strength, (int, float, np.number)) or not 0 <= strength <= 1:
        raise ValueError(f"strength must be float in [0, 1]; got {shown(strength)}")


def generator(rng: Rng) -> np.random.Generator:
    """A NumPy generator from an int, a sequence of ints, a Generator, or fresh entropy of the system.

    Fresh entropy is asked for at every call, so a forked worker never repeats its parent.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    numbers = (rng,) if isinstance(rng, (int, np.integer)) else rng
    if (
        isinstance(numbers, (tuple, list, np.ndarray))
        and len(numbers)
        and all(
            isinstance(number, (int, np.integer)) and not isinstance(number, bool) and number >= 0 for number in numbers
        )
    ):
        return np.random.default_rng([int(number) for number in numbers])
    raise TypeError(
        f"rng must be an int >= 0, a tuple of such ints, a numpy.random.Generator or None; got {shown(rng)}"
    )


def from_dict(document: dict[str, Any], classes: Sequence[type[Transform]] = ()) -> Transform:
    """The transform that `Transform.to_dict` described.

    Parameters
    ----------
    document : dict
        As read from JSON.
    classes : sequence of Transform subclasses
        Transforms from outside this package. Without them, a foreign class (``"module:QualName"``) is accepted only if
        its module is already loaded; nothing is ever imported because a document says so.

    Raises
    ------
    ValueError, TypeError
        With one sentence: an unknown class or field, a value out of bounds, or a newer schema.
    """
    if not isinstance(document, dict):
        raise TypeError(f"document must be a dict; got {type(document).__name__}")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}; got {shown(version)}")
    check_size(document)
    known = {f"{cls.__module__}:{cls.__qualname__}": cls for cls in classes}
    rest = {key: value for key, value in document.items() if key != "schema_version"}
    return build(rest, known, 0)


def parse(text: str | bytes) -> Any:
    """What JSON holds; a ValueError where it is none, or is larger or nested deeper than any document of ours."""
    if len(text) > MAX_BYTES:
        raise ValueError(f"a document must have at most {MAX_BYTES // 2**20} MB; got {len(text) / 2**20:,.1f} MB")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"a document must be nested at most {_MAX_NESTING} deep; got more") from None


def check_size(document: Any) -> None:
    """Look at the whole of a document without recursion, so that whatever reads it may recurse and print."""
    level, count = [document], 0
    for _ in range(_MAX_NESTING):
        inner = [part for part in level if isinstance(part, (Mapping, list, tuple))]
        level = [part for one in inner for part in (one.values() if isinstance(one, Mapping) else one)]
        count += len(level)
        if count > _MAX_VALUES:
            raise ValueError(f"a document must hold at most {_MAX_VALUES:,} values; got more")
        if not level:
            return
    raise ValueError(f"a document must be nested at most {_MAX_NESTING} deep; got more")


def build(document: Any, classes: dict[str, type[Transform]], depth: int) -> Transform:
    """The transform of one (nested) document, without a schema version."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"a pipeline must be nested at most {_MAX_DEPTH} deep; got more")
    if not isinstance(document, dict) or not isinstance(document.get("transform"), str):
        raise TypeError(
            f"a transform must be a dict with the name of its class under 'transform'; got {shown(document)}"
        )
    fields = {key: value for key, value in document.items() if key != "transform"}
    cls = _class_named(document["transform"], classes)
    _check_fields(cls, fields)  # before a name that anybody may have written is said as if it were ours
    return cls._from_document(fields, classes, depth)  # noqa: SLF001


def _check_fields(cls: type[Transform], given: Iterable[str]) -> None:
    names = [field.name for field in dataclasses.fields(cls)]
    for name in given:
        if name not in names:
            raise TypeError(f"{cls.__name__} has no field {shown(name)}; its fields are {', '.join(names)}")


def _class_named(name: str, classes: dict[str, type[Transform]]) -> type[Transform]:
    if name in classes:
        return classes[name]
    if ":" in name:
        module, _, path = name.partition(":")
        found: Any = sys.modules.get(module)
        for part in path.split("."):  # not getattr, by which a lazy module imports what it is asked for
            found = getattr(found, "__dict__", {}).get(part)
    else:
        catalog = importlib.import_module("augmentlab.transforms")
        compose = importlib.import_module("augmentlab.compose")
        home = catalog if name in catalog.__all__ else compose if name in compose.__all__ else None
        found = getattr(home, name, None)
    if not (isinstance(found, type) and issubclass(found, Transform)):
        raise ValueError(
            f"transform must be a class of augmentlab.transforms, or module:QualName of a loaded subclass of Transform; got {shown(name)}"
        )
    return found


def _is_ours(cls: type) -> bool:
    return cls.__module__.split(".")[0] == "augmentlab"


def to_json(value: Any) -> Any:
    """The value of a field, a distribution too, as JSON has it."""
    if isinstance(value, Distribution):
        return {type(value).__name__.lower(): [to_json(part) for part in value.support]}
    return list(value) if isinstance(value, tuple) else value


def from_json(where: str, value: Any) -> Any:
    """The inverse of `to_json`; `where` is what an error calls the field."""
    if isinstance(value, dict):
        if (
            len(value) != 1
            or next(iter(value)) not in DISTRIBUTIONS
            or not isinstance(next(iter(value.values())), list)
        ):
            raise ValueError(
                f"{where} must be a value or one of {', '.join(DISTRIBUTIONS)} with a list; got {shown(value)}"
            )
        ((name, arguments),) = value.items()
        try:
            return DISTRIBUTIONS[name](*arguments)
        except TypeError as error:
            raise TypeError(f"{where}: {error}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} must be finite; got {shown(value)}")
    return value


def parameter_named(cls: Any, name: str) -> Parameter:
    """The declaration of one field.

    Raises
    ------
    ValueError
        When there is no such field.
    """
    for parameter in parameters(cls):
        if parameter.name == name:
            return parameter
    owner = cls.__name__ if isinstance(cls, type) else type(cls).__name__
    raise ValueError(
        f"{owner} has no field {shown(name)}; its fields are {', '.join(one.name for one in parameters(cls))}"
    )


_LEVELS = np.arange(256)[:, None] / 255
_LEVELS.flags.writeable = False
_ALONE = "{} mixes several samples and must be called with a list of them; got one alone"
_EMPTY = Sample(np.zeros((1, 1), np.uint8))

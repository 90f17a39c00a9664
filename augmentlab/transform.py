"""Transform: what can be drawn, applied, printed and written down.

A transform is a frozen dataclass of declared parameters (see `augmentlab.params`) and a pure function on a `Sample`.
Sampling a transform gives a transform: every distribution is replaced by a number, so a record of what happened is a
pipeline that can be printed, stored and applied again. What a subclass has to say is in `augmentlab.bases`.
"""

import dataclasses
import functools
import importlib
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from annotated_types import Interval

from augmentlab.distributions import Distribution, from_json, shown, to_json
from augmentlab.geometry import Shape
from augmentlab.params import Parameter, Typical, documented, parameters
from augmentlab.pixels import Array
from augmentlab.sample import KEYWORDS, OPTIONS, Sample, check_image, from_keywords, to_keywords
from augmentlab.streams import Rng, Root, generator

SCHEMA_VERSION = 1


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
        check_fields(cls, kwargs)
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
            raise TypeError(alone(type(self)))
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
            if is_ours(type(part)):
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
        name = type(self).__name__ if is_ours(type(self)) else f"{type(self).__module__}:{type(self).__qualname__}"
        fields = {
            one.name: to_json(getattr(self, one.name))
            for one in parameters(self)
            if getattr(self, one.name) != one.default
        }
        return {"transform": name, **fields}

    @classmethod
    def _from_document(cls, fields: dict[str, Any], classes: "dict[str, type[Transform]]", depth: int) -> Self:  # noqa: ARG003
        return cls(**{name: from_json(f"{cls.__name__}.{name}", value) for name, value in fields.items()})


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


@functools.cache
def _strengths(cls: Any) -> tuple[tuple[str, Any], ...]:
    """Name and default of each drawn parameter."""
    return tuple((one.name, one.default) for one in parameters(cls) if one.drawn)


def alone(cls: type) -> str:
    """What is said of a class that mixes samples and got one."""
    return f"{cls.__name__} mixes several samples and must be called with a list of them; got one alone"


def check_strength(strength: Any) -> None:
    """Raise one sentence unless `strength` is a number in [0, 1]."""
    if isinstance(strength, bool) or not isinstance(strength, (int, float, np.number)) or not 0 <= strength <= 1:
        raise ValueError(f"strength must be float in [0, 1]; got {shown(strength)}")


def check_fields(cls: type[Transform], given: Iterable[str]) -> None:
    """Raise one sentence for a name that is no field of the class."""
    names = [field.name for field in dataclasses.fields(cls)]
    for name in given:
        if name not in names:
            raise TypeError(f"{cls.__name__} has no field {shown(name)}; its fields are {', '.join(names)}")


def is_ours(cls: type) -> bool:
    """Whether a class is of this package."""
    return cls.__module__.split(".")[0] == "augmentlab"


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


_EMPTY = Sample(np.zeros((1, 1), np.uint8))

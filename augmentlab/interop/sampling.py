"""Targets that draw for themselves: a pipeline of distributions as a pipeline of distributions."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import augmentlab
from augmentlab.bases import GeometricTransform
from augmentlab.compose import Blend, Compose, OneOf, RandomOrder, SomeOf
from augmentlab.distributions import Choice, Distribution, Integers, LogUniform, Uniform, uniform
from augmentlab.interop.explicit import called
from augmentlab.interop.grades import EXACT, ExportError, Finding, Grade, RefusedError
from augmentlab.params import parameters
from augmentlab.transform import Transform

LOG_PARTS = (
    4  # uniform parts that stand for a log-uniform range: over a factor of 2 its mean is kept to 1 part in 1,000
)
MOST_VARIANTS = 24  # of one step: more of them is no longer text that a person reads

Lines = list[str]


@dataclass(frozen=True)
class Row:
    """How a target does one transform.

    Parameters
    ----------
    call : str
        What does it there, as the table of the documentation shows it.
    write : callable
        ``write(step) -> str or list of str``: an expression, over one or more lines, `p` included. Fields hold numbers,
        `Uniform` ranges or, where `integers`, ranges of integers. It may raise a `RefusedError`.
    grade : Grade or callable
        Or ``grade(step) -> Grade``. Of the pixels when the same numbers are drawn.
    cause : str
        Why it differs, one sentence; empty where it is exact.
    integers : bool
        Whether the target can draw integers from a range, with both ends.
    logs : bool
        Whether it can draw uniformly in the logarithm.
    keeps : callable
        ``keeps(name, value) -> bool``: whether `write` takes this distribution of a field as it is, whatever it is.
    """

    call: str
    write: Callable[[Any], str | Lines]
    grade: Grade | Callable[[Any], Grade] = EXACT
    cause: str = ""
    integers: bool = False
    logs: bool = False
    keeps: Callable[[str, Any], bool] = lambda _name, _value: False

    def graded(self, step: Transform) -> Grade:
        """The grade for one step."""
        return self.grade if isinstance(self.grade, Grade) else self.grade(step)

    def variants(self, step: Transform) -> list[tuple[float, Any]]:
        """What `write` takes of a step; see `variants`."""
        return variants(step, integers=self.integers, logs=self.logs, keeps=self.keeps)


@dataclass(frozen=True)
class Groups:
    """How a target writes sequences and choices: each ``write(children, step)``, children being lines with commas.

    A missing one is refused.

    Parameters
    ----------
    weighted : callable, optional
        ``weighted(lines, step, weight)``: the lines of one step of a `OneOf`, with its weight, of which the largest is
        1. Without it weights are left to `one_of`.
    nothing : str
        What stands in a choice for a step that cannot be exported, so that the others keep their chances.
    """

    sequence: Callable[[Lines, Compose], Lines]
    one_of: Callable[[Lines, OneOf], Lines] | None = None
    some_of: Callable[[Lines, SomeOf], Lines] | None = None
    any_order: Callable[[Lines, RandomOrder], Lines] | None = None
    weighted: Callable[[Lines, Transform, float], Lines] | None = None
    nothing: str = ""


@dataclass(frozen=True)
class Sampling:
    """A target that takes distributions.

    Parameters
    ----------
    name, title : str
        As `export` takes it, and as its makers write it.
    packages : tuple of str
        What its text imports, by the name that is imported.
    imports : tuple of str
        The lines at its top.
    rows : mapping of Transform subclass to Row
        What it can do.
    groups : Groups
        Sequences and choices.
    top : callable
        ``top(lines) -> list of str``: the statements that define ``pipeline`` from the lines of the steps, which end
        with commas.
    run : callable
        ``run(text, image) -> array``: executes it on (H, W) or (H, W, 3) uint8; what comes back is like that of
        `Transform.apply`.
    refusals : mapping of Transform subclass to RefusedError
        Why it cannot do others, where there is more to say than that it has nothing like it.
    functions : mapping of str to str
        Functions or classes that lines may call, by name; those called are written above.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    imports: tuple[str, ...]
    rows: Mapping[type[Transform], Row]
    groups: Groups
    top: Callable[[Lines], Lines]
    run: Callable[[str, Any], Any]
    refusals: Mapping[type[Transform], RefusedError] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    usage: str = ""  # how the pipeline is called, for the first lines of the text

    random = True

    def row(self, step: Transform) -> Row:
        """How a transform is done here; a `RefusedError` where it is not."""
        if type(step) not in self.rows:
            raise self.refusals.get(
                type(step), RefusedError("it has nothing like it", "augmentlab.torch trains with any transform")
            )
        return self.rows[type(step)]

    def findings(self, pipeline: Transform, shape: tuple[int, ...]) -> list[Finding]:  # noqa: ARG002  (as `Explicit` has it)
        """What it does for each step of a pipeline that it can export."""
        found = []
        for step in pipeline.walk():
            if not isinstance(step, Compose | OneOf | SomeOf | RandomOrder | Blend):
                row = self.row(step)
                one = row.variants(step)[0][1]
                found.append(Finding((step,), row.call, row.graded(one), row.cause))
        return found

    def export(self, pipeline: Transform, *, strict: bool = True) -> str:
        """The text; see `augmentlab.Transform.export`."""
        refused: Lines = []
        whole = pipeline if isinstance(pipeline, Compose) and pipeline.p == 1 else None
        lines = [line for step in (whole.steps if whole else (pipeline,)) for line in self._lines(step, refused)]
        if refused and strict:
            raise ExportError.of(self.title, refused)
        left_out = [f"# left out: {' '.join(line.split())}" for line in refused]  # a person's own repr may have lines
        statements = self.top(lines)
        code = "\n".join([*left_out, *statements])
        without_comments = "\n".join(line for line in statements if not line.lstrip().startswith("#"))
        functions = "".join(f"\n\n{text.strip()}\n" for text in called(self.functions, without_comments))
        twice = "" if resampled(pipeline) < 2 else _TWICE
        twice += _BEYOND if sees_beyond_cuts(pipeline) else ""
        return (
            f'"""{self.title} for {type(pipeline).__name__}, made by augmentlab {augmentlab.__version__}.\n\n'
            f"{self.usage}{twice}\n"
            f'"""\n\n' + "\n".join(self.imports) + f"\n{functions}\n" + code + "\n"
        )

    def _lines(self, step: Transform, refused: Lines) -> Lines:
        """The lines of a step, with a comment before and a comma behind; none where it is refused."""
        try:
            return self._written(step, refused)
        except RefusedError as error:
            refused.append(error.of(step))
            return []

    def _written(self, step: Transform, refused: Lines) -> Lines:
        if isinstance(step, Compose | OneOf | SomeOf | RandomOrder | Blend):
            group = self._group(step, refused)
            return [*group[:-1], group[-1] + ","]
        row = self.row(step)
        parts = row.variants(step)
        if len(parts) == 1:
            ((_, one),) = parts
            expression = row.write(one)
            lines = [expression] if isinstance(expression, str) else list(expression)
            return [f"# {step!r:.160}: {row.graded(one)}", *lines[:-1], lines[-1] + ","]
        if self.groups.one_of is None:
            raise RefusedError("it draws no such distribution", "uniform(low, high) can be exported")
        children: Lines = []
        for _, one in parts:
            expression = row.write(one)
            lines = [expression] if isinstance(expression, str) else list(expression)
            children += [*lines[:-1], lines[-1] + ","]
        stand_in = OneOf(tuple(one for _, one in parts), weights=tuple(weight for weight, _ in parts), p=step.p)
        group = self.groups.one_of(indented(children), stand_in)
        grade = row.graded(parts[0][1])
        split = "; log-uniform in parts" if _holds(step, LogUniform) and not row.logs else ""
        return [f"# {step!r:.160}: {grade}{split}", *group[:-1], group[-1] + ","]

    def _group(self, step: Any, refused: Lines) -> Lines:
        before = len(refused)
        parts = [self._lines(one, refused) for one in step.steps]
        if not isinstance(step, Compose) and self.groups.nothing:
            parts = [lines or [self.groups.nothing + ","] for lines in parts]
        elif len(refused) > before and isinstance(step, OneOf | SomeOf):
            raise RefusedError(
                "without some of its steps the others would be drawn more often", "leave these out of it"
            )
        if isinstance(step, OneOf) and self.groups.weighted:
            weights = step.weights or (1.0,) * len(parts)
            parts = [
                self.groups.weighted(lines, one, weight / max(weights))
                for lines, one, weight in zip(parts, step.steps, weights, strict=True)
            ]
        children = indented([line for lines in parts for line in lines])
        writers: dict[type[Transform], Any] = {
            Compose: self.groups.sequence,
            OneOf: self.groups.one_of,
            SomeOf: self.groups.some_of,
            RandomOrder: self.groups.any_order,
        }
        write = writers.get(type(step))
        if write is None:
            raise RefusedError(f"it has no {type(step).__name__}", "its steps can be exported one by one")
        return list(write(children, step))


_TWICE = (
    "\nEach geometric step interpolates the pixels anew here, and only once for all adjacent ones in augmentlab: the"
    "\nresult is softer."
)
_BEYOND = (
    "\nA step that turns or bends what a crop just before has cut out shows the border there, and in augmentlab, where the"
    "\ntwo are one, what lies beyond the cut."
)


def resampled(pipeline: Transform) -> int:
    """How many geometric steps that interpolate a pipeline may apply one after the other."""
    most = here = 0
    for step in pipeline.walk():
        bends = isinstance(step, GeometricTransform) and type(step).slice_array is GeometricTransform.slice_array
        here = here + 1 if bends else here if isinstance(step, Compose | GeometricTransform) else 0
        most = max(most, here)
    return most


def sees_beyond_cuts(pipeline: Transform) -> bool:
    """Whether a step that interpolates may come right behind one that cuts."""
    cut = False
    for step in pipeline.walk():
        if not isinstance(step, GeometricTransform):
            cut = cut and isinstance(step, Compose | OneOf | SomeOf | RandomOrder)
        elif (sliced := _sliced(step)) is None:
            if cut:
                return True
        else:
            cut = cut or sliced.size < _PROBE.size
    return False


_PROBE = np.empty((64, 64, 1))


def _sliced(step: GeometricTransform) -> Any:
    """What a step leaves of an image where it moves whole pixels."""
    drawn = dataclasses.replace(step, p=1.0).sample(0)
    return drawn.slice_array(_PROBE) if isinstance(drawn, GeometricTransform) else None


def indented(lines: Lines) -> Lines:
    """One step to the right."""
    return [f"    {line}" for line in lines]


def _holds(step: Transform, kind: type[Distribution]) -> bool:
    return any(isinstance(getattr(step, one.name), kind) for one in parameters(step))


def variants(
    step: Transform,
    *,
    integers: bool = False,
    logs: bool = False,
    keeps: Callable[[str, Any], bool] = lambda _name, _value: False,
) -> list[tuple[float, Any]]:
    """A step as weighted steps with probability 1 that hold only numbers, uniform ranges and, if asked for, ranges of
    `integers` and those uniform in the logarithm; the step itself where it is one already. Drawn seeds, and what `keeps`,
    are left to the target.

    Raises
    ------
    RefusedError
        When they would be too many.
    """
    choices: dict[str, list[tuple[float, Any]]] = {}
    for one in parameters(step):
        value = getattr(step, one.name)
        if one.name == "seed" or isinstance(value, Uniform) or keeps(one.name, value):
            continue
        match value:
            case LogUniform() if not logs:
                edges = np.geomspace(value.low, value.high, LOG_PARTS + 1).tolist()
                choices[one.name] = [(1.0, uniform(low, high)) for low, high in itertools.pairwise(edges)]
            case Choice():
                choices[one.name] = [(1.0, each) for each in value.values]
            case Integers() if not integers:
                choices[one.name] = [(1.0, each) for each in range(value.low, value.high + 1)]
    if not choices:
        return [(1.0, step)]
    count = math.prod(len(each) for each in choices.values())
    if count > MOST_VARIANTS:
        raise RefusedError(
            f"its distributions would take {count} variants of the step", "uniform(low, high) or numbers take one"
        )
    return [
        (
            math.prod(weight for weight, _ in picked),
            dataclasses.replace(step, p=1.0, **dict(zip(choices, (value for _, value in picked), strict=True))),
        )
        for picked in itertools.product(*choices.values())
    ]


def span(value: Any) -> tuple[Any, Any]:
    """Both ends of a range; those of a number are itself."""
    return (value.low, value.high) if isinstance(value, Uniform | Integers) else (value, value)


def fixed(step: Transform, *names: str) -> tuple[Any, ...]:
    """The values of fields that the target cannot draw.

    Raises
    ------
    RefusedError
        When one of them is a range.
    """
    values = tuple(getattr(step, name) for name in names)
    for name, value in zip(names, values, strict=True):
        if isinstance(value, Distribution):
            raise RefusedError(f"it cannot draw {name}", f"{name} as a number or a choice can be exported")
    return values


def default(step: Transform, *names: str) -> None:
    """Refuse unless these fields have their defaults."""
    for one in parameters(step):
        value = getattr(step, one.name)
        if one.name in names and value != one.default:
            raise RefusedError(f"it has no {one.name}", f"{one.name}={one.default!r} can be exported")


def number(value: float) -> str:
    """As text, without the noise of the last digits."""
    return f"{value:.10g}"


def pair(ends: Sequence[float], times: float = 1.0, plus: float = 0.0) -> str:
    """A range as text, in order, each end scaled and shifted."""
    low, high = sorted(end * times + plus for end in ends)
    return f"({number(low)}, {number(high)})"

"""Parameter declarations: what a field may hold, and what is useful.

A transform declares each parameter once, as an annotated dataclass field::

    angle: Annotated[float, Interval(ge=-180, le=180), Typical(-45, 45), Unit("deg"), "Counter-clockwise angle."] = 0.0

`parameters` reads the declarations; validation, sliders, sweeps, JSON, docstrings and property tests all use what it
returns. A field holds a plain value or a `Distribution` made by `uniform`, `loguniform`, `integers` or `choice`.
"""

import dataclasses
import functools
import inspect
import math
import operator
import typing
from dataclasses import dataclass
from typing import Any, Literal

from annotated_types import Interval

from augmentlab.distributions import (
    Choice,
    Distribution,
    Integers,
    LogUniform,
    Uniform,
    as_float,
    choice,
    integers,
    is_integer,
    is_number,
    loguniform,
    plain,
    rounded,
    shown,
    uniform,
)

# With the distributions, so that a class of one's own has its vocabulary from one place.
__all__ = [
    "SEED_MAX",
    "Choice",
    "Distribution",
    "Integers",
    "LogUniform",
    "Parameter",
    "Typical",
    "Uniform",
    "Unit",
    "choice",
    "documented",
    "integers",
    "loguniform",
    "parameters",
    "uniform",
]

SEED_MAX = 2**31 - 1


@dataclass(frozen=True)
class Typical:
    """The useful range of a parameter: ends of sliders and sweeps, and what ``Transform.typical()`` draws from.

    Parameters
    ----------
    low, high : float
        Ends of the range, inclusive; inside the hard bounds.
    log : bool
        Whether equal ratios matter rather than equal differences; `low` is then above 0.
    draw : bool
        Whether ``Transform.typical()`` draws the field. False for what shapes the output or describes the step rather
        than its strength, such as a height in pixels.
    """

    low: float
    high: float
    log: bool = False
    draw: bool = True


@dataclass(frozen=True)
class Unit:
    """The unit of a parameter, as printed: ``deg``, ``px``, ``fraction``."""

    symbol: str


Kind = Literal["float", "int", "bool", "choice", "floats"]


@dataclass(frozen=True)
class Parameter:
    """One declared field of a transform, as `parameters` reads it.

    Attributes
    ----------
    name : str
        The field's name.
    kind : {"float", "int", "bool", "choice", "floats"}
        What a plain value is; ``floats`` is a tuple of floats.
    interval : Interval
        Hard bounds of each number (for numbers only).
    typical : Typical or None
        The useful range, if declared.
    unit : str
        The unit, or an empty string.
    choices : tuple
        What is allowed, for kind ``choice``.
    doc : str
        One sentence.
    default
        The default: a value or a Distribution.
    """

    name: str
    kind: Kind
    interval: Interval
    typical: Typical | None
    unit: str
    choices: tuple[Any, ...]
    doc: str
    default: Any

    @property
    def low(self) -> float:
        """Lower hard bound."""
        return float(_first(self.interval.ge, self.interval.gt, -math.inf))

    @property
    def high(self) -> float:
        """Upper hard bound."""
        return float(_first(self.interval.le, self.interval.lt, math.inf))

    @property
    def drawn(self) -> bool:
        """Whether ``Transform.typical()`` draws it and ``Transform.scaled()`` shrinks it."""
        return self.typical is not None and self.typical.draw

    @property
    def allowed(self) -> str:
        """What is allowed, in words: ``float in [-180, 180] deg``."""
        if self.kind == "bool":
            return "bool"
        if self.kind == "choice":
            return "one of " + ", ".join(map(repr, self.choices))
        left = "[" if self.interval.gt is None else "("
        right = "]" if self.interval.lt is None else ")"
        what = {"float": "float", "int": "int", "floats": "a tuple of floats"}[self.kind]
        return f"{what} in {left}{self.low:.10g}, {self.high:.10g}{right} {self.unit}".rstrip()

    def check(self, owner: str, value: Any) -> Any:
        """Return `value` normalised to plain Python; raise the one sentence when it is not allowed."""
        if isinstance(value, Distribution):
            if self.kind == "int" and isinstance(value, (Uniform, LogUniform)):
                raise TypeError(
                    f"{owner}.{self.name} must be {self.allowed}, drawn by integers or choice; got {shown(value)}"
                )
            if self.kind == "floats" or (self.kind in {"bool", "choice"} and not isinstance(value, Choice)):
                raise TypeError(f"{owner}.{self.name} must be {self.allowed}; got {shown(value)}")
            wrong = next(filter(None, map(self._wrong, map(plain, value.support))), None)
            kept: Any = value
        else:
            kept = plain(value)
            wrong = self._wrong(kept)
            if wrong is None and self.kind in {"float", "floats"}:
                kept = as_float(kept) if self.kind == "float" else tuple(map(as_float, kept))
        if wrong is not None:
            raise wrong(f"{owner}.{self.name} must be {self.allowed}; got {shown(value)}{self._meant(kept)}")
        return kept

    def _meant(self, value: Any) -> str:
        """What a pair of numbers is here, by which other libraries write a range; nothing for what is no such pair."""
        made = {"float": uniform, "int": integers}.get(self.kind)
        if made is None or self.name == "p" or not isinstance(value, tuple) or len(value) != 2:
            return ""
        if any(map(self._wrong, value)) or value[0] > value[1]:
            return ""
        return f": {made(*value)!r} draws from a range"

    def _wrong(self, value: Any) -> type[Exception] | None:
        """Which error a plain value is; None when it is allowed."""
        match self.kind:
            case "bool":
                return None if isinstance(value, bool) else TypeError
            case "choice":
                return None if value in self.choices and not isinstance(value, bool) else ValueError
            case "int":
                alike = is_integer(value)
            case "float":
                alike = is_number(value)
            case "floats":
                alike = isinstance(value, tuple) and all(map(is_number, value))
        if not alike:
            return TypeError
        numbers = value if self.kind == "floats" else (value,)
        return None if all(map(self._inside, numbers)) else ValueError

    def _inside(self, number: float) -> bool:
        bounds = self.interval
        return (
            (bounds.ge is None or operator.ge(number, bounds.ge))
            and (bounds.gt is None or operator.gt(number, bounds.gt))
            and (bounds.le is None or operator.le(number, bounds.le))
            and (bounds.lt is None or operator.lt(number, bounds.lt))
            and not math.isnan(number)
        )

    def typical_value(self) -> Any:
        """The distribution over the typical range of a drawn parameter."""
        if self.typical is None:
            raise ValueError(f"{self.name} has no typical range")
        low, high = self.typical.low, self.typical.high
        if self.kind == "int":
            return Integers(int(low), int(high))
        return LogUniform(low, high) if self.typical.log else Uniform(low, high)

    def scaled_value(self, value: Any, strength: float) -> Any:
        """`value` (or each number of a distribution) moved toward the default; strength 0 is the default itself."""
        if strength == 0:
            return self.default
        if strength == 1 or not self.drawn:
            return value
        default = self.default
        numbers = value.support if isinstance(value, Distribution) else (value,)
        # By ratio only where all numbers have one: ends moved in two ways could change places.
        log = self.typical is not None and self.typical.log and min(*numbers, default) > 0

        def move(number: float) -> float:
            moved = default * (number / default) ** strength if log else default + strength * (number - default)
            if self.kind == "int":
                return round(moved)
            low, high = min(number, default), max(number, default)
            return rounded(moved, low, high)

        return value.map(move) if isinstance(value, Distribution) else move(value)


def parameters(owner: Any) -> tuple[Parameter, ...]:
    """The declared parameters of a transform (class or instance), in the order of its fields.

    Raises
    ------
    TypeError
        When a declaration cannot be read; the sentence names the class and the field.
    """
    return _read(owner if isinstance(owner, type) else type(owner))


@functools.cache
def _read(cls: type) -> tuple[Parameter, ...]:
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise TypeError(f"the declarations of {cls.__name__} must use names of its module; got {error}") from None
    declared = [
        _declaration(cls, name, hint) for name, hint in hints.items() if typing.get_origin(hint) is typing.Annotated
    ]
    # The inherited probability stands last: a reader looks for the transform's own fields first.
    return tuple(sorted(declared, key=lambda parameter: parameter.name == "p"))


def _declaration(cls: type, name: str, hint: Any) -> Parameter:
    base, *extras = typing.get_args(hint)
    here = f"{cls.__name__}.{name}"
    choices: tuple[Any, ...] = ()
    if typing.get_origin(base) is Literal:
        kind, choices = "choice", typing.get_args(base)
    elif base in {float, int, bool}:
        kind = base.__name__
    elif base == tuple[float, ...]:
        kind = "floats"
    else:
        raise TypeError(f"{here} must be declared float, int, bool, Literal or tuple[float, ...]; got {base!r}")
    interval = next((extra for extra in extras if isinstance(extra, Interval)), Interval())
    typical = next((extra for extra in extras if isinstance(extra, Typical)), None)
    unit = next((extra.symbol for extra in extras if isinstance(extra, Unit)), "")
    doc = " ".join(extra for extra in extras if isinstance(extra, str))
    default = getattr(cls, name, dataclasses.MISSING)
    if isinstance(default, dataclasses.Field):
        default = default.default
    if default is dataclasses.MISSING:
        raise TypeError(f"{here} must have a default: the value that leaves the image as it is, where there is one")
    parameter = Parameter(
        name,
        kind,  # type: ignore[arg-type]
        interval,
        typical,
        unit,
        choices,
        doc,
        default,
    )
    if kind in {"float", "int", "floats"} and not (math.isfinite(parameter.low) and math.isfinite(parameter.high)):
        raise TypeError(f"{here} must have finite bounds, such as Interval(ge=0, le=1); got {interval!r}")
    if not doc:
        raise TypeError(f"{here} must have one sentence that says what it is")
    return parameter


def _entries(cls: type) -> list[str]:
    """The entries of a numpydoc ``Parameters`` section, generated from the declarations."""
    lines = []
    for parameter in parameters(cls):
        default, typical = parameter.default, parameter.typical
        drawn_from_all = isinstance(default, Choice) and default.values == parameter.choices
        shown = "drawn from all" if drawn_from_all else repr(default)
        lines.append(f"{parameter.name} : {parameter.allowed}, default {shown}")
        narrower = typical and (typical.low, typical.high) != (parameter.low, parameter.high)
        useful = f" Typically {typical.low:g} to {typical.high:g}." if typical and narrower else ""
        lines.append(f"    {parameter.doc}{useful}")
    return lines


def documented(cls: type) -> str:
    """The docstring with the declared parameters in its Parameters section, which is made where there is none."""
    lines = inspect.cleandoc(cls.__doc__ or "").split("\n")
    titles = [i for i in range(len(lines) - 1) if lines[i] and lines[i + 1] and set(lines[i + 1]) == {"-"}]
    own = next((i for i in titles if lines[i] == "Parameters"), None)
    entries = _entries(cls)
    if own is None:
        at = titles[0] if titles else len(lines)
        entries = ["Parameters", "----------", *entries]
    else:
        at = next((i for i in titles if i > own), len(lines))
    head, tail = "\n".join(lines[:at]).rstrip(), "\n".join(lines[at:])
    gap = "\n\n" if own is None else "\n"
    return head + gap + "\n".join(entries) + (f"\n\n{tail}" if tail else "") + "\n"


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)

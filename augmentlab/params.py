"""Parameter declarations: what a field may hold, what is useful, and how it is drawn.

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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Distribution:
    """What a field may hold in place of a value. Made by `uniform`, `loguniform`, `integers` or `choice`."""

    def sample(self, rng: np.random.Generator) -> Any:
        """One draw, a plain Python value: `at` one uniform number, whatever the distribution."""
        return self.at(rng.random())

    def at(self, share: float) -> Any:
        """The value below which the share `share` in [0, 1) of all draws lies."""
        raise NotImplementedError

    def many(self, shares: NDArray[np.float64]) -> list[Any]:
        """`at` each of several shares."""
        return [self.at(share) for share in shares.tolist()]

    @property
    def support(self) -> tuple[Any, ...]:
        """The values that bound every draw (for a choice, all of them)."""
        raise NotImplementedError

    def map(self, function: Callable[[Any], Any]) -> "Distribution":
        """The same kind of distribution with `function`, increasing, applied to what it is made of."""
        return type(self)(*(function(value) for value in self.support))

    def __repr__(self) -> str:
        name = type(self).__name__.lower()
        return f"{name}({', '.join(repr(value) for value in self.support)})"


@dataclass(frozen=True, repr=False)
class Uniform(Distribution):
    """Uniform on [low, high]; see `uniform`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_ends(self)

    @property
    def support(self) -> tuple[float, float]:
        """The two ends."""
        return self.low, self.high

    def at(self, share: float) -> float:
        """A quantile, rounded so that a record reads well: to six digits, counted from the first of the larger end."""
        steps = _steps(self.low, self.high)
        return min(max(round((self.low + (self.high - self.low) * share) * steps) / steps, self.low), self.high)

    def many(self, shares: NDArray[np.float64]) -> list[float]:
        """`at` each of several shares."""
        steps = _steps(self.low, self.high)
        quantiles = np.rint((self.low + (self.high - self.low) * shares) * steps) / steps
        return np.clip(quantiles, self.low, self.high).tolist()


@dataclass(frozen=True, repr=False)
class LogUniform(Distribution):
    """Uniform in the logarithm on [low, high]; see `loguniform`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_ends(self)
        if self.low <= 0:
            raise ValueError(f"loguniform must have low above 0; got {shown(self)}")

    @property
    def support(self) -> tuple[float, float]:
        """The two ends."""
        return self.low, self.high

    def at(self, share: float) -> float:
        """A quantile, rounded to six significant digits so that a record reads well."""
        low, high = math.log(self.low), math.log(self.high)
        quantile = math.exp(low + (high - low) * share)
        if self.high < 1.1 * self.low:
            steps = _steps(self.low, self.high)
            return min(max(round(quantile * steps) / steps, self.low), self.high)
        return _rounded(quantile, self.low, self.high)


@dataclass(frozen=True, repr=False)
class Integers(Distribution):
    """Every integer in [low, high] alike; see `integers`."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _check_ends(self)
        if not all(_is_integer(value) for value in self.support):
            raise TypeError(f"integers must have two ints; got {shown(self)}")
        object.__setattr__(self, "low", int(self.low))
        object.__setattr__(self, "high", int(self.high))

    @property
    def support(self) -> tuple[int, int]:
        """The two ends."""
        return self.low, self.high

    def at(self, share: float) -> int:
        """A quantile."""
        return min(self.low + int(share * (self.high - self.low + 1)), self.high)


@dataclass(frozen=True, repr=False)
class Choice(Distribution):
    """Each of some values alike; see `choice`."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.values, tuple) or not self.values:
            raise ValueError(f"choice must have at least one value; got {shown(self.values)}")
        object.__setattr__(self, "values", tuple(_plain(value) for value in self.values))
        if any(isinstance(value, Distribution) for value in self.values):
            raise TypeError(f"choice must be among plain values, not distributions; got {shown(self)}")

    @property
    def support(self) -> tuple[Any, ...]:
        """All values."""
        return self.values

    def map(self, function: Callable[[Any], Any]) -> "Choice":
        """A choice among the mapped values."""
        return Choice(tuple(function(value) for value in self.values))

    def at(self, share: float) -> Any:
        """The value whose turn it is when each has an equal share."""
        return self.values[int(share * len(self.values))]


# The four functions return Any because a field annotated `float` accepts what they return.


def uniform(low: float, high: float) -> Any:
    """Draw uniformly from [low, high].

    >>> uniform(-15, 15)
    uniform(-15, 15)
    >>> uniform(-15, 15).sample(np.random.default_rng(0))
    4.1089
    """
    return Uniform(low, high)


def loguniform(low: float, high: float) -> Any:
    """Draw from [low, high] so that equal ratios are equally likely; 0 < low <= high.

    >>> loguniform(0.5, 2).sample(np.random.default_rng(0))
    1.20909
    """
    return LogUniform(low, high)


def integers(low: int, high: int) -> Any:
    """Draw an integer from [low, high], both ends included.

    >>> integers(0, 3).sample(np.random.default_rng(0))
    2
    """
    return Integers(low, high)


def choice(*values: Any) -> Any:
    """Draw one of `values`, each alike.

    >>> choice("edge", "reflect").sample(np.random.default_rng(0))
    'reflect'
    """
    return Choice(values)


DISTRIBUTIONS: dict[str, Callable[..., Any]] = {
    "uniform": uniform,
    "loguniform": loguniform,
    "integers": integers,
    "choice": choice,
}

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
            wrong = next(filter(None, map(self._wrong, map(_plain, value.support))), None)
            plain: Any = value
        else:
            plain = _plain(value)
            wrong = self._wrong(plain)
            if wrong is None and self.kind in {"float", "floats"}:
                plain = _as_float(plain) if self.kind == "float" else tuple(map(_as_float, plain))
        if wrong is not None:
            raise wrong(f"{owner}.{self.name} must be {self.allowed}; got {shown(value)}")
        return plain

    def _wrong(self, value: Any) -> type[Exception] | None:
        """Which error a plain value is; None when it is allowed."""
        match self.kind:
            case "bool":
                return None if isinstance(value, bool) else TypeError
            case "choice":
                return None if value in self.choices and not isinstance(value, bool) else ValueError
            case "int":
                alike = _is_integer(value)
            case "float":
                alike = _is_number(value)
            case "floats":
                alike = isinstance(value, tuple) and all(map(_is_number, value))
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
            return _rounded(moved, low, high)

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


def _check_ends(distribution: Any) -> None:
    name = type(distribution).__name__.lower()
    ends = tuple(_plain(end) for end in distribution.support)
    if not all(map(_is_number, ends)) or not all(math.isfinite(_as_float(end)) for end in ends):
        raise TypeError(f"{name} must have two finite numbers; got {shown(ends[0])} and {shown(ends[1])}")
    if ends[0] > ends[1]:
        raise ValueError(f"{name} must have low <= high; got {shown(ends[0])} and {shown(ends[1])}")
    object.__setattr__(distribution, "low", ends[0])
    object.__setattr__(distribution, "high", ends[1])


@functools.lru_cache(maxsize=1024)
def _steps(low: float, high: float) -> float:
    """The power of ten of whose parts numbers from `low` to `high` are made: the largest of them have six digits, and
    more where ends that are close would leave less than 10,000 numbers.
    """
    scale = min(max(abs(low), abs(high)), 10 * (high - low))
    return 10.0 ** max(5 - math.floor(math.log10(scale)), 0) if 1e-300 < scale < math.inf else 1.0


def _rounded(number: float, low: float, high: float) -> float:
    return min(max(float(f"{number:.6g}"), low), high)


def _plain(value: Any) -> Any:
    """NumPy scalars as Python numbers, lists as tuples."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, complex))


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)


def shown(value: Any) -> str:
    """What an error says of a value: its repr, at most 80 characters of it.

    >>> shown("a" * 1000)[-5:]
    'aa...'
    """
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  (an int of thousands of digits, nesting without end, a repr of the user's)
        text = f"a value of type {type(value).__name__} that cannot be printed"
    return text if len(text) <= 80 else text[:77] + "..."

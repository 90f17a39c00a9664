"""Distributions: what a field may hold in place of a value, made by `uniform`, `loguniform`, `integers` and `choice`."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        return rounded(quantile, self.low, self.high)


@dataclass(frozen=True, repr=False)
class Integers(Distribution):
    """Every integer in [low, high] alike; see `integers`."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _check_ends(self)
        if not all(is_integer(value) for value in self.support):
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
        object.__setattr__(self, "values", tuple(plain(value) for value in self.values))
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


def _check_ends(distribution: Any) -> None:
    name = type(distribution).__name__.lower()
    ends = tuple(plain(end) for end in distribution.support)
    if not all(map(is_number, ends)) or not all(math.isfinite(as_float(end)) for end in ends):
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


def rounded(number: float, low: float, high: float) -> float:
    """To six significant digits, kept between two ends."""
    return min(max(float(f"{number:.6g}"), low), high)


def plain(value: Any) -> Any:
    """NumPy scalars as Python numbers, lists as tuples."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    return tuple(map(plain, value)) if isinstance(value, list) else value


def is_integer(value: Any) -> bool:
    """Whether it is a whole number, and no bool."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether it is a real number, and no bool."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, complex))


def as_float(value: Any) -> float:
    """As a float; what is too large for one is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


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

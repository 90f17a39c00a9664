"""A row that says the way there and back, and what rows are written with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from augmentlab.distributions import integers, uniform
from augmentlab.interop.grades import RefusedError
from augmentlab.interop.sampling import Lines, Row, fixed, number, span
from augmentlab.transform import Transform

# By NumPy's meaning, as OpenCV calls it, and the number that a document holds.
BORDERS = {
    "constant": ("cv2.BORDER_CONSTANT", 0),
    "edge": ("cv2.BORDER_REPLICATE", 1),
    "symmetric": ("cv2.BORDER_REFLECT", 2),
    "wrap": ("cv2.BORDER_WRAP", 3),
    "reflect": ("cv2.BORDER_REFLECT_101", 4),
}
NEAREST, LINEAR, AREA, NEAREST_EXACT = 0, 1, 3, 6  # OpenCV's numbers of interpolations


@dataclass
class Given:
    """The arguments of one of their steps, and what is not kept of them.

    Parameters
    ----------
    values : mapping of str to value
        As their ``to_dict`` writes them, without ``p``.
    shape : tuple of int, optional
        (H, W) of the images that the step gets, where that is known.
    notes : list of str
        What the step does otherwise here.
    """

    values: Mapping[str, Any]
    shape: tuple[int, ...] | None = None
    notes: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Any:
        self.used.add(name)
        if name not in self.values:
            raise RefusedError(f"its document does not say {name}", "A.to_dict of Albumentations 2.0.8 says it")
        return self.values[name]

    def only(self, **allowed: Any) -> None:
        """Refuse other values of these."""
        for name, value in allowed.items():
            if not same(self[name], value):
                raise RefusedError(f"{name}={self.values[name]!r:.60} has no counterpart", f"{name}={value!r} has one")

    def assume(self, **values: Any) -> None:
        """Note other values of these, which change how pixels are computed and not what happens."""
        for name, value in values.items():
            if not same(self[name], value):
                self.notes.append(f"{name}={self.values[name]!r:.60} is {_spoken(name, value)} here")

    def sides(self, what: str) -> tuple[int, int]:
        """Height and width of the images, by which pixels become shares."""
        if self.shape is None:
            raise RefusedError(
                f"its {what} in pixels, in shares of the side here", "shape=(H, W), if all images have that, maps it"
            )
        return self.shape[0], self.shape[1]

    def rest(self) -> None:
        """Refuse what nothing has asked for."""
        for name in self.values:
            if name not in self.used:
                raise RefusedError(f"{name} is no argument of it in Albumentations 2.0.8")

    def range(self, name: str, times: float = 1.0, plus: float = 0.0) -> Any:
        """A number or a uniform range."""
        return between(self[name], times, plus)

    def whole(self, name: str) -> Any:
        """A whole number or a range of them."""
        low, high = (int(end) for end in self[name])
        return low if low == high else integers(low, high)

    def level(self, name: str = "fill") -> float:
        """A gray level in [0, 1]."""
        value = self[name]
        values = set(value) if isinstance(value, tuple | list) else {value}
        if len(values) != 1 or isinstance(value, str) or value is None or not 0 <= float(next(iter(values))) <= 255:
            raise RefusedError(f"{name}={value!r} is no gray level", f"{name}=0 has a counterpart")
        return float(next(iter(values))) / 255

    def border(self) -> dict[str, Any]:
        """What lies beyond the border."""
        names = {number: name for name, (_, number) in BORDERS.items()}
        border = names[self["border_mode"]]
        fill = self.level()
        self.assume(fill_mask=0)
        return {"border": border, "fill": fill} if border == "constant" else {"border": border}


Reader = Callable[[Given], Transform | None]  # None where nothing happens


@dataclass(frozen=True)
class Both(Row):
    """A row, and which of their classes are this transform.

    Parameters
    ----------
    reads : mapping of str to callable
        For each, ``read(given) -> Transform or None``, always applied; it may raise a `RefusedError`.
    """

    reads: Mapping[str, Reader] = field(default_factory=dict)


def between(ends: Any, times: float = 1.0, plus: float = 0.0) -> Any:
    """A range of theirs, each end scaled and shifted: a number where both are one."""
    low, high = sorted(_short(float(end) * times + plus) for end in ends)
    return low if low == high else uniform(low, high)


def _short(value: float) -> float:
    return float(f"{value:.12g}")


def same(value: Any, other: Any) -> bool:
    """Whether two values are one in JSON, and ranges of zeros are 0."""
    if isinstance(value, tuple | list) and isinstance(other, tuple | list):
        return list(value) == list(other)
    if isinstance(value, tuple | list):
        return all(one == other for one in value)
    return bool(value == other)


def _spoken(name: str, value: Any) -> str:
    return {NEAREST: "the nearest pixel", LINEAR: "linear"}[value] if "interpolation" in name else repr(value)


# --- writing ---------------------------------------------------------------------------------------------------------


def call(name: str, step: Transform | float, **arguments: str) -> str:
    """The text of one of their steps."""
    p = step.p if isinstance(step, Transform) else step
    return f"A.{name}({', '.join(f'{key}={value}' for key, value in (arguments | {'p': number(p)}).items())})"


def one_after_another(step: Transform, *calls: str) -> str | Lines:
    """Several of their steps for one of ours, or none."""
    if not calls:
        return call("NoOp", step)
    return ["A.Sequential([", *[f"    {one}," for one in calls], f"], p={number(step.p)})"]


def border(step: Any) -> dict[str, str]:
    """What lies beyond the border, as arguments."""
    border, fill = fixed(step, "border", "fill")
    return {"border_mode": BORDERS[border][0], "fill": level(fill)}


def level(fill: float) -> str:
    """A gray level of uint8."""
    return number(round(fill * 255))


def whole(value: Any) -> str:
    """A range of whole numbers."""
    low, high = span(value)
    return f"({low}, {high})"


def plain(name: str) -> Callable[[Any], str]:
    """How a step without arguments is written."""
    return lambda step: call(name, step)

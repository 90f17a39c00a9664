"""One transform in every library that is installed, on one image, side by side."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from augmentlab import engines
from augmentlab.interop import TARGETS, target
from augmentlab.interop.grades import ExportError, Finding
from augmentlab.interop.running import is_installed, run
from augmentlab.markup import Markup, element, joined
from augmentlab.pixels import Array, to_unit
from augmentlab.sample import check_image
from augmentlab.transform import Transform

if TYPE_CHECKING:
    import pandas as pd

MAGNIFIED = 16  # times, in the picture of a difference: one level in 255 is not to be seen
_CALLS = "overflow-wrap: anywhere;"  # a long name is broken rather than pushed out of sight
_ROW = "padding: 2px 8px; vertical-align: middle; text-align: left;"


@dataclass(frozen=True)
class Difference:
    """How two images differ, in levels of 255: largest, mean, and the share of values off by more than one level."""

    maximum: float
    mean: float
    beyond_one: float

    @classmethod
    def between(cls, one: Array, other: Array) -> "Difference":
        """Of two images of one shape and dtype."""
        away = np.abs(one.astype(np.float64) - other) * (1 if other.dtype == np.uint8 else 255)
        # values of floats are not rounded to levels: a hundredth of one is no step beyond
        return cls(float(away.max()), float(away.mean()), float((away > 1.01).mean()))


@dataclass(frozen=True)
class InFramework:
    """What one library made of the image.

    Parameters
    ----------
    name, title : str
        Of the target, as `Transform.export` takes it and as its makers write it.
    findings : tuple of Finding
        Its calls, their grades, and why they differ.
    image : array or None
        Its result; None where there is none.
    difference : Difference or None
        From augmentlab's; None where it draws its own random numbers or the sizes differ.
    note : str
        Why there is no image or no difference; empty where there are both.
    """

    name: str
    title: str
    findings: tuple[Finding, ...]
    image: Array | None
    difference: Difference | None
    note: str

    @property
    def calls(self) -> str:
        """The calls of the library, each once."""
        return ", ".join(dict.fromkeys(one.call for one in self.findings))

    @property
    def cause(self) -> str:
        """Why it differs, or why there is nothing to compare."""
        if self.difference is not None and self.difference.maximum == 0:
            return self.note
        return self.note or "; ".join(dict.fromkeys(one.cause for one in self.findings if one.cause))

    @property
    def grade(self) -> str:
        """The worst grade of its calls, in words."""
        order = ("exact", "within", "approximate", "distribution")
        worst = max(
            (one.grade for one in self.findings), key=lambda one: (order.index(one.kind), one.levels), default=""
        )
        return str(worst)


@dataclass(frozen=True, repr=False)
class Comparison:
    """What the libraries make of one image; a notebook shows it as a table with pictures.

    Parameters
    ----------
    transform : Transform
        Drawn.
    image : array
        What went in.
    expected : array
        What augmentlab's reference engine makes of it.
    frameworks : tuple of InFramework
        Each that was asked.
    """

    transform: Transform
    image: Array
    expected: Array
    frameworks: tuple[InFramework, ...]

    def __getitem__(self, name: str) -> InFramework:
        """One library, by the name that `Transform.export` takes."""
        for one in self.frameworks:
            if one.name == name:
                return one
        raise KeyError(f"framework must be one of {', '.join(one.name for one in self.frameworks)}; got {name!r}")

    def to_frame(self) -> "pd.DataFrame":
        """A row a library: ``framework``, ``maximum``, ``mean``, ``beyond_one``, ``grade``, ``call`` and ``cause``."""
        import pandas as pd

        rows = []
        for one in self.frameworks:
            away = one.difference
            numbers = (np.nan,) * 3 if away is None else (away.maximum, away.mean, away.beyond_one)
            rows.append((one.title, *numbers, one.grade, one.calls, one.cause))
        columns = ["framework", "maximum", "mean", "beyond_one", "grade", "call", "cause"]
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        lines = [f"{self.transform!r} on {self.image.shape} {self.image.dtype}, differences in levels of 255"]
        for one in self.frameworks:
            away = one.difference
            numbers = (
                "" if away is None else f"max {away.maximum:.3g}, mean {away.mean:.2g}, {away.beyond_one:.1%} beyond 1"
            )
            lines.append(f"{one.title:15} {'; '.join(part for part in (numbers, one.cause) if part)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        # Empty where no value is off by more than one level, and then in nobody's way.
        drawn = f"difference, {MAGNIFIED} times" if any(_is_drawn(one) for one in self.frameworks) else None
        head = ("", "result", drawn, "maximum", "mean", "beyond 1", "how and why")
        ours = (
            element("b", "augmentlab"), _picture(self.expected, "augmentlab's result"), drawn and "", "", "", "",
            element("code", f"{self.transform!r:.120}"),
        )  # fmt: skip
        rows = [_row("th", head), _row("td", ours), *(self._row(one, drawn and "") for one in self.frameworks)]
        table = element("table", *rows, style="border-collapse: collapse; text-align: left;")
        return str(element("div", table, style="overflow-x: auto;"))

    def _row(self, one: InFramework, difference: str | None) -> Markup:
        result: str = ""
        if one.image is not None:
            result = _picture(one.image, f"{one.title}'s result")
            if _is_drawn(one):
                difference = _picture(_magnified(one.image, self.expected), f"{one.title}'s difference")
        away = one.difference
        numbers = ("",) * 3 if away is None else (f"{away.maximum:.3g}", _small(away.mean), f"{away.beyond_one:.1%}")
        how = joined(
            element("code", one.calls, style=_CALLS) if one.calls else None,
            element("div", one.cause) if one.cause else None,
        )
        return _row("td", (element("b", one.title), result, difference, *numbers, how))


def _is_drawn(one: InFramework) -> bool:
    return one.difference is not None and one.difference.beyond_one > 0


def compare_frameworks(transform: Transform, image: Array, *, frameworks: Sequence[str] | None = None) -> Comparison:
    """Run a drawn transform in every library that is installed, each by the text that `Transform.export` writes.

    Parameters
    ----------
    transform : Transform
        Drawn: it holds numbers, no distributions. A Compose too.
    image : (H, W), (H, W, 1) or (H, W, 3) uint8 array
        Gray or RGB.
    frameworks : sequence of str, optional
        Names as `Transform.export` takes them; all of them unless given.

    Returns
    -------
    Comparison
        Results, differences from augmentlab's reference engine, and causes. Where a library is not installed, cannot do
        the transform, or draws its own random numbers, the row says so.

    Raises
    ------
    TypeError, ValueError
        When the transform is none or not drawn, the image is not uint8, or a name is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from augmentlab import Gamma
    >>> image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> print(compare_frameworks(Gamma(gamma=0.7), image, frameworks=["scipy"]))
    Gamma(gamma=0.7) on (16, 16) uint8, differences in levels of 255
    SciPy           max 0, mean 0, 0.0% beyond 1
    """
    check_image(image)
    if image.dtype != np.uint8 or image.shape[2:] == (4,):
        raise ValueError(f"image must be uint8 without alpha; got {image.dtype} of shape {image.shape}")
    if not isinstance(transform, Transform):
        raise TypeError(f"transform must be a Transform; got {transform!r:.120}")
    if transform.is_random:
        raise ValueError(f"transform must be drawn, as transform.sample(rng=0) is; got {transform!r:.120}")
    if frameworks is not None and (isinstance(frameworks, str) or not isinstance(frameworks, Iterable)):
        raise TypeError(f"frameworks must be a list of names, such as ['scipy']; got {frameworks!r}")
    names = TARGETS if frameworks is None else tuple(frameworks)
    targets = [target(name) for name in names]
    with engines.engine("reference"):
        expected = transform.apply(image)
    return Comparison(transform, image, expected, tuple(_in_one(one, transform, image, expected) for one in targets))


def _in_one(one: Any, transform: Transform, image: Array, expected: Array) -> InFramework:
    empty = InFramework(one.name, one.title, (), None, None, "")
    try:
        text = transform.export(one.name, shape=image.shape)
        findings = tuple(one.findings(transform, image.shape))
    except ExportError as error:
        reasons = [line.removeprefix("- ") for line in str(error).splitlines()[1:]]
        return replace(empty, note=f"cannot: {'; '.join(reasons)}")
    able = replace(empty, findings=findings)
    if not is_installed(one.name):
        return replace(able, note="not installed")
    try:
        result = run(text, one.name, image)
    except Exception as error:  # noqa: BLE001  (whatever a library raises is what it answered)
        return replace(able, note=f"failed: {type(error).__name__}: {error}")
    return _compared(replace(able, image=result), expected)


def _compared(one: InFramework, expected: Array) -> InFramework:
    assert one.image is not None
    if any(finding.grade.kind == "distribution" for finding in one.findings):
        return replace(one, note="draws its own random numbers")
    if one.image.shape != expected.shape:
        return replace(one, note=f"the result is {one.image.shape}, augmentlab's {expected.shape}")
    result = one.image
    if result.dtype != expected.dtype:
        result = result.astype(np.float64) * (255 if expected.dtype == np.uint8 else 1)
    return replace(one, difference=Difference.between(result, expected))


def _small(number: float) -> str:
    return "<0.001" if 0 < number < 0.001 else f"{number:.2g}"


def _row(tag: str, cells: Sequence[object]) -> Markup:
    return element("tr", *(element(tag, cell, style=_ROW) for cell in cells if cell is not None))


def _magnified(image: Array, expected: Array) -> Array:
    """The difference about middle gray."""
    away = to_unit(image).astype(np.float64) - to_unit(expected)
    return np.clip(0.5 + away * MAGNIFIED / 2, 0, 1)


def _picture(image: Array, alt: str) -> Markup:
    """At most 128 pixels wide or high; floats that leave [0, 1] are spread over what they hold."""
    unit = np.asarray(to_unit(image), dtype=np.float64)
    if unit.min() < 0 or unit.max() > 1:
        unit = (unit - unit.min()) / (np.ptp(unit) or 1)
    levels = np.rint(unit * 255).astype(np.uint8)
    picture = Image.fromarray(levels[..., 0] if levels.shape[2:] == (1,) else levels)
    picture.thumbnail((128, 128))
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=75)
    source = base64.b64encode(stream.getvalue()).decode("ascii")
    # A page that keeps pictures inside their cells would shrink them to nothing beside long texts.
    return element("img", src=f"data:image/jpeg;base64,{source}", alt=alt, style="width: 80px; max-width: none;")

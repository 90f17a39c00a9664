"""What the sections of a report are built of: tables, figures, strips of pictures, and numbers in words."""

from __future__ import annotations

import base64
import io
import math
import warnings
from typing import TYPE_CHECKING, Any

from augmentlab import render
from augmentlab.compose import Compose
from augmentlab.markup import Markup, element, told
from augmentlab.study import stored
from augmentlab.study.words import chance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from augmentlab.plots.frames import Unit

    Row = Mapping[Any, Any]
    Column = tuple[str, Callable[[Row], object]]


_TILE = 72  # px
_MOST_BYTES = 60_000  # of a strip: with 16 arms, a page stays below 2 MB
DRAWS = 2
_SIGNS = {"helps": "▲", "hurts": "▼", "equivalent": "=", "undecided": "?", "identical": "≡"}
ABSENT = "\N{EN DASH}"


class Number(str):
    """A cell that is set to the right."""

    __slots__ = ()


def table(records: Sequence[Row], caption: str, columns: Sequence[Column]) -> Markup:
    """A table whose first column names the rows; it scrolls by itself where it is too wide."""
    rows = [[cell(row) for _, cell in columns] for row in records]
    right = [bool(rows) and isinstance(cell, Number) for cell in (rows[0] if rows else columns)]
    kinds = ["number" if one else None for one in right]
    head = [element("th", name, scope="col", class_=kind) for (name, _), kind in zip(columns, kinds, strict=True)]
    lines = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, class_=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    ]
    table = element("table", element("thead", element("tr", *head)), element("tbody", *lines))
    # Not as the table's own caption, which would be as wide as the table and scroll away with it.
    return element(
        "figure",
        element("figcaption", caption),
        element("div", table, class_="scroll", role="region", aria_label=caption, tabindex=0),
    )


def folded(summary: str, content: Markup) -> Markup:
    """Content that opens at a click."""
    return element("details", element("summary", summary), content)


def code(code: str, name: str) -> Markup:
    """A block of code with a button that copies it."""
    tools = element(
        "div",
        element("span", role="status", class_="quiet"),
        element("button", "Copy", type="button", aria_label=f"Copy {name}"),
        class_="tools",
        hidden=True,
    )
    return element("div", element("pre", element("code", code), tabindex=0), tools, class_="code")


def figure(figure: Any, alt: str) -> Markup:
    """A figure as one picture: inline, several would share the names of their parts."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "augmentlab", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    image = element("img", alt=alt, src=_address("image/svg+xml", buffer.getvalue()))
    return element(
        "figure", element("div", image, class_="scroll", role="region", aria_label=alt, tabindex=0), class_="figure"
    )


def strip(label: str, document: dict[str, Any], pictures: Sequence[NDArray[Any]], seed: int) -> Markup | None:
    """Originals, and draws of an arm below them."""
    if not pictures:
        return None
    transform = stored.transform_of(document)
    if transform is None:
        return element(
            "p", "Not drawn: a class of this pipeline is not loaded where the report was made.", class_="quiet"
        )
    # As the study applies it, so that a step meets the same draws in every arm.
    pipeline = transform if isinstance(transform, Compose) and transform.p == 1 else Compose((transform,))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            tiles = list(render.tiles(pipeline, pictures, seed, draws=DRAWS, size=_TILE))
    except Exception as error:  # noqa: BLE001  (a user's own transform may raise anything, and the rest is worth reading)
        return element("p", f"Not drawn: {told(error)}", class_="quiet")
    ordered = sorted(tiles, key=lambda tile: (tile.column, tile.row))
    picture = render.montage([tile.image for tile in ordered], columns=len(pictures), background=128)
    alt = f"{label}: {len(pictures)} images, and {DRAWS} draws of each below it"
    return element("div", image(picture, alt), class_="strip")


def image(picture: NDArray[np.uint8], alt: str) -> Markup:
    """A picture in whichever format is smaller; what has much detail loses some of it."""
    png = render.encode(picture, "png")
    jpegs = [render.encode(picture, "jpeg", quality=quality) for quality in (80, 60, 40, 20)]
    jpeg = next((one for one in jpegs if len(one) <= _MOST_BYTES), jpegs[-1])
    source = _address("image/png", png) if len(png) <= len(jpeg) else _address("image/jpeg", jpeg)
    height, width = picture.shape[:2]
    return element("img", alt=alt, width=width, height=height, src=source)


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def code_of(document: dict[str, Any]) -> str:
    """A stored pipeline in one line."""
    code = stored.code_of(document)
    return "none" if code == "Compose([])" else code


# --- words -----------------------------------------------------------------------------------------------------------


def verdict(word: str) -> Markup:
    """A verdict with its sign, in its colour."""
    return element("span", element("span", _SIGNS[word], aria_hidden="true"), f" {word}", class_=f"verdict {word}")


def said(word: str) -> str:
    """A verdict as the end of a sentence."""
    return word if word in ("helps", "hurts") else f"is {word}" + (" to the control" if word == "identical" else "")


def differences(unit: Unit) -> list[Column]:
    """The columns of a difference and its interval."""
    return [
        ("difference", lambda row: Number(unit.change(row["difference"]))),
        ("95 % interval", lambda row: Number(interval(unit, row["low"], row["high"]))),
    ]


def interval(unit: Unit, low: float, high: float) -> str:
    """An interval of differences."""
    return ABSENT if math.isnan(low) else f"{unit.change(low)} to {unit.change(high)}"


def ends(low: float, high: float) -> str:
    """An interval of plain numbers."""
    return ABSENT if math.isnan(low) else f"{low:.2f} to {high:.2f}"


def p_value(p: float) -> str:
    """A p value."""
    if math.isnan(p):
        return ABSENT
    return chance(p)


def percent(share: float) -> str:
    """A share in per cent."""
    return ABSENT if math.isnan(share) else f"{100 * share:.0f} %"


def decimal(value: float, places: int) -> str:
    """A number with so many places."""
    return ABSENT if math.isnan(value) else f"{value:.{places}f}"


def needed(draws: float) -> str:
    """How many draws would decide."""
    if math.isnan(draws):
        return ABSENT
    return "only more images" if math.isinf(draws) else f"about {draws:.0f}"

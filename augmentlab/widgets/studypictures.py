"""Pictures of a study: what an arm does to images and which ones it gets wrong, and the view as a page without a kernel."""

import base64
import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augmentlab import render
from augmentlab.markup import told
from augmentlab.study import samples
from augmentlab.widgets.studyrows import Row

if TYPE_CHECKING:
    import pandas as pd

    from augmentlab.study import Study

_IMAGES, _DRAWS, _TILE = 4, 7, 72  # rows and columns of the grid, px of a tile
_HARD_TILE = 72
_MOST_ROWS = 40  # of a page without a kernel
_MOST_LETTERS = 60  # of a label there
_DPI = 80


def grid(study: "Study", label: str) -> dict[str, Any]:
    """What an arm does to some training images.

    Parameters
    ----------
    study : Study
        Images come from the storage, or from the data where nothing is stored yet.
    label : str
        Of an arm or a control.

    Returns
    -------
    dict
        label; grid, a picture as data URL, and alt, what it shows; error, why there is none.
    """
    found = {"label": label, "grid": "", "alt": "", "error": ""}
    try:
        images = _sample(study)
        if not images:
            return found | {"error": "no images are stored with this study"}
        seed = int(study.spec["context"]["seed"])
        tiles = render.tiles(study.arm(label).pipeline, images, seed, draws=_DRAWS, size=_TILE)
        # Gray between the tiles is quiet on a light page and on a dark one.
        array = render.montage([tile.image for tile in tiles], 1 + _DRAWS, gap=2, background=128)
    except Exception as error:  # noqa: BLE001 - whatever a user's transform raises is said in place of the picture
        return found | {"error": told(error)}
    alt = f"{len(images)} training images, each followed by {_DRAWS} draws of {label}"
    return found | {"grid": _url(render.encode(array, quality=85), "jpeg"), "alt": alt}


def hardest(study: "Study", label: str, draws: int) -> list[dict[str, str]]:
    """The validation images that an arm gets wrong most often.

    Parameters
    ----------
    study, label
        As in `grid`.
    draws : int
        How many the arm has completed.

    Returns
    -------
    list of dict
        picture, as data URL; truth, its class; share, in how many draws it was wrong.
    """
    wrong = samples.hardest(study, label)
    pictures: dict[str, NDArray[Any]] = samples.images(study, "validation") if wrong else {}
    if study.data is not None and any(str(place) not in pictures for place, _ in wrong):
        images = study.validation.images
        pictures |= {str(place): images[place] for place, _ in wrong}
    spec = study.spec
    labels, classes = spec["labels"]["validation"], spec["classes"]
    return [
        {
            "picture": _url(render.encode(_tile(pictures[str(place)]), "png"), "png"),
            "truth": str(classes[labels[place]]) if classes else "",
            "share": f"wrong in {round(share * draws)} of {draws}",
        }
        for place, share in wrong
        if str(place) in pictures
    ]


def still(
    rows: Sequence[Row], order: Sequence[int], table: "pd.DataFrame | None", status: str, words: str, name: str
) -> str:
    """The view as HTML: the comparison as a picture, the table as text.

    Of many arms the first are shown and it is said how many are not, so that a saved notebook stays small.
    """
    picture = "" if table is None else _comparison(table, name)
    shown = [rows[index] for index in order if rows[index].role == "arm"]
    controls = [row for row in rows if row.role != "arm"]
    left = len(shown) - _MOST_ROWS
    heads = ("arm", "mean", "difference", "95 % interval", "p", "verdict", "draws")
    lines = "".join(_line(row) for row in [*shown[:_MOST_ROWS], *controls])
    more = f"<div>{left} more arms are not shown here.</div>" if left > 0 else ""
    said = "".join(f"<div>{html.escape(one)}</div>" for one in words.splitlines())
    return (
        f"<div><strong>{html.escape(_cut(name))}</strong>. {html.escape(status)}</div>{picture}"
        f"<table><thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead><tbody>{lines}</tbody></table>"
        f'{more}<div style="margin: 0.5em 0">{said}</div>'
    )


def _sample(study: "Study") -> list[NDArray[Any]]:
    """Some images of the pool, of different classes."""
    stored = list(samples.images(study, "sample").values())
    if stored or study.data is None:
        return stored[:_IMAGES]
    pool = study.pool
    _, first = np.unique(pool.labels, return_index=True)
    return [pool.images[place] for place in first[:_IMAGES]]


def _tile(image: NDArray[Any]) -> render.RGB:
    """An image at the size of a tile; small ones show their pixels."""
    picture = render.to_rgb(np.asarray(render.thumbnail(image, _HARD_TILE)))[0]
    times = max(1, _HARD_TILE // max(picture.shape[:2]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def _comparison(table: "pd.DataFrame", name: str) -> str:
    from augmentlab import plots

    drawn, stream = io.BytesIO(), io.BytesIO()
    plots.comparison(table, most=_MOST_ROWS).savefig(drawn, format="png", dpi=_DPI)
    with Image.open(drawn) as picture:  # few colours are a third of the bytes
        picture.convert("RGB").quantize(48).save(stream, format="png", optimize=True)
    alt = f"Differences to the control with 95 % intervals, study {_cut(name)}; the table below has the numbers"
    return f'<img alt="{html.escape(alt)}" src="{_url(stream.getvalue(), "png")}" style="max-width: 100%">'


def _line(row: Row) -> str:
    texts = [_cut(row.label), *(row.words.get(key, "") for key in ("mean", "difference", "interval", "p"))]
    texts += [row.verdict, row.words.get("draws", "")]
    return f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in texts)}</tr>"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _url(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"

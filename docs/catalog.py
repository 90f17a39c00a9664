"""The page of all transforms, written from their declarations, with a picture and a cost measured on the way."""

import dataclasses
import functools
import time
from pathlib import Path

import numpy as np
from PIL import Image

import augmentlab
from augmentlab import Sample, data, engines, render
from augmentlab.params import parameters
from augmentlab.transforms import FAMILIES

STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
TILE = 150

INTRODUCTION = """# Transforms

Every transform, with the parameters it declares. A field holds a value or a distribution (`uniform`, `loguniform`,
`integers`, `choice`); `p`, the probability of applying the step, is common to all. *Typical* is what
`Transform.typical()` draws from, and the ends of sliders and sweeps.

Each strip shows the original and five strengths: `scaled(0.2)` to `scaled(1.0)` of the far end of every typical range.
The mask, box and keypoints of the face follow. *Cost* is the time of one draw at full strength on a 256 by 256 RGB image in
the ENGINE engine as a multiple of `Rotate`'s, the median of interleaved runs while this page was built. The table at the
end also gives what `augmentlab.strength` measures on the same photo over typical draws, medians: the mean absolute
difference of the values in percent of full scale, SSIM and PSNR; what changes the size has none.

```{eval-rst}
.. currentmodule:: augmentlab

.. autosummary::
   :toctree: api
   :nosignatures:

   NAMES
```
"""


def write_catalog(folder: Path) -> None:
    """Write ``transforms.md`` and its pictures, if they changed."""
    pictures = folder / "strips"
    pictures.mkdir(exist_ok=True)
    costs = measured_costs(256)
    names = "\n   ".join(augmentlab.transforms.__all__)
    parts = [INTRODUCTION.replace("NAMES", names).replace("ENGINE", engines.current_name())]
    for family, names in FAMILIES.items():
        parts.append(f"## {family}\n")
        for name in names:
            cls = getattr(augmentlab, name)
            Image.fromarray(strip(cls)).save(pictures / f"{name}.jpg", quality=88)
            parts.append(section(cls, costs.get(name)))
    parts.append(table(costs))
    (folder / "transforms.md").write_text("\n".join(parts))


def section(cls: type, cost: float | None) -> str:
    """One transform: its first sentence, its strip and the table of its parameters."""
    name = cls.__name__
    summary = cls.__doc__.split("\n\n")[0].replace("\n", " ")
    price = "" if cost is None else f" Cost {cost:.2g}."
    head = f"### {name}\n\n{{py:class}}`augmentlab.{name}`: {summary}{price}\n\n"
    head += f"```{{image}} strips/{name}.jpg\n:alt: {name}, the original and five strengths\n```\n"
    own = [one for one in parameters(cls) if one.name != "p"]
    if not own:
        return head
    rows = ["| parameter | allowed | typical | default | |", "| --- | --- | --- | --- | --- |"]
    for one in own:
        typical = f"{one.typical.low:g} to {one.typical.high:g}" if one.typical and one.drawn else ""
        default = "drawn from all" if getattr(one.default, "values", None) == one.choices else f"`{one.default!r}`"
        rows.append(f"| `{one.name}` | {one.allowed} | {typical} | {default} | {one.doc} |")
    return head + "\n" + "\n".join(rows) + "\n"


def face() -> Sample:
    """NASA's portrait of Eileen Collins from scikit-image, with mask, box and keypoints set by hand."""
    image = data.photos().images[0][:320, 70:390]
    y, x = np.mgrid[:320, :320]
    mask = (((x - 153) / 42) ** 2 + ((y - 118) / 58) ** 2 < 1).astype(np.uint8)
    sample = Sample(image, mask=mask, boxes=[[82, 8, 234, 190]], keypoints=[[136, 112], [170, 112], [154, 150]])
    return render.thumbnail(sample, TILE)


@functools.cache
def change(cls: type, draws: int = 9) -> tuple[float, float, float] | None:
    """Median difference in percent, SSIM and PSNR of typical draws; None for what changes size or kind of the values."""
    if cls.needs == "batch":
        return None
    before = dataclasses.replace(face(), boxes=None)
    drawn = [cls.typical()(before, rng=draw).image for draw in range(draws)]
    if any(image.shape != before.image.shape or image.dtype != np.uint8 for image in drawn):
        return None
    measured = [augmentlab.strength(before.image, image) for image in drawn]
    difference, ssim, psnr = (
        float(np.median([getattr(one, name) for one in measured])) for name in ("difference", "ssim", "psnr")
    )
    return 100 * difference, ssim, psnr


def table(costs: dict[str, float]) -> str:
    """How strong and how dear every transform is, the strongest first."""
    changes = {name: change(getattr(augmentlab, name)) for name in augmentlab.transforms.__all__}
    order = sorted(changes, key=lambda name: -(changes[name] or (-1.0,))[0])
    rows = [
        "## How strong, how dear\n",
        "| transform | change, % | SSIM | PSNR, dB | cost |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in order:
        numbers = "| | | " if changes[name] is None else "| {:.1f} | {:.2f} | {:.0f} ".format(*changes[name])
        cost = f"{costs[name]:.2g}" if name in costs else ""
        rows.append(f"| {{py:class}}`augmentlab.{name}` {numbers}| {cost} |")
    return "\n".join(rows) + "\n"


def partners() -> list[Sample]:
    """Three samples for what mixes several."""
    photos = [face().image, *data.photos().images[1:3]]
    return [
        Sample(np.asarray(Image.fromarray(photo).resize((TILE, TILE))), label=label)
        for label, photo in enumerate(photos)
    ]


def far(cls: type) -> augmentlab.Transform:
    """The transform with each strength at the end of its typical range that is farther from its default.

    What has no strength but a size is shown at a small one.
    """
    ends = {}
    for one in parameters(cls):
        if one.drawn:
            support = one.typical_value().support
            if one.kind == "choice":
                ends[one.name] = next((value for value in support if value != one.default), one.default)
            else:
                ends[one.name] = max(support, key=lambda value, one=one: (abs(value - one.default), value))
        elif cls.preprocessing and one.typical is not None and one.unit in {"fraction", "px"}:
            span = one.typical
            ends[one.name] = 0.5 if one.unit == "fraction" else 100
            ends[one.name] = min(max(ends[one.name], span.low), span.high)
    if cls.needs == "batch":
        ends["num_classes"] = 3
    return cls(**ends)


def strip(cls: type) -> np.ndarray:
    """The original and five strengths side by side, or the original and the result where there is no strength."""
    original, strongest = face(), far(cls)
    steps = [strongest]
    if any(one.drawn for one in parameters(cls)):
        steps = [strongest.scaled(strength) for strength in STRENGTHS]
    if getattr(cls, "tears", False):
        original = dataclasses.replace(original, boxes=None)
    if cls.needs == "batch":
        original = partners()[0]
        results = [original, *(step(partners(), rng=1)[0] for step in steps)]
    else:
        results = [original, *(step(original, rng=1) for step in steps)]
    tiles = [render.overlay(render.to_rgb(one.image)[0], one) for one in results]
    return render.montage(tiles, columns=len(tiles))


def measured_costs(size: int, rounds: int = 5) -> dict[str, float]:
    """Median time of each transform as a multiple of Rotate's, interleaved; what mixes images is not measured."""
    engines.wait()  # for its compiled kernels
    image = np.asarray(Image.fromarray(data.photos().images[0]).resize((size, size)))
    y, x = np.mgrid[:size, :size]
    sample = Sample(image, mask=((x + y) % 64 < 32).astype(np.uint8))
    steps = {name: far(getattr(augmentlab, name)) for name in augmentlab.transforms.__all__}
    drawn = {name: step.sample(1) for name, step in steps.items() if step.needs != "batch"}
    seconds: dict[str, list[float]] = {name: [] for name in drawn}
    for _ in range(rounds):
        for name, step in drawn.items():
            given = sample if step.needs == "mask" else image
            start = time.perf_counter()
            step.apply(given)
            seconds[name].append(time.perf_counter() - start)
    unit = float(np.median(seconds["Rotate"]))
    return {name: float(np.median(times)) / unit for name, times in seconds.items()}

"""The page for people who come from Albumentations, written from the table that export and import read."""

from pathlib import Path

from augmentlab import transforms as T  # noqa: N812
from augmentlab.interop.albumentations import TABLE
from augmentlab.interop.albumentations.apart import APART

# Steps whose grades differ, for the rows that have several.
GRADED = {
    T.Affine: [T.Affine(angle=5), T.Affine.typical(scale=1, shear_x=0, shear_y=0)],
    T.AutoContrast: [T.AutoContrast(cutoff=0), T.AutoContrast()],
    T.ColorJitter: [T.ColorJitter(contrast=2), T.ColorJitter(contrast=2, brightness=2), T.ColorJitter(hue=5)],
    T.Grayscale: [T.Grayscale(weights="bt601"), T.Grayscale()],
    T.LetterBox: [T.LetterBox(multiple=32), T.LetterBox(size=64)],
    T.Resize: [T.Resize(method="area"), T.Resize()],
    T.Standardize: [T.Standardize(mean=(0.5,), std=(0.5,)), T.Standardize()],
}

BEFORE = """# Coming from Albumentations

Your pipeline becomes a pipeline of augmentlab, and what a study finds goes back. Both were written for and tested with
Albumentations 2.0.8; its classes are named `A.…` here. This page is written by `python docs/coming_from.py` from the grades
that export itself reports, and `tests/test_interop_albumentations.py` measures that they hold.

## Your pipeline as arms of a study

```python
import albumentations as A

from augmentlab import Study, data, from_albumentations, models
from augmentlab.study.spaces import combinations, ladder

theirs = A.Compose([A.HorizontalFlip(p=0.5), A.Rotate(limit=(-15, 15)), A.RandomGamma(gamma_limit=(80, 120))])
pipeline = from_albumentations(theirs)  # or what A.to_dict(theirs) wrote
arms = combinations(pipeline.steps)  # each step on and off
arms = ladder(pipeline)  # or all of it at four strengths
study = Study(data.scattered_digits(), models.knn(), arms)
```

`A.Normalize` and other preprocessing becomes a step as well; in a study it belongs to the model or to every arm, not among
the steps that are switched on and off.

What has no counterpart is an error that lists every such step, why, and the nearest that has one, so that a study never
tests something else than what you train with. `strict=False` leaves these steps out, with a warning. What happens with the
same distribution but is computed otherwise, such as an interpolation, is mapped, with one warning that lists it.

Crops, borders and holes are shares of the side in augmentlab. Where all your images have one size,
`from_albumentations(compose, shape=(224, 224))` turns pixels into shares.

Boxes and keypoints: `bbox_params` and `keypoint_params` are left out; they belong to `augmentlab.Sample`.

## And back

`pipeline.export("albumentations")` returns Python that defines `pipeline`, an `A.Compose` that draws for itself. Each step
has a comment with its grade: how near its pixels are when the same numbers are drawn.

- In an `A.OneOf`, the `p` of a step is its weight and the step is always applied. An augmentlab step has a weight *and* its own
  `p`; the text says that with an `A.Sequential` around it.
- Give `A.Compose` no `seed`. In 2.0.8 every step then has a generator of its own with the same seed: all draw the same
  numbers, and steps of equal `p` are applied together or not at all.
- Geometric steps that follow each other are interpolated once in augmentlab and each anew there.
- `A.ShiftScaleRotate`, and `A.Affine` without `keep_ratio=True`, draw a factor of its own for each side.

## Their classes
"""

APART_FROM = """
## What does not map, and why

| Albumentations | augmentlab | why | nearest |
|---|---|---|---|
"""


HEAD = ("agreement | where they differ |", "|---|---|---|---|")


def page() -> str:
    """The whole page."""
    lines = [f"| Albumentations | augmentlab | {HEAD[0]}", HEAD[1]]
    there = {name: cls for cls, row in TABLE.items() for name in row.reads}
    for name, cls in sorted(there.items()):
        lines.append(f"| `{name}` | `{cls.__name__}` | {grades(cls)} | {TABLE[cls].cause} |")
    lines += ["", "## Ours as theirs", ""]
    lines += [
        "`EvenPerspective`, `ExactAffine`, `ShareCrop` and `SharePad` are classes that the exported text itself defines.",
        "",
    ]
    lines += [f"| augmentlab | Albumentations | {HEAD[0]}", HEAD[1]]
    lines += [
        f"| `{cls.__name__}` | `{row.call}` | {grades(cls)} | {row.cause} |"
        for cls, row in sorted(TABLE.items(), key=lambda pair: pair[0].__name__)
    ]
    apart = [
        f"| `{theirs}` | {f'`{ours.__name__}`' if ours else ''} | {why} | {nearest} |"
        for theirs, ours, why, nearest in sorted(APART, key=lambda one: one[0])
    ]
    return BEFORE + "\n" + "\n".join(lines) + "\n" + APART_FROM + "\n".join(apart) + "\n"


def grades(cls: type) -> str:
    """All that a row may say of its agreement."""
    row = TABLE[cls]
    steps = GRADED.get(cls) or [cls.typical()]
    return ", or ".join(dict.fromkeys(str(row.graded(step)) for step in steps))


if __name__ == "__main__":
    Path(__file__).with_name("albumentations.md").write_text(page())

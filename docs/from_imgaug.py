"""Measure the first table of imgaug.md. imgaug needs an older NumPy than augmentlab does, so it takes two steps:

python docs/from_imgaug.py draw pixels.npz       # where imgaug 0.4.0 is installed, with NumPy 1.23
python docs/from_imgaug.py compare pixels.npz    # where augmentlab is installed; writes the column of the page
"""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import skimage.data

PAGE = Path(__file__).with_name("imgaug.md")
ROW = re.compile(r"^\| `(?P<theirs>[^`]+)` \| `(?P<ours>[^`]+)` \| [^|]*\|", re.MULTILINE)
PHOTOGRAPHS = [skimage.data.astronaut()[::2, ::2], skimage.data.chelsea()]


def draw(path: str) -> None:
    """What imgaug makes of the photographs, by row and photograph."""
    import imgaug.augmenters as iaa

    rows = ROW.finditer(parts()[1])
    calls = [eval(f"iaa.{row['theirs']}", {"iaa": iaa}) for row in rows]
    made = {
        f"{place},{number}": call.augment_image(np.ascontiguousarray(image))
        for place, call in enumerate(calls)
        for number, image in enumerate(PHOTOGRAPHS)
    }
    np.savez_compressed(path, **made)


def compare(path: str) -> None:
    """Write the largest and the mean difference of each row into the page."""
    import augmentlab

    made = np.load(path)
    places = iter(range(len(made)))

    def measured(row: re.Match[str]) -> str:
        step, place = eval(row["ours"], vars(augmentlab) | names(augmentlab)), next(places)
        differences = [
            np.abs(step(image).astype(float) - made[f"{place},{number}"]) for number, image in enumerate(PHOTOGRAPHS)
        ]
        largest, mean = max(one.max() for one in differences), max(one.mean() for one in differences)
        told = "**0**" if largest == 0 else f"{largest:.0f} / {mean:.1g}"
        return f"| `{row['theirs']}` | `{row['ours']}` | {told} |"

    before, table, after = parts()
    with augmentlab.engine("reference"):
        PAGE.write_text(before + ROW.sub(measured, table) + after, encoding="utf-8")


def parts() -> tuple[str, str, str]:
    """The page before, in, and after the section with what is measured."""
    before, head, rest = PAGE.read_text(encoding="utf-8").partition("## The same call")
    table, following, after = rest.partition("## ")
    return before, head + table, following + after


def names(package: ModuleType) -> dict[str, object]:
    """What a call is written with."""
    return {name: getattr(package, name) for name in dir(package) if name[0].isupper()}


if __name__ == "__main__":
    {"draw": draw, "compare": compare}[sys.argv[1]](sys.argv[2])

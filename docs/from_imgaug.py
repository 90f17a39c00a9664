"""Measure the first table of imgaug.md. imgaug needs an older NumPy than augmentlab does, so it takes two steps:

python docs/from_imgaug.py draw pixels.npz       # where imgaug 0.4.0 is installed, with NumPy 1.23
python docs/from_imgaug.py compare pixels.npz    # where augmentlab is installed; writes the column of the page
"""

import re
import sys
from pathlib import Path

import numpy as np
import skimage.data

PAGE = Path(__file__).with_name("imgaug.md")
ROW = re.compile(r"^\| `(?P<theirs>[^`]+)` \| `(?P<ours>[^`]+)` \| (?P<measured>[^|]*) \|", re.MULTILINE)
PHOTOGRAPHS = [skimage.data.astronaut()[::2, ::2], skimage.data.chelsea()]


def draw(path: str) -> None:
    """What imgaug makes of the photographs, by row and photograph."""
    import imgaug.augmenters as iaa

    rows = ROW.finditer(PAGE.read_text(encoding="utf-8"))
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

    with augmentlab.engine("reference"):
        PAGE.write_text(ROW.sub(measured, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def names(package):
    return {name: getattr(package, name) for name in dir(package) if name[0].isupper()}


if __name__ == "__main__":
    {"draw": draw, "compare": compare}[sys.argv[1]](sys.argv[2])

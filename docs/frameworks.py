"""The page on other libraries, measured where all of them are installed: ``python docs/frameworks.py``."""

import argparse
import importlib.metadata
import platform
import subprocess
from pathlib import Path

import numpy as np
from skimage import data

import augmentlab
from augmentlab import compare_frameworks
from augmentlab.interop import TARGETS, target
from augmentlab.interop.running import is_installed
from augmentlab.transforms import FAMILIES

HERE = Path(__file__).parent
DRAWS = 3
IMAGES = {"astronaut": np.ascontiguousarray(data.astronaut()[::2, ::2]), "chelsea": data.chelsea()}
FIELDS = {  # of those whose typical draws change nothing
    "CenterCrop": {"height": 0.7, "width": 0.7},
    "LetterBox": {"size": 224, "multiple": 32},
    "LongestMaxSize": {"size": 224},
    "Pad": {"height": 0.1, "width": 0.1},
    "Resize": {"height": 224, "width": 224},
    "SmallestMaxSize": {"size": 224},
}
DISTRIBUTIONS = {
    "OpenCV": "opencv-python-headless",
    "Pillow": "pillow",
    "SciPy": "scipy",
    "scikit-image": "scikit-image",
    "Albumentations": "albumentations",
    "torch": "torch",
    "torchvision": "torchvision",
    "Kornia": "kornia",
    "Keras": "keras",
    "TensorFlow": "tensorflow-cpu",
}

INTRODUCTION = """# Other libraries

`pipeline.export(target)` writes a pipeline as source text for another library, with the grade of the agreement on every
line. This page is what was measured: it is written by `python docs/frameworks.py` where all the libraries are installed
(the extra `frameworks`; GNU Octave and pgmagick from the system's packages), and a test measures it again in `.ci/run`.

```python
from augmentlab import Brightness, Compose, HorizontalFlip, Rotate, uniform

pipeline = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-15, 15)), Brightness(delta=uniform(-0.1, 0.1))])
print(pipeline.export("albumentations"))

drawn = pipeline.sample(rng=0)
print(drawn.export("opencv", shape=(300, 451, 3)))
```

- **albumentations, torchvision, kornia, keras** draw for themselves: distributions stay distributions, with the same ranges
  and probabilities. Where a library cannot draw in the logarithm, such a range becomes four uniform parts, each as likely; a
  choice becomes one of several steps. Their grades hold for RGB photographs of more than a few pixels.
- **opencv, pillow, scipy, scikit-image, tensorflow, matlab, pgmagick** take a drawn pipeline, or its `deterministic()` part, as
  explicit numbers for images of one `shape`: windows, matrices, taps and tables. Adjacent geometric steps are one matrix
  there too.
- What a target cannot do is refused, all at once, with the reason and the nearest thing that can be exported;
  `strict=False` leaves such steps out and says so in the text.
- Everything is judged against the reference engine, which is scikit-image's arithmetic; the fast engine is up to one level
  from it.
- The texts are for uint8 images, gray or RGB. For training with any transform at all, and the same random numbers, wrap
  the data set instead: [Training](training.md).

`augmentlab.compare_frameworks(drawn, image)` shows one transform in every library that is installed, with the difference
and its cause ([the notebook](tutorials/05_frameworks.ipynb)).

## What is not here

- **MATLAB** was not available: its text is run by GNU Octave OCTAVE with the image package, which shares the language. Calls
  on which the two differ are avoided.
- **SimpleCV** has one release, of 2012, for Python 2. Its operations are OpenCV's: take the OpenCV text.
- No library's seed reproduces another's random numbers. Noise, elastic maps and the places of holes agree in distribution
  only.

## Agreement

The largest and the mean difference from augmentlab in levels of 255, over DRAWS draws of the typical ranges (sizes by 224, Pad by 0.1, CenterCrop by 0.7) on two
photographs of scikit-image (astronaut at half size, chelsea); **0** is bit for bit. *drawn*: the same distribution, other
random numbers. Empty: refused.

VERSIONS

"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "frameworks.md")
    out = parser.parse_args().out
    missing = [name for name in TARGETS if not is_installed(name)]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)}")
    out.write_text(page(measured()))


def catalog() -> list[type]:
    """Every transform that takes an image alone."""
    names = [name for names in FAMILIES.values() for name in names]
    return [cls for cls in (getattr(augmentlab, name) for name in names) if cls.needs == "image"]


def measured() -> dict[tuple[str, str], dict]:
    """For each transform and target: ``cell``, ``maximum``, ``mean``, ``call``, ``grade`` and ``cause``."""
    found = {}
    for cls in catalog():
        rows = {name: [] for name in TARGETS}
        for index in range(DRAWS):
            drawn = cls.typical(**FIELDS.get(cls.__name__, {})).sample((0, index))
            for image in IMAGES.values():
                for one in compare_frameworks(drawn, image).frameworks:
                    rows[one.name].append(one)
        for name, ones in rows.items():
            found[cls.__name__, name] = summed(ones)
    return found


def summed(ones: list) -> dict:
    """One cell of all draws and images."""
    worst = max(ones, key=lambda one: one.difference.maximum if one.difference else -1)
    failed = [one for one in ones if one.note.startswith(("failed", "not installed", "the result"))]
    if failed:
        raise RuntimeError(f"{failed[0].title}: {failed[0].note}")
    differences = [one.difference for one in ones if one.difference]
    if not differences:
        refused = worst.note.startswith("cannot")
        cell = "" if refused else "drawn"
        reason = worst.note.partition("): ")[2] if refused else "; ".join({f.cause for f in worst.findings if f.cause})
        return {"cell": cell, "maximum": None, "mean": None, "call": worst.calls, "grade": worst.grade, "cause": reason}
    largest, mean = max(one.maximum for one in differences), float(np.mean([one.mean for one in differences]))
    cell = "**0**" if largest == 0 else f"{largest:.3g} / {mean:.1g}" if largest >= 0.01 else "0.00"
    cause = "; ".join(dict.fromkeys(finding.cause for finding in worst.findings if finding.cause))
    return {"cell": cell, "maximum": largest, "mean": mean, "call": worst.calls, "grade": worst.grade, "cause": cause}


def page(found: dict[tuple[str, str], dict]) -> str:
    """The page as Markdown."""
    titles = {name: target(name).title for name in TARGETS}
    octave = subprocess.run(["octave-cli", "--version"], capture_output=True, text=True, check=True).stdout.split()[3]
    parts = [
        INTRODUCTION.replace("DRAWS", str(DRAWS)).replace("OCTAVE", octave).replace("VERSIONS", versions(octave)),
        "| | " + " | ".join(titles.values()) + " |",
        "| --- |" + " --- |" * len(TARGETS),
    ]
    for cls in catalog():
        cells = [found[cls.__name__, name]["cell"] for name in TARGETS]
        parts.append(f"| `{cls.__name__}` | " + " | ".join(cells) + " |")
    for name in TARGETS:
        parts += [f"\n## {titles[name]}\n", "| transform | call | agreement | why |", "| --- | --- | --- | --- |"]
        for cls in catalog():
            one = found[cls.__name__, name]
            call = f"`{one['call']}`" if one["call"] else ""
            parts.append(f"| `{cls.__name__}` | {call} | {one['grade'] or 'refused'} | {one['cause']} |")
    return "\n".join(parts) + "\n"


def versions(octave: str) -> str:
    """What was measured."""
    named = [f"{name} {importlib.metadata.version(package)}" for name, package in DISTRIBUTIONS.items()]
    return f"Measured with {', '.join(named)}, GNU Octave {octave} and Debian's pgmagick on Python {platform.python_version()}."


if __name__ == "__main__":
    main()

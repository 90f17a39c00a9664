"""What keeps the package easy to find one's way in."""

import contextlib
import re
import textwrap
from pathlib import Path

import numpy as np

import augmentlab
from augmentlab import from_dict

ROOT = Path(augmentlab.__file__).parent
LIMIT = 500  # lines
# Files that are longer, each with the reason why a reader is better served by one.
LONGER = {
    "compose.py": "sequences and choices hold each other: what may follow what is judged over all of them",
    "engines/fast.py": "an engine is one module of the same primitives as the other",
    "engines/kernels.py": "what Numba compiles at once is kept together, and is held in one cache",
    "engines/reference.py": "an engine is one module of the same primitives as the other",
    "interop/keras.py": "a library that draws for itself is one table, and the writers of its rows",
    "interop/read_torchvision.py": "their classes are one table, and the readers of its rows",
    "labelcheck.py": "one deck of draws: dealt, marked, counted and written down",
    "study/record.py": "one class, all that a stored study tells; most of it says what each table holds",
    "study/search.py": "searches of one protocol, which share how trials are counted and replayed",
    "study/storage.py": "one class and the file that it owns, with its schema and all that can be wrong with it",
    "study/study.py": "one class, all that runs a study; half of it is what its methods promise",
    "transforms/color.py": "a family of transforms is a file, and the catalog and the palette show families",
    "widgets/explorer.py": "one class, the state of one view, of which the parts are files of their own",
}


def test_a_file_that_is_long_has_a_reason():
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in ROOT.rglob("*.py")
    }
    long = {name: count for name, count in lines.items() if count > LIMIT}
    assert {name: count for name, count in long.items() if name not in LONGER} == {}, "split it, or say why not"
    assert [name for name in LONGER if name not in long] == [], "short enough now: take it from the list"


def test_the_transform_of_the_guide_obeys_the_laws():
    guide = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^ +```python\n(.*?)^ +```$", guide, re.DOTALL | re.MULTILINE)
    names = {"__name__": "guide"}
    exec(textwrap.dedent(block), names)
    cls = names["Soften"]
    assert f"`{cls.__name__}.typical()`" in guide
    image = np.random.default_rng(0).integers(0, 256, (32, 40, 3)).astype(np.uint8)
    before = image.copy()
    np.testing.assert_array_equal(cls().apply(image), image)
    step = cls.typical().sample(rng=1)
    assert from_dict(step.to_dict(), classes=[cls]) == step
    results = []
    for engine in ("reference", None):
        with augmentlab.engine(engine) if engine else contextlib.nullcontext():
            results.append(step.apply(image))
    np.testing.assert_array_equal(image, before)
    assert results[0].std() < image.std()
    assert np.abs(results[0].astype(int) - results[1]).max() <= 1

"""The page of transforms and the classes belong together."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import augmentlab
from augmentlab.params import parameters
from augmentlab.study.spaces import fractional
from augmentlab.transforms import FAMILIES

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def catalog():
    spec = importlib.util.spec_from_file_location("catalog", ROOT / "docs" / "catalog.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_families_are_the_catalog():
    listed = [name for names in FAMILIES.values() for name in names]
    assert listed == augmentlab.transforms.__all__
    assert len(set(listed)) == len(listed)


@pytest.mark.slow
@pytest.mark.parametrize("name", augmentlab.transforms.__all__)
def test_every_transform_has_its_section_and_strip(catalog, name):
    cls = getattr(augmentlab, name)
    text = catalog.section(cls, 1.0)
    assert text.startswith(f"### {name}\n")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [one.name for one in parameters(cls) if one.name != "p"]
    picture = catalog.strip(cls)
    assert picture.dtype == np.uint8
    assert picture.shape[1] > picture.shape[0]


def test_the_table_of_fractions_is_what_they_take():
    page = (ROOT / "docs" / "spaces.md").read_text()
    steps = [augmentlab.Rotate(angle=angle) for angle in range(1, 9)]
    rows = re.findall(r"^\| `resolution=(\d)`.*? \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", page, re.MULTILINE)
    assert len(rows) == 3
    for resolution, *runs in rows:
        for count, number in zip((4, 5, 6, 8), runs, strict=True):
            assert len(fractional(steps[:count], int(resolution))) + 1 == int(number)


def test_readme_holds_the_two_commands_that_the_checks_run():
    lines = [
        line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("python -m pip install -e")
    ]
    assert [line.split(" && ")[1] for line in lines] == ["augmentlab demo", "python -m pytest -n 2 --dist loadfile"]


ROWS = re.findall(
    r"^\| `([^`]+)` \| `([^`]+)` \| ",
    (ROOT / "docs" / "imgaug.md").read_text(encoding="utf-8").partition("## The same call")[2],
    re.MULTILINE,
)


@pytest.mark.parametrize("ours", [ours for _, ours in ROWS])
def test_what_the_page_of_imgaug_names_can_be_written(ours):
    names = {name: getattr(augmentlab, name) for name in dir(augmentlab) if name not in augmentlab._MODULES}
    assert isinstance(eval(ours, names), augmentlab.Transform)


def test_the_page_of_imgaug_has_measured_what_it_calls_the_same():
    table = (
        (ROOT / "docs" / "imgaug.md").read_text(encoding="utf-8").partition("## The same call")[2].partition("## ")[0]
    )
    measured = re.findall(r"^\| `[^`]+` \| `[^`]+` \| (\*\*0\*\*|\d+ / [\d.e+-]+)? ?\|", table, re.MULTILINE)
    assert len(measured) == table.count("\n| `") > 20
    assert all(measured)

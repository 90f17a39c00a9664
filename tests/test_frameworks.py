"""The page on other libraries says what is measured here."""

import importlib.util
import os
import re
from pathlib import Path

import pytest
from agreement import required

from augmentlab.interop import TARGETS
from augmentlab.interop.running import is_installed

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def frameworks():
    spec = importlib.util.spec_from_file_location("frameworks_page", ROOT / "docs" / "frameworks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(page):
    """The agreement of each transform with each target, as the page has it."""
    table = page.partition("\n## Agreement")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)
    return {(name, target): cell for name, row in rows for target, cell in zip(TARGETS, row.split(" | "), strict=True)}


def test_the_page_names_what_there_is_and_its_code_runs(frameworks):
    page = (ROOT / "docs" / "frameworks.md").read_text()
    found = cells(page)
    assert len(found) > 500
    assert {name for name, _ in found} <= {cls.__name__ for cls in frameworks.catalog()}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, {})


@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("default")  # of many libraries
def test_the_page_is_what_is_measured(frameworks):
    for name in ("albumentations", "torchvision", "kornia", "keras", "tensorflow"):
        required(name)
    missing = [name for name in TARGETS if not is_installed(name)]
    if missing and not os.environ.get("AUGMENTLAB_REQUIRE_FRAMEWORKS"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    measured = frameworks.measured()
    said = cells((ROOT / "docs" / "frameworks.md").read_text())
    wrong = {
        key: (said[key], one["cell"]) for key, one in measured.items() if not alike(said[key].strip(), one["cell"])
    }
    assert not wrong


def alike(said, measured):
    """Whether two cells say the same; other machines round other halves."""
    if "/" not in said + measured:
        small = {"**0**", "0.00"}
        return said == measured or {said, measured} <= small
    largest = [
        float(cell.split(" / ")[0]) if "/" in cell else 0.0 if "0" in cell else float("nan")
        for cell in (said, measured)
    ]
    return abs(largest[0] - largest[1]) <= max(1, 0.25 * largest[0])


@pytest.mark.parametrize(
    ("said", "measured", "same"),
    [("**0**", "0.00", True), ("1 / 0.1", "**0**", True), ("", "**0**", False), ("drawn", "1 / 1", False),
     ("20 / 1", "23 / 1", True), ("3 / 1", "5 / 1", False), ("", "1 / 1", False)],
)  # fmt: skip
def test_cells_alike(said, measured, same):
    assert alike(said, measured) == same

"""The code of the page on training runs as it stands."""

import os
import re
from pathlib import Path

import pytest
from frameworks import required

PAGE = Path(__file__).parents[1] / "docs" / "training.md"
NEEDED = ["torch", "keras", "tensorflow", "imblearn", "datasets"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def blocks():
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_each_library_has_its_block():
    for name, block in zip(NEEDED, blocks(), strict=True):
        compile(block, PAGE.name, "exec")
        assert re.search(rf"^(import|from) {name}", block, re.MULTILINE)


@pytest.mark.parametrize("place", range(len(NEEDED)), ids=NEEDED)
def test_a_block_runs(place):
    required(NEEDED[place])
    exec(blocks()[place], {"__name__": "__main__"})

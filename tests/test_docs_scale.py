"""The code of the page on more machines runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"


def blocks():
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_every_block_compiles():
    assert len(blocks()) == 3
    for block in blocks():
        compile(block, PAGE.name, "exec")


@pytest.mark.slow
def test_the_cluster_of_the_page_runs(tmp_path):
    pytest.importorskip("distributed")
    (tmp_path / "page.py").write_text(blocks()[0])
    environment = os.environ | {"PYTHONPATH": str(PAGE.parents[1])}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "page.py")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "verdict" in done.stdout

"""What was measured stands beside the command that measures it, or beside its source."""

import ast
import json
import re
from pathlib import Path

import pytest

import augmentlab

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGE = Path(augmentlab.__file__).parent  # perhaps installed, and not beside the tests
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

NUMBER = r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?"
UNITS = (
    r"µs|ms|s|seconds?|minutes?|hours?|KiB|kB|MiB|MB|GiB|GB|%|percent|points?|levels?|images (?:a|per) second|"
    r"times (?:as|the data|faster|slower|quicker|more|less|cheaper)|×(?!\s?\d)"
)
MEASURED = re.compile(rf"(?<![\w.,/]){NUMBER}\s?(?:{UNITS})(?![\w×])")
SOURCE = re.compile(
    r"`(?:python -m (?:benchmarks|pytest)[^`]*|python docs/\w+\.py|augmentlab demo)`"  # a command
    r"|`?tests/\w+\.py"  # a test that holds it
    r"|\b0\d_\w+"  # a notebook that prints it
    r"|[A-Z][\w-]+(?: et al\.|(?: and [A-Z][\w-]+))?,? (?:19|20)\d\d\b"  # a paper
)
WRITTEN = re.compile(r"(?:[Mm]easured|[Ww]ritten)\b[^.]*?\bby\s+`python [^`]+`")
# The error that a test may make is chosen, not measured; so are a rounding and the number of gray levels.
CHOSEN = re.compile(
    r"95 % (?:crossed )?(?:interval|bootstrap)|\(95 %|(?:below|at most) 5 %|within 1 level|(?:of )?25[56] levels"
)

# What is a limit or a default and only looks like a measurement, with the line of code that sets it.
LIMITS = {
    ("docs/explorer.md", "0.3 s"): "_REST_S = 0.3",
    ("docs/explorer.md", "200 MB"): "LIMIT = 200_000_000",
    ("docs/explorer.md", "512 KiB"): "PIECE = 2**19",
    ("docs/explorer.md", "130 kB"): "_FRAME_BYTES = 95_000",  # in base64
    ("augmentlab/widgets/explorer.py", "130 kB"): "_FRAME_BYTES = 95_000",
    ("augmentlab/widgets/export.py", "130 kB"): "_FRAME_BYTES = 95_000",
    ("docs/honest.md", "0.5 points"): "0.005 * scale",
    ("augmentlab/study/study.py", "0.5 points"): "0.005 * scale",
    ("augmentlab/study/study.py", "20 seconds"): "WORTH_WORKERS = 20.0",
    ("docs/hardening.md", "16 MB"): "MAX_BYTES = 16 * 2**20",
    ("docs/hardening.md", "256 MiB"): "_MOST_BYTES = 2**28",
    ("docs/scale.md", "20 seconds"): "WORTH_WORKERS = 20.0",
    ("docs/scale.md", "30 seconds"): "STALLED = 30.0",
}


def limits(page):
    """What may stand on a page without a source."""
    return {claim for name, claim in LIMITS if name == page}


def unfounded(text, allowed=frozenset()):
    """Measured figures of a Markdown text in sections that name neither a command nor a source."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    sections = re.split(r"^(?=#{2,} )", text, flags=re.MULTILINE)
    if WRITTEN.search(sections[0]):  # the command of the whole page
        return []
    found = []
    for section in sections:
        if SOURCE.search(section) is None:
            joined = CHOSEN.sub("", re.sub(r"\s+", " ", section))
            found += [claim for claim in MEASURED.findall(joined) if claim not in allowed]
    return found


def test_a_figure_without_a_command_is_found():
    bare = "# Speed\n\nA warp takes 20 ms.\n\n## More\n\nIt is 12× cheaper, by 3.5\npoints and 4 times as fast.\n"
    assert unfounded(bare) == ["20 ms", "12×", "3.5 points", "4 times as"]
    assert unfounded(bare, {"20 ms", "12×", "3.5 points"}) == ["4 times as"]
    assert unfounded(bare.replace("A warp", "By `python -m benchmarks.catalog`, a warp")) == unfounded(bare)[1:]
    assert unfounded(bare.replace("A warp", "Measured by `python -m benchmarks.catalog`: a warp")) == []
    assert unfounded(bare.replace("cheaper", "cheaper (Szegedy et al. 2015)")) == ["20 ms"]


def test_a_definition_is_no_measurement():
    assert not unfounded(
        "Images of 256×256 in [0, 1], 8 bits, Python 3.11, 95 % intervals, within 1 level, in ten minutes."
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_measured_figure_of_a_page_has_its_command(path):
    assert unfounded(path.read_text(encoding="utf-8"), limits(str(path.relative_to(ROOT)))) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_measured_figure_of_a_docstring_has_its_command(path):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            prose = (ast.get_docstring(node) or "").split("Examples\n---")[0]
            assert unfounded(prose, limits(str(path.relative_to(PACKAGE.parent)))) == [], getattr(
                node, "name", path.name
            )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_measured_figure_of_a_notebook_is_in_its_output(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    said = "\n".join(
        "".join(part) for one in outputs for part in (one.get("text", ""), one.get("data", {}).get("text/plain", ""))
    )
    for claim in unfounded(prose.replace("#", "")):
        assert re.search(rf"(?<![\d.]){re.escape(re.match(NUMBER, claim)[0])}(?![\d.])", said), claim


@pytest.mark.parametrize(("place", "line"), LIMITS.items(), ids=str)
def test_every_exception_is_set_by_a_line_of_code_and_still_said(place, line):
    page, claim = place
    base = PACKAGE.parent if page.startswith("augmentlab/") else ROOT
    assert claim in re.sub(r"\s+", " ", (base / page).read_text(encoding="utf-8"))
    assert sum(line in module.read_text(encoding="utf-8") for module in MODULES) == 1


def test_every_command_that_is_named_can_be_run():
    said = "\n".join(path.read_text(encoding="utf-8") for path in [*PAGES, *MODULES])
    named = re.findall(r"python -m (benchmarks(?:\.\w+)?)\b|(?:python |`)((?:docs|tests)/\w+\.py)", said)
    assert len(named) > 10
    for module, file in named:
        path = ROOT / (file or module.replace(".", "/"))
        assert path.exists() or path.with_suffix(".py").exists(), path


def test_the_readme_counts_the_transforms():
    assert f"**{len(augmentlab.transforms.__all__)} transforms," in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_notebooks_stay_small():
    assert len(NOTEBOOKS) == 5
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 1_200_000, "they are most of what is installed"

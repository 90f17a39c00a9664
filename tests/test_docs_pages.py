"""Every block of code on every page runs as it stands, and what the pages point to is there."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from frameworks import required
from pages import NEEDED, OPTIONAL, PAGES, ROOT, blocks, named

import augmentlab
from augmentlab import cli

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SLOW = {"README.md", "docs/quickstart.md", "docs/report.md"}  # whole studies
ALONE = {"docs/scale.md"}  # starts processes that import the script that started them
CODE = [page for page in PAGES if blocks(page)]


def gallery():
    """The made-up studies that the calls on the page of plots are drawn from."""
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    sys.modules["gallery"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.made_up()


def run(page, names):
    """Run the blocks of a page in order; those that need what is not installed end it as a skip."""
    for number, block in enumerate(blocks(page)):
        for module in named(block, NEEDED):
            required(module)
        for module in named(block, OPTIONAL):
            pytest.importorskip(module)
        exec(compile(block, f"{page}, block {number}", "exec"), names)


# MLflow says it of itself, with a newer SQLAlchemy than it was written for.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.slow if page in SLOW else ()) for page in CODE if page not in ALONE]
)
def test_the_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page, {"__name__": "__main__"} | (gallery() if page == "docs/plots.md" else {}))


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(ALONE))
def test_the_code_runs_as_a_script(page, tmp_path):
    for number, block in enumerate(blocks(page)):
        for module in named(block, OPTIONAL):
            pytest.importorskip(module)
        script = tmp_path / f"block{number}.py"
        script.write_text(block)
        done = subprocess.run(
            [sys.executable, str(script)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "verdict" in done.stdout


def test_a_block_that_needs_a_library_is_found():
    assert named("import torch\n", NEEDED) == ["torch"]
    assert named("study = models.torch_cnn()", NEEDED) == ["torch"]
    assert named("from torchvision.transforms import v2", NEEDED) == ["torchvision"]
    assert named('print(mine.export("torchvision"))', NEEDED) == []
    assert {name for page in CODE for block in blocks(page) for name in named(block, NEEDED)} == set(NEEDED)


def commands(page):
    """The arguments of each `augmentlab` command in the console blocks of a page."""
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    words = [part.removeprefix("$ ") for line in lines for part in line.split(" && ")]
    return [shlex.split(one, comments=True)[1:] for one in words if one.startswith("augmentlab ")]


COMMANDS = [(page, arguments) for page in PAGES for arguments in commands(page)]


@pytest.mark.parametrize(
    ("page", "arguments"), COMMANDS, ids=[f"{page}-{' '.join(arguments)}" for page, arguments in COMMANDS]
)
def test_the_command_is_one(page, arguments):
    cli.parser().parse_args(arguments)


def test_a_command_that_is_none_is_found(capsys):
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["explore", "photos"])
    assert "invalid choice: 'explore'" in capsys.readouterr().err
    assert {arguments[0] for _, arguments in COMMANDS} >= {"demo", "lab", "app", "list", "show", "report"}


LINK = re.compile(r"\]\((?!https?://|#)(?P<path>[^)#\s]+)(?:#[\w-]+)?\)")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_what_it_links_to_is_there(page):
    for path in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path


def test_every_page_is_in_the_contents():
    listed = re.findall(r"^(?:.*<)?([\w/]+)>?$", "\n".join(blocks("docs/index.md", r"\{toctree\}")), re.MULTILINE)
    pages = {page.removeprefix("docs/").removesuffix(".md") for page in PAGES} - {"README", "index"}
    tutorials = {f"tutorials/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert sorted(listed) == sorted(pages | tutorials | {"transforms"})


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_kept_with_its_outputs_and_without_a_warning(path):
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert len(outputs) >= len(cells) / 2
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]


PARTS = {"params", "render", "widgets"}  # of what is public; names of them that are meant for everybody are above


def test_the_reference_lists_everything_public():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   ([\w.]+)$", page, re.MULTILINE))
    modules = set(augmentlab._MODULES)
    catalog = set(augmentlab.transforms.__all__)  # has a page of its own
    public = set(dir(augmentlab)) - modules - catalog
    for module in modules - PARTS - {"interop", "transforms"}:
        names = importlib.import_module(f"augmentlab.{module}").__all__
        public |= {f"{module}.{name}" for name in names if not name.isupper()}
    public -= {f"{module}.{name}" for module in modules for name in dir(augmentlab)}  # listed by their short name
    assert not public - listed


def test_what_the_reference_lists_is_there():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for name in re.findall(r"^   ([\w.]+)$", page, re.MULTILINE):
        found = augmentlab
        for part in name.split("."):
            found = getattr(found, part)

"""A module imports only lower layers, or its own: the walls of the architecture."""

import ast
import graphlib
from pathlib import Path

import pytest

import augmentlab

ROOT = Path(augmentlab.__file__).parent
LAYERS = {
    "distributions": 1,
    "params": 1,
    "geometry": 1,
    "pixels": 1,
    "streams": 1,
    "files": 1,
    "markup": 1,
    "engines": 1,
    "sample": 2,
    "transform": 2,
    "bases": 2,
    "documents": 2,
    "compose": 2,
    "batch": 2,
    "measures": 2,
    "transforms": 3,
    "policies": 3,
    "data": 3,
    "models": 4,
    "study": 4,
    "labelcheck": 4,
    "interop": 4,
    "items": 4,
    "torch": 4,
    "keras": 4,
    "sklearn": 4,
    "huggingface": 4,
    "render": 5,
    "plots": 5,
    "widgets": 6,
    "report": 6,
    "app": 7,
    "cli": 7,
    "__main__": 8,
}
# Packages that only some layers may know: whoever reads a pipeline needs neither a notebook nor a model.
HOMES = {
    "ipywidgets": {"widgets"},
    "anywidget": {"widgets"},
    "matplotlib": {"plots", "data", "cli", "report"},  # data: the fonts of the glyphs
    "sklearn": {"data", "models", "study", "sklearn"},
    "statsmodels": {"study"},
    "joblib": {"models", "study"},
    "optuna": {"study"},
    "torch": {"interop", "models", "torch"},
    "keras": {"keras"},
    "tensorflow": {"keras"},
    "datasets": {"huggingface"},
    "imblearn": set(),  # its contract needs no import
    "distributed": {"study"},
    "cloudpickle": {"study"},
    "pandas": {"study", "labelcheck", "plots", "data", "cli", "interop"},
    "voila": {"app"},
    "cv2": {"engines"},
    "numba": {"engines"},
}
ENGINES = {"engines.fast", "engines.kernels"}  # loaded only when they compute
# What is loaded only when it is asked for, by a module below or beside it: the only ways to go round in a circle.
LATE = {
    ("transform", "interop"): "Transform.export is a method, so that it is found where the pipeline is",
    ("documents", "transforms"): "a document names a class of the catalog",
    ("documents", "compose"): "a document names a group, which reads the documents of its steps",
}
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def part_of(path):
    """The entry of LAYERS to which a file belongs."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(tree, package):
    """Every module that a syntax tree imports, in functions too, but not for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [home, node.module]))
            # `from augmentlab import engines` names the module last.
            yield from (f"{module}.{alias.name}" for alias in node.names)
        else:
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
                (name,) = node.args
                first = name.values[0] if isinstance(name, ast.JoinedStr) else name
                if isinstance(first, ast.Constant):  # of an f-string, the package
                    yield first.value.rstrip(".")
            yield from imported(node, package)


def imports_of(path):
    package = ("augmentlab", *path.relative_to(ROOT).parts[:-1])
    return set(imported(ast.parse(path.read_text(encoding="utf-8")), package))


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_lower_layers(path):
    part = part_of(path)
    assert part in LAYERS, f"{part} has no layer"
    for module in imports_of(path):
        if module.split(".")[0] == "augmentlab":
            other = module.split(".")[1] if "." in module else ""
            if other in LAYERS:
                allowed = LAYERS[other] <= LAYERS[part] or (name_of(path), known(module)) in LATE
                assert allowed, f"{name_of(path)} imports {module}"
            elif part_of(path) != "cli":  # public names of the package come from any layer
                assert other in {"", "__version__"}, f"{name_of(path)} imports {module}: name the module it lives in"


def known(module):
    """The module of the package that an imported name is, or is in; None for another package's."""
    names = module.split(".")[1:] if module.startswith("augmentlab.") else []
    for count in range(len(names), 0, -1):
        path = ROOT.joinpath(*names[:count])
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            return ".".join(names[:count])
    return None


def test_no_imports_go_in_a_circle():
    found = {name_of(path).removesuffix(".__init__"): set(map(known, imports_of(path))) for path in MODULES}
    for one, other in LATE:
        assert other in found[one], f"{one} does not import {other}: take it from the list"
    graph = {
        name: {other for other in others - {None, name} if (name, other) not in LATE} for name, others in found.items()
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_package_stays_in_its_layer(path):
    for module in imports_of(path):
        homes = HOMES.get(module.split(".")[0])
        assert homes is None or part_of(path) in homes, f"{name_of(path)} imports {module}"


def test_the_reader_of_imports_sees_them_all():
    source = """
from typing import TYPE_CHECKING
import a, b.c
from .d import e
from .. import f
if TYPE_CHECKING:
    from hidden import g
def function():
    with x:
        from h import i as j
    importlib.import_module("k.l")
    importlib.import_module(f"m.n.{function}")
"""
    found = set(imported(ast.parse(source), ("augmentlab", "data")))
    assert found == {"typing.TYPE_CHECKING", "a", "b.c", "augmentlab.data.d.e", "augmentlab.f", "h.i", "k.l", "m.n"}


def test_the_core_loads_nothing_heavy_at_import():
    heavy = {
        "matplotlib",
        "pandas",
        "sklearn",
        "statsmodels",
        "joblib",
        "torch",
        "distributed",
        "cloudpickle",
        "cv2",
        "numba",
        "ipywidgets",
        "anywidget",
        "tqdm",
    }
    for path in MODULES:
        if LAYERS[part_of(path)] <= 3 and name_of(path) not in ENGINES:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            top = ast.Module([node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))], [])
            roots = {module.split(".")[0] for module in imported(top, ("augmentlab",))}
            assert not roots & heavy, f"{name_of(path)} imports {roots & heavy} when it is loaded"

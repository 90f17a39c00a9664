import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import augmentlab

HEAVY = [
    "matplotlib",
    "pandas",
    "sklearn",
    "ipywidgets",
    "anywidget",
    "cv2",
    "numba",
    "statsmodels",
    "joblib",
    "IPython",
]


def in_a_fresh_process(script):
    """What a new interpreter prints, by lines."""
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_import_is_lazy():
    (loaded,) = in_a_fresh_process("""
        import sys
        import augmentlab
        print(sorted({name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names))
    """)
    assert not set(eval(loaded)) & {*HEAVY, "numpy", "scipy", "skimage"}


@pytest.mark.parametrize(("name", "allowed"), [("reference", set()), (None, {"cv2", "numba"})])
def test_augmenting_loads_no_heavy_package(name, allowed):
    (loaded,) = in_a_fresh_process(f"""
        import contextlib
        import sys
        import numpy as np
        from augmentlab import *
        stack = contextlib.ExitStack()
        stack.enter_context(engine({name!r}) if {name!r} else contextlib.nullcontext())
        import augmentlab.transforms as catalog
        image = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
        for name in catalog.__all__:
            transform = getattr(catalog, name).typical()
            if transform.needs == "batch":
                transform([Sample(image, label=np.eye(2)[k]) for k in range(2)], rng=0)
            else:
                transform(Sample(image, mask=image[..., 0] // 64), rng=0)
            from_dict(transform.to_dict())
        Compose([Rotate.typical(), OneOf([Invert(), Gamma.typical()])])(Sample(image, keypoints=[[1, 2]]), rng=0)
        print(sorted({{name.split(".")[0] for name in sys.modules}}))
    """)
    assert set(eval(loaded)) & set(HEAVY) <= allowed


def test_a_star_import_gives_what_pipelines_are_written_with():
    namespace = {}
    exec("from augmentlab import *", namespace)
    catalog = importlib.import_module("augmentlab.transforms")
    assert {*catalog.__all__, "Compose", "OneOf", "uniform", "loguniform", "integers", "choice"} <= set(namespace)
    text = "Compose([OneOf([Rotate(angle=uniform(-3, 3)), Gamma(gamma=loguniform(0.5, 2))]), Posterize(bits=integers(3, 5))])"
    assert repr(eval(text, namespace)) == text


def test_every_public_name_is_there():
    names = dir(augmentlab)
    assert names == sorted(names)
    for name in names:
        value = getattr(augmentlab, name)
        assert getattr(augmentlab, name) is value
        assert getattr(value, "__doc__", None), f"{name} has no docstring"
    assert set(augmentlab.__all__) <= set(names)


def public_things():
    """Every public name, and those of the public modules, by how a user writes it."""
    for name in dir(augmentlab):
        value = getattr(augmentlab, name)
        if inspect.ismodule(value):
            yield from ((f"{name}.{one}", getattr(value, one)) for one in value.__all__)
        else:
            yield name, value


def test_all_that_is_public_is_documented():
    bare = []
    for name, thing in public_things():
        if callable(thing) and not inspect.getdoc(thing):
            bare.append(name)
        if inspect.isclass(thing):  # whose bases of other packages are theirs to document
            own = {key for base in thing.__mro__ if base.__module__.startswith("augmentlab") for key in vars(base)}
            for key in sorted(own):
                member = inspect.getattr_static(thing, key)
                told = inspect.isroutine(member) or isinstance(member, (property, functools.cached_property))
                if told and not key.startswith("_") and not inspect.getdoc(getattr(thing, key)):
                    bare.append(f"{name}.{key}")
    assert bare == []


def test_type_checkers_see_the_names_that_are_there():
    stub = ast.parse(Path(augmentlab.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    named = []
    for line in (node for node in stub.body if isinstance(node, ast.ImportFrom)):
        family = importlib.import_module(line.module)
        named += [one for name in line.names for one in (family.__all__ if name.name == "*" else [name.asname])]
    assert sorted(named) == dir(augmentlab)


def test_an_unknown_name_is_an_attribute_error():
    for name in ("Rotat", "rotate", "_private", "os"):
        with pytest.raises(AttributeError, match=f"module 'augmentlab' has no attribute '{name}'"):
            getattr(augmentlab, name)
    with pytest.raises(ImportError, match="cannot import name 'Rotat'"):
        exec("from augmentlab import Rotat")
    assert not hasattr(augmentlab, "TrivialRotate")


def test_the_version_is_the_same_wherever_it_is_written():
    root = Path(__file__).parents[1]
    version = augmentlab.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    citation = dict(re.findall(r"^(version|date-released): (.+)$", (root / "CITATION.cff").read_text(), re.MULTILINE))
    changes = re.findall(r"^## \[(\d.+)\] - (.+)$", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert changes[0] == (version, citation["date-released"])
    assert citation["version"] == version

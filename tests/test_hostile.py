"""Hostile and broken input that is no image file: each case ends in one sentence of a documented error.

A table holds what is given, a function holds what is promised. What is promised, and the limits, are in `docs/hardening.md`.
"""

import contextlib
import importlib.util
import io
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import tracemalloc
import types
import warnings
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augmentlab import (
    Affine,
    Compose,
    Dataset,
    GeometricTransform,
    HorizontalFlip,
    Invert,
    PixelTransform,
    PointTransform,
    RandomOrder,
    Rotate,
    Study,
    StudyView,
    cli,
    explore,
    from_albumentations,
    from_dict,
    label_check,
    labelcheck,
    models,
    report,
    transforms,
    uniform,
)
from augmentlab.app import _read_pipeline
from augmentlab.documents import parse
from augmentlab.params import parameters
from augmentlab.report import sections
from augmentlab.study.storage import Storage, content_key
from augmentlab.widgets import studypictures, studyrows, twin

EXAMPLES = int(os.environ.get("AUGMENTLAB_EXAMPLES", "60"))
FUZZ = settings(
    max_examples=EXAMPLES,
    derandomize="AUGMENTLAB_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
DOCUMENTED = (TypeError, ValueError, OSError)
MARK = "<img src=x onerror=alert(1)>\"'&"


@contextlib.contextmanager
def quiet():
    """Without the warnings about steps that change nothing, and trials that failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def sentence_of(call, error=DOCUMENTED):
    """What `call` raises: one line that a terminal can show, of a length that a person reads."""
    with quiet(), pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, DOCUMENTED)
    assert not isinstance(caught.value, (UnicodeError, RecursionError))
    said = str(caught.value)
    assert said
    assert len(said) < 600
    assert all(one.isprintable() for one in said), said
    return said


def contents(folder):
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir() if file.is_file()}


# --- pipelines from JSON -------------------------------------------------------------------------------------------------


def document(name="Rotate", **fields):
    return {"schema_version": 1, "transform": name, **fields}


def nested(depth, bottom=None, wrap=lambda inner: [inner]):
    for _ in range(depth):
        bottom = wrap(bottom)
    return bottom


FLIP = {"transform": "HorizontalFlip"}
CLASS = "transform must be a class of augmentlab.transforms, or module:QualName of a loaded subclass of Transform; got "
NAMES = [
    "", ":", "::", ":Rotate", "a:", "Rotat", "rotate", " Rotate", "Rotate ", "Rotate\0", "Rotate\n", "\x1b[31mRotate", "\ud800",
    "_Group", "Transform", "PixelTransform", "BatchTransform", "Compose.sample", "__doc__", "__all__", "np", "STRUCTURE",
    "os:system", "os:path.join", "posix:system", "subprocess:Popen", "builtins:eval", "builtins:exec", "builtins:type",
    "builtins:__import__", "sys:modules", "sys:exit", "importlib:import_module", "pickle:loads", "ctypes:CDLL",
    "shutil:rmtree", "json:JSONDecoder", "numpy:ndarray", "numpy:load", "augmentlab:Rotate.__init__",
    "augmentlab.transforms:Rotate.__mro__", "augmentlab.transforms:Rotate.__class__", "augmentlab.transforms:__builtins__.eval",
    "augmentlab.transform:sys.modules", "augmentlab.study:Study", "augmentlab.interop:TARGETS", "antigravity:x", "this:s",
    "turtledemo:x", "idlelib.run:main", "../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1/x:y", "x" * 10**6,
    "a:" + "b." * 10**5, "augmentlab.transform:Transform", "augmentlab.bases:GeometricTransform",
    "augmentlab.bases:PointTransform", "augmentlab.bases:PixelTransform", "augmentlab.bases:BatchTransform",
    "augmentlab.compose:_Group", "augmentlab.transforms.size:_Cut", "augmentlab:PixelTransform",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_a_name_of_no_transform_is_refused_and_nothing_is_imported(name):
    before = set(sys.modules)
    assert sentence_of(lambda: from_dict(document(name)), ValueError).startswith(CLASS)
    assert sentence_of(lambda: from_dict(document("Compose", steps=[{"transform": name}])), ValueError).startswith(
        CLASS
    )
    assert not {one.partition(":")[0] for one in NAMES if ":" in one} & (set(sys.modules) - before)


def test_a_name_runs_nothing_of_what_it_leads_through(tmp_path, monkeypatch):
    """A module that waits for its first use, and objects that answer with code of their own, are left alone."""
    (tmp_path / "waits.py").write_text("import builtins\nbuiltins.ran.append('module')")
    ran = []

    class Answers:
        def __getattribute__(self, name):
            ran.append(name)
            return super().__getattribute__(name)

    class Meta(type):
        def __getattribute__(cls, name):
            ran.append(name)
            return super().__getattribute__(name)

    class OfModules(types.ModuleType):
        __dict__ = property(lambda _: ran.append("module's __dict__") or {})

    spec = importlib.util.spec_from_file_location("waits", tmp_path / "waits.py")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    waits, plain, odd = importlib.util.module_from_spec(spec), types.ModuleType("plain"), OfModules("odd")
    spec.loader.exec_module(waits)
    plain.answers, plain.cls, plain.waits = Answers(), Meta("Cls", (), {"Inner": Answers()}), waits
    monkeypatch.setattr("builtins.ran", ran, raising=False)
    for name, module in {"waits": waits, "plain": plain, "odd": odd, "answers": Answers()}.items():
        monkeypatch.setitem(sys.modules, name, module)
    ran.clear()
    names = (
        "waits:X",
        "plain:waits.X",
        "plain:waits",
        "plain:answers",
        "plain:answers.X",
        "plain:cls",
        "plain:cls.Inner",
    )
    for name in (*names, "plain:cls.Inner.X", "odd:X", "answers:X"):
        assert sentence_of(lambda name=name: from_dict(document(name)), ValueError) == f"{CLASS}{name!r}"
        assert ran == [], name


def test_values_that_are_shared_are_counted_before_they_are_laid_out():
    tracemalloc.start()
    shared = [0] * 1000  # as the anchors of YAML give it
    whole = document(angle={"choice": [shared] * 90_000})
    before = tracemalloc.get_traced_memory()[0]
    said = sentence_of(lambda: from_dict(whole), ValueError)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert said == "a document must hold at most 100,000 values; got more"
    assert peak < 10 * 2**20


DEEP = 100_000
DOCUMENTS = {
    "a list": ([], "document must be a dict; got list"),
    "a text": ("{}", "document must be a dict; got str"),
    "nothing": (None, "document must be a dict; got NoneType"),
    "no version": ({"transform": "Rotate"}, "schema_version must be 1; got None"),
    "version as text": (document() | {"schema_version": "1"}, "schema_version must be 1; got '1'"),
    "an older version": (document() | {"schema_version": 0}, "schema_version must be 1; got 0"),
    "a newer version": (document() | {"schema_version": 2}, "schema_version must be 1; got 2"),
    "a negative version": (document() | {"schema_version": -1}, "schema_version must be 1; got -1"),
    "a version as a float": (document() | {"schema_version": 1.0}, "schema_version must be 1; got 1.0"),
    "half a version": (document() | {"schema_version": 1.5}, "schema_version must be 1; got 1.5"),
    "a huge version": (document() | {"schema_version": 10**5000}, "schema_version must be 1; got a value of type int"),
    "a long version": (document() | {"schema_version": "\x1b" * 10**6}, "schema_version must be 1; got '"),
    "a deep version": (document() | {"schema_version": nested(DEEP)}, "schema_version must be 1; got a value of type list"),
    "no name": ({"schema_version": 1}, "a transform must be a dict with the name of its class"),
    "a list for a name": (document(["Rotate"]), "a transform must be a dict with the name of its class"),
    "a number for a name": (document(7), "a transform must be a dict with the name of its class"),
    "a deep name": (document(nested(DEEP)), "a document must be nested at most 100 deep"),
    "a step that is a text": (document("Compose", steps=["Rotate"]), "a transform must be a dict with the name of"),
    "a step that is nothing": (document("Compose", steps=[None]), "a transform must be a dict with the name of"),
    "no steps": (document("Compose"), "Compose.steps must be a list of transforms; got None"),
    "steps that are a dict": (document("Compose", steps={"0": FLIP}), "Compose.steps must be a list of transforms"),
    "steps that are a text": (document("OneOf", steps="abc"), "OneOf.steps must be a list of transforms; got 'abc'"),
    "steps of a step": (document(steps=[]), "Rotate has no field 'steps'"),
    "deep steps": (document("Compose", steps=nested(DEEP)), "a document must be nested at most 100 deep"),
    "deep pipelines": (
        document("Compose", steps=[nested(DEEP, FLIP, lambda inner: {"transform": "Compose", "steps": [inner]})]),
        "a document must be nested at most 100 deep",
    ),
    "pipelines below the limit of lists": (
        document("Compose", steps=[nested(40, FLIP, lambda inner: {"transform": "Compose", "steps": [inner]})]),
        "a pipeline must be nested at most 32 deep",
    ),
    "a deep value": (document(angle=nested(DEEP)), "a document must be nested at most 100 deep"),
    "a deep choice": (document(angle={"choice": [nested(DEEP)]}), "a document must be nested at most 100 deep"),
    "a value nested a little": (document(angle=nested(50)), "Rotate.angle must be float in [-180, 180] deg; got [[[["),
    "very many steps": (document("Compose", steps=[FLIP] * 200_000), "a document must hold at most 100,000 values"),
    "a very long choice": (document(angle={"choice": [1] * 10**6}), "a document must hold at most 100,000 values"),
    "a long choice with one bad value": (
        document(angle={"choice": [1] * 90_000 + [999]}),
        "Rotate.angle must be float in [-180, 180] deg; got choice(1, 1",
    ),
    "very many fields": (document(**{f"x{i}": 0 for i in range(50_000)}), "Rotate has no field 'x0'"),
    "a long field": (document(**{"x" * 10**6: 0}), "Rotate has no field 'xxxx"),
    "controls in a field": (document(**{"\x1b[2J\n\0": 0}), "Rotate has no field '\\x1b[2J\\n\\x00'"),
    "a field of Python": (document(__class__="os:system"), "Rotate has no field '__class__'"),
    "a parameter of Python": (document(cls=1), "Rotate has no field 'cls'"),
    "another of Python": (document(self=1), "Rotate has no field 'self'"),
    "a version inside": (document("Compose", steps=[document()]), "Rotate has no field 'schema_version'"),
    "p beyond 1": (document(p=1.0000001), "Rotate.p must be float in [0, 1]; got 1.0000001"),
    "p drawn": (document(p={"uniform": [0, 1]}), "Rotate.p must be float in [0, 1]; got uniform(0, 1)"),
    "two distributions": (document(angle={"uniform": [0, 1], "choice": [1]}), "Rotate.angle must be a value or one of"),
    "no distribution": (document(angle={}), "Rotate.angle must be a value or one of"),
    "another distribution": (document(angle={"normal": [0, 1]}), "Rotate.angle must be a value or one of"),
    "a distribution of Python": (document(angle={"__import__": ["os"]}), "Rotate.angle must be a value or one of"),
    "a distribution without a list": (document(angle={"uniform": 3}), "Rotate.angle must be a value or one of"),
    "one end": (document(angle={"uniform": [1]}), "Rotate.angle: "),
    "three ends": (document(angle={"uniform": [1, 2, 3]}), "Rotate.angle: "),
    "ends that are dicts": (document(angle={"uniform": [{}, {}]}), "Rotate.angle: uniform must have two finite numbers"),
    "ends that are texts": (document(angle={"uniform": ["0", "1"]}), "Rotate.angle: uniform must have two finite"),
    "ends that are nan": (document(angle={"uniform": [float("nan")] * 2}), "Rotate.angle: uniform must have two finite"),
    "ends that are infinite": (document(angle={"uniform": [0, 1e999]}), "Rotate.angle: uniform must have two finite"),
    "ends that are huge": (document(angle={"uniform": [0, 10**5000]}), "Rotate.angle: uniform must have two finite"),
    "ends that are true": (document(angle={"uniform": [False, True]}), "Rotate.angle: uniform must have two finite"),
    "ends the wrong way round": (document(angle={"uniform": [2, 1]}), "uniform must have low <= high; got 2 and 1"),
    "ends out of bounds": (document(angle={"uniform": [0, 181]}), "Rotate.angle must be float in [-180, 180] deg"),
    "the logarithm of 0": (document(angle={"loguniform": [0, 1]}), "loguniform must have low above 0"),
    "halves for integers": (document("Posterize", bits={"integers": [1.5, 3.5]}), "Posterize.bits: integers must have"),
    "floats for an int": (document("Posterize", bits={"uniform": [1, 3]}), "Posterize.bits must be int in"),
    "no choice": (document(angle={"choice": []}), "choice must have at least one value"),
    "a choice of lists": (document(angle={"choice": [[1], [2]]}), "Rotate.angle must be float in"),
    "a choice of distributions": (document(angle={"choice": [{"uniform": [0, 1]}]}), "Rotate.angle must be float in"),
    "a choice of infinities": (document(angle={"choice": [1e999]}), "Rotate.angle must be float in"),
    "OneOf of nothing": (document("OneOf", steps=[]), "OneOf.steps must hold at least one transform"),
    "too many weights": (document("OneOf", steps=[FLIP], weights=[1, 2]), "OneOf.weights must be 1 numbers >= 0"),
    "weights that are text": (document("OneOf", steps=[FLIP], weights="1"), "OneOf.weights must be numbers; got '1'"),
    "weights that are texts": (document("OneOf", steps=[FLIP], weights=["1"]), "OneOf.weights must be numbers"),
    "weights that are true": (document("OneOf", steps=[FLIP], weights=[True]), "OneOf.weights must be numbers"),
    "weights that are huge": (document("OneOf", steps=[FLIP], weights=[10**400]), "OneOf.weights must be numbers"),
    "weights without a sum": (
        document("OneOf", steps=[FLIP, FLIP], weights=[1e308, 1e308]),
        "OneOf.weights must be 2 numbers >= 0",
    ),
    "weights that are nan": (document("OneOf", steps=[FLIP], weights=[float("nan")]), "OneOf.weights must be 1 numbers"),
    "weights of nothing": (document("OneOf", steps=[FLIP], weights=[0]), "OneOf.weights must be 1 numbers"),
    "weights that are drawn": (document("OneOf", steps=[FLIP], weights={"uniform": [0, 1]}), "OneOf.weights must be num"),
    "more than there are": (document("SomeOf", steps=[FLIP], n=2), "SomeOf.n must be at most the number of steps, 1"),
    "a billion of them": (document("SomeOf", steps=[FLIP], n=10**9, replace=True), "SomeOf.n must be int in [0, 64]"),
    "replace that is text": (document("SomeOf", steps=[FLIP], replace="yes"), "SomeOf.replace must be bool; got 'yes'"),
    "a blend of nothing": (document("Blend", steps=[]), "Blend.steps must hold at least one transform"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "words"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_bad_document_ends_in_one_sentence(given, words):
    assert words in sentence_of(lambda: from_dict(given), (TypeError, ValueError))


WRONG = [
    None, True, "", "1", "\0", "\ud800", "x" * 10**5, [], [[]], {}, {"uniform": []}, [None], ["a"], float("nan"), 1e999, -1e999,
    10**400, -(10**5000), 1e300, -1e300,
]  # fmt: skip
FIELDS = {
    f"{name}.{one.name}": (name, one) for name in transforms.__all__ for one in parameters(getattr(transforms, name))
}


@pytest.mark.parametrize("kind", ["float", "int", "bool", "choice", "floats"])
def test_no_field_takes_what_is_not_of_its_kind(kind):
    found = 0
    for where, (name, parameter) in FIELDS.items():
        if parameter.kind != kind:
            continue
        for value in WRONG:
            if (kind == "bool" and value is True) or (kind == "floats" and value == []):
                continue
            said = sentence_of(
                lambda name=name, field=parameter.name, value=value: from_dict(document(name, **{field: value}))
            )
            assert said.startswith(where), said
            found += 1
    assert found >= len(WRONG) - 1


def test_minus_0_and_the_smallest_number_are_numbers():
    assert from_dict(document(angle=-0.0)) == Rotate()
    assert from_dict(document(angle=5e-324)).angle == 5e-324


def test_nested_orders_are_looked_at_in_bounded_time():
    inner = nested(20, FLIP, lambda inner: {"transform": "RandomOrder", "steps": [FLIP, inner]})
    last = {"transform": "Standardize"}
    assert len(from_dict(document("RandomOrder", steps=[last, inner])).steps) == 2
    many = RandomOrder([Affine(scale=1.01), *[HorizontalFlip()] * 2000])
    assert len(many.steps) == 2001


def test_the_shapes_after_all_orders_of_many_steps_are_not_looked_for():
    steps = [{"transform": "Resize", "height": height, "width": 8} for height in range(8, 40)]
    pipeline = from_dict(document("RandomOrder", steps=steps))
    assert "RandomOrder.steps must be few" in sentence_of(lambda: pipeline.output_shape((10, 10)))


TEXTS = {
    "nothing": b"",
    "a word": b"nonsense",
    "half a document": b'{"schema_version": 1,',
    "two documents": b"{} {}",
    "deep": b"[" * DEEP,
    "deep and whole": b"[" * DEEP + b"]" * DEEP,
    "deep dicts": b'{"a":' * DEEP,
    "no text": b"\xff\xfe\x00\x01" * 100,
    "zero bytes": bytes(1000),
    "a pickle": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.",
    "an infinite number": b'{"schema_version": 1, "transform": "Rotate", "angle": 1e309}',
    "not a number": b'{"schema_version": 1, "transform": "Rotate", "angle": NaN}',
    "too many digits": b'{"schema_version": 1, "transform": "Rotate", "angle": ' + b"9" * 10_000 + b"}",
    "100 MB": b'"' + b"x" * (100 * 2**20) + b'"',
    "lone surrogates": b'{"schema_version": 1, "transform": "\\ud800\\u0000\\u001b"}',
    "os:system": b'{"schema_version": 1, "transform": "os:system", "args": ["id"]}',
    "the same key twice": b'{"schema_version": 1, "transform": "Rotate", "transform": "os:system"}',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_file_that_holds_no_pipeline_ends_in_one_sentence(tmp_path, text):
    path = tmp_path / "pipeline.json"
    path.write_bytes(text)
    before = path.stat().st_mtime_ns
    said = sentence_of(lambda: _read_pipeline(path), ValueError)
    assert said.startswith("--pipeline must be a JSON file of a pipeline; ")
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (len(text), before)


def test_a_file_without_end_is_not_read_to_its_end():
    assert "at most 16 MB" in sentence_of(lambda: _read_pipeline(Path("/dev/zero")), ValueError)


@pytest.mark.parametrize(
    "text", [text for name, text in TEXTS.items() if "text" not in name], ids=lambda text: str(text[:20])
)
def test_marks_that_are_none_end_in_one_sentence(text):
    whole = text.decode("latin-1")
    sentence_of(lambda: labelcheck.from_json(whole, ["a", "b"], ["x", "y"]), (TypeError, ValueError))


def theirs(name="HorizontalFlip", **fields):
    return {"__version__": "2.0.8", "transform": {"__class_fullname__": name, **fields}}


ALBUMENTATIONS = {
    "nothing": {},
    "no transform": {"__version__": "2.0.8"},
    "a list": [],
    "a text": "Compose",
    "no name": {"transform": {}},
    "a number for a name": theirs(5),
    "a list for a name": theirs([]),
    "os.system": theirs("os.system"),
    "os:system": theirs("os:system", p=1),
    "a lambda": {"transform": {"__class_fullname__": "Lambda", "__type__": "Lambda", "__name__": "os.system"}},
    "steps that are a text": theirs("Compose", transforms="abc"),
    "steps that are numbers": theirs("Compose", transforms=[1, 2]),
    "no steps": theirs("Compose"),
    "steps that are nothing": theirs("Compose", transforms=None),
    "p as text": theirs(p="often"),
    "p not a number": theirs(p=float("nan")),
    "p huge": theirs(p=10**400),
    "p a dict": theirs(p={}),
    "an angle as text": theirs("Rotate", limit="all", p=1),
    "an angle infinite": theirs("Rotate", limit=[0, 1e999], p=1),
    "an angle of three": theirs("Rotate", limit=[1, 2, 3], p=1),
    "no angle": theirs("Rotate", limit=None, p=1),
    "a field of Python": theirs("Rotate", __class__="x", p=1),
    "deep": {"transform": nested(DEEP)},
    "deep steps": {"transform": nested(5000, theirs()["transform"], lambda inner: {"__class_fullname__": "Compose", "p": 1, "transforms": [inner]})},
    "a choice of text": theirs("OneOf", transforms="abc", p=1),
    "blur of a dict": theirs("GaussianBlur", blur_limit={"a": 1}, sigma_limit="x", p=1),
}  # fmt: skip


@pytest.mark.parametrize("given", ALBUMENTATIONS.values(), ids=ALBUMENTATIONS)
def test_a_pipeline_of_albumentations_that_is_none_is_refused(given):
    with quiet(), pytest.raises((TypeError, ValueError)) as caught:
        from_albumentations(given)
    lines = str(caught.value).split("\n")  # a list of all that has no counterpart
    assert all(one.isprintable() for line in lines for one in line)
    assert max(map(len, lines)) < 600


def test_a_pipeline_of_torchvision_is_no_document_that_could_name_anything():
    from augmentlab import from_torchvision

    for odd in ({"transform": "os:system"}, "os:system", 5, None, [print], nested(DEEP)):
        with pytest.raises((TypeError, ValueError)) as caught:
            from_torchvision(odd)
        assert len(str(caught.value)) < 600


# --- the file of a study -------------------------------------------------------------------------------------------------


def pictures(count=48):
    labels = np.arange(count) % 2
    images = np.random.default_rng(0).integers(0, 100, (count, 8, 8)) + labels[:, None, None] * 60
    return images.astype(np.uint8), labels


def study(arms=None, given=None, **changes):
    options = {"draws": 2, "train_size": 10, "copies": 1, "trivial": False, "storage": ":memory:"} | changes
    return Study(
        given or Dataset(*pictures()), models.knn(), arms or {"dark": Invert(), "flip": HorizontalFlip()}, **options
    )


def run(one):
    with quiet():
        return one.run(n_jobs=1, progress=False)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A finished study's file: its bytes."""
    path = tmp_path_factory.mktemp("good") / "study.db"
    run(study(storage=path))
    return path.read_bytes()


@pytest.fixture
def tampered(tmp_path, good):
    """A finished study's file after some change to its tables."""

    def make(change):
        path = tmp_path / "study.db"
        path.write_bytes(good)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            change(connection)
            connection.commit()
        return path

    return make


def opened(path):
    """All that reads a study file."""
    for one in Study.open_all(path):
        one.compare(warn=False)
        one.summary()
        one.trials_dataframe()
        report.page(one)
        StudyView.load(path).close()


def commanded(command, path, out):
    """Status and the only line that a command prints on bad input."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        status = cli.main([command, str(path), *(["-o", str(out)] if command == "report" else [])])
    return status, errors.getvalue()


NOT_OURS = "storage must be a file of augmentlab studies"
FILES = {
    "some bytes": (lambda _: b"SQLite", NOT_OURS),
    "a header": (lambda good: good[:100], NOT_OURS),
    "a header and a little": (lambda good: good[:600], NOT_OURS),
    "the first page": (lambda good: good[:4096], NOT_OURS),
    "half": (lambda good: good[: len(good) // 2], NOT_OURS),
    "without its last page": (lambda good: good[:-4096], NOT_OURS),
    "zero bytes": (lambda good: bytes(len(good)), NOT_OURS),
    "zeros in the middle": (lambda good: good[:4096] + bytes(len(good) - 4096), NOT_OURS),
    "a text": (lambda _: b"hello world\n" * 1000, NOT_OURS),
    "a pickle": (lambda _: b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R." * 100, NOT_OURS),
    "a page of HTML": (lambda _: b"<script>alert(1)</script>" * 100, NOT_OURS),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_broken_file_is_refused_by_all_that_open_it(tmp_path, good, content, words):
    path = tmp_path / "study.db"
    path.write_bytes(content(good))
    before = contents(tmp_path)
    assert words in sentence_of(lambda: run(study(storage=path)), ValueError)
    assert words in sentence_of(lambda: Study.open(path), ValueError)
    assert words in sentence_of(lambda: StudyView.load(path), ValueError)
    for command in ("list", "show", "report"):
        status, said = commanded(command, path, tmp_path / "page.html")
        assert status == 1
        assert words in said
        assert said.count("\n") == 1
    assert contents(tmp_path) == before


def spec(**changes):
    """A statement that changes the description of the study."""
    return lambda connection: connection.execute(
        "UPDATE study SET spec = ?",
        (json.dumps(json.loads(connection.execute("SELECT spec FROM study").fetchone()[0]) | changes),),
    )


def arm(**changes):
    def change(connection):
        arms = json.loads(connection.execute("SELECT spec FROM study").fetchone()[0])["arms"]
        spec(arms=[arms[0] | changes, *arms[1:]])(connection)

    return change


def context(**changes):
    def change(connection):
        stored = json.loads(connection.execute("SELECT spec FROM study").fetchone()[0])["context"]
        spec(context=stored | changes)(connection)

    return change


def without(*keys):
    """A statement that takes keys out of the context."""

    def change(connection):
        stored = json.loads(connection.execute("SELECT spec FROM study").fetchone()[0])["context"]
        spec(context={key: value for key, value in stored.items() if key not in keys})(connection)

    return change


def opening(**changes):
    """A statement that adds an opening of the locked test, of which something is odd."""

    def change(connection):
        key, text = connection.execute("SELECT key, spec FROM study").fetchone()
        shared = {name: json.loads(text)["context"][name] for name in ("data", "split")}
        given = {"study": key, "detail": "dark", "created": "2026-01-01T00:00:00.000+00:00"} | changes
        connection.execute(
            "INSERT INTO event (subject, kind, study, detail, created) VALUES (?, 'opening', ?, ?, ?)",
            (content_key(shared), *given.values()),
        )

    return change


def sql(*statements):
    return lambda connection: [
        connection.execute(*one) if isinstance(one, tuple) else connection.execute(one) for one in statements
    ]


class Payload:
    """What a pickle of would do when it is loaded."""

    def __reduce__(self):
        return os.mkdir, ("hacked",)


PICKLE = __import__("pickle").dumps(Payload())
WRITES = "must be as augmentlab writes it; its "
OPENINGS = "must hold events as augmentlab writes them; "
TRIALS = "must hold trials as augmentlab writes them; "
ENDLESS = (
    "CREATE VIEW trial AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS key, 'a' AS arm, "
    "1 AS draw, 'validation' AS part, 'complete' AS state, 1.0 AS value, NULL AS hits, 1 AS images, '' AS started, "
    "1.0 AS seconds, '' AS message, NULL AS predictions, NULL AS scores, NULL AS loss, NULL AS traceback FROM c"
)
ROWS = {
    "another program's": (sql("PRAGMA application_id = 5"), "is a database of another program"),
    "a newer schema": (sql("PRAGMA user_version = 99"), "has 99: update augmentlab"),
    "a negative schema": (sql("PRAGMA user_version = -3"), "has schema version -3"),
    "an endless view": (sql("DROP TABLE trial", ENDLESS), "differs in table 'trial'"),
    "a trigger": (sql("CREATE TRIGGER t AFTER INSERT ON trial BEGIN DELETE FROM study; END"), "differs in trigger 't'"),
    "no trials": (sql("DROP TABLE trial"), "differs in table 'trial'"),
    "no studies": (sql("DROP TABLE study"), "differs in table 'study'"),
    "no column": (sql("ALTER TABLE trial DROP COLUMN message"), "differs in table 'trial'"),
    "no JSON": (sql("UPDATE study SET spec = '{'"), "must hold studies as JSON"),
    "deep JSON": (sql(("UPDATE study SET spec = ?", ("[" * DEEP + "]" * DEEP,))), "must hold studies as JSON"),
    "bytes for JSON": (sql("UPDATE study SET spec = x'8004'"), "must hold studies as JSON"),
    "a pickle for JSON": (sql(("UPDATE study SET spec = ?", (PICKLE,))), "must hold studies as JSON"),
    "a name that is no text": (sql("UPDATE study SET name = cast(x'fffe' AS TEXT)"), "Could not decode to UTF-8"),
    "a list": (sql("UPDATE study SET spec = '[]'"), "must have schema_version 2 or less; got None"),
    "nothing": (sql("UPDATE study SET spec = '{}'"), "must have schema_version 2 or less; got None"),
    "a newer study": (spec(schema_version=99), "must have schema_version 2 or less; got 99"),
    "draws as text": (spec(draws="2"), WRITES + "draws is '2'"),
    "no draws": (spec(draws=0), WRITES + "draws is 0"),
    "negative draws": (spec(draws=-1), WRITES + "draws is -1"),
    "a billion draws": (spec(draws=10**9), WRITES + "draws is 1000000000"),
    "arms as text": (spec(arms="abc"), WRITES + "arms is 'abc'"),
    "arms without names": (spec(arms=[{}]), WRITES + "arms.label is missing"),
    "an arm with a list for a name": (arm(label=["a"]), WRITES + "arms.label is ['a']"),
    "a role": (arm(role="root"), WRITES + "arms.role is"),
    "levels": (arm(levels=[[1, 2, 3]]), WRITES + "arms.levels is"),
    "a level that is a list": (arm(levels=[["a", [1]]]), WRITES + "arms.levels is ["),
    "a level that is a dict": (arm(levels=[["a", {"x": 1}]]), WRITES + "arms.levels is ["),
    "levels that are a dict": (arm(levels={"x": 1}), WRITES + "arms.levels is {'x': 1}"),
    "a level beyond floats": (arm(levels=[["a", 10**400]]), WRITES + "arms.levels is ["),
    "a pool of text": (spec(images={"pool": "x"}), WRITES + "images is {'pool': 'x'}"),
    "a factor twice": (arm(levels=[["a", 1], ["a", 2]]), WRITES + "arms.levels is ["),
    "two arms of one name": (arm(label="flip"), WRITES + "arms.label is "),
    "an arm called control": (arm(label="control"), WRITES + "arms.label is "),
    "no arms": (spec(arms=[]), WRITES + "arms is []"),
    "a pipeline as text": (arm(transform="os:system"), WRITES + "arms.transform is 'os:system'"),
    "a rope": (spec(rope="1"), WRITES + "rope is '1'"),
    "a rope below 0": (spec(rope=-1), WRITES + "rope is -1"),
    "a rope that is nan": (spec(rope=float("nan")), "NaN is no number of JSON"),
    "a rope of hundreds of digits": (spec(rope=10**400), WRITES + "rope is 1000"),
    "a metric": (spec(metric="accuracy"), WRITES + "metric is 'accuracy'"),
    "a kind of metric": (spec(metric={"name": "a", "kind": "eval", "scale": 1}), WRITES + "metric.kind is 'eval'"),
    "a scale of 0": (spec(metric={"name": "a", "kind": "hits", "scale": 0}), WRITES + "metric.scale is 0"),
    "a scorer": (
        spec(metric={"name": "a", "kind": "scorer", "scale": 1, "scorer": "os:system"}),
        WRITES + "metric is {",
    ),
    "an infinite number": (sql("UPDATE study SET spec = replace(spec, '\"rope\": 0.5', '\"rope\": 1e999')"), "1e999 is no number of JSON"),
    "no context": (spec(context={}), WRITES + "context.data is missing"),
    "no copies": (without("copies"), WRITES + "context.copies is missing"),
    "no copy": (context(copies=0), WRITES + "context.copies is 0"),
    "no training images": (context(train_size=0), WRITES + "context.train_size is 0"),
    "no engine": (without("engine"), WRITES + "context.engine is missing"),
    "no preprocessing": (without("preprocess"), WRITES + "context.preprocess is missing"),
    "no versions": (without("versions"), WRITES + "context.versions is missing"),
    "versions as a list": (context(versions=["1.0"]), WRITES + "context.versions is ['1.0']"),
    "a version that is a list": (context(versions={"numpy": [1]}), WRITES + "context.versions is {'numpy': [1]}"),
    "a split of something else": (context(split={"<script>": 1}), WRITES + "context.split.validation is missing"),
    "a share as text": (context(split={"validation": "a", "test": 0.2, "seed": 0}), WRITES + "context.split.validation is 'a'"),
    "a share beyond 1": (context(split={"validation": 2, "test": 0.2, "seed": 0}), WRITES + "context.split is {"),
    "no groups": (spec(groups={}), WRITES + "groups.validation is missing"),
    "groups of other images": (spec(groups={"validation": [1], "test": None}), WRITES + "groups is"),
    "labels of other images": (spec(labels={"validation": [0], "test": [0]}), "must hold trials of the 1 images"),
    "negative labels": (spec(labels={"validation": [-1], "test": [0]}), WRITES + "labels is"),
    "huge labels": (spec(labels={"validation": [2**40], "test": [0]}), WRITES + "labels is"),
    "a name": (spec(name=None), WRITES + "name is None"),
    "classes": (spec(classes=5), WRITES + "classes is 5"),
    "no classes": (spec(classes=[]), WRITES + "classes is []"),
    "one class of two": (spec(classes=["0"]), WRITES + "classes is ['0']"),
    "a key with a quote": (sql("UPDATE artifact SET study = 'x'' y'", "UPDATE study SET key = 'x'' y'"), WRITES + 'key is "x\' y"'),
    "a key of bytes": (sql("UPDATE study SET key = x'00'"), WRITES + "key is b'\\x00'"),
    "a name of bytes": (sql("UPDATE study SET name = x'00'"), WRITES + "name is b'\\x00'"),
    "an opening by no study": (opening(study="nokey"), OPENINGS + "the study of one is 'nokey'"),
    "an opening by bytes": (opening(study=b"\0"), OPENINGS + "the study of one is b'\\x00'"),
    "an opening of bytes": (opening(detail=b"\0"), OPENINGS + "the detail of one is b'\\x00'"),
    "an opening some day": (opening(created="soon"), OPENINGS + "the created of one is 'soon'"),
    "an opening at bytes": (opening(created=b"\0"), OPENINGS + "the created of one is b'\\x00'"),
    "short hits": (sql("UPDATE trial SET hits = x'00'"), TRIALS + "the hits of one are 1 bytes for"),
    "long hits": (sql("UPDATE trial SET hits = zeroblob(1000000)"), TRIALS + "the hits of one are 1000000 bytes for"),
    "hits as text": (sql("UPDATE trial SET hits = 'abc'"), TRIALS + "the hits of one is 'abc'"),
    "no hits": (sql("UPDATE trial SET hits = NULL"), TRIALS + "one is complete without hits"),
    "a pickle for hits": (sql(("UPDATE trial SET hits = ?, predictions = ?", (PICKLE, PICKLE))), TRIALS + "the hits of"),
    "a pickle for predictions": (sql(("UPDATE trial SET predictions = ?", (PICKLE,))), TRIALS + "the predictions of"),
    "a pickle for scores": (sql(("UPDATE trial SET scores = ?", (PICKLE,))), TRIALS + "the scores of one are"),
    "a pickle for a message": (sql(("UPDATE trial SET message = ?", (PICKLE,))), TRIALS + "the message of one is b'"),
    "negative images": (sql("UPDATE trial SET images = -5"), TRIALS + "the hits of one are"),
    "a trillion images": (sql("UPDATE trial SET images = 1000000000000"), TRIALS + "the hits of one are"),
    "images as text": (sql("UPDATE trial SET images = 'x'"), TRIALS + "the images of one is 'x'"),
    "half a class": (sql("UPDATE trial SET predictions = x'010203'"), TRIALS + "the predictions of one are 3 bytes"),
    "a value as text": (sql("UPDATE trial SET value = 'x'"), TRIALS + "the value of one is 'x'"),
    "an infinite value": (sql("UPDATE trial SET value = 9e999"), TRIALS + "the value of one is inf"),
    "infinite seconds": (sql("UPDATE trial SET seconds = 9e999"), TRIALS + "the seconds of one is inf"),
    "a time that is none": (sql("UPDATE trial SET started = 'soon'"), TRIALS + "the started of one is 'soon'"),
    "no time": (sql("UPDATE trial SET started = ''"), TRIALS + "the started of one is ''"),
    "a time in the year 1": (sql("UPDATE trial SET started = '0001-01-01T00:00:00.000+00:00'"), TRIALS + "the started of one is '0001"),
    "a time far away": (sql("UPDATE trial SET started = '2999-01-01T00:00:00.000+00:00'"), TRIALS + "the started of one is '2999"),
    "a time of another zone": (sql("UPDATE trial SET started = '0001-01-01T00:00:00+23:59'"), TRIALS + "the started of one is"),
    "a time in another form": (sql("UPDATE trial SET started = '20260101T000000Z' WHERE draw = 0"), TRIALS + "the started of"),
    "endless seconds": (sql("UPDATE trial SET seconds = 1e300"), TRIALS + "the seconds of one is 1e+300"),
    "negative seconds": (sql("UPDATE trial SET seconds = -1.0"), TRIALS + "the seconds of one is -1.0"),
    "a draw as text": (sql("UPDATE trial SET draw = 'x'"), TRIALS + "the draw of one is 'x'"),
    "a message that is no text": (sql("UPDATE trial SET message = cast(x'fffe' AS TEXT)"), "Could not decode to UTF-8"),
    "a search that is a pickle": (
        sql(("INSERT INTO artifact SELECT key, 'search', 's', ? FROM study", (PICKLE,))),
        "a search of storage",
    ),
    "a search that is a list": (
        sql("INSERT INTO artifact SELECT key, 'search', 's', '[]' FROM study"),
        WRITES + "search is []",
    ),
    "a picture named by bytes": (
        sql("UPDATE artifact SET name = x'00' WHERE kind = 'sample' AND name LIKE '0:%'"),
        "must hold files of a study as augmentlab writes them; the name of one is b'\\x00'",
    ),
    "a picture that is a pickle": (
        sql(("UPDATE artifact SET content = ? WHERE kind = 'sample'", (PICKLE,)), ("INSERT INTO artifact SELECT key, 'sample', 's', ? FROM study", (PICKLE,))),
        "a picture that a study keeps must be a PNG",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), ROWS.values(), ids=ROWS)
def test_what_is_wrong_in_a_file_is_named_and_nothing_of_it_is_run(tmp_path, tampered, monkeypatch, change, words):
    path = tampered(change)
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert words in sentence_of(lambda: opened(path))
    statuses, sentences = zip(
        *(commanded(one, path, tmp_path / "page.html") for one in ("list", "show", "report")), strict=True
    )
    assert 1 in statuses
    assert any(words in one for one in sentences)
    assert all(one.count("\n") == status for one, status in zip(sentences, statuses, strict=True))
    assert contents(tmp_path).keys() - before.keys() <= {"page.html"}
    assert contents(tmp_path)["study.db"] == before["study.db"]
    assert not (tmp_path / "hacked").exists()


def test_what_is_wrong_in_another_study_of_the_file_is_named_too(tmp_path, good):
    path = tmp_path / "study.db"
    path.write_bytes(good)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        text = connection.execute("SELECT spec FROM study").fetchone()[0]
        changed = json.dumps(json.loads(text) | {"arms": [{}]})
        connection.execute("INSERT INTO study SELECT ?, name, ?, created, '2020' FROM study", ("f" * 64, changed))
        connection.commit()
    assert WRITES + "arms.label is missing" in sentence_of(lambda: study(storage=path).compare(), ValueError)


@pytest.mark.parametrize("preparation", [{"schema_version": 1}, document("Compose", steps=7), document()])
def test_a_preparation_that_cannot_be_made_is_named_where_it_is_needed(tampered, preparation):
    path = tampered(context(preparation=preparation))
    said = sentence_of(lambda: Study.open(path).robustness("dark"), ValueError)
    assert said.startswith("the preparation of a stored study must be a Compose; ")


@pytest.mark.parametrize(
    "transform", [document("os:system"), document(angle="x"), {"schema_version": 9}, document("not_loaded:Mine")]
)
def test_an_arm_that_cannot_be_made_is_told_and_not_run(tampered, transform):
    path = tampered(arm(transform=transform))
    one = Study.open(path)
    sentence_of(lambda: one.arms)
    assert report.page(one)  # its numbers are there
    assert not [name for name in sys.modules if name == "not_loaded"]


SYSTEM = "__import__('os').mkdir('hacked')"


@pytest.mark.parametrize(
    ("transform", "code"),
    [(document("Invert"), "Invert()"), (document("not_loaded:Mine"), json.dumps(document("not_loaded:Mine")))],
    ids=["known", "not loaded"],
)
def test_the_code_of_an_arm_is_made_from_what_the_arm_does_and_never_what_a_file_says_it_is(
    tampered, tmp_path, transform, code
):
    def change(connection):
        arm(code=SYSTEM, transform=transform)(connection)
        connection.execute("UPDATE trial SET arm = ?", (SYSTEM,))

    one = Study.open(tampered(change))
    assert [one.compare()["code"][0], one.spec["arms"][0]["code"]] == [code, code]
    assert (
        set(one.to_frame()["code"]) == set(one.trials_dataframe()["code"]) == {"Compose([])", code, "HorizontalFlip()"}
    )
    assert "mkdir" not in one.to_jsonl(tmp_path / "x.jsonl").read_text(encoding="utf-8")
    assert "mkdir" not in report.page(one)
    assert code in {found.code for found in studyrows.candidates_of(one)}
    source = types.SimpleNamespace(best="dark", spec=one.spec, documents={"dark": one.spec["arms"][0]})
    assert ("Copy Python" in sections.winner(source)) == (code == "Invert()")


PLACES = {
    "a folder": (lambda folder: folder, "is a folder"),
    "no folder": (lambda folder: folder / "no" / "study.db", "there is no"),
    "below a file": (lambda folder: folder / "note" / "study.db", "there is no"),
    "a link to nothing": (lambda folder: folder / "dangling", "cannot be used"),
    "a link in a loop": (lambda folder: folder / "loop", "loop"),
    "a name that is too long": (lambda folder: folder / ("x" * 300), "name too long"),
    "a name with a NUL": (lambda folder: str(folder) + "/study\0.db", "null"),
}


@pytest.mark.parametrize(("place", "words"), PLACES.values(), ids=PLACES)
def test_a_place_that_holds_no_file_gets_one_sentence(tmp_path, place, words):
    (tmp_path / "note").write_text("x")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone" / "study.db")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = contents_of_links(tmp_path)
    for call in (lambda: Study.open(place(tmp_path)), lambda: run(study(storage=place(tmp_path)))):
        said = sentence_of(call)
    assert words in said.lower() or words in said
    assert contents_of_links(tmp_path) == before


def contents_of_links(folder):
    return sorted((one.name, one.is_symlink()) for one in folder.iterdir())


def test_a_link_to_a_study_is_that_study(tmp_path, good):
    (tmp_path / "real.db").write_bytes(good)
    (tmp_path / "study.db").symlink_to(tmp_path / "real.db")
    assert Study.open(tmp_path / "study.db").n_complete == 6


def elsewhere(code, *arguments, **options):
    """Run code in a process of its own; its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


NOBODY = """
import os, sys
from pathlib import Path
from augmentlab.study.storage import Storage
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
for path in sys.argv[1:]:
    for write in (False, True):
        try:
            with Storage(path, write=write) as store:
                print(len(store.studies()))
        except OSError as error:
            print(type(error).__name__, error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="no users as on Unix")
def test_who_may_only_read_reads_and_is_told_when_writing(good):
    rights = [(0o444, 0o755), (0o644, 0o555), (0o000, 0o755)]
    with tempfile.TemporaryDirectory(dir="/tmp") as place:  # pytest's own folders are closed to others
        Path(place).chmod(0o755)
        paths = [Path(place) / str(number) / "study.db" for number in range(len(rights))]
        for path, (file, folder) in zip(paths, rights, strict=True):
            path.parent.mkdir()
            path.write_bytes(good)
            path.chmod(file)
            path.parent.chmod(folder)
        said = elsewhere(NOBODY, *paths).splitlines()
        for path in paths:
            path.parent.chmod(0o755)
            path.chmod(0o644)
            assert contents(path.parent).keys() == {"study.db"}
            assert path.read_bytes() == good
    assert said[0] == said[2] == "1"
    assert "cannot be used: unable to open database file" in said[4]
    for one in said[1::2]:
        assert one.startswith("PermissionError storage must be a file that can be written; ")


def test_a_file_that_another_program_holds_is_waited_for_and_then_named(tmp_path, good, monkeypatch):
    path = tmp_path / "study.db"
    path.write_bytes(good)
    monkeypatch.setattr("augmentlab.study.storage._TIMEOUT", 0.1)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "cannot be used: database is locked" in sentence_of(lambda: Study.open(path), OSError)
        assert "cannot be used: database is locked" in sentence_of(lambda: run(study(storage=path)), OSError)
        other.execute("ROLLBACK")
    assert path.read_bytes() == good
    assert Study.open(path).n_complete == 6


FULL = """
import resource, signal, sys, numpy as np
from augmentlab.study.storage import Storage, Trial, now
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, stored = sys.argv[1], 0
with Storage(path, write=True) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        for number in range(10_000):
            store.save_trials([Trial(key=str(number), arm="a" * 500, draw=number, part="validation", state="complete",
                hits=np.ones(800, bool), images=800, started=now(), seconds=0.0, value=1.0)])
            stored = number
    except OSError as error:
        print(type(error).__name__, error, sep="|")
print(stored)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of resources")
def test_a_full_disk_is_named_and_what_was_stored_stays(tmp_path):
    path = tmp_path / "study.db"
    said, stored = elsewhere(FULL, path).splitlines()
    kind, _, words = said.partition("|")
    assert kind == "OSError"
    assert words.startswith(f"storage '{path}' cannot be used: ")
    with Storage(path, write=True) as store:
        assert set(map(str, range(int(stored) + 1))) <= set(store.states(map(str, range(10_000))))
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_may_not_grow_is_named(tmp_path, good):
    path = tmp_path / "study.db"
    path.write_bytes(good)
    with Storage(path, write=True) as store:
        store._connection.execute("PRAGMA max_page_count = 1")  # the least it can be is what there is
        said = sentence_of(lambda: store.save_artifact(store.studies()[0][0], "sample", "x", bytes(10**6)), OSError)
        assert "cannot be used: database or disk is full" in said
    assert Study.open(path).n_complete == 6


def test_names_are_values_and_never_part_of_a_statement(tmp_path):
    quoted = "'); DROP TABLE trial; --"
    images, labels = pictures()
    given = Dataset(images, [quoted if label else '" OR 1=1' for label in labels], name=quoted)
    path = tmp_path / "study.db"
    run(study({quoted: Invert(), '"; DELETE FROM study; --': HorizontalFlip()}, given, storage=path, name=quoted))
    one = Study.open(path, quoted)
    assert one.name == quoted
    assert one.labels == [quoted, '"; DELETE FROM study; --']
    assert one.n_complete == one.n_trials
    assert "it holds" in sentence_of(lambda: Study.open(path, "x' OR '1'='1"), ValueError)


@pytest.mark.filterwarnings("ignore:.*draws")
def test_a_class_with_a_name_that_is_no_text_is_studied_and_written(tmp_path):
    images, labels = pictures()
    classes = ("caf\udce9", "tea")  # a folder named on a system without UTF-8
    path = tmp_path / "study.db"
    run(study(given=Dataset(images, labels, classes=classes), storage=path))
    one = Study.open(path)
    assert one.spec["classes"] == list(classes)
    assert "caf?" in report.page(one)
    lines = one.to_jsonl(tmp_path / "study.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["spec"]["classes"] == list(classes)
    assert "caf\\udce9" in lines[0]


# --- labels --------------------------------------------------------------------------------------------------------------


class Silent:
    """What cannot be printed."""

    def __repr__(self):
        raise RuntimeError("no")


class Loose:
    """What says it can be hashed and cannot."""

    def __hash__(self):
        raise RuntimeError("no")


MISSING = "is missing"
LABELS = {
    "None": (["a", None], f"labels[1] {MISSING} (None)"),
    "nan": ([0.0, float("nan")], f"labels[1] {MISSING} (nan)"),
    "nan of NumPy": (np.array([np.nan, 1.0]), f"labels[0] {MISSING} (nan)"),
    "no time": (np.array(["2020-01-01", "NaT"], "datetime64[D]"), f"labels[1] {MISSING} (None)"),
    "None in objects": (np.array(["a", None], object), f"labels[1] {MISSING} (None)"),
    "lists": ([[1], [2]], "labels[0] must be a number or a string; got [1]"),
    "sets": ([{1}, {2}], "labels[0] must be a number or a string; got {1}"),
    "dicts": ([{}, {}], "labels[0] must be a number or a string; got {}"),
    "arrays": ([np.zeros(2), np.ones(2)], "labels[0] must be a number or a string; got array([0., 0.])"),
    "deep lists": ([nested(DEEP), 1], "labels[0] must be a number or a string; got a value of type list"),
    "a masked value": (np.ma.array([1, 2], mask=[0, 1]), "labels[1] must be a number or a string; got masked"),
    "no text": ([Silent(), 1], "labels[0] must be a number or a string; got a value of type Silent"),
    "no hash": ([Loose(), 1], "labels[0] must be a number or a string; got"),
    "thousands of digits": ([10**5000, 1], "labels[0] must be a number or a string; got a value of type int"),
    "too few": (["a"], "labels must have one entry for each of the 2 images; got 1"),
    "too many": (["a", "b", "c"], "labels must have one entry for each of the 2 images; got 3"),
    "none": ([], "labels must have one entry for each of the 2 images; got 0"),
    "an empty array": (np.array([]), "labels must have one entry for each of the 2 images; got 0"),
    "a text": ("ab", "labels must be a sequence with one entry for each of the 2 images; got 'ab'"),
    "bytes": (b"ab", "labels must be a sequence with one entry for each of the 2 images; got b'ab'"),
    "a number": (5, "labels must be a sequence with one entry for each of the 2 images; got 5"),
    "a number of NumPy": (np.array(3), "labels must have shape (2,); got shape ()"),
    "one-hot": (
        np.eye(2),
        "labels must have shape (2,); got shape (2, 2) (for one-hot labels pass labels.argmax(axis=1))",
    ),
}
OPTIONS = {
    "no sequence of classes": ({"classes": 5}, "classes must be a sequence of names; got 5"),
    "a text of classes": ({"classes": "ab"}, "classes must be a sequence of names; got 'ab'"),
    "no class": ({"classes": []}, "classes must be different names, at least one; got ()"),
    "long classes twice": ({"classes": ["x" * 10**6] * 2}, "classes must be different names, at least one; got ('xxx"),
    "an index too large": ({"classes": ["a"]}, "labels[1] must be an index into the 1 class, in [0, 0]; got 1"),
    "a negative index": ({"labels": [-1, 0], "classes": ["a"]}, "labels[0] must be an index into the 1 class"),
    "a huge index": ({"labels": [10**400, 0], "classes": ["a"]}, "labels[0] must be an index into the 1 class"),
    "long classes": (
        {"labels": ["z" * 10**6, "y"], "classes": ["x" * 10**6]},
        "labels[0] must be one of the classes 'xxx",
    ),
    "many long classes": (
        {"labels": ["z", "y"], "classes": [f"{i}" * 500 for i in range(9999)]},
        "labels[0] must be one",
    ),
    "groups of nothing": ({"groups": [None, 1]}, "groups[0] is missing (None)"),
    "too few groups": ({"groups": [1]}, "groups must have one entry for each of the 2 images; got 1"),
    "masks": ({"masks": 5}, "masks must be a sequence with one entry for each of the 2 images; got 5"),
    "too few boxes": ({"boxes": [None]}, "boxes must have one entry for each of the 2 images; got 1"),
}


@pytest.mark.parametrize(
    ("options", "words"),
    [({"labels": labels}, words) for labels, words in LABELS.values()] + list(OPTIONS.values()),
    ids=[*LABELS, *OPTIONS],
)
def test_labels_that_are_none_get_one_sentence(options, words):
    options = {"images": np.zeros((2, 4, 4), np.uint8), "labels": [0, 1]} | options
    assert words in sentence_of(lambda: Dataset(**options), (TypeError, ValueError))


KEPT = {
    "bools": ([True, False], ("False", "True")),
    "floats": ([2.5, 1.5], ("1.5", "2.5")),
    "infinity": ([np.inf, 1.0], ("1.0", "inf")),
    "mixed": ([2, "a"], ("2", "a")),
    "equal numbers are one class": ([1, 1.0], ("1",)),
    "a number and its text are one class": ([1, "1"], ("1",)),
    "tuples": ([(1, 2), (0, 1)], ("(0, 1)", "(1, 2)")),
    "an empty text": (["", "a"], ("", "a")),
    "blanks": ([" ", "  "], (" ", "  ")),
    "lines": (["a\nb", "c"], ("a\nb", "c")),
    "HTML": ([MARK, "b"], (MARK, "b")),
    "controls": (["\0", "\x1b[2J"], ("\0", "\x1b[2J")),
    "a surrogate": (["\ud800", "a"], ("a", "\ud800")),
    "long": (["x" * 10**6, "a"], ("a", "x" * 10**6)),
}


@pytest.mark.parametrize(("labels", "classes"), KEPT.values(), ids=KEPT)
def test_odd_labels_are_kept_as_they_are(labels, classes):
    given = Dataset(np.zeros((2, 4, 4), np.uint8), labels)
    assert given.classes == classes
    assert given.fingerprint
    assert [given.classes[code] for code in given.labels] == [*map(str, labels)] or len(classes) == 1


STUDIED = {
    "one class": (["a"] * 48, "a study needs at least 2 classes"),
    "a class of one image": (["a"] * 47 + ["b"], "class 'b' has 1 image; a study needs at least 3 of each class"),
    "a measurement": (np.arange(48), "labels must be classes; got 48 different values for 48 images"),
    "all different": ([f"c{i}" for i in range(48)], "a study needs at least 3 of each class"),
}


@pytest.mark.parametrize(("labels", "words"), STUDIED.values(), ids=STUDIED)
def test_a_study_says_which_labels_it_cannot_use(labels, words):
    assert words in sentence_of(lambda: study(given=Dataset(pictures()[0], labels)), ValueError)


def test_ten_thousand_classes_are_counted_and_named_shortly():
    given = Dataset(np.zeros((10_000, 2, 2), np.uint8), [f"class {i}" for i in range(10_000)])
    assert len(given.classes) == 10_000
    assert len(repr(given)) < 400
    assert len(sentence_of(lambda: study(given=given), ValueError)) < 300


def test_a_name_of_a_stranger_says_nothing_to_the_terminal():
    escape = "\x1b]0;hacked\x07"
    images, labels = pictures()
    given = Dataset(images, [f"{label}{escape}" for label in labels], name=escape)
    one = run(study({f"a{escape}": Invert(), "b": HorizontalFlip()}, given, name=escape))
    explorer = explore(given, Invert())
    wrong = [
        lambda: one.arm(escape),
        lambda: one.confirm("control"),
        one.confirm,
        lambda: setattr(explorer, "only", escape),
    ]
    said = [repr(given), repr(one), one.summary(), *map(sentence_of, wrong)]
    explorer.close()
    assert not [text for text in said if "\x1b" in text or "\x07" in text]


# --- transforms, models and functions of users -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, repr=False)
class Mine(PixelTransform):
    """Do what the last test asked for."""

    does = staticmethod(lambda image: image)

    def apply_image(self, image):
        return Mine.does(image)


@dataclass(frozen=True, kw_only=True, repr=False)
class MyCurve(PointTransform):
    """As `Mine`."""

    does = staticmethod(lambda x: x)

    def curve(self, x):
        return MyCurve.does(x)


@dataclass(frozen=True, kw_only=True, repr=False)
class MyMap(GeometricTransform):
    """As `Mine`."""

    does = staticmethod(lambda _: np.eye(3))

    def coordinate_map(self, shape):
        return MyMap.does(shape)


def raising(error):
    def raises(_):
        raise error

    return raises


def written(array):
    array[...] = 1
    return array


GIVES = "Mine.apply_image must return an array; got "
KEEPS = "Mine.apply_image must keep shape (8, 8) and dtype "
REAL = "must return real numbers without NaN; got "
RETURNED = {
    "nothing": (Mine, lambda _: None, GIVES + "NoneType"),
    "a list": (Mine, lambda image: image.tolist(), GIVES + "list"),
    "a number": (Mine, lambda image: image[0, 0], GIVES),
    "another shape": (Mine, lambda image: image[:3], KEEPS),
    "a channel more": (Mine, lambda image: image[..., None], KEEPS),
    "wide integers": (Mine, lambda image: image.astype(np.int64), KEEPS),
    "bools": (Mine, lambda image: image > 0, KEEPS),
    "objects": (Mine, lambda image: image.astype(object), "Mine.apply_image " + REAL),
    "complex numbers": (Mine, lambda image: image * 1j, "Mine.apply_image " + REAL),
    "nan": (Mine, lambda image: image * np.float32("nan"), "Mine.apply_image " + REAL),
    "one nan": (Mine, lambda image: np.where(np.arange(8) == 3, np.nan, image), "Mine.apply_image " + REAL),
    "a written input": (Mine, written, "read-only"),
    "a curve of nothing": (MyCurve, lambda _: None, "MyCurve.curve " + REAL),
    "a curve of text": (MyCurve, lambda _: "x", "MyCurve.curve " + REAL),
    "a curve of nan": (MyCurve, lambda x: x * np.nan, "MyCurve.curve " + REAL),
    "a curve of another shape": (MyCurve, lambda _: np.zeros((3, 5)), "MyCurve.curve must keep the shape"),
    "a written curve": (MyCurve, written, "read-only"),
    "no map": (
        MyMap,
        lambda _: None,
        "MyMap.coordinate_map must return finite numbers, (3, 3) or (8, 8, 2); got NoneType",
    ),
    "a small map": (MyMap, lambda _: np.eye(2), "MyMap.coordinate_map must return finite numbers"),
    "a map of another shape": (MyMap, lambda _: np.zeros((5, 5, 2)), "MyMap.coordinate_map must return finite numbers"),
    "a map of nan": (MyMap, lambda _: np.full((3, 3), np.nan), "MyMap.coordinate_map must return finite numbers"),
    "an infinite map": (MyMap, lambda _: np.full((8, 8, 2), np.inf), "MyMap.coordinate_map must return finite numbers"),
    "a map of objects": (MyMap, lambda _: np.eye(3, dtype=object), "MyMap.coordinate_map must return finite numbers"),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(("cls", "does", "words"), RETURNED.values(), ids=RETURNED)
def test_what_a_users_class_may_not_return_is_named_and_the_image_stays(monkeypatch, cls, does, words, dtype):
    monkeypatch.setattr(cls, "does", staticmethod(does))
    image = (
        (np.arange(64).reshape(8, 8) / 64).astype(dtype)
        if dtype == np.float32
        else np.arange(64, dtype=dtype).reshape(8, 8)
    )
    before = image.copy()
    assert words in sentence_of(lambda: cls().apply(image), (TypeError, ValueError))
    assert words in sentence_of(lambda: Compose([HorizontalFlip(), cls()]).apply(image), (TypeError, ValueError))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("cls", [Mine, MyCurve])
def test_what_a_users_class_returns_can_be_written_to(cls):
    image = np.zeros((8, 8), np.float32)
    assert cls().apply(image).flags.writeable


def test_a_kept_reference_cannot_be_written_through(monkeypatch):
    held = []
    monkeypatch.setattr(Mine, "does", staticmethod(lambda image: held.append(image) or image.copy()))
    image = np.zeros((8, 8), np.uint8)
    Mine().apply(image)
    assert not held[0].flags.writeable


class Unsayable(Exception):  # noqa: N818
    """An error whose text is one."""

    def __str__(self):
        raise RuntimeError("no")


RAISED = {
    "an error": (RuntimeError("why\nnot \x1b[2J"), "RuntimeError: why\nnot \N{REPLACEMENT CHARACTER}[2J"),
    "a long one": (ValueError("x" * 10**6), "ValueError: " + "x" * 2000),
    "one that cannot be said": (Unsayable(), "Unsayable: it cannot say what"),
    "too little memory": (MemoryError(), "MemoryError: "),
    "too deep": (RecursionError("deep"), "RecursionError: deep"),
    "the end of a generator": (StopIteration(3), "StopIteration: 3"),
    "HTML": (KeyError(MARK), "KeyError: "),
}


@pytest.mark.parametrize(("error", "words"), RAISED.values(), ids=RAISED)
def test_what_a_users_class_raises_is_the_result_of_that_trial(monkeypatch, error, words):
    monkeypatch.setattr(Mine, "does", staticmethod(raising(error)))
    one = run(study({"mine": Mine(), "dark": Invert()}))
    trials = one.to_frame()
    mine = trials[trials["state"] == "failed"]
    assert set(mine["arm"]) == {"mine"}
    assert all(said.startswith(words) and len(said) < 2100 for said in mine["message"])
    assert one.n_complete == 4
    with pytest.raises(type(error)):
        Mine().apply(np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize("case", ["a long one", "one that cannot be said", "HTML"])
def test_what_a_users_class_raises_is_said_in_a_few_words_in_every_view(monkeypatch, case):
    error, words = RAISED[case]
    given = Dataset(*pictures())
    one = run(study({"mine": Mine()}, given))
    broken = Compose([Mine(), Rotate(angle=uniform(-20, 20))])
    explorer, checked = explore(given, broken), label_check(given, broken, rows=2, columns=2, size=16)
    numbers = itertools.count()
    monkeypatch.setattr(Mine, "does", staticmethod(lambda x: raising(error)(x) if next(numbers) % 2 else x))
    checked.next_page()
    said = checked.view.error
    assert "is left out: " in said
    assert len(said) < 2 * 2200
    monkeypatch.setattr(Mine, "does", staticmethod(raising(error)))
    for view, change in ((explorer, lambda: setattr(explorer, "seed", 7)), (checked, checked.next_page)):
        with contextlib.suppress(type(error)):  # which is raised where nobody looks at a page
            change()
        assert view.view.error.startswith(words)
        assert len(view.view.error) < 2100
        view.close()
    page = report.page(one)
    assert "Not drawn: " in page
    assert len(page) < 200_000
    assert words.partition(": ")[2] in page
    assert len(studypictures.grid(one, "mine")["error"]) < 2100


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), BaseException("x")], ids=repr)
def test_what_is_no_exception_ends_the_run_and_what_is_finished_stays(tmp_path, monkeypatch, error):
    monkeypatch.setattr(Mine, "does", staticmethod(raising(error)))
    path = tmp_path / "study.db"
    with pytest.raises(type(error)):
        run(study({"dark": Invert(), "mine": Mine()}, storage=path))
    assert Study.open(path).n_failed == 0
    monkeypatch.undo()
    again = run(study({"dark": Invert(), "mine": Mine()}, storage=path))
    assert again.n_complete == again.n_trials


def test_an_interrupt_inside_a_users_class_is_one(monkeypatch, capsys):
    monkeypatch.setattr(Mine, "does", staticmethod(raising(KeyboardInterrupt())))
    one = run(study({"mine": Mine()}))
    assert one.interrupted
    assert one.n_failed == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Rotate(angle=lambda: 5), "Rotate.angle must be float in [-180, 180] deg; got <function"),
        (lambda: Rotate(angle=Silent()), "Rotate.angle must be float in [-180, 180] deg; got a value of type Silent"),
        (
            lambda: Rotate(angle=np.random.default_rng(0)),
            "Rotate.angle must be float in [-180, 180] deg; got Generator",
        ),
        (lambda: Rotate(border=print), "Rotate.border must be one of"),
        (lambda: Compose([print]), "Compose.steps[0] must be a Transform; got <built-in function print>"),
        (lambda: Compose([Silent()]), "Compose.steps[0] must be a Transform; got a value of type Silent"),
        (lambda: study({"a": print}), ""),
        (lambda: study(metric=lambda *_: 1.0), "metric must be a named function"),
    ],
)
def test_functions_in_place_of_values_get_one_sentence(make, words):
    assert words in sentence_of(make, (TypeError, ValueError))


def fit(images, labels, rng):
    """A model that predicts what the last test asked for."""
    return lambda images: fit.predicts[: len(images)] if np.ndim(fit.predicts) else fit.predicts


@pytest.mark.parametrize(
    "predicts",
    [None, "a", [0.5] * 48, [9] * 48, np.zeros((48, 2)), [True], [np.nan] * 48, [-1] * 48],
    ids=lambda one: repr(one)[:12],
)
def test_a_model_that_predicts_something_else_is_a_failed_trial(monkeypatch, predicts):
    monkeypatch.setattr(fit, "predicts", predicts, raising=False)
    options = {"draws": 2, "train_size": 10, "copies": 1, "trivial": False, "storage": ":memory:"}
    one = Study(Dataset(*pictures()), fit, {"dark": Invert()}, **options)
    with contextlib.suppress(RuntimeError):  # where nothing succeeds, run says so
        run(one)
    assert one.n_complete == 0
    assert one.n_failed == 4
    assert set(one.to_frame()["message"].str.contains("predict must give|must return one label for each")) == {True}


# --- HTML ----------------------------------------------------------------------------------------------------------------


class Injected(HTMLParser):
    """Finds what came from a name: an image called x, a handler, a text that a script would read."""

    def __init__(self, text):
        super().__init__()
        self.said, self._script = [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert given.get("src") != "x"
        assert not [name for name in given if name.startswith("on")]
        for name in ("src", "href", "action", "srcset", "data"):
            assert (given.get(name) or "#").startswith(("#", "data:image/"))
        self._script = tag in ("script", "style")

    def handle_endtag(self, tag):  # noqa: ARG002
        self._script = False

    def handle_data(self, data):
        if self._script:
            assert "<img src=x" not in data
        else:
            self.said.append(data)


def displayed(monkeypatch, widget):
    """The static twins that a notebook would keep."""
    kept = []
    for name in ("show", "update"):
        monkeypatch.setattr(twin, name, lambda _widget, _name, content: kept.append(content))
    widget._ipython_display_()
    if isinstance(widget, StudyView):
        widget.refresh()
    widget.close()
    return "".join(kept)


def explored(_monkeypatch, tmp_path, given):
    explorer = explore(given, Rotate(angle=uniform(-20, 20)))
    path = explorer.export_html(tmp_path / "page.html", frames=3)
    explorer.close()
    return path.read_text(encoding="utf-8")


PAGES = {
    "report": lambda _monkeypatch, _path, given: report.page(broken_study(given)),
    "view of a study": lambda monkeypatch, _path, given: displayed(monkeypatch, StudyView(broken_study(given))),
    "explorer": lambda monkeypatch, _path, given: displayed(monkeypatch, explore(given, Rotate(angle=uniform(-9, 9)))),
    "page of the explorer": explored,
    "label check": lambda monkeypatch, _path, given: displayed(
        monkeypatch, label_check(given, Rotate(angle=uniform(-20, 20)), rows=2, columns=2, size=16)
    ),
}


def broken_study(given):
    return run(study({MARK: Invert(), "broken": Mine()}, given, name=MARK))


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_names_stay_text_in_every_page(monkeypatch, tmp_path, page):
    monkeypatch.setattr(Mine, "does", staticmethod(raising(ValueError(MARK))))
    images, labels = pictures()
    given = Dataset(
        images, [f"{MARK}{'</script><script>alert(2)</script>' if label else '</td>'}" for label in labels], name=MARK
    )
    text = page(monkeypatch, tmp_path, given)
    said = "".join(Injected(text).said)
    if page in (PAGES["report"], PAGES["view of a study"]):  # the others name no class in their text
        assert MARK in said


# --- fuzz: whatever JSON holds -----------------------------------------------------------------------------------------------

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["uniform", "choice", "os:system", "Rotate", "edge", "\ud800", 10**400, -1e999])
)  # fmt: skip
KEYS = st.sampled_from(
    ["transform", "schema_version", "steps", "weights", "n", "p", "angle", "border", "uniform", "integers", "choice", "loguniform"]
) | st.text(max_size=4)  # fmt: skip


def layered(keys, levels=3):
    """JSON of a few levels."""
    inner = SCALARS
    for _ in range(levels):
        inner = SCALARS | st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
    return inner


VALUES = layered(KEYS)
CLASSES = sorted({*transforms.__all__, "Compose", "OneOf", "SomeOf", "RandomOrder", "Blend"})


@st.composite
def nearly_documents(draw, depth=2):
    """What is a pipeline but for a part or two."""
    name = draw(st.sampled_from(CLASSES))
    fields = {"transform": name}
    if name in {"Compose", "OneOf", "SomeOf", "RandomOrder", "Blend"}:
        fields["steps"] = draw(st.lists(nearly_documents(depth - 1), max_size=3)) if depth else draw(VALUES)
    else:
        for one in parameters(getattr(transforms, name)):
            if draw(st.integers(0, 3)) == 0:
                ends = st.sampled_from(
                    [one.low, one.high, 0, one.default if isinstance(one.default, (int, float, str)) else 1]
                )
                pair = st.lists(ends, min_size=1, max_size=3)
                drawn = st.builds(
                    lambda kind, values: {kind: values},
                    st.sampled_from(["uniform", "integers", "choice", "loguniform"]),
                    pair,
                )
                fields[one.name] = draw(ends | drawn | VALUES | st.sampled_from(one.choices or ("",)))
    if draw(st.integers(0, 9)) == 0:
        fields[draw(KEYS)] = draw(VALUES)
    return fields


def reads(document):
    """A pipeline that can be written down and read again, or one sentence."""
    with quiet():
        try:
            one = from_dict(document)
        except (TypeError, ValueError) as error:
            said = str(error)
            assert said
            assert len(said) < 600
            assert all(letter.isprintable() for letter in said), said
            return False
        assert from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False))) == one
    return True


@FUZZ
@given(VALUES)
def test_whatever_json_holds_is_a_pipeline_or_one_sentence(value):
    reads(value)
    reads({"schema_version": 1, "transform": "Compose", "steps": value})
    reads({"schema_version": 1} | value if isinstance(value, dict) else document(angle=value))


@FUZZ
@given(nearly_documents())
def test_what_is_nearly_a_pipeline_is_one_or_one_sentence(value):
    reads({"schema_version": 1, **value})


GOOD = json.dumps(
    document("Compose", steps=[{"transform": "Rotate", "angle": {"uniform": [-15, 15]}, "p": 0.5}, {"transform": "OneOf", "steps": [FLIP, {"transform": "Posterize", "bits": 3}], "weights": [1, 2]}])
)  # fmt: skip


@FUZZ
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(GOOD)), st.integers(0, 3), st.text('"[]{},:0123456789eE-.NaIu \0\x1b\ud800', max_size=3)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_text_that_was_tampered_with_is_a_pipeline_or_one_sentence(edits):
    text = GOOD
    for place, gone, put in edits:
        text = text[:place] + put + text[place + gone :]
    try:
        value = parse(text)
    except ValueError:
        return
    reads(value)


MARKS = labelcheck.to_json(
    labelcheck.Deck(pipeline=Rotate(angle=uniform(-9, 9)), names=("a", "b"), classes=("x", "y")), labelcheck.Marks()
)


@FUZZ
@given(st.dictionaries(st.sampled_from([*json.loads(MARKS), "more"]), VALUES, max_size=3))
def test_marks_with_any_value_are_read_or_refused_in_one_sentence(changes):
    text = json.dumps(json.loads(MARKS) | changes)
    with contextlib.suppress(TypeError, ValueError):
        labelcheck.from_json(text, ["a", "b"], ["x", "y"])


@FUZZ
@given(
    layered(st.sampled_from(["__class_fullname__", "transforms", "p", "limit", "transform"])),
    st.sampled_from(["Rotate", "HorizontalFlip", "Compose", "OneOf", "GaussianBlur", "Affine", "Normalize", "x"]),
)
def test_whatever_albumentations_would_write_is_read_or_refused(value, name):
    fields = (
        value
        if isinstance(value, dict)
        else {"transforms": value, "limit": value, "p": 1.0, "blur_limit": value, "scale": value}
    )
    with quiet(), contextlib.suppress(TypeError, ValueError):
        from_albumentations({"transform": {"__class_fullname__": name, **fields}})

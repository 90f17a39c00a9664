"""The base classes: what a user's own class gets, call forms, randomness, documents."""

import copy
import dataclasses
import importlib.util
import json
import pickle
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from annotated_types import Interval

from augmentlab import (
    Brightness,
    Compose,
    Gamma,
    GaussianBlur,
    GaussianNoise,
    GeometricTransform,
    HorizontalFlip,
    Invert,
    Normalize,
    PixelTransform,
    PointTransform,
    Posterize,
    Rotate,
    Sample,
    Standardize,
    Transform,
    from_dict,
    geometry,
    integers,
    uniform,
)
from augmentlab.params import Typical, Unit
from augmentlab.streams import generator
from augmentlab.transform import parameter_named

IMAGE = np.random.default_rng(0).integers(0, 256, (9, 12, 3)).astype(np.uint8)


# ---------------------------------------------------------------- a user's own classes, one on each base


@dataclass(frozen=True, kw_only=True)
class Slide(GeometricTransform):
    """Shift to the right."""

    by: Annotated[float, Interval(ge=-100, le=100), Typical(-5, 5), Unit("px"), "How far."] = 0.0

    def coordinate_map(self, shape):  # noqa: ARG002
        return geometry.shift(-self.by, 0)


@dataclass(frozen=True, kw_only=True)
class Fade(PointTransform):
    """Toward white."""

    amount: Annotated[float, Interval(ge=0, le=1), Typical(0, 0.5), "How much."] = 0.0

    def curve(self, x):
        return x + (1 - x) * self.amount


@dataclass(frozen=True, kw_only=True)
class Boost(PixelTransform):
    """Add the image to itself, in floats beyond white."""

    times: Annotated[int, Interval(ge=0, le=5), Typical(0, 2), "How often."] = 0

    def apply_image(self, image):
        return image if self.times == 0 else image.astype(np.float64) / 255 * (1 + self.times)


class Undecorated(PointTransform):
    """Forgot the decorator."""

    amount: Annotated[float, Interval(ge=0, le=1), Typical(0, 0.5), "How much."] = 0.0


OWN = [Slide, Fade, Boost]


@pytest.mark.parametrize("cls", OWN, ids=lambda cls: cls.__name__)
def test_an_own_transform_is_one_like_ours(cls):
    typical = cls.typical(p=0.5)
    assert eval(repr(typical)) == typical
    assert typical == pickle.loads(pickle.dumps(typical)) == copy.deepcopy(typical)
    assert typical.to_dict()["transform"] == f"{__name__}:{cls.__name__}"
    assert from_dict(json.loads(json.dumps(typical.to_dict()))) == typical
    scope = {}
    exec(typical.code(), scope)
    assert scope["pipeline"] == typical
    assert f"from {__name__} import {cls.__name__}" in typical.code()
    assert cls().is_identity
    assert np.array_equal(cls()(IMAGE), IMAGE)
    assert cls.typical().scaled(0).is_identity
    assert not np.array_equal(cls.typical()(IMAGE, rng=1), IMAGE)
    assert "Parameters\n----------\n" in cls.__doc__
    both = Compose([HorizontalFlip(), typical])
    assert from_dict(both.to_dict()) == both
    assert both(IMAGE, rng=3).shape == IMAGE.shape


def test_what_the_bases_do_for_an_own_class():
    moved = Slide(by=3)(Sample(IMAGE, mask=IMAGE[..., 0], boxes=[[0, 0, 2, 2]], keypoints=[[1, 1]]))
    assert np.array_equal(moved.image[:, 3:], IMAGE[:, :-3])
    assert np.array_equal(moved.mask[:, 3:], IMAGE[:, :-3, 0])
    assert moved.boxes.tolist() == [[3, 0, 5, 2]]
    assert moved.keypoints.tolist() == [[4, 1]]
    assert Fade(amount=1)(IMAGE).min() == 255
    assert np.array_equal(Boost(times=1)(IMAGE), np.clip(IMAGE.astype(int) * 2, 0, 255))


def test_a_class_inside_a_function():
    @dataclass(frozen=True, kw_only=True)
    class Local(PointTransform):
        """Darker."""

        by: Annotated[float, Interval(ge=0, le=1), Typical(0, 0.5), "How much."] = 0.0

        def curve(self, x):
            return x - self.by

    transform = Local(by=uniform(0, 0.5))
    assert repr(transform) == "Local(by=uniform(0, 0.5))"
    document = json.loads(json.dumps(transform.to_dict()))
    assert document["transform"] == f"{__name__}:test_a_class_inside_a_function.<locals>.Local"
    assert from_dict(document, classes=[Local]) == transform
    with pytest.raises(ValueError, match="module:QualName of a loaded subclass of Transform; got "):
        from_dict(document)


def test_a_class_that_adds_no_parameter_needs_no_decorator():
    class Mirror(HorizontalFlip):
        pass

    assert np.array_equal(Mirror(p=1)(IMAGE), IMAGE[:, ::-1])
    assert repr(Mirror(p=0.5)) == "Mirror(p=0.5)"


MODULE = '''
"""A module whose annotations are strings."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from augmentlab import PointTransform
from augmentlab.params import Typical


@dataclass(frozen=True, kw_only=True)
class Tint(PointTransform):
    """Brighter."""

    by: Annotated[float, Interval(ge=0, le=1), Typical(0, 0.5), "How much."] = 0.0

    def curve(self, x):
        return x + self.by
'''


def test_a_module_with_postponed_annotations(tmp_path, monkeypatch):
    (tmp_path / "tinting.py").write_text(MODULE)
    spec = importlib.util.spec_from_file_location("tinting", tmp_path / "tinting.py")
    document = {"schema_version": 1, "transform": "tinting:Tint", "by": 0.25}
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="of a loaded subclass"):
        from_dict(document)  # it could be imported, but nothing is imported because a document says so
    assert "tinting" not in sys.modules
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "tinting", module)
    spec.loader.exec_module(module)
    assert from_dict(document) == module.Tint(by=0.25)
    assert module.Tint(by=0.25).to_dict() == document
    assert eval(repr(module.Tint.typical()), {**vars(module), "uniform": uniform}) == module.Tint.typical()
    with pytest.raises(TypeError, match=r"Tint.by must be float in \[0, 1\]; got 'a'"):
        module.Tint(by="a")


def test_a_field_that_is_not_declared_is_refused_since_no_record_would_hold_it():
    @dataclass(frozen=True, kw_only=True)
    class Dim(PixelTransform):
        """Darker."""

        amount: float = 0.0

        def apply_image(self, image):
            return image

    with pytest.raises(TypeError, match=r"Dim\.amount must be declared as Annotated\[float, Interval"):
        Dim(amount=0.2)


def test_rng_is_given_by_name():
    with pytest.raises(TypeError, match="Invert takes one image or Sample, and rng by name; got 0 as well"):
        Invert()(np.zeros((2, 2), np.uint8), 0)


def test_a_forgotten_decorator_is_named():
    sentence = r"Undecorated must be decorated with @dataclass\(frozen=True, kw_only=True\); amount is declared but is no field"
    for make in (Undecorated, lambda: Undecorated(amount=0.5), Undecorated.typical):
        with pytest.raises(TypeError, match=sentence):
            make()


def test_a_bad_declaration_is_named_when_the_class_is_made():
    with pytest.raises(TypeError, match=r"Endless.sigma must have finite bounds"):

        class Endless(PixelTransform):
            """Too free."""

            sigma: Annotated[float, Interval(ge=0), "How much."] = 0.0


@pytest.mark.parametrize("base", [GeometricTransform, PointTransform, PixelTransform])
def test_a_base_that_is_not_filled_in_says_what_is_missing(base):
    with pytest.raises(NotImplementedError, match=rf"{base.__name__} must define \w+\("):
        base()(IMAGE)
    with pytest.raises(TypeError, match="Transform must subclass GeometricTransform, PointTransform or PixelTransform"):
        Transform()(IMAGE)


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (IMAGE[:4], "apply_image must keep shape (9, 12, 3) and dtype uint8; got (4, 12, 3) and uint8"),
        (IMAGE.astype(int), "apply_image must keep shape (9, 12, 3) and dtype uint8; got (9, 12, 3) and int64"),
        ([1, 2], "apply_image must return an array; got list"),
    ],
)
def test_an_own_class_that_returns_something_else_is_told(result, sentence):
    @dataclass(frozen=True, kw_only=True)
    class Wrong(PixelTransform):
        def apply_image(self, image):  # noqa: ARG002
            return result

    with pytest.raises((TypeError, ValueError)) as error:
        Wrong()(IMAGE)
    assert str(error.value) == f"Wrong.{sentence}"


def test_floats_beyond_white_are_clipped_for_every_dtype():
    class Loud(PixelTransform):
        def apply_image(self, image):
            return image * 3.0 - 0.5

    for dtype in (np.float32, np.float64):
        result = Loud()(np.linspace(0, 1, 12, dtype=dtype).reshape(3, 4))
        assert result.dtype == dtype
        assert result.min() == 0
        assert result.max() == 1


# ---------------------------------------------------------------- call forms


def test_the_same_kind_comes_back():
    flip = HorizontalFlip()
    assert np.array_equal(flip(IMAGE), IMAGE[:, ::-1])
    assert isinstance(flip(Sample(IMAGE)), Sample)
    result = flip(
        image=IMAGE, mask=IMAGE[..., 0], bboxes=[[0, 0, 2, 9]], bbox_labels=["cat"], keypoints=[[0, 0]], label=7
    )
    assert list(result) == ["image", "mask", "bboxes", "bbox_labels", "keypoints", "label"]
    assert np.array_equal(result["image"], IMAGE[:, ::-1])
    assert result["bboxes"].tolist() == [[10, 0, 12, 9]]
    assert result["bbox_labels"] == ["cat"]
    assert result["keypoints"].tolist() == [[11, 0]]
    assert result["label"] == 7
    assert flip(image=IMAGE, mask=None)["mask"] is None


def test_all_call_forms_draw_alike():
    noise = GaussianNoise.typical(p=0.9)
    array = noise(IMAGE, rng=(1, 2, 3))
    assert np.array_equal(array, noise(Sample(IMAGE), rng=(1, 2, 3)).image)
    assert np.array_equal(array, noise(image=IMAGE, rng=(1, 2, 3))["image"])
    assert np.array_equal(array, noise.sample((1, 2, 3)).apply(IMAGE))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda t: t(), "Rotate must be called with an image, a Sample, or image=...; got no image"),
        (lambda t: t(rng=0), "Rotate must be called with an image, a Sample, or image=...; got no image"),
        (lambda t: t(mask=IMAGE[..., 0]), "Rotate must be called with an image, a Sample, or image=...; got no image"),
        (lambda t: t(IMAGE, mask=IMAGE), "Rotate takes an image or keywords, not both; got mask as well"),
        (lambda t: t(image=IMAGE, boxes=[]), "Rotate takes the keywords image, mask, heatmap, bboxes, "),
        (lambda t: t([[1, 2]]), "image must be a NumPy array; got list"),
        (lambda t: type(t)(30), "Rotate takes its fields by name (p, angle, border, fill); got 30 without"),
        (lambda t: type(t)(angel=30), "Rotate has no field 'angel'; its fields are p, angle, border, fill"),
    ],
)
def test_a_wrong_call_gets_one_sentence(call, sentence):
    with pytest.raises(TypeError) as error:
        call(Rotate(angle=3))
    assert str(error.value).startswith(sentence)


def test_apply_needs_a_draw():
    for transform in (Rotate(angle=uniform(0, 1)), HorizontalFlip(p=0.5), Compose([HorizontalFlip(p=0.5)])):
        with pytest.raises(ValueError, match="is not drawn yet: call it, or apply what its sample"):
            transform.apply(IMAGE)


def test_transforms_are_frozen_values():
    transform = Rotate(angle=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        transform.angle = 4
    assert dataclasses.replace(transform, angle=4) == Rotate(angle=4)
    assert len({Rotate(angle=3), Rotate(angle=3.0), Rotate(angle=np.float32(3)), Rotate(angle=4)}) == 2
    assert Rotate(angle=3) != Brightness(delta=0.1)


def test_parameter_named():
    assert parameter_named(Rotate, "angle").unit == "deg"
    with pytest.raises(ValueError, match="Rotate has no field 'angel'; its fields are angle, border, fill, p"):
        parameter_named(Rotate(angle=3), "angel")


# ---------------------------------------------------------------- randomness


def test_kinds_of_rng():
    noise = GaussianNoise(std=0.1)
    first = noise(IMAGE, rng=5)
    assert np.array_equal(first, noise(IMAGE, rng=5))
    assert np.array_equal(first, noise(IMAGE, rng=np.int64(5)))
    assert np.array_equal(first, noise(IMAGE, rng=(5,)))
    assert np.array_equal(noise(IMAGE, rng=(5, 0, 1)), noise(IMAGE, rng=[5, 0, 1]))
    assert np.array_equal(noise(IMAGE, rng=(5, 0, 1)), noise(IMAGE, rng=np.array([5, 0, 1])))
    assert not np.array_equal(noise(IMAGE, rng=(5, 0, 1)), noise(IMAGE, rng=(5, 1, 0)))
    assert np.array_equal(first, noise(IMAGE, rng=np.random.default_rng([5])))


def test_a_generator_advances():
    rng = np.random.default_rng(0)
    draws = [Rotate(angle=uniform(0, 1)).sample(rng) for _ in range(5)]
    assert len(set(draws)) == 5
    before = rng.bit_generator.state
    Rotate(angle=3).sample(rng)  # nothing is random, so nothing is drawn
    assert rng.bit_generator.state == before


def test_no_rng_is_fresh_randomness_that_ignores_the_global_seed():
    draws = set()
    for _ in range(3):
        np.random.seed(0)  # noqa: NPY002
        draws.add(Rotate(angle=uniform(0, 1)).sample())
    assert len(draws) == 3


def test_a_forked_worker_does_not_repeat_its_parent():
    script = """
        import os
        from augmentlab import Rotate, uniform
        rotate = Rotate(angle=uniform(0, 1))
        rotate.sample()
        for _ in range(2):
            child = os.fork()
            if child == 0:
                print(rotate.sample(), flush=True)
                os._exit(0)
            os.waitpid(child, 0)
        print(rotate.sample())
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    lines = run.stdout.split("\n")[:3]
    assert all(line.startswith("Rotate(angle=") for line in lines)
    assert len(set(lines)) == 3


@pytest.mark.parametrize(
    "rng", ["0", 1.5, -1, True, (), (1, -2), (1, 2.0), (True,), {1: 2}, np.random.RandomState(0), np.ones((2, 2), int)]
)
def test_a_bad_rng_gets_one_sentence(rng):
    with pytest.raises(
        TypeError, match=r"rng must be an int >= 0, a tuple of such ints, a numpy.random.Generator or None"
    ):
        generator(rng)
    with pytest.raises(TypeError, match="rng must be an int >= 0"):
        HorizontalFlip(p=0.5)(IMAGE, rng=rng)


def test_p_does_not_change_the_values():
    always = Rotate(angle=uniform(0, 1))
    often = Rotate(angle=uniform(0, 1), p=0.7)
    pairs = [(always.sample(seed), often.sample(seed)) for seed in range(40)]
    assert any(one is None for _, one in pairs)
    assert all(other in {None, one} for one, other in pairs)


# ---------------------------------------------------------------- documents and code


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "document must be a dict; got list"),
        ({"transform": "Rotate"}, "schema_version must be 1; got None"),
        ({"schema_version": 2, "transform": "Rotate"}, "schema_version must be 1; got 2"),
        ({"schema_version": True, "transform": "Rotate"}, "schema_version must be 1; got True"),
        ({"schema_version": 1}, "a transform must be a dict with the name of its class under 'transform'; got {}"),
        ({"schema_version": 1, "transform": 3}, "a transform must be a dict with the name of its class"),
        ({"schema_version": 1, "transform": "Rotat"}, "transform must be a class of augmentlab.transforms, or module:"),
        ({"schema_version": 1, "transform": "os:system"}, "transform must be a class of augmentlab.transforms"),
        ({"schema_version": 1, "transform": "builtins:eval"}, "transform must be a class of augmentlab.transforms"),
        ({"schema_version": 1, "transform": ":"}, "transform must be a class of augmentlab.transforms"),
        (
            {"schema_version": 1, "transform": "Rotate", "angle": 200},
            "Rotate.angle must be float in [-180, 180] deg; got 200",
        ),
        ({"schema_version": 1, "transform": "Rotate", "angle": float("nan")}, "Rotate.angle must be finite; got nan"),
        (
            {"schema_version": 1, "transform": "Rotate", "angle": {"normal": [0, 1]}},
            "Rotate.angle must be a value or one of unif",
        ),
        ({"schema_version": 1, "transform": "Rotate", "angle": {"uniform": [1]}}, "Rotate.angle: "),
        ({"schema_version": 1, "transform": "Rotate", "turn": 3}, "Rotate has no field 'turn'"),
        ({"schema_version": 1, "transform": "Compose"}, "Compose.steps must be a list of transforms; got None"),
        ({"schema_version": 1, "transform": "Compose", "steps": [3]}, "a transform must be a dict with the name"),
        ({"schema_version": 1, "transform": "OneOf", "steps": []}, "OneOf.steps must hold at least one transform"),
    ],
)
def test_a_bad_document_gets_one_sentence(document, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        from_dict(document)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_a_document_makes_no_lazy_module_import_anything():
    script = """
        import sys, scipy
        from augmentlab import from_dict
        assert "scipy.datasets" not in sys.modules
        try:
            from_dict({"schema_version": 1, "transform": "scipy:datasets"})
        except ValueError:
            print("scipy.datasets" in sys.modules)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_a_document_nested_without_end_is_refused():
    document = {"transform": "HorizontalFlip"}
    for _ in range(40):
        document = {"transform": "Compose", "steps": [document]}
    with pytest.raises(ValueError, match="nested at most 32 deep"):
        from_dict({"schema_version": 1, **document})


def test_defaults_are_not_written():
    assert Rotate(angle=0).to_dict() == {"schema_version": 1, "transform": "Rotate"}
    assert repr(Rotate(angle=0, p=0.5)) == "Rotate(p=0.5)"
    assert Posterize(bits=integers(3, 4), p=0.5).to_dict() == {
        "schema_version": 1,
        "transform": "Posterize",
        "bits": {"integers": [3, 4]},
        "p": 0.5,
    }


# ---------------------------------------------------------------- inference


def test_the_inference_time_part():
    assert Normalize().deterministic() == Normalize()
    assert Normalize(p=0.5).deterministic() is None
    assert Rotate(angle=3).deterministic() is None
    assert Invert().deterministic() is None


# ---------------------------------------------------------------- writing where the caller says


@pytest.mark.parametrize(
    "pipeline",
    [
        HorizontalFlip(),
        Rotate(angle=20),
        Gamma(gamma=0.7),
        GaussianBlur(sigma=1.0),
        Compose([Rotate(angle=20), Gamma(gamma=0.7)]),
        Compose([Gamma(gamma=0.7), Standardize(mean=(0.5,), std=(0.2,))]),
        Compose([]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_out_is_written_and_returned(pipeline, channels):
    image = np.random.default_rng(0).integers(0, 256, (8, 8, channels), np.uint8)
    expected = pipeline.apply(image)
    out = np.full(expected.shape, 7, expected.dtype)
    assert pipeline.apply(image, out=out) is out
    assert np.array_equal(out, expected)


def test_an_out_that_does_not_fit_gets_one_sentence():
    image = np.zeros((4, 5, 3), np.uint8)
    step = Gamma(gamma=0.7)
    with pytest.raises(
        ValueError, match=r"out must have the result's shape \(4, 5, 3\) and dtype uint8; got \(5, 4, 3\)"
    ):
        step.apply(image, out=np.zeros((5, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r"and dtype uint8; got .* and float32"):
        step.apply(image, out=np.zeros((4, 5, 3), np.float32))
    with pytest.raises(TypeError, match="out must be a writable C-contiguous array; got list"):
        step.apply(image, out=[])
    with pytest.raises(TypeError, match="C-contiguous"):
        step.apply(image, out=np.zeros((3, 5, 4), np.uint8).T)
    with pytest.raises(ValueError, match="out must not share memory"):
        step.apply(image, out=image)
    with pytest.raises(TypeError, match="out must go with an image, an array; got Sample"):
        step.apply(Sample(image), out=image.copy())


def test_code_imports_what_it_uses_and_no_more():
    pipeline = Compose([GaussianNoise(std=uniform(0, 0.1)), Gamma(gamma=0.8)])
    assert pipeline.code().splitlines()[0] == "from augmentlab import Compose, Gamma, GaussianNoise, uniform"
    given = Compose([GaussianNoise(std=0.1, seed=integers(0, 5))])
    assert given.code().splitlines()[0] == "from augmentlab import Compose, GaussianNoise, integers"

"""Libraries side by side: what is compared, and what is said where nothing can be."""

import importlib.util
import sys

import numpy as np
import pytest
from agreement import IMAGES, runnable

from augmentlab import (
    Compose,
    ElasticTransform,
    GaussianNoise,
    Normalize,
    Rotate,
    Standardize,
    compare_frameworks,
    uniform,
)
from augmentlab.interop import TARGETS, scipy
from augmentlab.interop.compare import Comparison, Difference, InFramework

IMAGE = IMAGES["chelsea"]


def test_the_difference_is_in_levels():
    one, other = np.full((2, 2), 10, np.uint8), np.array([[10, 11], [13, 10]], np.uint8)
    assert Difference.between(one, other) == Difference(3.0, 1.0, 0.25)
    floats = Difference.between(np.float32([[0.5]]), np.float32([[0.5 + 2 / 255]]))
    assert floats.maximum == pytest.approx(2)
    assert floats.beyond_one == 1


def test_every_framework_has_a_row():
    runnable("albumentations")
    compared = compare_frameworks(Rotate(angle=7), IMAGE)
    assert [one.name for one in compared.frameworks] == list(TARGETS)
    assert compared["scipy"].difference.maximum == 0
    assert compared["scipy"].image.shape == IMAGE.shape
    assert compared["albumentations"].difference.maximum <= 1
    frame = compared.to_frame()
    assert list(frame["framework"][:2]) == ["Albumentations", "torchvision"]
    assert frame["maximum"].notna().sum() >= 2


def test_a_wrong_result_is_seen(monkeypatch):
    rows = {**scipy.TARGET.rows}
    for operation, row in rows.items():
        if operation.__name__ == "Warp":
            rows[operation] = type(row)(row.call, lambda *_: ["image = image[::-1]"], row.grade, row.cause)
    monkeypatch.setattr(scipy, "TARGET", type(scipy.TARGET)(**vars(scipy.TARGET) | {"rows": rows}))
    (one,) = compare_frameworks(Rotate(angle=7), IMAGE, frameworks=["scipy"]).frameworks
    assert one.difference.maximum > 50
    assert one.difference.beyond_one > 0.5


def test_what_a_framework_cannot_do_is_said():
    elastic, noise = ElasticTransform(alpha=0.05, seed=1), GaussianNoise(std=0.1, seed=1)
    (one,) = compare_frameworks(elastic, IMAGE, frameworks=["scipy"]).frameworks
    assert one.image is None
    assert one.cause.startswith("cannot: ElasticTransform(")
    (one,) = compare_frameworks(noise, IMAGE, frameworks=["scipy"]).frameworks
    assert "own" in one.cause


def test_what_fails_or_is_missing_is_a_row(monkeypatch):
    monkeypatch.setattr("augmentlab.interop.compare.is_installed", lambda _: False)
    assert compare_frameworks(Rotate(angle=7), IMAGE, frameworks=["scipy"])["scipy"].cause == "not installed"
    monkeypatch.undo()

    def broken(*_):
        raise OSError("no such thing")

    monkeypatch.setattr("augmentlab.interop.compare.run", broken)
    one = compare_frameworks(Rotate(angle=7), IMAGE, frameworks=["scipy"])["scipy"]
    assert one.cause == "failed: OSError: no such thing"


def test_what_would_crash_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    one = compare_frameworks(Rotate(angle=7), IMAGE, frameworks=["kornia"])["kornia"]
    assert one.cause.startswith("failed: RuntimeError: PyTorch's triton crashes")


def test_it_is_shown_with_pictures_and_escaped():
    compared = compare_frameworks(Compose([Rotate(angle=7), Normalize()]), IMAGE, frameworks=["scipy"])
    page = compared._repr_html_()
    assert page.count("<img") == 2  # ours and theirs, which differ nowhere
    assert "<b>SciPy</b>" in page
    assert "SciPy" in str(compared)
    with pytest.raises(KeyError, match="framework must be one of scipy; got 'octave'"):
        compared["octave"]


def test_one_value_beyond_the_range_is_a_picture_too():
    flat = np.full((4, 4, 3), 255, np.uint8)
    compared = compare_frameworks(Standardize(mean=(0.1,) * 3, std=(0.1,) * 3), flat, frameworks=["scipy"])
    assert compared._repr_html_().count("<img") == 2


def test_a_difference_is_drawn_where_there_is_one_to_see():
    gray, shown = np.full((4, 4), 100, np.uint8), []
    for away in (0, 1, 2):
        image = gray.copy()
        image[0, 0] += away
        one = InFramework("scipy", "SciPy", (), image, Difference.between(image, gray), "")
        page = Comparison(Rotate(angle=7), gray, gray, (one,))._repr_html_()
        shown.append((page.count("<img"), page.count("<th"), "difference, 16 times" in page))
    assert shown == [(2, 6, False), (2, 6, False), (3, 7, True)]


@pytest.mark.parametrize("image", [IMAGE / 255, np.zeros((4, 4, 4), np.uint8)])
def test_only_uint8_without_alpha_is_compared(image):
    with pytest.raises(ValueError, match="image must be uint8 without alpha"):
        compare_frameworks(Rotate(angle=7), image)


def test_what_is_not_drawn_or_unknown_is_one_sentence():
    with pytest.raises(ValueError, match="transform must be drawn"):
        compare_frameworks(Rotate(angle=uniform(0, 1)), IMAGE)
    with pytest.raises(ValueError, match="target must be one of"):
        compare_frameworks(Rotate(angle=7), IMAGE, frameworks=["caffe"])
    with pytest.raises(TypeError, match=r"frameworks must be a list of names, such as \['scipy'\]; got 'scipy'"):
        compare_frameworks(Rotate(angle=7), IMAGE, frameworks="scipy")
    with pytest.raises(TypeError, match="transform must be a Transform; got None"):
        compare_frameworks(Rotate(angle=7, p=0).sample(0), IMAGE)

"""Drawn pipelines as texts that a person may paste, and values where libraries are known to differ."""

import ast
from dataclasses import dataclass

import numpy as np
import pytest
from agreement import IMAGES, OWN, RARER, draws, exportable, required, runnable

from augmentlab import (
    Brightness,
    CoarseDropout,
    Compose,
    Equalize,
    GaussianBlur,
    GaussianNoise,
    HueSaturation,
    Invert,
    Resize,
    Rotate,
    Standardize,
    Swirl,
    Transpose,
    engine,
)
from augmentlab.bases import GeometricTransform
from augmentlab.interop import TARGETS, ExportError, export, target
from augmentlab.interop.explicit import array
from augmentlab.interop.lowering import Part, lower
from augmentlab.interop.operations import Resizing, Separable, sigma_of
from augmentlab.interop.running import run

PYTHON = ("scipy", "opencv", "pillow", "scikit-image")
IMAGE = IMAGES["chelsea"]


def exported(name, step, image):
    runnable(name)
    return run(export(step, name, shape=image.shape), name, image)


@dataclass(frozen=True, kw_only=True, repr=False)
class Shifted(GeometricTransform):
    """By a part of a pixel."""

    def coordinate_map(self, shape):  # noqa: ARG002
        return np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])

    edge = ("edge", 0.0)


class Beyond(Shifted):
    """The content's horizon lies in column 10."""

    def coordinate_map(self, shape):  # noqa: ARG002
        return np.array([[1, 0, 0], [0, 1, 0], [-0.1, 0, 1]])


@pytest.mark.parametrize("name", PYTHON)
def test_a_text_has_short_lines_and_imports_what_it_uses(name):
    steps = [step for cls in exportable(name) for step in draws(cls, 1)]
    for step in [*steps, *RARER, *OWN, Compose([*steps[:6], Brightness(delta=0.1)])]:
        text = export(step, name, shape=IMAGE.shape, strict=False)
        assert max(map(len, text.splitlines())) <= 120, text
        tree = ast.parse(text)
        imports = [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
        bound = {alias.asname or alias.name for one in imports for alias in one.names}
        assert bound <= {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}, text


class Told(Shifted):
    """With lines in its repr, by whatever some reader ends one."""

    def __repr__(self):
        return "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029".join(["hacked"] * 2 + ["\rhacked"] * 2)


@pytest.mark.parametrize("name", [one for one in TARGETS if not target(one).random])
@pytest.mark.parametrize("step", [Told(), GaussianNoise(std=0.1)], ids=["written", "left out"])
def test_what_a_repr_holds_stays_in_its_comment(monkeypatch, name, step):
    monkeypatch.setattr(GaussianNoise, "__repr__", Told.__repr__)
    text = export(Compose([step, Invert()]), name, shape=IMAGE.shape, strict=False)
    told = [line for line in text.splitlines() if "hacked" in line]
    assert told
    assert all(line.strip().startswith(target(name).comment) for line in told), text


@pytest.mark.parametrize("name", PYTHON)
def test_the_image_that_is_given_stays_as_it_is(name):
    image = np.full((20, 30, 3), 9, np.uint8)
    image.flags.writeable = False
    covered = exported(name, CoarseDropout(holes=1, fill=1.0, seed=1), image)
    assert (covered == 255).any()
    assert (image == 9).all()


@pytest.mark.parametrize("name", PYTHON)
def test_half_way_between_two_pixels_nothing_is_cut_off(name):
    # Pillow's own transform of 8 bits makes 11 of 11.75
    image = np.array([[10, 13], [11, 12], [3, 4]], np.uint8).repeat(2, axis=1)
    np.testing.assert_array_equal(exported(name, Shifted(), image)[:, 1] >= [12, 12, 4], True)


@pytest.mark.parametrize("name", PYTHON)
def test_a_histogram_is_spread_from_the_share_of_the_darkest(name):
    # cv2.equalizeHist and ImageOps.equalize make 0 of the darkest
    image = np.array([[7, 7], [7, 90]], np.uint8)
    np.testing.assert_array_equal(exported(name, Equalize(), image), [[191, 191], [191, 255]])


@pytest.mark.parametrize("name", PYTHON)
def test_hue_is_turned_by_one_degree(name):
    # on 8 bits OpenCV has every second degree, and Pillow 256 of them
    red = np.full((1, 1, 3), (255, 0, 0), np.uint8)
    np.testing.assert_array_equal(exported(name, HueSaturation(hue=1), red), [[[255, 4, 0]]])


def test_opencv_blurs_by_the_taps_that_are_meant():
    # cv2.GaussianBlur has other weights on 8 bits
    step, image = GaussianBlur(sigma=0.7), np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (40, 40))
    with engine("reference"):
        want = step.apply(image).astype(int)
    cv2 = required("cv2")

    by_name = cv2.GaussianBlur(image, (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE)
    assert np.abs(by_name - want).max() > 1 >= np.abs(exported("opencv", step, image) - want).max()


def test_pillow_repeats_the_border_once_before_it_blurs():
    # each of its three boxes repeats what the one before made of it: 10 levels of this ramp
    image = np.repeat(np.linspace(0, 255, 30).astype(np.uint8)[None], 30, axis=0)
    with engine("reference"):
        want = GaussianBlur(sigma=4).apply(image).astype(int)
    assert np.abs(exported("pillow", GaussianBlur(sigma=4), image) - want).max() <= 2


def test_what_lies_beyond_a_horizon_is_refused():
    for name in ("opencv", "pillow", "scikit-image"):
        with pytest.raises(ExportError, match="horizon"):
            export(Beyond(), name, shape=(20, 30))


def test_a_dense_step_goes_alone_to_the_library_that_has_it():
    assert "transform.swirl(" in export(Swirl(strength=1), "scikit-image", shape=(20, 30))
    # beside others it would be a second interpolation
    with pytest.raises(ExportError, match=r"Swirl.*in its own way"):
        export(Compose([Rotate(angle=3), Swirl(strength=1)]), "scikit-image", shape=(20, 30))
    with pytest.raises(ExportError, match="in its own way"):
        export(Swirl(strength=1), "opencv", shape=(20, 30))


def test_a_level_is_more_once_it_is_divided_by_a_deviation():
    pipeline = Compose([Rotate(angle=3), Standardize(mean=(0.5,), std=(0.2,))])
    assert str(target("opencv").graded(pipeline, (20, 30))[1]) == "within 5 levels"


def test_shrinking_blurs_each_side_by_what_it_shrinks():
    (part,) = lower(Resize(height=10, width=30), (20, 30))
    assert isinstance(part, Part)
    (resizing,) = part.operations
    assert isinstance(resizing, Resizing)
    assert sigma_of(resizing.taps_y) == 0.5  # (20 / 10 - 1) / 2
    assert resizing.taps_x == (1.0,)


def test_taps_tell_their_gaussian():
    for sigma in (0.4, 0.7, 1.0, 2.5):
        (part,) = lower(GaussianBlur(sigma=sigma), (20, 30))
        (blur,) = part.operations
        assert isinstance(blur, Separable)
        assert sigma_of(blur.taps) == pytest.approx(sigma, abs=1e-9)
    assert sigma_of((0.25, 0.5, 0.25)) is None  # such a Gaussian is wider
    assert sigma_of((1 / 3, 1 / 3, 1 / 3)) is None


def test_numbers_are_written_with_the_fewest_digits():
    assert array([0.2125, 1 / 3]) == "np.array([0.2125, 0.3333333333333333])"
    assert array(np.eye(2)) == "np.array([\n    [1.0, 0.0],\n    [0.0, 1.0],\n])"
    assert array(np.arange(3), "uint8") == "np.array([0, 1, 2], np.uint8)"


def test_a_gray_image_keeps_its_channel_axis():
    for name in PYTHON:
        assert exported(name, Compose([Transpose(), GaussianBlur(sigma=1)]), IMAGE[..., :1]).shape == (113, 75, 1)

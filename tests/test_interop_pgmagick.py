"""Exported text in GraphicsMagick, by pgmagick: pixels within the grade it states."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from agreement import CATALOG, IMAGES, RARER, agrees, draws, exportable, pipelines, runnable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augmentlab import (
    Brightness,
    Compose,
    Contrast,
    Crop,
    GaussianBlur,
    HorizontalFlip,
    HueSaturation,
    Invert,
    JPEGCompression,
    MedianBlur,
    Rescale,
    UnsharpMask,
    transforms,
)
from augmentlab.interop import ExportError, export

NAME = "pgmagick"
IMAGE = IMAGES["chelsea"]
DEBIAN = Path("/usr/lib/python3/dist-packages/pgmagick")  # of its python3-pgmagick, for its own Python


@pytest.fixture(scope="module", autouse=True)
def installed():
    """Debian's package alone is taken into this environment, without its neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec(NAME) is None and DEBIAN.exists():
            spec = importlib.util.spec_from_file_location(
                NAME, DEBIAN / "__init__.py", submodule_search_locations=[str(DEBIAN)]
            )
            module = importlib.util.module_from_spec(spec)
            patch.setitem(sys.modules, NAME, module)
            try:
                spec.loader.exec_module(module)
            except ImportError:  # built for another Python
                patch.undo()
        runnable(NAME)
        yield


@pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.__name__)
def test_each_transform_agrees_as_its_grade_says(cls):
    agreed = 0
    for image in (*IMAGES.values(), IMAGE[..., 0], IMAGE[..., :1]):
        for step in draws(cls, 3):
            try:
                export(step, NAME, shape=image.shape)
            except ExportError as error:
                assert cls.__name__ in str(error)  # noqa: PT017
            else:
                agrees(NAME, step, image)
                agreed += 1
    assert agreed == 12 or cls not in exportable(NAME)


def test_what_it_can_do():
    able = {cls.__name__ for cls in exportable(NAME)}
    assert len(able) >= 42
    assert {"D4", "Crop", "Pad", "GridShuffle", "CoarseDropout", "GaussianBlur", "MedianBlur"} <= able
    assert {"UnsharpMask", "HueSaturation", "JPEGCompression", "Invert", "ResizedCrop", "Equalize"} <= able


def test_rarer_ones_agree_as_their_grade_says():
    agreed = 0
    for pipeline in RARER:
        for image in (*IMAGES.values(), IMAGE[..., 0], IMAGE[:40, :41, :1]):
            try:
                export(pipeline, NAME, shape=image.shape)
            except ExportError:  # warps, geometry of floats, what shrinks, colours at full resolution
                continue
            agrees(NAME, pipeline, image)
            agreed += 1
    assert agreed > 80


def test_drawn_pipelines_agree_as_their_grade_says():
    refused = []

    @given(pipelines(exportable(NAME)), st.sampled_from(list(IMAGES.values())))
    @settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def check(pipeline, image):
        try:
            export(pipeline, NAME, shape=image.shape)
        except ExportError as error:  # two steps of geometry that are one warp, or that shrink
            refused.append(str(error))
        else:
            agrees(NAME, pipeline, image)

    check()
    assert all(re.search("three shears|average over what they shrink", reason) for reason in refused)
    assert len(refused) < 20


@pytest.mark.parametrize("image", [IMAGE, IMAGE[..., 0], IMAGE[..., :1]], ids=["RGB", "gray", "one channel"])
@pytest.mark.parametrize("factor", [1.0, 1.7, 3.0])
def test_it_enlarges_as_augmentlab_does(image, factor):
    agrees(NAME, Rescale(factor=factor), image)


@pytest.mark.parametrize("step", [JPEGCompression(quality=89), JPEGCompression(quality=90, subsampling="4:4:4")])
def test_colours_are_subsampled_as_the_quality_has_it(step):
    agrees(NAME, step, IMAGE)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Rescale(factor=0.9), "average over what they shrink"),
        (transforms.Rotate(angle=3), "three shears"),
        (transforms.BoxBlur(radius=2), "no weights but a Gaussian's"),
        (transforms.Sharpness(factor=2), "no weights of one's own"),
        (JPEGCompression(quality=50, subsampling="4:4:4"), "how colours are subsampled"),
        (JPEGCompression(quality=90), 'at quality=90; subsampling="4:4:4" can be exported'),
        (Compose([transforms.Standardize(), Rescale(factor=2)]), "whole numbers of 16 bits"),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_reason(step, reason):
    with pytest.raises(ExportError, match=reason):
        export(step, NAME, shape=IMAGE.shape)


@pytest.mark.parametrize("step", [GaussianBlur(sigma=2), UnsharpMask(sigma=2, amount=1), MedianBlur(radius=4)])
def test_images_below_the_size_of_a_kernel_are_refused(step):
    agrees(NAME, step, IMAGE[:17])
    with pytest.raises(ExportError, match="no image smaller"):
        export(step, NAME, shape=(8, 100, 3))


def test_between_its_own_calls_no_array_is_made():
    pipeline = Compose([Crop(height=0.5), HorizontalFlip(), GaussianBlur(sigma=1), MedianBlur(radius=1)])
    text = export(pipeline, NAME, shape=IMAGE.shape)
    assert text.count("= opened(") == text.count("= pixels(") == 1
    agrees(NAME, pipeline, IMAGE)
    apart = Compose([HorizontalFlip(), Contrast(factor=1.2), GaussianBlur(sigma=1)])
    assert export(apart, NAME, shape=IMAGE.shape).count("= opened(") == 2
    agrees(NAME, apart, IMAGE)
    agrees(NAME, Compose([HorizontalFlip(), UnsharpMask(amount=1, sigma=1), HorizontalFlip()]), IMAGE)


def test_its_own_calls_are_exact_where_they_can_be():
    for step in (Invert(), Brightness(delta=0.1), JPEGCompression(quality=40), MedianBlur(radius=2)):
        assert agrees(NAME, step, IMAGE).kind == "exact"
    assert "negate()" in export(Invert(), NAME, shape=IMAGE.shape)
    assert "modulate(" in export(HueSaturation(hue=-100), NAME, shape=IMAGE.shape)
    for hue in (-180, -100, 30, 180):
        agrees(NAME, HueSaturation(hue=hue), IMAGE)


def test_another_image_than_the_stated_is_refused():
    namespace = {}
    exec(export(Invert(), NAME, shape=IMAGE.shape), namespace)
    with pytest.raises(ValueError, match=r"image must be \(75, 113, 3\) uint8; got"):
        namespace["pipeline"](np.zeros((3, 3), np.uint8))

"""Exported text runs in its library and gives the pixels within the grade that it states."""

import numpy as np
import pytest
from agreement import CATALOG, IMAGES, OWN, RARER, agrees, draws, exportable, pipelines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augmentlab import (
    Brightness,
    Compose,
    ElasticTransform,
    GaussianBlur,
    GaussianNoise,
    GridDropout,
    GridShuffle,
    Rotate,
    uniform,
)
from augmentlab.interop import TARGETS, ExportError, export

ON_EVERY_RUN = ("scipy", "opencv", "pillow", "scikit-image")
IMAGE = IMAGES["chelsea"]
NOT_BENT = "it moves each pixel in its own way"
REFUSED = {  # of RARER and OWN
    "scipy": (NOT_BENT, "it compresses no images"),
    "opencv": (NOT_BENT,),
    "pillow": (NOT_BENT, "it blurs no floats", "ZoomBlur(zoom=1.6): it has nothing"),
    "scikit-image": (NOT_BENT, "it writes images only to files"),
}


@pytest.mark.parametrize("name", ON_EVERY_RUN)
@pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.__name__)
def test_each_transform_agrees_as_its_grade_says(name, cls):
    if cls not in exportable(name):
        with pytest.raises(ExportError, match=cls.__name__):
            export(draws(cls, 1)[0], name, shape=IMAGE.shape)
        return
    for image in (*IMAGES.values(), IMAGE[::2, ::2, 0], IMAGE[::2, ::2, :1]):
        for step in draws(cls, 3 if image.ndim == 3 and image.shape[2] == 3 else 1):
            agrees(name, step, image)


@pytest.mark.parametrize("name", ON_EVERY_RUN)
@pytest.mark.parametrize("step", [*RARER, *OWN], ids=repr)
def test_fields_that_are_not_drawn_and_images_of_floats_agree(name, step):
    for image in (IMAGES["astronaut"], IMAGE[::2, ::2, 0], IMAGE[::2, ::2, :1]):
        agrees_unless_refused(name, step, image)


def agrees_unless_refused(name, step, image):
    try:
        agrees(name, step, image)
    except ExportError as error:
        assert any(reason in str(error) for reason in REFUSED[name])  # noqa: PT017


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_EVERY_RUN)
@given(data=st.data())
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_drawn_pipelines_agree_as_their_grade_says(name, data):
    pipeline = data.draw(pipelines(exportable(name)))
    agrees_unless_refused(name, pipeline, data.draw(st.sampled_from(list(IMAGES.values()))))


def test_all_that_is_refused_is_told_at_once():
    pipeline = Compose([ElasticTransform(alpha=0.1, seed=1), Rotate(angle=3), GaussianNoise(std=0.1, seed=1)])
    with pytest.raises(ExportError) as caught:
        pipeline.export("scipy", shape=(10, 10, 3))
    assert "ElasticTransform(" in str(caught.value)
    assert "GaussianNoise(" in str(caught.value)
    assert "Rotate" not in str(caught.value)


def test_without_strict_a_step_is_left_out_and_the_text_says_so():
    pipeline = Compose([GaussianNoise(std=0.1, seed=1), Brightness(delta=0.1)])
    text = pipeline.export("scipy", shape=IMAGE.shape, strict=False)
    assert "# left out: GaussianNoise(std=0.1, seed=1)" in text
    namespace = {}
    exec(text, namespace)
    np.testing.assert_array_equal(namespace["pipeline"](IMAGE), Brightness(delta=0.1).apply(IMAGE))


@pytest.mark.parametrize("name", ["scipy", "pillow", "opencv"])
def test_long_statements_are_folded(name):
    lattice = GridDropout(ratio=0.4553811421, spacing=0.3127711981, angle=25.118829311, seed=2)
    for step in (lattice, GridShuffle(tiles=9, seed=3)):
        agrees(name, step, IMAGE)
        assert max(map(len, step.export(name, shape=IMAGE.shape).splitlines())) <= 120


def test_what_is_not_drawn_is_refused():
    with pytest.raises(ExportError, match="not drawn"):
        GaussianBlur(sigma=uniform(0, 1)).export("scipy", shape=(10, 10))


@pytest.mark.parametrize("shape", [None, (10,), (10, 10, 4), (0, 10), "12", (10.0, 10)])
def test_a_wrong_shape_is_one_sentence(shape):
    with pytest.raises(ValueError, match=r"^shape must be"):
        Rotate(angle=3).export("scipy", shape=shape)


def test_an_unknown_target_is_one_sentence():
    with pytest.raises(
        ValueError, match=r"target must be one of albumentations, .* got 'simplecv'; SimpleCV wraps OpenCV"
    ):
        Rotate(angle=3).export("simplecv")
    assert len(TARGETS) == 11

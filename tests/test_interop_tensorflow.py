"""Exported text in TensorFlow: pixels within the grade it states, eagerly and in the maps of tf.data."""

import os

import numpy as np
import pytest
from agreement import CATALOG, IMAGES, RARER, agrees, draws, exportable, pipelines
from frameworks import required
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augmentlab import JPEGCompression, Rotate, Standardize, engine
from augmentlab.interop import ExportError, export, target

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it speaks of the processor whenever it is imported
tf = required("tensorflow")

NAME = "tensorflow"
IMAGE = IMAGES["chelsea"]
REFUSED = "it moves each pixel in its own way|it halves the colours along both sides or neither"
LAYOUTS = (*IMAGES.values(), IMAGE[..., 0], IMAGE[..., :1])


def loaded(pipeline, shape):
    """The function of the exported text."""
    namespace = {}
    exec(export(pipeline, NAME, shape=shape), namespace)
    return namespace["pipeline"]


def is_taken(pipeline):
    """Whether it can be exported."""
    try:
        return bool(export(pipeline, NAME, shape=IMAGE.shape))
    except ExportError:
        return False


RARER_ABLE = [one for one in RARER if is_taken(one)]


@pytest.mark.parametrize("cls", CATALOG, ids=lambda cls: cls.__name__)
def test_each_transform_agrees_as_its_grade_says(cls):
    if cls not in exportable(NAME):
        with pytest.raises(ExportError, match=cls.__name__):
            export(draws(cls, 1)[0], NAME, shape=IMAGE.shape)
        return
    for image in LAYOUTS:
        for step in draws(cls, 3):
            agrees(NAME, step, image)


def test_what_it_refuses_of_the_rarer_ones():
    for pipeline in RARER:
        if pipeline not in RARER_ABLE:
            with pytest.raises(ExportError, match=REFUSED):
                export(pipeline, NAME, shape=IMAGE.shape)


@pytest.mark.parametrize("pipeline", RARER_ABLE, ids=repr)
def test_rarer_ones_agree_as_their_grade_says(pipeline):
    for image in (*LAYOUTS, IMAGE[:1], IMAGE[:, :1], IMAGE[:2, :3, 0], np.full_like(IMAGE, 7)):
        agrees(NAME, pipeline, image)


@given(data=st.data())
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_drawn_pipelines_agree_as_their_grade_says(data):
    pipeline = data.draw(pipelines(exportable(NAME)))
    agrees(NAME, pipeline, data.draw(st.sampled_from(list(IMAGES.values()))))


@pytest.mark.parametrize("shape", [IMAGE.shape, IMAGE.shape[:2]], ids=["RGB", "gray"])
def test_in_maps_of_tf_data_the_numbers_are_the_same(shape):
    image = IMAGE if len(shape) == 3 else IMAGE[..., 0]
    singles = [draws(cls, 1)[0] for cls in exportable(NAME)]
    for step in (*singles, *RARER_ABLE[:: 2 if len(shape) == 3 else 5]):
        pipeline = loaded(step, shape)
        (mapped,) = tf.data.Dataset.from_tensors(image).map(pipeline)
        eager = pipeline(image)
        assert mapped.dtype == eager.dtype
        scale = 1 if mapped.dtype == tf.uint8 else 255
        # the compiled graph adds in another order
        np.testing.assert_allclose(mapped.numpy() * scale, eager.numpy() * scale, rtol=0, atol=1)
        assert np.mean(np.abs(mapped.numpy() * 1.0 - eager.numpy())) < 1e-3


def test_an_array_and_a_tensor_give_one_tensor():
    pipeline = loaded(Rotate(angle=20), IMAGE.shape)
    assert tf.is_tensor(pipeline(IMAGE))
    np.testing.assert_array_equal(pipeline(IMAGE), pipeline(tf.constant(IMAGE)))


@pytest.mark.parametrize("wrong", [IMAGE[1:], IMAGE[..., 0], IMAGE.astype(np.float32)], ids=["size", "gray", "floats"])
def test_another_image_than_the_stated_is_refused(wrong):
    with pytest.raises(ValueError, match="75, 113"):
        loaded(Rotate(angle=20), IMAGE.shape)(wrong)


def test_colours_halved_along_one_side_are_refused():
    with pytest.raises(ExportError, match="along both sides or neither"):
        export(JPEGCompression(quality=50, subsampling="4:2:2"), NAME, shape=IMAGE.shape)
    agrees(NAME, JPEGCompression(quality=50, subsampling="4:2:2"), IMAGE[..., 0])


def test_standardized_floats_are_those_of_tensorflow_itself():
    ours = loaded(Standardize(per_channel=False), IMAGE.shape)(IMAGE)
    theirs = tf.image.per_image_standardization(tf.cast(IMAGE, tf.float32) / 255)
    np.testing.assert_allclose(ours, theirs, atol=2e-4)  # theirs is computed in single precision
    with engine("reference"):
        np.testing.assert_allclose(ours, Standardize(per_channel=False).apply(IMAGE), atol=1e-6)


def test_whole_pixels_tables_and_jpeg_are_exact():
    assert target(NAME).graded(JPEGCompression(quality=40), IMAGE.shape)[1].kind == "exact"

"""What nobody thought of: pipelines drawn from the whole catalog on samples, and files of which bytes were changed.

Few in every run; ``AUGMENTLAB_EXAMPLES=10000 python -m pytest tests/test_fuzz.py --hypothesis-seed=1`` tries ten thousand
others of each. An example of a pipeline is one draw on one sample; ten share a pipeline, for drawing that takes its time.
"""

import dataclasses
import io
import json
import os
import re
import warnings

import numpy as np
import pytest
from hostile import RGB, deep, encoded, picture, two_classes
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_laws import SHAPES, SINGLE, image_of, sample_of, transforms

from augmentlab import Blend, Compose, OneOf, RandomOrder, Sample, SomeOf, data, from_dict
from augmentlab.data import decode
from augmentlab.params import SEED_MAX

ASKED = os.environ.get("AUGMENTLAB_EXAMPLES")
SAMPLES = 10
# What may be said of a pipeline that cannot be built, or not be applied to this sample; anything else is a bug.
DOCUMENTED = re.compile(
    r"\w+ cannot follow \w+, whose output is not in \[0, 1\]; put \w+ last"
    r"|SomeOf\.n must be at most the number of steps, \d+; got \d+"
    r"|Blend shows what \w+ moves in several places, so \w+ cannot follow"
    r"|Blend\.steps must keep shape .*; got .* from .*",
    re.DOTALL,  # a long pipeline is written on several lines
)

# --- pipelines ---------------------------------------------------------------------------------------------------------

leaves = st.sampled_from(SINGLE).flatmap(transforms)


@st.composite
def groups(draw, steps):
    """A sequence, a choice or a blend of steps; the first of them where they cannot follow each other."""
    kind = draw(st.sampled_from([Compose, Compose, OneOf, SomeOf, RandomOrder, Blend]))
    held = draw(st.lists(steps, min_size=1, max_size=4))
    options = {"n": draw(st.integers(0, 3)), "replace": draw(st.booleans())} if kind is SomeOf else {}
    try:
        return kind(held, p=draw(st.sampled_from([0.5, 1.0])), **options)
    except ValueError as error:
        if not DOCUMENTED.fullmatch(str(error)):
            raise
        return held[0]


pipelines = st.recursive(leaves, groups, max_leaves=6)


def equal(one, other):
    return all(
        np.array_equal(getattr(one, each.name), getattr(other, each.name)) for each in dataclasses.fields(Sample)
    )


@pytest.mark.filterwarnings("ignore:.*leaves every image as it is")
@given(pipeline=pipelines, seed=st.integers(0, SEED_MAX))
@settings(
    max_examples=int(ASKED or 400) // SAMPLES,
    derandomize=ASKED is None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate] if ASKED else list(Phase),  # shrinking one takes longer than thousands of others
)
def test_whatever_a_pipeline_is_a_sample_stays_one(pipeline, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert from_dict(json.loads(json.dumps(pipeline.to_dict(), allow_nan=False))) == pipeline
    for index in range(SAMPLES):
        rng = np.random.default_rng((seed, index))
        height, width = rng.integers(1, 14, 2).tolist()
        image = image_of(
            (height, width, *list(SHAPES.values())[rng.integers(4)]), [np.uint8, np.float32][rng.integers(2)], index
        )
        assert_stays_a_sample(pipeline, image, seed + index)


def assert_stays_a_sample(pipeline, image, seed):
    drawn = pipeline.sample(seed)
    assert pipeline.sample(seed) == drawn
    sample = sample_of(image)  # whose arrays cannot be written to
    if any(getattr(step, "tears", False) for step in pipeline.walk()):
        sample = dataclasses.replace(sample, boxes=(), box_labels=())
    try:
        moved = pipeline(sample, rng=seed)
    except ValueError as error:
        if not DOCUMENTED.fullmatch(str(error)):
            raise
        event("refused with a sentence")
        return
    assert equal(moved, sample if drawn is None else drawn.apply(sample))
    assert isinstance(moved.image, np.ndarray)
    assert moved.image.ndim in {2, 3}
    assert np.isfinite(moved.image).all()
    height, width = moved.image.shape[:2]
    assert moved.mask.shape == (height, width)
    assert set(np.unique(moved.mask)) <= {0, *np.unique(sample.mask)}
    assert moved.heatmap.shape == (height, width, 2)
    assert np.isfinite(moved.keypoints).all()
    assert len(moved.boxes) == len(moved.box_labels)
    assert (moved.boxes[:, :2] >= 0).all()
    assert (moved.boxes[:, 2:] <= [width, height]).all()
    assert (moved.boxes[:, 2:] > moved.boxes[:, :2]).all()
    assert moved.label == "label"


# --- readers -----------------------------------------------------------------------------------------------------------

DEEP = picture((5, 4, 3)).astype(np.uint16) * 257
HELD_SIDEWAYS = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\1\0\0\0\6\0\0\0\0\0\0\0"
FILES = [
    *(encoded(picture((5, 4, 3)), one) for one in ("PNG", "JPEG", "TIFF", "WEBP", "BMP")),
    encoded(picture((5, 4, 3)), "TIFF", compression="tiff_lzw"),
    encoded(picture((5, 4, 3)), "TIFF", compression="tiff_deflate"),
    encoded(picture((5, 4, 3)), "WEBP", lossless=True),
    encoded(picture((5, 4, 3)), "JPEG", exif=HELD_SIDEWAYS),
    encoded(Image.fromarray(picture((5, 4, 3))).quantize(8), transparency=bytes(range(8))),
    encoded(picture((5, 4)).astype(np.uint16)),
    deep(DEEP, photometric="rgb"),
    deep(DEEP, photometric="rgb", compression="zlib", bigtiff=True),
    deep(np.float32(DEEP / 65535), photometric="rgb", tile=(16, 16), compression="zlib"),
]
TABLE = b'filename,label,group\r\na/good.png,"x, y",1\r\nb/good.png,z,2\r\n'
HARSH = st.sampled_from([b"", b"\0", b"\xff" * 4, b"\x7f\xff", b"../", b'"', b",", b"\n", b"\r", b"/", b"\x80"])
asked = settings(
    max_examples=int(ASKED or 200),
    derandomize=ASKED is None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate] if ASKED else list(Phase),
)


@st.composite
def changed(draw, content):
    """Bytes of which some were replaced, removed, repeated or added."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        to = min(len(content), at + draw(st.sampled_from([0, 1, 1, 4, 10_000])))
        piece = draw(st.one_of(HARSH, st.binary(max_size=8), st.just(content[at:to] * 2)))
        content = content[:at] + piece + content[to:]
    return content


@given(content=st.sampled_from(FILES).flatmap(changed), limits=st.sampled_from([None, None, (0, 255)]))
@asked
def test_changed_bytes_of_an_image_are_an_image_or_one_sentence(content, limits):
    said, image = "", None
    try:
        image = decode.decoded(io.BytesIO(content), limits)
    except Exception as error:  # noqa: BLE001
        said = decode.reason(error)
        event("refused")
    if image is None:
        assert re.fullmatch("its? .*|there is not enough memory for it", said)
        assert said.isprintable()
    else:
        assert image.dtype in {np.dtype(one) for one in (np.uint8, np.float32, np.float64)}
        assert image.ndim == 2 or image.shape[2] in {1, 3, 4}
        assert image.dtype == np.uint8 or (image.min() >= -1e-3 and image.max() <= 1.001)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return two_classes(tmp_path_factory.mktemp("two") / "images")


@given(content=changed(TABLE))
@asked
def test_changed_bytes_of_a_table_are_a_table_or_one_sentence(two, content):
    (two / "labels.csv").write_bytes(content)
    said, read = "", None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of files that were left out
            read = data.from_folder(two)
    except (ValueError, OSError) as error:
        said = str(error)
        event("refused")
    if read is None:
        assert said.isprintable()
        assert 0 < len(said) < 1000 + len(str(two))
    else:
        assert 1 <= len(read) <= 2
        assert all(np.array_equal(image, RGB) for image in read.images)

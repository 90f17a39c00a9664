"""Exported text in GNU Octave, which stands for MATLAB: pixels within the grade it states.

Octave takes longer to start than to run most pipelines, so each test runs all of its texts in one process.
"""

import re
import shutil

import numpy as np
import pytest
from agreement import CATALOG, IMAGES, RARER, draws, exportable, judge, pipelines, runnable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from augmentlab import (
    Brightness,
    Compose,
    GaussianBlur,
    HorizontalFlip,
    Rotate,
    Standardize,
)
from augmentlab.interop import ExportError, export, target
from augmentlab.interop.matlab import _octave, is_installed, run, run_all

NAME = "matlab"
IMAGE = IMAGES["chelsea"]
REFUSED = "it moves each pixel in its own way|its imwrite does not say how it subsamples colours"
runnable(NAME)


def agree_together(cases):
    """Check pipelines, each on its image, within the grades that their texts state."""
    found = [target(NAME).graded(pipeline, image.shape) for pipeline, image in cases]
    results = run_all([(text, image) for (text, _), (_, image) in zip(found, cases, strict=True)])
    for result, (text, grade), (pipeline, image) in zip(results, found, cases, strict=True):
        judge(result, pipeline, image, grade, text)


def test_each_transform_agrees_as_its_grade_says():
    able = exportable(NAME)
    assert len(able) > 50
    images = (*IMAGES.values(), IMAGE[..., 0], IMAGE[..., :1])
    steps = [(index, step) for cls in able for index, step in enumerate(draws(cls, 2))]
    agree_together([(step, image) for index, step in steps for image in images[2 * index :]])


@pytest.mark.parametrize("cls", [cls for cls in CATALOG if cls not in exportable(NAME)], ids=lambda cls: cls.__name__)
def test_what_it_cannot_do_is_refused(cls):
    with pytest.raises(ExportError, match=cls.__name__):
        export(draws(cls, 1)[0], NAME, shape=IMAGE.shape)


def test_rarer_ones_agree_as_their_grade_says():
    able = []
    for one in RARER:
        try:
            export(one, NAME, shape=IMAGE.shape)
        except ExportError as error:
            assert re.search(REFUSED, str(error))  # noqa: PT017
        else:
            able.append(one)
    small = [(one, image) for one in able for image in (IMAGE[:40, :51], IMAGE[:30, :41, 0])]
    extreme = [(one, image) for one in able[::3] for image in (IMAGE[:1], IMAGE[:, :1], np.full_like(IMAGE[:9, :8], 7))]
    agree_together([*small, *extreme])


def test_drawn_pipelines_agree_as_their_grade_says():
    cases = []

    @given(pipelines(exportable(NAME)), st.sampled_from(list(IMAGES.values())))
    @settings(
        max_examples=200,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def collect(pipeline, image):
        cases.append((pipeline, image))

    collect()
    assert len(cases) == 200
    agree_together(cases)


def test_halves_are_rounded_to_the_even_level():
    text = export(GaussianBlur(sigma=1), NAME, shape=IMAGE.shape)
    function = text[text.index("function image = rounded(values)") :].split("\nend\n")[0]
    probe = f"function image = pipeline(image)\n  image = rounded(double(image) / 2 - 1);\nend\n{function}\nend\n"
    levels = np.arange(256, dtype=np.uint8)[None]
    np.testing.assert_array_equal(run(probe, levels), np.rint(np.maximum(levels / 2 - 1, 0)))


def test_a_last_axis_of_one_is_kept_and_floats_are_single():
    pipeline = Compose([HorizontalFlip(), Standardize()])
    result = run(export(pipeline, NAME, shape=IMAGE[..., :1].shape), IMAGE[..., :1])
    assert result.shape == IMAGE[..., :1].shape
    assert result.dtype == np.float32


def test_octaves_own_message_is_told():
    text = export(Brightness(delta=0.1), NAME, shape=IMAGE.shape)
    with pytest.raises(
        RuntimeError, match=r"^Octave could not run the pipeline: image must be \[75 113 3\] uint8; got"
    ):
        run(text, IMAGE[..., 0])
    with pytest.raises(RuntimeError, match=r"^Octave could not run the pipeline: .*nothing_like_it"):
        run("function image = pipeline(image)\n  image = nothing_like_it(image);\nend\n", IMAGE)
    with pytest.raises(RuntimeError, match=r"^Octave could not run the pipeline: .*parse error"):
        run("function image = pipeline(image\n", IMAGE)


def test_one_that_does_not_end_is_stopped():
    with pytest.raises(RuntimeError, match=r"Octave must be done within 0\.5 seconds"):
        _octave("while true, end", seconds=0.5)


def test_without_octave_it_is_not_installed(monkeypatch):
    assert is_installed()
    is_installed.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert not is_installed()
    is_installed.cache_clear()
    with pytest.raises(RuntimeError, match="octave-cli must be on the path"):
        run(export(Rotate(angle=3), NAME, shape=IMAGE.shape), IMAGE)

"""What the tests of targets that draw for themselves share: pixels of fixed numbers, and distributions of random ones."""

import numpy as np
from agreement import CATALOG, differences
from hypothesis import strategies as st

from augmentlab import Compose, GeometricTransform, engine
from augmentlab.interop import ExportError, export, target
from augmentlab.interop.lowering import lower
from augmentlab.interop.running import run

DRAWS = 200


def drawable(name):
    """The classes of the catalog that a target takes with typical ranges."""
    return [cls for cls in CATALOG if cls in target(name).rows and _takes(name, cls)]


def _takes(name, cls):
    try:
        export(cls.typical(), name)
    except ExportError:
        return False
    return True


def is_drawn(name, step):
    """Whether the target draws more than the numbers of a drawn step."""
    return target(name).row(step).graded(step).kind == "distribution"


def reference(step, image):
    """The result that defines all others."""
    with engine("reference"):
        return step.apply(image)


def agrees(name, step, image):
    """Check a drawn transform's pixels against its grade."""
    grade = target(name).row(step).graded(step)
    text = export(step, name)
    assert f": {grade}" in text
    worst, _, _ = differences(run(text, name, image), reference(step, image))
    assert worst <= grade.levels + 0.01, f"{worst} > {grade}\n{text}"


# --- drawn pipelines -------------------------------------------------------------------------------------------------


def pipelines(classes, most=4):
    """Hypothesis: drawn pipelines in which no two geometric steps are adjacent that interpolate.

    Such steps are resampled once here and twice there.
    """

    def build(picked, seed):
        steps = []
        for index, cls in enumerate(picked):
            step = cls.typical(p=1.0).sample((seed, index))
            if step is None or step.is_identity or step.preprocessing:
                continue
            if steps and all(isinstance(one, GeometricTransform) for one in (steps[-1], step)):
                whole = [one.slice_array(np.empty((8, 8, 1))) is not None for one in (steps[-1], step)]
                if not all(whole):
                    continue
            steps.append(step)
        return Compose(steps)

    return st.builds(build, st.lists(st.sampled_from(classes), min_size=1, max_size=most), st.integers(0, 2**31))


def bound(name, pipeline, shape):
    """How far apart the results may be, from the grade of each step and from what later steps make of a difference."""
    spread = 0
    for step in pipeline.steps:
        for part in lower(step, shape):
            for operation in part.operations:
                spread = min(operation.spread(spread), 255)
        spread = min(spread + target(name).row(step).graded(step).levels, 255)
        shape = step.output_shape(shape)
    return spread


def agrees_within_its_bound(name, pipeline, image):
    """Check a drawn pipeline."""
    text = export(pipeline, name)
    worst, _, _ = differences(run(text, name, image), reference(pipeline, image))
    most = bound(name, pipeline, image.shape)
    assert worst <= most + 0.01, f"{worst} > {most}\n{text}"


# --- distributions ---------------------------------------------------------------------------------------------------


def features(image):
    """Of an image of any size: mean and deviation of each channel in nine fields."""
    planes = np.atleast_3d(image).astype(float)
    fields = [field for rows in np.array_split(planes, 3) for field in np.array_split(rows, 3, axis=1)]
    return np.concatenate([one(axis=(0, 1)) for field in fields for one in (field.mean, field.std)])


def same_distribution(ours, theirs, start, levels=1):
    """Check that two sets of images have the same means of `features`, and of how far these are from those of `start`.

    The first shows a wrong sign or direction, the second a wrong range; both show a wrong chance. A difference is allowed
    of five standard errors, as there are some hundred features, and of one level, as both sides round, or more `levels`.
    """
    start = features(start)
    means = []
    for images in (ours, theirs):
        each = np.array([features(image) for image in images])
        each = np.concatenate([each, np.abs(each - start)], axis=1)
        means.append((each.mean(axis=0), each.var(axis=0) / len(each)))
    (one, spread_one), (other, spread_other) = means
    away = np.abs(one - other) - levels
    allowed = 5 * np.sqrt(spread_one + spread_other)
    assert (away <= allowed).all(), f"{float((away / np.maximum(allowed, 1e-9)).max()):.2f} times what chance explains"


def ours(step, image):
    """Draws of a random transform."""
    return [image if (one := step.sample((7, index))) is None else one.apply(image) for index in range(DRAWS)]

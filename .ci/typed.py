"""What a type checker must say to those who use the package, checked by mypy --strict outside of the source tree.

Types that are known are asserted; a wrong call carries the name of its error, and an ignore that nothing needs is an
error itself. Nothing here is ever run.
"""

from typing import assert_type

import numpy as np
from matplotlib.figure import Figure

import augmentlab
from augmentlab import (
    Compose,
    HorizontalFlip,
    OneOf,
    Rotate,
    Study,
    Transform,
    augment_batch,
    data,
    models,
    plots,
    study,
    uniform,
)

pipeline = Compose(
    [HorizontalFlip(p=0.5), Rotate(angle=uniform(-15, 15)), OneOf([Rotate(), HorizontalFlip()], weights=[1, 2])]
)
assert_type(pipeline, Compose)
assert_type(pipeline.sample(rng=0), Compose | None)
assert_type(Rotate().angle, float)
assert_type(Rotate.typical(p=0.5), Rotate)
assert_type(augmentlab.Rotate(angle=3), Rotate)
assert_type(augmentlab.transforms.Rotate(), Rotate)
assert_type(augmentlab.from_dict(pipeline.to_dict()), Transform)
assert_type(pipeline.export("opencv"), str)

experiment = Study(data.digits(), models.knn(), study.combinations({"turn": Rotate()}))
assert_type(experiment.run(), Study)
assert_type(experiment.summary(), str)
assert_type(plots.comparison(experiment), Figure)
augment_batch([np.zeros((8, 8), np.uint8)], pipeline, seed=0)

Rotate(angel=3)  # type: ignore[call-arg]
Rotate(3)  # type: ignore[call-arg]
Rotate(angle="3")  # type: ignore[arg-type]
Rotate().angle = 3  # type: ignore[misc]
Compose(Rotate())  # type: ignore[arg-type]
Compose([Rotate, Rotate()])  # type: ignore[list-item]
pipeline.sample(rng="today")  # type: ignore[arg-type]
experiment.run(drawz=3)  # type: ignore[call-arg]
Study(data.digits(), models.knn())  # type: ignore[call-arg]
augmentlab.Rotat()  # type: ignore[attr-defined]

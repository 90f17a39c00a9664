"""Experiments on augmentation: arms, trials, and an honest comparison."""

from augmentlab.study.spaces import Arm, combinations, grid
from augmentlab.study.study import Study

__all__ = ["Arm", "Study", "combinations", "grid"]

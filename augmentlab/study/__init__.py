"""Experiments on augmentation: arms, trials, and an honest comparison."""

from augmentlab.study.spaces import Arm, combinations, fractional, grid, ladder, randaugment
from augmentlab.study.study import Study

__all__ = ["Arm", "Study", "combinations", "fractional", "grid", "ladder", "randaugment"]

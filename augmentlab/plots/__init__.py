"""Figures for a paper, a report or a pull request. Each function returns a matplotlib Figure and leaves pyplot alone."""

from augmentlab.plots.attribution import effects, interactions, shapley
from augmentlab.plots.curves import learning_curve, robustness, strength
from augmentlab.plots.pictures import grid, sweep
from augmentlab.plots.results import comparison, cost, parallel
from augmentlab.plots.rows import VERDICT_STYLE

__all__ = [
    "VERDICT_STYLE",
    "comparison",
    "cost",
    "effects",
    "grid",
    "interactions",
    "learning_curve",
    "parallel",
    "robustness",
    "shapley",
    "strength",
    "sweep",
]

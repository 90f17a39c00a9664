"""Figures for a paper, a report or a pull request. Each function returns a matplotlib Figure and leaves pyplot alone."""

from augmentlab.plots.pictures import grid, sweep
from augmentlab.plots.results import (
    VERDICT_STYLE,
    comparison,
    cost,
    effects,
    interactions,
    learning_curve,
    parallel,
    robustness,
    shapley,
    strength,
)

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

"""The notebook instrument: controls made from declarations, and the explorer built on them."""

from augmentlab.widgets.controls import Controls
from augmentlab.widgets.explorer import Explorer, explore
from augmentlab.widgets.gallery import LabelCheck, label_check
from augmentlab.widgets.schedule import LatestWins
from augmentlab.widgets.studyview import StudyView
from augmentlab.widgets.view import CodeView, GridView, StepList

__all__ = [
    "CodeView",
    "Controls",
    "Explorer",
    "GridView",
    "LabelCheck",
    "LatestWins",
    "StepList",
    "StudyView",
    "explore",
    "label_check",
]

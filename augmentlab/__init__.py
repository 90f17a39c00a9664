"""Find out, in a notebook, which image augmentations help your model on your images.

Every public name is importable from here; the module behind it is loaded on first use, so that
``import augmentlab`` stays quick and loads neither widgets nor plotting nor machine-learning packages. A star import
gives what pipelines are written with, and leaves out what would load those: `explore`, `Study`, `Dataset` are named.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES = {
    "distributions": ("choice", "integers", "loguniform", "uniform"),
    "engines": ("engine",),
    "sample": ("Sample", "as_image"),
    "transform": ("Transform",),
    "bases": ("BatchTransform", "GeometricTransform", "PixelTransform", "PointTransform"),
    "documents": ("from_dict",),
    "batch": ("augment_batch",),
    "compose": ("Blend", "Compose", "OneOf", "RandomOrder", "SomeOf"),
    "measures": ("strength",),
    "policies": ("AugMix", "AutoAugment", "RandAugment", "TrivialAugment"),
    "data": ("Dataset",),
    "study": ("Study",),
    "interop": ("compare_frameworks", "from_albumentations", "from_torchvision"),
    "widgets": ("Controls", "Explorer", "LabelCheck", "StudyView", "explore", "label_check"),
}
_MODULES = (
    "data",
    "huggingface",
    "interop",
    "keras",
    "models",
    "params",
    "plots",
    "policies",
    "render",
    "report",
    "sklearn",
    "study",
    "torch",
    "transforms",
    "widgets",
)

if TYPE_CHECKING:
    from augmentlab.bases import BatchTransform as BatchTransform
    from augmentlab.bases import GeometricTransform as GeometricTransform
    from augmentlab.bases import PixelTransform as PixelTransform
    from augmentlab.bases import PointTransform as PointTransform
    from augmentlab.batch import augment_batch as augment_batch
    from augmentlab.compose import Blend as Blend
    from augmentlab.compose import Compose as Compose
    from augmentlab.compose import OneOf as OneOf
    from augmentlab.compose import RandomOrder as RandomOrder
    from augmentlab.compose import SomeOf as SomeOf
    from augmentlab.data import Dataset as Dataset
    from augmentlab.distributions import choice as choice
    from augmentlab.distributions import integers as integers
    from augmentlab.distributions import loguniform as loguniform
    from augmentlab.distributions import uniform as uniform
    from augmentlab.documents import from_dict as from_dict
    from augmentlab.engines import engine as engine
    from augmentlab.interop import compare_frameworks as compare_frameworks
    from augmentlab.interop import from_albumentations as from_albumentations
    from augmentlab.interop import from_torchvision as from_torchvision
    from augmentlab.measures import strength as strength
    from augmentlab.policies import AugMix as AugMix
    from augmentlab.policies import AutoAugment as AutoAugment
    from augmentlab.policies import RandAugment as RandAugment
    from augmentlab.policies import TrivialAugment as TrivialAugment
    from augmentlab.sample import Sample as Sample
    from augmentlab.sample import as_image as as_image
    from augmentlab.study import Study as Study
    from augmentlab.transform import Transform as Transform
    from augmentlab.transforms import *  # noqa: F403
    from augmentlab.widgets import Controls as Controls
    from augmentlab.widgets import Explorer as Explorer
    from augmentlab.widgets import LabelCheck as LabelCheck
    from augmentlab.widgets import StudyView as StudyView
    from augmentlab.widgets import explore as explore
    from augmentlab.widgets import label_check as label_check


def _home(name: str) -> str | None:
    """Name of the module that holds a public name; the catalog of transforms is read from the catalog itself."""
    # Python asks here for submodules too while they load each other, so only what looks like a class opens the catalog.
    for module, names in _NAMES.items():
        if name in names:
            return module
    if not name[:1].isupper():
        return None
    transforms = importlib.import_module("augmentlab.transforms")
    return "transforms" if name in transforms.__all__ else None


def __getattr__(name: str) -> Any:
    if name == "__all__":  # what a pipeline is written with; a star import loads no plots, widgets or models
        value: Any = [
            one
            for one in __dir__()
            if one not in _MODULES and _home(one) not in {"data", "interop", "study", "widgets"}
        ]
    elif name in _MODULES:
        return importlib.import_module(f"augmentlab.{name}")
    elif (home := _home(name)) is None:
        raise AttributeError(f"module 'augmentlab' has no attribute {name!r}")
    else:
        value = getattr(importlib.import_module(f"augmentlab.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    catalog = importlib.import_module("augmentlab.transforms").__all__
    return sorted({*catalog, *_MODULES, *(name for names in _NAMES.values() for name in names)})

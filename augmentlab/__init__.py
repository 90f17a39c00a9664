"""Find out, in a notebook, which image augmentations help your model on your images.

Every public name is importable from here; the module behind it is loaded on first use, so that
``import augmentlab`` stays quick and loads neither widgets nor plotting nor machine-learning packages. A star import
gives what pipelines are written with, and leaves out what would load those: `explore`, `Study`, `Dataset` are named.
What type checkers and editors see is beside it, in ``__init__.pyi``.
"""

import importlib
from typing import Any

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

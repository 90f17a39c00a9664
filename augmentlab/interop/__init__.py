"""Interchange: pipelines as text for other libraries, theirs as pipelines of this one, and how well the two agree."""

import importlib
from typing import TYPE_CHECKING, Any

from augmentlab.interop.grades import ExportError, Grade, RefusedError
from augmentlab.transform import Transform

if TYPE_CHECKING:
    from augmentlab.interop.albumentations.reading import from_albumentations
    from augmentlab.interop.compare import Comparison, compare_frameworks
    from augmentlab.interop.read_torchvision import from_torchvision

__all__ = [
    "TARGETS",
    "Comparison",
    "ExportError",
    "Grade",
    "RefusedError",
    "compare_frameworks",
    "export",
    "from_albumentations",
    "from_torchvision",
    "target",
]

# The libraries a pipeline can be exported to, each a module of this package that defines TARGET.
TARGETS = (
    "albumentations",
    "torchvision",
    "kornia",
    "keras",
    "opencv",
    "pillow",
    "scipy",
    "scikit-image",
    "tensorflow",
    "matlab",
    "pgmagick",
)


def target(name: str) -> Any:
    """The target of that name.

    Raises
    ------
    ValueError
        When there is none.
    """
    if name not in TARGETS:
        hint = "; SimpleCV wraps OpenCV, take that" if str(name).lower() == "simplecv" else ""
        raise ValueError(f"target must be one of {', '.join(TARGETS)}; got {name!r}{hint}")
    return importlib.import_module(f"augmentlab.interop.{name.replace('-', '_')}").TARGET


def export(pipeline: Transform, name: str, *, shape: tuple[int, ...] | None = None, strict: bool = True) -> str:
    """See `augmentlab.Transform.export`."""
    one = target(name)
    if one.random:
        return str(one.export(pipeline, strict=strict))
    if shape is None:
        raise ValueError(
            f"shape must be that of the images for {one.title}, (H, W) or (H, W, 3): "
            "windows and matrices are numbers for one size; got None"
        )
    sides = tuple(shape) if isinstance(shape, tuple | list) else ()
    whole = all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in sides)
    if len(sides) not in {2, 3} or not whole or sides[2:] not in {(), (1,), (3,)}:
        raise ValueError(f"shape must be (H, W), (H, W, 1) or (H, W, 3), in pixels; got {shape!r}")
    return str(one.export(pipeline, sides, strict=strict))


def __getattr__(name: str) -> Any:
    """What needs all of this package, on first use."""
    homes = {
        "Comparison": "compare",
        "compare_frameworks": "compare",
        "from_albumentations": "albumentations.reading",
        "from_torchvision": "read_torchvision",
    }
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{homes[name]}"), name)


def __dir__() -> list[str]:
    return __all__

"""What moves pixels or changes the size."""

from collections.abc import Callable, Mapping
from typing import Any

from augmentlab import transforms as T  # noqa: N812
from augmentlab.distributions import Distribution, integers
from augmentlab.interop.albumentations.both import (
    LINEAR,
    NEAREST,
    Both,
    Given,
    between,
    border,
    call,
    one_after_another,
    plain,
    same,
)
from augmentlab.interop.grades import DRAWN, ONE, Grade, RefusedError, approximate
from augmentlab.interop.sampling import Lines, fixed, number, pair, span
from augmentlab.params import parameters
from augmentlab.transform import Transform

_FLOATS = "OpenCV interpolates in single precision"


def _turned(step: Any) -> str | Lines:
    return _elements(step, "turns", "RandomRotate90", lambda turns: _TURNS[turns])


_TURNS: tuple[tuple[str, ...], ...] = (
    (),
    (call("Transpose", 1), call("VerticalFlip", 1)),
    (call("HorizontalFlip", 1), call("VerticalFlip", 1)),
    (call("VerticalFlip", 1), call("Transpose", 1)),
)


def _mirrored(step: Any) -> str | Lines:
    return _elements(step, "element", "D4", lambda one: (call("HorizontalFlip", 1),) * (one >= 4) + _TURNS[one % 4])


def _elements(step: Any, name: str, all_of_them: str, calls: Callable[[int], tuple[str, ...]]) -> str | Lines:
    """Any of a group of symmetries alike, or some of them."""
    low, high = span(getattr(step, name))
    (whole,) = (one for one in parameters(step) if one.name == name)
    if (low, high) == (whole.low, whole.high):
        return call(all_of_them, step)
    if low == high:
        return one_after_another(step, *calls(low))
    each = [f"    A.Sequential([{', '.join(calls(one) or (call('NoOp', 1),))}], p=1)," for one in range(low, high + 1)]
    return ["A.OneOf([", *each, f"], p={number(step.p)})"]


# --- geometry --------------------------------------------------------------------------------------------------------


def _affine(step: Any) -> str:
    shifts = {"x": step.translate_x, "y": step.translate_y}
    sign, name = (-1, "Affine") if _is_theirs(step) else (1, "ExactAffine")
    given = {}
    if name == "ExactAffine" or any(span(shift) != (0, 0) for shift in shifts.values()):
        given["translate_percent"] = _by_axis({axis: pair(span(shift)) for axis, shift in shifts.items()})
    shears = {"x": pair(span(step.shear_x), sign), "y": pair(span(step.shear_y), sign)}
    text = call(
        "Affine",
        step,
        scale=pair(span(step.scale)),
        **given,
        rotate=pair(span(step.angle)),
        shear=_by_axis(shears),
        keep_ratio="True",
        **border(step),
    )
    return text if name == "Affine" else text.replace("A.Affine(", "ExactAffine(", 1)


def _by_axis(texts: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{axis}": {text}' for axis, text in texts.items()) + "}"


def _one_shear(step: Any) -> bool:
    """Theirs shears after turning, and along both sides at once."""
    bent = [name for name in ("shear_x", "shear_y", "angle") if span(getattr(step, name)) != (0, 0)]
    return len(bent) < 2


def _is_theirs(step: Any) -> bool:
    """Whether their own class does it; it cuts shifts down to whole pixels, which is nothing beside a range of them."""
    shifts = (step.translate_x, step.translate_y)
    return _one_shear(step) and all(isinstance(one, Distribution) or one == 0 for one in shifts)


def _affine_grade(step: Any) -> Grade:
    shifts = (step.translate_x, step.translate_y)
    return ONE if not _is_theirs(step) or all(one == 0 for one in shifts) else DRAWN


def _read_affine(given: Given) -> Transform:
    given.only(balanced_scale=False, fit_output=False)
    given.used |= {"rotate_method"}  # of boxes
    given.assume(interpolation=LINEAR, mask_interpolation=NEAREST)
    shifts = {axis: between(ends) for axis, ends in (given["translate_percent"] or {"x": (0, 0), "y": (0, 0)}).items()}
    pixels = given["translate_px"] or {"x": (0, 0), "y": (0, 0)}
    if any(not same(ends, 0) for ends in pixels.values()):
        height, width = given.sides("shifts are")
        shifts = {"x": between(pixels["x"], 1 / width), "y": between(pixels["y"], 1 / height)}
    scales = [between(given["scale"][axis]) for axis in "xy"]
    if not given["keep_ratio"] and (scales[0] != scales[1] or isinstance(scales[0], Distribution)):
        raise RefusedError(
            "it draws a factor of its own for each side, and there is one for both here", "keep_ratio=True maps"
        )
    step = T.Affine(
        scale=scales[0],
        translate_x=shifts["x"],
        translate_y=shifts["y"],
        angle=given.range("rotate"),
        shear_x=between(given["shear"]["x"], -1),
        shear_y=between(given["shear"]["y"], -1),
        **given.border(),
    )
    if not _one_shear(step):
        raise RefusedError(
            "it shears after turning and along both sides at once, and it is the other way round here",
            "steps, each with one shear or rotate, map",
        )
    return step


def _read_shift_scale_rotate(given: Given) -> Transform:
    scale = between(given["scale_limit"], plus=1)
    if isinstance(scale, Distribution):
        raise RefusedError(
            "Albumentations 2 draws a factor of its own for each side, and there is one for both here",
            "A.Affine(scale=..., keep_ratio=True) maps, and scale_limit=0 does",
        )
    given.used |= {"rotate_method", "shift_limit"}
    given.assume(interpolation=LINEAR, mask_interpolation=NEAREST)
    return T.Affine(
        scale=scale,
        translate_x=given.range("shift_limit_x"),
        translate_y=given.range("shift_limit_y"),
        angle=given.range("rotate_limit"),
        **given.border(),
    )


def _read_rotate(given: Given) -> Transform:
    given.only(crop_border=False)
    given.used |= {"rotate_method"}
    given.assume(interpolation=LINEAR, mask_interpolation=NEAREST)
    return T.Rotate(angle=given.range("limit"), **given.border())


def _read_shuffle(given: Given) -> Transform:
    rows, columns = given["grid"]
    if rows != columns:
        raise RefusedError(f"grid={given['grid']!r} has other numbers of rows and columns", "a square grid maps")
    return T.GridShuffle(tiles=rows)


# --- distortion ------------------------------------------------------------------------------------------------------


def _grid(step: Any) -> str:
    distortion, cells = fixed(step, "distortion", "cells")
    limit = f"({number(-distortion)}, {number(distortion)})"
    # Its last row and column lie half a pixel beyond the image.
    return call(
        "GridDistortion", step, num_steps=number(cells), distort_limit=limit, border_mode="cv2.BORDER_REPLICATE"
    )


def _read_grid(given: Given) -> Transform:
    given.only(normalized=True)
    given.assume(interpolation=LINEAR, mask_interpolation=NEAREST)
    given.used |= {"border_mode", "fill", "fill_mask", "keypoint_remapping_method"}  # nothing from beyond is seen
    low, high = given["distort_limit"]
    if low != -high:
        raise RefusedError(f"distort_limit={low, high} has other ends", "one that is even about 0 maps")
    return T.GridDistortion(distortion=high, cells=given["num_steps"])


def _read_lens(given: Given) -> Transform:
    given.only(mode="fisheye")
    given.assume(interpolation=LINEAR, mask_interpolation=NEAREST)
    given.used |= {"keypoint_remapping_method"}
    return T.OpticalDistortion(k=given.range("distort_limit"), **given.border())


GEOMETRY: dict[type[Transform], Both] = {
    T.HorizontalFlip: Both(
        "HorizontalFlip", plain("HorizontalFlip"), reads={"HorizontalFlip": lambda _: T.HorizontalFlip()}
    ),
    T.VerticalFlip: Both("VerticalFlip", plain("VerticalFlip"), reads={"VerticalFlip": lambda _: T.VerticalFlip()}),
    T.Transpose: Both("Transpose", plain("Transpose"), reads={"Transpose": lambda _: T.Transpose()}),
    T.Rotate90: Both(
        "RandomRotate90; flips",
        _turned,
        integers=True,
        reads={"RandomRotate90": lambda _: T.Rotate90(turns=integers(0, 3))},
    ),
    T.D4: Both(
        "D4; flips",
        _mirrored,
        integers=True,
        reads=dict.fromkeys(("D4", "SquareSymmetry"), lambda _: T.D4(element=integers(0, 7))),
    ),
    T.GridShuffle: Both(
        "RandomGridShuffle",
        lambda step: call("RandomGridShuffle", step, grid=f"({step.tiles}, {step.tiles})"),
        DRAWN,
        "a side that the tiles do not divide has tiles of two sizes there, each shuffled among its like",
        reads={"RandomGridShuffle": _read_shuffle},
    ),
    T.Rotate: Both(
        "Rotate",
        lambda step: call("Rotate", step, limit=pair(span(step.angle)), **border(step)),
        ONE,
        _FLOATS,
        reads={"Rotate": _read_rotate},
    ),
    T.Affine: Both(
        "Affine(keep_ratio=True), ExactAffine",
        _affine,
        _affine_grade,
        f"{_FLOATS}; drawn shifts are cut down to whole pixels there",
        reads={"Affine": _read_affine, "ShiftScaleRotate": _read_shift_scale_rotate},
    ),
    T.Perspective: Both(
        "EvenPerspective",
        lambda step: call("Perspective", step, scale=pair(span(step.scale)), **border(step)).replace(
            "A.Perspective(", "EvenPerspective(", 1
        ),
        DRAWN,
        "it draws its own corners",
    ),
    T.OpticalDistortion: Both(
        'OpticalDistortion(mode="fisheye")',
        lambda step: call(
            "OpticalDistortion", step, distort_limit=pair(span(step.k)), mode='"fisheye"', **border(step)
        ),
        approximate(110),
        "its centre is half a pixel to the right and down",
        reads={"OpticalDistortion": _read_lens},
    ),
    T.GridDistortion: Both(
        "GridDistortion",
        _grid,
        DRAWN,
        "a side that the cells do not divide has a smaller one more there",
        reads={"GridDistortion": _read_grid},
    ),
}

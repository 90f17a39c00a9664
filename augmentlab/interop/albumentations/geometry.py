"""What moves pixels or changes the size."""

from collections.abc import Callable, Mapping
from typing import Any

from augmentlab import transforms as T  # noqa: N812
from augmentlab.interop.albumentations.both import (
    AREA,
    BORDERS,
    LINEAR,
    NEAREST,
    Both,
    Given,
    Reader,
    between,
    border,
    call,
    level,
    one_after_another,
    plain,
    same,
)
from augmentlab.interop.grades import DRAWN, EXACT, ONE, Grade, RefusedError, approximate
from augmentlab.interop.sampling import Lines, fixed, number, pair, span
from augmentlab.params import Distribution, LogUniform, Uniform, choice, integers, loguniform, parameters, uniform
from augmentlab.transform import Transform

_FLOATS = "OpenCV interpolates in single precision"
_SHRUNK = approximate(50)


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
    scale = between(given["scale_limit"], plus=1 if min(given["scale_limit"]) <= 0 else 0)
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


# --- size ------------------------------------------------------------------------------------------------------------

_SHRINKING = {"interpolation": "cv2.INTER_LINEAR", "area_for_downscale": '"image"'}


def _in_pixels(step: Any, *names: str) -> tuple[str, ...]:
    values = fixed(step, *names)
    if not all(values):
        raise RefusedError("it needs sides in pixels", " and ".join(f"{name}=" for name in names) + " can be exported")
    return tuple(number(value) for value in values)


def _resize(step: Any) -> str | Lines:
    height, width = _in_pixels(step, "height", "width")
    method, keep_aspect, fill = fixed(step, "method", "keep_aspect", "fill")
    if method == "area":
        _as_one(step, keep_aspect)
        return call("Resize", step, height=height, width=width, interpolation="cv2.INTER_AREA")
    if not keep_aspect:
        return call("Resize", step, height=height, width=width, **_SHRINKING)
    return one_after_another(
        step,
        call("LongestMaxSize", 1, max_size_hw=f"({height}, {width})", **_SHRINKING),
        call("PadIfNeeded", 1, min_height=height, min_width=width, fill=level(fill)),
    )


def _as_one(step: Any, keep_aspect: bool) -> None:
    if keep_aspect:
        raise RefusedError(f"it fits no {type(step).__name__} by areas", 'method="linear" can be exported')


def _letter_box(step: Any) -> str | Lines:
    size, multiple = fixed(step, "size", "multiple")
    calls = [call("LongestMaxSize", 1, max_size=number(size), **_SHRINKING)] if size else []
    if multiple > 1:
        divisors = {"pad_height_divisor": number(multiple), "pad_width_divisor": number(multiple)}
        calls.append(
            call("PadIfNeeded", 1 if size else step.p, min_height="None", min_width="None", **divisors, **border(step))
        )
    return calls[0] if calls and not size else one_after_another(step, *calls)


def _read_pad_if_needed(given: Given) -> Transform:
    given.used |= {"padding"}
    given.only(position="center")
    frame = (given["min_height"], given["min_width"])
    multiples = (given["pad_height_divisor"], given["pad_width_divisor"])
    if frame == (None, None):
        if multiples[0] != multiples[1]:
            raise RefusedError(f"its multiples {multiples} differ", "one for both sides maps")
        return T.LetterBox(multiple=multiples[0], **given.border())
    shape = given.sides("least sides are")
    missing = [max((least or 0) - side, 0) for least, side in zip(frame, shape, strict=True)]
    if multiples != (None, None):
        missing = [-side % one if one else less for side, one, less in zip(shape, multiples, missing, strict=True)]
    (top, bottom), (left, right) = [(less // 2, less - less // 2) for less in missing]
    return _padded(given, top, right, bottom, left)


def _padded(given: Given, top: int, right: int, bottom: int, left: int) -> Transform:
    height, width = given.sides("border is")
    return T.CropAndPad(
        top=top / height,
        bottom=bottom / height,
        left=left / width,
        right=right / width,
        keep_size=False,
        **given.border(),
    )


def _read_pad(given: Given) -> Transform:
    padding = given["padding"]
    left, top, *others = padding if isinstance(padding, tuple | list) else (padding, padding)
    right, bottom = others or (left, top)
    return _padded(given, top, right, bottom, left)


def _cut(given: Given, what: str = "window is") -> tuple[int, int]:
    """The sides of the images; nothing may have to be added to them."""
    given.used |= {"pad_if_needed", "pad_position", "border_mode", "fill", "fill_mask"}
    return given.sides(what)


def _share(kept: int, side: int) -> float:
    if kept > side:
        raise RefusedError(f"its window of {kept} pixels is larger than a side of {side}", "a smaller one maps")
    return kept / side


def _read_center_crop(given: Given) -> Transform:
    height, width = _cut(given)
    return T.CenterCrop(height=_share(given["height"], height), width=_share(given["width"], width))


def _read_random_crop(given: Given) -> Transform:
    height, width = _cut(given)
    kept = {"height": _share(given["height"], height), "width": _share(given["width"], width)}
    return T.Crop(**kept, x=uniform(0, 1), y=uniform(0, 1))


def _read_crop(given: Given) -> Transform:
    height, width = _cut(given)
    left, top, right, bottom = (given[name] for name in ("x_min", "y_min", "x_max", "y_max"))
    _share(right, width), _share(bottom, height)
    return T.Crop(
        height=(bottom - top) / height,
        width=(right - left) / width,
        # the middle of the shares that begin there
        x=(left + 0.5) / (width - (right - left) + 1),
        y=(top + 0.5) / (height - (bottom - top) + 1),
    )


def read_fitted(longest: Given, padded: Given) -> Transform | None:
    """``LongestMaxSize``, then ``PadIfNeeded``, where that fits the image into a frame; else None."""
    frame = (padded["min_height"], padded["min_width"])
    within = longest["max_size_hw"] or (longest["max_size"],) * 2
    if list(within) != list(frame) or padded["position"] != "center" or padded["border_mode"] != BORDERS["constant"][1]:
        return None
    _read_resizing(longest)
    padded.assume(fill_mask=0)
    return T.Resize(height=frame[0], width=frame[1], keep_aspect=True, fill=padded.level())


def _read_resizing(given: Given) -> None:
    given.assume(mask_interpolation=NEAREST)
    if given["area_for_downscale"] is None and given["interpolation"] != AREA:
        given.notes.append("what shrinks is smoothed first here; area_for_downscale is None")
    else:
        given.assume(interpolation=LINEAR)


def _read_resize(given: Given) -> Transform:
    area = given["interpolation"] == AREA
    if not area:
        _read_resizing(given)
    given.used |= {"mask_interpolation", "area_for_downscale"}
    return T.Resize(height=given["height"], width=given["width"], method="area" if area else "linear")


def _read_size(cls: Any) -> Reader:
    def read(given: Given) -> Transform:
        given.only(max_size_hw=None)
        _read_resizing(given)
        size = given["max_size"]
        return cls(size=choice(*size) if isinstance(size, tuple | list) else size)

    return read


def _rescale(step: Any) -> str:
    if not isinstance(step.factor, Distribution):
        raise RefusedError("it cuts the new sides down to whole pixels, and they are rounded here", "Resize can")
    return call("RandomScale", step, scale_limit=pair(span(step.factor), plus=-1), **_SHRINKING)


def _read_random_scale(given: Given) -> Transform:
    _read_resizing(given)
    given.notes.append("new sides are rounded here, there cut down")
    return T.Rescale(factor=given.range("scale_limit", plus=1))


def _resized_crop(step: Any) -> str:
    height, width = _in_pixels(step, "height", "width")
    if span(step.x) != (0, 1) or span(step.y) != (0, 1):
        raise RefusedError("it draws the place by itself", "x=uniform(0, 1), y=uniform(0, 1) can be exported")
    ratio = step.ratio
    if isinstance(ratio, Uniform):
        raise RefusedError("it draws the ratio in the logarithm", "ratio=loguniform(...) can be exported")
    return call(
        "RandomResizedCrop",
        step,
        size=f"({height}, {width})",
        scale=pair(span(step.scale)),
        ratio=pair(span(ratio)),
        **_SHRINKING,
    )


def _read_resized_crop(given: Given) -> Transform:
    _read_resizing(given)
    height, width = given["size"]
    low, high = given["ratio"]
    given.notes.append(
        "the ratio is relative to the image's own here, and a window that does not fit is cut, there drawn again"
    )
    return T.ResizedCrop(
        height=height,
        width=width,
        scale=given.range("scale"),
        ratio=low if low == high else loguniform(low, high),
        x=uniform(0, 1),
        y=uniform(0, 1),
    )


def _share_crop(step: Any, x: Any, y: Any) -> str:
    ranges = {"height": step.height, "width": step.width, "x": x, "y": y}
    texts = {name: pair(span(value)) for name, value in ranges.items()}
    return call("ShareCrop", step, **texts).removeprefix("A.")


def _crop_and_pad(step: Any) -> str:
    sides = [step.top, step.right, step.bottom, step.left]
    for side in sides:
        if not isinstance(side, Distribution) and side != 0:
            raise RefusedError(
                "it cuts shares down to whole pixels, and they are rounded here", "uniform ranges can be exported"
            )
    (keep,) = fixed(step, "keep_size")
    shares = f"[{', '.join(pair(span(side)) for side in sides)}]"
    return call("CropAndPad", step, percent=shares, keep_size=str(keep), **border(step))


def _read_crop_and_pad(given: Given) -> Transform:
    given.only(px=None)
    given.assume(interpolation=LINEAR, mask_interpolation=NEAREST)
    percent = given["percent"]
    if isinstance(percent, int | float):
        sides: list[Any] = [percent] * 4
    elif len(percent) == 2 and not isinstance(percent[0], tuple | list):
        if not given["sample_independently"]:
            raise RefusedError("one draw for all sides has no counterpart", "sample_independently=True has")
        sides = [between(percent)] * 4
    else:
        sides = [between(one) if isinstance(one, tuple | list) else one for one in percent]
    given.used |= {"sample_independently"}
    top, right, bottom, left = sides
    given.notes.append("shares of the side are rounded to pixels here, there cut down")
    edge = given.border()
    return T.CropAndPad(top=top, right=right, bottom=bottom, left=left, keep_size=given["keep_size"], **edge)


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


_AREAS = "what shrinks is a mean over areas there, and smoothed by a Gaussian here"
_CUT = "shares of the side are cut down to whole pixels there, and rounded here"

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
    T.Resize: Both(
        "Resize",
        _resize,
        lambda step: ONE if step.method == "area" else _SHRUNK,
        _AREAS,
        reads={"Resize": _read_resize},
    ),
    T.LongestMaxSize: Both(
        "LongestMaxSize",
        lambda step: call("LongestMaxSize", step, max_size=_in_pixels(step, "size")[0], **_SHRINKING),
        _SHRUNK,
        _AREAS,
        reads={"LongestMaxSize": _read_size(T.LongestMaxSize)},
    ),
    T.SmallestMaxSize: Both(
        "SmallestMaxSize",
        lambda step: call("SmallestMaxSize", step, max_size=_in_pixels(step, "size")[0], **_SHRINKING),
        _SHRUNK,
        _AREAS,
        reads={"SmallestMaxSize": _read_size(T.SmallestMaxSize)},
    ),
    T.LetterBox: Both(
        "LongestMaxSize, PadIfNeeded",
        _letter_box,
        lambda step: _SHRUNK if step.size else EXACT,
        _AREAS,
        reads={"PadIfNeeded": _read_pad_if_needed},
    ),
    T.Crop: Both(
        "ShareCrop",
        lambda step: _share_crop(step, step.x, step.y),
        EXACT,
        reads={"RandomCrop": _read_random_crop, "Crop": _read_crop},
    ),
    T.CenterCrop: Both(
        "ShareCrop", lambda step: _share_crop(step, 0.5, 0.5), EXACT, reads={"CenterCrop": _read_center_crop}
    ),
    T.Rescale: Both("RandomScale", _rescale, DRAWN, _CUT, reads={"RandomScale": _read_random_scale}),
    T.ResizedCrop: Both(
        "RandomResizedCrop",
        _resized_crop,
        DRAWN,
        "the ratio is relative to the image's own here, and a window that does not fit is cut, there drawn again",
        keeps=lambda name, value: name == "ratio" and isinstance(value, LogUniform),
        reads={"RandomResizedCrop": _read_resized_crop},
    ),
    T.CropAndPad: Both(
        "CropAndPad", _crop_and_pad, DRAWN, _CUT, reads={"CropAndPad": _read_crop_and_pad, "Pad": _read_pad}
    ),
}

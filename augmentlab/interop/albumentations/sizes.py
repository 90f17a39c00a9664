"""What changes the size: crops, resizing and borders."""

from typing import Any

from augmentlab import transforms as T  # noqa: N812
from augmentlab.distributions import Distribution, LogUniform, Uniform, choice, loguniform, uniform
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
)
from augmentlab.interop.grades import DRAWN, EXACT, ONE, RefusedError, approximate
from augmentlab.interop.sampling import Lines, fixed, number, pair, span
from augmentlab.transform import Transform

_SHRUNK = approximate(50)
_AREAS = "what shrinks is a mean over areas there, and smoothed by a Gaussian here"
_CUT = "shares of the side are cut down to whole pixels there, and rounded here"
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
        ratio=pair((ratio.low, ratio.high) if isinstance(ratio, LogUniform) else span(ratio)),
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


def _share_pad(step: Any) -> str:
    shares = {"height": pair(span(step.height)), "width": pair(span(step.width))}
    return call("SharePad", step, **shares, **border(step)).removeprefix("A.")


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


SIZES: dict[type[Transform], Both] = {
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
    T.Pad: Both("SharePad", _share_pad, EXACT, reads={"Pad": _read_pad}),
    T.Rescale: Both("RandomScale", _rescale, DRAWN, _CUT, reads={"RandomScale": _read_random_scale}),
    T.ResizedCrop: Both(
        "RandomResizedCrop",
        _resized_crop,
        DRAWN,
        "the ratio is relative to the image's own here, and a window that does not fit is cut, there drawn again",
        keeps=lambda name, value: name == "ratio" and isinstance(value, LogUniform),
        reads={"RandomResizedCrop": _read_resized_crop},
    ),
    T.CropAndPad: Both("CropAndPad", _crop_and_pad, DRAWN, _CUT, reads={"CropAndPad": _read_crop_and_pad}),
}

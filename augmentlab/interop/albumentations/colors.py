"""Colour and tone, and scaling to floats."""

import itertools
import math
from typing import Any

from augmentlab import transforms as T  # noqa: N812
from augmentlab.compose import Compose
from augmentlab.distributions import Distribution, choice
from augmentlab.interop.albumentations.both import (
    Both,
    Given,
    between,
    call,
    level,
    one_after_another,
    plain,
    whole,
)
from augmentlab.interop.grades import DRAWN, EXACT, ONE, Grade, RefusedError, approximate
from augmentlab.interop.sampling import Lines, default, fixed, number, pair, span
from augmentlab.params import parameters
from augmentlab.transform import Transform

_CUTS = "it cuts decimals off where augmentlab rounds"
_HUE = approximate(15)
_MIXED = approximate(5)


def _field_default(step: Any, name: str) -> Any:
    return next(one.default for one in parameters(step) if one.name == name)


# --- tone and colour -------------------------------------------------------------------------------------------------


def _linear(step: Transform, brightness: Any, contrast: Any, pivot: float) -> str:
    """``x * contrast + brightness`` about a pivot."""
    if isinstance(contrast, Distribution) and pivot:
        raise RefusedError(
            "it stretches about black",
            "contrast as a number, and ColorJitter, which stretches about the mean, can be exported",
        )
    shift = pivot * (1 - contrast) if pivot else 0.0
    return call(
        "RandomBrightnessContrast",
        step,
        brightness_limit=pair(span(brightness), plus=shift),
        contrast_limit=pair(span(contrast), plus=-1),
    )


def _read_linear(given: Given) -> Transform:
    given.only(brightness_by_max=True, ensure_safe_range=False)
    brightness, factor = given.range("brightness_limit"), given.range("contrast_limit", plus=1)
    added, stretched = T.Brightness(delta=brightness), T.ColorJitter(brightness=factor)
    if factor == 1:
        return added
    if brightness == 0:
        return stretched
    if not isinstance(factor, Distribution) and not isinstance(brightness, Distribution):
        return T.BrightnessContrast(contrast=factor, brightness=brightness - (1 - factor) / 2)
    if span(brightness)[0] < 0:
        given.notes.append("it is clipped to white between contrast and brightness here")
    return Compose((stretched, added))


def _solarize(step: Any) -> str:
    if isinstance(step.threshold, Distribution):
        return call("Solarize", step, threshold_range=pair(span(step.threshold)))
    # What equals the threshold is inverted there and not here, so that it lies between two levels.
    between_levels = math.floor(step.threshold * 255 + 1e-9) + 0.5
    if between_levels > 255:
        return call("NoOp", step)
    return call("Solarize", step, threshold_range=pair(span(between_levels / 255)))


def _read_solarize(given: Given) -> Transform:
    threshold = given.range("threshold_range")
    if not isinstance(threshold, Distribution):
        threshold = max(math.ceil(threshold * 255 - 1e-9) - 0.5, 0) / 255
    return T.Solarize(threshold=threshold)


def _posterize(step: Any) -> str:
    low, high = span(step.bits)
    if low == 8:
        return call("NoOp", step)
    if high == 8:
        raise RefusedError("it keeps 7 bits at most", "bits up to 7 can be exported")
    return call("Posterize", step, num_bits=whole(step.bits))


def _read_posterize(given: Given) -> Transform:
    if isinstance(given["num_bits"], list | tuple) and isinstance(given["num_bits"][0], list | tuple):
        raise RefusedError("bits for each channel have no counterpart", "one range for all maps")
    return T.Posterize(bits=given.whole("num_bits"))


def _rgb_shift(step: Any) -> str:
    def limit(shift: Any) -> str:
        ends = span(shift)
        # Up to 1 they are taken for shares of full scale, above for levels.
        return pair(ends, 255) if max(map(abs, ends)) > 1 / 255 else pair(ends)

    return call(
        "RGBShift",
        step,
        r_shift_limit=limit(step.red),
        g_shift_limit=limit(step.green),
        b_shift_limit=limit(step.blue),
    )


def _read_rgb_shift(given: Given) -> Transform:
    given.used |= {"noise_type", "spatial_mode", "noise_params", "approximation"}

    def shift(name: str) -> Any:
        return between(given[name], 1 / 255 if max(map(abs, given[name])) > 1 else 1)

    return T.RGBShift(red=shift("r_shift_limit"), green=shift("g_shift_limit"), blue=shift("b_shift_limit"))


def _hue(step: Any) -> str:
    default(step, "saturation")
    limit = pair(span(step.hue), 0.5)
    return call("HueSaturationValue", step, hue_shift_limit=limit, sat_shift_limit="(0, 0)", val_shift_limit="(0, 0)")


def _read_hue(given: Given) -> Transform:
    for name in ("sat_shift_limit", "val_shift_limit"):
        if any(given[name]):
            raise RefusedError(
                f"{name}={given[name]!r} adds to a value of HSV, and no transform does here",
                "ColorJitter, and hue_shift_limit alone, map",
            )
    return T.HueSaturation(hue=given.range("hue_shift_limit", 2))


_JITTER = {"b": "brightness", "c": "contrast", "s": "saturation", "h": "hue"}


def _jitter(step: Any) -> str | Lines:
    ranges = {name: pair(span(getattr(step, name))) for name in ("brightness", "contrast", "saturation")}
    ranges["hue"] = pair(span(step.hue), 1 / 360)
    changed = [name for name in _JITTER.values() if span(getattr(step, name)) != (0.0 if name == "hue" else 1.0,) * 2]
    if changed == ["brightness"]:
        return _linear(step, 0.0, step.brightness, 0)
    if len(changed) < 2 or isinstance(step.order, Distribution):
        return call("ColorJitter", step, **ranges)
    still = dict.fromkeys(ranges, "(1, 1)") | {"hue": "(0, 0)"}
    names = [name for name in map(_JITTER.get, step.order) if name in changed]
    return one_after_another(step, *(call("ColorJitter", 1, **still | {name: ranges[name]}) for name in names))


def _jitter_grade(step: Any) -> Grade:
    if span(step.hue) != (0, 0):
        return _HUE
    changed = [name for name in ("brightness", "contrast", "saturation") if span(getattr(step, name)) != (1, 1)]
    return ONE if len(changed) < 2 and span(step.saturation)[1] <= 2 else _MIXED


def _read_jitter(given: Given) -> Transform:
    return T.ColorJitter(
        brightness=given.range("brightness"),
        contrast=given.range("contrast"),
        saturation=given.range("saturation"),
        hue=given.range("hue", 360),
    )


def _read_factor(given: Given) -> Transform:
    given.only(per_channel=False, elementwise=False)
    return T.ColorJitter(brightness=given.range("multiplier"))


def _read_gray(given: Given) -> Transform:
    given.only(num_output_channels=3, method="weighted_average")
    return T.Grayscale(weights="bt601")


def _sepia(step: Any) -> str:
    if step.amount != 1:
        raise RefusedError("it goes all the way", "amount=1 can be exported")
    return call("ToSepia", step)


def _shuffled(step: Any) -> str:
    if step.order != _field_default(step, "order"):
        raise RefusedError("it draws the order by itself", "order as it is by default can be exported")
    if step.p > 5 / 6:
        raise RefusedError("one in six of its orders is the given one", "p up to 0.83 can be exported")
    return call("ChannelShuffle", step.p * 6 / 5)


def _dropped(step: Any) -> str:
    if step.channel != _field_default(step, "channel"):
        raise RefusedError("it draws the channel by itself", "channel as it is by default can be exported")
    return call("ChannelDropout", step, channel_drop_range="(1, 1)", fill=level(*fixed(step, "fill")))


def _read_dropped(given: Given) -> Transform:
    given.only(channel_drop_range=(1, 1))
    return T.ChannelDropout(fill=given.level())


def _read_equalize(given: Given) -> Transform:
    given.only(by_channels=True, mask=None)
    given.used |= {"mask_params"}
    given.notes.append("it is the histogram without the first bin, or in whole steps, there, and all of it here")
    given.used |= {"mode"}
    return T.Equalize()


def _auto_contrast(step: Any) -> str:
    default(step, "channels")
    (cutoff,) = fixed(step, "cutoff")
    return call("AutoContrast", step, cutoff=number(100 * cutoff), method='"pil"')


def _read_auto_contrast(given: Given) -> Transform:
    given.only(method="pil", ignore=None)
    return T.AutoContrast(cutoff=given["cutoff"] / 100)


# --- scaling ---------------------------------------------------------------------------------------------------------


def _normalized(step: Transform, mean: tuple[float, ...], std: tuple[float, ...]) -> str:
    means, stds = (f"({', '.join(map(number, values))},)" for values in (mean, std))
    return call("Normalize", step, mean=means, std=stds, max_pixel_value="255")


def _by_kind(step: Transform, kind: str) -> str:
    return call("Normalize", step, normalization=f'"{kind}"')


def _normalize(step: Any) -> str:
    (method,) = fixed(step, "method")
    return _by_kind(step, "min_max") if method == "minmax" else _normalized(step, (0.0,) * 3, (1.0,) * 3)


def _center(step: Any) -> str:
    if not step.mean:
        raise RefusedError("it subtracts no image's own mean alone", "Standardize() and Center.fit can be exported")
    return _normalized(step, step.mean, (1.0,) * len(step.mean))


def _standardize(step: Any) -> str:
    if step.mean:
        return _normalized(step, step.mean, step.std)
    (per_channel,) = fixed(step, "per_channel")
    return _by_kind(step, "image_per_channel" if per_channel else "image")


def _read_normalize(given: Given) -> Transform:
    kind, mean, std = given["normalization"], given["mean"], given["std"]
    given.used |= {"max_pixel_value"}
    if kind == "min_max":
        return T.Normalize(method="minmax")
    if kind in {"image", "image_per_channel"}:
        return T.Standardize(per_channel=kind == "image_per_channel")
    given.only(normalization="standard", max_pixel_value=255)
    means, stds = (tuple(one) if isinstance(one, tuple | list) else (one,) for one in (mean, std))
    if not any(means) and set(stds) == {1}:
        return T.Normalize()
    return T.Center(mean=means) if set(stds) == {1} else T.Standardize(mean=means, std=stds)


def _read_float(given: Given) -> Transform:
    if given["max_value"] not in {None, 255}:
        given.only(max_value=None)
    return T.Normalize()


def _to_rgb(step: Any) -> str:
    if step.to != "rgb":
        raise RefusedError("it makes images of one channel without a channel axis", 'to="rgb" can be exported')
    return call("ToRGB", step)


def _read_rgb(given: Given) -> Transform:
    given.only(num_output_channels=3)
    return T.ConvertChannels(to="rgb")


COLORS: dict[type[Transform], Both] = {
    T.Brightness: Both(
        "RandomBrightnessContrast",
        lambda step: _linear(step, step.delta, 1.0, 0),
        ONE,
        _CUTS,
        reads={"RandomBrightnessContrast": _read_linear},
    ),
    T.Contrast: Both("RandomBrightnessContrast", lambda step: _linear(step, 0.0, step.factor, 0.5), ONE, _CUTS),
    T.BrightnessContrast: Both(
        "RandomBrightnessContrast", lambda step: _linear(step, step.brightness, step.contrast, 0.5), ONE, _CUTS
    ),
    T.Gamma: Both(
        "RandomGamma",
        lambda step: call("RandomGamma", step, gamma_limit=pair(span(step.gamma), 100)),
        ONE,
        _CUTS,
        reads={"RandomGamma": lambda given: T.Gamma(gamma=given.range("gamma_limit", 0.01))},
    ),
    T.Posterize: Both("Posterize", _posterize, integers=True, reads={"Posterize": _read_posterize}),
    T.Solarize: Both("Solarize", _solarize, reads={"Solarize": _read_solarize}),
    T.Invert: Both("InvertImg", plain("InvertImg"), reads={"InvertImg": lambda _: T.Invert()}),
    T.RGBShift: Both(
        "RGBShift",
        _rgb_shift,
        ONE,
        f"{_CUTS}; it shifts a gray image as it does red",
        reads={"RGBShift": _read_rgb_shift},
    ),
    T.HueSaturation: Both(
        "HueSaturationValue",
        _hue,
        approximate(10),
        "OpenCV's hue of uint8 has steps of 2 degrees",
        reads={"HueSaturationValue": _read_hue},
    ),
    T.ColorJitter: Both(
        "ColorJitter",
        _jitter,
        _jitter_grade,
        f"it works on uint8 from step to step, {_CUTS}, and its hue has steps of 2 degrees",
        keeps=lambda name, value: name == "order" and value == choice(*map("".join, itertools.permutations("bcsh"))),
        reads={"ColorJitter": _read_jitter, "MultiplicativeNoise": _read_factor},
    ),
    T.Grayscale: Both(
        "ToGray",
        plain("ToGray"),
        lambda step: ONE if step.weights == "bt601" else approximate(16),
        "it weighs the colours as ITU-R BT.601 does, in whole numbers; scikit-image's weights are BT.709's",
        reads={"ToGray": _read_gray},
    ),
    T.Sepia: Both(
        "ToSepia", _sepia, ONE, "it sums in single precision", reads={"ToSepia": lambda _: T.Sepia(amount=1)}
    ),
    T.ChannelShuffle: Both(
        "ChannelShuffle",
        _shuffled,
        DRAWN,
        keeps=lambda name, _: name == "order",
        reads={"ChannelShuffle": lambda _: T.ChannelShuffle(p=5 / 6)},
    ),
    T.ChannelDropout: Both(
        "ChannelDropout",
        _dropped,
        DRAWN,
        keeps=lambda name, _: name == "channel",
        reads={"ChannelDropout": _read_dropped},
    ),
    T.Equalize: Both(
        "Equalize",
        plain("Equalize"),
        approximate(30),
        "it leaves the least value out of the histogram",
        reads={"Equalize": _read_equalize},
    ),
    T.AutoContrast: Both(
        'AutoContrast(method="pil")',
        _auto_contrast,
        lambda step: approximate(4) if step.cutoff else ONE,
        "it cuts off whole levels, and augmentlab quantiles",
        reads={"AutoContrast": _read_auto_contrast},
    ),
    T.Normalize: Both(
        "Normalize",
        _normalize,
        EXACT,
        "minmax comes as float64",
        reads={"Normalize": _read_normalize, "ToFloat": _read_float},
    ),
    T.Center: Both("Normalize", _center, EXACT),
    T.Standardize: Both(
        "Normalize",
        _standardize,
        lambda step: EXACT if step.mean else ONE,
        "it adds 0.0001 to an image's own standard deviation; what comes is float64",
    ),
    T.ConvertChannels: Both(
        "ToRGB",
        _to_rgb,
        reads={"ToRGB": _read_rgb},
    ),
}

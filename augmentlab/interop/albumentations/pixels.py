"""What changes values: colour, blur, noise, occlusion, scaling."""

import itertools
import math
from typing import Any

from augmentlab import transforms as T  # noqa: N812
from augmentlab.compose import Compose
from augmentlab.interop.albumentations.both import (
    AREA,
    NEAREST_EXACT,
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
from augmentlab.params import Choice, Distribution, choice, integers, parameters
from augmentlab.transform import Transform

_CUTS = "it cuts decimals off where augmentlab rounds"
_MIRROR = "beyond the border it mirrors the image, and augmentlab repeats the last pixel"
_FIELD = "it draws its own field"


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


# --- blur and detail -------------------------------------------------------------------------------------------------


def _read_gaussian(given: Given) -> Transform:
    low, high = given["blur_limit"]
    sigma = given.range("sigma_limit")
    if high and min(low, high) < 2 * int(3 * span(sigma)[1]) + 1:
        raise RefusedError(
            f"its kernel of {low} to {high} pixels cuts a Gaussian of sigma {span(sigma)[1]:g}", "blur_limit=0 maps"
        )
    return T.GaussianBlur(sigma=sigma)


def _odd(radius: Any) -> str:
    """Sides of squares that are drawn alike from a range of odd ones."""
    if isinstance(radius, Choice):
        radii = sorted(radius.values)
        low, high, whole_ones = radii[0], radii[-1], all(one == int(one) for one in radii)
        if not whole_ones or radii != list(range(int(low), int(high) + 1)) or low < 1:
            raise RefusedError("it draws odd sides from a range", "radius=choice(1, 2, 3) can be exported")
    else:
        low, high = span(radius)
        if isinstance(radius, Distribution) and isinstance(low, float):
            raise RefusedError("it draws odd sides from a range", "radius=choice(1, 2, 3) can be exported")
    if low != int(low) or low < 1:
        raise RefusedError("its squares have an odd side of 3 at least", "whole radii from 1 can be exported")
    return f"({2 * int(low) + 1}, {2 * int(high) + 1})"


def _read_box(given: Given) -> Transform:
    low, high = (side // 2 for side in given["blur_limit"])
    return T.BoxBlur(radius=low if low == high else choice(*map(float, range(low, high + 1))))


def _read_median(given: Given) -> Transform:
    low, high = (side // 2 for side in given["blur_limit"])
    if high > 4:
        raise RefusedError(f"blur_limit={given['blur_limit']!r} is too large", "up to 9 maps")
    return T.MedianBlur(radius=low if low == high else integers(low, high))


def _sharpness(step: Any) -> str:
    low, high = span(step.factor)
    if low < 1 or high > 14:
        raise RefusedError("it does not soften", "factor from 1 to 14 can be exported")
    return call("Sharpen", step, alpha=pair(((low - 1) / 13, (high - 1) / 13)), lightness="(1, 1)")


def _read_sharpen(given: Given) -> Transform:
    given.only(method="kernel")
    given.used |= {"kernel_size", "sigma"}
    if not all(one == 1 for one in given["lightness"]):
        raise RefusedError(f"lightness={given['lightness']!r} changes the brightness as well", "lightness=(1, 1) maps")
    return T.Sharpness(factor=given.range("alpha", 13, 1))


def _unsharp(step: Any) -> str:
    (sigma,) = fixed(step, "sigma")
    if span(step.amount)[1] > 1:
        raise RefusedError("it adds the difference once at most", "amount up to 1 can be exported")
    side = 2 * int(4 * sigma + 0.5) + 1
    return call(
        "UnsharpMask",
        step,
        blur_limit=f"({side}, {side})",
        sigma_limit=pair(span(sigma)),
        alpha=pair(span(step.amount)),
        threshold="0",
    )


def _read_unsharp(given: Given) -> Transform:
    given.only(threshold=0)
    sigma = given.range("sigma_limit")
    if isinstance(sigma, Distribution) or sigma == 0 or min(given["blur_limit"]) < 2 * int(3 * sigma) + 1:
        raise RefusedError(
            f"sigma_limit={given['sigma_limit']!r} with a kernel of {given['blur_limit']!r} is no one Gaussian",
            "sigma_limit=(s, s) with blur_limit of 7 s or more maps",
        )
    return T.UnsharpMask(sigma=sigma, amount=given.range("alpha"))


_ENLARGED = {"nearest": "cv2.INTER_NEAREST_EXACT", "linear": "cv2.INTER_LINEAR"}


def _downscale(step: Any) -> str:
    (method,) = fixed(step, "method")
    pair_ = f'{{"downscale": cv2.INTER_AREA, "upscale": {_ENLARGED[method]}}}'
    return call("Downscale", step, scale_range=pair(span(step.scale)), interpolation_pair=pair_)


def _read_downscale(given: Given) -> Transform:
    down, up = given["interpolation_pair"]["downscale"], given["interpolation_pair"]["upscale"]
    if down != AREA:
        given.notes.append("each small pixel is the mean over its area here")
    if up not in {0, 1, NEAREST_EXACT}:
        given.notes.append("it is enlarged linearly here")
    return T.Downscale(scale=given.range("scale_range"), method="nearest" if up in {0, NEAREST_EXACT} else "linear")


# --- noise, compression and occlusion --------------------------------------------------------------------------------


def _noise(step: Any) -> str:
    (per_channel,) = fixed(step, "per_channel")
    return call("GaussNoise", step, std_range=pair(span(step.std)), per_channel=str(per_channel))


def _read_noise(given: Given) -> Transform:
    given.only(mean_range=(0, 0), noise_scale_factor=1)
    return T.GaussianNoise(std=given.range("std_range"), per_channel=given["per_channel"])


def _jpeg(step: Any) -> str:
    default(step, "subsampling")
    if step.quality == 100:
        return call("NoOp", step)
    return call("ImageCompression", step, quality_range=whole(step.quality))


def _read_jpeg(given: Given) -> Transform:
    given.only(compression_type="jpeg")
    return T.JPEGCompression(quality=given.whole("quality_range"))


def _pixel_dropout(step: Any) -> str:
    amount, fill, per_channel = fixed(step, "amount", "fill", "per_channel")
    return call("PixelDropout", step, dropout_prob=number(amount), per_channel=str(per_channel), drop_value=level(fill))


def _read_pixel_dropout(given: Given) -> Transform:
    given.only(mask_drop_value=None)
    return T.PixelDropout(
        amount=given["dropout_prob"], per_channel=given["per_channel"], fill=given.level("drop_value")
    )


def _holes(step: Any) -> str:
    content, fill, mask = fixed(step, "content", "fill", "mask")
    if content == "mean":
        raise RefusedError("it covers with no mean", 'content="constant" and "noise" can be exported')
    low, high = span(step.holes)
    if high == 0:
        return call("NoOp", step)
    if low == 0:
        raise RefusedError("it makes one hole at least", "holes from 1, and a p, can be exported")
    if max(span(step.height)[1], span(step.width)[1]) >= 1:
        raise RefusedError("it takes sizes from 1 for pixels", "height and width below 1 can be exported")
    return call(
        "CoarseDropout",
        step,
        num_holes_range=whole(step.holes),
        hole_height_range=pair(span(step.height)),
        hole_width_range=pair(span(step.width)),
        fill='"random"' if content == "noise" else level(fill),
        **({"fill_mask": "0"} if mask == "clear" else {}),
    )


def _read_holes(given: Given) -> Transform:
    ranges = {"height": given["hole_height_range"], "width": given["hole_width_range"]}
    times = (1.0, 1.0)
    if max(ranges["height"]) >= 1:
        height, width = given.sides("sizes are")
        times = (1 / height, 1 / width)
    holes = given.whole("num_holes_range")
    sizes = {name: between(ends, each) for (name, ends), each in zip(ranges.items(), times, strict=True)}
    if span(holes)[1] > 1 and any(isinstance(size, Distribution) for size in sizes.values()):
        given.notes.append("all holes of one draw have one size here")
    noise = given["fill"] == "random"
    return T.CoarseDropout(
        holes=holes,
        **sizes,
        content="noise" if noise else "constant",
        fill=0.0 if noise else given.level(),
        mask="keep" if given["fill_mask"] is None else "clear",
    )


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


_HUE = approximate(15)
_MIXED = approximate(5)

PIXELS: dict[type[Transform], Both] = {
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
        _HUE,
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
        approximate(15),
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
    T.GaussianBlur: Both(
        "GaussianBlur",
        lambda step: call("GaussianBlur", step, blur_limit="0", sigma_limit=pair(span(step.sigma))),
        approximate(60),
        _MIRROR,
        reads={"GaussianBlur": _read_gaussian},
    ),
    T.BoxBlur: Both(
        "Blur",
        lambda step: call("Blur", step, blur_limit=_odd(step.radius)),
        approximate(65),
        _MIRROR,
        keeps=lambda _, value: isinstance(value, Choice),
        reads={"Blur": _read_box},
    ),
    T.MedianBlur: Both(
        "MedianBlur",
        lambda step: call("MedianBlur", step, blur_limit=_odd(step.radius)) if step.radius else call("NoOp", step),
        integers=True,
        reads={"MedianBlur": _read_median},
    ),
    T.Sharpness: Both(
        'Sharpen(method="kernel")', _sharpness, approximate(50), _MIRROR, reads={"Sharpen": _read_sharpen}
    ),
    T.UnsharpMask: Both(
        "UnsharpMask(threshold=0)", _unsharp, approximate(45), _MIRROR, reads={"UnsharpMask": _read_unsharp}
    ),
    T.Downscale: Both(
        "Downscale",
        _downscale,
        approximate(170),
        "each of its small pixels is 1 / scale wide, so that content shifts where the sides are no multiples of that",
        reads={"Downscale": _read_downscale},
    ),
    T.GaussianNoise: Both("GaussNoise", _noise, DRAWN, _FIELD, reads={"GaussNoise": _read_noise}),
    T.SaltAndPepper: Both(
        "SaltAndPepper",
        lambda step: call("SaltAndPepper", step, amount=pair(span(step.amount)), salt_vs_pepper=pair(span(step.salt))),
        DRAWN,
        f"{_FIELD}, with the same number of pixels every time",
        reads={
            "SaltAndPepper": lambda given: T.SaltAndPepper(
                amount=given.range("amount"), salt=given.range("salt_vs_pepper")
            )
        },
    ),
    T.JPEGCompression: Both(
        "ImageCompression",
        _jpeg,
        approximate(75),
        "it takes red for blue while compressing",
        integers=True,
        reads={"ImageCompression": _read_jpeg},
    ),
    T.PixelDropout: Both("PixelDropout", _pixel_dropout, DRAWN, _FIELD, reads={"PixelDropout": _read_pixel_dropout}),
    T.CoarseDropout: Both(
        "CoarseDropout",
        _holes,
        DRAWN,
        "each hole has its own size, cut down to whole pixels, there; all have one, rounded, here",
        integers=True,
        reads={"CoarseDropout": _read_holes},
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

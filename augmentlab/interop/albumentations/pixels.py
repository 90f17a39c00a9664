"""Blur, noise, compression and occlusion."""

from typing import Any

from augmentlab import transforms as T  # noqa: N812
from augmentlab.distributions import Choice, Distribution, choice, integers
from augmentlab.interop.albumentations.both import (
    AREA,
    NEAREST_EXACT,
    Both,
    Given,
    between,
    call,
    level,
    whole,
)
from augmentlab.interop.grades import DRAWN, RefusedError, approximate
from augmentlab.interop.sampling import default, fixed, number, pair, span
from augmentlab.transform import Transform

_MIRROR = "beyond the border it mirrors the image, and augmentlab repeats the last pixel"
_FIELD = "it draws its own field"


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


PIXELS: dict[type[Transform], Both] = {
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
}

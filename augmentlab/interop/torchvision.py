"""torchvision.transforms.v2 (0.29): draws for itself; boxes, masks and keypoints follow there too."""

from collections.abc import Callable
from typing import Any

import numpy as np

from augmentlab import transforms as T  # noqa: N812
from augmentlab.compose import Compose, OneOf, RandomOrder, SomeOf
from augmentlab.distributions import Choice, Distribution, Integers, LogUniform
from augmentlab.interop.grades import DRAWN, EXACT, ONE, RefusedError, approximate
from augmentlab.interop.sampling import Groups, Lines, Row, Sampling, default, fixed, indented, number, pair, span
from augmentlab.interop.tones import FIELDS, chance, dropped, ends, jitters, own, per_channel, reordered
from augmentlab.interop.torchvision_classes import CLASSES
from augmentlab.pixels import Array
from augmentlab.streams import seeded

_HALVES = "single precision rounds the other way at halves"
_INTERPOLATES = "positions are computed in single precision"
_NOISE = "random numbers are PyTorch's"


def _native(write: Callable[[Any], str]) -> Callable[[Any], Lines]:
    """Write a class of torchvision that has no probability."""
    return lambda step: applied([write(step)], step.p)


def applied(lines: Lines, p: float) -> Lines:
    """Lines, the last without its comma, done with a chance of `p`."""
    if p == 1 and len(lines) == 1:
        return lines
    inside = indented([*lines[:-1], lines[-1] + ","])
    if p == 1:
        return ["v2.Compose([", *inside, "])"]
    if len(lines) == 1:
        return [f"v2.RandomApply([{lines[0]}], p={number(p)})"]
    return ["v2.RandomApply([", *inside, f"], p={number(p)})"]


# --- geometry ---------------------------------------------------------------------------------------------------------


def _black_border(step: Any) -> None:
    """Refuse what F.rotate, F.affine and F.perspective do not do beyond the border."""
    border, fill = fixed(step, "border", "fill")
    if border != "constant" or fill != 0:
        raise RefusedError(
            "beyond the border it has black without a seam, and any other gray only with one",
            'border="constant", fill=0 can be exported',
        )


def _rotate(step: Any) -> Lines:
    _black_border(step)
    if isinstance(step.angle, LogUniform):
        return [f"Affine((1, 1), (0, 0), (0, 0), {ends(step.angle)}, (0, 0), (0, 0){chance(step)})"]
    return applied(
        [f"v2.RandomRotation({pair(span(step.angle))}, interpolation=v2.InterpolationMode.BILINEAR, fill=None)"],
        step.p,
    )


def _is_zero(value: Any) -> bool:
    return not isinstance(value, Distribution) and value == 0


def _affine(step: Any) -> Lines:
    _black_border(step)
    logs = any(isinstance(getattr(step, one), LogUniform) for one in FIELDS[T.Affine])
    moved = not all(map(_is_zero, (step.translate_x, step.translate_y, step.shear_y)))
    if logs or moved:
        return [own(step)]
    # torchvision's affine turns clockwise and slides the other way
    arguments = [pair(span(step.angle), -1)]
    if step.scale != 1:
        arguments.append(f"scale={pair(span(step.scale))}")
    if not _is_zero(step.shear_x):
        arguments.append(f"shear={pair(span(step.shear_x), -1)}")
    return applied(
        [f"v2.RandomAffine({', '.join(arguments)}, interpolation=v2.InterpolationMode.BILINEAR, fill=None)"], step.p
    )


def _perspective(step: Any) -> str:
    _black_border(step)
    moves = ""
    if not isinstance(step.seed, Distribution):
        shares = seeded(step.seed, "Perspective").random(8).tolist()
        moves = f", moves=({', '.join(f'({number(one)}, {number(one)})' for one in shares)})"
    return f"Perspective({ends(step.scale)}{moves}{chance(step)})"


def _elastic(step: Any) -> str:
    _black_border(step)
    return own(step)


def _resize(step: Any) -> Lines:
    default(step, "method")
    height, width, keep_aspect, fill = fixed(step, "height", "width", "keep_aspect", "fill")
    fitted = f", keep_aspect=True, fill={number(fill)}" if keep_aspect else ""
    return applied([f"Resize({height}, {width}{fitted})"], step.p)


def _side(name: str) -> Callable[[Any], Lines]:
    def write(step: Any) -> Lines:
        (size,) = fixed(step, "size")
        return applied([f"SideResize({name}={size})" if size else "v2.Identity()"], step.p)

    return write


def _pad(step: Any) -> str:
    border, fill = fixed(step, "border", "fill")
    if border == "wrap":
        raise RefusedError("its pad does not wrap", 'border="reflect" can be exported')
    return own(step, f', mode="{border}", fill={number(fill)}')


def _resized_crop(step: Any) -> str:
    size = fixed(step, "height", "width")
    more = f", size=({size[0]}, {size[1]})" if any(size) else ""
    return own(step, more)


def _d4(step: Any) -> Lines:
    turns = number(step.element % 4)
    turn = f"QuarterTurns(({turns}, {turns}))"
    return applied(["v2.RandomHorizontalFlip(1)," if step.element >= 4 else "v2.Identity(),", turn], step.p)


# --- colour -----------------------------------------------------------------------------------------------------------


def _contrast(step: Any) -> str:
    return f"Contrast({ends(step.contrast)}, {ends(step.brightness)}{chance(step)})"


def _hue(step: Any) -> Lines:
    if step.saturation != 1 or isinstance(step.hue, LogUniform):
        return [own(step)]
    return applied([f"v2.ColorJitter(hue={pair(span(step.hue), 1 / 360)})"], step.p)


def _grayscale(step: Any) -> str:
    (weights,) = fixed(step, "weights")
    return (
        f"v2.RandomGrayscale(p={number(step.p)})"
        if weights == "bt601"
        else f"Grayscale({chance(step).removeprefix(', ')})"
    )


def _autocontrast(step: Any) -> str:
    if step.cutoff == 0 and step.channels == "each":
        return f"v2.RandomAutocontrast(p={number(step.p)})"
    return own(step, ", together=True" if step.channels == "together" else "")


def _jitter(step: Any) -> Lines:
    calls = jitters(step, "v2.ColorJitter") or ["v2.Identity()"]
    return applied([*(f"{one}," for one in calls[:-1]), calls[-1]], step.p)


# --- occlusion, noise, preprocessing ----------------------------------------------------------------------------------


def _holes(step: Any) -> str:
    default(step, "mask", "boxes", "keypoints")
    (content,) = fixed(step, "content")
    more = "" if content == "constant" else f', content="{content}"'
    holes = step.holes if isinstance(step.holes, Distribution) else Integers(step.holes, step.holes)
    arguments = ", ".join([ends(holes), *(ends(getattr(step, one)) for one in ("height", "width", "fill"))])
    return f"CoarseDropout({arguments}{more}{chance(step)})"


def _normalize(step: Any) -> Lines:
    default(step, "method")
    return applied(["v2.ToDtype(torch.float32, scale=True)"], step.p)


def _standardize(step: Any) -> Lines:
    if not step.mean:
        raise RefusedError("it has no moments of each image", f"{type(step).__name__}.fit(images) can be exported")
    std = getattr(step, "std", ()) or (1.0,) * len(step.mean)
    moments = ", ".join(f"[{', '.join(map(number, one))}]" for one in (step.mean, std))
    lines = ["v2.ToDtype(torch.float32, scale=True),", f"v2.Normalize({moments})"]
    return lines if step.p == 1 else applied(lines, step.p)


def _channels(step: Any) -> Lines:
    to, weights = fixed(step, "to", "weights")
    if to == "rgba":
        raise RefusedError("its images have no alpha", 'to="rgb" can be exported')
    if to == "rgb":
        return applied(["v2.RGB()"], step.p)
    lines = ["v2.Grayscale(1)"] if weights == "bt601" else ["Grayscale(),", "v2.Grayscale(1)"]
    return applied(lines, step.p)


def _flip(name: str) -> Callable[[Any], str]:
    return lambda step: f"v2.{name}(p={number(step.p)})"


ROWS: dict[type[Any], Row] = {
    T.HorizontalFlip: Row("v2.RandomHorizontalFlip", _flip("RandomHorizontalFlip")),
    T.VerticalFlip: Row("v2.RandomVerticalFlip", _flip("RandomVerticalFlip")),
    T.Transpose: Row(
        "F.rotate and v2.RandomVerticalFlip",
        lambda step: applied(["QuarterTurns((1, 1)),", "v2.RandomVerticalFlip(1)"], step.p),
    ),
    T.Rotate90: Row(
        "F.rotate(expand=True)", lambda step: f"QuarterTurns({ends(step.turns)}{chance(step)})", integers=True
    ),
    T.D4: Row("v2.RandomHorizontalFlip and F.rotate(expand=True)", _d4),
    T.Rotate: Row("v2.RandomRotation(fill=None)", _rotate, ONE, _INTERPOLATES, logs=True),
    T.Affine: Row("v2.RandomAffine(fill=None) or F.perspective", _affine, ONE, _INTERPOLATES, logs=True),
    T.Perspective: Row("F.perspective", _perspective, ONE, _INTERPOLATES, logs=True),
    T.ElasticTransform: Row("F.elastic", _elastic, DRAWN, _NOISE, logs=True),
    T.Crop: Row("F.crop", own, logs=True),
    T.CenterCrop: Row("F.crop", lambda step: own(T.Crop(height=step.height, width=step.width, p=step.p)), logs=True),
    T.ResizedCrop: Row("F.crop and F.resize", _resized_crop, ONE, _HALVES, logs=True),
    T.Resize: Row("F.resize", _resize, ONE, _HALVES),
    T.Rescale: Row("F.resize", own, ONE, _HALVES, logs=True),
    T.LongestMaxSize: Row("F.resize", _side("longer"), ONE, _HALVES),
    T.SmallestMaxSize: Row("F.resize", _side("shorter"), ONE, _HALVES),
    T.Pad: Row("F.pad", _pad, logs=True),
    T.Brightness: Row("torch", own, ONE, _HALVES, logs=True),
    T.Contrast: Row("torch", own, ONE, _HALVES, logs=True),
    T.BrightnessContrast: Row("torch", _contrast, ONE, _HALVES, logs=True),
    T.Gamma: Row("torch", own, ONE, _HALVES, logs=True),
    T.SigmoidContrast: Row("torch", own, ONE, _HALVES, logs=True),
    T.LogContrast: Row("torch", own, ONE, _HALVES, logs=True),
    T.RGBShift: Row("torch", own, ONE, _HALVES, logs=True),
    T.Posterize: Row("v2.RandomPosterize", lambda step: f"v2.RandomPosterize({step.bits}, p={number(step.p)})"),
    T.Solarize: Row("torch", own, logs=True),
    T.Invert: Row("v2.RandomInvert", _flip("RandomInvert")),
    T.HueSaturation: Row("v2.ColorJitter(hue=), with saturation torch", _hue, ONE, _HALVES, logs=True),
    T.Grayscale: Row("v2.RandomGrayscale, for BT.709 torch", _grayscale, ONE, "it cuts the gray off"),
    T.Equalize: Row(
        "v2.RandomEqualize",
        _flip("RandomEqualize"),
        approximate(30),
        "it spreads the histogram in whole steps as Pillow does, scikit-image by the cumulated share",
    ),
    T.AutoContrast: Row("v2.RandomAutocontrast, with a cutoff torch", _autocontrast, ONE, _HALVES, logs=True),
    T.ColorJitter: Row(
        "v2.ColorJitter",
        _jitter,
        approximate(6),
        "it cuts off at each of its steps",
        logs=True,
        keeps=lambda name, _: name == "order",
    ),
    T.GaussianBlur: Row("F.gaussian_blur", own, ONE, _HALVES, logs=True),
    T.UnsharpMask: Row("F.gaussian_blur", own, ONE, _HALVES, logs=True),
    T.Sharpness: Row("torch.nn.functional.conv2d", own, ONE, _HALVES, logs=True),
    T.ChannelShuffle: Row("F.permute_channels", reordered),
    T.ChannelDropout: Row("torch", dropped, logs=True),
    T.GaussianNoise: Row(
        "torch.randn",
        per_channel(usual=True),
        DRAWN,
        _NOISE,
        logs=True,
    ),
    T.SpeckleNoise: Row(
        "torch.randn",
        per_channel(usual=False),
        DRAWN,
        _NOISE,
        logs=True,
    ),
    T.ShotNoise: Row("torch.poisson", own, DRAWN, _NOISE, logs=True),
    T.SaltAndPepper: Row("torch.rand", own, DRAWN, _NOISE, logs=True),
    T.PixelDropout: Row(
        "torch.rand",
        per_channel(usual=False),
        DRAWN,
        _NOISE,
        logs=True,
    ),
    T.CoarseDropout: Row("torch.where", _holes, DRAWN, _NOISE, integers=True, logs=True),
    T.Normalize: Row("v2.ToDtype(scale=True)", _normalize),
    T.Standardize: Row("v2.Normalize", _standardize, EXACT),
    T.Center: Row("v2.Normalize", _standardize, EXACT),
    T.ConvertChannels: Row("v2.RGB, v2.Grayscale", _channels, ONE, "it cuts the gray off"),
}


def _end(step: Any) -> str:
    return f"], p={number(step.p)})"


def _chosen(lines: Lines, step: Any) -> Lines:
    """A group done with its chance."""
    return lines if step.p == 1 else ["v2.RandomApply([", *indented([*lines[:-1], lines[-1] + ","]), _end(step)]


def _sequence(children: Lines, step: Compose) -> Lines:
    children = children or ["    v2.Identity(),"]
    return ["v2.Compose([", *children, "])"] if step.p == 1 else ["v2.RandomApply([", *children, _end(step)]


def _one_of(children: Lines, step: OneOf) -> Lines:
    weights = f", p=[{', '.join(map(number, step.weights))}]" if step.weights else ""
    return _chosen(["v2.RandomChoice([", *children, f"]{weights})"], step)


def _any_order(children: Lines, step: RandomOrder) -> Lines:
    return _chosen(["v2.RandomOrder([", *children, "])"], step)


def _some_of(children: Lines, step: SomeOf) -> Lines:
    if isinstance(step.n, Choice):
        raise RefusedError("it draws a number of steps from a range", "n=integers(low, high) can be exported")
    replace = ", replace=True" if step.replace else ""
    return ["SomeOf([", *children, f"], n={pair(span(step.n))}{replace}{chance(step)})"]


def run(text: str, image: Array) -> Array:
    """What the text makes of (H, W), (H, W, 1) or (H, W, 3) uint8: in that layout again."""
    namespace: dict[str, Any] = {}
    exec(compile(text, "<torchvision>", "exec"), namespace)  # noqa: S102  (our own text)  # nosec B102
    planes = namespace["torch"].from_numpy(np.ascontiguousarray(np.moveaxis(np.atleast_3d(image), -1, 0)))
    changed = np.moveaxis(namespace["pipeline"](planes).numpy(), 0, -1)
    return np.ascontiguousarray(changed[..., 0] if image.ndim == 2 and changed.shape[2] == 1 else changed)


TARGET = Sampling(
    "torchvision",
    "torchvision",
    ("torch", "torchvision"),
    (
        "import math",
        "",
        "import torch",
        "from torchvision import tv_tensors",
        "from torchvision.transforms import v2",
        "from torchvision.transforms.v2 import functional as F",
    ),
    rows=ROWS,
    groups=Groups(_sequence, _one_of, _some_of, _any_order),
    # v2.Compose of nothing is an error
    top=lambda lines: ["pipeline = v2.Compose([", *indented(lines or ["v2.Identity(),"]), "])"],
    run=run,
    refusals={
        T.JPEGCompression: RefusedError(
            "its JPEG is deprecated since 0.29 and will be removed", "Albumentations can do it"
        ),
        T.GridDropout: RefusedError("it has no lattice", "CoarseDropout can be exported"),
    },
    functions=CLASSES,
    usage="Use: pipeline(image), image being a uint8 tensor (C, H, W), or with tv_tensors for masks, boxes and keypoints.",
)

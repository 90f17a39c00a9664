"""Kornia 0.9: draws for each image of a batch of floats in [0, 1]; boxes and keypoints follow there too."""

from collections.abc import Callable
from typing import Any

import numpy as np

from augmentlab import transforms as T  # noqa: N812
from augmentlab.compose import Compose, OneOf, RandomOrder, SomeOf
from augmentlab.distributions import Choice, Distribution, LogUniform
from augmentlab.interop.grades import DRAWN, ONE, RefusedError, approximate
from augmentlab.interop.kornia_classes import CLASSES
from augmentlab.interop.sampling import Groups, Lines, Row, Sampling, default, fixed, indented, number, pair, span
from augmentlab.interop.tones import chance, dropped, ends, jitters, own, per_channel, reordered
from augmentlab.pixels import Array
from augmentlab.streams import seeded

_HALVES = "single precision rounds the other way at halves"
_INTERPOLATES = "positions are computed in single precision"
_NOISE = "random numbers are PyTorch's"
_ONE_SHAPE = RefusedError("the images of a batch have one shape, and keep it", "flips and Rotate can be exported")


def _native(name: str) -> Callable[[Any], str]:
    return lambda step: f"K.{name}(p={number(step.p)})"


def applied(lines: Lines, p: float) -> Lines:
    """Lines, the last without its comma, done with a chance of `p` for the batch."""
    if p == 1 and len(lines) == 1:
        return lines
    one = lines if len(lines) == 1 else ["K.ImageSequential(", *indented([*lines[:-1], lines[-1] + ","]), ")"]
    if p == 1:
        return one
    children = [*one[:-1], one[-1] + ",", "torch.nn.Identity(),"]
    weights = f"random_apply_weights=[{number(p)}, {number(1 - p)}]"
    return ["K.ImageSequential(", *indented([*children, f"random_apply=1, {weights},"]), ")"]


# --- geometry ---------------------------------------------------------------------------------------------------------

_BORDERS = {"constant": "zeros", "edge": "border", "reflect": "reflection"}


def _border(step: Any) -> str:
    """The argument for what lies beyond the border, with a comma before, where it is not black."""
    border, fill = fixed(step, "border", "fill")
    if border not in _BORDERS or (border == "constant" and fill != 0):
        raise RefusedError(
            "beyond the border it has black, the last pixels or their mirror",
            'border="constant", fill=0 or "edge" or "reflect" can be exported',
        )
    return "" if border == "constant" else f', padding_mode="{_BORDERS[border]}"'


def _rotate(step: Any) -> str:
    border = _border(step)
    if border or isinstance(step.angle, LogUniform):
        return f"Affine((1, 1), (0, 0), (0, 0), {ends(step.angle)}, (0, 0), (0, 0){border}{chance(step)})"
    return f"K.RandomRotation({pair(span(step.angle))}, p={number(step.p)})"


def _perspective(step: Any) -> str:
    border, moves = _border(step), ""
    if not isinstance(step.seed, Distribution):
        shares = seeded(step.seed, "Perspective").random(8).tolist()
        moves = f", moves=({', '.join(f'({number(one)}, {number(one)})' for one in shares)})"
    return f"Perspective({ends(step.scale)}{moves}{border}{chance(step)})"


def _crop(step: Any) -> Lines:
    height, width = fixed(step, "height", "width")
    x, y = getattr(step, "x", 0.5), getattr(step, "y", 0.5)
    if step.p != 1:
        raise _ONE_SHAPE
    return [f"Crop({number(height)}, {number(width)}, {ends(x)}, {ends(y)})"]


def _resized_crop(step: Any) -> str:
    default(step, "height", "width")
    return own(step)


def _resize(step: Any) -> str:
    default(step, "keep_aspect", "method")
    height, width = fixed(step, "height", "width")
    if not height or not width or step.p != 1:
        raise RefusedError("its Resize takes both sides, of all images", "height and width can be exported")
    return f"K.Resize(({height}, {width}), align_corners=False, antialias=True)"


# --- colour and the rest ----------------------------------------------------------------------------------------------


def _contrast(step: Any) -> str:
    return f"Contrast({ends(step.contrast)}, {ends(step.brightness)}{chance(step)})"


def _brightness(step: Any) -> str:
    if isinstance(step.delta, LogUniform):
        return own(step)
    # its factor is what is added, more than 1
    return f"K.RandomBrightness({pair(span(step.delta), 1, 1)}, p={number(step.p)})"


def _gamma(step: Any) -> str:
    if isinstance(step.gamma, LogUniform):
        return own(step)
    return f"K.RandomGamma({pair(span(step.gamma))}, p={number(step.p)})"


def _grayscale(step: Any) -> str:
    (weights,) = fixed(step, "weights")
    return _native("RandomGrayscale")(step) if weights == "bt601" else f"Grayscale({chance(step).removeprefix(', ')})"


def _hue(step: Any) -> str:
    if step.saturation != 1 or isinstance(step.hue, LogUniform):
        return own(step)
    return f"K.RandomHue({pair(span(step.hue), 1 / 360)}, p={number(step.p)})"


def _autocontrast(step: Any) -> str:
    # K.RandomAutoContrast makes a channel of one value black
    (cutoff,) = fixed(step, "cutoff")
    together = ", together=True" if step.channels == "together" else ""
    return f"AutoContrast({number(cutoff)}{together}{chance(step)})"


def _blur(step: Any) -> str:
    low, high = span(step.sigma)
    side = 2 * max(int(4 * high + 0.5), 1) + 1
    # sigma 0, which Kornia has not, is as this
    sigmas = pair((max(low, 0.05), max(high, 0.05)))
    return f'K.RandomGaussianBlur(({side}, {side}), {sigmas}, border_type="replicate", p={number(step.p)})'


def _unsharp(step: Any) -> str:
    (sigma,) = fixed(step, "sigma")
    return f"UnsharpMask({ends(step.amount)}, {number(sigma)}{chance(step)})"


def _jitter(step: Any) -> Lines:
    if isinstance(step.order, Choice):
        return jitters(step, "K.ColorJitter", f", p={number(step.p)}") or ["torch.nn.Identity()"]
    calls = jitters(step, "K.ColorJitter", ", p=1") or ["torch.nn.Identity()"]
    return applied([*(f"{one}," for one in calls[:-1]), calls[-1]], step.p)


def _holes(step: Any) -> str:
    default(step, "mask", "boxes", "keypoints", "content")
    (fill,) = fixed(step, "fill")
    holes = f"({', '.join(map(str, span(step.holes)))})"
    return f"CoarseDropout({holes}, {ends(step.height)}, {ends(step.width)}, {number(fill)}{chance(step)})"


def _normalize(step: Any) -> str:
    default(step, "method", "p")
    return "Unit()"


def _standardize(step: Any) -> str:
    if not step.mean:
        raise RefusedError("it has no moments of each image", f"{type(step).__name__}.fit(images) can be exported")
    std = getattr(step, "std", ()) or (1.0,) * len(step.mean)
    moments = ", ".join(f"torch.tensor([{', '.join(f'{value:.10g}' for value in one)}])" for one in (step.mean, std))
    return f"K.Normalize({moments}, p={number(step.p)})"


ROWS: dict[type[Any], Row] = {
    T.HorizontalFlip: Row("K.RandomHorizontalFlip", _native("RandomHorizontalFlip")),
    T.VerticalFlip: Row("K.RandomVerticalFlip", _native("RandomVerticalFlip")),
    T.Rotate: Row("K.RandomRotation, warp_perspective", _rotate, ONE, _INTERPOLATES, logs=True),
    T.Affine: Row(
        "warp_perspective",
        lambda step: own(step, _border(step)),
        ONE,
        _INTERPOLATES,
        logs=True,
    ),
    T.Perspective: Row("warp_perspective", _perspective, ONE, _INTERPOLATES, logs=True),
    T.Crop: Row("tensor slices", _crop, logs=True),
    T.CenterCrop: Row("tensor slices", _crop, logs=True),
    T.ResizedCrop: Row("interpolate", _resized_crop, ONE, _HALVES, logs=True),
    T.Resize: Row("K.Resize(antialias=True)", _resize, approximate(12), "its Gaussian before shrinking ends earlier"),
    T.Brightness: Row("K.RandomBrightness", _brightness, ONE, _HALVES, logs=True),
    T.Contrast: Row("torch", own, ONE, _HALVES, logs=True),
    T.BrightnessContrast: Row("torch", _contrast, ONE, _HALVES, logs=True),
    T.Gamma: Row("K.RandomGamma", _gamma, ONE, _HALVES, logs=True),
    T.SigmoidContrast: Row("torch", own, ONE, _HALVES, logs=True),
    T.LogContrast: Row("torch", own, ONE, _HALVES, logs=True),
    T.RGBShift: Row("torch", own, ONE, _HALVES, logs=True),
    T.Posterize: Row(
        "K.RandomPosterize", lambda step: f"K.RandomPosterize(({step.bits}, {step.bits}), p={number(step.p)})"
    ),
    T.Solarize: Row("torch", own, logs=True),
    T.Invert: Row("K.RandomInvert", _native("RandomInvert")),
    T.HueSaturation: Row("K.RandomHue, with saturation torch", _hue, ONE, _HALVES, logs=True),
    T.Grayscale: Row("K.RandomGrayscale, for BT.709 torch", _grayscale, ONE, _HALVES),
    T.Equalize: Row(
        "K.RandomEqualize",
        _native("RandomEqualize"),
        approximate(30),
        "it spreads the histogram in whole steps as Pillow does, scikit-image by the cumulated share",
    ),
    T.AutoContrast: Row("torch.quantile", _autocontrast, ONE, _HALVES),
    T.ColorJitter: Row(
        "K.ColorJitter",
        _jitter,
        ONE,
        "values are not rounded between its steps",
        logs=True,
        keeps=lambda name, _: name == "order",
    ),
    T.Sharpness: Row("torch.nn.functional.conv2d", own, ONE, _HALVES, logs=True),
    T.GaussianBlur: Row("K.RandomGaussianBlur", _blur, ONE, _HALVES),
    T.UnsharpMask: Row("gaussian_blur2d", _unsharp, ONE, _HALVES, logs=True),
    T.ChannelShuffle: Row("torch", reordered),
    T.ChannelDropout: Row("torch", dropped, ONE, _HALVES, logs=True),
    T.GaussianNoise: Row("torch.randn", per_channel(usual=True), DRAWN, _NOISE, logs=True),
    T.SpeckleNoise: Row("torch.randn", per_channel(usual=False), DRAWN, _NOISE, logs=True),
    T.ShotNoise: Row("torch.poisson", own, DRAWN, _NOISE, logs=True),
    T.SaltAndPepper: Row("torch.rand", own, DRAWN, _NOISE, logs=True),
    T.PixelDropout: Row("torch.rand", per_channel(usual=False), DRAWN, _NOISE, logs=True),
    T.CoarseDropout: Row("torch.where", _holes, DRAWN, _NOISE, integers=True, logs=True),
    T.Normalize: Row("torch.nn.Identity", _normalize),
    T.Standardize: Row("K.Normalize", _standardize),
    T.Center: Row("K.Normalize", _standardize),
}


def _sequence(children: Lines, step: Compose) -> Lines:
    return applied(["K.ImageSequential(", *children, ")"], step.p) if step.p == 1 else _maybe(children, step.p)


def _maybe(children: Lines, p: float) -> Lines:
    inside = ["K.ImageSequential(", *children, "),", "torch.nn.Identity(),"]
    weights = f"random_apply_weights=[{number(p)}, {number(1 - p)}]"
    return ["K.ImageSequential(", *indented([*inside, f"random_apply=1, {weights},"]), ")"]


def _one_of(children: Lines, step: OneOf) -> Lines:
    weights = step.weights or (1.0,) * len(step.steps)
    none = [] if step.p == 1 else ["    torch.nn.Identity(),"]
    chances = [one / sum(weights) * step.p for one in weights] + [1 - step.p] * len(none)
    listed = ", ".join(map(number, chances))
    return ["K.ImageSequential(", *children, *none, f"    random_apply=1, random_apply_weights=[{listed}],", ")"]


def _any_order(children: Lines, step: RandomOrder) -> Lines:
    inside = [*children, "    random_apply=True,"]
    return (
        ["K.ImageSequential(", *inside, ")"]
        if step.p == 1
        else _maybe(indented(["K.ImageSequential(", *inside, "),"]), step.p)
    )


def _some_of(children: Lines, step: SomeOf) -> Lines:
    if step.n == 1 and not step.replace:
        return _one_of(children, OneOf(step.steps, p=step.p))
    raise RefusedError("it mixes the order of some of several steps", "n=1 can be exported")


def run(text: str, image: Array) -> Array:
    """What the text makes of (H, W), (H, W, 1) or (H, W, 3) uint8: in that layout again, as uint8 unless it ends in
    preprocessing.
    """
    namespace: dict[str, Any] = {}
    exec(compile(text, "<kornia>", "exec"), namespace)  # noqa: S102  (our own text)  # nosec B102
    planes = np.moveaxis(np.atleast_3d(image), -1, 0)[None].astype(np.float32) / 255
    changed = np.moveaxis(namespace["pipeline"](namespace["torch"].from_numpy(planes)).numpy()[0], 0, -1)
    if "K.Normalize(" not in text and "Unit()" not in text:
        changed = np.rint(np.clip(changed, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(changed[..., 0] if image.ndim == 2 and changed.shape[2] == 1 else changed)


TARGET = Sampling(
    "kornia",
    "Kornia",
    ("torch", "kornia"),
    (
        "import kornia",
        "import kornia.augmentation as K",
        "import torch",
    ),
    rows=ROWS,
    groups=Groups(_sequence, _one_of, _some_of, _any_order),
    top=lambda lines: ["pipeline = K.AugmentationSequential(", *indented(lines), '    data_keys=["input"],', ")"],
    run=run,
    refusals={
        **dict.fromkeys((T.Rotate90, T.D4, T.Transpose), _ONE_SHAPE),
        T.ElasticTransform: RefusedError(
            "its RandomElasticTransform draws white noise that it blurs", "Perspective can be exported"
        ),
        T.JPEGCompression: RefusedError("its RandomJPEG only comes near to JPEG", "Albumentations can do it"),
    },
    functions=CLASSES,
    usage="Use: pipeline(images), images being floats in [0, 1], (N, C, H, W); each draws for itself, choices are the batch's.",
)

"""Keras 3: its preprocessing layers, and small layers in the text for what these cannot do; each image draws for itself.

A step becomes a layer of Keras where that has the same distribution, and else `EachImage` with a function of the image.
"""

import dataclasses
import itertools
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from augmentlab import transforms as T  # noqa: N812
from augmentlab.compose import Compose, OneOf, RandomOrder, SomeOf
from augmentlab.distributions import Choice, Distribution, Integers, LogUniform, Uniform
from augmentlab.engines.reference import GRAY_WEIGHTS
from augmentlab.interop.grades import DRAWN, EXACT, ONE, ExportError, Grade, RefusedError
from augmentlab.interop.keras_layers import LAYERS
from augmentlab.interop.sampling import Groups, Lines, Row, Sampling, default, fixed, indented, number, pair, span
from augmentlab.transform import Transform
from augmentlab.transforms.color import _SEPIA

_SINGLE = "it computes in single precision and rounds the other way at halves"
_OWN_DRAWS = "it draws its own random numbers"

# Where both have a border, under other names: "reflect" of Keras repeats the last pixel.
_BORDERS = {"constant": "constant", "edge": "nearest", "symmetric": "reflect"}


# --- words -----------------------------------------------------------------------------------------------------------


def _maybe(layer: str, p: float) -> str:
    return layer if p == 1 else f"RandomChoice([{layer}], [{number(p)}])"


def _each(step: Transform, code: str, **flags: bool) -> str:
    """A layer in which `code` is computed from x, every image in [0, 1]."""
    if flags.get("always") and step.p != 1:
        raise RefusedError("it does at inference what it does in training", "p=1 can be exported")
    said = "".join(f", {name}=True" for name, value in flags.items() if value)
    return _maybe(f"EachImage(lambda x, draw: {code}{said})", step.p)


def _drawn(value: Any) -> str:
    """A number, or its draw for each image."""
    match value:
        case Uniform():
            return f"draw({number(value.low)}, {number(value.high)})"
        case LogUniform():
            return f"draw({number(value.low)}, {number(value.high)}, log=True)"
        case Integers():
            return f"ops.floor(draw({value.low}, {value.high + 1}))"
        case float() if value == round(value):
            return f"{value:.1f}"  # a float in the text, too
    return number(value)


def _row(code: Callable[[Any], str], grade: Grade = ONE, cause: str = _SINGLE, call: str = "", **flags: bool) -> Row:
    """A row of a layer in the text."""
    what = f"a layer in the text{f' on {call}' if call else ''}"
    return Row(what, lambda step: _each(step, code(step), **flags), grade, cause, integers=True, logs=True)


def _fixed(code: Callable[[Any], str], call: str) -> Row:
    """A row, exact, of a layer in the text that takes only numbers."""
    return Row(f"a layer in the text on {call}", lambda step: _each(step, code(step)))


def _named(template: str, grade: Grade = ONE, cause: str = _SINGLE, call: str = "", **flags: bool) -> Row:
    """A row whose code names the fields of the step."""

    def code(step: Any) -> str:
        return template.format_map(_Fields(step))

    return _row(code, grade, cause, call, **flags)


class _Fields(dict[str, str]):
    """The fields of a step as they are written, by name."""

    def __init__(self, step: Any) -> None:
        super().__init__()
        self.step = step

    def __missing__(self, name: str) -> str:
        value = getattr(self.step, name)
        return repr(value) if isinstance(value, str) else _drawn(value)


def _border(step: Any) -> str:
    border, fill = fixed(step, "border", "fill")
    if border not in _BORDERS:
        raise RefusedError(f'it has no border "{border}"', 'border="symmetric", "edge" or "constant" can be exported')
    return f'"{_BORDERS[border]}", {number(round(fill * 255) / 255)}'


def _filling(step: Any) -> str:
    _border(step)
    return f'fill_mode="{_BORDERS[step.border]}", fill_value={round(step.fill * 255)}'


# --- geometry --------------------------------------------------------------------------------------------------------


def _flip(name: str, axis: int) -> Callable[[Any], str]:
    def write(step: Any) -> str:
        if step.p == 0.5:
            return f'keras.layers.RandomFlip("{name}")'
        return _each(step, f"ops.flip(x, axis={axis})")

    return write


_TURNS = (
    "{0}",
    "ops.flip(ops.transpose({0}, (0, 2, 1, 3)), axis=1)",
    "ops.flip(ops.flip({0}, axis=1), axis=2)",
    "ops.transpose(ops.flip({0}, axis=1), (0, 2, 1, 3))",
)


def _turns(step: Any) -> str:
    return _TURNS[step.turns].format("x")


def _d4(step: Any) -> str:
    return _TURNS[step.element % 4].format("ops.flip(x, axis=2)" if step.element >= 4 else "x")


def _affine(step: Any) -> str:
    defaults = {"scale": 1, "translate_x": 0, "translate_y": 0, "angle": 0, "shear_x": 0, "shear_y": 0}
    used = [name for name, value in defaults.items() if getattr(step, name) != value]
    uniform = not any(isinstance(getattr(step, name), LogUniform) for name in used)
    if used and set(used) <= {"translate_x", "translate_y"} and uniform:
        down, right = pair(span(step.translate_y)), pair(span(step.translate_x))
        return _maybe(f"keras.layers.RandomTranslation({down}, {right}, {_filling(step)})", step.p)
    if used == ["scale"] and not isinstance(step.scale, Distribution) and step.scale >= 0.5:
        # a uniform range of scales is none of its factors, which are of the side that is seen
        factor = pair((1 / step.scale, 1 / step.scale), plus=-1)
        return _maybe(f"keras.layers.RandomZoom({factor}, {_filling(step)})", step.p)
    names = {"translate_x": "right", "translate_y": "down"}
    said = "".join(f", {names.get(name, name)}={_drawn(getattr(step, name))}" for name in used)
    return _each(step, f"affine(x, {_border(step)}{said})")


def _crop(step: Any) -> str:
    height, width = fixed(step, "height", "width")
    across, down = ("0.5", "0.5") if isinstance(step, T.CenterCrop) else (_drawn(step.x), _drawn(step.y))
    return f"cut(x, {number(height)}, {number(width)}, {across}, {down})"


def _resize(step: Any) -> str:
    default(step, "keep_aspect", "method")
    height, width = fixed(step, "height", "width")
    return f"resized(x, {height}, {width})"


def _rescale(step: Any) -> str:
    if isinstance(step, T.Rescale):
        return f"rescaled(x, {number(*fixed(step, 'factor'))})"
    (size,) = fixed(step, "size")
    side = "max" if isinstance(step, T.LongestMaxSize) else "min"
    return f"rescaled(x, {size} / {side}(x.shape[1:3]))" if size else "x"


def _window(step: Any) -> str:
    height, width = fixed(step, "height", "width")
    drawn = ", ".join(_drawn(getattr(step, name)) for name in ("scale", "ratio", "x", "y"))
    return f"window(x, {drawn}, {height}, {width})"


def _pad(step: Any) -> str:
    height, width, border, fill = fixed(step, "height", "width", "border", "fill")
    return f'padded(x, {number(height)}, {number(width)}, "{border}", {number(round(fill * 255) / 255)})'


# --- colour and tone -------------------------------------------------------------------------------------------------


def _brightness(step: Any) -> str:
    if isinstance(step.delta, LogUniform):
        return _each(step, f"x + {_drawn(step.delta)}")
    return _maybe(f"keras.layers.RandomBrightness({pair(span(step.delta))}, value_range=(0, 255))", step.p)


def _grayscale(step: Any) -> str:
    (weights,) = fixed(step, "weights")
    if weights == "bt601":
        return f"keras.layers.RandomGrayscale({number(step.p)})"
    return _each(step, f"ops.repeat(grayed(x, {_numbers(GRAY_WEIGHTS[weights])}), 3, axis=-1)", rgb=True)


def _numbers(values: Any) -> str:
    return f"[{', '.join(number(float(value)) for value in values)}]"


def _jitter(step: Any) -> str:
    drawn = ", ".join(_drawn(getattr(step, name)) for name in ("brightness", "contrast", "saturation", "hue"))
    if not isinstance(step.order, Choice):
        return f'jittered(x, "{step.order}", {drawn})'
    if sorted(step.order.values) != sorted("".join(order) for order in itertools.permutations("bcsh")):
        raise RefusedError("it draws order among all", "one order can be exported")
    return f"jittered_anyhow(x, draw, {drawn})"


def _sepia(step: Any) -> str:
    brown = f"ops.minimum(ops.matmul(x, {_matrix(np.transpose(_SEPIA))}), 1)"
    return f"x + {_drawn(step.amount)} * ({brown} - x)"


def _matrix(rows: Any) -> str:
    return f"ops.convert_to_tensor([{', '.join(map(_numbers, rows))}])"


def _autocontrast(step: Any) -> str:
    cutoff, channels = fixed(step, "cutoff", "channels")
    return f"stretched(x, {number(cutoff)}, {(1, 2) if channels == 'each' else (1, 2, 3)})"


def _dropped(step: Any) -> str:
    kept = [float(name != step.channel) for name in ("red", "green", "blue")]
    fill = number(round(fixed(step, "fill")[0] * 255) / 255)
    return f"ops.where(ops.convert_to_tensor({_numbers(kept)}) > 0, x, {fill})"


# --- blur, noise, occlusion ------------------------------------------------------------------------------------------


def _reach(ends: Any, times: float = 1.0) -> int:
    return math.ceil(times * max(span(ends)) + 0.5)


def _blur(step: Any) -> str:
    return f"smoothed(x, gaussian({_drawn(step.sigma)}), {_reach(step.sigma, 4)})"


def _box(step: Any) -> str:
    # drawn once, outside of the weights
    weight = "(lambda radius: lambda away: ops.minimum(ops.maximum(radius + 1 - abs(away), 0), 1))"
    return f"smoothed(x, {weight}({_drawn(step.radius)}), {_reach(step.radius)})"


def _sharpness(step: Any) -> str:
    smooth = "(9 * smoothed(x, lambda away: 1.0, 1) + 4 * x) / 13"
    return f"x + (1 - {_drawn(step.factor)}) * ({smooth} - x)"


def _field(step: Any) -> str:
    """A normal number for each value, or for each pixel."""
    (per_channel,) = fixed(step, "per_channel")
    return f"draw(0, 1, ops.shape(x[0{'' if per_channel else ', ..., :1'}]), keras.random.normal)"


def _salt_and_pepper(step: Any) -> str:
    amount, salt = _drawn(step.amount), _drawn(step.salt)
    ticket = "draw(0, 1, ops.shape(x[0, ..., :1]))"
    return (
        "(lambda ticket, amount: ops.where(ticket < amount * "
        f"{salt}, 1.0, ops.where(ticket < amount, 0.0, x)))({ticket}, {amount})"
    )


def _pixel_dropout(step: Any) -> str:
    (per_channel,) = fixed(step, "per_channel")
    ticket = f"draw(0, 1, ops.shape(x[0{'' if per_channel else ', ..., :1'}]))"
    return f"ops.where({ticket} < {_drawn(step.amount)}, {_level(step.fill)}, x)"


def _level(fill: Any) -> str:
    return _drawn(fill) if isinstance(fill, Distribution) else number(round(fill * 255) / 255)


def _cover(step: Any, hidden: str) -> str:
    (content,) = fixed(step, "content")
    return f'covered(x, {hidden}, "{content}", {_level(step.fill)}, draw)'


def _holes(step: Any) -> str:
    sizes = f"{_drawn(step.height)}, {_drawn(step.width)}"
    return _cover(step, f"holes(x, draw, {_drawn(step.holes)}, {max(span(step.holes))}, {sizes})")


def _lattice(step: Any) -> str:
    return _cover(step, f"lattice(x, draw, {_drawn(step.ratio)}, {_drawn(step.spacing)}, {_drawn(step.angle)})")


# --- preprocessing ---------------------------------------------------------------------------------------------------


def _rescaling(step: Any, scale: str, offset: Any = None) -> str:
    if step.p != 1:
        raise RefusedError("it does at inference what it does in training", "p=1 can be exported")
    return f"keras.layers.Rescaling({scale}{'' if offset is None else f', offset={_numbers(offset)}'})"


def _normalize(step: Any) -> str:
    (method,) = fixed(step, "method")
    if method == "dtype":
        return _rescaling(step, "1 / 255")
    from_black = "x - ops.min(x, axis=(1, 2, 3), keepdims=True)"
    return _each(step, f"stretched({from_black}, 0, (1, 2, 3))", always=True, floats=True)


def _center(step: Any) -> str:
    if step.mean:
        return _rescaling(step, "1 / 255", -np.array(step.mean))
    return _each(step, f"x - ops.mean(x, axis={_axes(step)}, keepdims=True)", always=True, floats=True)


def _standardize(step: Any) -> str:
    if step.mean:
        return _rescaling(step, _numbers(1 / (np.array(step.std) * 255)), -np.array(step.mean) / step.std)
    return _each(step, f"standardized(x, {_axes(step)})", always=True, floats=True)


def _axes(step: Any) -> tuple[int, ...]:
    return (1, 2) if step.per_channel else (1, 2, 3)


def _channels(step: Any) -> str:
    to, weights = fixed(step, "to", "weights")
    if to == "rgba":
        raise RefusedError("it augments images without alpha", 'to="rgb" can be exported')
    if to == "rgb":
        return "ops.repeat(x, 3 // x.shape[-1], axis=-1)"
    return f"grayed(x, {_numbers(GRAY_WEIGHTS[weights])})"


# --- the table -------------------------------------------------------------------------------------------------------

ROWS: dict[type[Any], Row] = {
    T.HorizontalFlip: Row('RandomFlip("horizontal") for p=0.5, else a layer in the text', _flip("horizontal", 2)),
    T.VerticalFlip: Row('RandomFlip("vertical") for p=0.5, else a layer in the text', _flip("vertical", 1)),
    T.Transpose: _named("ops.transpose(x, (0, 2, 1, 3))", EXACT, "", "ops.transpose"),
    T.Rotate90: _fixed(_turns, "ops.flip, ops.transpose"),
    T.D4: _fixed(_d4, "ops.flip, ops.transpose"),
    T.Rotate: Row(
        "RandomRotation",
        lambda step: _maybe(
            f"keras.layers.RandomRotation({pair(span(step.angle), 1 / 360)}, {_filling(step)})", step.p
        ),
        ONE,
        _SINGLE,
    ),
    T.Affine: Row(
        "RandomTranslation, RandomZoom, else a layer in the text on ops.image.affine_transform",
        _affine,
        ONE,
        _SINGLE,
        logs=True,
    ),
    T.Perspective: _row(
        lambda step: f"perspective(x, draw, {_border(step)}, {_drawn(step.scale)})",
        DRAWN,
        _OWN_DRAWS,
        "ops.image.affine_transform",
    ),
    T.CenterCrop: _row(_crop, EXACT, "", "ops.take_along_axis", always=True),
    T.Crop: _row(_crop, EXACT, "", "ops.take_along_axis", always=True),
    T.ResizedCrop: _row(_window, call="ops.take_along_axis"),
    T.Resize: _row(_resize, call="ops.take_along_axis", always=True),
    T.Rescale: _row(_rescale, call="ops.take_along_axis", always=True),
    T.LongestMaxSize: _row(_rescale, call="ops.take_along_axis", always=True),
    T.SmallestMaxSize: _row(_rescale, call="ops.take_along_axis", always=True),
    T.Pad: _row(_pad, EXACT, "", "ops.pad, ops.take", always=True),
    T.Brightness: Row("RandomBrightness", _brightness, ONE, _SINGLE, logs=True),
    T.Contrast: _named("(x - 0.5) * {factor} + 0.5"),
    T.BrightnessContrast: _named("(x - 0.5) * {contrast} + 0.5 + {brightness}"),
    T.Gamma: _named("x ** {gamma}"),
    T.Posterize: _named("(lambda step: ops.floor(x * 255 / step + 1e-3) * step / 255)(2.0 ** (8 - {bits}))", EXACT, ""),
    T.Solarize: _named("ops.where(x > {threshold}, 1 - x, x)"),
    T.Invert: Row(
        "RandomInvert",
        lambda step: f"keras.layers.RandomInvert({pair((step.p, step.p))}, value_range=(0, 255))",
    ),
    T.LogContrast: _named("(lambda gain: ops.log1p(gain * x) / ops.log1p(gain))(ops.maximum({gain}, 1e-4))"),
    T.SigmoidContrast: _named(
        "(lambda gain, cutoff: (lambda bent: (bent(x) - bent(0)) / (bent(1) - bent(0)))"
        "(lambda tone: ops.tanh(gain / 2 * (tone - cutoff))))(ops.maximum({gain}, 1e-3), {cutoff})"
    ),
    T.RGBShift: _named(
        "x + ops.concatenate([shift + 0 * x[..., :1] for shift in ({red}, {green}, {blue})], axis=-1)", rgb=True
    ),
    T.HueSaturation: _named("turned(x, {hue}, {saturation})", call="ops.image.rgb_to_hsv", rgb=True),
    T.ColorJitter: dataclasses.replace(
        _row(_jitter, call="ops.image.rgb_to_hsv"), keeps=lambda name, _: name == "order"
    ),
    T.Grayscale: Row("RandomGrayscale for bt601, else a layer in the text", _grayscale, ONE, _SINGLE),
    T.Sepia: _row(_sepia, rgb=True),
    T.ChannelShuffle: _row(
        lambda step: f"ops.take(x, {['rgb'.index(letter) for letter in step.order]}, axis=-1)",
        EXACT,
        "",
        "ops.take",
        rgb=True,
    ),
    T.ChannelDropout: _row(_dropped, EXACT, "", rgb=True),
    T.AutoContrast: _row(_autocontrast, call="ops.quantile"),
    T.Equalize: _row(lambda _: "equalized(x)", call="ops.bincount"),
    T.GaussianBlur: _row(_blur, call="ops.take"),
    T.BoxBlur: _row(_box, call="ops.take"),
    T.MedianBlur: _fixed(lambda step: f"median(x, {step.radius})", "ops.sort"),
    T.UnsharpMask: _row(lambda step: f"x + {_drawn(step.amount)} * (x - {_blur(step)})", call="ops.take"),
    T.Sharpness: _row(_sharpness, call="ops.take"),
    T.Emboss: _named("embossed(x, {amount}, {angle})", call="ops.take"),
    T.GaussianNoise: _row(lambda step: f"x + {_drawn(step.std)} * {_field(step)}", DRAWN, _OWN_DRAWS),
    T.SpeckleNoise: _row(lambda step: f"x * (1 + {_drawn(step.std)} * {_field(step)})", DRAWN, _OWN_DRAWS),
    T.SaltAndPepper: _row(_salt_and_pepper, DRAWN, _OWN_DRAWS),
    T.PixelDropout: _row(_pixel_dropout, DRAWN, _OWN_DRAWS),
    T.CoarseDropout: _row(_holes, DRAWN, _OWN_DRAWS),
    T.GridDropout: _row(_lattice, DRAWN, _OWN_DRAWS),
    T.Normalize: Row("Rescaling, of its own range a layer in the text", _normalize, ONE, _SINGLE),
    T.Center: Row("Rescaling, of its own mean a layer in the text", _center, ONE, _SINGLE),
    T.Standardize: Row("Rescaling, of its own moments a layer in the text", _standardize, ONE, _SINGLE),
    T.ConvertChannels: _row(_channels, always=True),
}

REFUSALS: dict[type[Any], RefusedError] = {
    T.ElasticTransform: RefusedError(
        "its RandomElasticTransform draws a field of other smoothness whose strength and size hang together",
        "Perspective and Affine can be exported",
    ),
    T.ShotNoise: RefusedError("keras.random draws no Poisson numbers", "GaussianNoise can be exported"),
    T.CLAHE: RefusedError("its CLAHE clips and tiles by other rules", "Equalize can be exported"),
    T.MixUp: RefusedError(
        "a layer of a pipeline sees no labels", "keras.layers.MixUp takes images and labels as a dictionary"
    ),
    T.CutMix: RefusedError(
        "a layer of a pipeline sees no labels", "keras.layers.CutMix takes images and labels as a dictionary"
    ),
}


# --- groups ----------------------------------------------------------------------------------------------------------


def _chance(lines: Lines, p: float) -> Lines:
    return lines if p == 1 else ["RandomChoice([", *indented([*lines[:-1], lines[-1] + ","]), f"], [{number(p)}])"]


def _sequence(children: Lines, step: Compose) -> Lines:
    return _chance(["keras.layers.Pipeline([", *children, "])"], step.p)


def _one_of(children: Lines, step: OneOf) -> Lines:
    weights = np.ones(len(step.steps)) if step.weights is None else np.asarray(step.weights)
    return ["RandomChoice([", *children, f"], {_numbers(weights / weights.sum() * step.p)})"]


def _some_of(children: Lines, step: SomeOf) -> Lines:
    least, most = span(step.n)
    name = "RandomTurns" if step.replace else "RandomSome"
    return _chance([f"{name}([", *children, f"], {least}, {most})"], step.p)


def _any_order(children: Lines, step: RandomOrder) -> Lines:
    return _chance(["RandomTurns([", *children, "])"], step.p)


def _top(lines: Lines) -> Lines:
    layers = [line for line in lines if not line.startswith("#")]
    for line in layers[:-1]:
        if "floats=True" in line or ("Rescaling(" in line and "RandomChoice" not in line):
            raise ExportError(
                f"Keras cannot do this pipeline: {line}: levels from 0 to 255 are taken by what follows; put that step last"
            )
    # RandomBrightness wraps round what is uint8, and RandomGrayscale cuts off fractions
    floats = any(f"keras.layers.{name}(" in line for name in ("RandomBrightness", "RandomGrayscale") for line in lines)
    first = ["    keras.layers.Rescaling(1.0),  # to floats"] if floats else []
    if not layers:  # a Pipeline of none cannot be called
        first = ["    keras.layers.Identity(),"]
    return ["pipeline = keras.layers.Pipeline([", *first, *indented(lines), "])"]


# --- running ---------------------------------------------------------------------------------------------------------


def _run(text: str, image: Any) -> Any:
    planes = image[..., None] if image.ndim == 2 else image
    result = TARGET.batch(text, planes[None])[0]
    return result[..., 0] if image.ndim == 2 and result.shape[-1] == 1 else result


class _Keras(Sampling):
    def row(self, step: Transform) -> Row:
        """How a transform is done here; a `RefusedError` where it is not."""
        if type(step) in {*self.rows, *self.refusals}:
            return super().row(step)
        raise RefusedError("it has nothing like it", "augmentlab.keras trains with any transform")

    def batch(self, text: str, images: Any) -> Any:
        """What exported text makes of (N, H, W, C) uint8, as arrays like those of `Transform.apply`."""
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        namespace: dict[str, Any] = {}
        exec(compile(text, "<keras>", "exec"), namespace)  # noqa: S102  (our own text)  # nosec B102
        pipeline = namespace["pipeline"]
        result = np.asarray(pipeline(images, training=True))
        last = pipeline.layers[-1] if pipeline.layers else None
        floats = type(last).__name__ == "Rescaling" or getattr(last, "floats", False)
        return result if floats else np.rint(np.clip(result, 0, 255)).astype(np.uint8)


TARGET = _Keras(
    "keras",
    "Keras",
    ("keras", "tensorflow"),
    ("import math", "", "import keras", "import numpy as np", "from keras import ops"),
    rows=ROWS,
    groups=Groups(_sequence, _one_of, _some_of, _any_order, nothing="keras.layers.Identity()"),
    top=_top,
    run=_run,
    refusals=REFUSALS,
    functions=LAYERS,
    usage=(
        "Use: pipeline(images, training=True), images being (N, H, W, C) or (H, W, C) from 0 to 255, H and W known.\n"
        "Levels come out as floats; in a model and in tf.data it augments in training alone."
    ),
)

"""Kornia 0.9: draws for each image of a batch of floats in [0, 1]; boxes and keypoints follow there too."""

from collections.abc import Callable
from typing import Any

import numpy as np

from augmentlab import transforms as T  # noqa: N812
from augmentlab.compose import Compose, OneOf, RandomOrder, SomeOf
from augmentlab.interop.grades import DRAWN, ONE, RefusedError, approximate
from augmentlab.interop.sampling import Groups, Lines, Row, Sampling, default, fixed, indented, number, pair, span
from augmentlab.interop.tones import TONES, chance, ends, jitters, own, per_channel
from augmentlab.params import Choice, Distribution, LogUniform
from augmentlab.pixels import Array
from augmentlab.streams import seeded

CLASSES = {
    "draw": '''
def draw(count, low, high, how="uniform"):
    """Numbers (count, 1, 1, 1) from [low, high]; with "log" equal ratios are equally likely."""
    share = torch.rand(count, 1, 1, 1)
    return low * (high / low) ** share if how == "log" else low + share * (high - low)
''',
    "Toned": '''
class Toned(K.IntensityAugmentationBase2D):
    """Values in [0, 1], (N, C, H, W), changed by numbers from ranges (low, high) or (low, high, "log"), anew for each image."""

    def __init__(self, *ranges, p=1.0):
        super().__init__(p=p)
        self.ranges = ranges

    def generate_parameters(self, batch_shape):
        return {f"number{index}": draw(batch_shape[0], *one) for index, one in enumerate(self.ranges)}

    def apply_transform(self, input, params, flags, transform=None):
        return self.tone(input, *(params[f"number{index}"].to(input) for index in range(len(self.ranges)))).clamp(0, 1)
''',
    "Moved": '''
class Moved(K.GeometricAugmentationBase2D):
    """Seen through a matrix from numbers as those of `Toned`; beyond the border "zeros", "border" or "reflection"."""

    def __init__(self, *ranges, padding_mode="zeros", p=1.0):
        super().__init__(p=p)
        self.ranges, self.padding_mode = ranges, padding_mode
        self.flags = {"resample": kornia.constants.Resample.BILINEAR, "align_corners": True}

    def generate_parameters(self, batch_shape):
        return {f"number{index}": draw(batch_shape[0], *one) for index, one in enumerate(self.ranges)}

    def compute_transformation(self, input, params, flags):
        numbers = (params[f"number{index}"].flatten().double() for index in range(len(self.ranges)))
        return self.matrix(*input.shape[-2:], *numbers).to(input)

    def apply_transform(self, input, params, flags, transform=None):
        mode = flags["resample"].name.lower()
        return kornia.geometry.warp_perspective(input, transform, input.shape[-2:], mode, self.padding_mode, align_corners=True)
''',
    "Affine": '''
class Affine(Moved):
    """Columns slide along y, rows along x; then scaled, turned counter-clockwise and moved by shares of the sides."""

    def matrix(self, height, width, scale, x, y, angle, shear_x, shear_y):
        cos, sin = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
        slide_x, slide_y = torch.tan(torch.deg2rad(shear_x)), torch.tan(torch.deg2rad(shear_y))
        b, d = scale * (cos * slide_x + sin), scale * (cos - sin * slide_x)
        a, c = scale * cos + b * slide_y, d * slide_y - scale * sin
        centre_x, centre_y, none = (width - 1) / 2, (height - 1) / 2, torch.zeros_like(a)
        right = centre_x + x * width - a * centre_x - b * centre_y
        down = centre_y + y * height - c * centre_x - d * centre_y
        return torch.stack([a, b, right, c, d, down, none, none, none + 1], 1).reshape(-1, 3, 3)
''',
    "Perspective": '''
class Perspective(Moved):
    """Shows the quadrilateral whose corners lie inward by shares of the sides, each up to `scale`."""

    def __init__(self, scale, moves=((0, 1),) * 8, **options):
        super().__init__(scale, *moves, **options)

    def matrix(self, height, width, scale, *moves):
        size = torch.tensor([max(width - 1, 1), max(height - 1, 1)])
        corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
        inward = scale[:, None, None] * torch.stack(moves, 1).reshape(-1, 4, 2)
        start = (corners - inward).abs() * size
        return kornia.geometry.get_perspective_transform(start, (corners * size).expand_as(start))
''',
    "Crop": '''
class Crop(K.GeometricAugmentationBase2D):
    """A window of shares of the sides; `x` and `y` say where it lies, drawn from their ranges."""

    def __init__(self, rows, columns, x, y, p=1.0):
        super().__init__(p=p)
        self.rows, self.columns, self.x, self.y = rows, columns, x, y
        self.flags = {"resample": kornia.constants.Resample.BILINEAR, "align_corners": True}

    def generate_parameters(self, batch_shape):
        count, _, height, width = batch_shape
        kept = max(round(height * self.rows), 1), max(round(width * self.columns), 1)
        rooms = (height - kept[0] + 1, width - kept[1] + 1)
        shares = (draw(count, *self.y).flatten(), draw(count, *self.x).flatten())
        top, left = (((room * share).ceil() - 1).clamp(0).long() for room, share in zip(rooms, shares))
        return {"top": top, "left": left, "size": torch.tensor([kept] * count)}

    def compute_transformation(self, input, params, flags):
        matrix = torch.eye(3).repeat(len(input), 1, 1)
        matrix[:, 0, 2], matrix[:, 1, 2] = -params["left"], -params["top"]
        return matrix.to(input)

    def apply_transform(self, input, params, flags, transform=None):
        height, width = params["size"][0].tolist()
        places = zip(input, params["top"].tolist(), params["left"].tolist())
        return torch.stack([one[:, top : top + height, left : left + width] for one, top, left in places])
''',
    "ResizedCrop": '''
class ResizedCrop(K.GeometricAugmentationBase2D):
    """A window of a share of the area, in proportion to the image, resized to the image's size."""

    def __init__(self, *ranges, p=1.0):
        super().__init__(p=p)
        self.ranges = ranges
        self.flags = {"resample": kornia.constants.Resample.BILINEAR, "align_corners": False}

    def generate_parameters(self, batch_shape):
        count, _, height, width = batch_shape
        scale, ratio, x, y = (draw(count, *one).flatten() for one in self.ranges)
        rows = (height * (scale / ratio).sqrt()).round().clamp(1, height).long()
        columns = (width * (scale * ratio).sqrt()).round().clamp(1, width).long()
        top, left = ((height - rows) * y).round().long(), ((width - columns) * x).round().long()
        return {"top": top, "left": left, "rows": rows, "columns": columns}

    def compute_transformation(self, input, params, flags):
        matrix = torch.eye(3).repeat(len(input), 1, 1)
        for axis, (start, kept, side) in enumerate((("left", "columns", -1), ("top", "rows", -2))):
            zoom = input.shape[side] / params[kept]
            matrix[:, axis, axis], matrix[:, axis, 2] = zoom, (0.5 - params[start]) * zoom - 0.5
        return matrix.to(input)

    def apply_transform(self, input, params, flags, transform=None):
        nearest = flags["resample"] == kornia.constants.Resample.NEAREST
        how = {"mode": "nearest-exact"} if nearest else {"mode": "bilinear", "align_corners": False}
        windows = zip(input, *(params[name].tolist() for name in ("top", "left", "rows", "columns")))
        return torch.cat([
            torch.nn.functional.interpolate(one[None, :, top : top + rows, left : left + columns], input.shape[-2:], **how)
            for one, top, left, rows, columns in windows
        ])
''',
    "AutoContrast": '''
class AutoContrast(Toned):
    """Quantiles of each channel, or of all together, become black and white."""

    def __init__(self, cutoff, together=False, p=1.0):
        super().__init__(p=p)
        self.cutoff, self.together = cutoff, together

    def tone(self, values):
        planes = values.flatten(1) if self.together else values.flatten(2)
        ends = values.new_tensor([self.cutoff, 1 - self.cutoff])
        low, high = torch.quantile(planes, ends, dim=-1, keepdim=True)
        flat = high - low <= 1e-6
        spread = (planes - torch.where(flat, 0, low)) / torch.where(flat, 1, high - low)
        return spread.reshape(values.shape)
''',
    "LogColorJitter": '''
class LogColorJitter(K.ColorJitter):
    """Some of its factors drawn so that equal ratios are equally likely."""

    def __init__(self, logs, **ranges):
        super().__init__(**ranges)
        self.logs = {name: ranges[name] for name in logs}

    def generate_parameters(self, batch_shape):
        factors = {f"{name}_factor": draw(batch_shape[0], *ends, "log").flatten() for name, ends in self.logs.items()}
        return super().generate_parameters(batch_shape) | factors
''',
    "Brightness": '''
class Brightness(Toned):
    """A constant added."""

    def tone(self, values, delta):
        return values + delta
''',
    "Gamma": '''
class Gamma(Toned):
    """values ** gamma."""

    def tone(self, values, gamma):
        return values**gamma
''',
    "ChannelOrder": '''
class ChannelOrder(Toned):
    """The channels in another order."""

    def __init__(self, order, p=1.0):
        super().__init__(p=p)
        self.order = order

    def tone(self, values):
        return values[:, self.order] if values.shape[1] == 3 else values
''',
    "UnsharpMask": '''
class UnsharpMask(Toned):
    """Some of the difference from a Gaussian blur added."""

    def __init__(self, amount, sigma, p=1.0):
        super().__init__(amount, p=p)
        self.sigma = sigma

    def tone(self, values, amount):
        side = 2 * max(int(4 * self.sigma + 0.5), 1) + 1
        return values + amount * (values - kornia.filters.gaussian_blur2d(values, side, (self.sigma, self.sigma), "replicate"))
''',
    "CoarseDropout": '''
class CoarseDropout(Toned):
    """A number of rectangles of shares of the sides covered with a constant; holes is (least, most)."""

    def __init__(self, holes, rows, columns, fill=0.0, p=1.0):
        super().__init__(p=p)
        self.holes, self.rows, self.columns, self.fill = holes, rows, columns, fill

    def tone(self, values):
        height, width = values.shape[-2:]
        covered = torch.zeros(len(values), 1, height, width, dtype=torch.bool)
        for one in covered[:, 0]:
            rows, columns = (draw(1, *span).item() for span in (self.rows, self.columns))
            rows, columns = max(round(height * rows), 1), max(round(width * columns), 1)
            for _ in range(int(torch.randint(self.holes[0], self.holes[1] + 1, ()))):
                top, left = (round(draw(1, 0, room).item()) for room in (height - rows, width - columns))
                one[top : top + rows, left : left + columns] = True
        return torch.where(covered.to(values.device), torch.tensor(self.fill).to(values), values)
''',
    "Unit": '''
class Unit(torch.nn.Identity):
    """The floats are in [0, 1] already."""
''',
    **TONES,
}

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


def _shuffle(step: Any) -> str:
    return f"ChannelOrder({['rgb'.index(letter) for letter in step.order]}{chance(step)})"


def _dropped(step: Any) -> str:
    channel = ("red", "green", "blue").index(step.channel)
    return f"ChannelDropout({channel}, {ends(step.fill)}{chance(step)})"


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
    T.ChannelShuffle: Row("torch", _shuffle),
    T.ChannelDropout: Row("torch", _dropped, ONE, _HALVES, logs=True),
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
    exec(compile(text, "<kornia>", "exec"), namespace)  # noqa: S102  (our own text)
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

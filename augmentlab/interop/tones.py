"""Texts of classes in PyTorch for targets that share it; an export holds those that it names.

`Toned`, their base, is each target's own: it calls `tone` with floats in [0, 1] (..., C, H, W), and with numbers or tensors that
broadcast with them.
"""

from collections.abc import Callable
from typing import Any

from augmentlab import transforms as T  # noqa: N812
from augmentlab.distributions import Choice, Integers, LogUniform
from augmentlab.interop.grades import RefusedError
from augmentlab.interop.sampling import Lines, number, pair, span
from augmentlab.transform import Transform

# Transforms that have a class of the same name in the texts, with the fields whose ranges it takes, in order.
FIELDS: dict[type[Transform], tuple[str, ...]] = {
    T.Affine: ("scale", "translate_x", "translate_y", "angle", "shear_x", "shear_y"),
    T.Crop: ("height", "width", "x", "y"),
    T.ResizedCrop: ("scale", "ratio", "x", "y"),
    T.Rescale: ("factor",),
    T.Pad: ("height", "width"),
    T.ElasticTransform: ("alpha", "sigma"),
    T.Brightness: ("delta",),
    T.Contrast: ("factor",),
    T.Gamma: ("gamma",),
    T.SigmoidContrast: ("gain", "cutoff"),
    T.LogContrast: ("gain",),
    T.RGBShift: ("red", "green", "blue"),
    T.Solarize: ("threshold",),
    T.HueSaturation: ("hue", "saturation"),
    T.AutoContrast: ("cutoff",),
    T.GaussianBlur: ("sigma",),
    T.UnsharpMask: ("amount", "sigma"),
    T.Sharpness: ("factor",),
    T.GaussianNoise: ("std",),
    T.SpeckleNoise: ("std",),
    T.ShotNoise: ("std",),
    T.SaltAndPepper: ("amount", "salt"),
    T.PixelDropout: ("amount", "fill"),
    T.CoarseDropout: ("holes", "height", "width", "fill"),
}


def ends(value: Any) -> str:
    """A range as the classes take it."""
    if isinstance(value, LogUniform | Integers):
        how = "log" if isinstance(value, LogUniform) else "integer"
        return f'({number(value.low)}, {number(value.high)}, "{how}")'
    return pair(span(value))


def chance(step: Any) -> str:
    """The last argument, with a comma before; none where the step is always done."""
    return "" if step.p == 1 else f", p={number(step.p)}"


def reordered(step: Any) -> str:
    """Channels in another order."""
    return f"ChannelOrder({['rgb'.index(letter) for letter in step.order]}{chance(step)})"


def dropped(step: Any) -> str:
    """One channel replaced by a constant."""
    channel = ("red", "green", "blue").index(step.channel)
    return f"ChannelDropout({channel}, {ends(step.fill)}{chance(step)})"


def own(step: Any, more: str = "") -> str:
    """The class of the text for a transform, with its ranges and `more` arguments."""
    arguments = ", ".join(ends(getattr(step, one)) for one in FIELDS[type(step)])
    return f"{type(step).__name__}({arguments}{more}{chance(step)})"


def per_channel(*, usual: bool) -> Callable[[Any], str]:
    """Write a class of noise for which `per_channel` is usually so."""
    return lambda step: own(step, "" if step.per_channel == usual else f", per_channel={not usual}")


_LETTERS = {"b": "brightness", "c": "contrast", "s": "saturation", "h": "hue"}


def jitters(step: Any, native: str, more: str = "") -> Lines:
    """Calls of ColorJitter, with the name `native`: one where the order is drawn, else one for each part in its order; none
    where nothing changes. `more` are last arguments, with a comma before.
    """
    changed = [letter for letter, name in _LETTERS.items() if getattr(step, name) != (0 if name == "hue" else 1)]
    if isinstance(step.hue, LogUniform):
        raise RefusedError("it draws no hue in the logarithm", "hue=uniform(low, high) can be exported")

    def call(letters: list[str]) -> str:
        values = {_LETTERS[one]: getattr(step, _LETTERS[one]) for one in letters}
        logs = [name for name, value in values.items() if isinstance(value, LogUniform)]
        arguments = [
            f"{name}={pair((value.low, value.high) if name in logs else span(value), 1 / 360 if name == 'hue' else 1)}"
            for name, value in values.items()
        ]
        # of each text's own, which is theirs with some ranges drawn in the logarithm
        return f"{f'LogColorJitter({logs}, ' if logs else f'{native}('}{', '.join(arguments)}{more})"

    if not isinstance(step.order, Choice):
        return [call([letter]) for letter in step.order if letter in changed]
    drawn: Any = T.ColorJitter().order
    if step.order != drawn:
        raise RefusedError("it draws any order", "an order, or no order, can be exported")
    return [call(changed)] if changed else []


TONES = {
    "Brightness": '''
class Brightness(Toned):
    """A constant added; the libraries' ColorJitter multiplies."""

    def tone(self, values, delta):
        return values + delta
''',
    "Gamma": '''
class Gamma(Toned):
    """values ** gamma."""

    def tone(self, values, gamma):
        return values**gamma
''',
    "Contrast": '''
class Contrast(Toned):
    """Stretched about middle gray, then a constant added; not about the mean gray of the image, as ColorJitter does."""

    def tone(self, values, factor, delta=0.0):
        return (values - 0.5) * factor + 0.5 + delta
''',
    "SigmoidContrast": '''
class SigmoidContrast(Toned):
    """A sigmoid about `cutoff`, rescaled to keep black and white."""

    def tone(self, values, gain, cutoff):
        gain = torch.as_tensor(gain).clamp(min=1e-6)  # 0, a straight line, would be 0 / 0
        ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
        black, white, bent = (torch.tanh(gain / 2 * (one - cutoff)) for one in (*ends, values.double()))
        return ((bent - black) / (white - black)).float()
''',
    "LogContrast": '''
class LogContrast(Toned):
    """log(1 + gain * values) / log(1 + gain)."""

    def tone(self, values, gain):
        gain = torch.as_tensor(gain).clamp(min=1e-6)  # 0, a straight line, would be 0 / 0
        return torch.log1p(gain * values) / torch.log1p(gain)
''',
    "Solarize": '''
class Solarize(Toned):
    """Values above a threshold in [0, 1] inverted; RandomSolarize inverts those that are equal to it as well."""

    def tone(self, values, threshold):
        return torch.where(values > threshold, 1 - values, values)
''',
    "RGBShift": '''
class RGBShift(Toned):
    """A constant added to each colour."""

    def tone(self, values, red, green, blue):
        if values.shape[-3] == 1:
            return values
        colours = zip(values.split(1, dim=-3), (red, green, blue))
        return torch.cat([colour + shift for colour, shift in colours], dim=-3)
''',
    "Grayscale": '''
class Grayscale(Toned):
    """Gray of the weights of ITU-R BT.709, in three equal channels."""

    def tone(self, values):
        if values.shape[-3] == 1:
            return values
        weights = values.new_tensor([0.2125, 0.7154, 0.0721])[:, None, None]
        return (values * weights).sum(-3, keepdim=True).expand_as(values)
''',
    "HueSaturation": '''
class HueSaturation(Toned):
    """In HSV: hue turned by degrees, saturation scaled; ColorJitter's saturation blends with gray instead."""

    def tone(self, values, hue, saturation):
        if values.shape[-3] == 1:
            return values
        red, green, blue = values.split(1, dim=-3)
        value = values.amax(-3, keepdim=True)
        chroma = value - values.amin(-3, keepdim=True)
        ahead = torch.where(value == red, green - blue, torch.where(value == green, blue - red, red - green))
        sextant = torch.where(value == red, 0.0, torch.where(value == green, 2.0, 4.0))
        place = sextant + ahead / torch.where(chroma == 0, 1.0, chroma)
        chroma = torch.minimum(chroma * saturation, value)
        away = (place + hue / 60 + values.new_tensor([5.0, 3.0, 1.0])[:, None, None]) % 6
        return value - chroma * torch.minimum(away, 4 - away).clamp(0, 1)
''',
    "ChannelDropout": '''
class ChannelDropout(Toned):
    """One colour becomes a constant."""

    def __init__(self, channel, fill=(0, 0), p=1.0):
        super().__init__(fill, p=p)
        self.channel = channel

    def tone(self, values, fill):
        if values.shape[-3] == 3:
            values = values.clone()
            values[..., self.channel : self.channel + 1, :, :] = fill
        return values
''',
    "GaussianNoise": '''
class GaussianNoise(Toned):
    """Noise added, clipped."""

    def __init__(self, std, per_channel=True, p=1.0):
        super().__init__(std, p=p)
        self.per_channel = per_channel

    def tone(self, values, std):
        return values + std * torch.randn_like(values if self.per_channel else values[..., :1, :, :])
''',
    "SpeckleNoise": '''
class SpeckleNoise(Toned):
    """Multiplied by 1 plus noise."""

    def __init__(self, std, per_channel=False, p=1.0):
        super().__init__(std, p=p)
        self.per_channel = per_channel

    def tone(self, values, std):
        return values * (1 + std * torch.randn_like(values if self.per_channel else values[..., :1, :, :]))
''',
    "ShotNoise": '''
class ShotNoise(Toned):
    """A Poisson distribution for each value, of 1 / std ** 2 photons at white."""

    def tone(self, values, std):
        std = torch.as_tensor(std).clamp(min=1e-4)  # of 0, none, the photons would have no number
        return torch.poisson(values / std**2) * std**2
''',
    "SaltAndPepper": '''
class SaltAndPepper(Toned):
    """Single pixels become white or black."""

    def tone(self, values, amount, salt):
        chosen = torch.rand_like(values[..., :1, :, :]) < amount
        return torch.where(chosen, (torch.rand_like(values[..., :1, :, :]) < salt).float(), values)
''',
    "PixelDropout": '''
class PixelDropout(Toned):
    """Single pixels, or values, become a constant."""

    def __init__(self, *ranges, per_channel=False, p=1.0):
        super().__init__(*ranges, p=p)
        self.per_channel = per_channel

    def tone(self, values, amount, fill):
        shares = torch.rand_like(values if self.per_channel else values[..., :1, :, :])
        return torch.where(shares < amount, torch.as_tensor(fill).float(), values)
''',
    "Sharpness": '''
class Sharpness(Toned):
    """Between the image and its smoothed one, or beyond; RandomAdjustSharpness leaves the outermost pixels."""

    def tone(self, values, factor):
        flat = values.reshape(-1, 1, *values.shape[-2:])
        padded = torch.nn.functional.pad(flat, [1, 1, 1, 1], mode="replicate")
        kernel = values.new_tensor([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]]) / 13
        smooth = torch.nn.functional.conv2d(padded, kernel[None, None]).reshape(values.shape)
        return smooth + factor * (values - smooth)
''',
}

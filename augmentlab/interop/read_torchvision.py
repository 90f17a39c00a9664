"""torchvision's transforms, of v1 and v2, as transforms of this package."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from augmentlab import transforms as T  # noqa: N812
from augmentlab.compose import Compose, OneOf, RandomOrder, SomeOf
from augmentlab.distributions import integers, loguniform, shown, uniform
from augmentlab.interop.grades import RefusedError
from augmentlab.interop.shapes import after
from augmentlab.interop.tones import FIELDS
from augmentlab.transform import Transform

Steps = list[Transform]
Size = tuple[int, ...] | None


@dataclass(frozen=True)
class Reading:
    """How one of their classes becomes ours.

    Parameters
    ----------
    ours : str
        What it becomes, as the table of the documentation shows it.
    read : callable
        ``read(module, size) -> list of Transform``, for images of `size` (H, W), or of a size that is not known. It may
        raise a `RefusedError`.
    near : str
        What differs, where the result is the nearest there is and not the same; one sentence.
    """

    ours: str
    read: Callable[[Any, Size], Steps]
    near: str = ""


def from_torchvision(transforms: Any, *, shape: tuple[int, ...] | None = None, strict: bool = True) -> Compose:
    """A pipeline of torchvision, `transforms` or `transforms.v2`, as one of this package.

    Parameters
    ----------
    transforms : object or list
        A ``Compose``, another transform, or a list of them.
    shape : tuple of int, optional
        Of the images, (H, W) or (H, W, C). Crops and borders count in pixels there and in fractions here; without it
        they are read only where a resize before them fixes the size.
    strict : bool
        Whether what has no counterpart is an error; if not, it is left out with one warning.

    Returns
    -------
    Compose
        ``ToTensor`` and ``ToDtype`` become `Normalize`, ``Normalize`` becomes `Standardize`.

    Raises
    ------
    ValueError
        That lists everything that has no counterpart, and why.

    Warns
    -----
    UserWarning
        That lists what is left out, and what is only near.

    Examples
    --------
    >>> from torchvision.transforms import v2  # doctest: +SKIP
    >>> from_torchvision([v2.RandomHorizontalFlip(), v2.RandomRotation(10)])  # doctest: +SKIP
    Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-10.0, 10.0))])
    """
    reader = _Reader()
    steps, _ = reader.all(_listed(transforms), None if shape is None else tuple(shape[:2]))
    if reader.refused and strict:
        listed = "\n".join(f"- {line}" for line in reader.refused)
        raise ValueError(f"not all of the torchvision pipeline has a counterpart; strict=False leaves out\n{listed}")
    notes = [f"left out: {line}" for line in reader.refused] + [f"only near: {line}" for line in reader.near]
    if notes:
        warnings.warn("from torchvision\n" + "\n".join(f"- {line}" for line in notes), UserWarning, stacklevel=2)
    return Compose(tuple(steps))


def _listed(transforms: Any) -> list[Any]:
    if isinstance(transforms, list | tuple):
        return list(transforms)
    if type(transforms).__name__ in {"Compose", "Sequential"}:
        return list(getattr(transforms, "transforms", transforms))
    return [transforms]


@dataclass
class _Reader:
    """What was met on the way."""

    refused: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)

    def all(self, modules: Iterable[Any], size: Size) -> tuple[Steps, Size]:
        """The steps for modules one after the other, and the size after them."""
        steps: Steps = []
        for module in modules:
            read, size = self.one(module, size)
            steps += read
        return steps, size

    def one(self, module: Any, size: Size) -> tuple[Steps, Size]:
        """The steps for a module, none where it is refused, and the size after it."""
        if type(module).__name__ in {"Compose", "Sequential"}:
            return self.all(_listed(module), size)
        try:
            steps = self._steps(module, size)
        except RefusedError as error:
            self.refused.append(error.of(_Shown(module)))
            return [], _sized(module, None)
        except (TypeError, ValueError) as error:  # a value that no transform takes
            self.refused.append(f"{_Shown(module)!r:.120}: {error}")
            return [], _sized(module, None)
        for step in steps:
            size = after(step, size)
        return steps, _sized(module, size)

    def _steps(self, module: Any, size: Size) -> Steps:
        name = type(module).__name__
        match name:
            case "RandomApply":
                return _with_chance(self.all(list(module.transforms), size)[0], module.p)
            case "RandomChoice":
                steps = self._whole(module, size)
                weights = [float(one) for one in module.p or ()]
                return [OneOf(steps, weights=tuple(weights) if len(set(weights)) > 1 else None)]
            case "RandomOrder":
                return [RandomOrder(self._whole(module, None))]  # what comes before each is drawn
            case "SomeOf" if hasattr(module, "replace"):
                low, high = module.n
                n = low if low == high else integers(low, high)
                return [SomeOf(self._whole(module, None), n=n, replace=module.replace, p=module.p)]
        if not type(module).__module__.startswith("torchvision"):
            return [_exported(module)]
        if name not in READINGS:
            raise _NEAREST.get(name, RefusedError("it has no counterpart"))
        reading = READINGS[name]
        found = reading.read(module, size)
        if reading.near:
            self.near.append(f"{_Shown(module)}: {reading.near}")
        named = getattr(module, "interpolation", None)
        named = getattr(named, "value", named)
        if named not in {None, "bilinear", 2}:  # 2 is Pillow's number
            self.near.append(f"{_Shown(module)}: its interpolation is {named}, here it is linear")
        return found

    def _whole(self, module: Any, size: Size) -> tuple[Transform, ...]:
        """One step for each of a group's; refused where one has none."""
        children = []
        for one in module.transforms:
            before = len(self.refused)
            steps, _ = self.one(one, size)
            if len(self.refused) > before:
                raise RefusedError("one of its transforms has no counterpart")
            children.append(steps[0] if len(steps) == 1 else Compose(tuple(steps)))
        return tuple(children)


class _Shown:
    """A module as a line."""

    def __init__(self, module: Any) -> None:
        try:
            self.text = " ".join(repr(module).split())
        except Exception:  # noqa: BLE001  (nesting without end, a repr of the user's)
            self.text = shown(module)

    def __repr__(self) -> str:
        return self.text


def _sized(module: Any, size: Size) -> Size:
    """The size after what has a fixed one, whatever came before."""
    given = getattr(module, "size", None)
    if isinstance(given, list | tuple) and len(given) == 2 and type(module).__module__.startswith("torchvision"):
        return tuple(given)
    return size


def _with_chance(steps: Steps, p: float) -> Steps:
    if not steps:
        return []
    if len(steps) == 1 and steps[0].p == 1:
        return [replace(steps[0], p=float(p))]
    return [Compose(tuple(steps), p=float(p))]


# --- numbers ----------------------------------------------------------------------------------------------------------


def _range(ends: Any, times: float = 1.0) -> Any:
    """A number or a uniform range."""
    low, high = sorted(float(end) * times for end in ends)
    return low if low == high else uniform(low, high)


def _angle(ends: Any) -> Any:
    low, high = sorted(map(float, ends))
    if high - low >= 360 and (high - low) % 360 == 0:  # every direction alike
        return uniform(-180.0, 180.0)
    if high > 180 and low >= 180:
        low, high = low - 360, high - 360
    if low < -180 or high > 180:
        raise RefusedError("its angles leave [-180, 180]", "a range inside, or a full turn, can be read")
    return _range((low, high))


def _fill(module: Any) -> float:
    """The gray level beyond a constant border."""
    fill = module.fill
    values = {fill} if isinstance(fill, int | float) else {0} if fill is None else set(fill)
    if len(values) > 1 or any(isinstance(one, str) for one in values):
        raise RefusedError("its border is a colour", "one gray level can be read")
    (value,) = values
    return value / 255 if value > 1 else float(value)


def _chance(make: Callable[..., Transform], **fields: Any) -> Callable[[Any, Size], Steps]:
    return lambda module, _: [make(**fields, p=float(module.p))]


def _known(size: Size) -> tuple[int, ...]:
    if size is None:
        raise RefusedError("it counts in pixels, and the size of the images is not known", "give shape=(height, width)")
    return size


# --- geometry ---------------------------------------------------------------------------------------------------------


def _rotation(module: Any, _: Size) -> Steps:
    if module.expand or module.center is not None:
        raise RefusedError("it changes the size or turns about a point", "expand=False, center=None can be read")
    return [T.Rotate(angle=_angle(module.degrees), fill=_fill(module))]


def _affine(module: Any, _: Size) -> Steps:
    if module.center is not None:
        raise RefusedError("it turns about a point", "center=None can be read")
    shear = [0.0, 0.0, 0.0, 0.0] if module.shear is None else [*map(float, module.shear), 0.0, 0.0][:4]
    if any(shear[:2]) and any(shear[2:]):
        raise RefusedError("it slides along x before y, the other way round", "a shear along x or y can be read")
    across, down = module.translate or (0, 0)
    # torchvision's affine turns clockwise and slides the other way
    return [
        T.Affine(
            angle=_angle([-end for end in module.degrees]),
            translate_x=_range((-across, across)),
            translate_y=_range((-down, down)),
            scale=_range(module.scale or (1, 1)),
            shear_x=_range(shear[:2], -1),
            shear_y=_range(shear[2:], -1),
            fill=_fill(module),
        )
    ]


def _resize(module: Any, _: Size) -> Steps:
    size = [module.size] if isinstance(module.size, int) else list(module.size or ())
    if len(size) == 2:
        return [T.Resize(height=size[0], width=size[1])]
    if not size:
        return [T.LongestMaxSize(size=module.max_size)]
    if module.max_size is not None:
        raise RefusedError("it bounds both sides", "size or max_size alone can be read")
    return [T.SmallestMaxSize(size=size[0])]


def _resized_crop(module: Any, _: Size) -> Steps:
    height, width = module.size
    anywhere = uniform(0, 1)
    scale, ratio = _range(module.scale), loguniform(*map(float, module.ratio))
    ratio = module.ratio[0] if module.ratio[0] == module.ratio[1] else ratio
    return [T.ResizedCrop(scale=scale, ratio=ratio, x=anywhere, y=anywhere, height=height, width=width)]


def _share(kept: int, side: int) -> float:
    if kept > side:
        raise RefusedError(f"its {kept} px are more than the {side} of the images", "a crop that fits can be read")
    return kept / side


def _center_crop(module: Any, size: Size) -> Steps:
    height, width = _known(size)
    return [T.CenterCrop(height=_share(module.size[0], height), width=_share(module.size[1], width))]


def _padding(padding: Any, module: Any, size: Size) -> Steps:
    height, width = _known(size)
    left, top, *other = [padding] * 4 if isinstance(padding, int) else list(padding) * (4 // len(padding))
    if [left, top] != other:
        raise RefusedError("its borders differ from side to side", "equal ones can be read")
    return [T.Pad(height=top / height, width=left / width, border=module.padding_mode, fill=_fill(module))]


def _random_crop(module: Any, size: Size) -> Steps:
    steps = _padding(module.padding, module, size) if module.padding else []
    height, width = steps[0].output_shape(_known(size)) if steps else _known(size)
    kept = {"height": _share(module.size[0], height), "width": _share(module.size[1], width)}
    return [*steps, T.Crop(**kept, x=uniform(0, 1), y=uniform(0, 1))]


# --- colour, noise and preprocessing ----------------------------------------------------------------------------------


def _jitter(module: Any, _: Size) -> Steps:
    times = {"brightness": 1, "contrast": 1, "saturation": 1, "hue": 360}
    given = {name: getattr(module, name) for name in times}
    fields = {
        name: loguniform(*map(float, ends)) if name in getattr(module, "logs", ()) else _range(ends, times[name])
        for name, ends in given.items()
        if ends is not None
    }
    return [T.ColorJitter(**fields)]


def _solarize(module: Any, _: Size) -> Steps:
    # of uint8, where a value equal to the threshold is inverted as well
    threshold = module.threshold if module.threshold <= 1 else (module.threshold - 0.5) / 255
    return [T.Solarize(threshold=float(threshold), p=float(module.p))]


def _blur(module: Any, _: Size) -> Steps:
    most = max(map(float, module.sigma))
    if min(module.kernel_size) < 2 * int(3 * most) + 1:
        raise RefusedError(
            f"its kernel of {min(module.kernel_size)} pixels cuts a Gaussian of sigma {most:g}",
            f"kernel_size={2 * int(3 * most) + 1} can be read",
        )
    return [T.GaussianBlur(sigma=_range(module.sigma))]


def _noise(module: Any, _: Size) -> Steps:
    if module.mean != 0:
        raise RefusedError("its noise is not about 0", "mean=0 can be read")
    return [T.GaussianNoise(std=float(module.sigma))]


def _gray(module: Any, _: Size) -> Steps:
    if module.num_output_channels == 1:
        return [T.ConvertChannels(to="gray", weights="bt601")]
    return [T.Grayscale(weights="bt601")]


def _dtype(module: Any, _: Size) -> Steps:
    given = module.dtype.values() if isinstance(module.dtype, dict) else [module.dtype]
    names = {str(one) for one in given} - {"None"}
    if any("int" in one for one in names) or not getattr(module, "scale", True):
        raise RefusedError("it converts to whole numbers or without scaling", "floats in [0, 1] can be read")
    return [T.Normalize()]


def _standardize(module: Any, _: Size) -> Steps:
    return [T.Standardize(mean=tuple(map(float, module.mean)), std=tuple(map(float, module.std)))]


def _quality(module: Any, _: Size) -> Steps:
    low, high = module.quality
    return [T.JPEGCompression(quality=low if low == high else integers(low, high))]


def _nothing(_: Any, __: Size) -> Steps:
    return []


READINGS: dict[str, Reading] = {
    "RandomHorizontalFlip": Reading("HorizontalFlip", _chance(T.HorizontalFlip)),
    "RandomVerticalFlip": Reading("VerticalFlip", _chance(T.VerticalFlip)),
    "RandomRotation": Reading("Rotate", _rotation),
    "RandomAffine": Reading("Affine", _affine),
    "RandomResizedCrop": Reading(
        "ResizedCrop",
        _resized_crop,
        "its ratio is that of the pixels, here it is relative to the image's own, and what leaves the image is drawn anew",
    ),
    "Resize": Reading("Resize, SmallestMaxSize, LongestMaxSize", _resize),
    "CenterCrop": Reading("CenterCrop", _center_crop),
    "RandomCrop": Reading("Pad and Crop", _random_crop),
    "Pad": Reading("Pad", lambda module, size: _padding(module.padding, module, size)),
    "ColorJitter": Reading("ColorJitter", _jitter),
    "Grayscale": Reading('Grayscale(weights="bt601"), ConvertChannels', _gray),
    "RandomGrayscale": Reading('Grayscale(weights="bt601")', _chance(T.Grayscale, weights="bt601")),
    "RGB": Reading('ConvertChannels(to="rgb")', lambda *_: [T.ConvertChannels(to="rgb")]),
    "RandomInvert": Reading("Invert", _chance(T.Invert)),
    "RandomPosterize": Reading("Posterize", lambda module, _: [T.Posterize(bits=int(module.bits), p=float(module.p))]),
    "RandomSolarize": Reading("Solarize", _solarize),
    "RandomAutocontrast": Reading("AutoContrast(cutoff=0)", _chance(T.AutoContrast, cutoff=0.0)),
    "RandomEqualize": Reading("Equalize", _chance(T.Equalize)),
    "RandomAdjustSharpness": Reading(
        "Sharpness", lambda module, _: [T.Sharpness(factor=float(module.sharpness_factor), p=float(module.p))]
    ),
    # one of six orders is that of the image
    "RandomChannelPermutation": Reading("ChannelShuffle(p=5/6)", lambda *_: [T.ChannelShuffle(p=5 / 6)]),
    "GaussianBlur": Reading("GaussianBlur", _blur),
    "GaussianNoise": Reading("GaussianNoise", _noise),
    "JPEG": Reading("JPEGCompression", _quality),
    "ToTensor": Reading("Normalize", lambda *_: [T.Normalize()]),
    "ToDtype": Reading("Normalize", _dtype),
    "ConvertImageDtype": Reading("Normalize", _dtype),
    "Normalize": Reading("Standardize", _standardize),
    "Identity": Reading("nothing", _nothing),
    "ToImage": Reading("nothing", _nothing),
    "PILToTensor": Reading("nothing", _nothing),
    "ToPILImage": Reading("nothing", _nothing),
    "ToPureTensor": Reading("nothing", _nothing),
    "SanitizeBoundingBoxes": Reading("nothing", _nothing),
    "ClampBoundingBoxes": Reading("nothing", _nothing),
}

# What has no counterpart, and the nearest there is.
_NEAREST = {
    "RandomPerspective": RefusedError("its image moves inward, here the corners seen do", "Perspective is the nearest"),
    "ElasticTransform": RefusedError("it counts in pixels and blurs white noise", "ElasticTransform is the nearest"),
    "RandomErasing": RefusedError("it draws an area and a ratio", "CoarseDropout(holes=1) is the nearest"),
    "RandAugment": RefusedError("its magnitudes have scales of their own", "augmentlab.RandAugment is the nearest"),
    "TrivialAugmentWide": RefusedError("its ranges are its own", "augmentlab.TrivialAugment is the nearest"),
    "AutoAugment": RefusedError("its policies are its own", "augmentlab.AutoAugment is the nearest"),
    "AugMix": RefusedError("its ranges are its own", "augmentlab.AugMix is the nearest"),
    "MixUp": RefusedError("it mixes batches of labels", "MixUp is the nearest"),
    "CutMix": RefusedError("it mixes batches of labels", "CutMix is the nearest"),
    "RandomZoomOut": RefusedError("it enlarges the canvas", "Affine(scale=...) is the nearest"),
    "RandomPhotometricDistort": RefusedError("each of its parts has a chance", "ColorJitter is the nearest"),
    "Lambda": RefusedError("it is a function", "a subclass of PixelTransform can do it"),
}


# --- classes of exported texts ----------------------------------------------------------------------------------------

_EXPORTED = {cls.__name__: cls for cls in FIELDS}
# Their other arguments, by our names.
_OPTIONS = {"mode": "border", "fill": "fill", "per_channel": "per_channel", "content": "content"}


def _drawn(low: Any, high: Any, how: str = "uniform") -> Any:
    if low == high:
        return low
    return {"uniform": uniform, "log": loguniform, "integer": integers}[how](low, high)


def _dropped(module: Any, fill: Any) -> Transform:
    channel: Any = ("red", "green", "blue")[module.channel]
    return T.ChannelDropout(channel=channel, fill=fill)


def _ordered(module: Any) -> Transform:
    order: Any = "".join("rgb"[index] for index in module.order)
    return T.ChannelShuffle(order=order)


def _perspective(module: Any, scale: Any, *_: Any) -> Transform:
    if set(module.ranges[1:]) != {(0, 1)}:
        raise RefusedError("its corners are given, not drawn")
    return T.Perspective(scale=scale)


def _side(module: Any) -> Transform:
    return T.LongestMaxSize(size=module.longer) if module.longer else T.SmallestMaxSize(size=module.shorter)


def _frame(module: Any) -> Transform:
    return T.Resize(**{one: getattr(module, one) for one in ("height", "width", "keep_aspect", "fill")})


def _contrast(_: Any, contrast: Any, brightness: Any = None) -> Transform:
    if brightness is None:
        return T.Contrast(factor=contrast)
    return T.BrightnessContrast(contrast=contrast, brightness=brightness)


# Those that are not of the same name and the same fields: from the module and the values of its ranges.
_SPECIAL: dict[str, Callable[..., Transform]] = {
    "LogColorJitter": lambda module: _jitter(module, None)[0],
    "Resize": _frame,
    "SideResize": _side,
    "QuarterTurns": lambda _, turns: T.Rotate90(turns=turns),
    "Grayscale": lambda _: T.Grayscale(),
    "ChannelOrder": _ordered,
    "ChannelDropout": _dropped,
    "Contrast": _contrast,
    "Perspective": _perspective,
}


def _exported(module: Any) -> Transform:
    """What an exported text has a class for."""
    name, values = type(module).__name__, [_drawn(*one) for one in getattr(module, "ranges", ())]
    if name in _SPECIAL and hasattr(module, "transform"):
        return replace(_SPECIAL[name](module, *values), p=float(getattr(module, "p", 1.0)))
    if name not in _EXPORTED or not hasattr(module, "ranges"):
        raise RefusedError("it is no class of torchvision")
    cls: Any = _EXPORTED[name]
    options = {ours: getattr(module, theirs) for theirs, ours in _OPTIONS.items() if hasattr(module, theirs)}
    if hasattr(module, "size"):
        options |= dict(zip(("height", "width"), module.size, strict=True))
    if getattr(module, "together", False):
        options["channels"] = "together"
    return cls(**dict(zip(FIELDS[cls], values, strict=True)), **options, p=float(module.p))

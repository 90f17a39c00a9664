"""Published augmentation policies, each an ordinary pipeline of the catalog: it is printed, changed and drawn as any.

What a published operation becomes here, with its range at full strength:

============================== ============================ ==========================================================
Operation                      Transform                    Range
============================== ============================ ==========================================================
ShearX, ShearY                 ``Affine(shear_x, shear_y)`` a slope of 0.3 (17 degrees) to either side
TranslateX, TranslateY         ``Affine(translate_x, ...)`` 150/331 of the side, either way
Rotate                         ``Rotate``                   30 degrees, either way
Brightness, Contrast, Color    ``ColorJitter``              factors from 0.1 to 1.9, as `PIL.ImageEnhance` has them
Sharpness                      ``Sharpness``                factors from 0.1 to 1.9
Posterize                      ``Posterize``                from 8 bits down to 4
Solarize                       ``Solarize``                 threshold from white down to black
AutoContrast, Equalize, Invert the same                     none; AutoContrast spreads all values (``cutoff=0``)
============================== ============================ ==========================================================

The ranges are those of Cubuk et al. 2019. Three things differ from the authors' code: shears are about the image's
centre, not its corner; images are interpolated linearly; a random strength is continuous, not one of 10 or 31 levels.
"""

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from augmentlab.compose import Blend, Compose, OneOf, SomeOf
from augmentlab.distributions import choice, integers, uniform
from augmentlab.transform import Transform, check_strength
from augmentlab.transforms.blur import Sharpness
from augmentlab.transforms.color import AutoContrast, ColorJitter, Equalize, Invert, Posterize, Solarize
from augmentlab.transforms.geometric import Affine, Rotate

__all__ = ["AugMix", "AutoAugment", "RandAugment", "TrivialAugment"]

Policy = Literal["cifar10", "imagenet", "svhn"]
_Operation = tuple[str, float, int]  # its name, probability, and magnitude from 0 to 9


def AutoAugment(policy: Policy = "imagenet", *, fill: float = 0.0) -> OneOf:  # noqa: N802 - named as in the paper
    """The policies found for three data sets: one of 25 pairs of operations (Cubuk et al. 2019, "AutoAugment").

    A magnitude k from 0 to 9 stands for k/9 of an operation's range, as the paper says (its authors' code took k/10,
    and other ranges for Posterize). The factors of Brightness, Contrast, Color and Sharpness go from 0.1 at 0 to 1.9 at
    9, so that none leaves the image as it is; torchvision instead takes 1 plus or minus k/10. Shears, translations and
    rotations are drawn to either side.

    Parameters
    ----------
    policy : {"cifar10", "imagenet", "svhn"}
        The data set for which it was found.
    fill : float
        Gray level in [0, 1] of what comes in beyond the border.

    Returns
    -------
    OneOf
        Of 25 `Compose` of two steps each.

    Examples
    --------
    >>> AutoAugment("svhn").steps[0]
    Compose([Affine(shear_x=choice(-7.595, 7.595), p=0.9), Invert(p=0.2)])
    """
    if policy not in get_args(Policy):
        raise ValueError(f"policy must be one of {', '.join(map(repr, get_args(Policy)))}; got {policy!r}")
    return OneOf(tuple(Compose(tuple(_published(*one, fill) for one in pair)) for pair in _PUBLISHED[policy]))


def RandAugment(n: Any = 2, strength: float = 0.3, *, fill: float = 0.0) -> SomeOf:  # noqa: N802
    """`n` of 14 operations, any of them several times, all of one strength (Cubuk et al. 2020, "RandAugment").

    The strength is the magnitude M divided by 30, its largest value in the paper and in torchvision. The factors of Brightness, Contrast, Color and Sharpness are
    1 plus or minus 0.9 times the strength, as in torchvision, so that more strength changes more.

    Parameters
    ----------
    n : int or distribution
        How many operations are applied.
    strength : float
        In [0, 1]; at 1 all ranges are at their ends.
    fill : float
        Gray level in [0, 1] of what comes in beyond the border.

    Returns
    -------
    SomeOf
        Of the 14 operations, one of which is the identity.

    Examples
    --------
    >>> RandAugment(n=2, strength=0.5).sample(rng=3)
    Compose([ColorJitter(contrast=1.45, order='bcsh'), Affine(shear_x=8.531)])
    """
    return SomeOf(_operations(_ALL, strength, drawn=False, fill=fill), n=n, replace=True)


def TrivialAugment(*, wide: bool = False, fill: float = 0.0) -> OneOf:  # noqa: N802 - named as in the paper
    """One of 14 operations at a random strength; nothing to tune (Mueller and Hutter 2021, "TrivialAugment").

    Parameters
    ----------
    wide : bool
        The paper's wide ranges: slopes to 0.99, rotations to 135 degrees, factors from 0.01 to 1.99, down to 2 bits, and
        translations by 32 pixels, taken as 1/7 of the side (32 of 224).
    fill : float
        Gray level in [0, 1] of what comes in beyond the border.

    Returns
    -------
    OneOf
        Of the 14 operations, one of which is the identity.

    Examples
    --------
    >>> TrivialAugment().sample(rng=1)
    Equalize()
    """
    return OneOf(_operations(_ALL, 1.0, drawn=True, reach=_WIDE if wide else _STANDARD, fill=fill))


def AugMix(  # noqa: N802 - named as in the paper
    strength: float = 0.3,
    width: int = 3,
    depth: Any = integers(1, 3),  # noqa: B008 - frozen
    alpha: float = 1.0,
    *,
    fill: float = 0.0,
) -> Blend:
    """The image blended with `width` chains of `depth` random operations (Hendrycks et al. 2020, "AugMix").

    The nine operations are those that the paper's test corruptions do not contain; translations reach 1/3 of the side.
    The loss that the paper adds for consistency is the model's affair. Masks, boxes and keypoints are refused, see
    `Blend`.

    Parameters
    ----------
    strength : float
        In [0, 1]; the paper's severity divided by 10. Each operation's own is drawn up to it.
    width : int
        How many chains, at least 1.
    depth : int or distribution
        How many operations a chain has.
    alpha : float
        Of the distributions of the weights.
    fill : float
        Gray level in [0, 1] of what comes in beyond the border.

    Returns
    -------
    Blend
        Of `width` `SomeOf`.

    Examples
    --------
    >>> [len(chain.steps) for chain in AugMix(width=2).sample(rng=2).steps]
    [2, 3]
    """
    if isinstance(width, bool) or not isinstance(width, int) or not 1 <= width <= 64:
        raise ValueError(f"width must be int in [1, 64]; got {width!r}")
    reach = dataclasses.replace(_STANDARD, translate=1 / 3)
    chain = SomeOf(_operations(_UNCORRUPTED, strength, drawn=True, reach=reach, fill=fill), n=depth, replace=True)
    return Blend((chain,) * width, alpha=alpha)


@dataclass(frozen=True)
class _Reach:
    """How far the operations go at full strength."""

    slope: float = 0.3
    translate: float = 150 / 331  # of the side: the paper's 150 pixels on its images of 331
    angle: float = 30.0
    factor: float = 0.9  # above and below 1
    bits: int = 4  # taken away


_STANDARD = _Reach()
_WIDE = _Reach(slope=0.99, translate=32 / 224, angle=135.0, factor=0.99, bits=6)

_FIELDS: dict[str, tuple[type[Transform], str]] = {
    "ShearX": (Affine, "shear_x"),
    "ShearY": (Affine, "shear_y"),
    "TranslateX": (Affine, "translate_x"),
    "TranslateY": (Affine, "translate_y"),
    "Rotate": (Rotate, "angle"),
    "Brightness": (ColorJitter, "brightness"),
    "Color": (ColorJitter, "saturation"),
    "Contrast": (ColorJitter, "contrast"),
    "Sharpness": (Sharpness, "factor"),
    "Posterize": (Posterize, "bits"),
    "Solarize": (Solarize, "threshold"),
}
_WITHOUT_STRENGTH: dict[str, Transform] = {
    "Identity": Compose(()),
    "AutoContrast": AutoContrast(cutoff=0.0),
    "Equalize": Equalize(),
    "Invert": Invert(),
}
_ALL = ("Identity", *_FIELDS, "AutoContrast", "Equalize")
_UNCORRUPTED = tuple(name for name in _ALL if name not in {"Identity", "Brightness", "Color", "Contrast", "Sharpness"})


def _operations(
    names: Iterable[str], strength: float, *, drawn: bool, fill: float, reach: _Reach = _STANDARD
) -> tuple[Transform, ...]:
    """Operations at a strength in [0, 1], or `drawn` from all up to it."""
    check_strength(strength)

    def either_side(most: float, of: float = 0.0) -> Any:
        if most * strength == 0:
            return of
        ends = _short(of - most * strength), _short(of + most * strength)
        return uniform(*ends) if drawn else choice(*ends)

    slope = math.degrees(math.atan(reach.slope * strength)) / (strength or 1)
    bits, threshold = 8 - round(reach.bits * strength), _short(1 - strength)
    values = {
        "ShearX": either_side(slope),
        "ShearY": either_side(slope),
        "TranslateX": either_side(reach.translate),
        "TranslateY": either_side(reach.translate),
        "Rotate": either_side(reach.angle),
        "Posterize": integers(bits, 8) if drawn else bits,
        "Solarize": uniform(threshold, 1) if drawn else threshold,
    }
    factor = either_side(reach.factor, of=1.0)
    return tuple(_step(name, values.get(name, factor), fill) for name in names)


def _published(name: str, p: float, magnitude: int, fill: float) -> Transform:
    """One operation of an AutoAugment policy."""
    part = magnitude / 9
    sides: dict[str, float] = {
        "ShearX": math.degrees(math.atan(_STANDARD.slope * part)),
        "TranslateX": _STANDARD.translate * part,
        "Rotate": _STANDARD.angle * part,
    }
    side = sides.get(name.replace("Y", "X"))
    if side is not None:
        return _step(name, choice(-_short(side), _short(side)), fill, p)
    if name == "Posterize":
        return _step(name, 8 - round(_STANDARD.bits * part), fill, p)
    value = 1 - part if name == "Solarize" else 1 - _STANDARD.factor + 2 * _STANDARD.factor * part
    return _step(name, _short(value), fill, p)


def _step(name: str, value: Any, fill: float, p: float = 1.0) -> Transform:
    if name in _WITHOUT_STRENGTH:
        return dataclasses.replace(_WITHOUT_STRENGTH[name], p=p)
    cls, field = _FIELDS[name]
    fixed: dict[str, Any] = {"fill": fill} if cls in {Affine, Rotate} else {}
    if cls is ColorJitter:
        fixed = {"order": "bcsh"}  # with one change the order is of no account, and a record need not hold one
    return cls(**{field: value, "p": p, **fixed})


def _short(number: float) -> float:
    return float(f"{number:.4g}")


# The tables in the appendix of Cubuk et al. 2019, compared with those of torchvision 0.29 (all three) and timm 1.0
# (ImageNet). The magnitude of AutoContrast, Equalize and Invert is of no effect.
_PUBLISHED: dict[Policy, tuple[tuple[_Operation, _Operation], ...]] = {
    "cifar10": (
        (("Invert", 0.1, 7), ("Contrast", 0.2, 6)),
        (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
        (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
        (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
        (("AutoContrast", 0.5, 8), ("Equalize", 0.9, 2)),
        (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
        (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
        (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
        (("Equalize", 0.6, 5), ("Equalize", 0.5, 1)),
        (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
        (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
        (("Equalize", 0.3, 7), ("AutoContrast", 0.4, 8)),
        (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
        (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
        (("Solarize", 0.5, 2), ("Invert", 0.0, 3)),
        (("Equalize", 0.2, 0), ("AutoContrast", 0.6, 0)),
        (("Equalize", 0.2, 8), ("Equalize", 0.6, 4)),
        (("Color", 0.9, 9), ("Equalize", 0.6, 6)),
        (("AutoContrast", 0.8, 4), ("Solarize", 0.2, 8)),
        (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
        (("Solarize", 0.4, 5), ("AutoContrast", 0.9, 3)),
        (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
        (("AutoContrast", 0.9, 2), ("Solarize", 0.8, 3)),
        (("Equalize", 0.8, 8), ("Invert", 0.1, 3)),
        (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 1)),
    ),
    "imagenet": (
        (("Posterize", 0.4, 8), ("Rotate", 0.6, 9)),
        (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 5)),
        (("Equalize", 0.8, 8), ("Equalize", 0.6, 3)),
        (("Posterize", 0.6, 7), ("Posterize", 0.6, 6)),
        (("Equalize", 0.4, 7), ("Solarize", 0.2, 4)),
        (("Equalize", 0.4, 4), ("Rotate", 0.8, 8)),
        (("Solarize", 0.6, 3), ("Equalize", 0.6, 7)),
        (("Posterize", 0.8, 5), ("Equalize", 1.0, 2)),
        (("Rotate", 0.2, 3), ("Solarize", 0.6, 8)),
        (("Equalize", 0.6, 8), ("Posterize", 0.4, 6)),
        (("Rotate", 0.8, 8), ("Color", 0.4, 0)),
        (("Rotate", 0.4, 9), ("Equalize", 0.6, 2)),
        (("Equalize", 0.0, 7), ("Equalize", 0.8, 8)),
        (("Invert", 0.6, 4), ("Equalize", 1.0, 8)),
        (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
        (("Rotate", 0.8, 8), ("Color", 1.0, 2)),
        (("Color", 0.8, 8), ("Solarize", 0.8, 7)),
        (("Sharpness", 0.4, 7), ("Invert", 0.6, 8)),
        (("ShearX", 0.6, 5), ("Equalize", 1.0, 9)),
        (("Color", 0.4, 0), ("Equalize", 0.6, 3)),
        (("Equalize", 0.4, 7), ("Solarize", 0.2, 4)),
        (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 5)),
        (("Invert", 0.6, 4), ("Equalize", 1.0, 8)),
        (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
        (("Equalize", 0.8, 8), ("Equalize", 0.6, 3)),
    ),
    "svhn": (
        (("ShearX", 0.9, 4), ("Invert", 0.2, 3)),
        (("ShearY", 0.9, 8), ("Invert", 0.7, 5)),
        (("Equalize", 0.6, 5), ("Solarize", 0.6, 6)),
        (("Invert", 0.9, 3), ("Equalize", 0.6, 3)),
        (("Equalize", 0.6, 1), ("Rotate", 0.9, 3)),
        (("ShearX", 0.9, 4), ("AutoContrast", 0.8, 3)),
        (("ShearY", 0.9, 8), ("Invert", 0.4, 5)),
        (("ShearY", 0.9, 5), ("Solarize", 0.2, 6)),
        (("Invert", 0.9, 6), ("AutoContrast", 0.8, 1)),
        (("Equalize", 0.6, 3), ("Rotate", 0.9, 3)),
        (("ShearX", 0.9, 4), ("Solarize", 0.3, 3)),
        (("ShearY", 0.8, 8), ("Invert", 0.7, 4)),
        (("Equalize", 0.9, 5), ("TranslateY", 0.6, 6)),
        (("Invert", 0.9, 4), ("Equalize", 0.6, 7)),
        (("Contrast", 0.3, 3), ("Rotate", 0.8, 4)),
        (("Invert", 0.8, 5), ("TranslateY", 0.0, 2)),
        (("ShearY", 0.7, 6), ("Solarize", 0.4, 8)),
        (("Invert", 0.6, 4), ("Rotate", 0.8, 4)),
        (("ShearY", 0.3, 7), ("TranslateX", 0.9, 3)),
        (("ShearX", 0.1, 6), ("Invert", 0.6, 5)),
        (("Solarize", 0.7, 2), ("TranslateY", 0.6, 7)),
        (("ShearY", 0.8, 4), ("Invert", 0.8, 8)),
        (("ShearX", 0.7, 9), ("TranslateY", 0.8, 3)),
        (("ShearY", 0.8, 5), ("AutoContrast", 0.7, 3)),
        (("ShearX", 0.7, 2), ("Invert", 0.1, 5)),
    ),
}

"""Arms: the candidate pipelines that a study compares, and ways to write down many of them."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augmentlab import transforms
from augmentlab.compose import Compose, OneOf, quietly
from augmentlab.distributions import shown
from augmentlab.params import parameters
from augmentlab.policies import RandAugment
from augmentlab.transform import Transform

CONTROL = "control"

_AXIS = re.compile(r"(?P<step>\w+)(?:\[(?P<index>\d+)\])?\.(?P<field>\w+)")


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A candidate pipeline and a short name for it.

    Parameters
    ----------
    label : str
        What tables and plots show.
    transform : Transform
        What happens to the copies of the training images.
    point : tuple of (str, level) pairs
        Where it stands in the space that it came from: ``(("shift", True), ("rotate", False))`` in an on/off design,
        ``(("Rotate.angle", uniform(-5, 5)),)`` in a grid; empty for an arm written down by itself. A name that is kept
        for tables and searches, no part of what the arm does: arms are equal whatever their points.
    """

    label: str
    transform: Transform
    point: tuple[tuple[str, Any], ...] = field(default=(), compare=False, repr=False)

    @property
    def pipeline(self) -> Compose:
        """The transform as a Compose: a step then meets the same draws alone as beside others."""
        if isinstance(self.transform, Compose) and self.transform.p == 1:
            return self.transform
        with quietly():  # a study says of an arm that it does nothing, where the user wrote it
            return Compose((self.transform,))

    @property
    def code(self) -> str:
        """One line of Python."""
        return repr(self.transform)

    @property
    def identity(self) -> str:
        """JSON text that is equal for arms that do the same."""
        return json.dumps(self.pipeline.to_dict(), sort_keys=True)

    @property
    def levels(self) -> dict[str, bool | int | float | str]:
        """The point as plain values, for tables and JSON: what is no bool, finite number or text comes as its code.

        Examples
        --------
        >>> from augmentlab import Rotate, uniform
        >>> Arm(label="a", transform=Rotate(angle=5), point=(("angle", uniform(0, 5)), ("p", 0.5))).levels
        {'angle': 'uniform(0, 5)', 'p': 0.5}
        """
        return {factor: _plain(level) for factor, level in self.point}


IDENTITY = Arm(label=CONTROL, transform=Compose(()))  # the control


def combinations(steps: Iterable[Transform] | Mapping[str, Transform], max_size: int | None = None) -> list[Arm]:
    """Every choice of some of the steps, in the given order: an on/off design without "all off", the control's part.

    Parameters
    ----------
    steps : list of Transform, or dict of label to Transform
        At least one; without labels, each is called by its class, and by its code where a class comes twice.
    max_size : int, optional
        At most this many steps in an arm; all without it.

    Returns
    -------
    list of Arm
        Single steps first; ``2 ** n - 1`` arms for n steps when `max_size` is None.

    Raises
    ------
    ValueError
        No step, more than 16 without `max_size`, equal steps, or a `max_size` below 1.
    TypeError
        Something that is no Transform.

    Examples
    --------
    >>> from augmentlab import HorizontalFlip, Invert
    >>> [arm.label for arm in combinations({"flip": HorizontalFlip(), "invert": Invert()})]
    ['flip', 'invert', 'flip + invert']
    """
    singles = as_arms(steps)
    if max_size is None and len(singles) > 16:
        raise ValueError(f"combinations of {len(singles)} steps are {2 ** len(singles) - 1:,} arms; give a max_size")
    if max_size is not None and (isinstance(max_size, bool) or not isinstance(max_size, int) or max_size < 1):
        raise ValueError(f"max_size must be an int >= 1; got {max_size!r}")
    largest = len(singles) if max_size is None else min(max_size, len(singles))
    return [
        _chosen(singles, chosen)
        for size in range(1, largest + 1)
        for chosen in itertools.combinations(range(len(singles)), size)
    ]


def fractional(steps: Iterable[Transform] | Mapping[str, Transform], resolution: int = 4) -> list[Arm]:
    """Some of the combinations, chosen so that the effects of the steps can still be told apart.

    A regular two-level fractional factorial design. Together with the control, in which all steps are off, each step is
    on in half of the runs, and in half of those where any other is on.

    Parameters
    ----------
    steps : list of Transform, or dict of label to Transform
        As for `combinations`.
    resolution : {4, 3, 5}
        What is kept apart. At 3, a main effect (what a step does on average) is mixed with interactions of two other
        steps. At 4, main effects are free of those, and some pair interactions are mixed with each other. At 5, main
        effects and pair interactions are mixed with nothing of fewer than three steps.

    Returns
    -------
    list of Arm
        Single steps first, if there are any; ``2 ** m - 1`` arms with the smallest m that will do. For 8 steps that is
        15 arms at 3 and 4, 63 at 5, and 255 without a fraction.

    Raises
    ------
    ValueError, TypeError
        A resolution that is not 3, 4 or 5; steps as for `combinations`.

    References
    ----------
    Box, G. E. P. and Hunter, J. S. (1961). The 2^(k-p) fractional factorial designs. Technometrics 3(3), 311-351.
    Conway, J. H. and Sloane, N. J. A. (1986). Lexicographic codes. IEEE Transactions on Information Theory 32(3).

    Examples
    --------
    >>> from augmentlab import GaussianNoise, HorizontalFlip, Invert, Rotate
    >>> steps = {"flip": HorizontalFlip(), "rotate": Rotate(angle=9), "invert": Invert(), "noise": GaussianNoise(std=0.1)}
    >>> [arm.label for arm in fractional(steps)][:3]
    ['flip + rotate', 'flip + invert', 'flip + noise']
    >>> len(fractional(steps)), len(combinations(steps))
    (7, 15)
    """
    if isinstance(resolution, bool) or resolution not in (3, 4, 5):
        raise ValueError(f"resolution must be 3, 4 or 5; got {resolution!r}")
    singles = as_arms(steps)
    columns = _columns(len(singles), resolution)
    runs = [
        tuple(place for place, column in enumerate(columns) if (run & column).bit_count() % 2)
        for run in range(1, 2 ** columns[-1].bit_length())
    ]
    return [_chosen(singles, chosen) for chosen in sorted(runs, key=lambda chosen: (len(chosen), chosen))]


def ladder(pipeline: Transform, strengths: Iterable[float] = (0.25, 0.5, 0.75, 1.0)) -> list[Arm]:
    """One pipeline at several strengths; see `Transform.scaled`.

    Parameters
    ----------
    pipeline : Transform
        What is scaled; strength 1 is the pipeline itself.
    strengths : list of float
        Above 0, which is the control, and up to 1.

    Returns
    -------
    list of Arm
        In the order of `strengths`.

    Raises
    ------
    ValueError
        A strength outside (0, 1], none, or two at which the pipeline is the same (whole numbers of bits, say).
    TypeError
        Something that is no Transform.

    Examples
    --------
    >>> from augmentlab import Rotate, uniform
    >>> for arm in ladder(Rotate(angle=uniform(-20, 20)), [0.5, 1]):
    ...     print(arm.label, "|", arm.code)
    strength 0.5 | Rotate(angle=uniform(-10.0, 10.0))
    strength 1 | Rotate(angle=uniform(-20, 20))
    """
    if not isinstance(pipeline, Transform):
        raise TypeError(f"ladder needs a transform; got {pipeline!r:.80}")
    given = _values("strength", strengths, "ladder")
    for strength in given:
        if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 < strength <= 1:
            raise ValueError(f"strengths must be above 0 (the control) and up to 1; got {strength!r}")
    return as_arms(
        Arm(label=f"strength {strength:g}", transform=pipeline.scaled(strength), point=(("strength", strength),))
        for strength in given
    )


def randaugment(n: Iterable[int] = (1, 2, 3), strength: Iterable[float] = (0.1, 0.3, 0.5)) -> list[Arm]:
    """RandAugment's own search: a small grid over its two parameters; see `augmentlab.RandAugment`.

    Parameters
    ----------
    n : list of int
        Numbers of operations, at least 1.
    strength : list of float
        In [0, 1]; at 0 the operations without a strength (AutoContrast, Equalize) are left.

    Returns
    -------
    list of Arm
        The strength varies quickest.

    References
    ----------
    Cubuk, E. D. et al. (2020). RandAugment: practical automated data augmentation with a reduced search space. NeurIPS.

    Examples
    --------
    >>> [arm.label for arm in randaugment(n=[1, 2], strength=[0.3])]
    ['RandAugment(n=1, strength=0.3)', 'RandAugment(n=2, strength=0.3)']
    """
    counts, strengths = _values("n", n, "randaugment"), _values("strength", strength, "randaugment")
    for count in counts:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"n must hold whole numbers of operations, at least 1; got {count!r}")
    return as_arms(
        Arm(
            label=f"RandAugment(n={count}, strength={one:g})",
            transform=RandAugment(count, one),
            point=(("n", count), ("strength", one)),
        )
        for count, one in itertools.product(counts, strengths)
    )


def grid(
    pipeline: Transform | Mapping[str, Iterable[Any]], values: Mapping[str, Iterable[Any]] | None = None
) -> list[Arm]:
    """Every combination of some values of some parameters.

    Parameters
    ----------
    pipeline : Transform
        Whose steps are varied. Leave it out to build one from the named classes, in the order in which they are named,
        with every other parameter at its default.
    values : dict of str to list
        ``"Rotate.angle"`` and the values of that field, which may be distributions; ``"Rotate[1].angle"`` for the
        second Rotate of a pipeline (they are counted from 0).

    Returns
    -------
    list of Arm
        The last parameter varies quickest.

    Raises
    ------
    ValueError
        A step or a field that is not there, or that is there more than once; no value.
    TypeError
        Values that are not a list.

    Examples
    --------
    >>> from augmentlab import uniform
    >>> for arm in grid({"Rotate.angle": [uniform(-5, 5), uniform(-15, 15)], "Rotate.p": [0.5]}):
    ...     print(arm.label, "|", arm.code)
    Rotate.angle=uniform(-5, 5), Rotate.p=0.5 | Rotate(angle=uniform(-5, 5), p=0.5)
    Rotate.angle=uniform(-15, 15), Rotate.p=0.5 | Rotate(angle=uniform(-15, 15), p=0.5)
    """
    if isinstance(pipeline, Transform):
        if values is None:
            raise TypeError('grid needs the values to try, such as {"Rotate.angle": [5, 10]}')
        start, axes = pipeline, values
    else:
        if values is not None or not isinstance(pipeline, Mapping):
            raise TypeError(f"grid takes a pipeline and a dict, or a dict alone; got {type(pipeline).__name__}")
        start, axes = None, pipeline
    if not axes:
        raise ValueError('grid needs at least one parameter, such as {"Rotate.angle": [5, 10]}; got none')
    choices = {axis: _values(axis, given) for axis, given in axes.items()}
    arms = []
    for values_here in itertools.product(*choices.values()):
        point = tuple(zip(choices, values_here, strict=True))
        label = ", ".join(f"{axis}={value!r}" for axis, value in point)
        arms.append(Arm(label=label, transform=_placed(start, dict(point)), point=point))
    return arms


def as_arms(arms: Iterable[Transform | Arm] | Mapping[str, Transform]) -> list[Arm]:
    """Give each candidate a label, and check that no two are equal.

    Raises
    ------
    ValueError
        No candidate, two that do the same, two labels that are equal, one that is "control" or no whole text, or a
        candidate that needs more than one image by itself.
    TypeError
        Something that is no Transform.
    """
    if isinstance(arms, (Transform, Arm, str)) or not isinstance(arms, Iterable):
        raise TypeError(f"arms must be a list of transforms, or a dict of label to transform; got {arms!r:.80}")
    if isinstance(arms, Mapping):
        labelled = [_labelled(str(label), transform) for label, transform in arms.items()]
    else:
        given = list(arms)
        names = [arm.label if isinstance(arm, Arm) else _name(arm) for arm in given]
        labelled = [
            arm if isinstance(arm, Arm) else _labelled(name if names.count(name) == 1 else repr(arm), arm)
            for name, arm in zip(names, given, strict=True)
        ]
    if not labelled:
        raise ValueError("arms must hold at least one transform; got none")
    seen: dict[str, str] = {}
    for arm in labelled:
        for part in arm.transform.walk():
            if part.needs != "image":
                wants = {"batch": "several images at once", "mask": "a mask"}[part.needs]
                raise ValueError(
                    f"arms must transform one image at a time; {arm.label!r} holds {type(part).__name__}, which needs {wants}"
                )
        _check_texts(arm)
        if arm.identity in seen:
            raise ValueError(f"arms must differ; {seen[arm.identity]!r} and {arm.label!r} are both {arm.code}")
        seen[arm.identity] = arm.label
    labels = [arm.label for arm in labelled]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f"arms must have different labels; {label!r} comes {labels.count(label)} times")
        if label == CONTROL:
            raise ValueError(f"arms must not be called {CONTROL!r}: a study adds that one itself")
    return labelled


def _check_texts(arm: Arm) -> None:
    for text in (arm.label, *arm.levels, *arm.levels.values()):
        if isinstance(text, str) and text.encode("utf-8", "ignore").decode("utf-8") != text:  # half of a character
            raise ValueError(f"arms must have labels and levels that are whole text; got {shown(text)}")


def _labelled(label: str, transform: Any) -> Arm:
    if not isinstance(transform, Transform):
        raise TypeError(f"arms must be transforms; {label!r} is {transform!r:.80}")
    return Arm(label=label, transform=transform)


def _name(transform: Any) -> str:
    if isinstance(transform, tuple) and len(transform) == 2 and isinstance(transform[1], Transform):
        raise TypeError(
            f"arms must be transforms; got a tuple: names stand in a dict, as in {{{transform[0]!r:.40}: ...}}"
        )
    if not isinstance(transform, Transform):
        raise TypeError(f"arms must be transforms; got {transform!r:.80}")
    if isinstance(transform, Compose) and transform.steps:
        return " + ".join(_name(step) for step in transform.steps)
    if isinstance(transform, OneOf):
        return " | ".join(_name(step) for step in transform.steps)
    return type(transform).__name__


def _chosen(singles: Sequence[Arm], places: Sequence[int]) -> Arm:
    """The arm in which some of the steps are on."""
    point = tuple((arm.label, place in places) for place, arm in enumerate(singles))
    chosen = [singles[place] for place in places]
    if len(chosen) == 1:
        return Arm(label=chosen[0].label, transform=chosen[0].transform, point=point)
    return Arm(
        label=" + ".join(arm.label for arm in chosen),
        # Spliced and not nested: each step then meets the draws that it meets in its own arm.
        transform=Compose(tuple(step for arm in chosen for step in arm.pipeline.steps)),
        point=point,
    )


# Own lines, because no package fits: SciPy has Hadamard matrices (resolution 3 alone), and pyDOE3 1.6.2's
# `fracfact_by_res` returns resolution 4 when asked for 5 with 7 or more factors, has no design for 5 factors at 5, and
# takes twice the runs for 7 at 3. The greedy choice is a lexicode; up to 17
# factors its numbers of runs are the published minima.
def _columns(n: int, resolution: int) -> list[int]:
    """For each factor a bit mask: the factor is on in those runs that share an odd number of bits with it.

    A mask is taken if it is no sum (exclusive or) of fewer than ``resolution - 1`` others: no word of the defining
    relation is then shorter than the resolution.
    """
    columns: list[int] = []
    taken: list[set[int]] = [{0}, *(set() for _ in range(resolution - 2))]  # sums of 0, 1, ... columns
    candidate = 0
    while len(columns) < n:
        candidate += 1
        if not any(candidate in sums for sums in taken):
            columns.append(candidate)
            for size in range(resolution - 2, 0, -1):
                taken[size] |= {one ^ candidate for one in taken[size - 1]}
    return columns


def _plain(level: Any) -> bool | int | float | str:
    level = level.item() if isinstance(level, np.generic) else level
    plain = isinstance(level, (bool, int, str)) or (isinstance(level, float) and math.isfinite(level))
    return level if plain else repr(level)


def _values(axis: str, given: Any, space: str = "grid") -> list[Any]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"{space} needs a list of values for {axis!r}; got {given!r:.80}")
    listed = [value.item() if isinstance(value, np.generic) else value for value in given]
    if not listed:
        raise ValueError(f"{space} needs at least one value for {axis!r}; got none")
    return listed


def _placed(start: Transform | None, point: Mapping[str, Any]) -> Transform:
    """Set the parameters of one point of the grid."""
    changes: dict[tuple[str, int | None], dict[str, Any]] = {}
    for axis, value in point.items():
        match = _AXIS.fullmatch(axis)
        if match is None:
            raise ValueError(f"grid keys must look like 'Rotate.angle'; got {axis!r}")
        index = None if match["index"] is None else int(match["index"])
        changes.setdefault((match["step"], index), {})[match["field"]] = value
    if start is None:
        steps = [_changed(_from_catalog(name, index), fields) for (name, index), fields in changes.items()]
        return steps[0] if len(steps) == 1 else Compose(tuple(steps))
    steps = list(start.steps) if isinstance(start, Compose) else [start]
    set_before: set[tuple[int, str]] = set()
    for (name, index), fields in changes.items():
        place = _place(steps, name, index)
        if twice := {(place, field) for field in fields} & set_before:
            raise ValueError(f"grid must name each field once; {name}.{min(twice)[1]} is named by two of its keys")
        set_before |= {(place, field) for field in fields}
        steps[place] = _changed(steps[place], fields)
    return dataclasses.replace(start, steps=tuple(steps)) if isinstance(start, Compose) else steps[0]


def _from_catalog(name: str, index: int | None) -> Transform:
    if name not in transforms.__all__ or index is not None:
        given = name if index is None else f"{name}[{index}]"
        raise ValueError(f"grid without a pipeline needs names of augmentlab.transforms, each once; got {given!r}")
    transform: Transform = getattr(transforms, name)()
    return transform


def _place(steps: list[Transform], name: str, index: int | None) -> int:
    places = [place for place, step in enumerate(steps) if type(step).__name__ == name]
    if not places or (index is not None and index >= len(places)):
        here = ", ".join(type(step).__name__ for step in steps) or "nothing"
        raise ValueError(
            f"grid finds no {name}{'' if index is None else f'[{index}]'} in the pipeline, which has {here}"
        )
    if index is None and len(places) > 1:
        raise ValueError(f"grid finds {len(places)} {name} steps in the pipeline; write {name}[0] for the first")
    return places[index or 0]


def _changed(step: Transform, fields: Mapping[str, Any]) -> Transform:
    known = [parameter.name for parameter in parameters(step)]
    for name in fields:
        if name not in known:
            raise ValueError(f"{type(step).__name__} has no field {name!r}; its fields are {', '.join(known)}")
    return dataclasses.replace(step, **fields)

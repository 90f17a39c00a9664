"""Pipelines of Albumentations as pipelines of augmentlab."""

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from augmentlab.compose import Compose, OneOf, RandomOrder, SomeOf
from augmentlab.distributions import shown
from augmentlab.documents import check_size
from augmentlab.interop.albumentations import TABLE
from augmentlab.interop.albumentations.apart import APART
from augmentlab.interop.albumentations.both import Given
from augmentlab.interop.albumentations.sizes import read_fitted
from augmentlab.interop.grades import RefusedError
from augmentlab.interop.shapes import after
from augmentlab.transform import Transform

READS = {name: read for row in TABLE.values() for name, read in row.reads.items()}
_WHY_NOT = {theirs: RefusedError(reason, f"the nearest that maps is {nearest}") for theirs, _, reason, nearest in APART}
_NOTHING = Compose(())
_SEQUENCES = ("Compose", "ReplayCompose", "Sequential")
_GROUPS = (*_SEQUENCES, "OneOf", "SomeOf", "RandomOrder", "OneOrOther")


def from_albumentations(pipeline: Any, *, shape: tuple[int, ...] | None = None, strict: bool = True) -> Compose:
    """An Albumentations pipeline as a pipeline of augmentlab.

    Each step becomes the transform that does the same, with the same distributions; see ``docs/albumentations.md`` for
    the table. What boxes and keypoints need (``bbox_params`` and the like) is left out: it belongs to `Sample`.

    Parameters
    ----------
    pipeline : albumentations.Compose, one of its transforms, or dict
        Or what ``A.to_dict`` returned, also after JSON; Albumentations itself is not needed then.
    shape : tuple of int, optional
        (H, W) of the images, where all have the same: crops, borders, shifts and holes in pixels then become the shares
        of the side that they are.
    strict : bool
        Whether a step that has no counterpart is an error. If not, it is left out, with a warning: what is tested then
        is another pipeline.

    Returns
    -------
    Compose
        Empty where nothing happens.

    Raises
    ------
    ValueError
        When `strict` and steps have no counterpart: all of them, each with the reason and what would map.
    TypeError
        When `pipeline` is none of the above.

    Warns
    -----
    UserWarning
        Once, listing steps that compute their pixels otherwise here (another interpolation, say), and those that are
        left out.

    Examples
    --------
    >>> from augmentlab import from_albumentations
    >>> flip = {"__class_fullname__": "HorizontalFlip", "p": 0.5}
    >>> turn = {"__class_fullname__": "Transpose", "p": 1.0}
    >>> document = {"__version__": "2.0.8", "transform": {"__class_fullname__": "Compose", "p": 1.0, "transforms": [flip, turn]}}
    >>> from_albumentations(document)
    Compose([HorizontalFlip(p=0.5), Transpose()])

    The steps of an existing pipeline, each on and off, as the arms of a study::

        arms = combinations(from_albumentations(compose).steps)  # from augmentlab.study.spaces
        study = Study(data, model, arms)

    or the whole of it at several strengths, ``ladder(from_albumentations(compose))``.
    """
    reading = _Reading(shape=None if shape is None else _size(shape))
    step = reading.step(_document(pipeline), "")
    lists = []
    if reading.refused:
        listed = "\n".join(f"- {line}" for line in reading.refused)
        if strict:
            raise ValueError(f"augmentlab cannot do all of this pipeline; strict=False leaves out\n{listed}")
        lists.append(f"left out, so that this is another pipeline:\n{listed}")
    if reading.notes:
        lists.append("not to the pixel:\n" + "\n".join(f"- {line}" for line in reading.notes))
    if lists:
        warnings.warn(f"from_albumentations: {'; '.join(lists)}", UserWarning, stacklevel=2)
    return step if isinstance(step, Compose) else Compose((step,))


@dataclass
class _Reading:
    """What was met on the way."""

    shape: tuple[int, ...] | None = None  # of the images that come to the next step, where known
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def step(self, document: Mapping[str, Any], place: str, *, forced: bool = False) -> Transform:
        """The counterpart of a step, or nothing; `forced` where its own p is a weight and not a chance."""
        before = self.shape
        step = self._step(document, place, forced=forced)
        self.shape = after(step, before)
        return step

    def _step(self, document: Mapping[str, Any], place: str, *, forced: bool) -> Transform:
        name = _name(document)
        plain = name if name.replace(".", "").isidentifier() and len(name) < 80 else shown(name)
        where = f"{place}{plain if name else 'a step without __class_fullname__'}"
        try:
            if name in _GROUPS:
                return self._group(name, document, place, forced=forced)
            return self._single(name, document, where, forced=forced)
        except RefusedError as error:
            nearest = f"; {error.alternative}" if error.alternative else ""
            self.refused.append(f"{where}: {error.reason}{nearest}")
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            # A value that no transform takes, or a document that is none of Albumentations 2.
            self.refused.append(f"{where}: {error}")
        return _NOTHING

    def _single(self, name: str, document: Mapping[str, Any], where: str, *, forced: bool) -> Transform:
        if name in {"NoOp", "ToTensorV2"} and (name == "NoOp" or self._left_to_torch(name, where)):
            return _NOTHING
        if name not in READS:
            raise _WHY_NOT.get(name, RefusedError("augmentlab has nothing like it", ""))
        if "unwritten" in document:
            raise RefusedError(str(document["unwritten"]))
        given = _given(document, self.shape)
        step = READS[name](given)
        given.rest()
        p = 1.0 if forced else _chance(document)
        if step is None or p == 0 or (step.is_identity and not step.preprocessing):
            return _NOTHING
        self.notes += [f"{where}: {note}" for note in given.notes]
        return dataclasses.replace(step, p=step.p * p)

    def _fitted(self, pair: list[Mapping[str, Any]], place: str) -> Transform | None:
        """Resized until it fits a frame, which is then filled: one step here."""
        if [_name(one) for one in pair] != ["LongestMaxSize", "PadIfNeeded"] or {one.get("p") for one in pair} != {1}:
            return None
        givens = [_given(one) for one in pair]
        step = read_fitted(*givens)
        if step is not None:
            self.shape = after(step, self.shape)
            self.notes += [f"{place}LongestMaxSize, PadIfNeeded: {note}" for one in givens for note in one.notes]
        return step

    def _left_to_torch(self, name: str, where: str) -> bool:
        self.notes.append(f"{where}: left to what feeds the model ({name} makes no augmentation)")
        return True

    def _group(self, name: str, document: Mapping[str, Any], place: str, *, forced: bool) -> Transform:
        children, p = document["transforms"], _chance(document)
        if not isinstance(children, list) or not all(isinstance(one, Mapping) for one in children):
            raise TypeError(f"transforms must be a list of documents; got {shown(children)}")
        sequence, forced_children = name in _SEQUENCES, name in {"OneOf", "OneOrOther"}
        steps: list[Transform] = []
        before = self.shape
        while len(steps) < len(children):
            index = len(steps)
            within = f"{place}step {index}, "
            if not sequence:
                self.shape = before if forced_children else None  # what comes before is drawn
            if sequence and (whole := self._fitted(children[index : index + 2], within)) is not None:
                steps += [whole, _NOTHING]
            else:
                steps.append(self.step(children[index], within, forced=forced_children))
        return _sequence(steps, 1.0 if forced else p) if sequence else _choosing(name, document, steps, p, forced)


def _choosing(name: str, document: Mapping[str, Any], steps: list[Transform], p: float, forced: bool) -> Transform:
    if name == "OneOrOther":  # p is the first one's chance
        return OneOf((steps[0], steps[-1]), weights=(p, 1 - p))
    if not steps or p == 0:
        return _NOTHING
    if name == "OneOf":
        weights = tuple(map(_chance, document["transforms"]))
        return OneOf(
            tuple(steps), weights=None if len(set(weights)) == 1 and weights[0] > 0 else weights, p=1.0 if forced else p
        )
    # These two toss their own coin also where a OneOf has chosen them.
    n, replace = document["n"], document["replace"]
    if n == 1 or (replace and name == "RandomOrder") or (name == "SomeOf" and not replace):
        return SomeOf(tuple(steps), n=n, replace=replace and n > 1, p=p)
    if name == "RandomOrder" and n == len(steps):
        return RandomOrder(tuple(steps), p=p)
    raise RefusedError(
        f"n={n}, replace={replace} of {len(steps)} steps in that order has no counterpart",
        "SomeOf without replace, and RandomOrder with it or of all steps, have one",
    )


def _name(document: Mapping[str, Any]) -> str:
    name = str(document.get("__class_fullname__", ""))
    return name.rpartition(".")[2] if name.startswith("albumentations.") else name


def _given(document: Mapping[str, Any], shape: tuple[int, ...] | None = None) -> Given:
    values = {name: value for name, value in document.items() if name not in {"__class_fullname__", "p", "strict"}}
    return Given(values, shape)


def _size(shape: Any) -> tuple[int, ...]:
    sides = tuple(shape) if isinstance(shape, tuple | list) else ()
    if len(sides) not in {2, 3} or not all(isinstance(one, int) and one > 0 for one in sides):
        raise ValueError(f"shape must be (H, W) of the images, in pixels; got {shown(shape)}")
    return sides[:2]


def _chance(document: Mapping[str, Any]) -> float:
    if "p" not in document:
        raise RefusedError("its document does not say p", "A.to_dict says it")
    p = document["p"]
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p <= 1:
        raise ValueError(f"p must be float in [0, 1]; got {shown(p)}")
    return float(p)


def _sequence(steps: list[Transform], p: float) -> Transform:
    kept = [one for step in steps for one in (step.steps if isinstance(step, Compose) and step.p == 1 else (step,))]
    if p == 0 or not kept:
        return _NOTHING
    if len(kept) == 1 and p == 1:
        return Compose(tuple(kept))
    return Compose(tuple(kept), p=p)


def _document(pipeline: Any) -> Mapping[str, Any]:
    """A dict of theirs, or what its live object would write, with what cannot be written marked."""
    if isinstance(pipeline, Mapping):
        check_size(pipeline)
        inner = pipeline.get("transform", pipeline)
        if isinstance(inner, Mapping) and "__class_fullname__" in inner:
            return inner
    elif hasattr(pipeline, "to_dict") and type(pipeline).__module__.partition(".")[0] != "augmentlab":
        return _live(pipeline)
    raise TypeError(f"pipeline must be one of Albumentations, or what A.to_dict returned of it; got {shown(pipeline)}")


def _live(step: Any) -> dict[str, Any]:
    cls = type(step)
    name = cls.__name__ if cls.__module__.startswith("albumentations.") else f"{cls.__module__}.{cls.__name__}"
    if isinstance(inner := getattr(step, "transforms", None), list | tuple) and name in _GROUPS:
        group = {key: getattr(step, key) for key in ("n", "replace") if hasattr(step, key)}
        return {"__class_fullname__": name, "p": step.p, "transforms": [_live(one) for one in inner], **group}
    try:
        return {**step.to_dict()["transform"], "__class_fullname__": name}
    except (NotImplementedError, ValueError, AttributeError) as error:
        return {"__class_fullname__": name, "p": step.p, "unwritten": error}

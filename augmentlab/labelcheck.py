"""Does the augmentation keep the label? Numbered draws, the marks of a person who looked at them, and what they say.

Pure values and functions: the page on which the draws are shown is `augmentlab.widgets.LabelCheck`.
"""

import copy
import dataclasses
import functools
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augmentlab.compose import Blend, Compose, OneOf, RandomOrder, SomeOf
from augmentlab.distributions import Distribution, shown
from augmentlab.documents import from_dict, parse
from augmentlab.params import SEED_MAX, Parameter, parameters
from augmentlab.streams import numbered
from augmentlab.transform import Transform

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
MOST_DRAWS = 1_000_000  # numbers go up to here
# More than a person looks at, and few enough to be counted again at each mark.
_MOST_LOOKED_AT = 10_000  # draws
_MOST_STEPS = 1_000
_MOST_COUNTED = 200_000  # draws times steps
_GROUPS = (Compose, OneOf, SomeOf, RandomOrder, Blend)
_Told = dict[int, dict[str, Any]]  # of a draw: its class, and what each step at work drew, by its place
_WHOLE = -1  # the place of the whole pipeline
_PLACE = "_place"  # under which a traced step keeps its number
_CUTS = 100  # values of one parameter that are tried as a border
_SURE = 0.05  # chance of a rule where there is none, all borders that were tried included


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One numbered draw.

    Attributes
    ----------
    number : int
        Which one it is, from 0; with the seed of the deck it says everything.
    seed : int
        Seed of the deck.
    image : int
        Index of the image.
    name, label : str
        What the image is called, and its class; an empty string where it has none.
    drawn : Transform
        The pipeline with its drawn numbers; ``drawn.code()`` is runnable, ``drawn.apply(image)`` makes it again.
    active : tuple of (int, Transform)
        The steps at work, as drawn, each with its place in ``Deck.steps``.
    """

    number: int
    seed: int
    image: int
    name: str
    label: str
    drawn: Transform
    active: tuple[tuple[int, Transform], ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Deck:
    """Which draw each number is: a number alone decides, not what was shown before it nor how many lie on a page.

    Every image comes once, in random order, before any comes again.

    Parameters
    ----------
    pipeline : Transform
        What is checked; usually a Compose.
    names, classes : tuple of str
        What each image is called, and its class.
    seed : int
        Seed of all draws, 0 or more.
    alone : bool
        Draw one step at a time, in turn and whatever its probability, in place of the whole pipeline.

    Attributes
    ----------
    steps : tuple of Transform
        What a lost label can be put down to: the steps, those inside groups one by one.

    Raises
    ------
    ValueError, TypeError
        No images, no step to draw alone, more than 1,000 steps, one that mixes several images, or a seed below 0.

    Examples
    --------
    >>> from augmentlab import HorizontalFlip, Rotate, uniform
    >>> deck = Deck(pipeline=Rotate(angle=uniform(-90, 90)), names=("six", "nine"), classes=("6", "9"), seed=3)
    >>> deck.draw(7).name, deck.draw(7).drawn == deck.draw(7).drawn
    ('nine', True)
    """

    pipeline: Transform
    names: tuple[str, ...]
    classes: tuple[str, ...]
    seed: int = 0
    alone: bool = False
    _told: "dict[int, _Told]" = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.pipeline, Transform):
            raise TypeError(f"pipeline must be a Transform; got {type(self.pipeline).__name__}")
        if self.pipeline.mixes:
            raise ValueError(f"pipeline must take one image at a time; got {shown(self.pipeline)}")
        if len(self.steps) > _MOST_STEPS:
            raise ValueError(f"pipeline must hold at most {_MOST_STEPS:,} steps; got {len(self.steps):,}")
        if not self.names or len(self.names) != len(self.classes):
            raise ValueError(
                f"names and classes must name one image or more alike; got {len(self.names)} and {len(self.classes)}"
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed <= SEED_MAX:
            raise ValueError(f"seed must be int in [0, {SEED_MAX}]; got {shown(self.seed)}")
        if self.alone and not self.steps:
            raise ValueError("pipeline must hold at least one step to draw alone; got none")

    @functools.cached_property
    def steps(self) -> tuple[Transform, ...]:
        """The steps that are no groups, as one reads them."""
        return tuple(part for part in self.pipeline.walk() if not isinstance(part, _GROUPS))

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """What the steps are called: their classes, numbered where one comes again."""
        called = numbered([type(step).__name__ for step in self.steps])
        return tuple(name if time == 1 else f"{name} ({time})" for name, time in called)

    @property
    def most(self) -> int:
        """Draws that may be looked at: 10,000, and fewer of a pipeline of more than 20 steps."""
        return min(_MOST_LOOKED_AT, _MOST_COUNTED // max(len(self.steps), 1))

    @functools.cached_property
    def fields(self) -> tuple[tuple[Parameter, ...], ...]:
        """For each step, the parameters that may tell something."""
        return tuple(tuple(one for one in parameters(step) if _is_drawn(step, one)) for step in self.steps)

    @functools.cached_property
    def _traced(self) -> Transform:
        return _with_places(self.pipeline, iter(range(len(self.steps))))

    def draw(self, number: int) -> Draw:
        """The draw of a number, in [0, 1,000,000)."""
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < MOST_DRAWS:
            raise ValueError(f"number must be int in [0, {MOST_DRAWS}); got {shown(number)}")
        image, active = self._image(number), self._active(number)
        drawn = active[0][1] if self.alone else self.pipeline.sample((self.seed, number, 1)) or Compose(())
        return Draw(
            number=number,
            seed=self.seed,
            image=image,
            name=self.names[image],
            label=self.classes[image],
            drawn=drawn,
            active=active,
        )

    def told(self, numbers: Iterable[int]) -> "dict[int, _Told]":
        """What the marks of some draws need of each, in order; kept until other draws are asked for."""
        told = {number: self._told.get(number) or self._told_of(number) for number in sorted(numbers)}
        self._told.clear()
        self._told.update(told)
        return told

    def _told_of(self, number: int) -> "_Told":
        label = self.classes[self._image(number)]
        named = {"class": label} if label else {}
        told: _Told = {_WHOLE: named}
        for place, part in self._active(number):
            told.setdefault(place, named | _values(part, self.fields[place]))  # the first, where a group drew it again
        return told

    def _image(self, number: int) -> int:
        turn, place = divmod(number, len(self.names))
        return int(_shuffled(self.seed, turn, len(self.names))[place])

    def _active(self, number: int) -> tuple[tuple[int, Transform], ...]:
        rng = (self.seed, number, 1)
        if self.alone:
            place = number % len(self.steps)
            return ((place, dataclasses.replace(self.steps[place], p=1.0).sample(rng) or Compose(())),)
        traced = self._traced.sample(rng) or Compose(())
        found = ((vars(part).get(_PLACE), part) for part in traced.walk() if not part.is_identity)
        return tuple((place, part) for place, part in found if place is not None)


def _with_places(step: Transform, places: Iterator[int]) -> Transform:
    """The same transform, whose drawn steps know which step of the pipeline they come from.

    A draw is flat, and of two rotations nothing else tells which one was at work. What a drawn copy of a step keeps is
    what stands in its ``vars``, fields or not; no other function meets these copies.
    """
    made = copy.copy(step)
    if isinstance(step, _GROUPS):
        vars(made)["steps"] = tuple(_with_places(one, places) for one in step.steps)
    else:
        vars(made)[_PLACE] = next(places)
    return made


@functools.lru_cache(8)
def _shuffled(seed: int, turn: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, turn, 0)).permutation(count)


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What a person said of the draws, by their numbers.

    Attributes
    ----------
    lost : frozenset of int
        Draws that do not show their label any more.
    seen : frozenset of int
        Draws of pages that were looked at to the end. One that is seen and not lost kept its label; one that was never
        seen says nothing.
    """

    lost: frozenset[int] = frozenset()
    seen: frozenset[int] = frozenset()

    def toggled(self, number: int) -> "Marks":
        """The same with one draw marked, or its mark taken away."""
        return dataclasses.replace(self, lost=self.lost ^ {number})

    def confirmed(self, numbers: Iterable[int]) -> "Marks":
        """The same with the draws of a page as seen."""
        return dataclasses.replace(self, seen=self.seen | set(numbers))


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the marks say of one step, or of all draws.

    Attributes
    ----------
    step : str
        What it is called.
    seen, lost : int
        Draws that were looked at and in which the step was at work, and those of them that lost their label.
    waiting : int
        Marks on pages that are not done yet; they count nowhere else.
    share, low, high : float
        The share of lost ones and its 95 % interval (Wilson 1927); nan without a draw.
    seen_without, lost_without : int
        The same for draws in which the step was not at work.
    rule : str
        What tells the lost from the kept, where more than chance does; often empty.
    lost_values, kept_values : str
        What the step drew in the lost and in the kept ones.
    code : str
        Its declaration.
    """

    step: str
    seen: int
    lost: int
    waiting: int
    share: float
    low: float
    high: float
    seen_without: int
    lost_without: int
    rule: str
    lost_values: str
    kept_values: str
    code: str


@functools.lru_cache(1024)
def wilson(lost: int, seen: int) -> tuple[float, float, float]:
    """A share and its 95 % interval after Wilson; nan without a draw.

    Examples
    --------
    >>> [round(float(one), 3) for one in wilson(3, 48)]
    [0.062, 0.021, 0.168]
    """
    from scipy.stats import binomtest

    if not seen:
        return math.nan, math.nan, math.nan
    interval = binomtest(lost, seen).proportion_ci(0.95, method="wilson")
    return lost / seen, float(interval.low), float(interval.high)


def within(deck: Deck, marks: Marks) -> Marks:
    """The marks; a ValueError where they are of more draws than `Deck.most`."""
    count = len(marks.seen | marks.lost)
    if count > deck.most:
        raise ValueError(f"marks must be of at most {deck.most:,} draws of this pipeline; got {count:,}")
    return marks


def rows(deck: Deck, marks: Marks) -> tuple[Row, ...]:
    """All draws, then each step: how many lost their label, and what was drawn in them.

    Where the whole pipeline is drawn, a lost label counts for every step that was at work in it. That is association: the
    share in draws without the step stands beside it, where the step has a probability below 1.
    """
    told = deck.told(marks.seen | marks.lost)
    everything = "all steps, each alone" if deck.alone else "whole pipeline"
    steps = [
        (_WHOLE, everything, deck.pipeline, ()),
        *zip(range(len(deck.steps)), deck.labels, deck.steps, deck.fields, strict=True),
    ]
    waiting, made = marks.lost - marks.seen, list[Row]()
    for place, name, step, fields in steps:
        active = {number: one[place] for number, one in told.items() if place in one}
        seen = [(number in marks.lost, values) for number, values in active.items() if number in marks.seen]
        lost = sum(was_lost for was_lost, _ in seen)
        without = (0, 0) if deck.alone or not made else (made[0].seen - len(seen), made[0].lost - lost)
        share, low, high = wilson(lost, len(seen))
        row = Row(
            step=name,
            code=repr(step),
            seen=len(seen),
            lost=lost,
            waiting=len(waiting & active.keys()),
            share=share,
            low=low,
            high=high,
            seen_without=without[0],
            lost_without=without[1],
            rule=_rule(seen, fields),
            lost_values=_ranges([values for was_lost, values in seen if was_lost], fields),
            kept_values=_ranges([values for was_lost, values in seen if not was_lost], fields),
        )
        made.append(row)
    return tuple(made)


def _is_drawn(step: Transform, parameter: Parameter) -> bool:
    """Whether a parameter may tell something: it is drawn, and no mere seed."""
    is_seed = parameter.kind == "int" and parameter.high >= SEED_MAX
    return isinstance(getattr(step, parameter.name), Distribution) and not is_seed and parameter.kind != "floats"


def _values(drawn: Transform, fields: Sequence[Parameter]) -> dict[str, Any]:
    return {one.name: getattr(drawn, one.name) for one in fields if hasattr(drawn, one.name)}


def _is_number(parameter: Parameter) -> bool:
    return parameter.kind in {"float", "int"}


def _ranges(values: Sequence[Mapping[str, Any]], fields: Sequence[Parameter]) -> str:
    """From where to where each parameter was drawn: ``angle -12.1 to 40 deg``."""
    said = []
    for one in fields:
        drawn = [each[one.name] for each in values if one.name in each]
        if not drawn:
            continue
        if _is_number(one):
            low, high = _short(min(drawn)), _short(max(drawn))
            said.append(f"{one.name} {low if low == high else f'{low} to {high}'}{_unit(one)}")
        else:
            said.append(f"{one.name} {', '.join(sorted(map(str, set(drawn))))}")
    return "; ".join(said)


def _rule(seen: Sequence[tuple[bool, Mapping[str, Any]]], fields: Sequence[Parameter]) -> str:
    """The one border that tells lost from kept best: ``|angle| above 121 deg: 9 of 11 lost, else 0 of 37``.

    Every border is tried, so that one is found by chance too; only one that chance would show in less than 5 of 100
    such rows, counting all that were tried in it (Bonferroni), is told.
    """
    from scipy.stats import hypergeom

    lost = np.array([was_lost for was_lost, _ in seen], dtype=bool)
    total, total_lost = len(lost), int(lost.sum())
    if total_lost in {0, total}:
        return ""
    tried = [cut for one in fields for cut in _cuts(one, [values.get(one.name) for _, values in seen])]
    tried += [
        (f"class {name}", np.array([values.get("class") == name for _, values in seen]))
        for name in sorted({values["class"] for _, values in seen if "class" in values})
    ]
    inside = np.array([mask.sum() for _, mask in tried], dtype=int)
    hits = np.array([(mask & lost).sum() for _, mask in tried], dtype=int)
    if not tried:
        return ""
    # Fisher's exact test, one-sided: as many lost inside as there are, were the lost anywhere.
    chances = hypergeom.sf(hits - 1, total, total_lost, inside)
    best = int(np.argmin(chances))
    if chances[best] * len(tried) >= _SURE:
        return ""
    outside = f"{total_lost - hits[best]} of {total - inside[best]}"
    return f"{tried[best][0]}: {hits[best]} of {inside[best]} lost, else {outside}"


def _cuts(parameter: Parameter, values: Sequence[Any]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Borders between the values of a parameter, each with its words and the values beyond it."""
    if not _is_number(parameter):
        for one in sorted({value for value in values if value is not None}, key=str):
            yield f"{parameter.name} {one}", np.array([value == one for value in values])
        return
    numbers = np.array([math.nan if value is None else value for value in values], dtype=float)
    known = numbers[~np.isnan(numbers)]
    both_sides = known.size > 0 and known.min() < 0 < known.max()
    name, unit = parameter.name, _unit(parameter)
    for border in _borders(known):
        yield f"{name} above {_short(border)}{unit}", numbers > border
        yield f"{name} below {_short(border)}{unit}", numbers < border
    for border in _borders(np.abs(known)) if both_sides else ():
        yield f"|{name}| above {_short(border)}{unit}", np.abs(numbers) > border


def _borders(values: NDArray[np.float64]) -> Iterator[float]:
    """Between neighbouring values, evenly over them where there are many; rounded as they are told."""
    distinct = np.unique(values)
    middles = (distinct[1:] + distinct[:-1]) / 2
    places = np.linspace(0, len(middles) - 1, min(len(middles), _CUTS)).astype(int)
    yield from sorted({float(_short(middle)) for middle in middles[places].tolist()})


def _short(number: float) -> str:
    return f"{number:.3g}"


def _unit(parameter: Parameter) -> str:
    return "" if parameter.unit in {"", "fraction"} else f" {parameter.unit}"


def report(deck: Deck, marks: Marks) -> "pd.DataFrame":
    """The `rows` as a table, indexed by step; ``share_without`` is nan where the step is never left out."""
    import pandas as pd

    table = pd.DataFrame([dataclasses.asdict(row) for row in rows(deck, marks)]).set_index("step")
    without = table["lost_without"] / table["seen_without"].where(table["seen_without"] > 0)
    table.insert(list(table).index("lost_without") + 1, "share_without", without)
    return table


# --- written down --------------------------------------------------------------------------------------------------------


def to_json(deck: Deck, marks: Marks) -> str:
    """The question and the marks as JSON. Images are named, not held."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "pipeline": deck.pipeline.to_dict(),
        "seed": deck.seed,
        "alone": deck.alone,
        "images": {"count": len(deck.names), "sha256": _fingerprint(deck.names, deck.classes)},
        "seen": _runs(marks.seen),
        "lost": [_lost(deck.draw(number)) for number in sorted(marks.lost)],
    }
    return json.dumps(document, indent=1)


def from_json(
    text: str | bytes, names: Sequence[str], classes: Sequence[str], transforms: Sequence[type[Transform]] = ()
) -> tuple[Deck, Marks]:
    """What `to_json` wrote, for images of the same names and classes.

    Parameters
    ----------
    text : str
        JSON. Nothing in it is executed, and nothing is imported because it says so.
    names, classes : sequence of str
        Of the images at hand.
    transforms : sequence of Transform subclasses
        Those of the pipeline that are not of this package.

    Raises
    ------
    ValueError, TypeError
        With one sentence: no such document, other images, or marks on draws that this version would not make.
    """
    if not isinstance(text, (str, bytes)):
        raise TypeError(f"text must be JSON as to_json writes it; got {shown(text)}")
    try:
        document = parse(text)
    except ValueError as error:
        raise ValueError(f"marks must be JSON as to_json writes it; got {text[:40]!r} ({error})") from None
    keys = {"schema_version", "pipeline", "seed", "alone", "images", "seen", "lost"}
    version = document.get("schema_version") if isinstance(document, dict) else document
    if type(version) is not int or version != SCHEMA_VERSION or not isinstance(document, dict):
        raise ValueError(f"marks must have schema_version {SCHEMA_VERSION}; got {shown(version)}")
    if set(document) != keys:
        odd = ", ".join(sorted(keys ^ set(document)))
        raise ValueError(f"marks must have the keys {', '.join(sorted(keys))} and no other; look at {shown(odd)}")
    if not isinstance(document["alone"], bool):
        raise ValueError(f"alone must be true or false; got {shown(document['alone'])}")
    images = {"count": len(names), "sha256": _fingerprint(names, classes)}
    if document["images"] != images:
        raise ValueError(f"marks must be of the {len(names)} images at hand; got those of {shown(document['images'])}")
    deck = Deck(
        pipeline=from_dict(document["pipeline"], transforms),
        names=tuple(names),
        classes=tuple(classes),
        seed=document["seed"],
        alone=document["alone"],
    )
    seen = _read_seen(document["seen"], deck.most)
    return deck, within(deck, Marks(lost=_read_lost(deck, document["lost"]), seen=seen))


def _lost(draw: Draw) -> Any:
    """A marked draw in words, for readers without this package; as JSON gives it back."""
    words = {"number": draw.number, "image": draw.name, "class": draw.label, "drawn": draw.drawn.to_dict()}
    return json.loads(json.dumps(words))


def _read_lost(deck: Deck, given: Any) -> frozenset[int]:
    if not isinstance(given, list):
        raise ValueError(f"lost must be a list of draws; got {shown(given)}")
    if len(given) > deck.most:
        raise ValueError(f"lost must hold at most {deck.most:,} draws of this pipeline; got {len(given):,}")
    numbers: set[int] = set()
    for one in given:
        if not isinstance(one, dict) or one != _lost(deck.draw(one.get("number"))):  # type: ignore[arg-type]
            raise ValueError(f"lost must hold draws as this version makes them; got {shown(one)}")
        if one["number"] in numbers:
            raise ValueError(f"lost must hold each draw once; got draw {one['number']} again")
        numbers.add(one["number"])
    return frozenset(numbers)


def _read_seen(given: Any, most: int) -> frozenset[int]:
    numbers: set[int] = set()
    last = -1
    for run in given if isinstance(given, list) else [given]:
        whole = isinstance(run, list) and len(run) == 2 and all(type(end) is int for end in run)
        if not whole or not last < run[0] < run[1] <= MOST_DRAWS:
            raise ValueError(
                f"seen must be pairs [first, end] that follow each other, up to {MOST_DRAWS}; got {shown(run)}"
            )
        if len(numbers) + run[1] - run[0] > most:
            raise ValueError(f"seen must hold at most {most:,} draws of this pipeline; got more")
        last = run[1]
        numbers.update(range(*run))
    return frozenset(numbers)


def _runs(numbers: Iterable[int]) -> list[list[int]]:
    """Numbers as pairs of the first and the one after the last of each run.

    >>> _runs({0, 1, 2, 7})
    [[0, 3], [7, 8]]
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number:
            runs[-1][1] += 1
        else:
            runs.append([number, number + 1])
    return runs


def _fingerprint(names: Sequence[str], classes: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([list(names), list(classes)]).encode()).hexdigest()

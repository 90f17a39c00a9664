"""The pipeline while it is edited: a tree of steps, each on or off, as a frozen value; and its history.

A path is where a step stands: ``(2,)`` is the third step, ``(2, 0)`` the first step of the group that stands third.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from augmentlab.compose import Blend, Compose, OneOf, RandomOrder, SomeOf, quietly
from augmentlab.distributions import Choice, Distribution, shown
from augmentlab.params import parameters
from augmentlab.transform import Transform

GROUPS = {cls.__name__: cls for cls in (OneOf, SomeOf, RandomOrder, Compose, Blend)}

Path = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Node:
    """One step; a group holds further ones.

    Attributes
    ----------
    transform : Transform
        The step itself. Of a group, only what it declares counts; its steps are the `children`.
    children : tuple of Node
        The steps of a group.
    on : bool
        Whether it is part of the pipeline.
    weight : float or None
        Its chance among the steps of a OneOf; None is 1.
    """

    transform: Transform
    children: tuple["Node", ...] = ()
    on: bool = True
    weight: float | None = None

    @property
    def is_group(self) -> bool:
        """Whether it may hold steps."""
        return type(self.transform) in GROUPS.values()

    def built(self) -> Transform | None:
        """The transform of what is on; None where nothing is."""
        if not self.on:
            return None
        if not self.is_group:
            return self.transform
        kept = [(made, child.weight) for child in self.children if (made := child.built()) is not None]
        if not kept and not isinstance(self.transform, (Compose, RandomOrder)):
            return None
        fields: dict[str, Any] = {"steps": tuple(made for made, _ in kept)}
        if isinstance(self.transform, OneOf):
            given = [weight for _, weight in kept]
            plain = all(weight is None for weight in given)
            fields["weights"] = None if plain else tuple(1.0 if weight is None else weight for weight in given)
        return dataclasses.replace(self.transform, **fields)


def node_of(transform: Transform, *, on: bool = True, weight: float | None = None) -> Node:
    """A transform, and all that it is made of, as a tree."""
    if type(transform) not in GROUPS.values():
        return Node(transform=transform, on=on, weight=weight)
    steps: tuple[Transform, ...] = transform.steps  # type: ignore[attr-defined]
    weights = getattr(transform, "weights", None) or (None,) * len(steps)
    children = tuple(node_of(step, weight=one) for step, one in zip(steps, weights, strict=True))
    return Node(transform=transform, children=children, on=on, weight=weight)


@dataclass(frozen=True)
class Draft:
    """Steps and the selected one; each method returns another draft.

    What is not allowed, such as an order in which a step meets values that it cannot take, is known when it is `built`.
    """

    nodes: tuple[Node, ...] = ()
    selected: Path | None = None

    def built(self) -> Compose:
        """The pipeline of what is on."""
        made = [one for node in self.nodes if (one := node.built()) is not None]
        with quietly():  # a step on its way through zero is no mistake while a slider moves
            return Compose(tuple(made))

    def __getitem__(self, path: Path) -> Node:
        """The node at a path; IndexError where there is none."""
        nodes, node = self.nodes, None
        for place in path:
            if not 0 <= place < len(nodes):
                raise IndexError(f"path must lead to a step; got {shown(path)}")
            node = nodes[place]
            nodes = node.children
        if node is None:
            raise IndexError("path must lead to a step; got ()")
        return node

    @property
    def step(self) -> Transform | None:
        """The selected step with what is on in it, itself on or off; None where there is none, or nothing in it."""
        return None if self.selected is None else dataclasses.replace(self[self.selected], on=True).built()

    def walk(self) -> Iterator[tuple[Path, Node]]:
        """Every node with its path, in the order in which they are read."""
        yield from _walk(self.nodes, ())

    def select(self, path: Path | None) -> "Draft":
        """The same steps with another one selected."""
        if path is not None:
            self[path]
        return dataclasses.replace(self, selected=path)

    def replace(self, path: Path, *new: Node) -> "Draft":
        """Other nodes, or none, in place of the one at `path`; the first of them is selected, else a neighbour."""
        self[path]
        changed = self._edited(path[:-1], lambda nodes: (*nodes[: path[-1]], *new, *nodes[path[-1] + 1 :]))
        if new:
            return dataclasses.replace(changed, selected=path)
        left = len(changed[path[:-1]].children if path[:-1] else changed.nodes)
        near = (*path[:-1], min(path[-1], left - 1)) if left else path[:-1]
        return dataclasses.replace(changed, selected=near or None)

    def insert(self, path: Path, node: Node) -> "Draft":
        """A node at `path`, before what stands there; it is selected."""
        if not path or not 0 <= path[-1] <= len(self._within(path[:-1])):
            raise IndexError(f"path must lead to a step or the place after the last; got {shown(path)}")
        changed = self._edited(path[:-1], lambda nodes: (*nodes[: path[-1]], node, *nodes[path[-1] :]))
        return dataclasses.replace(changed, selected=path)

    def move(self, path: Path, to: Path) -> "Draft":
        """The node at `path` before the one at `to`; both are paths of this draft."""
        if to[: len(path)] == path:
            return self  # onto or into itself
        node, level = self[path], len(path) - 1
        # Taking it out moves what stands behind it in the same group.
        if len(to) > level and to[:level] == path[:level] and to[level] > path[level]:
            to = (*to[:level], to[level] - 1, *to[level + 1 :])
        if to == path:
            return self.select(path)
        if len(to) != len(path) or to[:-1] != path[:-1]:
            node = dataclasses.replace(node, weight=None)  # a chance among others
        return self.replace(path).insert(to, node)

    def shift(self, path: Path, by: int) -> "Draft":
        """One place up (-1) or down (1), as one reads: into a group that is met, out of it at its end."""
        self[path]
        parent, place = path[:-1], path[-1]
        beside = self._within(parent)
        other = place + by
        if 0 <= other < len(beside):
            if beside[other].is_group:
                end = len(beside[other].children) if by < 0 else 0
                return self.move(path, (*parent, other, end))
            return self.move(path, (*parent, other if by < 0 else other + 1))
        if not parent:
            return self
        return self.move(path, parent if by < 0 else (*parent[:-1], parent[-1] + 1))

    def wrap(self, path: Path, name: str) -> "Draft":
        """The node at `path` in a new group, named as its class."""
        if name not in GROUPS:
            raise ValueError(f"name must be one of {', '.join(GROUPS)}; got {shown(name)}")
        node = self[path]
        inside = dataclasses.replace(node, weight=None, on=True)
        group = GROUPS[name]((node.transform,))
        return self.replace(path, Node(transform=group, children=(inside,), on=node.on, weight=node.weight))

    def unwrap(self, path: Path) -> "Draft":
        """The steps of a group in its place, off where the group was; an only one takes over its chance."""
        node = self[path]
        if not node.is_group:
            raise ValueError(f"only a group has steps to take out; got {type(node.transform).__name__}")
        weight = node.weight if len(node.children) == 1 else None
        freed = (dataclasses.replace(child, weight=weight, on=child.on and node.on) for child in node.children)
        return self.replace(path, *freed)

    def weigh(self, path: Path, weight: float | str) -> "Draft":
        """The step at `path` with another chance among the steps of its OneOf; what is selected stays."""
        node = self[path]
        if not self.has_weights(path):
            raise ValueError(f"weight needs a step of a OneOf; got {type(node.transform).__name__} at {shown(path)}")
        try:
            number = float(weight)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise ValueError(f"weight must be a number >= 0; got {shown(weight)}")
        changed = self.replace(path, dataclasses.replace(node, weight=None if number == 1 else number))
        return dataclasses.replace(changed, selected=self.selected)

    def has_weights(self, path: Path) -> bool:
        """Whether the step at `path` has a chance among others."""
        return len(path) > 1 and isinstance(self[path[:-1]].transform, OneOf)

    def share(self, path: Path) -> float:
        """The chance of a step of a OneOf among those that are on, 0 to 1; 0 where it is off."""
        weights = [_weight(child) if child.on else 0.0 for child in self._within(path[:-1])]
        return weights[path[-1]] / (sum(weights) or 1.0)

    def _within(self, path: Path) -> tuple[Node, ...]:
        if not path:
            return self.nodes
        node = self[path]
        if not node.is_group:
            raise IndexError(f"path must lead into a group; got {shown(path)} of {type(node.transform).__name__}")
        return node.children

    def _edited(self, path: Path, edit: Any) -> "Draft":
        """The draft with the nodes inside `path` replaced by what `edit` makes of them."""
        if not path:
            return dataclasses.replace(self, nodes=edit(self.nodes))
        self._within(path)
        node = _holding(self[path], edit(self[path].children))
        return self._edited(path[:-1], lambda nodes: (*nodes[: path[-1]], node, *nodes[path[-1] + 1 :]))

    def that_drew(self, drawn: Transform) -> Path | None:
        """Where the step stands that gave a drawn one: of its class, with its fixed values, its drawn ones inside."""
        for path, node in self.walk():
            on = all(self[path[:end]].on for end in range(1, len(path) + 1))
            if on and type(node.transform) is type(drawn) and _gave(node.transform, drawn):
                return path
        return None


def _weight(node: Node) -> float:
    return 1.0 if node.weight is None else node.weight


def _holding(group: Node, children: tuple[Node, ...]) -> Node:
    """A group with other steps; its transform has those that are on, so that its parameters are checked against them."""
    transform: Any = group.transform
    with quietly(), contextlib.suppress(ValueError):  # too few: `built` says so if it stays that way
        steps = [made for one in children if (made := one.built()) is not None]
        plain = {"weights": None} if isinstance(transform, OneOf) else {}
        transform = dataclasses.replace(transform, steps=tuple(steps), **plain)
    return dataclasses.replace(group, transform=transform, children=children)


def _gave(step: Transform, drawn: Transform) -> bool:
    for one in parameters(step):
        value, number = getattr(step, one.name), getattr(drawn, one.name)
        if one.name == "p":
            continue
        if value == number:  # fixed, or not drawn yet
            same = True
        elif isinstance(value, Choice):
            same = number in value.values
        elif isinstance(value, Distribution):
            same = value.support[0] <= number <= value.support[1]
        else:
            same = False
        if not same:
            return False
    return True


def _walk(nodes: Sequence[Node], before: Path) -> Iterator[tuple[Path, Node]]:
    for place, node in enumerate(nodes):
        yield (*before, place), node
        yield from _walk(node.children, (*before, place))


class History:
    """What was, and what was undone.

    A change with the `key` of the one before it replaces it, so that a drag of a slider is one step back, not a hundred.
    """

    def __init__(self, draft: Draft, most: int = 200) -> None:
        self._past, self._future = [draft], list[Draft]()
        self._key: Any = None
        self._most = most

    @property
    def now(self) -> Draft:
        """The present draft."""
        return self._past[-1]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step back."""
        return len(self._past) > 1

    @property
    def can_redo(self) -> bool:
        """Whether a step back can be taken back."""
        return bool(self._future)

    def push(self, draft: Draft, key: Any = None) -> None:
        """Go on to `draft`; what was undone is forgotten. A draft that only selects another step is no step of its own."""
        selects = draft.nodes == self.now.nodes
        if selects or (key is not None and key == self._key):
            self._past[-1] = draft
        else:
            self._past = [*self._past, draft][-self._most :]
        if not selects:
            self._future = []
        self._key = key
        if len(self._past) > 1 and self._past[-2].nodes == draft.nodes:  # moved there and back: no step of its own
            del self._past[-2]
            self._key = None

    def undo(self) -> Draft:
        """One step back; the present draft where there is none."""
        if self.can_undo:
            self._future.append(self._past.pop())
        self._key = None
        return self.now

    def redo(self) -> Draft:
        """One step forward again; the present draft where none was undone."""
        if self.can_redo:
            self._past.append(self._future.pop())
        self._key = None
        return self.now

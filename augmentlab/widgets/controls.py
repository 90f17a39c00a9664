"""Controls: the parameters of any transform as labelled inputs, made from its declarations alone."""

import ast
import dataclasses
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from augmentlab.distributions import Choice, Distribution, Integers, LogUniform, Uniform, shown
from augmentlab.params import SEED_MAX, Parameter, parameters
from augmentlab.transform import Transform
from augmentlab.widgets import twin

# Text, not a path: a path makes anywidget watch the file, and such widgets are never freed.
_HERE = Path(__file__).parent
STYLE = (_HERE / "style.css").read_text(encoding="utf-8")

_RANGES: dict[str, type[Uniform] | type[LogUniform] | type[Integers]] = {
    "uniform": Uniform,
    "loguniform": LogUniform,
    "integers": Integers,
}


def spec_of(parameter: Parameter) -> dict[str, Any]:
    """What the page needs to know of a parameter to show it: plain JSON.

    The slider spans the typical range and the default; a value typed beyond it (inside the hard bounds) widens it.
    """
    spec: dict[str, Any] = {
        "name": parameter.name,
        "label": "probability" if parameter.name == "p" else parameter.name.replace("_", " "),
        "kind": parameter.kind,
        "unit": parameter.unit,
        "tip": f"{parameter.doc} Allowed: {parameter.allowed}.",
        "switch": parameter.kind != "floats" and parameter.name != "p",
        "choices": [False, True] if parameter.kind == "bool" else list(parameter.choices),
    }
    if parameter.kind in {"float", "int"}:
        low, high = _ends(parameter)
        defaults = parameter.default.support if isinstance(parameter.default, Distribution) else (parameter.default,)
        log = parameter.typical is not None and parameter.typical.log
        spec |= {
            "low": min(low, *defaults),
            "high": max(high, *defaults),
            "log": log and min(low, *defaults) > 0,
            "seed": parameter.kind == "int" and parameter.high >= SEED_MAX,
        }
    return spec


def state_of(parameter: Parameter, value: Any) -> dict[str, Any]:
    """What a parameter holds, as the page shows it: plain JSON, read back by `value_of`.

    >>> from augmentlab import Rotate, uniform
    >>> angle = parameters(Rotate)[0]
    >>> state_of(angle, uniform(-15, 15))
    {'mode': 'uniform', 'low': -15, 'high': 15}
    >>> value_of(angle, {"mode": "fixed", "value": 7})
    7
    """
    if isinstance(value, Choice):
        if parameter.kind in {"choice", "bool"}:
            return {"mode": "choice", "values": list(value.values)}
        return {"mode": "choice", "text": ", ".join(map(repr, value.values))}
    if isinstance(value, Distribution):
        low, high = value.support
        return {"mode": type(value).__name__.lower(), "low": low, "high": high}
    if parameter.kind == "floats":
        return {"mode": "fixed", "text": ", ".join(map(repr, value))}
    return {"mode": "fixed", "value": value}


def is_state(sent: Any) -> bool:
    """Whether a page may send it for `value_of`; what stands in it may still be wrong."""
    match sent:
        case {"mode": str(mode), "low": _, "high": _} if mode in _RANGES:
            return True
        case {"mode": "fixed" | "choice", "text": text}:
            return isinstance(text, str)
        case {"mode": "fixed", "value": _} | {"mode": "choice", "values": [*_]}:
            return True
    return False


def value_of(parameter: Parameter, state: dict[str, Any]) -> Any:
    """The value that a row's state means; whether it is allowed is for the transform to say.

    Raises
    ------
    ValueError
        Text that is no list of numbers, or ends that make no range.
    """
    mode = state["mode"]
    if mode in _RANGES:
        return _RANGES[mode](_number(parameter, state["low"]), _number(parameter, state["high"]))
    if "text" in state:
        values = _listed(parameter, state["text"])
        return Choice(values) if mode == "choice" else values
    if mode == "choice":
        return Choice(tuple(state["values"]))
    value = state["value"]
    return value if parameter.kind in {"bool", "choice"} else _number(parameter, value)


def _number(parameter: Parameter, value: Any) -> Any:
    """JSON has one kind of number, so that an int may come back as 3.0. Ends of a range stay ints where they can: it reads better."""
    return int(value) if isinstance(value, float) and value.is_integer() and parameter.kind == "int" else value


def _listed(parameter: Parameter, text: str) -> tuple[Any, ...]:
    try:
        value = ast.literal_eval(f"({text},)" if text.strip() else "()")
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise ValueError(f"{parameter.name} must be numbers with commas between; got {shown(text)}") from None
    return tuple(_number(parameter, one) for one in value)


def _ends(parameter: Parameter) -> tuple[Any, Any]:
    if parameter.typical is not None:
        return parameter.typical.low, parameter.typical.high
    low, high = parameter.low, parameter.high
    return (int(low), int(high)) if parameter.kind == "int" else (low, high)


def drawn_value(parameter: Parameter) -> Distribution:
    """The distribution that a parameter gets when it is switched from a fixed value to a drawn one."""
    if parameter.kind in {"bool", "choice"}:
        return Choice((False, True) if parameter.kind == "bool" else parameter.choices)
    if isinstance(parameter.default, Distribution):
        return parameter.default
    if parameter.typical is not None:
        return parameter.typical_value()
    return Integers(*_ends(parameter)) if parameter.kind == "int" else Uniform(*_ends(parameter))


def fixed_value(parameter: Parameter, value: Distribution) -> Any:
    """The number that a parameter gets when it is switched from a distribution to a fixed value: its middle."""
    if isinstance(value, Choice):
        return value.values[0]
    low, high = value.support
    if parameter.kind == "int":
        return int(low + (high - low) // 2)
    return round((low * high) ** 0.5 if isinstance(value, LogUniform) else (low + high) / 2, 6)


class Controls(anywidget.AnyWidget):
    """The parameters of a transform as sliders, menus and boxes, made from its declarations alone.

    Its whole state is `value`: moving a slider replaces it by a new frozen transform, assigning it moves the sliders.
    What is out of range gets one sentence beside its field and leaves `value` as it was.

    Parameters
    ----------
    value : Transform, optional
        The transform to show, of any class; None shows nothing.

    Attributes
    ----------
    value : Transform or None
        Watch it with ``controls.observe(function, "value")``.
    errors : dict of str to str
        The sentence beside each field that holds something not allowed.

    Examples
    --------
    >>> from augmentlab import Rotate, uniform
    >>> controls = Controls(Rotate(angle=uniform(-15, 15)))
    >>> controls.switch("angle")
    >>> controls.value
    Rotate()
    >>> controls.switch("angle")
    >>> controls.value
    Rotate(angle=uniform(-15, 15))
    """

    value = traitlets.Instance(Transform, allow_none=True)
    title = traitlets.Unicode("").tag(sync=True)
    summary = traitlets.Unicode("").tag(sync=True)
    spec = traitlets.List().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    errors = traitlets.Dict().tag(sync=True)
    edits = traitlets.Dict().tag(sync=True)
    seen = traitlets.Dict().tag(sync=True)
    twin = traitlets.Unicode("").tag(sync=True)
    _esm = (_HERE / "controls.js").read_text(encoding="utf-8")
    _css = STYLE

    def __init__(self, value: Transform | None = None, **options: Any) -> None:
        super().__init__(**options)
        # What a switched field held before, so that switching it twice changes nothing.
        self._before: dict[tuple[type, str], Any] = {}
        self._taken: dict[str, int] = {}  # number of each field's last edit; `seen` tells the page
        self.on_msg(self._on_message)
        self.observe(self._on_value, "value")
        self.observe(self._on_edits, "edits")
        self.value = value

    def switch(self, name: str) -> None:
        """Turn a fixed value into a distribution, or a distribution into a fixed value."""
        transform, parameter = self._declared(name)
        now, key = getattr(transform, name), (type(transform), name)
        before = self._before.get(key)
        self._before[key] = now
        if isinstance(now, Distribution):
            value = fixed_value(parameter, now) if before is None or isinstance(before, Distribution) else before
        else:
            value = before if isinstance(before, Distribution) else drawn_value(parameter)
        self._change({name: value})

    def reroll(self, name: str) -> None:
        """Draw another fixed value for a seed."""
        _, parameter = self._declared(name)
        drawn = np.random.default_rng().integers(int(parameter.low), int(parameter.high), endpoint=True)
        self._change({name: int(drawn)})

    def reset(self, to: str = "typical") -> None:
        """Set every parameter but the probability to its default (``"identity"``) or its typical range (``"typical"``)."""
        if to not in {"identity", "typical"}:
            raise ValueError(f"to must be 'identity' or 'typical'; got {to!r}")
        fields = {
            one.name: one.typical_value() if to == "typical" and one.drawn else one.default
            for one in self._parameters()
            if one.name != "p"
        }
        self._change(fields)

    def edit(self, name: str, state: dict[str, Any]) -> None:
        """Take over what a row of inputs holds; if it is not allowed, `errors` gets the sentence and `value` stays."""
        transform, parameter = self._declared(name)
        with self.hold_sync():
            try:
                self.value = dataclasses.replace(transform, **{name: value_of(parameter, state)})
            except (TypeError, ValueError) as error:
                self.errors = {**self.errors, name: str(error)}
                self.state = {**self.state, name: state}
            else:
                self._show({name})

    def _ipython_display_(self) -> None:
        if not self.twin:
            self.twin = twin.new_name()
        rows = [(spec_of(one)["label"], repr(getattr(self.value, one.name)), one.doc) for one in self._parameters()]
        twin.show(self, self.twin, twin.table(self.title, rows))

    def __repr__(self) -> str:
        return f"Controls({self.value!r})"

    def _parameters(self) -> tuple[Parameter, ...]:
        return () if self.value is None else parameters(self.value)

    def _declared(self, name: str) -> tuple[Transform, Parameter]:
        for one in self._parameters():
            if one.name == name:
                return self.value, one
        raise ValueError(f"name must be a parameter of {self.title or 'the transform'}; got {name!r}")

    def _change(self, fields: dict[str, Any]) -> None:
        if self.value is not None:
            with self.hold_sync():
                try:
                    self.value = dataclasses.replace(self.value, **fields)
                except (TypeError, ValueError) as error:  # such as more of a SomeOf than it holds
                    self.errors = {**self.errors, **dict.fromkeys(fields, str(error))}
                else:
                    self._show(set(fields))

    def _show(self, right: set[str]) -> None:
        """Bring the inputs to what `value` holds; those with an error keep what was typed, unless they are in `right`."""
        self.errors = {name: sentence for name, sentence in self.errors.items() if name not in right}
        self.state = {
            one.name: self.state[one.name] if one.name in self.errors else state_of(one, getattr(self.value, one.name))
            for one in self._parameters()
        }

    def _on_value(self, change: Any) -> None:
        old, new = change["old"], change["new"]
        with self.hold_sync():
            if type(new) is not type(old):
                self.title = "" if new is None else type(new).__name__
                self.summary = "" if new is None else summary(type(new))
                self.spec = [spec_of(one) for one in self._parameters()]
                self._show(set(self.errors))
            else:
                self._show({name for name in self.errors if getattr(new, name) != getattr(old, name)})

    def _on_edits(self, change: Any) -> None:
        declared = {one.name for one in self._parameters()}
        with self.hold_sync():
            for name, edit in change["new"].items():
                match edit:
                    case {"n": int(n), "state": state} if n > self._taken.get(name, 0) and is_state(state):
                        self._taken[name] = n
                        self.seen = dict(self._taken)
                        # An edit of a transform that was exchanged meanwhile is void.
                        if name in declared:
                            self.edit(name, state)

    def _on_message(self, _widget: Any, message: Any, _buffers: Any) -> None:
        specs = [spec_of(one) for one in self._parameters()]
        match message:
            case {"switch": str(name)} if name in {spec["name"] for spec in specs if spec["switch"]}:
                self.switch(name)
            case {"reroll": str(name)} if name in {spec["name"] for spec in specs if spec.get("seed")}:
                self.reroll(name)
            case {"reset": "identity" | "typical" as to}:
                self.reset(to)


def summary(cls: type) -> str:
    """The first line of a docstring, as plain text."""
    return (cls.__doc__ or "").strip().split("\n")[0].replace("`", "").rstrip(".")

"""The row above the grid: how many draws of which seed, and how they are shown."""

from typing import Any

import ipywidgets
import traitlets

MOST_COLUMNS = 25  # an original and the most draws


def toolbar(explorer: Any) -> list[ipywidgets.Widget]:
    """Controls of the traits of an explorer that need no look at its images."""
    reroll = ipywidgets.Button(description="Re-roll", tooltip="draw anew with another seed", layout={"width": "auto"})
    reroll.on_click(lambda _: explorer.reroll())
    return [
        number(explorer, "draws", 1, 24, "88px", tip="draws of each image"),
        _columns(explorer),
        ipywidgets.HBox([number(explorer, "seed", 0, 2**31 - 1, "115px"), reroll]),
        toggle(explorer, "difference", "show what changed, three times as strong"),
    ]


def linked(explorer: Any, name: str, widget: ipywidgets.Widget) -> ipywidgets.Widget:
    """A widget whose value is a trait of the explorer."""
    traitlets.link((explorer, name), (widget, "value"))
    return widget


def toggle(explorer: Any, name: str, tip: str) -> ipywidgets.Widget:
    """A button that is down while a trait is on."""
    made = ipywidgets.ToggleButton(description=name.capitalize(), tooltip=tip, layout={"width": "auto"})
    return linked(explorer, name, made)


def number(explorer: Any, name: str, low: int, high: int, width: str, tip: str = "") -> ipywidgets.Widget:
    """A field of a trait that is a whole number."""
    box = ipywidgets.BoundedIntText(min=low, max=high, description=name, tooltip=tip, layout={"width": width})
    return linked(explorer, name, box)


def _columns(explorer: Any) -> ipywidgets.Widget:
    options = [("auto", 0), *((str(count), count) for count in range(1, MOST_COLUMNS + 1))]
    box = ipywidgets.Dropdown(
        options=options, description="columns", tooltip="tiles in a row", layout={"width": "130px"}
    )
    return linked(explorer, "columns", box)

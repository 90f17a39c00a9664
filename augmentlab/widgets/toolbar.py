"""The row above the grid: which images, how many draws of which seed, and how they are shown."""

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from augmentlab.widgets.images import Images

MOST_COLUMNS = 25  # an original and the most draws
_LISTED = 100  # images that a menu can name


def toolbar(explorer: Any, images: Images, most_rows: int) -> list[ipywidgets.Widget]:
    """Controls of the traits of an explorer, without those of its sweep."""
    count = len(images)
    row = [_which(explorer, images), *_classes(explorer, images)] if count > 1 else []
    if count > 1:
        row.append(number(explorer, "rows", 1, min(most_rows, count), "84px", tip="images shown, one below the other"))
    row += [
        number(explorer, "draws", 1, 24, "88px", tip="draws of each image"),
        _columns(explorer),
        ipywidgets.HBox(
            [
                number(explorer, "seed", 0, 2**31 - 1, "115px"),
                button("Re-roll", "draw anew with another seed", explorer.reroll),
            ]
        ),
        toggle(explorer, "difference", "show what changed, three times as strong"),
    ]
    if images.have_targets():
        row.append(toggle(explorer, "overlays", "masks, boxes and keypoints"))
    return row


def linked(explorer: Any, name: str, widget: ipywidgets.Widget) -> ipywidgets.Widget:
    """A widget whose value is a trait of the explorer."""
    traitlets.link((explorer, name), (widget, "value"))
    return widget


def button(text: str, tip: str, action: Callable[[], None], icon: str = "") -> ipywidgets.Button:
    """A button that does something."""
    made = ipywidgets.Button(description=text, tooltip=tip, icon=icon, layout={"width": "auto"})
    made.on_click(lambda _: action())
    return made


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


def _which(explorer: Any, images: Images) -> ipywidgets.Widget:
    def step(offset: int) -> Callable[[], None]:
        def go() -> None:
            among = images.of_class(explorer.only)
            place = next((k for k, index in enumerate(among) if index >= explorer.index), 0)
            explorer.index = among[(place + offset) % len(among)]

        return go

    def any_image() -> None:
        explorer.index = int(np.random.default_rng().choice(images.of_class(explorer.only)))

    count = len(images)
    if count <= _LISTED:
        options = [(name, index) for index, name in enumerate(images.names)]
        picker = ipywidgets.Dropdown(options=options, description="image", layout={"width": "175px"})
    else:
        picker = ipywidgets.BoundedIntText(min=0, max=count - 1, description="image", layout={"width": "130px"})
    return ipywidgets.HBox(
        [
            linked(explorer, "index", picker),
            button("", "previous image", step(-1), "chevron-left"),
            button("", "next image", step(1), "chevron-right"),
            button("", "any image", any_image, "random"),
        ]
    )


def _classes(explorer: Any, images: Images) -> list[ipywidgets.Widget]:
    classes = sorted({one for one in images.classes if one})
    if len(classes) < 2:
        return []
    named = [("all classes", ""), *((one, one) for one in classes)]
    return [linked(explorer, "only", ipywidgets.Dropdown(options=named, layout={"width": "130px"}))]

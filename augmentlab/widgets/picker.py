"""Which of the images are shown: by name or number, the next or any, those of a class, and how many."""

from collections.abc import Callable

import ipywidgets
import numpy as np
import traitlets

from augmentlab.widgets.images import Images

_NAMED = 100  # images in a menu at most; of more, the number is typed


class Picker(ipywidgets.HBox):
    """The part of the explorer's bar that chooses images; empty as long as there is one alone.

    Parameters
    ----------
    images : Images
    most : int
        Images shown at once at most.

    Attributes
    ----------
    index : int
        The first that is shown.
    only : str
        The class whose images are shown; all of them when empty.
    rows : int
        Images shown at once.
    """

    index = traitlets.Int(0, min=0)
    only = traitlets.Unicode("")
    rows = traitlets.Int(1, min=1)

    def __init__(self, images: Images, most: int, **options: int | str) -> None:
        self._images, self._most = images, most
        self._menu = ipywidgets.Dropdown(description="image", layout={"width": "175px"})
        self._number = ipywidgets.BoundedIntText(description="image", layout={"width": "130px"})
        self._class = ipywidgets.Dropdown(layout={"width": "130px"})
        self._rows = ipywidgets.BoundedIntText(min=1, max=1, description="rows", layout={"width": "84px"})
        self._steps = [
            _button("previous image", "chevron-left", lambda: self._step(-1)),
            _button("next image", "chevron-right", lambda: self._step(1)),
            _button("any image", "random", self._any),
        ]
        self._links: list[traitlets.link] = []
        super().__init__(**options)
        self.add_class("al-pick")
        self.fit()

    def fit(self) -> None:
        """Offer the images that there are by now."""
        for link in self._links:
            link.unlink()  # a menu with other lines forgets what was chosen
        count = len(self._images)
        chooser = self._menu if count <= _NAMED else self._number
        self._menu.options = [(name, index) for index, name in enumerate(self._images.names)] if count <= _NAMED else []
        self._number.max = count - 1
        classes = sorted({one for one in self._images.classes if one})
        self._class.options = [("all classes", ""), *((one, one) for one in classes)]
        self._rows.max = min(self._most, count)
        named = [self._class] if len(classes) > 1 else []
        linked = {"index": chooser, "only": self._class, "rows": self._rows}
        self._links = [traitlets.link((self, name), (box, "value")) for name, box in linked.items()]
        self.children = [ipywidgets.HBox([chooser, *self._steps]), *named, self._rows] if count > 1 else []

    def _step(self, offset: int) -> None:
        among = self._images.of_class(self.only)
        place = next((k for k, index in enumerate(among) if index >= self.index), 0)
        self.index = among[(place + offset) % len(among)]

    def _any(self) -> None:
        self.index = int(np.random.default_rng().choice(self._images.of_class(self.only)))


def _button(tip: str, icon: str, action: Callable[[], None]) -> ipywidgets.Button:
    made = ipywidgets.Button(tooltip=tip, icon=icon, layout={"width": "auto"})
    made.on_click(lambda _: action())
    return made

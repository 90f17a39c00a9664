"""When the controls' script tells the kernel of a move, on a page without a kernel."""

from pathlib import Path

import pytest

from augmentlab import Rotate
from augmentlab.widgets import Controls, controls

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(300)]

# What the kernel had been told after the first move, after two more at once, and two frames later.
MOVED = """async ([source, values]) => {
    const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    const told = [], model = {
        get: (name) => values[name], set: (name, value) => { values[name] = value; }, on() {}, off() {}, send() {},
        save_changes: () => told.push(values.edits.angle.state.value),
    };
    widget.render({ model, el: document.body });
    const slider = document.querySelector('input[aria-label="angle"]');
    const move = (value) => { slider.value = value; slider.dispatchEvent(new Event("input")); };
    move(10);
    const first = told.slice();
    move(11);
    move(12);
    const more = told.slice();
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    return [first, more, told];
}"""


def test_a_first_move_is_told_at_once_and_of_those_within_a_frame_the_last(page):
    source = (Path(controls.__file__).parent / "controls.js").read_text(encoding="utf-8")
    made = Controls(Rotate(angle=5.0))
    names = ("spec", "state", "errors", "edits", "seen", "title", "summary", "twin")
    found = page.evaluate(MOVED, [source, {name: getattr(made, name) for name in names}])
    assert found == [[10], [10], [10, 12]]

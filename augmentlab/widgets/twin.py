"""The static twin of a live view: what a notebook shows where no kernel runs.

A saved notebook holds no widget, only a reference to one, and a reader without its kernel would see an error. So each view
is displayed twice: first as plain HTML, then as the live widget, which hides the HTML for as long as it lives.
"""

import base64
import html
import uuid
from collections.abc import Iterable
from typing import Any


def new_name() -> str:
    """A CSS class of its own for the HTML of one view."""
    return f"al-static-{uuid.uuid4().hex[:10]}"


def picture(alt: str, jpeg: bytes, caption: str, code: str) -> str:
    """A grid as a picture, what it shows, and the code below it."""
    source = base64.b64encode(jpeg).decode("ascii")
    return (
        f'<img alt="{html.escape(alt)}" src="data:image/jpeg;base64,{source}" style="max-width: 100%">'
        f'<div style="margin: 0.3em 0; font-size: 90%; opacity: 0.75">{html.escape(caption)}</div>'
        f'<pre style="margin: 0.5em 0; font-family: monospace">{html.escape(code)}</pre>'
    )


def table(title: str, rows: Iterable[tuple[str, str, str]]) -> str:
    """Parameters with their values and what each is."""
    lines = "".join(
        f"<tr><th>{html.escape(name)}</th><td><code>{html.escape(value)}</code></td>"
        f'<td style="text-align: left">{html.escape(tip)}</td></tr>'
        for name, value, tip in rows
    )
    return f"<table><caption><strong>{html.escape(title)}</strong></caption>{lines}</table>"


def show(widget: Any, name: str, content: str) -> None:
    """Display the HTML under its name, and then the live widget, whose page script hides that name."""
    from IPython.display import display

    display(_bundle(widget, name, content), raw=True, display_id=name)
    bundle = widget._repr_mimebundle_()
    live, metadata = (
        bundle if isinstance(bundle, tuple) else (bundle, {})
    )  # anywidget adds metadata, ipywidgets does not
    # Nothing to read but the widget itself: the words are in the twin above.
    display({**live, "text/plain": "", "text/html": ""}, metadata=metadata, raw=True)


def update(widget: Any, name: str, content: str) -> None:
    """Exchange the HTML that was displayed under a name, so that a notebook that is saved later shows what is seen now."""
    from IPython.display import update_display

    update_display(_bundle(widget, name, content), display_id=name, raw=True)


def _bundle(widget: Any, name: str, content: str) -> dict[str, str]:
    return {"text/html": f'<div class="{name}">{content}</div>', "text/plain": repr(widget)}

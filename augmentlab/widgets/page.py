"""One page for readers without a notebook: a slider over frames made beforehand, and the pipeline to copy.

A pure function from frames and words to HTML. The page holds all it shows and forbids itself the network, so it can be
mailed, put on a server or opened from a disk, and it still works when everything it was made with is gone.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augmentlab.markup import source_hash, text

_HERE = Path(__file__).parent
_TYPES = ("image/jpeg", "image/png", "image/webp")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One position of the slider.

    Attributes
    ----------
    label : str
        The position in words, such as ``"12 deg"``: what is read beside the slider, and aloud.
    picture : bytes
        An encoded image, as `augmentlab.render.encode` returns it.
    alt : str
        What the picture shows, for those who do not see it.
    mime : {"image/jpeg", "image/png", "image/webp"}
        What kind of file the picture is.
    code : str
        The pipeline at this position; empty where all frames share one.
    """

    label: str
    picture: bytes
    alt: str
    mime: str = "image/jpeg"
    code: str = ""


def page(
    frames: Sequence[Frame],
    *,
    title: str,
    slider: str,
    code: str,
    document: Mapping[str, Any],
    caption: str = "",
    start: int = 0,
) -> str:
    """A self-contained HTML page: frames under a slider, and the pipeline as Python and JSON.

    Parameters
    ----------
    frames : sequence of Frame
        From one end of the slider to the other. With a single frame there is no slider.
    title : str
        The heading.
    slider : str
        What the slider changes, such as ``"Rotate angle"``.
    code : str
        The pipeline as Python.
    document : mapping
        The pipeline as `to_dict` returns it.
    caption : str
        What is said below the picture.
    start : int
        The frame that is shown at first, and without JavaScript.

    Returns
    -------
    str
        To be written as UTF-8. Nothing in it is loaded from elsewhere, and its Content-Security-Policy admits only the
        script and style that it came with.

    Raises
    ------
    ValueError
        No frame, a start that is none of them, or a picture of another kind.
    """
    if not frames:
        raise ValueError("frames must hold at least one frame; got none")
    if not 0 <= start < len(frames):
        raise ValueError(f"start must be a frame, below {len(frames)}; got {start}")
    for frame in frames:
        if frame.mime not in _TYPES:
            raise ValueError(f"mime must be one of {', '.join(_TYPES)}; got {frame.mime!r}")
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = f"default-src 'none'; img-src data:; style-src {source_hash(style)}; script-src {source_hash(script)}"
    sections = [_section("Pipeline", "", _block(code))]
    if any(frame.code for frame in frames):
        labels = _stack("span", "", [text(frame.label) for frame in frames], start)
        blocks = _stack("pre", ' tabindex="0"', [f"<code>{text(frame.code)}</code>" for frame in frames], start)
        sections.insert(0, _section(slider, f": {labels}", blocks))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="augmentlab">
<title>{text(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{text(title)}</h1>
<figure>
{_stack("div", "", [_picture(frame, slider) for frame in frames], start)}
{_slider(frames, slider, start)}
<figcaption class="quiet">{text(caption)}</figcaption>
</figure>
{"".join(sections)}
<section class="folded" aria-label="JSON">
<details><summary>JSON</summary>
{_block(json.dumps(document, indent=2))}
</details>
{_copy("JSON")}
</section>
</main>
<script>{script}</script>
</body>
</html>
"""


def _stack(tag: str, attributes: str, contents: Sequence[str], start: int) -> str:
    """One element a frame, laid on each other, of which the page's style shows one."""
    wrapper = "span" if tag == "span" else "div"
    elements = [
        f'<{tag} class="{"shown" if index == start else ""}"{attributes}>{content}</{tag}>'
        for index, content in enumerate(contents)
    ]
    return f'<{wrapper} class="stack">{"".join(elements)}</{wrapper}>'


def _picture(frame: Frame, slider: str) -> str:
    source = base64.b64encode(frame.picture).decode("ascii")
    # Decoded before the frame is painted, else the page would blink.
    return (
        f'<img decoding="sync" alt="{text(frame.alt)}" src="data:{frame.mime};base64,{source}">'
        f'<p class="at">{text(slider)}: <span>{text(frame.label)}</span></p>'
    )


def _slider(frames: Sequence[Frame], name: str, start: int) -> str:
    if len(frames) == 1:
        return ""
    first, now, last = (text(frames[place].label) for place in (0, start, -1))
    return f"""<div class="slider needs-script" hidden>
<div class="line">
<label for="position">{text(name)}</label>
<output for="position" aria-live="off">{now}</output>
<button type="button" class="play">Play</button>
</div>
<input id="position" type="range" min="0" max="{len(frames) - 1}" step="1" value="{start}" aria-valuetext="{now}">
<div class="ends" aria-hidden="true"><span>{first}</span><span>{last}</span></div>
</div>
<noscript><p class="quiet">The slider over {len(frames)} frames needs JavaScript; this is one of them.</p></noscript>"""


def _block(code: str) -> str:
    # Reached by keyboard, for a long line has to be scrolled.
    return f'<pre tabindex="0"><code>{text(code)}</code></pre>'


def _copy(name: str) -> str:
    return (
        '<div class="tools needs-script" hidden><span role="status" class="quiet"></span>'
        f'<button type="button" class="copy" aria-label="Copy {text(name)}">Copy</button></div>'
    )


def _section(name: str, rest: str, content: str) -> str:
    return f'<section><div class="head"><h2>{text(name)}{rest}</h2>{_copy(name)}</div>\n{content}</section>\n'

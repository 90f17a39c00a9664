"""HTML that is written by hand and escaped by itself."""

import base64
import hashlib
import html
import re

MOST_TOLD = 2000  # characters of what an exception says

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(plain: object) -> Markup:
    """Text for HTML, between tags and in attributes, that UTF-8 can hold and a parser leaves as it is.

    Examples
    --------
    >>> text("a < b")
    'a &lt; b'
    """
    if isinstance(plain, Markup):
        return plain
    return Markup(html.escape(printable(str(plain))))


def printable(plain: str) -> str:
    """A text that HTML, SVG and a terminal can show: a file's name may hold bytes that are no characters, or controls."""
    whole = plain.encode("utf-8", "replace").decode("utf-8")
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", whole)


def said(error: object) -> str:
    """What an exception or a warning says, as far as it can be said, stored and shown.

    Examples
    --------
    >>> len(said(ValueError("x" * 10**6)))
    2000
    """
    try:
        words = str(error)
    except Exception:  # noqa: BLE001  (whatever a user's __str__ raises)
        words = "it cannot say what"
    return printable(words[:MOST_TOLD])


def told(error: BaseException) -> str:
    """The kind of an exception and what it says.

    Examples
    --------
    >>> told(KeyError("x"))
    "KeyError: 'x'"
    """
    return f"{type(error).__name__}: {said(error)}"


def element(tag: str, *content: object, **attributes: object) -> Markup:
    """Return an element; what is no Markup is escaped.

    Parameters
    ----------
    tag : str
        Its name.
    *content : object
        Markup, or anything that is shown as text. None is left out.
    **attributes : object
        A ``_`` at the end is left out (``class_``), others are hyphens; one that is None is left out, True is bare.

    Examples
    --------
    >>> element("a", "<b>", href="#x", aria_label='"', class_=None)
    '<a href="#x" aria-label="&quot;">&lt;b&gt;</a>'
    """
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    written = "".join(f" {name}" if value is True else f' {name}="{text(value)}"' for name, value in named.items())
    if tag in {"img", "meta", "br"}:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{joined(*content)}</{tag}>")


def joined(*content: object) -> Markup:
    """Return one piece of HTML from several."""
    return Markup("".join(text(part) for part in content if part is not None))


def source_hash(source: str) -> str:
    """How a Content-Security-Policy names this very script or style."""
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"

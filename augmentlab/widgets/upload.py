"""Image files from the page: they come in pieces, are decoded in a thread, and are images then."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from augmentlab.data import folder
from augmentlab.distributions import shown
from augmentlab.widgets.controls import STYLE
from augmentlab.widgets.images import Source
from augmentlab.widgets.schedule import in_thread

PIECE = 2**19  # bytes in one message: servers, and above all hosted ones, lose large messages
LIMIT = 200_000_000  # bytes of one file
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Incoming:
    """A file of which a part is there: what comes next must begin where that part ends.

    Attributes
    ----------
    key : str
        How the page calls this one transfer.
    name : str
        What the file is called. Never a path here, only a word to show.
    size : int
        Bytes of the whole file.
    pieces : tuple of bytes

    Raises
    ------
    ValueError
        A file without bytes or with too many; the sentence names it.
    """

    key: str
    name: str
    size: int
    pieces: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.size <= LIMIT:
            has = f"{shown((self.size + 500_000) // 10**6)} MB" if self.size > 0 else "none"
            raise ValueError(f"{self.name} must have bytes, and {LIMIT // 10**6} MB at most; it has {has}")

    @property
    def at(self) -> int:
        """Bytes that are there."""
        return sum(map(len, self.pieces))

    def and_then(self, at: int, piece: bytes) -> "Incoming":
        """With one more piece; one that does not follow is a ValueError."""
        if at != self.at:
            raise ValueError(f"{self.name} did not arrive in order: byte {self.at} was next; got byte {shown(at)}")
        if len(piece) != min(PIECE, self.size - at):  # smaller ones would be many, each with a message of its own
            raise ValueError(
                f"{self.name} must come in a piece of {min(PIECE, self.size - at)} bytes here; got {len(piece)}"
            )
        return replace(self, pieces=(*self.pieces, piece))


class Upload(anywidget.AnyWidget):
    """A button that takes image files, which may be dropped on the whole explorer as well.

    The page sends ``{"begin": key, "name": ..., "size": ...}``, then one piece after the other as
    ``{"piece": key, "at": ...}`` with a buffer of `piece` bytes, the last one of what is left, each after
    ``{"next": key, "at": ...}`` has come back. The end is ``{"done": key}``, or ``{"wrong": key, "sentence": ...}``,
    after which nothing of the file is kept. A new file takes the place of one that did not come to its end, as when the
    page was closed meanwhile.

    Parameters
    ----------
    arrived : callable
        ``arrived(source)`` takes one image, in the thread of the event loop.

    Attributes
    ----------
    inviting : bool
        Whether it asks for images in words, where there are none yet.
    """

    inviting = traitlets.Bool(False).tag(sync=True)
    piece = traitlets.Int(PIECE).tag(sync=True)
    limit = traitlets.Int(LIMIT).tag(sync=True)
    _esm = (_HERE / "upload.js").read_text(encoding="utf-8")
    _css = STYLE

    def __init__(self, arrived: Callable[[Source], None], **options: Any) -> None:
        super().__init__(**options)
        self._arrived = arrived
        self._incoming: Incoming | None = None
        self._decoding: dict[str, asyncio.Task[None]] = {}
        self.on_msg(self._on_message)

    def _on_message(self, _widget: Any, message: dict[str, Any], buffers: Any) -> None:
        match message:
            case {"begin": str(key), "name": str(name), "size": int(size)}:
                self._take(key, lambda: Incoming(key, _word(name), size))
            case {"piece": str(key), "at": int(at)} if buffers and len(buffers) == 1:
                self._take(key, lambda: self._awaited(key).and_then(at, bytes(buffers[0])))
            case {"cancel": str(key)}:
                self._decoding.pop(key, None)  # it ends, and nobody takes what it gives
                if self._incoming is not None and self._incoming.key == key:
                    self._incoming = None

    def _awaited(self, key: str) -> Incoming:
        if self._incoming is None or self._incoming.key != key:
            raise ValueError("this file is no longer awaited; upload it again")
        return self._incoming

    def _take(self, key: str, change: Callable[[], Incoming]) -> None:
        try:
            self._incoming = change()
        except ValueError as error:
            if self._incoming is not None and self._incoming.key == key:
                self._incoming = None
            self._wrong(key, error)
            return
        if self._incoming.at < self._incoming.size:
            self.send({"next": key, "at": self._incoming.at})
            return
        whole, self._incoming = self._incoming, None
        self._decoding[key] = asyncio.get_running_loop().create_task(self._decode(whole))

    async def _decode(self, file: Incoming) -> None:
        """Decode once, to know whether it can be; only its bytes are kept, which are far fewer."""
        data = b"".join(file.pieces)
        read = partial(folder.read_bytes, data, file.name)
        try:
            await in_thread(read)
            if self._decoding.pop(file.key, None) is None:
                return  # cancelled
            self._arrived(Source([file.name], [""], lambda _: read(), in_memory=False))
        except Exception as error:  # noqa: BLE001 - the page says what it was, and the files behind it still come
            self._decoding.pop(file.key, None)
            self._wrong(file.key, error)
        else:
            self.inviting = False
            self.send({"done": file.key})

    def _wrong(self, key: str, error: Exception) -> None:
        self.send({"wrong": key, "sentence": str(error)})


def _word(name: str) -> str:
    """What a page calls a file, fit to be shown in one line."""
    return "".join(one for one in name if one.isprintable()).strip()[:100] or "image"

"""Where a file of studies may lie, and what may lie beside it.

SQLite would wait for ever for a pipe, and does as the journal beside a file says, which came with it from anybody.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from pathlib import Path

from augmentlab import files

_BESIDE = ("-journal", "-wal", "-shm")  # how SQLite calls the files that it keeps beside one at work
_MAGIC = bytes.fromhex("d9d505f920a163d7")  # a journal that names a file ends with it


def text(path: str | os.PathLike[str]) -> str:
    """Return a path as text, with its ``~`` written out, or say in one sentence why it can be none."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"storage must be a path, as str or os.PathLike; got {path!r:.80}")
    place = str(files.home(path))
    try:
        Path(place).stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # what that means depends on what is wanted
    except (OSError, ValueError) as error:  # a name that is too long, a loop of links, a NUL, half a character
        kind = OSError if isinstance(error, OSError) else ValueError
        reason = getattr(error, "strerror", None) or error
        raise kind(f"storage must be the path of a file; {quoted(place)} is none: {reason}") from None
    return place


def quoted(path: str) -> str:
    """Return a path as an error names it: its end tells more than its middle."""
    whole = repr(path)
    return whole if len(whole) <= 300 else f"{whole[:200]}…{whole[-80:]}"


def check(path: str) -> None:
    """Raise an OSError or a ValueError unless there is a plain file, or none, and beside it what SQLite keeps there."""
    if Path(path).is_dir():
        raise IsADirectoryError(f"storage must be a file; {quoted(path)} is a folder")
    if Path(path).exists() and not Path(path).is_file():
        raise OSError(f"storage must be a file; {quoted(path)} is a device, a pipe or a socket")
    for suffix in _BESIDE:
        if _is_odd(beside(path, suffix)):
            raise OSError(
                f"storage must have nothing but files of SQLite beside it; {quoted(beside(path, suffix))} is none"
            )
    if _names_another(beside(path)):
        raise ValueError(f"storage must have a journal of its own alone; {quoted(beside(path))} names another file")


def check_writable(path: str) -> None:
    """Raise an OSError unless a file is there that can be written, or can be made."""
    file = Path(path)
    folder = file.absolute().parent
    if not folder.is_dir():
        kind = NotADirectoryError if folder.exists() else FileNotFoundError
        raise kind(f"storage must be a file in an existing folder; there is no folder {quoted(str(folder))}")
    # SQLite writes its journal beside the file.
    if not os.access(folder, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
        raise PermissionError(f"storage must be a file that can be written; {quoted(path)} cannot")


def beside(path: str, suffix: str = "-journal") -> str:
    """Return where SQLite keeps the journal of a file, or another companion: beside the file, not beside a link to it."""
    return os.path.realpath(path) + suffix


def _is_odd(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:  # not there, or not to be seen
        return False


def _names_another(journal: str) -> bool:
    """Whether a journal belongs to a transaction over several files, and tells where the journal of these is.

    SQLite removes what lies there. We write one file at a time.
    """
    with contextlib.suppress(OSError), Path(journal).open("rb") as file:  # not there, shorter, or not to be read
        size = file.seek(-16, os.SEEK_END) + 16
        length, _, magic = struct.unpack(">II8s", file.read(16))
        return bool(magic == _MAGIC and 0 < length <= size - 16)
    return False

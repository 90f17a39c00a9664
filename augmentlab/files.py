"""Files that are whole or not there."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> Path:
    """Write a file beside its place and move it there when it is whole; until then, what was there stays.

    Parameters
    ----------
    path : path
        A ``~`` is the home folder. Another process that writes the same file does not disturb this one.
    write : callable
        ``write(part)`` writes the file; what it raises is raised.

    Returns
    -------
    Path
        Where the file is.

    Raises
    ------
    OSError
        The folder is not there, or the file cannot be written: no permission, no space. What is there is a device, a
        pipe or a socket.
    ValueError
        The file there is an SQLite database: no text or picture is meant to replace a file of studies.
    """
    place = home(path)
    if "\0" in str(place):
        raise ValueError(f"path must be that of a file; {str(place)!r} holds a NUL, which none does")
    if place.is_dir():
        raise IsADirectoryError(f"path must be that of a file; {place} is a folder")
    if place.exists() and not place.is_file():  # an administrator could put a file in the place of /dev/null
        raise OSError(f"path must be that of a file; {place} is a device, a pipe or a socket")
    if not place.parent.is_dir():
        raise FileNotFoundError(f"path must lie in a folder that is there; {place.parent} is not")
    if _is_database(place):
        raise ValueError(f"path must not be that of a database, such as a file of studies; {place} is one")
    try:
        # A folder of its own, which nobody else can have put a link in.
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".") as made:
            part = Path(made, place.name)
            write(part)
            with part.open("rb") as written:
                os.fsync(written.fileno())  # else a power cut could leave the name without the bytes
            part.replace(place)
    except OSError as error:
        if error.errno is None:
            raise
        # The place is what was asked for; the system knows the part alone, or names nothing.
        raise OSError(error.errno, error.strerror, str(place)) from error
    return place


def home(path: str | os.PathLike[str]) -> Path:
    """The path with its ``~`` written out; a FileNotFoundError where nobody of that name has a home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise FileNotFoundError(f"there is no home folder of that name: {str(path)!r}") from None


def _is_database(place: Path) -> bool:
    if not place.is_file():
        return False
    with place.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"

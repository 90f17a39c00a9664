"""Files that are whole or not there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> Path:
    """Write a file beside its place and move it there when it is whole; until then, what was there stays.

    Parameters
    ----------
    path : path
        A ``~`` is the home folder.
    write : callable
        ``write(part)`` writes the file; what it raises is raised.

    Returns
    -------
    Path
        Where the file is.

    Raises
    ------
    OSError
        The folder is not there, or the file cannot be written.
    ValueError
        The file there is an SQLite database: no text or picture is meant to replace a file of studies.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        raise IsADirectoryError(f"path must be that of a file; {place} is a folder")
    if not place.parent.is_dir():
        raise FileNotFoundError(f"path must lie in a folder that is there; {place.parent} is not")
    if _is_database(place):
        raise ValueError(f"path must not be that of a database, such as a file of studies; {place} is one")
    part = place.with_name(f".{place.stem}.part{place.suffix}")
    try:
        write(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())  # else a power cut could leave the name without the bytes
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    return place


def _is_database(place: Path) -> bool:
    if not place.is_file():
        return False
    with place.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"

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
    """
    place = Path(path).expanduser()
    if place.is_dir():
        raise IsADirectoryError(f"path must be that of a file; {place} is a folder")
    if not place.parent.is_dir():
        raise FileNotFoundError(f"path must lie in a folder that is there; {place.parent} is not")
    part = place.with_name(f".{place.stem}.part{place.suffix}")
    try:
        write(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())  # else a power cut could leave the name without the bytes
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    return place

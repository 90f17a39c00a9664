"""Files that are whole or not there, and folders that go with the process that made them."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_PREFIX = "augmentlab-"
_OWNER = "owner.lock"  # in each temporary folder; nothing else called so is ever removed
_SETTLED = 60.0  # seconds after which a folder without a lock has no owner that is about to take it


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


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for temporary files, which is gone afterwards.

    A process that is killed cannot remove its own, which the next one does: a lock in each folder ends with the process
    that made it, however that ends.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another process is at it, or it is another user's
            _remove_abandoned(folder)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    owner = folder / _OWNER
    if folder.is_symlink() or owner.is_symlink() or not owner.is_file():
        return
    if time.time() - owner.stat().st_mtime < _SETTLED:
        return
    with _locked(folder) as taken:
        pass
    if taken:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder; False where another process holds it, and where there are no locks."""
    import sqlite3  # its locks work on every system, and end with the process

    with contextlib.ExitStack() as stack:
        taken = False
        with contextlib.suppress(sqlite3.Error):
            connection = sqlite3.connect(folder / _OWNER, isolation_level=None, timeout=0, check_same_thread=False)
            stack.enter_context(contextlib.closing(connection))
            connection.execute("BEGIN EXCLUSIVE")
            taken = True
        yield taken


def _is_database(place: Path) -> bool:
    if not place.is_file():
        return False
    with place.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"

"""Files that are whole or not there, and folders that go with the process that made them."""

import contextlib
import os
import re
import shutil
import stat
import sys
import tempfile
import time
import uuid
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


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for temporary files, which is gone afterwards.

    A process that is killed cannot remove its own, which the next one does: a lock in each folder ends with the process
    that made it, however that ends.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another process is at it
            if _is_ours(folder):
                _remove_abandoned(folder)
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{uuid.uuid4().hex}"  # known before it is made, for Ctrl-C then
    try:
        folder.mkdir(mode=0o700)
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """Whether it is called like ours, and nobody but this user can have put anything there."""
    about = folder.lstat()
    private = sys.platform == "win32" or (about.st_uid == os.geteuid() and not about.st_mode & 0o077)
    return private and stat.S_ISDIR(about.st_mode) and bool(re.fullmatch(rf"{_PREFIX}[0-9a-f]{{32}}", folder.name))


def _remove_abandoned(folder: Path) -> None:
    owner = folder / _OWNER
    if not owner.is_file():
        if time.time() - folder.stat().st_mtime > _SETTLED:
            folder.rmdir()  # unless it holds something
        return
    if time.time() - owner.stat().st_mtime < _SETTLED:
        return
    with _locked(folder) as taken:
        pass
    if taken:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder, which ends with the process; False where another holds it, and where there are no locks."""
    with contextlib.ExitStack() as stack:
        taken = False
        with contextlib.suppress(OSError):
            file = stack.enter_context((folder / _OWNER).open("ab"))
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = True
        yield taken


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

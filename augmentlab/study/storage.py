"""A file of studies: SQLite, one transaction a trial, one writer, any number of readers.

A trial is keyed by the content of everything that decides its result, so what is in the file need not be computed
again, whichever study asks. The file is for a local disk: SQLite's locks do not hold on network file systems.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from numpy.typing import NDArray

MEMORY = ":memory:"
SCHEMA_VERSION = 1
_APPLICATION = 0x41554C42  # "AULB" in SQLite's header tells our files from other programs'
_SMALLEST = 512  # bytes of SQLite's smallest page
_TIMEOUT = 30.0  # seconds to wait for another writer

_SCHEMA = """
CREATE TABLE study (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    created TEXT NOT NULL,
    opened TEXT NOT NULL
);
CREATE TABLE trial (
    key TEXT PRIMARY KEY,
    arm TEXT NOT NULL,
    draw INTEGER NOT NULL,
    part TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('complete', 'failed')),
    value REAL,
    hits BLOB,
    images INTEGER NOT NULL,
    started TEXT NOT NULL,
    seconds REAL NOT NULL,
    message TEXT NOT NULL
);
CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    study TEXT NOT NULL REFERENCES study (key),
    detail TEXT NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (subject, kind, study, detail)
);
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What one training run gave.

    Parameters
    ----------
    key : str
        Content hash, see `content_key`.
    arm : str
        Code of the pipeline.
    draw : int
        Which draw.
    part : {"validation", "test"}
        The images that were predicted.
    state : {"complete", "failed"}
        A failed trial is computed again by the next run.
    hits : ndarray of bool, or None when failed
        One for each image of the part: whether the prediction was right.
    images : int
        Number of images of the part.
    started : str
        UTC, ISO 8601.
    seconds : float
        Wall time.
    message : str
        The error of a failed trial; the warnings of a complete one.
    """

    key: str
    arm: str
    draw: int
    part: str
    state: Literal["complete", "failed"]
    hits: NDArray[np.bool_] | None
    images: int
    started: str
    seconds: float
    message: str = ""

    @property
    def value(self) -> float:
        """Share of hits; nan when failed."""
        return float("nan") if self.hits is None else float(self.hits.mean())


def content_key(content: Any) -> str:
    """SHA-256 of JSON-ready content, the same in every process and on every machine.

    Examples
    --------
    >>> content_key({"a": 1, "b": [2.5]}) == content_key({"b": [2.5], "a": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def now() -> str:
    """Return the time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Storage:
    """One open file of studies; a context manager.

    Parameters
    ----------
    path : str or path-like
        The file, or ``":memory:"``.
    write : bool
        Whether to write, and to make the file when there is none; a reader never changes anything.

    Raises
    ------
    OSError
        The file, its folder or the right to them is missing (as FileNotFoundError, PermissionError, ...).
    ValueError
        The file is no database, one of another program, or one of a newer augmentlab.
    TypeError
        The path is none.
    """

    def __init__(self, path: str | os.PathLike[str], *, write: bool) -> None:
        self.path = _text(path)
        self.write = write
        with _explained(self.path):
            self._connection = _connect(self.path, write=write)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.path != MEMORY:
            self.close()

    def close(self) -> None:
        """Close the file; what was stored in memory is gone.

        The last writer leaves one plain file, which can be copied and read from a folder that nobody may write to.
        """
        if self.write and self.path != MEMORY:
            with contextlib.suppress(sqlite3.OperationalError):  # others are still at work
                self._connection.execute("PRAGMA busy_timeout = 0")
                self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()

    def save_study(self, key: str, name: str, spec: dict[str, Any]) -> None:
        """Store the description of a study, or note that it was opened again."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO study VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET opened = excluded.opened",
                (key, name, json.dumps(spec, sort_keys=True), now(), now()),
            )

    def studies(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Key, name and description of each study, the one opened last first."""
        rows = self._rows("SELECT key, name, spec FROM study ORDER BY opened DESC, rowid DESC")
        return [(key, name, json.loads(spec)) for key, name, spec in rows]

    def save_trial(self, trial: Trial) -> None:
        """Store one trial for good; a complete one is never replaced."""
        hits = None if trial.hits is None else np.packbits(trial.hits).tobytes()
        value = None if trial.hits is None else trial.value
        place = (trial.key, trial.arm, trial.draw, trial.part)
        result = (trial.state, value, hits, trial.images, trial.started, trial.seconds, trial.message)
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                "state = excluded.state, value = excluded.value, hits = excluded.hits, started = excluded.started, "
                "seconds = excluded.seconds, message = excluded.message WHERE trial.state = 'failed'",
                place + result,
            )

    def trials(self, keys: Iterable[str]) -> dict[str, Trial]:
        """Return those of the trials that are stored, by key."""
        wanted = json.dumps(list(keys))
        rows = self._rows(
            "SELECT key, arm, draw, part, state, hits, images, started, seconds, message FROM trial "
            "WHERE key IN (SELECT value FROM json_each(?))",
            (wanted,),
        )
        return {row[0]: _trial(row) for row in rows}

    def record(self, subject: str, kind: str, study: str, detail: str) -> int:
        """Record that a study did something to a subject, once; return how many times it had been done by then.

        Parameters
        ----------
        subject : str
            What it was done to: the key of a locked test.
        kind : str
            What was done: ``"opening"``.
        study : str
            Key of the study that did it.
        detail : str
            With what: the arm. The same study with the same detail counts once.
        """
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO event (subject, kind, study, detail, created) VALUES (?, ?, ?, ?, ?)",
                (subject, kind, study, detail, now()),
            )
        return 1 + [event[:2] for event in self.events(subject, kind)].index((study, detail))

    def events(self, subject: str, kind: str) -> list[tuple[str, str, str]]:
        """Study, detail and time of each event, in order."""
        return self._rows(
            "SELECT study, detail, created FROM event WHERE subject = ? AND kind = ? ORDER BY number", (subject, kind)
        )

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with _explained(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: a process that dies in between leaves the file as it was."""
        with _explained(self.path), _immediate(self._connection):
            yield self._connection


def check_path(path: str | os.PathLike[str]) -> None:
    """Raise now what `Storage` would raise when it opens a path for writing, without making a file."""
    text = _text(path)
    if text == MEMORY:
        return
    _check_place(Path(text))
    if Path(text).is_file():
        with _explained(text), contextlib.closing(_reader(text)) as connection:
            _check_ours(connection, text, write=True)


def is_blank(path: str | os.PathLike[str]) -> bool:
    """Whether there is nothing to read yet: no file, an empty one, or one whose writer was killed before its tables."""
    text = _text(path)
    if not Path(text).exists():
        return True
    with _explained(text), contextlib.closing(_reader(text)) as connection:
        return _is_blank(connection)


@contextlib.contextmanager
def _immediate(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:  # Ctrl-C as well
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _connect(path: str, *, write: bool) -> sqlite3.Connection:
    if path == MEMORY:
        connection = sqlite3.connect(MEMORY, isolation_level=None)
    elif write:
        _check_place(Path(path))
        connection = sqlite3.connect(path, isolation_level=None, timeout=_TIMEOUT)
    else:
        if not Path(path).exists():
            raise FileNotFoundError(f"storage must be an existing file of studies; there is none at {path!r}")
        connection = _reader(path)
    try:
        _prepare(connection, path, write=write)
    except BaseException:
        connection.close()
        raise
    return connection


def _reader(path: str) -> sqlite3.Connection:
    uri = f"{Path(path).resolve().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_TIMEOUT)


def _prepare(connection: sqlite3.Connection, path: str, *, write: bool) -> None:
    _check_ours(connection, path, write=write)
    if write:
        connection.execute("PRAGMA journal_mode = WAL")
        # Power loss may drop the last commits and corrupts nothing; a process that dies loses nothing.
        connection.execute("PRAGMA synchronous = NORMAL")
        with _immediate(connection):
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("PRAGMA foreign_keys = ON")


def _check_ours(connection: sqlite3.Connection, path: str, *, write: bool) -> None:
    # SQLite takes a file of a few bytes for an empty one. Its first bytes are not looked at here: opening and closing
    # a database beside SQLite drops the locks of this process.
    if path != MEMORY and 0 < Path(path).stat().st_size < _SMALLEST:
        raise ValueError(f"storage must be a file of augmentlab studies; {path!r}: file is not a database")
    empty = _is_blank(connection)
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if empty and not write:
        raise ValueError(f"storage must be a file of augmentlab studies; {path!r} is empty")
    if not empty and application != _APPLICATION:
        raise ValueError(f"storage must be a file of augmentlab studies; {path!r} is a database of another program")
    if version > SCHEMA_VERSION:
        raise ValueError(
            f"storage must have schema version {SCHEMA_VERSION} or less; {path!r} has {version}: update augmentlab"
        )


def _is_blank(connection: sqlite3.Connection) -> bool:
    # Tables first: another process may make them and mark the file just now.
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return not tables and not connection.execute("PRAGMA application_id").fetchone()[0]


def _text(path: str | os.PathLike[str]) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"storage must be a path, as str or os.PathLike; got {path!r:.80}")
    return str(path)


def _check_place(file: Path) -> None:
    if file.is_dir():
        raise IsADirectoryError(f"storage must be a file; {str(file)!r} is a folder")
    folder = file.absolute().parent
    if not folder.is_dir():
        kind = NotADirectoryError if folder.exists() else FileNotFoundError
        raise kind(f"storage must be a file in an existing folder; there is no folder {str(folder)!r}")
    # SQLite writes its journal beside the file.
    if not os.access(folder, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
        raise PermissionError(f"storage must be a file that can be written; {str(file)!r} cannot")


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Say in one sentence what SQLite says in half a one."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(f"storage {path!r} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise
        raise ValueError(f"storage must be a file of augmentlab studies; {path!r}: {error}") from error


def _trial(row: tuple[Any, ...]) -> Trial:
    key, arm, draw, part, state, packed, images, started, seconds, message = row
    hits = None
    if packed is not None:
        hits = np.unpackbits(np.frombuffer(packed, np.uint8), count=images).astype(bool)
    return Trial(
        key=key,
        arm=arm,
        draw=draw,
        part=part,
        state=state,
        hits=hits,
        images=images,
        started=started,
        seconds=seconds,
        message=message,
    )

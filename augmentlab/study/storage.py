"""A file of studies: SQLite, one transaction a trial, one writer, any number of readers.

A trial is keyed by the content of everything that decides its result, so what is in the file need not be computed
again, whichever study asks. Processes that run the same study claim a trial before they compute it, and a claim is a
lease that ends by itself: each trial is computed once, and those of a process that died are taken over.

The file is for a local disk. SQLite's locks do not hold on every network file system; there, the slower rollback
journal is used, which is safe for one process at a time, and a warning says so.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import os
import re
import socket
import sqlite3
import sys
import threading
import time
import uuid
import warnings
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np

from augmentlab.distributions import shown
from augmentlab.study import places
from augmentlab.study.places import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from numpy.typing import NDArray

MEMORY = ":memory:"
_Mode = Literal["ro", "rw", "rwc"]  # of SQLite's addresses
SCHEMA_VERSION = 2
_APPLICATION = 0x41554C42  # "AULB" in SQLite's header tells our files from other programs'
_LEAST = 4  # bytes that a row takes in a file, whatever it holds
_SMALLEST = 512  # bytes of SQLite's smallest page
_TIMEOUT = 30.0  # seconds to wait for another writer
LEASE = 60.0  # seconds for which a claim holds unless it is renewed
_RENEWAL = 15.0  # seconds between renewals
_LONGEST = 1e9  # seconds of a trial, 30 years: what is more was never measured
_AHEAD = LEASE  # seconds by which the clock of another machine may be ahead
_OWNER = re.compile(r".+:([0-9]{1,10}):[0-9a-f]{32}", re.DOTALL)  # machine, process, and what no other one draws
_MOST_BYTES = 2**28  # bytes of one value; a million keys are a quarter of it
# Until the tables of a file are known to be ours, what they compute is not for long: length of a value and of a
# description, and steps of SQLite's machine.
_UNKNOWN_BYTES = 10_000
_UNKNOWN_STEPS = 20_000
_STEPS = 100_000  # between two looks at whether Ctrl-C came
# File systems on which the shared memory of a write-ahead log does not work across machines.
_NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "fuse.sshfs",
    "lustre",
    "ceph",
    "fuse.ceph",
    "gpfs",
    "beegfs",
    "afs",
    "9p",
}

# The statements that lead from each version to the next; a new file goes through all of them.
_MIGRATIONS = (
    """
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
)
""",
    """
ALTER TABLE trial ADD COLUMN predictions BLOB;
ALTER TABLE trial ADD COLUMN scores BLOB;
ALTER TABLE trial ADD COLUMN loss REAL;
ALTER TABLE trial ADD COLUMN traceback TEXT;
CREATE TABLE claim (
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until REAL NOT NULL
);
CREATE TABLE artifact (
    study TEXT NOT NULL REFERENCES study (key),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (study, kind, name)
)
""",
)


_COLUMNS = (
    "key", "arm", "draw", "part", "state", "hits", "images", "started", "seconds", "message",
    "predictions", "scores", "value", "loss", "traceback",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO trial ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) "  # noqa: S608  (ours)  # nosec B608
    "ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[4:])
    + " WHERE trial.state = 'failed'"
)


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
    predictions : ndarray of int, or None
        The class that was predicted for each image; None when failed, or from a file of schema version 1.
    scores : ndarray of float32, or None
        What each image contributes to a metric that does not follow from the predictions, such as the log loss.
    value : float
        Of the study's metric; nan when failed.
    loss : float
        Mean log loss on what the model was trained on, where it was asked for; else nan.
    traceback : str
        Where the error of a failed trial was raised, as Python prints it; empty when a worker died.
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
    predictions: NDArray[np.integer] | None = None
    scores: NDArray[np.float32] | None = None
    value: float = float("nan")
    loss: float = float("nan")
    traceback: str = ""


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
        Whether to write, and to make the file when there is none; a reader never changes anything. The first writer of
        a newer augmentlab brings the tables of an older file up to date, all at once or not at all.
    durable : bool
        Whether each trial survives a power cut too (``synchronous=FULL``); else the last ones may be computed again.

    Raises
    ------
    OSError
        The file, its folder or the right to them is missing (as FileNotFoundError, PermissionError, ...).
    ValueError
        The file is no database, one of another program, or one of a newer augmentlab.
    TypeError
        The path is none.
    """

    def __init__(self, path: str | os.PathLike[str], *, write: bool, durable: bool = False) -> None:
        self.path = places.text(path)
        self._place = places.beside(self.path, "")  # also when the process goes to another folder
        self.write = write
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex}"
        # What is in memory is one connection, which a view and the thread of a run share.
        self._lock = threading.RLock()
        with _explained(self.path):
            self._connection = _connect(self.path, write=write, durable=durable)
        if self.path == MEMORY:  # it lives as long as a study
            weakref.finalize(self, self._connection.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.path != MEMORY:
            self.close()

    def close(self) -> None:
        """Close the file; what was stored in memory is gone.

        The last writer leaves one plain file, which can be copied and read from a folder that nobody may write to; while
        somebody still reads it, what SQLite keeps beside it stays and belongs to it.
        """
        if self.write and self.path != MEMORY:
            with contextlib.suppress(sqlite3.OperationalError):
                self._connection.execute("DELETE FROM claim WHERE owner = ?", (self.owner,))
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
        rows = self._rows("SELECT key, name, spec, opened, rowid FROM study")
        rows.sort(key=lambda row: (str(row[3]), row[4]), reverse=True)
        return [(key, name, self._parsed(spec)) for key, name, spec, *_ in rows]

    def _parsed(self, text: Any) -> Any:
        try:
            return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        except (RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"storage {quoted(self.path)} must hold studies as JSON; one is not: {error}") from None

    def save_trials(self, trials: Iterable[Trial]) -> None:
        """Store trials for good, all or none; a complete one is never replaced. Their claims end."""
        rows = [
            {
                "key": trial.key,
                "arm": trial.arm,
                "draw": trial.draw,
                "part": trial.part,
                "state": trial.state,
                "value": None if math.isnan(trial.value) else trial.value,
                "hits": None if trial.hits is None else np.packbits(trial.hits).tobytes(),
                "images": trial.images,
                "started": trial.started,
                "seconds": trial.seconds,
                "message": trial.message,
                "predictions": None if trial.predictions is None else trial.predictions.astype("<u2").tobytes(),
                "scores": None if trial.scores is None else trial.scores.astype("<f4").tobytes(),
                "loss": None if math.isnan(trial.loss) else trial.loss,
                "traceback": trial.traceback or None,
            }
            for trial in trials
        ]
        with self._transaction() as connection:
            connection.executemany(_INSERT, rows)
            connection.executemany("DELETE FROM claim WHERE key = ?", [(row["key"],) for row in rows])

    def trials(self, keys: Iterable[str]) -> dict[str, Trial]:
        """Return those of the trials that are stored, by key."""
        wanted = json.dumps(list(keys))
        rows = self._rows(
            f"SELECT {self._columns} FROM trial WHERE key IN (SELECT value FROM json_each(?))",  # noqa: S608  (ours)  # nosec B608
            (wanted,),
        )
        try:
            return {row[0]: _trial(row) for row in rows}
        except ValueError as error:
            raise ValueError(
                f"storage {quoted(self.path)} must hold trials as augmentlab writes them; {error}"
            ) from None

    def states(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the state of those of the trials that are stored, by key: a light look at a study at work."""
        wanted = json.dumps(list(keys))
        return dict(self._rows("SELECT key, state FROM trial WHERE key IN (SELECT value FROM json_each(?))", (wanted,)))

    @functools.cached_property
    def _columns(self) -> str:
        """Columns of a trial; a reader does not bring an older file up to date, and goes without the newer ones."""
        there = {row[1] for row in self._rows("PRAGMA table_info(trial)")}
        return ", ".join(name if name in there else f"NULL AS {name}" for name in _COLUMNS)

    def claim(self, key: str) -> bool:
        """Claim a trial for this process; False when another is at work on it or has completed it.

        A claim holds for `LEASE` seconds, `claims_kept` renews it, and that of a process of this machine that is gone
        holds no longer. What is no claim of an augmentlab, or of one whose clock is far ahead, never holds.
        """
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM trial WHERE key = ? AND state = 'complete'", (key,)).fetchone():
                return False
            held = connection.execute("SELECT owner, until FROM claim WHERE key = ?", (key,)).fetchone()
            if held and held[0] != self.owner and _holds(*held):
                return False
            connection.execute("INSERT OR REPLACE INTO claim VALUES (?, ?, ?)", (key, self.owner, time.time() + LEASE))
        return True

    @contextlib.contextmanager
    def claims_kept(self) -> Iterator[None]:
        """Renew this process's claims from time to time, and give up those that are left at the end."""
        if self.path == MEMORY:
            yield
            return
        done = threading.Event()

        def renew() -> None:
            with contextlib.closing(_opened(self.path, "rw")) as connection:
                connection.set_progress_handler(None, 0)  # the tables are known to be ours
                while not done.wait(_RENEWAL):
                    with contextlib.suppress(sqlite3.OperationalError):  # the next renewal is in time as well
                        connection.execute(
                            "UPDATE claim SET until = ? WHERE owner = ?", (time.time() + LEASE, self.owner)
                        )

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            with self._transaction() as connection:
                connection.execute("DELETE FROM claim WHERE owner = ?", (self.owner,))

    def save_artifact(self, study: str, kind: str, name: str, content: bytes) -> None:
        """Store a small file that belongs to a study, in place of one of the same kind and name."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO artifact VALUES (?, ?, ?, ?)", (study, kind, name, content))

    def artifacts(self, study: str, kind: str) -> dict[str, bytes]:
        """Content of a study's artifacts of one kind, by name; none in a file of schema version 1."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE name = 'artifact'"):
            return {}
        rows = self._rows("SELECT rowid, name, content FROM artifact WHERE study = ? AND kind = ?", (study, kind))
        found = {name: content for _, name, content in sorted(rows, key=itemgetter(0))}
        for name in found:
            if not isinstance(name, str):
                raise ValueError(
                    f"storage {quoted(self.path)} must hold files of a study as augmentlab writes them; "
                    f"the name of one is {shown(name)}"
                )
        return found

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
        rows = self._rows(
            "SELECT event.study, detail, event.created, study.key, number FROM event "
            "LEFT JOIN study ON study.key = event.study WHERE subject = ? AND kind = ?",
            (subject, kind),
        )
        rows.sort(key=itemgetter(4))
        for study, detail, created, known, _ in rows:
            for name, value, good in (
                ("study", study, known is not None and isinstance(study, str)),
                ("detail", detail, isinstance(detail, str)),
                ("created", created, _is_time(created)),
            ):
                if not good:
                    raise ValueError(
                        f"storage {quoted(self.path)} must hold events as augmentlab writes them; "
                        f"the {name} of one is {shown(value)}"
                    )
        return [row[:3] for row in rows]

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a query, which must not sort: SQLite would collect them all, out of sight.

        Pages of a crafted file may hold each other, so that there is no end of rows; no more are read than a file of
        its size can hold.
        """
        found, read, most = [], 0, 0.0
        with self._lock, _explained(self.path):
            for row in self._connection.execute(query, values):
                found.append(row)
                read += _LEAST + sum(len(value) for value in row if isinstance(value, (str, bytes)))
                if read > most and read > (most := self._most()):
                    raise ValueError(f"{_OURS}; {quoted(self.path)} says that it holds more than there is room for")
        return found

    def _most(self) -> float:
        """Bytes of all that a query can find."""
        if self.path == MEMORY:
            return math.inf
        held = 0
        for suffix in ("-wal", ""):  # in this order nothing is missed that is moved into the file meanwhile
            with contextlib.suppress(FileNotFoundError):
                held += Path(self._place + suffix).stat().st_size
        return 2 * held or math.inf  # a join names the study beside its event; what was removed while open still reads

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: a process that dies in between leaves the file as it was."""
        with self._lock, _explained(self.path), _immediate(self._connection):
            yield self._connection


def check_path(path: str | os.PathLike[str]) -> str:
    """Raise now what `Storage` would raise when it opens a path for writing, without making a file; return the path.

    What a process left half-written that was killed where there is no write-ahead log is undone.
    """
    text = places.text(path)
    if text != MEMORY:
        places.check(text)
        places.check_writable(text)
        if Path(text).exists():
            mode: _Mode = "rw" if Path(places.beside(text)).exists() else "ro"
            with _explained(text), contextlib.closing(_opened(text, mode)) as connection:
                _check_ours(connection, text, write=True)
    return text


def is_blank(path: str | os.PathLike[str]) -> bool:
    """Whether there is nothing to read yet: no file, an empty one, or one whose writer was killed before its tables."""
    text = places.text(path)
    places.check(text)
    if not Path(text).exists():
        return True
    with _explained(text), contextlib.closing(_opened(text, "ro")) as connection:
        return _found(connection, text).is_blank


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


def _connect(path: str, *, write: bool, durable: bool) -> sqlite3.Connection:
    if path == MEMORY:
        connection = sqlite3.connect(MEMORY, isolation_level=None, check_same_thread=False)
    elif write:
        places.check_writable(path)
        connection = _opened(path, "rwc")
    else:
        places.check(path)
        if not Path(path).exists():
            raise FileNotFoundError(f"storage must be an existing file of studies; there is none at {quoted(path)}")
        connection = _opened(path, "ro")
    try:
        _prepare(connection, path, write=write, durable=durable)
    except BaseException:
        connection.close()
        raise
    return connection


def _opened(path: str, mode: _Mode) -> sqlite3.Connection:
    """Open a file that anybody may have written."""
    places.check(path)
    uri = f"{Path(os.path.realpath(path)).as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_TIMEOUT)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _UNKNOWN_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1)  # we have none, and a long one takes for ever
    connection.set_progress_handler(lambda: True, _UNKNOWN_STEPS)
    return connection


def _prepare(connection: sqlite3.Connection, path: str, *, write: bool, durable: bool) -> None:
    _check_ours(connection, path, write=write)
    if not write:
        return
    network = "" if path == MEMORY else network_file_system(path)
    if network:
        warnings.warn(
            f"storage {quoted(path)} is on a network file system ({network}), where SQLite's locks may not hold: let one "
            "process at a time use it, or keep it on a local disk",
            UserWarning,
            stacklevel=5,
        )
    _keep_journal(connection, "DELETE" if network else "WAL")
    # With NORMAL, power loss may drop the last commits and corrupts nothing; a process that dies loses nothing.
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable or network else 'NORMAL'}")
    if connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
        with _immediate(connection):
            # Asked again: another process may have done it while this one waited.
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            for migration in _MIGRATIONS[version:]:
                for statement in migration.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("PRAGMA foreign_keys = ON")


def _keep_journal(connection: sqlite3.Connection, mode: str) -> None:
    """Change the kind of journal, as soon as nobody else is at work in the file, for which SQLite itself does not always wait."""
    last = time.monotonic() + _TIMEOUT
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if _code(error) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
            time.sleep(0.01)
        else:
            return


def network_file_system(path: str | os.PathLike[str]) -> str:
    """Return the kind of network file system that a path is on; empty on a local one, and where nobody says (not Linux)."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place = Path(path).resolve()
    best = ("", "")
    for line in mounts:
        _, point, kind, *_ = line.split(" ")
        point = point.replace("\\040", " ")  # how blanks are written there
        if place.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1] if best[1] in _NETWORK else ""


def _holds(owner: Any, until: Any) -> bool:
    """Whether what is in the table of claims is a claim that holds."""
    here = time.time()
    if not isinstance(until, float) or not here < until <= here + LEASE + _AHEAD:
        return False
    written = _OWNER.fullmatch(owner) if isinstance(owner, str) else None
    return written is not None and not _is_gone(owner, int(written[1]))


def _is_gone(owner: str, pid: int) -> bool:
    """Whether the process that claimed a trial is one of this machine, and is no more."""
    host, _, _ = owner.rsplit(":", 2)
    if host != socket.gethostname() or sys.platform == "win32":  # there, signal 0 is no question but an end
        return False
    try:
        os.kill(pid, 0)
    except (OverflowError, ProcessLookupError):
        return True
    except PermissionError:
        return False
    return False


class _Found(NamedTuple):
    """What a file says of itself: whose it is, and type, name, table and statement of all that was made in it."""

    application: int
    version: int
    made: frozenset[tuple[str, str, str, str]]

    @property
    def is_blank(self) -> bool:
        return not self.made and not self.application


# What SQLite makes for itself, for ANALYZE and for the AUTOINCREMENT of others.
_OF_SQLITE = {
    "CREATE TABLE sqlite_sequence(name,seq)",
    "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
}


def _found(connection: sqlite3.Connection, path: str) -> _Found:
    try:
        connection.execute("BEGIN")  # another process may make the tables and mark the file just now
        made = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        application, version = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if _code(error) not in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_TOOBIG):
            raise
        raise ValueError(f"{_AS_MADE}; {quoted(path)} describes more than these") from None
    described = {(str(kind), str(name), str(table), _plain(sql)) for kind, name, table, sql in made}
    return _Found(application, version, frozenset(one for one in described if one[3] not in _OF_SQLITE))


def _plain(statement: str | None) -> str:
    """A statement whatever its blanks; an index that a table needs has none."""
    return " ".join(str(statement or "").split())


@functools.cache
def _made(version: int) -> frozenset[tuple[str, str, str, str]]:
    """What is made in a file of a version."""
    with contextlib.closing(sqlite3.connect(MEMORY)) as connection:
        connection.executescript(";".join(_MIGRATIONS[:version]))
        return _found(connection, MEMORY).made


_OURS = "storage must be a file of augmentlab studies"
_AS_MADE = "storage must hold the tables of augmentlab as it makes them"


def _odd(found: _Found) -> tuple[str, str, str, str] | None:
    """What could compute, for ever or to other ends, when tables of ours are read or written; None in a file like ours.

    What another program keeps in the same file does nothing then, as long as it has nothing to do with ours, which it
    would have to name.
    """
    made = _made(found.version)
    ours = {table for _, _, table, _ in _made(SCHEMA_VERSION)}  # those that a writer adds to an older file as well
    names_ours = re.compile(rf"\b({'|'.join(ours)})\b", re.IGNORECASE)
    for one in sorted(found.made ^ made, key=lambda one: (not one[3], one)):  # indexes that tables need come last
        _, name, table, statement = one
        plain = re.match(r"CREATE (TABLE|(UNIQUE )?INDEX|TRIGGER) |$", statement)
        of_sqlite = statement and name.lower().startswith("sqlite_")
        if not plain or of_sqlite or {name, table} & ours or names_ours.search(statement):
            return one
    return None


def _check_ours(connection: sqlite3.Connection, path: str, *, write: bool) -> None:
    # SQLite takes a file of a few bytes for an empty one. Its first bytes are not looked at here: opening and closing
    # a database beside SQLite drops the locks of this process.
    if path != MEMORY and 0 < Path(path).stat().st_size < _SMALLEST:
        raise ValueError(f"{_OURS}; {quoted(path)}: file is not a database")
    found = _found(connection, path)
    if found.is_blank and not write:
        raise ValueError(f"{_OURS}; {quoted(path)} is empty")
    if not found.is_blank and found.application != _APPLICATION:
        raise ValueError(f"{_OURS}; {quoted(path)} is a database of another program")
    if not found.is_blank and found.version < 1:
        raise ValueError(f"{_OURS}; {quoted(path)} has schema version {found.version}")
    if found.version > SCHEMA_VERSION:
        raise ValueError(
            f"storage must have schema version {SCHEMA_VERSION} or less; {quoted(path)} has {found.version}: "
            "update augmentlab"
        )
    if odd := _odd(found):
        raise ValueError(f"{_AS_MADE}; {quoted(path)} differs in {odd[0]} {shown(odd[1])}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
    connection.set_progress_handler(lambda: None, _STEPS)  # Python looks at its signals when it is called


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Say in one sentence what SQLite says in half a one."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = _code(error)
        if code == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from error
        if code == sqlite3.SQLITE_READONLY_ROLLBACK:
            raise OSError(
                f"storage {quoted(path)} was left half-written by a process that was killed; running one of its studies "
                "again repairs it"
            ) from error
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(f"storage {quoted(path)} cannot be used: {error}") from error
        if code & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_TOOBIG):
            raise
        raise ValueError(f"{_OURS}; {quoted(path)}: {error}") from error


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))  # Python itself raises some, of text that is none


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _no_constant(shown(text).strip("'"))
    return value


def _is_time(value: Any) -> bool:
    """Whether it is what `now` writes, in years that pandas and the databases of trackers can count from."""
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    written = time.isoformat(timespec="milliseconds") == value and time.utcoffset() == timedelta(0)
    return written and 1970 <= time.year < 2200


# SQLite holds any kind of value in any column.
_KINDS: dict[str, type | tuple[type, ...]] = {
    "key": str, "arm": str, "draw": int, "part": str, "state": str, "images": int, "started": str, "seconds": (int, float),
    "message": str, "value": (int, float), "loss": (int, float), "traceback": str,
    "hits": bytes, "predictions": bytes, "scores": bytes,
}  # fmt: skip
_NULL = {"value", "loss", "traceback", "hits", "predictions", "scores"}


def _trial(row: tuple[Any, ...]) -> Trial:
    found = dict(zip(_COLUMNS, row, strict=True))
    for name, kind in _KINDS.items():
        if not isinstance(found[name], kind) and not (found[name] is None and name in _NULL):
            raise ValueError(f"the {name} of one is {shown(found[name])}")
    images = found["images"]
    for name, length in {"hits": (images + 7) // 8, "predictions": 2 * images, "scores": 4 * images}.items():
        if found[name] is not None and len(found[name]) != length:
            raise ValueError(f"the {name} of one are {len(found[name])} bytes for {images} images")
    if (found["state"] == "complete") != (found["hits"] is not None):
        raise ValueError(f"one is {found['state']} {'without' if found['hits'] is None else 'with'} hits")
    allowed = {
        "state": found["state"] in ("complete", "failed"),
        "value": math.isfinite(found["value"] or 0.0),
        "seconds": 0 <= found["seconds"] <= _LONGEST,
        "started": _is_time(found["started"]),
    }
    for name, good in allowed.items():
        if not good:
            raise ValueError(f"the {name} of one is {shown(found[name])}")
    if found["hits"] is not None:
        packed = np.frombuffer(found["hits"], np.uint8)
        found["hits"] = np.unpackbits(packed, count=images).astype(bool)
    for name, dtype in (("predictions", "<u2"), ("scores", "<f4")):
        if found[name] is not None:
            found[name] = np.frombuffer(found[name], dtype)
    for name in ("value", "loss"):
        found[name] = math.nan if found[name] is None else float(found[name])
    found["traceback"] = found["traceback"] or ""
    return Trial(**found)

"""Files of studies that somebody crafted, and those that a killed process left: nothing hangs, nothing else is touched."""

import contextlib
import itertools
import os
import socket
import sqlite3
import struct
import subprocess
import sys
import time
import uuid

import pytest
from hostile import posix

from augmentlab import Invert, Study, cli, data, models
from augmentlab.study import storage
from augmentlab.study.storage import LEASE, Storage


def study(path, **changes):
    options = {"draws": 2, "train_size": 20, "copies": 1, "trivial": False} | changes
    return Study(data.digits(), models.knn(), {"dark": Invert()}, storage=path, **options)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A finished study's file: its bytes."""
    path = tmp_path_factory.mktemp("good") / "study.db"
    study(path).run(n_jobs=1, progress=False)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, good):
    """A finished study's file."""
    path = tmp_path / "study.db"
    path.write_bytes(good)
    return path


def sentence_of(call, error=(OSError, ValueError)):
    with pytest.raises(error) as caught:
        call()
    said = str(caught.value)
    assert len(said) < 600
    assert said.isprintable()
    return said


# --- journals ------------------------------------------------------------------------------------------------------------

KILLED = """
import os, sys, warnings
from augmentlab.study import storage
warnings.simplefilter("ignore")
storage.network_file_system = lambda path: "nfs"
with storage.Storage(sys.argv[1], write=True) as store, store._transaction() as connection:
    connection.execute("INSERT INTO artifact SELECT key, 'x', 'y', zeroblob(6000000) FROM study")
    os._exit(9)
"""


@pytest.fixture
def killed(path, monkeypatch):
    """The file of a process that was killed while its rollback journal was hot."""
    monkeypatch.setattr(storage, "network_file_system", lambda _: "nfs")
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False).returncode == 9
    assert path.with_name("study.db-journal").stat().st_size
    return path


@pytest.mark.filterwarnings("ignore:storage .* is on a network file system")
def test_who_writes_repairs_what_a_killed_writer_left(killed, good):
    said = sentence_of(lambda: Study.open(killed), OSError)
    assert said == (
        f"storage '{killed}' was left half-written by a process that was killed; running one of its studies again repairs it"
    )
    one = study(killed)
    assert one.run(n_jobs=1, progress=False).n_complete == 4
    assert [file.name for file in killed.parent.iterdir()] == ["study.db"]
    assert Study.open(killed).n_complete == 4


@pytest.mark.filterwarnings("ignore:storage .* is on a network file system")
def test_a_study_that_was_made_before_another_process_was_killed_runs_again(path, monkeypatch):
    one = study(path)
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    monkeypatch.setattr(storage, "network_file_system", lambda _: "nfs")
    assert one.run(n_jobs=1, progress=False).n_complete == 4


def naming(path, victim):
    """A journal that has SQLite delete the victim, which it takes for the journal of a transaction over several files."""
    magic = bytes.fromhex("d9d505f920a163d7")
    name, whole = str(victim).encode(), path.read_bytes()
    (size,) = struct.unpack(">H", whole[16:18])
    head = (magic + struct.pack(">IIIII", 0, 1, len(whole) // size, 512, size)).ljust(512, b"\0")
    tail = struct.pack(">I", 0x40000000 // size + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    path.with_name(path.name + "-journal").write_bytes(head + tail)


OPENED = {
    "read": Study.open,
    "made": study,
    "written": lambda path: Storage(path, write=True),
    "blank": storage.is_blank,
}


@pytest.mark.parametrize("open_it", OPENED.values(), ids=OPENED)
def test_a_journal_that_names_another_file_is_refused_and_the_file_stays(path, good, open_it):
    victim = path.with_name("thesis.tex")
    victim.write_text("precious")
    naming(path, victim)
    said = sentence_of(lambda: open_it(path), ValueError)
    assert (
        said == f"storage must have a journal of its own alone; '{os.path.realpath(path)}-journal' names another file"
    )
    assert victim.read_text() == "precious"
    assert path.read_bytes() == good


@pytest.mark.parametrize("tail", [b"", b"\0" * 8, bytes.fromhex("d9d505f920a163d7")])
def test_the_tail_of_a_plain_journal_names_nothing(path, tail):
    path.with_name("study.db-journal").write_bytes(tail)
    assert study(path).n_complete == 4


# --- what is no file -----------------------------------------------------------------------------------------------------

ODD = {
    "a pipe": os.mkfifo if hasattr(os, "mkfifo") else None,
    "a folder": lambda place: place.mkdir(),
    "a link": lambda place: place.symlink_to(place.with_name("elsewhere")),
    "a socket": lambda place: listening(place.name),
}


def listening(name):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(name)


@posix
@pytest.mark.parametrize("open_it", OPENED.values(), ids=OPENED)
@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_what_stands_beside_a_study_must_be_a_file(path, monkeypatch, make, suffix, open_it):
    monkeypatch.chdir(path.parent)
    beside = path.with_name(path.name + suffix)
    make(beside)
    said = sentence_of(lambda: open_it(path), OSError)
    assert (
        said == f"storage must have nothing but files of SQLite beside it; '{os.path.realpath(path)}{suffix}' is none"
    )


@posix
@pytest.mark.parametrize("open_it", OPENED.values(), ids=OPENED)
@pytest.mark.parametrize("make", [os.mkfifo, lambda place: place.symlink_to(os.devnull)], ids=["a pipe", "a device"])
def test_a_study_is_no_pipe_and_no_device(tmp_path, make, open_it):
    path = tmp_path / "study.db"
    make(path)
    said = sentence_of(lambda: open_it(path), OSError)
    assert said == f"storage must be a file; '{path}' is a device, a pipe or a socket"


# --- tables that are not ours --------------------------------------------------------------------------------------------

NOISE = "instr(zeroblob(60000000), zeroblob(30000000) || zeroblob(1) || 1)"  # minutes to hours in one call that nothing interrupts


def renamed(name, columns, kept, ending=""):
    """A table made anew with other columns, and with its rows."""
    return (
        f"CREATE TABLE other ({columns}) {ending}",
        f"INSERT INTO other ({kept}) SELECT {kept} FROM {name}",
        f"DROP TABLE {name}",
        f"ALTER TABLE other RENAME TO {name}",
    )


def written(name, sql):
    """A description that SQLite reads and would not have written."""
    return ("PRAGMA writable_schema = ON", f"UPDATE sqlite_master SET sql = '{sql}' WHERE name = '{name}'")


STUDY = "key TEXT PRIMARY KEY, spec TEXT, created TEXT, opened TEXT"
TABLES = {
    "a column that computes": renamed(
        "study", f"{STUDY}, name TEXT GENERATED ALWAYS AS ('a') VIRTUAL", "key, spec, created, opened"
    ),
    "a column that computed": renamed(
        "study", f"{STUDY}, name TEXT GENERATED ALWAYS AS ('a') STORED", "key, spec, created, opened"
    ),
    "a check": renamed("study", f"{STUDY}, name TEXT CHECK (length(name) < 99)", "key, name, spec, created, opened"),
    "a default": renamed("study", f"{STUDY}, name TEXT DEFAULT (random())", "key, name, spec, created, opened"),
    "an index that computes": ("CREATE INDEX i ON trial (length(arm))",),
    "an index": ("CREATE INDEX i ON trial (arm)",),
    "a table that hangs on ours": ("CREATE TABLE trials (x REFERENCES study (key) ON DELETE CASCADE)",),
    "a view": ("CREATE VIEW v AS SELECT 1",),
    "another's trigger that writes into ours": (
        "CREATE TABLE trials (x)",
        "CREATE TRIGGER t AFTER INSERT ON trials BEGIN DELETE FROM trial; END",
    ),
    "a virtual table": ("CREATE VIRTUAL TABLE v USING fts5 (x)",),
    "no rowid": renamed("study", f"{STUDY}, name TEXT", "key, name, spec, created, opened", "WITHOUT ROWID"),
    "statistics that compute": (
        "ANALYZE",
        *written("sqlite_stat1", f"CREATE TABLE sqlite_stat1(tbl,idx,stat AS ({NOISE}))"),
    ),
    "tables by the thousand": tuple(f"CREATE TABLE x{number} (x)" for number in range(5000)),
    "a description without end": written("study", "CREATE TABLE study (key" + " " * 10**6 + ")"),
}


@pytest.mark.parametrize("statements", TABLES.values(), ids=TABLES)
def test_tables_that_are_not_ours_are_refused_at_once(path, statements):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
    before, begun = path.read_bytes(), time.monotonic()
    for open_it in (OPENED["read"], OPENED["made"], OPENED["written"]):
        said = sentence_of(lambda open_it=open_it: open_it(path), ValueError)
        assert said.startswith(f"storage must hold the tables of augmentlab as it makes them; '{path}' ")
    assert time.monotonic() - begun < 20
    assert path.read_bytes() == before


def test_what_differs_is_named(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE INDEX quick ON trial (arm)")
    assert sentence_of(lambda: Study.open(path)).endswith("differs in index 'quick'")


def test_a_file_that_sqlite_tidied_up_and_others_wrote_into_is_still_ours(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE trials (number INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE)")
        connection.execute("CREATE INDEX quick ON trials (x, number)")
        connection.execute("CREATE TRIGGER busy AFTER INSERT ON trials BEGIN SELECT 1; END")
        connection.execute("ANALYZE")
        connection.execute("VACUUM")
    assert Study.open(path).n_complete == 4
    assert study(path).run(n_jobs=1, progress=False).n_complete == 4


def test_nothing_in_a_file_is_longer_than_what_augmentlab_writes(path):
    with Storage(path, write=True) as store:
        key = store.studies()[0][0]
        store.save_artifact(key, "sample", "large", bytes(10**7))
        assert len(store.artifacts(key, "sample")["large"]) == 10**7
        said = sentence_of(lambda: store.save_artifact(key, "sample", "x", bytes(storage._MOST_BYTES + 1)), ValueError)
    assert "string or blob too big" in said


OURS = "storage must be a file of augmentlab studies"


def endless(path, table, *, levels=10):
    """Put pages above a table's rows, each of which has the next one as each of its children."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    last = len(content) // size
    rows = content[(root - 1) * size : root * size]
    numbers = [root, *range(last + 1, last + levels + 1)]
    count = 400
    for number, child in itertools.pairwise(numbers):
        start = size - 5 * count
        page = struct.pack(">BHHHBI", 0x05, 0, count, start, 0, child)
        page += b"".join(struct.pack(">H", start + 5 * place) for place in range(count))
        page = page.ljust(start, b"\0") + struct.pack(">IB", child, 1) * count
        content[(number - 1) * size : number * size] = page
    content += rows
    content[28:32] = struct.pack(">I", len(content) // size)
    path.write_bytes(content)


@pytest.mark.parametrize("table", ["study", "trial"])
def test_rows_without_end_are_refused(path, table):
    endless(path, table)
    with Storage(path, write=False) as store:
        said = sentence_of(lambda: store._rows(f"SELECT * FROM {table}"), ValueError)
    assert said == f"{OURS}; '{path}' says that it holds more than there is room for"
    if table == "study":
        assert sentence_of(lambda: Study.open(path), ValueError) == said


def test_an_open_file_is_read_wherever_it_went(path, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(path.parent)
    with Storage(path.name, write=False) as store:
        monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
        found = store.studies()
        assert len(found) == 1
        path.unlink()
        assert store.studies() == found


def test_an_older_file_with_tables_of_our_newer_names_is_refused_and_stays(tmp_path):
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(storage._MIGRATIONS[0])
        connection.execute(f"PRAGMA application_id = {storage._APPLICATION}")
        connection.execute("PRAGMA user_version = 1")
    with Storage(path, write=False) as store:
        assert store.studies() == []
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE claim (x)")
    before = path.read_bytes()
    for write in (True, False):
        said = sentence_of(lambda write=write: Storage(path, write=write), ValueError)
        assert said.endswith("differs in table 'claim'")
    assert path.read_bytes() == before


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"


@posix
@pytest.mark.parametrize("write", [True, False])
def test_ctrl_c_ends_whatever_sqlite_is_at(path, write):
    code = (
        "import signal, sys\n"
        "from augmentlab.study.storage import Storage\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        f"with Storage(sys.argv[1], write={write}) as store:\n"
        "    try:\n"
        f"        store._rows({ENDLESS!r})\n"
        "    except KeyboardInterrupt:\n"
        "        print(len(store.studies()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "1\n"


# --- claims --------------------------------------------------------------------------------------------------------------

HERE, ID = socket.gethostname(), uuid.uuid4().hex
SOON = LEASE / 2
CLAIMS = {
    "no owner": ("x", SOON, False),
    "a number": (5, SOON, False),
    "bytes": (b"\0", SOON, False),
    "words for an owner": ("x:y:z", SOON, False),
    "a process of no number": (f"{HERE}:abc:{ID}", SOON, False),
    "a process of a huge number": (f"{HERE}:99999999999999999999:{ID}", SOON, False),
    "a process of too large a number": (f"{HERE}:9999999999:{ID}", SOON, False),
    "an endless number": (f"{HERE}:{'9' * 5000}:{ID}", SOON, False),
    "a time that is none": (f"elsewhere:1:{ID}", "soon", False),
    "a time of bytes": (f"elsewhere:1:{ID}", b"soon", False),
    "an infinite time": (f"elsewhere:1:{ID}", float("inf"), False),
    "a time far ahead": (f"elsewhere:1:{ID}", 9e12, False),
    "a clock that is an hour ahead": (f"elsewhere:1:{ID}", 3600 + SOON, False),
    "a time that is over": (f"elsewhere:1:{ID}", -1, False),
    "a clock that is a little ahead": (f"elsewhere:1:{ID}", LEASE + 5, True),
    "another machine": (f"elsewhere:1:{ID}", SOON, True),
    "a machine with colons": (f"fe80::1:1:{ID}", SOON, True),
    "this machine": (f"{HERE}:{os.getpid()}:{ID}", SOON, True),
}  # fmt: skip


@pytest.mark.parametrize(("owner", "until", "holds"), CLAIMS.values(), ids=CLAIMS)
def test_a_claim_holds_only_as_augmentlab_makes_it(tmp_path, owner, until, holds):
    moment = until + time.time() if isinstance(until, (int, float)) else until
    with Storage(tmp_path / "study.db", write=True) as store:
        with store._transaction() as connection:
            connection.execute("INSERT INTO claim VALUES ('k', ?, ?)", (owner, moment))
        assert store.claim("k") is not holds


# --- names ---------------------------------------------------------------------------------------------------------------


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    study("~/study.db").run(n_jobs=1, progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["study.db"]
    one = Study.open("~/study.db")
    assert one.n_complete == 4
    assert not storage.is_blank("~/study.db")
    with Storage("~/study.db", write=False) as store:
        assert store.path == str(tmp_path / "study.db")


def test_a_long_name_is_shortened(path, capsys):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (spec,) = connection.execute("SELECT spec FROM study").fetchone()
        connection.execute("UPDATE study SET spec = ?", (spec.replace('"digits"', f'"{"d" * 10**6}"', 1),))
        connection.commit()
    assert Study.open(path).name == "d" * 10**6
    said = sentence_of(lambda: Study.open(path, "e" * 5000), ValueError)
    assert "a study named 'eee" in said
    assert "it holds 'ddd" in said
    assert cli.main(["show", str(path), "--name", "e" * 5000]) == 1
    assert len(capsys.readouterr().err) < 600


@pytest.mark.parametrize("place", ["a" * 5000, "a/" * 2500, "a" * 300], ids=["a name", "a path", "a shorter name"])
@pytest.mark.parametrize("open_it", OPENED.values(), ids=OPENED)
def test_a_path_that_is_too_long_is_shortened(place, open_it):
    if open_it is storage.is_blank:
        place = f"{place}/study.db"
    said = sentence_of(lambda: open_it(place), OSError)
    assert said.startswith("storage must be the path of a file; 'a")
    assert "File name too long" in said

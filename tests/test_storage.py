import contextlib
import dataclasses
import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from augmentlab.study import storage
from augmentlab.study.storage import MEMORY, Storage, Trial, content_key


def trial(key="k", *, state="complete", bits=(1, 0, 1, 1, 0, 0, 1, 0, 1, 1), message="", draw=0):
    hits = np.array(bits, dtype=bool) if state == "complete" else None
    return Trial(
        key=key, arm="Invert()", draw=draw, part="validation", state=state, hits=hits, images=10,
        started="2025-01-01T00:00:00.000+00:00", seconds=0.25, message=message,
        value=float("nan") if hits is None else float(hits.mean()),
    )  # fmt: skip


def test_a_trial_comes_back_as_it_was(tmp_path):
    path = tmp_path / "study.db"
    with Storage(path, write=True) as store:
        store.save_trials([trial()])
        store.save_trials([trial("other", state="failed", message="ValueError: no")])
    with Storage(path, write=False) as store:
        found = store.trials(["k", "other", "missing"])
    assert set(found) == {"k", "other"}
    np.testing.assert_array_equal(found["k"].hits, trial().hits)
    assert found["k"].value == pytest.approx(0.6)
    assert repr(found["k"]) == repr(trial())
    assert found["other"].hits is None
    assert np.isnan(found["other"].value)
    assert found["other"].message == "ValueError: no"


def test_predictions_scores_and_loss_come_back(tmp_path):
    full = dataclasses.replace(
        trial(),
        predictions=np.array([3, 0, 65535] * 3 + [1]),
        scores=np.linspace(-2.5, 0, 10, dtype=np.float32),
        loss=0.25,
    )
    with Storage(tmp_path / "study.db", write=True) as store:
        store.save_trials([full])
        found = store.trials(["k"])["k"]
    np.testing.assert_array_equal(found.predictions, full.predictions)
    np.testing.assert_array_equal(found.scores, full.scores)
    assert found.loss == 0.25


def test_trials_of_one_run_are_stored_together_or_not_at_all(tmp_path):
    with Storage(tmp_path / "study.db", write=True) as store:
        with pytest.raises(sqlite3.IntegrityError):
            store.save_trials([trial("a"), trial("b", state="lost")])
        assert store.states(["a", "b"]) == {}
        store.save_trials([trial("a"), trial("b", state="failed")])
        assert store.states(["a", "b", "c"]) == {"a": "complete", "b": "failed"}


def as_of_version_1(path):
    """A file as augmentlab wrote it before version 2 of the schema."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(storage._MIGRATIONS[0])
        connection.execute(f"PRAGMA application_id = {storage._APPLICATION}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute(
            "INSERT INTO trial VALUES ('k', 'Invert()', 0, 'validation', 'complete', 0.6, ?, 10, '2025-01-01T00:00:00.000+00:00', 0.25, '')",
            (bytes([0b10110010, 0b11000000]),),
        )
        connection.commit()


def test_an_older_file_is_read_as_it_is_and_brought_up_to_date_by_a_writer(tmp_path):
    path = tmp_path / "study.db"
    as_of_version_1(path)
    before = path.read_bytes()
    with Storage(path, write=False) as store:
        assert store.trials(["k"])["k"].predictions is None
        assert store.artifacts("s", "sample") == {}
    assert path.read_bytes() == before
    for _ in range(2):
        with Storage(path, write=True) as store:
            assert store.trials(["k"])["k"].hits.sum() == 6
            store.save_study("s", "name", {})
            store.save_artifact("s", "sample", "0", b"png")
            assert store.artifacts("s", "sample") == {"0": b"png"}
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (storage.SCHEMA_VERSION,)


def test_a_failing_migration_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "study.db"
    as_of_version_1(path)
    monkeypatch.setattr(
        storage, "_MIGRATIONS", (*storage._MIGRATIONS[:1], storage._MIGRATIONS[1] + "; CREATE NONSENSE")
    )
    with pytest.raises(OSError, match="cannot be used"):
        Storage(path, write=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'claim'").fetchall()


def test_a_trial_is_claimed_by_one_process_at_a_time(tmp_path, monkeypatch):
    path = tmp_path / "study.db"
    with Storage(path, write=True) as one, Storage(path, write=True) as other:
        assert one.claim("k")
        assert one.claim("k")
        assert not other.claim("k")
        assert other.claim("another")
        one.save_trials([trial(state="failed")])  # a failed one may be tried again, by anybody
        assert other.claim("k")
        other.save_trials([trial()])
        assert not one.claim("k")
        assert not one.claim("another")
        with other.claims_kept():
            pass
        assert one.claim("another")
        clock = time.time()
        monkeypatch.setattr(storage.time, "time", lambda: clock + storage.LEASE + 1)
        assert other.claim("another")


def test_the_claim_of_a_process_that_is_gone_holds_no_longer(tmp_path):
    path = tmp_path / "study.db"
    code = "import os, sys; from augmentlab.study.storage import Storage; Storage(sys.argv[1], write=True).claim('k'); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    with Storage(path, write=True) as store:
        assert store._rows("SELECT key FROM claim") == [("k",)]
        assert store.claim("k")


@pytest.mark.parametrize("others", [0, 20_000])
def test_claims_are_renewed_while_work_goes_on(tmp_path, monkeypatch, others):
    monkeypatch.setattr(storage, "_RENEWAL", 0.01)
    path = tmp_path / "study.db"
    with Storage(path, write=True) as store, store.claims_kept():
        with store._transaction() as connection:
            connection.executemany("INSERT INTO claim VALUES (?, 'gone', 0.0)", ((f"{n}",) for n in range(others)))
        store.claim("k")
        first = store._rows("SELECT until FROM claim WHERE key = 'k'")
        deadline = time.monotonic() + 20
        while store._rows("SELECT until FROM claim WHERE key = 'k'") == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_durable_writes_through_to_the_disk(tmp_path):
    for durable, level in ((False, 1), (True, 2)):
        with Storage(tmp_path / "study.db", write=True, durable=durable) as store:
            assert store._rows("PRAGMA synchronous") == [(level,)]


def test_on_a_network_file_system_the_rollback_journal_is_used_and_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "network_file_system", lambda _: "nfs4")
    with pytest.warns(UserWarning, match=r"is on a network file system \(nfs4\), where SQLite's locks may not hold"):
        store = Storage(tmp_path / "study.db", write=True)
    with store:
        assert store._rows("PRAGMA journal_mode") == [("delete",)]
        store.save_trials([trial()])


def test_the_file_system_is_that_of_the_nearest_mount(tmp_path, monkeypatch):
    mounts = (
        "/dev/sda1 / ext4 rw 0 0\nserver:/x /data/my\\040share nfs4 rw 0 0\ntmpfs /data/my\\040share/tmp tmpfs rw 0 0\n"
    )
    monkeypatch.setattr(storage.Path, "read_text", lambda *_, **__: mounts)
    assert storage.network_file_system("/data/my share/study.db") == "nfs4"
    assert storage.network_file_system("/data/my share/tmp/study.db") == ""
    assert storage.network_file_system("/data/other/study.db") == ""


def test_hits_are_stored_as_bits(tmp_path):
    path = tmp_path / "study.db"
    with Storage(path, write=True) as store:
        store.save_trials([trial()])
    with sqlite3.connect(path) as connection:
        blob, images, value = connection.execute("SELECT hits, images, value FROM trial").fetchone()
    connection.close()
    assert blob == bytes([0b10110010, 0b11000000])
    assert images == 10
    assert value == pytest.approx(0.6)


def test_a_complete_trial_is_never_replaced_and_a_failed_one_is():
    store = Storage(MEMORY, write=True)
    store.save_trials([trial(state="failed", message="first")])
    store.save_trials([trial(state="failed", message="second")])
    assert store.trials(["k"])["k"].message == "second"
    store.save_trials([trial()])
    assert store.trials(["k"])["k"].state == "complete"
    store.save_trials([trial(bits=[0] * 10)])
    store.save_trials([trial(state="failed", message="late")])
    assert store.trials(["k"])["k"].value == pytest.approx(0.6)
    store.close()


def test_many_keys_are_found_at_once():
    store = Storage(MEMORY, write=True)
    keys = [f"key{index}" for index in range(3000)]
    for key in keys[::1000]:
        store.save_trials([trial(key)])
    assert set(store.trials(keys)) == set(keys[::1000])
    assert store.trials([]) == {}
    store.close()


def test_several_studies_share_a_file_and_the_last_opened_comes_first(tmp_path, monkeypatch):
    times = iter(f"2025-01-0{day}" for day in range(1, 9))
    monkeypatch.setattr(storage, "now", lambda: next(times))
    with Storage(tmp_path / "study.db", write=True) as store:
        store.save_study("a", "first", {"rope": 0.5})
        store.save_study("b", "second", {"rope": 1.0})
        assert store.studies() == [("b", "second", {"rope": 1.0}), ("a", "first", {"rope": 0.5})]
        store.save_study("a", "first", {"rope": 0.5})
        assert [key for key, _, _ in store.studies()] == ["a", "b"]


def test_events_are_counted_once_each():
    store = Storage(MEMORY, write=True)
    store.save_study("s", "name", {})
    assert store.record("test part", "opening", "s", "arm 1") == 1
    assert store.record("test part", "opening", "s", "arm 1") == 1
    assert store.record("test part", "opening", "s", "arm 2") == 2
    assert store.record("test part", "opening", "s", "arm 1") == 1
    assert store.record("another part", "opening", "s", "arm 1") == 1
    assert [row[:2] for row in store.events("test part", "opening")] == [("s", "arm 1"), ("s", "arm 2")]
    with pytest.raises(sqlite3.IntegrityError):
        store.record("test part", "opening", "unknown study", "arm 1")
    store.close()


def journal_mode(path):
    connection = sqlite3.connect(path)
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    connection.close()
    return mode


def test_files_are_marked(tmp_path):
    path = tmp_path / "study.db"
    Storage(path, write=True).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (storage.SCHEMA_VERSION,)
    assert connection.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"AULB", "big"),)
    connection.close()


def test_a_write_ahead_log_is_used_at_work_and_one_plain_file_is_left(tmp_path):
    path = tmp_path / "study.db"
    with Storage(path, write=True) as other:
        with Storage(path, write=True) as store:
            store.save_trials([trial()])
            assert journal_mode(path) == "wal"
        other.save_trials([trial("other")])
        assert journal_mode(path) == "wal"
    assert journal_mode(path) == "delete"
    assert [file.name for file in tmp_path.iterdir()] == ["study.db"]
    with Storage(path, write=False) as store:
        assert set(store.trials(["k", "other"])) == {"k", "other"}


def test_a_reader_sees_the_writer_at_work_and_cannot_write(tmp_path):
    path = tmp_path / "study.db"
    with Storage(path, write=True) as writer, Storage(path, write=False) as reader:
        assert reader.trials(["k"]) == {}
        writer.save_trials([trial()])
        assert set(reader.trials(["k"])) == {"k"}
        with pytest.raises(OSError, match="cannot be used: attempt to write a readonly database"):
            reader.save_trials([trial("x")])


def test_a_failing_transaction_leaves_nothing(tmp_path):
    with Storage(tmp_path / "study.db", write=True) as store:
        with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"), store._transaction() as connection:
            connection.executemany("INSERT INTO study VALUES (?, ?, '{}', '', '')", [("a", "n"), ("b", None)])
        assert store.studies() == []
        store.save_study("a", "n", {})


@pytest.mark.parametrize("open_it", [lambda path: Storage(path, write=True), storage.check_path])
def test_bad_places_get_one_sentence_and_no_file(tmp_path, open_it):
    with pytest.raises(FileNotFoundError, match="storage must be a file in an existing folder; there is no folder"):
        open_it(tmp_path / "no" / "study.db")
    with pytest.raises(IsADirectoryError, match=r"storage must be a file; .* is a folder"):
        open_it(tmp_path)
    (tmp_path / "text").write_text("not a database, but longer than the header of one " * 4)
    with pytest.raises(NotADirectoryError, match="storage must be a file in an existing folder"):
        open_it(tmp_path / "text" / "study.db")
    with pytest.raises(ValueError, match=r"storage must be a file of augmentlab studies; .*text': file is not a data"):
        open_it(tmp_path / "text")
    assert [file.name for file in tmp_path.iterdir()] == ["text"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=r"storage must be a file that can be written; .*study.db' cannot"):
            Storage(tmp_path / "study.db", write=True)
    finally:
        tmp_path.chmod(0o700)


def test_a_place_that_the_system_calls_unwritable(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match=r"storage must be a file that can be written; .*study.db' cannot"):
        storage.check_path(tmp_path / "study.db")


@pytest.mark.parametrize("open_it", [lambda path: Storage(path, write=True), storage.check_path])
def test_databases_of_others_are_left_alone(tmp_path, open_it):
    path = tmp_path / "mail.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE study (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"storage must be a file of augmentlab studies; .* of another program"):
        open_it(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("write", [True, False])
def test_a_newer_schema_is_refused(tmp_path, write):
    path = tmp_path / "study.db"
    Storage(path, write=True).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    with pytest.raises(
        ValueError, match=rf"must have schema version {storage.SCHEMA_VERSION} or less; .* has 99: update augmentlab"
    ):
        Storage(path, write=write)


def test_a_reader_needs_a_file_and_makes_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="storage must be an existing file of studies; there is none at"):
        Storage(tmp_path / "study.db", write=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "study.db").touch()
    with pytest.raises(ValueError, match=r"storage must be a file of augmentlab studies; .*study.db' is empty"):
        Storage(tmp_path / "study.db", write=False)


def test_an_empty_file_becomes_a_storage(tmp_path):
    path = tmp_path / "study.db"
    path.touch()
    storage.check_path(path)
    assert path.stat().st_size == 0
    with Storage(path, write=True) as store:
        assert store.studies() == []


def test_a_database_without_tables_becomes_a_storage(tmp_path):
    path = tmp_path / "study.db"
    assert storage.is_blank(path)
    # What a process leaves that is killed before it has made the tables.
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert path.stat().st_size > 0
    assert storage.is_blank(path)
    storage.check_path(path)
    with pytest.raises(ValueError, match=r"storage must be a file of augmentlab studies; .*study.db' is empty"):
        Storage(path, write=False)
    with Storage(path, write=True) as store:
        assert store.studies() == []
    assert not storage.is_blank(path)


@pytest.mark.parametrize("open_it", [lambda path: Storage(path, write=True), storage.check_path])
@pytest.mark.parametrize("text", ["a", "SQLite", "some words"])
def test_a_short_file_that_is_no_database_is_left_alone(tmp_path, open_it, text):
    path = tmp_path / "note"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"storage must be a file of augmentlab studies; .*note': file is not a data"):
        open_it(path)
    assert path.read_text() == text


@pytest.mark.parametrize("path", [5, None, b"study.db"])
def test_a_path_is_text(path):
    for open_it in (lambda path: Storage(path, write=True), storage.check_path):
        with pytest.raises(
            TypeError, match=r"storage must be a path, as str or os.PathLike; got (5|None|b'study.db')$"
        ):
            open_it(path)


def test_content_keys_are_the_same_in_another_process():
    content = {"b": [1, 2.5, "ü", None], "a": {"nested": True}}
    code = f"import json; from augmentlab.study.storage import content_key; print(content_key({content!r}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == content_key(json.loads(json.dumps(content)))
    assert content_key({"a": 1}) != content_key({"a": 1.5})


def test_a_writer_killed_at_work_loses_nothing(tmp_path):
    path = tmp_path / "study.db"
    code = (
        "import sys, numpy as np\n"
        "from augmentlab.study.storage import Storage, Trial, now\n"
        "with Storage(sys.argv[1], write=True) as store:\n"
        "    for number in range(10**9):\n"
        "        store.save_trials([Trial(key=str(number), arm='a', draw=number, part='validation', state='complete',\n"
        "            hits=np.arange(10) < number % 10, images=10, started=now(), seconds=0.0)])\n"
        "        print(number, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if int(line) >= 200:
            break
    process.send_signal(signal.SIGKILL)
    reported = [200, *(int(line) for line in process.stdout.read().split() if line)][-1]
    process.wait()
    process.stdout.close()
    with Storage(path, write=True) as store:
        found = store.trials(str(number) for number in range(reported + 2))
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert {str(number) for number in range(reported + 1)} <= set(found)
    assert all(one.hits.sum() == int(key) % 10 for key, one in found.items())


def test_two_writers_wait_for_each_other(tmp_path):
    path = tmp_path / "study.db"
    code = (
        "import sys, numpy as np\n"
        "from augmentlab.study.storage import Storage, Trial, now\n"
        "with Storage(sys.argv[1], write=True) as store:\n"
        "    for number in range(100):\n"
        "        store.save_trials([Trial(key=str(number), arm=sys.argv[2], draw=number, part='validation',\n"
        "            state='complete', hits=np.ones(3, bool), images=3, started=now(), seconds=0.0)])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    with Storage(path, write=False) as store:
        assert len(store.trials(str(number) for number in range(100))) == 100


def test_the_first_two_writers_wait_for_each_other(tmp_path):
    """Of a new file, or one that was put away, the journal is changed first, for which SQLite does not wait."""
    path = tmp_path / "study.db"
    with Storage(path, write=True) as store:
        store.save_trials([trial()])

    def write():
        with Storage(path, write=True) as store:
            store.save_trials([trial("other")])

    with (
        ThreadPoolExecutor(1) as pool,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as first,
    ):
        first.execute("BEGIN IMMEDIATE")
        first.execute("DELETE FROM trial")
        second = pool.submit(write)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.3)
        first.execute("COMMIT")
        second.result(timeout=60)
    with Storage(path, write=False) as store:
        assert set(store.trials(["k", "other"])) == {"other"}


def test_what_is_in_memory_is_closed_with_what_holds_it():
    store = Storage(":memory:", write=True)
    connection = store._connection
    del store  # Python 3.13 warns of a connection that nobody closed
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")

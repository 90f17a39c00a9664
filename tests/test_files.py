"""Files are whole or not there."""

import os
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from augmentlab import files


def test_write_leaves_the_old_file_when_it_fails(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")

    def fail(path):
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write(target, fail)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_where_nothing_can_be_written_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="path must lie in a folder that is there"):
        files.write(tmp_path / "none" / "a.png", lambda part: part.write_text("a"))
    with pytest.raises(IsADirectoryError, match="path must be that of a file"):
        files.write(tmp_path, lambda part: part.write_text("a"))


def test_a_database_is_never_replaced(tmp_path):
    path = tmp_path / "study.html"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"path must not be that of a database, such as a file of studies; .* is one"):
        files.write(path, lambda part: part.write_text("x"))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["study.html"]


def test_a_temporary_folder_goes_at_the_end_and_those_of_the_dead_before(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    with files.temporary_folder() as mine:
        left, young, theirs, bare = (tmp_path / f"augmentlab-{digit * 32}" for digit in "0123")
        foreign, link = tmp_path / "augmentlab-demo", tmp_path / f"augmentlab-{'4' * 32}"
        for folder in (left, young, theirs, bare, foreign):
            folder.mkdir(mode=0o700)
        for folder in (left, young, theirs, foreign):
            (folder / "arrays").write_text("x")
            (folder / "owner.lock").write_text("")
        link.symlink_to(left)
        theirs.chmod(0o777)  # others may have written there
        for path in (bare, *(folder / "owner.lock" for folder in (mine, left, theirs, foreign))):
            os.utime(path, (0, 0))
        with files.temporary_folder() as other:
            there = set(tmp_path.iterdir())
        assert there == {mine, other, young, theirs, foreign, link}
        assert (theirs / "arrays").exists()
    assert not mine.exists()
    assert not other.exists()


def test_what_others_put_beside_a_lock_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    treasure = tmp_path / "treasure"
    treasure.write_text("x")
    for digit, mode in zip("01", (0o700, 0o777), strict=True):
        folder = tmp_path / f"augmentlab-{digit * 32}"
        folder.mkdir()
        folder.chmod(mode)
        sqlite3.connect(folder / "owner.lock").execute("CREATE TABLE a (b)").connection.close()
        (folder / "owner.lock-journal").write_bytes(journal(treasure))
        os.utime(folder / "owner.lock", (0, 0))
    with files.temporary_folder():
        assert [(tmp_path / f"augmentlab-{digit * 32}").exists() for digit in "01"] == [False, True]
    assert treasure.exists()


def journal(path):
    """A rollback journal of SQLite that has it remove a file: a super-journal of no other transaction."""
    magic, name = bytes.fromhex("d9d505f920a163d7"), os.fsencode(path)
    head = (magic + struct.pack(">5I", 0, 1, 2, 512, 4096)).ljust(512, b"\0")
    return head + struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">2I", len(name), sum(name)) + magic


def test_ctrl_c_while_a_temporary_folder_is_made_leaves_none(tmp_path, monkeypatch):
    def interrupted(path, mode):
        os.mkdir(path, mode)  # noqa: PTH102  (what is replaced)
        raise KeyboardInterrupt

    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(files.Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), files.temporary_folder():
        pass
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_temporary_folder_ends_with_a_killed_process(tmp_path, monkeypatch):
    script = (
        "from augmentlab import files\n"
        "with files.temporary_folder() as folder:\n"
        "    print(folder, flush=True)\n"
        "    input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    folder = Path(process.stdout.readline().strip())
    os.utime(folder / "owner.lock", (0, 0))
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    with files.temporary_folder():
        assert folder.exists()
    process.kill()
    process.communicate()
    with files.temporary_folder():
        assert not folder.exists()
    assert not list(tmp_path.iterdir())

"""Files are whole or not there."""

import sqlite3

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

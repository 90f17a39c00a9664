"""The command line, as a person types it."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

import pandas as pd
import pytest

import augmentlab
from augmentlab import cli

COMMAND = [sys.executable, "-m", "augmentlab.cli"]


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False, **options)


def test_version_and_help():
    assert run("--version").stdout == f"augmentlab {augmentlab.__version__}\n"
    text = run("--help").stdout
    assert "demo" in text
    assert "lab" in text


@pytest.mark.parametrize("arguments", [["demos"], [], ["demo", "--ouch", "x"], ["demo", "--out"]])
def test_a_wrong_argument_is_one_sentence_and_status_2(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("augmentlab")
    assert result.stdout == ""


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("demo", "--out", str(tmp_path / "file" / "out"))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert str(tmp_path / "file" / "out") in result.stderr


@pytest.mark.parametrize("arguments", [("demo", "--out"), ("lab", "--dir")])
def test_a_file_in_place_of_a_folder_is_one_sentence(arguments, tmp_path):
    if arguments[0] == "lab":
        pytest.importorskip("jupyterlab")
    (tmp_path / "file").write_text("mine")
    result = run(*arguments, str(tmp_path / "file"))
    assert result.returncode == 1
    assert re.fullmatch(r"augmentlab: --(out|dir) must be a folder .* there is a file of that name\n", result.stderr)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_database_of_another_program_is_one_sentence_and_stays_as_it_is(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "study.db")) as other, other:
        other.execute("create table theirs (x)")
    before = (tmp_path / "study.db").read_bytes()
    result = run("demo", "--out", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "study.db" in result.stderr
    assert (tmp_path / "study.db").read_bytes() == before


def test_write_leaves_the_old_file_when_it_fails(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")

    def fail(path):
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cli._write(target, fail)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_lab_copies_the_tutorials_once_and_keeps_what_was_changed(tmp_path, monkeypatch):
    pytest.importorskip("jupyterlab")
    started = []

    class Server:
        """Notes what is started, and gets one Ctrl-C before it ends."""

        def __init__(self, command):
            started.append(command)
            self.pressed = False

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def wait(self):
            if not self.pressed:
                self.pressed = True
                raise KeyboardInterrupt
            return 0

    monkeypatch.setattr(cli.subprocess, "Popen", Server)
    folder = tmp_path / "notebooks"
    assert cli.main(["lab", "--dir", str(folder)]) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{name}.ipynb" for name in ("01_explore", "02_grid_search", "03_compare", "04_preprocess")]
    (folder / names[0]).write_text("mine")
    assert cli.main(["lab", "--dir", str(folder)]) == 0
    assert (folder / names[0]).read_text() == "mine"
    assert started[0][1:3] == ["-m", "jupyterlab"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_killed_demo_goes_on_where_it_was_and_ends_with_the_same_numbers(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*COMMAND, "demo", "--out", str(whole)], check=True, capture_output=True, timeout=900)

    process = subprocess.Popen(
        [*COMMAND, "demo", "--out", str(killed)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    before = 0
    while process.poll() is None and before < 20:
        time.sleep(0.2)
        before = finished(killed)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = trials(killed)
    assert 0 < len(before) < len(trials(whole))

    subprocess.run([*COMMAND, "demo", "--out", str(killed)], check=True, capture_output=True, timeout=900)
    after = trials(killed)
    kept = after.merge(before, on=["params_arm", "params_draw"], suffixes=("", "_before"))
    assert (kept["datetime_start"] == kept["datetime_start_before"]).all(), "a finished trial ran again"
    columns = ["params_arm", "params_draw", "value"]
    first, second = (table[columns].sort_values(columns[:2], ignore_index=True) for table in (trials(whole), after))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert (whole / "comparison.png").read_bytes() == (killed / "comparison.png").read_bytes()


def trials(folder):
    return augmentlab.Study.load(folder / "study.db").trials_dataframe()


def finished(folder):
    try:
        return len(trials(folder))
    except (OSError, ValueError):
        return 0

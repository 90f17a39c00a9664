"""The command line, as a person types it."""

import ast
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import augmentlab
from augmentlab import app, cli, data, models
from augmentlab.study.storage import Storage

COMMAND = [sys.executable, "-m", "augmentlab.cli"]


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False, **options)


def test_version_and_help():
    assert run("--version").stdout == f"augmentlab {augmentlab.__version__}\n"
    text = run("--help").stdout
    for command in ("demo", "lab", "app", "list", "show", "report"):
        assert command in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["demos"],
        [],
        ["demo", "--ouch", "x"],
        ["demo", "--out"],
        ["app"],
        ["app", "a", "b"],
        ["app", "photos", "--port", "a"],
        ["app", "photos", "--port", "70000"],
        ["app", "photos", "--pipeline"],
        ["list"],
        ["report", "study.db", "-o"],
    ],
)
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


def test_lab_copies_the_tutorials_once_and_keeps_what_was_changed(tmp_path, monkeypatch):
    labapp = pytest.importorskip("jupyterlab.labapp")
    started = []
    monkeypatch.setattr(labapp, "main", started.append)
    folder = tmp_path / "notebooks"
    assert cli.main(["lab", "--dir", str(folder)]) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in (Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
    (folder / names[0]).write_text("mine")
    assert cli.main(["lab", "--dir", str(folder)]) == 0
    assert (folder / names[0]).read_text() == "mine"
    assert started == [[str(folder), "-y"]] * 2
    assert cli.main(["lab", "--dir", str(folder), "--", "--allow-root", "--no-browser"]) == 0
    assert started[2:] == [[str(folder), "-y", "--allow-root", "--no-browser"]]


@pytest.fixture
def photos(tmp_path):
    """A folder with one image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "one.png")
    return folder


def test_app_without_voila_says_what_brings_it(photos, monkeypatch, capsys):
    monkeypatch.setattr(app, "find_spec", lambda _: None)
    assert cli.main(["app", str(photos)]) == 1
    said = capsys.readouterr()
    assert said.err == 'augmentlab: app needs Voila; python -m pip install "augmentlab[app]" brings it\n'
    assert said.out == ""


@pytest.fixture
def no_server(monkeypatch):
    """Voila seems to be there; that it is started is a failure."""
    monkeypatch.setattr(app, "find_spec", lambda _: True)
    monkeypatch.setattr(app, "_run", lambda *_: pytest.fail("the server was started"))


def refused(capsys, *arguments):
    """The one sentence with which ``augmentlab app`` declines."""
    assert cli.main(["app", *map(str, arguments)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("augmentlab: ")
    return said.err


@pytest.mark.usefixtures("no_server")
def test_app_refuses_what_is_no_folder_of_images_before_it_serves(tmp_path, capsys):
    assert "absent" in refused(capsys, tmp_path / "absent")
    (tmp_path / "file").write_text("")
    assert "file" in refused(capsys, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert "no images" in refused(capsys, tmp_path / "empty")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "one.png").write_text("words")
    assert "one.png cannot be read" in refused(capsys, tmp_path / "words")


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"schema_version": 1, "transform": "os:system"}'])
def test_app_refuses_a_pipeline_that_is_none_before_it_serves(photos, tmp_path, capsys, text):
    path = tmp_path / "pipeline.json"
    if text is not None:
        path.write_text(text)
    said = refused(capsys, photos, "--pipeline", path)
    assert said.startswith("augmentlab: --pipeline must be a JSON file of a pipeline; ")
    assert str(path) in said


@pytest.mark.usefixtures("no_server")
def test_app_refuses_a_port_that_is_taken_before_it_serves(photos, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"--port must be one that can be had; got {port}" in refused(capsys, photos, "--port", port)


def test_app_serves_on_this_machine_alone_with_a_new_token_and_opens_the_browser(photos, monkeypatch, capsys):
    seen, opened = [], []

    def run(made, token, listening, announce):
        announce()
        seen.append((made, token, listening.getsockname(), json.loads((made / "pages" / "app.ipynb").read_text())))

    monkeypatch.setattr(app, "find_spec", lambda _: True)
    monkeypatch.setattr(app, "_run", run)
    monkeypatch.setattr(app.webbrowser, "open", opened.append)
    assert cli.main(["app", str(photos)]) == 0
    assert cli.main(["app", str(photos), "--no-browser"]) == 0
    said = capsys.readouterr().out
    (made, token, (host, _), document), (_, other, _, _) = seen
    assert host == "127.0.0.1"
    assert len(token) >= 32
    assert token != other
    assert said.count(token) == said.count(other) == 1
    assert opened == [(made / "open.html").as_uri()]
    assert document["metadata"]["kernelspec"]["name"] == "augmentlab"
    assert not made.exists()


@pytest.mark.parametrize("name", ["it's", 'a"b\n"); import os #', "{x}\\", "ü 漢", "caf\udce9"])
def test_whatever_a_folder_is_called_its_name_stays_a_literal(name):
    pipeline = augmentlab.Rotate(angle=augmentlab.uniform(-5, 5))
    document = json.loads(json.dumps(app.notebook(Path(name), pipeline)))
    *imports, call = ast.parse(document["cells"][0]["source"]).body
    assert all(isinstance(line, (ast.Import, ast.ImportFrom)) for line in imports)
    folder, begin = call.value.args
    assert ast.literal_eval(folder) == str(Path(name))
    assert augmentlab.from_dict(json.loads(ast.literal_eval(begin.args[0].args[0]))) == pipeline
    assert document["metadata"]["title"].encode("utf-8")


# --- stored studies --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    path = tmp_path_factory.mktemp("studies") / "study.db"
    for name, arm in (("first", augmentlab.Invert()), ("second", augmentlab.VerticalFlip())):
        settings = {"draws": 2, "train_size": 20, "copies": 1, "trivial": False, "storage": path, "name": name}
        augmentlab.Study(data.digits(), models.knn(), {"arm": arm}, **settings).run(progress=False)
    return path


def test_list_names_the_studies_of_a_file_the_last_first(studies, capsys):
    before = studies.read_bytes()
    assert cli.main(["list", str(studies)]) == 0
    head, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert " ".join(head) == "study arms draws complete metric last trial (UTC) key"
    assert [row[:5] for row in rows] == [[name, "1", "2", "4/4", "accuracy"] for name in ("second", "first")]
    assert studies.read_bytes() == before


def test_an_older_study_of_a_name_is_reached_by_its_key(tmp_path, capsys):
    path = tmp_path / "study.db"
    for arm in (augmentlab.Invert(), augmentlab.VerticalFlip()):
        settings = {"draws": 2, "train_size": 20, "copies": 1, "trivial": False, "storage": path, "name": "photos"}
        augmentlab.Study(data.digits(), models.knn(), {type(arm).__name__: arm}, **settings).run(progress=False)
    assert cli.main(["list", str(path)]) == 0
    last, older = (line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:])
    assert augmentlab.Study.open(path, "photos").arms[0].code == "VerticalFlip()"
    assert augmentlab.Study.open(path, older).arms[0].code == "Invert()"
    assert augmentlab.Study.open(path, last).arms[0].code == "VerticalFlip()"
    assert cli.main(["show", str(path), "--name", older]) == 0
    assert "Invert" in capsys.readouterr().out
    with pytest.raises(ValueError, match=rf"must hold a study named '{older[:-1]}'"):  # as short a beginning is a name
        augmentlab.Study.open(path, older[:-1])


@pytest.mark.parametrize(("options", "code"), [([], "VerticalFlip"), (["--name", "first"], "Invert")])
def test_show_tells_what_a_study_found(studies, options, code, capsys):
    assert cli.main(["show", str(studies), *options]) == 0
    said = capsys.readouterr().out
    study = augmentlab.Study.open(studies, *options[1:])
    assert study.arms[0].code == f"{code}()"
    assert study.summary() in said
    assert f" {100 * study.compare(warn=False)['mean'].iloc[0]:.1f} % " in said  # in the unit of the differences
    assert "4 of 4 trials complete" in said
    assert "The locked test of these data was not opened." in said


def test_show_tells_what_the_locked_test_found(tmp_path, capsys):
    path = tmp_path / "study.db"
    settings = {"draws": 2, "train_size": 20, "copies": 1, "trivial": False, "storage": path}
    study = augmentlab.Study(data.digits(), models.knn(), {"shift": augmentlab.Affine(translate_x=0.1)}, **settings)
    study.run(progress=False)
    mean = study.confirm("shift")["mean"].iloc[0]
    assert cli.main(["show", str(path)]) == 0
    _, after = capsys.readouterr().out.split("The locked test of these data was opened once.")
    assert f" {100 * mean:.1f} % " in after


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
def test_who_has_seen_enough_hears_no_complaint(studies):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "augmentlab", "show", str(studies)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_terminal_that_knows_few_letters_gets_the_others_as_question_marks(studies):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "ascii"}
    out = studies.with_name("caf\u00e9.html")
    command = [sys.executable, "-m", "augmentlab", "report", str(studies), "-o", str(out)]
    ran = subprocess.run(command, capture_output=True, env=environment, text=True, check=True)
    assert ran.stdout.strip() == str(out).replace("\u00e9", "?")
    assert out.exists()


def test_report_writes_a_page_and_says_where(studies, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert cli.main(["report", str(studies), "-o", str(out), "--name", "first"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["list", "none.db"], "storage must be an existing file of studies; there is none at 'none.db'"),
        (["show", "none.db"], "storage must be an existing file of studies; there is none at 'none.db'"),
        (["show", "STUDIES", "--name", "third"], "must hold a study named 'third'; it holds 'second', 'first'"),
        (["report", "STUDIES", "-o", "page.txt"], r"path must end in \.html; got 'page.txt'"),
        (["report", "STUDIES", "-o", "nowhere/page.html"], "path must lie in a folder that is there; nowhere is not"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(studies, arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main([str(studies) if one == "STUDIES" else one for one in arguments]) == 1
    said = capsys.readouterr()
    assert re.fullmatch(rf"augmentlab: .*{sentence}\n", said.err)
    assert said.out == ""
    assert not list(tmp_path.iterdir())


def test_a_study_without_a_result_says_what_is_missing(tmp_path, capsys):
    path = tmp_path / "study.db"
    study = augmentlab.Study(data.digits(), models.knn(), {"invert": augmentlab.Invert()}, storage=path)
    with Storage(path, write=True) as store:
        store.save_study(study.key, "digits", study.spec)
    assert cli.main(["list", str(path)]) == 0
    assert "0/30" in capsys.readouterr().out
    assert cli.main(["show", str(path)]) == 1
    assert "no complete trial of the control yet" in capsys.readouterr().err


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
    return augmentlab.Study.open(folder / "study.db", "scattered digits").trials_dataframe()


def finished(folder):
    try:
        return len(trials(folder))
    except (OSError, ValueError):
        return 0

"""Places to write that are wrong or full, and what the commands give to those who ask for it from elsewhere.

A file is the old one or the whole new one, nothing is left beside it, and the app shows its page to this machine and to
those with the token alone.
"""

import errno
import http.client
import os
import re
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from hostile import SAME, as_nobody, open_folder, picture, posix, snapshot

from augmentlab import Invert, Rotate, Study, cli, data, explore, files, models, plots, report
from augmentlab import app as app_module
from augmentlab.widgets import LabelCheck

# --- files that are written --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def writers():
    """Whatever writes a file where a user wants it."""
    settings = {"draws": 2, "train_size": 20, "copies": 1, "trivial": False, "storage": ":memory:"}
    study = Study(data.digits(), models.knn(), {"arm": Invert()}, **settings).run(progress=False)
    explorer = explore(picture(), Rotate(angle=9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "page", lambda *_: "<!DOCTYPE html>" * 99)  # what is on it has tests of its own
        yield writers_of(study, explorer)


def writers_of(study, explorer):
    return {
        "report.html": lambda path: report.write(study, path),
        "study.jsonl": study.to_jsonl,
        "page.html": lambda path: explorer.export_html(path, frames=2),
        "grid.png": explorer.save_png,
        "labels.json": LabelCheck([picture((9, 9))] * 40, Invert()).save,
        "figure.png": lambda path: files.write(path, plots.grid(Invert(), [picture()], draws=2).savefig),
    }


WRITTEN = ("report.html", "study.jsonl", "page.html", "grid.png", "labels.json", "figure.png")


@contextmanager
def full_disk():
    """Files end after a few bytes."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@posix
@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("old", [None, b"old"], ids=["new", "there already"])
def test_where_there_is_no_space_the_old_file_stays_and_nothing_is_left(writers, tmp_path, name, old):
    if old is not None:
        (tmp_path / name).write_bytes(old)
    before = snapshot(tmp_path)
    with full_disk(), pytest.raises(OSError, match=rf"File too large: '.*{name}'$") as caught:
        writers[name](tmp_path / name)
    assert caught.value.errno == errno.EFBIG
    assert snapshot(tmp_path) == before
    writers[name](tmp_path / name)
    assert (tmp_path / name).stat().st_size > 60
    assert [one.name for one in tmp_path.iterdir()] == [name]


def no_place(base, name):
    return base / "nowhere" / name


def a_folder(base, name):
    (base / name).mkdir()
    (base / name / "inside").write_text("x")
    return base / name


def a_pipe(base, name):
    os.mkfifo(base / name)
    return base / name


def a_database(base, name):
    (base / name).write_bytes(b"SQLite format 3\0" + bytes(99))
    return base / name


def below_a_file(base, name):
    (base / "file").write_text("x")
    return base / "file" / name


def of_nobody(base, name):
    return f"~no such user/{name}"


WRONG_PLACES = {
    "no such folder": (no_place, FileNotFoundError, "path must lie in a folder that is there; .*nowhere is not"),
    "a folder": (a_folder, IsADirectoryError, "path must be that of a file; .* is a folder"),
    "a pipe": (a_pipe, OSError, "path must be that of a file; .* is a device, a pipe or a socket"),
    "a database": (a_database, ValueError, "path must not be that of a database, such as a file of studies; .* is one"),
    "below a file": (below_a_file, FileNotFoundError, "path must lie in a folder that is there; .*file is not"),
    "nobody's home": (of_nobody, FileNotFoundError, "there is no home folder of that name: '~no such user/"),
}


@posix
@pytest.mark.parametrize(("make", "error", "sentence"), WRONG_PLACES.values(), ids=WRONG_PLACES)
@pytest.mark.parametrize("name", WRITTEN)
def test_a_wrong_place_gets_one_sentence_and_stays_as_it_was(writers, tmp_path, name, make, error, sentence):
    place = make(tmp_path, name)
    before = snapshot(tmp_path)
    with pytest.raises(error, match=f"^{sentence}") as caught:
        writers[name](place)
    assert "\n" not in str(caught.value)
    assert snapshot(tmp_path) == before


def test_a_path_with_nul_is_that_of_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"path must be that of a file; '.*a\\x00b' holds a NUL, which none does"):
        files.write(tmp_path / "a\0b", lambda part: part.write_text("x"))
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_device_is_not_replaced():
    with pytest.raises(OSError, match="path must be that of a file; /dev/null is a device, a pipe or a socket"):
        files.write("/dev/null", lambda part: part.write_text("x"))
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@posix
def test_where_one_may_not_write_the_place_is_named():
    with open_folder() as place:
        (place / "x.txt").write_text("old")
        before = snapshot(place)

        def write():
            with pytest.raises(PermissionError, match=r"Permission denied: '.*/x.txt'$"):
                files.write(place / "x.txt", lambda part: part.write_text("new"))
            return "refused"

        place.chmod(0o555)
        assert as_nobody(write) == "refused"
        assert snapshot(place) == before


@posix
def test_a_link_that_waits_in_the_folder_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    place = tmp_path / "shared" / "x.html"
    place.parent.mkdir()
    for name in (".x.part.html", "x.html.part", ".x.html"):
        (place.parent / name).symlink_to(victim)
    place.symlink_to(victim)  # it is replaced, not followed
    files.write(place, lambda part: part.write_text("new"))
    assert victim.read_text() == "precious"
    assert not place.is_symlink()
    assert place.read_text() == "new"


def test_a_name_may_be_as_long_as_the_system_takes(tmp_path):
    place = tmp_path / ("x" * 250 + ".html")
    files.write(place, lambda part: part.write_text("new"))
    assert place.read_text() == "new"
    with pytest.raises(OSError, match="too long"):
        files.write(tmp_path / ("x" * 300), lambda part: part.write_text("new"))
    assert list(tmp_path.iterdir()) == [place]


def test_those_who_write_the_same_file_do_not_mix(tmp_path):
    place, texts = tmp_path / "x.txt", [str(number) * 10**6 for number in range(4)]
    threads = [
        threading.Thread(target=files.write, args=(place, lambda part, text=text: part.write_text(text)))
        for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.read_text() in texts
    assert list(tmp_path.iterdir()) == [place]


@posix
def test_a_file_is_open_to_those_whom_the_system_says(tmp_path):
    before = os.umask(0o027)
    try:
        files.write(tmp_path / "x", lambda part: part.write_text("x"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_whatever_is_written_for_a_user_is_written_whole():
    # What the app and the workers of a study write lies in a folder that they made for it.
    of_their_own = {"app/__init__.py", "study/pools.py", "interop/matlab.py", "files.py"}
    writing = re.compile(r"\.(write_text|write_bytes|savefig|to_csv|copyfile)\(|open\([^)]*['\"][wax]b?['\"]")
    source = Path(files.__file__).parent
    for path in source.rglob("*.py"):
        name = path.relative_to(source).as_posix()
        for line in path.read_text(encoding="utf-8").splitlines():
            if name not in of_their_own and writing.search(line) and "files.write(" not in line:
                assert re.search(r"savefig\((buffer|drawn),", line), f"{name}: {line}"  # into memory


# --- the commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["-rf", "--ip=0.0.0.0", "--ServerApp.token="])
def test_a_folder_of_tutorials_is_never_an_option_of_the_server(tmp_path, monkeypatch, name):
    labapp = pytest.importorskip("jupyterlab.labapp")
    started = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(labapp, "main", started.append)
    assert cli.main(["lab", f"--dir={name}"]) == 0
    # Nothing but the folder, and not to ask whether Ctrl-C is meant: Jupyter's defaults are this machine and a new token.
    assert started == [[str(tmp_path / name), "-y"]]


@posix
def test_the_app_tells_the_terminal_no_escape_and_other_users_no_token(tmp_path, monkeypatch, capsys):
    pytest.importorskip("voila")
    folder, opened, pages = tmp_path / "\x1b]0;hacked\x07", [], []
    folder.mkdir()
    (folder / "good.png").write_bytes(SAME)

    def run(made, token, _listening, announce):
        announce()
        page = Path(url2pathname(urlsplit(opened[0]).path))
        pages.append((token, page.read_text(encoding="utf-8"), stat.S_IMODE(made.stat().st_mode), made in page.parents))

    monkeypatch.setattr(app_module, "_run", run)
    monkeypatch.setattr(app_module.webbrowser, "open", opened.append)
    assert app_module.serve(folder) == 0
    said = capsys.readouterr().out
    [(token, page, mode, is_inside)] = pages
    assert f"/?token={token}" in said
    assert "\x1b" not in said
    assert token not in opened[0]  # an argument of the browser, which the list of processes shows to everybody
    assert f"/?token={token}" in page
    assert (mode, is_inside) == (0o700, True)


class App:
    """``augmentlab app``, as a person starts it."""

    def __init__(self, base):
        self.base = base
        (base / "images" / "a").mkdir(parents=True)
        (base / "temporary").mkdir()
        (base / "images" / "a" / "good.png").write_bytes(SAME)
        for place in (base, base / "images", base / "temporary"):
            (place / "secret.txt").write_text("hunter2")
        paths = filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "augmentlab.cli", "app", base / "images", "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=base / "images",
            env=os.environ | {"TMPDIR": str(base / "temporary"), "PYTHONPATH": os.pathsep.join(paths)},
        )
        self.url = next((found[0] for line in self.process.stdout if (found := re.search(r"http://\S+", line))), "")
        self.token = self.url.partition("?token=")[2]

    @cached_property
    def visit(self):
        """The cookies of a visitor who came with the token, and the kernel of the page that he got."""
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.url).port, timeout=60)
        try:
            connection.request("GET", f"/?token={self.token}")
            answer = connection.getresponse()
            kernel = re.search(r'"kernelId": *"([0-9a-f-]+)"', answer.read().decode())
            return "; ".join(one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie")), kernel[1]
        finally:
            connection.close()

    def ask(self, path, *, token=True, method="GET", **headers):
        """The status of a request, and where it sends one to."""
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.url).port, timeout=60)
        try:
            given = {"Authorization": f"token {self.token}"} if token else {}
            connection.request(method, path, headers=given | headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            assert "hunter2" not in text
            assert "PNG" not in text
            assert self.token not in text
            return answer.status, answer.headers.get("Location", "")
        finally:
            connection.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    pytest.importorskip("voila")
    served = App(tmp_path_factory.mktemp("app"))
    try:
        assert served.token, "the app did not start"
        yield served
    finally:
        served.process.terminate()
        served.process.communicate(timeout=60)
    assert [one.name for one in (served.base / "temporary").iterdir()] == ["secret.txt"]


NO_KERNEL = "00000000-0000-0000-0000-000000000000"


@posix
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/voila/render/app.ipynb"),
        ("GET", "/voila/files/app.ipynb"),
        ("GET", "/files/app.ipynb"),
        ("GET", "/api/kernels"),
        ("POST", "/api/kernels"),
        ("GET", f"/api/kernels/{NO_KERNEL}/channels"),
        ("DELETE", f"/api/kernels/{NO_KERNEL}"),
        ("POST", f"/voila/api/shutdown/{NO_KERNEL}"),
        ("GET", "/api/contents"),
        ("GET", "/api/contents/../secret.txt"),
        ("GET", "/terminals/1"),
        ("GET", "/?token=0"),
        ("GET", "/?token="),
    ],
)
def test_without_the_token_there_is_nothing(app, method, path):
    status, to = app.ask(path, token=False, method=method)
    assert status in {403, 404, 405} or (status == 302 and to.startswith("/login?next="))


@posix
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("own", 101),
        ("http://evil.example", 403),
        ("http://127.0.0.1:9", 403),
        ("http://localhost:9", 403),
        ("null", 403),
    ],
)
def test_a_page_from_elsewhere_reaches_no_kernel_by_the_cookie_of_a_visitor(app, origin, status):
    cookie, kernel = app.visit
    headers = {
        "Cookie": cookie,
        "Origin": f"http://{urlsplit(app.url).netloc}" if origin == "own" else origin,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    assert app.ask(f"/api/kernels/{kernel}/channels", token=False, **headers)[0] == status


@posix
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1"])
@pytest.mark.parametrize("path", ["/", "/login", "/voila/render/app.ipynb", f"/api/kernels/{NO_KERNEL}"])
def test_a_name_that_was_bent_to_this_machine_is_refused_even_with_the_token(app, host, path):
    assert app.ask(path, Host=host)[0] in {403, 404}


@posix
@pytest.mark.parametrize("before", ["/voila/static/", "/voila/templates/", "/static/", "/voila/files/", "/files/", "/"])
@pytest.mark.parametrize(
    "path",
    [
        "secret.txt",
        "../secret.txt",
        "..%2f..%2f..%2fsecret.txt",
        "%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "//etc/passwd",
        "..\\secret.txt",
        "a/good.png",
    ],
)
def test_no_path_leads_to_a_file(app, before, path):
    status, to = app.ask(before + path)
    if status == 302:
        status, _ = app.ask(to)
    # Of a template that it does not have Voila says that it has failed.
    assert status in {400, 403, 404} | ({500} if before == "/voila/templates/" else set())

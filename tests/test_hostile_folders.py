"""Folders and tables of labels that are broken or meant to harm.

Each ends in one sentence of a documented exception that names what is wrong, or in a documented good result; nothing
outside the folder is read, no pipe or device is opened, and files stay as they were.
"""

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hostile import (
    DAMAGED,
    RGB,
    SAME,
    UNKNOWN,
    as_nobody,
    encoded,
    left_out,
    open_folder,
    picture,
    posix,
    snapshot,
    two_classes,
)

from augmentlab import Invert, Study, data, models
from augmentlab.data import folder
from augmentlab.widgets.images import Images


@pytest.fixture
def images(tmp_path):
    """A folder with a good image in each of two classes."""
    return two_classes(tmp_path / "images")


# --- folders -----------------------------------------------------------------------------------------------------------

NAMES = {
    "line break": b"new\nline",
    "quotes": b"quo\"te's`",
    "html": b"<img src=x onerror=alert(1)>",
    "latin-1": b"caf\xe9",
    "leading dash": b"-rf",
    "longest": b"x" * 250,
    "home": b"~",
    "shell": b"$(touch trapped); rm *",
    "terminal": b"\x1b[2J\x07",
    "right to left": "\u202egnp.exe".encode(),
    "format": b"%s{0}{x}\\",
    "space": b"  ",
}


def shown_in_one_line(text):
    return text.isprintable() and text.encode("utf-8")


@posix
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_file_may_have_any_name(images, name):
    name = os.fsdecode(name + b".png")
    (images / "a" / name).write_bytes(SAME)
    (images / "b" / name).write_bytes(b"broken")
    before = snapshot(images)
    read, reasons = left_out(images)
    assert len(read) == 3
    assert list(reasons) == [f"b/{name}"]
    shown = Images(images)
    assert all(map(shown_in_one_line, shown.names))
    assert sum(np.array_equal(shown.full(index), RGB) for index, one in enumerate(shown.names) if one[0] == "a") == 2
    (broken,) = (index for index, one in enumerate(shown.names) if one[0] == "b" and one != "b/good.png")
    with pytest.raises(ValueError, match=rf"^b/.*\.png cannot be read: {UNKNOWN}$") as caught:
        shown.full(broken)
    assert shown_in_one_line(str(caught.value))
    assert snapshot(images) == before
    assert sorted(one.name for one in images.iterdir()) == ["a", "b"]


@posix
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_class_may_have_any_name(images, name):
    (images / os.fsdecode(name)).mkdir()
    (images / os.fsdecode(name) / "1.png").write_bytes(SAME)
    read = data.from_folder(images)
    assert set(read.classes) == {"a", "b", os.fsdecode(name).replace("\udce9", r"\udce9")}
    assert all(one.encode("utf-8") for one in read.classes)
    assert len(read.fingerprint) == 64
    assert all(Images(images).of_class(one) for one in read.classes)


@posix
def test_the_name_of_a_data_set_is_text(tmp_path):
    place = tmp_path / os.fsdecode(b"caf\xe9") / "a"
    place.mkdir(parents=True)
    (place / "1.png").write_bytes(SAME)
    assert data.from_folder(place.parent).name == r"caf\udce9"


def fifo(path):
    os.mkfifo(path)


def unix_socket(path):
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{short}/x")  # for the name of a socket may not be long
        shutil.move(f"{short}/x", path)


def link_to(target):
    return lambda path: path.symlink_to(target)


SPECIAL = {
    "pipe": (fifo, "it is not a file"),
    "socket": (unix_socket, "it is not a file"),
    "folder": (Path.mkdir, None),
    "link to itself": (link_to("x.png"), "it is not a file"),
    "link to nothing": (link_to("nothing.png"), "it is not a file"),
    "link to a device": (link_to("/dev/zero"), "it is a link that leads out of the folder"),
    "link to passwords": (link_to("/etc/passwd"), "it is a link that leads out of the folder"),
    "link up and out": (link_to("../../../outside.png"), "it is a link that leads out of the folder"),
    "link to an image within": (link_to("../b/good.png"), ""),
    "link to the memory of a process": (
        link_to("/proc/self/mem"),
        "it is a link that leads out of the folder",
    ),
}


@posix
@pytest.mark.parametrize(("make", "reason"), SPECIAL.values(), ids=SPECIAL)
def test_what_is_no_file_is_not_opened(images, make, reason):
    (images.parent / "outside.png").write_bytes(SAME)
    make(images / "a" / "x.png")
    before = snapshot(images)
    read, reasons = left_out(images)
    assert len(read) == 2 + (reason == "")
    assert reasons == ({"a/x.png": reason} if reason else {})
    if reason:
        shown = Images(images)
        with pytest.raises(ValueError, match=rf"^a/x.png cannot be read: {reason}$"):
            shown.full(shown.names.index("a/x.png"))
    assert snapshot(images) == before


LINKED = {"out": "..", "itself": "x", "above": "../images", "root": "/", "nothing": "nowhere"}


@posix
@pytest.mark.parametrize("target", LINKED.values(), ids=LINKED)
@pytest.mark.parametrize("place", ["x", "a/x"])
def test_links_to_folders_are_not_followed(images, place, target):
    (images / place).symlink_to(target)
    read, reasons = left_out(images)
    assert len(read) == 2
    expected = {place: "links to folders are not followed"} if (images / place).is_dir() else {}
    assert reasons == expected
    assert len(Images(images)) == 2


@posix
def test_a_device_in_the_folder_is_not_opened(images):
    try:
        os.mknod(images / "a" / "x.png", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only an administrator makes devices")
    read, reasons = left_out(images)
    assert (len(read), reasons) == (2, {"a/x.png": "it is not a file"})


@pytest.fixture
def open_to_all():
    """The images where everybody may look."""
    with open_folder() as place:
        yield two_classes(place)


@posix
@pytest.mark.parametrize("closed", ["a/good.png", "a", "a/deep", "a/list"])
def test_what_may_not_be_read_is_named_and_the_rest_is_read(open_to_all, closed):
    for name in ("deep", "list"):
        (open_to_all / "a" / name).mkdir()
        (open_to_all / "a" / name / "1.png").write_bytes(SAME)
    data.from_folder(open_to_all)  # whatever is loaded late is loaded now
    (open_to_all / closed).chmod(0o444 if closed == "a/list" else 0)

    def look():
        read, reasons = left_out(open_to_all)
        return [len(read), reasons]

    named = "a/list/1.png" if closed == "a/list" else closed
    assert as_nobody(look) == [1 if closed == "a" else 3, {named: "permission denied"}]


@posix
@pytest.mark.parametrize("read", [data.from_folder, Images], ids=["data set", "explorer"])
def test_a_folder_that_may_not_be_listed_is_named(open_to_all, read):
    read(open_to_all)
    open_to_all.chmod(0)

    def look():
        with pytest.raises(PermissionError, match=re.escape(str(open_to_all))):
            read(open_to_all)
        return "refused"

    assert as_nobody(look) == "refused"


WRONG_FOLDERS = {
    "nowhere": ("nowhere", FileNotFoundError, "there is no folder '.*nowhere'"),
    "a file": ("file", NotADirectoryError, "'.*file' must be a folder; it is a file"),
    "nobody's home": ("~no such user/x", FileNotFoundError, "there is no home folder of that name: '~no such user/x'"),
    "nul": ("a\0b", FileNotFoundError, r"there is no folder '.*a\\x00b'"),
    "too long": ("x" * 5000, OSError, "'xx.*…x*' must be a folder that is there: File name too long$"),
    "long": ("no/" * 1000, FileNotFoundError, "there is no folder 'no/.*…"),
    "empty": ("empty", FileNotFoundError, "no images in '.*empty': put .*"),
    "a pipe": ("pipe", NotADirectoryError, "must be a folder"),
}


@posix
@pytest.mark.parametrize(("name", "error", "sentence"), WRONG_FOLDERS.values(), ids=WRONG_FOLDERS)
@pytest.mark.parametrize("read", [data.from_folder, Images], ids=["data set", "explorer"])
def test_a_wrong_folder_gets_one_sentence(tmp_path, monkeypatch, read, name, error, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(SAME)
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(error, match=sentence) as caught:
        read(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_other_shapes_of_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="no images in"):
        data.from_folder(tmp_path)
    for name in ("1.png", ".2.png", "3.PNG", "4.JpEg", "Thumbs.db", "._5.png"):
        (tmp_path / name).write_bytes(SAME if "J" not in name else encoded(format="JPEG"))
    with pytest.raises(FileNotFoundError, match=r"left out: 1.png: it lies outside the class folders; 3.PNG: .*4.JpEg"):
        data.from_folder(tmp_path)
    assert Images(tmp_path).names == ["1.png", "3.PNG", "4.JpEg"]
    for place in ("one/only.png", "empty/readme.txt", "deep/er/and/deeper/2.TIF", ".hidden/6.png", "one/.thumbs/7.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(encoded(format="TIFF") if place.endswith("TIF") else SAME)
    read, reasons = left_out(tmp_path)
    assert read.counts == {"deep": 1, "one": 1}
    assert set(reasons) == {"1.png", "3.PNG", "4.JpEg", "empty"}
    with pytest.raises(ValueError, match=r"at least two images of each class|has 1"):
        Study(read, models.knn(), [Invert()], storage=":memory:")


def test_a_file_that_vanishes_after_it_was_listed_is_named(images, monkeypatch):
    (images / "a" / "x.png").write_bytes(SAME)
    shown = Images(images)
    listed = folder._class_files

    def list_and_remove(*given):
        found = listed(*given)
        (images / "a" / "x.png").unlink()
        return found

    monkeypatch.setattr(folder, "_class_files", list_and_remove)
    read, reasons = left_out(images)
    assert (len(read), reasons) == (2, {"a/x.png": "it is not a file"})
    with pytest.raises(ValueError, match=r"^a/x\.png cannot be read: it is not a file$"):
        shown.full(shown.names.index("a/x.png"))


def test_a_file_that_changes_while_it_is_read_is_an_image_or_named(images):
    path, stop = images / "a" / "x.png", threading.Event()
    path.write_bytes(SAME)

    def change():
        other = encoded(picture((64, 64, 3)))
        contents = [SAME, other, other[:500], b""]
        for index in range(10**9):
            if stop.is_set():
                return
            path.write_bytes(contents[index % len(contents)])

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(60):
            try:
                assert folder.read_from(images, "a/x.png").shape in {(16, 24, 3), (64, 64, 3)}
            except ValueError as error:
                assert re.fullmatch(f"a/x.png cannot be read: ({UNKNOWN}|{DAMAGED})", str(error))  # noqa: PT017
    finally:
        stop.set()
        thread.join()


def test_a_thousand_broken_files_are_one_short_sentence(images):
    for index in range(1000):
        (images / "a" / f"{index}.png").write_bytes(b"broken")
    with pytest.warns(UserWarning, match=r"left out 1000 of the files .*; and 980 more$") as caught:
        read = data.from_folder(images)
    assert len(read.unreadable) == 1000
    assert len(str(caught[0].message)) < 3000


@posix
@pytest.mark.slow
def test_fifty_thousand_files_in_a_folder(images):
    for index in range(49_998):
        (images / "a" / f"{index}.png").hardlink_to(images / "b" / "good.png")
    done = subprocess.run([sys.executable, "-c", MANY, images], capture_output=True, text=True, check=True, timeout=280)
    names, explorer, listing, whole, held = json.loads(done.stdout)
    assert (names, explorer) == (50_000, 50_000)
    assert listing < 64  # MB
    assert whole < 64 + 3 * held


MANY = """
import json, resource, sys
from augmentlab import data
from augmentlab.data import folder
from augmentlab.widgets.images import Images
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
folder.read_from(sys.argv[1], "b/good.png")
before = peak()
names, shown = len(folder.image_files(sys.argv[1])), len(Images(sys.argv[1]))
listing = peak() - before
read = data.from_folder(sys.argv[1])
print(json.dumps([names, shown, listing, peak() - before, sum(image.nbytes for image in read.images) // 2**20]))
"""


# --- tables of labels --------------------------------------------------------------------------------------------------

ROW = b"filename,label\n"
TABLES = [
    ("nothing", b"", ValueError, "must have the columns filename and label; it lacks filename and label and has none"),
    ("byte order mark alone", b"\xef\xbb\xbf", ValueError, "it lacks filename and label and has none"),
    ("nul bytes", bytes(1000), ValueError, r"it lacks filename and label and has (\\x00)+…"),
    ("a picture", SAME, ValueError, "must be a comma-separated table in UTF-8; got 'utf-8' codec"),
    ("utf-16", "filename,label\na/good.png,x\n".encode("utf-16"), ValueError, "must be a comma-separated table in UTF-8"),
    ("latin-1", ROW + b"a/good.png,caf\xe9\n", ValueError, "must be a comma-separated table in UTF-8"),
    ("semicolons", b"filename;label\na/good.png;x\n", ValueError, "it lacks filename and label and has filename;label"),
    ("tabs", b"filename\tlabel\na/good.png\tx\n", ValueError, r"it lacks filename and label and has filename\\tlabel"),
    ("capitals", b"Filename,Label\na/good.png,x\n", ValueError, "it lacks filename and label and has Filename, Label"),
    ("100,000 columns", b"filename" + b",c" * 10**5 + b"\n", ValueError, "it lacks label and has filename, c, .* and 99992 more"),
    ("a column twice", b"filename,label,label\na/good.png,x,y\n", ValueError, "must have one column label; got 2"),
    ("a group twice", b"filename,label,group,group\na/good.png,x,y,z\n", ValueError, "must have one column group; got 2"),
    ("a field too large", ROW + b"a/good.png," + b"x" * 200_000, ValueError, "got field larger than field limit"),
    ("a large name", ROW + b"x" * 131_000 + b",y", FileNotFoundError, "names files which are not there: x+…x+$"),
    ("a quote without end", ROW + b'"a/good.png,x\n', ValueError, "line 2 of .* has no label"),
    ("a name with a line break", ROW + b'"a/\ngood.png",x\n', FileNotFoundError, r"not there: a/\\ngood.png$"),
    ("a name with nul", ROW + b"a/good\0.png,x\n", FileNotFoundError, r"not there: a/good\\x00.png$"),
    ("passwords", ROW + b"../../../../../../../../etc/passwd,x\n", ValueError, "must name a file inside the folder; got '"),
    ("passwords by a detour", ROW + b"a/../../../../../etc/passwd,x\n", ValueError, "must name a file inside the folder"),
    ("an absolute path", ROW + b"/etc/passwd,x\n", ValueError, "must name a file inside the folder; got '/etc/passwd'"),
    ("two slashes", ROW + b"//etc/passwd,x\n", ValueError, "must name a file inside the folder"),
    ("the folder above", ROW + b"..,x\n", ValueError, "must name a file inside the folder; got '..'"),
    ("a long way out", ROW + b"../" * 2000 + b"x,y\n", ValueError, "must name a file inside the folder; got '.{,400}'$"),
    ("the folder itself", ROW + b".,x\n", OSError, "none of the 1 images .*: it is not a file$"),
    ("a class", ROW + b"a,x\n", OSError, "none of the 1 images .*: a: it is not a file$"),
    ("an address", ROW + b"http://127.0.0.1/x.png,x\n", FileNotFoundError, "names files which are not there: http:/"),
    ("a path of Windows", ROW + b"C:\\x.png,x\n", FileNotFoundError, r"names files which are not there: C:"),
    ("a home", ROW + b"~/x.png,x\n", FileNotFoundError, "names files which are not there: ~/x.png$"),
    ("the table itself", ROW + b"labels.csv,x\n", OSError, f"none of the 1 images .*labels.csv: {UNKNOWN}$"),
    ("a file twice", ROW + b"a/good.png,x\na//./good.png,y\n", ValueError, "must name each file once; got 'a/good.png' twice"),
    ("a value too many", ROW + b"a/good.png,x,y\n", ValueError, "line 2 of .* has more values than columns"),
    ("no label", ROW + b"a/good.png\n", ValueError, "line 2 of .* has no label"),
    ("spaces for a label", ROW + b"a/good.png,   \n", ValueError, "line 2 of .* has no label"),
    ("no row", ROW, FileNotFoundError, "no images in"),
    ("through a link", ROW + b"out/secret.png,x\n", OSError, "none of the 1 images .*: it is a link that leads out of the folder$"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "error", "sentence"), [case[1:] for case in TABLES], ids=[name for name, *_ in TABLES]
)
def test_a_table_of_labels_that_is_none_gets_one_sentence(images, content, error, sentence):
    (images.parent / "outside").mkdir()
    (images.parent / "outside" / "secret.png").write_bytes(SAME)
    (images / "out").symlink_to(images.parent / "outside")
    (images / "labels.csv").write_bytes(content)
    before = snapshot(images.parent)
    with pytest.raises(error, match=sentence) as caught:
        data.from_folder(images)
    assert "labels.csv" in str(caught.value) or "images in" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000 + len(str(images))
    if "none of the" not in sentence:  # an explorer reads the files later
        with pytest.raises(error, match=sentence):
            Images(images)
    assert snapshot(images.parent) == before


GOOD_TABLES = [
    ("byte order mark", b"\xef\xbb\xbf" + ROW + b"a/good.png,x\n", "x"),
    ("lines of Windows", b"filename,label\r\na/good.png,x\r\n", "x"),
    ("lines of old Macs", b"filename,label\ra/good.png,x\r", "x"),
    ("blank lines", ROW + b"\n\na/good.png,x\n\n", "x"),
    ("no last line break", ROW + b"a/good.png,x", "x"),
    ("a formula stays text", ROW + b"a/good.png,=cmd|'/c calc'!A1\n", "=cmd|'/c calc'!A1"),
    ("html stays text", ROW + b"a/good.png,<script>alert(1)</script>\n", "<script>alert(1)</script>"),
    ("a label of two lines", ROW + b'a/good.png,"x\ny"\n', "x\ny"),
    ("quotes", ROW + b'a/good.png,"say ""x"", y"\n', 'say "x", y'),
    ("a label with nul", ROW + b"a/good.png,x\0y\n", "x\0y"),
    ("a large label", ROW + b"a/good.png," + b"x" * 131_000, "x" * 131_000),
    ("a number stays text", ROW + b"a/good.png,007\n", "007"),
    ("further columns", b"remark,label,x,filename\n,x,,a/good.png\n", "x"),
    ("within, by a detour", ROW + b"b/../a/good.png,x\n", "x"),
]


@pytest.mark.parametrize(
    ("content", "label"), [case[1:] for case in GOOD_TABLES], ids=[name for name, *_ in GOOD_TABLES]
)
def test_an_unusual_table_of_labels_is_read(images, content, label):
    (images / "labels.csv").write_bytes(content)
    read = data.from_folder(images)
    assert read.classes == (label,)
    assert np.array_equal(read.images[0], RGB)
    shown = Images(images)
    assert (shown.names, shown.classes) == (["a/good.png"], [label])


@posix
@pytest.mark.parametrize(
    "make", [fifo, link_to("nowhere"), link_to("labels.csv")], ids=["pipe", "to nothing", "to itself"]
)
def test_a_table_of_labels_that_is_no_file_is_named_and_not_opened(images, make):
    make(images / "labels.csv")
    read, reasons = left_out(images)
    assert (len(read), reasons) == (2, {"labels.csv": "it is not a file"})


@posix
def test_a_table_of_labels_outside_the_folder_is_not_read(images):
    (images.parent / "secret.csv").write_text("password,hunter2\n")
    (images / "labels.csv").symlink_to("../secret.csv")
    for read in (data.from_folder, Images):
        with pytest.raises(
            ValueError, match=r"labels\.csv' must lie in the folder; it is a link that leads out"
        ) as caught:
            read(images)
        assert "hunter2" not in str(caught.value)


def test_a_folder_called_labels_csv_is_a_class(images):
    (images / "labels.csv").mkdir()
    (images / "labels.csv" / "1.png").write_bytes(SAME)
    assert data.from_folder(images).classes == ("a", "b", "labels.csv")


@posix
@pytest.mark.slow
@pytest.mark.parametrize("wrong", [False, True], ids=["names nobody has", "one line"])
def test_a_table_of_a_hundred_megabytes_takes_no_memory(images, wrong):
    with (images / "labels.csv").open("wb") as table:
        if wrong:
            table.write(b"filename" + b"," * 10**8)
        else:
            table.write(ROW)
            deep = b"x" * 200 + b"/" + b"y" * 180
            for number in range(250_000):
                table.write(b"%s/%09d.png,z\n" % (deep, number))
    done = subprocess.run(
        [sys.executable, "-c", TABLE, images], capture_output=True, text=True, check=True, timeout=280
    )
    said, megabytes = json.loads(done.stdout)
    assert re.search("and 249995 more$" if not wrong else "columns filename and label; .* more$", said)
    assert megabytes < (1500 if wrong else 32)  # a line is held whole


TABLE = """
import json, resource, sys
from augmentlab import data
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
try:
    data.from_folder(sys.argv[1])
except (FileNotFoundError, ValueError) as error:
    print(json.dumps([str(error), peak() - before]))
"""

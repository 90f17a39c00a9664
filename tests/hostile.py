"""Hostile and broken files: how they are made, and how it is seen that nothing was touched."""

import io
import json
import os
import stat
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from augmentlab import data
from augmentlab.data import folder

posix = pytest.mark.skipif(os.name != "posix", reason="pipes, devices, permissions and limits of POSIX")
UNKNOWN = "it is not a PNG, JPEG, TIFF, WebP or BMP image"
DAMAGED = r"it is damaged or cut short \(.+\)"


def picture(shape=(16, 24, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(image=None, format="PNG", **options):
    image = picture() if image is None else image
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, format, **options)
    return file.getvalue()


def deep(image, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, image, **options)
    return file.getvalue()


def snapshot(base):
    """What lies in a folder: names, kinds, bytes and times."""
    found = {}
    for place, folders, names in os.walk(base):
        for path in (Path(place, name) for name in folders + names):
            state = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
            found[path] = (stat.S_IFMT(state.st_mode), state.st_mtime_ns, content)
    return found


def left_out(base):
    """What from_folder leaves out, with the reason; the one warning names each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read = data.from_folder(base)
    assert len(caught) == bool(read.unreadable)
    told = str(caught[0].message) if caught else ""
    assert "\n" not in told
    reasons = {os.path.relpath(path, base): reason for path, reason in read.unreadable}
    assert all(f"{folder.shown(name)}: {reason}" in told for name, reason in reasons.items())
    return read, reasons


def as_nobody(work):
    """What a function returns to a user without rights, in a process of its own."""
    if os.geteuid() != 0:
        return work()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which the child does not touch
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            answer = work()
        except BaseException as error:  # noqa: BLE001
            answer = [type(error).__name__, str(error)]
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        answer = json.loads(file.read())
    os.waitpid(child, 0)
    return answer


@contextmanager
def open_folder():
    """A folder where everybody may look, unlike in pytest's."""
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        place = Path(base, "open")
        place.mkdir()
        yield place
        for one in (place, *place.glob("*/"), *place.glob("*/*/")):
            one.chmod(0o755)


def two_classes(base):
    """A folder with a good image in each of two classes."""
    for name in ("a", "b"):
        (base / name).mkdir(parents=True)
        (base / name / "good.png").write_bytes(SAME)
    return base


RGB = picture()
SAME = encoded(RGB)

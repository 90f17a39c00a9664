"""Two studies and an explorer in one process at once: each as if it were alone."""

import signal
import sqlite3
import threading
import warnings
from contextlib import closing

import numpy as np
from threadpoolctl import threadpool_info

from augmentlab import Affine, Compose, HorizontalFlip, Invert, Rotate, Study, data, engine, models, uniform
from augmentlab.engines import current_name
from augmentlab.widgets import Explorer

PHOTO = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
ARMS = {"shift": Affine(translate_x=uniform(-0.2, 0.2)), "flip": HorizontalFlip(p=0.5), "invert": Invert()}


def talks(images, labels, rng):
    """Nearest mean; says in a warning how many pictures of the second class it got."""
    warnings.warn(f"{labels.sum()} of {len(labels)}", UserWarning, stacklevel=1)
    means = np.stack([images[labels == label].mean(axis=0) for label in np.unique(labels)])
    return lambda given: ((given[:, None] - means) ** 2).sum(axis=(2, 3)).argmin(axis=1)


def studies(folder):
    for name, model, size in (("first", talks, 40), ("second", models.knn(), 30)):
        settings = {"draws": 4, "train_size": size, "copies": 1, "trivial": False, "name": name}
        yield Study(data.digits(), model, ARMS, storage=folder / f"{name}.db", **settings)


def stored(folder, name):
    with closing(sqlite3.connect(folder / f"{name}.db")) as connection:
        query = "SELECT key, arm, draw, state, value, hits, predictions, message FROM trial ORDER BY key"
        return connection.execute(query).fetchall()


def pictures(explorer):
    return [tile.image.tobytes() for tile in explorer.tiles]


def looks(explorer, angles):
    seen = []
    for angle in angles:
        explorer.value = Compose([Rotate(angle=uniform(-angle, angle)), Invert(p=0.5)])
        seen.append(pictures(explorer))
    return seen


def process_state():
    import matplotlib as mpl

    threads = [(one["filepath"], one["num_threads"]) for one in threadpool_info()]
    return list(warnings.filters), warnings.showwarning, threads, dict(mpl.rcParams), signal.getsignal(signal.SIGINT)


def test_two_studies_and_an_explorer_at_once_give_what_each_gives_alone(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    for one in studies(alone):
        one.run(1, progress=False)
    explorer = Explorer(PHOTO, Rotate(angle=5), draws=2, size=40)
    angles = [float(angle) for angle in range(1, 6)]
    expected, seen = looks(explorer, angles), []
    before, failures, own_engine = process_state(), [], current_name()

    def run(one):
        try:
            with engine("reference"):  # of this thread alone
                one.run(1, progress=True)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(one,)) for one in studies(together)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen.append(looks(explorer, angles))
        assert current_name() == own_engine
    for thread in threads:
        thread.join()
    assert not failures
    assert seen
    assert all(one == expected for one in seen)
    for name in ("first", "second"):
        assert len(stored(together, name)) == 16
        assert stored(together, name) == stored(alone, name)
    assert process_state() == before


def presses(images, labels, rng):
    """Presses Ctrl-C in the main thread, the first time."""
    if threading.current_thread() is threading.main_thread() and not PRESSED.is_set():
        PRESSED.set()
        signal.raise_signal(signal.SIGINT)
    return lambda given: np.zeros(len(given), dtype=int)


PRESSED = threading.Event()


def test_ctrl_c_ends_the_study_of_the_main_thread_alone(capsys):
    PRESSED.clear()
    settings = {"train_size": 40, "copies": 1, "trivial": False, "storage": ":memory:"}
    main, other = (Study(data.digits(), presses, ARMS, draws=draws, **settings) for draws in (3, 20))
    handler = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=other.run, args=(1,), kwargs={"progress": False})
    thread.start()
    main.run(1, progress=False)
    thread.join()
    assert main.interrupted
    assert main.n_complete < main.n_trials
    assert not other.interrupted
    assert other.n_complete == other.n_trials
    assert signal.getsignal(signal.SIGINT) is handler
    assert capsys.readouterr().err == f"Interrupted: 0 of {main.n_trials} trials are kept; run again to go on.\n"
    assert not main.run(1, progress=False).interrupted
    assert main.n_complete == main.n_trials

"""The command line: ``augmentlab demo``, ``lab``, ``app``; ``list``, ``show`` and ``report`` of stored studies."""

import argparse
import math
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import augmentlab
from augmentlab import files
from augmentlab.markup import printable

_HERE = Path(__file__).resolve().parent
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class _EndedError(KeyboardInterrupt):
    """A request to end; a KeyboardInterrupt itself, once it went through `exec`, has CPython die of it after all."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help lists what there is)\n")


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    whole = _Parser(prog="augmentlab", description="Find out which image augmentations help your model.")
    whole.add_argument("--version", action="version", version=f"augmentlab {augmentlab.__version__}")
    commands = whole.add_subparsers(dest="command", metavar="command", required=True)
    demo = commands.add_parser("demo", help="run a whole experiment on bundled data and save its figures")
    demo.add_argument("--out", type=Path, default=Path("augmentlab-demo"), metavar="DIR", help="where results go")
    demo.set_defaults(run=lambda given: _demo(given.out))
    lab = commands.add_parser("lab", help="open JupyterLab on a copy of the tutorials")
    lab.add_argument(
        "--dir", type=Path, default=Path("augmentlab-notebooks"), metavar="DIR", help="where the copy goes"
    )
    lab.add_argument("options", nargs="*", metavar="-- OPTION", help="JupyterLab's own, such as -- --no-browser")
    lab.set_defaults(run=lambda given: _lab(given.dir, given.options))
    app = commands.add_parser("app", help="explore a folder of images in the browser, without a notebook")
    app.add_argument("folder", type=Path, metavar="FOLDER", help="images, or one folder of them a class")
    app.add_argument("--pipeline", type=Path, metavar="FILE", help="begin with this pipeline, a JSON file")
    app.add_argument("--port", type=_port, default=0, metavar="PORT", help="on 127.0.0.1; by default a free one")
    app.add_argument("--no-browser", action="store_true", help="only say the address")
    app.set_defaults(run=_app)
    several = commands.add_parser("list", help="list the studies of a file")
    several.add_argument("file", type=Path, metavar="FILE", help="where studies are stored")
    several.set_defaults(run=lambda given: _list(given.file))
    show = commands.add_parser("show", help="say what a stored study found")
    show.set_defaults(run=lambda given: _show(given.file, given.name))
    report = commands.add_parser("report", help="write what a stored study found as one HTML page")
    report.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("report.html"),
        metavar="PAGE",
        help="where it goes; report.html by default",
    )
    report.set_defaults(run=lambda given: _report(given.file, given.name, given.out))
    for one in (show, report):
        one.add_argument("file", type=Path, metavar="FILE", help="where studies are stored")
        one.add_argument("--name", metavar="NAME", help="which study, or its key; by default the last run")
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the return value is the exit status."""
    given = parser().parse_args(arguments)
    with _requests_to_end() as came:
        try:
            status = int(given.run(given))
            sys.stdout.flush()
        except BaseException as error:
            if came or isinstance(error, KeyboardInterrupt):  # whatever became of it on its way here
                said, status = (
                    "interrupted; what is finished is kept, and the same command goes on from there",
                    _INTERRUPTED,
                )
            elif isinstance(error, BrokenPipeError):  # `augmentlab show FILE | head` has seen enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be written, too
                return 1
            elif isinstance(error, (ModuleNotFoundError, OSError, RuntimeError, ValueError)):
                said, status = str(error), 1
            else:
                raise
            print(f"augmentlab: {printable(said)}", file=sys.stderr)
    return 128 + came[0] if came and status == _INTERRUPTED else status


@contextmanager
def _requests_to_end() -> Iterator[list[int]]:
    """Let a request to end come as Ctrl-C does, after which all is left in order; yield the signals that came.

    The second one is meant, and ends the process at once.
    """
    came: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        for one in before:
            signal.signal(one, signal.SIG_DFL)
        raise _EndedError

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in _ENDING}
        before = {number: handler for number, handler in found.items() if handler not in (None, signal.SIG_IGN)}
    for one in before:
        signal.signal(one, end)
    try:
        yield came
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _say(text: object) -> None:
    """Print what a file holds or is called: nothing in it speaks to the terminal, which may not know its letters."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(printable(str(text)).encode(encoding, "replace").decode(encoding))


def _demo(out: Path) -> int:
    from augmentlab import (
        Affine,
        CoarseDropout,
        GaussianNoise,
        Rotate,
        Study,
        data,
        models,
        plots,
        report,
        study,
        uniform,
    )  # fmt: skip

    _make_folder("--out", out)
    steps = {
        "shift": Affine(translate_x=uniform(-3 / 16, 3 / 16), translate_y=uniform(-3 / 16, 3 / 16)),
        "rotate": Rotate(angle=uniform(-20, 20)),
        "noise": GaussianNoise(std=0.1),
        "erase": CoarseDropout(holes=1, height=3 / 16, width=3 / 16),
    }
    arms = study.combinations(steps)
    settings: dict[str, Any] = {
        "draws": 8, "train_size": 300, "copies": 3, "validation": 0.4, "test": 0.2, "storage": out / "study.db",
    }  # fmt: skip
    print(
        f"Which of {len(arms)} augmentation pipelines help a nearest neighbour read scattered digits?\n"
        "The digits are scikit-learn's, rotated and shifted by us before the split, by as much as two of the steps do: a\n"
        f"best case, made to show what helps and what hurts. Results go to {out}; interrupted, the same command goes on\n"
        "where it stopped.\n"
    )
    stock = Study(data.digits(), models.knn(), steps, name="digits as they came", **settings)
    scattered = Study(data.scattered_digits(), models.knn(), arms, **settings)
    if stock.run().interrupted or scattered.run().interrupted:
        return _INTERRUPTED  # run() has said so
    print(_table(scattered.compare()))
    print(f"\n{scattered.summary()}\n")
    effects = scattered.effects()
    print(f"What each step adds with the others on or off, in points:\n{_table(effects[effects['kind'] == 'main'])}\n")
    print(f"The same steps on the digits as they came, centred and upright:\n{stock.summary()}\n")
    files.write(out / "trials.csv", lambda path: scattered.trials_dataframe().to_csv(path, index=False))
    files.write(out / "comparison.png", plots.comparison(scattered).savefig)
    files.write(out / "effects.png", plots.effects(effects).savefig)
    pool = scattered.pool
    files.write(out / "grid.png", plots.grid(arms[-1].transform, list(pool.images[:4]), draws=6).savefig)
    report.write(scattered, out / "report.html")
    for name in ("report.html", "comparison.png", "effects.png", "grid.png", "trials.csv", "study.db"):
        _say(out / name)
    return 0


def _make_folder(option: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "there is a file of that name" if isinstance(error, FileExistsError) else error.strerror
        raise OSError(f"{option} must be a folder that can be made; {folder} cannot: {reason}") from None


def _table(table: Any, unit: str | None = None) -> str:
    """The comparison, narrow enough for a terminal; `unit` where it is no attribute of the table."""
    from augmentlab.study.words import chance

    hidden = ["code", "role", "kind", "seconds", "draws_needed"]
    shown = table.drop(columns=hidden, errors="ignore").assign(
        p=table["p"].map(lambda p: "" if math.isnan(p) else chance(p))
    )
    if "mean" in table and (unit or table.attrs["unit"]) == "points":  # which the differences are in
        shown["mean"] = table["mean"].map(lambda share: "" if math.isnan(share) else f"{100 * share:.1f} %")
    return str(shown.to_string(index=False, float_format=lambda x: f"{x:.2f}"))


def _lab(folder: Path, options: Sequence[str] = ()) -> int:
    if find_spec("jupyterlab") is None:
        print('augmentlab: lab needs JupyterLab; python -m pip install "augmentlab[lab]" brings it', file=sys.stderr)
        return 1
    _make_folder("--dir", folder)
    for notebook in tutorials():
        copy = folder / notebook.name
        if not copy.exists():  # what a person has changed is theirs
            files.write(copy, lambda path, notebook=notebook: shutil.copyfile(notebook, path))  # type: ignore[misc]
    from jupyterlab.labapp import main as serve

    # Without a terminal there is nobody to answer whether Ctrl-C is meant.
    answers = [] if sys.stdin is not None and sys.stdin.isatty() else ["-y"]
    serve([str(folder.resolve()), *answers, *options])
    return 0


def _app(given: argparse.Namespace) -> int:
    from augmentlab.app import serve

    return serve(given.folder, pipeline=given.pipeline, port=given.port, browser=not given.no_browser)


def _list(file: Path) -> int:
    import pandas as pd

    from augmentlab import Study
    from augmentlab.study.record import KEY_SHOWN

    rows = []
    for study in Study.open_all(file):
        trials = study.to_frame()
        last = "" if trials.empty else f"{trials['started'].max():%Y-%m-%d %H:%M}"
        done = f"{study.n_complete}/{study.n_trials}"
        rows.append((study.name, len(study.labels), study.draws, done, study.metric.name, last, study.key[:KEY_SHOWN]))
    columns = ["study", "arms", "draws", "complete", "metric", "last trial (UTC)", "key"]
    _say(pd.DataFrame(rows, columns=columns).to_string(index=False) if rows else "no study yet")
    return 0


def _show(file: Path, name: str | None) -> int:
    from augmentlab import Study

    study = Study.open(file, name)
    _say(f"{study!r}\n")
    table = study.compare(warn=False)  # the summary ends with what it would say
    _say(f"{study.summary()}\n\n{_table(table)}")
    confirmed, openings = study.confirmations(), study.openings()
    times = {0: "not opened", 1: "opened once"}.get(len(openings), f"opened {len(openings)} times")
    _say(f"\nThe locked test of these data was {times}.")
    if not confirmed.empty:
        _say(_table(confirmed, table.attrs["unit"]))
    return 0


def _report(file: Path, name: str | None, out: Path) -> int:
    from augmentlab import Study, report

    _say(report.write(Study.open(file, name), out))
    return 0


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a whole number in 0..65535; got {text!r}")
    return int(text)


def tutorials() -> list[Path]:
    """The notebooks that come with the package, in order."""
    # An installed package carries them inside; a checkout has them beside it.
    for folder in (_HERE / "notebooks", _HERE.parent / "notebooks"):
        if found := sorted(folder.glob("[0-9]*.ipynb")):
            return found
    raise FileNotFoundError(f"no notebooks in {_HERE / 'notebooks'}; installing augmentlab again brings them back")


if __name__ == "__main__":
    sys.exit(main())

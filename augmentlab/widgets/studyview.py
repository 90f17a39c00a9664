"""StudyView: a study while it runs and afterwards, as a table with a comparison plot in it."""

import html
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import anywidget
import traitlets

from augmentlab.markup import said, told
from augmentlab.study import Study
from augmentlab.widgets import studypictures, twin
from augmentlab.widgets.controls import STYLE
from augmentlab.widgets.studyrows import (
    SORTS,
    Row,
    Standing,
    axis_of,
    candidates_of,
    draws_of,
    failures_of,
    order_of,
    rows_of,
    unit_of,
)
from augmentlab.widgets.watch import Pace, Watcher

if TYPE_CHECKING:
    import pandas as pd

_HERE = Path(__file__).parent
_LOOK_S = 1.0  # between looks at the storage, and between two comparisons at least
_STILL_S = 10.0  # between two static pictures while the study runs
_PATIENCE_S = 2.0  # with the first picture, before the view is displayed without it


class StudyView(anywidget.AnyWidget):
    """A study in a notebook: every arm with its interval while it runs, and what is behind each number.

    The table and the plot in it follow the storage, whoever computes: the button in the view, `run`, another cell or
    another process. A click on an arm shows its code, what it does to images, the images it gets wrong most often, and
    what each draw gave.

    Parameters
    ----------
    study : Study
        Also one opened by ``Study.open``, which has no data and can only be looked at.

    Attributes
    ----------
    study : Study
    chosen : str
        Label of the arm that is shown below the table; empty for none.
    search : str
        Words that the label or the code of a shown arm has.
    tags : dict of str to bool
        True for a step that shown arms have, False for one that they do not have; see `steps`.
    sort : {"difference", "name", "p"}
        Order of the arms.
    steps : list of str
        What `tags` can name: the steps of an on/off design, or the classes of the arms' steps.

    Raises
    ------
    TypeError
        What was given is no Study.

    Examples
    --------
    >>> from augmentlab import Invert, Rotate, Study, data, models
    >>> arms = {"turn": Rotate(angle=5), "invert": Invert()}
    >>> study = Study(data.digits(), models.knn(), arms, draws=2, train_size=50, copies=1, storage=":memory:")
    >>> view = StudyView(study).run(n_jobs=1)
    >>> view.wait()
    >>> view.status["words"], view.steps
    ('Finished: 8 of 8 trials', ['Rotate', 'Invert'])
    >>> view.tags = {"Rotate": False}
    >>> view.shown
    ['invert']
    """

    chosen = traitlets.Unicode("").tag(sync=True)
    search = traitlets.Unicode("").tag(sync=True)
    tags = traitlets.Dict().tag(sync=True)
    sort = traitlets.Enum(SORTS, "difference").tag(sync=True)
    steps = traitlets.List().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    order = traitlets.List().tag(sync=True)
    axis = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    words = traitlets.Unicode("").tag(sync=True)
    failures = traitlets.Dict().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)
    pictures = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    twin = traitlets.Unicode("").tag(sync=True)
    _esm = (_HERE / "studyview.js").read_text(encoding="utf-8")
    _css = STYLE

    def __init__(self, study: Study) -> None:
        if not isinstance(study, Study):
            raise TypeError(f"study must be a Study, or StudyView.load(path) for a stored one; got {study!r:.80}")
        from augmentlab.plots import VERDICT_STYLE

        self.study = study
        self._candidates = candidates_of(study)
        self._rows: list[Row] = []
        self._table: pd.DataFrame | None = None
        self._trials: pd.DataFrame | None = None
        self._looking = threading.RLock()  # one look at a time
        self._showing = threading.RLock()  # rows and their order belong together; never held for long
        self._pace = Pace()
        self._last: _Task | None = None  # what was at work when it looked last
        self._known: tuple[Any, ...] = ()  # what the table was computed from
        self._next_table = self._next_still = 0.0
        self._drawn = threading.Event()
        self._displayed = False
        self._still = self._sent = ""  # the static picture, and the one in the notebook
        self._grid: dict[str, Any] = {}
        self._pages: set[str] = set()  # those that show it
        self._options: dict[str, Any] = {}
        self._watcher = Watcher(self._look, _LOOK_S)
        super().__init__(
            twin=twin.new_name(),
            steps=list(dict.fromkeys(tag for one in self._candidates for tag in one.tags)),
            about={"name": study.name, "words": _about(study), "verdicts": VERDICT_STYLE, "readonly": _readonly(study)},
            failures={"shown": [], "more": 0},
        )
        self._show_rows(None, {})
        self.status = Standing(
            done=0, failed=0, total=study.n_trials, finished=False, readonly=_readonly(study)
        ).plain()
        self.on_msg(lambda _widget, message, _buffers: self._on_message(message))
        self.observe(lambda _: self._show_order(), ["search", "tags", "sort"])
        self.observe(lambda _: self._choose(), "chosen")

    @classmethod
    def load(cls, storage: str | os.PathLike[str], name: str | None = None) -> Self:
        """Look at a stored study, which another process may be running.

        Parameters
        ----------
        storage : str or path-like
            The file.
        name : str, optional
            Which study; the one that was run last by default.

        Raises
        ------
        OSError, ValueError
            No file, no study file, or no study of that name; the sentence lists those that are there.
        """
        return cls(Study.open(storage, name))

    # --- what a person does ------------------------------------------------------------------------------------------

    def run(self, **options: Any) -> Self:
        """Run the study in a thread, so that the notebook stays free; what is stored is not computed again.

        Parameters
        ----------
        **options
            As for `Study.run`: ``n_jobs``, ``search``, ``n_trials``, ``client``, ``durable``. The buttons of the view
            take the last ones given.

        Returns
        -------
        StudyView
            Itself, so that ``StudyView(study).run()`` shows the study and starts it.

        Raises
        ------
        RuntimeError
            The study has no data, or this process is running it already.
        """
        self._options = options
        self._start("run", lambda: self.study.run(**options | {"progress": False}))
        return self

    def stop(self) -> None:
        """End a run; what is finished is kept."""
        if self._task is not None:
            self._task.stopping = True
        self.study.stop()
        self._watcher.ask()

    def confirm(self, label: str) -> None:
        """Open the locked test for an arm, in a thread; see `Study.confirm`."""
        self._start("confirm", lambda: self.study.confirm(self.study.arm(label), progress=False))

    def wait(self, timeout: float | None = None) -> None:
        """Return when nothing runs and the view shows what came out; raise what the run raised.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which to return in any case.
        """
        task = _TASKS.get(self.study)
        if task is not None:
            task.thread.join(timeout)
        self.refresh()
        if task is not None and task.error is not None:
            raise task.error

    def refresh(self) -> None:
        """Look at the storage now, whatever was seen before."""
        with self._looking:
            self._next_table = self._next_still = 0.0
            self._known = ()
            self._update()

    @property
    def shown(self) -> list[str]:
        """Labels of the arms that the filters let through, in their order."""
        return [self._rows[index].label for index in self.order if self._rows[index].role == "arm"]

    def close(self) -> None:
        """Take the view away; a run goes on."""
        if hasattr(self, "_watcher"):  # none where it was refused
            self._watcher.end()
        super().close()

    def __repr__(self) -> str:
        return f"StudyView({self.study!r})"

    def _on_message(self, message: dict[str, Any]) -> None:
        match message:
            case {"seen": str(page), "now": bool(now)}:
                (self._pages.add if now else self._pages.discard)(page)
                self._watcher.ask()
            case {"run": _} if not self._task and not _readonly(self.study):
                self.run(**self._options)
            case {"stop": _}:
                self.stop()
            case {"choose": str(label)}:
                self.chosen = label
            case {"tag": str(tag), "must": must} if tag in self.steps:
                others = {one: other for one, other in self.tags.items() if one != tag}
                self.tags = others if must is None else others | {tag: bool(must)}
            case {"clear": _}:
                self.search, self.tags = "", {}
            case {"search": str(text)}:
                self.search = text
            case {"sort": str(sort)} if sort in SORTS:
                self.sort = sort
            case {"confirm": str(label)} if not self._task and self._asks(label):
                self.confirm(label)

    def _asks(self, label: str) -> bool:
        """Whether the page was offered the locked test for this arm."""
        return (self.detail.get("label"), self.detail.get("confirm")) == (label, "ask")

    @property
    def _task(self) -> "_Task | None":
        """What this process is doing with the study."""
        task = _TASKS.get(self.study)
        return task if task is not None and task.alive else None

    def _start(self, kind: str, work: Callable[[], Any]) -> None:
        if self.study.data is None:
            raise RuntimeError("a loaded study has no data to run with; make it with Study(data, model, arms, ...)")
        if self._task is not None:
            raise RuntimeError("this study is running already; stop it first")
        self.error = ""
        _TASKS[self.study] = _Task(kind, work, self._watcher.ask)
        self._watcher.ask()

    # --- what it shows -----------------------------------------------------------------------------------------------

    def _look(self) -> bool:
        """Show what is new; whether there may be more soon."""
        with self._looking:
            try:
                return self._update()
            except Exception as error:  # noqa: BLE001 - such as a file that is gone; the next look may find it
                self.error = told(error)
                return bool(self._pages)
            finally:
                self._drawn.set()

    def _update(self) -> bool:
        task = self._task
        if task is not None and task.stopping:
            self.study.stop()  # again: one that came before the run had begun was forgotten
        done, failed = self.study.n_complete, self.study.n_failed
        if task is not self._last:
            self._pace.forget()  # what comes now comes from elsewhere, or at another speed
            self._last = task
        self._pace.see(done + failed)
        standing = self._standing(task, done, failed)
        began = time.monotonic()
        known = (done, failed, standing.finished, standing.task)
        if known != self._known and (began >= self._next_table or task is None):
            self._compare()
            self._known = known
            self._next_table = time.monotonic() + max(_LOOK_S, 2 * (time.monotonic() - began))
        last = _TASKS.get(self.study)
        self.error = "" if last is None or last.error is None else _sentence(last.error)
        self.status = standing.plain()
        self._show_detail(standing)
        if self._displayed and (began >= self._next_still or task is None):
            self._show_still(standing)
        waiting = bool(self._pages) and done < self.study.n_trials
        return task is not None or waiting or known != self._known

    def _standing(self, task: "_Task | None", done: int, failed: int) -> Standing:
        study = self.study
        return Standing(
            done=done,
            failed=failed,
            total=study.n_trials,
            finished=study.finished,
            readonly=_readonly(study),
            task="" if task is None else task.kind,
            stopping=task is not None and task.stopping,
            elsewhere=task is None and done < study.n_trials and self._pace.moving,
            left=self._pace.left(study.n_trials - done - failed),
        )

    def _compare(self) -> None:
        """Compute the table anew; a study whose control has no result yet has none."""
        trials = self.study.trials_dataframe()
        part = trials[trials["part"] == "validation"]
        bad = part[part["state"] == "failed"]
        shown, more = failures_of(part)
        ready = ((part["params_arm"] == "control") & (part["state"] == "complete")).any()
        table = self.study.compare(warn=False) if ready else None
        words = "" if table is None else self.study.summary(table)
        self._trials = trials
        self._show_rows(table, bad["params_arm"].value_counts().to_dict())
        self.words = words
        self.failures = {"shown": shown, "more": more}

    def _show_rows(self, table: "pd.DataFrame | None", failed: Mapping[Any, int]) -> None:
        with self._showing, self.hold_sync():
            self._table = table
            self._rows = rows_of(self._candidates, self.study.draws, table, failed)
            self.rows = [row.plain() for row in self._rows]
            self.axis = axis_of(self._rows, self.study.rope, unit_of(table)) if table is not None else {}
            self._show_order()

    def _show_order(self) -> None:
        with self._showing:
            self.order = order_of(self._rows, self.tags, self.search, self.sort)

    def _choose(self) -> None:
        """Say at once what is known without looking; pictures and draws follow."""
        known = [row for row in self._rows if row.label == self.chosen]
        self.detail = {"label": known[0].label, "code": known[0].code, "draws": []} if known else {}
        self._watcher.ask()

    def _show_detail(self, standing: Standing) -> None:
        row = next((row for row in self._rows if row.label == self.chosen), None)
        if row is None:
            self.detail, self.pictures = {}, {}
            return
        detail: dict[str, Any] = {"label": row.label, "code": row.code, "role": row.role, "draws": [], "confirm": ""}
        if self._trials is not None and self._table is not None:
            detail["draws"] = draws_of(self._trials, row.label, unit_of(self._table))
        if standing.finished and row.role == "arm":
            detail |= self._confirmation(row.label, standing)
        self.detail = detail
        if self._grid.get("label") != row.label:
            self.pictures = self._grid = studypictures.grid(self.study, row.label)
        self.pictures = self._grid | {
            "hardest": studypictures.hardest(self.study, row.label, self._complete(row.label))
        }

    def _complete(self, label: str) -> int:
        if self._trials is None:
            return 0
        part = self._trials[(self._trials["part"] == "validation") & (self._trials["params_arm"] == label)]
        return int((part["state"] == "complete").sum())

    def _confirmation(self, label: str, standing: Standing) -> dict[str, Any]:
        """What the locked test said of an arm, or whether it can be asked."""
        table = self.study.confirmations()
        table = table[table["arm"] == label] if len(table) else table
        if not len(table):
            can = not standing.readonly and not standing.task
            return {"confirm": "ask" if can else "", "openings": self.study.n_openings}
        row, unit = table.iloc[0], unit_of(self._table) if self._table is not None else unit_of(table)
        times = "opened for the first time" if row["openings"] == 1 else f"opening number {row['openings']}"
        said = (
            f"On the locked test ({times}): {row['verdict']}, {unit.change(row['difference'])} "
            f"({unit.change(row['low'])} to {unit.change(row['high'])}) {unit.of_differences}; "
            f"{unit.change(row['validation_difference'])} on the validation images."
        )
        return {"confirm": "done", "confirmed": said}

    # --- without a kernel --------------------------------------------------------------------------------------------

    def _show_still(self, standing: Standing) -> None:
        made = studypictures.still(
            self._rows, self.order, self._table, standing.words, self.words, f"{self.study.name}, {_about(self.study)}"
        )
        self._next_still = time.monotonic() + _STILL_S
        self._still = made
        if self._sent and self._sent != made:
            self._sent = made
            twin.update(self, self.twin, made)

    def _ipython_display_(self) -> None:
        self._displayed, self._next_still = True, 0.0
        self._drawn.clear()
        self._watcher.ask()
        self._drawn.wait(_PATIENCE_S)
        self._sent = self._still or f"<div>{html.escape(repr(self.study))}</div>"
        twin.show(self, self.twin, self._sent)
        self._watcher.ask()


class _Task:
    """What a thread does with a study; all views of it in this process show it.

    Parameters
    ----------
    kind : {"run", "confirm"}
    work : callable
    done : callable
        Called in the thread at the end.
    """

    def __init__(self, kind: str, work: Callable[[], Any], done: Callable[[], None]) -> None:
        self.kind = kind
        self.stopping = False
        self.error: BaseException | None = None
        self._finished = False
        # A daemon, so that the end of the kernel ends it; each trial is stored when it is there.
        self.thread = threading.Thread(target=self._work, args=(work, done), name="augmentlab-study", daemon=True)
        self.thread.start()

    @property
    def alive(self) -> bool:
        return not self._finished

    def _work(self, work: Callable[[], Any], done: Callable[[], None]) -> None:
        try:
            work()
        except Warning:
            pass  # of what failed, where warnings are errors: the view says it
        except BaseException as error:  # noqa: BLE001 - a model may even end its thread: it is shown, and raised by `wait`
            self.error = error
        finally:
            self._finished = True
            done()


_TASKS: "weakref.WeakKeyDictionary[Study, _Task]" = weakref.WeakKeyDictionary()


def _readonly(study: Study) -> bool:
    return study.data is None


def _about(study: Study) -> str:
    """What is compared, in a line."""
    count = len(study.labels)
    return f"{count} arm{'' if count == 1 else 's'}, {study.draws} draws of each, {study.metric.name}"


def _sentence(error: BaseException) -> str:
    return said(error) if isinstance(error, (ValueError, RuntimeError)) else told(error)

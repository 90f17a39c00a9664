"""Cells to trials in a file, whoever computes them: this process, its workers, or another that runs the same study."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

from augmentlab.study.storage import Trial, now

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from augmentlab.study.execution import Execution
    from augmentlab.study.runner import Cell, Work
    from augmentlab.study.storage import Storage

_LOOK = 0.3  # seconds between looks at what other processes have done


class Session:
    """A study at work; a context manager.

    Parameters
    ----------
    store : Storage
        Open for writing.
    execution : callable
        Makes what computes cells; called when the first one has to be computed.
    stop : Event
        Ends the work when set.
    bar : tqdm
        Counts cells.

    Attributes
    ----------
    failed : list of Trial
        Those that failed since it began.
    interrupted : bool
        Whether it was stopped, by Ctrl-C or by `stop`.
    """

    def __init__(
        self,
        store: Storage,
        execution: Callable[[], Execution[Work, Cell, tuple[Trial, ...]]],
        stop: threading.Event,
        bar: Any,
    ) -> None:
        self.store = store
        self.failed: list[Trial] = []
        self.interrupted = False
        self._make = execution
        self._execution: Execution[Work, Cell, tuple[Trial, ...]] | None = None
        self._stop = stop
        self._bar = bar
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._bar)
        self._stack.enter_context(self.store.claims_kept())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C end what goes on inside as `stop` does: what is finished is kept, and `interrupted` is True."""
        try:
            yield
        except KeyboardInterrupt:
            self._stop.set()
        self.interrupted = self._stop.is_set()

    def run(self, cells: Sequence[Cell], *, left: int = 0) -> None:
        """Compute and store those cells that are not complete; Ctrl-C ends it as `stop` does.

        Parameters
        ----------
        cells : sequence of Cell
            What is wanted now.
        left : int
            How many cells are to come in all, if that is more: many may repay the start of workers.
        """
        # Two arms may be the same computation (an arm that is the control), and are then computed once.
        unique = {tuple(target.key for target in cell.targets): cell for cell in cells}
        states = self.store.states({key for keys in unique for key in keys})
        pending = [
            (missing[0], cell)
            for keys, cell in unique.items()
            if (missing := [key for key in keys if states.get(key) != "complete"])
        ]
        self._bar.update(len(unique) - len(pending))
        with self.interruptible():
            if pending:
                self._complete(pending, left)

    def _complete(self, cells: Sequence[tuple[str, Cell]], left: int) -> None:
        """Compute what nobody has, and wait for what others are computing."""
        began = now()
        held = self._compute(cells, left)
        while held and not self._stop.wait(_LOOK):
            wanted = []
            for cell in held:
                missing = self._missing(cell, began)
                if missing:
                    wanted.append((missing[0], cell))
                else:
                    self._note(list(self.store.trials(target.key for target in cell.targets).values()))
            held = self._compute(wanted, left)

    def _missing(self, cell: Cell, began: str) -> list[str]:
        """Keys of the trials that a cell still owes: one that failed elsewhere meanwhile is not tried again."""
        there = self.store.trials(target.key for target in cell.targets)
        return [
            target.key
            for target in cell.targets
            if not ((one := there.get(target.key)) and (one.state == "complete" or one.started >= began))
        ]

    def _compute(self, cells: Sequence[tuple[str, Cell]], left: int) -> list[Cell]:
        """Compute the cells that this process can claim, each by the key beside it; return the others."""
        held: list[Cell] = []

        def claimed() -> Iterator[Cell]:
            for key, cell in cells:
                if self._stop.is_set():
                    return
                if self.store.claim(key):
                    yield cell
                else:
                    held.append(cell)

        if self._execution is None:
            self._execution = self._stack.enter_context(self._make())
        for trials in self._execution.results(claimed(), left=max(left, len(cells))):
            self.store.save_trials(trials)
            self._note(trials)
        return held

    def _note(self, trials: Sequence[Trial]) -> None:
        self.failed += [trial for trial in trials if trial.state == "failed"]
        self._bar.update()

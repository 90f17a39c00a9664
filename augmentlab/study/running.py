"""Cells to trials in a file, whoever computes them: this process, its workers, or another that runs the same study."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from augmentlab.study.storage import Trial, now

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence
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

    def run(self, cells: Sequence[Cell]) -> None:
        """Compute and store those cells that are not complete.

        Ctrl-C ends it as `stop` does: what is finished is kept, and `interrupted` is True.
        """
        # Two arms may be the same computation (an arm that is the control), and are then computed once.
        unique = {tuple(target.key for target in cell.targets): cell for cell in cells}
        states = self.store.states({key for keys in unique for key in keys})
        # A cell is claimed by the first of its trials that is missing.
        pending = {
            missing[0]: cell
            for keys, cell in unique.items()
            if (missing := [key for key in keys if states.get(key) != "complete"])
        }
        self._bar.update(len(unique) - len(pending))
        if pending:
            try:
                self._complete(pending)
            except KeyboardInterrupt:
                self._stop.set()
        self.interrupted = self._stop.is_set()

    def _complete(self, cells: Mapping[str, Cell]) -> None:
        """Compute what nobody has, and wait for what others are computing."""
        began = now()
        held = self._compute(cells)
        while held and not self._stop.wait(_LOOK):
            there = self.store.trials(held)
            # One that failed before all this began is tried again; one that failed elsewhere meanwhile is not.
            finished = {key for key, trial in there.items() if trial.state == "complete" or trial.started >= began}
            for key in finished:
                self._note([there[key]])
            held = self._compute({key: cell for key, cell in held.items() if key not in finished})

    def _compute(self, cells: Mapping[str, Cell]) -> dict[str, Cell]:
        """Compute the cells that this process can claim; return the others."""
        held: dict[str, Cell] = {}

        def claimed() -> Iterator[Cell]:
            for key, cell in cells.items():
                if self._stop.is_set():
                    return
                if self.store.claim(key):
                    yield cell
                else:
                    held[key] = cell

        if self._execution is None:
            self._execution = self._stack.enter_context(self._make())
        for trials in self._execution.results(claimed(), left=len(cells)):
            self.store.save_trials(trials)
            self._note(trials)
        return held

    def _note(self, trials: Sequence[Trial]) -> None:
        self.failed += [trial for trial in trials if trial.state == "failed"]
        self._bar.update()

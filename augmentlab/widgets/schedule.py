"""Which render runs: the newest request wins, and a long drag still shows pictures on its way."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any


class LatestWins:
    """Run at most one render at a time, in a worker thread; of the waiting requests only the newest is kept.

    A request that arrives during a render makes the running one stale. A stale render may stop between two steps
    (it asks ``stop()``), unless nothing has been shown for `min_interval` seconds: then it finishes, so that a
    drag of any length shows a picture at least that often. Without an event loop (a script, a unit test) the
    render runs at once in the calling thread.

    Parameters
    ----------
    render : callable
        ``render(request, stop)`` gives the result, or None where it stopped because ``stop()`` said so.
        It runs in a worker thread.
    publish : callable
        ``publish(request, result)`` shows a result; it runs in the thread of the event loop.
    on_error : callable, optional
        ``on_error(exception)`` shows what a render or publish raised, in the thread of the event loop. The exception is
        raised again by `wait_idle`, or at once where there is no event loop.
    min_interval : float
        Seconds after which a picture must be shown even if it is no longer the newest.
    clock : callable
        The time in seconds.

    Attributes
    ----------
    submitted, rendered, cancelled : int
        How many requests came in, were shown, and were stopped on the way.
    """

    def __init__(
        self,
        render: Callable[[Any, Callable[[], bool]], Any],
        publish: Callable[[Any, Any], None],
        on_error: Callable[[BaseException], None] = lambda _: None,
        *,
        min_interval: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._render = render
        self._publish = publish
        self._on_error = on_error
        self._min_interval = min_interval
        self._clock = clock
        self._newest = 0
        self._shown = 0
        self._pending: list[Any] = []
        self._task: asyncio.Task[None] | None = None
        self._shown_at = -float("inf")
        self._error: BaseException | None = None
        self.submitted = self.rendered = self.cancelled = 0

    def run_now(self, request: Any) -> None:
        """Render and show in the calling thread, whatever else runs or waits; what it raises is raised here."""
        self.cancel()
        self.submitted += 1
        self._error = None
        self._run_here(request)

    def submit(self, request: Any) -> None:
        """Ask for a render; it replaces any request that still waits."""
        self.submitted += 1
        self._newest += 1
        self._error = None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._run_here(request)
            return
        self._pending = [request]
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())

    def cancel(self) -> None:
        """Forget the waiting request; the running render stops at its next step and is not shown."""
        self._newest += 1
        self._shown = self._newest
        self._pending = []

    async def wait_idle(self) -> None:
        """Return when nothing runs and nothing waits; raise what the last render raised, if it raised."""
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task})
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run_here(self, request: Any) -> None:
        try:
            self._publish(request, self._render(request, lambda: False))
        except Exception as error:
            self._error = error
            self._on_error(error)
            raise
        self.rendered += 1

    async def _run(self) -> None:
        while self._pending:
            request, number = self._pending.pop(), self._newest
            try:
                result = await asyncio.to_thread(self._render, request, partial(self._may_stop, number))
                if result is None or number <= self._shown:
                    self.cancelled += 1
                    continue
                self._publish(request, result)
            except Exception as error:  # noqa: BLE001 - whatever a transform raises is shown, and raised by wait_idle
                # A newer request will show whether it fails as well.
                if not self._pending and number > self._shown:
                    self._error = error
                    self._on_error(error)
            else:
                self._shown, self._shown_at = number, self._clock()
                self.rendered += 1

    def _may_stop(self, number: int) -> bool:
        if number <= self._shown:
            return True
        return self._newest != number and self._clock() - self._shown_at < self._min_interval

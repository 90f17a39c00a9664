"""Which render runs: the newest request wins, and a long drag still shows pictures on its way."""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

_LOOK_S = 0.05


async def _at_once() -> None:
    """Nothing has to be waited for."""


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
        Seconds after which a picture must be shown even if it is no longer the newest; with its way to the screen, a
        drag then shows one at least every 0.25 s and the time of one render, which `python -m benchmarks.explorer` judges.
    delay : float
        Seconds without a new request before one is rendered: for what is worth doing only at rest.
    ready : callable
        ``await ready()`` returns when another picture may be sent, for pages that are slower than the renders.
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
        min_interval: float = 0.2,
        delay: float = 0.0,
        ready: Callable[[], Awaitable[None]] = _at_once,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._render = render
        self._publish = publish
        self._on_error = on_error
        self._min_interval = min_interval
        self._delay = delay
        self._ready = ready
        self._clock = clock
        self._newest = 0
        self._shown = 0
        self._pending: list[Any] = []
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shown_at = -float("inf")
        self._error: BaseException | None = None
        self.submitted = self.rendered = self.cancelled = 0

    @property
    def busy(self) -> bool:
        """Whether something is rendered or waits."""
        return self._task is not None and not self._task.done()

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
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self.cancel()
            self._run_here(request)
            return
        self._pending = [request]
        if not self.busy:
            self._task = self._loop.create_task(self._run())

    def cancel(self) -> None:
        """Forget the waiting request and the running one: it stops at its next step, and is not shown.

        The next request does not wait for it, so that a step that never returns costs a thread, not the session.
        """
        if self.busy and not self._pending:
            self.cancelled += 1
        self._newest += 1
        self._shown = self._newest
        self._pending = []
        self._task = None

    def post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the thread of the event loop: for a render that has something to say on its way."""
        if self._loop is None or threading.current_thread() is threading.main_thread():
            function(*arguments)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there to be told
                self._loop.call_soon_threadsafe(function, *arguments)

    async def wait_idle(self) -> None:
        """Return when nothing runs and nothing waits; raise what the last render raised, if it raised."""
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=_LOOK_S)  # one that is cancelled is not waited for
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
        task = asyncio.current_task()
        while self._pending and self._task is task:
            number = self._newest
            if self._delay:
                await asyncio.sleep(self._delay)
                if number != self._newest:
                    continue
            await self._ready()
            if not self._pending or self._task is not task:
                continue
            request, number = self._pending.pop(), self._newest
            try:
                result = await in_thread(partial(self._render, request, partial(self._may_stop, number)))
                if number <= self._shown:
                    return  # cancelled, and counted there
                if result is None:
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


class Trailing:
    """Call a function some time after it was asked for, once for all that asked meanwhile; at once without an event loop.

    For what may follow a picture a little later, so that it does not hold the picture up.
    """

    def __init__(self, function: Callable[[], None], seconds: float) -> None:
        self._function, self._seconds = function, seconds
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self) -> None:
        """Call it in a while, unless that is going to happen already."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.now()
            return
        if self._timer is None or self._loop is not loop:  # what waited in a loop that has ended will not come
            self._timer, self._loop = loop.call_later(self._seconds, self.now), loop

    def now(self) -> None:
        """Call it at once."""
        self.forget()
        self._function()

    def flush(self) -> None:
        """Call it if that was going to happen."""
        if self._timer is not None:
            self.now()

    def forget(self) -> None:
        """Do not call it after all."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def in_thread(function: Callable[[], Any]) -> Any:
    """What a function returns that runs in a thread of its own.

    A daemon, unlike the threads of `asyncio.to_thread`: one that never ends must not keep the kernel from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(result)
        else:
            # A future takes no StopIteration, and whoever calls sys.exit in a step must not end the kernel.
            if isinstance(error, StopIteration) or not isinstance(error, Exception):
                error = RuntimeError(repr(error)).with_traceback(error.__traceback__)
            future.set_exception(error)

    def run() -> None:
        result, failed = None, None
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), name="augmentlab-render", daemon=True).start()
    return await future

"""A thread that looks again and again, for as long as somebody wants to know."""

import threading
import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 120.0  # of the past, from which the time left is estimated
_SHORTEST_S = 2.0  # that tells a pace
_QUIET_S = 10.0  # without a new trial, and nobody seems to be at work


class Watcher:
    """Call a function at once when asked, and again every so often while it says so; the thread ends when it does not.

    Parameters
    ----------
    look : callable
        ``look() -> bool``: whether to look again after a while. One call runs at a time, all in the watcher's thread.
    seconds : float
        Between two looks; a look that takes longer is followed by as long a pause, which leaves time to others.

    Examples
    --------
    >>> looks = []
    >>> watcher = Watcher(lambda: looks.append(1) or len(looks) < 3, 0.01)
    >>> watcher.ask()
    >>> watcher.join()
    >>> len(looks)
    3
    """

    def __init__(self, look: Callable[[], bool], seconds: float = 1.0) -> None:
        self._look, self._seconds = look, seconds
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._ended = False
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Look at once; after `end`, no more."""
        with self._lock:
            self._asked.set()
            if self._thread is None and not self._ended:
                # A daemon: one that waits for a slow disk must not keep the kernel from ending.
                self._thread = threading.Thread(target=self._work, name="augmentlab-watcher", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._ended = True
        self._asked.set()

    def join(self, timeout: float | None = None) -> None:
        """Return when nothing is to be looked at, or after some seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _work(self) -> None:
        while True:
            self._asked.clear()
            began = time.monotonic()
            again = not self._ended and self._look()
            if again:
                self._asked.wait(max(self._seconds, time.monotonic() - began))
            with self._lock:
                if self._ended or not (again or self._asked.is_set()):
                    self._thread = None
                    return


class Pace:
    """How fast something gets done, as seen from time to time.

    Parameters
    ----------
    clock : callable
        The time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, done: int) -> None:
        """Note how much is done now."""
        now = self._clock()
        if not self._seen or done != self._seen[-1][1]:
            self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[0][0] < now - _WINDOW_S:
            self._seen.popleft()

    def forget(self) -> None:
        """Start anew, since what comes is done by others, or elsewhere."""
        self._seen.clear()

    @property
    def moving(self) -> bool:
        """Whether something got done not long ago."""
        return len(self._seen) > 1 and self._clock() - self._seen[-1][0] < _QUIET_S

    def left(self, todo: int) -> float | None:
        """Seconds until the rest is done, at this pace; None before it is known."""
        if len(self._seen) < 2:
            return None
        (start, before), (_, done) = self._seen[0], self._seen[-1]
        elapsed = self._clock() - start
        if elapsed < _SHORTEST_S or done <= before:
            return None
        return todo * elapsed / (done - before)

"""A thread behind a bounded mailbox: others keep delivering, and the oldest items are dropped. Needs no ROS."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Worker(Generic[Item]):
    """Takes everything that has come since it last looked, and hands it over in one call.

    Whoever delivers is never kept waiting: overload drops the oldest instead of exerting backpressure. Work that became
    stale meanwhile can be recognised: it is every item of the batch but the last.

    Args:
        work: Called on the worker's thread with the waiting items, oldest first. Must not raise.
        capacity: Items that may wait; beyond it the oldest are dropped. 1 keeps the newest only.

    >>> seen, done = [], threading.Event()
    >>> worker = Worker(lambda items: (seen.extend(items), done.set()), capacity=2)
    >>> [worker.put(item) for item in (1, 2, 3)]
    [False, False, True]
    >>> worker.start()
    >>> done.wait(10), seen
    (True, [2, 3])
    >>> worker.stop()
    """

    def __init__(self, work: Callable[[list[Item]], None], capacity: int) -> None:
        self._work = work
        self._waiting: deque[Item] = deque()
        self._capacity = capacity
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs; one that should and does not has died of its work."""
        return self._thread is not None and self._thread.is_alive()

    def put(self, item: Item) -> bool:
        """Deliver an item, from any thread.

        Returns:
            Whether an older one was dropped for it.
        """
        with self._changed:
            full = len(self._waiting) == self._capacity
            if full:
                self._waiting.popleft()
            self._waiting.append(item)
            self._changed.notify()
        return full

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: The system gives no further thread.
        """
        thread = threading.Thread(target=self._run, name="worker", daemon=True)
        thread.start()  # may fail, and then there is nothing to be ended
        self._thread = thread

    def stop(self) -> None:
        """Forget what waits, and end the thread after the call that it is in. Does nothing if it does not run."""
        with self._changed:
            self._stopping = True
            self._waiting.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                batch = list(self._waiting)
                self._waiting.clear()
            if not batch:
                return
            self._work(batch)

"""Waiting for calls into native code, which no signal interrupts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar


class Closable(Protocol):
    """What is opened."""

    def release(self) -> None:
        """Close it."""
        ...


Opened = TypeVar("Opened", bound=Closable)
_LOOK_S = 0.1


def open_interruptibly(connect: Callable[[], Opened], stop: threading.Event | None = None) -> Opened:
    """Open something that may take long, without being deaf meanwhile.

    The call itself runs on a thread of its own. Whoever does not wait for it any more, because a signal came or
    ``stop`` was set, leaves it behind; what it opens later is closed at once.

    Args:
        connect: Opens it; its errors are raised here.
        stop: Ends the wait when it is set.

    Raises:
        InterruptedError: ``stop`` was set.
    """
    opened: list[Opened] = []
    errors: list[BaseException] = []
    done, left, lock = threading.Event(), threading.Event(), threading.Lock()

    def work() -> None:
        try:
            result = connect()
            with lock:
                if not left.is_set():
                    opened.append(result)
                    return
            result.release()
        except BaseException as error:  # raised where it is waited for
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="open", daemon=True).start()
    try:
        while not done.wait(_LOOK_S):
            if stop is not None and stop.is_set():
                raise InterruptedError("opening was given up, since the end was asked for")
    except BaseException:
        with lock:
            left.set()
            for late in opened:
                late.release()
        raise
    if errors:
        raise errors[0]
    return opened[0]

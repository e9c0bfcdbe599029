"""Waiting for what may take long, or for ever, in a process that is to end when it is told to. Needs no ROS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_POLL_S = 0.1
LONGEST_S = 120.0
"""Longest wait in seconds: a model that loads for longer never will."""


_left: list[threading.Thread] = []


def is_anything_left() -> bool:
    """Whether a call that nobody waits for any more still runs; the process then has to end without waiting for it."""
    return any(thread.is_alive() for thread in _left)


def patiently(call: Callable[[], Result], what: str, stopping: threading.Event, longest_s: float = LONGEST_S) -> Result:
    """Call a function on a thread of its own, and stop waiting for it when the process is to end.

    Native code cannot be interrupted, and no signal is handled while it runs on the main thread. What is still running
    when the wait ends is left to its thread, which does not keep the process alive.

    Args:
        call: The function.
        what: What it does, for messages.
        stopping: Set when the process is to end.
        longest_s: Longest wait.

    Raises:
        InterruptedError: The process is to end.
        TimeoutError: It took too long.
        Exception: Whatever the function raises.
    """
    done = threading.Event()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name=what, daemon=True)
    thread.start()
    waited_s = 0.0
    while not done.wait(_POLL_S):
        waited_s += _POLL_S
        if stopping.is_set():
            _left.append(thread)
            raise InterruptedError(f"{what} was interrupted")
        if waited_s > longest_s:
            _left.append(thread)
            raise TimeoutError(f"{what} took longer than {longest_s:g} s; restart the node to be rid of it")
    if errors:
        raise errors[0]
    return results[0]

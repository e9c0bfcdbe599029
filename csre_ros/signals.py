"""The signals by which a program is asked to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def ending_signals() -> tuple[signal.Signals, ...]:
    """Ctrl-C, what ``kill`` and service managers send, and the terminal that closes or the ssh that drops.

    A hang-up that is ignored already, as under ``nohup``, stays ignored.
    """
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is None or signal.getsignal(hang_up) is signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, hang_up)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keeps ending signals out of code that an exception at any instruction would leave half done.

    The first that comes is handled afterwards, as it would have been; further ones are the same wish. What runs inside
    must be short, or must end by itself.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread handles signals
        yield
        return
    came: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, remember) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])

"""What the page shows, between the one who recognises and those who look: the newest instant, and every event."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KEPT = 500

Record = Mapping[str, Any]


@dataclass(frozen=True)
class News:
    """What somebody has not seen yet.

    Attributes:
        about: What is shown, where it is new to them.
        moment: The newest instant, where there is another one.
        events: Numbers and records of the events since then, oldest first.
        ended: Nothing follows.
    """

    about: Record | None
    moment: Record | None
    events: tuple[tuple[int, Record], ...]
    ended: bool


class Board:
    """Written by one thread, read by one thread for each browser. Who reads slowly misses instants, and no event.

    Attributes:
        watched: Set once somebody looks.
    """

    def __init__(self) -> None:
        self.watched = threading.Event()
        self._news = threading.Condition()
        self._about: Record = {}
        self._moment: Record | None = None
        self._events: deque[tuple[int, Record]] = deque(maxlen=_KEPT)
        self._abouts = self._moments = self._number = 0
        self._ended = False

    def introduce(self, about: Record) -> None:
        """Say what is shown: source, bundle, labels."""
        with self._news:
            self._about, self._abouts = about, self._abouts + 1
            self._news.notify_all()

    def show(self, moment: Record) -> None:
        """Replace the newest instant."""
        with self._news:
            self._moment, self._moments = moment, self._moments + 1
            self._news.notify_all()

    def tell(self, event: Record) -> None:
        """Add an event; the newest 500 are kept for those who come later."""
        with self._news:
            self._number += 1
            self._events.append((self._number, event))
            self._news.notify_all()

    def end(self) -> None:
        """Nothing follows."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    def reader(self, seen: int = 0) -> Reader:
        """For one browser.

        Args:
            seen: Number of the last event that it knows.
        """
        return Reader(self, seen)


class Reader:
    """What one browser has seen of a board."""

    def __init__(self, board: Board, seen: int) -> None:
        self._board, self._seen = board, seen
        self._abouts = self._moments = 0
        board.watched.set()

    def wait(self, timeout_s: float) -> News | None:
        """What is new; None where nothing was for so long."""
        board = self._board
        with board._news:
            if not board._news.wait_for(self._behind, timeout_s):
                return None
            news = News(
                board._about if board._abouts != self._abouts else None,
                board._moment if board._moments != self._moments else None,
                tuple(event for event in board._events if event[0] > self._seen),
                board._ended,
            )
            self._abouts, self._moments, self._seen = board._abouts, board._moments, board._number
            return news

    def _behind(self) -> bool:
        board = self._board
        seen = (board._abouts, board._moments, board._number) == (self._abouts, self._moments, self._seen)
        return board._ended or not seen

"""What a running node says, on the board of the page. Others on the network may say anything under its name."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from csre_ros.app.dash.board import Board
from csre_ros.app.dash.painter import Painter
from csre_ros.app.screen.terminal import console
from csre_ros.foreign_text import is_printable, quoted, sentence
from csre_ros.overlay import captions_of
from csre_ros.recognition import ActionEvent
from csre_ros.ros.listener import Listener
from csre_ros.skeleton import Frame

_SILENT_S = 3.0


class Heard:
    """Listens to a node, joins what it says of people with where they are, and says so where nothing comes.

    A message that is not what it should be is left out; the first of them is said. A context manager, as the
    :class:`~csre_ros.ros.listener.Listener` in it.

    Args:
        node: Full name of the node.
        board: Where labels go.
        painter: Where people and events go.

    Attributes:
        covered_s: Source time from the first to the newest record, in seconds.
        refused: Messages that were left out.

    Raises:
        ValueError: That is no name of a node.
    """

    def __init__(self, node: str, board: Board, painter: Painter) -> None:
        self.covered_s = 0.0
        self.refused = 0
        self._node, self._board, self._painter = node, board, painter
        self._first_s: float | None = None
        self._people: dict[int, dict[str, Any]] = {}
        self._age_ms, self._stamp_ns = 0.0, 0
        self._heard_s, self._is_silent = time.monotonic(), False
        board.introduce({"title": node, "bundle": "", "labels": []})
        self._listener = Listener(node, self._on_actions, self._on_people, self._on_classes)

    def __enter__(self) -> Heard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.__exit__(kind, error, trace)
        if self.refused:
            console.print(f"{self.refused} messages of {self._node} could not be read and were left out")

    def spin_once(self, timeout_s: float) -> None:
        """Take in what has arrived, waiting at most this long."""
        try:
            self._listener.spin_once(timeout_s)
        except (ValueError, LookupError, TypeError, ArithmeticError) as error:
            self.refused += 1
            if self.refused == 1:
                console.print(f"a message of {self._node} is left out: {sentence(error)} ({type(error).__name__})")
        silent = time.monotonic() - self._heard_s > _SILENT_S
        if silent and not self._is_silent:
            told = f"nothing has come from {self._node} for {_SILENT_S:g} s"
            console.print(f"{told}: is it running and active, under this name and in this ROS domain?")
            self._show(Frame(self._stamp_ns, "", ()), told)
        self._is_silent = silent

    def _on_actions(self, record: Mapping[str, Any]) -> None:
        self._heard_s = time.monotonic()
        events = [ActionEvent.from_record(event) for event in record["events"]]
        stamp_s, self._age_ms = _number(record["stamp"]), _number(record["age_ms"])
        self._people = {person["id"]: person for person in map(_checked, record["persons"])}
        self._first_s = stamp_s if self._first_s is None else self._first_s
        self.covered_s = stamp_s - self._first_s
        self._painter.tell(events)

    def _on_people(self, frame: Frame) -> None:
        self._heard_s, self._stamp_ns = time.monotonic(), frame.stamp_ns
        self._show(frame)

    def _on_classes(self, record: Mapping[str, Any]) -> None:
        labels = [_text(one["action"]) for one in record["classes"] if not one["background"]]
        self._board.introduce({"title": self._node, "bundle": _text(record["model"]["name"]), "labels": labels})

    def _show(self, frame: Frame, warning: str = "") -> None:
        people = captions_of(frame, self._people)
        self._painter.show(frame.stamp_ns, people, None, {"latency_ms": self._age_ms, "warning": warning})


def _checked(person: Mapping[str, Any]) -> dict[str, Any]:
    """What a caption needs of a person in a record, if it is what it should be."""
    labels = {name: None if person[name] is None else _text(person[name]) for name in ("action", "best")}
    return {"id": operator.index(person["id"]), "score": _number(person["score"]), **labels}


def _text(value: object) -> str:
    if not isinstance(value, str) or not is_printable(value):
        raise ValueError(f"{quoted(value)} is no label")
    return value


def _number(value: Any) -> float:
    if not math.isfinite(number := float(value)):
        raise ValueError(f"{quoted(value)} is no number")
    return number

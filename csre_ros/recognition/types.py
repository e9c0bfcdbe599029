"""What recognition says: one record per person and frame, and the events inside it."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from csre_ros.foreign_text import is_printable, quoted, sentence
from csre_ros.skeleton import FloatArray, Skeleton


class EventState(str, Enum):
    """Phase of an action."""

    STARTED = "started"
    ONGOING = "ongoing"
    ENDED = "ended"


class Decision(str, Enum):
    """What is known about somebody: whether there is an action, and if not, why not."""

    UNDECIDED = "undecided"  # too little was seen yet, or an action has not lasted long enough to be reported
    IDLE = "idle"  # nothing that the bundle was trained to tell apart is being done
    UNKNOWN = "unknown"  # something is being done, and no label fits
    ACTION = "action"


@dataclass(frozen=True)
class ActionEvent:
    """One change that a robot may act on.

    Attributes:
        stamp_ns: Source stamp of the newest frame that led to the decision.
        person: Track id.
        action: Label of the bundle.
        state: Phase of the action.
        score: Smoothed probability of the action at ``stamp_ns``; for ``ended`` the highest it reached.
        since_ns: When the action began, as far as that can be told: its onset, before it was decided.
        until_ns: When it ended, of ``ended`` only: its offset.
    """

    stamp_ns: int
    person: int
    action: str
    state: EventState
    score: float
    since_ns: int
    until_ns: int | None = None

    def to_record(self) -> dict[str, Any]:
        """The event as it is written to JSON: times in seconds, and plain values."""
        record = {
            "stamp": round(self.stamp_ns / 1e9, 6),
            "person": self.person,
            "action": self.action,
            "state": self.state.value,
            "score": round(float(self.score), 4),
            "since": round(self.since_ns / 1e9, 6),
        }
        return record if self.until_ns is None else {**record, "until": round(self.until_ns / 1e9, 6)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ActionEvent:
        """The event that :meth:`to_record` wrote.

        Raises:
            ValueError: The record is none of an event.
        """
        try:
            since_ns, stamp_ns = (round(record[key] * 1e9) for key in ("since", "stamp"))
            until_ns = round(record["until"] * 1e9) if "until" in record else None
            person, action, score = operator.index(record["person"]), record["action"], float(record["score"])
            state = EventState(record["state"])
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"no event: {quoted(record)} ({sentence(error)})") from error
        if not (isinstance(action, str) and is_printable(action) and math.isfinite(score)):
            raise ValueError(f"no event: {quoted(record)} (action or score)")
        return cls(stamp_ns, person, action, state, score, since_ns, until_ns)


@dataclass(frozen=True, eq=False)
class PersonAction:
    """What one tracked person is doing at one instant.

    Attributes:
        stamp_ns: Source stamp of the newest frame in the person's window.
        frame_id: Coordinate frame of ``skeleton``.
        person: Track id, not reused until the recognizer is reset.
        present: False exactly once, in the record that reports that the track ended.
        skeleton: The person's newest skeleton in the source's own layout; None when not seen in this frame.
        decision: Whether there is an action, and if not, why not.
        action: The action being performed; None unless ``decision`` is ``ACTION``.
        score: Smoothed probability of ``action``, or of the best label where there is none.
        best: The label with the highest smoothed probability, background labels included; None before the first
            decision.
        probabilities: ``[classes]`` smoothed probabilities in the order of the bundle's labels; None before the first
            decision.
        window_ns: Source stamps of the oldest and newest frame behind the decision.
        events: Events that this step caused, in order.
    """

    stamp_ns: int
    frame_id: str
    person: int
    present: bool
    skeleton: Skeleton | None
    decision: Decision
    action: str | None
    score: float
    best: str | None
    probabilities: FloatArray | None
    window_ns: tuple[int, int]
    events: tuple[ActionEvent, ...]

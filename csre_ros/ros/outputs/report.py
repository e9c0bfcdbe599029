"""The one report that every message is made of, and what an output is. Needs no ROS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from csre_ros.recognition.bundle_info import BundleInfo, Label
from csre_ros.recognition.types import ActionEvent, EventState, PersonAction
from csre_ros.skeleton import Pinhole, Skeleton
from csre_ros.sources.frames import Image

_BODY_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True, eq=False)
class Report:
    """What is known after a frame.

    Attributes:
        stamp_ns: Source stamp of the frame.
        frame_id: Coordinate frame of everything published about it.
        now_ns: The node's clock.
        people: What recognition said, of those who left as well.
        info: The bundle that decided.
        labels: What can be told apart, in the order of all probabilities; it may change from one report to the next.
        image: The picture, where the source has one.
        camera: How points in space come into the picture, where that is known.
    """

    stamp_ns: int
    frame_id: str
    now_ns: int
    people: tuple[PersonAction, ...]
    info: BundleInfo
    labels: tuple[Label, ...]
    image: Image | None = None
    camera: Pinhole | None = None

    @property
    def age_ms(self) -> float:
        """From the frame's stamp to the report."""
        return (self.now_ns - self.stamp_ns) / 1e6

    @property
    def events(self) -> tuple[ActionEvent, ...]:
        """Everything that the frame caused, in order."""
        return tuple(event for person in self.people for event in person.events)

    def followed(self) -> list[PersonAction]:
        """Everybody who has not left, longest followed first."""
        return sorted((person for person in self.people if person.present), key=lambda person: person.person)

    def seen(self) -> Iterator[tuple[PersonAction, Skeleton]]:
        """Everybody in the frame itself, with their skeletons."""
        for person in self.people:
            if person.present and person.skeleton is not None:
                yield person, person.skeleton


def primary_person(people: Sequence[PersonAction]) -> PersonAction | None:
    """The one person whose action ``~/action`` carries: whoever has been followed for longest.

    Ids count upwards, so this is the lowest id present. The rule is deaf to who stands nearest,
    which would change from frame to frame; a controller that serves several people reads ``~/actions``.
    """
    return min((person for person in people if person.present), key=lambda person: person.person, default=None)


def likeliest(person: PersonAction, count: int) -> list[tuple[int, float]]:
    """Index and smoothed probability of the most probable labels, best first; empty before the first decision."""
    if person.probabilities is None:
        return []
    order = np.argsort(-person.probabilities, kind="stable")[:count]
    return [(i, float(person.probabilities[i])) for i in order.tolist()]


def phase(person: PersonAction, events: Sequence[ActionEvent]) -> EventState | None:
    """Phase of a person's action, given all events since the last message; None where there is none."""
    states = {event.state for event in events if event.person == person.person}
    if person.action is None:
        return EventState.ENDED if EventState.ENDED in states else None
    return EventState.STARTED if EventState.STARTED in states else EventState.ONGOING


def standing(skeleton: Skeleton | None) -> tuple[float, float, float] | None:
    """Where somebody is: the centre of the hips, or of all joints where those are not seen.

    Returns:
        x, y and z in metres in the frame of the report; None for somebody who is not seen, or in an image only.
    """
    if skeleton is None or skeleton.layout.dims != 3:
        return None
    index = skeleton.layout.index
    hips = [index[name] for name in ("left_hip", "right_hip") if name in index]
    points = skeleton.positions[hips]
    if len(hips) < 2 or not np.isfinite(points).all():
        points = skeleton.positions[np.isfinite(skeleton.positions).all(axis=1)]
    x, y, z = points.astype(np.float64).mean(axis=0).tolist()
    return x, y, z


def body_id(person: PersonAction) -> str:
    """The id of REP-155: the source's own where it fits into a topic name, else one made of the track's."""
    own = person.skeleton.source_id if person.skeleton is not None else None
    return own if own is not None and _BODY_ID.fullmatch(own) else f"person{person.person}"


class Output(Protocol):
    """Publishes one kind of message. Called on the worker's thread while active, on the node's otherwise."""

    def publish(self, report: Report) -> None:
        """Say what is known."""
        ...

    def withdraw(self, report: Report) -> None:
        """Nobody is seen any more; the report is of the newest frame, with the last events of those who were."""
        ...

    def destroy(self) -> None:
        """Remove the publishers."""
        ...

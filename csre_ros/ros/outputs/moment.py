"""What every output is told after a frame. Needs no ROS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from csre_ros.recognition.types import PersonAction
from csre_ros.skeleton import Skeleton
from csre_ros.sources.frames import Image

_BODY_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True, eq=False)
class Moment:
    """What is known after a frame.

    Attributes:
        stamp_ns: Source stamp of the frame.
        frame_id: Coordinate frame of everything published about it.
        people: What recognition said.
        image: The picture, where the source has one.
    """

    stamp_ns: int
    frame_id: str
    people: tuple[PersonAction, ...]
    image: Image | None = None

    def seen(self) -> Iterator[tuple[PersonAction, Skeleton]]:
        """Everybody in the frame itself, with their skeletons."""
        for person in self.people:
            if person.present and person.skeleton is not None:
                yield person, person.skeleton


def body_id(person: PersonAction) -> str:
    """The id of REP-155: the source's own where it fits into a topic name, else one made of the track's."""
    own = person.skeleton.source_id if person.skeleton is not None else None
    return own if own is not None and _BODY_ID.fullmatch(own) else f"person{person.person}"


class Output(Protocol):
    """Publishes one kind of message. Called on the worker's thread while active, on the node's otherwise."""

    def publish(self, moment: Moment) -> None:
        """Say what is known."""
        ...

    def withdraw(self) -> None:
        """Nobody is seen any more."""
        ...

    def destroy(self) -> None:
        """Remove the publishers."""
        ...

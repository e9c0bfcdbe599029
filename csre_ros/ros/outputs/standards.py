"""Actions as the standards of human-robot interaction have them: gestures of a body (REP-155), and intents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.publisher import Publisher

from csre_ros.recognition.types import ActionEvent, EventState
from csre_ros.ros.outputs.report import Report, body_id
from csre_ros.ros.outputs.symbols import Symbols, constant
from csre_ros.ros.packages import message_class
from csre_ros.ros.qos import LATCHED, NEWEST, RELIABLE, overridable
from csre_ros.ros.stamps import from_ns

TRACKED = "/humans/bodies/tracked"
"""Where REP-155 has the ids of all bodies."""


class _Bodies:
    """Remembers under which id everybody in view is known, and tells what they do."""

    def __init__(self) -> None:
        self.ids: dict[int, str] = {}

    def step(self, report: Report) -> Iterator[tuple[str, ActionEvent]]:
        """Body ids and events of a frame."""
        present = {person.person for person in report.people if person.present}
        self.ids = {person: name for person, name in self.ids.items() if person in present}
        for person, _ in report.seen():
            self.ids.setdefault(person.person, body_id(person))
        for person in report.people:
            for event in person.events if person.person in self.ids else ():
                yield self.ids[person.person], event


class Gestures:
    """Publishes ``hri_msgs/Gesture`` on ``/humans/bodies/<id>/gesture`` when a gesture begins and while it goes on.

    Who listens by REP-155 looks for the bodies on ``/humans/bodies/tracked``, so their ids are published there.

    Args:
        node: Owner of the publishers; those of a body come with its first gesture and go when it leaves.
        symbols: What labels mean.
        announce: Whether the ids are published; not where somebody else does it, from whom the people come.

    Raises:
        ImportError: ``hri_msgs`` is not installed.
        ValueError: The symbols name a gesture that it does not know.
    """

    def __init__(self, node: LifecycleNode, symbols: Mapping[str, Symbols], announce: bool) -> None:
        self._message, self._list = message_class("hri_msgs", "Gesture"), message_class("hri_msgs", "IdsList")
        self._node = node
        self._bodies = _Bodies()
        self._publishers: dict[str, Publisher[Any]] = {}
        self._values = {label: self._read(entry) for label, entry in symbols.items() if entry.gesture}
        self._tracked: LifecyclePublisher[Any] | None = None
        if announce:
            self._tracked = node.create_lifecycle_publisher(self._list, TRACKED, **overridable(LATCHED))

    def _read(self, entry: Symbols) -> dict[str, int]:
        values = {"gesture": constant(self._message, entry.gesture)}
        if entry.handedness and hasattr(self._message, "handedness"):  # since hri_msgs 2.3
            values["handedness"] = constant(self._message, entry.handedness)
        return values

    def publish(self, report: Report) -> None:
        """Publish the gestures of a frame."""
        for name, event in self._bodies.step(report):
            if event.action in self._values and event.state is not EventState.ENDED:
                message = self._message(**self._values[event.action])
                message.header.stamp, message.header.frame_id = from_ns(report.stamp_ns), report.frame_id
                self._publisher(name).publish(message)
        self._keep(set(self._bodies.ids.values()))
        self._announce(report)

    def withdraw(self, report: Report) -> None:
        """Everybody has left."""
        self._bodies.ids.clear()
        self._keep(set())
        self._announce(report)

    def destroy(self) -> None:
        """Remove the publishers."""
        self._keep(set())
        if self._tracked is not None:
            self._node.destroy_lifecycle_publisher(self._tracked)

    def _announce(self, report: Report) -> None:
        """Say who is there at every frame, as trackers do: many clients ask for no latched messages."""
        if self._tracked is not None:
            message = self._list(ids=sorted(self._bodies.ids.values()))
            message.header.stamp, message.header.frame_id = from_ns(report.stamp_ns), report.frame_id
            self._tracked.publish(message)

    def _publisher(self, name: str) -> Publisher[Any]:
        if name not in self._publishers:
            topic = f"/humans/bodies/{name}/gesture"
            self._publishers[name] = self._node.create_publisher(self._message, topic, NEWEST)
        return self._publishers[name]

    def _keep(self, names: set[str]) -> None:
        for name in self._publishers.keys() - names:
            self._node.destroy_publisher(self._publishers.pop(name))


class Intents:
    """Publishes ``hri_actions_msgs/Intent`` on ``/intents`` when an action begins that asks something of the robot.

    Args:
        node: Owner of the publisher.
        symbols: What labels mean.

    Raises:
        ImportError: ``hri_actions_msgs`` is not installed.
        ValueError: The symbols name an intent that it does not know.
    """

    def __init__(self, node: LifecycleNode, symbols: Mapping[str, Symbols]) -> None:
        self._message = message_class("hri_actions_msgs", "Intent")
        self._node = node
        self._bodies = _Bodies()
        self._values = {
            label: constant(self._message, entry.intent) for label, entry in symbols.items() if entry.intent
        }
        self._publisher = node.create_lifecycle_publisher(self._message, "/intents", **overridable(RELIABLE))

    def publish(self, report: Report) -> None:
        """Publish the intents of a frame."""
        for name, event in self._bodies.step(report):
            if event.action in self._values and event.state is EventState.STARTED:
                message = self._message(
                    intent=self._values[event.action],
                    data=json.dumps({"recipient": name, "action": event.action}),
                    source=name,
                    modality=self._message.MODALITY_MOTION,
                    confidence=float(event.score),
                )
                self._publisher.publish(message)

    def withdraw(self, report: Report) -> None:
        """An intent is not taken back."""

    def destroy(self) -> None:
        """Remove the publisher."""
        self._node.destroy_lifecycle_publisher(self._publisher)

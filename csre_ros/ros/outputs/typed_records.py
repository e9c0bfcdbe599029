"""``~/person_actions`` and ``~/events``: what ``~/actions`` says, as messages of ``csre_msgs``, where it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import nan
from typing import Any

from geometry_msgs.msg import Point
from rclpy.lifecycle import LifecycleNode

from csre_ros.recognition.types import ActionEvent, PersonAction
from csre_ros.ros.outputs.actions import FAREWELL
from csre_ros.ros.outputs.pace import Pace
from csre_ros.ros.outputs.report import Report, likeliest, phase, standing
from csre_ros.ros.packages import message_class
from csre_ros.ros.qos import RELIABLE, overridable
from csre_ros.ros.settings import NodeConfig
from csre_ros.ros.stamps import from_ns

_NOWHERE = (nan, nan, nan)


def event_message(event: ActionEvent, frame_id: str) -> Any:
    """``csre_msgs/ActionEvent``."""
    kind = message_class("csre_msgs", "ActionEvent")
    message = kind(
        person=event.person,
        action=event.action,
        state=getattr(kind, event.state.name),
        score=float(event.score),
        since=from_ns(event.since_ns),
    )
    message.header.stamp, message.header.frame_id = from_ns(event.stamp_ns), frame_id
    if event.until_ns is not None:
        message.until = from_ns(event.until_ns)
    return message


def person_message(person: PersonAction, report: Report, events: Sequence[ActionEvent], top_k: int) -> Any:
    """``csre_msgs/PersonAction``; the arguments are those of :func:`array_message`."""
    kind = message_class("csre_msgs", "PersonAction")
    top, state = likeliest(person, top_k), phase(person, events)
    x, y, z = standing(person.skeleton) or _NOWHERE
    return kind(
        id=person.person,
        decision=getattr(kind, person.decision.name),
        action=person.action or "",
        state=kind.NONE if state is None else getattr(kind, state.name),
        score=float(person.score),
        best=person.best or "",
        top_actions=[report.labels[i].name for i, _ in top],
        top_scores=[score for _, score in top],
        window_start=from_ns(person.window_ns[0]),
        window_end=from_ns(person.window_ns[1]),
        position=Point(x=x, y=y, z=z),
    )


def array_message(report: Report, events: Sequence[ActionEvent], top_k: int) -> Any:
    """``csre_msgs/PersonActionArray``.

    Args:
        report: What is known after the newest frame.
        events: Everything that happened since the last message, those of the report included.
        top_k: Labels listed per person.
    """
    message = message_class("csre_msgs", "PersonActionArray")(
        model=report.info.name,
        digest=report.info.digest,
        persons=[person_message(person, report, events, top_k) for person in report.followed()],
        events=[event_message(event, report.frame_id) for event in events],
    )
    message.header.stamp, message.header.frame_id = from_ns(report.stamp_ns), report.frame_id
    return message


class TypedRecords:
    """Publishes arrays when :class:`~csre_ros.ros.outputs.actions.Actions` publishes records, and every event at once.

    Args:
        node: Owner of the publishers.
        config: The settings of the node as they are now.

    Raises:
        ImportError: ``csre_msgs`` is not installed.
    """

    def __init__(self, node: LifecycleNode, config: Callable[[], NodeConfig]) -> None:
        array, event = (message_class("csre_msgs", name) for name in ("PersonActionArray", "ActionEvent"))
        self._node = node
        self._config = config
        self._pace = Pace(lambda: config().max_rate_hz)
        self._arrays = node.create_lifecycle_publisher(array, "~/person_actions", **overridable(RELIABLE))
        self._events = node.create_lifecycle_publisher(event, "~/events", **overridable(RELIABLE))

    def publish(self, report: Report) -> None:
        """Publish the events of a frame, and everybody if that is due."""
        self._tell(report)
        if self._pace.due(report):
            self._say(report)

    def withdraw(self, report: Report) -> None:
        """Say that nobody is seen any more, with the last events."""
        self._tell(report)
        if self._pace.farewell(report):
            self._say(replace(report, people=()))

    def destroy(self) -> None:
        """Remove the publishers, once the farewell has arrived where somebody listens."""
        for publisher in (self._events, self._arrays):
            publisher.wait_for_all_acked(FAREWELL)
            self._node.destroy_lifecycle_publisher(publisher)

    def _tell(self, report: Report) -> None:
        for event in report.events:
            self._events.publish(event_message(event, report.frame_id))

    def _say(self, report: Report) -> None:
        self._arrays.publish(array_message(report, self._pace.events, self._config().top_k))
        self._pace.said(report)

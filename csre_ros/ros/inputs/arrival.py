"""How messages arrive: as bytes, with the quality of service of sensor data, and what is lost on the way counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.inputs.gaps import Gaps
from csre_ros.sources.frames import SourceFrame


def subscribe(
    context: InputContext,
    message: type[Any],
    name: str,
    callback: Callable[[bytes], None],
    depth: int,
    overridable: bool = True,
) -> Subscription[Any]:
    """Subscribe to the bytes of messages, with the quality of service of sensor data.

    Args:
        context: Owner of the subscription; its health is told about lost messages and publishers that do not fit.
        message: Message class.
        name: Topic.
        callback: Called with every message.
        depth: Messages that the middleware keeps.
        overridable: Whether parameters may override the quality of service.
    """
    health, gaps = context.health, Gaps()

    def numbered(data: bytes, info: Mapping[str, Any]) -> None:
        # Where messages are numbered, the gaps tell of all that is lost; else what the middleware tells must do.
        if lost := gaps.before(info):
            health.lost(lost)
        callback(data)

    events = SubscriptionEventCallbacks(
        message_lost=lambda event: None if gaps.known else health.lost(event.total_count_change),
        incompatible_qos=lambda event: health.incompatible(qos_policy_name_from_kind(event.last_policy_kind).lower()),
    )
    return context.node.create_subscription(
        message,
        name,
        numbered,
        QoSProfile(history=QoSHistoryPolicy.KEEP_LAST, depth=depth, reliability=QoSReliabilityPolicy.BEST_EFFORT),
        event_callbacks=events,
        qos_overriding_options=QoSOverridingOptions.with_default_policies() if overridable else None,
        raw=True,
    )


def note_stamp(context: InputContext, what: str, frame: SourceFrame, arrival_ns: int) -> None:
    """Say once, and count, that a source does not stamp its messages: ages and windows are then those of arrival."""
    if frame.stamp_ns == arrival_ns:
        context.health.stamped_on_arrival()
        logger = context.node.get_logger()
        logger.warning(f"messages on {what} carry no stamp; the time of arrival is used instead", once=True)

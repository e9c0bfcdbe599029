"""Quality of service of what the node publishes."""

from __future__ import annotations

from copy import copy
from typing import Any

from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

RELIABLE = QoSProfile(depth=10)
"""Every message arrives."""
LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
"""Whoever comes late still gets the last message."""
NEWEST = QoSProfile(depth=1)
"""The newest message arrives."""
PICTURES = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
"""The newest message, and nobody waits for one that got lost."""


def overridable(qos: QoSProfile) -> dict[str, Any]:
    """Arguments for a publisher whose quality of service the parameters ``qos_overrides.<topic>.publisher`` override.

    rclpy writes what the user wants into the profile that it is given, so every publisher gets one of its own.
    """
    return {"qos_profile": copy(qos), "qos_overriding_options": QoSOverridingOptions.with_default_policies()}

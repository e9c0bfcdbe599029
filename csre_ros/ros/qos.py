"""Quality of service of what the node publishes."""

from __future__ import annotations

from rclpy.qos import QoSDurabilityPolicy, QoSProfile

RELIABLE = QoSProfile(depth=10)
"""Every message arrives."""
LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
"""Whoever comes late still gets the last message."""

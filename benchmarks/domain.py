"""A ROS domain to oneself, in commits that cannot take one too. Imported before rclpy."""

from __future__ import annotations

import os

from benchmarks.names import first


def take_domain() -> int:
    """A domain that nobody on this machine uses; of older commits, one by the number of the process."""
    try:
        found: int = first("csre_ros.ros.free_domain:take_domain")()
    except ImportError:
        found = 1 + os.getpid() % 100
    return found

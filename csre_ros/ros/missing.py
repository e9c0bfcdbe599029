"""What is said where ROS 2 is missing, or too old. Needs no ROS."""

from __future__ import annotations

from importlib.util import find_spec


def without_ros(what: str) -> ImportError:
    """The error to raise, with the remedy.

    Humble is too old: it has no callbacks before and after parameters are set, does not number messages for
    subscribers, and keeps the events of subscriptions in another module, by which it is told apart here.

    >>> str(without_ros("the node"))[:23]
    'the node needs ROS 2: s'
    """
    if find_spec("rclpy") is not None and find_spec("rclpy.event_handler") is None:
        return ImportError(f"{what} needs ROS 2 Jazzy, Kilted, Lyrical or newer; this rclpy is of Humble or older")
    return ImportError(
        f"{what} needs ROS 2: source /opt/ros/<distribution>/setup.bash, or without a distribution "
        "`pip install 'csre_ros[ros]'`"
    )

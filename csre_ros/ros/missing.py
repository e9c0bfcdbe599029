"""What is said where ROS 2 is missing. Needs no ROS."""

from __future__ import annotations


def without_ros(what: str) -> ImportError:
    """The error to raise, with the remedy.

    >>> str(without_ros("the node"))[:23]
    'the node needs ROS 2: s'
    """
    return ImportError(
        f"{what} needs ROS 2: source /opt/ros/<distribution>/setup.bash, or without a distribution "
        "`pip install 'csre_ros[ros]'`"
    )

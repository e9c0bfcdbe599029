"""The executable ``action_node``: what is missing is said in one line, instead of by a traceback. Needs no ROS."""

from __future__ import annotations

import sys

from csre_ros.foreign_text import sentence

_LONGEST_LINE = 2000  # characters; those of rclpy name paths and pages


def main() -> int:
    """Run the node; exit status as :func:`csre_ros.ros.main.main`, and 2 where something that it needs is missing."""
    try:
        from csre_ros.ros.main import main as run
    except ImportError as error:
        sys.stderr.write(f"action_node: {sentence(error, _LONGEST_LINE)}\n")
        return 2
    return run()

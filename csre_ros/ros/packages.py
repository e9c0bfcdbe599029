"""Message packages that only some robots have."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

# Those that no distribution has.
_SOURCES = {
    "csre_msgs": "build msgs/csre_msgs of this repository",
    "yolo_msgs": "no distribution has it; build it from https://github.com/mgonzs13/yolo_ros",
}


def message_class(package: str, name: str) -> type[Any]:
    """A message class of an optional package.

    Raises:
        ImportError: The package is not installed; the text names what to install.
    """
    try:
        kind: type[Any] = getattr(import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError) as error:
        distribution = os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
        install = f"sudo apt install ros-{distribution}-{package.replace('_', '-')}, or build it"
        raise ImportError(
            f"{package}/{name} is not installed: {_SOURCES.get(package, install)} in your workspace, and source the "
            "workspace before the node starts"
        ) from error
    return kind

"""Message packages that only some robots have."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any


def message_class(package: str, name: str) -> type[Any]:
    """A message class of an optional package.

    Raises:
        ImportError: The package is not installed; the text names what to install.
    """
    try:
        kind: type[Any] = getattr(import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError) as error:
        distribution = os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
        raise ImportError(
            f"this input needs {package}/{name}: sudo apt install ros-{distribution}-{package.replace('_', '-')}, "
            "or build the package in your workspace, and source the workspace before the node starts"
        ) from error
    return kind

"""What benchmarks call, wherever a commit keeps it: `--against` measures commits of before the rooms had names."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any


def first(*names: str) -> Any:
    """The first of some objects, ``module:name``, that this checkout has.

    Raises:
        ImportError: It has none of them.
    """
    for name in names:
        try:
            return resolve_name(name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"this commit has none of {', '.join(names)}")


RecognizerConfig = first("csre_ros.recognition.settings:RecognizerConfig", "csre_ros.config:RecognizerConfig")
TrackerConfig = first("csre_ros.recognition.settings:TrackerConfig", "csre_ros.config:TrackerConfig")
PoseConfig = first("csre_ros.pose.settings:PoseConfig", "csre_ros.pose.config:PoseConfig")


def is_stream(bundle: Any) -> bool:
    """Whether a bundle labels every frame, which older ones do not know."""
    return getattr(bundle.info, "stream", None) is not None

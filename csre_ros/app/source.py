"""From what the user writes to an open source, the same way for every command."""

from __future__ import annotations

from csre_ros.app.screen.terminal import console
from csre_ros.paths import user_path
from csre_ros.recordings import SHIPPED
from csre_ros.skeleton import get_layout
from csre_ros.sources import Source, SourceConfig, open_source

SPELLINGS = (
    "camera:N, a video file, a folder of images, an RTSP or HTTP address, a recording (.mcap or bag folder), "
    "'recording' for the shipped one"
)


def resolve(spec: str, config: SourceConfig) -> str:
    """Turn ``auto`` and ``recording`` into something that :func:`csre_ros.sources.open_source` takes."""
    if spec != "auto":
        return resolve_recording(spec)
    try:
        with open_source("camera:0", config):
            return "camera:0"
    except (OSError, ImportError):
        console.print(f"no camera opens; playing the shipped recording {SHIPPED.name}")
        return str(SHIPPED)


def resolve_recording(spec: str) -> str:
    """Turn ``recording`` into the path of the shipped one."""
    return str(SHIPPED) if spec == "recording" else spec


def open_any(spec: str, config: SourceConfig) -> Source:
    """Open whatever the user named; errors as of :func:`csre_ros.sources.open_source`."""
    return open_source(resolve(spec, config), config)


def open_stored(spec: str, config: SourceConfig) -> Source:
    """Open a source that has an end.

    Raises:
        OSError: It does not open.
        ValueError: It is live or damaged.
    """
    source = open_any(spec, config)
    if source.live:
        raise ValueError(f"{source.name} is live and cannot be replayed; run `csre demo`, or `csre record` it first")
    return source


def open_topic(
    bag: str, topic: str, layout: str, input_name: str, size: tuple[int, int], depth: str, camera_info: str
) -> Source:
    """Open one topic of a bag, read as an input of the node would read it.

    Args:
        bag: Path of the bag.
        topic: Name of the topic.
        layout: Joint convention, where the topic does not name its own.
        input_name: The input, or ``auto``.
        size: Width and height in pixels of the images behind image points; 0 where unknown.
        depth: Topic of the depth images beside it; empty: none.
        camera_info: Topic of the camera's calibration; empty: the one beside the topic.

    Raises:
        OSError: The bag does not open.
        ValueError: It is damaged, or has no such topics.
        ImportError: ROS 2 is not installed.
    """
    from csre_ros.ros.inputs.bag_topic import BagTopic

    return BagTopic(user_path(bag), topic, get_layout(layout), input_name, size, depth, camera_info)

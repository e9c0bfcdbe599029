"""What a recording is made of: the topics, message types and qualities of service of its rosbag2 file."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.typesys import Stores, get_typestore

SKELETONS = "/skeletons"
IMAGE = "/image/compressed"
LABEL = "/label"

CLOUD_TYPE = "sensor_msgs/msg/PointCloud2"
IMAGE_TYPE = "sensor_msgs/msg/CompressedImage"
STRING_TYPE = "std_msgs/msg/String"

_FOREVER = QosTime(9223372036, 854775807)


def layout_topic(skeletons: str = SKELETONS) -> str:
    """The latched topic that names the layout of a skeleton topic."""
    return f"{skeletons}/layout"


def offered_qos(*, latched: bool = False) -> list[Qos]:
    """Reliable; a latched topic hands its last message to whoever subscribes later."""
    durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
    depth = 1 if latched else 10
    return [
        Qos(QosHistory.KEEP_LAST, depth, QosReliability.RELIABLE, durability, _FOREVER, _FOREVER,
            QosLiveliness.AUTOMATIC, _FOREVER, False)
    ]  # fmt: skip


@lru_cache(maxsize=1)
def typestore() -> Any:
    """Message definitions; those used here are the same in every ROS 2 distribution."""
    return get_typestore(Stores.ROS2_JAZZY)

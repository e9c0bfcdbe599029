"""Bags (rosbag2), and what a recording is as one: its topics, message types and qualities of service."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rosbags.typesys import Stores, get_typestore

SKELETONS = "/skeletons"
IMAGE = "/image/compressed"
LABEL = "/label"

CLOUD_TYPE = "sensor_msgs/msg/PointCloud2"
IMAGE_TYPE = "sensor_msgs/msg/CompressedImage"
STRING_TYPE = "std_msgs/msg/String"


@dataclass(frozen=True, eq=False)
class Topic:
    """A topic of a bag.

    Attributes:
        name: Its name.
        kind: Message type, as ``std_msgs/msg/String``.
        count: Messages that it holds.
        metadata: What its writer said of it, such as ``offered_qos_profiles``.
        definition: Text of the message definition.
        language: Language of the definition.
    """

    name: str
    kind: str
    count: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    definition: bytes = b""
    language: str = ""


class BagMessage(NamedTuple):
    """One message of a bag: its topic, its recording time in nanoseconds, and its bytes in CDR."""

    topic: Topic
    recorded_ns: int
    data: bytes


class Bag(ABC):
    """A bag, opened anew for every pass.

    Attributes:
        path: The file or folder.
        topics: What it holds.
        duration_s: From the first to the last message.
        lost: What is missing of it, for the user.
    """

    path: Path
    topics: list[Topic]
    duration_s: float
    lost: list[str]

    @abstractmethod
    def messages(self, wanted: Callable[[Topic], bool] = lambda topic: True) -> Iterator[BagMessage]:
        """The messages in order of recording.

        Args:
            wanted: Says of which topics.

        Raises:
            OSError: The bag cannot be read any more.
            ValueError: It is damaged; the text says where.
        """

    def rate(self, topic: Topic) -> float | None:
        """Mean messages per second of a topic; None with fewer than two messages."""
        gaps = topic.count - 1
        return gaps / self.duration_s if gaps > 0 and self.duration_s > 0 else None


def layout_topic(skeletons: str = SKELETONS) -> str:
    """The latched topic that names the layout of a skeleton topic."""
    return f"{skeletons}/layout"


def offered_qos(*, latched: bool = False) -> str:
    """Reliable, as version 8 of the bag format writes it; a latched topic hands its last message on."""
    keep_last, reliable, transient_local, volatile, automatic = 1, 1, 1, 2, 1
    never = [{"sec": 9223372036, "nsec": 854775807} for _ in range(3)]
    profile = {
        "history": keep_last,
        "depth": 1 if latched else 10,
        "reliability": reliable,
        "durability": transient_local if latched else volatile,
        "deadline": never[0],
        "lifespan": never[1],
        "liveliness": automatic,
        "liveliness_lease_duration": never[2],
        "avoid_ros_namespace_conventions": False,
    }
    return str(yaml.safe_dump([profile], sort_keys=False))


@lru_cache(maxsize=1)
def typestore() -> Any:
    """Message definitions; those used here are the same in every ROS 2 distribution."""
    return get_typestore(Stores.ROS2_JAZZY)

"""What an input is given, and what it must do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from csre_ros.ros.health import Health
from csre_ros.ros.readers.reading import Reading
from csre_ros.ros.settings import NodeSettings

if TYPE_CHECKING:
    from rclpy.node import Node

    from csre_ros.recognition.bundle_info import BundleInfo


@dataclass(frozen=True)
class InputContext:
    """What every input is made with.

    Attributes:
        node: Owner of subscriptions.
        settings: All settings.
        health: Told about everything that arrives or gets lost.
        deliver: Called with each item, from a thread of the input's choice.
        ended: Called once when a finite source has nothing more to give.
        stopping: Set when the process is to end, so that nobody waits for a source any longer.
    """

    node: Node
    settings: NodeSettings
    health: Health
    deliver: Callable[[Any], None]
    ended: Callable[[], None]
    stopping: threading.Event = field(default_factory=threading.Event)

    def now_ns(self) -> int:
        """The node's clock."""
        return int(self.node.get_clock().now().nanoseconds)


class Input(Protocol):
    """Something that delivers items until it is closed.

    Attributes:
        what: Topic or source, for messages.
        images: Whether frames carry pictures that the pose stage must look at.
        dims: 3 for skeletons in metres, 2 for image points; None where the publisher says so later.
    """

    what: str
    images: bool
    dims: int | None

    def open(self) -> None:
        """Begin to deliver.

        Raises:
            ValueError: The source cannot be opened; the text says why and what to do.
            OSError: Likewise.
        """
        ...

    def close(self) -> None:
        """Deliver no more. Does nothing if it is not open."""
        ...

    def read(self, item: Any) -> Reading:
        """Turn a delivered item into a frame, later and on another thread; also counts rejected people by reason.

        Raises:
            ValueError: The whole item is unreadable.
        """
        ...


def check_dims(feed: Input, info: BundleInfo) -> None:
    """Refuse flat skeletons for a bundle that was trained in space.

    Raises:
        ValueError: The bundle needs depth that the input does not deliver.
    """
    if feed.dims is not None and feed.dims < info.dims:
        raise ValueError(
            f"{feed.what} delivers {feed.dims}-D skeletons and bundle {info.name!r} needs {info.dims}-D; depth is "
            "never invented: choose a bundle that declares the dimensions of your source"
        )

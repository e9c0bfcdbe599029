"""The people that a running node sees, as a source."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType

from csre_ros.ros.listener import Listener
from csre_ros.skeleton import Frame, SkeletonLayout
from csre_ros.sources.frames import SourceFrame

_WAIT_S = 10.0


class NodeSource:
    """A live source that hears ``~/skeletons`` of a node. Entering it waits for the first people.

    Args:
        node: Full name of the node.

    Raises:
        OSError: On entering: nobody is heard for ten seconds.
    """

    def __init__(self, node: str) -> None:
        self.name = f"the people that {node} sees"
        self.live, self.dropped = True, 0
        self.fps: float | None = None
        self._node = node
        self._heard: deque[Frame] = deque(maxlen=64)
        self._layout: SkeletonLayout | None = None
        self._listener = Listener(node, lambda record: None, self._heard.append)

    @property
    def layout(self) -> SkeletonLayout | None:
        """Layout of the first people."""
        return self._layout

    def __enter__(self) -> NodeSource:
        begin_s = time.monotonic()
        while self._layout is None:
            self._listener.spin_once(0.1)
            self._layout = next((person.layout for frame in self._heard for person in frame.skeletons), None)
            if self._layout is None and time.monotonic() - begin_s > _WAIT_S:
                self.__exit__(None, None, None)
                raise OSError(
                    f"nobody is heard on {self._node}/skeletons: start the node, stand in its view, and see that its "
                    "parameter publish_skeletons is true"
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[SourceFrame]:
        while True:
            self._listener.spin_once(0.1)
            while self._heard:
                frame = self._heard.popleft()
                yield SourceFrame(frame.stamp_ns, frame.frame_id, skeletons=frame.skeletons)

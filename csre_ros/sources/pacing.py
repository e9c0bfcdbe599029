"""Playing stored frames at the speed at which they were taken."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from csre_ros.sources.frames import SourceFrame


def at_own_speed(frames: Iterable[SourceFrame]) -> Iterator[SourceFrame]:
    """Hold each frame back until as much time has passed as its stamp says. No frame is left out and no stamp changed.

    A stamp that goes back starts the clock again.
    """
    begin_ns, begin_s = 0, 0.0
    previous_ns: int | None = None
    for frame in frames:
        if previous_ns is None or frame.stamp_ns < previous_ns:
            begin_ns, begin_s = frame.stamp_ns, time.monotonic()
        previous_ns = frame.stamp_ns
        time.sleep(max(0.0, (frame.stamp_ns - begin_ns) / 1e9 - (time.monotonic() - begin_s)))
        yield frame

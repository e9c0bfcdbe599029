"""Playing stored frames at the speed at which they were taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from csre_ros.sources.frames import SourceFrame


def at_own_speed(
    frames: Iterable[SourceFrame],
    wait: Callable[[float], bool | None] = time.sleep,
    now_ns: Callable[[], int] | None = None,
) -> Iterator[SourceFrame]:
    """Hold each frame back until as much time has passed as its stamp says. No frame is left out.

    A stamp that goes back starts the clock again.

    Args:
        frames: What to play.
        wait: Waits for so many seconds; True ends the play.
        now_ns: Clock that stamps the first frame, from which the others keep their distance; None changes no stamp.
    """
    begin_ns, begin_s, shift_ns = 0, 0.0, 0
    previous_ns: int | None = None
    for frame in frames:
        if previous_ns is None or frame.stamp_ns < previous_ns:
            begin_ns, begin_s = frame.stamp_ns, time.monotonic()
            shift_ns = now_ns() - begin_ns if now_ns else 0
        previous_ns = frame.stamp_ns
        if wait(max(0.0, (frame.stamp_ns - begin_ns) / 1e9 - (time.monotonic() - begin_s))):
            return
        yield replace(frame, stamp_ns=frame.stamp_ns + shift_ns)

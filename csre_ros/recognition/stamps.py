"""Which stamps are believed: monotonic ones, without outliers.

Windows are cut by stamps, so a wrong one would tear them apart.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum


class Verdict(Enum):
    """What to do with a frame."""

    TAKE = "take"
    REFUSE = "refuse"
    RESTART = "restart"  # take it, and forget everything that came before


class StampGuard:
    """Judges the stamps of a stream.

    A stamp that repeats is refused, and so is one that is a little behind: a message that others overtook on the way. A
    stamp that goes back further restarts the stream: a bag that loops, a simulation that was reset. A stamp far ahead
    is refused as a clock error, unless the next one confirms it; then the stream restarts there.

    Args:
        max_late_s: A stamp that is behind by less than so many seconds is late; otherwise time itself went back.
        max_jump_s: Seconds by which a stamp may be ahead.
        counts: Where ``repeated_stamp``, ``late_stamp``, ``backward_stamp`` and ``stamp_jump`` are counted.

    Attributes:
        newest_ns: The newest stamp that was taken; None at first.
    """

    def __init__(self, max_late_s: float, max_jump_s: float, counts: Counter[str] | None = None) -> None:
        self._max_late_ns = round(max_late_s * 1e9)
        self._max_jump_ns = round(max_jump_s * 1e9)
        self._counts: Counter[str] = Counter() if counts is None else counts
        self.newest_ns: int | None = None
        self._suspect_ns: int | None = None

    def step(self, stamp_ns: int) -> Verdict:
        """Judge the next stamp."""
        suspect, self._suspect_ns = self._suspect_ns, None
        if self.newest_ns is None:
            verdict = Verdict.TAKE
        elif stamp_ns == self.newest_ns:
            self._counts["repeated_stamp"] += 1
            verdict = Verdict.REFUSE
        elif 0 < self.newest_ns - stamp_ns < self._max_late_ns:
            self._counts["late_stamp"] += 1
            verdict = Verdict.REFUSE
        elif stamp_ns < self.newest_ns:
            self._counts["backward_stamp"] += 1
            verdict = Verdict.RESTART
        elif stamp_ns - self.newest_ns <= self._max_jump_ns:
            verdict = Verdict.TAKE
        elif suspect is not None and 0 < stamp_ns - suspect <= self._max_jump_ns:
            verdict = Verdict.RESTART
        else:
            self._counts["stamp_jump"] += 1
            self._suspect_ns = stamp_ns
            verdict = Verdict.REFUSE
        if verdict is not Verdict.REFUSE:
            self.newest_ns = stamp_ns
        return verdict

    def reset(self) -> None:
        """Believe the next stamp, whatever it is."""
        self.newest_ns = self._suspect_ns = None

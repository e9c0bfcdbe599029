"""Which stamps are believed."""

from __future__ import annotations

from collections import Counter

import pytest

from csre_ros.recognition.stamps import StampGuard, Verdict

SECOND = 1_000_000_000
HOUR = 3600


@pytest.mark.parametrize(
    ("seconds", "verdicts", "counts"),
    [
        ([0, 0.1, 0.2], "TTT", {}),
        ([5, 5, 5, 5.1], "TRRT", {"repeated_stamp": 2}),
        ([5, 5.1, 5.03, 5.1, 4.61, 5.2], "TTRRRT", {"late_stamp": 2, "repeated_stamp": 1}),  # overtaken on the way
        ([5, 5.1, 4.6, 4.7, 4.8], "TTNTT", {"backward_stamp": 1}),  # as late as a gap: time itself went back
        ([5, HOUR, 4.9, HOUR], "TRRR", {"stamp_jump": 2, "late_stamp": 1}),  # a late one confirms nothing
        ([5, 5.1, 0, 0.1], "TTNT", {"backward_stamp": 1}),
        ([5, 64.9, 65], "TTT", {}),  # a long pause is not a jump
        ([5, HOUR, 5.1], "TRT", {"stamp_jump": 1}),  # one mad stamp
        ([5, HOUR, HOUR + 0.1, HOUR + 0.2], "TRNT", {"stamp_jump": 1}),  # confirmed: the clock was set
        ([5, HOUR, 5.1, HOUR, 5.2], "TRTRT", {"stamp_jump": 2}),  # not confirmed by the next one
        ([5, HOUR, HOUR, HOUR + 1], "TRRN", {"stamp_jump": 2}),  # a stuck clock confirms nothing
        ([5, HOUR, 2 * HOUR, 2 * HOUR + 1], "TRRN", {"stamp_jump": 2}),
        ([5, -HOUR, 5.1, 5.2], "TNRN", {"backward_stamp": 1, "stamp_jump": 1}),  # an hour back and forth
    ],
)
def test_verdicts(seconds: list[float], verdicts: str, counts: dict[str, int]) -> None:
    letters = {"T": Verdict.TAKE, "R": Verdict.REFUSE, "N": Verdict.RESTART}
    found: Counter[str] = Counter()
    guard = StampGuard(0.5, 60.0, found)
    assert [guard.step(round(s * SECOND)) for s in seconds] == [letters[v] for v in verdicts]
    assert found == counts


def test_reset_believes_anything() -> None:
    guard = StampGuard(0.5, 60.0)
    guard.step(5 * SECOND)
    guard.reset()
    assert guard.newest_ns is None
    assert guard.step(HOUR * SECOND) is Verdict.TAKE
    assert guard.newest_ns == HOUR * SECOND

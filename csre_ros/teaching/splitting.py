"""A recording of several examples: cut where somebody rests between them, or was out of sight."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from csre_ros.recognition.bundle import Bundle
from csre_ros.skeleton import get_layout
from csre_ros.teaching.enrol import LEAST_S, mapped, stream_of
from csre_ros.teaching.motion import AWAY_M, Motion
from csre_ros.teaching.recording import Recording

_GAP_S = 0.5
_REST_S = 0.8


def split(recording: Recording, bundle: Bundle) -> list[Recording]:
    """The examples in a recording of somebody who stands, shows a gesture, stands again, and so on.

    A rest is a stretch without motion in the posture of the first such stretch; a posture that is held is none. What
    holds no motion is left out, except where nothing else is there.

    Raises:
        TeachError: The bundle cannot use its layout, or classifies windows.
    """
    rate, layout = stream_of(bundle).rate_hz, get_layout(bundle.info.layout)
    gaps = np.flatnonzero(np.diff(recording.stamps_ns) > _GAP_S * 1e9) + 1
    found = []
    for first, behind in zip([0, *gaps], [*gaps, len(recording)], strict=True):
        part = recording.cut(slice(int(first), int(behind)))
        if part.seconds < LEAST_S:
            continue
        stamps_ns, positions, confidence = mapped(part, bundle)
        seconds = (stamps_ns - part.stamps_ns[0]) / 1e9
        if seconds[-1] - seconds[0] < LEAST_S:
            continue
        motion = Motion.of(seconds, positions, confidence, layout, rate)
        edges = [-np.inf, *_rests(motion), np.inf]
        stamps = (part.stamps_ns - part.stamps_ns[0]) / 1e9
        for begin, end in pairwise(edges):
            if motion.moving[(motion.grid >= begin) & (motion.grid < end)].any():
                rows = np.flatnonzero((stamps >= begin) & (stamps < end))
                found.append(part.cut(slice(int(rows[0]), int(rows[-1]) + 1)))
    return found or [recording]


def _rests(motion: Motion) -> list[float]:
    """The middle of every rest, in seconds."""
    rate = 1 / float(motion.grid[1] - motion.grid[0])
    still = [pair for pair in motion.still() if (pair[1] - pair[0]) / rate >= _REST_S]
    resting = [pair for pair in still if np.median(motion.apart(sum(still[0]) // 2, slice(*pair))) <= AWAY_M]
    return [float(motion.grid[(first + behind) // 2]) for first, behind in resting]

"""Who is who from frame to frame.

Tracking by detection in the manner of SORT (Bewley et al. 2016), on key points instead of boxes: every track predicts
its body with constant velocity, and predictions and skeletons are paired so that the total distance is least (data
association by the Hungarian method, with a gate).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from csre_ros.recognition.assignment import assign
from csre_ros.recognition.settings import TrackerConfig
from csre_ros.skeleton import FloatArray, SkeletonLayout

# What one unit of each axis counts in metres. Depth from one camera is a guess, so it decides less. A picture shows
# about two and a quarter metres from top to bottom where people usually stand, so image heights are comparable too.
_AXES = {3: (1.0, 1.0, 0.35), 2: (2.25, 2.25)}
_VELOCITY_S = 0.3  # time constant of the smoothed velocity
_GATE_GROWTH = 1.0  # metres per second by which an unseen person may miss the prediction
_ABSENCE_COST = 0.5  # metres per second: of two people in one place, the one just seen is likelier than the hidden one


@dataclass(eq=False)
class Track:
    """One person.

    Attributes:
        id: Counts upwards in the order in which people are confirmed; 0 before.
        first_ns: Stamp of the first sighting.
        last_ns: Stamp of the newest sighting.
        positions: ``[V, dims]`` where each joint was, or would be by now, at the newest sighting.
        confidence: ``[V]`` of each joint when it was last seen; 0 for joints never seen.
        source_id: The source's own name for the person.
        velocity: ``[dims]`` of the whole body, in units per second.
        sightings: How often the person was seen.
    """

    id: int
    first_ns: int
    last_ns: int
    positions: FloatArray
    confidence: FloatArray
    source_id: str | None
    velocity: FloatArray = field(init=False)
    sightings: int = 1

    def __post_init__(self) -> None:
        self.velocity = np.zeros(self.positions.shape[1], dtype=np.float32)


class Tracker:
    """Gives every person an id that lasts.

    Args:
        config: Gates and times.
        layout: Layout of the skeletons.
        counts: Where refused skeletons are counted: ``duplicate_id`` and ``too_many_people``.

    Attributes:
        tracks: Everybody followed now; people who are not confirmed yet have id 0.
    """

    def __init__(self, config: TrackerConfig, layout: SkeletonLayout, counts: Counter[str] | None = None) -> None:
        self._config = config
        self._axes = np.array(_AXES[layout.dims], dtype=np.float32)
        self._counts: Counter[str] = Counter() if counts is None else counts
        self._next_id = 1
        self.tracks: list[Track] = []

    def step(
        self, stamp_ns: int, positions: FloatArray, confidence: FloatArray, source_ids: Sequence[str | None]
    ) -> list[Track | None]:
        """Advance by one frame.

        Args:
            stamp_ns: Later than the stamp before.
            positions: ``[N, V, dims]`` of the people in the frame, finite: anything where the confidence is 0.
            confidence: ``[N, V]``, above 0 for at least one joint of everybody.
            source_ids: ``[N]`` the source's own names for them; None where it has none.

        Returns:
            The track of everybody; None for those who are left out and counted.
        """
        death_ns = round(self._config.death_s * 1e9)
        self.tracks = [track for track in self.tracks if stamp_ns - track.last_ns <= death_ns]
        assigned: list[Track | None] = [None] * len(positions)
        free = self._refuse_duplicates(source_ids)
        expected = self._predict(stamp_ns)
        pairs = self._match(stamp_ns, expected, positions, confidence, source_ids, free)
        if pairs:
            rows, columns = (list(each) for each in zip(*pairs, strict=True))
            seen = [self.tracks[row] for row in rows]
            _see(seen, stamp_ns, expected[rows], positions[columns], confidence[columns])
            for track, i in zip(seen, columns, strict=True):
                track.source_id = source_ids[i]
                assigned[i] = track
        # A newcomer must be seen in every frame until confirmed: false detections flicker.
        self.tracks = [track for track in self.tracks if track.id or track.last_ns == stamp_ns]
        for i in self._admit([i for i in free if assigned[i] is None], confidence):
            track = Track(0, stamp_ns, stamp_ns, positions[i], confidence[i], source_ids[i])
            self.tracks.append(track)
            assigned[i] = track
        self._confirm(stamp_ns)
        return assigned

    def clear(self) -> None:
        """Let everybody go; ids go on counting."""
        self.tracks = []

    def reset(self) -> None:
        """Start anew, ids included."""
        self.tracks = []
        self._next_id = 1

    def _refuse_duplicates(self, source_ids: Sequence[str | None]) -> list[int]:
        """Indices of those whose source id did not occur before in this frame."""
        known: set[str] = set()
        accepted = []
        for i, source_id in enumerate(source_ids):
            if source_id in known:
                self._counts["duplicate_id"] += 1
                continue
            if source_id is not None:
                known.add(source_id)
            accepted.append(i)
        return accepted

    def _predict(self, stamp_ns: int) -> FloatArray:
        """``[tracks, V, dims]`` where everybody's joints should be by now."""
        if not self.tracks:
            return np.zeros((0, 0, len(self._axes)), np.float32)
        seconds = np.array([(stamp_ns - track.last_ns) / 1e9 for track in self.tracks], np.float32)
        positions = np.array([track.positions for track in self.tracks])
        moved: FloatArray = np.array([track.velocity for track in self.tracks]) * seconds[:, None]
        expected: FloatArray = positions + moved[:, None]
        return expected

    def _match(
        self,
        stamp_ns: int,
        expected: FloatArray,
        positions: FloatArray,
        confidence: FloatArray,
        source_ids: Sequence[str | None],
        free: list[int],
    ) -> list[tuple[int, int]]:
        """Pairs of rows of tracks and of people: first those whom the source itself knows again, then the nearest."""
        if not self.tracks or not free:
            return []
        unseen_s = np.array([stamp_ns - track.last_ns for track in self.tracks]) / 1e9
        gates = self._config.gate_m + _GATE_GROWTH * unseen_s
        distances = np.full((len(self.tracks), len(positions)), np.inf)
        distances[:, free] = self._distances(expected, positions[free], confidence[free])
        distances += _ABSENCE_COST * unseen_s[:, None]
        pairs: list[tuple[int, int]] = []
        by_source = {track.source_id: row for row, track in enumerate(self.tracks)}
        for column in free:
            row = None if source_ids[column] is None else by_source.get(source_ids[column])
            if row is not None and distances[row, column] < 2 * gates[row]:
                pairs.append((row, column))
        for row, column in pairs:
            distances[row, :] = distances[:, column] = np.inf
        near = distances < gates[:, None]
        if near.any():
            # Leaving a track alone costs as much as its gate, so no pair is forced.
            pairs += [pair for pair in assign(np.minimum(distances, gates[:, None])) if near[pair]]
        return pairs

    def _distances(self, expected: FloatArray, positions: FloatArray, confidence: FloatArray) -> FloatArray:
        """``[tracks, N]`` mean distance over the joints that both know; infinite where there is none."""
        weights = np.array([track.confidence for track in self.tracks])[:, None] * confidence
        offsets = np.sqrt((((expected[:, None] - positions) * self._axes) ** 2).sum(axis=-1))
        total = weights.sum(axis=-1)
        mean: FloatArray = np.full_like(total, np.inf)
        return np.divide((weights * offsets).sum(axis=-1), total, out=mean, where=total > 0)

    def _admit(self, newcomers: list[int], confidence: FloatArray) -> list[int]:
        """Those newcomers for whom there is room, the best seen first choice."""
        room = max(self._config.max_people - len(self.tracks), 0)
        if len(newcomers) > room:
            self._counts["too_many_people"] += len(newcomers) - room
        best = sorted(newcomers, key=lambda i: -float(confidence[i].sum()))[:room]
        return sorted(best)

    def _confirm(self, stamp_ns: int) -> None:
        birth_ns = round(self._config.birth_s * 1e9)
        for track in self.tracks:
            if not track.id and stamp_ns - track.first_ns >= birth_ns:
                track.id = self._next_id
                self._next_id += 1


def _see(
    tracks: Sequence[Track], stamp_ns: int, expected: FloatArray, positions: FloatArray, confidence: FloatArray
) -> None:
    """Take a sighting of each of some people in, all at once: ``[tracks, V, dims]`` and ``[tracks, V]``."""
    seconds = [(stamp_ns - track.last_ns) / 1e9 for track in tracks]
    before, known, velocity = (
        np.array([getattr(track, name) for track in tracks]) for name in ("positions", "confidence", "velocity")
    )
    seen = confidence > 0
    both = seen & (known > 0)
    common = both.sum(axis=1)
    # The median is deaf to swinging limbs. Where no joint is common to both, the velocity stays.
    moved = np.sort(np.where(both[..., None], positions - before, np.inf), axis=1)
    median = moved[np.arange(len(tracks)), np.where(common > 0, common // 2, 0)]
    median[common == 0] = 0
    shares = [
        max(1 - math.exp(-s / _VELOCITY_S), 1 / track.sightings) for s, track in zip(seconds, tracks, strict=True)
    ]
    change = median / np.array(seconds, np.float32)[:, None] - velocity
    velocity = velocity + np.where(common > 0, np.array(shares, np.float32), 0)[:, None] * change
    positions = np.where(seen[..., None], positions, expected)
    confidence = np.where(seen, confidence, known)
    for i, track in enumerate(tracks):
        track.positions, track.confidence, track.velocity = positions[i], confidence[i], velocity[i]
        track.last_ns = stamp_ns
        track.sightings += 1

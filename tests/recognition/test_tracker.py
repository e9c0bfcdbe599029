"""Ids last: through noise, occlusion, crossing and the source's own confusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from csre_ros.recognition.intake import Intake
from csre_ros.recognition.settings import TrackerConfig
from csre_ros.recognition.tracker import Track, Tracker
from csre_ros.skeleton import FloatArray, Skeleton, get_layout

SECOND = 1_000_000_000
BODY13 = get_layout("body13")
CONFIG = TrackerConfig()

# Half of a standing body in metres from mid-hip, y down; the other half is its mirror image.
_REST = {
    "shoulder": (0.18, -0.45), "elbow": (0.24, -0.18), "wrist": (0.26, 0.06),
    "hip": (0.10, 0.0), "knee": (0.11, 0.42), "ankle": (0.11, 0.85),
}  # fmt: skip
_SWING = {"wrist": 0.25, "elbow": 0.12, "knee": 0.2, "ankle": 0.35}


def walker(time: float, x: float, z: float, heading: int, phase: float) -> FloatArray:
    """A person seen from the side, walking along x. ``[13, 3]``"""
    body = np.zeros((len(BODY13), 3))
    for i, joint in enumerate(BODY13.joints):
        side, _, part = joint.partition("_")
        if joint == "head":
            body[i] = (0, -0.65, 0)
            continue
        out, down = _REST[part]
        sign = (1 if side == "left" else -1) * heading
        leg = -1 if part in ("hip", "knee", "ankle") else 1
        body[i] = (-leg * sign * _SWING.get(part, 0) * np.sin(5.6 * time + phase), down, out * sign)
    return (body + np.array((x, 0, z))).astype(np.float32)


def person(positions: FloatArray, source_id: str | None = None, confidence: float = 0.9) -> Skeleton:
    return Skeleton(BODY13, positions, np.full(len(BODY13), confidence, np.float32), source_id)


def standing(x: float, source_id: str | None = None, confidence: float = 0.9) -> Skeleton:
    return person(walker(0, x, 3.0, 1, 0.0), source_id, confidence)


def step(tracker: Tracker, seconds: float, skeletons: Sequence[Skeleton]) -> list[Track | None]:
    """One frame, as the recognizer hands it over."""
    bodies = Intake(skeletons[0].layout if skeletons else BODY13).step(skeletons)
    ids = [skeleton.source_id for skeleton in bodies.skeletons]
    return tracker.step(round(seconds * SECOND), bodies.positions, bodies.confidence, ids)


def run(tracker: Tracker, frames: Sequence[tuple[float, Sequence[Skeleton]]]) -> list[list[int | None]]:
    """Ids per frame; None where a skeleton was left out."""
    found = []
    for seconds, skeletons in frames:
        tracks = step(tracker, seconds, skeletons)
        found.append([None if track is None else track.id for track in tracks])
    return found


@pytest.mark.parametrize("hz", [10, 15, 30])
@pytest.mark.parametrize("hidden_s", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_people_who_cross_keep_their_ids(hz: int, hidden_s: float, seed: int) -> None:
    """Two people of one size walk past each other, the one behind is hidden meanwhile; noise as one camera has it."""
    rng = np.random.default_rng(seed)
    # At 10 Hz half a second of occlusion is up to 0.7 s between sightings.
    tracker = Tracker(replace(CONFIG, death_s=0.8), BODY13)
    phases = rng.uniform(0, 6, 2)
    ids: tuple[set[int], set[int]] = (set(), set())
    for k in range(4 * hz):
        time = (k + rng.uniform(-0.2, 0.2)) / hz
        bodies = [walker(time, -2 + time, 3.0, 1, phases[0]), walker(time, 2 - time, 3.6, -1, phases[1])]
        names = [0] if abs(time - 2) < hidden_s / 2 else [int(i) for i in rng.permutation(2)]
        noise = rng.normal(size=(2, 13, 3)) * (0.02, 0.02, 0.08) + rng.normal(size=(2, 1, 3)) * (0, 0, 0.1)
        skeletons = [person((bodies[i] + noise[i]).astype(np.float32)) for i in names]
        for name, track in zip(names, step(tracker, time + 1, skeletons), strict=True):
            assert track is not None
            if track.id:
                ids[name].add(track.id)
    assert sorted([*ids[0], *ids[1]]) == [1, 2]


def test_half_a_second_of_occlusion_keeps_the_id() -> None:
    seen = [k / 30 for k in range(90) if not 30 <= k < 45]
    ids = run(Tracker(CONFIG, BODY13), [(t, [person(walker(t, 0.8 * t, 3, 1, 0))]) for t in seen])
    assert {i for frame in ids for i in frame} == {0, 1}


def test_a_person_who_stays_away_gets_a_new_id() -> None:
    times = [0.0, 0.1, 0.2, 1.0, 1.1, 1.2]
    ids = run(Tracker(CONFIG, BODY13), [(t, [standing(0)]) for t in times])
    assert ids == [[0], [1], [1], [0], [2], [2]]


def test_another_body_half_keeps_the_id() -> None:
    """Someone behind a counter shows the upper body, then only the legs: joints not seen move along with the body."""
    legs = np.array([part.endswith(("knee", "ankle")) for part in BODY13.joints])
    frames = []
    for k in range(60):
        whole = person(walker(k / 30, 0.5 * k / 30, 3, 1, 0))
        hidden = legs if 15 <= k < 30 else ~legs if k >= 30 else np.zeros(13, bool)
        frames.append((k / 30, [Skeleton(BODY13, whole.positions, np.where(hidden, 0, whole.confidence))]))
    assert {i for frame in run(Tracker(CONFIG, BODY13), frames) for i in frame} == {0, 1}


def test_a_flicker_is_never_confirmed() -> None:
    """A false detection every other frame, beside a real person."""
    tracker = Tracker(CONFIG, BODY13)
    ids = run(tracker, [(k / 30, [standing(0)] + [standing(2)] * (k % 2)) for k in range(60)])
    assert {frame[0] for frame in ids} == {0, 1}
    assert {frame[1] for frame in ids if len(frame) > 1} == {0}


def test_birth_takes_its_time_at_every_rate() -> None:
    for hz in (5, 15, 30, 60):
        ids = run(Tracker(replace(CONFIG, birth_s=0.2), BODY13), [(k / hz, [standing(0)]) for k in range(hz)])
        first = next(k for k, frame in enumerate(ids) if frame == [1])
        assert 0.2 <= first / hz < 0.2 + 1 / hz + 1e-9


def test_source_ids_hold_where_distance_alone_would_fail() -> None:
    """Two people exchange places between two frames (a slow source): the source knows, geometry does not."""
    tracker = Tracker(replace(CONFIG, birth_s=0), BODY13)
    ids = run(tracker, [(0.0, [standing(0, "a"), standing(0.5, "b")]), (0.3, [standing(0.5, "a"), standing(0, "b")])])
    assert ids == [[1, 2], [1, 2]]


def test_churned_source_ids_fall_back_to_distance() -> None:
    tracker = Tracker(replace(CONFIG, birth_s=0), BODY13)
    frames = [(k / 30, [standing(0, f"x{k}"), standing(2, f"y{k}")]) for k in range(10)]
    assert run(tracker, frames) == [[1, 2]] * 10


def test_a_source_id_that_jumps_across_the_room_is_not_believed() -> None:
    tracker = Tracker(replace(CONFIG, birth_s=0), BODY13)
    frames = [(0.0, [standing(-2, "a"), standing(2, "b")]), (0.033, [standing(-2, "b"), standing(2, "a")])]
    assert run(tracker, frames) == [[1, 2], [1, 2]]


def test_the_later_duplicate_id_is_refused_and_counted() -> None:
    counts: Counter[str] = Counter()
    tracker = Tracker(replace(CONFIG, birth_s=0), BODY13, counts)
    assert run(tracker, [(0.0, [standing(0, "a"), standing(2, "a"), standing(1, None)])]) == [[1, None, 2]]
    assert counts["duplicate_id"] == 1


def test_too_many_people_keeps_the_best_seen_and_those_already_followed() -> None:
    counts: Counter[str] = Counter()
    tracker = Tracker(replace(CONFIG, birth_s=0, max_people=3), BODY13, counts)
    crowd = [standing(x, confidence=c) for x, c in ((0, 0.5), (1.5, 0.9), (3, 0.8), (4.5, 0.4), (6, 0.7))]
    later = [standing(x) for x in (0, 1.5, 3, 4.5, 6)]
    assert run(tracker, [(0.0, crowd), (0.033, later)]) == [[None, 1, 2, None, 3]] * 2
    assert counts["too_many_people"] == 4


def test_twelve_people_keep_twelve_ids() -> None:
    rng = np.random.default_rng(3)
    tracker = Tracker(CONFIG, BODY13)
    seen: list[set[int]] = [set() for _ in range(12)]
    for k in range(60):
        order = rng.permutation(12)
        spots = [walker(k / 30, i % 4 * 1.2 + 0.3 * k / 30, 2.0 + i // 4, 1, i) for i in order]
        tracks = step(tracker, k / 30, [person(spot) for spot in spots])
        for i, track in zip(order, tracks, strict=True):
            assert isinstance(track, Track)
            seen[i].add(track.id)
    assert sorted(max(ids) for ids in seen) == list(range(1, 13))
    assert all(len(ids - {0}) == 1 for ids in seen)


def test_two_dimensional_layouts_are_tracked_in_the_picture() -> None:
    coco = get_layout("coco17")
    shape = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 17, 2))
    frames = []
    for k in range(60):
        centres = np.array([[0.2 + 0.01 * k, 0.5], [0.8 - 0.01 * k, 0.5]])
        frames.append((k / 30, [Skeleton(coco, shape[i] + centres[i], np.ones(17)) for i in range(2)]))
    assert run(Tracker(replace(CONFIG, birth_s=0), coco), frames) == [[1, 2]] * 60


@pytest.mark.parametrize(("jump", "ids"), [(0.2, [[1]] * 20), (0.4, [[1]] * 10 + [[2]] * 10)])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_jump_sideways_and_the_same_jump_down_are_treated_alike(jump: float, ids: list[list[int]], axis: int) -> None:
    """In image heights, whatever the shape of the picture."""
    coco = get_layout("coco17")
    shape = np.random.default_rng(0).uniform(-0.1, 0.1, (17, 2))
    frames = [
        (k / 30, [Skeleton(coco, shape + 0.4 + (k >= 10) * jump * np.eye(2)[axis], np.ones(17))]) for k in range(20)
    ]
    assert run(Tracker(replace(CONFIG, birth_s=0), coco), frames) == ids


def test_nobody_and_reset() -> None:
    tracker = Tracker(replace(CONFIG, birth_s=0), BODY13)
    frames = [(0.0, []), (0.1, [standing(0)]), (0.2, [])]
    assert run(tracker, frames) == [[], [1], []]
    tracker.clear()
    assert run(tracker, [(0.3, [standing(0)])]) == [[2]]
    tracker.reset()
    assert run(tracker, frames) == [[], [1], []]

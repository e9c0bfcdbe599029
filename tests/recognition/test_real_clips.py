"""The shipped bundle on real people: the frame rate must not decide what they are doing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from csre_ros.recognition import ActionEvent, Bundle, EventState, Recognizer
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.recognition.window import resample
from csre_ros.recordings import SHIPPED
from csre_ros.skeleton import FloatArray, Frame, Skeleton, get_layout
from csre_ros.sources import open_source

SECOND = 1_000_000_000
CONFIG = RecognizerConfig(device="cpu")
KINECT = get_layout("kinect20")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Ships with the package: no skip, its absence is a failure."""
    return Bundle.load("default", "cpu")


@dataclass(frozen=True)
class Take:
    """One person without interruption: stamps ``[T]``, positions ``[T, 33, 3]`` and confidence ``[T, 33]``."""

    stamps: np.ndarray
    positions: FloatArray
    confidence: FloatArray


@pytest.fixture(scope="module")
def takes() -> list[Take]:
    """The people of the shipped recording, one after the other: landmarks that MediaPipe measured on two videos."""
    with open_source(str(SHIPPED)) as source:
        frames = [(frame.stamp_ns, frame.skeletons or ()) for frame in source]
    takes: list[list[tuple[int, Skeleton]]] = [[]]
    for stamp, people in frames:
        if people:
            takes[-1].append((stamp, people[0]))
        elif takes[-1]:
            takes.append([])
    return [
        Take(
            np.array([stamp for stamp, _ in take]),
            np.nan_to_num(np.stack([person.positions for _, person in take])),
            np.stack([person.confidence for _, person in take]),
        )
        for take in takes
    ]


def clocks() -> dict[str, np.ndarray]:
    """Half a minute of stamps."""
    rng = np.random.default_rng(0)
    even = np.arange(0, 30, 1 / 30)
    seconds = {
        "30 Hz": even,
        "15 Hz": np.arange(0, 30, 1 / 15),
        "60 Hz": np.arange(0, 30, 1 / 60),
        "jitter": np.abs(even + rng.uniform(-0.015, 0.015, len(even))),
        "a third dropped": even[rng.random(len(even)) > 1 / 3],
    }
    return {name: np.round(times * SECOND).astype(np.int64) for name, times in seconds.items()}


def seen_by(clock: np.ndarray, takes: list[Take]) -> list[Frame]:
    """The recording as a camera with this clock would have seen it: the motion between two frames is straight."""
    layout = get_layout("mediapipe33")
    frames = []
    for take in takes:
        stamps = clock[(clock >= take.stamps[0]) & (clock <= take.stamps[-1])]
        positions, confidence = resample(take.stamps, take.positions, take.confidence, stamps.astype(np.float64))
        for stamp, body, seen in zip(stamps, positions, confidence, strict=True):
            frames.append(Frame(int(stamp), "camera", (Skeleton(layout, body, np.minimum(seen, 1)),)))
    return frames


def watch(frames: list[Frame], bundle: Bundle) -> tuple[np.ndarray, list[str], list[ActionEvent]]:
    """Stamps, the action of whoever is present at each of them, and all events."""
    recognizer = Recognizer(CONFIG, bundle)
    stamps, actions, events = [], [], []
    for frame in frames:
        people = recognizer.step(frame)
        stamps.append(frame.stamp_ns)
        actions.append(next((str(person.action) for person in people if person.present), "nobody"))
        events += [event for person in people for event in person.events]
    return np.array(stamps), actions, events


@pytest.mark.slow
def test_the_shipped_recording_holds_actions(takes: list[Take], bundle: Bundle) -> None:
    """Whatever else is said, the next test compares something."""
    assert [len(take.stamps) > 50 for take in takes] == [True, True]
    _, _, events = watch(seen_by(clocks()["30 Hz"], takes), bundle)
    assert len({event.person for event in events if event.state is EventState.STARTED}) == 2


@pytest.mark.slow
@pytest.mark.parametrize("clock", [name for name in clocks() if name != "30 Hz"])
def test_the_same_labels_at_every_rate(takes: list[Take], bundle: Bundle, clock: str) -> None:
    """Every tenth of a second, but for 0.2 s around a change of label, the answer is that at 30 Hz."""
    stamps, expected, _ = watch(seen_by(clocks()["30 Hz"], takes), bundle)
    other_stamps, found, _ = watch(seen_by(clocks()[clock], takes), bundle)
    changes = stamps[1:][np.array(expected[1:]) != np.array(expected[:-1])]
    agreed = []
    for take in takes:
        for instant in np.arange(take.stamps[0] + SECOND, take.stamps[-1], SECOND // 10):
            if np.abs(changes - instant).min() > 0.2 * SECOND:
                agreed.append(
                    expected[np.searchsorted(stamps, instant, side="right") - 1]
                    == found[np.searchsorted(other_stamps, instant, side="right") - 1]
                )
    assert len(agreed) > 100
    assert np.mean(agreed) >= 0.97


@pytest.fixture(scope="module")
def kinect_clips(shared_data: Path) -> list[FloatArray]:
    """Every 24th clip of UTD-MHAD, measured at 30 Hz, ``[T, 20, 3]`` in camera-optical axes."""
    renamed = {"hip_center": "pelvis", "spine": "spine_mid", "shoulder_center": "spine_shoulder", "head": "head"}
    with np.load(shared_data / "utd_mhad.npz", allow_pickle=False) as data:
        names = [renamed.get(str(name)) or "_".join(reversed(str(name).split("_"))) for name in data["joint"]]
        frames = data["frames"][:, [names.index(joint) for joint in KINECT.joints]] * np.array([-1, -1, 1], np.float32)
        spans = list(zip(data["offset"], data["length"], strict=True))[::24]
    return [frames[offset : offset + length] for offset, length in spans]


def final_label(clip: FloatArray, kept: np.ndarray, bundle: Bundle) -> str | None:
    recognizer = Recognizer(CONFIG, bundle)
    best = None
    for i in kept:
        person = Skeleton(KINECT, clip[i], np.ones(len(KINECT)))
        for record in recognizer.step(Frame(int(i) * SECOND // 30, "kinect", (person,))):
            best = record.best
    return best


@pytest.mark.slow
@pytest.mark.parametrize("thinning", ["15 Hz", "a third dropped"])
def test_frames_left_out_do_not_change_the_label(kinect_clips: list[FloatArray], bundle: Bundle, thinning: str) -> None:
    """Measured frames are left out, nothing is interpolated beforehand."""
    rng = np.random.default_rng(0)
    same = []
    for clip in kinect_clips:
        every = np.arange(len(clip))
        kept = every[(len(clip) - 1) % 2 :: 2] if thinning == "15 Hz" else every[rng.random(len(clip)) > 1 / 3]
        same.append(final_label(clip, kept, bundle) == final_label(clip, every, bundle))
    assert np.mean(same) >= 0.9


@pytest.mark.parametrize("seed", range(4))
def test_real_people_cross(kinect_clips: list[FloatArray], bundle: Bundle, seed: int) -> None:
    """Two recorded people are moved past each other at 0.5 m depth; the one behind is hidden for half a second."""
    rng = np.random.default_rng(seed)
    near, far = (kinect_clips[i] for i in rng.choice(len(kinect_clips), 2, replace=False))
    recognizer = Recognizer(CONFIG, bundle)
    ids: tuple[set[int], set[int]] = (set(), set())
    for k in range(120):
        time, people = k / 30, []
        for clip, x, z in ((near, time - 2, 3.0), (far, 2 - time, 3.5)):
            played = abs((k + len(clip) - 1) % (2 * len(clip) - 2) - len(clip) + 1)  # back and forth, without jumps
            body = clip[played] - clip[played, KINECT.index["pelvis"]] * (1, 0, 1) + (x, 0, z)
            people.append(Skeleton(KINECT, body + rng.normal(scale=0.01, size=body.shape), np.ones(20)))
        shown = (0,) if abs(time - 2) < 0.25 else (0, 1)
        for record in recognizer.step(Frame(k * SECOND // 30, "kinect", tuple(people[i] for i in shown))):
            for i in shown:
                if record.skeleton is people[i]:
                    ids[i].add(record.person)
    assert sorted([*ids[0], *ids[1]]) == [1, 2]

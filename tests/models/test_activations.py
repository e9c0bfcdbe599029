"""Galleries in continuous use: what counts as heard and as false, rates with their intervals, and a small case run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from csre_ros.evaluation import Interval, Report
from csre_ros.recognition.bundle import Bundle
from models.data.streams.clips import ClipStream
from models.data.streams.labels import read_stream_labels
from models.data.streams.recordings import on_grid
from models.data.streams.scenes import Scene, to_hear
from models.data.streams.stream import RATE_HZ
from models.export.activations import activations, false, heard, poisson_interval
from models.export.online import Measured
from models.export.with_gallery import Runtime, drawn_lesson
from tests.teaching.people import recording, rowing, still, tee


def clip(hands, seconds: float = 4.0, size: float = 1.0, label: str = "") -> ClipStream:
    one = recording(hands, seconds, size)
    positions, confidence = on_grid(one.stamps_ns / 1e9, one.positions, one.confidence)
    return ClipStream(positions, confidence, label, "drawn")


def reports(*stretches: tuple[str, float, float]) -> list[Report]:
    return [Report(label, start, end, end) for label, start, end in stretches]


def test_an_action_is_heard_while_it_lasts_and_a_second_longer() -> None:
    scene = Scene(clip(still), (Interval("row", 1.0, 3.0),))
    told = [reports(("row", 3.5, 3.8)), reports(("row", 5.0, 6.0)), reports(("tee", 1.0, 3.0)), []]
    assert heard([scene] * 4, told) == 0.25


def test_false_are_taught_labels_outside_of_what_is_spared() -> None:
    scene = Scene(clip(still, 60.0), spared=(Interval("maybe", 10.0, 20.0),), rest_s=2.0)
    told = reports(("row", 5.0, 6.0), ("wave", 30.0, 31.0), ("row", 15.0, 21.0), ("tee", 40.0, 41.0))
    found = false({"desk": [scene, scene]}, {"desk": [told, []]}, ("row", "tee"))
    assert found["activations"] == {"desk": 2}
    assert found["minutes"] == {"desk": pytest.approx(2 * 48 / 60, abs=0.02)}
    assert found["per_minute"] == pytest.approx(2 / 1.6, rel=0.02)
    low, high = found["interval"]
    assert low < found["per_minute"] < high


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.39)])
def test_the_interval_is_that_of_the_tables(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == pytest.approx((low, high), abs=0.005)


def test_a_drawn_gesture_is_heard_within_reach_and_nobody_who_stands() -> None:
    bundle = Bundle.load("default", device="cpu")
    table = read_stream_labels(Path("models/configs/labels_stream.yaml"))
    runtime = Runtime(bundle, bundle.info.labels, bundle, Measured(bundle, Path(), table))
    examples = [
        clip(hands, size=size, label=label) for hands, label in ((rowing, "row"), (tee, "tee")) for size in (1, 1.1)
    ]
    lesson = drawn_lesson(examples, runtime, 1, 0)
    assert (lesson.names, lesson.label_of.tolist()) == (("row", "tee"), [0, 1])
    scenes = [
        to_hear(clip(rowing, size=0.9, label="row")),
        to_hear(clip(tee, size=0.9, label="tee")),
        Scene(clip(still)),
    ]
    told = runtime.told(scenes, lesson, (0.75, 0.01))
    assert [[{one.label for one in some} & {"row", "tee"} for some in scene] for scene in told] == [
        [set(), {"row"}, set()],
        [set(), {"tee"}, set()],
        [set(), set(), set()],
    ]


def test_behind_a_clip_the_last_pose_is_held() -> None:
    one = clip(rowing, label="row")
    scene = to_hear(one)
    assert len(scene.stream.positions) == len(one.positions) + round(RATE_HZ)
    assert np.ptp(scene.stream.positions[-round(RATE_HZ) :], axis=0).max() == 0
    assert scene.truth[0].end == pytest.approx(len(one.positions) / RATE_HZ)


def test_what_cannot_be_measured_is_named() -> None:
    with pytest.raises(ValueError, match="unknown set 'utd_z'; choose among: others, utd_a"):
        activations("default", "utd_z")
    with pytest.raises(ValueError, match="takes people in the image; these are figures of bundles in space"):
        activations("flat", "utd_a")

"""What the node records can be replayed, and a full disk stops nothing but the recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")

from csre_ros.ros.moment import Moment
from csre_ros.ros.recorder import Recorder
from csre_ros.skeleton import Skeleton, SkeletonLayout, get_layout
from csre_ros.sources import SourceFrame, open_source

pytestmark = pytest.mark.ros
SECOND = 1_000_000_000


class Log:
    def __init__(self) -> None:
        self.errors: list[str] = []

    def get_logger(self) -> Log:
        return self

    def info(self, text: str) -> None:
        pass

    def error(self, text: str) -> None:
        self.errors.append(text)


def somebody(layout: SkeletonLayout, x: float) -> Skeleton:
    positions = np.full((len(layout), 3), x, np.float32)
    return Skeleton(layout, positions, np.ones(len(layout), np.float32), "7")


def moment(seconds: float, *skeletons: Skeleton) -> Moment:
    return Moment(round(seconds * SECOND), "camera", (), None, skeletons)


def frames_of(path: Path) -> list[SourceFrame]:
    with open_source(str(path)) as source:
        return list(source)


def test_a_recording_holds_every_frame_from_the_first_person_on(tmp_path: Path) -> None:
    body13 = get_layout("body13")
    recorder = Recorder(Log(), tmp_path / "new")  # type: ignore[arg-type]
    for item in (moment(1), moment(2, somebody(body13, 0.5)), moment(3), moment(4, somebody(body13, 0.7))):
        recorder.publish(item)
    recorder.withdraw()
    (path,) = (tmp_path / "new").glob("people_*.mcap")
    frames = frames_of(path)
    assert [frame.stamp_ns // SECOND for frame in frames] == [2, 3, 4]
    assert [len(frame.skeletons or ()) for frame in frames] == [1, 0, 1]
    assert (frames[2].skeletons or ())[0].positions[0, 0] == np.float32(0.7)


def test_a_pause_and_another_layout_begin_another_file(tmp_path: Path) -> None:
    recorder = Recorder(Log(), tmp_path)  # type: ignore[arg-type]
    recorder.publish(moment(1, somebody(get_layout("body13"), 0.5)))
    recorder.withdraw()
    recorder.publish(moment(2, somebody(get_layout("body13"), 0.5)))
    recorder.publish(moment(3, somebody(get_layout("kinect20"), 0.5)))
    recorder.destroy()
    assert [len(frames_of(path)) for path in sorted(tmp_path.glob("*.mcap"))] == [1, 1, 1]


def test_a_file_that_cannot_be_written_ends_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    log = Log()
    recorder = Recorder(log, tmp_path / "taken")  # type: ignore[arg-type]
    for seconds in (1, 2):
        recorder.publish(moment(seconds, somebody(get_layout("body13"), 0.5)))
    recorder.withdraw()
    assert len(log.errors) == 1
    assert "taken" in log.errors[0]

"""What the node records can be replayed, and a full disk stops nothing but the recording."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")

from csre_ros.ros.outputs.recorder import Recorder, recording_folder
from csre_ros.ros.settings import NodeConfig
from csre_ros.skeleton import Frame, Skeleton, SkeletonLayout, get_layout
from csre_ros.sources import SourceFrame, open_source

pytestmark = pytest.mark.ros
SECOND = 1_000_000_000
BODY13, KINECT20 = get_layout("body13"), get_layout("kinect20")


class Log:
    def __init__(self) -> None:
        self.errors: list[str] = []
        self.infos: list[str] = []
        self.warnings: list[str] = []

    def get_logger(self) -> Log:
        return self

    def info(self, text: str) -> None:
        self.infos.append(text)

    def warning(self, text: str, throttle_duration_sec: float) -> None:
        self.warnings.append(text)

    def error(self, text: str) -> None:
        self.errors.append(text)


def somebody(layout: SkeletonLayout, x: float) -> Skeleton:
    positions = np.full((len(layout), 3), x, np.float32)
    return Skeleton(layout, positions, np.ones(len(layout), np.float32), "7")


def seen(seconds: float, *skeletons: Skeleton) -> Frame:
    return Frame(round(seconds * SECOND), "camera", skeletons)


def make_recorder(folder: Path, log: Log | None = None, counts: Counter[str] | None = None) -> Recorder:
    return Recorder(log or Log(), folder, Counter() if counts is None else counts)  # type: ignore[arg-type]


def frames_of(path: Path) -> list[SourceFrame]:
    with open_source(str(path)) as source:
        return list(source)


def recordings(folder: Path) -> list[list[int]]:
    """The stamps in every file, in whole seconds."""
    return [[frame.stamp_ns // SECOND for frame in frames_of(path)] for path in sorted(folder.glob("*.mcap"))]


def test_a_recording_holds_every_frame_from_the_first_person_on(tmp_path: Path) -> None:
    log = Log()
    recorder = make_recorder(tmp_path / "new", log)
    for frame in (seen(1), seen(2, somebody(BODY13, 0.5)), seen(3), seen(4, somebody(BODY13, 0.75))):
        recorder.write(frame)
    recorder.close()
    (path,) = (tmp_path / "new").glob("people_*.mcap")
    frames = frames_of(path)
    assert [frame.stamp_ns // SECOND for frame in frames] == [2, 3, 4]
    assert [len(frame.skeletons or ()) for frame in frames] == [1, 0, 1]
    assert (frames[2].skeletons or ())[0].positions[0, 0] == np.float32(0.75)
    assert log.infos == [f"recorded {path}"]


def test_a_pause_and_another_layout_begin_another_file(tmp_path: Path) -> None:
    recorder = make_recorder(tmp_path)
    recorder.write(seen(1, somebody(BODY13, 0.5)))
    recorder.close()
    recorder.write(seen(2, somebody(BODY13, 0.5)))
    recorder.write(seen(3, somebody(KINECT20, 0.5)))
    recorder.close()
    assert recordings(tmp_path) == [[1], [2], [3]]


def test_stamps_that_go_back_begin_another_file(tmp_path: Path) -> None:
    recorder = make_recorder(tmp_path)
    for seconds in (8, 9, 1, 2):
        recorder.write(seen(seconds, somebody(BODY13, 0.5)))
    recorder.close()
    assert recordings(tmp_path) == [[8, 9], [1, 2]]


def test_a_stamp_that_no_file_can_hold_is_counted_and_recording_goes_on(tmp_path: Path) -> None:
    log, counts = Log(), Counter[str]()
    recorder = make_recorder(tmp_path, log, counts)
    for seconds in (-5, 1, 2**31, 2):
        recorder.write(seen(seconds, somebody(BODY13, 0.5)))
    recorder.close()
    assert recordings(tmp_path) == [[1, 2]]
    assert counts == {"unrecorded_frame": 2}
    assert (len(log.warnings), log.errors) == (2, [])


def test_people_of_another_layout_than_the_others_are_counted(tmp_path: Path) -> None:
    counts = Counter[str]()
    recorder = make_recorder(tmp_path, counts=counts)
    recorder.write(seen(1, somebody(BODY13, 0.5), somebody(KINECT20, 0.6)))
    recorder.write(seen(2, somebody(KINECT20, 0.6), somebody(BODY13, 0.5)))
    recorder.close()
    (path,) = tmp_path.glob("*.mcap")
    assert [[one.layout for one in frame.skeletons or ()] for frame in frames_of(path)] == [[BODY13], [BODY13]]
    assert counts == {"unrecorded_person": 2}


def test_a_file_without_frames_is_not_said_to_be_recorded(tmp_path: Path) -> None:
    log = Log()
    recorder = make_recorder(tmp_path, log)
    recorder.write(seen(-5, somebody(BODY13, 0.5)))
    recorder.close()
    assert (list(tmp_path.glob("*.mcap")), log.infos) == ([], [])


def test_a_file_that_cannot_be_written_ends_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    log, counts = Log(), Counter[str]()
    recorder = make_recorder(tmp_path / "taken", log, counts)
    assert recorder.failure == ""
    for seconds in (1, 2):
        recorder.write(seen(seconds, somebody(BODY13, 0.5)))
    recorder.close()
    assert len(log.errors) == 1
    assert "taken" in log.errors[0]
    assert recorder.failure == log.errors[0]
    assert counts == {"unrecorded_frame": 2}


@pytest.mark.slow
def test_a_full_disk_ends_the_recording_and_keeps_the_file(tmp_path: Path) -> None:
    code = """
import resource, sys, time
from collections import Counter
from pathlib import Path
import numpy as np
from csre_ros.ros.outputs.recorder import Recorder
from csre_ros.skeleton import Frame, Skeleton, get_layout

class Log:
    def get_logger(self): return self
    def info(self, text): print("info", text)
    def error(self, text): print("error", text)

resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))
layout, rng, counts = get_layout("mediapipe33"), np.random.default_rng(0), Counter()
recorder = Recorder(Log(), Path(sys.argv[1]), counts)
for number in range(300):
    body = Skeleton(layout, rng.normal(size=(33, 3)), np.ones(33))
    recorder.write(Frame(number * 10_000_000, "camera", (body,)))
    time.sleep(0.01)
print(recorder.failure)
print(counts["unrecorded_frame"])
recorder.close()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    error, failure, unrecorded = done.stdout.splitlines()
    (path,) = tmp_path.iterdir()
    frames = frames_of(path)
    seconds = frames[-1].stamp_ns / SECOND
    assert error == f"error {failure}"
    assert failure.startswith(f"recording has ended: {path} takes no more (File too large); its first {seconds:.1f} s")
    # What was in the chunk that did not fit is lost besides; none where only its index did not.
    assert 0 < int(unrecorded) <= 300 - len(frames)


def test_a_folder_that_cannot_be_recorded_into_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle.onnx").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    assert recording_folder(NodeConfig(record=str(tmp_path / "new"))) == tmp_path / "new"
    with pytest.raises(ValueError, match="which is no folder; recordings are files in one"):
        recording_folder(NodeConfig(record=str(tmp_path / "bundle.onnx")))
    same = NodeConfig(source=str(tmp_path), record=str(tmp_path / "link"))
    with pytest.raises(ValueError, match="record and source are the same folder"):
        recording_folder(same)
    assert recording_folder(replace(same, input="skeletons")) == tmp_path / "link"

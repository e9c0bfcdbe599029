"""Recording, as people run it: in a process of its own, from every kind of source."""

from __future__ import annotations

import http.server
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from csre_ros.recordings import SHIPPED
from csre_ros.sources import open_source
from csre_ros.sources.mcap_reader import McapFile

CSRE = (sys.executable, "-m", "csre_ros.app.main")


def csre(*arguments, timeout=120):
    return subprocess.run([*CSRE, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=False)


def frames_of(path):
    with open_source(str(path)) as source:
        return list(source)


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder of twelve images in which nobody is."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(12):
        cv2.imwrite(str(folder / f"{i:02}.png"), np.full((48, 64, 3), 20 * i, np.uint8))
    return folder


@pytest.mark.slow
def test_a_recording_is_copied_bit_by_bit_with_a_new_label(tmp_path):
    done = csre("record", tmp_path / "copy.mcap", "--source", "recording", "--label", "wave hello")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "people in 152 of 171 frames" in done.stderr
    copy, original = frames_of(tmp_path / "copy.mcap"), frames_of(SHIPPED)
    assert {frame.label for frame in copy} == {"wave hello"}
    for ours, theirs in zip(copy, original, strict=True):
        # The shipped one begins at 0, which in ROS means that there is no stamp.
        assert (ours.stamp_ns, ours.frame_id) == (theirs.stamp_ns + 1_000_000_000, theirs.frame_id)
        for one, other in zip(ours.skeletons, theirs.skeletons, strict=True):
            assert one.layout is other.layout
            np.testing.assert_array_equal(one.positions, other.positions)
            np.testing.assert_array_equal(one.confidence, other.confidence)


@pytest.mark.slow
def test_the_name_of_the_file_is_printed_as_it_is(tmp_path):
    path = tmp_path / "[cam] :smile:.mcap"
    assert f"wrote {path}: " in csre("record", path, "--source", "recording", "--seconds", "0.1").stderr


@pytest.mark.slow
def test_seconds_limit_it_and_the_labels_of_the_source_stay(tmp_path):
    csre("record", tmp_path / "part.mcap", "--source", "recording", "--seconds", "1")
    assert [frame.label for frame in frames_of(tmp_path / "part.mcap")] == ["wave"] * 11


@pytest.mark.slow
def test_stamps_are_never_zero_and_stay_as_far_apart(tmp_path):
    """What is recorded of a recording that has stamps keeps them; the times that replay prints begin at 0 anyhow."""
    csre("record", tmp_path / "one.mcap", "--source", "recording")
    csre("record", tmp_path / "two.mcap", "--source", tmp_path / "one.mcap")
    paths = (SHIPPED, tmp_path / "one.mcap", tmp_path / "two.mcap")
    original, one, two = ([frame.stamp_ns for frame in frames_of(path)] for path in paths)
    assert one == two == [stamp_ns + 1_000_000_000 for stamp_ns in original]
    assert csre("replay", tmp_path / "one.mcap").stdout == csre("replay", SHIPPED).stdout


@pytest.mark.parametrize("arguments", [(), ("--images",)])
def test_images_are_kept_only_if_asked(tmp_path, pictures, arguments):
    pytest.importorskip("mediapipe", reason="needs the pose stage: pip install 'csre_ros[mediapipe]'")
    done = csre("record", tmp_path / "out.mcap", "--source", pictures, *arguments)
    assert done.returncode == 0, done.stderr
    frames = frames_of(tmp_path / "out.mcap")
    assert [len(frame.skeletons) for frame in frames] == [0] * 12
    if arguments:
        assert [round(frame.image.mean()) for frame in frames] == pytest.approx(range(0, 240, 20), abs=2)
    else:
        assert all(frame.image is None for frame in frames)


@pytest.mark.slow
def test_what_was_recorded_from_a_camera_replays_as_it_was_seen(shared_data, tmp_path):
    """The pose stage runs once while recording and once in the demo: the same people, the same events."""
    pytest.importorskip("mediapipe", reason="needs the pose stage: pip install 'csre_ros[mediapipe]'")
    clip = shared_data / "video" / "wave.mp4"
    done = csre("record", tmp_path / "wave.mcap", "--source", clip, "--label", "wave")
    assert "people in 125 of 125 frames" in done.stderr
    live = csre("demo", "--source", clip, "--headless", "--events", "-").stdout
    again = csre("replay", tmp_path / "wave.mcap", "--events", "-").stdout
    events, expected = ([json.loads(line) for line in text.splitlines()] for text in (again, live))
    for event in expected:
        # Recordings round places to 0.1 mm, which moves a score by less than 0.001. That of a file begins at 1 s.
        later = {key: round(event[key] + 1, 6) for key in ("stamp", "since", "until") if key in event}
        event |= {**later, "score": pytest.approx(event["score"], abs=2e-3)}
    assert events == expected
    assert any(event["action"].startswith("wave") for event in events)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_however_many_leave_a_readable_file(tmp_path, number):
    path = tmp_path / "out.mcap"
    command = [*CSRE, "record", path, "--source", "recording", "--capture.realtime"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert "Ctrl-C ends" in process.stderr.readline()
        time.sleep(1.0)
        for _ in range(10):
            process.send_signal(number)
            time.sleep(0.001)
        stderr = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in stderr
    assert f"wrote {path}" in stderr
    assert 1 < len(frames_of(path)) < 171
    assert [file.name for file in tmp_path.iterdir()] == ["out.mcap"]


class MotionJpeg(http.server.BaseHTTPRequestHandler):
    """A network camera that dies after two seconds."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
        self.end_headers()
        for i in range(50):
            picture = cv2.imencode(".jpg", np.full((48, 64, 3), 5 * i, np.uint8))[1].tobytes()
            self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture))
            self.wfile.write(picture + b"\r\n")
            time.sleep(0.04)
        self.server.shutdown()

    def log_message(self, *_):
        """Say nothing."""


@pytest.mark.slow
def test_a_stream_that_broke_off_is_waited_for_until_somebody_ends_it(tmp_path):
    pytest.importorskip("mediapipe", reason="needs the pose stage: pip install 'csre_ros[mediapipe]'")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://user:secret@127.0.0.1:{server.server_port}/stream"
        command = [*CSRE, "record", tmp_path / "out.mcap", "--source", url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            lines = [process.stderr.readline()]
            while "waiting for it to come back" not in lines[-1]:
                assert lines[-1], lines
                lines.append(process.stderr.readline())
            process.send_signal(signal.SIGTERM)
            stderr = "".join(lines) + process.stderr.read()
    assert process.returncode == 0, stderr
    assert "secret" not in stderr
    assert 1 <= len(frames_of(tmp_path / "out.mcap")) <= 50


@pytest.mark.slow
def test_a_terminal_that_closes_leaves_a_complete_file(tmp_path):
    """As when the window is closed or ssh drops: the process is hung up, and whatever it says fails."""
    path = tmp_path / "out.mcap"
    command = [*map(str, CSRE), "record", str(path), "--source", "recording", "--capture.realtime"]
    process, terminal = pty.fork()
    if process == 0:
        os.execv(command[0], command)
    while b"people in view" not in os.read(terminal, 65536):
        pass
    time.sleep(0.5)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert McapFile(path).lost == []
    assert 1 < len(frames_of(path)) < 171


@pytest.mark.slow
def test_nohup_is_respected(tmp_path):
    command = ["nohup", *CSRE, "record", tmp_path / "out.mcap", "--source", "recording", "--capture.realtime"]
    with subprocess.Popen([*command, "--seconds", "2"], stderr=subprocess.PIPE, text=True) as process:
        while "Ctrl-C ends" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGHUP)
        stderr = process.stderr.read()
    assert process.returncode == 0
    assert "wrote" in stderr
    assert frames_of(tmp_path / "out.mcap")[-1].stamp_ns == 3_000_000_000


@pytest.mark.slow
def test_on_a_terminal_progress_is_shown(tmp_path):
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    command = [*CSRE, "record", tmp_path / "out.mcap", "--source", "recording", "--capture.realtime", "--seconds", "2"]
    process = subprocess.Popen(command, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"})
    shown = b""
    while process.poll() is None:
        time.sleep(0.05)
        try:
            shown += os.read(ours, 65536)
        except BlockingIOError:
            continue
    os.close(ours)
    os.close(theirs)
    assert b"1 people in view" in shown
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("out.bag", "--source", "recording"), ("something.mcap", "out.bag")),
        (("out.mcap", "--source", "missing.mp4"), ("missing.mp4", "does not exist")),
        (("out.mcap", "--source", "recording", "--seconds", "-1"), ("seconds is -1.0",)),
        (("taken.mcap", "--source", "recording"), ("taken.mcap exists", "never overwritten")),
        ((), ("output",)),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "taken.mcap").write_bytes(b"precious")
    done = csre("record", *arguments)
    assert done.returncode == 2
    assert all(word in done.stderr for word in words)
    assert "Traceback" not in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["taken.mcap"]
    assert (tmp_path / "taken.mcap").read_bytes() == b"precious"


def test_without_a_frame_nothing_is_written_and_the_status_says_so(tmp_path, monkeypatch):
    from csre_ros.app import record
    from csre_ros.app import source as opening
    from csre_ros.sources.stored import ImageFolder

    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((4, 4, 3), np.uint8))
    source = ImageFolder(tmp_path)
    monkeypatch.setattr(source, "_frames", lambda: iter(()))
    monkeypatch.setattr(opening, "open_source", lambda *_: source)
    assert record.run(record.RecordSettings(record.RecordConfig(str(tmp_path / "out.mcap"), "x"))) == 1
    assert not (tmp_path / "out.mcap").exists()

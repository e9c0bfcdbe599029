"""From text to source: what is accepted, and what is said about the rest."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV")
import cv2

from csre_ros.sources import SourceConfig, camera, open_source
from csre_ros.sources.camera import OpenCvCapture


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("", FileNotFoundError, r"source '' does not exist; choose camera:N, a video file, .*\.mcap"),
        ("nothing/here.mp4", FileNotFoundError, "'nothing/here.mp4' does not exist"),
        ("camera:", ValueError, "'camera:' names no camera; write camera:N"),
        ("camera:front", ValueError, "write camera:N with the number of /dev/videoN"),
        ("camera:-1", ValueError, "write camera:N"),
        ("ftp://robot/clip", ValueError, "unknown scheme 'ftp'; choose one of: http, https, rtsp, rtsps, udp"),
    ],
)
def test_what_is_no_source_is_refused(spec, error, message):
    with pytest.raises(error, match=message):
        open_source(spec)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="lists /dev/video*, which only Linux has")
def test_an_absent_camera_is_refused_with_what_exists():
    with pytest.raises(FileNotFoundError, match=r"camera:97 does not exist: there is (no )?/dev/video"):
        open_source("camera:97")


def test_what_exists_is_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(camera, "Path", lambda path: tmp_path if path == "/dev" else Path(path))
    assert "no /dev/video* at all" in camera._existing_cameras()
    for name in ("video10", "video0", "video2", "null"):
        (tmp_path / name).touch()
    assert camera._existing_cameras() == "there is " + ", ".join(str(tmp_path / f"video{n}") for n in (0, 10, 2))


class _Capture:
    def __init__(self, opened: bool, frames: int = 0, fps: float = 30.0):
        self.opened, self.frames, self.fps, self.released = opened, frames, fps, False

    def isOpened(self):  # noqa: N802
        return self.opened

    def grab(self):
        self.frames -= 1
        return self.frames >= 0

    def get(self, setting):
        return self.fps

    def release(self):
        self.released = True


@pytest.mark.parametrize(
    ("capture", "message"),
    [(_Capture(False), "camera:0 does not open; try this"), (_Capture(True), "opens but delivers no frame; try this")],
)
def test_a_camera_must_deliver(capture, message):
    with pytest.raises(OSError, match=message):
        OpenCvCapture(capture, "camera:0", "try this")
    assert capture.released


@pytest.mark.parametrize(("fps", "expected"), [(30.0, 30.0), (0.0, None), (float("nan"), None), (180000.0, None)])
def test_a_rate_nobody_can_believe_is_unknown(fps, expected):
    assert OpenCvCapture(_Capture(True, 1, fps), "camera:0", "").fps == expected


@pytest.fixture
def server(tmp_path):
    """A folder on a local web server."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://user:secret@127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_a_stream_is_live_and_shows_no_password(server, tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (64, 48))
    for value in range(0, 250, 5):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    with open_source(f"{server}/clip.avi", SourceConfig(reconnect=False)) as source:
        assert source.live
        assert "secret" not in source.name
        delivered = [next(iter(source))]
        source._thread.join(30.0)  # all the rest comes while nobody takes it
        with pytest.raises(OSError, match=r"http://\*\*\*@127.0.0.1:\d+/clip.avi was lost"):
            delivered.extend(source)
        with pytest.raises(OSError, match="was lost"):
            next(iter(source))
    assert source.dropped > 0


def test_a_stream_that_does_not_open_is_refused_without_its_password(server):
    with pytest.raises(OSError, match="does not open; check the address") as caught:
        open_source(f"{server}/absent.avi")
    assert "secret" not in str(caught.value)


def test_without_opencv_the_install_commands_are_named(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"x")
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "from csre_ros.sources import open_source\n"
        f"try: open_source({str(tmp_path / 'clip.mp4')!r})\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'csre_ros[mediapipe]'" in done.stdout
    assert "apt install python3-opencv" in done.stdout


def test_sources_need_neither_pose_nor_recognition_nor_opencv_before_use():
    code = (
        "import sys, csre_ros.sources, csre_ros.sources.live, csre_ros.sources.recording, csre_ros.sources.camera\n"
        "print(*(m for m in sys.modules if m.startswith(('csre_ros.pose', 'csre_ros.recognition', 'cv2', 'rclpy'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": -1}, "width is -1"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"max_age_s": 0.0}, "max_age_s is 0.0; it must lie in 0.05"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SourceConfig(**settings)

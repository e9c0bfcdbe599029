"""From text to source: what is accepted, and what is said about the rest."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
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


def clip(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (64, 48))
    for value in range(0, 250, 5):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()


def test_a_file_of_a_web_server_is_played_once_by_its_own_stamps(server, tmp_path):
    clip(tmp_path / "clip.avi")
    with open_source(f"{server}/clip.avi") as source:
        assert (source.live, source.fps) == (False, 25.0)
        assert "secret" not in source.name
        frames = list(source)
    assert [frame.stamp_ns for frame in frames] == pytest.approx([i * 40_000_000 for i in range(50)], abs=1000)
    assert [round(frame.image.mean()) for frame in frames] == pytest.approx(range(0, 250, 5), abs=2)
    assert source.dropped == 0


class MotionJpeg(http.server.BaseHTTPRequestHandler):
    """A network camera that sends 25 pictures."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
        self.end_headers()
        for i in range(25):
            picture = cv2.imencode(".jpg", np.full((48, 64, 3), 5 * i, np.uint8))[1].tobytes()
            self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture))
            self.wfile.write(picture + b"\r\n")
            time.sleep(0.02)

    def log_message(self, *_):
        """Say nothing."""


def test_a_stream_is_live_and_shows_no_password():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg) as httpd:
        threading.Thread(target=httpd.serve_forever).start()
        url = f"http://user:secret@127.0.0.1:{httpd.server_port}/stream"
        with open_source(url, SourceConfig(reconnect=False)) as source:
            assert source.live
            assert "secret" not in source.name
            delivered = [next(iter(source))]
            source._thread.join(30.0)  # all the rest comes while nobody takes it
            with pytest.raises(OSError, match=r"http://\*\*\*@127.0.0.1:\d+/stream was lost"):
                delivered.extend(source)
            with pytest.raises(OSError, match="was lost"):
                next(iter(source))
        httpd.shutdown()
    assert source.dropped > 0


@pytest.fixture
def silent_server():
    """It takes the call and says nothing; FFmpeg would wait half a minute for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


@pytest.fixture
def silent_url(silent_server):
    return f"http://127.0.0.1:{silent_server.getsockname()[1]}/stream"


def test_opening_a_silent_address_is_given_up_at_once_when_asked(silent_url):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begin = time.monotonic()
    with pytest.raises(InterruptedError):
        open_source(silent_url, stop=stop)
    assert time.monotonic() - begin < 10


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_wait_for_a_silent_address(silent_server, silent_url, number, tmp_path):
    command = [sys.executable, "-m", "csre_ros.app.main", "record", tmp_path / "out.mcap", "--source", silent_url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        caller, _ = silent_server.accept()  # it waits now, however long a busy machine took
        process.send_signal(number)
        begin = time.monotonic()
        stderr = process.communicate()[1]
        caller.close()
    assert time.monotonic() - begin < 10
    assert process.returncode == 130
    assert "Traceback" not in stderr


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


class _Camera:
    """What a camera is asked for, in order; it offers some pixel formats."""

    def __init__(self, *formats: str) -> None:
        self.offers = [cv2.VideoWriter.fourcc(*name) for name in formats]
        self.fourcc, self.asked = self.offers[0], []

    def set(self, setting, value):
        self.asked.append(setting)
        if setting == cv2.CAP_PROP_FOURCC:
            self.fourcc = value if value in self.offers else self.offers[0]
            return value in self.offers
        return True

    def get(self, setting):
        return float(self.fourcc) if setting == cv2.CAP_PROP_FOURCC else 30.0

    def isOpened(self):  # noqa: N802
        return True

    def grab(self):
        return True


@pytest.mark.parametrize(
    ("formats", "wanted", "chosen", "said"),
    [
        (("YUYV", "MJPG"), "", "MJPG", ""),
        (("YUYV",), "", "YUYV", ""),
        (("MJPG", "YUYV"), "YUYV", "YUYV", ""),
        (("YUYV", "MJPG"), "H264", "YUYV", "camera:0 does not deliver H264"),
    ],
)
def test_the_pixel_format_is_asked_before_the_size(monkeypatch, caplog, formats, wanted, chosen, said):
    device = _Camera(*formats)
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: device)
    monkeypatch.setattr(camera, "Path", lambda path: Path("/dev/null"))
    camera.open_camera(0, SourceConfig(width=1280, height=720, fourcc=wanted))
    assert device.fourcc == cv2.VideoWriter.fourcc(*chosen)
    last_format = max(i for i, setting in enumerate(device.asked) if setting == cv2.CAP_PROP_FOURCC)
    assert last_format < device.asked.index(cv2.CAP_PROP_FRAME_WIDTH)
    assert (said in caplog.text) if said else not caplog.text


@pytest.mark.parametrize("name", ["12:30.avi", "file:a.avi", "%03d.avi", b"\xff\xe9t\xe9.avi", "-i.avi"])
def test_no_name_is_taken_for_anything_but_a_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    clip(tmp_path / "clip.avi")
    os.rename("clip.avi", name)
    with open_source(os.fsdecode(name)) as source:
        assert len(list(source)) == 50
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / os.fsdecode(name)).with_suffix(".png").write_bytes(
        cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    )
    with open_source("folder") as source:
        assert len(list(source)) == 1


def test_home_folders_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    clip(tmp_path / "clip.avi")
    with open_source("~/clip.avi") as source:
        assert source.name == str(tmp_path / "clip.avi")
    with pytest.raises(FileNotFoundError, match="~nobody-of-this-name stands for the home folder of a user"):
        open_source("~nobody-of-this-name/clip.avi")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": -1}, "width is -1"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"fourcc": "MJPEG"}, "fourcc is 'MJPEG'; give four characters"),
        ({"max_age_s": 0.0}, "max_age_s is 0.0; it must lie in 0.05"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SourceConfig(**settings)

"""A source of too few frames is said on the terminal and in the window; and what logs say is one line of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.sources.recording_writer import RecordingWriter
from csre_ros.timing import FrameRate

LAYOUT = get_layout("mediapipe33")


def record(path: Path, rate_hz: float, seconds: float = 5.0) -> Path:
    rng = np.random.default_rng(0)
    body = Skeleton(
        LAYOUT, rng.normal((0, 0, 2.5), 0.3, (33, 3)).astype(np.float32), np.ones(33, np.float32), None
    )  # fmt: skip
    with RecordingWriter(path, LAYOUT) as writer:
        for i in range(round(seconds * rate_hz)):
            writer.write(Frame(1_000_000_000 + round(i * 1e9 / rate_hz), "camera", (body,)))
    return path


def replay(path: Path) -> str:
    command = [sys.executable, "-m", "csre_ros.app.main", "replay", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize(("rate_hz", "said"), [(5.0, True), (7.0, True), (10.0, False), (30.0, False)])
def test_too_few_frames_are_said_once(rate_hz: float, said: bool, tmp_path: Path) -> None:
    text = replay(record(tmp_path / "slow.mcap", rate_hz))
    assert text.count("frames per second are too few to recognise actions by") == int(said)
    assert (f"{rate_hz:.1f} frames" in text) is said


def test_the_rate_is_that_of_the_stamps() -> None:
    rate = FrameRate()
    for i in range(100):
        found = rate.step(i * 100_000_000)
    assert found == pytest.approx(10)
    assert not rate.is_slow
    assert rate.step(0) == 0  # another beginning
    assert not rate.is_slow
    for i in range(1, 30):
        found = rate.step(i * 200_000_000)
    assert found == pytest.approx(5)
    assert rate.is_slow


def test_the_window_shows_the_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2", reason="needs OpenCV")
    from csre_ros.app.main import main
    from csre_ros.app.screen.display import Display

    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(
        Display,
        "picture",
        lambda self, image, captions, stamp_ns, status, warning: bool(shown.append((status, warning))) or True,
    )
    path = record(tmp_path / "slow.mcap", 5.0)
    assert main(["demo", "--source", str(path), "--headless", "--output", str(tmp_path / "out.mp4")]) == 0
    assert shown[-1][0].endswith(" ms   5 fps")
    assert shown[-1][1] == "too slow: 5 fps, 8 are needed"
    assert not shown[5][1]


def test_logs_that_name_files_of_others_are_one_line(tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="needs OpenCV")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a\x1b[2J\n[FATAL] forged.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "csre_ros.app.main", "demo", "--headless", "--source", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "\x1b[2J" not in done.stderr
    assert not any(line.startswith("[FATAL]") for line in done.stderr.splitlines())
    assert "forged" in done.stderr

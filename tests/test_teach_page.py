"""The first ten minutes of ``docs/teach.md``, done as they are written, with recordings of somebody made up."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.teaching.people import again_and_again, recording, tee, write

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "teach.md").read_text()


def commands(heading: str) -> list[list[str]]:
    """The commands of a section that need no camera."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks = [block.partition("```")[0] for block in section.split("```sh\n")[1:]]
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    return [words for words in lines if any(".mcap" in word for word in words[2:]) and words[1] != "record"]


def here(words: list[str]) -> list[str]:
    """A command of the page in this installation."""
    if words[0].endswith("csre"):
        return [sys.executable, "-m", "csre_ros.app.main", *words[1:]]
    return [sys.executable, str(ROOT / words[1]), *words[2:]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the reader has recorded the gesture three times, and once more."""
    write(tmp_path / "halt.mcap", again_and_again(tee, 3, 5.5))
    write(tmp_path / "again.mcap", recording(lambda t: tee(t - 1), 9.0, size=1.1))
    return tmp_path


@pytest.mark.slow
def test_a_gesture_is_taught_and_told(folder: Path) -> None:
    teach, replay, _ = commands("Ten minutes")
    assert (teach[1], replay[1]) == ("teach", "replay")
    for words in (teach, replay):
        done = subprocess.run(here(words), capture_output=True, text=True, timeout=120, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr
        if words is teach:
            assert "kept as example 3" in done.stderr
    assert [line.split()[7] for line in done.stdout.splitlines()] == ["halt"]


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that end with the test."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.terminate()
    for process in started:
        process.wait(timeout=20)


@pytest.mark.slow
@pytest.mark.ros
def test_the_robot_stops_on_it(
    folder: Path, running: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    from csre_ros.ros.free_domain import take_domain

    monkeypatch.setenv("ROS_DOMAIN_ID", str(take_domain()))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_LOG_DIR", str(folder))
    teach, _, node = commands("Ten minutes")
    (controller,) = [shlex.split(line) for line in PAGE.splitlines() if "stop_on_wave" in line and "[halt]" in line][:1]
    subprocess.run(here(teach), capture_output=True, timeout=120, check=True, cwd=folder)
    robot = subprocess.Popen(here(controller), stderr=subprocess.PIPE, text=True, cwd=folder)
    running.append(robot)
    running.append(subprocess.Popen(here(node), stderr=subprocess.DEVNULL, text=True, cwd=folder))
    assert robot.stderr is not None
    told = [line for _, line in zip(range(2), robot.stderr, strict=False)]
    assert "stopped by halt" in told[0]
    assert "free to move" in told[1]

"""The landmarker's model file: assembled, kept, verified, made again; and the user's own file."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("mediapipe", reason="needs mediapipe (extra 'mediapipe')")
import mediapipe

from csre_ros.pose import landmarker_task
from csre_ros.pose.landmarker_task import DETECTOR, LANDMARKS, cache_folder, load_landmarker_task
from csre_ros.pose.mediapipe_pose import MediaPipePose
from csre_ros.pose.settings import PoseConfig


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "csre_ros"


@pytest.fixture(scope="module")
def task(tmp_path_factory) -> bytes:
    if not (Path(mediapipe.__file__).parent / "modules" / "pose_landmark").exists():
        pytest.skip("this release of mediapipe carries no model to assemble")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return load_landmarker_task()


@pytest.mark.slow
def test_it_is_made_once_and_then_read(cache, task, monkeypatch):
    assert load_landmarker_task() == task
    (file,) = cache.iterdir()
    assert file.read_bytes() == task
    monkeypatch.setattr(landmarker_task, "keep_task", lambda *_: pytest.fail("assembled a second time"))
    assert load_landmarker_task() == task


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:5_000_000] + b"\x00\xff\x00" + content[5_000_003:],
    ],
    ids=["empty", "half", "one byte short", "three bytes changed"],
)
def test_a_damaged_file_is_made_again(cache, task, damage, caplog):
    load_landmarker_task()
    (file,) = cache.iterdir()
    file.write_bytes(damage(task))
    with caplog.at_level(logging.WARNING):
        assert load_landmarker_task() == task
    assert f"{file} is damaged" in caplog.text
    assert [path.read_bytes() for path in cache.iterdir()] == [task]


@pytest.mark.slow
def test_two_processes_at_once_leave_one_good_file(cache, task):
    code = "from csre_ros.pose.landmarker_task import *; import sys; sys.exit(len(load_landmarker_task()) % 251)"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache.parent)}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait(120) for process in both] == [len(task) % 251] * 2
    assert [path.read_bytes() for path in cache.iterdir()] == [task]


def test_without_a_writable_cache_it_still_works_and_says_so(tmp_path, task, monkeypatch, caplog):
    (tmp_path / "file").write_text("no folder can be made below this")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert load_landmarker_task() == task
    assert "set XDG_CACHE_HOME" in caplog.text


def test_an_interrupted_write_leaves_nothing_behind(cache, task, monkeypatch):
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_landmarker_task()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_a_cache_variable_that_is_no_absolute_path_is_ignored(monkeypatch, value):
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.cache/csre_ros")


def test_the_users_own_file_is_read(cache, task, tmp_path):
    own = tmp_path / "own.task"
    own.write_bytes(task)
    assert load_landmarker_task(str(own)) == task
    assert not cache.exists()


def _zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_users_file_that_is_no_landmarker_is_refused(tmp_path, task):
    text = tmp_path / "text.task"
    text.write_text("hello")
    short = tmp_path / "short.task"
    short.write_bytes(task[:-100])
    changed = tmp_path / "changed.task"
    changed.write_bytes(task[:5_000_000] + b"\x00\xff\x00" + task[5_000_003:])
    hand = _zip(tmp_path / "hand.task", {"hand_detector.tflite": b"x"})
    packed = _zip(tmp_path / "packed.task", {DETECTOR: b"x" * 99, LANDMARKS: b"y" * 99}, zipfile.ZIP_DEFLATED)
    for file, message in (
        (text, r"text.task \(5 bytes\) is no MediaPipe .task file"),
        (short, r"short.task \(\d+ bytes\) is no MediaPipe .task file"),
        (changed, "changed.task is damaged: the checksum of its member pose_landmarks_detector.tflite"),
        (hand, "it holds hand_detector.tflite but not pose_detector.tflite, pose_landmarks_detector.tflite"),
        (packed, "compresses pose_detector.tflite, .*stored uncompressed"),
    ):
        with pytest.raises(ValueError, match=message):
            load_landmarker_task(str(file))
    with pytest.raises(FileNotFoundError):
        load_landmarker_task(str(tmp_path / "absent.task"))


def test_models_that_mediapipe_cannot_load_are_refused(tmp_path):
    wrong = _zip(tmp_path / "wrong.task", {DETECTOR: b"no model" * 9, LANDMARKS: b"no model either" * 9})
    with pytest.raises(ValueError, match=r"MediaPipe cannot use the pose model .*wrong\.task"):
        MediaPipePose(PoseConfig(model=str(wrong)))


@pytest.mark.parametrize("size", ["lite", "heavy"])
def test_a_size_that_is_not_here_is_refused_with_the_command_that_gets_it(cache, size):
    """The wheel carries the full model only."""
    with pytest.raises(FileNotFoundError, match=f"the pose model '{size}' is not here.*`csre pose-model {size}`"):
        load_landmarker_task(size)
    assert not cache.exists()


def test_a_size_that_was_kept_is_found_by_name(cache, task):
    models = Path(mediapipe.__file__).parent / "modules"
    detector = (models / "pose_detection" / "pose_detection.tflite").read_bytes()
    landmarks = (models / "pose_landmark" / "pose_landmark_full.tflite").read_bytes()
    kept = landmarker_task.keep_task("heavy", detector, landmarks)
    assert load_landmarker_task("heavy") == kept
    assert load_landmarker_task() == load_landmarker_task("full") == task
    assert sorted(path.name.split("-")[0] for path in cache.iterdir()) == [
        "pose_landmarker_full",
        "pose_landmarker_heavy",
    ]


def test_without_mediapipe_the_install_command_is_named():
    code = (
        "import sys; sys.modules['mediapipe'] = None\n"
        "from csre_ros.pose.mediapipe_pose import MediaPipePose\n"
        "try: MediaPipePose()\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'csre_ros[mediapipe]'" in done.stdout

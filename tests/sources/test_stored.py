"""Video files and image folders."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV")
import cv2

from csre_ros.sources import SourceConfig, open_source
from csre_ros.sources.stored import VideoFile


def grey(value: int) -> np.ndarray:
    return np.full((32, 48, 3), value, np.uint8)


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 20.0, (48, 32))
    assert writer.isOpened()
    for value in range(0, 240, 8):
        writer.write(grey(value))
    writer.release()
    return path


def test_a_video_gives_its_frames_with_the_times_of_the_file(video):
    with open_source(str(video), SourceConfig(frame_id="front")) as source:
        frames = list(source)
    assert (source.name, source.live, source.fps, source.dropped) == (str(video), False, 20.0, 0)
    assert [frame.stamp_ns for frame in frames] == pytest.approx([i * 50_000_000 for i in range(30)], abs=1000)
    assert [round(frame.image.mean() / 8) for frame in frames] == list(range(30))
    assert {(frame.frame_id, frame.image.shape, frame.image.dtype.str) for frame in frames} == {
        ("front", (32, 48, 3), "|u1")
    }
    assert all(frame.skeletons is None and frame.label is None for frame in frames)


@pytest.mark.parametrize(("clip", "count", "period_ms"), [("wave.mp4", 125, 100), ("pose_squats.mp4", 65, 200)])
def test_real_clips_keep_their_times(shared_data, clip, count, period_ms):
    with open_source(str(shared_data / "video" / clip)) as source:
        stamps = [frame.stamp_ns for frame in source]
    assert stamps == pytest.approx([i * period_ms * 1_000_000 for i in range(count)], abs=1000)


def test_every_iteration_starts_at_the_beginning(video):
    with open_source(str(video)) as source:
        assert [frame.stamp_ns for frame in source] == [frame.stamp_ns for frame in source]
        assert next(iter(source)).stamp_ns == 0


class _Timeless:
    """A capture whose container has no usable times."""

    def __init__(self, capture, positions):
        self._capture, self._positions = capture, iter(positions)

    def get(self, setting):
        return next(self._positions) if setting == cv2.CAP_PROP_POS_MSEC else self._capture.get(setting)

    def __getattr__(self, name):
        return getattr(self._capture, name)


@pytest.mark.parametrize(
    ("positions", "expected_ms"),
    [
        ([0.0] * 30, [50 * i for i in range(30)]),
        ([float("nan")] * 30, [50 * i for i in range(30)]),
        ([-5.0] * 30, [50 * i for i in range(30)]),
        ([0, 40, 40, 10, 300, *[0] * 25], [0, 40, 90, 140, 300, *[350 + 50 * i for i in range(25)]]),
    ],
    ids=["stuck at zero", "not a number", "negative", "repeats and goes back"],
)
def test_without_usable_times_the_nominal_rate_counts(video, monkeypatch, positions, expected_ms):
    source = VideoFile(video)
    real = source._open
    monkeypatch.setattr(source, "_open", lambda: _Timeless(real(), positions))
    assert [frame.stamp_ns for frame in source] == pytest.approx([ms * 1_000_000 for ms in expected_ms], abs=1000)


def test_real_time_holds_frames_back_and_keeps_their_stamps(video):
    with open_source(str(video), SourceConfig(realtime=True)) as source:
        begin = time.monotonic()
        frames = [(frame.stamp_ns, time.monotonic() - begin) for _, frame in zip(range(8), source, strict=False)]
    assert all(seconds >= stamp_ns / 1e9 for stamp_ns, seconds in frames)
    assert [stamp_ns for stamp_ns, _ in frames] == pytest.approx([i * 50_000_000 for i in range(8)], abs=1000)


def test_a_video_that_does_not_open_is_refused(video, tmp_path):
    empty, text, folder = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "folder"
    empty.touch()
    text.write_text("no video" * 100)
    folder.mkdir()
    for path, message in (
        (empty, "empty.mp4 does not open as a video: the file is empty"),
        (text, "text.mp4 does not open as a video: none of its 800 bytes are a video"),
        (tmp_path / "absent.mp4", "absent.mp4' does not exist; choose camera:N, a video file"),
        (folder, "folder holds no images"),
    ):
        with pytest.raises(OSError, match=message):
            open_source(str(path))


def test_a_video_that_was_cut_short_is_refused_or_reported(video, tmp_path, caplog):
    whole = video.read_bytes()
    for share in (0.1, 0.5, 0.9):
        cut = tmp_path / f"cut{share}.mp4"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(OSError, match=r"does not open as a video|not one frame"):
            open_source(str(cut))
    transport = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(transport), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (48, 32))
    for value in range(0, 240, 8):
        writer.write(grey(value))
    writer.release()
    transport.write_bytes(transport.read_bytes()[: transport.stat().st_size // 2])
    with caplog.at_level(logging.WARNING), open_source(str(transport)) as source:
        assert 0 < len(list(source)) < 25
    assert "it seems damaged" in caplog.text


def test_a_folder_gives_its_images_in_order(tmp_path):
    for name, value in (("b.PNG", 20), ("a.png", 10), ("c.jpg", 30)):
        cv2.imwrite(str(tmp_path / name), grey(value))
    (tmp_path / "notes.txt").write_text("not an image")
    with open_source(str(tmp_path), SourceConfig(fps=4)) as source:
        frames = list(source)
    assert source.fps == 4
    assert [frame.stamp_ns for frame in frames] == [0, 250_000_000, 500_000_000]
    assert [round(frame.image.mean()) for frame in frames] == [10, 20, 30]


def test_an_unreadable_image_is_counted_and_the_others_pass(tmp_path, caplog):
    cv2.imwrite(str(tmp_path / "a.png"), grey(1))
    (tmp_path / "b.png").write_bytes(b"damaged")
    cv2.imwrite(str(tmp_path / "c.png"), cv2.cvtColor(grey(3), cv2.COLOR_BGR2GRAY))
    with open_source(str(tmp_path), SourceConfig(fps=10)) as source:
        frames = list(source)
    assert [(frame.stamp_ns, frame.image.shape) for frame in frames] == [(0, (32, 48, 3)), (200_000_000, (32, 48, 3))]
    assert source.dropped == 1
    assert "b.png is no readable image" in caplog.text


def test_a_folder_of_unreadable_images_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"damaged")
    with open_source(str(tmp_path)) as source, pytest.raises(OSError, match="not one of the 1 images"):
        list(source)

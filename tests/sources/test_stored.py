"""Video files and image folders."""

from __future__ import annotations

import logging
import resource
import shutil
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV")
import cv2

from csre_ros.sources import SourceConfig, open_source
from csre_ros.sources.stored import VideoFile
from csre_ros.sources.video import Video


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


def _timeless(video: Video, positions: list[float]) -> Video:
    """A video whose container has no usable times."""
    get, left = video.get, iter(positions)
    video.get = lambda setting: next(left) if setting == cv2.CAP_PROP_POS_MSEC else get(setting)
    return video


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
    monkeypatch.setattr(source, "_open", lambda: _timeless(real(), positions))
    assert [frame.stamp_ns for frame in source] == pytest.approx([ms * 1_000_000 for ms in expected_ms], abs=1000)


def stripes(path: Path) -> Path:
    """An MP4 video whose left half is brighter, and whose upper half is brighter still."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 20.0, (48, 32))
    image = np.full((32, 48, 3), 40, np.uint8)
    image[:, :24] += 60
    image[:16] += 100
    for _ in range(5):
        writer.write(image)
    writer.release()
    return path


def shown_as(path: Path, matrix: tuple[int, int, int, int], wide: float = 1.0) -> Path:
    """Change the track header of an MP4 file: how its pixels are turned, and how wide they are."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (width,) = struct.unpack(">I", data[at + 36 : at + 40])
    data[at + 36 : at + 40] = struct.pack(">I", round(width * wide))
    path.write_bytes(data)
    return path


def corners(path: Path) -> tuple[tuple[int, int], list[int]]:
    """Width and height, and the brightness in the four corners, from the upper left one clockwise, in steps of 20."""
    with open_source(str(path)) as source:
        image = next(iter(source)).image
    height, width = image.shape[:2]
    places = ((4, 4), (4, width - 5), (height - 5, width - 5), (height - 5, 4))
    return (width, height), [round(image[place].mean() / 20) for place in places]


@pytest.mark.parametrize(
    ("matrix", "wide", "size", "expected"),
    [
        ((1, 0, 0, 1), 1, (48, 32), [10, 7, 2, 5]),
        ((0, 1, -1, 0), 1, (32, 48), [5, 10, 7, 2]),
        ((-1, 0, 0, -1), 1, (48, 32), [2, 5, 10, 7]),
        ((0, -1, 1, 0), 1, (32, 48), [7, 2, 5, 10]),
        ((1, 0, 0, 1), 2, (96, 32), [10, 7, 2, 5]),
        ((1, 0, 0, 1), 0.5, (24, 32), [10, 7, 2, 5]),
        ((0, 1, -1, 0), 2, (32, 96), [5, 10, 7, 2]),
    ],
    ids=["as stored", "90", "180", "270", "wide pixels", "high pixels", "wide pixels, turned"],
)
def test_pixels_are_shown_as_the_container_says(tmp_path, matrix, wide, size, expected):
    assert corners(shown_as(stripes(tmp_path / "clip.mp4"), matrix, wide)) == (size, expected)


def test_images_are_turned_as_they_say(tmp_path):
    """Phones store photographs as the sensor sees them, and write beside them how to hold them."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:16] = 200
    data = cv2.imencode(".jpg", image)[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    marker = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    (tmp_path / "a.jpg").write_bytes(data[:2] + marker + data[2:])
    with open_source(str(tmp_path)) as source:
        (frame,) = source
    assert frame.image.shape == (48, 32, 3)
    assert frame.image[24, 28].mean() > 150 > 50 > frame.image[24, 4].mean()


@pytest.mark.parametrize(
    ("clip", "size", "count"),
    [("portrait_90", (180, 320), 65), ("portrait_270", (180, 320), 65), ("upside_down_180", (240, 240), 125)],
)
def test_real_turned_clips_are_upright(shared_data, clip, size, count):
    with open_source(str(shared_data / "faults" / f"{clip}.mp4")) as source:
        frames = list(source)
    assert {frame.image.shape[1::-1] for frame in frames} == {size}
    assert len(frames) == count


def test_damage_in_the_middle_is_passed_and_counted(shared_data, caplog):
    with open_source(str(shared_data / "faults" / "zeros_in_the_middle.mp4")) as source:
        frames = list(source)
    assert (len(frames), source.dropped) == (121, 4)
    assert frames[-1].stamp_ns == pytest.approx(12_400_000_000, abs=1000)
    assert "gives 121 of 125 frames; it seems damaged: 4 lost" in caplog.text


def test_damage_that_the_container_hides_is_said(tmp_path, caplog):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (48, 32))
    for value in range(0, 240, 4):
        writer.write(np.random.default_rng(value).integers(0, 255, (32, 48, 3), np.uint8))
    writer.release()
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 5000] = bytes(5000)
    path.write_bytes(data)
    with open_source(str(path)) as source:
        stamps = [frame.stamp_ns for frame in source]
    assert 50 < len(stamps) < 60
    assert f"gives {len(stamps)} of 60 frames; {60 - len(stamps)} are missing in it" in caplog.text


def test_a_clock_that_starts_late_is_no_damage(shared_data, caplog):
    with open_source(str(shared_data / "faults" / "starts_at_5000_s.mkv")) as source:
        stamps = [frame.stamp_ns for frame in source]
    assert (len(stamps), source.dropped) == (42, 0)
    assert (stamps[0], stamps[-1]) == (0, 4_400_000_000)
    assert "gives 42 of 45 frames; 3 are missing in it" in caplog.text
    assert "damaged" not in caplog.text


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


def test_numbers_in_names_count_as_numbers(tmp_path):
    for number in (1, 2, 10, 100):
        cv2.imwrite(str(tmp_path / f"{number}.png"), grey(number))
    with open_source(str(tmp_path)) as source:
        assert [round(frame.image.mean()) for frame in source] == [1, 2, 10, 100]


def test_an_image_that_is_too_large_is_left_out_and_counted(tmp_path, caplog):
    cv2.imwrite(str(tmp_path / "1.png"), grey(1))
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((100, 17000, 3), np.uint8))
    png = bytearray((tmp_path / "1.png").read_bytes())
    png[16:24] = struct.pack(">II", 60000, 60000)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    (tmp_path / "3.png").write_bytes(png)
    cv2.imwrite(str(tmp_path / "4.bmp"), np.zeros((10, 17000, 3), np.uint8))
    (tmp_path / "5.webp").write_bytes(b"")
    (tmp_path / "6.png").mkdir()
    cv2.imwrite(str(tmp_path / "7.webp"), grey(7))
    with open_source(str(tmp_path), SourceConfig(fps=1)) as source:
        frames = list(source)
    assert [frame.stamp_ns // 1_000_000_000 for frame in frames] == [0, 6]
    assert source.dropped == 5
    for name, size in (("2.png", "17000x100"), ("3.png", "60000x60000")):
        assert f"{name} is no readable image (the image is {size}" in caplog.text


def test_a_real_image_that_claims_60000_by_60000_costs_nothing(shared_data, tmp_path):
    shutil.copy(shared_data / "faults" / "claims_60000x60000.png", tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "b.png"), grey(2))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_source(str(tmp_path)) as source:
        assert len(list(source)) == 1
    assert source.dropped == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_a_video_that_is_too_large_is_refused(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "wide.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (17000, 16))
    assert writer.isOpened()
    writer.write(np.zeros((16, 17000, 3), np.uint8))
    writer.release()
    with pytest.raises(ValueError, match="the image is 17000x16; at most 16384 pixels on a side"):
        open_source(str(tmp_path / "wide.avi"))


def test_a_folder_of_unreadable_images_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"damaged")
    with open_source(str(tmp_path)) as source, pytest.raises(OSError, match="not one of the 1 images"):
        list(source)

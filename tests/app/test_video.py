import re
import subprocess
import sys

import cv2
import numpy as np
import PIL.Image
import pytest

from csre_ros.app.screen import encoders
from csre_ros.app.screen.video import ContactSheet, VideoSink

SECOND = 1_000_000_000


def picture(value: int, shape=(120, 160, 3)):
    return np.full(shape, value, np.uint8)


def frames_in(path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


def test_the_video_lasts_as_long_as_the_stamps_say(tmp_path):
    with VideoSink(tmp_path / "a.mp4", fps=10) as sink:
        for stamp in (0.0, 0.1, 0.5, 1.0):  # gaps repeat the picture
            sink.write(picture(100), round(stamp * SECOND))
    assert frames_in(tmp_path / "a.mp4") == 11


def test_a_clock_that_jumps_an_hour_does_not_fill_the_disk(tmp_path):
    with VideoSink(tmp_path / "a.mp4", fps=10) as sink:
        sink.write(picture(1), 0)
        sink.write(picture(1), 3600 * SECOND)
        sink.write(picture(1), 0)
    assert frames_in(tmp_path / "a.mp4") <= 102


def test_the_file_is_playable_after_an_error(tmp_path):
    path = tmp_path / "a.mp4"

    def interrupted():
        with VideoSink(path, fps=10) as sink:
            sink.write(picture(1), 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert frames_in(path) == 1


def test_a_picture_of_another_size_is_fitted(tmp_path):
    with VideoSink(tmp_path / "a.mp4", fps=10) as sink:
        sink.write(picture(1), 0)
        sink.write(picture(1, (60, 80, 3)), SECOND // 10)
    assert frames_in(tmp_path / "a.mp4") == 2


def test_a_missing_folder_is_refused_at_once(tmp_path):
    with pytest.raises(OSError, match="no folder"):
        VideoSink(tmp_path / "nowhere" / "a.mp4", fps=10)


def test_the_sheet_keeps_the_best_picture_of_every_action(tmp_path):
    sheet = ContactSheet()
    sheet.offer(1, "wave", 0.5, picture(50))
    sheet.offer(1, "wave", 0.9, picture(200))
    sheet.offer(1, "wave", 0.6, picture(90))
    sheet.offer(2, "clap", 0.7, picture(10))
    assert sheet.save(tmp_path / "a.png")
    saved = cv2.imread(str(tmp_path / "a.png"))
    assert saved.shape[1] == 2 * 320
    assert saved[:, :320].min() == 200


def test_no_action_makes_no_sheet(tmp_path):
    assert not ContactSheet().save(tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_a_disk_that_takes_no_more_is_told_at_the_end(tmp_path):
    """FFmpeg says nothing; a limit on the size of files stands in for a full disk."""
    code = """
import resource, sys
from pathlib import Path
import numpy as np
import PIL.Image
from csre_ros.app.screen.video import VideoSink
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
rng = np.random.default_rng(0)
with VideoSink(Path(sys.argv[1]), fps=10) as sink:
    for i in range(100):
        sink.write(rng.integers(0, 255, (120, 160, 3), np.uint8), i * 100_000_000)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "a.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert re.search(
        r"a\.mp4 is not complete and may not play: the disk did not take all of its \d+ frames", done.stderr
    )


def test_a_file_that_cannot_be_written_says_why(tmp_path):
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.mp4"), VideoSink(tmp_path / "a.mp4", fps=10) as sink:
        sink.write(picture(1), 0)


def test_mp4_is_what_browsers_play(tmp_path):
    """H.264 with its index in front; an odd size is cut to an even one."""
    with VideoSink(tmp_path / "a.mp4", fps=10) as sink:
        sink.write(picture(100, (121, 161, 3)), 0)
        sink.write(picture(100, (121, 161, 3)), SECOND)
    content = (tmp_path / "a.mp4").read_bytes()
    assert b"avc1" in content
    assert content.index(b"moov") < content.index(b"mdat")
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    shown, image = capture.read()
    assert shown
    assert image.shape == (120, 160, 3)
    assert abs(int(image.mean()) - 100) < 6
    assert frames_in(tmp_path / "a.mp4") == 11


def test_without_ffmpeg_opencv_writes_and_says_what_is_lost(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with VideoSink(tmp_path / "a.mp4", fps=10) as sink:
        sink.write(picture(100), 0)
    assert frames_in(tmp_path / "a.mp4") == 1
    assert b"mp4v" in (tmp_path / "a.mp4").read_bytes()
    said = capsys.readouterr().err
    assert "a.mp4 will not play in browsers" in said
    assert "pip install 'csre_ros[video]'" in said


def test_a_gif_lasts_as_long_repeats_and_is_small(tmp_path):
    path = tmp_path / "a.gif"
    with VideoSink(path, fps=30) as sink:
        for i in range(61):
            image = picture(0, (720, 960, 3))
            image[100:200, 10 * i : 10 * i + 100] = (0, 0, 255)  # BGR
            sink.write(image, round(i * SECOND / 30))
    with PIL.Image.open(path) as gif:
        assert gif.size == (480, 360)
        assert gif.info["loop"] == 0
        durations, colours = [], []
        for k in range(gif.n_frames):
            gif.seek(k)
            durations.append(gif.info["duration"])
            colours.append(gif.convert("RGB").getpixel((10 * k * 3 // 2 + 25, 75)))
    assert sum(durations) == 21 * 100  # two seconds, both ends
    assert colours[1] == (255, 0, 0)
    assert path.stat().st_size < 50_000


def test_a_gif_ends_after_a_minute_and_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(encoders, "_GIF_SECONDS", 1)
    with VideoSink(tmp_path / "a.gif", fps=10) as sink:
        for i in range(30):
            sink.write(picture(i), i * SECOND // 10)
    with PIL.Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 10
    assert "holds the first 1 s only" in capsys.readouterr().err


def test_a_gif_without_pillow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"csre_ros\[video\]"), VideoSink(tmp_path / "a.gif", fps=10) as sink:
        sink.write(picture(1), 0)

"""Compressed pictures: what is read, and that hostile ones cost no more than is stated."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV")
import cv2

from csre_ros.image_size import MAX_PIXELS
from csre_ros.sources.picture_size import picture_size
from csre_ros.sources.pictures import decode_picture

MOST_MB = 250  # that one picture may take, as the module under test says


def encode(kind: str, height: int = 8, width: int = 6, options: tuple[int, ...] = ()) -> bytes:
    shape = (height, width, 3)
    return cv2.imencode(f".{kind}", np.zeros(shape, np.uint8), list(options))[1].tobytes()


def resized(kind: str, width: int, height: int, options: tuple[int, ...] = ()) -> bytes:
    """A tiny picture whose header tells another size; a PNG's checksum is right."""
    data = bytearray(encode(kind, options=options))
    if kind == "png":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    else:
        at = data.index(b"\xff\xc2" if options else b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def cost(file: Path) -> dict[str, float]:
    """Memory and time that one picture takes in a fresh process, and what came of it."""
    code = r"""
import json, pathlib, re, sys, time
from csre_ros.sources.pictures import decode_picture
from csre_ros.sources.opencv import import_opencv
import_opencv()
data = pathlib.Path(sys.argv[1]).read_bytes()
peak = lambda: int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1000
before, begin = peak(), time.perf_counter()
try:
    found = list(decode_picture(data).shape)
except ValueError as error:
    found = str(error)
print(json.dumps({"mb": peak() - before, "seconds": time.perf_counter() - begin, "found": found}))
"""
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_pictures_are_decoded(kind: str) -> None:
    assert decode_picture(encode(kind)).shape == (8, 6, 3)
    assert decode_picture(np.frombuffer(encode(kind), np.uint8)).shape == (8, 6, 3)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut", encode("bmp"), encode("webp")])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(
        ValueError, match=f"{len(data)} bytes are no picture: they are built as neither a JPEG nor a PNG"
    ):
        decode_picture(data)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_half_a_header_is_refused(kind: str) -> None:
    data = encode(kind)
    for end in range(len(data) if kind == "png" else data.index(b"\xff\xc0") + 9):
        with pytest.raises(ValueError, match="are no picture"):
            decode_picture(data[:end])


@pytest.mark.parametrize(("width", "height"), [(65000, 64000), (16000, 60000), (60000, 16000), (17000, 100)])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_what_would_fill_the_memory_is_refused_before_it_is_unpacked(
    kind: str, width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(ValueError, match=f"{width}x{height}; at most 16384"):
        decode_picture(resized(kind, width, height))


FRAME = struct.pack(">BHHBBBB", 8, 12000, 12000, 1, 1, 0x11, 0)
LIES = {  # what makes a reader that forgives jump over the frame that the decoder will use
    "a stuffed zero with a length": b"\xff\x00\x01\x8c",
    "bytes between segments": b"\x00\x00\x00",
    "a restart marker": b"\xff\xd0",
    "a reserved marker": b"\xff\x02\x01\x8c",
    "a segment without room for its own length": b"\xff\xe0\x00\x00",
    "a second beginning": b"\xff\xd8",
    "a hierarchical frame": b"\xff\xc5\x00\x0b" + struct.pack(">BHHBBBB", 8, 64, 64, 1, 1, 0x11, 0),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_jpeg_cannot_tell_two_sizes(lie: str) -> None:
    data = encode("jpeg", options=())
    with pytest.raises(ValueError, match="no picture"):
        decode_picture(data[:2] + LIES[lie] + b"\xff\xc0\x00\x0b" + FRAME + data[2:])


def test_a_png_cannot_tell_two_sizes() -> None:
    data = encode("png")

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    large = chunk(b"IHDR", struct.pack(">IIBBBBB", 12000, 12000, 8, 2, 0, 0, 0))
    with pytest.raises(ValueError, match="no picture"):
        decode_picture(data[:8] + chunk(b"teXt", data[16:29]) + large + data[33:])
    with pytest.raises(ValueError, match="no picture"):
        decode_picture(data[:33] + large + data[33:])


@pytest.mark.parametrize("name", [b"IDAT", b"tEXt", b"fdAT", b"iCCP"])
def test_a_png_of_a_line_does_not_reserve_gigabytes(name: bytes, tmp_path: Path) -> None:
    """OpenCV reserves what a chunk declares before it looks whether it is there."""
    data = encode("png")
    (tmp_path / "bomb").write_bytes(data[:33] + struct.pack(">I", 0xD000_0000) + name + data[41:])
    found = cost(tmp_path / "bomb")
    assert "are no picture" in str(found["found"])
    assert found["mb"] < 10, found


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_the_size_is_that_of_the_decoder_whatever_a_header_says(kind: str) -> None:
    """A thousand damaged headers: whatever is decoded has the size that was read before."""
    data, dice, decoded = encode(kind, 48, 64), random.Random(1), 0
    for _ in range(1000):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 3)):
            damaged[dice.randrange(min(len(data), 700))] = dice.choice(
                (0, 1, 0xD0, 0xC0, 0xC4, 0xFF, dice.randrange(256))
            )
        size, begin = picture_size(bytes(damaged)), time.process_time()
        try:
            picture = decode_picture(damaged)
        except ValueError:
            continue
        assert picture.shape == (*reversed(size or ()), 3)
        assert (time.process_time() - begin) < 0.5
        decoded += 1
    assert decoded > 5


def test_the_jpeg_that_lied(shared_data: Path) -> None:
    with pytest.raises(ValueError, match="431 bytes are no picture"):
        decode_picture((shared_data / "faults" / "says_64_is_12000.jpg").read_bytes())


def test_the_png_that_claims_ten_gigabytes(shared_data: Path) -> None:
    with pytest.raises(ValueError, match="60000x60000; at most 16384"):
        decode_picture((shared_data / "faults" / "claims_60000x60000.png").read_bytes())


PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


@pytest.mark.parametrize(
    ("kind", "options"), [("jpeg", ()), ("jpeg", PROGRESSIVE), ("png", ())], ids=["jpeg", "progressive", "png"]
)
def test_the_largest_picture_stays_within_the_stated_memory(
    kind: str, options: tuple[int, ...], tmp_path: Path
) -> None:
    """A few hundred bytes that unpack to 8K: what is allowed costs what the module says."""
    width = 7680
    (tmp_path / "bomb").write_bytes(resized(kind, width, MAX_PIXELS // width, options))
    found = cost(tmp_path / "bomb")
    assert found["mb"] < MOST_MB, found


def test_a_jpeg_of_endless_scans_is_refused(tmp_path: Path) -> None:
    """Each scan of a few bytes would make the decoder walk through the whole picture."""
    data = resized("jpeg", 7680, 4320, PROGRESSIVE)
    scan = data.index(b"\xff\xda")
    end = data.index(b"\xff", scan + 2)
    repeated = data[:scan] + data[scan:end] * 20_000 + data[end:]
    begin = time.process_time()
    with pytest.raises(ValueError, match=r"the JPEG has 200\d\d scans; at most 100"):
        decode_picture(repeated)
    assert time.process_time() - begin < 2


def test_a_header_that_never_ends_is_given_up_at_once() -> None:
    """Padding may be as long as the message; a step per byte of it would cost seconds."""
    begin = time.process_time()
    assert picture_size(b"\xff\xd8" + b"\xff" * (1 << 25)) is None
    assert time.process_time() - begin < 0.5


def test_only_the_header_is_searched() -> None:
    """A comment of 64 kB before the size is honest, a megabyte of comments is not."""
    data = encode("jpeg")
    comment = b"\xff\xfe\xff\xff" + bytes(0xFFFD)
    assert decode_picture(data[:2] + comment + data[2:]).shape == (8, 6, 3)
    with pytest.raises(ValueError, match="no picture"):
        decode_picture(data[:2] + 17 * comment + data[2:])


@pytest.mark.parametrize("options", [(), PROGRESSIVE, (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)])
def test_the_size_is_read_of_every_kind_of_jpeg(options: tuple[int, ...]) -> None:
    data = encode("jpeg", 48, 64, options)
    assert picture_size(data) == (64, 48)
    start = data.index(b"\xff\xc2" if options == PROGRESSIVE else b"\xff\xc0")
    assert all(picture_size(data[:end]) is None for end in range(start + 9))  # wherever it breaks off


@pytest.mark.parametrize("kind", ["bmp", "webp", "tiff", "png"])
def test_opencv_itself_is_bounded_too(kind: str, tmp_path: Path) -> None:
    """Folders may hold formats whose headers nobody here reads."""
    (tmp_path / f"large.{kind}").write_bytes(encode(kind, 16, 16400 if kind != "webp" else 16))
    code = (
        "import sys; from csre_ros.sources.opencv import import_opencv; cv2 = import_opencv()\n"
        "try: print(cv2.imread(sys.argv[1]) is not None)\n"
        "except cv2.error: print('refused')"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENCV_")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / f"large.{kind}")],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert done.stdout.strip() in (("True",) if kind == "webp" else ("refused", "False"))

"""Image messages as arrays: every encoding, padded rows, and everything that must be refused."""

import array
import struct
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS message packages: pip install 'csre_ros[ros]'")
from sensor_msgs.msg import CompressedImage, Image

from csre_ros.ros.readers.images import ENCODINGS, compressed_to_bgr, image_to_bgr
from csre_ros.ros.readers.picture_size import picture_size

BLUE, GREEN, RED, ALPHA = 10, 20, 30, 255
PIXEL = {
    "bgr8": (BLUE, GREEN, RED),
    "rgb8": (RED, GREEN, BLUE),
    "bgra8": (BLUE, GREEN, RED, ALPHA),
    "rgba8": (RED, GREEN, BLUE, ALPHA),
    "mono8": (77,),
}


def make_image(encoding="bgr8", height=2, width=3, padding=0, **changes):
    """An image of one colour whose first pixel alone is black; padding bytes are 99."""
    rows = np.tile(np.array(PIXEL[encoding], np.uint8), (height, width, 1))
    rows[0, 0] = 0
    rows = np.pad(rows.reshape(height, -1), ((0, 0), (0, padding)), constant_values=99)
    values = {"encoding": encoding, "height": height, "width": width, "step": rows.shape[1], **changes}
    return Image(data=array.array("B", values.pop("data", rows.tobytes())), **values)


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_becomes_bgr(encoding, padding):
    image = image_to_bgr(make_image(encoding, padding=padding))
    expected = np.tile(np.array([77] * 3 if encoding == "mono8" else [BLUE, GREEN, RED], np.uint8), (2, 3, 1))
    expected[0, 0] = 0
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


def test_bgr8_is_not_copied():
    message = make_image("bgr8", height=4, width=5)
    assert np.shares_memory(image_to_bgr(message), np.frombuffer(message.data, np.uint8))


def test_the_last_row_needs_no_padding():
    full = make_image("rgb8", padding=6)
    assert image_to_bgr(make_image("rgb8", padding=6, data=full.data[:-6])).shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoding": "bgr8", "height": 0}, ("3x0", "driver")),
        ({"encoding": "bgr8", "width": 0, "step": 0}, ("0x2", "driver")),
        ({"encoding": "bgr8", "step": 8}, ("step is 8", "at least 9")),
        ({"encoding": "bgr8", "data": b"\0" * 17}, ("17 bytes", "need 18", "cut short")),
        ({"encoding": "bgr8", "data": b""}, ("0 bytes",)),
        ({"encoding": "bgr8", "height": 2**31}, ("3x2147483648", "scale it down")),
        ({"encoding": "bgr8", "height": 40, "width": 33000, "step": 99000}, ("33000x40", "at most 16384")),
        ({"encoding": "mono8", "height": 9000, "width": 9000, "step": 9000}, ("9000x9000", "33177600 in all")),
    ],
)
def test_contradictory_sizes_are_refused(changes, words):
    values = {"encoding": "bgr8", "height": 2, "width": 3, "step": 9, "data": b"\0" * 18, **changes}
    values["data"] = array.array("B", values["data"])
    with pytest.raises(ValueError, match=words[0]) as refusal:
        image_to_bgr(Image(**values))
    assert all(word in str(refusal.value) for word in words)


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1", "yuv422_yuy2", "bayer_rggb8", ""])
def test_other_encodings_are_refused_with_the_choices(encoding):
    message = make_image("bgr8")
    message.encoding = encoding
    with pytest.raises(ValueError, match="not supported") as refusal:
        image_to_bgr(message)
    assert repr(encoding) in str(refusal.value)
    assert "bgr8, rgb8, bgra8, rgba8, mono8" in str(refusal.value)
    assert "camera driver" in str(refusal.value)


class TestCompressed:
    @pytest.fixture
    def cv2(self):
        return pytest.importorskip("cv2", reason="needs OpenCV")

    @pytest.mark.parametrize("kind", ["jpeg", "png"])
    def test_pictures_are_decoded(self, cv2, kind):
        picture = np.full((8, 6, 3), (BLUE, GREEN, RED), np.uint8)
        _, data = cv2.imencode(f".{kind}", picture)
        image = compressed_to_bgr(CompressedImage(format=kind, data=array.array("B", data.tobytes())))
        assert image.shape == (8, 6, 3)
        assert np.abs(image.astype(int) - picture).max() <= 3  # JPEG rounds

    @pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut"])
    def test_what_is_no_picture_is_refused(self, cv2, data):
        with pytest.raises(ValueError, match="no picture"):
            compressed_to_bgr(CompressedImage(format="jpeg", data=array.array("B", data)))

    @pytest.mark.parametrize("kind", ["jpeg", "png"])
    def test_what_would_fill_the_memory_is_refused_before_it_is_unpacked(self, cv2, kind, monkeypatch):
        """A few bytes of header that ask for 12 GB."""
        data = bytearray(cv2.imencode(f".{kind}", np.zeros((8, 6, 3), np.uint8))[1].tobytes())
        at = 16 if kind == "png" else data.index(b"\xff\xc0") + 5
        data[at : at + (8 if kind == "png" else 4)] = struct.pack(">II" if kind == "png" else ">HH", 65000, 64000)
        monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("unpacked"))
        with pytest.raises(ValueError, match=r"65000x64000|64000x65000"):
            compressed_to_bgr(CompressedImage(format=kind, data=array.array("B", data)))

    @pytest.mark.parametrize("kind", ["jpeg", "png"])
    def test_a_side_that_ends_the_pose_stage_is_refused(self, cv2, kind):
        data = cv2.imencode(f".{kind}", np.zeros((40, 33000, 3), np.uint8))[1].tobytes()
        with pytest.raises(ValueError, match="33000x40; at most 16384"):
            compressed_to_bgr(CompressedImage(format=kind, data=array.array("B", data)))

    def test_a_header_that_never_ends_is_given_up_at_once(self):
        """Padding may be as long as the message; a step per byte of it would cost seconds."""
        begin = time.perf_counter()
        assert picture_size(b"\xff\xd8" + b"\xff" * (1 << 25)) is None
        assert time.perf_counter() - begin < 0.5

    def test_only_the_header_is_searched(self, cv2):
        """A comment of 64 kB before the size is honest, a megabyte of comments is not."""
        start, rest = (data := cv2.imencode(".jpg", np.zeros((8, 6, 3), np.uint8))[1].tobytes())[:2], data[2:]
        comment = b"\xff\xfe\xff\xff" + bytes(0xFFFD)
        padded = start + comment + rest
        assert compressed_to_bgr(CompressedImage(format="jpeg", data=array.array("B", padded))).shape == (8, 6, 3)
        hidden = start + 17 * comment + rest
        with pytest.raises(ValueError, match="no picture"):
            compressed_to_bgr(CompressedImage(format="jpeg", data=array.array("B", hidden)))

    @pytest.mark.parametrize("kind", ["bmp", "webp"])
    def test_formats_whose_size_is_not_known_beforehand_are_refused(self, cv2, kind):
        _, data = cv2.imencode(f".{kind}", np.zeros((8, 6, 3), np.uint8))
        with pytest.raises(ValueError, match="must send JPEG or PNG"):
            compressed_to_bgr(CompressedImage(format=kind, data=array.array("B", data.tobytes())))

    @pytest.mark.parametrize("flags", [(), ("IMWRITE_JPEG_PROGRESSIVE", 1), ("IMWRITE_JPEG_RST_INTERVAL", 1)])
    def test_the_size_is_read_of_every_kind_of_jpeg(self, cv2, flags):
        options = [getattr(cv2, flags[0]), flags[1]] if flags else []
        data = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8), options)[1].tobytes()
        assert picture_size(data) == (64, 48)
        start = data.index(b"\xff\xc2" if flags[:1] == ("IMWRITE_JPEG_PROGRESSIVE",) else b"\xff\xc0")
        assert all(picture_size(data[:end]) is None for end in range(start + 9))  # wherever it breaks off

    def test_depth_is_refused(self, cv2):
        with pytest.raises(ValueError, match="depth; subscribe to the colour image"):
            compressed_to_bgr(CompressedImage(format="16UC1; compressedDepth png", data=array.array("B", b"x" * 50)))

    def test_a_real_picture(self, cv2, shared_data):
        data = Path(shared_data, "video", "pose.jpg").read_bytes()
        image = compressed_to_bgr(CompressedImage(format="jpeg", data=array.array("B", data)))
        np.testing.assert_array_equal(image, cv2.imread(str(Path(shared_data, "video", "pose.jpg"))))

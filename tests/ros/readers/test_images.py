"""Image messages as arrays: every encoding, padded rows, and everything that must be refused."""

import array
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS message packages: pip install 'csre_ros[ros]'")
from sensor_msgs.msg import CompressedImage, Image

from csre_ros.ros.readers.images import ENCODINGS, compressed_to_bgr, image_to_bgr

BLUE, GREEN, RED, ALPHA = 10, 20, 30, 255
PIXEL = {
    "bgr8": (BLUE, GREEN, RED),
    "rgb8": (RED, GREEN, BLUE),
    "bgra8": (BLUE, GREEN, RED, ALPHA),
    "rgba8": (RED, GREEN, BLUE, ALPHA),
    "mono8": (77,),
    "8UC1": (77,),
    "8UC3": (BLUE, GREEN, RED),
    "8UC4": (BLUE, GREEN, RED, ALPHA),
}
WIDE = {"bgr16": "bgr8", "rgb16": "rgb8", "bgra16": "bgra8", "rgba16": "rgba8", "mono16": "mono8"}
MOSAICS = [name for name in ENCODINGS if name.startswith("bayer_")]
YUV = ["yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21"]


def make_image(encoding="bgr8", height=2, width=3, padding=0, **changes):
    """An image of one colour whose first pixel alone is black; padding bytes are 99."""
    rows = np.tile(np.array(PIXEL[encoding], np.uint8), (height, width, 1))
    rows[0, 0] = 0
    return pad(encoding, rows.reshape(height, -1), height, width, padding, **changes)


def pad(encoding, rows, height, width, padding=0, **changes):
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    values = {"encoding": encoding, "height": height, "width": width, "step": rows.shape[1], **changes}
    return Image(data=array.array("B", values.pop("data", rows.tobytes())), **values)


def two_colours(height=8, width=12):
    """Left half one colour, right half another."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = (30, 60, 200), (190, 90, 40)
    return picture


def as_yuv(encoding, picture):
    """Rows of data by the formulas of ITU-R BT.601, whose luma runs from 16 to 235."""
    blue, green, red = np.moveaxis(picture.astype(float), 2, 0) / 255
    luma = 16 + 65.481 * red + 128.553 * green + 24.966 * blue
    u = (128 - 37.797 * red - 74.203 * green + 112.0 * blue)[:, ::2]
    v = (128 + 112.0 * red - 93.786 * green - 18.214 * blue)[:, ::2]
    if encoding.startswith("nv"):
        chroma = np.stack((u, v) if encoding == "nv12" else (v, u), 2)[::2]
        return np.vstack([luma, chroma.reshape(len(luma) // 2, -1)]).round().astype(np.uint8)
    first, second = luma[:, ::2], luma[:, 1::2]
    order = (u, first, v, second) if encoding in ("yuv422", "uyvy") else (first, u, second, v)
    return np.stack(order, 2).reshape(len(luma), -1).round().astype(np.uint8)


def as_mosaic(encoding, picture):
    """One colour of each pixel, by the four letters of the upper left corner."""
    mosaic = np.empty(picture.shape[:2], np.uint8)
    for i, letter in enumerate(encoding.removeprefix("bayer_")[:4]):
        row, column = divmod(i, 2)
        mosaic[row::2, column::2] = picture[row::2, column::2, "bgr".index(letter)]
    return mosaic


def widened(rows, is_bigendian):
    """16 bits, of which the lower eight are noise."""
    noise = np.full_like(rows, 211)
    return np.stack((rows, noise) if is_bigendian else (noise, rows), 2).reshape(len(rows), -1)


def test_every_encoding_is_tested():
    assert sorted((*PIXEL, *WIDE, *MOSAICS, *YUV)) == sorted(ENCODINGS)


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", PIXEL)
def test_every_encoding_becomes_bgr(encoding, padding):
    image = image_to_bgr(make_image(encoding, padding=padding))
    grey = len(PIXEL[encoding]) == 1
    expected = np.tile(np.array([77] * 3 if grey else [BLUE, GREEN, RED], np.uint8), (2, 3, 1))
    expected[0, 0] = 0
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("is_bigendian", [0, 1])
@pytest.mark.parametrize("encoding", WIDE)
def test_of_sixteen_bits_the_upper_ones_are_shown(encoding, is_bigendian, padding):
    narrow = make_image(WIDE[encoding])
    rows = np.frombuffer(narrow.data, np.uint8).reshape(2, -1)
    image = image_to_bgr(pad(encoding, widened(rows, is_bigendian), 2, 3, padding, is_bigendian=is_bigendian))
    np.testing.assert_array_equal(image, image_to_bgr(narrow))


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("encoding", YUV)
def test_yuv_as_cameras_send_it(encoding, padding):
    pytest.importorskip("cv2", reason="needs OpenCV")
    picture = two_colours()
    image = image_to_bgr(pad(encoding, as_yuv(encoding, picture), 8, 12, padding))
    assert np.abs(image.astype(int) - picture).max() <= 3
    assert image.dtype == np.uint8


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("encoding", MOSAICS)
def test_mosaics_as_cameras_send_them(encoding, padding):
    pytest.importorskip("cv2", reason="needs OpenCV")
    picture = np.full((8, 12, 3), (30, 60, 200), np.uint8)
    rows = as_mosaic(encoding, picture)
    image = image_to_bgr(pad(encoding, widened(rows, 0) if encoding.endswith("16") else rows, 8, 12, padding))
    np.testing.assert_array_equal(image, picture)


@pytest.mark.parametrize("name", ["NV12", "RGB8", "8uc3", "Bayer_RGGB8"])
def test_the_case_of_a_name_does_not_matter(name):
    known = {encoding.lower(): encoding for encoding in ENCODINGS}[name.lower()]
    messages = [pad(spelt, np.arange(12 * 36, dtype=np.uint8).reshape(12, 36), 8, 12) for spelt in (name, known)]
    np.testing.assert_array_equal(*map(image_to_bgr, messages))


@pytest.mark.parametrize("encoding", ["yuv422_yuy2", "uyvy", "nv12", "nv21", "bayer_rggb8"])
@pytest.mark.parametrize(("height", "width"), [(8, 11), (7, 11)])
def test_pictures_of_half_a_tile_are_refused(encoding, height, width):
    with pytest.raises(ValueError, match=rf"{width}x{height}; {encoding} needs even sizes"):
        image_to_bgr(pad(encoding, np.zeros((20, 40), np.uint8), height, width))


def test_a_colour_plane_that_is_missing_is_refused():
    message = pad("nv12", np.zeros((8, 12), np.uint8), 8, 12)
    with pytest.raises(ValueError, match=r"96 bytes of data; 12 rows of 12 need 144"):
        image_to_bgr(message)


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


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1", "8UC2", "nv24", ""])
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

    def test_depth_is_refused(self, cv2):
        with pytest.raises(ValueError, match="depth; subscribe to the colour image"):
            compressed_to_bgr(CompressedImage(format="16UC1; compressedDepth png", data=array.array("B", b"x" * 50)))

    def test_a_real_picture(self, cv2, shared_data):
        data = Path(shared_data, "video", "pose.jpg").read_bytes()
        image = compressed_to_bgr(CompressedImage(format="jpeg", data=array.array("B", data)))
        np.testing.assert_array_equal(image, cv2.imread(str(Path(shared_data, "video", "pose.jpg"))))

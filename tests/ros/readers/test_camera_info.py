"""The size of images in the bytes of real camera infos."""

import random

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo

from csre_ros.ros.readers.camera_info import read_image_size, read_pinhole
from csre_ros.skeleton import Pinhole


def info(width=1280, height=720, frame_id="camera", **changes):
    found = CameraInfo(width=width, height=height, **changes)
    found.header.frame_id = frame_id
    return serialize_message(found)


@pytest.mark.parametrize("frame_id", ["", "c", "camera_color_optical_frame"])
def test_width_and_height(frame_id):
    assert read_image_size(info(frame_id=frame_id, distortion_model="plumb_bob", d=[0.1] * 5)) == (1280, 720)


@pytest.mark.parametrize("coefficients", [0, 5, 8])
@pytest.mark.parametrize("frame_id", ["", "c", "camera_color_optical_frame"])
def test_the_matrix(frame_id, coefficients):
    matrix = [525.0, 0.0, 319.5, 0.0, 520.0, 239.5, 0.0, 0.0, 1.0]
    found = read_pinhole(info(640, 480, frame_id, distortion_model="plumb_bob", d=[0.1] * coefficients, k=matrix))
    assert found == Pinhole((640, 480), (525.0, 520.0), (319.5, 239.5))


def test_a_camera_that_is_not_calibrated():
    assert read_pinhole(info()) is None
    with pytest.raises(ValueError, match="not finite"):
        read_pinhole(info(k=[float("nan")] * 9))
    with pytest.raises(ValueError, match="larger than 1e"):
        read_pinhole(info(k=[1e300, 0.0, 1.0, 0.0, 500.0, 1.0, 0.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match=r"focal lengths of 500 and 1e-38 pixels; no camera has less than 1"):
        read_pinhole(info(k=[500.0, 0.0, 1.0, 0.0, 1e-38, 1.0, 0.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match="declares 1000 coefficients"):
        read_pinhole(info(d=[0.0] * 1000))
    with pytest.raises(ValueError, match="cut short"):
        read_pinhole(info()[:100])


@pytest.mark.parametrize("size", [(0, 0), (640, 0), (0, 480)])
def test_a_driver_that_does_not_know(size):
    assert read_image_size(info(*size)) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (info(20_000, 10), "the image is 20000x10"),
        (info(2**32 - 1, 2**32 - 1), "at most 16384 pixels on a side"),
        (info()[:20], "cut short"),
        (info(frame_id="x" * 1000), "at most 256 are accepted"),
        (b"", "starts with nothing"),
    ],
)
def test_refused(data, words):
    with pytest.raises(ValueError, match=words):
        read_image_size(data)


def test_garbage():
    data, chance = info(), random.Random(3)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            damaged = bytes(damaged[: chance.randrange(len(data))])
            size = read_image_size(damaged)
            read_pinhole(damaged)
        except ValueError:
            continue
        assert size is None or max(size) <= 16384

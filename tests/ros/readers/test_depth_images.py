"""Depth in image messages, as REP-118 has it."""

import array

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from sensor_msgs.msg import Image

from csre_ros.ros.readers.images import image_to_depth

VALUES = np.array([[0, 1500, 65535], [250, 4000, 12]])


def message(kind, encoding, pad=0, **changes):
    rows = VALUES.astype(kind).view(np.uint8).reshape(2, -1)
    data = np.pad(rows, ((0, 0), (0, pad)), constant_values=255)
    given = {"width": 3, "height": 2, "step": data.shape[1], "is_bigendian": int(kind.startswith(">")), **changes}
    return Image(encoding=encoding, data=array.array("B", data.tobytes()), **given)


@pytest.mark.parametrize("pad", [0, 6])
@pytest.mark.parametrize(
    ("kind", "encoding", "metres"),
    [
        ("<u2", "16UC1", 0.001),
        (">u2", "16UC1", 0.001),
        ("<u2", "mono16", 0.001),
        ("<f4", "32FC1", 1),
        (">f4", "32fc1", 1),
    ],
)
def test_values_and_units(kind, encoding, metres, pad):
    found = image_to_depth(message(kind, encoding, pad))
    assert (found.size, found.metres) == ((3, 2), metres)
    np.testing.assert_array_equal(found.pixels, VALUES)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"encoding": "bgr8"}, "depth_image has the encoding 'bgr8'; depth is 16UC1"),
        ({"step": 2}, "image step is 2"),
        ({"height": 9}, "cut short or declares wrong sizes"),
        ({"width": 0}, "sent no picture"),
        ({"width": 60_000, "height": 60_000}, "at most 16384 pixels on a side"),
    ],
)
def test_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        image_to_depth(message("<u2", wrong.pop("encoding", "16UC1"), **wrong))

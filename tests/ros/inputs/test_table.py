"""The tables of inputs: names, factories, and what each input is told."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")

from csre_ros.ros.inputs.table import FACTORIES
from csre_ros.ros.inputs.topics import TOPICS, image_size
from csre_ros.ros.settings import INPUTS


def test_every_name_has_a_factory_and_every_factory_a_name():
    assert list(FACTORIES) == list(INPUTS)


def test_every_input_but_own_capture_is_a_topic():
    assert list(TOPICS) == [name for name in INPUTS if name not in ("camera", "rgbd")]


@pytest.mark.parametrize("size", [(0, 480), (640, 0)])
def test_half_a_size_is_none(size):
    with pytest.raises(ValueError, match=rf"image_width is {size[0]} and image_height {size[1]}: set both"):
        image_size(*size)

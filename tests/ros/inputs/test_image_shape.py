"""Who says how large the images behind image points are: a camera before the operator."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo

from csre_ros.ros.health import Health
from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.inputs.image_shape import ImageShape
from csre_ros.ros.settings import settings

pytestmark = pytest.mark.ros


@pytest.fixture
def shape_with(graph):
    def start(**values):
        context = InputContext(graph.peer, settings(values), Health(), print, print)
        shape = ImageShape(context)
        shape.open()
        return shape, context.health

    return start


@pytest.fixture
def publisher(graph):
    def made():
        return graph.publisher(CameraInfo, "camera_info", qos_profile_sensor_data)

    return made


def test_nobody_says(shape_with):
    assert shape_with()[0].size is None


def test_a_camera_is_heard_before_the_parameters_and_told_of_once(shape_with, publisher, graph, capfd):
    shape, _ = shape_with(image_width=640, image_height=480)
    assert shape.size == (640, 480)
    camera = publisher()
    for _ in range(3):
        camera.publish(CameraInfo(width=1280, height=720))
    graph.until(lambda: shape.size == (1280, 720))
    graph.spin(0.2)
    assert capfd.readouterr().err.count("says that images are 1280x720; image_width and image_height are not used") == 1
    camera.publish(CameraInfo())  # does not know any more
    camera.publish(CameraInfo(width=800, height=600))
    graph.until(lambda: shape.size == (800, 600))
    shape.close()
    shape.close()
    assert shape.size == (640, 480)


def test_what_cannot_be_read_is_counted(shape_with, publisher, graph):
    shape, health = shape_with()
    camera = publisher()
    camera.publish(b"\0\1\0\0" + b"\xff" * 40)
    camera.publish(CameraInfo(width=60_000, height=60_000))
    graph.until(lambda: health.snapshot().rejections.get("unreadable camera info") == 2)
    assert "the image is 60000x60000" in health.snapshot().refusal
    assert shape.size is None
    camera.publish(CameraInfo(width=640, height=480))
    graph.until(lambda: shape.size == (640, 480))


@pytest.mark.parametrize("half", [{"image_width": 640}, {"image_height": 480}])
def test_half_a_size_is_refused(graph, half):
    with pytest.raises(ValueError, match="set both to the size of the images"):
        ImageShape(InputContext(graph.peer, settings(half), Health(), print, print))

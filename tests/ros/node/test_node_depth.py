"""People in an image and a depth image over real DDS: they are told where they are in space."""

import array
import json

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String

from csre_ros.ros.outputs.clouds import cloud_message
from csre_ros.skeleton import Pinhole, Skeleton, get_layout
from csre_ros.skeleton.cloud import unpack_cloud

pytestmark = pytest.mark.ros
FLAT13, BODY13 = get_layout("body13_2d"), get_layout("body13")
CAMERA = Pinhole((64, 48), (40.0, 40.0), (32.0, 24.0))
START_NS = 10**11


def depth_message(stamp_ns, size=CAMERA.size, encoding="16UC1"):
    """Everything is 2.5 m away, with a hole in the corner."""
    width, height = size
    kind, one = (np.uint16, 2500) if encoding == "16UC1" else (np.float32, 2.5)
    values = np.full((height, width), one, kind)
    values[:8, :8] = 0
    message = Image(width=width, height=height, encoding=encoding, step=width * values.itemsize)
    message.data = array.array("B", values.tobytes())
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return message


class Camera:
    """A camera with a body tracker: flat skeletons, depth and calibration."""

    def __init__(self, graph):
        self.graph = graph
        self.node = graph.start_node()
        self.people = graph.publisher(PointCloud2, "skeletons")
        self.depths = graph.publisher(Image, "depth_image", qos_profile_sensor_data)
        self.infos = graph.publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
        self.stamp_ns = START_NS

    def describe(self, width=CAMERA.size[0], height=CAMERA.size[1]):
        (fx, fy), (cx, cy) = CAMERA.focal, CAMERA.centre
        self.infos.publish(CameraInfo(width=width, height=height, k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]))

    def see(self, body, late_ns=0, **depth):
        self.stamp_ns += 33_000_000
        points = (CAMERA.project(body.positions) / CAMERA.size[1]).astype(np.float32)
        flat = Skeleton(FLAT13, points, body.confidence, body.source_id)
        self.people.publish(cloud_message([flat], FLAT13, self.stamp_ns, "camera"))
        self.depths.publish(depth_message(self.stamp_ns + late_ns, **depth))
        self.graph.spin(0.005)


@pytest.fixture
def camera(graph_with, tiny_bundle):
    """The bundle is one for people in space."""
    words = ("input:=skeletons", "layout:=body13_2d", f"bundle:={tiny_bundle}", "use_depth:=true")
    return Camera(graph_with(*(word for argument in words for word in ("-p", argument))))


@pytest.mark.parametrize(("late_ns", "encoding"), [(0, "16UC1"), (5_000_000, "32FC1"), (-5_000_000, "16UC1")])
def test_people_in_the_image_are_recognised_where_they_stand(camera, make_body, late_ns, encoding):
    graph, body = camera.graph, make_body("right", x=0.3)
    records = graph.listen(String, "/action_node/actions", read=lambda message: json.loads(message.data))
    clouds = graph.listen(PointCloud2, "/action_node/skeletons")
    camera.describe()

    def told():
        camera.see(body, late_ns, encoding=encoding)
        return records and any(person["action"] == "raise_right" for person in records[-1]["persons"])

    graph.until(told)
    ((person,), _) = unpack_cloud(clouds[-1], BODY13)
    np.testing.assert_allclose(person.positions, body.positions, atol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"size": (32, 24)}, "depth_image has 32x24 pixels and the picture 64x48; let the camera's driver align depth"),
        ({"encoding": "rgb8"}, "depth_image has the encoding 'rgb8'; depth is 16UC1 (millimetres) or 32FC1 (metres)"),
        ({"late_ns": 500_000_000}, "nothing on /depth_image was captured within 0.02 s of the picture"),
    ],
)
def test_depth_that_does_not_fit_is_told(camera, make_body, wrong, words):
    camera.describe()
    for _ in range(20):
        camera.see(make_body(), **wrong)
    status = camera.graph.status("input", lambda status: int(status.table["rejected"]) > 0)
    assert words in status.message


@pytest.mark.slow
def test_a_camera_that_nobody_describes_is_told(camera, make_body):
    for _ in range(20):
        camera.see(make_body())
    status = camera.graph.status("input", lambda status: "rejected: unreadable message" in status.table)
    assert "depth needs the calibration of the camera, and none has come on /camera_info: remap it" in status.message


@pytest.mark.parametrize("name", ["json", "marker_array", "camera"])
def test_depth_is_refused_where_it_has_no_use(graph_with, tiny_bundle, name):
    words = (f"input:={name}", f"bundle:={tiny_bundle}", "use_depth:=true", "layout:=body13")
    graph = graph_with(*(word for argument in words for word in ("-p", argument)))
    node = graph.start_node(autostart=False)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    message = graph.status("model", lambda status: status.level == b"\2").message
    assert f"use_depth has no use with the input '{name}'; set it with one of: image, compressed_image" in message

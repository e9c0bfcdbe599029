"""What all adapters share: axes, the border for people, and reading bytes."""

import struct

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, PointCloud2, PointField
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from csre_ros.ros.packages import message_class
from csre_ros.ros.readers.axes import to_optical
from csre_ros.ros.readers.cdr import Reader, deserialize, slots
from csre_ros.ros.readers.cloud import read_cloud
from csre_ros.ros.readers.crowd import Crowd, check_number
from csre_ros.ros.readers.reading import Sender
from csre_ros.skeleton import get_layout

BODY13, COCO17 = get_layout("body13"), get_layout("coco17")


class TestAxes:
    @pytest.mark.parametrize(
        ("body", "optical"),
        [((1, 0, 0), (0, 0, 1)), ((0, 1, 0), (-1, 0, 0)), ((0, 0, 1), (0, -1, 0))],
        ids=["forward", "left", "up"],
    )
    @pytest.mark.parametrize("frame", ["zed_left_camera_frame", "base_link", ""])
    def test_body_axes_are_rotated(self, body, optical, frame):
        points = np.array([body, body], np.float32)
        np.testing.assert_array_equal(to_optical(points, frame), [optical, optical])

    @pytest.mark.parametrize("frame", ["camera_color_optical_frame", "zed_left_camera_frame_optical"])
    def test_optical_axes_stay(self, frame):
        points = np.random.default_rng(0).normal(size=(5, 3))
        np.testing.assert_array_equal(to_optical(points, frame), points)

    def test_a_rotation_and_no_reflection(self):
        assert np.linalg.det(to_optical(np.eye(3), "base_link")) == pytest.approx(1)

    def test_missing_joints_stay_missing(self):
        points = to_optical(np.array([[np.nan, 1, 2], [1, 2, 3]], np.float32), "base_link")
        assert np.isnan(points).any(axis=1).tolist() == [True, False]


class TestCrowd:
    def person(self, **changes):
        arrays = {"positions": np.ones((13, 3)), "confidence": np.ones(13), **changes}
        crowd = Crowd()
        crowd.add(BODY13, arrays["positions"], arrays["confidence"], arrays.get("source_id"))
        return crowd

    def test_taken_in(self):
        crowd = self.person(source_id="4")
        assert ([person.source_id for person in crowd.people], dict(crowd.rejected)) == (["4"], {})

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"positions": np.full((13, 3), -np.inf)}, "infinite coordinate"),
            ({"positions": np.full((13, 3), 1e39)}, "infinite coordinate"),
            ({"confidence": np.full(13, 1.01)}, "confidence outside 0..1"),
            ({"confidence": np.full(13, -0.01)}, "confidence outside 0..1"),
            ({"confidence": np.full(13, np.inf)}, "confidence outside 0..1"),
            ({"confidence": np.full(13, np.nan)}, "no joint seen"),
            ({"confidence": np.zeros(13)}, "no joint seen"),
            ({"positions": np.full((13, 3), np.nan)}, "no joint seen"),
            ({"source_id": "x" * 65}, "id too long"),
        ],
    )
    def test_left_out(self, changes, reason):
        crowd = self.person(**changes)
        assert (crowd.people, dict(crowd.rejected)) == ((), {reason: 1})

    def test_the_first_of_two_with_one_id_is_kept(self):
        crowd = Crowd()
        for x in (1.0, 2.0):
            crowd.add(BODY13, np.full((13, 3), x), np.ones(13), "a")
        crowd.add(BODY13, np.ones((13, 3)), np.ones(13))
        crowd.add(BODY13, np.ones((13, 3)), np.ones(13))  # several may have none
        assert [(person.source_id, person.positions[0, 0]) for person in crowd.people] == [
            ("a", 1.0),
            (None, 1.0),
            (None, 1.0),
        ]
        assert dict(crowd.rejected) == {"duplicate id": 1}

    def test_a_refused_person_does_not_use_up_the_id(self):
        crowd = Crowd()
        crowd.add(BODY13, np.full((13, 3), np.inf), np.ones(13), "a")
        crowd.add(BODY13, np.ones((13, 3)), np.ones(13), "a")
        assert len(crowd.people) == 1

    def test_number_of_people(self):
        check_number(64)
        with pytest.raises(ValueError, match="65 people; at most 64"):
            check_number(65)


class TestBytes:
    @pytest.mark.parametrize("kind", [Marker, CameraInfo, PoseWithCovarianceStamped, PointCloud2, PointField])
    @pytest.mark.parametrize("frame_id", ["", "a", "frame"])
    def test_places_are_where_the_middleware_writes(self, kind, frame_id):
        """Every number is found again at the place that its class alone gave."""
        message = kind()
        strings = {}
        if hasattr(message, "header"):
            message.header.frame_id = frame_id
            message.header.stamp.sec = 7
            strings["header.frame_id"] = len(frame_id)
        found = {slot.name: slot for slot in slots(kind, 0, strings)}
        data = serialize_message(message)[4:]
        last = list(found.values())[-1]
        assert last.stop <= len(data) < last.stop + 4
        if strings:
            slot = found["header.frame_id"]
            assert data[slot.start : slot.stop] == frame_id.encode() + b"\0"
            assert struct.unpack_from("<i", data, found["header.stamp.sec"].start) == (7,)

    def test_nested_numbers(self):
        message = PoseWithCovarianceStamped()
        message.pose.pose.orientation.w = 0.5
        message.pose.covariance[35] = 0.25
        found = {slot.name: slot for slot in slots(PoseWithCovarianceStamped, 0, {})}
        data = serialize_message(message)[4:]
        assert struct.unpack_from("<d", data, found["pose.pose.orientation.w"].start) == (0.5,)
        covariance = found["pose.covariance"]
        assert np.frombuffer(data, covariance.code, covariance.count, covariance.start)[35] == 0.25

    def test_header(self):
        header = Header(frame_id="camera")
        header.stamp.sec, header.stamp.nanosec = 2, 5
        assert Reader(serialize_message(header)).header() == (2_000_000_005, "camera")

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "starts with nothing"),
            (b"\0\0\0\0" + bytes(20), "starts with 0000"),  # big-endian
            (b"\0\3\0\0" + bytes(20), "starts with 0003"),
            (b"\0\1\0\0" + bytes(11), "cut short: it has 11 bytes"),
            (b"\0\1\0\0" + bytes(8) + b"\0\0\0\0", "declares 0 bytes"),
            (b"\0\1\0\0" + bytes(8) + b"\xff\xff\xff\xff", "declares 4294967295 bytes; at most 256"),
            (b"\0\1\0\0" + bytes(8) + b"\x05\0\0\0ab", "cut short"),
        ],
    )
    def test_broken_headers(self, data, words):
        with pytest.raises(ValueError, match=words):
            Reader(data).header()

    @pytest.mark.parametrize("data", [b"", b"\0\1\0\0", b"\0\1\0\0" + b"\xff" * 40, b"garbage"])
    def test_garbage_is_no_message(self, data):
        with pytest.raises(ValueError, match="the bytes are no PointCloud2"):
            deserialize(data, PointCloud2)


class TestClouds:
    """What is judged before the middleware unpacks a cloud; the rest is tested with the clouds themselves."""

    def read(self, fields, frame_id="c"):
        message = PointCloud2(height=1, width=13, fields=[PointField(name="x")] * fields)
        message.header.frame_id = frame_id
        return read_cloud(serialize_message(message), Sender(BODY13), 1)

    @staticmethod
    def flat(*names):
        """One person of COCO's joints at (0.5, 0.25) in a cloud with these fields."""
        fields = [PointField(name=name, offset=4 * i, datatype=7, count=1) for i, name in enumerate(names)]
        message = PointCloud2(height=1, width=17, fields=fields, point_step=8, row_step=136)
        message.data = np.tile(np.array([0.5, 0.25], np.float32), 17).tobytes()
        return serialize_message(message)

    def test_image_heights_are_taken_as_they_are(self):
        (person,) = read_cloud(self.flat("u", "v"), Sender(COCO17), 1)[0].skeletons
        assert person.positions[0].tolist() == [0.5, 0.25]

    def test_points_divided_by_width_and_height_need_the_size_of_the_image(self):
        (person,) = read_cloud(self.flat("x", "y"), Sender(COCO17, (1280, 640)), 1)[0].skeletons
        assert person.positions[0].tolist() == [1.0, 0.25]
        with pytest.raises(ValueError, match="publish camera_info beside it, or set image_width and image_height"):
            read_cloud(self.flat("x", "y"), Sender(COCO17), 1)

    def test_nobody_needs_no_size(self):
        assert read_cloud(serialize_message(PointCloud2()), Sender(COCO17), 1)[0].skeletons == ()

    def test_a_cloud_of_an_unknown_layout(self):
        with pytest.raises(ValueError, match="does not say which joints it holds"):
            read_cloud(self.flat("u", "v"), Sender(), 1)

    def test_fields_of_others_are_left_alone(self):
        with pytest.raises(ValueError, match="lacks the fields y, z"):
            self.read(64)

    def test_more_fields_than_any_cloud_has(self):
        with pytest.raises(ValueError, match="declares 65 fields; at most 64"):
            self.read(65)

    def test_giant_frame_names(self):
        with pytest.raises(ValueError, match="declares 100001 bytes; at most 256"):
            self.read(4, "x" * 100_000)


def test_a_missing_package_is_named_for_apt(monkeypatch):
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    with pytest.raises(
        ImportError, match=r"no_such_msgs/Thing is not installed: sudo apt install ros-jazzy-no-such-msgs"
    ):
        message_class("no_such_msgs", "Thing")


def test_a_package_that_no_distribution_has_is_built():
    with pytest.raises(ImportError, match="no distribution has it; build it from https://github"):
        message_class("yolo_msgs", "NoSuchMessage")
    with pytest.raises(ImportError, match="build msgs/csre_msgs of this repository in your workspace"):
        message_class("csre_msgs", "NoSuchMessage")


def test_a_package_too_old_for_the_message(monkeypatch):
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    with pytest.raises(
        ImportError, match=r"std_msgs/Thing is not installed: sudo apt install ros-\$ROS_DISTRO-std-msgs"
    ):
        message_class("std_msgs", "Thing")

"""Azure Kinect markers: ids and joints, the fast path against the plain one, and everything that must not pass."""

import random
import struct

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.serialization import deserialize_message, serialize_message
from visualization_msgs.msg import Marker, MarkerArray

from csre_ros.recognition import Recognizer
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.ros.readers.azure import MarkerReader, from_message, read_markers, strided
from csre_ros.ros.readers.cdr import deserialize
from csre_ros.ros.readers.reading import Sender
from csre_ros.ros.stamps import from_ns
from csre_ros.skeleton import Frame, get_layout

AZURE32 = get_layout("azure32")
ARRIVAL_NS, SENDER = 77, Sender()
# What the driver's documentation calls the joints, in its order.
NUMBERS = {
    "pelvis": 0, "spine_navel": 1, "spine_chest": 2, "neck": 3, "left_clavicle": 4, "left_shoulder": 5,
    "left_elbow": 6, "left_wrist": 7, "left_hand": 8, "left_hand_tip": 9, "left_thumb": 10, "right_clavicle": 11,
    "right_shoulder": 12, "right_elbow": 13, "right_wrist": 14, "right_hand": 15, "right_hand_tip": 16,
    "right_thumb": 17, "left_hip": 18, "left_knee": 19, "left_ankle": 20, "left_foot": 21, "right_hip": 22,
    "right_knee": 23, "right_ankle": 24, "right_foot": 25, "head": 26, "nose": 27, "left_eye": 28, "left_ear": 29,
    "right_eye": 30, "right_ear": 31,
}  # fmt: skip


def place(body, joint):
    return (body + joint / 100, -joint / 10, 2.0 + joint / 1000)


def sphere(body, joint, frame_id="depth_camera_link", ns=""):
    marker = Marker(ns=ns, id=100 * body + joint, type=Marker.SPHERE, action=Marker.ADD)
    marker.header.frame_id = frame_id
    marker.header.stamp.sec, marker.header.stamp.nanosec = 3, 5
    point = marker.pose.position
    point.x, point.y, point.z = place(body, joint)
    marker.pose.orientation.w = 1.0
    marker.scale.x = marker.scale.y = marker.scale.z = 0.05
    marker.color.a = marker.color.r = 1.0
    marker.lifetime.nanosec = 250_000_000
    return marker


def crowd(*bodies, **names):
    return MarkerArray(markers=[sphere(body, joint, **names) for body in bodies for joint in range(32)])


def read(message):
    return read_markers(serialize_message(message), SENDER, ARRIVAL_NS)


@pytest.mark.parametrize(("joint", "number"), NUMBERS.items())
def test_numbers_mean_the_drivers_joints(joint, number):
    assert AZURE32.index[joint] == number
    message = MarkerArray(markers=[sphere(7, number)])
    (person,) = read(message)[0].skeletons
    assert np.flatnonzero(person.confidence).tolist() == [number]
    np.testing.assert_allclose(person.positions[number], place(7, number), rtol=1e-6)


def test_people_stamp_and_frame():
    frame, rejected = read(crowd(2, 9))
    assert (frame.stamp_ns, frame.frame_id) == (3_000_000_005, "depth_camera_link")
    assert [person.source_id for person in frame.skeletons] == ["2", "9"]
    for person, body in zip(frame.skeletons, (2, 9), strict=True):
        assert person.layout == AZURE32
        np.testing.assert_allclose(person.positions, [place(body, joint) for joint in range(32)], rtol=1e-6)
        assert (person.confidence == 1).all()
    assert not rejected


def test_the_order_of_markers_does_not_matter():
    message = crowd(1, 2, 3)
    random.Random(0).shuffle(message.markers)
    mixed, tidy = read(message)[0].skeletons, read(crowd(1, 2, 3))[0].skeletons
    assert [person.source_id for person in mixed] == ["1", "2", "3"]
    for one, other in zip(mixed, tidy, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)


def test_an_empty_message_says_that_nobody_is_in_view():
    frame, rejected = read(MarkerArray())
    assert (frame.stamp_ns, frame.skeletons, dict(rejected)) == (ARRIVAL_NS, (), {})


def test_unstamped_markers_have_the_time_of_arrival():
    message = crowd(1)
    for marker in message.markers:
        marker.header.stamp.sec = marker.header.stamp.nanosec = 0
    assert read(message)[0].stamp_ns == ARRIVAL_NS


class TestEmptyArrays:
    """The driver publishes one for every frame in which it sees nobody; what it saw lies a while back by then."""

    LAG_NS = 150_000_000

    def play(self, script, period_ns=33_000_000, stamped=True):
        """Frames of a stream 150 ms behind: ``p`` somebody, ``.`` nobody, ``d`` a marker that deletes all others."""
        reader, frames = MarkerReader(), []
        for i, kind in enumerate(script):
            arrival_ns = 1_700_000_000 * 10**9 + i * period_ns
            message = {"p": crowd(1), ".": MarkerArray(), "d": MarkerArray(markers=[Marker(action=3)])}[kind]
            for marker in message.markers if stamped and kind == "p" else ():
                marker.header.stamp = from_ns(arrival_ns - self.LAG_NS)
            for marker in () if stamped else message.markers:
                marker.header.stamp = from_ns(0)
            frame, _ = reader(serialize_message(message), SENDER, arrival_ns)
            frames.append((kind, arrival_ns, frame))
        return frames

    def test_they_hide_nobody_who_comes_after_them(self):
        recognizer = Recognizer(RecognizerConfig(device="cpu"))
        for kind, _, frame in self.play(".........pppp..pp..dd.ppp"):
            taken = recognizer.observe(Frame(frame.stamp_ns, frame.frame_id, frame.skeletons))
            assert taken, kind
        assert not recognizer.counts

    def test_their_time_goes_on(self):
        for _, arrival_ns, frame in self.play("p....d.p")[1:]:
            assert frame.stamp_ns == arrival_ns - self.LAG_NS

    def test_they_are_not_taken_for_messages_without_a_stamp(self):
        assert all(frame.stamp_ns != arrival_ns for _, arrival_ns, frame in self.play("...pp..d.p"))

    def test_a_sender_that_stamps_nothing_is_stamped_on_arrival(self):
        assert all(frame.stamp_ns == arrival_ns for _, arrival_ns, frame in self.play("..pp..", stamped=False)[2:])


class TestFastPath:
    @pytest.mark.parametrize("people", [1, 2, 5])
    @pytest.mark.parametrize("frame_id", ["", "a", "ab", "abc", "abcd", "depth_camera_link", "caméra"])
    @pytest.mark.parametrize("ns", ["", "n", "body", "bodies"])
    def test_equals_the_plain_one(self, people, frame_id, ns):
        message = crowd(*range(people), frame_id=frame_id, ns=ns)
        data = serialize_message(message)
        fast, plain = strided(data, len(message.markers)), from_message(deserialize(data, MarkerArray))
        assert fast is not None
        assert (fast.stamp_ns, fast.frame_id) == (plain.stamp_ns, plain.frame_id)
        np.testing.assert_array_equal(fast.numbers, plain.numbers)
        np.testing.assert_array_equal(fast.points, plain.points)

    def test_padding_may_hold_anything(self):
        """Middleware need not clear the bytes between fields; no field starts where these lie."""
        data = bytearray(serialize_message(crowd(1)))
        at = data.index(b"depth_camera_link\0") + len(b"depth_camera_link\0")
        for padding in (b"\0\0", b"\xaa\xbb"):
            data[at : at + 2] = padding
            assert deserialize_message(bytes(data), MarkerArray) == crowd(1)
            assert strided(bytes(data), 32) is not None

    @pytest.mark.parametrize(
        "change",
        [
            lambda marker: setattr(marker, "text", "Ann"),
            lambda marker: setattr(marker, "ns", "other"),
            lambda marker: setattr(marker, "mesh_resource", "package://x"),
            lambda marker: setattr(marker.header, "frame_id", "depth_camera_linx"),  # as long as the others'
            lambda marker: setattr(marker.header, "frame_id", "map"),
            lambda marker: marker.points.append(marker.pose.position),
            lambda marker: marker.colors.append(marker.color),
        ],
        ids=["text", "ns", "mesh", "same length", "frame", "points", "colors"],
    )
    @pytest.mark.parametrize("which", [0, 5, 31])
    def test_gives_way_where_markers_differ(self, change, which):
        message = crowd(4)
        change(message.markers[which])
        data = serialize_message(message)
        assert strided(data, 32) is None
        (person,) = read_markers(data, SENDER, ARRIVAL_NS)[0].skeletons
        np.testing.assert_allclose(person.positions, [place(4, joint) for joint in range(32)], rtol=1e-6)

    @pytest.mark.slow
    def test_any_damage_is_seen_or_harmless(self):
        """Whatever one byte turns into, the fast path reads what the plain one reads, or nothing."""
        data, chance = serialize_message(crowd(1)), random.Random(1)
        for _ in range(300):
            damaged = bytearray(data)
            damaged[chance.randrange(8, 400)] = chance.randrange(256)
            fast = strided(bytes(damaged), 32)
            if fast is None:
                continue
            plain = from_message(deserialize(bytes(damaged), MarkerArray))
            assert fast.frame_id == plain.frame_id
            np.testing.assert_array_equal(fast.numbers, plain.numbers)
            np.testing.assert_array_equal(fast.points, plain.points)


class TestRejection:
    def reject(self, message, reason, others=0):
        frame, rejected = read(message)
        assert dict(rejected) == {reason: 1}
        assert len(frame.skeletons) == others

    @pytest.mark.parametrize("number", [132, 199, -1, -32])
    def test_ids_that_are_no_joint(self, number):
        message = crowd(1)
        message.markers.append(sphere(0, number))
        self.reject(message, "not a joint", others=1)

    def test_other_shapes(self):
        message = crowd(1)
        message.markers[3].type = Marker.TEXT_VIEW_FACING
        self.reject(message, "not a joint", others=1)

    @pytest.mark.parametrize("action", [Marker.DELETE, Marker.DELETEALL])
    def test_markers_that_delete_say_nothing(self, action):
        message = crowd(1)
        message.markers.insert(0, sphere(0, 0))
        message.markers[0].action = action
        frame, rejected = read(message)
        assert (len(frame.skeletons), dict(rejected)) == (1, {})

    def test_a_joint_twice(self):
        message = crowd(1, 2)
        message.markers.append(sphere(2, 0))
        self.reject(message, "joint repeats", others=1)

    @pytest.mark.parametrize(
        ("value", "reason"), [(float("inf"), "infinite coordinate"), (1e300, "infinite coordinate")]
    )
    def test_infinite(self, value, reason):
        message = crowd(1, 2)
        message.markers[3].pose.position.y = value
        self.reject(message, reason, others=1)

    def test_joints_without_a_place_are_missing(self):
        message = crowd(1)
        message.markers[7].pose.position.x = float("nan")
        del message.markers[20]
        (person,) = read(message)[0].skeletons
        assert np.flatnonzero(person.confidence == 0).tolist() == [7, 20]

    def test_nobody_but_nan(self):
        message = crowd(1)
        for marker in message.markers:
            marker.pose.position.z = float("nan")
        self.reject(message, "no joint seen")

    @pytest.mark.slow
    def test_more_people_than_any_camera_sees(self):
        message = MarkerArray(markers=[sphere(body, 0) for body in range(65)])
        with pytest.raises(ValueError, match="65 people; at most 64"):
            read(message)
        with pytest.raises(ValueError, match="declares 32000 markers; at most 2048"):
            read(crowd(*range(1000)))

    def test_a_declared_number_is_not_believed(self):
        """The middleware would reserve half a kilobyte for each of them."""
        data = b"\0\1\0\0" + struct.pack("<I", 500_000) + bytes(500_000)
        with pytest.raises(ValueError, match="declares 500000 markers"):
            read_markers(data, SENDER, ARRIVAL_NS)

    @pytest.mark.parametrize("size", [0, 3, 4, 7, 8, 20, 100, 7000])
    def test_cut_short(self, size):
        with pytest.raises(ValueError, match=r"cut short|starts with|no MarkerArray"):
            read_markers(serialize_message(crowd(1))[:size], SENDER, ARRIVAL_NS)

    def test_a_giant_name(self):
        with pytest.raises(ValueError, match="frame_id has 100000 characters"):
            read(MarkerArray(markers=[sphere(1, 0, frame_id="x" * 100_000)]))

    def test_garbage(self):
        chance = random.Random(2)
        data = serialize_message(crowd(1))
        for _ in range(200):
            damaged = bytearray(data)
            for _ in range(chance.randrange(1, 20)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                frame, _ = read_markers(bytes(damaged), SENDER, ARRIVAL_NS)
            except ValueError:
                continue
            assert all(np.isfinite(person.positions[person.confidence > 0]).all() for person in frame.skeletons)

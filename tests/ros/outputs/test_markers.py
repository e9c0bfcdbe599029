"""People as RViz shows them."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from visualization_msgs.msg import Marker, MarkerArray

from csre_ros.ros.outputs.markers import bone_points, person_markers
from csre_ros.skeleton import Skeleton


def test_bones_join_their_joints(make_body):
    body = make_body("right")
    points = bone_points(body).reshape(-1, 2, 3)
    assert len(points) == len(body.layout.bones)
    for (child, parent), ends in zip(body.layout.bone_indices, points, strict=True):
        np.testing.assert_array_equal(ends, body.positions[[child, parent]])


def test_bones_of_unseen_joints_are_left_out(make_body):
    body = make_body()
    positions = body.positions.copy()
    positions[body.layout.index["right_elbow"]] = np.nan
    seen = bone_points(Skeleton(body.layout, positions, body.confidence))
    assert len(seen) // 2 == len(body.layout.bones) - sum("right_elbow" in bone for bone in body.layout.bones)
    assert np.isfinite(seen).all()


def make_person(skeleton, **changes):
    from csre_ros.recognition.types import Decision, PersonAction

    person = PersonAction(0, "camera", 7, True, skeleton, Decision.UNDECIDED, None, 0.0, None, None, (0, 0), ())
    return replace(person, **changes)


def test_the_label_hangs_above_the_head_and_says_what_is_known(make_body):
    body = make_body(x=1.5)
    bones, label = person_markers(make_person(body), body, 5_000_000_007, "camera")
    assert (bones.type, label.type) == (Marker.LINE_LIST, Marker.TEXT_VIEW_FACING)
    assert (bones.id, label.id, bones.ns != label.ns) == (7, 7, True)
    assert (bones.header.frame_id, bones.header.stamp.sec, bones.header.stamp.nanosec) == ("camera", 5, 7)
    assert bones.lifetime.sec + bones.lifetime.nanosec > 0
    assert label.pose.position.y < body.positions[:, 1].min()  # y points down
    assert label.pose.position.x == pytest.approx(1.5, abs=0.1)
    assert label.text == "7"
    _, label = person_markers(make_person(body, action="wave", score=0.931), body, 0, "camera")
    assert label.text == "7: wave 0.93"


@pytest.mark.ros
def test_markers_come_and_go_with_the_people(talker, make_body):
    heard = talker.graph.listen(MarkerArray, "/action_node/markers")
    talker.graph.until(lambda: talker.graph.peer.count_publishers("/action_node/markers"))

    def shown(action, count):
        """Publishes until so many ids are in one message; the ids."""

        before = len(heard)

        def found():
            talker.say(people)
            for message in heard[before:]:  # who leaves is deleted once
                ids = {marker.id for marker in message.markers if marker.action == action}
                if len(ids) == count:
                    return ids
            return None

        return talker.graph.until(found)

    people = [make_body("right", x=-1.0), make_body(x=1.0)]
    both = shown(Marker.ADD, 2)
    people = people[:1]
    (gone,) = shown(Marker.DELETE, 1)
    assert gone in both
    talker.graph.until(lambda: talker.say(people) or any("raise_right" in m.text for m in heard[-1].markers))
    talker.node.trigger_deactivate()
    talker.graph.until(lambda: {marker.action for marker in heard[-1].markers} == {Marker.DELETE})
    assert {marker.id for marker in heard[-1].markers} == both - {gone}


@pytest.mark.ros
def test_the_picture_is_drawn_for_who_listens(talker, make_body):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
    from sensor_msgs.msg import CompressedImage

    from csre_ros.ros.qos import PICTURES

    drawn, encode = [], cv2.imencode
    talker.say([make_body("right")], frames=20)
    assert talker.node.count_subscribers("/action_node/image/compressed") == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cv2, "imencode", lambda *given: drawn.append(given) or encode(*given))
        talker.say([make_body("right")], frames=20)
        assert not drawn
        heard = talker.graph.listen(CompressedImage, "/action_node/image/compressed", PICTURES)
        talker.graph.until(lambda: talker.say([make_body("right")]) or heard)
        assert drawn
    picture = cv2.imdecode(np.frombuffer(heard[-1].data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (558, 640, 3)  # with three strips of 26 pixels
    assert (picture[:480] > 100).any()
    assert (picture[480:] > 200).any()
    assert heard[-1].header.frame_id == "camera"

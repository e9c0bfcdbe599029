"""What the node says in the messages of others, heard over DDS."""

import json

import numpy as np
import pytest
from hri_actions_msgs.msg import Intent
from hri_msgs.msg import Gesture
from rclpy.parameter import Parameter
from vision_msgs.msg import Detection2DArray, LabelInfo

from csre_ros.ros.qos import LATCHED
from csre_ros.ros.stamps import to_ns

pytestmark = pytest.mark.ros
SYMBOLS = "raise_right: {gesture: RIGHT_HAND_RAISED, handedness: RIGHT, intent: GREET}\n"


@pytest.fixture
def talker(talker_with, tmp_path):
    path = tmp_path / "symbols.yaml"
    path.write_text(SYMBOLS)
    switches = ("publish_gestures:=true", "publish_intents:=true", f"symbols:={path}", "allow_remote_files:=true")
    return talker_with(*(part for switch in switches for part in ("-p", switch)))


def test_detections_name_the_likeliest_labels_of_everybody(talker, make_body):
    names = talker.graph.listen(LabelInfo, "/action_node/label_info", LATCHED)
    heard = talker.graph.listen(Detection2DArray, "/action_node/detections")
    people = [make_body("right", x=-1.0), make_body("left", x=1.0)]
    talker.graph.until(
        lambda: talker.say(people) or (heard and sum(bool(d.results) for d in heard[-1].detections) == 2)
    )
    table = {str(entry.class_id): entry.class_name for entry in names[0].class_map}
    assert list(table.values()) == ["idle", "raise_right", "raise_left"]
    message = heard[-1]
    best = {d.id: table[d.results[0].hypothesis.class_id] for d in message.detections}
    assert sorted(best.values()) == ["raise_left", "raise_right"]
    for detection in message.detections:
        scores = [result.hypothesis.score for result in detection.results]
        assert scores == sorted(scores, reverse=True)
        assert detection.header == message.header
    assert message.header.frame_id == "camera"
    assert 0 <= talker.stamp_ns - to_ns(message.header.stamp) < 2 * 10**9
    assert {len(d.results) for d in message.detections} == {3}
    talker.node.set_parameters([Parameter("top_k", value=1)])  # at any time
    talker.graph.until(lambda: talker.say(people) or {len(d.results) for d in heard[-1].detections} == {1})
    talker.node.trigger_deactivate()
    talker.graph.until(lambda: heard[-1].detections == [])
    assert heard[-1].header.frame_id == "camera"
    assert to_ns(heard[-1].header.stamp) == talker.stamp_ns


def test_boxes_surround_the_joints_in_the_picture(make_body):
    from dataclasses import replace

    from csre_ros.recognition.types import Decision, PersonAction
    from csre_ros.ros.outputs.detections import detection

    body = make_body()
    points = np.tile(np.array([0.5, 0.25], np.float32), (len(body.layout), 1))
    points[0], points[1] = (0.25, 0.5), (0.75, 0.75)
    seen = replace(body, image_points=points)
    person = PersonAction(0, "camera", 3, True, seen, Decision.UNDECIDED, None, 0.0, None, None, (0, 0), ())
    found = detection(person, seen, (480, 640, 3), 2)
    assert (found.bbox.center.position.x, found.bbox.center.position.y) == (320.0, 240.0)
    assert (found.bbox.size_x, found.bbox.size_y, found.id, list(found.results)) == (320.0, 240.0, "3", [])
    assert detection(person, seen, None, 2).bbox.size_x == 0.0
    assert detection(person, body, (480, 640, 3), 2).bbox.size_x == 0.0


def test_gestures_and_intents_are_told_under_the_id_of_the_body(talker, make_body):
    gestures = talker.graph.listen(Gesture, "/humans/bodies/person1/gesture")
    intents = talker.graph.listen(Intent, "/intents")
    publisher = next(one for one in talker.node.publishers if one.topic_name == "/intents")
    talker.graph.until(publisher.get_subscription_count)  # it speaks once
    talker.graph.until(lambda: talker.say([make_body("right")]) or (gestures and intents))
    assert (gestures[0].gesture, gestures[0].handedness) == (Gesture.RIGHT_HAND_RAISED, Gesture.RIGHT)
    assert gestures[0].header.frame_id == "camera"
    intent = intents[0]
    assert (intent.intent, intent.modality, intent.source) == (Intent.GREET, Intent.MODALITY_MOTION, "person1")
    assert json.loads(intent.data) == {"recipient": "person1", "action": "raise_right"}
    assert 0.5 < intent.confidence <= 1
    talker.say([make_body("right")], frames=90)
    assert len(gestures) > 1  # while it goes on
    assert len(intents) == 1  # but it is asked for once
    assert talker.graph.peer.count_publishers("/humans/bodies/person1/gesture") == 1
    talker.say([], frames=60)
    talker.graph.until(lambda: not talker.graph.peer.count_publishers("/humans/bodies/person1/gesture"))


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        ("wave: {gesture: WAVNG}", "Gesture has no constant 'WAVNG'"),
        ("wave: {intent: SALUTE}", "Intent has no constant 'SALUTE'"),
    ],
)
def test_a_symbol_that_does_not_exist_fails_configuration_and_leaves_nothing(talker, tmp_path, symbols, words):
    from rclpy.lifecycle import TransitionCallbackReturn

    (tmp_path / "other.yaml").write_text(symbols)
    node = talker.node
    node.trigger_deactivate()
    node.trigger_cleanup()
    before = len(list(node.publishers))
    node.set_parameters([Parameter("symbols", value=str(tmp_path / "other.yaml"))])
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert words in talker.graph.status("model", lambda status: status.level == b"\2").message
    assert len(list(node.publishers)) == before

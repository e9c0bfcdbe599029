"""What the node says in the messages of others, heard over DDS."""

import json

import numpy as np
import pytest
from hri_actions_msgs.msg import Intent
from hri_msgs.msg import Gesture, IdsList
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


def test_detections_name_the_decided_and_the_likeliest_labels_of_everybody(talker, make_body):
    names = talker.graph.listen(LabelInfo, "/action_node/label_info", LATCHED)
    heard = talker.graph.listen(Detection2DArray, "/action_node/detections")
    people = [make_body("right", x=-1.0), make_body("left", x=1.0)]
    talker.graph.until(
        lambda: (
            talker.say(people)
            or (heard and sum(d.results[0].hypothesis.class_id != "" for d in heard[-1].detections) == 2)
        )
    )
    talker.graph.until(lambda: names and to_ns(heard[-1].header.stamp) == talker.stamp_ns)  # all that was said
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
    assert {len(d.results) for d in message.detections} == {3}
    talker.node.set_parameters([Parameter("top_k", value=1)])  # at any time
    talker.graph.until(lambda: talker.say(people) or {len(d.results) for d in heard[-1].detections} == {1})
    talker.graph.until(lambda: to_ns(heard[-1].header.stamp) == talker.stamp_ns)
    talker.node.trigger_deactivate()
    talker.graph.until(lambda: heard[-1].detections == [])
    assert heard[-1].header.frame_id == "camera"
    assert to_ns(heard[-1].header.stamp) == talker.stamp_ns


def report_of(person, image=None, camera=None):
    from csre_ros.recognition.bundle_info import Label
    from csre_ros.ros.outputs.report import Report

    labels = (Label("idle", 0.5, background=True), Label("wave", 0.5), Label("clap", 0.5))
    return Report(0, "camera", 0, (person,), None, labels, image, camera)


def made(skeleton, action=None, probabilities=None):
    from csre_ros.recognition.types import Decision, PersonAction

    decision = Decision.ACTION if action else Decision.UNDECIDED
    scores = None if probabilities is None else np.array(probabilities)
    return PersonAction(0, "camera", 3, True, skeleton, decision, action, 0.6, None, scores, (0, 0), ())


def box_of(skeleton, **given):
    from csre_ros.ros.outputs.detections import detection

    person = made(skeleton)
    found = detection(person, skeleton, report_of(person, **given), 2).bbox
    return found.center.position.x, found.center.position.y, found.size_x, found.size_y


def test_boxes_surround_the_joints_in_the_picture(make_body):
    from dataclasses import replace

    from csre_ros.skeleton import Pinhole, Skeleton, get_layout

    body, picture, camera = make_body(), np.zeros((480, 640, 3), np.uint8), Pinhole((640, 480), (500, 500), (320, 240))
    points = np.tile(np.array([0.5, 0.25], np.float32), (len(body.layout), 1))
    points[0], points[1] = (0.25, 0.5), (0.75, 0.75)
    assert box_of(replace(body, image_points=points), image=picture) == (320.0, 240.0, 320.0, 240.0)
    assert box_of(body) == box_of(body, image=picture) == (0, 0, 0, 0)  # nobody says what the camera sees
    # 0.4 m wide and 1.6 m tall, 2.5 m away, its middle 10 cm below the axis
    assert box_of(body, camera=camera) == pytest.approx((320, 260, 80, 320), abs=1e-3)
    flat = Skeleton(get_layout("body13_2d"), body.positions[:, :2] / 4 + 0.5, body.confidence)
    assert box_of(flat, camera=camera) == pytest.approx((240, 252, 48, 192), abs=1e-3)
    behind = Skeleton(body.layout, body.positions * (1, 1, -1), body.confidence)
    assert box_of(behind, camera=camera) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("action", "probabilities", "expected"),
    [
        ("clap", (0.1, 0.5, 0.4), [("2", 0.6), ("1", 0.5)]),  # decided, although another is likelier now
        ("clap", (0.1, 0.2, 0.7), [("2", 0.6), ("1", 0.2)]),
        (None, (0.1, 0.5, 0.4), [("", 0.0), ("1", 0.5), ("2", 0.4)]),
        (None, None, [("", 0.0)]),
    ],
)
def test_the_first_result_is_what_was_decided(make_body, action, probabilities, expected):
    from csre_ros.ros.outputs.detections import detection

    person = made(make_body(), action, probabilities)
    found = detection(person, person.skeleton, report_of(person), 2)
    assert found.id == "3"
    assert [(r.hypothesis.class_id, pytest.approx(r.hypothesis.score)) for r in found.results] == expected
    for result in found.results:
        place = result.pose.pose.position
        assert (place.x, place.y, place.z) == pytest.approx((0, 0.1, 2.5))


def test_gestures_and_intents_are_told_under_the_id_of_the_body(talker, make_body):
    gestures = talker.graph.listen(Gesture, "/humans/bodies/person1/gesture")
    intents = talker.graph.listen(Intent, "/intents")
    publisher = next(one for one in talker.node.publishers if one.topic_name == "/intents")
    talker.graph.until(publisher.get_subscription_count)  # it speaks once
    tracked = talker.graph.listen(IdsList, "/humans/bodies/tracked", read=lambda message: list(message.ids))
    talker.graph.until(lambda: talker.say([make_body("right")]) or (gestures and intents))
    talker.graph.until(lambda: talker.say([make_body("right")]) or ["person1"] in tracked)
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
    talker.graph.until(lambda: tracked[-1] == [])


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

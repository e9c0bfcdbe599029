"""What the node publishes where people do not fit together, or one of its outputs fails."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from csre_ros.recognition.bundle_info import Label
from csre_ros.recognition.recognizer import Recognizer
from csre_ros.ros.outputs.actions import Actions
from csre_ros.ros.outputs.label import PrimaryLabel
from csre_ros.ros.qos import LATCHED
from csre_ros.skeleton import LayoutMapping, Skeleton, get_layout
from csre_ros.sources.frames import SourceFrame

pytestmark = pytest.mark.ros
BODY13, AZURE32 = get_layout("body13"), get_layout("azure32")


def output(talker, kind):
    """The node's output of a class."""
    return next(one for one in talker.node._outputs._outputs if isinstance(one, kind))


def as_azure(body):
    """The same person in another layout."""
    positions, confidence = LayoutMapping(BODY13, AZURE32).apply(body.positions[None], body.confidence[None])
    return Skeleton(AZURE32, positions[0], confidence[0], body.source_id)


def test_people_of_several_layouts_are_all_recognised(talker_with, make_body, tmp_path):
    """As from a ZED camera whose objects differ in body format."""
    talker = talker_with("-p", f"record:={tmp_path}")
    clouds = talker.graph.listen(PointCloud2, "/action_node/skeletons", qos_profile_sensor_data)
    talker.node._input.read = lambda item: (item, Counter())
    people = (make_body("right", -1.0, "1"), as_azure(make_body("left", 1.0, "2")))

    def doing():
        talker.stamp_ns += 33_333_333
        talker.node._worker.deliver(SourceFrame(talker.stamp_ns, "camera", skeletons=people))
        return sorted(person["action"] or "" for person in talker.records[-1]["persons"]) if talker.records else []

    talker.graph.until(lambda: doing() == ["raise_left", "raise_right"])
    talker.graph.until(lambda: clouds and clouds[-1].height == 1)
    assert clouds[-1].width == len(BODY13)
    talker.graph.until(lambda: talker.node._outputs.counts["other_layout"] > 9)
    status = talker.graph.status("publish")
    assert status.level == b"\0"
    assert int(status.table["left out: other_layout"]) > 9
    assert int(status.table["left out: unrecorded_person"]) > 9
    assert output(talker, Actions)._pace.events == []
    talker.node.trigger_deactivate()
    assert len(list(tmp_path.glob("*.mcap"))) == 1


@pytest.mark.slow
def test_an_output_that_fails_silences_no_other_and_is_told(talker, make_body):
    markers = talker.graph.listen(MarkerArray, "/action_node/markers")
    talker.hear(lambda record: record["persons"], [make_body()])
    talker.graph.until(lambda: talker.say([make_body()]) or markers)
    label = output(talker, PrimaryLabel)
    working = label.publish

    def fail(report):
        raise RuntimeError("no room")

    label.publish = fail
    heard = len(markers)
    talker.hear(lambda record: any(event["state"] == "started" for event in record["events"]), [make_body("right")])
    talker.graph.until(lambda: talker.say([make_body("right")]) or len(markers) > heard)
    assert "no room" in talker.graph.status("publish", lambda status: status.level == b"\2").message
    assert talker.graph.status("inference").level == b"\0"
    label.publish = working
    talker.hear(lambda record: record["persons"], [make_body("right")])
    talker.graph.until(lambda: talker.say([make_body("right")]) or talker.labels == ["raise_right"])
    assert talker.graph.status("publish", lambda status: status.level == b"\0").message == "working"


def test_labels_that_change_are_announced_anew_and_used(talker, make_body, monkeypatch):
    """As when somebody teaches the node another word while it runs."""
    classes = talker.graph.listen(
        String, "/action_node/classes", LATCHED, read=lambda message: json.loads(message.data)["classes"]
    )
    talker.graph.until(lambda: classes)
    talker.hear(lambda record: record["persons"], [make_body()])
    labels = talker.node._pipeline.recognizer.labels
    renamed = (*(replace(label, name=label.name.upper()) for label in labels), Label("taught", 0.75))
    monkeypatch.setattr(Recognizer, "labels", renamed)
    names = {label.name for label in renamed}
    talker.hear(
        lambda record: names & {top["action"] for person in record["persons"] for top in person["top_k"]}, [make_body()]
    )
    talker.graph.until(lambda: len(classes) > 1)
    talker.say([make_body()], frames=10)
    assert [item["action"] for item in classes[0]] == [label.name for label in labels]
    assert [item["action"] for item in classes[1]] == [label.name for label in renamed]
    assert classes[1][-1] == {"action": "taught", "threshold": 0.75, "background": False}
    assert len(classes) == 2  # once per change

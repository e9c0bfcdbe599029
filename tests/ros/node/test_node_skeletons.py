"""The node on a skeleton topic: what it says, and that nothing on the topic can stop it. Real DDS, one process."""

import array
import time
from dataclasses import replace

import numpy as np
import pytest

from csre_ros.skeleton import Skeleton

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
pytestmark = pytest.mark.ros
HOUR = 3600 * 10**9


def actions(record):
    return {person["id"]: person["action"] for person in record["persons"]}


def test_a_raised_arm_is_reported_and_withdrawn(talker, make_body):
    talker.say([make_body()], frames=40)
    assert talker.records
    assert set(actions(talker.records[-1]).values()) == {None}
    assert talker.labels == []

    record = talker.hear(lambda record: record["events"], [make_body("right")])
    (event,) = record["events"]
    assert (event["action"], event["state"]) == ("raise_right", "started")
    assert record["frame_id"] == "camera"
    # Everything carries the stamp of the newest frame of the window.
    person = record["persons"][0]
    assert record["stamp"] == person["window_end"] == event["stamp"]
    assert person["window_end"] - person["window_start"] == pytest.approx(1.0, abs=0.05)
    assert record["age_ms"] == pytest.approx((time.time() - record["stamp"]) * 1e3, abs=3000)
    talker.graph.until(lambda: talker.labels == ["raise_right"])

    talker.hear(lambda record: any(event["state"] == "ended" for event in record["events"]), [make_body()])
    talker.graph.until(lambda: talker.labels == ["raise_right", ""])


def test_silence_withdraws_the_action_and_warns_until_input_returns(talker_with, make_body):
    talker = talker_with("-p", "input_timeout_s:=0.3")
    talker.hear(lambda record: "raise_right" in actions(record).values(), [make_body("right")])
    talker.graph.until(lambda: talker.labels == ["raise_right", ""], 3.0)
    talker.graph.until(lambda: talker.records[-1]["persons"] == [])
    status = talker.graph.status("input", lambda status: status.level == b"\1")
    assert "/skeletons" in status.message
    talker.graph.peer.create_timer(0.03, lambda: talker.publish([make_body("right")]))
    assert talker.graph.status("input", lambda status: status.level == b"\0").message.endswith("Hz")
    talker.graph.until(lambda: talker.labels == ["raise_right", "", "raise_right"])


def test_nobody_in_view_is_said_so(talker, make_body):
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2

    clouds = talker.graph.listen(PointCloud2, "/action_node/skeletons", qos_profile_sensor_data)
    talker.say([make_body()], frames=10)
    record = talker.hear(lambda record: not record["persons"], [])
    assert record["stamp"] == pytest.approx(talker.stamp_ns / 1e9, abs=1)
    talker.graph.until(lambda: clouds and clouds[-1].height == 0)
    assert talker.graph.status("input").level == b"\0"


def test_people_seen_are_published_under_their_ids(talker, make_body):
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2
    from std_msgs.msg import String

    from csre_ros.ros.qos import LATCHED
    from csre_ros.ros.stamps import to_ns
    from csre_ros.skeleton import get_layout
    from csre_ros.skeleton.cloud import unpack_cloud

    clouds = talker.graph.listen(PointCloud2, "/action_node/skeletons", qos_profile_sensor_data)
    people = [make_body(x=-1.0, source_id="41"), make_body("left", x=1.0, source_id="42")]
    record = talker.hear(lambda record: "raise_left" in actions(record).values(), people)
    (person,) = (person for person in record["persons"] if person["action"] == "raise_left")
    cloud = talker.graph.until(
        lambda: next((cloud for cloud in clouds if to_ns(cloud.header.stamp) == talker.stamp_ns), None)
    )
    layouts = talker.graph.listen(String, "/action_node/skeletons/layout", LATCHED)
    talker.graph.until(lambda: layouts)
    assert layouts[0].data == "body13"
    skeletons, rejected = unpack_cloud(cloud, get_layout("body13"))
    assert not rejected
    raised = next(skeleton for skeleton in skeletons if skeleton.source_id == str(person["id"]))
    np.testing.assert_allclose(raised.positions, people[1].positions)


def test_twelve_people_each_have_their_action_and_the_thirteenth_is_counted(talker, make_body):
    people = [make_body(("right", "left")[i % 2], x=1.5 * i - 9, source_id=str(i + 1)) for i in range(12)]
    record = talker.hear(lambda record: sum(a is not None for a in actions(record).values()) == 12, people)
    assert sorted(actions(record).values()) == ["raise_left"] * 6 + ["raise_right"] * 6
    talker.say([*people, make_body(x=12.0, source_id="13")], frames=5)
    status = talker.graph.status("people", lambda status: "left out: too_many_people" in status.table)
    assert int(status.table["left out: too_many_people"]) == 5
    assert status.table["followed"] == "12"


def bad_clouds(talker, make_body):
    """Clouds that must not pass, by name, with the reason under which each is counted."""
    body = make_body("right", source_id="1")

    def changed(**changes):
        cloud = talker.cloud([body])
        for name, value in changes.items():
            setattr(cloud, name, value)
        return cloud

    def tampered(field, value):
        cloud = talker.cloud([body])
        points = np.frombuffer(
            cloud.data, [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("c", "<f4"), ("id", "<u4")]
        ).copy()
        points[field][3] = value
        cloud.data = array.array("B", points.tobytes())
        return cloud

    whole, person = "unreadable message", "rejected"
    fields = talker.cloud([body]).fields
    return {
        "missing field": (changed(fields=[field for field in fields if field.name != "z"]), whole),
        "no fields": (changed(fields=[]), whole),
        "wrong width": (changed(width=12), whole),
        "a million people": (changed(height=1_000_000), whole),
        "short data": (changed(data=array.array("B", b"\0" * 100)), whole),
        "point_step 0": (changed(point_step=0), whole),
        "row_step 0": (changed(row_step=0), whole),
        "infinite": (tampered("y", np.inf), "infinite coordinate"),
        "confidence 7": (tampered("c", 7.0), "confidence outside 0..1"),
        "two ids in one person": (tampered("id", 9), "id differs between joints"),
        "duplicate id": (talker.cloud([body, make_body(x=1.0, source_id="1")]), "duplicate id"),
        person: (talker.cloud([Skeleton(body.layout, np.full((13, 3), np.nan), np.zeros(13))]), "no joint seen"),
    }


def test_bad_clouds_are_counted_and_the_stream_goes_on(talker, make_body):
    talker.say([make_body()], frames=5)
    expected = {}
    for cloud, reason in bad_clouds(talker, make_body).values():
        talker.publisher.publish(cloud)
        expected[reason] = expected.get(reason, 0) + 1
        talker.say([make_body("right")])
    talker.hear(lambda record: "raise_right" in actions(record).values(), [make_body("right")])
    status = talker.graph.status("input")
    counted = {
        key.removeprefix("rejected: "): int(n) for key, n in status.table.items() if key.startswith("rejected: ")
    }
    assert counted == expected
    assert int(status.table["rejected"]) == sum(expected.values())


def test_a_rejection_warns_with_its_reason(talker, make_body):
    cloud = talker.cloud([make_body()])
    cloud.width = 12
    talker.publisher.publish(cloud)
    status = talker.graph.status("input", lambda status: "rejected" in status.message)
    assert status.level == b"\1"
    assert "12 joints wide; layout 'body13' has 13" in status.message


def test_unusual_but_legal_clouds_are_read(talker, make_body):
    """Big-endian, padded points, NaN joints, an extra field: all of it means the same person."""
    names = ["intensity", "z", "x", "y", "c", "id"]
    kind = np.dtype(
        {"names": names, "formats": [">f4"] * 5 + [">u4"], "offsets": [0, 8, 4, 16, 20, 28], "itemsize": 40}
    )

    def unusual():
        cloud = talker.cloud([make_body("right", source_id="5")])
        plain = np.frombuffer(cloud.data, [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("c", "<f4"), ("id", "<u4")])
        points = np.zeros(plain.shape, kind)
        for name in plain.dtype.names:
            points[name] = plain[name]
        points["x"][[8, 9]] = np.nan  # knees out of sight
        cloud.data = array.array("B", points.tobytes())
        cloud.is_bigendian, cloud.is_dense, cloud.point_step, cloud.row_step = True, False, 40, 40 * 13
        codes = [7, 7, 7, 7, 7, 6]
        cloud.fields = [
            type(cloud.fields[0])(name=name, offset=kind.fields[name][1], datatype=code, count=1)
            for name, code in zip(names, codes, strict=True)
        ]
        return cloud

    for _ in range(60):
        talker.stamp_ns += 33_000_000
        talker.publisher.publish(unusual())
        talker.graph.spin(0.003)
    talker.graph.until(lambda: "raise_right" in talker.labels)
    assert talker.graph.status("input").table["rejected"] == "0"


def test_wrong_stamps_are_counted_and_do_not_stop_recognition(talker, make_body):
    raised = [make_body("right", source_id="1")]
    talker.hear(lambda record: "raise_right" in actions(record).values(), raised)
    for wrong in (0, HOUR, 0):  # repeats, jumps ahead, repeats
        talker.publisher.publish(talker.cloud(raised, talker.stamp_ns + wrong))
        talker.graph.spin(0.01)
    talker.say(raised, frames=10)
    talker.graph.spin(0.3)
    assert set(actions(talker.records[-1]).values()) == {"raise_right"}  # no flicker either
    assert talker.labels == ["raise_right"]
    counts = talker.graph.status("people").table
    assert (counts["left out: repeated_stamp"], counts["left out: stamp_jump"]) == ("2", "1")

    talker.stamp_ns -= HOUR  # the bag starts again
    begin = talker.stamp_ns / 1e9
    record = talker.hear(
        lambda record: record["stamp"] < begin + 60 and "raise_right" in actions(record).values(), raised
    )
    assert all(person["window_start"] >= begin for person in record["persons"])

    talker.stamp_ns += HOUR  # two frames agree on the jump: it is believed
    record = talker.hear(
        lambda record: record["stamp"] > begin + 1800 and "raise_right" in actions(record).values(), raised
    )


@pytest.mark.slow
def test_unstamped_messages_are_stamped_on_arrival(talker, make_body):
    for _ in range(50):
        talker.publisher.publish(talker.cloud([make_body("right")], stamp_ns=0))
        talker.graph.spin(0.033)
    record = talker.records[-1]
    assert record["stamp"] == pytest.approx(time.time(), abs=5)
    assert set(actions(record).values()) == {"raise_right"}


def test_a_person_who_leaves_is_gone_and_who_returns_is_new(talker, make_body):
    first = talker.hear(lambda record: "raise_right" in actions(record).values(), [make_body("right")])
    gone = talker.hear(lambda record: record["stamp"] > first["stamp"] and not record["persons"], [])
    assert [event["state"] for event in gone["events"]] in (["ended"], [])
    states = [event["state"] for record in talker.records for event in record["events"]]
    assert states.count("ended") == 1
    again = talker.hear(lambda record: record["stamp"] > gone["stamp"] and record["persons"], [make_body()])
    assert again["persons"][0]["id"] > first["persons"][0]["id"]


@pytest.mark.slow
def test_failing_inference_is_an_error_and_recovers_by_itself(talker, make_body):
    talker.graph.until(lambda: talker.say([make_body("right")]) or talker.labels[-1:] == ["raise_right"])
    bundle = talker.node._pipeline.recognizer.bundle
    run = bundle.run
    bundle.run = lambda *inputs: (_ for _ in ()).throw(RuntimeError("device lost"))
    talker.say([make_body("right")], frames=40)
    status = talker.graph.status("inference", lambda status: status.level == b"\2")
    assert "device lost" in status.message
    assert int(status.table["failures"]) >= 1
    # No robot acts on what was last seen before the model failed, though the input goes on.
    talker.graph.until(lambda: talker.say([make_body("right")]) or talker.labels[-1:] == [""])
    bundle.run = run
    talker.say([make_body("right")], frames=40)
    assert talker.graph.status("inference", lambda status: status.level == b"\0").table["provider"] == "cpu"
    talker.graph.until(lambda: talker.say([make_body("right")]) or talker.labels[-1:] == ["raise_right"])


def test_classes_are_there_for_whoever_comes_late(talker):
    import json

    from std_msgs.msg import String

    from csre_ros.ros.qos import LATCHED

    heard = talker.graph.listen(String, "/action_node/classes", LATCHED)
    talker.graph.until(lambda: heard)
    record = json.loads(heard[0].data)
    assert [item["action"] for item in record["classes"]] == ["idle", "raise_right", "raise_left"]
    status = talker.graph.status("model")
    assert (status.message, status.table["digest"]) == ("tiny", record["model"]["digest"])


def test_incompatible_publisher_is_named(talker_with, make_body):
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2

    talker = talker_with(
        "-p", "qos_overrides./skeletons.subscription.reliability:=reliable", "-p", "input_timeout_s:=0.2"
    )
    talker.graph.peer.destroy_publisher(talker.publisher)
    publisher = talker.graph.peer.create_publisher(PointCloud2, "skeletons", qos_profile_sensor_data)
    for _ in range(10):
        publisher.publish(talker.cloud([make_body()]))
        talker.graph.spin(0.05)
    status = talker.graph.status("input", lambda status: "QoS" in status.message)
    assert "qos_overrides./skeletons.subscription.reliability" in status.message
    assert talker.records == []


def test_frames_that_wait_share_one_decision_and_are_counted(talker, make_body):
    """The worker is held up: every frame still reaches the window, the newest is decided on."""
    talker.say([make_body("right")], frames=3)
    publish = talker.node._outputs.publish

    def slowly(*moment):
        time.sleep(0.1)
        return publish(*moment)

    talker.node._outputs.publish = slowly
    talker.say([make_body("right")], frames=120)
    talker.graph.until(lambda: "raise_right" in talker.labels)
    table = talker.graph.status("input", lambda status: int(status.table["undecided"]) > 50).table
    assert (table["received"], table["skipped"]) == ("123", "0")


def test_changed_ids_of_the_source_do_not_break_it(talker, make_body):
    body = make_body("right")
    for i in range(60):
        talker.say([replace(body, source_id=str(i % 7 + 1))])
    talker.graph.until(lambda: "raise_right" in talker.labels)


class TestAnnouncedLayout:
    @pytest.fixture
    def talker(self, talker_with):
        return talker_with("-p", "layout:=auto")

    @pytest.fixture
    def announce(self, talker):
        from std_msgs.msg import String

        from csre_ros.ros.qos import LATCHED

        publisher = talker.graph.peer.create_publisher(String, "skeletons/layout", LATCHED)
        return lambda name: publisher.publish(String(data=name))

    def test_people_are_read_once_the_layout_is_known(self, talker, make_body, announce):
        talker.say([make_body("right")], frames=5)
        status = talker.graph.status("input", lambda status: "rejected" in status.message)
        assert "no layout has been announced on /skeletons/layout" in status.message
        assert status.table["rejected: unreadable message"] == "5"
        announce("body13")
        talker.hear(lambda record: "raise_right" in actions(record).values(), [make_body("right")], frames=300)

    def test_an_unknown_layout_is_refused_with_the_choices(self, talker, make_body, announce):
        announce("octopus8" * 1000)
        talker.graph.spin(0.5)
        talker.say([make_body("right")])
        status = talker.graph.status("input", lambda status: "octopus8" in status.message)
        assert "body13" in status.message
        assert len(status.message) < 500

    def test_it_is_announced_again_after_reactivation(self, talker, make_body, announce):
        announce("body13")
        talker.hear(lambda record: record["persons"], [make_body()], frames=300)
        talker.node.trigger_deactivate()
        talker.node.trigger_activate()
        before = talker.stamp_ns / 1e9
        talker.hear(lambda record: record["stamp"] > before and record["persons"], [make_body()], frames=300)


@pytest.mark.slow
def test_the_first_layout_that_is_announced_chooses_the_bundle(graph_with, make_body, capfd):
    """Until the node is deactivated: who announces in turn what lies in space and in the image makes it load once."""
    from std_msgs.msg import String

    from csre_ros.ros.qos import LATCHED

    graph = graph_with("-p", "input:=skeletons", "-p", "layout:=auto")
    node = graph.start_node()

    def knows(dims):
        return lambda: node.active and node._pipeline.recognizer.info.dims == dims

    publisher = graph.publisher(String, "skeletons/layout", LATCHED)
    assert knows(3)()
    publisher.publish(String(data="body13_2d"))
    graph.until(knows(2))
    assert "/skeletons announces 2-D skeletons: the bundle for them is loaded" in capfd.readouterr().err
    publisher.publish(String(data="body13"))
    graph.spin(0.5)
    assert knows(2)()
    node.trigger_deactivate()
    node.trigger_activate()
    graph.until(knows(3))

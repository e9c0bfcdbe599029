"""What may be asked of the node without speaking lifecycle."""

import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from std_srvs.srv import SetBool, Trigger

pytestmark = pytest.mark.ros


@pytest.fixture
def ask():
    """Calls a service of the node; success and message."""

    def call(graph, kind, name, **request):
        client = graph.peer.create_client(kind, f"/action_node/{name}")
        graph.until(client.service_is_ready)
        future = client.call_async(kind.Request(**request))
        graph.until(future.done, 30.0)
        graph.peer.destroy_client(client)
        return future.result().success, future.result().message

    return call


def raised(record):
    return any(person["action"] == "raise_right" for person in record["persons"])


def test_reset_forgets_everybody_and_goes_on(talker, make_body, ask):
    body = [make_body("right")]
    talker.hear(raised, body)
    talker.graph.until(lambda: talker.labels == ["raise_right"])
    assert ask(talker.graph, Trigger, "reset") == (True, "everybody is forgotten")
    talker.graph.until(lambda: talker.labels == ["raise_right", ""])  # no robot acts on what was forgotten
    assert talker.records[-1]["persons"] == []
    before = len(talker.records)
    talker.say(body, frames=10)
    talker.graph.until(lambda: len(talker.records) > before)
    fresh = talker.records[-1]["persons"]
    assert all(person["best"] is None for person in fresh)  # the window fills anew
    talker.stamp_ns -= 3600 * 10**9  # no stamp is remembered either
    ask(talker.graph, Trigger, "reset")
    talker.say(body, frames=60)
    talker.graph.until(lambda: raised(talker.records[-1]))
    assert "left out: backward_stamp" not in talker.graph.status("people").table


def test_reset_reaches_a_worker_whose_mailbox_holds_one_item(talker, make_body, ask):
    """As with images: the frame that comes next takes the place of the mark."""
    from csre_ros.worker import Worker

    stream = talker.node._worker
    held, work = threading.Event(), stream._work

    def slowly(items):
        held.wait(10)
        work(items)

    talker.hear(raised, [make_body("right")])
    stream._worker.stop()
    stream._worker = Worker(slowly, 1)
    stream._worker.start()
    talker.say([make_body("right")], frames=2)
    ask(talker.graph, Trigger, "reset")
    talker.say([make_body("right")], frames=2)
    held.set()
    talker.graph.until(lambda: talker.labels == ["raise_right", ""])


def test_enabling_configures_and_activates_and_disabling_withdraws(graph_with, tiny_bundle, make_body, ask):
    from sensor_msgs.msg import PointCloud2

    arguments = ("input:=skeletons", f"bundle:={tiny_bundle}", "layout:=body13", "autostart:=false")
    graph = graph_with(*(part for parameter in arguments for part in ("-p", parameter)))
    node = graph.start_node()
    publisher = graph.peer.create_publisher(PointCloud2, "skeletons", 10)
    assert ask(graph, Trigger, "reset") == (False, "the node is not active; there is nobody to forget")
    for enabled, message, subscriptions in ((True, "active", 1), (False, "inactive", 0), (True, "active", 1)):
        for _ in range(2):
            assert ask(graph, SetBool, "set_enabled", data=enabled) == (True, message)
            assert node.active == enabled
            graph.until(lambda expected=subscriptions: publisher.get_subscription_count() == expected)


def test_what_cannot_be_enabled_says_why(graph_with, tiny_bundle, ask):
    graph = graph_with("-p", "bundle:=nonesuch", "-p", "autostart:=false")
    graph.start_node()
    for _ in range(2):
        done, message = ask(graph, SetBool, "set_enabled", data=True)
        assert not done
        assert "no bundle 'nonesuch'" in message

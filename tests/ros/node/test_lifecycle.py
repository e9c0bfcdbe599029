"""Transitions, asked for as a lifecycle manager does, and what goes wrong in them."""

import gc
import os
import threading
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState

pytestmark = pytest.mark.ros

UNCONFIGURED, INACTIVE, ACTIVE = (
    State.PRIMARY_STATE_UNCONFIGURED,
    State.PRIMARY_STATE_INACTIVE,
    State.PRIMARY_STATE_ACTIVE,
)
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = (
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_CLEANUP,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE,
)


class Manager:
    """Asks for transitions over the node's services."""

    def __init__(self, graph):
        self.graph = graph
        self._change = graph.peer.create_client(ChangeState, "/action_node/change_state")
        self._get = graph.peer.create_client(GetState, "/action_node/get_state")
        graph.until(lambda: self._change.service_is_ready() and self._get.service_is_ready())

    def call(self, client, request):
        future = client.call_async(request)
        self.graph.until(future.done, 30.0)
        return future.result()

    def ask(self, transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.call(self._change, request).success

    @property
    def state(self):
        return self.call(self._get, GetState.Request()).current_state.id


@pytest.fixture
def manager_with(graph_with):
    def start(*parameters):
        graph = graph_with(*(part for parameter in parameters for part in ("-p", parameter)))
        graph.start_node(autostart=False)
        return Manager(graph)

    return start


@pytest.fixture
def manager(manager_with, tiny_bundle):
    return manager_with("input:=skeletons", "layout:=body13", f"bundle:={tiny_bundle}")


def test_each_transition_twice_in_a_row(manager):
    steps = [
        (DEACTIVATE, UNCONFIGURED, False),
        (CONFIGURE, INACTIVE, True),
        (CONFIGURE, INACTIVE, False),
        (ACTIVATE, ACTIVE, True),
        (ACTIVATE, ACTIVE, False),
        (CLEANUP, ACTIVE, False),
        (DEACTIVATE, INACTIVE, True),
        (DEACTIVATE, INACTIVE, False),
        (CLEANUP, UNCONFIGURED, True),
        (CLEANUP, UNCONFIGURED, False),
        (ACTIVATE, UNCONFIGURED, False),
    ]
    for transition, state, success in steps:
        assert manager.ask(transition) == success
        assert manager.state == state


@pytest.mark.slow
def test_rounds_leave_nothing_behind(manager):
    """A node that kept its model, small as it is here, would grow by 3 MB in these rounds."""
    node = next(node for node in manager.graph.executor.get_nodes() if node.get_name() == "action_node")

    def rounds(count):
        for _ in range(count):
            for step in (CONFIGURE, ACTIVATE, DEACTIVATE, ACTIVATE, DEACTIVATE, CLEANUP):
                assert manager.ask(step)

    def left():
        return threading.active_count(), *(len(list(n)) for n in (node.publishers, node.subscriptions, node.services))

    def native_threads():
        return len(list(Path("/proc/self/task").iterdir()))

    def resident_mb():
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    rounds(3)
    before, before_threads, before_mb = left(), native_threads(), resident_mb()
    rounds(20)
    assert left() == before
    assert native_threads() <= before_threads  # those of tests before this one may still be ending
    assert resident_mb() - before_mb < 2.0


def test_works_again_after_a_round(manager, make_body):
    from sensor_msgs.msg import PointCloud2
    from std_msgs.msg import String

    from csre_ros.ros.outputs.clouds import cloud_message

    heard = manager.graph.listen(String, "/action_node/action", read=lambda message: message.data)
    body = make_body("right")
    for _ in range(2):
        assert manager.ask(CONFIGURE)
        assert manager.ask(ACTIVATE)
        publisher = manager.graph.publisher(PointCloud2, "skeletons")
        for i in range(60):
            publisher.publish(cloud_message([body], body.layout, (i + 1) * 33_000_000, "camera"))
            manager.graph.spin(0.004)
        manager.graph.until(lambda: heard[-1:] == ["raise_right"])
        assert manager.ask(DEACTIVATE)
        manager.graph.until(lambda: heard[-1:] == [""])  # no robot acts on a node that no longer looks
        assert manager.ask(CLEANUP)
        manager.graph.peer.destroy_publisher(publisher)
    assert heard == ["raise_right", "", "raise_right", ""]


def test_inactive_says_nothing_and_hears_nothing(manager, make_body):
    from sensor_msgs.msg import PointCloud2
    from std_msgs.msg import String

    heard = manager.graph.listen(String, "/action_node/actions")
    assert manager.ask(CONFIGURE)
    publisher = manager.graph.peer.create_publisher(PointCloud2, "skeletons", 10)
    manager.graph.spin(0.3)
    assert publisher.get_subscription_count() == 0
    assert manager.graph.status("input").message == "inactive"
    assert heard == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (("bundle:=nonesuch",), "no bundle 'nonesuch'; give the path of an .onnx file or choose one of"),
        (("bundle:={truncated}",), "cannot be used"),
        (("layout:=coco17",), "3-D; depth is never invented"),
        (("device:=cuda",), "'cuda' was asked for and is not active"),
    ],
)
def test_what_cannot_be_configured_is_refused_with_the_reason(
    manager_with, tiny_bundle, tmp_path, capfd, parameters, words
):
    if "device:=cuda" in parameters:
        ort = pytest.importorskip("onnxruntime")
        if "CUDAExecutionProvider" in ort.get_available_providers():
            pytest.skip("CUDA is there")
    truncated = tmp_path / "truncated.onnx"
    truncated.write_bytes(tiny_bundle.read_bytes()[:-40])
    given = (parameter.format(truncated=truncated) for parameter in parameters)
    manager = manager_with("input:=skeletons", "layout:=body13", f"bundle:={tiny_bundle}", *given)
    for _ in range(2):
        assert not manager.ask(CONFIGURE)
        assert manager.state == UNCONFIGURED
    status = manager.graph.status("model")
    assert status.level == b"\2"
    assert words in status.message
    assert words in capfd.readouterr().err


def test_a_bundle_that_appears_later_is_taken(manager_with, tiny_bundle, tmp_path):
    path = tmp_path / "late.onnx"
    manager = manager_with("input:=skeletons", f"bundle:={path}")
    assert not manager.ask(CONFIGURE)
    path.write_bytes(tiny_bundle.read_bytes())
    assert manager.ask(CONFIGURE)
    assert manager.graph.status("model").level == b"\0"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nonesuch.mcap", "does not exist"),
        ("camera:97", "camera:97 does not exist"),
        ("{empty}", "empty"),
        ("telepathy://x", "unknown scheme"),
    ],
)
def test_a_source_that_does_not_open_fails_activation_with_the_reason(
    manager_with, tiny_bundle, tmp_path, source, words
):
    empty = tmp_path / "empty.mcap"
    empty.touch()
    where = f"source:={source.format(empty=empty)}"
    manager = manager_with("input:=camera", f"bundle:={tiny_bundle}", where, "capture.reconnect:=false")
    assert manager.ask(CONFIGURE)
    for _ in range(2):
        assert not manager.ask(ACTIVATE)
        assert manager.state == INACTIVE
    status = manager.graph.status("model", lambda status: status.level == b"\2")
    assert words in status.message
    assert manager.ask(CLEANUP)

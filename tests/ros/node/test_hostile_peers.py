"""What any participant on the network may do to the node, and what it cannot."""

import threading
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters, SetParametersAtomically
from rosgraph_msgs.msg import Clock

from csre_ros.worker import Worker

pytestmark = pytest.mark.ros


MB = 1 << 20


def value(kind: int, **fields: object) -> ParameterValue:
    return ParameterValue(type=kind, **fields)


def set_request(kind, name, given):
    return kind.Request(parameters=[ParameterMessage(name=name, value=given)])


HOSTILE_REQUESTS = {
    "a value of an unknown type": ("set_parameters", SetParameters, "top_k", value(200)),
    "a value of no type": ("set_parameters", SetParameters, "top_k", value(0)),
    "an unknown type at once": ("set_parameters_atomically", SetParametersAtomically, "top_k", value(77)),
    "an unknown type for a foreign parameter": ("set_parameters", SetParameters, "use_sim_time", value(99)),
    "text for the clock": ("set_parameters", SetParameters, "use_sim_time", value(4, string_value="yes")),
    "text for a number": ("set_parameters", SetParameters, "top_k", value(4, string_value="\x1b[2J" * 100)),
    "a name of a megabyte": ("set_parameters", SetParameters, "x" * MB, value(1, bool_value=True)),
    "no name": ("set_parameters", SetParameters, "", value(1, bool_value=True)),
    "a quality of service": (
        "set_parameters", SetParameters, "qos_overrides./skeletons.subscription.depth", value(2, integer_value=-5)
    ),
}  # fmt: skip


@pytest.fixture
def process(run_node, graph, tiny_bundle):
    """The node in a process of its own, active on a skeleton topic."""
    node = run_node("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "layout:=body13")
    ask(graph, GetState, "/action_node/get_state", GetState.Request(), lambda answer: answer.current_state.id == 3)
    return node


def ask(graph, kind, name, request, until=lambda answer: True, seconds=20.0):
    """Call a service until the answer is as it should be; the answer."""
    client = graph.peer.create_client(kind, name)
    try:
        end = time.monotonic() + seconds
        assert client.wait_for_service(timeout_sec=seconds), name
        while time.monotonic() < end:
            future = client.call_async(request)
            graph.executor.spin_until_future_complete(future, timeout_sec=2.0)
            if future.done() and until(future.result()):
                return future.result()
        raise AssertionError(f"no such answer from {name}")
    finally:
        graph.peer.destroy_client(client)


def send(graph, kind, name, request):
    """Call a service without waiting for an answer, which may never come."""
    client = graph.peer.create_client(kind, name)
    assert client.wait_for_service(timeout_sec=10.0)
    client.call_async(request)
    graph.spin(0.3)
    graph.peer.destroy_client(client)


def test_no_request_ends_the_node(process, graph):
    """Each is sent to the running node; afterwards it still answers, and what raised was counted."""
    for name, kind, parameter, given in HOSTILE_REQUESTS.values():
        request = set_request(kind, parameter, given)
        send(graph, kind, f"/action_node/{name}", request)
        assert process.poll() is None, (parameter, process.log())
    for transition in (0, 200, 99):
        request = ChangeState.Request()
        request.transition.id, request.transition.label = transition, "\x1b[31mexplode\n"
        send(graph, ChangeState, "/action_node/change_state", request)
        assert process.poll() is None, process.log()
    names = ["", "\x1b[2J", "x" * MB, "/", "a" * 300]
    send(graph, GetParameters, "/action_node/get_parameters", GetParameters.Request(names=names))
    send(graph, DescribeParameters, "/action_node/describe_parameters", DescribeParameters.Request(names=names))
    listing = ListParameters.Request(prefixes=names, depth=2**63)
    send(graph, ListParameters, "/action_node/list_parameters", listing)
    assert process.poll() is None, process.log()
    ask(graph, GetState, "/action_node/get_state", GetState.Request(), lambda answer: answer.current_state.id == 3)
    status = graph.status("callbacks")
    assert int(status.table["failures"]) >= 2
    assert "\x1b" not in process.log().replace("\x1b[", "", 0) or "\x1b[2J" not in process.log()


def test_no_clock_ends_the_node(run_node, graph, tiny_bundle, make_body):
    arguments = ("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "layout:=body13")
    node = run_node(*arguments, "-p", "use_sim_time:=true")
    ask(graph, GetState, "/action_node/get_state", GetState.Request(), lambda answer: answer.current_state.id == 3)
    clock = graph.publisher(Clock, "/clock")
    instants = [(5, 0), (-5, 0), (2**31 - 1, 10**9 - 1), (0, 0), (-(2**31), 0), (3, 2**32 - 1), (10, 0), (9, 0)]
    for sec, nanosec in instants * 3:
        message = Clock(clock=Time())
        message.clock._sec, message.clock._nanosec = sec, nanosec
        clock.publish(message)
        graph.spin(0.05)
        assert node.poll() is None, node.log()
    for _ in range(20):
        clock.publish(Clock(clock=Time(sec=20)))
        graph.spin(0.02)
    ask(graph, GetState, "/action_node/get_state", GetState.Request(), lambda answer: answer.current_state.id == 3)


def test_what_was_said_is_withdrawn_when_the_loop_cannot_go_on(talker, make_body, monkeypatch):
    """Whatever ends the loop, the last word is not a person."""
    from csre_ros.ros import main as module

    talker.say([make_body("right", source_id="1")], 90)
    talker.hear(lambda record: record["persons"], [make_body("right", source_id="1")])

    class Broken:
        def spin_once(self, timeout_sec):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module._spin(talker.node, Broken(), threading.Event())
    talker.graph.executor.remove_node(talker.node)
    talker.node.destroy_node()
    talker.graph.until(lambda: talker.records[-1]["persons"] == [] and talker.labels[-1] == "")


def test_faults_are_counted_and_the_loop_goes_on(talker):
    from csre_ros.ros import main as module

    turns = []
    stopping = threading.Event()

    class Faulty:
        def spin_once(self, timeout_sec):
            turns.append(1)
            if len(turns) == 5:
                stopping.set()
            raise ValueError("\x1b[2J\nforged")

    module._spin(talker.node, Faulty(), stopping)
    assert len(turns) == 5
    status = talker.graph.status("callbacks", lambda status: status.level == b"\1")
    assert status.message == "5 failed, the last with ValueError: [2J forged"
    assert talker.graph.status("callbacks", lambda status: status.level == b"\0").table["failures"] == "5"


def test_everything_sent_is_received_or_lost_or_rejected(talker, make_body):
    """A kilohertz of valid clouds, and a node that is stopped for a while."""
    talker.say([make_body()], 5)
    begin = {name: int(text) for name, text in talker.graph.status("input").table.items() if text.isdigit()}
    sent = 0
    for _ in range(10):
        for _ in range(100):  # nobody takes them meanwhile
            talker.publish([make_body()])
            sent += 1
        talker.graph.spin(0.05)
    talker.say([make_body()], 1)  # what is lost before the last message shows in its number
    sent += 1
    talker.graph.spin(0.3)
    end = {name: int(text) for name, text in talker.graph.status("input").table.items() if text.isdigit()}
    received, lost = (end[name] - begin[name] for name in ("received", "lost"))
    assert received + lost == sent
    assert lost > 100


def test_a_thread_that_cannot_start_undoes_activation(graph_with, tiny_bundle, monkeypatch):
    arguments = ("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "layout:=body13")
    graph = graph_with(*arguments, "-p", "autostart:=false")
    node = graph.start_node(autostart=False)
    assert node.trigger_configure().name == "SUCCESS"

    def refuse(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert node.trigger_activate().name == "FAILURE"
        assert "can't start new thread" in node._refusal
    assert not node.active
    assert node.trigger_activate().name == "SUCCESS"
    assert node.trigger_deactivate().name == "SUCCESS"
    assert node.trigger_shutdown().name == "SUCCESS"


def test_a_worker_that_never_started_is_stopped(monkeypatch):
    worker = Worker(lambda items: None, 1)

    def refuse(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            worker.start()
    assert not worker.alive
    worker.stop()


@pytest.mark.parametrize("part", ["_input.close", "_worker.stop", "_outputs.destroy", "_pipeline.close"])
def test_undoing_goes_on_whatever_fails(talker, part, monkeypatch):
    owner, _, method = part.partition(".")
    target = getattr(talker.node, owner)
    real = getattr(target, method)

    def fail():
        real()
        raise OSError("it is on fire")

    monkeypatch.setattr(target, method, fail)
    assert talker.node.trigger_deactivate().name == "SUCCESS"
    assert talker.node.trigger_cleanup().name == "SUCCESS"
    assert talker.node._pipeline is None
    status = talker.graph.status("callbacks", lambda status: status.level == b"\1")
    assert "it is on fire" in status.message
    assert talker.node.trigger_configure().name == "SUCCESS"


def test_a_flood_of_requests_floods_no_log(process, graph):
    client = graph.peer.create_client(SetParameters, "/action_node/set_parameters")
    assert client.wait_for_service(timeout_sec=10)
    for _ in range(500):
        client.call_async(set_request(SetParameters, "top_k", value(200)))
        graph.spin(0.002)
    status = graph.status("callbacks", lambda status: int(status.table["failures"]) >= 100)
    assert len(status.message) < 700
    assert process.poll() is None
    assert len(process.log().splitlines()) < 50


def test_a_camera_that_is_absent_at_start_is_waited_for(graph_with, tiny_bundle, monkeypatch):
    """Its place is WARN, the node is active, and it comes up by itself."""
    from csre_ros.ros.inputs import capture
    from csre_ros.sources.frames import SourceFrame

    plugged = threading.Event()

    class Camera:
        live, dropped, layout = True, 0, None

        def __init__(self):
            self._left = threading.Event()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._left.set()

        def __iter__(self):
            while not self._left.wait(0.05):
                yield SourceFrame(time.time_ns(), "lens", np.zeros((48, 64, 3), np.uint8))

    def open_source(spec, config=None, stop=None):
        if not plugged.is_set():
            raise FileNotFoundError(f"{spec} does not exist: there is no /dev/video* at all")
        return Camera()

    monkeypatch.setattr(capture, "open_source", open_source)
    graph = graph_with("-p", "source:=camera:0", "-p", f"bundle:={tiny_bundle}")
    node = graph.start_node()
    assert node.active
    status = graph.status("input", lambda status: "waiting" in status.message)
    assert status.level == b"\1"
    assert "waiting for camera:0: camera:0 does not exist" in status.message
    plugged.set()
    graph.status("input", lambda status: int(status.table["received"]) > 5)
    assert node.trigger_deactivate().name == "SUCCESS"


def test_a_source_too_slow_to_recognise_is_said(talker, make_body):
    end = time.monotonic() + 8
    found = []
    talker.graph.peer.create_subscription(
        DiagnosticArray, "/diagnostics", lambda m: found.extend(s.message for s in m.status), 10
    )
    while not any("too few to recognise" in text for text in found) and time.monotonic() < end:
        talker.publish([make_body()], rate=5.0)
        talker.graph.spin(0.2)
    said = next(text for text in found if "too few to recognise" in text)
    assert said.startswith(("4.", "5."))
    assert "let /skeletons send at least 8" in said


def test_stamps_that_go_back_fill_no_folder_with_files(talker_with, make_body, tmp_path):
    """Ten seconds at 100 Hz made 207 files."""
    talker = talker_with("-p", f"record:={tmp_path}")
    begin_ns = talker.stamp_ns
    for i in range(300):
        talker.publisher.publish(talker.cloud([make_body()], begin_ns - i * 2_000_000_000))
        talker.graph.spin(0.01)
    talker.node.trigger_deactivate()
    assert 1 <= len(list(tmp_path.glob("*.mcap"))) <= 5


def hostile_cloud(make_body, talker):
    cloud = talker.cloud([make_body()])
    cloud.fields[0].name = "\x1b[31m[FATAL]\nforged" + "y" * 10_000
    return cloud


def test_texts_of_messages_forge_no_line_of_the_log(talker, make_body, capfd):
    """Names of fields and frames, as they reach the log and /diagnostics."""
    found = []
    talker.graph.peer.create_subscription(DiagnosticArray, "/diagnostics", found.append, 10)
    for _ in range(5):
        talker.publisher.publish(hostile_cloud(make_body, talker))
        talker.graph.spin(0.3)
    for _ in range(5):
        cloud = talker.cloud([make_body()])
        cloud.header.frame_id = "\x1b[2J\nframe"
        talker.publisher.publish(cloud)
        talker.graph.spin(0.3)
    texts = [
        text
        for array in found
        for status in array.status
        for text in (status.message, *(v.value for v in status.values))
    ]
    assert any("forged" in text for text in texts)
    assert all(text.isprintable() and len(text) < 1000 for text in texts)
    log = capfd.readouterr().err
    assert "forged" in log
    assert all(line.startswith("[") for line in log.splitlines())  # no line is anybody's but the logger's
    assert "\x1b[2J" not in log
    assert "\x1b[31m[FATAL]" not in log
    assert max(map(len, log.splitlines())) < 1200

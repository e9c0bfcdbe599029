"""Parameters: one definition, and every one of them does something."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
import yaml
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter, parameter_value_to_python

from csre_ros.recognition.bundle_info import append_metadata
from csre_ros.ros.node.parameters import describe, validate
from csre_ros.ros.settings import options, settings, template, unknown

ROOT = Path(__file__).parents[3]


def test_the_parameter_file_is_the_definition():
    text = (ROOT / "config" / "params.yaml").read_text()
    assert text == template(), "run: python -m csre_ros.ros.settings > config/params.yaml"
    values = yaml.safe_load(text)["/**"]["ros__parameters"]
    assert values == {name: item.default for name, item in options().items()}
    assert all(type(values[name]) is type(item.default) for name, item in options().items())


def test_settings_come_back_from_parameters():
    values = {name: item.default for name, item in options().items()}
    assert settings(values) == settings({})
    changed = settings({**values, "bundle": "b.onnx", "tracker.gate_m": 1.0, "pose.max_people": 3, "top_k": 2})
    assert (changed.recognizer.bundle, changed.recognizer.tracker.gate_m) == ("b.onnx", 1.0)
    assert (changed.pose.max_people, changed.node.top_k) == (3, 2)
    assert changed.pipeline.recognizer == changed.recognizer


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("input", "telepathy", "choose one of: camera, image, compressed_image, skeletons"),
        ("window.stride_s", 100.0, "0.01..5.0"),
        ("top_k", 0, "1..100"),
    ],
)
def test_values_outside_are_refused(name, value, words):
    assert words in validate([Parameter(name, value=value)]).reason
    with pytest.raises(ValueError, match=words):
        settings({name: value})


def test_a_mistyped_name_is_answered_with_the_likeliest():
    assert unknown(["tracker.gate", "use_sim_time", "qos_overrides./image.subscription.depth", "bundle"]) == [
        "unknown parameter 'tracker.gate' has no effect; did you mean 'tracker.gate_m'?"
    ]
    assert unknown(["zzz"]) == ["unknown parameter 'zzz' has no effect"]


def test_descriptions():
    stride = describe(options()["window.stride_s"])
    assert stride.description.startswith("Seconds between decisions")
    assert not stride.read_only
    assert stride.additional_constraints == ""
    limits = stride.floating_point_range[0]
    assert (limits.from_value, limits.to_value) == (0.01, 5.0)
    top_k = describe(options()["top_k"]).integer_range[0]
    assert (top_k.from_value, top_k.to_value) == (1, 100)
    device = describe(options()["device"])
    assert not device.read_only
    assert "not change while the node is active" in device.additional_constraints
    assert "tensorrt" in device.additional_constraints
    open_end = describe(options()["window.max_jump_s"]).floating_point_range[0]
    assert open_end.from_value == 1.0
    assert open_end.to_value > 1e300


def after(talker, seconds):
    """The first record that is so much later than the first of all."""
    begin = talker.records[0]["stamp"]
    return next(record for record in talker.records if record["stamp"] >= begin + seconds)


def nest(values):
    """``a.b: c`` as ``a: {b: c}``; topic names have no dots."""
    tree = {}
    for name, value in values.items():
        *path, leaf = name.split(".")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[leaf] = value
    return tree


@pytest.mark.ros
class TestOnTheNode:
    def set(self, graph, name, value):
        client = graph.peer.create_client(SetParameters, "/action_node/set_parameters")
        graph.until(client.service_is_ready)
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        future = client.call_async(request)
        return graph.until(lambda: future.done() and future.result().results[0])

    def test_all_are_declared_with_their_help(self, graph_with, tiny_bundle):
        graph = graph_with("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}")
        graph.start_node(autostart=False)
        client = graph.peer.create_client(DescribeParameters, "/action_node/describe_parameters")
        graph.until(client.service_is_ready)
        future = client.call_async(DescribeParameters.Request(names=list(options())))
        described = graph.until(lambda: future.done() and future.result().descriptors)
        assert [item.description for item in described] == [item.metadata["help"] for item in options().values()]

    @pytest.mark.slow
    def test_dynamic_ones_take_effect(self, talker, make_body):
        """top_k, max_rate_hz, threshold_scale and stride_s, each seen from outside."""
        graph = talker.graph
        talker.hear(
            lambda record: len(record["persons"]) == 1 and len(record["persons"][0]["top_k"]) == 3, [make_body()]
        )
        assert self.set(graph, "top_k", 1).successful
        talker.hear(lambda record: record["persons"] and len(record["persons"][0]["top_k"]) == 1, [make_body()])

        assert self.set(graph, "max_rate_hz", 0.1).successful
        graph.spin(0.1)
        before = len(talker.records)
        talker.say([make_body()], frames=30)
        assert len(talker.records) - before <= 1

        assert self.set(graph, "max_rate_hz", 1000.0).successful
        assert self.set(graph, "decoder.threshold_scale", 2.0).successful  # 0.6 * 2: out of reach
        talker.say([make_body("right")], frames=60)
        graph.spin(0.1)
        assert talker.labels == []
        assert self.set(graph, "decoder.threshold_scale", 1.0).successful
        talker.say([make_body("right")], frames=60)
        graph.until(lambda: talker.labels == ["raise_right"])

        infer = talker.node._pipeline.timer
        counts = {stage.stage: stage.count for stage in infer.summary()}
        assert self.set(graph, "window.stride_s", 5.0).successful
        talker.say([make_body("right")], frames=90)
        graph.spin(0.1)
        assert {stage.stage: stage.count for stage in infer.summary()}["infer"] - counts["infer"] <= 2

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("layout", "ntu25", "first run `ros2 lifecycle set /action_node deactivate`"),
            ("top_k", 0, "1"),
            ("window.stride_s", 9.0, ""),
            ("top_k", "three", "type"),
        ],
    )
    def test_refused_while_running(self, talker, make_body, name, value, words):
        result = self.set(talker.graph, name, value)
        assert not result.successful
        assert words in result.reason
        talker.hear(lambda record: record["persons"], [make_body()])  # and nothing has happened

    @pytest.mark.parametrize(
        ("parameter", "check"),
        [
            ("frame_id:=map", lambda talker: talker.records[-1]["frame_id"] == "map"),
            ("max_rate_hz:=0.5", lambda talker: len(talker.records) < 6),
            ("tracker.birth_s:=1.5", lambda talker: after(talker, 1.2)["persons"] == []),
            ("tracker.max_people:=1", lambda talker: len(talker.records[-1]["persons"]) == 1),
            ("window.min_fill_s:=0.1", lambda talker: after(talker, 0.6)["persons"][0]["best"] is not None),
            ("decoder.min_duration_s:=9.0", lambda talker: talker.labels == []),
        ],
    )
    def test_those_read_at_start_take_effect(self, talker_with, make_body, parameter, check):
        talker = talker_with("-p", parameter)
        people = [make_body("right", x=-1.0), make_body("right", x=1.0)]
        talker.say(people, frames=60)
        talker.graph.spin(0.2)
        assert check(talker)

    def test_the_same_value_again_is_no_change(self, talker, tiny_bundle):
        """So that a whole file may be loaded into an active node."""
        assert self.set(talker.graph, "bundle", str(tiny_bundle)).successful

    def test_the_bundle_is_switched_while_inactive(self, talker_with, make_body, tiny_info, graph_maker, tmp_path):
        from std_msgs.msg import String

        from csre_ros.ros.qos import LATCHED

        talker = talker_with("-p", "allow_remote_files:=true")
        names = talker.graph.listen(
            String, "/action_node/classes", LATCHED, read=lambda message: json.loads(message.data)["model"]["name"]
        )
        talker.graph.until(lambda: names == ["tiny"])
        other = tmp_path / "other.onnx"
        other.write_bytes(append_metadata(graph_maker(), replace(tiny_info, name="other")))
        talker.node.trigger_deactivate()
        assert self.set(talker.graph, "bundle", str(other)).successful
        assert self.set(talker.graph, "top_k", 1).successful
        assert names == ["tiny"]  # not before it is needed
        talker.node.trigger_activate()
        record = talker.hear(lambda record: record["persons"] and record["persons"][0]["top_k"], [make_body()])
        assert record["model"]["name"] == "other"
        assert len(record["persons"][0]["top_k"]) == 1
        talker.graph.until(lambda: names == ["tiny", "other"])

    def test_a_bundle_that_does_not_load_fails_activation_until_another_is_set(
        self, talker_with, make_body, tiny_bundle
    ):
        from rclpy.lifecycle import TransitionCallbackReturn

        talker = talker_with("-p", "allow_remote_files:=true")
        talker.node.trigger_deactivate()
        assert self.set(talker.graph, "bundle", "nonesuch").successful
        for _ in range(2):
            assert talker.node.trigger_activate() == TransitionCallbackReturn.FAILURE
        assert "no bundle 'nonesuch'" in talker.graph.status("model", lambda status: status.level == b"\2").message
        assert self.set(talker.graph, "bundle", str(tiny_bundle)).successful
        assert talker.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        talker.hear(lambda record: record["persons"], [make_body()])

    @pytest.mark.slow
    def test_what_param_dump_writes_loads_again(self, graph_with, run_node, tiny_bundle, tmp_path):
        """All parameters of a running node, those of rclpy included, nested as ``ros2 param dump`` nests them."""
        file = tmp_path / "dump.yaml"
        graph = graph_with()
        given = ("input:=skeletons", f"bundle:={tiny_bundle}", "layout:=body13", "tracker.gate_m:=0.75", "top_k:=2")
        first = run_node(*(part for parameter in given for part in ("-p", parameter)))
        values = self.all_values(graph)
        first.terminate()
        graph.until(lambda: first.poll() is not None)
        graph.until(lambda: not graph.peer.count_publishers("/action_node/actions"))
        file.write_text(yaml.dump({"/action_node": {"ros__parameters": nest(values)}}))

        second = run_node("--params-file", str(file))
        assert self.all_values(graph) == values
        assert values["tracker.gate_m"] == 0.75
        assert any(name.startswith("qos_overrides./skeletons.subscription") for name in values)
        assert graph.status("input", lambda status: status.level == b"\1").table["source"] == "/skeletons"
        assert "unknown parameter" not in second.log()

    def all_values(self, graph):
        """Every parameter of the node once it is active, by name."""
        graph.until(lambda: graph.peer.count_subscribers("/skeletons"), 20.0)
        names = self.call(graph, ListParameters, "list_parameters", ListParameters.Request()).result.names
        values = self.call(graph, GetParameters, "get_parameters", GetParameters.Request(names=names)).values
        return {name: parameter_value_to_python(value) for name, value in zip(names, values, strict=True)}

    def call(self, graph, kind, service, request):
        client = graph.peer.create_client(kind, f"/action_node/{service}")
        graph.until(client.service_is_ready)
        future = client.call_async(request)
        graph.until(future.done)
        graph.peer.destroy_client(client)
        return future.result()

    def test_skeletons_can_be_switched_off(self, talker_with, make_body):
        talker = talker_with("-p", "publish_skeletons:=false")
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import PointCloud2

        clouds = talker.graph.listen(PointCloud2, "/action_node/skeletons", qos_profile_sensor_data)
        talker.say([make_body()], frames=10)
        talker.graph.until(lambda: talker.records)
        assert clouds == []

    @pytest.mark.slow
    def test_a_parameter_file_and_the_command_line(self, run_node, graph, tiny_bundle, tmp_path):
        """As a user of ``ros2 run`` writes it; the command line wins."""
        from std_msgs.msg import String

        from csre_ros.ros.qos import LATCHED

        heard = graph.listen(String, "/action_node/classes", LATCHED)
        arguments = ("--params-file", str(ROOT / "config" / "params.yaml"))
        run_node(*arguments, "-p", "input:=skeletons", "-p", "layout:=body13", "-p", f"bundle:={tiny_bundle}")
        graph.until(lambda: heard)
        assert json.loads(heard[0].data)["model"]["name"] == "tiny"

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("parameter", "words"),
        [
            ("window.stride_s:=100.0", "window.stride_s"),
            ("layout:=kinect99", "choose one of: body13"),
            ("tracker.gate_m:=wide", "DOUBLE"),
        ],
    )
    def test_a_bad_value_at_start_ends_with_one_line(self, run_node, parameter, words):
        node = run_node("-p", parameter)
        assert node.wait(timeout=20) == 2
        assert words in node.log()
        assert "Traceback" not in node.log()

    @pytest.mark.slow
    def test_an_unknown_parameter_is_warned_of(self, run_node, graph):
        node = run_node("-p", "bundel:=x", "-p", "autostart:=false")
        graph.until(lambda: "did you mean 'bundle'" in node.log())
        assert node.poll() is None

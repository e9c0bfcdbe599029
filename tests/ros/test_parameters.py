"""Parameters: one definition, and every one of them does something."""

import json
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
import yaml
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.parameter import Parameter

from csre_ros.ros.config import options, settings, template, unknown
from csre_ros.ros.parameters import describe, validate

ROOT = Path(__file__).parents[2]


def test_the_parameter_file_is_the_definition():
    text = (ROOT / "config" / "params.yaml").read_text()
    assert text == template(), "run: python -m csre_ros.ros.config > config/params.yaml"
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
    limits = stride.floating_point_range[0]
    assert (limits.from_value, limits.to_value) == (0.01, 5.0)
    top_k = describe(options()["top_k"]).integer_range[0]
    assert (top_k.from_value, top_k.to_value) == (1, 100)
    device = describe(options()["device"])
    assert device.read_only
    assert "tensorrt" in device.additional_constraints
    open_end = describe(options()["window.max_jump_s"]).floating_point_range[0]
    assert open_end.from_value == 1.0
    assert open_end.to_value > 1e300


def after(talker, seconds):
    """The first record that is so much later than the first of all."""
    begin = talker.records[0]["stamp"]
    return next(record for record in talker.records if record["stamp"] >= begin + seconds)


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
        [("bundle", "other", "read-only"), ("top_k", 0, "1"), ("window.stride_s", 9.0, ""), ("top_k", "three", "type")],
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

    def test_skeletons_can_be_switched_off(self, talker_with, make_body):
        talker = talker_with("-p", "publish_skeletons:=false")
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import PointCloud2

        clouds = talker.graph.listen(PointCloud2, "/action_node/skeletons", qos_profile_sensor_data)
        talker.say([make_body()], frames=10)
        talker.graph.until(lambda: talker.records)
        assert clouds == []

    def test_a_parameter_file_and_the_command_line(self, run_node, graph, tiny_bundle, tmp_path):
        """As a user of ``ros2 run`` writes it; the command line wins."""
        from std_msgs.msg import String

        from csre_ros.ros.outputs import LATCHED

        heard = graph.listen(String, "/action_node/classes", LATCHED)
        arguments = ("--params-file", str(ROOT / "config" / "params.yaml"))
        run_node(*arguments, "-p", "input:=skeletons", "-p", "layout:=body13", "-p", f"bundle:={tiny_bundle}")
        graph.until(lambda: heard)
        assert json.loads(heard[0].data)["model"]["name"] == "tiny"

    @pytest.mark.parametrize(
        ("parameter", "words"),
        [
            ("window.stride_s:=100.0", "window.stride_s"),
            ("layout:=kinect99", "choose one of: body13"),
            ("tracker.gate_m:=1", "DOUBLE"),
        ],
    )
    def test_a_bad_value_at_start_ends_with_one_line(self, run_node, parameter, words):
        node = run_node("-p", parameter)
        assert node.wait(timeout=20) == 2
        assert words in node.log()
        assert "Traceback" not in node.log()

    def test_an_unknown_parameter_is_warned_of(self, run_node, graph):
        node = run_node("-p", "bundel:=x", "-p", "autostart:=false")
        graph.until(lambda: "did you mean 'bundle'" in node.log())
        assert node.poll() is None

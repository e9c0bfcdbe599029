"""Parameters that a participant on the network may set, and those that it may not."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.parameter import Parameter

pytestmark = pytest.mark.ros


class TestParametersThatNameFiles:
    NAMES = ("gallery", "source", "record", "bundle", "symbols", "pose.model")

    @pytest.mark.parametrize("name", [*NAMES, "allow_remote_files"])
    def test_do_not_change_after_start(self, graph_with, tiny_bundle, name, tmp_path):
        graph = graph_with("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "autostart:=false")
        node = graph.start_node()
        given = True if name == "allow_remote_files" else str(tmp_path / "probe")
        (result,) = node.set_parameters([Parameter(name, value=given)])
        assert not result.successful
        assert "does not change after start" in result.reason
        assert str(tmp_path) not in result.reason
        assert node.set_parameters([Parameter("layout", value="body13")])[0].successful

    def test_nor_does_the_clock(self, graph_with, tiny_bundle):
        node = graph_with(
            "-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "autostart:=false"
        ).start_node()
        (result,) = node.set_parameters([Parameter("use_sim_time", value=True)])
        assert (result.successful, result.reason) == (False, "use_sim_time does not change after start")
        assert node.set_parameters([Parameter("use_sim_time", value=False)])[0].successful

    def test_change_where_the_operator_allowed_it(self, graph_with, tiny_bundle, tmp_path):
        arguments = ("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "allow_remote_files:=true")
        node = graph_with(*arguments, "-p", "autostart:=false").start_node()
        for name in self.NAMES:
            (result,) = node.set_parameters([Parameter(name, value=str(tmp_path / "other"))])
            assert result.successful, (name, result.reason)
        assert not node.set_parameters([Parameter("allow_remote_files", value=False)])[0].successful

    def test_are_all_that_name_files(self):
        from csre_ros.ros.settings import options

        closed = {name for name, item in options().items() if not item.metadata["remote"]}
        assert closed == {*self.NAMES, "allow_remote_files"}


@pytest.mark.parametrize("given", ["a\x1b[2J", "x" * 5000, "line\nline"])
def test_texts_that_can_be_no_name_are_refused(graph_with, tiny_bundle, given):
    node = graph_with("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "autostart:=false").start_node()
    (result,) = node.set_parameters([Parameter("frame_id", value=given)])
    assert not result.successful
    assert result.reason.isprintable()
    assert len(result.reason) < 300


def test_a_whole_number_for_a_decimal_parameter(graph_with, tiny_bundle):
    arguments = ("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "tracker.gate_m:=1")
    node = graph_with(*arguments, "-p", "autostart:=false").start_node()
    assert node.get_parameter("tracker.gate_m").value == 1.0
    assert node.set_parameters([Parameter("tracker.gate_m", value=2)])[0].successful
    assert node.get_parameter("tracker.gate_m").value == 2.0
    (outside,) = node.set_parameters([Parameter("tracker.gate_m", value=100)])
    assert not outside.successful
    assert "tracker.gate_m" in outside.reason or "range" in outside.reason
    for given in ("2", True, [1.0]):
        (result,) = node.set_parameters([Parameter("tracker.gate_m", value=given)])
        assert not result.successful
        assert "DOUBLE" in result.reason or "type" in result.reason


def test_a_wrong_type_at_start_ends_with_the_reason(run_node):
    node = run_node("-p", "tracker.gate_m:=wide")
    assert node.wait(timeout=30) == 2
    assert "tracker.gate_m" in node.log()

"""Python's logging in the ROS log."""

import logging

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rcl_interfaces.msg import Log
from rclpy.qos import qos_profile_rosout_default

WARN = 30  # rcl_interfaces/Log, a byte there and an integer in the message
pytestmark = pytest.mark.ros


def test_what_the_runtime_logs_reaches_rosout_while_the_node_lives(graph_with):
    graph = graph_with("-p", "input:=skeletons")
    # Latched, as /rosout is: an endpoint in the graph is not yet one that gets what is said.
    heard = graph.listen(Log, "/rosout", qos_profile_rosout_default, read=lambda message: (message.level, message.msg))
    node = graph.start_node(autostart=False)
    log = logging.getLogger("csre_ros.sources.live")
    for _ in range(2):
        log.warning("camera:0 was lost")
        log.error("it does not come back")
    log.info("the bundle runs on cpu")
    graph.until(lambda: "the bundle runs on cpu" in [text for _, text in heard])
    assert "the bundle runs on cpu" in [text for _, text in heard]
    assert heard.count((WARN, "camera:0 was lost")) == 2
    assert [text for _, text in heard].count("it does not come back") == 2

    graph.executor.remove_node(node)
    node.destroy_node()
    assert not logging.getLogger("csre_ros").handlers

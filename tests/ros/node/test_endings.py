"""The node frees what it holds, and ends while something else does not."""

import gc
import os
import signal
import socket
import time
import weakref
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")


pytestmark = pytest.mark.ros


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_the_models_are_freed_at_cleanup(talker, make_body):
    pipeline = weakref.ref(talker.node._pipeline)
    talker.say([make_body("right")], 30)
    gc.disable()  # whatever needs the collector is a circle
    try:
        assert talker.node.trigger_deactivate().name == "SUCCESS"
        assert talker.node.trigger_cleanup().name == "SUCCESS"
        assert pipeline() is None
    finally:
        gc.enable()


def test_sixty_rounds_of_configure_and_cleanup_are_flat(talker, make_body):
    def round_trip():
        talker.say([make_body("right")], 10)
        for transition in ("deactivate", "cleanup", "configure", "activate"):
            assert getattr(talker.node, f"trigger_{transition}")().name == "SUCCESS"

    for _ in range(10):
        round_trip()
    before = resident_mb()
    for _ in range(50):
        round_trip()
    assert resident_mb() - before < 15


@pytest.fixture
def silent_url():
    """The address of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"rtsp://127.0.0.1:{server.getsockname()[1]}/live"


@pytest.mark.parametrize("reconnect", ["true", "false"])
def test_the_node_ends_at_once_while_a_silent_address_opens(run_node, silent_url, tiny_bundle, reconnect, tmp_path):
    pytest.importorskip("mediapipe", reason="needs the pose stage: pip install 'csre_ros[mediapipe]'")
    node = run_node("-p", f"source:={silent_url}", "-p", f"capture.reconnect:={reconnect}")
    end = time.monotonic() + 60
    while "runs on" not in node.log() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(2.0)
    begin = time.monotonic()
    node.send_signal(signal.SIGTERM)
    assert node.wait(timeout=15) == 0, node.log()
    assert time.monotonic() - begin < 8  # at least 10 where it waits; a busy machine may be slow


def test_a_bundle_that_never_ends_fails_configuration(run_node, graph, looping_bundle):
    node = run_node("-p", "input:=skeletons", "-p", "layout:=body13", "-p", f"bundle:={looping_bundle(True)}")
    graph.until(lambda: "cannot configure" in node.log(), 40.0)
    assert "the graph was ended after 10 s: it loops, or is far too slow" in node.log()
    assert "the graph was ended" in graph.status("model", lambda status: status.level == b"\2").message
    assert node.poll() is None


def test_the_node_ends_at_once_while_a_bundle_never_ends(run_node, graph, looping_bundle):
    node = run_node("-p", "input:=skeletons", "-p", "layout:=body13", "-p", f"bundle:={looping_bundle(True)}")
    graph.until(lambda: "runs on" in node.log(), 40.0)
    graph.spin(1.0)
    begin = time.monotonic()
    node.send_signal(signal.SIGTERM)
    assert node.wait(timeout=15) == 0, node.log()
    assert time.monotonic() - begin < 8  # at least 10 where it waits; a busy machine may be slow

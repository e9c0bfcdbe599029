"""The other end of the node's topics, on the real node."""

import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")

from csre_ros.ros.listener import Listener

pytestmark = pytest.mark.ros


@pytest.fixture
def recording(tmp_path, make_body):
    from csre_ros.skeleton import Frame
    from csre_ros.sources.recording_writer import RecordingWriter

    path = tmp_path / "arm.mcap"
    body = make_body("right")
    with RecordingWriter(path, body.layout) as writer:
        for i in range(30):
            writer.write(Frame(round(i * 1e9 / 30), "recorded_camera", (body,)))
    return path


@pytest.mark.slow
def test_records_and_people_are_heard_under_the_same_ids(run_node, recording, tiny_bundle, make_body):
    records, frames = [], []
    arguments = (f"source:={recording}", f"bundle:={tiny_bundle}", "loop:=true")
    with Listener("/action_node", records.append, frames.append) as listener:
        run_node(*(part for argument in arguments for part in ("-p", argument)))
        for _ in range(300):
            listener.spin_once(0.1)
            if frames and frames[-1].skeletons and any(record["persons"] for record in records):
                break
    people = {str(person["id"]) for record in records for person in record["persons"]}
    seen = frames[-1]
    assert {skeleton.source_id for skeleton in seen.skeletons} <= people
    assert people
    assert seen.frame_id == "recorded_camera"
    assert seen.skeletons[0].layout.name == "body13"
    stamps = [record["stamp"] for record in records]
    assert min(stamps) - 1 <= seen.stamp_ns / 1e9 <= max(stamps) + 1


def test_it_ends_what_it_began():
    """Twice in a row, and whatever happened inside."""
    import rclpy

    def interrupted():
        with Listener("/nobody", print, print) as listener:
            listener.spin_once(0.01)
            assert rclpy.ok()
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert not rclpy.ok()


@pytest.mark.parametrize("module", ["csre_ros.ros.main", "csre_ros.ros.listener"])
def test_without_ros_the_remedy_is_named(module):
    code = f"import sys; sys.modules['rclpy'] = None\ntry:\n    import {module}\nexcept ImportError as e:\n    print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs ROS 2: source /opt/ros/<distribution>/setup.bash" in done.stdout
    assert "pip install 'csre_ros[ros]'" in done.stdout


@pytest.mark.parametrize("inside", ["spin_once", "shutdown"])
def test_a_signal_interrupts_none_of_the_work_of_rclpy(monkeypatch, inside):
    """Thrown into the midst of it, it leaves a context that nobody ends, or is swallowed by a destructor."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    done, work = [], getattr(SingleThreadedExecutor, inside)

    def signalled(*arguments, **named):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)  # and again
        done.append(inside)
        return work(*arguments, **named)

    monkeypatch.setattr(SingleThreadedExecutor, inside, signalled)
    handlers = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(KeyboardInterrupt), Listener("/nobody", print, print) as listener:
            listener.spin_once(0.01)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert done == [inside]
    assert not rclpy.ok()


def test_no_record_is_lost_while_a_callback_is_busy():
    import rclpy
    from std_msgs.msg import String

    heard = []
    with Listener("/talkative", heard.append, print) as listener:
        peer = rclpy.create_node("peer")
        publisher = peer.create_publisher(String, "/talkative/actions", 500)
        while not publisher.get_subscription_count():
            listener.spin_once(0.05)
        for number in range(300):  # ten seconds of a node
            publisher.publish(String(data=str(number)))
        while len(heard) < 300:
            before = len(heard)
            listener.spin_once(5.0)
            assert len(heard) > before
        peer.destroy_node()
    assert heard == list(range(300))

"""A node that is taught through its services."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from std_msgs.msg import String
from std_srvs.srv import Trigger

from csre_ros.app.main import main
from csre_ros.recognition import Bundle
from csre_ros.teaching import Gallery
from tests.teaching.people import frames, recording, rowing, still, tee

pytestmark = pytest.mark.ros
LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def path(stream_bundle, tmp_path):
    """An empty gallery."""
    Gallery(Bundle.load(stream_bundle, "cpu")).save(tmp_path / "mine.npz")
    return tmp_path / "mine.npz"


class Pupil:
    """A node that is fed people, and what it knows."""

    def __init__(self, talker):
        self.talker, self.graph = talker, talker.graph
        self.classes = talker.graph.listen(String, "/action_node/classes", LATCHED, lambda m: json.loads(m.data))

    def ask(self, name):
        """What the node answers: success and message."""
        return self.call(Trigger, f"teach/{name}", Trigger.Request())

    def call(self, kind, name, request):
        client = self.graph.peer.create_client(kind, f"/action_node/{name}")
        self.graph.until(client.service_is_ready)
        future = client.call_async(request)
        self.graph.until(future.done, 30.0)
        self.graph.peer.destroy_client(client)
        found = future.result()
        return found if kind is SetParameters else (found.success, found.message)

    def name(self, label):
        """Set the parameter, as others do."""
        value = Parameter("teach_name", Parameter.Type.STRING, label).to_parameter_msg()
        (result,) = self.call(SetParameters, "set_parameters", SetParameters.Request(parameters=[value])).results
        assert result.successful, result.reason

    def see(self, one, beside=()):
        """Let it see a recording, at its own stamps."""
        for frame in frames(one, beside):
            self.talker.say(list(frame.skeletons))

    def settle(self):
        """Until what was sent has been seen, but for a frame that may be lost."""
        newest_s = self.talker.stamp_ns / 1e9 - 0.05
        self.graph.until(lambda: self.talker.records and self.talker.records[-1]["stamp"] > newest_s)
        self.graph.spin(0.05)

    @property
    def labels(self):
        return [one["action"] for one in self.classes[-1]["classes"]] if self.classes else []


@pytest.fixture
def pupil_with(talker_with, stream_bundle):
    return lambda *more: Pupil(talker_with("-p", f"bundle:={stream_bundle}", *more))


@pytest.fixture
def pupil(pupil_with, path):
    return pupil_with("-p", f"gallery:={path}")


def heard(pupil, label):
    return [event["state"] for record in pupil.talker.records for event in record["events"] if event["action"] == label]


def test_a_gesture_is_taught_saved_announced_and_heard(pupil, path, stream_bundle):
    pupil.name("tee")
    done, message = pupil.ask("start")
    assert done
    assert message.startswith("recording 'tee': stand still, show it, stand still, then call ~/teach/stop")
    assert message.endswith("nobody is in view yet")
    assert pupil.ask("start") == (False, "'tee' is being recorded already; end that by ~/teach/stop first")
    pupil.see(recording(tee, 5.5))
    pupil.settle()
    done, message = pupil.ask("stop")
    assert done, message
    assert message.startswith("'tee': kept 1.0 s of 5.")
    assert "1 examples in all" in message
    assert [file.name for file in path.parent.glob("*.npz")] == ["mine.npz"]
    assert [label.name for label in Gallery.load(path, Bundle.load(stream_bundle, "cpu")).labels] == ["tee"]
    pupil.see(recording(still, 1.0))
    pupil.graph.until(lambda: pupil.labels == ["idle", "raise_right", "raise_left", "tee"])
    assert not heard(pupil, "tee")
    pupil.see(recording(tee, 5.5, size=1.1))
    pupil.graph.until(lambda: "ended" in heard(pupil, "tee"))
    assert heard(pupil, "tee")[0] == "started"


def test_what_is_refused_says_why_and_changes_nothing(pupil, path):
    before = path.read_bytes()
    assert pupil.ask("stop") == (False, "nothing is being recorded; begin by ~/teach/start")
    assert pupil.ask("start") == (False, "no name: set the parameter teach_name to that of the gesture first")
    for name, words in (("a b", "must consist of 1..64 letters, digits"), ("raise_left", "knows a label 'raise_left'")):
        pupil.name(name)
        done, message = pupil.ask("start")
        assert (done, words in message) == (False, True), message
    pupil.name("tee")
    one = recording(still, 0.5)
    pupil.see(one, [recording(still, 0.5, size=0.5)])
    pupil.settle()
    assert pupil.ask("start") == (False, "2 people are in view; let the others step aside and ask again")
    pupil.see(one)
    pupil.settle()
    assert pupil.ask("start")[0]
    pupil.see(one)
    pupil.see(one, [recording(still, 0.5, size=0.5)])
    pupil.settle()
    done, message = pupil.ask("stop")
    assert not done
    assert message.startswith("nothing was kept of 'tee': 2 people are in view at 0.")
    pupil.see(one)
    pupil.settle()
    assert pupil.ask("start")[0]
    assert "the recording is empty" in pupil.ask("stop")[1]
    assert path.read_bytes() == before


def test_a_recording_ends_with_the_activity_of_the_node(pupil):
    pupil.name("tee")
    assert pupil.ask("start")[0]
    assert pupil.call(Trigger, "reset", Trigger.Request())[0]
    assert pupil.ask("stop") == (False, "the recording of 'tee' was dropped: everybody was forgotten")
    assert pupil.ask("start")[0]
    pupil.talker.node.trigger_deactivate()
    assert pupil.ask("stop") == (False, "the recording of 'tee' was dropped: the node was deactivated")
    assert pupil.ask("start") == (False, "the node is not active and sees nobody; activate it first")
    pupil.talker.node.trigger_activate()
    assert pupil.ask("start")[0]


def test_what_cannot_be_written_is_not_lost(pupil, path):
    pupil.name("tee")
    assert pupil.ask("start")[0]
    pupil.see(recording(tee, 5.5))
    pupil.settle()
    whole = path.read_bytes()
    path.write_bytes(b"somebody's coffee")
    done, message = pupil.ask("stop")
    assert not done
    assert "damaged or no gallery" in message
    assert message.endswith("the recording of 'tee' is kept: call ~/teach/stop again")
    assert path.read_bytes() == b"somebody's coffee"
    path.write_bytes(whole)
    assert pupil.ask("stop")[0]


def test_what_somebody_else_taught_meanwhile_stays(pupil, path, stream_bundle):
    bundle = Bundle.load(stream_bundle, "cpu")
    Gallery.from_recordings(bundle, {"rowing": [recording(rowing)]}).save(path)
    pupil.name("tee")
    assert pupil.ask("start")[0]
    pupil.see(recording(tee, 5.5))
    pupil.settle()
    assert pupil.ask("stop")[0]
    assert set(Gallery.load(path, bundle).examples) == {"rowing", "tee"}
    pupil.see(recording(still, 0.5))
    pupil.graph.until(lambda: pupil.labels[3:] == ["rowing", "tee"])


def test_only_the_gallery_of_the_start_is_written(pupil_with, path):
    other = path.with_name("other.npz")
    other.write_bytes(before := path.read_bytes())
    pupil = pupil_with("-p", f"gallery:={path}", "-p", "allow_remote_files:=true")
    node = pupil.talker.node
    node.trigger_deactivate()
    node.set_parameters([Parameter("gallery", Parameter.Type.STRING, str(other))])
    node.trigger_activate()
    pupil.name("tee")
    done, message = pupil.ask("start")
    assert not done
    assert f"only {path}, that of the start, may be written" in message
    assert other.read_bytes() == before


@pytest.mark.slow
def test_a_command_learns_from_what_a_node_sees(talker_with, stream_bundle, tmp_path):
    pupil = Pupil(talker_with("-p", f"bundle:={stream_bundle}"))
    words = ("teach", "tee", "--node", "/action_node", "--headless", "--bundle", str(stream_bundle), "--examples", "1")
    words += ("--countdown_s", "0.5", "--seconds", "5", "--gallery", str(tmp_path / "mine.npz"))
    with subprocess.Popen(
        [sys.executable, "-m", "csre_ros.app.main", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        for _ in range(60):
            pupil.see(recording(tee, 5.5))
            if process.poll() is not None:
                break
        process.kill()
        told = process.stderr.read()
    assert process.returncode == 0, told
    assert "kept as example 1" in told
    assert set(Gallery.load(tmp_path / "mine.npz", Bundle.load(stream_bundle, "cpu")).examples) == {"tee"}


def test_a_node_that_is_silent_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("csre_ros.app.teach.node_source._WAIT_S", 0.2)
    assert main(["teach", "tee", "--node", "/nobody", "--gallery", str(tmp_path / "mine.npz")]) == 2
    assert "nobody is heard on /nobody/skeletons" in capsys.readouterr().err


def test_without_a_gallery_nothing_is_offered(talker):
    services = {service.srv_name for service in talker.node.services}
    assert any(name.endswith("/reset") for name in services)
    assert not {name for name in services if "teach/" in name}


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_a_gallery_that_cannot_be_used_is_refused_at_configure(graph_with, stream_bundle, path, state):
    if state == "missing":
        os.unlink(path)
    else:
        path.write_bytes(path.read_bytes()[:300])
    words = ("input:=skeletons", "layout:=body13", f"bundle:={stream_bundle}", f"gallery:={path}")
    graph = graph_with(*(word for argument in words for word in ("-p", argument)))
    node = graph.start_node()
    assert not node.active
    assert node.refused
    status = graph.status("model")
    assert ("make one by showing a gesture" if state == "missing" else "damaged or no gallery") in status.message

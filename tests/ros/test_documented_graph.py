"""What a running node offers, compared with what the pages and the security policy say of it."""

from __future__ import annotations

import fnmatch
import gc
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSDurabilityPolicy, QoSReliabilityPolicy, qos_profile_sensor_data
from std_msgs.msg import String

from csre_ros.recognition import Bundle
from csre_ros.teaching import Gallery

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
KINDS = ("publisher", "subscriber", "service")
# Of every node, or of every lifecycle node.
COMMON = {"/rosout", "/parameter_events", "/action_node/transition_event"}
COMMON_SERVICES = r"(\w*parameter\w*|change_state|get_(state|available_\w+|transition_graph|type_description))"


@pytest.fixture
def node(graph_with, stream_bundle, tmp_path):
    """An active node with the input that needs least and all services, and a peer that looks at it."""
    gc.collect()  # until then rclpy keeps the state machines of destroyed lifecycle nodes in the graph
    Gallery(Bundle.load(stream_bundle, "cpu")).save(tmp_path / "mine.npz")
    words = ("input:=skeletons", "layout:=body13", f"bundle:={stream_bundle}", f"gallery:={tmp_path / 'mine.npz'}")
    graph = graph_with(*(word for argument in words for word in ("-p", argument)))
    graph.start_node()
    graph.until(lambda: discovered(graph))
    return graph


def discovered(graph):
    """Whether the peer has found something of every kind, and nothing new within a while."""
    before = [names(graph, kind) for kind in KINDS]
    graph.spin(0.3)
    return all(before) and before == [names(graph, kind) for kind in KINDS]


def names(graph, kind):
    ask = getattr(graph.peer, f"get_{kind}_names_and_types_by_node")
    return {name: types[0].replace("/msg/", "/").replace("/srv/", "/") for name, types in ask("action_node", "/")}


def documented(page, heading, column=0):
    """Name and type in the first table below a heading, or what is in a later column."""
    section = (ROOT / "docs" / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([~/][\w/<>]*)` \| `(\w+/\w+)` \| (.*?) \|", section, re.MULTILINE)
    table = {name.replace("~", "/action_node"): (kind, third) for name, kind, third in rows}
    return {name: entry[column] for name, entry in table.items()}


def test_every_topic_is_documented_with_its_type(node):
    published = {name: kind for name, kind in names(node, "publisher").items() if name not in COMMON}
    assert published.items() <= documented("integrator.md", "Topics").items()


SHOWN_BY = {
    "MarkerArray": "visualization_msgs/MarkerArray",
    "PointCloud2": "sensor_msgs/PointCloud2",
    "Image": "sensor_msgs/CompressedImage",  # RViz takes the transport from the end of the topic's name
}


def test_rviz_shows_topics_of_types_that_it_knows_and_hears_them(node):
    layout = yaml.safe_load((ROOT / "config" / "actions.rviz").read_text())
    displays = [one for one in layout["Visualization Manager"]["Displays"] if "Topic" in one]
    published = names(node, "publisher")
    assert {published[one["Topic"]["Value"]] for one in displays} == set(SHOWN_BY.values())
    for display in displays:
        topic = display["Topic"]
        assert published[topic["Value"]] == SHOWN_BY[display["Class"].rpartition("/")[2]]
        assert display["Enabled"]
        (endpoint,) = node.peer.get_publishers_info_by_topic(topic["Value"])
        offered = endpoint.qos_profile
        wanted = QoSReliabilityPolicy[topic["Reliability Policy"].upper().replace(" ", "_")]
        assert wanted is QoSReliabilityPolicy.BEST_EFFORT or offered.reliability is QoSReliabilityPolicy.RELIABLE
        assert topic["Durability Policy"] == "Volatile"


def test_foxglove_shows_topics_of_types_that_its_panels_know(node):
    panels = json.loads((ROOT / "config" / "foxglove.json").read_text())["configById"]
    published = names(node, "publisher")
    asked = {}
    for name, panel in panels.items():
        match name.partition("!")[0]:
            case "3D":
                asked |= dict(zip(panel["topics"], (SHOWN_BY["MarkerArray"], SHOWN_BY["PointCloud2"]), strict=True))
                cloud = panel["topics"]["/action_node/skeletons"]
                assert cloud["colorField"] == "c"  # a field of the cloud, by the convention of the skeletons
            case "Image":
                asked[panel["imageMode"]["imageTopic"]] = "sensor_msgs/CompressedImage"
            case "StateTransitions":
                (path,) = panel["paths"]
                topic, _, field = path["value"].partition(".")
                asked[topic] = "std_msgs/String"
                assert field in String.get_fields_and_field_types()
            case "RawMessages":
                asked[panel["topicPath"]] = "std_msgs/String"
            case "DiagnosticSummary":
                asked[panel["topicToRender"]] = "diagnostic_msgs/DiagnosticArray"
            case other:
                raise AssertionError(f"no panel of Foxglove: {other}")
    assert asked == {topic: published[topic] for topic in asked}


def quality(text):
    """What the page says of the quality of service: reliability, durability and depth."""
    sensor = qos_profile_sensor_data
    if text == "sensor data":
        return sensor.reliability, sensor.durability, sensor.depth
    reliability, _, rest = text.partition(", ")
    latched = rest == "latched"
    return (
        QoSReliabilityPolicy[reliability.upper().replace(" ", "_")],
        QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE,
        1 if latched else int(rest.removeprefix("depth ")),
    )


def test_every_topic_has_the_documented_quality_of_service(node):
    known = documented("integrator.md", "Topics", column=1)
    (ours,) = (one for one in node.executor.get_nodes() if one.get_name() == "action_node")
    found = {}
    for publisher in (one for one in ours.publishers if one.topic_name not in COMMON):
        (endpoint,) = node.peer.get_publishers_info_by_topic(publisher.topic_name)
        depth = publisher.qos_profile.depth  # discovery does not tell it
        found[publisher.topic_name] = (endpoint.qos_profile.reliability, endpoint.qos_profile.durability, depth)
    assert found == {name: quality(known[name]) for name in found}
    assert len(found) >= 8


def test_every_quality_of_service_can_be_overridden_by_itself(graph_with, tiny_bundle):
    override = "qos_overrides./action_node/action.publisher"
    arguments = ("input:=skeletons", "layout:=body13", f"bundle:={tiny_bundle}", f"{override}.depth:=7")
    graph = graph_with(*(word for argument in arguments for word in ("-p", argument)))
    node = graph.start_node()
    depths = {publisher.topic_name: publisher.qos_profile.depth for publisher in node.publishers}
    assert depths["/action_node/action"] == 7
    assert depths["/action_node/classes"] == depths["/action_node/skeletons/layout"] == 1
    topics = {name for name in depths if name not in COMMON}
    assert len(topics) >= 8
    for topic in topics:
        for policy in ("reliability", "depth", "history"):
            assert node.has_parameter(f"qos_overrides.{topic}.publisher.{policy}")


def test_rviz_shows_documented_topics():
    layout = yaml.safe_load((ROOT / "config" / "actions.rviz").read_text())["Visualization Manager"]
    shown = {display["Topic"]["Value"]: display["Class"] for display in layout["Displays"] if "Topic" in display}
    known = documented("integrator.md", "Topics")
    assert set(shown) <= set(known)
    assert {known[topic].rpartition("/")[2].removeprefix("Compressed") for topic in shown} == {
        name.rpartition("/")[2] for name in shown.values()
    }


def test_every_service_is_documented_with_its_type(node):
    services = {
        name: kind
        for name, kind in names(node, "service").items()
        if not re.fullmatch(f"/action_node/{COMMON_SERVICES}", name)
    }
    assert services == documented("operator.md", "Lifecycle and services")


@pytest.mark.slow
def test_every_diagnostic_task_is_documented(node):
    tasks = set()
    node.listen(DiagnosticArray, "/diagnostics", read=lambda m: tasks.update(s.name for s in m.status))
    node.until(lambda: tasks)
    page = (ROOT / "docs" / "operator.md").read_text()
    known = set(
        re.findall(r"^\| `(\w+)` \|", page.partition("\n## Diagnostics\n")[2].partition("\n## ")[0], re.MULTILINE)
    )
    assert {name.removeprefix("action_node: ") for name in tasks} <= known


@pytest.fixture(scope="module")
def policy():
    """What a node of the policy may do: full names by attribute."""
    enclaves = ElementTree.parse(ROOT / "config" / "sros2_policy.xml").getroot().find("enclaves")

    def allowed(node, right):
        profile = enclaves.find(f"enclave[@path='/{node}']/profiles/profile[@node='{node}']")
        found = [item.text for part in profile for item in part if part.get(right) == "ALLOW"]
        return {name.replace("~", f"/{node}") if name[0] in "~/" else f"/{name}" for name in found}

    return allowed


def test_the_policy_allows_what_the_node_publishes_and_offers_and_nothing_else(node, policy):
    topics = {name.replace("<id>", "*") for name in documented("integrator.md", "Topics")}
    assert policy("action_node", "publish") == topics | COMMON
    assert set(names(node, "publisher")) <= topics | COMMON
    assert policy("action_node", "reply") == set(names(node, "service"))


def test_the_policy_allows_every_input(policy):
    page = (ROOT / "docs" / "integrator.md").read_text().partition("\n## Inputs\n")[2].partition("\n## ")[0]
    topics = re.findall(r"^\| `\w+` \| `([\w/]+)`", page, re.MULTILINE)
    assert len(topics) >= 9
    allowed = policy("action_node", "subscribe")
    for topic in (name if name.startswith("/") else f"/{name}" for name in topics):
        assert any(fnmatch.fnmatch(topic, pattern) for pattern in allowed), topic


@pytest.mark.parametrize("name", ["image", "compressed_image", "skeletons", "json", "marker_array"])
def test_the_policy_is_what_a_running_node_does(name, graph_with, tiny_bundle, policy):
    """Every topic and service of the graph, those of announced layouts and simulated time among them."""
    gc.collect()
    words = (f"input:={name}", f"bundle:={tiny_bundle}", "layout:=auto", "use_sim_time:=true")
    graph = graph_with(*(word for argument in words for word in ("-p", argument)))
    graph.start_node()
    graph.until(lambda: discovered(graph))
    for kind, right in (("publisher", "publish"), ("subscriber", "subscribe"), ("service", "reply")):
        allowed = policy("action_node", right)
        for found in names(graph, kind):
            assert any(fnmatch.fnmatch(found, pattern) for pattern in allowed), f"{right} {found}"


def test_the_policy_lets_a_listener_hear_the_node(node, policy):
    heard = policy("action_listener", "subscribe")
    assert heard <= set(names(node, "publisher"))
    assert {"/action_node/actions", "/action_node/action", "/action_node/classes"} <= heard


def test_the_listener_of_the_integrators_page_hears_events(graph, tmp_path):
    page = (ROOT / "docs" / "integrator.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (record,) = [
        text for text in re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE) if "schema" in text
    ]
    script = tmp_path / "listener.py"
    script.write_text(code)
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as peer:
        graph.publisher(String, "/action_node/actions").publish(String(data=json.dumps(json.loads(record))))
        assert peer.stdout.readline() == "1 wave started\n"
        peer.send_signal(signal.SIGINT)

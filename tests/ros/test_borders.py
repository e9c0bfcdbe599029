"""Texts of others at every border: what is said of them is one short printable line, whatever they are."""

import array
import json

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from geometry_msgs.msg import Point
from rclpy.parameter import Parameter
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image, PointCloud2, PointField
from std_msgs.msg import Header, String
from visualization_msgs.msg import Marker, MarkerArray

from csre_ros.inference import open_session
from csre_ros.options import check_field
from csre_ros.recognition.bundle import find_bundle
from csre_ros.recognition.bundle_info import BundleInfo
from csre_ros.ros.health import Health
from csre_ros.ros.inputs.bag_topic import BagTopic
from csre_ros.ros.node.diagnostics import OK, Status, to_message
from csre_ros.ros.node.parameters import validate
from csre_ros.ros.outputs.symbols import load_symbols
from csre_ros.ros.readers.azure import MarkerReader
from csre_ros.ros.readers.cloud import read_cloud
from csre_ros.ros.readers.images import read_compressed, read_image
from csre_ros.ros.readers.json_text import read_text
from csre_ros.ros.readers.reading import Sender
from csre_ros.ros.settings import options
from csre_ros.skeleton import get_layout
from csre_ros.sources import open_source
from csre_ros.sources.recording import RecordingSource

BODY13 = get_layout("body13")
TEXTS = {
    "escape": "\x1b[2J\x1b[31mred",
    "line": "x\n[ERROR] [1.0] [action_node]: forged",
    "direction": "x\u202egpj.exe",
    "separator": "x\u2028y\x85z",
    "long": "x" * 200,
}
GIANT = "y" * 3_000_000


def cloud(name="x", frame_id="camera"):
    fields = [PointField(name=name, offset=0, datatype=7, count=1)]
    data = array.array("B", bytes(52))
    message = PointCloud2(height=1, width=13, point_step=4, row_step=52, fields=fields, data=data)
    message.header.frame_id = frame_id
    return read_cloud(serialize_message(message), Sender(BODY13), 1)


def image(text, frame_id=""):
    message = Image(encoding=text, height=1, width=1, step=3, data=array.array("B", bytes(3)))
    message.header.frame_id = frame_id
    return read_image(serialize_message(message), Sender(), 1)


def record(**entries):
    text = json.dumps({"layout": "body13", "persons": [], **entries})
    return read_text(serialize_message(String(data=text)), Sender(BODY13), 1)


def markers(text):
    message = MarkerArray(markers=[Marker(header=Header(frame_id=text), ns=text, points=[Point()])])
    return MarkerReader()(serialize_message(message), Sender(), 1)


def symbols(text, tmp_path):
    path = tmp_path / "symbols.yaml"
    path.write_text(json.dumps({text: {text: text}}))
    load_symbols(path)


def recording(text, tmp_path):
    from rosbags.rosbag2 import Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(tmp_path / "bag", version=8) as writer:
        connection = writer.add_connection("/" + text.replace("/", "_"), "std_msgs/msg/String", typestore=store)
        writer.write(
            connection, 1, store.serialize_cdr(store.types["std_msgs/msg/String"](text), "std_msgs/msg/String")
        )
    return tmp_path / "bag"


BORDERS = {
    "layout": lambda text, _: get_layout(text),
    "field of a cloud": lambda text, _: cloud(text),
    "frame of a cloud": lambda text, _: cloud(frame_id=text),
    "encoding": lambda text, _: image(text),
    "frame of an image": lambda text, _: image("bgr8", text),
    "compressed format": lambda text, _: read_compressed(
        serialize_message(CompressedImage(format=text, data=array.array("B", b"none"))), Sender(), 1
    ),
    "depth format": lambda text, _: read_compressed(
        serialize_message(CompressedImage(format="compressedDepth" + text)), Sender(), 1
    ),
    "layout of a record": lambda text, _: record(layout=text),
    "frame of a record": lambda text, _: record(frame_id=text),
    "text that is no record": lambda text, _: read_text(serialize_message(String(data=text)), Sender(BODY13), 1),
    "symbols": symbols,
    "choice of a parameter": lambda text, _: check_field(options()["input"], text),
    "name of a bundle": lambda text, _: find_bundle(text),
    "name of a device": lambda text, _: open_session(b"", "it", text),
    "schema of a bundle": lambda text, _: BundleInfo.from_json(json.dumps({"schema": text})),
    "entry of a bundle": lambda text, _: BundleInfo.from_json(json.dumps({"schema": 1, text: text, "labels": []})),
    "topics of a bag": lambda text, tmp_path: RecordingSource(recording(text, tmp_path)),
    "topic of a bag": lambda text, tmp_path: BagTopic(recording(text, tmp_path), "/x", BODY13),
    "name of a source": lambda text, _: open_source("rubbish://" + text),
    "name of a camera": lambda text, _: open_source("camera:" + text),
}  # fmt: skip


@pytest.mark.parametrize("text", [*TEXTS.values(), GIANT], ids=[*TEXTS, "giant"])
@pytest.mark.parametrize("border", BORDERS)
def test_what_is_refused_is_named_in_one_short_line(border, text, tmp_path):
    try:
        BORDERS[border](text, tmp_path)
    except (ValueError, OSError) as error:
        said, length = str(error).replace(str(tmp_path), "")[:2000], len(str(error))
        assert length < 1500
        assert said.isprintable()


@pytest.mark.parametrize("text", [*TEXTS.values(), GIANT], ids=[*TEXTS, "giant"])
def test_what_is_said_about_the_node_is_one_short_line(text):
    health = Health()
    health.rejected("unreadable message", detail=text)
    health.failed("pose", OSError(text))
    snapshot = health.snapshot()
    said = [snapshot.refusal, *snapshot.failures.values()]
    said.append(validate([Parameter("frame_id", value=text)]).reason)
    message = to_message([Status("input", OK, text, {"source": text})], "node", "hardware", Header().stamp)
    said += [message.status[0].message, message.status[0].values[0].value]
    for line in said:
        assert line.isprintable()
        assert len(line) < 1000


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "long"])
def test_what_would_be_published_again_is_refused(name):
    """Coordinate frames and people's ids."""
    text = TEXTS[name]
    for refused in (lambda: image("bgr8", text), lambda: record(frame_id=text)):
        with pytest.raises(ValueError, match="is no text"):
            refused()
    joints = [[0.0, 0.0, 2.0, 1.0]] * 13
    _, rejected = record(persons=[{"id": text, "joints": joints}])
    assert rejected == {"id is no text": 1}

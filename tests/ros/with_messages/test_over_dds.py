"""The node on ZED, YOLO and REP-155 topics: a raised arm over real DDS, in 3-D and in the image."""

import array
import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from geometry_msgs.msg import Point
from hri_msgs.msg import IdsList, Skeleton2D
from onnx import TensorProto, helper, numpy_helper
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String
from vision_msgs.msg import Classification
from yolo_msgs.msg import Detection, DetectionArray, KeyPoint2D, KeyPoint3D, Point2D
from zed_msgs.msg import Object, ObjectsStamped

from csre_ros.recognition.bundle_info import append_metadata
from csre_ros.skeleton import get_layout

pytestmark = pytest.mark.ros
COCO17, ZED38, REP155 = get_layout("coco17"), get_layout("zed38"), get_layout("rep155")
SIZE = ("image_width:=640", "image_height:=480")
HEAD = ("nose", "left_ear", "right_ear", "left_eye", "right_eye")
# Given for Classification by the original files and by an independent implementation alike.
CLASSIFICATION = "f74db28d0eaef3afb78f48bf2161cd709a1383a0309d3454383b25be11345143"


def place(body, joint):
    """Where a joint of any layout is, x right, y down, z forward; None where the body has none."""
    index = body.layout.index.get("head" if joint in HEAD else joint)
    return None if index is None else body.positions[index].tolist()


def pixel(body, joint):
    """The same in an image of 640 x 480 pixels."""
    found = place(body, joint)
    return None if found is None else (320 + 200 * found[0], 240 + 200 * found[1])


@pytest.fixture
def flat_bundle(tmp_path, tiny_info):
    """Like the tiny bundle, over image points: wrists above shoulders, in units of a fiftieth of the image."""
    size = 2 * len(COCO17)
    matrix = np.zeros((len(COCO17), 2, 3), np.float32)
    for label, side in ((1, "right"), (2, "left")):
        matrix[COCO17.index[f"{side}_shoulder"], 1, label] = 50
        matrix[COCO17.index[f"{side}_wrist"], 1, label] = -50
    window = ["batch", 1, 16, len(COCO17)]
    inputs = [
        helper.make_tensor_value_info("positions", TensorProto.FLOAT, [*window, 2]),
        helper.make_tensor_value_info("confidence", TensorProto.FLOAT, window),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", size]),
    ]
    constants = {"zero": np.float32(0), "axes": np.array([1, 2]), "flat": np.array([-1, size])}
    constants["weights"] = matrix.reshape(size, 3)
    nodes = [
        helper.make_node("IsNaN", ["positions"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "positions"], ["seen"]),
        helper.make_node("ReduceMean", ["seen", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "flat"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "weights"], ["logits"]),
    ]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "flat", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    info = replace(tiny_info, name="flat", layout="coco17", dims=2, embedding=size)
    path = tmp_path / "flat.onnx"
    path.write_bytes(append_metadata(onnx.ModelProto.SerializeToString(model), info))
    return path


def stamped(message, frame_id, stamp_ns):
    message.header.frame_id = frame_id
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return message


def zed_message(body, stamp_ns):
    """As the wrapper sends it: in body axes."""
    person = Object(label="Body_5", label_id=5, confidence=90.0, body_format=2)
    person.tracking_available = person.skeleton_available = True
    person.tracking_state = 1
    for number, joint in enumerate(ZED38.joints):
        if found := place(body, joint):
            x, y, z = found
            person.skeleton_3d.keypoints[number].kp = np.array([z, -x, -y], np.float32)
    return stamped(ObjectsStamped(objects=[person]), "zed_left_camera_frame", stamp_ns)


def yolo_message(body, stamp_ns):
    """Key points in the image and in space; those that the detector did not see are left out."""
    person = Detection(class_name="person", id="5")
    person.keypoints3d.frame_id = "base_link"
    for number, joint in enumerate(COCO17.joints, start=1):
        if found := place(body, joint):
            x, y, z = found
            u, v = pixel(body, joint)
            person.keypoints.data.append(KeyPoint2D(id=number, point=Point2D(x=u, y=v), score=0.9))
            person.keypoints3d.data.append(KeyPoint3D(id=number, point=Point(x=z, y=-x, z=-y), score=0.9))
    return stamped(DetectionArray(detections=[person]), "camera_optical_frame", stamp_ns)


def skeleton_message(body, stamp_ns):
    found = Skeleton2D()
    for number, joint in enumerate(REP155.joints):
        if seen := pixel(body, joint):
            point = found.skeleton[number]
            point.x, point.y, point.c = seen[0] / 640, seen[1] / 480, 0.9
    return stamped(found, "camera_optical_frame", stamp_ns)


class Node:
    """An action node, and what it says."""

    def __init__(self, graph_with, bundle, *parameters):
        parameters = (*parameters, f"bundle:={bundle}", "max_rate_hz:=1000.0")
        self.graph = graph_with(*(word for parameter in parameters for word in ("-p", parameter)))
        self.labels = self.graph.listen(String, "/action_node/action", read=lambda message: message.data)
        self.records = self.graph.listen(String, "/action_node/actions", read=lambda message: json.loads(message.data))
        self.node = self.graph.start_node(autostart=False)

    def activate(self):
        assert self.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert self.node.trigger_activate() == TransitionCallbackReturn.SUCCESS


@pytest.mark.parametrize(
    ("name", "kind", "topic", "message", "frame_id"),
    [
        ("zed", ObjectsStamped, "body_trk/skeletons", zed_message, "zed_left_camera_frame"),
        ("yolo_3d", DetectionArray, "yolo/detections_3d", yolo_message, "base_link"),
        ("yolo", DetectionArray, "yolo/detections", yolo_message, "camera_optical_frame"),
    ],
)
def test_a_raised_arm(graph_with, tiny_bundle, flat_bundle, make_body, name, kind, topic, message, frame_id):
    bundle = flat_bundle if name == "yolo" else tiny_bundle
    node = Node(graph_with, bundle, f"input:={name}", *SIZE)
    node.activate()
    publisher = node.graph.publisher(kind, topic)
    for i in range(60):
        publisher.publish(message(make_body("right"), 10**11 + i * 33_000_000))
        node.graph.spin(0.005)
    node.graph.until(lambda: node.labels == ["raise_right"])
    node.graph.until(lambda: node.records[-1]["stamp"] == pytest.approx(100 + 59 * 0.033))
    assert node.records[-1]["frame_id"] == frame_id
    assert len(node.records[-1]["persons"]) == 1
    assert node.graph.status("input").table["rejected"] == "0"


@pytest.mark.parametrize("name", ["yolo", "hri"])
def test_image_points_need_a_bundle_for_them(graph_with, tiny_bundle, name):
    node = Node(graph_with, tiny_bundle, f"input:={name}", *SIZE)
    assert node.node.trigger_configure() == TransitionCallbackReturn.FAILURE
    message = node.graph.status("model", lambda status: status.level == b"\2").message
    assert "delivers 2-D skeletons and bundle 'tiny' needs 3-D" in message


class Bodies:
    """A REP-155 tracker: publishes the list of ids and every body under its own."""

    def __init__(self, graph):
        self.graph = graph
        self.ids = graph.publisher(IdsList, "/humans/bodies/tracked")
        self.publishers = {}
        self.stamp_ns = 10**11

    def publish(self, **bodies):
        """One image with these bodies in it."""
        self.stamp_ns += 33_000_000
        self.ids.publish(stamped(IdsList(ids=list(bodies)), "", self.stamp_ns))
        for name in bodies.keys() - self.publishers.keys():
            self.publishers[name] = self.graph.peer.create_publisher(Skeleton2D, self.topic(name), 1)
        for name, body in bodies.items():
            self.publishers[name].publish(skeleton_message(body, self.stamp_ns))
        self.graph.spin(0.01)

    def topic(self, name):
        return f"/humans/bodies/{name}/skeleton2d"

    def until(self, condition, **bodies):
        """Publish until the condition holds."""
        for _ in range(500):
            if condition():
                return
            self.publish(**bodies)
        raise AssertionError("did not happen")

    def followed(self, name):
        return self.graph.peer.count_subscribers(self.topic(name))


def test_rep155_bodies_come_and_go(graph_with, flat_bundle, make_body):
    node = Node(graph_with, flat_bundle, "input:=hri", *SIZE)
    node.activate()
    bodies = Bodies(node.graph)

    def actions():
        return sorted(str(person["action"]) for person in node.records[-1]["persons"]) if node.records else []

    left, right = make_body("left", x=-0.8), make_body("right", x=0.8)
    bodies.until(lambda: actions() == ["raise_left", "raise_right"], ann=left, bob=right)
    assert node.records[-1]["frame_id"] == "camera_optical_frame"

    bodies.until(lambda: actions() == ["raise_right"], bob=right)
    bodies.until(lambda: not bodies.followed("ann"), bob=right)
    assert bodies.followed("bob") == 1

    bodies.until(lambda: actions() == [])  # an empty list of ids: nobody
    bodies.until(lambda: actions() == ["raise_left"], eve=left)
    node.node.trigger_deactivate()
    node.graph.until(lambda: not bodies.followed("eve"))
    assert node.graph.peer.count_subscribers("/humans/bodies/tracked") == 0


def test_rep155_bodies_and_depth_are_people_in_space(graph_with, tiny_bundle, make_body):
    """The bundle is one for people in space; the picture has a tenth of the pixels, so that DDS delivers them."""
    node = Node(graph_with, tiny_bundle, "input:=hri", "use_depth:=true")
    node.activate()
    infos = node.graph.publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
    infos.publish(CameraInfo(width=64, height=48, k=[50.0, 0.0, 32.0, 0.0, 50.0, 24.0, 0.0, 0.0, 1.0]))
    depths = node.graph.publisher(Image, "depth_image", qos_profile_sensor_data)
    bodies = Bodies(node.graph)

    def told():
        data = array.array("B", np.full(64 * 48, 2500, np.uint16).tobytes())
        depth = Image(width=64, height=48, step=128, encoding="16UC1", data=data)
        depths.publish(stamped(depth, "camera_optical_frame", bodies.stamp_ns))
        return "raise_right" in node.labels

    bodies.until(told, ann=make_body("right"))


def test_ids_are_not_announced_to_those_who_announced_them(graph_with, flat_bundle):
    node = Node(graph_with, flat_bundle, "input:=hri", "publish_gestures:=true", *SIZE)
    node.activate()
    assert "/humans/bodies/tracked" not in {one.topic_name for one in node.node.publishers}


def test_image_points_are_refused_until_a_camera_says_how_large_the_image_is(graph_with, flat_bundle, make_body):
    node = Node(graph_with, flat_bundle, "input:=hri")
    node.activate()
    bodies = Bodies(node.graph)
    for _ in range(20):
        bodies.publish(ann=make_body("right"))
    status = node.graph.status("input", lambda status: "rejected: unreadable message" in status.table)
    assert "publish camera_info beside it, or set image_width and image_height" in status.message
    assert not any(record["persons"] for record in node.records)
    info = node.graph.publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
    info.publish(CameraInfo(width=640, height=480))
    bodies.until(lambda: "raise_right" in node.labels, ann=make_body("right"))


def test_rep155_strangers_are_counted_and_held_at_bay(graph_with, flat_bundle, make_body):
    node = Node(graph_with, flat_bundle, "input:=hri", *SIZE)
    node.activate()
    bodies = Bodies(node.graph)
    bodies.until(lambda: node.records and node.records[-1]["persons"], ann=make_body())
    bodies.ids.publish(IdsList(ids=["ann", "no/topic", "7"]))
    bodies.ids.publish(IdsList(ids=["x"] * 1000))
    bodies.publishers["ann"].publish(bytes(10_000))
    bodies.publishers["ann"].publish(b"\0\1\0\0" + b"\xff" * 40)
    # Forty people, forty others, and so on: subscriptions follow only so fast, and are given up again.
    for i in range(400):
        bodies.ids.publish(IdsList(ids=[f"n{i}_{j}" for j in range(40)]))
        node.graph.spin(0.001)
    assert len(node.node._input._bodies) <= 8
    bodies.until(lambda: len(node.records[-1]["persons"]) == 1, ann=make_body())
    status = node.graph.status("input", lambda status: "rejected: invalid id" in status.table)
    counted = {key[10:]: int(n) for key, n in status.table.items() if key.startswith("rejected: ")}
    assert counted == {"invalid id": 2, "unreadable message": 3}


def test_the_texts_make_the_types_of_the_originals(graph_with):
    graph = graph_with()
    graph.peer.create_publisher(Classification, "classified", 1)
    (endpoint,) = graph.until(lambda: graph.peer.get_publishers_info_by_topic("classified"))
    assert (endpoint.topic_type, endpoint.topic_type_hash.version) == ("vision_msgs/msg/Classification", 1)
    assert bytes(endpoint.topic_type_hash.value).hex() == CLASSIFICATION

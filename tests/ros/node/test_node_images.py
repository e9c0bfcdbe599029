"""The node on image topics, with the real pose stage: pictures in, people out, and bad pictures counted."""

import array
import json
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
pytest.importorskip("mediapipe", reason="needs the pose stage: pip install 'csre_ros[mediapipe]'")
import cv2
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import String

from csre_ros.ros.stamps import to_ns

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def picture(shared_data):
    """One person, 256 x 256."""
    return cv2.resize(cv2.imread(str(shared_data / "video" / "pose.jpg")), (256, 256))


class ImageTalker:
    def __init__(self, graph, message, topic):
        self.graph = graph
        self.node = graph.start_node()
        self.people = graph.listen(PointCloud2, "/action_node/skeletons", qos_profile_sensor_data)
        self.records = graph.listen(String, "/action_node/actions", read=lambda message: json.loads(message.data))
        self.publisher = graph.publisher(message, topic, 1)

    def say(self, message):
        """Publish, and wait until the node has dealt with it."""
        message.header.stamp = self.graph.peer.get_clock().now().to_msg()
        message.header.frame_id = "lens"
        rejected, stamp_s = self.rejected, to_ns(message.header.stamp) / 1e9
        self.publisher.publish(message)
        self.graph.until(
            lambda: self.rejected > rejected or (self.records and self.records[-1]["stamp"] > stamp_s - 1e-4)
        )
        self.graph.spin(0.02)

    def show(self, message):
        """Publish until the person counts as followed."""
        self.graph.until(lambda: self.say(message) or (self.people and self.people[-1].height == 1))

    @property
    def rejected(self):
        return sum(self.node._health.snapshot().rejections.values())


def image_talker(graph_with, bundle, name="image", message=Image, topic="image"):
    # No pause of a busy machine is silence.
    parameters = (f"input:={name}", f"bundle:={bundle}", "max_rate_hz:=1000.0", "input_timeout_s:=60.0")
    graph = graph_with(*(word for parameter in parameters for word in ("-p", parameter)))
    return ImageTalker(graph, message, topic)


def to_image(pixels, encoding="bgr8", **changes):
    rows, columns = pixels.shape[:2]
    values = {"height": rows, "width": columns, "step": pixels[0].nbytes, "encoding": encoding, **changes}
    return Image(data=array.array("B", pixels.tobytes()), **values)


def nv12(picture):
    """Luma, and below it both chromas of every second pixel in turn, as hardware decoders give pictures."""
    rows, columns = picture.shape[:2]
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    chroma = planes[rows:].reshape(2, rows // 2, columns // 2)
    return np.vstack([planes[:rows], np.stack(list(chroma), 2).reshape(rows // 2, columns)])


def yuy2(picture):
    """Luma of every pixel and one of both chromas in turn, as USB cameras send pictures."""
    rows, columns = picture.shape[:2]
    planes = nv12(picture)
    chroma = planes[rows:].reshape(rows // 2, columns // 2, 2).repeat(2, axis=0)
    return np.stack([planes[:rows], chroma.reshape(rows, columns)], 2)


@pytest.mark.slow
def test_images_of_every_encoding_show_the_person_and_bad_ones_are_counted(graph_with, tiny_bundle, picture):
    talker = image_talker(graph_with, tiny_bundle)
    good = [
        to_image(picture),
        to_image(picture[..., ::-1], "rgb8"),
        to_image(np.dstack([picture, picture[..., :1]]), "bgra8"),
        to_image(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), "mono8"),
        to_image(np.pad(picture, ((0, 0), (0, 10), (0, 0))), width=256),
        to_image(nv12(picture), "nv12", height=256),
        to_image(yuy2(picture), "yuv422_yuy2", width=256, step=512),
    ]
    bad = [
        to_image(picture, height=0),
        to_image(picture, width=0),
        to_image(picture, step=700),
        to_image(picture, height=257),
        to_image(picture[..., :2], "16UC1"),
        to_image(picture, "telepathy8"),
    ]
    talker.show(good[0])
    begin_ns = talker.graph.peer.get_clock().now().nanoseconds
    for message in (*good, *bad, good[0]):
        talker.say(message)
    people = []

    def all_came():  # clouds come on a topic of their own
        people[:] = [cloud for cloud in talker.people if to_ns(cloud.header.stamp) >= begin_ns]
        return len(people) > len(good)

    talker.graph.until(all_came)
    assert [(cloud.height, cloud.width) for cloud in people] == [(1, 33)] * (len(good) + 1)
    assert {cloud.header.frame_id for cloud in people} == {"lens"}
    assert talker.rejected == len(bad)
    status = talker.graph.status("input")
    assert status.table["rejected: unreadable message"] == str(len(bad))
    assert float(talker.graph.status("pose").table["p50_ms"]) > 0


@pytest.mark.slow
def test_compressed_images(graph_with, tiny_bundle, picture):
    talker = image_talker(graph_with, tiny_bundle, "compressed_image", CompressedImage, "image/compressed")
    jpeg = array.array("B", cv2.imencode(".jpg", picture)[1].tobytes())
    talker.show(CompressedImage(format="jpeg", data=jpeg))
    before = len(talker.people)
    talker.say(CompressedImage(format="jpeg", data=jpeg[:50]))
    talker.say(CompressedImage(format="bgr8; jpeg compressed bgr8", data=jpeg))
    assert [cloud.height for cloud in talker.people[before:]] == [1]
    assert talker.rejected == 1


@pytest.mark.slow
def test_the_newest_image_wins_and_the_others_are_counted(graph_with, tiny_bundle, picture):
    talker = image_talker(graph_with, tiny_bundle)
    talker.show(to_image(picture))
    begin = talker.graph.status("input").table
    observe = talker.node._pipeline.observe

    def slowly(source):
        time.sleep(0.2)
        return observe(source)

    talker.node._pipeline.observe = slowly
    stamps = []
    for _ in range(20):
        image = to_image(picture)
        image.header.stamp = talker.graph.peer.get_clock().now().to_msg()
        stamps.append(image.header.stamp)
        talker.publisher.publish(image)
        talker.graph.spin(0.02)
    talker.graph.until(lambda: talker.people[-1].header.stamp == stamps[-1])
    end = talker.graph.status("input").table
    received, skipped = (int(end[name]) - int(begin[name]) for name in ("received", "skipped"))
    assert skipped >= 10
    known = {stamp.sec + stamp.nanosec / 1e9 for stamp in stamps}
    looked_at = {
        record["stamp"] for record in talker.records if any(abs(record["stamp"] - one) < 1e-6 for one in known)
    }
    assert received - skipped == len(looked_at)  # every image was looked at or counted


@pytest.mark.slow
def test_the_person_in_a_picture_stands_where_the_depth_image_shows_them(graph_with, tiny_bundle, picture):
    """Without it they would stand where the declared field of view puts them."""
    talker = image_talker(graph_with, tiny_bundle, "rgbd")
    depths = talker.graph.publisher(Image, "depth_image", 1)
    matrix = [300.0, 0.0, 128.0, 0.0, 300.0, 128.0, 0.0, 0.0, 1.0]
    talker.graph.publisher(CameraInfo, "camera_info", 1).publish(CameraInfo(width=256, height=256, k=matrix))
    message, depth = to_image(picture), to_image(np.full((256, 256), 6000, np.uint16), "16UC1")

    def placed():
        depth.header.stamp = message.header.stamp = talker.graph.peer.get_clock().now().to_msg()
        message.header.frame_id = "lens"
        talker.publisher.publish(message)
        depths.publish(depth)
        talker.graph.spin(0.1)
        return talker.people and talker.people[-1].height == 1

    talker.graph.until(placed)
    cloud = np.frombuffer(talker.people[-1].data, np.float32).reshape(33, -1)
    seen = cloud[cloud[:, 3] > 0.8, :3]
    assert np.median(seen[:, 2]) == pytest.approx(6.0, abs=0.15)
    assert np.ptp(seen[:, 2]) > 0.05  # the body keeps its shape
    pixels = seen[:, :2] / seen[:, 2:] * 300 + 128
    assert ((pixels > 0) & (pixels < 256)).all()

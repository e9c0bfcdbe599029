"""Bags that others wrote: other topic names, storages and points are read, what holds no people is refused."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from csre_ros.sources import SourceConfig, bag, open_source
from csre_ros.sources.recording import RecordingSource
from tests.sources.people import LAYOUT, SECOND, person


def foreign(path: Path, topics: list[tuple[str, object]], storage: StoragePlugin = StoragePlugin.MCAP) -> Path:
    """A bag folder with one message per entry, a tenth of a second apart."""
    store = bag.typestore()
    with Writer(path, version=8, storage_plugin=storage) as writer:
        connections = {}
        for i, (topic, message) in enumerate(topics):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=store)
            writer.write(connections[topic], SECOND + i * SECOND // 10, store.serialize_cdr(message, kind))
    return path


def string(text: str) -> object:
    return bag.typestore().types["std_msgs/msg/String"](text)


def cloud(seed: int = 0, sec: int = 7, **changes) -> object:
    """The message of a recording, changed."""
    types = bag.typestore().types
    from csre_ros.skeleton.cloud import pack_cloud

    packed = pack_cloud([person(seed)], LAYOUT)
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](sec, 0), "depth_camera")
    field = types["sensor_msgs/msg/PointField"]
    values = {
        **vars(packed),
        "header": header,
        "fields": [field(**vars(item)) for item in packed.fields],
        "data": np.frombuffer(packed.data, np.uint8),
    }
    return types["sensor_msgs/msg/PointCloud2"](**{**values, **changes})


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_bag_folder_with_other_topic_names_is_read(tmp_path, storage):
    path = foreign(
        tmp_path / "bag",
        [("/robot/people/layout", string("mediapipe33")), ("/robot/people", cloud(1)), ("/chatter", string("hi")),
         ("/other_cloud", cloud(2)), ("/robot/people", cloud(3, sec=8))],
        storage,
    )  # fmt: skip
    with open_source(str(path)) as source:
        read = list(source)
    assert [(frame.stamp_ns // SECOND, frame.frame_id) for frame in read] == [(7, "depth_camera"), (8, "depth_camera")]
    np.testing.assert_array_equal(read[1].skeletons[0].positions, person(3).positions)


def flat_cloud(*names: str) -> object:
    """One person at (0.25, 0.5) of the image, in fields of these names."""
    types = bag.typestore().types
    field = types["sensor_msgs/msg/PointField"]
    return cloud(
        width=17,
        fields=[field(name, 4 * i, 7, 1) for i, name in enumerate(names)],
        point_step=8,
        row_step=136,
        data=np.frombuffer(np.tile(np.float32((0.25, 0.5)), 17).tobytes(), np.uint8),
    )


def test_older_image_points_are_converted_by_the_recorded_images(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
    types = bag.typestore().types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](7, 0), "front")
    jpeg = cv2.imencode(".jpg", np.zeros((20, 40, 3), np.uint8))[1]
    picture = types["sensor_msgs/msg/CompressedImage"](header, "jpeg", jpeg)
    topics = [
        ("/skeletons/layout", string("coco17")),
        ("/skeletons", flat_cloud("x", "y")),
        ("/image/compressed", picture),
    ]
    read = [frame for frame in RecordingSource(foreign(tmp_path / "bag", topics)) if frame.skeletons]
    np.testing.assert_array_equal(read[0].skeletons[0].positions[0], (0.5, 0.5))


def test_older_image_points_without_images_need_their_size(tmp_path):
    path = foreign(tmp_path / "bag", [("/skeletons/layout", string("coco17")), ("/skeletons", flat_cloud("x", "y"))])
    with pytest.raises(ValueError, match="no image that shows how wide it was: say how large"):
        RecordingSource(path)
    (frame,) = RecordingSource(path, SourceConfig(width=1280, height=640))
    np.testing.assert_array_equal(frame.skeletons[0].positions[0], (0.5, 0.5))


def test_without_a_stamp_the_recording_time_counts(tmp_path):
    path = foreign(tmp_path / "bag", [("/skeletons/layout", string("mediapipe33")), ("/skeletons", cloud(sec=0))])
    assert [frame.stamp_ns for frame in RecordingSource(path)] == [1_100_000_000]


def test_bad_clouds_and_people_are_counted_and_the_recording_goes_on(tmp_path, caplog):
    whole = cloud(1)
    infinite = whole.data.copy()
    infinite[:4] = np.frombuffer(np.float32(np.inf).tobytes(), np.uint8)
    path = foreign(
        tmp_path / "bag",
        [("/skeletons/layout", string("mediapipe33")), ("/skeletons", cloud(1, width=32)),
         ("/skeletons", cloud(1, fields=[])), ("/skeletons", cloud(1, data=whole.data[:-1])),
         ("/skeletons", cloud(1, data=infinite)), ("/skeletons", whole)],
    )  # fmt: skip
    with open_source(str(path)) as source:
        read = list(source)
    assert [len(frame.skeletons) for frame in read] == [0, 1]
    assert source.dropped == 3
    assert source.rejected == Counter({"infinite coordinate": 1})
    assert "the frame at 1100000000 ns is left out: the cloud is 32 joints wide" in caplog.text


@pytest.mark.parametrize(
    ("topics", "message"),
    [
        ([("/chatter", "hi")], r"has no skeleton topics: it holds '/chatter' \('std_msgs/msg/String'\); expected one"),
        ([("/skeletons", None)], r"has no skeleton topics: it holds '/skeletons' \('sensor_msgs/msg/PointCloud2'\)"),
        ([("/skeletons/layout", "mediapipe33")], "has no skeleton topics"),
        (
            [("/skeletons", None), ("/skeletons/layout", "ntu26")],
            "/skeletons/layout: unknown layout 'ntu26'; choose one",
        ),
        ([("/skeletons", None), ("/skeletons/layout", "")], "unknown layout ''"),
        ([("/a", None), ("/a/layout", "ntu25"), ("/b", None), ("/b/layout", "ntu25")], "has 2 skeleton topics"),
    ],
)
def test_a_bag_without_skeletons_is_refused(tmp_path, topics, message):
    contents = [(topic, cloud() if text is None else string(text)) for topic, text in topics]
    path = foreign(tmp_path / "bag", contents)
    with pytest.raises(ValueError, match=f"bag.*{message}"):
        open_source(str(path))
    single = shutil.copy(path / "bag.mcap", tmp_path / "single.mcap")
    with pytest.raises(ValueError, match=f"single.mcap.*{message}"):
        open_source(str(single))


def test_a_folder_without_its_storage_is_refused(tmp_path):
    path = foreign(tmp_path / "bag", [("/skeletons/layout", string("mediapipe33")), ("/skeletons", cloud())])
    (path / "bag.mcap").unlink()
    with pytest.raises(ValueError, match="bag is no readable recording: Some database files are missing"):
        open_source(str(path))
    (path / "metadata.yaml").write_text(": no yaml [")
    with pytest.raises(ValueError, match="bag is no readable recording"):
        open_source(str(path))

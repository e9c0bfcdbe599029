"""Bags are known by what is in them, whatever they are called; what cannot be read says what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from csre_ros.recordings import SHIPPED
from csre_ros.sources import bag, open_source
from csre_ros.sources.open import is_recording


@pytest.fixture(params=[StoragePlugin.MCAP, StoragePlugin.SQLITE3], ids=["mcap", "db3"])
def folder(tmp_path, request) -> Path:
    """The shipped recording as ``ros2 bag record`` would have written it."""
    with Reader(SHIPPED) as reader, Writer(tmp_path / "bag", version=8, storage_plugin=request.param) as writer:
        added = {}
        for connection, recorded_ns, data in reader.messages():
            if connection.topic not in added:
                added[connection.topic] = writer.add_connection(
                    connection.topic, connection.msgtype, typestore=bag.typestore()
                )
            writer.write(added[connection.topic], recorded_ns, data)
    return tmp_path / "bag"


def count(path: Path) -> int:
    assert is_recording(str(path))
    with open_source(str(path)) as source:
        return sum(1 for _ in source)


def test_folder_metadata_and_storage_name_the_same_bag(folder):
    (storage,) = (path for path in folder.iterdir() if path.suffix != ".yaml")
    assert [count(path) for path in (folder, folder / "metadata.yaml", storage)] == [171] * 3


@pytest.mark.parametrize("name", ["X.MCAP", "wave", "wave.mp4", "wave.mcap.part"])
def test_an_mcap_file_may_have_any_name(tmp_path, name):
    assert count(Path(shutil.copy(SHIPPED, tmp_path / name))) == 171


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("walk.bag", b"#ROSBAG V2.0\n" + bytes(99), r"walk.bag is a bag of ROS 1; .*rosbags-convert --src \S+walk.bag"),
        ("walk.mcap", b"#ROSBAG V2.0\n" + bytes(99), "walk.mcap is a bag of ROS 1"),
        ("walk.mcap.zstd", b"\x28\xb5\x2f\xfd" + bytes(99), "one compressed file of a bag; name the folder"),
        ("walk.sqlite", b"SQLite format 3\0" + bytes(99), "call it something.db3"),
        ("walk.db3", b"SQLite format 3\0" + bytes(99), "walk.db3 is no readable recording"),
        ("walk.db3", b"no database", "walk.db3 is no readable recording"),
        ("metadata.yaml", b"rosbag2_bagfile_information:\n  version: 8\n", "is no readable recording: A metadata key"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        open_source(str(tmp_path / name))


def test_a_folder_without_metadata_says_what_to_do(folder):
    """As a recorder leaves it that was killed."""
    (folder / "metadata.yaml").unlink()
    (storage,) = folder.iterdir()
    with pytest.raises(OSError, match=rf"holds {storage.name} and no metadata.yaml.*name the file itself.*`ros2 bag"):
        open_source(str(folder))
    assert count(storage) == 171


def test_an_empty_folder_is_none(tmp_path):
    with pytest.raises(OSError, match="holds no images"):
        open_source(str(tmp_path))

"""Making a complete recording of one that was cut or damaged."""

from __future__ import annotations

from pathlib import Path

from csre_ros.sources.mcap_reader import McapFile
from csre_ros.sources.mcap_writer import McapWriter


def recover(path: Path, output: Path) -> McapFile:
    """Write everything that is whole of an MCAP file into a complete one.

    Args:
        path: The file, which may be cut or damaged, and is left as it is.
        output: The new file.

    Returns:
        What was found, and what is lost.

    Raises:
        OSError: The file cannot be read, or the new one exists or cannot be written.
        ValueError: Not one message is whole, or it is no MCAP file of ROS 2.
    """
    found = McapFile(path, salvage=True)
    if not found.topics:
        raise ValueError(f"{path} holds no whole message; there is nothing to save")
    with McapWriter(output) as file:
        numbers = {topic.name: file.add_topic(topic) for topic in found.topics}
        for topic, recorded_ns, data in found.messages():
            file.write(numbers[topic.name], recorded_ns, data)
    return found

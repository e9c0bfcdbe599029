"""People in ``yolo_msgs/DetectionArray``, as ``yolo_ros`` publishes pose models.

Key points are numbered from 1 in COCO order, and those below the detector's threshold are left out. In the image they
are pixels, which are divided by the height of the image; in space they are metres in a frame of their own, which is
``base_link`` unless its user said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.ros.packages import message_class
from csre_ros.ros.readers.axes import to_optical
from csre_ros.ros.readers.cdr import Reader, deserialize
from csre_ros.ros.readers.crowd import MAX_PEOPLE, Crowd
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.ros.stamps import checked_frame, read_header, to_ns
from csre_ros.skeleton import get_layout
from csre_ros.sources.frames import SourceFrame

FLAT, SOLID = get_layout("coco17"), get_layout("coco17_3d")


def read_image_points(data: bytes, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of the key points in the image.

    Args:
        data: A serialised ``yolo_msgs/DetectionArray``.
        sender: Says how large the image is; the layout is always ``coco17``.
        arrival_ns: Stamp of messages without one.

    Returns:
        The frame, and how many people were rejected, by reason; beside those of :class:`Crowd` there are
        ``"no key points"``, ``"too many key points"``, ``"unknown key point"`` and ``"joint repeats"``.

    Raises:
        ValueError: The bytes are no such message, there are too many detections, or the size of the image is not known.
        ImportError: ``yolo_msgs`` is not installed.
    """
    message, crowd = _message(data), Crowd()
    height = sender.size()[1] if message.detections else 1
    stamp_ns, frame_id = read_header(message.header, arrival_ns)
    for detection in message.detections:
        found = _places(detection.keypoints.data, lambda point: (point.x / height, point.y / height), crowd)
        if found is not None:
            crowd.add(FLAT, *found, detection.id or None)
    return SourceFrame(stamp_ns, frame_id, skeletons=crowd.people), crowd.rejected


def read_space_points(data: bytes, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of the key points in space.

    Its ``frame_id`` is that of the points. Arguments, results and errors as :func:`read_image_points`; the layout is
    ``coco17_3d``, and a further reason is ``"another frame"`` than that of the first person.
    """
    message, crowd = _message(data), Crowd()
    stamp_ns = to_ns(message.header.stamp) or arrival_ns
    frames = [detection.keypoints3d.frame_id for detection in message.detections if detection.keypoints3d.data]
    frame_id = checked_frame(frames[0] if frames else message.header.frame_id)
    for detection in message.detections:
        if detection.keypoints3d.data and detection.keypoints3d.frame_id != frame_id:
            crowd.rejected["another frame"] += 1
            continue
        found = _places(detection.keypoints3d.data, lambda point: (point.x, point.y, point.z), crowd)
        if found is not None:
            crowd.add(SOLID, to_optical(found[0], frame_id), found[1], detection.id or None)
    return SourceFrame(stamp_ns, frame_id, skeletons=crowd.people), crowd.rejected


def _message(data: bytes) -> Any:
    reader = Reader(data)
    reader.header()
    reader.length(MAX_PEOPLE, "detections")
    return deserialize(data, message_class("yolo_msgs", "DetectionArray"))


def _places(
    points: Sequence[Any], coordinates: Callable[[Any], tuple[float, ...]], crowd: Crowd
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Positions and confidence of numbered key points; None where the person was rejected."""
    numbers = [point.id for point in points[: len(FLAT) + 1]]
    if reason := _fault(numbers):
        crowd.rejected[reason] += 1
        return None
    rows = np.array(numbers) - 1
    places = np.array([coordinates(point.point) for point in points], np.float64)
    positions, confidence = np.full((len(FLAT), places.shape[1]), np.nan), np.zeros(len(FLAT))
    positions[rows], confidence[rows] = places, [point.score for point in points]
    return positions, confidence


def _fault(numbers: Sequence[int]) -> str:
    if not numbers:
        return "no key points"
    if len(numbers) > len(FLAT):
        return "too many key points"
    if not all(1 <= number <= len(FLAT) for number in numbers):
        return "unknown key point"
    return "joint repeats" if len(set(numbers)) < len(numbers) else ""

"""Skeletons as a point cloud, the convention of ``sensor_msgs/PointCloud2`` topics and recordings. Needs no ROS.

An organised cloud: **height = persons, width = joints** in the order of the layout. Fields ``x``, ``y``, ``z``
(metres, camera-optical axes) and ``c`` (confidence in 0..1) are float32; ``id`` (uint32, the same for all joints of a
person) is the source's own person id, 0 where it has none. A joint that was not seen is NaN with confidence 0. A cloud
without points says that nobody is in view.

Clouds of 2-D layouts have ``u`` and ``v`` instead: image coordinates divided by the image's height. Those of csre_ros
0.1 have ``x`` and ``y``, divided by width and height; they are read where the shape of the image is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import quoted
from csre_ros.skeleton.layout import SkeletonLayout
from csre_ros.skeleton.skeleton import FloatArray, Skeleton, in_image_heights

UINT32, FLOAT32, FLOAT64 = 6, 7, 8
"""Data type codes of ``sensor_msgs/PointField``."""

_SHOWN = 8  # names of fields in a message, at most
_NUMPY_CODES = {UINT32: "u4", FLOAT32: "f4", FLOAT64: "f8"}


@dataclass(frozen=True)
class CloudField:
    """One field of a point, as ``sensor_msgs/PointField`` has it.

    Attributes:
        name: What the value means.
        offset: Bytes from the start of the point.
        datatype: Code of the number type.
        count: Numbers in the field.
    """

    name: str
    offset: int
    datatype: int
    count: int


class CloudFieldLike(Protocol):
    """What is read of a ``sensor_msgs/PointField``."""

    @property
    def name(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def datatype(self) -> int: ...
    @property
    def count(self) -> int: ...


class CloudLike(Protocol):
    """What is read of a ``sensor_msgs/PointCloud2``, whichever library made the message."""

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def fields(self) -> Sequence[CloudFieldLike]: ...
    @property
    def is_bigendian(self) -> bool: ...
    @property
    def point_step(self) -> int: ...
    @property
    def row_step(self) -> int: ...
    @property
    def data(self) -> Any: ...


@dataclass(frozen=True)
class PackedCloud:
    """Everything of a ``sensor_msgs/PointCloud2`` but its header, under the same names."""

    height: int
    width: int
    fields: tuple[CloudField, ...]
    point_step: int
    row_step: int
    is_dense: bool
    data: bytes
    is_bigendian: bool = False


_COORDINATES = {3: ("x", "y", "z"), 2: ("u", "v")}
_BY_WIDTH_AND_HEIGHT = ("x", "y")


def _numeric_id(source_id: str | None) -> int:
    """The id as uint32; 0 for names that are no decimal number of that size."""
    if source_id is None or not (source_id.isascii() and source_id.isdigit() and len(source_id) <= 10):
        return 0
    return int(source_id) if int(source_id) < 2**32 else 0


def pack_cloud(skeletons: Sequence[Skeleton], layout: SkeletonLayout) -> PackedCloud:
    """Write people of one layout as a cloud.

    A ``source_id`` that is a decimal number becomes the field ``id``; other names do not fit and are left out, and so
    are ``image_points``.

    Raises:
        ValueError: A skeleton has another layout.

    >>> from csre_ros.skeleton import get_layout
    >>> pack_cloud((), get_layout("ntu25")).fields[3]
    CloudField(name='c', offset=12, datatype=7, count=1)
    """
    for skeleton in skeletons:
        if skeleton.layout is not layout and skeleton.layout != layout:  # comparing layouts compares all joints
            raise ValueError(
                f"cannot write a {skeleton.layout.name!r} skeleton into a {layout.name!r} cloud; map it first"
            )
    floats = (*_COORDINATES[layout.dims], "c")
    points = np.empty((len(skeletons), len(layout), len(floats) + 1), "<f4")
    for row, skeleton in zip(points, skeletons, strict=True):
        row[:, :-2], row[:, -2] = skeleton.positions, skeleton.confidence
    points.view("<u4")[..., -1] = np.array([_numeric_id(each.source_id) for each in skeletons], np.uint32)[:, None]
    fields = [CloudField(name, 4 * i, FLOAT32, 1) for i, name in enumerate(floats)]
    fields.append(CloudField("id", 4 * len(floats), UINT32, 1))
    step = points.itemsize * points.shape[-1]
    dense = bool((points[..., -2] > 0).all())
    return PackedCloud(len(skeletons), len(layout), tuple(fields), step, step * len(layout), dense, points.tobytes())


def unpack_cloud(
    cloud: CloudLike, layout: SkeletonLayout, max_people: int = 64, aspect: float | None = None
) -> tuple[tuple[Skeleton, ...], Counter[str]]:
    """Read the people of a cloud.

    Fields are found by name, offset and type, so extra fields, padded points and rows, float64 and big-endian data are
    all read. Without a field ``c`` every joint that is not NaN has confidence 1; a NaN confidence marks a joint unseen.

    Args:
        cloud: The message, or anything with its attributes.
        layout: The joint convention that the sender uses.
        max_people: A larger cloud is refused as a mistake.
        aspect: Width of the image divided by its height, for image points that were divided by both.

    Returns:
        The people in the order of the cloud, and how many were rejected, by reason: ``"infinite coordinate"``,
        ``"confidence outside 0..1"``, ``"no joint seen"``, ``"id differs between joints"``, ``"duplicate id"`` (the
        later person loses).

    Raises:
        ValueError: The cloud as a whole cannot be skeletons of this layout: a field is missing or has another type,
            the width is not the number of joints, there are more than ``max_people`` rows, the sizes contradict the
            data, or image points were divided by width and height and ``aspect`` is None.
    """
    if cloud.height == 0 or cloud.width == 0:
        return (), Counter()
    old = layout.dims == 2 and holds_width_and_height(cloud)
    if old and aspect is None:
        raise ValueError(
            "the cloud has image points x and y, divided by width and height, and the shape of the image is not known: "
            "say how large the image is, or send u and v, both divided by its height"
        )
    coordinates = _BY_WIDTH_AND_HEIGHT if old else _COORDINATES[layout.dims]
    points = _points(cloud, layout, coordinates, max_people)
    assert points.dtype.names is not None
    # A float64 beyond the range of float32 becomes infinite, which the check below rejects.
    with np.errstate(over="ignore", invalid="ignore"):
        positions = np.stack([points[name].astype(np.float32) for name in coordinates], axis=-1)
        if old and aspect is not None:
            positions = in_image_heights(positions, aspect)
        missing = np.isnan(positions).any(axis=-1)
        if "c" in points.dtype.names:
            confidence = points["c"].astype(np.float32)
            missing |= np.isnan(confidence)
        else:
            confidence = np.ones(missing.shape, np.float32)
    confidence[missing] = 0
    ids = points["id"] if "id" in points.dtype.names else np.zeros(missing.shape, np.uint32)

    people: list[Skeleton] = []
    seen: set[int] = set()
    rejected: Counter[str] = Counter()
    sound = ~np.isinf(positions).any(axis=(1, 2))
    sound &= ((confidence >= 0) & (confidence <= 1)).all(axis=1) & confidence.any(axis=1)
    mixed = (ids != ids[:, :1]).any(axis=1)
    for row, person_id in enumerate(ids[:, 0].tolist()):
        reason = "" if sound[row] else fault(positions[row], confidence[row])
        if not reason and mixed[row]:
            reason = "id differs between joints"
        if not reason and person_id in seen:
            reason = "duplicate id"
        if reason:
            rejected[reason] += 1
            continue
        if person_id:
            seen.add(person_id)
        people.append(Skeleton(layout, positions[row], confidence[row], str(person_id) if person_id else None))
    return tuple(people), rejected


def holds_width_and_height(cloud: CloudLike) -> bool:
    """Whether the image points of a 2-D cloud were divided by width and height, not by the height alone."""
    names = {field.name for field in cloud.fields}
    return names.issuperset(_BY_WIDTH_AND_HEIGHT) and names.isdisjoint(_COORDINATES[2])


def fault(positions: FloatArray, confidence: FloatArray) -> str:
    """Why a person must be left out, whatever message they come from; empty where they need not be.

    Args:
        positions: ``[V, dims]``; NaN for joints not seen.
        confidence: ``[V]``; 0 for joints not seen.
    """
    if np.isinf(positions).any():
        return "infinite coordinate"
    if confidence.min() < 0 or confidence.max() > 1:
        return "confidence outside 0..1"
    return "" if confidence.any() else "no joint seen"


def _points(
    cloud: CloudLike, layout: SkeletonLayout, coordinates: tuple[str, ...], max_people: int
) -> NDArray[np.void]:
    """The cloud as a ``[persons, joints]`` structured view of its own bytes, after all sizes are checked."""
    if cloud.width != len(layout):
        raise ValueError(
            f"the cloud is {cloud.width} joints wide; layout {layout.name!r} has {len(layout)}: "
            "set the layout that the sender uses (height = persons, width = joints)"
        )
    if not 0 < cloud.height <= max_people:
        raise ValueError(
            f"the cloud has {cloud.height} rows; one row is one person and at most {max_people} are accepted: "
            "check that height = persons and width = joints"
        )
    dtype = _point_dtype(cloud, layout, coordinates)
    if cloud.row_step < cloud.width * cloud.point_step:
        raise ValueError(
            f"row_step is {cloud.row_step}; {cloud.width} points of {cloud.point_step} bytes need at least "
            f"{cloud.width * cloud.point_step}"
        )
    data = np.frombuffer(cloud.data, np.uint8)
    if len(data) < cloud.height * cloud.row_step:
        raise ValueError(
            f"the cloud has {len(data)} bytes of data; {cloud.height} rows of {cloud.row_step} bytes need "
            f"{cloud.height * cloud.row_step}: the message was cut short or declares wrong sizes"
        )
    return np.ndarray((cloud.height, cloud.width), dtype, data, strides=(cloud.row_step, cloud.point_step))


def _point_dtype(cloud: CloudLike, layout: SkeletonLayout, required: tuple[str, ...]) -> np.dtype[np.void]:
    """The fields that skeletons are made of, as a structured type of ``point_step`` bytes."""
    accepted = {**dict.fromkeys((*required, "c"), (FLOAT32, FLOAT64)), "id": (UINT32,)}
    fields = {field.name: field for field in cloud.fields if field.name in accepted}
    if absent := [name for name in required if name not in fields]:
        raise ValueError(
            f"the cloud lacks the fields {', '.join(absent)}; "
            f"it has {', '.join(quoted(field.name, 20) for field in cloud.fields[:_SHOWN]) or 'none'}, "
            f"layout {layout.name!r} needs {', '.join(required)} and optionally c, id"
        )
    for field in fields.values():
        if field.datatype not in accepted[field.name] or field.count > 1:
            raise ValueError(
                f"field {quoted(field.name)} has datatype {field.datatype} and count {field.count}; it must be one "
                f"{'uint32 (6)' if field.name == 'id' else 'float32 (7) or float64 (8)'}"
            )
        size = np.dtype(_NUMPY_CODES[field.datatype]).itemsize
        if field.offset < 0 or field.offset + size > cloud.point_step:
            raise ValueError(
                f"field {quoted(field.name)} covers bytes {field.offset}..{field.offset + size} of a point, "
                f"but point_step is {cloud.point_step}"
            )
    order = ">" if cloud.is_bigendian else "<"
    return np.dtype(
        {
            "names": list(fields),
            "formats": [order + _NUMPY_CODES[field.datatype] for field in fields.values()],
            "offsets": [field.offset for field in fields.values()],
            "itemsize": cloud.point_step,
        }
    )

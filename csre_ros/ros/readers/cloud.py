"""People in ``sensor_msgs/PointCloud2``, by the convention of :mod:`csre_ros.skeleton.cloud`."""

from __future__ import annotations

from sensor_msgs.msg import PointCloud2

from csre_ros.ros.readers.cdr import Reader, deserialize
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.ros.stamps import read_header
from csre_ros.skeleton.cloud import holds_width_and_height, unpack_cloud
from csre_ros.sources.frames import SourceFrame

_MOST_FIELDS = 64


def read_cloud(data: bytes, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of a serialised skeleton cloud.

    Errors and rejections as :func:`deserialize` and :func:`unpack_cloud`; ValueError also for more fields than any has,
    and where the sender's layout is not known, or the size of the image behind points divided by width and height.
    """
    if sender.layout is None:
        raise ValueError("a cloud does not say which joints it holds; name its layout")
    reader = Reader(data)
    reader.header()
    for _ in ("height", "width"):
        reader.number("<I")
    reader.length(_MOST_FIELDS, "fields")
    message = deserialize(data, PointCloud2)
    by_both = sender.layout.dims == 2 and message.width > 0 and holds_width_and_height(message)
    people, rejected = unpack_cloud(message, sender.layout, aspect=sender.aspect() if by_both else None)
    return SourceFrame(*read_header(message.header, arrival_ns), skeletons=people), rejected

"""``sensor_msgs/PointCloud2`` messages of skeletons. Needs the message classes only, no graph and no rclpy."""

from __future__ import annotations

import array
from collections.abc import Sequence

from sensor_msgs.msg import PointCloud2, PointField

from csre_ros.ros.stamps import from_ns
from csre_ros.skeleton import Skeleton, SkeletonLayout
from csre_ros.skeleton.cloud import pack_cloud


def cloud_message(skeletons: Sequence[Skeleton], layout: SkeletonLayout, stamp_ns: int, frame_id: str) -> PointCloud2:
    """People of one layout as a message; :func:`csre_ros.skeleton.cloud.unpack_cloud` reads it.

    Raises:
        ValueError: A skeleton has another layout.
    """
    packed = pack_cloud(skeletons, layout)
    message = PointCloud2(
        height=packed.height,
        width=packed.width,
        fields=[
            PointField(name=field.name, offset=field.offset, datatype=field.datatype, count=field.count)
            for field in packed.fields
        ],
        is_bigendian=packed.is_bigendian,
        point_step=packed.point_step,
        row_step=packed.row_step,
        is_dense=packed.is_dense,
        data=array.array("B", packed.data),  # the one type that every rclpy release takes without a copy per byte
    )
    message.header.stamp = from_ns(stamp_ns)
    message.header.frame_id = frame_id
    return message

"""Streaming forms of the skeleton encoders, by the names of their window forms."""

from __future__ import annotations

from typing import Any

from csre_ros.skeleton import SkeletonLayout
from models.encoders.streaming.base import StreamEncoder, StreamOutput
from models.encoders.streaming.ctrgcn import StreamCTRGCN
from models.encoders.streaming.hcn import StreamHCN

STREAM_ENCODERS = ("hcn", "ctrgcn")

__all__ = [
    "STREAM_ENCODERS",
    "StreamCTRGCN",
    "StreamEncoder",
    "StreamHCN",
    "StreamOutput",
    "build_stream_encoder",
]


def build_stream_encoder(
    name: str, num_classes: int, layout: SkeletonLayout, channels: tuple[int, int], **options: Any
) -> StreamEncoder:
    """Construct the streaming form of an encoder.

    Args:
        name: One of :data:`STREAM_ENCODERS`.
        num_classes: Number of classes that training tells apart.
        layout: Points of the input.
        channels: Channels of position and of motion, in this order in the input.
        **options: The encoder's own.

    Raises:
        ValueError: The encoder of that name has no streaming form.
    """
    if name == "hcn":
        return StreamHCN(
            num_classes,
            len(layout),
            position_channels=channels[0],
            motion_channels=channels[1],
            **options,
        )
    if name == "ctrgcn":
        return StreamCTRGCN(num_classes, layout, in_channels=sum(channels), **options)
    raise ValueError(f"encoder {name!r} has no streaming form; choose one of: {', '.join(STREAM_ENCODERS)}")

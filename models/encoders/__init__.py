"""Skeleton encoders by name."""

from __future__ import annotations

from typing import Any

from csre_ros.skeleton.layout import SkeletonLayout
from models.encoders.agcn import AGCN
from models.encoders.base import Encoder, EncoderOutput
from models.encoders.blockgcn import BlockGCN
from models.encoders.ctrgcn import CTRGCN
from models.encoders.hcn import HCN
from models.encoders.hyperformer import Hyperformer

ENCODERS: dict[str, type[Encoder]] = {
    "hcn": HCN,
    "agcn": AGCN,
    "ctrgcn": CTRGCN,
    "hyperformer": Hyperformer,
    "blockgcn": BlockGCN,
}

__all__ = ["AGCN", "CTRGCN", "ENCODERS", "HCN", "BlockGCN", "Encoder", "EncoderOutput", "Hyperformer", "build_encoder"]


def build_encoder(name: str, num_classes: int, layout: SkeletonLayout, **options: Any) -> Encoder:
    """Construct an encoder by its registry name.

    Args:
        name: A key of ``ENCODERS``.
        num_classes: Number of actions.
        layout: Skeleton of the input.
        **options: ``in_channels``, ``time_steps``, ``persons`` and the encoder's own.

    Raises:
        ValueError: There is no encoder of that name.
    """
    if name not in ENCODERS:
        raise ValueError(f"unknown encoder {name!r}; choose one of: {', '.join(sorted(ENCODERS))}")
    return ENCODERS[name](num_classes, layout, **options)

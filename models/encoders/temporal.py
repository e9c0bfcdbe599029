"""Multi-scale temporal convolution, shared by CTR-GCN, Hyperformer and BlockGCN."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class MultiScaleTemporal(nn.Module):
    """Four branches over time, a quarter of the channels each: two dilations, a maximum, a plain projection.

    The 1x1 convolutions in front of the first three branches are one convolution. Reach: 4 input frames to both sides.

    Args:
        channels: C, in and out; divisible by 4.
        stride: 1, or 2 to halve time (rounding up).
    """

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        width = channels // 4
        self.stride = stride
        self.reduce = nn.Conv2d(channels, 3 * width, 1)
        self.reduce_norm = nn.BatchNorm2d(3 * width)
        self.near = nn.Conv2d(width, width, (5, 1), padding=(2, 0), stride=(stride, 1))
        self.near_norm = nn.BatchNorm2d(width)
        self.far = nn.Conv2d(width, width, (5, 1), padding=(4, 0), stride=(stride, 1), dilation=(2, 1))
        self.far_norm = nn.BatchNorm2d(width)
        self.peak_norm = nn.BatchNorm2d(width)
        self.plain = nn.Conv2d(channels, width, 1, stride=(stride, 1))
        self.plain_norm = nn.BatchNorm2d(width)
        for module in self.children():
            if isinstance(module, nn.Conv2d):
                for branch in module.weight.chunk(
                    module.out_channels // width
                ):  # the merged convolution starts as three separate ones
                    nn.init.kaiming_normal_(branch, mode="fan_out")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, T, V] -> [N, C, ceil(T / stride), V]``."""
        near, far, peak = self.reduce_norm(self.reduce(x)).relu().chunk(3, dim=1)
        branches = (
            self.near_norm(self.near(near)),
            self.far_norm(self.far(far)),
            self.peak_norm(max_pool2d(peak, (3, 1), (self.stride, 1), (1, 0))),
            self.plain_norm(self.plain(x)),
        )
        return torch.cat(branches, dim=1)

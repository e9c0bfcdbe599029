"""Causal layers whose past is an argument: the same code runs over a whole clip and over one new frame."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

States = dict[str, Tensor]
"""What a network remembers, by name; every tensor is ``[N, ...]``, and zeros are the beginning."""


class CausalConv2d(nn.Conv2d):
    """``[N, C, T, V] -> [N, D, T, V]``: a convolution over the present and the past of every joint.

    Args:
        in_channels: C.
        out_channels: D.
        time: Frames of the kernel, the newest one included.
        dilation: Frames between two taps.
    """

    def __init__(self, in_channels: int, out_channels: int, time: int, dilation: int = 1) -> None:
        super().__init__(in_channels, out_channels, (time, 1), dilation=(dilation, 1))
        self.past = (time - 1) * dilation

    def state_shape(self, joints: int) -> tuple[int, int, int]:
        """Shape of the remembered input of one person ``(C, past, V)``."""
        return self.in_channels, self.past, joints

    def step(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve the frames ``x [N, C, T, V]`` that follow ``past [N, C, past, V]``; also what to remember."""
        joined = torch.cat((past, x), dim=2)
        return self(joined), joined[:, :, joined.shape[2] - self.past :]


class CausalConv1d(nn.Conv1d):
    """``[N, C, T] -> [N, D, T]``: a convolution over the present and the past.

    Args:
        in_channels: C.
        out_channels: D.
        time: Frames of the kernel, the newest one included.
        dilation: Frames between two taps.
    """

    def __init__(self, in_channels: int, out_channels: int, time: int, dilation: int = 1) -> None:
        super().__init__(in_channels, out_channels, time, dilation=dilation)
        self.past = (time - 1) * dilation

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape of the remembered input of one person ``(C, past)``."""
        return self.in_channels, self.past

    def step(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve the frames ``x [N, C, T]`` that follow ``past [N, C, past]``; also what to remember."""
        joined = torch.cat((past, x), dim=2)
        return self(joined), joined[:, :, joined.shape[2] - self.past :]


def take(states: Mapping[str, Tensor], prefix: str) -> States:
    """The states under a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): state for name, state in states.items() if name.startswith(prefix)}


def put(states: Mapping[str, Tensor], prefix: str) -> States:
    """States with a prefix before their names."""
    return {f"{prefix}{name}": state for name, state in states.items()}

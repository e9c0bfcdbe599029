"""HCN: hierarchical co-occurrence network (Li et al., IJCAI 2018), in the form of its public PyTorch reproduction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from csre_ros.skeleton.layout import SkeletonLayout
from models.encoders.base import Encoder, EncoderOutput, fold_persons

_STRIDE = 16  # four 2x2 poolings


def resampling_matrix(time_steps: int) -> Tensor:
    """Linear interpolation of the T - 1 frame differences at T frames, with half-pixel centres.

    Args:
        time_steps: T, at least 2.

    Returns:
        float64 ``[T, T - 1]``.

    >>> resampling_matrix(3).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    T = time_steps
    position = ((torch.arange(T, dtype=torch.float64) + 0.5) * (T - 1) / T - 0.5).clamp(min=0)
    below = position.long()
    above = (below + 1).clamp(max=T - 2)
    share = (position - below)[:, None]
    difference = torch.eye(T - 1, dtype=torch.float64)
    return (1 - share) * difference[below] + share * difference[above]


class HCN(Encoder):
    """Convolutions that treat joints as channels, on positions and on motion.

    The last pooled map has no joint axis: its last axis is the pooled index of the second convolution's channels. By
    default the CSRE head reads that co-occurrence axis as its joints.

    Args:
        num_classes: K.
        layout: Skeleton of the input; only its number of joints matters here.
        in_channels: C; the motion branch differences all of them.
        time_steps: Window T, at least 16; also the channels of the second convolution, as in the reference.
        persons: M, merged by an element-wise maximum.
        hidden: Width D of the layer before the classifier.
        dropout: Probability after the last three convolutions (whole channels) and after the hidden layer.
        attach: Feature map for the CSRE head: ``"cooccurrence"``, the last one, or ``"joints"``, the last one with a
            joint axis, which supervises the first two convolutions only.

    Raises:
        ValueError: ``time_steps`` does not survive four halvings, or ``attach`` is neither of its choices.
    """

    resampling: Tensor

    def __init__(
        self,
        num_classes: int,
        layout: SkeletonLayout,
        *,
        in_channels: int = 3,
        time_steps: int = 64,
        persons: int = 1,
        hidden: int = 512,
        dropout: float = 0.5,
        attach: str = "cooccurrence",
    ) -> None:
        super().__init__()
        if time_steps < _STRIDE:
            raise ValueError(
                f"HCN needs at least {_STRIDE} time steps because it halves time four times, not {time_steps}"
            )
        bins = time_steps // _STRIDE
        maps = {"cooccurrence": (256, bins, bins), "joints": (2 * time_steps, time_steps, len(layout))}
        if attach not in maps:
            raise ValueError(f"attach must be one of {', '.join(maps)}, not {attach!r}")
        self.persons = persons
        self.attach = attach
        self.feature_shape = maps[attach]
        self.embedding_dim = hidden
        self.register_buffer("resampling", resampling_matrix(time_steps).float(), persistent=False)
        self.position_branch = _Branch(in_channels, len(layout), time_steps, dropout)
        self.motion_branch = _Branch(in_channels, len(layout), time_steps, dropout)
        self.trunk = nn.Sequential(*_stage(128, 128, dropout), *_stage(128, 256, dropout))
        self.hidden = nn.Linear(256 * bins * bins, hidden)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden, num_classes)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> EncoderOutput:
        """Classify clips ``[N, C, T, V, M]``."""
        x = fold_persons(x)
        position, motion = self.position_branch.joints(x), self.motion_branch.joints(self.motion(x))
        last = self.trunk(torch.cat([self.position_branch(position), self.motion_branch(motion)], dim=1))
        features = self._persons(last).amax(1)
        embedding = self.dropout(self.hidden(features.flatten(1)).relu())
        if self.attach == "joints":
            features = self._persons(torch.cat([position, motion], dim=1)).mean(1)
        return EncoderOutput(self.classifier(embedding), features, embedding)

    def _persons(self, x: Tensor) -> Tensor:
        """``[N * M, C, T, V] -> [N, M, C, T, V]``."""
        return x.reshape(-1, self.persons, *x.shape[1:])

    def motion(self, x: Tensor) -> Tensor:
        """Change from frame to frame at the T frames of ``x [..., T, V]``, exactly zero for a constant pose."""
        return self.resampling @ (x[..., 1:, :] - x[..., :-1, :])


class _Branch(nn.Module):
    """Point and time features of each joint, then co-occurrence over all joints."""

    def __init__(self, in_channels: int, joints: int, window: int, dropout: float) -> None:
        super().__init__()
        self.point = nn.Conv2d(in_channels, 64, 1)
        self.time = nn.Conv2d(64, window, (3, 1), padding=(1, 0))
        self.cooccurrence = nn.Sequential(nn.Conv2d(joints, 32, 3, padding=1), nn.MaxPool2d(2))
        self.local = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.Dropout2d(dropout), nn.MaxPool2d(2))

    def joints(self, x: Tensor) -> Tensor:
        """``[N, C, T, V] -> [N, W, T, V]``."""
        features: Tensor = self.time(self.point(x).relu())
        return features

    def forward(self, joints: Tensor) -> Tensor:
        """``[N, W, T, V] -> [N, 64, T/4, W/4]``."""
        features: Tensor = self.local(self.cooccurrence(joints.permute(0, 3, 2, 1)))  # joints become channels
        return features


def _stage(in_channels: int, out_channels: int, dropout: float) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU(), nn.Dropout2d(dropout), nn.MaxPool2d(2)]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

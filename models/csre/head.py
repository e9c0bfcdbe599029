"""The CSRE head: one vector that keeps the joints and one that keeps the frames of a feature map.

Source: Zhang, Yin, Dang, "A Generically Contrastive Spatiotemporal Representation Enhancement for 3D Skeleton Action
Recognition", Pattern Recognition 164 (2025), and its released code (where the unit is called STFD).
"""

from __future__ import annotations

from torch import Tensor, nn


class FeatureDecoupling(nn.Module):
    """Affine maps from a feature map to its spatial and its temporal vector; both unnormalised.

    Args:
        feature_shape: ``(C, T, V)`` of the map: channels, frames, joints.
        dim: Length D of both vectors.
        reduction: Channels are first reduced to ``C // reduction``.

    Raises:
        ValueError: ``reduction`` leaves no channel.
    """

    def __init__(self, feature_shape: tuple[int, int, int], *, dim: int = 256, reduction: int = 8) -> None:
        super().__init__()
        C, T, V = feature_shape
        if not 1 <= reduction <= C:
            raise ValueError(f"reduction must be between 1 and the {C} channels of the feature map, not {reduction}")
        self.spatial_reduce = nn.Conv1d(C, C // reduction, 1)
        self.spatial_project = nn.Linear(C // reduction * V, dim)
        self.temporal_reduce = nn.Conv1d(C, C // reduction, 1)
        self.temporal_project = nn.Linear(C // reduction * T, dim)
        for layer in (self.spatial_project, self.temporal_project):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Decouple maps ``[N, C, T, V]`` into spatial and temporal vectors, both ``[N, D]``."""
        spatial = self.spatial_reduce(features.mean(2)).flatten(1)
        temporal = self.temporal_reduce(features.mean(3)).flatten(1)
        return self.spatial_project(spatial), self.temporal_project(temporal)

"""The pose estimators that settings may name. A new one is one class, registered here and in the settings' choices."""

from __future__ import annotations

from collections.abc import Mapping

from csre_ros.pose.estimator import PoseEstimator
from csre_ros.pose.mediapipe_pose import MediaPipePose
from csre_ros.pose.settings import PoseConfig
from csre_ros.skeleton import SkeletonLayout

BACKENDS: Mapping[str, type[PoseEstimator]] = {"mediapipe": MediaPipePose}
"""Estimators by the name of their backend. What they need is imported when one is made."""


def make_estimator(config: PoseConfig) -> PoseEstimator:
    """The estimator that the settings name, with its model loaded.

    Raises:
        ModuleNotFoundError: A package that it needs is not installed.
        OSError: Its model cannot be read.
        ValueError: Its model is damaged or of another kind.
    """
    return BACKENDS[config.backend](config)


def estimated_layout(config: PoseConfig) -> SkeletonLayout:
    """The layout of what :func:`make_estimator` will find; loads nothing."""
    return BACKENDS[config.backend].layout

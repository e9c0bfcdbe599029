"""Pose estimators by name: whoever uses them knows none in particular."""

from __future__ import annotations

import numpy as np
import pytest

from csre_ros.pipeline import PoseStage
from csre_ros.pose import registry
from csre_ros.pose.registry import estimated_layout
from csre_ros.pose.settings import BACKENDS, PoseConfig
from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.sources.frames import SourceFrame
from csre_ros.timing import StageTimer


class Flat:
    """A backend that finds one person in the image plane."""

    layout = get_layout("coco17")

    def __init__(self, config: PoseConfig) -> None:
        self.config = config

    def step(self, image: np.ndarray, stamp_ns: int, frame_id: str) -> Frame:
        return Frame(stamp_ns, frame_id, (Skeleton(self.layout, np.zeros((17, 2)), np.ones(17)),))

    def reset(self) -> None: ...

    def close(self) -> None: ...


def test_the_choices_are_what_is_registered() -> None:
    assert set(registry.BACKENDS) == set(BACKENDS)


def test_an_unknown_backend_lists_the_choices() -> None:
    with pytest.raises(ValueError, match="backend is 'openpose'; choose one of: mediapipe"):
        PoseConfig(backend="openpose")


def test_the_pose_stage_takes_layout_and_people_from_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BACKENDS", {"mediapipe": Flat})
    stage = PoseStage(PoseConfig(), StageTimer())
    assert stage.layout is estimated_layout(PoseConfig()) is Flat.layout
    frame = stage.step(SourceFrame(5, "camera", np.zeros((4, 4, 3), np.uint8)))
    assert [skeleton.layout.dims for skeleton in frame.skeletons] == [2]

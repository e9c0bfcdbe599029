"""Settings of the pose stage."""

from __future__ import annotations

from dataclasses import dataclass

from csre_ros.options import READ, check, option

BACKENDS = ("mediapipe",)
"""Names of the pose estimators; ``pose/registry.py`` says what they stand for."""
MODELS = ("lite", "full", "heavy")
"""Sizes of MediaPipe's pose model, from the fastest to the most exact."""


@dataclass(frozen=True)
class PoseConfig:
    """From pixels to skeletons."""

    backend: str = option("mediapipe", "What finds the people in images.", choices=BACKENDS)
    model: str = option(
        "full",
        "Pose model: lite (fastest), full, heavy (most exact), or the path of a MediaPipe pose landmarker (.task).",
        remote=False,
        file=READ,
    )
    max_people: int = option(
        2, "Most people followed in an image; each who is there costs about 10 ms on a laptop.", minimum=1, maximum=12
    )
    min_confidence: float = option(
        0.5, "Least confidence of a detection, of presence and of tracking.", minimum=0.0, maximum=1.0
    )
    horizontal_fov_deg: float = option(
        60.0,
        "Horizontal field of view of the camera in degrees, used to place people in space.",
        minimum=10.0,
        maximum=170.0,
    )

    def __post_init__(self) -> None:
        check(self)

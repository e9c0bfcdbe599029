"""Landmarks from images: milliseconds of a frame for every model of the pose stage."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clips import images_of
from benchmarks.report import Row
from csre_ros.pose.mediapipe_pose import MediaPipePose
from csre_ros.pose.settings import MODELS, PoseConfig


def measure(
    source: Path | None = None,
    models: tuple[str, ...] = MODELS,
    max_people: tuple[int, ...] = (1, 2),
    frames: int = 100,
) -> Iterator[Row]:
    """Time frames of a clip with one person.

    Args:
        source: The clip; the wave in CSRE_DATA by default.
        models: Which models, as ``pose.model`` names them.
        max_people: How many people are looked for.
        frames: Frames that are timed, after ten that are not.
    """
    images = images_of(source)
    for model, most in itertools.product(models, max_people):
        pose = MediaPipePose(PoseConfig(model=model, max_people=most))
        found = []
        for i, image in enumerate(itertools.islice(itertools.cycle(images), frames + 10)):
            begin_s = time.perf_counter()
            pose.step(image, round(i * 1e9 / 30), "camera")
            found.append(1e3 * (time.perf_counter() - begin_s))
        pose.close()
        yield Row(f"{model}, looking for {most}", found[10:])

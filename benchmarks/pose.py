"""Landmarks from images: milliseconds of a frame for every model of the pose stage, by number of people and rate."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import images_of
from benchmarks.names import PoseConfig
from benchmarks.report import Row
from csre_ros.pose.mediapipe_pose import MediaPipePose

_MODELS = ("lite", "full", "heavy")


def measure(
    source: Path | None = None,
    models: tuple[str, ...] = _MODELS,
    people: tuple[int, ...] = (1, 2),
    rates_hz: tuple[float, ...] = (30.0, 10.0),
    frames: int = 100,
) -> Iterator[Row]:
    """Time frames of a clip with one person, and with the same person twice. Two people are looked for.

    Args:
        source: The clip; the wave in CSRE_DATA by default.
        models: Which models, as ``pose.model`` names them.
        people: How many people are in view.
        rates_hz: Frames per second; each comes when it is due, as from a camera.
        frames: Frames that are timed, after ten that are not.
    """
    images = images_of(source)
    aside = images[len(images) // 2 :] + images[: len(images) // 2]
    views = {1: images, 2: [np.hstack(pair) for pair in zip(images, aside, strict=True)]}
    for model, count, rate_hz in itertools.product(models, people, rates_hz):
        try:
            waited, used = _times(MediaPipePose(PoseConfig(model=model)), views[count], rate_hz, frames)
        except OSError:  # the model is not here, or an older commit takes it for a path
            if model != "full":
                continue
            waited, used = _times(MediaPipePose(PoseConfig()), views[count], rate_hz, frames)
        yield Row(f"{model}, {count} in view at {rate_hz:g} Hz", waited)
        yield Row(f"{model}, {count} in view at {rate_hz:g} Hz: processor time", [used])


def _times(
    pose: MediaPipePose, images: list[NDArray[np.uint8]], rate_hz: float, frames: int
) -> tuple[list[float], float]:
    """Milliseconds until the answer for every frame, and the mean processor time of one."""
    found, begin_s, due_s = [], 0.0, time.monotonic()
    for i, image in enumerate(itertools.islice(itertools.cycle(images), frames + 10)):
        time.sleep(max(0.0, due_s - time.monotonic()))
        due_s = max(due_s, time.monotonic() - 1 / rate_hz) + 1 / rate_hz
        if i == 10:
            begin_s = time.process_time()
        asked_s = time.perf_counter()
        pose.step(image, round(i * 1e9 / rate_hz), "camera")
        found.append(1e3 * (time.perf_counter() - asked_s))
    pose.close()
    return found[10:], 1e3 * (time.process_time() - begin_s) / frames

"""Latency of every stage while a camera runs, and how many frames were overtaken.

A clip is decoded once and then delivered in a loop at camera speed through the same capture thread that serves real
cameras, so that the pipeline meets frames as it would live: the newest one, or none.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import images_of
from benchmarks.report import Row
from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.sources import SourceConfig
from csre_ros.sources.live import LiveSource


class Replay:
    """A capture that plays images over and over at a fixed rate, as a camera would.

    Args:
        images: What to play.
        fps: Frames per second.
    """

    def __init__(self, images: list[NDArray[np.uint8]], fps: float) -> None:
        self.fps: float | None = fps
        self._images = itertools.cycle(images)
        self._due_s = time.monotonic()

    def grab(self) -> bool:
        """Wait for the next frame's time."""
        self._due_s += 1 / (self.fps or 30.0)
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        return True

    def retrieve(self) -> NDArray[np.uint8]:
        """The next frame."""
        return next(self._images)

    def release(self) -> None:
        """Nothing to free."""


def measure(
    source: Path | None = None, seconds: float = 60.0, fps: float = 30.0, bundle: str = "auto"
) -> Iterator[Row]:
    """Run the pipeline on a simulated camera.

    Args:
        source: Video whose frames the camera shows; the wave in CSRE_DATA by default.
        seconds: How long to run.
        fps: Frame rate of the camera.
        bundle: Name or path of the bundle.
    """
    images = images_of(source)
    pipeline = Pipeline(PipelineConfig(RecognizerConfig(bundle=bundle)))
    warm, start = False, 0.0
    with LiveSource("simulated camera", lambda: Replay(images, fps), SourceConfig()) as camera:
        for frame in camera:
            pipeline.step(frame)
            age_s = time.time() - frame.stamp_ns / 1e9
            if not warm:
                # The first frame loads the pose model; what piled up meanwhile says nothing about a running robot.
                warm, start, camera.dropped = True, time.monotonic(), 0
                pipeline.timer.reset()
                continue
            pipeline.timer.add("capture to result", age_s)
            if time.monotonic() - start > seconds:
                break
    pipeline.close()
    stages = pipeline.timer.samples_ms()
    for stage, values in stages.items():
        yield Row(stage, values)
    used = len(stages["capture to result"])
    yield Row("frames overtaken by a newer one", [100 * camera.dropped / (camera.dropped + used)], "%")

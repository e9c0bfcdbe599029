"""Processor time of a frame; and the latency of every stage while a camera runs, and how many frames were overtaken.

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
from benchmarks.names import RecognizerConfig
from benchmarks.report import Row
from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.sources import SourceConfig, SourceFrame
from csre_ros.sources.live import LiveSource

_FRAMES = 200


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


def measure(source: Path | None = None, seconds: float = 60.0, fps: float = 30.0, bundle: str = "") -> Iterator[Row]:
    """Run the pipeline on a simulated camera.

    Args:
        source: Video whose frames the camera shows; the wave in CSRE_DATA by default.
        seconds: How long to run.
        fps: Frame rate of the camera.
        bundle: Name or path of the bundle; by default the one that the pipeline takes by itself.
    """
    images = images_of(source)
    pipeline = Pipeline(PipelineConfig(RecognizerConfig(bundle=bundle) if bundle else RecognizerConfig()))
    yield Row("processor time of a frame", _processor_ms(pipeline, images, fps))
    pipeline.reset()
    warm, start, ages_ms = False, 0.0, []
    with LiveSource("simulated camera", lambda: Replay(images, fps), SourceConfig()) as camera:
        for frame in camera:
            pipeline.step(frame)
            age_s = time.time() - frame.stamp_ns / 1e9
            if not warm:
                # The first frame loads the pose model; what piled up meanwhile says nothing about a running robot.
                warm, start, camera.dropped = True, time.monotonic(), 0
                pipeline.timer.reset()
                continue
            ages_ms.append(1e3 * age_s)
            if time.monotonic() - start > seconds:
                break
    pipeline.close()
    if hasattr(pipeline.timer, "samples_ms"):  # older commits keep percentiles only
        for stage, values in pipeline.timer.samples_ms().items():
            yield Row(stage, values)
    yield Row("capture to result", ages_ms)
    yield Row("frames overtaken by a newer one", [100 * camera.dropped / (camera.dropped + len(ages_ms))], "%")


def _processor_ms(pipeline: Pipeline, images: list[NDArray[np.uint8]], fps: float) -> list[float]:
    """Processor time of the process for one frame after the other, which nothing else on the machine can overtake."""
    found = []
    for i, image in enumerate(itertools.islice(itertools.cycle(images), _FRAMES + 10)):
        begin_s = time.process_time()
        pipeline.step(SourceFrame(1_000_000_000 + round(i * 1e9 / fps), "camera", image=image))
        found.append(1e3 * (time.process_time() - begin_s))
    return [float(np.mean(found[10:]))]

"""Latency of every stage while a camera runs: percentiles, and how many frames were dropped.

    python benchmarks/latency.py --source clip.mp4 --seconds 60 --fps 30

The clip is decoded once and then delivered in a loop at camera speed through the same capture thread that serves real
cameras, so that the pipeline meets frames as it would live: the newest one, or none.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
from jsonargparse import auto_cli
from numpy.typing import NDArray

from csre_ros.app.screen.progress import say_latency
from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.sources import SourceConfig, open_source
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


def measure(source: Path, seconds: float = 60.0, fps: float = 30.0, bundle: str = "default") -> None:
    """Run the pipeline on a simulated camera and print its latency table.

    Args:
        source: Video whose frames the camera shows.
        seconds: How long to run.
        fps: Frame rate of the camera.
        bundle: Name or path of the bundle.
    """
    with open_source(str(source)) as stored:
        images = [frame.image for frame in stored if frame.image is not None]
    pipeline = Pipeline(PipelineConfig(RecognizerConfig(bundle=bundle)))
    frames, warm = 0, False
    start = time.monotonic()
    with LiveSource(f"replay of {source.name}", lambda: Replay(images, fps), SourceConfig()) as camera:
        for frame in camera:
            pipeline.step(frame)
            age_s = time.time() - frame.stamp_ns / 1e9
            if not warm:
                # The first frame loads the pose model; what piled up meanwhile says nothing about a running robot.
                warm, start, camera.dropped = True, time.monotonic(), 0
                pipeline.timer.reset()
                continue
            frames += 1
            pipeline.timer.add("capture to result", age_s)
            if time.monotonic() - start > seconds:
                break
    pipeline.close()
    say_latency(pipeline.timer.summary(), frames, camera.dropped, pipeline.recognizer.counts)
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    stages = {stage.stage: [stage.p50_ms, stage.p95_ms, stage.p99_ms] for stage in pipeline.timer.summary()}
    report = {"fps": fps, "seconds": seconds, "frames": frames, "dropped": camera.dropped, "machine": machine}
    sys.stdout.write(json.dumps(report | {"p50_p95_p99_ms": stages}) + "\n")


if __name__ == "__main__":
    auto_cli(measure, as_positional=False)

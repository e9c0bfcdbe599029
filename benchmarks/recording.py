"""How much room a recording of four people takes, and how long writing a frame does."""

from __future__ import annotations

import inspect
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.report import Row
from csre_ros.recordings import SHIPPED
from csre_ros.skeleton import Frame
from csre_ros.sources import open_source
from csre_ros.sources.recording_writer import RecordingWriter

_NOISE_M = 0.001


def measure(people: int = 4, seconds: float = 60.0, rate_hz: float = 30.0) -> Iterator[Row]:
    """Record people as from a sensor.

    Args:
        people: How many are in view.
        seconds: How long a recording.
        rate_hz: Frames per second.
    """
    # Older commits write everything as it is.
    options = {"rounded": True} if "rounded" in inspect.signature(RecordingWriter).parameters else {}
    frames = list(_frames(people, round(seconds * rate_hz), rate_hz))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.mcap"
        with RecordingWriter(path, frames[0].skeletons[0].layout, **options) as writer:
            for frame in frames:
                begin_s = time.thread_time()
                writer.write(frame)
                found.append(1e3 * (time.thread_time() - begin_s))
        size = path.stat().st_size
    yield Row(f"a minute of {people} people", [size / 1e6 * 60 / seconds], "MB")
    yield Row("writing a frame", found)


def _frames(people: int, count: int, rate_hz: float) -> Iterator[Frame]:
    """Each of the people is at another point of what they do, with noise of a sensor: copies compress too well."""
    rng = np.random.default_rng(0)
    with open_source(str(SHIPPED)) as source:
        bodies = [frame.skeletons[0] for frame in source if frame.skeletons]
    for i in range(count):
        present = (bodies[(i + place * len(bodies) // people) % len(bodies)] for place in range(people))
        moved = (
            replace(
                body,
                positions=body.positions
                + rng.normal(0.1234 * place, _NOISE_M, body.positions.shape).astype(np.float32),
                source_id=str(place + 1),
                image_points=None,
            )
            for place, body in enumerate(present)
        )
        yield Frame(1_000_000_000 + round(i * 1e9 / rate_hz), "camera", tuple(moved))

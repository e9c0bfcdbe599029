"""How much room a recording of four people takes, and how long writing a frame does."""

from __future__ import annotations

import inspect
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.people import frames_of
from benchmarks.report import Row
from csre_ros.sources.recording_writer import RecordingWriter


def measure(people: int = 4, seconds: float = 60.0, rate_hz: float = 30.0) -> Iterator[Row]:
    """Record people as from a sensor.

    Args:
        people: How many are in view.
        seconds: How long a recording.
        rate_hz: Frames per second.
    """
    # Older commits write everything as it is.
    options = {"rounded": True} if "rounded" in inspect.signature(RecordingWriter).parameters else {}
    frames = list(itertools.islice(frames_of(people, rate_hz), round(seconds * rate_hz)))
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

"""Own code of a decision: everything between skeletons and records but the network, by number of people.

Processor time of the one thread that does it, so that what else the machine does counts little.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.names import RecognizerConfig, TrackerConfig
from benchmarks.people import frames_of
from benchmarks.report import Row
from csre_ros.recognition.recognizer import Recognizer
from csre_ros.timing import StageTimer


class Watch(StageTimer):
    """A timer that notes the processor time of the network."""

    infer_s = 0.0

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the body of a ``with`` statement."""
        begin_s = time.thread_time()
        with super().__call__(stage):
            yield
        if stage == "infer":
            self.infer_s += time.thread_time() - begin_s


def measure(
    people: tuple[int, ...] = (1, 12, 64), bundle: str = "default", seconds: float = 20.0, rate_hz: float = 30.0
) -> Iterator[Row]:
    """Time frames in which something was decided.

    Args:
        people: How many are in view.
        bundle: Name or path of the bundle.
        seconds: Of a stream, which runs as fast as it can.
        rate_hz: Frames per second.
    """
    for count in people:
        watch = Watch()
        recognizer = Recognizer(RecognizerConfig(bundle=bundle, tracker=TrackerConfig(max_people=count)), timer=watch)
        own: list[float] = []
        for i, frame in enumerate(itertools.islice(frames_of(count, rate_hz), round((seconds + 2) * rate_hz))):
            watch.infer_s, begin_s = 0.0, time.thread_time()
            recognizer.step(frame)
            if watch.infer_s and i > 2 * rate_hz:
                own.append(1e3 * (time.thread_time() - begin_s - watch.infer_s))
        yield Row(f"own code, {count}", own)

"""A lesson before a live source: wait for somebody, count down, look, say what was kept, and once more.

Driven by the frames and their stamps alone: no thread, no clock, nothing is printed.
"""

from __future__ import annotations

import math
from enum import Enum

from csre_ros.skeleton import Frame
from csre_ros.teaching.gallery import Gallery
from csre_ros.teaching.recording import Recording, TeachError

_LOST_S = 0.5
"""So long nobody may be seen, or somebody else, before a countdown begins anew."""


class _Phase(Enum):
    WAITING = "nobody, or more than one person, is in view"
    COUNTING = "somebody gets ready"
    SHOWING = "somebody shows the gesture"


class Lesson:
    """Teaches a gallery one label by several examples.

    Args:
        gallery: What is to know the label; it grows by every example that is kept.
        label: The label.
        examples: How many examples to ask for.
        countdown_s: Seconds between one example and the next.
        seconds: Length of one example, before it is trimmed.

    Attributes:
        kept: The examples of this lesson, trimmed.

    Raises:
        TeachError: The label cannot be taught.
    """

    def __init__(self, gallery: Gallery, label: str, examples: int, countdown_s: float, seconds: float) -> None:
        gallery.check_label(label)
        self.kept: list[Recording] = []
        self._gallery, self._label, self._examples = gallery, label, examples
        self._countdown_s, self._seconds = countdown_s, seconds
        self._phase = _Phase.WAITING
        self._since_ns = self._alone_ns = 0
        self._left: int | None = None  # seconds of the countdown that were told
        self._people = 0
        self._passed_s = 0.0
        self._frames: list[Frame] = []

    @property
    def done(self) -> bool:
        """Whether all examples were kept."""
        return len(self.kept) >= self._examples

    @property
    def showing(self) -> float | None:
        """Which share of an example has been seen, in 0..1; None while none is being shown."""
        return min(self._passed_s / self._seconds, 1.0) if self._phase is _Phase.SHOWING else None

    @property
    def status(self) -> str:
        """One line about the lesson."""
        return f"{self._label}: {len(self.kept)} of {self._examples} examples"

    @property
    def prompt(self) -> str:
        """What the person in view is asked to do now."""
        if self.done:
            return "thank you"
        if self._phase is _Phase.SHOWING:
            return f"show {self._label} now, then stand still"
        if self._phase is _Phase.COUNTING:
            return f"stand still, both hands in view: {self._left}"
        if self._people > 1:
            return f"{self._people} people are in view: let the others step aside"
        return "step into view"

    def step(self, frame: Frame) -> list[str]:
        """Take a frame in.

        Returns:
            News to be told, in order.
        """
        self._people = len(frame.skeletons)
        self._passed_s = (frame.stamp_ns - self._since_ns) / 1e9
        if self._people == 1:
            self._alone_ns = frame.stamp_ns
        if self.done:
            return []
        if self._phase is _Phase.WAITING:
            return self._wait(frame)
        if self._phase is _Phase.COUNTING:
            return self._count(frame)
        return self._look(frame)

    def _enter(self, phase: _Phase, stamp_ns: int) -> None:
        self._phase, self._since_ns, self._passed_s = phase, stamp_ns, 0.0

    def _wait(self, frame: Frame) -> list[str]:
        if self._people != 1:
            return []
        self._enter(_Phase.COUNTING, frame.stamp_ns)
        self._left = None
        return [
            f"example {len(self.kept) + 1} of {self._examples}: stand still, both hands in view",
            *self._count(frame),
        ]

    def _count(self, frame: Frame) -> list[str]:
        if not 0 <= (frame.stamp_ns - self._alone_ns) / 1e9 <= _LOST_S:
            self._enter(_Phase.WAITING, frame.stamp_ns)
            return [self.prompt]
        left = math.ceil(self._countdown_s - self._passed_s)
        if left > 0:
            news = [] if left == self._left else [f"  {left}"]
            self._left = left
            return news
        self._enter(_Phase.SHOWING, frame.stamp_ns)
        self._frames = [frame]
        return [f"  now: show {self._label!r} and stand still again ({self._seconds:g} s)"]

    def _look(self, frame: Frame) -> list[str]:
        self._frames.append(frame)
        if self._people < 2 and 0 <= self._passed_s < self._seconds:
            return []
        self._enter(_Phase.WAITING, frame.stamp_ns)
        try:
            recording = Recording.from_frames(self._frames)
            kept = self._gallery.add(self._label, recording)
        except TeachError as error:
            return [f"again: {error}"]
        self.kept.append(kept)
        number = len(self._gallery.examples[self._label])
        told = [f"kept as example {number}: {kept.seconds:.1f} s of {recording.seconds:.1f} s"]
        return told + [f"note: {finding}" for finding in self._gallery.findings(self._label)]

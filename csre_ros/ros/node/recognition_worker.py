"""From an input to the topics: a bounded mailbox instead of backpressure, one thread, recognition."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

from csre_ros.foreign_text import sentence
from csre_ros.pipeline import Pipeline
from csre_ros.recognition.types import Decision, PersonAction
from csre_ros.ros.health import Health
from csre_ros.ros.inputs.contract import Input
from csre_ros.ros.outputs.publishers import Publishers
from csre_ros.skeleton import Frame
from csre_ros.sources.frames import SourceFrame
from csre_ros.teaching import Gallery
from csre_ros.worker import Worker

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger

# Two seconds of a 30 Hz skeleton topic may wait for a slow decision; of images only the newest is worth its time.
_WAITING_SKELETONS = 64


class Mark(Enum):
    """What may come between frames."""

    SILENCE = "the input stopped"
    RESET = "everybody is to be forgotten"
    END = "the input ended"


class RecognitionWorker:
    """Takes items from an input while active, and publishes what recognition makes of them.

    Every frame reaches the windows of the people in it; the decision is made on the newest. A frame that is unreadable
    is counted, what fails is told under the name of its stage, and the stream goes on.

    Args:
        pipeline: The runtime; touched by the worker only while active.
        outputs: Where to publish.
        health: Told about everything.
        logger: Told what an operator should know, at a bounded rate.
        on_end: Called when a finite input has ended and everything before was published.
        on_people: Called with every frame that reached the windows, if anybody wants it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        outputs: Publishers,
        health: Health,
        logger: RcutilsLogger,
        on_end: Callable[[], None],
        on_people: Callable[[Frame], None] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._outputs = outputs
        self._health = health
        self._logger = logger
        self._on_end = on_end
        self._on_people = on_people
        self._input: Input | None = None
        self._worker: Worker[Any] | None = None
        self._silent = False
        self._resetting = threading.Event()
        self._taught: Gallery | None = None  # to be taken over between two frames

    @property
    def active(self) -> bool:
        """Whether it takes items."""
        return self._worker is not None

    @property
    def alive(self) -> bool:
        """Whether somebody works on them."""
        return self._worker is not None and self._worker.alive

    def start(self, feed: Input) -> None:
        """Take items of ``feed`` from now on."""
        worker: Worker[Any] = Worker(self._work, 1 if feed.images else _WAITING_SKELETONS)
        self._input = feed
        worker.start()
        self._worker = worker

    def stop(self) -> None:
        """Take no more items, withdraw what was published and forget all people. Does nothing if not active."""
        self._input = None  # which knows whom it delivers to: the two would keep each other, and the models
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
            self._learn()
            self._withdraw()
            self._pipeline.reset()

    def deliver(self, item: Any) -> None:
        """Take an item, from any thread; forgotten while not active."""
        self._silent = False
        self._put(item)

    def fall_silent(self) -> None:
        """Nothing has come for too long: withdraw what was published. May be called again and again."""
        if not self._silent:
            self._silent = True
            self._put(Mark.SILENCE)

    def reset(self) -> None:
        """Forget everybody, and the frames that wait; the stream goes on."""
        self._resetting.set()  # a mark may be overtaken in a mailbox that keeps the newest item only
        self.deliver(Mark.RESET)

    def teach(self, gallery: Gallery) -> None:
        """Let recognition tell the labels of this gallery, from the next frame on; from any thread."""
        self._taught = gallery

    def end(self) -> None:
        """Nothing will come any more."""
        self.deliver(Mark.END)

    def _put(self, item: Any) -> None:
        if (worker := self._worker) is not None:
            self._health.skipped(worker.put(item))

    def _work(self, items: list[Any]) -> None:
        with self._stage("publish"):  # whatever was delivered, and whoever listens, the thread must not end
            self._learn()
            frames = [item for item in items if not isinstance(item, Mark)]
            if self._resetting.is_set():
                self._resetting.clear()
                self._health.skipped(len(frames))
                self._withdraw()
                self._pipeline.reset()
            else:
                if taken := [frame for item in frames if (frame := self._observe(item))]:
                    self._decide(taken)
                if isinstance(items[-1], Mark):  # what came behind a mark is newer than it
                    self._withdraw()
            if Mark.END in items:
                self._logger.info("the source has ended")
                self._on_end()

    def _observe(self, item: Any) -> tuple[Frame, SourceFrame] | None:
        """The people in an item, and what the source gave; None where it was refused or the pose stage failed."""
        assert self._input is not None
        try:
            read, rejected = self._input.read(item)
        except Exception as error:  # what no reader understands, whatever it makes of it
            self._health.rejected("unreadable message", detail=sentence(error))
            self._logger.warning(f"rejected: {sentence(error)}", throttle_duration_sec=5.0)
            return None
        for reason, count in rejected.items():
            self._health.rejected(reason, count)
        with self._stage("pose"):
            frame = self._pipeline.observe(read)
            with self._stage("inference"):
                if not self._pipeline.recognizer.observe(frame):
                    return None
                self._health.observed()
                if self._on_people is not None:
                    self._on_people(frame)
                return frame, read
        return None

    def _decide(self, taken: list[tuple[Frame, SourceFrame]]) -> None:
        """Record the people of some frames, and publish what they do by the newest."""
        self._health.undecided(len(taken) - 1)
        frame, source = taken[-1]
        with self._stage("inference"):
            people = self._pipeline.recognizer.decide()
            self._health.followed(*self._followed(people))
            with self._stage("publish"):
                with self._pipeline.timer("publish"):
                    age_ms = self._outputs.publish(frame, people, source.image, source.camera)
                self._health.published(age_ms)
        with self._stage("publish"):
            for frame, _ in taken:
                self._outputs.record(frame)

    def _learn(self) -> None:
        taught, self._taught = self._taught, None
        if taught is not None:
            self._pipeline.recognizer.gallery = taught

    def _followed(self, people: list[PersonAction]) -> tuple[int, int, int]:
        """How many people are there, how many of them fill the window, and how many do something unknown."""
        window_ns = round(self._pipeline.recognizer.info.window_s * 1e9)
        there = [person for person in people if person.present]
        full = sum(person.window_ns[1] - person.window_ns[0] >= window_ns for person in there)
        return len(there), full, sum(person.decision is Decision.UNKNOWN for person in there)

    def _withdraw(self) -> None:
        """Let everybody go, which ends their actions, and take back what was published of them."""
        with self._stage("publish"):
            self._outputs.withdraw(self._pipeline.recognizer.finish())
        self._health.followed(0, 0, 0)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        """What fails is told and goes no further: one bad frame must not end the stream."""
        try:
            yield
        except Exception as error:
            self._health.failed(name, error)
            self._logger.error(f"{name} failed: {sentence(repr(error))}", throttle_duration_sec=5.0)

"""Source frames in, actions out: the pose stage where it is needed, then recognition. No threads, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import numpy as np

from csre_ros.paths import user_path
from csre_ros.pose.estimator import PoseEstimator
from csre_ros.pose.registry import estimated_layout, make_estimator
from csre_ros.pose.settings import PoseConfig
from csre_ros.recognition import ActionEvent, PersonAction, Recognizer
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.skeleton import Frame, SkeletonLayout, lifted
from csre_ros.sources import open_source
from csre_ros.sources.frames import SourceFrame
from csre_ros.timing import StageTimer


@dataclass(frozen=True)
class PipelineConfig:
    """Settings of the whole runtime between source and output."""

    recognizer: RecognizerConfig = field(default_factory=RecognizerConfig)
    pose: PoseConfig = field(default_factory=PoseConfig)


class PoseStage:
    """The people in source frames: those that a frame names, or those that the pose estimator finds in its image.

    Args:
        config: Settings of the pose estimator; its model is loaded when the first image arrives.
        timer: Where the stage ``pose`` is timed.

    Attributes:
        counts: ``no_depth``, people left out because the depth image shows nothing where they were seen.
    """

    def __init__(self, config: PoseConfig, timer: StageTimer) -> None:
        self._config = config
        self.counts: Counter[str] = Counter()
        self._timer = timer
        self._pose: PoseEstimator | None = None

    @property
    def layout(self) -> SkeletonLayout:
        """Layout of the people that are found in images."""
        return estimated_layout(self._config)

    def step(self, frame: SourceFrame) -> Frame:
        """The people in a frame, where its depth image shows them if it has one.

        Raises:
            ValueError: The frame carries neither image nor skeletons.
        """
        found = self._find(frame)
        if frame.depth is None or frame.camera is None:
            return found
        people = [lifted(skeleton, frame.depth, frame.camera) for skeleton in found.skeletons]
        there = tuple(person for person in people if person is not None)
        if left_out := len(people) - len(there):
            self.counts["no_depth"] += left_out
        return replace(found, skeletons=there)

    def _find(self, frame: SourceFrame) -> Frame:
        if frame.skeletons is not None:
            return Frame(frame.stamp_ns, frame.frame_id, frame.skeletons)
        if frame.image is None:
            raise ValueError(f"the frame at {frame.stamp_ns} ns has neither image nor skeletons")
        if self._pose is None:
            self._pose = make_estimator(self._config)
        with self._timer("pose"):
            return self._pose.step(frame.image, frame.stamp_ns, frame.frame_id)

    def reset(self) -> None:
        """Forget the people seen so far."""
        if self._pose is not None:
            self._pose.reset()

    def close(self) -> None:
        """Free the pose model; the next image loads it again."""
        if self._pose is not None:
            self._pose.close()
            self._pose = None


class Pipeline:
    """The runtime in one call, shared by the command line, the node and the benchmarks. A context manager that closes.

    Args:
        config: Settings; bundle and gallery are loaded here, the pose model when the first image arrives.
        dims: Dimensions of the people that the source knows; None where the pose estimator must find them. They choose
            the bundle where ``config`` leaves that open.

    Attributes:
        recognizer: The recognition chain.
        timer: Milliseconds per stage.
    """

    def __init__(self, config: PipelineConfig | None = None, dims: int | None = None) -> None:
        self.config = config or PipelineConfig()
        self.timer = StageTimer()
        self._people = PoseStage(self.config.pose, self.timer)
        self.recognizer = Recognizer(self.config.recognizer, timer=self.timer, dims=dims or self._people.layout.dims)
        if path := self.config.recognizer.gallery:
            from csre_ros.teaching import Gallery  # few have one

            self.recognizer.gallery = Gallery.load(user_path(path), self.recognizer.bundle)

    @property
    def left_out(self) -> dict[str, int]:
        """People and frames that were left out since the start, by reason; may be asked from another thread."""
        return {**self.recognizer.counts, **self._people.counts}

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def step(self, frame: SourceFrame) -> tuple[Frame, list[PersonAction]]:
        """Advance by one frame.

        Returns:
            The people seen, and what each tracked person is doing.

        Raises:
            ValueError: The frame carries neither image nor skeletons.
        """
        people = self.observe(frame)
        return people, self.recognizer.step(people)

    def observe(self, frame: SourceFrame) -> Frame:
        """The people in a frame, as :meth:`PoseStage.step` finds them."""
        return self._people.step(frame)

    def warm_up(self) -> None:
        """Load the pose model, by a black picture; then forget it."""
        self.observe(SourceFrame(0, "", image=np.zeros((480, 640, 3), np.uint8)))
        self.reset()

    def reset(self) -> None:
        """Forget all people, for example between two recordings."""
        self.recognizer.reset()
        self._people.reset()

    def close(self) -> None:
        """Free the pose model; the next image loads it again."""
        self._people.close()


def events(source: str | Path, config: PipelineConfig | None = None) -> Iterator[ActionEvent]:
    """What people do in a source, from its beginning to its end, as it becomes known.

    Args:
        source: As :func:`csre_ros.sources.open_source` takes it: ``camera:0``, a video file, a recording, ...
        config: Settings.

    Raises:
        OSError: The source does not open, or the pose model is missing.
        ValueError: The source, or the bundle, cannot be used.
        ImportError: What images need is not installed.
    """
    with (
        open_source(str(source)) as frames,
        Pipeline(config, None if frames.layout is None else frames.layout.dims) as pipeline,
    ):
        for frame in frames:
            for person in pipeline.step(frame)[1]:
                yield from person.events
        for person in pipeline.recognizer.finish():
            yield from person.events

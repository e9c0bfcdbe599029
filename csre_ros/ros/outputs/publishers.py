"""Everything that the node publishes about people: makes the outputs, and hands each of them the same report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rclpy.lifecycle import LifecycleNode

from csre_ros.paths import user_path
from csre_ros.recognition.recognizer import Recognizer
from csre_ros.recognition.types import PersonAction
from csre_ros.ros.outputs.actions import Actions
from csre_ros.ros.outputs.classes import Classes
from csre_ros.ros.outputs.detections import Detections
from csre_ros.ros.outputs.label import PrimaryLabel
from csre_ros.ros.outputs.markers import Markers
from csre_ros.ros.outputs.people import People
from csre_ros.ros.outputs.picture import Picture
from csre_ros.ros.outputs.report import Output, Report
from csre_ros.ros.outputs.standards import Gestures, Intents
from csre_ros.ros.outputs.symbols import STANDARD, load_symbols
from csre_ros.ros.outputs.typed_records import TypedRecords
from csre_ros.ros.settings import NodeConfig, NodeSettings
from csre_ros.skeleton import Frame, Pinhole
from csre_ros.sources.frames import Image
from csre_ros.sources.open import is_recording

if TYPE_CHECKING:
    from csre_ros.ros.outputs.recorder import Recorder


class Publishers:
    """All outputs. They are silent while the node is inactive, but for the labels, which are there at once.

    Args:
        node: Owner of the publishers.
        recognizer: Who decides; it is asked for its labels at every report, since they may change.
        settings: All settings.

    Attributes:
        config: The settings of the node itself; may be replaced while running.
        counts: What could not be published or recorded, by reason: those of :class:`People` and :class:`Recorder`.

    Raises:
        ImportError: A message package that the settings ask for is not installed.
        ValueError: The file of symbols cannot be used.
        OSError: Likewise.
    """

    def __init__(self, node: LifecycleNode, recognizer: Recognizer, settings: NodeSettings) -> None:
        self.config: NodeConfig = settings.node
        self.counts: Counter[str] = Counter()
        self._node = node
        self._recognizer = recognizer
        self._newest = (0, "")
        self._recorder = _recorder(node, self.config, self.counts) if self.config.record else None
        self._outputs: list[Output] = []
        try:
            for output in self._make(settings):
                self._outputs.append(output)
        except Exception:
            self.destroy()
            raise

    def publish(
        self,
        frame: Frame,
        people: Sequence[PersonAction],
        image: Image | None = None,
        camera: Pinhole | None = None,
    ) -> float:
        """Say what is known after a frame. Whatever fails, everything else is published before that is raised.

        Args:
            frame: The frame.
            people: What recognition said about it.
            image: Its picture, where the source has one.
            camera: How points in space come into the picture, where that is known.

        Returns:
            Age of the frame in milliseconds: from its stamp to now.
        """
        self._newest = (frame.stamp_ns, self.config.frame_id or frame.frame_id)
        report = replace(self._report(people), image=image, camera=camera)
        _call(*(partial(output.publish, report) for output in self._outputs))
        return report.age_ms

    def record(self, frame: Frame) -> None:
        """Append the people of a frame to the recording, if there is one."""
        if self._recorder is not None:
            self._recorder.write(replace(frame, frame_id=self.config.frame_id or frame.frame_id))

    @property
    def recording_failure(self) -> str:
        """Why nothing is recorded any more, where something should be; else empty."""
        return self._recorder.failure if self._recorder is not None else ""

    def withdraw(self, people: Sequence[PersonAction] = ()) -> None:
        """Say that nobody is seen any more, so that no robot acts on what was true before the input stopped.

        Args:
            people: The last records of those who were, for the events in them.

        Raises:
            Exception: As for :meth:`publish`.
        """
        report = self._report(people)
        calls: list[Callable[[], None]] = [partial(output.withdraw, report) for output in self._outputs]
        if self._recorder is not None:
            calls.append(self._recorder.close)
        _call(*calls)

    def destroy(self) -> None:
        """Remove the publishers."""
        if self._recorder is not None:
            self._recorder.close()
        for output in self._outputs:
            output.destroy()

    def _report(self, people: Sequence[PersonAction]) -> Report:
        now_ns = int(self._node.get_clock().now().nanoseconds)
        return Report(*self._newest, now_ns, tuple(people), self._recognizer.info, self._recognizer.labels)

    def _make(self, settings: NodeSettings) -> Iterator[Output]:
        """First what robots act on, then what people look at, then the messages of others."""
        node, info, labels = self._node, self._recognizer.info, self._recognizer.labels
        yield Actions(node, lambda: self.config)
        yield PrimaryLabel(node)
        yield People(node, settings.node.publish_skeletons, self.counts)
        yield Classes(node, info, labels)
        yield Markers(node)
        yield Picture(node, settings.pose.horizontal_fov_deg)
        if find_spec("csre_msgs") is not None:
            yield TypedRecords(node, lambda: self.config)
        if find_spec("vision_msgs") is not None:
            yield Detections(node, labels, lambda: self.config.top_k)
        if settings.node.publish_gestures or settings.node.publish_intents:
            symbols = load_symbols(user_path(settings.node.symbols) if settings.node.symbols else STANDARD)
            if settings.node.publish_gestures:
                yield Gestures(node, symbols, announce=settings.node.input != "hri")
            if settings.node.publish_intents:
                yield Intents(node, symbols)


def _call(*calls: Callable[[], None]) -> None:
    """Make all calls in order, also after one that raises; the error is raised at the end."""
    with ExitStack() as stack:
        for call in reversed(calls):
            stack.callback(call)


def _recorder(node: LifecycleNode, config: NodeConfig, counts: Counter[str]) -> Recorder:
    from csre_ros.ros.outputs.recorder import Recorder, recording_folder  # few record, and it loads much

    copies = config.input == "camera" and is_recording(config.source)
    return Recorder(node, recording_folder(config), counts, rounded=not copies)

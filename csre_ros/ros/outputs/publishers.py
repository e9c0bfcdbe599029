"""Everything that the node publishes about people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String

from csre_ros.recognition.bundle_info import BundleInfo
from csre_ros.recognition.types import ActionEvent, PersonAction
from csre_ros.ros.outputs.clouds import cloud_message
from csre_ros.ros.outputs.detections import Detections
from csre_ros.ros.outputs.markers import Markers
from csre_ros.ros.outputs.moment import Moment, Output
from csre_ros.ros.outputs.picture import Picture
from csre_ros.ros.outputs.recorder import Recorder
from csre_ros.ros.outputs.reports import actions_record, classes_record, primary_person, to_json
from csre_ros.ros.outputs.standards import Gestures, Intents
from csre_ros.ros.outputs.symbols import STANDARD, load_symbols
from csre_ros.ros.qos import LATCHED, RELIABLE, SENSOR_DATA, overridable
from csre_ros.ros.settings import NodeConfig, NodeSettings
from csre_ros.skeleton import Frame, SkeletonLayout
from csre_ros.sources.frames import Image

_FAREWELL = Duration(seconds=0.5)
"""Longest wait for those who listen to hear that nobody is seen any more."""


class Outputs:
    """The publishers. They are silent while the node is inactive, but for ``~/classes``, which is there at once.

    Args:
        node: Owner of the publishers.
        info: The bundle that decides.
        settings: All settings.

    Attributes:
        config: The settings of the node itself; may be replaced while running.
        counts: What could not be published or recorded, by reason: ``other_layout`` (people whom ``~/skeletons`` cannot
            show beside the others), and those of :class:`Recorder`.

    Raises:
        ImportError: A message package that the settings ask for is not installed.
        ValueError: The file of symbols cannot be used.
        OSError: Likewise.
    """

    def __init__(self, node: LifecycleNode, info: BundleInfo, settings: NodeSettings) -> None:
        self.config: NodeConfig = settings.node
        self.counts: Counter[str] = Counter()
        self._node = node
        self._info = info
        self._events: list[ActionEvent] = []
        self._newest = (0, "")
        self._due_ns = 0
        self._label = ""
        self._listed = False
        self._layout: SkeletonLayout | None = None
        create = node.create_lifecycle_publisher
        self._actions = create(String, "~/actions", **overridable(RELIABLE))
        self._action = create(String, "~/action", **overridable(LATCHED))
        self._skeletons = create(PointCloud2, "~/skeletons", **overridable(SENSOR_DATA))
        self._layouts = create(String, "~/skeletons/layout", **overridable(LATCHED))
        self._classes = node.create_publisher(String, "~/classes", **overridable(LATCHED))
        self._classes.publish(String(data=to_json(classes_record(info))))
        folder = Path(self.config.record).expanduser() if self.config.record else None
        self._recorder = Recorder(node, folder, self.counts) if folder else None
        self._others: list[Output] = []
        try:
            for other in _others(node, info, settings, lambda: self.config.top_k):
                self._others.append(other)
        except Exception:
            self.destroy()
            raise

    def publish(self, frame: Frame, people: Sequence[PersonAction], image: Image | None = None) -> float:
        """Say what is known after a frame. Whatever fails, everything else is published before that is raised.

        Args:
            frame: The frame.
            people: What recognition said about it.
            image: Its picture, where the source has one.

        Returns:
            Age of the frame in milliseconds: from its stamp to now.
        """
        now_ns = self._now_ns()
        frame_id = self.config.frame_id or frame.frame_id
        self._newest = (frame.stamp_ns, frame_id)
        self._events += [event for person in people for event in person.events]
        primary = primary_person(people)
        moment = Moment(frame.stamp_ns, frame_id, tuple(people), image)
        calls: list[Callable[[], None]] = []
        # A due time further ahead than one period means that the clock jumped back, which must not silence the topic.
        if self._events or not 0 < self._due_ns - now_ns <= self._period_ns:
            calls.append(partial(self._publish_record, people, now_ns))
        calls.append(partial(self._publish_label, (primary.action if primary else None) or ""))
        if self.config.publish_skeletons:
            calls.append(partial(self._publish_skeletons, moment))
        _make(*calls, *(partial(other.publish, moment) for other in self._others))
        return (now_ns - frame.stamp_ns) / 1e6

    def record(self, frame: Frame) -> None:
        """Append the people of a frame to the recording, if there is one."""
        if self._recorder is not None:
            self._recorder.write(replace(frame, frame_id=self.config.frame_id or frame.frame_id))

    def withdraw(self, people: Sequence[PersonAction] = ()) -> None:
        """Say that nobody is seen any more, so that no robot acts on what was true before the input stopped.

        Args:
            people: The last records of those who were, for the events in them.

        Raises:
            Exception: As for :meth:`publish`.
        """
        self._events += [event for person in people for event in person.events]
        calls: list[Callable[[], None]] = []
        if self._listed or self._events:
            calls.append(partial(self._publish_record, (), self._now_ns()))
        if self._recorder is not None:
            calls.append(self._recorder.close)
        _make(*calls, partial(self._publish_label, ""), *(other.withdraw for other in self._others))

    def destroy(self) -> None:
        """Remove the publishers, once the farewells have arrived where somebody listens."""
        for publisher in (self._actions, self._action):
            publisher.wait_for_all_acked(_FAREWELL)
        for publisher in (self._actions, self._action, self._skeletons, self._layouts):
            self._node.destroy_lifecycle_publisher(publisher)
        self._node.destroy_publisher(self._classes)
        if self._recorder is not None:
            self._recorder.close()
        for other in self._others:
            other.destroy()

    def _publish_record(self, people: Sequence[PersonAction], now_ns: int) -> None:
        stamp_ns, frame_id = self._newest
        record = actions_record(
            people,
            self._events,
            stamp_ns=stamp_ns,
            frame_id=frame_id,
            now_ns=now_ns,
            info=self._info,
            top_k=self.config.top_k,
        )
        self._actions.publish(String(data=to_json(record)))
        self._events.clear()
        self._listed = bool(record["persons"])
        # Counted from when it was due, so that frames which come at just the allowed rate are not halved by jitter.
        self._due_ns = min(max(self._due_ns, now_ns - self._period_ns), now_ns) + self._period_ns

    @property
    def _period_ns(self) -> int:
        return int(1e9 / self.config.max_rate_hz)

    def _publish_label(self, label: str) -> None:
        if label != self._label:
            self._action.publish(String(data=label))
            self._label = label

    def _publish_skeletons(self, moment: Moment) -> None:
        """A cloud has one layout: the one announced, for as long as anybody has it; people of others are left out."""
        seen = [replace(skeleton, source_id=str(person.person)) for person, skeleton in moment.seen()]
        layouts = [skeleton.layout for skeleton in seen]
        if layouts and self._layout not in layouts:
            self._layout = layouts[0]
            self._layouts.publish(String(data=self._layout.name))
        if self._layout is not None:
            shown = [skeleton for skeleton in seen if skeleton.layout == self._layout]
            self._skeletons.publish(cloud_message(shown, self._layout, moment.stamp_ns, moment.frame_id))
            if left_out := len(seen) - len(shown):
                self.counts["other_layout"] += left_out

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)


def _make(*calls: Callable[[], None]) -> None:
    """Make all calls in order, also after one that raises; the error is raised at the end."""
    with ExitStack() as stack:
        for call in reversed(calls):
            stack.callback(call)


def _others(
    node: LifecycleNode, info: BundleInfo, settings: NodeSettings, top_k: Callable[[], int]
) -> Iterator[Output]:
    """What is published beside the node's own records: for people to look at, and in the messages of others."""
    config = settings.node
    yield Markers(node)
    yield Picture(node, settings.pose.horizontal_fov_deg)
    if find_spec("vision_msgs") is not None:
        yield Detections(node, info, top_k)
    if config.publish_gestures or config.publish_intents:
        symbols = load_symbols(Path(config.symbols).expanduser() if config.symbols else STANDARD)
        if config.publish_gestures:
            yield Gestures(node, symbols)
        if config.publish_intents:
            yield Intents(node, symbols)

"""The whole chain in one call: skeletons in, one record per person out. No threads, no clock of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

from csre_ros.options import leaf_fields
from csre_ros.recognition.bundle import BY_DIMS, Bundle
from csre_ros.recognition.bundle_info import BundleInfo, Label
from csre_ros.recognition.decoder import Decoder
from csre_ros.recognition.encoder import OnlineEncoder
from csre_ros.recognition.intake import Intake
from csre_ros.recognition.settings import AUTO, RecognizerConfig
from csre_ros.recognition.stamps import StampGuard, Verdict
from csre_ros.recognition.stream_decoder import StreamDecoder
from csre_ros.recognition.stream_encoder import StreamEncoder
from csre_ros.recognition.taught import Taught
from csre_ros.recognition.tracker import Track, Tracker
from csre_ros.recognition.types import ActionEvent, PersonAction
from csre_ros.recognition.window_decoder import WindowDecoder
from csre_ros.recognition.window_encoder import WindowEncoder
from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.timing import StageTimer


@dataclass(eq=False)
class _Person:
    """What is remembered about one track.

    Attributes:
        memory: The encoder's own.
        skeleton: In the source's layout; None when not seen in the newest frame.
        fresh: Whether a frame came in since the last decision.
        decided_ns: Oldest and newest stamp behind the last decision.
        events: Not reported yet.
    """

    track: Track
    memory: Any
    decoder: Decoder
    skeleton: Skeleton | None = None
    fresh: bool = False
    decided_ns: tuple[int, int] | None = None
    events: list[ActionEvent] = field(default_factory=list)


class Recognizer:
    """Tracker, encoder and decoders of everybody in view.

    :meth:`step` does it all. Live drivers that must not wait for the encoder may call :meth:`observe` for every frame
    and :meth:`decide` when there is time, never both at once.

    Args:
        config: Settings.
        bundle: A loaded bundle; None loads the one that ``config`` names.
        timer: Where the stages ``track``, ``window``, ``infer`` and ``decode`` are timed.
        dims: Dimensions of the skeletons to come, which choose the bundle where ``config`` leaves it open.
        gallery: Labels that were taught, beside those of the bundle. The path in ``config`` is for whoever loads it.

    Attributes:
        config: Settings in force.
        bundle: The model.
        counts: What was refused or left out since the start, by reason: ``repeated_stamp``, ``late_stamp``,
            ``backward_stamp``, ``stamp_jump``, ``wrong_layout``, ``nothing_visible``, ``duplicate_id``,
            ``too_many_people``, ``too_dense``, ``not_finite``.

    Raises:
        BundleError: The bundle cannot be used.
        ImportError: ONNX Runtime is not installed.
        ValueError: There is a gallery, and the bundle does not label every frame.
    """

    def __init__(
        self,
        config: RecognizerConfig | None = None,
        bundle: Bundle | None = None,
        timer: StageTimer | None = None,
        dims: int = 3,
        gallery: Taught | None = None,
    ) -> None:
        self.config = config or RecognizerConfig()
        name = BY_DIMS[dims] if self.config.bundle == AUTO else self.config.bundle
        self.bundle = bundle or Bundle.load(name, self.config.device)
        self.bundle.warm_up()
        self.counts: Counter[str] = Counter()
        self._timer = timer or StageTimer()
        stream = self.info.stream
        self._encoder: OnlineEncoder[Any]
        if stream is None:
            self._encoder = WindowEncoder(self.bundle, self.config.window.min_fill_s, self._timer)
            self._decoder: Callable[[], Decoder] = lambda: WindowDecoder(self.labels, self.config.decoder)
        else:
            decoding, open_set = self.bundle.decoding, self.bundle.open_set
            self._encoder = StreamEncoder(self.bundle, stream, self._timer)
            self._decoder = lambda: StreamDecoder(
                self.labels,
                self.config.decoder,
                decoding,
                stream.rate_hz,
                self.gallery.matcher() if self.gallery else None,
                open_set,
            )
        layout = get_layout(self.info.layout)
        self._guard = StampGuard(self.config.window.max_gap_s, self.config.window.max_jump_s, self.counts)
        self._intake = Intake(layout, self.counts)
        self._tracker = Tracker(self.config.tracker, layout, self.counts)
        self._people: dict[Track, _Person] = {}
        self._frame_id = ""
        self._observed = False
        self._grid_ns: tuple[int, int] = (0, 0)  # where the stamp grid starts, and its next point
        self._gone: list[PersonAction] = []
        self._gallery: Taught | None = None
        self._labels = self.info.labels
        self.gallery = gallery

    @property
    def info(self) -> BundleInfo:
        """The description of the bundle."""
        return self.bundle.info

    @property
    def labels(self) -> tuple[Label, ...]:
        """What can be told apart, in the order of all scores: the labels of the bundle, then those of the gallery."""
        return self._labels

    @property
    def gallery(self) -> Taught | None:
        """Labels that were taught.

        May be set between two steps, also to the same one after it changed; what people are doing then ends.

        Raises:
            ValueError: The bundle does not label every frame.
        """
        return self._gallery

    @gallery.setter
    def gallery(self, gallery: Taught | None) -> None:
        if gallery is not None and self.info.stream is None:
            raise ValueError(
                f"bundle {self.info.name!r} classifies windows and cannot be taught; taught labels need a bundle that "
                "labels every frame, such as 'default' or 'flat'"
            )
        labels = self.info.labels + (() if gallery is None else gallery.labels)
        self._gallery, self._labels = gallery, labels
        for person in self._people.values():
            person.events += person.decoder.end(person.track.last_ns, person.track.id)
            person.decoder = self._decoder()

    def step(self, frame: Frame) -> list[PersonAction]:
        """Advance by one frame.

        Returns:
            One record for everybody present and for everybody who just left; empty for a frame that is refused.
        """
        self.observe(frame)
        return self.decide()

    def observe(self, frame: Frame) -> bool:
        """Take a frame in: who is who, and what the encoder is to remember of whom.

        Returns:
            False for a frame that is refused for its stamp, and counted; it says nothing about who is in view.
        """
        stamp_ns = frame.stamp_ns
        before_ns = self._guard.newest_ns
        verdict = self._guard.step(stamp_ns)
        if verdict is Verdict.REFUSE:
            return False
        if verdict is Verdict.RESTART and before_ns is not None:
            self._tracker.clear()
            self._drop_lost(before_ns)
        if verdict is Verdict.RESTART or before_ns is None:
            self._grid_ns = (stamp_ns, stamp_ns)
        self._frame_id, self._observed = frame.frame_id, True
        with self._timer("track"):
            bodies = self._intake.step(frame.skeletons)
            self._forget_gaps(stamp_ns)
            source_ids = [skeleton.source_id for skeleton in bodies.skeletons]
            tracks = self._tracker.step(stamp_ns, bodies.positions, bodies.confidence, source_ids)
        self._drop_lost(stamp_ns)
        for person in self._people.values():
            person.skeleton = None
        for i, track in enumerate(tracks):
            if track is not None:
                person = self._person(track)
                person.skeleton, person.fresh = bodies.skeletons[i], True
                if not self._encoder.see(person.memory, stamp_ns, bodies.positions[i], bodies.confidence[i]):
                    self.counts["too_dense"] += 1
        return True

    def decide(self) -> list[PersonAction]:
        """What everybody is doing, by the frames observed so far; runs the encoder when it is due.

        Returns:
            One record for everybody present, by id, and for everybody who left; only who left if no frame came in.
        """
        present: list[_Person] = []
        if self._observed:
            self._observed = False
            newest = self._guard.newest_ns or 0
            start, due = self._grid_ns
            if newest >= due or self._encoder.paced:
                self._infer()  # while it fails it stays due, and no frame goes through on old decisions
                stride = round(self.config.window.stride_s * 1e9)
                self._grid_ns = (start, start + ((newest - start) // stride + 1) * stride)
            present = sorted((person for person in self._people.values() if person.track.id), key=lambda p: p.track.id)
        records, self._gone = self._gone, []  # after what may fail: who left is told at the next decision then
        return records + [self._record(person, present=True) for person in present]

    def reconfigure(self, config: RecognizerConfig) -> None:
        """Change dynamic settings while running; safe to call from another thread.

        Args:
            config: The settings from now on.

        Raises:
            ValueError: A setting differs that does not change while running; nothing is changed then.
        """
        for name, item, _ in leaf_fields(RecognizerConfig):
            old, new = (attrgetter(name)(settings) for settings in (self.config, config))
            if old != new and not item.metadata["dynamic"]:
                raise ValueError(f"{name} cannot change from {old!r} to {new!r} while running; make a new Recognizer")
        self.config = config

    def finish(self) -> list[PersonAction]:
        """The stream is over or pauses: everybody leaves, and open actions end at the newest stamp. Ids go on counting.

        Returns:
            The last record of everybody who was present.
        """
        self._tracker.clear()
        self._drop_lost(self._guard.newest_ns or 0)
        records, self._gone = self._gone, []
        return records

    def reset(self) -> None:
        """Start anew with the next frame, ids included; ``counts`` stay. Makes no events."""
        self._guard.reset()
        self._tracker.reset()
        self._people.clear()
        self._gone.clear()
        self._observed = False

    def _person(self, track: Track) -> _Person:
        if track not in self._people:
            self._people[track] = _Person(track, self._encoder.start(), self._decoder())
        return self._people[track]

    def _forget_gaps(self, stamp_ns: int) -> None:
        """End what those were doing who have been out of sight for too long, and begin anew with them."""
        for person in self._people.values():
            if (stamp_ns - person.track.last_ns) / 1e9 > self.config.window.max_gap_s:
                person.events += person.decoder.end(stamp_ns, person.track.id)
                person.decoder.reset()
                person.memory, person.fresh, person.decided_ns = self._encoder.start(), False, None

    def _drop_lost(self, stamp_ns: int) -> None:
        """Say good-bye to people whose track ended."""
        for track in self._people.keys() - set(self._tracker.tracks):
            person = self._people.pop(track)
            if track.id:
                person.skeleton = None
                person.events += person.decoder.end(stamp_ns, track.id)
                self._gone.append(self._record(person, present=False))
        self._gone.sort(key=lambda record: record.person)

    def _infer(self) -> None:
        """Run the encoder on everybody who is ready, in one batch."""
        ready = [p for p in self._people.values() if p.fresh and p.track.id and self._encoder.ready(p.memory)]
        if not ready:
            return
        answers = self._encoder.decide([person.memory for person in ready])
        with self._timer("decode"):
            for person, answer in zip(ready, answers, strict=True):
                person.fresh = False
                person.decoder.config = self.config.decoder
                for evidence in answer:
                    if not np.isfinite(evidence.logits).all():
                        self.counts["not_finite"] += 1
                        continue
                    person.decided_ns = evidence.span_ns
                    person.events += person.decoder.step(evidence, person.track.id)

    def _record(self, person: _Person, present: bool) -> PersonAction:
        events, person.events = tuple(person.events), []
        decoder = person.decoder
        last_ns = person.track.last_ns
        return PersonAction(
            stamp_ns=last_ns,
            frame_id=self._frame_id,
            person=person.track.id,
            present=present,
            skeleton=person.skeleton,
            decision=decoder.decision,
            action=decoder.action,
            score=decoder.score,
            best=decoder.best,
            probabilities=decoder.probabilities,
            window_ns=person.decided_ns or self._encoder.span_ns(person.memory) or (last_ns, last_ns),
            events=events,
        )

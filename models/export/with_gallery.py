"""A bundle with a gallery, run over scenes through the decoder and the matcher of the runtime, at several reaches.

The paths through the examples do not depend on the reach, and take most of the time; they are found once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csre_ros.evaluation import Report, reports_of
from csre_ros.recognition.bundle import Bundle
from csre_ros.recognition.bundle_info import Label
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.settings import DecoderConfig
from csre_ros.recognition.stream_decoder import StreamDecoder
from csre_ros.recognition.taught import Match
from csre_ros.skeleton import get_layout
from csre_ros.teaching.features import Features, FeatureStream
from csre_ros.teaching.matching import GalleryMatcher, Warping
from models.data.streams.clips import ClipStream
from models.data.streams.scenes import Scene
from models.data.streams.stream import RATE_HZ
from models.export.online import Measured
from models.export.teach import examples_of


@dataclass(frozen=True, eq=False)
class Lesson:
    """A gallery as a measurement draws it.

    Attributes:
        names: The taught labels.
        examples: Features of the drawn examples.
        label_of: ``[examples]`` index of the label of each.
    """

    names: tuple[str, ...]
    examples: Sequence[Features]
    label_of: NDArray[np.int64]


class Runtime:
    """A bundle with the settings of another one, and what it tells of scenes."""

    def __init__(self, bundle: Bundle, labels: Sequence[Label], settings: Bundle, measured: Measured) -> None:
        self.bundle, self.measured = bundle, measured
        self._labels, self._decoding = labels, settings.decoding

    def told(self, scenes: Sequence[Scene], lesson: Lesson, reaches: Sequence[float]) -> list[list[list[Report]]]:
        """Reports of each scene: without a gallery, then with it at each reach."""
        layout, found = get_layout(self.bundle.info.layout), []
        for scene, *said in zip(scenes, *self.measured.scores([one.stream for one in scenes]), strict=True):
            features, warping = FeatureStream(layout, RATE_HZ), Warping(lesson.examples)
            rows = zip(*said, scene.stream.positions, scene.stream.confidence, strict=True)
            evidence = [
                Evidence(np.log(np.maximum(one, 1e-12)), embedding, (at, at), at, where, sure, begin)
                for at, (one, embedding, begin, where, sure) in zip(_stamps(len(said[0])), rows, strict=True)
            ]
            warped = [warping.step(features.step(one)) for one in evidence]
            matchers: list[_Replayed | None] = [None]
            for reach in reaches:
                matcher = GalleryMatcher(lesson.examples, lesson.label_of, len(lesson.names), reach, layout, RATE_HZ)
                matchers.append(_Replayed([matcher.match(*one) for one in warped]))
            found.append([self._reports(evidence, one, lesson.names) for one in matchers])
        return found

    def _reports(self, evidence: Sequence[Evidence], matcher: _Replayed | None, names: Sequence[str]) -> list[Report]:
        labels = [*self._labels, *(Label(name, 0.5) for name in names if matcher is not None)]
        decoder = StreamDecoder(labels, DecoderConfig(), self._decoding, RATE_HZ, matcher, self.bundle.open_set)
        events = [event for one in evidence for event in decoder.step(one, 0)]
        events += decoder.end(evidence[-1].instant_ns, 0)
        return list(reports_of(event.to_record() for event in events))


class _Replayed:
    """A matcher that says what was found before."""

    def __init__(self, matches: Sequence[Match]) -> None:
        self._matches = iter(matches)

    def step(self, _: Evidence) -> Match:
        """The next one."""
        return next(self._matches)

    def reset(self) -> None:
        """Nothing to forget: it is for one person."""


def _stamps(frames: int) -> list[int]:
    return [round(1e9 * frame / RATE_HZ) for frame in range(frames)]


def drawn_lesson(clips: Sequence[ClipStream], runtime: Runtime, shots: int, seed: int) -> Lesson:
    """Some examples of each label, without repeating one."""
    names = tuple(sorted({clip.label for clip in clips}))
    rng, drawn = np.random.default_rng(seed), list[ClipStream]()
    for name in names:
        own = [clip for clip in clips if clip.label == name]
        drawn += [own[number] for number in rng.choice(len(own), shots, replace=False)]
    examples, _ = examples_of(drawn, runtime.bundle, runtime.measured)
    return Lesson(names, examples, np.array([names.index(clip.label) for clip in drawn]))

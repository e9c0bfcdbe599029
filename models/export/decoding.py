"""Settings of the per-frame decoder, fitted on streams of validation subjects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.evaluation.detection import match
from csre_ros.evaluation.intervals import Interval, merged
from csre_ros.evaluation.stream import Report
from csre_ros.recognition.bundle_info import Label
from csre_ros.recognition.frame_decoder import FrameDecoder, FrameDecoding
from csre_ros.skeleton import FloatArray

THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
"""Up to what nearly every frame of an action has in validation; people before cameras make networks less sure."""
BRIDGES_S = (0.07, 0.2, 0.5, 0.9, 1.4)
_NEVER = 2.0  # no probability is as high
_REPEATS = (0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
_CLEARLY = 0.5
"""Gain from which on something else than what was there is worth having: validation has a few dozen actions."""
_GRID = {
    "min_duration_s": (0.07, 0.13, 0.2),
    "bridge_s": (0.07, 0.2, 0.4, 0.7),
    "leave": (0.4, 0.6, 0.8, 1.0),
    "onset": (0.4, 0.6, 0.8),
}
_WRONG = 0.6
"""What a wrong report costs, where a detected action is worth one."""
_TURN_S = 0.4
"""Least gap that a greeting goes on through: hands stand still where a wave turns, which few of the recordings show."""
_WEAK = 0.4
"""Largest share of its threshold down to which a greeting goes on: hands that turn or sink make it less sure."""
_COMMON_TRUTHS = 4.0
"""So many actions of a mean label are added to those of every label when its threshold is chosen: some have few."""
_LATE_PER_S = 0.6
"""What a second of delay costs, and what a second by which the beginning is misjudged does."""


@dataclass(frozen=True, eq=False)
class ScoredStream:
    """What a network says of a stream, and what was done.

    Attributes:
        probabilities: ``[T, labels]``, each for the instant of its own frame.
        begins: ``[T]`` probability that an action begins.
        truth: Actions in seconds from the first frame.
        weight: How much its wrong reports count; more where nothing of ours is done.
        share: How much all of it counts.
        allowed: ``[T, labels]`` where a label may be right without being a truth: nobody knows. None: nowhere.
    """

    probabilities: FloatArray
    begins: FloatArray
    truth: Sequence[Interval]
    weight: float = 1.0
    share: float = 1.0
    allowed: NDArray[np.bool_] | None = None

    def is_open(self, report: Report, label: int, rate_hz: float) -> bool:
        """Whether nobody can call a report wrong: over most of it its label is allowed."""
        if self.allowed is None:
            return False
        frames = self.allowed[round(report.start * rate_hz) : max(round(report.end * rate_hz), 1), label]
        return bool(len(frames)) and float(frames.mean()) > 0.5


@dataclass(frozen=True)
class Outcome:
    """How settings do on some streams: by label, detected and wrong reports, and the sum of delays."""

    detected: Counter[str]
    wrong: Counter[str]
    late_s: float

    def gain_of(self, label: str) -> float:
        """What one label brings."""
        return self.detected[label] - _WRONG * self.wrong[label]

    @property
    def gain(self) -> float:
        """What fitting maximises."""
        return self.detected.total() - _WRONG * self.wrong.total() - _LATE_PER_S * self.late_s


@dataclass(frozen=True)
class Fitted:
    """The result of a fit.

    Attributes:
        thresholds: Of every label, 0 for background.
        settings: Of the decoder.
        curve: Threshold common to all labels, precision and recall there: what was to choose from.
    """

    thresholds: tuple[float, ...]
    settings: FrameDecoding
    curve: tuple[tuple[float, float, float], ...]

    def extension(self) -> dict[str, Any]:
        """As a bundle carries it."""
        curve = [{"threshold": at, "precision": round(p, 3), "recall": round(r, 3)} for at, p, r in self.curve]
        return {"required": False, **asdict(self.settings), "validation_curve": curve}


def reports_of(
    probabilities: FloatArray,
    begins: FloatArray,
    labels: Sequence[Label],
    settings: FrameDecoding,
    rate_hz: float,
    delay_s: float,
    known: NDArray[np.bool_] | None = None,
) -> list[Report]:
    """What the decoder tells of a stream; ``known`` ``[T, labels]`` says which labels a movement may be at all."""
    decoder, decided, reports = FrameDecoder(labels, settings, rate_hz), 0.0, []
    for number in range(len(probabilities) + 1):
        at = number / rate_hz
        if number < len(probabilities):
            may_be = None if known is None else known[number]
            changes = decoder.step(at, probabilities[number], None, may_be, float(begins[number]))
        else:
            changes = decoder.end()
        for change in changes:
            if change.until is None:
                decided = at + delay_s
            else:
                name = labels[change.label].name
                reports.append(Report(name, change.since, change.until, decided, change.score))
    return reports


def judge(
    streams: Iterable[ScoredStream], labels: Sequence[Label], settings: FrameDecoding, rate_hz: float, delay_s: float
) -> Outcome:
    """Decode streams and count.

    Who is told of a raised hand where somebody waves has missed the wave and has heard of nothing that was not there:
    one of a family for another is no wrong report.
    """
    detected: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    late_s = 0.0
    names = [label.name for label in labels]
    for stream in streams:
        truths = merged(stream.truth)
        found = match(truths, reports_of(stream.probabilities, stream.begins, labels, settings, rate_hz, delay_s))
        for truth, _ in found.right:
            detected[truth.label] += stream.share  # type: ignore[assignment]
        for report in found.wrong:
            if not stream.is_open(report, names.index(report.label), rate_hz) and not _kin(
                report, truths, settings.families
            ):
                wrong[report.label] += stream.share * stream.weight  # type: ignore[assignment]
        late_s += stream.share * sum(max(r.decided - t.start, 0) + abs(r.start - t.start) for t, r in found.right)
    return Outcome(detected, wrong, late_s)


def _kin(report: Report, truths: Sequence[Interval], families: Sequence[Sequence[str]]) -> bool:
    """Whether over most of a report something of its own family was done."""
    kin = {name for family in families if report.label in family for name in family} - {report.label}
    half_s = 0.5 * (report.end - report.start)
    return any(
        truth.label in kin and min(truth.end, report.end) - max(truth.start, report.start) > half_s for truth in truths
    )


def fit_decoding(
    streams: Sequence[ScoredStream],
    labels: Sequence[Label],
    rate_hz: float,
    delay_s: float,
    fixed: FrameDecoding | None = None,
    families: Sequence[Sequence[str]] = (),
) -> Fitted:
    """Choose times and shares for all labels at a middle threshold, then a threshold and a longest gap for each label.

    Last comes how sure a beginning must be to end the same action before it, by label.

    Labels of one family have one threshold, as they have their evidence together.

    Args:
        streams: Of people nobody was trained on.
        labels: In the order of the probabilities; their thresholds do not matter.
        rate_hz: Frames per second.
        delay_s: Time by which the network looks ahead.
        fixed: Settings that are chosen already.
        families: Labels that are easily taken for each other, where nothing is chosen yet.
    """
    truths = sum(stream.share * len(merged(stream.truth)) for stream in streams)

    def at(threshold: float) -> list[Label]:
        return [replace(label, threshold=0.0 if label.background else threshold) for label in labels]

    settings = fixed or FrameDecoding(families=families)
    for name, values in ({} if fixed else _GRID).items():
        gain = judge(streams, at(0.55), settings, rate_hz, delay_s).gain + _CLEARLY
        for other in [FrameDecoding(**(asdict(settings) | {name: value})) for value in values]:
            if (found := judge(streams, at(0.55), other, rate_hz, delay_s).gain) > gain:
                settings, gain = other, found
    groups = _groups(labels, settings.families)
    best: dict[str, tuple[float, float]] = {}
    curve = []
    for threshold in THRESHOLDS:
        outcome = judge(streams, at(threshold), settings, rate_hz, delay_s)
        total = outcome.detected.total()
        common = (total - _WRONG * outcome.wrong.total()) / max(truths, 1e-9)
        curve.append((threshold, total / max(total + outcome.wrong.total(), 1e-9), total / max(truths, 1e-9)))
        for group in groups:
            gain = sum(outcome.gain_of(name) + _COMMON_TRUTHS * common for name in group)
            for name in group:
                if name not in best or gain > best[name][0]:
                    best[name] = (gain, threshold)
    limits = tuple(0.0 if label.background else best[label.name][1] for label in labels)
    judged = [replace(label, threshold=limit) for label, limit in zip(labels, limits, strict=True)]
    chosen = fixed
    if chosen is None:
        chosen = _bridged(streams, judged, settings, rate_hz, delay_s)
        chosen = _repeated(streams, judged, chosen, rate_hz, delay_s)
    return Fitted(limits, chosen, tuple(curve))


def _groups(labels: Sequence[Label], families: Sequence[Sequence[str]]) -> list[list[str]]:
    """Labels that share a threshold: those of a family, whose evidence is one, and every other one alone."""
    names = [label.name for label in labels]
    together = [[name for name in family if name in names] for family in families]
    kin = {name for family in together for name in family}
    return [family for family in together if family] + [[name] for name in names if name not in kin]


def _bridged(
    streams: Sequence[ScoredStream], labels: Sequence[Label], settings: FrameDecoding, rate_hz: float, delay_s: float
) -> FrameDecoding:
    """Give labels a longest gap of their own where that is clearly better: some actions go on and on, others do not.

    Greetings go on through gaps of :data:`_TURN_S`, and down to :data:`_WEAK`.
    """
    own = _clearly_better(
        {
            seconds: judge(streams, labels, replace(settings, bridge_s=seconds), rate_hz, delay_s)
            for seconds in (settings.bridge_s, *BRIDGES_S)
        },
        settings.bridge_s,
        [label.name for label in labels],
    )
    kin = [name for family in settings.families for name in family]
    own |= {name: max(own.get(name, settings.bridge_s), _TURN_S) for name in kin}
    leaves = {name: _WEAK for name in kin if settings.leave > _WEAK}
    return replace(settings, bridges_s=own, leaves=leaves)


def _repeated(
    streams: Sequence[ScoredStream], labels: Sequence[Label], settings: FrameDecoding, rate_hz: float, delay_s: float
) -> FrameDecoding:
    """Let a beginning end the same action before it where that is clearly better; a greeting goes on and on."""
    kin = {name for family in settings.families for name in family}
    names = [label.name for label in labels if not label.background and label.name not in kin]
    outcomes = {
        again: judge(streams, labels, replace(settings, repeats=dict.fromkeys(names, again)), rate_hz, delay_s)
        for again in (_NEVER, *_REPEATS)
    }
    return replace(settings, repeats=_clearly_better(outcomes, _NEVER, names))


def _clearly_better(outcomes: Mapping[float, Outcome], usual: float, names: Sequence[str]) -> dict[str, float]:
    """By label, the value of a setting that is clearly better than the usual one and those before it."""
    chosen = dict.fromkeys(names, usual)
    for value, outcome in outcomes.items():
        for name in names:
            if outcome.gain_of(name) > outcomes[chosen[name]].gain_of(name) + _CLEARLY:
                chosen[name] = value
    return {name: value for name, value in chosen.items() if value != usual}

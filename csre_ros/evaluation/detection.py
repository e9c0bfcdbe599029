"""Which actions were detected, by the rules of the SHREC'22 contest: detection rate, false positives, Jaccard.

Source: Emporio et al., "SHREC 2022 track on online detection of heterogeneous gestures", Computers & Graphics 107
(2022).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from csre_ros.evaluation.intervals import Interval, overlap
from csre_ros.evaluation.stream import JudgedStream, Report

_LEAST_COVERED = 0.5
_LONGEST = 2.0
_LATE_S = 1.0


@dataclass(frozen=True)
class Matching:
    """Which report is right about which truth of one stream.

    Attributes:
        right: Pairs of a truth and the report about it, by report.
        missed: Truths without a right report.
        wrong: Reports that are right about nothing.
    """

    right: tuple[tuple[Interval, Report], ...]
    missed: tuple[Interval, ...]
    wrong: tuple[Report, ...]


def is_right(truth: Interval, report: Report) -> bool:
    """Whether a report is right about a truth: same label, half of the truth covered, at most twice as long.

    >>> is_right(Interval("wave", 0, 2), Report("wave", 1, 5, decided=1.2))
    True
    """
    return (
        truth.label == report.label
        and overlap(truth, report.interval) >= _LEAST_COVERED * truth.seconds
        and report.end - report.start <= _LONGEST * truth.seconds
    )


def hears(truth: Interval, report: Report, late: float = _LATE_S) -> bool:
    """Whether a report is about a truth at all: same label, and some time shared with it or with the second behind it.

    More lenient than :func:`is_right`, since a decision may come when the action is over.

    Args:
        truth: The action.
        report: The report.
        late: Seconds behind the action that count as its own.

    >>> hears(Interval("wave", 0, 2), Report("wave", 2.5, 9, decided=2.5))
    True
    """
    return truth.label == report.label and overlap(truth._replace(end=truth.end + late), report.interval) > 0


def match(truth: Sequence[Interval], reports: Sequence[Report]) -> Matching:
    """Find the right reports; each takes the first truth that it is right about and that no report before it took."""
    left, right, wrong = list(truth), [], []
    for report in reports:
        found = next((one for one in left if is_right(one, report)), None)
        if found is None:
            wrong.append(report)
        else:
            left.remove(found)
            right.append((found, report))
    return Matching(tuple(right), tuple(left), tuple(wrong))


@dataclass(frozen=True)
class Detection:
    """Counts over some streams, of one label or of all.

    Attributes:
        truths: Actions done.
        right: Of these, detected.
        wrong: Reports that are right about none.
    """

    truths: int
    right: int
    wrong: int

    @property
    def detection_rate(self) -> float:
        """Detected share of the truths; NaN without truths."""
        return _ratio(self.right, self.truths)

    @property
    def false_positive_rate(self) -> float:
        """Wrong reports per truth; NaN without truths. May exceed 1."""
        return _ratio(self.wrong, self.truths)

    @property
    def jaccard(self) -> float:
        """Right reports among truths and wrong reports together; NaN where there are neither."""
        return _ratio(self.right, self.truths + self.wrong)


def detections(matchings: Sequence[Matching]) -> dict[str, Detection]:
    """Counts by label, sorted; labels that were only reported included."""
    right = Counter(truth.label for one in matchings for truth, _ in one.right)
    missed = Counter(truth.label for one in matchings for truth in one.missed)
    wrong = Counter(report.label for one in matchings for report in one.wrong)
    return {
        label: Detection(right[label] + missed[label], right[label], wrong[label])
        for label in sorted(right.keys() | missed.keys() | wrong.keys())
    }


def pooled(counts: dict[str, Detection]) -> Detection:
    """Counts of all labels together."""
    return Detection(
        sum(one.truths for one in counts.values()),
        sum(one.right for one in counts.values()),
        sum(one.wrong for one in counts.values()),
    )


def without(matchings: Sequence[Matching], streams: Sequence[JudgedStream], label: str) -> list[Matching]:
    """Matchings without the wrong reports of a label that lie for the most part where nothing is annotated.

    People walk between the actions of a recording, and nobody annotated that. A wrong report about an annotated
    stretch keeps counting, whatever its label.

    Args:
        matchings: One for every stream.
        streams: The streams.
        label: For example ``walk``.
    """
    return [
        Matching(one.right, one.missed, tuple(r for r in one.wrong if r.label != label or _annotated(r, stream)))
        for one, stream in zip(matchings, streams, strict=True)
    ]


def _annotated(report: Report, stream: JudgedStream) -> bool:
    """Whether at least half of a report lies in annotated time; annotations do not overlap."""
    inside = sum(overlap(truth, report.interval) for truth in stream.truth)
    return inside >= 0.5 * (report.end - report.start)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")

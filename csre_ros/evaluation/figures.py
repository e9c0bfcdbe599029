"""All measures of some streams in one record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from csre_ros.evaluation.alarms import false_activations_per_minute, unheard_per_minute
from csre_ros.evaluation.average_precision import mean_average_precision, mean_over_overlaps
from csre_ros.evaluation.detection import Detection, Matching, detections, match, pooled, without
from csre_ros.evaluation.frames import frame_scores
from csre_ros.evaluation.segments import edit_score, segmental_f1
from csre_ros.evaluation.stream import JudgedStream
from csre_ros.evaluation.timeliness import delays, median, start_errors, times_to_first_right_label


@dataclass(frozen=True)
class Figures:
    """What is known about a recogniser after some streams. Rates are 0..1 unless said otherwise; NaN where undefined.

    Attributes:
        streams: Number of streams.
        minutes: Their duration.
        truths: Actions done.
        reports: Actions reported.
        detection_rate: Detected share of the truths.
        wrong_per_truth: Reports that are right about none, per truth; may exceed 1.
        wrong_per_truth_without: The same without what :func:`csre_ros.evaluation.detection.without` leaves out, by the
            label that is left out.
        jaccard: Right reports among truths and wrong reports together.
        macro_detection_rate: Mean of the detection rates of the labels of the truth.
        macro_false_positive_rate: Mean of their wrong reports per truth.
        macro_jaccard: Mean of their Jaccard indices.
        unheard_per_minute: Reports that touch no truth of their label, nor the second behind one.
        false_activations_per_minute: Wrong reports decided while nothing was done, per such minute.
        delay_s: Median time from the true start of a detected action to the decision.
        delay_p90_s: Nine of ten detected actions were decided by then.
        start_error_s: Median distance between the reported and the true start of a detected action.
        first_right_label_s: Median over all truths of the time to the first right label; infinite where most have none.
        heard_rate: Share of the truths whose label was told while they lasted, or up to a second later.
        frame_accuracy: Share of the time that is named right.
        frame_macro_f1: Mean F1 of the time of the labels of the truth.
        f1: Segmental F1 by least intersection over union in per cent: 10, 25, 50.
        edit: Edit score.
        map: Mean average precision by least intersection over union: 0.1, 0.3, 0.5, 0.7.
        map_2d: Mean of that over intersections of 0.1 to 0.7.
        labels: Counts by label.
    """

    streams: int
    minutes: float
    truths: int
    reports: int
    detection_rate: float
    wrong_per_truth: float
    wrong_per_truth_without: dict[str, float]
    jaccard: float
    macro_detection_rate: float
    macro_false_positive_rate: float
    macro_jaccard: float
    unheard_per_minute: float
    false_activations_per_minute: float
    delay_s: float
    delay_p90_s: float
    start_error_s: float
    first_right_label_s: float
    heard_rate: float
    frame_accuracy: float
    frame_macro_f1: float
    f1: dict[str, float]
    edit: float
    map: dict[str, float]
    map_2d: float
    labels: dict[str, Detection]

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined or infinite becomes None."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def judge(streams: Sequence[JudgedStream], free: Sequence[str] = ()) -> Figures:
    """Measure some streams.

    Args:
        streams: Truths and reports.
        free: Labels of which wrong reports in time without annotation are also left out, each by itself.
    """
    matchings = [match(stream.truth, stream.reports) for stream in streams]
    labels = detections(matchings)
    counts, late, heard = pooled(labels), delays(matchings), times_to_first_right_label(streams)
    of_truth = [one for one in labels.values() if one.truths]
    return Figures(
        streams=len(streams),
        minutes=sum(stream.seconds for stream in streams) / 60,
        truths=counts.truths,
        reports=counts.right + counts.wrong,
        detection_rate=counts.detection_rate,
        wrong_per_truth=counts.false_positive_rate,
        wrong_per_truth_without={label: _wrong_without(matchings, streams, label) for label in free},
        jaccard=counts.jaccard,
        macro_detection_rate=_mean([one.detection_rate for one in of_truth]),
        macro_false_positive_rate=_mean([one.false_positive_rate for one in of_truth]),
        macro_jaccard=_mean([one.jaccard for one in of_truth]),
        unheard_per_minute=unheard_per_minute(streams),
        false_activations_per_minute=false_activations_per_minute(streams, matchings),
        delay_s=median(late),
        delay_p90_s=float(np.quantile(late, 0.9)) if len(late) else math.nan,
        start_error_s=median(np.abs(start_errors(matchings))),
        first_right_label_s=median(heard),
        heard_rate=float(np.isfinite(heard).mean()) if len(heard) else math.nan,
        frame_accuracy=(scores := frame_scores(streams)).accuracy,
        frame_macro_f1=scores.macro_f1,
        f1={str(percent): segmental_f1(streams, percent / 100) for percent in (10, 25, 50)},
        edit=edit_score(streams),
        map={str(least): mean_average_precision(streams, least) for least in (0.1, 0.3, 0.5, 0.7)},
        map_2d=mean_over_overlaps(streams),
        labels=labels,
    )


def _wrong_without(matchings: Sequence[Matching], streams: Sequence[JudgedStream], label: str) -> float:
    return pooled(detections(without(matchings, streams, label))).false_positive_rate


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value

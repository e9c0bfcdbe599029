"""How well a recogniser hears actions in a stream, by the measures of the field.

Intervals in, figures out: no files, no models, NumPy only. :mod:`csre_ros.evaluation.intervals` says what an action is,
:mod:`csre_ros.evaluation.detection` when it is detected, and :mod:`csre_ros.evaluation.figures` measures everything.
"""

from csre_ros.evaluation.detection import Detection, Matching, detections, match, pooled
from csre_ros.evaluation.figures import Figures, judge
from csre_ros.evaluation.intervals import NOTHING, Interval, intervals_of_runs, merged, renamed
from csre_ros.evaluation.reports import reports_of
from csre_ros.evaluation.stream import JudgedStream, Report

__all__ = [
    "NOTHING",
    "Detection",
    "Figures",
    "Interval",
    "JudgedStream",
    "Matching",
    "Report",
    "detections",
    "intervals_of_runs",
    "judge",
    "match",
    "merged",
    "pooled",
    "renamed",
    "reports_of",
]

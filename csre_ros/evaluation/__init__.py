"""How well a recogniser hears actions in a stream, by the measures of the field.

Intervals in, figures out: no files, no models, NumPy only.

:mod:`csre_ros.evaluation.intervals` says what is compared: labelled stretches of time, true ones and reported ones.
"""

from csre_ros.evaluation.intervals import Interval, intervals_of_runs, merged, renamed

__all__ = ["Interval", "intervals_of_runs", "merged", "renamed"]

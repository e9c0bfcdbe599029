"""From the events of a recogniser, as they are written to JSON, to the reports that are judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from csre_ros.evaluation.stream import Report


def reports_of(records: Iterable[Mapping[str, Any]]) -> tuple[Report, ...]:
    """Everything that was told about a stream, by start; people count together.

    An action lasts from ``since`` to ``until`` of its events where they say so, else from the stamp of ``started`` to
    that of ``ended``. What has not ended is left out: finish the recogniser first.

    Args:
        records: Events in order, with the keys ``stamp`` (seconds), ``person``, ``action``, ``state`` and ``score``.

    >>> wave = {"person": 1, "action": "wave", "score": 0.9}
    >>> reports_of([wave | {"state": "started", "stamp": 1.5}, wave | {"state": "ended", "stamp": 4.0}])
    (Report(label='wave', start=1.5, end=4.0, decided=1.5, score=0.9),)
    """
    begun: dict[tuple[Any, str], Mapping[str, Any]] = {}
    found = []
    for record in records:
        who_what = record["person"], record["action"]
        if record["state"] == "started":
            begun[who_what] = record
        elif record["state"] == "ended":
            first = begun.pop(who_what)
            start = record.get("since", first.get("since", first["stamp"]))
            end = record.get("until", record["stamp"])
            found.append(Report(record["action"], start, end, first["stamp"], record["score"]))
    return tuple(sorted(found, key=lambda report: (report.start, report.end)))

"""From the events of a recogniser to the reports that are judged."""

from __future__ import annotations

from collections.abc import Iterable

from csre_ros.evaluation.stream import Report
from csre_ros.recognition.types import ActionEvent, EventState


def reports_of(events: Iterable[ActionEvent]) -> tuple[Report, ...]:
    """Everything that was told about a stream, by start; people count together.

    An action lasts from the stamp of ``started`` to that of ``ended``. What has not ended is left out: finish the
    recogniser first.
    """
    begun: dict[tuple[int, str], ActionEvent] = {}
    found = []
    for event in events:
        if event.state is EventState.STARTED:
            begun[event.person, event.action] = event
        elif event.state is EventState.ENDED:
            first = begun.pop((event.person, event.action))
            stamp_s = first.stamp_ns / 1e9
            found.append(Report(event.action, stamp_s, event.stamp_ns / 1e9, stamp_s, event.score))
    return tuple(sorted(found, key=lambda report: (report.start, report.end)))

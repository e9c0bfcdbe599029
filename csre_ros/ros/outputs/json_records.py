"""What the node says about people, as JSON. Pure functions: they need no ROS.

One record of ``~/actions``, schema 1 (all stamps are seconds, as floats; scores are probabilities)::

    {
      "schema": 1,
      "stamp": 12.4,                      newest frame of the windows, as the source stamped it
      "frame_id": "camera_optical_frame",
      "age_ms": 41.2,                     from that stamp to publication
      "model": {"name": "default", "digest": "9f86d0..."},
      "persons": [                        everybody being followed, longest followed first
        {
          "id": 3,                        not reused until the node is reset or deactivated
          "decision": "action",           action | idle | unknown | undecided
          "action": "wave",               null unless the decision is "action"
          "state": "started",             started | ongoing | ended | null
          "score": 0.93,                  of the action, or of the best label where there is none
          "best": "wave",                 most probable label, background included; null before the first decision
          "top_k": [{"action": "wave", "score": 0.93}, ...],
          "window_start": 10.4, "window_end": 12.4, "age_ms": 41.2
        }
      ],
      "events": [                         everything that began, goes on or ended since the last record
        {"stamp": 12.4, "person": 3, "action": "wave", "state": "started", "score": 0.93, "since": 11.4}
      ]
    }

An event whose state is "ended" also says "until" when. A person who is no longer listed has left. An empty list says
that nobody is in view, or that the input stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from csre_ros.recognition.bundle_info import BundleInfo, Label
from csre_ros.recognition.types import ActionEvent
from csre_ros.ros.outputs.report import Report, likeliest, phase

SCHEMA = 1
"""Version of the records; it grows when a field changes its meaning or disappears."""


def _seconds(stamp_ns: int) -> float:
    return round(stamp_ns / 1e9, 6)


def _age_ms(stamp_ns: int, now_ns: int) -> float:
    return round((now_ns - stamp_ns) / 1e6, 1)


def actions_record(report: Report, events: Sequence[ActionEvent], top_k: int) -> dict[str, Any]:
    """One record of ``~/actions``, as the module describes it.

    Args:
        report: What is known after the newest frame.
        events: Everything that happened since the last record, those of the report included.
        top_k: Labels listed per person.
    """
    return {
        "schema": SCHEMA,
        "stamp": _seconds(report.stamp_ns),
        "frame_id": report.frame_id,
        "age_ms": _age_ms(report.stamp_ns, report.now_ns),
        "model": _model(report.info),
        "persons": [
            {
                "id": person.person,
                "decision": person.decision.value,
                "action": person.action,
                "state": None if (state := phase(person, events)) is None else state.value,
                "score": round(float(person.score), 4),
                "best": person.best,
                "top_k": [
                    {"action": report.labels[i].name, "score": round(score, 4)} for i, score in likeliest(person, top_k)
                ],
                "window_start": _seconds(person.window_ns[0]),
                "window_end": _seconds(person.window_ns[1]),
                "age_ms": _age_ms(person.window_ns[1], report.now_ns),
            }
            for person in report.followed()
        ],
        "events": [event.to_record() for event in events],
    }


def classes_record(info: BundleInfo, labels: Sequence[Label]) -> dict[str, Any]:
    """The record of ``~/classes``: what the node can say, and how sure it must be to say it.

    Args:
        info: The bundle that decides.
        labels: What can be told apart now.
    """
    return {
        "schema": SCHEMA,
        "model": _model(info),
        "layout": info.layout,
        "window_s": info.window_s,
        "classes": [
            {"action": label.name, "threshold": round(label.threshold, 4), "background": label.background}
            for label in labels
        ],
    }


def _model(info: BundleInfo) -> dict[str, str]:
    return {"name": info.name, "digest": info.digest}


def to_json(record: Mapping[str, Any]) -> str:
    """One line of strict JSON.

    Raises:
        ValueError: A number is NaN or infinite, which JSON cannot say.
    """
    return json.dumps(record, allow_nan=False, separators=(",", ":"))

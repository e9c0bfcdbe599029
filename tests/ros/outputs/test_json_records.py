"""The JSON that robots read."""

import json

import numpy as np
import pytest

from csre_ros.recognition.bundle_info import BundleInfo, Label
from csre_ros.recognition.types import ActionEvent, Decision, EventState, PersonAction
from csre_ros.ros.outputs.json_records import actions_record, classes_record, to_json
from csre_ros.ros.outputs.report import Report, primary_person

INFO = BundleInfo(
    name="arms",
    labels=(Label("idle", 0.5, background=True), Label("wave", 0.6), Label("clap", 0.7), Label("push", 0.8)),
    layout="body13",
    dims=3,
    window_s=2.0,
    time_steps=16,
    persons=1,
    encoder="linear",
    streams=("joint",),
    embedding=4,
    digest="abc123",
)
SECOND = 1_000_000_000
STAMP = 1_700_000_000 * SECOND


def make_person(person=1, action=None, probabilities=(0.1, 0.6, 0.25, 0.05), present=True, events=(), end=STAMP):
    scores = None if probabilities is None else np.array(probabilities, np.float32)
    best = None if scores is None else INFO.labels[int(scores.argmax())].name
    score = 0.0 if scores is None else float(scores.max())
    window = (end - 2 * SECOND, end)
    decision = Decision.ACTION if action else Decision.IDLE if scores is not None else Decision.UNDECIDED
    return PersonAction(
        end, "camera", person, present, None, decision, action, score, best, scores, window, tuple(events)
    )


def make_event(state, person=1, action="wave"):
    return ActionEvent(STAMP, person, action, state, 0.61, STAMP - SECOND)


def make_record(people, events=(), now=STAMP + 50_000_000, top_k=2):
    return actions_record(Report(STAMP, "camera", now, tuple(people), INFO, INFO.labels), events, top_k)


def test_a_whole_record():
    record = make_record([make_person(action="wave")], [make_event(EventState.STARTED)])
    assert json.loads(to_json(record)) == {
        "schema": 1,
        "stamp": 1.7e9,
        "frame_id": "camera",
        "age_ms": 50.0,
        "model": {"name": "arms", "digest": "abc123"},
        "persons": [
            {
                "id": 1,
                "decision": "action",
                "action": "wave",
                "state": "started",
                "score": 0.6,
                "best": "wave",
                "top_k": [{"action": "wave", "score": 0.6}, {"action": "clap", "score": 0.25}],
                "window_start": 1.7e9 - 2,
                "window_end": 1.7e9,
                "age_ms": 50.0,
            }
        ],
        "events": [
            {"stamp": 1.7e9, "person": 1, "action": "wave", "state": "started", "score": 0.61, "since": 1.7e9 - 1}
        ],
    }


@pytest.mark.parametrize(
    ("action", "states", "expected"),
    [
        (None, [], None),
        ("wave", [EventState.STARTED], "started"),
        ("wave", [], "ongoing"),
        ("wave", [EventState.ONGOING], "ongoing"),
        (None, [EventState.ENDED], "ended"),
        # One action gave way to another, or several frames share a record.
        ("wave", [EventState.ENDED, EventState.STARTED], "started"),
        (None, [EventState.STARTED, EventState.ENDED], "ended"),
    ],
)
def test_state_says_what_happened_since_the_last_record(action, states, expected):
    events = [make_event(state) for state in states] + [make_event(EventState.STARTED, person=9)]
    assert make_record([make_person(action=action)], events)["persons"][0]["state"] == expected


def test_before_the_first_decision():
    person = make_record([make_person(probabilities=None)])["persons"][0]
    assert (person["action"], person["best"], person["top_k"]) == (None, None, [])


def test_ages_are_true_for_a_person_out_of_sight_and_a_clock_behind():
    unseen = make_person(person=2, end=STAMP - SECOND)
    record = make_record([make_person(), unseen], now=STAMP + 10_000_000)
    assert [person["age_ms"] for person in record["persons"]] == [10.0, 1010.0]
    assert make_record([], now=STAMP - 3600 * SECOND)["age_ms"] == -3_600_000.0


def test_persons_are_listed_longest_followed_first_and_without_those_who_left():
    people = [make_person(5), make_person(2, present=False), make_person(3)]
    assert [person["id"] for person in make_record(people)["persons"]] == [3, 5]


def test_nobody():
    record = make_record([])
    assert (record["persons"], record["events"]) == ([], [])


def test_primary_person_is_the_one_followed_for_longest():
    assert primary_person([]) is None
    assert primary_person([make_person(1, present=False)]) is None
    people = [make_person(7), make_person(4), make_person(2, present=False)]
    assert primary_person(people).person == 4


def test_classes():
    record = json.loads(to_json(classes_record(INFO, INFO.labels)))
    assert record["model"] == {"name": "arms", "digest": "abc123"}
    assert record["classes"][0] == {"action": "idle", "threshold": 0.5, "background": True}
    assert [item["action"] for item in record["classes"]] == ["idle", "wave", "clap", "push"]
    assert (record["schema"], record["layout"], record["window_s"]) == (1, "body13", 2.0)


def test_json_is_strict():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"score": float("nan")})

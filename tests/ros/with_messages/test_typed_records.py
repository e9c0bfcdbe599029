"""Our own messages say what the JSON says."""

import numpy as np
import pytest
from csre_msgs.msg import ActionEvent, PersonAction, PersonActionArray

from csre_ros.recognition.types import Decision, EventState
from csre_ros.ros.stamps import to_ns

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("decision", Decision)
def test_every_decision_has_a_constant(decision):
    assert isinstance(getattr(PersonAction, decision.name), int)


@pytest.mark.parametrize("state", EventState)
def test_every_state_has_the_same_constant_in_both_messages(state):
    assert getattr(PersonAction, state.name) == getattr(ActionEvent, state.name) > PersonAction.NONE


def name_of(kind, names, value):
    (name,) = [name.name for name in names if getattr(kind, name.name) == value]
    return name.lower()


def seconds(stamp):
    return pytest.approx(to_ns(stamp) / 1e9, abs=1e-6)


def said(event):
    """An event message as the JSON has it."""
    record = {
        "stamp": seconds(event.header.stamp),
        "person": event.person,
        "action": event.action,
        "state": name_of(ActionEvent, EventState, event.state),
        "score": pytest.approx(event.score, abs=1e-3),
        "since": seconds(event.since),
    }
    return record if event.state != ActionEvent.ENDED else {**record, "until": seconds(event.until)}


def test_arrays_and_events_say_what_the_json_says(talker, make_body):
    arrays = talker.graph.listen(PersonActionArray, "/action_node/person_actions", 100)
    events = talker.graph.listen(ActionEvent, "/action_node/events", 100)
    for publisher in talker.node.publishers:
        if publisher.topic_name in ("/action_node/person_actions", "/action_node/events"):
            talker.graph.until(publisher.get_subscription_count)
    talker.say([make_body("right", x=-1.0), make_body(x=1.0)], frames=60)
    talker.node.trigger_deactivate()
    talker.graph.until(lambda: arrays and not arrays[-1].persons and len(arrays) == len(talker.records))
    assert len(arrays) > 30
    talker.graph.until(lambda: events[-1].state == ActionEvent.ENDED)
    told = [event for record in talker.records for event in record["events"]]
    assert [event["state"] for event in told][:1] == ["started"]
    assert told[-1]["state"] == "ended"
    for heard in (events, [event for array in arrays for event in array.events]):
        assert told == [said(event) for event in heard]
    assert {event.header.frame_id for event in events} == {"camera"}
    for array, record in zip(arrays, talker.records, strict=True):
        assert record["stamp"] == seconds(array.header.stamp)
        assert (array.header.frame_id, array.model, array.digest) == ("camera", *record["model"].values())
        assert len(array.persons) == len(record["persons"])
        for person, written in zip(array.persons, record["persons"], strict=True):
            assert (person.id, person.action, person.best) == (
                written["id"],
                written["action"] or "",
                written["best"] or "",
            )
            assert name_of(PersonAction, Decision, person.decision) == written["decision"]
            assert person.score == pytest.approx(written["score"], abs=1e-3)
            assert list(person.top_actions) == [top["action"] for top in written["top_k"]]
            assert list(person.top_scores) == pytest.approx([top["score"] for top in written["top_k"]], abs=1e-3)
            assert written["window_end"] == seconds(person.window_end)
            assert written["window_start"] == seconds(person.window_start)
            state = written["state"] and written["state"].upper()
            assert person.state == (getattr(PersonAction, state) if state else PersonAction.NONE)
    places = sorted((p.position.x, p.position.y, p.position.z) for p in arrays[-2].persons)
    np.testing.assert_allclose(places, [(-1, 0.1, 2.5), (1, 0.1, 2.5)], atol=1e-6)  # between the hips


def test_whoever_is_seen_in_an_image_only_is_nowhere_in_space(make_body):
    from csre_ros.ros.outputs.report import standing
    from csre_ros.skeleton import Skeleton, get_layout

    body = make_body()
    flat = Skeleton(get_layout("body13_2d"), body.positions[:, :2], body.confidence)
    assert standing(flat) is None
    assert standing(None) is None
    positions = body.positions.copy()
    positions[body.layout.index["left_hip"]] = np.nan
    seen = Skeleton(body.layout, positions, body.confidence)
    np.testing.assert_allclose(standing(seen), np.nanmean(positions, axis=0), atol=1e-6)


def told_of(people=(), labels=("idle", "wave"), stamp_ns=0):
    """An array as whoever hears it has it, of records as in ``test_json_records.py``."""
    from rclpy.serialization import deserialize_message, serialize_message

    from csre_ros.recognition.bundle_info import Label
    from csre_ros.ros.outputs.report import Report
    from csre_ros.ros.outputs.typed_records import array_message
    from tests.ros.outputs.test_json_records import INFO

    report = Report(stamp_ns, "Küche", stamp_ns, tuple(people), INFO, tuple(Label(name, 0.5) for name in labels))
    message = array_message(report, report.events, 2)
    return deserialize_message(serialize_message(message), PersonActionArray)


def test_nobody_is_an_empty_array():
    array = told_of()
    assert (array.persons, array.events, array.model) == ([], [], "arms")


def test_labels_of_any_alphabet_arrive_as_they_were_taught():
    from tests.ros.outputs.test_json_records import make_event, make_person

    names = ("挥手 👋", "Grüße " * 40)
    people = [make_person(action=names[1], probabilities=(0.25, 0.75), events=[make_event(EventState.STARTED)])]
    array = told_of(people, names)
    assert array.header.frame_id == "Küche"
    assert array.persons[0].action == names[1]
    assert array.persons[0].top_actions == [names[1], names[0]]
    assert array.persons[0].state == PersonAction.STARTED


@pytest.mark.parametrize(("stamp_ns", "told"), [(-1, 0), (2**63 - 1, 2**31 * 10**9 - 1)])
def test_times_that_a_stamp_cannot_hold_are_the_nearest_that_it_can(stamp_ns, told):
    from tests.ros.outputs.test_json_records import make_person

    array = told_of([make_person(end=stamp_ns)], ("idle", "wave", "clap", "push"), stamp_ns)
    assert to_ns(array.header.stamp) == to_ns(array.persons[0].window_end) == told


def test_before_anything_is_decided_there_are_no_scores_and_no_place():
    from tests.ros.outputs.test_json_records import make_person

    (person,) = told_of([make_person(probabilities=None)]).persons
    assert (person.decision, person.action, person.best, person.score) == (PersonAction.UNDECIDED, "", "", 0.0)
    assert (list(person.top_actions), list(person.top_scores)) == ([], [])
    assert np.isnan([person.position.x, person.position.y, person.position.z]).all()

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

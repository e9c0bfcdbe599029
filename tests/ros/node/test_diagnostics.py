"""What the node says about itself, with a clock of our own."""

from collections import Counter
from types import SimpleNamespace

import pytest

pytest.importorskip("diagnostic_msgs.msg", reason="needs the ROS message packages: pip install 'csre_ros[ros]'")
from builtin_interfaces.msg import Time

from csre_ros.pipeline import Pipeline
from csre_ros.ros.health import Health
from csre_ros.ros.node.diagnostics import (
    ERROR,
    OK,
    WARN,
    Observation,
    Status,
    model_status,
    observe,
    runtime_statuses,
    to_message,
)
from csre_ros.timing import StageTimer


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock)


class Judge:
    """The statuses of a node of which only the counters matter, as they are published one after the other."""

    def __init__(self, health):
        self.health = health
        self.before = {}  # each task is asked for apart

    def __call__(self, task, what="/image", left_out=None):
        now = Observation(self.health.snapshot(), left_out or {}, {}, {}, "cpu", what, True, True)
        found = {status.task: status for status in runtime_statuses(now, self.before.get(task), 1.0)}
        self.before[task] = now
        return found[task]


@pytest.fixture
def judge(health):
    return Judge(health)


def deliver(health, clock, count=90, rate=30.0):
    for _ in range(count):
        clock.now += 1 / rate
        health.arrived()


def test_steady_input_is_ok_and_its_rate_is_measured(health, clock, judge):
    deliver(health, clock, rate=15.0)
    status = judge("input", "/image")
    assert (status.level, status.message) == (OK, "15.0 Hz")
    assert status.values["received"] == 90
    assert status.values["rate_hz"] == 15.0


def test_silence_warns_and_recovers_by_itself(health, clock, judge):
    deliver(health, clock)
    clock.now += 1.2
    status = judge("input", "/image")
    assert status.level == WARN
    assert "no input for 1.2 s" in status.message
    assert "/image" in status.message
    deliver(health, clock)
    assert judge("input", "/image").level == OK


def test_input_that_never_came(health, clock, judge):
    assert judge("input", "/image").level == OK  # there has been no time for it yet
    clock.now += 3
    assert "no input yet, after 3.0 s" in judge("input", "/image").message


def test_activation_starts_the_wait_anew(health, clock, judge):
    deliver(health, clock)
    clock.now += 60
    health.begin()
    assert health.silence_s == 0
    assert judge("input", "/image").level == OK


def test_incompatible_publisher_is_named_with_the_cure(health, clock, judge):
    health.incompatible("reliability")
    clock.now += 2
    status = judge("input", "/skeletons")
    assert status.level == WARN
    assert "qos_overrides./skeletons.subscription.reliability" in status.message


def test_rejections_warn_once_and_stay_counted(health, clock, judge):
    deliver(health, clock)
    health.rejected("unreadable message", detail="image encoding '16UC1' is not supported")
    health.rejected("infinite coordinate", 2)
    status = judge("input", "/skeletons")
    assert (status.level, status.message) == (WARN, "3 rejected: infinite coordinate")
    assert status.values["rejected"] == 3
    assert status.values["rejected: unreadable message"] == 1
    assert status.values["rejected: infinite coordinate"] == 2
    later = judge("input", "/skeletons")
    assert (later.level, later.values["rejected"]) == (OK, 3)


def test_lost_messages_name_the_cure(health, clock, judge):
    deliver(health, clock)
    health.lost(7)
    status = judge("input", "/image")
    assert (status.level, status.values["lost"]) == (WARN, 7)
    assert "fastdds_images.xml" in status.message


def test_a_failing_stage_is_an_error_until_a_frame_goes_through(health, judge):
    assert judge("inference").level == OK
    health.failed("inference", RuntimeError("out of memory"))
    status = judge("inference")
    assert (status.level, status.message) == (ERROR, "RuntimeError: out of memory")
    assert status.values == {"provider": "cpu", "failures": 1}
    assert judge("pose").level == OK
    health.published(3.0)
    assert judge("inference").level == OK


def test_what_was_said_grows_old_in_silence_and_while_a_stage_fails(health, clock, judge):
    health.begin()
    for _ in range(3):
        clock.now += 1
        deliver(health, clock)
        health.published(3.0)
    said = clock.now
    for _ in range(3):
        clock.now += 1
        deliver(health, clock)
    assert health.stale_s == pytest.approx(0.0, abs=0.1)  # slow, but nothing fails
    health.failed("inference", RuntimeError("device lost"))
    assert health.stale_s == pytest.approx(clock.now - said)
    health.published(3.0)
    assert health.stale_s == pytest.approx(0.0, abs=0.1)
    clock.now += 5
    assert health.stale_s == pytest.approx(5.0, abs=0.1)


def test_a_lost_source_is_an_error_of_the_input(health, clock, judge):
    deliver(health, clock)
    health.failed("capture", OSError("camera:0 was lost"))
    assert judge("input", "camera:0").message == "OSError: camera:0 was lost"
    health.published(3.0)  # a frame that still waited
    assert judge("input", "camera:0").level == ERROR
    deliver(health, clock)
    assert judge("input", "camera:0").level == OK


def test_people_are_counted_and_those_left_out_warn_once(health, judge):
    health.followed(2, 1, 1)
    status = judge("people", left_out={"duplicate_id": 0})
    assert (status.message, dict(status.values)) == ("2 followed", {"followed": 2, "full_windows": 1, "unknown": 1})
    status = judge("people", left_out={"duplicate_id": 3, "stamp_jump": 1})
    assert (status.level, status.message) == (WARN, "left out: duplicate_id 3, left out: stamp_jump 1")
    assert status.values["left out: duplicate_id"] == 3
    assert judge("people", left_out={"duplicate_id": 3, "stamp_jump": 1}).level == OK
    assert judge("people", left_out={"duplicate_id": 4, "stamp_jump": 1}).message == "left out: duplicate_id 1"


def test_input_and_people_are_judged_apart(health, clock, judge):
    deliver(health, clock)
    health.rejected("duplicate id")
    assert judge("people", left_out={"stamp_jump": 1}).level == WARN
    assert judge("input", "/skeletons").message == "1 rejected: duplicate id"


def test_ages(health, clock, judge):
    deliver(health, clock)
    for age in range(1, 101):
        health.published(float(age))
    values = judge("input", "/image").values
    assert values["age_p50_ms"] == 50.5
    assert 98 < values["age_p99_ms"] < 100


class Growing(Counter):
    """Grows whenever somebody walks over it, as if another thread did it."""

    def items(self):
        for item in super().items():
            yield item
            self[f"reason {len(self)}"] += 1


class Runtime(SimpleNamespace):
    """Stands in for a pipeline; its counts are read as the real one reads them."""

    left_out = Pipeline.left_out


@pytest.fixture
def pipeline():
    recognizer = SimpleNamespace(
        info=SimpleNamespace(name="tiny", digest="abc"),
        labels=(1, 2),
        bundle=SimpleNamespace(device="cpu"),
        counts=Growing(stamp_jump=1),
    )
    return Runtime(recognizer=recognizer, timer=StageTimer(), _people=SimpleNamespace(counts=Growing()))


@pytest.fixture
def statuses(health, pipeline):
    """Judges a runtime; by task."""
    source = SimpleNamespace(what="/skeletons", images=False)

    def judge(**given):
        now = observe(health, pipeline, source, **{"alive": True, "unpublished": Growing(), **given})
        return {status.task: status for status in runtime_statuses(now, None, 1.0)}

    return judge


def test_the_model_is_named(pipeline):
    assert model_status(pipeline) == Status("model", OK, "tiny", {"digest": "abc", "labels": 2})


def test_asking_changes_nothing(health, clock):
    deliver(health, clock)
    health.rejected("infinite coordinate", 2)
    health.failed("pose", RuntimeError("no room"))
    before = health.snapshot()
    assert health.snapshot() == before
    now = Observation(before, {"stamp_jump": 1}, {}, {}, "cpu", "/image", True, True)
    assert runtime_statuses(now, None, 1.0) == runtime_statuses(now, None, 1.0)
    assert runtime_statuses(now, now, 1.0)[0].level == OK  # nothing has come since
    health.rejected("infinite coordinate")
    assert before.rejections == {"infinite coordinate": 2}


def test_counters_may_grow_while_they_are_read(statuses):
    found = statuses(unpublished=Growing(other_layout=2))
    assert found["people"].values["left out: stamp_jump"] == 1
    assert found["publish"].values == {"failures": 0, "left out: other_layout": 2}


def test_a_recording_that_had_to_end_is_an_error_until_it_is_looked_after(statuses):
    status = statuses(recording_failure="recording has ended: people.mcap takes no more")["publish"]
    assert (status.level, status.message) == (ERROR, "recording has ended: people.mcap takes no more")


def test_a_dead_worker_is_an_error(statuses):
    assert statuses()["inference"].level == OK
    status = statuses(alive=False)["inference"]
    assert status.level == ERROR
    assert "worker has died" in status.message
    assert status.values["provider"] == "cpu"


def test_what_fails_is_told_under_its_own_stage(statuses, health):
    health.failed("publish", RuntimeError("no room"))
    found = statuses()
    assert {task: status.level for task, status in found.items() if status.level == ERROR} == {"publish": ERROR}
    assert found["publish"].message == "RuntimeError: no room"


def test_message():
    message = to_message(
        [Status("input", WARN, "slow", {"rate_hz": 3.5}), Status("model", OK, "arms")],
        "action_node",
        "cam",
        Time(sec=7),
    )
    assert message.header.stamp.sec == 7
    assert [status.name for status in message.status] == ["action_node: input", "action_node: model"]
    assert message.status[0].level == WARN
    assert (message.status[0].values[0].key, message.status[0].values[0].value) == ("rate_hz", "3.5")
    assert {status.hardware_id for status in message.status} == {"cam"}

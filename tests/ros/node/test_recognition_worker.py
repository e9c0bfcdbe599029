"""From an input to the outputs without a graph: who is told what, and that nothing ends the worker."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.recognition.settings import DecoderConfig, RecognizerConfig, WindowConfig
from csre_ros.ros.health import Health
from csre_ros.ros.node.diagnostics import ERROR, observe, runtime_statuses
from csre_ros.ros.node.recognition_worker import RecognitionWorker
from csre_ros.sources.frames import SourceFrame

FRAME_NS = 33_333_333


class Ears:
    """Outputs that remember. ``broken`` names the method that raises."""

    def __init__(self):
        self.changed = threading.Condition()
        self.newest_ns, self.people, self.events, self.recorded = 0, [], [], []
        self.withdrawals = 0
        self.broken = ""

    def publish(self, frame, people, image, camera):
        with self.changed:
            self.newest_ns, self.people = frame.stamp_ns, [person for person in people if person.present]
            self.events += [event for person in people for event in person.events]
            self.changed.notify()
        self._fail("publish")
        return 0.0

    def record(self, frame):
        self._fail("record")
        with self.changed:
            self.recorded.append(frame.stamp_ns)
            self.changed.notify()

    def withdraw(self, people=()):
        with self.changed:
            self.withdrawals += 1
            self.people = []
            self.events += [event for person in people for event in person.events]
            self.changed.notify()
        self._fail("withdraw")

    def _fail(self, name):
        if name == self.broken:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, f"{name} cannot say this")

    def wait_for(self, condition):
        with self.changed:
            assert self.changed.wait_for(condition, 10), (self.newest_ns, self.events)


class Silent:
    """A log that nobody reads."""

    def __getattr__(self, name):
        return lambda *text, **options: None


class Source:
    """Delivers frames as they are; ``gate`` holds whoever reads, and an exception instead of a frame is raised."""

    what, images = "/skeletons", False

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()
        self.reading = threading.Event()

    def read(self, item):
        self.reading.set()
        assert self.gate.wait(10)
        if isinstance(item, BaseException):
            raise item
        return item, Counter()


class Run:
    """A running worker on one body that raises an arm."""

    def __init__(self, bundle, body):
        config = RecognizerConfig(
            bundle=str(bundle), window=WindowConfig(min_fill_s=0.2), decoder=DecoderConfig(min_duration_s=0.0)
        )
        self.pipeline = Pipeline(PipelineConfig(config))
        self.health, self.ears, self.source = Health(), Ears(), Source()
        self.ended = threading.Event()
        self.worker = RecognitionWorker(self.pipeline, self.ears, self.health, Silent(), self.ended.set)
        self.worker.start(self.source)
        self.body, self.stamp_ns = body, 10**12

    def deliver(self):
        self.stamp_ns += FRAME_NS
        self.worker.deliver(SourceFrame(self.stamp_ns, "camera", skeletons=(self.body,)))

    def show(self, frames=1):
        """Deliver frames, and wait after each until it was told."""
        for _ in range(frames):
            self.deliver()
            self.ears.wait_for(lambda: self.ears.newest_ns == self.stamp_ns)

    def hold(self):
        """The worker waits inside a frame; what is delivered from here on is its next batch."""
        self.source.gate.clear()
        self.source.reading.clear()
        self.deliver()
        assert self.source.reading.wait(10)

    @property
    def states(self):
        return [event.state.value for event in self.ears.events]

    @property
    def statuses(self):
        now = observe(self.health, self.pipeline, self.source, alive=self.worker.alive, unpublished={})
        found = runtime_statuses(now, None, 1.0)
        return {status.task: status for status in found}

    def errors(self):
        return {task for task, status in self.statuses.items() if status.level == ERROR}


@pytest.fixture
def run(tiny_bundle, make_body):
    run = Run(tiny_bundle, make_body("right"))
    yield run
    run.source.gate.set()
    run.worker.stop()
    run.pipeline.close()


@pytest.mark.parametrize("way", ["fall_silent", "reset", "end", "stop"])
def test_every_action_that_starts_ends_however_the_stream_does(run, way):
    run.show(20)
    assert run.states == ["started"]
    assert run.statuses["people"].values == {"followed": 1, "full_windows": 0, "unknown": 0}
    getattr(run.worker, way)()
    run.ears.wait_for(lambda: run.ears.withdrawals)
    run.worker.stop()
    assert run.states == ["started", "ended"]
    assert run.ears.events[-1].stamp_ns == run.stamp_ns
    assert run.statuses["people"].message == "0 followed"
    assert run.ended.is_set() == (way == "end")


def test_full_windows_are_counted(run):
    run.show(29)
    assert run.statuses["people"].values == {"followed": 1, "full_windows": 0, "unknown": 0}
    run.show(5)
    assert run.statuses["people"].values == {"followed": 1, "full_windows": 1, "unknown": 0}


def test_whoever_returns_after_silence_is_new_and_after_a_reset_the_first(run):
    def followed():
        run.show(20)
        return [person.person for person in run.ears.people]

    assert followed() == [1]
    run.worker.fall_silent()
    run.ears.wait_for(lambda: run.ears.withdrawals == 1)
    assert followed() == [2]
    run.worker.reset()
    run.ears.wait_for(lambda: run.ears.withdrawals == 2)
    assert followed() == [1]
    assert run.states == ["started", "ended"] * 2 + ["started"]


@pytest.mark.parametrize("way", ["fall_silent", "end"])
def test_what_waits_is_told_before_it_is_withdrawn(run, way):
    """A slow worker finds the last frames and the news of the end in one batch."""
    run.show(20)
    run.hold()
    run.deliver()
    getattr(run.worker, way)()
    run.source.gate.set()
    run.ears.wait_for(lambda: run.ears.withdrawals)
    assert run.ears.newest_ns == run.stamp_ns
    assert run.states == ["started", "ended"]


def test_every_frame_is_recorded_even_if_it_is_not_decided_on(run):
    run.hold()
    for _ in range(5):
        run.deliver()
    run.source.gate.set()
    run.ears.wait_for(lambda: len(run.ears.recorded) == 6)
    assert run.ears.recorded == [run.stamp_ns - i * FRAME_NS for i in reversed(range(6))]


@pytest.mark.parametrize("error", [ValueError("cut short"), KeyError("zed"), TypeError("no bytes")])
def test_whatever_a_reader_makes_of_a_message_it_is_counted(run, error):
    run.worker.deliver(error)
    run.show()
    statuses = run.statuses
    assert statuses["input"].values["rejected: unreadable message"] == 1
    assert statuses["input"].message == f"1 rejected: {error}"
    assert not [status for status in statuses.values() if status.level == ERROR]


@pytest.mark.parametrize("method", ["publish", "record", "withdraw"])
def test_an_output_that_fails_does_not_end_the_worker(run, method):
    run.show(3)
    run.ears.broken = method
    run.show(3)
    run.worker.fall_silent()
    run.ears.wait_for(lambda: run.ears.withdrawals)
    run.hold()  # so everything before has been dealt with
    assert run.errors() == {"publish"}
    assert f"{method} cannot say this" in run.statuses["publish"].message
    run.ears.broken = ""
    run.source.gate.set()
    run.show(2)
    assert run.errors() == set()


def test_an_end_is_told_although_withdrawing_failed(run):
    run.ears.broken = "withdraw"
    run.worker.end()
    assert run.ended.wait(10)


def test_a_failure_of_recognition_is_one_of_inference(run, monkeypatch):
    def fail(frame):
        raise RuntimeError("no such track")

    run.show()
    monkeypatch.setattr(run.pipeline.recognizer, "observe", fail)
    run.hold()
    run.source.gate.set()
    run.hold()  # so the frame before has been dealt with
    assert run.errors() == {"inference"}
    assert "no such track" in run.statuses["inference"].message


def test_a_worker_that_died_is_an_error(run):
    thread = run.worker._worker._thread
    run.worker.deliver(SystemExit())  # as little else, it ends a thread
    thread.join(10)
    assert run.errors() == {"inference"}
    assert run.worker.active
    assert not run.worker.alive

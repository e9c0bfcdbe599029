"""Live sources on a capture that does what it is told: newest frame, age, loss, return, end."""

from __future__ import annotations

import logging
import threading
import time

import numpy as np
import pytest

from csre_ros.sources import SourceConfig, live
from csre_ros.sources.live import LiveSource


class Device:
    """A device that delivers what the test puts in, can be unplugged, and counts how often it was opened and closed."""

    def __init__(self) -> None:
        self.plugged = True
        self.opened = self.closed = 0
        self.refused = 0
        self._ready = threading.Condition()
        self._queue: list[np.ndarray | None] = []

    def deliver(self, *values: int | None) -> None:
        with self._ready:
            self._queue += [None if value is None else np.full((2, 2, 3), value, np.uint8) for value in values]
            self._ready.notify_all()

    def unplug(self) -> None:
        with self._ready:
            self.plugged = False
            self._ready.notify_all()

    def wait_until_empty(self) -> None:
        wait_for(lambda: not self._queue)
        time.sleep(0.02)  # the last one is being handed over

    def connect(self) -> FakeCapture:
        if not self.plugged:
            self.refused += 1
            raise FileNotFoundError("fake:0 does not exist")
        self.opened += 1
        return FakeCapture(self)


class FakeCapture:
    fps = 25.0

    def __init__(self, device: Device) -> None:
        self._device = device
        self._frame: np.ndarray | None = None

    def grab(self) -> bool:
        device = self._device
        with device._ready:
            device._ready.wait_for(lambda: device._queue or not device.plugged, timeout=0.2)
            if not device._queue:
                return False
            self._frame = device._queue.pop(0)
            return True

    def retrieve(self) -> np.ndarray | None:
        return self._frame

    def release(self) -> None:
        self._device.closed += 1


def wait_for(condition, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    monkeypatch.setattr(live, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(live, "LONGEST_RETRY_S", 0.08)


def test_frames_carry_wall_clock_stamps_in_order(device):
    with LiveSource("fake:0", device.connect, SourceConfig(frame_id="front")) as source:
        assert (source.name, source.live, source.fps) == ("fake:0", True, 25.0)
        frames = iter(source)
        before = time.time_ns()
        seen = []
        for value in (1, 2, 3):
            device.deliver(value)
            seen.append(next(frames))
        after = time.time_ns()
    assert [int(frame.image[0, 0, 0]) for frame in seen] == [1, 2, 3]
    stamps = [frame.stamp_ns for frame in seen]
    assert before <= stamps[0] <= stamps[1] <= stamps[2] <= after
    assert {frame.frame_id for frame in seen} == {"front"}
    assert source.dropped == 0


def test_the_newest_frame_wins_and_the_others_are_counted(device):
    with LiveSource("fake:0", device.connect) as source:
        device.deliver(*range(10))
        device.wait_until_empty()
        assert next(iter(source)).image[0, 0, 0] == 9
        assert source.dropped == 9


def test_a_frame_that_waited_too_long_is_not_delivered(device):
    with LiveSource("fake:0", device.connect, SourceConfig(max_age_s=0.1)) as source:
        device.deliver(1)
        device.wait_until_empty()
        time.sleep(0.15)
        frames = iter(source)
        threading.Timer(0.1, device.deliver, [2]).start()
        assert next(frames).image[0, 0, 0] == 2
        assert source.dropped == 1


def test_a_damaged_frame_is_counted_and_the_stream_goes_on(device):
    with LiveSource("fake:0", device.connect) as source:
        device.deliver(None, None, 5)
        assert next(iter(source)).image[0, 0, 0] == 5
        assert source.dropped == 2
        assert device.opened == 1


def test_unplugging_is_survived_and_said_once(device, caplog):
    with caplog.at_level(logging.INFO), LiveSource("fake:0", device.connect) as source:
        frames = iter(source)
        device.deliver(1)
        assert next(frames).image[0, 0, 0] == 1
        device.unplug()
        wait_for(lambda: device.refused >= 4)
        assert device.closed == 1
        device.plugged = True
        device.deliver(2)
        assert next(frames).image[0, 0, 0] == 2
        assert device.opened == 2
    lost, back = [record.getMessage() for record in caplog.records]
    assert lost == "fake:0 was lost: no more frames came; waiting for it to come back"
    assert back.startswith("fake:0 is back after ")


def test_attempts_to_reconnect_become_rarer(device, monkeypatch):
    pauses = []
    with LiveSource("fake:0", device.connect) as source:
        wait = source._stop.wait
        monkeypatch.setattr(source._stop, "wait", lambda pause: pauses.append(pause) or wait(pause))
        device.unplug()
        wait_for(lambda: len(pauses) >= 5)
    assert pauses[:5] == [0.02, 0.04, 0.08, 0.08, 0.08]


def test_a_device_that_only_sends_damage_counts_as_lost(device, caplog):
    stop = threading.Event()

    def damage() -> None:
        while not stop.wait(0.01):
            device.deliver(None)

    sender = threading.Thread(target=damage)
    sender.start()
    try:
        with LiveSource("fake:0", device.connect, SourceConfig(max_age_s=0.1)):
            wait_for(lambda: device.opened >= 2)
    finally:
        stop.set()
        sender.join()
    assert "fake:0 was lost: no readable frame came for 0.1 s" in caplog.text


def test_without_reconnect_the_loss_ends_the_stream_after_the_last_frame(device):
    with LiveSource("fake:0", device.connect, SourceConfig(reconnect=False)) as source:
        device.deliver(7)
        device.wait_until_empty()
        device.unplug()
        wait_for(lambda: device.closed == 1)
        frames = iter(source)
        assert next(frames).image[0, 0, 0] == 7
        with pytest.raises(OSError, match="fake:0 was lost: no more frames came"):
            next(frames)


def test_an_absent_device_is_refused_at_once(device):
    device.plugged = False
    with pytest.raises(FileNotFoundError, match="fake:0 does not exist"):
        LiveSource("fake:0", device.connect)


def test_an_unforeseen_failure_of_the_driver_reaches_the_consumer(device):
    class Broken(FakeCapture):
        def retrieve(self):
            raise RuntimeError("driver bug")

    with LiveSource("fake:0", lambda: Broken(device)) as source:
        device.deliver(1)
        with pytest.raises(RuntimeError, match="driver bug"):
            next(iter(source))


@pytest.mark.parametrize("plugged", [True, False])
def test_leaving_ends_a_waiting_consumer_and_closes_the_device(device, plugged):
    source = LiveSource("fake:0", device.connect)
    source.__enter__()
    seen: list[list] = []
    consumer = threading.Thread(target=lambda: seen.append(list(source)))
    consumer.start()
    if not plugged:
        device.unplug()
        wait_for(lambda: device.refused > 0)
    source.__exit__(None, None, None)
    consumer.join(5)
    assert seen == [[]]
    assert device.opened == device.closed == 1
    assert not source._thread.is_alive()

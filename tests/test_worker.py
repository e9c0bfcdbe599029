"""The worker thread: batches, capacity, ends."""

import threading

import pytest

from csre_ros.worker import Worker


class Recorder:
    """Work that can be held up, and is done when it has seen the last item."""

    def __init__(self, last=None):
        self.batches = []
        self.done = threading.Event()
        self._last = last
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, batch):
        self.begun.set()
        assert self.gate.wait(10)
        self.batches.append(batch)
        if self._last in batch:
            self.done.set()


def run_while_busy(capacity, late):
    """Deliver ``late`` while the worker is busy with item 0."""
    work = Recorder(last=late[-1])
    worker = Worker(work, capacity)
    work.gate.clear()
    worker.start()
    worker.put(0)
    assert work.begun.wait(10)
    dropped = [worker.put(item) for item in late]
    work.gate.set()
    assert work.done.wait(10)
    worker.stop()
    return dropped, work.batches


def test_everything_that_came_meanwhile_is_one_batch():
    dropped, batches = run_while_busy(capacity=10, late=[1, 2, 3])
    assert batches == [[0], [1, 2, 3]]
    assert not any(dropped)


def test_capacity_one_keeps_the_newest_and_says_what_it_dropped():
    dropped, batches = run_while_busy(capacity=1, late=[1, 2, 3])
    assert batches == [[0], [3]]
    assert dropped == [False, True, True]


def test_many_producers_lose_nothing():
    work = Recorder(last="last")
    worker = Worker(work, capacity=10_000)
    worker.start()
    producers = [threading.Thread(target=lambda n=n: [worker.put((n, i)) for i in range(500)]) for n in range(4)]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    worker.put("last")
    assert work.done.wait(10)
    worker.stop()
    items = [item for batch in work.batches for item in batch if item != "last"]
    assert len(items) == 2000
    for n in range(4):
        assert [i for m, i in items if m == n] == list(range(500))


def test_stop_forgets_what_waits_and_ends_the_thread():
    work = Recorder()
    worker = Worker(work, capacity=10)
    before = threading.active_count()
    work.gate.clear()
    worker.start()
    worker.put(1)
    assert work.begun.wait(10)
    worker.put(2)
    threading.Timer(0.05, work.gate.set).start()
    worker.stop()
    assert work.batches == [[1]]
    assert threading.active_count() <= before + 1  # the timer may still be ending


@pytest.mark.parametrize("started", [True, False])
def test_stop_twice_is_harmless(started):
    worker = Worker(Recorder(), capacity=1)
    if started:
        worker.start()
    worker.stop()
    worker.stop()


def test_a_thread_that_died_of_its_work_is_not_alive():
    begun = threading.Event()

    def die(batch):
        begun.set()
        raise SystemExit

    worker = Worker(die, capacity=1)
    assert not worker.alive
    worker.start()
    assert worker.alive
    thread = worker._thread
    worker.put(1)
    thread.join(10)
    assert begun.is_set()
    assert not worker.alive
    worker.stop()

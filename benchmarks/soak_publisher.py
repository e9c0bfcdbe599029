"""A publisher of skeletons that gets everything wrong that a publisher can, and notes down what it sent.

    python -m benchmarks.soak_publisher --log sent.txt --seed 1

Started, killed and started again by ``soak.py``. Every message is noted in one line, so that nothing is lost when it is
killed: the reason for which the node should refuse it, or ``good``.
"""

from __future__ import annotations

import array
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import rclpy
from jsonargparse import auto_cli
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2

from csre_ros.recordings import SHIPPED
from csre_ros.ros.outputs.clouds import cloud_message
from csre_ros.skeleton import Skeleton
from csre_ros.sources import open_source

GOOD = "good"
UNREADABLE, INFINITE, LATE, REPEATED, JUMP = (
    "unreadable message",
    "infinite coordinate",
    "late_stamp",
    "repeated_stamp",
    "stamp_jump",
)
REASONS = (UNREADABLE, INFINITE, LATE, REPEATED, JUMP)
"""For what the node should refuse a message, in the words of its diagnostics."""
DROPPED, OUT_OF_ORDER, UNSEEN, CHURN = 0.05, 0.05, 0.01, 0.02
REPEATS, JUMPS, MALFORMED = 0.01, 0.005, 0.02
_SPACING_M = 1.2
_SETTLE_S = 1.0  # the other end may match later than this one
_HOUR_NS = 3600 * 10**9


class Crowd:
    """Some people side by side who all do what the shipped recording shows, from its beginning.

    Args:
        people: How many.
        dice: Decides which joints are not seen and whose id changes.
    """

    def __init__(self, people: int, dice: random.Random) -> None:
        with open_source(str(SHIPPED)) as source:
            frames = [frame for frame in source if frame.skeletons]
        self._bodies = [frame.skeletons[0] for frame in frames if frame.skeletons]
        self._instants_s = np.array([frame.stamp_ns - frames[0].stamp_ns for frame in frames]) / 1e9
        self._dice = dice
        self._next_id = people + 1
        self._ids = list(range(1, people + 1))

    def at(self, seconds: float) -> list[Skeleton]:
        """Everybody at a time since the beginning; between the recording's frames they move evenly."""
        seconds %= self._instants_s[-1]
        after = int(np.searchsorted(self._instants_s, seconds, side="right"))
        before = after - 1
        share = (seconds - self._instants_s[before]) / (self._instants_s[after] - self._instants_s[before])
        body, following = self._bodies[before], self._bodies[after]
        moved = (1 - share) * body.positions + share * following.positions
        found = []
        for place in range(len(self._ids)):
            if self._dice.random() < CHURN / len(self._ids):
                self._ids[place] = self._next_id
                self._next_id += 1
            positions = (moved + np.array([_SPACING_M * place, 0, 0])).astype(np.float32)
            positions[[self._dice.random() < UNSEEN for _ in positions]] = np.nan
            found.append(replace(body, positions=positions, source_id=str(self._ids[place]), image_points=None))
        return found


def cut_short(cloud: PointCloud2) -> str:
    """Half of the data is missing."""
    cloud.data = cloud.data[: len(cloud.data) // 2]
    return UNREADABLE


def too_narrow(cloud: PointCloud2) -> str:
    """A joint is missing."""
    cloud.width -= 1
    return UNREADABLE


def too_many(cloud: PointCloud2) -> str:
    """A crowd that no memory holds."""
    cloud.height = 2**31
    return UNREADABLE


def without_fields(cloud: PointCloud2) -> str:
    """Nothing says what the bytes mean."""
    cloud.fields = []
    return UNREADABLE


def infinite(cloud: PointCloud2) -> str:
    """One person has one infinite coordinate."""
    cloud.data = array.array("B", np.float32(np.inf).tobytes() + cloud.data.tobytes()[4:])
    return INFINITE


FAULTS: tuple[Callable[[PointCloud2], str], ...] = (cut_short, too_narrow, too_many, without_fields, infinite)


def messages(crowd: Crowd, dice: random.Random) -> Iterator[list[tuple[PointCloud2, str]]]:
    """What to publish in each period, with the reason for which the node should refuse it."""
    held: tuple[PointCloud2, str] | None = None
    begin_ns = time.time_ns()
    while True:
        stamp_ns = time.time_ns()
        people = crowd.at((stamp_ns - begin_ns) / 1e9)
        layout = people[0].layout
        batch: list[tuple[PointCloud2, str]] = []
        if dice.random() >= DROPPED:
            batch.append((cloud_message(people, layout, stamp_ns, "soak"), GOOD))
        overtaken, held = held, None
        if batch and overtaken is None and dice.random() < OUT_OF_ORDER:
            held = (batch.pop()[0], LATE)  # comes with the next one, behind it
        elif overtaken is not None:
            # Where the next one was dropped nothing overtook it.
            batch.append(overtaken if batch else (overtaken[0], GOOD))
        elif batch and dice.random() < REPEATS:
            batch.append((batch[0][0], REPEATED))
        elif batch and dice.random() < JUMPS:
            batch.append((cloud_message(people, layout, stamp_ns + _HOUR_NS, "soak"), JUMP))
        if dice.random() < MALFORMED:
            cloud = cloud_message(people, layout, stamp_ns + 1, "soak")
            batch.append((cloud, dice.choice(FAULTS)(cloud)))
        yield batch


def publish(log: Path, seed: int, people: int = 4, rate: float = 30.0) -> None:
    """Publish until killed.

    Args:
        log: File to which a line per message is appended.
        seed: Of all random choices.
        people: How many are in view.
        rate: Frames per second.
    """
    dice = random.Random(seed)
    crowd = Crowd(people, dice)
    rclpy.init()
    node = rclpy.create_node("soak_publisher")
    publisher = node.create_publisher(PointCloud2, "/skeletons", QoSProfile(depth=10))
    while not publisher.get_subscription_count():
        time.sleep(0.01)
    time.sleep(_SETTLE_S)
    due_s = time.monotonic()
    with log.open("ab", buffering=0) as lines:
        for batch in messages(crowd, dice):
            for message, expected in batch:
                publisher.publish(message)
                lines.write(f"{expected}\n".encode())
            due_s += 1 / rate
            time.sleep(max(0.0, due_s - time.monotonic()))


if __name__ == "__main__":
    auto_cli(publish, as_positional=False)

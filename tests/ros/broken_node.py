"""The node, broken in one of six ways that a soak must notice: ``python broken_node.py WAY --ros-args ...``."""

from __future__ import annotations

import sys

from csre_ros.recognition.recognizer import Recognizer
from csre_ros.ros.health import Health
from csre_ros.ros.inputs.subscription import TopicInput
from csre_ros.ros.main import main
from csre_ros.ros.node.node import ActionNode
from csre_ros.ros.outputs.publishers import Publishers

_hoard: list[bytearray] = []


def swallowing() -> None:
    """Every tenth message is received and then forgotten."""
    arrived, turn = TopicInput._arrived, [0]

    def every_tenth_is_forgotten(self, data):
        turn[0] += 1
        if turn[0] % 10:
            arrived(self, data)
        else:
            self._context.health.arrived()

    TopicInput._arrived = every_tenth_is_forgotten


def undecided() -> None:
    """Nothing is ever decided."""
    Recognizer.decide = lambda self: []


def mute() -> None:
    """Every publish raises."""

    def publish(self, *arguments):
        raise OSError("no message leaves this node")

    Publishers.publish = publish


def boasting() -> None:
    """Every message is counted twice."""
    arrived = Health.arrived

    def twice(self):
        arrived(self)
        arrived(self)

    Health.arrived = twice


def silent() -> None:
    """There are no diagnostics."""
    ActionNode._diagnose = lambda self: None


def leaking() -> None:
    """Every decision leaves a megabyte behind."""
    decide = Recognizer.decide

    def hoard(self):
        _hoard.append(bytearray(b"x" * (1 << 20)))
        return decide(self)

    Recognizer.decide = hoard


WAYS = {way.__name__: way for way in (swallowing, undecided, mute, boasting, silent, leaking)}

if __name__ == "__main__":
    WAYS[sys.argv.pop(1)]()
    sys.exit(main())

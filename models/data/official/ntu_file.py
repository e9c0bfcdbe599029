"""NTU RGB+D ``.skeleton`` text files: from one file to the bodies that were seen in it.

A file is a frame count, and per frame a body count; per body a line of ten values that begins with its id, the joint
count, and one line of twelve values per joint that begins with x, y, z.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray

JOINTS = 25
_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")


@dataclass(frozen=True)
class ClipName:
    """What ``SsssCcccPpppRrrrAaaa`` says.

    Attributes:
        setup: S.
        camera: C.
        performer: P.
        replication: R.
        action: A, from 1.
    """

    setup: int
    camera: int
    performer: int
    replication: int
    action: int


def parse_name(name: str) -> ClipName:
    """Read the name of a clip.

    Raises:
        ValueError: It has another form.

    >>> parse_name("S001C002P003R001A060").action
    60
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is no clip of NTU RGB+D, which are named like S001C002P003R001A060")
    return ClipName(*(int(group) for group in match.groups()))


@dataclass(eq=False)
class Body:
    """One body id of a clip.

    Attributes:
        joints: ``[T, 25, 3]``, one entry per sighting, in metres and Kinect axes.
        start: Frame of its first sighting, among the frames that hold a body. A body that vanishes and comes back is
            taken as seen without a break, as in the published preprocessing.
        motion: Sum over x, y and z of the variance over frames and joints.
    """

    joints: FloatArray
    start: int
    motion: float

    @property
    def end(self) -> int:
        """Frame of its last sighting, counted without a break."""
        return self.start + len(self.joints) - 1


def variance(joints: FloatArray) -> float:
    """Sum over x, y and z of the variance over all frames and joints of ``[T, 25, 3]``."""
    return float(joints.reshape(-1, 3).var(axis=0).sum())


def read_bodies(path: Path) -> tuple[list[Body], int]:
    """Read one file.

    Frames without a body are deleted: the time of the clip is compacted.

    Returns:
        The bodies in order of first sighting, and the number of frames that hold any.

    Raises:
        ValueError: The file is cut off, goes on behind its last frame, or has another form.
    """
    sightings: dict[str, list[FloatArray]] = {}
    starts: dict[str, int] = {}
    frame = -1
    try:
        words = iter(path.read_text(encoding="ascii").split())
        announced = int(next(words))
        for _ in range(announced):
            bodies = int(next(words))
            frame += bodies > 0
            for _ in range(bodies):
                body, joints = _read_body(words)
                starts.setdefault(body, frame)
                sightings.setdefault(body, []).append(joints)
        if rest := sum(1 for _ in words):
            raise ValueError(f"{rest} values behind the {announced} frames that it announces")
    except StopIteration:
        raise ValueError(f"{path} is cut off; extract the archive again") from None
    except ValueError as error:
        raise ValueError(f"{path} is not a skeleton file of NTU RGB+D ({error}); extract the archive again") from error
    found = []
    for body, frames in sightings.items():
        joints = np.stack(frames)
        found.append(Body(joints, starts[body], variance(joints)))
    return found, frame + 1


def _read_body(words: Iterator[str]) -> tuple[str, FloatArray]:
    identity = next(words)
    for _ in range(9):  # clipped edges, hand states, lean, tracking state
        next(words)
    count = int(next(words))
    if count != JOINTS:
        raise ValueError(f"a body has {count} joints, not {JOINTS}")
    values = np.array([next(words) for _ in range(12 * JOINTS)], np.float32)
    return identity, values.reshape(JOINTS, 12)[:, :3]

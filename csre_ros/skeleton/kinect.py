"""Recordings of the Kinect: the words of its SDK and its axes, and ours."""

from __future__ import annotations

_WORDS = {"hip_center": "pelvis", "spine": "spine_mid", "shoulder_center": "spine_shoulder"}

TO_OPTICAL = (-1.0, -1.0, 1.0)
"""Kinect axes (own left at smaller x, y up, z forward) to camera-optical ones: a half turn about z."""

KINECT_JOINTS = (
    "hip_center", "spine", "shoulder_center", "head",
    "shoulder_left", "elbow_left", "wrist_left", "hand_left",
    "shoulder_right", "elbow_right", "wrist_right", "hand_right",
    "hip_left", "knee_left", "ankle_left", "foot_left",
    "hip_right", "knee_right", "ankle_right", "foot_right",
)  # fmt: skip
"""The SDK's own order, in the words of the files."""


def joint_name(word: str) -> str:
    """Our name of a joint; sides are written behind the joint in the files and before it here.

    >>> joint_name("hand_left"), joint_name("hip_center")
    ('left_hand', 'pelvis')
    """
    if word in _WORDS:
        return _WORDS[word]
    joint, _, side = word.rpartition("_")
    return f"{side}_{joint}" if side in ("left", "right") else word

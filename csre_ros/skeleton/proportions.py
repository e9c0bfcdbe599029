"""What a body measures, and when a joint of it counts as seen."""

from __future__ import annotations

SEEN = 0.5
"""Least confidence of a joint that counts as seen."""

TRUNK_AND_ARMS_M = {
    ("left_shoulder", "right_shoulder"): 0.36,
    ("left_shoulder", "left_elbow"): 0.28,
    ("right_shoulder", "right_elbow"): 0.28,
    ("left_elbow", "left_wrist"): 0.25,
    ("right_elbow", "right_wrist"): 0.25,
    ("left_shoulder", "left_hip"): 0.50,
    ("right_shoulder", "right_hip"): 0.50,
}
"""Bones that tell the size of a body without its legs, and their lengths in an adult, in metres."""

TYPICAL_M = TRUNK_AND_ARMS_M | {
    ("left_hip", "left_knee"): 0.42,
    ("right_hip", "right_knee"): 0.42,
    ("left_knee", "left_ankle"): 0.40,
    ("right_knee", "right_ankle"): 0.40,
}
"""The same with legs."""

"""The layouts this project speaks, as tables.

Orders follow the sources: Kinect SDK 1 and 2, MediaPipe Pose, COCO, OpenPose (its 18 points and BODY_25), REP-155
(whose eyes and ears are swapped against OpenPose), Azure Kinect body tracking, and the ZED body formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from csre_ros.foreign_text import quoted
from csre_ros.skeleton.layout import SkeletonLayout


def _sides(*joints: str) -> tuple[str, ...]:
    """``("eye",)`` -> ``("left_eye", "right_eye")``; several names alternate left and right."""
    return tuple(f"{side}_{joint}" for joint in joints for side in ("left", "right"))


def _side(side: str, *joints: str) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for joint in joints)


def _chain(*joints: str) -> tuple[tuple[str, str], ...]:
    """Bones of a chain that is written from the parent outwards."""
    return tuple((child, parent) for parent, child in pairwise(joints))


def _both(root: str, *joints: str) -> tuple[tuple[str, str], ...]:
    """The same chain on both sides, starting at a midline joint."""
    return _chain(root, *_side("left", *joints)) + _chain(root, *_side("right", *joints))


_ARM_WORDS = ("clavicle", "shoulder", "elbow", "wrist", "hand", "hand_tip", "thumb", "pinky", "index", "middle")
_LEG_WORDS = ("hip", "knee", "ankle", "foot", "heel", "foot_index", "big_toe", "small_toe")


def _parts(joints: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Sort joints into torso, head, arms and legs by what their name says."""
    parts: dict[str, list[str]] = {}
    for joint in joints:
        side, _, word = joint.partition("_")
        if side in ("left", "right") and word in _ARM_WORDS:
            part = f"{side}_arm"
        elif side in ("left", "right") and word in _LEG_WORDS:
            part = f"{side}_leg"
        elif joint in ("pelvis", "neck") or joint.startswith("spine"):
            part = "torso"
        else:
            part = "head"
        parts.setdefault(part, []).append(joint)
    return {part: tuple(names) for part, names in parts.items()}


def _layout(
    name: str, joints: tuple[str, ...], bones: tuple[tuple[str, str], ...], root: str, dims: int = 3
) -> SkeletonLayout:
    return SkeletonLayout(name, joints, bones, root, _parts(joints), dims)


# The joints that Kinect and MediaPipe both see: what bundles for live cameras are trained on.
_BODY13 = (
    "head",
    *_side("left", "shoulder", "elbow", "wrist"),
    *_side("right", "shoulder", "elbow", "wrist"),
    *_side("left", "hip", "knee", "ankle"),
    *_side("right", "hip", "knee", "ankle"),
)
_BODY13_BONES = (
    ("left_shoulder", "head"),
    ("right_shoulder", "head"),
    *_chain("left_shoulder", "left_elbow", "left_wrist"),
    *_chain("right_shoulder", "right_elbow", "right_wrist"),
    *_chain("left_shoulder", "left_hip", "left_knee", "left_ankle"),
    *_chain("right_shoulder", "right_hip", "right_knee", "right_ankle"),
)

_KINECT20 = (
    "pelvis", "spine_mid", "spine_shoulder", "head",
    *_side("left", "shoulder", "elbow", "wrist", "hand"),
    *_side("right", "shoulder", "elbow", "wrist", "hand"),
    *_side("left", "hip", "knee", "ankle", "foot"),
    *_side("right", "hip", "knee", "ankle", "foot"),
)  # fmt: skip
_KINECT20_BONES = (
    *_chain("spine_shoulder", "spine_mid", "pelvis"),
    ("head", "spine_shoulder"),
    *_both("spine_shoulder", "shoulder", "elbow", "wrist", "hand"),
    *_both("pelvis", "hip", "knee", "ankle", "foot"),
)

_NTU25 = (
    "pelvis", "spine_mid", "neck", "head",
    *_side("left", "shoulder", "elbow", "wrist", "hand"),
    *_side("right", "shoulder", "elbow", "wrist", "hand"),
    *_side("left", "hip", "knee", "ankle", "foot"),
    *_side("right", "hip", "knee", "ankle", "foot"),
    "spine_shoulder", "left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb",
)  # fmt: skip
_NTU25_BONES = (
    *_chain("spine_shoulder", "spine_mid", "pelvis"),
    *_chain("spine_shoulder", "neck", "head"),
    *_both("spine_shoulder", "shoulder", "elbow", "wrist", "hand"),
    *_both("pelvis", "hip", "knee", "ankle", "foot"),
    ("left_hand_tip", "left_hand"), ("left_thumb", "left_hand"),
    ("right_hand_tip", "right_hand"), ("right_thumb", "right_hand"),
)  # fmt: skip

_MEDIAPIPE33 = (
    "nose",
    *_side("left", "eye_inner", "eye", "eye_outer"),
    *_side("right", "eye_inner", "eye", "eye_outer"),
    *_sides("ear"), "left_mouth", "right_mouth",
    *_sides("shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel", "foot_index"),
)  # fmt: skip
_MEDIAPIPE33_BONES = (
    *_chain("nose", "left_eye_inner", "left_eye", "left_eye_outer", "left_ear"),
    *_chain("nose", "right_eye_inner", "right_eye", "right_eye_outer", "right_ear"),
    ("right_mouth", "left_mouth"),
    ("right_shoulder", "left_shoulder"), ("right_hip", "left_hip"),
    *(
        bone
        for side in ("left", "right")
        for bone in (
            *_chain(*_side(side, "shoulder", "elbow", "wrist", "pinky")),
            *_chain(*_side(side, "wrist", "index", "pinky")), (f"{side}_thumb", f"{side}_wrist"),
            *_chain(*_side(side, "shoulder", "hip", "knee", "ankle", "heel", "foot_index")),
            (f"{side}_foot_index", f"{side}_ankle"),
        )
    ),
)  # fmt: skip

_COCO17 = ("nose", *_sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"))
_FACE_BONES = (*_both("nose", "eye", "ear"),)
_COCO17_BONES = (
    *_FACE_BONES,
    ("left_shoulder", "nose"), ("right_shoulder", "nose"),
    *(
        bone
        for side in ("left", "right")
        for bone in (
            *_chain(*_side(side, "shoulder", "elbow", "wrist")),
            *_chain(*_side(side, "shoulder", "hip", "knee", "ankle")),
        )
    ),
)  # fmt: skip

_OPENPOSE_BODY = (
    "nose", "neck",
    *_side("right", "shoulder", "elbow", "wrist"), *_side("left", "shoulder", "elbow", "wrist"),
    *_side("right", "hip", "knee", "ankle"), *_side("left", "hip", "knee", "ankle"),
)  # fmt: skip
_OPENPOSE18 = (*_OPENPOSE_BODY, "right_eye", "left_eye", "right_ear", "left_ear")
_OPENPOSE25 = (
    "nose", "neck",
    *_side("right", "shoulder", "elbow", "wrist"), *_side("left", "shoulder", "elbow", "wrist"), "pelvis",
    *_side("right", "hip", "knee", "ankle"), *_side("left", "hip", "knee", "ankle"),
    "right_eye", "left_eye", "right_ear", "left_ear",
    *_side("left", "big_toe", "small_toe", "heel"), *_side("right", "big_toe", "small_toe", "heel"),
)  # fmt: skip
_REP155 = (*_OPENPOSE_BODY, "left_eye", "right_eye", "left_ear", "right_ear")
_OPENPOSE18_BONES = (
    ("nose", "neck"),
    *_FACE_BONES,
    *_both("neck", "shoulder", "elbow", "wrist"),
    *_both("neck", "hip", "knee", "ankle"),
)
_OPENPOSE25_BONES = (
    ("nose", "neck"), ("pelvis", "neck"),
    *_FACE_BONES,
    *_both("neck", "shoulder", "elbow", "wrist"),
    *_both("pelvis", "hip", "knee", "ankle", "big_toe", "small_toe"),
    ("left_heel", "left_ankle"), ("right_heel", "right_ankle"),
)  # fmt: skip

_AZURE_ARM = ("clavicle", "shoulder", "elbow", "wrist", "hand", "hand_tip", "thumb")
_AZURE32 = (
    "pelvis", "spine_navel", "spine_chest", "neck",
    *_side("left", *_AZURE_ARM), *_side("right", *_AZURE_ARM),
    *_side("left", "hip", "knee", "ankle", "foot"), *_side("right", "hip", "knee", "ankle", "foot"),
    "head", "nose", "left_eye", "left_ear", "right_eye", "right_ear",
)  # fmt: skip
_AZURE32_BONES = (
    *_chain("pelvis", "spine_navel", "spine_chest", "neck", "head", "nose"),
    *_both("spine_chest", "clavicle", "shoulder", "elbow", "wrist", "hand", "hand_tip"),
    ("left_thumb", "left_wrist"), ("right_thumb", "right_wrist"),
    *_both("pelvis", "hip", "knee", "ankle", "foot"),
    *_FACE_BONES,
)  # fmt: skip

_ZED34 = (*_AZURE32, "left_heel", "right_heel")
_ZED34_BONES = (*_AZURE32_BONES, ("left_heel", "left_ankle"), ("right_heel", "right_ankle"))
_ZED38 = (
    "pelvis", "spine_1", "spine_2", "spine_3", "neck", "nose",
    *_sides("eye", "ear", "clavicle", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"),
    *_sides("big_toe", "small_toe", "heel", "thumb", "index", "middle", "pinky"),
)  # fmt: skip
_ZED38_BONES = (
    *_chain("pelvis", "spine_1", "spine_2", "spine_3", "neck", "nose"),
    *_both("nose", "eye", "ear"),
    *_both("spine_3", "clavicle", "shoulder", "elbow", "wrist"),
    *_both("pelvis", "hip", "knee", "ankle"),
    *(
        (f"{side}_{tip}", f"{side}_{end}")
        for side in ("left", "right")
        for end, tips in (("ankle", ("big_toe", "small_toe", "heel")), ("wrist", ("thumb", "index", "middle", "pinky")))
        for tip in tips
    ),
)  # fmt: skip

LAYOUTS: Mapping[str, SkeletonLayout] = {
    layout.name: layout
    for layout in (
        _layout("body13", _BODY13, _BODY13_BONES, "head"),
        _layout("body13_2d", _BODY13, _BODY13_BONES, "head", dims=2),
        _layout("kinect20", _KINECT20, _KINECT20_BONES, "spine_shoulder"),
        _layout("ntu25", _NTU25, _NTU25_BONES, "spine_shoulder"),
        _layout("mediapipe33", _MEDIAPIPE33, _MEDIAPIPE33_BONES, "nose"),
        _layout("coco17", _COCO17, _COCO17_BONES, "nose", dims=2),
        _layout("coco17_3d", _COCO17, _COCO17_BONES, "nose"),
        _layout("openpose18", _OPENPOSE18, _OPENPOSE18_BONES, "neck", dims=2),
        _layout("openpose25", _OPENPOSE25, _OPENPOSE25_BONES, "neck", dims=2),
        _layout("openpose25_3d", _OPENPOSE25, _OPENPOSE25_BONES, "neck"),
        _layout("rep155", _REP155, _OPENPOSE18_BONES, "neck", dims=2),
        _layout("azure32", _AZURE32, _AZURE32_BONES, "pelvis"),
        _layout("zed18", _OPENPOSE18, _OPENPOSE18_BONES, "neck"),
        _layout("zed34", _ZED34, _ZED34_BONES, "pelvis"),
        _layout("zed38", _ZED38, _ZED38_BONES, "pelvis"),
    )
}


def get_layout(name: str) -> SkeletonLayout:
    """Look a layout up by name.

    Raises:
        ValueError: There is no layout of that name.

    >>> get_layout("ntu25").joints[20]
    'spine_shoulder'
    """
    try:
        return LAYOUTS[name]
    except KeyError:
        raise ValueError(f"unknown layout {quoted(name)}; choose one of: {', '.join(sorted(LAYOUTS))}") from None

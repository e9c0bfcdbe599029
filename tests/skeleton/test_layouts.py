"""Index tables of the sources, written out joint by joint: a wrong index shows the wrong arm."""

from __future__ import annotations

import pytest

from csre_ros.skeleton import LAYOUTS, SkeletonLayout, get_layout

# fmt: off
TABLES = {
    "kinect20": {
        0: "pelvis", 1: "spine_mid", 2: "spine_shoulder", 3: "head",
        4: "left_shoulder", 5: "left_elbow", 6: "left_wrist", 7: "left_hand",
        8: "right_shoulder", 9: "right_elbow", 10: "right_wrist", 11: "right_hand",
        12: "left_hip", 13: "left_knee", 14: "left_ankle", 15: "left_foot",
        16: "right_hip", 17: "right_knee", 18: "right_ankle", 19: "right_foot",
    },
    "ntu25": {
        0: "pelvis", 1: "spine_mid", 2: "neck", 3: "head",
        4: "left_shoulder", 5: "left_elbow", 6: "left_wrist", 7: "left_hand",
        8: "right_shoulder", 9: "right_elbow", 10: "right_wrist", 11: "right_hand",
        12: "left_hip", 13: "left_knee", 14: "left_ankle", 15: "left_foot",
        16: "right_hip", 17: "right_knee", 18: "right_ankle", 19: "right_foot",
        20: "spine_shoulder", 21: "left_hand_tip", 22: "left_thumb", 23: "right_hand_tip", 24: "right_thumb",
    },
    "mediapipe33": {
        0: "nose", 1: "left_eye_inner", 2: "left_eye", 3: "left_eye_outer",
        4: "right_eye_inner", 5: "right_eye", 6: "right_eye_outer", 7: "left_ear", 8: "right_ear",
        9: "left_mouth", 10: "right_mouth", 11: "left_shoulder", 12: "right_shoulder",
        13: "left_elbow", 14: "right_elbow", 15: "left_wrist", 16: "right_wrist",
        17: "left_pinky", 18: "right_pinky", 19: "left_index", 20: "right_index", 21: "left_thumb", 22: "right_thumb",
        23: "left_hip", 24: "right_hip", 25: "left_knee", 26: "right_knee", 27: "left_ankle", 28: "right_ankle",
        29: "left_heel", 30: "right_heel", 31: "left_foot_index", 32: "right_foot_index",
    },
    "coco17": {
        0: "nose", 1: "left_eye", 2: "right_eye", 3: "left_ear", 4: "right_ear",
        5: "left_shoulder", 6: "right_shoulder", 7: "left_elbow", 8: "right_elbow", 9: "left_wrist", 10: "right_wrist",
        11: "left_hip", 12: "right_hip", 13: "left_knee", 14: "right_knee", 15: "left_ankle", 16: "right_ankle",
    },
    "openpose18": {
        0: "nose", 1: "neck", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist",
        5: "left_shoulder", 6: "left_elbow", 7: "left_wrist", 8: "right_hip", 9: "right_knee", 10: "right_ankle",
        11: "left_hip", 12: "left_knee", 13: "left_ankle",
        14: "right_eye", 15: "left_eye", 16: "right_ear", 17: "left_ear",
    },
    "openpose25": {
        0: "nose", 1: "neck", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist",
        5: "left_shoulder", 6: "left_elbow", 7: "left_wrist", 8: "pelvis", 9: "right_hip", 10: "right_knee",
        11: "right_ankle", 12: "left_hip", 13: "left_knee", 14: "left_ankle",
        15: "right_eye", 16: "left_eye", 17: "right_ear", 18: "left_ear",
        19: "left_big_toe", 20: "left_small_toe", 21: "left_heel",
        22: "right_big_toe", 23: "right_small_toe", 24: "right_heel",
    },
    "rep155": {
        0: "nose", 1: "neck", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist",
        5: "left_shoulder", 6: "left_elbow", 7: "left_wrist", 8: "right_hip", 9: "right_knee", 10: "right_ankle",
        11: "left_hip", 12: "left_knee", 13: "left_ankle",
        14: "left_eye", 15: "right_eye", 16: "left_ear", 17: "right_ear",
    },
    "azure32": {
        0: "pelvis", 1: "spine_navel", 2: "spine_chest", 3: "neck",
        4: "left_clavicle", 5: "left_shoulder", 6: "left_elbow", 7: "left_wrist",
        8: "left_hand", 9: "left_hand_tip", 10: "left_thumb",
        11: "right_clavicle", 12: "right_shoulder", 13: "right_elbow", 14: "right_wrist",
        15: "right_hand", 16: "right_hand_tip", 17: "right_thumb",
        18: "left_hip", 19: "left_knee", 20: "left_ankle", 21: "left_foot",
        22: "right_hip", 23: "right_knee", 24: "right_ankle", 25: "right_foot",
        26: "head", 27: "nose", 28: "left_eye", 29: "left_ear", 30: "right_eye", 31: "right_ear",
    },
    "zed38": {
        0: "pelvis", 1: "spine_1", 2: "spine_2", 3: "spine_3", 4: "neck", 5: "nose",
        6: "left_eye", 7: "right_eye", 8: "left_ear", 9: "right_ear", 10: "left_clavicle", 11: "right_clavicle",
        12: "left_shoulder", 13: "right_shoulder", 14: "left_elbow", 15: "right_elbow",
        16: "left_wrist", 17: "right_wrist", 18: "left_hip", 19: "right_hip", 20: "left_knee", 21: "right_knee",
        22: "left_ankle", 23: "right_ankle", 24: "left_big_toe", 25: "right_big_toe",
        26: "left_small_toe", 27: "right_small_toe", 28: "left_heel", 29: "right_heel",
        30: "left_thumb", 31: "right_thumb", 32: "left_index", 33: "right_index",
        34: "left_middle", 35: "right_middle", 36: "left_pinky", 37: "right_pinky",
    },
    "body13": {
        0: "head", 1: "left_shoulder", 2: "left_elbow", 3: "left_wrist",
        4: "right_shoulder", 5: "right_elbow", 6: "right_wrist",
        7: "left_hip", 8: "left_knee", 9: "left_ankle", 10: "right_hip", 11: "right_knee", 12: "right_ankle",
    },
}
# fmt: on
TABLES["body13_2d"] = TABLES["body13"]
TABLES["coco17_3d"] = TABLES["coco17"]
TABLES["openpose25_3d"] = TABLES["openpose25"]
TABLES["zed18"] = TABLES["openpose18"]
TABLES["zed34"] = {**TABLES["azure32"], 32: "left_heel", 33: "right_heel"}
IMAGE_ONLY = {"body13_2d", "coco17", "openpose18", "openpose25", "rep155"}


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_index_table(name: str) -> None:
    layout = get_layout(name)
    assert dict(enumerate(layout.joints)) == TABLES[name]
    assert layout.dims == (2 if name in IMAGE_ONLY else 3)


def test_rep155_swaps_eyes_and_ears_against_openpose() -> None:
    differing = [i for i in range(18) if TABLES["rep155"][i] != TABLES["openpose18"][i]]
    assert differing == [14, 15, 16, 17]
    rep, openpose = get_layout("rep155"), get_layout("openpose18")
    assert rep.index["left_eye"] == openpose.index["right_eye"] == 14
    assert rep.index["right_ear"] == openpose.index["left_ear"] == 17


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_mirror_exchanges_sides(name: str) -> None:
    layout = get_layout(name)
    for i, j in enumerate(layout.mirror):
        side, _, rest = layout.joints[i].partition("_")
        other = {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, layout.joints[i])
        assert layout.joints[j] == other
        assert layout.mirror[j] == i


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_bones_reach_every_joint(name: str) -> None:
    """From the root along bones; a tree unless the convention has cycles or separate pieces (BlazePose has both)."""
    layout = get_layout(name)
    assert all(layout.joints[c] == child and layout.joints[p] == parent
               for (c, p), (child, parent) in zip(layout.bone_indices, layout.bones, strict=True))  # fmt: skip
    if name == "mediapipe33":
        assert {joint for bone in layout.bones for joint in bone} == set(layout.joints)
        return
    children = [child for child, _ in layout.bones]
    reached = {layout.root}
    for _ in layout.joints:
        reached |= {child for child, parent in layout.bones if parent in reached}
    assert reached == set(layout.joints)
    if name != "body13":
        assert len(children) == len(set(children)) == len(layout) - 1


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_bones_are_symmetric(name: str) -> None:
    layout = get_layout(name)
    bones = {frozenset(bone) for bone in layout.bone_indices}
    assert {frozenset(layout.mirror[joint] for joint in bone) for bone in bones} == bones


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_body_parts(name: str) -> None:
    """Arms and legs hold joints of their own side only; wrists belong to arms, ankles to legs."""
    parts = get_layout(name).parts
    for side, other in (("left", "right"), ("right", "left")):
        for limb, joint in (("arm", "wrist"), ("leg", "ankle")):
            members = parts[f"{side}_{limb}"]
            assert f"{side}_{joint}" in members
            assert not any(member.startswith(other) for member in members)


def test_unknown_name_lists_the_choices() -> None:
    with pytest.raises(ValueError, match=r"unknown layout 'ntu20'; choose one of: azure32, body13, body13_2d, coco17"):
        get_layout("ntu20")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": ("a", "a")}, "repeats a joint name"),
        ({"bones": (("c", "a"),)}, r"has no joints \['c'\]"),
        ({"root": "c"}, r"has no joints \['c'\]"),
        ({"parts": {"torso": ("a",)}}, "every joint exactly once"),
        ({"parts": {"torso": ("a", "b"), "head": ("b",)}}, "every joint exactly once"),
        ({"dims": 4}, "dims 4; choose 2 or 3"),
    ],
)
def test_inconsistent_layouts_are_refused(change: dict[str, object], message: str) -> None:
    good: dict[str, object] = {
        "name": "toy", "joints": ("a", "b"), "bones": (("b", "a"),), "root": "a", "parts": {"torso": ("a", "b")},
    }  # fmt: skip
    SkeletonLayout(**good)
    with pytest.raises(ValueError, match=message):
        SkeletonLayout(**{**good, **change})

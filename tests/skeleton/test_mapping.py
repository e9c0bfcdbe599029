"""Mapping goes by joint name; what cannot be derived stays missing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from csre_ros.skeleton import LAYOUTS, LayoutMapping, Skeleton, get_layout, mirror

# Azure Kinect body tracking to NTU RGB+D, index by index: both come from the same family of trackers.
AZURE_TO_NTU = [0, 1, 3, 26, 5, 6, 7, 8, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23, 24, 25, 2, 9, 10, 16, 17]


def random_skeleton(name: str, seed: int = 0, source_id: str | None = None) -> Skeleton:
    rng = np.random.default_rng(seed)
    layout = get_layout(name)
    confidence = rng.uniform(0.1, 1, len(layout))
    return Skeleton(layout, rng.normal(size=(len(layout), layout.dims)), confidence, source_id)


def test_azure_to_ntu_needs_no_invention() -> None:
    azure = random_skeleton("azure32")
    ntu = LayoutMapping(azure.layout, get_layout("ntu25"))(azure)
    np.testing.assert_allclose(ntu.positions, azure.positions[AZURE_TO_NTU], rtol=1e-6)
    np.testing.assert_array_equal(ntu.confidence, azure.confidence[AZURE_TO_NTU])


@pytest.mark.parametrize(("source", "target"), list(itertools.product(sorted(LAYOUTS), repeat=2)))
def test_common_joints_come_back_unchanged(source: str, target: str) -> None:
    """Round trip of every pair of layouts: joints that both know return exactly, and as confident."""
    there = LayoutMapping(get_layout(source), get_layout(target))
    back = LayoutMapping(get_layout(target), get_layout(source))
    skeleton = random_skeleton(source)
    mapped, confidence = there.apply(skeleton.positions, skeleton.confidence)
    returned, returned_confidence = back.apply(mapped, confidence)
    for joint in set(get_layout(source).joints) & set(get_layout(target).joints):
        i = get_layout(source).index[joint]
        np.testing.assert_allclose(returned[i], skeleton.positions[i], rtol=1e-6)
        assert returned_confidence[i] == skeleton.confidence[i]
    np.testing.assert_array_equal(np.isnan(mapped).any(axis=1), confidence == 0)


@pytest.mark.parametrize(
    ("source", "target", "missing"),
    [
        ("mediapipe33", "kinect20", ()),
        ("mediapipe33", "body13", ()),
        ("ntu25", "kinect20", ()),
        ("azure32", "ntu25", ()),
        ("zed34", "azure32", ()),
        ("zed18", "body13", ()),
        ("kinect20", "ntu25", ("left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb")),
        ("coco17", "kinect20", ("left_hand", "right_hand", "left_foot", "right_foot")),
        ("kinect20", "coco17", ("nose", "left_eye", "right_eye", "left_ear", "right_ear")),
        ("zed38", "body13", ()),
        ("kinect20", "rep155", ("nose", "left_eye", "right_eye", "left_ear", "right_ear")),
    ],
)
def test_what_a_source_can_never_deliver(source: str, target: str, missing: tuple[str, ...]) -> None:
    assert LayoutMapping(get_layout(source), get_layout(target)).missing == missing


def test_derived_joints_by_hand() -> None:
    skeleton = random_skeleton("mediapipe33")
    at = dict(zip(skeleton.layout.joints, skeleton.positions, strict=True))
    sure = dict(zip(skeleton.layout.joints, skeleton.confidence, strict=True))
    mapped = LayoutMapping(skeleton.layout, get_layout("kinect20"))(skeleton)
    found = dict(zip(mapped.layout.joints, mapped.positions, strict=True))
    pelvis = (at["left_hip"] + at["right_hip"]) / 2
    chest = (at["left_shoulder"] + at["right_shoulder"]) / 2
    expected = {
        "pelvis": pelvis,
        "spine_shoulder": chest,
        "spine_mid": (pelvis + chest) / 2,
        "head": (at["left_ear"] + at["right_ear"]) / 2,
        "left_hand": (at["left_index"] + at["left_pinky"]) / 2,
        "right_foot": at["right_foot_index"],
    }
    for joint, position in expected.items():
        np.testing.assert_allclose(found[joint], position, atol=1e-6, err_msg=joint)
    # As confident as the least confident joint behind it.
    torso = min(sure[f"{side}_{joint}"] for side in ("left", "right") for joint in ("hip", "shoulder"))
    assert mapped.confidence[mapped.layout.index["spine_mid"]] == torso


def test_missing_stays_missing() -> None:
    """A hip that was not seen takes the pelvis and the spine with it, and nothing else."""
    whole = random_skeleton("mediapipe33")
    confidence = whole.confidence.copy()
    confidence[whole.layout.index["left_hip"]] = 0
    mapped = LayoutMapping(whole.layout, get_layout("kinect20"))(Skeleton(whole.layout, whole.positions, confidence))
    missing = {joint for joint, seen in zip(mapped.layout.joints, mapped.confidence, strict=True) if seen == 0}
    assert missing == {"pelvis", "spine_mid", "left_hip"}
    np.testing.assert_array_equal(np.isnan(mapped.positions).all(axis=1), mapped.confidence == 0)


def test_apply_takes_any_leading_shape() -> None:
    mapping = LayoutMapping(get_layout("azure32"), get_layout("body13"))
    rng = np.random.default_rng(0)
    positions, confidence = rng.normal(size=(2, 5, 32, 3)).astype("f"), rng.uniform(0.1, 1, (2, 5, 32)).astype("f")
    mapped, sure = mapping.apply(positions, confidence)
    one, one_sure = mapping.apply(positions[1, 3], confidence[1, 3])
    np.testing.assert_allclose(mapped[1, 3], one, atol=1e-6)
    np.testing.assert_array_equal(sure[1, 3], one_sure)


def test_names_and_image_points_travel_along() -> None:
    layout = get_layout("ntu25")
    points = np.random.default_rng(0).uniform(size=(25, 2)).astype(np.float32)
    source = Skeleton(layout, random_skeleton("ntu25").positions, np.ones(25), "body_7", points)
    mapped = LayoutMapping(layout, get_layout("kinect20"))(source)
    assert mapped.source_id == "body_7"
    assert mapped.image_points is not None
    np.testing.assert_allclose(mapped.image_points[3], points[3], rtol=1e-6)


def test_depth_is_never_invented() -> None:
    flat = random_skeleton("coco17")
    with pytest.raises(ValueError, match="'coco17' is 2-D and 'kinect20' 3-D"):
        LayoutMapping(flat.layout, get_layout("kinect20"))(flat)


def test_another_layout_is_refused() -> None:
    mapping = LayoutMapping(get_layout("ntu25"), get_layout("kinect20"))
    with pytest.raises(ValueError, match="takes 'ntu25' skeletons, not 'azure32'"):
        mapping(random_skeleton("azure32"))


def test_a_mirrored_person_stays_inside_the_picture() -> None:
    """A picture of 16:9 is 16/9 image heights wide."""
    positions = np.full((17, 2), (0.2, 0.7), np.float32)
    mirrored, _ = mirror(positions, np.ones(17, np.float32), get_layout("coco17"), aspect=16 / 9)
    np.testing.assert_allclose(mirrored, np.tile((16 / 9 - 0.2, 0.7), (17, 1)), rtol=1e-6)


@pytest.mark.parametrize("name", ["ntu25", "mediapipe33", "coco17"])
def test_mirror(name: str) -> None:
    skeleton = random_skeleton(name)
    positions, confidence = mirror(skeleton.positions, skeleton.confidence, skeleton.layout)
    left, right = skeleton.layout.index["left_wrist"], skeleton.layout.index["right_wrist"]
    assert positions[left, 0] == -skeleton.positions[right, 0]
    np.testing.assert_array_equal(positions[left, 1:], skeleton.positions[right, 1:])
    assert confidence[left] == skeleton.confidence[right]
    twice = mirror(positions, confidence, skeleton.layout)
    np.testing.assert_array_equal(twice[0], skeleton.positions)
    np.testing.assert_array_equal(twice[1], skeleton.confidence)

"""From any layout to the common one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from csre_ros.recognition.intake import Intake
from csre_ros.skeleton import LayoutMapping, Skeleton, SkeletonLayout, get_layout

BODY13 = get_layout("body13")


def skeleton(layout: str, seed: int = 0, seen: float = 0.8) -> Skeleton:
    rng = np.random.default_rng(seed)
    target = get_layout(layout)
    confidence = np.where(rng.random(len(target)) < seen, rng.uniform(0.1, 1, len(target)), 0)
    return Skeleton(target, rng.normal(size=(len(target), target.dims)), confidence)


@pytest.mark.parametrize("layout", ["kinect20", "ntu25", "mediapipe33", "azure32", "zed18", "zed34", "zed38", "body13"])
def test_equals_the_mapping_one_by_one(layout: str) -> None:
    people = [skeleton(layout, seed) for seed in range(5)]
    bodies = Intake(BODY13).step(people)
    mapping = LayoutMapping(get_layout(layout), BODY13)
    for person, positions, confidence in zip(people, bodies.positions, bodies.confidence, strict=True):
        expected = mapping(person)
        np.testing.assert_allclose(confidence, expected.confidence)
        np.testing.assert_allclose(np.where(confidence[:, None] > 0, positions, np.nan), expected.positions, atol=1e-6)
    assert np.isfinite(bodies.positions).all()


def test_mixed_layouts_keep_their_order() -> None:
    people = [skeleton("kinect20", 0), skeleton("mediapipe33", 1), skeleton("kinect20", 2)]
    bodies = Intake(BODY13).step(people)
    assert bodies.skeletons == tuple(people)
    for i, person in enumerate(people):
        np.testing.assert_array_equal(bodies.positions[i], Intake(BODY13).step([person]).positions[0])


def test_what_is_refused() -> None:
    counts: Counter[str] = Counter()
    toy = SkeletonLayout("toy", ("a", "b"), (("b", "a"),), "a", {"torso": ("a", "b")})
    unseen = Skeleton(BODY13, np.full((13, 3), np.nan), np.zeros(13))
    good = skeleton("ntu25")
    bodies = Intake(BODY13, counts).step(
        [skeleton("coco17"), good, Skeleton(toy, np.zeros((2, 3)), np.ones(2)), unseen]
    )
    assert bodies.skeletons == (good,)
    assert counts == {"wrong_layout": 2, "nothing_visible": 1}


def test_image_points_are_refused_by_a_bundle_in_metres() -> None:
    counts: Counter[str] = Counter()
    assert Intake(get_layout("kinect20"), counts).step([skeleton("coco17")]).skeletons == ()
    assert counts == {"wrong_layout": 1}


def test_people_in_metres_are_projected_for_a_bundle_of_image_points() -> None:
    """By hand: 0.6 m to the right and 0.3 m above the axis at 3 m are 0.2 and -0.1 focal lengths from the centre."""
    coco = get_layout("coco17_3d")
    positions = np.tile(np.float32((0.6, -0.3, 3.0)), (17, 1))
    positions[3, 2], positions[4] = -1.0, np.nan  # behind the camera; not seen
    bodies = Intake(get_layout("coco17")).step([Skeleton(coco, positions, np.ones(17))])
    np.testing.assert_allclose(bodies.positions[0, 0], (0.5 + 1.15 * 0.2, 0.5 - 1.15 * 0.1), rtol=1e-5)
    np.testing.assert_array_equal(bodies.confidence[0, 2:6], (1, 0, 0, 1))
    assert bodies.skeletons[0].layout is coco


def test_nobody() -> None:
    bodies = Intake(BODY13).step([])
    assert (bodies.skeletons, bodies.positions.shape, bodies.confidence.shape) == ((), (0, 13, 3), (0, 13))

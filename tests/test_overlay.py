import numpy as np
import pytest

from csre_ros.overlay import BLANK, Caption, Overlay, image_points
from csre_ros.skeleton import Skeleton, get_layout

BODY = get_layout("body13")


def standing(depth: float = 2.0, x: float = 0.0) -> Skeleton:
    positions = np.zeros((13, 3), np.float32)
    positions[:, 0] = x + np.linspace(-0.2, 0.2, 13)
    positions[:, 1] = np.linspace(-0.8, 0.8, 13)
    positions[:, 2] = depth
    return Skeleton(BODY, positions, np.ones(13, np.float32))


def test_a_point_on_the_optical_axis_lands_in_the_centre():
    skeleton = standing()
    skeleton.positions[0] = (0, 0, 3)
    assert image_points(skeleton, (480, 640), 60.0)[0] == pytest.approx((320, 240))


def test_a_point_at_the_edge_of_the_field_of_view_lands_on_the_edge():
    skeleton = standing()
    skeleton.positions[0] = (3 * np.tan(np.deg2rad(30)), 0, 3)
    assert image_points(skeleton, (480, 640), 60.0)[0, 0] == pytest.approx(640)


def test_what_the_source_says_about_the_image_goes_before_projection():
    points = np.full((13, 2), 0.25, np.float32)
    skeleton = Skeleton(BODY, standing().positions, np.ones(13), image_points=points)
    assert image_points(skeleton, (480, 640), 60.0) == pytest.approx(np.tile((160, 120), (13, 1)))


def test_what_is_unknown_is_called_so_and_what_is_not_sure_is_in_brackets():
    assert Caption(2, standing(), "wave", 0.9, "wave").text == "2: wave"
    assert Caption(2, standing(), None, 0.6, "wave_two_hands").text == "2: (wave two hands)"
    assert Caption(2, standing(), None, 0.6, "wave", True).text == "2: unknown"
    assert Caption(2, standing(), None, 0.0, None).text == "2: ..."


def test_people_behind_the_camera_are_not_drawn():
    behind = Caption(1, standing(depth=-2.0), None, 0.0, None)
    drawn = Overlay().draw(None, [behind], "")
    assert not drawn.any()


def test_a_person_is_drawn_where_they_are_and_the_picture_is_left_alone():
    picture = np.zeros(BLANK, np.uint8)
    left = Overlay().draw(picture, [Caption(1, standing(x=-0.8), "wave", 0.9, "wave")], "status")
    assert left[:400, :320].any()
    assert not left[200:400, 420:].any()
    assert not picture.any()


def test_over_black_the_view_zooms_out_until_everybody_is_inside_and_stays_there():
    overlay = Overlay()
    near = Caption(1, standing(depth=0.9), None, 0.0, None)
    joints = (overlay.draw(None, [near], "") == 255).all(axis=2)
    rows = np.flatnonzero(joints.any(axis=1))
    assert 20 < rows[0] < 60
    assert 420 < rows[-1] < 460
    far = [Caption(1, standing(depth=2.0), None, 0.0, None)]
    assert overlay.draw(None, far, "").astype(bool).sum() < Overlay().draw(None, far, "").astype(bool).sum()


def test_unseen_joints_are_not_drawn():
    unseen = Skeleton(BODY, standing().positions, np.full(13, 0.1))
    assert not Overlay().draw(None, [Caption(1, unseen, None, 0.0, None)], "").any()


def test_far_outside_the_picture_is_survived():
    skeleton = standing()
    skeleton.positions[:, 0] = 1e9
    assert Overlay().draw(None, [Caption(1, skeleton, "wave", 1.0, "wave")], "").shape == BLANK

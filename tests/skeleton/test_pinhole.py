"""Points in space and their pixels."""

import numpy as np
import pytest

from csre_ros.pose.placement import viewing_rays
from csre_ros.skeleton import Pinhole

CAMERA = Pinhole((640, 480), (500.0, 520.0), (330.0, 230.0))


def test_lifting_undoes_projecting():
    points = np.random.default_rng(0).uniform((-1, -1, 0.5), (1, 1, 5), (50, 3))
    np.testing.assert_allclose(CAMERA.lift(CAMERA.project(points), points[:, 2]), points)


@pytest.mark.parametrize("depth", [0.0, -1.0, np.nan])
def test_what_lies_behind_is_in_no_picture(depth):
    assert np.isnan(CAMERA.project(np.array([[0.1, 0.1, depth]]))).all()


def test_a_declared_view_is_that_of_the_pose_stage():
    camera = Pinhole.of_view((640, 480), 60.0)
    points = np.array([[0.2, 0.7], [0.5, 0.5]], np.float32)
    rays = viewing_rays(points, (640, 480), 60.0)
    np.testing.assert_allclose(camera.lift(points * (640, 480), np.ones(2))[:, :2], rays, atol=1e-6)

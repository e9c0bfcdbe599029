"""Placing a person: exact on synthetic projections, limited and finite where there is nothing to go by."""

from __future__ import annotations

import numpy as np
import pytest

from csre_ros.pose.placement import FARTHEST_M, NEAREST_M, place, viewing_rays

WEIGHTS = np.ones(33)


def body(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=(0.25, 0.5, 0.15), size=(33, 3))


def image_points(points: np.ndarray, size: tuple[int, int], fov_deg: float) -> np.ndarray:
    """A pinhole camera written the textbook way: focal length in pixels, principal point in the centre."""
    width, height = size
    focal = width / 2 / np.tan(np.radians(fov_deg / 2))
    pixels = points[:, :2] / points[:, 2:] * focal + (width / 2, height / 2)
    return pixels / (width, height)


def solve(points: np.ndarray, where: np.ndarray, size=(640, 480), fov_deg=60.0, weights=WEIGHTS) -> np.ndarray:
    seen = image_points(points + where, size, fov_deg)
    return place(points, viewing_rays(seen, size, fov_deg), weights)


@pytest.mark.parametrize("where", [(0, 0, 2.5), (-1.2, 0.4, 4), (0.3, -0.2, 1.0), (3, 1, 12)])
@pytest.mark.parametrize("size", [(640, 480), (720, 1280), (1920, 1080)])
@pytest.mark.parametrize("fov_deg", [40.0, 60.0, 110.0])
def test_synthetic_projections_are_inverted_exactly(where, size, fov_deg):
    np.testing.assert_allclose(solve(body(), np.array(where), size, fov_deg), where, atol=1e-9)


def test_upper_body_alone_is_enough_and_invented_legs_do_not_count():
    points, where = body(), np.array((0.4, 0.1, 1.2))
    seen = image_points(points + where, (640, 480), 60.0)
    seen[23:] = np.random.default_rng(1).uniform(-1, 2, size=(10, 2))
    weights = WEIGHTS.copy()
    weights[23:] = 0
    found = place(points, viewing_rays(seen, (640, 480), 60.0), weights)
    np.testing.assert_allclose(found, where, atol=1e-9)


def test_noise_of_a_pixel_moves_a_person_by_centimetres():
    points, where = body(), np.array((0.5, 0.0, 3.0))
    rng = np.random.default_rng(2)
    found = [
        place(
            points,
            viewing_rays(image_points(points + where, (640, 480), 60.0) + rng.normal(size=(33, 2)) / (640, 480),
                         (640, 480), 60.0),
            WEIGHTS,
        )
        for _ in range(50)
    ]  # fmt: skip
    assert np.abs(np.mean(found, axis=0) - where).max() < 0.02
    assert np.std(found, axis=0).max() < 0.03


@pytest.mark.parametrize(("where", "depth"), [((0, 0, 60.0), FARTHEST_M), ((0, 0, 0.1), NEAREST_M)])
def test_depth_is_limited(where, depth):
    flat = body() * (1, 1, 0)
    found = solve(flat, np.array(where))
    assert found[2] == depth


@pytest.mark.parametrize("weights", [WEIGHTS, np.zeros(33), np.eye(33)[0]])
def test_without_information_the_result_is_finite_and_on_the_ray(weights):
    rays = np.full((33, 2), 0.25)
    found = place(body(), rays, weights)
    assert np.isfinite(found).all()
    assert NEAREST_M <= found[2] <= FARTHEST_M

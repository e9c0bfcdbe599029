"""Invariances and edges of BlockGCN's topology code."""

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import minimum_spanning_tree

from models.encoders.topology import TopologyCode, joint_distances, tree_lengths


@pytest.fixture
def joints() -> torch.Tensor:
    return torch.randn(3, 3, 10, 12, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def code() -> TopologyCode:
    torch.manual_seed(0)
    return TopologyCode().double()


def lengths(joints: torch.Tensor) -> torch.Tensor:
    return tree_lengths(joint_distances(joints))


def test_tree_agrees_with_scipy(joints):
    distances = joint_distances(joints)
    for mine, matrix in zip(tree_lengths(distances), distances, strict=True):
        expected = np.sort(minimum_spanning_tree(matrix.numpy()).data)
        np.testing.assert_allclose(mine.sort().values.numpy(), expected, atol=1e-12)


def test_lengths_are_bounded(joints):
    found = lengths(joints)
    assert found.shape == (3, 11)
    assert ((found > 0) & (found <= 12**0.5)).all()


ROTATION = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0]
CHANGES = {
    "rotation": lambda x: torch.einsum("ij,njtvm->nitvm", ROTATION, x),
    "reflection": lambda x: x * torch.tensor([-1.0, 1, 1])[:, None, None, None],
    "translation": lambda x: x + torch.tensor([5.0, -2, 1])[:, None, None, None],
    "translation per frame": lambda x: x + torch.arange(10.0)[:, None, None],
    "scale": lambda x: 0.001 * x,
    "joint order": lambda x: x.flip(3),
    "person order": lambda x: x.flip(4),
    "frame order": lambda x: x.flip(2),
    "motion around the same mean": lambda x: x.mean(2, keepdim=True).expand_as(x),
}


@pytest.mark.parametrize("change", CHANGES)
def test_invariance(code, joints, change):
    torch.testing.assert_close(code(CHANGES[change](joints)), code(joints), atol=1e-7, rtol=0)


def test_another_pose_has_another_code(code, joints):
    stretched = joints * torch.tensor([3.0, 1, 1])[:, None, None, None]
    assert not torch.allclose(code(stretched), code(joints), atol=0.01)


def test_clips_do_not_see_each_other(code, joints):
    scaled = torch.cat([joints[:1], 100 * joints[1:]])
    torch.testing.assert_close(code(scaled)[:1], code(joints[:1]), atol=1e-12, rtol=0)


def test_duplicate_joints_give_a_zero_length(joints):
    joints[..., 4, :] = joints[..., 7, :]
    assert ((lengths(joints) == 0).sum(1) == 1).all()


def test_all_joints_in_one_point(code):
    point = torch.full((1, 3, 4, 12, 1), 2.5, dtype=torch.float64)
    assert (lengths(point) == 0).all()
    assert code(point).isfinite().all()


def test_no_gradient_into_the_positions(code, joints):
    code(joints.requires_grad_()).sum().backward()
    assert joints.grad is None
    assert code.centres.grad.any()

"""What the encoders read off a layout."""

import json
from pathlib import Path

import pytest
import torch

from csre_ros.skeleton import SkeletonLayout, get_layout
from models.encoders.graph import hop_distances, joint_groups, spatial_partition

ORACLE = json.loads((Path(__file__).parent / "oracles/encoders.json").read_text())
CONNECTED = ["body13", "kinect20", "ntu25", "coco17", "openpose18", "rep155", "azure32", "zed18", "zed34", "zed38"]


def ring() -> SkeletonLayout:
    """Five joints in a circle with a tail."""
    joints = tuple("abcdef")
    bones = (("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("a", "e"), ("f", "c"))
    return SkeletonLayout("ring", joints, bones, "a", {"all": joints})


@pytest.mark.parametrize(("layout", "key"), [("ntu25", "ntu25_chain"), ("kinect20", "ucla20")])
def test_partition_of_the_published_graphs(layout, key):
    partition = spatial_partition(get_layout(layout))
    assert [int(k.count_nonzero()) for k in partition] == ORACLE["partition"][key]["nonzeros"]
    torch.testing.assert_close(partition.sum((1, 2)).tolist(), [float(s) for s in ORACLE["partition"][key]["sums"]])


def test_partition_of_ntu_with_the_layouts_own_bones():
    ntu = get_layout("ntu25")
    own = SkeletonLayout("ntu25-fork", ntu.joints, ntu.bones, ntu.root, ntu.parts)
    assert spatial_partition(own).sum((1, 2)).round().int().tolist() == ORACLE["partition"]["ntu25_fork"]["sums"]


@pytest.mark.parametrize(("layout", "key"), [("ntu25", "ntu25_fork"), ("kinect20", "ucla20")])
def test_hop_histogram(layout, key):
    assert hop_distances(get_layout(layout)).flatten().bincount().tolist() == ORACLE["hop_histogram"][key]


@pytest.mark.parametrize("name", CONNECTED)
def test_every_connected_layout(name):
    layout = get_layout(name)
    V = len(layout)
    identity, outwards, inwards = spatial_partition(layout)
    assert torch.equal(identity, torch.eye(V))
    assert int(outwards.count_nonzero()) == int(inwards.count_nonzero()) == V - 1
    received = outwards.sum(0)
    assert received[layout.index[layout.root]] == 0
    assert received.sum() == V - 1
    hops = hop_distances(layout)
    assert torch.equal(hops, hops.T)
    assert (hops.diagonal() == 0).all()
    assert all(hops[child, parent] == 1 for child, parent in layout.bone_indices)
    groups = joint_groups(layout)
    assert sorted(set(groups)) == list(range(max(groups) + 1))
    assert len(groups) == V


def test_cycles_are_cut_for_the_partition_and_kept_for_hops():
    assert hop_distances(ring())[0].tolist() == [0, 1, 2, 2, 1, 3]
    _, outwards, _ = spatial_partition(ring())
    assert outwards.nonzero().tolist() == [[0, 1], [0, 4], [1, 2], [2, 5], [4, 3]]


def test_kinect_groups_are_the_published_ones():
    assert joint_groups(get_layout("kinect20")) == (0,) * 4 + (1,) * 8 + (2,) * 8
    for stream in ("bone", "bone_motion"):
        bones = joint_groups(get_layout("kinect20"), stream)
        assert [bones.index(group) for group in range(3)] == [0, 5, 13]  # shoulders and hips belong to the trunk
        assert torch.tensor(bones).bincount().tolist() == [8, 6, 6]
        assert joint_groups(get_layout("ntu25"), stream) == joint_groups(get_layout("ntu25"))
    assert torch.tensor(joint_groups(get_layout("ntu25"))).bincount().tolist() == [3, 7, 8, 6, 1]


@pytest.mark.parametrize("read", [spatial_partition, hop_distances])
def test_disconnected_layouts_are_refused(read):
    with pytest.raises(ValueError, match=r"layout 'mediapipe33' do not link left_mouth, right_mouth, .*use HCN"):
        read(get_layout("mediapipe33"))

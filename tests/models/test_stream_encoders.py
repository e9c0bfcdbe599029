"""Streaming encoders: a frame at a time is the same as the whole clip, and nothing looks into the future."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from csre_ros.skeleton import get_layout
from models.encoders.streaming import STREAM_ENCODERS, build_stream_encoder
from models.encoders.streaming.base import beginning
from models.network.stream import StreamNetwork
from models.network.stream_front import StreamFront

CLASSES = (0, 1, 1, 2)
LAYOUTS = ("body13", "body13_2d")
SMALL = {
    "hcn": {"width": 16, "point": 4, "dilations": (1, 2, 4)},
    "ctrgcn": {"widths": (8, 16), "dilations": (1, 2), "groups": 2},
}


def make_network(encoder: str, layout: str) -> StreamNetwork:
    torch.manual_seed(0)
    front = StreamFront(get_layout(layout), 15.0)
    network = StreamNetwork(
        front,
        build_stream_encoder(encoder, len(CLASSES), front.output_layout, front.channels, **SMALL[encoder]),
        CLASSES,
    )
    network.train()
    with torch.no_grad():  # running statistics and branches that start closed must not hide a mistake
        for _ in range(3):
            network(*make_frames(layout, people=4))
        for name, parameter in network.named_parameters():
            if name.endswith(("norm.weight", "alpha")):
                parameter.fill_(0.7)
    return network.eval()


def make_frames(layout: str, people: int = 2, frames: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(people)
    dims = get_layout(layout).dims
    positions = torch.randn(people, frames, 13, dims, generator=generator)
    confidence = (torch.rand(people, frames, 13, generator=generator) > 0.2).float()
    return positions.masked_fill(confidence[..., None] == 0, torch.nan), confidence


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("encoder", STREAM_ENCODERS)
@pytest.mark.slow
def test_one_frame_at_a_time_equals_the_whole_clip(encoder: str, layout: str) -> None:
    network = make_network(encoder, layout)
    positions, confidence = make_frames(layout)
    with torch.no_grad():
        logits, embedding, begin, _ = network(positions, confidence)
        states = beginning(network.state_shapes(), len(positions), positions.nan_to_num())
        for frame in range(positions.shape[1]):
            part = slice(frame, frame + 1)
            one_logits, one_embedding, one_begin, states = network(positions[:, part], confidence[:, part], states)
            torch.testing.assert_close(one_logits[:, 0], logits[:, frame], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(one_embedding[:, 0], embedding[:, frame], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(one_begin[:, 0], begin[:, frame], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("encoder", STREAM_ENCODERS)
def test_the_future_changes_nothing(encoder: str) -> None:
    network = make_network(encoder, "body13")
    positions, confidence = make_frames("body13")
    changed = positions.clone()
    changed[:, 25:] += 1.0
    with torch.no_grad():
        before, after = (network(frames, confidence)[0] for frames in (positions, changed))
    torch.testing.assert_close(before[:, :25], after[:, :25])
    assert not torch.allclose(before[:, 25:], after[:, 25:])


@pytest.mark.parametrize("encoder", STREAM_ENCODERS)
def test_the_map_for_csre_keeps_time_and_joints(encoder: str) -> None:
    network = make_network(encoder, "body13")
    positions, confidence = make_frames("body13")
    output = network.features(positions, confidence)
    inner = network.encoder
    assert output.features.shape == (2, inner.feature_channels, 40, inner.feature_joints)
    assert output.logits.shape == (2, len(CLASSES), 40)
    assert output.embedding.shape == (2, inner.embedding_dim, 40)


def test_hcn_forgets_what_lies_behind_its_receptive_field() -> None:
    front = StreamFront(get_layout("body13"), 15.0)
    encoder = build_stream_encoder(
        "hcn", 3, front.output_layout, front.channels, dilations=(1, 2), width=8, groups=2
    ).eval()
    frames = encoder.receptive_frames + 5
    x = torch.randn(1, 8, frames, 14)
    changed = x.clone()
    changed[:, :, :5] += 1.0
    states = beginning(encoder.state_shapes(), 1, x)
    with torch.no_grad():
        before, after = (encoder(frames_in, states).logits for frames_in in (x, changed))
    torch.testing.assert_close(before[..., -1], after[..., -1])
    assert not torch.allclose(before[..., -2], after[..., -2])


def test_people_in_a_batch_do_not_touch_each_other() -> None:
    network = make_network("hcn", "body13")
    positions, confidence = make_frames("body13", people=3)
    with torch.no_grad():
        together = network(positions, confidence)[0]
        alone = network(positions[1:2], confidence[1:2])[0]
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)


def test_logits_of_one_label_are_merged_as_probabilities() -> None:
    network = make_network("hcn", "body13")
    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0]])
    apart = logits.softmax(-1)[0]
    merged = network.merged(logits).softmax(-1)[0]
    torch.testing.assert_close(merged, torch.stack((apart[0], apart[1] + apart[2], apart[3])))


@pytest.mark.parametrize("angle", [90, 180, -60])
def test_a_turned_body_gives_the_same_answer(angle: float) -> None:
    network = make_network("hcn", "body13")
    positions, confidence = make_frames("body13")
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turn = torch.tensor([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], dtype=torch.float32)
    with torch.no_grad():
        straight, turned = (network(frames, confidence)[0] for frames in (positions, positions @ turn.T))
    torch.testing.assert_close(straight, turned, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_place_and_size_of_a_body_do_not_matter(layout: str) -> None:
    network = make_network("hcn", layout)
    positions, confidence = make_frames(layout)
    with torch.no_grad():
        here, there = (network(frames, confidence)[0] for frames in (positions, positions * 1.3 + 2.0))
    torch.testing.assert_close(here, there, atol=1e-3, rtol=1e-3)


def test_a_person_of_whom_nothing_is_seen_gives_finite_answers() -> None:
    network = make_network("hcn", "body13")
    positions = torch.full((1, 20, 13, 3), torch.nan)
    with torch.no_grad():
        logits, embedding, begin, _ = network(positions, torch.zeros(1, 20, 13))
    assert logits.isfinite().all()
    assert embedding.isfinite().all()
    assert begin.isfinite().all()


def test_an_encoder_without_streaming_form_is_refused() -> None:
    front = StreamFront(get_layout("body13"), 15.0)
    with pytest.raises(ValueError, match=r"'agcn' has no streaming form; choose one of: hcn, ctrgcn"):
        build_stream_encoder("agcn", 3, front.output_layout, front.channels)


def test_in_two_dimensions_people_look_from_behind_as_they_do_from_the_front() -> None:
    front = StreamFront(get_layout("body13_2d"), 15.0)
    positions, confidence = (part.nan_to_num() for part in make_frames("body13_2d"))
    states = beginning(front.state_shapes(), len(positions), positions)
    x, _ = front(positions, confidence, states)
    mirrored, _ = front(positions * torch.tensor((-1.0, 1.0)), confidence, states)
    torch.testing.assert_close(mirrored, x)
    assert x[:, 0].abs().max() > 0

"""Thresholds against tables that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from csre_ros.skeleton import get_layout
from models.data.batch import Batch
from models.data.scores import Scores
from models.encoders import build_encoder
from models.export.calibrate import thresholds
from models.export.score import score
from models.network.network import Network
from models.network.preprocess import PartLocal

IDLE, WAVE, CLAP, KICK = range(4)


def scores(*rows: tuple[int, int, float]) -> Scores:
    """Windows as ``(truth, winner, its probability)``; the rest goes to the other classes in equal parts."""
    probabilities = np.zeros((len(rows), 4), np.float32)
    for row, (_, winner, probability) in zip(probabilities, rows, strict=True):
        row[:] = (1 - probability) / 3
        row[winner] = probability
    return Scores(probabilities, np.array([truth for truth, _, _ in rows]), np.arange(len(rows)))


TABLE = scores(
    *[(IDLE, IDLE, 0.9)] * 9, (IDLE, WAVE, 0.61),
    (WAVE, WAVE, 0.95), (WAVE, WAVE, 0.70), (WAVE, WAVE, 0.65), (CLAP, WAVE, 0.51),
    (CLAP, CLAP, 0.45), (CLAP, CLAP, 0.80),
    (WAVE, KICK, 0.99),
)  # fmt: skip


def found(table: Scores = TABLE, background: Sequence[int] = (IDLE,), **options: Any) -> list[float]:
    return thresholds(table, background, **options)


def test_by_hand() -> None:
    """Waving must get above the idle window at 0.61; clapping is never mistaken; a kick is never right."""
    assert found() == [0.0, 0.62, 0.4, 0.9]


def test_a_looser_share_of_false_alarms() -> None:
    """One of ten background windows may fire now; the clap at 0.51 still spoils the precision (3 of 4) up to 0.50."""
    assert found(false_share=0.1) == [0.0, 0.52, 0.4, 0.9]


def test_background_windows_count_by_their_weight() -> None:
    """The idle window at 0.61 is one that a robot hardly meets: 0.1 % of what it sees."""
    weights = np.ones(len(TABLE.labels))
    weights[9] = 0.001 * 9 / 0.999
    assert found(weights=weights) == [0.0, 0.52, 0.4, 0.9]
    weights[9] = 0.003 * 9 / 0.997
    assert found(weights=weights) == [0.0, 0.62, 0.4, 0.9]


def test_a_looser_precision() -> None:
    assert found(false_share=0.1, precision=0.75) == [0.0, 0.4, 0.4, 0.9]


def test_background_is_no_mistake_of_an_action() -> None:
    """A wave that is taken for idle costs nothing, and every background class gets 0."""
    table = scores((WAVE, IDLE, 0.99), (WAVE, WAVE, 0.5), (CLAP, CLAP, 0.5), (IDLE, CLAP, 0.95))
    assert found(table) == [0.0, 0.4, 0.9, 0.9]
    assert found(table, background=(IDLE, CLAP)) == [0.0, 0.4, 0.0, 0.9]


def test_a_threshold_is_reached_by_equality() -> None:
    """Binary fractions, so that nothing is rounded: at 0.5 the wrong window fires, just above it does not."""
    assert found(scores((WAVE, WAVE, 0.75), (CLAP, WAVE, 0.5), (IDLE, IDLE, 1.0)))[WAVE] == 0.52


def test_no_validation_window_means_the_strictest() -> None:
    assert found(scores((IDLE, IDLE, 0.9), (IDLE, IDLE, 0.9))) == [0.0, 0.9, 0.9, 0.9]


def test_without_background_windows_precision_decides_alone() -> None:
    assert found(scores((WAVE, WAVE, 0.8), (CLAP, WAVE, 0.45)))[WAVE] == 0.46


@pytest.mark.parametrize("shift", [False, True])
def test_scores_are_probabilities_in_loader_order(shift: bool) -> None:
    """Evaluation mode, softmax, labels and slots in the order of the batches; augmented if asked for."""
    torch.manual_seed(0)
    layout = get_layout("body13")
    front = PartLocal(layout)
    encoder = build_encoder("hcn", 4, front.output_layout, in_channels=4, time_steps=16, hidden=8, dropout=0.5)
    network = Network(front, encoder).train()
    batches = [
        Batch(torch.randn(n, 1, 16, 13, 3), torch.ones(n, 1, 16, 13), torch.arange(n) % 4, torch.arange(n) + 10 * n)
        for n in (3, 2)
    ]

    def double(batch: Batch) -> Batch:
        return batch._replace(positions=2 * batch.positions)

    result = score(network, batches, double if shift else None)
    assert result.labels.tolist() == [0, 1, 2, 0, 1]
    assert result.slots.tolist() == [30, 31, 32, 20, 21]
    np.testing.assert_allclose(result.probabilities.sum(1), 1, atol=1e-6)
    positions = torch.cat([batch.positions for batch in batches]) * (2 if shift else 1)
    with torch.no_grad():
        expected = network.eval()(positions, torch.ones(5, 1, 16, 13))[0].softmax(-1)
    np.testing.assert_allclose(result.probabilities, expected.numpy(), atol=1e-5)

"""Windows of streams: what they show, where they are placed, and who loads them."""

from __future__ import annotations

import numpy as np
import torch

from models.data.streams.compose import Composer, Composition
from models.data.streams.recordings import chained
from models.data.streams.warp import window_of
from models.data.streams.windows import StreamBatch, StreamWindowData, StreamWindows
from tests.models.bodies import LABELS, make_stream, piece


def test_a_window_keeps_targets_and_actions_together() -> None:
    stream, wave, seen = make_stream(), LABELS.target("wave"), 0
    for seed in range(20):
        window = window_of(stream, 80, np.random.default_rng(seed))
        assert window.positions.shape == (80, 13, 3)
        label, first, last, slot = window.action
        if slot >= 0:
            seen += 1
            assert (label, slot) == (LABELS.classes.index("wave"), 7)
            inside = window.target[first + 1 : last - 1]
            assert (inside == wave).mean() > 0.95
    assert seen > 5


def test_windows_are_placed_over_actions_where_these_are_sought() -> None:
    stream, rng = make_stream(900), np.random.default_rng(0)
    starts = [window_of(stream, 40, rng, sought=1.0).action[3] for _ in range(20)]
    assert min(starts) >= 0  # an action of 20 frames in a minute: by chance one window in twenty has it


def test_short_streams_are_chained_until_they_fill_a_window() -> None:
    chain = chained([make_stream(20), make_stream(15)], 90, np.random.default_rng(0))
    assert len(chain) >= 90
    assert chain.spans == ()


def test_windows_are_the_same_for_any_number_of_loaders() -> None:
    def first_batch(workers: int) -> StreamBatch:
        data = StreamWindowData(False, 40, 4, 8, {"composed": 1.0}, None, None, 3, workers)
        streams = [Composer(pieces, LABELS, Composition()).make(60, np.random.default_rng(0))]
        data.train = StreamWindows({"composed": streams}, 40, 3)
        return next(iter(data.train_dataloader()))

    pieces = [piece("wave", source=source) for source in ("utd_mhad", "msr_action3d")] + [piece("walk")]
    for alone, beside in zip(first_batch(0), first_batch(1), strict=True):
        assert torch.equal(alone, beside)

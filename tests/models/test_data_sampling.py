"""Every draw has a number: order and windows do not hang on workers, and go on where a run was stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from models.data.batch import Batch
from models.data.clips import Clip
from models.data.protocol import ClipDataset, ProtocolData
from models.data.sampling import DrawSampler


def shuffled(rng: Generator) -> NDArray[np.int64]:
    return rng.permutation(12)


def test_the_order_is_that_of_the_epoch() -> None:
    drawn = 0
    sampler = DrawSampler(shuffled, 12, seed=1, drawn=lambda: drawn)
    first = list(sampler)
    assert len(sampler) == len(first) == 12
    assert [draw for draw, _ in first] == list(range(12))
    assert sorted(index for _, index in first) == list(range(12))
    assert list(sampler) == first  # asking again changes nothing as long as nothing was used
    drawn = 12
    second = list(sampler)
    assert [draw for draw, _ in second] == list(range(12, 24))
    assert [index for _, index in second] != [index for _, index in first]
    assert list(DrawSampler(shuffled, 12, seed=1, drawn=lambda: 12)) == second  # another process
    assert list(DrawSampler(shuffled, 12, seed=2, drawn=lambda: 12)) != second


def test_the_order_shares_no_stream_with_a_sample() -> None:
    def order(rng: Generator) -> NDArray[np.int64]:
        return rng.integers(1 << 40, size=3)

    found = [index for _, index in DrawSampler(order, 3, seed=1, drawn=lambda: 12)]
    for sample in range(12):
        assert found != order(np.random.default_rng((1, 12, sample))).tolist()


def mini(root: Path, workers: int = 0) -> ProtocolData:
    return ProtocolData(root=root, steps=8, batch_size=7, repeats=2, workers=workers)


def trainer(world_size: int = 1, accumulate: int = 1) -> SimpleNamespace:
    """What the data ask of a trainer that has not begun."""
    return SimpleNamespace(global_step=0, world_size=world_size, accumulate_grad_batches=accumulate)


def epochs(data: ProtocolData, steps_done: list[int]) -> list[list[Batch]]:
    """Training batches of epochs that begin after so many steps."""
    data.trainer = trainer()  # type: ignore[assignment]
    loader = data.train_dataloader()
    found = []
    for data.trainer.global_step in steps_done:
        found.append(list(loader))
    return found


def assert_same(found: list[Batch], expected: list[Batch]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.mixed is other.mixed is None  # A loader does not blend; that is done on the device.
        for mine, its in zip(one[:-1], other[:-1], strict=True):
            assert torch.equal(mine, its)


def test_workers_change_nothing(mini_root: Path) -> None:
    """Persistent workers over two epochs, and a loader that begins with the second one."""
    first, second = epochs(mini(mini_root), [0, 6])
    assert len(first) == 6  # 48 draws, the incomplete batch is dropped
    found = epochs(mini(mini_root, 2), [0, 6])
    assert_same(found[0], first)
    assert_same(found[1], second)
    (resumed,) = epochs(mini(mini_root, 2), [6])
    assert_same(resumed, second)


@pytest.mark.parametrize(("world_size", "accumulate", "steps"), [(1, 1, 6), (2, 1, 3), (1, 2, 3), (3, 2, 1)])
def test_an_epoch_counts_what_all_processes_drew(world_size: int, accumulate: int, steps: int, mini_root: Path) -> None:
    """48 draws in batches of 7 are 6 batches, whoever takes them; the last ones of an epoch are dropped."""
    data = mini(mini_root)
    data.trainer = trainer(world_size, accumulate)  # type: ignore[assignment]
    sampler = data.train_dataloader().sampler
    starts = []
    for data.trainer.global_step in (0, steps, 2 * steps):
        starts.append(next(iter(sampler))[0])
    assert starts == [0, 42, 84]


def test_a_clip_that_is_drawn_twice_gives_two_windows(mini_root: Path) -> None:
    """Every clip is visited ``repeats`` times per epoch, and cut anew each time."""
    ((*batches,),) = epochs(mini(mini_root), [0])
    windows: dict[int, list[torch.Tensor]] = {}
    for batch in batches:
        for slot, positions in zip(batch.slot.tolist(), batch.positions, strict=True):
            windows.setdefault(slot, []).append(positions)
    twice = [pair for pair in windows.values() if len(pair) == 2]
    assert len(twice) > 15
    assert max(map(len, windows.values())) == 2
    assert not any(torch.equal(*pair) for pair in twice)


def test_the_shape_of_a_batch(mini_root: Path) -> None:
    ((batch, *_),) = epochs(mini(mini_root), [0])
    assert batch.positions.shape == (7, 1, 8, 20, 3)
    assert batch.confidence.shape == (7, 1, 8, 20)
    assert batch.positions.dtype == batch.confidence.dtype == torch.float32
    assert batch.label.dtype == batch.slot.dtype == torch.int64


def test_pieces_of_clips(make_clip: Callable[..., Clip]) -> None:
    """A crop is a stretch of the clip of the length that was asked for; (1, 1) is all of it, at every draw."""
    clip = make_clip()
    ramp = np.broadcast_to(np.linspace(0, 1, len(clip), dtype=np.float32)[:, None, None], clip.positions.shape)
    marked = Clip(**(vars(clip) | {"positions": np.ascontiguousarray(ramp)}))
    cropped = ClipDataset([marked], ["wave"], 10, (0.5, 0.8), seed=0)
    pieces = np.array([cropped[draw, 0][0][:, 0, 0] for draw in range(60)])
    spans = pieces[:, -1] - pieces[:, 0]
    assert 0.5 <= spans.min() < 0.55
    assert 0.75 < spans.max() <= 0.8
    assert pieces[:, 0].min() < 0.05
    assert pieces[:, -1].max() > 0.95
    np.testing.assert_allclose(np.diff(pieces, axis=1), np.repeat(spans[:, None] / 9, 9, axis=1), atol=1e-4)
    whole = ClipDataset([marked], ["wave"], 10, (1.0, 1.0), seed=0)
    for draw in range(3):
        np.testing.assert_allclose(whole[draw, 0][0][:, 0, 0], np.linspace(0, 1, 10), atol=1e-6)

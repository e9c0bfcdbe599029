"""Two processes with half a batch each must do what one process does with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from models.csre import CSRELoss
from models.csre.loss import CHECK_CALLS

SHAPE = (8, 2, 3)
LABELS = torch.arange(24) % 2
STEPS, BATCH = 5, 8


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Conv2d(4, 8, 1)
        self.csre = CSRELoss(SHAPE, LABELS, positives=3, negatives=4, dim=6, weight=1.0)

    def forward(self, x, labels, slots, draws):
        return self.csre(self.encoder(x), labels, slots, random_negatives=draws)


def batches():
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        slots = torch.randperm(24, generator=generator)[:BATCH]
        slots[-1] = slots[1]  # a padding sampler repeats a sample; here the halves share it
        x = torch.randn(BATCH, 4, *SHAPE[1:], generator=generator, dtype=torch.float64)
        draws = torch.stack([(LABELS[slot] != LABELS).nonzero()[:4, 0] for slot in slots])
        yield x, LABELS[slots], slots, (draws, draws)


def train(model: nn.Module, part: slice) -> list[dict]:
    """Per step the loss, the gradients and the banks; with half the batch on each rank or all of it."""
    core = getattr(model, "module", model)
    record = []
    for x, labels, slots, draws in batches():
        model.zero_grad()
        loss, active = model(x[part], labels[part], slots[part], tuple(draw[part] for draw in draws))
        loss.backward()
        record.append(
            {
                "loss": loss.detach(),
                "active": active,
                "gradients": [parameter.grad.clone() for parameter in core.parameters()],
                "banks": [bank.bank.rows.clone() for bank in (core.csre.spatial, core.csre.temporal)],
                "counts": core.csre.spatial.bank.class_counts(),
            }
        )
    return record


def worker(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    model = Model().double()
    ignored = [f"csre.{name}" for name in model.csre.bank_buffers()]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, ignored)
    half = slice(rank * BATCH // 2, (rank + 1) * BATCH // 2)
    record = train(DistributedDataParallel(model), half)
    torch.save(record, f"{folder}/{rank}.pt")
    for lost in (0.0, 1e-3):
        model.csre.calls = CHECK_CALLS - 1
        model.csre.spatial.bank.rows[0, 0] += lost * rank
        x, labels, slots, draws = next(batches())
        try:
            model(x[half], labels[half], slots[half], tuple(draw[half] for draw in draws))
        except RuntimeError as error:
            Path(folder, f"{rank}_{lost}.txt").write_text(str(error))
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_reproduce_one(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(tmp_path)], env=environment) for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    single = train(Model().double(), slice(None))
    assert [int(step["active"]) for step in single][-1] == BATCH
    assert int(single[0]["active"]) < BATCH
    for one, two, both in zip(first, second, single, strict=True):
        torch.testing.assert_close((one["loss"] + two["loss"]) / 2, both["loss"])
        torch.testing.assert_close(one["gradients"], both["gradients"])
        assert int(one["active"] + two["active"]) == int(both["active"])
        for mine, theirs, expected in zip(one["banks"], two["banks"], both["banks"], strict=True):
            assert torch.equal(mine, theirs)
            torch.testing.assert_close(mine, expected, atol=1e-12, rtol=0)
        assert torch.equal(one["counts"], both["counts"])
    complaints = {path.stem: path.read_text() for path in tmp_path.glob("*.txt")}
    assert set(complaints) == {"0_0.001", "1_0.001"}  # both stop, and only where the banks differ
    assert "the memory banks of the ranks differ: rank 1 has checksums" in complaints["1_0.001"]


if __name__ == "__main__":
    worker(int(sys.argv[1]), sys.argv[2])

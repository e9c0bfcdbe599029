"""Writing into the memory bank, and its saved state."""

import pytest
import torch

from models.csre import MemoryBank
from models.csre.bank import unit_vectors

LABELS = torch.tensor([0, 0, 1, 2, 2, 2])


def test_rows_are_overwritten_and_counted_once():
    bank = MemoryBank(LABELS, 2)
    good = torch.ones(2, dtype=torch.bool)
    bank.enrol(torch.tensor([0, 3]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), good)
    bank.enrol(torch.tensor([3, 4]), torch.tensor([[-1.0, 0.0], [0.6, 0.8]]), good)
    torch.testing.assert_close(
        bank.rows, torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [-1.0, 0.0], [0.6, 0.8], [0.0, 0.0]])
    )
    assert bank.class_counts().tolist() == [1, 0, 2]
    assert bank.class_sizes.tolist() == [2, 1, 3]


def test_a_repeated_slot_takes_its_first_good_row():
    bank = MemoryBank(LABELS, 1)
    slots = torch.tensor([2, 2, 2, 5, 5])
    bank.enrol(
        slots, torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0]]), torch.tensor([False, True, True, False, False])
    )
    assert bank.rows[:, 0].tolist() == [0, 0, 2, 0, 0, 0]
    assert bank.enrolled.tolist() == [False, False, True, False, False, False]


def test_checksums_tell_values_and_places_apart():
    bank = MemoryBank(torch.tensor([0, 1, 1]), dim=2)
    bank.enrol(torch.tensor([0, 1]), torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([True, True]))
    seen = {int(bank.checksum())}
    for change in (
        lambda: bank.rows[[0, 1]].flip(0),
        lambda: bank.rows[[0, 1]].flip(1),
        lambda: bank.rows[[0, 1]] + 1e-7,
    ):
        bank.rows[[0, 1]] = change()
        seen.add(int(bank.checksum()))
    bank.enrolled[2] = True
    seen.add(int(bank.checksum()))
    assert len(seen) == 5


def test_stored_rows_carry_no_gradient():
    bank = MemoryBank(LABELS, 1)
    bank.enrol(torch.tensor([1]), torch.ones(1, 1, requires_grad=True), torch.tensor([True]))
    assert not bank.rows.requires_grad


@pytest.mark.parametrize(
    "other",
    [
        MemoryBank(LABELS, 2, "ucla/joint"),
        MemoryBank(LABELS.flip(0), 2, "utd/joint"),
        MemoryBank(LABELS, 3, "utd/joint"),
    ],
    ids=["data set", "labels", "dim"],
)
def test_state_of_other_data_is_refused(other):
    bank = MemoryBank(LABELS, 2, "utd/joint")
    with pytest.raises(ValueError, match=r"fingerprint [0-9a-f]{12}, this training set [0-9a-f]{12}.*empty banks"):
        bank.load_training_state(other.training_state())


@pytest.mark.parametrize("labels", [torch.tensor([], dtype=torch.long), torch.tensor([0, -1]), torch.zeros(2, 2)])
def test_impossible_labels_are_refused(labels):
    with pytest.raises(ValueError, match="slot_labels must be a non-empty vector"):
        MemoryBank(labels, 2)


def test_unusable_rows_are_masked_and_pass_no_gradient():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0], [torch.nan, 1.0], [torch.inf, 1.0], [1e-7, 0.0]], requires_grad=True)
    unit, good = unit_vectors(rows, torch.float32)
    assert good.tolist() == [True, False, False, False, False]
    torch.testing.assert_close(unit[0], torch.tensor([0.6, 0.8]))
    assert not unit[1:].any()
    unit.sum().backward()
    assert rows.grad[0].any()
    assert not rows.grad[1:].any()

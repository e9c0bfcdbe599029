"""The bank loss against its oracle, against a slow reference, and at its edges."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.csre import MemoryBank
from models.csre.head import unit_vectors
from models.csre.loss import BankContrast

ORACLE = json.loads((Path(__file__).parent / "oracles/csre_loss.json").read_text())
CASES = {case["name"]: case for case in ORACLE["cases"]}
STEPPED = [name for name, case in CASES.items() if "steps" in case]


def contrast_of(labels, dim, positives, negatives, temperature, dtype=torch.float64, **options) -> BankContrast:
    bank = MemoryBank(torch.tensor(labels), dim).to(dtype)
    return BankContrast(bank, positives=positives, negatives=negatives, temperature=temperature, **options)


def contrast_of_case(case: dict, dtype=torch.float64) -> BankContrast:
    return contrast_of(
        case["slot_labels"], case["dim"], case["positive_num"], case["negative_num"], case["temperature"], dtype
    )


def step(contrast: BankContrast, features: Tensor, slots, labels, random_negatives=None):
    """Write, score and reduce as the training branch does; also returns the active mask."""
    anchors, good = unit_vectors(features, contrast.bank.rows.dtype)
    contrast.bank.enrol(torch.tensor(slots), anchors, good)
    loss, active = contrast(anchors, good, torch.tensor(labels), random_negatives=random_negatives)
    return loss.sum() / active.sum().clamp(min=1), active


def recorded_draw(anchors: list[dict], k: int) -> Tensor:
    return torch.tensor([anchor.get("random_negative_slots", [0] * k) for anchor in anchors])


@pytest.mark.parametrize(("dtype", "absolute", "relative"), [(torch.float64, 1e-10, 0.0), (torch.float32, 1e-9, 2e-6)])
@pytest.mark.parametrize("name", STEPPED)
def test_every_step_of_the_oracle(name, dtype, absolute, relative):
    case = CASES[name]
    contrast = contrast_of_case(case, dtype)
    for recorded in case["steps"]:
        features = torch.tensor(recorded["features"], dtype=dtype, requires_grad=True)
        draw = recorded_draw(recorded["anchors"], case["negative_num"])
        loss, active = step(contrast, features, recorded["slots"], recorded["labels"], draw)
        assert active.tolist() == [anchor["active"] for anchor in recorded["anchors"]]
        assert float(loss) == pytest.approx(recorded["loss"], abs=absolute, rel=relative)
        loss.backward()
        gradient = torch.zeros_like(features) if recorded["grad_features"] is None else recorded["grad_features"]
        torch.testing.assert_close(
            features.grad, torch.as_tensor(gradient, dtype=dtype), atol=1e-10 if not relative else 1e-6, rtol=1e-5
        )
        torch.testing.assert_close(contrast.bank.rows, torch.tensor(recorded["bank_after"], dtype=dtype))
        assert contrast.bank.enrolled.int().tolist() == recorded["enrolled_after"]

"""The bank loss against its oracle, against a slow reference, and at its edges."""

import json
from collections import Counter
from math import exp, log
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from models.csre import CSRELoss, MemoryBank
from models.csre.bank import unit_vectors
from models.csre.contrast import BankContrast

ORACLE = json.loads((Path(__file__).parent / "oracles/csre_loss.json").read_text())
CASES = {case["name"]: case for case in ORACLE["cases"]}
STEPPED = [name for name, case in CASES.items() if "steps" in case]
SHAPE = (16, 4, 5)  # of the feature map in the tests of the whole branch
LABELS = torch.arange(30) % 3


def contrast_of(labels, dim, positives, negatives, temperature, dtype=torch.float64, fraction=None) -> BankContrast:
    bank = MemoryBank(torch.as_tensor(labels), dim)
    return BankContrast(
        bank, positives=positives, negatives=negatives, temperature=temperature, positive_fraction=fraction
    ).to(dtype)


def contrast_of_case(case: dict, dtype=torch.float64) -> BankContrast:
    return contrast_of(
        case["slot_labels"], case["dim"], case["positive_num"], case["negative_num"], case["temperature"], dtype
    )


def step(contrast: BankContrast, features: Tensor, slots, labels, random_negatives=None, generator=None):
    """Write, score and reduce as the training branch does; also returns the active mask."""
    anchors, good = unit_vectors(features, contrast.bank.rows.dtype)
    contrast.bank.enrol(torch.as_tensor(slots), anchors, good)
    loss, active = contrast(
        anchors, good, torch.as_tensor(labels), random_negatives=random_negatives, generator=generator
    )
    return loss.sum() / active.sum().clamp(min=1), active


def slow_reference(units: Tensor, labels, contrast: BankContrast, draws: Tensor) -> Tensor:
    """The definition, row by row: cross-entropy with the positive as target among K + 1 similarities."""
    bank, temperature, k = contrast.bank, contrast.temperature, contrast.negatives
    rows = []
    for unit, label, draw in zip(units, labels, draws, strict=True):
        similarity = bank.rows @ unit
        p = int(contrast.positives[label])
        mates = [b for b in range(len(bank.rows)) if bank.enrolled[b] and bank.slot_labels[b] == label]
        others = [b for b in range(len(bank.rows)) if bank.enrolled[b] and bank.slot_labels[b] != label]
        if len(mates) < p or len(others) < k:
            continue
        hardest = sorted(mates, key=lambda b: similarity[b])[:p]
        hard = sorted(others, key=lambda b: -similarity[b])[:k]
        terms = [
            -torch.log_softmax(torch.cat([similarity[b, None], similarity[negatives]]) / temperature, 0)[0]
            for b in hardest
            for negatives in (hard, draw.tolist())
        ]
        rows.append(torch.stack(terms).mean())
    return torch.stack(rows).mean()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", STEPPED)
def test_every_step_of_the_oracle(name, dtype):
    case = CASES[name]
    close = {"atol": 1e-10, "rtol": 0} if dtype == torch.float64 else {"atol": 1e-6, "rtol": 2e-6}
    for steps in (case["steps"], case.get("steps_scaled", [])):
        contrast = contrast_of_case(case, dtype)
        for recorded in steps:
            features = torch.tensor(recorded["features"], dtype=dtype, requires_grad=True)
            k = case["negative_num"]
            draw = torch.tensor([anchor.get("random_negative_slots", [0] * k) for anchor in recorded["anchors"]])
            loss, active = step(contrast, features, recorded["slots"], recorded["labels"], draw)
            loss.backward()
            assert active.tolist() == [anchor["active"] for anchor in recorded["anchors"]]
            torch.testing.assert_close(loss.detach(), torch.tensor(recorded["loss"], dtype=dtype), **close)
            gradient = recorded["grad_features"] if active.any() else torch.zeros_like(features).tolist()
            torch.testing.assert_close(features.grad, torch.tensor(gradient, dtype=dtype), **close)
            torch.testing.assert_close(contrast.bank.rows, torch.tensor(recorded["bank_after"], dtype=dtype), **close)
            assert contrast.bank.enrolled.int().tolist() == recorded["enrolled_after"]


def test_default_sizes():
    case = CASES["default_sizes_closed_form"]
    contrast = contrast_of([0] * 512 + [1] * 512, 256, 128, 512, 0.8)
    j = torch.arange(1, 257, dtype=torch.float64)
    batches = [list(range(512 + 64 * b, 576 + 64 * b)) for b in range(8)]
    batches += [list(range(64 * b, 64 * b + 64)) for b in range(8)]
    batches += [[(37 * k + 5) % 1024 for k in range(64 * b, 64 * b + 64)] for b in range(4)]
    for recorded, slots in zip(case["results"], batches, strict=True):
        slot = torch.tensor(slots, dtype=torch.float64)[:, None]
        label = (slot >= 512).double()
        features = torch.sin(0.37 * (slot + 1) * j + 0.11 * recorded["visit"]) + 0.5 * torch.cos(
            0.013 * j * (1 + label)
        )
        loss, active = step(contrast, features, slots, label[:, 0].long())
        assert int(active.sum()) == recorded["n_active"]
        assert float(loss) == pytest.approx(recorded["loss"], abs=1e-10)


@pytest.mark.parametrize(
    ("positive", "negative", "bound"),
    [
        (1, -1, "all_pos_1_neg_minus1"),
        (1, 0, "pos_1_neg_0"),
        (1, 1, "all_equal"),
        (-1, 1, "pos_minus1_neg_1"),
    ],
)
def test_analytic_range(positive, negative, bound):
    contrast = contrast_of([0] * 129 + [1] * 512, 2, 128, 512, 0.8)
    angle = {1: (1.0, 0.0), 0: (0.0, 1.0), -1: (-1.0, 0.0)}
    contrast.bank.rows[:129] = torch.tensor(angle[positive], dtype=torch.float64)
    contrast.bank.rows[129:] = torch.tensor(angle[negative], dtype=torch.float64)
    contrast.bank.enrolled[:] = True
    loss, _ = step(contrast, torch.tensor([[2.0, 0.0]], dtype=torch.float64), [128], [0])
    assert float(loss) == pytest.approx(CASES["default_sizes_closed_form"]["bounds"][bound], abs=1e-12)


@pytest.fixture
def probed() -> tuple[BankContrast, dict]:
    case = CASES["hard_negatives_and_random_subset"]
    contrast = contrast_of_case(case)
    recorded = case["steps"][0]
    step(contrast, torch.tensor(recorded["features"], dtype=torch.float64), recorded["slots"], recorded["labels"])
    return contrast, case["single_anchor_probe"]


def test_every_possible_random_subset(probed):
    contrast, probe = probed
    features = torch.tensor(probe["features"], dtype=torch.float64)
    for possible in probe["possible"]:
        draw = torch.tensor([possible["random_negative_slots"]])
        loss, _ = step(contrast, features, [probe["slot"]], [probe["label"]], draw)
        assert float(loss) == pytest.approx(possible["loss"], abs=1e-10)


def test_random_negatives_are_a_uniform_draw_without_replacement(probed):
    contrast, probe = probed
    features = torch.tensor(probe["features"], dtype=torch.float64).expand(3000, -1)
    step(contrast, features[:1], [probe["slot"]], [probe["label"]])
    anchors, good = unit_vectors(features, torch.float64)
    generator = torch.Generator().manual_seed(0)
    losses, _ = contrast(anchors, good, torch.full((3000,), probe["label"]), generator=generator)
    seen = Counter(round(float(loss), 9) for loss in losses)
    expected = Counter(round(possible["loss"], 9) for possible in probe["possible"])
    assert set(seen) == set(expected)  # a repeated or unenrolled slot would give another value
    for value, subsets in expected.items():
        assert seen[value] / 3000 == pytest.approx(subsets / 15, abs=0.02)  # more than 4 standard deviations
    assert float(losses.mean()) == pytest.approx(probe["mean_over_subsets"], abs=0.02)


def test_closed_form_with_identical_negatives():
    case = CASES["identical_negatives"]
    recorded = case["steps"][0]
    features = torch.tensor(recorded["features"], dtype=torch.float64)
    loss, _ = step(contrast_of_case(case), features, recorded["slots"], recorded["labels"])
    first, second = log(1 + 2 * exp(-0.8 - 0.6)), log(1 + 2 * exp(-0.6))
    assert float(loss) == pytest.approx((first + second + 4 * log(1 + (exp(-0.8) + 1) * exp(-1))) / 6, abs=1e-10)


@pytest.mark.parametrize("fraction", [None, 0.5])
def test_agrees_with_the_definition_row_by_row(fraction):
    generator = torch.Generator().manual_seed(1)
    labels = torch.tensor([0] * 20 + [1] * 12 + [2] * 6 + [3] * 2)
    contrast = contrast_of(labels, 8, 6, 5, 0.3, fraction=fraction)
    features = torch.randn(40, 8, dtype=torch.float64, generator=generator)
    features[35] = 0.0  # its row stays unenrolled
    step(contrast, features[:39], torch.arange(39), labels[:39])
    slots = torch.tensor([0, 5, 21, 33, 38, 34])
    draws = torch.stack([(labels != labels[s]).nonzero()[:5, 0] for s in slots])
    batch = torch.randn(6, 8, dtype=torch.float64, generator=generator, requires_grad=True)
    loss, active = step(contrast, batch, slots, labels[slots], draws)
    # Class 2 has five enrolled rows: enough for half of its six slots, not for six. Class 3 has one of two.
    assert active.tolist() == [True, True, True, fraction is not None, fraction is not None, fraction is not None]
    reference = slow_reference(unit_vectors(batch, torch.float64)[0], labels[slots], contrast, draws)
    torch.testing.assert_close(loss, reference, atol=1e-10, rtol=0)
    torch.testing.assert_close(
        torch.autograd.grad(loss, batch)[0], torch.autograd.grad(reference, batch)[0], atol=1e-10, rtol=0
    )


def test_unusable_rows_neither_enrol_nor_spread():
    case = CASES["zero_feature_row"]
    contrast = contrast_of(case["slot_labels"], 2, 1, 1, 0.8)
    features = torch.tensor(case["features"], dtype=torch.float64, requires_grad=True)
    loss, active = step(contrast, features, case["slots"], case["slot_labels"])
    loss.backward()
    assert active.tolist() == [False, True, True, True]
    assert contrast.bank.enrolled.tolist() == [False, True, True, True]
    assert torch.isfinite(loss.detach())
    assert torch.isfinite(features.grad).all()
    assert features.grad[1:].any()

    kept = contrast.bank.rows[1].clone()
    loss, active = step(contrast, torch.full((1, 2), torch.nan, dtype=torch.float64), [1], [0])
    assert not active.any()
    assert torch.equal(contrast.bank.rows[1], kept)
    assert float(loss) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positives": 11, "negatives": 1}, "no class can ever be contrasted"),
        ({"positives": 1, "negatives": 21}, r"no class can ever be contrasted.* largest of 3 classes has 10 of 30"),
        ({"positives": 0}, "at least 1"),
        ({"temperature": 0.0}, "temperature positive"),
        ({"positive_fraction": 1.5}, r"must be in \(0, 1\], not 1.5"),
    ],
)
def test_settings_that_cannot_work_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        BankContrast(MemoryBank(LABELS, 4), **options)


def branch_of(**options) -> CSRELoss:
    torch.manual_seed(3)
    return CSRELoss(SHAPE, LABELS, positives=4, negatives=6, dim=8, **options)


def batches(count: int, size: int = 10):
    generator = torch.Generator().manual_seed(7)
    for _ in range(count):
        slots = torch.randperm(len(LABELS), generator=generator)[:size]
        yield torch.randn(size, *SHAPE, generator=generator), LABELS[slots], slots


@pytest.mark.parametrize(("weight", "key"), [(0.5, "total_released_code"), (1.0, "total_paper_formula")])
def test_total_loss_of_the_code_and_of_the_paper(weight, key):
    class Fixed(torch.nn.Module):
        def __init__(self, contrast: BankContrast, value: float) -> None:
            super().__init__()
            self.bank, self.value = contrast.bank, value

        def forward(self, anchors, good, labels, **_):
            return torch.full((len(labels),), self.value), good

    case = CASES["total_loss"]
    branch = branch_of(weight=weight)
    branch.spatial = Fixed(branch.spatial, case["loss_spatial"])
    branch.temporal = Fixed(branch.temporal, case["loss_temporal"])
    loss, _ = branch(*next(batches(1)))
    cross_entropy = torch.nn.functional.cross_entropy(torch.tensor(case["logits"]), torch.tensor(case["labels"]))
    assert float(cross_entropy + loss) == pytest.approx(case[key], rel=1e-6)


def test_branch_is_the_weighted_sum_over_both_banks():
    branch = branch_of(weight=0.7)
    parts = [contrast_of(LABELS, 8, 4, 6, 0.8, torch.float32) for _ in range(2)]
    draw = torch.stack([(label != LABELS).nonzero()[:6, 0] for label in range(3)])
    for features, labels, slots in batches(6):
        loss, active = branch(features, labels, slots, random_negatives=(draw[labels], draw[labels]))
        expected = [
            step(part, vector, slots, labels, draw[labels])
            for part, vector in zip(parts, branch.head(features), strict=True)
        ]
        torch.testing.assert_close(loss, 0.7 * (expected[0][0] + expected[1][0]))
        assert int(active) == int(expected[0][1].sum())
    assert int(active) == 10


def test_inactive_loss_is_zero_but_connected():
    branch = branch_of()
    features, labels, slots = next(batches(1, size=3))
    features.requires_grad_()
    loss, active = branch(features, labels, slots)
    loss.backward()
    assert (loss.tolist(), int(active), loss.shape) == (0.0, 0, ())
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in branch.parameters())
    assert not features.grad.any()


def test_gradient_reaches_the_encoder_and_the_whole_head():
    branch = branch_of()
    for features, labels, slots in batches(6):
        features.requires_grad_()
        loss, _ = branch(features, labels, slots)
    loss.backward()
    assert features.grad.flatten(1).any(1).all()
    assert all(parameter.grad.any() for parameter in branch.parameters())


def test_autocast_is_left_after_the_head():
    branch, part = branch_of(weight=1.0), contrast_of(LABELS, 8, 4, 6, 0.8, torch.float32)
    draw = torch.stack([(label != LABELS).nonzero()[:6, 0] for label in range(3)])
    branch.temporal = branch.spatial  # scored twice, so that one part says what to expect
    for features, labels, slots in batches(6):
        with torch.autocast("cpu", torch.bfloat16):
            vectors = branch.head(features)
            loss, _ = branch(features, labels, slots, random_negatives=(draw[labels], draw[labels]))
        assert vectors[0].dtype == torch.bfloat16
        expected = [step(part, vector.float(), slots, labels, draw[labels])[0] for vector in vectors]
        torch.testing.assert_close(loss, sum(expected), atol=0, rtol=1e-6)
    assert loss.dtype == torch.float32
    assert loss > 0


def test_no_wait_for_the_device():
    class NoWait(TorchDispatchMode):
        """Operators that copy a value to the host or whose output size depends on values."""

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            name = func.overloadpacket._qualified_op_name
            assert name not in {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"}
            return func(*args, **(kwargs or {}))

    branch = branch_of(positive_fraction=0.5)
    with NoWait():
        for features, labels, slots in batches(4):
            loss, _ = branch(features.requires_grad_(), labels, slots)
            loss.backward()
    assert float(loss) > 0


def test_random_negatives_depend_on_seed_and_call():
    def losses(seed: int) -> list[float]:
        branch = branch_of(seed=seed)
        return [float(branch(*batch)[0]) for batch in batches(6)]

    assert losses(0) == losses(0)
    assert losses(0)[-1] != losses(1)[-1]

    branch = branch_of()
    for batch in batches(6):
        branch(*batch)
    assert float(branch(*batch)[0]) != float(branch(*batch)[0])


def test_resume_continues_with_equal_losses():
    straight, stopped = branch_of(), branch_of()
    done = list(batches(8))
    expected = [branch_loss for branch_loss, _ in (straight(*batch) for batch in done)]
    for batch in done[:5]:
        stopped(*batch)
    resumed = branch_of()
    resumed.load_state_dict(stopped.state_dict())
    resumed.load_training_state(stopped.training_state())
    for batch, loss in zip(done[5:], expected[5:], strict=True):
        assert torch.equal(resumed(*batch)[0], loss)


def test_saved_state_is_a_copy():
    branch = branch_of()
    state = branch.training_state()
    branch(*next(batches(1)))
    assert not state["spatial"]["enrolled"].any()


def test_banks_are_not_part_of_the_model():
    branch = branch_of()
    assert set(branch.state_dict()) == {f"head.{name}" for name, _ in branch.head.named_parameters()}
    assert {"spatial.bank.rows", "temporal.bank.enrolled"} <= set(branch.bank_buffers())

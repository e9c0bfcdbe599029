"""The data modules: who trains, who validates, who tests; the mixture; augmentation of training batches only."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models.data.augment import Augmentation
from models.data.clips import DATA_SETS, Clip
from models.data.live import LiveData
from models.data.mixing import mix
from models.data.protocol import ProtocolData
from models.data.windows import WindowKind

LABELS = Path(__file__).parents[2] / "models" / "configs" / "labels_live.yaml"


def mini_live(root: Path, **options: object) -> LiveData:
    settings = {"sets": ["utd_mhad"], "batch_size": 16, "epoch_windows": 4000, "workers": 0} | options
    data = LiveData(root=root, labels_file=LABELS, **settings)  # type: ignore[arg-type]
    data.setup()
    return data


@pytest.fixture(scope="module")
def live(mini_root: Path) -> LiveData:
    return mini_live(mini_root)


def people(clips: list[Clip]) -> set[int]:
    return {clip.subject for clip in clips if clip.source != "desk"}


def test_parts_share_nobody(live: LiveData) -> None:
    assert people(live.parts["train"].clips) == {1, 3, 5}
    assert people(live.parts["val"].clips) == {7}
    assert people(live.parts["test"].clips) == {2, 4, 6, 8}


def test_desk_clips_are_negatives_without_the_pushes(live: LiveData) -> None:
    desk = {part: [c for c in live.parts[part].clips if c.source == "desk"] for part in ("train", "val", "test")}
    assert {clip.label for clips in desk.values() for clip in clips} == {"hello"}
    assert [clip.name for clip in desk["val"]] == ["desk000"]  # every fifth; desk005 is a push
    assert len(desk["train"]) == 4
    assert not desk["test"]


def test_the_test_part_is_plain_clips(live: LiveData) -> None:
    slots = torch.cat([batch.slot for batch in live.test_dataloader()])
    assert len(slots) == 4 * 4 * 2  # subjects, actions, trials
    assert {live.parts["test"].items[slot].kind for slot in slots.tolist()} == {WindowKind.CLIP}
    assert all(
        batch.label.tolist() == [live.parts["test"].items[slot].label for slot in batch.slot]
        for batch in live.test_dataloader()
    )


def test_slots_are_the_training_items(live: LiveData) -> None:
    batch = next(iter(live.train_dataloader()))
    assert torch.equal(live.slot_labels[batch.slot], batch.label)
    assert len(live.slot_labels) == len(live.parts["train"])
    assert live.classes[int(live.slot_labels.max())] == "swipe_right"


def test_epochs_follow_the_mixture(live: LiveData) -> None:
    """Within four standard deviations of 4000 draws."""
    drawn = Counter()
    for _, index in live.train_dataloader().sampler:
        item = live.parts["train"].items[index]
        desk = item.kind is WindowKind.CLIP and live.parts["train"].clips[item.clip].source == "desk"
        drawn["desk" if desk else item.kind.value] += 1
    for name, share in live.mixture.items():
        assert abs(drawn[name] / 4000 - share) < 4 * np.sqrt(share * (1 - share) / 4000), name


def test_a_wrong_mixture_is_refused(mini_root: Path) -> None:
    with pytest.raises(ValueError, match="unknown kinds"):
        mini_live(mini_root, mixture={"clips": 1.0}).train_dataloader()


@pytest.mark.parametrize("training", [True, False])
def test_only_training_batches_are_augmented(training: bool, live: LiveData, mini_root: Path) -> None:
    for data in (live, ProtocolData(root=mini_root, steps=8, workers=0)):
        batch = next(iter(data.val_dataloader()))
        data.trainer = SimpleNamespace(training=training, global_step=0)  # type: ignore[assignment]
        changed = data.on_after_batch_transfer(batch, 0)
        data.trainer = None
        assert torch.equal(changed.positions, batch.positions) != training
        assert torch.equal(changed.label, batch.label)
        assert changed.positions.shape == batch.positions.shape


def test_leg_actions_keep_their_legs(mini_root: Path) -> None:
    """Where every other window loses its legs, squats do not."""
    data = mini_live(mini_root, augmentation=Augmentation(no_legs=1.0, no_arm=0, holes=0), batch_size=200)
    batch = next(iter(data.val_dataloader()))
    ankles = data.augment(batch).confidence[:, 0, :, data.layout.index["left_ankle"]]
    squats = batch.label == data.labels.index("squat")
    assert 0 < squats.sum() < len(squats)
    assert (ankles[squats] == 1).all()
    assert (ankles[~squats] == 0).all()


def test_terms_travel_with_the_data(live: LiveData, mini_root: Path) -> None:
    assert live.terms[0] == {"name": "utd_mhad", "terms": DATA_SETS["utd_mhad"].terms}
    assert "not redistributed" in live.terms[1]["terms"]
    assert ProtocolData(root=mini_root, workers=0).terms == live.terms[:1]


@pytest.mark.parametrize("hold_out", [True, False])
def test_the_standard_split(hold_out: bool, mini_root: Path) -> None:
    parts = ProtocolData(root=mini_root, hold_out=hold_out, workers=0).parts
    assert people(parts["train"].clips) == ({1, 3, 5} if hold_out else {1, 3, 5, 7})
    assert people(parts["val"].clips) == {7}
    assert people(parts["test"].clips) == {2, 4, 6, 8}


def test_protocol_classes_are_the_set_s_own(mini_root: Path) -> None:
    data = ProtocolData(root=mini_root, workers=0)
    assert data.classes == ("push", "squat", "swipe_left", "wave")
    assert data.slot_labels.tolist() == [data.classes.index(clip.label) for clip in data.parts["train"].clips]


def test_rotation_is_rigid_and_about_the_vertical_and_lateral_axis(mini_root: Path) -> None:
    data = ProtocolData(root=mini_root, steps=8, workers=0, rotation_deg=40)
    batch = next(iter(data.test_dataloader()))
    turned = data.augment(batch).positions
    between = [torch.cdist(p[:, 0], p[:, 0]) for p in (batch.positions, turned)]
    torch.testing.assert_close(between[1], between[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(turned.norm(dim=-1), batch.positions.norm(dim=-1))


def test_blended_clips_and_labels_have_the_same_shares(mini_root: Path) -> None:
    data = ProtocolData(root=mini_root, steps=8, workers=0)
    batch = next(iter(data.test_dataloader()))
    batch = batch._replace(label=torch.arange(len(batch.label)))
    mixed = mix(batch, 1.0)
    assert sorted(mixed.partner.tolist()) == batch.label.tolist()
    assert 0.2 < mixed.share.mean() < 0.8
    assert mixed.share.min() >= 0
    assert mixed.share.max() <= 1
    for row, (share, partner) in enumerate(zip(mixed.share, mixed.partner, strict=True)):
        expected = share * batch.positions[row] + (1 - share) * batch.positions[partner]
        torch.testing.assert_close(mixed.positions[row], expected)
    assert (mixed.confidence <= batch.confidence).all()


def test_blended_clips_are_turned_with_the_first_of_the_two(mini_root: Path) -> None:
    """A clip blended with itself is the clip; turned apart, it would be flattened."""
    data = ProtocolData(root=mini_root, steps=8, workers=0, rotation_deg=90, mixup=1.0)
    batch = next(iter(data.test_dataloader()))
    batch = batch._replace(positions=batch.positions[:1].expand_as(batch.positions))
    turned = data.augment(batch)
    assert turned.mixed is not None
    torch.testing.assert_close(turned.mixed.positions, turned.positions)
    assert not torch.allclose(turned.positions[0], turned.positions[1], atol=0.01)
    assert ProtocolData(root=mini_root, steps=8, workers=0).augment(batch).mixed is None


def test_a_set_without_a_split_is_refused(mini_root: Path, tmp_path: Path) -> None:
    with np.load(mini_root / "utd_mhad.npz") as data:
        np.savez(tmp_path / "utkinect.npz", **{key: data[key] for key in data.files if key != "split"})
    with pytest.raises(ValueError, match="data set 'utkinect' has no standard split; choose one that has"):
        ProtocolData("utkinect", tmp_path)


@pytest.mark.slow
def test_real_parts_share_no_recording(shared_data: Path) -> None:
    """Twins that NW-UCLA holds under two names would leak; so would a person on both sides."""
    data = LiveData(root=shared_data, labels_file=LABELS, workers=0)
    data.setup()
    seen: dict[bytes, str] = {}
    for part in ("train", "val", "test"):
        for clip in data.parts[part].clips:
            assert seen.setdefault(clip.positions.tobytes(), part) == part, clip.name
    subjects = {
        part: {(c.source, c.subject) for c in data.parts[part].clips if c.source != "desk"}
        for part in ("train", "val", "test")
    }
    assert (
        not subjects["train"] & subjects["val"]
        | subjects["train"] & subjects["test"]
        | subjects["val"] & subjects["test"]
    )
    assert {source for source, _ in subjects["val"]} == set(DATA_SETS)
    assert {data.classes[item.label] for item in data.parts["train"].items} == set(data.classes)
    assert {data.classes[item.label] for item in data.parts["val"].items} >= set(data.classes) - {"swipe_right"}

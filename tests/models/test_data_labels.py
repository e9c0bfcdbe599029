"""The label table of the live bundles, and what a table may not say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.data.clips import DATA_SETS, read_clips
from models.data.labels import LabelMap, plain_labels, read_labels

LIVE = read_labels(Path(__file__).parents[2] / "models" / "configs" / "labels_live.yaml")


def test_the_live_table() -> None:
    assert set(LIVE.sources) == set(DATA_SETS)
    assert LIVE.background == {"idle", "other"}
    taught = {label for classes in LIVE.sources.values() for label in classes.values()}
    assert set(LIVE.names) - taught == {"idle"}  # synthetic windows teach that
    assert not LIVE.background & LIVE.leg_actions


def test_no_action_lost_its_meaning() -> None:
    """Spot checks of entries that read alike."""
    assert LIVE.of("utd_mhad", "sit2stand") == "stand_up"
    assert LIVE.of("utd_mhad", "stand2sit") == "sit_down"
    assert LIVE.of("msr_action3d", "two hand wave") == "wave_two_hands"
    assert LIVE.of("msr_action3d", "forward punch") == "punch"
    assert LIVE.of("precog", "none") == "other"  # not a YAML null
    assert LIVE.of("utd_mhad", "pickup_throw") is None


@pytest.mark.parametrize("labels", [LIVE, plain_labels("utd_mhad", ["a", "b"])], ids=["live", "plain"])
def test_a_mirror_in_a_mirror_changes_nothing(labels: LabelMap) -> None:
    assert [labels.mirror_of(labels.mirror_of(name)) for name in labels.names] == list(labels.names)


def test_swipes_change_sides() -> None:
    assert LIVE.mirror_of("swipe_left") == "swipe_right"
    assert LIVE.mirror_of("wave") == "wave"


def test_indices_follow_the_list() -> None:
    assert [LIVE.index(name) for name in LIVE.names] == list(range(len(LIVE.names)))


@pytest.mark.parametrize(("source", "label"), [("utd_mhad", "yoga"), ("ntu", "wave")])
def test_a_class_without_entry_is_refused(source: str, label: str) -> None:
    with pytest.raises(ValueError, match=f"no entry for class '{label}' of data set '{source}'"):
        LIVE.of(source, label)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown label 'yoga'; choose one of: idle, other, wave"):
        LIVE.index("yoga")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"background": frozenset({"idel"})}, r"labels \['idel'\] are not in the label list"),
        ({"leg_actions": frozenset({"hop"})}, r"labels \['hop'\] are not"),
        ({"mirrored": {"wave": "evaw"}}, r"labels \['evaw'\] are not"),
        ({"sources": {"utd_mhad": {"wave": "hello"}}}, r"labels \['hello'\] are not"),
        ({"names": (*LIVE.names, "wave")}, "repeats a label"),
        ({"mirrored": {"swipe_left": "swipe_right"}}, r"mirrored twice, \['swipe_left'\] become other labels"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(LIVE, **change)


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_real_class_has_an_entry(name: str, shared_data: Path) -> None:
    classes = {clip.label for clip in read_clips(name, shared_data)}
    assert classes == set(LIVE.sources[name])
    assert {LIVE.of(name, label) for label in classes} <= {*LIVE.names, None}

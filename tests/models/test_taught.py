"""Movements that are left out of a training, the suite that teaches them, and hands that are held up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.data.clips import Clip
from models.data.streams.compose import Composition
from models.data.streams.held_hands import held
from models.data.streams.labels import read_stream_labels
from models.data.streams.module import StreamData
from models.data.synthesis import BODY
from models.data.taught import TAUGHT, read_unknown
from models.experiments import live
from models.experiments import taught as module
from models.experiments.taught import read_runs, taught
from models.export.unknown import auroc, unknown

TABLE = read_stream_labels(Path("models/configs/labels_stream.yaml"))


def test_a_class_is_left_out_of_every_set_with_its_mirror_image() -> None:
    left = TABLE.without({"utd_mhad": ["wave", "swipe_left", "knock"]})
    assert set(TABLE.names) - set(left.names) == {"wave", "swipe_left", "swipe_right"}
    assert (left.of("msr_action3d", "high arm wave"), left.of("mocap", "wave-left-hand")) == (None, None)
    assert left.of("utd_mhad", "swipe_right") is None
    assert "other/knock" not in left.classes
    assert left.families == (("wave_two_hands", "raise_hand"),)
    assert left.mirrored == {}


def test_a_class_without_a_label_takes_nothing_with_it() -> None:
    assert TABLE.without({"utd_mhad": ["pickup_throw"]}) == TABLE.without({})


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(ValueError, match="no entry for class 'wavee' of data set 'utd_mhad'"):
        TABLE.without({"utd_mhad": ["wavee"]})


def test_what_is_made_up_goes_with_its_labels() -> None:
    how = Composition()
    assert how.of(TABLE) == how
    no_wave = how.of(TABLE.without({"utd_mhad": ["wave"]}))
    assert (no_wave.wave, no_wave.greeting, no_wave.move) == (0, 0, how.move)
    assert how.of(TABLE.without({"utd_mhad": ["squat"]})).move == 0


def test_a_continuous_set_that_holds_what_is_left_out_is_not_trained_on() -> None:
    assert "precog" in StreamData().mixture
    data = StreamData(left_out={"utd_mhad": ["boxing"]})
    assert set(StreamData().mixture) - set(data.mixture) == {"precog"}
    assert data.identity.endswith("without boxing")


def test_every_set_of_the_suite_can_be_left_out() -> None:
    runs = read_runs(TAUGHT)
    named = [kind.format(one) for kind in ("utd_{}", "union_{}") for one in "abcde"]
    assert [run.name for run in runs] == ["others", *named]
    for run in runs:
        left_out = run.settings["data.init_args.left_out"]
        table = TABLE.without(left_out)
        assert all(table.of(source, name) is None for source, names in left_out.items() for name in names)
        if run.name.startswith("utd"):
            assert [len(names) for names in left_out.values()] == [7]


# Labels of at least twenty clips of even subjects, all sets together.
_OFTEN = [
    "clap", "draw_circle", "draw_x", "kick", "pick_up", "punch", "push", "run", "sit_down", "stand_up", "throw", "walk",
    "wave", "wave_two_hands",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_five_labels_of_the_union_are_drawn_by_a_seed(seed: int) -> None:
    left = TABLE.without(read_unknown()["union_" + "abcde"[seed]])
    drawn = np.random.default_rng(seed).choice(_OFTEN, 5, replace=False)
    assert set(_OFTEN) - set(left.names) == set(drawn)


def test_a_set_is_trained_exported_plainly_and_taught_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, ...]] = []

    def call(*arguments: str) -> None:
        called.append(arguments)
        options = dict(argument.split("=", 1) for argument in arguments[1:])
        if arguments[0] == "fit":
            name = options["--trainer.logger.init_args.version"]
            (Path(options["--trainer.logger.init_args.save_dir"]) / "taught" / name).mkdir(parents=True)
        if "--output" in options and arguments[0] != "export-stream":
            Path(options["--output"]).parent.mkdir(parents=True, exist_ok=True)
            Path(options["--output"]).write_text("{}")

    monkeypatch.setattr(live, "call", call)
    monkeypatch.setattr(module, "call", call)
    for _ in range(2):
        taught(tmp_path, tmp_path / "runs", ["utd_a"], tmp_path / "results")
    chain = ["fit", "export-stream", "open-set"]
    assert [step[0] for step in called] == [*chain, "unknown", "teach", "activations"]
    assert "--plain=true" in called[1]
    assert "--without=utd_a" in called[3]
    assert "--sets=[utd_a]" in called[4]
    assert {"--without=utd_a", "--reaches=[0.6, 0.75, 0.9]"} < set(called[5])
    called.clear()
    taught(tmp_path, tmp_path / "runs", ["union_a"], tmp_path / "results")
    assert [step[0] for step in called] == [*chain, "unknown"]


def test_an_unknown_set_of_the_suite_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no set utd_z; choose from: others, utd_a"):
        taught(tmp_path, only=["utd_z"])


def test_a_set_that_nothing_is_measured_without_is_named() -> None:
    with pytest.raises(ValueError, match="unknown set 'utd_z'; choose among: others, utd_a"):
        unknown("default", "utd_z")


def raised(up_frames: int) -> Clip:
    """A left hand that goes up in half a second and stays there."""
    positions = np.zeros((15 + up_frames, len(BODY), 3), np.float32)
    wrist = BODY.index["left_wrist"]
    positions[:, wrist, 1] = np.r_[np.linspace(0.5, -0.4, 15), np.full(up_frames, -0.4)]
    seen = np.ones(positions.shape[:2], np.float32)
    return Clip(positions, seen, 30.0, "raise-up-left-hand", 0, "mocap", "one_active_001", layout=BODY)


def test_a_hand_is_held_from_when_it_rests_at_the_top() -> None:
    part = held(raised(30))
    assert part is not None
    assert (part.start, part.stop) == (15, 45)


def test_a_hand_that_does_not_stay_is_no_posture() -> None:
    assert held(raised(8)) is None


def test_the_area_counts_pairs_in_the_right_order_and_equal_ones_half() -> None:
    scores, unseen = np.array([3.0, 1.0, 2.0, 1.0]), np.array([False, False, True, True])
    assert auroc(scores, unseen) == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert auroc(np.array([-np.inf, -np.inf]), np.array([False, True])) == 0.5

"""Which windows a set of clips supports, and how each one is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csre_ros.recognition.window import PersonWindow
from csre_ros.skeleton import FloatArray, get_layout, mirror
from models.data.clips import Clip
from models.data.labels import read_labels
from models.data.synthesis import BODY, arm, hips, legs
from models.data.windows import Item, WindowDataset, WindowKind, WindowSpec, clip_at, item_weights, live_items, to_body

LABELS = read_labels(Path(__file__).parents[2] / "models" / "configs" / "labels_live.yaml")
SPEC = WindowSpec(2.0, 32)
J = BODY.index
COCO = get_layout("coco17")
MakeClip = Callable[..., Clip]


def windows(clips: list[Clip], items: list[Item], fixed: bool = False, seed: int = 0) -> WindowDataset:
    return WindowDataset(clips, items, LABELS, SPEC, seed, fixed)


def still(clip: Clip) -> Clip:
    """The clip's first frame, over and over."""
    return replace(clip, positions=np.repeat(clip.positions[:1], len(clip), axis=0))


@pytest.fixture
def clips(make_clip: MakeClip) -> list[Clip]:
    kinds = [make_clip(action, subject) for action in ("wave", "swipe_left", "push", "squat") for subject in (1, 2, 3)]
    return to_body([*kinds, make_clip("wave", 4, source="desk")])


# --- resampling ---


def test_a_clip_is_clip_atd_as_the_runtime_would(make_clip: MakeClip) -> None:
    """Fed frame by frame into a person's window, the clip gives the same window; unseen joints are 0 instead of NaN."""
    (clip,) = to_body([make_clip()])
    rng = np.random.default_rng(0)
    confidence = (rng.random(clip.confidence.shape) * (rng.random(clip.confidence.shape) > 0.4)).astype(np.float32)
    confidence[:, J["left_wrist"]] = 0
    clip = replace(clip, confidence=confidence, positions=np.where(confidence[..., None] > 0, clip.positions, 0))
    live = PersonWindow(len(BODY), 3, window_s=1.0)
    for i in range(len(clip)):
        live.step(round(i * 1e9 / clip.rate), clip.positions[i], clip.confidence[i])
    last = (len(clip) - 1) / clip.rate
    positions, seen = clip_at(clip, np.linspace(last - 1, last, 16))
    expected, expected_seen = live.sample(16)
    np.testing.assert_allclose(seen, expected_seen, atol=1e-5)
    # At an instant on a frame, a nanosecond decides whether a joint that vanishes there still weighs anything.
    np.testing.assert_allclose(positions[seen > 1e-3], expected[seen > 1e-3], atol=1e-5)
    assert np.isfinite(positions).all()
    assert (positions[:, J["left_wrist"]] == 0).all()


def test_outside_of_the_clip_it_stands_still(make_clip: MakeClip) -> None:
    clip = make_clip()
    positions, _ = clip_at(clip, np.array((-5.0, 0.0, clip.seconds, 99.0), np.float32))
    np.testing.assert_array_equal(positions, clip.positions[[0, 0, -1, -1]])


def test_a_clip_of_one_frame(make_clip: MakeClip) -> None:
    clip = make_clip()
    one = replace(clip, positions=clip.positions[:1], confidence=clip.confidence[:1])
    positions, confidence = clip_at(one, np.linspace(-1, 1, 5))
    np.testing.assert_array_equal(positions, np.repeat(one.positions, 5, axis=0))
    assert (confidence == 1).all()


# --- items ---


def test_the_items_of_every_clip(clips: list[Clip]) -> None:
    items = live_items(clips, LABELS)
    names = [
        [(item.kind.value, LABELS.names[item.label], item.mirror, item.arms) for item in items if item.clip == i]
        for i in range(len(clips))
    ]
    assert names[0] == [("still", "idle", 0.5, 1), ("wave", "wave", 0.5, 1), ("clip", "wave", 0.5, 1)]
    assert names[4] == [
        ("still", "idle", 0.5, 1), ("wave", "wave_two_hands", 0.5, 2),
        ("clip", "swipe_left", 0.0, 1), ("clip", "swipe_right", 1.0, 1),
    ]  # fmt: skip
    assert names[11] == [
        ("still", "idle", 0.5, 1), ("raised", "other", 0.5, 2), ("clip", "squat", 0.5, 1), ("legless", "other", 0.5, 1)
    ]  # fmt: skip
    assert names[12] == [("still", "idle", 0.5, 1), ("wave", "wave", 0.5, 1), ("clip", "other", 0.5, 1)]  # desk


def test_clips_of_two_actions_lend_only_their_body(make_clip: MakeClip) -> None:
    items = live_items([replace(make_clip(), label="pickup_throw")], LABELS)
    assert [item.kind for item in items] == [WindowKind.STILL, WindowKind.WAVE]


def test_labels_are_constant_per_slot(clips: list[Clip]) -> None:
    """A memory-bank row belongs to one class, whatever chance does to the window."""
    dataset = windows(clips, live_items(clips, LABELS))
    for index, item in enumerate(dataset.items):
        samples = [dataset[draw, index] for draw in range(4)]
        assert {(label, slot) for _, _, label, slot in samples} == {(item.label, index)}


def test_a_mirrored_swipe_to_the_left_is_one_to_the_right(clips: list[Clip]) -> None:
    dataset = windows(clips, live_items(clips, LABELS))
    for index, item in enumerate(dataset.items):
        if item.kind is not WindowKind.CLIP or clips[item.clip].label != "swipe_left":
            continue
        moves = {}
        for side in ("left", "right"):
            x = np.array([dataset[draw, index][0][:, J[f"{side}_wrist"], 0] for draw in range(6)])
            moves[side] = (x[:, -1] - x[:, 0]).mean()
        if LABELS.names[item.label] == "swipe_left":
            assert moves["right"] > 0.2 > abs(moves["left"])
        else:
            assert LABELS.names[item.label] == "swipe_right"
            assert moves["left"] < -0.2 < -abs(moves["right"])


def test_other_labels_are_mirrored_half_of_the_time(clips: list[Clip]) -> None:
    """A raised right hand becomes a raised left one."""
    dataset = windows(clips, [Item(WindowKind.CLIP, 0, LABELS.index("wave"))])
    left = [
        positions[16, J["left_wrist"], 1] < positions[16, J["right_wrist"], 1]
        for positions, _, _, _ in (dataset[draw, 0] for draw in range(200))
    ]
    assert 70 < sum(left) < 130


# --- kinds ---


def test_the_shape_of_a_sample(clips: list[Clip]) -> None:
    positions, confidence, label, slot = windows(clips, live_items(clips, LABELS))[0, 3]
    assert (positions.shape, confidence.shape) == ((32, 13, 3), (32, 13))
    assert positions.dtype == confidence.dtype == np.float32
    assert isinstance(label, int)
    assert slot == 3


def test_still_windows_stay_within_a_quarter_of_a_second(clips: list[Clip]) -> None:
    dataset = windows(clips, [Item(WindowKind.STILL, 2, 0, mirror=0.0)])
    for draw in range(5):
        positions = dataset[draw, 0][0]
        first = clips[2].positions[:9]  # 0.25 s at 30 Hz
        margin = 1e-5
        assert (positions >= first.min(axis=0) - margin).all()
        assert (positions <= first.max(axis=0) + margin).all()


def moved(positions: FloatArray, joint: str) -> float:
    return float(np.ptp(positions[:, J[joint]], axis=0).max())


@pytest.mark.parametrize(("kind", "moving"), [(WindowKind.WAVE, True), (WindowKind.RAISED, False)])
@pytest.mark.parametrize("arms", [1, 2])
def test_waves_move_and_raised_arms_do_not(kind: WindowKind, moving: bool, arms: int, clips: list[Clip]) -> None:
    body = [still(clips[6])]
    dataset = windows(body, [Item(kind, 0, 2, mirror=0.0, arms=arms)])
    swung = []
    for draw in range(40):
        positions, confidence, _, _ = dataset[draw, 0]
        raised = [
            side
            for side in ("left", "right")
            if not np.allclose(positions[-1, arm(side)], body[0].positions[0, arm(side)])
        ]
        assert raised == (["left", "right"] if arms == 2 else ["right"])
        assert moved(positions, "left_ankle") < 1e-5
        assert (confidence == 1).all()
        swung.append(np.ptp(positions[16:, J["right_wrist"]], axis=0).max())  # whatever the onset did before
    assert (np.median(swung) > 0.1) == moving


def test_a_synthetic_arm_is_as_visible_as_its_shoulder(clips: list[Clip]) -> None:
    confidence = clips[0].confidence.copy()
    confidence[:, arm("right")] = (0.8, 0.1, 0.0)
    dataset = windows([replace(clips[0], confidence=confidence)], [Item(WindowKind.WAVE, 0, 2, mirror=0.0)])
    found = dataset[1, 0][1]
    np.testing.assert_allclose(found[:, arm("right")], 0.8, atol=1e-6)
    assert (found[:, legs()] == 1).all()


def test_legless_windows_have_no_legs_and_sometimes_no_hips(clips: list[Clip]) -> None:
    dataset = windows(clips, [Item(WindowKind.LEGLESS, 9, 1)])
    hips_seen = []
    for draw in range(40):
        confidence = dataset[draw, 0][1]
        assert (confidence[:, legs()] == 0).all()
        assert (confidence[:, [*arm("left"), *arm("right"), J["head"]]] == 1).all()
        hips_seen.append(bool(confidence[:, hips()].any()))
    assert 8 < sum(hips_seen) < 32


def test_leg_actions_borrow_arms_half_of_the_time(clips: list[Clip]) -> None:
    """The legs are the clip's own in every window; the arms often are not, and never come from a desk."""
    squat, donors = still(clips[9]), [clips[0], clips[12]]
    assert donors[1].source == "desk"
    dataset = windows([squat, *donors], [Item(WindowKind.CLIP, 0, LABELS.index("squat"), mirror=0.0)])
    foreign = 0
    for draw in range(120):
        positions = dataset[draw, 0][0]
        np.testing.assert_allclose(
            positions[:, [*legs(), *hips()]], squat.positions[:32, [*legs(), *hips()]], atol=1e-5
        )
        foreign += moved(positions, "right_wrist") > 1e-4
    # Half of the windows ask for a donor; one clip of three is the squat itself, and one is from the desk.
    assert 120 / 6 * 0.5 < foreign < 120 / 6 * 1.6
    arms_only = windows([squat, *donors], [Item(WindowKind.CLIP, 0, LABELS.index("push"), mirror=0.0)])
    assert all(moved(arms_only[draw, 0][0], "right_wrist") < 1e-4 for draw in range(20))


def test_windows_show_most_of_the_action(make_clip: MakeClip) -> None:
    """A marker that rises with the clip's own time: every window sees at least 60 % of a clip shorter than itself."""
    (clip,) = to_body([make_clip()])
    marked = clip.positions.copy()
    marked[:, J["head"], 0] = np.arange(len(clip)) / (len(clip) - 1)
    dataset = windows([replace(clip, positions=marked)], [Item(WindowKind.CLIP, 0, 2, mirror=0.0)])
    seen = np.array([dataset[draw, 0][0][:, J["head"], 0] for draw in range(100)])
    shares = seen.max(axis=1) - seen.min(axis=1)
    assert shares.min() > 0.6
    assert len(np.unique(shares.round(3))) > 20  # and cuts differ


# --- chance ---


def test_fixed_windows_never_change(clips: list[Clip]) -> None:
    items = [item for item in live_items(clips, LABELS) if item.mirror < 1]
    dataset = windows(clips, items, fixed=True)
    for index, item in enumerate(items):
        first, again = dataset[index], dataset[index]
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(first[1], again[1])
        if item.kind is WindowKind.CLIP:  # the middle of the clip, unmirrored, with its own arms
            clip = clips[item.clip]
            end = (0.8 * min(2, clip.seconds) + clip.seconds + 0.3) / 2
            np.testing.assert_allclose(first[0], clip_at(clip, np.linspace(end - 2, end, 32))[0], atol=1e-4)


@pytest.mark.parametrize("kind", [WindowKind.CLIP, WindowKind.WAVE, WindowKind.STILL])
def test_draws_differ_and_are_reproducible(kind: WindowKind, clips: list[Clip]) -> None:
    item = Item(kind, 0, 2)
    dataset, same, other = (windows(clips, [item], seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(dataset[5, 0][0], same[5, 0][0])
    np.testing.assert_array_equal(dataset[5, 0][0], dataset[5, 0][0])
    assert not np.array_equal(dataset[5, 0][0], dataset[6, 0][0])
    assert not np.array_equal(dataset[5, 0][0], other[5, 0][0])


def test_items_have_streams_of_their_own(clips: list[Clip]) -> None:
    dataset = windows(clips, [Item(WindowKind.WAVE, 0, 2, mirror=0.0)] * 2)
    assert not np.array_equal(dataset[5, 0][0], dataset[5, 1][0])


# --- mixture ---


def test_weights_sum_to_the_mixture(clips: list[Clip]) -> None:
    items = live_items(clips, LABELS)
    mixture = {"clip": 0.5, "still": 0.1, "wave": 0.15, "raised": 0.1, "legless": 0.05, "desk": 0.1}
    weights = item_weights(items, clips, mixture)
    desk = np.array([item.kind is WindowKind.CLIP and clips[item.clip].source == "desk" for item in items])
    for name, share in mixture.items():
        inside = desk if name == "desk" else ~desk & np.array([item.kind.value == name for item in items])
        assert weights[inside].sum() == pytest.approx(share)


def test_small_labels_count_more_than_their_size(make_clip: MakeClip) -> None:
    """Nine waves and one push: three to one."""
    clips = [*(make_clip("wave", subject) for subject in range(9)), make_clip("push")]
    items = [Item(WindowKind.CLIP, i, LABELS.index(clip.label)) for i, clip in enumerate(clips)]
    weights = item_weights(items, clips, {"clip": 1.0})
    assert weights[:9].sum() == pytest.approx(0.75)
    assert weights[9] == pytest.approx(0.25)


def test_a_kind_without_items_leaves_its_share_to_the_others(clips: list[Clip]) -> None:
    items = [Item(WindowKind.CLIP, 0, 2), Item(WindowKind.STILL, 0, 0)]
    np.testing.assert_allclose(item_weights(items, clips, {"clip": 0.6, "still": 0.2, "desk": 0.2}), (0.75, 0.25))


def test_an_unknown_kind_is_refused(clips: list[Clip]) -> None:
    with pytest.raises(ValueError, match=r"unknown kinds \['waves'\] in the mixture; choose among: clip, still, wave"):
        item_weights([Item(WindowKind.CLIP, 0, 2)], clips, {"waves": 1.0})


# --- layouts ---


def test_both_layouts_become_body13(make_clip: MakeClip) -> None:
    kinect = make_clip()
    rng = np.random.default_rng(0)
    positions, seen = rng.normal(size=(5, 33, 3)).astype(np.float32), np.ones((5, 33), np.float32)
    desk = Clip(positions, seen, 30.0, "", 0, "desk", "d", layout=get_layout("mediapipe33"))
    mapped = to_body([kinect, desk])
    assert [clip.positions.shape[1:] for clip in mapped] == [(13, 3), (13, 3)]
    np.testing.assert_array_equal(mapped[1].positions[:, J["left_wrist"]], desk.positions[:, 15])
    assert mapped[0].label == "wave"
    unseen = replace(kinect, confidence=np.zeros_like(kinect.confidence))
    assert (to_body([unseen])[0].positions == 0).all()
    assert {clip.layout.name for clip in mapped} == {"body13"}
    shape = (len(kinect), len(COCO))
    flat = replace(kinect, positions=np.zeros((*shape, 2)), confidence=np.zeros(shape), layout=COCO)
    with pytest.raises(ValueError, match="layout 'body13' needs"):
        to_body([flat])


def test_a_clip_is_what_its_layout_says(make_clip: MakeClip) -> None:
    with pytest.raises(ValueError, match=r"'wave_1_1' has positions \[\d+, 20, 3\] and .* needs \[\d+, 17, 2\]"):
        replace(make_clip(), layout=COCO)


def test_mirroring_twice_is_nothing(clips: list[Clip]) -> None:
    once = mirror(clips[0].positions, clips[0].confidence, BODY)
    np.testing.assert_array_equal(mirror(*once, BODY)[0], clips[0].positions)

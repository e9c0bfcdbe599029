"""Teaching the shipped stream bundles, with people drawn by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.recognition import ActionEvent, Bundle, Decision, EventState, Recognizer
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.teaching import Gallery, GalleryError, Recording, TeachError, trim
from csre_ros.teaching.features import Features
from csre_ros.teaching.matching import Warping
from tests.teaching.people import BODY, HANG, blended, in_image, person, recording, rowing, still, tee


def heard(recognizer: Recognizer, one: Recording, finish: bool = True) -> list[ActionEvent]:
    layout = get_layout(one.layout)
    people = [Skeleton(layout, *frame) for frame in zip(one.positions, one.confidence, strict=True)]
    steps = [recognizer.step(Frame(int(at), "", (who,))) for at, who in zip(one.stamps_ns, people, strict=True)]
    steps += [recognizer.finish()] if finish else []
    found = [event for step in steps for record in step for event in record.events]
    return [event for event in found if event.state is not EventState.ONGOING]


def told(found: Sequence[ActionEvent], names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(event.action, event.state.value) for event in found if event.action in names]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load("default", "cpu")


@pytest.fixture(scope="module")
def gallery(bundle: Bundle) -> Gallery:
    rows = [recording(rowing, size=size) for size in (0.9, 1.1)]
    tees = [recording(tee, 5.5, size=size) for size in (0.9, 1.1)]
    return Gallery.from_recordings(bundle, {"rowing": rows, "tee": tees})


def test_a_movement_and_a_held_posture_of_somebody_else_are_told(bundle: Bundle, gallery: Gallery) -> None:
    recognizer = Recognizer(bundle=bundle, gallery=gallery)
    assert recognizer.labels == bundle.info.labels + gallery.labels
    started, ended = [event for event in heard(recognizer, recording(rowing, 6.0)) if event.action == "rowing"]
    assert (started.state, ended.state) == (EventState.STARTED, EventState.ENDED)
    assert 0.7 < started.since_ns / 1e9 - 1 < 2.5  # another action, such as a punch, may have been reported before
    assert started.since_ns < started.stamp_ns < 4.5e9
    assert ended.until_ns is not None
    assert (ended.until_ns / 1e9 - 1) == pytest.approx(3.0, abs=0.5)
    recognizer.reset()
    found = heard(recognizer, recording(tee, 6.0))
    assert told(found, ("rowing", "tee")) == [("tee", "started"), ("tee", "ended")]


def test_a_posture_lasts_as_long_as_it_is_held(bundle: Bundle, gallery: Gallery) -> None:
    def held(t: float) -> tuple:
        return tee(1.5 if 1.5 < t < 6 else t - 2 if t >= 6 else t)

    found = heard(Recognizer(bundle=bundle, gallery=gallery), recording(held, 8.0))
    started, ended = [event for event in found if event.action == "tee"]
    assert ended.until_ns is not None
    assert (ended.until_ns - started.since_ns) / 1e9 > 3.5
    assert ended.until_ns / 1e9 - 1 == pytest.approx(6.3, abs=0.5)


def test_somebody_who_stands_does_nothing_that_was_taught(bundle: Bundle, gallery: Gallery) -> None:
    assert heard(Recognizer(bundle=bundle, gallery=gallery), recording(still, 6.0)) == []


def test_people_in_the_image_are_taught_and_told() -> None:
    flat = Bundle.load("flat", "cpu")
    gallery = Gallery.from_recordings(flat, {"tee": [in_image(recording(tee, 5.5, size=size)) for size in (0.9, 1.1)]})
    found = heard(Recognizer(bundle=flat, gallery=gallery), in_image(recording(tee, 6.0)))
    assert told(found, ("tee",)) == [("tee", "started"), ("tee", "ended")]


def test_without_a_gallery_nothing_changes(bundle: Bundle) -> None:
    one = recording(rowing, 6.0)
    empty, none = Recognizer(bundle=bundle, gallery=Gallery(bundle)), Recognizer(bundle=bundle)
    assert [event.to_record() for event in heard(empty, one)] == [event.to_record() for event in heard(none, one)]


def test_labels_change_while_somebody_is_in_view(bundle: Bundle, gallery: Gallery) -> None:
    recognizer = Recognizer(bundle=bundle, gallery=gallery)
    whole = recording(tee, 3.5)
    assert told(heard(recognizer, whole, finish=False), ("tee",)) == [("tee", "started")]
    recognizer.gallery = None
    later = replace(whole, stamps_ns=whole.stamps_ns + 3_500_000_000)
    found = heard(recognizer, later)
    assert told(found, ("tee",)) == [("tee", "ended")]
    assert recognizer.labels == bundle.info.labels


def test_the_recordings_are_trimmed(bundle: Bundle) -> None:
    kept = trim(recording(rowing, 6.0), bundle)
    first, last = (kept.stamps_ns[[0, -1]] / 1e9) - 1
    assert (first, last) == pytest.approx((1.0, 3.0), abs=0.25)
    held = trim(recording(tee, 6.0), bundle)
    first, last = (held.stamps_ns[[0, -1]] / 1e9) - 1
    assert 1.5 <= first < last <= 4.0
    assert trim(recording(still, 2.0), bundle).seconds == pytest.approx(1.0, abs=0.1)


def test_recordings_that_were_cut_already_are_kept_whole(bundle: Bundle) -> None:
    one = recording(tee, 6.0)
    (kept,) = Gallery.from_recordings(bundle, {"tee": [one]}, whole=True).examples["tee"]
    assert np.array_equal(kept.stamps_ns, one.stamps_ns)
    with pytest.raises(TeachError, match="at most 8 s"):
        trim(recording(still, 9.0), bundle, whole=True)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (lambda: recording(rowing, 4.0).cut(slice(0, 5)), "too short"),
        (lambda: replace(recording(rowing), confidence=np.zeros((120, 13), np.float32)), "nobody was seen"),
        (lambda: in_image(recording(rowing)), "do not fit bundle"),
        (lambda: recording(lambda t: rowing(1.3 + t % 1.4), 12.0), "at most 8 s"),
    ],
)
def test_recordings_that_teach_nothing(bundle: Bundle, one: Callable[[], Recording], words: str) -> None:
    gallery = Gallery(bundle)
    with pytest.raises(TeachError, match=words):
        gallery.add("rowing", one())
    assert gallery.labels == ()


def test_arms_out_of_view(bundle: Bundle) -> None:
    one = recording(rowing)
    hidden = one.confidence.copy()
    hidden[:, [BODY.index["left_wrist"], BODY.index["right_wrist"]]] = 0.2
    with pytest.raises(TeachError, match=r"too little was seen of the arms.*step back"):
        trim(replace(one, confidence=hidden), bundle)


def test_two_people_and_nobody() -> None:
    people = [Skeleton(BODY, person(HANG, size), np.ones(13, np.float32)) for size in (1, 1.1)]
    with pytest.raises(TeachError, match=r"2 people are in view at 1\.0 s"):
        Recording.from_frames([Frame(10**9, "", (people[0],)), Frame(2 * 10**9, "", tuple(people))])
    with pytest.raises(TeachError, match="nobody was seen"):
        Recording.from_frames([Frame(10**9, "", ())])


@pytest.mark.parametrize("label", ["", "a b", "wave", "é", "x" * 65])
def test_names_that_cannot_be_taught(bundle: Bundle, label: str) -> None:
    with pytest.raises(TeachError):
        Gallery(bundle).add(label, recording(rowing))


def test_what_is_odd_about_examples(bundle: Bundle, gallery: Gallery) -> None:
    assert gallery.findings() == ()
    odd = Gallery.from_recordings(
        bundle, {"one": [recording(rowing), recording(tee, 5.5)], "two": [recording(rowing, size=1.1)]}
    )
    assert any("example 2 of 'one' looks like no other" in finding for finding in odd.findings())
    assert any("example 1 of 'one' looks like 'two'" in finding for finding in odd.findings())


def test_a_gallery_grows_no_further_than_can_be_read_again(
    bundle: Bundle, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = gallery.copy()
    monkeypatch.setattr("csre_ros.teaching.gallery.MOST_EXAMPLES", 4)
    with pytest.raises(TeachError, match=r"holds 4 examples.*remove some first"):
        full.add("rowing", recording(rowing))
    assert len(full.examples["rowing"]) == 2


def test_single_examples_are_removed_and_copies_stay_apart(gallery: Gallery) -> None:
    one = gallery.copy()
    one.remove("tee", 2)
    assert [len(one.examples["tee"]), len(gallery.examples["tee"])] == [1, 2]
    with pytest.raises(TeachError, match=r"'tee' has no example 2; it has 1\.\.1"):
        one.remove("tee", 2)
    one.remove("tee", 1)
    assert [label.name for label in one.labels] == ["rowing"]


def test_an_example_that_the_bundle_calls_by_its_own_label_is_told(stream_bundle: Path) -> None:
    def raised(t: float) -> tuple:
        share = float(np.interp(t, (1.0, 1.4, 3.6, 4.0), (0, 1, 1, 0)))
        return HANG[0], blended(share, (HANG[0], (-0.02, -0.5, 0.0)))[1]

    own = Gallery(Bundle.load(stream_bundle, "cpu"))
    own.add("hail", recording(raised, 5.0))
    own.add("tee", recording(tee, 5.5))
    (finding,) = own.findings()
    assert finding.startswith("the bundle calls example 1 of 'hail' 'raise_right', which may be reported in its place")
    assert own.findings("tee") == ()


def test_a_link_to_a_gallery_and_its_mode_stay(tmp_path: Path, gallery: Gallery) -> None:
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "mine.npz", tmp_path / "mine.npz"
    gallery.save(target)
    target.chmod(0o640)
    link.symlink_to(target)
    gallery.save(link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in target.parent.iterdir()] == ["mine.npz"]


def test_a_window_bundle_is_refused(tiny_bundle: Path, gallery: Gallery) -> None:
    windows = Bundle.load(tiny_bundle, "cpu")
    with pytest.raises(TeachError, match="classifies windows"):
        Gallery(windows)
    with pytest.raises(ValueError, match="classifies windows"):
        Recognizer(bundle=windows, gallery=gallery)


def test_a_file_keeps_everything(tmp_path: Path, bundle: Bundle, gallery: Gallery) -> None:
    path = tmp_path / "mine.npz"
    gallery.save(path)
    gallery.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.npz"]
    again = Gallery.load(path, bundle)
    assert again.labels == gallery.labels
    for one, other in zip(again.examples["tee"], gallery.examples["tee"], strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.stamps_ns, other.stamps_ns)
    again.remove("tee")
    assert [label.name for label in again.labels] == ["rowing"]
    with pytest.raises(TeachError, match="it has: rowing"):
        again.remove("tee")
    config = RecognizerConfig(device="cpu", gallery=str(path))
    with Pipeline(PipelineConfig(config)) as pipeline:
        assert [label.name for label in pipeline.recognizer.labels[-2:]] == ["rowing", "tee"]


def test_another_bundle_is_refused_and_taught_by_what_the_file_keeps(
    tmp_path: Path, bundle: Bundle, gallery: Gallery
) -> None:
    path = tmp_path / "mine.npz"
    gallery.save(path)
    flat = Bundle.load("flat", "cpu")
    with pytest.raises(GalleryError, match=r"taught to another bundle.*enrol_again"):
        Gallery.load(path, flat)
    again = Gallery.load(path, flat, enrol_again=True)  # people in space, seen as a camera would
    again.save(path)
    assert Gallery.load(path, flat).labels == gallery.labels


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "flipped", "pickled", "version"])
def test_a_damaged_file(tmp_path: Path, bundle: Bundle, gallery: Gallery, damage: str) -> None:
    path = tmp_path / "mine.npz"
    gallery.save(path)
    blob = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "pickled":
        np.savez(path, gallery=np.array([{"version": 1}], object))
    elif damage == "version":
        np.savez(path, gallery=np.array('{"version": 99}'))
    else:
        half = len(blob) // 2
        flipped = blob[:half] + bytes([blob[half] ^ 255]) + blob[half + 1 :]
        path.write_bytes({"empty": b"", "text": b"no gallery", "cut": blob[:half], "flipped": flipped}[damage])
    with pytest.raises(GalleryError, match=r"mine\.npz"):
        Gallery.load(path, bundle)


def test_a_gallery_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, gallery: Gallery) -> None:
    with pytest.raises(ValueError, match="npz"):
        gallery.save(tmp_path / "mine.onnx")
    with pytest.raises(OSError, match="No such file"):
        gallery.save(tmp_path / "absent" / "mine.npz")


def test_warping_allows_half_and_twice_the_speed_and_no_more() -> None:
    def line(frames: int) -> Features:
        angle = np.linspace(0, np.pi, frames, dtype=np.float32)
        embedding = np.stack((np.cos(angle), np.sin(angle)), 1)
        return Features(embedding, np.zeros((frames, 1, 2), np.float32), np.zeros((frames, 1), np.float32))

    def best(frames: int) -> tuple[float, int]:
        warping = Warping([line(20)])
        steps = [warping.step(line(frames)[t : t + 1]) for t in range(frames)]
        distances, instants = steps[-1]
        return float(distances[0]), int(instants[0])

    assert best(20) == (pytest.approx(0, abs=1e-3), 20)
    for frames in (11, 38):
        assert best(frames)[0] < 0.1
    assert best(8)[0] == np.inf
    assert best(60)[0] > 0.25  # the nearest it can do is a third of it


def test_a_decision_names_the_taught_label(bundle: Bundle, gallery: Gallery) -> None:
    recognizer, layout = Recognizer(bundle=bundle, gallery=gallery), BODY
    one = recording(tee, 4.0)
    decisions = []
    for at, *body in zip(one.stamps_ns, one.positions, one.confidence, strict=True):
        for record in recognizer.step(Frame(int(at), "", (Skeleton(layout, *body),))):
            decisions.append((record.decision, record.action))
            if record.probabilities is not None:
                assert record.probabilities.sum() == pytest.approx(1, abs=1e-4)
    assert (Decision.ACTION, "tee") in decisions

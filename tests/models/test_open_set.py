"""What a bundle is told about its own labels: prototypes of training, limits that keep what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csre_ros.recognition.bundle import Bundle
from csre_ros.recognition.bundle_info import Label, split_metadata
from csre_ros.recognition.open_set import UNKNOWN, OpenSet
from models.export.open_set import SHARES, Said, fit_open_set, open_set
from models.export.run import write_bundle

LABELS = [Label("idle", 0.0, True), Label("wave", 0.5), Label("clap", 0.5), Label("bow", 0.5)]
MIDDLES = {"wave": (4.0, 0.0, 0.0), "clap": (0.0, 4.0, 0.0)}


def clips(seed: int, middles: Mapping[str, tuple[float, ...]], count: int = 40) -> list[Said]:
    rng = np.random.default_rng(seed)
    found = []
    for name, middle in middles.items():
        for _ in range(count):
            said = np.full((20, 4), 0.05, np.float32)
            sure = rng.uniform(0.6, 0.9, 20)
            said[:, [label.name for label in LABELS].index(name)] = sure
            found.append((name, said, rng.normal(middle, 1.0, (20, 3)).astype(np.float32)))
    return found


@pytest.fixture(scope="module")
def fitted() -> OpenSet:
    return fit_open_set(LABELS, clips(0, MIDDLES), clips(1, MIDDLES))


def test_only_labels_with_clips_have_a_prototype(fitted: OpenSet) -> None:
    assert fitted.known_labels.tolist() == [False, True, True, False]
    assert list(fitted.limits) == sorted(fitted.limits)
    assert fitted.shares == SHARES


def test_a_label_that_is_done_in_two_ways_has_prototypes_of_both() -> None:
    """Their mean would be like neither."""
    ways = [*clips(0, {"wave": (4.0, 0.0, 0.0)}), *clips(1, {"wave": (0.0, 0.0, 4.0)})]
    likeness = fit_open_set(LABELS, ways, ways).likeness(np.eye(3, dtype=np.float32))[:, 1]
    assert min(likeness[0], likeness[2]) > 0.97
    assert likeness[1] < 0.8


def test_limits_lose_the_share_of_known_clips_that_they_promise(fitted: OpenSet) -> None:
    """A clip is lost when no three frames on end are known; on further people of the same kind."""
    further = clips(2, MIDDLES, 200)
    for share in (0.01, 0.1):
        lost = 0
        for name, said, embeddings in further:
            known = fitted.known(said, embeddings, share)[:, [label.name for label in LABELS].index(name)]
            lost += not np.lib.stride_tricks.sliding_window_view(known, 3).all(axis=1).any()
        assert lost / len(further) == pytest.approx(share, abs=0.06)


def test_a_movement_that_looks_like_a_wave_but_is_none_is_refused(fitted: OpenSet) -> None:
    """Its softmax says wave; its embedding is elsewhere."""
    refused = [
        not fitted.known(said, embeddings, 0.01)[:, 1].any()
        for _, said, embeddings in clips(3, {"wave": (-3.0, 0.0, 4.0)})
    ]
    assert np.mean(refused) > 0.9


def without(bundle: str, output: Path, **changes: object) -> Path:
    """A shipped bundle again, with other limits or with none."""
    loaded = Bundle.load(bundle, device="cpu")
    extensions = dict(loaded.info.extensions)
    own = extensions.pop(UNKNOWN)
    if changes:
        extensions[UNKNOWN] = {**own, **changes}
    graph, _ = split_metadata(loaded.path.read_bytes())
    write_bundle(output, graph, replace(loaded.info, extensions=extensions))
    return output


def test_only_limits_that_fit_are_taken_from_another_bundle(tmp_path: Path) -> None:
    """Before any clip is read."""
    output, window = tmp_path / "out.onnx", Bundle.load("window", device="cpu").path
    with pytest.raises(ValueError, match=r"window.onnx has the labels .*, this bundle idle"):
        open_set("default", output, tmp_path, settings_of=window)
    for changes in ({}, {"weight": 9.0}):
        other = without("default", tmp_path / "other.onnx", **changes)
        with pytest.raises(ValueError, match=r"other.onnx has no limits .* write it again with `python"):
            open_set("default", output, tmp_path, settings_of=other)
    assert not output.exists()


@pytest.mark.slow
def test_limits_of_another_bundle_are_taken_as_they_are(shared_data: Path, tmp_path: Path) -> None:
    limits = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    other = without("default", tmp_path / "other.onnx", limits=limits)
    info = open_set("default", tmp_path / "out.onnx", shared_data, settings_of=other)
    shipped = Bundle.load("default", device="cpu").info.extensions[UNKNOWN]
    assert info.extensions[UNKNOWN]["limits"] == limits
    assert list(info.extensions[UNKNOWN]["prototypes"]) == list(shipped["prototypes"])

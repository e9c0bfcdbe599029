"""The description of a bundle: what it refuses, and how it sits in the file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import onnx
import pytest

from csre_ros.recognition import BundleError, BundleInfo, Label
from csre_ros.recognition.bundle import find_bundle
from csre_ros.recognition.bundle_info import append_metadata, split_metadata


def test_json_round_trip(tiny_info: BundleInfo) -> None:
    assert BundleInfo.from_json(tiny_info.to_json()) == tiny_info


def test_file_round_trip(tiny_info: BundleInfo, graph_maker) -> None:
    graph = graph_maker()
    found, info = split_metadata(append_metadata(graph, tiny_info))
    assert found == graph
    described = replace(tiny_info, graph_bytes=len(graph))
    digest = hashlib.sha256(graph + described.to_json().encode()).hexdigest()
    assert info == replace(described, digest=digest)


def test_file_is_plain_onnx_to_the_onnx_package(tiny_info: BundleInfo, graph_maker) -> None:
    """The entry is written without the onnx package; that package must read it back."""
    model = onnx.ModelProto.FromString(append_metadata(graph_maker(), tiny_info))
    assert [entry.key for entry in model.metadata_props] == ["csre"]
    assert BundleInfo.from_json(model.metadata_props[0].value).name == "tiny"
    onnx.checker.check_model(model)


def test_description_can_be_replaced(tiny_info: BundleInfo, graph_maker) -> None:
    """Thresholds are calibrated after the export: take the description off, change it, put it back."""
    bundle = append_metadata(graph_maker(), tiny_info)
    with pytest.raises(BundleError, match="carries a description already"):
        append_metadata(bundle, tiny_info)
    graph, info = split_metadata(bundle)
    changed = replace(info, labels=(info.labels[0], Label("raise_right", 0.9), info.labels[2]))
    assert split_metadata(append_metadata(graph, changed))[1].labels[1].threshold == 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layout": "kinect19"}, "unknown layout 'kinect19'; choose one of"),
        ({"dims": 2}, "dims is 2"),
        ({"window_s": 0.0}, "window_s is 0.0"),
        ({"window_s": float("nan")}, "window_s is nan"),
        ({"time_steps": 1}, "time_steps is 1"),
        ({"time_steps": 16.5}, "time_steps is 16.5"),
        ({"persons": 0}, "persons is 0"),
        ({"labels": (Label("a", 0.5),)}, "at least two"),
        ({"labels": (Label("a", 0.5), Label("a", 0.6))}, "none twice"),
        ({"labels": (Label("a", 0.5), Label("b", 1.5))}, "threshold of label 'b' is 1.5"),
    ],
)
def test_values_out_of_range_are_refused(tiny_info: BundleInfo, change: dict[str, object], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        replace(tiny_info, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2, expected 1"),
        ({"schema": None}, "schema None, expected 1"),
        ({"colour": "red"}, "colour"),
        ({"labels": [{"title": "a"}]}, "title"),
        ({"labels": None}, "does not follow schema 1"),
        ({"window_s": "two"}, "does not follow schema 1"),
    ],
)
def test_malformed_descriptions_are_refused(tiny_info: BundleInfo, change: dict[str, object], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        BundleInfo.from_json(json.dumps({**json.loads(tiny_info.to_json()), **change}))


def test_without_extensions_the_description_is_written_as_ever(tiny_info: BundleInfo) -> None:
    """Digests of bundles made before extensions existed are made of these bytes."""
    assert "extensions" not in json.loads(tiny_info.to_json())


def test_the_shipped_bundle_is_written_back_byte_for_byte() -> None:
    blob = find_bundle("default").read_bytes()
    graph, info = split_metadata(blob)
    assert append_metadata(graph, info) == blob


def test_an_extension_that_nobody_knows_is_ignored_and_kept(tiny_info: BundleInfo, graph_maker) -> None:
    marked = replace(tiny_info, extensions={"paint": {"colour": "red", "share": 0.1}, "mood": {"required": False}})
    _, info = split_metadata(append_metadata(graph_maker(), marked))
    assert info.extensions == marked.extensions


def test_an_extension_that_is_required_and_unknown_is_refused(tiny_info: BundleInfo) -> None:
    document = {**json.loads(tiny_info.to_json()), "extensions": {"paint": {"required": True}, "mood": {}}}
    with pytest.raises(BundleError, match=r"requires the extension 'paint', which this release .* upgrade csre_ros"):
        BundleInfo.from_json(json.dumps(document))


@pytest.mark.parametrize("wrong", [[], "paint", {"paint": 3}, {"paint": {"required": "yes"}}])
def test_extensions_of_another_form_are_refused(tiny_info: BundleInfo, wrong: object) -> None:
    document = {**json.loads(tiny_info.to_json()), "extensions": wrong}
    with pytest.raises(BundleError, match=r"extensions are .* each must be an object"):
        BundleInfo.from_json(json.dumps(document))


@pytest.mark.parametrize("missing", ["labels", "layout", "metrics", "time_steps"])
def test_missing_entries_are_named(tiny_info: BundleInfo, missing: str) -> None:
    document = json.loads(tiny_info.to_json())
    del document[missing]
    with pytest.raises(BundleError, match=missing):
        BundleInfo.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", b"\xff\xfe"])
def test_text_that_is_no_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(BundleError, match="not a JSON object"):
        BundleInfo.from_json(text)

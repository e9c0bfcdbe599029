"""Settings: ranges hold, the tree is complete, and what is promised about every option is there."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, dataclass, field, fields

import pytest

from csre_ros.options import build, check, leaf_fields, option
from csre_ros.recognition.settings import DecoderConfig, RecognizerConfig, TrackerConfig, WindowConfig

LEAVES = {name: (item, default) for name, item, default in leaf_fields(RecognizerConfig)}


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_option_is_documented_and_its_default_legal(name: str) -> None:
    item, default = LEAVES[name]
    assert item.metadata["help"].endswith(".")
    assert len(item.metadata["help"]) > 20
    low, high = item.metadata["minimum"], item.metadata["maximum"]
    assert low is None or default >= low
    assert high is None or default <= high
    if isinstance(default, float):
        assert low is not None, "a number needs at least a lower bound"


@pytest.mark.parametrize("name", [n for n, (item, _) in sorted(LEAVES.items()) if item.metadata["minimum"] is not None])
def test_below_the_minimum_is_refused(name: str) -> None:
    item, default = LEAVES[name]
    low = item.metadata["minimum"]
    key = name.rpartition(".")[2]
    with pytest.raises(ValueError, match=rf"{key} is .* it must (lie in {low}\.\.|be at least {low}$)"):
        build(RecognizerConfig, {name: type(default)(low - 1)})


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (TrackerConfig, {"max_people": 65}, "max_people is 65; it must lie in 1..64"),
        (WindowConfig, {"stride_s": math.nan}, "stride_s is nan; it must lie in 0.01..5.0"),
        (DecoderConfig, {"leave_ratio": 1.01}, "leave_ratio is 1.01; it must lie in 0.0..1.0"),
        (DecoderConfig, {"threshold_scale": 0}, "threshold_scale is 0; it must lie in 0.1..2.0"),
    ],
)
def test_the_text_names_field_value_and_range(cls: type, values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cls(**values)


def test_choices_are_listed() -> None:
    @dataclass(frozen=True)
    class Toy:
        device: str = option("cpu", "Where it runs.", choices=("cpu", "cuda"))

        def __post_init__(self) -> None:
            check(self)

    assert Toy("cuda").device == "cuda"
    with pytest.raises(ValueError, match="device is 'tpu'; choose one of: cpu, cuda"):
        Toy("tpu")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ValueError, match="device is 'tpu'; choose one of: auto, cpu, cuda, tensorrt"):
        RecognizerConfig(device="tpu")


def test_limits_themselves_are_legal() -> None:
    assert TrackerConfig(max_people=64).max_people == 64
    assert DecoderConfig(leave_ratio=0.0, threshold_scale=2.0).threshold_scale == 2.0


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        RecognizerConfig().device = "cuda"  # type: ignore[misc]


def test_leaves_follow_the_definition() -> None:
    names = [name for name, _, _ in leaf_fields(RecognizerConfig)]
    assert len(names) == len(set(names))
    assert names[:2] == ["bundle", "device"]
    for section, cls in (("tracker", TrackerConfig), ("window", WindowConfig), ("decoder", DecoderConfig)):
        assert [n for n in names if n.startswith(f"{section}.")] == [f"{section}.{item.name}" for item in fields(cls)]


def test_nested_trees_get_dotted_names() -> None:
    @dataclass(frozen=True)
    class Outer:
        depth: int = option(1, "How deep.")
        inner: RecognizerConfig = field(default_factory=RecognizerConfig)

    names = [name for name, _, _ in leaf_fields(Outer)]
    assert names[:2] == ["depth", "inner.bundle"]
    assert "inner.tracker.gate_m" in names


def test_only_what_takes_effect_at_once_is_dynamic() -> None:
    dynamic = {name for name, (item, _) in LEAVES.items() if item.metadata["dynamic"]}
    assert dynamic == {"window.stride_s", "decoder.threshold_scale", "decoder.unknown"}


def test_build_keeps_defaults_and_takes_other_names() -> None:
    built = build(RecognizerConfig, {"decoder.threshold_scale": 1.5, "device": "cpu"})
    assert built == RecognizerConfig(device="cpu", decoder=DecoderConfig(threshold_scale=1.5))
    flags = build(RecognizerConfig, {"tracker-gate_m": 1.0}, name=lambda dotted: dotted.replace(".", "-"))
    assert flags.tracker.gate_m == 1.0

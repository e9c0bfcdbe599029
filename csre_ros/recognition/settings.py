"""Settings of the recognition chain, defined once: flags, ROS parameters and documentation come from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from csre_ros.options import READ, check, option

AUTO = "auto"
"""The bundle that fits the dimensions of the source."""


@dataclass(frozen=True)
class TrackerConfig:
    """Who is who from frame to frame."""

    gate_m: float = option(
        0.6, "Largest mean joint distance in metres between a track and its next skeleton.", minimum=0.05, maximum=5.0
    )
    birth_s: float = option(0.1, "Seconds a new person must be seen before the track counts.", minimum=0.0, maximum=5.0)
    death_s: float = option(0.7, "Seconds without a sighting after which a track ends.", minimum=0.05, maximum=10.0)
    max_people: int = option(
        12, "Most people followed at once; further skeletons are counted and left out.", minimum=1, maximum=64
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class WindowConfig:
    """How much of the past one decision sees. The length itself belongs to the bundle.

    A bundle that labels every frame has a rate of its own and says what it knows from the beginning.
    """

    stride_s: float = option(
        0.1, "Seconds between decisions of a bundle that classifies windows.", minimum=0.01, maximum=5.0, dynamic=True
    )
    min_fill_s: float = option(
        0.8,
        "Seconds of a person that must be seen before a bundle that classifies windows decides.",
        minimum=0.0,
        maximum=10.0,
    )
    max_gap_s: float = option(
        0.5,
        "Seconds between sightings that clear a person's window; a frame that comes less late than that is left out.",
        minimum=0.05,
        maximum=10.0,
    )
    max_jump_s: float = option(
        60.0,
        "A stamp further ahead than this, in seconds, is refused as a clock error unless the next one confirms it.",
        minimum=1.0,
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class DecoderConfig:
    """From scores to something a robot may act on. Thresholds of each label come with the bundle.

    A bundle that labels every frame brings its own smoothing, hysteresis and debounce, fitted to it.
    """

    smoothing_s: float = option(
        0.25,
        "Time constant of the exponential smoothing of the probabilities of windows, in seconds.",
        minimum=0.0,
        maximum=5.0,
    )
    threshold_scale: float = option(
        1.0,
        "Factor on the bundle's thresholds: above 1 is stricter, below 1 more eager.",
        minimum=0.1,
        maximum=2.0,
        dynamic=True,
    )
    leave_ratio: float = option(
        0.7,
        "With windows an action ends when its probability falls below this share of its threshold.",
        minimum=0.0,
        maximum=1.0,
    )
    min_duration_s: float = option(
        0.2,
        "With windows a label must stay above its threshold for so many seconds before it is reported.",
        minimum=0.0,
        maximum=10.0,
    )
    unknown: float = option(
        0.01,
        "Share of known actions that may be lost so that movements without a label start none; 0 turns this off. Only "
        "bundles that label every frame can.",
        minimum=0.0,
        maximum=0.1,
        dynamic=True,
    )
    ongoing_s: float = option(1.0, "Seconds between 'ongoing' events of one action.", minimum=0.05, maximum=60.0)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class RecognizerConfig:
    """Settings of the recognition chain."""

    bundle: str = option(
        AUTO,
        "Name of a shipped bundle, or path of an .onnx bundle. 'auto' takes 'default' for people in space and 'flat' "
        "for people in the image.",
        remote=False,
        file=READ,
    )
    device: str = option(
        "auto",
        "Where the encoder runs; 'cuda' and 'tensorrt' refuse to start if they are not active.",
        choices=("auto", "cpu", "cuda", "tensorrt"),
    )
    gallery: str = option(
        "",
        "File of labels that were taught by examples, beside those of the bundle; empty: none.",
        remote=False,
        file=READ,
    )
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    def __post_init__(self) -> None:
        check(self)

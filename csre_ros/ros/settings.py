"""Settings of the node beside those of the runtime, and the ROS parameters that all of them become. Needs no ROS."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from csre_ros.image_size import MAX_SIDE
from csre_ros.options import MADE, READ, build, check, leaf_fields, option
from csre_ros.pipeline import PipelineConfig
from csre_ros.pose.settings import PoseConfig
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.skeleton import LAYOUTS
from csre_ros.sources.settings import SourceConfig

# Parameters that rclpy itself declares for every node.
_FOREIGN = ("qos_overrides.", "use_sim_time", "start_type_description_service")
INPUTS = (
    "camera",
    "image",
    "compressed_image",
    "skeletons",
    "json",
    "marker_array",
    "zed",
    "yolo",
    "yolo_3d",
    "hri",
    "rgbd",
)
"""Names of the inputs; :mod:`csre_ros.ros.inputs.table` makes them."""
AUTO = "auto"
"""The value that leaves a choice to what the publisher says or sends."""


@dataclass(frozen=True)
class NodeConfig:
    """What the node listens to and what it says."""

    input: str = option("camera", "Where people come from: own capture in the process, or a topic.", choices=INPUTS)
    source: str = option(
        "camera:0",
        "What the input 'camera' captures: camera:N, a video file, a URL, a folder or a recording.",
        remote=False,
        file=READ,
    )
    layout: str = option(
        "mediapipe33",
        "Joint convention of the inputs 'skeletons' and 'json'; the others have their own. 'auto' takes the one that "
        "is announced on <topic>/layout.",
        choices=(*LAYOUTS, AUTO),
    )
    image_width: int = option(
        0,
        "Width in pixels of the images behind image points, where no camera_info says it; 0: unknown.",
        minimum=0,
        maximum=MAX_SIDE,
    )
    image_height: int = option(
        0,
        "Height in pixels of the images behind image points, where no camera_info says it; 0: unknown.",
        minimum=0,
        maximum=MAX_SIDE,
    )
    use_depth: bool = option(
        False,
        "Place people by the depth image on the topic depth_image, aligned with the picture that they were seen in: "
        "people in the image come into space by it. Needs camera_info; the input 'rgbd' always does.",
    )
    frame_id: str = option("", "Coordinate frame of everything published; empty: the frame of the input.")
    autostart: bool = option(True, "Configure and activate at start; false: wait for lifecycle transitions.")
    loop: bool = option(False, "Start a video file or recording again when it ends.")
    exit_at_end: bool = option(False, "End the node when a video file or recording ends.")
    publish_skeletons: bool = option(True, "Publish the people seen on ~/skeletons.")
    publish_gestures: bool = option(
        False, "Publish hri_msgs/Gesture on /humans/bodies/<id>/gesture (REP-155); needs hri_msgs."
    )
    publish_intents: bool = option(
        False, "Publish hri_actions_msgs/Intent on /intents when an action begins; needs hri_actions_msgs."
    )
    symbols: str = option(
        "",
        "YAML file from labels to gestures and intents; empty: the one for the labels of the shipped bundle.",
        remote=False,
        file=READ,
    )
    record: str = option(
        "",
        "Folder into which the people of every frame are recorded (.mcap files); empty: none.",
        remote=False,
        file=MADE,
    )
    allow_remote_files: bool = option(
        False,
        "Let others set parameters that name files, devices or addresses over the network while the node is inactive.",
        remote=False,
    )
    teach_name: str = option("", "Name of what ~/teach/start records: letters, digits and '_'.", dynamic=True)
    max_rate_hz: float = option(
        30.0,
        "Most records per second on ~/actions; a record with an event is never held back.",
        minimum=0.1,
        maximum=1000.0,
        dynamic=True,
    )
    top_k: int = option(3, "Labels listed per person.", minimum=1, maximum=100, dynamic=True)
    input_timeout_s: float = option(
        1.0,
        "Seconds without input after which the node warns and withdraws the action.",
        minimum=0.1,
        maximum=60.0,
        dynamic=True,
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class NodeSettings:
    """Everything that the node can be told; the parts keep the names that they have elsewhere."""

    node: NodeConfig = field(default_factory=NodeConfig)
    recognizer: RecognizerConfig = field(default_factory=RecognizerConfig)
    pose: PoseConfig = field(default_factory=PoseConfig)
    capture: SourceConfig = field(default_factory=SourceConfig)

    @property
    def pipeline(self) -> PipelineConfig:
        """The part that the runtime reads."""
        return PipelineConfig(self.recognizer, self.pose)


def _parameter_name(dotted: str) -> str:
    """The settings of the node and of recognition are the common ones and need no prefix."""
    return dotted.removeprefix("node.").removeprefix("recognizer.")


@cache
def options() -> Mapping[str, Field[Any]]:
    """All parameters of the node, by name, in order of definition.

    >>> list(options())[:2], "decoder.threshold_scale" in options(), "pose.max_people" in options()
    (['input', 'source'], True, True)
    """
    # The node always plays files at their own speed: it is what a robot would see.
    known = {_parameter_name(dotted): item for dotted, item, _ in leaf_fields(NodeSettings)}
    del known["capture.realtime"]
    return MappingProxyType(known)


def unknown(given: Iterable[str]) -> list[str]:
    """Complaints about given parameters that do not exist, each with the likeliest one that does.

    >>> unknown(["bundel", "use_sim_time"])
    ["unknown parameter 'bundel' has no effect; did you mean 'bundle'?"]
    """
    known = list(options())
    complaints = []
    for name in given:
        if name in known or name.startswith(_FOREIGN):
            continue
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        complaints.append(f"unknown parameter {name!r} has no effect{hint}")
    return complaints


def settings(values: Mapping[str, Any]) -> NodeSettings:
    """Settings from parameter values by name; what is not given keeps its default.

    Raises:
        ValueError: A value lies outside its range or choices.
    """
    return build(NodeSettings, values, _parameter_name)


def fixed(config: NodeSettings) -> dict[str, Any]:
    """The values of a node's settings that do not change while it is active, by dotted name."""
    leaves = leaf_fields(NodeSettings)
    return {dotted: attrgetter(dotted)(config) for dotted, item, _ in leaves if not item.metadata["dynamic"]}


def overrides(config: NodeSettings) -> dict[str, Any]:
    """What a node must be told to have these settings: by name, the parameters that are not at their defaults.

    >>> overrides(NodeSettings(NodeConfig(loop=True), capture=SourceConfig(fps=5.0)))
    {'loop': True, 'capture.fps': 5.0}
    """
    known = options()
    values = {_parameter_name(dotted): attrgetter(dotted)(config) for dotted, _, _ in leaf_fields(NodeSettings)}
    return {name: value for name, value in values.items() if name in known and value != known[name].default}


def template() -> str:
    """The parameter file that ``config/params.yaml`` is: every parameter with its default, explained."""
    lines = [
        "# Every parameter of the node with its default. Those marked [dynamic] may be set at any time, those marked",
        "# [at start] before the node starts, unless allow_remote_files is true, the others while it is not active.",
        "# Written by `python -m csre_ros.ros.settings`; a test keeps it so.",
        "/**:",
        "  ros__parameters:",
    ]
    for name, item in options().items():
        lines += ["", f"    # {item.metadata['help']}{_constraint(item)}", f"    {name}: {json.dumps(item.default)}"]
    return "\n".join(lines) + "\n"


def _constraint(item: Field[Any]) -> str:
    meta = item.metadata
    text = f" One of: {', '.join(meta['choices'])}." if meta["choices"] else ""
    if (meta["minimum"], meta["maximum"]) != (None, None):
        low, high = ("" if bound is None else bound for bound in (meta["minimum"], meta["maximum"]))
        text += f" [{low}..{high}]"
    return text + (" [dynamic]" if meta["dynamic"] else "") + ("" if meta["remote"] else " [at start]")


if __name__ == "__main__":
    sys.stdout.write(template())

"""Start the action recognition node and bring it to the active state.

    ros2 launch csre_ros action_recognition.launch.py source:=camera:0
    ros2 launch csre_ros action_recognition.launch.py input:=image image:=/camera/color/image_raw
    ros2 launch csre_ros action_recognition.launch.py input:=skeletons skeletons:=/tracker/skeletons

The launch file drives the lifecycle by events, so that ``autostart`` of the node stays off: configure first, activate
as soon as the node is inactive. It imports nothing of the package, so it loads without the package's dependencies.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

CONFIG = Path(__file__).resolve().parents[1] / "config"
INPUTS = (
    "camera", "image", "compressed_image", "skeletons", "json", "marker_array", "zed", "yolo", "yolo_3d", "hri", "rgbd",
)  # fmt: skip

# Arguments that become parameters of the node when they are given; otherwise the parameter file decides. Of each: what
# it means, its choices, and its type.
SWITCH = ("", "true", "false")
PARAMETERS = {
    "input": ("Where people come from; empty: as the parameter file says.", ("", *INPUTS), str),
    "source": ("What the input 'camera' captures: camera:N, a video file, a URL, a folder or a recording.", None, str),
    "bundle": (
        "Name of a shipped bundle, path of an .onnx bundle, or auto: 'default' for people in space, 'flat' for people "
        "in the image.", None, str
    ),
    "device": ("Where the encoder runs.", ("", "auto", "cpu", "cuda", "tensorrt"), str),
    "layout": ("Joint convention of the inputs 'skeletons' and 'json', for example mediapipe33 or ntu25.", None, str),
    "frame_id": ("Coordinate frame of everything published; empty: the frame of the input.", None, str),
    "image_width": ("Width in pixels of the images behind people, where no camera_info says it.", None, int),
    "image_height": ("Height in pixels of the images behind people, where no camera_info says it.", None, int),
    "use_depth": ("Place people by depth_image, aligned with the picture; needs camera_info.", SWITCH, bool),
    "loop": ("Start a video file or recording again when it ends.", SWITCH, bool),
    "exit_at_end": ("End the node when a video file or recording ends.", SWITCH, bool),
    "record": ("Folder into which the people of every frame are recorded.", None, str),
    "publish_skeletons": ("Publish the people seen on ~/skeletons.", SWITCH, bool),
    "publish_gestures": ("Publish gestures of bodies (REP-155); needs hri_msgs.", SWITCH, bool),
    "publish_intents": ("Publish intents when an action begins; needs hri_actions_msgs.", SWITCH, bool),
    "symbols": ("YAML file from labels to gestures and intents.", None, str),
}  # fmt: skip
TOPICS = {
    "image": "Topic of the inputs 'image' and 'rgbd' (sensor_msgs/Image).",
    "depth_image": "Depth that is aligned with the picture, of 'rgbd' and use_depth (sensor_msgs/Image).",
    "image/compressed": "Topic of the input 'compressed_image' (sensor_msgs/CompressedImage).",
    "skeletons": "Topic of the input 'skeletons' (sensor_msgs/PointCloud2, height = persons, width = joints).",
    "skeletons/json": "Topic of the input 'json' (std_msgs/String).",
    "body_tracking_data": "Topic of the input 'marker_array' (visualization_msgs/MarkerArray of an Azure Kinect).",
    "body_trk/skeletons": "Topic of the input 'zed' (zed_msgs/ObjectsStamped).",
    "yolo/detections": "Topic of the input 'yolo' (yolo_msgs/DetectionArray).",
    "yolo/detections_3d": "Topic of the input 'yolo_3d' (yolo_msgs/DetectionArray).",
    "camera_info": "Topic that describes the camera behind images and people (sensor_msgs/CameraInfo).",
    "/humans/bodies/tracked": "Topic with the ids of the input 'hri' (hri_msgs/IdsList); the bodies lie beside it.",
}
OUTPUTS = {
    "~/actions": "Topic of the records (std_msgs/String with JSON).",
    "~/action": "Topic of the one label (std_msgs/String).",
    "~/classes": "Topic of what the node can say (std_msgs/String with JSON).",
    "~/person_actions": "Topic of the records as typed messages (csre_msgs/PersonActionArray).",
    "~/events": "Topic of the events as typed messages (csre_msgs/ActionEvent).",
    "~/skeletons": "Topic of the people seen (sensor_msgs/PointCloud2).",
    "~/skeletons/layout": "Topic of the layout of that cloud (std_msgs/String).",
    "~/markers": "Topic of bones and labels for RViz (visualization_msgs/MarkerArray).",
    "~/image/compressed": "Topic of the drawn picture (sensor_msgs/CompressedImage).",
    "~/detections": "Topic of the detections (vision_msgs/Detection2DArray).",
    "~/label_info": "Topic of the names behind their class ids (vision_msgs/LabelInfo).",
    "/intents": "Topic of the intents (hri_actions_msgs/Intent).",
}


def _argument(topic: str) -> str:
    name = topic.strip("~/").replace("/", "_")
    return f"output_{name}" if topic in OUTPUTS else name


def _outliving() -> str:
    """What is put before the node's command, so that it ends when its parent does.

    `ros2 launch` leaves what it started behind when it is ended by SIGTERM or killed; the kernel then sends the node a
    SIGTERM, and it withdraws what it said as always. setpriv is part of util-linux, which every Debian has.
    """
    return "setpriv --pdeathsig TERM" if shutil.which("setpriv") else ""


def _profile_variables() -> tuple[str, ...]:
    """How Fast DDS calls its profile: the one up to Jazzy; a newer one warns of the old name."""
    old, new = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"
    distribution = os.environ.get("ROS_DISTRO", "")
    return (old, new) if not distribution else (old,) if distribution <= "jazzy" else (new,)


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The node and the events that activate it, once the values of the arguments are known."""

    def value(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    given = {
        name: ParameterValue(value(name), value_type=kind) for name, (_, _, kind) in PARAMETERS.items() if value(name)
    }
    node = LifecycleNode(
        package="csre_ros",
        executable="action_node",
        name=value("name"),
        namespace=value("namespace"),
        output="screen",
        prefix=_outliving(),
        parameters=[
            value("params_file"),
            {**given, "autostart": False, "use_sim_time": value("use_sim_time") == "true"},
        ],
        remappings=[(topic, value(_argument(topic))) for topic in (*TOPICS, *OUTPUTS)],
    )
    activate = RegisterEventHandler(
        OnStateTransition(
            target_lifecycle_node=node,
            start_state="configuring",
            goal_state="inactive",
            entities=[_change(node, Transition.TRANSITION_ACTIVATE)],
        )
    )
    profile = value("fastdds_profile")
    variables = dict.fromkeys(_profile_variables(), profile) if profile else {}
    if value("localhost_only") == "true":
        variables["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    return [
        *(SetEnvironmentVariable(variable, text) for variable, text in variables.items()),
        activate,
        node,
        _change(node, Transition.TRANSITION_CONFIGURE),
    ]


def _change(node: LifecycleNode, transition: int) -> EmitEvent:
    return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition))


def generate_launch_description() -> LaunchDescription:
    """All arguments with their descriptions, then the node."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value="", description=text, choices=choices)
                for name, (text, choices, _) in PARAMETERS.items()
            ),
            *(
                DeclareLaunchArgument(_argument(topic), default_value=topic, description=text)
                for topic, text in {**TOPICS, **OUTPUTS}.items()
            ),
            DeclareLaunchArgument("name", default_value="action_node", description="Name of the node."),
            DeclareLaunchArgument(
                "namespace", default_value="", description="Namespace of the node, for example one per camera."
            ),
            DeclareLaunchArgument(
                "params_file", default_value=str(CONFIG / "params.yaml"), description="Parameter file of the node."
            ),
            DeclareLaunchArgument(
                "use_sim_time", default_value="false", choices=["true", "false"], description="Take time from /clock."
            ),
            DeclareLaunchArgument(
                "localhost_only",
                default_value="false",
                choices=["true", "false"],
                description="Be found by, and find, nodes on this machine only; they need the same setting.",
            ),
            DeclareLaunchArgument(
                "fastdds_profile",
                default_value=str(CONFIG / "fastdds_images.xml"),
                description="Fast DDS profile with room for raw images; empty: leave the environment as it is.",
            ),
            OpaqueFunction(function=_start),
        ]
    )

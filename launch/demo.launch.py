"""Play the recording that ships with the package to the node, over and over, and look at it in RViz.

    ros2 launch csre_ros demo.launch.py
    ros2 launch csre_ros demo.launch.py source:=camera:0 rviz:=false

No camera is needed. The node comes from ``action_recognition.launch.py``; what is added is a transform that lets people
stand upright, and RViz with ``config/actions.rviz``. What of that is not installed is said and left out. It imports
nothing of the package.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from math import pi
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_packages_with_prefixes
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, LogInfo
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription, LaunchDescriptionEntity

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent / "config"

# A camera that looks straight ahead from a robot's chest: optical axes (REP-103) seen from base_link.
CAMERA = {"x": 0.0, "y": 0.0, "z": 1.2, "roll": -pi / 2, "pitch": 0.0, "yaw": -pi / 2}
BASE_FRAME, CAMERA_FRAME = "base_link", "camera_optical_frame"


def shipped_recording() -> str:
    """The recording inside the installed package, which is found but not imported.

    Raises:
        ImportError: The package is not installed where the launch file runs.
    """
    package = find_spec("csre_ros")
    if package is None or package.origin is None:
        raise ImportError("csre_ros is not installed here; build it with colcon and source install/setup.bash")
    return str(Path(package.origin).parent / "recordings" / "wave_and_squats.mcap")


def _node(package: str, loss: str, **arguments: Any) -> LaunchDescriptionEntity:
    """A node of another package; where that is not installed, a line in the log that says what is lost."""
    if package in get_packages_with_prefixes():
        return Node(package=package, **arguments)
    condition, distribution = arguments.get("condition"), os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
    install = f"sudo apt install ros-{distribution}-{package.replace('_', '-')}"
    return LogInfo(msg=f"{package} is not installed, and {loss}: {install}", condition=condition)


def generate_launch_description() -> LaunchDescription:
    """The arguments, the node, the transform, and RViz if wanted."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "source",
                default_value=shipped_recording(),
                description="What to show: the shipped recording, or camera:N, a video file, a URL, a folder.",
            ),
            DeclareLaunchArgument(
                "rviz", default_value="true", choices=["true", "false"], description="Start RViz with its layout."
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(HERE / "action_recognition.launch.py")),
                launch_arguments={
                    "input": "camera",
                    "source": LaunchConfiguration("source"),
                    "frame_id": CAMERA_FRAME,
                    "params_file": str(CONFIG / "demo.yaml"),
                }.items(),
            ),
            _node(
                "tf2_ros",
                "people have no place in RViz",
                executable="static_transform_publisher",
                arguments=[
                    *(part for name, value in CAMERA.items() for part in (f"--{name}", str(value))),
                    *("--frame-id", BASE_FRAME, "--child-frame-id", CAMERA_FRAME),
                ],
            ),
            _node(
                "rviz2",
                "there is no picture",
                executable="rviz2",
                arguments=["-d", str(CONFIG / "actions.rviz")],
                condition=IfCondition(LaunchConfiguration("rviz")),
            ),
        ]
    )

"""The command line of the node: what ROS does not understand is refused, instead of passed over in silence."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence

import rclpy
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from csre_ros.ros.settings import options

_COMMON = ("input", "source", "layout", "bundle", "device", "record", "decoder.threshold_scale")
_HELP = """\
usage: csre node --ros-args [-p NAME:=VALUE]... [--params-file FILE] [-r FROM:=TO]...
   or: ros2 run csre_ros action_node --ros-args ...

Sees what people do and publishes it; Ctrl-C ends it.

parameters that most users set:
{parameters}

examples:
  csre node --ros-args -p source:=camera:0
  csre node --ros-args -p input:=image -r image:=/camera/color/image_raw
  csre node --ros-args --params-file my_params.yaml

All parameters, topics and services: docs/operator.md. `python -m csre_ros.ros.settings` prints a parameter file with
every parameter, its default and its range; `ros2 param list /action_node` lists those of the running node.
"""


def start_ros(arguments: Sequence[str]) -> int | None:
    """Initialise rclpy, which then leaves signals alone.

    Args:
        arguments: The command line, the name of the program first.

    Returns:
        None where the node may start. Otherwise the exit status: 0 after help, 2 where the command line was refused,
        with the reason on standard error.
    """
    try:
        foreign = remove_ros_args(list(arguments))[1:]
        if {"-h", "--help"} & set(foreign):
            sys.stdout.write(help_text())
            return 0
        if refused := _bare(arguments[1:]) or foreign:
            sys.stderr.write(f"csre node: {complaint(refused)}\n")
            return 2
        rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # the common base of what rclpy raises here
        reason = re.sub(r"^Failed to parse ROS arguments: |, at \S+:\d+", "", str(error)).replace("\n", " ")
        sys.stderr.write(f"csre node: ROS refuses the arguments: {reason}; see `csre node --help`\n")
        return 2
    return None


def complaint(foreign: Sequence[str]) -> str:
    """What is wrong with arguments that are none of ROS, and what the first of them should have been.

    >>> complaint(["--input", "skeletons"])
    "unknown argument '--input'; parameters are given as: --ros-args -p input:=skeletons"
    >>> complaint(["--verbose"])
    "unknown argument '--verbose'; parameters are given as: --ros-args -p NAME:=VALUE"
    """
    name, _, value = foreign[0].lstrip("-").replace(":=", "=").partition("=")
    if name not in options():
        name, value = "NAME", "VALUE"
    value = value or next((word for word in foreign[1:2] if not word.startswith("-")), "VALUE")
    return f"unknown argument {foreign[0]!r}; parameters are given as: --ros-args -p {name}:={value}"


def help_text() -> str:
    """What ``--help`` prints."""
    known, lines = options(), []
    for name in _COMMON:
        item = known[name]
        choices = f" One of: {', '.join(item.metadata['choices'])}." if item.metadata["choices"] else ""
        text = f"{item.metadata['help']}{choices} Default: {item.default!r}."
        lines += [f"  {name}", textwrap.fill(text, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)]
    return _HELP.format(parameters="\n".join(lines))


def _bare(arguments: Sequence[str]) -> list[str]:
    """Parameters without ``--ros-args``: ROS takes them for names to be remapped, as it did long ago."""
    first = next((i for i, word in enumerate(arguments) if word == "--ros-args"), len(arguments))
    return [word for word in arguments[:first] if word.partition(":=")[0] in options() and ":=" in word]

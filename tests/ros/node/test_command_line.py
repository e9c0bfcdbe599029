"""The node's command line: what ROS would pass over in silence is refused with the right form."""

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
import rclpy

from csre_ros.ros.node.command_line import start_ros


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_teaches_the_form_and_names_the_full_list(capsys, flag):
    assert start_ros(["csre", flag]) == 0
    text = capsys.readouterr().out
    assert "--ros-args -p input:=image -r image:=/camera/color/image_raw" in text
    assert all(f"  {name}\n" in text for name in ("input", "source", "bundle"))
    assert "compressed_image, skeletons" in text
    assert "docs/operator.md" in text
    assert not rclpy.ok()


@pytest.mark.parametrize(
    ("arguments", "named", "form"),
    [
        (["--input", "skeletons"], "--input", "--ros-args -p input:=skeletons"),
        (["--input=json"], "--input=json", "--ros-args -p input:=json"),
        (["--loop"], "--loop", "--ros-args -p loop:=VALUE"),
        (["clip.mp4"], "clip.mp4", "--ros-args -p NAME:=VALUE"),
        (["--ros-args", "-p", "input:=json", "--", "--verbose"], "--verbose", "--ros-args -p NAME:=VALUE"),
        (["-p", "input:=image"], "input:=image", "--ros-args -p input:=image"),  # ROS would rename `input`
    ],
)
def test_other_arguments_are_refused_with_the_right_form(capsys, arguments, named, form):
    assert start_ros(["csre", *arguments]) == 2
    assert capsys.readouterr().err == f"csre node: unknown argument {named!r}; parameters are given as: {form}\n"
    assert not rclpy.ok()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p"], "trailing -p flag"),
        (["-p", "input"], "'-p input'"),
        (["--params-file", "/nonesuch.yaml"], "/nonesuch.yaml"),
        (["--telepathy"], "--telepathy"),
    ],
)
def test_what_ros_cannot_parse_is_one_line(capsys, arguments, words):
    assert start_ros(["csre", "--ros-args", *arguments]) == 2
    text = capsys.readouterr().err
    assert text.startswith("csre node: ROS refuses the arguments: ")
    assert words in text
    assert text.count("\n") == 1


def test_ros_arguments_start_it():
    arguments = ["csre", "--ros-args", "-p", "input:=json", "-r", "__ns:=/left"]
    try:
        assert start_ros(arguments) is None
        assert rclpy.ok()
    finally:
        rclpy.try_shutdown()


@pytest.mark.slow
def test_the_command_ends_with_the_reason():
    command = [sys.executable, "-m", "csre_ros.app.main", "node", "--input", "skeletons"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "csre node: unknown argument '--input'; parameters are given as: --ros-args -p input:=skeletons\n"
    )

"""The launch files, executed against stand-ins for the launch packages, which are in no package index."""

import os
import re
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

Transition = pytest.importorskip("lifecycle_msgs.msg", reason="needs the ROS message packages").Transition

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "launch"
CONFIG = ROOT / "config"


class Recorded:
    """Remembers how it was made."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


class LaunchConfiguration(Recorded):
    def perform(self, context):
        return context[self.args[0]]


NAMES = {
    "launch": ("LaunchContext", "LaunchDescription", "LaunchDescriptionEntity"),
    "launch.actions": (
        "DeclareLaunchArgument",
        "EmitEvent",
        "IncludeLaunchDescription",
        "LogInfo",
        "OpaqueFunction",
        "RegisterEventHandler",
        "SetEnvironmentVariable",
    ),
    "launch.conditions": ("IfCondition",),
    "launch.events": ("matches_action",),
    "launch.launch_description_sources": ("PythonLaunchDescriptionSource",),
    "launch.substitutions": (),
    "launch_ros": (),
    "launch_ros.actions": ("LifecycleNode", "Node"),
    "launch_ros.event_handlers": ("OnStateTransition",),
    "launch_ros.events": (),
    "launch_ros.events.lifecycle": ("ChangeState",),
    "launch_ros.parameter_descriptions": ("ParameterValue",),
}


@pytest.fixture
def load(monkeypatch):
    """Executes a launch file and returns what it describes."""
    for module, names in NAMES.items():
        fake = types.ModuleType(module)
        for name in names:
            setattr(fake, name, type(name, (Recorded,), {}))
        monkeypatch.setitem(sys.modules, module, fake)
    sys.modules["launch.substitutions"].LaunchConfiguration = LaunchConfiguration

    def execute(file):
        before = set(sys.modules)
        namespace = {"__file__": str(file), "__name__": "launch_file"}
        exec(compile(file.read_text(), file, "exec"), namespace)
        described = namespace["generate_launch_description"]().args[0]
        heavy = {"csre_ros", "numpy", "onnxruntime", "mediapipe", "cv2"}
        assert not heavy & {name.partition(".")[0] for name in set(sys.modules) - before}
        return described

    return execute


@pytest.fixture
def description(load):
    return load(LAUNCH / "action_recognition.launch.py")


def kind(action):
    return type(action).__name__


def arguments_of(description):
    return {action.args[0]: action.kwargs for action in description if kind(action) == "DeclareLaunchArgument"}


@pytest.fixture
def arguments(description):
    return arguments_of(description)


@pytest.fixture
def start(description, arguments):
    """Runs the part that sees the values of the arguments, and returns its actions by kind."""
    function = next(action for action in description if kind(action) == "OpaqueFunction").kwargs["function"]

    def run(**given):
        actions = function({**{name: item["default_value"] for name, item in arguments.items()}, **given})
        return {name: [action for action in actions if kind(action) == name] for name in map(kind, actions)}

    return run


@pytest.mark.parametrize("file", sorted(LAUNCH.iterdir()), ids=lambda file: file.name)
def test_every_argument_is_described_and_defaults_to_one_of_its_choices(load, installed, file):
    for item in arguments_of(load(file)).values():
        assert item["description"].endswith(".")
        assert item.get("choices") is None or item["default_value"] in item["choices"]


def test_choices_are_those_of_the_parameters(arguments):
    from csre_ros.ros.settings import options

    for name in ("input", "device"):
        assert arguments[name]["choices"] == ("", *options()[name].metadata["choices"])


def test_localhost_only_keeps_the_node_on_this_machine(start):
    actions = start(localhost_only="true", fastdds_profile="")["SetEnvironmentVariable"]
    assert dict(action.args for action in actions) == {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    assert "SetEnvironmentVariable" not in start(fastdds_profile="")


def test_the_parameter_file_decides_unless_an_argument_is_given(start):
    (node,) = start()["LifecycleNode"]
    file, given = node.kwargs["parameters"]
    assert Path(file).samefile(CONFIG / "params.yaml")
    assert given == {"autostart": False, "use_sim_time": False}

    (node,) = start(input="image", bundle="b.onnx", use_sim_time="true", image="/camera/image_raw")["LifecycleNode"]
    _, given = node.kwargs["parameters"]
    assert (given["input"].args, given["input"].kwargs) == (("image",), {"value_type": str})
    assert given["bundle"].args == ("b.onnx",)
    assert given["use_sim_time"] is True
    assert ("image", "/camera/image_raw") in node.kwargs["remappings"]


def test_arguments_are_parameters_that_exist_of_their_type(start, arguments):
    from csre_ros.ros.settings import options, unknown

    others = ("params_file", "use_sim_time", "name", "namespace", "fastdds_profile", "localhost_only")
    strings = {name: "x" for name in arguments if name not in others}
    (node,) = start(**strings)["LifecycleNode"]
    given = node.kwargs["parameters"][1]
    assert unknown(given) == []
    assert {"input", "image_width", "loop", "record", "publish_gestures", "publish_intents", "symbols"} < set(given)
    for name in given.keys() - {"autostart", "use_sim_time"}:
        assert given[name].kwargs == {"value_type": type(options()[name].default)}, name
        if isinstance(options()[name].default, bool):
            assert arguments[name]["choices"] == ("", "true", "false")
    assert "auto" in arguments["bundle"]["description"]


def test_every_topic_of_the_node_has_an_argument(start):
    (node,) = start()["LifecycleNode"]
    remapped = dict(node.kwargs["remappings"])
    page = (ROOT / "docs" / "integrator.md").read_text()

    def table(heading, column):
        section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
        return {name for row in rows for name in re.findall(r"`([~/\w]+)`", row[column])}

    inputs = table("Inputs", 2) - {"source"}
    outputs = table("Topics", 1) - {"/diagnostics"}
    assert inputs | outputs <= set(remapped)
    assert all(topic == target for topic, target in remapped.items())
    (node,) = start(output_actions="/robot/actions", skeletons="/tracker")["LifecycleNode"]
    remapped = dict(node.kwargs["remappings"])
    assert (remapped["~/actions"], remapped["skeletons"], remapped["~/skeletons"]) == (
        "/robot/actions",
        "/tracker",
        "~/skeletons",
    )


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv of util-linux")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_node_ends_with_the_launch_whatever_ends_that(start, number):
    """A process in place of `ros2 launch`, which dies without a word to what it has started."""
    (node,) = start()["LifecycleNode"]
    prefix = node.kwargs["prefix"].split()
    told = "import signal; print(signal.sigwait({signal.SIGTERM}), flush=True)"
    code = f"import signal; signal.pthread_sigmask(0, {{signal.SIGTERM}}); print('up', flush=True); {told}"
    script = f"import subprocess; subprocess.Popen({[*prefix, sys.executable, '-c', code]!r}).wait()"
    launch = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert launch.stdout.readline() == "up\n"
    launch.send_signal(number)
    assert launch.wait(10) == -number
    assert launch.stdout.readline() == "15\n"  # until then the pipe stays open
    assert launch.stdout.read() == ""
    launch.stdout.close()


def test_lifecycle_goes_by_events(start):
    actions = start()
    (node,) = actions["LifecycleNode"]
    (handler,) = actions["RegisterEventHandler"]
    transition = handler.args[0].kwargs
    assert transition["target_lifecycle_node"] is node
    assert (transition["start_state"], transition["goal_state"]) == ("configuring", "inactive")
    changes = [actions["EmitEvent"][0], transition["entities"][0]]
    ids = [change.kwargs["event"].kwargs["transition_id"] for change in changes]
    assert ids == [Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE]


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("", {"FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"}),
        ("jazzy", {"FASTRTPS_DEFAULT_PROFILES_FILE"}),
        ("kilted", {"FASTDDS_DEFAULT_PROFILES_FILE"}),
        ("lyrical", {"FASTDDS_DEFAULT_PROFILES_FILE"}),
    ],
)
def test_the_fast_dds_profile_is_named_as_the_release_asks_unless_switched_off(
    start, monkeypatch, distribution, expected
):
    monkeypatch.setenv("ROS_DISTRO", distribution)
    variables = dict(action.args for action in start()["SetEnvironmentVariable"])
    assert set(variables) == expected
    for profile in variables.values():
        assert os.path.samefile(profile, CONFIG / "fastdds_images.xml")
    assert "SetEnvironmentVariable" not in start(fastdds_profile="")


def test_profile_makes_room_for_images():
    space = {"dds": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}
    profile = ElementTree.parse(CONFIG / "fastdds_images.xml")
    assert int(profile.find(".//dds:segment_size", space).text) > 10 * 640 * 480 * 3
    assert int(profile.find(".//dds:receiveBufferSize", space).text) >= 4 * 2**20
    assert profile.find(".//dds:useBuiltinTransports", space).text == "false"
    declared = {
        item.find("dds:transport_id", space).text for item in profile.iterfind(".//dds:transport_descriptor", space)
    }
    used = {item.text for item in profile.iterfind(".//dds:userTransports/dds:transport_id", space)}
    assert declared == used


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Makes packages known to ROS, and none but these."""
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    return lambda *packages: [(index / package).touch() for package in packages]


def test_what_the_demo_lacks_is_said(load, installed, monkeypatch):
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    installed("csre_ros")
    actions = load(LAUNCH / "demo.launch.py")
    assert not any(kind(action) == "Node" for action in actions)
    transform, rviz = (action.kwargs for action in actions if kind(action) == "LogInfo")
    assert transform["msg"].startswith("tf2_ros is not installed, and people have no place in RViz: sudo apt install ")
    assert rviz["msg"].endswith("sudo apt install ros-jazzy-rviz2")
    assert rviz["condition"].args[0].args == ("rviz",)


@pytest.fixture
def demo(load, installed):
    """Actions of the demo by kind, where everything is installed."""
    installed("tf2_ros", "rviz2")
    actions = load(LAUNCH / "demo.launch.py")
    return {name: [action for action in actions if kind(action) == name] for name in map(kind, actions)}


def test_the_demo_plays_the_shipped_recording_over_and_over(demo, arguments):
    from csre_ros.recordings import SHIPPED
    from csre_ros.ros.settings import unknown

    declared = {action.args[0]: action.kwargs for action in demo["DeclareLaunchArgument"]}
    assert os.path.samefile(declared["source"]["default_value"], SHIPPED)
    (included,) = demo["IncludeLaunchDescription"]
    assert os.path.samefile(included.args[0].args[0], LAUNCH / "action_recognition.launch.py")
    given = dict(included.kwargs["launch_arguments"])
    assert set(given) <= set(arguments)
    assert given["source"].args == ("source",)
    (parameters,) = yaml.safe_load(Path(given["params_file"]).read_text()).values()
    assert parameters["ros__parameters"]["loop"] is True
    assert unknown(parameters["ros__parameters"]) == []


def test_in_the_demo_people_stand_upright(demo):
    """The transform turns camera-optical axes (x right, y down, z forward) into those of a robot."""
    transform = next(node for node in demo["Node"] if node.kwargs["package"] == "tf2_ros").kwargs["arguments"]
    options = dict(zip(transform[::2], transform[1::2], strict=True))
    roll, pitch, yaw = (float(options[f"--{name}"]) for name in ("roll", "pitch", "yaw"))
    turned = Rotation.from_euler("xyz", (roll, pitch, yaw)).apply(np.eye(3))
    right, down, forward = np.round(turned, 6).tolist()
    assert (right, down, forward) == ([0, -1, 0], [0, 0, -1], [1, 0, 0])
    assert (
        options["--child-frame-id"] == dict(demo["IncludeLaunchDescription"][0].kwargs["launch_arguments"])["frame_id"]
    )


def test_rviz_starts_if_wanted_with_a_layout_that_shows_the_node(demo):
    rviz = next(node for node in demo["Node"] if node.kwargs["package"] == "rviz2")
    assert rviz.kwargs["condition"].args[0].args == ("rviz",)
    _, file = rviz.kwargs["arguments"]
    layout = yaml.safe_load(Path(file).read_text())["Visualization Manager"]
    transform = next(node for node in demo["Node"] if node.kwargs["package"] == "tf2_ros").kwargs["arguments"]
    assert layout["Global Options"]["Fixed Frame"] in transform

"""What the package manifest lists is what the package needs."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()
NEEDED = {item.text for item in MANIFEST.iterfind("exec_depend")}
# Some go by another name in Debian.
DEBIAN = {"pyyaml": "yaml"}


def required(section):
    """Distributions in a list of setup.py, without versions and extras."""
    text = (ROOT / "setup.py").read_text().partition(f"{section}")[2].partition("]\n")[0].partition("],\n")[0]
    return [name for line in text.splitlines() for name in re.findall(r'"([A-Za-z][\w-]*)', line)[:1]]


@pytest.mark.parametrize("name", [*required("install_requires=["), "onnxruntime", "mediapipe"])
def test_every_python_dependency_has_a_key(name):
    name = DEBIAN.get(name, name)
    assert {f"python3-{name}", f"python3-{name}-pip"} & NEEDED


@pytest.mark.parametrize("name", required("ROS = ["))
def test_every_ros_dependency_is_listed(name):
    assert name.removeprefix("ros-").replace("-", "_") in NEEDED


def test_every_key_of_pip_is_in_the_rosdep_file():
    keys = yaml.safe_load((ROOT / "rosdep" / "csre_ros.yaml").read_text())
    assert set(keys) == {name for name in NEEDED if name.endswith("-pip")}
    for key, systems in keys.items():
        packages = {tuple(entry["pip"]["packages"]) for entry in systems.values()}
        assert packages == {(key.removeprefix("python3-").removesuffix("-pip"),)}


@pytest.mark.parametrize("folder", ["msgs/csre_msgs", "examples/cpp_listener"])
def test_sibling_packages_carry_our_version_and_list_what_cmake_looks_for(folder):
    manifest = ElementTree.parse(ROOT / folder / "package.xml").getroot()
    assert manifest.findtext("version") == MANIFEST.findtext("version")
    assert manifest.findtext("license") == MANIFEST.findtext("license")
    listed = {item.text for item in manifest if item.tag.endswith("depend")}
    text = (ROOT / folder / "CMakeLists.txt").read_text()
    assert set(re.findall(r"find_package\((\w+)", text)) <= listed
    if (ROOT / folder / "msg").is_dir():
        messages = {f"msg/{path.name}" for path in (ROOT / folder / "msg").iterdir()}
        assert set(re.findall(r'"(msg/\w+\.msg)"', text)) == messages

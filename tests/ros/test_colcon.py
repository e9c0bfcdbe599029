"""The package as colcon builds, installs and tests it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("colcon_core") is None or find_spec("colcon_ros") is None,
        reason="needs colcon: pip install colcon-common-extensions, which asks for an older setuptools",
    ),
]
ROOT = Path(__file__).parents[2]
PYTHON = Path(sys.executable).parent


def run(*command, folder):
    """What a command prints, which must succeed; the virtual environment is the active one."""
    path = f"{PYTHON}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_built_installed_and_tested(tmp_path):
    def colcon(verb, *arguments):
        return run(sys.executable, "-m", "colcon", verb, *arguments, folder=tmp_path)

    def installed(command):
        return run("bash", "-c", f"source install/setup.bash && {command}", folder=tmp_path)

    paths = ("--base-paths", str(ROOT), str(ROOT / "msgs"), str(ROOT / "examples"))
    names = [line.split()[0] for line in colcon("list", *paths).splitlines()]
    assert names == ["csre_cpp_listener", "csre_msgs", "csre_ros"]
    colcon("build", *paths, "--packages-select", "csre_ros")
    assert "wave" in installed("install/csre_ros/lib/csre_ros/csre models")
    assert "usage: csre node" in installed("install/csre_ros/lib/csre_ros/action_node --help")
    where = installed("python -c 'import csre_ros; print(csre_ros.__file__)'").strip()
    assert where.startswith(str(tmp_path / "install"))
    share = tmp_path / "install" / "csre_ros" / "share"
    assert (share / "ament_index" / "resource_index" / "packages" / "csre_ros").exists()
    assert (share / "csre_ros" / "launch" / "demo.launch.py").exists()
    assert not list(ROOT.glob("build"))
    assert not (ROOT / "install").exists()

    colcon("test", *paths, "--packages-select", "csre_ros", "--pytest-args", "tests/ros/test_launch.py")
    assert " 0 errors, 0 failures, 0 skipped" in colcon("test-result", "--all")

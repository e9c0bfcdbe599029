"""The package as colcon builds, installs and tests it, in an environment with the setuptools that colcon wants."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = Path(sys.executable).parent
COLCON = Path(sys.prefix) / "colcon"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (COLCON / "ready").exists(), reason="needs colcon: make .venv/colcon/ready"),
]


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
        return run(COLCON / "bin" / "colcon", verb, *arguments, folder=tmp_path)

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

"""What is said where ROS 2 is missing or too old: one line, by a process of its own."""

import subprocess
import sys

import pytest

RUN = "import sys; from csre_ros.ros.executable import main; sys.exit(main())"


def start(code):
    return subprocess.run([sys.executable, "-c", f"{code}\n{RUN}"], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_without_ros():
    done = start("import sys; sys.modules['rclpy'] = None")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("action_node: the node needs ROS 2: source /opt/ros/")


@pytest.mark.slow
def test_on_humble(tmp_path):
    """An rclpy without the module that came after Humble."""
    (tmp_path / "rclpy").mkdir()
    (tmp_path / "rclpy" / "__init__.py").touch()
    done = start(f"import sys; sys.path.insert(0, {str(tmp_path)!r})")
    (line,) = done.stderr.splitlines()
    assert line == (
        "action_node: the node needs ROS 2 Jazzy, Kilted, Lyrical or newer; this rclpy is of Humble or older"
    )
    assert done.returncode == 2

"""Everything in ``with_messages``, run where the message packages of others can be imported.

They are compiled from the texts in ``interfaces`` and reach a process of their own only: what is importable changes
what the node publishes, and no other test shall depend on the order in which tests run.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


@pytest.fixture(scope="session")
def interfaces():
    """Folder of the compiled packages; the first run on a machine takes half a minute."""
    spec = importlib.util.spec_from_file_location("interfaces_build", FOLDER / "interfaces" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    if missing := build.missing_tools():
        pytest.skip(f"compiling message packages needs {', '.join(missing)}")
    return build.cached() / "site"


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((FOLDER / "with_messages").glob("test_*.py")), ids=lambda path: path.stem)
def test_with_messages(interfaces, path):
    paths = [str(interfaces), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(path), "--tb=short"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout

"""Packaging for both ``pip install .`` and ``colcon build`` (ament_python)."""

import re
from glob import glob
from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

VERSION = "0.1.0"
MANIFEST = ElementTree.parse("package.xml")
REPOSITORY = (MANIFEST.findtext("url[@type='repository']") or "").rstrip("/")


def for_an_index(page: str) -> str:
    """A page as a package index shows it, which has none of the files that it links to.

    Links lead to this version in the repository that ``package.xml`` names, as GitHub and GitLab address it; where it
    names none, their texts stay and pictures are left out.
    """

    def replaced(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        if target.startswith(("https://", "http://", "#")):
            return match[0]
        if not REPOSITORY:
            return "" if picture else text
        return f"{picture}[{text}]({REPOSITORY}/{'raw' if picture else 'blob'}/{VERSION}/{target})"

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", replaced, page)


# Wheels of ROS are made for x86-64 only; elsewhere a distribution brings these.
ROS = [
    f"{package}; platform_machine == 'x86_64'"
    for package in (
        "ros-rclpy[fastrtps]>=7.1",
        "ros-std-msgs",
        "ros-sensor-msgs",
        "ros-geometry-msgs",
        "ros-visualization-msgs",
        "ros-diagnostic-msgs",
        "ros-lifecycle-msgs",
        "ros-std-srvs",
    )
]
# 0.10.21 carries the pose model and exists for x86-64 up to Python 3.12; 1.2 runs everywhere and gets it by
# `csre pose-model`. 0.10.18 is for Arm cores without LSE atomics (Raspberry Pi 4, Jetson Nano), where 1.2 aborts.
WITH_MODEL = "python_version < '3.13' and platform_machine == 'x86_64'"
WITHOUT_MODEL = "python_version >= '3.13' or platform_machine != 'x86_64'"
MEDIAPIPE = [f"mediapipe==0.10.21; {WITH_MODEL}", f"mediapipe>=1.2; {WITHOUT_MODEL}"]
TEST = [
    "pytest>=8",
    "pytest-timeout",
    "shtab>=1.7",
    "packaging",
    "scipy>=1.10",
    "pytest-xdist>=3.7",  # the first that leaves the order of files alone on request
    "jsonschema",
    "onnx>=1.17",  # writes the bundles of the tests
    "mcap-ros2-support",
    "ruff",
    "mypy",
    "types-PyYAML",
    "codespell",
]
TRAIN = [
    "jsonargparse[signatures]>=4.30",  # what LightningCLI needs of it
    "torch>=2.6",
    "lightning>=2.5",
    "torchmetrics",
    "onnx>=1.17",
    "onnxscript",
    "matplotlib",
    "scipy>=1.10",
    "tensorboard",
]

setup(
    name="csre_ros",
    version=VERSION,
    description="Live recognition of human actions from skeletons, published in ROS 2",
    long_description=for_an_index(Path("README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=["ROS 2", "action recognition", "human-robot interaction", "skeleton", "pose", "gesture", "ONNX"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    maintainer="csre_ros maintainers",
    maintainer_email="maintainers@users.noreply.r-seed-8c335ea2.example",
    project_urls={"Source": REPOSITORY} if REPOSITORY else {},
    python_requires=">=3.10",
    packages=find_packages(include=["csre_ros", "csre_ros.*"]),
    package_data={
        "csre_ros": ["py.typed", "bundles/*.onnx", "recordings/*.mcap", "ros/outputs/*.yaml", "app/dash/page/*"]
    },
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/csre_ros"]),
        ("share/csre_ros", ["package.xml"]),
        ("share/csre_ros/launch", glob("launch/*.launch.py")),
        ("share/csre_ros/config", glob("config/*")),
        ("share/csre_ros/examples", glob("examples/*.py")),
        ("share/csre_ros/schema", glob("docs/schema/*.json")),
        ("share/doc/csre_ros", ["CHANGELOG.md"]),
    ],
    # opencv is not listed: mediapipe brings opencv-contrib-python, a superset, and two builds overwrite each other.
    install_requires=[
        "numpy>=1.24",
        "jsonargparse>=4.30",
        "pyyaml>=6",
        "rosbags>=0.10",
        "mcap>=1.5",  # the first that writes out a chunk on request
        "rich>=13",
    ],
    extras_require={
        "ros": ROS,
        "mediapipe": MEDIAPIPE,
        "mediapipe-numpy2": ["mediapipe>=1.2", "numpy>=2"],
        "mediapipe-old-arm": ["mediapipe==0.10.18"],
        "video": ["imageio-ffmpeg>=0.5", "pillow>=10"],  # H.264 and GIF
        "completion": ["shtab>=1.7"],
        "cpu": ["onnxruntime>=1.18"],
        "gpu": ["onnxruntime-gpu[cuda,cudnn]>=1.18"],
        "train": TRAIN,
        "test": TEST,
        "browser": ["playwright>=1.40"],  # drives a Chromium that is here already, to test the page of `csre dash`
    },
    entry_points={
        "console_scripts": [
            "csre = csre_ros.app.main:main",
            "action_node = csre_ros.ros.executable:main",
        ]
    },
    zip_safe=False,
)

"""Packaging for both ``pip install .`` and ``colcon build`` (ament_python)."""

from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

ROS = [
    "ros-rclpy[fastrtps]>=7.1",
    "ros-std-msgs",
    "ros-sensor-msgs",
    "ros-geometry-msgs",
    "ros-visualization-msgs",
    "ros-diagnostic-msgs",
    "ros-lifecycle-msgs",
    "ros-std-srvs",
]
TEST = [
    "pytest>=8",
    "pytest-timeout",
    "pytest-xdist>=3.7",  # the first that leaves the order of files alone on request
    "jsonschema",
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
    "tensorboard",
]

setup(
    name="csre_ros",
    version="0.1.0",
    description="Live recognition of human actions from skeletons, published in ROS 2",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    maintainer="csre_ros maintainers",
    maintainer_email="maintainers@users.noreply.r-seed-8c335ea2.example",
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
    ],
    # opencv is not listed: mediapipe brings opencv-contrib-python, a superset, and two builds overwrite each other.
    install_requires=[
        "numpy>=1.24",
        "scipy>=1.10",
        "jsonargparse>=4.30",
        "pyyaml>=6",
        "rosbags>=0.10",
        "mcap>=1.5",  # the first that writes out a chunk on request
        "rich>=13",
    ],
    extras_require={
        "ros": ROS,
        "mediapipe": ["mediapipe==0.10.21"],
        "video": ["imageio-ffmpeg>=0.5", "pillow>=10"],  # H.264 and GIF
        "cpu": ["onnxruntime>=1.18"],
        "gpu": ["onnxruntime-gpu[cuda,cudnn]>=1.18"],
        "train": TRAIN,
        "test": TEST,
    },
    entry_points={
        "console_scripts": [
            "csre = csre_ros.app.main:main",
            "action_node = csre_ros.ros.executable:main",
        ]
    },
    zip_safe=False,
)

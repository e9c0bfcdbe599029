"""Live recognition of human actions from skeletons, published in ROS 2.

The runtime half of the project: it needs numpy and onnxruntime, and imports neither torch nor ROS nor a camera
library until a part that needs one of them is used. The chain of steps is drawn in
``docs/developer.md``.
"""

__version__ = "0.1.0"

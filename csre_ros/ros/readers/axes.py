"""Axes of coordinate frames (REP-103): bodies look along x, cameras along z."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Optical x (right), y (down) and z (forward) are these of the body axes x forward, y left, z up, with these signs.
_AXES, _SIGNS = [1, 2, 0], np.array([-1, -1, 1], np.float32)


def to_optical(points: NDArray[Any], frame_id: str) -> NDArray[Any]:
    """Points in camera-optical axes about the origin of their frame.

    Args:
        points: ``[..., 3]`` in the axes that the frame's name declares.
        frame_id: Names of optical frames contain ``optical``, as REP-103 asks; all others have body axes.

    >>> import numpy as np
    >>> to_optical(np.array([3.0, 1.0, 0.5]), "zed_left_camera_frame").tolist()
    [-1.0, -0.5, 3.0]
    >>> to_optical(np.array([3.0, 1.0, 0.5]), "camera_color_optical_frame").tolist()
    [3.0, 1.0, 0.5]
    """
    return points if "optical" in frame_id else points[..., _AXES] * _SIGNS

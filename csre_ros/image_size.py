"""How large an image may be.

MediaPipe's native code ends the whole process at an image with a side of 32767 pixels, and Python cannot catch that.
"""

from __future__ import annotations

MAX_SIDE = 16384
"""Longest side of an image, in pixels."""
MAX_PIXELS = 7680 * 4320
"""Most pixels of an image: 8K video."""


def check_size(width: int, height: int) -> None:
    """Refuse an image that would end the process or fill the memory.

    Raises:
        ValueError: A side is longer than :data:`MAX_SIDE`, or there are more than :data:`MAX_PIXELS` pixels.
    """
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ValueError(
            f"the image is {width}x{height}; at most {MAX_SIDE} pixels on a side and {MAX_PIXELS} in all are accepted: "
            "let the sender scale it down"
        )

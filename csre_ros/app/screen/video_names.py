"""What a file with moving pictures may be called; apart from the code that writes one, which needs OpenCV."""

from __future__ import annotations

VIDEO_SUFFIXES = (".mp4", ".gif")


def check_video_name(output: str) -> None:
    """Refuse a name that says no format; an empty one stands for no file.

    Raises:
        ValueError: It ends otherwise.
    """
    if output and not output.lower().endswith(VIDEO_SUFFIXES):
        raise ValueError(f"output is {output!r}; choose a name that ends in one of: {', '.join(VIDEO_SUFFIXES)}")

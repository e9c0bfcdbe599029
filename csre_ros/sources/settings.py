"""Settings of the sources."""

from __future__ import annotations

from dataclasses import dataclass

from csre_ros.options import check, option


@dataclass(frozen=True)
class SourceConfig:
    """Where frames come from, and how fresh they must be."""

    width: int = option(
        0, "Image width asked of a camera, in pixels; 0 leaves it to the camera.", minimum=0, maximum=16384
    )
    height: int = option(
        0, "Image height asked of a camera, in pixels; 0 leaves it to the camera.", minimum=0, maximum=16384
    )
    fps: float = option(
        0.0,
        "Frames per second asked of a camera, or assumed for a folder of images; 0 is the camera's own, or 30.",
        minimum=0.0,
        maximum=1000.0,
    )
    fourcc: str = option(
        "",
        "Pixel format asked of a camera, as four characters such as MJPG or YUYV; empty: MJPG where the camera offers "
        "it, which lets most USB cameras deliver 30 frames per second at 720p, else the camera's own.",
    )
    max_age_s: float = option(
        2.0,
        "A live frame older than this is dropped, and a source silent for longer counts as lost, in seconds.",
        minimum=0.05,
        maximum=60.0,
    )
    reconnect: bool = option(True, "Wait for a lost camera or stream to come back; otherwise end with an error.")
    realtime: bool = option(False, "Play files and recordings at their own speed instead of as fast as possible.")
    frame_id: str = option("camera_optical_frame", "Camera-optical coordinate frame of the images (REP-103).")

    def __post_init__(self) -> None:
        check(self)
        if len(self.fourcc) not in (0, 4) or not self.fourcc.isascii():
            raise ValueError(f"fourcc is {self.fourcc!r}; give four characters, such as MJPG or YUYV, or none")

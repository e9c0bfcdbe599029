"""From what the user writes to a source."""

from __future__ import annotations

import threading

from csre_ros.foreign_text import quoted
from csre_ros.paths import user_path
from csre_ros.sources.frames import Source
from csre_ros.sources.settings import SourceConfig

_CHOICES = (
    "camera:N, a video file, a folder of images, an rtsp:// or http:// address, a recording (.mcap or bag folder)"
)
_WEB = ("http://", "https://")


def open_source(spec: str, config: SourceConfig | None = None, stop: threading.Event | None = None) -> Source:
    """Open a source. Use it in a ``with`` statement and iterate over it.

    Args:
        spec: ``camera:N``, the path of a video file, of a folder of images or of a recording (``.mcap`` or ``.db3``
            file, or rosbag2 folder, known by their content), or an ``rtsp://`` or ``http://`` address.
        config: Settings.
        stop: Gives up opening when it is set, as a signal does in the main thread.

    Raises:
        InterruptedError: It was given up.
        ValueError: The text is none of these, or the recording is damaged or foreign.
        OSError: The source does not open; the text says why.
        ImportError: OpenCV is needed and missing.
    """
    config = config or SourceConfig()
    if is_live(spec):
        return _open_live(spec, config, stop)
    path = user_path(spec)
    if not spec or not path.exists():
        raise FileNotFoundError(f"source {quoted(spec, 300)} does not exist; choose {_CHOICES}")
    if is_recording(spec):
        from csre_ros.sources.recording import RecordingSource

        return RecordingSource(path, config)
    from csre_ros.sources.stored import ImageFolder, VideoFile

    return ImageFolder(path, config) if path.is_dir() else VideoFile(path, config)


def is_recording(spec: str) -> bool:
    """Whether a source, as :func:`open_source` takes it, is a recording: people instead of images.

    >>> is_recording("~/wave.mcap"), is_recording("rtsp://robot/wave.mcap")
    (True, False)
    """
    from csre_ros.sources.bag_reader import names_bag

    return not is_live(spec) and names_bag(user_path(spec))


def is_live(spec: str) -> bool:
    """Whether a source, as :func:`open_source` takes it, is a camera or an address."""
    return spec.startswith("camera:") or "://" in spec


def _open_live(spec: str, config: SourceConfig, stop: threading.Event | None) -> Source:
    from csre_ros.sources.camera import URL_SCHEMES, open_camera, without_password
    from csre_ros.sources.live import LiveSource

    scheme, _, index = spec.partition(":")
    if scheme == "camera":
        if not (index.isascii() and index.isdigit()):
            raise ValueError(f"source {quoted(spec)} names no camera; write camera:N with the number of /dev/videoN")
        return LiveSource(spec, lambda: open_camera(int(index), config), config, stop)
    if scheme not in URL_SCHEMES:
        name = without_password(spec)
        raise ValueError(
            f"source {quoted(name)} has an unknown scheme {quoted(scheme)}; choose one of: {', '.join(URL_SCHEMES)}"
        )
    return _open_address(spec, config, stop)


def _open_address(spec: str, config: SourceConfig, stop: threading.Event | None) -> Source:
    """A web server may have a file, which has an end and times of its own, or a stream, which has neither."""
    from csre_ros.sources.camera import open_address, open_stream, without_password
    from csre_ros.sources.live import LiveSource
    from csre_ros.sources.stored import VideoAddress
    from csre_ros.sources.waiting import open_interruptibly

    name = without_password(spec)
    if spec.startswith(_WEB):
        video = open_interruptibly(lambda: open_address(spec, config), stop)
        finite = video.promised > 0
        video.release()
        if finite:
            return VideoAddress(name, lambda: open_interruptibly(lambda: open_address(spec, config), stop), config)
    return LiveSource(name, lambda: open_stream(spec, config), config, stop)

"""Sources: where frames come from. Cameras, streams, files and recordings, all of them iterators over frames."""

from csre_ros.sources.frames import Image, Source, SourceFrame
from csre_ros.sources.open import open_source
from csre_ros.sources.settings import SourceConfig

__all__ = ["Image", "Source", "SourceConfig", "SourceFrame", "open_source"]

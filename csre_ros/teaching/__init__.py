"""Labels by example: a few recordings of a gesture, and the runtime knows it beside the labels of its bundle."""

from csre_ros.teaching.enrol import trim
from csre_ros.teaching.gallery import Gallery, GalleryError
from csre_ros.teaching.recording import Recording, TeachError

__all__ = ["Gallery", "GalleryError", "Recording", "TeachError", "trim"]

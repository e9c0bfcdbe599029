"""Recognition: tracker, window, bundle, decoder, and the Recognizer that joins them."""

from csre_ros.recognition.bundle import Bundle, shipped_bundles
from csre_ros.recognition.bundle_info import BundleError, BundleInfo, Label
from csre_ros.recognition.recognizer import Recognizer
from csre_ros.recognition.types import ActionEvent, Decision, EventState, PersonAction

__all__ = [
    "ActionEvent",
    "Bundle",
    "BundleError",
    "BundleInfo",
    "Decision",
    "EventState",
    "Label",
    "PersonAction",
    "Recognizer",
    "shipped_bundles",
]

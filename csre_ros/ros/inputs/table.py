"""Where people come from: one table of inputs. What an input needs is imported when it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from csre_ros.sources.frames import SourceFrame

if TYPE_CHECKING:
    from rclpy.node import Node

    from csre_ros.recognition.bundle_info import BundleInfo
    from csre_ros.ros.health import Health
    from csre_ros.ros.settings import NodeSettings

INPUTS: Mapping[str, str] = {
    "camera": "csre_ros.ros.inputs.capture:CaptureInput",
    "image": "csre_ros.ros.inputs.topics:image",
    "compressed_image": "csre_ros.ros.inputs.topics:compressed_image",
    "skeletons": "csre_ros.ros.inputs.topics:skeletons",
    "json": "csre_ros.ros.inputs.topics:json",
    "marker_array": "csre_ros.ros.inputs.topics:marker_array",
    "zed": "csre_ros.ros.inputs.topics:zed",
    "yolo": "csre_ros.ros.inputs.topics:yolo",
    "yolo_3d": "csre_ros.ros.inputs.topics:yolo_3d",
    "hri": "csre_ros.ros.inputs.bodies:BodiesInput",
}
"""Name of the input -> ``module:factory``."""


class Input(Protocol):
    """Something that delivers items until it is closed.

    Attributes:
        what: Topic or source, for messages.
        images: Whether frames carry pictures that the pose stage must look at.
        dims: 3 for skeletons in metres, 2 for image points; None where the publisher says so later.
    """

    what: str
    images: bool
    dims: int | None

    def open(self) -> None:
        """Begin to deliver.

        Raises:
            ValueError: The source cannot be opened; the text says why and what to do.
            OSError: Likewise.
        """
        ...

    def close(self) -> None:
        """Deliver no more. Does nothing if it is not open."""
        ...

    def read(self, item: Any) -> tuple[SourceFrame, Counter[str]]:
        """Turn a delivered item into a frame, later and on another thread; also counts rejected people by reason.

        Raises:
            ValueError: The whole item is unreadable.
        """
        ...


def make_input(
    node: Node, settings: NodeSettings, health: Health, deliver: Callable[[Any], None], ended: Callable[[], None]
) -> Input:
    """The input that the settings name.

    Args:
        node: Owner of subscriptions.
        settings: All settings.
        health: Told about everything that arrives or gets lost.
        deliver: Called with each item, from a thread of the input's choice.
        ended: Called once when a finite source has nothing more to give.

    Raises:
        RuntimeError: A package that this input needs is not installed.
        ValueError: A setting that this input needs is missing.
    """
    module, _, factory = INPUTS[settings.node.input].partition(":")
    made: Input = getattr(import_module(module), factory)(node, settings, health, deliver, ended)
    return made


def check_dims(source: Input, info: BundleInfo) -> None:
    """Refuse flat skeletons for a bundle that was trained in space, and the other way round.

    Raises:
        ValueError: The dimensions differ.
    """
    if source.dims not in (None, info.dims):
        raise ValueError(
            f"{source.what} delivers {source.dims}-D skeletons and bundle {info.name!r} needs {info.dims}-D; depth is "
            "never invented: choose a bundle that declares the dimensions of your source"
        )

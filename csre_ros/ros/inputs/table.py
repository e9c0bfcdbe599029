"""Where people come from: one table of inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from csre_ros.ros.inputs.bodies import BodiesInput
from csre_ros.ros.inputs.capture import CaptureInput
from csre_ros.ros.inputs.contract import Input, InputContext
from csre_ros.ros.inputs.subscription import TopicInput
from csre_ros.ros.inputs.topics import TOPICS

FACTORIES: Mapping[str, Callable[[InputContext], Input]] = {
    "camera": CaptureInput,
    **{name: partial(BodiesInput if kind.bodies else TopicInput, kind) for name, kind in TOPICS.items()},
}
"""By the name of the input, as :data:`csre_ros.ros.settings.INPUTS` lists them."""


def make_input(context: InputContext) -> Input:
    """The input that the settings name.

    Raises:
        ImportError: A package that this input needs is not installed.
        ValueError: A setting that this input needs is missing.
    """
    return FACTORIES[context.settings.node.input](context)

"""Where people come from: one table of inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from csre_ros.ros.inputs.bodies import BodiesInput
from csre_ros.ros.inputs.capture import CaptureInput
from csre_ros.ros.inputs.contract import Input, InputContext
from csre_ros.ros.inputs.subscription import TopicInput
from csre_ros.ros.inputs.topics import RGBD, TOPICS, WITH_DEPTH

FACTORIES: Mapping[str, Callable[[InputContext], Input]] = {
    "camera": CaptureInput,
    **{name: partial(BodiesInput if kind.bodies else TopicInput, kind) for name, kind in TOPICS.items()},
    "rgbd": partial(TopicInput, RGBD),
}
"""By the name of the input, as :data:`csre_ros.ros.settings.INPUTS` lists them."""


def make_input(context: InputContext) -> Input:
    """The input that the settings name.

    Raises:
        ImportError: A package that this input needs is not installed.
        ValueError: A setting that this input needs is missing, or one that it has no use for is given.
    """
    config = context.settings.node
    if config.use_depth and config.input not in WITH_DEPTH:
        raise ValueError(
            f"use_depth has no use with the input {config.input!r}; set it with one of: {', '.join(WITH_DEPTH)}"
        )
    return FACTORIES[config.input](context)

"""ROS parameters from the settings' dataclasses, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import Field
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from csre_ros.config import check_field
from csre_ros.ros.config import NodeSettings, options, settings

_LARGEST_INTEGER = 2**63 - 1


def describe(item: Field[Any]) -> ParameterDescriptor:
    """What ``ros2 param describe`` shows: help, range and whether a running node accepts a change."""
    meta = item.metadata
    descriptor = ParameterDescriptor(description=meta["help"], read_only=not meta["dynamic"])
    if meta["choices"]:
        descriptor.additional_constraints = f"One of: {', '.join(meta['choices'])}"
    if meta["minimum"] is None and meta["maximum"] is None:
        return descriptor
    kind: type[Any] = type(item.default)
    largest = sys.float_info.max if kind is float else _LARGEST_INTEGER
    low = kind(-largest if meta["minimum"] is None else meta["minimum"])
    high = kind(largest if meta["maximum"] is None else meta["maximum"])
    if kind is float:
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    else:
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return descriptor


def declare(node: Node) -> None:
    """Declare every parameter with the values that the user gave.

    Raises:
        rclpy.exceptions.ParameterException: A given value has another type, or lies outside its range or choices.
    """
    node.add_on_set_parameters_callback(validate)
    node.declare_parameters("", [(name, item.default, describe(item)) for name, item in options().items()])


def validate(parameters: Iterable[Parameter[Any]]) -> SetParametersResult:
    """Refuse values outside the documented ranges and choices; parameters of others are not judged."""
    known = options()
    for parameter in parameters:
        if parameter.name in known:
            try:
                check_field(known[parameter.name], parameter.value)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)


def read(node: Node) -> NodeSettings:
    """The settings as the node's parameters say now."""
    return settings({name: node.get_parameter(name).value for name in options()})

"""ROS parameters from the settings' dataclasses, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import Field
from functools import partial
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from csre_ros.options import check_field
from csre_ros.ros.settings import NodeSettings, options, settings

_LARGEST_INTEGER = 2**63 - 1


def describe(item: Field[Any]) -> ParameterDescriptor:
    """What ``ros2 param describe`` shows: help, range, choices, and whether an active node accepts a change."""
    meta = item.metadata
    constraints = [f"One of: {', '.join(meta['choices'])}."] if meta["choices"] else []
    constraints += [] if meta["dynamic"] else ["Does not change while the node is active."]
    descriptor = ParameterDescriptor(description=meta["help"], additional_constraints=" ".join(constraints))
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


def declare(node: Node, active: Callable[[], bool]) -> None:
    """Declare every parameter with the values that the user gave.

    Args:
        node: Whose parameters they are.
        active: Whether the node is active, so that only dynamic parameters change.

    Raises:
        rclpy.exceptions.ParameterException: A given value has another type, or lies outside its range or choices.
    """
    node.add_on_set_parameters_callback(partial(_judge, node, active))
    node.declare_parameters("", [(name, item.default, describe(item)) for name, item in options().items()])


def _judge(node: Node, active: Callable[[], bool], parameters: Iterable[Parameter[Any]]) -> SetParametersResult:
    """Refuse what is out of range, and what cannot change now; the same value again is no change."""
    parameters = list(parameters)
    known = options()
    for parameter in parameters if active() else ():
        name = parameter.name
        fixed = name in known and not known[name].metadata["dynamic"]
        if fixed and parameter.value != node.get_parameter(name).value:
            path = node.get_fully_qualified_name()
            reason = f"{name} cannot change while the node is active: first run `ros2 lifecycle set {path} deactivate`"
            return SetParametersResult(successful=False, reason=reason)
    return validate(parameters)


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

"""ROS parameters from the settings' dataclasses, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from csre_ros.foreign_text import is_printable, quoted, sentence
from csre_ros.options import check_field
from csre_ros.ros.settings import NodeSettings, options, settings

_LARGEST_INTEGER = 2**63 - 1
_LONGEST_TEXT = 4096
_CLOCK = "use_sim_time"  # declared by rclpy


def describe(item: Field[Any]) -> ParameterDescriptor:
    """What ``ros2 param describe`` shows: help, range, choices, and whether an active node accepts a change."""
    meta = item.metadata
    constraints = [f"One of: {', '.join(meta['choices'])}."] if meta["choices"] else []
    constraints += [] if meta["dynamic"] else ["Does not change while the node is active."]
    constraints += [] if meta["remote"] else ["Does not change after start, unless allow_remote_files is set."]
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
    given = node._parameter_overrides
    given.update({parameter.name: parameter for parameter in _widened(given.values())})
    judge = _Judge(node, active)
    node.add_on_set_parameters_callback(judge)
    node.add_pre_set_parameters_callback(_widened)
    node.declare_parameters("", [(name, item.default, describe(item)) for name, item in options().items()])
    judge.started = True


def _widened(parameters: Iterable[Parameter[Any]]) -> list[Parameter[Any]]:
    """The same parameters, but for whole numbers where the parameter is a decimal one: `1` means `1.0` to everybody."""
    known = options()
    return [
        Parameter(parameter.name, Parameter.Type.DOUBLE, float(parameter.value))
        if parameter.type_ == Parameter.Type.INTEGER
        and parameter.name in known
        and isinstance(known[parameter.name].default, float)
        else parameter
        for parameter in parameters
    ]


class _Judge:
    """Refuses what is out of range, and what cannot change now; the same value again is no change.

    Args:
        node: Whose parameters they are.
        active: Whether the node is active.

    Attributes:
        started: Whether all parameters have the values that the user gave; from then on others set them.
    """

    def __init__(self, node: Node, active: Callable[[], bool]) -> None:
        self.started = False
        self._node = node
        self._active = active

    def __call__(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        known = options()
        for parameter in parameters if self.started else ():
            name = parameter.name
            if name == _CLOCK and parameter.value != self._node.get_parameter(name).value:
                # Whoever sets it would decide what time it is here, by /clock.
                return SetParametersResult(successful=False, reason=f"{name} does not change after start")
            same = name not in known or parameter.value == self._node.get_parameter(name).value
            if not same and (reason := self._fixed(name, known[name].metadata)):
                return SetParametersResult(successful=False, reason=reason)
        return validate(parameters)

    def _fixed(self, name: str, meta: Mapping[str, Any]) -> str:
        """Why a parameter does not change now; empty: it does."""
        allowed = self._node.get_parameter("allow_remote_files").value and name != "allow_remote_files"
        if not (meta["remote"] or allowed):
            return (
                f"{name} names what the node opens and does not change after start: start the node with another value, "
                "or with allow_remote_files"
            )
        if self._active() and not meta["dynamic"]:
            path = self._node.get_fully_qualified_name()
            return f"{name} cannot change while the node is active: first run `ros2 lifecycle set {path} deactivate`"
        return ""


def validate(parameters: Iterable[Parameter[Any]]) -> SetParametersResult:
    """Refuse values outside the documented ranges and choices; parameters of others are not judged."""
    known = options()
    for parameter in parameters:
        if parameter.name in known:
            try:
                check_field(known[parameter.name], parameter.value)
                _check_text(parameter)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=sentence(error))
    return SetParametersResult(successful=True)


def _check_text(parameter: Parameter[Any]) -> None:
    """Refuse texts that can be no name, path or address; ValueError."""
    value = parameter.value
    if isinstance(value, str) and not (len(value) <= _LONGEST_TEXT and is_printable(value)):
        raise ValueError(
            f"{parameter.name} is {quoted(value)}; it must be printable, of at most {_LONGEST_TEXT} characters"
        )


def read(node: Node) -> NodeSettings:
    """The settings as the node's parameters say now."""
    return settings({name: node.get_parameter(name).value for name in options()})

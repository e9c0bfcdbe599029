"""Services for whoever wants more than topics and less than lifecycle."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

Answer = tuple[bool, str]
"""Whether it was done, and a sentence for whoever asked."""


def offer(node: Node, reset: Callable[[], Answer], set_enabled: Callable[[bool], Answer]) -> None:
    """Offer ``~/reset`` (``std_srvs/Trigger``) and ``~/set_enabled`` (``std_srvs/SetBool``).

    Args:
        node: Who offers them.
        reset: Forgets everybody in view.
        set_enabled: Starts or stops recognition.
    """

    def on_reset(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = reset()
        return response

    def on_set_enabled(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success, response.message = set_enabled(request.data)
        return response

    node.create_service(Trigger, "~/reset", on_reset)
    node.create_service(SetBool, "~/set_enabled", on_set_enabled)

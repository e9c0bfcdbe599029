"""Services for whoever wants more than topics and less than lifecycle."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

Answer = tuple[bool, str]
"""Whether it was done, and a sentence for whoever asked."""


Ask = Callable[[], Answer]


def offer(node: Node, reset: Ask, set_enabled: Callable[[bool], Answer]) -> None:
    """Offer ``~/reset`` (``std_srvs/Trigger``) and ``~/set_enabled`` (``std_srvs/SetBool``).

    Args:
        node: Who offers them.
        reset: Forgets everybody in view.
        set_enabled: Starts or stops recognition.
    """

    def on_set_enabled(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success, response.message = set_enabled(request.data)
        return response

    node.create_service(Trigger, "~/reset", _answered(reset))
    node.create_service(SetBool, "~/set_enabled", on_set_enabled)


def offer_teaching(node: Node, start: Ask, stop: Ask) -> None:
    """Offer ``~/teach/start`` and ``~/teach/stop`` (``std_srvs/Trigger``).

    Args:
        node: Who offers them.
        start: Begins to record who is in view.
        stop: Ends that, and teaches what was seen.
    """
    node.create_service(Trigger, "~/teach/start", _answered(start))
    node.create_service(Trigger, "~/teach/stop", _answered(stop))


def _answered(ask: Ask) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
    def on_request(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = ask()
        return response

    return on_request

"""The process around the node: signals, the command line, graceful shutdown."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

from csre_ros.ros.missing import without_ros

try:
    import rclpy
    import rclpy.event_handler  # which Humble has not
except ImportError as error:
    raise without_ros("the node") from error
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from csre_ros.ros.node.command_line import start_ros
from csre_ros.ros.node.node import ActionNode
from csre_ros.ros.node.patience import is_anything_left
from csre_ros.signals import ending_signals

_BREATH_S = 0.001  # after a fault: should nothing but faults come, a core is left to others


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted; as ``action_node`` and ``csre node`` do.

    Args:
        args: Command line with ROS arguments; None: that of the process.

    Returns:
        Exit status: 0 after SIGINT, SIGTERM, SIGHUP, the end of the source or help, 2 where an argument or parameter
        was refused, or nothing could be begun that was to have an end.
    """
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    # rclpy's own handlers end the context at once, and the node could not withdraw what it has said.
    for number in ending_signals():
        signal.signal(number, stop)
    if (status := start_ros(sys.argv if args is None else args)) is not None:
        return status
    try:
        node = ActionNode(stopping)
    except ParameterException as error:
        rclpy.logging.get_logger("action_node").fatal(str(error))
        rclpy.try_shutdown()
        return 2
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        node.start()
        _spin(node, executor, stopping)
        status = 2 if node.finished.is_set() and node.refused else 0
    finally:
        node.destroy_node()  # withdraws what the node has said
        executor.shutdown()
        rclpy.try_shutdown()
    if is_anything_left():  # native code, which would bring the interpreter down when it takes itself apart
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _spin(node: ActionNode, executor: SingleThreadedExecutor, stopping: threading.Event) -> None:
    """Serve callbacks until the node is to end.

    rclpy raises here whatever a request, parameter or message of others makes its own code raise: one of an unknown
    type ended the node. So it is counted and said, and the next callback has its turn.
    """
    while not (stopping.is_set() or node.finished.is_set()) and rclpy.ok():
        try:
            executor.spin_once(timeout_sec=0.1)  # a signal does not end the wait
        except ExternalShutdownException:
            return
        except Exception as error:
            node.fault(error)
            stopping.wait(_BREATH_S)


if __name__ == "__main__":
    sys.exit(main())

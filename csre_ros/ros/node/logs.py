"""What the runtime logs, in the ROS log too: a camera that was lost is worth a line in ``/rosout``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from csre_ros.foreign_text import sentence

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger

_RUNTIME = logging.getLogger("csre_ros")


class RosLogHandler(logging.Handler):
    """Passes records of Python's ``logging`` on to a node's logger.

    Args:
        logger: The node's logger.
    """

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record; rclpy allows each of its calling lines one severity only."""
        text = sentence(self.format(record))
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)

    def attach(self) -> None:
        """Begin to receive what the runtime logs, from INFO on: which device the bundle runs on is news."""
        _RUNTIME.addHandler(self)
        _RUNTIME.setLevel(logging.INFO)

    def detach(self) -> None:
        """Receive no more."""
        _RUNTIME.removeHandler(self)
        _RUNTIME.setLevel(logging.NOTSET)

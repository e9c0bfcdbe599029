"""A ROS domain that nobody on this machine uses: tests and benchmarks need one to themselves. Needs no ROS."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

# Domains whose ports lie below those that Linux gives to whoever asks for any (DDSI-RTPS 2.5, section 9.6.2.3).
DOMAINS = range(1, 101)
_PORT_BASE, _PORTS_PER_DOMAIN = 7400, 250
_OFFSETS = (0, *range(10, 42, 2))

_held: list[IO[str]] = []  # locks last as long as their files are open


def take_domain(candidates: Iterable[int] = DOMAINS) -> int:
    """Take a domain for as long as this process lives.

    A lock keeps those apart who ask here. Other nodes are found by the ports of their domain: that of discovery by
    multicast, and those of the first participants, which bind to the first that is free.

    Args:
        candidates: Which to try, in this order.

    Raises:
        RuntimeError: All are in use.
    """
    for domain in candidates:
        # Left behind: whoever removed the file would let two processes lock two files of one name.
        lock = (Path(tempfile.gettempdir()) / f"ros_domain_{domain}.{os.getuid()}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for offset in _OFFSETS:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind(("", _PORT_BASE + _PORTS_PER_DOMAIN * domain + offset))
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        return domain
    raise RuntimeError("every ROS domain that was tried is in use; end some nodes, see `ss -ulp`")

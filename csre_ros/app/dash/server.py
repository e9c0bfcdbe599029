"""The web server of the page: three files, and a stream of server-sent events for each browser."""

from __future__ import annotations

import errno
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from csre_ros.app.dash.board import Board

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/dash.css": ("dash.css", "text/css; charset=utf-8"),
    "/dash.js": ("dash.js", "text/javascript; charset=utf-8"),
}
_MOST_BROWSERS = 16
_HEARTBEAT_S, _TIMEOUT_S = 5.0, 30.0
# No address but this one may be asked for anything, and no other page may show this one.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class DashServer(ThreadingHTTPServer):
    """Serves the page of a board.

    Args:
        board: What is shown.
        host: Address; a name is looked up.
        port: Port; 0 takes a free one.

    Raises:
        OSError: The address cannot be used; the text says why.
    """

    daemon_threads = True

    def __init__(self, board: Board, host: str, port: int) -> None:
        self.board = board
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.seats = threading.BoundedSemaphore(_MOST_BROWSERS)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise _refusal(error, host, port) from error
        self.address = str(self.socket.getsockname()[0])
        self.is_private = ipaddress.ip_address(self.address).is_loopback

    @property
    def url(self) -> str:
        """Address of the page."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no fault."""


@contextmanager
def serving(board: Board, host: str, port: int) -> Iterator[DashServer]:
    """A server in a thread of its own, for as long as the context lasts.

    Raises:
        OSError: As of :class:`DashServer`.
    """
    with DashServer(board, host, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="dash", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            board.end()
            server.shutdown()
            thread.join()


def _refusal(error: OSError, host: str, port: int) -> OSError:
    if error.errno == errno.EADDRINUSE:
        text = f"port {port} of {host} is in use by another program: choose another with --port, or 0 for a free one"
    elif error.errno == errno.EACCES:
        text = f"port {port} may not be used by this user: choose one above 1023 with --port"
    else:
        text = f"cannot serve on {host}, port {port}: {error.strerror}; give an address of this machine with --host"
    return OSError(text)


class _Handler(BaseHTTPRequestHandler):
    server: DashServer
    timeout = _TIMEOUT_S
    server_version, sys_version = "csre", ""

    def do_GET(self) -> None:
        if not self._meant_for_us():
            self.send_error(HTTPStatus.FORBIDDEN, "Open the page by the address that csre dash printed")
            return
        path = urlsplit(self.path).path
        if path == "/events":
            self._stream()
        elif path in _FILES:
            name, kind = _FILES[path]
            content = (files("csre_ros.app.dash") / "page" / name).read_bytes()
            self._begin(kind, len(content))
            self.wfile.write(content)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _meant_for_us(self) -> bool:
        """Whether the browser asked for this machine: a page elsewhere whose name leads here reads nothing."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        return not self.server.is_private or host in ("localhost", "127.0.0.1", "::1", self.server.address)

    def _begin(self, kind: str, length: int | None = None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self) -> None:
        if not self.server.seats.acquire(blocking=False):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, f"{_MOST_BROWSERS} pages are open already; close one")
            return
        try:
            self._begin("text/event-stream")
            self._tell_news()
        finally:
            self.server.seats.release()

    def _tell_news(self) -> None:
        last = self.headers.get("Last-Event-ID", "")
        reader = self.server.board.reader(int(last) if last.isascii() and last.isdigit() else 0)
        while True:
            news = reader.wait(_HEARTBEAT_S)
            if news is None:
                self.wfile.write(b": still here\n\n")
                continue
            if news.about is not None:
                self._say("about", news.about)
            for number, event in news.events:
                self._say("action", event, number)
            if news.moment is not None:
                self._say("moment", news.moment)
            if news.ended:
                self._say("end", {})
                return

    def _say(self, kind: str, record: Any, number: int | None = None) -> None:
        head = f"event: {kind}\n" + (f"id: {number}\n" if number is not None else "")
        self.wfile.write(f"{head}data: {json.dumps(record)}\n\n".encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are not news."""

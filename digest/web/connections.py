"""One HTTP request for each connection, within a time and a size that nobody can stretch."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from digest.web.headers import PLAIN, headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication

MOST = 32
"""Connections that are open at once."""

LIFE = 20.0
"""Seconds after which a connection is ended, whatever it is at."""

FAIR = 1.0
"""Seconds that a connection has for itself even when others wait for a place."""

LONGEST_HEAD = 16_384
"""Bytes of a request's line and headers together."""

_DRAINED = 65_536  # bytes of an unwanted body that are read so that the answer gets through
_DRAIN_TIME = 1.0  # seconds
_FULL = "\r\n".join(
    (
        "HTTP/1.1 503 Service Unavailable",
        *(f"{name}: {value}" for name, value in headers().items()),
        "Connection: close",
        "Content-Length: 0",
        "\r\n",
    )
).encode()


class _Head:
    """Reads the lines of a request's head, and no more than LONGEST_HEAD bytes of them."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._left = LONGEST_HEAD

    def readline(self, _most: int = -1) -> bytes:
        line = self._raw.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        return line

    def close(self) -> None:
        self._raw.close()

    @property
    def closed(self) -> bool:
        return self._raw.closed


class _Handler(WSGIRequestHandler):
    """Reads a head, answers, and hangs up. Bodies are never read."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = LIFE  # type: ignore[mutable-override]

    def handle(self) -> None:
        """One request. Whoever hangs up, stalls or is ended is forgotten."""
        self.rfile: Any = _Head(self.rfile)
        with suppress(OSError, ValueError):
            self.handle_one_request()

    def handle_one_request(self) -> None:
        self.command, self.requestline = "", ""
        try:
            self.raw_requestline = self.rfile.readline()
        except http.client.LineTooLong:
            self.send_error(414)
            return
        if self.raw_requestline and self.parse_request():
            self.run_wsgi()

    def run_wsgi(self) -> None:
        body, status, found = run_wsgi_app(self.server.app, self.make_environ(), buffered=True)
        code, _, reason = status.partition(" ")
        self._say(int(code), reason, dict(found), b"".join(body))

    def handle_expect_100(self) -> bool:
        """No: a body is not wanted, and the answer says so."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A status and its name; what was sent is not repeated."""
        del message, explain
        reason = http.client.responses.get(code, "Refused")
        body = f"{reason.lower()}\n".encode()
        said = {**headers(), "Content-Type": PLAIN, "Content-Length": str(len(body))}
        self._say(code, reason, said, body)

    def _say(self, code: int, reason: str, said: dict[str, str], body: bytes) -> None:
        self.request_version = "HTTP/1.1"  # an older or nonsensical one would get no headers
        self.send_response_only(code, reason)
        for name, value in {**said, "Date": self.date_time_string(), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True
        self._drain()

    def _drain(self) -> None:
        """Take what is still coming: unread bytes would reset the connection under the answer."""
        self.wfile.flush()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_DRAIN_TIME)
            left = _DRAINED
            while left > 0 and (piece := self.connection.recv(left)):
                left -= len(piece)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a request line can hold more than a log should."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002 — the library's name
        """Nothing, for the same reason."""


class Server(ThreadedWSGIServer):
    """Knows its connections, and ends those that take too long or too much room."""

    def __init__(
        self, app: WSGIApplication, listener: socket.socket, monotonic: Callable[[], float]
    ) -> None:
        self._monotonic = monotonic
        self._open: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        host, port = listener.getsockname()[:2]
        super().__init__(host, port, app, handler=_Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give it a thread, or a 503 when all places are taken by others who may still talk."""
        if not self._room():
            with suppress(OSError):
                request.send(_FULL, socket.MSG_DONTWAIT)
            super().shutdown_request(request)
            return
        with self._lock:
            self._open[request] = self._monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that is over."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: what a caller does wrong is not this side's trouble."""

    def service_actions(self) -> None:
        """Between requests: end what is too old."""
        self.end_older_than(LIFE)

    def end_older_than(self, seconds: float) -> None:
        """Hang up on every connection that has been open for longer."""
        now = self._monotonic()
        with self._lock:
            old = [one for one, since in self._open.items() if now - since >= seconds]
        for connection in old:
            _hang_up(connection)

    def _room(self) -> bool:
        """Whether there is a place; the oldest that had its fair time gives up its own."""
        with self._lock:
            if len(self._open) < MOST:
                return True
            oldest, since = next(iter(self._open.items()))
            if self._monotonic() - since < FAIR:
                return False
            del self._open[oldest]
        _hang_up(oldest)
        return True


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

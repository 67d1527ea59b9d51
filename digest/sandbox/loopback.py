"""A threaded HTTP/1.1 server on 127.0.0.1 that keeps connections alive and stops at once."""

from __future__ import annotations

import io
import socket
import threading
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import get_content_length

from digest.errors import UsageError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"
_BACKLOG = 128


class _Handler(WSGIRequestHandler):
    """Werkzeug's own handler closes every connection; this one serves request after request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        chunked = environ.get("wsgi.input_terminated", False)
        length = -1 if chunked else get_content_length(environ) or 0
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        body, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"".join(body))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a request line can hold more than a log should."""


class _Server(ThreadedWSGIServer):
    """Knows its open connections, so that it can end them."""

    def __init__(self, app: WSGIApplication, listener: socket.socket) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(
            HOST, listener.getsockname()[1], app, handler=_Handler, fd=listener.fileno()
        )

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End every connection that is still open."""
        with self._lock:
            still_open = tuple(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was faster


class Loopback:
    """Serves one WSGI application from the moment it is made until `close`.

    `port` 0 picks a free one. Raises UsageError when the port is taken. An application that
    raises ConnectionError hangs up on its caller without an answer.
    """

    def __init__(self, app: WSGIApplication, port: int = 0) -> None:
        with _listen(port) as listener:
            self._server = _Server(app, listener)
        self.port = int(self._server.port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{HOST}:{self.port}"

    def wait(self) -> None:
        """Block until the server is closed."""
        self._thread.join()

    def close(self) -> None:
        """Stop answering and end open connections; a second time does nothing."""
        self._server.shutdown()
        self._server.hang_up()
        self._thread.join()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise UsageError(f"port {port} on {HOST} can't be used: choose another") from None
    return listener

"""A local HTTP server that answers exactly what a test scripts, byte by byte, however nasty.

    with HostileServer(text_answer(500, "SELECT …")) as server:
        client(server.url)...
        assert [r.path for r in server.requests] == [...]

An act gets the request and the connection and does what it likes: send, drip, cut, reset, hang.
The first request gets the first act and so on; the last act repeats for all further ones.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping

_MOST_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass(slots=True)
class Wire:
    """The server's end of one connection."""

    sock: socket.socket
    stopping: threading.Event
    sent: int = 0
    finished: bool = False
    gone: threading.Event = field(default_factory=threading.Event)
    _head: bytes = field(default=b"", repr=False)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)
        self.sent += len(data)

    def drip(self, data: bytes, gap: float) -> None:
        """One byte every `gap` seconds until the client is gone or the server stops."""
        for byte in data:
            self.send(bytes([byte]))
            if self.stopping.wait(gap):
                break

    def hang(self) -> None:
        self.stopping.wait()

    def close(self) -> None:
        """End the connection in an orderly way, whatever was promised."""
        self.finished = True

    def reset(self) -> None:
        """End it with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.finished = True

    def read_head(self) -> bytes | None:
        """The next request's head, None when the client has gone."""
        while b"\r\n\r\n" not in self._head:
            piece = self.sock.recv(4096)
            if not piece or len(self._head) > _MOST_HEAD:
                return None
            self._head += piece
        head, _, self._head = self._head.partition(b"\r\n\r\n")
        return head


Act = Callable[[Wire, Seen], None]


def head(status: int, headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> bytes:
    pairs = dict(headers).items()
    lines = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode()


def answer(
    status: int,
    body: bytes = b"",
    *,
    kind: str | None = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Act:
    """A well-formed answer of any content, with its Content-Length."""
    fields = {"Content-Length": str(len(body))}
    if kind is not None:
        fields["Content-Type"] = kind
    fields.update(headers or {})
    return lambda wire, _seen: wire.send(head(status, fields) + body)


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Act:
    return answer(status, json.dumps(value).encode(), headers=headers)


def text_answer(status: int, text: str, kind: str = "text/plain; charset=utf-8") -> Act:
    return answer(status, text.encode(), kind=kind)


def then_close(act: Act) -> Act:
    """The same, and the connection ends after it although nothing said so."""

    def act_and_close(wire: Wire, seen: Seen) -> None:
        act(wire, seen)
        wire.close()

    return act_and_close


def raw(data: bytes) -> Act:
    """These very bytes, then the end of the connection."""
    return then_close(lambda wire, _seen: wire.send(data))


def reset(wire: Wire, _seen: Seen) -> None:
    wire.reset()


def hang(wire: Wire, _seen: Seen) -> None:
    wire.hang()


class HostileServer:
    """Serves the acts on 127.0.0.1 until the `with` block ends; `requests` is what arrived."""

    def __init__(self, *acts: Act, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self.wires: list[Wire] = []
        self._acts = acts or (hang,)
        self._tls = tls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/public-api/v1"

    @property
    def sent(self) -> int:
        """Bytes that went out, as far as the kernel took them."""
        return sum(wire.sent for wire in self.wires)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        # closing alone does not wake a thread that is blocked in accept or recv
        _shut(self._listener)
        self._listener.close()
        with self._lock:
            for wire in self.wires:
                _shut(wire.sock)
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._converse, sock)

    def _converse(self, sock: socket.socket) -> None:
        wire = None
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            wire = Wire(sock, self._stopping)
            with self._lock:
                number = len(self.wires)
                self.wires.append(wire)
            while not wire.finished and (text := wire.read_head()) is not None:
                self._take(text, number)(wire)
        except OSError:
            pass  # the client has gone, as clients of hostile servers do
        finally:
            sock.close()
            if wire is not None:
                wire.gone.set()

    def _take(self, text: bytes, connection: int) -> Callable[[Wire], None]:
        first, *lines = text.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.partition(": ") for line in lines)
        seen = Seen(method, target, {name.lower(): value for name, _, value in pairs}, connection)
        with self._lock:
            self.requests.append(seen)
            act = self._acts[min(len(self.requests), len(self._acts)) - 1]
        return lambda wire: act(wire, seen)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # already gone
        sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port of 127.0.0.1 that nobody listens on, nor can meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        yield port

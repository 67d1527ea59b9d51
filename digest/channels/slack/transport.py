"""One HTTP POST whose failure says whether anything can have arrived.

slack_sdk's own transport follows redirects with the token, takes proxies from the environment,
has no limit for a whole call, and can't tell a refused connection from a lost answer. The last
matters most: the first means that nothing was posted, the second that it may have been.
"""

from __future__ import annotations

import http.client
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from digest.channels._phrases import reason, shown
from digest.channels.slack.answers import NotSentError, UnknownOutcomeError

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Mapping

_LONGEST_ANSWER = 1024 * 1024  # bytes
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. The names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: float,
    monotonic: Callable[[], float],
    tls: ssl.SSLContext | None,
) -> Answer:
    """POST once, follow nothing, and be done within `timeout` seconds (and as much to connect).

    `tls` None speaks plain HTTP. Raises NotSentError before anything was written, and
    UnknownOutcomeError after that.
    """
    parts = urlsplit(url)
    place = parts.hostname or "Slack"
    end = monotonic() + timeout

    def left() -> float:
        rest = end - monotonic()
        if rest <= 0:
            raise TimeoutError
        return rest

    connection: http.client.HTTPConnection
    if tls is None:
        connection = http.client.HTTPConnection(place, parts.port, timeout=timeout)
    else:
        connection = http.client.HTTPSConnection(place, parts.port, timeout=timeout, context=tls)
    try:
        try:
            connection.connect()
        except OSError as error:
            raise NotSentError(f"{place} can't be reached: {reason(error)}") from None
        except UnicodeError:
            raise NotSentError(f"{shown(place)} is not a host name") from None
        end = monotonic() + timeout
        connection.sock = cast("Any", _Bounded(connection.sock, left))
        try:
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request("POST", target, body, dict(headers))
            return _read(connection.getresponse())
        except OSError as error:
            raise UnknownOutcomeError(
                f"the answer of {place} did not come: {reason(error)}"
            ) from None
        except http.client.HTTPException:
            raise UnknownOutcomeError(f"the answer of {place} broke off or was no HTTP") from None
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse) -> Answer:
    with response:
        body = response.read(_LONGEST_ANSWER + 1)
        missing = response.length
    if missing or len(body) > _LONGEST_ANSWER:
        raise http.client.HTTPException
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=headers, body=body)


class _Bounded:
    """A socket on which reading and writing end together at one time, however bytes drip in."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock = sock
        self._left = left

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._sock.settimeout(self._left())
            view = view[self._sock.send(view[:_CHUNK]) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._left))

    def close(self) -> None:
        self._sock.close()


class _Reader(io.RawIOBase):
    """Reads a socket; keeps it open until the answer was read, as `makefile` does."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        super().__init__()
        self._sock = sock
        self._left = left
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()

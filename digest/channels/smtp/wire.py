"""smtplib with waits that are bounded as a whole, and the DATA step in its three parts.

smtplib's own timeout starts anew with each byte that arrives; here every exchange has an end.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.channels.smtp.mail import Mail

_CHUNK = 64 * 1024
_LONGEST_REPLY = 64 * 1024  # bytes of one reply, all its lines together
_CODE_DIGITS = 3
_READY = 220


class GarbledError(smtplib.SMTPException):
    """The server said something that is not SMTP."""


class Wire(smtplib.SMTP):
    """One connection. Call `allow(seconds)` before each exchange; it then ends by that time.

    Raises TimeoutError when the time is up, SMTPServerDisconnected or OSError when the
    connection is gone, GarbledError when an answer makes no sense.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        monotonic: Callable[[], float],
        connect_timeout: float,
        reply_timeout: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + connect_timeout
        self._reply_timeout = reply_timeout
        self._received = bytearray()
        self._tls = tls
        # A name is looked up for the greeting otherwise, which can take long without DNS.
        super().__init__(local_hostname="[127.0.0.1]", timeout=connect_timeout)
        self._host = host
        self._port = port

    def allow(self, seconds: float) -> None:
        """Everything up to the next call must be over in this time."""
        self._end = self._monotonic() + seconds

    def open(self) -> tuple[int, bytes]:
        """Connect, encrypt at once if asked for, and give the server's greeting."""
        answer = self.connect(self._host, self._port)
        self.local_hostname = _literal(self._connected().getsockname()[0])
        return answer

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        try:
            sock = socket.create_connection((host, port), timeout)
        except UnicodeError:  # no name in the DNS can look like this
            raise socket.gaierror(socket.EAI_NONAME, "no such host") from None
        # The dot is a small packet after a large one: with Nagle's rule it would wait 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            try:
                sock.settimeout(timeout)
                sock = self._tls.wrap_socket(sock, server_hostname=host)
            except OSError:
                sock.close()
                raise
        # One address that swallows packets must not eat the time of the next one's greeting.
        self.allow(self._reply_timeout)
        return sock

    def secure(self, context: ssl.SSLContext) -> tuple[int, bytes]:
        """STARTTLS. Raises GarbledError when the server slips in text before the encryption."""
        code, text = self.docmd("STARTTLS")
        if code != _READY:
            return code, text
        if self._received:
            self.close()
            raise GarbledError("text was slipped in before the encryption began")
        sock = self._connected()
        sock.settimeout(self._left())
        self.sock = context.wrap_socket(sock, server_hostname=self._host)
        # What the server said in the clear counts for nothing (RFC 3207).
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
        return code, text

    def send(self, s: Any) -> None:
        """Write all of `s` before the time is up."""
        view = memoryview(s.encode(self.command_encoding) if isinstance(s, str) else s)
        sock = self._connected()
        try:
            while view:
                sock.settimeout(self._left())
                view = view[sock.send(view[:_CHUNK]) :]
        except OSError:
            self.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply, all its lines, before the time is up."""
        size, lines = 0, []
        while True:
            line = self._line()
            size += len(line)
            code = line[:_CODE_DIGITS]
            if size > _LONGEST_REPLY or len(code) != _CODE_DIGITS or not code.isdigit():
                self.close()
                raise GarbledError("the answer is not SMTP")
            lines.append(line[4:].strip(b" \t\r\n"))
            if line[_CODE_DIGITS : _CODE_DIGITS + 1] != b"-":
                return int(code), b"\n".join(lines)

    def close(self) -> None:
        """Close the connection; what was received and not read is gone."""
        self._received.clear()
        super().close()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as we know."""
        return self.sock is not None

    def write_body(self, mail: Mail) -> None:
        """Everything after DATA but the final dot."""
        self.send(mail.lead)
        self.send(mail.document)

    def early_answer(self) -> tuple[int, bytes] | None:
        """What the server already said although the message has not ended, if anything.

        Raises SMTPServerDisconnected or OSError when the connection is gone: then the message
        has not been ended, and so has not been taken.
        """
        sock = self._connected()
        sock.settimeout(0)
        try:
            data = sock.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            self.close()
            raise
        self._take(data)
        return self.getreply()

    def end_body(self) -> None:
        """The final dot: from here on the server may have the message."""
        self.send(b".\r\n")

    def _line(self) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > _LONGEST_REPLY:
                self.close()
                raise GarbledError("the answer is not SMTP")
            sock = self._connected()
            try:
                sock.settimeout(self._left())
                data = sock.recv(_CHUNK)
            except OSError:
                self.close()
                raise
            self._take(data)
        line = bytes(self._received[: end + 1])
        del self._received[: end + 1]
        return line

    def _take(self, data: bytes) -> None:
        if not data:
            self.close()
            raise smtplib.SMTPServerDisconnected("the server closed the connection")
        self._received += data

    def _left(self) -> float:
        left = self._end - self._monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _connected(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self.sock


def _literal(address: str) -> str:
    """Our own address as it may stand in EHLO."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

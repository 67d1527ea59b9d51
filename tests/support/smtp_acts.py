"""What a scripted SMTP server does at a point of the conversation, and what it received."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What the server does at one point: waits, says something, then perhaps hangs up.

    `wait` is in seconds. `text` is sent as it is; `drip` sends it byte by byte with that pause in
    seconds; `stall` neither reads nor says anything more; `reset` hangs up with RST, `close` with
    FIN.
    """

    wait: float = 0.0
    text: bytes = b""
    drip: float = 0.0
    stall: bool = False
    reset: bool = False
    close: bool = False


def reply(text: str) -> Act:
    """Answer this line (or these lines)."""
    return Act(text=text.encode() + b"\r\n")


DROP = Act(reset=True)
CLOSE = Act(close=True)
STALL = Act(stall=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that arrived whole: its envelope, and its bytes without the doubled dots.

    `raw` is what came over the wire, with the final dot. `accepted` says whether the server
    took it (a server that vanishes after the dot has taken it).
    """

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    raw: bytes
    accepted: bool


class HungUpError(Exception):
    """The conversation is over."""


@dataclass(slots=True)
class Talk:
    """The server's side of one connection."""

    sock: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    encrypted: bool = False
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Send a line."""
        self.sock.sendall(text.encode() + b"\r\n")

    def line(self) -> bytes:
        """The next line, without its end."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            self.read()
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line

    def message(self) -> bytes:
        """The message, up to and with the final dot."""
        while not (self.buffer.startswith(b".\r\n") or b"\r\n.\r\n" in self.buffer):
            self.read()
        end = 3 if self.buffer.startswith(b".\r\n") else self.buffer.index(b"\r\n.\r\n") + 5
        raw = bytes(self.buffer[:end])
        del self.buffer[:end]
        return raw

    def read(self) -> None:
        """Wait for more from the client."""
        data = self.sock.recv(65536)
        if not data:
            raise HungUpError
        self.buffer += data

    def act(self, act: Act, stopped: threading.Event) -> None:
        """Do what the script says."""
        if stopped.wait(act.wait):
            raise HungUpError
        if act.drip:
            for byte in act.text:
                if stopped.wait(act.drip):
                    raise HungUpError
                self.sock.sendall(bytes([byte]))
        elif act.text:
            self.sock.sendall(act.text)
        if act.stall:
            stopped.wait()
        if act.reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if act.reset or act.close:
            raise HungUpError

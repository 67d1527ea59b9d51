"""An SMTP server on loopback that keeps what it is sent: the mailbox of `digest demo`."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any, Self

from aiosmtpd.controller import Controller

from digest.errors import DeliveryError

HOST = "127.0.0.1"
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """One message as it went over the wire, with the envelope that it came in.

    `sender` is empty for a bounce.
    """

    sender: str
    recipients: tuple[str, ...]
    data: bytes


class Inbox:
    """Takes every mail for every address, without TLS and login, until `close`.

    Raises DeliveryError where no port can be opened on loopback.
    """

    def __init__(self) -> None:
        self._received = _Received()
        self._controller = _started(self._received)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def host(self) -> str:
        """`127.0.0.1`."""
        return HOST

    @property
    def port(self) -> int:
        """The port to send to."""
        return int(self._controller.port)

    @property
    def messages(self) -> list[ReceivedMail]:
        """Everything received so far, oldest first."""
        return list(self._received.messages)

    def close(self) -> None:
        """Stop listening; what was received stays."""
        self._controller.stop()


class _Received:
    """aiosmtpd's handler; its one method runs in the server's thread."""

    def __init__(self) -> None:
        self.messages: list[ReceivedMail] = []

    async def handle_DATA(  # noqa: N802 — aiosmtpd looks for this name
        self, server: object, session: object, envelope: Any
    ) -> str:
        del server, session
        self.messages.append(
            ReceivedMail(
                sender=(envelope.mail_from or "").removeprefix("<>"),
                recipients=tuple(envelope.rcpt_tos),
                data=bytes(envelope.original_content),
            )
        )
        return f"250 2.0.0 Kept as number {len(self.messages)}"


def _started(handler: _Received) -> Any:
    """A running controller. aiosmtpd can't listen on port 0, so a free port is found first."""
    for _ in range(_TRIES):
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        controller = Controller(handler, hostname=HOST, port=port, enable_SMTPUTF8=True)
        try:
            controller.start()
        except OSError:
            continue  # another process was faster
        return controller
    raise DeliveryError(f"the inbox of the demo can't listen on {HOST}")

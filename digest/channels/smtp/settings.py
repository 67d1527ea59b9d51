"""What the SMTP channel needs to know. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from digest.channels import Secret


class Security(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """One SMTP account.

    `sender` and `reply_to` are mailboxes such as `Acme Analytics <digest@example.com>`. `ca_file`
    replaces the system's certificate authorities. `security` NONE sends in the clear: whether that
    is allowed is for the config to say. `connections` are used side by side.

    Each wait is bounded as a whole, so that a server which drips bytes gains nothing:
    `connect_timeout` covers one address and the TLS handshake, `reply_timeout` one command and
    its reply, `message_timeout` a whole message up to its last byte but the final dot, and
    `end_timeout` the answer to that dot, which decides whether the message was taken.
    The defaults are the waits that RFC 5321 (4.5.3.2) asks of a client. `max_size` is in bytes.
    """

    host: str
    port: int
    sender: str
    security: Security = Security.STARTTLS
    username: str | None = None
    password: Secret | None = None
    reply_to: str | None = None
    ca_file: Path | None = None
    connections: int = 1
    connect_timeout: float = 30.0
    reply_timeout: float = 300.0
    message_timeout: float = 900.0
    end_timeout: float = 600.0
    max_size: int = 10 * 1024 * 1024

    @property
    def place(self) -> str:
        """`smtp.example.com:587`."""
        return f"{self.host}:{self.port}"

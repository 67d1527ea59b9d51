"""The SMTP channel, pointed at a scripted server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.channels import build
from digest.channels.smtp import Security, SmtpSettings
from tests.support.deliveries import OUTSIDE, Hidden
from tests.support.smtp_server import CA_FILE

if TYPE_CHECKING:
    from digest.core.content import Channel
    from tests.support.smtp_server import SmtpServer

PASSWORD = "correct-horse-9"


def settings(server: SmtpServer, **changes: Any) -> SmtpSettings:
    """Settings for a plain server without login, with waits that a test can afford."""
    fields: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "sender": "Acme Analytics <digest@example.com>",
        "security": Security.NONE,
        "connect_timeout": 2.0,
        "reply_timeout": 2.0,
        "message_timeout": 5.0,
        "end_timeout": 2.0,
    }
    return SmtpSettings(**{**fields, **changes})


def channel(server: SmtpServer, **changes: Any) -> Channel:
    """The channel that a config with these settings gives."""
    return build("smtp")("mail", settings(server, **changes), OUTSIDE)


def secure_channel(server: SmtpServer, **changes: Any) -> Channel:
    """The same with STARTTLS and a login."""
    fields: dict[str, Any] = {
        "host": "localhost",
        "security": Security.STARTTLS,
        "ca_file": CA_FILE,
        "username": "mailer",
        "password": Hidden(PASSWORD),
    }
    return channel(server, **{**fields, **changes})

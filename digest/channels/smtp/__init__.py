"""E-mail through an SMTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.channels.smtp.settings import Security, SmtpSettings

if TYPE_CHECKING:
    from digest.channels import Outside
    from digest.core.content import Channel

__all__ = ["KIND", "Security", "SmtpSettings", "build"]

KIND = "smtp"


def build(name: str, settings: SmtpSettings, outside: Outside) -> Channel:
    """Make the channel; nothing is connected yet. Raises DeliveryError on a bad sender."""
    from digest.channels.smtp.channel import (  # noqa: PLC0415 - smtplib and ssl cost 40 ms
        SmtpChannel,
    )

    return SmtpChannel(name, settings, outside)

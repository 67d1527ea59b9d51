"""Slack, with a bot token: `chat.postMessage`, charts as files, details as replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.channels.slack.settings import SlackSettings

if TYPE_CHECKING:
    from digest.channels import Outside
    from digest.core.content import Channel

__all__ = ["KIND", "SlackSettings", "build"]

KIND = "slack"


def build(name: str, settings: SlackSettings, outside: Outside) -> Channel:
    """Make the channel; nothing is connected yet."""
    from digest.channels.slack.channel import (  # noqa: PLC0415 - slack_sdk costs 200 ms
        SlackChannel,
    )

    return SlackChannel(name, settings, outside)

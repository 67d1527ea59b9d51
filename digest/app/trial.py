"""The message of `digest test`: short, marked, and without a number in it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from digest.core.content import Content, EmailContent, SlackContent, SlackMessage

if TYPE_CHECKING:
    from datetime import datetime


def trial_content(channel: str, now: datetime) -> Content:
    """A test message for the channel of that name, in every form."""
    said = (
        f"This is a test message of digest through the channel {channel}, sent "
        f"{now:%Y-%m-%d %H:%M} UTC. If you can read it, the channel works."
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark"><title>Test</title></head>'
        '<body style="font-family: Helvetica, Arial, sans-serif; font-size: 16px; '
        f'line-height: 24px; padding: 24px"><p>{html.escape(said)}</p></body></html>'
    )
    block = {"type": "section", "text": {"type": "plain_text", "text": said}}
    return Content(
        email=EmailContent(subject=f"digest reaches you ({channel})", html=page, text=said + "\n"),
        slack=SlackContent(messages=(SlackMessage(text=said, blocks=(block,)),)),
    )

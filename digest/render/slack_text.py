"""Data inside Slack texts: shown as typed, never a mention, a link, an emoji or bold."""

from __future__ import annotations

import re

JOINER = "\N{WORD JOINER}"

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# After these a mention, a channel, a link, a date or a colon emoji could begin.
_BEGINNINGS = re.compile(r"(?<=<)(?=[!@#\w])|(?<=[@#])(?=\w)|(?<=:)(?=[\w+'-]+:)|(?<=:)(?=//)")
_MARKUP = re.compile(r"[*_~`]+")


def inert(text: str) -> str:
    """For plain and rich text: Slack shows it as it is, and nothing in it looks like a mention."""
    return _BEGINNINGS.sub(JOINER, str(text))


def mrkdwn(text: str) -> str:
    """For `mrkdwn` and fallback texts: escaped, and no markup character acts as one.

    Markup needs a word boundary before it begins; an invisible joiner takes the boundary away.
    """
    held = _MARKUP.sub(lambda run: JOINER + JOINER.join(run[0]) + JOINER, inert(text))
    return held.translate(_ESCAPES)


def shorten(text: str, limit: int, *, escaped: bool) -> str:
    """At most `limit` characters; with `escaped`, no entity is cut in two."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    if escaped:
        kept = re.sub(r"&[a-z]{0,3}$", "", kept)
    return kept.rstrip() + "…"

"""Checking and converting what only alerts have: spans, repeats, quiet hours, links."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationInfo  # noqa: TC002 — pydantic looks at the annotations

from digest.config.durations import parse_duration
from digest.config.lists import each, text_of
from digest.config.problems import bad, did_you_mean
from digest.config.surroundings import around
from digest.core.alert_model import Span
from digest.core.hushing import QuietHours

MOST_LOOKS: Final = 100
SHORTEST_REPEAT: Final = timedelta(minutes=1)
NEVER: Final = "never"

_LOOKS = re.compile(r"\d{1,9}", re.ASCII)
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.ASCII)
_HOURS_OF_DAY = 24
_MINUTES = 60


def span(value: object) -> Span:
    """`3` looks in a row, or a time such as `30m`."""
    text = text_of(value).strip()
    if _LOOKS.fullmatch(text):
        if not 1 <= int(text) <= MOST_LOOKS:
            raise bad(f"must be from 1 to {MOST_LOOKS} looks, or a time such as 30m")
        return Span(looks=int(text))
    return Span(time=parse_duration(text))


def repeat(value: object) -> timedelta | None:
    """A duration, or None for `never`."""
    if isinstance(value, str) and value.strip().lower() == NEVER:
        return None
    wait = parse_duration(value)
    if wait < SHORTEST_REPEAT:
        raise bad("must be at least 1m, or never")
    return wait


def quiet_hours(value: object) -> QuietHours:
    """`22:00-07:00`, local; past midnight where the end is before the start."""
    found = _HOURS.fullmatch(text_of(value).strip())
    if found is None:
        raise bad("must be two times of day, such as 22:00-07:00")
    start, end = _time(found[1], found[2]), _time(found[3], found[4])
    if start == end:
        raise bad("begin and end at the same time; to hold back everything, use enabled: false")
    return QuietHours(start, end)


def _time(hours: str, minutes: str) -> time:
    if int(hours) >= _HOURS_OF_DAY or int(minutes) >= _MINUTES:
        raise bad("{value} is not a time of day", value=f"{hours}:{minutes}")
    return time(int(hours), int(minutes))


def link(value: object) -> str:
    """A URL that readers can open: https:// or http://."""
    text = text_of(value).strip()
    try:
        parts = urlsplit(text)
        name, user = parts.hostname, parts.username
    except ValueError:
        raise bad("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not name or not text.isprintable() or " " in text:
        raise bad("must be a URL that begins with https:// or http://")
    if user is not None or "@" in parts.netloc:
        raise bad("must not hold a user name or password")
    return text


def alert_names(value: object, info: ValidationInfo) -> tuple[str, ...]:
    """Names of alerts of this config."""
    known = around(info).alerts

    def convert(name: str) -> str:
        if name not in known:
            raise bad("unknown alert {value}{hint}", value=name, hint=did_you_mean(name, known))
        return name

    return each(value, convert)

"""Durations as people write them: `90`, `90s`, `15m`, `2h`, `1h 30m`, `3 days`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from digest.config.problems import bad

LONGEST: Final = timedelta(days=3660)

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PIECE = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?)\s*"
    r"(s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|w|weeks?)(?![a-z])[\s,]*",
    re.ASCII,
)
_PLAIN = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)


def parse_duration(value: object) -> timedelta:
    """The duration; a plain number is in seconds. Raises BadValueError."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if _PLAIN.fullmatch(text):
        return _bounded(float(text))
    seconds, position = 0.0, 0
    for piece in _PIECE.finditer(text):
        if piece.start() != position:
            break
        seconds += float(piece[1]) * _UNITS[piece[2][0]]
        position = piece.end()
    if not text or position != len(text):
        raise bad("must be a duration, such as 90s, 15m, 2h or 3d")
    return _bounded(seconds)


def _bounded(seconds: float) -> timedelta:
    if seconds > LONGEST.total_seconds():
        raise bad("is longer than ten years")
    return timedelta(seconds=seconds)

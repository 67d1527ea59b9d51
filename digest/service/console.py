"""A log line for people: `12:00:03 info  sent             monday-email 2026-W47 …`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.service.redaction import Plain

_SUBJECT: Final = ("job", "period", "channel")
"""The facts that come first, without their names."""

_APART: Final = frozenset({"time", "level", "action", "message", "logger", "traceback", *_SUBJECT})
_ACTION_WIDTH: Final = 16
_SHORT: Final = {"warning": "warn", "critical": "fatal"}
# sd-daemon(3): journald takes the number for the line's priority
_PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_COLOURS: Final = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """How lines look. In the `journal`, which notes the time itself, they bring a priority."""

    zone: tzinfo
    colour: bool
    journal: bool

    def line(self, line: Mapping[str, Plain]) -> str:
        """One line, or several where there is a traceback; no control character gets out."""
        level = str(line["level"])
        head = f"{_SHORT.get(level, level):<5}"
        if self.colour and level in _COLOURS:
            head = f"\033[{_COLOURS[level]}m{head}\033[0m"
        message = _bare(str(line["message"]))
        words = message.split()
        subject = [  # not what the message says anyway
            shown
            for shown in (_shown(line[name]) for name in _SUBJECT if name in line)
            if shown not in words and f"{shown}:" not in words
        ]
        facts = [f"{_bare(key)}={_shown(held)}" for key, held in line.items() if key not in _APART]
        action = f"{_bare(str(line['action'])):<{_ACTION_WIDTH}}"
        parts = [head, action, *subject, message, *facts]
        if not self.journal:
            moment = datetime.fromisoformat(str(line["time"])).astimezone(self.zone)
            parts.insert(0, f"{moment:%H:%M:%S}")
        text = " ".join(parts)
        traced = str(line.get("traceback", "")).splitlines()
        whole = [text, *(f"    {_bare(frame)}" for frame in traced)]
        mark = f"<{_PRIORITIES.get(level, 6)}>" if self.journal else ""
        return "\n".join(f"{mark}{each}" for each in whole)


def _shown(value: Plain) -> str:
    text = _bare(str(value))
    return f'"{text}"' if isinstance(value, str) and (not text or " " in text) else text


def _bare(text: str) -> str:
    """The text without what could begin a new line or speak to the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)

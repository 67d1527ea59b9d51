"""The standing as JSON: the field names of `standing.py`, times ISO 8601 UTC, spans in seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from digest.web import verdict

if TYPE_CHECKING:
    from digest.web.standing import Standing


def as_json(standing: Standing) -> bytes:
    """One document: the verdict, everything that needs a person, and all the rest."""
    judged = verdict.verdict(standing)
    document = {
        "ok": judged.tone is not verdict.Tone.BAD,
        "verdict": judged.sentence,
        **_plain(standing),
        "needs": _plain(verdict.needs(standing)),
        "needs_total": verdict.needs_count(standing),
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return value.total_seconds()
        case tzinfo():
            return str(value)
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case tuple() | list():
            return [_plain(one) for one in value]
        case _ if is_dataclass(value):
            return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        case _:
            return value

"""An answer of the API, kept as it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One answer. `start` and `end` are UTC days, `end` exclusive; both None is all-time.

    `answer` is plain JSON: `{DAY: value}` of a series, `{"rows": [[value, count]], "complete":
    bool}` of a list. `taken_at` is the server's clock in the answer.
    """

    app_id: str
    report: str
    what: str
    start: date | None
    end: date | None
    taken_at: datetime
    answer: dict[str, Any]

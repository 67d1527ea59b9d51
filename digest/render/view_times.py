"""Periods and instants as templates see them: in the reader's zone and in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from digest.core.periods import PeriodKind

if TYPE_CHECKING:
    from datetime import datetime

    from digest.core.periods import Period
    from digest.core.wording import Wording

    View = dict[str, Any]

_UTC = frozenset({"UTC", "Etc/UTC"})


def read_view(at: datetime | None, timezone: str, words: Wording) -> View:
    """When the numbers were read; `local` and `utc` are empty where that is not known."""
    return {
        "local": "" if at is None else words.instant(at, ZoneInfo(timezone)),
        "utc": "" if at is None else words.instant(at, ZoneInfo("UTC")),
        "zone": timezone,
        "is_utc": timezone in _UTC,
    }


def moment(at: datetime, timezone: str, words: Wording) -> str:
    """`Nov 23, 2026, 7:30 AM Europe/Berlin (Nov 23, 2026, 6:30 AM UTC)`, or UTC alone."""
    utc = f"{words.instant(at, ZoneInfo('UTC'))} UTC"
    if timezone in _UTC:
        return utc
    return f"{words.instant(at, ZoneInfo(timezone))} {timezone} ({utc})"


def made(at: datetime | None, timezone: str, words: Wording, *, whole: bool = True) -> str:
    """Where the numbers come from and when they were read."""
    read = "" if at is None else f", read on {moment(at, timezone, words)}"
    return f"Counted by Phase in {'whole ' if whole else ''}UTC days{read}."


def period_view(period: Period, words: Wording) -> View:
    """A period's words, and its length in days."""
    return {
        "text": words.period(period),
        "label": period.label,
        "kind": period.kind.value,
        "first": words.long_day(period.start),
        "last": words.long_day(period.last_day),
        "days": period.length,
        "short": period.kind is PeriodKind.DAY,
    }

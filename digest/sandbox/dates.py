"""How the server reads dates, steps through days and writes instants.

Everything is integers: microseconds since 1970 UTC, or days since 1970-01-01. The server's own
clock is whole milliseconds; only the event store keeps microseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

MILLISECOND = 1_000
DAY = 86_400_000_000
"""Microseconds of a day."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_EARLIEST = (date.min.toordinal() - _EPOCH_ORDINAL) * DAY
_LATEST = (date.max.toordinal() - _EPOCH_ORDINAL + 1) * DAY - 1
_DAYS_OF_LONGEST_MONTH = 31

_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|(?P<sign>[+-])(?P<zone_hour>\d\d):?(?P<zone_minute>\d\d))?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant that a request named.

    `micros` is what the text says. `real` is false where the text names a day that its month
    does not have: the server moves on into the next month, its event store refuses.
    """

    micros: int
    real: bool = True

    @property
    def millis(self) -> int:
        """The instant as the server keeps it: microseconds, cut to whole milliseconds."""
        return self.micros - self.micros % MILLISECOND

    @property
    def year(self) -> int:
        """The UTC year."""
        return day_of(self.micros // DAY).year


def micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def day_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(number + _EPOCH_ORDINAL)


def iso(instant: int) -> str:
    """`2026-11-20T00:00:00.000Z`, from microseconds."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def touched_days(start: int, end: int) -> range:
    """The day numbers of a series: steps of 24 hours from `start`, as long as they are <= `end`.

    An end whose time of day is before the start's does not reach its own day.
    """
    steps = (end - start) // DAY + 1 if start <= end else 0
    first = start // DAY
    return range(first, first + steps)


def read_moment(text: str) -> Moment | None:
    """The instant of an ISO 8601 text, or None where the server would not take it for a date.

    A date alone and a time without a zone are UTC. Offsets need their sign as `%2B` in a URL: a
    raw plus arrives here as a space and is refused.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict(default="0")
    days = _days(int(parts["year"]), int(match["month"] or 1), int(match["day"] or 1))
    clock = _time_of_day(parts)
    if days is None or clock is None:
        return None
    found = days * DAY + clock
    if not _EARLIEST <= found <= _LATEST:
        return None
    day = int(match["day"] or 1)
    return Moment(found, real=day_of(days).day == day)


def _days(year: int, month: int, day: int) -> int | None:
    if not (year and 1 <= month <= 12 and 1 <= day <= _DAYS_OF_LONGEST_MONTH):  # noqa: PLR2004 — months
        return None
    return date(year, month, 1).toordinal() - _EPOCH_ORDINAL + day - 1


def _time_of_day(parts: dict[str, str]) -> int | None:
    """Microseconds after midnight UTC, offset taken off; None for a time that no clock shows."""
    hour, minute, second = (int(parts[name]) for name in ("hour", "minute", "second"))
    fraction = int(parts["fraction"][:6].ljust(6, "0"))
    zone_hour, zone_minute = int(parts["zone_hour"]), int(parts["zone_minute"])
    midnight_after = (hour, minute, second, fraction) == (24, 0, 0, 0)
    if max(minute, second, zone_minute) > 59 or (hour > 23 and not midnight_after):  # noqa: PLR2004 — clocks
        return None
    if zone_hour > 23:  # noqa: PLR2004 — clocks
        return None
    local = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
    offset = (zone_hour * 60 + zone_minute) * 60 * 1_000_000
    return local + offset if parts["sign"] == "-" else local - offset

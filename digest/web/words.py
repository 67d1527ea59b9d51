"""Times, spans and counts in words, for the status page. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from digest.web.standing import Past

_FAR = timedelta(days=180)
_UNITS = ((86400 - 1800, 86400, "day"), (3600 - 30, 3600, "hour"), (120, 60, "minute"))
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_ON_TIME = timedelta(minutes=1)


def when(instant: datetime, now: datetime, zone: tzinfo) -> str:
    """`today 08:00`, `tomorrow 08:00`, `Mon 30 Nov 08:00` or `30 Nov 2025 08:00`."""
    local, today = instant.astimezone(zone), now.astimezone(zone).date()
    clock = f"{local:%H:%M}"
    match (local.date() - today).days:
        case 0:
            return f"today {clock}"
        case 1:
            return f"tomorrow {clock}"
        case -1:
            return f"yesterday {clock}"
        case _:
            return _dated(local, now)


def _dated(local: datetime, now: datetime) -> str:
    """The date and time of an instant in its own zone; the year instead of the weekday if far."""
    day = f"{local.day} {_MONTHS[local.month - 1]}"
    if abs(local - now) > _FAR:
        return f"{day} {local.year} {local:%H:%M}"
    return f"{_DAYS[local.weekday()]} {day} {local:%H:%M}"


def own_time(at: datetime, now: datetime, zone: tzinfo) -> str:
    """`at` by the clock of its own zone; with a date, and no "today", if that is not `zone`."""
    own = at.tzinfo or zone
    if zone_name(own) == zone_name(zone):
        return when(at, now, zone)
    return _dated(at, now)


def in_utc(at: datetime) -> str:
    """`07:00 UTC`, with the weekday where that is another day than in its own zone."""
    utc = at.astimezone(UTC)
    day = "" if utc.date() == at.date() else f"{_DAYS[utc.weekday()]} "
    return f"{day}{utc:%H:%M} UTC"


def zone_name(zone: tzinfo) -> str:
    """`Europe/Berlin`."""
    return str(getattr(zone, "key", zone))


def full(instant: datetime, zone: tzinfo) -> str:
    """`Mon 30 Nov 2026 08:00`: nothing left to guess."""
    local = instant.astimezone(zone)
    day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{day} {local:%H:%M}"


def span(length: timedelta) -> str:
    """`40 seconds`, `5 minutes`, `3 hours`, `12 days`: rounded to the largest unit that fits."""
    seconds = max(0, round(length.total_seconds()))
    for least, size, unit in _UNITS:
        if seconds >= least:
            return counted((seconds + size // 2) // size, unit)
    return counted(seconds, "second")


def distance(instant: datetime, now: datetime) -> str:
    """`in 5 days`, `3 hours ago`, `now`."""
    gap = instant - now
    if abs(gap) < timedelta(seconds=1):
        return "now"
    return f"in {span(gap)}" if gap > timedelta() else f"{span(-gap)} ago"


def lateness(late: timedelta | None) -> str:
    """`on time`, `12 minutes late`, or nothing where it is not known."""
    if late is None:
        return ""
    return "on time" if late < _ON_TIME else f"{span(late)} late"


def counted(number: int, noun: str) -> str:
    """`1 trouble`, `12 troubles`, `10,000 jobs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def tally(counts: Mapping[str, int]) -> str:
    """`12 sent, 1 failed`, largest first."""
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count:,} {_plain(state)}" for state, count in ordered if count)


def summary(past: Sequence[Past]) -> str:
    """`Last 14 periods: 13 sent, 1 failed`, for who can't see the strip."""
    if not past:
        return "No period yet"
    states = Counter(str(one.state) for one in past)
    return f"Last {counted(len(past), 'period')}: {tally(states)}"


def _plain(state: str) -> str:
    return str(state).replace("_", " ")

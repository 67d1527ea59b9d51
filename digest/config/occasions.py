"""The occasions of a digest: of each period the first instant of its schedule that covers it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from digest.config.schedule import next_fires, period_for, ready_at
from digest.core.agenda import Occasion
from digest.core.periods import period_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from digest.config.models import Digest

_MOST_LOOKS = 4000  # more than ten years of days
_INSTANT = timedelta(microseconds=1)
_LAST = (59, 999_999)
_HALF_A_DAY = timedelta(hours=12)


def occasions(digest: Digest, after: datetime, until: datetime) -> Iterator[Occasion]:
    """The occasions later than `after` and not later than `until` (aware), in order.

    Fires on a local day of `skip_dates` are none.
    """
    for _ in range(_MOST_LOOKS):
        found = next_occasion(digest, after)
        if found is None or found.due_at > until:
            return
        yield found
        after = end_of(digest, found)


def next_occasion(digest: Digest, after: datetime) -> Occasion | None:
    """The first occasion later than `after` (aware); None where the calendar ends."""
    for _ in range(_MOST_LOOKS):
        fires = next_fires(digest.schedule, after, 1)
        if not fires:
            return None
        (local,) = fires
        if local.date() not in digest.skip_dates:
            return _occasion(digest, local)
        midnight = _midnight(digest, local.date() + timedelta(days=1))
        after = max(local.astimezone(UTC), midnight - _INSTANT)
    return None


def schedule_key(digest: Digest) -> str:
    """What makes two schedules the same one: line, zone and kind of period."""
    schedule = digest.schedule
    return f"{schedule.expr} {schedule.timezone} {digest.period}"


def _occasion(digest: Digest, local: datetime) -> Occasion:
    period = period_for(digest.period, local)
    return Occasion(
        period=period.label,
        due_at=local.astimezone(UTC),
        local=local.isoformat(),
        ready_at=ready_at(period, digest.settle),
    )


def end_of(digest: Digest, found: Occasion) -> datetime:
    """The last instant at which a fire would cover the same period."""
    local = datetime.fromisoformat(found.local)
    end = period_of(digest.period, local.date()).end
    return max(_midnight(digest, end) - _INSTANT, found.due_at)


def by_todays_zones(digest: Digest, since: datetime) -> datetime:
    """The same instant, or where it was the end of a local day by older zone data, that end.

    Else a fire in the first hour of a day, which a changed rule brings forward, would be lost.
    """
    local = since.astimezone(digest.schedule.zone)
    if (local.second, local.microsecond) != _LAST:
        return since
    nearest = (local.replace(tzinfo=None) + _HALF_A_DAY).date()
    return _midnight(digest, nearest) - _INSTANT


def _midnight(digest: Digest, day: date) -> datetime:
    """When a local day begins, in UTC, where instants compare as they follow each other."""
    return datetime.combine(day, time(), digest.schedule.zone).astimezone(UTC)

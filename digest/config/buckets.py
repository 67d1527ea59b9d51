"""What an alert looks at and when: the buckets that are due, and the next look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from digest.config.job_values import Window
from digest.config.schedule import next_fires, period_for, previous_fire, ready_at
from digest.core.agenda import TOLERANCE
from digest.core.alert_round import moment
from digest.core.periods import Period, PeriodKind, day_of, utc_day

if TYPE_CHECKING:
    from digest.config.alerts import Alert
    from digest.config.schedule import Schedule

_INSTANT = timedelta(microseconds=1)

MOST_LATE = 7
"""Closed buckets that are judged after a stop, the newest ones; what is older is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What is judged once: whole UTC days, or with `partial` the day so far at one instant.

    Buckets are judged in the order of `ends_at`. Its numbers are trusted from `ready_at` on.
    """

    label: str
    period: Period
    begins_at: datetime
    ends_at: datetime
    ready_at: datetime
    partial: bool = False


def due_buckets(
    alert: Alert, judged: datetime | None, now: datetime, *, by_night: bool = False
) -> list[Bucket]:
    """The buckets that the schedule covers by now and that are not judged yet, oldest first.

    `judged` is the end of the newest one that was; None begins with the newest. In quiet hours no
    closed bucket is due, except `by_night`: it is the same in the morning, and can be told then.
    """
    fire = _last_fire(alert.schedule, now)
    if fire is None or (not by_night and _awake(alert, now) > now):
        return []
    if alert.window is Window.TODAY:
        # a late look counts for its fire: there is none again before the next
        return [so_far(fire, now)] if judged is None or fire > judged else []
    period = _covered(alert, fire, now)[-1]
    found: list[Bucket] = []
    while len(found) < MOST_LATE and (judged is None or period.ends_at > judged):
        found.append(closed(alert, period))
        if judged is None:
            break
        period = period.previous()
    return found[::-1]


def next_look(alert: Alert, now: datetime) -> datetime | None:
    """When there may be something new to look at, later than `now`."""
    times = [fire.astimezone(UTC) for fire in _next_fires(alert.schedule, now)]
    fire = _last_fire(alert.schedule, now)
    if fire is not None and alert.window is not Window.TODAY:
        times += [ready_at(period, alert.settle) for period in _covered(alert, fire, now)[:-1]]
        times += [_awake(alert, now)] if _awake(alert, now) > now else []
    return min(times, default=None)


def _awake(alert: Alert, at: datetime) -> datetime:
    """The instant itself, or the end of the quiet hours in which a closed bucket is left alone."""
    if alert.quiet_hours is None or alert.window is Window.TODAY:
        return at
    return alert.quiet_hours.until(at, alert.schedule.zone) or at


def _covered(alert: Alert, fire: datetime, now: datetime) -> list[Period]:
    """The periods before a fire that have not settled by now, and the newest one that has."""
    found = [period_for(PeriodKind(alert.window), fire)]
    while ready_at(found[-1], alert.settle) > now:
        found.append(found[-1].previous())
    return found


def so_far(fire: datetime, now: datetime) -> Bucket:
    """The UTC day so far, as it is at `now`, for a fire of the schedule.

    A look that comes late goes by its own time.
    """
    at = fire.astimezone(UTC) if now - fire <= TOLERANCE else now.astimezone(UTC)
    return Bucket(
        label=moment(at),
        period=day_of(utc_day(now)),
        begins_at=at,
        ends_at=at,
        ready_at=at,
        partial=True,
    )


def closed(alert: Alert, period: Period) -> Bucket:
    """A whole period."""
    return Bucket(
        label=period.label,
        period=period,
        begins_at=period.starts_at,
        ends_at=period.ends_at,
        ready_at=ready_at(period, alert.settle),
    )


def looked_at(alert: Alert, period: Period) -> datetime | None:
    """When the schedule has a closed period looked at: at its first fire after it, once settled.

    In quiet hours that is at their end. None where the calendar ends.
    """
    end = datetime.combine(period.end, time(), alert.schedule.zone)
    fires = next_fires(alert.schedule, end - _INSTANT, 1)
    if not fires:
        return None
    return _awake(alert, max(fires[0].astimezone(UTC), ready_at(period, alert.settle)))


@lru_cache(maxsize=512)
def _last_fire(schedule: Schedule, now: datetime) -> datetime | None:
    """Many alerts share a schedule, and are asked about at the same instant."""
    return previous_fire(schedule, now)


@lru_cache(maxsize=512)
def _next_fires(schedule: Schedule, now: datetime) -> tuple[datetime, ...]:
    return tuple(next_fires(schedule, now, 1))

"""The three reports about sessions: overview, time series and breakdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.sandbox.dates import DAY, day_of, iso, touched_days
from digest.sandbox.flavour import SECOND
from digest.sandbox.numbers import Number, change, mean_seconds, percent_of
from digest.sandbox.values import breakdown_rows

if TYPE_CHECKING:
    from digest.sandbox.asking import Ask

Body = dict[str, Any]

STILL_OPEN = 30 * SECOND
"""Sessions that began so recently are left out of the overview's mean duration."""

_OVERVIEW = """
SELECT count(*),
       count(*) FILTER (WHERE started_at < :day_ago),
       count(*) FILTER (WHERE started_at >= :day_ago AND started_at <= :now),
       count(*) FILTER (WHERE started_at >= :two_days_ago AND started_at < :day_ago),
       count(*) FILTER (WHERE duration < :bounce),
       count(*) FILTER (WHERE started_at < :closed),
       coalesce(sum(duration) FILTER (WHERE started_at < :closed), 0)
FROM app_sessions WHERE app_id = :app AND duration >= :least
"""
_BY_DAY = """
SELECT started_at / 86400000000 AS day,
       count(*), sum(duration), count(*) FILTER (WHERE duration < :bounce)
FROM app_sessions
WHERE app_id = :app AND duration >= :least AND started_at >= :start AND started_at < :end
GROUP BY day
"""
_BY_VALUE = """
SELECT CASE :dimension WHEN 'platform' THEN platform WHEN 'country' THEN country ELSE city END,
       CASE :dimension WHEN 'city' THEN country END,
       count(*)
FROM app_sessions
WHERE app_id = :app AND (duration >= :least OR last_activity_at >= :stale)
      AND (:start IS NULL OR started_at >= :start) AND (:end IS NULL OR started_at <= :end)
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT :limit
"""


def overview(ask: Ask) -> Body:
    """All sessions ever with their mean duration and bounce rate, and the last 24 hours."""
    total, before, day, day_before, bounces, closed, duration = ask.store.row(
        _OVERVIEW,
        {
            **_scope(ask),
            "now": ask.now,
            "day_ago": ask.now - DAY,
            "two_days_ago": ask.now - 2 * DAY,
            "closed": ask.now - STILL_OPEN,
        },
    )
    percent = ask.traits.percent_changes
    return {
        "totalSessions": total,
        "averageSessionDuration": mean_seconds(duration, closed) if closed else None,
        "activeSessions24h": day,
        "totalSessionsChange24h": change(total, before, percent=percent),
        "activeSessions24hChange": change(day, day_before, percent=percent),
        "bounceRate": percent_of(bounces, total),
    }


def timeseries(ask: Ask) -> Body:
    """One metric of every touched day, whole, by the day on which sessions started; no future."""
    days = touched_days(ask.first, ask.last)
    past = range(days.start, min(days.stop, ask.now // DAY + 1))
    found = {
        day: numbers
        for day, *numbers in ask.store.rows(
            _BY_DAY, {**_scope(ask), "start": past.start * DAY, "end": past.stop * DAY}
        )
    }
    return {
        "data": [
            {"date": day_of(day).isoformat(), ask.choice: _value(ask, *found.get(day, (0, 0, 0)))}
            for day in past
        ],
        "period": {"startDate": iso(ask.first), "endDate": iso(ask.last)},
    }


def breakdown(ask: Ask) -> Body:
    """Sessions by platform, country or city, started between two instants, both included."""
    groups = ask.store.rows(
        _BY_VALUE,
        {
            **_scope(ask),
            "dimension": ask.choice,
            "stale": ask.now - ask.traits.grace,
            "start": ask.start.millis if ask.start else None,
            "end": ask.end.millis if ask.end else None,
            "limit": -1 if ask.limit is None else ask.limit,
        },
    )
    return {
        "dimension": ask.choice,
        "metric": "sessionCount",
        "rows": breakdown_rows(ask.choice, groups),
    }


def _scope(ask: Ask) -> dict[str, Any]:
    return {"app": ask.app_id, "least": ask.traits.least, "bounce": ask.traits.bounce}


def _value(ask: Ask, count: int, duration: int, bounces: int) -> Number:
    if ask.choice == "sessionCount":
        return count
    if ask.choice == "avgSessionDuration":
        return mean_seconds(duration, count)
    return percent_of(bounces, count)

"""The three reports about users: overview, time series and breakdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.sandbox.dates import DAY, day_of, iso, touched_days
from digest.sandbox.numbers import percent_change
from digest.sandbox.values import NAMED_PLATFORMS, UNKNOWN, breakdown_rows, platform_name

if TYPE_CHECKING:
    from digest.sandbox.asking import Ask

Body = dict[str, Any]

_SEEN = """
SELECT count(*),
       count(*) FILTER (WHERE first_seen < :day_ago),
       count(*) FILTER (WHERE first_seen >= :day_ago AND first_seen <= :now),
       count(*) FILTER (WHERE first_seen >= :two_days_ago AND first_seen < :day_ago)
FROM devices WHERE app_id = :app
"""
_ACTIVE = """
SELECT count(DISTINCT device_id) FILTER (WHERE last_activity_at >= :day_ago
                                           AND last_activity_at <= :now),
       count(DISTINCT device_id) FILTER (WHERE last_activity_at >= :two_days_ago
                                           AND last_activity_at < :day_ago)
FROM app_sessions
WHERE app_id = :app AND (duration >= :least OR last_activity_at >= :stale)
"""
_ACTIVE_BY_DAY = """
SELECT last_activity_at / 86400000000 AS day, count(DISTINCT device_id)
FROM app_sessions
WHERE app_id = :app AND (duration >= :least OR last_activity_at >= :stale)
      AND last_activity_at >= :start AND last_activity_at < :end
GROUP BY day
"""
_NEW_BY_DAY = """
SELECT first_seen / 86400000000 AS day, count(*)
FROM devices WHERE app_id = :app AND first_seen < :end
GROUP BY day
"""
_BY_VALUE = """
SELECT CASE :dimension WHEN 'platform' THEN platform WHEN 'country' THEN country ELSE city END,
       CASE WHEN :dimension = 'city' THEN country END,
       count(*)
FROM devices WHERE app_id = :app
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT :limit
"""


def overview(ask: Ask) -> Body:
    """Users ever, new and active in the last 24 hours, and where they are. Changes are percent."""
    window = {"now": ask.now, "day_ago": ask.now - DAY, "two_days_ago": ask.now - 2 * DAY}
    total, before, new, new_before = ask.store.row(_SEEN, {**_scope(ask), **window})
    active, active_before = ask.store.row(_ACTIVE, {**_scope(ask), **window})
    countries = {value: n for value, _, n in _groups(ask, "country") if value is not None}
    body = {
        "totalUsers": total,
        "activeUsers24h": active,
        "newUsers24h": new,
        "platformStats": _platform_stats(ask),
        "countryStats": countries,
        "totalUsersChange24h": percent_change(total, before),
        "activeUsers24hChange": percent_change(active, active_before),
        "newUsers24hChange": percent_change(new, new_before),
    }
    if ask.traits.city:
        body["cityStats"] = {
            city: {"count": n, "country": country or ""}
            for city, country, n in _groups(ask, "city")
            if city is not None
        }
    return body


def timeseries(ask: Ask) -> Body:
    """One metric of every touched day, whole; no future.

    A user is active on the day of a session's last activity; `totalUsers` is a running level.
    """
    days = touched_days(ask.first, ask.last)
    past = range(days.start, min(days.stop, ask.now // DAY + 1))
    found = _levels(ask, past) if ask.choice == "totalUsers" else _counts(ask, past)
    return {
        "data": [{"date": day_of(day).isoformat(), ask.choice: found.get(day, 0)} for day in past],
        "period": {"startDate": iso(ask.first), "endDate": iso(ask.last)},
    }


def breakdown(ask: Ask) -> Body:
    """Users ever by platform, country or city: this report takes no dates."""
    return {
        "dimension": ask.choice,
        "metric": "userCount",
        "rows": breakdown_rows(ask.choice, _groups(ask, ask.choice, ask.limit)),
    }


def _counts(ask: Ask, days: range) -> dict[int, int]:
    sql = _ACTIVE_BY_DAY if ask.choice == "activeUsers" else _NEW_BY_DAY
    return dict(
        ask.store.rows(sql, {**_scope(ask), "start": days.start * DAY, "end": days.stop * DAY})
    )


def _levels(ask: Ask, days: range) -> dict[int, int]:
    new = dict(ask.store.rows(_NEW_BY_DAY, {**_scope(ask), "end": days.stop * DAY}))
    level = sum(count for day, count in new.items() if day < days.start)
    levels: dict[int, int] = {}
    for day in days:
        level += new.get(day, 0)
        levels[day] = level
    return levels


def _groups(ask: Ask, dimension: str, limit: int | None = None) -> list[Any]:
    return ask.store.rows(
        _BY_VALUE,
        {
            "app": ask.app_id,
            "dimension": dimension,
            "limit": -1 if limit is None else limit,
        },
    )


def _platform_stats(ask: Ask) -> dict[str, int]:
    """As the server does it: spellings of one platform overwrite each other."""
    stats = dict.fromkeys((*NAMED_PLATFORMS, UNKNOWN), 0)
    for raw, _, count in _groups(ask, "platform"):
        name = platform_name(UNKNOWN if raw is None else raw)
        if name:
            stats[name] = count
    return stats


def _scope(ask: Ask) -> dict[str, Any]:
    return {
        "app": ask.app_id,
        "least": ask.traits.least,
        "stale": ask.now - ask.traits.grace,
    }

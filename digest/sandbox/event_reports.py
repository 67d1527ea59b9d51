"""The three reports about events: overview, time series and breakdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.sandbox.dates import DAY, day_of, iso, touched_days
from digest.sandbox.numbers import change

if TYPE_CHECKING:
    from digest.sandbox.asking import Ask

Body = dict[str, Any]

MOST_ROWS = 10
"""The event store never gives more, whatever the limit."""

_EARLIEST_YEAR, _LATEST_YEAR = 2020, 2050

_OVERVIEW = """
SELECT count(*),
       count(*) FILTER (WHERE at < :day_ago),
       count(*) FILTER (WHERE at >= :day_ago),
       count(*) FILTER (WHERE at >= :two_days_ago AND at < :day_ago)
FROM events WHERE app_id = :app AND (NOT is_debug OR :debug)
"""
_BY_DAY = """
SELECT at / 86400000000 AS day, count(*)
FROM events
WHERE app_id = :app AND (NOT is_debug OR :debug) AND at >= :start AND at < :end
GROUP BY day
"""
_BY_NAME = """
SELECT name, count(*) AS n
FROM events
WHERE app_id = :app AND (NOT is_debug OR :debug) AND is_screen = :screens
      AND (:start IS NULL OR at >= :start) AND (:end IS NULL OR at <= :end)
GROUP BY name ORDER BY n DESC, name LIMIT :limit
"""


class EventStoreRefusedError(Exception):
    """The event store does not take the dates; the server answers 500."""


def overview(ask: Ask) -> Body:
    """All events ever, those of the last 24 hours, and their changes."""
    total, before, day, day_before = ask.store.row(
        _OVERVIEW,
        {**_scope(ask), "day_ago": ask.now - DAY, "two_days_ago": ask.now - 2 * DAY},
    )
    percent = ask.traits.percent_changes
    return {
        "totalEvents": total,
        "events24h": day,
        "totalEventsChange24h": change(total, before, percent=percent),
        "events24hChange": change(day, day_before, percent=percent),
    }


def timeseries(ask: Ask) -> Body:
    """Events of each day between two exact instants, the end excluded; zeros into the future."""
    found = dict(ask.store.rows(_BY_DAY, {**_scope(ask), "start": ask.first, "end": ask.last}))
    return {
        "data": [
            {"date": day_of(day).isoformat(), "eventCount": found.get(day, 0)}
            for day in touched_days(ask.first, ask.last)
        ],
        "period": {"startDate": iso(ask.first), "endDate": iso(ask.last)},
    }


def breakdown(ask: Ask) -> Body:
    """Event names or screens, most frequent first, between two instants, both included.

    Raises EventStoreRefusedError for a day that does not exist and years out of reach.
    """
    for moment in (ask.start, ask.end):
        if moment and not (moment.real and _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR):
            raise EventStoreRefusedError
    found = ask.store.rows(
        _BY_NAME,
        {
            **_scope(ask),
            "screens": ask.choice == "screenName",
            "start": ask.start.micros if ask.start else None,
            "end": ask.end.micros if ask.end else None,
            "limit": MOST_ROWS if ask.limit is None else min(ask.limit, MOST_ROWS),
        },
    )
    return {
        "dimension": ask.choice,
        "metric": "eventCount",
        "rows": [{"value": name, "count": count} for name, count in found],
    }


def _scope(ask: Ask) -> dict[str, Any]:
    return {"app": ask.app_id, "debug": ask.traits.debug_events}

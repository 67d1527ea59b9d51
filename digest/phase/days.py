"""Ranges of UTC days: how to ask for them, and whether what came back is what was asked for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from digest.phase.body import NonsenseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from digest.phase.answers import DayRow
    from digest.phase.models import DayValues

DAY = timedelta(days=1)
LONGEST_RANGE = timedelta(days=365)


def parts(start: date, end: date) -> Iterator[tuple[date, date]]:
    """The days from `start` up to, not including, `end` in ranges that one request may ask for."""
    while start < end:
        stop = min(end, start + LONGEST_RANGE)
        yield start, stop
        start = stop


def bounds(start: date | None, end: date | None) -> dict[str, str]:
    """The parameters for whole days from `start` up to, not including, `end`.

    From the first millisecond to the last one: the server leaves the last day out when the end's
    time of day is before the start's, and for some reports a midnight adds the day after it.
    """
    found = {}
    if start is not None:
        found["startDate"] = f"{start:%Y-%m-%d}T00:00:00.000Z"
    if end is not None:
        found["endDate"] = f"{end - DAY:%Y-%m-%d}T23:59:59.999Z"
    return found


def in_words(start: date | None, end: date | None) -> str:
    """The same range for people, with its last day included."""
    if start is None:
        return "all time" if end is None else f"up to {end - DAY:%Y-%m-%d}"
    if end is None:
        return f"from {start:%Y-%m-%d}"
    last = end - DAY
    return f"{start:%Y-%m-%d}" if last == start else f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"


def day_values(rows: Iterable[DayRow], metric: str, start: date, end: date) -> DayValues:
    """The rows' values by day, in order; days that the server left out stay out.

    Raises NonsenseError for a day twice, a day outside `start` to `end`, or one without `metric`.
    """
    found: DayValues = {}
    for row in rows:
        value = row.value(metric)
        if value is None:
            raise NonsenseError(f"the answer has no {metric} for {row.date}")
        if row.date in found:
            raise NonsenseError(f"the answer has {row.date} twice")
        if not start <= row.date < end:
            raise NonsenseError(
                f"the answer has {row.date}, which was not asked for (is the server's time zone"
                " UTC?)"
            )
        found[row.date] = value
    return dict(sorted(found.items()))

"""What alert rules know in tests, written as lists of numbers that end with the bucket."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from digest.core.breakdowns import Listing
from digest.core.metrics import Metric
from digest.core.periods import day_of, week_of
from digest.core.rules.reading import Known, Scope
from digest.core.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Sequence

SATURDAY = date(2026, 11, 21)
WORDS = Wording("en")


def of_day(day: date = SATURDAY, *, sessions: int = 0, count: int = 0) -> Scope:
    """A closed day."""
    return Scope(period=day_of(day), min_sessions=sessions, min_count=count)


def of_week(day: date = SATURDAY, *, sessions: int = 0, count: int = 0) -> Scope:
    """The closed week that holds the day."""
    return Scope(period=week_of(day), min_sessions=sessions, min_count=count)


def today(day: date = SATURDAY, *, sessions: int = 0) -> Scope:
    """The day so far."""
    return Scope(period=day_of(day), partial=True, min_sessions=sessions)


def known(until: date = SATURDAY, step: int = 1, /, **values: Sequence[float | None]) -> Known:
    """`known(sessions=[1, None, 3])`: days up to `until`, `step` days apart; None is missing."""
    found: dict[Metric, dict[date, float]] = {}
    for name, days in values.items():
        first = until - timedelta(days=step * (len(days) - 1))
        found[Metric(name)] = {
            first + timedelta(days=step * n): value
            for n, value in enumerate(days)
            if value is not None
        }
    return Known(values=found)


def listing(*, complete: bool = True, **counts: int) -> Listing:
    """A list of values and counts."""
    return Listing(rows=tuple(counts.items()), complete=complete)

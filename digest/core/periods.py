"""Periods and baselines: sets of whole UTC days, named as people and ISO 8601 name them.

Phase counts by UTC calendar day, so a period is a half-open run of UTC days. Nothing here asks
what time it is: `now` is handed in and must be aware.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import assert_never

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
YEAR = timedelta(days=364)  # 52 whole weeks, so that weekdays meet weekdays
_FIRST_YEAR = 1970  # leaves room for every baseline; nobody measured apps before


class PeriodKind(StrEnum):
    """How long a digest's period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The UTC days from `start` up to, not including, `end`.

    Make one with `day_of`, `week_of`, `month_of` or `parse_period`: one whole day, one ISO week
    (Monday to Sunday) or one calendar month. Anything else is a ValueError, because its label
    would name days that it does not have.
    """

    start: date
    end: date
    kind: PeriodKind

    def __post_init__(self) -> None:
        if (self.start, self.end) != _bounds(self.kind, self.start):
            raise ValueError(f"{self.start} to {self.end} is not one whole {self.kind}")

    @property
    def label(self) -> str:
        """`2026-11-22`, `2026-W47` (ISO week and ISO year) or `2026-11`."""
        match self.kind:
            case PeriodKind.DAY:
                return self.start.isoformat()
            case PeriodKind.WEEK:
                iso = self.start.isocalendar()
                return f"{iso.year:04d}-W{iso.week:02d}"
            case PeriodKind.MONTH:
                return f"{self.start:%Y-%m}"
            case _:
                assert_never(self.kind)

    @property
    def starts_at(self) -> datetime:
        """The first instant of the period, UTC."""
        return datetime.combine(self.start, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        """The first instant after the period, UTC."""
        return datetime.combine(self.end, time(), UTC)

    @property
    def last_day(self) -> date:
        """The last UTC day inside."""
        return self.end - DAY

    @property
    def length(self) -> int:
        """Number of days."""
        return (self.end - self.start).days

    @property
    def days(self) -> tuple[date, ...]:
        """Every UTC day inside, in order."""
        return tuple(self.start + DAY * n for n in range(self.length))

    def previous(self) -> Period:
        """The period of the same kind that ends where this one starts."""
        return period_of(self.kind, self.start - DAY)

    def shifted(self, by: timedelta) -> Period:
        """The same number of days, moved by whole days.

        Raises ValueError where that is no period of the same kind, as for most months.
        """
        return Period(self.start + by, self.end + by, self.kind)


def period_of(kind: PeriodKind, day: date) -> Period:
    """The period of that kind that holds the UTC day."""
    return Period(*_bounds(kind, day), kind)


def _bounds(kind: PeriodKind, day: date) -> tuple[date, date]:
    """First day, and the day after the last one, of the period that holds the day."""
    match kind:
        case PeriodKind.DAY:
            return day, day + DAY
        case PeriodKind.WEEK:
            monday = day - DAY * day.weekday()
            return monday, monday + WEEK
        case PeriodKind.MONTH:
            first = day.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1)
        case _:
            assert_never(kind)


def day_of(day: date) -> Period:
    """The period that is just this UTC day."""
    return period_of(PeriodKind.DAY, day)


def week_of(day: date) -> Period:
    """The ISO week (Monday to Sunday) that holds the day."""
    return period_of(PeriodKind.WEEK, day)


def month_of(day: date) -> Period:
    """The calendar month that holds the day."""
    return period_of(PeriodKind.MONTH, day)


def last_complete(kind: PeriodKind, now: datetime) -> Period:
    """The newest period that is over in UTC at `now` (without any settle time)."""
    return period_of(kind, utc_day(now)).previous()


def utc_day(now: datetime) -> date:
    """The UTC calendar day of an aware instant."""
    if now.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return now.astimezone(UTC).date()


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


def parse_period(text: str) -> Period:
    """Read `2026-11-22`, `2026-W47` or `2026-11`; anything else is a ValueError that says why."""
    try:
        period = _read(text)
    except (ValueError, OverflowError):
        raise ValueError(f"there is no period {text!r} in the calendar") from None
    if period is None:
        raise ValueError(
            f"{text!r} is not a day (2026-11-22), ISO week (2026-W47) or month (2026-11)"
        )
    if period.start.year < _FIRST_YEAR:
        raise ValueError(f"{text!r} is too long ago: periods begin in {_FIRST_YEAR}")
    return period


def _read(text: str) -> Period | None:
    if match := _WEEK.fullmatch(text):
        return week_of(date.fromisocalendar(int(match[1]), int(match[2]), 1))
    if _DAY.fullmatch(text):
        return day_of(date.fromisoformat(text))
    if _MONTH.fullmatch(text):
        return month_of(date.fromisoformat(f"{text}-01"))
    return None


class BaselineKind(StrEnum):
    """What a period is compared with."""

    PREVIOUS = "previous"
    SAME_WEEKDAY = "same_weekday"
    TRAILING = "trailing"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class BaselineRule:
    """The rule as configured; `count` is the number of periods of a trailing mean."""

    kind: BaselineKind = BaselineKind.PREVIOUS
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"a baseline has at least one period, not {self.count}")


@dataclass(frozen=True, slots=True)
class Baseline:
    """The period or periods that a period is compared with, oldest first.

    More than one means: compared with their mean.
    """

    rule: BaselineRule
    periods: tuple[Period, ...]

    @property
    def start(self) -> date:
        """First UTC day."""
        return self.periods[0].start

    @property
    def end(self) -> date:
        """First UTC day after the last period."""
        return self.periods[-1].end

    @property
    def label(self) -> str:
        """`2026-W46`, or `2026-W43..2026-W46` for a trailing mean."""
        first, last = self.periods[0].label, self.periods[-1].label
        return first if first == last else f"{first}..{last}"


def baseline_of(period: Period, rule: BaselineRule) -> Baseline:
    """The baseline of a period under a rule.

    `same_weekday` is seven days back, for days and weeks; a month has no weekday, so it is
    compared with the month before. `year` is 364 days back for days and weeks (weekdays meet
    weekdays) and the same calendar month of the year before for months.
    """
    periods: tuple[Period, ...]
    match rule.kind:
        case BaselineKind.PREVIOUS:
            periods = (period.previous(),)
        case BaselineKind.SAME_WEEKDAY if period.kind is PeriodKind.MONTH:
            periods = (period.previous(),)
        case BaselineKind.SAME_WEEKDAY:
            periods = (period.shifted(-WEEK),)
        case BaselineKind.TRAILING:
            periods = _before(period, rule.count)
        case BaselineKind.YEAR if period.kind is PeriodKind.MONTH:
            periods = (month_of(period.start.replace(year=period.start.year - 1)),)
        case BaselineKind.YEAR:
            periods = (period.shifted(-YEAR),)
        case _:
            assert_never(rule.kind)
    return Baseline(rule, periods)


def _before(period: Period, count: int) -> tuple[Period, ...]:
    found: list[Period] = []
    for _ in range(count):
        period = period.previous()
        found.append(period)
    return tuple(reversed(found))

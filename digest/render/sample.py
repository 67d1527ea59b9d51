"""Made-up reports that every template must survive: a full week, a thin day, an unfinished week.

The numbers are invented; `digest check` renders with them, so that mistakes show before Monday.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING

from digest.core.charts_spec import NoChart
from digest.core.content import Picture
from digest.core.deltas import compare
from digest.core.metrics import CATALOGUE, Dimension, Metric
from digest.core.periods import BaselineRule, baseline_of, day_of, week_of
from digest.core.report_model import (
    Breakdown,
    BreakdownRow,
    Headline,
    Movement,
    Note,
    Report,
    Tone,
)
from digest.core.series import Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.core.periods import Period

    Sample = tuple[Report, tuple[Picture | NoChart, ...]]

_DAY = date(2026, 11, 18)
_GENERATED = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
# One week and the week before, day by day.
_DAYS: Mapping[Metric, tuple[tuple[float, ...], tuple[float, ...]]] = {
    Metric.SESSIONS: ((412, 438, 455, 461, 430, 301, 287), (388, 401, 396, 410, 371, 262, 251)),
    Metric.BOUNCE_RATE: (
        (31.2, 30.4, 29.8, 30.9, 33.1, 35.2, 34.4),
        (34.0, 33.2, 34.9, 33.8, 35.1, 38.6, 37.0),
    ),
    Metric.SESSION_DURATION: ((191, 204, 199, 188, 176, 160, 158), (203,) * 7),
    Metric.ACTIVE_USERS: ((288, 301, 312, 318, 297, 214, 203), (270, 279, 281, 288, 262, 190, 182)),
    Metric.NEW_USERS: ((41, 44, 39, 47, 40, 28, 25), (37, 36, 41, 35, 33, 24, 22)),
    Metric.TOTAL_USERS: (
        (9041, 9085, 9124, 9171, 9211, 9239, 9264),
        (8809, 8845, 8886, 8921, 8954, 8978, 9000),
    ),
    Metric.EVENTS: (
        (3920, 4203, 4388, 4410, 4076, 2710, 2533),
        (3702, 3811, 3790, 3928, 3475, 2433, 2341),
    ),
}
_ROWS: Mapping[Dimension, tuple[tuple[str, int, int], ...]] = {
    Dimension.EVENTS_EVENT_NAME: (
        ("product_viewed", 9120, 8344),
        ("add_to_cart", 2310, 1989),
        ("checkout_started", 1204, 1130),
        ("search_performed", 1101, 1190),
        ("purchase_completed", 588, 512),
        ("coupon_applied", 203, 64),
    ),
    Dimension.EVENTS_SCREEN_NAME: (
        ("Home", 4410, 4122),
        ("Product", 3987, 3604),
        ("Cart", 1302, 1188),
        ("Account", 640, 655),
    ),
    Dimension.SESSIONS_COUNTRY: (
        ("Germany", 1109, 1022),
        ("United States", 688, 604),
        ("France", 301, 288),
        ("Japan", 164, 190),
        ("Brazil", 122, 71),
    ),
    Dimension.USERS_PLATFORM: (("ios", 4980, 0), ("android", 3610, 0), ("web", 674, 0)),
}
_TOTALS = {Dimension.SESSIONS_COUNTRY: 2784, Dimension.USERS_PLATFORM: 9264}
# A grey dot: templates only care that there is a picture.
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000"
    "000a4944415478da63d80d0000bd00bc31f1baf90000000049454e44ae426082"
)


@cache
def samples() -> tuple[Sample, ...]:
    """Reports with their pictures, one for each way that a digest can look."""
    week = sample_week()
    day = sample_day()
    pictures = sample_pictures()
    no_chart = NoChart(
        name="sessions",
        title="Sessions",
        sentence="Sessions: only one day has a value, so there is no chart.",
    )
    bare = replace(week, headlines=(), breakdowns=(), notes=(), partial=True)
    quiet = replace(day, quiet=True, breakdowns=(_unavailable(),))
    return (week, pictures), (day, ()), (quiet, (no_chart,)), (bare, (no_chart,))


def sample_week() -> Report:
    """A full week with everything that a report can hold."""
    period = week_of(_DAY)
    return Report(
        job="monday-email",
        title="Monday digest",
        app="shop",
        app_title="Acme Shop",
        period=period,
        baseline=baseline_of(period, BaselineRule()),
        timezone="Europe/Berlin",
        locale="en",
        headlines=tuple(_headline(metric, period) for metric in _DAYS),
        breakdowns=tuple(_breakdown(dimension) for dimension in _ROWS),
        notes=(
            Note(text="Days are UTC days.", tone=Tone.DEFINITION),
            Note(text="Phase counts screen views as events."),
            Note(text="Sunday was counted before it had settled.", tone=Tone.WARNING),
        ),
        verdict="A good week: sessions rose 12.3 % and fewer visits bounced.",
        generated_at=_GENERATED,
        requests=14,
    )


def sample_day() -> Report:
    """A day of a small app, where next to nothing can be compared."""
    week = sample_week()
    period = day_of(_DAY)
    sessions = CATALOGUE[Metric.SESSIONS]
    now = {Metric.SESSIONS: Series(period.days, (12.0,))}
    then = {Metric.SESSIONS: Series(period.previous().days, (0.0,))}
    headline = Headline(
        info=sessions,
        comparison=compare(Metric.SESSIONS, now, [then]),
        daily=now[Metric.SESSIONS],
        baseline_daily=None,
        note="The app sent its first events on this day.",
    )
    missing = Headline(
        info=CATALOGUE[Metric.BOUNCE_RATE],
        comparison=compare(Metric.BOUNCE_RATE, {}, []),
        daily=Series(period.days, (None,)),
        baseline_daily=None,
    )
    return replace(
        week,
        job="daily-slack",
        title="Daily summary",
        period=period,
        baseline=baseline_of(period, BaselineRule()),
        headlines=(headline, missing),
        breakdowns=(_breakdown(Dimension.SESSIONS_COUNTRY), _unavailable()),
        notes=(),
        verdict="12 sessions, the first ones.",
    )


def sample_pictures() -> tuple[Picture | NoChart, ...]:
    """Two drawn charts and one that could not be."""
    names = (("sessions", "Sessions by day"), ("sessions-country", "Sessions by country"))
    drawn = (
        Picture(name=name, png=DOT, alt=f"{title}.", width=600, height=260, title=title)
        for name, title in names
    )
    reason = "Bounce rate: no day has a value, so there is no chart."
    return (*drawn, NoChart(name="bounce-rate", title="Bounce rate by day", sentence=reason))


def _headline(metric: Metric, period: Period) -> Headline:
    now = {name: Series(period.days, days[0]) for name, days in _DAYS.items()}
    then = {name: Series(period.previous().days, days[1]) for name, days in _DAYS.items()}
    return Headline(
        info=CATALOGUE[metric],
        comparison=compare(metric, now, [then]),
        daily=now[metric],
        baseline_daily=then[metric],
    )


def _breakdown(dimension: Dimension) -> Breakdown:
    total = _TOTALS.get(dimension)
    listed = tuple(_row(value, now, then, total) for value, now, then in _ROWS[dimension])
    rest = (total or 0) - sum(row.count or 0 for row in listed)
    other = BreakdownRow(value="", count=rest, share=100 * rest / (total or 1), other=True)
    moved = sorted(listed, key=lambda row: -abs((row.count or 0) - (row.baseline or 0)))
    return Breakdown(
        dimension=dimension,
        rows=(*listed, other) if rest > 0 else listed,
        movers=tuple(row for row in moved[:3] if row.baseline is not None),
        total=total,
        note=None if dimension.dated else "Counted over all time, not over the period.",
    )


def _row(value: str, now: int, then: int, total: int | None) -> BreakdownRow:
    movement = Movement.ROSE if now > then else Movement.FELL
    return BreakdownRow(
        value=value,
        count=now,
        baseline=then or None,
        share=None if total is None else 100 * now / total,
        movement=movement if then else Movement.UNKNOWN,
    )


def _unavailable() -> Breakdown:
    return Breakdown(
        dimension=Dimension.SESSIONS_CITY, rows=(), unavailable="This server does not offer cities."
    )

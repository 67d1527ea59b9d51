"""The occasions of a digest: of each period the first due time that covers it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.config.occasions import (
    by_todays_zones,
    end_of,
    next_occasion,
    occasions,
    schedule_key,
)
from digest.config.schedule import fires_until, next_fires, period_for
from digest.core.periods import parse_period
from tests.support.configs import changed, config_of

if TYPE_CHECKING:
    from digest.config.models import Digest
    from digest.core.agenda import Occasion

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo",
    "Asia/Tokyo", "Asia/Kathmandu", "America/Havana", "Atlantic/Azores", "Asia/Beirut",
)  # fmt: skip
PHRASES = (
    "every day 02:30", "every day 00:00", "every day 23:45", "mon 00:00", "mon-fri 09:00",
    "every 15m", "every hour", "1st 00:00", "last day 07:30", "0 0,12 * * *",
)  # fmt: skip
DAY, HOUR, INSTANT = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def digest(at: str, zone: str = "Europe/Berlin", period: str = "day", **more: Any) -> Digest:
    schedule = {"at": at, "timezone": zone}
    job = {"app": "shop", "period": period, "schedule": schedule, "to": {"files": ["x"]}, **more}
    old = "{app: shop, period: week, schedule: mon 08:00, to: {mail: ana@example.com}}"
    return config_of(changed(old, json.dumps(job))).digests["weekly"]


def seen(found: list[Occasion]) -> list[tuple[str, str]]:
    return [(one.period, one.local) for one in found]


def test_a_period_is_due_at_the_first_of_the_times_that_cover_it() -> None:
    found = list(
        occasions(digest("mon-fri 09:00", period="week"), utc("2026-03-03"), utc("2026-03-18"))
    )

    assert seen(found) == [
        ("2026-W09", "2026-03-03T09:00:00+01:00"),  # the rest of a week that began before
        ("2026-W10", "2026-03-09T09:00:00+01:00"),
        ("2026-W11", "2026-03-16T09:00:00+01:00"),
    ]


def test_an_occasion_can_be_reported_once_its_period_is_over_in_utc_and_settled() -> None:
    found = next_occasion(digest("every day 02:30", "Asia/Tokyo", settle="3h"), utc("2026-03-02"))

    assert found is not None
    assert found.due_at == utc("2026-03-02T17:30")
    assert found.ready_at == found.effective == utc("2026-03-03T03:00")


def test_a_day_of_skip_dates_has_none_but_the_week_has_its_next_day() -> None:
    off: dict[str, Any] = {"skip_dates": ["2026-03-09"]}
    daily = list(occasions(digest("every day 07:30", **off), utc("2026-03-08"), utc("2026-03-11")))
    week = digest("mon-fri 09:00", period="week", **off)
    weekly = list(occasions(week, utc("2026-03-07"), utc("2026-03-11")))

    assert [one.period for one in daily] == ["2026-03-07", "2026-03-09"]
    assert seen(weekly) == [("2026-W10", "2026-03-10T09:00:00+01:00")]


@pytest.mark.parametrize("zone", ["Africa/Cairo", "America/Santiago"])
@pytest.mark.parametrize("at", ["every hour", "every 15m", "every day 23:30"])
def test_a_skipped_day_whose_last_hour_comes_twice_is_followed_by_the_next(
    zone: str, at: str
) -> None:
    day = date(2026, 10, 29) if zone == "Africa/Cairo" else date(2026, 4, 4)
    start = datetime.combine(day, datetime.min.time(), ZoneInfo(zone))

    found = next_occasion(digest(at, zone, skip_dates=[day.isoformat()]), start)

    assert found is not None
    assert found.period == day.isoformat()


def test_only_so_many_occasions_are_looked_for_where_all_days_are_skipped() -> None:
    job = digest("1st 07:30", skip_dates=["2026-04-01"])

    assert next_occasion(job, utc("2026-03-02")) == next_occasion(job, utc("2026-04-02"))


@settings(max_examples=40)
@given(
    st.sampled_from(PHRASES),
    st.sampled_from(ZONES),
    st.sampled_from(["day", "week", "month"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 2, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_each_period_comes_once_in_order_at_its_first_time_in_every_zone(
    at: str, zone: str, period: str, start: datetime
) -> None:
    job = digest(at, zone, period)
    end = start + 20 * DAY
    found = list(occasions(job, start, end))

    assert all(start < one.due_at <= end for one in found)
    assert [one.due_at for one in found] == sorted({one.due_at for one in found})
    for first, second in pairwise(found):
        assert parse_period(first.period).start < parse_period(second.period).start
    (fires,) = fires_until([job], start, end)
    labels = dict.fromkeys(fire.period.label for fire in fires)
    assert list(labels) == [one.period for one in found], "none is left out"


@settings(max_examples=40)
@given(
    st.sampled_from(PHRASES),
    st.sampled_from(ZONES),
    st.sampled_from(["day", "week", "month"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 2, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_up_to_its_end_every_time_covers_the_same_period_and_after_it_none_does(
    at: str, zone: str, period: str, start: datetime
) -> None:
    job = digest(at, zone, period)
    found = next_occasion(job, start)
    assert found is not None
    end = end_of(job, found)
    coming = next_occasion(job, end)

    assert end >= found.due_at
    assert coming is not None
    assert coming.period != found.period
    for fire in next_fires(job.schedule, max(found.due_at, end - 3 * HOUR), 30):
        label = period_for(job.period, fire).label
        assert (label == found.period) is (fire.astimezone(UTC) <= end)
    assert by_todays_zones(job, end) == end, "no zone data has changed"


@pytest.mark.parametrize(
    ("zone", "since", "by_today"),
    [
        ("Europe/Berlin", "2026-03-08T22:59:59.999999", "2026-03-08T22:59:59.999999"),
        ("Europe/Helsinki", "2026-03-08T22:59:59.999999", "2026-03-08T21:59:59.999999"),
        ("Europe/London", "2026-03-08T22:59:59.999999", "2026-03-08T23:59:59.999999"),
        ("Asia/Kathmandu", "2026-03-08T18:29:59.999999", "2026-03-08T18:14:59.999999"),
        ("Europe/Helsinki", "2026-03-08T12:34:56.789012", "2026-03-08T12:34:56.789012"),
    ],
)
def test_an_end_of_day_by_older_zone_data_is_moved_to_the_end_of_that_day(
    zone: str, since: str, by_today: str
) -> None:
    assert by_todays_zones(digest("mon 00:00", zone, "week"), utc(since)) == utc(by_today)


def test_line_zone_and_kind_of_period_make_a_schedule_another_one() -> None:
    same = digest("every day 07:30")
    others = [
        digest("every day 07:31"),
        digest("every day 07:30", "Europe/Paris"),
        digest("every day 07:30", period="week"),
    ]

    assert schedule_key(digest("30 7 * * *", settle="1h", title="New")) == schedule_key(same)
    assert len({schedule_key(one) for one in [same, *others]}) == 4

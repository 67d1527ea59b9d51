"""When schedules fire: phrases, cron's own numbers, daylight saving, periods."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.config.schedule import (
    Fire,
    Schedule,
    explain,
    fires_until,
    next_fires,
    parse_schedule,
    period_for,
    previous_fire,
    ready_at,
    upcoming,
)
from digest.core.periods import PeriodKind, parse_period
from tests.support.configs import SMALL, changed, config_of

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
    "Africa/Cairo", "Asia/Tokyo", "Asia/Kathmandu", "Europe/London", "Atlantic/Azores",
    "America/Havana", "Asia/Beirut", "Pacific/Chatham", "Africa/Casablanca", "UTC",
)  # fmt: skip
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("phrase", "expr"),
    [
        ("mon 08:00", "0 8 * * mon"),
        ("Monday 8:05", "5 8 * * mon"),
        ("mondays 08:00", "0 8 * * mon"),
        ("every mon 08:00", "0 8 * * mon"),
        ("mon-fri 09:00", "0 9 * * mon-fri"),
        ("weekdays 09:00", "0 9 * * mon-fri"),
        ("every weekday 09:00", "0 9 * * mon-fri"),
        ("weekends 10:00", "0 10 * * sat,sun"),
        ("mon,thu 09:00", "0 9 * * mon,thu"),
        ("thu, mon 09:00", "0 9 * * mon,thu"),
        ("fri-mon 06:05", "5 6 * * mon,fri,sat,sun"),
        ("mon-wed,fri 06:00", "0 6 * * mon,tue,wed,fri"),
        ("mon-sun 06:00", "0 6 * * *"),
        ("sun 00:00", "0 0 * * sun"),
        ("every day 07:30", "30 7 * * *"),
        ("daily 23:59", "59 23 * * *"),
        ("  EVERY   day  07:30 ", "30 7 * * *"),
        ("every 15m", "*/15 * * * *"),
        ("every 15 minutes", "*/15 * * * *"),
        ("every minute", "* * * * *"),
        ("every 1m", "* * * * *"),
        ("every 60m", "0 * * * *"),
        ("every hour", "0 * * * *"),
        ("every 2h", "0 */2 * * *"),
        ("every 120m", "0 */2 * * *"),
        ("every 24 hours", "0 0 * * *"),
        ("1st 07:30", "30 7 1 * *"),
        ("15th,1st 07:30", "30 7 1,15 * *"),
        ("28th 00:00", "0 0 28 * *"),
        ("last day 07:30", "30 7 L * *"),
        ("0 8 * * 1", "0 8 * * 1"),
        ("30  7 1-7 jan,JUL mon", "30 7 1-7 jan,jul mon"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
    ],
)
def test_a_phrase_stands_for_a_cron_line(phrase: str, expr: str) -> None:
    schedule = parse_schedule(phrase, "UTC")
    assert (schedule.expr, schedule.phrase) == (expr, " ".join(phrase.split()))


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("", "is empty; write it like"),
        ("mno 08:00", '"mno" is not a day (did you mean "mon"?)'),
        ("mon- 08:00", '"" is not a day'),
        ("08:00", '"08:00" says no day; write "every day 08:00"'),
        ("mon", 'can\'t read the schedule "mon"; write it like'),
        ("08:00 mon", "the time comes last"),
        ("mon 24:00", '"24:00" is not a time of day; it goes from 00:00 to 23:59'),
        ("mon 08:60", '"08:60" is not a time of day'),
        ("mon 8am", '"8am" is not a time of day; write it like 08:00 or 17:30'),
        ("mon 8", '"8" is not a time of day; write it like'),
        ("tue wed 08:00", "can't read the schedule"),
        ("first monday 08:00", "can't read the schedule"),
        ("0th 08:00", '"0" is not a day of the month'),
        ("32nd 08:00", '"32" is not a day of the month'),
        ("29th 08:00", "not every month has the day"),
        ("1st,31st 08:00", 'not every month has the day "31"; use the last day'),
        ("every 7m", "an interval must divide an hour or a day evenly"),
        ("every 90m", "an interval must divide an hour or a day evenly"),
        ("every 0m", "an interval must divide"),
        ("every 5h", "an interval must divide"),
        ("every 48h", "an interval must divide"),
        ("0 8 * *", "a cron line has five fields, not 4"),
        ("0 0 8 * * *", "a cron line has five fields, not 6"),
        ("60 8 * * *", "the minute field of the cron line"),
        ("0 24 * * *", "the hour field"),
        ("0 8 32 * *", "the day-of-month field"),
        ("0 8 * 13 *", "the month field"),
        ("0 8 * * 8", "the day-of-week field"),
        ("0 8 30 2 *", "the day-of-month field"),
        ("0 0 */31 2 mon#2", "never comes true"),
        ("0 8 * * fri-mon", "the day-of-week field"),
        ("*/0 * * * *", "the minute field"),
        ("a b c d e", "the minute field"),
        ("٣ 8 * * *", "the minute field"),
        ("@reboot", '"@reboot" is not a schedule'),
        ("@weakly", '(did you mean "@weekly"?)'),
        ("1," * 150 + "1 8 * * *", "is too long for a schedule"),
    ],
)
def test_what_is_no_schedule_is_explained(phrase: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_schedule(phrase, "UTC")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "zone", ["Europe/Berln", "", "/etc/passwd", "../UTC", "a\0b", "Europe", "x" * 300]
)
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        parse_schedule("mon 08:00", zone)


@pytest.mark.parametrize(
    ("line", "weekday"), [("0 8 * * 0", 6), ("0 8 * * 7", 6), ("0 8 * * 1", 0), ("0 8 * * sun", 6)]
)
def test_day_numbers_are_cron_s(line: str, weekday: int) -> None:
    fires = next_fires(parse_schedule(line, "UTC"), NEW_YEAR, 3)
    assert [fire.weekday() for fire in fires] == [weekday] * 3


def test_day_of_month_or_weekday_as_in_cron() -> None:
    fires = next_fires(parse_schedule("0 8 13 * fri", "UTC"), NEW_YEAR, 4)
    assert [fire.day for fire in fires] == [2, 9, 13, 16]


def test_the_last_day_is_the_month_s_last() -> None:
    fires = next_fires(parse_schedule("last day 07:30", "UTC"), utc("2028-01-01"), 4)
    assert [fire.date().isoformat()[5:] for fire in fires] == ["01-31", "02-29", "03-31", "04-30"]


def local_dates(year: int) -> set[date]:
    first = date(year, 1, 1)
    return {first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)}


def fires_of_year(phrase: str, zone: str, year: int = 2026) -> list[datetime]:
    start = datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) - timedelta(microseconds=1)
    return [
        fire for fire in next_fires(parse_schedule(phrase, zone), start, 400) if fire.year == year
    ]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", ["00:00", "00:30", "01:30", "02:00", "02:30", "03:00", "23:30"])
def test_a_daily_time_fires_once_on_every_local_date(clock: str, zone: str) -> None:
    fires = fires_of_year(f"every day {clock}", zone)

    assert Counter(fire.date() for fire in fires) == dict.fromkeys(local_dates(2026), 1)
    assert all(one.astimezone(UTC) < two.astimezone(UTC) for one, two in pairwise(fires))
    odd = [fire for fire in fires if f"{fire:%H:%M}" != clock]
    assert len(odd) <= 1


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", ["00:00", "02:30"])
def test_a_weekly_time_fires_every_week(clock: str, zone: str) -> None:
    for day, number in (("mon", 0), ("sun", 6)):
        fires = fires_of_year(f"{day} {clock}", zone)
        wanted = {each for each in local_dates(2026) if each.weekday() == number}
        assert Counter(fire.date() for fire in fires) == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize(
    ("phrase", "zone", "day", "local"),
    [
        ("every day 02:30", "Europe/Berlin", "2026-03-29", "2026-03-29T03:00:00+02:00"),
        ("every day 02:30", "Europe/Berlin", "2026-10-25", "2026-10-25T02:30:00+02:00"),
        ("every day 01:30", "America/New_York", "2026-11-01", "2026-11-01T01:30:00-04:00"),
        ("mon 00:00", "America/New_York", "2026-03-09", "2026-03-09T00:00:00-04:00"),
        ("every day 02:15", "Australia/Lord_Howe", "2026-10-04", "2026-10-04T02:30:00+11:00"),
        ("every day 01:45", "Australia/Lord_Howe", "2026-04-05", "2026-04-05T01:45:00+11:00"),
        ("every day 00:00", "America/Santiago", "2026-09-06", "2026-09-06T01:00:00-03:00"),
        ("every day 00:30", "Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00"),
        ("every day 23:30", "Africa/Cairo", "2026-10-29", "2026-10-29T23:30:00+03:00"),
        ("0 2,3 * * *", "Europe/Berlin", "2026-03-29", "2026-03-29T03:00:00+02:00"),
        ("*/15 2 * * *", "Europe/Berlin", "2026-03-29", "2026-03-29T03:00:00+02:00"),
    ],
)
def test_around_a_change_of_the_clock(phrase: str, zone: str, day: str, local: str) -> None:
    fires = [f for f in next_fires(parse_schedule(phrase, zone), NEW_YEAR, 1600)
             if f.date() == date.fromisoformat(day)]  # fmt: skip
    assert [fire.isoformat() for fire in fires] == [local]


def test_every_15_minutes_runs_evenly_through_changes_of_the_clock() -> None:
    for zone in ZONES:
        schedule = parse_schedule("every 15m", zone)
        for start in ("2026-03-28T20:00", "2026-10-24T20:00", "2026-04-04T12:00", "2026-10-03"):
            fires = next_fires(schedule, utc(start), 100)
            gaps = {two - one for one, two in pairwise(f.astimezone(UTC) for f in fires)}
            assert gaps == {timedelta(minutes=15)}, (zone, start)


def test_every_hour_fires_in_both_passes_of_a_repeated_hour() -> None:
    fires = next_fires(parse_schedule("every hour", "Europe/Berlin"), utc("2026-10-24T23:30"), 3)
    assert [fire.isoformat() for fire in fires] == [
        "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00",
    ]  # fmt: skip


def test_between_the_two_passes_a_fire_is_not_given_again() -> None:
    schedule = parse_schedule("every day 02:30", "Europe/Berlin")
    between = utc("2026-10-25T01:10")  # 02:10 for the second time
    assert next_fires(schedule, between, 1)[0].date() == date(2026, 10, 26)
    last = previous_fire(schedule, between)
    assert last is not None
    assert last.astimezone(UTC) == utc("2026-10-25T00:30")


PHRASES = st.sampled_from(
    ["every day 02:30", "mon 00:00", "every 15m", "every hour", "1st 00:30", "last day 02:00",
     "mon-fri 09:00", "0 */6 * * *", "*/30 1-3 * * *", "0 2,3 * * sun"]
)  # fmt: skip
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(  # noqa: DTZ001 — UTC is put on
    lambda naive: naive.replace(tzinfo=UTC)
)


@settings(max_examples=150, deadline=None)
@given(PHRASES, st.sampled_from(ZONES), INSTANTS)
def test_fires_follow_each_other_without_gap_or_repeat(
    phrase: str, zone: str, now: datetime
) -> None:
    schedule = parse_schedule(phrase, zone)
    fires = [fire.astimezone(UTC) for fire in next_fires(schedule, now, 6)]

    assert fires[0] > now
    assert fires == sorted(set(fires))
    for one, two in pairwise(fires):
        assert [fire.astimezone(UTC) for fire in next_fires(schedule, one, 1)] == [two]
        assert last_fire(schedule, two) == two
        assert last_fire(schedule, two - timedelta(microseconds=1)) == one


def last_fire(schedule: Schedule, at: datetime) -> datetime:
    fire = previous_fire(schedule, at)
    assert fire is not None
    return fire.astimezone(UTC)


@pytest.mark.parametrize("now", ["0001-01-01T00:00", "0001-01-03T00:00", "9999-12-31T23:00"])
def test_at_the_ends_of_the_calendar_there_are_no_fires_instead_of_errors(now: str) -> None:
    for zone in ("Asia/Tokyo", "America/New_York"):
        schedule = parse_schedule("mon 08:00", zone)
        assert len(next_fires(schedule, utc(now), 3)) in {0, 3}
        last = previous_fire(schedule, utc(now))
        assert last is None or last <= utc(now)


def test_an_explanation_is_a_sentence_with_its_zone() -> None:
    schedule = parse_schedule("mon-fri 09:00", "Asia/Tokyo")
    assert explain(schedule) == "At 09:00 on Monday through Friday, Asia/Tokyo"


@pytest.mark.parametrize(
    ("kind", "fire", "label"),
    [
        (PeriodKind.WEEK, "2026-11-23T08:00+09:00", "2026-W47"),  # Sunday 23:00 UTC
        (PeriodKind.WEEK, "2026-11-22T20:00-05:00", "2026-W46"),  # Monday in UTC, not here
        (PeriodKind.WEEK, "2027-01-04T08:00+01:00", "2026-W53"),
        (PeriodKind.WEEK, "2026-11-25T08:00+01:00", "2026-W47"),
        (PeriodKind.DAY, "2026-11-23T09:00+01:00", "2026-11-22"),
        (PeriodKind.DAY, "2028-03-01T00:00+00:00", "2028-02-29"),
        (PeriodKind.MONTH, "2026-03-01T07:30+13:00", "2026-02"),
        (PeriodKind.MONTH, "2026-01-31T07:30+00:00", "2025-12"),
    ],
)
def test_a_fire_covers_the_last_period_complete_by_its_local_date(
    kind: PeriodKind, fire: str, label: str
) -> None:
    assert period_for(kind, datetime.fromisoformat(fire)).label == label


def test_a_period_can_be_reported_after_its_end_and_the_settle_time() -> None:
    week = parse_period("2026-W47")
    assert ready_at(week, timedelta(hours=2)) == utc("2026-11-23T02:00")


def test_upcoming_says_when_what_is_covered() -> None:
    text = changed("schedule: mon 08:00", "schedule: {at: mon 08:00, timezone: Asia/Tokyo}")
    weekly = config_of(text).digests["weekly"]

    (fires,) = upcoming([weekly], utc("2026-11-20T00:00"), 2)

    tokyo = ZoneInfo("Asia/Tokyo")
    assert list(fires) == [
        Fire(
            local=datetime(2026, 11, day, 8, tzinfo=tokyo),
            utc=utc(f"2026-11-{day - 1}T23:00"),
            period=parse_period(label),
            ready_at=utc(f"2026-11-{day}T02:00"),
        )
        for day, label in ((23, "2026-W47"), (30, "2026-W48"))
    ]


@pytest.mark.parametrize(
    ("given", "local"),
    [
        ("skip_dates: 2026-11-23", ["2026-11-30", "2026-12-07"]),
        ("skip_dates: [2026-11-30, 2026-12-07]", ["2026-11-23", "2026-12-14"]),
        ("enabled: false", []),
    ],
)
def test_upcoming_passes_over_what_is_not_sent(given: str, local: list[str]) -> None:
    weekly = config_of(changed("period: week", f"period: week, {given}")).digests["weekly"]
    (fires,) = upcoming([weekly], utc("2026-11-20T00:00"), 2)
    assert [fire.local.date().isoformat() for fire in fires] == local


def test_a_skipped_day_is_the_schedules_and_not_the_one_in_utc() -> None:
    text = changed("mon 08:00", "{at: mon 08:00, timezone: Asia/Tokyo}, skip_dates: 2026-11-22")
    (fires,) = upcoming([config_of(text).digests["weekly"]], utc("2026-11-20T00:00"), 1)
    assert [fire.utc for fire in fires] == [utc("2026-11-22T23:00")]


def test_fires_until_end_with_the_instant_that_is_named() -> None:
    weekly = config_of(SMALL).digests["weekly"]
    (fires,) = fires_until([weekly], utc("2026-11-16T07:00"), utc("2026-11-30T07:00"))
    assert [fire.utc for fire in fires] == [utc("2026-11-23T07:00"), utc("2026-11-30T07:00")]

"""The server's reading of dates, its steps through days, and its instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sandbox.dates import DAY, day_of, iso, micros, read_moment, touched_days

INSTANTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 — hypothesis wants them naive
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
)
OFFSETS = st.integers(-14 * 60, 14 * 60)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-20T00:00:00.000Z", "2026-11-20T00:00:00.000Z"),
        ("2026-11-20", "2026-11-20T00:00:00.000Z"),
        ("2026-11", "2026-11-01T00:00:00.000Z"),
        ("2026", "2026-01-01T00:00:00.000Z"),
        ("2026-11-20T07:30", "2026-11-20T07:30:00.000Z"),
        ("2026-11-20T07:30:15", "2026-11-20T07:30:15.000Z"),
        ("2026-11-20T07:30:15.1Z", "2026-11-20T07:30:15.100Z"),
        ("2026-11-20T23:59:59.999999Z", "2026-11-20T23:59:59.999Z"),
        ("2026-11-20T00:00:00+03:00", "2026-11-19T21:00:00.000Z"),
        ("2026-11-20T00:00:00-0330", "2026-11-20T03:30:00.000Z"),
        ("2026-11-20T24:00:00Z", "2026-11-21T00:00:00.000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ("2026-02-30", "2026-03-02T00:00:00.000Z"),
        ("0001-01-01", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_date_is_read_as(text: str, meant: str) -> None:
    moment = read_moment(text)
    assert moment is not None
    assert iso(moment.millis) == meant


@pytest.mark.parametrize(
    "text",
    [
        "not-a-date",
        "2026-13-45",
        "2026-00-01",
        "2026-11-32",
        "2026-11-20T25:00:00Z",
        "2026-11-20T24:00:01Z",
        "2026-11-20T23:60:00Z",
        "2026-11-20T00:00:00 03:00",
        "2026-11-20T00:00:00+24:00",
        "2026-11-20Z",
        " 2026-11-20",
        "0000-01-01",
        "9999-12-31T24:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "1763600000000",
        "٢٠٢٦-11-20",
    ],
)
def test_no_date_is(text: str) -> None:
    assert read_moment(text) is None


def test_a_day_that_its_month_does_not_have_is_marked() -> None:
    moments = [read_moment(text) for text in ("2026-02-28", "2026-02-29", "2028-02-29")]
    assert [moment.real for moment in moments if moment] == [True, False, True]


@given(INSTANTS, OFFSETS)
def test_an_offset_names_the_same_instant(naive: datetime, offset: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    moment = read_moment(naive.replace(tzinfo=UTC).astimezone(zone).isoformat())
    assert moment is not None
    assert moment.micros == micros(naive.replace(tzinfo=UTC))


@given(INSTANTS)
def test_an_instant_comes_back_from_its_text(naive: datetime) -> None:
    moment = read_moment(iso(micros(naive.replace(tzinfo=UTC))))
    assert moment is not None
    assert moment.micros == micros(
        naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    )


@given(INSTANTS, st.integers(0, 400 * DAY))
def test_days_are_steps_of_24_hours_from_the_start(naive: datetime, length: int) -> None:
    start = micros(naive.replace(tzinfo=UTC))
    days = touched_days(start, start + length)
    assert day_of(days[0]) == naive.date()
    assert len(days) == length // DAY + 1


def test_an_end_earlier_in_its_day_than_the_start_loses_its_day() -> None:
    start, end = read_moment("2026-11-17T10:30:00Z"), read_moment("2026-11-20T09:00:00Z")
    assert start is not None
    assert end is not None
    assert [day_of(day).day for day in touched_days(start.millis, end.millis)] == [17, 18, 19]


def test_nothing_is_touched_when_the_end_is_before_the_start() -> None:
    assert not touched_days(DAY, 0)

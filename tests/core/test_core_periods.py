from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.periods import (
    DAY,
    YEAR,
    BaselineKind,
    BaselineRule,
    Period,
    PeriodKind,
    baseline_of,
    day_of,
    last_complete,
    month_of,
    parse_period,
    period_of,
    utc_day,
    week_of,
)

KINDS = st.sampled_from(PeriodKind)
DAYS = st.dates(date(1980, 1, 1), date(2199, 12, 31))
OFFSETS = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
    lambda by: timezone(timedelta(minutes=by // timedelta(minutes=1)))
)
INSTANTS = st.datetimes(datetime(1980, 1, 3), datetime(2199, 1, 1), timezones=OFFSETS)  # noqa: DTZ001 - hypothesis adds the zone


@given(kind=KINDS, day=DAYS)
def test_a_day_lies_in_exactly_one_period_of_each_kind(kind: PeriodKind, day: date) -> None:
    period = period_of(kind, day)
    assert period.start <= day < period.end
    assert all(period_of(kind, other) == period for other in period.days)


@given(kind=KINDS, day=DAYS)
def test_periods_tile_the_line_without_gap_or_overlap(kind: PeriodKind, day: date) -> None:
    period = period_of(kind, day)
    after = period_of(kind, period.end)
    assert after.start == period.end
    assert after.previous() == period
    assert after.label > period.label


@given(kind=KINDS, day=DAYS)
def test_a_periods_days_are_its_length_and_in_order(kind: PeriodKind, day: date) -> None:
    period = period_of(kind, day)
    assert len(period.days) == period.length
    assert period.days == tuple(sorted(set(period.days)))
    assert (period.days[0], period.days[-1]) == (period.start, period.last_day)
    assert period.ends_at - period.starts_at == DAY * period.length


@given(day=DAYS)
def test_a_week_is_monday_to_sunday_and_named_as_iso_8601_does(day: date) -> None:
    week = week_of(day)
    assert (week.start.weekday(), week.last_day.weekday(), week.length) == (0, 6, 7)
    assert {f"{d.isocalendar().year}-W{d.isocalendar().week:02d}" for d in week.days} == {
        week.label
    }


@given(kind=KINDS, day=DAYS)
def test_a_label_is_read_back_as_the_same_period(kind: PeriodKind, day: date) -> None:
    period = period_of(kind, day)
    assert parse_period(period.label) == period


@given(kind=KINDS, now=INSTANTS)
def test_the_last_complete_period_is_over_and_the_next_one_is_not(
    kind: PeriodKind, now: datetime
) -> None:
    period = last_complete(kind, now)
    assert period.ends_at <= now < period_of(kind, period.end).ends_at


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        pytest.param("2026-W47", date(2026, 11, 16), date(2026, 11, 23), id="week"),
        pytest.param("2026-W53", date(2026, 12, 28), date(2027, 1, 4), id="week 53 over new year"),
        pytest.param("2026-W01", date(2025, 12, 29), date(2026, 1, 5), id="week 1 begins in 2025"),
        pytest.param("2020-W53", date(2020, 12, 28), date(2021, 1, 4), id="week 53 of 2020"),
        pytest.param("2021-W01", date(2021, 1, 4), date(2021, 1, 11), id="week 1 after a 53"),
        pytest.param("2028-02-29", date(2028, 2, 29), date(2028, 3, 1), id="leap day"),
        pytest.param("2026-12-31", date(2026, 12, 31), date(2027, 1, 1), id="last day of a year"),
        pytest.param("2028-02", date(2028, 2, 1), date(2028, 3, 1), id="leap February"),
        pytest.param("2026-02", date(2026, 2, 1), date(2026, 3, 1), id="plain February"),
        pytest.param("2026-12", date(2026, 12, 1), date(2027, 1, 1), id="December"),
        pytest.param("2026-01", date(2026, 1, 1), date(2026, 2, 1), id="January of 31 days"),
    ],
)
def test_periods_are_read(text: str, start: date, end: date) -> None:
    period = parse_period(text)
    assert (period.start, period.end, period.label) == (start, end, text)


@pytest.mark.parametrize(
    "text",
    [
        "2025-W53",  # 2025 has 52 ISO weeks
        "2026-W54",
        "2026-W00",
        "2027-02-29",
        "2026-13",
        "2026-00",
        "2026-11-31",
        "9999-12-31",
        "9999-W52",
        "9999-12",
        "0000-01",
        "1969-12-31",
        "2026",
        "2026-W7",
        "2026-w47",
        "26-W47",
        " 2026-W47",
        "2026-W47\n",
        "2026-11-22T00:00",
        "٢٠٢٦-W47",
        "last week",
        "",
    ],
)
def test_what_is_not_a_period_is_refused_with_the_text_in_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"period|is not a day|too long ago") as caught:
        parse_period(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("start", "end", "kind"),
    [
        pytest.param(date(2026, 11, 17), date(2026, 11, 24), PeriodKind.WEEK, id="from Tuesday"),
        pytest.param(date(2026, 11, 16), date(2026, 11, 22), PeriodKind.WEEK, id="six days"),
        pytest.param(date(2026, 11, 2), date(2026, 12, 1), PeriodKind.MONTH, id="not from the 1st"),
        pytest.param(date(2026, 11, 1), date(2026, 11, 30), PeriodKind.MONTH, id="not to the last"),
        pytest.param(date(2026, 11, 1), date(2026, 11, 3), PeriodKind.DAY, id="two days"),
        pytest.param(date(2026, 11, 1), date(2026, 11, 1), PeriodKind.DAY, id="no day"),
        pytest.param(date(2026, 11, 2), date(2026, 11, 1), PeriodKind.DAY, id="backwards"),
    ],
)
def test_days_that_a_label_could_not_name_are_no_period(
    start: date, end: date, kind: PeriodKind
) -> None:
    with pytest.raises(ValueError, match="is not one whole"):
        Period(start, end, kind)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        utc_day(datetime(2026, 11, 23, 8, 0))  # noqa: DTZ001 - the point of the test


def test_a_local_monday_morning_can_still_be_sunday_in_utc() -> None:
    auckland = timezone(timedelta(hours=13))
    now = datetime(2026, 11, 23, 8, 0, tzinfo=auckland)
    assert utc_day(now) == date(2026, 11, 22)
    assert last_complete(PeriodKind.WEEK, now).label == "2026-W46"


@given(
    kind=KINDS,
    day=DAYS,
    rule=st.builds(BaselineRule, st.sampled_from(BaselineKind), st.integers(1, 12)),
)
def test_a_baseline_is_whole_periods_of_the_same_kind_before_the_period(
    kind: PeriodKind, day: date, rule: BaselineRule
) -> None:
    period = period_of(kind, day)
    baseline = baseline_of(period, rule)
    assert baseline.end <= period.start
    assert {one.kind for one in baseline.periods} == {kind}
    assert list(baseline.periods) == sorted(baseline.periods)
    assert (baseline.start, baseline.end) == (
        baseline.periods[0].start,
        baseline.periods[-1].end,
    )


@given(kind=KINDS, day=DAYS, count=st.integers(1, 60))
def test_a_trailing_baseline_reaches_up_to_the_period_without_gaps(
    kind: PeriodKind, day: date, count: int
) -> None:
    period = period_of(kind, day)
    baseline = baseline_of(period, BaselineRule(BaselineKind.TRAILING, count))
    chain = (*baseline.periods, period)
    assert len(baseline.periods) == count
    assert all(a.end == b.start for a, b in itertools.pairwise(chain))


@given(kind=st.sampled_from([PeriodKind.DAY, PeriodKind.WEEK]), day=DAYS)
def test_a_year_before_meets_the_same_weekdays(kind: PeriodKind, day: date) -> None:
    period = period_of(kind, day)
    (before,) = baseline_of(period, BaselineRule(BaselineKind.YEAR)).periods
    assert period.start - before.start == YEAR
    assert [d.weekday() for d in before.days] == [d.weekday() for d in period.days]


@pytest.mark.parametrize(
    ("period", "rule", "labels", "label"),
    [
        ("2026-W47", BaselineRule(), ["2026-W46"], "2026-W46"),
        ("2027-W01", BaselineRule(), ["2026-W53"], "2026-W53"),
        ("2026-11-23", BaselineRule(), ["2026-11-22"], "2026-11-22"),
        ("2028-03-01", BaselineRule(), ["2028-02-29"], "2028-02-29"),
        ("2027-01", BaselineRule(), ["2026-12"], "2026-12"),
        ("2026-11-23", BaselineRule(BaselineKind.SAME_WEEKDAY), ["2026-11-16"], "2026-11-16"),
        ("2026-W47", BaselineRule(BaselineKind.SAME_WEEKDAY), ["2026-W46"], "2026-W46"),
        ("2026-03", BaselineRule(BaselineKind.SAME_WEEKDAY), ["2026-02"], "2026-02"),
        (
            "2026-W02",
            BaselineRule(BaselineKind.TRAILING, 3),
            ["2025-W51", "2025-W52", "2026-W01"],
            "2025-W51..2026-W01",
        ),
        ("2026-W53", BaselineRule(BaselineKind.YEAR), ["2026-W01"], "2026-W01"),
        ("2028-02-29", BaselineRule(BaselineKind.YEAR), ["2027-03-02"], "2027-03-02"),
        ("2028-02", BaselineRule(BaselineKind.YEAR), ["2027-02"], "2027-02"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_baselines_at_the_edges_of_the_calendar(
    period: str, rule: BaselineRule, labels: list[str], label: str
) -> None:
    baseline = baseline_of(parse_period(period), rule)
    assert [one.label for one in baseline.periods] == labels
    assert baseline.label == label


def test_a_baseline_of_no_period_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one period"):
        BaselineRule(BaselineKind.TRAILING, 0)


def test_a_shift_that_leaves_no_whole_period_is_refused() -> None:
    assert day_of(date(2026, 11, 22)).shifted(-7 * DAY) == day_of(date(2026, 11, 15))
    with pytest.raises(ValueError, match="is not one whole month"):
        month_of(date(2026, 11, 1)).shifted(-YEAR)


def test_the_first_and_the_last_instant_are_utc_midnights() -> None:
    week = parse_period("2026-W47")
    assert week.starts_at == datetime(2026, 11, 16, tzinfo=UTC)
    assert week.ends_at == datetime(2026, 11, 23, tzinfo=UTC)

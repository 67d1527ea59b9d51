from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import report
from digest.core.metrics import CATALOGUE, PLAIN_METRICS, Dimension, Metric
from digest.core.periods import (
    BaselineKind,
    BaselineRule,
    PeriodKind,
    last_complete,
    parse_period,
)
from digest.errors import ExitCode, PeriodNotOverError, UsageError
from digest.report import ListCall, SeriesCall, Side
from tests.support.report_parts import MONDAY, spec

W46, W47, W48 = date(2026, 11, 9), date(2026, 11, 16), date(2026, 11, 23)
YEAR_RULE = BaselineRule(BaselineKind.YEAR)


def series_calls(plan: report.FetchPlan) -> list[tuple[Metric, date, date]]:
    return [(c.metric, c.start, c.end) for c in plan.calls if isinstance(c, SeriesCall)]


def list_calls(plan: report.FetchPlan) -> list[tuple[Dimension, Side, date | None, date | None]]:
    found = [c for c in plan.calls if isinstance(c, ListCall)]
    return [(c.dimension, c.side, c.start, c.end) for c in found]


def test_the_standard_weekly_digest_takes_fourteen_calls_with_both_weeks_in_one() -> None:
    plan = report.plan(spec(), parse_period("2026-W47"), MONDAY)
    assert series_calls(plan) == [(metric, W46, W48) for metric in PLAIN_METRICS]
    now, before = (Side.PERIOD, W47, W48), (Side.BASELINE, W46, W47)
    assert list_calls(plan) == [
        (Dimension.EVENTS_EVENT_NAME, *now),
        (Dimension.EVENTS_EVENT_NAME, *before),
        (Dimension.EVENTS_SCREEN_NAME, *now),
        (Dimension.EVENTS_SCREEN_NAME, *before),
        (Dimension.SESSIONS_COUNTRY, *now),
        (Dimension.SESSIONS_COUNTRY, *before),
        (Dimension.USERS_PLATFORM, Side.ALL_TIME, None, None),
    ]
    assert len(plan.calls) == 14


@pytest.mark.parametrize(
    ("period", "rule", "runs"),
    [
        pytest.param("2026-W47", BaselineRule(), [(W46, W48)], id="the week before"),
        pytest.param(
            "2026-W47",
            BaselineRule(BaselineKind.TRAILING, 4),
            [(date(2026, 10, 19), W48)],
            id="four weeks before",
        ),
        pytest.param(
            "2026-W47",
            YEAR_RULE,
            [(W47, W48), (date(2025, 11, 17), date(2025, 11, 24))],
            id="a year before is far away",
        ),
        pytest.param(
            "2026-11-22",
            BaselineRule(),
            [(date(2026, 11, 9), W48)],
            id="a day with the fortnight that leads up to it",
        ),
        pytest.param(
            "2026-11-22",
            BaselineRule(BaselineKind.SAME_WEEKDAY),
            [(date(2026, 11, 9), W48)],
            id="the same weekday is in that fortnight",
        ),
        pytest.param(
            "2026-11-22",
            BaselineRule(BaselineKind.TRAILING, 30),
            [(date(2026, 10, 23), W48)],
            id="thirty days before",
        ),
        pytest.param(
            "2026-11-22",
            YEAR_RULE,
            [(date(2026, 11, 9), W48), (date(2025, 11, 23), date(2025, 11, 24))],
            id="a day and a year before",
        ),
        pytest.param(
            "2026-10",
            BaselineRule(),
            [(date(2026, 9, 1), date(2026, 11, 1))],
            id="the month before",
        ),
    ],
)
def test_days_near_each_other_are_one_range(
    period: str, rule: BaselineRule, runs: list[tuple[date, date]]
) -> None:
    wanted = parse_period(period)
    plan = report.plan(spec(wanted.kind, baseline=rule), wanted, MONDAY)
    assert series_calls(plan) == [(m, *run) for m in PLAIN_METRICS for run in runs]


def test_a_year_back_costs_one_more_call_for_each_metric() -> None:
    plan = report.plan(spec(baseline=YEAR_RULE), parse_period("2026-W47"), MONDAY)
    assert len(plan.calls) == 21


def test_what_a_number_needs_is_fetched_even_if_it_is_not_shown() -> None:
    plan = report.plan(
        spec(metrics=(Metric.EVENTS_PER_SESSION, Metric.BOUNCE_RATE), breakdowns=()),
        parse_period("2026-W47"),
        MONDAY,
    )
    assert [metric for metric, *_ in series_calls(plan)] == [
        Metric.SESSIONS,
        Metric.BOUNCE_RATE,
        Metric.EVENTS,
    ]


def test_sessions_are_fetched_for_the_total_of_a_sessions_list() -> None:
    plan = report.plan(
        spec(metrics=(Metric.EVENTS,), breakdowns=(Dimension.SESSIONS_PLATFORM,)),
        parse_period("2026-W47"),
        MONDAY,
    )
    assert [metric for metric, *_ in series_calls(plan)] == [Metric.SESSIONS, Metric.EVENTS]


def test_the_total_of_a_long_users_list_is_the_level_of_today() -> None:
    plan = report.plan(
        spec(metrics=(Metric.SESSIONS,), breakdowns=(Dimension.USERS_COUNTRY,)),
        parse_period("2026-W40"),
        MONDAY,
    )
    assert series_calls(plan) == [
        (Metric.SESSIONS, date(2026, 9, 21), date(2026, 10, 5)),
        (Metric.TOTAL_USERS, date(2026, 9, 21), date(2026, 11, 24)),
    ]


def test_the_level_of_today_is_not_worth_a_second_request() -> None:
    plan = report.plan(
        spec(metrics=(Metric.SESSIONS,), breakdowns=(Dimension.USERS_COUNTRY,)),
        parse_period("2025-W40"),
        MONDAY,
    )
    assert series_calls(plan)[-1] == (
        Metric.TOTAL_USERS,
        date(2025, 9, 22),
        date(2025, 10, 6),
    )


def test_a_baseline_of_more_than_a_year_has_no_movers_because_the_api_gives_none() -> None:
    plan = report.plan(
        spec(baseline=BaselineRule(BaselineKind.TRAILING, 53)), parse_period("2026-W47"), MONDAY
    )
    assert Side.BASELINE not in {side for _, side, *_ in list_calls(plan)}


def test_a_trailing_baseline_is_one_list_over_all_its_periods() -> None:
    plan = report.plan(
        spec(baseline=BaselineRule(BaselineKind.TRAILING, 4)), parse_period("2026-W47"), MONDAY
    )
    before = [c for c in plan.calls if isinstance(c, ListCall) and c.side is Side.BASELINE]
    assert {(c.start, c.end, c.periods) for c in before} == {(date(2026, 10, 19), W47, 4)}


RULES = st.builds(BaselineRule, st.sampled_from(BaselineKind), st.integers(1, 60))


@given(
    kind=st.sampled_from(PeriodKind),
    rule=RULES,
    now=st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    metrics=st.lists(st.sampled_from(Metric), max_size=9),
    breakdowns=st.lists(st.sampled_from(Dimension), max_size=9),
)
def test_no_question_is_asked_twice_and_every_needed_day_is_asked_for(
    kind: PeriodKind,
    rule: BaselineRule,
    now: datetime,
    metrics: list[Metric],
    breakdowns: list[Dimension],
) -> None:
    digest = spec(
        kind, baseline=rule, metrics=tuple(metrics), breakdowns=tuple(breakdowns), settle=0.0
    )
    plan = report.plan(digest, last_complete(kind, now), now)
    asked = Counter(
        (metric, start + timedelta(days=n))
        for metric, start, end in series_calls(plan)
        for n in range((end - start).days)
    )
    assert not asked or max(asked.values()) == 1
    days = {day for one in (plan.period, *plan.baseline.periods) for day in one.days}
    needs = {need for metric in metrics for need in CATALOGUE[metric].needs}
    assert {(need, day) for need in needs for day in days} <= set(asked)
    assert all(
        end <= plan.period.end or m is Metric.TOTAL_USERS for m, _, end in series_calls(plan)
    )
    lists = Counter((dimension, side) for dimension, side, *_ in list_calls(plan))
    assert not lists or max(lists.values()) == 1
    assert {dimension for dimension, _ in lists} == set(breakdowns)


@pytest.mark.parametrize(
    ("now", "ready"),
    [
        pytest.param("2026-11-22T12:00:00+00:00", False, id="on Sunday"),
        pytest.param("2026-11-23T01:59:59+00:00", False, id="not settled"),
        pytest.param("2026-11-23T02:00:00+00:00", True, id="settled"),
        pytest.param("2026-11-23T08:00:00+13:00", False, id="Monday morning in Auckland"),
        pytest.param("2026-11-22T20:00:00-08:00", True, id="Sunday evening in Vancouver"),
    ],
)
def test_a_period_must_be_over_in_utc_and_settled(
    now: str,
    ready: bool,  # noqa: FBT001 - a table column
) -> None:
    instant, period = datetime.fromisoformat(now), parse_period("2026-W47")
    if ready:
        assert report.plan(spec(), period, instant).period == period
        return
    with pytest.raises(PeriodNotOverError, match=r"2026-W47 .* from 2026-11-23T02:00Z") as caught:
        report.plan(spec(), period, instant)
    assert caught.value.ready_at == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert caught.value.exit_code is ExitCode.PUT_OFF


def test_a_partial_period_is_asked_for_up_to_today_and_its_lists_are_not_compared() -> None:
    wednesday = datetime(2026, 11, 25, 9, tzinfo=UTC)
    plan = report.plan(spec(), parse_period("2026-W48"), wednesday, partial_ok=True)
    assert {(start, end) for _, start, end in series_calls(plan)} == {(W47, date(2026, 11, 26))}
    assert {side for _, side, *_ in list_calls(plan)} == {Side.PERIOD, Side.ALL_TIME}


def test_a_period_that_has_not_begun_is_not_even_partial() -> None:
    with pytest.raises(PeriodNotOverError, match="2026-W49 is not over"):
        report.plan(spec(), parse_period("2026-W49"), MONDAY, partial_ok=True)


def test_a_period_of_another_kind_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'monday-email' is about a week; 2026-11 is a month"):
        report.plan(spec(), parse_period("2026-11"), MONDAY)


@pytest.mark.parametrize(
    ("kind", "title", "heading"),
    [
        (PeriodKind.WEEK, "", "Acme Shop: weekly digest"),
        (PeriodKind.DAY, "", "Acme Shop: daily digest"),
        (PeriodKind.MONTH, "", "Acme Shop: monthly digest"),
        (PeriodKind.WEEK, "Growth", "Growth"),
    ],
)
def test_a_digest_without_a_title_gets_one(kind: PeriodKind, title: str, heading: str) -> None:
    assert spec(kind, title=title).heading == heading

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from digest.core.daily import baseline_daily, daily_of
from digest.core.metrics import CATALOGUE, PLAIN_METRICS, Metric, Rollup
from digest.core.periods import parse_period
from digest.core.series import Series, joined, roll_up, weighted_mean, where
from tests.support.series_parts import MONDAY, series, side

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTS = st.integers(0, 10**15)
RATES = st.floats(0, 100)


def test_days_without_a_value_are_missing_and_not_zero() -> None:
    found = Series.of({date(2026, 11, 17): 4.0}, parse_period("2026-W47"))
    assert found.values == (None, 4.0, None, None, None, None, None)
    assert len(found.missing) == 6
    assert not found.is_empty
    assert not found.all_zero


@pytest.mark.parametrize(
    ("values", "is_empty", "all_zero"),
    [
        pytest.param([None, None], True, False, id="nothing known is not zero"),
        pytest.param([0, 0], False, True, id="zeros"),
        pytest.param([0, None], False, True, id="zeros and a gap"),
        pytest.param([0, 1], False, False, id="something"),
        pytest.param([], True, False, id="no days"),
    ],
)
def test_empty_and_zero_are_told_apart(
    values: list[float | None],
    is_empty: bool,  # noqa: FBT001 - a table column
    all_zero: bool,  # noqa: FBT001 - a table column
) -> None:
    assert (series(values).is_empty, series(values).all_zero) == (is_empty, all_zero)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_series_refuses_what_is_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        series([1.0, value])


def test_a_series_refuses_days_without_a_value_each() -> None:
    with pytest.raises(ValueError, match="one value for each day"):
        Series((MONDAY,), ())


@pytest.mark.parametrize(
    ("metric", "days", "expected"),
    [
        pytest.param(Metric.SESSIONS, side(sessions=[1, 2, 3]), 6, id="a count is added up"),
        pytest.param(Metric.SESSIONS, side(sessions=[1, None, 3]), 4, id="gaps are left out"),
        pytest.param(Metric.SESSIONS, side(sessions=[None, None]), None, id="no day, no sum"),
        pytest.param(Metric.SESSIONS, side(events=[1, 2]), None, id="another metric's days"),
        pytest.param(Metric.SESSIONS, side(sessions=[0, 0]), 0, id="zeros add up to zero"),
        pytest.param(Metric.NEW_USERS, side(new_users=[4, 5]), 9, id="new users are added up"),
        pytest.param(Metric.EVENTS, side(events=[4, 5]), 9, id="events are added up"),
        pytest.param(
            Metric.ACTIVE_USERS,
            side(active_users=[10, 20, 60]),
            30,
            id="active users: mean of days",
        ),
        pytest.param(
            Metric.ACTIVE_USERS, side(active_users=[10, None, 20]), 15, id="mean of known days"
        ),
        pytest.param(Metric.ACTIVE_USERS, side(active_users=[None]), None, id="mean of nothing"),
        pytest.param(
            Metric.TOTAL_USERS, side(total_users=[5, 6, 9]), 9, id="a level is its last day"
        ),
        pytest.param(
            Metric.TOTAL_USERS, side(total_users=[5, 6, None]), None, id="a level without last day"
        ),
        pytest.param(
            Metric.BOUNCE_RATE,
            side(bounce_rate=[100, 10, 0], sessions=[1, 9, 0]),
            19,
            id="a rate is weighted and a day without sessions weighs nothing",
        ),
        pytest.param(
            Metric.BOUNCE_RATE,
            side(bounce_rate=[50, None, 10], sessions=[1, 100, 1]),
            30,
            id="a day without its rate",
        ),
        pytest.param(
            Metric.BOUNCE_RATE,
            side(bounce_rate=[50, 90, 10], sessions=[1, None, 1]),
            30,
            id="a day without its weight",
        ),
        pytest.param(
            Metric.BOUNCE_RATE,
            side(bounce_rate=[0, 0], sessions=[0, 0]),
            None,
            id="no sessions, no rate",
        ),
        pytest.param(
            Metric.BOUNCE_RATE, side(bounce_rate=[10, 20]), None, id="a rate without weights"
        ),
        pytest.param(
            Metric.SESSION_DURATION,
            side(session_duration=[60, 120], sessions=[3, 1]),
            75,
            id="durations are weighted",
        ),
        pytest.param(
            Metric.EVENTS_PER_SESSION,
            side(events=[10, 30], sessions=[2, 2]),
            10,
            id="a ratio of sums",
        ),
        pytest.param(
            Metric.EVENTS_PER_SESSION, side(events=[10], sessions=[0]), None, id="nothing below"
        ),
        pytest.param(
            Metric.SESSIONS_PER_USER,
            side(sessions=[10, 7, None], active_users=[5, None, 4]),
            2,
            id="a ratio over the days that have both",
        ),
    ],
)
def test_the_days_of_a_period_become_one_value(
    metric: Metric, days: dict[Metric, Series], expected: float | None
) -> None:
    assert roll_up(metric, days) == (None if expected is None else pytest.approx(expected))


def test_every_metric_has_a_rule_for_its_days() -> None:
    everything = side(**{metric.value: [3.0, 5.0] for metric in PLAIN_METRICS})
    assert len(PLAIN_METRICS) == 7
    for metric, info in CATALOGUE.items():
        value = roll_up(metric, everything)
        assert value is not None
        assert (info.rollup is Rollup.RATIO) == (info.parts is not None)
        assert (info.rollup is Rollup.WEIGHTED_MEAN) == (info.weight is not None)


PAIRS = st.lists(st.tuples(RATES, COUNTS), min_size=1, max_size=31)


@given(pairs=PAIRS)
def test_a_weighted_mean_lies_between_the_least_and_the_most(
    pairs: list[tuple[float, int]],
) -> None:
    assume(any(weight for _, weight in pairs))
    mean = weighted_mean(series([v for v, _ in pairs]), series([w for _, w in pairs]))
    heavy = [value for value, weight in pairs if weight]
    assert mean is not None
    assert min(heavy) * (1 - 1e-12) - 1e-300 <= mean <= max(heavy) * (1 + 1e-12)


@given(pairs=PAIRS, seed=st.randoms(use_true_random=False))
def test_the_order_of_days_does_not_matter_to_a_weighted_mean(
    pairs: list[tuple[float, int]], seed: object
) -> None:
    shuffled = list(pairs)
    seed.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    means = [
        weighted_mean(series([v for v, _ in p]), series([w for _, w in p]))
        for p in (pairs, shuffled)
    ]
    assert means[0] == means[1] or means[0] == pytest.approx(means[1], rel=1e-12)


@given(pairs=st.lists(st.tuples(RATES, st.integers(1, 1000)), min_size=1, max_size=14))
def test_a_weighted_mean_of_rates_is_the_rate_of_all_sessions_together(
    pairs: list[tuple[float, int]],
) -> None:
    total = sum(weight for _, weight in pairs)
    bounced = math.fsum(rate * weight for rate, weight in pairs)
    mean = weighted_mean(series([v for v, _ in pairs]), series([w for _, w in pairs]))
    assert mean == pytest.approx(bounced / total)


@given(values=st.lists(COUNTS, max_size=31))
def test_sums_are_exact_and_do_not_depend_on_order(values: Sequence[int]) -> None:
    for order in (values, values[::-1], sorted(values)):
        expected = sum(values) if values else None
        assert roll_up(Metric.SESSIONS, side(sessions=list(order))) == expected


def test_series_are_joined_end_to_end() -> None:
    whole = joined([series([1, 2]), series([None], date(2026, 11, 20))])
    assert whole.values == (1, 2, None)
    assert whole.days[-1] == date(2026, 11, 20)


def test_an_average_of_no_sessions_is_missing_and_not_zero() -> None:
    assert where(series([0, 20, 0]), series([0, 5, 5])).values == (None, 20, 0)
    assert where(series([7, 7]), series([None, 1])).values == (None, 7)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Metric.SESSIONS, (4, 0, None)),
        (Metric.BOUNCE_RATE, (50, None, None)),
        (Metric.EVENTS_PER_SESSION, (2, None, None)),
        (Metric.TOTAL_USERS, (None, None, None)),
    ],
)
def test_a_chart_gets_gaps_where_there_is_nothing_to_show(
    metric: Metric, expected: tuple[float | None, ...]
) -> None:
    days = side(sessions=[4, 0, None], bounce_rate=[50, 0, 10], events=[8, 1, 7])
    assert daily_of(metric, days, days[Metric.SESSIONS].days).values == expected


def test_several_baselines_are_averaged_day_by_day() -> None:
    first = side(sessions=[10, 30, 8], bounce_rate=[10, 10, 10])
    second = side(sessions=[30, 30], bounce_rate=[50, 50])
    days = series([0, 0, 0]).days
    assert baseline_daily(Metric.SESSIONS, [first, second], days).values == (20, 30, 8)
    assert baseline_daily(Metric.BOUNCE_RATE, [first, second], days).values == (40, 30, 10)

from __future__ import annotations

import statistics
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.metrics import Unit
from digest.core.series import Series
from digest.core.unusual import unusual, usual_range
from digest.core.wording import Wording
from tests.support import sql_truth
from tests.support.series_parts import series

WORDS = Wording("en")
SATURDAY = date(2026, 11, 21)
START = SATURDAY - timedelta(days=84)
RAMP = tuple(float(n) for n in range(1, 85))  # 1 to 84, usual is 9.3 to 75.7


def said(
    past: Series,
    value: float,
    day: date | None = SATURDAY,
    *,
    unit: Unit = Unit.COUNT,
    weekday: bool = False,
    weights: Series | None = None,
) -> str:
    told = unusual(past, value, day, unit=unit, words=WORDS, weekday=weekday, weights=weights)
    return told.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            85,
            "Higher than on each of the last 84 days; usual is 9.3 to 75.7 (8 of 10 days).",
        ),
        (84, "As high as the highest of the last 84 days; usual is 9.3 to 75.7 (8 of 10 days)."),
        (83, "Only 1 of the last 84 days was higher; usual is 9.3 to 75.7 (8 of 10 days)."),
        (80, "Only 4 of the last 84 days were higher; usual is 9.3 to 75.7 (8 of 10 days)."),
        (75, "Nothing unusual: 9 of the last 84 days were higher."),
        (42, "Nothing unusual: 41 of the last 84 days were lower."),
        (10, "Nothing unusual: 9 of the last 84 days were lower."),
        (5, "Only 4 of the last 84 days were lower; usual is 9.3 to 75.7 (8 of 10 days)."),
        (1, "As low as the lowest of the last 84 days; usual is 9.3 to 75.7 (8 of 10 days)."),
        (0, "Lower than on each of the last 84 days; usual is 9.3 to 75.7 (8 of 10 days)."),
    ],
)
def test_where_a_value_stands_among_the_days_before(value: float, expected: str) -> None:
    assert said(series(RAMP, START), value) == expected


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (Unit.PERCENT, "usual is 9.3 % to 75.7 % (8 of 10 days)."),
        (Unit.DURATION, "usual is 9.3 s to 1 m 16 s (8 of 10 days)."),
        (Unit.RATIO, "usual is 9.30 to 75.70 (8 of 10 days)."),
    ],
)
def test_what_is_usual_is_said_in_the_unit(unit: Unit, expected: str) -> None:
    assert said(series(RAMP, START), 90, unit=unit).endswith(expected)


def test_days_that_are_all_the_same_are_one_usual_value() -> None:
    same = series([5.0] * 20, START)
    assert said(same, 6) == ("Higher than on each of the last 20 days; usual is 5 (8 of 10 days).")
    assert said(same, 5) == "Nothing unusual: none of the last 20 days was higher."


def test_neither_the_day_itself_nor_what_came_after_is_its_past() -> None:
    longer = series([*RAMP, 999.0, 999.0], START)
    assert said(longer, 999) == said(series(RAMP, START), 999)
    assert usual_range(longer, SATURDAY) == usual_range(series(RAMP, START), SATURDAY)


def test_without_a_day_all_days_are_its_past() -> None:
    assert said(series(RAMP, START), 85, None).startswith("Higher than on each of the last 84 days")


def test_it_can_be_held_against_the_same_weekday_only() -> None:
    weeks = [
        100.0 if (START + timedelta(days=n)).weekday() < 5 else 20.0 + n / 7 for n in range(84)
    ]
    past = series(weeks, START)
    assert said(past, 60, weekday=False).startswith("Nothing unusual")
    assert said(past, 60, weekday=True) == (
        "Higher than on each of the last 12 Saturdays; usual is 21.1 to 29.9 (8 of 10 Saturdays)."
    )


def test_days_without_a_value_are_left_out_and_it_says_so() -> None:
    gaps = series([None, None, 3.0, None, *[4.0] * 20], SATURDAY - timedelta(days=24))
    assert said(gaps, 6) == (
        "Higher than on each of the 21 days with enough data in the last 22 days;"
        " usual is 4 (8 of 10 days)."
    )


def test_days_with_little_data_are_no_measure_of_a_rate() -> None:
    rates = series([15.0] * 40 + [100.0] * 4, SATURDAY - timedelta(days=44))
    few = series([90.0] * 40 + [2.0, 29.0, 0.0, None], SATURDAY - timedelta(days=44))
    assert said(rates, 60, unit=Unit.PERCENT).startswith("Only 4 of the last 44 days")
    assert said(rates, 60, unit=Unit.PERCENT, weights=few) == (
        "Higher than on each of the 40 days with enough data in the last 44 days;"
        " usual is 15.0 % (8 of 10 days)."
    )
    assert usual_range(rates, SATURDAY, weights=few) == (15.0, 15.0)


@pytest.mark.parametrize(
    ("days", "weekday", "expected"),
    [
        (0, False, ""),
        (1, False, "Too little history to say how unusual it is: 1 day."),
        (13, False, "Too little history to say how unusual it is: 13 days."),
        (55, True, "Too little history to say how unusual it is: 7 Saturdays."),
        (7, True, "Too little history to say how unusual it is: 1 Saturday."),
    ],
)
def test_with_little_history_it_says_that_or_nothing(
    *, days: int, weekday: bool, expected: str
) -> None:
    past = series(RAMP[:days], SATURDAY - timedelta(days=days))
    assert said(past, 60, weekday=weekday) == expected
    assert usual_range(past, SATURDAY, weekday=weekday) is None


values = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=100)


@given(past=values, value=st.floats(-1e6, 1e6), weekday=st.booleans())
def test_the_sentence_is_true_of_the_days(
    *, past: list[float | None], value: float, weekday: bool
) -> None:
    whole = series(past, SATURDAY - timedelta(days=len(past)))
    told = said(whole, value, weekday=weekday)
    found = usual_range(whole, SATURDAY, weekday=weekday)
    known = [
        one
        for day, one in zip(whole.days, whole.values, strict=True)
        if one is not None and not (weekday and day.weekday() != SATURDAY.weekday())
    ]
    if len(known) < (8 if weekday else 14):
        assert found is None
        assert told == "" or told.startswith("Too little history")
        return
    assert found is not None
    low, high = found
    assert min(known) <= low <= high <= max(known)
    assert told.startswith("Nothing unusual") == (low <= value <= high)
    assert told.startswith("Higher than on each") == (value > max(known))
    assert told.startswith("Lower than on each") == (value < min(known))


@given(past=st.lists(st.floats(-1e6, 1e6), min_size=14, max_size=84))
def test_usual_is_from_the_10th_to_the_90th_percentile(past: list[float]) -> None:
    found = usual_range(series(past, START), START + timedelta(days=len(past)))
    tenths = statistics.quantiles(past, n=10, method="inclusive")
    assert found == pytest.approx((tenths[0], tenths[-1]), rel=1e-9, abs=1e-6)


def test_the_bounce_rate_of_2026_11_21_in_the_rows_is_the_highest_there_was() -> None:
    found = sql_truth.bounce_rates(sql_truth.load(), "current", "2026-08-29", "2026-11-22")
    rate, sessions_then = found.pop("2026-11-21")
    assert (round(rate, 3), sessions_then) == (78.947, 57)
    days = [date(2026, 8, 29) + timedelta(days=n) for n in range(84)]
    rates = Series.over({date.fromisoformat(day): one[0] for day, one in found.items()}, days)
    weights = Series.over({date.fromisoformat(day): one[1] for day, one in found.items()}, days)
    told = said(rates, 78.95, unit=Unit.PERCENT, weights=weights)
    kept = [one for one, sessions in found.values() if sessions >= 30]
    assert len(kept) < len(found) < 84, "two days without sessions, some with few"
    tenths = statistics.quantiles(kept, n=10, method="inclusive")
    assert told == (
        f"Higher than on each of the {len(kept)} days with enough data in the last 84 days;"
        f" usual is {tenths[0]:.1f} % to {tenths[-1]:.1f} % (8 of 10 days)."
    )

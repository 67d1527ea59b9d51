from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.metrics import Unit
from digest.core.suggesting import Extremes, Suggestion, suggest
from digest.core.wording import Wording
from tests.support import sql_truth

if TYPE_CHECKING:
    from collections.abc import Sequence

WORDS = Wording("en")
START = date(2026, 8, 30)


def days(values: Sequence[float | tuple[float, float]]) -> list[Extremes]:
    """Days in a row, each with one value or with its lowest and highest."""
    pairs = [value if isinstance(value, tuple) else (value, value) for value in values]
    return [Extremes(START + timedelta(days=n), *pair) for n, pair in enumerate(pairs)]


def asked(
    values: Sequence[float | tuple[float, float]],
    limit: float,
    *,
    above: bool = True,
    unit: Unit = Unit.PERCENT,
    flaps: bool = False,
) -> Suggestion:
    return suggest(days(values), above=above, limit=limit, unit=unit, words=WORDS, flaps=flaps)


def said(suggestion: Suggestion) -> str:
    return suggestion.sentence.replace("\N{NO-BREAK SPACE}", " ")


CALM = [15.0] * 81


@pytest.mark.parametrize(
    ("values", "above", "limit", "unit", "expected", "sentence"),
    [
        pytest.param(
            [*CALM, 31.2, 33.0, 28.4],
            True,
            60,
            Unit.PERCENT,
            30,
            "In 84 days it was never above 33 %, and the limit is 60 %:"
            " above 30 % would have fired on 2 days.",
            id="between the second and the third",
        ),
        pytest.param(
            [*CALM, 31.2, 30.9, 78.9],
            True,
            90,
            Unit.PERCENT,
            60,
            "In 84 days it was never above 78.9 %, and the limit is 90 %:"
            " above 60 % would have fired on 1 day.",
            id="rounder between the first and the second",
        ),
        pytest.param(
            [*CALM, 34.872, 36.1, 33.9],
            True,
            60,
            Unit.PERCENT,
            35,
            "In 84 days it was never above 36.1 %, and the limit is 60 %:"
            " above 35 % would have fired on 1 day.",
            id="not rounder than the days allow",
        ),
        pytest.param(
            [*[900.0] * 81, 412.0, 388.0, 705.0],
            False,
            100,
            Unit.COUNT,
            600,
            "In 84 days it was never below 388, and the limit is 100:"
            " below 600 would have fired on 2 days.",
            id="below",
        ),
        pytest.param(
            [*[200.0] * 81, 52.8, 71.0, 130.0],
            False,
            30,
            Unit.DURATION,
            120,
            "In 84 days it was never below 53 s, and the limit is 30 s:"
            " below 2 m 00 s would have fired on 2 days.",
            id="durations in whole minutes",
        ),
        pytest.param(
            [*[5.2] * 81, 5.44, 5.61, 5.47],
            True,
            9,
            Unit.RATIO,
            5.5,
            "In 84 days it was never above 5.61, and the limit is 9.00:"
            " above 5.50 would have fired on 1 day.",
            id="ratios",
        ),
        pytest.param(
            [*[0.0] * 82, 120.0, 130.0],
            True,
            1000,
            Unit.COUNT,
            100,
            "In 84 days it was never above 130, and the limit is 1,000:"
            " above 100 would have fired on 2 days.",
            id="nothing on most days",
        ),
        pytest.param(
            [*[0.0] * 60, *[1.0] * 24],
            True,
            9,
            Unit.COUNT,
            None,
            "In 84 days it was never above 1, and the limit is 9:"
            " no round limit would have fired on just one or two days.",
            id="too many days alike",
        ),
        pytest.param(
            [*CALM, 70.0, 65.0, 20.0],
            True,
            60,
            Unit.PERCENT,
            None,
            "In 84 days it was above 60 % on 2 days, so it isn't the limit that kept it quiet.",
            id="the limit was passed, and something else kept it quiet",
        ),
        pytest.param(
            [15.0] * 27,
            True,
            60,
            Unit.PERCENT,
            None,
            "Too little history to suggest a limit: 27 days of 28.",
            id="too little history",
        ),
    ],
)
def test_what_is_suggested_for_a_rule_that_never_fired(
    *,
    values: list[float],
    above: bool,
    limit: float,
    unit: Unit,
    expected: float | None,
    sentence: str,
) -> None:
    found = asked(values, limit, above=above, unit=unit)
    assert said(found) == sentence
    assert (found.limit, found.days) == (expected, None)


OFTEN = [15.0, 45.0, 15.0, 44.0, 46.0, 15.0, 48.0, 15.0] * 4
LASTING = [*OFTEN, 47.0, 47.0, 71.0, *[15.0] * 10]


@pytest.mark.parametrize(
    ("values", "limit", "expected", "sentence"),
    [
        pytest.param(
            [*OFTEN, 62.0, 71.0],
            40,
            (60, None),
            "In 34 days it was above 40 % on 18 days: above 60 % would have fired on 2 days.",
            id="another limit",
        ),
        pytest.param(
            LASTING,
            40,
            (60, 3),
            "In 45 days it was above 40 % on 19 days: above 60 % would have fired on 1 day;"
            " or lasting 3 days in a row, above 40 % would have fired once.",
            id="another limit, or a longer time",
        ),
        pytest.param(
            [*[15.0] * 27, (15.0, 70.0), 15.0],
            60,
            (None, None),
            "In 29 days it was above 60 % on 1 day; no other limit, nor a longer `for`, would have"
            " fired just once or twice.",
            id="all of it on one day: the days can't tell",
        ),
        pytest.param(
            [*[(15.0, 70.0)] * 28, (65.0, 70.0), (66.0, 70.0)],
            60,
            (None, 2),
            "In 30 days it was above 60 % on 30 days: lasting 2 days in a row, above 60 % would"
            " have fired once.",
            id="only days that were beyond it all day count as lasting",
        ),
    ],
)
def test_what_is_suggested_for_a_rule_that_flaps(
    values: list[float | tuple[float, float]],
    limit: float,
    expected: tuple[float | None, int | None],
    sentence: str,
) -> None:
    found = asked(values, limit, flaps=True)
    assert said(found) == sentence
    assert (found.limit, found.days) == expected


def test_a_day_that_is_missing_ends_a_run() -> None:
    apart = [one for one in days(LASTING) if one.day != START + timedelta(days=33)]
    found = suggest(apart, above=True, limit=40, unit=Unit.PERCENT, words=WORDS, flaps=True)
    assert found.days is None


amounts = st.lists(st.integers(-100_000, 100_000), min_size=28, max_size=90)


@given(
    amounts=amounts,
    scale=st.sampled_from([1.0, 0.01, 0.001]),
    above=st.booleans(),
    limit=st.floats(-1000, 1000),
    unit=st.sampled_from(Unit),
    flaps=st.booleans(),
)
def test_a_suggested_limit_would_have_fired_on_one_or_two_days(
    *,
    amounts: list[int],
    scale: float,
    above: bool,
    limit: float,
    unit: Unit,
    flaps: bool,
) -> None:
    values = [amount * scale for amount in amounts]
    found = asked(values, limit, above=above, unit=unit, flaps=flaps)
    assert found.sentence.endswith(".")
    if found.limit is not None:
        fired = sum(one > found.limit if above else one < found.limit for one in values)
        assert fired in {1, 2}
        assert (found.limit > limit) if (above == flaps) else (found.limit < limit)
    if not flaps:
        assert found.days is None


@given(amounts=amounts, above=st.booleans(), unit=st.sampled_from(Unit))
def test_turned_upside_down_it_suggests_the_same(
    *, amounts: list[int], above: bool, unit: Unit
) -> None:
    far = 1e6 if above else -1e6
    found = asked(amounts, far, above=above, unit=unit)
    turned = asked([-amount for amount in amounts], -far, above=not above, unit=unit)
    assert found.limit == (None if turned.limit is None else -turned.limit)


@given(
    runs=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5)), min_size=28, max_size=40),
)
def test_a_suggested_time_would_have_fired_once_or_twice(runs: list[tuple[int, int]]) -> None:
    values = [value for high, low in runs for value in [70.0] * high + [15.0] * low]
    found = asked(values, 60, flaps=True)
    longest = [high for high, _ in runs]
    fires = {n: sum(high >= n for high in longest) for n in range(2, 8)}
    expected = next((n for n, times in fires.items() if times in {1, 2}), None)
    assert found.days == expected


def test_what_the_rows_suggest_for_a_bounce_rate_above_90() -> None:
    rates = sql_truth.bounce_rates(sql_truth.load(), "current", "2026-08-30", "2026-11-22")
    seen = [Extremes(date.fromisoformat(day), rate, rate) for day, (rate, _) in rates.items()]
    suggestion = suggest(seen, above=True, limit=90, unit=Unit.PERCENT, words=WORDS)
    assert suggestion.limit is not None
    assert sum(rate > suggestion.limit for rate, _ in rates.values()) == 1
    assert said(suggestion) == (
        "In 82 days it was never above 78.9 %, and the limit is 90 %:"
        " above 50 % would have fired on 1 day."
    )

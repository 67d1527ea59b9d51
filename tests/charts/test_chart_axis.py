from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.chart_axis import axis_of
from digest.core.metrics import Rollup, Unit
from digest.core.wording import Wording

EN = Wording("en")
SUM, LEVEL = Rollup.SUM, Rollup.LAST


def texts(unit: Unit, values: list[float], rollup: Rollup = SUM, locale: str = "en") -> list[str]:
    ticks = axis_of(unit, rollup, values, Wording(locale))
    return [tick.text.replace("\N{NO-BREAK SPACE}", " ") for tick in ticks]


@pytest.mark.parametrize(
    ("unit", "values", "expected"),
    [
        (Unit.COUNT, [412, 461], ["0", "200", "400", "600"]),
        (Unit.COUNT, [1], ["0", "1"]),
        (Unit.COUNT, [7], ["0", "3", "6", "9"]),
        (Unit.COUNT, [75], ["0", "25", "50", "75"]),
        (Unit.COUNT, [4_388], ["0", "2,000", "4,000", "6,000"]),
        (Unit.COUNT, [61_000], ["0", "25K", "50K", "75K"]),
        (Unit.COUNT, [1_400_000], ["0", "500K", "1M", "1.5M"]),
        (Unit.COUNT, [7e12], ["0", "2.5T", "5T", "7.5T"]),
        (Unit.PERCENT, [31.2], ["0 %", "20 %", "40 %"]),
        (Unit.PERCENT, [100.0], ["0 %", "50 %", "100 %"]),
        (Unit.PERCENT, [99.9, 12.0], ["0 %", "50 %", "100 %"]),
        (Unit.PERCENT, [6.1], ["0.0 %", "2.5 %", "5.0 %", "7.5 %"]),
        (Unit.PERCENT, [0.01], ["0.0 %", "0.1 %"]),
        (Unit.DURATION, [204], ["0", "2 m", "4 m"]),
        (Unit.DURATION, [40], ["0", "15 s", "30 s", "45 s"]),
        (Unit.DURATION, [80], ["0", "30 s", "1 m", "1 m 30 s"]),
        (Unit.DURATION, [0.3], ["0", "0.1 s", "0.2 s", "0.3 s"]),
        (Unit.DURATION, [0.01], ["0", "0.1 s"]),
        (Unit.DURATION, [5_000], ["0", "30 m", "1 h", "1 h 30 m"]),
        (Unit.DURATION, [36_000], ["0", "5 h", "10 h"]),
        (Unit.DURATION, [1_000_000], ["0", "100 h", "200 h", "300 h"]),
        (Unit.RATIO, [3.4], ["0", "2", "4"]),
        (Unit.RATIO, [1.2], ["0.00", "0.50", "1.00", "1.50"]),
        (Unit.RATIO, [0.003], ["0.00", "0.01"]),
    ],
)
def test_ticks_are_round_and_told_apart(
    unit: Unit, values: list[float], expected: list[str]
) -> None:
    assert texts(unit, values) == expected


@pytest.mark.parametrize(
    ("values", "locale", "expected"),
    [
        ([9_000, 9_264], "en", ["9,000", "9,100", "9,200", "9,300"]),
        ([1_234_500, 1_236_000], "en", ["1,234,500", "1,235,000", "1,235,500", "1,236,000"]),
        ([1_234_500, 1_236_000], "de", ["1.234.500", "1.235.000", "1.235.500", "1.236.000"]),
        ([500, 500], "en", ["400", "600"]),
        ([3], "en", ["3", "4"]),
    ],
    ids=["thousands", "no two ticks say 1.2M", "german", "equal values", "one value"],
)  # fmt: skip
def test_a_level_does_not_start_at_zero(
    values: list[float], locale: str, expected: list[str]
) -> None:
    assert texts(Unit.COUNT, values, LEVEL, locale) == expected


@given(
    st.sampled_from(list(Unit)),
    st.sampled_from(list(Rollup)),
    st.lists(st.floats(0, 1e18), min_size=1, max_size=31).filter(any),
)
def test_an_axis_holds_every_value(unit: Unit, rollup: Rollup, values: list[float]) -> None:
    ticks = [tick.at for tick in axis_of(unit, rollup, values, EN)]
    assert 2 <= len(ticks) <= 6
    slack = 1e-9 * max(values)
    assert ticks[0] <= min(values) + slack
    assert max(values) <= ticks[-1] + slack
    assert rollup is LEVEL or ticks[0] == 0
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    assert all(step > 0 for step in steps)


@given(
    st.sampled_from(list(Unit)),
    st.lists(st.floats(0, 1e12), min_size=1, max_size=31).filter(any),
)
def test_no_two_ticks_say_the_same(unit: Unit, values: list[float]) -> None:
    shown = texts(unit, values)
    assert len(set(shown)) == len(shown)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=31).filter(any))
def test_percents_of_a_whole_end_at_a_hundred(values: list[float]) -> None:
    assert axis_of(Unit.PERCENT, SUM, values, EN)[-1].at <= 100


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=31).filter(any))
def test_counts_have_whole_ticks(values: list[int]) -> None:
    ticks = axis_of(Unit.COUNT, SUM, [float(value) for value in values], EN)
    assert all(tick.at == round(tick.at) for tick in ticks)

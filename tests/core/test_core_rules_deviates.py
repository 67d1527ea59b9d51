"""`deviates`: a value against the median of its weekday, in scaled MADs."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from digest.core.alert_model import Seen
from digest.core.metrics import Metric
from digest.core.periods import PeriodKind
from digest.core.rules.deviates import Deviates
from digest.core.rules.deviates_writing import Direction
from digest.core.rules.reading import Known
from tests.support.rule_parts import SATURDAY, WORDS, known, of_day, of_week

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.rules.reading import Observation, Scope

S = "\N{NO-BREAK SPACE}"
RULE = Deviates(metric=Metric.SESSIONS, times=3, clear=2)
UP = Deviates(metric=Metric.SESSIONS, times=3, clear=2, direction=Direction.UP)
DOWN = Deviates(metric=Metric.SESSIONS, times=3, clear=2, direction=Direction.DOWN)
RATE = Deviates(metric=Metric.BOUNCE_RATE, times=3, clear=2)
# Eight Saturdays with the median 100 and a MAD of 10: a usual deviation is 14.826.
PAST: list[float | None] = [80, 90, 90, 100, 100, 110, 110, 120]


def saturdays(now: float | None, past: Sequence[float | None] = PAST) -> Known:
    return known(SATURDAY, 7, sessions=[*past, now])


def seen(facts: Known, rule: Deviates = RULE, scope: Scope | None = None) -> Observation:
    return rule.observe(scope or of_day(), facts, WORDS)


@pytest.mark.parametrize(
    ("rule", "now", "verdict"),
    [
        (RULE, 100, Seen.CLEAR),
        (RULE, 144, Seen.BETWEEN),
        (RULE, 145, Seen.BREACH),
        (RULE, 129, Seen.CLEAR),
        (RULE, 130, Seen.BETWEEN),
        (RULE, 56, Seen.BETWEEN),
        (RULE, 55, Seen.BREACH),
        (UP, 145, Seen.BREACH),
        (UP, 55, Seen.CLEAR),
        (DOWN, 145, Seen.CLEAR),
        (DOWN, 55, Seen.BREACH),
    ],
)
def test_far_from_the_median_on_the_side_that_is_watched(
    rule: Deviates, now: float, verdict: Seen
) -> None:
    assert seen(saturdays(now), rule).seen is verdict


def test_the_words_say_how_far_and_from_what() -> None:
    found = seen(saturdays(160))

    assert found.reason == (
        "sessions came to 160, 4.0 usual deviations above 100, the median of the same weekday in "
        "the 8 weeks before: more than 3"
    )
    assert found.measured == "160, 4.0 usual deviations above 100"
    assert found.bound == (
        "more than 3 usual deviations from the median of the same weekday in the 8 weeks before"
    )
    assert found.baseline == 100
    assert found.limit == pytest.approx(144.478)
    assert found.clear == pytest.approx(129.652)
    assert found.excess == pytest.approx(15.522)
    assert seen(saturdays(40)).limit == pytest.approx(55.522)


@pytest.mark.parametrize(
    ("usual", "now", "verdict"),
    [
        (5, 8, Seen.BETWEEN),  # a step of 1: the limit is 8
        (5, 9, Seen.BREACH),
        (1000, 1030, Seen.BETWEEN),  # 1 % of the median: the limit is 1,030
        (1000, 1031, Seen.BREACH),
    ],
)
def test_values_that_never_differed_have_a_least_deviation(
    usual: float, now: float, verdict: Seen
) -> None:
    assert seen(saturdays(now, [usual] * 8)).seen is verdict


def test_one_wild_day_in_the_past_changes_little() -> None:
    calm, wild = seen(saturdays(145)), seen(saturdays(145, [80, 90, 90, 100, 100, 110, 110, 9999]))
    assert calm.limit == wild.limit


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        (
            saturdays(500, [None] * 5 + [90, 100, 110]), Seen.MISSING,
            "only 3 of the same weekday in the 8 weeks before are known, 4 are needed",
        ),
        (
            saturdays(None), Seen.MISSING, "Phase has nothing on sessions for Sat, Nov 21, 2026",
        ),
        (
            saturdays(0), Seen.MISSING,
            "no sessions were counted, which is no data and not a deviation",
        ),
        (Known(), Seen.MISSING, "Phase has nothing on sessions for Sat, Nov 21, 2026"),
    ],
    ids=["too little history", "no value", "nothing but zeros", "nothing"],
)  # fmt: skip
def test_what_can_t_be_known_is_missing(facts: Known, verdict: Seen, reason: str) -> None:
    found = seen(facts)
    assert (found.seen, found.reason) == (verdict, reason)


def test_four_of_the_weeks_are_enough() -> None:
    assert seen(saturdays(500, [None] * 4 + [90, 100, 110, 100])).seen is Seen.BREACH


def test_of_counts_the_larger_of_now_and_usually_must_be_enough() -> None:
    assert seen(saturdays(20), RULE, of_day(sessions=50)).seen is Seen.BREACH
    found = seen(saturdays(20), RULE, of_day(sessions=150))
    assert (found.seen, found.reason) == (Seen.TOO_FEW, "only 100 sessions, 150 are asked for")


def test_rates_of_few_sessions_are_no_history() -> None:
    rates: list[float | None] = [20, 21, 22, 20, 90, 90, 90, 90, 60]
    facts = known(SATURDAY, 7, bounce_rate=rates, sessions=[50] * 4 + [2] * 4 + [50])

    assert RATE.observe(of_day(sessions=30), facts, WORDS).baseline == 20.5
    few = known(SATURDAY, 7, bounce_rate=rates, sessions=[50] * 3 + [2] * 5 + [50])
    found = RATE.observe(of_day(sessions=30), few, WORDS)
    assert (found.seen, found.reason) == (
        Seen.TOO_FEW,
        (
            "only 3 of the same weekday in the 8 weeks before are large enough to compare with, "
            "4 are "
            "needed"
        ),
    )


def test_a_week_goes_by_the_weeks_before() -> None:
    rule = Deviates(metric=Metric.SESSIONS, times=3, clear=2, weeks=4, kind=PeriodKind.WEEK)
    days = [10.0] * 7 + [11.0] * 7 + [9.0] * 7 + [10.0] * 7 + [30.0] * 7

    found = rule.observe(of_week(), known(date(2026, 11, 22), sessions=days), WORDS)

    assert (found.seen, found.value, found.baseline) == (Seen.BREACH, 210, 70)
    assert found.reason.endswith("the median of the 4 weeks before: more than 3")


def test_it_asks_back_to_the_first_week() -> None:
    long = Deviates(metric=Metric.SESSIONS, times=3, clear=2, weeks=26)
    assert {want.start for want in long.wants(of_day()).series} == {date(2026, 5, 23)}
    assert {want.start for want in RULE.wants(of_day()).series} == {date(2026, 8, 29)}


def test_zeros_from_before_the_app_began_are_no_history() -> None:
    began_lately = known(SATURDAY, 7, sessions=[0, 0, 0, 0, 0, 0, 98, 102, 100])
    began_before = known(SATURDAY, 7, sessions=[0, 0, 0, 98, 102, 101, 99, 100, 100])

    assert seen(began_lately).seen is Seen.MISSING
    assert "only 2 of the same weekday" in seen(began_lately).reason
    assert seen(began_before).seen is Seen.CLEAR
    assert seen(began_before).baseline == 100


def test_a_zero_after_the_first_day_is_history() -> None:
    weekends_off = known(SATURDAY, 7, sessions=[5, 0, 0, 0, 0, 0, 0, 0, 100])

    assert seen(weekends_off).baseline == 0
    assert seen(weekends_off).seen is Seen.BREACH

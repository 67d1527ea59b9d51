"""`above` and `below`: what a value is to its limit, and when it can't be said."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from digest.core.alert_model import Seen
from digest.core.metrics import Metric, Unit
from digest.core.periods import PeriodKind
from digest.core.rules.limits import Line, line_of
from digest.core.rules.reading import HISTORY, Known, Scope, SeriesWant
from digest.core.rules.threshold import Threshold
from digest.core.rules.writing import Bound
from tests.support.rule_parts import SATURDAY, WORDS, known, of_day, of_week, today

if TYPE_CHECKING:
    from digest.core.rules.reading import Observation

S = "\N{NO-BREAK SPACE}"
BOUNCE = Threshold(metric=Metric.BOUNCE_RATE, line=Line(up=True, limit=60, clear=50))
FEW = Threshold(metric=Metric.SESSIONS, line=Line(up=False, limit=50, clear=55))
MANY = Threshold(
    metric=Metric.SESSIONS, line=Line(up=True, limit=50, clear=45), kind=PeriodKind.WEEK
)
USERS = Threshold(
    metric=Metric.ACTIVE_USERS, line=Line(up=False, limit=50, clear=55), kind=PeriodKind.WEEK
)
RATIO = Threshold(metric=Metric.EVENTS_PER_SESSION, line=Line(up=False, limit=2, clear=2.2))
LEVEL = Threshold(metric=Metric.TOTAL_USERS, line=Line(up=False, limit=50, clear=55))


def rate(value: float, sessions: float = 57) -> Known:
    return known(bounce_rate=[value], sessions=[sessions])


CASES: dict[str, tuple[Threshold, Scope, Known, Seen, float | None, str]] = {
    "above the limit": (
        BOUNCE, of_day(), rate(64.1), Seen.BREACH, 64.1,
        f"bounce rate came to 64.1{S}%, above 60{S}%",
    ),
    "at the limit is not above it": (
        BOUNCE, of_day(), rate(60), Seen.BETWEEN, 60,
        f"bounce rate came to 60.0{S}%, not above 60{S}%, but not below 50{S}% either",
    ),
    "a hair above reads as above": (
        BOUNCE, of_day(), rate(60.02), Seen.BREACH, 60.02,
        f"bounce rate came to 60.02{S}%, above 60{S}%",
    ),
    "within, but not clear": (
        BOUNCE, of_day(), rate(55), Seen.BETWEEN, 55,
        f"bounce rate came to 55.0{S}%, not above 60{S}%, but not below 50{S}% either",
    ),
    "at the clear line is not clear": (
        BOUNCE, of_day(), rate(50), Seen.BETWEEN, 50,
        f"bounce rate came to 50.0{S}%, not above 60{S}%, but not below 50{S}% either",
    ),
    "clear": (
        BOUNCE, of_day(), rate(13.6), Seen.CLEAR, 13.6,
        f"bounce rate came to 13.6{S}%, not above 60{S}%",
    ),
    "the day so far": (
        BOUNCE, today(), rate(64.1), Seen.BREACH, 64.1,
        f"bounce rate came to 64.1{S}% so far, above 60{S}%",
    ),
    "a rate without sessions is missing, not 0": (
        BOUNCE, of_day(), rate(0, 0), Seen.MISSING, None,
        "there were no sessions, so there is no bounce rate",
    ),
    "a rate of too few sessions": (
        BOUNCE, of_day(sessions=1000), rate(78.9), Seen.TOO_FEW, 78.9,
        "only 57 sessions, 1,000 are asked for",
    ),
    "exactly enough sessions": (
        BOUNCE, of_day(sessions=57), rate(78.9), Seen.BREACH, 78.9,
        f"bounce rate came to 78.9{S}%, above 60{S}%",
    ),
    "min_count of a rate is what it is made of": (
        BOUNCE, of_day(count=58), rate(78.9), Seen.TOO_FEW, 78.9,
        "only 57 sessions, 58 are asked for",
    ),
    "nothing is known": (
        BOUNCE, of_day(), Known(), Seen.MISSING, None,
        "Phase has nothing on bounce rate for Sat, Nov 21, 2026",
    ),
    "the rate without its sessions": (
        BOUNCE, of_day(), known(bounce_rate=[70]), Seen.MISSING, None,
        "Phase has nothing on bounce rate for Sat, Nov 21, 2026",
    ),
    "a count of 0 is 0": (
        FEW, of_day(), known(sessions=[0]), Seen.BREACH, 0, "sessions came to 0, below 50",
    ),
    "a count below": (
        FEW, of_day(), known(sessions=[49]), Seen.BREACH, 49, "sessions came to 49, below 50",
    ),
    "a count at the limit is not below": (
        FEW, of_day(), known(sessions=[50]), Seen.BETWEEN, 50,
        "sessions came to 50, not below 50, but not above 55 either",
    ),
    "a count that is fine": (
        FEW, of_day(), known(sessions=[1234]), Seen.CLEAR, 1234,
        "sessions came to 1,234, not below 50",
    ),
    "a count of a missing day": (
        FEW, of_day(), known(sessions=[80, None]), Seen.MISSING, None,
        "Phase has nothing on sessions for Sat, Nov 21, 2026",
    ),
    "a least count": (
        FEW, of_day(count=10), known(sessions=[9]), Seen.TOO_FEW, 9,
        "only 9 sessions, 10 are asked for",
    ),
    "a week adds up": (
        MANY, of_week(), known(date(2026, 11, 22), sessions=[8] * 7), Seen.BREACH, 56,
        "sessions came to 56, above 50",
    ),
    "a week with a missing day can't be known": (
        MANY, of_week(), known(date(2026, 11, 22), sessions=[8, 8, None, 8, 8, 8, 8]),
        Seen.MISSING, None, "Wed, Nov 18 is missing, so sessions can't be known",
    ),
    "unless it is above the limit without it": (
        MANY, of_week(), known(date(2026, 11, 22), sessions=[9, 9, None, 9, 9, 9, 9]),
        Seen.BREACH, 54, "sessions came to 54, above 50",
    ),
    "below a mean needs every day": (
        USERS, of_week(), known(date(2026, 11, 22), active_users=[9, 9, None, 9, 9, None, 9]),
        Seen.MISSING, None,
        "Wed, Nov 18; Sat, Nov 21 are missing, so average daily active users can't be known",
    ),
    "a mean of days": (
        USERS, of_week(), known(date(2026, 11, 22), active_users=[40] * 6 + [41]),
        Seen.BREACH, 281 / 7, "average daily active users came to 40.1, below 50",
    ),
    "a ratio": (
        RATIO, of_day(), known(events=[30], sessions=[20]), Seen.BREACH, 1.5,
        "events per session came to 1.50, below 2.00",
    ),
    "a ratio of nothing": (
        RATIO, of_day(), known(events=[0], sessions=[0]), Seen.MISSING, None,
        "there were no sessions, so there is no events per session",
    ),
    "a level": (
        LEVEL, of_day(), known(total_users=[49]), Seen.BREACH, 49,
        "total users came to 49, below 50",
    ),
}  # fmt: skip


def seen(rule: Threshold, scope: Scope, facts: Known) -> Observation:
    return rule.observe(scope, facts, WORDS)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_value_against_its_limit(
    case: tuple[Threshold, Scope, Known, Seen, float | None, str],
) -> None:
    rule, scope, facts, verdict, value, reason = case
    found = seen(rule, scope, facts)

    assert (found.seen, found.value, found.reason) == (verdict, value, reason)
    assert (found.limit, found.clear) == (rule.line.limit, rule.line.clear)
    assert (found.excess > 0) == (verdict is Seen.BREACH)


def test_an_observation_has_both_sides_in_words_and_the_volume() -> None:
    found = seen(BOUNCE, of_day(), rate(78.95))

    assert (found.measured, found.bound) == (f"79.0{S}%", f"above 60{S}%")
    assert (found.unit, found.sessions) == (Unit.PERCENT, 57)
    assert found.excess == pytest.approx(18.95)


def test_a_rule_says_what_it_is_about() -> None:
    assert (BOUNCE.title(), BOUNCE.bound(WORDS), BOUNCE.lasting) == (
        "Bounce rate", f"above 60{S}%", True,
    )  # fmt: skip
    assert USERS.title() == "Average daily active users"
    day = Threshold(metric=Metric.ACTIVE_USERS, line=FEW.line)
    assert (day.title(), day.bound(WORDS), day.dimension) == ("Active users", "below 50", None)
    odd = Threshold(metric=Metric.BOUNCE_RATE, line=Line(up=True, limit=62.5, clear=50))
    assert odd.bound(WORDS) == f"above 62.5{S}%"


def test_it_asks_for_the_days_of_what_it_needs_and_the_history() -> None:
    start, end = date(2026, 8, 29), date(2026, 11, 22)

    assert (end - start).days == HISTORY + 1
    assert BOUNCE.wants(of_day()).series == {
        SeriesWant(Metric.BOUNCE_RATE, start, end), SeriesWant(Metric.SESSIONS, start, end),
    }  # fmt: skip
    assert LEVEL.wants(of_day()).series == {SeriesWant(Metric.TOTAL_USERS, start, end)}
    assert SeriesWant(Metric.SESSIONS, start, end) in LEVEL.wants(of_day(sessions=1)).series


def test_day_by_day_a_rate_of_no_sessions_is_a_gap() -> None:
    facts = known(bounce_rate=[10, 0, 30], sessions=[5, 0, 5])
    days = tuple(sorted(facts.values[Metric.SESSIONS]))

    series = BOUNCE.daily(facts, days)

    assert series is not None
    assert series.values == (10, None, 30)
    assert series.days[-1] == SATURDAY


@pytest.mark.parametrize(
    ("unit", "when", "clear"),
    [
        (Unit.PERCENT, Bound(above=True, value=60), 54),
        (Unit.PERCENT, Bound(above=False, value=50), 55),
        (Unit.PERCENT, Bound(above=False, value=96), 98),
        (Unit.COUNT, Bound(above=False, value=1000), 1100),
        (Unit.COUNT, Bound(above=True, value=0), 0),
    ],
)
def test_the_usual_room_is_a_tenth_of_the_limit(unit: Unit, when: Bound, clear: float) -> None:
    assert line_of(unit, when, None).clear == pytest.approx(clear)


def test_a_limit_of_nothing_is_clear_at_nothing() -> None:
    line = line_of(Unit.COUNT, Bound(above=True, value=0), None)
    assert [line.seen(value) for value in (0, 1)] == [Seen.CLEAR, Seen.BREACH]

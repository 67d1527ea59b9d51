"""`rises_by` and `falls_by`: a metric against its baseline."""

from __future__ import annotations

from datetime import date

import pytest

from digest.core.alert_model import Seen
from digest.core.metrics import Metric
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind
from digest.core.rules.change import Changes
from digest.core.rules.reading import Known, Scope
from digest.core.rules.writing import Amount
from tests.support.rule_parts import WORDS, known, of_day, of_week, today

S = "\N{NO-BREAK SPACE}"
FALL = Changes(metric=Metric.SESSIONS, rises=False, by=Amount(30), clear=Amount(10))
RISE = Changes(metric=Metric.SESSIONS, rises=True, by=Amount(30), clear=Amount(27))
POINTS = Changes(
    metric=Metric.BOUNCE_RATE, rises=True, by=Amount(5, points=True), clear=Amount(2, points=True)
)
NEW_USERS = Changes(metric=Metric.NEW_USERS, rises=False, by=Amount(50), clear=Amount(45))
WEEKDAY = Changes(
    metric=Metric.SESSIONS,
    rises=True,
    by=Amount(30),
    clear=Amount(27),
    against=BaselineRule(BaselineKind.SAME_WEEKDAY),
)
TRAILING = Changes(
    metric=Metric.SESSIONS,
    rises=True,
    by=Amount(30),
    clear=Amount(27),
    against=BaselineRule(BaselineKind.TRAILING, 4),
)
WEEK = Changes(
    metric=Metric.SESSIONS,
    rises=False,
    by=Amount(30),
    clear=Amount(27),
    kind=PeriodKind.WEEK,
)
TIME = Changes(metric=Metric.SESSION_DURATION, rises=False, by=Amount(20), clear=Amount(18))
SUNDAY = date(2026, 11, 22)
Row = tuple[Changes, Scope, Known, Seen, float | None, float | None, str]

CASES: dict[str, Row] = {
    "a fall beyond the limit": (
        FALL, of_day(), known(sessions=[100, 60]), Seen.BREACH, 60, 70,
        (f"sessions came to 60, −40.0{S}% against the day before (100): "
        f"a fall of more than 30{S}%"),
    ),
    "a fall at the limit": (
        FALL, of_day(), known(sessions=[100, 70]), Seen.BETWEEN, 70, 70,
        (f"sessions came to 70, −30.0{S}% against the day before (100): "
        f"not a fall of more than 30{S}%, but not back to 90 either"),
    ),
    "back at the clear line": (
        FALL, of_day(), known(sessions=[100, 90]), Seen.CLEAR, 90, 70,
        (f"sessions came to 90, −10.0{S}% against the day before (100): "
        f"not a fall of more than 30{S}%"),
    ),
    "a rise is no fall": (
        FALL, of_day(), known(sessions=[100, 200]), Seen.CLEAR, 200, 70,
        (f"sessions came to 200, +100.0{S}% against the day before (100): "
        f"not a fall of more than 30{S}%"),
    ),
    "no change": (
        FALL, of_day(), known(sessions=[100, 100]), Seen.CLEAR, 100, 70,
        (f"sessions came to 100, no change against the day before (100): "
        f"not a fall of more than 30{S}%"),
    ),
    "floats don't make 30 % more than 30 %": (
        RISE, of_day(), known(sessions=[70, 91]), Seen.BETWEEN, 91, 91,
        (f"sessions came to 91, +30.0{S}% against the day before (70): "
        f"not a rise of more than 30{S}%, but not back to 88.9 either"),
    ),
    "points": (
        POINTS, of_day(), known(bounce_rate=[20, 25.5], sessions=[50, 50]), Seen.BREACH, 25.5, 25,
        (f"bounce rate came to 25.5{S}%, +5.5{S}pp against the day before (20.0{S}%): "
        f"a rise of more than 5.0{S}points"),
    ),
    "points of a day without sessions": (
        POINTS, of_day(), known(bounce_rate=[20, 0], sessions=[50, 0]), Seen.MISSING, None, None,
        "there were no sessions, so there is no bounce rate",
    ),
    "points against a day without sessions": (
        POINTS, of_day(), known(bounce_rate=[0, 80], sessions=[0, 50]), Seen.MISSING, None, None,
        "there is nothing on bounce rate in the day before to compare with",
    ),
    "too few sessions now": (
        POINTS, of_day(sessions=30), known(bounce_rate=[20, 80], sessions=[50, 12]),
        Seen.TOO_FEW, 80, 25, "only 12 sessions, 30 are asked for",
    ),
    "too few sessions to compare a rate with": (
        POINTS, of_day(sessions=30), known(bounce_rate=[0, 40], sessions=[3, 50]),
        Seen.TOO_FEW, 40, 5, "only 3 sessions in the day before, 30 are asked for",
    ),
    "of counts the larger side is enough": (
        FALL, of_day(sessions=30), known(sessions=[100, 2]), Seen.BREACH, 2, 70,
        f"sessions came to 2, −98.0{S}% against the day before (100): a fall of more than 30{S}%",
    ),
    "a fall among a handful": (
        FALL, of_day(sessions=30), known(sessions=[10, 2]), Seen.TOO_FEW, 2, 7,
        "only 10 sessions, 30 are asked for",
    ),
    "nothing at all is no fall": (
        FALL, of_day(), known(sessions=[100, 0]), Seen.MISSING, None, None,
        "no sessions were counted, which is no data and not a change",
    ),
    "unless something else was counted": (
        NEW_USERS, of_day(), known(new_users=[10, 0], sessions=[50, 50]), Seen.BREACH, 0, 5,
        (f"new users came to 0, −100.0{S}% against the day before (10): "
        f"a fall of more than 50{S}%"),
    ),
    "two zeros": (
        FALL, of_day(), known(sessions=[0, 0]), Seen.CLEAR, 0, 0,
        f"sessions came to 0, no change against the day before (0): not a fall of more than 30{S}%",
    ),
    "from none to many": (
        RISE, of_day(), known(sessions=[0, 42]), Seen.BREACH, 42, 0,
        f"sessions came to 42, new against the day before (0): a rise of more than 30{S}%",
    ),
    "from none to a handful": (
        RISE, of_day(), known(sessions=[0, 12]), Seen.TOO_FEW, 12, 0,
        "sessions came from none in the day before to 12, 30 are asked for",
    ),
    "from none to what is said to be enough": (
        RISE, of_day(count=10), known(sessions=[0, 12]), Seen.BREACH, 12, 0,
        f"sessions came to 12, new against the day before (0): a rise of more than 30{S}%",
    ),
    "against a missing day": (
        RISE, of_day(), known(sessions=[None, 12]), Seen.MISSING, None, None,
        "there is nothing on sessions in the day before to compare with",
    ),
    "a missing day": (
        RISE, of_day(), known(sessions=[12, None]), Seen.MISSING, None, None,
        "Phase has nothing on sessions for Sat, Nov 21, 2026",
    ),
    "the same weekday": (
        WEEKDAY, of_day(), known(sessions=[40, 9, 9, 9, 9, 9, 9, 80]), Seen.BREACH, 80, 52,
        (f"sessions came to 80, +100.0{S}% against the same weekday a week before (40): "
        f"a rise of more than 30{S}%"),
    ),
    "a trailing mean": (
        TRAILING, of_day(), known(sessions=[10, 20, 30, 40, 50]), Seen.BREACH, 50, 32.5,
        (f"sessions came to 50, +100.0{S}% against the mean of the 4 days before (25): "
        f"a rise of more than 30{S}%"),
    ),
    "a week with a missing day is compared over the others": (
        WEEK, of_week(), known(SUNDAY, sessions=[10] * 7 + [5, 5, None, 5, 5, 5, 5]),
        Seen.BREACH, 30, 42,
        (f"sessions came to 30 over the 6 days that can be compared, −50.0{S}% against the week "
        f"before (60): a fall of more than 30{S}%"),
    ),
    "a duration": (
        TIME, of_day(), known(session_duration=[100, 70], sessions=[50, 50]), Seen.BREACH, 70, 80,
        (f"session duration came to 1{S}m{S}10{S}s, −30.0{S}% against the day before "
        f"(1{S}m{S}40{S}s): a fall of more than 20{S}%"),
    ),
    "the day so far is not compared": (
        FALL, today(), known(sessions=[100, 60]), Seen.MISSING, None, None,
        "sessions can't be compared before Sat, Nov 21, 2026 is over",
    ),
    "nothing is known": (
        FALL, of_day(), Known(), Seen.MISSING, None, None,
        "Phase has nothing on sessions for Sat, Nov 21, 2026",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_change_against_what_it_may_be(case: Row) -> None:
    rule, scope, facts, verdict, value, limit, reason = case
    found = rule.observe(scope, facts, WORDS)

    assert (found.seen, found.value, found.reason) == (verdict, value, reason)
    assert found.limit == (None if limit is None else pytest.approx(limit))
    assert (found.excess > 0) == (verdict is Seen.BREACH)


def test_both_sides_are_said_in_words() -> None:
    found = WEEKDAY.observe(of_day(), known(sessions=[40, *[9] * 6, 80]), WORDS)

    assert found.measured == f"+100.0{S}% to 80"
    assert found.bound == (
        f"a rise of more than 30{S}% against the same weekday a week before (40)"
    )
    assert found.baseline == 40
    assert found.clear == pytest.approx(50.8)
    assert (
        WEEKDAY.bound(WORDS) == f"a rise of more than 30{S}% against the same weekday a week before"
    )
    assert POINTS.bound(WORDS) == f"a rise of more than 5.0{S}points against the day before"
    assert (FALL.title(), FALL.lasting) == ("Sessions", True)


def test_it_asks_back_to_its_baseline() -> None:
    far = Changes(
        metric=Metric.NEW_USERS, rises=True, by=Amount(30), clear=Amount(27),
        against=BaselineRule(BaselineKind.TRAILING, 52), kind=PeriodKind.WEEK,
    )  # fmt: skip
    wants = far.wants(of_week()).series

    assert {want.metric for want in wants} == {Metric.NEW_USERS, Metric.SESSIONS}  # and its pulse
    assert {want.start for want in wants} == {date(2025, 11, 17)}
    assert {want.start for want in FALL.wants(of_day()).series} == {date(2026, 8, 29)}

"""What holds for every rule, whatever is known."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.alert_model import Seen
from digest.core.breakdowns import Listing
from digest.core.metrics import CATALOGUE, PLAIN_METRICS, Dimension, Metric, Rollup, Unit
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind, period_of
from digest.core.rules import kinds
from digest.core.rules.change import Changes
from digest.core.rules.deviates import Deviates
from digest.core.rules.limits import Line
from digest.core.rules.new_value import NewValue
from digest.core.rules.no_data import NoData
from digest.core.rules.reading import HISTORY, Known, ListWant, Scope
from digest.core.rules.share import Share
from digest.core.rules.threshold import Threshold
from digest.core.rules.writing import Amount
from tests.support.rule_parts import SATURDAY, WORDS, known, of_day

if TYPE_CHECKING:
    from digest.core.rules.reading import Rule

NUMBERS = st.floats(0, 1e9, allow_nan=False)
KINDS = [PeriodKind.DAY, PeriodKind.WEEK]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from(KINDS))
    metric = draw(st.sampled_from(list(Metric)))
    limit, up = draw(st.floats(0, 1000)), draw(st.booleans())
    line = Line(up=up, limit=limit, clear=limit * (0.9 if up else 1.1))
    size = draw(st.floats(1, 90))
    points = CATALOGUE[metric].unit is Unit.PERCENT
    against = draw(st.sampled_from([BaselineRule(), BaselineRule(BaselineKind.TRAILING, 4)]))
    found: list[Rule] = [
        Threshold(metric=metric, line=line, kind=kind),
        Changes(
            metric=metric,
            rises=up,
            by=Amount(size, points=points),
            clear=Amount(size / 2, points=points),
            against=against,
            kind=kind,
        ),
        Deviates(metric=metric, times=3, clear=2, kind=kind),
        NoData(watched=metric, kind=kind),
        NewValue(dimension=Dimension.SESSIONS_COUNTRY),
        Share(dimension=Dimension.SESSIONS_COUNTRY, of="DE", line=line),
        Share(dimension=Dimension.USERS_PLATFORM, of="ios", line=line),
    ]
    return draw(st.sampled_from(found))


@st.composite
def facts(draw: st.DrawFn, *, bucket: bool = True) -> Known:
    """Days of some metrics with gaps; without `bucket` nothing on the bucket itself."""
    back = HISTORY + 14
    days = [SATURDAY + timedelta(days=1 - n) for n in range(0 if bucket else 7, back)]
    few = st.one_of(st.just(None), st.just(0.0), NUMBERS)
    values = {}
    for metric in draw(st.sets(st.sampled_from(PLAIN_METRICS))):
        pattern = draw(st.lists(few, min_size=1, max_size=9))
        whole = {day: pattern[n % len(pattern)] for n, day in enumerate(days)}
        values[metric] = {day: value for day, value in whole.items() if value is not None}
    lists: dict[ListWant, Listing] = {}
    if bucket:
        rows = draw(
            st.dictionaries(st.sampled_from(["DE", "de", "ios", "", "FI"]), st.integers(0, 99))
        )
        found = Listing(rows=tuple(rows.items()), complete=draw(st.booleans()))
        wants = [
            want
            for scope in (of_day(), Scope(period=period_of(PeriodKind.WEEK, SATURDAY)))
            for rule in (NewValue(dimension=Dimension.SESSIONS_COUNTRY),)
            for want in rule.wants(scope).lists
        ]
        wants.append(ListWant(Dimension.USERS_PLATFORM, None, None))
        lists = dict.fromkeys(draw(st.sets(st.sampled_from(wants))), found)
    return Known(values=values, lists=lists)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    kind = draw(st.sampled_from(KINDS))
    return Scope(
        period=period_of(kind, SATURDAY),
        partial=kind is PeriodKind.DAY and draw(st.booleans()),
        min_sessions=draw(st.sampled_from([0, 30, 1000])),
        min_count=draw(st.sampled_from([0, 5])),
    )


@given(rules(), scopes(), facts())
def test_whatever_is_known_there_is_an_observation(rule: Rule, scope: Scope, held: Known) -> None:
    found = rule.observe(scope, held, WORDS)

    assert found.reason
    assert found.unit is rule.unit
    assert not any(word in found.reason for word in ("nan", "inf ", "None"))
    for number in (found.value, found.limit, found.clear, found.baseline, found.excess):
        assert number is None or math.isfinite(number)
    if found.seen is not Seen.BREACH:
        assert found.excess == 0
    if found.seen is Seen.MISSING:
        assert found.value is None or scope.min_sessions or scope.min_count


@given(rules(), scopes(), facts(bucket=False))
def test_missing_data_is_missing_and_breaches_only_no_data(
    rule: Rule, scope: Scope, held: Known
) -> None:
    expected = Seen.BREACH if isinstance(rule, NoData) else Seen.MISSING
    assert rule.observe(scope, held, WORDS).seen is expected


@given(
    st.sampled_from([True, False]),
    st.floats(0, 1000),
    st.floats(0, 0.5),
    st.tuples(NUMBERS, NUMBERS),
)
def test_the_worse_value_is_seen_no_better(
    up: bool,  # noqa: FBT001 — hypothesis hands it over by position
    limit: float,
    room: float,
    values: tuple[float, float],
) -> None:
    line = Line(up=up, limit=limit, clear=limit * (1 - room if up else 1 + room))
    order = [Seen.CLEAR, Seen.BETWEEN, Seen.BREACH]
    better, worse = sorted(values, reverse=not up)

    assert order.index(line.seen(better)) <= order.index(line.seen(worse))
    assert line.excess(better) <= line.excess(worse)


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("up", [True, False])
def test_a_limit_never_makes_a_breach_of_its_own_value(metric: Metric, *, up: bool) -> None:
    rule = Threshold(metric=metric, line=Line(up=up, limit=2, clear=1 if up else 3))
    values = {key: [2.0] for key in (m.value for m in PLAIN_METRICS)}
    info = CATALOGUE[metric]
    if info.rollup is Rollup.RATIO:
        values[info.needs[0]] = [4.0]
    found = rule.observe(of_day(), known(**values), WORDS)
    assert (found.value, found.seen) == (2, Seen.BETWEEN)


def test_every_kind_of_rule_is_found_by_itself() -> None:
    marks = [mark for kind in kinds() for mark in kind.marks]
    assert marks == [
        "above", "below", "rises_by", "falls_by", "deviates", "share", "new_value", "no_data",
    ]  # fmt: skip


def test_no_key_says_two_kinds_at_once() -> None:
    marks = [mark for kind in kinds() for mark in kind.marks]
    assert len(marks) == len(set(marks))
    for kind in kinds():
        assert set(kind.marks) <= set(kind.keys)
        assert bool(kind.clear_schemas) == (kind.read_clear is not None)
        assert bool(kind.no_clear) == (kind.read_clear is None)

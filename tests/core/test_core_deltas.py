from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.deltas import (
    SMALL_SAMPLE,
    Delta,
    DeltaKind,
    Sense,
    compare,
    difference,
)
from digest.core.metrics import CATALOGUE, Metric, Unit
from digest.core.series import Series
from tests.support.series_parts import side

THEN = date(2026, 11, 9)
Side = dict[Metric, Series]


def then(**values: list[float | None]) -> Side:
    return side(THEN, **values)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What goes in, and everything that must come out."""

    metric: Metric = Metric.SESSIONS
    now: Side
    before: tuple[Side, ...]
    partial: bool = False
    value: float | None
    baseline: float | None
    delta: Delta
    compared: tuple[float | None, float | None] | None = None


def changed(change: float, percent: float | None, sense: Sense, **more: int) -> Delta:
    return Delta(kind=DeltaKind.CHANGED, change=change, percent=percent, sense=sense, **more)


UNCHANGED = Delta(kind=DeltaKind.NO_CHANGE, change=0.0, percent=0.0, sense=Sense.FLAT)
NO_DATA = Delta(kind=DeltaKind.NO_DATA)
NO_BASELINE = Delta(kind=DeltaKind.NO_BASELINE)
PARTIAL = Delta(kind=DeltaKind.PARTIAL)

CASES = {
    "more is a rise in percent": Case(
        now=side(sessions=[60, 60]),
        before=(then(sessions=[50, 50]),),
        value=120,
        baseline=100,
        delta=changed(20, 20, Sense.BETTER),
    ),
    "less is a fall": Case(
        now=side(sessions=[40, 40]),
        before=(then(sessions=[50, 50]),),
        value=80,
        baseline=100,
        delta=changed(-20, -20, Sense.WORSE),
    ),
    "the same is no change": Case(
        now=side(sessions=[40, 60]),
        before=(then(sessions=[50, 50]),),
        value=100,
        baseline=100,
        delta=UNCHANGED,
    ),
    "both zero is no change": Case(
        now=side(sessions=[0, 0]),
        before=(then(sessions=[0, 0]),),
        value=0,
        baseline=0,
        delta=UNCHANGED,
    ),
    "a zero baseline makes it new": Case(
        now=side(sessions=[7, 0]),
        before=(then(sessions=[0, 0]),),
        value=7,
        baseline=0,
        delta=Delta(kind=DeltaKind.NEW, change=7, sense=Sense.BETTER),
    ),
    "all zeros against something is no data and not minus 100 percent": Case(
        now=side(sessions=[0, 0]),
        before=(then(sessions=[50, 50]),),
        value=0,
        baseline=100,
        delta=NO_DATA,
    ),
    "zeros and a gap against something is no data as well": Case(
        now=side(sessions=[0, None]),
        before=(then(sessions=[50, 50]),),
        value=0,
        baseline=100,
        delta=NO_DATA,
    ),
    "all zeros, then something in one of several baselines": Case(
        now=side(sessions=[0, 0]),
        before=(then(sessions=[0, 0]), then(sessions=[1, 0])),
        value=0,
        baseline=0.5,
        delta=NO_DATA,
    ),
    "no new users while there are sessions is a true zero": Case(
        metric=Metric.NEW_USERS,
        now=side(new_users=[0, 0], sessions=[80, 90]),
        before=(then(new_users=[40, 40], sessions=[80, 90]),),
        value=0,
        baseline=80,
        delta=changed(-80, -100, Sense.WORSE, sample=0),
    ),
    "no new users without any sessions is no data": Case(
        metric=Metric.NEW_USERS,
        now=side(new_users=[0, 0], sessions=[0, 0]),
        before=(then(new_users=[40, 40], sessions=[80, 90]),),
        value=0,
        baseline=80,
        delta=NO_DATA,
    ),
    "a bounce rate changes in points, and up is worse": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[30, 40], sessions=[50, 50]),
        before=(then(bounce_rate=[30, 30], sessions=[50, 50]),),
        value=35,
        baseline=30,
        delta=changed(5, None, Sense.WORSE),
    ),
    "a bounce rate going down is better": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[20], sessions=[50]),
        before=(then(bounce_rate=[30], sessions=[50]),),
        value=20,
        baseline=30,
        delta=changed(-10, None, Sense.BETTER),
    ),
    "a bounce rate from zero has points too": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[20], sessions=[50]),
        before=(then(bounce_rate=[0], sessions=[50]),),
        value=20,
        baseline=0,
        delta=changed(20, None, Sense.WORSE),
    ),
    "an unchanged bounce rate has no percent": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[20], sessions=[50]),
        before=(then(bounce_rate=[20], sessions=[70]),),
        value=20,
        baseline=20,
        delta=Delta(kind=DeltaKind.NO_CHANGE, change=0.0, sense=Sense.FLAT),
    ),
    "a rate of no sessions is no data": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[0], sessions=[0]),
        before=(then(bounce_rate=[20], sessions=[50]),),
        value=None,
        baseline=20,
        delta=NO_DATA,
    ),
    "a rate against no sessions has no baseline": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[20], sessions=[50]),
        before=(then(bounce_rate=[0], sessions=[0]),),
        value=20,
        baseline=None,
        delta=NO_BASELINE,
    ),
    "a true zero rate is a value": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[0], sessions=[50]),
        before=(then(bounce_rate=[20], sessions=[50]),),
        value=0,
        baseline=20,
        delta=changed(-20, None, Sense.BETTER),
    ),
    "a longer session is better, in percent": Case(
        metric=Metric.SESSION_DURATION,
        now=side(session_duration=[150], sessions=[50]),
        before=(then(session_duration=[120], sessions=[50]),),
        value=150,
        baseline=120,
        delta=changed(30, 25, Sense.BETTER),
    ),
    "mean active users": Case(
        metric=Metric.ACTIVE_USERS,
        now=side(active_users=[30, 60]),
        before=(then(active_users=[30, 30]),),
        value=45,
        baseline=30,
        delta=changed(15, 50, Sense.BETTER),
    ),
    "a level is compared by its last day, whatever is missing before": Case(
        metric=Metric.TOTAL_USERS,
        now=side(total_users=[None, 110]),
        before=(then(total_users=[90, 100]),),
        value=110,
        baseline=100,
        delta=changed(10, 10, Sense.BETTER),
    ),
    "a small level is not a small sample": Case(
        metric=Metric.TOTAL_USERS,
        now=side(total_users=[6]),
        before=(then(total_users=[5]),),
        value=6,
        baseline=5,
        delta=changed(1, 20, Sense.BETTER),
    ),
    "a level without its last day is no data": Case(
        metric=Metric.TOTAL_USERS,
        now=side(total_users=[110, None]),
        before=(then(total_users=[90, 100]),),
        value=None,
        baseline=100,
        delta=NO_DATA,
    ),
    "a level whose baseline has no last day": Case(
        metric=Metric.TOTAL_USERS,
        now=side(total_users=[109, 110]),
        before=(then(total_users=[100, None]),),
        value=110,
        baseline=None,
        delta=NO_BASELINE,
    ),
    "a missing day is left out of both sides": Case(
        now=side(sessions=[50, None, 70]),
        before=(then(sessions=[40, 500, 60]),),
        value=120,
        baseline=600,
        delta=changed(20, 20, Sense.BETTER, common_days=2),
        compared=(120, 100),
    ),
    "a day missing in the baseline, too": Case(
        now=side(sessions=[50, 999, 70]),
        before=(then(sessions=[40, None, 60]),),
        value=1119,
        baseline=100,
        delta=changed(20, 20, Sense.BETTER, common_days=2),
        compared=(120, 100),
    ),
    "a rate is compared over days that have it and its sessions": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[20, 90], sessions=[50, None]),
        before=(then(bounce_rate=[10, 30], sessions=[50, 50]),),
        value=20,
        baseline=20,
        delta=changed(10, None, Sense.WORSE, common_days=1),
        compared=(20, 10),
    ),
    "no common day, nothing to compare": Case(
        now=side(sessions=[50, None]),
        before=(then(sessions=[None, 40]),),
        value=50,
        baseline=40,
        delta=Delta(kind=DeltaKind.NO_BASELINE, common_days=0),
        compared=(None, None),
    ),
    "no day at all is no data": Case(
        now=side(sessions=[None, None]),
        before=(then(sessions=[50, 40]),),
        value=None,
        baseline=90,
        delta=Delta(kind=DeltaKind.NO_DATA, common_days=0),
        compared=(None, None),
    ),
    "no day at all in the baseline": Case(
        now=side(sessions=[50, 40]),
        before=(then(sessions=[None, None]),),
        value=90,
        baseline=None,
        delta=Delta(kind=DeltaKind.NO_BASELINE, common_days=0),
        compared=(None, None),
    ),
    "common days without sessions have no rate": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[0, 20], sessions=[0, 50]),
        before=(then(bounce_rate=[30, None], sessions=[50, None]),),
        value=20,
        baseline=30,
        delta=Delta(kind=DeltaKind.NO_BASELINE, common_days=1),
        compared=(None, 30),
    ),
    "a report that failed is no data": Case(
        now=side(events=[1, 2]),
        before=(then(events=[1, 2]),),
        value=None,
        baseline=None,
        delta=NO_DATA,
    ),
    "no baseline at all": Case(
        now=side(sessions=[50, 40]), before=(), value=90, baseline=None, delta=NO_BASELINE
    ),
    "a gap without a baseline is no comparison": Case(
        now=side(sessions=[50, None]), before=(), value=50, baseline=None, delta=NO_BASELINE
    ),
    "a period that is not over is never compared": Case(
        now=side(sessions=[50, None]),
        before=(then(sessions=[50, 50]),),
        partial=True,
        value=50,
        baseline=100,
        delta=PARTIAL,
    ),
    "a level of a period that is not over is its newest day": Case(
        metric=Metric.TOTAL_USERS,
        now=side(total_users=[100, 103, None]),
        before=(then(total_users=[90, 95, 99]),),
        partial=True,
        value=103,
        baseline=99,
        delta=PARTIAL,
    ),
    "zeros in a period that is not over are not no data": Case(
        now=side(sessions=[0, None]),
        before=(then(sessions=[50, 50]),),
        partial=True,
        value=0,
        baseline=100,
        delta=PARTIAL,
    ),
    "few on one side mark the change": Case(
        now=side(sessions=[21]),
        before=(then(sessions=[14]),),
        value=21,
        baseline=14,
        delta=changed(7, 50, Sense.BETTER, sample=14),
    ),
    "a rate of few sessions is marked by them": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[50], sessions=[29]),
        before=(then(bounce_rate=[40], sessions=[300]),),
        value=50,
        baseline=40,
        delta=changed(10, None, Sense.WORSE, sample=29),
    ),
    "thirty are enough": Case(
        now=side(sessions=[30]),
        before=(then(sessions=[60]),),
        value=30,
        baseline=60,
        delta=changed(-30, -50, Sense.WORSE),
    ),
    "active users of all days together are the sample": Case(
        metric=Metric.ACTIVE_USERS,
        now=side(active_users=[20, 20]),
        before=(then(active_users=[16, 16]),),
        value=20,
        baseline=16,
        delta=changed(4, 25, Sense.BETTER),
    ),
    "few that did not change are not marked": Case(
        now=side(sessions=[3]),
        before=(then(sessions=[3]),),
        value=3,
        baseline=3,
        delta=UNCHANGED,
    ),
    "several baselines count as their mean": Case(
        now=side(sessions=[60, 60]),
        before=(then(sessions=[40, 40]), then(sessions=[60, 60])),
        value=120,
        baseline=100,
        delta=changed(20, 20, Sense.BETTER),
    ),
    "rates of several baselines are weighted over all their days": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[30], sessions=[100]),
        before=(
            then(bounce_rate=[10], sessions=[300]),
            then(bounce_rate=[50], sessions=[100]),
        ),
        value=30,
        baseline=20,
        delta=changed(10, None, Sense.WORSE),
    ),
    "a quiet one of several baselines weighs nothing in a rate": Case(
        metric=Metric.BOUNCE_RATE,
        now=side(bounce_rate=[30], sessions=[100]),
        before=(then(bounce_rate=[0], sessions=[0]), then(bounce_rate=[20], sessions=[100])),
        value=30,
        baseline=20,
        delta=changed(10, None, Sense.WORSE),
    ),
    "a day missing in one of several baselines is left out of all": Case(
        now=side(sessions=[60, 60]),
        before=(then(sessions=[40, None]), then(sessions=[60, 60])),
        value=120,
        baseline=80,
        delta=changed(10, 20, Sense.BETTER, common_days=1),
        compared=(60, 50),
    ),
    "months of different lengths are compared whole": Case(
        now=side(sessions=[40, 40, 40]),
        before=(then(sessions=[50, 50]),),
        value=120,
        baseline=100,
        delta=changed(20, 20, Sense.BETTER),
    ),
    "months of different lengths with a gap are compared by position": Case(
        now=side(sessions=[40, None, 90]),
        before=(then(sessions=[50, 50]),),
        value=130,
        baseline=100,
        delta=changed(-10, -20, Sense.WORSE, common_days=1),
        compared=(40, 50),
    ),
    "a ratio of two sums": Case(
        metric=Metric.EVENTS_PER_SESSION,
        now=side(events=[500], sessions=[100]),
        before=(then(events=[400], sessions=[100]),),
        value=5,
        baseline=4,
        delta=changed(1, 25, Sense.BETTER),
    ),
    "a ratio without events is no data": Case(
        metric=Metric.EVENTS_PER_SESSION,
        now=side(events=[0], sessions=[100]),
        before=(then(events=[400], sessions=[100]),),
        value=0,
        baseline=4,
        delta=NO_DATA,
    ),
    "a difference that only rounding makes is no change": Case(
        metric=Metric.SESSION_DURATION,
        now=side(session_duration=[0.1 + 0.2], sessions=[50]),
        before=(then(session_duration=[0.3], sessions=[50]),),
        value=0.1 + 0.2,
        baseline=0.3,
        delta=UNCHANGED,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_case_of_a_comparison(case: Case) -> None:
    found = compare(case.metric, case.now, case.before, partial=case.partial)
    assert found.value == _about(case.value)
    assert found.baseline == _about(case.baseline)
    assert found.compared == case.compared
    assert found.delta.kind is case.delta.kind
    assert found.delta.change == _about(case.delta.change)
    assert found.delta.percent == _about(case.delta.percent)
    assert found.delta.sense is case.delta.sense
    assert found.delta.common_days == case.delta.common_days
    assert found.delta.sample == case.delta.sample


def _about(value: float | None) -> object:
    return None if value is None else pytest.approx(value, rel=1e-12, abs=1e-12)


def test_the_table_has_every_kind_of_delta() -> None:
    assert {case.delta.kind for case in CASES.values()} == set(DeltaKind)


@pytest.mark.parametrize(
    ("metric", "value", "baseline", "kind"),
    [
        (Metric.SESSIONS, 5.0, 4.0, DeltaKind.CHANGED),
        (Metric.SESSIONS, 5.0, 0.0, DeltaKind.NEW),
        (Metric.SESSIONS, None, 4.0, DeltaKind.NO_DATA),
        (Metric.SESSIONS, 5.0, None, DeltaKind.NO_BASELINE),
        (Metric.BOUNCE_RATE, 5.0, 0.0, DeltaKind.CHANGED),
    ],
)
def test_bare_values_are_compared_by_the_same_rules(
    metric: Metric, value: float | None, baseline: float | None, kind: DeltaKind
) -> None:
    assert difference(metric, value, baseline).kind is kind


DAYS = st.lists(st.none() | st.integers(0, 10**15), min_size=1, max_size=8)
RATES = st.lists(st.none() | st.floats(0, 100), min_size=8, max_size=8)


@st.composite
def sides(draw: st.DrawFn) -> Side:
    counts = draw(DAYS)
    names = ("sessions", "active_users", "new_users", "total_users", "events")
    plain = {name: draw(st.permutations(counts)) for name in names}
    rates = {name: draw(RATES)[: len(counts)] for name in ("bounce_rate", "session_duration")}
    return side(**plain, **rates)


@given(
    metric=st.sampled_from(Metric),
    now=sides(),
    before=st.lists(sides(), max_size=3),
    partial=st.booleans(),
)
def test_a_comparison_never_says_more_than_it_knows(
    metric: Metric,
    now: Side,
    before: list[Side],
    partial: bool,  # noqa: FBT001 - hypothesis hands it in by name
) -> None:
    found = compare(metric, now, before, partial=partial)
    delta = found.delta
    numbers = (found.value, found.baseline, delta.change, delta.percent)
    assert all(number is None or math.isfinite(number) for number in numbers)
    assert partial == (delta.kind is DeltaKind.PARTIAL)
    if delta.kind not in {DeltaKind.CHANGED, DeltaKind.NO_CHANGE}:
        assert delta.percent is None
    if CATALOGUE[metric].unit is Unit.PERCENT:
        assert delta.percent is None
    if delta.kind in {DeltaKind.CHANGED, DeltaKind.NO_CHANGE, DeltaKind.NEW}:
        value, baseline = found.compared or (found.value, found.baseline)
        assert value is not None
        assert baseline is not None
        assert delta.change == pytest.approx(value - baseline, abs=1e-6)
    assert delta.sample is None or 0 <= delta.sample < SMALL_SAMPLE
    if now[Metric.SESSIONS].all_zero and metric is Metric.SESSIONS:
        assert delta.percent in {None, 0.0}


@given(value=st.floats(0, 1e300), baseline=st.floats(0, 1e300), metric=st.sampled_from(Metric))
def test_the_sense_follows_the_direction_that_is_good(
    value: float, baseline: float, metric: Metric
) -> None:
    delta = difference(metric, value, baseline)
    assert delta.change is not None
    better = delta.change < 0 if metric is Metric.BOUNCE_RATE else delta.change > 0
    if delta.kind is DeltaKind.NO_CHANGE:
        assert delta.sense is Sense.FLAT
    else:
        assert delta.sense is (Sense.BETTER if better else Sense.WORSE)
    assert delta.percent is None or math.isfinite(delta.percent)

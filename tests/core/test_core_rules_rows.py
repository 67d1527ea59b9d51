"""The rules over the given rows, through the sandbox server and the real client."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING

import pytest

from digest.core.alert_model import Seen
from digest.core.metrics import Dimension, Metric
from digest.core.periods import day_of
from digest.core.rules.deviates import Deviates
from digest.core.rules.limits import Line
from digest.core.rules.new_value import NewValue
from digest.core.rules.no_data import NoData
from digest.core.rules.reading import Known, Scope, Wants
from digest.core.rules.share import Share
from digest.core.rules.threshold import Threshold
from digest.phase.budget import Budget
from digest.phase.client import PhaseClient
from digest.phase.limits import PhaseLimits
from digest.report.looking import look_up
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.recorded import SHOP, recorded_rows
from tests.support.rule_parts import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.core.rules.reading import Rule

NOW = datetime(2026, 11, 23, 4, 46, tzinfo=UTC)
SPIKE, QUIET_DAY = date(2026, 11, 21), date(2026, 11, 8)
DAYS = [date(2026, 9, 1) + timedelta(days=n) for n in range(83)]  # up to 2026-11-22
BOUNCE = Threshold(metric=Metric.BOUNCE_RATE, line=Line(up=True, limit=60, clear=50))
IOS = Share(dimension=Dimension.SESSIONS_PLATFORM, of="iOS", line=Line(up=True, limit=95, clear=90))
NEW = NewValue(dimension=Dimension.SESSIONS_COUNTRY)
ODD = Deviates(metric=Metric.BOUNCE_RATE, times=5, clear=4)
NOTHING = NoData()


@pytest.fixture(scope="module")
def facts() -> Iterator[Known]:
    """All that these rules want to know of the last day, fetched once."""
    last = Scope(period=day_of(date(2026, 11, 22)), min_sessions=30)
    wants = reduce(Wants.__or__, (rule.wants(last) for rule in (BOUNCE, IOS, NEW, ODD, NOTHING)))
    with (
        PhaseSandbox(recorded_rows(), api=Flavour.CURRENT, clock=lambda: NOW) as sandbox,
        PhaseClient(
            sandbox.base_url, SHOP, "TOKEN_MAIN", PhaseLimits(), Budget(time.monotonic)
        ) as client,
    ):
        yield look_up(wants, client).known


def breaches(rule: Rule, facts: Known, least: int) -> list[date]:
    return [
        day
        for day in DAYS
        if rule.observe(Scope(period=day_of(day), min_sessions=least), facts, WORDS).seen
        is Seen.BREACH
    ]


def test_the_spike_is_the_only_day_above_60(facts: Known) -> None:
    assert breaches(BOUNCE, facts, 30) == [SPIKE]
    found = BOUNCE.observe(Scope(period=day_of(SPIKE), min_sessions=30), facts, WORDS)
    assert (found.value, found.sessions) == (78.95, 57)


def test_with_a_thousand_sessions_asked_for_it_says_why_it_is_quiet(facts: Known) -> None:
    scope = Scope(period=day_of(SPIKE), min_sessions=1000)
    found = BOUNCE.observe(scope, facts, WORDS)

    assert breaches(BOUNCE, facts, 1000) == []
    assert (found.seen, found.reason) == (Seen.TOO_FEW, "only 57 sessions, 1,000 are asked for")


def test_the_day_without_sessions_has_no_rate_and_is_no_data(facts: Known) -> None:
    found = BOUNCE.observe(Scope(period=day_of(QUIET_DAY), min_sessions=30), facts, WORDS)

    assert (found.seen, found.reason) == (
        Seen.MISSING, "there were no sessions, so there is no bounce rate",
    )  # fmt: skip
    assert breaches(NOTHING, facts, 0) == [date(2026, 9, 15), QUIET_DAY]  # so say the rows


def test_the_spike_is_unusual_too(facts: Known) -> None:
    assert SPIKE in breaches(ODD, facts, 30)


def test_the_lists_of_the_last_day_are_judged(facts: Known) -> None:
    scope = Scope(period=day_of(date(2026, 11, 22)), min_sessions=30)
    share, new = IOS.observe(scope, facts, WORDS), NEW.observe(scope, facts, WORDS)

    assert share.seen is Seen.CLEAR
    assert share.value is not None
    assert 0 < share.value < 90
    # 58 countries in those 90 days, so the list is cut; RS (1) was there, among those beyond it
    assert (new.seen, new.reason) == (
        Seen.CLEAR, "no country stands out that was not among the top 50 of the 90 days before",
    )  # fmt: skip

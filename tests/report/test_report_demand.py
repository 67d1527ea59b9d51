"""What is computed beforehand is what the real client asks of a real server."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from digest import report
from digest.config.remarks import MOST_REQUESTS
from digest.core.metrics import Dimension, Metric
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind, parse_period
from digest.errors import UsageError
from digest.phase.budget import Budget
from digest.phase.client import PhaseClient
from digest.phase.limits import PhaseLimits
from digest.pipeline import SharedSource
from digest.report.demand import Tally, questions, requests
from digest.sandbox.flavour import Flavour
from digest.sandbox.rows import read_rows
from digest.sandbox.server import PhaseSandbox
from tests.support import sql_truth
from tests.support.report_parts import silent, spec

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 4, 46, tzinfo=UTC)
WEEK, DAY, MONTH = "2026-W47", "2026-11-22", "2026-10"
EVERYTHING: dict[str, object] = {"metrics": tuple(Metric), "breakdowns": tuple(Dimension)}
SMALL: dict[str, object] = {"metrics": (Metric.SESSIONS,), "breakdowns": ()}


def trailing(count: int) -> BaselineRule:
    return BaselineRule(BaselineKind.TRAILING, count)


YEAR, WEEKDAY = BaselineRule(BaselineKind.YEAR), BaselineRule(BaselineKind.SAME_WEEKDAY)

DIGESTS: dict[str, list[tuple[str, dict[str, object]]]] = {
    "week": [(WEEK, {})],
    "day": [(DAY, {})],
    "month": [(MONTH, {})],
    "day and its weekday": [(DAY, {"baseline": WEEKDAY})],
    "week and a year ago": [(WEEK, {"baseline": YEAR})],
    "day and a year ago": [(DAY, {"baseline": YEAR})],
    "month and a year ago": [(MONTH, {"baseline": YEAR})],
    "week and four before": [(WEEK, {"baseline": trailing(4)})],
    "week and 52 before": [(WEEK, {"baseline": trailing(52)})],
    "month and 52 before": [(MONTH, {"baseline": trailing(52)})],
    "one number": [(WEEK, SMALL)],
    "everything": [(WEEK, EVERYTHING)],
    "everything, months": [(MONTH, EVERYTHING | {"baseline": trailing(13)})],
    "twice the same": [(WEEK, {}), (WEEK, {})],
    "a part of another": [(WEEK, {}), (WEEK, SMALL)],
    "two baselines": [(WEEK, {}), (WEEK, {"baseline": YEAR})],
    "day, week and month": [(DAY, {}), (WEEK, {}), (MONTH, {}), (DAY, SMALL)],
}


def specs(name: str) -> list[tuple[report.DigestSpec, str]]:
    return [
        (spec(parse_period(period).kind, **changes), period) for period, changes in DIGESTS[name]
    ]


@pytest.fixture(scope="module")
def phase() -> Iterator[PhaseSandbox]:
    """The server that offers every list; a newer one has no cities, so is asked for them once."""
    rows = read_rows(sql_truth.ROWS)
    with PhaseSandbox(rows, api=Flavour.APRIL, clock=lambda: NOW, rate_limit=0) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", DIGESTS)
def test_as_many_requests_go_out_as_were_computed(name: str, phase: PhaseSandbox) -> None:
    tally = Tally()
    with PhaseClient(
        phase.base_url,
        phase.app_id,
        phase.api_key,
        PhaseLimits(),
        Budget(time.monotonic, 1000),
        rng=random.Random(1),
    ) as client:
        source = SharedSource(client)
        computed = 0
        for digest, label in specs(name):
            period = parse_period(label)
            computed += tally.add(digest.app, questions(digest, period, NOW))
            fetched = report.fetch(report.plan(digest, period, NOW), source, silent)
            assert not fetched.gaps
            assert computed == client.requests_made


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("week", 14),
        ("day", 14),
        ("one number", 1),
        ("week and a year ago", 21),
        ("week and 52 before", 21),
        ("twice the same", 14),
        ("a part of another", 14),
    ],
)
def test_the_usual_digests_take_this_many(name: str, count: int) -> None:
    tally = Tally()
    added = [tally.add(d.app, questions(d, parse_period(p), NOW)) for d, p in specs(name)]
    assert sum(added) == count


def test_apps_share_nothing() -> None:
    tally = Tally()
    asked = questions(spec(), parse_period(WEEK), NOW)
    assert [tally.add(app, asked) for app in ("shop", "blog", "shop")] == [14, 14, 0]


@pytest.mark.parametrize("kind", list(PeriodKind))
def test_no_digest_takes_more_than_the_bound(kind: PeriodKind) -> None:
    period = parse_period({"day": DAY, "week": WEEK, "month": MONTH}[kind])
    for rule in (BaselineRule(), YEAR, trailing(2), trailing(12), trailing(52)):
        asked = questions(spec(kind, **EVERYTHING, baseline=rule), period, NOW)
        assert requests(asked) <= MOST_REQUESTS


def test_before_the_period_is_over_it_stands_for_the_instant_when_it_is() -> None:
    period = parse_period("2026-W48")
    settled = period.ends_at + timedelta(hours=2)
    assert questions(spec(), period, NOW) == questions(spec(), period, settled)


def test_a_period_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="is about a week"):
        questions(spec(), parse_period(DAY), NOW)

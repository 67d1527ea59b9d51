"""The promise that matters most: a report says what plain SQL over the rows says."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from digest import report
from digest.core.breakdowns import SHOWN
from digest.core.metrics import STANDARD_BREAKDOWNS, Dimension, Metric
from digest.core.periods import Period, parse_period
from digest.phase.budget import Budget
from digest.phase.client import PhaseClient
from digest.phase.limits import PhaseLimits
from digest.sandbox.flavour import Flavour
from digest.sandbox.rows import read_rows
from digest.sandbox.server import PhaseSandbox
from tests.support import sql_truth
from tests.support.report_parts import silent, spec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from digest.core.report_model import Breakdown, Report

NOW = datetime(2026, 11, 23, 4, 46, tzinfo=UTC)
# The API rounds each day's rate to two decimals: half of that, and what floats make of it.
WITHIN = {
    Metric.BOUNCE_RATE: 0.005 + 1e-12,
    Metric.SESSION_DURATION: 1e-6,
    Metric.ACTIVE_USERS: 1e-9,
}


@pytest.fixture(scope="module")
def truth() -> Iterator[sqlite3.Connection]:
    db = sql_truth.load()
    yield db
    db.close()


@pytest.fixture(scope="module", params=list(Flavour), ids=str)
def phase(request: pytest.FixtureRequest) -> Iterator[tuple[str, PhaseSandbox]]:
    """Each version of the server over the given rows, at the time of the recordings."""
    flavour = Flavour(request.param)
    with PhaseSandbox(read_rows(sql_truth.ROWS), api=flavour, clock=lambda: NOW) as sandbox:
        yield flavour.value, sandbox


def built(sandbox: PhaseSandbox, period: str, *breakdowns: Dimension) -> Report:
    """The report, fetched over HTTP by the real client."""
    wanted = parse_period(period)
    digest = spec(wanted.kind, breakdowns=breakdowns or STANDARD_BREAKDOWNS)
    plan = report.plan(digest, wanted, NOW)
    with PhaseClient(
        sandbox.base_url,
        sandbox.app_id,
        sandbox.api_key,
        PhaseLimits(),
        Budget(time.monotonic),
    ) as client:
        return report.assemble(plan, report.fetch(plan, client, silent))


def bounds(period: Period) -> tuple[str, str]:
    return period.start.isoformat(), period.end.isoformat()


@pytest.mark.parametrize(
    "period",
    ["2026-W47", "2026-W46", "2026-W45", "2026-W38", "2026-10", "2026-11-20", "2026-11-22"],
)
def test_the_metrics_of_a_period_and_its_baseline_are_those_of_plain_sql(
    phase: tuple[str, PhaseSandbox], truth: sqlite3.Connection, period: str
) -> None:
    api, sandbox = phase
    made = built(sandbox, period)
    now = sql_truth.metrics(truth, api, *bounds(made.period))
    (before_period,) = made.baseline.periods
    before = sql_truth.metrics(truth, api, *bounds(before_period))
    assert [h.metric.value for h in made.headlines] == list(now)
    for headline in made.headlines:
        name, found = headline.metric.value, headline.comparison
        assert found.value is not None
        assert found.baseline is not None
        within = WITHIN.get(headline.metric, 0)
        assert abs(found.value - now[name]) <= within, name
        assert abs(found.baseline - before[name]) <= within, name
        assert found.delta.change == pytest.approx(now[name] - before[name], abs=2 * within + 1e-9)


def test_the_report_json_of_the_monday_digest_is_plain_sql_too(
    phase: tuple[str, PhaseSandbox], truth: sqlite3.Connection
) -> None:
    api, sandbox = phase
    found = report.to_json(built(sandbox, "2026-W47"))
    now = sql_truth.metrics(truth, api, "2026-11-16", "2026-11-23")
    before = sql_truth.metrics(truth, api, "2026-11-09", "2026-11-16")
    assert found["request_count"] == 14
    assert found["notes"]
    for name, metric in found["metrics"].items():
        within = WITHIN.get(Metric(name), 0)
        assert abs(metric["value"] - now[name]) <= within
        assert abs(metric["baseline"] - before[name]) <= within
        if name == "bounce_rate":
            assert metric["percent"] is None
        else:
            percent = 100 * (now[name] - before[name]) / before[name]
            assert metric["percent"] == pytest.approx(percent, abs=1e-6)


def test_the_two_versions_of_the_server_differ_in_what_they_count(
    truth: sqlite3.Connection,
) -> None:
    week = ("2026-11-16", "2026-11-23")
    current, april = (sql_truth.metrics(truth, api, *week) for api in ("current", "april"))
    assert (current["sessions"], april["sessions"]) == (596, 630)
    assert (current["events"], april["events"]) == (3118, 3158)
    assert current["bounce_rate"] > april["bounce_rate"]


def rows_of(made: Report, dimension: Dimension) -> Breakdown:
    found = made.breakdown(dimension)
    assert found is not None
    return found


def test_the_countries_their_shares_and_the_rest_are_those_of_plain_sql(
    phase: tuple[str, PhaseSandbox], truth: sqlite3.Connection
) -> None:
    api, sandbox = phase
    made = built(sandbox, "2026-W47")
    now = sql_truth.countries(truth, api, *bounds(made.period))
    before = sql_truth.countries(truth, api, *bounds(made.baseline.periods[0]))
    total = sum(now.values())
    found = rows_of(made, Dimension.SESSIONS_COUNTRY)
    assert found.total == total
    *listed, rest = found.rows
    assert rest.other
    assert rest.count == total - sum(row.count or 0 for row in listed)
    assert rest.share == pytest.approx(100 * (rest.count or 0) / total)
    smallest = sorted(now.values(), reverse=True)[SHOWN - 1]
    for row in listed:
        assert row.count == now[row.value]
        assert row.count >= smallest
        assert row.baseline == before.get(row.value)
        assert row.share == pytest.approx(100 * now[row.value] / total)


@pytest.mark.parametrize("screens", [False, True], ids=["events", "screens"])
def test_events_and_screens_are_those_of_plain_sql(
    phase: tuple[str, PhaseSandbox],
    truth: sqlite3.Connection,
    screens: bool,  # noqa: FBT001 - a table column
) -> None:
    api, sandbox = phase
    made = built(sandbox, "2026-W47")
    now = sql_truth.event_names(truth, api, *bounds(made.period), screens=screens)
    before = sql_truth.event_names(truth, api, *bounds(made.baseline.periods[0]), screens=screens)
    dimension = Dimension.EVENTS_SCREEN_NAME if screens else Dimension.EVENTS_EVENT_NAME
    found = rows_of(made, dimension)
    assert Counter(row.count for row in found.rows) == Counter(sorted(now.values())[-SHOWN:])
    for row in found.rows:
        assert row.count == now[row.value]
        assert row.baseline in {before.get(row.value), None}
        assert row.share is None
    assert found.total is None


def test_all_users_by_platform_are_those_of_plain_sql(
    phase: tuple[str, PhaseSandbox], truth: sqlite3.Connection
) -> None:
    _, sandbox = phase
    found = rows_of(built(sandbox, "2026-W47"), Dimension.USERS_PLATFORM)
    assert {row.value: row.count for row in found.rows} == sql_truth.platforms(truth)
    assert found.total == sum(sql_truth.platforms(truth).values())


def test_the_day_without_sessions_has_no_averages_and_no_fall_to_nothing(
    phase: tuple[str, PhaseSandbox],
) -> None:
    _, sandbox = phase
    made = built(sandbox, "2026-11-08")
    sessions = made.headline(Metric.SESSIONS)
    bounce = made.headline(Metric.BOUNCE_RATE)
    assert sessions is not None
    assert bounce is not None
    assert (sessions.comparison.value, sessions.comparison.delta.percent) == (0, None)
    assert bounce.comparison.value is None
    assert made.verdict == "No sessions were counted."


def test_cities_are_there_in_april_and_left_out_with_a_remark_today(
    phase: tuple[str, PhaseSandbox],
) -> None:
    api, sandbox = phase
    made = built(sandbox, "2026-W47", Dimension.SESSIONS_CITY, Dimension.SESSIONS_COUNTRY)
    remarks = [note.text for note in made.notes if "city" in note.text]
    if api == "april":
        assert rows_of(made, Dimension.SESSIONS_CITY).rows
        assert remarks == []
    else:
        assert made.breakdown(Dimension.SESSIONS_CITY) is None
        assert remarks == ["Sessions by city is left out: this Phase server does not offer it."]

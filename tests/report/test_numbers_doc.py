"""docs/numbers.md explains with real numbers; here they are held against the report."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from digest import report
from digest.core.metrics import CATALOGUE, Dimension, Metric
from digest.core.periods import parse_period
from digest.core.wording import Wording
from digest.phase.budget import Budget
from digest.phase.client import PhaseClient
from digest.phase.limits import PhaseLimits
from digest.sandbox.flavour import Flavour
from digest.sandbox.rows import read_rows
from digest.sandbox.server import PhaseSandbox
from tests.support import sql_truth
from tests.support.report_parts import silent, spec

if TYPE_CHECKING:
    from digest.core.report_model import Report

DOC = (Path(__file__).parents[2] / "docs" / "numbers.md").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 23, 4, 46, tzinfo=UTC)
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def week() -> Report:
    rows = read_rows(sql_truth.ROWS)
    plan = report.plan(spec(metrics=tuple(Metric)), parse_period("2026-W47"), NOW)
    with (
        PhaseSandbox(rows, api=Flavour.CURRENT, clock=lambda: NOW) as sandbox,
        PhaseClient(
            sandbox.base_url,
            sandbox.app_id,
            sandbox.api_key,
            PhaseLimits(),
            Budget(time.monotonic),
        ) as client,
    ):
        return report.assemble(plan, report.fetch(plan, client, silent))


def test_the_table_of_metrics_is_complete_and_true(week: Report) -> None:
    words, told = Wording("en"), dict(ROW.findall(DOC))
    assert list(told) == [metric.value for metric in CATALOGUE]
    for headline in week.headlines:
        unit, found = headline.info.unit, headline.comparison
        pair = f"{words.value(unit, found.baseline)} → {words.value(unit, found.value)}"
        delta = f"{pair}, {words.delta(unit, found.delta)}".replace("\N{NO-BREAK SPACE}", " ")
        derived = headline.info.parts is not None
        assert told[headline.metric.value] == (delta.partition(",")[0] if derived else delta)


def test_the_verdict_is_quoted(week: Report) -> None:
    assert f"> {week.verdict}".replace("\N{NO-BREAK SPACE}", " ") in DOC


def test_the_examples_of_breakdowns_are_true(week: Report) -> None:
    country = week.breakdown(Dimension.SESSIONS_COUNTRY)
    events = week.breakdown(Dimension.EVENTS_EVENT_NAME)
    assert country is not None
    assert events is not None
    first, other = country.rows[0], country.rows[-1]
    assert f"US {first.count} of {country.total} = {first.share:.1f} %" in DOC
    assert f"{other.count} sessions ({other.share:.1f} %)" in DOC
    told = ", ".join(f"{row.value} {row.baseline} → {row.count}" for row in country.movers[:3])
    assert told in DOC
    (left,) = events.left
    entered = [row for row in events.rows if row.baseline is None]
    assert [(row.value, row.count) for row in entered] == [("share", 59)]
    assert f"`{left.value}` left them" in DOC

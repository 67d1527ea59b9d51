"""A Phase that answers from a few lines of arithmetic, with faults where a test wants them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from digest import report
from digest.core.periods import PeriodKind, parse_period
from digest.phase.models import BreakdownResult, TimeSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digest.core.metrics import Dimension
    from digest.core.report_model import Report
    from digest.errors import PhaseError

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)

# What every day of the world below has.
EVERY_DAY: Mapping[str, float] = {
    "sessionCount": 100,
    "bounceRate": 30.0,
    "avgSessionDuration": 120.0,
    "activeUsers": 80,
    "newUsers": 40,
    "totalUsers": 5000,
    "eventCount": 900,
}
LISTS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "events": (("app_open", 400), ("search", 200)),
    "sessions": (("DE", 400), ("FR", 300)),
    "users": (("ios", 3000), ("android", 2000)),
}


def spec(kind: PeriodKind = PeriodKind.WEEK, **changes: object) -> report.DigestSpec:
    """The standard digest of Acme Shop, with changes."""
    given: dict[str, object] = {"job": "monday-email", "app": "shop", "app_title": "Acme Shop"}
    return report.DigestSpec(kind=kind, **(given | changes))  # type: ignore[arg-type] # by tests


@dataclass(slots=True, kw_only=True)
class World:
    """A source of numbers. `days` overrides the value of a metric on a day; None leaves it out.

    `lists` overrides the rows of `(dimension, start)`, start None for all-time. `fails` is asked
    for every question, as `sessions/timeseries bounceRate`, and gives the error to raise.
    """

    days: dict[tuple[str, date], float | None] = field(default_factory=dict)
    every: Mapping[str, float | None] = field(default_factory=dict)
    lists: dict[tuple[Dimension, date | None], tuple[tuple[str, int], ...]] = field(
        default_factory=dict
    )
    fails: Callable[[str], PhaseError | None] = lambda _asked: None
    now: datetime = MONDAY
    asked: list[str] = field(default_factory=list)

    @property
    def requests_made(self) -> int:
        return len(self.asked)

    def timeseries(self, report: str, metric: str, start: date, end: date) -> TimeSeries:
        self._ask(f"{report}/timeseries {metric}")
        span = [start + DAY * n for n in range((end - start).days)]
        usual = self.every.get(metric, EVERY_DAY[metric])
        found = {day: self.days.get((metric, day), usual) for day in span}
        return TimeSeries(
            report=report,
            metric=metric,
            values={day: value for day, value in found.items() if value is not None},
            generated_at=self.now,
        )

    def breakdown(
        self, dimension: Dimension, start: date | None, end: date | None, limit: int = 10
    ) -> BreakdownResult:
        self._ask(f"{dimension.report}/breakdown {dimension.field}")
        assert (start is None) == (end is None) == (not dimension.dated)
        rows = self.lists.get((dimension, start), LISTS[dimension.report])
        return BreakdownResult(
            dimension=dimension,
            rows=rows[:limit],
            raw_rows=min(len(rows), limit),
            limit=limit,
            generated_at=self.now,
        )

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if (error := self.fails(question)) is not None:
            raise error


def silent(_what: str, _number: int, _of: int) -> None:
    """Progress that nobody watches."""


def made(
    source: report.Source,
    period: str = "2026-W47",
    digest: report.DigestSpec | None = None,
    *,
    now: datetime = MONDAY,
    partial_ok: bool = False,
) -> Report:
    """The report of a period: plan, fetch, assemble."""
    asked_for = parse_period(period)
    wanted = digest or spec(asked_for.kind)
    plan = report.plan(wanted, asked_for, now, partial_ok=partial_ok)
    return report.assemble(plan, report.fetch(plan, source, silent), partial_ok=partial_ok)

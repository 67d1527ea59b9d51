"""The nine reports: what each may be asked, and who answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.sandbox import event_reports, session_reports, user_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digest.sandbox.asking import Ask
    from digest.sandbox.flavour import Traits


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. `metrics` may be left out and then are the first one; `dimensions` may not.

    `dated` reports look at startDate and endDate, the others ignore them.
    """

    name: str
    answer: Callable[[Ask], dict[str, Any]]
    metrics: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    dated: bool = False

    def choice(self, query: Mapping[str, str], traits: Traits) -> str | None:
        """The metric or dimension asked for, empty where there is none to choose.

        None is a choice that this report does not offer in this version.
        """
        if self.dimensions:
            asked = query.get("dimension")
            offered = asked in self.dimensions and (asked != "city" or traits.city)
            return asked if offered else None
        if self.metrics:
            asked = query.get("metric", self.metrics[0])
            return asked if asked in self.metrics else None
        return ""


_PLACES = ("platform", "country", "city")

REPORTS: Mapping[tuple[str, str], Report] = {
    ("events", "overview"): Report(name="event overview", answer=event_reports.overview),
    ("events", "timeseries"): Report(
        name="event timeseries", answer=event_reports.timeseries, dated=True
    ),
    ("events", "breakdown"): Report(
        name="event breakdown",
        answer=event_reports.breakdown,
        dimensions=("eventName", "screenName"),
        dated=True,
    ),
    ("sessions", "overview"): Report(name="session overview", answer=session_reports.overview),
    ("sessions", "timeseries"): Report(
        name="session timeseries",
        answer=session_reports.timeseries,
        metrics=("sessionCount", "avgSessionDuration", "bounceRate"),
        dated=True,
    ),
    ("sessions", "breakdown"): Report(
        name="session breakdown", answer=session_reports.breakdown, dimensions=_PLACES, dated=True
    ),
    ("users", "overview"): Report(name="user overview", answer=user_reports.overview),
    ("users", "timeseries"): Report(
        name="user timeseries",
        answer=user_reports.timeseries,
        metrics=("activeUsers", "totalUsers", "newUsers"),
        dated=True,
    ),
    ("users", "breakdown"): Report(
        name="user breakdown", answer=user_reports.breakdown, dimensions=_PLACES
    ),
}

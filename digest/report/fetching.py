"""Asking the API for what the plan says, and what to do when an answer does not come.

A report that fails becomes a gap that the digest names; so a digest without, say, its events can
still go out. It does not go out when

- the server can't be reached, or asks to wait too long: nothing more is asked, the run is put off;
- the key is refused;
- none of the numbers that lead the digest could be had: the session metrics, or all metrics of a
  digest that shows none of those. Then asking stops, too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, assert_never

from digest.core.breakdowns import Listing
from digest.core.metrics import CATALOGUE, Metric
from digest.core.report_model import Asked
from digest.errors import PhaseError, PhaseUnavailableError
from digest.phase.models import NotOfferedError
from digest.report.planning import Call, ListCall, SeriesCall, not_over

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from digest.core.metrics import Dimension
    from digest.phase.models import BreakdownResult, TimeSeries
    from digest.report.planning import FetchPlan, Side

    Progress = Callable[[str, int, int], None]

logger = logging.getLogger(__name__)

_LEADING = (Metric.SESSIONS, Metric.BOUNCE_RATE, Metric.SESSION_DURATION)
_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Source(Protocol):
    """Where the numbers come from; `digest.phase.client.PhaseClient` is one."""

    @property
    def requests_made(self) -> int:
        """How many requests went out so far, every try counted."""
        ...

    def timeseries(self, report: str, metric: str, start: date, end: date) -> TimeSeries:
        """One metric by UTC day, `end` exclusive."""
        ...

    def breakdown(
        self, dimension: Dimension, start: date | None, end: date | None, limit: int = 10
    ) -> BreakdownResult:
        """The largest values of a dimension; both days None is all-time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A question without an answer, and why."""

    call: Call
    error: PhaseError

    @property
    def not_offered(self) -> bool:
        """Whether this server has no such report at all."""
        return isinstance(self.error, NotOfferedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The answers to a plan.

    `values` are the days of each metric as far as they came; `lists` the breakdowns. `oldest`
    and `newest` are the server's clock in the first and the last of the answers, UTC.
    """

    values: Mapping[Metric, Mapping[date, float]]
    lists: Mapping[tuple[Dimension, Side], Listing]
    oldest: datetime
    newest: datetime
    requests: int
    asked: tuple[Asked, ...] = ()
    gaps: tuple[Gap, ...] = ()


def fetch(plan: FetchPlan, source: Source, progress: Progress) -> Fetched:
    """Ask everything in the plan; `progress` is told (what, number, of how many) before each.

    Raises PhaseUnavailableError or PhaseError when there can be no digest (see above), and
    PeriodNotOverError when the server's clock says that the period is not over or not settled.
    """
    before = source.requests_made
    work = _Work(plan=plan)
    for number, call in enumerate(plan.calls, start=1):
        progress(f"{call.report} {call.what}", number, len(plan.calls))
        if (known := work.lost(call)) is not None:
            work.fail(call, known)
            continue
        try:
            generated_at = work.take(call, source)
        except PhaseError as error:
            if ends_all(error):
                raise
            work.fail(call, error)
            continue
        if generated_at < plan.ready_at and not plan.partial_ok:
            raise not_over(plan.period, plan.ready_at, generated_at)
    if not work.has_lead():
        raise work.nothing()
    return Fetched(
        values=work.values,
        lists=work.lists,
        oldest=min(work.instants),
        newest=max(work.instants),
        requests=source.requests_made - before,
        asked=tuple(work.asked),
        gaps=tuple(work.gaps),
    )


@dataclass(slots=True, kw_only=True)
class _Work:
    """What has come so far; `down` are the reports and lists that are not asked for again."""

    plan: FetchPlan
    values: dict[Metric, dict[date, float]] = field(default_factory=dict)
    lists: dict[tuple[Dimension, Side], Listing] = field(default_factory=dict)
    instants: list[datetime] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    down: dict[str, PhaseError] = field(default_factory=dict)

    def take(self, call: Call, source: Source) -> datetime:
        """Ask one question and keep the answer; gives the server's clock."""
        match call:
            case SeriesCall():
                report = CATALOGUE[call.metric].report or ""
                series = source.timeseries(report, call.what, call.start, call.end)
                self.values.setdefault(call.metric, {}).update(series.values)
                generated_at = series.generated_at
            case ListCall():
                found = source.breakdown(
                    call.dimension, call.start, call.end, limit=call.dimension.cap
                )
                self.lists[call.dimension, call.side] = Listing(
                    rows=found.rows, complete=found.complete, periods=call.periods
                )
                generated_at = found.generated_at
            case _:
                assert_never(call)
        self.instants.append(generated_at)
        self.asked.append(_asked(call, generated_at=generated_at))
        return generated_at

    def fail(self, call: Call, error: PhaseError) -> None:
        """Note a gap. Raises the error that explains best why there can be no digest any more."""
        if self.lost(call) is None:
            self._give_up_on(call, error)
        self.gaps.append(Gap(call=call, error=error))
        self.asked.append(_asked(call, failed=str(error)))
        if not self._can_lead():
            raise _weightiest([gap.error for gap in self.gaps])

    def lost(self, call: Call) -> PhaseError | None:
        """Why there is no point in asking this, from what was asked before."""
        if isinstance(call, ListCall) and call.dimension in self.down:
            return self.down[call.dimension]
        return self.down.get(call.report)

    def _give_up_on(self, call: Call, error: PhaseError) -> None:
        if isinstance(error, PhaseUnavailableError):
            self.down[call.report] = error
        elif isinstance(error, NotOfferedError) and isinstance(call, ListCall):
            self.down[call.dimension] = error
        logger.warning(
            "left out of the digest: %s",
            error,
            extra={"action": "report_left_out", "report": call.report, "job": self.plan.spec.job},
        )

    def has_lead(self) -> bool:
        """Whether a leading metric has a value on at least one day of the period.

        A digest without metrics is led by its lists.
        """
        if not self._leading():
            return bool(self.lists)
        return any(
            all(
                any(day in self.values.get(need, {}) for day in self.plan.period.days)
                for need in CATALOGUE[metric].needs
            )
            for metric in self._leading()
        )

    def nothing(self) -> PhaseError:
        """Why there is nothing to make a digest of."""
        if self.gaps:
            return _weightiest([gap.error for gap in self.gaps])
        label = self.plan.period.label
        return PhaseError(f"Phase has not a single day of {label} to report", report="reports")

    def _can_lead(self) -> bool:
        """Whether a leading metric can still be had: none of what it needs has failed."""
        lost = {
            gap.call.metric
            for gap in self.gaps
            if isinstance(gap.call, SeriesCall) and gap.call.end > self.plan.period.start
        }
        leading = self._leading()
        return not leading or any(lost.isdisjoint(CATALOGUE[metric].needs) for metric in leading)

    def _leading(self) -> tuple[Metric, ...]:
        metrics = self.plan.spec.metrics
        return tuple(metric for metric in _LEADING if metric in metrics) or metrics


def ends_all(error: PhaseError) -> bool:
    """Whether every other question would fare the same.

    An error of the server (5xx) or an answer that is always cut short may concern one of its
    stores only; not reaching it, or being told to wait, concerns all.
    """
    if error.status in _KEY_REFUSED:
        return True
    if not isinstance(error, PhaseUnavailableError):
        return False
    if error.status is None:
        return error.everywhere
    return error.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _weightiest(errors: list[PhaseError]) -> PhaseError:
    """What can pass is worth another try, so it says more than what can't."""
    return next((e for e in errors if isinstance(e, PhaseUnavailableError)), errors[0])


def _asked(call: Call, *, generated_at: datetime | None = None, failed: str | None = None) -> Asked:
    return Asked(
        report=call.report,
        what=call.what,
        start=call.start,
        end=call.end,
        generated_at=generated_at,
        failed=failed,
    )

"""What to ask for one digest: every question once, days that lie near each other in one call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.core.metrics import CATALOGUE, PLAIN_METRICS, STANDARD_BREAKDOWNS, Dimension, Metric
from digest.core.periods import DAY, BaselineRule, PeriodKind, baseline_of, utc_day
from digest.errors import PeriodNotOverError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from digest.core.periods import Baseline, Period

RECENT_DAYS = 14
_NEAR = timedelta(days=31)  # more days in one answer are cheaper than a second request
LONGEST_RANGE = timedelta(days=365)  # what the API takes in one request
_PREVIOUS = BaselineRule()
_MANY_VALUED = frozenset({Dimension.USERS_COUNTRY, Dimension.USERS_CITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSpec:
    """What one digest shows, as configured.

    `app` is the app's name in the config, `app_title` what readers call it. `title` is empty for
    the usual one. `settle` is how many seconds after its end a period's numbers are trusted.
    """

    job: str
    app: str
    app_title: str
    kind: PeriodKind
    title: str = ""
    metrics: tuple[Metric, ...] = PLAIN_METRICS
    breakdowns: tuple[Dimension, ...] = STANDARD_BREAKDOWNS
    baseline: BaselineRule = _PREVIOUS
    locale: str = "en"
    timezone: str = "UTC"
    settle: float = 7200.0

    @property
    def heading(self) -> str:
        """The title, or `Acme Shop: weekly digest`."""
        every = {PeriodKind.DAY: "daily", PeriodKind.WEEK: "weekly", PeriodKind.MONTH: "monthly"}
        return self.title or f"{self.app_title}: {every[self.kind]} digest"


class Side(StrEnum):
    """Which days a list covers."""

    PERIOD = "period"
    BASELINE = "baseline"
    ALL_TIME = "all time"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesCall:
    """A metric's days from `start` up to, not including, `end` (UTC)."""

    metric: Metric
    start: date
    end: date

    @property
    def report(self) -> str:
        """`sessions/timeseries`."""
        return f"{CATALOGUE[self.metric].report}/timeseries"

    @property
    def what(self) -> str:
        """The metric as the API names it."""
        return CATALOGUE[self.metric].field or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCall:
    """A breakdown's list over the days from `start` up to `end`; both None is all-time.

    `periods` is how many periods lie in that range.
    """

    dimension: Dimension
    side: Side
    start: date | None
    end: date | None
    periods: int = 1

    @property
    def report(self) -> str:
        """`sessions/breakdown`."""
        return f"{self.dimension.report}/breakdown"

    @property
    def what(self) -> str:
        """The dimension as the API names it."""
        return self.dimension.field


Call = SeriesCall | ListCall


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPlan:
    """Every question of one digest, the most important first.

    `ready_at` is the instant (by the server's clock) from which the period's numbers are
    trusted. With `partial_ok` an earlier answer is good enough, and marked.
    """

    spec: DigestSpec
    period: Period
    baseline: Baseline
    calls: tuple[Call, ...]
    ready_at: datetime
    partial_ok: bool = False


def plan(spec: DigestSpec, period: Period, now: datetime, *, partial_ok: bool = False) -> FetchPlan:
    """What to ask at `now` (aware) for a digest of `period`.

    Raises UsageError for a period of another kind than the digest's; PeriodNotOverError when the
    period can't be over and settled yet, and even with `partial_ok` when it has not begun.
    """
    if period.kind is not spec.kind:
        raise UsageError(
            f"digest {spec.job!r} is about a {spec.kind}; {period.label} is a {period.kind}"
        )
    baseline = baseline_of(period, spec.baseline)
    ready_at = settled_at(period, spec.settle)
    if now < ready_at and (not partial_ok or utc_day(now) < period.start):
        raise not_over(period, ready_at, now)
    end = min(period.end, utc_day(now) + DAY)
    compared = end == period.end
    return FetchPlan(
        spec=spec,
        period=period,
        baseline=baseline,
        calls=(
            *_series_calls(spec, period, baseline, end=end, today=utc_day(now)),
            *_list_calls(spec, period, baseline if compared else None, end=end),
        ),
        ready_at=ready_at,
        partial_ok=partial_ok,
    )


def settled_at(period: Period, settle: float) -> datetime:
    """When a period's numbers are trusted, UTC: `settle` seconds after its end."""
    return period.ends_at + timedelta(seconds=settle)


def not_over(period: Period, ready_at: datetime, now: datetime) -> PeriodNotOverError:
    """The error for a period that is not over, or not settled, at `now`."""
    state = "has not settled yet" if now >= period.ends_at else "is not over in UTC yet"
    return PeriodNotOverError(
        f"{period.label} {state}; it can be done from {ready_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}",
        ready_at=ready_at,
    )


def _series_calls(
    spec: DigestSpec, period: Period, baseline: Baseline, *, end: date, today: date
) -> Iterable[SeriesCall]:
    first = period.start
    if period.kind is PeriodKind.DAY:
        first -= DAY * (RECENT_DAYS - 1)
    runs = _runs([(first, end), *((one.start, one.end) for one in baseline.periods)])
    for metric in _needed(spec):
        for start, stop in runs:
            last = stop
            if metric is Metric.TOTAL_USERS and stop == end and _wants_level_now(spec):
                # users' breakdowns count until now; so must the total that they are part of
                last = today + DAY if today + DAY - start <= LONGEST_RANGE else stop
            yield SeriesCall(metric=metric, start=start, end=last)


def _needed(spec: DigestSpec) -> tuple[Metric, ...]:
    """The plain metrics to fetch, in the catalogue's order: sessions first."""
    wanted = {need for metric in spec.metrics for need in CATALOGUE[metric].needs}
    if any(d.dated and d.has_total for d in spec.breakdowns):
        wanted.add(Metric.SESSIONS)
    if _wants_level_now(spec):
        wanted.add(Metric.TOTAL_USERS)
    return tuple(metric for metric in PLAIN_METRICS if metric in wanted)


def _wants_level_now(spec: DigestSpec) -> bool:
    """Whether a users' list may be cut off, so that its total must come from elsewhere."""
    return any(dimension in _MANY_VALUED for dimension in spec.breakdowns)


def _runs(ranges: Sequence[tuple[date, date]]) -> list[tuple[date, date]]:
    """As few ranges as cover all of these, newest first; those far apart stay apart."""
    runs: list[tuple[date, date]] = []
    for start, end in sorted(ranges):
        if runs and start - runs[-1][1] <= _NEAR:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return runs[::-1]


def _list_calls(
    spec: DigestSpec, period: Period, baseline: Baseline | None, *, end: date
) -> Iterable[ListCall]:
    for dimension in dict.fromkeys(spec.breakdowns):
        if not dimension.dated:
            yield ListCall(dimension=dimension, side=Side.ALL_TIME, start=None, end=None)
            continue
        yield ListCall(dimension=dimension, side=Side.PERIOD, start=period.start, end=end)
        if baseline is not None and baseline.end - baseline.start <= LONGEST_RANGE:
            yield ListCall(
                dimension=dimension,
                side=Side.BASELINE,
                start=baseline.start,
                end=baseline.end,
                periods=len(baseline.periods),
            )

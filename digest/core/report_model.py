"""A finished report: everything that a template, a chart or `report.json` may see.

Values are raw and unrounded; wording is done by whoever shows them. A number that can't be known
is None and says why in its `note`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from digest.core.alert_memory import Remembered
    from digest.core.deltas import Comparison
    from digest.core.metrics import Dimension, Metric, MetricInfo
    from digest.core.periods import Baseline, Period
    from digest.core.series import Series


class Movement(StrEnum):
    """How one value of a breakdown moved against the baseline period."""

    ROSE = "rose"
    FELL = "fell"
    SAME = "unchanged"
    NEW = "new"
    GONE = "gone"
    ENTERED = "entered the top"
    LEFT = "left the top"
    UNKNOWN = "unknown"


class Tone(StrEnum):
    """How loud a note is: a definition, a plain remark, or a banner that must be seen."""

    DEFINITION = "definition"
    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One sentence about the numbers: a gap, a small sample, a definition."""

    text: str
    tone: Tone = Tone.INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One metric: its value, its baseline and delta, and the days behind them.

    `baseline_daily` is the mean of the baseline periods by position (one period: its own days;
    more: the newest one's days). An average has no value on a day without sessions. `recent` are
    the fourteen days that end with the period, in a digest of a single day only.
    """

    info: MetricInfo
    comparison: Comparison
    daily: Series
    baseline_daily: Series | None
    recent: Series | None = None
    note: str | None = None

    @property
    def metric(self) -> Metric:
        """The metric's name."""
        return self.info.metric


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownRow:
    """One value of a breakdown.

    `count` and `baseline` are counts in the period and its baseline (None: can't be known; a
    baseline of several periods is their mean, so it may not be whole);
    `share` is percent of the true total, 0 to 100, None where no true total exists. The row that
    stands for all values not listed has `other` set.
    """

    value: str
    count: int | None
    baseline: float | None = None
    share: float | None = None
    movement: Movement = Movement.UNKNOWN
    other: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """One breakdown: its top rows (largest first, then "other") and what moved.

    `movers` are the listed or once-listed values with the largest absolute change, largest first;
    those that can't be compared are not among them. `left` are values of the baseline's list that
    are beyond the end of the period's list, so that their count is not known. `total` is the true
    total or None. `unavailable` says why there are no rows when the API could not give them.
    """

    dimension: Dimension
    rows: tuple[BreakdownRow, ...]
    movers: tuple[BreakdownRow, ...] = ()
    left: tuple[BreakdownRow, ...] = ()
    total: int | None = None
    note: str | None = None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question to the API, so that every number can be traced to it.

    `report` is such as `sessions/timeseries`, `what` a metric or dimension as the API names it.
    `start` and `end` are UTC days, `end` exclusive; both None is all-time. `generated_at` is the
    server's clock in its answer; `failed` says why there was none.
    """

    report: str
    what: str
    start: date | None
    end: date | None
    generated_at: datetime | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One digest of one app over one period.

    `job` is the digest's name, `title` what readers call it. `partial` means the period was not
    over, or had not settled, when it was fetched. `generated_at` is the server's clock, UTC, of
    the newest answer. `requests` is how many API requests it took, repeated tries included;
    `asked` is what was asked. `quiet` is set when the period has no data. `alerts` is what the
    app's alerts did.
    """

    job: str
    title: str
    app: str
    app_title: str
    period: Period
    baseline: Baseline
    timezone: str
    locale: str
    headlines: tuple[Headline, ...]
    breakdowns: tuple[Breakdown, ...]
    notes: tuple[Note, ...]
    verdict: str
    generated_at: datetime
    requests: int
    asked: tuple[Asked, ...] = ()
    partial: bool = False
    quiet: bool = False
    alerts: tuple[Remembered, ...] = ()

    def headline(self, metric: Metric) -> Headline | None:
        """The headline of a metric, if the digest has it."""
        return next((h for h in self.headlines if h.metric is metric), None)

    def breakdown(self, dimension: Dimension) -> Breakdown | None:
        """The breakdown of a dimension, if the digest has it."""
        return next((b for b in self.breakdowns if b.dimension is dimension), None)

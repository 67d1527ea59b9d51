"""Which lists are laid side by side to see what moved with a metric, and what they add up to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.core.metrics import CATALOGUE, Dimension, Metric, Rollup, Unit
from digest.core.moves import Whole
from digest.core.rules.reading import ListWant
from digest.core.series import Series

if TYPE_CHECKING:
    from digest.core.breakdowns import Listing
    from digest.core.periods import Baseline, Period
    from digest.core.rules.reading import Known

PLACES = (Dimension.SESSIONS_PLATFORM, Dimension.SESSIONS_COUNTRY)
DOINGS = (Dimension.EVENTS_EVENT_NAME, Dimension.EVENTS_SCREEN_NAME)
_LEAST_POINTS = 1.0
_LEAST_PART = 0.05


def made_of(metric: Metric) -> tuple[Dimension, ...]:
    """Breakdowns whose groups add up to the metric; the two of events only together."""
    match metric:
        case Metric.SESSIONS:
            return PLACES
        case Metric.EVENTS | Metric.EVENTS_PER_SESSION:
            return DOINGS
        case _:
            return ()


def beside(metric: Metric) -> tuple[Dimension, ...]:
    """Breakdowns of sessions that can only be laid beside the metric."""
    match metric:
        case Metric.SESSIONS:
            return ()
        case Metric.EVENTS:
            return (Dimension.SESSIONS_PLATFORM,)
        case _:
            return PLACES


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """A period and its baseline, with what is known of both.

    `totals` are the metric's own values of the period and of the baseline, in this order.
    """

    metric: Metric
    known: Known
    period: Period
    baseline: Baseline
    totals: tuple[float | None, float | None]

    @property
    def change(self) -> float | None:
        """By how much the metric changed."""
        now, before = self.totals
        return None if now is None or before is None else now - before

    @property
    def hardly_changed(self) -> bool:
        """Whether the metric is known to have changed so little that it needs no explanation."""
        before = self.totals[1]
        if self.change is None or before is None:
            return False
        if CATALOGUE[self.metric].unit is Unit.PERCENT:
            return abs(self.change) < _LEAST_POINTS
        return abs(self.change) < _LEAST_PART * abs(before)

    def lists(self, dimension: Dimension) -> tuple[Listing, Listing] | None:
        """The baseline's list, per period, and the period's; None where there are not both.

        An empty list of the period is no news about any one value, and counts as none.
        """
        then = self.known.lists.get(ListWant(dimension, self.baseline.start, self.baseline.end))
        now = self.known.lists.get(ListWant(dimension, self.period.start, self.period.end))
        if then is None or now is None or not now.rows or not in_a_row(self.baseline):
            return None
        return replace(then, periods=len(self.baseline.periods)), now

    @property
    def sessions(self) -> Whole:
        """All sessions before, per period, and now, as far as every day of them is known."""
        return Whole(before=self._sessions(*self.baseline.periods), now=self._sessions(self.period))

    @property
    def whole(self) -> Whole | None:
        """What the groups add up to; None where their counts say nothing about the metric."""
        now, before = self.totals
        whole = Whole(before=before, now=now)
        if CATALOGUE[self.metric].rollup is not Rollup.RATIO:
            return whole
        sessions = self.sessions
        if not sessions.before or not sessions.now:
            return None
        return replace(whole, per_before=sessions.before, per_now=sessions.now)

    def _sessions(self, *periods: Period) -> float | None:
        values = self.known.values.get(Metric.SESSIONS, {})
        days = Series.over(values, [day for one in periods for day in one.days])
        if days.missing:
            return None
        return math.fsum(value for value in days.values if value is not None) / len(periods)


def in_a_row(baseline: Baseline) -> bool:
    """Whether one list can cover the baseline's periods and nothing else."""
    pairs = zip(baseline.periods, baseline.periods[1:], strict=False)
    return all(one.end == following.start for one, following in pairs)

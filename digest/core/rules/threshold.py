"""`above: 60` or `below: 50`: a metric against a fixed limit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.core.alert_model import Seen
from digest.core.metrics import CATALOGUE, Dimension, Metric, Rollup, Unit
from digest.core.periods import PeriodKind
from digest.core.rules import sides
from digest.core.rules.limits import Line, apart, leave_room, line_of, said, stands
from digest.core.rules.reading import Known, Observation, Scope, Wants
from digest.core.rules.writing import (
    NUMBER,
    About,
    Bound,
    Kind,
    RuleError,
    bound,
    closed,
    within,
)
from digest.core.series import roll_up

if TYPE_CHECKING:
    from datetime import date

    from digest.core.metrics import MetricInfo
    from digest.core.series import Series
    from digest.core.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A metric is above or below a limit.

    A window with missing days can't be judged, unless it is a count and what is there of it is
    above the limit already.
    """

    metric: Metric
    line: Line
    kind: PeriodKind = PeriodKind.DAY

    @property
    def lasting(self) -> bool:
        """It describes a state."""
        return True

    @property
    def dimension(self) -> Dimension | None:
        """No breakdown."""
        return None

    @property
    def unit(self) -> Unit:
        """The metric's."""
        return self._info.unit

    def title(self) -> str:
        """`Bounce rate`."""
        return self._info.title

    def bound(self, words: Wording) -> str:
        """`above 60 %`."""
        return said(self.line, self.unit, words)

    def wants(self, scope: Scope) -> Wants:
        """The metric's days."""
        return Wants(series=sides.series_wants(self._info.needs, scope))

    def observe(self, scope: Scope, known: Known, words: Wording) -> Observation:
        """The value against the limit."""
        side = sides.side_of(known, scope.period.days)
        value = roll_up(self.metric, side)
        sessions = sides.total(Metric.SESSIONS, side)
        seen = Observation(
            seen=Seen.MISSING,
            unit=self.unit,
            reason="",
            limit=self.line.limit,
            clear=self.line.clear,
            bound=self.bound(words),
            sessions=sessions,
        )
        if value is None or self._has_gaps(side, value):
            return replace(seen, reason=sides.absent(self._info, side, scope.period, words))
        few = sides.too_few(
            scope,
            words,
            sessions=sessions,
            count=sides.counted(self.metric, value, side),
            thing=sides.thing_of(self._info),
        )
        measured = apart(self.unit, value, self.line.limit, words)
        seen = replace(seen, value=value, measured=measured)
        if few is not None:
            return replace(seen, seen=few[0], reason=few[1])
        name, so_far = sides.lower(self._info.title), sides.so_far(scope)
        where = stands(self.line, value, self.unit, words)
        return replace(
            seen,
            seen=self.line.seen(value),
            reason=f"{name} came to {measured}{so_far}, {where}",
            excess=self.line.excess(value),
        )

    def daily(self, known: Known, days: tuple[date, ...]) -> Series | None:
        """The metric, day by day."""
        return sides.daily(self.metric, known, days)

    @property
    def _info(self) -> MetricInfo:
        return sides.named(CATALOGUE[self.metric], self.kind)

    def _has_gaps(self, side: sides.Side, value: float) -> bool:
        """Whether days are missing without which the value may not be judged."""
        if not sides.gaps(self.metric, side):
            return False
        only_more = self._info.rollup is Rollup.SUM and self.line.up
        return not (only_more and self.line.seen(value) is Seen.BREACH)


def _build(about: About, when: Bound, clear: Bound | None) -> Threshold:
    info = about.watched()
    within(info.unit, when, "when", "above" if when.above else "below")
    if about.partial and not when.above and info.unit is Unit.COUNT and not _is_level(info):
        raise RuleError(
            "can't judge a count of the day so far, which is low until the day is over; use "
            "window: day",
            "when",
            "below",
        )
    leave_room(info.unit, when, clear)
    return Threshold(metric=info.metric, line=line_of(info.unit, when, clear), kind=about.kind)


def _is_level(info: MetricInfo) -> bool:
    return info.rollup is Rollup.LAST


_SCHEMAS = (closed({"above": NUMBER}), closed({"below": NUMBER}))
KIND = Kind(
    marks=("above", "below"),
    keys=("above", "below"),
    schemas=_SCHEMAS,
    clear_schemas=_SCHEMAS,
    read=bound,
    read_clear=bound,
    build=_build,
)

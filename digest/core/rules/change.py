"""`rises_by: 30%`, `falls_by: 5pp`: a metric against what it was before.

What can't be compared is not judged: `digest.core.deltas` has the rules. A period of nothing but
zeros is no fall but no data, for which there is a rule of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from digest.core.alert_model import Seen
from digest.core.deltas import SMALL_SAMPLE, DeltaKind, compare
from digest.core.metrics import CATALOGUE, Dimension, Metric, Unit
from digest.core.periods import BaselineRule, PeriodKind, baseline_of, period_of
from digest.core.rules import sides
from digest.core.rules.change_writing import (
    CLEAR_SCHEMAS,
    KEYS,
    MARKS,
    PREVIOUS,
    SCHEMAS,
    Change,
    checked,
    read,
    read_clear,
)
from digest.core.rules.limits import ROOM, Line, digits
from digest.core.rules.reading import Known, Observation, Scope, Wants
from digest.core.rules.writing import About, Amount, Kind

if TYPE_CHECKING:
    from digest.core.deltas import Comparison
    from digest.core.metrics import MetricInfo
    from digest.core.periods import Baseline
    from digest.core.series import Series
    from digest.core.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A metric rises or falls by more than so much against its baseline."""

    metric: Metric
    rises: bool
    by: Amount
    clear: Amount
    against: BaselineRule = PREVIOUS
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
        return CATALOGUE[self.metric].unit

    def title(self) -> str:
        """`Sessions`."""
        return self._info.title

    def bound(self, words: Wording) -> str:
        """`a rise of more than 30 % against the same weekday a week before`."""
        return f"{self._size(self.by, words)} against {self._before(words)}"

    def wants(self, scope: Scope) -> Wants:
        """The days of both sides."""
        since = baseline_of(scope.period, self.against).start
        return Wants(series=sides.series_wants(sides.needed(self.metric), scope, since))

    def observe(self, scope: Scope, known: Known, words: Wording) -> Observation:
        """The change against what it may be."""
        baseline = baseline_of(scope.period, self.against)
        now = sides.side_of(known, scope.period.days)
        then = [sides.side_of(known, period.days) for period in baseline.periods]
        found = compare(self.metric, now, then, partial=scope.partial)
        value, before = found.compared or (found.value, found.baseline)
        seen = Observation(
            seen=Seen.MISSING,
            unit=self.unit,
            reason="",
            value=value,
            baseline=before,
            bound=self.bound(words),
            sessions=sides.total(Metric.SESSIONS, now),
        )
        if value is None or before is None or found.delta.kind not in _COMPARED:
            why = self._uncomparable(found, now, scope, baseline, words)
            return replace(seen, value=None, baseline=None, reason=why)
        line = self._line(before)
        seen = replace(seen, limit=line.limit, clear=line.clear)
        few = self._too_few(scope, (value, before), (now, then), found, words)
        if few is not None:
            return replace(seen, seen=few[0], reason=few[1])
        return replace(
            self._worded(seen, line, found, words, value=value, before=before),
            seen=line.seen(value),
            excess=line.excess(value),
        )

    def daily(self, known: Known, days: tuple[date, ...]) -> Series | None:
        """The metric, day by day."""
        return sides.daily(self.metric, known, days)

    @property
    def _info(self) -> MetricInfo:
        return sides.named(CATALOGUE[self.metric], self.kind)

    def _line(self, before: float) -> Line:
        return Line(
            up=self.rises,
            limit=self._comes_to(before, self.by),
            clear=self._comes_to(before, self.clear),
            reached=True,
        )

    def _comes_to(self, before: float, by: Amount) -> float:
        sign = 1 if self.rises else -1
        return before + sign * (by.size if by.points else before * by.size / 100)

    def _size(self, by: Amount, words: Wording) -> str:
        size = words.points(by.size) if by.points else words.percent(by.size, digits(by.size))
        return f"a {'rise' if self.rises else 'fall'} of more than {size}"

    def _before(self, words: Wording) -> str:
        return words.baseline(baseline_of(period_of(self.kind, _ANY_DAY), self.against))

    def _uncomparable(
        self,
        found: Comparison,
        now: sides.Side,
        scope: Scope,
        baseline: Baseline,
        words: Wording,
    ) -> str:
        """Why there is no change to judge."""
        name = sides.lower(self._info.title)
        if found.delta.kind is DeltaKind.PARTIAL:
            return f"{name} can't be compared before {words.period(scope.period)} is over"
        if found.value is None:
            return sides.absent(self._info, now, scope.period, words)
        if found.delta.kind is DeltaKind.NO_DATA:
            thing = sides.thing_of(self._info)
            return f"no {thing} were counted, which is no data and not a change"
        return f"there is nothing on {name} in {words.baseline(baseline)} to compare with"

    def _too_few(
        self,
        scope: Scope,
        values: tuple[float, float],
        both: tuple[sides.Side, list[sides.Side]],
        found: Comparison,
        words: Wording,
    ) -> tuple[Seen, str] | None:
        """Of counts the larger side must be enough, of rates and averages each of them."""
        thing, before = sides.thing_of(self._info), self._before(words)
        now, then = both
        seen = (sides.total(Metric.SESSIONS, now), sides.mean_total(Metric.SESSIONS, then))
        if self.unit is not Unit.COUNT:
            counts = (
                sides.counted(self.metric, None, now),
                sides.mean_total(self._info.basis[-1], then),
            )
            for sessions, count, where in zip(seen, counts, ("", f"in {before}"), strict=True):
                few = sides.too_few(
                    scope, words, sessions=sessions, count=count, thing=thing, where=where
                )
                if few is not None:
                    return few
            return None
        few = sides.too_few(
            scope,
            words,
            sessions=max((one for one in seen if one is not None), default=None),
            count=max(values),
            thing=thing,
        )
        if few is None and found.delta.kind is DeltaKind.NEW and self.rises:
            least = scope.min_count or (0 if scope.min_sessions else SMALL_SAMPLE)
            return _too_new(values[0], least, thing, before, words)
        return few

    def _worded(
        self,
        seen: Observation,
        line: Line,
        found: Comparison,
        words: Wording,
        *,
        value: float,
        before: float,
    ) -> Observation:
        name, was = sides.lower(self._info.title), words.value(self.unit, before)
        is_now, delta = words.value(self.unit, value), found.delta
        against = f"against {self._before(words)} ({was})"
        moved = words.delta(self.unit, delta)
        measured = f"from none to {is_now}" if before == 0 < value else f"{moved} to {is_now}"
        if delta.kind is DeltaKind.NO_CHANGE:
            measured = f"no change at {is_now}"
        days = "day" if delta.common_days == 1 else "days"
        over = (
            f" over the {delta.common_days} {days} that can be compared" if found.compared else ""
        )
        state, limit = line.seen(value), self._size(self.by, words)
        stands = limit if state is Seen.BREACH else f"not {limit}"
        if state is Seen.BETWEEN:
            stands += f", but not back to {words.value(self.unit, line.clear)} either"
        return replace(
            seen,
            measured=measured,
            bound=f"{self.bound(words)} ({was})",
            reason=f"{name} came to {is_now}{over}, {moved} {against}: {stands}",
        )


_COMPARED = frozenset({DeltaKind.CHANGED, DeltaKind.NO_CHANGE, DeltaKind.NEW})
_ANY_DAY = date(2026, 1, 1)


def _too_new(
    value: float, least: int, thing: str, before: str, words: Wording
) -> tuple[Seen, str] | None:
    """From nothing to a handful is no rise that anybody need hear of."""
    if value >= least:
        return None
    came = f"{thing} came from none in {before} to {words.count(value)}"
    return Seen.TOO_FEW, f"{came}, {words.count(least)} are asked for"


def _build(about: About, when: Change, clear: Change | None) -> Changes:
    info, back = checked(about, when, clear)
    return Changes(
        metric=info.metric,
        rises=when.rises,
        by=when.by,
        clear=back or replace(when.by, size=when.by.size * (1 - ROOM)),
        against=when.against,
        kind=about.kind,
    )


KIND = Kind(
    marks=MARKS,
    keys=KEYS,
    schemas=SCHEMAS,
    clear_schemas=CLEAR_SCHEMAS,
    read=read,
    read_clear=read_clear,
    build=_build,
)

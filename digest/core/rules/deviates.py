"""`deviates: 3`: a value far from what its weekday usually brings, by median and MAD.

The distance from the median is measured in scaled median absolute deviations: MAD · 1.4826, which
estimates the standard deviation of normal data and, unlike it, is not moved by the very outliers
that are looked for (Rousseeuw and Croux, "Alternatives to the median absolute deviation", JASA 88,
1993; Leys et al., "Detecting outliers", J. Exp. Soc. Psychol. 49, 2013, who advise 2.5 to 3). Past
values that hardly differ make every little change look wild, so the scaled MAD counts as at least
1 % of the median and at least the smallest step of the unit: 1 of a count, 0.1 points, 1 s, 0.01.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from digest.core.alert_model import Seen
from digest.core.deltas import gone_quiet
from digest.core.metrics import CATALOGUE, Dimension, Metric, Unit
from digest.core.periods import WEEK, Period, PeriodKind
from digest.core.rules import sides
from digest.core.rules.deviates_writing import (
    CLEAR_SCHEMA,
    KEYS,
    MARKS,
    SCHEMA,
    Deviation,
    Direction,
    checked,
    read,
    read_clear,
)
from digest.core.rules.limits import ROOM, Line
from digest.core.rules.medians import LEAST_KNOWN, Usual, usual_of
from digest.core.rules.reading import Known, Observation, Scope, Wants
from digest.core.rules.writing import About, Kind
from digest.core.series import roll_up

if TYPE_CHECKING:
    from datetime import date

    from digest.core.metrics import MetricInfo
    from digest.core.series import Series
    from digest.core.wording import Wording


class _Volume(NamedTuple):
    """How much was counted."""

    sessions: float | None
    things: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviates:
    """A metric is more than `times` scaled MADs from the median of the weeks before."""

    metric: Metric
    times: float
    clear: float
    weeks: int = 8
    direction: Direction = Direction.BOTH
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
        """`more than 3 usual deviations from the median of the 8 weeks before`."""
        side = {Direction.UP: "above", Direction.DOWN: "below", Direction.BOTH: "from"}
        return (
            f"more than {words.count(self.times)} usual deviations {side[self.direction]} the "
            f"median of {self._past()}"
        )

    def wants(self, scope: Scope) -> Wants:
        """The days of the bucket and of the weeks before."""
        since = scope.period.start - WEEK * self.weeks
        return Wants(series=sides.series_wants(sides.needed(self.metric), scope, since))

    def observe(self, scope: Scope, known: Known, words: Wording) -> Observation:
        """The value against the median."""
        now = sides.side_of(known, scope.period.days)
        begun = sides.first_counted(self._info, known)
        before = [
            sides.side_of(known, days)
            for days in self._before(scope.period)
            if begun is None or days[0] >= begun
        ]
        value = roll_up(self.metric, now)
        sessions = sides.total(Metric.SESSIONS, now)
        seen = Observation(
            seen=Seen.MISSING,
            unit=self.unit,
            reason="",
            bound=self.bound(words),
            sessions=sessions,
        )
        if value is None or sides.gaps(self.metric, now):
            return replace(seen, reason=sides.absent(self._info, now, scope.period, words))
        if gone_quiet(self.metric, now, before):
            thing = sides.thing_of(self._info)
            why = f"no {thing} were counted, which is no data and not a deviation"
            return replace(seen, reason=why)
        known_ones = [side for side in before if self._value(side) is not None]
        if len(known_ones) < LEAST_KNOWN:
            return replace(seen, reason=f"{self._known(len(known_ones))} known, 4 are needed")
        enough = [side for side in known_ones if self._is_enough(side, scope)]
        usual = self._usual(enough)
        seen = replace(seen, value=value, measured=words.value(self.unit, value))
        both = (self._volume(now, value), self._usual_volume(enough, usual))
        few = self._too_few(scope, both, words)
        if few is not None:
            return replace(seen, seen=few[0], reason=few[1])
        if usual is None:
            why = f"{self._known(len(enough))} large enough to compare with, 4 are needed"
            return replace(seen, seen=Seen.TOO_FEW, reason=why)
        return self._judged(seen, value, usual, words)

    def daily(self, known: Known, days: tuple[date, ...]) -> Series | None:
        """The metric, day by day."""
        return sides.daily(self.metric, known, days)

    @property
    def _info(self) -> MetricInfo:
        return sides.named(CATALOGUE[self.metric], self.kind)

    def _past(self) -> str:
        which = "same weekday in the " if self.kind is PeriodKind.DAY else ""
        return f"the {which}{self.weeks} weeks before"

    def _known(self, number: int) -> str:
        return f"only {number} of {self._past()} {'is' if number == 1 else 'are'}"

    def _before(self, period: Period) -> list[tuple[date, ...]]:
        return [tuple(day - WEEK * n for day in period.days) for n in range(1, self.weeks + 1)]

    def _value(self, side: sides.Side) -> float | None:
        return None if sides.gaps(self.metric, side) else roll_up(self.metric, side)

    def _is_enough(self, side: sides.Side, scope: Scope) -> bool:
        """A rate of few sessions is noise; a count is one however small."""
        if self.unit is Unit.COUNT:
            return True
        sessions = sides.total(Metric.SESSIONS, side)
        count = sides.counted(self.metric, None, side)
        return (sessions or 0) >= scope.min_sessions and (count or 0) >= scope.min_count

    def _usual(self, past: list[sides.Side]) -> Usual | None:
        values = [value for side in past if (value := self._value(side)) is not None]
        return usual_of(values, self.unit)

    def _volume(self, now: sides.Side, value: float) -> _Volume:
        """Sessions, and how many of the counted thing, in the window."""
        return _Volume(sides.total(Metric.SESSIONS, now), sides.counted(self.metric, value, now))

    def _usual_volume(self, past: list[sides.Side], usual: Usual | None) -> _Volume:
        """The same as it usually is; for counts only."""
        if self.unit is not Unit.COUNT or usual is None:
            return _Volume(None, None)
        sessions = [n for side in past if (n := sides.total(Metric.SESSIONS, side)) is not None]
        return _Volume(median(sessions) if sessions else None, usual.middle)

    def _too_few(
        self, scope: Scope, both: tuple[_Volume, _Volume], words: Wording
    ) -> tuple[Seen, str] | None:
        """Of counts the larger of now and usually must be enough."""
        sessions = [one.sessions for one in both if one.sessions is not None]
        counts = [one.things for one in both if one.things is not None]
        return sides.too_few(
            scope,
            words,
            sessions=max(sessions, default=None),
            count=max(counts, default=None),
            thing=sides.thing_of(self._info),
        )

    def _judged(self, seen: Observation, value: float, usual: Usual, words: Wording) -> Observation:
        up = self.direction is Direction.UP or (
            self.direction is Direction.BOTH and value >= usual.middle
        )
        line = Line(
            up=up,
            limit=usual.middle + (1 if up else -1) * self.times * usual.spread,
            clear=usual.middle + (1 if up else -1) * self.clear * usual.spread,
            reached=True,
        )
        off = abs(value - usual.middle) / usual.spread
        times = "1 usual deviation" if math.isclose(off, 1) else f"{off:.1f} usual deviations"
        side = "above" if value >= usual.middle else "below"
        middle = words.value(self.unit, usual.middle)
        state = line.seen(value)
        stands = {
            Seen.BREACH: f"more than {words.count(self.times)}",
            Seen.CLEAR: f"not {self._too_far(words)}",
        }.get(state, f"not {self._too_far(words)}, but not within {words.count(self.clear)} either")
        name = sides.lower(self._info.title)
        return replace(
            seen,
            seen=state,
            limit=line.limit,
            clear=line.clear,
            baseline=usual.middle,
            measured=f"{seen.measured}, {times} {side} {middle}",
            reason=f"{name} came to {seen.measured}, {times} {side} {middle}, the median of "
            f"{self._past()}: {stands}",
            excess=line.excess(value),
        )

    def _too_far(self, words: Wording) -> str:
        way = {Direction.UP: " above", Direction.DOWN: " below", Direction.BOTH: ""}
        return f"more than {words.count(self.times)}{way[self.direction]}"


def _build(about: About, when: Deviation, clear: Deviation | None) -> Deviates:
    info = checked(about, when, clear)
    return Deviates(
        metric=info.metric,
        times=when.times,
        clear=when.times * (1 - ROOM) if clear is None else clear.times,
        weeks=when.weeks,
        direction=when.direction,
        kind=about.kind,
    )


KIND = Kind(
    marks=MARKS,
    keys=KEYS,
    schemas=(SCHEMA,),
    clear_schemas=(CLEAR_SCHEMA,),
    read=read,
    read_clear=read_clear,
    build=_build,
)

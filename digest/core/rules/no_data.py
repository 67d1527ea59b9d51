"""`no_data`: nothing was counted, or Phase has nothing to report.

The one rule that judges missing data. Of the day so far it says what is so at the look: early in
the UTC day nothing may have been counted yet, so give it some time (`for: 3h`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.core.alert_model import Seen
from digest.core.metrics import CATALOGUE, Dimension, Metric, Unit
from digest.core.periods import PeriodKind
from digest.core.rules import sides
from digest.core.rules.reading import Known, Observation, Scope, Wants
from digest.core.rules.writing import About, Kind, RuleError, closed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from digest.core.series import Series
    from digest.core.wording import Wording

_ON = frozenset({"true", "yes", "on"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoData:
    """What a metric is made of is missing or all zero.

    Zeros are real, and so data, where the metric's `pulse` counted something.
    """

    watched: Metric = Metric.SESSIONS
    kind: PeriodKind = PeriodKind.DAY

    @property
    def lasting(self) -> bool:
        """It describes a state."""
        return True

    @property
    def metric(self) -> Metric | None:
        """The plain metric that counts what is watched."""
        return self._counts

    @property
    def dimension(self) -> Dimension | None:
        """No breakdown."""
        return None

    @property
    def unit(self) -> Unit:
        """Counts."""
        return Unit.COUNT

    def title(self) -> str:
        """`No data: sessions`."""
        return f"No data: {sides.thing_of(CATALOGUE[self.watched])}"

    def bound(self, words: Wording) -> str:
        """`nothing counted`."""
        del words  # there is no number in it
        return "nothing counted"

    def wants(self, scope: Scope) -> Wants:
        """The days of everything that counts."""
        info = CATALOGUE[self.watched]
        return Wants(series=sides.series_wants((*info.basis, *info.pulse), scope))

    def observe(self, scope: Scope, known: Known, words: Wording) -> Observation:
        """Whether there is anything at all."""
        side = sides.side_of(known, scope.period.days)
        sessions = sides.total(Metric.SESSIONS, side)
        value = sides.total(self._counts, side)
        seen = Observation(
            seen=Seen.BREACH,
            unit=self.unit,
            reason="",
            value=value,
            measured="no data" if value is None else words.count(value),
            bound=self.bound(words),
            sessions=sessions,
        )
        if sessions is not None and sessions < scope.min_sessions:
            asked = f"{words.count(scope.min_sessions)} are asked for"
            why = f"only {words.count(sessions)} sessions, {asked}"
            return replace(seen, seen=Seen.TOO_FEW, reason=why)
        empty = self._empty(side)
        if empty is None:
            thing = sides.thing_of(CATALOGUE[self.watched])
            there = "" if value is None else f"{words.count(value)} "
            return replace(seen, seen=Seen.CLEAR, reason=f"there is data: {there}{thing}")
        thing, so_far = sides.thing_of(CATALOGUE[empty]), sides.so_far(scope)
        day = words.period(scope.period)
        if sides.total(empty, side) is None:
            return replace(seen, reason=f"Phase has nothing on {thing} for {day}{so_far}")
        return replace(seen, reason=f"no {thing} were counted on {day}{so_far}")

    def daily(self, known: Known, days: tuple[date, ...]) -> Series | None:
        """What is counted, day by day."""
        return sides.daily(self._counts, known, days)

    @property
    def _counts(self) -> Metric:
        return CATALOGUE[self.watched].basis[-1]

    def _empty(self, side: sides.Side) -> Metric | None:
        """The first count that is missing or all zero, None where there is data."""
        info = CATALOGUE[self.watched]
        if any(any(side[sign].values) for sign in info.pulse if sign in side):
            return None
        return next((count for count in info.basis if not sides.total(count, side)), None)


def _read(held: Mapping[str, object]) -> None:
    if str(held.get("no_data")).strip().lower() not in _ON:
        raise RuleError("must be true", "no_data")


def _build(about: About, when: None, clear: None) -> NoData:
    del when, clear  # there is nothing to set
    return NoData(watched=about.metric or Metric.SESSIONS, kind=about.kind)


KIND: Kind[None, None] = Kind(
    marks=("no_data",),
    keys=("no_data",),
    schemas=(closed({"no_data": {"const": True}}), {"const": "no_data"}),
    read=_read,
    build=_build,
    no_clear="it is over as soon as there is data",
)

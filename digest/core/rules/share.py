"""`share: sessions.platform, of: iOS, above: 40`: one value's share of all sessions or users."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.core.alert_model import Seen
from digest.core.breakdowns import true_total
from digest.core.metrics import Dimension, Metric, Unit
from digest.core.rules import sides
from digest.core.rules.limits import Line, apart, leave_room, line_of, said, stands
from digest.core.rules.reading import Known, ListWant, Observation, Scope, Wants
from digest.core.rules.writing import (
    NUMBER,
    About,
    Bound,
    Kind,
    bound,
    closed,
    dimension,
    text,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from digest.core.breakdowns import Listing
    from digest.core.series import Series
    from digest.core.wording import Wording

_DIMENSIONS = tuple(one for one in Dimension if one.has_total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A value's percent of the true total is above or below a limit.

    Values are told apart without regard to case, because Phase has `ios` and `iOS`. Shares of
    users are of all users now, whatever the window.
    """

    dimension: Dimension
    of: str
    line: Line

    @property
    def lasting(self) -> bool:
        """It describes a state."""
        return True

    @property
    def metric(self) -> Metric | None:
        """No metric."""
        return None

    @property
    def unit(self) -> Unit:
        """Percent of the total."""
        return Unit.PERCENT

    def title(self) -> str:
        """`Sessions by platform: iOS`."""
        return f"{self.dimension.heading}: {self.of}"

    def bound(self, words: Wording) -> str:
        """`above 40 % of sessions`."""
        return f"{said(self.line, self.unit, words)} of {self._whole}"

    def wants(self, scope: Scope) -> Wants:
        """The list, and what everything came to."""
        return Wants(
            series=sides.series_wants((self._counts,), scope),
            lists=frozenset({self._list(scope)}),
        )

    def observe(self, scope: Scope, known: Known, words: Wording) -> Observation:
        """The share against the limit."""
        side = sides.side_of(known, scope.period.days)
        sessions = sides.total(Metric.SESSIONS, side)
        seen = Observation(
            seen=Seen.MISSING,
            unit=self.unit,
            reason="",
            limit=self.line.limit,
            clear=self.line.clear,
            subject=self.of,
            bound=self.bound(words),
            sessions=sessions,
        )
        listing = known.lists.get(self._list(scope))
        if listing is None:
            what = sides.lower(self.dimension.heading)
            return replace(seen, reason=f"the list of {what} is not known")
        whole = true_total(self.dimension, listing, self._total(side))
        count = self._count(listing)
        if whole is None:
            why = f"how many {self._whole} there were in all is not known"
            return replace(seen, reason=why)
        few = sides.too_few(scope, words, sessions=sessions, count=whole, thing=self._whole)
        if few is not None:
            return replace(seen, seen=few[0], reason=few[1])
        if not whole:
            return replace(
                seen, reason=f"there were no {self._whole}, so there is no share of them"
            )
        if count is None:
            top = f"the top {len(listing.rows)}"
            return replace(seen, reason=f"{self.of} is not among {top}, so its share is not known")
        value = 100 * count / whole
        measured = apart(self.unit, value, self.line.limit, words)
        of = f"of {self._whole} ({words.count(count)} of {words.count(whole)})"
        where = stands(self.line, value, self.unit, words)
        return replace(
            seen,
            seen=self.line.seen(value),
            value=value,
            measured=f"{measured} {of}",
            reason=f"{self.of} came to {measured} {of}{sides.so_far(scope)}, {where}",
            excess=self.line.excess(value),
        )

    def daily(self, known: Known, days: tuple[date, ...]) -> Series | None:
        """There is no such series: a list is of the whole window."""
        del known, days
        return None

    @property
    def _whole(self) -> str:
        return self.dimension.report

    @property
    def _counts(self) -> Metric:
        return Metric.SESSIONS if self.dimension.dated else Metric.TOTAL_USERS

    def _list(self, scope: Scope) -> ListWant:
        if not self.dimension.dated:
            return ListWant(self.dimension, None, None)
        return ListWant(self.dimension, scope.period.start, scope.period.end)

    def _total(self, side: sides.Side) -> float | None:
        """All sessions of the window, or all users at its end; None with days missing."""
        series = side.get(self._counts)
        if series is None or (self.dimension.dated and series.missing):
            return None
        return sides.total(self._counts, side) if self.dimension.dated else series.values[-1]

    def _count(self, listing: Listing) -> float | None:
        """What was counted of the value; None where it may be beyond the end of the list."""
        wanted = self.of.casefold()
        found = [count for value, count in listing.counts.items() if value.casefold() == wanted]
        if not found and not listing.complete:
            return None
        return sum(found)


@dataclass(frozen=True, slots=True)
class Part:
    """The settings as they are written."""

    dimension: Dimension
    of: str
    limit: Bound


def _read(held: Mapping[str, object]) -> Part:
    return Part(dimension(held, "share", _DIMENSIONS), text(held, "of"), bound(held))


def _build(about: About, when: Part, clear: Bound | None) -> Share:
    about.refuse_metric("share")
    within(Unit.PERCENT, when.limit, "when", "above" if when.limit.above else "below")
    leave_room(Unit.PERCENT, when.limit, clear)
    line = line_of(Unit.PERCENT, when.limit, clear)
    return Share(dimension=when.dimension, of=when.of, line=line)


_WHICH = {"enum": [one.value for one in _DIMENSIONS]}
_OF = {"type": ["string", "number"]}
KIND = Kind(
    marks=("share",),
    keys=("share", "of", "above", "below"),
    schemas=(
        closed({"share": _WHICH, "of": _OF, "above": NUMBER}),
        closed({"share": _WHICH, "of": _OF, "below": NUMBER}),
    ),
    clear_schemas=(closed({"above": NUMBER}), closed({"below": NUMBER})),
    read=_read,
    read_clear=bound,
    build=_build,
)

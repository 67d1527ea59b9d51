"""What had to be sent, and what may be late, from the history alone.

The calendar is computed anew (`tests.soak.jobs`), the rules are those of docs/reliability.md:
late by 15 minutes is still in time, what was missed longer ago is made up for by the digest's
policy, nothing is sent after its deadline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.soak.jobs import Occasion, occasions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.soak.history import Era, History, Spell

IN_TIME = timedelta(minutes=15)
SLACK = timedelta(hours=6)
"""What a stepped clock may take from, or add to, a deadline."""

MOMENT = timedelta(minutes=2)

_AHEAD = timedelta(hours=1)  # fetching begins at most so long before; here it is seconds
_SURELY = timedelta(minutes=5)  # in time even if the clock is ten minutes off
_HEALTHY = timedelta(minutes=100)  # the longest waits after a build and after a mail that failed
_MOST_MADE_UP = 4


@dataclass(slots=True, kw_only=True)
class Expected:
    """The first occasion of each period of each job, with the job as it was then."""

    history: History
    of: dict[tuple[str, str], tuple[Occasion, Era]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for era in self.history.eras:
            for one in occasions(era.job, era.start, min(era.end, self.history.end)):
                known = self.of.get((one.job, one.period))
                if known is None or one.due < known[0].due:
                    self.of[one.job, one.period] = one, era

    def noticed(self, one: Occasion) -> tuple[datetime, datetime] | None:
        """When the daemon first was up with its clock at the due time or later: true, and wall."""
        for up in self.history.ups:
            at = up.first(one.due)
            if at is not None:
                return at, at + up.offset
        return None

    def must_be_sent(self, one: Occasion, era: Era) -> bool:
        """Whether there is no excuse: it was noticed in time, or is to be made up for, and then
        everything worked for long enough.
        """
        if self._is_excused(one):
            return False
        noticed = self.noticed(one)
        if noticed is None:
            return False
        at, wall = noticed
        late = wall - one.effective
        if late > _SURELY and not self._is_made_up_for(one, era, wall):
            return False
        begin = max(at, one.effective)
        end = min(one.effective + era.job.lateness - SLACK, era.end, self.history.end)
        return any(last - first >= _HEALTHY for first, last in self._healthy(begin, end))

    def may_be_late(self, one: Occasion, era: Era) -> bool:
        """Whether the policy lets it be sent, however late it was noticed."""
        seen = [up for up in self.history.ups if up.end + up.offset >= one.due - _AHEAD]
        seen = [up for up in seen if up.start + up.offset <= one.effective + IN_TIME]
        begun = any(one.due - _AHEAD <= at <= one.effective + IN_TIME for at in self.history.starts)
        noticed = self.noticed(one)
        if seen or begun or noticed is None or self._is_excused(one):
            return True
        _, wall = noticed
        walls = [at for at in self.history.starts if one.due <= at <= wall]
        return any(self._is_made_up_for(one, era, at) for at in (wall, *walls))

    def _is_made_up_for(self, one: Occasion, era: Era, wall: datetime) -> bool:
        if era.job.catch_up == "none" or wall - one.effective > era.job.lateness:
            return False
        newer = list(occasions(era.job, one.due, min(wall, era.end)))
        if era.job.catch_up == "last":
            return not newer
        return len(newer) < _MOST_MADE_UP

    def _is_excused(self, one: Occasion) -> bool:
        return any(spell.start <= one.due <= spell.end for spell in self.history.excused)

    def _healthy(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spells in which the daemon was up without a longer break, and every server worked."""
        spells: list[tuple[datetime, datetime]] = []
        for up in self.history.ups:
            if spells and up.start - spells[-1][1] < MOMENT:
                spells[-1] = spells[-1][0], up.end
            else:
                spells.append((up.start, up.end))
        for first, last in spells:
            pieces = [(max(first, begin), min(last, end))]
            for fault in self.history.faults:
                pieces = [piece for whole in pieces for piece in _without(whole, fault)]
            yield from (piece for piece in pieces if piece[0] < piece[1])


def _without(whole: tuple[datetime, datetime], fault: Spell) -> list[tuple[datetime, datetime]]:
    first, last = whole
    if fault.end <= first or fault.start >= last:
        return [whole]
    return [(first, min(fault.start, last)), (max(fault.end, first), last)]

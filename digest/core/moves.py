"""How the values of a breakdown moved, and when a move is worth a word."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.core.deltas import SMALL_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.core.breakdowns import Listing
    from digest.core.metrics import Dimension

_CHANCE = 3.0  # standard deviations: many values are looked at, and one of 20 is beyond two
_LEAST_POINTS = 10.0
_LIKE_THE_REST = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A value's counts before and now, per period.

    A count that is not known, because the value was beyond the end of a list that was cut off, is
    given as the most that it can be, and marked so.
    """

    dimension: Dimension
    value: str
    before: float
    now: float
    before_at_most: bool = False
    now_at_most: bool = False

    @property
    def is_known(self) -> bool:
        """Whether both counts are."""
        return not (self.before_at_most or self.now_at_most)

    @property
    def change(self) -> float:
        """Now less before: where one is not known, the least that it can be."""
        return self.now - self.before


def moves(dimension: Dimension, then: Listing, now: Listing) -> Iterator[Move]:
    """Every listed value with its two counts, without those whose direction is not even sure."""
    before, after = then.counts, now.counts
    most_before, most_now = _most_beyond(then), _most_beyond(now)
    for value in sorted(before.keys() | after.keys()):
        move = Move(
            dimension=dimension,
            value=value,
            before=before.get(value, most_before),
            now=after.get(value, most_now),
            before_at_most=value not in before and not then.complete,
            now_at_most=value not in after and not now.complete,
        )
        if move.before_at_most and move.now <= move.before:
            continue
        if move.now_at_most and move.before <= move.now:
            continue
        yield move


def _most_beyond(listing: Listing) -> float:
    """The most that a value can have that is not in the list."""
    return 0 if listing.complete else min(listing.counts.values(), default=math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What all values together came to, before and now, None where nobody knows.

    Of a ratio it is the ratio, and `per_before` and `per_now` are what the values' counts are
    divided by to add up to it.
    """

    before: float | None
    now: float | None
    per_before: float = 1.0
    per_now: float = 1.0

    @property
    def change(self) -> float | None:
        """Now less before."""
        return None if self.before is None or self.now is None else self.now - self.before

    def beside(self, dimension: Dimension, then: Listing, now: Listing) -> Whole:
        """The same, as far as these lists bear it out.

        Data arrive between two questions, so a list can come to more than the total. A complete
        list of sessions is then the better total; in any other case there is none.
        """
        return replace(
            self,
            before=_borne_out(self.before, self.per_before, dimension, then),
            now=_borne_out(self.now, self.per_now, dimension, now),
        )

    def part(self, move: Move) -> float | None:
        """Percent of the whole change that the move makes up; None where there is none to share.

        Where a count is not known it is the least that it can be.
        """
        if not self.change:
            return None
        before, now = self.shown(move)
        part = 100 * (now - before) / self.change
        return part if math.isfinite(part) else None

    def shown(self, move: Move) -> tuple[float, float]:
        """The move's counts in the unit of the whole."""
        return move.before / self.per_before, move.now / self.per_now

    def goes_with(self, move: Move) -> bool:
        """Whether nothing is known of a whole that went the other way."""
        return self.change is None or self.change * move.change > 0

    def is_notable(self, move: Move) -> bool:
        """Whether the counts are large enough, and the change more than chance makes.

        A count varies by chance by about its root, the difference of two by the root of their
        sum.
        """
        if max(move.before, move.now) < SMALL_SAMPLE:
            return False
        scale = self.per_now / self.per_before
        expected = move.before * scale
        return abs(move.now - expected) >= _CHANCE * math.sqrt(move.now + expected * scale)

    def stands_out(self, move: Move) -> bool:
        """Whether all the others together changed less than half as much, in percent of before."""
        if not self.before or self.now is None:
            return False
        before, now = self.shown(move)
        rest_before, rest_now = self.before - before, self.now - now
        if rest_before <= 0:
            return False
        if before == 0:
            return True
        own, rest = (now - before) / before, (rest_now - rest_before) / rest_before
        return rest / own < _LIKE_THE_REST if own else False


def _borne_out(
    total: float | None, per: float, dimension: Dimension, listing: Listing
) -> float | None:
    listed = listing.total / per
    if total is not None and (total >= listed or math.isclose(total, listed)):
        return total
    return listed if dimension.has_total and listing.complete else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A value's sessions before and now, and its share of all sessions in percent.

    `sessions_before` and `sessions_now` are all sessions.
    """

    dimension: Dimension
    value: str
    before: float
    now: float
    sessions_before: float
    sessions_now: float

    @property
    def change(self) -> float:
        """Sessions now less before."""
        return self.now - self.before

    @property
    def is_notable(self) -> bool:
        """Whether the sessions changed by more than chance makes."""
        return abs(self.change) >= _CHANCE * math.sqrt(self.before + self.now)

    @property
    def share_before(self) -> float:
        """Percent of all sessions before."""
        return 100 * self.before / self.sessions_before

    @property
    def share_now(self) -> float:
        """Percent of all sessions now."""
        return 100 * self.now / self.sessions_now

    @property
    def points(self) -> float:
        """By how many points the share changed."""
        return self.share_now - self.share_before

    @property
    def is_clear(self) -> bool:
        """Whether the share changed by ten points or more, and by more than chance makes.

        The chance is that of two samples of the same mix.
        """
        if min(self.sessions_before, self.sessions_now) < SMALL_SAMPLE:
            return False
        if max(self.before, self.now) < SMALL_SAMPLE or abs(self.points) < _LEAST_POINTS:
            return False
        pooled = (self.before + self.now) / (self.sessions_before + self.sessions_now)
        spread = pooled * (1 - pooled) * (1 / self.sessions_before + 1 / self.sessions_now)
        return abs(self.points) / 100 >= _CHANCE * math.sqrt(max(spread, 0.0))


def shifts(dimension: Dimension, then: Listing, now: Listing, sessions: Whole) -> list[Shift]:
    """Every value whose counts are known on both sides, the largest first.

    Empty where it is not known what all sessions came to.
    """
    whole = sessions.beside(dimension, then, now)
    if not whole.before or not whole.now:
        return []
    found = [
        Shift(
            dimension=dimension,
            value=move.value,
            before=move.before,
            now=move.now,
            sessions_before=whole.before,
            sessions_now=whole.now,
        )
        for move in moves(dimension, then, now)
        if move.is_known
    ]
    return sorted(found, key=lambda one: (-max(one.before, one.now), one.value))

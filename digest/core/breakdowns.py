"""Breakdowns: what was listed, what moved, and what may be said about the rest.

The API gives the largest values only, without a total. So a value that is missing from a list
had no count only if the list is shorter than it could be; otherwise its count is not known. And
"other" and shares need a true total from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.core.report_model import Breakdown, BreakdownRow, Movement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.metrics import Dimension

SHOWN = 10
MOVERS = 5
OTHER = "Other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list as fetched: (value, count), each value once.

    `complete` says that the list is shorter than it could be, so that a value that is not there
    was not counted. `periods` is how many equal periods it covers; counts are divided by it.
    """

    rows: tuple[tuple[str, int], ...]
    complete: bool
    periods: int = 1

    @property
    def total(self) -> float:
        """All counts of the list, per period."""
        return self._per_period(sum(count for _, count in self.rows))

    @property
    def counts(self) -> dict[str, float]:
        """Value → count, per period."""
        return {value: self._per_period(count) for value, count in self.rows}

    def _per_period(self, count: int) -> float:
        return count / self.periods if self.periods > 1 else count


def break_down(
    dimension: Dimension,
    now: Listing,
    then: Listing | None = None,
    *,
    total: float | None = None,
    total_then: float | None = None,
) -> Breakdown:
    """The top ten, the rest, and the movers.

    `then` is the baseline's list, None where there is nothing to compare with. `total` and
    `total_then` are what everything together came to; they are used only where the dimension has
    a true total, and put right where the lists prove them too small. An empty list has no movers:
    that nothing at all was counted is not news about one value.
    """
    ordered = sorted(now.rows, key=lambda row: (-row[1], row[0]))
    listed = [_row(value, count, then) for value, count in ordered]
    whole = true_total(dimension, now, total)
    whole_then = true_total(dimension, then, total_then) if then is not None else None
    shown = listed[:SHOWN]
    rest = _other(shown, whole, whole_then, compared=then is not None)
    gone = _missing(now, then) if then is not None and now.rows else []
    return Breakdown(
        dimension=dimension,
        rows=tuple(_with_share(row, whole) for row in (*shown, *rest)),
        movers=_movers([*listed, *gone]),
        left=tuple(row for row in gone if row.movement is Movement.LEFT),
        total=None if whole is None else round(whole),
    )


def _row(value: str, count: int, then: Listing | None) -> BreakdownRow:
    if then is None:
        return BreakdownRow(value=value, count=count)
    before = then.counts.get(value)
    if before is not None:
        return BreakdownRow(
            value=value, count=count, baseline=before, movement=_direction(count, before)
        )
    if then.complete:
        return BreakdownRow(value=value, count=count, baseline=0, movement=Movement.NEW)
    return BreakdownRow(value=value, count=count, movement=Movement.ENTERED)


def _missing(now: Listing, then: Listing) -> list[BreakdownRow]:
    """Values of the baseline's list that the period's list does not have, largest first."""
    listed = now.counts
    ordered = sorted(then.counts.items(), key=lambda item: (-item[1], item[0]))
    count, movement = (0, Movement.GONE) if now.complete else (None, Movement.LEFT)
    return [
        BreakdownRow(value=value, count=count, baseline=before, movement=movement)
        for value, before in ordered
        if value not in listed
    ]


def _direction(count: float, before: float) -> Movement:
    if count == before:
        return Movement.SAME
    return Movement.ROSE if count > before else Movement.FELL


def true_total(dimension: Dimension, listing: Listing, total: float | None) -> float | None:
    """What everything came to, or None where nobody knows.

    The API counts while data still arrive, so a list can come to more than the total that was
    fetched a moment before. A complete list is then the better total; beside a cut one there is
    none.
    """
    if not dimension.has_total:
        return None
    if total is not None and total >= listing.total:
        return total
    return listing.total if listing.complete else None


def _other(
    shown: Sequence[BreakdownRow],
    whole: float | None,
    whole_then: float | None,
    *,
    compared: bool,
) -> list[BreakdownRow]:
    """The row for all values not shown; none where it would be empty or can't be known."""
    rest = None if whole is None else whole - sum(row.count or 0 for row in shown)
    if rest is None or rest <= 0:
        return []
    known = [row.baseline for row in shown if row.baseline is not None]
    if not compared or whole_then is None or len(known) < len(shown):
        return [BreakdownRow(value=OTHER, count=round(rest), other=True)]
    before = max(whole_then - sum(known), 0)
    movement = Movement.NEW if before == 0 else _direction(rest, before)
    return [
        BreakdownRow(value=OTHER, count=round(rest), baseline=before, movement=movement, other=True)
    ]


def _with_share(row: BreakdownRow, whole: float | None) -> BreakdownRow:
    if not whole or row.count is None:
        return row
    return replace(row, share=100 * row.count / whole)


def _movers(rows: Sequence[BreakdownRow]) -> tuple[BreakdownRow, ...]:
    moved = [
        (abs(row.count - row.baseline), row)
        for row in rows
        if row.count is not None and row.baseline is not None and row.count != row.baseline
    ]
    moved.sort(key=lambda pair: (-pair[0], pair[1].value))
    return tuple(row for _, row in moved[:MOVERS])

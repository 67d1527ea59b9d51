"""What the client gives: plain values, for `report` to read.

All days are UTC days; counts are whole numbers, percent is 0 to 100, durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from digest.errors import PhaseError

if TYPE_CHECKING:
    from datetime import datetime

    from digest.core.metrics import Dimension

DayValues = dict[date, float]
"""Values by UTC day, in the metric's unit; a day that the server left out is not there."""

BreakdownRows = tuple[tuple[str, int], ...]
"""(value, count), largest first, equal counts by value; each value once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """One metric over the days that were asked for and answered, in order.

    `generated_at` is the server's now; of a range fetched in parts, that of the oldest part.
    """

    report: str
    metric: str
    values: DayValues
    generated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownResult:
    """One breakdown with equal values added up.

    `raw_rows` is how many rows the server gave before that, `limit` how many it could have given.
    `generated_at` is the server's now.
    """

    dimension: Dimension
    rows: BreakdownRows
    raw_rows: int
    limit: int
    generated_at: datetime

    @property
    def complete(self) -> bool:
        """Whether these are all values there are: the list is shorter than it could be."""
        return self.raw_rows < self.limit


class NotOfferedError(PhaseError):
    """This server has no such breakdown (`city` on newer ones): a gap to name, not a failure."""

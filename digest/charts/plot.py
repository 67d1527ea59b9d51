"""Where positions and values lie on the sheet of a line chart."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from digest.charts import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.charts.shapes import Point

TOP: Final = 84.0
BOTTOM: Final = float(theme.LINE_HEIGHT - 38)
EDGE: Final = theme.WIDTH - theme.MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The ground of the lines, from `left` to `right`; days keep `inset` from its ends."""

    left: float
    right: float
    inset: float
    last: int
    low: float
    high: float

    def x(self, position: float) -> float:
        """Where a day lies, counted from 0."""
        room = self.right - self.left - 2 * self.inset
        return self.left + self.inset + room * position / self.last

    def y(self, value: float) -> float:
        """Where a value lies."""
        return BOTTOM - (BOTTOM - TOP) * (value - self.low) / (self.high - self.low)

    def runs(self, values: Sequence[float | None]) -> list[list[Point]]:
        """The points of each stretch of known values."""
        known = itertools.groupby(enumerate(values), key=lambda pair: pair[1] is not None)
        return [
            [(self.x(n), self.y(value)) for n, value in run if value is not None]
            for there, run in known
            if there
        ]

    def segments(self, values: Sequence[float | None]) -> list[tuple[Point, Point]]:
        """The straight pieces between known values."""
        return [pair for run in self.runs(values) for pair in itertools.pairwise(run)]

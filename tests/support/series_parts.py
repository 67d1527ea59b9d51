"""Daily series for tests, written as lists of numbers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from digest.core.metrics import Metric
from digest.core.series import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

MONDAY = date(2026, 11, 16)


def series(values: Sequence[float | None], first: date = MONDAY) -> Series:
    """These values on days in a row."""
    days = tuple(first + timedelta(days=n) for n in range(len(values)))
    return Series(days, tuple(values))


def side(first: date = MONDAY, /, **values: Sequence[float | None]) -> dict[Metric, Series]:
    """`side(sessions=[1, 2], bounce_rate=[10, 20])`: one period's series by metric."""
    return {Metric(name): series(days, first) for name, days in values.items()}

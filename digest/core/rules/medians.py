"""What is usual, by median and MAD, and the least that counts as a deviation from it."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from digest.core.metrics import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

SCALE = 1.4826
LEAST_KNOWN = 4
FLOOR = 0.01
STEPS = {Unit.COUNT: 1.0, Unit.PERCENT: 0.1, Unit.DURATION: 1.0, Unit.RATIO: 0.01}


class Usual(NamedTuple):
    """What is usual: the median, and how far from it values usually are."""

    middle: float
    spread: float


def usual_of(values: Sequence[float], unit: Unit) -> Usual | None:
    """The median and the scaled MAD, with its floor; None for fewer than four values."""
    if len(values) < LEAST_KNOWN:
        return None
    middle = median(values)
    spread = SCALE * median(abs(value - middle) for value in values)
    return Usual(middle, max(spread, FLOOR * abs(middle), STEPS[unit]))

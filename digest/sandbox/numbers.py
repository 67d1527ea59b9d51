"""Numbers as JavaScript prints them into JSON."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

Number = int | float


def whole_if_possible(value: float) -> Number:
    """`7` for 7.0: JavaScript has one kind of number."""
    return int(value) if value.is_integer() else value


def two_places(value: float) -> Number:
    """Rounded to two decimals from the exact binary value, ties away from zero."""
    rounded = Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return whole_if_possible(float(rounded))


def percent_change(now: int, before: int) -> Number:
    """Percent over what was there before, at least 1."""
    return two_places((now - before) / max(before, 1) * 100)


def change(now: int, before: int, *, percent: bool) -> Number:
    """What overviews call a change: percent in one version, a plain difference in the other."""
    return percent_change(now, before) if percent else now - before


def percent_of(part: int, total: int) -> Number:
    """Percent 0 to 100, two decimals; 0 of nothing."""
    return two_places(part / total * 100) if total else 0


def mean_seconds(total: int, count: int) -> Number:
    """Mean of durations in microseconds, in seconds; 0 of nothing."""
    return whole_if_possible(float(Fraction(total, count * 1_000_000))) if count else 0

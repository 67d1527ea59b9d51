"""Daily values and how they become one number: missing is not zero, means are weighted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from digest.core.metrics import CATALOGUE, Metric, Rollup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from digest.core.periods import Period


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each UTC day, in order; None where the value is missing.

    Values are in the metric's own unit: counts, percent 0 to 100, or seconds.
    """

    days: tuple[date, ...]
    values: tuple[float | None, ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(self.values):
            raise ValueError("a series has one value for each day")
        if any(value is not None and not math.isfinite(value) for value in self.values):
            raise ValueError("a series holds finite values only")

    @classmethod
    def of(cls, found: Mapping[date, float], period: Period) -> Series:
        """The period's days, None where `found` has no value."""
        return cls.over(found, period.days)

    @classmethod
    def over(cls, found: Mapping[date, float], days: Iterable[date]) -> Series:
        """These days, None where `found` has no value."""
        wanted = tuple(days)
        return cls(wanted, tuple(found.get(day) for day in wanted))

    @property
    def missing(self) -> tuple[date, ...]:
        """Days without a value."""
        return tuple(d for d, v in zip(self.days, self.values, strict=True) if v is None)

    @property
    def is_empty(self) -> bool:
        """Whether no day has a value."""
        return all(value is None for value in self.values)

    @property
    def all_zero(self) -> bool:
        """Whether there are values and each of them is zero."""
        return not self.is_empty and not any(self.values)

    def at(self, positions: Iterable[int]) -> Series:
        """Only the days at these positions (0 is the first day)."""
        wanted = tuple(positions)
        return Series(tuple(self.days[n] for n in wanted), tuple(self.values[n] for n in wanted))


def joined(parts: Iterable[Series]) -> Series:
    """Several series one after the other, as one."""
    whole = tuple(parts)
    return Series(
        tuple(day for part in whole for day in part.days),
        tuple(value for part in whole for value in part.values),
    )


def where(values: Series, weights: Series) -> Series:
    """The values of days that weigh something: an average of nothing is not zero but missing."""
    kept = (
        value if weight else None
        for value, weight in zip(values.values, weights.values, strict=True)
    )
    return Series(values.days, tuple(kept))


def roll_up(metric: Metric, daily: Mapping[Metric, Series]) -> float | None:
    """The metric's one value over the days of `daily`, or None where it can't be known.

    `daily` holds the series of `CATALOGUE[metric].needs`. Days without a value are left out; a
    level (`total_users`) needs its last day. A mean weighted by sessions is None when there were
    no sessions, and a ratio is None when its denominator is zero.
    """
    info = CATALOGUE[metric]
    if any(needed not in daily for needed in info.needs):
        return None
    if info.parts is not None:
        return _ratio(*(daily[part] for part in info.parts))
    if info.weight is not None:
        return weighted_mean(daily[metric], daily[info.weight])
    match info.rollup:
        case Rollup.SUM:
            return _sum(daily[metric])
        case Rollup.MEAN:
            present = [v for v in daily[metric].values if v is not None]
            return math.fsum(present) / len(present) if present else None
        case Rollup.LAST:
            return daily[metric].values[-1] if daily[metric].values else None
        case Rollup.WEIGHTED_MEAN | Rollup.RATIO:
            raise ValueError(f"{metric} has neither a weight nor parts")
        case _:
            assert_never(info.rollup)


def weighted_mean(values: Series, weights: Series) -> float | None:
    """Σ value·weight / Σ weight over the days that have both; None when the weights sum to 0."""
    pairs = [
        (v, w)
        for v, w in zip(values.values, weights.values, strict=True)
        if v is not None and w is not None
    ]
    total = math.fsum(w for _, w in pairs)
    return math.fsum(v * w for v, w in pairs) / total if total else None


def _sum(series: Series) -> float | None:
    return None if series.is_empty else math.fsum(v for v in series.values if v is not None)


def _ratio(upper: Series, lower: Series) -> float | None:
    pairs = [
        (u, w)
        for u, w in zip(upper.values, lower.values, strict=True)
        if u is not None and w is not None
    ]
    divisor = math.fsum(w for _, w in pairs)
    return math.fsum(u for u, _ in pairs) / divisor if divisor else None

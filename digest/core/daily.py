"""A metric day by day, as a chart shows it: no average where there was nothing to average."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.core.deltas import baseline_value
from digest.core.metrics import CATALOGUE
from digest.core.series import Series, where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from digest.core.metrics import Metric


def daily_of(metric: Metric, side: Mapping[Metric, Series], days: Sequence[date]) -> Series:
    """The metric on each of `days`, from the series in `side`; None where there is none.

    The API reports an average of 0 for a day without sessions; that is no value. A ratio is
    taken day by day.
    """
    info = CATALOGUE[metric]
    if any(need not in side for need in info.needs):
        return Series.over({}, days)
    if info.parts is not None:
        upper, lower = (side[part] for part in info.parts)
        pairs = zip(upper.values, lower.values, strict=True)
        return Series(upper.days, tuple(None if u is None or not w else u / w for u, w in pairs))
    if info.weight is not None:
        return where(side[metric], side[info.weight])
    return side[metric]


def baseline_daily(
    metric: Metric, baselines: Sequence[Mapping[Metric, Series]], days: Sequence[date]
) -> Series:
    """The mean of the baseline periods by position, on `days`: those of the newest period."""
    values = []
    for n in range(len(days)):
        there = [
            {name: series.at([n]) for name, series in side.items()}
            for side in baselines
            if all(n < len(series.days) for series in side.values())
        ]
        values.append(baseline_value(metric, there))
    return Series(tuple(days), tuple(values))

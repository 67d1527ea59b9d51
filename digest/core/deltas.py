"""Deltas: a change, in percent or in points, or the reason why there is none.

Rules (the table test of `compare` is their specification):

- a period that is not over is never compared;
- days missing on either side are left out of both, and the gap is named;
- a period of nothing but zeros against one that had values is "no data", never −100 %;
- a zero baseline makes a count "new", and two zeros are "no change";
- percents change in points and have no percent of their own;
- fewer than `SMALL_SAMPLE` counted things on either side mark the delta as a small sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.core.metrics import CATALOGUE, Good, Metric, Rollup, Unit
from digest.core.series import Series, roll_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SMALL_SAMPLE = 30


class DeltaKind(StrEnum):
    """What a delta is, in words."""

    CHANGED = "changed"
    NO_CHANGE = "no change"
    NEW = "new"
    NO_DATA = "no data"
    NO_BASELINE = "no baseline"
    PARTIAL = "period not over"


class Sense(StrEnum):
    """Whether a change is good news."""

    BETTER = "better"
    WORSE = "worse"
    FLAT = "flat"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """How a value stands against its baseline.

    `change` is in the metric's unit (points for percents, seconds for durations); `percent` is
    0 to 100 and None for percents and wherever `kind` is not CHANGED or NO_CHANGE. `common_days`
    is the number of days that were compared when some were missing, else None. `sample` is the
    smaller side's count of sessions (or of the counted thing itself) when it is small, else None.
    """

    kind: DeltaKind
    change: float | None = None
    percent: float | None = None
    sense: Sense = Sense.UNKNOWN
    common_days: int | None = None
    sample: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A metric over a period and its baseline: both values, raw and unrounded, and the delta.

    `compared` are the two values over the common days only, when days were missing.
    """

    value: float | None
    baseline: float | None
    delta: Delta
    compared: tuple[float | None, float | None] | None = None


def compare(
    metric: Metric,
    current: Mapping[Metric, Series],
    baselines: Sequence[Mapping[Metric, Series]],
    *,
    partial: bool = False,
) -> Comparison:
    """Compare a metric's period with the mean of its baseline periods.

    `current` and each of `baselines` hold the daily series that the metric needs. A day counts
    as common when its position in the period has a value in every series on both sides; periods
    of unequal length (months) with nothing missing are compared whole.
    """
    value = roll_up(metric, current)
    usable = [b for b in baselines if all(need in b for need in CATALOGUE[metric].needs)]
    baseline = _mean([roll_up(metric, b) for b in usable])
    if partial:
        return _answer(value, baseline, DeltaKind.PARTIAL)
    if _gone_quiet(metric, current, usable):
        return _answer(value, baseline, DeltaKind.NO_DATA)
    common = _common_positions(metric, current, usable)
    if common is None:
        return Comparison(
            value=value,
            baseline=baseline,
            delta=_delta(metric, value, baseline, _sample(metric, current, usable), None),
        )
    now = roll_up(metric, _only(current, common)) if common else None
    then = _mean([roll_up(metric, _only(b, common)) for b in usable]) if common else None
    sample = _sample(metric, _only(current, common), [_only(b, common) for b in usable])
    return Comparison(
        value=value,
        baseline=baseline,
        delta=_delta(metric, now, then, sample, len(common)),
        compared=(now, then),
    )


def difference(metric: Metric, value: float | None, baseline: float | None) -> Delta:
    """The delta of two bare values, by the same rules (no days, no samples)."""
    return _delta(metric, value, baseline, None, None)


def _answer(value: float | None, baseline: float | None, kind: DeltaKind) -> Comparison:
    return Comparison(value=value, baseline=baseline, delta=Delta(kind=kind))


def _delta(
    metric: Metric,
    value: float | None,
    baseline: float | None,
    sample: float | None,
    common_days: int | None,
) -> Delta:
    info = CATALOGUE[metric]
    small = round(sample) if sample is not None and sample < SMALL_SAMPLE else None
    if value is None:
        return Delta(kind=DeltaKind.NO_DATA, common_days=common_days)
    if baseline is None:
        return Delta(kind=DeltaKind.NO_BASELINE, common_days=common_days)
    change = value - baseline
    flat = math.isclose(value, baseline, rel_tol=1e-12, abs_tol=1e-12)
    if flat:
        percent = None if info.unit is Unit.PERCENT else 0.0
        return Delta(
            kind=DeltaKind.NO_CHANGE,
            change=0.0,
            percent=percent,
            sense=Sense.FLAT,
            common_days=common_days,
            sample=small,
        )
    sense = Sense.BETTER if (change > 0) == (info.good is Good.UP) else Sense.WORSE
    if info.unit is Unit.PERCENT:
        kind, percent = DeltaKind.CHANGED, None
    elif baseline == 0:
        kind, percent = DeltaKind.NEW, None
    else:
        kind, percent = DeltaKind.CHANGED, 100 * change / baseline
    return Delta(
        kind=kind,
        change=change,
        percent=percent,
        sense=sense,
        common_days=common_days,
        sample=small,
    )


def _gone_quiet(
    metric: Metric, current: Mapping[Metric, Series], baselines: Sequence[Mapping[Metric, Series]]
) -> bool:
    """Whether the period's counts are all zero while the baseline's are not."""
    basis = _basis(metric)
    if basis not in current or not current[basis].all_zero:
        return False
    return any(basis in b and any(b[basis].values) for b in baselines)


def _basis(metric: Metric) -> Metric:
    """The metric that counts what this one is made of."""
    info = CATALOGUE[metric]
    if info.parts is not None:
        return info.parts[1]
    return info.weight or metric


def _sample(
    metric: Metric, current: Mapping[Metric, Series], baselines: Sequence[Mapping[Metric, Series]]
) -> float | None:
    """How many things were counted on the smaller side; None where nothing can be said."""
    basis = _basis(metric)
    if CATALOGUE[basis].rollup is Rollup.LAST:
        return None
    sides = [roll_up(basis, current), _mean([roll_up(basis, b) for b in baselines])]
    known = [side for side in sides if side is not None]
    return min(known) if known else None


def _common_positions(
    metric: Metric, current: Mapping[Metric, Series], baselines: Sequence[Mapping[Metric, Series]]
) -> tuple[int, ...] | None:
    """Positions that have values everywhere, or None when nothing is missing."""
    needs = CATALOGUE[metric].needs
    if any(need not in current for need in needs) or not baselines:
        return None
    sides = [[side[need] for need in needs] for side in (current, *baselines)]
    if not any(series.missing for side in sides for series in side):
        return None
    length = min(len(series.days) for side in sides for series in side)
    return tuple(
        n
        for n in range(length)
        if all(series.values[n] is not None for side in sides for series in side)
    )


def _only(side: Mapping[Metric, Series], positions: Sequence[int]) -> dict[Metric, Series]:
    return {
        metric: series.at(p for p in positions if p < len(series.days))
        for metric, series in side.items()
    }


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean of the known values, None when one is unknown or there are none."""
    known = [v for v in values if v is not None]
    if not known or len(known) < len(values):
        return None
    return math.fsum(known) / len(known)

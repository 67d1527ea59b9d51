"""Deltas: a change, in percent or in points, or the reason why there is none.

Rules (the table test of `compare` is their specification):

- a period that is not over is never compared;
- days missing on either side are left out of both, and how many are left is named; of a level
  (`total_users`) only the last day matters;
- a period of nothing but zeros against one that had values is "no data", never −100 %, unless
  the metric's `pulse` shows that the zeros are real;
- a zero baseline makes a count "new", and two zeros are "no change";
- percents change in points and have no percent of their own;
- several baseline periods count as their mean; weighted means and ratios are taken over all
  their days together, so that a quiet period weighs little;
- fewer than `SMALL_SAMPLE` counted things on either side mark a change as a small sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.core.metrics import CATALOGUE, Good, Metric, Rollup, Unit
from digest.core.series import Series, joined, roll_up

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
    of the baseline (12.5 means +12.5 %) and None for percents and wherever `kind` is not CHANGED
    or NO_CHANGE. `common_days` is the number of days that were compared when some were missing,
    else None. `sample` is the smaller side's count of sessions (or of the counted thing itself)
    when something changed and it is small, else None.
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

    `current` and each of `baselines` hold the daily series that the metric needs (and may hold
    more: see `pulse`). A day counts as common when its position in the period has a value in
    every series on both sides; periods of unequal length (months) with nothing missing are
    compared whole. In a partial period, days to come are simply not counted yet.
    """
    usable = [b for b in baselines if all(need in b for need in CATALOGUE[metric].needs)]
    baseline = baseline_value(metric, usable)
    if partial:
        so_far = _only(current, _known_positions(metric, [current]))
        return _answer(roll_up(metric, so_far), baseline, DeltaKind.PARTIAL)
    value = roll_up(metric, current)
    if gone_quiet(metric, current, usable):
        return _answer(value, baseline, DeltaKind.NO_DATA)
    if not _has_gaps(metric, [current, *usable]):
        sample = _sample(metric, current, usable)
        return Comparison(
            value=value, baseline=baseline, delta=_delta(metric, value, baseline, sample)
        )
    return _over_common_days(metric, current, usable, value=value, baseline=baseline)


def baseline_value(metric: Metric, baselines: Sequence[Mapping[Metric, Series]]) -> float | None:
    """What the metric was over one or several periods, on average; None when not known."""
    info = CATALOGUE[metric]
    if len(baselines) > 1 and (info.weight is not None or info.parts is not None):
        pooled = {need: joined(b[need] for b in baselines) for need in info.needs}
        return roll_up(metric, pooled)
    return _mean([roll_up(metric, b) for b in baselines])


def difference(metric: Metric, value: float | None, baseline: float | None) -> Delta:
    """The delta of two bare values, by the same rules (no days, no samples)."""
    return _delta(metric, value, baseline, None)


def _answer(value: float | None, baseline: float | None, kind: DeltaKind) -> Comparison:
    return Comparison(value=value, baseline=baseline, delta=Delta(kind=kind))


def _over_common_days(
    metric: Metric,
    current: Mapping[Metric, Series],
    baselines: Sequence[Mapping[Metric, Series]],
    *,
    value: float | None,
    baseline: float | None,
) -> Comparison:
    common = _known_positions(metric, [current, *baselines])
    ours, theirs = _only(current, common), [_only(b, common) for b in baselines]
    now = roll_up(metric, ours) if common else None
    then = baseline_value(metric, theirs) if common else None
    if now is None or then is None:
        kind = DeltaKind.NO_DATA if value is None else DeltaKind.NO_BASELINE
        delta = Delta(kind=kind, common_days=len(common))
    else:
        delta = replace(
            _delta(metric, now, then, _sample(metric, ours, theirs)), common_days=len(common)
        )
    return Comparison(value=value, baseline=baseline, delta=delta, compared=(now, then))


def _delta(
    metric: Metric, value: float | None, baseline: float | None, sample: float | None
) -> Delta:
    info = CATALOGUE[metric]
    if value is None:
        return Delta(kind=DeltaKind.NO_DATA)
    if baseline is None:
        return Delta(kind=DeltaKind.NO_BASELINE)
    if math.isclose(value, baseline, rel_tol=1e-12, abs_tol=1e-12):
        percent = None if info.unit is Unit.PERCENT else 0.0
        return Delta(kind=DeltaKind.NO_CHANGE, change=0.0, percent=percent, sense=Sense.FLAT)
    change = value - baseline
    sense = Sense.BETTER if (change > 0) == (info.good is Good.UP) else Sense.WORSE
    if baseline == 0 and info.unit is not Unit.PERCENT:
        return Delta(kind=DeltaKind.NEW, change=change, sense=sense)
    return Delta(
        kind=DeltaKind.CHANGED,
        change=change,
        percent=None if info.unit is Unit.PERCENT else _percent(change, baseline),
        sense=sense,
        sample=math.floor(sample) if sample is not None and sample < SMALL_SAMPLE else None,
    )


def _percent(change: float, baseline: float) -> float | None:
    """None where the baseline is so close to nothing that a float can't hold the percent."""
    percent = 100 * (change / baseline)
    return percent if math.isfinite(percent) else None


def gone_quiet(
    metric: Metric, current: Mapping[Metric, Series], baselines: Sequence[Mapping[Metric, Series]]
) -> bool:
    """Whether the period's counts are all zero while the baseline's are not."""
    info = CATALOGUE[metric]
    if any(any(current[sign].values) for sign in info.pulse if sign in current):
        return False
    return any(
        count in current
        and current[count].all_zero
        and any(count in b and any(b[count].values) for b in baselines)
        for count in info.basis
    )


def _sample(
    metric: Metric, current: Mapping[Metric, Series], baselines: Sequence[Mapping[Metric, Series]]
) -> float | None:
    """How many things were counted on the smaller side; None where nothing can be said."""
    basis = CATALOGUE[metric].basis[-1]
    if CATALOGUE[basis].rollup is Rollup.LAST:
        return None
    sides = [_total(current, basis), _mean([_total(b, basis) for b in baselines])]
    known = [side for side in sides if side is not None]
    return min(known) if known else None


def _total(side: Mapping[Metric, Series], basis: Metric) -> float | None:
    if basis not in side or side[basis].is_empty:
        return None
    return math.fsum(v for v in side[basis].values if v is not None)


def _has_gaps(metric: Metric, sides: Sequence[Mapping[Metric, Series]]) -> bool:
    """Whether days are missing that matter to the comparison of these sides."""
    info = CATALOGUE[metric]
    if info.rollup is Rollup.LAST or len(sides) == 1:
        return False
    return any(need in side and side[need].missing for side in sides for need in info.needs)


def _known_positions(metric: Metric, sides: Sequence[Mapping[Metric, Series]]) -> tuple[int, ...]:
    """Positions that have a value in every series that the metric needs, on every side."""
    series = [side[need] for side in sides for need in CATALOGUE[metric].needs if need in side]
    length = min((len(one.days) for one in series), default=0)
    return tuple(n for n in range(length) if all(one.values[n] is not None for one in series))


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
